"""The graded lab as a learner meets it: the notebook runs, what it hands in gets every point, and mistakes are said at once."""

import io
import json
import linecache
import os
import sys

import pytest
import torch
from rich.console import Console

from autograder.checks.run import run_checks
from autograder.checks.verdict import judge
from autograder.course import catalogue, paths
from autograder.course.blanks import has_blank
from autograder.learner.checking import files_here
from course_data import UserError
from course_labs import Recipe, Settings, Shape, Studio
from course_labs.studio.hand_in import hand_in
from course_labs.studio.own_functions import OwnFunctions
from tests.files.notebooks import released, solved

LAB = "compression_studio"
TINY = Settings(
    teacher=Shape((32, 32), (2, 2)),
    teacher_recipe=Recipe(1, 0.1, batch=64),
    student=Shape((32, 16), (2, 2)),
    student_recipe=Recipe(1, 0.1, batch=64),
    pruned_widths=(16, 16),
    recovery_recipe=Recipe(1, 0.05, batch=64),
    importance_images=128,
    calibration=64,
    latency_calls=40,
)


def test_the_released_notebook_has_its_blanks_and_no_answer_stands_elsewhere():
    cells = [cell for cell in released(LAB).cells if cell.cell_type == "code"]
    assert sum(has_blank(cell.source) for cell in cells if "import ___" not in cell.source) == 4
    assert [e.kind for e in catalogue.lessons()[LAB].exercises].count("artefact") == 2
    assert not [path for path in paths.LABS.rglob("*.py") if "# blank:" in path.read_text(encoding="utf-8")], (
        "answers stand in solutions/ only"
    )


def test_the_notebook_runs_and_hands_in_what_gets_every_point(tmp_path, monkeypatch):
    from nbclient import NotebookClient

    for name in ("data.py", "labs.py"):  # a student's own, beside the notebook
        (tmp_path / name).write_text("raise RuntimeError('shadowed')\n")
    # the kernel of this interpreter, whatever "python3" means on the machine
    monkeypatch.setenv("PATH", os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]))
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # two threads beside another busy test train ten times slower
    made = solved(LAB)
    for cell in made.cells:
        if cell.metadata.course.role == "check":
            cell.source = cell.source.splitlines()[-1]  # the student's: without nbgrader's lines
    NotebookClient(made, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    said = "".join(str(o.get("data", {}).get("text/plain", "")) for c in made.cells for o in c.get("outputs", []))
    assert said.count("Passed.") == 6, said
    table = "".join(str(o.get("data", {}).get("text/markdown", "")) for c in made.cells for o in c.get("outputs", []))
    assert "teacher, float32" in table
    monkeypatch.chdir(tmp_path)
    lesson, wanted = catalogue.lessons()[LAB], ("studio.5-files", "studio.6-table")
    outcomes = run_checks(LAB, None, seed=1, exercises=wanted, hidden=True, artefacts=files_here(lesson))
    for each in wanted:
        verdict = judge(LAB, lesson.exercise(each), outcomes, hidden=True)
        assert verdict.status == "passed", verdict


def studio(out):
    return Studio("digits", out, settings=TINY, console=Console(file=io.StringIO()))


def test_ones_own_functions_drive_the_studio(tmp_path):
    """They are called, what depends on them is done again, and nothing else is."""
    calls, own = [], studio(tmp_path)

    def my_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
        calls.append((temperature, alpha_soft))
        return torch.nn.functional.cross_entropy(student_logits, labels)

    plain = own.pruned()
    own.use(loss=my_loss)
    assert own.teacher().done.resumed is False and not own.pruned().done.resumed and set(calls) == {(TINY.temperature, TINY.alpha)}
    assert own.pruned().done.fingerprint != plain.done.fingerprint
    again = studio(tmp_path)
    again.use(loss=my_loss)
    assert again.teacher().done.resumed and again.pruned().done.resumed


def test_a_function_is_another_when_what_stands_beside_it_is(tmp_path):
    """A cell may hold a helper: repair it, and the student must be trained again. Two functions of one cell are two."""
    text = (
        "def soften(z, t):\n    return z / t\n\n\ndef loss(z, t):\n    return soften(z, t)\n\n\ndef other(z, t):\n    return soften(z, t)\n"
    )
    path, hashes = tmp_path / "cell.py", []
    for content in (text, text, text.replace("z / t", "z / t**2")):
        path.write_text(content)
        names = {}
        exec(compile(content, path, "exec"), names)
        hashes += [OwnFunctions(loss=names["loss"]).versions("loss"), OwnFunctions(loss=names["other"]).versions("loss")]
        linecache.clearcache()
    assert hashes[0] == hashes[2] and hashes[0] != hashes[4] and hashes[0] != hashes[1]


@pytest.mark.parametrize(
    "functions, words",
    [
        ({"loss": lambda z, t, y, temperature, alpha: (z * float("nan")).mean()}, "one finite number"),
        ({"loss": lambda z, t, y, temperature, alpha: torch.nn.functional.cross_entropy(z, y).detach()}, "without a gradient"),
        ({"loss": lambda z, t, y, temperature, alpha: z}, "one finite number"),
        ({"rebuild": lambda state, kept: state}, "does not fit the smaller network"),
        ({"rebuild": lambda state, kept: None}, "does not fit the smaller network"),
        ({"calibrate": lambda images, count, mean, std, seed: images["train"][:count]}, "must be a float32 tensor"),
        ({"rebild": None}, "The studio takes loss, rebuild, calibrate"),
    ],
)
def test_a_function_that_does_not_fit_is_said_at_once(functions, words, tmp_path):
    own = studio(tmp_path)
    with pytest.raises(UserError, match=words):
        own.use(**functions)
        own.int8()


def test_handing_in_says_what_is_missing(tmp_path, capsys):
    (tmp_path / "a.onnx").write_bytes(b"abc")
    folder = hand_in("some_lab", {"a.onnx": tmp_path / "a.onnx", "b.npy": b"12"}, {"rows": []}, tmp_path / "out")
    assert sorted(p.name for p in folder.iterdir()) == ["a.onnx", "b.npy", "results.json"] and "3 bytes" in capsys.readouterr().out
    assert json.loads((folder / "results.json").read_text()) == {"rows": []}
    with pytest.raises(UserError, match="cannot be handed in"):
        hand_in("some_lab", {"a.onnx": tmp_path / "none.onnx"}, {}, tmp_path / "out")
