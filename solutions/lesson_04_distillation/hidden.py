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
from autograder.checks.expect import case, letter, that
from course_lessons.lesson_04_distillation.visible import (
    FROM_LARGE,
    NATS,
    PROBABILITY,
    caches,
    divergences,
    entropies,
    found_in,
    gradients,
    hint_losses,
    log_softened,
    losses,
    nested_teacher,
    small_teacher,
    soft_gradients,
    soft_losses,
    softened,
    some_frozen,
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


def small_pair(rng):
    """So few that a message shows them whole."""
    return logits(rng, 2, 3), logits(rng, 2, 3)


def both(z, v):
    return case(student_logits=z, teacher_logits=v)


SURE_OF_OTHERS = "logits of 10000: each of the two is sure of another class"


def sure_of_others(rng):
    """Student's and teacher's logits as large as the text allows; the student gives no probability to what the teacher says."""
    n = int(rng.integers(3, 6))
    z, v = torch.zeros(n, 4), torch.zeros(n, 4)
    z[:, 0] = 10_000.0
    v[:, 1] = torch.from_numpy(rng.integers(5_000, 10_001, n).astype(np.float32))
    return z, v


def constants(rng, z):
    """A whole number for each image, to add to its logits."""
    return torch.from_numpy(rng.integers(-8, 9, (len(z), 1)).astype(np.float32))


def alone(z):
    """The first image by itself."""
    return z[:1]


def with_impossible(z):
    """One more class, to which nobody gives any probability."""
    return torch.cat([z, torch.full((len(z), 1), -10_000.0)], 1)


# 4.1


@exercise("4.1-predict", points=5)
def test_predict_only_differences_count(student, rng):
    that(letter(student.value("predict_4_1"), "predict_4_1") == "b", "The prediction is not right.")


# 4.2


@exercise("4.2-soften", points=8)
def test_laws_of_softened_probabilities(student, rng):
    cases, rows = [], []
    for temperature in (1.0, float(rng.uniform(0.3, 0.9)), float(rng.uniform(2, 20))):
        z, _ = pair_of(rng)
        # Exponents of size up to 40 are rounded to 2e-6: a fifth of what is allowed.
        moved = z + constants(rng, z)
        cases += [(each, temperature, PROBABILITY, case(logits=each)) for each in (small_pair(rng)[0], z, alone(z))]
        cases.append((moved, temperature, PROBABILITY, f"{case(logits=moved)}, a constant added to each row"))
        p = torch.from_numpy(np.exp(log_softened(z, temperature)).astype(np.float32))
        rows += [(each, case(probabilities=each)) for each in (alone(p), p)]
    softened(student, cases)
    entropies(student, rows)


@exercise("4.2-soften", points=3)
def test_limits_of_the_temperature(student, rng):
    z, _ = pair_of(rng)
    z[:, 1] = z.max(dim=1).values + 1  # one clear winner in each row
    n, classes = z.shape
    softened(student, [(z, temperature, PROBABILITY, f"{case(logits=z)}, a clear winner in each row") for temperature in (1e6, 0.01)])
    entropies(student, [(torch.eye(classes), f"{classes} one-hot rows")])
    last = np.zeros(n)
    for temperature in (0.25, 1.0, 4.0, 16.0, 64.0):
        p = np.exp(log_softened(z, temperature)).astype(np.float32)
        h = table(student.entropy(torch.from_numpy(p)), (n,), "The result of entropy")
        that(bool((h >= last - 2 * NATS).all()), "The entropy must rise with the temperature.")
        that(bool((h <= math.log(classes) + NATS).all()), f"The entropy of {classes} classes is at most ln {classes}.")
        last = h


@exercise("4.2-soften", points=3)
def test_very_large_logits(student, rng):
    cases = []
    for temperature in (1.0, 2.0):
        z = torch.from_numpy(rng.integers(-9_990, 9_991, (5, 6)).astype(np.float32))
        z[0], z[1] = 10_000, -10_000
        z[2, :3] = z[2].max() + torch.tensor([2.0, 1.0, 0.0])
        cases.append((z, temperature, FROM_LARGE, "random logits up to 10000 in size"))
    softened(student, cases)


# 4.3


@exercise("4.3-kl", points=9)
def test_laws_of_the_divergence(student, rng):
    for temperature in (1.0, float(rng.uniform(2, 8)), float(rng.uniform(0.5, 0.9)), float(rng.uniform(0.03, 0.08))):
        z, v = pair_of(rng)
        few, others = small_pair(rng)
        divergences(
            student,
            [
                (few, others, temperature, both(few, others)),
                (z, v, temperature, both(z, v)),
                (v, z, temperature, both(v, z)),
                (alone(z), alone(v), temperature, both(alone(z), alone(v))),
                # The mean over the images: the same images twice change nothing. The sum over the classes: nor does an impossible class.
                (torch.cat([z, z]), torch.cat([v, v]), temperature, f"every image twice of {both(z, v)}"),
                (with_impossible(z), with_impossible(v), temperature, f"one more, impossible class beside {both(z, v)}"),
            ],
        )


@exercise("4.3-kl", points=3)
def test_divergence_ignores_constants(student, rng):
    z, v = pair_of(rng)
    on = f"a constant added to each image of {both(z, v)}"
    cases = [(z + constants(rng, z), v + constants(rng, z), 2.0, on) for _ in range(2)]
    divergences(
        student,
        [*cases, (v + constants(rng, z), v, 2.0, f"a teacher and itself, a constant added to each image of {case(teacher_logits=v)}")],
    )


@exercise("4.3-kl", points=3)
def test_divergence_of_very_large_logits(student, rng):
    z, v = sure_of_others(rng)
    hot = float(rng.uniform(500, 2000))
    divergences(student, [(z, v, 1.0, SURE_OF_OTHERS), (z, v, hot, SURE_OF_OTHERS), (v, v, 1.0, "a very sure teacher and itself")])


# 4.4


@exercise("4.4-bug", points=7)
def test_soft_loss_of_random_batches(student, rng):
    cases = []
    for classes, low, high in ((2, 1.5, 6), (10, 1.5, 6), (100, 1.5, 6), (5, 0.5, 0.9), (4, 0.03, 0.08)):
        images, temperature = int(rng.integers(3, 9)), float(rng.uniform(low, high))
        z, v = logits(rng, images, classes), logits(rng, images, classes)
        cases.append((z, v, temperature, both(z, v)))
    soft_losses(student, cases)


@exercise("4.4-bug", points=3)
def test_soft_loss_counts_images_not_classes(student, rng):
    z, v = pair_of(rng)
    soft_losses(
        student,
        [
            (with_impossible(z), with_impossible(v), 2.0, f"one more, impossible class beside {both(z, v)}"),
            (torch.cat([z, z]), torch.cat([v, v]), 2.0, f"every image twice of {both(z, v)}"),
            (alone(z), alone(v), 2.0, both(alone(z), alone(v))),
            (v, v, 2.0, both(v, v)),
            (*sure_of_others(rng), 2.0, SURE_OF_OTHERS),
            (*sure_of_others(rng), float(rng.uniform(500, 2000)), SURE_OF_OTHERS),
        ],
    )


# 4.5


def labelled(rng, pair=pair_of):
    """Student's and teacher's logits, and labels."""
    z, v = pair(rng)
    return z, v, torch.from_numpy(rng.integers(0, z.shape[1], len(z)))


def all_three(z, v, labels):
    return case(student_logits=z, teacher_logits=v, labels=labels)


@exercise("4.5-loss", points=9)
def test_loss_of_random_batches(student, rng):
    cases = []
    for low, high, weight, pair in (
        (1.5, 8, 0.1, small_pair),
        (1.5, 8, 0.1, pair_of),
        (1.5, 8, 0.6, pair_of),
        (0.5, 0.9, 0.6, pair_of),
        (0.03, 0.08, 0.4, pair_of),
    ):
        asked = labelled(rng, pair)
        cases.append((*asked, float(rng.uniform(low, high)), weight + float(rng.uniform(0, 0.3)), all_three(*asked)))
    losses(student, cases)
    gradients(student, cases)


@exercise("4.5-loss", points=4)
def test_limits_of_the_loss(student, rng):
    z, v, labels = labelled(rng)
    on = all_three(z, v, labels)
    hard = [(z, v, labels, temperature, 0.0, on) for temperature in (1.0, 5.0)]
    soft = [(z, v, some, 4.0, 1.0, on) for some in (labels, (labels + 1) % z.shape[1])]
    losses(student, [*hard, *soft, (v, v, labels, 4.0, 1.0, all_three(v, v, labels))])
    gradients(student, [*hard, *soft])


@exercise("4.5-loss", points=2)
def test_loss_ignores_constants(student, rng):
    z, v, labels = labelled(rng)
    losses(
        student,
        [
            (
                z + constants(rng, z),
                v + constants(rng, z),
                labels,
                3.0,
                0.6,
                f"a constant added to each image of {all_three(z, v, labels)}",
            ),
            (alone(z), alone(v), labels[:1], 3.0, 0.6, all_three(alone(z), alone(v), labels[:1])),
        ],
    )


@exercise("4.5-loss", points=1)
def test_loss_of_very_large_logits(student, rng):
    z, v = sure_of_others(rng)
    labels = torch.from_numpy(rng.integers(0, 4, len(z)))
    labels[0] = 2  # at least one that the student holds for impossible
    on, hot = f"{SURE_OF_OTHERS}, labels {labels.tolist()}", float(rng.uniform(500, 2000))
    cases = [(z, v, labels, temperature, alpha, on) for temperature, alpha in ((2.0, 0.0), (2.0, 0.5), (hot, 0.5))]
    losses(student, cases)
    gradients(student, cases)


# 4.6


@exercise("4.6-gradient", points=9)
def test_gradient_against_finite_differences(student, rng):
    cases = []
    for temperature in (1.0, float(rng.uniform(0.5, 0.9)), float(rng.uniform(2, 12))):
        z, v = pair_of(rng)
        cases += [(*each, temperature, both(*each)) for each in (small_pair(rng), (z, v), (alone(z), alone(v)))]
    # Nearly cold, with logits so near to each other that no probability underflows.
    z, v = logits(rng, 5, 4, size=1.0), logits(rng, 5, 4, size=1.0)
    cases.append((z, v, float(rng.uniform(0.04, 0.08)), both(z, v)))
    soft_gradients(student, cases)


@exercise("4.6-gradient", points=5)
def test_gradient_at_its_limits(student, rng):
    z, v = pair_of(rng)
    soft_gradients(student, [(v, v, 3.0, both(v, v)), (z, v, 200.0, both(z, v))])


# 4.7


def filled(teacher, rng):
    """Random weights, and statistics as after some training: logits in evaluation mode are of order 1."""
    for name, tensor in teacher.state_dict().items():
        if "num_batches" in name:
            tensor.fill_(7)
        else:
            low, high = (0.5, 2.0) if "running_var" in name else (-1.0, 1.0)
            tensor.copy_(torch.from_numpy(rng.uniform(low, high, tuple(tensor.shape))))
    return teacher


def deep_teacher():
    """Convolution, batch norm, ReLU, flatten, linear, batch norm, linear, on 1 x 4 x 4 images."""
    return nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 4)
    )


def images_for(rng, n, *shape):
    return torch.from_numpy(rng.uniform(-1, 1, (n, *shape)).astype(np.float32))


TEACHERS = ((small_teacher, (5,)), (nested_teacher, (5,)), (deep_teacher, (1, 4, 4)))


@exercise("4.7-teacher", points=7)
def test_cache_of_random_teachers(student, rng):
    n, cases = int(rng.integers(9, 14)), []
    for make, shape in TEACHERS:
        for training in (False, True):
            teacher, on = found_in(filled(make(), rng), training)
            cases.append((teacher, images_for(rng, n, *shape), 4, on))
    caches(student, cases)


@exercise("4.7-teacher", points=3)
def test_teacher_comes_back_unchanged(student, rng):
    cases = []
    for make, shape in TEACHERS:
        for training in (False, True):
            images = images_for(rng, 6, *shape)
            teacher, on = found_in(filled(make(), rng).requires_grad_(False), training)
            cases.append((teacher, images, 4, f"frozen, {on}"))
            teacher, on = found_in(some_frozen(filled(make(), rng)), training)
            cases.append((teacher, images, 4, f"partly frozen, {on}"))
    caches(student, cases)


@exercise("4.7-teacher", points=2)
def test_any_batch_size_gives_the_same_cache(student, rng):
    teacher, on = found_in(filled(small_teacher(dropout=1.0), rng), True)
    cases = [(teacher, images_for(rng, 7, 5), batch_size, on) for batch_size in (1, 2, 7, 50)]
    caches(student, [*cases, (teacher, images_for(rng, 1, 5), 4, on)])


# 4.8


@exercise("4.8-hint", points=4)
def test_hint_loss_of_random_features(student, rng):
    cases = []
    for n, s, f in ((2, 2, 3), (6, 3, 5), (4, 7, 2), (5, 4, 4), (1, 3, 2), (3, 2, 1)):
        features, weight, bias = (torch.from_numpy(rng.uniform(-1, 1, shape).astype(np.float32)) for shape in ((n, s), (f, s), (f,)))
        predicted = features.double() @ weight.double().T + bias.double()
        error = rng.uniform(0.5, 2, (n, f)) * rng.choice([-1, 1], (n, f))
        target = (predicted + torch.from_numpy(error)).float()
        cases.append((features, target, weight, bias, float((error**2).mean()), features_of(features, target, weight, bias)))
    hint_losses(student, cases)


@exercise("4.8-hint", points=2)
def test_hint_loss_of_a_perfect_regressor(student, rng):
    # Whole numbers: nothing is rounded.
    features, weight, bias = (torch.from_numpy(rng.integers(-4, 5, shape).astype(np.float32)) for shape in ((6, 3), (5, 3), (5,)))
    bias[0] = 3
    target, off = features @ weight.T, float((bias**2).mean())
    hint_losses(
        student,
        [
            (
                features,
                target + bias,
                weight,
                bias,
                0.0,
                f"exactly what the regressor predicts: {features_of(features, target + bias, weight, bias)}",
            ),
            (
                torch.cat([features, features]),
                torch.cat([target, target]),
                weight,
                bias,
                off,
                f"every image twice of {features_of(features, target, weight, bias)}",
            ),
        ],
    )


def features_of(features, target, weight, bias):
    return case(student_features=features, teacher_features=target, weight=weight, bias=bias)
