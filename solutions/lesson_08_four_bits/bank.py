"""The bank of lesson 08: answers that students really give, and right answers written differently.

Each function stands by itself: it uses `np`, `torch`, the helpers of its part and its own body. A wrong answer's sentence is what a
student reads when theirs behaves the same, so it says what goes wrong and why, not what to type.
"""

from statistics import NormalDist

import numpy as np
import torch

from autograder.checks import right, right_value, wrong, wrong_value

# 8.1-predict

wrong_value("8.1-predict", "counts the levels, not where they stand", predict_8_1="a")
wrong_value("8.1-predict", "expects a level between the small weights", predict_8_1="b")
wrong_value("8.1-predict", "takes the number of levels for the number of weights that reach one", predict_8_1="d")
wrong_value("8.1-predict", "gives the number instead of the letter of the choice", predict_8_1="1")
right_value("8.1-predict", "a capital letter", predict_8_1="C")
right_value("8.1-predict", "with brackets and a space", predict_8_1="(c) ")

# 8.2-groups


@wrong("8.2-groups", "takes one scale for the whole row; each group should have its own")
def quantize_groups(w, group, bits):
    qmax = 2 ** (bits - 1) - 1
    parts = w.reshape(len(w), -1, group)
    largest = np.repeat(np.abs(w).max(axis=1, keepdims=True), parts.shape[1], axis=1)
    scales = np.where(largest > 0, largest / qmax, 1.0)
    codes = np.rint(parts / scales[:, :, None])
    return codes.astype(np.int8).reshape(w.shape), scales


@wrong("8.2-groups", "takes one scale for the whole table; each group should have its own")
def quantize_groups(w, group, bits):
    qmax = 2 ** (bits - 1) - 1
    parts = w.reshape(len(w), -1, group)
    largest = np.full(parts.shape[:2], np.abs(w).max())
    scales = np.where(largest > 0, largest / qmax, 1.0)
    codes = np.rint(parts / scales[:, :, None])
    return codes.astype(np.int8).reshape(w.shape), scales


@wrong("8.2-groups", "divides by 2**(bits - 1); the largest code is one less")
def quantize_groups(w, group, bits):
    qmax = 2 ** (bits - 1)
    parts = w.reshape(len(w), -1, group)
    largest = np.abs(parts).max(axis=2)
    scales = np.where(largest > 0, largest / qmax, 1.0)
    codes = np.rint(parts / scales[:, :, None])
    return codes.astype(np.int8).reshape(w.shape), scales


@wrong("8.2-groups", "divides by 2**bits - 1, as if there were no negative codes")
def quantize_groups(w, group, bits):
    qmax = 2**bits - 1
    parts = w.reshape(len(w), -1, group)
    largest = np.abs(parts).max(axis=2)
    scales = np.where(largest > 0, largest / qmax, 1.0)
    codes = np.rint(parts / scales[:, :, None])
    return codes.astype(np.int8).reshape(w.shape), scales


@wrong("8.2-groups", "takes every n-th weight of the row for a group; a group stands side by side")
def quantize_groups(w, group, bits):
    parts = w.reshape(len(w), group, -1)
    largest = np.abs(parts).max(axis=1)
    scales = np.where(largest > 0, largest / (2 ** (bits - 1) - 1), 1.0)
    return np.rint(parts / scales[:, None]).astype(np.int8).reshape(w.shape), scales


@wrong("8.2-groups", "takes the largest weight, not the largest magnitude: a negative weight can be larger")
def quantize_groups(w, group, bits):
    qmax = 2 ** (bits - 1) - 1
    parts = w.reshape(len(w), -1, group)
    largest = parts.max(axis=2)
    scales = np.where(largest > 0, largest / qmax, 1.0)
    codes = np.clip(np.rint(parts / scales[:, :, None]), -128, 127)
    return codes.astype(np.int8).reshape(w.shape), scales


@wrong("8.2-groups", "leaves the scale of a group of zeros at 0, and nothing can be divided by 0")
def quantize_groups(w, group, bits):
    parts = w.reshape(len(w), -1, group)
    scales = np.abs(parts).max(axis=2) / (2 ** (bits - 1) - 1)
    with np.errstate(all="ignore"):
        codes = np.nan_to_num(np.rint(parts / scales[:, :, None]))
    return codes.astype(np.int8).reshape(w.shape), scales


@wrong("8.2-groups", "cuts the fraction off in place of rounding")
def quantize_groups(w, group, bits):
    qmax = 2 ** (bits - 1) - 1
    parts = w.reshape(len(w), -1, group)
    largest = np.abs(parts).max(axis=2)
    scales = np.where(largest > 0, largest / qmax, 1.0)
    codes = np.trunc(parts / scales[:, :, None])
    return codes.astype(np.int8).reshape(w.shape), scales


@wrong("8.2-groups", "rounds down in place of rounding to the nearest")
def quantize_groups(w, group, bits):
    qmax = 2 ** (bits - 1) - 1
    parts = w.reshape(len(w), -1, group)
    largest = np.abs(parts).max(axis=2)
    scales = np.where(largest > 0, largest / qmax, 1.0)
    codes = np.floor(parts / scales[:, :, None])
    return codes.astype(np.int8).reshape(w.shape), scales


@wrong("8.2-groups", "adds a small number to the scale: where the weights are small themselves, that is no longer small")
def quantize_groups(w, group, bits):
    qmax = 2 ** (bits - 1) - 1
    parts = w.reshape(len(w), -1, group)
    largest = np.abs(parts).max(axis=2)
    scales = largest / qmax + 1e-8
    codes = np.rint(parts / scales[:, :, None])
    return codes.astype(np.int8).reshape(w.shape), scales


@wrong("8.2-groups", "gives groups of very small weights the scale 1.0, and so they all become 0; only a group of zeros has that scale")
def quantize_groups(w, group, bits):
    qmax = 2 ** (bits - 1) - 1
    parts = w.reshape(len(w), -1, group)
    largest = np.abs(parts).max(axis=2)
    scales = np.where(largest > 1e-6, largest / qmax, 1.0)
    codes = np.rint(parts / scales[:, :, None])
    return codes.astype(np.int8).reshape(w.shape), scales


@wrong("8.2-groups", "returns the codes as floats; int8 is asked for")
def quantize_groups(w, group, bits):
    qmax = 2 ** (bits - 1) - 1
    parts = w.reshape(len(w), -1, group)
    largest = np.abs(parts).max(axis=2)
    scales = np.where(largest > 0, largest / qmax, 1.0)
    codes = np.rint(parts / scales[:, :, None])
    return codes.reshape(w.shape), scales


@wrong(
    "8.2-groups",
    "spreads the codes over the range from the smallest to the largest weight; the codes are symmetric here, and only the largest magnitude counts",
)
def quantize_groups(w, group, bits):
    qmax = 2 ** (bits - 1) - 1
    parts = w.reshape(len(w), -1, group)
    largest = (parts.max(axis=2) - parts.min(axis=2)) / 2
    scales = np.where(largest > 0, largest / qmax, 1.0)
    codes = np.clip(np.rint(parts / scales[:, :, None]), -128, 127)
    return codes.astype(np.int8).reshape(w.shape), scales


@wrong("8.2-groups", "returns the codes in their groups, with three axes; they should have the shape of w")
def quantize_groups(w, group, bits):
    qmax = 2 ** (bits - 1) - 1
    parts = w.reshape(len(w), -1, group)
    largest = np.abs(parts).max(axis=2)
    scales = np.where(largest > 0, largest / qmax, 1.0)
    codes = np.rint(parts / scales[:, :, None])
    return np.int8(codes), scales


@wrong("8.2-groups", "writes the scales one after the other again and again; each scale belongs to a whole group of neighbours")
def dequantize_groups(codes, scales):
    return codes * np.tile(scales, (1, codes.shape[1] // scales.shape[1]))


@wrong("8.2-groups", "divides by the scales on the way back; the way there has divided already")
def dequantize_groups(codes, scales):
    return codes / np.repeat(scales, codes.shape[1] // scales.shape[1], axis=1)


@wrong("8.2-groups", "takes the first scale of each row for all of its groups")
def dequantize_groups(codes, scales):
    return codes * scales[:, :1]


@wrong("8.2-groups", "lets every weight pay for a whole scale; the group shares it")
def bits_a_weight(bits, group, scale_bits, zero_bits=0):
    return bits + scale_bits + zero_bits


@wrong("8.2-groups", "forgets the zero points")
def bits_a_weight(bits, group, scale_bits, zero_bits=0):
    return bits + scale_bits / group


@wrong("8.2-groups", "counts the codes alone: the scales are stored, too")
def bits_a_weight(bits, group, scale_bits, zero_bits=0):
    return float(bits)


@wrong("8.2-groups", "divides the scale by the group and lets every weight pay for a whole zero point")
def bits_a_weight(bits, group, scale_bits, zero_bits=0):
    return bits + scale_bits / group + zero_bits


@wrong("8.2-groups", "throws the fraction of a bit away")
def bits_a_weight(bits, group, scale_bits, zero_bits=0):
    return float(bits + (scale_bits + zero_bits) // group)


@wrong("8.2-groups", "divides the bits of the codes by the group as well")
def bits_a_weight(bits, group, scale_bits, zero_bits=0):
    return (bits + scale_bits + zero_bits) / group


@wrong("8.2-groups", "gives the bits of a whole group, not of one weight")
def bits_a_weight(bits, group, scale_bits, zero_bits=0):
    return float(bits * group + scale_bits + zero_bits)


@right("8.2-groups", "a loop over rows and groups, scales in float32")
def quantize_groups(w, group, bits):
    codes, scales = np.zeros(w.shape, np.int8), np.ones((len(w), w.shape[1] // group), np.float32)
    for i in range(len(w)):
        for g in range(scales.shape[1]):
            part = w[i, g * group : (g + 1) * group]
            if part.any():
                scales[i, g] = np.abs(part).max() / (2 ** (bits - 1) - 1)
            codes[i, g * group : (g + 1) * group] = np.round(part / scales[i, g])
    return codes, scales


@right("8.2-groups", "rows of groups, a share of the largest times the largest code")
def quantize_groups(w, group, bits):
    rows, top = w.reshape(-1, group), 2 ** (bits - 1) - 1
    largest = np.linalg.norm(rows, np.inf, axis=1, keepdims=True)
    codes = np.rint(np.divide(rows, largest, out=np.zeros(rows.shape), where=largest > 0) * top)
    scales = (largest / top).reshape(len(w), -1)
    return [codes.astype("int8").reshape(w.shape), scales + (scales == 0)]


@right("8.2-groups", "a third axis on the way back")
def dequantize_groups(codes, scales):
    return (codes.reshape(*scales.shape, -1) * scales[..., None]).reshape(codes.shape)


@right("8.2-groups", "counts the bits of a whole group first")
def bits_a_weight(bits, group, scale_bits, zero_bits=0):
    return np.float64(bits * group + scale_bits + zero_bits) / group


# 8.3-pack


@wrong("8.3-pack", "puts the even codes into the high nibbles: that is bitsandbytes' order")
def pack_pairs(codes):
    stored = (codes + 8).astype(np.uint8)
    if len(stored) % 2:
        stored = np.append(stored, np.uint8(0))
    return stored[1::2] | stored[0::2] << 4


@wrong("8.3-pack", "stores the codes without adding 8: -1 becomes 15")
def pack_pairs(codes):
    stored = (codes & 15).astype(np.uint8)
    if len(stored) % 2:
        stored = np.append(stored, np.uint8(0))
    return stored[0::2] | stored[1::2] << 4


@wrong("8.3-pack", "adds 7; -8 is then negative, and the numbers are one too small")
def pack_pairs(codes):
    stored = ((codes + 7) & 15).astype(np.uint8)
    if len(stored) % 2:
        stored = np.append(stored, np.uint8(0))
    return stored[0::2] | stored[1::2] << 4


@wrong(
    "8.3-pack",
    "puts the first half of all codes into the low nibbles and the second half into the high ones; neighbours should share a byte",
)
def pack_pairs(codes):
    stored = (codes + 8).astype(np.uint8)
    if len(stored) % 2:
        stored = np.append(stored, np.uint8(0))
    return stored[: len(stored) // 2] | stored[len(stored) // 2 :] << 4


@wrong("8.3-pack", "loses the last code where their number is odd")
def pack_pairs(codes):
    stored = (codes[: len(codes) // 2 * 2] + 8).astype(np.uint8)
    if len(stored) % 2:
        stored = np.append(stored, np.uint8(0))
    return stored[0::2] | stored[1::2] << 4


@wrong("8.3-pack", "fills the last high nibble with 8, which is code 0; the text asks for a nibble of 0")
def pack_pairs(codes):
    stored = (codes + 8).astype(np.uint8)
    if len(stored) % 2:
        stored = np.append(stored, np.uint8(8))
    return stored[0::2] | stored[1::2] << 4


@wrong("8.3-pack", "shifts by eight bits, out of the byte")
def pack_pairs(codes):
    stored = (codes + 8).astype(np.uint8)
    if len(stored) % 2:
        stored = np.append(stored, np.uint8(0))
    return stored[0::2] | stored[1::2] << 8


@wrong("8.3-pack", "adds the two nibbles without moving one of them up")
def pack_pairs(codes):
    stored = (codes + 8).astype(np.uint8)
    if len(stored) % 2:
        stored = np.append(stored, np.uint8(0))
    return stored[0::2] + stored[1::2]


@wrong("8.3-pack", "shifts negative codes: their sign bits run into the other nibble")
def pack_pairs(codes):
    wide = np.append(codes, [0] * (len(codes) % 2)).astype(np.int8)
    return (wide[0::2] | wide[1::2] << 4).astype(np.uint8)


@wrong("8.3-pack", "gives each code a byte of its own")
def pack_pairs(codes):
    stored = (codes + 8).astype(np.uint8)
    return stored


@wrong("8.3-pack", "reads the high nibble first")
def unpack_pairs(packed, n):
    return np.stack([packed >> 4, packed & 15], axis=1).reshape(-1)[:n].astype(np.int8) - np.int8(8)


@wrong("8.3-pack", "does not take the 8 off again")
def unpack_pairs(packed, n):
    return np.stack([packed & 15, packed >> 4], axis=1).reshape(-1)[:n].astype(np.int8)


@wrong("8.3-pack", "returns the filler as a code, too, where n is odd")
def unpack_pairs(packed, n):
    return np.stack([packed & 15, packed >> 4], axis=1).reshape(-1).astype(np.int8) - np.int8(8)


@wrong("8.3-pack", "returns all low nibbles first, then all high ones")
def unpack_pairs(packed, n):
    return np.concatenate([packed & 15, packed >> 4])[:n].astype(np.int8) - np.int8(8)


@wrong("8.3-pack", "subtracts 8 in uint8, which has no negative numbers: -1 becomes 255")
def unpack_pairs(packed, n):
    return np.stack([packed & 15, packed >> 4], axis=1).reshape(-1)[:n] - np.uint8(8)


@wrong("8.3-pack", "reads the nibbles as two's complement: 15 as -1; the codes were stored plus 8")
def unpack_pairs(packed, n):
    both = np.stack([packed & 15, packed >> 4], axis=1).reshape(-1)[:n].astype(np.int8)
    return np.where(both > 7, both - 16, both).astype(np.int8)


@wrong("8.3-pack", "lets neighbours share a byte in llama.cpp's order as well")
def pack_halves(codes):
    stored = (codes + 8).astype(np.uint8)
    return stored[0::2] | stored[1::2] << 4


@wrong("8.3-pack", "puts the first sixteen into the high nibbles")
def pack_halves(codes):
    stored = (codes + 8).astype(np.uint8).reshape(-1, 2, 16)
    return (stored[:, 1] | stored[:, 0] << 4).reshape(-1)


@wrong("8.3-pack", "cuts the whole array into two halves; each block of 32 has its own")
def pack_halves(codes):
    stored = (codes + 8).astype(np.uint8).reshape(2, -1)
    return stored[0] | stored[1] << 4


@wrong("8.3-pack", "takes blocks of 16: code i and code i + 8 share a byte")
def pack_halves(codes):
    stored = (codes + 8).astype(np.uint8).reshape(-1, 2, 8)
    return (stored[:, 0] | stored[:, 1] << 4).reshape(-1)


@right("8.3-pack", "arithmetic in place of bits")
def pack_pairs(codes):
    stored = np.zeros((len(codes) + 1) // 2 * 2, int)
    stored[: len(codes)] = codes + 8
    return (stored.reshape(-1, 2) @ [1, 16]).astype(np.uint8)


@right("8.3-pack", "a loop over the codes")
def pack_pairs(codes):
    packed = np.zeros(-(-len(codes) // 2), np.uint8)
    for i, code in enumerate(codes):
        packed[i // 2] |= (int(code) + 8) << 4 * (i % 2)
    return packed


@right("8.3-pack", "divmod, both halves written into one array")
def unpack_pairs(packed, n):
    codes = np.empty(2 * len(packed), np.int8)
    codes[1::2], codes[0::2] = np.divmod(packed.astype(int) - 0, 16)
    codes -= 8
    return codes[:n]


@right("8.3-pack", "blocks as rows")
def pack_halves(codes):
    rows = codes.astype(int).reshape(-1, 32) + 8
    return (rows[:, :16] + 16 * rows[:, 16:]).astype(np.uint8).ravel()


# 8.4-nf4


@wrong("8.4-nf4", "confuses numbers and steps: `np.linspace` with k numbers makes k - 1 steps, and some levels are missing")
def normal_levels(bits):
    n, quantile = 2**bits, NormalDist().inv_cdf
    edge = 1 - (1 / (2 * n) + 1 / (2 * (n - 1))) / 2
    above = [quantile(p) for p in np.linspace(edge, 0.5, n // 2)[:-1]]
    below = [-quantile(p) for p in np.linspace(edge, 0.5, n // 2 - 1)[:-1]]
    levels = np.array(sorted(below + [0.0] + above))
    return levels / levels.max()


@wrong("8.4-nf4", "has the larger number of levels below 0; they belong above it")
def normal_levels(bits):
    n, quantile = 2**bits, NormalDist().inv_cdf
    edge = 1 - (1 / (2 * n) + 1 / (2 * (n - 1))) / 2
    above = [quantile(p) for p in np.linspace(edge, 0.5, n // 2)[:-1]]
    below = [-quantile(p) for p in np.linspace(edge, 0.5, n // 2 + 1)[:-1]]
    levels = np.array(sorted(below + [0.0] + above))
    return levels / levels.max()


@wrong("8.4-nf4", "takes the 0.5 along, whose quantile is 0: level 0 is there more than once")
def normal_levels(bits):
    n, quantile = 2**bits, NormalDist().inv_cdf
    edge = 1 - (1 / (2 * n) + 1 / (2 * (n - 1))) / 2
    above = [quantile(p) for p in np.linspace(edge, 0.5, n // 2 + 1)]
    below = [-quantile(p) for p in np.linspace(edge, 0.5, n // 2)]
    levels = np.array(sorted(below + [0.0] + above))
    return levels / levels.max()


@wrong("8.4-nf4", "takes even steps; the levels should be quantiles of a normal distribution")
def normal_levels(bits):
    n, quantile = 2**bits, NormalDist().inv_cdf
    edge = 1 - (1 / (2 * n) + 1 / (2 * (n - 1))) / 2
    above = [quantile(p) for p in np.linspace(edge, 0.5, n // 2 + 1)[:-1]]
    below = [-quantile(p) for p in np.linspace(edge, 0.5, n // 2)[:-1]]
    levels = np.linspace(-1, 1, n)
    return levels / levels.max()


@wrong("8.4-nf4", "takes n quantiles of equal shares; none of them is exactly 0")
def normal_levels(bits):
    n, quantile = 2**bits, NormalDist().inv_cdf
    edge = 1 - (1 / (2 * n) + 1 / (2 * (n - 1))) / 2
    above = [quantile(p) for p in np.linspace(edge, 0.5, n // 2 + 1)[:-1]]
    below = [-quantile(p) for p in np.linspace(edge, 0.5, n // 2)[:-1]]
    levels = np.array([quantile((i + 0.5) / n) for i in range(n)])
    return levels / levels.max()


@wrong("8.4-nf4", "does not divide by the largest: the ends are not -1 and 1")
def normal_levels(bits):
    n, quantile = 2**bits, NormalDist().inv_cdf
    edge = 1 - (1 / (2 * n) + 1 / (2 * (n - 1))) / 2
    above = [quantile(p) for p in np.linspace(edge, 0.5, n // 2 + 1)[:-1]]
    below = [-quantile(p) for p in np.linspace(edge, 0.5, n // 2)[:-1]]
    levels = np.array(sorted(below + [0.0] + above))
    return levels


@wrong("8.4-nf4", "starts from another edge: the mean of two is taken, of 1/(2n) and 1/(2(n - 1))")
def normal_levels(bits):
    n, quantile = 2**bits, NormalDist().inv_cdf
    edge = 1 - 1 / (2 * n)
    above = [quantile(p) for p in np.linspace(edge, 0.5, n // 2 + 1)[:-1]]
    below = [-quantile(p) for p in np.linspace(edge, 0.5, n // 2)[:-1]]
    levels = np.array(sorted(below + [0.0] + above))
    return levels / levels.max()


@wrong("8.4-nf4", "takes the edge of 4 bits, 0.9677, for every number of bits; it follows from n")
def normal_levels(bits):
    n, quantile = 2**bits, NormalDist().inv_cdf
    edge = 0.9677
    above = [quantile(p) for p in np.linspace(edge, 0.5, n // 2 + 1)[:-1]]
    below = [-quantile(p) for p in np.linspace(edge, 0.5, n // 2)[:-1]]
    levels = np.array(sorted(below + [0.0] + above))
    return levels / levels.max()


@wrong("8.4-nf4", "leaves the levels unsorted")
def normal_levels(bits):
    n, quantile = 2**bits, NormalDist().inv_cdf
    edge = 1 - (1 / (2 * n) + 1 / (2 * (n - 1))) / 2
    above = [quantile(p) for p in np.linspace(edge, 0.5, n // 2 + 1)[:-1]]
    below = [-quantile(p) for p in np.linspace(edge, 0.5, n // 2)[:-1]]
    levels = np.array(below + [0.0] + above)
    return levels / levels.max()


@wrong("8.4-nf4", "forgets the minus sign of the levels below 0")
def normal_levels(bits):
    n, quantile = 2**bits, NormalDist().inv_cdf
    edge = 1 - (1 / (2 * n) + 1 / (2 * (n - 1))) / 2
    above = [quantile(p) for p in np.linspace(edge, 0.5, n // 2 + 1)[:-1]]
    below = [quantile(p) for p in np.linspace(edge, 0.5, n // 2)[:-1]]
    levels = np.array(sorted(below + [0.0] + above))
    return levels / levels.max()


@wrong("8.4-nf4", "forgets level 0")
def normal_levels(bits):
    n, quantile = 2**bits, NormalDist().inv_cdf
    edge = 1 - (1 / (2 * n) + 1 / (2 * (n - 1))) / 2
    above = [quantile(p) for p in np.linspace(edge, 0.5, n // 2 + 1)[:-1]]
    below = [-quantile(p) for p in np.linspace(edge, 0.5, n // 2)[:-1]]
    levels = np.array(sorted(below + above))
    return levels / levels.max()


@wrong("8.4-nf4", "takes the largest number of a block, not the largest magnitude")
def quantize_levels(w, levels, block):
    padded = np.zeros(-(-len(w) // block) * block)
    padded[: len(w)] = w
    parts = padded.reshape(-1, block)
    absmax = parts.max(axis=1)
    shares = parts / np.where(absmax > 0, absmax, 1.0)[:, None]
    codes = np.abs(shares[:, :, None] - levels).argmin(axis=2)
    return codes.reshape(-1)[: len(w)].astype(np.uint8), absmax


@wrong("8.4-nf4", "divides a block of zeros by 0, which is not a number")
def quantize_levels(w, levels, block):
    padded = np.zeros(-(-len(w) // block) * block)
    padded[: len(w)] = w
    parts = padded.reshape(-1, block)
    absmax = np.abs(parts).max(axis=1)
    with np.errstate(all="ignore"):
        codes = np.abs((parts / absmax[:, None])[:, :, None] - levels).argmin(axis=2)
    return codes.reshape(-1)[: len(w)].astype(np.uint8), absmax


@wrong("8.4-nf4", "adds a small number to the largest magnitude before dividing: where a block is small itself, that is no longer small")
def quantize_levels(w, levels, block):
    padded = np.zeros(-(-len(w) // block) * block)
    padded[: len(w)] = w
    parts = padded.reshape(-1, block)
    absmax = np.abs(parts).max(axis=1)
    shares = parts / (absmax + 1e-8)[:, None]
    codes = np.abs(shares[:, :, None] - levels).argmin(axis=2)
    return codes.reshape(-1)[: len(w)].astype(np.uint8), absmax


@wrong("8.4-nf4", "divides all blocks by the largest magnitude of all numbers")
def quantize_levels(w, levels, block):
    padded = np.zeros(-(-len(w) // block) * block)
    padded[: len(w)] = w
    parts = padded.reshape(-1, block)
    absmax = np.full(len(parts), np.abs(w).max())
    shares = parts / np.where(absmax > 0, absmax, 1.0)[:, None]
    codes = np.abs(shares[:, :, None] - levels).argmin(axis=2)
    return codes.reshape(-1)[: len(w)].astype(np.uint8), absmax


@wrong("8.4-nf4", "takes the level below, not the nearest")
def quantize_levels(w, levels, block):
    padded = np.zeros(-(-len(w) // block) * block)
    padded[: len(w)] = w
    parts = padded.reshape(-1, block)
    absmax = np.abs(parts).max(axis=1)
    shares = parts / np.where(absmax > 0, absmax, 1.0)[:, None]
    codes = np.searchsorted(levels, shares, side="right") - 1
    return codes.reshape(-1)[: len(w)].astype(np.uint8), absmax


@wrong("8.4-nf4", "divides by the standard deviation of the block, not by its largest magnitude")
def quantize_levels(w, levels, block):
    padded = np.zeros(-(-len(w) // block) * block)
    padded[: len(w)] = w
    parts = padded.reshape(-1, block)
    absmax = parts.std(axis=1)
    shares = parts / np.where(absmax > 0, absmax, 1.0)[:, None]
    codes = np.abs(shares[:, :, None] - levels).argmin(axis=2)
    return codes.reshape(-1)[: len(w)].astype(np.uint8), absmax


@wrong("8.4-nf4", "loses the signs: negative numbers get the codes of positive ones")
def quantize_levels(w, levels, block):
    padded = np.zeros(-(-len(w) // block) * block)
    padded[: len(w)] = w
    parts = padded.reshape(-1, block)
    absmax = np.abs(parts).max(axis=1)
    shares = np.abs(parts) / np.where(absmax > 0, absmax, 1.0)[:, None]
    codes = np.abs(shares[:, :, None] - levels).argmin(axis=2)
    return codes.reshape(-1)[: len(w)].astype(np.uint8), absmax


@wrong("8.4-nf4", "returns the levels in place of their places")
def quantize_levels(w, levels, block):
    padded = np.zeros(-(-len(w) // block) * block)
    padded[: len(w)] = w
    parts = padded.reshape(-1, block)
    absmax = np.abs(parts).max(axis=1)
    shares = parts / np.where(absmax > 0, absmax, 1.0)[:, None]
    codes = np.abs(shares[:, :, None] - levels).argmin(axis=2)
    return levels[codes].reshape(-1)[: len(w)], absmax


@wrong("8.4-nf4", "gives a block of zeros the largest magnitude 1.0; the text asks for 0.0")
def quantize_levels(w, levels, block):
    padded = np.zeros(-(-len(w) // block) * block)
    padded[: len(w)] = w
    parts = padded.reshape(-1, block)
    absmax = np.abs(parts).max(axis=1)
    shares = parts / np.where(absmax > 0, absmax, 1.0)[:, None]
    codes = np.abs(shares[:, :, None] - levels).argmin(axis=2)
    return codes.reshape(-1)[: len(w)].astype(np.uint8), np.where(absmax > 0, absmax, 1.0)


@wrong("8.4-nf4", "returns codes for the filler of the last block, too")
def quantize_levels(w, levels, block):
    padded = np.zeros(-(-len(w) // block) * block)
    padded[: len(w)] = w
    parts = padded.reshape(-1, block)
    absmax = np.abs(parts).max(axis=1)
    shares = parts / np.where(absmax > 0, absmax, 1.0)[:, None]
    codes = np.abs(shares[:, :, None] - levels).argmin(axis=2)
    return codes.reshape(-1).astype(np.uint8), absmax


@wrong("8.4-nf4", "returns the codes in int64; uint8 is asked for")
def quantize_levels(w, levels, block):
    padded = np.zeros(-(-len(w) // block) * block)
    padded[: len(w)] = w
    parts = padded.reshape(-1, block)
    absmax = np.abs(parts).max(axis=1)
    shares = parts / np.where(absmax > 0, absmax, 1.0)[:, None]
    codes = np.abs(shares[:, :, None] - levels).argmin(axis=2)
    return codes.reshape(-1)[: len(w)], absmax


@wrong("8.4-nf4", "looks the levels up by the numbers themselves, not by their share of the block's largest magnitude")
def quantize_levels(w, levels, block):
    padded = np.zeros(-(-len(w) // block) * block)
    padded[: len(w)] = w
    parts = padded.reshape(-1, block)
    absmax = np.abs(parts).max(axis=1)
    shares = parts
    codes = np.abs(shares[:, :, None] - levels).argmin(axis=2)
    return codes.reshape(-1)[: len(w)].astype(np.uint8), absmax


@wrong("8.4-nf4", "writes the magnitudes of the blocks one after the other again and again; each belongs to a whole block of neighbours")
def dequantize_levels(codes, absmax, levels, block):
    return levels[codes] * np.resize(absmax, len(codes))


@wrong("8.4-nf4", "does not multiply by the magnitudes of the blocks")
def dequantize_levels(codes, absmax, levels, block):
    return levels[codes]


@wrong("8.4-nf4", "multiplies the codes themselves; they are places in the list of levels")
def dequantize_levels(codes, absmax, levels, block):
    return codes * np.repeat(absmax, block)[: len(codes)]


@right("8.4-nf4", "a loop over the quantiles")
def normal_levels(bits):
    half, normal = 2 ** (bits - 1), NormalDist()
    edge = 1 - 0.5 * (1 / (4 * half) + 1 / (4 * half - 2))
    top = normal.inv_cdf(edge)
    above = [normal.inv_cdf(edge + (0.5 - edge) * i / half) / top for i in range(half)]
    below = [-normal.inv_cdf(edge + (0.5 - edge) * i / (half - 1)) / top for i in range(half - 1)]
    return np.array(below + [0.0] + above[::-1])


@right("8.4-nf4", "quantiles by PyTorch, float32")
def normal_levels(bits):
    n = 2**bits
    edge = 1 - (1 / n + 1 / (n - 1)) / 4
    quantile = lambda p: torch.special.ndtri(torch.linspace(edge, 0.5, p, dtype=torch.float64))[:-1]  # noqa: E731
    levels = torch.cat([-quantile(n // 2), torch.zeros(1, dtype=torch.float64), quantile(n // 2 + 1)]).sort().values
    return (levels / levels[-1]).float().numpy()


@right("8.4-nf4", "half-way between two levels, by bisection")
def quantize_levels(w, levels, block):
    codes, absmax = np.zeros(len(w), np.uint8), []
    for start in range(0, len(w), block):
        part = w[start : start + block]
        absmax.append(np.abs(part).max())
        share = part / absmax[-1] if absmax[-1] else part
        codes[start : start + block] = np.searchsorted((levels[1:] + levels[:-1]) / 2, share)
    return codes, np.array(absmax)


@right("8.4-nf4", "one number after the other")
def dequantize_levels(codes, absmax, levels, block):
    return np.array([levels[code] * absmax[i // block] for i, code in enumerate(codes)])


# 8.5-gptq


@wrong("8.5-gptq", "forgets the 2")
def hessian(x, damp):
    h = x.T @ x / len(x)
    dead = np.diag(h) == 0
    h[dead, dead] = 1.0
    return h + damp * np.mean(np.diag(h)) * np.eye(len(h))


@wrong("8.5-gptq", "adds up over the samples without dividing by their number")
def hessian(x, damp):
    h = 2 * x.T @ x
    dead = np.diag(h) == 0
    h[dead, dead] = 1.0
    return h + damp * np.mean(np.diag(h)) * np.eye(len(h))


@wrong("8.5-gptq", "divides by the number of columns; the mean is over the samples")
def hessian(x, damp):
    h = 2 / x.shape[1] * x.T @ x
    dead = np.diag(h) == 0
    h[dead, dead] = 1.0
    return h + damp * np.mean(np.diag(h)) * np.eye(len(h))


@wrong("8.5-gptq", "multiplies samples with samples; the columns should meet")
def hessian(x, damp):
    h = 2 / len(x) * x @ x.T
    dead = np.diag(h) == 0
    h[dead, dead] = 1.0
    return h + damp * np.mean(np.diag(h)) * np.eye(len(h))


@wrong("8.5-gptq", "takes the mean off first, as for a covariance; an error is also made where all inputs share a part")
def hessian(x, damp):
    h = 2 / len(x) * (x - x.mean(axis=0)).T @ (x - x.mean(axis=0))
    dead = np.diag(h) == 0
    h[dead, dead] = 1.0
    return h + damp * np.mean(np.diag(h)) * np.eye(len(h))


@wrong("8.5-gptq", "adds `damp` itself to the diagonal; it is a share of the mean of the diagonal")
def hessian(x, damp):
    h = 2 / len(x) * x.T @ x
    dead = np.diag(h) == 0
    h[dead, dead] = 1.0
    return h + damp * np.eye(len(h))


@wrong("8.5-gptq", "adds the damping to all entries; it belongs on the diagonal")
def hessian(x, damp):
    h = 2 / len(x) * x.T @ x
    dead = np.diag(h) == 0
    h[dead, dead] = 1.0
    return h + damp * np.mean(np.diag(h))


@wrong("8.5-gptq", "takes the mean of all entries of H for the damping; it is that of the diagonal")
def hessian(x, damp):
    h = 2 / len(x) * x.T @ x
    dead = np.diag(h) == 0
    h[dead, dead] = 1.0
    return h + damp * np.mean(h) * np.eye(len(h))


@wrong("8.5-gptq", "makes each diagonal entry larger by a share of itself; all should get the same")
def hessian(x, damp):
    h = 2 / len(x) * x.T @ x
    dead = np.diag(h) == 0
    h[dead, dead] = 1.0
    return h + damp * np.diag(np.diag(h))


@wrong("8.5-gptq", "does not repair dead inputs")
def hessian(x, damp):
    h = 2 / len(x) * x.T @ x
    return h + damp * np.mean(np.diag(h)) * np.eye(len(h))


@wrong("8.5-gptq", "takes an input for dead whose numbers add up to 0; dead is one that is always 0")
def hessian(x, damp):
    h = 2 / len(x) * x.T @ x
    dead = x.sum(axis=0) == 0
    h[dead, dead] = 1.0
    return h + damp * np.mean(np.diag(h)) * np.eye(len(h))


@wrong("8.5-gptq", "takes the mean of the diagonal before the dead inputs got their 1")
def hessian(x, damp):
    h = 2 / len(x) * x.T @ x
    more = damp * np.mean(np.diag(h))
    dead = np.diag(h) == 0
    h[dead, dead] = 1.0
    return h + more * np.eye(len(h))


@wrong("8.5-gptq", "does not add the damping")
def hessian(x, damp):
    h = 2 / len(x) * x.T @ x
    dead = np.diag(h) == 0
    h[dead, dead] = 1.0
    return h


@wrong("8.5-gptq", "rounds each column as if it were alone: the later columns never make good for anything")
def gptq(w, h, scales, qmax):
    u = np.linalg.cholesky(np.linalg.inv(h)).T
    left, rounded, error = w.astype(float), np.zeros(w.shape), np.zeros(len(w))
    for j in range(w.shape[1]):
        codes = np.clip(np.rint(left[:, j] / scales[:, j]), -qmax, qmax)
        rounded[:, j] = scales[:, j] * codes
        e = (left[:, j] - rounded[:, j]) / u[j, j]
        left = w.astype(float)
        error += e**2
    return rounded, error


@wrong("8.5-gptq", "does not divide the error by the diagonal entry of U")
def gptq(w, h, scales, qmax):
    u = np.linalg.cholesky(np.linalg.inv(h)).T
    left, rounded, error = w.astype(float), np.zeros(w.shape), np.zeros(len(w))
    for j in range(w.shape[1]):
        codes = np.clip(np.rint(left[:, j] / scales[:, j]), -qmax, qmax)
        rounded[:, j] = scales[:, j] * codes
        e = left[:, j] - rounded[:, j]
        left[:, j:] -= np.outer(e, u[j, j:])
        error += e**2
    return rounded, error


@wrong("8.5-gptq", "divides by the square of the diagonal entry of U")
def gptq(w, h, scales, qmax):
    u = np.linalg.cholesky(np.linalg.inv(h)).T
    left, rounded, error = w.astype(float), np.zeros(w.shape), np.zeros(len(w))
    for j in range(w.shape[1]):
        codes = np.clip(np.rint(left[:, j] / scales[:, j]), -qmax, qmax)
        rounded[:, j] = scales[:, j] * codes
        e = (left[:, j] - rounded[:, j]) / u[j, j] ** 2
        left[:, j:] -= np.outer(e, u[j, j:])
        error += e**2
    return rounded, error


@wrong("8.5-gptq", "rounds the weights that were given, not those that have been changed so far")
def gptq(w, h, scales, qmax):
    u = np.linalg.cholesky(np.linalg.inv(h)).T
    left, rounded, error = w.astype(float), np.zeros(w.shape), np.zeros(len(w))
    for j in range(w.shape[1]):
        codes = np.clip(np.rint(w[:, j] / scales[:, j]), -qmax, qmax)
        rounded[:, j] = scales[:, j] * codes
        e = (left[:, j] - rounded[:, j]) / u[j, j]
        left[:, j:] -= np.outer(e, u[j, j:])
        error += e**2
    return rounded, error


@wrong("8.5-gptq", "adds to the later columns what should be subtracted: the errors pile up")
def gptq(w, h, scales, qmax):
    u = np.linalg.cholesky(np.linalg.inv(h)).T
    left, rounded, error = w.astype(float), np.zeros(w.shape), np.zeros(len(w))
    for j in range(w.shape[1]):
        codes = np.clip(np.rint(left[:, j] / scales[:, j]), -qmax, qmax)
        rounded[:, j] = scales[:, j] * codes
        e = (left[:, j] - rounded[:, j]) / u[j, j]
        left[:, j:] += np.outer(e, u[j, j:])
        error += e**2
    return rounded, error


@wrong("8.5-gptq", "changes the next column only; all that are still to come should make good")
def gptq(w, h, scales, qmax):
    u = np.linalg.cholesky(np.linalg.inv(h)).T
    left, rounded, error = w.astype(float), np.zeros(w.shape), np.zeros(len(w))
    for j in range(w.shape[1]):
        codes = np.clip(np.rint(left[:, j] / scales[:, j]), -qmax, qmax)
        rounded[:, j] = scales[:, j] * codes
        e = (left[:, j] - rounded[:, j]) / u[j, j]
        left[:, j : j + 2] -= np.outer(e, u[j, j : j + 2])
        error += e**2
    return rounded, error


@wrong("8.5-gptq", "factorises H; it is the inverse that is wanted")
def gptq(w, h, scales, qmax):
    u = np.linalg.cholesky(h).T
    left, rounded, error = w.astype(float), np.zeros(w.shape), np.zeros(len(w))
    for j in range(w.shape[1]):
        codes = np.clip(np.rint(left[:, j] / scales[:, j]), -qmax, qmax)
        rounded[:, j] = scales[:, j] * codes
        e = (left[:, j] - rounded[:, j]) / u[j, j]
        left[:, j:] -= np.outer(e, u[j, j:])
        error += e**2
    return rounded, error


@wrong("8.5-gptq", "takes rows of the inverse itself, which does not know that columns are fixed already")
def gptq(w, h, scales, qmax):
    u = np.linalg.inv(h)
    left, rounded, error = w.astype(float), np.zeros(w.shape), np.zeros(len(w))
    for j in range(w.shape[1]):
        codes = np.clip(np.rint(left[:, j] / scales[:, j]), -qmax, qmax)
        rounded[:, j] = scales[:, j] * codes
        e = (left[:, j] - rounded[:, j]) / u[j, j]
        left[:, j:] -= np.outer(e, u[j, j:])
        error += e**2
    return rounded, error


@wrong("8.5-gptq", "does not cut the codes off at qmax")
def gptq(w, h, scales, qmax):
    u = np.linalg.cholesky(np.linalg.inv(h)).T
    left, rounded, error = w.astype(float), np.zeros(w.shape), np.zeros(len(w))
    for j in range(w.shape[1]):
        codes = np.rint(left[:, j] / scales[:, j])
        rounded[:, j] = scales[:, j] * codes
        e = (left[:, j] - rounded[:, j]) / u[j, j]
        left[:, j:] -= np.outer(e, u[j, j:])
        error += e**2
    return rounded, error


@wrong("8.5-gptq", "lets the codes go down to -qmax - 1")
def gptq(w, h, scales, qmax):
    u = np.linalg.cholesky(np.linalg.inv(h)).T
    left, rounded, error = w.astype(float), np.zeros(w.shape), np.zeros(len(w))
    for j in range(w.shape[1]):
        codes = np.clip(np.rint(left[:, j] / scales[:, j]), -qmax - 1, qmax)
        rounded[:, j] = scales[:, j] * codes
        e = (left[:, j] - rounded[:, j]) / u[j, j]
        left[:, j:] -= np.outer(e, u[j, j:])
        error += e**2
    return rounded, error


@wrong("8.5-gptq", "rounds down in place of to the nearest")
def gptq(w, h, scales, qmax):
    u = np.linalg.cholesky(np.linalg.inv(h)).T
    left, rounded, error = w.astype(float), np.zeros(w.shape), np.zeros(len(w))
    for j in range(w.shape[1]):
        codes = np.clip(np.floor(left[:, j] / scales[:, j]), -qmax, qmax)
        rounded[:, j] = scales[:, j] * codes
        e = (left[:, j] - rounded[:, j]) / u[j, j]
        left[:, j:] -= np.outer(e, u[j, j:])
        error += e**2
    return rounded, error


@wrong("8.5-gptq", "takes the scales of the first column for all columns")
def gptq(w, h, scales, qmax):
    u = np.linalg.cholesky(np.linalg.inv(h)).T
    left, rounded, error = w.astype(float), np.zeros(w.shape), np.zeros(len(w))
    for j in range(w.shape[1]):
        codes = np.clip(np.rint(left[:, j] / scales[:, 0]), -qmax, qmax)
        rounded[:, j] = scales[:, 0] * codes
        e = (left[:, j] - rounded[:, j]) / u[j, j]
        left[:, j:] -= np.outer(e, u[j, j:])
        error += e**2
    return rounded, error


@wrong("8.5-gptq", "adds the errors up without squaring them")
def gptq(w, h, scales, qmax):
    u = np.linalg.cholesky(np.linalg.inv(h)).T
    left, rounded, error = w.astype(float), np.zeros(w.shape), np.zeros(len(w))
    for j in range(w.shape[1]):
        codes = np.clip(np.rint(left[:, j] / scales[:, j]), -qmax, qmax)
        rounded[:, j] = scales[:, j] * codes
        e = (left[:, j] - rounded[:, j]) / u[j, j]
        left[:, j:] -= np.outer(e, u[j, j:])
        error += np.abs(e)
    return rounded, error


@wrong("8.5-gptq", "adds up the squared changes of the weights; the error is that of the output")
def gptq(w, h, scales, qmax):
    u = np.linalg.cholesky(np.linalg.inv(h)).T
    left, rounded, error = w.astype(float), np.zeros(w.shape), np.zeros(len(w))
    for j in range(w.shape[1]):
        codes = np.clip(np.rint(left[:, j] / scales[:, j]), -qmax, qmax)
        rounded[:, j] = scales[:, j] * codes
        e = (left[:, j] - rounded[:, j]) / u[j, j]
        left[:, j:] -= np.outer(e, u[j, j:])
        error += (w[:, j] - rounded[:, j]) ** 2
    return rounded, error


@wrong("8.5-gptq", "keeps the error of the last column only")
def gptq(w, h, scales, qmax):
    u = np.linalg.cholesky(np.linalg.inv(h)).T
    left, rounded, error = w.astype(float), np.zeros(w.shape), np.zeros(len(w))
    for j in range(w.shape[1]):
        codes = np.clip(np.rint(left[:, j] / scales[:, j]), -qmax, qmax)
        rounded[:, j] = scales[:, j] * codes
        e = (left[:, j] - rounded[:, j]) / u[j, j]
        left[:, j:] -= np.outer(e, u[j, j:])
        error = e**2
    return rounded, error


@wrong("8.5-gptq", "returns codes in place of weights")
def gptq(w, h, scales, qmax):
    u = np.linalg.cholesky(np.linalg.inv(h)).T
    left, rounded, error = w.astype(float), np.zeros(w.shape), np.zeros(len(w))
    for j in range(w.shape[1]):
        codes = np.clip(np.rint(left[:, j] / scales[:, j]), -qmax, qmax)
        rounded[:, j] = scales[:, j] * codes
        e = (left[:, j] - rounded[:, j]) / u[j, j]
        left[:, j:] -= np.outer(e, u[j, j:])
        error += e**2
    return np.rint(rounded / scales), error


@wrong("8.5-gptq", "adds all rows up; each row has its own error")
def gptq(w, h, scales, qmax):
    u = np.linalg.cholesky(np.linalg.inv(h)).T
    left, rounded, error = w.astype(float), np.zeros(w.shape), np.zeros(len(w))
    for j in range(w.shape[1]):
        codes = np.clip(np.rint(left[:, j] / scales[:, j]), -qmax, qmax)
        rounded[:, j] = scales[:, j] * codes
        e = (left[:, j] - rounded[:, j]) / u[j, j]
        left[:, j:] -= np.outer(e, u[j, j:])
        error += e**2
    return rounded, np.full(len(w), error.sum())


@right("8.5-gptq", "least squares for the rest, and the error from its definition")
def gptq(w, h, scales, qmax):
    current, done = np.array(w), np.zeros(w.shape)
    for j in range(w.shape[1]):
        done[:, j] = scales[:, j] * np.clip(np.round(current[:, j] / scales[:, j]), -qmax, qmax)
        gap = (w - done)[:, : j + 1]
        current[:, j + 1 :] = w[:, j + 1 :] + np.linalg.solve(h[j + 1 :, j + 1 :], h[j + 1 :, : j + 1] @ gap.T).T
    gap = w - done
    return done, np.sum(gap @ h * gap, axis=1)


@right("8.5-gptq", "the inverse made smaller after each column, as in Optimal Brain Quantisation")
def gptq(w, h, scales, qmax):
    inverse, left, done, error = np.linalg.inv(h), np.array(w, float), np.zeros(w.shape), 0.0
    for j in range(w.shape[1]):
        done[:, j] = np.clip(np.rint(left[:, j] / scales[:, j]), -qmax, qmax) * scales[:, j]
        gap = left[:, j] - done[:, j]
        error = error + gap**2 / inverse[0, 0]
        left[:, j:] -= gap[:, None] * inverse[0] / inverse[0, 0]
        inverse = (inverse - np.outer(inverse[:, 0], inverse[0]) / inverse[0, 0])[1:, 1:]
    return [done, error]


@right("8.5-gptq", "PyTorch, row after row")
def gptq(w, h, scales, qmax):
    upper = torch.linalg.cholesky(torch.linalg.inv(torch.tensor(h)), upper=True)
    done, error = np.zeros(w.shape), np.zeros(len(w))
    for i, row in enumerate(torch.tensor(w, dtype=torch.float64)):
        for j in range(len(row)):
            done[i, j] = float(torch.clamp(torch.round(row[j] / scales[i, j]), -qmax, qmax)) * scales[i, j]
            e = (row[j] - done[i, j]) / upper[j, j]
            row = torch.cat([row[: j + 1], row[j + 1 :] - e * upper[j, j + 1 :]])
            error[i] += float(e) ** 2
    return done, error


@right("8.5-gptq", "a sum of outer products")
def hessian(x, damp):
    h = np.zeros((x.shape[1], x.shape[1]))
    for row in x:
        h += 2 * np.outer(row, row) / len(x)
    for j in range(len(h)):
        if not x[:, j].any():
            h[j, j] = 1
    h.flat[:: len(h) + 1] += damp * np.trace(h) / len(h)
    return h


# 8.6-awq


def grouped(w, group, bits):
    """`rounded` of the notebook."""
    rows, top = w.reshape(-1, group), 2 ** (bits - 1) - 1
    step = np.abs(rows).max(axis=1, keepdims=True) / top
    step[step == 0] = 1.0
    return (step * np.rint(rows / step)).reshape(w.shape)


def factors(x, alpha):
    s = np.maximum(np.mean(np.abs(x), axis=0) ** alpha, 1e-4)
    return s / np.sqrt(s.max() * s.min())


def loss(w, x, s, group, bits):
    return float(np.mean((x @ (grouped(w * s, group, bits) / s - w).T) ** 2))


def searching(channel_scales, output_loss):
    """The notebook's `awq`, with these for the functions that it calls."""

    def awq(w, x, group, bits):
        losses = [output_loss(w, x, channel_scales(x, i / 20), group, bits) for i in range(20)]
        best = int(np.argmin(losses)) / 20
        return best, channel_scales(x, best)

    return awq


def from_factors(channel_scales):
    return searching(channel_scales, loss)


def from_loss(output_loss):
    return searching(factors, output_loss)


@wrong("8.6-awq", "takes the largest magnitude of each input; AWQ takes the mean", awq=from_factors)
def channel_scales(x, alpha):
    s = np.maximum(np.abs(x).max(axis=0) ** alpha, 1e-4)
    return s / np.sqrt(s.max() * s.min())


@wrong("8.6-awq", "takes the mean of the inputs with their signs, which cancel", awq=from_factors)
def channel_scales(x, alpha):
    s = np.maximum(np.abs(np.mean(x, axis=0)) ** alpha, 1e-4)
    return s / np.sqrt(s.max() * s.min())


@wrong("8.6-awq", "takes the root of the mean square in place of the mean magnitude", awq=from_factors)
def channel_scales(x, alpha):
    s = np.maximum(np.sqrt(np.mean(x**2, axis=0)) ** alpha, 1e-4)
    return s / np.sqrt(s.max() * s.min())


@wrong("8.6-awq", "does not divide by the root of largest times smallest", awq=from_factors)
def channel_scales(x, alpha):
    s = np.maximum(np.mean(np.abs(x), axis=0) ** alpha, 1e-4)
    return s


@wrong("8.6-awq", "divides by largest times smallest, without the root", awq=from_factors)
def channel_scales(x, alpha):
    s = np.maximum(np.mean(np.abs(x), axis=0) ** alpha, 1e-4)
    return s / (s.max() * s.min())


@wrong("8.6-awq", "divides by the mean of the factors; the root of largest times smallest is asked for", awq=from_factors)
def channel_scales(x, alpha):
    s = np.maximum(np.mean(np.abs(x), axis=0) ** alpha, 1e-4)
    return s / s.mean()


@wrong("8.6-awq", "forgets the floor of 1e-4", awq=from_factors)
def channel_scales(x, alpha):
    s = np.mean(np.abs(x), axis=0) ** alpha
    return s / np.sqrt(s.max() * s.min())


@wrong("8.6-awq", "holds the mean at 1e-4 before the power; the floor comes after it", awq=from_factors)
def channel_scales(x, alpha):
    s = np.maximum(np.mean(np.abs(x), axis=0), 1e-4) ** alpha
    return s / np.sqrt(s.max() * s.min())


@wrong("8.6-awq", "turns the factors round: loud inputs get small ones", awq=from_factors)
def channel_scales(x, alpha):
    s = np.maximum(np.mean(np.abs(x), axis=0) ** alpha, 1e-4)
    return np.sqrt(s.max() * s.min()) / s


@wrong("8.6-awq", "takes the power of each magnitude first and then the mean", awq=from_factors)
def channel_scales(x, alpha):
    s = np.maximum(np.mean(np.abs(x) ** alpha, axis=0), 1e-4)
    return s / np.sqrt(s.max() * s.min())


@wrong("8.6-awq", "does not divide by s after rounding", awq=from_loss)
def output_loss(w, x, s, group, bits):
    back = grouped(w * s, group, bits)
    return float(np.mean((x @ (back - w).T) ** 2))


@wrong("8.6-awq", "divides before rounding and multiplies after it: the wrong way round", awq=from_loss)
def output_loss(w, x, s, group, bits):
    back = grouped(w / s, group, bits) * s
    return float(np.mean((x @ (back - w).T) ** 2))


@wrong("8.6-awq", "rounds the weights as they are: s cancels before it can do anything", awq=from_loss)
def output_loss(w, x, s, group, bits):
    back = grouped(w, group, bits)
    return float(np.mean((x @ (back - w).T) ** 2))


@wrong("8.6-awq", "measures the weights; it is the output that counts", awq=from_loss)
def output_loss(w, x, s, group, bits):
    back = grouped(w * s, group, bits) / s
    return float(np.mean((back - w) ** 2))


@wrong("8.6-awq", "adds up in place of taking the mean", awq=from_loss)
def output_loss(w, x, s, group, bits):
    back = grouped(w * s, group, bits) / s
    return float(np.sum((x @ (back - w).T) ** 2))


@wrong("8.6-awq", "takes the root of the mean square", awq=from_loss)
def output_loss(w, x, s, group, bits):
    back = grouped(w * s, group, bits) / s
    return float(np.sqrt(np.mean((x @ (back - w).T) ** 2)))


@wrong("8.6-awq", "takes magnitudes in place of squares", awq=from_loss)
def output_loss(w, x, s, group, bits):
    back = grouped(w * s, group, bits) / s
    return float(np.mean(np.abs(x @ (back - w).T)))


@wrong("8.6-awq", "divides the inputs by s although the weights have been divided already", awq=from_loss)
def output_loss(w, x, s, group, bits):
    back = grouped(w * s, group, bits) / s
    return float(np.mean(((x / s) @ (back - w).T) ** 2))


@wrong("8.6-awq", "takes the alpha with the largest loss")
def awq(w, x, group, bits):
    losses = [loss(w, x, factors(x, i / 20), group, bits) for i in range(20)]
    best = int(np.argmax(losses)) / 20
    return best, factors(x, best)


@wrong("8.6-awq", "takes the place in the grid for alpha: it is not divided by 20")
def awq(w, x, group, bits):
    losses = [loss(w, x, factors(x, i / 20), group, bits) for i in range(20)]
    best = int(np.argmin(losses))
    return best, factors(x, best)


@wrong("8.6-awq", "tries alpha = 1 as well; the grid ends at 19/20")
def awq(w, x, group, bits):
    losses = [loss(w, x, factors(x, i / 20), group, bits) for i in range(21)]
    best = int(np.argmin(losses)) / 20
    return best, factors(x, best)


@wrong("8.6-awq", "does not try alpha = 0, which is plain rounding: so it can become worse than that")
def awq(w, x, group, bits):
    losses = [loss(w, x, factors(x, i / 20), group, bits) for i in range(1, 20)]
    best = (int(np.argmin(losses)) + 1) / 20
    return best, factors(x, best)


@wrong("8.6-awq", "takes the last alpha with the smallest loss; the first one counts")
def awq(w, x, group, bits):
    losses = [loss(w, x, factors(x, i / 20), group, bits) for i in range(20)]
    best = (19 - int(np.argmin(losses[::-1]))) / 20
    return best, factors(x, best)


@wrong("8.6-awq", "spaces the twenty alphas from 0 to 1 with both ends")
def awq(w, x, group, bits):
    losses = [loss(w, x, factors(x, a), group, bits) for a in np.linspace(0, 1, 20)]
    best = float(np.linspace(0, 1, 20)[int(np.argmin(losses))])
    return best, factors(x, best)


@wrong("8.6-awq", "returns alpha = 0.5 without looking")
def awq(w, x, group, bits):
    losses = [loss(w, x, factors(x, i / 20), group, bits) for i in range(20)]
    best = 0.5
    return best, factors(x, best)


@wrong("8.6-awq", "returns the smallest loss in place of its alpha")
def awq(w, x, group, bits):
    losses = [loss(w, x, factors(x, i / 20), group, bits) for i in range(20)]
    best = int(np.argmin(losses)) / 20
    return min(losses), factors(x, best)


right_value("8.6-awq", "all three in short", channel_scales=factors, output_loss=loss, awq=searching(factors, loss))


@right("8.6-awq", "the inputs divided, the weights left multiplied")
def output_loss(w, x, s, group, bits):
    wide = w * s
    return np.square((x / s) @ (grouped(wide, group, bits) - wide).T).mean()


@right("8.6-awq", "a loop that keeps the best so far")
def awq(w, x, group, bits):
    best, kept = np.inf, None
    for i in range(20):
        s = factors(x, i / 20)
        now = loss(w, x, s, group, bits)
        if now < best:
            best, kept = now, [i / 20, s]
    return kept


@right("8.6-awq", "logarithms of the largest and the smallest")
def channel_scales(x, alpha):
    s = np.clip(np.abs(x).mean(0) ** alpha, 1e-4, None)
    return s * np.exp(-(np.log(s.max()) + np.log(s.min())) / 2)


# 8.7-bug


@wrong("8.7-bug", "leaves the bias as it was: what the norm adds is then multiplied by s in the layer")
def smooth(gain, bias, w, largest, alpha):
    s = np.maximum(largest**alpha / np.abs(w).max(axis=0) ** (1 - alpha), 1e-5)
    return gain / s, bias.copy(), w * s


@wrong("8.7-bug", "multiplies the bias by s")
def smooth(gain, bias, w, largest, alpha):
    s = np.maximum(largest**alpha / np.abs(w).max(axis=0) ** (1 - alpha), 1e-5)
    return gain / s, bias * s, w * s


@wrong("8.7-bug", "divides the bias and leaves the gain as it was")
def smooth(gain, bias, w, largest, alpha):
    s = np.maximum(largest**alpha / np.abs(w).max(axis=0) ** (1 - alpha), 1e-5)
    return gain.copy(), bias / s, w * s


@wrong("8.7-bug", "turns everything round: the weights are to be multiplied, gain and bias divided")
def smooth(gain, bias, w, largest, alpha):
    s = np.maximum(largest**alpha / np.abs(w).max(axis=0) ** (1 - alpha), 1e-5)
    return gain * s, bias * s, w / s


@wrong("8.7-bug", "leaves the weights as they were: then the division has nothing to meet")
def smooth(gain, bias, w, largest, alpha):
    s = np.maximum(largest**alpha / np.abs(w).max(axis=0) ** (1 - alpha), 1e-5)
    return gain / s, bias / s, w.copy()


@wrong("8.7-bug", "divides the bias by the square of s")
def smooth(gain, bias, w, largest, alpha):
    s = np.maximum(largest**alpha / np.abs(w).max(axis=0) ** (1 - alpha), 1e-5)
    return gain / s, bias / s**2, w * s


@wrong("8.7-bug", "sets the bias to 0")
def smooth(gain, bias, w, largest, alpha):
    s = np.maximum(largest**alpha / np.abs(w).max(axis=0) ** (1 - alpha), 1e-5)
    return gain / s, np.zeros_like(bias), w * s


@wrong("8.7-bug", "changes nothing at all: the output is right, and nothing was smoothed")
def smooth(gain, bias, w, largest, alpha):
    s = np.maximum(largest**alpha / np.abs(w).max(axis=0) ** (1 - alpha), 1e-5)
    return gain.copy(), bias.copy(), w.copy()


@wrong("8.7-bug", "divides the weights as well")
def smooth(gain, bias, w, largest, alpha):
    s = np.maximum(largest**alpha / np.abs(w).max(axis=0) ** (1 - alpha), 1e-5)
    return gain / s, bias / s, w / s


@wrong("8.7-bug", "takes the floor of s away, which was right before")
def smooth(gain, bias, w, largest, alpha):
    s = largest**alpha / np.abs(w).max(axis=0) ** (1 - alpha)
    return gain / s, bias / s, w * s


@wrong("8.7-bug", "raises the floor of s: the 1e-5 was right before")
def smooth(gain, bias, w, largest, alpha):
    s = np.maximum(largest**alpha / np.abs(w).max(axis=0) ** (1 - alpha), 0.1)
    return gain / s, bias / s, w * s


@wrong("8.7-bug", "exchanges alpha and 1 - alpha, which was right before")
def smooth(gain, bias, w, largest, alpha):
    s = np.maximum(largest ** (1 - alpha) / np.abs(w).max(axis=0) ** alpha, 1e-5)
    return gain / s, bias / s, w * s


@right("8.7-bug", "one inverse for gain and bias")
def smooth(gain, bias, w, largest, alpha):
    s = np.maximum(largest**alpha * np.abs(w).max(axis=0) ** (alpha - 1), 1e-5)
    return (*(np.stack([gain, bias]) / s), w * s)


@right("8.7-bug", "matrices with s on the diagonal, a list")
def smooth(gain, bias, w, largest, alpha):
    s = (
        np.clip(largest**alpha / np.linalg.norm(w, np.inf, axis=0) ** (1 - alpha), 1e-5, None)
        if len(w) == 1
        else np.maximum(largest**alpha / np.max(np.abs(w), axis=0) ** (1 - alpha), 1e-5)
    )
    back = np.diag(1 / s)
    return [gain @ back, bias @ back, w @ np.diag(s)]


# 8.8-mxfp4


def nearest_fp4(x):
    size = np.minimum(np.abs(x), 6.0)
    step = np.where(size < 2, 0.5, np.where(size < 4, 1.0, 2.0))
    return np.sign(x) * step * np.rint(size / step)


def blocks(to_fp4):
    """The notebook's `mxfp4`, with this for the function that it calls."""

    def mxfp4(w):
        parts = w.reshape(-1, 32)
        largest = np.abs(parts).max(axis=1)
        scales = 2.0 ** (np.floor(np.log2(np.where(largest > 0, largest, 4.0))) - 2)
        return (to_fp4(parts / scales[:, None]) * scales[:, None]).reshape(-1), scales

    return mxfp4


@wrong("8.8-mxfp4", "rounds halves up; of two that are equally near, the even code is asked for", mxfp4=blocks)
def to_fp4(x):
    size = np.minimum(np.abs(x), 6.0)
    step = np.where(size < 2, 0.5, np.where(size < 4, 1.0, 2.0))
    return np.sign(x) * step * np.floor(size / step + 0.5)


@wrong("8.8-mxfp4", "rounds halves down; of two that are equally near, the even code is asked for", mxfp4=blocks)
def to_fp4(x):
    size = np.minimum(np.abs(x), 6.0)
    step = np.where(size < 2, 0.5, np.where(size < 4, 1.0, 2.0))
    return np.sign(x) * step * np.ceil(size / step - 0.5)


@wrong("8.8-mxfp4", "does not cut off at 6: 7 and more become numbers that E2M1 does not have", mxfp4=blocks)
def to_fp4(x):
    size = np.abs(x)
    step = np.where(size < 2, 0.5, np.where(size < 4, 1.0, 2.0))
    return np.sign(x) * step * np.rint(size / step)


@wrong("8.8-mxfp4", "takes steps of 0.5 everywhere; beyond 2 and beyond 4 they are larger", mxfp4=blocks)
def to_fp4(x):
    size = np.minimum(np.abs(x), 6.0)
    step = 0.5
    return np.sign(x) * step * np.rint(size / step)


@wrong("8.8-mxfp4", "takes whole numbers: below 2 the steps are 0.5", mxfp4=blocks)
def to_fp4(x):
    size = np.minimum(np.abs(x), 6.0)
    step = np.where(size < 4, 1.0, 2.0)
    return np.sign(x) * step * np.rint(size / step)


@wrong("8.8-mxfp4", "takes steps of 1 up to 6: E2M1 has no 5", mxfp4=blocks)
def to_fp4(x):
    size = np.minimum(np.abs(x), 6.0)
    step = np.where(size < 2, 0.5, 1.0)
    return np.sign(x) * step * np.rint(size / step)


@wrong("8.8-mxfp4", "loses the signs", mxfp4=blocks)
def to_fp4(x):
    size = np.minimum(np.abs(x), 6.0)
    step = np.where(size < 2, 0.5, np.where(size < 4, 1.0, 2.0))
    return step * np.rint(size / step)


@wrong("8.8-mxfp4", "cuts the fraction off in place of rounding", mxfp4=blocks)
def to_fp4(x):
    size = np.minimum(np.abs(x), 6.0)
    step = np.where(size < 2, 0.5, np.where(size < 4, 1.0, 2.0))
    return np.sign(x) * step * np.floor(size / step)


@wrong("8.8-mxfp4", "returns codes, not E2M1 numbers: the step is not multiplied back", mxfp4=blocks)
def to_fp4(x):
    size = np.minimum(np.abs(x), 6.0)
    step = np.where(size < 2, 0.5, np.where(size < 4, 1.0, 2.0))
    return np.sign(x) * np.rint(size / step)


@wrong("8.8-mxfp4", "cuts off at 4: the largest E2M1 number is 6", mxfp4=blocks)
def to_fp4(x):
    size = np.minimum(np.abs(x), 4.0)
    step = np.where(size < 2, 0.5, np.where(size < 4, 1.0, 2.0))
    return np.sign(x) * step * np.rint(size / step)


@wrong("8.8-mxfp4", "rounds the exponent up; it is rounded down, even if the largest number is then cut off")
def mxfp4(w):
    parts = w.reshape(-1, 32)
    largest = np.abs(parts).max(axis=1)
    scales = 2.0 ** (np.ceil(np.log2(np.where(largest > 0, largest, 4.0))) - 2)
    return (nearest_fp4(parts / scales[:, None]) * scales[:, None]).reshape(-1), scales


@wrong("8.8-mxfp4", "rounds the exponent to the nearest; it is rounded down")
def mxfp4(w):
    parts = w.reshape(-1, 32)
    largest = np.abs(parts).max(axis=1)
    scales = 2.0 ** (np.rint(np.log2(np.where(largest > 0, largest, 4.0))) - 2)
    return (nearest_fp4(parts / scales[:, None]) * scales[:, None]).reshape(-1), scales


@wrong("8.8-mxfp4", "forgets to subtract 2: most codes are left unused")
def mxfp4(w):
    parts = w.reshape(-1, 32)
    largest = np.abs(parts).max(axis=1)
    scales = np.where(largest > 0, 2.0 ** np.floor(np.log2(np.where(largest > 0, largest, 1.0))), 1.0)
    return (nearest_fp4(parts / scales[:, None]) * scales[:, None]).reshape(-1), scales


@wrong("8.8-mxfp4", "subtracts 3, as if 8 were the largest E2M1 number's power of 2")
def mxfp4(w):
    parts = w.reshape(-1, 32)
    largest = np.abs(parts).max(axis=1)
    scales = 2.0 ** (np.floor(np.log2(np.where(largest > 0, largest, 8.0))) - 3)
    return (nearest_fp4(parts / scales[:, None]) * scales[:, None]).reshape(-1), scales


@wrong("8.8-mxfp4", "takes the largest magnitude over 6 for the scale; that is not a power of 2")
def mxfp4(w):
    parts = w.reshape(-1, 32)
    largest = np.abs(parts).max(axis=1)
    scales = np.where(largest > 0, largest, 4.0) / 6
    return (nearest_fp4(parts / scales[:, None]) * scales[:, None]).reshape(-1), scales


@wrong("8.8-mxfp4", "does not multiply by the scale on the way back")
def mxfp4(w):
    parts = w.reshape(-1, 32)
    largest = np.abs(parts).max(axis=1)
    scales = 2.0 ** (np.floor(np.log2(np.where(largest > 0, largest, 4.0))) - 2)
    return nearest_fp4(parts / scales[:, None]).reshape(-1), scales


@wrong("8.8-mxfp4", "takes one scale for all blocks")
def mxfp4(w):
    parts = w.reshape(-1, 32)
    largest = np.full(len(parts), np.abs(w).max())
    scales = 2.0 ** (np.floor(np.log2(np.where(largest > 0, largest, 4.0))) - 2)
    return (nearest_fp4(parts / scales[:, None]) * scales[:, None]).reshape(-1), scales


@wrong("8.8-mxfp4", "takes the largest number, not the largest magnitude")
def mxfp4(w):
    parts = w.reshape(-1, 32)
    largest = parts.max(axis=1)
    scales = 2.0 ** (np.floor(np.log2(np.where(largest > 0, largest, 4.0))) - 2)
    return (nearest_fp4(parts / scales[:, None]) * scales[:, None]).reshape(-1), scales


@wrong("8.8-mxfp4", "takes the logarithm of 0 for a block of zeros")
def mxfp4(w):
    parts = w.reshape(-1, 32)
    with np.errstate(all="ignore"):
        scales = 2.0 ** (np.floor(np.log2(np.abs(parts).max(axis=1))) - 2)
        return np.nan_to_num(nearest_fp4(parts / scales[:, None]) * scales[:, None]).reshape(-1), scales


@wrong("8.8-mxfp4", "returns the exponents in place of the scales")
def mxfp4(w):
    parts = w.reshape(-1, 32)
    largest = np.abs(parts).max(axis=1)
    scales = 2.0 ** (np.floor(np.log2(np.where(largest > 0, largest, 4.0))) - 2)
    return (nearest_fp4(parts / scales[:, None]) * scales[:, None]).reshape(-1), np.log2(scales)


@wrong("8.8-mxfp4", "divides twice: on the way back the scale is multiplied")
def mxfp4(w):
    parts = w.reshape(-1, 32)
    largest = np.abs(parts).max(axis=1)
    scales = 2.0 ** (np.floor(np.log2(np.where(largest > 0, largest, 4.0))) - 2)
    return (nearest_fp4(parts / scales[:, None]) / scales[:, None]).reshape(-1), scales


@right("8.8-mxfp4", "exponents by frexp, in float32")
def mxfp4(w):
    parts = w.reshape(-1, 32)
    largest = np.abs(parts).max(axis=1, keepdims=True)
    scales = np.where(largest > 0, np.ldexp(1.0, np.frexp(largest)[1] - 3), 1.0)
    values = nearest_fp4(parts / scales) * scales
    return [values.ravel(), scales.ravel().astype(np.float32)]


@right("8.8-mxfp4", "a list of the eight numbers, the even code where two are equally near")
def to_fp4(x):
    numbers = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0]
    out = np.zeros(x.shape)
    for at, value in np.ndenumerate(x):
        size = abs(value)
        best = min(range(8), key=lambda code: (abs(numbers[code] - size), code % 2))
        out[at] = numbers[best] if value > 0 else -numbers[best]
    return out


@right("8.8-mxfp4", "the half-way points, each with its side")
def to_fp4(x):
    size, numbers = np.abs(x), np.array([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0])
    above = [size > 0.25, size >= 0.75, size > 1.25, size >= 1.75, size > 2.5, size >= 3.5, size > 5.0]
    return np.copysign(numbers[np.sum(above, axis=0)], x)
