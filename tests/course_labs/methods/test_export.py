"""The files: float32 and int8 compute what the network computes, and hold what they should."""

import copy

import numpy as np
import onnx
import pytest
import torch

from course_labs.measuring import measure
from course_labs.methods import export, quantise
from course_labs.networks.convnet import folded, normalise


def test_folded_network_computes_the_same(net, images):
    with torch.inference_mode():
        assert torch.allclose(folded(copy.deepcopy(net))(images), net(images), atol=1e-5)


@pytest.fixture
def exported(net, tmp_path):
    return export.export(net, (8, 8), tmp_path / "net.onnx", {"data": "test"})


def test_the_onnx_file_computes_the_same_at_any_batch_size(net, images, exported):
    run = measure.session(exported, 1).run
    for count in (1, 3, 32):
        with torch.inference_mode():
            expected = net(images[:count]).numpy()
        np.testing.assert_allclose(run(["logits"], {"image": images[:count].numpy()})[0], expected, atol=1e-4)


def test_the_file_says_batch_and_no_operators_that_it_does_not_use(net, exported, digits, tmp_path):
    int8 = quantise.quantise(exported, tmp_path / "int8.onnx", quantise.calibration_images(digits, 64, 0))
    for model in map(onnx.load, (exported, int8)):
        axes = [value.type.tensor_type.shape.dim[0].dim_param for value in (*model.graph.input, *model.graph.output)]
        assert axes == ["batch", "batch"] and [(each.domain, each.version) for each in model.opset_import] == [("", export.OPSET)]


def test_the_onnx_file_holds_weights_and_little_else(net, exported):
    weights = 4 * measure.parameters(folded(copy.deepcopy(net)))
    assert weights < exported.stat().st_size < weights + 4000


def test_the_int8_file_holds_int8_weights(net, digits, exported, tmp_path):
    target = quantise.quantise(exported, tmp_path / "int8.onnx", quantise.calibration_images(digits, 128, 0))
    model = onnx.load(target)
    tensors = {t.name: t for t in model.graph.initializer}
    weights = [t for t in tensors.values() if len(t.dims) > 1]
    assert len(weights) == 4, "three convolutions and a linear layer"
    assert all(t.data_type == onnx.TensorProto.INT8 for t in weights)
    floats = sum(int(np.prod(t.dims)) for t in tensors.values() if t.data_type == onnx.TensorProto.FLOAT)
    assert floats < 200, "scales only"
    scales = [t for name, t in tensors.items() if name.endswith("weight_scale") and t.dims]
    assert sorted(t.dims[0] for t in scales) == [10, 16, 16, 32], "one scale for each output channel"
    right = measure.correct(target, digits.val, digits)
    assert right.dtype == bool and right.shape == (180,)


def test_calibration_uses_training_images_only(digits):
    chosen = quantise.calibration_images(digits, 100, 5)
    train = {i.numpy().tobytes() for i in normalise(digits.train.images, digits.mean, digits.std)}
    assert all(image.numpy().tobytes() in train for image in chosen)


@pytest.mark.parametrize(
    "flags, architecture, expected",
    [
        ({"avx2"}, "x86_64", True),
        ({"avx2", "avx512f"}, "x86_64", True),
        ({"avx2", "avx512_vnni"}, "x86_64", False),
        ({"avx2", "avx_vnni"}, "x86_64", False),
        ({"asimd"}, "aarch64", False),
        (set(), "AMD64", True),
        (set(), "arm64", False),
    ],
)
def test_reduce_range_for_x86_unless_it_has_vnni(monkeypatch, flags, architecture, expected):
    monkeypatch.setattr(quantise, "cpu_flags", lambda: flags)
    monkeypatch.setattr(quantise.platform, "machine", lambda: architecture)
    assert quantise.reduce_range() is expected
