"""Grading one submission again exactly as a result says it was graded, to see whether the verdicts are the same."""

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.checks import private_checks
from autograder.checks.verdict import Verdict
from autograder.grading import provenance
from autograder.grading.class_run import handed_in
from autograder.grading.finding import ClassroomError, find_submissions
from autograder.grading.submission import Result
from autograder.grading.workers import CannotGrade, Local, Settings, Task, grade_tasks
from autograder.sandbox.limits import Limits


@dataclass(frozen=True)
class Repetition:
    """What came of it. `differs`: what is not as it was then (submission, checks, grader, environment), in words;
    `changed`: (verdict then, verdict now) where status, points or the checks' outcomes differ.
    """

    then: Result
    now: Result
    differs: list[str]
    changed: list[tuple[Verdict | None, Verdict | None]]


def repeat(
    result_file: str | Path, submission: Path | None = None, *, accept_weak: bool = False, own_checks: str | Path | None = None
) -> Repetition:
    """Grade the submission of a result file again, with its seed, limits and isolation. Returns a `Repetition`.

    `submission` is where it is now, a notebook or the folder of the class; None: where the result says.
    `own_checks` is the folder of private checks, if it was graded with some. Raises `ClassroomError` or `UserError`.
    """
    files = private_checks.read(own_checks)
    then, environment = _read(result_file)
    path, data = _submission(then, submission)
    level = then.isolation.get("level", "bubblewrap")
    if level == "process" and not accept_weak:
        raise ClassroomError("This was graded with weak isolation. To run the student's code like that again, add --accept-weak-isolation.")
    try:
        settings = Settings(then.seed, Limits(**then.limits), level, files.folder)
    except TypeError as problem:
        raise ClassroomError(f"The limits in {result_file} are not those of this version: {problem}.") from None
    task = Task(then.student, then.lesson, then.file, data, settings, provenance.hashes(then.lesson, files), handed_in(path, then.lesson))
    try:
        with contextlib.closing(grade_tasks([task], lambda each: each, Local(1))) as graded:
            *_, (_, now) = graded  # a time-out comes a second time, confirmed
    except CannotGrade as problem:
        raise ClassroomError(str(problem)) from None
    return Repetition(then, now, _differences(then, now, environment), _changed(then, now))


def _read(path: str | Path) -> tuple[Result, dict[str, Any]]:
    try:
        data = json.loads(Path(path).read_bytes())
        result = Result.from_dict(data)
        provenance.hashes(result.lesson)
        return result, data["environment"]
    except OSError as error:
        raise ClassroomError(f"{path} cannot be read: {error.strerror}. Give a file in OUT/results.") from None
    except (ValueError, KeyError, TypeError):
        raise ClassroomError(f"{path} is not a result of this version of `course grade`. Give a file in OUT/results.") from None


def _submission(result: Result, where: Path | None) -> tuple[Path, bytes]:
    """Where the notebook to grade is, and its bytes."""
    path = Path(where or result.file)
    if where and path.is_dir():
        found = [e.path for e in find_submissions(path).entries if (e.student, e.lesson) == (result.student, result.lesson) and e.path]
        if not found:
            raise ClassroomError(f"{where} holds no notebook of {result.student} for {result.lesson}.")
        path = found[0]
    if not where and not result.file:
        raise ClassroomError(f"{result.student} had handed in no notebook for {result.lesson}: there is nothing to grade again.")
    try:
        return path, path.read_bytes()
    except OSError as error:
        raise ClassroomError(
            f"The submission {path} cannot be read: {error.strerror}. If it lies elsewhere now, say where: "
            "course grade WHERE --repeat RESULT"
        ) from None


def _differences(then: Result, now: Result, environment: dict[str, Any]) -> list[str]:
    found = []
    if then.sha256 != now.sha256:
        found.append("the submission is another one")
    names = [name for name in dict.fromkeys([*then.artefacts, *now.artefacts]) if then.artefacts.get(name) != now.artefacts.get(name)]
    found += [f"the file {name} handed in with it is another one" for name in names]
    for name, words in (("checks", "the checks of this lesson have changed"), ("grader", "the grader has changed")):
        if then.hashes.get(name) != now.hashes.get(name):
            found.append(words)
    today = provenance.environment()
    both = dict.fromkeys([*environment, *today])
    found += [f"{name} was {environment.get(name)}, is {today.get(name)}" for name in both if environment.get(name) != today.get(name)]
    if then.isolation.get("level") != now.isolation.get("level") and then.isolation:
        found.append(f"isolation was {then.isolation.get('level')}, is {now.isolation.get('level')}")
    return found


def _changed(then: Result, now: Result) -> list[tuple[Verdict | None, Verdict | None]]:
    """Messages may hold what a student's code said, an address or a time: they are no part of a verdict here."""
    before, after = ({v.exercise: v for v in result.verdicts} for result in (then, now))
    pairs = [(before.get(exercise), after.get(exercise)) for exercise in dict.fromkeys([*before, *after])]
    return [(a, b) for a, b in pairs if _essence(a) != _essence(b)]


def _essence(verdict: Verdict | None) -> tuple | None:
    return (verdict.status, verdict.points, verdict.max_points, verdict.checks) if verdict else None
