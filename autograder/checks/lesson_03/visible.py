"""The visible checks of lesson 03. They run in the student's kernel on small inputs.

The checks run modules that a student's code has made. So each is first compared, setting by setting and
shape by shape, with what it must be; only then is it run, in float64, where copying is the only thing that counts.
"""

import copy

import numpy as np
import torch
from torch import nn

from autograder.checks import exercise
from autograder.checks.expect import close, equal, from_tensor, kind_of, letter, that
from autograder.checks.modules import run_module

CONV_SETTINGS = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "padding_mode")


def pair(value, what):
    that(isinstance(value, (tuple, list)) and len(value) == 2, f"{what} should return two values.")
    return value


def indices(value, count, what):
    """The value as a NumPy array of `count` integers, or a plain message."""
    array = from_tensor(value) if isinstance(value, torch.Tensor) else value
    that(isinstance(array, np.ndarray), f"{what} should be a tensor of indices; it is {kind_of(value)}.")
    that(array.dtype.kind in "iu", f"{what} should be integers (int64); the type is {array.dtype}.")
    that(array.shape == (count,), f"{what} should have the shape ({count},); it has {tuple(array.shape)}.")
    return array


def scores_of(value, want, rel, what, on):
    """The value must be a real tensor or array close to `want`."""
    if isinstance(value, torch.Tensor):
        that(not value.is_complex(), f"{what} should be real numbers.")
    close(value, want, rel=rel, abs=1e-12, what=what, on=on)


def is_layer(value, kind, what):
    that(type(value) is kind, f"{what} should be a new nn.{kind.__name__}; it is {kind_of(value)}.")
    return value


def parameter(layer, name, shape, what):
    """A float parameter or buffer of the shape wanted."""
    tensor = getattr(layer, name, None)
    that(isinstance(tensor, torch.Tensor), f"{what} has no {name}.")
    that(tensor.dtype in (torch.float32, torch.float64), f"The {name} of {what} should be float32; it is {tensor.dtype}.")
    that(
        tuple(tensor.shape) == tuple(shape),
        f"The {name} of {what} should have the shape {tuple(shape)}; it has {tuple(tensor.shape)}.",
    )
    return tensor


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


def tuple_of(value):
    return tuple(value) if isinstance(value, (tuple, list)) else value


def is_batch_norm(value, like, channels, what):
    layer = is_layer(value, nn.BatchNorm2d, what)
    for name in ("weight", "bias", "running_mean", "running_var"):
        parameter(layer, name, (channels,), what)
    that(layer.num_features == channels, f"{what} should have num_features={channels}; it has {layer.num_features}.")
    that(layer.eps == like.eps, f"{what} should keep eps={like.eps}; it has {layer.eps}.")
    return layer


# Random layers, in which every number matters


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
        layer.weight.copy_(normal(rng, *layer.weight.shape) / (inputs * size**2) ** 0.5)
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


# The proof: small output = masked output


def prove_mlp(student, mlp, kept, x):
    fc1, _, fc2 = mlp
    small = student.prune_mlp(mlp, kept)
    changed = list(student.mutated)
    on = f"{fc1.in_features} inputs, {fc1.out_features} hidden neurons, {fc2.out_features} outputs, kept = {kept.tolist()}"
    is_layer(small, nn.Sequential, "The result of prune_mlp")
    that(len(small) == 3, f"The result of prune_mlp should have three layers; it has {len(small)}.")
    is_linear(small[0], fc1.in_features, len(kept), "the first layer of the small network")
    is_layer(small[1], nn.ReLU, "The layer in the middle")
    is_linear(small[2], len(kept), fc2.out_features, "the last layer of the small network")
    masked = copy.deepcopy(mlp)
    with torch.no_grad():
        masked[0].weight[silent(kept, fc1.out_features)] = 0
        masked[0].bias[silent(kept, fc1.out_features)] = 0
    # Copies are exact and float64 rounds at 1e-16: 1e-5 is the lesson's law, and wrong answers miss it by 1e-2 or more.
    close(run_module(small, x), run_module(masked, x), abs=1e-5, what="the output of the small network (against the masked one)", on=on)
    return changed


def prove_cnn(student, conv, bn, after, kept, x):
    """conv, bn, ReLU, after; returns whether anything that was given was changed."""
    small_conv, small_bn = pair(student.cut_outputs(conv, bn, kept), "cut_outputs")
    changed = list(student.mutated)
    on = f"{conv.out_channels} channels, kept = {kept.tolist()}"
    is_conv(small_conv, conv, conv.in_channels, len(kept), "the small convolution")
    is_batch_norm(small_bn, bn, len(kept), "the small batch norm")
    masked_bn = copy.deepcopy(bn)
    with torch.no_grad():
        masked_bn.weight[silent(kept, conv.out_channels)] = 0
        masked_bn.bias[silent(kept, conv.out_channels)] = 0
    masked = nn.Sequential(conv, masked_bn, nn.ReLU())
    small = nn.Sequential(small_conv, small_bn, nn.ReLU())
    what = "the output of the small convolution and batch norm (against the kept channels of the big ones)"
    close(run_module(small, x), run_module(masked, x)[:, kept], abs=1e-5, what=what, on=on)

    small_after = student.cut_inputs(after, kept)
    changed += student.mutated
    is_conv(small_after, after, len(kept), after.out_channels, "the next convolution, cut")
    what = "the output after the next convolution (against the masked network)"
    close(run_module(nn.Sequential(small, small_after), x), run_module(nn.Sequential(masked, after), x), abs=1e-5, what=what, on=on)
    return changed


def prove_flatten(student, linear, channels, height, width, kept, x):
    small = student.cut_columns(linear, kept, height * width)
    changed = list(student.mutated)
    is_linear(small, len(kept) * height * width, linear.out_features, "the small linear layer")
    on = f"{channels} channels of {height}x{width}, kept = {kept.tolist()}"
    masked_x = x.clone()
    masked_x[:, silent(kept, channels)] = 0
    want = run_module(nn.Sequential(nn.Flatten(), linear), masked_x)
    got = run_module(nn.Sequential(nn.Flatten(), small), x[:, kept])
    close(got, want, abs=1e-5, what="the output of the small linear layer (against the masked one)", on=on)
    return changed


def counted(got, parameters, macs, on):
    got_parameters, got_macs = pair(got, "count")
    equal(got_parameters, parameters, what="the number of parameters", on=on)
    equal(got_macs, macs, what="the number of MACs", on=on)


def same_groups(got, want, on):
    """A list (or tuple) of lists of names, in the order wanted."""
    that(isinstance(got, (list, tuple)), f"tied_groups should return a list of groups; it returned {kind_of(got)}.")
    for group in got:
        names = isinstance(group, (list, tuple)) and all(isinstance(name, str) for name in group)
        that(names, "Each group should be a list of names.")
    equal([list(group) for group in got], want, what="the groups", on=on)


# 3.1


@exercise("3.1-predict")
def test_predict_what_masking_changes(student, rng):
    chosen = letter(student.value("predict_3_1"), "predict_3_1")
    that(chosen == "b", f"({chosen}) is not it. Did the shape of the weight tensor change?")


# 3.2


@exercise("3.2-importance")
def test_scores_of_two_small_channels(student, rng):
    weight = torch.tensor([[3.0, -4.0], [1.0, 2.0]])
    grad = torch.tensor([[0.1, 0.2], [-0.5, -0.25]])
    on = "weight = [[3, -4], [1, 2]]"
    scores_of(student.l1_importance(weight), np.array([7.0, 3.0]), 1e-6, "the L1 scores", on)
    scores_of(student.l2_importance(weight), np.array([5.0, 5.0**0.5]), 1e-6, "the L2 scores", on)
    on += ", grad = [[0.1, 0.2], [-0.5, -0.25]]"
    scores_of(student.taylor_importance(weight, grad), np.array([0.5, 1.0]), 1e-5, "the Taylor scores", on)


@exercise("3.2-importance")
def test_scores_of_a_small_convolution(student, rng):
    weight = torch.arange(-8.0, 8.0).reshape(2, 2, 2, 2)
    on = "a weight of shape (2, 2, 2, 2) with the values -8 to 7 in order"
    scores_of(student.l1_importance(weight), np.array([36.0, 28.0]), 1e-6, "the L1 scores", on)
    scores_of(student.l2_importance(weight), np.sqrt([204.0, 140.0]), 1e-6, "the L2 scores", on)
    grad = torch.ones(2, 2, 2, 2)
    scores_of(student.taylor_importance(weight, grad), np.array([36.0, 28.0]), 1e-6, "the Taylor scores", on + ", all gradients 1")


@exercise("3.2-importance")
def test_mean_activation_of_two_images(student, rng):
    flat = torch.tensor([[1.0, 0.0, 4.0], [3.0, 0.0, 0.0]])
    on = "two images with the activations [1, 0, 4] and [3, 0, 0]"
    scores_of(student.mean_activation(flat), np.array([2.0, 0.0, 2.0]), 1e-6, "the mean activations", on)
    maps = torch.arange(16.0).reshape(2, 2, 2, 2)
    on = "two images, two channels of 2x2, with the values 0 to 15 in order"
    scores_of(student.mean_activation(maps), np.array([5.5, 9.5]), 1e-6, "the mean activations", on)


# 3.3


@exercise("3.3-keep")
def test_worked_example_with_ties(student, rng):
    got = indices(student.kept_channels(torch.tensor([0.5, 2.0, 0.1, 2.0, 0.5]), 3), 3, "The result of kept_channels")
    equal(got, np.array([0, 1, 3]), what="the kept channels", on="scores [0.5, 2, 0.1, 2, 0.5], keep 3")


@exercise("3.3-keep")
def test_ascending_and_not_by_score(student, rng):
    scores = torch.tensor([0.3, 0.1, 0.9, 0.2, 0.7])
    got = indices(student.kept_channels(scores, 3), 3, "The result of kept_channels")
    equal(got, np.array([0, 2, 4]), what="the kept channels", on="scores [0.3, 0.1, 0.9, 0.2, 0.7], keep 3")


# 3.4


@exercise("3.4-mlp")
def test_two_of_three_hidden_neurons(student, rng):
    # With two outputs fc2 has no row 2, so whoever cuts its rows gets an IndexError, as does whoever cuts its bias.
    for inputs, outputs in ((4, 2), (2, 4)):
        mlp = nn.Sequential(random_linear(rng, inputs, 3), nn.ReLU(), random_linear(rng, 3, outputs))
        with torch.no_grad():
            mlp[0].bias[1] = 0.7  # alive for every small input
        prove_mlp(student, mlp, torch.tensor([0, 2]), normal(rng, 16, inputs))


# 3.5


@exercise("3.5-cnn")
def test_three_of_eight_channels(student, rng):
    conv, bn, after = random_conv(rng, 3, 8, 3, 2, 1), random_batch_norm(rng, 8), random_conv(rng, 8, 5, 1, 1, 0)
    prove_cnn(student, conv, bn, after, torch.tensor([1, 4, 6]), normal(rng, 2, 3, 6, 6))


# 3.6


@exercise("3.6-bug")
def test_two_of_three_channels_through_the_flatten(student, rng):
    linear = random_linear(rng, 12, 2)
    prove_flatten(student, linear, 3, 2, 2, torch.tensor([0, 2]), normal(rng, 4, 3, 2, 2))


# 3.7


@exercise("3.7-count")
def test_count_of_the_worked_example(student, rng):
    conv = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1)).eval()
    mlp = nn.Sequential(nn.Linear(64, 100), nn.ReLU(), nn.Linear(100, 10)).eval()
    small = nn.Sequential(nn.Conv2d(2, 4, 1, bias=False), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(24, 5)).eval()
    cases = (
        (conv, (3, 8, 8), 224, 3456, "nn.Conv2d(3, 8, 3, stride=2, padding=1) on 8x8"),
        (mlp, (64,), 7510, 7400, "nn.Linear(64, 100), ReLU, nn.Linear(100, 10)"),
        (small, (2, 2, 3), 8 + 8 + 125, 48 + 120, "nn.Conv2d(2, 4, 1, bias=False), BatchNorm2d(4), Flatten, Linear(24, 5) on 2x3"),
    )
    answers = [student.count(model, torch.zeros(1, *shape)) for model, shape, *_ in cases]  # all are asked before one is judged
    for got, (_, _, parameters, macs, on) in zip(answers, cases):
        counted(got, parameters, macs, on)


# 3.9


@exercise("3.9-groups")
def test_groups_of_the_worked_example(student, rng):
    layers = ["stem", "conv1", "conv2", "conv3", "conv4"]
    got = student.tied_groups(layers, [("stem", "conv2"), ("conv2", "conv4")])
    on = "stem, conv1, conv2, conv3, conv4 with the additions (stem, conv2) and (conv2, conv4)"
    same_groups(got, [["stem", "conv2", "conv4"], ["conv1"], ["conv3"]], on)
    same_groups(student.tied_groups(["a", "b"], []), [["a"], ["b"]], "two layers and no addition")
    got = student.tied_groups(["a", "b", "c", "d"], [("a", "b"), ("c", "d"), ("b", "c")])
    same_groups(got, [["a", "b", "c", "d"]], "a, b, c, d with the additions (a, b), (c, d) and then (b, c)")
