# ---
# course:
#   lesson: 05_low_rank
#   title: Low-rank factorisation, two thin tables for one
#   writes: thin factors, exact errors, ranks, layers in two, whitening, LoRA
#   minutes: 105
#   points: 100
# ---

# %% [markdown]
# # 05 Low-rank factorisation: two thin tables for one
#
# A layer is a table of weights. If its rows resemble each other, you need not store them all: a few basic
# rows, and for each old row a recipe that mixes them, do nearly the same. That is two thin tables in place of
# one wide one. You need no retraining to get them, and both the bytes and the multiplications fall. But
# only below a certain width: above it, two tables are more than one.
#
# **At the end you will have** your own factorisation of linear layers and convolutions; the exact error
# before you make it; three ways to choose the width; a version that watches the layer's *output*; and the
# same algebra turned round, to adapt a trained network with a handful of new numbers (LoRA).
#
# | | |
# |---|---|
# | Time | about 105 minutes; each exercise says its own minutes |
# | Points | 100, in nine exercises; one of them is read by a person |
# | Builds on | lesson 00; NumPy and a little PyTorch; you should have seen the singular value decomposition once |
# | Stuck? | run `hint("5.2-factors")` in a cell of your own: three hints for each exercise, at no cost |
# | Which arrays | 5.2 to 5.4 and 5.7 take and return NumPy arrays, 5.6 and 5.8 PyTorch layers and tensors |
# | Rules | a function leaves what it is given as it is, unless the text says otherwise. Where an array is asked for, a list is not one; where an integer is, 3.0 is not one. Two values may come as a tuple or a list. Where a PyTorch layer is asked for, PyTorch's own class is meant, not one of yours that is made from it. The numbers in a table may all be small: 1e-9 is a number like any other |

# %% setup=true
from autograder.student import ___, check, hint, progress

# %%
import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)  # for networks this small a second thread costs more than it brings
rng = np.random.default_rng(5)

# %% [markdown]
# ## 5.1-predict  One table or two?
#
# *3 minutes · 5 points · difficulty 1 of 3*
#
# A layer with 1000 inputs and 1000 outputs is a table $W$ of 1000 × 1000 weights. We replace it by the product of
# a tall table, 1000 × $r$, and a wide one, $r$ × 1000. The inner width $r$ is the **rank**.
#
# With $r = 50$ that is 50,000 + 50,000 = 100,000 weights in place of 1,000,000: one tenth.
#
# **Predict before you compute.** Somebody is careful and takes $r = 600$, "only" 60 % of the full rank. How
# many weights do the two tables have together, compared with the one?
#
# - (a) 60 %
# - (b) 120 %
# - (c) 36 %
# - (d) 100 %
#
# Write the letter in quotes, like `"a"`.

# %% exercise="5.1-predict" kind="choice" points=5 minutes=3 difficulty=1
# Exercise 5.1-predict: the letter of your choice, in quotes
predict_5_1 = "b"  # blank: predict_5_1 = ___

# %% [markdown] choices="5.1-predict"
# - a: This counts one of the two tables. There are two of them, and each has 1000 × 600 weights.
# - b: Yes. Each table has 1000 × 600 = 600,000 weights, together 1,200,000. The "smaller" layer has grown by a fifth. For a square table the border lies at half of the full rank.
# - c: This shrinks both sides of one table to 60 %. The factorisation keeps both sides: 1000 × 600 and 600 × 1000. All inputs and all outputs are still there.
# - d: Two tables have the same number of weights as one only at rank 500: 2 × 1000 × 500. At 600 there are more.

# %% [markdown] hints="5.1-predict"
# 1. Draw three rectangles: the old table, the tall one and the wide one. Write the two sides beside each.
# 2. Count the weights of the tall table alone, then of the wide one, then add.
# 3. Redo the worked line for rank 50 with the other rank; nothing else changes. Then divide by a million.

# %% check="5.1-predict"
check("5.1-predict")

# %% demo=true
from course_lessons.lesson_05_low_rank import figures

ranks = np.arange(0, 1001)
two_tables = ranks * (1000 + 1000)
for r in (50, 499, 500, 600):
    print(f"rank {r:4d}: {two_tables[r]:10,} weights, {two_tables[r] / 1e6:.1%} of the single table")
figures.weights_against_rank(ranks, two_tables, 1000 * 1000, marks=(50, 600))

# %% [markdown]
# *What to see: the line of the two tables crosses the single table's at half of the full rank. Only left of
# the crossing is anything saved; the shaded part is more expensive than doing nothing.*
#
# ## 5.2-factors  The best two tables
#
# *10 minutes · 14 points · difficulty 2 of 3*
#
# **Why.** Which two tables? The **singular value decomposition** gives the best ones. It writes any table $W$ of
# shape $(m, n)$ as a sum of simple ones: $W = \sum_i \sigma_i\, u_i v_i^T$. Each $u_i$ is a column of $m$
# numbers and each $v_i^T$ a row of $n$ numbers, all of length 1. The **singular values** $\sigma_i$ are not negative and come
# largest first: they say how much each part weighs. Keep the first $r$ parts and drop the others.
#
# $$W \approx U_r\,\Sigma_r\,V_r^T$$
#
# **Where does σ go?** It must go in exactly once. Leave it out, and each part weighs 1. Put it into both tables,
# and each part weighs $\sigma^2$. We give each table the square root: $\sqrt\sigma \cdot \sqrt\sigma = \sigma$.
# Then both tables have numbers of the same size, which is good for fine-tuning and for quantising.
#
# **A worked example.** $W$ is the table with the rows (0, 8) and (2, 0). Its strongest part is 8: $u_1 = (1, 0)$,
# $v_1 = (0, 1)$. At rank 1 the tall table is the column $(\sqrt 8, 0)$, the wide one the row $(0, \sqrt 8)$. Their product
# is the table with the rows (0, 8) and (0, 0). The 2 is lost.
#
# **Signs.** $(-u_i)(-v_i)^T$ is the same part, so two programs may return opposite signs. The check looks at the
# product and at the lengths, never at the signs.
#
# `np.linalg.svd(w, full_matrices=False)` returns `u` of shape (m, k), `s` of shape (k,) and `vt` of shape (k, n), with k = min(m, n).
#
# **Predict:** a table whose rows are all multiples of one row. Which rank reproduces it without any error?

# %% exercise="5.2-factors" kind="code" points=14 minutes=10 difficulty=2
# Exercise 5.2-factors: the best pair of thin tables
def low_rank_factors(w, rank):
    """Two thin tables whose product is the best approximation of w of this rank.

    w: float NumPy array (float32 or float64), shape (m, n).    rank: int, 1 to min(m, n).
    Returns (left, right), float NumPy arrays of shape (m, rank) and (rank, n), strongest part first.
    Column i of left and row i of right have the same length: the root of the i-th singular value.
    """
    u, s, vt = np.linalg.svd(w, full_matrices=False)
    root = np.sqrt(s[:rank])  # blank: root = ___
    left = u[:, :rank] * root  # blank: left = ___ * root
    right = root[:, None] * vt[:rank]  # blank: right = ___ * vt[:rank]
    return left, right

# %% [markdown] hints="5.2-factors"
# 1. Write down the shapes: `u` is (m, k), `s` is (k,), `vt` is (k, n). Which part of each belongs to the first `rank` singular values?
# 2. Each table gets the square root, so that the product has each singular value once. The roots have the shape (rank,).
# 3. In `left` the parts are columns, and multiplying by a vector of shape (rank,) scales columns. In `right` the parts are rows: to scale rows, the vector needs a second axis of length 1.

# %% check="5.2-factors"
check("5.2-factors")

# %% demo=true
# A table with structure: two waves and a little noise.
down, across = np.linspace(0, 3, 40)[:, None], np.linspace(0, 3, 60)
table = np.sin(2 * down) * np.cos(3 * across) + 0.6 * np.cos(4 * down) * across / 3
table = table + 0.05 * rng.normal(size=table.shape)
left, right = low_rank_factors(table, 2)
error = np.linalg.norm(table - left @ right) / np.linalg.norm(table)
print(f"weights: {table.size} in one table, {left.size + right.size} in two; relative error {error:.1%}")
print("lengths of the columns of left:", np.linalg.norm(left, axis=0).round(3))
print("lengths of the rows of right:  ", np.linalg.norm(right, axis=1).round(3))
figures.thin_tables(table, left, right)

# %% [markdown]
# *What to see: a tall table of two columns times a wide one of two rows gives back both waves; what is missing looks like noise.*
#
# *Your prediction: rank 1. One row is stored once, and for each old row the factor that multiplies it.*
#
# ## 5.3-error  The error before you make it
#
# *5 minutes · 10 points · difficulty 2 of 3*
#
# **Why.** You want to know what rank 10 costs, and rank 20, and all the others, without building any of them. The singular
# values alone tell you. There are two usual measures of the difference $E = W - W_r$:
#
# - the **Frobenius norm**: the root of the sum of all squared entries. It is the length of $E$ seen as one long vector.
# - the **spectral norm**: the largest factor by which $E$ can stretch an input. It is the worst case.
#
# Eckart and Young (1936) showed for the first measure, Mirsky (1960) for both: keep the first $r$ parts, and the errors are
#
# $$\lVert W - W_r\rVert_F = \sqrt{\sigma_{r+1}^2 + \sigma_{r+2}^2 + \dots}\qquad\qquad \lVert W - W_r\rVert_2 = \sigma_{r+1}$$
#
# and **no table of rank $r$ whatsoever does better** in either measure. The errors are the *dropped* singular values.
#
# **A worked example.** The singular values are 4, 2, 1. At rank 1 the parts 2 and 1 are dropped. The Frobenius error is the root of
# 4 + 1, about 2.236. The spectral error is 2. At rank 3 nothing is dropped and both are 0. At rank 0 all is dropped.
#
# **Predict:** can the spectral error ever be larger than the Frobenius error?

# %% exercise="5.3-error" kind="code" points=10 minutes=5 difficulty=2
# Exercise 5.3-error: both errors from the singular values alone
def truncation_errors(singular_values, rank):
    """Errors of the best approximation of a given rank.

    singular_values: float NumPy array, shape (k,), largest first.    rank: int, 0 to k.
    Returns (frobenius, spectral), two floats; both are exactly 0.0 if nothing is dropped.
    """
    rest = singular_values[rank:]  # blank: rest = ___
    frobenius = np.sqrt(np.sum(rest**2))  # blank: frobenius = ___
    spectral = rest[0] if len(rest) > 0 else 0.0  # blank: spectral = ___ if len(rest) > 0 else 0.0
    return float(frobenius), float(spectral)

# %% [markdown] hints="5.3-error"
# 1. The error consists of what you throw away. Which slice of the singular values is that?
# 2. The values stand at the positions 0 to k - 1. After keeping `rank` of them, at which position does the first dropped one stand?
# 3. Redo the worked example step by step: square the dropped values, add, take the root. The spectral error needs just one of them, the largest, and they come sorted.

# %% check="5.3-error"
check("5.3-error")

# %% demo=true
# Formula against measurement, and against a thousand competitors of the same rank.
w = rng.normal(size=(30, 20)) @ np.diag(0.8 ** np.arange(20))
s = np.linalg.svd(w, compute_uv=False)
print("rank   Frobenius: formula, measured     spectral: formula, measured")
for r in (2, 5, 10):
    left, right = low_rank_factors(w, r)
    off = w - left @ right
    f, top = truncation_errors(s, r)
    print(f"{r:4d} {f:18.6f}{np.linalg.norm(off):12.6f}{top:20.6f}{np.linalg.norm(off, 2):12.6f}")
left, right = low_rank_factors(w, 5)
random_pairs, neighbours = [], []
for _ in range(1000):
    basis = rng.normal(size=(30, 5))  # a random left table, with the best right one for it
    random_pairs.append(np.linalg.norm(w - basis @ np.linalg.lstsq(basis, w, rcond=None)[0]))
    near = (left + 0.01 * rng.normal(size=left.shape)) @ (right + 0.01 * rng.normal(size=right.shape))
    neighbours.append(np.linalg.norm(w - near))
print(f"\nrank 5, Frobenius: the best {truncation_errors(s, 5)[0]:.4f}; closest of 1000 neighbours "
      f"{min(neighbours):.4f}; best of 1000 random tables {min(random_pairs):.4f}")

# %% [markdown]
# *What to see: formula and measurement agree in all digits shown, and no competitor gets below the first number of the last line.*
#
# *Your prediction: no. The spectral error is one of the dropped values, and the Frobenius error is the root of the sum of all their squares.*
#
# ### Whose singular values fall?
#
# Everything rests on one question: do the singular values of *real* weights fall quickly? For random numbers they do not.
# So here is a small network for handwritten digits; change `"digits"` to `"mnist"` if that data set is on your machine.
# We keep its random start, train it, and look at the middle layer before and after.
#
# **Predict:** will the trained layer have larger singular values everywhere, or only a few that stand out?

# %% demo=true
import copy, torch.nn.functional as F
from course_data import load
from threadpoolctl import threadpool_limits

threadpool_limits(1)  # NumPy, too, on one thread
data = load("digits")  # or "mnist", once it is on this machine

def pixels(split, flip=False):
    images = split.images.flip(-1) if flip else split.images
    return ((images.float() / 255 - data.mean[0]) / data.std[0]).flatten(1)

def train(model, x, y, steps, lr, decay, seed=0, only=None):
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(only or model.parameters(), lr=lr, weight_decay=decay)
    for _ in range(steps):
        batch = torch.randint(len(x), (64,), generator=generator)
        optimiser.zero_grad()
        F.cross_entropy(model(x[batch]), y[batch]).backward()
        optimiser.step()

def accuracy(model, x, y):
    with torch.no_grad():
        return 100 * (model(x).argmax(dim=1) == y).float().mean().item()

torch.manual_seed(0)
x_train, x_val = pixels(data.train), pixels(data.val)
sizes = x_train.shape[1], 256, 256, len(data.classes)
network = nn.Sequential(nn.Linear(*sizes[:2]), nn.ReLU(), nn.Linear(*sizes[1:3]), nn.ReLU(), nn.Linear(*sizes[2:]))
start = network[2].weight.detach().numpy().copy()
train(network, x_train, data.train.labels, steps=800, lr=2e-3, decay=0.3)
trained = network[2].weight.detach().numpy()
dense_accuracy = accuracy(network, x_val, data.val.labels)
print(f"{data.title}: validation accuracy {dense_accuracy:.1f} %")
both = {"random start": start, "after training": trained}.items()
spectra = {name: np.linalg.svd(w, compute_uv=False) for name, w in both}
for name, s in spectra.items():
    top = np.sum(s[:16] ** 2) / np.sum(s**2)
    print(f"{name:15} largest {s[0]:.2f}, 17th {s[16]:.2f}, median {np.median(s):.2f}; "
          f"the first 16 of {len(s)} hold {top:.1%} of the squares")
figures.spectra(spectra)

# %% [markdown]
# *What to see: the random start (dashed) falls slowly and evenly. After training a few singular values stand high above the
# rest, about as many as there are classes: that is what was learnt. The long tail is what is left of the random start,
# shrunk by weight decay. So the right panel's curve of the trained layer climbs at once, and the random one does not.*
#
# *Your prediction: only a few stand out. The 17th and the median in the print-out became smaller, not larger.*
#
# ## 5.4-rank  Which rank?
#
# *14 minutes · 14 points · difficulty 2 of 3*
#
# **Why.** The rank is the one number that you choose. Four rules bound it.
#
# **Break-even.** Two tables have $r(m+n)$ weights, one has $mn$. To save anything, $r(m+n)$ must be **less** than $mn$. For
# 1000 × 1000 that is 2000 r < 1,000,000, so r = 499 is the last rank that saves; at 500 both are equal and
# nothing is won. For 256 × 64 it is 320 r < 16,384: 51 × 320 = 16,320 still saves, 52 does not.
#
# **By energy.** Call the sum of all squared singular values the *energy* (it is the sum of all squared weights). Keep the
# smallest rank whose squares reach a share of it, say 95 %. With 4, 2, 1 the squares are 16, 4, 1, in all 21. The share
# 95 % is 19.95. One square, 16, does not reach it; two, 20, do. So the rank is 2.
#
# **By budget.** You are given a number of weights. Take the largest rank whose two tables fit in, at most the full rank.
# A budget of 5000 for 256 × 64 gives rank 15: 15 × 320 = 4800 fits. A budget that is hit exactly counts as fitting.
#
# **By accuracy.** Take the smallest rank whose validation accuracy is still good enough. It is the best of the four rules and the dearest;
# you will do it after 5.6.
#
# **Predict:** 95 % of the energy is kept. How large is the relative Frobenius error? (It is not 5 %.)

# %% exercise="5.4-rank" kind="code" points=14 minutes=14 difficulty=2
# Exercise 5.4-rank: three rules for the rank
def break_even_rank(m, n):
    """The largest rank at which two tables have fewer weights than one of shape (m, n); 0 if there is none.

    m, n: ints, at least 1.    Returns an integer.
    """
    return (m * n - 1) // (m + n)  # blank: return (___) // (___)


def rank_for_energy(singular_values, share):
    """The smallest rank whose squared singular values sum to at least `share` of the whole sum.

    singular_values: float NumPy array, shape (k,), largest first, not all 0.
    share: float, above 0, at most 1.    Returns an integer, 1 to k.
    """
    energy = np.cumsum(singular_values**2)  # blank: energy = np.cumsum(___)
    enough = energy >= share * energy[-1]  # blank: enough = energy >= ___
    return int(np.argmax(enough)) + 1  # blank: return int(np.argmax(enough)) + ___


def rank_for_budget(m, n, budget):
    """The largest rank whose two tables have at most `budget` weights, and not above min(m, n); 0 if none fits.

    m, n: ints, at least 1.    budget: int, at least 0.    Returns an integer.
    """
    return min(budget // (m + n), m, n)  # blank: return min(___, m, n)

# %% [markdown] hints="5.4-rank"
# 1. Two tables of rank r have r times (m + n) weights; that product is the key to two of the three functions. Integer division `//` rounds down, which gives the largest rank that still fits.
# 2. For break-even, equal is not less. With whole numbers, "less than 100" is the same as "at most 99". For 1000 × 1000 you want 499, not 500.
# 3. `np.cumsum` gives running sums; the last one is the whole. `np.argmax` of True and False gives the position of the first True, and positions start at 0. How many values have been kept at position 0?

# %% check="5.4-rank"
check("5.4-rank")

# %% demo=true
print(f"{'layer':22}{'full rank':>10}{'break-even':>11}{'95 % energy':>12}{'99 %':>6}{'a quarter of the weights':>26}")
for name, w in (("0: first", network[0].weight), ("2: middle", network[2].weight),
                ("2: middle, at start", torch.tensor(start)), ("4: last", network[4].weight)):
    w = w.detach().numpy()
    s = np.linalg.svd(w, compute_uv=False)
    m, n = w.shape
    print(f"{name:22}{min(m, n):10d}{break_even_rank(m, n):11d}{rank_for_energy(s, 0.95):12d}"
          f"{rank_for_energy(s, 0.99):6d}{rank_for_budget(m, n, m * n // 4):26d}")
print(f"\nrelative Frobenius error with 95 % of the energy kept: at most sqrt(1 - 0.95) = {np.sqrt(1 - 0.95):.1%}")

# %% [markdown]
# *What to see: 95 % of the random start's energy needs a rank above break-even: random weights cannot be compressed this way. Training
# lowers that rank. The last layer has so few outputs that 99 % needs its full rank, which is above break-even: leave such layers alone.
# And 95 % of the energy is an error of 22 %: squares flatter. None of these columns knows anything about accuracy; keep the rank for 95 % of
# the middle layer in mind until after 5.6.*
#
# *Your prediction: the root of the 5 % that are missing, so up to 22 %.*
#
# ## 5.5-bug  Find the bug: "compressed", and larger
#
# *6 minutes · 8 points · difficulty 1 of 3*
#
# **Why.** A network has layers of many shapes. A colleague's script takes one rank for all of them, factorises a layer
# where that makes it smaller, and counts the weights. At rank 600 it "compressed" a network with one layer of
# 1000 × 1000: from 1,000,000 weights to 1,200,000. Nobody looked, because below the line stood the word "compressed".
#
# **Predict:** a second layer has the shape (1000, 4000). Should it be factorised at rank 600?
#
# One line is wrong. Repair it.

# %% exercise="5.5-bug" kind="bug" points=8 minutes=6 difficulty=1
# Exercise 5.5-bug: repair the wrong line
def weights_after(shapes, rank):
    """Weights of a network in which a layer is factorised only if that makes it smaller.

    shapes: list of (m, n), at least one, the shapes of the weight tables; ints.    rank: int, at least 1, for all layers.
    A layer that would not get smaller keeps its one table.
    Returns the number of weights of all layers together (biases not counted), an integer.
    """
    total = 0
    for m, n in shapes:
        if rank * (m + n) < m * n:  # bug: if rank < min(m, n):
            total += rank * (m + n)
        else:
            total += m * n
    return total

# %% [markdown] hints="5.5-bug"
# 1. Take the single layer (1000, 1000) at rank 600 and follow the function by hand. Which branch does it take, and which should it take?
# 2. The two sums are right. What does the condition ask, and what does the docstring ask?
# 3. Below full rank is not below break-even. The condition should compare the two numbers of weights themselves.

# %% check="5.5-bug"
check("5.5-bug")

# %% [markdown]
# *Your prediction: yes. Two tables have 600 × 5000 = 3,000,000 weights there, the one has 4,000,000. The same rank is too much for one layer and a saving for the next.*
#
# ## 5.6-layers  Two layers for one
#
# *16 minutes · 16 points · difficulty 3 of 3*
#
# **Why.** Thin tables save nothing until the network *uses* them: multiplied out again they have the old shape. So one layer
# becomes two in a row.
#
# **Linear.** A layer computes $y = Wx + b$. With $W \approx LR$ this is $y = L(Rx) + b$. Reading from the inside: first
# the wide table `right` makes $r$ numbers out of the inputs; then the tall table `left` makes the outputs. There is
# **no** activation between them. The bias is added once, at the end. PyTorch gives every new layer a bias of its own, filled with random
# numbers, unless you say `bias=False`.
#
# **Convolution.** A `Conv2d` weight has the shape (out, in, k, k). `weight.flatten(1)` makes a table of it: (out, in·k·k). Each row is
# one filter. Factorised, $r$ basic filters (`right`, back in the shape (r, in, k, k)) look at the picture, and a 1 × 1 convolution (`left`)
# mixes their results at each pixel. The k × k part keeps stride, padding and dilation: it is the one that walks over the picture. If the 1 × 1
# part took the stride again, the picture would shrink twice.
#
# **New layers.** Nothing in the pair is the old layer's. Its weights are float32 like those of the old layer, and they can be trained: the next
# demonstration fine-tunes them. `left` and `right` were made for the pair, so they themselves may become its weights. If the
# pair used the old layer's bias itself, not a copy, training the pair would change the old layer.
#
# **A worked example.** 16 → 32 channels, 3 × 3: the table is 32 × 144, that is 4608 weights. At rank 8: 8 × 144 + 32 × 8 = 1408.
#
# **Predict:** what would happen if you put the bias on the first of the two layers, too?

# %% exercise="5.6-layers" kind="code" points=16 minutes=16 difficulty=3
# Exercise 5.6-layers: a layer becomes two
def two_linears(layer, left, right):
    """nn.Linear -> nn.Sequential of two nn.Linear that compute x @ (left @ right).T + bias.

    layer: nn.Linear(n, m), float32, with a bias or without; it is not changed, and shares no memory with the result.
    left, right: torch tensors, float32, shape (m, r) and (r, n). They may be copied, or become the weights themselves.
    Only the second layer has a bias, and only if `layer` has one. All parameters are float32 and can be trained (requires_grad).
    """
    rank = right.shape[0]
    first = nn.Linear(layer.in_features, rank, bias=False)  # blank: first = nn.Linear(___, ___, bias=___)
    second = nn.Linear(rank, layer.out_features, bias=layer.bias is not None)  # blank: second = nn.Linear(___, ___, bias=layer.bias is not None)
    with torch.no_grad():
        first.weight.copy_(right)  # blank: first.weight.copy_(___)
        second.weight.copy_(left)  # blank: second.weight.copy_(___)
        if layer.bias is not None:
            second.bias.copy_(layer.bias)  # blank: ___.copy_(layer.bias)
    return nn.Sequential(first, second)


def two_convs(layer, left, right):
    """nn.Conv2d -> nn.Sequential of the same k x k convolution with r outputs, and a 1 x 1 convolution.

    layer: nn.Conv2d, float32, groups = 1, zeros as padding; any stride, padding (in numbers) and dilation, kernels that need not be square.
    left, right: torch tensors, float32, shape (out, r) and (r, in * kernel height * kernel width).
    Biases, memory and parameters as in two_linears.
    """
    rank, walk = right.shape[0], {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
    first = nn.Conv2d(layer.in_channels, rank, layer.kernel_size, bias=False, **walk)  # blank: first = nn.Conv2d(___, ___, layer.kernel_size, bias=___, **walk)
    second = nn.Conv2d(rank, layer.out_channels, 1, bias=layer.bias is not None)  # blank: second = nn.Conv2d(___, ___, ___, bias=layer.bias is not None)
    with torch.no_grad():
        first.weight.copy_(right.reshape(first.weight.shape))  # blank: first.weight.copy_(___.reshape(first.weight.shape))
        second.weight.copy_(left.reshape(second.weight.shape))
        if layer.bias is not None:
            second.bias.copy_(layer.bias)
    return nn.Sequential(first, second)

# %% [markdown] hints="5.6-layers"
# 1. Follow an input of length n: which of the two tables can be applied to it first? What length does it have between the two layers?
# 2. `nn.Linear(a, b)` takes a numbers in and gives b out; its weight has the shape (b, a). Compare with the shapes of `left` and `right`: neither needs to be transposed.
# 3. In the convolution the same two roles appear: the first part takes the picture's channels and gives `rank` of them, and has no bias; the second mixes `rank` channels, and its kernel looks at one pixel only.

# %% check="5.6-layers"
check("5.6-layers")

# %% demo=true
def factorised(model, rank):
    """The network with its first and its middle layer in two parts."""
    thin = copy.deepcopy(model)
    for i in (0, 2):
        left, right = low_rank_factors(model[i].weight.detach().numpy(), rank)
        thin[i] = two_linears(model[i], torch.tensor(left), torch.tensor(right))
    return thin

y_val = data.val.labels
full = min(network[0].weight.shape)
gap = (factorised(network, full)[0](x_val) - network[0](x_val)).abs().max()
print(f"first layer at full rank {full}: largest difference of an output {gap:.1e}")
ACCEPTED = dense_accuracy - 1  # fixed before looking
ranks, before, after, chosen = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48], [], [], None
for r in ranks:
    untuned = factorised(network, r)
    before.append(accuracy(untuned, x_val, y_val))
    after.append([])
    for seed in range(3):
        thin = copy.deepcopy(untuned)
        train(thin, x_train, data.train.labels, steps=120, lr=1e-3, decay=0.01, seed=seed)
        after[-1].append(accuracy(thin, x_val, y_val))
    if chosen is None and np.mean(after[-1]) >= ACCEPTED:
        chosen = (f"rank {r}, fine-tuned", thin)
    low, mean, high = min(after[-1]), np.mean(after[-1]), max(after[-1])
    print(f"rank {r:3d}: {before[-1]:5.1f} %, fine-tuned {mean:5.1f} % ({low:.1f} to {high:.1f})")
x_test, y_test = pixels(data.test), data.test.labels
for name, model in (("dense", network), chosen):
    numbers = sum(p.numel() for p in model.parameters())
    print(f"{name:20}{numbers:8,} parameters, test accuracy {accuracy(model, x_test, y_test):.1f} %")
print(f"one validation image is {100 / len(y_val):.2f} points, one test image {100 / len(y_test):.2f}")
border = break_even_rank(*network[0].weight.shape)
figures.accuracy_against_rank(ranks, before, np.array(after), dense_accuracy, border)

# %% [markdown]
# *What to see: without fine-tuning (circles) the accuracy falls off a cliff at small ranks. A moment of fine-tuning
# (squares, with the spread of three seeds) pushes the cliff to the left. Far left of break-even the network is about as good as the dense one, at a rank
# much lower than 95 % of the energy asked for; there, fine-tuning changes next to nothing.*
#
# This was the fourth rule, **by accuracy**. What is acceptable was fixed in the code *before* the curve was drawn: one point below the dense
# network, on the validation images. The smallest rank that holds it was taken. Only then were the test images used, once.
#
# *Your prediction in 5.6: `left` would multiply the first bias and add the result to every output, a shift that the old layer never had.*
#
# ### Two ways to split a convolution
#
# The weight (out, in, k, k) can be laid out as a table in more than one way. Each gives another pair of layers:
#
# | table | the pair | weights at rank r |
# |---|---|---|
# | rows: out; columns: in, y, x | k × k to r channels, then 1 × 1 | r (in·k·k + out) |
# | rows: in, y; columns: out, x | k × 1 to r channels, then 1 × k | r (in·k + out·k) |
#
# The second is like writing a blur as a vertical and then a horizontal blur. Here both cut the second convolution of a small network for the same
# digits.
#
# **Predict:** 16 → 32 channels, 3 × 3. Which of the two has the higher break-even rank?

# %% demo=true
torch.manual_seed(0)
pictures, val_pictures = (pixels(s).unflatten(1, s.images.shape[1:]) for s in (data.train, data.val))
flat = 32 * (pictures.shape[-1] // 2) ** 2
cnn = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
                    nn.MaxPool2d(2), nn.Flatten(), nn.Linear(flat, len(data.classes)))
train(cnn, pictures, data.train.labels, steps=200, lr=4e-3, decay=0.05)
kernel = cnn[2].weight.detach()
tables = {"3 x 3, then 1 x 1": kernel.flatten(1),
          "3 x 1, then 1 x 3": kernel.permute(1, 2, 0, 3).reshape(16 * 3, 32 * 3)}
curves = {}
for name, table in tables.items():
    curves[name] = []
    for r in (2, 4, 8, 12, 16, 20, 24, 28, 32):
        left, right = (torch.tensor(t) for t in low_rank_factors(table.numpy(), r))
        thin = copy.deepcopy(cnn)
        if name == "3 x 3, then 1 x 1":
            thin[2] = two_convs(cnn[2], left, right)
        else:
            thin[2] = nn.Sequential(nn.Conv2d(16, r, (3, 1), padding=(1, 0), bias=False),
                                    nn.Conv2d(r, 32, (1, 3), padding=(0, 1)))
            with torch.no_grad():
                thin[2][0].weight.copy_(left.reshape(16, 3, r).permute(2, 0, 1)[..., None])
                thin[2][1].weight.copy_(right.reshape(r, 32, 3).permute(1, 0, 2)[:, :, None])
                thin[2][1].bias.copy_(cnn[2].bias)
        lost = torch.linalg.norm(table - left @ right) / torch.linalg.norm(table)
        share = r * sum(table.shape) / kernel.numel()
        curves[name].append((share, lost.item(), accuracy(thin, val_pictures, y_val)))
    print(f"{name}: break-even rank {break_even_rank(*table.shape)} of {min(table.shape)}; accuracy by rank",
          [round(a, 1) for _, _, a in curves[name]])
figures.conv_splits(curves, accuracy(cnn, val_pictures, y_val))

# %% [markdown]
# *What to see: at equal weights the two splits lose about the same (left). Both keep the accuracy far below half of the weights (right), where
# half of the Frobenius norm is lost already. Which split is better depends on the layer; you have the singular values to tell.*
#
# *Your prediction: the second one, 31 against 26. Its table of 48 × 96 is nearer to a square than the first one, 32 × 144.*
#
# ### Bytes and milliseconds
#
# Fewer multiplications should be less time. But two layers are two calls, and each call has a fixed cost. So measure: a layer of 1000 × 1000, one
# thread, the median of many runs after a warm-up, all divided by the dense layer's time in the same run. Bytes are those of the saved file.
#
# **Predict:** for one input at a time, will the break-even in time lie left or right of the one in weights?

# %% demo=true
import io
import time

def median_time(layer, x, runs):
    with torch.inference_mode():
        for _ in range(5):
            layer(x)  # warm-up
        times = []
        for _ in range(runs):
            begin = time.perf_counter()
            layer(x)
            times.append(time.perf_counter() - begin)
    return np.median(times)

def file_bytes(layer):
    file = io.BytesIO()
    torch.save(layer.state_dict(), file)
    return file.getbuffer().nbytes

dense = nn.Linear(1000, 1000)
inputs = {"1 input": (torch.randn(1, 1000), 30), "64 inputs": (torch.randn(64, 1000), 6)}
print(f"dense: {file_bytes(dense):,} bytes")
shares, times = [], {name: [] for name in inputs}
latency_ranks = [10, 25, 50, 100, 200, 300, 400, 499, 600]
for r in latency_ranks:
    pair = two_linears(dense, torch.randn(1000, r), torch.randn(r, 1000))
    shares.append(file_bytes(pair) / file_bytes(dense))
    for name, given in inputs.items():  # both layers in each of nine rounds, side by side
        times[name].append(np.median([median_time(pair, *given) / median_time(dense, *given) for _ in range(9)]))
    print(f"rank {r:3d}: {file_bytes(pair):9,} bytes, {shares[-1]:6.1%}; time",
          ", ".join(f"{name} {t[-1]:6.1%}" for name, t in times.items()))
figures.bytes_and_time(latency_ranks, shares, times)

# %% [markdown]
# *What to see: the bytes lie on the straight line of the count. The times follow it, but not exactly: at small ranks
# the fixed cost of two calls keeps them above the line, most of all for one input. Where a curve crosses 100 % is the break-even in time on your machine.*
#
# *Your prediction: as a rule left. The second call costs the same at every rank, so the pair of layers must do with fewer weights. In the print-out, look for the first
# rank at which the time for one input is above 100 %.*
#
# ## 5.7-whitened  Watch the output, not the weights
#
# *14 minutes · 14 points · difficulty 3 of 3*
#
# **Why.** Nobody looks at a weight. What counts is the layer's *output*, and that depends on the inputs which really occur. An error in a
# weight whose input is always 0 costs nothing. Plain SVD does not know that; it treats all inputs alike.
#
# **A worked example.** $W$ has the rows (1, 0) and (0, 2). The first input is loud, about ±10; the second is quiet, about ±1. Plain SVD at rank 1 keeps the 2. On
# the output it keeps 2 × 1 = 2 and loses 1 × 10 = 10. Now multiply each column by the loudness of its input first: the rows (10, 0) and (0, 2).
# SVD keeps the 10. Divide the columns by the loudness again: (1, 0), (0, 0). Now only 2 is lost.
#
# **With inputs that go together**, one number a column is not enough; it takes a table. Collect calibration inputs $X$, one in each row, and form
#
# $$G = \tfrac1N X^T X \qquad\text{and its Cholesky factor } C:\; G = C\,C^T$$
#
# For any error $E$ in the weights, the mean squared output error is $\tfrac1N\lVert X E^T\rVert_F^2 = \lVert E\,C\rVert_F^2$. So: factorise $W C$ instead of $W$,
# truncate there, where Eckart and Young hold, and undo the $C$ on the right-hand table with $C^{-1}$. This is called **whitening**: in the new coordinates all
# inputs are equally loud, and no two of them go together any more ($G$ becomes the identity).
#
# **Too few or dead inputs.** If an input is always 0, or there are fewer samples than inputs, $G$ has no proper Cholesky factor. We add
# a small **ridge** to the diagonal: here one millionth of its mean. It also keeps the table sensible for inputs that calibration did not show: the larger
# the ridge, the nearer the answer is to plain SVD. So it belongs to the result, also where $G$ could do without.
#
# **Predict:** if all inputs are independent and equally loud, what does whitening change?

# %% exercise="5.7-whitened" kind="code" points=14 minutes=14 difficulty=3
# Exercise 5.7-whitened: the best pair of tables for the inputs that occur
def whitened_factors(w, x, rank, ridge=1e-6):
    """Thin tables of this rank with the least |E C|, the mean squared output error on the inputs x (and a ridge's share).

    w: float64 NumPy array, shape (m, n).    x: float64 NumPy array, shape (samples, n), not all 0.
    rank: int, 1 to min(m, n).    ridge: float, above 0: so many times the mean of G's diagonal is added to the diagonal.
    Returns (left, right), float64 NumPy arrays, shapes (m, rank) and (rank, n); the new output is x @ (left @ right).T.
    """
    gram = x.T @ x / len(x)  # blank: gram = ___ / len(x)
    gram = gram + ridge * np.mean(np.diag(gram)) * np.eye(len(gram))
    c = np.linalg.cholesky(gram)  # gram = c @ c.T
    u, s, vt = np.linalg.svd(w @ c, full_matrices=False)  # blank: u, s, vt = np.linalg.svd(___, full_matrices=False)
    root = np.sqrt(s[:rank])
    left = u[:, :rank] * root
    right = (root[:, None] * vt[:rank]) @ np.linalg.inv(c)  # blank: right = (root[:, None] * vt[:rank]) @ ___
    return left, right

# %% [markdown] hints="5.7-whitened"
# 1. `gram` must be (n, n): one row and one column for each input of the layer. Which product of `x` with itself has that shape?
# 2. Read the sentence that starts with "So:" once more. It says what to factorise, and on which side of `w` the new table stands.
# 3. After the truncation, `left @ right` must stand for `w` again, not for the product that you factorised. Without truncation you would have to get `w` back exactly: what must you multiply with on the right?

# %% check="5.7-whitened"
check("5.7-whitened")

# %% demo=true
with torch.no_grad():
    hidden = network[1](network[0](x_train)).double().numpy()  # what the middle layer really gets
    hidden_val = network[1](network[0](x_val)).double().numpy()
w = network[2].weight.detach().double().numpy()
dead = int((np.abs(hidden).max(axis=0) == 0).sum())
print(f"{hidden.shape[1]} inputs of the middle layer, {dead} of them always 0")
results = {"plain SVD": [], "whitened SVD": []}
white_ranks = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32]
for r in white_ranks:
    pairs = {"plain SVD": low_rank_factors(w, r), "whitened SVD": whitened_factors(w, hidden, r)}
    for name, (left, right) in pairs.items():
        lost = np.linalg.norm(hidden_val @ (w - left @ right).T) / np.linalg.norm(hidden_val @ w.T)
        moved = np.linalg.norm(w - left @ right) / np.linalg.norm(w)
        thin = copy.deepcopy(network)
        thin[2] = two_linears(network[2], torch.tensor(left), torch.tensor(right))
        results[name].append((lost, accuracy(thin, x_val, y_val), moved))
for name, rows in results.items():
    print(f"{name:13} output error at rank 4: {rows[3][0]:.3f}, at rank 8: {rows[5][0]:.3f}; "
          f"weight error at rank 8: {rows[5][2]:.3f}")
figures.plain_and_whitened(white_ranks, results, dense_accuracy)

# %% [markdown]
# *What to see: on validation inputs, which it never saw, the whitened version has the smaller output error at every rank, although its
# weights are further off (print-out). On accuracy neither wins everywhere: an output can be far off and still have its largest entry in the right
# place. So measure what you care about, in the end always the accuracy.*
#
# *Your prediction: nothing, if their mean is 0. Then $G$ is a multiple of the identity and so is $C$: plain SVD is the best for such inputs.*
#
# ## 5.8-lora  The same algebra, turned round
#
# *12 minutes · 12 points · difficulty 2 of 3*
#
# **Why.** So far we took a trained table apart. **LoRA** (Hu et al. 2021) keeps it, frozen, and *adds* a thin product to adapt it to a new task:
#
# $$W' = W + \frac{\alpha}{r}\,B A\qquad B: (m, r),\quad A: (r, n)$$
#
# Only $A$ and $B$ are trained: $r(m+n)$ numbers. For 1000 × 1000 and $r = 8$ that is 16,000 in place of a million. (The paper's letters: its $B$ is our
# `left`, its $A$ our `right`.) The factor $\alpha/r$ is there so that a change of $r$ needs less tuning of the learning rate.
#
# **The start.** $B$ is all zeros, so $BA = 0$ and the network starts exactly as it was. $A$ is random. If both were zero, nothing would ever move:
# the gradient of $B$ has $A$ as a factor, and that of $A$ has $B$.
#
# **The way.** Nobody has to build $W'$ for an output: $x A^T B^T$ costs $r(m+n)$ multiplications a sample, and is added to what the frozen layer says. The
# gradient must get through to $A$, to $B$ *and* to $x$: below this layer there may be others with tables of their own.
#
# **The end.** $W + \frac{\alpha}{r}BA$ is a table of the old shape. **Merge** it into one layer, and the adapted network costs
# not a microsecond more. The bias is not touched.
#
# **A worked example.** $W$ = (1, 2), one row. $B$ = (3), $A$ = (1, -1), $\alpha = 2$, $r = 1$. $BA$ = (3, -3), times 2 is (6, -6). Merged: (7, -4).
#
# **Predict:** you have merged. Can you get the original network back?

# %% exercise="5.8-lora" kind="code" points=12 minutes=12 difficulty=2
# Exercise 5.8-lora: start, use and merge
def lora_start(out_features, in_features, rank, seed):
    """The two tables at the start, float32 torch tensors: a (rank, in_features), random; b (out_features, rank), zeros.

    seed: int, at least 0. The same seed gives the same numbers each time, another seed others.
    """
    generator = torch.Generator().manual_seed(seed)
    a = torch.randn(rank, in_features, generator=generator) / in_features**0.5  # blank: a = torch.randn(___, ___, generator=generator) / in_features**0.5
    b = torch.zeros(out_features, rank)  # blank: b = ___
    return a, b


def lora_output(layer, x, a, b, alpha):
    """Output of the adapted layer, a float32 torch tensor of shape (samples, m); gradients reach x, a and b.

    layer: nn.Linear(n, m), float32, with a bias or without; it stays as it is, also if it is frozen.
    x: torch tensor (samples, n).    a: (r, n).    b: (m, r).    All float32.    alpha: float.
    """
    scale = alpha / a.shape[0]  # blank: scale = ___
    return layer(x) + scale * (x @ a.T @ b.T)  # blank: return layer(x) + scale * ___


def lora_merge(layer, a, b, alpha):
    """A new nn.Linear(n, m), float32, that computes what lora_output computes.

    `layer` is not changed, and shares no memory with the new one.
    """
    merged = nn.Linear(layer.in_features, layer.out_features, bias=layer.bias is not None)
    with torch.no_grad():
        merged.weight.copy_(layer.weight + alpha / a.shape[0] * b @ a)  # blank: merged.weight.copy_(layer.weight + ___)
        if layer.bias is not None:
            merged.bias.copy_(layer.bias)  # blank: merged.bias.copy_(___)
    return merged

# %% [markdown] hints="5.8-lora"
# 1. Shapes again: a sample is a row of n numbers. It must become r numbers, then m. `a` is (r, n) and `b` is (m, r); each has to be turned round to multiply rows from the right.
# 2. The rank can be read from the shape of either table. The factor is alpha divided by it, in output and merge alike.
# 3. The merged weight has the shape (m, n). Which order of the two tables gives that shape? And what happens to the bias in the formula for W'?

# %% check="5.8-lora"
check("5.8-lora")

# %% demo=true
class Adapted(nn.Module):  # a frozen layer and its two small tables
    def __init__(self, layer, rank, alpha, seed):
        super().__init__()
        a, b = lora_start(layer.out_features, layer.in_features, rank, seed)
        self.layer, self.alpha, self.a, self.b = layer, alpha, nn.Parameter(a), nn.Parameter(b)

    def forward(self, x):
        return lora_output(self.layer, x, self.a, self.b, self.alpha)

# The new task: the same digits in a mirror.
mirror_train, mirror_val = pixels(data.train, flip=True), pixels(data.val, flip=True)
rows = []

def note(name, model, numbers):
    rows.append((name, numbers, accuracy(model, mirror_val, y_val), accuracy(model, x_val, y_val)))

note("as it is", network, 0)
for rank in (1, 2, 4, 8):
    model = copy.deepcopy(network)
    for i in (0, 2, 4):
        model[i] = Adapted(model[i], rank, alpha=8.0, seed=i)
    assert torch.equal(model(x_val), network(x_val))  # nothing has moved yet
    small = [p for name, p in model.named_parameters() if name.endswith((".a", ".b"))]
    train(model, mirror_train, data.train.labels, steps=200, lr=3e-3, decay=0.0, only=small)
    note(f"LoRA, rank {rank}", model, sum(p.numel() for p in small))
merged = copy.deepcopy(network)
for i in (0, 2, 4):
    merged[i] = lora_merge(network[i], model[i].a, model[i].b, model[i].alpha)
print(f"merged, rank 8: largest difference of an output {(merged(mirror_val) - model(mirror_val)).abs().max():.1e}")
model = copy.deepcopy(network)
train(model, mirror_train, data.train.labels, steps=200, lr=1e-3, decay=0.0)
note("all weights", model, sum(p.numel() for p in model.parameters()))
for name, numbers, new, old in rows:
    print(f"{name:14}{numbers:8,} numbers trained: mirrored {new:5.1f} %, as before {old:5.1f} %")
figures.lora(rows)

# %% [markdown]
# *What to see: LoRA with a few per cent of the numbers gets close to training all of them. The old task suffers, with LoRA
# too; but the original table is still there, frozen: leave $A$ and $B$ away and the old network is back.*
#
# *Your prediction: yes, up to rounding, if you kept $A$ and $B$: subtract what was added. From the merged table alone, no.*
#
# ## 5.9-written  A slide to take apart
#
# *13 minutes · 7 points · difficulty 2 of 3 · read by a person*
#
# **Why.** A rank on a slide sounds exact. You have the numbers to see what it promises and what it leaves open.
#
# A slide says: *"We factorised a 512 × 512 layer at rank 256. 95 % of the energy is kept, so we lose at most 5 % of accuracy. The layer
# has half the rank, so it is half the size and twice as fast."*
#
# **Answer in five to ten sentences:**
#
# 1. What is wrong with the size? Give the numbers of weights, and the largest rank that would save anything.
# 2. What is wrong with the conclusion from energy to accuracy? What does 95 % of the energy mean for the weights, and what does it leave out? Use something that you measured in this notebook.
# 3. What would you measure, in which order and on which data, before you put a rank on the slide?

# %% [markdown] exercise="5.9-written" kind="written" points=7 minutes=13 difficulty=2
# **Your answer to 5.9-written.** Double-click here, write five to ten sentences in place of the line below, then press Shift+Enter.
#
# <!-- answer -->
# **A model answer**
#
# 1. One table has 512 × 512 = 262,144 weights. Two tables at rank 256 have 256 × 1024 = 262,144: exactly as many. Nothing is saved; 255 is the first
#    rank, from above, that saves anything, and it saves 1024 weights. The time will not be half either: the multiplications are the same and there are two calls in place of one.
# 2. 95 % of the energy means that the squared weights' error is 5 % of the sum of squares, so the relative Frobenius error is up to sqrt(0.05), about 22 %. It says
#    nothing about the inputs that occur: whitening had a larger weight error and a smaller output error. And output error is not accuracy: accuracy stays flat over many ranks and then
#    falls off a cliff. In this notebook the accuracy was kept at ranks far below, or lost, in a way that the share of energy does not tell.
# 3. Fix a budget for accuracy first. Then measure validation accuracy against rank, without and with fine-tuning, with several seeds; bytes of the saved file; median latency after
#    a warm-up, on the target machine, at the batch size in use. Choose the smallest rank within the budget. Touch the test data once, at the end.

# %% [markdown] hints="5.9-written"
# 1. For the first, count both tables with the formula of 5.4, and apply the strict inequality.
# 2. For the second, look at the last line of the print-out in 5.4, and at the two panels of the figure in 5.7: which of the two versions has the larger error in the weights?
# 3. For the third, go back to the section "By accuracy", and to what the times were divided by when you measured milliseconds.

# %% [markdown] rubric="5.9-written"
# **5.9-written, 7 points**
#
# - 2 points: 262,144 against 262,144, nothing saved [1]; 255 is the largest rank that saves [1].
# - 3 points: 95 % of the energy is a relative Frobenius error of up to 22 %, or "energy is about squared weights, not about accuracy" [1]; it ignores the inputs or the layer's output [1]; a number or figure of the notebook supports it [1].
# - 2 points: accuracy against rank on validation data, with a budget fixed beforehand or the test data used once [1]; bytes and median latency measured, with warm-up, against the dense layer [1].
# - Wrong numbers with a right reason lose one point at most.

# %% [markdown]
# ## Mini-challenge (no points, no blanks)
#
# One rank for all layers is a poor rule: some layers have steep spectra and some are flat. Share one budget of weights between the layers so
# that every weight buys as much as it can. Here is an outline; add cells of your own for it.
#
# 1. Take the trained network. Choose a budget: a quarter of its weights.
# 2. Give each layer its whitened singular values (of `w @ c`), divided by the length of the layer's output.
# 3. Start with rank 0 everywhere. One more rank in a layer costs m + n weights and removes one squared singular value from its error.
# 4. Give the next rank to the layer that removes the most error for each weight, until the budget is used up. Which layers stay dense?
# 5. Compare with one rank for all at the same number of weights: accuracy before and after the same fine-tuning, three seeds.
# 6. The control: train the thin network from random numbers for as long as you trained both together. Is the start from the SVD worth anything?

# %% demo=true
progress()

# %% [markdown]
# ## Common errors
#
# | You see | It was probably |
# |---|---|
# | the product is far too large, the strong parts most of all | σ put into both tables: each part weighs σ² |
# | all parts weigh the same | σ left out of the tables |
# | wrong even at full rank | the bias added twice, or a new layer's random bias left in |
# | "compressed", and the file grew | rank above break-even |
# | one rank too many or too few | "at most" in place of "less than"; positions counted from 0 |
# | the picture shrinks twice | the stride given to both convolutions |
# | whitened is worse than plain | $C^{-1}$ forgotten, or $C^T$ in place of $C$ |
# | the Cholesky factor fails | dead inputs or too few samples, and no ridge |
# | LoRA changes the network before training | $B$ did not start at zero |
# | LoRA never learns | $A$ and $B$ both started at zero |
# | merged differs from adapted | $\alpha/r$ in one place only |
#
# ## Quick reference
#
# | | |
# |---|---|
# | best rank-r table | $W_r = (U_r\sqrt{\Sigma_r})(\sqrt{\Sigma_r}V_r^T)$ |
# | Frobenius error | $\sqrt{\sigma_{r+1}^2 + \sigma_{r+2}^2 + \dots}$ |
# | spectral error | $\sigma_{r+1}$ |
# | weights | $r(m+n)$ against $mn$; saves if $r < mn/(m+n)$ |
# | share of energy | $\sum_{i\le r}\sigma_i^2 \,/\, \sum_i \sigma_i^2$; relative error = $\sqrt{1 - \text{share}}$ |
# | linear layer | Linear(n, r, no bias), Linear(r, m, bias) |
# | convolution | k × k to r channels (stride, padding, dilation; no bias), 1 × 1 with bias; or k × 1, then 1 × k |
# | whitened | SVD of $WC$ with $CC^T = \frac1N X^TX$ + ridge; undo $C$ on the right |
# | LoRA | $W + \frac{\alpha}{r}BA$; $B = 0$ at the start; merge at the end |
#
# ## Questions people ask
#
# **Why not put an activation between the two layers?** Then they could no longer add up to the old layer, and you could not start from its
# weights. Without it the pair is still one linear map, only of a lower rank.
#
# **Must I invert anything for the whitened version?** Not really. Work the formula out, and the inverse cancels: $W' = U_r U_r^T W$, where $U_r$ holds the strongest
# left singular vectors of $WC$. It is the projection of the layer on the directions in which its output varies most. The written-out form shows why it is optimal.
#
# **Low rank or pruning?** Both shrink a layer. Structured pruning removes whole neurons, so the next layer shrinks too. Low rank keeps all inputs
# and outputs and makes the way between them narrow; no neighbour needs to change. Lesson 06 puts methods on top of each other.
#
# **Is a network with LoRA compressed?** No. The big table is still there. What shrinks is what you train, store and send for each new *task*.
#
# **How many calibration inputs do I need?** At least several times as many as the layer has inputs, and of the kind that will really occur.
# With fewer the ridge keeps the computation alive, not the quality.
#
# ## What this did not show
#
# - Small networks on small pictures. Their spectra are steep because the task is easy; large language models are often flatter, and lose more at equal rank.
# - Latency for one layer on one machine, in PyTorch. The compression studio in `labs/` measures whole networks in a runtime made for it.
# - The control row: a thin network trained from random numbers. The mini-challenge asks for it.
# - Accuracy for each class. A mean can hide a class that fell (lesson 06).
# - Tensor decompositions with more than two factors (Tucker, CP), and low rank together with quantisation.
#
# ## Further reading
#
# - Eckart and Young (1936), *The approximation of one matrix by another of lower rank*, Psychometrika 1, 211–218. The theorem of 5.3 for the Frobenius norm.
# - Mirsky (1960), *Symmetric gauge functions and unitarily invariant norms*, The Quarterly Journal of Mathematics 11, 50–59. For the spectral norm, too.
# - Denton et al. (2014), *Exploiting Linear Structure Within Convolutional Networks for Efficient Evaluation*, [arXiv:1404.0736](https://arxiv.org/abs/1404.0736).
# - Jaderberg, Vedaldi and Zisserman (2014), *Speeding up Convolutional Neural Networks with Low Rank Expansions*, [arXiv:1405.3866](https://arxiv.org/abs/1405.3866). The split k × 1, 1 × k.
# - Zhang et al. (2015), *Accelerating Very Deep Convolutional Networks for Classification and Detection*, [arXiv:1505.06798](https://arxiv.org/abs/1505.06798). Factorising for the output.
# - Hu et al. (2021), *LoRA: Low-Rank Adaptation of Large Language Models*, [arXiv:2106.09685](https://arxiv.org/abs/2106.09685).
# - Yuan et al. (2023), *ASVD: Activation-aware Singular Value Decomposition for Compressing Large Language Models*, [arXiv:2312.05821](https://arxiv.org/abs/2312.05821).
# - Wang et al. (2024), *SVD-LLM: Truncation-aware Singular Value Decomposition for Large Language Model Compression*, [arXiv:2403.07378](https://arxiv.org/abs/2403.07378). Whitening as in 5.7.
