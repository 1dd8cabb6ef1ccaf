"""The visible checks of the lab Deploy and watch. They run in the student's kernel, those about files on the student's own files.

The monitor is free in form, so it is judged by what it does on streams (`Place`) whose law is known: the logits of an image are noise of
size 1 in each class, and its class lies higher by a gap drawn from a gamma law, as in a network that gets 98 or 99 % right.
"""

import hashlib
import json

import numpy as np
from scipy.special import chdtri

from autograder.checks import exercise, measured
from autograder.checks.expect import all_of, close, equal, kind_of, letter, real_number, show, text, that, whole_number

FILES = ("int8.onnx", "baseline.json")
BINS = 10  # of the baseline that is handed in
KEYS = ("version", "sha256", "n", "accuracy", "accuracy_by_class", "edges", "sureness_shares", "class_shares")
FAULTS = ("another camera", "a class missing", "normalisation forgotten")
IN_TIME = 800


# The definitions once more


def sureness_of(logits):
    z = np.asarray(logits, np.float64)
    z = z - z.max(axis=1, keepdims=True)
    return -np.log(np.maximum(np.sort(np.exp(z), axis=1)[:, :-1].sum(axis=1), 1e-12))


def shares_of(places, bins):
    return (np.bincount(places, minlength=bins) + 0.5) / (len(places) + 0.5 * bins)


def baseline_of(network, logits, labels, bins):
    sure, answers, classes = sureness_of(logits), logits.argmax(axis=1), logits.shape[1]
    edges = np.quantile(sure, np.arange(1, bins) / bins)
    right = answers == labels
    return {
        "version": 1,
        "sha256": hashlib.sha256(network).hexdigest(),
        "n": len(labels),
        "accuracy": 100 * float(right.mean()),
        "accuracy_by_class": [100 * float(right[labels == c].mean()) for c in range(classes)],
        "edges": edges.tolist(),
        "sureness_shares": shares_of(np.searchsorted(edges, sure, side="right"), bins).tolist(),
        "class_shares": shares_of(answers, classes).tolist(),
    }


def is_baseline(student, network, logits, labels, bins, on):
    """Ask for the baseline and compare it, key by key.

    Take n and bins so that no quantile falls on a value, (n - 1) / bins in lowest terms: whether that value then lies on its edge or, by
    its last bit, below would depend on the arithmetic. Equal values are safe.
    """
    got, want = student.baseline_of(network, logits, labels, bins), baseline_of(network, logits, labels, bins)
    that(isinstance(got, dict), f"baseline_of should return a dict; it returned {kind_of(got)}.")
    missing, extra = [key for key in KEYS if key not in got], [key for key in got if key not in KEYS]
    that(not missing, f"The baseline has no {show(missing[0]) if missing else ''}.")
    that(not extra, f"The baseline has the key {show(extra[0]) if extra else ''}, which is not in the table.")
    try:
        json.dumps(got, allow_nan=False)
    except (TypeError, ValueError) as problem:
        that(False, f"JSON cannot write what baseline_of returns: {problem}.")
    equal(whole_number(got["version"], '"version"', on), 1, what='"version"', on=on)
    equal(text(got["sha256"], '"sha256"', on), want["sha256"], what='"sha256"', on=on)
    equal(whole_number(got["n"], '"n"', on), want["n"], what='"n"', on=on)
    close(real_number(got["accuracy"], '"accuracy"', on), want["accuracy"], rel=1e-9, abs=1e-9, what='"accuracy"', on=on)
    for key in KEYS[4:]:
        that(isinstance(got[key], (list, tuple)), f'"{key}" should be a list of numbers; it is {kind_of(got[key])}.')
        values = np.array([real_number(each, f'A number in "{key}"', on) for each in got[key]])
        # A sum of exponentials in float64, in another order: rounding of 1e-16 each. Shares are counts: one image moves them by 1e-3.
        close(values, np.array(want[key]), rel=1e-9, abs=1e-7, what=f'"{key}"', on=on)


def are_distances(student, baseline, logits, on):
    got = student.distances(baseline, logits)
    that(isinstance(got, (tuple, list)) and len(got) == 2, f"distances should return two floats; it returned {kind_of(got)}.")
    places = np.searchsorted(baseline["edges"], sureness_of(logits), side="right")
    for value, key, placed, what in zip(
        got, KEYS[6:], (places, np.asarray(logits).argmax(axis=1)), ("the PSI of the sureness", "the PSI of the answers")
    ):
        p = np.array(baseline[key])
        q = shares_of(placed, len(p))
        want = float(np.sum((p - q) * np.log(p / q)))
        close(real_number(value, what.capitalize(), on), want, rel=1e-9, abs=1e-12, what=what, on=on)


def tied(n, classes):
    """Logits of n images, answered by all classes but the last in turn, between two classes each: their sureness is 0, whatever the arithmetic."""
    logits = np.full((n, classes), -1e4)
    first = np.arange(n) % (classes - 1)
    logits[np.arange(n), first] = logits[np.arange(n), classes - 1] = 5
    return logits


def are_limits(student, baseline, images, false_alarms, on):
    got = student.limits(baseline, images, false_alarms)
    that(isinstance(got, (tuple, list)) and len(got) == 2, f"limits should return two floats; it returned {kind_of(got)}.")
    for value, key, what in zip(got, KEYS[6:], ("the limit of the sureness", "the limit of the answers")):
        want = float(chdtri(len(baseline[key]) - 1, false_alarms)) * (1 / baseline["n"] + 1 / images)
        close(real_number(value, what.capitalize(), on), want, rel=1e-9, what=what, on=on)


# Streams


class Place:
    """Where a model is used: its classes and how often each comes, how sure the model is, and the baseline that was made there."""

    def __init__(self, rng, classes=10, bins=10):
        self.rng, self.classes = rng, classes
        self.mix = rng.dirichlet(np.full(classes, 60.0))
        self.scale = rng.uniform(0.9, 1.3)
        logits, labels = self.images(int(rng.integers(600, 1501)))
        self.baseline = baseline_of(rng.bytes(20), logits, labels, bins)

    def images(self, n, fault=None):
        """(logits float32 (n, classes), labels) of n images; `fault` is one of FAULTS."""
        rng, mix, gap = self.rng, self.mix.copy(), self.scale * self.rng.gamma(6.0, 1.0, n)
        if fault == "a class missing":
            mix[mix.argmax()] = 0
        labels = rng.choice(self.classes, n, p=mix / mix.sum())
        said = labels
        if fault == "another camera":
            gap = 0.6 * gap
        if fault == "normalisation forgotten":
            gap, said = 1.2 * gap, np.where(rng.random(n) < 0.8, labels % 2, labels)
        logits = rng.normal(0, 1, (n, self.classes))
        logits[np.arange(n), said] += gap
        return logits.astype(np.float32), labels

    def stream(self, fault):
        """(logits, number of images before the fault). The length says nothing of the fault's place."""
        at = int(self.rng.integers(800, 1201))
        return np.concatenate([self.images(at)[0], self.images(int(self.rng.integers(IN_TIME, 1001)), fault)[0]]), at


def alarm(student, baseline, logits):
    """The number of images at the alarm, or None."""
    got = student.alarm_at(baseline, logits)
    if got is None:
        return None
    got = whole_number(got, "What alarm_at returns, where it is not None,", f"a stream of {len(logits)} images")
    that(1 <= got <= len(logits), f"alarm_at should return a number of images from 1 to {len(logits)}, or None; it returned {got}.")
    return got


# How many streams decide. A monitor rings in a share p of quiet streams and notices a share q of faults in time, each stream for itself.
# `n` streams pass at once if none goes wrong; else `more` follow, and of all n + more at most k may go wrong. So a share w of wrong ones passes
# with the probability (1 - w)^n + sum over i = 1..k of B(i; n, w) * [B(0; more, w) + ... + B(k - i; more, w)], B the binomial law.
#
#                         n + more, k    keeps the promise, is refused    clearly broken, passes
#   quiet, grading        24 + 36,  5    p = 1/100        3.0e-5          p = 1/3   6.5e-5
#   quiet, other sizes     4,       2    p = 1/100        4.0e-6
#   quiet, `check`        12,       3    p = 1/100        4.6e-6
#   a fault, grading       6 + 10,  4    q = 98/100       1.1e-5          q = 1/5   6.7e-5
#   a fault, other sizes   3,       2    q = 98/100       0.8e-5
#   a fault, `check`       4,       3    q = 98/100       0.2e-6
#
# Three kinds of fault: a monitor just as good as the text asks is refused with a probability of 9.6e-5 in all. To tell 1 in 100 from 1 in 10 as
# surely takes some 130 streams, and a monitor that looks after every image could not play them in the time of an exercise: in between is luck,
# and the text says so.


def keeps_quiet(student, rng, streams, at_most, more=0, length=1500, **place):
    """Of `streams` quiet streams none rings, or with `more` of them at most `at_most` do."""
    first = None
    played = count = 0
    for _ in range(streams + more):
        if more and (count > at_most or (played == streams and not count)):
            break
        here = Place(rng, **place)
        at = alarm(student, here.baseline, here.images(length)[0])
        played, count, first = played + 1, count + (at is not None), at if first is None else first
    that(
        count <= at_most,
        f"Of {played} streams of {length:,} images in which nothing is wrong, {count} rang, one of them after {first} images; "
        f"of {streams + more} at most {at_most} may.",
    )


def notices(student, rng, fault, streams, misses, more=0, **place):
    """Of `streams` streams all ring in time, or with `more` of them all but `misses` do."""
    early = timely = late = 0
    for _ in range(streams + more):
        if more and (early + late > misses or timely == streams == timely + early + late):
            break
        here = Place(rng, **place)
        logits, before = here.stream(fault)
        got = alarm(student, here.baseline, logits)
        if got is not None and got <= before:
            early += 1
        elif got is not None and got <= before + IN_TIME:
            timely += 1
        else:
            late += 1
    that(
        early + late <= misses,
        f"{fault[0].upper()}{fault[1:]}: of {early + timely + late} streams {timely} rang within {IN_TIME} images of the fault, {early} before it, "
        f"{late} later or never; of {streams + more} at least {streams + more - misses} must ring in time.",
    )


def keeps_its_promises(student, rng, quiet, fault, **place):
    """`quiet` and `fault`: of the streams of each kind (how many, how many may go wrong, how many more)."""
    all_of(
        (lambda: keeps_quiet(student, rng, *quiet, **place),),
        *((lambda kind=kind: notices(student, rng, kind, *fault, **place),) for kind in FAULTS),
    )


def decides_by_then(student, here, fault):
    """What comes after the alarm has no say in it: the stream that ends there rings there, one image earlier it does not."""
    logits, _ = here.stream(fault)
    at = alarm(student, here.baseline, logits)
    if at is None:
        return
    told = f"A stream of {len(logits)} images rings after {at}. "
    again = alarm(student, here.baseline, logits[:at])
    that(again == at, f"{told}When it ends after these {at}, the answer is {again}: what came later had a say in it.")
    if at > 1:
        before = alarm(student, here.baseline, logits[: at - 1])
        that(before is None, f"{told}Without the last of these {at}, it rings after {before}.")
    other = np.concatenate([logits[:at], here.images(300)[0]])
    that(alarm(student, here.baseline, other) == at, f"{told}When other images follow those {at}, the alarm is another one.")


# watch.1


@exercise("watch.1-predict")
def test_predict_a_week_of_quiet_looks(student, rng):
    chosen = letter(student.value("predict_1"), "predict_1")
    that(chosen == "d", f"({chosen}) is not it. All 336 comparisons must stay quiet.")


# watch.2


@exercise("watch.2-baseline")
def test_baseline_of_small_numbers(student, rng):
    logits = np.array([[3, 0], [1, 2], [-1, 4], [0, 0.5]])
    few = np.array([[2, 0, 1], [0, 3, 0], [1, 0, 5], [4, 1, 0], [2, 2.5, 0], [0, 1, 1.25], [0, 6, 1]])
    all_of(
        (is_baseline, student, b"abc", logits, np.array([0, 1, 1, 0]), 2, "four images and two classes, as in the worked example"),
        (is_baseline, student, b"", few, np.array([0, 1, 2, 2, 0, 1, 1]), 5, "seven images, three classes and five bins"),
        (is_baseline, student, b"net", few[:0:-1].copy(), np.array([1, 1, 0, 2, 2, 1]), 3, "six images, three classes and three bins"),
        (is_baseline, student, b"0", few[[4] * 5], np.array([0, 1, 2, 0, 1]), 4, "five images that are all alike, each on every edge"),
    )


# watch.3

SMALL = {
    "version": 1,
    "sha256": "00",
    "n": 400,
    "accuracy": 90.0,
    "accuracy_by_class": [90.0, 90.0, 90.0],
    "edges": [1.0, 2.0, 4.0],
    "sureness_shares": [0.25, 0.125, 0.375, 0.25],
    "class_shares": [0.5, 0.25, 0.25],
}


@exercise("watch.3-look")
def test_distances_and_limits_of_small_numbers(student, rng):
    window = np.array([[5, 0, 1], [0, 3, 1.5], [0, 0.5, 0], [9, 1, 0], [1, 0, 4]])
    ten = {**SMALL, "sureness_shares": [0.1] * 10, "edges": list(range(9)), "class_shares": [0.25] * 4}
    all_of(
        (are_distances, student, SMALL, window, "five images, three classes and four bins"),
        (are_distances, student, SMALL, window[:1], "one image, three classes and four bins"),
        (are_distances, student, {**SMALL, "edges": [0.0, 2.0, 4.0]}, tied(12, 3), "12 images of sureness 0 and the edges [0, 2, 4]"),
        (are_limits, student, ten, 100, 0.01, "10 bins, 4 classes, n = 400, 100 images, 1 %, as in the worked example"),
        (are_limits, student, SMALL, 50, 0.2, "4 bins, 3 classes, n = 400, 50 images, 20 %"),
        (are_limits, student, {**SMALL, "n": 90}, 3000, 1e-6, "4 bins, 3 classes, n = 90, 3000 images, one in a million"),
    )


# watch.4


@exercise("watch.4-alarm")
def test_some_streams_of_each_kind(student, rng):
    keeps_its_promises(student, rng, quiet=(12, 3), fault=(4, 3))


@exercise("watch.4-alarm")
def test_it_decides_with_what_it_has_seen(student, rng):
    decides_by_then(student, Place(rng), str(rng.choice(FAULTS)))


@exercise("watch.4-alarm")
def test_a_stream_of_ten_images(student, rng):
    here = Place(rng)
    that(alarm(student, here.baseline, here.images(10)[0]) is None, "After ten images in which nothing is wrong the alarm rang.")


# watch.5


def numbers(name, value, length):
    """A list of finite numbers in the baseline, as a float array."""
    fits = isinstance(value, list) and len(value) == length
    that(fits, f'`baseline.json`: "{name}" should be a list of {length} numbers.')
    return np.array([float(measured.number({"file": "baseline.json", name: each}, name)) for each in value])


def handed_in(artefacts):
    """The baseline, its keys and its ties to the file looked at."""
    baseline = artefacts.results("baseline.json")
    missing = [key for key in KEYS if key not in baseline]
    that(not missing, f"`baseline.json` has no {show(missing[0]) if missing else ''}.")
    that(
        type(baseline["version"]) is int and baseline["version"] == 1,
        f"`baseline.json` has the version {show(baseline['version'])}, not 1.",
    )
    own = hashlib.sha256(artefacts.data("int8.onnx")).hexdigest()
    that(baseline["sha256"] == own, "`baseline.json` belongs to another file: its hash is not that of `int8.onnx`.")
    return baseline


def belongs(artefacts):
    """Hash, number of images and accuracy are those of the file."""
    baseline, found = handed_in(artefacts), artefacts.accuracy("int8.onnx", "digits")
    that(
        type(baseline["n"]) is int and baseline["n"] == found.images,
        f'`baseline.json`: "n" is {show(baseline["n"])}; there are {found.images} test images.',
    )
    untrue = measured.not_so(measured.number({"file": "baseline.json", **baseline}, "accuracy"), found)
    that(not untrue, f"`baseline.json`, accuracy: {untrue}.")


def was_measured(artefacts):
    """What is told class by class and bin by bin is what the file gives, within what other arithmetic may change."""
    from course_data import load

    baseline, logits, labels = handed_in(artefacts), artefacts.answers("int8.onnx", "digits"), load("digits").test.labels.numpy()
    that(bool(np.isfinite(logits).all()), "`int8.onnx` answers some images with NaN or infinity.")
    classes = logits.shape[1]
    want = baseline_of(b"", logits, labels, BINS)
    # On another processor a logit may move by a step of the last rounding; a sureness, a difference of two of them, by two.
    noise = max(2 * artefacts.model("int8.onnx").step, 1e-3)
    sure, ordered = sureness_of(logits), np.sort(logits, axis=1)
    swapped = np.bincount(labels[ordered[:, -1] - ordered[:, -2] <= noise], minlength=classes)
    of_class = np.bincount(labels, minlength=classes)
    got = numbers("accuracy_by_class", baseline["accuracy_by_class"], classes)
    # A tenth of a point is granted for figures that were rounded.
    off = np.abs(got - want["accuracy_by_class"]) > 100 * swapped / of_class + 0.1
    that(not off.any(), f"`baseline.json`, accuracy by class: {told(got, want['accuracy_by_class'], off, 'class')}.")
    edges = numbers("edges", baseline["edges"], BINS - 1)
    off = np.abs(edges - want["edges"]) > noise
    that(not off.any(), f"`baseline.json`, edges: {told(edges, want['edges'], off, 'edge')}.")
    total = len(labels)
    crossing = (np.abs(sure[:, None] - np.array(want["edges"])) <= noise).sum(axis=0)
    around = np.append(crossing, 0) + np.append(0, crossing)
    for key, near in (("sureness_shares", around), ("class_shares", np.full(classes, swapped.sum()))):
        got = numbers(key, baseline[key], len(want[key]))
        off = np.abs(got - want[key]) > near / total + 1e-3
        that(not off.any(), f"`baseline.json`, {key}: {told(got, want[key], off, 'bin' if key == 'sureness_shares' else 'class')}.")


def told(got, want, off, what):
    at = int(off.argmax())
    return f"{what} {at}: you report {got[at]:.6g}, the file gives {want[at]:.6g}"


@exercise("watch.5-files")
def test_the_baseline_belongs_to_the_file(artefacts):
    belongs(artefacts)
    was_measured(artefacts)
    measured.really_int8(artefacts, "int8.onnx")
