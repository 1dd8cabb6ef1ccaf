"""The hidden checks of lesson 09: laws on random inputs. They run only when grading.

Of each exercise the first check is the core; later ones are edge cases.
"""

import numpy as np
import torch

from autograder.checks import exercise
from autograder.checks.expect import all_of, letter, that
from course_lessons.lesson_09_deploy_and_watch.visible import (
    baseline_of,
    check_baseline,
    check_both,
    check_decisions,
    check_difference,
    check_edges,
    check_limit,
    check_parity,
    check_psi,
    check_rehearsals,
    check_shares,
    check_summary,
    check_usual,
    check_wrapped,
    dq,
    float_model_not_looked_at,
    linear,
    loads,
    nobody_left,
    others_of,
    q,
    refuses,
    same_of,
    served,
    shares_of,
)

# 9.1


@exercise("9.1-predict", points=5)
def test_predict_nobody_waited_so_long(student, rng):
    that(letter(student.value("predict_9_1"), "predict_9_1") == "d", "The prediction is not right.")


# 9.2


def durations(rng, n):
    """Multiples of 1/64 s, all different, of which the first is far the largest."""
    found = rng.choice(np.arange(1, 400), n, replace=False) / 64
    found[0] = 100 + float(rng.integers(1, 50))
    return found.tolist()


@exercise("9.2-timer", points=9)
def test_times_and_summaries_of_random_calls(student, rng):
    check_rehearsals(
        student,
        [
            (durations(rng, warmup + repeats), float(rng.integers(0, 5000)), warmup, repeats)
            for warmup, repeats in ((1, 8), (5, 12), (3, 1), (2, 25))
        ],
    )
    for n in (7, 20, 101):
        times = rng.permutation(np.append(rng.gamma(2.0, 3.0, n - 1), 500.0))
        check_summary(student.summary(times), times, f"{n} random times, one of them 500")


@exercise("9.2-timer", points=3)
def test_no_warming_up_and_one_call(student, rng):
    check_rehearsals(student, [(durations(rng, 6), 0.0, 0, 6), (durations(rng, 1), 7.5, 0, 1), (durations(rng, 9), 0.25, 8, 1)])


@exercise("9.2-timer", points=3)
def test_summaries_of_one_or_two_times_and_of_equal_ones(student, rng):
    for times in (rng.gamma(2.0, 1.0, 1), rng.gamma(2.0, 1.0, 2), np.full(10, 0.75), np.array([1.0, 1.0, 9.0, 1.0])):
        check_summary(student.summary(times), times, f"the times {np.round(times, 4).tolist()}")
    small = 1e-6 * rng.gamma(2.0, 3.0, 30)
    check_summary(student.summary(small), small, "30 random times of some microseconds")


# 9.3


def near(rng, n, classes, size, dtype=np.float64):
    """A batch (wanted, got) of logits whose classes agree: the first is a clear winner."""
    wanted = rng.normal(size=(n, classes)).astype(dtype)
    wanted[np.arange(n), rng.integers(0, classes, n)] += dtype(20)
    return wanted, (wanted + rng.uniform(-size, size, wanted.shape)).astype(dtype)


@exercise("9.3-bug", points=5)
def test_parity_of_random_batches(student, rng):
    for worst in rng.permutation(3):
        batches = [near(rng, n, 10, 2.0 if i == worst else 0.01) for i, n in enumerate((1, 7, 32))]
        check_parity(student.parity(batches), batches, f"batches of 1, 7 and 32 images; number {worst} has the largest difference")
    odd = int(rng.integers(3))
    batches = [near(rng, n, 6, 0.01) for n in (4, 4, 4)]
    batches[odd][1][2] = np.roll(batches[odd][1][2], 1)
    check_parity(student.parity(batches), batches, f"three batches of 4 images; in number {odd} one image has another class")


@exercise("9.3-bug", points=3)
def test_parity_with_nan_and_in_float32(student, rng):
    for at in range(3):
        batches = [near(rng, 3, 5, 0.1) for _ in range(3)]
        wanted, got = batches[at]
        row = int(rng.integers(3))
        got[row, wanted[row].argmax()] = np.nan  # in the class that wins: so the classes agree, by any rule
        check_parity(student.parity(batches), batches, f"three batches, a NaN in number {at}")
    batches = [near(rng, n, 4, 1e-3, np.float32) for n in (2, 1)]
    check_parity(student.parity(batches), batches, "two batches in float32")


# 9.4


def measurements(rng):
    """(what is given, what should be in the JSON)."""
    share, size, classes = float(rng.uniform(80, 100)), int(rng.integers(1000, 90_000)), rng.uniform(0, 100, int(rng.integers(2, 9)))
    short, counts = np.float32(rng.uniform()), rng.integers(0, 50, 3)
    given = {"accuracy": share, "bytes": size, "by class": classes, "ms": short, "counts": counts, "p95": np.float64(share / 7)}
    plain = {
        "accuracy": share,
        "bytes": size,
        "by class": classes.tolist(),
        "ms": float(short),
        "counts": counts.tolist(),
        "p95": share / 7,
    }
    order = rng.permutation(list(given))[: int(rng.integers(3, 7))]
    return {str(name): given[name] for name in order}, {str(name): plain[name] for name in order}


@exercise("9.4-baseline", points=10)
def test_random_baselines_there_and_back(student, rng):
    for _ in range(3):
        network, (given, plain) = rng.bytes(int(rng.integers(20, 90))), measurements(rng)
        on = f"a file of {len(network)} random bytes and the names {list(given)}"
        check_baseline(student.baseline_text(network, given), network, plain, on)
        network, (_, plain) = rng.bytes(50), measurements(rng)
        other = bytearray(network)
        other[int(rng.integers(50))] ^= 1 << int(rng.integers(8))
        all_of(
            (loads, student, network, plain, "a file of 50 random bytes"),
            (refuses, student, "load_baseline", "a file in which one bit was flipped", baseline_of(network, plain), bytes(other)),
        )


@exercise("9.4-baseline", points=3)
def test_other_versions_and_longer_or_empty_files(student, rng):
    network, (_, plain) = rng.bytes(30), measurements(rng)
    version = int(rng.integers(2, 90))
    all_of(
        (refuses, student, "load_baseline", f"version {version}", baseline_of(network, plain, version), network),
        (refuses, student, "load_baseline", "version 0", baseline_of(network, plain, 0), network),
        (refuses, student, "load_baseline", "a file cut off by one byte", baseline_of(network, plain), network[:-1]),
        (refuses, student, "load_baseline", "a file with one byte more", baseline_of(network, plain), network + b"\x00"),
        (refuses, student, "load_baseline", "an empty file", baseline_of(network, plain), b""),
    )


@exercise("9.4-baseline", points=3)
def test_no_nan_and_no_infinity(student, rng):
    spoilt = rng.normal(size=4)
    spoilt[int(rng.integers(4))] = np.nan
    all_of(
        (refuses, student, "baseline_text", "a NaN in an array", rng.bytes(9), {"accuracy": 1.0, "by class": spoilt}),
        (refuses, student, "baseline_text", "minus infinity", rng.bytes(9), {"ms": float("-inf")}),
        (refuses, student, "baseline_text", "infinity in float32", rng.bytes(9), {"ms": np.float32(np.inf), "bytes": 9}),
        (refuses, student, "baseline_text", "a NaN in a list", rng.bytes(9), {"by class": [1.0, float("nan")]}),
    )


# 9.5


def graph(rng, convolutions):
    """A random file: each convolution lacks one of the three with some probability; the nodes in any order if `mixed`."""
    nodes = []
    for i in range(convolutions):
        image, weights, rounded = rng.random(3) < 0.75
        inputs = [f"x{i}", f"w{i}", *([f"b{i}"] if rng.random() < 0.5 else [])]
        nodes += [dq(inputs[0])] if image else [("Add", [f"k{i}", f"l{i}"], [f"x{i}"])]
        nodes += [dq(inputs[1])] if weights else []
        nodes += [dq(name) for name in inputs[2:]]
        nodes.append(("Conv", inputs, [f"y{i}"]))
        nodes.append(("QuantizeLinear" if rounded else "Relu", [f"y{i}", *([f"s{i}", f"z{i}"] if rounded else [])], [f"c{i}"]))
    nodes += [dq("f"), dq("g"), ("MatMul", ["f", "g"], ["h"]), q("h")]
    return nodes


@exercise("9.5-int8", points=8)
def test_random_files_and_random_images(student, rng):
    for convolutions in (6, 11, 1):
        nodes = graph(rng, convolutions)
        check_wrapped(student.wrapped_convolutions(nodes), nodes, f"a random file with {convolutions} convolutions")
    every = rng.integers(0, 256, (40, 4, 3)).astype(np.uint8)
    calibration, test = every[rng.permutation(40)[:18]], every[rng.integers(0, 40, 25)]
    check_both(student.in_both(calibration, test), calibration, test, "18 of 40 random images, and 25 of the same 40, some of them twice")


@exercise("9.5-int8", points=3)
def test_the_order_of_the_nodes_does_not_count(student, rng):
    for _ in range(2):
        nodes = graph(rng, 8)
        nodes = [nodes[i] for i in rng.permutation(len(nodes))]
        check_wrapped(student.wrapped_convolutions(nodes), nodes, "a random file with 8 convolutions, its nodes in any order")


@exercise("9.5-int8", points=3)
def test_images_that_are_nearly_the_same(student, rng):
    first = rng.integers(1, 255, (6, 3, 3)).astype(np.uint8)
    nearby = first.copy()
    nearby[:, 1, 2] += 1
    turned = first.transpose(0, 2, 1).copy()
    for second, on in (
        (nearby, "images that differ in one pixel, by 1"),
        (turned, "the same images with rows and columns exchanged"),
        (first[::-1].copy(), "the same images in another order"),
        (np.concatenate([first[:2], nearby, first[:1]]), "three that are in both, six that are not"),
    ):
        check_both(student.in_both(first, second), first, second, on)


# 9.6


@exercise("9.6-drift", points=10)
def test_random_references_and_windows(student, rng):
    for n, bins in ((60, 10), (83, 4), (25, int(rng.integers(5, 9)))):
        reference = rng.gamma(2.0, 3.0, n) - 4
        check_edges(student.bin_edges(reference, bins), reference, bins, f"{n} random values, {bins} bins")
        edges = np.sort(rng.normal(size=bins - 1))
        values = 2 * rng.normal(size=n)
        check_shares(student.bin_shares(values, edges), values, edges, f"{n} random values and {bins - 1} random edges")
        p, other = (shares_of(rng.normal(size=n), edges) for _ in range(2))
        check_psi(student.psi(p, other), p, other, f"random shares of {bins} bins")
        sizes = int(rng.integers(200, 3000)), int(rng.integers(20, 200))
        check_usual(student.usual_psi(*sizes, bins), *sizes, bins)
        false_alarms = float(rng.uniform(0.005, 0.3))
        check_limit(student.alarm_limit(*sizes, bins, false_alarms), *sizes, bins, false_alarms)


@exercise("9.6-drift", points=4)
def test_values_on_edges_outside_and_none_in_a_bin(student, rng):
    edges = np.sort(rng.choice(np.arange(-20, 20), 5, replace=False)).astype(float)
    for values, on in (
        (np.repeat(edges, 2), "values on the edges"),
        (np.array([edges[0] - 50, edges[-1] + 50, edges[2]]), "values far below and far above all edges, and one on an edge"),
        (np.full(7, edges[-1] + 1), "values above all edges"),
        (np.full(7, edges[0] - 1), "values below all edges"),
    ):
        check_shares(student.bin_shares(values, edges), values, edges, f"{on}: values {values.tolist()}, edges {edges.tolist()}")
    flat = np.full(int(rng.integers(3, 9)), 2.5)
    check_edges(student.bin_edges(flat, 4), flat, 4, "equal values, 4 bins")
    equal_edges = np.full(3, 2.5)
    check_shares(student.bin_shares(flat, equal_edges), flat, equal_edges, "values that are all on three equal edges")


@exercise("9.6-drift", points=4)
def test_two_bins_large_drift_and_any_probability(student, rng):
    reference = rng.normal(size=11)
    check_edges(student.bin_edges(reference, 2), reference, 2, "11 random values, 2 bins")
    p, other = np.array([0.999, 0.001]), np.array([0.002, 0.998])
    check_psi(student.psi(p, other), p, other, "p = [0.999, 0.001], q = [0.002, 0.998]")
    check_psi(student.psi(other, p), other, p, "p = [0.002, 0.998], q = [0.999, 0.001]")
    check_psi(student.psi(p, p), p, p, "equal shares")
    n, m = int(rng.integers(50, 90)), int(rng.integers(5000, 9000))
    for bins, false_alarms in ((2, 0.05), (20, 0.001), (6, 0.5), (3, 0.9)):
        check_usual(student.usual_psi(n, m, bins), n, m, bins)
        check_limit(student.alarm_limit(n, m, bins, false_alarms), n, m, bins, false_alarms)


# 9.7


def images_of(rng, n, features):
    return torch.tensor(rng.normal(size=(n, features)), dtype=torch.float32)


@exercise("9.7-guard", points=8)
def test_each_reason_on_random_images(student, rng):
    for n, features, classes in ((6, 4, 3), (2, 7, 10)):
        all_of(*served(student, images_of(rng, n, features), classes))


@exercise("9.7-guard", points=2)
def test_one_image(student, rng):
    all_of(*served(student, images_of(rng, 1, 6), 5))


@exercise("9.7-guard", points=2)
def test_nobody_is_left(student, rng):
    images = images_of(rng, 5, 3)
    all_of(
        (nobody_left, student, images, linear(3, 4), True, "the alarm on and a float model that raises RuntimeError"),
        (
            nobody_left,
            student,
            images,
            linear(3, 5),
            False,
            "a new model with one class too many and a float model that raises RuntimeError",
        ),
        (float_model_not_looked_at, student, images, "the alarm on and a float model that gives NaN for one class"),
    )


# 9.8


def right_on(rng, n, share):
    return rng.random(n) < share


@exercise("9.8-compare", points=8)
def test_random_comparisons(student, rng):
    for n, m, share in ((15, 9, 0.8), (40, 120, 0.6), (7, 30, 0.5)):
        old, new = right_on(rng, n, share), right_on(rng, n, share)
        check_difference(
            student.same_images(old, new), same_of(old, new), "same_images", f"{n} random images, {old.sum()} and {new.sum()} right"
        )
        other = right_on(rng, m, share)
        on = f"{n} and {m} random images, {old.sum()} and {other.sum()} right"
        check_difference(student.other_images(old, other), others_of(old, other), "other_images", on)
    cases = [
        (float(a) / 4, float(b) / 8, float(c) / 4)
        for a, b, c in zip(rng.integers(-20, 9, 30), rng.integers(0, 12, 30), rng.integers(0, 12, 30))
    ]
    check_decisions(student, cases)


@exercise("9.8-compare", points=2)
def test_models_that_agree_and_images_all_right(student, rng):
    old = right_on(rng, 20, 0.7)
    check_difference(student.same_images(old, old.copy()), same_of(old, old), "same_images", "two models that agree on 20 images")
    every = np.ones(6, bool)
    check_difference(student.same_images(~every, every), (100.0, 0.0), "same_images", "old never right, new always, 6 images")
    check_difference(student.other_images(every, every[:3]), (0.0, 0.0), "other_images", "6 and 3 images, all right")
    check_difference(student.other_images(old, every), others_of(old, every), "other_images", "20 random images, and 6 that are all right")


@exercise("9.8-compare", points=2)
def test_ends_that_touch_the_margin(student, rng):
    margin, error = float(rng.integers(1, 9)) / 2, float(rng.integers(1, 9)) / 8
    ends = [(-margin + 2 * error, error, margin), (-margin - 2 * error, error, margin)]
    near = [(d + step, e, m) for d, e, m in ends for step in (-0.0625, 0.0625)]
    check_decisions(student, [*ends, *near, (-margin, 0.0, margin), (0.0, 0.0, 0.0), (-0.25, 0.0, 0.0)])
