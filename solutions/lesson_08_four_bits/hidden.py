"""The hidden checks of lesson 08: laws on random inputs. They run only when grading.

Of each exercise the first check is the core; later ones are edge cases.
"""

import numpy as np

from autograder.checks import exercise
from autograder.checks.expect import all_of, letter, that
from course_lessons.lesson_08_four_bits.visible import (
    blocks_of,
    check_awq,
    check_blocks,
    check_blocks_back,
    check_factors,
    check_fp4,
    check_gptq,
    check_groups,
    check_groups_back,
    check_halves,
    check_hessian,
    check_levels,
    check_loss,
    check_mx,
    check_pairs,
    check_smooth,
    check_unpacked,
    clear_blocks,
    clear_groups,
    fp4_of,
    hessian_of,
    layer_for_awq,
    levels_of,
    loss_of,
    loud_layer,
    paying,
    solved,
)

# 8.1


@exercise("8.1-predict", points=5)
def test_predict_one_scale(student, rng):
    that(letter(student.value("predict_8_1"), "predict_8_1") == "c", "The prediction is not right.")


# 8.2


@exercise("8.2-groups", points=8)
def test_codes_and_bits_of_random_layers(student, rng):
    asked = []
    for rows, columns, group, bits, kind in (
        (5, 24, 8, 4, np.float64),
        (3, 20, 5, 3, np.float32),
        (4, 12, 4, int(rng.integers(5, 9)), np.float64),
        (2, 9, 3, 2, np.float64),
    ):
        w = clear_groups(rng, rows, columns, group, bits, kind)
        on = f"{rows} x {columns} random weights in {np.dtype(kind)}, groups of {group}, {bits} bits"
        codes, scales = rng.integers(-7, 8, w.shape).astype(np.int8), rng.uniform(0.1, 2, (rows, columns // group))
        asked.append((check_groups, student, w, group, bits, on))
        asked.append((check_groups_back, student, codes, scales, f"{rows} x {columns} random codes, {scales.shape[1]} scales in each row"))
    for _ in range(4):
        bits, group = int(rng.integers(2, 9)), int(rng.integers(2, 300))
        asked.append((paying, student, bits, group, int(rng.integers(4, 33)), int(rng.integers(1, 9))))
        asked.append((paying, student, bits, group, float(rng.uniform(4, 33))))
    all_of(*asked)


@exercise("8.2-groups", points=4)
def test_tiny_weights_empty_groups_and_groups_of_one(student, rng):
    tiny = clear_groups(rng, 3, 12, 4, 4) * np.array([[1e-12], [1.0], [1e-3]])
    holes = clear_groups(rng, 3, 12, 4, 4)
    holes[0, :4] = holes[1, 8:] = holes[2] = 0.0
    single = rng.normal(size=(2, 5))
    all_of(
        (check_groups, student, tiny, 4, 4, "3 x 12 weights, the first row about 1e-12, groups of 4, 4 bits"),
        (check_groups, student, holes, 4, 4, "3 x 12 weights with groups of zeros, groups of 4, 4 bits"),
        (check_groups, student, single, 1, 4, "2 x 5 weights, groups of 1, 4 bits"),
        (check_groups, student, clear_groups(rng, 4, 6, 6, 8), 6, 8, "4 x 6 weights, one group a row, 8 bits"),
        (paying, student, 4, 64, 8 + 32 / 256),
    )


# 8.3


@exercise("8.3-pack", points=8)
def test_random_codes_there_and_back(student, rng):
    for kind in (np.int8, np.int64, np.int32):
        codes = rng.integers(-8, 8, int(rng.integers(5, 30)) * 2).astype(kind)
        on = f"{len(codes)} random codes in {codes.dtype}"
        other = rng.integers(-8, 8, len(codes)).astype(np.int8)  # what was given to pack could have been kept for the reading
        blocks = rng.integers(-8, 8, 32 * int(rng.integers(1, 5))).astype(kind)
        all_of(
            (check_pairs, student, codes, on),
            (check_unpacked, student, other, f"the bytes of {len(other)} random codes"),
            (check_halves, student, blocks, f"{len(blocks)} random codes in {blocks.dtype}"),
        )


@exercise("8.3-pack", points=4)
def test_every_pair_and_odd_numbers_of_codes(student, rng):
    every = np.array([(a, b) for a in range(-8, 8) for b in range(-8, 8)], np.int8).reshape(-1)
    odd = rng.integers(-8, 8, 2 * int(rng.integers(3, 12)) + 1).astype(np.int8)
    one = np.array([int(rng.integers(-8, 8))], np.int8)
    all_of(
        (check_pairs, student, every, "all 256 pairs of codes"),
        (check_unpacked, student, every, "the bytes of all 256 pairs of codes"),
        (check_pairs, student, odd, f"{len(odd)} random codes"),
        (check_unpacked, student, rng.permutation(odd), f"the bytes of {len(odd)} random codes"),
        (check_pairs, student, one, f"a single code, {one[0]}"),
        (check_unpacked, student, one, f"the byte of a single code, {one[0]}"),
    )


# 8.4


@exercise("8.4-nf4", points=10)
def test_levels_and_random_blocks(student, rng):
    asked = [(check_levels, student, bits) for bits in (4, 3, 2, int(rng.integers(5, 9)))]
    for bits, block, blocks in ((4, 16, 5), (3, 7, 4), (4, 5, 9)):
        levels, n = levels_of(bits), block * blocks
        w = clear_blocks(rng, n, levels, block)
        asked.append((check_blocks, student, w, levels, block, f"{n} random numbers, the normal levels of {bits} bits, blocks of {block}"))
        codes, absmax = rng.integers(0, len(levels), n).astype(np.uint8), rng.uniform(0.1, 3, blocks)
        asked.append(
            (check_blocks_back, student, codes, absmax, levels, block, f"{n} random codes, {len(levels)} levels, blocks of {block}")
        )
    all_of(*asked)


@exercise("8.4-nf4", points=4)
def test_short_last_blocks_and_other_levels(student, rng):
    asked = []
    for n, block, size in ((23, 8, 1e-14), (9, 8, 10.0 ** rng.integers(-9, 3)), (5, 12, 10.0 ** rng.integers(-9, 3)), (4, 1, 100.0)):
        middle = np.sort(rng.uniform(-0.95, 0.95, 4))
        levels = np.sort(np.concatenate([[-1.0, 0.0, 1.0], middle[np.abs(middle) > 0.02]]))
        w = clear_blocks(rng, n, levels, block, size=size)
        asked.append(
            (check_blocks, student, w, levels, block, f"{n} random numbers of about {size:g}, {len(levels)} levels, blocks of {block}")
        )
        codes, absmax = rng.integers(0, len(levels), n).astype(np.uint8), rng.uniform(0.1, 3, -(-n // block))
        asked.append(
            (check_blocks_back, student, codes, absmax, levels, block, f"{n} random codes, {len(levels)} levels, blocks of {block}")
        )
    all_of(*asked)


@exercise("8.4-nf4", points=3)
def test_blocks_of_zeros_and_a_second_trip(student, rng):
    levels = levels_of(4)
    w = clear_blocks(rng, 24, levels, 8)
    w[8:16] = 0.0
    check_blocks(student, w, levels, 8, "24 numbers, the second block all 0, NF4, blocks of 8")
    check_blocks(student, np.zeros(5), levels, 4, "five zeros, NF4, blocks of 4")
    codes, absmax, _ = blocks_of(w, levels, 8)
    once = levels[codes] * np.repeat(absmax, 8)
    check_blocks(student, once, levels, 8, "numbers that have been through NF4 already, blocks of 8")


# 8.5


def correlated(rng, samples, columns, share=0.7):
    """Inputs that have a part in common, of unequal loudness."""
    x = share**0.5 * rng.normal(size=(samples, 1)) + (1 - share) ** 0.5 * rng.normal(size=(samples, columns))
    return x * rng.uniform(0.5, 2, columns)


def layer_for_gptq(rng, rows, columns, qmax, size=0.8, samples=60, damp=0.01):
    """(w, h, scales) of which nothing is rounded near half-way; each weight has its own step. A large `size` is clipped."""
    while True:
        h = hessian_of(correlated(rng, samples, columns), damp)
        scales = rng.uniform(0.5, 1.5, (rows, columns))
        w = scales * rng.uniform(-qmax, qmax, (rows, columns)) * size
        _, clear, clipped = solved(w, h, scales, qmax)
        if clear and (size <= 0.5 or clipped):
            return w, h, scales


@exercise("8.5-gptq", points=12)
def test_equals_least_squares_and_prints_its_own_error(student, rng):
    asked = []
    for rows, columns, qmax, size in ((4, 6, 7, 0.5), (2, 9, 7, 0.5), (5, 4, 3, 1.3)):
        w, h, scales = layer_for_gptq(rng, rows, columns, qmax, size)
        asked.append((check_gptq, student, w, h, scales, qmax, f"{rows} x {columns} random weights, correlated inputs, qmax {qmax}"))
    for samples, columns, damp in ((30, 5, 0.01), (12, 7, float(rng.uniform(0.02, 0.3)))):
        x = correlated(rng, samples, columns)
        asked.append((check_hessian, student, x, damp, f"{samples} x {columns} random inputs, damp {damp:.3g}"))
    all_of(*asked)


@exercise("8.5-gptq", points=4)
def test_few_samples_and_dead_inputs(student, rng):
    asked = []
    for samples, columns, dead in ((3, 8, 0), (1, 5, 0), (20, 6, 2), (4, 7, 3)):
        x = correlated(rng, samples, columns)
        x[:, rng.permutation(columns)[:dead]] = 0.0
        said = f"{samples} x {columns} random inputs, {dead} of them dead, damp 0.05"
        asked.append((check_hessian, student, x, 0.05, said))
    all_of(*asked)


@exercise("8.5-gptq", points=4)
def test_inputs_without_correlation_give_plain_rounding(student, rng):
    while True:
        scales = rng.uniform(0.5, 1.5, (4, 6))
        share = rng.uniform(-9, 9, (4, 6))
        if (np.abs(share - np.rint(share)) < 0.49).all():
            break
    h = np.diag(rng.uniform(0.5, 4, 6))
    check_gptq(student, scales * share, h, scales, 7, "4 x 6 random weights, a diagonal H, qmax 7")
    w, h, scales = layer_for_gptq(rng, 1, 5, 7, 0.5)
    check_gptq(student, w, h, scales, 7, "a single row of 5 random weights, correlated inputs, qmax 7")
    check_gptq(student, np.zeros((2, 5)), h, np.ones((2, 5)), 7, "2 x 5 weights that are all 0")


# 8.6


def clear_loss(rng, group, bits):
    while True:
        w, x = loud_layer(rng)
        s = np.exp(rng.normal(size=8))
        if loss_of(w, x, s, group, bits)[1]:
            return w, x, s


@exercise("8.6-awq", points=8)
def test_factors_losses_and_grid_of_random_layers(student, rng):
    asked = []
    for alpha in (0.5, float(rng.uniform(0.1, 0.9)), 1.0):
        x = rng.normal(size=(30, 7)) * np.exp(2 * rng.normal(size=7)) + rng.normal(size=7)
        asked.append((check_factors, student, x, alpha, f"30 x 7 random inputs of unequal loudness, alpha {alpha:.3g}"))
    for group, bits in ((4, 4), (2, 3), (8, 5)):
        asked.append(
            (
                check_loss,
                student,
                *clear_loss(rng, group, bits),
                group,
                bits,
                f"6 x 8 random weights, random s, groups of {group}, {bits} bits",
            )
        )
    for group, bits, planted in ((4, 4, False), (8, 3, False), (4, 4, True)):
        w, x = layer_for_awq(rng, group, bits, planted=planted)
        asked.append((check_awq, student, w, x, group, bits, f"6 x 8 random weights, two loud inputs, groups of {group}, {bits} bits"))
    all_of(*asked)


@exercise("8.6-awq", points=3)
def test_quiet_inputs_are_held_at_the_floor(student, rng):
    x = rng.normal(size=(20, 6)) * np.array([1.0, 1e-7, 3.0, 1e-9, 0.5, 1e-5])
    alpha = float(rng.uniform(0.85, 1.0))
    all_of(
        (check_factors, student, x, alpha, f"20 x 6 inputs, some of size 1e-7 and less, alpha {alpha:.3g}"),
        (check_factors, student, x, 0.0, "20 x 6 inputs, some of size 1e-7 and less, alpha 0"),
    )


@exercise("8.6-awq", points=3)
def test_ends_of_the_grid(student, rng):
    w, x = layer_for_awq(rng, 8, 3, lambda alpha: alpha == 0.95, planted=True)
    signs = np.where(rng.random((16, 8)) < 0.5, -1.0, 1.0)
    all_of(
        (check_awq, student, w, x, 8, 3, "6 x 8 weights, two loud inputs with small weights, groups of 8, 3 bits"),
        (check_awq, student, rng.normal(size=(6, 8)), signs, 4, 4, "6 x 8 weights, all inputs 1 or -1: every alpha has the same loss"),
        (check_factors, student, 1000 * x, 0.5, "random inputs times 1000, alpha 0.5"),
        (check_factors, student, signs, 0.7, "all inputs 1 or -1, alpha 0.7"),
    )


# 8.7


@exercise("8.7-bug", points=6)
def test_random_norms_and_layers(student, rng):
    for alpha in (0.5, float(rng.uniform(0.1, 0.9))):
        gain, bias, w = rng.normal(size=9), rng.normal(size=9), rng.normal(size=(5, 9))
        largest = np.exp(rng.normal(size=9))
        check_smooth(student, gain, bias, w, largest, alpha, f"a random norm and a random layer of 5 x 9 weights, alpha {alpha:.3g}")


@exercise("8.7-bug", points=2)
def test_both_ends_of_alpha_and_the_floor(student, rng):
    gain, bias, w = rng.normal(size=6), rng.normal(size=6), rng.normal(size=(4, 6))
    for alpha in (0.0, 1.0):
        check_smooth(student, gain, bias, w, np.exp(rng.normal(size=6)), alpha, f"a random norm and a random layer, alpha {alpha}")
    quiet = np.array([1.0, 1e-8, 2.0, 1e-9, 1.0, 5.0])
    check_smooth(student, gain, bias, w, quiet, 1.0, "two inputs that are hardly ever above 0, alpha 1")


# 8.8


@exercise("8.8-mxfp4", points=8)
def test_random_numbers_and_random_blocks(student, rng):
    asked = [
        (check_fp4, student, rng.uniform(-8, 8, shape), f"{shape} random numbers from -8 to 8") for shape in ((40,), (5, 8), (2, 3, 4))
    ]
    for blocks, kind in ((1, "normal"), (4, "normal"), (3, "long tails")):
        w = rng.normal(size=32 * blocks) if kind == "normal" else rng.standard_t(2, size=32 * blocks)
        w *= np.repeat(np.exp(2 * rng.normal(size=blocks)), 32)
        asked.append((check_mx, student, w, f"{blocks} random blocks, {kind}"))
    all_of(*asked)


@exercise("8.8-mxfp4", points=4)
def test_halves_powers_of_two_and_a_second_trip(student, rng):
    halves = np.array([0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5.0])
    w = rng.normal(size=64)
    w[int(rng.integers(32))] = 8.0 * 2.0 ** int(rng.integers(0, 4))  # by far the largest of its block, a power of 2
    k = 2.0 ** int(rng.integers(-20, 20))
    near = rng.uniform(-1, 1, 32) * 6
    near[3] = float(rng.uniform(7.0, 7.9))
    all_of(
        (check_fp4, student, rng.permutation(np.concatenate([halves, -halves])), "all numbers half-way between two E2M1 numbers"),
        (check_mx, student, w, "two random blocks, the largest number of the first is a power of 2"),
        (check_mx, student, w * k, f"the same times {k:g}"),
        (check_mx, student, near * k, "a block whose largest number lies between 7 and 7.9 scales"),
        (check_mx, student, fp4_of(rng.uniform(-6, 6, 32)), "a block of E2M1 numbers"),
        (check_mx, student, np.concatenate([np.zeros(32), w]), "a block of zeros and two random ones"),
    )
