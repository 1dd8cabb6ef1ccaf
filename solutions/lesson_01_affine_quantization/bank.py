"""The bank of lesson 01: answers that students really give, and right answers written differently.

Each function stands by itself: it uses `np` and its own body. A wrong answer's sentence is what a
student reads when theirs behaves the same, so it says what goes wrong and why, not what to type.
"""

import numpy as np

from autograder.checks import right, wrong, wrong_value

# 1.1-predict

wrong_value(
    "1.1-predict",
    "divides the range by the number of values; between 256 values there are 255 gaps, and a weight moves by half a gap at most",
    predict_1_1="a",
)
wrong_value(
    "1.1-predict",
    "takes half a gap, which is right, but counts 256 gaps between 256 values",
    predict_1_1="b",
)
wrong_value(
    "1.1-predict",
    "takes a whole gap; the nearest value is never further away than the middle of the gap",
    predict_1_1="d",
)
wrong_value(
    "1.1-predict",
    "gives the number instead of the letter of the choice",
    predict_1_1="1/255",
)

# 1.2-scale


@wrong("1.2-scale", "divides by the number of codes; 256 codes have 255 gaps between them, so qmax - qmin is the number to divide by")
def scale_and_zero_point(lo, hi, qmin, qmax):
    lo, hi = min(lo, 0.0), max(hi, 0.0)
    if lo == hi:
        return 1.0, 0
    scale = (hi - lo) / (qmax - qmin + 1)
    zero_point = round(qmin - lo / scale)
    return scale, int(min(max(zero_point, qmin), qmax))


@wrong("1.2-scale", "does not widen the range to contain 0; for data from 3 to 5 the zero point is then clipped and the values are lost")
def scale_and_zero_point(lo, hi, qmin, qmax):
    if lo == hi:
        return 1.0, 0
    scale = (hi - lo) / (qmax - qmin)
    zero_point = round(qmin - lo / scale)
    return scale, int(min(max(zero_point, qmin), qmax))


@wrong("1.2-scale", "widens the lower end only; a range from -5 to -3 does not contain 0 either")
def scale_and_zero_point(lo, hi, qmin, qmax):
    lo = min(lo, 0.0)
    if lo == hi:
        return 1.0, 0
    scale = (hi - lo) / (qmax - qmin)
    zero_point = round(qmin - lo / scale)
    return scale, int(min(max(zero_point, qmin), qmax))


@wrong("1.2-scale", "swaps min and max, so the range shrinks towards 0 instead of growing to contain it")
def scale_and_zero_point(lo, hi, qmin, qmax):
    lo, hi = max(lo, 0.0), min(hi, 0.0)
    if lo == hi:
        return 1.0, 0
    scale = (hi - lo) / (qmax - qmin)
    zero_point = round(qmin - lo / scale)
    return scale, int(min(max(zero_point, qmin), qmax))


@wrong("1.2-scale", "leaves qmin out of the zero point; that is right for unsigned codes only, where qmin is 0")
def scale_and_zero_point(lo, hi, qmin, qmax):
    lo, hi = min(lo, 0.0), max(hi, 0.0)
    if lo == hi:
        return 1.0, 0
    scale = (hi - lo) / (qmax - qmin)
    zero_point = round(-lo / scale)
    return scale, int(min(max(zero_point, qmin), qmax))


@wrong("1.2-scale", "has the wrong sign in the zero point: lo is negative or 0, and from qmin you climb to reach 0.0")
def scale_and_zero_point(lo, hi, qmin, qmax):
    lo, hi = min(lo, 0.0), max(hi, 0.0)
    if lo == hi:
        return 1.0, 0
    scale = (hi - lo) / (qmax - qmin)
    zero_point = round(qmin + lo / scale)
    return scale, int(min(max(zero_point, qmin), qmax))


@wrong("1.2-scale", "cuts the zero point off instead of rounding it to the nearest integer")
def scale_and_zero_point(lo, hi, qmin, qmax):
    lo, hi = min(lo, 0.0), max(hi, 0.0)
    if lo == hi:
        return 1.0, 0
    scale = (hi - lo) / (qmax - qmin)
    zero_point = int(np.floor(qmin - lo / scale))
    return scale, int(min(max(zero_point, qmin), qmax))


@wrong("1.2-scale", "has one signed code too many at the top: with zero there, 3 bits give -4 to 3, not -4 to 4")
def integer_range(bits, signed):
    if signed:
        return -(2 ** (bits - 1)), 2 ** (bits - 1)
    return 0, 2**bits - 1


@wrong("1.2-scale", "counts 2^b unsigned codes but starts at 0, so the last one is 2^b - 1")
def integer_range(bits, signed):
    if signed:
        return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    return 0, 2**bits


@wrong("1.2-scale", "gives signed codes the symmetric range; here the lowest pattern counts, too: 3 bits give -4 to 3")
def integer_range(bits, signed):
    if signed:
        return -(2 ** (bits - 1) - 1), 2 ** (bits - 1) - 1
    return 0, 2**bits - 1


@wrong("1.2-scale", "takes eight bits whatever `bits` says")
def integer_range(bits, signed):
    return (-128, 127) if signed else (0, 255)


@wrong("1.2-scale", "uses all b bits for each sign; signed codes share the 2^b patterns between both signs")
def integer_range(bits, signed):
    if signed:
        return -(2**bits), 2**bits - 1
    return 0, 2**bits - 1


@right("1.2-scale", "NumPy throughout; the zero point is a NumPy integer, rounded half up")
def scale_and_zero_point(lo, hi, qmin, qmax):
    lo, hi = np.minimum(lo, 0), np.maximum(hi, 0)
    if hi - lo == 0:
        return np.float64(1), np.int64(qmin)
    scale = np.float64(hi - lo) / (qmax - qmin)
    return scale, np.int64(np.clip(np.floor(qmin - lo / scale + 0.5), qmin, qmax))


@right("1.2-scale", "in float32, the zero point counted from the upper end, results in a list")
def scale_and_zero_point(lo, hi, qmin, qmax):
    lo, hi = np.float32(min(0, lo)), np.float32(max(0, hi))
    if lo == 0 and hi == 0:
        return [1, min(max(0, qmin), qmax)]
    scale = (hi - lo) / np.float32(qmax - qmin)
    return [scale, int(np.rint(qmax - hi / scale))]


@right("1.2-scale", "shifts and NumPy integers")
def integer_range(bits, signed):
    codes = 1 << bits
    low = -(codes >> 1) if signed else 0
    return np.int64(low), np.int64(low + codes - 1)


@wrong("1.2-scale", "takes the codes for all the patterns of some number of bits; codes from 0 to 10 have 10 gaps, whatever holds them")
def scale_and_zero_point(lo, hi, qmin, qmax):
    lo, hi = min(lo, 0.0), max(hi, 0.0)
    if lo == hi:
        return 1.0, 0
    patterns = 2 ** int(np.ceil(np.log2(qmax - qmin + 1)))
    scale = (hi - lo) / (patterns - 1)
    return scale, int(min(max(round(qmin - lo / scale), qmin), qmax))


@wrong("1.2-scale", "looks for a range without width before it widens: data that are all 3 lie in the range 0 to 3, once it is widened")
def scale_and_zero_point(lo, hi, qmin, qmax):
    if lo == hi:
        return 1.0, 0
    lo, hi = min(lo, 0.0), max(hi, 0.0)
    scale = (hi - lo) / (qmax - qmin)
    return scale, int(min(max(round(qmin - lo / scale), qmin), qmax))


@wrong("1.2-scale", "takes a narrow range for one without width; only a range of exactly 0 to 0 gets the scale 1.0")
def scale_and_zero_point(lo, hi, qmin, qmax):
    lo, hi = min(lo, 0.0), max(hi, 0.0)
    if hi - lo < 1e-8:
        return 1.0, 0
    scale = (hi - lo) / (qmax - qmin)
    return scale, int(min(max(round(qmin - lo / scale), qmin), qmax))


@wrong("1.2-scale", "adds a small number to the range; that changes the scale of a narrow one")
def scale_and_zero_point(lo, hi, qmin, qmax):
    lo, hi = min(lo, 0.0), max(hi, 0.0)
    if lo == hi:
        return 1.0, 0
    scale = (hi - lo + 1e-8) / (qmax - qmin)
    return scale, int(min(max(round(qmin - lo / scale), qmin), qmax))


@wrong("1.2-scale", "gives a range of nothing but zero the scale 0, or one next to 0; the scale of such a range is 1.0")
def scale_and_zero_point(lo, hi, qmin, qmax):
    lo, hi = min(lo, 0.0), max(hi, 0.0)
    scale = max((hi - lo) / (qmax - qmin), 1e-12)
    return scale, int(min(max(round(qmin - lo / scale), qmin), qmax))


@wrong("1.2-scale", "gives a range of nothing but zero the scale 0, or one next to 0; the scale of such a range is 1.0")
def scale_and_zero_point(lo, hi, qmin, qmax):
    lo, hi = min(lo, 0.0), max(hi, 0.0)
    scale = (hi - lo) / (qmax - qmin)
    zero_point = round(qmin - lo / scale) if scale else qmin
    return scale, int(min(max(zero_point, qmin), qmax))


@wrong("1.2-scale", "returns the zero point as a float; it is a code, and codes are integers")
def scale_and_zero_point(lo, hi, qmin, qmax):
    lo, hi = min(lo, 0.0), max(hi, 0.0)
    if lo == hi:
        return 1.0, 0.0
    scale = (hi - lo) / (qmax - qmin)
    return scale, float(np.clip(np.rint(qmin - lo / scale), qmin, qmax))


@wrong("1.2-scale", "rounds the zero point up instead of to the nearest integer")
def scale_and_zero_point(lo, hi, qmin, qmax):
    lo, hi = min(lo, 0.0), max(hi, 0.0)
    if lo == hi:
        return 1.0, 0
    scale = (hi - lo) / (qmax - qmin)
    return scale, int(min(max(np.ceil(qmin - lo / scale - 1e-9), qmin), qmax))


@wrong("1.2-scale", "returns the codes as floats; `/` and a power of 2.0 always make floats")
def integer_range(bits, signed):
    patterns = 2.0**bits
    return (-patterns / 2, patterns / 2 - 1) if signed else (0.0, patterns - 1)


@right("1.2-scale", "an array of two")
def integer_range(bits, signed):
    return np.arange(2**bits)[[0, -1]] - (2 ** (bits - 1) if signed else 0)


@right("1.2-scale", "NumPy's distance from end to end, as a named pair")
def scale_and_zero_point(lo, hi, qmin, qmax):
    from collections import namedtuple

    ends = np.array([lo, hi, 0.0])
    scale = float(np.ptp(ends)) / (qmax - qmin) or 1.0
    return namedtuple("Affine", "scale zero_point")(scale, int(np.clip(np.rint(qmin - ends.min() / scale), qmin, qmax)))


# 1.3-quantize


@wrong("1.3-quantize", "cuts the digits off instead of rounding, so every float is pulled towards zero")
def quantize(x, scale, zero_point, qmin, qmax):
    if np.isnan(x).any():
        raise ValueError("NaN")
    return np.clip(np.trunc(x / scale) + zero_point, qmin, qmax).astype(np.int32)


@wrong("1.3-quantize", "rounds down instead of to the nearest, so every float comes back too low")
def quantize(x, scale, zero_point, qmin, qmax):
    if np.isnan(x).any():
        raise ValueError("NaN")
    return np.clip(np.floor(x / scale) + zero_point, qmin, qmax).astype(np.int32)


@wrong("1.3-quantize", "sends halves up instead of to the even neighbour, which pushes averages up")
def quantize(x, scale, zero_point, qmin, qmax):
    if np.isnan(x).any():
        raise ValueError("NaN")
    return np.clip(np.floor(x / scale + 0.5) + zero_point, qmin, qmax).astype(np.int32)


@wrong("1.3-quantize", "clips before it adds the zero point, so codes can leave qmin..qmax and good ones are cut off")
def quantize(x, scale, zero_point, qmin, qmax):
    if np.isnan(x).any():
        raise ValueError("NaN")
    return (np.clip(np.rint(x / scale), qmin, qmax) + zero_point).astype(np.int32)


@wrong("1.3-quantize", "never clips: codes outside qmin..qmax do not exist in the small type they will be stored in")
def quantize(x, scale, zero_point, qmin, qmax):
    if np.isnan(x).any():
        raise ValueError("NaN")
    return (np.rint(x / scale) + zero_point).astype(np.int64).astype(np.int32)


@wrong("1.3-quantize", "multiplies by the scale on the way there; the number of gaps is the float divided by the scale")
def quantize(x, scale, zero_point, qmin, qmax):
    if np.isnan(x).any():
        raise ValueError("NaN")
    return np.clip(np.rint(x * scale) + zero_point, qmin, qmax).astype(np.int32)


@wrong("1.3-quantize", "subtracts the zero point on the way there; it is added there and subtracted on the way back")
def quantize(x, scale, zero_point, qmin, qmax):
    if np.isnan(x).any():
        raise ValueError("NaN")
    return np.clip(np.rint(x / scale) - zero_point, qmin, qmax).astype(np.int32)


@wrong("1.3-quantize", "forgets the zero point on the way there, as if 0.0 always had the code 0")
def quantize(x, scale, zero_point, qmin, qmax):
    if np.isnan(x).any():
        raise ValueError("NaN")
    return np.clip(np.rint(x / scale), qmin, qmax).astype(np.int32)


@wrong("1.3-quantize", "wraps codes around, as a cast to a small type does, instead of clipping them")
def quantize(x, scale, zero_point, qmin, qmax):
    if np.isnan(x).any():
        raise ValueError("NaN")
    q = np.rint(x / scale) + zero_point
    return ((q - qmin) % (qmax - qmin + 1) + qmin).astype(np.int32)


@wrong("1.3-quantize", "lets NaN through: a cast turns it into some integer, and nobody will notice")
def quantize(x, scale, zero_point, qmin, qmax):
    q = np.nan_to_num(np.rint(x / scale) + zero_point)
    return np.clip(q, qmin, qmax).astype(np.int32)


@wrong("1.3-quantize", "adds the zero point before it rounds; if the zero point is odd, halves then go to the odd neighbour")
def quantize(x, scale, zero_point, qmin, qmax):
    if np.isnan(x).any():
        raise ValueError("NaN")
    return np.clip(np.rint(x / scale + zero_point), qmin, qmax).astype(np.int32)


@wrong("1.3-quantize", "leaves the codes as floats; `np.rint` and `np.clip` do not change the type, so a cast must come last")
def quantize(x, scale, zero_point, qmin, qmax):
    if np.isnan(x).any():
        raise ValueError("NaN")
    return np.clip(np.rint(x / scale) + zero_point, qmin, qmax)


@wrong("1.3-quantize", "forgets to subtract the zero point on the way back")
def dequantize(q, scale, zero_point):
    return scale * q.astype(np.int32)


@wrong("1.3-quantize", "multiplies before it subtracts: the zero point is a code, so it must be taken away from codes")
def dequantize(q, scale, zero_point):
    return scale * q.astype(np.int32) - zero_point


@wrong("1.3-quantize", "subtracts in the small integer type of the codes, where 3 - 5 wraps around")
def dequantize(q, scale, zero_point):
    return scale * (q - np.array(zero_point).astype(q.dtype))


@wrong("1.3-quantize", "goes to int8 on the way back, which ends at 127: uint8 codes from 128 to 255 turn negative there")
def dequantize(q, scale, zero_point):
    return scale * (q.astype(np.int8) - zero_point)


@wrong("1.3-quantize", "divides by the scale on the way back; there it is multiplied")
def dequantize(q, scale, zero_point):
    return (q.astype(np.int32) - zero_point) / scale


@right("1.3-quantize", "clips the gaps to the shifted ends, adds the zero point last")
def quantize(x, scale, zero_point, qmin, qmax):
    if not (x == x).all():
        raise ValueError("NaN")
    whole = np.round(np.divide(x, scale))
    return np.maximum(np.minimum(whole, qmax - zero_point), qmin - zero_point).astype("int32") + np.int32(zero_point)


@right("1.3-quantize", "a loop with Python's round, which also sends halves to even")
def quantize(x, scale, zero_point, qmin, qmax):
    out = np.empty(x.shape, dtype=np.int32)
    for index, value in np.ndenumerate(x):
        if value != value:
            raise ValueError("NaN")
        out[index] = min(max(round(float(value) / scale) + zero_point, qmin), qmax)
    return out


@right("1.3-quantize", "computed in float32")
def quantize(x, scale, zero_point, qmin, qmax):
    if np.isnan(x.sum()):
        raise ValueError("NaN")
    q = np.rint(x.astype(np.float32) / np.float32(scale))
    return np.clip(q + np.float32(zero_point), qmin, qmax).astype(np.int32)


@right("1.3-quantize", "floats from the start, in float32")
def dequantize(q, scale, zero_point):
    return np.float32(scale) * (q.astype(np.float32) - np.float32(zero_point))


@right("1.3-quantize", "a table of all floats, in int64")
def dequantize(q, scale, zero_point):
    return np.array([float(c) - zero_point for c in q.ravel()], dtype=np.float64).reshape(q.shape) * scale


@wrong("1.3-quantize", "goes through int16, which ends at 32767: unsigned codes of 16 bits turn negative there")
def quantize(x, scale, zero_point, qmin, qmax):
    if np.isnan(x).any():
        raise ValueError("NaN")
    return np.clip(np.rint(x / scale) + zero_point, qmin, qmax).astype(np.int32).astype(np.int16).astype(np.int32)


@wrong("1.3-quantize", "clips to eight bits whatever qmin and qmax are")
def quantize(x, scale, zero_point, qmin, qmax):
    if np.isnan(x).any():
        raise ValueError("NaN")
    return np.clip(np.rint(x / scale) + zero_point, max(qmin, -128), min(qmax, 255)).astype(np.int32)


@wrong("1.3-quantize", "casts to int32 before it clips; a float far outside the range does not fit, and some integer comes out")
def quantize(x, scale, zero_point, qmin, qmax):
    if np.isnan(x).any():
        raise ValueError("NaN")
    return np.clip(np.rint(x / scale).astype(np.int32) + zero_point, qmin, qmax).astype(np.int32)


@wrong("1.3-quantize", "returns codes of int64; int32 is asked for")
def quantize(x, scale, zero_point, qmin, qmax):
    if np.isnan(x).any():
        raise ValueError("NaN")
    return np.clip(np.rint(x / scale) + zero_point, qmin, qmax).astype(np.int64)


@wrong("1.3-quantize", "returns the codes in one row; they keep the shape of x")
def quantize(x, scale, zero_point, qmin, qmax):
    if np.isnan(x).any():
        raise ValueError("NaN")
    return np.clip(np.rint(x.ravel() / scale) + zero_point, qmin, qmax).astype(np.int32)


@wrong("1.3-quantize", "looks for NaN in the largest value, and an empty array has none")
def quantize(x, scale, zero_point, qmin, qmax):
    if np.isnan(x.max()):
        raise ValueError("NaN")
    return np.clip(np.rint(x / scale) + zero_point, qmin, qmax).astype(np.int32)


@wrong("1.3-quantize", "sends halves away from zero instead of to the even neighbour")
def quantize(x, scale, zero_point, qmin, qmax):
    if np.isnan(x).any():
        raise ValueError("NaN")
    gaps = x / scale
    return np.clip(np.trunc(gaps + np.copysign(0.5, gaps)) + zero_point, qmin, qmax).astype(np.int32)


@wrong("1.3-quantize", "goes to int16 on the way back, which ends at 32767: codes of uint16 beyond that turn negative there")
def dequantize(q, scale, zero_point):
    return scale * (q.astype(np.int16).astype(np.int32) - zero_point)


@wrong("1.3-quantize", "returns float16, which has only three digits; float32 or float64 is asked for")
def dequantize(q, scale, zero_point):
    return (scale * (q.astype(np.int32) - zero_point)).astype(np.float16)


@wrong("1.3-quantize", "returns the floats in one row; they keep the shape of the codes")
def dequantize(q, scale, zero_point):
    return scale * (q.astype(np.int32).ravel() - zero_point)


@right("1.3-quantize", "times the reciprocal, on a copy in place; an infinity is refused as well")
def quantize(x, scale, zero_point, qmin, qmax):
    gaps = np.array(x, dtype=np.float64)
    if not np.isfinite(gaps).all():
        raise ValueError("not finite")
    gaps *= 1 / scale
    np.rint(gaps, out=gaps)
    gaps += zero_point
    return np.where(gaps < qmin, qmin, np.where(gaps > qmax, qmax, gaps)).astype(np.int32)


@right("1.3-quantize", "two products in float32 and their difference")
def dequantize(q, scale, zero_point):
    return np.float32(scale) * q.astype(np.float32) - np.float32(scale) * np.float32(zero_point)


# 1.4-bug


@wrong("1.4-bug", "still casts before it clips: int8 has turned 130 into -126 before the clip can see it")
def to_int8(x, scale):
    codes = np.rint(x / scale).astype(np.int32)
    return np.clip(codes.astype(np.int8), -128, 127)


@wrong("1.4-bug", "clips to 0..255, the codes of uint8; int8 runs from -128 to 127")
def to_int8(x, scale):
    codes = np.rint(x / scale).astype(np.int32)
    return np.clip(codes, 0, 255).astype(np.int8)


@wrong("1.4-bug", "clips the floats instead of the codes: -128..127 are codes, so divide by the scale first")
def to_int8(x, scale):
    codes = np.rint(np.clip(x, -128, 127) / scale).astype(np.int32)
    return codes.astype(np.int8)


@wrong("1.4-bug", "clips to the symmetric range -127..127; here -128 is a code, too")
def to_int8(x, scale):
    codes = np.rint(x / scale).astype(np.int32)
    return np.clip(codes, -127, 127).astype(np.int8)


@wrong("1.4-bug", "leaves the codes in a wide type; int8 is asked for, so that each takes one byte")
def to_int8(x, scale):
    codes = np.rint(x / scale).astype(np.int32)
    return np.clip(codes, -128, 127)


@wrong("1.4-bug", "clips in the right place but no longer rounds to the nearest")
def to_int8(x, scale):
    return np.clip(x / scale, -128, 127).astype(np.int8)


@right("1.4-bug", "clips the floats' codes first and casts once")
def to_int8(x, scale):
    return np.rint(np.clip(x / scale, -128, 127)).astype(np.int8)


@right("1.4-bug", "where instead of clip")
def to_int8(x, scale):
    codes = np.rint(x / scale).astype(np.int64)
    codes = np.where(codes > 127, 127, codes)
    return np.where(codes < -128, -128, codes).astype("int8")


@right("1.4-bug", "a loop, half up where no tie occurs")
def to_int8(x, scale):
    out = np.zeros(x.shape, np.int8)
    for index, value in np.ndenumerate(x):
        out[index] = max(-128, min(127, int(np.floor(value / scale + 0.5))))
    return out


@wrong("1.4-bug", "goes through int16 before it clips; that only moves the end from 127 to 32767, and 40,000 is negative there, too")
def to_int8(x, scale):
    codes = np.rint(x / scale).astype(np.int32).astype(np.int16)
    return np.clip(codes, -128, 127).astype(np.int8)


@wrong("1.4-bug", "clips to -128..128: 128 is no code of int8, and the cast turns it into -128")
def to_int8(x, scale):
    codes = np.rint(x / scale).astype(np.int32)
    return np.clip(codes, -128, 128).astype(np.int8)


@wrong("1.4-bug", "lets no scale be smaller than a fixed number; a quiet layer has a small scale, and its codes come out too small")
def to_int8(x, scale):
    return np.clip(np.rint(x / max(scale, 1e-6)), -128, 127).astype(np.int8)


@wrong("1.4-bug", "clips the upper end only; values below -128 wrap around to positive codes")
def to_int8(x, scale):
    codes = np.rint(x / scale).astype(np.int32)
    return np.minimum(codes, 127).astype(np.int8)


@right("1.4-bug", "in float32, halves away from zero")
def to_int8(x, scale):
    gaps = x.astype(np.float32) / np.float32(scale)
    return np.clip(np.trunc(gaps + np.copysign(np.float32(0.5), gaps)), -128, 127).astype(np.int8)


# 1.6-calibrate


@wrong("1.6-calibrate", "asks whether some values are finite; one NaN or infinity is enough to refuse the tensor")
def min_max_range(x):
    if x.size == 0:
        raise ValueError("empty")
    if not np.isfinite(x).any():
        raise ValueError("not finite")
    in_order = np.sort(x, axis=None)
    return float(in_order[0]), float(in_order[-1])


@wrong("1.6-calibrate", "looks for NaN only; an infinite value makes the scale infinite")
def min_max_range(x):
    if x.size == 0:
        raise ValueError("empty")
    if np.isnan(x).any():
        raise ValueError("NaN")
    return float(x.min()), float(x.max())


@wrong("1.6-calibrate", "looks for infinity only; NaN makes every comparison false and spoils the range")
def min_max_range(x):
    if x.size == 0:
        raise ValueError("empty")
    if np.isinf(x).any():
        raise ValueError("infinite")
    in_order = np.sort(x, axis=None)
    return float(in_order[0]), float(in_order[-1])


@wrong("1.6-calibrate", "gives an empty tensor the range 0 to 0 instead of refusing it")
def min_max_range(x):
    if x.size == 0:
        return 0.0, 0.0
    if not np.isfinite(x).all():
        raise ValueError("not finite")
    return float(x.min()), float(x.max())


@wrong("1.6-calibrate", "lets an empty tensor through its first `if`; the lines below then look for a first value that is not there")
def min_max_range(x):
    if x is None:
        raise ValueError("empty")
    if not np.isfinite(x).all():
        raise ValueError("not finite")
    in_order = np.sort(x, axis=None)
    return float(in_order[0]), float(in_order[-1])


@wrong("1.6-calibrate", "asks for the number of rows: an array of shape (3, 0) has three rows and yet no value")
def min_max_range(x):
    if len(x) == 0:
        raise ValueError("empty")
    if not np.isfinite(x).all():
        raise ValueError("not finite")
    in_order = np.sort(x, axis=None)
    return float(in_order[0]), float(in_order[-1])


@wrong("1.6-calibrate", "takes absolute values: the smallest value of a tensor may be negative")
def min_max_range(x):
    if x.size == 0:
        raise ValueError("empty")
    if not np.isfinite(x).all():
        raise ValueError("not finite")
    return float(np.abs(x).min()), float(np.abs(x).max())


@wrong("1.6-calibrate", "returns the largest value first; the order is (lo, hi)")
def min_max_range(x):
    if x.size == 0:
        raise ValueError("empty")
    if not np.isfinite(x).all():
        raise ValueError("not finite")
    return float(x.max()), float(x.min())


@wrong(
    "1.6-calibrate",
    "ends with the smallest candidate: the codes are not held within -qmax..qmax, or what is compared is not the distance of x from scale * codes",
)
def best_clip(x, candidates, qmax):
    best, best_mse = None, np.inf
    for clip in candidates:
        scale = clip / qmax
        mse = np.mean((x - scale * np.rint(x / scale)) ** 2)
        if mse < best_mse:
            best, best_mse = clip, mse
    return float(best)


@wrong("1.6-calibrate", "leaves the clipped values out of the mean; the error that a clip makes is the price of clipping")
def best_clip(x, candidates, qmax):
    best, best_mse = None, np.inf
    for clip in candidates:
        scale, inside = clip / qmax, x[np.abs(x) <= clip]
        mse = np.mean((inside - scale * np.rint(inside / scale)) ** 2) if inside.size else np.inf
        if mse < best_mse:
            best, best_mse = clip, mse
    return float(best)


@wrong("1.6-calibrate", "keeps the clip with the largest error: the comparison is the wrong way round")
def best_clip(x, candidates, qmax):
    best, best_mse = None, -np.inf
    for clip in candidates:
        scale = clip / qmax
        mse = np.mean((x - scale * np.clip(np.rint(x / scale), -qmax, qmax)) ** 2)
        if mse > best_mse:
            best, best_mse = clip, mse
    return float(best)


@wrong("1.6-calibrate", "measures the mean absolute error; the task asks for the mean of the squares, which punishes clipped outliers more")
def best_clip(x, candidates, qmax):
    best, best_error = None, np.inf
    for clip in candidates:
        scale = clip / qmax
        error = np.mean(np.abs(x - scale * np.clip(np.rint(x / scale), -qmax, qmax)))
        if error < best_error:
            best, best_error = clip, error
    return float(best)


@wrong("1.6-calibrate", "looks at the largest error instead of the mean of the squares, so one outlier decides")
def best_clip(x, candidates, qmax):
    best, best_error = None, np.inf
    for clip in candidates:
        scale = clip / qmax
        error = np.max(np.abs(x - scale * np.clip(np.rint(x / scale), -qmax, qmax)))
        if error < best_error:
            best, best_error = clip, error
    return float(best)


@wrong("1.6-calibrate", "squares the mean instead of averaging the squares: errors of both signs cancel")
def best_clip(x, candidates, qmax):
    best, best_error = None, np.inf
    for clip in candidates:
        scale = clip / qmax
        error = np.mean(x - scale * np.clip(np.rint(x / scale), -qmax, qmax)) ** 2
        if error < best_error:
            best, best_error = clip, error
    return float(best)


@wrong("1.6-calibrate", "uses one gap too many: the code qmax must mean the clip, so the scale is clip / qmax")
def best_clip(x, candidates, qmax):
    best, best_mse = None, np.inf
    for clip in candidates:
        scale = clip / (qmax + 1)
        mse = np.mean((x - scale * np.clip(np.rint(x / scale), -qmax, qmax)) ** 2)
        if mse < best_mse:
            best, best_mse = clip, mse
    return float(best)


@wrong("1.6-calibrate", "lets one code more in on the negative side; here the codes run from -qmax to qmax")
def best_clip(x, candidates, qmax):
    best, best_mse = None, np.inf
    for clip in candidates:
        scale = clip / qmax
        codes = np.clip(np.rint(x / scale), -qmax - 1, qmax)
        mse = np.mean((x - scale * codes) ** 2)
        if mse < best_mse:
            best, best_mse = clip, mse
    return float(best)


@wrong("1.6-calibrate", "clips the codes to -clip..clip; clip is a float, and the codes run from -qmax to qmax")
def best_clip(x, candidates, qmax):
    best, best_mse = None, np.inf
    for clip in candidates:
        scale = clip / qmax
        codes = np.clip(np.rint(x / scale), -clip, clip)
        mse = np.mean((x - scale * codes) ** 2)
        if mse < best_mse:
            best, best_mse = clip, mse
    return float(best)


@wrong("1.6-calibrate", "prefers the clip that turns most values into 0: square the distance of x from scale * codes")
def best_clip(x, candidates, qmax):
    best, best_mse = None, np.inf
    for clip in candidates:
        scale = clip / qmax
        codes = np.clip(np.rint(x / scale), -qmax, qmax)
        mse = np.mean((scale * codes) ** 2)
        if mse < best_mse:
            best, best_mse = clip, mse
    return float(best)


@wrong("1.6-calibrate", "compares x with the codes; turn them back into floats first")
def best_clip(x, candidates, qmax):
    best, best_mse = None, np.inf
    for clip in candidates:
        scale = clip / qmax
        codes = np.clip(np.rint(x / scale), -qmax, qmax)
        mse = np.mean((x - codes) ** 2)
        if mse < best_mse:
            best, best_mse = clip, mse
    return float(best)


@wrong("1.6-calibrate", "has the scale upside down: the code qmax must mean the clip, so one gap is the clip divided by qmax")
def best_clip(x, candidates, qmax):
    best, best_mse = None, np.inf
    for clip in candidates:
        scale = qmax / clip
        codes = np.clip(np.rint(x / scale), -qmax, qmax)
        mse = np.mean((x - scale * codes) ** 2)
        if mse < best_mse:
            best, best_mse = clip, mse
    return float(best)


@wrong("1.6-calibrate", "returns the position of the best candidate instead of the candidate")
def best_clip(x, candidates, qmax):
    mses = []
    for clip in candidates:
        scale = clip / qmax
        mses.append(np.mean((x - scale * np.clip(np.rint(x / scale), -qmax, qmax)) ** 2))
    return float(np.argmin(mses))


@wrong("1.6-calibrate", "counts at most what is cut off, so a clip near the largest absolute value looks best; rounding costs, too")
def best_clip(x, candidates, qmax):
    return float(candidates[np.abs(candidates - np.abs(x).max()).argmin()])


@right("1.6-calibrate", "one vectorised table of candidates by values; argmin; a NumPy float")
def best_clip(x, candidates, qmax):
    scales = np.asarray(candidates)[:, None] / qmax
    back = np.clip(np.rint(x.ravel() / scales), -qmax, qmax) * scales
    return np.asarray(candidates)[((x.ravel() - back) ** 2).mean(axis=1).argmin()]


@right("1.6-calibrate", "clips the floats, then rounds; sum of squares in place of the mean")
def best_clip(x, candidates, qmax):
    def cost(clip):
        step = clip / qmax
        return float(((np.rint(np.clip(x, -clip, clip) / step) * step - x) ** 2).sum())

    return float(min(candidates, key=cost))


@right("1.6-calibrate", "NaN and infinity found by their sum; NumPy scalars")
def min_max_range(x):
    if len(x.ravel()) < 1:
        raise ValueError("nothing there")
    if np.isnan(x).any() or np.isinf(x).any():
        raise ValueError("not a number")
    return np.min(x), np.max(x)


@wrong("1.6-calibrate", "looks for NaN and plus infinity only; minus infinity is no number either")
def min_max_range(x):
    if x.size == 0:
        raise ValueError("empty")
    if np.isnan(x).any() or (x == np.inf).any():
        raise ValueError("not finite")
    return float(x.min()), float(x.max())


@wrong("1.6-calibrate", "sorts each row for itself, so the first and the last value of the whole are only those of two rows")
def min_max_range(x):
    if x.size == 0:
        raise ValueError("empty")
    if not np.isfinite(x).all():
        raise ValueError("not finite")
    in_order = np.sort(x).ravel()
    return float(in_order[0]), float(in_order[-1])


@wrong("1.6-calibrate", "widens the range to contain 0; here the smallest and the largest value are asked for as they are")
def min_max_range(x):
    if x.size == 0:
        raise ValueError("empty")
    if not np.isfinite(x).all():
        raise ValueError("not finite")
    return min(float(x.min()), 0.0), max(float(x.max()), 0.0)


@wrong("1.6-calibrate", "refuses a tensor of equal values; its range is one point, and that is a range")
def min_max_range(x):
    if x.size == 0:
        raise ValueError("empty")
    if not np.isfinite(x).all() or x.min() == x.max():
        raise ValueError("not finite")
    return float(x.min()), float(x.max())


@wrong("1.6-calibrate", "looks at the spread of the errors (their variance); errors that are all alike have none, and are errors")
def best_clip(x, candidates, qmax):
    best, best_error = None, np.inf
    for clip in candidates:
        scale = clip / qmax
        error = np.var(x - scale * np.clip(np.rint(x / scale), -qmax, qmax))
        if error < best_error:
            best, best_error = clip, error
    return float(best)


@wrong("1.6-calibrate", "looks at the angle between x and what comes back (their cosine), which does not see that all of it is too small")
def best_clip(x, candidates, qmax):
    best, best_likeness = None, -np.inf
    for clip in candidates:
        scale = clip / qmax
        back = scale * np.clip(np.rint(x / scale), -qmax, qmax)
        likeness = (x * back).sum() / max(np.linalg.norm(x) * np.linalg.norm(back), 1e-30)
        if likeness > best_likeness:
            best, best_likeness = clip, likeness
    return float(best)


@wrong("1.6-calibrate", "measures the error in gaps, and wide gaps make it small: the distance of the floats counts")
def best_clip(x, candidates, qmax):
    best, best_error = None, np.inf
    for clip in candidates:
        scale = clip / qmax
        error = np.mean((x / scale - np.clip(np.rint(x / scale), -qmax, qmax)) ** 2)
        if error < best_error:
            best, best_error = clip, error
    return float(best)


@wrong("1.6-calibrate", "stops at the first candidate that is worse than the one before; they need not stand in order")
def best_clip(x, candidates, qmax):
    best, best_mse = None, np.inf
    for clip in candidates:
        scale = clip / qmax
        mse = np.mean((x - scale * np.clip(np.rint(x / scale), -qmax, qmax)) ** 2)
        if mse >= best_mse:
            break
        best, best_mse = clip, mse
    return float(best)


@wrong("1.6-calibrate", "passes over candidates beyond the largest absolute value; the best one may lie there")
def best_clip(x, candidates, qmax):
    best, best_mse = None, np.inf
    for clip in candidates:
        scale = clip / qmax
        mse = np.mean((x - scale * np.clip(np.rint(x / scale), -qmax, qmax)) ** 2)
        if clip <= np.abs(x).max() and mse < best_mse:
            best, best_mse = clip, mse
    return float(best)


@wrong("1.6-calibrate", "passes over candidates beyond the largest absolute value; the best one may lie there")
def best_clip(x, candidates, qmax):
    best, best_mse = candidates.min(), np.inf
    for clip in candidates[candidates <= np.abs(x).max()]:
        scale = clip / qmax
        mse = np.mean((x - scale * np.clip(np.rint(x / scale), -qmax, qmax)) ** 2)
        if mse < best_mse:
            best, best_mse = clip, mse
    return float(best)


@wrong("1.6-calibrate", "starts with the largest absolute value as the best so far; it need not be one of the candidates")
def best_clip(x, candidates, qmax):
    def mse(clip):
        scale = clip / qmax
        return np.mean((x - scale * np.clip(np.rint(x / scale), -qmax, qmax)) ** 2)

    best = np.abs(x).max()
    for clip in candidates:
        if mse(clip) < mse(best):
            best = clip
    return float(best)


@wrong("1.6-calibrate", "adds a small number to the scale, which is not small beside the values of a quiet tensor")
def best_clip(x, candidates, qmax):
    best, best_mse = None, np.inf
    for clip in candidates:
        scale = clip / qmax + 1e-8
        mse = np.mean((x - scale * np.clip(np.rint(x / scale), -qmax, qmax)) ** 2)
        if mse < best_mse:
            best, best_mse = clip, mse
    return float(best)


@wrong("1.6-calibrate", "asks a candidate to be better by a fixed amount; in a quiet tensor all errors are smaller than that")
def best_clip(x, candidates, qmax):
    best, best_mse = candidates[0], np.inf
    for clip in candidates:
        scale = clip / qmax
        mse = np.mean((x - scale * np.clip(np.rint(x / scale), -qmax, qmax)) ** 2)
        if mse < best_mse - 1e-9:
            best, best_mse = clip, mse
    return float(best)


@wrong("1.6-calibrate", "never remembers the best error, so that the last candidate wins")
def best_clip(x, candidates, qmax):
    best, best_mse = None, np.inf
    for clip in candidates:
        scale = clip / qmax
        if np.mean((x - scale * np.clip(np.rint(x / scale), -qmax, qmax)) ** 2) < best_mse:
            best = clip
    return float(best)


@wrong("1.6-calibrate", "looks at the first value of each row only")
def best_clip(x, candidates, qmax):
    x, best, best_mse = x.reshape(len(x), -1)[:, 0], None, np.inf
    for clip in candidates:
        scale = clip / qmax
        mse = np.mean((x - scale * np.clip(np.rint(x / scale), -qmax, qmax)) ** 2)
        if mse < best_mse:
            best, best_mse = clip, mse
    return float(best)


@right("1.6-calibrate", "the largest ratio of signal to noise, in decibels and float32")
def best_clip(x, candidates, qmax):
    x, ratios = x.astype(np.float32), []
    for clip in candidates.astype(np.float32):
        step = clip / np.float32(qmax)
        noise = x - step * np.clip(np.rint(x / step), -qmax, qmax)
        ratios.append(10 * np.log10((x**2).sum() / (noise**2).sum()))
    return candidates[int(np.argmax(ratios))]


@right("1.6-calibrate", "Python's own numbers, one after the other")
def min_max_range(x):
    values = sorted(x.ravel().tolist())
    if not values or not all(abs(value) < float("inf") for value in values):
        raise ValueError("no range")
    return [values[0], values[-1]]


# 1.7-channels


@wrong("1.7-channels", "uses one scale for the whole table; the quiet rows collapse into a few codes")
def quantize_rows(w, qmax):
    largest = np.full(len(w), np.abs(w).max())
    scales = np.where(largest > 0, largest / qmax, 1.0)
    return np.rint(w / scales[:, None]).astype(np.int32), scales


@wrong("1.7-channels", "takes one scale for each column: axis names the direction that disappears, and the rows must stay")
def quantize_rows(w, qmax):
    largest = np.abs(w).max(axis=0)
    scales = np.where(largest > 0, largest / qmax, 1.0)
    return np.rint(w / scales).astype(np.int32), scales


@wrong("1.7-channels", "looks for the largest value instead of the largest absolute value, so negative rows get a wrong scale")
def quantize_rows(w, qmax):
    largest = w.max(axis=1)
    scales = np.where(largest > 0, largest / qmax, 1.0)
    return np.rint(w / scales[:, None]).astype(np.int32), scales


@wrong("1.7-channels", "uses the distance from the smallest to the largest value; symmetric codes need the largest absolute value")
def quantize_rows(w, qmax):
    spread = w.max(axis=1) - w.min(axis=1)
    scales = np.where(spread > 0, spread / (2 * qmax), 1.0)
    codes = np.clip(np.rint(w / scales[:, None]), -qmax, qmax)
    return codes.astype(np.int32), scales


@wrong("1.7-channels", "divides by qmax + 1; the largest absolute value must get the code qmax")
def quantize_rows(w, qmax):
    largest = np.abs(w).max(axis=1)
    scales = np.where(largest > 0, largest / (qmax + 1), 1.0)
    codes = np.clip(np.rint(w / scales[:, None]), -qmax, qmax)
    return codes.astype(np.int32), scales


@wrong("1.7-channels", "cuts the digits off instead of rounding to the nearest code")
def quantize_rows(w, qmax):
    largest = np.abs(w).max(axis=1)
    scales = np.where(largest > 0, largest / qmax, 1.0)
    return np.trunc(w / scales[:, None] * (1 + 1e-12)).astype(np.int32), scales


@wrong("1.7-channels", "gives a row of zeros the scale 0, or one next to 0; the scale of such a row is 1.0")
def quantize_rows(w, qmax):
    scales = np.abs(w).max(axis=1) / qmax
    scales[scales == 0] = 1e-8
    return np.rint(w / scales[:, None]).astype(np.int32), scales


@wrong("1.7-channels", "looks for the largest value instead of the largest absolute value, so negative rows get a wrong scale")
def quantize_rows(w, qmax):
    largest = w.max(axis=1)
    scales = np.where(largest > 0, largest / qmax, 1.0)
    return np.clip(np.rint(w / scales[:, None]), -qmax, qmax).astype(np.int32), scales


@wrong("1.7-channels", "gives a row of zeros the scale 0, or one next to 0; the scale of such a row is 1.0")
def quantize_rows(w, qmax):
    scales = np.abs(w).max(axis=1) / qmax
    codes = np.rint(w / np.where(scales > 0, scales, 1.0)[:, None])
    return codes.astype(np.int32), scales


@wrong(
    "1.7-channels",
    "divides the table by the scales as they are; shape (rows, columns) by (rows,) lines the scales up with the columns, so they need a second axis",
)
def quantize_rows(w, qmax):
    largest = np.abs(w).max(axis=1)
    scales = np.where(largest > 0, largest / qmax, 1.0)
    return np.rint(w / scales).astype(np.int32), scales


@wrong("1.7-channels", "looks for the largest absolute value of each column; with axis=0 the rows disappear, and they are what must stay")
def quantize_rows(w, qmax):
    largest = np.abs(w).max(axis=0)
    scales = np.where(largest > 0, largest / qmax, 1.0)
    return np.rint(w / scales[:, None]).astype(np.int32), scales


@wrong("1.7-channels", "has the scale upside down: one gap is the row's largest absolute value divided by qmax")
def quantize_rows(w, qmax):
    largest = np.abs(w).max(axis=1)
    scales = np.where(largest > 0, qmax / np.where(largest > 0, largest, 1.0), 1.0)
    return np.rint(w / scales[:, None]).astype(np.int32), scales


@right("1.7-channels", "a loop over the rows, scales in float32, codes in int64")
def quantize_rows(w, qmax):
    codes, scales = np.zeros(w.shape, np.int64), np.ones(len(w), np.float32)
    for i, row in enumerate(w):
        top = max(abs(row.min()), abs(row.max()))
        if top > 0:
            scales[i] = top / qmax
            codes[i] = np.round(row * qmax / top)
    return codes, scales


@right("1.7-channels", "transposes, keepdims and a clip that is not needed; results in a list")
def quantize_rows(w, qmax):
    largest = np.maximum(w.max(axis=1, keepdims=True), -w.min(axis=1, keepdims=True))
    scales = largest / qmax
    scales[scales == 0] = 1.0
    return [np.clip((w.T / scales.T).T.round(), -qmax, qmax).astype(int), scales.ravel()]


@wrong("1.7-channels", "stores the codes in int8, which ends at 127; qmax may be larger")
def quantize_rows(w, qmax):
    largest = np.abs(w).max(axis=1)
    scales = np.where(largest > 0, largest / qmax, 1.0)
    return np.rint(w / scales[:, None]).astype(np.int32).astype(np.int8), scales


@wrong("1.7-channels", "takes a quiet row for a row of zeros; only exact zeros have no scale of their own")
def quantize_rows(w, qmax):
    largest = np.abs(w).max(axis=1)
    scales = np.where(largest > 1e-8, largest / qmax, 1.0)
    return np.rint(w / scales[:, None]).astype(np.int32), scales


@wrong("1.7-channels", "adds a small number to the scales; that spoils a quiet row")
def quantize_rows(w, qmax):
    largest = np.abs(w).max(axis=1)
    scales = np.where(largest > 0, largest / qmax + 1e-8, 1.0)
    return np.rint(w / scales[:, None]).astype(np.int32), scales


@wrong("1.7-channels", "leaves the codes as floats; `np.rint` does not change the type")
def quantize_rows(w, qmax):
    largest = np.abs(w).max(axis=1)
    scales = np.where(largest > 0, largest / qmax, 1.0)
    return np.rint(w / scales[:, None]), scales


@wrong("1.7-channels", "returns the scales with a second axis; one number for each row is the shape (rows,)")
def quantize_rows(w, qmax):
    largest = np.abs(w).max(axis=1, keepdims=True)
    scales = np.where(largest > 0, largest / qmax, 1.0)
    return np.rint(w / scales).astype(np.int32), scales


@wrong("1.7-channels", "gives a row of zeros the largest value 1, and so the scale 1/qmax; the scale itself is 1.0")
def quantize_rows(w, qmax):
    largest = np.abs(w).max(axis=1)
    scales = np.where(largest > 0, largest, 1.0) / qmax
    return np.rint(w / scales[:, None]).astype(np.int32), scales


@wrong("1.7-channels", "returns the scales first; the codes come first, then the scales")
def quantize_rows(w, qmax):
    largest = np.abs(w).max(axis=1)
    scales = np.where(largest > 0, largest / qmax, 1.0)
    return scales, np.rint(w / scales[:, None]).astype(np.int32)


# 1.8-matmul


@wrong("1.8-matmul", "multiplies the int8 arrays themselves, so the sums wrap around in int8")
def int_matmul(qa, za, qb, zb):
    a, b = qa.astype(np.int32), qb.astype(np.int32)
    acc = (qa @ qb).astype(np.int32) - za * b.sum(axis=0) - zb * a.sum(axis=1, keepdims=True)
    return (acc + a.shape[1] * za * zb).astype(np.int32)


@wrong("1.8-matmul", "adds up in int16, which ends at 32767: three products 127 x 127 are too many")
def int_matmul(qa, za, qb, zb):
    a, b = qa.astype(np.int32), qb.astype(np.int32)
    acc = qa.astype(np.int16) @ qb.astype(np.int16)
    acc = acc.astype(np.int32) - za * b.sum(axis=0) - zb * a.sum(axis=1, keepdims=True)
    return (acc + a.shape[1] * za * zb).astype(np.int32)


@wrong("1.8-matmul", "leaves the zero-point corrections out; that is right only if both zero points are 0")
def int_matmul(qa, za, qb, zb):
    return qa.astype(np.int32) @ qb.astype(np.int32)


@wrong("1.8-matmul", "leaves out the last correction, K times both zero points: the two sums have taken it away once too often")
def int_matmul(qa, za, qb, zb):
    a, b = qa.astype(np.int32), qb.astype(np.int32)
    acc = a @ b - za * b.sum(axis=0) - zb * a.sum(axis=1, keepdims=True)
    return acc.astype(np.int32)


@wrong("1.8-matmul", "counts the last correction once instead of K times: it stands in every term of the sum")
def int_matmul(qa, za, qb, zb):
    a, b = qa.astype(np.int32), qb.astype(np.int32)
    acc = a @ b - za * b.sum(axis=0) - zb * a.sum(axis=1, keepdims=True)
    return (acc + za * zb).astype(np.int32)


@wrong("1.8-matmul", "swaps the zero points: the sum over the codes of b belongs to za, the sum over the codes of a to zb")
def int_matmul(qa, za, qb, zb):
    a, b = qa.astype(np.int32), qb.astype(np.int32)
    acc = a @ b - zb * b.sum(axis=0) - za * a.sum(axis=1, keepdims=True)
    return (acc + a.shape[1] * za * zb).astype(np.int32)


@wrong("1.8-matmul", "adds the first two corrections; multiplied out, they have a minus")
def int_matmul(qa, za, qb, zb):
    a, b = qa.astype(np.int32), qb.astype(np.int32)
    acc = a @ b + za * b.sum(axis=0) + zb * a.sum(axis=1, keepdims=True)
    return (acc + a.shape[1] * za * zb).astype(np.int32)


@wrong("1.8-matmul", "sums over all of qa and all of qb; each correction is a sum over K alone, one for each column or row")
def int_matmul(qa, za, qb, zb):
    a, b = qa.astype(np.int32), qb.astype(np.int32)
    acc = a @ b - za * b.sum() - zb * a.sum()
    return (acc + a.shape[1] * za * zb).astype(np.int32)


@wrong("1.8-matmul", "subtracts the zero points in int8, where -128 - 1 wraps around to 127")
def int_matmul(qa, za, qb, zb):
    a, b = qa - np.array(za).astype(np.int8), qb - np.array(zb).astype(np.int8)
    return a.astype(np.int32) @ b.astype(np.int32)


@wrong("1.8-matmul", "forgets `keepdims=True`: the row sums need the shape (rows, 1) to be subtracted from every column")
def int_matmul(qa, za, qb, zb):
    a, b = qa.astype(np.int32), qb.astype(np.int32)
    acc = a @ b
    acc = acc - za * b.sum(axis=0)
    acc = acc - zb * a.sum(axis=1)
    return (acc + a.shape[1] * za * zb).astype(np.int32)


@wrong(
    "1.8-matmul",
    "sums the codes of b along the wrong axis; each column of b needs its own sum, so the axis K, the first one, must disappear",
)
def int_matmul(qa, za, qb, zb):
    a, b = qa.astype(np.int32), qb.astype(np.int32)
    acc = a @ b
    acc = acc - za * b.sum(axis=1)
    acc = acc - zb * a.sum(axis=1, keepdims=True)
    return (acc + a.shape[1] * za * zb).astype(np.int32)


@wrong("1.8-matmul", "sums the codes of b along the wrong axis: with `axis=1` the columns disappear, and they are what must stay")
def int_matmul(qa, za, qb, zb):
    a, b = qa.astype(np.int32), qb.astype(np.int32)
    acc = a @ b
    acc = acc - za * b.sum(axis=1, keepdims=True)
    acc = acc - zb * a.sum(axis=1, keepdims=True)
    return (acc + a.shape[1] * za * zb).astype(np.int32)


@wrong(
    "1.8-matmul", "sums the codes of a along the wrong axis; each row of a needs its own sum, so the axis K, the second one, must disappear"
)
def int_matmul(qa, za, qb, zb):
    a, b = qa.astype(np.int32), qb.astype(np.int32)
    acc = a @ b
    acc = acc - za * b.sum(axis=0)
    acc = acc - zb * a.sum(axis=0, keepdims=True)
    return (acc + a.shape[1] * za * zb).astype(np.int32)


@wrong(
    "1.8-matmul",
    "computes in float32, which is exact only up to 2^24; the sums of a layer are larger, and here integers only are asked for",
)
def int_matmul(qa, za, qb, zb):
    a, b = qa.astype(np.float32), qb.astype(np.float32)
    acc = a @ b
    acc = acc - za * b.sum(axis=0)
    acc = acc - zb * a.sum(axis=1, keepdims=True)
    return (acc + a.shape[1] * za * zb).astype(np.int32)


@wrong(
    "1.8-matmul",
    "computes in float32, which is exact only up to 2^24; the sums of a layer are larger, and here integers only are asked for",
)
def int_matmul(qa, za, qb, zb):
    return np.rint((qa.astype(np.float32) - za) @ (qb.astype(np.float32) - zb)).astype(np.int32)


@wrong(
    "1.8-matmul",
    "takes the row sums for column sums where there are as many rows as columns: they need the shape (rows, 1), whatever the sizes",
)
def int_matmul(qa, za, qb, zb):
    a, b = qa.astype(np.int32), qb.astype(np.int32)
    acc, rows = a @ b - za * b.sum(axis=0), a.sum(axis=1)
    acc = acc - zb * (rows if len(rows) == acc.shape[1] else rows[:, None])
    return (acc + a.shape[1] * za * zb).astype(np.int32)


@wrong("1.8-matmul", "multiplies in int32: an int32 times a 31-bit number needs 64 bits")
def requantize(acc, m, shift, zero_point, qmin, qmax):
    product = (acc * np.int32(m)).astype(np.int64)
    rounded = (product + (1 << (shift - 1))) >> shift
    return np.clip(rounded + zero_point, qmin, qmax).astype(np.int32)


@wrong("1.8-matmul", "shifts without adding half of the divisor first, so every code is rounded down")
def requantize(acc, m, shift, zero_point, qmin, qmax):
    rounded = (acc.astype(np.int64) * m) >> shift
    return np.clip(rounded + zero_point, qmin, qmax).astype(np.int32)


@wrong("1.8-matmul", "adds the whole divisor before the shift instead of half of it, so every code is rounded up")
def requantize(acc, m, shift, zero_point, qmin, qmax):
    rounded = (acc.astype(np.int64) * m + (1 << shift)) >> shift
    return np.clip(rounded + zero_point, qmin, qmax).astype(np.int32)


@wrong("1.8-matmul", "adds 2, as in the example; there the divisor was 4, and here half of 2^shift is wanted")
def requantize(acc, m, shift, zero_point, qmin, qmax):
    rounded = (acc.astype(np.int64) * m + (2)) >> shift
    return np.clip(rounded + zero_point, qmin, qmax).astype(np.int32)


@wrong("1.8-matmul", "adds half of m; what must be added is half of the divisor, 2^shift")
def requantize(acc, m, shift, zero_point, qmin, qmax):
    rounded = (acc.astype(np.int64) * m + (m // 2)) >> shift
    return np.clip(rounded + zero_point, qmin, qmax).astype(np.int32)


@wrong("1.8-matmul", "adds half of shift; what must be added is half of the divisor, 2^shift")
def requantize(acc, m, shift, zero_point, qmin, qmax):
    rounded = (acc.astype(np.int64) * m + (shift // 2)) >> shift
    return np.clip(rounded + zero_point, qmin, qmax).astype(np.int32)


@wrong("1.8-matmul", "has a float on the way, and a float cannot be shifted: `/` always makes one, `//` and `<<` stay with integers")
def requantize(acc, m, shift, zero_point, qmin, qmax):
    rounded = (acc.astype(np.int64) * m + (2**shift / 2)) >> shift
    return np.clip(rounded + zero_point, qmin, qmax).astype(np.int32)


@wrong("1.8-matmul", "forgets the output's zero point")
def requantize(acc, m, shift, zero_point, qmin, qmax):
    rounded = (acc.astype(np.int64) * m + (1 << (shift - 1))) >> shift
    return np.clip(rounded, qmin, qmax).astype(np.int32)


@wrong("1.8-matmul", "adds the zero point to the product, before the shift, which drops it; it is added to the rounded number")
def requantize(acc, m, shift, zero_point, qmin, qmax):
    product = acc.astype(np.int64) * m + zero_point
    return np.clip((product + (1 << (shift - 1))) >> shift, qmin, qmax).astype(np.int32)


@wrong("1.8-matmul", "adds the zero point to the product, before the shift, which drops it; it is added to the rounded number")
def requantize(acc, m, shift, zero_point, qmin, qmax):
    half = 1 << (shift - 1)
    flat = [min(max((int(a) * m + half + zero_point) >> shift, qmin), qmax) for a in acc.ravel()]
    return np.array(flat, dtype=np.int64).reshape(acc.shape)


@wrong("1.8-matmul", "clips before it adds the zero point, so codes can leave qmin..qmax")
def requantize(acc, m, shift, zero_point, qmin, qmax):
    rounded = (acc.astype(np.int64) * m + (1 << (shift - 1))) >> shift
    return (np.clip(rounded, qmin, qmax) + zero_point).astype(np.int32)


@wrong(
    "1.8-matmul", "moves the zero point up to add it before the shift, where it does not always fit into 64 bits; it is added afterwards"
)
def requantize(acc, m, shift, zero_point, qmin, qmax):
    moved = acc.astype(np.int64) * m + (np.int64(1) << (shift - 1)) + (np.int64(zero_point) << shift)
    return np.clip(moved >> shift, qmin, qmax).astype(np.int32)


@wrong("1.8-matmul", "casts to int8 before it clips, so large values come back with the wrong sign")
def requantize(acc, m, shift, zero_point, qmin, qmax):
    rounded = (acc.astype(np.int64) * m + (1 << (shift - 1))) >> shift
    return np.clip((rounded + zero_point).astype(np.int8), max(qmin, -128), min(qmax, 127)).astype(np.int32)


@wrong("1.8-matmul", "rounds halves to even, with floats; here integers only, and halves go up")
def requantize(acc, m, shift, zero_point, qmin, qmax):
    rounded = np.rint(acc.astype(np.float64) * (m / 2.0**shift)).astype(np.int64)
    return np.clip(rounded + zero_point, qmin, qmax).astype(np.int32)


@right("1.8-matmul", "subtracts the zero points first, in int64, and casts at the end")
def int_matmul(qa, za, qb, zb):
    return ((qa.astype(np.int64) - za) @ (qb.astype(np.int64) - zb)).astype(np.int32)


@right("1.8-matmul", "three loops with Python integers")
def int_matmul(qa, za, qb, zb):
    rows, inner = qa.shape
    out = np.zeros((rows, qb.shape[1]), dtype=np.int32)
    a = [[int(v) - za for v in row] for row in qa]
    b = [[int(v) - zb for v in column] for column in qb.T]
    for i in range(rows):
        for j in range(len(b)):
            out[i, j] = sum(x * y for x, y in zip(a[i], b[j]))
    return out


@right("1.8-matmul", "floor division by a power of two, int16 result")
def requantize(acc, m, shift, zero_point, qmin, qmax):
    whole = np.floor_divide(acc.astype(np.int64) * np.int64(m) + 2 ** (shift - 1), 2**shift)
    return np.minimum(np.maximum(whole + zero_point, qmin), qmax).astype(np.int16)


@right("1.8-matmul", "a loop with Python's integers")
def requantize(acc, m, shift, zero_point, qmin, qmax):
    out = np.zeros(acc.shape, dtype=np.int64)
    for index, value in np.ndenumerate(acc):
        code = (2 * int(value) * m + 2**shift) // 2 ** (shift + 1) + zero_point
        out[index] = min(max(code, qmin), qmax)
    return out


@wrong("1.8-matmul", "takes K from the wrong side: `b.shape[1]` is the number of columns, not of the terms in a sum")
def int_matmul(qa, za, qb, zb):
    a, b = qa.astype(np.int32), qb.astype(np.int32)
    acc = a @ b - za * b.sum(axis=0) - zb * a.sum(axis=1, keepdims=True)
    return (acc + b.shape[1] * za * zb).astype(np.int32)


@wrong("1.8-matmul", "returns int64; accumulators are int32")
def int_matmul(qa, za, qb, zb):
    return (qa.astype(np.int64) - za) @ (qb.astype(np.int64) - zb)


@wrong("1.8-matmul", "computes with floats on the way; a product of 62 bits does not fit into their 53: just below a half they go up")
def requantize(acc, m, shift, zero_point, qmin, qmax):
    rounded = np.floor(acc * (m / 2**shift) + 0.5).astype(np.int64)
    return np.clip(rounded + zero_point, qmin, qmax).astype(np.int32)


@wrong("1.8-matmul", "returns int8, which ends at 127; the codes may run from 0 to 255")
def requantize(acc, m, shift, zero_point, qmin, qmax):
    rounded = (acc.astype(np.int64) * m + (1 << (shift - 1))) >> shift
    return np.clip(rounded + zero_point, qmin, qmax).astype(np.int8)


@wrong("1.8-matmul", "sends negative halves down, away from zero; here halves go up, also below zero")
def requantize(acc, m, shift, zero_point, qmin, qmax):
    product = acc.astype(np.int64) * m
    rounded = np.sign(product) * ((np.abs(product) + (1 << (shift - 1))) >> shift)
    return np.clip(rounded + zero_point, qmin, qmax).astype(np.int32)


@wrong("1.8-matmul", "goes to int16 before it clips, where large values wrap around")
def requantize(acc, m, shift, zero_point, qmin, qmax):
    rounded = (acc.astype(np.int64) * m + (1 << (shift - 1))) >> shift
    return np.clip(rounded.astype(np.int16).astype(np.int64) + zero_point, qmin, qmax).astype(np.int32)


@wrong("1.8-matmul", "clips to -128..127 whatever qmin and qmax are")
def requantize(acc, m, shift, zero_point, qmin, qmax):
    rounded = (acc.astype(np.int64) * m + (1 << (shift - 1))) >> shift
    return np.clip(rounded + zero_point, -128, 127).astype(np.int32)


@right("1.8-matmul", "float64 is exact here: no sum of products of int8 codes reaches 2^53")
def int_matmul(qa, za, qb, zb):
    return np.rint((qa.astype(np.float64) - za) @ (qb.astype(np.float64) - zb)).astype(np.int32)


@right("1.8-matmul", "one outer product for each k, added up")
def int_matmul(qa, za, qb, zb):
    out = np.zeros((qa.shape[0], qb.shape[1]), dtype=np.int32)
    for k in range(qa.shape[1]):
        out += np.outer(qa[:, k].astype(np.int32) - za, qb[k].astype(np.int32) - zb).astype(np.int32)
    return out


@right("1.8-matmul", "shifts all but one place, then rounds the last bit")
def requantize(acc, m, shift, zero_point, qmin, qmax):
    doubled = (acc.astype(np.int64) * m) >> (shift - 1)
    return np.clip(((doubled + 1) >> 1) + zero_point, qmin, qmax)


# 1.9-bytes


@wrong("1.9-bytes", "puts the first code of a pair in the high half; the first belongs in the low four bits")
def pack4(codes):
    if len(codes) % 2 == 1:
        codes = np.append(codes, np.uint8(0))
    return (codes[0::2] << 4) | codes[1::2]


@wrong("1.9-bytes", "does not move the second code up, so both lie on top of each other")
def pack4(codes):
    if len(codes) % 2 == 1:
        codes = np.append(codes, np.uint8(0))
    return codes[0::2] | codes[1::2]


@wrong("1.9-bytes", "moves the second code up by three places; a 4-bit code needs four free places")
def pack4(codes):
    if len(codes) % 2 == 1:
        codes = np.append(codes, np.uint8(0))
    return codes[0::2] | (codes[1::2] << 3)


@wrong("1.9-bytes", "moves the second code out of its byte, down or too far up: nothing is left of it")
def pack4(codes):
    if len(codes) % 2 == 1:
        codes = np.append(codes, np.uint8(0))
    return codes[0::2] | (codes[1::2] >> 4)


@wrong("1.9-bytes", "loses the last code when their number is odd")
def pack4(codes):
    pairs = len(codes) // 2
    return codes[0 : 2 * pairs : 2] | (codes[1::2] << 4)


@wrong("1.9-bytes", "does not pack at all: one code in each byte, so nothing is saved")
def pack4(codes):
    return codes.copy()


@wrong("1.9-bytes", "returns the padding, too: with an odd number of codes one comes back too many")
def unpack4(packed, n):
    codes = np.zeros(2 * len(packed), dtype=np.uint8)
    codes[0::2] = packed & 15
    codes[1::2] = packed >> 4
    return codes


@wrong("1.9-bytes", "always drops the last code; one is too many only if their number is odd")
def unpack4(packed, n):
    codes = np.zeros(2 * len(packed), dtype=np.uint8)
    codes[0::2] = packed & 15
    codes[1::2] = packed >> 4
    return codes[:-1]


@wrong("1.9-bytes", "leaves the second code in the high half; it must be moved down by four places")
def unpack4(packed, n):
    codes = np.zeros(2 * len(packed), dtype=np.uint8)
    codes[0::2] = packed & 15
    codes[1::2] = packed & 240
    return codes[:n]


@wrong("1.9-bytes", "swaps the halves on the way back: the low four bits are the first code")
def unpack4(packed, n):
    codes = np.zeros(2 * len(packed), dtype=np.uint8)
    codes[0::2] = packed >> 4
    codes[1::2] = packed & 15
    return codes[:n]


def _high_first(codes):
    if len(codes) % 2 == 1:
        codes = np.append(codes, np.uint8(0))
    return (codes[0::2] << 4) | codes[1::2]


def _high_first_back(packed, n):
    codes = np.zeros(2 * len(packed), dtype=np.uint8)
    codes[0::2] = packed >> 4
    codes[1::2] = packed & 15
    return codes[:n]


wrong_value(
    "1.9-bytes",
    "swaps the halves on both ways: the first code of a pair belongs in the low four bits",
    pack4=_high_first,
    unpack4=_high_first_back,
)


@wrong("1.9-bytes", "does not mask the low half, so the second code still sticks to the first")
def unpack4(packed, n):
    codes = np.zeros(2 * len(packed), dtype=np.uint8)
    codes[0::2] = packed
    codes[1::2] = packed >> 4
    return codes[:n]


@wrong("1.9-bytes", "puts all low halves first and all high halves after them; the codes of a pair belong side by side")
def unpack4(packed, n):
    return np.concatenate([packed & 15, packed >> 4])[:n]


@wrong("1.9-bytes", "leaves the scales and zero points out: they are in the file, too")
def stored_bytes(n_codes, bits, n_scales, n_zero_points):
    return (n_codes * bits + 7) // 8


@wrong("1.9-bytes", "rounds the bytes of the codes down, so the last bits have no byte to lie in")
def stored_bytes(n_codes, bits, n_scales, n_zero_points):
    return n_codes * bits // 8 + 4 * n_scales + n_zero_points


@wrong("1.9-bytes", "adds a byte even where nothing is left over: 1000 codes of 4 bits fill exactly 500 bytes")
def stored_bytes(n_codes, bits, n_scales, n_zero_points):
    return n_codes * bits // 8 + 1 + 4 * n_scales + n_zero_points


@wrong("1.9-bytes", "takes two codes for each byte, whatever their width")
def stored_bytes(n_codes, bits, n_scales, n_zero_points):
    return (n_codes + 1) // 2 + 4 * n_scales + n_zero_points


@wrong("1.9-bytes", "returns a fraction of a byte; a file has whole bytes, rounded up")
def stored_bytes(n_codes, bits, n_scales, n_zero_points):
    return n_codes * bits / 8 + 4 * n_scales + n_zero_points


@wrong("1.9-bytes", "counts the codes in bits; eight of them make a byte")
def stored_bytes(n_codes, bits, n_scales, n_zero_points):
    return n_codes * bits + 4 * n_scales + n_zero_points


@wrong("1.9-bytes", "gives each code a whole number of bytes; packed codes share them")
def stored_bytes(n_codes, bits, n_scales, n_zero_points):
    return n_codes * ((bits + 7) // 8) + 4 * n_scales + n_zero_points


@wrong("1.9-bytes", "counts one byte for a scale; a float32 takes four")
def stored_bytes(n_codes, bits, n_scales, n_zero_points):
    return (n_codes * bits + 7) // 8 + n_scales + n_zero_points


@right("1.9-bytes", "zeros of the right length, filled with plus and times")
def pack4(codes):
    out = np.zeros((len(codes) + 1) // 2, dtype=np.uint8)
    out += codes[0::2]
    out[: len(codes) // 2] += 16 * codes[1::2]
    return out


@right("1.9-bytes", "Python's integers and bytes")
def pack4(codes):
    numbers = [int(c) for c in codes] + [0]
    return np.frombuffer(bytes(numbers[i] + 16 * numbers[i + 1] for i in range(0, len(codes), 2)), dtype=np.uint8)


@right("1.9-bytes", "stack and reshape, remainder and quotient")
def unpack4(packed, n):
    return np.stack([packed % 16, packed // 16], axis=1).reshape(-1)[:n]


@right("1.9-bytes", "a loop")
def unpack4(packed, n):
    return np.array([(int(packed[i // 2]) >> (4 * (i % 2))) & 15 for i in range(n)], dtype=np.uint8)


@right("1.9-bytes", "NumPy's ceil, as a NumPy integer")
def stored_bytes(n_codes, bits, n_scales, n_zero_points):
    return np.int64(np.ceil(n_codes * bits / 8)) + np.int64(4 * n_scales + n_zero_points)


@wrong("1.9-bytes", "drops zeros at the end: a code that is 0 is a code, and it has its place in the file")
def pack4(codes):
    if len(codes) % 2 == 1:
        codes = np.append(codes, np.uint8(0))
    return np.trim_zeros(codes[0::2] | (codes[1::2] << 4), "b")


@wrong("1.9-bytes", "pads in front, so that every code of an odd number moves to another half")
def pack4(codes):
    if len(codes) % 2 == 1:
        codes = np.insert(codes, 0, 0)
    return codes[0::2] | (codes[1::2] << 4)


@wrong("1.9-bytes", "fills the last half byte with 15; a missing partner counts as 0")
def pack4(codes):
    if len(codes) % 2 == 1:
        codes = np.append(codes, np.uint8(15))
    return codes[0::2] | (codes[1::2] << 4)


@wrong("1.9-bytes", "pairs the first half of the codes with the second; of neighbours, the first and the second share a byte")
def pack4(codes):
    half = (len(codes) + 1) // 2
    second = np.zeros(half, np.uint8)
    second[: len(codes) - half] = codes[half:]
    return codes[:half] | (second << 4)


@wrong("1.9-bytes", "returns numbers of a wide type: eight bytes for each pair, so nothing is saved")
def pack4(codes):
    if len(codes) % 2 == 1:
        codes = np.append(codes, np.uint8(0))
    return codes[0::2].astype(np.int64) | (codes[1::2].astype(np.int64) << 4)


@wrong("1.9-bytes", "does not look at n and drops zeros at the end; whether the last 0 is a code, only n can say")
def unpack4(packed, n):
    codes = np.zeros(2 * len(packed), dtype=np.uint8)
    codes[0::2] = packed & 15
    codes[1::2] = packed >> 4
    return np.trim_zeros(codes, "b")


@wrong("1.9-bytes", "does not look at n and drops the last code if it is 0; whether that 0 is a code, only n can say")
def unpack4(packed, n):
    codes = np.zeros(2 * len(packed), dtype=np.uint8)
    codes[0::2] = packed & 15
    codes[1::2] = packed >> 4
    return codes[:-1] if len(codes) and codes[-1] == 0 else codes


@wrong("1.9-bytes", "returns the codes in a wide type; uint8 is asked for")
def unpack4(packed, n):
    codes = np.zeros(2 * len(packed), dtype=np.int64)
    codes[0::2] = packed & 15
    codes[1::2] = packed >> 4
    return codes[:n]


@wrong("1.9-bytes", "keeps three bits of the low half: 15 is 1111 in bits, 7 only 111")
def unpack4(packed, n):
    codes = np.zeros(2 * len(packed), dtype=np.uint8)
    codes[0::2] = packed & 7
    codes[1::2] = packed >> 4
    return codes[:n]


@wrong("1.9-bytes", "returns a float, as `np.ceil` does; bytes are counted, so their number is an integer")
def stored_bytes(n_codes, bits, n_scales, n_zero_points):
    return np.ceil(n_codes * bits / 8) + 4 * n_scales + n_zero_points


@wrong("1.9-bytes", "rounds to the nearest byte; a byte that is only begun is a byte, too")
def stored_bytes(n_codes, bits, n_scales, n_zero_points):
    return round(n_codes * bits / 8) + 4 * n_scales + n_zero_points


@wrong("1.9-bytes", "counts four bytes for a zero point; an int8 takes one")
def stored_bytes(n_codes, bits, n_scales, n_zero_points):
    return (n_codes * bits + 7) // 8 + 4 * (n_scales + n_zero_points)


@wrong("1.9-bytes", "lets no code lie across two bytes; packed codes follow each other bit by bit")
def stored_bytes(n_codes, bits, n_scales, n_zero_points):
    in_a_byte = max(1, 8 // bits)
    code_bytes = -(-n_codes // in_a_byte) * (1 if bits <= 8 else 2)
    return code_bytes + 4 * n_scales + n_zero_points


@right("1.9-bytes", "whole bytes and one more if bits are left, a NumPy number without dimensions")
def stored_bytes(n_codes, bits, n_scales, n_zero_points):
    whole, left = divmod(n_codes * bits, 8)
    return np.array(whole + (left > 0) + 4 * n_scales + n_zero_points)
