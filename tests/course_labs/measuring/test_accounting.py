"""Bytes by what they are for, calibration on the wrong images, what compression lost."""

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from course_data import load
from course_labs.measuring import accounting, measure, miscalibration
from course_labs.methods import export, quantise
from course_labs.networks.convnet import ConvNet, Shape, folded


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """(float32 file, int8 file) of one untrained network for digits."""
    folder = tmp_path_factory.mktemp("files")
    torch.manual_seed(0)
    digits, net = load("digits"), ConvNet(Shape((16, 32), (1, 2)), 1, 10).eval()
    for norm in net.norms:
        torch.nn.init.uniform_(norm.bias, -1, 1)  # or every folded bias is zero, and the exporter leaves it out
    source = export.export(net, (8, 8), folder / "float32.onnx", {"data": "digits"})
    target = quantise.quantise(source, folder / "int8.onnx", quantise.calibration_images(digits, 64, 0))
    return net, source, target


def test_the_parts_add_up_to_the_file(files):
    for path in files[1:]:
        parts = accounting.parts(path)
        assert sum(parts.values()) == path.stat().st_size and all(n >= 0 for n in parts.values())


def test_a_float32_file_holds_four_bytes_a_parameter_and_no_scales(files):
    net, source, _ = files
    parts = accounting.parts(source)
    assert parts["weights"] == 4 * measure.parameters(folded(net)) and parts["scales"] == 0 and parts["graph"] > 200


def test_an_int8_file_against_a_hand_count(files):
    """One byte a weight, four a bias; for each output channel a scale and a zero point of the weight, and both again of the bias."""
    parts = accounting.parts(files[2])
    channels = 16 + 32 + 10
    assert parts["weights"] == 9 * 16 + 9 * 16 * 32 + 32 * 10 + 4 * channels
    floats = 4 * channels * 2  # the weights' scales and the biases'
    zeros = 4 * channels + channels  # zero points of biases and weights
    assert floats + zeros < parts["scales"] < floats + zeros + 100, "and a pair for each of the activations"


@pytest.mark.parametrize("raw", [True, False])
def test_values_count_however_protobuf_stores_them(tmp_path, raw):
    """The same thousand floats, as raw bytes or as a list of numbers: the second has a field head of three bytes."""
    numbers = np.linspace(-1, 1, 1000, dtype=np.float32)
    tensor = numpy_helper.from_array(numbers, "w") if raw else helper.make_tensor("w", TensorProto.FLOAT, [1000], numbers)
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1000])
    graph = helper.make_graph([helper.make_node("Identity", ["w"], ["y"])], "g", [], [out], [tensor])
    path = tmp_path / "one.onnx"
    onnx.save(helper.make_model(graph), path)
    assert 4000 <= accounting.parts(path)["weights"] <= 4003


def test_gzip_is_what_gzip_gives(files, tmp_path):
    import gzip

    size = accounting.gzip_bytes(files[1])
    with gzip.open(tmp_path / "x.gz", "wb", compresslevel=9) as file:
        file.write(files[1].read_bytes())
    assert abs(size - (tmp_path / "x.gz").stat().st_size) < 40, "the header holds a file name"
    assert size < files[1].stat().st_size


def test_by_class_against_a_hand_count():
    right = np.array([True, False, True, True, False])
    assert measure.by_class(right, np.array([0, 0, 1, 1, 2]), 3) == [0.5, 1.0, 0.0]


def test_lost_and_gained_images():
    labels = np.array([0, 1, 2, 3, 4])
    found = measure.lost(np.array([0, 1, 2, 0, 0]), np.array([0, 7, 2, 3, 0]), labels)
    assert found == {"count": 1, "gained": 1, "images": [1], "said": [7]}


def test_wrong_calibration_images_are_what_they_say():
    digits = load("digits")
    grey, noise, raw = (miscalibration.images(kind, digits, 50, 1) for kind in ("grey", "noise", "raw"))
    assert {i.dtype for i in (grey, noise, raw)} == {torch.float32} and {tuple(i.shape) for i in (grey, noise, raw)} == {(50, 1, 8, 8)}
    assert grey.unique().numel() == 1
    assert len(noise.unique()) > 200 and noise.min() < -0.7 and noise.max() > 1.5
    assert raw.min() == 0 and raw.max() == 1, "on the scale of the pixels"


def test_each_wrong_calibration_makes_and_measures_its_own_file(files):
    digits, seen = load("digits"), {}

    def make(path, images):
        seen[path.stem] = images
        quantise.quantise(files[1], path, images)

    found = miscalibration.compare(make, digits, 64, 1)
    assert list(found) == list(seen) == list(miscalibration.WRONG)
    assert all(0 <= share <= 1 for share in found.values())
    assert not any(torch.equal(seen["grey"], seen[kind]) for kind in ("noise", "raw"))


def test_throughput_is_images_not_calls(files):
    found = measure.throughput({"net": files[1]}, np.zeros((1, 1, 8, 8), np.float32), calls=16)["net"]
    assert list(found) == ["1", "8", "64"]
    assert found["64"] > 3 * found["1"] > 0, "on images this small the cost of a call is shared by the batch"
