"""The hidden checks of lesson 05: laws on random inputs. They run only when grading.

Of each exercise the first check is the core; later ones are edge cases.
"""

import numpy as np
import torch

from autograder.checks import exercise
from autograder.checks.expect import close, equal, letter, real_number, several, show, that, whole_number
from course_lessons.lesson_05_low_rank.visible import (
    FLOAT64,
    check_balanced,
    check_best_product,
    check_errors,
    check_lora_gradients,
    check_lora_merge,
    check_lora_output,
    check_lora_start,
    check_output_error,
    check_seeds,
    check_two_convs,
    check_two_linears,
    float_tensor,
    random_conv,
    random_linear,
    rounding,
    slippery,
    two_tables,
    two_tables_64,
)
from autograder.checks.modules import run_module


def falling(rng, m, n, ratio=0.8):
    """A random table whose singular values fall: each about `ratio` of the one before."""
    k = min(m, n)
    u, _ = np.linalg.qr(rng.normal(size=(m, k)))
    v, _ = np.linalg.qr(rng.normal(size=(n, k)))
    return float(rng.uniform(0.5, 5)) * (u * (ratio ** np.arange(k) * rng.uniform(0.9, 1.1, k))) @ v.T


# 5.1


@exercise("5.1-predict", points=5)
def test_predict_is_120_per_cent(student, rng):
    that(letter(student.value("predict_5_1"), "predict_5_1") == "b", "The prediction is not right.")


# 5.2


@exercise("5.2-factors", points=8)
def test_no_product_of_that_rank_is_closer(student, rng):
    for m, n, rank in ((12, 20, 1), (12, 20, 5), (20, 12, 4), (9, 9, 9), (7, 15, 7)):
        w = falling(rng, m, n)
        left, right = two_tables(student.low_rank_factors(w, rank), (m, n), rank, "low_rank_factors")
        check_best_product(w, left, right, rank, f"a random w of shape {(m, n)}, rank {rank}")


@exercise("5.2-factors", points=4)
def test_both_tables_share_the_singular_values(student, rng):
    """Whatever the size of the numbers, and in float32, as weights of networks are."""
    for m, n, rank, size, kind in (
        (12, 20, 5, 1.0, np.float64),
        (20, 12, 12, 1e-9, np.float64),
        (10, 14, 6, 1e3, np.float32),
        (8, 6, 6, 1e-9, np.float32),
    ):
        w = (size * falling(rng, m, n)).astype(kind)
        left, right = two_tables(student.low_rank_factors(w, rank), (m, n), rank, "low_rank_factors")
        on = f"a random w of shape {(m, n)} in {w.dtype}, rank {rank}"
        check_best_product(w.astype(np.float64), left, right, rank, on)
        check_balanced(w.astype(np.float64), left, right, rank, on)


@exercise("5.2-factors", points=2)
def test_equal_missing_and_single_parts(student, rng):
    """Equal singular values (a multiple of an orthogonal table), some that are 0, rank below min(m, n), one row, one column."""
    orthogonal, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    thin = rng.normal(size=(8, 2)) @ rng.normal(size=(2, 10))
    single = np.zeros((6, 4))  # the other singular values are exactly 0
    single[rng.integers(6), rng.integers(4)] = rng.uniform(0.5, 9)
    for w, rank, name in (
        (3 * orthogonal, 2, "three times an orthogonal table"),
        (thin, 2, "a table of rank 2"),
        (thin, 5, "a table of rank 2"),
        (rng.normal(size=(1, 7)), 1, "one row"),
        (rng.normal(size=(7, 1)), 1, "one column"),
        (single, 4, "a table with a single entry that is not 0"),
        (np.zeros((4, 5)), 2, "a table of zeros"),
    ):
        left, right = two_tables(student.low_rank_factors(w, rank), w.shape, rank, "low_rank_factors")
        check_best_product(w, left, right, rank, f"{name}, rank {rank}")
        check_balanced(w, left, right, rank, f"{name}, rank {rank}")


# 5.3


@exercise("5.3-error", points=7)
def test_formula_equals_the_measured_error(student, rng):
    for m, n, kind in ((12, 20, np.float64), (20, 12, np.float64), (10, 10, np.float32)):
        w = falling(rng, m, n)
        u, s, vt = np.linalg.svd(w, full_matrices=False)
        s = s.astype(kind).astype(np.float64)  # what float32 can hold
        w = (u * s) @ vt
        for rank in (1, int(rng.integers(2, 8)), min(m, n) - 1):
            missing = w - (u[:, :rank] * s[:rank]) @ vt[:rank]
            on = f"singular values of a random table of {m} x {n} in {np.dtype(kind)}, rank {rank}"
            # The measured norm carries roundings of the size of the whole table.
            slack = 100 * FLOAT64 * np.linalg.norm(w)
            got = student.truncation_errors(s.astype(kind), rank)
            check_errors(got, float(np.linalg.norm(missing)), float(np.linalg.norm(missing, 2)), len(s), on, slack)
            frobenius, spectral = (real_number(each, "The error") for each in several(got, 2, "truncation_errors"))
            for _ in range(5):  # no other table of that rank does better: random left tables with their best right ones
                basis = np.linalg.qr(rng.normal(size=(m, rank)))[0]
                other = w - basis @ (basis.T @ w)
                that(
                    frobenius <= np.linalg.norm(other) * (1 + 1e-5) and spectral <= np.linalg.norm(other, 2) * (1 + 1e-5),
                    f"A random table of rank {rank} has a smaller error than yours; {on}.",
                )


@exercise("5.3-error", points=3)
def test_nothing_or_everything_dropped(student, rng):
    s = np.sort(rng.integers(1, 64, 9))[::-1] / 8  # eighths: their squares add up exactly in every order
    uneven = slippery(rng, int(rng.integers(10, 60)))
    for values, rank, frobenius, spectral in (
        (s, 0, float(np.linalg.norm(s)), float(s[0])),
        (s, 9, 0.0, 0.0),
        (s[:1], 1, 0.0, 0.0),
        (s[:1], 0, float(s[0]), float(s[0])),
        (np.zeros(3), 1, 0.0, 0.0),
        (np.full(5, 2.0), 1, 4.0, 2.0),
        (uneven, len(uneven), 0.0, 0.0),
        *((size * s, 0, size * float(np.linalg.norm(s)), size * float(s[0])) for size in (1e-3, 1e-7, 1e-9)),
    ):
        on = f"{len(values)} singular values from {values[0]:.3g} to {values[-1]:.3g}, rank {rank}"
        check_errors(student.truncation_errors(values, rank), frobenius, spectral, len(values), on)


# 5.4


@exercise("5.4-rank", points=8)
def test_three_rules_on_random_layers(student, rng):
    for _ in range(8):
        m, n = (int(v) for v in rng.integers(2, 900, 2))
        got = whole_number(student.break_even_rank(m, n), "The result of break_even_rank")
        that(
            0 <= got <= m + n and got * (m + n) < m * n <= (got + 1) * (m + n),
            f"For a table of {m} x {n} break_even_rank gives {show(got)}: at that rank the pair must be smaller than the table, at the next it must not.",
        )
        budget = int(rng.integers(0, m * n))
        fits = max((r for r in range(min(m, n) + 1) if r * (m + n) <= budget), default=0)
        equal(
            whole_number(student.rank_for_budget(m, n, budget), "The result of rank_for_budget"),
            fits,
            what="the largest rank that fits",
            on=f"{m} x {n}, budget {budget}",
        )
    for kind, size in ((np.float64, 1.0), (np.float32, 1.0), (np.float64, 1e-9), (np.float32, 1e-9)) * 2:
        s = size * np.sort(rng.uniform(0.05, 4, int(rng.integers(3, 40))))[::-1].astype(kind)
        share_at = np.cumsum(s.astype(float) ** 2) / np.sum(s.astype(float) ** 2)
        rank = int(rng.integers(1, len(s)))
        # Half-way between two ranks: rounding, in float32 too, cannot turn it.
        share = float((share_at[rank - 1] + share_at[rank]) / 2)
        got = whole_number(student.rank_for_energy(s, share), "The result of rank_for_energy")
        equal(
            got,
            rank + 1,
            what="the smallest rank that reaches the share",
            on=f"{len(s)} random singular values in {s.dtype}, the largest {s[0]:.3g}, share {share:.4f}",
        )


@exercise("5.4-rank", points=4)
def test_equal_counts_and_exact_hits(student, rng):
    for _ in range(4):
        half = int(rng.integers(2, 300))
        on = f"a table of {2 * half} x {2 * half}, where rank {half} has exactly as many weights"
        equal(
            whole_number(student.break_even_rank(2 * half, 2 * half), "The result of break_even_rank"),
            half - 1,
            what="the largest rank that saves weights",
            on=on,
        )
        rank = int(rng.integers(1, 2 * half))
        on = f"{2 * half} x {2 * half}, a budget of {rank * 4 * half}, which rank {rank} hits exactly"
        equal(
            whole_number(student.rank_for_budget(2 * half, 2 * half, rank * 4 * half), "The result of rank_for_budget"),
            rank,
            what="the largest rank that fits",
            on=on,
        )
    # Equal squares, as many as a square number, and so many of them kept: hit exactly with sums, with norms and with what is missing.
    for value, k, kept in ((1.0, 4, 1), (2.0, 16, 4), (2.0, 16, 9), (4.0, 64, 25), (0.5, 64, 36)):
        got = whole_number(student.rank_for_energy(np.full(k, value), kept / k), "The result of rank_for_energy")
        equal(got, kept, what="the smallest rank that reaches the share", on=f"{k} singular values of {value:g}, share {kept / k}")


@exercise("5.4-rank", points=2)
def test_tiny_tables_large_budgets_and_all_of_the_energy(student, rng):
    for m, n, want in ((1, 1, 0), (1, 50, 0), (50, 1, 0), (2, 2, 0), (2, 3, 1), (3, 3, 1)):
        equal(
            whole_number(student.break_even_rank(m, n), "The result of break_even_rank"),
            want,
            what="the largest rank that saves weights",
            on=f"a table of {m} x {n}",
        )
    short, long = int(rng.integers(3, 30)), int(rng.integers(30, 60))
    for m, n in ((short, long), (long, short)):
        equal(
            whole_number(student.rank_for_budget(m, n, 10**7), "The result of rank_for_budget"),
            short,
            what="the rank",
            on=f"{m} x {n}, a budget of 10 million",
        )
        equal(
            whole_number(student.rank_for_budget(m, n, 0), "The result of rank_for_budget"), 0, what="the rank", on=f"{m} x {n}, no budget"
        )
    for s, share, want in (([3.0], 0.95, 1), ([2.0, 0.0, 0.0], 1.0, 1), ([2.0, 1.0, 2.0**-10], 0.01, 1)):
        got = whole_number(student.rank_for_energy(np.array(s), share), "The result of rank_for_energy")
        equal(got, want, what="the smallest rank that reaches the share", on=f"singular values {s}, share {share}")
    for k in (int(rng.integers(12, 40)), int(rng.integers(150, 400))):
        got = whole_number(student.rank_for_energy(slippery(rng, k), 1.0), "The result of rank_for_energy")
        equal(got, k, what="the smallest rank that reaches the share", on=f"{k} singular values, none of them small, share 1.0")


# 5.5


@exercise("5.5-bug", points=5)
def test_random_networks_never_grow(student, rng):
    for _ in range(8):
        shapes = [tuple(int(v) for v in rng.integers(5, 800, 2)) for _ in range(int(rng.integers(1, 6)))]
        m, n = shapes[0]
        for rank in (int(rng.integers(1, 400)), m * n // (m + n), m * n // (m + n) + 1):
            want = sum(min(a * b, rank * (a + b)) for a, b in shapes)
            got = whole_number(student.weights_after(shapes, rank), "The result of weights_after")
            equal(got, want, what="the weights of all layers together", on=f"layers of {shapes}, rank {rank}")


@exercise("5.5-bug", points=3)
def test_long_and_short_layers(student, rng):
    long = int(rng.integers(2000, 9000))
    for shapes in ([(long, 12)], [(12, long)], [(1, long)], [(40, 40)], [(40, 40), (long, 12), (40, 40)]):
        for rank in (1, 6, 11, 12, 13, 20, 50):
            want = sum(min(a * b, rank * (a + b)) for a, b in shapes)
            got = whole_number(student.weights_after(shapes, rank), "The result of weights_after")
            equal(got, want, what="the weights of all layers together", on=f"layers of {shapes}, rank {rank}")


# 5.6


@exercise("5.6-layers", points=10)
def test_random_layers_in_two(student, rng):
    for n, m, rank, bias in ((9, 6, 2, True), (5, 11, 3, True), (7, 7, 4, False), (1, 4, 1, True), (4, 1, 1, True)):
        layer = random_linear(rng, n, m, bias)
        left, right = float_tensor(rng, m, rank), float_tensor(rng, rank, n)
        on = f"nn.Linear({n}, {m}, bias={bias}), rank {rank}"
        check_two_linears(student, layer, left, right, float_tensor(rng, 8, n), on)
        check_two_linears(student, layer.requires_grad_(False), left, right, float_tensor(rng, 8, n), f"a frozen {on}")
    for args, rank, bias in (((3, 5, 3), 2, True), ((4, 2, 1), 3, True), ((2, 6, 5), 4, False)):
        layer = random_conv(rng, *args, padding=args[2] // 2, bias=bias)
        left, right = float_tensor(rng, args[1], rank), float_tensor(rng, rank, args[0] * args[2] ** 2)
        on = f"nn.Conv2d({', '.join(map(str, args))}, padding={args[2] // 2}, bias={bias}), rank {rank}"
        check_two_convs(student, layer, left, right, float_tensor(rng, 2, args[0], 7, 6), on)
        check_two_convs(student, layer.requires_grad_(False), left, right, float_tensor(rng, 2, args[0], 7, 6), f"a frozen {on}")


@exercise("5.6-layers", points=3)
def test_full_rank_is_the_old_layer(student, rng):
    layer = random_linear(rng, 8, 6)
    u, s, vt = torch.linalg.svd(layer.weight.detach(), full_matrices=False)
    left, right = u * s.sqrt(), s.sqrt()[:, None] * vt
    got = check_two_linears(student, layer, left, right, float_tensor(rng, 4, 8), "nn.Linear(8, 6) at full rank")
    x = float_tensor(rng, 16, 8)
    with torch.no_grad():
        large = x.abs() @ (left.abs() @ right.abs()).T
        close(run_module(got, x), layer(x), abs=rounding(large.numpy(), 48), what="the output at full rank, against the old layer")
    conv = random_conv(rng, 3, 4, 3, padding=1)
    u, s, vt = torch.linalg.svd(conv.weight.detach().flatten(1), full_matrices=False)
    left, right = u * s.sqrt(), s.sqrt()[:, None] * vt
    check_two_convs(student, conv, left, right, float_tensor(rng, 2, 3, 6, 6), "nn.Conv2d(3, 4, 3, padding=1) at full rank")


@exercise("5.6-layers", points=3)
def test_strides_paddings_and_flat_kernels(student, rng):
    for kernel, settings in (
        ((3, 3), {"stride": 2, "padding": 1}),
        ((3, 5), {"stride": (2, 1), "padding": (0, 2)}),
        ((3, 3), {"padding": 2, "dilation": 2}),
        ((2, 4), {"stride": (1, 3), "padding": (1, 2), "dilation": (2, 1), "bias": False}),
    ):
        layer = random_conv(rng, 2, 4, kernel, **settings)
        left, right = float_tensor(rng, 4, 3), float_tensor(rng, 3, 2 * kernel[0] * kernel[1])
        said = "".join(f", {name}={value}" for name, value in settings.items())
        on = f"nn.Conv2d(2, 4, {kernel}{said}), rank 3"
        check_two_convs(student, layer, left, right, float_tensor(rng, 2, 2, 9, 10), on)


# 5.7


def inputs(rng, samples, n):
    """Correlated inputs of unequal loudness with a mean that is not 0, like those behind a ReLU."""
    mix = falling(rng, n, n, ratio=0.75)
    return (rng.normal(size=(samples, n)) + 0.5) @ mix


def check_whitened(student, w, x, rank, on, *ridge):
    left, right = two_tables_64(student.whitened_factors(w, x, rank, *ridge), w.shape, rank)
    check_output_error(w, x, left, right, rank, *(ridge or (1e-6,)), f"a random w of shape {w.shape}, {on}, rank {rank}")
    return left, right


@exercise("5.7-whitened", points=8)
def test_output_error_is_the_least_possible(student, rng):
    for m, n, rank in ((10, 14, 1), (10, 14, 4), (14, 10, 3), (9, 9, 7)):
        check_whitened(student, rng.normal(size=(m, n)), inputs(rng, 120, n), rank, "120 correlated inputs")
    for smaller, quieter in ((1e-9, 1.0), (1.0, 1e-6)):
        w, x = smaller * rng.normal(size=(8, 10)), quieter * inputs(rng, 80, 10)
        check_whitened(student, w, x, 3, f"weights of size {smaller:g}, 80 inputs that are {quieter:g} times as loud as others")
    for ridge in (0.1, 2.0):
        check_whitened(student, rng.normal(size=(10, 14)), inputs(rng, 120, 14), 4, f"120 correlated inputs, ridge {ridge}", ridge)


@exercise("5.7-whitened", points=3)
def test_few_samples_and_dead_inputs(student, rng):
    for samples, dead in ((6, 0), (80, 5), (12, 3), (1, 0)):
        w, x = rng.normal(size=(8, 16)), inputs(rng, samples, 16)
        x[:, rng.permutation(16)[:dead]] = 0.0
        for rank in (1, 3, 8):
            check_whitened(student, w, x, rank, f"{samples} sample{'s' * (samples > 1)}, {dead} inputs that are always 0")
        check_whitened(student, w, x, 3, f"{samples} sample{'s' * (samples > 1)}, {dead} inputs that are always 0, ridge 1.5", 1.5)
    w = np.zeros((5, 6))
    check_whitened(student, w, inputs(rng, 20, 6), 2, "all its weights 0, 20 correlated inputs")
    w[0] = rng.normal(size=6)  # one output alone has weights
    check_whitened(student, w, inputs(rng, 20, 6), 3, "all rows 0 but the first, 20 correlated inputs")
    for m, n in ((1, 6), (6, 1)):
        check_whitened(student, rng.normal(size=(m, n)), inputs(rng, 9, n), 1, "9 inputs")


@exercise("5.7-whitened", points=3)
def test_white_inputs_give_plain_svd(student, rng):
    """Inputs with G = identity (scaled): then the weights' own best approximation is wanted, whatever the scale of x."""
    for scale in (1.0, float(rng.uniform(20, 100)), float(rng.uniform(0.01, 0.1))):
        w = falling(rng, 7, 9)
        x = scale * np.linalg.qr(rng.normal(size=(40, 9)))[0]
        left, right = check_whitened(student, w, x, 3, f"40 inputs of size {scale:.3g} that are independent and equally loud")
        check_best_product(w, left, right, 3, "inputs that are independent and equally loud, rank 3")


# 5.8


def random_lora(rng, n, m, rank, bias, samples=5):
    layer = random_linear(rng, n, m, bias)
    alpha = float(rng.uniform(0.5, 20))
    on = f"nn.Linear({n}, {m}, bias={bias}), rank {rank}, alpha {alpha:.3g}"
    return layer, float_tensor(rng, samples, n), float_tensor(rng, rank, n), float_tensor(rng, m, rank), alpha, on


@exercise("5.8-lora", points=7)
def test_adapted_and_merged_agree_with_the_formula(student, rng):
    for n, m, rank, bias in ((6, 4, 2, True), (5, 9, 3, True), (8, 8, 1, False), (7, 3, 4, True)):
        layer, x, a, b, alpha, on = random_lora(rng, n, m, rank, bias)
        check_lora_output(student, layer, x, a, b, alpha, on)
        check_lora_gradients(student, layer, x, a, b, alpha, on)
        check_lora_merge(student, layer, a, b, alpha, on)
    for alpha in (0.0, -alpha):
        on = f"nn.Linear({n}, {m}, bias={bias}), rank {rank}, alpha {alpha:.3g}"
        check_lora_output(student, layer, x, a, b, alpha, on)
        check_lora_merge(student, layer, a, b, alpha, on)


@exercise("5.8-lora", points=3)
def test_start_changes_nothing_and_can_learn(student, rng):
    for m, n, rank in ((6, 4, 2), (3, 12, 5), (9, 9, 1)):
        seed = int(rng.integers(1, 10**6))
        check_seeds(student, m, n, rank, (seed, seed + 1, seed + 2, 0))
        on = f"{m} outputs, {n} inputs, rank {rank}, seed {seed}"
        a, b = check_lora_start(student.lora_start(m, n, rank, seed), m, n, rank, on)
        a, b = torch.tensor(a, dtype=torch.float32), torch.tensor(b, dtype=torch.float32)
        layer, x = random_linear(rng, n, m), float_tensor(rng, 4, n)
        check_lora_output(student, layer, x, a, b, 16.0, f"the tables of lora_start, {on}, alpha 16")
        check_lora_gradients(student, layer, x, a, b, 16.0, f"the tables of lora_start, {on}, alpha 16")


@exercise("5.8-lora", points=2)
def test_a_frozen_layer_stays_frozen_and_as_it_was(student, rng):
    for bias in (True, False):
        layer, x, a, b, alpha, on = random_lora(rng, 5, 4, 2, bias, samples=1)
        check_lora_output(student, layer, x, a, b, alpha, f"one sample, {on}")
        layer.requires_grad_(False)
        check_lora_gradients(student, layer, x, a, b, alpha, f"a frozen {on}")
        check_lora_merge(student, layer, a, b, alpha, f"a frozen {on}")
