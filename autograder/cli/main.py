"""The `course` command. Heavy imports stand inside the commands, so that `course --help` is quick."""

from autograder.cli.authors import build, new, release
from autograder.cli.common import app_of, run
from autograder.cli.exporting import export, nbgrader
from autograder.cli.grading import grade
from autograder.cli.learners import check, demo, doctor, hint, lab, predict, reset, status, watch
from autograder.cli.reporting import report

# In the order in which `course --help` shows them. A students' copy has those of `learners` only.
app = app_of((lab, predict, demo, build, new, check, watch, hint, status, reset, grade, report, export, nbgrader, doctor, release))


def main() -> None:
    """Entry point of the whole course."""
    run(app)


if __name__ == "__main__":
    main()
