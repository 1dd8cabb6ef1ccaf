# ---
# course:
#   lesson: NEW_NAME
#   title: NEW_TITLE
#   writes: the share of zeros, the largest numbers, a mean square
#   minutes: 60
#   points: 100
# ---

# %% [markdown]
# # NEW_NUMBER NEW_TITLE
#
# <!-- REPLACE: what this lesson is about, in three sentences. Everything below is an example that works: five exercises, one of
# each kind and one more in code. Keep the shape, replace the content, and delete these remarks. -->
# A network holds many numbers, and many of them hardly matter. In this lesson you find out which ones do, and what the others cost.
#
# **At the end you will have** <!-- REPLACE: what the student holds in the hand at the end --> three small functions: one that counts
# zeros, one that keeps the largest numbers, one that measures how large the numbers are.
#
# | | |
# |---|---|
# | Time | about 60 minutes; each exercise says its own minutes |
# | Points | 100, in five exercises; one of them is read by a person |
# | Builds on | <!-- REPLACE: which lessons --> lesson 00 |
# | Stuck? | run `hint("NEW_ID.2-zeros")` in a cell of your own: three hints for each exercise, at no cost |

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
# ## NEW_ID.2-zeros  How many zeros?
#
# *8 minutes · 30 points · difficulty 1 of 3*
#
# <!-- REPLACE: why the student needs it, then a worked example with numbers that can be followed on paper -->
# **Why.** A zero need not be stored. So the first question about an array is which share of it is zero.
#
# **A worked example.** Of (0, 3, 0, -1) two are zero. Two of four is 0.5.


# %% exercise="NEW_ID.2-zeros" kind="code" points=30 minutes=8 difficulty=1
# Exercise NEW_ID.2-zeros: which share of an array is zero
def share_of_zeros(x):
    """The share of the numbers in x that are exactly 0.

    x: NumPy array of any shape, with at least one number.
    Returns a number from 0 to 1.
    """
    zeros = x == 0  # blank: zeros = x == ___
    return np.mean(zeros)  # blank: return ___


# %% [markdown] hints="NEW_ID.2-zeros"
# 1. Comparing an array with a number gives an array of true and false. Which number?
# 2. In arithmetic, true counts as 1 and false as 0. Add them up on paper for the worked example.
# 3. A share is a sum over a count. NumPy has one function that does both.

# %% check="NEW_ID.2-zeros"
check("NEW_ID.2-zeros")

# %% [markdown]
# ## NEW_ID.3-keep  Keep the largest
#
# *15 minutes · 30 points · difficulty 2 of 3*
#
# <!-- REPLACE: the longer exercise. Say what counts as right in every case that a check asks: ties, empty arrays, types. -->
# **Why.** If only some numbers may stay, keep those that are farthest from 0.
#
# - **Farthest from 0** means the absolute value: -3 stays before 2.
# - **Of two that are equally far** the one with the lower index stays.
# - **What goes** becomes 0. The array keeps its length.
#
# **A worked example.** Of (1, -3, 2, -2) two stay: -3 first, then 2, which has the lower index of the two 2s. The result is (0, -3, 2, 0).


# %% exercise="NEW_ID.3-keep" kind="code" points=30 minutes=15 difficulty=2
# Exercise NEW_ID.3-keep: all but the largest become zero
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


# %% [markdown] hints="NEW_ID.3-keep"
# 1. `np.argsort` sorts upwards: the smallest comes first. What has to be sorted so that the number farthest from 0 comes first?
# 2. `order` is a list of places. Which part of it belongs to the numbers that stay?
# 3. Both blanks of the last line are the same: those places in the new array get what stands there in the old one.

# %% check="NEW_ID.3-keep"
check("NEW_ID.3-keep")

# %% demo=true
from course_lessons.NEW_FOLDER import figures

weights = np.random.default_rng(0).normal(size=400)
few = keep_largest(weights, 40)
print(f"zeros: {share_of_zeros(few):.0%} of the numbers")
figures.sizes(weights, few)

# %% [markdown]
# *What to see: <!-- REPLACE: what this figure shows, in a sentence or two --> the numbers from the farthest to the nearest to 0. Only the
# first ones stay (filled); the long tail is gone.*
#
# ## NEW_ID.4-bug  Find the bug
#
# *5 minutes · 15 points · difficulty 1 of 3*
#
# <!-- REPLACE: a mistake that people really make, in a function that looks right -->
# This function should give the mean of the squares. For (1, -1) it gives 0, and it should give 1. One line is wrong. Repair it.


# %% exercise="NEW_ID.4-bug" kind="bug" points=15 minutes=5 difficulty=1
# Exercise NEW_ID.4-bug: repair the wrong line
def mean_square(x):
    """The mean of the squares of the numbers in x.

    x: float array, shape (n,), n at least 1.
    """
    return np.mean(x**2)  # bug: return np.mean(x) ** 2


# %% [markdown] hints="NEW_ID.4-bug"
# 1. Do it by hand for 1 and -1, in the order in which the line does it.
# 2. What is the mean of 1 and -1? What is its square?
# 3. The two steps are right. Their order is not.

# %% check="NEW_ID.4-bug"
check("NEW_ID.4-bug")

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
