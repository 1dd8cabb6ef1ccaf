"""The visible checks of lesson 01. They run in the student's kernel on small inputs."""

import numpy as np

from autograder.checks import exercise
from autograder.checks.expect import close, dtype, equal, raises, that

INTEGER_TYPES = (int, np.integer)


def is_integer(value):
    return isinstance(value, INTEGER_TYPES) and not isinstance(value, bool)


def is_number(value):
    """A finite real number: Python's, NumPy's, or an array of shape ()."""
    if isinstance(value, np.ndarray):
        value = value[()] if value.shape == () else None
    real = (int, float, np.integer, np.floating)
    return isinstance(value, real) and not isinstance(value, bool) and bool(abs(value) < 1e300)


def one_letter(value, name):
    """A choice as one lower-case letter; says how to write it if it is not."""
    that(isinstance(value, str), f'{name}: write the letter of your choice in quotes, like "a".')
    letter = value.strip().strip("()").lower()
    that(letter in ("a", "b", "c", "d"), f'{name}: choose "a", "b", "c" or "d"; here stands {value!r}.')
    return letter


def pair(value, what):
    that(isinstance(value, (tuple, list)) and len(value) == 2, f"{what} should return two values.")
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
    letter = one_letter(student.value("predict_1_1"), "predict_1_1")
    that(letter == "c", f"({letter}) is not it. Draw the gaps between three values, then think of 256.")


# 1.2


@exercise("1.2-scale")
def test_codes_of_three_bits(student, rng):
    signed = pair(student.integer_range(3, True), "integer_range")
    unsigned = pair(student.integer_range(3, False), "integer_range")
    for got, want, word in ((unsigned, (0, 7), "unsigned"), (signed, (-4, 3), "signed")):
        for value, end, side in zip(got, want, ("smallest", "largest")):
            equal(value, end, what=f"the {side} {word} code of 3 bits")


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
        that(
            is_integer(zero_point),
            f"The zero point should be an integer (int or NumPy integer); yours is a "
            f"{type(zero_point).__name__}: {zero_point!r}.",
        )
        equal(zero_point, want_zero_point, what="the zero point", on=on)


# 1.3


@exercise("1.3-quantize")
def test_quantize_worked_example(student, rng):
    x = np.array([0.0, 0.25, -0.4375, 0.4375, 1.9, 3.0, -3.0])
    got = student.quantize(x, 0.25, 6, 0, 15)
    on = "x = [0, 0.25, -0.4375, 0.4375, 1.9, 3, -3], scale 0.25, zero point 6, codes 0 to 15"
    codes_array(got, (7,), "The result of quantize")
    equal(got, np.array([6, 7, 4, 8, 14, 15, 0]), what="the codes", on=on)
    dtype(got, np.int32, what="the codes")


@exercise("1.3-quantize")
def test_halves_to_even(student, rng):
    x = np.array([0.5, 1.5, 2.5, -0.5, -1.5, -2.5])
    got = student.quantize(x, 1.0, 0, -8, 7)
    codes_array(got, (6,), "The result of quantize")
    equal(
        got,
        np.array([0, 2, 2, 0, -2, -2]),
        what="the codes of halves (they go to the even neighbour)",
        on="x = [0.5, 1.5, 2.5, -0.5, -1.5, -2.5], scale 1, zero point 0",
    )


@exercise("1.3-quantize")
def test_dequantize_worked_example(student, rng):
    q = np.array([5, 7, 3, 0, 15], dtype=np.int32)
    got = student.dequantize(q, 0.25, 5)
    small = student.dequantize(q.astype(np.uint8), 0.25, 5)
    want = np.array([0.0, 0.5, -0.5, -1.25, 2.5])
    on = "codes [5, 7, 3, 0, 15], scale 0.25, zero point 5"
    close(got, want, abs=0.0, what="the floats that come back", on=on)
    close(small, want, abs=0.0, what="the floats that come back", on=on + ", codes in uint8")


@exercise("1.3-quantize")
def test_nan_has_no_code(student, rng):
    x = np.array([0.5, np.nan])
    raises(ValueError, lambda: student.quantize(x, 0.25, 6, 0, 15), what="quantize of [0.5, NaN]")


# 1.4


@exercise("1.4-bug")
def test_loud_values_keep_their_sign(student, rng):
    x = np.array([0.0, 0.7, 65.0, 63.4, -64.0, -70.0, 200.0, 1.4])
    got = student.to_int8(x, 0.5)
    on = "x = [0, 0.7, 65, 63.4, -64, -70, 200, 1.4], scale 0.5"
    codes_array(got, (8,), "The result of to_int8")
    equal(got, np.array([0, 1, 127, 127, -128, -128, 127, 3]), what="the codes", on=on)
    dtype(got, np.int8, what="the codes")


# 1.6


@exercise("1.6-calibrate")
def test_range_of_a_small_tensor(student, rng):
    lo, hi = pair(student.min_max_range(np.array([[0.5, -2.0], [4.0, 1.0]])), "min_max_range")
    close(lo, -2.0, rel=1e-6, what="the smallest value of [[0.5, -2], [4, 1]]")
    close(hi, 4.0, rel=1e-6, what="the largest value of [[0.5, -2], [4, 1]]")


# One check for each kind of bad tensor, so that all three are asked whatever the first one says.


@exercise("1.6-calibrate")
def test_nan_has_no_range(student, rng):
    raises(ValueError, lambda: student.min_max_range(np.array([1.0, np.nan])), what="min_max_range of [1, NaN]")


@exercise("1.6-calibrate")
def test_infinity_has_no_range(student, rng):
    raises(ValueError, lambda: student.min_max_range(np.array([1.0, np.inf])), what="min_max_range of [1, infinity]")


@exercise("1.6-calibrate")
def test_an_empty_tensor_has_no_range(student, rng):
    raises(ValueError, lambda: student.min_max_range(np.zeros(0)), what="min_max_range of an empty array")


@exercise("1.6-calibrate")
def test_best_of_a_few_clips(student, rng):
    crowd = np.concatenate([np.linspace(-1, 1, 41), [6.0]])
    plain = np.linspace(-2.0, 2.0, 81)
    crowded = "41 values evenly from -1 to 1 and one 6, qmax 3"
    cases = (
        (plain, [1.2, 1.5, 1.75, 2.1, 2.6, 3.0, 8.0], 1.75, "81 values evenly from -2 to 2, qmax 3"),
        (crowd, [0.5, 1.0, 3.5, 6.0], 3.5, crowded),
        (crowd, [0.6, 0.9, 1.2, 2.5, 4.0, 7.0, 9.0], 4.0, crowded),
    )
    got = [student.best_clip(x, np.array(candidates), 3) for x, candidates, _, _ in cases]
    for answer, (_, candidates, want, on) in zip(got, cases):
        close(answer, want, rel=1e-6, what=f"the best clip of {candidates}", on=on)


# 1.7


@exercise("1.7-channels")
def test_two_rows_of_the_worked_example(student, rng):
    w = np.array([[0.7, -0.2, 0.16], [-70.0, 14.0, 26.0], [0.0, 0.0, 0.0]])
    codes, scales = pair(student.quantize_rows(w, 7), "quantize_rows")
    on = "w = [[0.7, -0.2, 0.16], [-70, 14, 26], [0, 0, 0]], qmax 7"
    close(scales, np.array([0.1, 10.0, 1.0]), rel=1e-6, what="the scales", on=on)
    codes_array(codes, (3, 3), "The codes")
    equal(codes, np.array([[7, -2, 2], [-7, 1, 3], [0, 0, 0]]), what="the codes", on=on)


# 1.8


@exercise("1.8-matmul")
def test_small_integer_product(student, rng):
    qa = np.array([[1, 2, 3], [4, 5, 6]], dtype=np.int8)
    qb = np.array([[1, 0], [2, 1], [0, 3]], dtype=np.int8)
    plain = student.int_matmul(qa, 0, qb, 0)
    only_a = student.int_matmul(qa, 2, qb, 0)
    only_b = student.int_matmul(qa, 0, qb, -1)
    both = student.int_matmul(qa, 2, qb, -1)
    large = student.int_matmul(np.full((1, 3), 127, np.int8), 0, np.full((3, 1), 127, np.int8), 0)
    edge = student.int_matmul(np.array([[-128, 127]], np.int8), 1, np.array([[1], [0]], np.int8), 0)
    on = "qa = [[1, 2, 3], [4, 5, 6]], qb = [[1, 0], [2, 1], [0, 3]]"
    for got, za, zb in ((plain, 0, 0), (only_a, 2, 0), (only_b, 0, -1), (both, 2, -1)):
        want = (qa.astype(int) - za) @ (qb.astype(int) - zb)
        codes_array(got, (2, 2), "The result of int_matmul")
        equal(got, want, what="the accumulators", on=f"{on}, za = {za}, zb = {zb}")
    equal(large, np.array([[48387]]), what="the accumulators", on="three products 127 x 127, both zero points 0")
    equal(edge, np.array([[-129]]), what="the accumulators", on="qa = [[-128, 127]], qb = [[1], [0]], za = 1, zb = 0")
    dtype(both, np.int32, what="the accumulators")


@exercise("1.8-matmul")
def test_requantize_by_a_quarter(student, rng):
    acc = np.array([0, 7, 8, 9, -7, 6, -6, 2, -2, 4000, -4000], dtype=np.int32)
    got = student.requantize(acc, 2**30, 32, 10, -128, 127)
    on = "acc = [0, 7, 8, 9, -7, 6, -6, 2, -2, 4000, -4000], m / 2**shift = 1/4, zero point 10, codes -128 to 127"
    codes_array(got, (11,), "The result of requantize")
    equal(got, np.array([10, 12, 12, 12, 8, 12, 9, 11, 10, 127, -128]), what="the codes", on=on)


# 1.9


@exercise("1.9-bytes")
def test_pack_three_codes(student, rng):
    got = student.pack4(np.array([3, 10, 7], dtype=np.uint8))
    on = "codes [3, 10, 7]"
    codes_array(got, (2,), "The result of pack4")
    equal(got, np.array([163, 7]), what="the packed bytes", on=on)
    dtype(got, np.uint8, what="the packed bytes")


@exercise("1.9-bytes")
def test_unpack_three_codes(student, rng):
    got = student.unpack4(np.array([163, 7], dtype=np.uint8), 3)
    codes_array(got, (3,), "The result of unpack4")
    equal(got, np.array([3, 10, 7]), what="the unpacked codes", on="bytes [163, 7], n = 3")


@exercise("1.9-bytes")
def test_bytes_of_1001_codes(student, rng):
    got = student.stored_bytes(1001, 4, 3, 2)
    on = "1001 codes of 4 bits, 3 scales, 2 zero points"
    equal(got, 501 + 12 + 2, what="the stored bytes", on=on)
