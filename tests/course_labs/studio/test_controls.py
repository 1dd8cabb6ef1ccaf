"""Control rows: each is what its name says, measured with the four rows, and its sentence follows its numbers."""

import copy
import dataclasses
import io
import shutil

import numpy as np
import onnx
import pytest
import torch
import typer
from rich.console import Console
from typer.testing import CliRunner

from course_data import load
from course_labs import Recipe, Settings, Shape, Studio, run_lab
from course_labs.measuring import measure
from course_labs.measuring.rows import CONTROLS
from course_labs.methods import export, other_tools, pruning, quantise, training, unstructured
from course_labs.methods.families import ConvNets
from course_labs.networks.convnet import ConvNet
from course_labs.report import control_sentences
from course_labs.report.results import from_json, read
from course_labs.report.summary import collected
from course_labs.report.tables import controls_markdown, controls_terminal
from course_labs.report.typed_json import to_json

TINY = Settings(
    teacher=Shape((32, 32), (2, 2)),
    teacher_recipe=Recipe(2, 0.1, batch=64),
    student=Shape((32, 16), (2, 2)),
    student_recipe=Recipe(1, 0.1, batch=64),
    pruned_widths=(16, 16),
    recovery_recipe=Recipe(2, 0.05, batch=64),
    importance_images=128,
    calibration=64,
    latency_calls=20,
)
# rows by tools that may be installed here are tested in test_other_tools.py
pytestmark = pytest.mark.usefixtures("plain")
QUIET = Console(file=io.StringIO())
NAMES = ["no_teacher", "from_scratch", "unstructured", "silenced", "dynamic_linear", "dynamic", "eager"]


@pytest.fixture(scope="module")
def plain():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(other_tools, "installed", lambda name: False)
        yield


@pytest.fixture(scope="module")
def run(plain, tmp_path_factory):
    """First the four models alone, then the controls with them, in the same folder."""
    out = tmp_path_factory.mktemp("controls")
    before = run_lab("digits", out, seed=1, settings=TINY, console=QUIET)
    assert before.first.controls == () and controls_markdown(before) == "" and not (out / "controls").exists()
    train, trained = training.train, []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            training,
            "train",
            lambda net, data, recipe, loss, seed, *rest, **named: (
                trained.append((recipe, loss, seed)) or train(net, data, recipe, loss, seed, *rest, **named)
            ),
        )
        results = run_lab("digits", out, seed=1, settings=TINY, console=QUIET, with_controls=True)
    assert [row.correct for row in results.first.rows] == [row.correct for row in before.first.rows]
    return results, out, trained


@pytest.fixture(scope="module")
def rows(run):
    return {row.name: row for row in (*run[0].first.rows, *run[0].first.controls)}


def test_every_control_is_a_row_like_the_four(run, rows):
    results, out, _ = run
    assert [row.name for row in results.first.rows] == ["teacher", "student", "pruned", "int8"]
    assert [row.name for row in results.first.controls] == NAMES
    fields = set(to_json(results.first.rows[0]))
    for row in results.first.controls:
        assert set(to_json(row)) == fields | {"shows"}
        assert row.bytes == (out / row.file).stat().st_size and row.onnx_runtime.calls == 20
        assert row.shows.endswith(".") and "nan" not in row.shows
    assert read(out / "results.json") == results


def test_only_the_controls_were_trained_each_in_its_way(run):
    """From a folder that has the four models: three trainings, which differ from the models' own in what the row's name says."""
    alone, scratch, scattered = run[2]
    assert alone[0] == TINY.student_recipe and alone[1] is training.cross_entropy
    assert scratch[0] == dataclasses.replace(TINY.student_recipe, epochs=3) and scratch[1] is not training.cross_entropy
    assert scattered[0] == TINY.recovery_recipe and scattered[1] is not training.cross_entropy
    seed_of = Studio("digits", run[1], seed=1, settings=TINY, console=QUIET).maker.seed_for
    assert alone[2] == seed_of("student") and scattered[2] == seed_of("pruned"), (
        "the images must come in the same order as in the row it is compared with"
    )


def test_done_once_and_timed_in_one_go(run, tmp_path, monkeypatch):
    """In a copy of the folder nothing is made again; when only the measurement is missing, it takes all rows together."""
    shutil.copytree(run[1] / "stages", tmp_path / "stages")
    (tmp_path / "stages" / "measure.json").unlink()
    timed, said = [], io.StringIO()
    monkeypatch.setattr(measure, "latencies", lambda calls, *a, **k: timed.append(set(calls)) or {name: np.ones(20) for name in calls})
    run_lab("digits", tmp_path, seed=1, settings=TINY, console=Console(file=said, width=200), with_controls=True)
    assert said.getvalue().count("done before") == 11
    assert any(names >= {"teacher", "student", "pruned", "int8", "eager pruned", *NAMES[:-1]} for names in timed), (
        "rows timed apart meet another machine"
    )


class Elsewhere:
    """OpenVINO's place taken by ONNX Runtime: the same file, run by something that has predictions of its own."""

    def __init__(self, path):
        self.path, self.session = path, measure.session(path, 1)

    def __call__(self, images):
        return self.session.run(None, {"image": images})[0]

    def predictions(self, split, data):
        return measure.predictions(self.path, split, data)


def test_the_int8_file_in_another_runtime_is_a_row_of_its_own(run, tmp_path, monkeypatch):
    shutil.copytree(run[1] / "stages", tmp_path / "stages")
    monkeypatch.setattr(other_tools, "installed", lambda name: name == other_tools.OPENVINO)
    monkeypatch.setattr(other_tools, "OpenVino", Elsewhere)
    (tmp_path / "stages" / "measure.json").unlink()
    results = run_lab("digits", tmp_path, seed=1, settings=TINY, console=QUIET, with_controls=True)
    row, int8 = results.first.controls[-1], results.first.row("int8")
    assert row.name == "openvino" and row.onnx_runtime is row.images_per_second is None and row.openvino.calls == 20
    assert (row.file, row.bytes, row.correct) == (int8.file, int8.bytes, int8.correct)
    assert f"{row.openvino.median_ms:.3f} ms in OpenVINO" in row.shows
    assert read(tmp_path / "results.json") == results and list(to_json(row))[-2:] == ["openvino", "shows"]


def test_what_stays_and_what_shrinks(rows):
    student, pruned = rows["student"], rows["pruned"]
    for name in ("no_teacher", "unstructured", "silenced"):
        assert rows[name].parameters == student.parameters and rows[name].macs == student.macs
        assert abs(rows[name].bytes - student.bytes) < 200, "the notes in the file differ by some letters"
    assert rows["from_scratch"].parameters == pruned.parameters and rows["from_scratch"].widths == pruned.widths
    assert rows["unstructured"].nonzero_parameters == pruned.parameters
    assert rows["unstructured"].gzip_bytes < 0.8 * student.gzip_bytes
    assert abs(rows["silenced"].correct - pruned.correct) <= 1
    assert rows["dynamic_linear"].bytes > 0.9 * pruned.bytes and rows["dynamic"].bytes < 0.7 * pruned.bytes
    assert rows["dynamic"].pytorch_eager is None
    assert dataclasses.replace(rows["eager"], name="pruned", title=pruned.title, shows=None) == pruned


def test_dynamic_quantisation_leaves_what_it_says(run):
    def weights(name):
        graph = onnx.load(run[1] / "controls" / f"{name}.onnx").graph
        return sorted(t.data_type == onnx.TensorProto.INT8 for t in graph.initializer if len(t.dims) > 1)

    assert weights("dynamic_linear") == [False, False, True], "two convolutions stay float32, the linear layer does not"
    assert weights("dynamic") == [True, True, True]


# ---------------------------------------------------------------- the pieces


@pytest.fixture
def net():
    torch.manual_seed(1)
    net = ConvNet(Shape((16, 32, 16), (1, 2, 1)), 1, 10)
    for norm in net.norms:
        for tensor, low, high in ((norm.weight, 0.5, 2), (norm.bias, -1, 1), (norm.running_mean, -1, 1), (norm.running_var, 0.5, 2)):
            torch.nn.init.uniform_(tensor, low, high)
    return net.eval()


def test_masks_hold_through_training(net):
    digits = load("digits")
    count = 4000
    weights = sum(layer.weight.numel() for layer in (*net.convs, net.head))
    masked = unstructured.masked_by_magnitude(copy.deepcopy(net), count)
    zero = [layer.weight == 0 for layer in (*masked.convs, masked.head)]
    before = [layer.weight.clone() for layer in (*masked.convs, masked.head)]
    training.train(masked, digits, Recipe(1, 0.1, batch=64, weight_decay=0.01), training.cross_entropy, seed=0)
    unstructured.settled(masked)
    after = [layer.weight for layer in (*masked.convs, masked.head)]
    assert all((w[z] == 0).all() for w, z in zip(after, zero)), "a pruned weight came back"
    assert all((w != b).any() for w, b in zip(after, before)), "nothing was trained"
    assert set(masked.state_dict()) == set(net.state_dict())
    assert sum(int(w.count_nonzero()) for w in after) == count < weights


def test_the_smallest_weights_go_across_all_layers(net):
    masked = unstructured.settled(unstructured.masked_by_magnitude(copy.deepcopy(net), 4000))
    pairs = [(a.weight.abs(), b.weight != 0) for a, b in zip((*net.convs, net.head), (*masked.convs, masked.head))]
    gone = torch.cat([w[~kept] for w, kept in pairs]).max()
    left = torch.cat([w[kept] for w, kept in pairs]).min()
    assert gone <= left
    with pytest.raises(ValueError, match="cannot leave 0 of"):
        unstructured.masked_by_magnitude(net, 0)


def test_silenced_computes_what_rebuilt_computes(net):
    images = torch.randn(16, 1, 8, 8, generator=torch.Generator().manual_seed(2))
    kept = pruning.keep_best([torch.rand(w, generator=torch.Generator().manual_seed(w)) for w in net.shape.widths], (5, 11, 7))
    small = pruning.rebuilt(net, kept)
    for parameter in small.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(3))  # it has recovered
    big = ConvNets.expanded(net, small, kept)
    with torch.inference_mode():
        assert (big(images) - small.eval()(images)).abs().max() < 1e-5
    assert big.shape == net.shape and measure.parameters(big) == measure.parameters(net)


def test_dynamic_file_says_the_same_within_rounding(net, tmp_path):
    source = export.export(net, (8, 8), tmp_path / "net.onnx")
    images = torch.randn(8, 1, 8, 8, generator=torch.Generator().manual_seed(2)).numpy()
    reference = measure.session(source, 1).run(None, {"image": images})[0]
    for operators in (None, ["MatMul", "Gemm"]):
        target = quantise.quantise_dynamic(source, tmp_path / "d.onnx", operators, {"row": "x"})
        found = measure.session(target, 1).run(["logits"], {"image": images})[0]
        assert 0 < np.abs(found - reference).max() < 0.1 * np.abs(reference).max()
        assert [p.value for p in onnx.load(target).metadata_props] == ["x"]


# ---------------------------------------------------------------- the words


def altered(results, name, **changes):
    changed = [dataclasses.replace(row, **changes) if row.name == name else row for row in results.first.controls if row.name != "eager"]
    return next(row.shows for row in control_sentences.with_sentences(results.first.rows, changed) if row.name == name)


def test_every_control_row_has_its_sentence():
    assert list(control_sentences.SHOWS) == [label.name for label in CONTROLS]


def test_the_sentence_follows_the_numbers(run, rows):
    results = run[0]
    student = rows["student"]
    better = altered(results, "no_teacher", accuracy=student.accuracy + 0.2, correct=student.correct + 72)
    assert "20.00 points better, more than chance" in better
    assert "0.28 points worse, no more than chance" in altered(
        results, "no_teacher", accuracy=student.accuracy - 0.002778, correct=student.correct - 1
    )
    assert "exactly as many" in altered(results, "no_teacher", accuracy=student.accuracy, correct=student.correct)
    times = rows["pruned"].onnx_runtime
    slow = dataclasses.replace(times, median_ms=3 * times.median_ms)
    assert "3.00 times as long as float32" in altered(results, "dynamic", onnx_runtime=slow)


def test_the_second_table_in_both_forms(run):
    results, out, _ = run
    page = (out / "table.md").read_text(encoding="utf-8")
    assert page.endswith(controls_markdown(results)) and all(row.shows in page for row in results.first.controls)
    lines = [line for line in controls_markdown(results).splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(NAMES) and len({line.count("|") for line in lines}) == 1
    content = to_json(results)
    for row in content["runs"][0]["controls"]:
        row |= {"accuracy": 1.0, "bytes": 4_999_900, "gzip_bytes": 4_999_900, "nonzero_parameters": 950_000, "macs": 987_654_321}
        row["onnx_runtime"]["median_ms"] = 99.999
    large = from_json(content)
    for shown in (results, *(collected(large.data, large.settings, [large.first] * count) for count in (1, 2))):
        text = io.StringIO()
        Console(file=text, width=80).print(controls_terminal(shown))
        assert "…" not in text.getvalue() and max(map(len, text.getvalue().splitlines())) <= 80


def test_the_command_passes_it_on_and_names_it_when_stopped(monkeypatch, tmp_path):
    from course_labs.studio import commands, seeds

    def stop(*args, with_controls, **options):
        assert with_controls
        raise KeyboardInterrupt

    monkeypatch.setattr(seeds, "run_lab", stop)
    app = typer.Typer()
    app.command()(commands.lab)
    result = CliRunner().invoke(app, ["--out", str(tmp_path / "o"), "--controls"])
    assert result.exit_code == 130 and "--seed 0 --controls" in result.output
