"""Where things are. Nothing here creates anything."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
SOLUTIONS = REPOSITORY / "solutions"
LESSONS = REPOSITORY / "lessons"
BUILD = REPOSITORY / "build"
CHECKS = Path(__file__).resolve().parent / "checks"
CATALOGUE = Path(__file__).resolve().parent / "catalogue"


def personal():
    """The folder for one student's own progress: `$COURSE_HOME`, or `.course` in the repository."""
    return Path(os.environ.get("COURSE_HOME") or REPOSITORY / ".course")


def can_grade():
    """Whether this is the whole course. A student's copy (`course release`) has no grader."""
    return (Path(__file__).resolve().parent / "classroom.py").exists()
