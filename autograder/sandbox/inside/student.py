"""Stands in for `autograder.student` while a notebook is graded.

The first cell of a lesson imports these names. In the grader the checks run elsewhere, so here they
do nothing; only the blank is real.
"""

from typing import NoReturn

from autograder.course.blanks import ___

__all__ = ["___", "check", "earlier", "hint", "progress", "reset"]


def check(*args: object, **kwargs: object) -> None:
    """Does nothing here."""


def hint(*args: object, **kwargs: object) -> None:
    """Does nothing here."""


def progress(*args: object, **kwargs: object) -> None:
    """Does nothing here."""


def reset(*args: object, **kwargs: object) -> None:
    """Does nothing here."""


def earlier(exercise_id: str, name: str) -> NoReturn:
    """Raises RuntimeError: there are no other notebooks here."""
    raise RuntimeError(f"`{name}` of {exercise_id} is not here: a notebook is graded alone, without those of earlier lessons")
