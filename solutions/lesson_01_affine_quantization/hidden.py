"""The hidden checks of lesson 01: laws on random inputs. They run only when grading.

Of each exercise the first check is the core; later ones are edge cases.
Random floats are built as (whole gaps + a part of a gap away from one half),
so a right answer in float32 and one in float64 get the same codes.
An input that tells a right answer from a wrong one is in every run: the random ones are drawn around it, or drawn until they decide.
"""

import numpy as np

from autograder.checks import exercise
from autograder.checks.expect import close, dtype, equal, letter, raises, real_number, that, whole_number
from course_lessons.lesson_01_affine_quantization.visible import check_nothing_but_zero, codes_array, floats_array, pair, stored_in_words


def off_ties(rng, gaps, widest=0.45):
    """Whole numbers moved by less than half: no rounding rule and no float32 error changes their code."""
    return gaps + rng.uniform(-widest, widest, np.shape(gaps))


def check_codes(got, want, x, call):
    """Equal codes; the message shows the float of the first wrong one, so that one call of the student's repeats it."""
    wrong = np.argwhere(got != want)
    at = tuple(int(i) for i in wrong[0]) if len(wrong) else None
    equal(got, want, what="the codes", on=f"x[{', '.join(map(str, at))}] = {float(x[at])!r}; {call}" if at else call)


# 1.1


@exercise("1.1-predict", points=5)
def test_predict_is_half_of_one_of_255_gaps(student, rng):
    that(letter(student.value("predict_1_1"), "predict_1_1") == "c", "The prediction is not right.")


# 1.2


def code_ranges(rng):
    """Codes of whole numbers of bits, from 2 to 16, and ranges that are not: with -1 or 0 at an end, narrow, lopsided."""
    whole = [ends for bits in (2, 3, 4, 8, 13, 16) for ends in ((0, 2**bits - 1), (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1))]
    drawn = [(-int(a), int(b)) for a, b in zip(rng.integers(1, 300, 3), rng.integers(300, 3000, 3))]
    return [*whole, (-127, 127), (0, 10), (-5, 0), (-1, 1), *drawn]


def check_scale_and_zero_point(got, lo, hi, qmin, qmax):
    on = f"floats from {lo!r} to {hi!r}, codes {qmin} to {qmax}"
    scale, zero_point = pair(got, "scale_and_zero_point", on)
    lo, hi = min(lo, 0.0), max(hi, 0.0)
    want = (hi - lo) / (qmax - qmin)
    # 1e-6 for a scale in float32: three roundings of 6e-8 each.
    close(scale, want, rel=1e-6, what="the scale", on=on)
    zero_point = whole_number(zero_point, "The zero point", on)
    that(qmin <= zero_point <= qmax, f"The zero point {zero_point} is none of the codes, for {on}.")
    # Rounding moves it by at most one half (either way from a half); 1e-6 relative of the scale moves lo / scale by this much more.
    slack = 1e-6 * (qmax - qmin)
    that(
        abs(zero_point - (qmin - lo / want)) <= 0.5 + slack,
        f"The zero point should be the integer nearest to {qmin - lo / want:.3f}; it is {zero_point}, for {on}.",
    )


@exercise("1.2-scale", points=9)
def test_scale_of_random_ranges(student, rng):
    for bits in range(2, 17):
        half = 2 ** (bits - 1)
        for signed, want, word in ((False, (0, 2 * half - 1), "unsigned"), (True, (-half, half - 1), "signed")):
            got = pair(student.integer_range(bits, signed), "integer_range", f"bits {bits}, signed {signed}")
            for value, end, side in zip(got, want, ("smallest", "largest")):
                what = f"the {side} {word} code of {bits} bits"
                equal(value, end, what=what)
                whole_number(value, what)
    for qmin, qmax in code_ranges(rng):
        lo, hi = -float(rng.uniform(0.1, 9)), float(rng.uniform(0.1, 9))
        check_scale_and_zero_point(student.scale_and_zero_point(lo, hi, qmin, qmax), lo, hi, qmin, qmax)


@exercise("1.2-scale", points=4)
def test_ranges_on_one_side_of_zero(student, rng):
    for qmin, qmax in ((0, 255), (-128, 127), (0, 15), (-8, 7), (-10, 40)):
        near, far = sorted(float(v) for v in rng.uniform(0.5, 20, 2))
        for lo, hi in ((near, far), (-far, -near), (near, near), (-far, -far), (0.0, far), (-far, 0.0)):
            check_scale_and_zero_point(student.scale_and_zero_point(lo, hi, qmin, qmax), lo, hi, qmin, qmax)
        # Narrow ranges and wide ones: only a width of exactly 0 is a case of its own.
        for size in (1e-9, 1e9):
            lo, hi = -near * size, far * size
            check_scale_and_zero_point(student.scale_and_zero_point(lo, hi, qmin, qmax), lo, hi, qmin, qmax)


@exercise("1.2-scale", points=2)
def test_range_of_nothing_but_zero(student, rng):
    for qmin, qmax in ((0, 255), (-128, 127), (-int(rng.integers(1, 99)), int(rng.integers(1, 99)))):
        check_nothing_but_zero(student.scale_and_zero_point(0.0, 0.0, qmin, qmax), qmin, qmax)


# 1.3


def float32_of_codes(scale, *codes):
    """How far scale * (q - z) may be off in float32, also where it is computed as scale * q - scale * z: each product is
    rounded by 2**-24 of itself, and so is their difference; twice that is allowed.
    """
    return scale * sum(np.abs(c).max(initial=0.0) for c in map(np.asarray, codes)) * 2.0**-23


@exercise("1.3-quantize", points=9)
def test_laws_of_a_quantizer(student, rng):
    lopsided = -int(rng.integers(1, 20)), int(rng.integers(30, 90))
    shapes = ((9, 23), (207,), (3, 5, 14), (9, 23), (2, 3, 5, 7), (9, 23), (9, 23))
    ranges = ((0, 255), (-128, 127), (0, 15), (-4, 3), (0, 65535), (-32768, 32767), lopsided)
    for (qmin, qmax), shape in zip(ranges, shapes):
        scale = float(10 ** rng.uniform(-6, 4))
        zero_point = int(rng.integers(qmin, qmax + 1))
        whole = rng.integers(qmin - 20, qmax + 21, shape)
        # Always there: the zero point, both ends, and what lies beyond them.
        whole.reshape(-1)[:5] = zero_point, qmin, qmax, qmin - 9, qmax + 9
        gaps = off_ties(rng, whole - zero_point)
        gaps.reshape(-1)[0] = 0.0
        x = (gaps * scale).astype(np.float32 if qmax == 15 else np.float64)
        call = f"scale {scale!r}, zero point {zero_point}, codes {qmin} to {qmax}"
        codes = codes_array(student.quantize(x, scale, zero_point, qmin, qmax), x.shape, "The result of `quantize`", call)
        check_codes(codes, np.clip(whole, qmin, qmax), x, call)
        dtype(codes, np.int32, what="the codes")
        every = np.unique([zero_point, *np.linspace(qmin, qmax, 257).astype(np.int32)]).astype(np.int32)
        on = f"codes from {qmin} to {qmax}, scale {scale!r}, zero point {zero_point}"
        floats = floats_array(student.dequantize(every, scale, zero_point), every.shape, "The result of `dequantize`", on)
        close(floats, scale * (every - zero_point), rel=1e-6, abs=float32_of_codes(scale, every, zero_point), what="the floats", on=on)
        that(floats[every == zero_point] == 0.0, f"The zero point should dequantise to exactly 0.0, for {on}.")
        # Idempotent: a tensor that was quantised once does not change again.
        again = codes_array(student.quantize(floats, scale, zero_point, qmin, qmax), every.shape, "The result of `quantize`", call)
        check_codes(again, every, floats, f"which `dequantize` gave; {call}")
        back = floats_array(student.dequantize(codes, scale, zero_point), x.shape, "The result of `dequantize`", call)
        want = scale * (codes.astype(float) - zero_point)
        close(back, want, rel=1e-6, abs=float32_of_codes(scale, codes, zero_point), what="the floats of the codes", on=call)


@exercise("1.3-quantize", points=2)
def test_halves_of_random_integers_go_to_even(student, rng):
    whole = rng.integers(-50, 50, 64)
    whole[:4] = 0, 1, -1, -2  # halves of both signs with an even and an odd number below them
    scale = float(2.0 ** rng.integers(-4, 3))
    even = np.where(whole % 2 == 0, whole, whole + 1)
    for zero_point in (0, 2 * int(rng.integers(-20, 20)) + 1):
        x = (whole + 0.5) * scale
        call = f"scale {scale}, zero point {zero_point}, codes -128 to 127"
        got = codes_array(student.quantize(x, scale, zero_point, -128, 127), x.shape, "The result of `quantize`", call)
        check_codes(got, even + zero_point, x, f"a half; {call}")


@exercise("1.3-quantize", points=2)
def test_codes_in_small_integer_types(student, rng):
    scale = float(rng.uniform(0.01, 3))
    for kind in (np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.uint64, np.int64):
        lowest = max(np.iinfo(kind).min, -32768)
        highest = min(np.iinfo(kind).max, lowest + 65535)
        q = np.linspace(lowest, highest, 256).round().astype(kind)
        middle = int(rng.integers(lowest + 100, highest - 99))
        for zero_point in (middle, lowest, highest):
            want = scale * (q.astype(float) - zero_point)
            on = f"256 codes of type {kind.__name__} from {lowest} to {highest}, scale {scale!r}, zero point {zero_point}"
            got = student.dequantize(q, scale, zero_point)
            close(got, want, rel=1e-6, abs=float32_of_codes(scale, want / scale, zero_point), what="the floats", on=on)


@exercise("1.3-quantize", points=2)
def test_nan_empty_and_far_outside(student, rng):
    x = rng.normal(0, 1, (3, 4))
    x[rng.integers(3), rng.integers(4)] = np.nan
    for bad in (np.array([0.5, np.nan]), x, x.astype(np.float32)):
        raises(
            ValueError,
            lambda bad=bad: student.quantize(bad, 0.1, 3, 0, 15),
            what=f"the call of `quantize` with an array of shape {bad.shape} that contains NaN",
        )
    for shape in ((0,), (0, 4), (2, 0, 3)):
        got = student.quantize(np.zeros(shape), 0.1, 3, 0, 15)
        codes_array(got, shape, "The result of `quantize`", f"an empty array of shape {shape}")
    far = np.array([[1e12, -1e12], [float(rng.uniform(1e10, 1e11)), 0.0]])
    got = student.quantize(far, 0.1, 3, 0, 15)
    equal(got, np.array([[15, 0], [15, 3]]), what="the codes", on=f"x = {far.tolist()}, scale 0.1, zero point 3, codes 0 to 15")


# 1.4


@exercise("1.4-bug", points=6)
def test_random_tensors_to_int8(student, rng):
    for spread, shape in ((100, (200,)), (400, (5, 40)), (100_000, (5, 4, 10)), (990_000, (5, 40))):
        scale = float(10 ** rng.uniform(-6, 4))
        whole = rng.integers(-spread, spread, shape)
        # What a small type makes of these is wrong in every run: 40,000 is negative in int16, 70,000 is not float16.
        whole.reshape(-1)[:4] = (130, -130, 128, -129) if spread < 1000 else (40_000, -40_000, 70_000, -98_304)
        # Near a million gaps float32 resolves 1/16 of a gap, and there everything is clipped.
        x = off_ties(rng, whole) * scale
        got = codes_array(student.to_int8(x, scale), whole.shape, "The result of `to_int8`", f"shape {shape}, scale {scale!r}")
        check_codes(got, np.clip(whole, -128, 127), x, f"scale {scale!r}")


@exercise("1.4-bug", points=2)
def test_int8_type_and_both_ends(student, rng):
    scale = float(2.0 ** rng.integers(-3, 3))
    whole = np.array([-129, -128, -127, 126, 127, 128, 255, 256, 383, -384])
    got = student.to_int8(whole * scale, scale)
    dtype(got, np.int8, what="the codes")
    equal(got, np.clip(whole, -128, 127), what="the codes at the ends of int8", on=f"x / scale = {whole.tolist()}, scale {scale}")


# 1.6


def back_from(x, clip, qmax):
    scale = clip / qmax
    return scale * np.clip(np.rint(x / scale), -qmax, qmax)


# What a clip could be judged by instead of the mean squared error. The random tensors are drawn until each of these picks a
# worse candidate than the mean squared error does, in one of them at least; so none of them passes by luck.
OTHER_COSTS = {
    "mean absolute error": lambda x, y, clip: np.abs(x - y).mean(),
    "largest error": lambda x, y, clip: np.abs(x - y).max(),
    "median of the squares": lambda x, y, clip: np.median((x - y) ** 2),
    "fourth powers": lambda x, y, clip: ((x - y) ** 4).mean(),
    "powers of 1.5": lambda x, y, clip: (np.abs(x - y) ** 1.5).mean(),
    "variance": lambda x, y, clip: (x - y).var(),
    "spread and mean added": lambda x, y, clip: (x - y).std() + abs((x - y).mean()),
    "cosine": lambda x, y, clip: -(x * y).sum() / max(np.linalg.norm(y), 1e-30),
    "correlation": lambda x, y, clip: -((x - x.mean()) * (y - y.mean())).sum() / max((y - y.mean()).std(), 1e-30),
    "in gaps": lambda x, y, clip: ((x - y) ** 2).mean() / clip**2,
    "relative": lambda x, y, clip: (((x - y) / (np.abs(x) + 1e-12)) ** 2).mean(),
    "energies": lambda x, y, clip: abs((x**2).mean() - (y**2).mean()),
    "uniform law": lambda x, y, clip: clip**2 / 12 + (np.maximum(np.abs(x) - clip, 0) ** 2).mean(),
    "without the largest": lambda x, y, clip: np.sort((x - y).ravel() ** 2)[:-1].sum(),
    "worst row": lambda x, y, clip: ((x - y) ** 2).reshape(len(x), -1).mean(axis=1).max(),
    "worst column": lambda x, y, clip: ((x - y) ** 2).reshape(-1, x.shape[-1]).mean(axis=0).max(),
    "first row": lambda x, y, clip: ((x[:1] - y[:1]) ** 2).mean(),
    "first values": lambda x, y, clip: ((x - y).ravel()[: len(x)] ** 2).mean(),
    "positive side": lambda x, y, clip: (np.where(x > 0, x - y, 0.0) ** 2).sum(),
    "only within the data": lambda x, y, clip: ((x - y) ** 2).mean() if clip <= np.abs(x).max() else np.inf,
    "median of the rows": lambda x, y, clip: np.median(((x - y) ** 2).reshape(len(x), -1).mean(axis=1)),
}


def tensors_to_clip(rng):
    """(x, candidates, qmax, words): both signs with outliers, one-sided, bell and flat, of one dimension and more; qmax from 1 to 127."""
    loud = 10.0 ** rng.uniform(-3, 3)
    rows = rng.normal(0, 1, (6, 40)) * rng.uniform(0.2, 5, (6, 1)) * rng.permutation([1, 1, 1, 1, 1, 4.0])[:, None]
    made = (
        (rng.uniform(2, 3, (4, 5)), 1, "20 values from 2 to 3, shape (4, 5)"),
        (rng.uniform(0.2, 4, 60), 3, "60 values from 0.2 to 4"),
        (-rng.gamma(1.2, 2.0, (3, 4, 10)), 2, "120 negative values with a long tail, shape (3, 4, 10)"),
        (np.maximum(rng.normal(0.5, 2, (8, 30)), 0.0), 5, "240 values that are 0 or positive, shape (8, 30)"),
        (rows, 7, "rows of very different loudness, shape (6, 40)"),
        (np.concatenate([rng.normal(0, rng.uniform(0.1, 4), 500), rng.normal(0, 20, 3)]), 3, "500 values and three outliers"),
        (np.concatenate([rng.normal(0, rng.uniform(0.1, 4), 500), rng.normal(0, 20, 3)]), 7, "500 values and three outliers"),
        (rng.standard_t(3, (20, 25)) * loud, 127, "values with heavy tails, shape (20, 25)"),
        (rng.uniform(-1, 1, (5, 60)) * loud, 1000, "300 values evenly spread, shape (5, 60)"),
        # Two gaps, one of them as wide as most values are large: the best clip lies beyond all of them.
        (np.append(rng.normal(1, 0.02, 59), -1.8) * loud, 2, "60 values, all but one of nearly the same size"),
    )
    for x, qmax, words in made:
        top = np.abs(x).max()
        yield x, rng.permutation(np.linspace(0.05, 1.5, 24) * rng.uniform(0.97, 1.03, 24)) * top, qmax, words


def best_of(costs):
    return int(np.argmin(costs))


def decisive_tensors(rng):
    """Tensors from `tensors_to_clip` whose best candidate is clear by more than float32 can blur, and which refute OTHER_COSTS."""
    left, found = set(OTHER_COSTS), []
    for _ in range(50):
        for x, candidates, qmax, words in tensors_to_clip(rng):
            back = [back_from(x, c, qmax) for c in candidates]
            mses = np.array([((x - y) ** 2).mean() for y in back])
            best = best_of(mses)
            if np.sort(mses)[1] < 1.001 * mses[best]:
                continue
            refuted = {name for name in left if best_of([OTHER_COSTS[name](x, y, c) for y, c in zip(back, candidates)]) != best}
            if refuted or len(found) < 8:
                found.append((x, candidates, qmax, words, mses))
                left -= refuted
        if not left:
            return found
    raise RuntimeError(f"no tensor tells these from the mean squared error: {sorted(left)}")


@exercise("1.6-calibrate", points=7)
def test_best_clip_of_random_tensors(student, rng):
    for x, candidates, qmax, words, mses in decisive_tensors(rng):
        on = f"{words}, 24 candidates, qmax {qmax}"
        got = real_number(student.best_clip(x, candidates, qmax), "The result of `best_clip`", on)
        off = np.abs(candidates - got)
        # A candidate in float32 is the same candidate.
        that(off.min() <= 1e-6 * got, f"The result of `best_clip` should be one of the candidates; {got:.7g} is none of them, for {on}.")
        chosen, best = int(off.argmin()), best_of(mses)
        that(
            chosen == best,
            f"The clip {got:.5g} has the mean squared error {mses[chosen]:.5g}; {candidates[best]:.5g} has {mses[best]:.5g}, for {on}.",
        )


@exercise("1.6-calibrate", points=3)
def test_bad_tensors_are_refused(student, rng):
    for bad, name in ((np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "minus infinity")):
        x = rng.normal(0, 1, (4, 5))
        x[rng.integers(1, 4), rng.integers(5)] = bad
        for each in (x, x.astype(np.float32).reshape(2, 2, 5)):
            raises(
                ValueError,
                lambda each=each: student.min_max_range(each),
                what=f"the call of `min_max_range` with an array of shape {each.shape} that contains {name}",
            )
    for shape in ((0,), (3, 0), (0, 2, 2)):
        raises(
            ValueError,
            lambda shape=shape: student.min_max_range(np.zeros(shape)),
            what=f"the call of `min_max_range` with an empty array of shape {shape}",
        )


@exercise("1.6-calibrate", points=2)
def test_range_of_good_tensors(student, rng):
    one_sided = rng.uniform(2, 3, 50)
    cube = rng.normal(0, 3, (4, 5, 2))
    cube[1, 2, 0], cube[2, 0, 1] = 20.0, -20.0  # neither in the first row nor in the last
    for x in (cube, cube.astype(np.float32), one_sided, -one_sided, np.full(6, 3.7), np.zeros((2, 2)), np.array([-1.5]), one_sided * 1e-12):
        on = f"an array of shape {x.shape} with values from {x.min():.4g} to {x.max():.4g}"
        lo, hi = pair(student.min_max_range(x), "min_max_range", on)
        close(lo, float(x.min()), rel=1e-6, what="the smallest value", on=on)
        close(hi, float(x.max()), rel=1e-6, what="the largest value", on=on)


# 1.7


@exercise("1.7-channels", points=7)
def test_each_row_has_its_own_scale(student, rng):
    for qmax, shape in ((3, (2, 4)), (7, (5, 33)), (127, (6, 6)), (1, (3, 5)), (32767, (4, 7)), (100, (1, 9)), (15, (7, 1))):
        whole = rng.integers(-qmax, qmax + 1, shape)
        whole[np.arange(shape[0]), rng.integers(0, shape[1], shape[0])] = qmax * rng.choice([-1, 1], shape[0])
        # The largest value of a row must stay the largest, so nothing is pushed beyond qmax.
        gaps = np.clip(off_ties(rng, whole), -qmax, qmax)
        gaps[np.abs(whole) == qmax] = whole[np.abs(whole) == qmax]
        want_scales = 10.0 ** rng.uniform(-3, 2, shape[0])
        want_scales[0] *= 1e-8  # a row of any loudness is a row, if it is not zero
        w = gaps * want_scales[:, None]
        on = f"w = {w.tolist()}, qmax {qmax}" if w.size < 9 else f"w of shape {shape}, rows of very different loudness, qmax {qmax}"
        codes, scales = pair(student.quantize_rows(w, qmax), "quantize_rows", on)
        # 1e-6 for scales in float32, which carry 6e-8.
        close(scales, want_scales, rel=1e-6, what="the scales", on=on)
        codes_array(codes, shape, "The array of codes", on)
        row = int(np.argmax((codes != whole).any(axis=1)))
        where = f"; the first wrong row is {row}, its largest absolute value {np.abs(w[row]).max():.5g}" if w.size > 8 else ""
        equal(codes, whole, what="the codes", on=on + where)


@exercise("1.7-channels", points=3)
def test_rows_of_zeros_and_negative_rows(student, rng):
    w = np.zeros((4, 5))
    w[1] = [-1.27, 0.5, 0.25, 0.0, 0.1]
    w[3, 0] = -float(rng.uniform(1, 5))
    on = f"w = {w.tolist()}, qmax 127"
    codes, scales = pair(student.quantize_rows(w, 127), "quantize_rows", on)
    close(scales, np.array([1.0, 0.01, 1.0, -w[3, 0] / 127]), rel=1e-6, what="the scales", on=on)
    codes_array(codes, (4, 5), "The array of codes", on)
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


def check_requantized(got, acc, *how):
    """The message shows the accumulator of the first wrong code."""
    want = requantized(acc, *how)
    m, shift, zero_point, qmin, qmax = how
    on = f"m = {m}, shift = {shift}, zero point {zero_point}, codes {qmin} to {qmax}"
    codes_array(got, acc.shape, "The result of `requantize`", on)
    wrong = np.argwhere(got != want)
    first = f"acc = {int(acc[tuple(wrong[0])])}, " if len(wrong) else ""
    equal(got, want, what="the codes", on=first + on)


@exercise("1.8-matmul", points=9)
def test_integer_layer_equals_the_float_layer(student, rng):
    for rows, inner, columns in ((1, 1, 2), (3, 5, 4), (2, 300, 7), (4, 4, 4), (5, 2, 1)):
        qa = rng.integers(-128, 128, (rows, inner)).astype(np.int8)
        qb = rng.integers(-128, 128, (inner, columns)).astype(np.int8)
        za, zb = (int(sign * size) for sign, size in zip(rng.choice([-1, 1], 2), rng.integers(20, 129, 2)))
        want = (qa.astype(np.int64) - za) @ (qb.astype(np.int64) - zb)
        codes = f"qa = {qa.tolist()}, qb = {qb.tolist()}" if inner < 6 else f"random int8 codes, shapes {qa.shape} and {qb.shape}"
        on = f"{codes}, za = {za}, zb = {zb}"
        got = codes_array(student.int_matmul(qa, za, qb, zb), (rows, columns), "The result of `int_matmul`", on)
        equal(got, want, what="the accumulators", on=on)
        dtype(got, np.int32, what="the accumulators")

        sa, sb = float(rng.uniform(0.01, 0.1)), float(rng.uniform(0.01, 0.1))
        floats = sa * sb * want
        sy = max(max(floats.max(), 0.0) - min(floats.min(), 0.0), sa * sb) / 255
        zy = int(round(-128 - min(floats.min(), 0.0) / sy))
        fraction, exponent = np.frexp(sa * sb / sy)
        # M is below 255 and far above 2**-29, so the shift lies between 31 and 60 unless M is 1 or more.
        m, shift = min(int(round(float(fraction) * 2**31)), 2**31 - 1), max(31, 31 - int(exponent))
        acc = want.astype(np.int32)
        codes = student.requantize(acc, m, shift, zy, -128, 127)
        check_requantized(codes, acc, m, shift, zy, -128, 127)


@exercise("1.8-matmul", points=3)
def test_accumulator_and_product_do_not_overflow(student, rng):
    # An odd number of odd products, 65,025 each: their sum is odd and above 2**24, which float32 cannot hold, whatever is subtracted first.
    inner = 4001
    qa, qb = np.full((2, inner), -128, np.int8), np.full((inner, 3), 127, np.int8)
    qb[:, 1] = -128
    want = (qa.astype(np.int64) - 127) @ (qb.astype(np.int64) + 128)
    got = student.int_matmul(qa, 127, qb, -128)
    on = f"sums of {inner} products at the ends of int8, za = 127, zb = -128"
    codes_array(got, (2, 3), "The result of `int_matmul`", on)
    equal(got, want, what="the accumulators", on=on)
    dtype(got, np.int32, what="the accumulators")
    acc = np.array([2**31 - 1, -(2**31), 2**30, int(rng.integers(2**28, 2**30)), 12345, 0, 40_000], dtype=np.int32)
    m = int(rng.integers(2**30 + 1, 2**31))
    # -100 moved up by 60 places does not fit into 64 bits, and -5 does: added before the shift, only that one is no mistake.
    for shift, zero_point in ((57, 3), (31, 100), (60, -5), (60, -100), (45, -128)):
        check_requantized(student.requantize(acc, m, shift, zero_point, -128, 127), acc, m, shift, zero_point, -128, 127)


# (acc, m, shift) for which acc * m / 2**shift lies below a half by less than a float64 of that size can hold: found by factoring the
# numbers just below odd multiples of 2**(shift - 1). Who computes with floats on the way rounds the half up, integers do not.
BELOW_HALF = (
    (31279099, 1079858381, 52),
    (70495494, 1373525973, 52),
    (14795259, 2130763469, 53),
    (68689123, 1770253930, 53),
    (205375050, 1359576915, 54),
    (297542418, 1301695303, 54),
    (136360253, 1981633003, 55),
    (361291029, 1545696707, 55),
    (283090429, 1909043542, 56),
    (513419743, 2105224673, 57),
    (1693811049, 1148625781, 57),
    (935142077, 1078773313, 58),
    (706728377, 1223512677, 59),
)


@exercise("1.8-matmul", points=3)
def test_requantize_rounds_and_clips(student, rng):
    acc = rng.integers(-4000, 4000, 200).astype(np.int32)
    acc[:4] = 2, -2, 6, -6
    cases = ((32, 0, -128, 127), (33, int(rng.integers(100, 156)), 0, 255), (31, -5, -8, 7), (31, 20, -300, 2000))
    for shift, zero_point, qmin, qmax in cases:
        got = student.requantize(acc, 2**30, shift, zero_point, qmin, qmax)
        check_requantized(got, acc, 2**30, shift, zero_point, qmin, qmax)
    for value, m, shift in BELOW_HALF:
        acc, zero_point = np.array([[value, -value]], np.int32), int(rng.integers(-20, 20))
        check_requantized(student.requantize(acc, m, shift, zero_point, -128, 127), acc, m, shift, zero_point, -128, 127)


# 1.9


def packed_by_hand(codes):
    codes = [int(c) for c in codes] + [0] * (len(codes) % 2)
    return np.array([a + 16 * b for a, b in zip(codes[0::2], codes[1::2])], dtype=np.uint8)


def check_pack(student, codes, on):
    want = packed_by_hand(codes)
    got = codes_array(student.pack4(codes), want.shape, "The result of `pack4`", on)
    equal(got, want, what="the packed bytes", on=on)
    dtype(got, np.uint8, what="the packed bytes")


def check_unpack(student, codes, on):
    packed, on = packed_by_hand(codes), f"{on}, packed"
    got = codes_array(student.unpack4(packed, len(codes)), codes.shape, "The result of `unpack4`", on)
    equal(got, codes, what="the unpacked codes", on=on)
    dtype(got, np.uint8, what="the unpacked codes")


@exercise("1.9-bytes", points=6)
def test_pack_and_unpack_random_codes(student, rng):
    # Other codes for unpack4 than pack4 was given: it could have kept those to hand them back.
    for check in (check_pack, check_unpack):
        for n in (2, 8, int(rng.integers(50, 100)) * 2):
            codes = rng.integers(0, 16, n).astype(np.uint8)
            check(student, codes, f"codes {codes.tolist()}" if n < 9 else f"{n} random codes")
        pairs = rng.permutation(256).astype(np.uint8)
        check(student, np.stack([pairs & 15, pairs >> 4], axis=1).ravel(), "all 256 pairs of codes")


@exercise("1.9-bytes", points=3)
def test_every_length_comes_back(student, rng):
    for check in (check_pack, check_unpack):
        for n in range(18):
            codes = rng.integers(0, 16, n).astype(np.uint8)
            check(student, codes, f"codes {codes.tolist()}")
        # Codes that are 0 are codes, at the end, too: alone, before and after others, in a pair and in the last half byte.
        for zeros in range(1, 7):
            for other in (0, 1, 2, 3):
                codes = np.concatenate([rng.integers(1, 16, other), np.zeros(zeros, int)]).astype(np.uint8)
                check(student, codes, f"codes {codes.tolist()}")


@exercise("1.9-bytes", points=3)
def test_every_byte_is_counted(student, rng):
    cases = [(0, 4, 0, 0), (0, 8, 2, 3), (1, 4, 1, 1), (8, 4, 1, 0), (9, 3, 0, 0), (7, 8, 2, 2), (5, 2, 0, 1), (11, 16, 0, 0)]
    cases += [tuple(int(v) for v in rng.integers((1, 2, 1, 0), (10**6, 17, 999, 999))) for _ in range(6)]
    # Every remainder of bits, so that rounding to the nearest byte, or down, or up by one always, is wrong in each run.
    cases += [(8 * int(rng.integers(1, 1000)) + left, 3, 1, 1) for left in range(8)]
    for n, bits, scales, zero_points in cases:
        want = -(-n * bits // 8) + 4 * scales + zero_points
        got = student.stored_bytes(n, bits, scales, zero_points)
        on = stored_in_words(n, bits, scales, zero_points)
        equal(got, want, what="the stored bytes", on=on)
        whole_number(got, "The number of bytes", on)
