"""The visible checks of lesson 03. They run in the student's kernel on small inputs.

The checks run modules that a student's code has made. So each is first compared, setting by setting and
shape by shape, with what it must be; only then is it run, in float64, where copying is the only thing that counts.
A check asks all its questions before it judges the first reply, so that a mistake is named after all of them.
"""

import copy

import numpy as np
import torch
from torch import nn

from autograder.checks import exercise
from autograder.checks.expect import close, equal, from_tensor, kind_of, letter, several, that, whole_number
from autograder.checks.modules import WAVES, in_waves, run_module, waves

CONV_SETTINGS = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "padding_mode")


def tensor(value, what):
    """Where the text asks for a tensor, the notebook goes on with one: an array or a list would stop it there."""
    that(isinstance(value, torch.Tensor), f"{what} should be a tensor; it is {kind_of(value)}.")
    return value


def indices(value, count, what):
    """The value as a NumPy array of `count` int64 numbers, or a plain message."""
    tensor(value, what)
    that(value.dtype == torch.int64, f"{what} should be an int64 tensor; its type is {plain(value.dtype)}.")
    that(tuple(value.shape) == (count,), f"{what} should have the shape ({count},); it has {tuple(value.shape)}.")
    return from_tensor(value)


def scores_of(value, want, *, rel=None, abs=None, what, on):
    """The value must be a float tensor, close to `want` (float64 array)."""
    tensor(value, f"{what} for {on}")
    that(value.is_floating_point(), f"{what} for {on} should be a float tensor; the type is {plain(value.dtype)}.")
    close(value, want, rel=rel, abs=abs, what=what, on=on)


def plain(dtype):
    return str(dtype).removeprefix("torch.")


def is_layer(value, kind, what):
    that(type(value) is kind, f"{what} should be a new nn.{kind.__name__}; it is {kind_of(value)}.")
    return value


def parameter(layer, name, shape, what):
    """A parameter or buffer of the shape wanted: float32, as what was given, and if it is a parameter, one that can be trained."""
    found = getattr(layer, name, None)
    that(isinstance(found, torch.Tensor), f"{what} has no {name}.")
    that(
        tuple(found.shape) == tuple(shape),
        f"The {name} of {what} should have the shape {tuple(shape)}; it has {tuple(found.shape)}.",
    )
    that(found.dtype == torch.float32, f"The {name} of {what} should be float32, like the one given; it is {plain(found.dtype)}.")
    trains = found.requires_grad or not isinstance(found, nn.Parameter)
    that(trains, f"The {name} of {what} has requires_grad=False: no training can change it, and the next step is to train.")
    return found


def of_its_own(shared, what):
    """Whoever trains the small network must not change the big one."""
    that(
        not shared, f"{what} shares memory with what the function was given: training the one changes the other. Copy (`clone()`, `copy_`)."
    )


def is_linear(value, inputs, outputs, what):
    layer = is_layer(value, nn.Linear, what)
    parameter(layer, "weight", (outputs, inputs), what)
    parameter(layer, "bias", (outputs,), what)
    return layer


def is_conv(value, like, inputs, outputs, what):
    """A convolution with the settings of `like`, apart from its channels."""
    layer = is_layer(value, nn.Conv2d, what)
    parameter(layer, "weight", (outputs, inputs, *like.kernel_size), what)
    parameter(layer, "bias", (outputs,), what)
    for name in CONV_SETTINGS:
        wanted = {"in_channels": inputs, "out_channels": outputs}.get(name, getattr(like, name))
        have = getattr(layer, name)
        # 1 and (1, 1) mean the same.
        alike = have == wanted or (isinstance(wanted, tuple) and isinstance(have, int) and set(wanted) == {have})
        that(alike or tuple_of(have) == tuple_of(wanted), f"{what} should have {name}={wanted}; it has {have!r}.")
    return layer


def said(*layers):
    """Layers in few words, for a message."""
    return ", ".join(map(_said, layers))


def _said(layer):
    name = type(layer).__name__
    if isinstance(layer, nn.Conv2d):
        settings = [
            f"{key}={_one(getattr(layer, key))}" for key, usual in (("stride", (1, 1)), ("padding", (0, 0))) if getattr(layer, key) != usual
        ]
        settings += ["bias=False"] if layer.bias is None else []
        return f"{name}({', '.join([f'{layer.in_channels}, {layer.out_channels}, {_one(layer.kernel_size)}', *settings])})"
    if isinstance(layer, nn.Linear):
        return f"{name}({layer.in_features}, {layer.out_features}{', bias=False' if layer.bias is None else ''})"
    if isinstance(layer, nn.BatchNorm2d):
        return f"{name}({layer.num_features}{f', eps={layer.eps}' if layer.eps != 1e-5 else ''})"
    return f"{name}({_one(layer.kernel_size)})" if isinstance(layer, nn.MaxPool2d) else name


def _one(sides):
    """(3, 3) as 3."""
    return sides[0] if isinstance(sides, tuple) and len(set(sides)) == 1 else sides


def tuple_of(value):
    return tuple(value) if isinstance(value, (tuple, list)) else value


def is_batch_norm(value, like, channels, what):
    layer = is_layer(value, nn.BatchNorm2d, what)
    for name in ("weight", "bias", "running_mean", "running_var"):
        parameter(layer, name, (channels,), what)
    that(layer.num_features == channels, f"{what} should have num_features={channels}; it has {layer.num_features}.")
    that(layer.eps == like.eps, f"{what} should keep eps={like.eps}; it has {layer.eps}.")
    return layer


# Layers in which every number matters


def normal(rng, *shape):
    return torch.from_numpy(rng.normal(0, 1, shape)).float()


def random_linear(rng, inputs, outputs):
    layer = nn.Linear(inputs, outputs)
    with torch.no_grad():
        layer.weight.copy_(normal(rng, outputs, inputs) / inputs**0.5)
        layer.bias.copy_(normal(rng, outputs))
    return layer


def random_conv(rng, inputs, outputs, size=3, stride=1, padding=1):
    layer = nn.Conv2d(inputs, outputs, size, stride, padding)
    with torch.no_grad():
        layer.weight.copy_(normal(rng, *layer.weight.shape) / layer.weight[0].numel() ** 0.5)
        layer.bias.copy_(normal(rng, outputs))
    return layer


def random_batch_norm(rng, channels, eps=1e-5):
    layer = nn.BatchNorm2d(channels, eps=eps)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(rng.uniform(0.5, 2, channels)))
        layer.bias.copy_(normal(rng, channels))
        layer.running_mean.copy_(normal(rng, channels))
        layer.running_var.copy_(torch.from_numpy(rng.uniform(0.2, 3, channels)))
    return layer.eval()


def some_of(rng, channels, count):
    """`count` of so many channels, ascending, and never simply the first ones."""
    kept = np.sort(rng.permutation(channels)[:count])
    if count < channels and kept[-1] == count - 1:
        kept[-1] = channels - 1
    return torch.from_numpy(kept).long()


def silent(kept, channels):
    off = torch.ones(channels, dtype=torch.bool)
    off[kept] = False
    return off


def in_both_modes(cases):
    """The cases, from the first on every second one's modules in training mode: who puts what was given into one mode is seen."""
    for at, case in enumerate(cases):
        for each in case:
            if isinstance(each, nn.Module):
                each.train(at % 2 == 0)
    return cases


# The proof: small output = masked output. Copies are exact and float64 rounds at 1e-16: 1e-5 is the lesson's law, and
# wrong answers miss it by 1e-2 or more.


def prove_mlp(student, cases):
    """cases: (mlp, kept, x, what stands in the message)."""
    cases = in_both_modes(cases)
    answers = [(student.prune_mlp(mlp, kept), student.shared) for mlp, kept, *_ in cases]
    for (mlp, kept, x, on), (small, shared) in zip(cases, answers):
        fc1, _, fc2 = mlp
        is_layer(small, nn.Sequential, "The result of prune_mlp")
        that(len(small) == 3, f"The result of prune_mlp should have three layers; it has {len(small)}.")
        is_linear(small[0], fc1.in_features, len(kept), "the first layer of the small network")
        is_layer(small[1], nn.ReLU, "The layer in the middle")
        is_linear(small[2], len(kept), fc2.out_features, "the last layer of the small network")
        masked = copy.deepcopy(mlp)
        with torch.no_grad():
            masked[0].weight[silent(kept, fc1.out_features)] = 0
            masked[0].bias[silent(kept, fc1.out_features)] = 0
        close(run_module(small, x), run_module(masked, x), abs=1e-5, what="the output of the small network (against the masked one)", on=on)
        of_its_own(shared, "The small network")


def prove_cnn(student, cases):
    """cases: (conv, bn, the next convolution, kept, x, what stands in the message); a ReLU comes after bn."""
    cases = in_both_modes(cases)
    answers = [
        (student.cut_outputs(conv, bn, kept), student.shared, student.cut_inputs(after, kept), student.shared)
        for conv, bn, after, kept, *_ in cases
    ]
    for (conv, bn, after, kept, x, on), (small, shared, small_after, shared_after) in zip(cases, answers):
        small_conv, small_bn = several(small, 2, "cut_outputs")
        is_conv(small_conv, conv, conv.in_channels, len(kept), "the convolution from cut_outputs")
        is_batch_norm(small_bn, bn, len(kept), "the batch norm from cut_outputs")
        of_its_own(shared, "What cut_outputs returns")
        masked_bn = copy.deepcopy(bn)
        with torch.no_grad():
            masked_bn.weight[silent(kept, conv.out_channels)] = 0
            masked_bn.bias[silent(kept, conv.out_channels)] = 0
        masked, small = nn.Sequential(conv, masked_bn, nn.ReLU()), nn.Sequential(small_conv, small_bn, nn.ReLU())
        what = "the output of the small convolution and batch norm (against the kept channels of the big ones)"
        close(run_module(small, x), run_module(masked, x)[:, kept], abs=1e-5, what=what, on=on)

        is_conv(small_after, after, len(kept), after.out_channels, "the convolution from cut_inputs")
        of_its_own(shared_after, "What cut_inputs returns")
        what = "the output after the next convolution (against the masked network)"
        got, want = run_module(nn.Sequential(small, small_after), x), run_module(nn.Sequential(masked, after), x)
        close(got, want, abs=1e-5, what=what, on=on)


def prove_flatten(student, cases):
    """cases: (linear, (channels, height, width), kept, x, what stands in the message)."""
    cases = in_both_modes(cases)
    answers = [(student.cut_columns(linear, kept, height * width), student.shared) for linear, (_, height, width), kept, *_ in cases]
    for (linear, (channels, height, width), kept, x, on), (small, shared) in zip(cases, answers):
        is_linear(small, len(kept) * height * width, linear.out_features, "the small linear layer")
        masked_x = x.clone()
        masked_x[:, silent(kept, channels)] = 0
        want = run_module(nn.Sequential(nn.Flatten(), linear), masked_x)
        got = run_module(nn.Sequential(nn.Flatten(), small), x[:, kept])
        close(got, want, abs=1e-5, what="the output of the small linear layer (against the masked one)", on=on)
        of_its_own(shared, "The small linear layer")


def plain_integer(value, what, on):
    """The value as an int. A tensor with one number in it is a tensor: a results file, for one, cannot take it."""
    alone = not isinstance(value, (torch.Tensor, np.ndarray))
    that(alone, f"{what} should be an integer of Python or NumPy; it is {kind_of(value)}, for {on}.")
    return whole_number(value, what, on)


def counted(student, cases):
    """cases: (model, shape of one picture, parameters, MACs)."""
    answers = [student.count(model.eval(), waves(1, *shape)) for model, shape, *_ in cases]
    for (model, shape, parameters, macs), got in zip(cases, answers):
        on = f"{said(*model)} on a picture of shape {(1, *shape)}"
        got_parameters, got_macs = several(got, 2, "count")
        for value, want, what in ((got_parameters, parameters, "the number of parameters"), (got_macs, macs, "the number of MACs")):
            equal(plain_integer(value, what, on), want, what=what, on=on)


def keeps(student, cases):
    """cases: (list of scores, how many to keep, the scores in words); the scores go over as float32."""
    answers = [student.kept_channels(torch.tensor(scores, dtype=torch.float32), n_keep) for scores, n_keep, _ in cases]
    for (scores, n_keep, words), got in zip(cases, answers):
        order, on = sorted(range(len(scores)), key=lambda c: (-np.float32(scores[c]), c)), f"scores = {words}, n_keep = {n_keep}"
        got = indices(got, n_keep, f"The result of kept_channels for {on}")
        equal(got, np.array(sorted(order[:n_keep])), what="the kept channels", on=on)


def groups_of(student, cases):
    """cases: (layers, additions, the groups in their order)."""
    answers = [student.tied_groups(layers, additions) for layers, additions, _ in cases]
    for (layers, additions, want), got in zip(cases, answers):
        that(isinstance(got, (list, tuple)), f"tied_groups should return a list of groups; it returned {kind_of(got)}.")
        for group in got:
            names = isinstance(group, (list, tuple)) and all(isinstance(name, str) for name in group)
            that(names, "Each group should be a list of names.")
        ties = [f"({a}, {b})" for a, b in additions]
        on = f"the layers {some(layers)} and the additions {some(ties)}"
        equal([list(map(str, group)) for group in got], want, what="the groups", on=on)


def some(names, most=16):
    """Names for a message; of very many the first and the last."""
    if len(names) > most:
        return f"{', '.join(names[:3])}, ..., {names[-1]} ({len(names)} in all)"
    return ", ".join(names) or "(none)"


# 3.1


@exercise("3.1-predict")
def test_predict_what_masking_changes(student, rng):
    chosen = letter(student.value("predict_3_1"), "predict_3_1")
    that(chosen == "b", f"({chosen}) is not it. Did the shape of the weight tensor change?")


# 3.2

# A handful of numbers: float32 rounds each, and each sum, to 6e-8 of itself.
TWO = torch.tensor([[3.0, -4.0], [1.0, 2.0]]), "weight = [[3, -4], [1, 2]]"
SMALL_CONV = torch.arange(-8.0, 8.0).reshape(2, 2, 2, 2), "weight = torch.arange(-8.0, 8.0).reshape(2, 2, 2, 2)"
FLAT_CONV = torch.arange(-7.0, 5.0).reshape(3, 1, 2, 2), "weight = torch.arange(-7.0, 5.0).reshape(3, 1, 2, 2)"
BOTH_WAYS = torch.tensor([1.0, -2, 3, 1, -2, 1, 1, -3, 2, 1, -1, 1, -1, -1, 2, -1])
ONE = torch.tensor([[0.1, -200.7, 0.0]]), "weight = [[0.1, -200.7, 0]]"
# So faint, and in one channel nothing at all, that a small number added for safety is seen.
FAINT = torch.tensor([[3e-9, -4e-9], [0.0, 0.0]]), "weight = [[3e-9, -4e-9], [0, 0]]"


def judged(cases, rel, what):
    """cases: (reply, float64 scores wanted, what stands in the message)."""
    for got, want, on in cases:
        scores_of(got, np.array(want), rel=rel, what=what, on=on)


@exercise("3.2-importance")
def test_l1_of_small_layers(student, rng):
    wanted = (7, 3), (36, 28), (22, 6, 10), (200.8,), (7e-9, 0)
    cases = [(student.l1_importance(weight), want, on) for (weight, on), want in zip((TWO, SMALL_CONV, FLAT_CONV, ONE, FAINT), wanted)]
    judged(cases, 1e-6, "the L1 scores")


@exercise("3.2-importance")
def test_l2_of_small_layers(student, rng):
    wanted = (25, 5), (204, 140), (126, 14, 30), (0.1**2 + 200.7**2,), (25e-18, 0)
    layers = (TWO, SMALL_CONV, FLAT_CONV, ONE, FAINT)
    cases = [(student.l2_importance(weight), np.sqrt(want), on) for (weight, on), want in zip(layers, wanted)]
    judged(cases, 1e-6, "the L2 scores")


@exercise("3.2-importance")
def test_taylor_of_small_layers(student, rng):
    # The gradients have both signs, and so have their products with the weights; of the first convolution also the sums over a
    # kernel, and over the inputs at a place of the kernel: the absolute value comes after all of them.
    grads = (
        (torch.tensor([[0.25, 0.5], [-0.5, -0.25]]), "grad = [[0.25, 0.5], [-0.5, -0.25]]"),
        (BOTH_WAYS.reshape(2, 2, 2, 2), f"grad = torch.tensor({BOTH_WAYS.int().tolist()}).reshape(2, 2, 2, 2)"),
        (torch.tensor([1.0, -1.0, 2.0, 0.0]).repeat(3, 1).reshape(3, 1, 2, 2), "grad = [1, -1, 2, 0] for each channel"),
        (torch.tensor([[-2.0, 0.5, 1.0]]), "grad = [[-2, 0.5, 1]]"),
        (torch.tensor([[0.25, 0.5], [2.0, -1.0]]), "grad = [[0.25, 0.5], [2, -1]]"),
    )
    wanted = (1.25, 1), (11, 2), (11, 3, 5), (100.55,), (1.25e-9, 0)
    cases = [
        (student.taylor_importance(weight, grad), want, f"{on}, {of_grad}")
        for (weight, on), (grad, of_grad), want in zip((TWO, SMALL_CONV, FLAT_CONV, ONE, FAINT), grads, wanted)
    ]
    judged(cases, 1e-6, "the Taylor scores")


@exercise("3.2-importance")
def test_mean_activation_of_small_layers(student, rng):
    maps = torch.arange(16.0).reshape(2, 2, 2, 2)
    asked = (
        (torch.tensor([[1.0, 0.0, 4.0], [3.0, 0.0, 0.0]]), (2, 0, 2), "activations = [[1, 0, 4], [3, 0, 0]]"),
        (maps, (5.5, 9.5), "activations = torch.arange(16.0).reshape(2, 2, 2, 2)"),
        (maps.reshape(4, 1, 1, 4), (7.5,), "activations = torch.arange(16.0).reshape(4, 1, 1, 4)"),
        (torch.tensor([[0.0, 2.0]]), (0, 2), "activations = [[0, 2]]"),
        (torch.tensor([[2e-9, 0.0], [4e-9, 0.0]]), (3e-9, 0), "activations = [[2e-9, 0], [4e-9, 0]]"),
    )
    cases = [(student.mean_activation(activations), want, on) for activations, want, on in asked]
    judged(cases, 1e-6, "the mean activations")


# 3.3

BIT = 2.0**-20  # scores as near as 1 and 1 + BIT are different, in float32, too


@exercise("3.3-keep")
def test_worked_example_with_ties(student, rng):
    ties = [(7 * c % 5) / 4 for c in range(40)]
    cases = [
        ([0.5, 2.0, 0.1, 2.0, 0.5], 3, "[0.5, 2, 0.1, 2, 0.5]"),
        (ties, 20, "[(7 * c % 5) / 4 for c in range(40)]"),
        ([1.0] * 40, 13, "[1] * 40"),
    ]
    keeps(student, cases)


@exercise("3.3-keep")
def test_ascending_and_not_by_score(student, rng):
    cases = [
        ([0.3, 0.1, 0.9, 0.2, 0.7, 0.8], 2, "[0.3, 0.1, 0.9, 0.2, 0.7, 0.8]"),
        ([0.9, -3.0, 0.2, -0.5, 0.7], 4, "[0.9, -3, 0.2, -0.5, 0.7]"),
        ([-1.0, -4.0, -2.0, -3.0], 1, "[-1, -4, -2, -3]"),
        ([-1.0, -4.0, -2.0, -3.0], 4, "[-1, -4, -2, -3]"),
        ([1.0, 1.0, 1.0 + BIT, 1.0, 1.0 + BIT], 3, "[1, 1, 1 + 2**-20, 1, 1 + 2**-20]"),
        # Near zero floats lie so close together that no shift, however small, is smaller than every difference.
        ([0.0, -1e-30, 1e-30, -1e-30, 2e-30, 1e-30], 3, "[0, -1e-30, 1e-30, -1e-30, 2e-30, 1e-30]"),
    ]
    keeps(student, cases)


# 3.4


@exercise("3.4-mlp")
def test_two_of_three_hidden_neurons(student, rng):
    # With two outputs fc2 has no row 2, so whoever cuts its rows gets an IndexError, as does whoever cuts its bias.
    cases = []
    # In the last case nothing is to be cut: new layers all the same.
    for inputs, hidden, outputs, kept in ((4, 3, 2, [0, 2]), (2, 3, 4, [0, 2]), (3, 6, 3, [1, 2, 5]), (2, 3, 2, [0, 1, 2])):
        mlp = in_waves(nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs)))
        on = f"Linear({inputs}, {hidden}), ReLU, Linear({hidden}, {outputs}), kept = {kept}, the inputs and the tensors of each layer {WAVES}"
        cases.append((mlp, torch.tensor(kept), waves(16, inputs), on))
    prove_mlp(student, cases)


# 3.5


def small_cnn(conv, bn, after, kept, x):
    on = f"{said(conv, bn, nn.ReLU(), after)}, kept = {kept}, pictures of shape {x}; they and the tensors of each layer {WAVES}, variances plus 2"
    return in_waves(conv), in_waves(bn), in_waves(after), torch.tensor(kept), waves(*x), on


@exercise("3.5-cnn")
def test_three_of_eight_channels(student, rng):
    wide = nn.Conv2d(2, 6, (3, 5), (3, 2), (1, 2))
    cases = [
        # The worked example; nothing to cut; then all that a convolution and a batch norm can be told and that must stay.
        small_cnn(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 5, 1), [1, 4, 6], (2, 3, 5, 5)),
        small_cnn(nn.Conv2d(1, 3, 2), nn.BatchNorm2d(3), nn.Conv2d(3, 2, 1), [0, 1, 2], (1, 1, 3, 4)),
        small_cnn(wide, nn.BatchNorm2d(6, eps=0.01), nn.Conv2d(6, 4, (2, 3), (2, 3), (2, 1)), [2, 3, 4, 5], (2, 2, 7, 6)),
    ]
    prove_cnn(student, cases)


# 3.6


@exercise("3.6-bug")
def test_two_of_three_channels_through_the_flatten(student, rng):
    cases = []
    for outputs, picture, kept in ((2, (3, 2, 2), [0, 2]), (3, (4, 1, 3), [1, 3]), (2, (5, 2, 3), [0, 1, 4]), (3, (2, 1, 2), [0, 1])):
        linear, x = in_waves(nn.Linear(int(np.prod(picture)), outputs)), waves(4, *picture)
        on = f"{picture[0]} channels of {picture[1]}x{picture[2]}, {outputs} outputs, kept = {kept}; the pictures and the layer's tensors {WAVES}"
        cases.append((linear, picture, torch.tensor(kept), x, on))
    prove_flatten(student, cases)


# 3.7


@exercise("3.7-count")
def test_count_of_the_worked_example(student, rng):
    tall = nn.Conv2d(2, 3, (3, 1), stride=2, padding=(1, 0), bias=False)  # 18 weights; 7x5 -> 4x3, both sides odd
    wide = nn.Conv2d(3, 2, (1, 2), stride=(1, 2))  # 12 weights, 2 biases; 4x3 -> 4x1
    cases = [
        (nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1)), (3, 8, 8), 224, 3456),
        (nn.Sequential(nn.Linear(64, 100), nn.ReLU(), nn.Linear(100, 10)), (64,), 7510, 7400),
        (nn.Sequential(tall, nn.BatchNorm2d(3), wide, nn.Flatten(), nn.Linear(8, 5)), (2, 7, 5), 18 + 6 + 14 + 45, 18 * 12 + 12 * 4 + 40),
        (nn.Sequential(nn.Conv2d(1, 2, 2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(2, 3, 1)), (1, 8, 6), 10 + 9, 8 * 35 + 6 * 6),
    ]
    counted(student, cases)


# 3.9


@exercise("3.9-groups")
def test_groups_of_the_worked_example(student, rng):
    layers = ["stem", "conv1", "conv2", "conv3", "conv4"]
    cases = [
        (layers, [("stem", "conv2"), ("conv2", "conv4")], [["stem", "conv2", "conv4"], ["conv1"], ["conv3"]]),
        (["a", "b"], [], [["a"], ["b"]]),
        (["a", "b", "c", "d"], [("a", "b"), ("c", "d"), ("b", "c")], [["a", "b", "c", "d"]]),
        # Told from the end, the other way round and twice; the first group in the order of the layers is the smallest.
        (["c", "f", "e", "d", "a"], [("a", "e"), ("d", "f"), ("a", "d"), ("f", "d")], [["c"], ["f", "e", "d", "a"]]),
        # Names that begin with, end in, or hold other names, as `conv10` holds `conv1`.
        (
            ["conv1", "conv10", "v1", "conv", "conv11", "conv1.conv10"],
            [("conv11", "conv10"), ("v1", "conv")],
            [["conv1"], ["conv10", "conv11"], ["v1", "conv"], ["conv1.conv10"]],
        ),
        # A chain told from its end, and from its start: whoever hands the news on from layer to layer needs many rounds.
        (list("abcdefgh"), [(b, a) for a, b in zip("gfedcba", "hgfedcb")], [list("abcdefgh")]),
        (list("hgfedcba"), [(b, a) for a, b in zip("gfedcba", "hgfedcb")], [list("hgfedcba")]),
    ]
    groups_of(student, cases)
