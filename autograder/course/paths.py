"""Where things are. Nothing here creates anything."""

import os
from pathlib import Path

from course_data.root import installed

REPOSITORY = Path(__file__).resolve().parents[2]
SOLUTIONS = REPOSITORY / "solutions"
LESSONS = REPOSITORY / "lessons"
LABS = REPOSITORY / "labs"
BUILD = REPOSITORY / "build"
CHECKS = REPOSITORY / "autograder" / "checks"
CATALOGUE = REPOSITORY / "autograder" / "catalogue"


def is_lab(name):
    """Whether `name` ("01_affine_quantization", "compression_studio") is a lab's. Lessons are numbered, labs are not."""
    return not name[:2].isdigit()


def source_of(name):
    """The source of a lesson or lab, answers and blanks."""
    return (SOLUTIONS / "labs" if is_lab(name) else SOLUTIONS) / f"{name}.py"


def notebook_of(name):
    """The notebook of a lesson or lab as a student opens it."""
    return (LABS if is_lab(name) else LESSONS) / f"{name}.ipynb"


def checks_of(name):
    """The folder with the checks of a lesson or lab."""
    return CHECKS / (f"lab_{name}" if is_lab(name) else f"lesson_{name[:2]}")


def personal():
    """The folder for one student's own progress: `$COURSE_HOME`, or `.course` in the course's folder; where the course was
    installed away from its folder, in the user's home.
    """
    return Path(os.environ.get("COURSE_HOME") or (Path.home() if installed() else REPOSITORY) / ".course")


def can_grade():
    """Whether this is the whole course. A students' copy has no grader."""
    return (REPOSITORY / "autograder" / "classroom.py").exists()
