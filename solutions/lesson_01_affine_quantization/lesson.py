# ---
# course:
#   lesson: 01_affine_quantization
#   title: Affine quantisation from scratch in NumPy
#   writes: a quantiser, ranges, channels, an integer matrix product, packed bytes
#   minutes: 110
#   points: 100
# ---

# %% [markdown]
# # 01 Affine quantisation from scratch in NumPy
#
# A trained layer is a box of 32-bit floats. Most of those bits say nothing useful. In this lesson you
# replace each float by a small integer, and you keep a strict account of what that costs. A *tensor*, here
# and in all that follows, is an array with any number of dimensions.
#
# **At the end you will have** a quantiser that you wrote yourself: it turns floats into integers of any
# width and back, never loses zero, picks its own range, multiplies matrices with integers only, and
# packs two 4-bit codes into a byte. For each of these you will have measured the error.
#
# | | |
# |---|---|
# | Time | about 110 minutes; each exercise says its own minutes, and 1.8 is the long one |
# | Points | 100, in nine exercises; one of them is read by a person |
# | Builds on | lesson 00, NumPy arrays; no neural network is needed yet |
# | Rule | a function leaves what it is given as it is, unless the text says otherwise |
# | Stuck? | run `hint("1.2-scale")` in a cell of your own: three hints for each exercise, at no cost |
# | Spelling | we write *quantise*; the code says `quantize`, as the libraries do |

# %% setup=true
from autograder.student import ___, check, hint, progress

# %%
import numpy as np

# %% [markdown]
# ## 1.1-predict  How far is a weight moved?
#
# *2 minutes · 5 points · difficulty 1 of 3*
#
# Quantising means: choose a few allowed values, evenly spaced, and move each weight to the nearest one.
# Then you store only the *number* of the allowed value, its **code**. An 8-bit code takes one byte
# instead of four. The price is the move.
#
# **Predict before you compute.** There are 256 evenly spaced allowed values. The first is exactly -1, the
# last is exactly +1. A weight lies somewhere between -1 and +1. How far can it be moved at most?
#
# - (a) 2/256
# - (b) 1/256
# - (c) 1/255
# - (d) 2/255
#
# Write the letter in quotes, like `"a"`.

# %% exercise="1.1-predict" kind="choice" points=5 minutes=2 difficulty=1
# Exercise 1.1-predict: the letter of your choice, in quotes
predict_1_1 = "c"  # blank: predict_1_1 = ___

# %% [markdown] choices="1.1-predict"
# - a: It divides the range by the number of values. Between 256 values there are only 255 gaps, and a weight is never moved by a whole gap.
# - b: It is half a gap, which is the right idea, but the gap is not 2/256. Count fence posts and gaps: 256 posts in a row have 255 gaps between them.
# - c: Yes. 256 values leave 255 gaps, each 2/255 wide. The worst place for a weight is half-way between two values: half a gap, 1/255.
# - d: It is one whole gap. A weight goes to the nearest value, so it never travels further than to the middle of a gap.

# %% [markdown] hints="1.1-predict"
# 1. Draw it with 3 allowed values instead of 256: at -1, 0 and +1. How wide is a gap? Where is the worst place for a weight?
# 2. Three values have two gaps. How many gaps do 256 values have?
# 3. Two questions in a row: how wide is one gap (the whole range over the number of gaps), and what part of a gap is the longest way to the nearest value?

# %% check="1.1-predict"
check("1.1-predict")

# %% demo=true
# The same question with 8 values, so that you can see the gaps.
from course_lessons.lesson_01_affine_quantization import figures

levels = np.linspace(-1, 1, 8)
weights = np.array([-0.93, -0.57, -0.16, 0.01, 0.42, 0.83])
nearest = levels[np.abs(weights[:, None] - levels).argmin(axis=1)]
print(f"one gap      {levels[1] - levels[0]:.4f}")
print(f"largest move {np.abs(weights - nearest).max():.4f}")
figures.number_line(weights, nearest, levels, np.arange(8), title="8 allowed values from -1 to +1")

# %% [markdown]
# *What to see: each weight (circle) goes to the nearest allowed value (tick), and no arrow goes sideways by more than
# half a gap. The numbers under the ticks are the codes, all that gets stored.*
#
# ## 1.2-scale  The scale and the zero point
#
# *10 minutes · 15 points · difficulty 2 of 3*
#
# **Why.** To get from codes back to floats we need two numbers. The **scale** is the width of one gap.
# The **zero point** is the code that means exactly 0.0. They are all that is stored beside the codes.
#
# **Which codes exist?** With $b$ bits there are $2^b$ patterns. *Unsigned* codes start at 0. *Signed*
# codes give one half of the patterns to the negative numbers; zero takes one place in the other half.
#
# **A worked example.** Four bits, unsigned: the codes run from 0 to 15. The floats run from -1 to 2.
#
# - The range is 3 wide and 16 codes have 15 gaps, so the scale is 3/15 = 0.2.
# - Start at the lowest code, 0, which means -1. To reach 0.0 you climb 1/0.2 = 5 gaps. The zero point is 0 + 5 = 5.
# - Test it: code 15 is 10 gaps above the zero point, and 10 × 0.2 = 2. The top of the range fits.
#
# **The range must contain 0.** Suppose the data lie between 3 and 5. The code for 0.0 would lie far
# below the lowest code. So before anything else we **widen** the range until it contains 0: here 0 to 5.
# Exact zeros are common in a network: the border of zeros that is put around an image (*padding*), the output of a *ReLU*,
# which turns every negative number into 0, and weights that were removed. They must come back as exactly 0.0.
#
# **A range of nothing but zero** (`lo == hi == 0`) has no width. Any positive scale will do; we take 1.0.
#
# **Predict:** for data from 3 to 5 and unsigned 8-bit codes, which code will be the zero point? Then fill the blanks.

# %% exercise="1.2-scale" kind="code" points=15 minutes=10 difficulty=2
# Exercise 1.2-scale: which codes there are, and what they mean
def integer_range(bits, signed):
    """The smallest and the largest integer code of a given width.

    bits: int, 2 to 16.    signed: bool.
    Returns (qmin, qmax), two integers (not floats).
    """
    if signed:
        return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1  # blank: return -(2 ** (___)), ___
    return 0, 2**bits - 1  # blank: return 0, ___


def scale_and_zero_point(lo, hi, qmin, qmax):
    """Scale and zero point for floats from lo to hi and codes from qmin to qmax.

    lo, hi: floats, lo <= hi; the range is first widened to contain 0.
    qmin, qmax: integers, qmin <= 0 <= qmax, qmin < qmax.
    Returns (scale, zero_point): scale is a positive number, zero_point an integer
    (Python int or NumPy integer, not a float) from qmin to qmax.
    If the widened range is 0 to 0, the scale is 1.0.
    """
    lo, hi = min(lo, 0.0), max(hi, 0.0)  # blank: lo, hi = ___, ___
    if lo == hi:
        return 1.0, 0
    scale = (hi - lo) / (qmax - qmin)  # blank: scale = (hi - lo) / (___)
    zero_point = round(qmin - lo / scale)  # blank: zero_point = round(___)
    return scale, int(min(max(zero_point, qmin), qmax))

# %% [markdown] hints="1.2-scale"
# 1. Do it on paper for 3 bits first: write down all eight unsigned codes, then all eight signed ones. How many are negative? How many gaps are there?
# 2. Widening moves an end only if 0 lies outside. The lower end becomes the smaller of two numbers, the upper end the larger of two.
# 3. For the zero point, redo the worked example with letters: you stand at the lowest code, which means `lo`, and climb to 0.0. How many gaps is that, if each is `scale` wide and `lo` is negative or 0?

# %% check="1.2-scale"
check("1.2-scale")

# %% [markdown]
# *Your prediction for 3 to 5: the zero point is 0. Widened, the range runs from 0 to 5, so 0.0 is its lowest float and
# gets the lowest code.*
#
# ## 1.3-quantize  There and back
#
# *10 minutes · 15 points · difficulty 2 of 3*
#
# **Why.** Now each float becomes a code and each code a float again. Every byte that you save later comes
# from these two functions.
#
# **A worked example**, with the scale 0.2 and the zero point 5 from above, codes 0 to 15:
#
# | float | in gaps | rounded | plus zero point | clipped to 0..15 | back to a float |
# |---|---|---|---|---|---|
# | 0.5 | 2.5 | 2 | 7 | 7 | 0.4 |
# | -0.33 | -1.65 | -2 | 3 | 3 | -0.4 |
# | 0.0 | 0 | 0 | 5 | 5 | 0.0 |
# | 2.4 | 12 | 12 | 17 | **15** | 2.0 |
#
# The last row lies outside the range. Its code does not exist, so it gets the nearest one that does.
# This is called **clipping** (other texts say *clamping* or *saturation*), and it is the only way to lose more than half a gap.
#
# **Halves.** 2.5 lies exactly between two codes. NumPy's `np.rint` sends halves to the nearest *even*
# integer, so 2.5 goes to 2 and 3.5 to 4. School rounding sends all halves up. Here we take `np.rint`;
# after the exercise you see why. Round first, add the zero point afterwards: 2.5 + 5 is 7.5, which would go to 8.
#
# **On the way back** beware of small integer types. Codes may come as `uint8`. `uint8` has no negative
# numbers, so 3 minus 5 wraps around to 254. Go to a wider type before you subtract.
#
# **Predict:** if you quantise a tensor that has been quantised and dequantised once, does it change again?

# %% exercise="1.3-quantize" kind="code" points=15 minutes=10 difficulty=2
# Exercise 1.3-quantize: from floats to codes and back
def quantize(x, scale, zero_point, qmin, qmax):
    """Float array -> integer codes.

    x: float array of any shape, also empty; no infinities.    scale: positive float.
    zero_point, qmin, qmax: integers, qmin <= zero_point <= qmax.
    Returns an int32 array of the shape of x: the number of gaps, rounded
    (halves to even), plus the zero point, clipped to qmin..qmax.
    Raises ValueError if x contains NaN, which has no code.
    """
    if np.isnan(x).any():
        raise ValueError("x contains NaN, which has no code")
    q = np.rint(x / scale) + zero_point  # blank: q = np.rint(___) + ___
    return np.clip(q, qmin, qmax).astype(np.int32)  # blank: return (___).astype(np.int32)


def dequantize(q, scale, zero_point):
    """Integer codes -> float array of the same shape (float32 or float64).

    q: integer array of any integer type, int8 and uint8 included.
    """
    gaps = q.astype(np.int32) - zero_point  # blank: gaps = q.astype(___) - ___
    return scale * gaps  # blank: return ___

# %% [markdown] hints="1.3-quantize"
# 1. Read one row of the table from left to right. Each column is one operation, and the columns stand in the order in which you need them.
# 2. "In gaps" means: how many times does one gap fit into the float? For the last step look up what `np.clip` takes.
# 3. The way back undoes the steps in reverse order: first take away what was added last, then undo the division. Do the first of these in an integer type that can hold negative numbers.

# %% check="1.3-quantize"
check("1.3-quantize")

# %% demo=true
# Odd tensors, and what happens without widening.
qmin, qmax = integer_range(8, signed=False)

def worst_error(x, scale, zero_point):
    codes = quantize(x, scale, zero_point, qmin, qmax)
    return np.abs(x - dequantize(codes, scale, zero_point)).max()

x = np.linspace(3, 5, 201)
bare_scale = (5 - 3) / 255
bare_zero_point = max(0, round(0 - 3 / bare_scale))  # wanted far below 0, clipped to 0
print(f"3..5 not widened: s/2 = {bare_scale / 2:.4f}, worst error {worst_error(x, bare_scale, bare_zero_point):.4f}")

odd = {"3..5 widened": x, "all 0": np.zeros(4), "all 3.7": np.full(4, 3.7),
       "all negative": -x, "both signs": x - 4}
print(f"{'tensor':14}{'scale':>9}{'zero point':>12}{'s/2':>9}{'worst':>9}{'0.0 comes back as':>20}")
for name, t in odd.items():
    s, z = scale_and_zero_point(t.min(), t.max(), qmin, qmax)
    zero = dequantize(quantize(np.zeros(1), s, z, qmin, qmax), s, z)[0]
    print(f"{name:14}{s:9.5f}{z:12d}{s / 2:9.5f}{worst_error(t, s, z):9.5f}{zero:20.5f}")

s, z = scale_and_zero_point(3.0, 5.0, qmin, qmax)
once = quantize(x, s, z, qmin, qmax)
twice = quantize(dequantize(once, s, z), s, z, qmin, qmax)
print(f"\ncodes that change when 3..5 is quantised a second time: {(once != twice).sum()} of {x.size}")

# Halves: turn 8-bit codes into 7-bit codes, that is, divide by 2. Every second one is a tie.
halved = np.arange(256) / 2
print(f"\nmean shift, halves up:      {np.mean(np.floor(halved + 0.5) - halved):+.3f}")
print(f"mean shift, halves to even: {np.mean(np.rint(halved) - halved):+.3f}")

# %% [markdown]
# *What to see: without widening, the zero point is clipped to 0, the highest code means only 2, and all of 3..5 is
# clipped to it. The worst error is hundreds of times s/2. Widened, each worst error is at most s/2 and 0.0
# comes back as 0.0 in every row, even for the tensors that are constant.*
#
# *Your prediction for the second time: nothing changes. A float that came back is one of the allowed values already,
# so it is its own nearest one.*
#
# *About halves: always rounding up moves the average. On smooth data ties never happen and the rule does
# not matter. It matters when the data lie on a grid already: pixels, averages of two integers, codes that
# are cut from 8 to 7 bits.*
#
# ## How large is the error?
#
# **Why.** You want to know the error *before* you quantise. From now on $s$ is the scale, $x$ a float, and
# $\hat x$ ("x hat") what comes back for it. Inside the range a float is moved by at most
# half a gap: $|x - \hat x| \le s/2$. If the floats fall anywhere in their gap with equal chance, the
# error is uniform between $-s/2$ and $s/2$, and the mean of its square is $s^2/12$.
#
# One more bit halves the gap, so it divides the mean squared error by 4. The **SQNR** (signal to
# quantisation noise ratio) is $10 \log_{10}$ of the mean of $x^2$ over the mean squared error, in decibels.
# A factor of 4 is $20 \log_{10} 2$, about 6.02 dB.
#
# **Predict:** how many dB apart will 8 bits and 2 bits be?

# %% demo=true
x = np.random.default_rng(1).uniform(-1, 1, 100_000)
qmin, qmax = integer_range(8, signed=True)
s, z = scale_and_zero_point(x.min(), x.max(), qmin, qmax)
error = x - dequantize(quantize(x, s, z, qmin, qmax), s, z)
print(f"largest error / (s/2)   {np.abs(error).max() / (s / 2):.4f}")
print(f"mean square / (s^2/12)  {np.mean(error**2) / (s**2 / 12):.4f}")
figures.error_histogram(error, s)

# %% [markdown]
# *What to see: the histogram is flat and ends at ±s/2, as the uniform law (dashed) says.*
#
# Now the same for 2 to 8 bits, with the SQNR measured and the SQNR that $s^2/12$ gives.

# %% demo=true
x = np.random.default_rng(1).uniform(-1, 1, 100_000)
bits = np.arange(2, 9)
measured, theory = [], []
for b in bits:
    qmin, qmax = integer_range(int(b), signed=True)
    s, z = scale_and_zero_point(x.min(), x.max(), qmin, qmax)
    error = x - dequantize(quantize(x, s, z, qmin, qmax), s, z)
    measured.append(10 * np.log10(np.mean(x**2) / np.mean(error**2)))
    theory.append(10 * np.log10(np.mean(x**2) / (s**2 / 12)))
    print(f"{b} bits: measured {measured[-1]:6.2f} dB, theory {theory[-1]:6.2f} dB")
whole = measured[-1] - measured[0]
print(f"from 2 to 8 bits: {whole:.2f} dB, which is {whole / 6:.2f} dB a bit")
print(f"from 7 to 8 bits: {measured[-1] - measured[-2]:.2f} dB")
figures.sqnr_against_bits(bits, np.array(measured), np.array(theory))

# %% [markdown]
# *What to see: the measured points lie on the theory's line.*
#
# *Your prediction: 6 bits at 6.02 dB would be 36.1 dB; measured are 38.6. The first bits bring more than 6.02 dB, because from
# b bits to b + 1 the number of gaps grows from $2^b - 1$ to $2^{b+1} - 1$, a little more than double: from 2 to 3 bits it
# grows from 3 to 7. At 8 bits nothing is left of that.*
#
# ## 1.4-bug  Find the bug: a large value changes its sign
#
# *6 minutes · 8 points · difficulty 1 of 3*
#
# **Why.** Codes must end up in a small type, `int8`, or nothing is saved. A colleague wrote the function
# below, for codes around the zero point 0. On most tensors it is right. On a tensor with one large value, the largest
# float came back as a large *negative* one: its code should have been 130, clipped to 127, and another code came out.
#
# **Predict:** `np.array([130]).astype(np.int8)`. What do you get, and what can a clip after it still do?
#
# One line is wrong. Repair it.

# %% exercise="1.4-bug" kind="bug" points=8 minutes=6 difficulty=1
# Exercise 1.4-bug: repair the wrong line
def to_int8(x, scale):
    """Quantise to int8 with the zero point 0.

    x: float array; |x| / scale is below a million.    scale: positive float.
    Returns an int8 array of the shape of x, the codes rounded and clipped to -128..127.
    """
    codes = np.rint(x / scale).astype(np.int32)
    return np.clip(codes, -128, 127).astype(np.int8)  # bug: return np.clip(codes.astype(np.int8), -128, 127)

# %% [markdown] hints="1.4-bug"
# 1. Follow the number 130 through the function, step by step, and write down its value after each step.
# 2. `int8` holds -128 to 127. What is still left for `np.clip` to do once the array has that type?
# 3. Nothing is missing in the function. Two things happen in the wrong order.

# %% check="1.4-bug"
check("1.4-bug")

# %% [markdown]
# *Your prediction: 130 becomes -126, because `int8` counts on from 127 to -128. And -126 lies inside -128..127, so a clip
# that comes afterwards sees nothing to do.*
#
# ## 1.5-written  Symmetric or asymmetric?
#
# *10 minutes · 8 points · difficulty 2 of 3 · read by a person*
#
# **Why.** So far the range could sit anywhere, and the zero point said where 0 is. That is *asymmetric*
# (or affine) quantisation. *Symmetric* quantisation fixes the zero point at 0 and takes the range from
# -m to m, where m is the largest absolute value. It is simpler and its arithmetic is cheaper; for weights,
# which spread to both sides of zero, it is the usual choice. A ReLU turns every negative number into 0, so its
# output is never negative.
#
# **Predict:** of the 255 codes from -127 to 127, how many can a ReLU's output use?

# %% demo=true
relu = np.maximum(np.random.default_rng(2).uniform(-4, 4, 50_000), 0)
s_sym = relu.max() / 127
sym = quantize(relu, s_sym, 0, -127, 127)
s_asym, z_asym = scale_and_zero_point(relu.min(), relu.max(), -128, 127)
asym = quantize(relu, s_asym, z_asym, -128, 127)
for name, q, s, z in [("symmetric", sym, s_sym, 0), ("asymmetric", asym, s_asym, z_asym)]:
    mse = np.mean((relu - dequantize(q, s, z)) ** 2)
    print(f"{name:11} zero point {z:4d}, gap {s:.4f}, codes {q.min():4d} to {q.max()}: "
          f"{len(np.unique(q))} in use, mean squared error {mse:.2e}")
figures.codes_used(sym, asym)

# %% [markdown]
# *What to see: the symmetric codes leave the whole negative side empty: 128 of 255 codes are in use, which answers the
# prediction. The asymmetric ones use all 256. Both have their peak at the code that means 0.0, where the ReLU put half of the floats.*
#
# **Your task.** Answer these three questions in the next cell, in five to ten sentences together.
#
# 1. What does it cost to quantise a ReLU's output symmetrically, in codes, in bits, in mean squared error? Use the numbers above.
# 2. A convolution pads its input with zeros. Which *code* must be written into the padding of the asymmetric tensor, and why does it have to mean exactly 0.0? What would go wrong in the image's border if you wrote the code 0?
# 3. Why is symmetric quantisation nevertheless the usual choice for weights?

# %% [markdown] exercise="1.5-written" kind="written" points=8 minutes=10 difficulty=2
# **Your answer to 1.5-written.** Double-click here, write five to ten sentences in place of the line below, then press Shift+Enter.
#
# <!-- answer -->
# **A model answer**
#
# 1. The output lies in 0..m, but the symmetric range is -m..m, so the codes -127..-1 are never used: 128 of 255 are in
#    use, about half, which is one bit less. The gap is about twice as wide, so the mean squared error is about four times
#    as large; the print-out shows that ratio, and it is the 6.02 dB of one bit.
# 2. The padding must be filled with the zero point, here -128, because that is the code that dequantises to 0.0.
#    Padded zeros mean "nothing here"; if they came back as something else, each border pixel would get a bias that
#    inner pixels do not get. The code 0 in this tensor means scale × (0 + 128), about half of the largest
#    activation: a bright frame around the picture. It is also why the range is widened to contain 0.
# 3. Weights spread about evenly to both sides of zero, so hardly a code is wasted. With a zero point of 0 the
#    correction terms of the integer matrix product that come from the weights vanish, so it is faster.

# %% [markdown] hints="1.5-written"
# 1. Take the three questions one by one. For the first, read the two printed lines: how many codes are in use in each, and what is the ratio of the two errors?
# 2. For the second, ask what a padded pixel is supposed to mean, and what the code 0 dequantises to with the asymmetric scale and zero point.
# 3. For the third, imagine a histogram of weights, spread to both sides of zero, beside that of a ReLU's output; then look at which correction terms in 1.8 disappear if a zero point is 0.

# %% [markdown] rubric="1.5-written"
# **1.5-written, 8 points**
#
# - 3 points: about half of the codes (or one bit) are wasted [1]; the gap is about twice as wide [1]; the error about four times as large, or about 6 dB, read off the print-out [1].
# - 3 points: the padding is filled with the zero point [1], because it is the code that means exactly 0.0 [1]; with another code the border gets a constant that is not in the picture, with a reason or a number [1].
# - 2 points: weights are roughly symmetric around zero, so little is lost [1]; a zero point of 0 makes the integer product cheaper or simpler [1].
# - "Asymmetric is better" without a reason earns nothing. Wrong numbers with a right reason lose one point at most.

# %% [markdown]
# ## 1.6-calibrate  Which range?
#
# *12 minutes · 12 points · difficulty 2 of 3*
#
# **Why.** The range is your choice. The obvious one is **min-max**: from the smallest value to the largest.
# Then nothing is clipped, but one outlier stretches the range and every gap with it. A **percentile** range
# gives up, say, the outermost 0.1 %. The third way is to *search*: try several clips and keep the one
# with the least mean squared error. A narrower range clips more and rounds less; somewhere lies the best.
#
# **Bad input first.** An empty tensor has no smallest value. NaN is neither small nor large. An infinite value
# would make the scale infinite. A good quantiser says so with a `ValueError` instead of handing on nonsense.
#
# **A worked example of one candidate.** Let qmax be 7, so the codes run from -7 to 7 around the zero point 0.
# The clip 3.5 gives the scale 3.5/7 = 0.5. The value 1.2 gets the code 2 and comes back as 1.0: error 0.2.
# The value 5.0 wants the code 10, gets 7, and comes back as 3.5: error 1.5. The mean of the squared errors
# over all values is the clip's cost.
#
# **Predict:** 10,000 normal values and five outliers, 4 bits. Will the best clip lie near the largest outlier?

# %% exercise="1.6-calibrate" kind="code" points=12 minutes=12 difficulty=2
# Exercise 1.6-calibrate: a range that is safe, and a range that is good
def min_max_range(x):
    """Smallest and largest value of x, as two floats (lo, hi).

    x: float array of any shape.
    Raises ValueError if x is empty, or contains NaN or an infinity.
    """
    if x.size == 0:  # blank: if ___:
        raise ValueError("an empty tensor has no range")
    if not np.isfinite(x).all():  # blank: if ___:
        raise ValueError("the range of a tensor with NaN or infinity is not a number")
    in_order = np.sort(x, axis=None)  # all values in one row, the smallest first
    return float(in_order[0]), float(in_order[-1])


def best_clip(x, candidates, qmax):
    """The candidate clip with the least mean squared error.

    x: float array of any shape.    candidates: array of positive floats, in any order.
    qmax: int, at least 1.
    A clip c means: codes -qmax..qmax, zero point 0, and the code qmax means the float c.
    Returns one of the candidates, as a float.
    """
    best, best_mse = None, np.inf
    for clip in candidates:
        scale = clip / qmax  # blank: scale = ___
        codes = np.clip(np.rint(x / scale), -qmax, qmax)  # blank: codes = np.clip(np.rint(x / scale), ___, ___)
        mse = np.mean((x - scale * codes) ** 2)  # blank: mse = np.mean((___) ** 2)
        if mse < best_mse:  # blank: if ___:
            best, best_mse = clip, mse
    return float(best)

# %% [markdown] hints="1.6-calibrate"
# 1. Each `if` needs a question about the whole tensor with one answer, yes or no. NumPy knows the number of elements, and it knows for each element whether it is an ordinary number.
# 2. In `best_clip`, follow the worked example: the gap for this clip, the codes (none may leave -qmax..qmax), the floats that come back, the difference to the original.
# 3. `np.isfinite` answers for each element; you must complain as soon as one answer is no. And in the loop, keep a clip only if it beats the best one so far, on which quantity?

# %% check="1.6-calibrate"
check("1.6-calibrate")

# %% demo=true
x = np.concatenate([np.random.default_rng(3).normal(0, 1, 10_000), [9.0, -11.0, 12.0, -8.0, 10.0]])
lo, hi = min_max_range(x)
clips = np.linspace(0.5, 12, 116)
mses = []
for clip in clips:
    codes = quantize(x, clip / 7, 0, -7, 7)
    mses.append(np.mean((x - dequantize(codes, clip / 7, 0)) ** 2))
marks = {
    "min-max": max(-lo, hi),
    "99.9th percentile": np.percentile(np.abs(x), 99.9),
    "least error": best_clip(x, clips, 7),
}
for name, clip in marks.items():
    print(f"{name:18} clip {clip:6.2f}, mean squared error {np.interp(clip, clips, mses):.4f}")
figures.clip_search(clips, np.array(mses), marks)

# %% [markdown]
# *What to see: the curve falls while less is clipped, then climbs as the gaps widen. Min-max sits far to the
# right of the lowest point: five values in ten thousand spoil the other ones. So the prediction's answer is no: the best
# clip lies far below the largest outlier, and the outliers are cut off for the good of the rest.*
#
# ## 1.7-channels  One loud channel
#
# *8 minutes · 10 points · difficulty 2 of 3*
#
# **Why.** A layer's weights are a table, and each row of it makes one of the layer's outputs. Such an output is also
# called an **output channel**. Let us call a row *loud* if its weights are large and *quiet* if they are small. If one
# row is much louder than the rest, its largest weight sets the scale for all of them, and the quiet rows collapse into a
# few codes. The cure is a scale **for each row**. It costs 4 bytes a row, one float32.
#
# **A worked example.** Codes -7..7. The row (0.7, -0.2) has the largest absolute value 0.7, so its scale is
# 0.7/7 = 0.1, and its codes are (7, -2). Beside it stands the row (-70, 14): its scale is 10, its codes
# are (-7, 1). With the scale 10 for both, the first row would have become (0, 0).
#
# A row of zeros gets the scale 1.0, for the reason that you know.
#
# **Predict:** eight rows, one of them forty times louder. By what factor does the error of the quiet rows fall?

# %% exercise="1.7-channels" kind="code" points=10 minutes=8 difficulty=2
# Exercise 1.7-channels: one scale for each row
def quantize_rows(w, qmax):
    """Symmetric codes with one scale for each row.

    w: float array, shape (rows, columns), at least one column.    qmax: int, at least 1.
    Returns (codes, scales): codes is an integer array of the shape of w, from -qmax to qmax;
    scales is a float array of shape (rows,): the row's largest absolute value is the code
    qmax or -qmax. The scale of a row of zeros is 1.0.
    """
    largest = np.abs(w).max(axis=1)  # blank: largest = (___).max(axis=___)
    scales = np.where(largest > 0, largest / qmax, 1.0)  # blank: scales = np.where(largest > 0, ___, 1.0)
    codes = np.rint(w / scales[:, None])  # blank: codes = np.rint(w / (___))
    return codes.astype(np.int32), scales

# %% [markdown] hints="1.7-channels"
# 1. What belongs to a row's scale: its largest value, or its largest absolute value? Look at the second row of the worked example.
# 2. `axis` names the direction that disappears. From shape (rows, columns) you want shape (rows,).
# 3. Dividing (rows, columns) by (rows,) lines the scales up with the columns, which is wrong or an error. Give the scales a second axis of length 1.

# %% check="1.7-channels"
check("1.7-channels")

# %% demo=true
w = np.random.default_rng(4).normal(0, 0.05, (8, 256))
w[3] *= 40
one_scale = np.abs(w).max() / 127
per_tensor = dequantize(quantize(w, one_scale, 0, -127, 127), one_scale, 0)
codes, scales = quantize_rows(w, 127)
per_channel = codes * scales[:, None]
rms_tensor = np.sqrt(np.mean((w - per_tensor) ** 2, axis=1))
rms_channel = np.sqrt(np.mean((w - per_channel) ** 2, axis=1))
quiet = np.arange(8) != 3
print(f"quiet rows: error {rms_tensor[quiet].mean():.6f} -> {rms_channel[quiet].mean():.6f}, "
      f"{rms_tensor[quiet].mean() / rms_channel[quiet].mean():.0f} times smaller")
print(f"bytes: {w.size} codes + 4 for one scale, or {w.size} codes + {4 * len(scales)} for {len(scales)} scales")
figures.loud_channel(rms_tensor, rms_channel, loud=3)

# %% [markdown]
# *What to see: with one scale all rows have the loud row's error; with a scale for each row only the loud row keeps
# it, and the quiet rows' bars drop. The price is 28 bytes. Your prediction: the factor is 34, not far from the 40 by which the
# loud row is louder, because each quiet row's gap is now about so many times narrower.*
#
# ## 1.8-matmul  Multiply with integers only
#
# *30 minutes · 15 points · difficulty 3 of 3*
#
# **Why.** Small weights save memory. Time is saved only if the *arithmetic* runs on the codes, too. Let $a$ and $b$ be
# two matrices of which we keep the codes $p_{ik}$ and $q_{kj}$: $a_{ik} = s_a (p_{ik} - z_a)$ and
# $b_{kj} = s_b (q_{kj} - z_b)$. Row $i$ of $a$ times column $j$ of $b$, with the brackets multiplied out, is
#
# $$\sum_k a_{ik} b_{kj} = s_a s_b \Big( \sum_k p_{ik} q_{kj} \;-\; z_a \sum_k q_{kj} \;-\; z_b \sum_k p_{ik} \;+\; K z_a z_b \Big)$$
#
# - $\sum_k p_{ik} q_{kj}$ is the ordinary matrix product, of codes. The other three terms are **zero-point corrections**.
# - $\sum_k q_{kj}$ depends on $j$ only: one sum for each *column* of the second matrix, the same in every row of the result.
# - $\sum_k p_{ik}$ depends on $i$ only: one sum for each *row* of the first matrix, the same in every column of the result.
# - $K$ is the number of terms in each sum: `a.shape[1]` in the code. $K z_a z_b$ is one number.
#
# **A worked example.** The row (3, 5) with $z_a = 2$, times the column (2, 4) with $z_b = 1$, so $K = 2$:
#
# | codes × codes | $- z_a$ × column sum | $- z_b$ × row sum | $+ K z_a z_b$ | bracket |
# |---|---|---|---|---|
# | 3×2 + 5×4 = 26 | -2 × (2 + 4) = -12 | -1 × (3 + 5) = -8 | 2 × 2 × 1 = 4 | **10** |
#
# Test it without the formula: (3 - 2, 5 - 2) times (2 - 1, 4 - 1) is 1×1 + 3×3 = 10.
#
# **The accumulator** is the number that the products are added up in. 127 × 127 = 16129 does not fit in int8. Three such
# products, 48387, do not even fit in int16, which ends at 32767. So we add up in **int32**.
#
# **Requantisation.** The result $y$ goes to the next layer as int8 codes. It has a scale $s_y$ and a zero point of its own, picked
# from its own range as in 1.2. The bracket times $s_a s_b$ is the float; divided by $s_y$ it is in gaps of the output. So the bracket must be multiplied by
# $M = s_a s_b / s_y$, a float, usually below 1. A chip without floats writes it as
# $M \approx m / 2^{\text{shift}}$ with an integer $m$ of 31 bits: it multiplies by $m$ (an int32 times $m$ needs
# 64 bits) and divides by a power of two, which is a shift.
#
# **Shifts.** `13 >> 2` takes the bits of 13, 1101, moves them two places to the right and drops what falls off: 11,
# which is 3. So `n >> 2` is n / 2² rounded *down*. To the left, `1 << 2` is 100 in bits, 2² = 4. To round to the nearest instead of down,
# add half of the divisor before you shift: 7/4 is 1.75, `7 >> 2` is 1, and `(7 + 2) >> 2` is 2. Halves then go up, unlike
# `np.rint`; that is what integer hardware does most cheaply. Only integers can be shifted, and `/` makes floats of them.
#
# **Predict:** how far can the integer result lie from the float product of the dequantised matrices?

# %% exercise="1.8-matmul" kind="code" points=15 minutes=30 difficulty=3
# Exercise 1.8-matmul: the matrix product of two quantised matrices
def int_matmul(qa, za, qb, zb):
    """The bracket of the formula above: (qa - za) @ (qb - zb), in integers.

    qa: int8 array, shape (rows, K).    qb: int8 array, shape (K, columns).
    za, zb: Python ints, the zero points.
    Returns an int32 array of shape (rows, columns), exact.
    """
    a, b = qa.astype(np.int32), qb.astype(np.int32)  # blank: a, b = qa.astype(___), qb.astype(___)
    acc = a @ b
    acc = acc - za * b.sum(axis=0)  # blank: acc = acc - za * (___)
    acc = acc - zb * a.sum(axis=1, keepdims=True)  # blank: acc = acc - zb * (___)
    return (acc + a.shape[1] * za * zb).astype(np.int32)  # blank: return (acc + (___)).astype(np.int32)


def requantize(acc, m, shift, zero_point, qmin, qmax):
    """Accumulators -> codes: acc * m / 2**shift, rounded (halves up), plus the zero point, clipped.

    acc: int32 array.    m: int, 2**30 <= m < 2**31.    shift: int, 31 to 60.
    zero_point, qmin, qmax: integers.    No floats are used on the way.
    Returns an integer array of the shape of acc, with values from qmin to qmax.
    """
    product = acc.astype(np.int64) * m  # blank: product = acc.astype(___) * m
    rounded = (product + (1 << (shift - 1))) >> shift  # blank: rounded = (product + (___)) >> shift
    return np.clip(rounded + zero_point, qmin, qmax).astype(np.int32)  # blank: return (___).astype(np.int32)

# %% [markdown] hints="1.8-matmul"
# 1. Check shapes. `acc` is (rows, columns), `a` is (rows, K), `b` is (K, columns). A column sum of `b` still depends on the column, a row sum of `a` still depends on the row. Which axis is K in each?
# 2. A column of sums must have shape (rows, 1) to be added to every column: `keepdims=True` keeps the axis. The last correction is one number, the same everywhere.
# 3. For the shift: to round n / 8 you add 4 before `>> 3`. What is half of 2**shift? And which integer type holds an int32 times a 31-bit number?

# %% check="1.8-matmul"
check("1.8-matmul")

# %% demo=true
# First the accumulator: what a small one makes of 3 x 127 x 127.
row = np.full(3, 127, dtype=np.int8)
for dtype in (np.int8, np.int16, np.int32):
    print(f"3 x 127 x 127 in {dtype.__name__:6} {row.astype(dtype) @ row.astype(dtype)}")

def fixed_point(multiplier):
    """A float between 0 and 1 as (m, shift): m / 2**shift, with m a 31-bit integer."""
    fraction, exponent = np.frexp(multiplier)  # fraction in [0.5, 1)
    m = int(round(float(fraction) * 2**31))
    return (m, 31 - int(exponent)) if m < 2**31 else (2**30, 30 - int(exponent))

# Then a layer in integers, compared with the float product of the same dequantised matrices.
rng = np.random.default_rng(5)
qa = rng.integers(-128, 128, (64, 256)).astype(np.int8)
qb = rng.integers(-128, 128, (256, 32)).astype(np.int8)
sa, za, sb, zb = 0.02, -17, 0.005, 4
floats = dequantize(qa, sa, za) @ dequantize(qb, sb, zb)
acc = int_matmul(qa, za, qb, zb)
print("accumulators, largest:", np.abs(acc).max(), "(int16 ends at 32767)")
print(f"largest difference, accumulator x scales against floats: {np.abs(sa * sb * acc - floats).max():.1e}")

sy, zy = scale_and_zero_point(floats.min(), floats.max(), -128, 127)
m, shift = fixed_point(sa * sb / sy)
print(f"M = {sa * sb / sy:.9f} is about {m} / 2^{shift} = {m / 2**shift:.9f}")
qy = requantize(acc, m, shift, zy, -128, 127)
inside = (qy > -128) & (qy < 127)
ratio = np.abs(dequantize(qy, sy, zy) - floats)[inside].max() / (sy / 2)
print(f"after requantisation: largest difference is {ratio:.4f} of s/2")

# %% [markdown]
# *What to see: in int8 and int16 the sum wraps around. Up to the accumulator the integers are exact; the difference of about 1e-14 is
# the floats' own rounding. So the prediction's answer is: by at most s/2, with s the output's scale, and all of it comes from the last
# rounding. The codes at the two ends are left out, because there clipping may add to it.*
#
# ## 1.9-bytes  Honest bytes, and two codes in a byte
#
# *12 minutes · 12 points · difficulty 2 of 3*
#
# **Why.** "4 bits, so 8 times smaller" is wrong twice. NumPy has no 4-bit type: unless you pack, each code
# takes a whole byte. And the scales and zero points are stored, too. A size that leaves them out is not a size.
#
# **A worked example.** The codes 3 and 10 are 0011 and 1010 in bits. The first goes to the low half, the
# second, moved up by four places, to the high half: 1010 0011, which is 163 = 3 + 16 × 10. To unpack, keep the low four bits
# (163 & 15 is 3), and shift the rest down (163 >> 4 is 10). With an odd number of codes the last
# high half stays 0, so the reader must be told how many codes there are.
#
# **Count.** 1001 codes of 4 bits are 4004 bits, which need 501 bytes: a file has no half bytes. A float32 scale
# takes 4 bytes, an int8 zero point takes 1.
#
# Small *groups* of weights may have a scale and a zero point each; the rows of 1.7 had a scale each.
#
# **Predict:** 1,000,000 weights at 4 bits, one scale and one zero point for every group of 32. How many times smaller than float32?

# %% exercise="1.9-bytes" kind="code" points=12 minutes=12 difficulty=2
# Exercise 1.9-bytes: pack, unpack, count
def pack4(codes):
    """Two 4-bit codes in each byte; of each pair, the first in the low four bits.

    codes: uint8 array of shape (n,), values 0 to 15; n may be odd or 0.
    Returns a uint8 array of shape (ceil(n / 2),); a missing last partner counts as 0.
    """
    if len(codes) % 2 == 1:
        codes = np.append(codes, np.uint8(0))
    first, second = codes[0::2], codes[1::2]
    return first | (second << 4)  # blank: return first | (___)


def unpack4(packed, n):
    """The n codes that pack4 packed: uint8 array of shape (n,).    packed: uint8 array."""
    codes = np.zeros(2 * len(packed), dtype=np.uint8)
    codes[0::2] = packed & 15  # blank: codes[0::2] = ___
    codes[1::2] = packed >> 4  # blank: codes[1::2] = ___
    return codes[:n]  # blank: return ___


def stored_bytes(n_codes, bits, n_scales, n_zero_points):
    """Bytes in a file: packed codes (whole bytes, rounded up), 4 for each scale, 1 for each zero point.

    All four are ints. Returns an integer (not a float).
    """
    code_bytes = (n_codes * bits + 7) // 8  # blank: code_bytes = ___
    return code_bytes + (4 * n_scales + n_zero_points)  # blank: return code_bytes + ___

# %% [markdown] hints="1.9-bytes"
# 1. Work with the example on paper: 3 and 10 make 163. Which operation takes 10 to 160? Which two take 163 back to 3 and to 10?
# 2. Unpacking always yields an even number of codes. If n is odd, which one is too many?
# 3. Bytes for the codes: bits in all, divided by 8, rounded up. With integers you get that from `//` if you first add one less than the divisor.

# %% check="1.9-bytes"
check("1.9-bytes")

# %% demo=true
n = 1_000_000
print(f"{'1,000,000 weights':34}{'bytes':>10}{'smaller by':>12}")
for name, bits, scales, zero_points in [
    ("float32", 32, 0, 0), ("int8, one scale", 8, 1, 1), ("int8, 1000 rows", 8, 1000, 0),
    ("4 bits, not packed", 8, 1, 1), ("4 bits, one scale", 4, 1, 1),
    ("4 bits, groups of 32", 4, n // 32, n // 32), ("4 bits, groups of 128", 4, -(-n // 128), -(-n // 128)),
]:
    size = stored_bytes(n, bits, scales, zero_points)
    print(f"{name:34}{size:10,}{4 * n / size:11.2f}x")
packed = pack4(np.array([3, 10, 7], dtype=np.uint8))
print("three codes packed:", packed, "and unpacked:", unpack4(packed, 3))

# %% [markdown]
# *What to see: only the row with one scale comes to 8.00. Unpacked codes save no more than int8. Your prediction: groups of
# 32 come to 6.10, because 4 + 1 bytes for every 32 weights are 1.25 bits a weight, 5.25 in all. What small
# groups buy for it is not measured in this course.*
#
# ## Mini-challenge (no points, no blanks)
#
# Is it worth keeping the outliers apart? Store the largest 0.1 % of the weights as float32 with their positions, and quantise
# the rest with a narrow range. Compare at **equal bytes**, not at equal bits. The next cell has an outline only.

# %%
# 1. Make a weight matrix with heavy tails: np.random.default_rng(6).standard_t(3, size=(256, 256)).
# 2. Quantise it to 4 bits, min-max, one scale for each row. Count the bytes. Measure the mean squared error.
# 3. Take out the largest 0.1 % by absolute value. Store each as 4 bytes for the value and 4 for the position.
# 4. Quantise the rest with its own, narrower range; put the outliers back; count and measure again.
# 5. Spend the extra bytes of step 4 on something else (more scales, the best clip) and compare a third time.

# %% demo=true
progress()

# %% [markdown]
# ## Common errors
#
# | You see | It was probably |
# |---|---|
# | error as large as the data's distance from zero | the range was not widened to contain 0 |
# | large values come back with the wrong sign | cast before clip; or an accumulator that is too small |
# | the highest value comes back one gap too low | $2^b$ in place of $2^b - 1$ gaps |
# | all values come back a little too low | floor, or a cast, instead of rounding |
# | a ReLU loses one bit | symmetric codes for data that are never negative |
# | NaN in a layer that has a row of zeros | a row of zeros divided by its own scale, 0 |
# | wrong only where codes lie below the zero point | subtraction in `uint8` |
# | "8 times smaller", but the file is not | codes not packed; scales and zero points not counted |
#
# ## Quick reference
#
# | | |
# |---|---|
# | signed codes | $-2^{b-1} \ldots 2^{b-1}-1$ |
# | unsigned codes | $0 \ldots 2^b-1$ |
# | range | $lo \leftarrow \min(lo, 0)$, $hi \leftarrow \max(hi, 0)$ |
# | scale, zero point | $s = (hi - lo)/(q_{max} - q_{min})$, $z = \mathrm{round}(q_{min} - lo/s)$ |
# | there, back | $q = \mathrm{clip}(\mathrm{round}(x/s) + z)$, $\hat x = s\,(q - z)$ |
# | error inside the range | at most $s/2$; mean square about $s^2/12$; about 6.02 dB a bit |
# | symmetric | $z = 0$, $s = \max\lvert x\rvert / q_{max}$ |
# | bytes | $\lceil n b / 8 \rceil$ + 4 a scale + 1 a zero point |
#
# ## Questions people ask
#
# **Why is the zero point an integer? A float would fit the range better.** Then 0.0 would fall between two codes and come
# back as something else. An integer zero point moves the range by at most half a gap; in return zero is exact.
#
# **Why -127..127 for weights, when -128 is there?** To keep both sides equal: then -w has the code -q, and the product of two
# codes is at most 127 × 127. One code of 256 is given up for it.
#
# **Is 8-bit arithmetic always faster?** No. The runtime must have integer kernels and the processor must have the
# instructions. The compression studio in `labs` measures that; here we only made sure the result is right.
#
# **Does less mean squared error mean more accuracy?** Usually, not always. A network may lean on just the outliers that
# a clip cuts off. That is why lesson 06 measures accuracy, each class by itself.
#
# **Where do the ranges of activations come from?** From running some real inputs through the network and watching: calibration.
# Weights need none, they lie in front of you.
#
# ## What this did not show
#
# - No network was quantised and no accuracy was measured. A size without an accuracy is half a sentence.
# - All data were drawn at random. Real weights have structure; real activations have outliers in fixed channels.
# - Nothing was timed. Integer arithmetic is only a promise of speed until it is measured.
# - Weights were rounded as they came. Training *with* quantisation and rounding that watches the layer's output are not in this course.
#
# ## Further reading
#
# - Jacob et al. (2018), *Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference*, [arXiv:1712.05877](https://arxiv.org/abs/1712.05877). Integer-only inference as in 1.8.
# - Krishnamoorthi (2018), *Quantizing deep convolutional networks for efficient inference: A whitepaper*, [arXiv:1806.08342](https://arxiv.org/abs/1806.08342). Scales for each channel.
# - Nagel et al. (2021), *A White Paper on Neural Network Quantization*, [arXiv:2106.08295](https://arxiv.org/abs/2106.08295). The clearest long account.
# - Gholami et al. (2021), *A Survey of Quantization Methods for Efficient Neural Network Inference*, [arXiv:2103.13630](https://arxiv.org/abs/2103.13630). A map of the field.
