"""The visible checks of lesson 09. They run in the student's kernel on small inputs.

Functions can't cross between grader and student: the timer makes a fake call and a fake clock of the numbers that it is given, and
the models of the guard are modules of known layers, of which some must fail.
"""

import contextlib
import hashlib
import json

import numpy as np
import torch
from scipy.stats import chi2
from torch import nn

from autograder.checks import exercise
from autograder.checks.expect import (
    all_of,
    array,
    close,
    equal,
    kind_of,
    letter,
    raises,
    real_number,
    several,
    show,
    text,
    that,
    whole_number,
)
from autograder.checks.modules import in_waves, waves
from autograder.course.faults import StudentError

FLOAT64 = float(np.finfo(np.float64).eps)
FLOAT32 = float(np.finfo(np.float32).eps)


def truth(value, what, on):
    found = value.item() if isinstance(value, np.ndarray) and value.shape == () else value
    that(isinstance(found, (bool, np.bool_)), f"{what} should be True or False; it is {show(value)}, for {on}.")
    return bool(found)


# 9.1


@exercise("9.1-predict")
def test_predict_who_waited_so_long(student, rng):
    chosen = letter(student.value("predict_9_1"), "predict_9_1")
    that(chosen == "d", f"({chosen}) is not right.")


# 9.2


def check_times(got, durations, start, warmup, repeats):
    """All durations and starts are multiples of 1/64 s, so the fake clock counts without rounding."""
    on = f"calls of {show(durations)} s, a clock that begins at {start:g}, warmup = {warmup}, repeats = {repeats}"
    times = array(got, "The result of timed", (repeats,), kinds="f", on=on)
    equal(times.astype(np.float64), np.array(durations[warmup:]), what="the times", on=on)


def check_rehearsals(student, cases):
    # All are asked before one is judged: so the mistake shows. One call too many raises.
    answers = [student.timed(*each) for each in cases]
    for got, each in zip(answers, cases):
        check_times(got, *each)


@exercise("9.2-timer")
def test_times_with_a_fake_clock(student, rng):
    check_rehearsals(
        student,
        [
            ([5.0, 3.0, 1.5, 0.5, 0.25], 16.0, 4, 1),  # first: who warms up as often as it repeats makes too few calls, and no error
            ([8.0, 1.0, 4.0, 2.0, 2.0], 1000.0, 2, 3),
            ([64.0, 0.25, 0.5, 1.25, 0.75, 3.5, 0.125], 0.0, 1, 6),
            ([2.0, 0.5, 16.0, 0.25], 3.5, 0, 4),
        ],
    )


def place_in(times, percent):
    """The percentile of the text, written out."""
    ordered = np.sort(times)
    place = percent / 100 * (len(ordered) - 1)
    low = int(np.floor(place))
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (place - low) * (ordered[high] - ordered[low]))


def check_summary(got, times, on):
    that(isinstance(got, dict), f"summary should return a dict; it returned {kind_of(got)}, for {on}.")
    equal(sorted(map(str, got)), ["median", "p95", "p99"], what="the keys of the summary, sorted", on=on)
    # float32 would do: a percentile lies between two times, after a product and a sum.
    slack = 8 * FLOAT32 * float(np.abs(times).max())
    for key, percent in (("median", 50), ("p95", 95), ("p99", 99)):
        close(real_number(got[key], f'"{key}"', on), place_in(times, percent), abs=slack, what=f'"{key}"', on=on)


@exercise("9.2-timer")
def test_summary_of_few_times(student, rng):
    cases = [[4.0, 2.0, 2.0], [7.5, 1.0, 3.0, 2.0], [2.5], [9.0, 1.0, 1.25, 1.5, 40.0, 1.75, 3.0, 2.0, 1.0, 2.25, 2.5], [3.0, 1.0]]
    cases.append([round(1.3 ** (7 * i % 26), 1) for i in range(26)])  # so many that the percentiles are not the largest time
    answers = [student.summary(np.array(times)) for times in cases]
    for got, times in zip(answers, cases):
        check_summary(got, np.array(times), f"the times {times}")


# 9.3


def check_parity(got, batches, on):
    largest, same = several(got, 2, "parity", on)
    wanted = np.max([np.abs(a - b).max() for a, b in batches])  # a NaN stays one
    if isinstance(largest, (np.ndarray, torch.Tensor)) and largest.ndim == 0:
        largest = largest.item()
    that(
        isinstance(largest, (float, int, np.floating)) and not isinstance(largest, bool),
        f"The largest difference should be a number; it is {kind_of(largest)}, for {on}.",
    )
    close(np.float64(largest), np.float64(wanted), rel=4 * FLOAT32, what="the largest difference", on=on)
    agree = all(np.array_equal(a.argmax(axis=1), b.argmax(axis=1)) for a, b in batches)
    equal(truth(same, "Whether the classes agree", on), agree, what="whether all predicted classes agree", on=on)


def shifted(wanted, *moves):
    """Batches (wanted, got): in the i-th the logit of the first class of the first image is moved by moves[i]."""
    made = []
    for logits, move in zip(wanted, moves):
        logits = np.array(logits, dtype=float)
        got = logits.copy()
        got[0, 0] += move
        made.append((logits, got))
    return made


TWO = [[8.0, 1.0, 0.0], [0.0, 5.0, 1.0]]


@exercise("9.3-bug")
def test_parity_of_three_batches(student, rng):
    cases = {
        "three batches whose largest differences are 0.5, 0.0 and 0.25": shifted([TWO, TWO, TWO], 0.5, 0.0, 0.25),
        "three batches whose largest differences are 0.5, 0.0 and 0.75, all with a minus": shifted([TWO, TWO, TWO], -0.5, 0.0, -0.75),
        "two batches, the first with other classes and a difference of 16.5, the second with one of 1.25": shifted([TWO, TWO], -16.5, 1.25),
        "one batch, of one image, with a difference of 2": shifted([TWO[:1]], 2.0),
        "three batches, a NaN in the middle one": shifted([TWO, TWO, TWO], 0.25, np.nan, 0.5),
        "two batches, a NaN in the last one": shifted([TWO, TWO], 0.25, np.nan),
        "two batches, in the first a NaN and another difference of 3.5": [
            (np.array(TWO), np.array(TWO) + [[np.nan, 0, 0], [0, 3.5, 0]]),
            *shifted([TWO], 0.75),
        ],
        "one batch of two images, whose logits are exchanged: the classes are 0 and 1, and should be 1 and 0": [
            (np.array([[0.0, 5.0, 1.0], [8.25, 1.0, 0.0]]), np.array([[8.25, 1.0, 0.0], [0.0, 5.0, 1.0]])),
        ],
        "one batch of two images; the logit of the last class is 2 too large in the first image, and the classes agree": [
            (np.array(TWO), np.array(TWO) + [[0, 0, 2.0], [0, 0, 0]]),
        ],
        "one batch of two images; the logit of the last class is 5 too large in the second image, and wins": [
            (np.array(TWO), np.array(TWO) + [[0, 0, 0], [0, 0, 5.0]]),
        ],
    }
    answers = {on: student.parity(batches) for on, batches in cases.items()}
    for on, batches in cases.items():
        check_parity(answers[on], batches, on)


# 9.4


def not_json(word):
    raise ValueError(f"{word} is not JSON")


def check_baseline(got, network, measured, on):
    """`measured` in plain numbers and lists."""
    written = text(got, "The result of baseline_text", on)
    try:
        found = json.loads(written, parse_constant=not_json)
    except (ValueError, RecursionError):
        found = None
    that(isinstance(found, dict), f"The text should be an object in JSON; it is {show(written)}, for {on}.")
    equal(sorted(found), ["measured", "sha256", "version"], what="the keys of the baseline, sorted", on=on)
    version, digest, numbers = found["version"], found["sha256"], found["measured"]
    that(type(version) is int and version == 1, f"The version should be the integer 1; it is {show(version)}, for {on}.")
    equal(digest, hashlib.sha256(network).hexdigest(), what="the hash of the network", on=on)
    that(isinstance(numbers, dict), f'"measured" should be an object of names and numbers; it is {show(numbers)}, for {on}.')
    equal(sorted(numbers), sorted(measured), what='the names in "measured", sorted', on=on)
    for name, value in measured.items():
        what = f'"{name}" in "measured"'
        listed = isinstance(value, list)
        kind = "a list" if listed else "a number"
        that(isinstance(numbers[name], list) == listed, f"{what} should be {kind}; it is {show(numbers[name])}, for {on}.")
        equal(numbers[name], value, what=what, on=on)
        if type(value) is int:
            that(type(numbers[name]) is int, f"{what} should stay the integer {value}; it is {show(numbers[name])}, for {on}.")


def baseline_of(network, measured, version=1, digest=None):
    """A text in the format, with spaces and keys in another order than json.dumps would write."""
    digest = hashlib.sha256(network).hexdigest() if digest is None else digest
    return json.dumps({"measured": measured, "sha256": digest, "version": version}, indent=1)


@exercise("9.4-baseline")
def test_text_of_small_baselines(student, rng):
    cases = (
        (b"abc", {"accuracy": 97.5}, {"accuracy": 97.5}),
        (
            b"\x00\x01\xff",
            {"accuracy": np.float32(0.5), "bytes": np.int64(66197), "by class": np.array([90.5, 100.0]), "batches": [1, 7]},
            {"accuracy": 0.5, "bytes": 66197, "by class": [90.5, 100.0], "batches": [1, 7]},
        ),
        (
            b"no number may change",
            {"accuracy": 96.87924016282226, "bytes": 16777217},
            {"accuracy": 96.87924016282226, "bytes": 16777217},
        ),
        (b"", {}, {}),
    )
    answers = [student.baseline_text(network, measured) for network, measured, _ in cases]
    for got, (network, measured, plain) in zip(answers, cases):
        check_baseline(got, network, plain, f"the file {network!r} and {measured}")


def refuses(student, name, on, *args):
    raises(ValueError, lambda: getattr(student, name)(*args), what=f"{name}, for {on}")


@exercise("9.4-baseline")
def test_what_is_no_measurement_is_refused(student, rng):
    all_of(
        (refuses, student, "baseline_text", "an accuracy that is NaN", b"abc", {"accuracy": float("nan")}),
        (refuses, student, "baseline_text", "an infinite latency in an array", b"abc", {"bytes": 3, "ms": np.array([1.0, np.inf])}),
    )


def loads(student, network, measured, on):
    try:
        got = student.load_baseline(baseline_of(network, measured), network)
    except StudentError as error:
        that(False, f"load_baseline should have returned the numbers, but {error}, for {on}.")
    equal(got, measured, what="the numbers loaded", on=on)


@exercise("9.4-baseline")
def test_loading_and_refusing(student, rng):
    numbers = {"accuracy": 97.5, "by class": [95.0, 100.0], "bytes": 3}
    good = baseline_of(b"abc", numbers)
    all_of(
        (loads, student, b"abc", numbers, f"a baseline of the file b'abc', with the file b'abc' and {numbers}"),
        (loads, student, b"", {}, "a baseline of an empty file without any numbers"),
        (refuses, student, "load_baseline", "the baseline of the file b'abc' and the file b'abd'", good, b"abd"),
        (refuses, student, "load_baseline", "the baseline of the file b'abc' and the file b'abcd'", good, b"abcd"),
        (refuses, student, "load_baseline", "a baseline of version 2 with its own file", baseline_of(b"abc", numbers, 2), b"abc"),
        (refuses, student, "load_baseline", "a baseline of version 0 with its own file", baseline_of(b"abc", numbers, 0), b"abc"),
        (refuses, student, "load_baseline", 'a baseline whose version is the text "1"', baseline_of(b"abc", numbers, "1"), b"abc"),
        (
            refuses,
            student,
            "load_baseline",
            "a baseline whose hash is right in its first eight letters only",
            baseline_of(b"abc", numbers, digest=hashlib.sha256(b"abc").hexdigest()[:8] + 56 * "0"),
            b"abc",
        ),
    )


# 9.5


def wrapped_of(nodes):
    convolutions = [node for node in nodes if node[0] == "Conv"]
    makers = {name: operator for operator, _, outputs in nodes for name in outputs}
    good = 0
    for _, inputs, outputs in convolutions:
        readers = [operator for operator, taken, _ in nodes if taken[:1] == outputs[:1]]
        good += [makers.get(name) for name in inputs[:2]] == ["DequantizeLinear"] * 2 and "QuantizeLinear" in readers
    return good, len(convolutions)


def dq(name):
    return ("DequantizeLinear", [f"{name}_codes", f"{name}_scale", f"{name}_zero"], [name])


def q(name):
    return ("QuantizeLinear", [name, f"{name}_scale", f"{name}_zero"], [f"{name}_out"])


WORKED = [dq("a"), dq("w"), ("Conv", ["a", "w"], ["b"]), ("QuantizeLinear", ["b", "s", "z"], ["c"]), ("Conv", ["c", "w"], ["d"])]
IN_FLOAT = [("Conv", ["image", "w", "bias"], ["x"]), ("Relu", ["x"], ["y"]), ("Conv", ["y", "v"], ["logits"])]
ONE_SIDE = [  # weights only; image only; not rounded after; all three
    *map(dq, ("i", "w", "v", "u", "bias")),
    ("Conv", ["image", "w"], ["k"]),
    q("k"),
    ("Conv", ["i", "plain"], ["l"]),
    q("l"),
    ("Conv", ["i", "v", "bias"], ["m"]),
    ("Relu", ["m"], ["n"]),
    ("Conv", ["i", "u", "bias"], ["o"]),
    q("o"),
]
OTHERS = [*map(dq, ("x", "w", "v")), ("MatMul", ["x", "w"], ["y"]), q("y"), ("Gemm", ["x", "v"], ["z"]), q("z")]
AS_SCALE = [*map(dq, ("x", "w", "t")), ("Conv", ["x", "w"], ["s"]), ("QuantizeLinear", ["t", "s", "zero"], ["r"])]
AS_ZERO = [*AS_SCALE, ("Conv", ["t", "w"], ["zero"])]
EXCHANGED = [  # codes where floats should be, and the other way round
    ("QuantizeLinear", ["image", "s", "z"], ["x"]),
    ("QuantizeLinear", ["weights", "s", "z"], ["w"]),
    ("Conv", ["x", "w"], ["y"]),
    ("DequantizeLinear", ["y", "s", "z"], ["logits"]),
]
BEFORE = [
    q("b"),
    ("Conv", ["a", "w", "bias"], ["b"]),
    dq("w"),
    dq("bias"),
    dq("a"),
]  # the order of the file need not be that of the computation

FLOAT_BIAS = [dq("x"), dq("w"), ("Conv", ["x", "w", "bias"], ["y"]), q("y")]
FLOAT_BIAS_TWICE = [*FLOAT_BIAS, dq("v"), ("Conv", ["x", "v", "other_bias"], ["z"]), q("z")]
FLOAT_WEIGHTS = [dq("x"), dq("bias"), ("Conv", ["x", "w", "bias"], ["y"]), q("y")]
INTEGER = [*map(dq, ("x", "w", "v")), ("ConvInteger", ["x", "w"], ["y"]), q("y"), ("Conv", ["x", "v"], ["z"]), q("z")]
INTEGER_ONLY = [*map(dq, ("x", "w")), ("ConvInteger", ["x", "w"], ["y"]), q("y")]


def check_wrapped(got, nodes, on):
    wrapped, convolutions = several(got, 2, "wrapped_convolutions", on)
    found = whole_number(wrapped, "The first count", on), whole_number(convolutions, "The second count", on)
    equal(found, wrapped_of(nodes), what="the convolutions wrapped, and all", on=on)


@exercise("9.5-int8")
def test_convolutions_of_small_files(student, rng):
    cases = {
        "the worked example": WORKED,
        "a float file with two convolutions": IN_FLOAT,
        "four convolutions: weights from codes only, image from codes only, not rounded afterwards, all three": ONE_SIDE,
        "a file with matrix products only": OTHERS,
        "a convolution whose output is read by a QuantizeLinear, but as its scale": AS_SCALE,
        "two convolutions whose outputs are read by a QuantizeLinear, as its scale and as its zero point": AS_ZERO,
        "a convolution between QuantizeLinear and DequantizeLinear, the wrong way round": EXCHANGED,
        "a file whose nodes stand in another order": BEFORE,
        "a convolution with weights from codes and a bias in float": FLOAT_BIAS,
        "two convolutions with weights from codes and biases in float": FLOAT_BIAS_TWICE,
        "a convolution with weights in float and a bias from codes": FLOAT_WEIGHTS,
        "a ConvInteger, which is another operator, and one convolution": INTEGER,
        "a ConvInteger, which is another operator": INTEGER_ONLY,
        "a file without nodes": [],
    }
    answers = {on: student.wrapped_convolutions(nodes) for on, nodes in cases.items()}
    for on, nodes in cases.items():
        convolutions = [f"Conv({', '.join(inputs)}) → {outputs[0]}" for operator, inputs, outputs in nodes if operator == "Conv"]
        check_wrapped(answers[on], nodes, on + (": " if convolutions else "") + "; ".join(convolutions))


def check_both(got, calibration, test, on):
    known = [image.tolist() for image in calibration]
    want = sum(image.tolist() in known for image in test)
    equal(whole_number(got, "The result of in_both", on), want, what="how many test images are among the calibration images", on=on)


def pictures(*pixels):
    """uint8 images of 2 x 2, from four pixels each."""
    return np.array(pixels, np.uint8).reshape(-1, 2, 2)


@exercise("9.5-int8")
def test_images_in_both_sets(student, rng):
    a, b, c, d = [1, 2, 3, 4], [4, 3, 2, 1], [1, 2, 3, 5], [0, 0, 0, 10]
    cases = {
        "calibration A, B, B; test C, B, D": (pictures(a, b, b), pictures(c, b, d)),
        "calibration A, A, B; test B, B, A, C: B counts twice": (pictures(a, a, b), pictures(b, b, a, c)),
        "calibration with the pixels 1 2 3 4, test with 4 3 2 1: the same pixels in another order": (pictures(a), pictures(b)),
        "three calibration images, one of them in each place of the test": (pictures(a, b, c), pictures(c, c, c, c, c)),
    }
    answers = {on: student.in_both(*each) for on, each in cases.items()}
    for on, each in cases.items():
        check_both(answers[on], *each, on)


# 9.6


def check_edges(got, reference, bins, on):
    edges = array(got, "The result of bin_edges", (bins - 1,), kinds="f", on=on).astype(np.float64)
    want = [place_in(reference, 100 * i / bins) for i in range(1, bins)]
    close(edges, np.array(want), abs=8 * FLOAT32 * float(np.abs(reference).max()), what="the edges", on=on)


def shares_of(values, edges):
    counts = np.array([int(np.sum((values >= low) & (values < high))) for low, high in zip([-np.inf, *edges], [*edges, np.inf])])
    return (counts + 0.5) / (len(values) + 0.5 * len(counts))


def check_shares(got, values, edges, on):
    shares = array(got, "The result of bin_shares", (len(edges) + 1,), kinds="f", on=on).astype(np.float64)
    close(shares, shares_of(values, edges), rel=8 * FLOAT32, what="the shares", on=on)


def psi_of(p, q):
    return float(np.sum(p * np.log(p / q)) + np.sum(q * np.log(q / p)))


def check_psi(got, p, q, on):
    # Each term has a few roundings; a logarithm near 0 is off by a rounding of its quotient, times the difference before it.
    slack = 8 * FLOAT32 * float(np.sum(np.abs(p - q) * (1 + np.abs(np.log(p / q)))) + np.sum(p + q) / 8)
    close(real_number(got, "The result of psi", on), psi_of(p, q), abs=slack, what="PSI", on=on)


def check_usual(got, n, m, bins):
    on = f"n = {n}, m = {m}, bins = {bins}"
    close(real_number(got, "The result of usual_psi", on), (bins - 1) * (n + m) / (n * m), rel=8 * FLOAT32, what="the usual PSI", on=on)


def check_limit(got, n, m, bins, false_alarms):
    on = f"n = {n}, m = {m}, bins = {bins}, false_alarms = {false_alarms}"
    want = float(chi2.isf(false_alarms, bins - 1)) * (n + m) / (n * m)
    # Two ways to invert the distribution agree to far more digits than this.
    close(real_number(got, "The result of alarm_limit", on), want, rel=1e-5, what="the limit", on=on)


@exercise("9.6-drift")
def test_edges_of_few_values(student, rng):
    cases = (
        ([5.0, 1.0, 2.0, 9.0, 4.0, 30.0], 3),
        ([0.5, 0.25, 8.0, 0.125], 4),
        ([1.0, 2.0, 4.0, 8.0, 16.0], 2),
        ([7.0, 7.0, 7.0], 3),
        ([-3.0, -50.0, -1.0, -2.0, -9.0, -4.0, -7.0], 5),
    )
    answers = [student.bin_edges(np.array(values), bins) for values, bins in cases]
    for got, (values, bins) in zip(answers, cases):
        check_edges(got, np.array(values), bins, f"reference {values}, {bins} bins")


@exercise("9.6-drift")
def test_shares_of_few_values(student, rng):
    cases = (
        ([1.0, 2.0, 3.0, 9.0], [2.0, 4.0]),
        ([0.5, 0.5, 0.75, -8.0, 100.0, 0.25, 0.5], [0.25, 0.5, 0.75]),
        ([5.0, 6.0], [1.0, 2.0, 3.0]),
        ([-5.0], [1.0]),
        ([2.0, 2.0, 1.0], [2.0, 2.0]),
    )
    answers = [student.bin_shares(np.array(values), np.array(edges)) for values, edges in cases]
    for got, (values, edges) in zip(answers, cases):
        check_shares(got, np.array(values), np.array(edges), f"values {values}, edges {edges}")


@exercise("9.6-drift")
def test_psi_of_few_shares(student, rng):
    cases = (
        ([0.5, 0.5], [0.25, 0.75]),
        ([0.25, 0.75], [0.5, 0.5]),
        ([0.2, 0.3, 0.5], [0.2, 0.3, 0.5]),
        ([0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1]),
        ([0.01, 0.99], [0.6, 0.4]),
    )
    answers = [student.psi(np.array(p), np.array(q)) for p, q in cases]
    for got, (p, q) in zip(answers, cases):
        check_psi(got, np.array(p), np.array(q), f"p = {p}, q = {q}")


@exercise("9.6-drift")
def test_usual_value_and_limit(student, rng):
    cases = ((2000, 50, 10, 0.05), (400, 400, 5, 0.01), (100, 1000, 2, 0.2))
    answers = [(student.usual_psi(n, m, bins), student.alarm_limit(n, m, bins, a)) for n, m, bins, a in cases]
    for (usual, _), (n, m, bins, _) in zip(answers, cases):
        check_usual(usual, n, m, bins)
    for (_, limit), each in zip(answers, cases):
        check_limit(limit, *each)


# 9.7


def linear(features, classes, turn=1.0):
    """A linear model of fixed weights."""
    layer = in_waves(nn.Linear(features, classes))
    with torch.no_grad():
        layer.weight.mul_(turn)
    return nn.Sequential(layer)


def spoilt(features, classes, value, at=0):
    """The same with a bias of NaN or infinity for one class."""
    net = linear(features, classes, -1.0)
    with torch.no_grad():
        net[0].bias[at] = value
    return net


# Models that raise: what, by the class of the exception.
RAISING = {
    "RuntimeError": lambda features, classes: linear(features + 1, classes),
    "IndexError": lambda features, classes: nn.Sequential(nn.Flatten(3, 4), nn.Linear(features, classes)),
    "ValueError": lambda features, classes: nn.Sequential(nn.Linear(features, classes), nn.BatchNorm2d(classes)).eval(),
}


def check_served(student, images, new, old, classes, alarm, want, on):
    """`want`: "int8", or why not."""
    who = "int8" if want == "int8" else "float"
    counts = any(isinstance(layer, nn.BatchNorm1d) and layer.training for layer in new.modules())
    try:
        with student.may_change() if counts else contextlib.nullcontext():
            got = student.serve(images, new, old, classes, alarm)
    except StudentError as error:
        which = "new" if who == "int8" else "float"
        that(False, f"serve should have answered with the {which} model, but {error}, for {on}.")
    if counts:  # read past `student.mutated`: this is not about a change, but about a call that shows by it
        that(
            1 not in student.asked[-1].reply.mutated,
            f"The new model should not be asked; its batch norm has counted one batch more, for {on}.",
        )
    logits, name, reason = several(got, 3, "serve", on)
    reason = text(reason, "The reason", on)
    equal(reason, "" if want == "int8" else want, what="the reason", on=on)
    equal(text(name, "The name", on), who, what="whose answer it is", on=on)
    with torch.no_grad():
        right = (new if who == "int8" else old)(images).numpy()
    logits = array(logits, "The logits", right.shape, kinds="f", on=on)
    slack = 8 * FLOAT32 * (1 + float(np.abs(right[np.isfinite(right)]).max(initial=0.0)))
    close(logits, right, abs=slack, what=f"the logits, which should be the {who} model's", on=on)


def counting(features, classes):
    """A linear model with a batch norm in training mode: it counts the batches that it is given."""
    return nn.Sequential(*linear(features, classes), nn.BatchNorm1d(classes).train())


def large(features, classes):
    """Finite logits whose sum is infinite in float32."""
    net = linear(features, classes, -1.0)
    with torch.no_grad():
        net[0].bias[:2] = 2e38
    return net


def served(student, images, classes):
    """The cases that the text names, in models of one size."""
    features, count = images.shape[1], len(images)
    old, new = linear(features, classes), linear(features, classes, -1.0)
    words = f"{count} image{'s' * (count != 1)} and {classes} classes"
    cases = [
        (new, False, "int8", "a new model that is well"),
        (new, True, "drift alarm", "a new model that is well, and the alarm on"),
        (RAISING["RuntimeError"](features, classes), True, "drift alarm", "a new model that raises RuntimeError, and the alarm on"),
        (linear(features, classes - 1), False, "shape", "a new model that gives one class too few"),
        (linear(features, classes + 2), False, "shape", "a new model that gives two classes too many"),
        (
            nn.Sequential(*linear(features, classes), nn.Flatten(0, 1)),
            False,
            "shape",
            "a new model whose logits are all in one row",
        ),
        (spoilt(features, classes - 1, np.nan), False, "shape", "a new model that gives one class too few, and NaN"),
        (spoilt(features, classes, np.nan), False, "not finite", "a new model with NaN for one class"),
        (spoilt(features, classes, np.nan, slice(None)), False, "not finite", "a new model with NaN for every class"),
        (spoilt(features, classes, np.inf, classes - 1), False, "not finite", "a new model with infinity for one class"),
        (spoilt(features, classes, -np.inf, 1), False, "not finite", "a new model with minus infinity for one class"),
        (large(features, classes), False, "int8", "a new model whose logits are large, 2e38, and finite"),
        (counting(features, classes), True, "drift alarm", "a new model that counts its batches, and the alarm on"),
    ]
    cases += [(make(features, classes), False, "error", f"a new model that raises {error}") for error, make in RAISING.items()]
    asked = [(check_served, student, images, model, old, classes, alarm, want, f"{on}, {words}") for model, alarm, want, on in cases]
    # Images of more dimensions: so a model of known layers can give as many rows too many, or a dimension too many.
    upright, twice = images[:, None], torch.stack([images, -images], 1)
    flat, flat_twice = nn.Sequential(nn.Flatten(1), *old), nn.Sequential(nn.Flatten(1), *linear(2 * features, classes))
    on = f"a new model that gives two rows of logits for each image, {words}"
    asked.append((check_served, student, twice, nn.Sequential(nn.Flatten(0, 1), *new), flat_twice, classes, False, "shape", on))
    on = f"a new model that gives logits of shape ({count}, 1, {classes}), {words}"
    asked.append((check_served, student, upright, new, flat, classes, False, "shape", on))
    # The first image holds a NaN, so its logits are NaN in both models; all rows should be the float model's.
    holed = images.clone()
    holed[0, 0] = np.nan
    asked.append((check_served, student, holed, new, old, classes, False, "not finite", f"a pixel of the first image is NaN, {words}"))
    on = f"a new model that is well and a float model that raises RuntimeError, {words}"
    asked.append((check_served, student, images, new, linear(features + 2, classes), classes, False, "int8", on))
    return asked


def nobody_left(student, images, new, alarm, on):
    """The float model fails, too: its exception comes out."""
    old = linear(images.shape[1] + 2, 4)
    raises(RuntimeError, lambda: student.serve(images, new, old, 4, alarm), what=f"serve, for {on}")


def float_model_not_looked_at(student, images, on):
    got = student.serve(images, linear(images.shape[1], 4), spoilt(images.shape[1], 4, np.nan), 4, True)
    logits, name, reason = several(got, 3, "serve", on)
    equal([name, reason], ["float", "drift alarm"], what="whose answer, and why", on=on)
    logits = array(logits, "The logits", (len(images), 4), kinds="f", on=on)
    that(bool(np.isnan(logits[:, 0]).all()), f"The float model's logits should come back as they are, for {on}.")


@exercise("9.7-guard")
def test_each_reason(student, rng):
    all_of(*served(student, waves(3, 5), 4), *served(student, waves(1, 6), 3))


@exercise("9.7-guard")
def test_when_the_float_model_fails(student, rng):
    images = waves(3, 5)
    all_of(
        (nobody_left, student, images, linear(5, 4), True, "the alarm on and a float model that raises RuntimeError"),
        (nobody_left, student, images, linear(6, 4), False, "two models that both raise RuntimeError"),
        (float_model_not_looked_at, student, images, "the alarm on and a float model that gives NaN for one class"),
    )


# 9.8


def check_difference(got, want, name, on):
    difference, error = several(got, 2, name, on)
    # Shares of numbers up to 100; a root near 0 makes more of a rounding than elsewhere.
    close(real_number(difference, "The difference", on), want[0], abs=100 * 8 * FLOAT32, what="the difference in points", on=on)
    close(real_number(error, "The standard error", on), want[1], abs=1e-3, rel=1e-5, what="the standard error in points", on=on)


def same_of(old, new):
    d = np.array([int(b) - int(a) for a, b in zip(old, new)])
    n = len(d)
    return 100 * d.sum() / n, 100 * np.sqrt(np.sum((d - d.sum() / n) ** 2) / (n - 1) / n)


def others_of(old, new):
    a, b = old.sum() / len(old), new.sum() / len(new)
    return 100 * (b - a), 100 * np.sqrt(a * (1 - a) / len(old) + b * (1 - b) / len(new))


def bits(word):
    return np.array([letter == "1" for letter in word])


@exercise("9.8-compare")
def test_differences_of_few_images(student, rng):
    same = [("1101", "1001"), ("10", "11"), ("11111011", "11011111"), ("0000", "1111"), ("110110111010", "111110111111")]
    other = [("1101", "1001"), ("11111011", "1101"), ("1", "0"), ("110110111010", "11111"), ("1111", "11")]
    answers = [student.same_images(bits(old), bits(new)) for old, new in same]
    answers += [student.other_images(bits(old), bits(new)) for old, new in other]
    for got, (old, new) in zip(answers, same):
        check_difference(got, same_of(bits(old), bits(new)), "same_images", f"the same images, old right on {old}, new on {new}")
    for got, (old, new) in zip(answers[len(same) :], other):
        check_difference(got, others_of(bits(old), bits(new)), "other_images", f"different images, old right on {old}, new on {new}")


def decision(difference, error, margin):
    if difference - 2 * error >= -margin:
        return "ship"
    return "keep" if difference + 2 * error < -margin else "wait"


def check_decisions(student, cases):
    answers = [student.decide(*each) for each in cases]
    for got, (difference, error, margin) in zip(answers, cases):
        on = f"difference {difference:g}, error {error:g}, margin {margin:g}"
        equal(text(got, "The decision", on), decision(difference, error, margin), what="the decision", on=on)


# With numbers that are halves and quarters the ends of the interval are exact.
DECISIONS = (
    (-25.0, 25.0, 80.0),
    (-25.0, 25.0, 10.0),
    (-0.25, 0.25, 1.0),
    (-0.5, 0.25, 1.0),  # the low end is the margin: ship
    (-1.5, 0.25, 1.0),  # the high end is the margin: wait
    (-1.75, 0.25, 1.0),
    (3.0, 0.5, 1.0),
    (3.0, 2.5, 1.0),
    (-3.0, 0.5, 1.0),
    (-0.5, 0.0, 0.5),
    (-0.75, 0.0, 0.5),
    (0.0, 0.5, 0.0),
    (-1.25, 0.25, 1.0),
    (-1.25, 1.0, 4.0),
    (-0.5, 0.375, 1.0),
    (-0.5, 0.25390625, 1.0),
    (-1.5, 0.25390625, 1.0),
)


@exercise("9.8-compare")
def test_what_to_do(student, rng):
    check_decisions(student, DECISIONS)
