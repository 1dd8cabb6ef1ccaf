"""Modules on the wire: known layers arrive bit for bit, changed ones as a name that says why, lies not at all."""

import contextlib
import copy
import json
import subprocess
import sys
import textwrap
from collections import OrderedDict

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune

from autograder.checks.asking import Direct
from autograder.checks.expect import Mistake, close, dtype, kind_of, show
from autograder.checks.same import same_data
from autograder.course.faults import Crashed
from autograder.sandbox import wire, wire_format, wire_modules
from autograder.sandbox.box import Sandbox
from autograder.sandbox.limits import Limits as SandboxLimits
from autograder.sandbox.wire import Limits, Opaque, WireError, decode, encode

# Every supported layer with unusual options, and a shape that it takes.
IMAGE, SEQUENCE, ROWS = (2, 4, 8, 8), (2, 4, 9), (5, 4)
LAYERS = [
    (lambda: nn.Linear(4, 3), ROWS),
    (lambda: nn.Linear(4, 7, bias=False, dtype=torch.float64), ROWS),
    (lambda: nn.Conv1d(4, 6, 3, stride=2, padding=1, dilation=2, groups=2, bias=False), SEQUENCE),
    (lambda: nn.Conv1d(4, 2, 4, padding="same", padding_mode="reflect"), SEQUENCE),
    (lambda: nn.Conv2d(4, 8, (3, 1), stride=(1, 2), padding=(2, 0), dilation=(2, 1), groups=4), IMAGE),
    (lambda: nn.Conv2d(4, 3, 3, padding="same", padding_mode="circular", bias=False), IMAGE),
    (lambda: nn.Conv2d(4, 3, 5, padding="valid", padding_mode="replicate"), IMAGE),
    (lambda: nn.Conv2d(4, 3, 3, padding=2, padding_mode="reflect"), IMAGE),
    (lambda: nn.BatchNorm1d(4, eps=1e-3, momentum=None), SEQUENCE),
    (lambda: nn.BatchNorm1d(4, affine=False), ROWS),
    (lambda: nn.BatchNorm2d(4, momentum=0.01, track_running_stats=False), IMAGE),
    (lambda: nn.BatchNorm2d(4, dtype=torch.bfloat16), IMAGE),
    (lambda: nn.LayerNorm((8, 8), eps=0, bias=False), IMAGE),
    (lambda: nn.LayerNorm(8, elementwise_affine=False), IMAGE),
    (lambda: nn.GroupNorm(2, 4, eps=1e-2), IMAGE),
    (lambda: nn.GroupNorm(4, 4, affine=False), IMAGE),
    (lambda: nn.ReLU(inplace=True), IMAGE),
    (lambda: nn.ReLU6(), IMAGE),
    (lambda: nn.LeakyReLU(-0.3, inplace=True), IMAGE),
    (lambda: nn.GELU(approximate="tanh"), IMAGE),
    (lambda: nn.SiLU(inplace=True), IMAGE),
    (lambda: nn.Tanh(), IMAGE),
    (lambda: nn.Sigmoid(), IMAGE),
    (lambda: nn.Softmax(dim=-2), IMAGE),
    (lambda: nn.Flatten(2, -1), IMAGE),
    (lambda: nn.Identity(54, unused=1), IMAGE),
    (lambda: nn.Dropout(1, inplace=True), IMAGE),
    (lambda: nn.MaxPool2d((3, 2), padding=1, dilation=(1, 2), ceil_mode=True), IMAGE),
    (lambda: nn.MaxPool2d(2, stride=[1, 2]), IMAGE),
    (lambda: nn.AvgPool2d(3, stride=1, padding=1, ceil_mode=True, count_include_pad=False, divisor_override=5), IMAGE),
    (lambda: nn.AdaptiveAvgPool2d((None, 3)), IMAGE),
    (lambda: nn.AdaptiveAvgPool2d(2), IMAGE),
    (lambda: nn.Embedding(6, 3, padding_idx=-2, max_norm=0.5, norm_type=1.0, scale_grad_by_freq=True), None),
    (lambda: nn.Sequential(), IMAGE),
    (lambda: nn.Sequential(OrderedDict(first=nn.ReLU(), second=nn.Sequential(nn.Tanh()))), IMAGE),
    (lambda: nn.ModuleList([nn.ReLU(), nn.Linear(2, 2)]), None),
]


def sent(value):
    return decode(encode(value))


def bits(tensor):
    return tensor.detach().reshape(-1).contiguous().view(torch.uint8)


def settings_of(module):
    """Everything that a module keeps for itself but tensors and children."""
    return {k: v for k, v in vars(module).items() if k not in ("_parameters", "_buffers", "_modules")}


def assert_same_module(a, b):
    assert [name for name, _ in a.named_modules()] == [name for name, _ in b.named_modules()]
    for ours, theirs in zip(a.modules(), b.modules()):
        assert type(ours) is type(theirs) and ours is not theirs
        assert settings_of(ours) == settings_of(theirs)
        for table in ("_parameters", "_buffers"):
            ours_in, theirs_in = getattr(ours, table), getattr(theirs, table)
            assert list(ours_in) == list(theirs_in)
            for one, other in zip(ours_in.values(), theirs_in.values()):
                assert type(one) is type(other)
                if one is not None:
                    assert one.dtype == other.dtype and one.shape == other.shape
                    assert torch.equal(bits(one), bits(other)) and one.requires_grad == other.requires_grad
    assert encode(a) == encode(b)


def test_every_layer_of_the_table_is_tried():
    assert {type(make()).__name__ for make, _ in LAYERS} == wire_modules.LAYERS.keys()


@pytest.mark.parametrize("make, shape", LAYERS, ids=[str(make()).replace("\n", "") for make, _ in LAYERS])
def test_every_layer_arrives_with_its_options_and_gives_the_same_bits(make, shape):
    module = make()
    for each in [*module.parameters(), *module.buffers()]:
        if each.is_floating_point():
            each.data.uniform_(0.5, 2)
    back = sent(module)
    assert_same_module(module, back)
    if isinstance(module, nn.Embedding):
        given = torch.tensor([[0, 4], [5, 1]])
    elif shape is None:
        return
    else:
        given = torch.randn(shape).to(next(iter([each.dtype for each in module.parameters()]), torch.float32))
    for training in (False, True):
        module.train(training), back.train(training)
        assert torch.equal(bits(module(given.clone())), bits(back(given.clone())))
    assert_same_module(module, back)  # the running statistics moved alike


KEEPING_SHAPE = [
    lambda: nn.Conv2d(4, 4, 3, padding=1),
    lambda: nn.Conv2d(4, 4, 1, bias=False, groups=2),
    lambda: nn.BatchNorm2d(4),
    lambda: nn.GroupNorm(2, 4),
    lambda: nn.LayerNorm([4, 8, 8]),
    nn.ReLU,
    nn.GELU,
    nn.Dropout,
    lambda: nn.AvgPool2d(3, 1, 1),
]


@st.composite
def networks(draw):
    """Sequentials of layers that take and give (n, 4, 8, 8); some layers are used twice, some parameters are tied."""
    pool = []

    def layers(depth):
        made = []
        for _ in range(draw(st.integers(0, 3))):
            how = draw(st.integers(0, 9))
            if how == 0 and pool:
                made.append(draw(st.sampled_from(pool)))
            elif how == 1 and depth < 3:
                made.append(container(layers(depth + 1)))
            else:
                made.append(draw(st.sampled_from(KEEPING_SHAPE))())
                made[-1].training = draw(st.booleans())
            pool.append(made[-1])
        return made

    def container(made):
        if draw(st.booleans()):
            return nn.Sequential(*made)
        return nn.Sequential(OrderedDict((f"part_{index} é", each) for index, each in enumerate(made)))

    module = container(layers(0))
    module.training = draw(st.booleans())
    parameters = list(module.parameters())
    for each in parameters:
        each.requires_grad = draw(st.booleans())
    biases = [each for each in module.modules() if getattr(each, "bias", None) is not None and each.bias.shape == (4,)]
    if len(biases) > 1 and draw(st.booleans()):
        biases[0].bias = biases[-1].bias
    return module


@settings(max_examples=30)
@given(networks())
def test_networks_arrive_with_their_sharing_and_give_the_same_bits(module):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    back = sent(module)
    assert torch.equal(before, torch.get_rng_state()), "decoding drew random numbers"
    assert_same_module(module, back)
    for kind in ("named_parameters", "named_buffers", "named_modules"):
        for unique in (True, False):
            names = [[name for name, _ in getattr(each, kind)(remove_duplicate=unique)] for each in (module, back)]
            assert names[0] == names[1]
    given = torch.randn(2, 4, 8, 8)
    assert torch.equal(module.eval()(given), back.eval()(given))


def test_modules_travel_inside_other_values():
    linear = nn.Linear(2, 3)
    back = sent([(linear, {"teacher": nn.Sequential(linear), 1: None}), linear])
    assert_same_module(linear, back[0][0])
    assert_same_module(nn.Sequential(linear), back[0][1]["teacher"])
    assert back[1] is not back[0][0]  # between two modules of one message nothing is shared


def test_what_is_shared_inside_one_module_is_shared_again():
    twice = nn.Linear(3, 3)
    tied = nn.Linear(3, 3)
    tied.weight = twice.weight
    back = sent(nn.Sequential(twice, nn.ReLU(), twice, tied))
    assert back[0] is back[2] and back[3] is not back[0] and back[3].weight is back[0].weight
    batch = nn.BatchNorm1d(3)
    other = nn.BatchNorm1d(3)
    other.running_mean = batch.running_mean
    back = sent(nn.Sequential(batch, other))
    assert back[0].running_mean is back[1].running_mean and back[0].running_var is not back[1].running_var


def test_numbers_from_arrays_and_tensors_become_plain():
    linear = nn.Linear(np.int64(3), torch.tensor(2))
    pool = nn.AdaptiveAvgPool2d(torch.zeros(3, 2).shape)
    back = sent(nn.Sequential(linear, nn.Dropout(np.float64(0.25)), pool))
    assert type(back[0].in_features) is type(back[0].out_features) is int
    assert type(back[1].p) is float and back[1].p == 0.25
    assert back[2].output_size == (3, 2) and type(back[2].output_size) is tuple


def test_notes_and_gradients_stay_behind():
    linear = nn.Linear(2, 2)
    plain = encode(linear)
    linear.note = object()
    linear(torch.ones(1, 2)).sum().backward()
    assert encode(linear) == plain


def test_a_strided_or_half_precision_parameter_arrives():
    linear = nn.Linear(3, 2)
    linear.weight = nn.Parameter(torch.arange(6.0).reshape(3, 2).T)
    assert torch.equal(sent(linear).weight, linear.weight) and sent(linear).weight.is_contiguous()
    assert sent(nn.Linear(3, 2).half()).weight.dtype == torch.float16
    integers = nn.Linear(3, 2, bias=False)
    integers.weight = nn.Parameter(torch.ones(2, 3, dtype=torch.int8), requires_grad=False)
    assert sent(integers).weight.dtype == torch.int8


# --- what is refused, and how it is called --------------------------------------------------------


class Doubled(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)


class MyParameter(nn.Parameter):
    pass


def changed(module, change):
    result = change(module)
    return result if isinstance(result, nn.Module) else module


def own_linear():
    return type("Linear", (nn.Linear,), {"__module__": "my_layers"})(2, 2)


def endless():
    module = nn.Sequential(nn.ReLU())
    module.add_module("self", module)
    return module


def nested(depth):
    module = nn.ReLU()
    for _ in range(depth):
        module = nn.Sequential(module)
    return module


def doubling(levels):
    module = nn.Identity()
    for _ in range(levels):
        module = nn.Sequential(module, module)
    return module


def set_weight(value):
    return lambda module: module._parameters.update(weight=value)


REFUSED = [
    (lambda: Doubled(2, 2), "Doubled"),
    (Net, "Net"),
    (own_linear, "Linear from my_layers"),
    (lambda: nn.Sequential(nn.ReLU(), nn.Sequential(Doubled(2, 2))), "Sequential that holds a Doubled"),
    (lambda: nn.ModuleList([nn.Upsample(2)]), "ModuleList that holds an Upsample"),
    (lambda: nn.LazyLinear(3), "LazyLinear"),
    (lambda: changed(nn.Linear(2, 2), lambda m: setattr(m, "forward", lambda x: x)), "Linear with a replaced forward"),
    (lambda: changed(nn.Sequential(), lambda m: vars(m).update(__len__=None)), "Sequential with a replaced __len__"),
    (lambda: changed(nn.Linear(2, 2), lambda m: vars(m).update(weight=1)), "Linear with a replaced weight"),
    (lambda: changed(nn.Sequential(nn.ReLU()), lambda m: vars(m).update({"0": 1})), "Sequential with a replaced 0"),
    (lambda: changed(nn.Linear(2, 2), lambda m: m.register_forward_hook(print)), "Linear with forward hooks"),
    (lambda: changed(nn.Linear(2, 2), lambda m: m.register_forward_pre_hook(print)), "Linear with forward pre hooks"),
    (lambda: changed(nn.ReLU(), lambda m: m.register_full_backward_hook(print)), "ReLU with backward hooks"),
    (lambda: changed(nn.ReLU(), lambda m: m.register_state_dict_post_hook(lambda *a: None)), "ReLU with state dict hooks"),
    (lambda: changed(nn.Linear(2, 2), lambda m: m.weight.register_hook(print)), "Linear with hooks on its weight"),
    (
        lambda: changed(nn.Linear(2, 2), lambda m: m.weight.register_post_accumulate_grad_hook(print)),
        "Linear with hooks on its weight",
    ),
    (lambda: prune.random_unstructured(nn.Linear(2, 2), "weight", 0.5), "Linear with pruning masks"),
    (
        lambda: nn.Sequential(prune.identity(nn.Conv2d(1, 1, 1), "bias")),
        "Sequential that holds a Conv2d with pruning masks",
    ),
    (lambda: parametrizations.weight_norm(nn.Linear(2, 2)), "Linear with parametrizations"),
    (
        lambda: changed(nn.Conv1d(1, 1, 1), lambda m: parametrize.register_parametrization(m, "bias", nn.Tanh())),
        "Conv1d with parametrizations",
    ),
    (lambda: nn.utils.weight_norm(nn.Linear(2, 2)), "Linear with weight normalisation"),
    (lambda: nn.utils.spectral_norm(nn.Linear(2, 2)), "Linear with forward pre hooks"),
    (
        lambda: changed(nn.Linear(2, 2), set_weight(nn.Parameter(torch.ones(1, 2)))),
        "Linear whose weight has shape (1, 2), not (2, 2) as its configuration says",
    ),
    (lambda: changed(nn.Linear(2, 2), set_weight(None)), "Linear without its weight"),
    (lambda: changed(nn.Linear(2, 2), lambda m: m._parameters.pop("bias")), "Linear without its bias"),
    (lambda: changed(nn.Linear(2, 2), set_weight(torch.ones(2, 2))), "Linear whose weight is a Tensor"),
    (lambda: changed(nn.Linear(2, 2), set_weight(MyParameter(torch.ones(2, 2)))), "Linear whose weight is a MyParameter"),
    (lambda: nn.Linear(2, 2, device="meta"), "Linear whose weight is on another device or of an unusual kind"),
    (
        lambda: changed(nn.Linear(2, 2), lambda m: m.register_parameter("extra", None)),
        "Linear with an extra parameter 'extra'",
    ),
    (
        lambda: changed(nn.ReLU(), lambda m: m.register_buffer("mask", torch.ones(1))),
        "ReLU with an extra buffer 'mask'",
    ),
    (
        lambda: changed(nn.BatchNorm1d(2), lambda m: m._buffers.update(running_var=nn.Parameter(torch.ones(2)))),
        "BatchNorm1d whose running_var is a Parameter",
    ),
    (lambda: changed(nn.ReLU(), lambda m: setattr(m, "inner", nn.ReLU())), "ReLU with a module of its own in it"),
    (lambda: changed(nn.Sequential(), lambda m: m.register_module("x", None)), "Sequential with an empty place"),
    (
        lambda: changed(nn.Sequential(), lambda m: m._modules.update({"a.b": nn.ReLU()})),
        "Sequential with a child of an impossible name",
    ),
    (
        lambda: changed(nn.Sequential(), lambda m: m._modules.update({3: nn.ReLU()})),
        "Sequential with a child of an impossible name",
    ),
    (
        lambda: nn.Sequential(OrderedDict(__deepcopy__=nn.ReLU())),
        "Sequential with a child of an impossible name",
    ),
    (lambda: changed(nn.ReLU6(), lambda m: setattr(m, "max_val", 4.0)), "ReLU6 with max_val=4.0"),
    (lambda: changed(nn.Conv1d(1, 1, 1), lambda m: setattr(m, "transposed", True)), "Conv1d with transposed=True"),
    (
        lambda: changed(nn.Conv1d(1, 1, 3, padding=1, padding_mode="circular"), lambda m: setattr(m, "padding", (2,))),
        "Conv1d with _reversed_padding_repeated_twice=(1, 1)",
    ),
    (lambda: changed(nn.Linear(2, 2), lambda m: delattr(m, "in_features")), "Linear without in_features"),
    (lambda: changed(nn.Linear(2, 2), lambda m: vars(m).update(training=1)), "Linear with training=1"),
    (lambda: changed(nn.Dropout(), lambda m: setattr(m, "p", float("nan"))), "Dropout with p=nan"),
    (lambda: changed(nn.GELU(), lambda m: setattr(m, "approximate", Opaque("x"))), "GELU with approximate=an Opaque"),
    (lambda: nn.ReLU(inplace=1), "ReLU with inplace=1"),
    (lambda: nn.MaxPool2d(5000), "MaxPool2d with kernel_size=5000"),
    (lambda: nn.MaxPool2d((1, 2, 3)), "MaxPool2d with kernel_size=(1, 2, 3)"),
    (lambda: nn.Linear(0, 2), "Linear with in_features=0"),
    (
        lambda: changed(nn.GroupNorm(2, 4), lambda m: setattr(m, "num_groups", 3)),
        "GroupNorm with a configuration that does not fit together",
    ),
    (lambda: nn.Linear.__new__(nn.Linear), "Linear that cannot be read (KeyError)"),
    (endless, "Sequential that holds a Sequential that contains itself"),
    (lambda: nested(60), "Sequential that holds a Sequential with too many layers around it"),
    (lambda: doubling(12), "Sequential that holds a Sequential of too many layers"),
    (lambda: nn.Sequential(*map(nn.Identity, range(1100))), "Sequential that holds an Identity with too many layers around it"),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make, name", REFUSED, ids=[name for _, name in REFUSED])
def test_a_changed_module_arrives_as_a_name_that_says_why(make, name):
    assert sent([make()]) == [Opaque(name)]


@pytest.mark.filterwarnings("ignore")
def test_a_module_that_is_plain_again_arrives():
    module = prune.random_unstructured(nn.Linear(4, 4), "weight", 0.5)
    prune.remove(module, "weight")
    back = sent(module)
    assert int((back.weight == 0).sum()) == 8 and torch.equal(back.weight, module.weight)
    module = parametrizations.weight_norm(nn.Linear(2, 2))
    parametrize.remove_parametrizations(module, "weight")
    assert torch.equal(sent(module).weight, module.weight)
    module = nn.utils.weight_norm(nn.Linear(2, 2))
    nn.utils.remove_weight_norm(module)
    assert torch.equal(sent(module).weight, module.weight)
    module = nn.Conv2d(1, 1, 1)
    for register in (module.register_full_backward_hook, module.register_forward_hook, module.weight.register_hook):
        register(print).remove()
    module.padding = (1, 1)
    assert sent(module).padding == (1, 1) and sent(module)(torch.ones(1, 1, 1, 1)).shape == (1, 1, 3, 3)


# --- lies ------------------------------------------------------------------------------------------


def taken_apart(value):
    """(JSON tree, buffers) of a message."""
    message = encode(value)
    _, length = wire_format.HEADER.unpack(message[: wire_format.HEADER.size])
    return json.loads(message[wire_format.HEADER.size :][:length]), message[wire_format.HEADER.size + length :]


def put_together(tree, rest):
    text = json.dumps(tree).encode()
    return wire_format.HEADER.pack(wire_format.MAGIC, len(text)) + text + rest


class Allocations(torch.overrides.TorchFunctionMode):
    """Adds up the memory of what PyTorch functions return."""

    bytes = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if type(result) is torch.Tensor and result.device.type != "meta":
            self.bytes += result.nbytes
        return result


def lied(value, change):
    """A message in which `change` has altered the description, given as plain values."""
    description = wire.described(value)
    change(description)
    tree, rest = taken_apart(description)
    return put_together({"m": tree}, rest)


def config(**values):
    return lambda d: d["layers"][0][2].update(values)


def layer(part, value):
    return lambda d: d["layers"][0].__setitem__(part, value)


def child(name, number):
    return lambda d: d["layers"][-1][5].append([name, number])


CONV = lambda: nn.Sequential(nn.Conv2d(2, 4, 3))  # noqa: E731
LIES = [
    (lambda: nn.Linear(2, 2), config(in_features=10**9, out_features=10**9)),
    (lambda: nn.Linear(2, 2), config(in_features=1 << 24, out_features=1 << 24)),
    (lambda: nn.Linear(2, 2), config(in_features=30_000, out_features=30_000)),
    (lambda: nn.Linear(2, 2), config(in_features=True)),
    (lambda: nn.Linear(2, 2), config(in_features=2.0)),
    (lambda: nn.Linear(2, 2), config(in_features=-2)),
    (lambda: nn.Linear(2, 2), config(bias=True)),
    (lambda: nn.Linear(2, 2), lambda d: d["layers"][0][2].pop("in_features")),
    (lambda: nn.Embedding(2, 2), config(num_embeddings=1 << 24)),
    (lambda: nn.Embedding(2, 2), config(padding_idx=2)),
    (lambda: nn.LayerNorm(4), config(normalized_shape=(1 << 24,) * 8)),
    (lambda: nn.LayerNorm(4), config(normalized_shape=())),
    (lambda: nn.BatchNorm1d(4), config(num_features=1 << 24)),
    (lambda: nn.BatchNorm1d(4, affine=False, track_running_stats=False), config(num_features=1 << 25)),
    (CONV, config(kernel_size=(0, 3))),
    (CONV, config(kernel_size=(-3, -3))),
    (CONV, config(kernel_size=3)),
    (CONV, config(kernel_size=(10**6, 10**6))),
    (CONV, config(kernel_size=(3, 3, 3))),
    (CONV, config(stride=0)),
    (CONV, config(stride=(1, 0))),
    (CONV, config(padding=-1)),
    (CONV, config(padding=10**6)),
    (CONV, config(padding="SAME")),
    (CONV, config(padding="same", stride=(2, 1))),
    (CONV, config(padding_mode="zero")),
    (CONV, config(dilation=None)),
    (CONV, config(groups=0)),
    (CONV, config(groups=3)),
    (lambda: nn.MaxPool2d(2), config(kernel_size=0)),
    (lambda: nn.MaxPool2d(2), config(kernel_size=-2)),
    (lambda: nn.MaxPool2d(2), config(kernel_size=10**9)),
    (lambda: nn.MaxPool2d(2), config(return_indices=None)),
    (lambda: nn.AvgPool2d(2), config(divisor_override=0)),
    (lambda: nn.AdaptiveAvgPool2d(2), config(output_size=10**6)),
    (lambda: nn.Dropout(), config(p=1.5)),
    (lambda: nn.Dropout(), config(p=float("nan"))),
    (lambda: nn.GELU(), config(approximate="exact")),
    (lambda: nn.Softmax(1), config(dim=10**6)),
    (lambda: nn.GroupNorm(2, 4), config(eps=float("inf"))),
    (lambda: nn.ReLU(), layer(0, "Module")),
    (lambda: nn.ReLU(), layer(0, "Bilinear")),
    (lambda: nn.ReLU(), layer(0, "functional")),
    (lambda: nn.ReLU(), layer(0, "__name__")),
    (lambda: nn.ReLU(), layer(0, ["ReLU"])),
    (lambda: nn.ReLU(), layer(0, None)),
    (lambda: nn.ReLU(), layer(1, None)),
    (lambda: nn.ReLU(), layer(1, 1)),
    (lambda: nn.ReLU(), layer(2, None)),
    (lambda: nn.ReLU(), layer(2, [])),
    (lambda: nn.Linear(2, 2), layer(3, {})),
    (lambda: nn.Linear(2, 2), layer(3, {"weight": None, "bias": None})),
    (lambda: nn.Linear(2, 2), layer(3, {"weight": 1, "bias": 0})),
    (lambda: nn.Linear(2, 2), layer(3, {"weight": 0, "bias": 2})),
    (lambda: nn.Linear(2, 2), layer(3, {"weight": -2, "bias": 1})),
    (lambda: nn.Linear(2, 2), layer(3, {"weight": False, "bias": 1})),
    (lambda: nn.Linear(2, 2), layer(3, {"weight": 0, "bias": 1, "more": 1})),
    (lambda: nn.Linear(2, 2), layer(4, {"weight": 0})),
    (lambda: nn.Linear(2, 2), layer(5, [["x", 0]])),
    (lambda: nn.BatchNorm1d(4), layer(4, {"running_mean": 0, "running_var": 1})),
    (lambda: nn.BatchNorm1d(4), layer(4, {"running_mean": 0, "running_var": 1, "num_batches_tracked": 1})),
    (lambda: nn.ReLU(), lambda d: d["layers"][0].pop()),
    (lambda: nn.ReLU(), lambda d: d["layers"].append(d["layers"][0])),
    (lambda: nn.ReLU(), lambda d: d["layers"].clear()),
    (lambda: nn.ReLU(), lambda d: d.update(layers=None)),
    (lambda: nn.ReLU(), lambda d: d.update(more=[])),
    (lambda: nn.ReLU(), lambda d: d.pop("buffers")),
    (lambda: nn.ReLU(), lambda d: d["buffers"].append(np.ones(2))),
    (lambda: nn.ReLU(), lambda d: d["buffers"].append(nn.ReLU())),
    (lambda: nn.ReLU(), lambda d: d["parameters"].append(torch.ones(2))),
    (lambda: nn.ReLU(), lambda d: d["parameters"].append([np.ones(2), True])),
    (lambda: nn.ReLU(), lambda d: d["parameters"].append([torch.ones(2), 1])),
    (lambda: nn.ReLU(), lambda d: d["parameters"].append([torch.ones(2, dtype=torch.int8), True])),
    (lambda: nn.ReLU(), lambda d: d["layers"].append(["ReLU", True, {"inplace": False}, {}, {}, [["x", 0]]])),
    (CONV, child("0", 0)),
    (CONV, child("1", 1)),
    (CONV, child("1", 5)),
    (CONV, child("1", -1)),
    (CONV, child("", 0)),
    (CONV, child("a.b", 0)),
    (CONV, child("forward", 0)),
    (CONV, child("training", 0)),
    (CONV, child("__array__", 0)),
    (CONV, child("\ud800", 0)),
    (CONV, child("x" * 200, 0)),
    (CONV, child(None, 0)),
    (lambda: nn.Sequential(), lambda d: d["layers"].__setitem__(slice(0), [["ReLU", True, {"inplace": False}, {}, {}, []]])),
]


@pytest.mark.parametrize("make, change", LIES)
def test_a_lying_description_is_refused_before_anything_is_made(make, change):
    message = lied(make(), change)
    with Allocations() as allocations, pytest.raises(WireError):
        decode(message)
    assert allocations.bytes <= 4 * len(message)
    decode(encode(make()))


def test_a_layer_that_claims_tensors_it_does_not_send_costs_nothing():
    message = lied(nn.BatchNorm1d(4, affine=False, track_running_stats=False), config(num_features=1 << 24, affine=True))
    with Allocations() as allocations:
        assert decode(message).weight is None
    assert allocations.bytes == 0


def test_a_module_that_runs_for_ever_is_refused():
    """Layers that hold the layer before twice: 40 lines, 2**40 layers to run."""
    empty = ["Sequential", True, {}, {}, {}]

    def change(description):
        description["layers"] = [[*empty, []], *([*empty, [["0", n], ["1", n]]] for n in range(40))]

    with pytest.raises(WireError):
        decode(lied(nn.ReLU(), change))

    def tower(description):
        description["layers"] = [[*empty, []], *([*empty, [["0", n]]] for n in range(200))]

    with pytest.raises(WireError):
        decode(lied(nn.ReLU(), tower))


@pytest.mark.parametrize("limits", [Limits(layers=2), Limits(depth=1), Limits(bytes=300), Limits(nodes=20)])
def test_modules_keep_to_the_limits(limits):
    module = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    with pytest.raises(WireError):
        decode(encode(module), limits)
    try:
        assert type(decode(encode(module, limits), limits)) is Opaque
    except WireError:
        pass


WHOLE = nn.Sequential(
    nn.Conv2d(1, 2, 3, padding="same"), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Sequential(nn.Flatten()), nn.Linear(8, 2)
)
odd = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([-1, 0, 1, 2, 3, 8, 10**9, "Linear", "Tanh", "weight", "0"])
    | st.sampled_from([[], {}, {"t": []}, {"d": []}, {"f": "7ff8000000000000"}, {"f": "3ff0000000000000"}, {"T": ["float32", [2]]}])
)


def places(tree, path=()):
    """The way to every value in a JSON tree."""
    yield path
    for key, inner in tree.items() if type(tree) is dict else enumerate(tree) if type(tree) is list else ():
        yield from places(inner, (*path, key))


def at(tree, path):
    for key in path:
        tree = tree[key]
    return tree


WHOLE_TREE, WHOLE_REST = taken_apart(WHOLE)
WHOLE_PLACES = [path for path in places(WHOLE_TREE) if path]


@settings(max_examples=400)
@given(st.data())
def test_an_altered_message_is_refused_or_gives_a_module_that_can_be_sent(data):
    tree = copy.deepcopy(WHOLE_TREE)
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from(WHOLE_PLACES))
        try:
            inside = at(tree, path[:-1])
            how = data.draw(st.sampled_from(["replace", "replace", "copy", "remove"]))
            if how == "replace":
                inside[path[-1]] = copy.deepcopy(data.draw(odd))  # a second change may reach into it
            elif how == "copy":
                inside[path[-1]] = copy.deepcopy(at(tree, data.draw(st.sampled_from(WHOLE_PLACES))))
            else:
                del inside[path[-1]]
        except (KeyError, IndexError, TypeError):  # the first change took the place away
            pass
    message = put_together(tree, WHOLE_REST)
    with Allocations() as allocations:
        try:
            value = decode(message, Limits(nodes=5000))
        except WireError:
            value = None
    assert allocations.bytes <= 4 * len(message)
    if isinstance(value, nn.Module):
        assert_same_module(value, sent(value))
        repr(value), copy.deepcopy(value), kind_of(value), show(value)


def test_pytorch_is_imported_only_for_a_message_that_holds_a_module(tmp_path):
    (tmp_path / "module").write_bytes(encode(nn.Linear(2, 3)))
    program = """
        import sys
        from autograder.sandbox import wire
        wire.decode(wire.encode([1.5, "text"]))
        assert "torch" not in sys.modules
        value = wire.decode(open(sys.argv[1], "rb").read())
        assert type(value) is sys.modules["torch"].nn.Linear and value.out_features == 3
        sys.modules["torch"] = None
        try:
            wire.decode(open(sys.argv[1], "rb").read())
        except wire.WireError as problem:
            print(problem)
    """
    command = [sys.executable, "-c", textwrap.dedent(program), tmp_path / "module"]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "cannot be imported here: ModuleNotFoundError" in ended.stdout


# --- the rest of the grader -------------------------------------------------------------------------


STUDENT = """
import torch
from torch import nn

def smaller(model, keep):
    first, _, last = model
    cut_first, cut_last = nn.Linear(first.in_features, len(keep)), nn.Linear(len(keep), last.out_features)
    with torch.no_grad():
        cut_first.weight.copy_(first.weight[keep])
        cut_first.bias.copy_(first.bias[keep])
        cut_last.weight.copy_(last.weight[:, keep])
        cut_last.bias.copy_(last.bias)
    return nn.Sequential(cut_first, nn.ReLU(), cut_last).eval()

class Fast(nn.Linear):
    pass

def subclass(model):
    return {"model": nn.Sequential(Fast(2, 2)), "size": 3}

def masked(model):
    from torch.nn.utils import prune
    prune.l1_unstructured(model[0], "weight", 2)
    return model

def halves(model, other):
    with torch.no_grad():
        other[0].weight.mul_(0.5)

def evaluates(model, other):
    other.eval()

def counts(model, other):
    model[2].register_forward_hook(print)

def shares(model, other):
    return nn.Sequential(model[1], nn.Tanh()).eval()  # one of its layers is still the model's own

def forges():
    import wire_modules
    own = wire_modules.describe
    def describe(*arguments):
        description = own(*arguments)
        description["layers"][0][2]["in_features"] = 10**9
        return description
    wire_modules.describe = describe
    return nn.Linear(2, 2)

def leaves_alone(model, other):
    return model(torch.ones(2, 4)).sum().backward()
"""


def three_layers():
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2))


@pytest.fixture(scope="module")
def session(bubblewrap):
    with Sandbox(SandboxLimits(), "bubblewrap", ("numpy", "torch")) as sandbox, sandbox.session(seed=1) as session:
        assert session.run_cell(STUDENT, "1").status == "ok"
        yield session


@pytest.fixture(params=["sandbox", "direct"])
def ask(request):
    """A function that asks the student above: in the sandbox, and in this process."""
    if request.param == "direct":
        namespace = {}
        exec(STUDENT, namespace)
        answering = contextlib.nullcontext(Direct(namespace))
    else:
        answering = request.getfixturevalue("session").question()
    with answering as answers:

        def call(name, *args):
            reply = answers.call(name, args, {})
            return reply.value, reply.mutated

        yield call


def test_a_student_takes_a_model_and_gives_a_smaller_one(ask):
    model, keep = three_layers(), [0, 2, 5]
    with torch.no_grad():
        model[0].bias[[1, 3, 4]] = -100.0  # units that never fire
    value, mutated = ask("smaller", model, keep)
    assert mutated == [] and not value.training
    assert [type(each) for each in value] == [nn.Linear, nn.ReLU, nn.Linear] and value[0].out_features == 3
    given = torch.rand(7, 4)
    assert torch.allclose(value(given), model(given), atol=1e-6)


def test_a_subclass_or_a_mask_arrives_as_its_name(ask):
    value, _ = ask("subclass", three_layers())
    assert value == {"model": Opaque("Sequential that holds a Fast"), "size": 3}
    assert kind_of(value["model"]) == "an object of type Sequential that holds a Fast"
    value, mutated = ask("masked", three_layers())
    assert value == Opaque("Sequential that holds a Linear with pruning masks") and mutated == [0]


@pytest.mark.parametrize("name, changed", [("halves", [1]), ("evaluates", [1]), ("counts", [0]), ("shares", [0]), ("leaves_alone", [])])
def test_a_model_changed_in_place_is_named(ask, name, changed):
    assert ask(name, three_layers(), three_layers())[1] == changed


def test_a_forged_module_costs_the_student_the_question(session):
    with session.question() as question:
        with pytest.raises(Crashed, match="could not be read: not a module: Linear with in_features=1000000000"):
            question.call("forges")
    with session.question() as question:
        assert question.call("subclass", (three_layers(),)).value["size"] == 3


def test_known_mistakes_are_compared_by_structure_and_tensors():
    torch.manual_seed(0)
    model = three_layers()

    def like(change=lambda m: None):
        other = copy.deepcopy(model)
        change(other)
        return other

    with torch.no_grad():
        assert same_data(model, like()) and same_data([model], [like(lambda m: m[0].weight.mul_(1 + 1e-7))])
        assert same_data(nn.MaxPool2d(2), nn.MaxPool2d((2, 2))) and same_data(nn.Dropout(0), nn.Dropout(0.0))
        wide = like(nn.Module.double)
        assert same_data(model, wide) and same_data(model, like(), exact=True) and not same_data(model, wide, exact=True)
        assert not same_data(like().bfloat16(), like().bfloat16().float(), exact=True)
        assert same_data(like().bfloat16(), like().bfloat16())
        for change in (
            lambda m: m[0].weight.mul_(1.01),
            lambda m: m.eval(),
            lambda m: m.requires_grad_(False),
            lambda m: m.append(nn.ReLU()),
            lambda m: m.__setitem__(1, nn.Tanh()),
            lambda m: m.__setitem__(1, nn.ReLU(inplace=True)),
            lambda m: setattr(m[0], "bias", None),
        ):
            assert not same_data(model, like(change))
    assert not same_data(nn.MaxPool2d(2), nn.MaxPool2d((2, 3))) and not same_data(nn.Linear(2, 2), torch.ones(2, 2))
    assert not same_data(nn.LayerNorm(2, eps=1e-9), nn.LayerNorm(2, eps=1e-10))
    assert not same_data(nn.BatchNorm1d(2), nn.BatchNorm1d(2, affine=False))
    assert not same_data(Doubled(2, 2), Doubled(2, 2))


def test_modules_are_described_shortly():
    assert kind_of(three_layers()) == "a Sequential of 3 layers"
    assert kind_of(nn.Sequential(nn.ReLU())) == "a Sequential of 1 layer"
    assert kind_of(nn.Embedding(2, 2)) == "an Embedding layer"
    assert show(three_layers()) == "a Sequential of 3 layers: Linear, ReLU, Linear"
    assert show(nn.Linear(2, 3)) == "a Linear layer: Linear(in_features=2, out_features=3, bias=True)"
    assert len(show(nn.Sequential(*map(nn.Identity, range(200))))) == 120


def test_names_of_layers_cannot_confuse_the_comparisons():
    names = ("detach", "dtype", "shape", "numpy", "item")
    module = sent(nn.Sequential(OrderedDict((name, nn.ReLU()) for name in names)))
    for compare in (
        lambda: close(module, np.ones(3), abs=0, what="the sum"),
        lambda: dtype(module, np.int8, what="the sum"),
    ):
        with pytest.raises(Mistake, match="a Sequential of 5 layers"):
            compare()
    assert show(module).startswith("a Sequential of 5 layers") and same_data(module, copy.deepcopy(module))
    assert not same_data(module, torch.ones(2)) and not same_data(torch.ones(2), module)


def test_bfloat16_tensors_can_be_compared_and_shown():
    tensor = torch.tensor([1.5, 2.5], dtype=torch.bfloat16)
    close(tensor, np.array([1.5, 2.5]), abs=0, what="the sum")
    assert show(tensor) == "[1.5 2.5]" and same_data(tensor, tensor.clone())
    with pytest.raises(Mistake, match="bfloat16"):
        dtype(tensor, np.float32, what="the sum")
