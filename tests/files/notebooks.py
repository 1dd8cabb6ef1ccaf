"""The course's notebooks as tests change them: with answers, as students get them, and one exercise's cell."""

from functools import cache

import nbformat

from autograder.authoring.build import build
from autograder.course import paths


def solved(lesson):
    """The instructor's notebook of a lesson (its name): every answer in it, the checks as nbgrader has them. A new one each time."""
    return nbformat.reads(_instructor(lesson), as_version=4)


def released(lesson):
    """The notebook that students get, with its blanks."""
    return nbformat.read(paths.notebook_of(lesson), as_version=4)


def cell_of(notebook, exercise):
    """The cell in which an exercise (its id) is answered."""
    return next(c for c in notebook.cells if c.metadata.course.role == "exercise" and c.metadata.course.exercise == exercise)


@cache
def _instructor(lesson):
    return build(paths.source_of(lesson)).instructor
