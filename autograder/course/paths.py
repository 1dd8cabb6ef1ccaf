"""Where things are, and how the name of a lesson becomes the names of its files. Nothing here creates anything.

A lesson's name is its number and topic, `01_affine_quantization`; a lab's is its topic, `compression_studio`. What a person writes for
it is in one folder: `solutions/lesson_01_affine_quantization`, `solutions/lab_compression_studio`.
"""

import os
from pathlib import Path

from course_data.root import installed

REPOSITORY = Path(__file__).resolve().parents[2]
SOLUTIONS = REPOSITORY / "solutions"
LESSONS = REPOSITORY / "lessons"
LABS = REPOSITORY / "labs"
BUILD = REPOSITORY / "build"
# Where Python finds `course_lessons`: in a students' copy there are only checks that students may see.
FOLDERS = REPOSITORY / "course_lessons" if installed() else SOLUTIONS if SOLUTIONS.is_dir() else REPOSITORY / "checks"
CATALOGUE = REPOSITORY / "course_catalogue" if installed() else LESSONS / "catalogue"
SOURCE = "lesson.py"
LIBRARY = "library.py"


def is_lab(name: str) -> bool:
    """Whether `name` ("01_affine_quantization", "compression_studio") is a lab's. Lessons are numbered, labs are not."""
    return not name[:2].isdigit()


def folder_of(name: str) -> Path:
    """The folder of a lesson or lab: source, checks, bank, figures. Its last part is also the name of its Python package."""
    return FOLDERS / (f"lab_{name}" if is_lab(name) else f"lesson_{name}")


def name_of(folder: str) -> str | None:
    """The lesson or lab whose folder is called so: "lesson_01_affine_quantization" -> "01_affine_quantization"; None for any other name."""
    kind, _, name = folder.partition("_")
    return name if name and kind == ("lab" if is_lab(name) else "lesson") else None


def package_of(name: str) -> str:
    """The import name of a lesson's folder: `01_affine_quantization` -> `course_lessons.lesson_01_affine_quantization`."""
    return f"course_lessons.{folder_of(name).name}"


def source_of(name: str) -> Path:
    """The source of a lesson or lab, answers and blanks."""
    return folder_of(name) / SOURCE


def library_of(name: str) -> Path:
    """The course's own version of functions that later lessons take from this one; most have none."""
    return folder_of(name) / LIBRARY


def data_of(name: str) -> Path:
    """The folder of what a lesson's notebook reads: plain data, which goes along wherever the notebook goes. Most have none."""
    return folder_of(name) / "data"


def notebook_of(name: str) -> Path:
    """The notebook of a lesson or lab as a student opens it."""
    return (LABS if is_lab(name) else LESSONS) / f"{name}.ipynb"


def catalogue_of(name: str) -> Path:
    """What the tools know of a lesson or lab, as JSON."""
    return CATALOGUE / f"{name}.json"


def personal() -> Path:
    """The folder for one student's own progress: `$COURSE_HOME`, or `.course` in the course's folder; where the course was
    installed away from its folder, in the user's home.
    """
    return Path(os.environ.get("COURSE_HOME") or (Path.home() if installed() else REPOSITORY) / ".course")


def can_grade() -> bool:
    """Whether this is the whole course. A students' copy has no grader."""
    return (REPOSITORY / "autograder" / "grading" / "class_run.py").exists()
