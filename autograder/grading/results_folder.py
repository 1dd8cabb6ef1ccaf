"""The folder that `course grade` writes: where each result and page lies in it, and what it holds of earlier runs."""

import json
from collections.abc import Iterable
from pathlib import Path

from autograder.course import catalogue, inert
from autograder.grading.submission import Result


def result_file(out: str | Path, student: str, lesson: str) -> Path:
    """Where the result on a submission lies."""
    return Path(out) / "results" / inert.path_name(student) / f"{lesson}.json"


def page_file(out: str | Path, student: str, lesson: str) -> Path:
    """Where the page for the student lies."""
    return Path(out) / "feedback" / inert.path_name(student) / f"{lesson}.html"


def others(out: str | Path, keys: Iterable[tuple[str, str]]) -> tuple[list[Result], list[Path]]:
    """The results in `out` on submissions that are not among `keys` ((student, lesson)), and the files that hold none that counts:
    of another version, or of a run that was stopped before a time-out was confirmed.
    """
    found, unreadable, mine = [], [], {result_file(out, *key) for key in keys}
    for path in sorted(set((Path(out) / "results").glob("*/*.json")) - mine):
        try:
            result = Result.from_dict(json.loads(path.read_bytes()))
            known = {exercise.id for exercise in catalogue.lessons()[result.lesson].exercises}
            ours = path == result_file(out, result.student, result.lesson) and {v.exercise for v in result.verdicts} <= known
            ours = ours and not result.unconfirmed
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            ours = False
        if ours:
            found.append(result)
        else:
            unreadable.append(path)
    return found, unreadable


def remove(out: str | Path, files_of: Iterable[tuple[str, str]]) -> None:
    """Remove the results and pages of `files_of` ((student, lesson)), and folders that are empty then."""
    for key in files_of:
        for path in (result_file(out, *key), page_file(out, *key)):
            path.unlink(missing_ok=True)
            if path.parent.is_dir() and not any(path.parent.iterdir()):
                path.parent.rmdir()
