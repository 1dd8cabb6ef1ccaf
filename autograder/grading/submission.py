"""Grading one submission: run it in the sandbox, put the checks' questions to it, judge.

The student's code runs in the sandbox's processes only. The checks run here and see data.
"""

import contextlib
import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, NoReturn

from autograder.checks.artefacts import Artefacts, Boxed
from autograder.checks.asking import Answers
from autograder.checks.files import COURSE, CheckFiles
from autograder.checks.run import Outcome, run_checks
from autograder.checks.verdict import Verdict, better, grader_error, judge, shorter, unfilled, with_reasons
from autograder.course.catalogue import Exercise, Lesson
from autograder.course.faults import CellStopped, Crashed, MachineBusy, Missing, StudentError, StudentFault, TimedOut
from autograder.course.handed_in import ENDING, Handed
from autograder.course.notebooks import NotebookProblem, Submission, read_submission
from autograder.course.program import Program, Step
from autograder.grading import provenance
from autograder.grading.blame import settled
from autograder.grading.preload import further
from autograder.sandbox import wire
from autograder.sandbox.limits import CellOutcome
from autograder.sandbox.question import Question
from autograder.sandbox.reply import Reply
from autograder.sandbox.session import InPlace, Session

if TYPE_CHECKING:
    from autograder.sandbox.box import Sandbox

RUNS_IN_PLACE = 3  # an exercise that ends the process is not asked again; those below it are
LOST_IN_A_FORK = ("timeout", "crashed", "error", "missing")  # how an answer ends that needs a thread or a process of an earlier cell
SCHEMA = 3
STATUSES = ("passed", "failed", "blank", "error", "timeout", "crashed", "missing", "needs_manual", "marked", "grader_error")


@dataclass
class Result:
    """Everything known about one graded submission; `to_dict()` is what the JSON result holds."""

    student: str
    lesson: str
    file: str
    verdicts: list[Verdict]
    sha256: str = ""
    seed: int = 0
    isolation: dict[str, Any] = field(default_factory=dict)
    limits: dict[str, Any] = field(default_factory=dict)
    repairs: list[str] = field(default_factory=list)
    problem: str = ""  # why the file could not be read, for the student
    hashes: dict[str, str] = field(default_factory=dict)  # of the checks, the grader and the environment
    artefacts: dict[str, Any] = field(default_factory=dict)  # file handed in -> its bytes and sha256, or why it was not read
    measured: dict[str, Any] = field(default_factory=dict)  # file handed in -> what the grader found
    unconfirmed: list[str] = field(
        default_factory=list
    )  # exercises where something took too long, perhaps because of others: run alone, it counts

    @property
    def points(self) -> float:
        return sum(v.points for v in self.verdicts)

    @property
    def max_points(self) -> float:
        return sum(v.max_points for v in self.verdicts)

    @property
    def open_points(self) -> float:
        """Points that wait for a person."""
        return sum(v.max_points for v in self.verdicts if v.status == "needs_manual")

    def to_dict(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "points": self.points,
            "max_points": self.max_points,
            "open_points": self.open_points,
            "environment": provenance.environment(),
            **asdict(self),
        }

    @classmethod
    def from_dict(cls, data: Any) -> "Result":
        """The inverse of `to_dict`. Raises KeyError or TypeError on other data."""
        names = cls.__dataclass_fields__.keys()
        values = {name: data[name] for name in names}
        return cls(**{**values, "verdicts": [Verdict(**v) for v in data["verdicts"]]})


def grade(
    data: bytes,
    student: str,
    lesson_name: str,
    sandbox: "Sandbox",
    *,
    seed: int,
    file: str = "",
    exercises: Collection[str] | None = None,
    handed: Handed | None = None,
    files: CheckFiles = COURSE,
) -> Result:
    """Grade a notebook file's bytes. Returns a `Result`; never raises for anything a student did, but `MachineBusy` where others
    had the processor for too long to say anything.

    `sandbox` is an open `autograder.sandbox.box.Sandbox`. `exercises` limits the grading to some ids. `handed` are the files
    handed in beside the notebook (`handed_in.Handed`), `files` say where the checks are.
    """
    handed = handed or Handed(f"{lesson_name}{ENDING}")
    lesson = files.lesson(lesson_name)
    result = Result(
        student,
        lesson_name,
        file,
        [],
        sha256=hashlib.sha256(data).hexdigest(),
        seed=seed,
        isolation=dict(sandbox.isolation),
        limits=asdict(sandbox.limits),
        hashes=provenance.hashes(lesson_name, files),
        artefacts=handed.record(),
    )
    wanted = [e for e in lesson.exercises if exercises is None or e.id in exercises]
    try:
        submission = read_submission(data, lesson)
    except NotebookProblem as problem:
        result.problem = str(problem)
        result.verdicts = unread(wanted, result.problem)
        return result
    result.repairs = submission.repairs
    known = {e.id: verdict for e in wanted if (verdict := _without_running(lesson, e, submission))}
    ask = [e for e in wanted if e.id not in known and not e.files]
    if ask:
        more = further(submission.program) if "torch" in sandbox.preload else ()
        with sandbox.session(seed=_own_seed(seed), further=more) as session:
            asked = _Asked(session, submission, lesson, ask, _checks_seed(seed, result.sha256), files)
        if session.crowded:
            asked.once_more(lambda: sandbox.session(seed=_own_seed(seed), in_place=True, further=more))
        known |= asked.verdicts
        # Where a cell was stopped, names that it would have defined are missing everywhere.
        result.unconfirmed = [e.id for e in ask if known[e.id].status != "passed" and (session.doubtful or e.id in asked.slow)]
    # Files are measured when no code of the student's runs any more.
    filed = [e for e in wanted if e.files]
    if filed:
        with contextlib.closing(Artefacts(handed, Boxed(sandbox, _own_seed(seed)))) as artefacts:
            outcomes = run_checks(
                lesson_name,
                _nobody,
                seed=_checks_seed(seed, result.sha256, result.artefacts),
                exercises=[e.id for e in filed],
                hidden=True,
                artefacts=artefacts,
                files=files,
            )
        result.measured = artefacts.measured
        for exercise in filed:
            known[exercise.id] = _judged(lesson_name, exercise, outcomes, files)
    result.repairs = shorter(submission.repairs)
    result.verdicts = [known[e.id] for e in wanted]
    slow = [v.exercise for v in result.verdicts if "timeout" in v.checks.values()]
    result.unconfirmed = [e.id for e in wanted if e.id in {*result.unconfirmed, *slow}]
    return result


def grade_alone(data: bytes, student: str, lesson_name: str, sandbox: "Sandbox", **options: Any) -> Result:
    """`grade` where nothing else is graded, so that what took too long can be confirmed at once."""
    try:
        first = grade(data, student, lesson_name, sandbox, **options)
    except MachineBusy:
        return grade(data, student, lesson_name, sandbox, **options)
    if not first.unconfirmed:
        return first
    return confirmed(first, grade(data, student, lesson_name, sandbox, **{**options, "exercises": first.unconfirmed}))


def confirmed(first: Result, alone: Result) -> Result:
    """The result of two runs: `alone`, a second one of the exercises `first.unconfirmed` beside which nothing else ran, counts for these."""
    again = {v.exercise: v for v in alone.verdicts if v.exercise in first.unconfirmed}
    return replace(
        alone if first.problem else first,
        unconfirmed=[],
        verdicts=[again.get(v.exercise, v) for v in first.verdicts],
        measured={**first.measured, **alone.measured},
    )


def _judged(lesson_name: str, exercise: Exercise, outcomes: Sequence[Outcome], files: CheckFiles) -> Verdict:
    """The verdict; a fault of ours in finding it costs this exercise alone."""
    try:
        return judge(lesson_name, exercise, outcomes, hidden=True, files=files)
    except Exception as error:
        return grader_error(exercise, f"{type(error).__name__}: {error}")


def _nobody(exercise_id: str) -> NoReturn:
    """Stands for the student's notebook where checks are about files."""
    raise RuntimeError("a check of files asks the notebook")


def _checks_seed(seed: int, sha256: str, artefacts: Mapping[str, Any] | None = None) -> int:
    """The seed of the checks' inputs: another one for every other file, so that nobody can copy answers to the
    inputs that an error message has shown them, or show them to others, and hand in again.
    """
    words = f"checks {seed} {sha256}" + (f" {sorted(artefacts.items(), key=str)}" if artefacts else "")
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "big")


def _own_seed(seed: int) -> int:
    """The seed inside the sandbox. Student code can read it, so the checks' own seed must not follow from it."""
    return int.from_bytes(hashlib.sha256(f"session {seed}".encode()).digest()[:4], "big")


def unread(exercises: Iterable[Exercise], message: str, status: str = "error") -> list[Verdict]:
    """The verdicts on a submission that could not be read or was not handed in."""
    return [Verdict(e.id, status, 0, e.points, message, {}) for e in exercises]


def _without_running(lesson: Lesson, exercise: Exercise, submission: Submission) -> Verdict | None:
    """The verdict that needs no run: deleted, blank, or a text for a person; else None."""
    if exercise.kind == "artefact":
        return None
    source = submission.answers.get(exercise.id)
    if exercise.by_hand:
        return _for_a_person(exercise, source, submission)
    if source is None:
        return None  # its functions may still stand somewhere; asking will tell
    message = unfilled(exercise, lesson.cell_of(exercise.id).source, source)
    return Verdict(exercise.id, "blank", 0, exercise.points, message, {}) if message else None


def _for_a_person(exercise: Exercise, source: str | None, submission: Submission) -> Verdict:
    if exercise.id in submission.written:
        message = f"A person reads this answer. {submission.written[exercise.id]}".strip()
        return Verdict(exercise.id, "needs_manual", 0, exercise.points, message, {})
    if source is None:
        return Verdict(
            exercise.id,
            "missing",
            0,
            exercise.points,
            "The cell for this answer is not in the notebook, and nothing is written elsewhere.",
            {},
        )
    return Verdict(exercise.id, "blank", 0, exercise.points, "Nothing is written here yet.", {})


class _Asked:
    """The `verdicts` (exercise id -> Verdict) of exercises asked at their moments, and at the end of the notebook where that may give more.

    `slow` are the ids of those of which a call was stopped at any of these moments.
    """

    def __init__(
        self, session: Session, submission: Submission, lesson: Lesson, exercises: Sequence[Exercise], seed: int, files: CheckFiles
    ) -> None:
        self._lesson, self._seed, self._submission, self._files = lesson, seed, submission, files
        program = submission.program
        self.verdicts: dict[str, Verdict] = {}
        self.slow: set[str] = set()
        cells = _Cells(session, submission, exercises)
        self._placed = sorted((e for e in exercises if e.id in program.moments), key=lambda e: program.moments[e.id])
        self._ask(cells, self._placed, program.moments)
        self._put_off = frozenset(cells.not_asked)
        self._ask(cells, [e for e in exercises if self._may_get_more(e, program)], {})
        for exercise in exercises:
            self.verdicts[exercise.id] = with_reasons(self.verdicts[exercise.id], program.rebound(exercise))

    def once_more(self, start: Callable[[], Session]) -> None:
        """Ask in place, in sessions that `start` gives, what may have failed for want of a thread or a process that a cell had made."""
        statuses = [(e, self.verdicts[e.id].status) for e in self._placed]
        left = [e for e, status in statuses if status in LOST_IN_A_FORK or status == "failed" and e.id in self._put_off]
        for _ in range(RUNS_IN_PLACE):
            if not left:
                return
            with start() as session:
                cells = _Cells(session, self._submission, left)
                self._ask(cells, left, self._submission.program.moments)
            left = [e for e in left if e.id in cells.not_asked]

    def _may_get_more(self, exercise: Exercise, program: Program) -> bool:
        verdict = self.verdicts.get(exercise.id)
        return verdict is None or verdict.status != "passed" and program.may_differ_at_the_end(exercise)

    def _ask(self, cells: "_Cells", exercises: Sequence[Exercise], moments: Mapping[str, int]) -> None:
        for identity, verdict in _question(cells, self._lesson, exercises, self._seed, moments, self._files).items():
            self.verdicts[identity] = better(self.verdicts.get(identity), verdict)
            if "timeout" in verdict.checks.values():
                self.slow.add(identity)


class _Cells:
    """The cells of a submission, run in `session` as far as they are needed."""

    def __init__(self, session: Session, submission: Submission, exercises: Iterable[Exercise]) -> None:
        self.session, self._submission, self._ids = session, submission, {e.id for e in exercises}
        self._done = 0
        self.not_asked: set[str] = set()  # ids of exercises for which it was the wrong moment
        self.faults: dict[str, StudentFault] = {}  # exercise id -> the fault that its own cell ended with

    def run_to(self, number: int | None = None) -> None:
        """Run the first `number` cells of the program (None: all), but for those that have run."""
        steps = self._submission.program.steps
        for step in steps[self._done : number]:
            self._run(step)
        self._done = max(self._done, len(steps) if number is None else number)

    def may_ask(self, last: bool) -> bool:
        """Whether a question leaves the cells below what they have; `last`: there are none."""
        if isinstance(self.session, InPlace):
            return not self.session.over
        return last or self.session.question_costs_nothing()

    def _run(self, step: Step) -> None:
        outcome = self.session.run_cell(step.source, step.name)
        if len(outcome.output) > self.session.limits.output_kb << 10:
            self._submission.repairs.append(f"What {step.name} printed was cut after {self.session.limits.output_kb} kB.")
        if step.exercise in self._ids and outcome.status != "ok":
            self.faults[step.exercise] = _fault_of(outcome)
        else:
            self.faults.pop(step.exercise, None)


def _fault_of(outcome: CellOutcome) -> StudentFault:
    if outcome.status == "timeout":
        fault: StudentFault = TimedOut(outcome.message)
    elif outcome.status == "crashed":
        fault = Crashed(outcome.message)
    else:
        return CellStopped(outcome.error_type or "an error", outcome.message, outcome.line)
    fault.called = False
    return fault


def _question(
    cells: _Cells, lesson: Lesson, exercises: Sequence[Exercise], seed: int, moments: Mapping[str, int], files: CheckFiles
) -> dict[str, Verdict]:
    """Exercise id -> verdict, each at its moment (an exercise without one: at the end), in the order given. Runs the cells up to there.

    Left out are those `cells.not_asked`: where a cell has left threads or processes behind, a question would end them for the cells below.

    The checks of one exercise share a fork of the student's state.
    """
    if not exercises:
        return {}
    with contextlib.ExitStack() as stack:
        asking: dict[str, Answers] = {}

        @contextlib.contextmanager
        def open_question(exercise_id: str) -> Iterator[Answers]:
            if exercise_id not in asking:
                asking.clear()
                stack.close()
                cells.run_to(moments.get(exercise_id))
                if not cells.may_ask(last=exercise_id not in moments):
                    cells.not_asked.add(exercise_id)
                    asking[exercise_id] = _Nothing()
                    yield asking[exercise_id]
                    return
                cells.not_asked.discard(exercise_id)
                question = stack.enter_context(cells.session.question())
                asking[exercise_id] = _Asking(cells.session, question, cells.faults.get(exercise_id))
            yield asking[exercise_id]

        outcomes = run_checks(lesson.name, open_question, seed=seed, exercises=[e.id for e in exercises], hidden=True, files=files)
    outcomes = settled(lesson.name, outcomes, seed, files)
    return {e.id: _judged(lesson.name, e, outcomes, files) for e in exercises if e.id not in cells.not_asked}


class _Nothing:
    """Answers where nothing is asked."""

    def call(self, *args: object, **kwargs: object) -> NoReturn:
        raise Crashed("this was not asked")

    value = call


class _Asking:
    """A question of the sandbox, as checks ask it. `fault` is what the exercise's own cell ended with, or None."""

    def __init__(self, session: Session, question: Question, fault: StudentFault | None) -> None:
        self._session, self._question, self._fault = session, question, fault

    def call(self, name: str, args: tuple, kwargs: dict[str, Any], wrt: tuple | None = None) -> Reply:
        try:
            return self._guard(lambda: self._question.call(name, args, kwargs, wrt))
        except wire.WireError as problem:
            # The checks' own arguments cross; what an earlier answer gave may not, wrapped once more.
            raise StudentError("TooLarge", f"what it returned cannot be handed on: {problem}") from None

    def value(self, name: str) -> Any:
        return self._guard(lambda: self._question.value(name))

    def _guard(self, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except Missing as missing:
            # "Not defined" is true but useless when the cell that should define it broke: say what broke it.
            if self._fault is not None:
                raise self._fault from None
            if self._session.lost:
                raise Crashed(
                    f"`{missing.name}` was lost: after one of its cells the notebook's process could not go on, "
                    "so the state before that cell was asked"
                ) from None
            raise
