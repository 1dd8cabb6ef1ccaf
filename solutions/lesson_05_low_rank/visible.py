"""The visible checks of lesson 05. They run in the student's kernel on small inputs.

Factors are never compared entry by entry: signs are free, and where two singular values are equal the parts are, too.
What is compared are products, lengths, errors and outputs.
"""

import copy
import math

import numpy as np
import torch
from torch import nn

from autograder.checks import exercise, law
from autograder.checks.expect import (
    all_of,
    close,
    differentiable,
    equal,
    kind_of,
    letter,
    real_number,
    seed_matters,
    several,
    show,
    that,
    whole_number,
)
from autograder.checks.modules import run_module
from autograder.sandbox.calling import weights

FLOAT32 = float(np.finfo(np.float32).eps)
FLOAT64 = float(np.finfo(np.float64).eps)


def table(value, shape, what):
    """A finite NumPy array of floats of this shape, in float64."""
    that(isinstance(value, np.ndarray), f"{what} should be a NumPy array, not {kind_of(value)}.")
    return _numbers(value, shape, what)


def tensor(value, shape, what):
    """A finite float32 torch tensor of this shape, as a NumPy array in float64."""
    that(type(value) in (torch.Tensor, nn.Parameter), f"{what} should be a torch tensor, not {kind_of(value)}.")
    kind = str(value.dtype).removeprefix("torch.")
    that(value.dtype == torch.float32, f"{what} has {kind} numbers where float32 ones are asked for, as in the layer.")
    return _numbers(value.detach().numpy(), shape, what)


def _numbers(array, shape, what):
    that(array.shape == tuple(shape), f"{what} should have the shape {tuple(shape)}; it has {array.shape}.")
    that(array.dtype.kind == "f", f"{what} should hold floats; the data type is {array.dtype}.")
    that(bool(np.isfinite(array).all()), f"{what} holds NaN or infinity.")
    return array.astype(np.float64)


def two_tables(value, shape, rank, what):
    """(left, right) of the right shapes."""
    left, right = several(value, 2, what)
    left = table(left, (shape[0], rank), "The table left")
    return left, table(right, (rank, shape[1]), "The table right")


def tail(s, rank):
    """The Frobenius norm of what lies beyond the first `rank` singular values: nothing of that rank does better."""
    return float(np.sqrt(np.sum(np.square(s[rank:]))))


def check_best_product(w, left, right, rank, on):
    """|w - left @ right| is Eckart and Young's least error. A float32 SVD is wrong by some float32 roundings of |w|: 100 are allowed."""
    least = tail(np.linalg.svd(w, compute_uv=False), rank)
    size = np.linalg.norm(w)
    error = float(np.linalg.norm(w - left @ right))
    that(
        error <= least + 100 * FLOAT32 * size,
        f"The product left @ right is {error:.6g} away from w (Frobenius norm); the best product of rank {rank} is {least:.6g} away; {on}.",
    )


def check_balanced(w, left, right, rank, on):
    """The squared length of column i of left and of row i of right is the i-th singular value (to 100 float32 roundings of the largest)."""
    s = np.linalg.svd(w, compute_uv=False)
    slack = 100 * FLOAT32 * s[0]
    for part, axis, name in ((left, 0, "columns of left"), (right, 1, "rows of right")):
        close(
            np.sum(part**2, axis=axis),
            s[:rank],
            abs=slack,
            what=f"the squared lengths of the {name}, which should be the singular values",
            on=on,
        )


def slippery(rng, k):
    """k singular values whose squares, added in NumPy's order, from the end, or exactly, give more than added one by one.

    The last two digits differ, no more. Whoever asks whether one sum reaches another waits in vain.
    """
    while True:
        s = np.sort(np.round(rng.uniform(0.5, 4, k), 2))[::-1].copy()
        squares = s**2
        others = np.sum(squares), np.cumsum(squares[::-1])[-1], math.fsum(squares), np.linalg.norm(s) ** 2
        if min(others) > np.cumsum(squares)[-1]:
            return s


# 5.1


@exercise("5.1-predict")
def test_predict_rank_600(student, rng):
    chosen = letter(student.value("predict_5_1"), "predict_5_1")
    that(chosen == "b", f"({chosen}) is not it. Count the weights of both tables.")


# 5.2


@law("5.2-factors", "low_rank_factors")
def product_and_lengths(value):
    left, right = value
    return [left @ right, (left**2).sum(0), (right**2).sum(1)]


SMALL = np.array([[0.0, 8.0, 0.0], [2.0, 0.0, 0.0]])


@exercise("5.2-factors")
def test_worked_example_at_both_ranks(student, rng):
    one = two_tables(student.low_rank_factors(SMALL, 1), (2, 3), 1, "low_rank_factors")
    both = two_tables(student.low_rank_factors(SMALL, 2), (2, 3), 2, "low_rank_factors")
    slack = 100 * FLOAT32 * 8
    on = "w = [[0, 8, 0], [2, 0, 0]]"
    close(one[0] @ one[1], np.array([[0.0, 8, 0], [0, 0, 0]]), abs=slack, what="the product left @ right", on=on + ", rank 1")
    close(both[0] @ both[1], SMALL, abs=slack, what="the product left @ right", on=on + ", rank 2 (the full rank)")
    check_balanced(SMALL, *both, 2, on + ", rank 2")


@exercise("5.2-factors")
def test_a_part_that_weighs_nothing(student, rng):
    """A singular value that is exactly 0 gives a column and a row of zeros."""
    w, on = np.array([[0.0, 8.0, 0.0], [0.0, 0.0, 0.0]]), "w = [[0, 8, 0], [0, 0, 0]], rank 2"
    left, right = two_tables(student.low_rank_factors(w, 2), (2, 3), 2, "low_rank_factors")
    check_best_product(w, left, right, 2, on)
    check_balanced(w, left, right, 2, on)


@exercise("5.2-factors")
def test_small_parts_and_small_tables(student, rng):
    """A part that weighs little counts, and so does a table whose numbers are all small: nothing is too small by itself."""
    for w in (np.array([[0.0, 8.0, 0.0], [0.004, 0.0, 0.0]]), 1e-9 * SMALL):
        left, right = two_tables(student.low_rank_factors(w, 2), (2, 3), 2, "low_rank_factors")
        on = f"w = {w.tolist()}, rank 2"
        check_best_product(w, left, right, 2, on)
        check_balanced(w, left, right, 2, on)


@exercise("5.2-factors")
def test_strongest_part_of_a_small_table(student, rng):
    w = np.array([[3.0, -1.0], [0.0, 2.0], [1.0, 1.0]])
    left, right = two_tables(student.low_rank_factors(w, 1), (3, 2), 1, "low_rank_factors")
    on = "w = [[3, -1], [0, 2], [1, 1]], rank 1"
    check_best_product(w, left, right, 1, on)
    check_balanced(w, left, right, 1, on)


# 5.3


def check_errors(got, frobenius, spectral, terms, on, slack=0.0):
    """Both errors, to a float32 rounding of each term; where nothing is dropped they are exactly 0."""
    got = several(got, 2, "truncation_errors")
    rel = FLOAT32 * (terms + 2)
    close(real_number(got[0], "The Frobenius error"), frobenius, rel=rel, abs=slack, what="the Frobenius error", on=on)
    close(real_number(got[1], "The spectral error"), spectral, rel=rel, abs=slack, what="the spectral error", on=on)


@exercise("5.3-error")
def test_errors_of_four_two_one(student, rng):
    s = np.array([4.0, 2.0, 1.0])
    cases = ((1, 5**0.5, 2.0), (2, 1.0, 1.0), (0, 21**0.5, 4.0), (3, 0.0, 0.0))
    answers = [student.truncation_errors(s, rank) for rank, _, _ in cases]
    for got, (rank, frobenius, spectral) in zip(answers, cases):
        check_errors(got, frobenius, spectral, 3, f"singular values [4, 2, 1], rank {rank}")


@exercise("5.3-error")
def test_equal_and_small_singular_values(student, rng):
    cases = (([2.0, 2.0, 1.0], 0, 3.0, 2.0), ([4e-7, 2e-7, 1e-7], 1, 5**0.5 * 1e-7, 2e-7), ([4.0, 1e-9], 1, 1e-9, 1e-9))
    answers = [student.truncation_errors(np.array(s), rank) for s, rank, *_ in cases]
    for got, (s, rank, frobenius, spectral) in zip(answers, cases):
        check_errors(got, frobenius, spectral, 3, f"singular values {s}, rank {rank}")


@exercise("5.3-error")
def test_nothing_dropped_is_no_error(student, rng):
    for s in (np.array([2.5]), slippery(np.random.default_rng(0), 10)):
        on = f"singular values {s.tolist()}, rank {len(s)}: nothing is dropped"
        check_errors(student.truncation_errors(s, len(s)), 0.0, 0.0, len(s), on)


# 5.4


@exercise("5.4-rank")
def test_break_even_of_two_layers(student, rng):
    cases = ((1000, 1000, 499), (256, 64, 51), (20, 30, 11), (10, 256, 9), (444, 182, 129), (1, 50, 0), (3, 1, 0))
    answers = [student.break_even_rank(m, n) for m, n, _ in cases]  # all are asked before one is judged: so the mistake shows
    for got, (m, n, want) in zip(answers, cases):
        got = whole_number(got, "The result of break_even_rank")
        equal(got, want, what="the largest rank that saves weights", on=f"a table of {m} x {n}")


@exercise("5.4-rank")
def test_energy_of_four_two_one(student, rng):
    # 1, 1, 1, 1 at 0.5: two squares are exactly the share. 3, 2, 2, 1 at 0.9: 9 + 4 + 4 = 17 of 18 reach 16.2, 13 do not.
    cases = (
        ([4.0, 2.0, 1.0], 0.95, 2),
        ([4.0, 2.0, 1.0], 0.7, 1),
        ([4.0, 2.0, 1.0], 0.97, 3),
        ([4.0, 2.0, 1.0], 0.954, 3),
        ([4.0, 3.0, 2.0, 1.0], 0.9, 3),
        ([3.0, 2.0, 2.0, 1.0], 0.9, 3),
        ([1.0, 1.0, 1.0, 1.0], 0.5, 2),
        # 20 of 21 is 0.95238, 16 of 21 is 0.76190: near, on either side.
        ([4.0, 2.0, 1.0], 0.9523, 2),
        ([4.0, 2.0, 1.0], 0.762, 2),
        ([4e-9, 2e-9, 1e-9], 0.95, 2),
        ([1.0, 1e-3], 1.0, 2),
        ([2.0, 1.0, 1e-3], 1.0, 3),
    )
    answers = [student.rank_for_energy(np.array(s), share) for s, share, _ in cases]
    for got, (s, share, want) in zip(answers, cases):
        got = whole_number(got, "The result of rank_for_energy")
        equal(got, want, what="the smallest rank that reaches the share", on=f"singular values {s}, share {share}")


@exercise("5.4-rank")
def test_all_of_the_energy(student, rng):
    """The whole sum is reached at the last value that is not 0, however the sums are rounded."""
    spectra = np.array([2.0, 0.0, 0.0]), *(slippery(np.random.default_rng(0), k) for k in (10, 12))
    answers = [student.rank_for_energy(s, 1.0) for s in spectra]
    for got, s in zip(answers, spectra):
        got = whole_number(got, "The result of rank_for_energy")
        equal(got, int(np.sum(s > 0)), what="the smallest rank that reaches the share", on=f"singular values {s.tolist()}, share 1.0")


@exercise("5.4-rank")
def test_budget_of_one_layer(student, rng):
    cases = (
        (256, 64, 5000, 15),
        (256, 64, 4800, 15),
        (256, 64, 4799, 14),
        (256, 64, 319, 0),
        (256, 64, 10**6, 64),
        (20, 300, 10**6, 20),
        (20, 300, 640, 2),
        (20, 300, 0, 0),
        (9, 50, 10**5, 9),
    )
    answers = [student.rank_for_budget(m, n, budget) for m, n, budget, _ in cases]
    for got, (m, n, budget, want) in zip(answers, cases):
        got = whole_number(got, "The result of rank_for_budget")
        equal(got, want, what="the largest rank that fits", on=f"a table of {m} x {n}, budget {budget}")


# 5.5


@exercise("5.5-bug")
def test_some_layers_at_one_rank(student, rng):
    large, small = [(1000, 1000), (1000, 4000), (10, 256), (10, 256)], [(5, 7), (30, 20)]
    # In the large network 9 is the last rank that saves in the two small layers; at 500 the first has as many weights either way.
    cases = [(large, rank) for rank in (600, 9, 8, 60, 200, 260, 500, 700)] + [(small, rank) for rank in (1, 2, 3, 11, 12)]
    cases.append(([(2, 3)], 1))  # saves a single weight
    answers = [student.weights_after(shapes, rank) for shapes, rank in cases]
    for got, (shapes, rank) in zip(answers, cases):
        want = sum(min(m * n, rank * (m + n)) for m, n in shapes)
        on = f"layers of {shapes}, rank {rank}"
        equal(whole_number(got, "The result of weights_after"), want, what="the weights of all layers together", on=on)


# 5.6

NO_FIRST_BIAS = "the first layer has a bias of its own: it is added on top of the layer's own bias, so a bias counts twice"
SECOND_BIAS = "the layer's bias got lost: the second layer must add it, once"


def in_two(student, value, kind, what):
    """An nn.Sequential of two layers of this kind, with weights of its own that can be trained."""
    that(
        type(value) is nn.Sequential and len(value) == 2 and all(type(part) is kind for part in value),
        f"{what} should return an nn.Sequential of two nn.{kind.__name__}, PyTorch's own classes; it returned {show(value)}.",
    )
    that(
        0 not in student.shared,
        f"{what} returns a part of `layer`, or a layer that shares memory with it: training the two would change the old layer.",
    )
    frozen = [name for name, parameter in value.named_parameters() if not parameter.requires_grad]
    that(not frozen, f"{what}: the two layers cannot be trained; requires_grad is False for {', '.join(frozen)}.")
    return value[0], value[1]


def check_biases(first, second, layer, on):
    that(first.bias is None, f"Of {on}: {NO_FIRST_BIAS}.")
    if layer.bias is None:
        that(second.bias is None, f"Of {on}: the layer has no bias, so neither of the two may have one.")
    else:
        that(second.bias is not None, f"Of {on}: {SECOND_BIAS}.")
        want = layer.bias.detach().numpy()
        close(tensor(second.bias, want.shape, "The second bias"), want, rel=FLOAT32, what="the bias of the second layer", on=on)


def float_tensor(rng, *shape):
    return torch.tensor(rng.normal(size=shape), dtype=torch.float32)


def layer_of(w, bias=None):
    """An nn.Linear with these numbers (lists)."""
    layer = nn.Linear(len(w[0]), len(w), bias=bias is not None)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(w))
        if bias is not None:
            layer.bias.copy_(torch.tensor(bias))
    return layer


def random_linear(rng, n, m, bias=True):
    layer = nn.Linear(n, m, bias=bias)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(float_tensor(rng, *parameter.shape))
    return layer


def random_conv(rng, *args, **kwargs):
    layer = nn.Conv2d(*args, **kwargs)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(float_tensor(rng, *parameter.shape))
    return layer


def check_two_linears(student, layer, left, right, x, on):
    """Structure, weights, biases, and the output, within float32 rounding of sums of this size. Gives the two layers back."""
    value = student.two_linears(layer, left, right)
    first, second = in_two(student, value, nn.Linear, "two_linears")
    check_biases(first, second, layer, on)
    tensor(first.weight, right.shape, f"The weight of the first layer, for {on},")
    tensor(second.weight, left.shape, f"The weight of the second layer, for {on},")
    got = _numbers(run_module(value, x, "The result of two_linears").numpy(), (len(x), len(left)), "The output")
    x, left, right = (np.asarray(t, dtype=np.float64) for t in (x, left, right))
    bias = 0.0 if layer.bias is None else layer.bias.detach().double().numpy()
    want = x @ right.T @ left.T + bias
    close(got, want, abs=rounding(np.abs(x) @ np.abs(right).T @ np.abs(left).T, right.size), what="the output of the two layers", on=on)
    return value


def rounding(magnitude, terms):
    """A bound for float32: one rounding of each magnitude for every term of the sums (they are rarely a tenth of it)."""
    return FLOAT32 * (2 + terms**0.5 + 8) * float(np.max(magnitude, initial=1.0))


def check_two_convs(student, layer, left, right, x, on):
    """As `check_two_linears`, and the settings of the two convolutions."""
    value = student.two_convs(layer, left, right)
    first, second = in_two(student, value, nn.Conv2d, "two_convs")
    check_biases(first, second, layer, on)
    rank = right.shape[0]
    tensor(first.weight, (rank, *layer.weight.shape[1:]), f"The weight of the first convolution, for {on},")
    tensor(second.weight, (len(left), rank, 1, 1), f"The weight of the second convolution, for {on},")
    for name in ("stride", "padding", "dilation", "groups"):
        have, want = getattr(first, name), getattr(layer, name)
        that(have == want, f"The first convolution should have the layer's {name}, {want}; it has {have}; {on}.")
    that(first.padding_mode == second.padding_mode == "zeros", f"Both convolutions should pad with zeros; {on}.")
    plain = (second.stride, second.padding, second.dilation, second.groups) == ((1, 1), (0, 0), (1, 1), 1)
    that(plain, f"The second convolution looks at one pixel only: stride 1, no padding, dilation 1; {on}.")
    weight = (left.double() @ right.double()).reshape(layer.weight.shape)
    bias = None if layer.bias is None else layer.bias.detach().double()

    def convolved(x, weight, bias):
        return nn.functional.conv2d(x, weight, bias, layer.stride, layer.padding, layer.dilation).numpy()

    with torch.no_grad():
        want = convolved(x.double(), weight, bias)
        large = convolved(x.double().abs(), (left.double().abs() @ right.double().abs()).reshape(weight.shape), None)
    got = _numbers(run_module(value, x, "The result of two_convs").numpy(), want.shape, "The output")
    close(got, want, abs=rounding(large, right.numel()), what="the output of the two convolutions", on=on)
    return value


@exercise("5.6-layers")
def test_small_linears_in_two(student, rng):
    left, right = torch.tensor([[1.0], [2.0]]), torch.tensor([[1.0, 2.0, 3.0]])
    x = torch.tensor([[1.0, 0.0, 0.0], [1.0, 1.0, -1.0]])
    layers = [layer_of([[1.0, 2.0, 3.0], [2.0, 4.0, 5.0]], bias) for bias in ([10.0, 20.0], None)]
    frozen = layer_of([[1.0, 2.0, 3.0], [2.0, 4.0, 5.0]], [10.0, 20.0]).requires_grad_(False)
    words = "nn.Linear(3, 2{}), left = [[1], [2]], right = [[1, 2, 3]]"
    all_of(
        (check_two_linears, student, layers[0], left, right, x, words.format("")),
        (check_two_linears, student, layers[1], left, right, x, words.format(", bias=False")),
        (check_two_linears, student, frozen, left, right, x, "a frozen " + words.format("")),
    )


@exercise("5.6-layers")
def test_small_convolutions_in_two(student, rng):
    rng = np.random.default_rng(0)
    square = random_conv(rng, 2, 3, 3, padding=1), float_tensor(rng, 3, 2), float_tensor(rng, 2, 18), float_tensor(rng, 1, 2, 5, 4)
    flat = random_conv(rng, 2, 4, (3, 2), stride=(2, 1), padding=(0, 1), dilation=(1, 2), bias=False)
    flat = flat, float_tensor(rng, 4, 3), float_tensor(rng, 3, 12), float_tensor(rng, 1, 2, 7, 6)
    all_of(
        (check_two_convs, student, *square, "nn.Conv2d(2, 3, 3, padding=1), rank 2"),
        (
            check_two_convs,
            student,
            copy.deepcopy(square[0]).requires_grad_(False),
            *square[1:],
            "a frozen nn.Conv2d(2, 3, 3, padding=1), rank 2",
        ),
        (check_two_convs, student, *flat, "nn.Conv2d(2, 4, (3, 2), stride=(2, 1), padding=(0, 1), dilation=(1, 2), bias=False), rank 3"),
    )


# 5.7


@law("5.7-whitened", "whitened_factors")
def product(value):
    left, right = value
    return left @ right


def two_tables_64(value, shape, rank):
    """(left, right) in float64: with a ridge of a millionth, a rounding to float32 would be larger than what is at stake."""
    for part in several(value, 2, "whitened_factors"):
        kind = part.dtype if isinstance(part, np.ndarray) else kind_of(part)
        that(
            isinstance(part, np.ndarray) and part.dtype == np.float64,
            f"whitened_factors should return float64 NumPy arrays; it returned {kind}.",
        )
    return two_tables(value, shape, rank, "whitened_factors")


def check_output_error(w, x, left, right, rank, ridge, on):
    """The error |x E^T|^2 + samples * ridge * mean(diag(G)) * |E|^2 of E = w - left @ right is the least possible.

    That is |E C|^2 for the C of the text. The ridge acts like further inputs, equally loud in all directions, so the
    least is what the singular values of the outputs leave. Allowed is rounding in float64: the condition of C is up to
    sqrt(n / ridge), and a thousand roundings of the outputs are multiplied with it.
    """
    n = x.shape[1]
    more = np.vstack([x, np.sqrt(ridge * np.sum(x**2) / n) * np.eye(n)])
    least = tail(np.linalg.svd(more @ w.T, compute_uv=False), rank)
    allowed = 1e3 * FLOAT64 * np.sqrt(n / min(ridge, 1.0)) * np.linalg.norm(more) * np.linalg.norm(w)
    error = float(np.linalg.norm(more @ (w - left @ right).T))
    if error > least + allowed:
        u, t, vt = np.linalg.svd(w, full_matrices=False)
        plain = float(np.linalg.norm(more @ (w - (u[:, :rank] * t[:rank]) @ vt[:rank]).T))
        that(
            False,
            f"The output error (with the ridge's share) is {error:.10g}; {least:.10g} is possible, and plain SVD of w has {plain:.10g}; {on}.",
        )


TOGETHER = (
    np.array([[1.0, 2.0, -1.0], [0.0, 1.0, 3.0]]),
    np.array([[4.0, 3.0, 1.0], [5.0, 5.0, 0.0], [1.0, 2.0, 1.0], [3.0, 2.0, -1.0], [2.0, 3.0, 1.0]]),
)
LOUD = np.array([[10.0, 1.0], [-10.0, 1.0], [10.0, -1.0], [-10.0, -1.0]])


@exercise("5.7-whitened")
def test_loud_and_quiet_input(student, rng):
    w = np.array([[1.0, 0.0], [0.0, 2.0]])
    left, right = two_tables_64(student.whitened_factors(w, LOUD, 1), (2, 2), 1)
    on = "w = [[1, 0], [0, 2]], the first input is always 10 or -10, the second 1 or -1, rank 1"
    check_output_error(w, LOUD, left, right, 1, 1e-6, on)


@exercise("5.7-whitened")
def test_full_rank_gives_the_weights_back(student, rng):
    w = np.array([[1.0, 2.0], [0.0, 2.0], [3.0, -1.0]])
    x = np.array([[1.0, 0.5], [2.0, 1.5], [-1.0, 0.5], [3.0, 1.0], [1.0, 1.0]])
    left, right = two_tables_64(student.whitened_factors(w, x, 2), (3, 2), 2)
    on = f"w = {w.tolist()}, x = {x.tolist()}, rank 2 (the full rank)"
    close(left @ right, w, abs=1e-6, what="the product left @ right", on=on)  # a thousand roundings, times sqrt(n / ridge), are 1e-9 of w


@exercise("5.7-whitened")
def test_inputs_that_go_together(student, rng):
    """Three inputs with a mean, two of which go together: C, its transpose, G, the spread and the loudness alone differ here."""
    w, x = TOGETHER
    left, right = two_tables_64(student.whitened_factors(w, x, 1), (2, 3), 1)
    check_output_error(w, x, left, right, 1, 1e-6, f"w = {w.tolist()}, x = {x.tolist()}, rank 1")


@exercise("5.7-whitened")
def test_an_output_that_is_always_zero(student, rng):
    """The second singular value is exactly 0; and the parts are asked for all the same."""
    w, x = np.array([[1.0, 2.0, -1.0], [0.0, 0.0, 0.0]]), TOGETHER[1]
    left, right = two_tables_64(student.whitened_factors(w, x, 2), (2, 3), 2)
    check_output_error(w, x, left, right, 2, 1e-6, f"w = {w.tolist()}, x = {x.tolist()}, rank 2")


@exercise("5.7-whitened")
def test_an_input_that_is_always_zero(student, rng):
    w = np.array([[1.0, 2.0, -1.0], [0.0, 1.0, 3.0]])
    x = np.array([[4.0, 0.0, 1.0], [5.0, 0.0, 0.0], [1.0, 0.0, 1.0], [3.0, 0.0, -1.0]])
    left, right = two_tables_64(student.whitened_factors(w, x, 1), (2, 3), 1)
    check_output_error(w, x, left, right, 1, 1e-6, f"w = {w.tolist()}, x = {x.tolist()}, rank 1")


@exercise("5.7-whitened")
def test_small_weights_and_quiet_inputs(student, rng):
    """The ridge is a share of G's diagonal, and nothing is too small by itself."""
    w, x = TOGETHER
    for smaller, quieter, on in (
        (1e-9, 1.0, "a billionth of w"),
        (1.0, 1e-6, "a millionth of x"),
        (1.0, 1e-3, "a thousandth of x"),
    ):
        for rank in (1, 2):
            left, right = two_tables_64(student.whitened_factors(smaller * w, quieter * x, rank), (2, 3), rank)
            said = f"{on} for w = {w.tolist()}, x = {x.tolist()}, rank {rank}"
            check_output_error(smaller * w, quieter * x, left, right, rank, 1e-6, said)


def check_ridge(student, w, x, ridge):
    left, right = two_tables_64(student.whitened_factors(w, x, 1, ridge), w.shape, 1)
    check_output_error(w, x, left, right, 1, ridge, f"w = {w.tolist()}, x = {x.tolist()}, rank 1, ridge {ridge}")


@exercise("5.7-whitened")
def test_a_large_ridge(student, rng):
    """With ridge 0.7 the quiet input counts for more than half of the loud one, so the 2 is kept; with 0.5 it is the 1."""
    # G's diagonal is (100, 1), its mean 50.5: (135.35, 36.35) makes W C keep the 2, (125.25, 26.25) the 1.
    w = np.array([[1.0, 0.0], [0.0, 2.0]])
    # With an input that is always 0 there is no Cholesky factor without the ridge; with one, the ridge that is given counts all the same.
    silent = TOGETHER[1] * [1.0, 0.0, 1.0]
    cases = (w, LOUD, 0.7), (w, LOUD, 0.5), (*TOGETHER, 2.0), (TOGETHER[0], silent, 2.0)
    all_of(*((check_ridge, student, *case) for case in cases))


# 5.8


def check_lora_start(value, m, n, rank, on):
    a, b = several(value, 2, "lora_start")
    a = tensor(a, (rank, n), "The table a")
    b = tensor(b, (m, rank), "The table b")
    that(not b.any(), f"The table b should be zeros at the start, so that the network begins as it was; {on}.")
    that(bool(a.any()), f"The table a should be random, not zeros: with both at zero neither ever gets a gradient; {on}.")
    return a, b


UNSEEDED = "gives other numbers each time it is called with the same seed"
SEED_0 = "takes the seed 0 for no seed at all: it is one like any other"


def check_seeds(student, m, n, rank, seeds):
    """The same seed gives the same numbers each time, and every seed others."""
    where = f"for {m} outputs, {n} inputs, rank {rank}"
    for seed in seeds:
        on = f"{where}, seed {seed}"
        (a, _), (again, _) = (check_lora_start(student.lora_start(m, n, rank, seed), m, n, rank, on[4:]) for _ in range(2))
        that(np.array_equal(a, again), f"lora_start {UNSEEDED if seed else SEED_0}, {on}.")
        # Of random numbers hardly two are equal; half of them may be.
        that(len(np.unique(a)) > a.size / 2, f"The table a should be random, each number drawn for itself; many are equal, {on}.")
    seed_matters(lambda seed: student.lora_start(m, n, rank, seed), what=f"lora_start {where}", seeds=seeds)


@exercise("5.8-lora")
def test_start_of_a_small_layer(student, rng):
    all_of((check_seeds, student, 2, 6, 3, (7, 8, 9, 0)), (check_seeds, student, 5, 9, 2, (0, 1, 11)))


def adapted(layer, a, b, alpha):
    """(the new table, the sum of the sizes of its parts, the bias or 0), in float64."""
    old, a, b = (t.detach().double().numpy() for t in (layer.weight, a, b))
    scale = alpha / len(a)
    bias = 0.0 if layer.bias is None else layer.bias.detach().double().numpy()
    return old + scale * b @ a, np.abs(old) + abs(scale) * np.abs(b) @ np.abs(a), bias


def check_lora_output(student, layer, x, a, b, alpha, on):
    new, large, bias = adapted(layer, a, b, alpha)
    got = tensor(student.lora_output(layer, x, a, b, alpha), (len(x), len(b)), "The output")
    x = x.double().numpy()
    slack = rounding(np.abs(x) @ large.T + np.abs(bias), sum(a.shape) + 2)
    close(got, x @ new.T + bias, abs=slack, what="the output of the adapted layer", on=on)


def check_lora_gradients(student, layer, x, a, b, alpha, on):
    """The derivatives of a weighted sum of the outputs, with respect to x, a and b, within float32 rounding."""
    answer = student.gradient("lora_output", layer, x, a, b, alpha, wrt=(1, 2, 3))
    differentiable(answer, what="The output of lora_output, with respect to x, a and b")
    new, large, _ = adapted(layer, a, b, alpha)
    x, a, b = (t.double().numpy() for t in (x, a, b))
    scale, out = alpha / len(a), weights((len(x), len(b))).numpy()
    wanted = {"x": out @ new, "a": scale * (out @ b).T @ x, "b": scale * out.T @ (x @ a.T)}
    sizes = out @ large, abs(scale) * (out @ np.abs(b)).T @ np.abs(x), abs(scale) * out.T @ (np.abs(x) @ np.abs(a).T)
    for (name, want), got, size in zip(wanted.items(), answer.grads, sizes):
        got = tensor(got, want.shape, f"The gradient of {name}")
        close(
            got, want, abs=rounding(size, a.size + b.size), what=f"the derivative of the output with respect to {name}, {GRADIENT}", on=on
        )


GRADIENT = "each output weighed by a number from 1 to 2"


def check_lora_merge(student, layer, a, b, alpha, on):
    merged = student.lora_merge(layer, a, b, alpha)
    that(type(merged) is nn.Linear, f"lora_merge should return one nn.Linear, PyTorch's own class; it returned {show(merged)}.")
    that(0 not in student.shared, "lora_merge returns `layer`, or a layer that shares memory with it; it should return a new one.")
    new, large, bias = adapted(layer, a, b, alpha)
    close(
        tensor(merged.weight, new.shape, "The merged weight"), new, abs=rounding(large, sum(a.shape) + 2), what="the merged weight", on=on
    )
    if layer.bias is None:
        that(merged.bias is None, f"The layer has no bias, so the merged one has none; {on}.")
    else:
        that(merged.bias is not None, f"The merged layer has lost the bias; {on}.")
        close(tensor(merged.bias, bias.shape, "The merged bias"), bias, rel=FLOAT32, what="the merged bias", on=on)


# The worked example, two in which rank, inputs, outputs and alpha all differ, one of them without a bias, and alpha 0, which adds nothing.
LORA = (
    ([[1.0, 2.0]], [0.5], [[1.0, -1.0]], [[3.0]], 2.0),
    ([[1.0, 0.0, 2.0, 0.0]], [0.5], [[1.0, 0.0, 1.0, 0.0], [0.0, 2.0, 0.0, -1.0]], [[1.0, 2.0]], 6.0),
    ([[1.0, 0.0], [0.0, 1.0], [2.0, 0.0]], None, [[1.0, 2.0]], [[1.0], [-1.0], [0.0]], 0.5),
    ([[1.0, 2.0]], [0.5], [[1.0, -1.0]], [[3.0]], 0.0),
)


def lora_case(w, bias, a, b, alpha):
    """(layer, x, a, b, alpha, words for the case)"""
    on = f"W = {w}, {'no bias' if bias is None else f'bias {bias[0]}'}, a = {a}, b = {b}, alpha {alpha:g}".replace(".0", "")
    x = torch.eye(len(w[0]))
    return layer_of(w, bias), torch.cat([x, x.sum(dim=0, keepdim=True)]), torch.tensor(a), torch.tensor(b), alpha, on


@exercise("5.8-lora")
def test_outputs_of_small_layers(student, rng):
    cases = [lora_case(*case) for case in LORA]
    all_of(*((check_lora_output, student, layer, x, *given, f"x = {x.int().tolist()}, {on}") for layer, x, *given, on in cases))


@exercise("5.8-lora")
def test_gradients_of_a_small_layer(student, rng):
    layer, x, a, b, alpha, on = lora_case(*LORA[1])
    check_lora_gradients(student, layer, x, a, b, alpha, f"x = {x.int().tolist()}, {on}")


@exercise("5.8-lora")
def test_merged_small_layers(student, rng):
    cases = [lora_case(*case) for case in LORA]
    all_of(*((check_lora_merge, student, layer, *given, on) for layer, _, *given, on in cases))
