"""The two exercise labs: which exercises they have, and what their checks of files let through."""

import contextlib
import json

import onnx
import pytest
import torch

from autograder.checks.artefacts import Artefacts, Here
from autograder.checks.run import run_checks
from autograder.checks.verdict import judge
from autograder.course import catalogue
from autograder.course.handed_in import Handed
from course_data import load
from course_labs.methods import export
from course_labs.methods.training import Recipe, cross_entropy, train
from course_labs.networks.convnet import ConvNet, Shape
from tests.files.exercise_labs import forge

LABS = ("pruning_tradeoff", "temperature_sweep")


@pytest.mark.parametrize("lab", LABS)
def test_an_exercise_lab_has_every_kind_of_exercise(lab):
    assert {"choice", "code", "bug", "artefact", "written"} == {exercise.kind for exercise in catalogue.lessons()[lab].exercises}


# The files. Forged ones are handed in as a student would by the corpus, tests/hostile.


def test_a_trained_network_exports_as_a_plain_chain(tmp_path):
    """Training leaves weights channels last; the exporter must not write out how the axes are turned back."""
    torch.manual_seed(0)
    net = train(ConvNet(Shape((8, 16), (1, 2)), 1, 10), load("digits"), Recipe(epochs=0.2, peak_lr=0.1), cross_entropy, seed=0)
    model = onnx.load(export.export(net, (8, 8), tmp_path / "net.onnx"))
    assert {node.op_type for node in model.graph.node} == {"Conv", "Relu", "GlobalAveragePool", "Reshape", "Gemm"}


def graded(lab, files):
    """The verdict on what was handed in, the files measured in this process."""
    lesson = catalogue.lessons()[lab]
    (exercise,) = [each for each in lesson.exercises if each.kind == "artefact"]
    nobody = lambda _: contextlib.nullcontext(None)  # noqa: E731
    artefacts = Artefacts(Handed("handed_in", files), Here())
    outcomes = run_checks(lab, nobody, seed=1, exercises=[exercise.id], hidden=True, artefacts=artefacts)
    return judge(lab, exercise, outcomes, hidden=True)


@pytest.fixture(scope="module", params=LABS)
def handed(request):
    """(lab, what an honest student hands in with it)."""
    return request.param, forge.honest(request.param)


def test_an_honest_student_gets_every_point(handed):
    got = graded(*handed)
    assert (got.status, got.points) == ("passed", 15), got.message


@pytest.mark.parametrize("cell", ["bytes", "macs", "parameters"])
def test_sizes_that_the_files_do_not_have_earn_nothing(handed, cell):
    lab, files = handed
    results = json.loads(files["results.json"])
    results["rows"][3][cell] -= 1
    got = graded(lab, files | {"results.json": json.dumps(results).encode()})
    assert got.points == 0 and f"`{results['rows'][3]['file']}`" in got.message


def test_any_row_of_a_tie_may_be_chosen_and_no_other():
    """Of two equal means, how they were added up decides which is larger by its last bit."""
    files = forge.honest(forge.TRADE)
    results = json.loads(files["results.json"])
    rows = {row["file"]: row for row in results["rows"]}
    cut = {percent: rows[f"pruned-{percent}.onnx"] for percent in (30, 50, 70)}
    first = {percent: row["validation"][0] for percent, row in cut.items()}
    cut[30]["validation"], cut[50]["validation"], cut[70]["validation"] = [first[30], first[50]], [first[50], first[30]], [first[70], 50]
    for chosen, earned in ((30, 15), (50, 15), (70, 13), (None, 13), ([30], 13)):
        results["chosen"]["macs"] = chosen
        got = graded(forge.TRADE, files | {"results.json": json.dumps(results).encode()})
        assert got.points == earned, (chosen, got.message)
    assert "30 or 50" in got.message


@pytest.mark.parametrize(
    "nonsense", [None, [], {}, {"rows": None}, {"data": "digits", "rows": [1]}, {"data": 5, "sweep": [None], "chosen": 3, "rows": []}]
)
def test_results_without_sense_earn_nothing(handed, nonsense):
    lab, files = handed
    got = graded(lab, files | {"results.json": json.dumps(nonsense).encode()})
    assert (got.status, got.points) == ("failed", 0), got.message
