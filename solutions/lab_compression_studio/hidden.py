"""The hidden checks of the compression studio. Of each exercise the first is the core.

Those about files measure them again: in the sandbox, on the test images, which never leave the grader with their labels.
"""

import numpy as np
import torch

from autograder.checks import exercise, measured
from autograder.checks.expect import case, close, letter, real_number, that
from course_lessons.lab_compression_studio.visible import (
    MODELS,
    drawn_from,
    loss,
    prove_rebuilt,
    random_splits,
    random_state,
    table,
)

# What every network of the four must reach on test images, in per cent: well below what the lab's recipes give, far above what no training gives.
LEAST = {"digits": 90, "mnist": 96}


def logits(rng, images, classes):
    """Random float32 logits up to 4, multiples of 1/64, so that adding a whole number is exact."""
    return torch.from_numpy((rng.integers(-256, 257, (images, classes)) / 64).astype(np.float32))


def batch(rng, images=None, classes=None):
    images, classes = images or int(rng.integers(2, 9)), classes or int(rng.integers(3, 12))
    return logits(rng, images, classes), logits(rng, images, classes), torch.from_numpy(rng.integers(0, classes, images))


# studio.1


@exercise("studio.1-predict", points=5)
def test_predict_two_cuts_in_one_tensor(student, rng):
    that(letter(student.value("predict_studio_1"), "predict_studio_1") == "d", "The prediction is not right.")


# studio.2


@exercise("studio.2-loss", points=12)
def test_loss_of_random_batches(student, rng):
    # The first batch is small, so that a message shows it whole.
    sizes = [(2, 3), *[(None, None)] * 3]
    for size, (temperature, alpha) in zip(
        sizes, ((1.5, 0.5), (float(rng.uniform(1.5, 8)), float(rng.uniform(0.1, 0.9))), (float(rng.uniform(1.5, 8)), 1.0), (0.5, 0.3))
    ):
        z, t, y = batch(rng, *size)
        loss(
            student,
            z,
            t,
            y,
            temperature,
            alpha,
            case(student_logits=z, teacher_logits=t, labels=y, temperature=temperature, alpha_soft=alpha),
        )


@exercise("studio.2-loss", points=3)
def test_loss_where_probabilities_underflow(student, rng):
    sure, teacher, y = torch.tensor([[300.0, 0.0], [0.0, 1.0]]), torch.tensor([[0.0, 0.0], [400.0, 0.0]]), torch.tensor([0, 1])
    loss(
        student,
        sure,
        teacher,
        y,
        1.0,
        0.5,
        "student [[300, 0], [0, 1]], teacher [[0, 0], [400, 0]], labels [0, 1], T = 1, alpha_soft = 0.5",
    )


@exercise("studio.2-loss", points=3)
def test_loss_does_not_mind_a_shift(student, rng):
    z, t, y = batch(rng, 2, 3)
    shift = torch.from_numpy(rng.integers(-20, 21, (len(z), 1)).astype(np.float32))
    before, after = (real_number(student.my_loss(z, each, y, 2.0, 0.5), "The result of my_loss") for each in (t, t + shift))
    # Logits of size 24 instead of 4: their rounding is six times larger.
    close(
        after,
        before,
        abs=2e-5,
        rel=1e-5,
        what="the loss after a number was added to all of an image's teacher logits",
        on=case(student_logits=z, teacher_logits=t, added=shift),
    )


# studio.3


def some_of(rng, width):
    return torch.from_numpy(np.sort(rng.permutation(width)[: int(rng.integers(1, width))]))


@exercise("studio.3-rebuild", points=14)
def test_rebuild_equals_the_silenced_network(student, rng):
    for _ in range(3):
        widths = tuple(int(w) for w in rng.integers(4, 10, int(rng.integers(2, 5))))
        channels = int(rng.integers(1, 4))
        kept = [some_of(rng, width) for width in widths]
        images = torch.from_numpy(rng.uniform(-1, 1, (3, channels, 6, 6)).astype(np.float32))
        on = f"random layers of {'-'.join(map(str, widths))} channels, kept {'-'.join(str(len(keep)) for keep in kept)}"
        prove_rebuilt(student, random_state(rng, widths, channels, 5), kept, images, on)


@exercise("studio.3-rebuild", points=6)
def test_rebuild_with_every_channel_is_the_same_network(student, rng):
    state = random_state(rng, (5, 3), 3, 4)
    kept = [torch.arange(5), torch.arange(3)]
    prove_rebuilt(student, state, kept, torch.from_numpy(rng.uniform(-1, 1, (2, 3, 5, 5)).astype(np.float32)), "every channel kept")


# studio.4


@exercise("studio.4-calibration", points=9)
def test_calibration_images_are_training_images(student, rng):
    for channels in (1, 3):
        splits = random_splits(rng, int(rng.integers(60, 90)), 30, channels)
        mean, std = rng.uniform(0.2, 0.6, channels).tolist(), rng.uniform(0.2, 0.5, channels).tolist()
        for count in (25, len(splits["train"])):
            on = f"{len(splits['train'])} training images of {channels} channels, count {count}"
            drawn_from(student, splits, count, mean, std, int(rng.integers(1 << 30)), on)


@exercise("studio.4-calibration", points=6)
def test_calibration_images_are_drawn(student, rng):
    splits = random_splits(rng, 200, 20, 1)
    first, second = int(rng.integers(1 << 20)), int(rng.integers(1 << 20, 1 << 21))
    draws = [drawn_from(student, splits, 20, [0.5], [0.3], seed, "200 training images, count 20") for seed in (first, first, second)]
    that(draws[0] == draws[1], "The same seed gives other images the second time.")
    # Two honest draws of 20 from 200 are the same set once in 10**27 times, and lie in the first half together once in 10**6.
    that(set(draws[0]) != set(draws[2]), "Two different seeds give the same images.")
    that(max(draws[0] + draws[2]) >= 100, "None of these images comes from the second half of the training images: draw from all of them.")


# studio.5


@exercise("studio.5-files", points=7)
def test_four_networks_that_classify(artefacts, rng):
    data = measured.data_of(artefacts.results())
    for name in MODELS:
        measured.classifies(artefacts, name, data, rng, LEAST[data])
    teacher, student = artefacts.model("teacher.onnx"), artefacts.model("student.onnx")
    that(student.parameters < teacher.parameters and student.macs < teacher.macs, "`student.onnx` is not smaller than `teacher.onnx`.")


@exercise("studio.5-files", points=5)
def test_pruned_is_rebuilt(artefacts):
    measured.really_smaller(artefacts, "pruned.onnx", "student.onnx")


@exercise("studio.5-files", points=5)
def test_int8_is_eight_bits(artefacts):
    measured.really_int8(artefacts, "int8.onnx", "pruned.onnx")


# studio.6


@exercise("studio.6-table", points=12)
def test_every_cell_is_that_of_its_file(artefacts):
    measured.same_table(artefacts, table(artefacts), measured.data_of(artefacts.results()))


@exercise("studio.6-table", points=3)
def test_speeds_are_of_this_order(artefacts):
    measured.same_order(artefacts, table(artefacts), within=4)
