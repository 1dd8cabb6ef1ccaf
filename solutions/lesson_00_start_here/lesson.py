# ---
# course:
#   lesson: 00_start_here
#   title: Start here
#   writes: one blank, to see how it works
#   minutes: 10
#   points: 10
#   except: [number_of_cells, number_of_exercises, kinds_of_exercises, closing_sections]  # one short page
# ---

# %% [markdown]
# # 00 Start here
#
# A trained network is over-built, and this course shrinks it: fewer bits, fewer weights, a smaller
# network, a thinner matrix. You write each method yourself and you measure what it costs.
#
# **At the end of this page** you will have filled one blank, and you will know how to check an answer, ask for a hint, see your
# progress, put an exercise back, and what is graded.
#
# | | |
# |---|---|
# | Time | 10 minutes |
# | Points | 10, in one exercise |
# | Builds on | NumPy arrays: what a shape and a data type are |
#
# Run the cells from top to bottom with Shift+Enter. You may run any cell twice; nothing breaks.

# %% setup=true
from autograder.student import ___, check, hint, progress

# %% demo=true
# Four ways to pack a suitcase: what the course is about.
from course_lessons.lesson_00_start_here import figures

figures.suitcase()

# %% [markdown]
# *What to see: four ways to make luggage smaller. A paperback for a hardback says the same in fewer bits. What you
# never wear stays at home. A summary by someone who knows the subject replaces the long work. And a big flat thing becomes two thin ones.*
#
# ## 0.1-bytes  Your first blank
#
# *3 minutes · 10 points · difficulty 1 of 3*
#
# **Why.** Every claim in this course is about a cost, and the first cost is **bytes**. So let us count them.
#
# **A worked example.** A layer has a weight array of shape (100, 20), in `float32`. That is 2000 numbers of 4 bytes each: 8000 bytes.
# The same array in `float16` takes 2 bytes a number: 4000 bytes.
#
# **Your turn.** In the cell below, `___` marks what is missing. Replace each `___` by an expression, leave the rest, and run the cell. The array
# `weights` knows how many numbers it holds, and how many bytes one of them takes.
#
# **First try this:** run the next two cells *before* you fill anything. The check says that a blank is still open, and in which line.

# %% exercise="0.1-bytes" kind="code" points=10 minutes=3 difficulty=1
# Exercise 0.1-bytes: how many bytes do the numbers in an array take?
def weight_bytes(weights):
    """Bytes that the values of an array take.

    weights: NumPy array of any shape and any number type.
    Returns an integer (not a float).
    """
    return weights.size * weights.itemsize  # blank: return ___ * ___

# %% [markdown] hints="0.1-bytes"
# 1. The worked example has two factors: how many numbers, and how many bytes one number takes. Both belong to the array; neither is a constant.
# 2. In a cell of your own, run `import numpy as np` and `a = np.zeros((2, 3), np.float32)`. In the next cell type `a.` and press Tab. Look for a name that gives 6 and a name that gives 4.
# 3. `shape` gives (2, 3) and `len` gives 2. You want the number of all elements, and the size of one item.

# %% check="0.1-bytes"
check("0.1-bytes")

# %% [markdown]
# ## Stuck? Ask for a hint
#
# Each exercise has three hints. Each call shows the next one, and none of them is the answer. Hints cost no points. `hint("0.1-bytes", 1)` shows the
# first one again.

# %% demo=true
hint("0.1-bytes")

# %% [markdown]
# ## What you have done so far
#
# `progress()` shows the exercises of the lesson that you checked last, `progress("01")` those of lesson 01. Your
# progress is kept on your own machine.
#
# Run `%autocheck` once in a cell of your own, and from then on each exercise is checked when you run its cell. `%autocheck off` ends it.

# %% demo=true
progress()

# %% [markdown]
# ## Start an exercise again
#
# If a cell is beyond repair, put it back as it was handed out. Save the notebook, then run these two lines in a cell of your own:
#
# ```python
# from autograder.student import reset
# reset("0.1-bytes")
# ```
#
# Then reload the notebook from disk (in JupyterLab: File, Reload Notebook from Disk). Only that one cell has changed.
#
# The same works in a terminal, in the repository's top folder, and so do some other commands:
#
# ```
# .venv/bin/course reset 0.1-bytes
# .venv/bin/course hint 0.1-bytes
# .venv/bin/course status
# .venv/bin/course check lessons/00_start_here.ipynb
# .venv/bin/course watch
# ```
#
# `check` checks a whole notebook; `watch` goes on running, and each time you save a notebook it checks what you have changed; `status` shows your progress. On Windows write `.venv\Scripts\course`, in a conda environment just `course`.
#
# ## What is graded, and how
#
# - **Your functions are graded, not your outputs.** The grader runs your notebook afresh and calls your functions.
# - **It asks more than `check` does.** The checks in the notebook use a few small inputs. The grader also uses random inputs, new ones each time, and edge cases.
# - **The core first.** If a check of the notebook or the core check of the grader fails, the exercise gives no points. Edge cases are counted one by one after that.
# - **One mistake costs one exercise.** A crash or an endless loop in one does not touch the others, and no exercise needs your answer to an earlier one.
# - **Any right answer counts.** Write it your way: loops or one line, `float32` or `float64`, unless the text asks for something particular. Keep the names of functions and arguments.
# - **A function leaves what it is given as it is**, unless the text says otherwise: where you want to change an array, work on a copy of it. The same array may be
#   needed again.
# - **Four kinds of exercise:** fill in code; *predict*, where you choose a letter and are told why each choice is right or wrong; *find the bug*, where you repair a
#   line; and *written*, where a person reads your answer.
# - **Not graded:** cells that draw figures, the mini-challenge, hints, time, and how often you tried.
#
# When `check` fails it tells you what was asked, what came back, and, if it knows your mistake, its name. When you are content, save the notebook and hand it in.
#
# Next: [01 Affine quantisation](01_affine_quantization.ipynb).
