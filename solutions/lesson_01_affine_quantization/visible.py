"""The visible checks of lesson 01. They run in the student's kernel on small inputs.

What a docstring promises is asked here at least once, on an input that decides; the hidden checks ask the same on more inputs.
"""

import numpy as np

from autograder.checks import exercise
from autograder.checks.expect import close, counted, dtype, equal, kind_of, letter, raises, that, whole_number


def pair(value, name, on):
    that(
        isinstance(value, (tuple, list)) and len(value) == 2 or isinstance(value, np.ndarray) and value.shape == (2,),
        f"The result of `{name}` should be two values; it is {kind_of(value)}, for {on}.",
    )
    return value


def codes_array(value, shape, what, on):
    """The value as an integer array of the shape wanted, or a plain message."""
    return typed_array(value, shape, what, on, "an integer type", lambda dtype: dtype.kind in "iu")


def floats_array(value, shape, what, on):
    """The value as a float32 or float64 array of the shape wanted, or a plain message."""
    return typed_array(value, shape, what, on, "float32 or float64", lambda dtype: dtype in (np.float32, np.float64))


def typed_array(value, shape, what, on, type_in_words, fits):
    that(isinstance(value, np.ndarray), f"{what} should be a NumPy array; it is {kind_of(value)}, for {on}.")
    that(value.shape == shape, f"{what} should have the shape {shape}; it has {value.shape}, for {on}.")
    that(fits(value.dtype), f"{what} should be an array of {type_in_words}; its type is {value.dtype}, for {on}.")
    return value


# 1.1


@exercise("1.1-predict")
def test_predict_largest_move(student, rng):
    chosen = letter(student.value("predict_1_1"), "predict_1_1")
    that(chosen == "c", f"({chosen}) is not right.")


# 1.2


@exercise("1.2-scale")
def test_codes_of_three_bits(student, rng):
    asked = [(bits, signed) for bits in (3, 2, 16) for signed in (False, True)]
    got = [student.integer_range(bits, signed) for bits, signed in asked]
    for ends, (bits, signed) in zip(got, asked):
        pair(ends, "integer_range", f"bits {bits}, signed {signed}")
        half = 2 ** (bits - 1)
        want, word = ((-half, half - 1), "signed") if signed else ((0, 2 * half - 1), "unsigned")
        for value, end, side in zip(ends, want, ("smallest", "largest")):
            what = f"the {side} {word} code of {bits} bits"
            equal(value, end, what=what)
            whole_number(value, what)


@exercise("1.2-scale")
def test_worked_example_and_three_to_five(student, rng):
    cases = (
        (-1.0, 2.0, 0, 15, 0.2, 5),
        (-1.0, 1.6, 0, 15, 2.6 / 15, 6),
        (3.0, 5.0, -8, 7, 1 / 3, -8),
        (-5.0, -3.0, 0, 15, 1 / 3, 15),
        (-1.0, 2.0, -8, 7, 0.2, -3),
        (3.0, 3.0, 0, 15, 0.2, 0),
        (-3.0, -3.0, -8, 7, 0.2, 7),
        # Codes need not be all the patterns of some number of bits: 11 codes have 10 gaps.
        (-1.0, 2.0, 0, 10, 0.3, 3),
        (-1.0, 2.0, -127, 127, 3 / 254, -42),
        (-1e-9, 2e-9, 0, 15, 2e-10, 5),
        (-1000.0, 500.0, 0, 65535, 1500 / 65535, 43690),
    )
    got = [student.scale_and_zero_point(*case[:4]) for case in cases]
    for answer, (lo, hi, qmin, qmax, want_scale, want_zero_point) in zip(got, cases):
        on = f"floats from {lo:g} to {hi:g}, codes {qmin} to {qmax}"
        scale, zero_point = pair(answer, "scale_and_zero_point", on)
        # 1e-6 for a scale in float32, which carries 6e-8.
        close(scale, want_scale, rel=1e-6, what="the scale", on=on)
        equal(zero_point, want_zero_point, what="the zero point", on=on)
        whole_number(zero_point, "The zero point", on)


@exercise("1.2-scale")
def test_a_range_of_nothing_but_zero(student, rng):
    cases = ((0, 15), (-8, 7))
    got = [student.scale_and_zero_point(0.0, 0.0, qmin, qmax) for qmin, qmax in cases]
    for answer, (qmin, qmax) in zip(got, cases):
        check_nothing_but_zero(answer, qmin, qmax)


def check_nothing_but_zero(answer, qmin, qmax):
    """The scale is 1.0; any of the codes may be the zero point."""
    on = f"floats from 0 to 0, codes {qmin} to {qmax}"
    scale, zero_point = pair(answer, "scale_and_zero_point", on)
    close(scale, 1.0, abs=0.0, what="the scale", on=on)
    whole_number(zero_point, "The zero point", on)
    that(qmin <= zero_point <= qmax, f"The zero point should be one of the codes {qmin} to {qmax}; it is {zero_point}, for {on}.")


# 1.3


@exercise("1.3-quantize")
def test_quantize_worked_example(student, rng):
    x = np.array([0.0, 0.25, -0.4375, 0.4375, 1.9, 3.0, -3.0, 1e12, -1e12])
    wide = np.array([0.0, -3.0, 3.0, 40000.0, 70000.0, -1e12])
    got = student.quantize(x, 0.25, 6, 0, 15)
    got_wide = student.quantize(wide, 1.0, 2, 0, 65535)
    on = "x = [0, 0.25, -0.4375, 0.4375, 1.9, 3, -3, 1e12, -1e12], scale 0.25, zero point 6, codes 0 to 15"
    codes_array(got, (9,), "The result of `quantize`", on)
    equal(got, np.array([6, 7, 4, 8, 14, 15, 0, 15, 0]), what="the codes", on=on)
    dtype(got, np.int32, what="the codes")
    on = "x = [0, -3, 3, 40000, 70000, -1e12], scale 1, zero point 2, codes 0 to 65535"
    codes_array(got_wide, (6,), "The result of `quantize`", on)
    equal(got_wide, np.array([2, 0, 5, 40002, 65535, 0]), what="the codes", on=on)


@exercise("1.3-quantize")
def test_shapes_of_quantized_arrays(student, rng):
    table = np.array([[[0.5, -0.5], [1.0, 0.0], [0.25, 7.0]]])
    cases = ((table, [[[8, 4], [10, 6], [7, 15]]]), (np.zeros((0, 4)), np.zeros((0, 4))))
    got = [student.quantize(x, 0.25, 6, 0, 15) for x, _ in cases]
    for codes, (x, want) in zip(got, cases):
        on = f"x = {x.tolist() if x.size else f'np.zeros({x.shape})'}, scale 0.25, zero point 6, codes 0 to 15"
        codes_array(codes, x.shape, "The result of `quantize`", on)
        equal(codes, np.array(want), what="the codes", on=on)


FAINT = (2.0**-30, "2**-30", 1)


@exercise("1.3-quantize")
def test_halves_to_even(student, rng):
    x = np.array([0.5, 1.5, 2.5, -0.5, -1.5, -2.5])
    # The last scale is so small that a small number added for safety is seen.
    cases = [(scale, words, z, student.quantize(x * scale, scale, z, -8, 7)) for scale, words, z in ((1.0, "1", 0), (1.0, "1", 3), FAINT)]
    for scale, words, zero_point, got in cases:
        times = "" if scale == 1 else f" * {words}"
        on = f"x = [0.5, 1.5, 2.5, -0.5, -1.5, -2.5]{times}, scale {words}, zero point {zero_point}, codes -8 to 7"
        codes_array(got, (6,), "The result of `quantize`", on)
        what = "the codes of halves (the gaps go to the even neighbour, then the zero point is added)"
        equal(got, np.array([0, 2, 2, 0, -2, -2]) + zero_point, what=what, on=on)


@exercise("1.3-quantize")
def test_dequantize_worked_example(student, rng):
    cases = (
        (np.int32, [5, 7, 3, 0, 15], 5),
        (np.uint8, [5, 7, 3, 0, 15], 5),
        (np.uint8, [128, 200, 255], 5),
        (np.int8, [-128, -3, 127], 5),
        (np.uint16, [0, 5, 40000, 65535], 5),
        (np.int16, [-32768, 32767], -32768),
        (np.int64, [[5, 7, 3], [0, 15, 6]], 5),
    )
    cases = [(*case, 0.25, "0.25") for case in cases] + [(np.int32, [5, 7, -3], 5, *FAINT[:2])]
    got = [student.dequantize(np.array(codes, dtype=kind), scale, zero_point) for kind, codes, zero_point, scale, _ in cases]
    for floats, (kind, codes, zero_point, scale, words) in zip(got, cases):
        on = f"{np.dtype(kind)} codes {codes}, scale {words}, zero point {zero_point}"
        # Exact also in float32: the scale is a power of two, and the codes have 16 bits.
        close(floats, (np.array(codes) - zero_point) * scale, abs=0.0, what="the floats that come back", on=on)
        floats_array(floats, np.shape(codes), "The result of `dequantize`", on)


@exercise("1.3-quantize")
def test_nan_has_no_code(student, rng):
    x = np.array([0.5, np.nan])
    raises(ValueError, lambda: student.quantize(x, 0.25, 6, 0, 15), what="the call of `quantize` with x = [0.5, NaN]")


# 1.4


@exercise("1.4-bug")
def test_loud_values_keep_their_sign(student, rng):
    x = np.array([0.0, 0.7, 65.0, 63.4, -64.0, -70.0, 200.0, 1.4, 20000.0, -20000.0, 450000.0, -0.9])
    got = student.to_int8(x, 0.5)
    on = f"x = {x.tolist()}, scale 0.5"
    codes_array(got, (12,), "The result of `to_int8`", on)
    equal(got, np.array([0, 1, 127, 127, -128, -128, 127, 3, 127, -128, 127, -2]), what="the codes", on=on)
    dtype(got, np.int8, what="the codes")


@exercise("1.4-bug")
def test_a_table_stays_a_table(student, rng):
    x = [[32.0, -32.25, 9.0], [-0.5, 1e5, -1e5]]
    got = student.to_int8(np.array(x), 0.25)
    on = f"x = {x}, scale 0.25"
    codes_array(got, (2, 3), "The result of `to_int8`", on)
    equal(got, np.array([[127, -128, 36], [-2, 127, -128]]), what="the codes", on=on)


@exercise("1.4-bug")
def test_a_quiet_layer_is_a_layer(student, rng):
    cases = (([3.2e-9, -4e-8, 2e-7, -1.28e-7, 0.0], [3, -40, 127, -128, 0]), ([[5e-8, -9.1e-9], [1.3e-7, -3e-7]], [[50, -9], [127, -128]]))
    got = [student.to_int8(np.array(x), 1e-9) for x, _ in cases]
    for codes, (x, want) in zip(got, cases):
        on = f"x = {x}, scale 1e-9"
        codes_array(codes, np.shape(x), "The result of `to_int8`", on)
        equal(codes, np.array(want), what="the codes", on=on)


# 1.6


@exercise("1.6-calibrate")
def test_range_of_a_small_tensor(student, rng):
    cases = ([[0.5, 4.0], [-2.0, 1.0]], [-1.5], [[0.0, 0.0], [0.0, 0.0]], [2.5, 3.0], [[[-4.0, -3.5]], [[-3.0, -2.5]]])
    got = [student.min_max_range(np.array(x)) for x in cases]
    for answer, x in zip(got, cases):
        lo, hi = pair(answer, "min_max_range", f"x = {x}")
        close(lo, np.min(x), rel=1e-6, what="the smallest value", on=f"x = {x}")
        close(hi, np.max(x), rel=1e-6, what="the largest value", on=f"x = {x}")


# One check for each kind of bad tensor, so that all are asked whatever the first one says.


@exercise("1.6-calibrate")
def test_nan_has_no_range(student, rng):
    raises(ValueError, lambda: student.min_max_range(np.array([1.0, np.nan])), what="the call of `min_max_range` with x = [1, NaN]")


@exercise("1.6-calibrate")
def test_infinity_has_no_range(student, rng):
    raises(ValueError, lambda: student.min_max_range(np.array([1.0, np.inf])), what="the call of `min_max_range` with x = [1, infinity]")
    x = np.array([[1.0, 2.0], [3.0, -np.inf]])
    raises(ValueError, lambda: student.min_max_range(x), what="the call of `min_max_range` with x = [[1, 2], [3, -infinity]]")


@exercise("1.6-calibrate")
def test_an_empty_tensor_has_no_range(student, rng):
    for shape in ((0,), (3, 0)):
        raises(
            ValueError,
            lambda shape=shape: student.min_max_range(np.zeros(shape)),
            what=f"the call of `min_max_range` with an empty array of shape {shape}",
        )


@exercise("1.6-calibrate")
def test_best_of_a_few_clips(student, rng):
    crowd = np.concatenate([np.linspace(-1, 1, 41), [6.0]])
    low = np.concatenate([np.linspace(-1, 1, 41), [-4.0]])
    plain = np.linspace(-2.0, 2.0, 81)
    crowded = "x = 41 values evenly from -1 to 1 and one 6, qmax 3"
    both = [[-2.1, 2.7, -2.5, 1.5], [2.8, -0.3, 1.4, -4.3]]
    row, alike = [-3.5, -2.2, 0.8, -3.6, 3.8, 4.0], [1.0, 1.0, -1.0, 1.0, 1.8]
    below = [[-3.1, -3.2, -3.5], [-2.1, -10.2, -1.4], [-1.9, -4.5, -2.2]]
    cases = (
        (plain, [1.2, 1.5, 1.75, 2.1, 2.6, 3.0, 13.0], 3, 1.75, "x = 81 values evenly from -2 to 2, qmax 3"),
        (crowd, [0.5, 1.0, 3.5, 6.0], 3, 3.5, crowded),
        (crowd, [0.6, 0.9, 1.2, 2.5, 4.0, 7.0, 9.0], 3, 4.0, crowded),
        (crowd, [4.0, 6.0, 7.0], 3, 4.0, crowded),
        (low, [0.6, 0.9, 1.2, 1.8, 2.4, 2.8, 3.0, 3.3, 3.6, 4.0], 3, 2.8, "x = 41 values evenly from -1 to 1 and one -4, qmax 3"),
        # Two tables, one of them on one side of zero, and candidates in no order: other measures of the error choose others here.
        (both, [3.1, 5.3, 3.0, 5.8, 2.8], 3, 3.1, f"x = {both}, qmax 3"),
        (below, [2.8, 13.6, 5.9, 12.4, 9.9, 5.0], 1, 5.0, f"x = {below}, qmax 1"),
        ([1.0, -0.401, 0.253], [0.5, 2.0, 1.0], 1000, 1.0, "x = [1, -0.401, 0.253], qmax 1000"),
        # Who clips nothing takes 1.3 here, who leaves the clipped values out of the mean takes 1.7.
        (row, [1.7, 1.3, 3.1, 2.3, 1.8], 2, 3.1, f"x = {row}, qmax 2"),
        # The best candidate may lie beyond all values.
        (alike, [1.0, 0.9, 1.5, 2.0, 1.7], 2, 2.0, f"x = {alike}, qmax 2"),
        # Quiet and loud: no error is small, or large, in itself.
        (crowd * 1e-9, [6e-9, 1e-9, 3.5e-9, 5e-10], 3, 3.5e-9, "x = 41 values evenly from -1e-9 to 1e-9 and one 6e-9, qmax 3"),
        (crowd * 1e9, [6e9, 1e9, 3.5e9, 5e8], 3, 3.5e9, "x = 41 values evenly from -1e9 to 1e9 and one 6e9, qmax 3"),
    )
    got = [student.best_clip(np.array(x), np.array(candidates), qmax) for x, candidates, qmax, _, _ in cases]
    for answer, (_, candidates, _, want, on) in zip(got, cases):
        close(answer, want, rel=1e-6, what=f"the best clip of {candidates}", on=on)


# 1.7


def check_rows(student, w, qmax, want_codes, want_scales):
    on = f"w = {w}, qmax {qmax}"
    codes, scales = pair(student.quantize_rows(np.array(w), qmax), "quantize_rows", on)
    close(scales, np.array(want_scales), rel=1e-6, what="the scales", on=on)
    codes_array(codes, np.shape(w), "The array of codes", on)
    equal(codes, np.array(want_codes), what="the codes", on=on)


# Two rows of three, then three of three: rows and columns mixed up are an error in the first, wrong numbers in the second.


@exercise("1.7-channels")
def test_two_rows_of_the_worked_example(student, rng):
    check_rows(student, [[0.7, -0.2, 0.16], [-70.0, 14.0, 26.0]], 7, [[7, -2, 2], [-7, 1, 3]], [0.1, 10.0])


@exercise("1.7-channels")
def test_a_row_of_zeros(student, rng):
    w = [[0.7, -0.2, 0.16], [-70.0, 14.0, 26.0], [0.0, 0.0, 0.0]]
    check_rows(student, w, 7, [[7, -2, 2], [-7, 1, 3], [0, 0, 0]], [0.1, 10.0, 1.0])


@exercise("1.7-channels")
def test_rows_of_any_loudness_and_codes_of_any_width(student, rng):
    # By itself first: beside a loud row a quiet one's scale does not tell by what it was spoiled.
    check_rows(student, [[7e-9, -2e-9, 1.6e-9, 0.0]], 7, [[7, -2, 2, 0]], [1e-9])
    check_rows(student, [[7e-9, -2e-9, 1.6e-9, 0.0], [0.0, -7e6, 3.1e6, 7e6]], 7, [[7, -2, 2, 0], [0, -7, 3, 7]], [1e-9, 1e6])
    check_rows(student, [[-32767.0, 300.2], [0.5, 0.25]], 32767, [[-32767, 300], [32767, 16384]], [1.0, 0.5 / 32767])


# 1.8


def check_products(student, qa, qb, on):
    """All four pairs of zero points, so that it shows which correction is wrong."""
    qa, qb = np.array(qa, np.int8), np.array(qb, np.int8)
    got = [(za, zb, student.int_matmul(qa, za, qb, zb)) for za, zb in ((0, 0), (2, 0), (0, -1), (2, -1))]
    for za, zb, acc in got:
        want = (qa.astype(int) - za) @ (qb.astype(int) - zb)
        here = f"{on}, za = {za}, zb = {zb}"
        codes_array(acc, want.shape, "The result of `int_matmul`", here)
        equal(acc, want, what="the accumulators", on=here)
    dtype(got[-1][-1], np.int32, what="the accumulators")


# (2, 3) times (3, 3), then (3, 3) times (3, 2): a sum along the wrong axis, or without its second axis, is an error in one of them.


@exercise("1.8-matmul")
def test_small_integer_product(student, rng):
    qa, qb = [[1, 2, 3], [4, 5, 6]], [[1, 0, -2], [2, 1, 0], [0, 3, 5]]
    check_products(student, qa, qb, "qa = [[1, 2, 3], [4, 5, 6]], qb = [[1, 0, -2], [2, 1, 0], [0, 3, 5]]")


@exercise("1.8-matmul")
def test_another_small_integer_product(student, rng):
    qa, qb = [[1, 2, 3], [4, 5, 6], [0, -1, 2]], [[1, 0], [2, 1], [0, 3]]
    check_products(student, qa, qb, "qa = [[1, 2, 3], [4, 5, 6], [0, -1, 2]], qb = [[1, 0], [2, 1], [0, 3]]")


# As many rows as columns, and as terms: here a sum along the wrong axis is no error, but wrong numbers.


@exercise("1.8-matmul")
def test_a_square_integer_product(student, rng):
    check_products(student, [[1, 2], [4, -3]], [[1, -2], [2, 5]], "qa = [[1, 2], [4, -3]], qb = [[1, -2], [2, 5]]")


@exercise("1.8-matmul")
def test_products_at_the_ends_of_int8(student, rng):
    few = student.int_matmul(np.full((1, 3), 127, np.int8), 0, np.full((3, 1), 127, np.int8), 0)
    many = student.int_matmul(np.full((1, 1101), 127, np.int8), 126, np.full((1101, 1), 127, np.int8), 126)
    apart = student.int_matmul(np.full((1, 1101), 127, np.int8), -128, np.full((1101, 1), 127, np.int8), -128)
    edge = student.int_matmul(np.array([[-128, 127]], np.int8), 1, np.array([[1], [0]], np.int8), 0)
    equal(few, np.array([[48387]]), what="the accumulators", on="three products 127 x 127, both zero points 0")
    # The products' sum is odd and above 2**24: float32 cannot hold it, and the corrections leave that error bare.
    equal(many, np.array([[1101]]), what="the accumulators", on="1101 products 127 x 127, both zero points 126")
    # The same for who subtracts the zero points first.
    equal(apart, np.array([[1101 * 255 * 255]]), what="the accumulators", on="1101 products 127 x 127, both zero points -128")
    equal(edge, np.array([[-129]]), what="the accumulators", on="qa = [[-128, 127]], qb = [[1], [0]], za = 1, zb = 0")


@exercise("1.8-matmul")
def test_requantize_small_accumulators(student, rng):
    quarter = [0, 7, 8, 9, -7, 6, -6, 2, -2, 4000, -4000]
    int8, uint8 = (-128, 127), (0, 255)
    cases = (
        (quarter, 2**30, 32, 10, int8, [10, 12, 12, 12, 8, 12, 9, 11, 10, 127, -128], "m = 2**30, shift = 32 (M = 1/4), zero point 10"),
        ([0, 3, 5, 8, -3], 3 * 2**29, 33, 0, int8, [0, 1, 1, 2, -1], "m = 3 * 2**29, shift = 33 (M = 3/16), zero point 0"),
        ([1, 2, 5, -4], 2**31 - 1, 31, 0, int8, [1, 2, 5, -4], "m = 2**31 - 1, shift = 31 (M is just below 1), zero point 0"),
        ([[400, -400, 800], [-800, 0, 4]], 2**30, 32, 100, uint8, [[200, 0, 255], [0, 100, 101]], "m = 2**30, shift = 32, zero point 100"),
        # Large accumulators, and M just below 1: what does not fit must be clipped, not wrapped around.
        ([2**31 - 1, -(2**31), 40000], 2**31 - 1, 31, 100, int8, [127, -128, 127], "m = 2**31 - 1, shift = 31, zero point 100"),
        # Who moves the zero point up by 60 places, to add it before the shift, has no room for it in 64 bits.
        ([0, 2**31 - 1, -(2**31)], 2**30, 60, 100, int8, [100, 102, 98], "m = 2**30, shift = 60, zero point 100"),
        # acc * m / 2**shift is 13.5 minus 2**-54 or so: integers see that, and no float does.
        ([402653185], 1207959549, 55, 0, int8, [13], "m = 1207959549, shift = 55, zero point 0 (just below 13.5)"),
        # The same for who adds the zero point to the product: there it is next to nothing, but here enough to reach 13.5.
        ([402653185], 1207959549, 55, 100, int8, [113], "m = 1207959549, shift = 55, zero point 100 (just below 13.5 without it)"),
    )
    got = [student.requantize(np.array(acc, np.int32), m, shift, zero, *ends) for acc, m, shift, zero, ends, _, _ in cases]
    for codes, (acc, _, _, _, (qmin, qmax), want, on) in zip(got, cases):
        on = f"acc = {acc}, {on}, codes {qmin} to {qmax}"
        codes_array(codes, np.shape(acc), "The result of `requantize`", on)
        equal(codes, np.array(want), what="the codes", on=on)


# 1.9


@exercise("1.9-bytes")
def test_pack_three_codes(student, rng):
    cases = ([3, 10], [163]), ([3, 10, 7], [163, 7]), ([3, 15, 9, 0], [243, 9]), ([5, 0, 0, 0, 0], [5, 0, 0]), ([], [])
    got = [student.pack4(np.array(codes, dtype=np.uint8)) for codes, _ in cases]
    for packed, (codes, want) in zip(got, cases):
        codes_array(packed, (len(want),), "The result of `pack4`", f"codes {codes}")
        equal(packed, np.array(want), what="the packed bytes", on=f"codes {codes}")
        dtype(packed, np.uint8, what="the packed bytes")


@exercise("1.9-bytes")
def test_unpack_three_codes(student, rng):
    cases = ([163], [3, 10]), ([163, 7], [3, 10, 7]), ([243, 9], [3, 15, 9, 0]), ([5, 0, 0], [5, 0, 0, 0, 0]), ([], [])
    got = [student.unpack4(np.array(packed, dtype=np.uint8), len(want)) for packed, want in cases]
    for codes, (packed, want) in zip(got, cases):
        on = f"bytes {packed}, n = {len(want)}"
        codes_array(codes, (len(want),), "The result of `unpack4`", on)
        equal(codes, np.array(want), what="the unpacked codes", on=on)
        dtype(codes, np.uint8, what="the unpacked codes")


def stored_in_words(n, bits, scales, zero_points):
    scales, zero_points = counted(scales, "scale", "scales"), counted(zero_points, "zero point", "zero points")
    return f"{counted(n, 'code', 'codes')} of {bits} bits, {scales}, {zero_points}"


@exercise("1.9-bytes")
def test_bytes_of_a_few_files(student, rng):
    cases = (
        (1001, 4, 3, 2, 501 + 12 + 2),
        (1000, 4, 1, 0, 500 + 4),
        (9, 3, 0, 0, 4),
        (7, 8, 2, 2, 7 + 8 + 2),
        (0, 4, 1, 1, 5),
        (1_000_000, 12, 0, 3, 1_500_003),
        (7, 3, 0, 1, 3 + 1),
    )
    got = [student.stored_bytes(*case[:4]) for case in cases]
    for answer, (n, bits, scales, zero_points, want) in zip(got, cases):
        on = stored_in_words(n, bits, scales, zero_points)
        equal(answer, want, what="the stored bytes", on=on)
        whole_number(answer, "The number of bytes", on)
