"""What instructors' nbgrader configurations import."""

from autograder.exports.nbgrader.release_steps import ReleaseBlanks, ShowRubric, configure  # noqa: F401
