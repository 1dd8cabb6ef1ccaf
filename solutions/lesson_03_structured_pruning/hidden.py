"""The hidden checks of lesson 03: laws on random inputs. They run only when grading.

Of each exercise the first check is the core; later ones are edge cases. Surgery is proved by one law:
the small network's output is that of the masked big one.
"""

import numpy as np
from torch import nn

from autograder.checks import exercise
from autograder.checks.expect import case, letter, that
from course_lessons.lesson_03_structured_pruning.visible import (
    BIT,
    counted,
    groups_of,
    keeps,
    normal,
    prove_cnn,
    prove_flatten,
    prove_mlp,
    random_batch_norm,
    random_conv,
    random_linear,
    said,
    scores_of,
    some_of,
)

# 3.1


@exercise("3.1-predict", points=5)
def test_predict_shape_and_time_stay(student, rng):
    that(letter(student.value("predict_3_1"), "predict_3_1") == "b", "The prediction is not right.")


# 3.2


SHAPES = ((2, 3), (6, 6), (5, 9), (1, 7), (4, 1), (7, 3, 3, 3), (4, 4, 1, 5), (1, 2, 3, 2))


@exercise("3.2-importance", points=8)
def test_scores_of_random_layers(student, rng):
    # Faint layers, and a channel of zeros in each: a small number added for safety is seen.
    for shape, size in [*((shape, 1.0) for shape in SHAPES), ((5, 9), 1e-9), ((4, 2, 3, 3), 1e-8), ((3, 7), 1e9)]:
        weight, grad = normal(rng, *shape) * size, normal(rng, *shape)
        if size < 1:
            weight[int(rng.integers(shape[0]))] = 0
        # A float32 sum of n terms is off by at most n * 2**-24 of the sum of their absolute values.
        n = weight[0].numel()
        w, g = weight.double().numpy().reshape(shape[0], -1), grad.double().numpy().reshape(shape[0], -1)
        on, both = case(weight=weight), case(weight=weight, grad=grad)
        rel = (n + 4) * 2.0**-24
        scores_of(student.l1_importance(weight), np.abs(w).sum(1), rel=rel, what="the L1 scores", on=on)
        scores_of(student.l2_importance(weight), np.sqrt((w * w).sum(1)), rel=rel, what="the L2 scores", on=on)
        slack = rel * np.abs(w * g).sum(1).max()
        got = student.taylor_importance(weight, grad)
        scores_of(got, np.abs((w * g).sum(1)), abs=slack, what="the Taylor scores", on=both)


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
    scores_of(student.taylor_importance(weight, grad), np.array(want), abs=slack, what=what, on=case(weight=weight, grad=grad))


@exercise("3.2-importance", points=3)
def test_mean_activation_of_random_maps(student, rng):
    for shape in ((2, 3), (5, 5), (3, 8), (1, 4), (4, 1), (6, 3, 4, 5), (2, 7, 1, 3), (3, 1, 2, 2)):
        activations = normal(rng, *shape).clamp(min=0) * (1e-9 if shape in ((5, 5), (2, 7, 1, 3)) else 1)
        axes = tuple(axis for axis in range(len(shape)) if axis != 1)
        want = activations.double().numpy().mean(axis=axes)
        rel = (activations.numel() + 4) * 2.0**-24
        scores_of(student.mean_activation(activations), want, rel=rel, what="the mean activations", on=case(activations=activations))


# 3.3


@exercise("3.3-keep", points=6)
def test_kept_channels_of_random_scores(student, rng):
    cases = []
    for channels in (1, 5, 16, 64):
        for n_keep in sorted({1, (channels + 1) // 2, max(1, channels - 1), channels}):
            scores = rng.permutation(channels) + rng.uniform(0, 0.5, channels) - channels / 2
            cases.append((scores.tolist(), n_keep, shown(scores, "different scores of both signs")))
    keeps(student, cases)


@exercise("3.3-keep", points=4)
def test_ties_go_to_the_lower_index(student, rng):
    cases = []
    for channels, levels in ((6, 1), (12, 3), (64, 4), (200, 5)):
        scores = rng.permutation(np.arange(channels) % levels) / 4  # each level has its share
        best = int((scores == scores.max()).sum())
        cases.append((scores.tolist(), best // 2, shown(scores, "scores with many ties")))  # the cut always goes through a tie
    near = 1 + rng.permutation(np.arange(30) % 3) * BIT
    cases.append((near.tolist(), 15, "30 numbers that are 1, 1 + 2**-20 or 1 + 2**-19"))
    small = rng.permutation(np.arange(30) % 3) * 1e-30
    cases.append((small.tolist(), 15, "30 numbers that are 0, 1e-30 or 2e-30"))
    keeps(student, cases)


def shown(scores, words):
    """A few scores as they are, many in words."""
    return str([round(float(score), 4) for score in scores]) if len(scores) <= 16 else f"{len(scores)} {words}"


# 3.4


@exercise("3.4-mlp", points=10)
def test_small_mlp_equals_the_masked_one(student, rng):
    prove_mlp(student, [random_mlp(rng, *sizes) for sizes in ((5, 8, 3, 5), (6, 6, 6, 3), (3, 20, 7, 11))])


@exercise("3.4-mlp", points=4)
def test_one_neuron_and_all_neurons(student, rng):
    prove_mlp(student, [random_mlp(rng, 4, 7, 5, n_keep) for n_keep in (1, 7)])


def random_mlp(rng, inputs, hidden, outputs, n_keep):
    mlp = nn.Sequential(random_linear(rng, inputs, hidden), nn.ReLU(), random_linear(rng, hidden, outputs))
    kept = some_of(rng, hidden, n_keep)
    on = f"random Linear({inputs}, {hidden}), ReLU, Linear({hidden}, {outputs}), kept = {kept.tolist()}"
    return mlp, kept, normal(rng, 32, inputs), on


# 3.5


@exercise("3.5-cnn", points=13)
def test_small_cnn_equals_the_masked_one(student, rng):
    cases = []
    for inputs, channels, outputs, n_keep in ((3, 8, 4, 5), (6, 6, 6, 3), (1, 12, 5, 7)):
        conv, after = random_conv(rng, inputs, channels), random_conv(rng, channels, outputs)
        cases.append(random_cnn(rng, conv, random_batch_norm(rng, channels), after, n_keep, (3, inputs, 6, 5)))
    prove_cnn(student, cases)


@exercise("3.5-cnn", points=5)
def test_every_setting_one_channel_and_all_channels(student, rng):
    # Kernel, stride and padding of either convolution, different in height and width, and an epsilon of its own.
    cases = []
    for n_keep in (1, 4, 6):
        conv, after = random_conv(rng, 2, 6, (5, 3), (2, 3), (2, 1)), random_conv(rng, 6, 3, (1, 2), (3, 2), (1, 2))
        cases.append(random_cnn(rng, conv, random_batch_norm(rng, 6, eps=1e-3), after, n_keep, (2, 2, 9, 8)))
    prove_cnn(student, cases)


def random_cnn(rng, conv, bn, after, n_keep, shape):
    kept = some_of(rng, conv.out_channels, n_keep)
    on = f"random {said(conv, bn, nn.ReLU(), after)}, kept = {kept.tolist()}"
    return conv, bn, after, kept, normal(rng, *shape), on


# 3.6


def random_flatten(rng, channels, height, width, n_keep, outputs):
    kept = some_of(rng, channels, n_keep)
    on = f"random pictures of {channels} channels of {height}x{width}, {outputs} outputs, kept = {kept.tolist()}"
    x = normal(rng, 5, channels, height, width)
    return random_linear(rng, channels * height * width, outputs), (channels, height, width), kept, x, on


@exercise("3.6-bug", points=6)
def test_flatten_keeps_whole_blocks(student, rng):
    prove_flatten(student, [random_flatten(rng, *sizes, 4) for sizes in ((5, 2, 3, 3), (4, 4, 4, 2), (9, 3, 3, 5))])


@exercise("3.6-bug", points=2)
def test_area_of_one_and_one_channel(student, rng):
    prove_flatten(student, [random_flatten(rng, *sizes, 3) for sizes in ((6, 1, 1, 4), (3, 2, 2, 1), (3, 1, 4, 3))])


# 3.7


def conv_cost(inputs, outputs, size, positions, bias=True):
    """(parameters, MACs) of a convolution whose kernel has `size` places."""
    weights = inputs * outputs * size
    return weights + outputs * bias, weights * positions


@exercise("3.7-count", points=8)
def test_count_of_random_networks(student, rng):
    cases = []
    for size in (int(rng.integers(3, 6)) * 2, int(rng.integers(3, 6)) * 2 + 1):  # an odd side in every run
        a, b, c, classes = (int(v) for v in rng.integers(2, 9, 4))
        half = (size + 1) // 2  # size 3, stride 2, padding 1
        net = nn.Sequential(
            nn.Conv2d(a, b, 3, 1, 1),
            nn.BatchNorm2d(b),
            nn.ReLU(),
            nn.Conv2d(b, c, 3, 2, 1),
            nn.BatchNorm2d(c),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(c * half * half, classes),
        )
        first, second = conv_cost(a, b, 9, size * size), conv_cost(b, c, 9, half * half)
        last = c * half * half * classes
        cases.append((net, (a, size, size), first[0] + 2 * b + second[0] + 2 * c + last + classes, first[1] + second[1] + last))
    counted(student, cases)


@exercise("3.7-count", points=4)
def test_count_of_odd_layers(student, rng):
    a, b, c = (int(v) for v in rng.integers(2, 7, 3))
    # No padding, no bias, pooling, and pictures that are not square: 7x10 -> 3x6 -> 1x3.
    net = nn.Sequential(
        nn.Conv2d(a, b, 5, bias=False), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(b, c, 1), nn.Flatten(), nn.Linear(3 * c, 4, bias=False)
    )
    first, second = conv_cost(a, b, 25, 3 * 6, bias=False), conv_cost(b, c, 1, 1 * 3)
    # Kernel, stride and padding differ in height and width: 9x6 -> 5x4 -> 2x2.
    uneven = nn.Sequential(
        nn.Conv2d(a, b, (3, 5), stride=(2, 1), padding=(1, 1)), nn.ReLU(), nn.MaxPool2d(2, stride=2), nn.Flatten(), nn.Linear(4 * b, 3)
    )
    third, fourth = conv_cost(a, b, 15, 5 * 4), 12 * b
    # Two linear layers and no picture at all.
    flat = nn.Sequential(nn.Linear(a, b), nn.ReLU(), nn.Linear(b, c, bias=False))
    counted(
        student,
        [
            (net, (a, 7, 10), first[0] + second[0] + 12 * c, first[1] + second[1] + 12 * c),
            (uneven, (a, 9, 6), third[0] + fourth + 3, third[1] + fourth),
            (flat, (a,), a * b + b + b * c, a * b + b * c),
        ],
    )


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
    # The first ones in any run: two groups that only a later addition joins; a chain told backwards; names within names.
    cases = [
        (["a", "b", "c", "d", "e"], [("a", "b"), ("d", "e"), ("e", "b")]),
        (["stem", "c1", "c2", "c3", "c4", "c5", "c6"], [("c4", "c6"), ("c2", "c4"), ("stem", "c2")]),
        (["conv12", "conv1", "conv2", "conv21", "conv112"], [("conv12", "conv21"), ("conv112", "conv2")]),
    ]
    for _ in range(6):
        count = int(rng.integers(4, 12))
        layers = [f"conv{k}" for k in rng.permutation(count)]
        additions = [tuple(layers[int(k)] for k in rng.choice(count, 2, replace=False)) for _ in range(int(rng.integers(1, count)))]
        cases.append((layers, additions))
    groups_of(student, [(layers, additions, components(layers, additions)) for layers, additions in cases])


@exercise("3.9-groups", points=4)
def test_groups_of_long_and_empty_networks(student, rng):
    blocks = 25  # the same in every run: an answer that makes so many rounds and no more passes always or never
    inner = [f"block{k}.conv1" for k in range(blocks)]
    outer = ["stem"] + [f"block{k}.conv2" for k in range(blocks)]
    layers = ["stem"] + [name for k in range(blocks) for name in (f"block{k}.conv1", f"block{k}.conv2")]
    additions = [(outer[k], outer[k + 1]) for k in range(blocks)]
    want = [outer] + [[name] for name in inner]
    told = (additions, additions[::-1], [additions[int(k)] for k in rng.permutation(blocks)], additions + additions)
    cases = [(layers, [(b, a) for a, b in each], want) for each in told]
    groups_of(student, [*cases, ([], [], []), (["only"], [], [["only"]])])
