"""From the results of a class to what a teacher asks of them: how hard, what tells students apart, which mistakes, how often."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from autograder.checks.verdict import NAMED, Verdict
from autograder.course import catalogue
from autograder.course.catalogue import Exercise
from autograder.grading.submission import Result

NOT_TRIED = ("blank", "missing")
NOT_JUDGED = ("needs_manual", "marked", "grader_error")
ENOUGH = 10  # students below whom a correlation says nothing
BINS = 10  # of equal width, from no points to all
NUMBER = re.compile(r"\b0x[0-9a-f]+\b|[-+]?\d[\d_,]*(?:\.\d+)?(?:e[-+]?\d+)?", re.IGNORECASE)
Example = Callable[[Result, str], str]  # (a result, an exercise's id) -> the code of it without a name, or ""


@dataclass(frozen=True)
class Mistake:
    """What several students did alike. `named`: in words of the bank, or of the choice; else `text` is what the first check said.

    `message` is what one of them was told, `example` the code of one, `checks` the names of the checks that failed.
    """

    exercise: str
    title: str
    named: bool
    text: str
    students: int
    tried: int
    message: str
    example: str
    checks: tuple[str, ...]


@dataclass(frozen=True)
class CheckShare:
    """Of those who tried the exercise, how many passed a check (0 to 1)."""

    name: str
    visible: bool
    share: float


@dataclass(frozen=True)
class ExerciseNumbers:
    """One exercise in one class.

    `mean` and `full` are shares (0 to 1): of the points that the students got, of the students who got them all. `discrimination` is the
    correlation, over students, of its points with those of all other exercises (corrected item-total correlation; Ebel and Frisbie,
    Essentials of Educational Measurement, 5th edition 1991, chapter 13, call below 0.2 poor); None where it says nothing.
    """

    exercise: Exercise
    students: int
    tried: int
    mean: float
    full: float
    discrimination: float | None
    checks: tuple[CheckShare, ...]


@dataclass(frozen=True)
class Student:
    """Somebody who may need help, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class LessonNumbers:
    """One lesson in one class. Points by hand are left out. `histogram` counts students in ten classes of points."""

    lesson: str
    heading: str
    students: int
    unread: int
    mean: float
    median: float
    histogram: tuple[int, ...]
    exercises: tuple[ExerciseNumbers, ...]
    mistakes: tuple[Mistake, ...]
    timeouts: int
    repaired: int
    late: int | None
    faults: int
    help: tuple[Student, ...]
    absent: int

    @property
    def to_say(self) -> tuple[Mistake, ...]:
        """The three mistakes that most students share, named ones first where as many do."""
        return tuple(sorted(self.mistakes, key=lambda m: (-m.students, not m.named))[:3])


def numbers(
    results: Sequence[Result], *, least: int, example: Example, late: Callable[[Result], bool] | None = None
) -> list[LessonNumbers]:
    """The numbers of each lesson, in the course's order.

    A mistake of fewer than `least` students is left out, and so is what a lesson with fewer of them would tell of single ones.
    `example` gives a student's code, `late` says who was late (None without deadlines).
    """
    by_lesson: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        by_lesson[result.lesson].append(result)
    order = [name for name in catalogue.lessons() if name in by_lesson]
    everybody = {result.student for result in results}
    before: dict[str, list[float]] = defaultdict(list)
    found = []
    for name in order:
        found.append(_lesson(name, by_lesson[name], everybody, before, least, example, late))
    return found


def _lesson(
    name: str,
    results: list[Result],
    everybody: set[str],
    before: dict[str, list[float]],
    least: int,
    example: Example,
    late: Callable[[Result], bool] | None,
) -> LessonNumbers:
    lesson = catalogue.lessons()[name]
    read = [result for result in results if not result.problem]
    verdicts = {result.student: {v.exercise: v for v in result.verdicts} for result in read}
    judged = [e for e in lesson.exercises if not e.by_hand]
    totals = {student: share for student, mine in verdicts.items() if (share := _share(mine.values())) is not None}
    needing = _needing(verdicts, totals, before)
    for student, share in totals.items():
        before[student].append(share)
    statuses = [{v.status for v in result.verdicts} for result in read]
    tell = len(read) >= least
    shares = sorted(totals.values())
    return LessonNumbers(
        lesson=name,
        heading=catalogue.heading(lesson),
        students=len(results),
        unread=len(results) - len(read),
        mean=float(np.mean(shares)) if shares else 0.0,
        median=float(np.median(shares)) if shares else 0.0,
        histogram=tuple(np.histogram(shares, BINS, (0, 1))[0].tolist()) if tell else (),
        exercises=tuple(_exercise(e, judged, verdicts) for e in judged) if tell else (),
        mistakes=tuple(mistake for e in judged for mistake in _mistakes(e, read, verdicts, least, example)) if tell else (),
        timeouts=sum("timeout" in found for found in statuses),
        repaired=sum(bool(result.repairs) for result in read),
        late=sum(map(late, results)) if late else None,
        faults=sum("grader_error" in found for found in statuses),
        help=needing,
        absent=len(everybody - {result.student for result in results}),
    )


def _share(verdicts: Iterable[Verdict]) -> float | None:
    """Of the points that a program decides, the share that was got; None where there are none."""
    mine = [v for v in verdicts if v.status not in NOT_JUDGED]
    most = sum(v.max_points for v in mine)
    return sum(v.points for v in mine) / most if most else None


def _exercise(exercise: Exercise, judged: Sequence[Exercise], verdicts: dict[str, dict[str, Verdict]]) -> ExerciseNumbers:
    pairs = [(mine[exercise.id], mine) for mine in verdicts.values() if exercise.id in mine and mine[exercise.id].status not in NOT_JUDGED]
    points = [v.points / v.max_points if v.max_points else 0.0 for v, _ in pairs]
    others = [_share(v for e in judged if e.id != exercise.id and (v := mine.get(e.id))) or 0.0 for _, mine in pairs]
    tried = [v for v, _ in pairs if v.status not in NOT_TRIED]
    checks = tuple(
        CheckShare(check.name, check.visible, sum(v.checks.get(check.name) == "passed" for v in tried) / len(tried))
        for check in exercise.checks
        if tried
    )
    full = sum(v.status == "passed" for v, _ in pairs)
    return ExerciseNumbers(
        exercise,
        len(pairs),
        len(tried),
        float(np.mean(points)) if points else 0.0,
        full / len(pairs) if pairs else 0.0,
        _correlation(points, others),
        checks,
    )


def _correlation(these: Sequence[float], those: Sequence[float]) -> float | None:
    """Pearson's, or None where it says nothing: too few students, or all alike in one of the two."""
    if len(these) < ENOUGH or np.ptp(these) < 1e-9 or np.ptp(those) < 1e-9:
        return None
    return float(np.corrcoef(these, those)[0, 1])


def _mistakes(
    exercise: Exercise, read: Sequence[Result], verdicts: dict[str, dict[str, Verdict]], least: int, example: Example
) -> list[Mistake]:
    """The mistakes that at least `least` students share, the most frequent first."""
    groups: dict[tuple[str, ...], list[tuple[Result, Verdict]]] = defaultdict(list)
    tried = 0
    for result in read:
        verdict = verdicts[result.student].get(exercise.id)
        if verdict is None or verdict.status in (*NOT_TRIED, *NOT_JUDGED):
            continue
        tried += 1
        if verdict.status != "passed":
            groups[_behaviour(verdict)].append((result, verdict))
    found = []
    for key, members in groups.items():
        if len(members) < least:
            continue
        # The shortest message and code: what several did is seen best where little else was done.
        _, verdict = min(members, key=lambda each: len(each[1].message))
        codes = [code for result, _ in members if (code := example(result, exercise.id))]
        failed = tuple(name for name, status in verdict.checks.items() if status != "passed")
        text = verdict.mistake or STATUS_TEXT.get(verdict.status) or _first_sentence(verdict.message)
        found.append(
            Mistake(
                exercise.id,
                exercise.title,
                bool(verdict.mistake),
                text,
                len(members),
                tried,
                _told(verdict),
                min(codes, key=lambda code: (len(code), code), default=""),
                failed,
            )
        )
    return sorted(found, key=lambda mistake: -mistake.students)


STATUS_TEXT = {"timeout": "takes too long", "crashed": "ends the process"}


def _behaviour(verdict: Verdict) -> tuple[str, ...]:
    """What two wrong answers must have in common to be one mistake: its name, or else the failing checks and the first one's words.

    Numbers in a message come from the inputs and differ from student to student, so they do not count.
    """
    if verdict.mistake:
        return ("named", verdict.mistake)
    failed = [f"{name} {status}" for name, status in verdict.checks.items() if status != "passed"]
    return (verdict.status, *failed, NUMBER.sub("#", _first_sentence(verdict.message)))


def _first_sentence(message: str) -> str:
    return re.split(r"(?<=[.?!])\s+(?=[A-Z])", message, maxsplit=1)[0][:200]


def _told(verdict: Verdict) -> str:
    """What the student was told, without the name of the mistake, which stands above it."""
    message = verdict.message.replace(f" {NAMED} {verdict.mistake}.", "") if verdict.mistake else verdict.message
    return re.sub(r" Read again: section \S+$", "", message)[:400]


def _needing(verdicts: dict[str, dict[str, Verdict]], totals: dict[str, float], before: dict[str, list[float]]) -> tuple[Student, ...]:
    """Those under half of the points, or a quarter below their own mean so far."""
    found = []
    for student, share in totals.items():
        tried = [v for v in verdicts[student].values() if v.status not in NOT_JUDGED]
        blank = sum(v.status in NOT_TRIED for v in tried)
        usual = float(np.mean(before[student])) if before[student] else share
        why = []
        if share < 0.5:
            why.append(f"{100 * share:.0f} % of the points, {blank} of {len(tried)} exercises left blank")
        if usual - share > 0.25:
            why.append(f"{100 * share:.0f} % after {100 * usual:.0f} % on average before")
        if why:
            found.append((share, Student(student, "; ".join(why))))
    return tuple(student for _, student in sorted(found, key=lambda each: each[0]))


HEADER = ("lesson", "exercise", "what", "name", "students", "share", "discrimination")


def table(lessons: Iterable[LessonNumbers]) -> list[tuple[object, ...]]:
    """Every number in rows of `HEADER`. `share`: of points for a lesson and an exercise, of those who tried it for a check and a mistake."""
    rows: list[tuple[object, ...]] = [HEADER]
    for lesson in lessons:
        rows.append((lesson.lesson, "", "lesson", lesson.heading, lesson.students, f"{lesson.mean:.3f}", ""))
        for each in lesson.exercises:
            told = "" if each.discrimination is None else f"{each.discrimination:.2f}"
            rows.append((lesson.lesson, each.exercise.id, "exercise", each.exercise.title, each.students, f"{each.mean:.3f}", told))
            rows += [(lesson.lesson, each.exercise.id, "check", c.name, each.tried, f"{c.share:.3f}", "") for c in each.checks]
        for m in lesson.mistakes:
            rows.append(
                (lesson.lesson, m.exercise, "mistake" if m.named else "unnamed", m.text, m.students, f"{m.students / m.tried:.3f}", "")
            )
    return rows
