"""Pruning a network that the course has not written: what is cut, what is refused, and by which name."""

import copy
import random

import pytest
import torch
from torch import nn

from course_data import UserError, load
from course_labs.measuring import measure
from course_labs.methods import graph_pruning, pruning
from course_labs.networks import graph


class Random(nn.Module):
    """A network drawn from `seed`: ordinary and depthwise convolutions, with and without batch norm and bias, additions, every kind of pooling."""

    def __init__(self, seed: int):
        super().__init__()
        draw = random.Random(seed)
        self.draw, self.layers, self.plan = draw, nn.ModuleList(), []
        width = self.step("begin", 3)
        for _ in range(draw.randint(2, 5)):
            kind = draw.choice(["plain", "plain", "residual", "shortcut", "depthwise", "pool"])
            width = self.step(kind, width)
        self.hidden = draw.random() < 0.4
        self.end = draw.choice(["flatten", "mean", "pooled"])
        features = width * (4 if self.end == "flatten" else 1)
        self.pool = nn.AdaptiveAvgPool2d(2 if self.end == "flatten" else 1)
        self.fc = nn.Sequential(nn.Linear(features, 9), nn.BatchNorm1d(9), nn.ReLU(), nn.Dropout(0.5)) if self.hidden else nn.Identity()
        self.head = nn.Linear(9 if self.hidden else features, 4)

    def unit(self, before, after, kernel=3):
        draw, norm = self.draw, self.draw.random() < 0.7
        layers = [nn.Conv2d(before, after, kernel, padding=kernel // 2, bias=not norm or draw.random() < 0.3)]
        return nn.Sequential(*layers, *([nn.BatchNorm2d(after)] if norm else []))

    def step(self, kind, width):
        after = width if kind in ("residual", "depthwise", "pool") else self.draw.randint(3, 9)
        if kind == "residual":
            parts = [self.unit(width, self.draw.randint(3, 9)), None]
            parts[1] = self.unit(parts[0][0].out_channels, width)
        elif kind == "shortcut":
            parts = [self.unit(width, after), self.unit(width, after, 1)]
        elif kind == "depthwise":
            parts = [nn.Conv2d(width, width, 3, padding=1, groups=width, bias=self.draw.random() < 0.5), nn.BatchNorm2d(width)]
        elif kind == "pool":
            parts = [self.draw.choice([nn.MaxPool2d(2, 1), nn.AvgPool2d(3, 1, 1)])]
        else:
            parts = [self.unit(width, after)]
        self.plan.append((kind, len(self.layers)))
        self.layers.extend(parts)
        return after

    def forward(self, x):
        for kind, at in self.plan:
            if kind == "residual":
                x = torch.relu(x + self.layers[at + 1](nn.functional.relu(self.layers[at](x))))
            elif kind == "shortcut":
                y = self.layers[at](x)
                y += self.layers[at + 1](x)
                x = y.relu()
            elif kind == "depthwise":
                x = nn.functional.relu6(self.layers[at + 1](self.layers[at](x)))
            else:
                x = self.layers[at](x)
                x = x if kind == "pool" else torch.relu(x)
        x = x.mean((2, 3)) if self.end == "mean" else torch.flatten(self.pool(x), 1)
        return self.head(self.fc(x))


def lively(net):
    """Batch norms that have seen something: otherwise cutting and folding them could not go wrong."""
    for module in net.modules():
        if isinstance(module, graph.NORMS):
            for tensor, low, high in (
                (module.weight, 0.5, 2),
                (module.bias, -1, 1),
                (module.running_mean, -1, 1),
                (module.running_var, 0.5, 2),
            ):
                nn.init.uniform_(tensor, low, high)
    return net.eval()


def images(count=4):
    return torch.randn(count, 3, 8, 8, generator=torch.Generator().manual_seed(count))


def traced(net):
    return graph.traced(net, images(), 1.0, "nets.py:make").eval()


def apart(one, other):
    with torch.inference_mode():
        return float((one(images()) - other(images())).abs().max())


@pytest.mark.parametrize("seed", range(40))
def test_rebuilt_equals_masked(seed):
    """For any network: the smaller one, the expanded one and the folded one compute what the masked one computes, and the mask matters."""
    torch.manual_seed(seed)
    original = lively(Random(seed))
    net = traced(original)
    assert apart(net, original) == 0
    draw = random.Random(seed)
    widths = tuple(draw.randint(1, width) for width in net.shape.widths)
    kept = pruning.keep_best([torch.rand(width) for width in net.shape.widths], widths)
    masked, small = graph_pruning.masked(net, kept), graph_pruning.rebuilt(net, kept)
    assert apart(masked, small) < 1e-4
    assert apart(graph_pruning.folded(small), small) < 1e-4 and small.shape.widths == widths
    with torch.no_grad():
        for parameter in small.parameters():
            parameter += 0.1 * torch.randn(parameter.shape)
    assert apart(graph_pruning.expanded(net, small, kept), small) < 1e-4
    if widths != net.shape.widths:
        assert measure.parameters(small) < measure.parameters(net)
    wanted = {name: tuple(t.shape) for name, t in small.state_dict().items()}
    small.train()(images())  # what the layers say of themselves must agree with their tensors
    assert {name: tuple(t.shape) for name, t in small.state_dict().items()} == wanted


def test_the_mask_matters():
    torch.manual_seed(0)
    changed = 0
    for seed in range(10):
        net = traced(lively(Random(seed)))
        kept = [torch.arange(1) for _ in net.shape.widths]
        changed += apart(graph_pruning.masked(net, kept), net) > 1e-3
    assert changed >= 9, "in one of these the last ReLU lets nothing through"


class Block(nn.Module):
    def __init__(self, inside):
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 3, padding=1)
        self.inside = inside

    def forward(self, x):
        return self.inside(self.conv(x))


def around(*layers, forward=lambda x: x, flat=False):
    """A small network with `layers` in the middle, as body.N, then `forward`, which may leave the images `flat`."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
            self.body = nn.Sequential(*layers)
            self.head = nn.Linear(8, 4)

        def forward(self, x):
            x = forward(self.body(self.stem(x)))
            return self.head(x if flat else x.mean((2, 3)))

    return Net()


class Odd(nn.Conv2d):
    def forward(self, x):
        return super().forward(x) * 2


SHARED = nn.Conv2d(8, 8, 3, padding=1)
REFUSED = {
    "an activation": (around(nn.Sigmoid()), ["nets.py:make: body.0 is Sigmoid", "Supported are convolutions"]),
    "deep inside": (around(Block(nn.Sequential(nn.ReLU(), nn.GELU()))), ["body.0.inside.1 is GELU"]),
    "a function": (around(forward=torch.tanh), ["tanh is the function tanh"]),
    "grouped": (around(nn.Conv2d(8, 8, 3, padding=1, groups=2)), ["body.0 is Conv2d with groups=2", "depthwise"]),
    "depth multiplier": (
        around(nn.Conv2d(8, 16, 1, groups=8), nn.Conv2d(16, 8, 1)),
        ["body.0 is Conv2d with groups=8", "8 inputs and 16 outputs"],
    ),
    "derived": (around(Odd(8, 8, 1)), ["body.0 is Odd, derived from Conv2d"]),
    "shared": (around(SHARED, nn.ReLU(), SHARED), ["body.0 is Conv2d, used twice"]),
    "other norm": (around(nn.GroupNorm(2, 8)), ["body.0 is GroupNorm"]),
    "norm without weights": (around(nn.BatchNorm2d(8, affine=False)), ["body.0 is BatchNorm2d without weights"]),
    "scaled": (around(forward=lambda x: x * 2), ["mul is the function mul"]),
    "a constant": (around(forward=lambda x: x + 1), ["add is an addition of something that is not a layer's output"]),
    "broadcast": (
        around(forward=lambda x: x + nn.functional.adaptive_avg_pool2d(x, 1)),
        ["(8, 8, 8) and (8, 1, 1)", "same channels and size"],
    ),
    "concatenated": (around(forward=lambda x: torch.cat([x, x], 1)[:, :8]), ["cat is the function cat", "concatenations cannot"]),
    "view": (
        around(forward=lambda x: nn.functional.adaptive_avg_pool2d(x, 1).view(-1, 8), flat=True),
        ["view is x.view()", "torch.flatten(x, 1)"],
    ),
    "sized": (
        around(forward=lambda x: nn.functional.adaptive_avg_pool2d(x, 1).view(x.shape[0], -1), flat=True),
        ["is x.shape", "torch.flatten(x, 1)"],
    ),
    "dropout as a function": (around(forward=lambda x: nn.functional.dropout(x, 0.1)), ["dropout is the function dropout", "nn.Dropout"]),
    "a wrong mean": (around(forward=lambda x: x.mean(3, keepdim=True).mean(2, keepdim=True)), ["mean is mean, which", "x.mean((2, 3))"]),
    "linear on an image": (around(nn.Linear(8, 8)), ["body.0 is Linear on an image", "torch.flatten"]),
    "nothing to cut": (nn.Sequential(nn.Flatten(), nn.Linear(192, 4)), ["no layer can be pruned"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_name(name):
    net, says = REFUSED[name]
    with pytest.raises(UserError) as caught:
        graph.traced(net, images(), 1.0, "nets.py:make")
    for words in says:
        assert words in str(caught.value)


def test_a_function_is_found_in_its_module():
    class Inner(nn.Module):
        def forward(self, x):
            return torch.softmax(x, 1)

    with pytest.raises(UserError, match=r"softmax in body\.0\.inside \(Inner\) is the function softmax"):
        traced(around(Block(Inner())))


@pytest.mark.parametrize(
    "flat, forward",
    [
        (False, lambda x: nn.functional.max_pool2d(x, 2)),
        (False, lambda x: nn.functional.avg_pool2d(x, 2)),
        (False, lambda x: nn.functional.adaptive_max_pool2d(x, 1)),
        (False, lambda x: nn.functional.relu(x, inplace=True)),
        (False, lambda x: x.add(x)),
        (False, lambda x: torch.add(x, x)),
        (True, lambda x: torch.flatten(nn.functional.adaptive_avg_pool2d(x, 1), 1)),
        (True, lambda x: nn.functional.adaptive_avg_pool2d(x, 1).flatten(1)),
        (True, lambda x: x.mean([-1, -2])),
        (True, lambda x: torch.mean(x, dim=(2, 3))),
    ],
)
def test_spellings_that_pass(flat, forward):
    net = traced(lively(around(nn.Conv2d(8, 8, 1), forward=forward, flat=flat)))
    kept = [torch.tensor([1, 4, 6]), torch.tensor([0, 2])]
    assert apart(graph_pruning.masked(net, kept), graph_pruning.rebuilt(net, kept)) < 1e-5


def test_what_an_addition_joins_is_one_group():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = nn.Conv2d(3, 8, 1), nn.Conv2d(8, 5, 1), nn.Conv2d(5, 8, 1)
            self.head = nn.Linear(8, 4)

        def forward(self, x):
            x = self.a(x)
            return self.head((x + self.c(torch.relu(self.b(x)))).mean((2, 3)))

    net = traced(Net())
    assert net.shape.widths == (8, 5)
    assert [(layer.name, layer.source, layer.target) for layer in net.layers] == [
        ("a", None, 0),
        ("b", 0, 1),
        ("c", 1, 0),
        ("head", 0, None),
    ]


def test_what_is_added_to_the_input_is_not_cut():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.head = nn.Conv2d(3, 6, 1), nn.Conv2d(6, 3, 1), nn.Linear(3, 4)

        def forward(self, x):
            return self.head((x + self.b(torch.relu(self.a(x)))).mean((2, 3)))

    assert traced(Net()).shape.widths == (6,)


def test_importance_agrees_with_the_course_s_own():
    """On the course's own network both ways of pruning score alike."""
    from course_labs.networks.convnet import ConvNet, Shape

    torch.manual_seed(0)
    digits = load("digits")
    net = lively(ConvNet(Shape((8, 12, 8), (1, 2, 1)), 1, 10))
    other = graph.traced(net, torch.zeros(2, 1, 8, 8), 1.0)
    assert other.shape.widths == net.shape.widths
    for mine, theirs in zip(
        graph_pruning.channel_importance(other, digits, 256), pruning.channel_importance(net, digits, 256), strict=True
    ):
        assert torch.allclose(mine, theirs, rtol=1e-4)


def test_importance_of_a_group_is_summed_over_its_layers():
    """Also where no batch norm stands: a filter's weights and bias are then the gate."""
    digits, torch_seed = load("digits"), torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Conv2d(6, 6, 3, groups=6), nn.Flatten(), nn.Linear(96, 10))
    one = graph.traced(net, torch.zeros(2, 1, 8, 8), 1.0)
    (score,) = graph_pruning.channel_importance(one, digits, 128)
    assert score.shape == (6,) and (score > 0).all() and torch_seed
    dead = copy.deepcopy(net)
    dead[4].weight.data.view(10, 6, 16)[:, 2] = 0
    (score,) = graph_pruning.channel_importance(graph.traced(dead, torch.zeros(2, 1, 8, 8), 1.0), digits, 128)
    assert score[2] == 0 and (score > 0).sum() == 5
