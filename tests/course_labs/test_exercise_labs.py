"""The two exercise labs: what holds for their notebooks, and what their checks of files let through."""

import contextlib
import copy
import json
import re

import nbformat
import numpy as np
import onnx
import pytest
import torch

from autograder import catalogue, paths
from autograder.artefacts import Handed
from autograder.blanks import has_blank
from autograder.checks.measured import Artefacts, Here
from autograder.checks.runner import run_checks
from autograder.checks.verdict import judge
from course_data import load
from course_labs import export, measure
from course_labs.networks import ConvNet, Shape, folded, normalise
from course_labs.pruning import channel_importance, keep_best, masked, rebuilt
from course_labs.training import Recipe, accuracy, cross_entropy, train

LABS = ("pruning_tradeoff", "temperature_sweep")


def cells(lab):
    return nbformat.read(paths.notebook_of(lab), 4).cells


def prose(lab):
    return "\n\n".join(cell.source for cell in cells(lab) if cell.cell_type == "markdown")


# The notebooks


@pytest.mark.parametrize("lab", LABS)
def test_a_lab_is_shaped_like_a_lesson(lab):
    own, text = cells(lab), prose(lab)
    assert 15 <= len(own) <= 45
    assert max(len(cell.source.splitlines()) for cell in own if cell.cell_type == "code") <= 40
    assert any(cell.cell_type == "code" and "import ___" not in cell.source and has_blank(cell.source) for cell in own[:6])
    for heading in ("Mini-challenge", "Common errors", "Quick reference", "Questions people ask", "What this did not show", "Further reading"):
        assert f"## {heading}" in text
    assert not re.search(r"<!-- answer -->|MARK SCHEME|# blank:|# bug:", "\n".join(cell.source for cell in own))


@pytest.mark.parametrize("lab", LABS)
def test_exercises_say_their_minutes_points_and_difficulty(lab):
    lesson = catalogue.lessons()[lab]
    assert sum(exercise.points for exercise in lesson.exercises) == 100 and 4 <= len(lesson.exercises) <= 7
    assert {"choice", "code", "bug", "artefact", "written"} == {exercise.kind for exercise in lesson.exercises}
    for exercise in lesson.exercises:
        line = prose(lab).split(f"## {exercise.id} ", 1)[1].split("\n\n", 2)[1]
        assert [int(n) for n in re.findall(r"\d+", line)[:3]] == [exercise.minutes, exercise.points, exercise.difficulty], exercise.id


@pytest.mark.parametrize("lab", LABS)
def test_figures_are_followed_by_what_to_see(lab):
    for cell, after in zip(cells(lab), cells(lab)[1:]):
        if cell.cell_type == "code" and cell.source.splitlines()[-1].startswith("figures."):
            assert after.source.startswith("*What to see")


# The files


def test_a_trained_network_exports_as_a_plain_chain(trained, tmp_path):
    """Training leaves weights channels last; the exporter must not write out how the axes are turned back."""
    _, small = trained
    model = onnx.load(export.export(small, (8, 8), tmp_path / "small.onnx"))
    assert {node.op_type for node in model.graph.node} == {"Conv", "Relu", "GlobalAveragePool", "Reshape", "Gemm"}


@pytest.fixture(scope="module")
def trained():
    """A network that reads digits, and the same at half the channels."""
    data, recipe = load("digits"), Recipe(epochs=8, peak_lr=0.1, batch=64, shift=1)
    torch.manual_seed(0)
    net = train(ConvNet(Shape((16, 16, 32, 32), (1, 2, 2, 1)), 1, 10), data, recipe, cross_entropy, seed=0)
    small = train(rebuilt(net, kept_at(net, data, 50)), data, recipe, cross_entropy, seed=1)
    assert accuracy(net, data.val, data) > 0.96 and accuracy(small, data.val, data) > 0.92
    return net, small


def kept_at(net, data, percent):
    return keep_best(channel_importance(net, data, images=256), tuple(n - n * percent // 100 for n in net.shape.widths))


def row_of(path, net, data):
    image, plain = normalise(data.test.images[:1], data.mean, data.std), folded(copy.deepcopy(net))
    return {
        "file": path.name, "bytes": path.stat().st_size, "parameters": measure.parameters(plain), "macs": measure.macs(plain, image),
        "accuracy_percent": round(100 * float(measure.correct(path, data.test, data).mean()), 2),
    }  # fmt: skip


@pytest.fixture(scope="module")
def trade(trained, tmp_path_factory):
    """An honest hand-in of the pruning lab: name -> bytes, and the results."""
    (net, small), data, folder = trained, load("digits"), tmp_path_factory.mktemp("trade")
    nets = {"whole": net, "masked-50": masked(net, kept_at(net, data, 50))}
    nets |= {f"pruned-{percent}": small if percent == 50 else rebuilt(net, kept_at(net, data, percent)) for percent in (10, 30, 50, 70)}
    paths_of = {name: export.export(each, (8, 8), folder / f"{name}.onnx") for name, each in nets.items()}
    image = normalise(data.test.images[:1], data.mean, data.std).numpy()
    times = measure.latencies({name: measure.onnx_call(path, image) for name, path in paths_of.items()}, 40)
    rows = []
    for name, path in paths_of.items():
        percent = int(name.split("-")[1]) if "-" in name else 0
        validation = [100 * accuracy(nets[name], data.val, data)]
        rows.append(row_of(path, nets[name], data) | {"percent": percent, "milliseconds": float(np.median(times[name])), "validation": validation})
    results = {"data": "digits", "rows": rows}
    return {path.name: path.read_bytes() for path in paths_of.values()}, results | {"chosen": choices(rows)}


def choices(rows):
    """By the rule of the lab: within 60 % of each cost, the best validation accuracy."""
    chosen = {}
    for cost in ("macs", "milliseconds"):
        inside = [row for row in rows if row["file"] != "masked-50.onnx" and row[cost] <= 0.6 * rows[0][cost]]
        if inside:
            chosen[cost] = max(inside, key=lambda row: (np.mean(row["validation"]), -row[cost]))["percent"]
    return chosen


@pytest.fixture(scope="module")
def sweep(trained, tmp_path_factory):
    """An honest hand-in of the temperature lab, with students that differ in their last bias only: name -> bytes, and the results."""
    (_, student), data, folder = trained, load("digits"), tmp_path_factory.mktemp("sweep")
    model = onnx.load(export.export(student, (8, 8), folder / "student.onnx"))
    bias = next(tensor for tensor in model.graph.initializer if list(tensor.dims) == [10])
    start = onnx.numpy_helper.to_array(bias)
    files, rows, table, number = {}, [], [], 0
    for t in (None, 1, 2, 4, 8, 16):
        for seed in (0, 1, 2):
            path, number = folder / f"{'alone' if t is None else f't{t}'}-{seed}.onnx", number + 1
            moved = start + np.float32(0.2 * number) * np.eye(10, dtype=np.float32)[number % 10]
            bias.CopyFrom(onnx.numpy_helper.from_array(moved, bias.name))
            onnx.save(model, path)
            files[path.name] = path.read_bytes()
            rows.append(row_of(path, student, data))
        points = np.array([row["accuracy_percent"] for row in rows[-3:]])
        table.append({"temperature": t, "mean": round(points.mean(), 2), "spread": round(points.std(ddof=1), 2)})
    return files, {"data": "digits", "sweep": table, "rows": rows}


def graded(exercise_id, files, results):
    """The verdict on what was handed in, the files measured in this process."""
    lesson = catalogue.lesson_of(exercise_id)
    artefacts = Artefacts(Handed("handed_in", files | {"results.json": json.dumps(results).encode()}), Here())
    nobody = lambda _: contextlib.nullcontext(None)  # noqa: E731
    outcomes = run_checks(lesson.name, nobody, seed=1, exercises=[exercise_id], hidden=True, artefacts=artefacts)
    return judge(lesson.name, lesson.exercise(exercise_id), outcomes, hidden=True)


def trade_verdict(files, results):
    return graded("tradeoff.6-files", files, results)


def sweep_verdict(files, results):
    return graded("sweep.6-files", files, results)


def test_an_honest_trade_gets_every_point(trade):
    got = trade_verdict(*trade)
    assert (got.status, got.points) == ("passed", 15), got.message


def changed(results, name, **cells_of_row):
    results = copy.deepcopy(results)
    next(row for row in results["rows"] if row["file"] == name).update(cells_of_row)
    return results


def test_a_better_accuracy_than_the_file_has_is_named_and_costs(trade):
    files, results = trade
    got = trade_verdict(files, changed(results, "pruned-70.onnx", accuracy_percent=98.61))
    assert got.points == 10 and "`pruned-70.onnx`, accuracy: you report 98.61 %" in got.message


def test_sizes_that_the_files_do_not_have_earn_nothing(trade):
    files, results = trade
    for cell, value in (("bytes", 1000), ("macs", 10), ("parameters", 5)):
        got = trade_verdict(files, changed(results, "pruned-50.onnx", **{cell: value}))
        assert got.points == 0 and "`pruned-50.onnx`" in got.message


def test_a_masked_network_is_no_pruned_one(trade):
    files, results = trade
    own = next(row for row in results["rows"] if row["file"] == "masked-50.onnx")
    got = trade_verdict(files | {"pruned-50.onnx": files["masked-50.onnx"]}, changed(results, "pruned-50.onnx", **{**own, "file": "pruned-50.onnx"}))
    assert got.points == 0 and "`pruned-50.onnx` has the channels 16-16-32-32" in got.message


def test_files_under_each_others_names_earn_nothing(trade):
    files, results = trade
    got = trade_verdict(files | {"pruned-10.onnx": files["pruned-30.onnx"], "pruned-30.onnx": files["pruned-10.onnx"]}, results)
    assert got.points == 0


def test_a_whole_network_is_no_masked_one(trade):
    files, results = trade
    whole = next(row for row in results["rows"] if row["file"] == "whole.onnx")
    size = {"bytes": whole["bytes"], "accuracy_percent": whole["accuracy_percent"]}
    got = trade_verdict(files | {"masked-50.onnx": files["whole.onnx"]}, changed(results, "masked-50.onnx", **size))
    assert got.points == 14 and "0 of 16 channels are silent" in got.message


def test_a_choice_against_the_own_table_costs(trade):
    files, results = trade
    got = trade_verdict(files, results | {"chosen": {**results["chosen"], "macs": 10}})
    assert got.points == 13 and "Within 60 % of the macs" in got.message


def test_a_missing_file_is_said(trade, sweep):
    for verdict, (files, results), name in ((trade_verdict, trade, "pruned-70.onnx"), (sweep_verdict, sweep, "t4-1.onnx")):
        got = verdict({n: data for n, data in files.items() if n != name}, results)
        assert got.points == 0 and got.status == "missing" and name in got.message


def test_an_honest_sweep_gets_every_point(sweep):
    got = sweep_verdict(*sweep)
    assert (got.status, got.points) == ("passed", 15), got.message


def test_a_mean_or_spread_that_does_not_follow_from_the_files_costs(sweep):
    files, results = sweep
    for cell, by in (("mean", 0.4), ("spread", -0.3)):
        forged = copy.deepcopy(results)
        forged["sweep"][3][cell] = round(forged["sweep"][3][cell] + by, 2)
        got = sweep_verdict(files, forged)
        assert got.points == 11 and f"T = 4, {cell}: you report" in got.message


def test_a_whole_table_made_up_keeps_only_the_files_points(sweep):
    files, results = sweep
    forged = copy.deepcopy(results)
    for row in forged["rows"]:
        row["accuracy_percent"] = 99.17
    for row in forged["sweep"]:
        row |= {"mean": 99.17, "spread": 0.0}
    assert sweep_verdict(files, forged).points == 6


def test_one_student_eighteen_times_is_no_sweep(sweep):
    files, results = sweep
    got = sweep_verdict(dict.fromkeys(files, files["t4-0.onnx"]), results)
    assert got.points == 0 and "is the same file as" in got.message


@pytest.mark.parametrize("nonsense", [None, [], {}, {"rows": None}, {"data": "digits", "rows": [1]}, {"data": 5, "sweep": [None], "chosen": 3, "rows": []}])
def test_results_without_sense_earn_nothing(trade, sweep, nonsense):
    for verdict, (files, _) in ((trade_verdict, trade), (sweep_verdict, sweep)):
        got = verdict(files, nonsense)
        assert (got.status, got.points) == ("failed", 0), got.message
