"""`course check` on cells that do not end."""

import time

import nbformat
import pytest

from autograder.checks.asking import time_limit
from autograder.course import catalogue
from autograder.course.faults import TimedOut
from autograder.learner import own_notebook

LESSON = catalogue.lessons()["00_start_here"]
ANSWER = "# Exercise 0.1-bytes\ndef weight_bytes(weights):\n    return weights.nbytes\n"


def test_an_endless_cell_is_stopped_and_the_others_go_on(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    monkeypatch.setattr(own_notebook, "CELL_SECONDS", 0.3)
    path = tmp_path / f"{LESSON.name}.ipynb"

    def checked(*cells):
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells]), path)
        _, (verdict,), notes = own_notebook.check_notebook(path)
        return verdict, notes

    verdict, notes = checked("while True:\n    pass", ANSWER)
    assert verdict.status == "passed" and any(line.startswith("Cell 1: This cell was still running after 0.3 s") for line in notes)
    verdict, _ = checked("# Exercise 0.1-bytes\nwhile True:\n    pass")
    assert verdict.status == "timeout" and "loop that never ends" in verdict.message


def test_a_limit_within_a_limit_leaves_the_outer_one_in_force():
    with pytest.raises(TimedOut, match="outer"), time_limit("outer", 0.3):
        with time_limit("inner", 5):
            pass
        end = time.monotonic() + 10
        while time.monotonic() < end:
            pass
