"""`course new` in a copy of the repository: what it writes builds, runs, and is graded as a lesson must be."""

import ast
import csv
import json
import os
import shutil
import subprocess
import sys
from collections import defaultdict

import pytest

from autograder.authoring import scaffold
from autograder.course import paths
from course_data.errors import UserError
from tests import REPOSITORY

LESSON, LAB = "07_tiny_zeros", "zero_lab"
MADE = {LESSON: "lessons", LAB: "labs"}
WRITTEN = "**My answer.** An array stores its zeros, and places take bytes as well.\n"
LINKS = {"course_data": "data", "course_labs": "labs", "course_lessons": "solutions", "course_catalogue": "lessons/catalogue"}


SHELL = """
import nbformat, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for cell in nbformat.read(sys.argv[1], 4).cells:
    if cell.cell_type == "code":
        shell.run_cell(cell.source, store_history=True).raise_error()
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A function that runs the `course` command of a copy of the repository that has no lessons but what `course new` has written; `.folder` is the copy."""
    folder = tmp_path_factory.mktemp("course")
    skip = shutil.ignore_patterns("__pycache__", "cache", "*.ipynb", "*.json")
    for name in ("autograder", "labs", "data"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=skip)
    (folder / "lessons" / "catalogue").mkdir(parents=True)
    (folder / "solutions").mkdir()
    for name in ("README.md", "pyproject.toml", "setup.py", "solutions/__init__.py"):
        shutil.copy(REPOSITORY / name, folder / name)
    for name, home in LINKS.items():
        (folder / name).symlink_to(folder / home)
    environment = {**os.environ, "COLUMNS": "300", "PYTHONPATH": str(folder), "COURSE_HOME": str(folder / "home")}

    def run(*arguments, wanted=0, python=("-m", "autograder.cli.main"), here=folder):
        command = [sys.executable, *python, *map(str, arguments)]
        process = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=here, timeout=300)
        assert process.returncode == wanted, process.stdout + process.stderr
        return process.stdout if not wanted else process.stderr

    run.folder = folder
    run.said = [run("new", "lesson", LESSON), run("new", "lab", LAB), run("build")]
    return run


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def with_answers(course, name, instead=None):
    """The notebook of a lesson with its own answers; `instead` maps an exercise to the code that stands in its cell."""
    notebook = read(course.folder / MADE[name] / f"{name}.ipynb")
    source = read(course.folder / "build" / "nbgrader" / "source" / name / f"{name}.ipynb")
    answers = {cell["id"]: cell["source"] for cell in source["cells"]}
    for cell in notebook["cells"]:
        about = cell["metadata"]["course"]
        if about["role"] == "exercise":
            answer = (instead or {}).get(about["exercise"])
            cell["source"] = f"# Exercise {about['exercise']}\nimport numpy as np\n{answer}" if answer else answers[cell["id"]]
            if cell["cell_type"] == "markdown":
                cell["source"] = WRITTEN
    return json.dumps(notebook)


def bank(course, name):
    """exercise -> list of (sentence, code) of the wrong answers, and of the right ones, in its bank."""
    wrong, right = defaultdict(list), defaultdict(list)
    for node in ast.parse((course.folder / "solutions" / paths.folder_of(name).name / "bank.py").read_text()).body:
        if isinstance(node, ast.FunctionDef):
            (call,), node.decorator_list = node.decorator_list, []
            code = ast.unparse(node)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            call = node.value
            code = "\n".join(f"{keyword.arg} = {ast.unparse(keyword.value)}" for keyword in call.keywords)
        else:
            continue
        exercise, note = (ast.literal_eval(argument) for argument in call.args)
        (wrong if call.func.id.startswith("wrong") else right)[exercise].append((note, code))
    return wrong, right


def test_it_says_what_it_has_written_and_what_comes_next(course):
    lesson, _, built = course.said
    assert f"Written: solutions/lesson_{LESSON}/ with lesson.py, visible.py, hidden.py, bank.py, figures.py, __init__.py" in lesson
    assert f"makes lessons/{LESSON}.ipynb" in lesson and f"written  labs/{LAB}.ipynb" in built and "2 lessons and labs built" in built
    for file in scaffold.FILES[:-1]:
        assert f"to do    solutions/lesson_{LESSON}/{file}:" in built and f"to do    solutions/lab_{LAB}/{file}:" in built
    assert f"| [07 Tiny zeros](lessons/{LESSON}.ipynb) | the share of zeros" in (course.folder / "README.md").read_text()
    assert not list((course.folder / "solutions").glob(".*")), "nothing is left beside"
    texts = [path.read_text() for name in (f"lesson_{LESSON}", f"lab_{LAB}") for path in (course.folder / "solutions" / name).glob("*.py")]
    assert not [text for text in texts if "NEW_" in text]


def test_it_has_every_kind_of_exercise(course):
    kinds = {name: [e["kind"] for e in read(course.folder / "lessons" / "catalogue" / f"{name}.json")["exercises"]] for name in MADE}
    assert kinds == {LESSON: ["choice", "code", "code", "bug", "written"], LAB: ["choice", "code", "bug", "artefact", "written"]}


@pytest.fixture(scope="module")
def submitted(course):
    """A folder of submissions: as handed out, with the answers, with the right ones of the bank, and with each wrong one; the answers have been checked."""
    folder = course.folder / "submitted"
    for name in MADE:
        wrong, right = bank(course, name)
        students = {"blank": (course.folder / MADE[name] / f"{name}.ipynb").read_text(), "answers": with_answers(course, name)}
        students["other"] = with_answers(course, name, {exercise: known[0][1] for exercise, known in right.items()})
        for at in range(max(map(len, wrong.values()))):
            students[f"wrong{at}"] = with_answers(
                course, name, {exercise: known[at][1] for exercise, known in wrong.items() if at < len(known)}
            )
        for student, notebook in students.items():
            path = folder / student / name / f"{name}.ipynb"
            path.parent.mkdir(parents=True)
            path.write_text(notebook, encoding="utf-8")
        notebook = folder / "answers" / name / f"{name}.ipynb"
        said = course(notebook, python=("-c", SHELL), here=notebook.parent)  # cell by cell, as in a kernel; the lab's files are written
        assert said.count("Passed.") == 4, said
        assert "4 of 4 exercises pass their visible checks" in course("check", notebook)
        files = folder / "answers" / name / f"{name}_artefacts"
        assert files.is_dir() is (name == LAB)
        if name == LAB:
            shutil.copytree(files, folder / "other" / name / files.name)
    return folder


@pytest.mark.usefixtures("bubblewrap")
def test_blank_is_nothing_answers_are_everything_and_wrong_ones_are_named(course, submitted):
    course("grade", submitted, "--out", course.folder / "out", "--seed", 1, "--jobs", 2)
    with open(course.folder / "out" / "grades.csv", newline="") as file:
        rows = {(row["student"], row["lesson"], row["exercise"]): row for row in csv.DictReader(file)}
    for name in MADE:
        exercises = read(course.folder / "lessons" / "catalogue" / f"{name}.json")["exercises"]
        wrong, _ = bank(course, name)
        for exercise in exercises:
            of = {student: rows[student, name, exercise["id"]] for student in ("blank", "answers", "other")}
            assert float(of["blank"]["points"]) == 0
            if exercise["kind"] == "written":
                assert {of["answers"]["status"], of["other"]["status"]} == {"needs_manual"}
                continue
            # what an untouched artefact exercise lacks is its files
            said = "was not handed in" if exercise["kind"] == "artefact" else "still has a blank: fill in ___"
            if exercise["kind"] != "bug":
                assert said in of["blank"]["message"], of["blank"]
            for student in ("answers", "other"):
                assert (of[student]["status"], float(of[student]["points"])) == ("passed", exercise["points"]), of[student]
            for at, (note, code) in enumerate(wrong[exercise["id"]]):
                row = rows[f"wrong{at}", name, exercise["id"]]
                named = note if exercise["kind"] != "choice" else exercise["choices"][code[-2]]
                assert row["status"] == "failed" and float(row["points"]) == 0 and named in row["message"], row


REFUSED = {
    "another kind": (("exam", "07_topic"), "There is no exam"),
    "a lesson without a number": (("lesson", "topic"), "is no name of a lesson"),
    "a lesson with one digit": (("lesson", "7_topic"), "is no name of a lesson"),
    "capital letters": (("lesson", "07_Topic"), "is no name of a lesson"),
    "a way out": (("lab", "../topic"), "is no name of a lab"),
    "a lab with a number": (("lab", "07_topic"), "is no name of a lab"),
    "a number that is there": (
        ("lesson", "01_topic"),
        "The exercises of 01_affine_quantization begin with '1', too. Choose another number",
    ),
    "a lesson that is there": (("lesson", "01_affine_quantization"), "solutions/lesson_01_affine_quantization is already there"),
    "a word that is there": (("lab", "other_studio"), "The exercises of compression_studio begin with 'studio', too"),
}


@pytest.mark.parametrize("asked, message", REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_begun_is_refused_and_nothing_is_written(asked, message):
    before = sorted(paths.SOLUTIONS.iterdir())
    with pytest.raises(UserError) as caught:
        scaffold.new(*asked)
    assert message in str(caught.value) and sorted(paths.SOLUTIONS.iterdir()) == before


def test_a_notebook_of_that_name_is_not_overwritten(course):
    (course.folder / "labs" / "old_work.ipynb").write_text("{}")
    assert "labs/old_work.ipynb is already there" in course("new", "lab", "old_work", wanted=2)
    (course.folder / "labs" / "old_work.ipynb").unlink()


def test_without_a_repository_it_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "SOLUTIONS", tmp_path / "none")
    with pytest.raises(UserError, match="This needs the course's repository"):
        scaffold.new("lesson", "07_topic")


def test_what_fails_half_way_leaves_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(scaffold.paths, "folder_of", lambda name: tmp_path / f"lesson_{name}")
    monkeypatch.setattr(scaffold, "FILES", (*scaffold.FILES, "missing.py"))
    with pytest.raises(UserError, match="Cannot write"):
        scaffold.new("lesson", "97_topic")
    assert not list(tmp_path.iterdir())
