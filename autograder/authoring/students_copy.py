"""The students' copy of the course: lessons, labs, data loaders, visible checks. No solutions, hidden checks or banks."""

import base64
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import nbformat

from autograder.authoring.answers import solution
from autograder.authoring.blanked import telling
from autograder.authoring.packing import modules_needed, need_repository, package_files, zip_of
from autograder.authoring.source import read
from autograder.checks import private_checks
from autograder.checks.files import COURSE, CheckFiles
from autograder.checks.recorded import record
from autograder.course import catalogue, paths
from autograder.course.cell_code import plain_python
from course_data.errors import UserError
from course_data.files import write_whole

FOLDER = "compression-course"
# Whole packages; of `autograder` goes along what these, the notebooks, the visible checks and the students' commands import.
PACKAGES = ("course_data", "course_labs")
COMMANDS = "autograder.cli.learners"
PLAIN = ("LICENSE", "LICENSE-TEXT", "setup.py", "constraints.txt", "environment.yml", "labs/README.md", "docs/decision_guide.md")

README = """\
# Neural-network compression, learnt by doing

Notebooks with blanks to fill. You write the methods yourself, and learn at once whether they are right.

## Set up, once

You need Python 3.11 or newer and some gigabytes of disk. In this folder, on Linux or macOS:

```sh
python3 -m venv .venv
.venv/bin/python -m pip install -c constraints.txt -e .
```

On Windows:

```bat
py -m venv .venv
.venv\\Scripts\\python -m pip install -c constraints.txt -e .
```

With conda:

```sh
conda env create -f environment.yml
conda activate compression-course
```

Below, `.venv/bin/` is where the commands are. On Windows write `.venv\\Scripts\\` instead; with conda leave it out.

## Start

```sh
.venv/bin/jupyter lab
```

Start it in this folder: then the lessons (`lessons/`) and the labs (`labs/`) are both in the list on the left. Open
`lessons/{first}.ipynb` first. In VS Code, open this folder and choose `.venv` as the notebook's kernel.

Replace each `___`, run the cell, and run `check("{exercise}")` below it. It says whether the answer is right and, if not, what was
asked, what came, and which mistake it looks like. `hint("{exercise}")` gives the next of three hints, never
the answer. `progress()` shows how far you are. After `%autocheck` each exercise is checked when its cell is run.

## Lessons

{lessons}

Take them in this order. Where a lesson uses a function from an earlier one, it takes yours if it passes, and the course's if not.

## Labs

{labs}

A lab is a larger piece of work after the lessons. Its last cells write what you hand in beside the notebook.

## Hand in

- A lesson: its notebook, for example `lessons/{second}.ipynb`. Save it first, and keep the file's name.
- A lab: its notebook and the folder that it has written beside it, for example `labs/{lab}.ipynb` with
  `labs/{lab}_artefacts/`. Where only one file can be handed in, put both into one zip file.

Before you do, let it run once more as it stands in the file:

```sh
.venv/bin/course check lessons/{second}.ipynb
```

The grader asks further questions with other inputs. A written answer is read by a person.

## On the command line

In this folder:

```sh
.venv/bin/course status                                # points in every lesson and lab, and which exercises pass
.venv/bin/course watch                                 # check what you change, each time you save a notebook
.venv/bin/course hint {exercise}                        # the next hint
.venv/bin/course reset {exercise}                       # put one exercise back as it was; your notebook is kept as .bak
.venv/bin/course doctor                                # something does not work?
```

## Next

```sh
.venv/bin/course lab --data digits                     # shrink a network in three steps and measure it, in about a minute
.venv/bin/course predict runs/digits/int8.onnx photo.png  # what the network that came out says about a picture
.venv/bin/course data                                  # which data sets are here; `course data get mnist` downloads one
```

[The compression studio](labs/README.md) says what else it can do: other data, your own network, your own images, a budget.

The code is under the MIT licence ([LICENSE](LICENSE)), the text of the lessons under CC BY 4.0 ([LICENSE-TEXT](LICENSE-TEXT)).
"""


class ReleaseError(UserError):
    """The students' copy could not be made."""


def release(target: str | Path, own_checks: str | Path | None = None) -> tuple[int, int]:
    """Write the students' copy to `target`, a .zip file or a new folder. Returns (files, bytes). Raises `UserError`."""
    need_repository()
    target = Path(target)
    zipped = target.suffix == ".zip"
    if not zipped and target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ReleaseError(f"{target} is already there. Give a new folder, or a file ending in .zip.")
    files = contents(private_checks.read(own_checks))
    try:
        if zipped:
            write_whole(target, zip_of({f"{FOLDER}/{name}": data for name, data in files.items()}))
        else:
            for name, data in files.items():
                write_whole(target / name, data)
    except OSError as problem:
        raise ReleaseError(f"Cannot write {target}: {problem.strerror}. Choose another place.") from None
    return len(files), sum(map(len, files.values()))


def contents(of: CheckFiles = COURSE) -> dict[str, bytes]:
    """Name -> bytes of every file in the students' copy, with the checks `of` these `CheckFiles`. Raises `ReleaseError` where one gives an answer away."""
    notebooks = [paths.notebook_of(name) for name in catalogue.lessons()]
    visible = {name: of.file_of(name, "visible") for name in catalogue.lessons()}
    found = {path.relative_to(paths.REPOSITORY).as_posix(): path for path in [*notebooks, *(paths.REPOSITORY / name for name in PLAIN)]}
    found.update(package_files(lambda package: package.startswith(PACKAGES)))
    sources = [path.read_text(encoding="utf-8") for path in [*visible.values(), *found.values()] if path.suffix == ".py"]
    sources += [source for path in notebooks for source in _code(path)]
    found.update(modules_needed([*sources, f"import {COMMANDS}"]))
    secret = [name for name in found if name.endswith(("/hidden.py", "/bank.py", f"/{paths.SOURCE}"))]
    if secret:
        raise ReleaseError(f"Something that the students' copy holds imports {secret[0]}, which must not go along; nothing was written.")
    files = {name: path.read_bytes() for name, path in found.items()}
    for lesson in catalogue.lessons().values():
        folder = f"solutions/{paths.folder_of(lesson.name).name}"
        files[f"{folder}/__init__.py"] = b""
        files[f"{folder}/visible.py"] = visible[lesson.name].read_bytes()
        files[f"{folder}/known.wire"] = record(lesson.name, solution(lesson.name), of)
        files[paths.catalogue_of(lesson.name).relative_to(paths.REPOSITORY).as_posix()] = catalogue.to_json(
            _without_hidden_checks(of.lesson(lesson.name))
        ).encode()
        files.update({f"{folder}/data/{path.name}": path.read_bytes() for path in paths.data_of(lesson.name).glob("*") if path.is_file()})
        if paths.library_of(lesson.name).exists():
            files[f"{folder}/{paths.LIBRARY}"] = packed(paths.library_of(lesson.name).read_bytes())
    files = {_without_solutions(name): data for name, data in files.items()}
    files["README.md"] = readme().encode()
    files["pyproject.toml"] = _pyproject().encode()
    given_away = leaks(files, of)
    if given_away:
        raise ReleaseError("The students' copy would give answers away; nothing was written.\n" + "\n".join(given_away[:10]))
    return files


def _without_solutions(name: str) -> str:
    """The name of a file in the copy: what is in solutions/ here is in checks/ there, where nobody takes it for an answer."""
    return "checks" + name.removeprefix("solutions") if name.startswith("solutions/") else name


def readme() -> str:
    """README.md of the students' copy: what there is stands in the catalogue."""
    every = list(catalogue.lessons().values())
    lessons, labs = ([lesson for lesson in every if paths.is_lab(lesson.name) is lab] for lab in (False, True))
    names = {"first": lessons[0].name, "second": lessons[1].name, "lab": labs[0].name, "exercise": lessons[1].exercises[1].id}
    return README.format(**names, lessons=_table(lessons), labs=_table(labs))


def _table(lessons: Iterable[catalogue.Lesson]) -> str:
    rows = []
    for lesson in lessons:
        link = paths.notebook_of(lesson.name).relative_to(paths.REPOSITORY).as_posix()
        rows.append(f"| [{lesson.name}]({link}) | {lesson.title} | {lesson.minutes} | {lesson.points:g} |")
    return "\n".join(["| notebook | what it is about | minutes | points |", "|---|---|---:|---:|", *rows])


def _code(notebook: Path) -> list[str]:
    """The code cells of a notebook as Python."""
    return [plain_python(cell.source) for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]


PACKED = '''"""The course's own functions for the demonstrations of later lessons.

They are answers to exercises: packed, so that nobody reads one who did not mean to.
"""

import base64
import zlib

exec(zlib.decompress(base64.b85decode("{}")))
'''


def packed(source: bytes) -> bytes:
    """A module (bytes) that does what `source` (bytes) does and does not show how."""
    return PACKED.format(base64.b85encode(zlib.compress(source, 9)).decode()).encode()


def _without_hidden_checks(lesson: catalogue.Lesson) -> catalogue.Lesson:
    # Their names alone can tell an answer.
    exercises = tuple(replace(e, checks=tuple(c for c in e.checks if c.visible)) for e in lesson.exercises)
    return replace(lesson, exercises=exercises)


def _pyproject() -> str:
    """pyproject.toml as it is true of the copy, without what only instructors and developers need: their extras, the settings of their tools."""
    text = (paths.REPOSITORY / "pyproject.toml").read_text(encoding="utf-8").partition("\n[tool.pytest")[0]
    text = re.sub(r"^\[project\.optional-dependencies\]\n.*?(?=^\[)", "", text, flags=re.DOTALL | re.MULTILINE)
    return text.replace('course_lessons = "solutions"', 'course_lessons = "checks"').replace("autograder.cli.main:main", f"{COMMANDS}:main")


def leaks(files: Mapping[str, bytes], of: CheckFiles = COURSE) -> list[str]:
    """Lines of answers, hidden checks, banks and the course's own versions of answers that stand in `files`: a list of "file: line".

    A line that is short, or that the lesson itself shows elsewhere, tells nothing.
    """
    secret: dict[str, str] = {}
    shown = set()
    for lesson in catalogue.lessons().values():
        known = {line.strip() for cell in lesson.cells for line in cell.source.splitlines()}
        known |= {line.strip() for line in of.file_of(lesson.name, "visible").read_text(encoding="utf-8").splitlines()}
        shown |= known
        for kind in ("hidden", "bank"):
            path = of.file_of(lesson.name, kind)
            if path.exists():
                secret.update(
                    (line, f"{lesson.name}, {kind}") for line in telling(path.read_text(encoding="utf-8").splitlines()) if line not in known
                )
        secret.update({line: f"{lesson.name}, answer" for line in read(paths.source_of(lesson.name)).secrets})
    libraries = [path for path in map(paths.library_of, catalogue.lessons()) if path.exists()]
    own = [line for path in libraries for line in path.read_text(encoding="utf-8").splitlines()]
    secret.update((line, "an answer of the course's own") for line in telling(own) if line not in shown)
    found = []
    for name, data in files.items():
        text = data.decode("utf-8", "replace")
        if name.endswith(".ipynb"):
            text = "\n".join(cell.source for cell in nbformat.reads(text, as_version=4).cells)
        found += [f"{name}: {line.strip()}  ({secret[line.strip()]})" for line in text.splitlines() if line.strip() in secret]
    return found
