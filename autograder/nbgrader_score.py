"""What the check cells of notebooks released through nbgrader import."""

from autograder.exports.nbgrader.scoring import score  # noqa: F401
