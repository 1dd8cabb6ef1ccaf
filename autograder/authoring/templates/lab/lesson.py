# ---
# course:
#   lesson: NEW_NAME
#   title: NEW_TITLE
#   writes: the largest numbers and a mean square; an array with the numbers that are left
#   minutes: 60
#   points: 100
# ---

# %% [markdown]
# # NEW_TITLE
#
# <!-- REPLACE: what this lab is about, in three sentences. Everything below is an example that works: one exercise of each kind.
# Keep the shape, replace the content, and delete these remarks. -->
# A network holds many numbers, and many of them hardly matter. In this lab you keep the ones that do, and hand in what is left.
#
# **At the end you will have** <!-- REPLACE: what the student holds in the hand at the end --> an array in which nine of ten numbers are zero,
# made with a function of your own, and a table that says what is in it.
#
# | | |
# |---|---|
# | Time | about 60 minutes of yours <!-- REPLACE: and how long the computer takes --> |
# | Points | 100, in five exercises; one of them is read by a person |
# | Builds on | <!-- REPLACE: which lessons --> lesson 00 |
# | Stuck? | run `hint("NEW_ID.2-keep")` in a cell of your own: three hints for each exercise, at no cost |
# | Hand in | this notebook **and** the folder `NEW_NAME_artefacts` that appears beside it |

# %% setup=true
from autograder.student import ___, check, hint, progress

# %%
import numpy as np

# %% [markdown]
# ## NEW_ID.1-predict  What do a thousand numbers cost?
#
# *2 minutes · 10 points · difficulty 1 of 3*
#
# <!-- REPLACE: a question whose answer surprises. The student chooses before any code runs, and learns why. -->
# **Predict before you compute.** A layer has 1,000 weights in `float32`. How many bytes are that?
#
# - (a) 1,000
# - (b) 4,000
# - (c) 32,000
#
# Write the letter in quotes, like `"a"`.

# %% exercise="NEW_ID.1-predict" kind="choice" points=10 minutes=2 difficulty=1
# Exercise NEW_ID.1-predict: the letter of your choice, in quotes
predict_NEW_ID_1 = "b"  # blank: predict_NEW_ID_1 = ___

# %% [markdown] choices="NEW_ID.1-predict"
# - a: That is the number of weights. Each of them takes more than one byte.
# - b: Yes. 32 bits are 4 bytes, and 1,000 times 4 is 4,000.
# - c: That is the number of bits. Eight of them make a byte.

# %% [markdown] hints="NEW_ID.1-predict"
# 1. The name of the type says how many bits one number has.
# 2. A byte has eight bits. How many bytes does one number take?
# 3. Multiply the bytes of one number by how many numbers there are.

# %% check="NEW_ID.1-predict"
check("NEW_ID.1-predict")

# %% [markdown]
# ## NEW_ID.2-keep  Keep the largest
#
# *15 minutes · 35 points · difficulty 2 of 3*
#
# <!-- REPLACE: the longer exercise. Say what counts as right in every case that a check asks: ties, empty arrays, types. -->
# **Why.** If only some numbers may stay, keep those that are farthest from 0.
#
# - **Farthest from 0** means the absolute value: -3 stays before 2.
# - **Of two that are equally far** the one with the lower index stays.
# - **What goes** becomes 0. The array keeps its length.
#
# **A worked example.** Of (1, -3, 2, -2) two stay: -3 first, then 2, which has the lower index of the two 2s. The result is (0, -3, 2, 0).


# %% exercise="NEW_ID.2-keep" kind="code" points=35 minutes=15 difficulty=2
# Exercise NEW_ID.2-keep: all but the largest become zero
def keep_largest(x, k):
    """A copy of x in which all but k numbers are 0: those farthest from 0 stay.

    x: float array, shape (n,).    k: integer from 0 to n.
    Of equal distances the lower index stays.
    Returns an array of the shape and type of x.
    """
    order = np.argsort(-np.abs(x), kind="stable")  # blank: order = np.argsort(___, kind="stable")
    kept = np.zeros_like(x)
    kept[order[:k]] = x[order[:k]]  # blank: kept[___] = x[___]
    return kept


# %% [markdown] hints="NEW_ID.2-keep"
# 1. `np.argsort` sorts upwards: the smallest comes first. What has to be sorted so that the number farthest from 0 comes first?
# 2. `order` is a list of places. Which part of it belongs to the numbers that stay?
# 3. Both blanks of the last line are the same: those places in the new array get what stands there in the old one.

# %% check="NEW_ID.2-keep"
check("NEW_ID.2-keep")

# %% demo=true
from course_lessons.NEW_FOLDER import figures

weights = np.random.default_rng(0).normal(size=400).astype(np.float32)
few = keep_largest(weights, 40)
print(f"zeros: {np.mean(few == 0):.0%} of the numbers")
figures.sizes(weights, few)

# %% [markdown]
# *What to see: <!-- REPLACE: what this figure shows, in a sentence or two --> the numbers from the farthest to the nearest to 0. Only the
# first ones stay (filled); the long tail is gone.*
#
# ## NEW_ID.3-bug  Find the bug
#
# *5 minutes · 15 points · difficulty 1 of 3*
#
# <!-- REPLACE: a mistake that people really make, in a function that looks right -->
# This function should give the mean of the squares. For (1, -1) it gives 0, and it should give 1. One line is wrong. Repair it.


# %% exercise="NEW_ID.3-bug" kind="bug" points=15 minutes=5 difficulty=1
# Exercise NEW_ID.3-bug: repair the wrong line
def mean_square(x):
    """The mean of the squares of the numbers in x.

    x: float array, shape (n,), n at least 1.
    """
    return np.mean(x**2)  # bug: return np.mean(x) ** 2


# %% [markdown] hints="NEW_ID.3-bug"
# 1. Do it by hand for 1 and -1, in the order in which the line does it.
# 2. What is the mean of 1 and -1? What is its square?
# 3. The two steps are right. Their order is not.

# %% check="NEW_ID.3-bug"
check("NEW_ID.3-bug")

# %% [markdown]
# ## NEW_ID.4-files  Hand in what is left
#
# *10 minutes · 25 points · difficulty 1 of 3*
#
# <!-- REPLACE: what is handed in, and what the grader will look at. Files are .onnx, .npy or .json; `autograder.checks.measured` opens networks,
# runs them on test images and compares them with the table. -->
# The next cell writes the folder `NEW_NAME_artefacts` beside this notebook: `left.npy`, the array, and `results.json`, your table. **The grader
# measures it again**, and believes the file, not the table:
#
# - `left.npy` has as many numbers as `weights`, and its 40 largest stay where they were;
# - the table says how many numbers are not zero, and how many bytes the array has.

# %% exercise="NEW_ID.4-files" kind="artefact" points=25 minutes=10 difficulty=1 files=["left.npy", "results.json"]
# Exercise NEW_ID.4-files: write what you hand in
import io

from course_labs.studio.hand_in import hand_in

written = io.BytesIO()
np.save(written, keep_largest(weights, 40))
results = {"not_zero": int(np.count_nonzero(keep_largest(weights, 40))), "bytes": weights.nbytes}
folder = hand_in("NEW_NAME", {"left.npy": written.getvalue()}, results)

# %% [markdown] hints="NEW_ID.4-files"
# 1. The cell needs all cells above it, in order and without an error. Restart the kernel and run all cells if you are not sure.
# 2. Array and table must be of one run. If you have changed a function since, run everything from there to this cell again.
# 3. Do not edit numbers. If a check names one, look for the line of the notebook that computes it.

# %% check="NEW_ID.4-files"
check("NEW_ID.4-files")

# %% [markdown]
# ## NEW_ID.5-written  What does a zero save?
#
# *15 minutes · 15 points · difficulty 2 of 3 · read by a person*
#
# <!-- REPLACE: a question with an answer that can be read off this notebook's numbers, and a task in numbered parts -->
# **Your task.** Answer in three to six sentences. 90 % of an array are zeros. Does its file become ten times smaller? What would have to be
# stored beside the numbers that are left?

# %% [markdown] exercise="NEW_ID.5-written" kind="written" points=15 minutes=15 difficulty=2
# **Your answer to NEW_ID.5-written.** Double-click here, write in place of the line below, then press Shift+Enter.
#
# <!-- answer -->
# **A model answer** (REPLACE it with yours)
#
# No. An array stores its zeros like any other number, so as an array it does not shrink at all. To leave the zeros out, one has to
# store where the other numbers stand, and such a place takes bytes, too. So the file shrinks by less than ten times.

# %% [markdown] hints="NEW_ID.5-written"
# 1. How many bytes does a zero take in an array of `float32`?
# 2. If you leave it out, how does the reader know where the others belong?
# 3. Count the bytes of one place, and compare them with those of one number.

# %% [markdown] rubric="NEW_ID.5-written"
# **NEW_ID.5-written, 15 points** (REPLACE: what earns how much)
#
# - 5 points: an array stores its zeros, so nothing shrinks by itself.
# - 5 points: places have to be stored beside the numbers.
# - 5 points: places take bytes, so the file shrinks by less than ten times.

# %% [markdown]
# ## Mini-challenge (no points, no blanks)
#
# <!-- REPLACE: something for who wants more; the next cell has an outline only -->
# Which share of zeros can the array have before the numbers that are left are less than half of the mean square?

# %%
# 1. For k from 400 down to 10, keep the k largest.
# 2. Divide the mean square of what is left by that of the whole array.
# 3. At which k does the ratio fall below one half?

# %% demo=true
progress()

# %% [markdown]
# ## Common errors
#
# <!-- REPLACE: what students see, and what it probably was -->
#
# | You see | It was probably |
# |---|---|
# | the smallest numbers stay | the sort points the wrong way |
# | large negative numbers go | the absolute value was forgotten |
#
# ## Quick reference
#
# <!-- REPLACE: what a student will look up later -->
#
# | | |
# |---|---|
# | bytes of an array | count times bytes of one number |
# | share of zeros | mean of `x == 0` |
#
# ## Questions people ask
#
# <!-- REPLACE: three to five questions, each in bold at the start of a line -->
# **Is a very small number a zero?** Not here. Only 0 is 0.
#
# **Why the mean of the squares and not of the numbers?** Numbers of both signs cancel; squares do not.
#
# **Does it matter which of two equal numbers stays?** Not for the size. It matters for getting the same result twice.
#
# ## What this did not show
#
# <!-- REPLACE: the limits, honestly -->
# - That the network still works without the numbers that went.
#
# ## Further reading
#
# <!-- REPLACE: papers and books, each with a sentence why; papers as [arXiv:1712.05877](https://arxiv.org/abs/1712.05877) -->
# - Han et al. (2015), *Learning both Weights and Connections for Efficient Neural Networks*, [arXiv:1506.02626](https://arxiv.org/abs/1506.02626). Where this began.
