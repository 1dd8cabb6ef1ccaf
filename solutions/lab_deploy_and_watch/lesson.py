# ---
# course:
#   lesson: deploy_and_watch
#   title: Deploy and watch
#   writes: the baseline of an int8 file; a monitor that alarms within 800 images of a fault and hardly ever without one
#   minutes: 80
#   points: 100
# ---

# %% [markdown]
# # Deploy and watch
#
# Your int8 file leaves the notebook. From now on nobody tells it the right answers. Some day something goes wrong: another camera, a class that no longer comes, a
# program that forgets to normalise. Nothing crashes. Only the answers get worse. You write the monitor that notices.
#
# **At the end you will have** your int8 file with a baseline that belongs to it, and a monitor with two promises: it alarms within 800 images of a fault, and
# hardly ever without one. The grader plays fresh streams to it.
#
# | | |
# |---|---|
# | Time | about 80 minutes of yours; the computer needs less than one, if it has to make the int8 file itself |
# | Points | 100, in six exercises; one of them is read by a person |
# | Builds on | lesson 09 (baseline, PSI, limit) and the compression studio (the int8 file) |
# | Stuck? | run `hint("watch.2-baseline")` in a cell of your own: three hints for each exercise, at no cost |
# | Hand in | this notebook **and** the folder `deploy_and_watch_artefacts` that appears beside it |
# | Words | *sureness*: the log-odds of the answer that the model gives, a number for each image. A *window*: some images in a row. A *look*: comparing one window with the baseline |

# %% setup=true
from autograder.student import ___, check, hint, progress

# %%
import hashlib
import json

import numpy as np
from scipy.special import chdtri  # chdtri(k, a): what a chi-squared number with k degrees of freedom exceeds with probability a
from scipy.special import rel_entr  # rel_entr(p, q): p ln(p/q), of which the sum is KL(p, q)

VERSION = 1  # of the baseline's format


def sureness(logits):
    """The log-odds of each image's answer: float array (n,).    logits: float array, shape (n, classes)."""
    z = logits.astype(float) - logits.max(axis=1, keepdims=True)
    others = np.sort(np.exp(z), axis=1)[:, :-1].sum(axis=1)
    return -np.log(np.maximum(others, 1e-12))


def shares(places, bins):
    """The share of each bin, with half an image more in each: float array (bins,).    places: int array, a bin for each image."""
    counts = np.bincount(places, minlength=bins)
    return (counts + 0.5) / (len(places) + 0.5 * bins)


def psi(p, q):
    """The population stability index of two arrays of shares, KL(p, q) + KL(q, p): a float, 0 for equal shares."""
    return float(np.sum(rel_entr(p, q) + rel_entr(q, p)))

# %% [markdown]
# ## watch.1-predict  A week of quiet looks
#
# *4 minutes · 5 points · difficulty 1 of 3*
#
# A monitor looks once an hour. Each look makes two comparisons: sureness with its limit, classes with theirs. Each limit is exceeded by chance with a probability of 1 %.
#
# Nothing is wrong all week: 168 looks, 336 comparisons. **Predict before you compute.** How probable is at least one false alarm in that week?
#
# - (a) 1 %: that is what the limit promises
# - (b) 2 %: there are two comparisons
# - (c) about 50 %
# - (d) about 97 %
#
# Write the letter in quotes, like `"a"`.

# %% exercise="watch.1-predict" kind="choice" points=5 minutes=4 difficulty=1
# Exercise watch.1-predict: the letter of your choice, in quotes
predict_1 = "d"  # blank: predict_1 = ___

# %% [markdown] choices="watch.1-predict"
# - a: It promises that for one comparison. The week has 336 of them, and one alarm is enough to spoil it.
# - b: That is right for one look. The week has 168.
# - c: Multiply: all 336 comparisons must stay quiet, each with probability 0.99.
# - d: Yes. 0.99 to the power of 336 is 0.034, so a quiet week has a probability of 3 %. A limit must know how often it is asked.

# %% [markdown] hints="watch.1-predict"
# 1. How probable is it that one comparison stays quiet?
# 2. And that two of them do? And 336? Independent probabilities are multiplied.
# 3. The alarm is what is left to 1. A cell of your own computes it.

# %% check="watch.1-predict"
check("watch.1-predict")

# %% [markdown]
# ## watch.2-baseline  What the file was like when it left
#
# *14 minutes · 20 points · difficulty 2 of 3*
#
# **Why.** "Has something changed?" needs a *before*. The baseline holds it, for one certain file. It is a dict that JSON can write as it is: texts, numbers and lists of numbers, no arrays.
#
# | Key | What it holds |
# |---|---|
# | `"version"` | the integer `VERSION` |
# | `"sha256"` | the SHA-256 of the file's bytes in hexadecimal: 64 digits and small letters |
# | `"n"` | the number of images |
# | `"accuracy"` | per cent right |
# | `"accuracy_by_class"` | for each class: per cent right of the images whose *label* it is |
# | `"edges"` | the `bins` - 1 inner quantiles of the sureness, at 1/bins, 2/bins, … (as `np.quantile` does) |
# | `"sureness_shares"` | for each bin: its share of the images, by `shares`; a value on an edge belongs to the bin above |
# | `"class_shares"` | for each class: the share of the images that are *answered* so, by `shares` |
#
# The last one asks for no labels. That is why a monitor can compare it later, when there are none.
#
# **A worked example.** Four images, two classes, answers (0, 1, 1, 1), labels (0, 1, 1, 0). Accuracy 75. By class: of two zeros one is right, of two ones both, so [50, 100]. Class
# shares (1.5, 3.5)/5 = [0.3, 0.7].

# %% exercise="watch.2-baseline" kind="code" points=20 minutes=14 difficulty=2
# Exercise watch.2-baseline: numbers that belong to one file
def baseline_of(network, logits, labels, bins):
    """The baseline as a dict of plain numbers, texts and lists.

    network: bytes, the file.    logits: float array, shape (n, classes).    bins: int, at least 2.
    labels: int array, shape (n,); every class occurs.
    """
    sure, answers, classes = sureness(logits), logits.argmax(axis=1), logits.shape[1]
    right = answers == labels
    edges = np.quantile(sure, np.arange(1, bins) / bins)  # blank: edges = np.quantile(sure, ___)
    places = np.searchsorted(edges, sure, side="right")
    return {
        "version": VERSION,
        "sha256": hashlib.sha256(network).hexdigest(),  # blank: "sha256": ___,
        "n": len(labels),
        "accuracy": float(100 * right.mean()),
        "accuracy_by_class": [float(100 * right[labels == c].mean()) for c in range(classes)],  # blank: "accuracy_by_class": [float(___) for c in range(classes)],
        "edges": edges.tolist(),
        "sureness_shares": shares(places, bins).tolist(),  # blank: "sureness_shares": ___.tolist(),
        "class_shares": shares(answers, classes).tolist(),  # blank: "class_shares": ___.tolist(),
    }

# %% [markdown] hints="watch.2-baseline"
# 1. `hashlib.sha256` takes bytes; `.hexdigest()` makes the text of it. For three bins there are two inner edges.
# 2. `right` says for each image whether it was right. A condition in brackets picks images: those of which class, by label or by answer?
# 3. `shares` wants the number of the bin of each image, and how many bins there are. For classes the answer itself is that number.

# %% check="watch.2-baseline"
check("watch.2-baseline")

# %% [markdown]
# ### The file, and the baseline of it
#
# The next cell takes the int8 file that you made in the compression studio, on the digits. If there is none beside this notebook, the studio makes one now; that takes about half a minute.
# The baseline is measured on the test images. The network was never trained on them.

# %% demo=true
from pathlib import Path
import onnxruntime
from course_data import load
from course_labs import Studio
from course_lessons.lab_deploy_and_watch import figures

data = load("digits")
MEAN, SPREAD = float(data.mean[0]), float(data.std[0])
raw, labels = data.test.images.numpy(), data.test.labels.numpy()

def session_of(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

def int8_file():
    """The int8 file of the compression studio, if one for the digits is here; else a new one."""
    for path in (Path("compression_studio_artefacts/int8.onnx"), Path("runs/studio-digits/int8.onnx")):
        if path.is_file() and session_of(path).get_inputs()[0].shape[1:] == [1, 8, 8]:
            return path
    return Studio("digits", out=Path("runs") / "watch-digits", seed=0).int8().path

path = int8_file()
session = session_of(path)

def answer(images):
    """Logits of images that are as the network wants them: float32 (n, 1, 8, 8)."""
    return session.run(None, {session.get_inputs()[0].name: images.astype(np.float32)})[0]

def normalised(images):
    return (images.astype(np.float32) / 255 - MEAN) / SPREAD

clean = answer(normalised(raw))
baseline = baseline_of(path.read_bytes(), clean, labels, bins=10)
print(path, f"{path.stat().st_size:,} bytes")
print(f"{baseline['n']} images, accuracy {baseline['accuracy']:.2f} %, worst class {min(baseline['accuracy_by_class']):.1f} %")
print("edges of the sureness:", np.round(baseline["edges"], 2))

# %% [markdown]
# ## watch.3-look  One look, two distances
#
# *12 minutes · 15 points · difficulty 2 of 3*
#
# **Why two?** Another camera makes the model less sure, but its answers may still spread over all classes. A class that no longer comes leaves the model as sure as ever, but one answer
# is missing. Each distance is blind for what the other sees.
#
# `distances` compares a window with the baseline: PSI of the sureness, and PSI of the answers. As in the baseline, a value on an edge belongs to the bin above. `limits` says what each of them exceeds with probability `false_alarms` if nothing is
# wrong. From lesson 09, with $n$ images in the baseline, $m$ in the window, and $B$ bins *or classes*:
#
# $$\text{limit} = \chi^2_{B-1}\text{'s quantile} \cdot \left(\tfrac1n + \tfrac1m\right)$$
#
# **A worked example.** 10 bins, 4 classes, $n$ = 400, $m$ = 100, 1 %: the bracket is 0.0125. The limits are 21.67 · 0.0125 = 0.271 for the sureness and 11.34 · 0.0125 = 0.142 for the classes.

# %% exercise="watch.3-look" kind="code" points=15 minutes=12 difficulty=2
# Exercise watch.3-look: how far a window is from the baseline, and how far is too far
def distances(baseline, logits):
    """(PSI of the sureness, PSI of the answers) between the baseline and a window, two floats.

    baseline: dict as made by baseline_of.    logits: float array, shape (m, classes), m at least 1.
    """
    places = np.searchsorted(baseline["edges"], sureness(logits), side="right")
    p, q = np.array(baseline["sureness_shares"]), np.array(baseline["class_shares"])
    return psi(p, shares(places, len(p))), psi(q, shares(logits.argmax(axis=1), len(q)))  # blank: return psi(p, ___), psi(q, ___)


def limits(baseline, images, false_alarms):
    """(limit of the sureness, limit of the answers): what each distance exceeds with probability `false_alarms`, two floats.

    images: int, how many are in the window.    false_alarms: float, 0 to 1.
    """
    bracket = 1 / baseline["n"] + 1 / images  # blank: bracket = ___
    sizes = len(baseline["sureness_shares"]), len(baseline["class_shares"])
    return tuple(float(chdtri(size - 1, false_alarms) * bracket) for size in sizes)  # blank: return tuple(float(___) for size in sizes)

# %% [markdown] hints="watch.3-look"
# 1. The window goes into the bins of the baseline. Its own quantiles would make all windows look alike.
# 2. Both shares come from `shares`: once for the places of the sureness, once for the answers. How many bins has each?
# 3. In the bracket stands one over the number of images, once for the baseline and once for the window. `chdtri` wants the degrees of freedom first, one fewer than the bins.

# %% check="watch.3-look"
check("watch.3-look")

# %% [markdown]
# ## watch.4-alarm  The monitor
#
# *22 minutes · 25 points · difficulty 3 of 3*
#
# **The task.** A stream comes image by image. `alarm_at` says after how many images you raise the alarm, or `None` if you never do. It decides with what it has seen
# by then: who raises the alarm after 900 images must do so whatever comes later, and even if nothing does.
#
# **What is asked.** The grader plays fresh streams of 1,500 to 2,200 images, with 5 to 11 classes. Their baselines have 600 to 1,500 images in 8 or 10 bins. In some streams nothing is wrong. In the others, from an unknown image on, there is
#
# - *another camera*: the model is less sure, and answers all classes as before,
# - *a class missing*: it is as sure as ever,
# - *normalisation forgotten*: most answers are one of two classes, and it is surer than before.
#
# Two promises:
#
# 1. **No false alarms:** of 100 quiet streams of 1,500 images at most 1 rings.
# 2. **In time:** of 100 streams of each kind of fault at least 98 ring after the fault, and not before it, within 800 images.
#
# **How it is judged.** The grader plays 24 quiet streams. If one rings, it plays 36 more, and of all 60 at most 5 may ring. Of each kind of fault it plays 6 streams. If one of them is not in
# time, it plays 10 more, and of all 16 at least 12 must be in time. A monitor that keeps both promises passes, but for 1 in 10,000 cases. One that rings in every third quiet stream, or notices
# only one fault in five in time, fails as surely. In between it is luck, so stay well away: a sensible monitor does. `check`, and a second look at other sizes, play fewer streams and are milder.
#
# A grading plays about 140,000 images, in bad luck 220,000, and your functions have 30 seconds for it. A look as below takes about 0.1 ms. So there is no need to look after every single image, and
# if a look of yours is slower, make a larger step.
#
# **How?** The frame below looks at the last `WINDOW` images, each `STEP` images, and rings if one of the distances is above its limit. You choose three numbers. A small window is
# quick, but jumps about by chance: too little is in it to miss a class. A large one is slow. And the more looks there are, the smaller must `FALSE_ALARMS`, the probability for one comparison, be. You may throw the frame away and
# write another monitor; only the two promises count. It uses your functions of watch.3, so bring those into order first.
#
# **A worked example.** `WINDOW` = 100, `STEP` = 50: the looks come after 100, 150, 200, … images. A stream of 99 images has none, so `None`.

# %% exercise="watch.4-alarm" kind="code" points=25 minutes=22 difficulty=3
# Exercise watch.4-alarm: when to raise the alarm
WINDOW, STEP, FALSE_ALARMS = 250, 50, 1e-5  # blank: WINDOW, STEP, FALSE_ALARMS = ___, ___, ___


def alarm_at(baseline, logits):
    """The number of images seen when the alarm is raised, an int from 1 to n; None if it never is.

    baseline: dict as made by baseline_of.    logits: float array, shape (n, classes), in the order in which the images came.
    """
    for seen in range(WINDOW, len(logits) + 1, STEP):
        window = logits[seen - WINDOW : seen]  # blank: window = logits[___]
        found, allowed = distances(baseline, window), limits(baseline, WINDOW, FALSE_ALARMS)
        if found[0] > allowed[0] or found[1] > allowed[1]:  # blank: if ___:
            return seen  # blank: return ___
    return None

# %% [markdown] hints="watch.4-alarm"
# 1. `seen` images have come. Which of them are the last `WINDOW`? And how many had come when the alarm was raised?
# 2. Count the comparisons in 1,500 images: two for each look. If together they may ring in 1 of 100 streams, how small must the probability of one be?
# 3. With ten classes, a missing one is 10 % of the answers. Compare the limit for your window with the PSI that its absence makes, about 0.3: the limit must lie clearly below.

# %% check="watch.4-alarm"
check("watch.4-alarm")

# %% [markdown]
# ### Your monitor on your own file
#
# Now real images. A stream draws test images at random, one after the other. From an image on that is drawn, too, something is wrong. The monitor sees logits only; the accuracy is for us.

# %% demo=true
draw = np.random.default_rng(0)
other = 0.8 * raw + draw.normal(0, 10, raw.shape)         # less contrast, more noise
wrong = {"another camera": answer(normalised(np.clip(other, 0, 255).round())), "class missing": clean,
         "normalisation forgotten": answer(raw / 255)}
MISSING = 3

def played(kind, draw):
    """(logits of 2,500 images in a row, the image at which it goes wrong; for "clean" the end)."""
    fault = int(draw.integers(500, 1500))
    before, after = draw.integers(0, len(raw), fault), draw.integers(0, len(raw), 2500 - fault)
    if kind == "clean":
        return np.concatenate([clean[before], clean[after]]), 2500
    if kind == "class missing":
        after = draw.choice(np.flatnonzero(labels != MISSING), 2500 - fault)
    return np.concatenate([clean[before], wrong[kind][after]]), fault

print(f"{'20 streams each':26}{'too early':>10}{'in time':>9}{'late, never':>12}{'median delay':>14}{'accuracy':>11}")
for kind in ("clean", *wrong):
    delays = []
    for turn in range(20):
        logits, fault = played(kind, draw)
        at = alarm_at(baseline, logits)
        delays.append(np.inf if at is None else at - fault)
    delays = np.array(delays)
    early, timely = int((delays <= 0).sum()), int(((delays > 0) & (delays <= 800)).sum())
    right = (wrong.get(kind, clean).argmax(axis=1) == labels)[labels != (MISSING if "missing" in kind else -1)]
    delay = f"{np.median(delays[delays > 0]):.0f} images" if timely else "-"
    print(f"{kind:26}{early:10}{timely:9}{20 - early - timely:12}{delay:>14}{100 * right.mean():9.1f} %")

# %% demo=true
looks, paths = np.arange(250, 2501, 50), {}
for kind in ("clean", *wrong):
    logits, fault = played(kind, np.random.default_rng(2))
    paths[kind] = np.array([distances(baseline, logits[seen - 250 : seen]) for seen in looks]), fault
figures.distances_in_time(looks, paths, limits(baseline, 250, 1e-5))

# %% [markdown]
# *What to see: one row for each stream, left the distance of the sureness, right that of the answers, on a logarithmic axis. The dashed line is the limit for windows of 250 images, the dotted one the moment of the fault. The clean stream stays below both. A missing class shows on the
# right only.*
#
# Compare the accuracies in the table. The other camera makes the network less sure, and yet as many answers may be right. An alarm says that something has changed. Whether it harms is for a person to find out.
#
# Streams are played from the baseline's own images, so nothing but chance lies between the two. In real life the images are new ones, and the part $1/n$ of the limit is needed.
#
# ## watch.5-files  What you hand in
#
# *6 minutes · 20 points · difficulty 1 of 3*
#
# The next cell writes the folder `deploy_and_watch_artefacts`: the int8 file, and its baseline as JSON. **The grader runs your file itself**, on the same 360 test images, and compares:
#
# - the hash, the number of images, the accuracy;
# - the accuracy of each class, edges and shares, with ten bins;
# - in the file, weights and activations are in eight bits; it gets at least 90 % of the test images right, and no more than 10 points less when images are moved by a pixel. `check` tests the eight bits only, the grader both.
#
# A baseline of another file is refused, however good its numbers are.

# %% exercise="watch.5-files" kind="artefact" points=20 minutes=6 difficulty=1 files=["int8.onnx", "baseline.json"]
# Exercise watch.5-files: write the folder that is handed in
folder = Path("deploy_and_watch_artefacts")
folder.mkdir(exist_ok=True)
(folder / "int8.onnx").write_bytes(path.read_bytes())
(folder / "baseline.json").write_text(json.dumps(baseline, indent=1, allow_nan=False))
for file in sorted(folder.iterdir()):
    print(f"{file.stat().st_size:10,} bytes  {file}")

# %% [markdown] hints="watch.5-files"
# 1. The cell needs the cells above it, those that make the file and the baseline. Restart the kernel and run all cells if you are not sure.
# 2. If a number is refused, look for the line of `baseline_of` that computes it. Then run everything below that line again.
# 3. File and baseline must be of one run. Who makes the int8 file anew needs a new baseline, too.

# %% check="watch.5-files"
check("watch.5-files")

# %% [markdown]
# ## watch.6-written  The alarm rang at night
#
# *18 minutes · 15 points · difficulty 2 of 3 · read by a person*
#
# **Why.** An alarm is a beginning. Somebody reads it at night and must decide. Write that person a note of about 150 words, with the numbers of *your* tables:
#
# 1. What did you choose for window, step and probability, and how many false alarms do you expect in 2,000 quiet images?
# 2. How do the three faults look in the two distances? How can one tell from them which it is? What did each cost in accuracy?
# 3. What should be done first in each case?
# 4. Name one fault that your monitor cannot see, and what would see it.

# %% [markdown] exercise="watch.6-written" kind="written" points=15 minutes=18 difficulty=2
# **Your answer to watch.6-written.** Double-click here, write your note in place of the line below, then press Shift+Enter.
#
# <!-- answer -->
# **A model answer**
#
# (The numbers of one run; yours differ a little.) I look every 50 images at the last 250, with 0.00001 for each comparison. In 2,000 quiet images these are 36 looks and 72 comparisons, so I
# expect 0.0007 false alarms in each stream; looks that overlap make it less. In my 20 clean streams there was none.
#
# Another camera rings on the sureness alone, after 148 images: the model is less sure, and its answers are as before. Accuracy fell from 98.9 to 98.3 % only. A class missing rings on the answers
# alone, after 276 images, the slowest, because it is seen by what does not come; accuracy did not fall. Normalisation forgotten moves both far, after 80 images: nearly everything is
# answered alike, and 15.3 % are right.
#
# First I look at twenty pictures. Both distances: a fault in our own program, so go back to its last version. Sureness alone: have a few hundred of the new pictures labelled, measure by class, train again
# if need be. Answers alone: ask at the source whether the class is really gone.
#
# What it cannot see: two classes whose names were exchanged behind the model. Sureness and answers stay as they are. Only a sample with labels would show that.

# %% [markdown] hints="watch.6-written"
# 1. The expected number of false alarms is the number of comparisons times the probability of one.
# 2. Read the figure row by row: which of its two halves rises first, which not at all?
# 3. The monitor sees how sure the answers are and how often each comes. What could go wrong and leave both as they are?

# %% [markdown] rubric="watch.6-written"
# **watch.6-written, 15 points**
#
# - 3 points: the three numbers [1], and the expected false alarms as comparisons times probability [2].
# - 6 points: for each fault which distance rises, with own numbers (delay or distance) [1 each], and why: less sure, an answer missing, nearly everything answered alike [1 each].
# - 3 points: a first step for each fault that fits it [1 each]. "Train again" for forgotten normalisation earns nothing.
# - 3 points: a fault that leaves sureness and answers as they are [2], and what would show it: labels for a sample [1].
# - A note without numbers from the student's tables has at most 7 points.

# %% [markdown]
# ## Mini-challenge (no points, no blanks)
#
# A monitor that counts evidence image by image is quicker than one that looks at windows. The next cell has an outline only.

# %%
# 1. For each class keep a sum that starts at 0. An image with another answer adds -log(1 - p), p the class's share; one with this answer sets it back to 0.
# 2. A class has gone if its sum is above log(10 / a): that many images without it would be so rare.
# 3. How soon does that notice a missing class? How often does one wrong answer of that class set it back?
# 4. Let a wrong answer take something off in place of setting the sum to 0. How much?

# %% demo=true
progress()

# %% [markdown]
# ## Common errors
#
# | You see | It was probably |
# |---|---|
# | `TypeError: Object of type ndarray is not JSON serializable` | a NumPy array in the baseline: `.tolist()`, or `float(...)` for one number |
# | every window is far from the baseline | edges or shares of another file, or images that were not normalised |
# | no window is ever far | the window's own quantiles in place of the baseline's edges |
# | an alarm in most quiet streams | a probability for one comparison that forgets how many there are |
# | a missing class is not noticed | only the sureness is watched, or the window is too small |
# | noticed, but hundreds of images too late | everything since the start in the window, in place of its last images |
#
# ## Quick reference
#
# | | |
# |---|---|
# | baseline | version, hash, n, accuracy, by class, edges, two sets of shares |
# | two distances | PSI of the sureness, PSI of the answers; neither needs labels |
# | limit | $\chi^2_{B-1}$ quantile times $(1/n + 1/m)$ |
# | many looks | probability for one comparison = what you bear, divided by the number of comparisons |
# | delay | at most a window and a step, if a full window is far enough |
#
# ## Questions people ask
#
# **Why not simply watch the mean of the sureness?** A mean sees one direction. Forgotten normalisation may make the model surer, and a missing class moves no mean.
#
# **Are overlapping windows not cheating?** They share images, so their false alarms come together. To divide by the number of comparisons is then more careful than needed, never less.
#
# **Why 800 images?** A missing class must be seen by its absence, and that takes some hundred images if its share is a tenth. For the other faults a hundred would do.
#
# ## What this did not show
#
# - A fault that grows slowly. Each window looks like the one before; only the baseline tells.
# - A world that changes by the hour. If some classes come at night only, one baseline is not enough.
# - New images. The streams in this notebook are drawn from the baseline's own; the grader's are drawn anew.
# - What happens after the alarm. The guard of lesson 09 is one answer.
#
# ## Further reading
#
# - Rabanser, Günnemann and Lipton (2019), *Failing Loudly: An Empirical Study of Methods for Detecting Dataset Shift*, [arXiv:1810.11953](https://arxiv.org/abs/1810.11953). Tests on what a model answers, label shift among them.
# - Lipton, Wang and Smola (2018), *Detecting and Correcting for Label Shift with Black Box Predictors*, [arXiv:1802.03916](https://arxiv.org/abs/1802.03916). Why the answers alone tell that a class is missing.
# - Hendrycks and Gimpel (2017), *A Baseline for Detecting Misclassified and Out-of-Distribution Examples in Neural Networks*, [arXiv:1610.02136](https://arxiv.org/abs/1610.02136). What sureness can tell.
