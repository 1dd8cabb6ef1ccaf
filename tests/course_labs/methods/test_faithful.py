"""A file that computes something else than its network is never kept, and the layer is named."""

import pytest
import torch
from torch import nn

from course_data import UserError
from course_labs.methods import export, graph_pruning, quantise, rehearsal
from course_labs.networks import graph


def around(pool):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        pool,
        nn.Conv2d(8, 8, 1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 4),
    ).eval()


def images(count=16):
    return torch.randn(count, 3, 8, 8, generator=torch.Generator().manual_seed(count))


def written(pool, folder):
    net = around(pool)
    net.in_channels = 3
    return export.export(net, (8, 8), folder / "net.onnx", fold=lambda net: net)


def test_a_divisor_that_the_file_lacks(tmp_path):
    with pytest.raises(
        UserError, match=r"net.onnx does not compute .* The first layer that differs is 2 \(AvgPool2d\). Use an average pooling without"
    ):
        written(nn.AvgPool2d(2, divisor_override=3), tmp_path)
    assert not list(tmp_path.iterdir()), "no file is left behind"


def test_a_layer_that_cannot_be_written(tmp_path):
    with pytest.raises(
        UserError, match=r"cannot be written as an ONNX file .* first layer that differs is 2 \(AdaptiveMaxPool2d\). Use nn.MaxPool2d"
    ):
        written(nn.AdaptiveMaxPool2d(3), tmp_path)


def test_a_window_that_hangs_over_is_found_in_the_int8_file(tmp_path):
    source = written(nn.AvgPool2d(3, 2, ceil_mode=True), tmp_path)
    with pytest.raises(
        UserError, match=r"int8.onnx is not computed as it states: in 2 \(AveragePool\) .* Use an average pooling without ceil_mode"
    ):
        quantise.quantise(source, tmp_path / "int8.onnx", images())
    assert [path.name for path in tmp_path.iterdir()] == ["net.onnx"]


def test_what_the_course_cuts_is_written_faithfully(tmp_path):
    """Silu, a sigmoid's product, a concatenation, groups and group norm, rounded too."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.norm, self.b = nn.Conv2d(3, 16, 3, 2, 1), nn.GroupNorm(4, 16), nn.Conv2d(16, 16, 3, 1, 1, groups=4)
            self.squeeze, self.head = nn.Conv2d(16, 16, 1), nn.Linear(32, 4)

        def forward(self, x):
            x = nn.functional.silu(self.norm(self.a(x)))
            y = torch.nn.functional.hardswish(self.b(x))
            y = y * torch.sigmoid(self.squeeze(y.mean((2, 3), keepdim=True)))
            return self.head(torch.cat([x, y], 1).mean(3).mean(2))

    torch.manual_seed(0)
    net = graph.traced(Net(), images(2), 1.0).eval()
    source = export.export(net, (8, 8), tmp_path / "net.onnx", fold=graph_pruning.folded)
    quantise.quantise(source, tmp_path / "int8.onnx", images())


def test_a_network_is_tried_before_it_is_trained():
    net = graph.traced(around(nn.AvgPool2d(3, 2, ceil_mode=True)), images(2), 1.0).eval()
    with pytest.raises(UserError, match=r"The int8 file is not computed as it states: in 2 \(AveragePool\)"):
        rehearsal.rehearse(net, images(2), graph_pruning.folded)


def test_wrong_ranges_on_purpose_are_not_asked(tmp_path):
    source = written(nn.AvgPool2d(3, 2, ceil_mode=True), tmp_path)
    assert quantise.quantise(source, tmp_path / "int8.onnx", images(), check=False).is_file()


def test_a_layer_norm_over_pictures_is_rounded_around(tmp_path):
    source = written(nn.LayerNorm([8, 8, 8]), tmp_path)
    assert quantise.quantise(source, tmp_path / "int8.onnx", images()).stat().st_size > 1000
