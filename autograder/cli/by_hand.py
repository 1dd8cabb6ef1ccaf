"""Scores given by hand, for commands that only sometimes need them. Apart from `common`, which a students' copy has, too."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autograder.grading.by_hand import Marks


def marks(course: Path) -> "Marks":
    """The scores given by hand in an nbgrader course folder; nbgrader is imported only where there is one."""
    from autograder.exports.nbgrader.marks import marks as read

    return read(course)
