"""Stands in for `autograder.student` while a notebook is graded.

The first cell of a lesson imports these names. In the grader the checks run elsewhere, so here they
do nothing; only the blank is real.
"""

from autograder.course.blanks import ___

__all__ = ["___", "check", "hint", "progress", "reset"]


def check(*args, **kwargs):
    """Does nothing here."""


def hint(*args, **kwargs):
    """Does nothing here."""


def progress(*args, **kwargs):
    """Does nothing here."""


def reset(*args, **kwargs):
    """Does nothing here."""
