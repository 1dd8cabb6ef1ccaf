"""Pruning a network that the course has not written: what is cut, what is left whole and why, what is told in one line."""

import copy
import random

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune
from torchvision.ops import StochasticDepth

from course_data import UserError, load
from course_labs.measuring import measure
from course_labs.methods import graph_pruning, pruning
from course_labs.networks import graph
from tests.course_labs.networks.small_networks import Excite, Random, around, lively

F = nn.functional


def images(count=4):
    return torch.randn(count, 3, 8, 8, generator=torch.Generator().manual_seed(count))


def traced(net):
    return graph.traced(net, images(), 1.0, "nets.py:make").eval()


def apart(one, other):
    with torch.inference_mode():
        return float((one(images()) - other(images())).abs().max())


def proof(net, seed=0):
    """The smaller network, the folded one and the expanded one compute what the masked one computes. Returns how far the mask moved it."""
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
    return apart(masked, net)


@pytest.mark.parametrize("seed", range(30))
def test_rebuilt_equals_masked(seed):
    torch.manual_seed(seed)
    original = lively(Random(seed))
    net = traced(original)
    assert apart(net, original) == 0
    odd = [one for one in net.left_whole if "joins channels that stand in different places" not in one.reason]
    assert not odd, "all that is in these networks is known, but for a sum of a concatenation and a single layer"
    proof(net, seed)


def test_the_mask_matters():
    torch.manual_seed(0)
    changed = 0
    for seed in range(10):
        net = traced(lively(Random(seed)))
        kept = [torch.arange(1) for _ in net.shape.widths]
        changed += apart(graph_pruning.masked(net, kept), net) > 1e-3
    assert changed >= 9, "in one of these the last activation lets nothing through"


ACTIVATIONS = "ReLU ReLU6 SiLU Hardswish GELU LeakyReLU Tanh ELU CELU SELU Mish PReLU Softsign Hardtanh Softshrink Tanhshrink".split()
KNOWN = {
    **{f"nn.{name}": around(nn.Conv2d(8, 8, 1), getattr(nn, name)()) for name in ACTIVATIONS},
    "a slope for each channel": around(nn.Conv2d(8, 8, 1), nn.PReLU(8)),
    "pads, nothing, dropout": around(nn.ZeroPad2d((1, 0, 2, 0)), nn.Identity(), nn.Conv2d(8, 8, 1), nn.Dropout2d(0.2)),
    "stochastic depth": around(nn.Conv2d(8, 8, 1), StochasticDepth(0.2, "row")),
    "squeezed by linear layers": around(Excite(8, linear=True), nn.Conv2d(8, 8, 1)),
    "instance norms": around(nn.Conv2d(8, 8, 1), nn.InstanceNorm2d(8, affine=True), nn.InstanceNorm2d(8), nn.ReLU()),
    "group norm": around(nn.Conv2d(8, 8, 1), nn.GroupNorm(4, 8)),
}
SPELLED = {
    "functionals": lambda x: F.mish(F.elu(F.gelu(F.silu(F.leaky_relu(torch.tanh(F.softsign(F.hardtanh(x)))), inplace=True)))),
    "methods": lambda x: x.tanh().relu().clamp(-0.5, 1.5).clone().contiguous(),
    "hardswish by hand": lambda x: x * F.relu6(x + 3) / 6,
    "swish by hand": lambda x: x * torch.sigmoid(x),
    "scaled": lambda x: 2 * x / 3,
    "pools": lambda x: F.adaptive_max_pool2d(F.avg_pool2d(F.max_pool2d(x, 2), 2, 1), 2),
    "padded": lambda x: F.pad(x, (1, 1, 0, 2)),
    "every second pixel": lambda x: x[:, :, ::2, 1:],
    "resized": lambda x: F.interpolate(x, scale_factor=2.0),
    "added": lambda x: torch.add(x, x).add(x) - x / 2,
    "dropout": lambda x: F.dropout(F.dropout2d(x, 0.1, training=False), p=0.3, training=False),
    "permuted there and back": lambda x: x.permute(0, 2, 3, 1).transpose(1, 3).transpose(2, 3),
}
ENDS = {
    "flatten": lambda x: torch.flatten(F.adaptive_avg_pool2d(x, 1), 1),
    "a method flatten": lambda x: F.adaptive_avg_pool2d(x, 1).flatten(1),
    "two means": lambda x: x.mean(3).mean(2),
    "one mean": lambda x: x.mean([-1, -2]),
    "a named mean": lambda x: torch.mean(x, dim=(2, 3)),
    "kept, then squeezed": lambda x: x.mean((2, 3), keepdim=True).squeeze(-1).squeeze(2),
    "view": lambda x: F.adaptive_avg_pool2d(x, 1).view(x.size(0), -1),
    "view by shape": lambda x: F.adaptive_avg_pool2d(x, 1).view(x.shape[0], x.shape[1]),
    "reshape": lambda x: F.adaptive_avg_pool2d(x, 1).reshape(x.shape[0], -1),
    "summed": lambda x: x.flatten(2).amax(2) + x.sum((2, 3)) / 64,
}
KNOWN |= {name: around(nn.Conv2d(8, 8, 1), forward=spell) for name, spell in SPELLED.items()}
KNOWN |= {f"ends in {name}": around(nn.Conv2d(8, 8, 1), forward=spell, flat=True) for name, spell in ENDS.items()}


@pytest.mark.parametrize("name", KNOWN)
def test_known(name):
    torch.manual_seed(1)
    net = traced(lively(KNOWN[name]))
    assert not net.left_whole and sum(net.shape.widths) >= 12
    assert proof(net, seed=2) > 1e-4


def test_functional_dropout_drops_while_the_network_is_trained_and_only_then():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.head = nn.Conv2d(3, 64, 3), nn.Linear(64, 4)

        def forward(self, x):
            return self.head(F.dropout(F.relu(self.a(x)).mean((2, 3)), training=self.training))

    net = traced(Net())
    assert apart(net, net) == 0 and apart(net.train(), net) > 0
    with pytest.raises(UserError, match="nets.py:make: dropout is dropout as a function without training=self.training"):
        traced(around(forward=lambda x: F.dropout(x, 0.1)))


# ---------------------------------------------------------------- left whole


class Odd(nn.Conv2d):
    def forward(self, x):
        return super().forward(x) * 2


class Scale(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.rand(8, 1, 1))

    def forward(self, x):
        return x * self.scale


class Last(nn.Module):
    """A layer norm and two linear layers over the channels, as in ConvNeXt."""

    def __init__(self):
        super().__init__()
        self.norm, self.up, self.down = nn.LayerNorm(8), nn.Linear(8, 24), nn.Linear(24, 8)

    def forward(self, x):
        y = self.down(F.gelu(self.up(self.norm(x.permute(0, 2, 3, 1)))))
        return x + y.permute(0, 3, 1, 2)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.inside = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x):
        x = x.flatten(2).transpose(1, 2)
        x, _ = self.inside(x, x, x, need_weights=False)
        return x.transpose(1, 2)[..., None]


class Late(nn.Module):
    """Reads what a layer in place has written over."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        self.layer(x)
        return x


def shuffled(x):
    return x.view(x.size(0), 2, 4, x.size(2), x.size(3)).transpose(1, 2).reshape(x.size(0), 8, x.size(2), x.size(3))


SHARED = nn.Conv2d(8, 8, 3, padding=1)
WHOLE = {
    "behind a sigmoid": (around(nn.Conv2d(8, 8, 1), nn.Sigmoid()), (8,), ["head reads it behind a function that is not zero for zero"]),
    "an unknown activation": (around(nn.Softmax2d()), (), ["stem.0 (8 channels): body.0 is Softmax2d, which the course does not know"]),
    "derived": (around(Odd(8, 8, 1)), (), ["body.0 is Odd, derived from Conv2d"]),
    "shared": (around(SHARED, nn.ReLU(), SHARED), (), ["body.0 (Conv2d) is used in two places"]),
    "one group": (around(nn.GroupNorm(1, 8)), (), ["body.0 (GroupNorm) reads all its channels together"]),
    "norm without weights": (around(nn.BatchNorm2d(8, affine=False)), (), ["body.0 is BatchNorm2d without weights"]),
    "a parameter": (around(Scale()), (), ["body.0.scale is a parameter or buffer used outside a layer"]),
    "layer norm": (
        around(nn.Conv2d(8, 8, 1), Last()),
        (8, 24),
        ["body.1.norm is LayerNorm, which mixes all channels", "body.0, body.1.down"],
    ),
    "attention": (around(Attention()), (), ["body.0.inside is MultiheadAttention, which mixes all channels"]),
    "shuffled": (around(forward=shuffled), (), ["view is x.view(), which puts the channels elsewhere"]),
    "a convolution across": (
        around(nn.Conv2d(8, 8, 1), forward=lambda x: F.relu(x).permute(0, 2, 1, 3).mean((2, 3)), flat=True),
        (8,),
        ["mean"],
    ),
    "hard sigmoid in place": (around(nn.Conv2d(8, 8, 1), Late(nn.Hardsigmoid(inplace=True))), (8,), ["not zero for zero"]),
    "split": (around(forward=lambda x: torch.cat(x.chunk(2, 1)[::-1], 1)), (), ["chunk", "cannot be followed"]),
    "added number": (around(forward=lambda x: x + 1), (), ["head reads it behind a function that is not zero for zero"]),
    "mean of all channels": (
        around(forward=lambda x: x - x.mean(1, keepdim=True)),
        (),
        ["mean is x.mean(), whose channels cannot be followed"],
    ),
    "features in the code": (
        around(forward=lambda x: F.adaptive_avg_pool2d(x, 1).view(-1, 8), flat=True),
        (),
        ["is x.view() with a number of features written into the code", "torch.flatten(x, 1)"],
    ),
    "no way to follow": (
        around(forward=lambda x: x * len(list(x.size()[1:]))),
        (),
        ["the network", "its forward pass cannot be followed (TraceError"],
    ),
    "nothing to cut": (nn.Sequential(nn.Flatten(), nn.Linear(192, 4)), (), []),
    "spectral norm as a parametrisation": (around(parametrizations.spectral_norm(nn.Conv2d(8, 8, 1))), (), ["derived from Conv2d"]),
}


@pytest.mark.parametrize("name", WHOLE)
def test_left_whole_with_the_reason(name):
    torch.manual_seed(3)
    original, widths, says = WHOLE[name]
    net = traced(lively(original))
    assert apart(net, original) == 0 and net.shape.widths == widths
    for words in says:
        assert words in " | ".join(map(str, net.left_whole))
    proof(net)


def test_what_was_never_said_is_found_by_trying():
    """The number of channels as a divisor: no rule sees it, and half the channels would be divided by half."""
    net = traced(around(nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 1), forward=lambda x: x / x.size(1)))
    assert net.shape.widths == (8, 8, 8)
    assert graph_pruning.unproven(net, images()) == {2}
    net = graph_pruning.proven(net, images())
    assert net.shape.widths == (8, 8) and "body.1 (8 channels): cutting it was tried" in str(net.left_whole[0])
    proof(net)


# ---------------------------------------------------------------- told in one line


class Flagged(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.head = nn.Conv2d(3, 8, 3), nn.Linear(8, 4)

    def forward(self, x, features=False, scale=1.0):
        x = torch.relu(self.a(x)).mean((2, 3))
        return x if features else self.head(x * scale)


class Needs(Flagged):
    def forward(self, x, mask):
        return super().forward(x) * mask


def with_mask():
    net = around(nn.Conv2d(8, 8, 1))
    prune.l1_unstructured(net.body[0], "weight", 0.5)
    return net


TOLD = {
    "mask": (with_mask, "nets.py:make: body.0 still wears a mask .* torch.nn.utils.prune.remove\\(body.0, 'weight'\\)"),
    "old spectral norm": (
        lambda: around(nn.utils.spectral_norm(nn.Conv2d(8, 8, 1))),
        "old .*spectral_norm. Use .*parametrizations.spectral_norm",
    ),
    "old weight norm": (lambda: around(nn.utils.weight_norm(nn.Conv2d(8, 8, 1))), "old .*weight_norm. Use .*parametrizations.weight_norm"),
    "data parallel": (lambda: nn.DataParallel(Flagged()), "the network is DataParallel.* net.module"),
    "scripted": (lambda: torch.jit.script(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 4))), "before torch.jit.script"),
    "compiled": (lambda: torch.compile(Flagged()), "went through torch.compile"),
    "frozen": (lambda: Flagged().requires_grad_(False), "no parameter may learn"),
    "lazy": (lambda: nn.Sequential(nn.Flatten(), nn.LazyLinear(4)), "1.weight has no shape yet"),
    "two inputs": (Needs, "forward takes more than one argument \\(mask\\)"),
}


@pytest.mark.parametrize("name", TOLD)
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_told_in_one_line(name):
    make, says = TOLD[name]
    with pytest.raises(UserError, match=says) as caught:
        traced(make())
    assert "\n" not in str(caught.value)


def test_a_flag_keeps_its_default():
    torch.manual_seed(0)
    original = Flagged().eval()
    net = traced(original)
    assert apart(net, original) == 0 and net.shape.widths == (8,)
    proof(net)


def test_another_tool_is_given_plain_networks_only():
    assert len(graph_pruning.producers(traced(around(nn.Conv2d(8, 8, 1))))) == 2
    assert graph_pruning.producers(traced(around(nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 1, groups=2)))) == []
    assert graph_pruning.producers(traced(around(nn.Conv2d(8, 8, 1), nn.LayerNorm([8, 8, 8])))) == []


def test_what_is_frozen_stays_frozen():
    net = around(nn.Conv2d(8, 8, 1))
    net.stem.requires_grad_(False)
    small = graph_pruning.rebuilt(traced(net), [torch.arange(4), torch.arange(8)])
    learns = {name: parameter.requires_grad for name, parameter in small.named_parameters()}
    assert not learns["body.stem.0.weight"] and learns["body.body.0.weight"]


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
    assert [(layer.name, layer.inputs[0].group if layer.inputs else None, layer.outputs[0].group) for layer in net.layers] == [
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


def test_importance_is_summed_over_a_unit_and_told_apart_in_a_concatenation():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.norm = nn.Conv2d(1, 8, 3), nn.Conv2d(1, 4, 3), nn.GroupNorm(6, 12)
            self.head = nn.Linear(12, 10)

        def forward(self, x):
            return self.head(torch.relu(self.norm(torch.cat([self.a(x), self.b(x)], 1))).mean((2, 3)))

    net = graph.traced(Net(), torch.zeros(2, 1, 8, 8), 1.0)
    assert net.shape.widths == (4, 2)
    net.body.head.weight.data[:, 2:4] = 0
    net.body.head.weight.data[:, 10] = 0
    one, two = graph_pruning.channel_importance(net, load("digits"), 128)
    assert one[1] == 0 and (one > 0).sum() == 3 and (two > 0).all(), "a unit counts as long as one of its channels does"
