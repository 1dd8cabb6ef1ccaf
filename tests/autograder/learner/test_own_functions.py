"""Functions from earlier lessons: the student's where they pass, the course's otherwise, and one line that says which."""

import contextlib
import importlib
import json
import warnings

import nbformat
import numpy as np
import pytest

from autograder.checks import asking
from autograder.checks.run import run_checks
from autograder.checks.verdict import judge
from autograder.course import catalogue, paths
from autograder.student import earlier
from course_lessons.lesson_01_affine_quantization.library import quantize_rows
from tests.files.notebooks import cell_of, released, solved

LESSON, EXERCISE, NAME = "01_affine_quantization", "1.7-channels", "quantize_rows"
W = np.array([[0.7, -0.2], [-70.0, 14.0], [0.0, 0.0]])
USED = (
    ("1.7-channels", "quantize_rows"),
    ("2.3-global", "global_masks"),
    ("2.5-schedule", "cubic_schedule"),
    ("3.4-mlp", "prune_mlp"),
    ("4.5-loss", "distillation_loss"),
    ("4.7-teacher", "cached_logits"),
    ("5.2-factors", "low_rank_factors"),
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    return tmp_path


def put(folder, notebook, name=LESSON):
    nbformat.write(notebook, folder / f"{name}.ipynb")


def put_answer(folder, source):
    notebook = solved(LESSON)
    cell_of(notebook, EXERCISE).source = f"# Exercise {EXERCISE}\n{source}"
    put(folder, notebook)


def the_course_s(exercise, name):
    return getattr(importlib.import_module(f"{paths.package_of(catalogue.lesson_of(exercise).name)}.library"), name)


def works(function):
    codes, scales = function(W, 7)
    return codes.tolist() == [[7, -2], [-7, 1], [0, 0]] and scales[2] == 1.0


@pytest.mark.parametrize("exercise, name", USED)
def test_the_course_s_own_functions_pass_every_check_of_their_exercise(exercise, name):
    lesson = catalogue.lesson_of(exercise)
    namespace = {}
    for cell in solved(lesson.name).cells:
        if cell.cell_type == "code" and cell.metadata.course.role in ("plain", "exercise"):
            exec(cell.source, namespace)
    namespace[name] = the_course_s(exercise, name)
    ask = contextlib.nullcontext(asking.Direct(namespace))
    outcomes = run_checks(lesson.name, lambda _: ask, seed=3, exercises=[exercise], hidden=True)
    verdict = judge(lesson.name, lesson.exercise(exercise), outcomes, hidden=True)
    assert (verdict.status, verdict.points) == ("passed", verdict.max_points), verdict.message


def test_warnings_of_the_student_s_code_do_not_stand_between_the_lines(folder, capsys):
    put_answer(
        folder,
        """def quantize_rows(w, qmax):
    scales = np.abs(w).max(axis=1) / qmax
    codes = np.nan_to_num(np.rint(w / scales[:, None]))
    return codes.astype(np.int32), np.where(scales == 0, 1.0, scales)""",
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        earlier(EXERCISE, NAME)
        assert not caught
        np.zeros(1) / np.zeros(1)
        assert caught  # elsewhere they are heard as before
    said = capsys.readouterr()
    assert said.out == f"{NAME}: yours, from {EXERCISE}\n" and not said.err


@pytest.mark.parametrize("exercise, name", USED)
def test_a_student_s_function_that_passes_is_taken(folder, capsys, exercise, name):
    lesson = catalogue.lesson_of(exercise).name
    put(folder, solved(lesson), lesson)
    function = earlier(exercise, name)
    assert capsys.readouterr().out == f"{name}: yours, from {exercise}\n"
    assert function.__wrapped__ is not the_course_s(exercise, name)


def test_a_notebook_under_the_student_s_own_name_is_found(folder, capsys):
    put(folder, solved(LESSON), f"ada_{LESSON}_final")
    assert works(earlier(EXERCISE, NAME))
    assert "yours" in capsys.readouterr().out


def test_a_notebook_in_its_own_folder_beside_is_found(folder, capsys, monkeypatch):
    put_answer(folder, "def quantize_rows(w, qmax)\n    return w")
    (folder / "fetched" / "06_stacking").mkdir(parents=True)
    (folder / "fetched" / LESSON).mkdir()
    monkeypatch.chdir(folder / "fetched" / "06_stacking")
    put(folder / "fetched" / LESSON, solved(LESSON))
    assert works(earlier(EXERCISE, NAME))
    assert capsys.readouterr().out == f"{NAME}: yours, from {EXERCISE}\n"


def test_without_the_notebook_the_course_s_is_taken(folder, capsys):
    assert earlier(EXERCISE, NAME) is quantize_rows
    assert capsys.readouterr().out == f"{NAME}: the course's, because there is no {LESSON}.ipynb beside this notebook\n"


def test_an_untouched_notebook(folder, capsys):
    put(folder, released(LESSON))
    assert works(earlier(EXERCISE, NAME))
    assert capsys.readouterr().out == f"{NAME}: the course's, because {EXERCISE} is still blank in {LESSON}.ipynb\n"


ANSWERS = {
    "def quantize_rows(w, qmax):\n    return w, w": "yours does not pass",
    "def quantize_rows(w, qmax)\n    return w": "stops with SyntaxError",
    "def quantize_rows(w, qmax):\n    while True:\n        pass": "yours does not pass",
    "while True:\n    pass": "your cell of 1.7-channels was still running after 0.3 s",
    "raise SystemExit": "stops with SystemExit",
    "other = 1": "yours does not pass",
    "quantize_rows = 5": "yours does not pass",
    "def quantize_rows(w, qmax):\n    return helper(w)": "yours does not pass",
    "\0": "stops with",
    "print('noise')\ndef quantize_rows(w, qmax):\n    return None": "yours does not pass",
}


@pytest.mark.parametrize("source, reason", ANSWERS.items())
def test_an_answer_that_does_not_pass_is_replaced(folder, capsys, monkeypatch, source, reason):
    monkeypatch.setattr(asking, "CALL_SECONDS", 0.3)
    put_answer(folder, source)
    assert works(earlier(EXERCISE, NAME))
    said = capsys.readouterr().out
    assert said.startswith(f"{NAME}: the course's, because ") and reason in said and said.count("\n") == 1


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"[]", b"{}", json.dumps({"cells": [{"cell_type": "code", "source": 5}]}).encode()])
def test_a_file_that_is_no_notebook(folder, capsys, data):
    (folder / f"{LESSON}.ipynb").write_bytes(data)
    assert works(earlier(EXERCISE, NAME))
    assert "the course's, because" in capsys.readouterr().out


def test_a_deleted_cell_and_one_broken_neighbour_do_not_touch_the_others(folder, capsys):
    notebook = solved(LESSON)
    cell_of(notebook, "1.3-quantize").source = "# Exercise 1.3-quantize\ndef quantize(:"
    notebook.cells.remove(cell_of(notebook, "1.2-scale"))
    put(folder, notebook)
    assert works(earlier(EXERCISE, NAME))
    assert capsys.readouterr().out == f"{NAME}: yours, from {EXERCISE}\n"
    notebook.cells.remove(cell_of(notebook, EXERCISE))
    put(folder, notebook)
    assert works(earlier(EXERCISE, NAME))
    assert f"{LESSON}.ipynb has no cell for {EXERCISE}" in capsys.readouterr().out


def test_a_function_that_fails_later_is_replaced_from_then_on(folder, capsys):
    answer = cell_of(solved(LESSON), EXERCISE).source
    put_answer(folder, answer + "\n_inner = quantize_rows\ndef quantize_rows(w, qmax):\n    assert len(w) < 20\n    return _inner(w, qmax)")
    function = earlier(EXERCISE, NAME)
    assert capsys.readouterr().out == f"{NAME}: yours, from {EXERCISE}\n"
    for _ in range(2):
        assert function(np.ones((30, 2)), 7)[0].tolist() == [[7, 7]] * 30
    assert capsys.readouterr().out == f"{NAME}: yours stopped here with AssertionError; the course's takes over\n"
    assert works(function)


def test_nothing_is_noted_as_progress(folder):
    put(folder, solved(LESSON))
    earlier(EXERCISE, NAME)
    assert not (folder / "home").exists()
