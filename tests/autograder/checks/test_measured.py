"""Files that are handed in with a lab: read with limits, looked into, measured again, and compared with the student's table."""

import json
import os
from decimal import Decimal
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from autograder.authoring.build import build
from autograder.checks import measured, onnx_files
from autograder.checks.artefacts import Artefacts, Here
from autograder.checks.expect import Mistake
from autograder.checks.run import run_checks
from autograder.checks.verdict import judge
from autograder.course import catalogue
from autograder.course.faults import MissingFile, StudentFault
from autograder.course.handed_in import Handed, folder_of, read_folder
from autograder.course.paths import source_of
from autograder.grading.submission import grade
from autograder.sandbox.box import Sandbox
from autograder.sandbox.limits import Limits
from tests.files.studio import forge

LAB = "compression_studio"
FILES = forge.HERE
EXERCISES = ("studio.5-files", "studio.6-table")


def artefacts(files):
    return Artefacts(Handed(f"{LAB}_artefacts", files), Here())


def verdicts(files, hidden=True, where=None):
    """The verdicts on the two exercises about files."""
    outcomes = run_checks(LAB, None, seed=1, exercises=EXERCISES, hidden=hidden, artefacts=where or artefacts(files))
    return [judge(LAB, catalogue.lessons()[LAB].exercise(each), outcomes, hidden=hidden) for each in EXERCISES]


@pytest.fixture(scope="module")
def own():
    """The honest files, opened once."""
    return artefacts(forge.honest())


# What a file is


def test_a_network_is_what_the_lab_says_of_it(own):
    for row in json.loads((FILES / "results.json").read_text())["rows"]:
        network = own.model(row["file"])
        assert (network.bytes, network.parameters, network.macs) == (row["bytes"], row["parameters"], row["macs"])
        assert network.input == (1, 8, 8) and network.classes == 10
    assert own.model("teacher.onnx").widths == (32, 32) and own.model("pruned.onnx").widths == own.model("int8.onnx").widths == (16, 16)
    assert {layer.type for layer in own.model("int8.onnx").layers} == {"int8"} and {
        layer.type for layer in own.model("pruned.onnx").layers
    } == {"float"}


def test_weights_are_those_that_act(own):
    """int8 codes times their scales lie within half a step of what was rounded, outputs first."""
    for rounded, exact in zip(own.weights("int8.onnx"), own.weights("pruned.onnx"), strict=True):
        step = np.abs(exact).reshape(len(exact), -1).max(axis=1) / 63  # where weights give up a bit, else 127
        assert rounded.shape == exact.shape and np.all(np.abs(rounded - exact).reshape(len(exact), -1).max(axis=1) <= 0.51 * step)


def test_accuracy_is_that_of_the_runtime(own):
    from course_data import load
    from course_labs.networks.convnet import normalise

    data = load("digits")
    images = normalise(data.test.images, data.mean, data.std).numpy()
    session = onnxruntime.InferenceSession(forge.honest()["student.onnx"], providers=["CPUExecutionProvider"])
    right = int((session.run(None, {"image": images})[0].argmax(axis=1) == data.test.labels.numpy()).sum())
    assert own.accuracy("student.onnx", "digits").correct == right and own.accuracy("student.onnx", "digits").images == len(images) == 360
    one, two, three = (own.accuracy("student.onnx", "digits", np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one == two and one.percent > 90 and (one != three or one.correct == three.correct)


def test_what_was_found_once_is_not_done_again(monkeypatch):
    own, calls = artefacts(forge.honest() | {"student.onnx": b"no"}), []
    monkeypatch.setattr(onnx_files, "describe", lambda name, real=onnx_files.describe: calls.append(name) or real(name))
    for _ in range(3):
        own.model("teacher.onnx")
        with pytest.raises(Mistake, match="is not an ONNX file"):
            own.model("student.onnx")
    assert calls == ["teacher.onnx", "student.onnx"]


# The honest, and everybody else


def test_honest_files_get_every_point(own):
    files, table = verdicts(None, where=own)
    assert (files.status, files.points) == ("passed", 17), files
    assert (table.status, table.points) == ("passed", 15), table
    assert own.measured["int8.onnx"]["images"] == 360 and own.measured["int8.onnx"]["milliseconds"] > 0


def test_the_rounding_of_a_figure_is_its_own(own):
    """347 of 360, 96.39 %, may be written as 96.4 or as 96; 96.5 and 97 say something else."""
    row = own.results()["rows"][2]
    for claimed in ("96.3888888889", "96.39", "96.4", "96"):
        measured.same_table(own, [{**row, "accuracy_percent": Decimal(claimed) if "." in claimed else int(claimed)}], "digits")
    for claimed, shown in (("96.6666666667", "96.3889"), ("96.40", "96.39"), ("96.5", "96.4"), ("97", "96.4"), ("95.0", "96.4")):
        table = [{**row, "accuracy_percent": Decimal(claimed) if "." in claimed else int(claimed)}]
        with pytest.raises(Mistake, match=f"`pruned.onnx`, accuracy: you report {claimed} %, the file gives {shown} %"):
            measured.same_table(own, table, "digits")


def test_no_model_can_make_the_tolerance_wide():
    """Logits that all lie next to each other excuse one image in a hundred, not all."""
    files = forge.honest()

    def flat(model, stored):
        for name in ("6.weight", "6.bias"):
            forge.put(stored[name], forge.numpy_helper.to_array(stored[name]) * np.float32(1e-6) + np.float32(name == "6.bias"))

    forge.change(files, "student.onnx", flat)
    found = artefacts(files).accuracy("student.onnx", "digits")
    assert found.near <= 3


EXPECTED = {  # name: (studio.5-files, studio.6-table, words in a message); None: full points
    "the-teacher-for-int8": ("failed", None, "stored as float"),
    "one-model-under-four-names": ("failed", None, "is the same file as"),
    "student-and-pruned-exchanged": ("failed", None, "more channels"),
    "masked-with-zeros": ("failed", "failed", "Zeros in a tensor do not make it smaller"),
    "another-students-int8": ("failed", None, "are not those of `pruned.onnx`, rounded"),
    "numbers-in-lists": ("failed", "failed", "computes with stored numbers alone"),
    "rounded-activations-and-float-weights": ("failed", "failed", "stored as float"),
    "weights-rounded-when-it-runs": ("failed", "failed", "stored as float"),
    "float-weights-beside-the-codes": ("failed", None, "What else is in it?"),
    "activations-in-sixteen-bits": ("failed", "failed", "rounds to numbers of more than eight bits"),
    "no-numbers-come-out": ("failed", "failed", "`teacher.onnx`, accuracy: you report 98.33 %, the file gives 0.00 %"),
    "a-loop": ("failed", "failed", "uses the operator Loop"),
    "two-gigabytes": ("failed", "failed", "impossible shape"),
    "numbers-in-another-file": ("failed", "failed", "external data"),
    "an-operator-of-its-own": ("failed", "failed", "of the domain com.example"),
    "a-table-of-the-test-images": ("failed", None, "it knows those images, not what they show"),
    "not-a-network": ("failed", "failed", "`pruned.onnx` is not an ONNX file"),
    "half-a-network": ("failed", "failed", "`pruned.onnx` is not an ONNX file"),
    "one-file-is-not-there": ("missing", "missing", "`int8.onnx` was not handed in"),
    "int8-a-little-better": (None, "failed", "`int8.onnx`, accuracy: you report 98.9 %, the file gives 96.4 %"),
    "teacher-a-little-worse": (None, "failed", "`teacher.onnx`, accuracy: you report 92.5 %"),
    "int8-smaller-than-it-is": (None, "failed", "`int8.onnx`, size in bytes: you report 7,000, the file has 7,703"),
    "fewer-macs-than-there-are": (None, "failed", "`student.onnx`, MACs: you report 20,000, the file has 21,056"),
    "fewer-parameters-than-there-are": (None, "failed", "`pruned.onnx`, parameters: you report 2,649"),
    "a-hundred-times-faster": (None, "failed", "up to a factor of 4"),
    "no-time-at-all": (None, "failed", "nothing takes no time"),
    "accuracy-that-is-no-number": ("failed", "failed", "holds NaN"),
    "accuracy-in-words": (None, "failed", "expected a number, got '96.39'"),
    "accuracy-without-end": ("failed", "failed", "no measurement gives: 1e400"),
    "a-key-twice": ("failed", "failed", "has the key 'bytes' twice"),
    "true-for-a-number": (None, "failed", "expected a number, got True"),
    "a-row-too-few": (None, "failed", "no row for `int8.onnx`"),
    "a-row-twice": (None, "failed", "two rows for `teacher.onnx`"),
    "brackets-without-end": ("failed", "failed", "is not JSON"),
    "a-list-for-a-table": ("failed", "failed", "should hold a JSON object"),
    "a-path-for-a-data-set": ("failed", "failed", "The table must say its data set"),
    "digits-without-end": ("failed", "failed", "no measurement gives: 7777"),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_forged(name):
    """Only what is true earns points: nothing but the speeds of a table whose other cells hold is judged apart."""
    got, (*wanted, words) = verdicts(forge.made(name)), EXPECTED[name]
    for verdict, status in zip(got, wanted):
        assert verdict.status == (status or "passed"), (verdict.status, verdict.message)
        apart = 12 if name in ("a-hundred-times-faster", "no-time-at-all") and status else 0
        assert verdict.points == (apart if status else verdict.max_points), verdict
    assert words in " ".join(v.message for v in got), [v.message for v in got]


def test_every_forgery_is_told_of_somewhere():
    assert forge.FORGED.keys() - EXPECTED.keys() == {"endless-padding", "another-data-set"}  # in the corpus; see below


@pytest.mark.usefixtures("bubblewrap")
def test_in_the_sandbox_a_file_that_eats_memory_costs_its_own_exercises_alone():
    with Sandbox(limits=Limits(memory_mb=512), isolation="bubblewrap", preload=("numpy", "torch")) as sandbox:
        notebook = build(source_of(LAB)).notebook.encode()
        result = grade(notebook, "x", LAB, sandbox, seed=1, handed=Handed("f", forge.made("endless-padding")), exercises=EXERCISES)
        assert {v.status for v in result.verdicts} <= {"failed", "crashed", "timeout"} and result.points == 0, result.verdicts
        assert "`student.onnx`" in result.verdicts[0].message
        good = [grade(notebook, "x", LAB, sandbox, seed=1, handed=Handed("f", forge.honest()), exercises=EXERCISES) for _ in range(2)]
    assert [v.status for v in good[0].verdicts] == ["passed", "passed"], good[0].verdicts
    assert good[0].verdicts == good[1].verdicts and good[0].measured["int8.onnx"]["correct"] == good[1].measured["int8.onnx"]["correct"]
    assert good[0].artefacts["int8.onnx"]["bytes"] == 7703 and len(good[0].artefacts["int8.onnx"]["sha256"]) == 64


def test_a_data_set_that_the_grader_lacks_is_its_own_fault(monkeypatch):
    from course_data import UserError

    def lacking(data, split):
        raise UserError("MNIST is not here.")

    monkeypatch.setattr("autograder.checks.artefacts._split", lacking)
    files, table = verdicts(forge.honest())
    assert files.status == table.status == "grader_error" and "MNIST is not here" in files.message


# Reading the folder


def test_only_ordinary_files_of_the_right_names_are_read(tmp_path, monkeypatch):
    folder = tmp_path / f"{LAB}_artefacts"
    folder.mkdir()
    (folder / "teacher.onnx").write_bytes(b"x")
    (folder / "other.onnx").write_bytes(b"y")
    (folder / "student.onnx").symlink_to(folder / "teacher.onnx")
    os.mkfifo(folder / "pruned.onnx")
    (folder / "int8.onnx").mkdir()
    (folder / "large.onnx").write_bytes(b"z" * 21)
    (folder / "second.onnx").write_bytes(b"z" * 10)
    monkeypatch.setattr("autograder.course.handed_in.MOST_BYTES", 20)
    monkeypatch.setattr("autograder.course.handed_in.MOST_TOGETHER", 10)
    names = ("teacher.onnx", "student.onnx", "pruned.onnx", "int8.onnx", "large.onnx", "second.onnx", "absent.onnx")
    found = read_folder(folder, names)
    assert found.files == {"teacher.onnx": b"x"} and found.problems.keys() == set(names[1:6])
    assert "no link" in found.problems["student.onnx"] and "ordinary file" in found.problems["pruned.onnx"]
    assert (
        "cannot be read" in found.problems["int8.onnx"]
        and "too large" in found.problems["large.onnx"]
        and "too large" in found.problems["second.onnx"]
    )
    (tmp_path / "link_artefacts").symlink_to(folder)
    assert read_folder(tmp_path / "link_artefacts", names) == Handed("link_artefacts")
    own = Artefacts(found, Here())
    with pytest.raises(MissingFile, match="absent.onnx` was not handed in"):
        own.model("absent.onnx")
    with pytest.raises(Mistake, match="no link"):
        own.model("student.onnx")


def test_where_the_folder_lies():
    assert folder_of(Path("c/ada/compression_studio/x.ipynb"), LAB) == Path("c/ada/compression_studio/compression_studio_artefacts")
    assert folder_of(Path("c/ada_compression_studio.ipynb"), LAB) == Path("c/ada_compression_studio_artefacts")


def test_an_array_is_numbers_and_nothing_else(tmp_path):
    for name, value in (("good", np.arange(6.0).reshape(2, 3)), ("objects", np.array([{}], dtype=object)), ("text", np.array(["a"]))):
        np.save(tmp_path / f"{name}.npy", value, allow_pickle=True)
    good = (tmp_path / "good.npy").read_bytes()
    files = {p.name: p.read_bytes() for p in tmp_path.iterdir()} | {
        "short.npy": good[:-8],
        "none.npy": b"",
        "huge.npy": good.replace(b"(2, 3)", b"(2, 3000000000000)"[:6]),
    }
    own = artefacts(files)
    assert np.array_equal(own.array("good.npy"), np.arange(6.0).reshape(2, 3))
    for name in files.keys() - {"good.npy"}:
        with pytest.raises(Mistake):
            own.array(name)


# A class with files


@pytest.fixture
def two_students(tmp_path):
    """ada in nbgrader's layout, bo with a notebook beside the others'."""
    notebook = build(source_of(LAB)).notebook
    nested, flat = tmp_path / "class" / "ada" / LAB, tmp_path / "flat"
    for folder, name in ((nested, LAB), (flat, f"bo_{LAB}")):
        (folder / f"{name}_artefacts").mkdir(parents=True)
        (folder / f"{name}.ipynb").write_text(notebook)
        for file, data in forge.honest().items():
            (folder / f"{name}_artefacts" / file).write_bytes(data)
    return tmp_path


@pytest.mark.usefixtures("bubblewrap")
def test_a_class_is_graded_kept_and_repeated(two_students):
    from autograder.grading.class_run import grade_class
    from autograder.grading.repeat import repeat

    out, again = two_students / "out", []
    for folder, student in (("class", "ada"), ("flat", "bo")):
        graded = grade_class(two_students / folder, out / folder, jobs=1, seed=3)
        (result,), passed_over = graded.results, graded.passed_over
        points = {v.exercise: v.points for v in result.verdicts}
        assert result.student == student and passed_over == [] and points["studio.5-files"] == 17 and points["studio.6-table"] == 15, (
            result.verdicts
        )
    file = out / "class" / "results" / "ada" / f"{LAB}.json"
    kept = file.read_bytes()
    grade_class(two_students / "class", out / "class", jobs=1, on_start=lambda total, done: again.append(done))
    assert again == [1] and file.read_bytes() == kept
    found = repeat(file)
    assert found.differs == [] and found.changed == []
    # Another file is another submission.
    changed = two_students / "class" / "ada" / LAB / f"{LAB}_artefacts" / "int8.onnx"
    changed.write_bytes(forge.honest()["teacher.onnx"])
    found = repeat(file)
    assert found.differs == ["the file int8.onnx handed in with it is another one"] and {a.exercise for a, _ in found.changed} == set(
        EXERCISES
    )
    (result,) = grade_class(two_students / "class", out / "class", jobs=1, on_start=lambda total, done: again.append(done)).results
    assert again == [1, 0] and result.points == 0


def test_the_notebooks_own_check_finds_the_folder(tmp_path, monkeypatch):
    from autograder.learner.checking import files_here

    monkeypatch.chdir(tmp_path)
    folder = tmp_path / f"{LAB}_artefacts"
    lesson = catalogue.lessons()[LAB]
    visible = verdicts(None, hidden=False, where=files_here(lesson))
    assert [v.status for v in visible] == ["missing", "missing"] and f"`{LAB}_artefacts`" in visible[0].message
    folder.mkdir()
    for name, data in forge.honest().items():
        (folder / name).write_bytes(data)
    assert [v.status for v in verdicts(None, hidden=False, where=files_here(lesson))] == ["passed", "passed"]
    elsewhere = tmp_path / "renamed.ipynb"
    assert [v.status for v in verdicts(None, hidden=False, where=files_here(lesson, elsewhere))] == ["passed", "passed"]


def test_faults_of_files_are_faults_of_students():
    assert issubclass(MissingFile, StudentFault) and MissingFile("a", "b").status == "missing"
