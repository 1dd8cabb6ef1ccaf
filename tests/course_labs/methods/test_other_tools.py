"""Control rows by other tools. They need `pip install torch-pruning openvino` and are skipped, with that word, where these are missing."""

import importlib.metadata
import io
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from rich.console import Console

from course_data import load
from course_labs import Recipe, Settings, Shape, run_lab
from course_labs.measuring import measure
from course_labs.methods import export, other_tools
from course_labs.methods.families import ConvNets
from course_labs.networks import graph
from course_labs.networks.convnet import ConvNet, normalise
from course_labs.studio import own_network
from course_labs.studio.measurement import other_runtimes

SEPARABLE = """
from torch import nn

def separable(in_channels, classes, width=1.0):
    a, b = int(16 * width), int(32 * width)
    return nn.Sequential(
        nn.Conv2d(in_channels, a, 3, padding=1), nn.BatchNorm2d(a), nn.ReLU(),
        nn.Conv2d(a, a, 3, padding=1, groups=a), nn.BatchNorm2d(a), nn.ReLU(), nn.Conv2d(a, b, 1), nn.BatchNorm2d(b), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(b, classes),
    )
"""


def models(*names):
    return [SimpleNamespace(name=name, path=f"{name}.onnx") for name in names]


def test_without_them_there_are_no_such_rows(monkeypatch, tmp_path):
    """Even where folders lie about that have their names."""
    for name in ("torch_pruning", "openvino"):
        (tmp_path / name).mkdir()
    monkeypatch.syspath_prepend(tmp_path)

    def nothing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(other_tools.importlib.metadata, "version", nothing)
    assert not other_tools.installed(other_tools.OPENVINO) and other_tools.versions() == {}
    assert other_runtimes(models("int8", "dynamic")) == {}


def test_no_other_runtime_without_control_rows():
    assert other_runtimes(models("teacher", "int8")) == {}


def test_torch_pruning_cuts_to_the_shape_asked_for(tmp_path):
    pytest.importorskip("torch_pruning", reason="pip install torch-pruning")
    digits = load("digits")
    torch.manual_seed(0)
    net = ConvNet(Shape((16, 48, 32), (1, 2, 1)), 1, 10)
    family = ConvNets.of(digits)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    state = other_tools.torch_pruned(net, family.producers(net), (16, 32, 16), digits, 128)
    family.new(Shape((16, 32, 16), (1, 2, 1))).load_state_dict(state)
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items()), "the student itself stays as it was"
    path = tmp_path / "nets.py"
    path.write_text(SEPARABLE)
    traced = own_network.OwnNetworks(f"{path}:separable", normalise(digits.val.images[:2], digits.mean, digits.std), 10)
    big = traced.new(traced.shape(1.0))
    state = other_tools.torch_pruned(big, traced.producers(big), (8, 16), digits, 128)
    traced.new(graph.GraphShape(1.0, (8, 16))).load_state_dict(state)


def test_openvino_runs_the_same_file(tmp_path):
    pytest.importorskip("openvino", reason="pip install openvino")
    digits = load("digits")
    torch.manual_seed(0)
    path = export.export(ConvNet(Shape((16, 16), (1, 2)), 1, 10).eval(), (8, 8), tmp_path / "net.onnx")
    images = normalise(digits.val.images, digits.mean, digits.std).numpy()
    run = other_tools.OpenVino(path)
    np.testing.assert_allclose(run(images[:5]), measure.session(path, 1).run(None, {"image": images[:5]})[0], atol=1e-4)
    assert (run.predictions(digits.val, digits, batch=50) == measure.predictions(path, digits.val, digits)).mean() > 0.99


def test_both_are_rows_when_installed(tmp_path):
    pytest.importorskip("torch_pruning", reason="pip install torch-pruning")
    pytest.importorskip("openvino", reason="pip install openvino")
    tiny = Settings(
        teacher=Shape((32, 32), (2, 2)),
        teacher_recipe=Recipe(2, 0.1, batch=64),
        student=Shape((32, 16), (2, 2)),
        student_recipe=Recipe(1, 0.1, batch=64),
        pruned_widths=(16, 16),
        recovery_recipe=Recipe(1, 0.05, batch=64),
        views=1,
        importance_images=128,
        calibration=64,
        latency_calls=20,
    )
    results = run_lab("digits", tmp_path, 0, tiny, Console(file=io.StringIO()), with_controls=True)
    rows = {row.name: row for row in (*results.first.rows, *results.first.controls)}
    assert list(rows)[-2:] == ["torch_pruning", "openvino"] and {"torch-pruning", "openvino"} <= set(results.first.versions)
    assert rows["torch_pruning"].parameters == rows["pruned"].parameters
    assert rows["openvino"].onnx_runtime is None and rows["openvino"].openvino.median_ms > 0
    assert abs(rows["openvino"].correct - rows["int8"].correct) <= 10, "two runtimes may round differently"
    assert f"{rows['openvino'].openvino.median_ms:.3f} ms in OpenVINO" in rows["openvino"].shows
