"""The visible checks of lesson 07. They run in the student's kernel on small inputs.

A gradient is asked for in the student's own process, as `.backward()` gives it. No number lies near a half-step, so that no
rounding of x / scale can turn a code.
"""

import itertools

import numpy as np
import torch
from torch import nn

from autograder.checks import exercise, law
from autograder.checks.expect import (
    all_of,
    close,
    differentiable,
    dtype,
    equal,
    from_tensor,
    kind_of,
    letter,
    real_number,
    several,
    show,
    that,
    whole_number,
)
from autograder.course.faults import TimedOut
from autograder.sandbox.calling import weights

FLOAT32 = float(np.finfo(np.float32).eps)
FLOAT64 = float(np.finfo(np.float64).eps)


def tensor(value, shape, what, on):
    """A finite float32 tensor of this shape, as a float64 array."""
    that(isinstance(value, torch.Tensor), f"{what} should be a torch tensor; it is {kind_of(value)}; for {on}.")
    kind = str(value.dtype).removeprefix("torch.")
    that(value.dtype == torch.float32, f"{what} should hold float32 numbers; its data type is {kind}; for {on}.")
    found = from_tensor(value)
    that(found.shape == tuple(shape), f"{what} should have the shape {tuple(shape)}; it has {found.shape}; for {on}.")
    that(bool(np.isfinite(found).all()), f"{what} holds NaN or infinity; for {on}.")
    return found.astype(np.float64)


def array(value, shape, kind, what, on):
    """A NumPy array of this shape and data type."""
    that(isinstance(value, np.ndarray), f"{what} should be a NumPy array; it is {kind_of(value)}; for {on}.")
    that(value.shape == tuple(shape), f"{what} should have the shape {tuple(shape)}; it has {value.shape}; for {on}.")
    dtype(value, kind, what=f"{what}, for {on}")
    return value


def clear_of_ties(steps, by=1e-6):
    """No number is so near a half-step that arithmetic in another order could round it to the other side."""
    return bool((np.abs(steps - np.floor(steps) - 0.5) > by).all())


def no_ties(steps, by=1e-6):
    """A fault of the check, not of the answer, where there is one."""
    if not clear_of_ties(steps, by):
        raise RuntimeError("an input of this check lies at a half-step")


# 7.1


@exercise("7.1-predict")
def test_predict_the_first_jump(student, rng):
    chosen = letter(student.value("predict_7_1"), "predict_7_1")
    that(chosen == "c", f"({chosen}) is not it. From 3.45, how far is the border below which a number is rounded to 2?")


# 7.2


def check_fake(student, x, scale, zero_point, qmin, qmax, on, exact=False):
    """The value, and the gradient of a weighted sum of the values: each weight where the code before clamping is in the range, else 0.

    A value is a whole number of steps; a few roundings of the largest that can occur on the way are allowed.
    `exact`: x / scale has no rounding, so that half-steps may be asked about.
    """
    on = f"{on}, zero_point {zero_point}, qmin {qmin}, qmax {qmax}"
    size = np.asarray(from_tensor(scale) if isinstance(scale, torch.Tensor) else scale, dtype=np.float64)
    steps = from_tensor(x).astype(np.float64) / size
    if not exact:
        no_ties(steps, 1e-3)
    codes = np.rint(steps) + zero_point
    inside = (codes >= qmin) & (codes <= qmax)
    answer = student.gradient("fake_quantize", x, scale, zero_point, qmin, qmax)
    got = tensor(answer.value, x.shape, "The result of fake_quantize", on)
    want = (np.clip(codes, qmin, qmax) - zero_point) * size
    reach = float(np.max((np.abs(codes) + abs(zero_point) + max(abs(qmin), abs(qmax))) * size))
    close(got, want, abs=4 * FLOAT32 * reach, what="the value of fake_quantize", on=on)
    differentiable(answer, what=f"the result of fake_quantize for {on}")
    grad = tensor(answer.grads[0], x.shape, "The gradient that reaches x", on)
    arriving = weights(x.shape).numpy()
    many = " (each output weighed by another number from 1 to 2)" if x.numel() > 1 else ""
    close(grad, arriving * inside, rel=4 * FLOAT32, what=f"the gradient that reaches x{many}", on=on)


WORKED = torch.tensor([-1.4, -0.9, 0.1, 0.7, 0.8])


@exercise("7.2-fake")
def test_the_worked_example_and_both_ends(student, rng):
    ends = torch.tensor([-3.6, -3.4, -2.6, -2.4, -0.2, 0.0, 0.4, 0.6, 1.2, 1.4, 1.6, 2.2])
    all_of(
        (check_fake, student, WORKED, 0.5, 0, -2, 1, "x = [-1.4, -0.9, 0.1, 0.7, 0.8], scale 0.5"),
        (check_fake, student, ends, 1.0, 0, -3, 1, f"x = {show(ends.numpy().round(1))}, scale 1"),
        (check_fake, student, ends, 1.0, 0, -1, 1, f"x = {show(ends.numpy().round(1))}, scale 1"),
    )


@exercise("7.2-fake")
def test_a_zero_point(student, rng):
    x = torch.tensor([[-0.8, -0.3, 0.0], [0.3, 1.3, 2.7]])
    all_of(
        (check_fake, student, x, 0.25, 2, 0, 7, "x = [[-0.8, -0.3, 0], [0.3, 1.3, 2.7]], scale 0.25"),
        (check_fake, student, x, 0.25, -3, -8, 7, "x = [[-0.8, -0.3, 0], [0.3, 1.3, 2.7]], scale 0.25"),
        (check_fake, student, torch.tensor(1.3), 0.25, 2, 0, 7, "x = 1.3 (a tensor of shape ()), scale 0.25"),
    )


@exercise("7.2-fake")
def test_half_steps_go_to_the_even_code(student, rng):
    x = torch.tensor([-0.875, -0.625, -0.375, -0.125, 0.125, 0.375, 0.625, 0.875])
    on = "x = [-0.875, -0.625, -0.375, -0.125, 0.125, 0.375, 0.625, 0.875], scale 0.25"
    all_of(*((check_fake, student, x, 0.25, zero_point, -8, 7, on, True) for zero_point in (0, 1, -3)))


@exercise("7.2-fake")
def test_one_scale_for_each_row(student, rng):
    x, scales = torch.tensor([[0.1, -0.6, 0.9], [1.2, -6.4, 9.4]]), torch.tensor([[0.25], [2.0]])
    check_fake(student, x, scales, 0, -3, 3, "x = [[0.1, -0.6, 0.9], [1.2, -6.4, 9.4]], scale [[0.25], [2]]")


# 7.3


def check_range(got, lo, hi, what, on):
    """Two floats, to some float32 roundings of the larger of the two."""
    got = several(got, 2, what)
    slack = 8 * FLOAT32 * max(abs(lo), abs(hi))
    close(real_number(got[0], f"The lower end of {what}", on), lo, abs=slack, what=f"{what}: the lower end", on=on)
    close(real_number(got[1], f"The upper end of {what}", on), hi, abs=slack, what=f"{what}: the upper end", on=on)


def check_min_max(student, seen, x, on):
    lo, hi = float(x.min()), float(x.max())
    if seen is not None:
        lo, hi = min(lo, seen[0]), max(hi, seen[1])
    check_range(student.min_max(seen, x), lo, hi, "min_max", f"{'nothing seen yet' if seen is None else f'seen = {show(seen)}'}, {on}")


def check_moving(student, seen, x, c, on):
    lo, hi = float(x.min()), float(x.max())
    if seen is not None:
        lo, hi = (1 - c) * seen[0] + c * lo, (1 - c) * seen[1] + c * hi
    on = f"{'nothing seen yet' if seen is None else f'seen = {show(seen)}'}, {on}, c = {c:.4g}"
    check_range(student.moving_average(seen, x, c), lo, hi, "moving_average", on)


def interpolated(x, percent):
    """The percentile by hand: between the two neighbours of the place, in the sorted numbers."""
    ordered = np.sort(np.asarray(x, dtype=np.float64), axis=None)
    place = (len(ordered) - 1) * percent / 100
    low = min(int(place), len(ordered) - 1)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def check_percentile(student, x, tail, on):
    """A float32 percentile is off by roundings of the largest number."""
    got = several(student.percentile_range(x, tail), 2, "percentile_range")
    slack = 16 * FLOAT32 * float(np.abs(x).max())
    on = f"{on}, tail {tail:.4g}"
    for value, percent, name in ((got[0], tail, "lower"), (got[1], 100 - tail, "upper")):
        value = real_number(value, f"The {name} end of percentile_range", on)
        close(value, interpolated(x, percent), abs=slack, what=f"percentile_range: the {name} end", on=on)


BATCH, LATER = np.array([[-0.5, 6.0], [1.0, 2.5]]), np.array([-3.0, 0.25, 1.5])
ABOVE, BELOW = np.array([3.5, 2.0]), np.array([-1.25, -3.0])  # a range that 0 does not belong to
SAID = {id(BATCH): "x = [[-0.5, 6], [1, 2.5]]", id(LATER): "x = [-3, 0.25, 1.5]", id(ABOVE): "x = [3.5, 2]", id(BELOW): "x = [-1.25, -3]"}
BESIDE_0 = ((None, ABOVE), ((1.0, 3.0), ABOVE), (None, BELOW), ((-2.0, -0.5), BELOW))


@exercise("7.3-observers")
def test_min_max_of_two_batches(student, rng):
    cases = ((None, BATCH), ((-1.0, 2.0), BATCH), ((-1.0, 2.0), LATER), ((-4.0, 7.5), BATCH), (None, LATER), *BESIDE_0)
    all_of(*((check_min_max, student, seen, x, SAID[id(x)]) for seen, x in cases))


@exercise("7.3-observers")
def test_moving_average_of_two_batches(student, rng):
    cases = ((None, BATCH, 0.1), ((-1.0, 2.0), BATCH, 0.1), ((-1.0, 2.0), LATER, 0.25), ((0.0, 0.0), BATCH, 0.1), ((-1.0, 2.0), LATER, 1.0))
    cases += tuple((seen, x, 0.1) for seen, x in BESIDE_0)
    all_of(*((check_moving, student, seen, x, c, SAID[id(x)]) for seen, x, c in cases))


@exercise("7.3-observers")
def test_percentiles_of_small_arrays(student, rng):
    count = np.arange(101.0) ** 2 / 8 - 40
    on = "x = np.arange(101.0) ** 2 / 8 - 40"
    all_of(
        (check_percentile, student, count, 1.0, on),
        (check_percentile, student, count, 10.0, on),
        (check_percentile, student, count, 0.5, on),
        (check_percentile, student, BATCH, 0.0, SAID[id(BATCH)]),
        (check_percentile, student, BATCH, 20.0, SAID[id(BATCH)]),
    )


# 7.4

CONV_SETTINGS = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "padding_mode")


def folded_numbers(conv, bn):
    """(weight, bias, what the bias is made of in magnitude), in float64."""
    w, gamma, beta, mean, var = (t.detach().double().numpy() for t in (conv.weight, bn.weight, bn.bias, bn.running_mean, bn.running_var))
    factor = gamma / np.sqrt(var + bn.eps)
    bias = 0.0 if conv.bias is None else conv.bias.detach().double().numpy()
    return w * factor[:, None, None, None], (bias - mean) * factor + beta, (np.abs(bias) + np.abs(mean)) * np.abs(factor) + np.abs(beta)


def trainable(layer, name, shape, what, on):
    """A parameter that can be trained, as a float64 array."""
    found = getattr(layer, name)
    that(found is not None, f"{what} has no {name}; for {on}.")
    that(found.requires_grad, f"The {name} of {what} has requires_grad=False: it cannot be trained; for {on}.")
    return tensor(found, shape, f"The {name} of {what}", on)


def check_fold(student, conv, bn, on):
    """Settings, weight and bias of the folded convolution, within some float32 roundings of what they are made of."""
    value, what = student.fold(conv, bn), "what fold returned"
    that(type(value) is nn.Conv2d, f"fold should return one nn.Conv2d, PyTorch's own class; it returned {show(value)}; for {on}.")
    that(not student.shared, f"What fold returns shares memory with what it was given: training the one changes the other. Copy; for {on}.")
    for name in CONV_SETTINGS:
        have, want = getattr(value, name), getattr(conv, name)
        that(have == want, f"The folded convolution should have the old one's {name}, {want}; it has {have}; for {on}.")
    that(value.bias is not None, f"The folded convolution has no bias; with a batch norm in it, it always needs one; for {on}.")
    weight, bias, large = folded_numbers(conv, bn)
    got = trainable(value, "weight", weight.shape, what, on)
    close(got, weight, rel=16 * FLOAT32, what="the folded weight", on=on)
    got = trainable(value, "bias", bias.shape, what, on)
    close(got, bias, abs=16 * FLOAT32 * float(large.max()), what="the folded bias", on=on)


def check_scales(student, conv, bn, qmax, on):
    largest = np.abs(folded_numbers(conv, bn)[0]).max(axis=(1, 2, 3))
    want = np.where(largest > 0, largest / qmax, 1.0)
    on = f"{on}, qmax {qmax}"
    got = tensor(student.folded_scales(conv, bn, qmax), want.shape, "The result of folded_scales", on)
    close(got, want, rel=16 * FLOAT32, what="the scales of the folded filters", on=on)


def conv_of(w, bias=None, **settings):
    """An nn.Conv2d with these weights (nested lists, four deep)."""
    w = torch.tensor(w)
    layer = nn.Conv2d(w.shape[1], w.shape[0], tuple(w.shape[2:]), bias=bias is not None, **settings)
    with torch.no_grad():
        layer.weight.copy_(w)
        if bias is not None:
            layer.bias.copy_(torch.tensor(bias))
    return layer


def norm_of(gamma, beta, mean, var, eps):
    """An nn.BatchNorm2d in eval mode with these numbers."""
    bn = nn.BatchNorm2d(len(gamma), eps=eps)
    with torch.no_grad():
        for kept, numbers in ((bn.weight, gamma), (bn.bias, beta), (bn.running_mean, mean), (bn.running_var, var)):
            kept.copy_(torch.as_tensor(numbers))
    return bn.eval()


def small_layers():
    """(conv, bn, words): the worked example; two filters with a bias, and negative gamma; settings, a frozen layer, training mode."""
    worked = conv_of([[[[2.0]]]]), norm_of([-3.0], [0.5], [1.0], [4.0], 0.0)
    both = [[[[1.0, -2.0]], [[0.5, 3.0]]], [[[4.0, 1.0]], [[-1.0, 0.0]]]]
    norm = norm_of([2.0, -0.5], [0.25, 1.0], [3.0, -1.0], [0.24, 8.99], 0.01)
    settings = {"stride": (2, 1), "padding": (0, 1), "dilation": (1, 2)}
    frozen = conv_of(both, **settings).requires_grad_(False)
    training = norm_of([2.0, -0.5], [0.25, 1.0], [3.0, -1.0], [0.24, 8.99], 0.01).train()
    said = "gamma (2, -0.5), beta (0.25, 1), mean (3, -1), variance (0.24, 8.99), eps 0.01"
    return (
        (*worked, "one 1 x 1 filter of weight 2, no bias, gamma -3, beta 0.5, mean 1, variance 4, eps 0"),
        (conv_of(both, [10.0, -20.0]), norm, f"weight {both}, bias (10, -20), {said}"),
        (conv_of(both), norm, f"weight {both}, no bias, {said}"),
        (frozen, training, f"a frozen convolution with stride (2, 1), padding (0, 1), dilation (1, 2), no bias, {said}, in training mode"),
    )


@exercise("7.4-fold")
def test_small_layers_folded(student, rng):
    all_of(*((check_fold, student, *layers) for layers in small_layers()))


@exercise("7.4-fold")
def test_scales_of_small_layers(student, rng):
    dead = conv_of([[[[1.0]]], [[[2.0]]]]), norm_of([0.0, 1.5], [0.25, 1.0], [3.0, -1.0], [0.24, 8.99], 0.01)
    quiet = conv_of([[[[1e-3]]], [[[2.0]]], [[[-1e-9]]]]), norm_of([1.5] * 3, [0.25] * 3, [3.0] * 3, [0.24] * 3, 0.01)
    cases = [(*layers, qmax) for layers, qmax in zip(small_layers(), (7, 127, 7, 1))]
    all_of(
        *((check_scales, student, conv, bn, qmax, on) for conv, bn, on, qmax in cases),
        (check_scales, student, *dead, 7, "two 1 x 1 filters of weight 1 and 2, gamma (0, 1.5), variance (0.24, 8.99), eps 0.01"),
        (check_scales, student, *quiet, 7, "three 1 x 1 filters of weight 0.001, 2 and -1e-9, gamma 1.5, variance 0.24, eps 0.01"),
    )


# 7.5


def check_start(student, w, qp, on):
    want = 2 * float(w.double().abs().mean()) / qp**0.5
    got = real_number(student.start_step(w, qp), "The result of start_step", on)
    close(got, want, rel=FLOAT32 * (w.numel() + 8), what="the step at the start", on=f"{on}, qp {qp}")


def check_step_gradient(student, w, step, grad, qn, qp, on):
    """To a float32 rounding of each term of the sum, for every term."""
    v = w.double().numpy() / step
    slope = np.where(v <= -qn, -qn, np.where(v >= qp, qp, np.rint(v) - v))
    terms = grad.double().numpy() * slope
    factor = 1 / (w.numel() * qp) ** 0.5
    on = f"{on}, step {step:.4g}, qn {qn}, qp {qp}"
    got = real_number(student.step_gradient(w, step, grad, qn, qp), "The result of step_gradient", on)
    rounding = FLOAT32 * (w.numel() + 8) * factor * float(np.sum(np.abs(grad.numpy()) * (np.abs(v) + qn + qp)))
    close(got, factor * float(terms.sum()), abs=rounding, what="the gradient of the step", on=on)


FOUR, FOUR_SAID = torch.tensor([-1.3, 0.15, 0.4, 2.5]), "w = [-1.3, 0.15, 0.4, 2.5]"
TABLE, TABLE_SAID = torch.tensor([[-1.3, 0.6, 0.45], [0.1, -0.7, 0.9]]), "w = [[-1.3, 0.6, 0.45], [0.1, -0.7, 0.9]]"
ARRIVING = torch.tensor([[1.0, -2.0, 3.0], [0.5, 4.0, -1.5]])


@exercise("7.5-lsq")
def test_start_of_small_tensors(student, rng):
    all_of(*((check_start, student, w, qp, on) for w, on in ((FOUR, FOUR_SAID), (TABLE, TABLE_SAID)) for qp in (1, 4, 7)))


@exercise("7.5-lsq")
def test_step_gradient_of_small_tensors(student, rng):
    ones, grads = torch.ones(4), "grad [[1, -2, 3], [0.5, 4, -1.5]]"
    ends, on_ends = torch.tensor([-1.5, -1.0, 0.5, 1.0]), "w = [-1.5, -1, 0.5, 1] (whole numbers of steps)"
    all_of(
        (check_step_gradient, student, FOUR, 0.5, ones, 2, 1, f"{FOUR_SAID}, grad [1, 1, 1, 1]"),
        (check_step_gradient, student, TABLE, 0.5, ARRIVING, 2, 1, f"{TABLE_SAID}, {grads}"),
        (check_step_gradient, student, TABLE, 0.25, ARRIVING, 4, 3, f"{TABLE_SAID}, {grads}"),
        (check_step_gradient, student, TABLE, 0.7, ARRIVING, 0, 3, f"{TABLE_SAID}, {grads}"),
        (check_step_gradient, student, ends, 0.5, torch.tensor([1.0, 2.0, -3.0, 5.0]), 2, 2, f"{on_ends}, grad [1, 2, -3, 5]"),
    )


# 7.6


def observed(batches, training, c, freeze_at, qmax):
    """(x / scale before rounding, for each batch; the last scale)"""
    largest, moved, steps = None, 0, []
    for x, train in zip(batches, training):
        if train and moved < freeze_at:
            top = float(x.max())
            largest = top if largest is None else (1 - c) * largest + c * top
            moved += 1
        steps.append(x / (largest / qmax))
    return steps, largest / qmax


def check_codes(student, batches, training, c, freeze_at, qmax, on):
    """Codes where no half-step is near; the scale to some float64 roundings for each batch."""
    steps, scale = observed(batches, training, c, freeze_at, qmax)
    on = f"{on}, training {training}, c = {c:.4g}, freeze_at {freeze_at}, qmax {qmax}"
    for each in steps:
        no_ties(each)
    codes, shipped = several(student.codes_of_batches(batches, training, c, freeze_at, qmax), 2, "codes_of_batches")
    that(isinstance(codes, (list, tuple)), f"The codes should be a list of arrays; they are {kind_of(codes)}; for {on}.")
    that(len(codes) == len(batches), f"There are {len(batches)} batches and the codes of {len(codes)}; for {on}.")
    for number, (got, want) in enumerate(zip(codes, steps)):
        got = array(got, want.shape, np.uint8, f"The codes of batch {number}", on)
        equal(got, np.clip(np.rint(want), 0, qmax), what=f"the codes of batch {number}", on=on)
    got = real_number(shipped, "The scale", on)
    close(got, scale, rel=8 * FLOAT64 * (len(batches) + 2), what="the scale that is shipped", on=on)


BATCHES = [np.array(x) for x in ([0.5, 4.0, 1.25], [0.5, 8.2, 2.1], [1.1, 3.1, 16.0], [0.25, 2.2, 1.1])]


@exercise("7.6-bug")
def test_four_small_batches(student, rng):
    on = f"batches {[x.tolist() for x in BATCHES]}"
    cases = (
        ([True, True, True, True], 0.5, 2, 255),
        ([True, True, True, True], 0.25, 1, 15),
        ([True, False, True, True], 0.5, 2, 255),
        ([True, False, False, True], 0.5, 3, 15),
        ([True, True, True, True], 0.5, 4, 255),
        ([True, False, True, False], 0.25, 1, 15),
    )
    all_of(*((check_codes, student, BATCHES, *case, on) for case in cases))


# 7.7


@law("7.7-mix", "best_mix")
def loss_and_excess(value, losses, sizes, budget):
    return [added(value, losses), max(0, taken_bytes(value, sizes) - budget)]


def added(taken, losses):
    return float(sum(losses[i, o] for i, o in enumerate(taken)))


def taken_bytes(taken, sizes):
    return int(sum(sizes[i, o] for i, o in enumerate(taken)))


def least(losses, sizes, budget):
    """The least sum of losses within the budget, by trying all; None if nothing fits."""
    fits = [t for t in itertools.product(range(losses.shape[1]), repeat=len(losses)) if taken_bytes(t, sizes) <= budget]
    return min((added(t, losses) for t in fits), default=None)


def check_mix(student, losses, sizes, budget, best, on):
    """`best` is the least sum of losses; sums in another order differ by float64 roundings."""
    on = f"{on}, budget {budget}"
    taken = student.best_mix(losses, sizes, budget)
    if best is None:
        that(taken is None, f"Nothing fits into the budget, so best_mix should return None; it returned {show(taken)}; for {on}.")
        return
    that(isinstance(taken, (list, tuple)), f"best_mix should return a list; it returned {kind_of(taken)}; for {on}.")
    that(len(taken) == len(losses), f"best_mix should return one option for each of {len(losses)} layers: {show(taken)}; for {on}.")
    taken = [whole_number(each, "An option", on) for each in taken]
    that(all(0 <= o < losses.shape[1] for o in taken), f"best_mix takes options that do not exist: {taken}; for {on}.")
    used = taken_bytes(taken, sizes)
    that(used <= budget, f"best_mix takes the options {taken}, which use {used} bytes; for {on}.")
    got, slack = added(taken, losses), FLOAT64 * 4 * len(losses) * float(np.abs(losses).sum() + 1)
    that(got <= best + slack, f"best_mix takes the options {taken} with a sum of losses of {got:.6g}; {best:.6g} is possible; for {on}.")


def check_mix_in_time(student, losses, sizes, budget, best, on):
    """As check_mix. A time-out stays one (it may be tried again), but says what 20 layers mean for who tries all combinations."""
    try:
        check_mix(student, losses, sizes, budget, best, on)
    except TimedOut as fault:
        layers, options = losses.shape
        raise TimedOut(
            f"{fault} Or does it try all combinations? With {layers} layers of {options} options there are {options**layers:,}; for {on}, budget {budget}."
        ) from None


# Greedy, starting from the most bytes, takes the cheap notch first and pays for it.
SMALL_MIX = np.array([[5.0, 1.0, 0.0], [3.0, 2.5, 0.0]]), np.array([[2, 4, 8], [2, 5, 8]])
THREE_MIX = (
    np.array([[1.0, 0.25, 0.0], [0.75, -0.5, 0.0], [4.0, 3.0, 0.125]]),
    np.array([[20, 30, 80], [10, 15, 40], [50, 75, 200]]),
)
# Losses below 0 decide, and a later option need not have more bytes.
BELOW_0_MIX = np.array([[0.5, -1.0, -0.5], [-0.75, -2.0, 0.25]]), np.array([[6, 9, 3], [4, 7, 2]])


@exercise("7.7-mix")
def test_two_and_three_layers(student, rng):
    calls = []
    for losses, sizes in (SMALL_MIX, THREE_MIX, BELOW_0_MIX):
        on = f"losses {losses.tolist()}, sizes {sizes.tolist()}"
        least_bytes, most = int(sizes.min(axis=1).sum()), int(sizes.max(axis=1).sum())
        budgets = (most, most - 1, *range(least_bytes, most, 1 + (most - least_bytes) // 10), least_bytes - 1)
        calls += [(check_mix, student, losses, sizes, budget, least(losses, sizes, budget), on) for budget in budgets]
    all_of(*calls)


@exercise("7.7-mix")
def test_one_option_and_one_layer(student, rng):
    losses, sizes = np.array([[0.5], [0.25], [2.0]]), np.array([[3], [4], [5]])
    on = f"losses {losses.tolist()}, sizes {sizes.tolist()}"
    alone, bytes_alone = np.array([[2.0, 0.5, 0.0]]), np.array([[2, 3, 8]])
    on_alone = f"losses {alone.tolist()}, sizes {bytes_alone.tolist()}"
    all_of(
        *((check_mix, student, losses, sizes, budget, least(losses, sizes, budget), on) for budget in (12, 11, 100)),
        *((check_mix, student, alone, bytes_alone, budget, least(alone, bytes_alone, budget), on_alone) for budget in (1, 2, 3, 7, 8)),
    )


@exercise("7.7-mix")
def test_twenty_layers_in_time(student, rng):
    """Each option's loss is its bytes below 4, and every sum of bytes can be reached: the least loss is 80 less the budget."""
    sizes = np.tile([1, 2, 3, 4], (20, 1))
    on = "20 layers of 1, 2, 3 or 4 bytes with losses of 3, 2, 1, 0"
    all_of(*((check_mix_in_time, student, 4.0 - sizes, sizes, budget, 80.0 - budget, on) for budget in (51, 33)))


# 7.8


def check_bias(student, bias, x_scale, w_scales, on, exact=False):
    """`exact`: the scales are powers of two, so that half-steps may be asked about; so in `check_rescale`."""
    steps = bias.astype(np.float64) / (x_scale * w_scales.astype(np.float64))
    on = f"{on}, x_scale {x_scale:.4g}"
    if not exact:
        no_ties(steps)
    got = array(student.bias_codes(bias, x_scale, w_scales), bias.shape, np.int32, "The result of bias_codes", on)
    equal(got, np.rint(steps), what="the codes of the bias", on=on)


def check_sums(student, qx, x_zero, qw, qb, on):
    want = (qx.astype(np.int64) - x_zero) @ qw.astype(np.int64).T + qb
    on = f"{on}, x_zero {x_zero}"
    got = array(student.accumulate(qx, x_zero, qw, qb), want.shape, np.int32, "The result of accumulate", on)
    equal(got, want, what="the sums", on=on)


def check_rescale(student, sums, x_scale, w_scales, y_scale, y_zero, qmax, on, exact=False):
    steps = sums * (x_scale * w_scales / y_scale)
    on = f"{on}, x_scale {x_scale:.4g}, y_scale {y_scale:.4g}, y_zero {y_zero}, qmax {qmax}"
    if not exact:
        no_ties(steps)
    got = student.rescale(sums, x_scale, w_scales, y_scale, y_zero, qmax)
    got = array(got, sums.shape, np.uint8, "The result of rescale", on)
    equal(got, np.clip(np.rint(steps) + y_zero, 0, qmax), what="the codes for the next layer", on=on)


@exercise("7.8-integer")
def test_bias_of_three_rows(student, rng):
    bias, scales = np.array([0.5, -1.25, 300.0]), np.array([0.02, 0.03, 0.001])
    on = "bias = [0.5, -1.25, 300], w_scales = [0.02, 0.03, 0.001]"
    all_of((check_bias, student, bias, 0.1, scales, on), (check_bias, student, bias, 0.7, scales, on))


@exercise("7.8-integer")
def test_sums_of_small_layers(student, rng):
    one = np.array([[3, 9]], np.uint8), 5, np.array([[10, -4]], np.int8), np.array([250], np.int32)
    qx = np.array([[0, 255, 7], [200, 3, 128]], np.uint8)
    qw, qb = np.array([[127, -128, 5], [-100, 90, 1]], np.int8), np.array([70_000, -3], np.int32)
    on = "qx = [[0, 255, 7], [200, 3, 128]], qw = [[127, -128, 5], [-100, 90, 1]], qb = [70000, -3]"
    # 601 * 255 * 127 is odd and above 2 ** 24: a float32 cannot hold it.
    many = np.full((1, 601), 255, np.uint8), 0, np.tile(np.array([[127], [-127]], np.int8), 601), np.array([0, 2], np.int32)
    all_of(
        (check_sums, student, *one, "qx = [[3, 9]], qw = [[10, -4]], qb = [250]"),
        *((check_sums, student, qx, zero, qw, qb, on) for zero in (0, 5, 128)),
        (check_sums, student, *many, "601 inputs of 255, weights of 127 in the first row and -127 in the second, qb = [0, 2]"),
    )


@exercise("7.8-integer")
def test_codes_for_the_next_layer(student, rng):
    sums, scales = np.array([[214, -92], [-4000, 7], [33_000, 52]], np.int32), np.array([0.02, 0.05])
    on = "sums = [[214, -92], [-4000, 7], [33000, 52]], w_scales = [0.02, 0.05]"
    cases = ((0.1, 0.02, 100, 255), (0.1, 0.02, 0, 255), (0.3, 0.08, 3, 15), (0.1, 0.5, 0, 1))
    all_of(*((check_rescale, student, sums, x_scale, scales, *rest, on) for x_scale, *rest in cases))


@exercise("7.8-integer")
def test_half_steps_go_to_the_even_number(student, rng):
    calls = []
    for bias in ([0.25, 0.75, -1.25, 1.75], [2.25, -0.25, 0.25, 1.25, -0.75, 4.25]):
        given, ones, on = np.array(bias), np.ones(len(bias)), "w_scales of 1"
        sums = (4 * given).astype(np.int32)[None]
        calls.append((check_bias, student, given, 0.5, ones, f"bias = {bias}, {on}", True))
        for y_zero in (100, 101):
            calls.append((check_rescale, student, sums, 0.5, ones, 1.0, y_zero, 255, f"sums = {sums.tolist()}, {on}", True))
    all_of(*calls)
