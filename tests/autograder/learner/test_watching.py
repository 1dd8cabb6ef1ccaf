"""`course watch`: the same verdicts as `course check`, and what editors and cells do to a file and a process."""

import json
import os
import shutil
import sys
import time

import nbformat
import pytest

from autograder.authoring.build import build
from autograder.course import catalogue, paths
from autograder.learner import own_notebook, progress, watching
from autograder.learner.own_notebook import check_notebook
from autograder.learner.watching import Begun, Saved, Told, Trouble, Watch

LESSON = "01_affine_quantization"
LOOP = "# Exercise 1.4-bug\nwhile True:\n    pass\n"


@pytest.fixture(scope="module")
def answers():
    cells = nbformat.reads(build(paths.source_of(LESSON)).instructor, as_version=4).cells
    return {c.metadata.course.exercise: c.source for c in cells if c.metadata.course.role == "exercise"}


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    shutil.copy(paths.notebook_of(LESSON), tmp_path / f"{LESSON}.ipynb")
    return tmp_path / f"{LESSON}.ipynb"


@pytest.fixture
def watched(path):
    watch = Watch(catalogue.lessons(), {LESSON: path}, catalogue.lessons()[LESSON])
    yield watch
    watch.stop()


def save(path, change=None, own=None, **cells):
    """Write the notebook with other sources: by exercise, `b_4_bug=...` for 1.4-bug; `own`: a cell of the student's at its beginning."""
    document = json.loads(path.read_text())
    for name, source in cells.items():
        exercise = f"1.{name[2:].replace('_', '-')}"
        next(c for c in document["cells"] if c["id"] == f"exercise-{exercise.replace('.', '-')}")["source"] = source
    if own is not None:
        cell = {"cell_type": "code", "id": "own", "metadata": {}, "outputs": [], "execution_count": None, "source": own}
        document["cells"] = [c for c in document["cells"] if c["id"] != "own"]
        document["cells"].insert(3, cell)
    path.write_text(json.dumps(document))


def until(watch, kind, seconds=60):
    """Events up to the first of a kind."""
    found, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        found += watch.step()
        if any(isinstance(each, kind) for each in found):
            return found
        time.sleep(0.02)
    raise AssertionError(f"no {kind.__name__} came: {found}")


def told(watch):
    return next(each for each in until(watch, Told) if isinstance(each, Told))


def idle(watch):
    """Let it look through the rest, too; what it says of it."""
    found = []
    while watch.busy or watch._job is not None or watch._rest is not None:
        found += watch.step()
        time.sleep(0.02)
    return found


def test_the_same_edits_get_the_same_verdicts_as_course_check(path, watched, answers, monkeypatch):
    monkeypatch.setattr(own_notebook, "CELL_SECONDS", 0.3)
    assert [type(each) for each in watched.begin()] == [Begun]
    assert {v.status for v in told(watched).verdicts} == {"blank"}
    edits = [
        ({"e_1_predict": answers["1.1-predict"]}, "passed"),
        ({"e_3_quantize": answers["1.3-quantize"].replace("np.rint(", "np.floor(")}, "failed"),
        ({"e_3_quantize": answers["1.3-quantize"]}, "passed"),
        ({"e_4_bug": answers["1.4-bug"] + "\n)"}, "error"),
        ({"e_4_bug": LOOP}, "timeout"),
        ({"e_4_bug": answers["1.4-bug"], "e_9_bytes": "# Exercise 1.9-bytes\nimport os\nos._exit(0)"}, "error"),
        ({"e_1_predict": "# Exercise 1.1-predict\npredict_1_1 = ___"}, "blank"),
        ({"own": "def helper(x):\n    return 1 / 0"}, None),
        ({"e_7_channels": "# Exercise 1.7-channels\ndef quantize_rows(w, qmax):\n    return helper(w)"}, "error"),
        ({"own": "def helper(x):\n    return x"}, "failed"),  # the answer itself is as it was
    ]
    for change, status in edits:
        save(path, **change)
        if status is None:
            assert Saved(()) in until(watched, Saved)
            continue
        found = told(watched)
        assert found.asked and status in {v.status for v in found.verdicts}, (change, found)
        assert check_notebook(path, [v.exercise for v in found.verdicts])[1] == list(found.verdicts), change
    assert idle(watched) == []  # what was not asked about is as it was, too
    assert list(watched.known.values()) == [v for v in check_notebook(path)[1] if v.status != "needs_manual"]
    assert progress.of("1.3-quantize")["passed"]


def test_a_loop_that_no_limit_within_can_stop_is_stopped_from_outside(path, watched, answers, monkeypatch):
    monkeypatch.setattr(own_notebook, "CELL_SECONDS", 0.2)
    watched.begin()
    told(watched)
    idle(watched)
    monkeypatch.setattr("autograder.learner.warm.HARD_SECONDS", 1.0)
    save(
        path,
        e_4_bug="# Exercise 1.4-bug\nwhile True:\n    try:\n        while True:\n            pass\n    except Exception:\n        pass\n",
    )
    (verdict,) = told(watched).verdicts
    assert verdict.status == "timeout" and verdict.message.startswith("Exercise 1.4-bug did not come to an end within 1 s")
    watched._rest = None
    monkeypatch.setattr("autograder.learner.warm.HARD_SECONDS", 30.0)
    save(path, e_4_bug=answers["1.4-bug"])
    assert [v.status for v in told(watched).verdicts] == ["passed"]


def test_what_editors_do_to_a_file(path, watched, answers, monkeypatch):
    """No process: what would be checked is enough here."""
    started = []
    monkeypatch.setattr(Watch, "_start", lambda self, opened, wanted, kind: started.append((kind, sorted(wanted))))
    watched.begin()
    whole = path.read_text()
    # Half of it, then all: nothing is said.
    path.write_text(whole[: len(whole) // 2])
    assert watched.step() == []
    save_text = whole.replace("# Exercise 1.1-predict", "# Exercise 1.1-predict, mine")
    path.write_text(save_text)
    assert [type(each) for each in watched.step()] == [Saved] and started[-1] == ("asked", ["1.1-predict"])
    # Outputs alone, and a checkpoint, are no change.
    document = json.loads(save_text)
    document["metadata"]["touched"] = True
    path.write_text(json.dumps(document))
    checkpoints = path.parent / ".ipynb_checkpoints"
    checkpoints.mkdir()
    (checkpoints / f"{LESSON}-checkpoint.ipynb").write_text(whole)
    assert watched.step() == [Saved(())] and watched.step() == []
    # Half of it for good is said, once.
    monkeypatch.setattr(watching, "PATIENCE", 0.0)
    path.write_text(whole[: len(whole) // 2])
    (trouble,) = watched.step()
    assert isinstance(trouble, Trouble) and "not JSON" in trouble.message and watched.step() == []
    # Another name, gone, and back.
    path.write_text(save_text)
    watched.step()
    path.rename(path.with_name("mine.ipynb"))
    (trouble,) = watched.step()
    assert "now called mine.ipynb" in trouble.message and watched.path.name == "mine.ipynb"
    watched.path.unlink()
    (trouble,) = watched.step()
    assert "no longer there" in trouble.message and watched.step() == []
    save_again = save_text.replace("# Exercise 1.1-predict, mine", "# Exercise 1.1-predict")
    watched.path.write_text(save_again)
    assert [type(each) for each in watched.step()] == [Saved]


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminal")
def test_keys_and_the_end_in_a_terminal(path, answers):
    pexpect = pytest.importorskip("pexpect")
    lesson = catalogue.lessons()[LESSON]
    home = path.parent / "home"
    home.mkdir()
    others = {each.id: {"passed": True} for each in lesson.exercises if not each.by_hand and each.id not in ("1.4-bug", "1.1-predict")}
    (home / "progress.json").write_text(json.dumps(others))
    environment = {**os.environ, "COURSE_HOME": str(home), "COLUMNS": "110", "TERM": "dumb"}
    child = pexpect.spawn(
        sys.executable, ["-m", "autograder.cli.main", "watch", LESSON], cwd=path.parent, env=environment, encoding="utf-8", timeout=60
    )
    child.setwinsize(40, 110)
    child.expect("1.1-predict  How far.*q quit")
    child.send("h")
    child.expect("1.1-predict  Hint 1 of 3")
    child.send("n")
    child.expect("1.4-bug  Find the bug")
    save(path, e_4_bug="# Exercise 1.4-bug\nmine = 1")
    child.expect(r"saved: 1.4-bug.*missing +1.4-bug.*1.4-bug  Find the bug.*q quit")
    child.send("r")
    child.expect("Press r again")
    child.send("r")
    child.expect(r"as it was handed out.*before\s+you\s+save\s+it")  # a long path breaks the line
    assert "mine = 1" not in path.read_text() and "mine = 1" in path.with_suffix(".ipynb.bak").read_text()
    save(path, e_4_bug=answers["1.4-bug"])
    child.expect(r"passed +1.4-bug.*\+8 points.*87 of 92 points.*1.5-written  ")
    save(path, e_1_predict=answers["1.1-predict"])
    child.expect(r"passed +1.1-predict.*every exercise that is checked passes.*`quantize_rows`.*1.5-written.*Mini-challenge.*Next: 02")
    child.send("l")
    child.expect("8 of 8 exercises pass")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert not [each for each in path.parent.rglob("*") if each.suffix == ".part" or "checkpoint" in each.name]
