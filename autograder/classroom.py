"""Grading a class: find the submissions, grade them in parallel, write grades, results and feedback."""

import csv
import hashlib
import io
import json
import multiprocessing
import os
import re
import secrets
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from autograder import by_hand, catalogue, checks, paths, policy, private
from autograder.feedback import feedback_page
from autograder.grade import Result, grade, unread
from autograder.notebooks import lesson_in
from autograder.sandbox import Limits, Sandbox, SandboxUnavailable
from course_data.files import write_whole

A_LINK = "a link to another file; it could lead to somebody else's work"
COLUMNS = ("student", "lesson", "exercise", "points", "max_points", "status", "message")


class ClassroomError(Exception):
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
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_symlink():
            passed_over.append((path, A_LINK))
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


def _student_folder(folder, entries, passed_over):
    lessons = catalogue.lessons()
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_symlink() or not path.is_dir():
            passed_over.append((path, A_LINK if path.is_symlink() else "expected a folder of a lesson here"))
            continue
        links = [p for p in path.glob("*.ipynb") if p.is_symlink()]
        passed_over.extend((p, A_LINK) for p in links)
        notebooks = sorted(p for p in path.glob("*.ipynb") if p.is_file() and p not in links)
        if path.name not in lessons:
            passed_over.append((path, f"no lesson is named {path.name}"))
            continue
        named = [p for p in notebooks if p.stem == path.name]
        chosen = (named or notebooks or [None])[0]
        problem = "" if chosen else f"There is no notebook (.ipynb) in the folder {path.name}."
        entries.append(Entry(folder.name, path.name, chosen, problem))
        passed_over.extend((p, f"{chosen.name} was graded instead") for p in notebooks if p != chosen)


def _flat_notebook(path, entries, passed_over):
    lessons = catalogue.lessons()
    lesson = next((name for name in lessons if name in path.stem), "")
    try:
        lesson = lesson or lesson_in(path.read_bytes())
    except OSError as error:
        passed_over.append((path, f"cannot be read: {error.strerror}"))
        return
    if lesson not in lessons:
        passed_over.append((path, "which lesson it is stands neither in its name nor in the notebook"))
        return
    student = re.sub(r"^[_\-. ]+|[_\-. ]+$", "", path.stem.replace(lesson, "")) or path.stem
    entries.append(Entry(student, lesson, path))


# Grading


@dataclass(frozen=True)
class Settings:
    """How a class is graded. `seed` fixes the random inputs of the checks."""

    seed: int
    limits: Limits
    isolation: str  # "bubblewrap", or "auto" where weaker isolation was accepted
    checks: str = ""  # a folder of private checks


PRELOAD = ("numpy", "torch", "matplotlib.pyplot")  # imported once for a whole class; half a second each time otherwise
_sandbox = None


def _open_sandbox(settings):
    global _sandbox
    private.use(settings.checks)
    _sandbox = Sandbox(limits=settings.limits, isolation=settings.isolation, preload=PRELOAD)


def _grade_entry(entry, settings):
    """In a worker process: grade one entry. A fault of ours becomes `grader_error`, never points."""
    exercises = catalogue.lessons()[entry.lesson].exercises
    shown = str(entry.path) if entry.path else ""
    if entry.path is None:
        return Result(entry.student, entry.lesson, shown, unread(exercises, entry.problem, "missing"), problem=entry.problem)
    try:
        return grade(entry.path.read_bytes(), entry.student, entry.lesson, _sandbox, seed=settings.seed, file=shown)
    except Exception as error:
        return broken(entry, f"{type(error).__name__}: {error}")


def broken(entry, why):
    """The result where the grader itself failed."""
    message = f"A fault of the grader, not of this submission: {why}"
    exercises = catalogue.lessons()[entry.lesson].exercises
    return Result(entry.student, entry.lesson, str(entry.path or ""), unread(exercises, message, "grader_error"), problem=message)


def grade_entries(entries, settings, jobs):
    """Yield (entry, result) as they are ready, from `jobs` worker processes with a sandbox each."""
    waiting, alone = list(entries), False
    while waiting:
        batch, waiting = (waiting[:1], waiting[1:]) if alone else (waiting, [])
        with ProcessPoolExecutor(
            max_workers=min(jobs, len(batch)),
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_open_sandbox,
            initargs=(settings,),
        ) as pool:
            futures = {pool.submit(_grade_entry, entry, settings): entry for entry in batch}
            for future in as_completed(futures):
                entry = futures[future]
                try:
                    yield entry, future.result()
                except BrokenProcessPool:
                    # A worker that dies takes its pool with it: what was not finished is tried again, one at a time.
                    if alone:
                        yield entry, broken(entry, "the grading process ended")
                    else:
                        waiting.append(entry)
        alone = True


def grade_class(
    folder, out, *, jobs=None, seed=None, limits=None, accept_weak=False, on_start=None, on_result=None, late=None, own_checks=None
):
    """Grade every submission in `folder` and write grades, results and feedback to `out`.

    Returns (results in order, files passed over). Submissions that have not changed since the last run into
    `out` are not graded again, so a run that was stopped goes on where it was. `seed` None keeps the seed of
    `out`, or draws a new one. `late`, a function from results to `policy.Standing`s, adds penalties to what is
    written for people. `own_checks` is a folder of private checks. Raises `ClassroomError`, also where isolation is
    too weak, or another `UserError`.
    """
    out = Path(out)
    private.use(own_checks)
    entries, passed_over = find_submissions(folder)
    if late:  # a time of submission that is missing shall be told now, not after an hour
        late([Result(entry.student, entry.lesson, str(entry.path or ""), []) for entry in entries])
    settings = Settings(
        seed if seed is not None else _seed_of(out), limits or Limits(), "auto" if accept_weak else "bubblewrap",
        str(Path(own_checks).resolve()) if own_checks else "",
    )
    _prove_isolation(settings)
    try:
        write_whole(out / "grading.json", json.dumps({"seed": settings.seed}) + "\n")
    except OSError as error:
        raise ClassroomError(f"Cannot write to {out}: {error.strerror}. Choose another folder with --out.") from None
    grader = fingerprint_of_grader()
    results, todo, prints = {}, [], {}
    for entry in entries:
        prints[entry] = _fingerprint(entry, settings, grader)
        kept = _kept(out, entry, prints[entry])
        if kept is None:
            todo.append(entry)
        else:
            kept.file = str(entry.path or "")  # the same submission, perhaps moved
            results[entry] = kept
    if on_start:
        on_start(len(entries), len(results))
    for entry, result in grade_entries(todo, settings, jobs or os.cpu_count() or 1):
        results[entry] = result
        _write_result(out, result, prints[entry])
        if on_result:
            on_result(result)
    ordered = by_hand.settled([results[entry] for entry in entries], out)
    write_gradebook(out, ordered, late(ordered) if late else None)
    return ordered, passed_over


def _prove_isolation(settings):
    """Raise here, before anything is written, the `SandboxUnavailable` that every worker would meet."""
    try:
        Sandbox(limits=settings.limits, isolation=settings.isolation, preload=()).close()
    except SandboxUnavailable as problem:
        raise ClassroomError(f"{problem} Or accept weaker isolation with --accept-weak-isolation.") from None


def fingerprint_of_grader():
    """A hash of everything of ours that verdicts depend on: checks, grader, lessons, library versions."""
    digest = hashlib.sha256()
    package = paths.CHECKS.parent
    for path in sorted([*package.rglob("*.py"), *paths.CATALOGUE.glob("*.json")]):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    for (lesson, kind), path in sorted(checks.own_files().items()):
        digest.update(f"{lesson} {kind}\0".encode() + path.read_bytes() + b"\0")
    for name in ("numpy", "torch", "pytest"):
        digest.update(f"{name} {version(name)}\n".encode())
    return digest.hexdigest()


def _fingerprint(entry, settings, grader):
    content = entry.path.read_bytes() if entry.path else b""
    parts = [grader, str(settings.seed), settings.isolation, repr(asdict(settings.limits)), hashlib.sha256(content).hexdigest()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _seed_of(out):
    try:
        return int(json.loads((out / "grading.json").read_text())["seed"])
    except (OSError, ValueError, KeyError, TypeError):
        return secrets.randbits(63)


def _kept(out, entry, fingerprint):
    """The result of an earlier run into `out`, if nothing it depends on has changed."""
    try:
        data = json.loads(_result_file(out, entry).read_text(encoding="utf-8"))
        result = Result.from_dict(data)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if data.get("fingerprint") != fingerprint or any(v.status == "grader_error" for v in result.verdicts):
        return None
    return result if (out / "feedback" / entry.student / f"{entry.lesson}.html").exists() else None


def _result_file(out, entry):
    return out / "results" / entry.student / f"{entry.lesson}.json"


def _write_result(out, result, fingerprint):
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


def no_formula(cell):
    """A cell that a spreadsheet would run as a formula gets a quote in front."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
