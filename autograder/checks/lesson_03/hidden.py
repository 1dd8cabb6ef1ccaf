"""The hidden checks of lesson 03: laws on random inputs. They run only when grading.

Of each exercise the first check is the core; later ones are edge cases. Surgery is proved by one law:
the small network's output is that of the masked big one.
"""

import numpy as np
import torch
from torch import nn

from autograder.checks import exercise
from autograder.checks.expect import close, equal, that
from autograder.checks.lesson_03.visible import (
    counted, indices, normal, one_letter, prove_cnn, prove_flatten, prove_mlp, random_batch_norm, random_conv, random_linear,
    same_groups, scores_of, some_of,
)  # fmt: skip


def unchanged(changed, what):
    that(not changed, f"{what} should leave what it is given as it is: build new layers and copy.")


# 3.1


@exercise("3.1-predict", points=5)
def test_predict_shape_and_time_stay(student, rng):
    that(one_letter(student.value("predict_3_1"), "predict_3_1") == "b", "The prediction is not right.")


# 3.2


SHAPES = ((6, 6), (5, 9), (7, 3, 3, 3), (4, 4, 1, 5))


@exercise("3.2-importance", points=8)
def test_scores_of_random_layers(student, rng):
    for shape in SHAPES:
        weight, grad = normal(rng, *shape), normal(rng, *shape)
        # A float32 sum of n terms is off by at most n * 2**-24 of the sum of their absolute values.
        n = weight[0].numel()
        w, g = weight.double().numpy().reshape(shape[0], -1), grad.double().numpy().reshape(shape[0], -1)
        on = f"random weights of shape {shape}"
        rel = (n + 4) * 2.0**-24
        scores_of(student.l1_importance(weight), np.abs(w).sum(1), rel, "the L1 scores", on)
        scores_of(student.l2_importance(weight), np.sqrt((w * w).sum(1)), rel, "the L2 scores", on)
        slack = rel * np.abs(w * g).sum(1).max()
        got = student.taylor_importance(weight, grad)
        close(got, np.abs((w * g).sum(1)), abs=slack, what="the Taylor scores", on=on + ", random gradients")


@exercise("3.2-importance", points=3)
def test_taylor_is_the_change_of_a_linear_loss(student, rng):
    # If the loss is a sum of (gradient x weight), the first-order estimate is exact: remove a channel and look.
    shape = (6, 4, 3, 3)
    weight, grad = normal(rng, *shape), normal(rng, *shape)
    loss = (weight.double() * grad.double()).sum()
    want = []
    for channel in range(shape[0]):
        without = weight.double().clone()
        without[channel] = 0
        want.append(abs(float(loss - (without * grad.double()).sum())))
    slack = 40 * 2.0**-24 * float((weight * grad).abs().sum(dim=(1, 2, 3)).max())
    what = "the Taylor scores (against the true change of a loss that is linear in the weights)"
    close(student.taylor_importance(weight, grad), np.array(want), abs=slack, what=what)


@exercise("3.2-importance", points=3)
def test_mean_activation_of_random_maps(student, rng):
    for shape in ((5, 5), (3, 8), (6, 3, 4, 5), (2, 7, 1, 3)):
        activations = normal(rng, *shape).clamp(min=0)
        axes = tuple(axis for axis in range(len(shape)) if axis != 1)
        want = activations.double().numpy().mean(axis=axes)
        on = f"random activations of shape {shape}"
        scores_of(student.mean_activation(activations), want, (activations.numel() + 4) * 2.0**-24, "the mean activations", on)


# 3.3


@exercise("3.3-keep", points=6)
def test_kept_channels_of_random_scores(student, rng):
    for channels in (1, 5, 16, 64):
        for n_keep in sorted({1, (channels + 1) // 2, max(1, channels - 1), channels}):
            scores = rng.permutation(channels) + rng.uniform(0, 0.5, channels) - 3
            got = student.kept_channels(torch.from_numpy(scores).float(), n_keep)
            got = indices(got, n_keep, "The result of kept_channels")
            want = np.sort(np.argsort(-scores)[:n_keep])
            equal(got, want, what="the kept channels", on=f"{channels} different scores, keep {n_keep}")


@exercise("3.3-keep", points=4)
def test_ties_go_to_the_lower_index(student, rng):
    for channels, levels in ((6, 1), (12, 3), (64, 4), (200, 5)):
        scores = rng.integers(0, levels, channels) / 4
        n_keep = int(rng.integers(1, channels))
        got = indices(student.kept_channels(torch.from_numpy(scores).float(), n_keep), n_keep, "The result of kept_channels")
        order = sorted(range(channels), key=lambda c: (-scores[c], c))
        want = np.array(sorted(order[:n_keep]))
        equal(got, want, what="the kept channels", on=f"{channels} scores with many ties, keep {n_keep}")


# 3.4


@exercise("3.4-mlp", points=10)
def test_small_mlp_equals_the_masked_one(student, rng):
    for inputs, hidden, outputs, n_keep in ((5, 8, 3, 5), (6, 6, 6, 3), (3, 20, 7, 11)):
        mlp = nn.Sequential(random_linear(rng, inputs, hidden), nn.ReLU(), random_linear(rng, hidden, outputs))
        prove_mlp(student, mlp, some_of(rng, hidden, n_keep), normal(rng, 32, inputs))


@exercise("3.4-mlp", points=4)
def test_one_neuron_all_neurons_and_nothing_changed(student, rng):
    mlp = nn.Sequential(random_linear(rng, 4, 7), nn.ReLU(), random_linear(rng, 7, 5))
    for kept in (torch.tensor([int(rng.integers(1, 7))]), torch.arange(7)):
        unchanged(prove_mlp(student, mlp, kept, normal(rng, 16, 4)), "prune_mlp")


# 3.5


@exercise("3.5-cnn", points=13)
def test_small_cnn_equals_the_masked_one(student, rng):
    for inputs, channels, outputs, n_keep in ((3, 8, 4, 5), (6, 6, 6, 3), (1, 12, 5, 7)):
        conv, bn, after = random_conv(rng, inputs, channels), random_batch_norm(rng, channels), random_conv(rng, channels, outputs)
        prove_cnn(student, conv, bn, after, some_of(rng, channels, n_keep), normal(rng, 3, inputs, 6, 5))


@exercise("3.5-cnn", points=5)
def test_strides_one_channel_and_nothing_changed(student, rng):
    conv = random_conv(rng, 2, 6, 5, 2, 2)
    bn = random_batch_norm(rng, 6, eps=1e-3)
    after = random_conv(rng, 6, 3, 1, 1, 0)
    for kept in (torch.tensor([int(rng.integers(1, 6))]), some_of(rng, 6, 4), torch.arange(6)):
        unchanged(prove_cnn(student, conv, bn, after, kept, normal(rng, 2, 2, 9, 8)), "Surgery")


# 3.6


@exercise("3.6-bug", points=6)
def test_flatten_keeps_whole_blocks(student, rng):
    for channels, height, width, n_keep in ((5, 2, 3, 3), (4, 4, 4, 2), (9, 3, 3, 5)):
        linear = random_linear(rng, channels * height * width, 4)
        prove_flatten(student, linear, channels, height, width, some_of(rng, channels, n_keep), normal(rng, 5, channels, height, width))


@exercise("3.6-bug", points=2)
def test_area_of_one_and_nothing_changed(student, rng):
    for channels, height, width, n_keep in ((6, 1, 1, 4), (3, 2, 2, 1), (3, 1, 4, 3)):
        linear = random_linear(rng, channels * height * width, 3)
        kept = some_of(rng, channels, n_keep)
        unchanged(prove_flatten(student, linear, channels, height, width, kept, normal(rng, 5, channels, height, width)), "cut_columns")


# 3.7


def conv_cost(inputs, outputs, size, positions, bias=True):
    weights = inputs * outputs * size * size
    return weights + outputs * bias, weights * positions


@exercise("3.7-count", points=8)
def test_count_of_random_networks(student, rng):
    for _ in range(3):
        a, b, c, classes = (int(v) for v in rng.integers(2, 9, 4))
        size = int(rng.integers(6, 11))
        half = (size + 1) // 2  # size 3, stride 2, padding 1
        net = nn.Sequential(
            nn.Conv2d(a, b, 3, 1, 1), nn.BatchNorm2d(b), nn.ReLU(),
            nn.Conv2d(b, c, 3, 2, 1), nn.BatchNorm2d(c), nn.ReLU(),
            nn.Flatten(), nn.Linear(c * half * half, classes),
        ).eval()  # fmt: skip
        first, second = conv_cost(a, b, 3, size * size), conv_cost(b, c, 3, half * half)
        last = c * half * half * classes
        want = first[0] + 2 * b + second[0] + 2 * c + last + classes, first[1] + second[1] + last
        on = f"{a} -> {b} -> {c} channels, {classes} classes, pictures of {size}x{size}, the second convolution with stride 2"
        counted(student.count(net, torch.zeros(1, a, size, size)), *want, on)


@exercise("3.7-count", points=4)
def test_count_of_odd_layers(student, rng):
    a, b, c = (int(v) for v in rng.integers(2, 7, 3))
    # No padding, no bias, pooling, and pictures that are not square: 7x10 -> 3x6 -> 1x3.
    net = nn.Sequential(nn.Conv2d(a, b, 5, bias=False), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(b, c, 1), nn.Flatten(), nn.Linear(3 * c, 4, bias=False))
    first, second = conv_cost(a, b, 5, 3 * 6, bias=False), conv_cost(b, c, 1, 1 * 3)
    want = first[0] + second[0] + 12 * c, first[1] + second[1] + 12 * c
    on = f"Conv2d({a}, {b}, 5, bias=False), MaxPool2d(2), Conv2d({b}, {c}, 1), Linear on 7x10"
    counted(student.count(net.eval(), torch.zeros(1, a, 7, 10)), *want, on)


# 3.9


def components(layers, additions):
    """Groups by walking along the additions, from each layer that has not been reached."""
    found, seen = [], set()
    for start in layers:
        if start in seen:
            continue
        reached, ahead = {start}, [start]
        while ahead:
            here = ahead.pop()
            for a, b in additions:
                for there in {a, b} - reached if here in (a, b) else ():
                    reached.add(there)
                    ahead.append(there)
        seen |= reached
        found.append([layer for layer in layers if layer in reached])
    return found


@exercise("3.9-groups", points=6)
def test_groups_of_random_networks(student, rng):
    # The first two in any run: two groups that only a later addition joins; and a chain told backwards.
    cases = [
        (["a", "b", "c", "d", "e"], [("a", "b"), ("d", "e"), ("e", "b")]),
        (["stem", "c1", "c2", "c3", "c4", "c5", "c6"], [("c4", "c6"), ("c2", "c4"), ("stem", "c2")]),
    ]
    for _ in range(6):
        count = int(rng.integers(4, 12))
        layers = [f"conv{k}" for k in rng.permutation(count)]
        additions = [tuple(layers[int(k)] for k in rng.choice(count, 2, replace=False)) for _ in range(int(rng.integers(1, count)))]
        cases.append((layers, additions))
    for layers, additions in cases:
        got = student.tied_groups(layers, additions)
        same_groups(got, components(layers, additions), f"layers {layers}, additions {additions}")


@exercise("3.9-groups", points=4)
def test_groups_of_long_and_empty_networks(student, rng):
    blocks = int(rng.integers(5, 11))
    inner = [f"block{k}.conv1" for k in range(blocks)]
    outer = ["stem"] + [f"block{k}.conv2" for k in range(blocks)]
    layers = ["stem"] + [name for k in range(blocks) for name in (f"block{k}.conv1", f"block{k}.conv2")]
    additions = [(outer[k], outer[k + 1]) for k in range(blocks)]
    want = [outer] + [[name] for name in inner]
    for told in (additions, additions[::-1], [additions[int(k)] for k in rng.permutation(blocks)], additions + additions):
        got = student.tied_groups(layers, [(b, a) for a, b in told])
        same_groups(got, want, f"a chain of {blocks} residual blocks")
    same_groups(student.tied_groups([], []), [], "no layers at all")
    same_groups(student.tied_groups(["only"], []), [["only"]], "one layer")
