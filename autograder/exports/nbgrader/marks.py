"""Scores that people gave in formgrader, read from nbgrader's gradebook."""

from pathlib import Path

from autograder.course import catalogue
from autograder.exports.nbgrader.desk import opened
from autograder.exports.nbgrader.notebook import answer_id, grade_id
from autograder.grading.by_hand import Mark, Marks


def marks(folder: str | Path) -> Marks:
    """The scores given by hand in a course folder: (student, lesson, exercise) -> `Mark`. Raises `UserError`."""
    from nbgrader.api import Grade  # slow, and only needed where a folder is linked
    from sqlalchemy import or_

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
