"""Grading a class: grade the submissions in parallel, write grades, results and feedback."""

import contextlib
import hashlib
import json
import os
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

from autograder.checks import private_checks
from autograder.checks.files import CheckFiles
from autograder.course import catalogue, inert
from autograder.course.handed_in import Handed, read_beside
from autograder.course.notebooks import MAX_BYTES, too_large
from autograder.grading import by_hand, policy, provenance
from autograder.grading.feedback import feedback_page
from autograder.grading.finding import ClassroomError, Entry, find_submissions
from autograder.grading.policy import Standing, Standings
from autograder.grading.results_folder import others, page_file, remove, result_file
from autograder.grading.submission import Result, unread
from autograder.grading.workers import CannotGrade, Cluster, Local, Settings, Task, grade_tasks
from autograder.sandbox.limits import Limits
from course_data.files import write_whole

COLUMNS = ("student", "lesson", "exercise", "points", "max_points", "status", "message")
Late = Callable[[list[Result], list[Result]], Standings]  # of results, and those of them that are kept


@dataclass
class Graded:
    """What `grade_class` did. `results`: of the submissions in the folder; `kept`: of earlier runs into the same place, which stay in the
    gradebook; `passed_over`: (path, why); `notes`: sentences for the instructor. All in order.
    """

    results: list[Result]
    kept: list[Result]
    passed_over: list[tuple[Path, str]]
    notes: list[str]

    @property
    def gradebook(self) -> list[Result]:
        """The results that are in the gradebook."""
        return sorted([*self.results, *self.kept], key=lambda result: (result.student, result.lesson))


# Grading


def grade_class(
    folder: str | Path,
    out: str | Path,
    *,
    jobs: int | None = None,
    seed: int | None = None,
    limits: Limits | None = None,
    accept_weak: bool = False,
    scheduler: str | None = None,
    on_start: Callable[[int, int], object] | None = None,
    on_result: Callable[[Result], object] | None = None,
    on_alone: Callable[[int], object] | None = None,
    late: Late | None = None,
    own_checks: str | Path | None = None,
    drop_others: bool = False,
    marks: Callable[[Path], by_hand.Marks] | None = None,
) -> Graded:
    """Grade every submission in `folder` and write grades, results and feedback to `out`.

    Returns what was `Graded`. Submissions that have not changed since the last run into `out` are not graded again, so a run that
    was stopped goes on where it was. Results of earlier runs stay in the gradebook, unless `drop_others`. What took too long counts
    only after a second run at the end, where nothing else is graded: `on_alone(number)` is called before. `seed` None keeps the seed of
    `out`, or draws a new one. `scheduler` is the address of a Dask scheduler; without one, `jobs` processes here do
    the work. `late`, a function from results (and those of them that are kept) to `policy.Standing`s, adds penalties to what is written for people.
    `own_checks` is a folder of private checks. `marks` reads scores given by hand where `out` is linked with a folder that has some
    (see `by_hand.settled`). Raises `ClassroomError`, also where isolation is too weak, or another
    `UserError`.
    """
    out = Path(out)
    entries, passed_over, notes = find_submissions(folder, out / "unpacked")
    files = private_checks.read(own_checks)
    settings = Settings(
        seed if seed is not None else _seed_of(out), limits or Limits(), "auto" if accept_weak else "bubblewrap", files.folder
    )
    try:
        with _alone_in(out):
            earlier, unreadable = others(out, {(entry.student, entry.lesson) for entry in entries})
            stay = [] if drop_others else earlier
            _no_twins(out, {entry.student for entry in entries} | {result.student for result in stay})
            if late:  # a time of submission that is missing shall be told now, not after an hour
                late([Result(entry.student, entry.lesson, _file(entry), []) for entry in entries] + stay, stay)
            results = _grade_into(
                out,
                entries,
                Cluster(scheduler) if scheduler else Local(jobs),
                settings,
                files,
                on_start or (lambda total, done: None),
                on_result or (lambda result: None),
                on_alone or (lambda number: None),
            )
            if drop_others:
                remove(out, [(result.student, result.lesson) for result in earlier])
                for path in unreadable:
                    path.unlink(missing_ok=True)
            else:
                notes += [
                    f"{path} is no result that counts (of another version, or of a run that was stopped), so not in the gradebook"
                    for path in unreadable
                ]
            settled = by_hand.settled(results + stay, out, marks)
            graded = Graded(settled[: len(results)], settled[len(results) :], passed_over, notes)
            write_gradebook(out, graded.gradebook, late(graded.gradebook, graded.kept) if late else None)
            return graded
    except CannotGrade as problem:
        raise ClassroomError(str(problem)) from None
    except OSError as error:
        raise ClassroomError(
            f"Cannot write to {out}: {error.strerror}. What is written there is whole and stays. "
            "Make room, or choose another folder with --out; the same command goes on from there."
        ) from None


def _grade_into(
    out: Path,
    entries: Sequence[Entry],
    executors: Local | Cluster,
    settings: Settings,
    files: CheckFiles,
    on_start: Callable[[int, int], object],
    on_result: Callable[[Result], object],
    on_alone: Callable[[int], object],
) -> list[Result]:
    """The results in order, each written to `out` as soon as it is there."""
    write_whole(out / "grading.json", json.dumps({"seed": settings.seed}) + "\n")
    hashes = {lesson: provenance.hashes(lesson, files) for lesson in {entry.lesson for entry in entries}}
    results, todo, unconfirmed = {}, [], {}
    for entry in entries:
        kept = _kept(out, entry, settings, hashes[entry.lesson])
        if kept is None:
            todo.append(entry)
            continue
        kept.file = _file(entry)  # the same submission, perhaps moved
        if kept.unconfirmed:
            unconfirmed[entry] = kept
        else:
            results[entry] = kept
    on_start(len(entries), len(results))

    def keep(entry: Entry, result: Result) -> None:
        _write_result(out, result, settings)
        if result.unconfirmed:
            unconfirmed[entry] = result
        else:
            results[entry] = result
            on_result(result)

    readable = []
    for entry in todo:
        problem, status = _problem(entry)
        if problem:
            keep(entry, _not_run(entry, settings, problem, status, hashes[entry.lesson]))
        else:
            readable.append(entry)

    def prepare(entry: Entry) -> Task:
        assert entry.path is not None, "only what can be read comes here"
        data = None
        try:
            with _opened(entry.path) as file:
                data = file.read(MAX_BYTES + 1)  # it may have grown; one byte too many is enough to refuse it
        except OSError:
            pass
        return Task(entry.student, entry.lesson, _file(entry), data, settings, hashes[entry.lesson], handed_in(entry.path, entry.lesson))

    with contextlib.closing(grade_tasks(readable, prepare, executors, list(unconfirmed.items()))) as graded:
        left = len(readable)
        if unconfirmed and not left:
            on_alone(len(unconfirmed))
        for entry, result in graded:
            keep(entry, result)
            left -= 1
            if unconfirmed and left == 0:
                on_alone(len(unconfirmed))
    return [results[entry] for entry in entries]


@contextlib.contextmanager
def _alone_in(out: Path) -> Iterator[None]:
    """Hold `out` for this process, and clear away what a killed one left half-written."""
    out.mkdir(parents=True, exist_ok=True)
    with open(out / ".lock", "w") as lock:
        try:
            import fcntl
        except ImportError:  # no class is graded on such a system
            yield
            return
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ClassroomError(f"Another `course grade` is writing to {out}. Wait for its end, or choose another --out.") from None
        for part in [*out.glob(".*.part"), *out.glob("results/*/.*.part"), *out.glob("feedback/*/.*.part")]:
            part.unlink(missing_ok=True)
        yield


def _no_twins(out: Path, students: Iterable[str]) -> None:
    """Raise where `out` lies on a system that takes two of the names for one."""
    if not (out / ".LOCK").exists():
        return
    names: dict[str, str] = {}
    for student in sorted(students):
        other = names.setdefault(inert.key(student), student)
        if other != student:
            raise ClassroomError(
                f"{other} and {student} differ in capital letters only, and {out} cannot hold both. Choose another disk for --out, or rename one."
            )


def _problem(entry: Entry) -> tuple[str, str]:
    """(why a submission cannot be read, its status), or ("", "")."""
    if entry.path is None:
        return entry.problem, "missing"
    try:
        size = entry.path.stat().st_size
    except OSError:
        return "", ""  # reading it will say more
    return (too_large(size), "error") if size > MAX_BYTES else ("", "")


def _not_run(entry: Entry, settings: Settings, problem: str, status: str, hashes: dict[str, str]) -> Result:
    """The result of a submission that holds nothing to run."""
    return Result(
        entry.student,
        entry.lesson,
        _file(entry),
        unread(catalogue.lessons()[entry.lesson].exercises, problem, status),
        sha256=_sha256(entry.path),
        seed=settings.seed,
        limits=asdict(settings.limits),
        problem=problem,
        hashes=hashes,
        artefacts=handed_in(entry.path, entry.lesson).record(),
    )


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BufferedReader]:
    """A notebook, open for reading. Raises OSError.

    What lay there when the folder was listed may be something else by now: a pipe would keep the class waiting.
    """
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | getattr(os, "O_NONBLOCK", 0))) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(f"{path} is not a file any more")
        yield file


def _file(entry: Entry) -> str:
    return str(entry.path.absolute()) if entry.path else ""


def _sha256(path: Path | None) -> str:
    if path is None:
        return ""
    with _opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def handed_in(notebook: Path | None, lesson: str) -> Handed:
    """The `Handed` files of the lesson beside a submission's notebook (a path, or None)."""
    files = catalogue.lessons()[lesson].files
    return read_beside(notebook, lesson, files) if notebook and files else Handed()


def _fingerprint(sha256: str, settings: Settings, hashes: dict[str, str], artefacts: dict[str, Any]) -> str:
    """A hash of everything that the result on a submission depends on."""
    parts = [
        sha256,
        *hashes.values(),
        str(settings.seed),
        settings.isolation,
        repr(asdict(settings.limits)),
        json.dumps(artefacts, sort_keys=True),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _seed_of(out: Path) -> int:
    try:
        return int(json.loads((out / "grading.json").read_bytes())["seed"])
    except (OSError, ValueError, KeyError, TypeError):
        return secrets.randbits(63)


def _kept(out: Path, entry: Entry, settings: Settings, hashes: dict[str, str]) -> Result | None:
    """The result of an earlier run into `out`, if nothing it depends on has changed. It may wait for its confirmation."""
    try:
        data = json.loads(result_file(out, entry.student, entry.lesson).read_bytes())
        result = Result.from_dict(data)
        today = _fingerprint(_sha256(entry.path), settings, hashes, handed_in(entry.path, entry.lesson).record())
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if data.get("fingerprint") != today or any(v.status == "grader_error" for v in result.verdicts):
        return None
    return result if page_file(out, entry.student, entry.lesson).exists() else None


def _write_result(out: Path, result: Result, settings: Settings) -> None:
    fingerprint = _fingerprint(result.sha256, settings, result.hashes, result.artefacts)
    text = inert.json_of({**result.to_dict(), "fingerprint": fingerprint})
    # The page first: a result file says that everything about the submission is written.
    _write_page(out, result)
    write_whole(result_file(out, result.student, result.lesson), text)


def write_gradebook(out: Path, results: Sequence[Result], standings: Standings | None = None) -> None:
    """Write grades.csv and, with a policy's standings, penalties.csv and the penalty on every feedback page."""
    if standings is not None or (out / "penalties.csv").exists() or by_hand.linked(out):
        for result in results:
            _write_page(out, result, standings[result.student, result.lesson] if standings else None)
    if standings is not None:
        write_whole(out / "penalties.csv", penalties_csv(standings[r.student, r.lesson] for r in results))
    else:
        (out / "penalties.csv").unlink(missing_ok=True)  # of a run with a policy: the pages have none now
    write_whole(out / "grades.csv", grades_csv(results, standings))


def _write_page(out: Path, result: Result, standing: Standing | None = None) -> None:
    write_whole(page_file(out, result.student, result.lesson), feedback_page(result, standing))


def grades_csv(results: Iterable[Result], standings: Standings | None = None) -> str:
    """The gradebook as CSV text: one row per student, lesson and exercise.

    With a policy, `final_points` is each exercise's part of what is left of the submission's points.
    """
    rows: list[tuple[str, ...]] = [COLUMNS if standings is None else (*COLUMNS, "final_points", "late")]
    for result in results:
        standing = standings[result.student, result.lesson] if standings else None
        for v in result.verdicts:
            row: tuple[str, ...] = (result.student, result.lesson, v.exercise, f"{v.points:g}", f"{v.max_points:g}", v.status, v.message)
            if standing:
                row += (f"{v.points * (standing.final_points / result.points if result.points else 1):g}", standing.reason)
            rows.append(row)
    return inert.csv_of(rows)


def penalties_csv(standings: Iterable[Standing]) -> str:
    """What a policy makes of each submission's points, as CSV text."""
    rows: list[tuple[str, ...]] = [("student", "lesson", "points", "max_points", *policy.COLUMNS)]
    rows += [(each.student, each.lesson, f"{each.points:g}", f"{each.max_points:g}", *policy.shown(each)) for each in standings]
    return inert.csv_of(rows)
