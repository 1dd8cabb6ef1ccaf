"""The hidden checks of lesson 07: laws on random inputs. They run only when grading.

Of each exercise the first check is the core; later ones are edge cases.
"""

import numpy as np
import torch

from autograder.checks import exercise
from autograder.checks.expect import letter, that
from course_lessons.lesson_07_quantization_aware_training.visible import (
    added,
    check_bias,
    check_codes,
    check_fake,
    check_fold,
    check_min_max,
    check_mix,
    check_mix_in_time,
    check_moving,
    check_percentile,
    check_rescale,
    check_scales,
    check_start,
    check_step_gradient,
    check_sums,
    clear_of_ties,
    conv_of,
    least,
    norm_of,
    observed,
    taken_bytes,
)


# 7.1


@exercise("7.1-predict", points=5)
def test_predict_after_ten_steps(student, rng):
    that(letter(student.value("predict_7_1"), "predict_7_1") == "c", "The prediction is not right.")


# 7.2


def on_the_grid(rng, shape, low, high):
    """Whole numbers from low to high, each moved by 0.02 to 0.4: neither a half-step nor a whole number is near."""
    return rng.integers(low, high + 1, shape) + rng.uniform(0.02, 0.4, shape) * rng.choice([-1, 1], shape)


def floats(values):
    return torch.tensor(np.asarray(values), dtype=torch.float32)


@exercise("7.2-fake", points=11)
def test_values_and_gradients_of_random_tensors(student, rng):
    """All codes and some beyond occur: both ends are reached, and missed by one."""
    for qmin, qmax, zero in ((-8, 7, 0), (-1, 1, 0), (0, 15, int(rng.integers(1, 15))), (-7, 7, int(rng.integers(-6, 7)))):
        scale = float(rng.uniform(0.05, 3))
        steps = np.concatenate([np.arange(qmin - 2, qmax + 3) - zero + rng.uniform(-0.4, 0.4, qmax - qmin + 5)] * 2)
        x = floats(scale * rng.permutation(steps))
        check_fake(student, x, scale, zero, qmin, qmax, f"{len(steps)} random numbers, scale {scale:.4g}")


@exercise("7.2-fake", points=4)
def test_scales_that_broadcast(student, rng):
    for shape, scales in (((3, 9), (3, 1)), ((2, 3, 4), (2, 1, 1)), ((4, 5), (5,)), ((6, 4), ())):
        size = floats(rng.uniform(0.1, 2, scales))
        x = floats(on_the_grid(rng, shape, -6, 6)) * size
        check_fake(student, x, size, 0, -4, 3, f"random numbers of shape {shape}, random scales of shape {scales}")


@exercise("7.2-fake", points=3)
def test_one_code_and_many(student, rng):
    """A range of one code lets through what is rounded to it; 8 bits let everything through; values on the grid stay."""
    x = floats(on_the_grid(rng, (3, 8), -2, 2))
    check_fake(student, x, 1.0, 0, 0, 0, "random numbers of shape (3, 8), scale 1")
    check_fake(student, x, 1.0, 0, -127, 127, "random numbers of shape (3, 8), scale 1")
    grid = floats(rng.integers(-9, 10, (4, 6)) / 4)
    check_fake(student, grid, 0.25, 0, -8, 7, "random multiples of the scale, shape (4, 6), scale 0.25")
    check_fake(student, grid, 0.25, 3, -8, 7, "random multiples of the scale, shape (4, 6), scale 0.25")


# 7.3


@exercise("7.3-observers", points=7)
def test_observers_on_random_batches(student, rng):
    for shape, kind in (((40,), np.float64), ((5, 3, 4), np.float32), ((1,), np.float64)):
        x = rng.normal(float(rng.uniform(-1, 1)), 2, shape).astype(kind)
        low = float(rng.uniform(-4, -0.1))
        seen, c = (low, low + float(rng.uniform(0.5, 8))), float(rng.uniform(0.01, 0.9))
        on = f"a random batch of shape {shape} in {np.dtype(kind)}"
        for before in (None, seen, (-100.0, 100.0), (0.5, 0.5)):
            check_min_max(student, before, x, on)
            check_moving(student, before, x, c, on)
        for tail in (float(rng.uniform(0.1, 5)), float(rng.uniform(5, 45))):
            check_percentile(student, x, tail, on)


@exercise("7.3-observers", points=3)
def test_positive_negative_and_constant_batches(student, rng):
    for x, on in (
        (rng.uniform(2, 5, (6, 4)), "a random batch of positive numbers"),
        (rng.uniform(-5, -2, (6, 4)), "a random batch of negative numbers"),
        (np.full((3, 3), float(rng.uniform(0.5, 2))), "a batch of nine equal numbers"),
        (np.zeros(5), "a batch of zeros"),
    ):
        for seen in (None, (-1.5, 1.0), (0.0, 0.0), (3.0, 4.0)):
            check_min_max(student, seen, x, on)
            check_moving(student, seen, x, 0.3, on)
        check_percentile(student, x, 2.0, on)


@exercise("7.3-observers", points=2)
def test_ends_of_c_and_of_the_tail(student, rng):
    x = rng.normal(0, 3, (7, 5))
    check_moving(student, (-2.0, 9.0), x, 1.0, "a random batch of shape (7, 5)")
    check_moving(student, (-2.0, 9.0), x, 1e-3, "a random batch of shape (7, 5)")
    for tail in (0.0, 49.0):
        check_percentile(student, x, tail, "a random batch of shape (7, 5)")


# 7.4


def random_layers(rng, inputs, outputs, kernel, bias, eps=0.02, **settings):
    """(conv, bn, words) with random numbers; about half of the gammas are negative."""
    w = floats(rng.normal(size=(outputs, inputs, *kernel)))
    conv = conv_of(w.tolist(), rng.normal(size=outputs).tolist() if bias else None, **settings)
    gamma = rng.uniform(0.2, 3, outputs) * rng.permutation(np.resize([-1, 1], outputs))
    bn = norm_of(gamma, rng.normal(size=outputs), rng.normal(size=outputs), rng.uniform(0.05, 9, outputs), eps)
    said = "".join(f", {name}={value}" for name, value in settings.items())
    on = f"random nn.Conv2d({inputs}, {outputs}, {kernel}{said}), {'a' if bias else 'no'} bias, batch norm with eps {eps:g}"
    return conv, bn, on


@exercise("7.4-fold", points=9)
def test_random_layers_folded_and_scaled(student, rng):
    for inputs, outputs, kernel, bias, eps in ((3, 4, (3, 3), True, 0.02), (2, 5, (1, 1), False, 0.1), (1, 2, (2, 5), True, 0.05)):
        conv, bn, on = random_layers(rng, inputs, outputs, kernel, bias, eps)
        check_fold(student, conv, bn, on)
        check_scales(student, conv, bn, int(rng.integers(1, 128)), on)
        check_fold(student, conv.requires_grad_(False), bn.requires_grad_(False), f"frozen, {on}")
        check_fold(student, conv, bn.train(), f"in training mode, {on}")


@exercise("7.4-fold", points=3)
def test_settings_of_the_convolution_stay(student, rng):
    for kernel, settings in (
        ((3, 3), {"stride": 2, "padding": 1}),
        ((3, 5), {"stride": (2, 1), "padding": (0, 2)}),
        ((2, 4), {"padding": (2, 1), "dilation": (1, 3)}),
        ((4, 4), {"stride": (1, 4), "dilation": 2}),
    ):
        for bias in (True, False):
            conv, bn, on = random_layers(rng, 2, 3, kernel, bias, **settings)
            check_fold(student, conv, bn, on)


@exercise("7.4-fold", points=3)
def test_channels_without_variance_and_filters_of_zeros(student, rng):
    conv, bn, on = random_layers(rng, 2, 4, (3, 3), True, eps=1e-5)
    with torch.no_grad():
        bn.running_var[int(rng.integers(4))] = 0.0
    check_fold(student, conv, bn, f"one channel with a running variance of 0, {on}")
    check_scales(student, conv, bn, 7, f"one channel with a running variance of 0, {on}")
    with torch.no_grad():
        conv.weight[1] = 0.0
        bn.weight[2] = 0.0
    check_fold(student, conv, bn, f"a filter of zeros and a gamma of 0, {on}")
    check_scales(student, conv, bn, int(rng.integers(2, 128)), f"a filter of zeros and a gamma of 0, {on}")
    conv, bn, on = random_layers(rng, 1, 1, (1, 1), False)
    check_scales(student, conv, bn, 1, on)


# 7.5


@exercise("7.5-lsq", points=8)
def test_gradient_and_start_of_random_tensors(student, rng):
    for shape, qn, qp in (((40,), 2, 1), ((6, 5), 8, 7), ((2, 3, 4), 4, 3), ((25,), 0, 15)):
        step = float(rng.uniform(0.05, 2))
        w, grad = floats(step * on_the_grid(rng, shape, -qn - 2, qp + 2)), floats(rng.normal(size=shape))
        w[w == 0] = 0.1 * step
        on = f"random w and grad of shape {shape}"
        check_step_gradient(student, w, step, grad, qn, qp, on)
        check_start(student, w, qp, on)


@exercise("7.5-lsq", points=3)
def test_ends_that_are_hit_exactly(student, rng):
    """Whole numbers of a step that is a power of two: an end itself belongs to the outer branches, and inside nothing is rounded."""
    for qn, qp in ((2, 1), (8, 7), (0, 3)):
        codes = np.concatenate([np.arange(-qn - 1, qp + 2), [-qn, qp, -qn, qp]])
        w = floats(0.25 * rng.permutation(codes))
        grad = floats(rng.uniform(0.5, 2, len(codes)))
        check_step_gradient(student, w, 0.25, grad, qn, qp, f"{len(codes)} whole numbers of steps, random grad")


@exercise("7.5-lsq", points=2)
def test_one_weight_and_large_ones(student, rng):
    for value in (0.3, -0.3, 5.0, -5.0):
        w = torch.tensor([value])
        check_step_gradient(student, w, 1.0, torch.tensor([float(rng.uniform(0.5, 2))]), 2, 3, f"one weight of {value}, random grad")
        check_start(student, w, int(rng.integers(2, 100)), f"one weight of {value}")


# 7.6


def random_batches(rng, count, training, c, freeze_at, qmax):
    """Batches that are not negative, no number near a half-step; their largest numbers differ widely."""
    while True:
        tops = rng.permutation(np.geomspace(1, 30, count)) * rng.uniform(0.8, 1.25, count)
        batches = [np.maximum(rng.normal(0.3, 1, (3, 4)), 0) for _ in range(count)]
        batches = [x * top / x.max() if x.max() > 0 else np.full((3, 4), top) for x, top in zip(batches, tops)]
        if all(clear_of_ties(s, 1e-5) for s in observed(batches, training, c, freeze_at, qmax)[0]):
            return batches


@exercise("7.6-bug", points=5)
def test_random_batches_and_a_frozen_observer(student, rng):
    for count, freeze_at in ((6, 2), (8, 3), (7, 1), (5, 5)):
        training = [True, *(bool(each) for each in rng.permutation(np.resize([True, False, True], count - 1)))]
        c, qmax = float(rng.uniform(0.1, 0.9)), int(rng.choice([15, 63, 255]))
        batches = random_batches(rng, count, training, c, freeze_at, qmax)
        check_codes(student, batches, training, c, freeze_at, qmax, f"{count} random batches")


@exercise("7.6-bug", points=3)
def test_validation_first_and_last(student, rng):
    for training, freeze_at in (
        ([True], 1),
        ([True, False, False, False], 4),
        ([True, False, True, False, True, True], 2),
        ([True, True, True, True, True, True], 10),
    ):
        c, qmax = float(rng.uniform(0.1, 0.9)), int(rng.choice([1, 7, 255]))
        batches = random_batches(rng, len(training), training, c, freeze_at, qmax)
        check_codes(student, batches, training, c, freeze_at, qmax, f"{len(training)} random batches")


# 7.7


def random_mix(rng, layers, options):
    """Losses that fall with the bytes, mostly, and can be negative; sizes that grow."""
    losses = np.sort(rng.exponential(1, (layers, options)), axis=1)[:, ::-1] * rng.uniform(0.1, 5, (layers, 1))
    losses[rng.random((layers, options)) < 0.2] -= rng.uniform(0.1, 1)
    sizes = np.sort(rng.integers(1, 60, (layers, options)), axis=1)
    return losses, sizes


@exercise("7.7-mix", points=8)
def test_equals_the_best_of_all_combinations(student, rng):
    for layers, options in ((3, 3), (4, 3), (5, 4), (2, 5), (6, 2)):
        for _ in range(3):
            losses, sizes = random_mix(rng, layers, options)
            low, high = int(sizes.min(axis=1).sum()), int(sizes.max(axis=1).sum())
            budget = int(rng.integers(low, high + 1))
            check_mix(student, losses, sizes, budget, least(losses, sizes, budget), f"{layers} random layers with {options} options")


@exercise("7.7-mix", points=3)
def test_budgets_that_are_hit_missed_and_generous(student, rng):
    losses, sizes = random_mix(rng, 4, 3)
    low = int(sizes.min(axis=1).sum())
    for budget in (low - 1, 0, low, 10**6):
        check_mix(student, losses, sizes, budget, least(losses, sizes, budget), "4 random layers with 3 options")
    best, at = least(losses, sizes, 10**6), losses.argmin(axis=1)
    exact = taken_bytes(at, sizes)  # what is best without a budget fits exactly
    that(abs(added(at, losses) - best) < 1e-9, "this check's reference is wrong")
    check_mix(student, losses, sizes, exact, best, "4 random layers with 3 options")


@exercise("7.7-mix", points=3)
def test_twenty_layers_and_any_budget(student, rng):
    """Four to the power of 20 combinations: only a table, or something as quick, can do it. The answer is known: each option's loss is
    its bytes below the most, so the least loss is what the budget leaves to be saved, where every number of bytes can be reached.
    """
    sizes = np.tile([1, 2, 3, 4], (20, 1))
    for budget in (int(rng.integers(30, 70)), 20, 80):
        check_mix_in_time(student, 4.0 - sizes, sizes, budget, 80.0 - budget, "20 layers of 1 to 4 bytes, a loss of 1 for each byte saved")


# 7.8


def random_scales(rng, rows):
    return rng.uniform(0.001, 0.1, rows)


@exercise("7.8-integer", points=9)
def test_integers_equal_the_fake_quantised_layer(student, rng):
    """Bias, sums and codes of random layers; and what they stand for is what floats compute, exactly, in float64."""
    for samples, n, rows, zero in ((4, 12, 5, int(rng.integers(1, 200))), (1, 40, 3, 0), (6, 3, 2, 255)):
        x_scale, scales = float(rng.uniform(0.01, 0.3)), random_scales(rng, rows)
        qx = rng.integers(0, 256, (samples, n)).astype(np.uint8)
        qw = rng.integers(-127, 128, (rows, n)).astype(np.int8)
        qb = rng.integers(-3000, 3000, rows).astype(np.int32)
        on = f"random codes, {samples} samples, {n} inputs, {rows} rows"
        check_bias(student, (qb + rng.uniform(-0.4, 0.4, rows)) * x_scale * scales, x_scale, scales, f"a random bias for {rows} rows")
        check_sums(student, qx, zero, qw, qb, on)
        sums = ((qx.astype(np.int64) - zero) @ qw.astype(np.int64).T + qb).astype(np.int32)
        while True:
            y_scale = float(np.ptp(sums * x_scale * scales) + 1) / 255 * float(rng.uniform(0.3, 2))
            if clear_of_ties(sums * (x_scale * scales / y_scale)):
                break
        check_rescale(student, sums, x_scale, scales, y_scale, int(rng.integers(0, 256)), 255, on)


@exercise("7.8-integer", points=3)
def test_large_sums_fit(student, rng):
    n = int(rng.integers(500, 900))
    qx, zero = np.full((2, n), 255, np.uint8), int(rng.integers(0, 3))
    qw = np.stack([np.full(n, 127), np.full(n, -128), rng.integers(-128, 128, n)]).astype(np.int8)
    check_sums(student, qx, zero, qw, np.array([2**30, -(2**30), 5], np.int32), f"all codes 255, weights at the ends, {n} inputs")
    check_bias(student, np.array([1e4, -1e4]), 0.01, np.array([0.011, 0.013]), "bias = [10000, -10000], w_scales = [0.011, 0.013]")


@exercise("7.8-integer", points=3)
def test_codes_beyond_the_ends_and_few_codes(student, rng):
    """Sums far beyond both ends must be clamped while they are wide."""
    for qmax, y_zero in ((255, int(rng.integers(0, 256))), (15, 0), (7, 7), (1, 1)):
        sums = rng.integers(-40_000, 40_000, (5, 4)).astype(np.int32)
        scales, x_scale = random_scales(rng, 4), 0.05
        while True:
            y_scale = float(rng.uniform(0.01, 1))
            if clear_of_ties(sums * (x_scale * scales / y_scale)):
                break
        check_rescale(student, sums, x_scale, scales, y_scale, y_zero, qmax, "random sums, 5 samples, 4 rows")
