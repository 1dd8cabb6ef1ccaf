"""Scores that people gave in nbgrader's formgrader, as part of our own grades.

A folder that `course grade` writes may be linked with an nbgrader course folder (`nbgrader.json`). The gradebook
there is the one place where scores by hand are kept; it is read anew whenever grades are written. Who writes them gives the
function that reads it, `exports.nbgrader.marks.marks`: nothing here knows nbgrader.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autograder.checks.verdict import Verdict
from autograder.course import inert
from autograder.grading.submission import Result
from course_data.errors import UserError
from course_data.files import write_whole

LINK = "nbgrader.json"


class LinkError(UserError):
    """The course folder with the scores by hand is gone or cannot be read."""


@dataclass(frozen=True)
class Mark:
    """What a person gave one answer in formgrader: a score (None: only extra credit), extra credit, a comment."""

    score: float | None
    extra: float
    comment: str


Marks = Mapping[tuple[str, str, str], Mark]  # (student, lesson, exercise) -> what a person gave


def with_marks(results: Sequence[Result], found: Marks) -> list[Result]:
    """The results with the scores that people gave. A verdict that waited for a person becomes `marked`."""
    return [
        replace(result, verdicts=[_marked(v, found.get((result.student, result.lesson, v.exercise))) for v in result.verdicts])
        for result in results
    ]


def _marked(verdict: Verdict, mark: Mark | None) -> Verdict:
    if mark is None:
        return verdict
    points = (verdict.points if mark.score is None else mark.score) + mark.extra
    if verdict.status in ("needs_manual", "grader_error"):
        return replace(verdict, status="marked", points=points, message=mark.comment)
    said = f" A person gave {points:g} points." + (f" {mark.comment}" if mark.comment else "")
    return replace(verdict, points=points, message=(verdict.message + said).strip())


def link(out: str | Path, folder: str | Path) -> None:
    """Note in `out`, a folder that `course grade` writes, that scores by hand are in the course folder `folder`."""
    write_whole(Path(out) / LINK, inert.json_of({"course": str(Path(folder).resolve())}))


def linked(out: str | Path) -> Path | None:
    """The course folder noted in `out`, or None."""
    try:
        return Path(json.loads((Path(out) / LINK).read_bytes())["course"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        raise LinkError(f"{Path(out) / LINK} cannot be read. Delete it, and run `course export` with --course again.") from None


def settled(results: list[Result], out: str | Path, marks: Any) -> list[Result]:
    """The results in `out` with the scores by hand of the course folder it is linked with, if it is.

    `marks` reads them: course folder -> {(student, lesson, exercise): `Mark`}. Raises `UserError`.
    """
    folder = linked(out)
    if folder is None or not results:
        return results
    if not (folder / "nbgrader_config.py").is_file():
        raise LinkError(
            f"The scores given by hand were in {folder}, which is no nbgrader course folder now. "
            f"If it was moved, run `course export {out} --to nbgrader --course FOLDER`; to grade without them, delete {Path(out) / LINK}."
        )
    return with_marks(results, marks(folder))
