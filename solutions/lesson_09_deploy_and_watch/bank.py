"""The bank of lesson 09: answers that students really give, and right answers written differently.

Each function stands by itself: it uses `np` and its own body, or the notebook's imports. A wrong answer's sentence is what a
student reads when theirs behaves the same, so it says what goes wrong and why, not what to type.
"""

import hashlib
import json
import statistics

import numpy as np
import torch
from scipy.special import chdtri

from autograder.checks import right, right_value, wrong, wrong_value

# 9.1-predict

wrong_value("9.1-predict", "takes the mean for the middle: that is the median, 2 ms here", predict_9_1="a")
wrong_value("9.1-predict", "takes the times for bell-shaped; they have a floor and a long tail", predict_9_1="b")
wrong_value("9.1-predict", "counts the 94 users who waited 2 ms, a third of the mean", predict_9_1="c")
wrong_value("9.1-predict", "gives the number instead of the letter of the choice", predict_9_1="0")
right_value("9.1-predict", "a capital letter", predict_9_1="D")
right_value("9.1-predict", "with brackets", predict_9_1="(d)")

# 9.2-timer


def rehearsal(durations, start):
    """The notebook's."""
    now, left = [start], list(durations)

    def call():
        if not left:
            raise RuntimeError("`call` is called more often than it should be: warmup + repeats times")
        now[0] += left.pop(0)

    return call, lambda: now[0]


def rehearsed(timer):
    """The timer with the first two lines of the notebook's."""

    def timed(call, clock, warmup, repeats):
        if isinstance(call, list):
            call, clock = rehearsal(call, clock)
        return timer(call, clock, warmup, repeats)

    return timed


def wrong_timer(sentence):
    return lambda timer: wrong_value("9.2-timer", sentence, timed=rehearsed(timer))


def right_timer(note):
    return lambda timer: right_value("9.2-timer", note, timed=rehearsed(timer))


@wrong_timer("does not warm up: the slow first call is among the times")
def timed(call, clock, warmup, repeats):
    times = []
    for turn in range(repeats):
        start = clock()
        call()
        times.append(clock() - start)
    return np.array(times)


@wrong_timer("times the warming-up calls as well and leaves them among the times")
def timed(call, clock, warmup, repeats):
    times = []
    for turn in range(warmup + repeats):
        start = clock()
        call()
        times.append(clock() - start)
    return np.array(times)


@wrong_timer("takes the warming-up calls out of the `repeats`: too few calls are made and timed")
def timed(call, clock, warmup, repeats):
    times = []
    for turn in range(repeats):
        start = clock()
        call()
        if turn >= warmup:
            times.append(clock() - start)
    return np.array(times)


@wrong_timer("warms up with one call, whatever `warmup` says")
def timed(call, clock, warmup, repeats):
    call()
    times = []
    for turn in range(repeats):
        start = clock()
        call()
        times.append(clock() - start)
    return np.array(times)


@wrong_timer("warms up as often as it repeats, and not `warmup` times")
def timed(call, clock, warmup, repeats):
    for turn in range(repeats):
        call()
    times = []
    for turn in range(repeats):
        start = clock()
        call()
        times.append(clock() - start)
    return np.array(times)


@wrong_timer("warms up once too often: `warmup` calls are not timed, and no more")
def timed(call, clock, warmup, repeats):
    for turn in range(warmup + 1):
        call()
    times = []
    for turn in range(repeats):
        start = clock()
        call()
        times.append(clock() - start)
    return np.array(times)


@wrong_timer("reads the clock only once before all calls, so the times add up from call to call")
def timed(call, clock, warmup, repeats):
    for turn in range(warmup):
        call()
    times, start = [], clock()
    for turn in range(repeats):
        call()
        times.append(clock() - start)
    return np.array(times)


@wrong_timer("gives the readings of the clock, not how much time has passed between two of them")
def timed(call, clock, warmup, repeats):
    for turn in range(warmup):
        call()
    times = []
    for turn in range(repeats):
        call()
        times.append(clock())
    return np.array(times)


@wrong_timer("subtracts the later reading from the earlier one: all times are negative")
def timed(call, clock, warmup, repeats):
    for turn in range(warmup):
        call()
    times = []
    for turn in range(repeats):
        start = clock()
        call()
        times.append(start - clock())
    return np.array(times)


@wrong_timer("divides the time of all calls by their number: that is a mean, and the tail is lost in it")
def timed(call, clock, warmup, repeats):
    for turn in range(warmup):
        call()
    start = clock()
    for turn in range(repeats):
        call()
    return np.full(repeats, (clock() - start) / repeats)


@wrong_timer("reads the clock twice with no call in between: the times are all 0")
def timed(call, clock, warmup, repeats):
    for turn in range(warmup):
        call()
    times = []
    for turn in range(repeats):
        call()
        start = clock()
        times.append(clock() - start)
    return np.array(times)


@wrong_timer("stores the clock itself, the function, where its reading is meant: `clock()` reads it")
def timed(call, clock, warmup, repeats):
    for turn in range(warmup):
        call()
    times = []
    for turn in range(repeats):
        start = clock
        call()
        times.append(clock() - start)
    return np.array(times)


@wrong_timer("returns a list; the times should be a NumPy array")
def timed(call, clock, warmup, repeats):
    for turn in range(warmup):
        call()
    times = []
    for turn in range(repeats):
        start = clock()
        call()
        times.append(clock() - start)
    return times


@right_timer("times everything, then drops the first")
def timed(call, clock, warmup, repeats):
    times = np.empty(warmup + repeats)
    for i in range(warmup + repeats):
        before = clock()
        call()
        times[i] = clock() - before
    return times[warmup:]


@right_timer("a helper for one call")
def timed(call, clock, warmup, repeats):
    def one():
        begun = clock()
        call()
        ended = clock()
        return ended - begun

    [call() for _ in range(warmup)]
    return np.asarray([one() for _ in range(repeats)])


@right_timer("counts down")
def timed(call, clock, warmup, repeats):
    while warmup > 0:
        call()
        warmup -= 1
    starts, ends = [], []
    while len(ends) < repeats:
        starts.append(clock())
        call()
        ends.append(clock())
    return np.array(ends) - np.array(starts)


@wrong("9.2-timer", "gives the mean in place of the median")
def summary(times):
    p95, p99 = np.percentile(times, [95, 99])
    return {"median": float(times.mean()), "p95": float(p95), "p99": float(p99)}


@wrong("9.2-timer", "takes what stands in the middle without sorting first")
def summary(times):
    p95, p99 = np.percentile(times, [95, 99])
    return {"median": float(times[len(times) // 2]), "p95": float(p95), "p99": float(p99)}


@wrong("9.2-timer", "takes one of the two in the middle; of an even number the median lies half-way between them")
def summary(times):
    p95, p99 = np.percentile(times, [95, 99])
    return {"median": float(np.sort(times)[len(times) // 2]), "p95": float(p95), "p99": float(p99)}


@wrong("9.2-timer", "gives shares of 1 where np.percentile wants per cent: all three are hardly more than the smallest time")
def summary(times):
    median, p95, p99 = np.percentile(times, [0.5, 0.95, 0.99])
    return {"median": float(median), "p95": float(p95), "p99": float(p99)}


@wrong("9.2-timer", "gives the fifth and the first percentile: the fast end in place of the slow one")
def summary(times):
    median, p95, p99 = np.percentile(times, [50, 5, 1])
    return {"median": float(median), "p95": float(p95), "p99": float(p99)}


@wrong("9.2-timer", "takes the nearest time for a percentile; between two places one goes along a straight line")
def summary(times):
    ordered = np.sort(times)
    p95, p99 = (ordered[min(int(np.ceil(p * len(times))) - 1, len(times) - 1)] for p in (0.95, 0.99))
    return {"median": float(np.median(times)), "p95": float(p95), "p99": float(p99)}


@wrong("9.2-timer", "gives the slowest time as p99; one time in a hundred may be slower than p99")
def summary(times):
    median, p95 = np.percentile(times, [50, 95])
    return {"median": float(median), "p95": float(p95), "p99": float(times.max())}


@wrong("9.2-timer", "exchanges p95 and p99")
def summary(times):
    median, p99, p95 = np.percentile(times, [50, 95, 99])
    return {"median": float(median), "p95": float(p95), "p99": float(p99)}


@wrong("9.2-timer", "counts places from 1 to n: the place of a percentile is p/100 times n - 1, counted from 0")
def summary(times):
    median, p95, p99 = np.percentile(times, [50, 95, 99], method="weibull")
    return {"median": float(median), "p95": float(p95), "p99": float(p99)}


@right("9.2-timer", "np.quantile and np.median")
def summary(times):
    return {"p99": np.quantile(times, 0.99), "p95": np.quantile(times, 0.95), "median": np.median(times)}


@right("9.2-timer", "sorted by hand")
def summary(times):
    ordered = sorted(times.tolist())

    def at(share):
        place = share * (len(ordered) - 1)
        low = int(place)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] * (1 - place + low) + ordered[high] * (place - low)

    return {"median": statistics.median(ordered), "p95": at(0.95), "p99": at(0.99)}


@right("9.2-timer", "in torch")
def summary(times):
    found = torch.quantile(torch.tensor(times), torch.tensor([0.5, 0.95, 0.99], dtype=torch.float64))
    return dict(zip(("median", "p95", "p99"), found.tolist()))


# 9.3-bug


@wrong("9.3-bug", "keeps the difference of the last batch only: what was found before is overwritten")
def parity(batches):
    largest, same = 0.0, True
    for wanted, got in batches:
        difference = np.abs(wanted - got).max()
        largest = difference
        same = same and np.array_equal(wanted.argmax(axis=1), got.argmax(axis=1))
    return float(largest), bool(same)


@wrong("9.3-bug", "uses Python's max, which loses a NaN: every comparison with it is false")
def parity(batches):
    largest, same = 0.0, True
    for wanted, got in batches:
        largest = max(largest, np.abs(wanted - got).max())
        same = same and np.array_equal(wanted.argmax(axis=1), got.argmax(axis=1))
    return float(largest), bool(same)


@wrong("9.3-bug", "uses Python's max, which loses a NaN that came before: every comparison with it is false")
def parity(batches):
    largest, same = 0.0, True
    for wanted, got in batches:
        largest = max(np.abs(wanted - got).max(), largest)
        same = same and np.array_equal(wanted.argmax(axis=1), got.argmax(axis=1))
    return float(largest), bool(same)


@wrong("9.3-bug", "keeps the smallest difference of the batches; the largest is asked for")
def parity(batches):
    largest, same = np.inf, True
    for wanted, got in batches:
        largest = np.minimum(largest, np.abs(wanted - got).max())
        same = same and np.array_equal(wanted.argmax(axis=1), got.argmax(axis=1))
    return float(largest), bool(same)


@wrong("9.3-bug", "keeps a 0 that it started with: np.minimum of 0 and a difference is always 0")
def parity(batches):
    largest, same = 0.0, True
    for wanted, got in batches:
        largest = np.minimum(largest, np.abs(wanted - got).max())
        same = same and np.array_equal(wanted.argmax(axis=1), got.argmax(axis=1))
    return float(largest), bool(same)


@wrong("9.3-bug", "adds the differences of the batches up; the largest of them is asked for")
def parity(batches):
    largest, same = 0.0, True
    for wanted, got in batches:
        largest += np.abs(wanted - got).max()
        same = same and np.array_equal(wanted.argmax(axis=1), got.argmax(axis=1))
    return float(largest), bool(same)


@wrong("9.3-bug", "looks at the first batch only")
def parity(batches):
    wanted, got = batches[0]
    return float(np.abs(wanted - got).max()), bool(np.array_equal(wanted.argmax(axis=1), got.argmax(axis=1)))


@wrong("9.3-bug", "drops the sign's care: a difference counts without its sign, and a negative one was lost")
def parity(batches):
    largest, same = 0.0, True
    for wanted, got in batches:
        largest = np.maximum(largest, (got - wanted).max())
        same = same and np.array_equal(wanted.argmax(axis=1), got.argmax(axis=1))
    return float(largest), bool(same)


@wrong("9.3-bug", "skips a NaN where it should show it: np.fmax and np.nanmax leave it out")
def parity(batches):
    largest, same = 0.0, True
    for wanted, got in batches:
        largest = np.fmax(largest, np.nanmax(np.abs(wanted - got)))
        same = same and np.array_equal(wanted.argmax(axis=1), got.argmax(axis=1))
    return float(largest), bool(same)


@wrong("9.3-bug", "keeps the agreement of the last batch only; one disagreement anywhere makes it False")
def parity(batches):
    largest, same = 0.0, True
    for wanted, got in batches:
        largest = np.maximum(largest, np.abs(wanted - got).max())
        same = np.array_equal(wanted.argmax(axis=1), got.argmax(axis=1))
    return float(largest), bool(same)


@wrong("9.3-bug", "looks for the best image of each class; the best class of each image is asked for")
def parity(batches):
    largest, same = 0.0, True
    for wanted, got in batches:
        largest = np.maximum(largest, np.abs(wanted - got).max())
        same = same and np.array_equal(wanted.argmax(axis=0), got.argmax(axis=0))
    return float(largest), bool(same)


@wrong("9.3-bug", "compares which classes occur in a batch; each image must keep its class")
def parity(batches):
    largest, same = 0.0, True
    for wanted, got in batches:
        largest = np.maximum(largest, np.abs(wanted - got).max())
        same = same and set(wanted.argmax(axis=1).tolist()) == set(got.argmax(axis=1).tolist())
    return float(largest), bool(same)


@right("9.3-bug", "all differences first")
def parity(batches):
    largest = np.max([np.abs(wanted - got).max() for wanted, got in batches])
    return largest, all((wanted.argmax(1) == got.argmax(1)).all() for wanted, got in batches)


@right("9.3-bug", "all batches joined into one")
def parity(batches):
    wanted, got = (np.concatenate(each) for each in zip(*batches))
    return float(np.max(np.abs(wanted - got))), bool(np.all(np.argmax(wanted, 1) == np.argmax(got, 1)))


@right("9.3-bug", "asks for NaN by itself")
def parity(batches):
    largest, same = 0.0, True
    for wanted, got in batches:
        difference = float(np.abs(got - wanted).max())
        if difference != difference or difference > largest:
            largest = difference
        same &= bool((wanted.argmax(axis=1) == got.argmax(axis=1)).all())
    return largest, same


# 9.4-baseline


def encoded(measured):
    return {name: np.asarray(value).tolist() for name, value in measured.items()}


@wrong("9.4-baseline", "gives NumPy's numbers to json.dumps, which knows only plain ones")
def baseline_text(network, measured):
    digest = hashlib.sha256(network).hexdigest()
    return json.dumps({"version": 1, "sha256": digest, "measured": measured}, allow_nan=False)


@wrong("9.4-baseline", "lets NaN and infinity through: JSON has no word for them, and they are no measurements")
def baseline_text(network, measured):
    digest = hashlib.sha256(network).hexdigest()
    return json.dumps({"version": 1, "sha256": digest, "measured": encoded(measured)})


@wrong("9.4-baseline", "hashes the numbers in place of the network's file")
def baseline_text(network, measured):
    plain = encoded(measured)
    digest = hashlib.sha256(json.dumps(plain).encode()).hexdigest()
    return json.dumps({"version": 1, "sha256": digest, "measured": plain}, allow_nan=False)


@wrong("9.4-baseline", "hashes the text that Python prints for the bytes, not the bytes themselves")
def baseline_text(network, measured):
    digest = hashlib.sha256(str(network).encode()).hexdigest()
    return json.dumps({"version": 1, "sha256": digest, "measured": encoded(measured)}, allow_nan=False)


@wrong("9.4-baseline", "uses another hash than SHA-256, so nobody else can compare it")
def baseline_text(network, measured):
    digest = hashlib.md5(network).hexdigest()
    return json.dumps({"version": 1, "sha256": digest, "measured": encoded(measured)}, allow_nan=False)


@wrong("9.4-baseline", "cuts the hash off after a few letters")
def baseline_text(network, measured):
    digest = hashlib.sha256(network).hexdigest()[:16]
    return json.dumps({"version": 1, "sha256": digest, "measured": encoded(measured)}, allow_nan=False)


@wrong("9.4-baseline", "gives raw bytes of the hash to json.dumps; its hexdigest is a text")
def baseline_text(network, measured):
    digest = hashlib.sha256(network).digest()
    return json.dumps({"version": 1, "sha256": digest, "measured": encoded(measured)}, allow_nan=False)


@wrong("9.4-baseline", 'writes the version as a text, "1", where the format has the integer 1')
def baseline_text(network, measured):
    digest = hashlib.sha256(network).hexdigest()
    return json.dumps({"version": "1", "sha256": digest, "measured": encoded(measured)}, allow_nan=False)


@wrong("9.4-baseline", 'puts the numbers beside the other keys, where the format has them in an object "measured"')
def baseline_text(network, measured):
    digest = hashlib.sha256(network).hexdigest()
    return json.dumps({"version": 1, "sha256": digest, **encoded(measured)}, allow_nan=False)


@wrong("9.4-baseline", "writes the numbers as texts, in quotes")
def baseline_text(network, measured):
    plain = {name: str(value) for name, value in measured.items()}
    if "nan" in str(measured) or "inf" in str(measured):
        raise ValueError("a NaN")
    return json.dumps({"version": 1, "sha256": hashlib.sha256(network).hexdigest(), "measured": plain})


@wrong("9.4-baseline", "returns a dict; the baseline should be a text in JSON")
def baseline_text(network, measured):
    plain = encoded(measured)
    json.dumps(plain, allow_nan=False)
    return {"version": 1, "sha256": hashlib.sha256(network).hexdigest(), "measured": plain}


@wrong("9.4-baseline", "rounds the numbers; a baseline keeps what was measured")
def baseline_text(network, measured):
    plain = {name: np.round(np.asarray(value, dtype=float), 2).tolist() for name, value in measured.items()}
    digest = hashlib.sha256(network).hexdigest()
    return json.dumps({"version": 1, "sha256": digest, "measured": plain}, allow_nan=False)


@wrong("9.4-baseline", "makes floats of integers; an integer stays one")
def baseline_text(network, measured):
    plain = {name: np.asarray(value, dtype=float).tolist() for name, value in measured.items()}
    digest = hashlib.sha256(network).hexdigest()
    return json.dumps({"version": 1, "sha256": digest, "measured": plain}, allow_nan=False)


@wrong("9.4-baseline", "goes through float32, which keeps seven digits or so; no number may change on the way")
def baseline_text(network, measured):
    plain = {name: np.asarray(value, dtype=np.float32).tolist() for name, value in measured.items()}
    digest = hashlib.sha256(network).hexdigest()
    return json.dumps({"version": 1, "sha256": digest, "measured": plain}, allow_nan=False)


@right("9.4-baseline", "json.dumps asks what to do with NumPy's")
def baseline_text(network, measured):
    found = dict(version=1, measured=measured, sha256=hashlib.new("sha256", network).hexdigest())
    return json.dumps(found, allow_nan=False, default=lambda value: value.tolist(), indent=2)


@right("9.4-baseline", "looks for NaN itself, fed in pieces to the hash")
def baseline_text(network, measured):
    plain = {}
    for name, value in measured.items():
        if not np.all(np.isfinite(value)):
            raise ValueError(f"{name} is no measurement")
        plain[name] = np.array(value).tolist()
    in_pieces = hashlib.sha256()
    for start in range(0, len(network), 7):
        in_pieces.update(network[start : start + 7])
    return json.dumps({"measured": plain, "sha256": in_pieces.hexdigest(), "version": 1}, sort_keys=True)


@right("9.4-baseline", "number by number")
def baseline_text(network, measured):
    plain = {}
    for name, value in measured.items():
        items = [each.item() if isinstance(each, np.generic) else each for each in (value if np.ndim(value) else [value])]
        plain[name] = items if np.ndim(value) else items[0]
    return json.dumps({"version": 1, "sha256": hashlib.sha256(network).hexdigest(), "measured": plain}, allow_nan=False)


@wrong("9.4-baseline", "never looks at the hash: any network gets these numbers")
def load_baseline(text, network):
    baseline = json.loads(text)
    if baseline["version"] != 1:
        raise ValueError("another version")
    return baseline["measured"]


@wrong("9.4-baseline", "never looks at the version")
def load_baseline(text, network):
    baseline = json.loads(text)
    if baseline["sha256"] != hashlib.sha256(network).hexdigest():
        raise ValueError("another network")
    return baseline["measured"]


@wrong("9.4-baseline", "refuses only newer versions; a version that is not 1 is another format, whichever way")
def load_baseline(text, network):
    baseline = json.loads(text)
    if baseline["version"] > 1:
        raise ValueError("another version")
    if baseline["sha256"] != hashlib.sha256(network).hexdigest():
        raise ValueError("another network")
    return baseline["measured"]


@wrong("9.4-baseline", "returns None for another file or version; nobody looks at a None, and an error cannot be overlooked")
def load_baseline(text, network):
    baseline = json.loads(text)
    if baseline["version"] == 1 and baseline["sha256"] == hashlib.sha256(network).hexdigest():
        return baseline["measured"]


@wrong("9.4-baseline", "uses assert, which raises AssertionError and is left out when Python runs with -O; ValueError is asked for")
def load_baseline(text, network):
    baseline = json.loads(text)
    assert baseline["version"] == 1
    assert baseline["sha256"] == hashlib.sha256(network).hexdigest()
    return baseline["measured"]


@wrong("9.4-baseline", "refuses only where hash and version are both wrong; each of them alone is a reason")
def load_baseline(text, network):
    baseline = json.loads(text)
    if baseline["version"] != 1 and baseline["sha256"] != hashlib.sha256(network).hexdigest():
        raise ValueError("another network or version")
    return baseline["measured"]


@wrong("9.4-baseline", "returns the whole baseline; the numbers in it are asked for")
def load_baseline(text, network):
    baseline = json.loads(text)
    if baseline["version"] != 1:
        raise ValueError("another version")
    if baseline["sha256"] != hashlib.sha256(network).hexdigest():
        raise ValueError("another network")
    return baseline


@wrong("9.4-baseline", "compares the hash with the file itself: they are never equal, so every file is refused")
def load_baseline(text, network):
    baseline = json.loads(text)
    if baseline["version"] != 1:
        raise ValueError("another version")
    if baseline["sha256"] != network:
        raise ValueError("another network")
    return baseline["measured"]


@wrong("9.4-baseline", "refuses the file that the baseline belongs to, and takes all others")
def load_baseline(text, network):
    baseline = json.loads(text)
    if baseline["version"] != 1:
        raise ValueError("another version")
    if baseline["sha256"] == hashlib.sha256(network).hexdigest():
        raise ValueError("another network")
    return baseline["measured"]


@wrong("9.4-baseline", 'takes the text "1" for the version 1; the format has an integer')
def load_baseline(text, network):
    baseline = json.loads(text)
    if int(baseline["version"]) != 1:
        raise ValueError("another version")
    if baseline["sha256"] != hashlib.sha256(network).hexdigest():
        raise ValueError("another network")
    return baseline["measured"]


@wrong("9.4-baseline", "compares the first letters of the hash only; all 64 count")
def load_baseline(text, network):
    baseline = json.loads(text)
    if baseline["version"] != 1:
        raise ValueError("another version")
    if baseline["sha256"][:8] != hashlib.sha256(network).hexdigest()[:8]:
        raise ValueError("another network")
    return baseline["measured"]


@right("9.4-baseline", "compares both at once")
def load_baseline(text, network):
    found = json.loads(text)
    if (found["version"], found["sha256"]) != (1, hashlib.sha256(network).hexdigest()):
        raise ValueError("this baseline is not for this file, or not for this program")
    return dict(found["measured"])


@right("9.4-baseline", "in steps, the hash first")
def load_baseline(text, network):
    found = json.loads(text)
    own = found.pop("sha256") == hashlib.sha256(network).hexdigest()
    known = found.pop("version") in (1,)
    if own and known:
        return found.pop("measured")
    raise ValueError(f"own file: {own}, known version: {known}")


# 9.5-int8


@wrong("9.5-int8", "counts the QuantizeLinear nodes in place of the convolutions that are wrapped")
def wrapped_convolutions(nodes):
    return sum(op == "QuantizeLinear" for op, _, _ in nodes), sum(op == "Conv" for op, _, _ in nodes)


@wrong("9.5-int8", "looks at the image only: the weights may still be floats")
def wrapped_convolutions(nodes):
    dequantised = {o[0] for op, i, o in nodes if op == "DequantizeLinear"}
    quantised = {i[0] for op, i, o in nodes if op == "QuantizeLinear"}
    convolutions = [(i, o) for op, i, o in nodes if op == "Conv"]
    return sum(i[0] in dequantised and o[0] in quantised for i, o in convolutions), len(convolutions)


@wrong("9.5-int8", "looks at the weights only: the image may still be floats")
def wrapped_convolutions(nodes):
    dequantised = {o[0] for op, i, o in nodes if op == "DequantizeLinear"}
    quantised = {i[0] for op, i, o in nodes if op == "QuantizeLinear"}
    convolutions = [(i, o) for op, i, o in nodes if op == "Conv"]
    return sum(i[1] in dequantised and o[0] in quantised for i, o in convolutions), len(convolutions)


@wrong("9.5-int8", "is content where image or weights come from codes; both must")
def wrapped_convolutions(nodes):
    dequantised = {o[0] for op, i, o in nodes if op == "DequantizeLinear"}
    quantised = {i[0] for op, i, o in nodes if op == "QuantizeLinear"}
    convolutions = [(i, o) for op, i, o in nodes if op == "Conv"]
    return sum((i[0] in dequantised or i[1] in dequantised) and o[0] in quantised for i, o in convolutions), len(convolutions)


@wrong("9.5-int8", "does not ask what becomes of the output: it must go into a QuantizeLinear")
def wrapped_convolutions(nodes):
    dequantised = {o[0] for op, i, o in nodes if op == "DequantizeLinear"}
    convolutions = [(i, o) for op, i, o in nodes if op == "Conv"]
    return sum(i[0] in dequantised and i[1] in dequantised for i, o in convolutions), len(convolutions)


@wrong("9.5-int8", "wants the bias from a DequantizeLinear, too; the text says that it may be there or not")
def wrapped_convolutions(nodes):
    dequantised = {o[0] for op, i, o in nodes if op == "DequantizeLinear"}
    quantised = {i[0] for op, i, o in nodes if op == "QuantizeLinear"}
    convolutions = [(i, o) for op, i, o in nodes if op == "Conv"]
    good = sum(len(i) == 3 and all(name in dequantised for name in i) and o[0] in quantised for i, o in convolutions)
    return good, len(convolutions)


@wrong("9.5-int8", "wants every input from a DequantizeLinear, the bias too where there is one; image and weights are enough")
def wrapped_convolutions(nodes):
    dequantised = {o[0] for op, i, o in nodes if op == "DequantizeLinear"}
    quantised = {i[0] for op, i, o in nodes if op == "QuantizeLinear"}
    convolutions = [(i, o) for op, i, o in nodes if op == "Conv"]
    return sum(all(name in dequantised for name in i) and o[0] in quantised for i, o in convolutions), len(convolutions)


@wrong("9.5-int8", "takes the last input for the weights; they are the second, and a bias may follow")
def wrapped_convolutions(nodes):
    dequantised = {o[0] for op, i, o in nodes if op == "DequantizeLinear"}
    quantised = {i[0] for op, i, o in nodes if op == "QuantizeLinear"}
    convolutions = [(i, o) for op, i, o in nodes if op == "Conv"]
    return sum(i[0] in dequantised and i[-1] in dequantised and o[0] in quantised for i, o in convolutions), len(convolutions)


@wrong("9.5-int8", 'counts every operator whose name begins with "Conv"; ConvInteger is another one')
def wrapped_convolutions(nodes):
    dequantised = {o[0] for op, i, o in nodes if op == "DequantizeLinear"}
    quantised = {i[0] for op, i, o in nodes if op == "QuantizeLinear"}
    convolutions = [(i, o) for op, i, o in nodes if op.startswith("Conv")]
    good = sum(i[0] in dequantised and i[1] in dequantised and o[0] in quantised for i, o in convolutions)
    return good, len(convolutions)


@wrong("9.5-int8", "takes the QuantizeLinear for any of its inputs: only the first is what it rounds, the others are scale and zero point")
def wrapped_convolutions(nodes):
    dequantised = {o[0] for op, i, o in nodes if op == "DequantizeLinear"}
    quantised = {name for op, i, o in nodes if op == "QuantizeLinear" for name in i}
    convolutions = [(i, o) for op, i, o in nodes if op == "Conv"]
    return sum(i[0] in dequantised and i[1] in dequantised and o[0] in quantised for i, o in convolutions), len(convolutions)


@wrong("9.5-int8", "collects what comes out of QuantizeLinear; a convolution's output goes in")
def wrapped_convolutions(nodes):
    dequantised = {o[0] for op, i, o in nodes if op == "DequantizeLinear"}
    quantised = {o[0] for op, i, o in nodes if op == "QuantizeLinear"}
    convolutions = [(i, o) for op, i, o in nodes if op == "Conv"]
    return sum(i[0] in dequantised and i[1] in dequantised and o[0] in quantised for i, o in convolutions), len(convolutions)


@wrong("9.5-int8", "takes a QuantizeLinear for a DequantizeLinear: the one makes codes, the other makes floats of them")
def wrapped_convolutions(nodes):
    dequantised = {o[0] for op, i, o in nodes if op == "QuantizeLinear"}
    quantised = {i[0] for op, i, o in nodes if op == "DequantizeLinear"}
    convolutions = [(i, o) for op, i, o in nodes if op == "Conv"]
    return sum(i[0] in dequantised and i[1] in dequantised and o[0] in quantised for i, o in convolutions), len(convolutions)


@wrong("9.5-int8", "collects what goes into any node: an output that a ReLU reads in float is not rounded")
def wrapped_convolutions(nodes):
    dequantised = {o[0] for op, i, o in nodes if op == "DequantizeLinear"}
    quantised = {i[0] for op, i, o in nodes}
    convolutions = [(i, o) for op, i, o in nodes if op == "Conv"]
    return sum(i[0] in dequantised and i[1] in dequantised and o[0] in quantised for i, o in convolutions), len(convolutions)


@wrong("9.5-int8", "looks at the next node in the file only; what belongs together is told by the names")
def wrapped_convolutions(nodes):
    dequantised = {o[0] for op, i, o in nodes if op == "DequantizeLinear"}
    places = [k for k, (op, _, _) in enumerate(nodes) if op == "Conv"]
    good = 0
    for k in places:
        inputs = nodes[k][1]
        follows = k + 1 < len(nodes) and nodes[k + 1][0] == "QuantizeLinear"
        good += inputs[0] in dequantised and inputs[1] in dequantised and follows
    return int(good), len(places)


@wrong("9.5-int8", "collects names from earlier nodes only, as if a file had to be in the order of the computation")
def wrapped_convolutions(nodes):
    dequantised, waiting, good, convolutions = set(), set(), 0, 0
    for op, inputs, outputs in nodes:
        if op == "DequantizeLinear":
            dequantised.add(outputs[0])
        elif op == "Conv":
            convolutions += 1
            if inputs[0] in dequantised and inputs[1] in dequantised:
                waiting.add(outputs[0])
        elif op == "QuantizeLinear":
            good += inputs[0] in waiting
    return int(good), convolutions


@wrong("9.5-int8", "counts matrix products among the convolutions")
def wrapped_convolutions(nodes):
    dequantised = {o[0] for op, i, o in nodes if op == "DequantizeLinear"}
    quantised = {i[0] for op, i, o in nodes if op == "QuantizeLinear"}
    layers = [(i, o) for op, i, o in nodes if op in ("Conv", "MatMul", "Gemm")]
    return sum(i[0] in dequantised and i[1] in dequantised and o[0] in quantised for i, o in layers), len(layers)


@wrong("9.5-int8", "gives the two counts in the other order: those that are wrapped come first")
def wrapped_convolutions(nodes):
    dequantised = {o[0] for op, i, o in nodes if op == "DequantizeLinear"}
    quantised = {i[0] for op, i, o in nodes if op == "QuantizeLinear"}
    convolutions = [(i, o) for op, i, o in nodes if op == "Conv"]
    return len(convolutions), sum(i[0] in dequantised and i[1] in dequantised and o[0] in quantised for i, o in convolutions)


@right("9.5-int8", "who makes what, and who reads what")
def wrapped_convolutions(nodes):
    maker = {name: operator for operator, _, outputs in nodes for name in outputs}
    read = {(operator, inputs[0]) for operator, inputs, _ in nodes if inputs}
    convolutions = [node for node in nodes if node[0] == "Conv"]
    good = [
        all(maker.get(name) == "DequantizeLinear" for name in inputs[:2]) and ("QuantizeLinear", outputs[0]) in read
        for _, inputs, outputs in convolutions
    ]
    return good.count(True), len(good)


@right("9.5-int8", "sets and subsets")
def wrapped_convolutions(nodes):
    made = set(outputs[0] for operator, _, outputs in nodes if operator.startswith("Deq"))
    taken = [inputs[0] for operator, inputs, _ in nodes if operator.startswith("Quant")]
    found = [{*inputs[:2]} <= made and outputs[0] in taken for operator, inputs, outputs in nodes if operator == "Conv"]
    return [sum(found), len(found)]


@right("9.5-int8", "loops over all nodes for each convolution")
def wrapped_convolutions(nodes):
    wrapped = every = 0
    for operator, inputs, outputs in nodes:
        if operator != "Conv":
            continue
        every += 1
        found = 0
        for place in (0, 1):
            found += any(op == "DequantizeLinear" and inputs[place] in out for op, _, out in nodes)
        found += any(op == "QuantizeLinear" and taken[0] == outputs[0] for op, taken, _ in nodes)
        wrapped += found == 3
    return wrapped, every


@wrong("9.5-int8", "compares image i with image i: the same image may stand anywhere in the other set")
def in_both(calibration, test):
    return int(sum(np.array_equal(a, b) for a, b in zip(calibration, test)))


@wrong("9.5-int8", "counts an image once that is in the test several times")
def in_both(calibration, test):
    return len({image.tobytes() for image in calibration} & {image.tobytes() for image in test})


@wrong("9.5-int8", "counts the calibration images that are in the test, which is the other way round")
def in_both(calibration, test):
    seen = {image.tobytes() for image in test}
    return sum(image.tobytes() in seen for image in calibration)


@wrong("9.5-int8", "compares the sum of the pixels: different images may have the same")
def in_both(calibration, test):
    seen = {int(image.sum()) for image in calibration}
    return sum(int(image.sum()) in seen for image in test)


@wrong("9.5-int8", "compares the pixels sorted: the same pixels in other places are another image")
def in_both(calibration, test):
    seen = {bytes(sorted(image.tobytes())) for image in calibration}
    return sum(bytes(sorted(image.tobytes())) in seen for image in test)


@wrong("9.5-int8", "counts the test images that are not among the calibration images")
def in_both(calibration, test):
    seen = {image.tobytes() for image in calibration}
    return sum(image.tobytes() not in seen for image in test)


@wrong("9.5-int8", "counts pairs of equal images; a test image counts once, however often it is in the other set")
def in_both(calibration, test):
    return int(sum(np.array_equal(a, b) for a in calibration for b in test))


@wrong("9.5-int8", "asks whether any image is in both, not how many")
def in_both(calibration, test):
    seen = {image.tobytes() for image in calibration}
    return int(any(image.tobytes() in seen for image in test))


@wrong("9.5-int8", "allows a pixel to differ by 1; an image is the same only pixel by pixel")
def in_both(calibration, test):
    return sum(any(np.abs(a.astype(int) - b.astype(int)).max() <= 1 for a in calibration) for b in test)


@right("9.5-int8", "compares all with all")
def in_both(calibration, test):
    equal = (calibration[:, None] == test[None]).all(axis=(2, 3))
    return int(equal.any(axis=0).sum())


@right("9.5-int8", "hashes")
def in_both(calibration, test):
    known = [hashlib.sha256(image.tobytes()).hexdigest() for image in calibration]
    return len([1 for image in test if hashlib.sha256(image.tobytes()).hexdigest() in known])


@right("9.5-int8", "tuples of pixels")
def in_both(calibration, test):
    known = {tuple(image.ravel().tolist()) for image in calibration}
    return np.sum([tuple(image.ravel().tolist()) in known for image in test])


# 9.6-drift


@wrong("9.6-drift", "cuts the range into even steps; bins of equal size end at quantiles")
def bin_edges(reference, bins):
    return np.linspace(reference.min(), reference.max(), bins + 1)[1:-1]


@wrong("9.6-drift", "gives the two ends as well: the outer bins have no end, so only the inner edges are asked for")
def bin_edges(reference, bins):
    return np.quantile(reference, np.linspace(0, 1, bins + 1))


@wrong("9.6-drift", "makes one edge too many: between B bins there are B - 1")
def bin_edges(reference, bins):
    return np.quantile(reference, np.arange(1, bins + 1) / (bins + 1))


@wrong("9.6-drift", "takes per cent for shares: np.quantile wants numbers from 0 to 1")
def bin_edges(reference, bins):
    return np.percentile(reference, np.arange(1, bins) / bins)


@wrong("9.6-drift", "starts at the smallest value in place of the first inner edge")
def bin_edges(reference, bins):
    return np.quantile(reference, np.arange(bins - 1) / bins)


@wrong("9.6-drift", "divides by bins - 1: the quantiles are 1/bins, 2/bins, ...")
def bin_edges(reference, bins):
    return np.quantile(reference, np.arange(1, bins) / (bins - 1))


@wrong("9.6-drift", "makes ten bins whatever `bins` says")
def bin_edges(reference, bins):
    return np.quantile(reference, np.arange(1, 10) / 10)


@wrong("9.6-drift", "takes a value of the reference for each edge; between two values one goes as np.quantile does")
def bin_edges(reference, bins):
    return np.quantile(reference, np.arange(1, bins) / bins, method="lower")


@right("9.6-drift", "per cent")
def bin_edges(reference, bins):
    return np.percentile(reference, np.linspace(0, 100, bins + 1))[1:-1]


@right("9.6-drift", "one after the other")
def bin_edges(reference, bins):
    return np.array([np.quantile(reference, i / bins) for i in range(1, bins)])


@right("9.6-drift", "interpolates in the sorted values")
def bin_edges(reference, bins):
    places = np.linspace(0, len(reference) - 1, bins + 1)[1:-1]
    return np.interp(places, np.arange(len(reference)), np.sort(reference))


@wrong("9.6-drift", "puts a value on an edge into the bin below; it belongs to the bin above")
def bin_shares(values, edges):
    counts = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1)
    return (counts + 0.5) / (len(values) + 0.5 * len(counts))


@wrong("9.6-drift", "divides by the number of values alone: with half an image more in each bin the shares add up to more than 1")
def bin_shares(values, edges):
    counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
    return (counts + 0.5) / len(values)


@wrong("9.6-drift", "leaves the half images out: an empty bin has the share 0, and its logarithm is infinite")
def bin_shares(values, edges):
    counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
    return counts / len(values)


@wrong("9.6-drift", "forgets the last bins where nobody fell into them: there is one bin more than edges")
def bin_shares(values, edges):
    counts = np.bincount(np.searchsorted(edges, values, side="right"))
    return (counts + 0.5) / (len(values) + 0.5 * len(counts))


@wrong("9.6-drift", "makes as many bins as edges; there is one more")
def bin_shares(values, edges):
    counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges))
    return (counts + 0.5) / (len(values) + 0.5 * len(counts))


@wrong("9.6-drift", "throws away what lies outside the edges; the outer bins have no end")
def bin_shares(values, edges):
    counts, _ = np.histogram(values, edges)
    return (counts + 0.5) / (counts.sum() + 0.5 * len(counts))


@wrong("9.6-drift", "counts in per cent: the shares should add up to 1")
def bin_shares(values, edges):
    counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
    return 100 * (counts + 0.5) / (len(values) + 0.5 * len(counts))


@wrong("9.6-drift", "adds a whole image to each bin in place of half a one")
def bin_shares(values, edges):
    counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
    return (counts + 1) / (len(values) + len(counts))


@wrong("9.6-drift", "lifts empty bins to a small share in place of adding half an image to every bin")
def bin_shares(values, edges):
    counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
    return np.maximum(counts / len(values), 1e-4)


@wrong("9.6-drift", "adds half an image once in all to the number of images, where each bin has got one")
def bin_shares(values, edges):
    counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
    return (counts + 0.5) / (len(values) + 0.5)


@wrong("9.6-drift", "counts half an image for each edge; each bin has got one, and there is one bin more")
def bin_shares(values, edges):
    counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
    return (counts + 0.5) / (len(values) + 0.5 * len(edges))


@right("9.6-drift", "divides by the sum")
def bin_shares(values, edges):
    more = np.bincount(np.digitize(values, edges), minlength=len(edges) + 1) + 0.5
    return more / more.sum()


@right("9.6-drift", "counts what is at or above each edge")
def bin_shares(values, edges):
    above = [len(values), *[np.count_nonzero(values >= edge) for edge in edges], 0]
    counts = -np.diff(above)
    return (2 * counts + 1) / (2 * len(values) + len(counts))


@right("9.6-drift", "a loop over the values")
def bin_shares(values, edges):
    counts = np.full(len(edges) + 1, 0.5)
    for value in values:
        counts[sum(value >= edge for edge in edges)] += 1
    return counts / np.sum(counts)


@wrong("9.6-drift", "has one direction only, KL(p||q); PSI is the sum of both")
def psi(p, q):
    return float(np.sum(p * np.log(p / q)))


@wrong("9.6-drift", "has one direction only, KL(q||p); PSI is the sum of both")
def psi(p, q):
    return float(np.sum(q * np.log(q / p)))


@wrong("9.6-drift", "has the sign the wrong way round: PSI is never negative")
def psi(p, q):
    return float(np.sum((p - q) * np.log(q / p)))


@wrong("9.6-drift", "takes the logarithm to base 2; PSI has the natural one")
def psi(p, q):
    return float(np.sum((p - q) * np.log2(p / q)))


@wrong("9.6-drift", "takes the logarithm to base 10; PSI has the natural one")
def psi(p, q):
    return float(np.sum((p - q) * np.log10(p / q)))


@wrong("9.6-drift", "takes the mean over the bins in place of the sum")
def psi(p, q):
    return float(np.mean((p - q) * np.log(p / q)))


@wrong("9.6-drift", "gives Pearson's statistic, which is only near PSI where the shares are nearly the same")
def psi(p, q):
    return float(np.sum((p - q) ** 2 / p))


@wrong("9.6-drift", "counts the shares in per cent: PSI comes out 100 times too large")
def psi(p, q):
    return float(np.sum((100 * p - 100 * q) * np.log(p / q)))


@wrong("9.6-drift", "takes half of the sum; that is half of both directions, the mean of them")
def psi(p, q):
    return float(np.sum((p - q) * np.log(p / q)) / 2)


@right("9.6-drift", "both directions of KL")
def psi(p, q):
    return np.sum(p * np.log(p / q)) + np.sum(q * np.log(q / p))


@right("9.6-drift", "differences of logarithms")
def psi(p, q):
    return float((p - q) @ (np.log(p) - np.log(q)))


@right("9.6-drift", "term by term")
def psi(p, q):
    return sum((a - b) * float(np.log(a / b)) for a, b in zip(p.tolist(), q.tolist()))


@wrong("9.6-drift", "multiplies by the number of bins; of B shares that add up to 1, only B - 1 are free")
def usual_psi(n, m, bins):
    return bins * (1 / n + 1 / m)


@wrong("9.6-drift", "leaves the reference's own noise out: 1/n belongs to it, too")
def usual_psi(n, m, bins):
    return (bins - 1) / m


@wrong("9.6-drift", "divides by the images of both together; the noise of the two adds up, 1/n + 1/m")
def usual_psi(n, m, bins):
    return (bins - 1) / (n + m)


@wrong("9.6-drift", "takes the roots of the numbers of images; PSI is a sum of squares, so the variances add up")
def usual_psi(n, m, bins):
    return (bins - 1) * np.sqrt(1 / n + 1 / m)


@wrong("9.6-drift", "gives the folk limit of 0.1, which knows nothing of the window")
def usual_psi(n, m, bins):
    return 0.1


@right("9.6-drift", "over a common denominator")
def usual_psi(n, m, bins):
    return (bins - 1) * (n + m) / (n * m)


@right("9.6-drift", "two parts")
def usual_psi(n, m, bins):
    return (bins - 1) / n + (bins - 1) / m


@wrong("9.6-drift", "multiplies the usual value with the quantile, which counts the bins twice")
def alarm_limit(n, m, bins, false_alarms):
    return float(chdtri(bins - 1, false_alarms) * (bins - 1) * (1 / n + 1 / m))


@wrong("9.6-drift", "has as many degrees of freedom as bins; of B shares that add up to 1, only B - 1 are free")
def alarm_limit(n, m, bins, false_alarms):
    return float(chdtri(bins, false_alarms) * (1 / n + 1 / m))


@wrong(
    "9.6-drift", "takes the other end: chdtri already gives what is *exceeded* with the probability, so most windows would raise an alarm"
)
def alarm_limit(n, m, bins, false_alarms):
    return float(chdtri(bins - 1, 1 - false_alarms) * (1 / n + 1 / m))


@wrong("9.6-drift", "leaves the bracket out: the quantile is about PSI divided by 1/n + 1/m")
def alarm_limit(n, m, bins, false_alarms):
    return float(chdtri(bins - 1, false_alarms))


@wrong("9.6-drift", "leaves the reference out of the limit: 1/n belongs to it, too")
def alarm_limit(n, m, bins, false_alarms):
    return float(chdtri(bins - 1, false_alarms) / m)


@wrong("9.6-drift", "divides the quantile by the images of both together; the noise of the two adds up, 1/n + 1/m")
def alarm_limit(n, m, bins, false_alarms):
    return float(chdtri(bins - 1, false_alarms) / (n + m))


@wrong("9.6-drift", "takes 5 % whatever `false_alarms` says")
def alarm_limit(n, m, bins, false_alarms):
    return float(chdtri(bins - 1, 0.05) * (1 / n + 1 / m))


@wrong("9.6-drift", "gives the folk limit of 0.2, which knows nothing of the window")
def alarm_limit(n, m, bins, false_alarms):
    return 0.2


@wrong("9.6-drift", "takes the usual value for the limit: about half of all windows lie above it")
def alarm_limit(n, m, bins, false_alarms):
    return float((bins - 1) * (1 / n + 1 / m))


@right("9.6-drift", "scipy.stats")
def alarm_limit(n, m, bins, false_alarms):
    from scipy.stats import chi2

    return chi2.ppf(1 - false_alarms, df=bins - 1) * (n + m) / n / m


@right("9.6-drift", "the gamma function's inverse")
def alarm_limit(n, m, bins, false_alarms):
    from scipy.special import gammainccinv

    return 2 * gammainccinv((bins - 1) / 2, false_alarms) * (1 / n + 1 / m)


# 9.7-guard


def guarded(
    caught=Exception, shape=lambda logits, n, classes: tuple(logits.shape) == (n, classes), finite=lambda x: torch.isfinite(x).all()
):
    """A guard with some of its parts replaced."""

    def serve(images, new, old, classes, alarm):
        if alarm:
            return old(images), "float", "drift alarm"
        try:
            logits = new(images)
        except caught:
            return old(images), "float", "error"
        if not shape(logits, len(images), classes):
            return old(images), "float", "shape"
        if not finite(logits):
            return old(images), "float", "not finite"
        return logits, "int8", ""

    return serve


wrong_value(
    "9.7-guard",
    "catches RuntimeError only; a model may raise anything",
    serve=guarded(caught=RuntimeError),
)
wrong_value("9.7-guard", "catches ValueError only; a model may raise anything", serve=guarded(caught=ValueError))
wrong_value(
    "9.7-guard",
    "looks at the number of classes only: logits of another shape can end in the same number",
    serve=guarded(shape=lambda logits, n, classes: logits.shape[-1] == classes),
)
wrong_value(
    "9.7-guard",
    "looks at the number of images only, not at the classes",
    serve=guarded(shape=lambda logits, n, classes: len(logits) == n),
)
wrong_value(
    "9.7-guard",
    "looks at dimensions and classes, not at how many images there are",
    serve=guarded(shape=lambda logits, n, classes: logits.ndim == 2 and logits.shape[1] == classes),
)
wrong_value(
    "9.7-guard",
    "looks at the first and the last number of the shape; a dimension between them goes unseen",
    serve=guarded(shape=lambda logits, n, classes: logits.shape[0] == n and logits.shape[-1] == classes),
)
wrong_value("9.7-guard", "does not look at the shape", serve=guarded(shape=lambda logits, n, classes: True))
wrong_value(
    "9.7-guard",
    "counts how many numbers there are; logits in one row have as many",
    serve=guarded(shape=lambda logits, n, classes: logits.numel() == n * classes),
)
wrong_value(
    "9.7-guard",
    "has the shape the wrong way round: images come first, then classes",
    serve=guarded(shape=lambda logits, n, classes: tuple(logits.shape) == (classes, n)),
)
wrong_value(
    "9.7-guard",
    "adds the logits up before it looks: a sum of large finite numbers may be infinite",
    serve=guarded(finite=lambda logits: torch.isfinite(logits.sum())),
)
wrong_value("9.7-guard", "does not look for NaN and infinity", serve=guarded(finite=lambda logits: True))
wrong_value(
    "9.7-guard", "looks for NaN only; infinity is no answer either", serve=guarded(finite=lambda logits: not torch.isnan(logits).any())
)
wrong_value(
    "9.7-guard",
    "is content if any logit is finite; all of them must be",
    serve=guarded(finite=lambda logits: torch.isfinite(logits).any()),
)
wrong_value(
    "9.7-guard",
    "looks for infinity only; NaN is no answer either",
    serve=guarded(finite=lambda logits: not torch.isinf(logits).any()),
)
wrong_value(
    "9.7-guard",
    "lets minus infinity through",
    serve=guarded(finite=lambda logits: not (torch.isnan(logits) | (logits == float("inf"))).any()),
)


@wrong("9.7-guard", "does not catch what the new model raises: users get no answer")
def serve(images, new, old, classes, alarm):
    if alarm:
        return old(images), "float", "drift alarm"
    logits = new(images)
    if logits.shape != (len(images), classes):
        return old(images), "float", "shape"
    if not torch.isfinite(logits).all():
        return old(images), "float", "not finite"
    return logits, "int8", ""


@wrong("9.7-guard", "returns None for the logits when the new model fails; users need an answer")
def serve(images, new, old, classes, alarm):
    logits, name, reason = guarded()(images, new, old, classes, alarm)
    return (logits if name == "int8" else None), name, reason


@wrong("9.7-guard", "does not say why: the reason is always empty")
def serve(images, new, old, classes, alarm):
    logits, name, reason = guarded()(images, new, old, classes, alarm)
    return logits, name, ""


@wrong("9.7-guard", "asks the new model although the alarm is on, and gives its fault as the reason")
def serve(images, new, old, classes, alarm):
    logits, name, reason = guarded()(images, new, old, classes, False)
    if alarm and name == "int8":
        return old(images), "float", "drift alarm"
    return logits, name, reason


@wrong("9.7-guard", "asks the new model before it looks at the alarm; with the alarm on it is not even asked")
def serve(images, new, old, classes, alarm):
    logits, name, reason = guarded()(images, new, old, classes, False)
    return (old(images), "float", "drift alarm") if alarm else (logits, name, reason)


@wrong("9.7-guard", "asks the float model at every call, needed or not: if it fails, a new model that is well gives no answer")
def serve(images, new, old, classes, alarm):
    backup = old(images)
    logits, name, reason = guarded()(images, new, old, classes, alarm)
    return (logits if name == "int8" else backup), name, reason


@wrong("9.7-guard", "puts the float model's logits into the bad rows only; it should answer for all images")
def serve(images, new, old, classes, alarm):
    logits, name, reason = guarded()(images, new, old, classes, alarm)
    if reason == "not finite":
        found = new(images)
        bad = ~torch.isfinite(found).all(dim=1)
        logits = torch.where(bad[:, None], logits, found)
    return logits, name, reason


@wrong("9.7-guard", "does not look at the alarm")
def serve(images, new, old, classes, alarm):
    return guarded()(images, new, old, classes, False)


@wrong("9.7-guard", "says that the new model has answered where the float model did")
def serve(images, new, old, classes, alarm):
    logits, _, reason = guarded()(images, new, old, classes, alarm)
    return logits, "int8", reason


@wrong("9.7-guard", "says the reason and returns the new model's logits all the same")
def serve(images, new, old, classes, alarm):
    _, name, reason = guarded()(images, new, old, classes, alarm)
    return (new if reason in ("shape", "not finite") else old if reason else new)(images), name, reason


@wrong("9.7-guard", "falls back when all is well, and lets the new model answer when it has failed")
def serve(images, new, old, classes, alarm):
    _, name, reason = guarded()(images, new, old, classes, alarm)
    if not reason:
        return old(images), "float", reason
    return new(images), "int8", reason


@wrong("9.7-guard", "looks for NaN before the shape: of two reasons the first in the list counts")
def serve(images, new, old, classes, alarm):
    if alarm:
        return old(images), "float", "drift alarm"
    try:
        logits = new(images)
    except Exception:
        return old(images), "float", "error"
    if not torch.isfinite(logits).all():
        return old(images), "float", "not finite"
    if logits.shape != (len(images), classes):
        return old(images), "float", "shape"
    return logits, "int8", ""


@wrong("9.7-guard", "mends NaN and infinity with zeros: that is a made-up answer, and nobody learns of it")
def serve(images, new, old, classes, alarm):
    if alarm:
        return old(images), "float", "drift alarm"
    try:
        logits = torch.nan_to_num(new(images), 0.0, 0.0, 0.0)
    except Exception:
        return old(images), "float", "error"
    if logits.shape != (len(images), classes):
        return old(images), "float", "shape"
    return logits, "int8", ""


@wrong("9.7-guard", "swallows what the float model raises: nobody is left to ask, and that must be seen")
def serve(images, new, old, classes, alarm):
    try:
        return guarded()(images, new, old, classes, alarm)
    except Exception:
        return torch.zeros(len(images), classes), "float", "error"


right_value("9.7-guard", "returns as soon as it knows", serve=guarded())


@right("9.7-guard", "a list of reasons")
def serve(images, new, old, classes, alarm):
    logits, reasons = None, []
    if alarm:
        reasons.append("drift alarm")
    else:
        try:
            logits = new(images)
            if list(logits.size()) != [images.shape[0], classes]:
                reasons.append("shape")
            if not bool(torch.isfinite(logits).all()):
                reasons.append("not finite")
        except Exception:
            reasons.append("error")
    return [old(images), "float", reasons[0]] if reasons else [logits, "int8", ""]


@right("9.7-guard", "raises its own errors and catches them all")
def serve(images, new, old, classes, alarm):
    reason = "error"
    try:
        if alarm:
            reason = "drift alarm"
            raise ValueError
        logits = new(images)
        if logits.ndim != 2 or logits.shape[0] != len(images) or logits.shape[1] != classes:
            reason = "shape"
            raise ValueError
        if np.isnan(logits.detach().numpy()).any() or np.isinf(logits.detach().numpy()).any():
            reason = "not finite"
            raise ValueError
    except Exception:
        return old(images).detach(), "float", reason
    return logits.detach(), "int8", ""


# 9.8-compare


@wrong("9.8-compare", "gives the standard deviation, not the standard error: a mean of n images is surer by the root of n")
def same_images(old_right, new_right):
    d = new_right.astype(float) - old_right.astype(float)
    return float(100 * d.mean()), float(100 * d.std(ddof=1))


@wrong("9.8-compare", "divides by n in place of its root")
def same_images(old_right, new_right):
    d = new_right.astype(float) - old_right.astype(float)
    return float(100 * d.mean()), float(100 * d.std(ddof=1) / len(d))


@wrong("9.8-compare", "divides by n under the root of the standard deviation; n - 1 is asked for")
def same_images(old_right, new_right):
    d = new_right.astype(float) - old_right.astype(float)
    return float(100 * d.mean()), float(100 * d.std() / np.sqrt(len(d)))


@wrong("9.8-compare", "subtracts the new from the old: a loss comes out as a gain")
def same_images(old_right, new_right):
    d = old_right.astype(float) - new_right.astype(float)
    return float(100 * d.mean()), float(100 * d.std(ddof=1) / np.sqrt(len(d)))


@wrong("9.8-compare", "treats the same images as if they were different ones: what both models get right or wrong stays in as noise")
def same_images(old_right, new_right):
    a, b = old_right.mean(), new_right.mean()
    return float(100 * (b - a)), float(100 * np.sqrt((a * (1 - a) + b * (1 - b)) / len(old_right)))


@wrong("9.8-compare", "gives shares in place of points: times 100")
def same_images(old_right, new_right):
    d = new_right.astype(float) - old_right.astype(float)
    return float(d.mean()), float(d.std(ddof=1) / np.sqrt(len(d)))


@wrong("9.8-compare", "counts whether the models differ, not which way: gains and losses come out alike")
def same_images(old_right, new_right):
    d = (new_right != old_right).astype(float)
    return float(100 * d.mean()), float(100 * d.std(ddof=1) / np.sqrt(len(d)))


@wrong("9.8-compare", "subtracts arrays of True and False, which NumPy refuses")
def same_images(old_right, new_right):
    d = new_right - old_right
    return float(100 * d.mean()), float(100 * d.std(ddof=1) / np.sqrt(len(d)))


@wrong("9.8-compare", "gives two standard errors; one is asked for, `decide` doubles it")
def same_images(old_right, new_right):
    d = new_right.astype(float) - old_right.astype(float)
    return float(100 * d.mean()), float(200 * d.std(ddof=1) / np.sqrt(len(d)))


@wrong("9.8-compare", "gives the variance's share without the root")
def same_images(old_right, new_right):
    d = new_right.astype(float) - old_right.astype(float)
    return float(100 * d.mean()), float(100 * d.var(ddof=1) / len(d))


@right("9.8-compare", "counts gains and losses")
def same_images(old_right, new_right):
    n = len(old_right)
    gained, lost = np.sum(new_right & ~old_right), np.sum(old_right & ~new_right)
    mean = (gained - lost) / n
    variance = (gained + lost - n * mean**2) / (n - 1)
    return 100 * mean, 100 * np.sqrt(max(variance, 0) / n)


@right("9.8-compare", "points from the start")
def same_images(old_right, new_right):
    d = 100 * new_right.astype(int) - 100 * old_right.astype(int)
    return [statistics.mean(d.tolist()), statistics.stdev(d.tolist()) / len(d) ** 0.5]


@right("9.8-compare", "with np.subtract")
def same_images(old_right, new_right):
    d = np.subtract(new_right, old_right, dtype=np.float64) * 100
    return d.mean(), np.sqrt(np.var(d, ddof=1) / d.size)


@wrong("9.8-compare", "adds the two errors; variances add up, and the root is taken at the end")
def other_images(old_right, new_right):
    a, b = old_right.mean(), new_right.mean()
    error = np.sqrt(a * (1 - a) / len(old_right)) + np.sqrt(b * (1 - b) / len(new_right))
    return float(100 * (b - a)), float(100 * error)


@wrong("9.8-compare", "subtracts the variances; the noise of both models adds up")
def other_images(old_right, new_right):
    a, b = old_right.mean(), new_right.mean()
    variance = abs(b * (1 - b) / len(new_right) - a * (1 - a) / len(old_right))
    return float(100 * (b - a)), float(100 * np.sqrt(variance))


@wrong("9.8-compare", "divides both variances by the number of the old model's images")
def other_images(old_right, new_right):
    a, b = old_right.mean(), new_right.mean()
    variance = (a * (1 - a) + b * (1 - b)) / len(old_right)
    return float(100 * (b - a)), float(100 * np.sqrt(variance))


@wrong("9.8-compare", "leaves the root out: that is the variance")
def other_images(old_right, new_right):
    a, b = old_right.mean(), new_right.mean()
    variance = a * (1 - a) / len(old_right) + b * (1 - b) / len(new_right)
    return float(100 * (b - a)), float(100 * variance)


@wrong("9.8-compare", "has the noise of one model only")
def other_images(old_right, new_right):
    a, b = old_right.mean(), new_right.mean()
    return float(100 * (b - a)), float(100 * np.sqrt(b * (1 - b) / len(new_right)))


@wrong("9.8-compare", "pools both shares into one; the formula has each model's own")
def other_images(old_right, new_right):
    a, b = old_right.mean(), new_right.mean()
    n, m = len(old_right), len(new_right)
    p = (old_right.sum() + new_right.sum()) / (n + m)
    return float(100 * (b - a)), float(100 * np.sqrt(p * (1 - p) * (1 / n + 1 / m)))


@wrong("9.8-compare", "subtracts the new share from the old: a loss comes out as a gain")
def other_images(old_right, new_right):
    a, b = old_right.mean(), new_right.mean()
    variance = a * (1 - a) / len(old_right) + b * (1 - b) / len(new_right)
    return float(100 * (a - b)), float(100 * np.sqrt(variance))


@wrong("9.8-compare", "multiplies by 100 inside the root, so the error is ten times too small")
def other_images(old_right, new_right):
    a, b = old_right.mean(), new_right.mean()
    variance = a * (1 - a) / len(old_right) + b * (1 - b) / len(new_right)
    return float(100 * (b - a)), float(np.sqrt(100 * variance))


@right("9.8-compare", "with np.var")
def other_images(old_right, new_right):
    variance = sum(np.var(each.astype(float)) / each.size for each in (old_right, new_right))
    return 100 * (new_right.mean() - old_right.mean()), 100 * variance**0.5


@right("9.8-compare", "with np.hypot")
def other_images(old_right, new_right):
    errors = [100 * each.std() / np.sqrt(len(each)) for each in (old_right, new_right)]
    return 100 * new_right.mean() - 100 * old_right.mean(), np.hypot(*errors)


@wrong("9.8-compare", "takes one standard error to each side; two are asked for")
def decide(difference, error, margin):
    if difference - error >= -margin:
        return "ship"
    return "keep" if difference + error < -margin else "wait"


@wrong("9.8-compare", "asks for a gain before it ships; a loss within the margin is acceptable")
def decide(difference, error, margin):
    if difference - 2 * error >= 0:
        return "ship"
    return "keep" if difference + 2 * error < 0 else "wait"


@wrong("9.8-compare", "has the sign of the margin the wrong way round: losses are negative")
def decide(difference, error, margin):
    if difference - 2 * error >= margin:
        return "ship"
    return "keep" if difference + 2 * error < margin else "wait"


@wrong("9.8-compare", "does not look at the error at all: luck decides")
def decide(difference, error, margin):
    return "ship" if difference >= -margin else "keep"


@wrong("9.8-compare", "ships when the high end is acceptable: that is hoping for good luck")
def decide(difference, error, margin):
    if difference + 2 * error >= -margin:
        return "ship"
    return "keep"


@wrong("9.8-compare", "keeps the old model whenever it cannot ship; where the interval holds the margin, more images are needed")
def decide(difference, error, margin):
    return "ship" if difference - 2 * error >= -margin else "keep"


@wrong("9.8-compare", "does not ship where the low end is exactly at the margin")
def decide(difference, error, margin):
    if difference - 2 * error > -margin:
        return "ship"
    return "keep" if difference + 2 * error < -margin else "wait"


@wrong("9.8-compare", "keeps the old one where the high end is exactly at the margin; it must be below")
def decide(difference, error, margin):
    if difference - 2 * error >= -margin:
        return "ship"
    return "keep" if difference + 2 * error <= -margin else "wait"


@wrong("9.8-compare", "takes 1.96 in place of two standard errors; the text says two")
def decide(difference, error, margin):
    if difference - 1.96 * error >= -margin:
        return "ship"
    return "keep" if difference + 1.96 * error < -margin else "wait"


@right("9.8-compare", "the ends first")
def decide(difference, error, margin):
    low, high = difference - 2 * error, difference + 2 * error
    if high < -margin:
        return "keep"
    return "wait" if low < -margin else "ship"


@right("9.8-compare", "with the margin on the other side")
def decide(difference, error, margin):
    room = difference + margin
    return "ship" if room >= 2 * error else "wait" if room >= -2 * error else "keep"


@right("9.8-compare", "a table")
def decide(difference, error, margin):
    ends = [difference + side * 2 * error + margin >= 0 for side in (-1, 1)]
    return {2: "ship", 1: "wait", 0: "keep"}[sum(ends)]
