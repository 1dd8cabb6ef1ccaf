"""The `course` command as a student uses it: check, hint, status, reset; and doctor."""

import json
import os
import subprocess
import sys

import nbformat
import pytest

from autograder.cli import doctor
from autograder.course import paths
from tests.files.notebooks import cell_of, solved

LESSON = "01_affine_quantization"


@pytest.fixture
def course(tmp_path):
    """Run `course` with progress of its own; returns the finished process."""

    def run(*arguments, folder=tmp_path, **environment):
        return subprocess.run(
            [sys.executable, "-m", "autograder.cli.main", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=folder,
            env={**os.environ, "COURSE_HOME": str(tmp_path / "home"), "COLUMNS": "200", **environment},
        )

    return run


@pytest.fixture
def lesson(tmp_path):
    """A copy of the released lesson; returns (path, change) where change(exercise, source) edits a cell."""
    path = tmp_path / f"{LESSON}.ipynb"
    path.write_bytes((paths.LESSONS / path.name).read_bytes())

    def change(exercise, source):
        notebook = nbformat.read(path, as_version=4)
        next(c for c in notebook.cells if c.id == f"exercise-{exercise.replace('.', '-')}").source = source
        nbformat.write(notebook, path)

    return path, change


def answer(exercise):
    return cell_of(solved(LESSON), exercise).source


def test_check_says_what_passes_and_what_does_not(course, lesson):
    path, change = lesson
    change("1.4-bug", answer("1.4-bug"))
    change("1.3-quantize", answer("1.3-quantize").replace("np.rint(", "np.floor("))
    process = course("check", path)
    lines = process.stdout.splitlines()
    assert process.returncode == 1 and not process.stderr
    assert any(line.startswith("passed") and "1.4-bug" in line for line in lines)
    assert any(line.startswith("failed") and "1.3-quantize" in line for line in lines)
    assert any(line.startswith("blank") and "1.8-matmul" in line for line in lines)
    assert "rounds down" in process.stdout and lines[-1] == "1 of 8 exercises pass their visible checks"
    assert "passed" in next(line for line in course("status").stdout.splitlines() if "1.4-bug" in line)
    assert "+8 points." in process.stdout and "8 of 92 points so far" in process.stdout and "Next: 1.1-predict" in process.stdout
    again = course("check", path, "1.4-bug")
    assert again.returncode == 0 and "+8 points." not in again.stdout


def test_hints_come_one_at_a_time_and_three_at_most(course):
    shown = [course("hint", "1.2-scale").stdout for _ in range(4)]
    assert [text.partition(":")[0] for text in shown] == [f"1.2-scale  Hint {n} of 3" for n in (1, 2, 3, 3)]
    assert shown[0] != shown[1] != shown[2] == shown[3]
    assert "3 of 3 hints" in course("status").stdout
    assert course("hint", "1.2-scale", "2").stdout == shown[1] and "Hint 2" not in course("hint", "1.2-scale").stdout
    assert "No hint has been shown" in course("hint", "1.3-quantize", "1").stderr
    overview = course("status").stdout
    assert "09_deploy_and_watch" in overview and "0 of 92 points" in overview and "9.1" not in overview
    assert "9.1" in course("status", "09").stdout


def test_reset_puts_one_exercise_back_and_keeps_the_old_notebook(course, lesson):
    path, change = lesson
    change("1.2-scale", "# Exercise 1.2-scale\nmine = 1")
    change("1.4-bug", "# Exercise 1.4-bug\nalso_mine = 1")
    before = path.read_bytes()
    process = course("reset", "1.2-scale", "--notebook", path)
    assert process.returncode == 0 and "reload" in process.stdout
    assert path.with_suffix(".ipynb.bak").read_bytes() == before
    sources = {c.id: c.source for c in nbformat.read(path, as_version=4).cells}
    released = {c.id: c.source for c in nbformat.read(paths.LESSONS / path.name, as_version=4).cells}
    assert sources["exercise-1-2-scale"] == released["exercise-1-2-scale"]
    assert sources["exercise-1-4-bug"] == "# Exercise 1.4-bug\nalso_mine = 1"


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["hint", "1.2-scal"], "Did you mean 1.2-scale?"),
        (["check", "nowhere.ipynb"], "no file nowhere.ipynb"),
        (["reset", "9.9-x"], "no exercise 9.9-x"),
        (["check", "letter.ipynb"], "which lesson it is"),
        (["check", "01_affine_quantization.ipynb"], "not a notebook"),
        (["reset", "1.2-scale", "--notebook", "01_affine_quantization.ipynb"], "cannot be read as a notebook"),
        (["lab", "--data", "cats"], "cats"),
        (["data", "add", "nowhere.tar.gz"], "nowhere.tar.gz"),
    ],
)
def test_a_mistake_is_one_clear_message(course, tmp_path, arguments, message):
    (tmp_path / "letter.ipynb").write_text("Dear instructor")
    (tmp_path / f"{LESSON}.ipynb").write_text("Dear instructor")
    process = course(*arguments)
    assert process.returncode == 2 and message in process.stderr and "Traceback" not in process.stderr
    assert (tmp_path / f"{LESSON}.ipynb").read_text() == "Dear instructor"


def test_a_damaged_progress_file_counts_as_empty(course, tmp_path):
    (tmp_path / "home").mkdir()
    for text in ("{", "[1]", '{"1.2-scale": 3}'):
        (tmp_path / "home" / "progress.json").write_text(text)
        process = course("status")
        assert process.returncode == 0 and "0 of 8" in process.stdout
    assert course("hint", "1.2-scale").returncode == 0
    assert json.loads((tmp_path / "home" / "progress.json").read_text())["1.2-scale"]["hints"] == 1


# doctor


def test_doctor_names_every_part(course):
    process = course("doctor")
    for name in ("python", "torch", "threads", "bubblewrap", "user namespaces", "data", "jupyter kernel", "disk"):
        assert any(line.startswith(("ok", "to do", "not used")) and name in line for line in process.stdout.splitlines()), name
    assert "could not be examined" not in process.stdout


def test_doctor_recognises_a_mixed_torch_pair(monkeypatch, tmp_path):
    """torchvision's operator fails to load, as it does with another release's torch."""
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    finding = doctor.torch_pair()
    assert finding.ok is False
    assert "do not work together" in finding.text and "nms does not exist" in finding.text and "pip install" in finding.text


def test_doctor_says_how_to_get_bubblewrap(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("PATH", str(tmp_path))
    finding = doctor.bubblewrap()
    assert finding.ok is False and "apt-get install bubblewrap" in finding.text
    assert doctor.namespaces().ok is None


def test_doctor_wants_room_on_the_disk(monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: doctor.shutil._ntuple_diskusage(10**12, 10**12, 10**8))
    finding = doctor.disk()
    assert finding.ok is False and "make room" in finding.text
