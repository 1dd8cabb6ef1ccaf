# ---
# course:
#   lesson: 06_stacking
#   title: Stacking, several compressions on one model
#   writes: zeros that stay zero, shared weights, Huffman lengths, a file there and back, honest ratios, a Pareto frontier, a gate
#   minutes: 115
#   points: 100
# ---

# %% [markdown]
# # 06 Stacking: several compressions on one model
#
# You have a smaller architecture, masks, and integer codes. Each saves something alone. Now we put them on top
# of each other, on one network, and measure after every step. Three questions will come back all the time.
# Does one step spoil what another has won? What does the *file* weigh, positions and code books included? And
# which of many variants would you ship?
#
# **At the end you will have** a network in a real file, byte by byte, with zeros that stayed zero, shared
# weights and a Huffman code; an honest ratio; a Pareto frontier; and a gate that stops a build when one class pays for the rest.
#
# | | |
# |---|---|
# | Time | about 115 minutes: the exercises, which say their own minutes, and the demonstrations between them. You need not read the code of the demonstrations |
# | Points | 100, in nine exercises; one of them is read by a person |
# | Stuck? | run `hint("6.2-zeros")` in a cell of your own: three hints for each exercise, at no cost |
# | Builds on | lessons 01 to 05. The demonstrations use your own functions from there; no exercise needs them |
# | Which arrays | all exercises take and return **NumPy arrays**; PyTorch is used for training only |
# | Rules | a function leaves what it is given as it is, unless the text says otherwise. Where an array is asked for, a list is not one; where an integer is, 3.0 is not one. Two values may come as a tuple or a list. Weights may all be small: 1e-9 is a number like any other. A layer may have no survivor at all |

# %% setup=true
from autograder.student import ___, check, hint, progress

# %%
import heapq

import numpy as np


def pack(codes, bits):
    """Codes of `bits` bits each, one after the other, without gaps.

    codes: int array, shape (n,), values 0 to 2**bits - 1. Returns uint8, shape (ceil(n * bits / 8),).
    """
    return np.packbits((codes[:, None] >> np.arange(bits)) & 1)


def unpack(packed, bits, n):
    """The n codes that `pack` packed: int array, shape (n,)."""
    return np.unpackbits(packed)[: n * bits].reshape(n, bits) @ (1 << np.arange(bits))

# %% [markdown]
# ## 6.1-predict  Do ratios multiply?
#
# *3 minutes · 5 points · difficulty 1 of 3*
#
# A layer has 1000 × 1000 float32 weights: 4,000,000 bytes. You **prune** 90 % of them (10 times fewer), then store the
# survivors as **8-bit codes** (4 times fewer bits each).
#
# A file must also say *where* the survivors belong. Take a bitmask: one bit for each of the million places. Leave scales and biases aside.
#
# **Predict before you compute.** How many times smaller than the float32 layer is the file?
#
# - (a) 40 times: 10 × 4
# - (b) about 18 times
# - (c) 14 times: 10 + 4
# - (d) about 31 times
#
# Write the letter in quotes, like `"a"`.

# %% exercise="6.1-predict" kind="choice" points=5 minutes=3 difficulty=1
# Exercise 6.1-predict: the letter of your choice, in quotes
predict_6_1 = "b"  # blank: predict_6_1 = ___

# %% [markdown] choices="6.1-predict"
# - a: This is the product of the two ratios, and the most common number on slides. It counts 100,000 bytes of codes and forgets that somebody must say where they belong.
# - b: Yes. 100,000 bytes of codes and 125,000 bytes of bitmask are 225,000 bytes: 17.8 times smaller. The positions weigh more than the weights, and quantising does not shrink them.
# - c: Two savings on top of each other do not add: the second acts on what the first has left over. But they do not quite multiply either, because the positions are not quantised.
# - d: 4,000,000 / 31 would be about 129,000 bytes: hardly more than the bitmask alone, 125,000. The 100,000 codes of one byte must be in the file as well.

# %% [markdown] hints="6.1-predict"
# 1. Make a list of what the file holds. There are two things in it.
# 2. How many codes are left, and how many bytes has each? How many bytes are a million bits?
# 3. Add the two, then divide 4,000,000 by the sum.

# %% check="6.1-predict"
check("6.1-predict")

# %% demo=true
from course_lessons.lesson_06_stacking import figures

sparsity = np.linspace(0, 0.99, 100)
product = 4 / (1 - sparsity)                   # 32 bits over 8, times 1 over the kept share
with_bitmask = 32 / (1 + 8 * (1 - sparsity))   # bits a weight: one for the place, eight for each survivor
for s in (0.5, 0.8, 0.9, 0.95):
    i = np.argmin(np.abs(sparsity - s))
    print(f"sparsity {s:.0%}: product of the ratios {product[i]:5.1f}, "
          f"file with a bitmask {with_bitmask[i]:5.1f}")
figures.product_and_file(sparsity, product, with_bitmask)

# %% [markdown]
# *What to see: the product climbs without end. The file with a bitmask can never get beyond 32 times, however much you prune: one bit for each place always remains.*
#
# ### One network, and your own functions
#
# The next cell fetches seven functions that you wrote in lessons 01 to 05. It looks for your notebooks beside this one and runs the
# visible checks on each function. What passes is **yours**. Where something does not pass, or is still blank, the course's function steps
# in, so an old mistake costs nothing here. The cell prints one line for each.
#
# The network: our teacher has two hidden layers of 300 and 100 neurons. For 28 × 28 pixels that is LeNet-300-100, the
# network of the paper that made stacking famous (Han et al. 2016, "Deep Compression"); on the small digits the first
# layer is smaller. The student has hidden layers of 64 and 32. Everything is done for three seeds, and decided on validation images.

# %% demo=true
import copy, os, statistics, tempfile, time, zlib
import torch
from torch import nn
import torch.nn.functional as F
from autograder.student import earlier
from course_data import load

quantize_rows = earlier("1.7-channels", "quantize_rows")
global_masks = earlier("2.3-global", "global_masks")
cubic_schedule = earlier("2.5-schedule", "cubic_schedule")
prune_mlp = earlier("3.4-mlp", "prune_mlp")
distillation_loss = earlier("4.5-loss", "distillation_loss")
cached_logits = earlier("4.7-teacher", "cached_logits")
low_rank_factors = earlier("5.2-factors", "low_rank_factors")

torch.set_num_threads(1)  # networks this small are slower on two
data = load("digits")  # or "mnist", once it is on this machine
SEEDS = range(3)

def pixels(split):
    return ((split.images.float() / 255 - data.mean[0]) / data.std[0]).flatten(1), split.labels

train_set, val_set, test_set = pixels(data.train), pixels(data.val), pixels(data.test)
INPUTS, CLASSES = train_set[0].shape[1], len(data.classes)

def mlp(*hidden, seed):
    torch.manual_seed(seed)
    sizes, layers = (INPUTS, *hidden, CLASSES), []
    for a, b in zip(sizes, sizes[1:]):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])

def predictions(net, split):
    with torch.no_grad():
        return net(split[0]).argmax(dim=1).numpy()

def accuracy(net, split):
    return 100 * np.mean(predictions(net, split) == split[1].numpy())

# %% demo=true
def train(net, steps, seed, masks={}, soft=None, rate=3e-3):
    """A copy of net, trained with Adam; masks are held; with `soft`, the teacher's logits, it is distilled."""
    net = copy.deepcopy(net)
    draw = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(net.parameters(), lr=rate, fused=True)
    weights = dict(net.named_parameters())
    for step in range(steps + 1):
        if step:
            which = torch.randint(len(train_set[1]), (128,), generator=draw)
            out, labels = net(train_set[0][which]), train_set[1][which]
            optimiser.zero_grad()
            hard = soft is None
            loss = F.cross_entropy(out, labels) if hard else distillation_loss(out, soft[which], labels, 4.0, 0.7)
            loss.backward()
            optimiser.step()
        with torch.no_grad():
            for name, mask in masks.items():
                weights[name].mul_(mask)
    return net

def prune(net, start, goal, seed, soft=None, rounds=4, steps=40):
    """(network, masks): global magnitude pruning on the cubic schedule, tuned after each cut, masks held."""
    for i, level in enumerate(list(cubic_schedule(start, goal, rounds))[1:]):
        masks = global_masks(net.state_dict(), float(level))
        masks = {name: torch.as_tensor(mask).bool() for name, mask in masks.items()}
        net = train(net, steps, seed + i, masks, soft)
    return net, masks

teachers = [train(mlp(300, 100, seed=s), 500, s, rate=1e-3) for s in SEEDS]
softs = [torch.as_tensor(cached_logits(net, train_set[0], 256)) for net in teachers]
fresh = [mlp(64, 32, seed=10 + s) for s in SEEDS]
alone = [train(net, 400, s, rate=5e-3) for s, net in zip(SEEDS, fresh)]
students = [train(net, 400, s, soft=soft, rate=5e-3) for s, net, soft in zip(SEEDS, fresh, softs)]
pruned = [prune(net, 0.0, 0.8, 100 + s, soft) for s, net, soft in zip(SEEDS, students, softs)]
for name, nets in {"teacher, 300 and 100": teachers, "student from the labels alone": alone,
                   "student, distilled": students, "  and 80 % pruned": [net for net, _ in pruned]}.items():
    scores = [accuracy(net, val_set) for net in nets]
    print(f"{name:32}{sum(p.numel() for p in nets[0].parameters()):8,} numbers, "
          f"validation {np.mean(scores):.1f} % ± {np.std(scores, ddof=1):.1f}")

# %% [markdown]
# The second line is the **control**: the same small network, the same steps, no teacher. Compare it with the third before you praise the teacher.
# On a task as easy as the small digits, distillation may win nothing, and then you should say so. What made the network small was the choice of a smaller
# *architecture*; the teacher is one way to train it.
#
# ## 6.2-zeros  Zeros that stay zero
#
# *12 minutes · 14 points · difficulty 2 of 3*
#
# **Why.** Pruning has made exact zeros. If quantising moves them, even by a hair, the pruning is lost: a weight that is
# nearly zero must be stored like any other. So the code of a pruned weight must be **0**, and code 0 must mean **exactly 0.0**.
# Symmetric codes do that by themselves: $\hat w = s\,q$, no zero point.
#
# Two things can still go wrong, and both can be counted:
#
# - a pruned weight gets a code that is not 0: it is **revived**. That must never happen.
# - a small survivor is rounded to code 0: it is **lost**. That is allowed, but it is pruning that nobody asked for. With 8 bits it is rare, with 2 it is not.
#
# If both counts are 0, the sparsity of the codes equals that of the mask.
#
# **A worked example.** 4 bits, so the codes are -7 to 7. The row is (1.4, -9.0, -0.38, 0.05), its mask (1, 0, 1, 1). The largest *survivor* is 1.4, so
# the scale is 1.4/7 = 0.2, and the codes are (7, 0, -2, 0): -0.38/0.2 = -1.9 is rounded to -2. Nothing is revived; one survivor, 0.05, is lost. The -9.0 was
# pruned: had it set the scale, 9/7, the row would have become (1, 0, 0, 0).
#
# A row in which nothing survives gets the scale 1.0. `np.rint` rounds, halves to the even neighbour.
# `np.where(condition, a, b)` takes from a where the condition holds, else from b; `~mask` is True where mask is False; join arrays of conditions with `&`, not with `and`.
#
# **Predict:** you know symmetric codes per row from lesson 01. What must change if the mask comes as a separate array, and the weights under it are *not* zero yet?

# %% exercise="6.2-zeros" kind="code" points=14 minutes=12 difficulty=2
# Exercise 6.2-zeros: codes for a pruned layer, and two counts that prove them
def quantize_pruned(w, mask, bits):
    """Symmetric codes with one scale for each row; what the mask prunes gets code 0.

    w: float array, shape (rows, columns), numbers from 1e-30 to 1e30 in size, or 0.    mask: bool array of that shape, True is kept.
    bits: int, 2 to 8.    Codes run from -qmax to qmax, qmax = 2**(bits - 1) - 1.
    Returns (codes, scales): codes int8, shape of w; scales float, shape (rows,): the largest surviving
    magnitude of the row is the code qmax or -qmax. A row without survivors has the scale 1.0.
    """
    qmax = 2 ** (bits - 1) - 1  # blank: qmax = ___
    kept = np.where(mask, w, 0.0)  # blank: kept = ___
    largest = np.abs(kept).max(axis=1)
    scales = np.where(largest > 0, largest / qmax, 1.0)  # blank: scales = np.where(largest > 0, ___, ___)
    codes = np.rint(kept / scales[:, None])  # blank: codes = np.rint(___)
    return codes.astype(np.int8), scales


def revived_and_lost(mask, codes):
    """(pruned weights whose code is not 0, survivors whose code is 0): two integers.

    mask: bool array, shape (rows, columns).    codes: int array of the same shape.
    """
    revived = np.sum(~mask & (codes != 0))  # blank: revived = np.sum(___)
    lost = np.sum(mask & (codes == 0))  # blank: lost = np.sum(___)
    return int(revived), int(lost)

# %% [markdown] hints="6.2-zeros"
# 1. Go through the worked example with a pencil. At which point does the -9.0 disappear: before or after the scale is chosen?
# 2. `kept` is the array of weights with 0.0 in the pruned places: that is one `np.where`. The scale makes the largest survivor land on qmax. To divide each row by its own scale, the scales need a second axis.
# 3. Each count asks two things of a weight: is it pruned or kept, and is its code 0 or not? Write both as arrays of True and False and join them.

# %% check="6.2-zeros"
check("6.2-zeros")

# %% demo=true
net, masks = pruned[0]
w, mask = net[0].weight.detach().numpy(), masks["0.weight"].numpy()
print("the first layer: mask keeps", mask.sum(), "of", mask.size)
grids = {}
levels = np.linspace(w.min(), w.max(), 256)  # even steps, smallest to largest weight: is 0 one of them?
grids["256 steps from min to max"] = levels[np.abs(w[..., None] - levels).argmin(axis=2)]
codes, scales = quantize_pruned(w, mask, 8)
grids["symmetric, 8 bits"] = codes * scales[:, None]
for name, grid in grids.items():
    print(f"{name:26} zeros after decoding: {np.mean(grid == 0):6.1%}   "
          f"largest error {np.abs(grid - w).max():.4f}")
print("\nbits   revived   lost   sparsity of the codes (mask: " + f"{1 - mask.mean():.1%})")
for bits in (8, 6, 5, 4, 3, 2):
    codes, _ = quantize_pruned(w, mask, bits)
    revived, lost = revived_and_lost(mask, codes)
    print(f"{bits:4}{revived:10}{lost:7}   {np.mean(codes == 0):10.1%}")

def int_codes(net, masks, bits):
    """(network as read back, the parts of its file): such codes in every layer. We use it from 6.6 on."""
    parts, tables = [], {}
    for place, w, b, mask in layers_of(net, masks):
        codes, scales = quantize_pruned(w, mask, bits)
        scales, packed = scales.astype("f4"), pack(codes[mask].astype(int) + 2 ** (bits - 1), bits)
        places = np.packbits(mask) if masks else b""
        parts += [("tables", scales), ("positions", places), ("codes", packed), ("biases", b)]
        tables[place] = codes * scales[:, None]
    return decoded(net, tables), parts

def floats(net, masks=None):
    """The same for float32 weights: the survivors, and a bitmask if there are masks."""
    parts = []
    for _, w, b, mask in layers_of(net, masks):
        parts += [("codes", w[mask]), ("positions", np.packbits(mask) if masks else b""), ("biases", b)]
    return net, parts

figures.near_zero(grids, w)

# %% [markdown]
# *What to see: on the even grid from min to max no step is 0, and every pruned weight sits on the nearest one: all of them are revived, by less than a step. In the symmetric codes the tall bar stands
# exactly at 0. In the table nothing is lost from 8 bits down to 3: the cut has already taken the small weights. Only 2 bits are too coarse.*
#
# *Your prediction: the mask must be applied before the largest magnitude is taken, or a pruned weight sets the scale.*
#
# ## 6.3-share  Shared weights
#
# *14 minutes · 14 points · difficulty 2 of 3*
#
# **Why.** Codes on an even grid spend steps where no weights are. **Weight sharing** lets the values be chosen freely: a
# **code book** of $k$ values, and for each survivor the number of its entry. With $k = 16$ a code has 4 bits. The file
# also holds the code book, $16 \times 4$ bytes for a layer.
#
# **k-means** finds a good code book. Start with $k$ values spaced evenly from the smallest to the largest weight. Then repeat two
# steps: (1) each weight takes the **nearest** entry; (2) each entry moves to the **mean** of the weights that took it.
# Neither step can make the squared error larger. An entry that nobody took has no mean: it stays where it is.
#
# At the end the weights choose once more, because the entries have just moved.
#
# **A worked example.** Weights (0, 1, 2, 9), code book (0, 9). Nearest: codes (0, 0, 0, 1). Means: 3/3 = 1 and 9/1 = 9.
# New code book (1, 9). The squared errors were 0 + 1 + 4 + 0 = 5; now they are 1 + 0 + 1 + 0 = 2.
#
# Only the survivors are shared. The pruned zeros are marked in the bitmask and need no code.
#
# **Predict:** where will the entries gather: evenly, or where most of the weights are?

# %% exercise="6.3-share" kind="code" points=14 minutes=14 difficulty=2
# Exercise 6.3-share: k-means with one number per weight
def nearest(values, codebook):
    """For each value the number of the nearest entry; of two equally near, either.

    values: float array, shape (n,).    codebook: float array, shape (k,).    Returns an int array, shape (n,).
    """
    distances = np.abs(values[:, None] - codebook)  # blank: distances = np.abs(___)
    return distances.argmin(axis=1)  # blank: return distances.argmin(axis=___)


def moved(values, codes, codebook):
    """The code book after each entry moved to the mean of its values; an entry without values stays.

    values: float array, shape (n,).    codes: int array, shape (n,), the number of each value's entry.
    codebook: float array, shape (k,). Returns a new float array of that shape; the old code book is not changed.
    """
    new = codebook.copy()
    for entry in range(len(codebook)):
        mine = values[codes == entry]  # blank: mine = ___
        if len(mine) > 0:  # blank: if ___:
            new[entry] = mine.mean()  # blank: new[entry] = ___
    return new


def share(values, k, rounds):
    """(codes, codebook) after `rounds` rounds of k-means from k even steps, smallest to largest value.

    values: float array, shape (n,).    k: int, at least 1, also above 256.    rounds: int, at least 0.
    codes: int array, shape (n,), the nearest entries of the code book that is returned.    codebook: float array, shape (k,).
    """
    codebook = np.linspace(values.min(), values.max(), k)  # blank: codebook = np.linspace(___, ___, k)
    for turn in range(rounds):
        codebook = moved(values, nearest(values, codebook), codebook)
    return nearest(values, codebook), codebook  # blank: return ___, codebook

# %% [markdown] hints="6.3-share"
# 1. For `nearest`, make a table with one row for each value and one column for each entry. A new axis turns (n,) into (n, 1), and the subtraction does the rest. Then look for the smallest in each row.
# 2. In `moved`, a comparison of the codes with one number gives True and False: that picks the entry's values. What must hold before you may take a mean?
# 3. In the last line of `share` the code book has moved since the last assignment. Which call gives codes that fit it?

# %% check="6.3-share"
check("6.3-share")

# %% demo=true
values = w[mask].astype(float)
even = np.linspace(values.min(), values.max(), 16)
codes, book = share(values, 16, 20)
print("16 entries                mean squared error")
print(f"even steps                {np.mean((values - even[nearest(values, even)]) ** 2):.2e}")
errors = []
for rounds in (0, 1, 2, 5, 10, 20, 40):
    c, b = share(values, 16, rounds)
    errors.append(np.mean((values - b[c]) ** 2))
    print(f"k-means, {rounds:2} rounds        {errors[-1]:.2e}")
signed, scales = quantize_pruned(w, mask, 4)
rows_error = np.mean((values - (signed * scales[:, None])[mask]) ** 2)
print(f"4 bits, one scale a row   {rows_error:.2e}")
print(f"\nentries that nobody took: {len(book) - len(np.unique(codes))} of {len(book)}")
print(f"extra numbers in float32: {len(book)} for the code book, {len(scales)} for the scales")

def in_turns(calls, rounds=60):
    """For 6.6: the median time of each call. They take turns, so a busy moment hits all alike."""
    taken = [[] for _ in calls]
    for _ in range(rounds + 10):  # ten to warm up
        for call, mine in zip(calls, taken):
            start = time.perf_counter()
            call()
            mine.append(time.perf_counter() - start)
    return [statistics.median(mine[10:]) for mine in taken]

figures.code_book(values, even, book)

# %% [markdown]
# *What to see: short lines are the even steps, long lines the entries after k-means. Most gather where the survivors are, on both sides of the gap that pruning has cut;
# a few outermost stay, each held by a handful of large weights. In the gap itself some entries stand idle: the even start put them there, nobody took them, and so they stayed.*
#
# *Your prediction: where most of the weights are. The mean of a crowd lies in the crowd.*
#
# Entries are free numbers, so a processor cannot multiply with the codes; it must look each weight up first. Sharing
# saves bytes, not time. (Han et al. then train the entries: the gradient of an entry is the sum of its weights' gradients. That is the mini-challenge.)
#
# ## 6.4-entropy  Fewer bits for common codes
#
# *12 minutes · 16 points · difficulty 3 of 3*
#
# **Why.** The codes are not equally common: entries in the crowd are taken often, those in the tails hardly ever. Give common codes
# short words and rare codes long ones. How far can that go? The **entropy** is the bound:
#
# $$H = -\sum_i p_i \log_2 p_i \quad\text{bits a code},\qquad p_i = \frac{\text{count}_i}{\text{all}}$$
#
# No code that gives each symbol a word of its own, such that a stream of words can be cut in only one way, needs fewer bits on average. **Huffman's** is the best of them: it
# needs at least $H$ and less than $H + 1$ (a single symbol alone, see below, is the exception).
#
# **How it works.** Every symbol is a group of its own. Take the two groups with the smallest counts, join them; every member's word gets one bit longer.
# Repeat until one group is left. Symbols that never occur take no part and get length 0. A single symbol alone would get length 0, too; we give it 1 bit, so that something can be counted.
#
# **A worked example.** Counts (8, 4, 2, 2). Join 2 and 2: lengths (0, 0, 1, 1), groups 8, 4, 4. Join 4 and 4: (0, 1, 2, 2), groups 8, 8. Join: (1, 2, 3, 3).
# Together 8·1 + 4·2 + 2·3 + 2·3 = 28 bits for 16 codes, 1.75 each. The entropy is 0.5·1 + 0.25·2 + 0.125·3 · 2 = 1.75, too. With 2 bits for each: 32.
#
# Only the **lengths** need be stored with the codes: writer and reader make the same words from them (the demonstration shows how).
#
# `heapq.heappop(heap)` takes the smallest tuple out of a list that is kept as a heap; `heapq.heappush(heap, item)` puts one in.
#
# **Predict:** all 16 codes are equally common. What can Huffman save?

# %% exercise="6.4-entropy" kind="code" points=16 minutes=12 difficulty=3
# Exercise 6.4-entropy: the bound, and the code that comes close
def entropy_bits(counts):
    """Entropy in bits a code, a float.    counts: int array, shape (k,), at least one is above 0."""
    p = counts[counts > 0] / counts.sum()  # blank: p = ___ / counts.sum()
    return float(-np.sum(p * np.log2(p)))  # blank: return float(-np.sum(___))


def huffman_lengths(counts):
    """Length in bits of each symbol's word in a Huffman code: int array, shape (k,).

    counts: int array, shape (k,), at least one is above 0. A symbol with count 0 has length 0.
    If only one symbol occurs, its length is 1.
    """
    lengths = np.zeros(len(counts), dtype=int)
    heap = [(int(count), [symbol]) for symbol, count in enumerate(counts) if count > 0]
    heapq.heapify(heap)
    if len(heap) == 1:
        lengths[heap[0][1]] = 1  # blank: lengths[heap[0][1]] = ___
    while len(heap) > 1:
        count_a, members_a = heapq.heappop(heap)
        count_b, members_b = heapq.heappop(heap)
        lengths[members_a + members_b] += 1  # blank: lengths[___] += 1
        heapq.heappush(heap, (count_a + count_b, members_a + members_b))  # blank: heapq.heappush(heap, (___, members_a + members_b))
    return lengths

# %% [markdown] hints="6.4-entropy"
# 1. For the entropy: the logarithm of 0 is minus infinity, and 0 times that is not a number. So leave out the symbols that never occur, before dividing.
# 2. Follow the worked example through the loop: which symbols get a longer word when two groups are joined? Lists are joined with `+`, and an array can be indexed with a list.
# 3. The joined group goes back into the heap. How often do its members occur together?

# %% check="6.4-entropy"
check("6.4-entropy")

# %% demo=true
def canonical(lengths):
    """Words of these lengths, such that none is the beginning of another: symbol -> text of 0 and 1."""
    words, word, last = {}, 0, 0
    for length, symbol in sorted((int(n), i) for i, n in enumerate(lengths) if n):
        word, last = word << (length - last), length
        words[symbol] = format(word, f"0{length}b")
        word += 1
    return words

def huffman_stream(codes, lengths):
    """The codes as one stream of words, packed into bytes."""
    words = canonical(lengths)
    return np.packbits(np.array([int(bit) for c in codes for bit in words[int(c)]], dtype=np.uint8))

print("first layer, survivors:  bits fixed   entropy   Huffman   bytes of the stream    gzip")
for k in (4, 8, 16, 32):
    c, _ = share(values, k, 20)
    counts = np.bincount(c, minlength=k)
    lengths = np.asarray(huffman_lengths(counts))
    mean = counts @ lengths / counts.sum()
    print(f"{k:3} entries {np.log2(k):23.0f}{entropy_bits(counts):10.2f}{mean:10.2f}"
          f"{len(huffman_stream(c, lengths)):14,}{len(zlib.compress(c.astype('u1').tobytes(), 9)):16,}")
kept = mask.mean()
of_mask = entropy_bits(np.array([mask.sum(), (~mask).sum()]))
print(f"\nthe bitmask has 1 bit a place; its entropy is {of_mask:.2f} at {1 - kept:.1%} zeros")
counts = np.bincount(codes, minlength=16)
figures.words(counts, np.asarray(huffman_lengths(counts)), entropy_bits(counts))

# %% [markdown]
# *What to see: common codes (tall bars) have short words, rare ones long words, idle entries none at all. The dashed line is the length without Huffman. The gain is real, about a sixth here;
# part of it comes from the idle entries.*
#
# *Your prediction: nothing. Of 16 equally common codes each has the entropy of 4 bits, and 4 bits it had before.*
#
# The bitmask has an entropy as well, below 1 bit a place. Whoever codes the *gaps* between survivors gets close to it; Deep Compression does.
#
# ## 6.5-file  The file, byte by byte
#
# *14 minutes · 15 points · difficulty 2 of 3*
#
# **Why.** A size is honest when a file of that size can be turned back into the network. So we write it, and read it.
#
# **The format**, for one layer, with $b$ bits a code. Three parts, one after the other, nothing between them:
#
# 1. the **code book**: $2^b$ numbers in float32, $4 \cdot 2^b$ bytes;
# 2. the **positions**: the mask as bits, row by row, $\lceil n/8 \rceil$ bytes for $n$ places: `np.packbits(mask)`;
# 3. the **codes** of the survivors, in the order of the places: $\lceil \text{kept} \cdot b / 8\rceil$ bytes: `pack(codes, b)` from the notebook's first lines.
#
# **A worked example.** 4 × 6 weights, 5 survivors, 2 bits: 16 + 3 + ⌈10/8⌉ = 16 + 3 + 2 = 21 bytes. In float32 they were 96.
#
# Reading goes the same way. The shape and $b$ are known from the architecture. Where the positions end follows from the shape; how many codes there are, from the mask.
#
# `array.astype("<f4").tobytes()` gives float32 bytes in the same order on every machine; `np.frombuffer(data, "<f4")` reads them.
# `np.unpackbits(array, count=n)` gives n bits back, as numbers 0 and 1. `-(-a // b)` is a/b rounded up.
#
# **Predict:** at which sparsity do the positions weigh as much as 4-bit codes?

# %% exercise="6.5-file" kind="code" points=15 minutes=14 difficulty=2
# Exercise 6.5-file: one layer to bytes, and back
def layer_to_bytes(codes, codebook, mask, bits):
    """The layer as `bytes`: code book, positions, codes.

    codes: int array, shape (kept,), of the survivors row by row.    codebook: float array, shape (2**bits,).
    mask: bool array, shape (rows, columns), with `kept` True.    bits: int, 1 to 8.
    """
    book = codebook.astype("<f4").tobytes()
    positions = np.packbits(mask).tobytes()  # blank: positions = ___.tobytes()
    packed = pack(codes, bits).tobytes()  # blank: packed = ___.tobytes()
    return book + positions + packed  # blank: return ___


def layer_from_bytes(data, shape, bits):
    """The weights from the bytes of layer_to_bytes: float32 array of that shape (rows, columns), zero where pruned."""
    n = shape[0] * shape[1]
    book_end = 4 * 2**bits  # blank: book_end = ___
    mask_end = book_end + -(-n // 8)  # blank: mask_end = book_end + ___
    codebook = np.frombuffer(data[:book_end], "<f4")
    mask = np.unpackbits(np.frombuffer(data[book_end:mask_end], np.uint8), count=n).astype(bool).reshape(shape)
    codes = unpack(np.frombuffer(data[mask_end:], np.uint8), bits, int(mask.sum()))  # blank: codes = unpack(np.frombuffer(data[mask_end:], np.uint8), bits, ___)
    w = np.zeros(shape, np.float32)
    w[mask] = codebook[codes]  # blank: w[mask] = ___
    return w

# %% [markdown] hints="6.5-file"
# 1. Writing: the text names the function for each part. Bytes are joined with `+`, in the order of the format.
# 2. Reading: the first part has one float32 for each of the 2**b entries. The second has one bit for each place, filled up to whole bytes.
# 3. There is one code for each survivor, and the mask knows how many those are. A code is the number of an entry: an array indexed with an array of numbers looks all of them up at once.

# %% check="6.5-file"
check("6.5-file")

# %% demo=true
def file_bytes(parts):
    """Write the parts, pairs of (kind, array or bytes), into a file and weigh it."""
    with tempfile.NamedTemporaryFile() as file:
        for _, part in parts:
            file.write(part if isinstance(part, bytes) else part.tobytes())
        file.flush()
        return os.path.getsize(file.name)

def layers_of(net, masks):
    """(place in net, weight, bias, mask) of each linear layer, as NumPy arrays; no mask means all True."""
    for place, layer in enumerate(net):
        if isinstance(layer, nn.Linear):
            w = layer.weight.detach().numpy()
            mask = masks[f"{place}.weight"].numpy() if masks else np.ones(w.shape, bool)
            yield place, w, np.zeros(0, "f4") if layer.bias is None else layer.bias.detach().numpy(), mask

def decoded(net, tables):
    """A copy of net whose linear layers have these weights: place -> array."""
    net = copy.deepcopy(net)
    for place, table in tables.items():
        net[place].weight.data = torch.tensor(np.asarray(table), dtype=torch.float32)
    return net

def shared(net, masks, bits):
    """(network as read back from the bytes, the parts of its file)."""
    parts, tables = [], {}
    for place, w, b, mask in layers_of(net, masks):
        codes, book = share(w[mask].astype(float), 2**bits, 15)
        blob = layer_to_bytes(codes, book, mask, bits)
        i, j = 4 * 2**bits, 4 * 2**bits + -(-w.size // 8)
        parts += [("tables", blob[:i]), ("positions", blob[i:j]), ("codes", blob[j:]), ("biases", b)]
        tables[place] = layer_from_bytes(blob, w.shape, bits)
    return decoded(net, tables), parts

net, masks = pruned[0]
small, parts = shared(net, masks, 4)
dense = 4 * sum(p.numel() for p in net.parameters())
print(f"the pruned student in a file: {file_bytes(parts):,} bytes; in float32, zeros and all: {dense:,}")
print(f"validation accuracy: before {accuracy(net, val_set):.1f} %, read back {accuracy(small, val_set):.1f} %")

# %% [markdown]
# This is the whole network: whoever has these bytes and knows the layers' shapes can run it.
#
# *Your prediction: a place costs 1 bit, a survivor 4. With a quarter of the places kept, 4 × 0.25 = 1: at 75 % sparsity both weigh the same. Beyond that, most of the file says where.*
#
# ## 6.6-bug  The ratio on the slide
#
# *6 minutes · 8 points · difficulty 1 of 3*
#
# **Why.** A compression ratio is *bytes before / bytes after*. Both must be bytes that somebody would really have to
# store. The function below is meant for the format of 6.5, plus the biases in float32, one for each row. It has a bug:
# it prints ratios that no file can reach.
#
# **A worked example.** One layer, 10 × 100 weights, 100 survivors, 4 bits. Before: 1000 weights and 10 biases in float32, 4040 bytes. After:
# 64 (code book) + 125 (positions) + 50 (codes) + 40 (biases) = 279 bytes. The ratio is 14.5. The function says 44.9.
#
# Each layer has its own code book, and each part is rounded up to whole bytes in each layer.
#
# **Predict:** which layers does the bug flatter: the small ones, or the large ones?

# %% exercise="6.6-bug" kind="bug" points=8 minutes=6 difficulty=1
# Exercise 6.6-bug: find the bug and repair it
def compression_ratio(layers, bits):
    """Bytes of the float32 network over the bytes of the stored one.

    layers: list of (rows, columns, kept): the shape of the weights and the number of survivors. Each
    layer has one float32 bias for each row, before and after, and is stored in the format of 6.5. Returns a float.
    """
    before = after = 0
    for rows, columns, kept in layers:
        before += 4 * (rows * columns + rows)
        codes = -(-kept * bits // 8)
        after += 4 * 2**bits + -(-rows * columns // 8) + codes + 4 * rows  # bug: after += codes + 4 * rows
    return before / after

# %% [markdown] hints="6.6-bug"
# 1. Put the worked example's numbers in, line by line. Which line gives another number than the text?
# 2. `before` is right, and so is `codes`. Make the list of the four parts of the file: which of them can you find in the last line of the loop?
# 3. Two things are missing. One depends on the number of bits only, the other on the number of places, pruned ones included.

# %% check="6.6-bug"
check("6.6-bug")

# %% [markdown]
# ### The stack, weighed
#
# Now all steps on one network. *ratio* compares weighed files. *product* is what a slide would say: the numbers of the teacher over those of the student (7.7 on the digits),
# times 5 for 80 % zeros, times 4 for 8-bit codes or 8 for 4-bit. *time* is for all validation images, with the teacher at 1.

# %% demo=true
def huffman(net, masks, bits):
    """As `shared`, with the codes as Huffman words: the file also holds one byte a symbol for the lengths."""
    small, parts = shared(net, masks, bits)
    for i, (_, w, _, mask) in enumerate(layers_of(net, masks)):
        codes = unpack(np.frombuffer(parts[4 * i + 2][1], np.uint8), bits, int(mask.sum()))
        lengths = np.asarray(huffman_lengths(np.bincount(codes, minlength=2**bits)))
        parts[4 * i] = "tables", parts[4 * i][1] + lengths.astype("u1").tobytes()
        parts[4 * i + 2] = "codes", huffman_stream(codes, lengths)
    return small, parts

stack = {}
for s in SEEDS:
    net, masks = pruned[s]
    steps = {"teacher": floats(teachers[s]), "distilled": floats(students[s]),
             "pruned, zeros stored": floats(net), "pruned, with bitmask": floats(net, masks), "then 8-bit codes": int_codes(net, masks, 8),
             "or 16 shared values": shared(net, masks, 4), "  and Huffman": huffman(net, masks, 4)}
    for name, pair in steps.items():
        stack.setdefault(name, []).append(pair)
first, distilled = (sum(p.numel() for p in nets[0].parameters()) for nets in (teachers, students))
products = [first / distilled * times for times in (distilled / first, 1, 1, 5, 5 * 4, 5 * 8)] + [None]
nets = [pairs[0][0] for pairs in stack.values()][:4]  # the others are decoded before they run
times = in_turns([lambda net=net: predictions(net, val_set) for net in nets]) + [None] * 3
print(f"{'mean of three seeds':22}{'validation':>16}{'file, bytes':>13}{'ratio':>8}{'product':>9}{'time':>7}")
for (name, pairs), product, seconds in zip(stack.items(), products, times):
    scores = [accuracy(net, val_set) for net, _ in pairs]
    size = np.mean([file_bytes(parts) for _, parts in pairs])
    print(f"{name:22}{np.mean(scores):7.1f} % ± {np.std(scores, ddof=1):3.1f}{size:13,.0f}"
          f"{4 * first / size:7.1f}x" + (f"{product:8.1f}x" if product else f"{'-':>9}")
          + (f"{seconds / times[0]:6.2f}x" if seconds else f"{'-':>7}"))
said = compression_ratio([(*m.shape, int(m.sum())) for m in pruned[0][1].values()], 4)
weighed = file_bytes(stack["distilled"][0][1]) / file_bytes(stack["or 16 shared values"][0][1])
print("\ncompression_ratio for the pruned student against itself in float32:"
      f" {said:.2f}x; weighed: {weighed:.2f}x")
kinds = ("codes", "positions", "tables", "biases")
shares = {name: [file_bytes([part for part in pairs[0][1] if part[0] == kind]) for kind in kinds]
          for name, pairs in list(stack.items())[3:]}
figures.parts_of_the_file(kinds, shares)

# %% [markdown]
# *What to see: pruning and sharing shrink the codes; positions, tables and biases stay. With every step they weigh more, until most of the file is something that no ratio on a slide counts.*
#
# *Your prediction: both. The code book costs the same in each layer, so leaving it out flatters the small ones; the positions grow with the layer, so leaving them out flatters the large ones.*
#
# Four things to read in the table. **Zeros stored** as float32 save nothing: the state dict of a masked model is as large as before. **The product** runs away from the weighed file,
# step by step. **The time** follows the shape of the tensors: the student is faster than the teacher, its masked copy is not faster than the student. And three rows have **no time**: here
# the codes are decoded to float32 before they multiply, so there is nothing to claim. The compression studio in `labs/` measures int8 in a runtime that has it.
#
# ### Other orders
#
# Distil, then prune, then quantise: is that order a law? The next cell tries others, with 4 bits for the codes. Wherever tuning is possible, a student has 560 steps in all: 400 and 160. The last row is
# a control: the teacher, trained 160 steps longer and not compressed at all.

# %% demo=true
def rows_on_grid(net, qmax):
    """A copy of net with all its weights on the grid of your quantize_rows: nothing is pruned."""
    tables = {}
    for place, w, _, _ in layers_of(net, {}):
        codes, scales = quantize_rows(w, qmax)
        tables[place] = np.asarray(codes) * np.asarray(scales)[:, None]
    return decoded(net, tables)

def masks_for(net, level):
    return {name: torch.as_tensor(mask).bool() for name, mask in global_masks(net.state_dict(), level).items()}

orders = {}
for s in SEEDS:
    (net, masks), soft, cut = pruned[s], softs[s], masks_for(students[s], 0.8)
    coarse = rows_on_grid(students[s], 7)
    coarse_cut = masks_for(coarse, 0.8)
    thin, _ = prune(teachers[s], 0.0, 0.8, 100 + s)
    thin_soft = torch.as_tensor(cached_logits(thin, train_set[0], 256))
    kept = sum(int(m.sum()) for m in masks.values())
    places = sum(w.numel() for w in teachers[s].parameters() if w.dim() == 2)
    for name, pair in {
        "distil, prune, quantise": int_codes(net, masks, 4),
        "  the same, no tuning after the cut": int_codes(students[s], cut, 4),
        "distil, quantise, prune": int_codes(coarse, coarse_cut, 4),
        "  tuned: the grid is gone, float32": floats(train(coarse, 160, 100 + s, coarse_cut, soft), coarse_cut),
        "prune the teacher, distil, quantise":
            int_codes(train(fresh[s], 560, s, soft=thin_soft, rate=5e-3), {}, 4),
        "no teacher: prune, quantise": int_codes(*prune(alone[s], 0.0, 0.8, 100 + s), 4),
        "no student: prune the teacher, quantise":
            int_codes(*prune(teachers[s], 0.0, 1 - kept / places, 100 + s), 4),
        "control: the teacher, trained on": floats(train(teachers[s], 160, 100 + s)),
    }.items():
        orders.setdefault(name, []).append(pair)
print(f"{'mean of three seeds':42}{'validation':>16}{'file, bytes':>13}")
for name, pairs in orders.items():
    scores = [accuracy(net, val_set) for net, _ in pairs]
    size = np.mean([file_bytes(parts) for _, parts in pairs])
    print(f"{name:42}{np.mean(scores):7.1f} % ± {np.std(scores, ddof=1):3.1f}{size:13,.0f}")

# %% [markdown]
# **Quantise before pruning**, and you cannot tune after the cut: a step of the optimiser moves the weights off the grid, and you hold floats again. **Distil after pruning**, and the mask is thrown
# away with the pruned network: the new student is dense. **Leave the student out**, and the same number of survivors is spread over many more places, so the bitmask swells. The order is not a
# law of nature. It says: choose the architecture before you thin it, thin it before you round it. And look at the controls before you praise a step: tuning after a cut is also *more training*. What the teacher gains by that alone is no merit of pruning.
#
# ## 6.7-budget  What to ship, and when to stop
#
# *15 minutes · 12 points · difficulty 2 of 3*
#
# **Why.** Dozens of variants, two numbers each: bytes and accuracy. Most of them nobody should ship. A variant is **dominated** if another
# is *no larger and no less accurate, and better in at least one of the two*. What is not dominated makes up the **Pareto frontier**. Two equal variants do not dominate each other.
#
# **And then?** A frontier does not choose. A **budget** does, fixed *before* anyone looks: for example at most 2 points in the mean, and
# at most 5 points in any class. A mean can stand still while one class falls: of ten classes, one that
# loses 8 points moves the mean by less than one. So the gate looks at both, and **raises an error**. Put it in the build, and the build fails.
#
# **A worked example.** Sizes (10, 20, 20, 30), accuracies (90, 95, 93, 95). The third has the size of the second and is less accurate:
# dominated. The fourth is as accurate as the second and larger: dominated. The frontier is (True, True, False, False).
#
# The **loss** in points is accuracy before minus accuracy after, in per cent. A loss that is exactly the budget passes. A gain passes, too.
# Floats make the border slippery: one image of 50 is 2 points, but `100 * (1 - 0.98)` is 2.0000000000000018, and `7 / 25 * 100` is
# 28.000000000000004. A gate that compares such numbers refuses a loss of exactly the budget. So the gate's first lines count images,
# multiply by 100 and divide once, at the end.
#
# Comparisons of arrays give arrays of True and False. Join them with `&` (both) and `|` (at least one), each comparison in brackets; not with `and` and `or`.
#
# **Predict:** can the smallest of all variants be dominated?

# %% exercise="6.7-budget" kind="code" points=12 minutes=15 difficulty=2
# Exercise 6.7-budget: the frontier, the classes, and a gate
def on_frontier(sizes, scores):
    """Which variants are not dominated: bool array, shape (n,).

    sizes: bytes, smaller is better.    scores: accuracy, larger is better.    Both arrays of shape (n,).
    """
    keep = []
    for size, score in zip(sizes, scores):
        no_worse = (sizes <= size) & (scores >= score)  # blank: no_worse = ___
        better = (sizes < size) | (scores > score)  # blank: better = ___
        keep.append(not np.any(no_worse & better))  # blank: keep.append(not np.any(___))
    return np.array(keep)


def class_accuracy(predicted, labels, classes):
    """Per cent right among the images of each class: float array, shape (classes,).

    predicted, labels: int arrays, shape (n,).    classes: int; each class, 0 to classes - 1, is in labels.
    """
    return np.array([100 * np.mean(predicted[labels == c] == c) for c in range(classes)])  # blank: return np.array([100 * np.mean(___) for c in range(classes)])


def gate(before, after, labels, classes, budget, class_budget):
    """The loss of the mean accuracy in points, a float; ValueError if it, or any class's, is over its budget.

    before, after, labels: int arrays, shape (n,): predicted before and after compression, and right.
    classes: int; each class, 0 to classes - 1, is in labels.
    budget, class_budget: floats, in points: the largest loss allowed for the mean, and for any class.
    """
    # Counts first, one division at the very end: a loss of exactly the budget is then exact in floats, too.
    loss = 100 * (np.sum(before == labels) - np.sum(after == labels)) / len(labels)
    was, now = (np.bincount(labels[numbers == labels], minlength=classes) for numbers in (before, after))
    losses = 100 * (was - now) / np.bincount(labels, minlength=classes)
    if loss > budget or losses.max() > class_budget:  # blank: if ___ or ___:
        raise ValueError(f"the mean lost {loss:.1f} points; class {losses.argmax()} lost {losses.max():.1f}")
    return float(loss)

# %% [markdown] hints="6.7-budget"
# 1. Read the definition of "dominated" once more and take it apart at the commas: "no larger and no less accurate" is one line, "better in at least one" is the next, and both must hold for the *same* other variant.
# 2. In the loop `sizes` and `scores` are all variants, `size` and `score` the one in question: one comparison of each kind, for all others at once. A variant compared with itself is no worse, but not better: it never dominates itself.
# 3. For the classes: pick the images whose *label* is c, then ask how many of them are predicted as c. The gate has two reasons to stop; for the second, one class over its budget is enough.

# %% check="6.7-budget"
check("6.7-budget")

# %% demo=true
variants = {}                                             # name -> a (network, parts) for each seed

def thin_pair(layer, rank):
    """Two linear layers from your low_rank_factors, the bias on the second."""
    factors = low_rank_factors(layer.weight.detach().numpy(), rank)
    left, right = (torch.tensor(np.asarray(table), dtype=torch.float32) for table in factors)
    pair = nn.Linear(layer.in_features, rank, bias=False), nn.Linear(rank, layer.out_features)
    pair[0].weight.data, pair[1].weight.data, pair[1].bias.data = right, left, layer.bias.detach().clone()
    return pair

def add(name, pair):
    variants.setdefault(name, []).append(pair)

for s in SEEDS:
    starts = [("student", students[s], softs[s], 60, (0.5, 0.7, 0.8, 0.9, 0.95)),
              ("teacher", teachers[s], None, 40, (0.9, 0.95))]
    for family, net, soft, steps, levels in starts:
        for before, level in zip((0.0, *levels), levels):
            net, masks = prune(net, before, level, 200 + s, soft, rounds=2, steps=steps)
            for bits in (2, 3, 4, 5):
                add(f"{family} pruned {level:.0%}, {2**bits} values", shared(net, masks, bits))
    for width in (24, 16, 8):                             # your prune_mlp on the student's last two layers
        strength = students[s][2].weight.detach().norm(dim=1)
        tail = prune_mlp(nn.Sequential(*students[s][2:]), strength.topk(width).indices.sort().values)
        net = train(nn.Sequential(*students[s][:2], *tail), 80, 300 + s, soft=softs[s])
        for bits in (4, 8):
            add(f"student cut to {width} neurons, {bits} bits", int_codes(net, {}, bits))
    for rank in (4, 8, 16):                               # low rank on the teacher's first two layers
        first, relu1, second, relu2, last = teachers[s]
        thin = nn.Sequential(*thin_pair(first, rank), relu1, *thin_pair(second, rank), relu2, last)
        net = train(thin, 80, 300 + s)
        for bits in (4, 8):
            add(f"low rank {rank}, {bits} bits", int_codes(net, {}, bits))

# %% demo=true
names = list(variants)
sizes = np.array([np.mean([file_bytes(parts) for _, parts in variants[name]]) for name in names])
scores = np.array([np.mean([accuracy(net, val_set) for net, _ in variants[name]]) for name in names])
best = np.asarray(on_frontier(sizes, scores), bool)
frontier = sorted((i for i in range(len(names)) if best[i]), key=lambda i: sizes[i])

def pooled(nets, split):
    """(predictions of the three seeds, one after the other; the labels as often)."""
    return np.concatenate([predictions(net, split) for net in nets]), np.tile(split[1].numpy(), len(SEEDS))

whole, labels_of_val = pooled(teachers, val_set)
before = np.asarray(class_accuracy(whole, labels_of_val, CLASSES))
shipped, losses = None, {}
print(f"{len(names)} variants, {best.sum()} of them on the frontier")
for i in frontier:                                        # smallest first: the first that passes is shipped
    after, _ = pooled([net for net, _ in variants[names[i]]], val_set)
    losses[names[i]] = before - class_accuracy(after, labels_of_val, CLASSES)
    try:
        lost = gate(whole, after, labels_of_val, CLASSES, budget=2.0, class_budget=5.0)
        said = f"{lost:.1f} points lost in the mean"
        if shipped is None:
            shipped, said = names[i], said + ": SHIPPED"
    except ValueError as problem:
        said = f"refused: {problem}"
    print(f"{sizes[i]:8,.0f} bytes {scores[i]:6.1f} %   {names[i]:32} {said}")

if shipped:
    nets = [net for net, _ in variants[shipped]]
    (old, labels), (new, _) = pooled(teachers, test_set), pooled(nets, test_set)
    loss = np.subtract(class_accuracy(old, labels, CLASSES), class_accuracy(new, labels, CLASSES))
    print(f"\ntest images, opened once: teacher {100 * np.mean(old == labels):.1f} %, shipped "
          f"{100 * np.mean(new == labels):.1f} %; class {loss.argmax()} lost most, {loss.max():.1f} points")
    whole_file = file_bytes(floats(teachers[0])[1])
    print(f"weighed: {whole_file / sizes[names.index(shipped)]:.0f}x smaller than the teacher's file")
pair = {name: losses[name] for name in dict.fromkeys((names[frontier[0]], shipped or names[frontier[-1]]))}
line = 100 * np.mean(whole == labels_of_val)
figures.frontier_and_classes(names, sizes, scores, best, line, pair, class_budget=5.0)

# %% [markdown]
# *What to see: left, every point is a file that was weighed; the filled ones on the line are the frontier, and for each hollow one there is another that is no worse in both. Right, what each class lost,
# for the smallest file on the frontier and for the one that was shipped. One bar beyond the dotted line is enough to be refused. Where the print-out has a file whose mean is
# within its budget and which is refused all the same, one class has paid for the rest.*
#
# *Your prediction: only by one of exactly its size. Nothing else is "no larger".*
#
# A pruned teacher may lie above the teacher's line. It was tuned after each cut, and the teacher was not: compare with the control above.
# Both choices, frontier and gate, were made on validation images, and of many variants the luckiest looks best. So the test images were opened once, after the choice.
#
# ## 6.8-guide  Which tool first?
#
# *10 minutes · 8 points · difficulty 2 of 3*
#
# **Why.** Real questions do not say "please prune". They say: it is slow; it is too big; the accuracy fell. Here are five tools that you know, and
# three (c, d, h) that no lesson builds; the compression studio in `labs` has c. *Static*: the ranges of the activations are fixed beforehand from calibration images. *Dynamic*: they are found anew at each call.
#
# | | tool | what it changes |
# |---|---|---|
# | a | measure first: bytes, accuracy by class, median latency on the target | nothing yet |
# | b | cut whole channels or neurons, rebuild the network, tune | shapes: time *and* bytes |
# | c | static int8 with calibration images, convolutions included | bytes, and time where int8 arithmetic exists |
# | d | 4-bit codes for the weights alone, one scale for each small group | bytes in memory and the bytes read for each output |
# | e | distil into a smaller architecture | everything, by large factors; needs training |
# | f | prune single weights, share the rest, entropy-code it | bytes of the download; not time |
# | g | take the last step back: fewer zeros or more bits where it hurts, tune again | gives back accuracy |
# | h | dynamic int8: only linear layers are quantised | bytes and time of linear layers; convolutions stay in float |
#
# **The cases.** For each, the *first* tool to take. A letter may be right more than once, or never.
#
# 1. *Too big.* An app must shrink its download. It is unpacked once, at installation; on the device it is fast enough.
# 2. *Slow.* 90 % of the weights were masked to zero. The file is gzipped and small, but the server answers as slowly as before. It has no int8 arithmetic and no sparse kernels.
# 3. *Accuracy fell.* After going from 4 bits to 2 the mean lost 0.6 points and class 8 lost 14. The budget for a class is 5.
# 4. *A CNN on a phone.* It should become smaller and faster. The phone has int8 units; you have 500 images without labels, and no time to train.
# 5. *An LLM.* It does not fit into memory. It writes one token at a time, and nearly all of that time is spent reading weights. Retraining is out of the question.
# 6. *A microcontroller.* The network is 40 times too large for its memory. You have the training data, a week, and a free choice of architecture.
# 7. *"It is too slow, make it int8."* Nobody has said how slow, where, or what the accuracy is now.
# 8. *A tight CNN.* Latency must halve on a processor with float arithmetic only. A scan shows whole channels that hardly matter.

# %% exercise="6.8-guide" kind="code" points=8 minutes=10 difficulty=2
# Exercise 6.8-guide: the first tool for each case, a letter in quotes
def first_tool(case):
    """The letter, "a" to "h", of the tool to take first in this case (int, 1 to 8)."""
    letters = {
        1: "f",  # blank: 1: ___,
        2: "b",  # blank: 2: ___,
        3: "g",  # blank: 3: ___,
        4: "c",  # blank: 4: ___,
        5: "d",  # blank: 5: ___,
        6: "e",  # blank: 6: ___,
        7: "a",  # blank: 7: ___,
        8: "b",  # blank: 8: ___,
    }
    return letters[case]

# %% [markdown] hints="6.8-guide"
# 1. Ask three things of each case: is the complaint about time, about bytes, or about accuracy? What can the hardware do? What may you use: training, images, nothing?
# 2. Time falls when the shape of a tensor changes, or when the arithmetic does. Bytes of a download fall with anything that a file need not hold. Which tools change shapes, which need training?
# 3. One tool is the trap of a whole family of mistakes: read in its row what it leaves in float. And where nobody has a number yet, no tool is the first.

# %% check="6.8-guide"
check("6.8-guide")

# %% [markdown]
# ## 6.9-written  Read a broken table
#
# *18 minutes · 8 points · difficulty 3 of 3 · read by a person*
#
# A report holds this table. The student has 125,000 weights. "Pruned" means: 80 % of single weights set to zero with a mask.
#
# | model | accuracy | bytes | median latency | smaller |
# |---|---:|---:|---:|---:|
# | teacher, float32 | 98.4 % | 4,000,000 | 8.10 ms | 1× |
# | student, distilled | 97.9 % | 500,000 | 1.13 ms | 8× |
# | + pruned 80 % | 97.6 % | 100,000 | 0.226 ms | 40× |
# | + 8-bit codes | 97.6 % | 25,000 | 0.226 ms | 160× |
#
# *"Accuracy on the images with which we chose temperature and sparsity. The file of the pruned model was saved with `torch.save`."*
#
# **Answer in eight to twelve sentences:**
#
# 1. Which cells in the columns *bytes* and *median latency* were never measured? Show for each how you can tell, with the arithmetic.
# 2. What would the scale really show: for the pruned model saved with `torch.save`; for the last row as a file of 8-bit codes and a bitmask (leave scales and biases aside)? What would the last ratio be?
# 3. Why is the accuracy of the last row suspicious, and what is wrong with the images?
# 4. Name two measurements that the report still lacks.

# %% [markdown] exercise="6.9-written" kind="written" points=8 minutes=18 difficulty=3
# **Your answer to 6.9-written.** Double-click here, write eight to twelve sentences in place of the line below, then press Shift+Enter.
#
# <!-- answer -->
# **A model answer**
#
# 1. 100,000 is exactly 500,000 × 0.2, and 25,000 exactly 100,000 / 4: both were multiplied. 0.226 ms is exactly 1.13 × 0.2, and masked weights keep the tensor's shape, so the latency cannot have
#    fallen like that; it should be near 1.13 ms. In the last row it is the same number once more, to the last digit, although the arithmetic is said to have changed: two separate measurements seldom agree to the last digit, least of all with different arithmetic.
# 2. `torch.save` writes all 125,000 weights, zeros included: 500,000 bytes. A file with positions has 125,000 / 8 = 15,625 bytes of bitmask. With float32 survivors it is 15,625 + 100,000 = 115,625; with 8-bit codes
#    15,625 + 25,000 = 40,625 bytes. 4,000,000 / 40,625 is 98 times, not 160.
# 3. 97.6 % after the codes is exactly the number before. That can happen with 8 bits, but beside the other copied cells it has to be measured again. The images were used to choose temperature and sparsity, so all four accuracies are too good; a test set has to be opened once, after the choice.
# 4. For example: accuracy by class; the spread over several seeds; the student trained without the teacher; the decoded network's accuracy read back from the file; latency in a runtime that computes with int8.

# %% [markdown] hints="6.9-written"
# 1. Divide each cell by the one above it. Round ratios are suspicious: real files have positions and headers, real times have noise.
# 2. For the bitmask you need the number of places, not of survivors. Go back to 6.1 and do the same with 125,000.
# 3. Compare the note under the table with the last demonstration of 6.7: on which images was chosen there, and on which was told?

# %% [markdown] rubric="6.9-written"
# **6.9-written, 8 points**
#
# - 3 points: 100,000 and 25,000 are products [1]; 0.226 in the pruned row is 1.13 × 0.2, a mask changes no shape [1]; the copied 0.226 in the last row [1].
# - 3 points: torch.save 500,000 [1]; 15,625 + 25,000 = 40,625 [1]; 98 times [1]. An arithmetic slip with a right approach costs one point in all.
# - 1 point: the accuracy was copied or needs measuring again, *and* the images were used for choosing, so it is not a test accuracy.
# - 1 point: two sensible measurements that are missing.

# %% [markdown]
# ## Mini-challenge (no points, no blanks)
#
# The entries of a code book can be trained. All weights that share an entry move together, so the gradient of the entry is
# the sum of theirs. Here is an outline only; open a cell of your own (the + above).
#
# 1. Take a pruned student, its masks, and share each layer's survivors among 4 entries. Measure.
# 2. Make the code books torch parameters. In the forward pass build each weight tensor as `book[codes]` at the survivors, 0 elsewhere: autograd then adds up the gradients by itself.
# 3. Train the books alone for 100 steps, with the teacher's logits. The codes stay. Measure again: how much came back?
# 4. Weigh the file before and after: it must not have changed by a byte.
# 5. Then the positions: code the gaps between survivors with your Huffman lengths (gaps of 16 and more as a filler and the rest), and compare with the bitmask and with the mask's entropy at 50, 80 and 95 %.
#
# ## Common errors
#
# | You see | It was probably |
# |---|---|
# | sparsity 0 after quantising | a grid without an exact zero, or a zero point that was rounded away |
# | a pruned weight has a code | the mask was not applied before the scale was chosen |
# | NaN in one row or entry | a row without survivors, or an entry that no weight took |
# | the error rises from one round of k-means to the next | codes that belong to the code book before the last move |
# | entropy is NaN | the logarithm of a count of 0 |
# | the Huffman words are too long | the two largest groups joined in place of the smallest, or a word that grew only for some of a group |
# | weights in the wrong places after reading | parts in another order, or counted in survivors in place of places |
# | a ratio that no file reaches | scales, code books, positions or biases left out |
# | everything is on the frontier | "better in both" asked for, in place of "no worse, and better in one" |
# | the mean is fine, users complain | nobody looked at the classes |
#
# ## Quick reference
#
# | | |
# |---|---|
# | order | distil, prune, quantise; measure after each |
# | zeros | symmetric codes, scale from the survivors; revived = 0, lost counted |
# | k-means | nearest entry, then mean; empty entries stay; last assignment after the last move |
# | entropy | $H = -\sum p_i \log_2 p_i$; Huffman's mean length lies in $[H, H + 1)$, with two symbols or more |
# | file | code book $4 \cdot 2^b$ + positions $\lceil n/8\rceil$ + codes $\lceil \text{kept} \cdot b/8 \rceil$ + biases, for each layer |
# | limit of a bitmask | at most 32 times smaller than float32, whatever the sparsity |
# | ratio | bytes of one file / bytes of the other, both weighed |
# | dominated | another is no larger, no less accurate, and better in one |
# | gate | mean *and* worst class against budgets that were fixed before |
#
# ## Questions people ask
#
# **Why does the accuracy sometimes rise after a step?** Each step was followed by more training, and 180 validation images move by half a point for each image. Look at the spread before you
# believe in a gain.
#
# **Is gzip not enough?** On the codes it comes near Huffman: the last column in 6.4. It has Huffman's words inside. But it works on bytes, and float32 survivors hardly ever repeat. First make the numbers few, then let a coder run over them.
#
# **Which processor runs a Huffman-coded network?** None directly. It is decoded when it is loaded, and then takes as much memory as the codes, or as the floats. It is a format for storage and transport.
#
# **Do I have to use all steps?** No. Take the first that brings you under the target, and stop there. Each further step has its own way to hurt.
#
# **Why three seeds and not one?** With one you cannot tell a step that costs half a point from an unlucky draw.
#
# ## What this did not show
#
# - Speed of the coded network. Its weights were decoded to float32; the compression studio in `labs/` runs int8 in a runtime made for it.
# - Training that knows about the codes (quantisation-aware training), and groups of 4-bit weights for language models.
# - A network for which the task is hard. The digits forgive a lot; on a tight network each step costs more, and the frontier is steeper.
# - Convolutions in a file. The format is the same, row by row; their positions weigh as much a place.
# - A fair search: learning rates and steps were chosen once and for all variants alike.
#
# ## Further reading
#
# - Han, Mao and Dally (2016), *Deep Compression: Compressing Deep Neural Networks with Pruning, Trained Quantization and Huffman Coding*, [arXiv:1510.00149](https://arxiv.org/abs/1510.00149). The stack of this lesson; it claims 40 times for LeNet-300-100. Change one word to `"mnist"` and weigh yours.
# - Huffman (1952), *A Method for the Construction of Minimum-Redundancy Codes*, Proceedings of the IRE 40, 1098–1101.
# - Polino, Pascanu and Alistarh (2018), *Model compression via distillation and quantization*, [arXiv:1802.05668](https://arxiv.org/abs/1802.05668).
# - Choi, El-Khamy and Lee (2017), *Towards the Limit of Network Quantization*, [arXiv:1612.01543](https://arxiv.org/abs/1612.01543). Quantisation with the entropy in mind.
# - Hooker et al. (2019), *What Do Compressed Deep Neural Networks Forget?*, [arXiv:1911.05248](https://arxiv.org/abs/1911.05248). A mean hides who pays.
# - Kuzmin et al. (2023), *Pruning vs Quantization: Which is Better?*, [arXiv:2307.02973](https://arxiv.org/abs/2307.02973).

# %% demo=true
progress()
