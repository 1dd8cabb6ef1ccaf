"""The visible checks of lesson 08. They run in the student's kernel on small inputs.

Where something is rounded, no input stands so near to half-way between two levels that float32 arithmetic could turn it.
"""

from statistics import NormalDist

import numpy as np

from autograder.checks import exercise
from autograder.checks.expect import all_of, close, dtype, equal, kind_of, letter, real_number, several, show, shown_apart, that

FLOAT32 = float(np.finfo(np.float32).eps)
CLEAR = 0.01  # of a step: so far from half-way is what must be rounded


def floats(value, shape, what, on):
    """A finite NumPy array of floats of this shape, in float64."""
    that(isinstance(value, np.ndarray), f"{what} should be a NumPy array, not {kind_of(value)}; {on}.")
    that(value.shape == tuple(shape), f"{what} should have the shape {tuple(shape)}; it has {value.shape}; {on}.")
    that(value.dtype.kind == "f", f"{what} should hold floats; the data type is {value.dtype}; {on}.")
    that(bool(np.isfinite(value).all()), f"{what} holds NaN or infinity; {on}.")
    return value.astype(np.float64)


def whole(value, kind, shape, what, on):
    """A NumPy array of this integer type and shape, in int64."""
    that(isinstance(value, np.ndarray), f"{what} should be a NumPy array, not {kind_of(value)}; {on}.")
    that(value.shape == tuple(shape), f"{what} should have the shape {tuple(shape)}; it has {value.shape}; {on}.")
    dtype(value, kind, what=f"{what}, {on}")
    return value.astype(np.int64)


def is_clear(x):
    """No number of x is near half-way between two whole numbers."""
    return bool((np.abs(np.abs(x - np.rint(x)) - 0.5) > CLEAR).all())


# 8.1


@exercise("8.1-predict")
def test_predict_one_loud_weight(student, rng):
    chosen = letter(student.value("predict_8_1"), "predict_8_1")
    that(chosen == "c", f"({chosen}) is not it. How far apart do the levels stand, and how small are the other weights?")


# 8.2


def groups_of(w, group, bits):
    """(codes, scales), group after group."""
    codes, scales = np.zeros(w.shape, np.int64), np.ones((len(w), w.shape[1] // group))
    for (i, g), _ in np.ndenumerate(scales):
        own = slice(g * group, (g + 1) * group)
        top = max(abs(float(v)) for v in w[i, own])
        if top:
            scales[i, g] = top / (2 ** (bits - 1) - 1)
        codes[i, own] = [round(float(v) / scales[i, g]) for v in w[i, own]]
    return codes, scales


def clear_groups(rng, rows, columns, group, bits, kind=np.float64):
    """Random weights of unequal groups, none near half-way."""
    while True:
        w = rng.normal(size=(rows, columns)) * np.repeat(np.exp(rng.normal(size=(rows, columns // group))), group, axis=1)
        w = w.astype(kind)
        _, scales = groups_of(w, group, bits)
        if is_clear(w / np.repeat(scales, group, axis=1)):
            return w


def check_groups(student, w, group, bits, on):
    codes, scales = several(student.quantize_groups(w, group, bits), 2, "quantize_groups")
    want_codes, want_scales = groups_of(w, group, bits)
    got_codes = whole(codes, np.int8, w.shape, "The array of codes", on)
    close(floats(scales, want_scales.shape, "The array of scales", on), want_scales, rel=4 * FLOAT32, what="the scales", on=on)
    equal(got_codes, want_codes, what="the codes", on=on)


def check_groups_back(student, codes, scales, on):
    want = codes * np.repeat(scales, codes.shape[1] // scales.shape[1], axis=1)
    got = floats(student.dequantize_groups(codes, scales), codes.shape, "The result of dequantize_groups", on)
    close(got, want, rel=4 * FLOAT32, what="the weights", on=on)


def check_bits(student, want, *args, on):
    got = real_number(student.bits_a_weight(*args), "The result of bits_a_weight", on)
    close(got, want, rel=4 * FLOAT32, what="the bits a weight", on=on)


def paying(student, *args):
    """The bits a weight for these arguments: bits, group, scale_bits and, if given, zero_bits."""
    bits, group, scale_bits, zero_bits = (*args, 0)[:4]
    said = f"{bits} bits, groups of {group}, {scale_bits} bits a scale" + (f", {zero_bits} bits a zero point" if args[3:] else "")
    check_bits(student, bits + scale_bits / group + zero_bits / group, *args, on=said)


TWO_GROUPS = np.array([[7.0, -3.0, 0.2, 1.0, 0.7, -0.3, 0.1, 0.0]])


@exercise("8.2-groups")
def test_two_groups_of_the_worked_example(student, rng):
    wide = np.vstack([TWO_GROUPS, 10 * TWO_GROUPS[:, ::-1]])
    codes = np.array([[7, -3, 0, 1, 7, -3, 1, 0], [0, 3, -7, 2, 1, 0, -1, 5]], np.int8)
    scales = np.array([[1.0, 0.1], [0.5, 2.0]])
    all_of(
        (check_groups, student, TWO_GROUPS, 4, 4, f"w = {TWO_GROUPS.tolist()}, groups of 4, 4 bits"),
        (check_groups, student, wide, 4, 4, "the row of the worked example and ten times its reverse, groups of 4, 4 bits"),
        (check_groups, student, TWO_GROUPS, 8, 8, f"w = {TWO_GROUPS.tolist()}, one group of 8, 8 bits"),
        (check_groups, student, wide, 2, 3, "the row of the worked example and ten times its reverse, groups of 2, 3 bits"),
        (check_groups_back, student, codes, scales, "codes in 2 rows of 8, scales [[1, 0.1], [0.5, 2]]"),
        (check_groups_back, student, codes[:1, :6], np.array([[1.0, 0.5, 3.0]]), "codes [[7, -3, 0, 1, 7, -3]], scales [[1, 0.5, 3]]"),
    )


@exercise("8.2-groups")
def test_a_group_of_zeros(student, rng):
    w = np.array([[0.0, 0.0, 3.0, -7.0]])
    check_groups(student, w, 2, 4, f"w = {w.tolist()}, groups of 2, 4 bits")


@exercise("8.2-groups")
def test_a_group_of_tiny_weights(student, rng):
    w = np.array([[3e-9, -7e-9, 3.0, -7.0]])
    check_groups(student, w, 2, 4, f"w = {w.tolist()}, groups of 2, 4 bits")


@exercise("8.2-groups")
def test_bits_of_four_formats(student, rng):
    all_of(
        (paying, student, 4, 64, 32),
        (paying, student, 4, 128, 16, 4),
        (paying, student, 3, 32, 16),
        (paying, student, 4, 10, 16),
        (paying, student, 4, 64, 8 + 32 / 256),
        (paying, student, 8, 32, 16.0, 8.0),
    )


# 8.3


def pairs_of(codes):
    stored = [int(c) + 8 for c in codes] + [0] * (len(codes) % 2)
    return np.array([low + 16 * high for low, high in zip(stored[::2], stored[1::2])], np.int64)


def halves_of(codes):
    stored = np.asarray(codes, np.int64).reshape(-1, 32) + 8
    return (stored[:, :16] + 16 * stored[:, 16:]).reshape(-1)


def check_packed(got, want, on, name="pack_pairs"):
    equal(whole(got, np.uint8, want.shape, f"The result of {name}", on), want, what="the bytes", on=on)


def check_pairs(student, codes, on):
    check_packed(student.pack_pairs(codes), pairs_of(codes), on)


def check_unpacked(student, codes, on):
    packed = pairs_of(codes).astype(np.uint8)
    got = whole(student.unpack_pairs(packed, len(codes)), np.int8, (len(codes),), "The result of unpack_pairs", on)
    equal(got, np.asarray(codes, np.int64), what="the codes", on=on)


def check_halves(student, codes, on):
    check_packed(student.pack_halves(codes), halves_of(codes), on, "pack_halves")


@exercise("8.3-pack")
def test_three_codes_of_the_worked_example(student, rng):
    three, six, five = np.array([3, -1, -8], np.int8), np.array([7, -8, 0, 1, -2, 5]), np.array([-3, 4, 0, -7, 2])
    all_of(
        (check_pairs, student, three, "codes [3, -1, -8]"),
        (check_pairs, student, six, f"codes {six.tolist()}"),
        (check_pairs, student, five, f"codes {five.tolist()}"),
        (check_unpacked, student, three, "bytes [123, 0], n = 3"),
        (check_unpacked, student, six.astype(np.int8), f"bytes {pairs_of(six).tolist()}, n = 6"),
    )


@exercise("8.3-pack")
def test_halves_of_one_block_and_of_two(student, rng):
    block = np.array([(7 * i + i // 16) % 16 - 8 for i in range(32)], np.int8)
    two = np.random.default_rng(83).integers(-8, 8, 64)
    all_of(
        (check_halves, student, block, f"codes {block.tolist()}"),
        (check_halves, student, np.where(np.arange(32) < 16, -8, 7), "16 codes of -8, then 16 of 7"),
        (check_halves, student, two, "64 codes, two blocks"),
    )


# 8.4


def levels_of(bits):
    n, quantile = 2**bits, NormalDist().inv_cdf
    edge = 1 - (1 / (2 * n) + 1 / (2 * n - 2)) / 2
    above = [quantile(edge + (0.5 - edge) * i / (n // 2)) for i in range(n // 2)]
    below = [-quantile(edge + (0.5 - edge) * i / (n // 2 - 1)) for i in range(n // 2 - 1)]
    return np.array(sorted([*below, 0.0, *above])) / above[0]


def check_levels(student, bits):
    on, want = f"bits = {bits}", levels_of(bits)
    got = floats(student.normal_levels(bits), want.shape, "The result of normal_levels", on)
    close(got, want, abs=4 * FLOAT32, what="the levels", on=on)
    that(bool((got == 0).any()), f"None of the levels is exactly 0; {on}.")


def blocks_of(w, levels, block):
    """(codes, absmax, how far the nearest level is nearer than the second) of the text."""
    codes, largest, margin = [], [], np.inf
    for start in range(0, len(w), block):
        part = np.asarray(w[start : start + block], float)
        largest.append(np.abs(part).max())
        away = np.abs(part[:, None] / (largest[-1] or 1.0) - levels)
        codes += list(away.argmin(axis=1))
        two = np.sort(away, axis=1)[:, :2]
        margin = min(margin, (two[:, 1] - two[:, 0]).min())
    return np.array(codes), np.array(largest), margin


def clear_blocks(rng, n, levels, block, size=1.0):
    while True:
        w = size * rng.normal(size=n) * np.repeat(np.exp(rng.normal(size=-(-n // block))), block)[:n]
        if blocks_of(w, levels, block)[2] > 1e-4:
            return w


def check_blocks(student, w, levels, block, on):
    codes, absmax = several(student.quantize_levels(w, levels, block), 2, "quantize_levels")
    want_codes, want_absmax, _ = blocks_of(w, levels, block)
    got = whole(codes, np.uint8, w.shape, "The array of codes", on)
    close(floats(absmax, want_absmax.shape, "The array absmax", on), want_absmax, rel=4 * FLOAT32, what="absmax", on=on)
    equal(got, want_codes, what="the codes", on=on)


def check_blocks_back(student, codes, absmax, levels, block, on):
    want = np.array([levels[code] * absmax[i // block] for i, code in enumerate(codes)])
    got = floats(student.dequantize_levels(codes, absmax, levels, block), want.shape, "The result of dequantize_levels", on)
    close(got, want, rel=4 * FLOAT32, what="the numbers", on=on)


FOUR_LEVELS = np.array([-1.0, 0.0, 0.4358, 1.0])


@exercise("8.4-nf4")
def test_levels_of_two_bits_and_of_nf4(student, rng):
    all_of((check_levels, student, 2), (check_levels, student, 4), (check_levels, student, 3))


@exercise("8.4-nf4")
def test_blocks_of_the_worked_example(student, rng):
    w, on = np.array([2.0, -1.5, 0.2, 0.5]), "levels [-1, 0, 0.4358, 1]"
    longer = np.array([0.5, -0.1, 3.0, -0.3, -4.0, 0.9, 2.2])
    codes = np.array([3, 0, 1, 2, 0, 3, 2], np.uint8)
    all_of(
        (check_blocks, student, w, FOUR_LEVELS, 3, f"w = {w.tolist()}, {on}, blocks of 3"),
        (check_blocks, student, longer, FOUR_LEVELS, 2, f"w = {longer.tolist()}, {on}, blocks of 2"),
        (check_blocks, student, longer, np.linspace(-1, 1, 9), 7, f"w = {longer.tolist()}, nine even levels from -1 to 1, one block of 7"),
        (
            check_blocks_back,
            student,
            codes,
            np.array([2.0, 0.5, 8.0]),
            FOUR_LEVELS,
            3,
            f"codes {codes.tolist()}, absmax [2, 0.5, 8], {on}, blocks of 3",
        ),
        (
            check_blocks_back,
            student,
            codes,
            np.array([1.0, 3.0, 0.5, 2.0]),
            FOUR_LEVELS,
            2,
            f"codes {codes.tolist()}, absmax [1, 3, 0.5, 2], {on}, blocks of 2",
        ),
    )


@exercise("8.4-nf4")
def test_a_block_of_zeros(student, rng):
    w = np.array([0.0, 0.0, -3.0, 0.5])
    check_blocks(student, w, FOUR_LEVELS, 2, f"w = {w.tolist()}, levels {FOUR_LEVELS.tolist()}, blocks of 2")


@exercise("8.4-nf4")
def test_a_block_of_tiny_numbers(student, rng):
    w = np.array([2e-9, -1.5e-9, 0.2e-9, 0.5])
    check_blocks(student, w, FOUR_LEVELS, 3, f"w = {w.tolist()}, levels {FOUR_LEVELS.tolist()}, blocks of 3")


# 8.5


def hessian_of(x, damp):
    h = 2 / len(x) * np.einsum("si,sj->ij", x, x)
    h[np.diag_indices(len(h))] += np.where(np.diag(h) == 0, 1.0, 0.0)
    return h + damp * np.trace(h) / len(h) * np.eye(len(h))


def check_hessian(student, x, damp, on):
    want = hessian_of(x, damp)
    got = floats(student.hessian(x, damp), want.shape, "The result of hessian", on)
    close(got, want, abs=8 * FLOAT32 * np.abs(want).max(), what="H", on=on)


def solved(w, h, scales, qmax):
    """(rounded weights by brute force, whether float32 arithmetic would round alike, how many weights were clipped)."""
    now, done, clear, clipped = w.copy(), np.zeros(w.shape), True, 0
    for j in range(w.shape[1]):
        share = now[:, j] / scales[:, j]
        clear, clipped = clear and is_clear(share), clipped + int(np.sum(np.abs(share) > qmax + 0.5))
        done[:, j] = scales[:, j] * np.clip(np.rint(share), -qmax, qmax)
        gap, rest = w[:, : j + 1] - done[:, : j + 1], slice(j + 1, None)
        now[:, rest] = w[:, rest] + np.linalg.solve(h[rest, rest], h[rest, : j + 1] @ gap.T).T
    return done, clear, clipped


def check_gptq(student, w, h, scales, qmax, on):
    rounded, error = several(student.gptq(w, h, scales, qmax), 2, "gptq")
    want, _, _ = solved(w, h, scales, qmax)
    rounded = floats(rounded, w.shape, "The rounded weights", on)
    error = floats(error, (len(w),), "The error of each row", on)
    close(rounded, want, rel=8 * FLOAT32, what="the rounded weights", on=on)
    gap = w - want
    true = np.einsum("ri,ij,rj->r", gap, h, gap)
    slack = 8 * FLOAT32 * np.linalg.cond(h) * len(h)
    close(
        error,
        true,
        rel=slack,
        abs=slack * float(np.abs(true).max()),
        what="the error of each row, which should be the sum of e squared",
        on=on,
    )


LINKED = np.array([[1.0, 0.8], [0.8, 1.0]])


@exercise("8.5-gptq")
def test_the_row_of_the_worked_example(student, rng):
    w = np.array([[0.4, 0.3]])
    all_of(
        (check_gptq, student, w, LINKED, np.ones((1, 2)), 7, "w = [[0.4, 0.3]], H = [[1, 0.8], [0.8, 1]], scales 1, qmax 7"),
        (
            check_gptq,
            student,
            np.array([[0.4, 0.3], [-2.2, 1.3]]),
            LINKED,
            np.array([[0.5, 0.2], [1.0, 0.7]]),
            3,
            "two rows, H = [[1, 0.8], [0.8, 1]], unequal scales, qmax 3",
        ),
        (
            check_gptq,
            student,
            np.array([[5.2, -0.3]]),
            LINKED,
            np.ones((1, 2)),
            3,
            "w = [[5.2, -0.3]], H = [[1, 0.8], [0.8, 1]], scales 1, qmax 3: one code is clipped",
        ),
        (
            check_gptq,
            student,
            np.array([[-5.2, 0.3]]),
            LINKED,
            np.ones((1, 2)),
            3,
            "w = [[-5.2, 0.3]], H = [[1, 0.8], [0.8, 1]], scales 1, qmax 3",
        ),
    )


@exercise("8.5-gptq")
def test_three_columns(student, rng):
    h = np.array([[2.0, 1.2, 0.4], [1.2, 1.5, -0.6], [0.4, -0.6, 1.0]])
    w = np.array([[0.4, 1.3, -0.7], [2.3, -0.4, 0.2]])
    check_gptq(
        student, w, h, np.array([[1.0, 0.5, 1.0], [1.0, 1.0, 0.8]]), 7, f"w = {w.tolist()}, H = {h.tolist()}, unequal scales, qmax 7"
    )


@exercise("8.5-gptq")
def test_matrix_of_four_samples(student, rng):
    x = np.array([[1.0, 2.0], [0.0, 1.0], [-1.0, 0.0], [2.0, 3.0]])
    dead = np.array([[1.0, 0.0, 2.0], [3.0, 0.0, -1.0]])
    cancelling = np.array([[0.0, 2.0], [1.0, 3.0], [-1.0, 1.0]])
    all_of(
        (check_hessian, student, x, 0.01, f"x = {x.tolist()}, damp 0.01"),
        (check_hessian, student, x, 0.5, f"x = {x.tolist()}, damp 0.5"),
        (check_hessian, student, dead, 0.1, f"x = {dead.tolist()}, damp 0.1: the middle input is dead"),
        (check_hessian, student, cancelling, 0.1, f"x = {cancelling.tolist()}, damp 0.1: no input is dead"),
    )


# 8.6


def factors_of(x, alpha):
    powers = [max((sum(map(abs, column)) / len(column)) ** alpha, 1e-4) for column in x.T.tolist()]
    return np.array(powers) / (max(powers) * min(powers)) ** 0.5


def step_of(w, group, bits):
    return np.abs(w.reshape(-1, group)).max(axis=1, keepdims=True) / (2 ** (bits - 1) - 1)


def loss_of(w, x, s, group, bits):
    """(loss, whether float32 arithmetic would round alike)"""
    step = step_of(w * s, group, bits)
    share = (w * s).reshape(-1, group) / step
    back = (step * np.rint(share)).reshape(w.shape) / s
    return float(np.mean(((back - w) @ x.T) ** 2)), is_clear(share)


def awq_of(w, x, group, bits):
    """(alpha, factors, by how much the best loss is less than the next: a share)."""
    losses = np.array([loss_of(w, x, factors_of(x, i / 20), group, bits)[0] for i in range(20)])
    best = int(losses.argmin())
    return best / 20, factors_of(x, best / 20), 1 - losses[best] / np.delete(losses, best).min()


def check_factors(student, x, alpha, on):
    want = factors_of(x, alpha)
    got = floats(student.channel_scales(x, alpha), want.shape, "The result of channel_scales", on)
    close(got, want, rel=16 * FLOAT32, what="the factors s", on=on)


def check_loss(student, w, x, s, group, bits, on):
    want = loss_of(w, x, s, group, bits)[0]
    got = real_number(student.output_loss(w, x, s, group, bits), "The result of output_loss", on)
    close(got, want, rel=1e-4, what="the loss", on=on)  # float32 cancels: an error of a tenth of a weight has 6 digits left


def check_given(student, w, group, bits):
    """`rounded` stands in the cell as it was given."""
    step = step_of(w, group, bits)
    want = (step * np.rint(w.reshape(-1, group) / step)).reshape(w.shape)
    got = floats(student.rounded(w, group, bits), w.shape, "The result of rounded", f"groups of {group}, {bits} bits")
    close(
        got,
        want,
        rel=8 * FLOAT32,
        what="`rounded`, which is given and stays as it is",
        on=f"w = {w.tolist()}, groups of {group}, {bits} bits",
    )


def check_awq(student, w, x, group, bits, on):
    alpha, s, _ = awq_of(w, x, group, bits)
    got_alpha, got_s = several(student.awq(w, x, group, bits), 2, "awq")
    close(real_number(got_alpha, "alpha", on), alpha, abs=FLOAT32, what="alpha", on=on)
    close(floats(got_s, s.shape, "The factors of awq", on), s, rel=16 * FLOAT32, what="the factors of awq", on=on)


def loud_layer(rng, rows=6, columns=8, samples=40, loud=20.0, planted=False):
    """(w, x): two inputs are loud; `planted`: their weights are small."""
    w, x, at = rng.normal(size=(rows, columns)), rng.normal(size=(samples, columns)), rng.permutation(columns)[:2]
    x[:, at] *= loud
    if planted:
        w[:, at] /= loud
    return w, x


def layer_for_awq(rng, group, bits, accept=lambda alpha: True, **settings):
    """A layer of which one alpha is clearly the best, and nothing is rounded near half-way on the grid there."""
    while True:
        w, x = loud_layer(rng, **settings)
        alpha, s, margin = awq_of(w, x, group, bits)
        if margin > 0.01 and accept(alpha):
            return w, x


@exercise("8.6-awq")
def test_factors_of_the_worked_example(student, rng):
    x = np.array([[16.0, -1.0], [-16.0, 1.0]])
    quiet = np.array([[1.0, 1e-6], [-3.0, 2e-6]])
    uneven = np.array([[9.0, -1.0, 0.2], [-1.0, 3.0, 0.3], [2.0, -2.0, 0.1]])
    all_of(
        (check_factors, student, x, 0.5, f"x = {x.tolist()}, alpha 0.5"),
        (check_factors, student, x, 0.0, f"x = {x.tolist()}, alpha 0"),
        (check_factors, student, quiet, 0.75, f"x = {quiet.tolist()}, alpha 0.75: the second factor is held at 1e-4"),
        (check_factors, student, uneven, 0.75, f"x = {uneven.tolist()}, alpha 0.75"),
    )


@exercise("8.6-awq")
def test_loss_of_two_rows(student, rng):
    w, x = (
        np.array([[0.9, 0.2, -0.5, 0.31], [-0.1, 0.8, 0.33, 0.7]]),
        np.array([[1.0, 9.0, -1.0, 2.0], [0.5, -8.0, 2.0, -1.0], [2.0, 7.0, 0.0, 1.0]]),
    )
    s = np.array([0.5, 2.0, 0.7, 1.0])
    all_of(
        (check_given, student, w, 2, 4),
        (check_given, student, 3 * w[:1], 4, 3),
        (check_loss, student, w, x, np.ones(4), 2, 4, "2 x 4 weights, 3 samples, s = 1, groups of 2, 4 bits"),
        (check_loss, student, w, x, s, 2, 4, f"2 x 4 weights, 3 samples, s = {s.tolist()}, groups of 2, 4 bits"),
        (check_loss, student, w, x, s, 4, 3, f"2 x 4 weights, 3 samples, s = {s.tolist()}, groups of 4, 3 bits"),
    )


@exercise("8.6-awq")
def test_the_grid_on_two_layers(student, rng):
    own = np.random.default_rng(86)
    middle = layer_for_awq(own, 4, 4, lambda alpha: 0.2 < alpha < 0.7)
    end = layer_for_awq(own, 8, 3, lambda alpha: alpha == 0.95, planted=True)
    signs = np.sign(own.normal(size=(12, 8)))
    all_of(
        (check_awq, student, *middle, 4, 4, "6 x 8 weights, two loud inputs, groups of 4, 4 bits"),
        (check_awq, student, *end, 8, 3, "6 x 8 weights, two loud inputs with small weights, groups of 8, 3 bits"),
        (check_awq, student, middle[0], signs, 4, 4, "6 x 8 weights, all inputs 1 or -1: every alpha has the same loss, the first counts"),
    )


# 8.7


def smoothed(gain, w, largest, alpha):
    """The new gain and weights; the new bias follows from the output."""
    s = [max(m**alpha * np.abs(column).max() ** (alpha - 1), 1e-5) for m, column in zip(largest, w.T)]
    return gain / np.array(s), np.stack([column * factor for column, factor in zip(w.T, s)], axis=1)


def check_smooth(student, gain, bias, w, largest, alpha, on):
    got = student.smooth(gain, bias, w, largest, alpha)
    got = several(got, 3, "smooth", on)
    new = [floats(part, like.shape, f"The {name} of smooth", on) for part, like, name in zip(got, (gain, bias, w), ("gain", "bias", "w"))]
    normal = np.vstack([np.zeros_like(gain), np.ones_like(gain), np.linspace(-2, 2, len(gain))])
    was, now = (normal * gain + bias) @ w.T, (normal * new[0] + new[1]) @ new[2].T
    size = (np.abs(normal * gain) + np.abs(bias)) @ np.abs(w).T
    same = (np.abs(now - was) <= 32 * FLOAT32 * size.max() * len(gain)).all(axis=1)
    for words, before, after, fits in zip(("zeros", "ones", "numbers from -2 to 2"), was, now, same, strict=True):
        that(
            bool(fits),
            f"The layer's output is not what it was before smoothing: for a normalised input of {words} it was {show(before)} and is now "
            f"{shown_apart(after, before)}; {on}.",
        )
    for part, want, name in zip(new[::2], smoothed(gain, w, largest, alpha), ("gain", "w")):
        close(part, want, rel=32 * FLOAT32, what=f"the new {name}", on=on)


@exercise("8.7-bug")
def test_the_layer_computes_what_it_did(student, rng):
    w, largest = np.array([[1.0, -4.0], [0.5, 2.0]]), np.array([16.0, 1.0])
    gain, bias, quiet = np.array([8.0, 0.5]), np.array([2.0, -0.25]), np.array([1e-9, 0.02])
    all_of(
        (check_smooth, student, gain, bias, w, largest, 0.5, "the worked example with gain [8, 0.5] and bias [2, -0.25], alpha 0.5"),
        (check_smooth, student, gain, bias, w, largest, 1.0, "the worked example with gain [8, 0.5] and bias [2, -0.25], alpha 1"),
        (check_smooth, student, gain, 0 * bias, w, largest, 0.25, "the worked example with gain [8, 0.5] and no bias, alpha 0.25"),
        (check_smooth, student, gain, bias, w, quiet, 1.0, f"the same layer, largest inputs {quiet.tolist()}, alpha 1: s is [1e-5, 0.02]"),
    )


# 8.8

E2M1 = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0])  # the place is the code


def fp4_of(x):
    away = np.abs(np.abs(np.asarray(x, float))[..., None] - E2M1)
    nearest = away <= away.min(axis=-1, keepdims=True)
    even = np.where(nearest & (np.arange(8) % 2 == 0), 1, 0) + np.where(nearest, 1, 0)  # of two that are equally near, the even code
    return np.sign(x) * E2M1[even.argmax(axis=-1)]


def check_fp4(student, x, on):
    got = floats(student.to_fp4(x), x.shape, "The result of to_fp4", on)
    equal(got, fp4_of(x), what="the E2M1 numbers", on=on)


def mx_of(w):
    """(values, scales), found by counting exponents."""
    parts, scales = np.asarray(w, float).reshape(-1, 32), []
    for part in parts:
        largest, scale = np.abs(part).max(), 1.0
        if largest:
            while scale * 8 <= largest:
                scale *= 2
            while scale * 4 > largest:
                scale /= 2
        scales.append(scale)
    scales = np.array(scales)
    return (fp4_of(parts / scales[:, None]) * scales[:, None]).reshape(-1), scales


def check_mx(student, w, on):
    values, scales = several(student.mxfp4(w), 2, "mxfp4")
    want_values, want_scales = mx_of(w)
    equal(floats(scales, want_scales.shape, "The array of scales", on), want_scales, what="the scales", on=on)
    equal(floats(values, w.shape, "The values of mxfp4", on), want_values, what="the values", on=on)


HALVES = np.array([0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5.0])


@exercise("8.8-mxfp4")
def test_halves_and_signs_and_what_is_beyond(student, rng):
    others = np.array([[0.2, 0.3, 0.8, 1.9], [2.2, 2.8, 4.9, 5.1], [6.0, 7.0, 100.0, 0.0]])
    all_of(
        (check_fp4, student, HALVES, f"x = {HALVES.tolist()}"),
        (check_fp4, student, -HALVES, f"x = {(-HALVES).tolist()}"),
        (check_fp4, student, others, f"x = {others.tolist()}"),
        (check_fp4, student, np.concatenate([-E2M1[1:], E2M1]), "the E2M1 numbers themselves"),
    )


@exercise("8.8-mxfp4")
def test_blocks_whose_largest_is_12_and_7_9(student, rng):
    ramp = np.linspace(-1, 1, 32)
    blocks = {"12": 12 * ramp, "7.9": 7.9 * ramp, "4": 4 * ramp, "0.3": 0.3 * ramp}
    asked = [(check_mx, student, w, f"32 even steps from -{name} to {name}") for name, w in blocks.items()]
    asked.append((check_mx, student, np.linspace(-12, 1, 32), "32 even steps from -12 to 1"))
    all_of(*asked, (check_mx, student, np.concatenate([blocks["12"], blocks["0.3"]]), "two blocks, the largest magnitudes are 12 and 0.3"))


@exercise("8.8-mxfp4")
def test_one_block_of_zeros(student, rng):
    w = np.concatenate([np.zeros(32), np.linspace(-5, 5, 32)])
    check_mx(student, w, "a block of zeros and 32 even steps from -5 to 5")
