"""What leaves the house, used as its receiver uses it: unpacked elsewhere, installed in an environment of its own, worked through.

The libraries of the environment that runs the tests are lent to the new one, so that nothing is downloaded; the course comes from
what was received, and from nowhere else. `tests/trials/receiver.py` does the same with a real `pip install`, every cell and every lab.
"""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from datetime import datetime, timedelta
from pathlib import Path

import nbformat
import pytest

from autograder.authoring import packing, students_copy
from autograder.checks.files import CheckFiles
from autograder.course import catalogue, paths
from autograder.course.handed_in import ENDING, folder_of
from autograder.exports import Options, export
from autograder.sandbox import wire
from course_data.files import write_whole
from tests import TESTS
from tests.files.exercise_labs import forge as exercise_labs
from tests.files.notebooks import solved
from tests.files.studio import forge as studio

SCRIPTS = "Scripts" if os.name == "nt" else "bin"
LESSON = "01_affine_quantization"
ARTEFACTS = [f"{name}{ENDING}" for name in catalogue.lessons()]
WRITTEN = "A person reads this."


class Receiver:
    """A folder, an environment with the course that was received, and nothing of the repository."""

    def __init__(self, folder, environment):
        self.folder, self.environment = Path(folder), Path(environment)
        self.home = self.environment / "home"
        self.home.mkdir(parents=True, exist_ok=True)

    @property
    def python(self):
        return self.environment / SCRIPTS / "python"

    def run(self, *command, folder=None, stdin=None, timeout=600):
        kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "COURSE_HOME", "JPY_SESSION_NAME")}
        path = f"{self.environment / SCRIPTS}{os.pathsep}{kept['PATH']}"
        environment = {**kept, "PATH": path, "HOME": str(self.home), "COLUMNS": "200", "OMP_NUM_THREADS": "1"}
        streams = {"input": stdin, "capture_output": True, "text": True}
        return subprocess.run(list(map(str, command)), cwd=folder or self.folder, env=environment, timeout=timeout, **streams)

    def does(self, course, timeout=600, folder=None, **job):
        """What `inside.py` answers to a job; `course` is where the course must have come from."""
        job = json.dumps({"course": str(course), **job})
        process = self.run(self.python, TESTS / "receiver" / "inside.py", stdin=job, timeout=timeout, folder=folder)
        assert process.returncode == 0, process.stdout + process.stderr
        return json.loads(process.stdout.splitlines()[-1])

    @property
    def packages(self):
        return Path(sysconfig.get_path("purelib", vars={"base": str(self.environment), "platbase": str(self.environment)}))


def bare(environment, folder="."):
    """A new environment that sees the libraries of this one, and not the course."""
    venv.create(environment, with_pip=False, symlinks=os.name != "nt")
    who = Receiver(folder, environment)
    libraries = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    # Lines of a path file, and path files that stand there are not read: this repository's own installation is not seen.
    (who.packages / "borrowed.pth").write_text("".join(f"{path}\n" for path in libraries))
    return who


def borrowing(folder, environment, *options):
    """The same with the course in `folder` installed."""
    who = bare(environment, folder)
    install = ("-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--ignore-installed", "--no-index", *options, ".")
    process = who.run(who.python, *install)
    assert process.returncode == 0, process.stderr
    return who


def answered(path, lesson, folder, hand_in=True):
    """The notebook at `path` with the right answers, in `folder`; with `hand_in`, beside a lab the files of an honest student."""
    notebook = nbformat.read(path, as_version=4)
    right = {cell.id: cell.source for cell in solved(lesson).cells}
    for cell in notebook.cells:
        if cell.metadata.course.role == "exercise":
            cell.source = WRITTEN if cell.cell_type == "markdown" else right[cell.id]
    target = folder / path.name
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, target)
    for name, data in (files_with(lesson) if hand_in else {}).items():
        write_whole(folder_of(target, lesson) / name, data)
    return target


def files_with(lesson):
    if not paths.is_lab(lesson):
        return {}
    if lesson == "compression_studio":
        return studio.honest()
    return exercise_labs.honest(lesson)


def not_passed(said, lesson):
    """The exercises of `lesson` that `course check` does not call passed."""
    lines = {line.split()[1]: line.split()[0] for line in said.splitlines() if re.match(r"\w+ +\S+\.\d+-\S", line)}
    asked = [exercise.id for exercise in catalogue.lessons()[lesson].exercises if not exercise.by_hand]
    return {exercise: lines.get(exercise, "not there") for exercise in asked if lines.get(exercise) != "passed"}


def blocks(readme):
    """What a page prints for a shell, block by block."""
    return re.findall(r"```sh\n(.*?)```", readme, re.DOTALL)


def lines_of(readme):
    """The command lines that a page prints for a shell, as lists of words, without their comments."""
    lines = "\n".join(blocks(readme)).splitlines()
    return [words for line in lines if (words := line.partition("  #")[0].split())]


def broken_links(folder):
    """Links of the pages and notebooks below `folder` to files that are not there."""
    found = []
    for page in (p for ending in ("*.md", "*.ipynb") for p in folder.rglob(ending) if ".venv" not in p.relative_to(folder).parts):
        text = page.read_text(encoding="utf-8")
        if page.suffix == ".ipynb":
            text = "\n".join(cell.source for cell in nbformat.reads(text, as_version=4).cells if cell.cell_type == "markdown")
        targets = re.findall(r"\]\(([^)\s#]+)(?:#[^)]*)?\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
        found += [f"{page.name}: {t}" for t in targets if not re.match(r"\w+:", t) and not (page.parent / t).exists()]
    return found


def unpacked(archive, folder):
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)
        age = [datetime.now() - datetime(*info.date_time) for info in file.infolist()]
    assert all(abs(each) < timedelta(days=2) for each in age), "every file carries the date of today"
    return folder


# The students' copy


@pytest.fixture(scope="module")
def received(tmp_path_factory):
    """The students' copy, unzipped and installed by a student. Of the known mistakes two are recorded: all of them take half a minute."""
    folder = tmp_path_factory.mktemp("student") / "Zoë's course"
    record, solution, some = students_copy.record, students_copy.solution, {LESSON: "1.3-quantize", "00_start_here": "0.1-bytes"}

    class Some(CheckFiles):
        def bank(self, lesson):
            return [a for a in super().bank(lesson) if a.exercise == some[lesson]]

    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SOURCE_DATE_EPOCH", raising=False)
        patch.setattr(
            students_copy, "record", lambda lesson, solution, of: record(lesson, solution, Some()) if lesson in some else wire.encode([])
        )
        patch.setattr(students_copy, "solution", lambda lesson: solution(lesson) if lesson in some else {})
        students_copy.release(folder / "students.zip")
    return borrowing(unpacked(folder / "students.zip", folder) / students_copy.FOLDER, folder / "environment")


@pytest.fixture(scope="module")
def worked(received):
    """What a student gets to see who fills in everything, runs what the copy's page prints, and makes one known mistake."""
    places = {name: received.folder / paths.notebook_of(name).parent.name for name in catalogue.lessons()}
    notebooks = [answered(place / f"{name}.ipynb", name, place) for name, place in places.items()]
    wrong = received.folder / f"mistaken_{LESSON}.ipynb"
    wrong.write_text((places[LESSON] / f"{LESSON}.ipynb").read_text().replace("np.rint(x / scale)", "np.floor(x / scale)"))
    printed = [words[1:] for words in lines_of((received.folder / "README.md").read_text()) if words[0].endswith("course")]
    assert {words[0] for words in printed} == {"check", "status", "watch", "hint", "reset", "doctor", "lab", "predict", "data"}
    printed = [words for words in printed if words[0] not in ("check", "lab")]  # each lesson is checked, the lab takes a minute
    # Of what waits for a person, and of what needs the lab's file, that it starts; the rest is in their own tests.
    printed = [[words[0], "--help"] if words[0] in ("watch", "predict") else words for words in printed]
    first = answered(places["00_start_here"] / "00_start_here.ipynb", "00_start_here", received.folder.parent / "elsewhere")
    check = [["check", str(path.relative_to(received.folder))] for path in notebooks]
    commands = [["--help"], *check, ["status"], ["check", wrong.name, "1.3-quantize"], *printed]
    said = received.does(received.packages, imports=list(map(str, notebooks)), commands=commands, notebooks=[str(first)])
    wrong.unlink()
    return {**said, "commands": [(words, status, text) for words, (status, text) in zip(commands, said["commands"])]}


def test_everything_that_is_imported_is_in_the_copy_and_in_its_installation(received, worked):
    own = [p.relative_to(received.folder) for home in packing.homes().values() for p in (received.folder / home).rglob("*") if p.is_file()]
    own = [p for p in own if not {"__pycache__", *ARTEFACTS} & set(p.parts) and ".ipynb" not in p.suffixes]
    own = {Path(packing.as_imported(p.as_posix())) for p in own}
    installed = {p.relative_to(received.packages) for name in packing.homes() for p in (received.packages / name).rglob("*") if p.is_file()}
    assert own - installed == {Path("course_labs", "README.md")}
    assert worked["imports"] == []


def test_a_student_passes_every_exercise_of_every_lesson_and_lab(received, worked):
    checked = {Path(words[1]).stem: (status, said) for words, status, said in worked["commands"] if words[0] == "check" and len(words) == 2}
    assert checked.keys() == catalogue.lessons().keys()
    for name, (status, said) in checked.items():
        assert status == 0 and not_passed(said, name) == {}, said
    overview = next(said for words, _, said in worked["commands"] if words == ["status"])
    rows = re.findall(r"^ *(\w+) .*? ([\d.]+) of ([\d.]+) points", overview, re.M)
    assert [(name, got == of) for name, got, of in rows] == [(name, True) for name in catalogue.lessons()], overview
    assert (received.home / ".course" / "progress.json").is_file(), "without its folder the course keeps the progress at home"
    ((_, said, errors),) = worked["notebooks"]
    assert errors == [] and said and all("Passed" in text for text in said.values()), "and in a real kernel"


def test_every_command_that_the_copy_prints_works(received, worked):
    for words, status, said in worked["commands"]:
        mistaken = "1.3-quantize" in words
        assert status == mistaken, (words, said)
        if mistaken:
            assert "known mistake: rounds down" in " ".join(said.split())
    helped = worked["commands"][0][2]
    assert re.search(r"^  check ", helped, re.M) and not re.search(r"^  (grade|build|export|release|nbgrader) ", helped, re.M)
    exercise = next(words[1] for words, _, _ in worked["commands"] if words[0] == "reset")
    lesson = catalogue.lesson_of(exercise)
    put_back = nbformat.read(received.folder / paths.notebook_of(lesson.name).parent.name / f"{lesson.name}.ipynb", as_version=4)
    assert lesson.cell_of(exercise).source in [cell.source for cell in put_back.cells]


def test_the_copy_s_page_says_what_there_is_and_where(received):
    page = (received.folder / "README.md").read_text()
    for lesson in catalogue.lessons().values():
        link = paths.notebook_of(lesson.name).relative_to(paths.REPOSITORY).as_posix()
        assert f"({link}) | {lesson.title} | {lesson.minutes} | {lesson.points:g} |" in page
    assert ["jupyter", "lab"] in [[Path(words[0]).name, *words[1:]] for words in lines_of(page)], "in the top folder, above both"
    assert "_artefacts" in page and "Windows" in page and "conda env create -f environment.yml" in page and "`hint(" in page
    assert broken_links(received.folder) == []
    files = re.findall(r"[\w./]+\.(?:ipynb|txt|yml)\b", page)
    assert files and not [name for name in files if not (received.folder / name).exists()]


def test_nothing_in_the_copy_sends_a_student_to_what_only_the_repository_has(received):
    for path in [p for p in received.folder.rglob("*.py") if p.name != "cli.py"]:  # it holds the commands that are not offered
        tree = ast.parse(path.read_text(encoding="utf-8"))
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
        docs = [ast.get_docstring(node, clean=False) for node in ast.walk(tree) if isinstance(node, documented)]
        texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
        texts = [text for text in texts if text not in docs]
        found = re.findall(r"make (?:setup|lab|test)\b|course (?:build|grade|release|export|nbgrader)\b", "\n".join(texts))
        assert not found, path


def test_the_copy_installed_in_place_works_from_its_own_folder(received, tmp_path):
    who = borrowing(received.folder, tmp_path / "environment", "--editable")
    process = who.run(who.environment / SCRIPTS / "course", "hint", "1.2-scale", folder=tmp_path)
    assert process.returncode == 0 and "Hint 1 of 3" in process.stdout, process.stderr
    assert (received.folder / ".course" / "progress.json").is_file()


# The repository itself, installed away from its folder


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    tracked = [*packing.package_files(lambda package: True), "pyproject.toml", "setup.py", "README.md", "LICENSE", "LICENSE-TEXT"]
    for name in tracked:
        (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(paths.REPOSITORY / name, folder / "source" / name)
    who = borrowing(folder / "source", folder / "environment")
    shutil.rmtree(folder / "source")
    who.folder = folder
    return who


HAND_IN = """# Exercise 1.4-bug
import glob, sys
import numpy as np
assert not [p for folder in sys.path for p in glob.glob(folder + "/*/*/hidden.py")]
def to_int8(x, scale):
    return np.clip(np.rint(x / scale), -128, 127).astype(np.int8)
"""


@pytest.mark.usefixtures("bubblewrap")
def test_an_installation_checks_and_grades_without_its_folder(installed):
    name = f"{LESSON}.ipynb"
    notebook = nbformat.read(answered(paths.LESSONS / name, LESSON, installed.folder / "ada" / LESSON), as_version=4)
    next(c for c in notebook.cells if c.id == "exercise-1-4-bug").source = HAND_IN
    target = installed.folder / "class" / "ada" / LESSON / name
    target.parent.mkdir(parents=True)
    nbformat.write(notebook, target)
    done = installed.does(
        installed.packages,
        commands=[
            ["check", str(installed.folder / "ada" / LESSON / name)],
            ["grade", "class", "--out", "out", "--jobs", "1"],
        ],
    )["commands"]
    assert [status for status, _ in done] == [0, 0] and not_passed(done[0][1], LESSON) == {}, done
    result = json.loads((installed.folder / "out" / "results" / "ada" / f"{LESSON}.json").read_text())
    assert {v["exercise"]: v["status"] for v in result["verdicts"] if v["status"] != "passed"} == {"1.5-written": "needs_manual"}


def test_an_installation_says_what_needs_the_repository(installed):
    wanted = [
        ["build"],
        ["build", "--check"],
        ["new", "lesson", "07_topic"],
        ["release", "students.zip"],
        ["nbgrader", "mycourse"],
        ["export", "--to", "gradescope-bundle", "--lesson", "01", "--file", "bundle.zip"],
    ]
    for status, said in installed.does(installed.packages, commands=wanted)["commands"]:
        assert status == 2 and "needs the course's repository" in said and "Traceback" not in said
    assert len(list((installed.packages / "course_catalogue").glob("*.json"))) == len(catalogue.lessons())


# The bundle for Gradescope


@pytest.mark.parametrize("lesson", [name for name in catalogue.lessons() if not paths.is_lab(name)])
def test_a_bundle_holds_what_it_imports(lesson, tmp_path):
    export("gradescope-bundle", [], tmp_path / "bundle.zip", Options(lesson=lesson))
    source = unpacked(tmp_path / "bundle.zip", tmp_path / "source")
    texts = {path: path.read_text(encoding="utf-8") for path in (source / "course").rglob("*.py")}
    checked = [f"course_lessons/{paths.folder_of(lesson).name}/{kind}.py" for kind in ("visible", "hidden", "bank")]
    started = [texts[source / "course" / name] for name in ("autograder/exports/gradescope_run.py", *checked)]
    needed = set(map(packing.as_imported, packing.modules_needed(started)))
    assert needed <= {path.relative_to(source / "course").as_posix() for path in texts}
