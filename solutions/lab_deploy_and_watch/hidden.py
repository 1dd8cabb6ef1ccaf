"""The hidden checks of the lab Deploy and watch. They run only when grading.

Of each exercise the first check is the core; later ones count one by one.
"""

import numpy as np

from autograder.checks import exercise, measured
from autograder.checks.expect import all_of, letter, that
from course_lessons.lab_deploy_and_watch.visible import (
    FAULTS,
    Place,
    are_distances,
    are_limits,
    belongs,
    decides_by_then,
    is_baseline,
    keeps_its_promises,
    tied,
    was_measured,
)

# watch.1


@exercise("watch.1-predict", points=5)
def test_predict_hardly_a_quiet_week(student, rng):
    that(letter(student.value("predict_1"), "predict_1") == "d", "The prediction is not right.")


# watch.2


def random_images(rng, n, classes, dtype=np.float64):
    """(logits, labels): every class occurs, and one in four answers is wrong."""
    labels = rng.permutation(np.append(np.arange(classes), rng.integers(0, classes, n - classes)))
    logits = rng.normal(0, 2, (n, classes))
    logits[np.arange(n), np.where(rng.random(n) < 0.75, labels, rng.integers(0, classes, n))] += 6
    return logits.astype(dtype), labels


@exercise("watch.2-baseline", points=14)
def test_random_baselines(student, rng):
    cases = []
    for n, classes, bins in ((120, 10, 10), (72, 4, 6), (41, 7, 3)):
        logits, labels = random_images(rng, n, classes)
        cases.append((is_baseline, student, rng.bytes(30), logits, labels, bins, f"{n} random images, {classes} classes, {bins} bins"))
    all_of(*cases)


@exercise("watch.2-baseline", points=6)
def test_two_bins_equal_images_and_float32(student, rng):
    logits, labels = random_images(rng, 60, 5, np.float32)
    same = np.tile(logits[:1], (6, 1))
    all_of(
        (is_baseline, student, rng.bytes(9), logits, labels, 2, "60 random images in float32, 5 classes, 2 bins"),
        (is_baseline, student, rng.bytes(9), same, np.array([0, 1, 2, 3, 4, 0]), 4, "six images that are all alike, 5 classes, 4 bins"),
    )


# watch.3


def baseline_like(rng, n, bins, classes):
    """A baseline that differs from the uniform one in every bin."""
    return {
        "version": 1,
        "sha256": rng.bytes(32).hex(),
        "n": n,
        "accuracy": 90.0,
        "accuracy_by_class": [90.0] * classes,
        "edges": np.sort(rng.normal(3, 2, bins - 1)).tolist(),
        "sureness_shares": rng.dirichlet(np.full(bins, 20.0)).tolist(),
        "class_shares": rng.dirichlet(np.full(classes, 20.0)).tolist(),
    }


@exercise("watch.3-look", points=10)
def test_random_windows(student, rng):
    cases = []
    for bins, classes, m in ((10, 10, 120), (4, 7, 33), (12, 3, 70)):
        n = int(rng.integers(200, 3000))
        baseline, on = baseline_like(rng, n, bins, classes), f"a random baseline with {bins} bins and {classes} classes"
        cases.append((are_distances, student, baseline, random_images(rng, m, classes)[0], f"{on}, {m} images"))
        images, share = int(rng.integers(20, 900)), float(rng.uniform(1e-4, 0.2))
        cases.append((are_limits, student, baseline, images, share, f"{on}, n = {n}, {images} images, {100 * share:.3g} %"))
    all_of(*cases)


@exercise("watch.3-look", points=5)
def test_windows_of_one_kind_only(student, rng):
    baseline = baseline_like(rng, 500, 5, 6)
    one = np.zeros((25, 6), np.float32)
    one[:, int(rng.integers(6))] = 30
    equal = np.zeros((9, 6))
    on_edge = {**baseline, "edges": [-1.0, 0.0, *sorted(rng.uniform(0.5, 5, 2).tolist())]}
    all_of(
        (are_distances, student, baseline, one, "25 images with the same answer, very sure, in float32"),
        (are_distances, student, baseline, equal, "nine images whose logits are all equal"),
        (are_distances, student, on_edge, tied(31, 6), "31 images of sureness 0 and an edge at 0"),
        (are_limits, student, baseline_like(rng, 5000, 2, 2), 7, 0.5, "2 bins, 2 classes, n = 5000, 7 images, 50 %"),
    )


# watch.4


@exercise("watch.4-alarm", points=15)
def test_both_promises_on_fresh_streams(student, rng):
    keeps_its_promises(student, rng, quiet=(24, 5, 36), fault=(6, 4, 10))


@exercise("watch.4-alarm", points=5)
def test_fewer_classes_and_bins(student, rng):
    keeps_its_promises(student, rng, quiet=(4, 2), fault=(3, 2), classes=6, bins=8)


@exercise("watch.4-alarm", points=5)
def test_more_streams_decided_by_then(student, rng):
    for fault in rng.permutation(FAULTS)[:2].tolist():
        decides_by_then(student, Place(rng, classes=int(rng.integers(5, 12))), fault)


# watch.5


@exercise("watch.5-files", points=10)
def test_hash_and_accuracy_are_those_of_the_file(artefacts):
    belongs(artefacts)


@exercise("watch.5-files", points=5)
def test_classes_edges_and_shares_were_measured(artefacts):
    was_measured(artefacts)


@exercise("watch.5-files", points=5)
def test_the_file_is_int8_and_classifies(artefacts, rng):
    measured.really_int8(artefacts, "int8.onnx")
    measured.classifies(artefacts, "int8.onnx", "digits", rng, 90)
