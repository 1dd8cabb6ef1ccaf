"""The visible checks of lesson 01. They run in the student's kernel on small inputs."""

import numpy as np

from autograder.checks import exercise
from autograder.checks.expect import close, dtype, equal, is_integer, kind_of, letter, raises, that


def whole_number(value, what):
    """Says so if a value that should be an integer is a float."""
    that(
        is_integer(value),
        f"{what} should be an integer (int or NumPy integer); yours is a {type(value).__name__}: {value!s}. "
        "Note that `/` and `np.ceil` always give floats.",
    )


def pair(value, name):
    that(
        isinstance(value, (tuple, list)) and len(value) == 2,
        f"The result of `{name}` should be two values; it is {kind_of(value)}.",
    )
    return value


def codes_array(value, shape, what):
    """The value as an integer array of the shape wanted, or a plain message."""
    that(isinstance(value, np.ndarray), f"{what} should be a NumPy array.")
    that(value.shape == shape, f"{what} should have the shape {shape}; it has {value.shape}.")
    that(
        value.dtype.kind in "iu",
        f"{what} should be an array of an integer type; its type is {value.dtype}.",
    )
    return value


# 1.1


@exercise("1.1-predict")
def test_predict_largest_move(student, rng):
    chosen = letter(student.value("predict_1_1"), "predict_1_1")
    that(chosen == "c", f"({chosen}) is not right.")


# 1.2


@exercise("1.2-scale")
def test_codes_of_three_bits(student, rng):
    signed = pair(student.integer_range(3, True), "integer_range")
    unsigned = pair(student.integer_range(3, False), "integer_range")
    for got, want, word in ((unsigned, (0, 7), "unsigned"), (signed, (-4, 3), "signed")):
        for value, end, side in zip(got, want, ("smallest", "largest")):
            equal(value, end, what=f"the {side} {word} code of 3 bits")
            whole_number(value, f"The {side} {word} code of 3 bits")


@exercise("1.2-scale")
def test_worked_example_and_three_to_five(student, rng):
    example = pair(student.scale_and_zero_point(-1.0, 2.0, 0, 15), "scale_and_zero_point")
    uneven = pair(student.scale_and_zero_point(-1.0, 1.6, 0, 15), "scale_and_zero_point")
    away = pair(student.scale_and_zero_point(3.0, 5.0, -8, 7), "scale_and_zero_point")
    below = pair(student.scale_and_zero_point(-5.0, -3.0, 0, 15), "scale_and_zero_point")
    signed = pair(student.scale_and_zero_point(-1.0, 2.0, -8, 7), "scale_and_zero_point")
    cases = (
        (example, 0.2, 5, "floats from -1 to 2, codes 0 to 15"),
        (uneven, 2.6 / 15, 6, "floats from -1 to 1.6, codes 0 to 15"),
        (away, 1 / 3, -8, "floats from 3 to 5, codes -8 to 7"),
        (below, 1 / 3, 15, "floats from -5 to -3, codes 0 to 15"),
        (signed, 0.2, -3, "floats from -1 to 2, codes -8 to 7"),
    )
    for (scale, zero_point), want_scale, want_zero_point, on in cases:
        close(scale, want_scale, rel=1e-6, what="the scale", on=on)
        whole_number(zero_point, "The zero point")
        equal(zero_point, want_zero_point, what="the zero point", on=on)


# 1.3


@exercise("1.3-quantize")
def test_quantize_worked_example(student, rng):
    x = np.array([0.0, 0.25, -0.4375, 0.4375, 1.9, 3.0, -3.0])
    got = student.quantize(x, 0.25, 6, 0, 15)
    on = "x = [0, 0.25, -0.4375, 0.4375, 1.9, 3, -3], scale 0.25, zero point 6, codes 0 to 15"
    codes_array(got, (7,), "The result of `quantize`")
    equal(got, np.array([6, 7, 4, 8, 14, 15, 0]), what="the codes", on=on)
    dtype(got, np.int32, what="the codes")


@exercise("1.3-quantize")
def test_halves_to_even(student, rng):
    x = np.array([0.5, 1.5, 2.5, -0.5, -1.5, -2.5])
    cases = [(zero_point, student.quantize(x, 1.0, zero_point, -8, 7)) for zero_point in (0, 3)]
    for zero_point, got in cases:
        codes_array(got, (6,), "The result of `quantize`")
        equal(
            got,
            np.array([0, 2, 2, 0, -2, -2]) + zero_point,
            what="the codes of halves (the gaps go to the even neighbour, then the zero point is added)",
            on=f"x = [0.5, 1.5, 2.5, -0.5, -1.5, -2.5], scale 1, zero point {zero_point}",
        )


@exercise("1.3-quantize")
def test_dequantize_worked_example(student, rng):
    cases = ((np.int32, [5, 7, 3, 0, 15]), (np.uint8, [5, 7, 3, 0, 15]), (np.uint8, [128, 200, 255]), (np.int8, [-128, -3, 127]))
    got = [student.dequantize(np.array(codes, dtype=kind), 0.25, 5) for kind, codes in cases]
    for floats, (kind, codes) in zip(got, cases):
        on = f"{np.dtype(kind)} codes {codes}, scale 0.25, zero point 5"
        close(floats, (np.array(codes) - 5) * 0.25, abs=0.0, what="the floats that come back", on=on)


@exercise("1.3-quantize")
def test_nan_has_no_code(student, rng):
    x = np.array([0.5, np.nan])
    raises(ValueError, lambda: student.quantize(x, 0.25, 6, 0, 15), what="the call of `quantize` with x = [0.5, NaN]")


# 1.4


@exercise("1.4-bug")
def test_loud_values_keep_their_sign(student, rng):
    x = np.array([0.0, 0.7, 65.0, 63.4, -64.0, -70.0, 200.0, 1.4])
    got = student.to_int8(x, 0.5)
    on = "x = [0, 0.7, 65, 63.4, -64, -70, 200, 1.4], scale 0.5"
    codes_array(got, (8,), "The result of `to_int8`")
    equal(got, np.array([0, 1, 127, 127, -128, -128, 127, 3]), what="the codes", on=on)
    dtype(got, np.int8, what="the codes")


# 1.6


@exercise("1.6-calibrate")
def test_range_of_a_small_tensor(student, rng):
    table = pair(student.min_max_range(np.array([[0.5, -2.0], [4.0, 1.0]])), "min_max_range")
    single = pair(student.min_max_range(np.array([-1.5])), "min_max_range")
    zeros = pair(student.min_max_range(np.zeros((2, 2))), "min_max_range")
    cases = ((table, -2.0, 4.0, "[[0.5, -2], [4, 1]]"), (single, -1.5, -1.5, "[-1.5]"), (zeros, 0.0, 0.0, "[[0, 0], [0, 0]]"))
    for (lo, hi), smallest, largest, on in cases:
        close(lo, smallest, rel=1e-6, what="the smallest value", on=on)
        close(hi, largest, rel=1e-6, what="the largest value", on=on)


# One check for each kind of bad tensor, so that all three are asked whatever the first one says.


@exercise("1.6-calibrate")
def test_nan_has_no_range(student, rng):
    raises(ValueError, lambda: student.min_max_range(np.array([1.0, np.nan])), what="the call of `min_max_range` with [1, NaN]")


@exercise("1.6-calibrate")
def test_infinity_has_no_range(student, rng):
    raises(ValueError, lambda: student.min_max_range(np.array([1.0, np.inf])), what="the call of `min_max_range` with [1, infinity]")


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
    crowded = "41 values evenly from -1 to 1 and one 6, qmax 3"
    cases = (
        (plain, [1.2, 1.5, 1.75, 2.1, 2.6, 3.0, 13.0], 1.75, "81 values evenly from -2 to 2, qmax 3"),
        (crowd, [0.5, 1.0, 3.5, 6.0], 3.5, crowded),
        (crowd, [0.6, 0.9, 1.2, 2.5, 4.0, 7.0, 9.0], 4.0, crowded),
        (crowd, [4.0, 6.0, 7.0], 4.0, crowded),
        (low, [0.6, 0.9, 1.2, 1.8, 2.4, 2.8, 3.0, 3.3, 3.6, 4.0], 2.8, "41 values evenly from -1 to 1 and one -4, qmax 3"),
    )
    got = [student.best_clip(x, np.array(candidates), 3) for x, candidates, _, _ in cases]
    for answer, (_, candidates, want, on) in zip(got, cases):
        close(answer, want, rel=1e-6, what=f"the best clip of {candidates}", on=on)


# 1.7


def check_rows(student, w, want_codes, want_scales, on):
    codes, scales = pair(student.quantize_rows(np.array(w), 7), "quantize_rows")
    close(scales, np.array(want_scales), rel=1e-6, what="the scales", on=on)
    codes_array(codes, np.shape(w), "The array of codes")
    equal(codes, np.array(want_codes), what="the codes", on=on)


# Two rows of three, then three of three: rows and columns mixed up are an error in the first, wrong numbers in the second.


@exercise("1.7-channels")
def test_two_rows_of_the_worked_example(student, rng):
    w = [[0.7, -0.2, 0.16], [-70.0, 14.0, 26.0]]
    check_rows(student, w, [[7, -2, 2], [-7, 1, 3]], [0.1, 10.0], "w = [[0.7, -0.2, 0.16], [-70, 14, 26]], qmax 7")


@exercise("1.7-channels")
def test_a_row_of_zeros(student, rng):
    w = [[0.7, -0.2, 0.16], [-70.0, 14.0, 26.0], [0.0, 0.0, 0.0]]
    on = "w = [[0.7, -0.2, 0.16], [-70, 14, 26], [0, 0, 0]], qmax 7"
    check_rows(student, w, [[7, -2, 2], [-7, 1, 3], [0, 0, 0]], [0.1, 10.0, 1.0], on)


# 1.8


def check_products(student, qa, qb, on):
    """All four pairs of zero points, so that it shows which correction is wrong."""
    qa, qb = np.array(qa, np.int8), np.array(qb, np.int8)
    got = [(za, zb, student.int_matmul(qa, za, qb, zb)) for za, zb in ((0, 0), (2, 0), (0, -1), (2, -1))]
    for za, zb, acc in got:
        want = (qa.astype(int) - za) @ (qb.astype(int) - zb)
        codes_array(acc, want.shape, "The result of `int_matmul`")
        equal(acc, want, what="the accumulators", on=f"{on}, za = {za}, zb = {zb}")
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


@exercise("1.8-matmul")
def test_products_at_the_ends_of_int8(student, rng):
    few = student.int_matmul(np.full((1, 3), 127, np.int8), 0, np.full((3, 1), 127, np.int8), 0)
    many = student.int_matmul(np.full((1, 1101), 127, np.int8), 126, np.full((1101, 1), 127, np.int8), 126)
    edge = student.int_matmul(np.array([[-128, 127]], np.int8), 1, np.array([[1], [0]], np.int8), 0)
    equal(few, np.array([[48387]]), what="the accumulators", on="three products 127 x 127, both zero points 0")
    # The products' sum is odd and above 2**24: float32 cannot hold it, and the corrections leave that error bare.
    equal(many, np.array([[1101]]), what="the accumulators", on="1101 products 127 x 127, both zero points 126")
    equal(edge, np.array([[-129]]), what="the accumulators", on="qa = [[-128, 127]], qb = [[1], [0]], za = 1, zb = 0")


@exercise("1.8-matmul")
def test_requantize_small_accumulators(student, rng):
    quarter = [0, 7, 8, 9, -7, 6, -6, 2, -2, 4000, -4000]
    cases = (
        (quarter, 2**30, 32, 10, [10, 12, 12, 12, 8, 12, 9, 11, 10, 127, -128], "m = 2**30, shift = 32 (M = 1/4), zero point 10"),
        ([0, 3, 5, 8, -3], 3 * 2**29, 33, 0, [0, 1, 1, 2, -1], "m = 3 * 2**29, shift = 33 (M = 3/16), zero point 0"),
        ([1, 2, 5, -4], 2**31 - 1, 31, 0, [1, 2, 5, -4], "m = 2**31 - 1, shift = 31 (M is just below 1), zero point 0"),
    )
    got = [student.requantize(np.array(acc, np.int32), m, shift, zero, -128, 127) for acc, m, shift, zero, _, _ in cases]
    for codes, (acc, _, _, _, want, on) in zip(got, cases):
        codes_array(codes, (len(acc),), "The result of `requantize`")
        equal(codes, np.array(want), what="the codes", on=f"acc = {acc}, {on}, codes -128 to 127")


# 1.9


@exercise("1.9-bytes")
def test_pack_three_codes(student, rng):
    cases = ([3, 10], [163]), ([3, 10, 7], [163, 7])
    got = [student.pack4(np.array(codes, dtype=np.uint8)) for codes, _ in cases]
    for packed, (codes, want) in zip(got, cases):
        codes_array(packed, (len(want),), "The result of `pack4`")
        equal(packed, np.array(want), what="the packed bytes", on=f"codes {codes}")
        dtype(packed, np.uint8, what="the packed bytes")


@exercise("1.9-bytes")
def test_unpack_three_codes(student, rng):
    cases = ([163], [3, 10]), ([163, 7], [3, 10, 7])
    got = [student.unpack4(np.array(packed, dtype=np.uint8), len(want)) for packed, want in cases]
    for codes, (packed, want) in zip(got, cases):
        codes_array(codes, (len(want),), "The result of `unpack4`")
        equal(codes, np.array(want), what="the unpacked codes", on=f"bytes {packed}, n = {len(want)}")


@exercise("1.9-bytes")
def test_bytes_of_a_few_files(student, rng):
    cases = ((1001, 4, 3, 2, 501 + 12 + 2), (1000, 4, 1, 0, 500 + 4), (9, 3, 0, 0, 4), (7, 8, 2, 2, 7 + 8 + 2))
    got = [student.stored_bytes(*case[:4]) for case in cases]
    for answer, (n, bits, scales, zero_points, want) in zip(got, cases):
        on = f"{n} codes of {bits} bits, {scales} scales, {zero_points} zero points"
        equal(answer, want, what="the stored bytes", on=on)
        whole_number(answer, "The number of bytes")
