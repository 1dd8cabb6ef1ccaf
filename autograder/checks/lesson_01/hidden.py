"""The hidden checks of lesson 01: laws on random inputs. They run only when grading.

Of each exercise the first check is the core; later ones are edge cases.
Random floats are built as (whole gaps + a part of a gap away from one half),
so a right answer in float32 and one in float64 get the same codes.
"""

import numpy as np

from autograder.checks import exercise
from autograder.checks.expect import close, dtype, equal, is_integer, is_number, kind_of, letter, raises, that
from autograder.checks.lesson_01.visible import codes_array, pair


def off_ties(rng, gaps, widest=0.45):
    """Whole numbers moved by less than half: no rounding rule and no float32 error changes their code."""
    return gaps + rng.uniform(-widest, widest, np.shape(gaps))


# 1.1


@exercise("1.1-predict", points=5)
def test_predict_is_half_of_one_of_255_gaps(student, rng):
    that(letter(student.value("predict_1_1"), "predict_1_1") == "c", "The prediction is not right.")


# 1.2


def check_scale_and_zero_point(got, lo, hi, qmin, qmax):
    scale, zero_point = pair(got, "scale_and_zero_point")
    lo, hi = min(lo, 0.0), max(hi, 0.0)
    want = (hi - lo) / (qmax - qmin)
    on = f"floats from {lo:.4g} to {hi:.4g} (widened), codes {qmin} to {qmax}"
    close(scale, want, rel=1e-6, what="the scale", on=on)
    that(is_integer(zero_point), f"The zero point should be an integer; it is {kind_of(zero_point)}.")
    that(qmin <= zero_point <= qmax, f"The zero point {zero_point} lies outside the codes {qmin} to {qmax}; {on}.")
    # Rounding moves it by at most one half; 1e-6 relative of the scale moves lo / scale by this much more.
    slack = 1e-6 * (qmax - qmin)
    that(
        abs(float(zero_point) - (qmin - lo / want)) <= 0.5 + slack,
        f"The zero point should be the integer nearest to {qmin - lo / want:.3f}; it is {zero_point}; {on}.",
    )


@exercise("1.2-scale", points=9)
def test_scale_of_random_ranges(student, rng):
    widths = [2, 16] + [int(b) for b in rng.integers(3, 16, 4)]
    for bits in widths:
        unsigned = pair(student.integer_range(bits, False), "integer_range")
        signed = pair(student.integer_range(bits, True), "integer_range")
        half = 2 ** (bits - 1)
        for got, want, word in ((unsigned, (0, 2 * half - 1), "unsigned"), (signed, (-half, half - 1), "signed")):
            equal(got[0], want[0], what=f"the smallest {word} code of {bits} bits")
            equal(got[1], want[1], what=f"the largest {word} code of {bits} bits")
    for bits in widths:
        for qmin, qmax in ((0, 2**bits - 1), (-(2**bits) // 2, 2**bits // 2 - 1)):
            lo, hi = -float(rng.uniform(0.1, 9)), float(rng.uniform(0.1, 9))
            check_scale_and_zero_point(student.scale_and_zero_point(lo, hi, qmin, qmax), lo, hi, qmin, qmax)


@exercise("1.2-scale", points=4)
def test_ranges_on_one_side_of_zero(student, rng):
    for qmin, qmax in ((0, 255), (-128, 127), (0, 15), (-8, 7)):
        near, far = sorted(float(v) for v in rng.uniform(0.5, 20, 2))
        for lo, hi in ((near, far), (-far, -near), (near, near), (-far, -far), (0.0, far), (-far, 0.0)):
            check_scale_and_zero_point(student.scale_and_zero_point(lo, hi, qmin, qmax), lo, hi, qmin, qmax)


@exercise("1.2-scale", points=2)
def test_range_of_nothing_but_zero(student, rng):
    for qmin, qmax in ((0, 255), (-128, 127)):
        scale, zero_point = pair(student.scale_and_zero_point(0.0, 0.0, qmin, qmax), "scale_and_zero_point")
        close(scale, 1.0, abs=0.0, what="the scale of a range from 0 to 0")
        that(
            is_integer(zero_point) and qmin <= zero_point <= qmax,
            f"The zero point should be an integer from {qmin} to {qmax}; it is {kind_of(zero_point)}.",
        )


# 1.3


@exercise("1.3-quantize", points=9)
def test_laws_of_a_quantizer(student, rng):
    for qmin, qmax in ((0, 255), (-128, 127), (0, 15), (-4, 3)):
        scale = float(rng.uniform(0.01, 3))
        zero_point = int(rng.integers(qmin, qmax + 1))
        whole = rng.integers(qmin - 20, qmax + 21, (9, 23))
        whole[0, :3] = zero_point, qmin, qmax
        gaps = off_ties(rng, whole - zero_point)
        gaps[0, 0] = 0.0
        x = gaps * scale
        on = f"random x, scale {scale:.4g}, zero point {zero_point}, codes {qmin} to {qmax}"
        codes = codes_array(student.quantize(x, scale, zero_point, qmin, qmax), x.shape, "The result of `quantize`")
        equal(codes, np.clip(whole, qmin, qmax), what="the codes", on=on)
        every = np.arange(qmin, qmax + 1, dtype=np.int32)
        floats = student.dequantize(every, scale, zero_point)
        close(floats, scale * (every - zero_point), rel=1e-6, what="the floats of all codes", on=on)
        that(float(floats[zero_point - qmin]) == 0.0, "The zero point should dequantise to exactly 0.0.")
        # Idempotent: a tensor that was quantised once does not change again.
        again = student.quantize(np.asarray(floats), scale, zero_point, qmin, qmax)
        equal(again, every, what="the codes of a tensor that was dequantised", on=on)
        # The bound: inside the range a float moves by at most s/2 (here by at most 0.45 gaps; 1e-6 for float32).
        inside = (whole >= qmin) & (whole <= qmax)
        back = student.dequantize(codes, scale, zero_point)
        close(back, scale * (codes.astype(float) - zero_point), rel=1e-6, what="the floats of the codes", on=on)
        back = np.asarray(back, dtype=float)
        that(
            np.abs(back - x)[inside].max() <= scale * (0.5 + 1e-6 * (qmax - qmin)),
            f"A float inside the range moved by more than half a gap; {on}.",
        )


@exercise("1.3-quantize", points=2)
def test_halves_of_random_integers_go_to_even(student, rng):
    whole = rng.integers(-50, 50, 64)
    scale = float(2.0 ** rng.integers(-4, 3))
    even = np.where(whole % 2 == 0, whole, whole + 1)
    for zero_point in (0, 2 * int(rng.integers(-20, 20)) + 1):
        got = student.quantize((whole + 0.5) * scale, scale, zero_point, -128, 127)
        on = f"scale {scale}, zero point {zero_point}"
        equal(got, even + zero_point, what="the codes of floats half-way between two codes", on=on)


@exercise("1.3-quantize", points=2)
def test_codes_in_small_integer_types(student, rng):
    scale = float(rng.uniform(0.01, 3))
    for kind, lowest in ((np.uint8, 0), (np.int8, -128)):
        q = np.arange(lowest, lowest + 256).astype(kind)
        for zero_point in (int(rng.integers(lowest + 100, lowest + 156)), lowest, lowest + 255):
            want = scale * (q.astype(float) - zero_point)
            on = f"all {kind.__name__} codes, zero point {zero_point}"
            close(student.dequantize(q, scale, zero_point), want, rel=1e-6, what="the floats", on=on)


@exercise("1.3-quantize", points=2)
def test_nan_empty_and_far_outside(student, rng):
    raises(
        ValueError,
        lambda: student.quantize(np.array([0.5, np.nan]), 0.1, 3, 0, 15),
        what="the call of `quantize` with an array that contains NaN",
    )
    for shape in ((0,), (0, 4)):
        got = student.quantize(np.zeros(shape), 0.1, 3, 0, 15)
        codes_array(got, shape, "The result of `quantize` for an empty array")
    far = np.array([[1e12, -1e12], [float(rng.uniform(1e10, 1e11)), 0.0]])
    got = student.quantize(far, 0.1, 3, 0, 15)
    equal(got, np.array([[15, 0], [15, 3]]), what="the codes of floats far outside the range")


# 1.4


@exercise("1.4-bug", points=6)
def test_random_tensors_to_int8(student, rng):
    for spread in (100, 400, 100_000):
        scale = float(rng.uniform(0.01, 3))
        whole = rng.integers(-spread, spread, (5, 40))
        # At 100,000 gaps float32 still resolves 1/100 of a gap; a float32 computation keeps these codes.
        got = student.to_int8(off_ties(rng, whole) * scale, scale)
        codes_array(got, whole.shape, "The result of `to_int8`")
        on = f"random codes between -{spread} and {spread}, scale {scale:.4g}"
        equal(got, np.clip(whole, -128, 127), what="the codes", on=on)


@exercise("1.4-bug", points=2)
def test_int8_type_and_both_ends(student, rng):
    scale = float(2.0 ** rng.integers(-3, 3))
    whole = np.array([-129, -128, -127, 126, 127, 128, 255, 256, 383, -384])
    got = student.to_int8(whole * scale, scale)
    dtype(got, np.int8, what="the codes")
    equal(got, np.clip(whole, -128, 127), what="the codes at the ends of int8", on=f"x / scale = {whole.tolist()}")


# 1.6


def clip_mse(x, clip, qmax):
    scale = clip / qmax
    return float(np.mean((x - scale * np.clip(np.rint(x / scale), -qmax, qmax)) ** 2))


@exercise("1.6-calibrate", points=7)
def test_best_clip_of_random_tensors(student, rng):
    for qmax in (3, 7, 127):
        x = np.concatenate([rng.normal(0, rng.uniform(0.1, 4), 500), rng.normal(0, 20, 3)])
        top = np.abs(x).max()
        candidates = rng.permutation(np.linspace(0.05, 1.5, 24)) * top
        got = student.best_clip(x, candidates, qmax)
        on = f"503 random values with outliers, 24 candidates, qmax {qmax}"
        that(is_number(got), "The result of `best_clip` should be one number.")
        that(
            np.abs(candidates - float(got)).min() <= 1e-6 * top,
            f"The result of `best_clip` should be one of the candidates; {float(got):.6g} is none of them; {on}.",
        )
        mses = [clip_mse(x, c, qmax) for c in candidates]
        chosen = mses[int(np.abs(candidates - float(got)).argmin())]
        # Two candidates within 1e-6 of each other are equally good: a float32 mean cannot tell them apart.
        that(
            chosen <= min(mses) * (1 + 1e-6),
            f"The clip {float(got):.4g} has the mean squared error {chosen:.4g}; "
            f"{candidates[int(np.argmin(mses))]:.4g} has {min(mses):.4g}; {on}.",
        )


@exercise("1.6-calibrate", points=3)
def test_bad_tensors_are_refused(student, rng):
    for bad, name in ((np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "minus infinity")):
        x = rng.normal(0, 1, (4, 5))
        x[rng.integers(4), rng.integers(5)] = bad
        raises(ValueError, lambda x=x: student.min_max_range(x), what=f"the call of `min_max_range` with an array that contains {name}")
    for shape in ((0,), (3, 0)):
        raises(
            ValueError,
            lambda shape=shape: student.min_max_range(np.zeros(shape)),
            what=f"the call of `min_max_range` with an empty array of shape {shape}",
        )


@exercise("1.6-calibrate", points=2)
def test_range_of_good_tensors(student, rng):
    one_sided = rng.uniform(2, 3, 50)
    for x in (rng.normal(0, 3, (4, 5, 2)), one_sided, -one_sided, np.full(6, 3.7), np.zeros((2, 2)), np.array([-1.5])):
        lo, hi = pair(student.min_max_range(x), "min_max_range")
        close(lo, float(x.min()), rel=1e-6, what="the smallest value", on=f"an array of shape {x.shape}")
        close(hi, float(x.max()), rel=1e-6, what="the largest value", on=f"an array of shape {x.shape}")


# 1.7


@exercise("1.7-channels", points=7)
def test_each_row_has_its_own_scale(student, rng):
    for qmax, shape in ((7, (5, 33)), (127, (6, 6)), (3, (12, 4))):
        whole = rng.integers(-qmax, qmax + 1, shape)
        whole[np.arange(shape[0]), rng.integers(0, shape[1], shape[0])] = qmax * rng.choice([-1, 1], shape[0])
        # The largest value of a row must stay the largest, so nothing is pushed beyond qmax.
        gaps = np.clip(off_ties(rng, whole), -qmax, qmax)
        gaps[np.abs(whole) == qmax] = whole[np.abs(whole) == qmax]
        want_scales = 10.0 ** rng.uniform(-3, 2, shape[0])
        w = gaps * want_scales[:, None]
        codes, scales = pair(student.quantize_rows(w, qmax), "quantize_rows")
        on = f"w of shape {shape}, rows of very different loudness, qmax {qmax}"
        close(scales, want_scales, rel=1e-6, what="the scales", on=on)
        codes_array(codes, shape, "The array of codes")
        equal(codes, whole, what="the codes", on=on)
        # The bound holds with each row's own scale (1e-6 of the scale, qmax times, for float32).
        error = np.abs(w - codes * want_scales[:, None])
        that(
            bool((error <= want_scales[:, None] * (0.5 + 1e-6 * qmax)).all()),
            f"A weight moved by more than half of its row's scale; {on}.",
        )
        one_scale = np.abs(w).max() / qmax
        per_tensor = np.mean((w - one_scale * np.rint(w / one_scale)) ** 2, axis=1)
        quiet = want_scales < one_scale / 4
        per_row = np.mean((w - codes * np.asarray(scales, float)[:, None]) ** 2, axis=1)
        that(
            bool((per_row[quiet] <= np.maximum(per_tensor[quiet], (want_scales[quiet] / 2) ** 2)).all()),
            f"A quiet row has a larger error than with one scale for all; {on}.",
        )


@exercise("1.7-channels", points=3)
def test_rows_of_zeros_and_negative_rows(student, rng):
    w = np.zeros((4, 5))
    w[1] = [-1.27, 0.5, 0.25, 0.0, 0.1]
    w[3, 0] = -float(rng.uniform(1, 5))
    codes, scales = pair(student.quantize_rows(w, 127), "quantize_rows")
    on = "four rows; the first and the third are zeros, in the others the largest absolute value is negative"
    close(scales, np.array([1.0, 0.01, 1.0, -w[3, 0] / 127]), rel=1e-6, what="the scales", on=on)
    codes_array(codes, (4, 5), "The array of codes")
    want = np.zeros((4, 5), dtype=int)
    want[1] = [-127, 50, 25, 0, 10]
    want[3, 0] = -127
    equal(codes, want, what="the codes", on=on)


# 1.8


def requantized(acc, m, shift, zero_point, qmin, qmax):
    """With Python's integers, which never overflow."""
    half = 1 << (shift - 1)
    flat = [min(max(((int(a) * m + half) >> shift) + zero_point, qmin), qmax) for a in acc.ravel()]
    return np.array(flat, dtype=np.int64).reshape(acc.shape)


@exercise("1.8-matmul", points=9)
def test_integer_layer_equals_the_float_layer(student, rng):
    for rows, inner, columns in ((3, 5, 4), (2, 300, 7), (4, 4, 4)):
        qa = rng.integers(-128, 128, (rows, inner)).astype(np.int8)
        qb = rng.integers(-128, 128, (inner, columns)).astype(np.int8)
        za, zb = int(rng.integers(-100, 100)), int(rng.integers(-100, 100))
        want = (qa.astype(np.int64) - za) @ (qb.astype(np.int64) - zb)
        got = codes_array(student.int_matmul(qa, za, qb, zb), (rows, columns), "The result of `int_matmul`")
        on = f"random int8 codes, shapes {qa.shape} and {qb.shape}, za = {za}, zb = {zb}"
        equal(got, want, what="the accumulators", on=on)

        sa, sb = float(rng.uniform(0.01, 0.1)), float(rng.uniform(0.01, 0.1))
        floats = (sa * (qa.astype(float) - za)) @ (sb * (qb.astype(float) - zb))
        sy = (max(floats.max(), 0.0) - min(floats.min(), 0.0)) / 255
        zy = int(round(-128 - min(floats.min(), 0.0) / sy))
        multiplier = sa * sb / sy
        fraction, exponent = np.frexp(multiplier)
        m, shift = min(int(round(float(fraction) * 2**31)), 2**31 - 1), 31 - int(exponent)
        acc = want.astype(np.int32)
        codes = codes_array(student.requantize(acc, m, shift, zy, -128, 127), acc.shape, "The result of `requantize`")
        equal(codes, requantized(acc, m, shift, zy, -128, 127), what="the codes", on=f"accumulators of {on}")
        # Half an output gap, and m is rounded: at most 2**-30 of the product, which is at most 255 gaps.
        bound = sy * (0.5 + 255 * 2.0**-30 + 1e-9)
        inside = (codes > -128) & (codes < 127)
        error = np.abs(sy * (codes.astype(float) - zy) - floats)[inside]
        that(error.size == 0 or error.max() <= bound, f"The codes are further than s/2 from the float product; {on}.")


@exercise("1.8-matmul", points=3)
def test_accumulator_and_product_do_not_overflow(student, rng):
    inner = 4000
    qa, qb = np.full((2, inner), -128, np.int8), np.full((inner, 3), 127, np.int8)
    qb[:, 1] = -128
    want = (qa.astype(np.int64) - 127) @ (qb.astype(np.int64) + 128)
    got = student.int_matmul(qa, 127, qb, -128)
    codes_array(got, (2, 3), "The result of `int_matmul`")
    equal(got, want, what="the accumulators", on=f"sums of {inner} products at the ends of int8")
    dtype(got, np.int32, what="the accumulators")
    acc = np.array([2**31 - 1, -(2**31), 2**30, int(rng.integers(2**28, 2**30)), 12345], dtype=np.int32)
    m, shift = int(rng.integers(2**30 + 1, 2**31)), 57
    got = student.requantize(acc, m, shift, 3, -128, 127)
    equal(got, requantized(acc, m, shift, 3, -128, 127), what="the codes", on="accumulators near the ends of int32")


@exercise("1.8-matmul", points=3)
def test_requantize_rounds_and_clips(student, rng):
    acc = rng.integers(-4000, 4000, 200).astype(np.int32)
    acc[:4] = 2, -2, 6, -6
    for shift, zero_point, qmin, qmax in ((32, 0, -128, 127), (33, int(rng.integers(100, 156)), 0, 255), (31, -5, -8, 7)):
        got = student.requantize(acc, 2**30, shift, zero_point, qmin, qmax)
        on = f"m / 2**shift = 2**-{shift - 30}, zero point {zero_point}, codes {qmin} to {qmax}"
        equal(got, requantized(acc, 2**30, shift, zero_point, qmin, qmax), what="the codes (halves go up)", on=on)


# 1.9


def packed_by_hand(codes):
    codes = [int(c) for c in codes] + [0] * (len(codes) % 2)
    return np.array([a + 16 * b for a, b in zip(codes[0::2], codes[1::2])], dtype=np.uint8)


@exercise("1.9-bytes", points=6)
def test_pack_and_unpack_random_codes(student, rng):
    for n in (2, 8, int(rng.integers(50, 100)) * 2):
        codes = rng.integers(0, 16, n).astype(np.uint8)
        want = packed_by_hand(codes)
        got = codes_array(student.pack4(codes), want.shape, "The result of `pack4`")
        equal(got, want, what="the packed bytes", on=f"{n} random codes")
        dtype(got, np.uint8, what="the packed bytes")
        # Other codes than pack4 was given: it could have kept those for unpack4 to hand back.
        codes = rng.integers(0, 16, n).astype(np.uint8)
        back = codes_array(student.unpack4(packed_by_hand(codes), n), codes.shape, "The result of `unpack4`")
        equal(back, codes, what="the unpacked codes", on=f"{n} random codes")


@exercise("1.9-bytes", points=3)
def test_every_length_comes_back(student, rng):
    for n in range(18):
        codes = rng.integers(0, 16, n).astype(np.uint8)
        want = packed_by_hand(codes)
        got = codes_array(student.pack4(codes), want.shape, "The result of `pack4`")
        equal(got, want, what="the packed bytes", on=f"{n} codes: {codes.tolist()}")
        codes = rng.integers(0, 16, n).astype(np.uint8)
        back = codes_array(student.unpack4(packed_by_hand(codes), n), (n,), "The result of `unpack4`")
        equal(back, codes, what="the unpacked codes", on=f"{n} codes: {codes.tolist()}")
    dtype(student.unpack4(packed_by_hand([1, 2, 3]), 3), np.uint8, what="the unpacked codes")


@exercise("1.9-bytes", points=3)
def test_every_byte_is_counted(student, rng):
    cases = [(0, 4, 0, 0), (1, 4, 1, 1), (8, 4, 1, 0), (9, 3, 0, 0), (7, 8, 2, 2)]
    cases += [tuple(int(v) for v in (rng.integers(1, 10**6), rng.integers(2, 17), rng.integers(1, 999), rng.integers(0, 999))) for _ in range(6)]
    for n, bits, scales, zero_points in cases:
        want = -(-n * bits // 8) + 4 * scales + zero_points
        got = student.stored_bytes(n, bits, scales, zero_points)
        on = f"{n} codes of {bits} bits, {scales} scales, {zero_points} zero points"
        equal(got, want, what="the stored bytes", on=on)
