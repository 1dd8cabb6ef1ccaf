# ---
# course:
#   lesson: 09_deploy_and_watch
#   title: Deploy and watch, a model that others can use and trust
#   writes: a timer, a parity test, a hashed baseline, a proof of int8, PSI with its own limit, a guard, an A/B comparison
#   minutes: 110
#   points: 100
# ---

# %% [markdown]
# # 09 Deploy and watch: a model that others can use and trust
#
# You can make a network small. Now it leaves your notebook. Somebody else's program runs it, on pictures that you have never seen, for months.
# Three questions are left. Does the file say the same as the network that you trained? How fast is it, honestly? And who notices when the world changes?
#
# **At the end you will have** your own int8 model in one file, answering through ONNX Runtime without PyTorch; a baseline that fits only the file it was measured on;
# a drift alarm whose false alarms you have chosen yourself; and a guard that goes back to the float model and says why.
#
# | | |
# |---|---|
# | Time | about 110 minutes: the exercises, which say their own minutes, and the demonstrations between them. You need not read the code of the demonstrations |
# | Points | 100, in eight exercises |
# | Stuck? | run `hint("9.2-timer")` in a cell of your own: three hints for each exercise, at no cost |
# | Builds on | lesson 01 (scales and zero points) and a little PyTorch. No exercise needs functions from earlier lessons |
# | Which arrays | **NumPy arrays** everywhere, but in 9.7: there models take and return torch tensors |
# | Rules | a function leaves what it is given as it is. Where an integer is asked for, 3.0 is not one. Several values may come as a tuple or a list |

# %% setup=true
from autograder.student import ___, check, hint, progress

# %%
import hashlib
import json

import numpy as np
import torch
from scipy.special import chdtri  # chdtri(k, a): what a chi-squared number with k degrees of freedom exceeds with probability a

VERSION = 1  # of the baseline's format in 9.4


def rehearsal(durations, start):
    """(call, clock) for trying a timer: the i-th call takes durations[i] seconds of a fake clock, which stands still otherwise.

    durations: list of floats.    start: float, the clock's first reading.    One call too many raises RuntimeError.
    """
    now, left = [start], list(durations)

    def call():
        if not left:
            raise RuntimeError("`call` is called more often than it should be: warmup + repeats times")
        now[0] += left.pop(0)

    return call, lambda: now[0]

# %% [markdown]
# ## 9.1-predict  The mean that nobody met
#
# *3 minutes · 5 points · difficulty 1 of 3*
#
# A service has just started. It answers 100 requests. The first takes 300 ms, because memory is fetched and code is prepared. Of the
# others, 94 take 2 ms each and 5 take 20 ms each.
#
# The report says: *mean latency 5.9 ms*. That is right: (300 + 94 · 2 + 5 · 20) / 100 = 5.88.
#
# **Predict before you compute.** How many of the 100 users waited between 3 and 9 ms?
#
# - (a) about half of them: a mean lies in the middle
# - (b) about 68: a mean plus or minus one standard deviation
# - (c) 94: nearly all
# - (d) none
#
# Write the letter in quotes, like `"a"`.

# %% exercise="9.1-predict" kind="choice" points=5 minutes=3 difficulty=1
# Exercise 9.1-predict: the letter of your choice, in quotes
predict_9_1 = "d"  # blank: predict_9_1 = ___

# %% [markdown] choices="9.1-predict"
# - a: The *median* has half of the users on either side. It is 2 ms here. The mean is pulled up by six slow requests to a place where nobody is.
# - b: That holds for a bell-shaped distribution. Latencies are not: there is a floor below which they cannot fall, and a long tail to the right.
# - c: 94 users waited 2 ms, a third of the mean. Nobody would call 2 ms "5.9".
# - d: Yes. 94 waited 2 ms, five 20 ms, one 300 ms, nobody about 6. The first request alone adds 3 ms to the mean of a hundred. So we leave slow first calls out, and give the median and percentiles.

# %% [markdown] hints="9.1-predict"
# 1. Write down the list of waiting times. It holds only three different numbers.
# 2. Which of these three numbers lie between 3 and 9?
# 3. How much of the 5.88 comes from the first request alone?

# %% check="9.1-predict"
check("9.1-predict")

# %% demo=true
import contextlib, copy, io, logging, os, platform, sys, tempfile, time, warnings
from pathlib import Path
import onnx, onnxruntime
from torch import nn
import torch.nn.functional as F
from course_data import load
from course_lessons.lesson_09_deploy_and_watch import figures

torch.set_num_threads(1)  # said once, for all measurements: threads are part of a latency
data = load("digits")
MEAN, SPREAD, CLASSES = float(data.mean[0]), float(data.std[0]), len(data.classes)

def normalised(raw):
    """Pixels 0 to 255, (n, 1, 8, 8), as the network wants them: float32."""
    return ((raw.astype(np.float32) / 255 - MEAN) / SPREAD).astype(np.float32)

raw, labels = data.train.images.numpy(), data.train.labels.numpy()
TRAINED = 700                                             # the rest of the training images is held back
train_raw, train_labels = raw[:TRAINED], labels[:TRAINED]
held_raw, held_labels = (np.concatenate([a, b]) for a, b in
                         [(raw[TRAINED:], data.val.images.numpy()), (labels[TRAINED:], data.val.labels.numpy())])
test_raw, test_labels = data.test.images.numpy(), data.test.labels.numpy()

def block(a, b, stride=1):
    return nn.Conv2d(a, b, 3, stride, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU()

torch.manual_seed(0)
net = nn.Sequential(*block(1, 32), *block(32, 64, 2), *block(64, 64),
                    nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, CLASSES))
optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
draw, x, y = torch.Generator().manual_seed(0), torch.tensor(normalised(train_raw)), torch.tensor(train_labels)
for step in range(200):
    which = torch.randint(TRAINED, (64,), generator=draw)
    optimiser.zero_grad()
    F.cross_entropy(net(x[which]), y[which]).backward()
    optimiser.step()
net.eval()
print(f"{sum(p.numel() for p in net.parameters()):,} parameters; images: {TRAINED} trained on, "
      f"{len(held_labels)} held back, {len(test_labels)} for the test")

# %% [markdown]
# This small network goes with us through the lesson. Images that were *held back* were never trained on; they are for the baseline and the reference. The test images are for the end.
#
# ## 9.2-timer  A timer that a slow first call cannot fool
#
# *14 minutes · 15 points · difficulty 2 of 3*
#
# **Why.** A first call loads, allocates and prepares. In ONNX Runtime's list of reported faults somebody met 3.5 s for the first run of a model and 0.08 s for the next ones, on a graphics processor (issue 10676). So a timer **warms up**: it makes some calls and does not time them. Then it
# times each call for itself, with a reading of the clock right before and right after. (One reading that ends one call and begins the next would time your loop as well. A fake clock cannot see that, a real one can.)
#
# **Which numbers?** With the times sorted, the **median** is in the middle; of an even number, half-way between the two in the middle. The **p-th percentile** is at place
# $\frac{p}{100}(n - 1)$, counted from 0; between two places one goes along a straight line. That is what `np.percentile(times, p)` does, and the median is the 50th.
# p95 is what one user in twenty waits for, or longer.
#
# **A worked example.** Five calls are made, of 8, 1, 4, 2 and 2 s; two are for warming up. The times are (4, 2, 2). Sorted: (2, 2, 4). The median is 2. The 95th
# percentile is at place 0.95 · 2 = 1.9, so 2 + 0.9 · (4 - 2) = 3.8.
#
# The clock is an argument, a function that returns seconds. In real life it is `time.perf_counter`. A timer can be **rehearsed** with a fake clock, which stands still and moves only while the
# call runs: then the right answer is known, and no luck is needed. For that, `timed` also takes a list of durations in place of a call, and a number, the clock's first reading, in place of a clock. Its first two lines are
# ready. They make a fake call and a fake clock of them (`rehearsal`, in the notebook's first lines). The check asks in this way.
#
# **Predict:** the first call takes 100 times as long as the others. What does it change in the median of 200 timed calls, if nobody warms up?

# %% exercise="9.2-timer" kind="code" points=15 minutes=14 difficulty=2
# Exercise 9.2-timer: warm up, then time each call
def timed(call, clock, warmup, repeats):
    """How long each of `repeats` calls took, after `warmup` calls that are not timed: float array, shape (repeats,).

    call: a function without arguments.    clock: a function without arguments that returns seconds, a float.
    For a rehearsal: a list of durations in seconds, and the first reading of the fake clock, a float.
    warmup: int, at least 0.    repeats: int, at least 1.    `call` is called warmup + repeats times in all.
    """
    if isinstance(call, list):  # a rehearsal
        call, clock = rehearsal(call, clock)
    for turn in range(warmup):  # blank: for turn in range(___):
        call()
    times = []
    for turn in range(repeats):
        start = clock()  # blank: start = ___
        call()
        times.append(clock() - start)  # blank: times.append(___)
    return np.array(times)


def summary(times):
    """The times' median, 95th and 99th percentile: a dict of floats with the keys "median", "p95" and "p99".

    times: float array, shape (n,), n at least 1, in any order. The unit stays what it is.
    """
    median, p95, p99 = np.percentile(times, [50, 95, 99])  # blank: median, p95, p99 = np.percentile(times, ___)
    return {"median": float(median), "p95": float(p95), "p99": float(p99)}

# %% [markdown] hints="9.2-timer"
# 1. A function is called by its name with brackets. `clock` alone is the function; what you want is the number that it returns.
# 2. The first loop makes calls that nobody times: how many? In the second, the clock is read twice for each call.
# 3. A time is the reading after the call minus the reading before it. `np.percentile` takes a list of percentages, and the median is one of them.

# %% check="9.2-timer"
check("9.2-timer")

# %% demo=true
def milliseconds(call, repeats=200, warmup=20):
    return 1000 * np.asarray(timed(call, time.perf_counter, warmup, repeats))

def without_gradients(images):
    with torch.no_grad():
        return net(images)

one, many = (torch.tensor(normalised(test_raw[:n])) for n in (1, 64))
print("PyTorch, one thread      median     p95     p99    images a second")
for n, images in ((1, one), (64, many)):
    of = summary(milliseconds(lambda: without_gradients(images)))
    print(f"  batch {n:3}          {of['median']:8.3f}{of['p95']:8.3f}{of['p99']:8.3f} ms {1000 * n / of['median']:12,.0f}")

stored, service = io.BytesIO(), []
torch.save(net, stored)
stored.seek(0)

def request():
    """A service that loads its network at the first request."""
    if not service:
        service.append(torch.load(stored, weights_only=False))
    with torch.no_grad():
        return service[0](one)

waits = milliseconds(request, repeats=300, warmup=0)
print(f"\nnot warmed up: first call {waits[0]:.1f} ms; mean {waits.mean():.2f}, without the first call {waits[1:].mean():.2f}, "
      f"median {np.median(waits):.2f} ms")
cold, warm = (np.asarray(timed([3.0] + 199 * [0.1], 0.0, warmup, 199)) for warmup in (0, 1))
print(f"rehearsed: first call 3 s, then 0.1 s: mean {cold.mean():.4f} s without warming up, {warm.mean():.4f} s with;"
      f" median {summary(cold)['median']:.4f} and {summary(warm)['median']:.4f} s")
figures.waiting_times(waits)

# %% [markdown]
# *What to see: left, call after call, on a logarithmic axis: the first, which loads the network, lies above the bulk. On a busy machine later calls may lie higher still: then they, and not the first, pull up the mean. The rehearsal, two lines above the figure, shows the first call alone. Right, all calls in order of size, with the mean dashed and the median dotted.*
#
# *Your prediction: hardly anything. One slow call among 200 moves the median by at most one place in the order. It moves the mean, and p99 if there are few calls. But a slow start often lasts for several calls, so we warm up all the same.*
#
# Larger batches give more images a second and let each single user wait longer. A latency without its batch size and its threads says little.
#
# ### One file, any batch
#
# ONNX is a file format for networks; ONNX Runtime runs such files without PyTorch. Three things go wrong in exports. The network is in training mode, so batch norm and dropout
# do the wrong thing. The batch size of the example is frozen into the file. Or the exporter writes two files, one of them with the weights, and only one is copied. The next cell says `eval`,
# a dynamic first dimension, and one file.

# %% demo=true
folder = Path(tempfile.mkdtemp())                         # in your own project: a folder that you keep

@contextlib.contextmanager
def quiet():
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield

def export(network, path):
    """One file; input `image` float32 (any number, 1, 8, 8), output `logits`."""
    with quiet():
        program = torch.onnx.export(
            network.eval(), (torch.zeros(2, 1, 8, 8),), dynamo=True, opset_version=18, verbose=False,
            input_names=["image"], output_names=["logits"], dynamic_shapes=({0: torch.export.Dim.DYNAMIC},))
        program.save(path, external_data=False)
    model = onnx.load(path)
    for node in model.graph.node:                         # the exporter's notes about our source code
        node.ClearField("metadata_props")
    onnx.save(model, path)
    return path

def runtime(path, threads=1):
    """The file in ONNX Runtime: a function from images (float32 array) to logits."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda images: session.run(["logits"], {"image": images})[0]

float_file = export(net, folder / "digits_float.onnx")
float_run = runtime(float_file)
print("files:", [path.name for path in folder.iterdir()], f"{float_file.stat().st_size:,} bytes")
print("batch norm was folded into the convolutions:", [node.op_type for node in onnx.load(float_file).graph.node])

# %% [markdown]
# ## 9.3-bug  Parity, for every batch
#
# *7 minutes · 8 points · difficulty 2 of 3*
#
# **Why.** *Parity* means: the file says what the network says. It is tested on logits, for **several batch sizes**: 1, 7 and 32. A frozen batch, a wrong axis or a forgotten
# `eval` may show at one of them only. Two numbers tell it: the largest difference over **all** batches, and whether the predicted classes agree **everywhere**.
#
# The function below was written in a hurry. It has one bug, and passes files that are wrong.
#
# A trap lies beside it. What if a logit is NaN, *not a number*? Python's `max(0.0, nan)` is 0.0: the difference would look perfect. `np.maximum(0.0, nan)` is NaN. We want to see it: where any difference is
# NaN, the largest difference is NaN.
#
# **A worked example.** Three batches. The largest differences are 0.5 in the first, 0.0 in the second and 0.25 in the third; the classes agree. The answer is (0.5, True). The function says (0.25, True).
#
# **Predict:** of the three batches, which one may be wrong without anybody noticing?

# %% exercise="9.3-bug" kind="bug" points=8 minutes=7 difficulty=2
# Exercise 9.3-bug: find the bug and repair it
def parity(batches):
    """(largest difference, whether all predicted classes agree): a float and a bool.

    batches: list of (wanted, got), at least one: logits of the network and of the file, float arrays, shape (n, classes).
    A difference counts without its sign. Where any difference is NaN, the largest one is NaN.
    """
    largest, same = 0.0, True
    for wanted, got in batches:
        difference = np.abs(wanted - got).max()
        largest = np.maximum(largest, difference)  # bug: largest = difference
        same = same and np.array_equal(wanted.argmax(axis=1), got.argmax(axis=1))
    return float(largest), bool(same)

# %% [markdown] hints="9.3-bug"
# 1. Follow `largest` through the loop with the worked example: what is in it after each batch?
# 2. `same` looks back at what it was before; that is how one disagreement is kept to the end. Does `largest` look back, too?
# 3. Keep the larger of the old one and the new one. The text names a function for that which does not lose a NaN, and one which does.

# %% check="9.3-bug"
check("9.3-bug")

# %% demo=true
def batches_of(run, network, sizes=(1, 7, 32)):
    found = []
    for n in sizes:
        images = normalised(test_raw[:n])
        with torch.no_grad():
            found.append((network(torch.tensor(images)).numpy(), run(images)))
    return found

largest, same = parity(batches_of(float_run, net))
print(f"file against network, batches of 1, 7 and 32: largest difference {largest:.1e}, classes agree: {same}")
training = copy.deepcopy(net).train()                     # batch norm uses the batch's own statistics
largest, same = parity(batches_of(float_run, training, (7, 32)))
print(f"against the same network in training mode: {largest:.1e}, classes agree: {same}")

# %% [markdown]
# A millionth or so is rounding: the runtime adds in another order. In training mode the same weights are another function. That is what an export without `eval` would have frozen into the file.
#
# *Your prediction: all but the last one. Each batch overwrote what was found before.*
#
# ## 9.4-baseline  A baseline that fits only its file
#
# *14 minutes · 16 points · difficulty 2 of 3*
#
# **Why.** Every later question is "worse than what?". So the first thing to keep is a **baseline**: accuracy, accuracy of each class, bytes, latency, measured on one
# certain file. Numbers without their file are worth little: somebody retrains, and the old numbers stand beside the new network. The remedy is a **hash**. SHA-256 makes 64
# letters and digits from any bytes; other bytes give other letters. The baseline holds the hash of the network's file, and loading refuses any other file.
#
# **The format** is JSON, which every language reads: an object with just three keys.
#
# - `"version"`: the integer 1, `VERSION` in the notebook's first lines. If the format changes some day, this number does, and old programs say so in place of misreading. The text "1" is not the integer 1.
# - `"sha256"`: `hashlib.sha256(network).hexdigest()`, with `network` the bytes of the file.
# - `"measured"`: an object of names and numbers, or lists of numbers.
#
# Two traps. JSON knows no NumPy: `json.dumps(np.float32(0.5))` raises TypeError. `np.float64` happens to pass; `np.float32`, NumPy's integers and arrays do not. `np.asarray(value).tolist()` turns numbers, NumPy numbers, arrays and lists into plain ones.
# No number may change on the way, and an integer stays one. And JSON
# has no NaN, but `json.dumps` writes one all the same, and other languages cannot read the file. With `allow_nan=False` it raises ValueError. A NaN in a baseline is no measurement.
#
# **A worked example.** For the file `b"abc"` and {"accuracy": 97.5}: `{"version": 1, "sha256": "ba7816bf…f20015ad", "measured": {"accuracy": 97.5}}`.
#
# **Predict:** one bit of a file of 250 kB is flipped. How many of the 64 letters of its hash change?

# %% exercise="9.4-baseline" kind="code" points=16 minutes=14 difficulty=2
# Exercise 9.4-baseline: numbers that belong to one file
def baseline_text(network, measured):
    """The baseline as a text in JSON, in the format above. ValueError if a number is NaN or infinite.

    network: bytes, the file of the network.    measured: dict; its keys are names (str), its values numbers, lists
    of numbers, NumPy numbers or NumPy arrays.
    """
    plain = {name: np.asarray(value).tolist() for name, value in measured.items()}  # blank: plain = {name: ___ for name, value in measured.items()}
    digest = hashlib.sha256(network).hexdigest()  # blank: digest = ___
    return json.dumps({"version": VERSION, "sha256": digest, "measured": plain}, allow_nan=False)  # blank: return json.dumps(___, allow_nan=___)


def load_baseline(text, network):
    """The dict `measured` of a baseline's text. ValueError if its version is not 1, or if it belongs to another file.

    text: str, in the format above, with its three keys.    network: bytes, the file of the network that is to be compared.
    """
    baseline = json.loads(text)
    if baseline["version"] != VERSION:  # blank: if ___:
        raise ValueError(f"this baseline has version {baseline['version']}; this program reads version {VERSION}")
    if baseline["sha256"] != hashlib.sha256(network).hexdigest():  # blank: if ___:
        raise ValueError("this baseline was measured on another network")
    return baseline["measured"]  # blank: return ___

# %% [markdown] hints="9.4-baseline"
# 1. The text names the two calls that you need, one for plain numbers and one for the hash. The hash is made of the network's bytes, not of its name and not of the numbers.
# 2. `json.dumps` wants a dict with the three keys of the format. What does the last argument decide?
# 3. `json.loads` has given a dict back. Each refusal compares one of its entries with what it should be; for the hash, that must be computed from the file at hand.

# %% check="9.4-baseline"
check("9.4-baseline")

# %% demo=true
from course_labs.measuring.measure import macs             # multiply-accumulates for one image

def accuracies(run, images, of_labels):
    """Per cent right, of all images and of each class."""
    right = run(normalised(images)).argmax(axis=1) == of_labels
    return 100 * right.mean(), np.array([100 * right[of_labels == c].mean() for c in range(CLASSES)])

def measure(path):
    """What a baseline holds: measured on the file that will be used, on images that nobody trained on."""
    run, (mean, of_classes) = runtime(path), accuracies(runtime(path), held_raw, held_labels)
    measured = {"accuracy": mean, "accuracy_by_class": of_classes, "bytes": path.stat().st_size, "threads": 1,
                "parameters": sum(p.numel() for p in net.parameters()), "macs": macs(net, one)}
    for n in (1, 64):
        images = normalised(test_raw[:n])
        for name, value in summary(milliseconds(lambda: run(images))).items():
            measured[f"ms_batch_{n}_{name}"] = value
        measured[f"images_a_second_batch_{n}"] = 1000 * n / measured[f"ms_batch_{n}_median"]
    return measured

baseline_file = folder / "digits_float.baseline.json"
baseline_file.write_text(baseline_text(float_file.read_bytes(), measure(float_file)))
print(baseline_file.read_text()[:230], "…")
before = load_baseline(baseline_file.read_text(), float_file.read_bytes())
print("and:", ", ".join(f"{name} {value:,.6g}" for name, value in list(before.items())[2:]))
flipped = bytearray(float_file.read_bytes())
flipped[len(flipped) // 2] ^= 1                           # one bit
try:
    load_baseline(baseline_file.read_text(), bytes(flipped))
except ValueError as problem:
    print("\none bit flipped:", problem)
pair = [hashlib.sha256(b).hexdigest() for b in (float_file.read_bytes(), bytes(flipped))]
print("letters of the hash that changed:", sum(a != b for a, b in zip(*pair)), "of 64")

# %% [markdown]
# *Your prediction: nearly all. Each letter is one of 16, so about one in 16 stays the same by chance: 60 of 64 change.*
#
# ## 9.5-int8  Is it really int8?
#
# *13 minutes · 14 points · difficulty 2 of 3*
#
# **Why.** *Static* quantisation fixes all scales beforehand. The scales of weights come from the weights. The scales of activations come from **calibration images** that run through the network once: smallest and largest value
# give $s = (\text{max} - \text{min}) / 255$ for uint8, as in lesson 01. The weights are quantised *per channel*: one scale for each output channel. The format is called **QDQ**: around each layer there are `QuantizeLinear` (floats to codes) and `DequantizeLinear` (codes to floats), and the
# runtime melts them together into one int8 layer. Where a pair is missing, the layer silently computes in float. "int8" in a file's name proves nothing. So count.
#
# A convolution counts as **wrapped** if all three hold:
#
# 1. its first input, the image, comes out of a `DequantizeLinear`;
# 2. its second input, the weights, comes out of a `DequantizeLinear`;
# 3. its first output goes into a `QuantizeLinear`, as that node's first input.
#
# (A ReLU between is taken away by the tool: the smallest code stands for 0, so the rounding does its work. A third input, the bias, may be there or not.)
#
# **A worked example.** DequantizeLinear → *a*; DequantizeLinear → *w*; Conv(*a*, *w*) → *b*; QuantizeLinear(*b*) → *c*; and then Conv(*c*, *w*) → *d*. Two convolutions, of which one is wrapped: the second reads
# codes that were never turned back, and nothing rounds its output. The answer is (1, 2).
#
# **And keep calibration and test apart.** An image that fixed a scale is no longer unseen. Splitting by position does not help where the same image is in the data twice. So compare the images themselves: `image.tobytes()` is their content,
# and a `set` answers quickly whether something is in it.
#
# **Predict:** *dynamic* quantisation needs no calibration images: it looks for the range of the activations at each call. Its file is as small as the static one. Is it faster than float32?

# %% exercise="9.5-int8" kind="code" points=14 minutes=13 difficulty=2
# Exercise 9.5-int8: count what is wrapped, and images that are in both sets
def wrapped_convolutions(nodes):
    """(convolutions wrapped in Q and DQ, all convolutions): two integers.

    nodes: list of (operator, inputs, outputs): a str and two lists of names, in the order of the file. What is an input of one
    node and an output of another is what flows between them. A convolution's operator is "Conv".
    """
    dequantised = {outputs[0] for operator, inputs, outputs in nodes if operator == "DequantizeLinear"}
    quantised = {inputs[0] for operator, inputs, outputs in nodes if operator == "QuantizeLinear"}  # blank: quantised = {___ for operator, inputs, outputs in nodes if ___}
    convolutions = [(inputs, outputs) for operator, inputs, outputs in nodes if operator == "Conv"]
    wrapped = 0
    for inputs, outputs in convolutions:
        reads_codes = inputs[0] in dequantised and inputs[1] in dequantised  # blank: reads_codes = ___ and ___
        if reads_codes and outputs[0] in quantised:  # blank: if reads_codes and ___:
            wrapped += 1
    return wrapped, len(convolutions)


def in_both(calibration, test):
    """How many of the test images are among the calibration images, pixel by pixel: an integer.

    calibration, test: uint8 arrays, shapes (n, height, width) and (m, height, width).
    """
    seen = {image.tobytes() for image in calibration}  # blank: seen = {___ for image in calibration}
    return sum(image.tobytes() in seen for image in test)  # blank: return sum(___ for image in test)

# %% [markdown] hints="9.5-int8"
# 1. Draw the worked example as boxes and arrows, with the names on the arrows. The given line collects the names that come out of a DequantizeLinear. The next collects the names that go into the other operator.
# 2. The inputs of a convolution stand in order: the image first, then the weights. Both must be among the names of one set. What it puts out must be in the other.
# 3. For the images: put the bytes of all calibration images into a set. Then count the test images whose bytes are in it; True counts as 1.

# %% check="9.5-int8"
check("9.5-int8")

# %% demo=true
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from course_labs.methods.quantise import reduce_range     # whether this processor overflows with 8-bit weights

class Reader(CalibrationDataReader):
    """Hands the images out in batches of 50, then None."""
    def __init__(self, images):
        self.batches = iter([{"image": images[i : i + 50]} for i in range(0, len(images), 50)])
    def get_next(self):
        return next(self.batches, None)

def static_int8(images, path):
    with quiet():
        quant_pre_process(float_file, folder / "prepared.onnx")
        quantize_static(folder / "prepared.onnx", path, Reader(images), quant_format=QuantFormat.QDQ, per_channel=True,
                        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, reduce_range=reduce_range())
    return path

calibration_raw = train_raw[:200]                         # training images: never held back ones, never the test
print("calibration images that are in the test, too:", in_both(calibration_raw[:, 0], test_raw[:, 0]))
files = {"float32": float_file,
         "int8, static": static_int8(normalised(calibration_raw), folder / "digits_int8.onnx"),
         "  calibrated on raw pixels": static_int8(calibration_raw.astype(np.float32), folder / "raw.onnx"),
         "  calibrated on ten images": static_int8(normalised(calibration_raw[:10]), folder / "ten.onnx"),
         "int8, dynamic": folder / "dynamic.onnx", "  linear layers only": folder / "linear.onnx"}
with quiet():
    quantize_dynamic(folder / "prepared.onnx", files["int8, dynamic"])
    quantize_dynamic(folder / "prepared.onnx", files["  linear layers only"], op_types_to_quantize=["MatMul", "Gemm"])
print(f"\n{'':29}{'wrapped':>9}{'held back':>12}{'bytes':>10}{'of float':>10}")
for name, path in files.items():
    nodes = [(n.op_type, list(n.input), list(n.output)) for n in onnx.load(path).graph.node]
    wrapped, convolutions = wrapped_convolutions(nodes)
    size = path.stat().st_size
    print(f"{name:29}{wrapped:5} of {convolutions}{accuracies(runtime(path), held_raw, held_labels)[0]:10.1f} %"
          f"{size:10,}{size / float_file.stat().st_size:10.2f}")

# %% demo=true
runs = {(name, threads): runtime(files[name], threads)
        for name, threads in (("float32", 1), ("float32", 2), ("int8, static", 1), ("int8, static", 2), ("int8, dynamic", 1))}
times = {}
for turn in range(3):                                     # in turns: a busy moment hits all alike
    for (name, threads), run in runs.items():
        for n in (1, 64):
            images = normalised(test_raw[:n])
            times.setdefault((name, threads, n), []).extend(milliseconds(lambda: run(images), 80 if n == 1 else 40, 10))
print(f"{'ms':14}threads   batch  {'median':>8}{'p95':>8}{'p99':>8}")
for (name, threads, n), taken in times.items():
    of = summary(np.array(taken))
    print(f"{name:14}{threads:5}{n:9}    {of['median']:8.3f}{of['p95']:8.3f}{of['p99']:8.3f}")
figures.latencies({key: np.array(taken) for key, taken in times.items() if key[2] == 64})

# %% [markdown]
# *What to see: each line rises from the fastest call to the slowest, at batch 64. The marks are median, p95 and p99. Models that are apart at the median may meet in the tail, where the busy machine decides, or the other way round. Where two marks coincide you see one. The dynamic file is in the table only. What two threads do depends on what else the machine is doing; on another machine measure again.*
#
# Read the column *held back* in the table above. The tool that was fed **raw pixels**, 0 to 255, in place of normalised ones fixed its scales for a world that never comes. All its convolutions are wrapped, and its file has the
# right size. Only accuracy tells. The dynamic file is as small as the static one, but has no `Conv` left to wrap: its convolutions compute on integers and are turned back to floats after each layer. *Linear layers only* is called int8, and it is hardly a byte smaller: the convolutions stayed float.
#
# And is static int8 faster? Where we measured, yes: in a batch of 64 its median was clearly below that of float32. On a single image there is little between them. Your own table has the say for your machine.
#
# *Your prediction: slower. At every call it looks for the smallest and the largest value, rounds, multiplies and goes back to floats, in separate steps that nobody melts together. Smaller is not faster.*
#
# ## 9.6-drift  An alarm with a chosen number of false alarms
#
# *18 minutes · 18 points · difficulty 3 of 3*
#
# **Why.** In production there are no labels, so nobody sees accuracy fall. What can be seen is how *sure* the model is. If the distribution of its confidences moves away from the one at deployment, something has
# changed. (We take log-odds, $\ln\frac{p}{1-p}$ of the largest probability $p$, so that 0.99 and 0.999 do not fall into one bin.) A common measure is the **population stability index**. Cut the reference into $B$ bins of equal size, and compare the shares $p_b$ in the reference with the shares $q_b$ in a window of new images:
#
# $$\text{PSI} = \sum_{b=1}^{B} (p_b - q_b)\,\ln\frac{p_b}{q_b}$$
#
# It is never negative, 0 only for equal shares, and the same both ways: it is $KL(p\|q) + KL(q\|p)$.
#
# **The edges** are quantiles of the *reference*: the $B - 1$ inner ones, at $1/B, 2/B, \dots$ The outer bins have no end, so a value outside the reference's range is still counted. A value on an edge belongs to the bin above it:
# `np.searchsorted(edges, values, side="right")` gives the number of each value's bin. **The shares** get half an image more in each bin, $(\text{count} + ½) / (n + B/2)$: an empty bin would make the logarithm infinite.
#
# **When to raise the alarm?** A folk rule says: above 0.1 look, above 0.2 act. It does not ask how large the window is. But a small window jumps about by chance. For small differences $(p-q)\ln(p/q) \approx (p-q)^2/p$, as in Pearson's
# statistic. The two shares of a bin have variances of about $p/n$ and $p/m$, and variances add: hence $1/n + 1/m$. So with no drift at all, for a reference of $n$ images and a window of $m$:
#
# $$\frac{\text{PSI}}{1/n + 1/m} \sim \chi^2_{B-1},\qquad \text{usual value } (B-1)\left(\tfrac1n + \tfrac1m\right)$$
#
# $$\text{limit} = \chi^2_{B-1}\text{'s quantile} \cdot \left(\tfrac1n + \tfrac1m\right)$$
#
# The sign $\sim$ means "is distributed like", and a *quantile* is the value that a chosen share lies below. `chdtri(B - 1, a)` is the number that $\chi^2_{B-1}$ exceeds with probability $a$: with $a$ = 0.05, one false alarm in twenty windows.
#
# **A worked example.** Edges (2, 4), values (1, 2, 3, 9): one below 2, two from 2 to below 4, one above. Shares (1.5, 2.5, 1.5)/5.5. With $B = 10$, $n = 2000$, $m = 50$: usual value 9 · 0.0205 = 0.1845, limit 16.92 · 0.0205 = 0.347. The folk rule "act" lies *between* the two.
#
# **Predict:** how often does "above 0.1: look" fire on windows of 50 images, if nothing has changed?

# %% exercise="9.6-drift" kind="code" points=18 minutes=18 difficulty=3
# Exercise 9.6-drift: PSI, and a limit that knows how many images there were
def bin_edges(reference, bins):
    """The inner edges: float array, shape (bins - 1,), quantiles of the reference at 1/bins, 2/bins, ...

    reference: float array, shape (n,).    bins: int, at least 2.    Between two values: as np.quantile does.
    """
    return np.quantile(reference, np.arange(1, bins) / bins)  # blank: return np.quantile(reference, ___)


def bin_shares(values, edges):
    """The share of each bin, with half an image more in each: float array, shape (len(edges) + 1,), sum 1.

    values: float array, shape (n,), n at least 1.    edges: float array, ascending; equal edges make empty bins.
    """
    places = np.searchsorted(edges, values, side="right")
    counts = np.bincount(places, minlength=len(edges) + 1)  # blank: counts = np.bincount(places, minlength=___)
    return (counts + 0.5) / (len(values) + 0.5 * len(counts))  # blank: return (counts + 0.5) / ___


def psi(p, q):
    """The population stability index of two arrays of shares, shape (bins,), all above 0: a float."""
    return float(np.sum((p - q) * np.log(p / q)))  # blank: return float(np.sum(___))


def usual_psi(n, m, bins):
    """The PSI to expect without drift, a float.    n, m: int, images in the reference and in the window.    bins: int, at least 2."""
    return (bins - 1) * (1 / n + 1 / m)  # blank: return ___


def alarm_limit(n, m, bins, false_alarms):
    """What PSI exceeds with probability `false_alarms` (float, 0 to 1) without drift: a float.    n, m, bins: as above."""
    return float(chdtri(bins - 1, false_alarms) * (1 / n + 1 / m))  # blank: return float(___)

# %% [markdown] hints="9.6-drift"
# 1. For three bins there are two inner edges, at 1/3 and 2/3. `np.arange(1, bins)` counts 1, 2, ..., bins - 1.
# 2. `minlength` makes bins that nobody fell into show as 0; how many bins are there for so many edges? The shares must add up to 1: if each bin got half an image more, how many images are there now in all?
# 3. PSI is the sum in the formula, with the natural logarithm. Both limits have the same bracket, one over each number of images; the text says what stands in front of it.

# %% check="9.6-drift"
check("9.6-drift")

# %% demo=true
def sureness(logits):
    """The largest probability of each image, on a scale where 0.99 and 0.999 are apart: its log-odds."""
    z = logits.astype(float) - logits.max(axis=1, keepdims=True)
    others = np.sort(np.exp(z), axis=1)[:, :-1].sum(axis=1)
    return -np.log(np.maximum(others, 1e-12))

int8_file = files["int8, static"]
int8_run = runtime(int8_file)
reference = sureness(int8_run(normalised(held_raw)))
draw, BINS, N = np.random.default_rng(0), 10, 2000
folk, ours, found = {}, {}, {}
for m in (30, 50, 100, 200, 500, 1000):
    found[m] = []
    for turn in range(300):                               # reference and window from the same images: no drift
        first, window = draw.choice(reference, N), draw.choice(reference, m)
        edges = bin_edges(first, BINS)
        found[m].append(psi(bin_shares(first, edges), bin_shares(window, edges)))
    found[m] = np.array(found[m])
    folk[m] = [100 * np.mean(found[m] > limit) for limit in (0.1, 0.2)]
    ours[m] = 100 * np.mean(found[m] > alarm_limit(N, m, BINS, 0.05))
print("no drift at all; alarms in 300 windows, per cent")
print(" window   mean PSI   usual    above 0.1   above 0.2   above our limit")
for m in found:
    print(f"{m:7}{found[m].mean():11.3f}{usual_psi(N, m, BINS):8.3f}{folk[m][0]:12.0f}{folk[m][1]:12.0f}{ours[m]:15.1f}")
sizes = np.unique(np.geomspace(30, 1000, 40).astype(int))
limits = {"usual": [usual_psi(N, m, BINS) for m in sizes], "limit": [alarm_limit(N, m, BINS, 0.05) for m in sizes]}
figures.false_alarms(found, sizes, limits)

# %% [markdown]
# *What to see: each dot is a window without any drift. The dots follow the dashed line, the usual value, and only about one in twenty lies above the solid line, our limit. The folk rules are the two dotted lines: flat, as if all windows were alike.*
#
# *Your prediction: in most windows. The table has the number. (At 30 images the half images hold PSI down: the alarm rings at about 1 % in place of 5 %. From 50 on it is near the promise.) A pager that rings most hours is switched off within a week, and then nobody sees the real drift. On large windows the folk rule errs the other way. At 500 images our limit is 0.042; the folk rule is silent up to 0.1.*
#
# ### Real drift, and what the labels would have said
#
# Now the test images arrive in another way than those that were held back: untouched, shifted by one pixel, half as bright, noisy, upside down, and only ones and sevens. The alarm sees no labels; the last columns do.

# %% demo=true
noise = np.random.default_rng(1).normal(0, 60, test_raw.shape)
arrivals = {
    "untouched": test_raw,
    "shifted by one pixel": np.roll(test_raw, 1, axis=3),
    "half as bright": test_raw // 2,
    "noisy": np.clip(test_raw + noise, 0, 255).astype(np.uint8),
    "upside down": test_raw[:, :, ::-1].copy(),
    "ones and sevens only": test_raw,
}
edges, n, drifted = bin_edges(reference, BINS), len(reference), {}
print(f"reference: {n} images that were held back; false alarms chosen: 1 %\n")
print(f"{'':22}{'images':>7}{'PSI':>8}{'limit':>8}  {'alarm':7}{'accuracy':>9}   worst class")
for name, images in arrivals.items():
    of = np.isin(test_labels, (1, 7)) if "sevens" in name else np.ones(len(images), bool)
    logits, truth = int8_run(normalised(images[of])), test_labels[of]
    value = psi(bin_shares(reference, edges), bin_shares(sureness(logits), edges))
    limit = alarm_limit(n, len(truth), BINS, 0.01)
    right = logits.argmax(axis=1) == truth
    by_class = {int(c): 100 * right[truth == c].mean() for c in np.unique(truth)}
    worst = min(by_class, key=by_class.get)
    drifted[name] = bin_shares(sureness(logits), edges)
    print(f"{name:22}{len(truth):7}{value:8.3f}{limit:8.3f}  {'ALARM' if value > limit else '-':7}{100 * right.mean():7.1f} %"
          f"   {worst}: {by_class[worst]:.1f} %")
figures.shares_of_bins(bin_shares(reference, edges), {name: drifted[name] for name in ("untouched", "noisy")})

# %% [markdown]
# *What to see: the reference fills all ten bins alike, by construction. Untouched test images come close to that. Noisy ones gather in the lowest bins: the model is less sure of them.*
#
# Look at the last row: the mix of digits has changed completely, and the alarm may stay silent on so few images. So silence does not say that nothing has changed.
#
# An alarm says that something has changed, not that accuracy has fallen; and a model can be wrong and sure. So a small share of the traffic should get labels, and those are looked at **by class**: the last column shows what a mean hides.
#
# ## 9.7-guard  Back to the float model, and say why
#
# *12 minutes · 12 points · difficulty 2 of 3*
#
# **Why.** The compressed model is the new one. The float model is still there. If the new one fails, users must get an answer all the same, and somebody must learn the reason. A guard returns three things: the logits, whose they
# are, and why.
#
# The reasons, in this order. The first that applies counts:
#
# 1. `"drift alarm"`: the alarm is on. The new model is not even asked.
# 2. `"error"`: the new model raised an exception, of whatever kind.
# 3. `"shape"`: its logits do not have the shape (images, classes).
# 4. `"not finite"`: a logit is NaN or infinite. `torch.isfinite` tells.
#
# In all four cases the float model answers, `"float"`. Otherwise the new one does, `"int8"`, and the reason is the empty text `""`. If the *float* model fails, there is nobody left to ask: its exception is not caught, and its logits are not looked at.
#
# **A worked example.** 3 images, 10 classes. The new model returns logits of shape (3, 10), one of them NaN. The guard returns the float model's logits for all three images, `"float"` and `"not finite"`.
#
# `except Exception as problem:` catches whatever a model raises. A bare `except:` would also catch Ctrl+C. (The checks do not ask that.)
#
# **Predict:** an input pixel is NaN. Does the int8 model's logit become NaN, too?

# %% exercise="9.7-guard" kind="code" points=12 minutes=12 difficulty=2
# Exercise 9.7-guard: answer, whose answer, and why
def serve(images, new, old, classes, alarm):
    """(logits, name, reason): the new model's logits, "int8" and ""; or the old model's, "float" and why.

    images: float32 tensor, shape (n, ...).    new, old: models: they take such a tensor and return logits, a float32 tensor.
    classes: int; logits should have the shape (n, classes).    alarm: bool, True while the drift alarm is on.
    """
    reason = ""
    if alarm:
        reason = "drift alarm"
    else:
        try:
            logits = new(images)
        except Exception:  # blank: except ___:
            reason = "error"
        else:
            if logits.shape != (len(images), classes):  # blank: if ___:
                reason = "shape"
            elif not torch.isfinite(logits).all():  # blank: elif ___:
                reason = "not finite"
    if reason:  # blank: if ___:
        return old(images), "float", reason  # blank: return ___
    return logits, "int8", reason

# %% [markdown] hints="9.7-guard"
# 1. Go through the four reasons with a finger in the code. Each sets `reason`; nothing is returned before the end.
# 2. A shape is compared with a tuple of two numbers; the first is how many images there are. `torch.isfinite(logits)` is a tensor of True and False: must one of them be True, or every one?
# 3. An empty text counts as False, any other as True. In the last lines three values are returned, the reason among them.

# %% check="9.7-guard"
check("9.7-guard")

# %% demo=true
def as_model(run):
    """A file in ONNX Runtime as a model that takes and returns tensors."""
    return lambda images: torch.from_numpy(run(images.numpy()))

def broken(images):
    raise RuntimeError("the accelerator is gone")

images = torch.tensor(normalised(test_raw[:4]))
spoilt = images.clone()
spoilt[1, 0, 3, 3] = float("nan")
float_model, int8_model = as_model(float_run), as_model(int8_run)
for name, (given, new, alarm) in {
    "all is well": (images, int8_model, False), "the alarm is on": (images, int8_model, True),
    "it raises": (images, broken, False), "one class is missing": (images, lambda x: int8_model(x)[:, :9], False),
    "it returns NaN": (images, lambda x: int8_model(x) * float("nan"), False),
    "a pixel is NaN": (spoilt, int8_model, False),
}.items():
    logits, who, why = serve(given, new, float_model, CLASSES, alarm)
    print(f"{name:22} answered by {who:6} {why:12} classes {logits.argmax(dim=1).tolist()}, labels {test_labels[:4].tolist()}")
print("\nlogits for the picture with a NaN: float", "NaN" if np.isnan(float_run(spoilt.numpy())[1]).any() else "finite",
      "- int8", "NaN" if np.isnan(int8_run(spoilt.numpy())[1]).any() else "finite")

# %% [markdown]
# *Your prediction: look at the last line. Rounding to a code has no way to say NaN: the code is some number, and the rest of the network computes with it. So a guard on the output is not enough; the input must be looked at, too.*
#
# ## 9.8-compare  Is B worse than A, or only unlucky?
#
# *12 minutes · 12 points · difficulty 2 of 3*
#
# **Why.** 360 test images; the float model gets some right, the int8 model two fewer. Is int8 worse? A difference without its error bar is half a number. Let $a_i$ and $b_i$ be 1 where the old and the new model are right.
#
# **The same images** for both, as on your desk: take the difference image by image, $d_i = b_i - a_i$, which is -1, 0 or 1. NumPy does not subtract bools: `.astype(float)` first. The mean of $d$ is the difference. Its **standard error** is $\text{sd}(d) / \sqrt n$, with $n - 1$ under the root of the standard deviation
# (`ddof=1`).
#
# **Different images**, as in an A/B test with half of the users each: each share $p = $ mean has the variance $p(1-p)/n$. Variances add; the standard error is $\sqrt{p_a(1-p_a)/n_a + p_b(1-p_b)/n_b}$.
#
# Everything is in points: per cent, so times 100. New minus old: negative means worse.
#
# **The decision** is made with a margin, in points, fixed beforehand: how much worse is still acceptable? About 95 % of the time the truth lies within two standard errors. Low end: difference − 2 · error. High end: difference + 2 · error.
#
# - `"ship"` if the low end is at or above −margin: even bad luck leaves it acceptable;
# - `"keep"` the old one if the high end is below −margin;
# - `"wait"` for more images otherwise.
#
# **A worked example.** Four images, old right on (1, 1, 0, 1), new on (1, 0, 0, 1): $d$ = (0, -1, 0, 0). The difference is -25 points, the standard deviation 0.5, the error 100 · 0.5/2 = 25 points. As different images: √(0.1875/4 + 0.25/4) = 0.33, 33 points. With a margin of 80, −25 − 50 = −75 is above −80: ship. With a margin of 10: wait.
#
# **Predict:** two models agree on nearly all images. Which error bar is smaller: the same images for both, or different ones?

# %% exercise="9.8-compare" kind="code" points=12 minutes=12 difficulty=2
# Exercise 9.8-compare: a difference, its error bar, and what to do
def same_images(old_right, new_right):
    """(difference, its standard error) in points, two floats: both models saw the same images.

    old_right, new_right: bool arrays, shape (n,), n at least 2: whether each image was classified rightly.
    """
    d = new_right.astype(float) - old_right.astype(float)  # blank: d = ___
    return float(100 * d.mean()), float(100 * d.std(ddof=1) / np.sqrt(len(d)))  # blank: return float(___), float(___)


def other_images(old_right, new_right):
    """The same for different images: bool arrays, shapes (n,) and (m,), each at least 1."""
    a, b = old_right.mean(), new_right.mean()
    variance = a * (1 - a) / len(old_right) + b * (1 - b) / len(new_right)  # blank: variance = ___
    return float(100 * (b - a)), float(100 * np.sqrt(variance))  # blank: return float(___), float(___)


def decide(difference, error, margin):
    """ "ship", "keep" or "wait".    difference, error, margin: floats, in points; error and margin are not negative."""
    if difference - 2 * error >= -margin:  # blank: if ___:
        return "ship"
    if difference + 2 * error < -margin:  # blank: if ___:
        return "keep"
    return "wait"

# %% [markdown] hints="9.8-compare"
# 1. NumPy refuses to subtract arrays of True and False: `.astype(float)` makes 1.0 and 0.0 of them. New minus old.
# 2. A mean of a thousand is surer than a mean of ten: that is the root in the error. In the other case each model has a variance of its own, divided by its own number of images.
# 3. Draw a line with −margin on it, and the interval from the low to the high end. When does all of it lie to the right of −margin, when to the left?

# %% check="9.8-compare"
check("9.8-compare")

# %% demo=true
MARGIN = 1.0                                              # fixed before anybody looked: one point
old_right = float_run(normalised(test_raw)).argmax(axis=1) == test_labels
results = {}
for name in ("int8, static", "  calibrated on ten images", "int8, dynamic", "  calibrated on raw pixels"):
    new_right = runtime(files[name])(normalised(test_raw)).argmax(axis=1) == test_labels
    results[name.strip()] = [same_images(old_right, new_right), other_images(old_right, new_right)]
print(f"float: {100 * old_right.mean():.1f} % of {len(old_right)} test images; margin {MARGIN} point")
for name, pair in results.items():
    for how, (difference, error) in zip(("the same images", "as if different"), pair):
        print(f"{name:28}{how:18}{difference:7.1f} ± {2 * error:4.1f} points  {decide(difference, error, MARGIN)}")
for m in (360, 3600, 36_000):
    error = 100 * np.sqrt(2 * 0.97 * 0.03 / m)
    print(f"two equal models with 97 %, {m:6,} different images each: ± {2 * error:.2f} points, {decide(0.0, error, MARGIN)}")
figures.intervals({name: pair for name, pair in results.items() if "raw" not in name}, MARGIN)

# %% [markdown]
# *What to see: circles are differences on the same images, squares what an A/B test with as many different images would give, with two standard errors to each side. The dashed line is the margin. The circles' bars are
# far shorter than the squares', or too short to be seen.*
#
# *Your prediction: the same images. What both get right, and what both get wrong, drops out of the difference. In an A/B test with different users it stays in, as noise.*
#
# Where the two models never disagree, the error comes out as 0. That is no certainty. If $n$ images show no disagreement, the share that disagrees may still be about $3/n$: at $p = 3/n$ such luck has the probability $(1 - p)^n \approx e^{-3} = 5$ %. For 360 images that is 0.8 points.
#
# ### For a stranger: one file that says how to use it
#
# Who gets your file does not know the size of the pictures, the mean and the spread that you subtracted and divided by, or that class 3 is called "3". Wrong normalisation raises no error. It only makes the answers worse. So all of that travels **in the file**, as JSON in ONNX's own
# metadata: the *card*. It also says where the model came from, and under which licence its pictures may be used. The form below is the one that `course lab` writes into its files
# and `course predict` reads.

# %% demo=true
from course_labs.using import metadata                     # the form of the card
from course_labs.using.predict import Model                # what `course predict` does

card = metadata.Metadata(
    schema=metadata.SCHEMA,
    input=metadata.picture_of(channels=1, height=8, width=8, mean=(MEAN,), spread=(SPREAD,)),
    classes=tuple(data.classes),
    model=metadata.Origin(f"int8 (static, QDQ, per channel) of {float_file.name}", seed=0, made=metadata.today()),
    data=metadata.TrainedOn(data.title, f"{TRAINED} images of {data.source}", data.fingerprint, data.licence),
    versions=metadata.versions())
model = onnx.load(int8_file)
onnx.helper.set_model_props(model, metadata.props(card))
final = folder / "digits.onnx"
onnx.save(model, final)
(folder / "digits.baseline.json").write_text(baseline_text(final.read_bytes(), measure(final)))
print(f"{final.stat().st_size:,} bytes with the card; the baseline belongs to it:",
      load_baseline((folder / "digits.baseline.json").read_text(), final.read_bytes())["accuracy"])

# %% demo=true
# A stranger has the file and nothing else of the lines above. `Model` needs ONNX Runtime, NumPy and Pillow, no PyTorch.
from PIL import Image

stranger = Model(final)                                    # refuses a file without a card, or with one that its graph contradicts
print("the card says:", stranger.about.input, stranger.about.classes, stranger.about.data.licence, sep="\n  ")
shown = test_raw[:8, 0]
answers = [stranger.answer_pixels(picture).best for picture in shown]
try:
    stranger.answer_pixels(np.zeros((28, 28), np.uint8))
except ValueError as problem:
    print("a picture of another size:", problem)
photo = folder / "photo.png"                               # a picture file of any size and kind: cut and scaled as the card says
Image.fromarray(shown[0]).resize((300, 300)).convert("RGB").save(photo)
for guess in stranger.answer(photo, top=2).guesses:
    print(f"{photo.name}: {guess.name} with {100 * guess.confidence:.1f} %")
print(f"the same in a terminal:  course predict {final} {photo} --top 2")
wrong = normalised(test_raw) * SPREAD + MEAN              # a stranger without the card forgets to normalise
print(f"test accuracy: with the card {accuracies(int8_run, test_raw, test_labels)[0]:.1f} %, without normalising "
      f"{100 * np.mean(int8_run(wrong).argmax(axis=1) == test_labels):.1f} %, and no error is raised")
figures.answered(shown, [(guess.name, guess.confidence) for guess in answers], test_labels[:8])

# %% [markdown]
# *What to see: eight test pictures, and what your own int8 file said about each, with its share of the softmax, through ONNX Runtime and without PyTorch. Where it says "not 9", the label is 9 and the answer was wrong.*
#
# Which technique for which situation, and what each gave in this course's own measurements: [the decision guide](../docs/decision_guide.md).
#
# ## Mini-challenge (no points, no blanks)
#
# Watch a model for a hundred days. An outline only; open a cell of your own (the + above).
#
# 1. Each day draws 60 test images with replacement. From day 50 on, noise is added that grows a little every day.
# 2. Each evening compute PSI of the day's confidences against the reference, with `alarm_limit` at 1 %.
# 3. Switch to the float model when the alarm rings on two evenings in a row. How often does that happen before day 50? When after?
# 4. Take windows of three days, 180 images: the alarm rings later, but for smaller changes. Which noise does each find?
# 5. Does the float model help at all? Drift is in the images, not in the codes. When is falling back the wrong remedy?
#
# ## Common errors
#
# | You see | It was probably |
# |---|---|
# | a mean latency far above the median | the first call is in it, or a long tail |
# | the report's latency is far below what users meet | loading and preparing the picture was not timed, or the queue |
# | int8 is slower than float | a dynamic file with convolutions, a tiny network, or a processor without int8 arithmetic: measure on the target |
# | the file accepts only batches of 2 | the example's batch was frozen: no dynamic first dimension |
# | other answers from the same file on the same picture | it was exported in training mode |
# | the file loads here and not elsewhere | the weights are in a second file beside it |
# | accuracy collapses after static quantisation | calibration images were prepared in another way than the images in use |
# | calibrated model looks too good | it was calibrated on the test images |
# | TypeError: not JSON serializable | a NumPy number in the baseline |
# | infinite PSI | an empty bin |
# | PSI near 0 for data that are clearly different | edges from the new data, or values outside thrown away |
# | the alarm rings every hour | a limit that does not know how large the window is |
#
# ## Quick reference
#
# | | |
# |---|---|
# | timer | warm up; clock before and after each call; median, p95, p99; say threads and batch |
# | export | `eval()`, dynamic first dimension, one file; parity at batch 1, 7, 32 |
# | baseline | version, SHA-256 of the file, numbers; refuse another file |
# | static int8 | activations from calibration images; count Q and DQ around every convolution |
# | calibration | training images, prepared as in use; none of the test |
# | PSI | $\sum (p-q)\ln(p/q)$, edges from the reference, half an image more in each bin |
# | limit | $\chi^2_{B-1}$ quantile times $(1/n + 1/m)$ |
# | guard | alarm, error, shape, not finite: the float model answers, with the reason |
# | error bar | same images: $\text{sd}(d)/\sqrt n$; different: $\sqrt{p_a(1-p_a)/n_a + p_b(1-p_b)/n_b}$ |
# | card | size, channels, mean, spread, classes, origin, versions: in the file |
#
# ## Questions people ask
#
# **How many warm-up calls?** Until the times stop falling. Plot them once, as in the first figure. Ten to fifty are common on a processor.
#
# **Why not average over three runs and be done?** An average hides the tail. A user who waits 20 times longer than the median once an hour does not write a report about the mean.
#
# **How many bins?** Ten is a habit. More bins see finer changes and need larger windows: the usual PSI grows with $B - 1$. A rule of thumb for the $\chi^2$ law asks for at least five images a bin.
#
# **The alarm rings. What now?** Look at the pictures first. Then label a few hundred of them and compute the accuracy by class. If the world has really changed, neither int8 nor float helps: train again.
#
# **Does a hash protect against an attacker?** Only if the baseline itself is kept where the attacker cannot write. It protects well against mix-ups, which are far more common.
#
# ## What this did not show
#
# - A phone, a microcontroller, a graphics processor. Each has its own runtime, and "int8 is faster" must be measured on each.
# - Many requests at once. Queues make latencies of their own; a median of single calls says nothing about them.
# - Drift that leaves the confidences as they are. A model may be wrong and sure.
# - Looking every hour. With many looks at 5 % false alarms there will be some: choose the probability for the number of looks.
# - Percentile and entropy calibration. We took smallest and largest value; for activations with outliers others are better.
#
# ## Further reading
#
# - Jacob et al. (2018), *Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference*, [arXiv:1712.05877](https://arxiv.org/abs/1712.05877). What the runtime does between Q and DQ.
# - Reddi et al. (2020), *MLPerf Inference Benchmark*, [arXiv:1911.02549](https://arxiv.org/abs/1911.02549). Percentiles under load, and the rules that keep measuring honest.
# - Rabanser, Günnemann and Lipton (2019), *Failing Loudly: An Empirical Study of Methods for Detecting Dataset Shift*, [arXiv:1810.11953](https://arxiv.org/abs/1810.11953).
# - Hendrycks and Gimpel (2017), *A Baseline for Detecting Misclassified and Out-of-Distribution Examples in Neural Networks*, [arXiv:1610.02136](https://arxiv.org/abs/1610.02136). What confidences can tell, and cannot.
# - Mitchell et al. (2019), *Model Cards for Model Reporting*, [arXiv:1810.03993](https://arxiv.org/abs/1810.03993).
# - Yurdakul and Naranjo (2020), *Statistical properties of the population stability index*, Journal of Risk Model Validation. The $\chi^2$ law.

# %% demo=true
progress()
