"""The hidden checks of the temperature lab: laws on random inputs. They run only when grading.

Of each exercise the first check is the core; later ones are edge cases. Files are measured again, in the sandbox, on test images.
"""

import numpy as np
import torch

from autograder.checks import exercise, measured
from autograder.checks.expect import case, close, letter, that
from course_lessons.lab_temperature_sweep.visible import (
    FILES,
    SEEDS,
    SIZES,
    TEMPERATURES,
    are_losses,
    are_targets,
    ask_judge,
    file_table,
    is_translation,
    is_verdict,
    parts,
    statistics,
    summary,
    table,
)

# What every student must reach on test images, in per cent: well below what the recipe gives with any seed that was tried, and far above chance.
LEAST = {"digits": 60, "mnist": 40}


def logits(rng, images, classes, size=4.0):
    """Random float32 logits, multiples of 1/64 up to `size`."""
    whole = rng.integers(-int(64 * size), int(64 * size) + 1, (images, classes))
    return torch.from_numpy((whole / 64).astype(np.float32))


def pair_of(rng, images=None, classes=None):
    """Student's and teacher's logits of a shape, random unless it is given, and labels."""
    images, classes = images or int(rng.integers(2, 9)), classes or int(rng.integers(3, 12))
    return logits(rng, images, classes), logits(rng, images, classes), torch.from_numpy(rng.integers(0, classes, images))


# sweep.1


@exercise("sweep.1-predict", points=5)
def test_predict_what_the_colleague_really_swept(student, rng):
    that(letter(student.value("predict_1"), "predict_1") == "c", "The prediction is not right.")


# sweep.2


@exercise("sweep.2-targets", points=9)
def test_targets_of_random_sweeps(student, rng):
    # The first teacher is small, so that a message shows it whole.
    for size in ((2, 3), *[(None, None)] * 3):
        _, v, _ = pair_of(rng, *size)
        temperatures = torch.from_numpy(rng.uniform(0.5, 20, int(rng.integers(1, 7)))).float()
        are_targets(student.soft_targets(v, temperatures), v, temperatures, case(teacher_logits=v, temperatures=temperatures))


@exercise("sweep.2-targets", points=3)
def test_targets_of_equal_sizes(student, rng):
    n = int(rng.integers(3, 7))
    v, temperatures = logits(rng, n, n), torch.from_numpy(rng.uniform(0.5, 8, n)).float()
    are_targets(student.soft_targets(v, temperatures), v, temperatures, case(teacher_logits=v, temperatures=temperatures))
    # The mean of the entropies is not the entropy of the mean: each image certain, of another class.
    certain = 50.0 * torch.eye(n)
    _, entropies = parts(student.soft_targets(certain, torch.ones(1)), 2, "soft_targets")
    on = "a teacher that is certain of every image"
    close(table(entropies, (1,), "The entropies", on), np.zeros(1), abs=1e-5, what="the mean entropy", on=on)


@exercise("sweep.2-targets", points=3)
def test_targets_of_very_large_logits(student, rng):
    v = torch.from_numpy(rng.integers(-10_000, 10_001, (5, 6)).astype(np.float32))
    v[0], v[1] = 10_000, -10_000
    temperatures = torch.tensor([1.0, 2.0, 16.0])
    # Divided by powers of two and far apart: what is rounded is the exponent of size 20,000, by 1e-3 at most, and it is then 0.
    are_targets(student.soft_targets(v, temperatures), v, temperatures, "logits up to 10000 in size, temperatures [1, 2, 16]", rel=2e-3)


# sweep.3


@exercise("sweep.3-loss", points=10)
def test_loss_and_translation_of_random_batches(student, rng):
    cases = []
    for size in ((2, 3), *[(None, None)] * 3):
        z, v, labels = pair_of(rng, *size)
        t, alpha = float(rng.uniform(1.5, 8)), float(rng.uniform(0.1, 0.4) + 0.5 * rng.integers(2))
        cases.append((z, v, labels, t, alpha, case(student_logits=z, teacher_logits=v, labels=labels, temperature=t, alpha_soft=alpha)))
    are_losses(student, cases)
    for *_, t, alpha, _ in cases:
        is_translation(student.without_square(alpha, t), alpha, t, f"alpha_soft = {alpha:.3g}, T = {t:.3g}")


@exercise("sweep.3-loss", points=4)
def test_limits_of_the_loss(student, rng):
    z, v, labels = pair_of(rng, 2, 3)
    on = case(student_logits=z, teacher_logits=v, labels=labels)
    cases = [(z, v, labels, t, 0.0, f"{on}, T = {t:g}, alpha_soft = 0") for t in (1.0, 5.0, 0.5)]
    cases += [(z, v, some, 4.0, 1.0, f"{on}, T = 4, alpha_soft = 1") for some in (labels, (labels + 1) % z.shape[1])]
    cases.append((v, v, labels, 4.0, 1.0, f"{on}, student = teacher, T = 4, alpha_soft = 1"))
    cases.append((*(torch.cat([each, each]) for each in (z, v, labels)), 3.0, 0.6, f"{on}, every image twice, T = 3, alpha_soft = 0.6"))
    are_losses(student, cases)


@exercise("sweep.3-loss", points=3)
def test_loss_of_very_sure_networks(student, rng):
    n = int(rng.integers(3, 6))
    z, v, labels = torch.zeros(n, 4), torch.zeros(n, 4), torch.zeros(n, dtype=torch.int64)
    z[:, 0], v[:, 1] = 5_000.0, 10_000.0
    on = "a student sure of class 0, a teacher sure of class 1, logits up to 10000, T = 2, alpha_soft = 0.5"
    are_losses(student, [(z, v, labels, 2.0, 0.5, on)])


@exercise("sweep.3-loss", points=3)
def test_limits_of_the_translation(student, rng):
    for alpha, t in ((0.0, 7.0), (1.0, 7.0), (float(rng.uniform(0.2, 0.8)), 1.0), (0.7, 16.0), (0.5, 0.5)):
        is_translation(student.without_square(alpha, t), alpha, t, f"alpha_soft = {alpha:.3g}, T = {t:g}")


# sweep.4


@exercise("sweep.4-spread", points=7)
def test_statistics_of_random_tables(student, rng):
    for settings, seeds in ((2, 3), (int(rng.integers(2, 7)), 2), (int(rng.integers(2, 7)), int(rng.integers(4, 9)))):
        accuracies = rng.uniform(80, 100, (settings, seeds))
        statistics(student.mean_and_spread(accuracies), accuracies, case(accuracies=accuracies))


@exercise("sweep.4-spread", points=3)
def test_statistics_of_square_and_constant_tables(student, rng):
    square = rng.uniform(80, 100, (3, 3))
    statistics(student.mean_and_spread(square), square, case(accuracies=square))
    constant = np.full((2, 4), float(rng.integers(80, 100)))
    statistics(student.mean_and_spread(constant), constant, "two rows in which all seeds agree")


# sweep.5


def runs(rng, seeds, gain, noise, scatter=8.0):
    """Paired accuracies: seeds scatter widely and in step, the difference by `noise` around `gain`. In eighths, so that sums are exact."""
    alone = np.round(8 * rng.uniform(85, 85 + scatter, seeds)) / 8
    return alone + np.round(8 * (gain + rng.normal(0, noise, seeds))) / 8, alone


@exercise("sweep.5-judge", points=12)
def test_verdicts_on_random_runs(student, rng):
    for seeds in (3, 5, 4, 2, 3):
        for gain in (4.0, -4.0, 0.5, 0.0):
            taught, alone = runs(rng, seeds, gain, noise=float(rng.uniform(0.2, 1.5)))
            on = f"{seeds} random seeds, differences {(taught - alone).tolist()}"
            is_verdict(ask_judge(student, taught, alone, 0.25), taught, alone, 0.25, on)


@exercise("sweep.5-judge", points=4)
def test_no_spread_is_not_certainty(student, rng):
    for seeds in (2, 3, 4, 5):
        alone = np.round(8 * rng.uniform(85, 95, seeds)) / 8
        for step, image in ((0.5, 0.5), (0.25, 0.5), (6.0, 0.5)):
            is_verdict(
                ask_judge(student, alone + step, alone, image),
                alone + step,
                alone,
                image,
                f"{seeds} seeds, each {step} points better; one image is {image} points",
            )


@exercise("sweep.5-judge", points=4)
def test_judge_turns_round(student, rng):
    taught, alone = runs(rng, 4, 3.0, 0.3)
    for a, b in ((taught, alone), (alone, taught)):
        is_verdict(ask_judge(student, a, b, 0.125), a, b, 0.125, f"differences {(a - b).tolist()}")
    same = runs(rng, 3, 0.0, 1.0)[1]
    is_verdict(ask_judge(student, same, same, 0.5), same, same, 0.5, "the same three accuracies twice")


# sweep.6


@exercise("sweep.6-files", points=6)
def test_eighteen_students_that_classify(artefacts, rng):
    data = measured.data_of(artefacts.results())
    measured.same_table(artefacts, file_table(artefacts), cells=SIZES)
    widths = artefacts.model(FILES[0]).widths
    that(len(widths) == 4, f"A student has four convolutions; `{FILES[0]}` has {len(widths)}.")
    for name in FILES:
        have = artefacts.model(name).widths
        that(
            have == widths,
            f"`{name}` has the channels {have}, `{FILES[0]}` {widths}: all students must have one shape, or the sweep compares shapes.",
        )
        measured.classifies(artefacts, name, data, rng, LEAST[data])
    measured.different_networks(artefacts, FILES, data)


@exercise("sweep.6-files", points=5)
def test_accuracies_are_those_of_the_files(artefacts):
    measured.same_table(artefacts, file_table(artefacts), measured.data_of(artefacts.results()), cells=("accuracy_percent",))


@exercise("sweep.6-files", points=4)
def test_means_and_spreads_are_those_of_the_files(artefacts):
    data = measured.data_of(artefacts.results())
    wrong = []
    for each, t in zip(summary(artefacts), (None, *TEMPERATURES)):
        found = [artefacts.accuracy(f"{'alone' if t is None else f't{t}'}-{seed}.onnx", data) for seed in SEEDS]
        percents = np.array([one.percent for one in found])
        # Two digits are reported, of accuracies that may have been rounded to two digits before: 0.005 twice for the mean, and for the spread
        # once that and once 0.005 * sqrt(3/2). An image that other arithmetic decides otherwise moves the mean by a third of it, the spread by less than it.
        moved = sum(100 * one.near / one.images for one in found)
        for cell, value, allowed in (("mean", percents.mean(), 0.0101 + moved / 3), ("spread", percents.std(ddof=1), 0.0112 + moved)):
            if not abs(float(each[cell]) - value) <= allowed:
                wrong.append(f"{'no teacher' if t is None else f'T = {t}'}, {cell}: you report {each[cell]}, the files give {value:.2f}")
    that(wrong == [], "; ".join(wrong) + ".")
