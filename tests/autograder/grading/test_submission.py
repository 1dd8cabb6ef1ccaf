"""`course grade` on the sample class, and one submission at a time through the sandbox."""

import csv
import json
import os
import shutil
import subprocess
import sys

import nbformat
import pytest

from autograder.checks.files import bank
from autograder.course import catalogue, paths
from autograder.grading.class_run import grades_csv
from autograder.grading.feedback import feedback_page
from autograder.grading.submission import STATUSES, grade
from autograder.sandbox.box import Sandbox
from autograder.sandbox.limits import Limits
from tests import FILES
from tests.bench.submissions import in_place_of
from tests.files.notebooks import solved
from tests.files.sample_class import make

LESSON = "01_affine_quantization"
SAMPLE = FILES / "sample_class"
EXPECTED = json.loads((SAMPLE / "expected.json").read_text())


def course(*arguments, **environment):
    """Run the `course` command as a user would."""
    command = [sys.executable, "-m", "autograder.cli.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "COLUMNS": "120", **environment}, timeout=300)


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The sample class, graded once: (output folder, finished process)."""
    out = tmp_path_factory.mktemp("graded")
    return out, course("grade", SAMPLE / "submitted", "--out", out, "--seed", 7)


def rows(out):
    with open(out / "grades.csv", newline="") as file:
        return list(csv.DictReader(file))


# The sample class


@pytest.mark.usefixtures("bubblewrap")
def test_the_sample_class_gets_exactly_the_expected_scores(graded):
    out, process = graded
    assert process.returncode == 0, process.stderr
    lesson = catalogue.lessons()[LESSON]
    got = {}
    for row in rows(out):
        entry = got.setdefault(row["student"], {"points": 0.0, "others": {}})
        assert row["lesson"] == LESSON and row["status"] in STATUSES
        entry["points"] += float(row["points"])
        assert float(row["max_points"]) == lesson.exercise(row["exercise"]).points
        if row["status"] != "passed":
            entry["others"][row["exercise"]] = row["status"]
    assert got == {name: {"points": e["points"], "others": e["others"]} for name, e in EXPECTED.items()}
    assert len(rows(out)) == len(EXPECTED) * len(lesson.exercises)


@pytest.mark.usefixtures("bubblewrap")
def test_the_messages_name_the_mistakes(graded):
    messages = {(r["student"], r["exercise"]): r["message"] for r in rows(graded[0])}
    assert "rounds down instead of to the nearest" in messages["emil", "1.3-quantize"]
    assert "casts before it clips" in messages["fay", "1.4-bug"]
    assert "still running after" in messages["gus", "1.6-calibrate"]
    assert "ended Python itself" in messages["hana", "1.7-channels"]
    assert "is not defined" in messages["ivo", "1.9-bytes"]
    assert "not a notebook" in messages["june", "1.1-predict"]
    assert "still has a blank" in messages["dana", "1.2-scale"]


@pytest.mark.usefixtures("bubblewrap")
def test_results_and_feedback_are_written_for_everybody(graded):
    out, process = graded
    for name in EXPECTED:
        result = json.loads((out / "results" / name / f"{LESSON}.json").read_text())
        assert result["isolation"]["level"] == "bubblewrap" and result["seed"] == 7
        page = (out / "feedback" / name / f"{LESSON}.html").read_text()
        assert name in page and f"<b>{EXPECTED[name]['points']}</b> of 100 points" in page
        assert name in process.stdout
    ivo = json.loads((out / "results" / "ivo" / f"{LESSON}.json").read_text())
    assert any("2 cells for 1.2-scale" in line for line in ivo["repairs"])
    assert any("deleted" in line for line in ivo["repairs"])
    assert "2 cells for 1.2-scale" in (out / "feedback" / "ivo" / f"{LESSON}.html").read_text()


@pytest.mark.usefixtures("bubblewrap")
def test_a_second_run_grades_only_what_changed(graded, tmp_path):
    out, _ = graded
    folder, again = tmp_path / "class", tmp_path / "out"
    shutil.copytree(out, again)
    for name in ("ada", "dana"):
        shutil.copytree(SAMPLE / "submitted" / name, folder / name)
    before = {n: (again / "results" / n / f"{LESSON}.json").stat().st_mtime_ns for n in ("ada", "dana")}
    shutil.copy(SAMPLE / "submitted" / "chen" / LESSON / f"{LESSON}.ipynb", folder / "dana" / LESSON / f"{LESSON}.ipynb")
    assert course("grade", folder, "--out", again).returncode == 0
    after = {n: (again / "results" / n / f"{LESSON}.json").stat().st_mtime_ns for n in ("ada", "dana")}
    assert after["ada"] == before["ada"] and after["dana"] != before["dana"]
    assert sum(float(r["points"]) for r in rows(again) if r["student"] == "dana") == EXPECTED["chen"]["points"]


@pytest.mark.usefixtures("bubblewrap")
def test_a_flat_folder_of_notebooks(tmp_path):
    folder = tmp_path / "flat"
    folder.mkdir()
    source = SAMPLE / "submitted" / "dana" / LESSON / f"{LESSON}.ipynb"
    shutil.copy(source, folder / f"{LESSON}_zoë.ipynb")
    shutil.copy(source, folder / "yan.ipynb")  # the lesson stands in the notebook
    (folder / "notes.txt").write_text("hello")
    process = course("grade", folder, "--out", tmp_path / "out", "--jobs", 1)
    assert process.returncode == 0, process.stderr
    assert {r["student"] for r in rows(tmp_path / "out")} == {"zoë", "yan"}
    assert "notes.txt" in process.stdout


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda p: p / "nowhere", "is not a folder"),
        (lambda p: p, "holds no submissions"),
    ],
)
def test_an_instructors_mistake_is_one_clear_line(tmp_path, make, message):
    process = course("grade", make(tmp_path), "--out", tmp_path / "out")
    assert process.returncode == 2 and message in process.stderr.replace("\n", " ")
    assert "Traceback" not in process.stderr and not (tmp_path / "out").exists()


def test_weaker_isolation_is_refused_unless_accepted(tmp_path):
    """Without bubblewrap on the path."""
    folder = tmp_path / "class"
    shutil.copytree(SAMPLE / "submitted" / "dana", folder / "dana")
    process = course("grade", folder, "--out", tmp_path / "out", PATH=str(tmp_path))
    assert process.returncode == 2 and "bubblewrap" in process.stderr and "Traceback" not in process.stderr
    process = course("grade", folder, "--out", tmp_path / "out", "--accept-weak-isolation", PATH=str(tmp_path))
    assert process.returncode == 0, process.stderr
    assert "Weaker isolation, as accepted: students' code could reach files of this user" in process.stdout
    result = json.loads((tmp_path / "out" / "results" / "dana" / f"{LESSON}.json").read_text())
    assert result["isolation"]["level"] == "process" and result["points"] == 0
    assert "bubblewrap" in result["isolation"]["instead_of_bubblewrap"] and "the network" in result["isolation"]["not_isolated"]
    assert "isolation level &ldquo;process&rdquo;" in (tmp_path / "out" / "feedback" / "dana" / f"{LESSON}.html").read_text()


# One submission at a time


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(limits=Limits(cell_seconds=2, call_seconds=2), isolation="bubblewrap") as box:
        yield box


@pytest.fixture(scope="module")
def solutions():
    """Lesson name -> the notebook with every answer filled in."""
    return {name: solved(name) for name in catalogue.lessons()}


def with_source(notebook, exercise, source):
    """The notebook's bytes with one exercise's cell replaced."""
    cells = [
        {**c, "source": source} if c.metadata.course.role == "exercise" and c.metadata.course.exercise == exercise else c
        for c in notebook.cells
    ]
    return json.dumps({**notebook, "cells": cells}).encode()


@pytest.mark.usefixtures("bubblewrap")
@pytest.mark.parametrize("lesson", list(catalogue.lessons()))
def test_the_bank_in_the_sandbox(lesson, sandbox, solutions):
    """What test_bank.py proves directly holds through the sandbox, too: one right and one wrong answer for each exercise."""
    solution = solutions[lesson]
    chosen = {(answer.exercise, answer.right): answer for answer in bank(lesson)}
    for answer in chosen.values():
        cell = next(c for c in solution.cells if c.metadata.course.get("exercise") == answer.exercise)
        data = with_source(solution, answer.exercise, in_place_of(cell.source, answer))
        (verdict,) = grade(data, "x", lesson, sandbox, seed=5, exercises=[answer.exercise]).verdicts
        if answer.right:
            assert (verdict.status, verdict.points) == ("passed", verdict.max_points), (answer.note, verdict.message)
        else:
            assert verdict.status in ("failed", "error") and verdict.points < verdict.max_points, (answer.note, verdict)


@pytest.mark.usefixtures("bubblewrap")
@pytest.mark.parametrize("lesson", list(catalogue.lessons()))
def test_untouched_scores_nothing_and_the_solution_everything(lesson, sandbox, solutions):
    released = (paths.notebook_of(lesson)).read_bytes()
    untouched = grade(released, "x", lesson, sandbox, seed=3)
    about_files = {e.id for e in catalogue.lessons()[lesson].exercises if e.files}  # with files: test_artefacts.py
    assert untouched.points == 0 and {v.status for v in untouched.verdicts if v.exercise not in about_files} == {"blank"}
    solved = grade(json.dumps(solutions[lesson]).encode(), "x", lesson, sandbox, seed=3)
    assert {v.status for v in solved.verdicts if v.exercise not in about_files} <= {"passed", "needs_manual"}
    assert {v.status for v in (*untouched.verdicts, *solved.verdicts) if v.exercise in about_files} <= {"missing"}
    lost = sum(v.max_points for v in solved.verdicts if v.exercise in about_files)
    assert solved.points + solved.open_points == solved.max_points - lost


HOSTILE = {
    "always equal": (
        "class Same(float):\n    def __eq__(self, other): return True\n    __ne__ = lambda self, other: False\n"
        "def to_int8(x, scale):\n    return Same()",
        {"failed"},
    ),
    "patched numpy": (
        "np.rint = np.round = lambda x, *a, **k: x * 0\nnp.array_equal = lambda *a: True\n"
        "def to_int8(x, scale):\n    return np.zeros(x.shape, dtype=np.int8)",
        {"failed"},
    ),
    "patched pytest and autograder": (
        "import sys, types\nfor name in ('pytest', 'autograder.checks', 'autograder.checks.expect'):\n"
        "    sys.modules[name] = types.ModuleType(name)\ndef to_int8(x, scale):\n    return x",
        {"failed"},
    ),
    "looks for the checks": (
        "import os\ndef to_int8(x, scale):\n    for base in ('/', os.path.expanduser('~')):\n"
        "        for folder, _, files in os.walk(base):\n            if 'hidden.py' in files or 'bank.py' in files:\n"
        "                return np.clip(np.rint(x / scale), -128, 127).astype(np.int8)\n"
        "            if folder.count('/') > 6: _.clear()\n"
        "    return x",
        {"failed", "timeout"},
    ),
    "writes to every descriptor": (
        "import os\ndef to_int8(x, scale):\n    for fd in range(3, 64):\n        try: os.write(fd, b'passed' * 10)\n"
        "        except OSError: pass\n    return x",
        {"failed", "crashed", "error", "timeout"},
    ),
    "right answer in a name of its own": (
        "def my_int8(x, scale):\n    return np.clip(np.rint(x / scale), -128, 127).astype(np.int8)\ndel to_int8",
        {"missing", "error"},
    ),
}


@pytest.mark.usefixtures("bubblewrap")
@pytest.mark.parametrize("code, statuses", HOSTILE.values(), ids=HOSTILE.keys())
def test_tricks_earn_nothing_and_cost_nothing_else(code, statuses, sandbox, solutions):
    """The exercise with the trick is lost; the one after it keeps its points."""
    data = with_source(solutions[LESSON], "1.4-bug", f"# Exercise 1.4-bug\n{code}")
    trick, other = grade(data, "x", LESSON, sandbox, seed=3, exercises=["1.4-bug", "1.9-bytes"]).verdicts
    assert trick.status in statuses and trick.points == 0, trick
    assert other.status == "passed", other


@pytest.mark.usefixtures("bubblewrap")
def test_warnings_and_prints_cost_nothing(sandbox, solutions):
    answer = next(c.source for c in solutions[LESSON].cells if c.metadata.course.get("exercise") == "1.4-bug")
    noisy = answer.replace(
        "    codes = ", "    import sys, warnings; warnings.warn('!'); print('hello'); print('oh', file=sys.stderr)\n    codes = "
    )
    assert noisy != answer
    (verdict,) = grade(with_source(solutions[LESSON], "1.4-bug", noisy), "x", LESSON, sandbox, seed=3, exercises=["1.4-bug"]).verdicts
    assert verdict.status == "passed"


@pytest.mark.usefixtures("bubblewrap")
def test_the_same_seed_repeats_the_same_verdicts(sandbox, solutions):
    data = with_source(
        solutions[LESSON], "1.3-quantize", "# Exercise 1.3-quantize\ndef quantize(*a):\n    return a[0]\n\n\ndequantize = quantize"
    )
    first, second = (grade(data, "x", LESSON, sandbox, seed=11, exercises=["1.3-quantize"]) for _ in range(2))
    assert first == second and first.verdicts[0].status == "failed"


def test_the_sample_notebooks_are_of_todays_lesson(tmp_path, monkeypatch):
    """make.py writes what is committed: change the lesson, and the class is made anew."""
    monkeypatch.setattr(make, "SUBMITTED", tmp_path)
    make.main()
    for path in sorted(tmp_path.rglob("*.ipynb")):
        assert path.read_text() == (SAMPLE / "submitted" / path.relative_to(tmp_path)).read_text(), path.name


# Whatever somebody wrote, a line of the gradebook and a page stay of a size that a person reads.


@pytest.mark.usefixtures("bubblewrap")
def test_a_hundred_thousand_blanks_and_lines_make_a_short_row_and_page(sandbox):
    many = 100_000
    answers = {
        "1.2-scale": "x = ___\n" * many,
        "1.4-bug": "def to_int8(x, scale):\n    raise ValueError('a line of the message\\n' * 100_000)",
        "1.7-channels": "raise ValueError('a line of the message\\n' * 100_000)",
    }
    notebook = solved(LESSON)
    for cell in notebook.cells:
        if cell.metadata.course.role == "exercise" and cell.metadata.course.exercise in answers:
            cell.source = f"# Exercise {cell.metadata.course.exercise}\n{answers[cell.metadata.course.exercise]}"
    notebook.cells += [nbformat.v4.new_code_cell(f"def again_{n}(): pass\n# Exercise 1.9-bytes\n" + "#" * 1000) for n in range(100)]
    result = grade(nbformat.writes(notebook).encode(), "eve", LESSON, sandbox, seed=1, exercises=list(answers))
    verdicts = {verdict.exercise: verdict for verdict in result.verdicts}
    assert {name: verdict.status for name, verdict in verdicts.items()} == {
        "1.2-scale": "blank",
        "1.4-bug": "error",
        "1.7-channels": "error",
    }
    assert "99992 more" in verdicts["1.2-scale"].message and "a line of the message" in verdicts["1.4-bug"].message
    assert len(result.repairs) <= 21 and all(len(repair) <= 300 for repair in result.repairs)
    for line in grades_csv([result]).splitlines():
        assert len(line) < 5000
    assert len(feedback_page(result)) < 60_000 and len(json.dumps(result.to_dict())) < 60_000
