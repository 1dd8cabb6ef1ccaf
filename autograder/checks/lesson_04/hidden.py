"""The hidden checks of lesson 04: laws on random inputs. They run only when grading.

Of each exercise the first check is the core; later ones are edge cases. Logits are float32 with few
binary digits, so that adding a whole number to them is exact, and everything is compared with the
definitions in float64. float32 rounds to 6e-8; the tolerances are small multiples of that.
"""

import math

import numpy as np
import torch
from torch import nn

from autograder.checks import exercise
from autograder.checks.expect import close, letter, that
from autograder.checks.lesson_04.visible import (
    cache_is_right,
    comes_back_unchanged,
    fill,
    kl_of,
    log_softened,
    loss_of,
    number,
    slopes_of,
    small_teacher,
    table,
)


def logits(rng, images, classes, size=4.0):
    """Random float32 logits, multiples of 1/64 up to `size`."""
    whole = rng.integers(-int(64 * size), int(64 * size) + 1, (images, classes))
    return torch.from_numpy((whole / 64).astype(np.float32))


def pair_of(rng):
    """Student's and teacher's logits of a random shape, more images than classes and the other way round."""
    images, classes = int(rng.integers(2, 9)), int(rng.integers(3, 12))
    return logits(rng, images, classes), logits(rng, images, classes)


def shape_of(z):
    return f"{z.shape[0]} random images, {z.shape[1]} classes"


# 4.1


@exercise("4.1-predict", points=5)
def test_predict_only_differences_count(student, rng):
    that(letter(student.value("predict_4_1"), "predict_4_1") == "b", "The prediction is not right.")


# 4.2


@exercise("4.2-soften", points=8)
def test_laws_of_softened_probabilities(student, rng):
    for temperature in (1.0, float(rng.uniform(0.3, 0.9)), float(rng.uniform(2, 20))):
        z, _ = pair_of(rng)
        on = f"{shape_of(z)}, T = {temperature:.3g}"
        got = table(student.soften(z, temperature), tuple(z.shape), "The result of soften")
        that(not student.mutated, "soften changes the logits that it was given, in place.")
        want = np.exp(log_softened(z, temperature))
        # An exponent of size up to 30 carries 30 * 6e-8 of rounding, twice.
        close(got, want, rel=1e-5, abs=1e-9, what="the softened probabilities", on=on)
        close(got.sum(axis=1), np.ones(len(z)), abs=1e-6, what="the sums of the rows", on=on)
        # One constant for each row: up to 8 / 0.3 more in the exponent.
        shifted = z + torch.from_numpy(rng.integers(-8, 9, (len(z), 1)).astype(np.float32))
        again = table(student.soften(shifted, temperature), tuple(z.shape), "The result of soften")
        close(again, want, rel=2e-5, abs=1e-9, what="the probabilities after adding a constant to each row", on=on)
        h = table(student.entropy(torch.from_numpy(want.astype(np.float32))), (len(z),), "The result of entropy")
        close(h, -(want * np.log(want)).sum(axis=1), abs=1e-5, what="the entropy", on=on)


@exercise("4.2-soften", points=3)
def test_limits_of_the_temperature(student, rng):
    z, _ = pair_of(rng)
    z[:, 1] = z.max(dim=1).values + 1  # one clear winner in each row
    n, classes = z.shape
    hot = table(student.soften(z, 1e6), (n, classes), "The result of soften at T = 1e6")
    # exp(x / T) = 1 + x / T + ...: nothing moves by more than 2 max|z| / (C T), which is below 2e-5 / C.
    close(hot, np.full((n, classes), 1 / classes), abs=2e-5 / classes + 1e-7, what="at T = 1000000 the probabilities", on=shape_of(z))
    cold = table(student.soften(z, 0.01), (n, classes), "The result of soften at T = 0.01")
    # The runner-up is at least 1 behind: a factor e^-100.
    close(cold, np.eye(classes)[np.ones(n, int)], abs=1e-6, what="at T = 0.01 the probabilities", on=shape_of(z))
    h = table(student.entropy(torch.from_numpy(np.eye(classes, dtype=np.float32))), (classes,), "The result of entropy")
    close(h, np.zeros(classes), abs=1e-5, what="the entropy of one-hot rows")
    last = np.full(n, -1e-5)
    for temperature in (0.25, 1.0, 4.0, 16.0, 64.0):
        p = np.exp(log_softened(z, temperature)).astype(np.float32)
        h = table(student.entropy(torch.from_numpy(p)), (n,), "The result of entropy")
        that(bool((h >= last - 1e-5).all()), "The entropy must rise with the temperature.")
        that(bool((h <= math.log(classes) + 1e-5).all()), f"The entropy of {classes} classes is at most ln {classes}.")
        last = h


@exercise("4.2-soften", points=3)
def test_very_large_logits(student, rng):
    # Whole numbers and a power of two: nothing is rounded before the exponential.
    for temperature in (1.0, 2.0):
        z = torch.from_numpy(rng.integers(-10_000, 10_001, (5, 6)).astype(np.float32))
        z[0], z[1] = 10_000, -10_000
        z[2, :3] = z[2].max() + torch.tensor([2.0, 1.0, 0.0])
        got = table(student.soften(z, temperature), (5, 6), "The result of soften for logits up to 10000")
        close(got, np.exp(log_softened(z, temperature)), abs=1e-6, what="the probabilities", on="logits up to 10000 in size")


# 4.3


def mean_kl(student, z, v, temperature):
    return number(student.mean_kl(z, v, temperature), "The result of mean_kl")


@exercise("4.3-kl", points=9)
def test_laws_of_the_divergence(student, rng):
    for temperature in (1.0, float(rng.uniform(2, 8)), float(rng.uniform(0.5, 0.9))):
        z, v = pair_of(rng)
        on = f"{shape_of(z)}, T = {temperature:.3g}"
        want, back = kl_of(z, v, temperature), kl_of(v, z, temperature)
        got, other = mean_kl(student, z, v, temperature), mean_kl(student, v, z, temperature)
        # Terms p * ln of size up to 10, each rounded to 6e-8, weighted by p: below 2e-6 in all.
        close(got, want, abs=2e-6, rel=1e-5, what="the mean divergence", on=on)
        close(other, back, abs=2e-6, rel=1e-5, what="the divergence with student and teacher exchanged", on=on)
        that(got > -2e-6, f"A divergence is never negative; got {got:.3g}; {on}.")
        # The mean over the images: the same images twice change nothing.
        twice = mean_kl(student, torch.cat([z, z]), torch.cat([v, v]), temperature)
        close(twice, want, abs=2e-6, rel=1e-5, what="the divergence of every image twice", on=on)
        # The sum over the classes: one more class that is impossible for both changes nothing.
        never = torch.full((len(z), 1), -10_000.0)
        more = mean_kl(student, torch.cat([z, never], 1), torch.cat([v, never], 1), temperature)
        close(more, want, abs=2e-6, rel=1e-5, what="the divergence with one more, impossible class", on=on)


@exercise("4.3-kl", points=3)
def test_divergence_ignores_constants(student, rng):
    z, v = pair_of(rng)
    want = kl_of(z, v, 2.0)
    for _ in range(2):
        a, b = (torch.from_numpy(rng.integers(-8, 9, (len(z), 1)).astype(np.float32)) for _ in range(2))
        close(mean_kl(student, z + a, v + b, 2.0), want, abs=5e-6, rel=1e-5, what="the divergence after adding constants", on=shape_of(z))
        close(mean_kl(student, v + a, v, 2.0), 0.0, abs=5e-6, what="the divergence of a teacher from itself, moved by constants")


@exercise("4.3-kl", points=3)
def test_divergence_of_very_large_logits(student, rng):
    n = int(rng.integers(3, 6))
    z, v = torch.zeros(n, 4), torch.zeros(n, 4)
    z[:, 0] = 10_000.0
    v[:, 1] = torch.from_numpy(rng.integers(5_000, 10_001, n).astype(np.float32))
    close(mean_kl(student, z, v, 1.0), kl_of(z, v, 1.0), rel=1e-5, what="the divergence", on="logits of 10000: the teacher is sure, and so is the student, of another class")
    close(mean_kl(student, v, v, 1.0), 0.0, abs=1e-6, what="the divergence of a very sure teacher from itself")


# 4.4


@exercise("4.4-bug", points=7)
def test_soft_loss_of_random_batches(student, rng):
    for classes in (2, 10, 100):
        images, temperature = int(rng.integers(3, 9)), float(rng.uniform(1.5, 6))
        z, v = logits(rng, images, classes), logits(rng, images, classes)
        got = number(student.soft_loss(z, v, temperature), "The result of soft_loss")
        on = f"{shape_of(z)}, T = {temperature:.3g}"
        close(got, temperature**2 * kl_of(z, v, temperature), abs=2e-6 * temperature**2, rel=1e-5, what="the soft loss", on=on)


@exercise("4.4-bug", points=3)
def test_soft_loss_counts_images_not_classes(student, rng):
    z, v = pair_of(rng)
    never = torch.full((len(z), 1), -10_000.0)
    want = 4 * kl_of(z, v, 2.0)
    more = number(student.soft_loss(torch.cat([z, never], 1), torch.cat([v, never], 1), 2.0), "The result of soft_loss")
    twice = number(student.soft_loss(torch.cat([z, z]), torch.cat([v, v]), 2.0), "The result of soft_loss")
    same = number(student.soft_loss(v, v, 2.0), "The result of soft_loss")
    close(more, want, abs=8e-6, rel=1e-5, what="the soft loss with one more, impossible class", on=shape_of(z))
    close(twice, want, abs=8e-6, rel=1e-5, what="the soft loss of every image twice", on=shape_of(z))
    close(same, 0.0, abs=8e-6, what="the soft loss of student = teacher", on=shape_of(z))


# 4.5


def whole_loss(student, z, v, labels, temperature, alpha):
    return number(student.distillation_loss(z, v, labels, temperature, alpha), "The result of distillation_loss")


@exercise("4.5-loss", points=9)
def test_loss_of_random_batches(student, rng):
    for _ in range(4):
        z, v = pair_of(rng)
        labels = torch.from_numpy(rng.integers(0, z.shape[1], len(z)))
        temperature, alpha = float(rng.uniform(1.5, 8)), float(rng.uniform(0.1, 0.4) + 0.5 * rng.integers(2))
        on = f"{shape_of(z)}, T = {temperature:.3g}, alpha_soft = {alpha:.3g}"
        want = loss_of(z, v, labels, temperature, alpha)
        close(whole_loss(student, z, v, labels, temperature, alpha), want, abs=2e-6 * temperature**2, rel=1e-5, what="the loss", on=on)


@exercise("4.5-loss", points=4)
def test_limits_of_the_loss(student, rng):
    z, v = pair_of(rng)
    labels = torch.from_numpy(rng.integers(0, z.shape[1], len(z)))
    hard, on = loss_of(z, v, labels, 1.0, 0.0), shape_of(z)
    for temperature in (1.0, 5.0):
        close(whole_loss(student, z, v, labels, temperature, 0.0), hard, abs=1e-6, rel=1e-5, what="with alpha_soft = 0 the loss", on=f"{on}, T = {temperature:g}")
    soft = loss_of(z, v, labels, 4.0, 1.0)
    for some in (labels, (labels + 1) % z.shape[1]):
        close(whole_loss(student, z, v, some, 4.0, 1.0), soft, abs=4e-5, rel=1e-5, what="with alpha_soft = 1, whatever the labels, the loss", on=on)
    close(whole_loss(student, v, v, labels, 4.0, 1.0), 0.0, abs=4e-5, what="the soft loss of student = teacher", on=on)


@exercise("4.5-loss", points=3)
def test_loss_ignores_constants(student, rng):
    z, v = pair_of(rng)
    labels = torch.from_numpy(rng.integers(0, z.shape[1], len(z)))
    want = loss_of(z, v, labels, 3.0, 0.6)
    a, b = (torch.from_numpy(rng.integers(-8, 9, (len(z), 1)).astype(np.float32)) for _ in range(2))
    close(whole_loss(student, z + a, v + b, labels, 3.0, 0.6), want, abs=4e-5, rel=1e-5, what="the loss after adding a constant to each image's logits", on=shape_of(z))


# 4.6


@exercise("4.6-gradient", points=9)
def test_gradient_against_finite_differences(student, rng):
    for temperature in (1.0, float(rng.uniform(0.5, 0.9)), float(rng.uniform(2, 12))):
        z, v = pair_of(rng)
        got = table(student.soft_gradient(z, v, temperature), tuple(z.shape), "The result of soft_gradient")
        # Probabilities are rounded to 6e-8 of themselves, exponents up to 8 / T carry as much again: below 1e-6 * T for any N.
        want, on = slopes_of(z, v, temperature), f"{shape_of(z)}, T = {temperature:.3g}"
        close(got, want, abs=1e-6 * max(temperature, 1 / temperature), rel=2e-5, what="the gradient (finite differences of the loss)", on=on)
        close(got.sum(axis=1), np.zeros(len(z)), abs=1e-5 * max(temperature, 1), what="the sum of each row (adding a constant changes nothing)", on=on)


@exercise("4.6-gradient", points=5)
def test_gradient_at_its_limits(student, rng):
    z, v = pair_of(rng)
    got = table(student.soft_gradient(v, v, 3.0), tuple(v.shape), "The result of soft_gradient")
    close(got, np.zeros(v.shape), abs=1e-6, what="the gradient of student = teacher", on=shape_of(v))
    hot, (n, classes) = 200.0, z.shape
    got = table(student.soft_gradient(z, v, hot), tuple(z.shape), "The result of soft_gradient")
    centred = (z - z.mean(1, keepdim=True) - v + v.mean(1, keepdim=True)).double().numpy()
    # With |z| <= 4, x = z / T <= 0.02: exp(x) leaves x^2 / 2 and its centring behind, at most 2 * 4^2 / T for each network; roundings 6e-8 * T / C.
    close(got, centred / (classes * n), abs=(64 / hot) / (classes * n) + 1e-6 * hot / n, what="the gradient at T = 200 (centred logits over C N)", on=shape_of(z))


# 4.7


def deep_teacher(rng):
    """Convolution, batch norm, ReLU, flatten, linear, batch norm, linear, on 1 x 4 x 4 images."""
    teacher = nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 4)
    )
    fill(teacher, rng)
    return teacher


def images_for(rng, n, *shape):
    return torch.from_numpy(rng.uniform(-1, 1, (n, *shape)).astype(np.float32))


@exercise("4.7-teacher", points=7)
def test_cache_of_random_teachers(student, rng):
    n = int(rng.integers(9, 14))
    for make, shape in ((small_teacher, (5,)), (deep_teacher, (1, 4, 4))):
        for mode in (False, True):
            on = f"{n} images in batches of 4, a teacher found in {'training' if mode else 'evaluation'} mode"
            cache_is_right(student, make(rng).train(mode), images_for(rng, n, *shape), 4, on)


@exercise("4.7-teacher", points=3)
def test_teacher_comes_back_unchanged(student, rng):
    for make, shape in ((small_teacher, (5,)), (deep_teacher, (1, 4, 4))):
        for mode in (False, True):
            on = f"a teacher found in {'training' if mode else 'evaluation'} mode"
            images = images_for(rng, 6, *shape)
            cache_is_right(student, make(rng).train(mode), images, 4, on)
            comes_back_unchanged(student, images, on)


@exercise("4.7-teacher", points=2)
def test_any_batch_size_gives_the_same_cache(student, rng):
    teacher, images = small_teacher(rng, dropout=1.0).train(), images_for(rng, 7, 5)
    for batch_size in (1, 2, 7, 50):
        cache_is_right(student, teacher, images, batch_size, f"7 images in batches of {batch_size}")


# 4.8


@exercise("4.8-hint", points=4)
def test_hint_loss_of_random_features(student, rng):
    for n, s, f in ((6, 3, 5), (4, 7, 2), (5, 4, 4)):
        features, weight, bias = (torch.from_numpy(rng.uniform(-1, 1, shape).astype(np.float32)) for shape in ((n, s), (f, s), (f,)))
        predicted = features.double() @ weight.double().T + bias.double()
        error = rng.uniform(0.5, 2, (n, f)) * rng.choice([-1, 1], (n, f))
        target = (predicted + torch.from_numpy(error)).float()
        got = number(student.hint_loss(features, target, weight, bias), "The result of hint_loss")
        close(got, float((error**2).mean()), rel=1e-5, what="the hint loss", on=f"{n} random images, {s} student and {f} teacher features")


@exercise("4.8-hint", points=2)
def test_hint_loss_of_a_perfect_regressor(student, rng):
    features, weight, bias = (torch.from_numpy(rng.integers(-4, 5, shape).astype(np.float32)) for shape in ((6, 3), (5, 3), (5,)))
    got = number(student.hint_loss(features, features @ weight.T + bias, weight, bias), "The result of hint_loss")
    # Whole numbers: nothing is rounded.
    close(got, 0.0, abs=1e-9, what="the hint loss when the teacher's features are exactly what the regressor predicts")
    # Every image twice changes nothing.
    target = features @ weight.T
    want = float((bias**2).mean())
    twice = number(student.hint_loss(torch.cat([features, features]), torch.cat([target, target]), weight, bias), "The result of hint_loss")
    close(twice, want, abs=1e-6, rel=1e-5, what="the hint loss of every image twice, off by the bias")
