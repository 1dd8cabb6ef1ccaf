"""The lesson's four names in a real Jupyter kernel, as a student meets them."""

import nbformat
import pytest
from nbclient import NotebookClient

from autograder.course import paths

SETUP = "from autograder.student import ___, check, hint, progress"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run cells in a fresh kernel, in an empty folder; returns for each cell its text output and error."""
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))

    def run(*sources):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])
        NotebookClient(notebook, timeout=60, allow_errors=True, resources={"metadata": {"path": str(tmp_path)}}).execute()
        return [_outputs(cell) for cell in notebook.cells]

    return run


def _outputs(cell):
    text, error = "", ""
    for output in cell.outputs:
        if output.output_type == "error":
            error = f"{output.ename}: {output.evalue}"
        else:
            text += output.get("text", "") or output.get("data", {}).get("text/plain", "")
    return text, error


def test_a_blank_is_never_a_silent_value_after_outputs(run):
    """`_`, `__` and `___` all hold earlier outputs when the blank is used."""
    results = run(
        "111",
        "222",
        "333",
        "444",
        SETUP,
        "'first output'",
        "'second output'",
        "'third output'",
        "'fourth output'",
        "# Exercise 1.2-scale\nscale = 4 / ___",
        "# Exercise 1.3-quantize\ndef half(x):\n    return x / ___",
        "555",
        "666",
        "777",
        "half(3)",
        "y = ___\ny",
        "z = y + 1",
    )
    assert results[9][1] == "BlankError: Exercise 1.2-scale still has a blank: fill in ___"
    assert results[14][1] == "BlankError: Exercise 1.3-quantize still has a blank: fill in ___"
    assert results[15] == ("___ (a blank to fill in)", "")
    assert results[16][1].startswith("BlankError: An exercise still has a blank")


def test_check_hint_and_progress_in_a_notebook(run):
    results = run(
        SETUP,
        "predict_1_1 = ___",
        'check("1.1-predict")',
        'predict_1_1 = "a"',
        'check("1.1-predict")',
        'predict_1_1 = "c"',
        'check("1.1-predict")',
        'check("1.1-predicct")',
        'hint("1.2-scale")\nhint("1.2-scale")\nhint("1.2-scale")\nhint("1.2-scale")',
        'check("1.2-scale")',
        "progress()",
    )
    texts = [text for text, error in results]
    assert not any(error for _, error in results)
    assert "Exercise 1.1-predict still has a blank" in texts[2]
    assert "Not yet" in texts[4] and "(a)" in texts[4]
    assert "Passed" in texts[6] and "half a gap" in texts[6]
    assert 'Did you mean "1.1-predict"?' in texts[7]
    assert all(f"Hint {n} of 3" in texts[8] for n in (1, 2, 3)) and "last hint" in texts[8]
    assert "is not defined" in texts[9]
    assert "1 of 8 exercises pass" in texts[10] and "3 of 3 hints" in texts[10]


def test_a_students_own_data_module_beside_the_notebook_breaks_nothing(run, tmp_path):
    (tmp_path / "data.py").write_text("raise RuntimeError('this is not the course')")
    (tmp_path / "labs.py").write_text("raise RuntimeError('this is not the course')")
    (tmp_path / "data").mkdir()
    results = run(SETUP, "import course_data, course_labs", 'hint("1.1-predict")')
    assert not any(error for _, error in results)


def test_the_set_up_cell_can_run_twice(run):
    results = run(SETUP, "x = ___", SETUP, "# Exercise 1.2-scale\nx + 1")
    assert results[3][1] == "BlankError: Exercise 1.2-scale still has a blank: fill in ___"


def test_a_figure_cell_with_a_blank_shows_one_line_and_no_traceback(run, tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in (SETUP, "# Exercise 1.2-scale\nlen(___)")])
    NotebookClient(notebook, timeout=60, allow_errors=True).execute()
    assert notebook.cells[1].outputs[0].traceback == ["BlankError: Exercise 1.2-scale still has a blank: fill in ___"]


def test_check_says_when_the_cells_last_run_did_not_get_through(run):
    """The old definition is still there, but it is not what stands in the cell."""
    good = (
        "# Exercise 1.4-bug\nimport numpy as np\ndef to_int8(x, scale):\n    return np.clip(np.rint(x / scale), -128, 127).astype(np.int8)"
    )
    results = run(
        SETUP,
        good,
        'check("1.4-bug")',
        good + " +",
        'check("1.4-bug")',
        good.replace("to_int8", "mine"),
        'check("1.4-bug")',
        "# Exercise 1.1-predict\npredict_1_1 = c",
        'check("1.1-predict")',
        good,
        'check("1.4-bug")',
    )
    texts = [text for text, _ in results]
    assert "Passed" in texts[2] and "Passed" in texts[10]
    assert "stopped with SyntaxError in line 4" in texts[4]
    assert "no longer defines `to_int8`" in texts[6]
    assert "stopped with NameError: name 'c' is not defined" in texts[8]


def test_an_endless_loop_is_stopped_and_asked_about_once(run):
    results = run(SETUP, "# Exercise 1.4-bug\ndef to_int8(x, scale):\n    while True:\n        pass", 'check("1.4-bug")')
    assert "loop that never ends" in results[2][0] and not results[2][1]


def test_reset_works_on_the_notebook_that_is_open(run, tmp_path, monkeypatch):
    path = tmp_path / "my copy.ipynb"
    document = nbformat.read(paths.LESSONS / "01_affine_quantization.ipynb", as_version=4)
    cell = next(c for c in document.cells if c.id == "exercise-1-4-bug")
    released, cell.source = cell.source, "# Exercise 1.4-bug\nmine = 1"
    nbformat.write(document, path)
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    results = run(SETUP, "from autograder.student import reset", 'reset("1.4-bug")', "reset()")
    assert "as it was handed out" in results[2][0] and "Reload" in results[2][0]
    assert "Which exercise?" in results[3][0]
    assert next(c.source for c in nbformat.read(path, as_version=4).cells if c.id == "exercise-1-4-bug") == released
    assert "mine = 1" in (tmp_path / "my copy.ipynb.bak").read_text()


def test_checking_a_fresh_copy_does_not_undo_what_passed(run):
    results = run(SETUP, 'predict_1_1 = "c"', 'check("1.1-predict")', "predict_1_1 = ___", 'check("1.1-predict")', "progress()")
    assert "still has a blank" in results[4][0] and "1 of 8" in results[5][0]


def test_a_pass_says_what_it_was_good_for_and_autocheck_does_without_check(run, tmp_path):
    (tmp_path / "01_affine_quantization.ipynb").write_text("{}")  # as its name is known, the next exercise is a link
    cell = "# Exercise 1.1-predict\npredict_1_1 = "
    results = run(
        SETUP,
        cell + "'c'",
        'check("1.1-predict")',
        'check("1.1-predict")',
        'hint("1.2-scale")\nhint("1.2-scale", 1)\nhint("1.2-scale", 2)',
        "%autocheck",
        cell + "'a'",
        "# Exercise 1.1-predict: the letter of your choice, in quotes\npredict_1_1 = ___",
        cell + "c",
        cell + "'c'\ncheck('1.1-predict')",
        "%autocheck off",
        cell + "'a'",
        "progress()",
    )
    texts = [text for text, _ in results]
    assert "+5 points. 5 of 92 points so far (8 more are read by a person), about 110 minutes left. Next: 1.2-scale  The" in texts[2]
    assert "5 of 92" in texts[3] and "+5" not in texts[3]
    assert texts[4].count("Hint 1 of 3") == 2 and "So far only hint 1 was shown" in texts[4]
    assert "checked when its cell has run" in texts[5] and "Not yet. (a)" in texts[6]
    assert texts[7] == texts[8] == "" and texts[9].count("Passed.") == 1
    assert "when you call check" in texts[10] and texts[11] == "" and texts[12].endswith("about 110 minutes left.")


def test_the_next_exercise_is_a_link_to_its_heading(monkeypatch, tmp_path):
    from autograder import student
    from autograder.course import catalogue

    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "01_affine_quantization.ipynb").write_text("{}")
    shown = []
    monkeypatch.setattr(student, "_show", lambda text, markup: shown.append(markup))
    lesson = catalogue.lessons()["01_affine_quantization"]
    student._say_standing(lesson, lesson.exercise("1.3-quantize"), True, {})
    heading = next(c for c in lesson.cells if c.id == lesson.heading_of("1.4-bug"))
    assert heading.type == "markdown" and "## 1.4-bug  Find the bug" in heading.source
    assert f'<a href="01_affine_quantization.ipynb#cell-id={heading.id}">1.4-bug  Find the bug' in shown[0]
