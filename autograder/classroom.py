"""Grading a class: find the submissions, grade them in parallel, write grades, results and feedback."""

import contextlib
import csv
import hashlib
import io
import json
import os
import re
import secrets
import stat
from dataclasses import asdict, dataclass
from pathlib import Path

from autograder import by_hand, catalogue, policy, private, provenance
from autograder.artefacts import ENDING, Handed, folder_of, read_folder
from autograder.feedback import feedback_page
from autograder.grade import Result, unread
from autograder.notebooks import MAX_BYTES, lesson_in, too_large
from autograder.sandbox import Limits
from autograder.workers import CannotGrade, Cluster, Local, Settings, Task, grade_tasks
from course_data.errors import UserError
from course_data.files import write_whole

COLUMNS = ("student", "lesson", "exercise", "points", "max_points", "status", "message")


class ClassroomError(UserError):
    """A mistake of the instructor's: the message says what was wrong and what to do."""


@dataclass(frozen=True)
class Entry:
    """One submission to grade. `path` is None where a student's folder holds no notebook."""

    student: str
    lesson: str
    path: Path | None
    problem: str = ""


# Finding submissions


def find_submissions(folder):
    """The entries in `folder` and the files that were passed over: (entries, [(path, why)]).

    Takes nbgrader's layout, `<student>/<lesson>/<notebook>.ipynb`, or a flat folder of notebooks, where the
    student is the file's name (less the lesson's name, where it stands in it). Raises `ClassroomError`.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ClassroomError(f"{folder} is not a folder. Give the folder that holds the submissions.")
    entries, passed_over = [], []
    for path in _listed(folder, passed_over):
        if path.is_dir() and path.name.endswith(ENDING) and path.with_name(f"{path.name.removesuffix(ENDING)}.ipynb").exists():
            continue  # handed in with the notebook of that name
        elif path.is_dir():
            _student_folder(path, entries, passed_over)
        elif path.suffix == ".ipynb" and path.is_file():
            _flat_notebook(path, entries, passed_over)
        else:
            passed_over.append((path, "not a notebook"))
    seen = {}
    for entry in list(entries):
        key = (entry.student, entry.lesson)
        if key in seen:
            entries.remove(entry)
            passed_over.append((entry.path, f"a second submission of {entry.student} for {entry.lesson}; {seen[key].path} was graded"))
        seen.setdefault(key, entry)
    if not entries:
        raise ClassroomError(
            f"{folder} holds no submissions. Expected <student>/<lesson>/<notebook>.ipynb, or .ipynb files side by side."
        )
    return entries, passed_over


def _listed(folder, passed_over):
    """What lies in `folder`, in order, without hidden files and without links that lead out of it."""
    try:
        found = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        passed_over.append((folder, f"cannot be read: {error.strerror}"))
        return
    for path in found:
        if not path.name.isprintable():
            passed_over.append((Path(ascii(str(path))), "its name holds characters that cannot be printed; rename it"))
        elif path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
            passed_over.append((path, "a link to another place, so not this student's work"))
        else:
            yield path


def _student_folder(folder, entries, passed_over):
    lessons = catalogue.lessons()
    for path in _listed(folder, passed_over):
        if not path.is_dir():
            passed_over.append((path, "expected a folder of a lesson here"))
            continue
        if path.name not in lessons:
            passed_over.append((path, f"no lesson is named {path.name}"))
            continue
        notebooks = [p for p in _listed(path, passed_over) if p.suffix == ".ipynb" and p.is_file()]
        named = [p for p in notebooks if p.stem == path.name]
        chosen = (named or notebooks or [None])[0]
        problem = "" if chosen else f"There is no notebook (.ipynb) in the folder {path.name}."
        entries.append(Entry(folder.name, path.name, chosen, problem))
        passed_over.extend((p, f"{chosen.name} was graded instead") for p in notebooks if p != chosen)


def _flat_notebook(path, entries, passed_over):
    lessons = catalogue.lessons()
    lesson = next((name for name in lessons if name in path.stem), "")
    try:
        lesson = lesson or (lesson_in(path.read_bytes()) if path.stat().st_size <= MAX_BYTES else "")
    except OSError as error:
        passed_over.append((path, f"cannot be read: {error.strerror}"))
        return
    if lesson not in lessons:
        passed_over.append((path, "which lesson it is stands neither in its name nor in the notebook"))
        return
    student = re.sub(r"^[_\-. ]+|[_\-. ]+$", "", path.stem.replace(lesson, "")) or path.stem
    entries.append(Entry(student, lesson, path))


# Grading


def grade_class(
    folder, out, *, jobs=None, seed=None, limits=None, accept_weak=False, scheduler=None, on_start=None, on_result=None,
    on_alone=None, late=None, own_checks=None,
):
    """Grade every submission in `folder` and write grades, results and feedback to `out`.

    Returns (results in order, files passed over). Submissions that have not changed since the last run into
    `out` are not graded again, so a run that was stopped goes on where it was. What took too long counts only after a second
    run at the end, where nothing else is graded: `on_alone(number)` is called before. `seed` None keeps the seed of
    `out`, or draws a new one. `scheduler` is the address of a Dask scheduler; without one, `jobs` processes here do
    the work. `late`, a function from results to `policy.Standing`s, adds penalties to what is written for people.
    `own_checks` is a folder of private checks. Raises `ClassroomError`, also where isolation is too weak, or another
    `UserError`.
    """
    out = Path(out)
    entries, passed_over = find_submissions(folder)
    if late:  # a time of submission that is missing shall be told now, not after an hour
        late([Result(entry.student, entry.lesson, _file(entry), []) for entry in entries])
    before = private.in_use()
    private.use(own_checks)
    settings = Settings(
        seed if seed is not None else _seed_of(out), limits or Limits(), "auto" if accept_weak else "bubblewrap", private.in_use()
    )
    try:
        with _alone_in(out):
            return _grade_into(
                out, entries, Cluster(scheduler) if scheduler else Local(jobs), settings,
                on_start or (lambda total, done: None), on_result or (lambda result: None), on_alone or (lambda number: None), late,
            ), passed_over  # fmt: skip
    except CannotGrade as problem:
        raise ClassroomError(str(problem)) from None
    except OSError as error:
        raise ClassroomError(
            f"Cannot write to {out}: {error.strerror}. What is written there is whole and stays. "
            "Make room, or choose another folder with --out; the same command goes on from there."
        ) from None
    finally:
        private.use(before)


def _grade_into(out, entries, executors, settings, on_start, on_result, on_alone, late):
    """The results in order, each written to `out` as soon as it is there."""
    write_whole(out / "grading.json", json.dumps({"seed": settings.seed}) + "\n")
    hashes = {lesson: provenance.hashes(lesson) for lesson in {entry.lesson for entry in entries}}
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

    def keep(entry, result):
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

    def prepare(entry):
        try:
            with _opened(entry.path) as file:
                data = file.read(MAX_BYTES + 1)  # it may have grown; one byte too many is enough to refuse it
        except OSError:
            data = None
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
    ordered = by_hand.settled([results[entry] for entry in entries], out)
    write_gradebook(out, ordered, late(ordered) if late else None)
    return ordered


@contextlib.contextmanager
def _alone_in(out):
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


def _problem(entry):
    """(why a submission cannot be read, its status), or ("", "")."""
    if entry.path is None:
        return entry.problem, "missing"
    try:
        size = entry.path.stat().st_size
    except OSError:
        return "", ""  # reading it will say more
    return (too_large(size), "error") if size > MAX_BYTES else ("", "")


def _not_run(entry, settings, problem, status, hashes):
    """The result of a submission that holds nothing to run."""
    return Result(
        entry.student, entry.lesson, _file(entry), unread(catalogue.lessons()[entry.lesson].exercises, problem, status),
        sha256=_sha256(entry.path), seed=settings.seed, limits=asdict(settings.limits), problem=problem, hashes=hashes,
        artefacts=handed_in(entry.path, entry.lesson).record(),
    )  # fmt: skip


@contextlib.contextmanager
def _opened(path):
    """A notebook, open for reading. Raises OSError.

    What lay there when the folder was listed may be something else by now: a pipe would keep the class waiting.
    """
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | getattr(os, "O_NONBLOCK", 0))) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(f"{path} is not a file any more")
        yield file


def _file(entry):
    return str(entry.path.absolute()) if entry.path else ""


def _sha256(path):
    if path is None:
        return ""
    with _opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def handed_in(notebook, lesson):
    """The `Handed` files of the lesson beside a submission's notebook (a path, or None)."""
    files = catalogue.lessons()[lesson].files
    return read_folder(folder_of(notebook, lesson), files) if notebook and files else Handed()


def _fingerprint(sha256, settings, hashes, artefacts):
    """A hash of everything that the result on a submission depends on."""
    parts = [sha256, *hashes.values(), str(settings.seed), settings.isolation, repr(asdict(settings.limits)), json.dumps(artefacts, sort_keys=True)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _seed_of(out):
    try:
        return int(json.loads((out / "grading.json").read_text())["seed"])
    except (OSError, ValueError, KeyError, TypeError):
        return secrets.randbits(63)


def _kept(out, entry, settings, hashes):
    """The result of an earlier run into `out`, if nothing it depends on has changed. It may wait for its confirmation."""
    try:
        data = json.loads(_result_file(out, entry).read_text(encoding="utf-8"))
        result = Result.from_dict(data)
        today = _fingerprint(_sha256(entry.path), settings, hashes, handed_in(entry.path, entry.lesson).record())
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if data.get("fingerprint") != today or any(v.status == "grader_error" for v in result.verdicts):
        return None
    return result if (out / "feedback" / entry.student / f"{entry.lesson}.html").exists() else None


def _result_file(out, entry):
    return out / "results" / entry.student / f"{entry.lesson}.json"


def _write_result(out, result, settings):
    fingerprint = _fingerprint(result.sha256, settings, result.hashes, result.artefacts)
    text = json.dumps({**result.to_dict(), "fingerprint": fingerprint}, indent=1, ensure_ascii=False) + "\n"
    # The page first: a result file says that everything about the submission is written.
    _write_page(out, result)
    write_whole(_result_file(out, result), text)


def write_gradebook(out, results, standings=None):
    """Write grades.csv and, with a policy's standings, penalties.csv and the penalty on every feedback page."""
    if standings is not None or (out / "penalties.csv").exists() or by_hand.linked(out):
        for result in results:
            _write_page(out, result, standings and standings[result.student, result.lesson])
    if standings is not None:
        write_whole(out / "penalties.csv", penalties_csv(standings[r.student, r.lesson] for r in results))
    else:
        (out / "penalties.csv").unlink(missing_ok=True)  # of a run with a policy: the pages have none now
    write_whole(out / "grades.csv", grades_csv(results, standings))


def _write_page(out, result, standing=None):
    write_whole(out / "feedback" / result.student / f"{result.lesson}.html", feedback_page(result, standing))


def grades_csv(results, standings=None):
    """The gradebook as CSV text: one row per student, lesson and exercise.

    With a policy, `final_points` is each exercise's part of what is left of the submission's points.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS if standings is None else (*COLUMNS, "final_points", "late"))
    for result in results:
        standing = standings and standings[result.student, result.lesson]
        for v in result.verdicts:
            row = (result.student, result.lesson, v.exercise, f"{v.points:g}", f"{v.max_points:g}", v.status, v.message)
            if standing:
                row += (f"{v.points * (standing.final_points / result.points if result.points else 1):g}", standing.reason)
            writer.writerow([no_formula(cell) for cell in row])
    return text.getvalue()


def penalties_csv(standings):
    """What a policy makes of each submission's points, as CSV text."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("student", "lesson", "points", "max_points", *policy.COLUMNS))
    for each in standings:
        row = (each.student, each.lesson, f"{each.points:g}", f"{each.max_points:g}", *policy.shown(each))
        writer.writerow([no_formula(cell) for cell in row])
    return text.getvalue()


# A formula begins a cell. Where decimals have a comma, spreadsheets also take a semicolon for the end of a cell, and
# some take the wide signs of East Asian keyboards.
FORMULA = re.compile(r"(^|;)(?=[=+\-@\t\r＝＋－＠])")


def no_formula(cell):
    """A cell that a spreadsheet would run as a formula gets a quote in front."""
    return FORMULA.sub(r"\1'", cell)


def with_formula(cell):
    """What a cell was before `no_formula`."""
    return re.sub(r"(^|;)'(?=[=+\-@\t\r＝＋－＠])", r"\1", cell)
