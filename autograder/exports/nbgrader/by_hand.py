"""Scores that people gave in nbgrader's formgrader, as part of our own grades.

A folder that `course grade` writes may be linked with an nbgrader course folder (`nbgrader.json`). The gradebook
there is the one place where scores by hand are kept; it is read anew whenever grades are written.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from autograder.course import catalogue, inert
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


def marks(folder):
    """The scores given by hand in a course folder: (student, lesson, exercise) -> `Mark`. Raises `UserError`."""
    from nbgrader.api import Grade
    from sqlalchemy import or_

    from autograder.exports.nbgrader.desk import opened
    from autograder.exports.nbgrader.notebook import answer_id, grade_id

    found = {}
    with opened(folder) as (_, gradebook):
        ids = {(name, grade_id(e)): e for name, lesson in catalogue.lessons().items() for e in lesson.exercises}
        by_hand = gradebook.db.query(Grade).filter(or_(Grade.manual_score.is_not(None), Grade.extra_credit.is_not(None)))
        for grade in by_hand:
            exercise = ids.get((grade.assignment.name, grade.name))
            if exercise is None or grade.needs_manual_grade and grade.manual_score is None:
                continue
            comments = {c.name: c.manual_comment for c in grade.notebook.comments}
            key = (grade.student.id, grade.assignment.name, exercise.id)
            found[key] = Mark(grade.manual_score, grade.extra_credit or 0.0, comments.get(answer_id(exercise)) or "")
    return found


def with_marks(results, found):
    """The results with the scores that people gave. A verdict that waited for a person becomes `marked`."""
    return [replace(result, verdicts=[_marked(v, found.get((result.student, result.lesson, v.exercise))) for v in result.verdicts]) for result in results]


def _marked(verdict, mark):
    if mark is None:
        return verdict
    points = (verdict.points if mark.score is None else mark.score) + mark.extra
    if verdict.status in ("needs_manual", "grader_error"):
        return replace(verdict, status="marked", points=points, message=mark.comment)
    said = f" A person gave {points:g} points." + (f" {mark.comment}" if mark.comment else "")
    return replace(verdict, points=points, message=(verdict.message + said).strip())


def link(out, folder):
    """Note in `out`, a folder that `course grade` writes, that scores by hand are in the course folder `folder`."""
    write_whole(Path(out) / LINK, inert.json_of({"course": str(Path(folder).resolve())}))


def linked(out):
    """The course folder noted in `out`, or None."""
    try:
        return Path(json.loads((Path(out) / LINK).read_bytes())["course"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        raise LinkError(f"{Path(out) / LINK} cannot be read. Delete it, and run `course export` with --course again.") from None


def settled(results, out):
    """The results in `out` with the scores by hand of the course folder it is linked with, if it is. Raises `UserError`."""
    folder = linked(out)
    if folder is None or not results:
        return results
    if not (folder / "nbgrader_config.py").is_file():
        raise LinkError(
            f"The scores given by hand were in {folder}, which is no nbgrader course folder now. "
            f"If it was moved, run `course export {out} --to nbgrader --course FOLDER`; to grade without them, delete {Path(out) / LINK}."
        )
    return with_marks(results, marks(folder))
