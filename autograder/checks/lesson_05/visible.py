"""The visible checks of lesson 05. They run in the student's kernel on small inputs.

Factors are never compared entry by entry: signs are free, and where two singular values are equal the parts are, too.
What is compared are products, lengths, errors and outputs.
"""

import numpy as np
import torch
from torch import nn

from autograder.checks import exercise
from autograder.checks.expect import close, equal, from_tensor, letter, that
from autograder.checks.modules import run_module

FLOAT32 = float(np.finfo(np.float32).eps)


def pair(value, what):
    that(isinstance(value, (tuple, list)) and len(value) == 2, f"{what} should return two values.")
    return value


def number(value, what):
    """A finite real number as a Python float (a NumPy or torch scalar will do)."""
    if type(value) is torch.Tensor:
        value = from_tensor(value)
    if isinstance(value, np.ndarray):
        value = value[()] if value.shape == () else None
    if isinstance(value, np.floating):
        value = float(value)  # in float32 the comparison below would overflow
    real = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    that(real and bool(abs(value) < 1e300), f"{what} should be one finite number.")
    return float(value)


def whole(value, what):
    """An integer: Python's, NumPy's, or an array of shape ()."""
    if isinstance(value, np.ndarray) and value.shape == ():
        value = value[()]
    good = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    that(good, f"{what} should be an integer (int or NumPy integer), not a {type(value).__name__}.")
    return int(value)


def table(value, shape, what):
    """A finite float table of this shape, in NumPy float64; NumPy arrays and torch tensors will do."""
    if isinstance(value, torch.Tensor):
        value = from_tensor(value)
    that(isinstance(value, np.ndarray), f"{what} should be an array, not a {type(value).__name__}.")
    that(value.shape == shape, f"{what} should have the shape {shape}; it has {value.shape}.")
    that(value.dtype.kind == "f", f"{what} should hold floats; the type is {value.dtype}.")
    that(bool(np.isfinite(value).all()), f"{what} holds NaN or infinity.")
    return value.astype(np.float64)


def tensor(value, shape, what):
    that(type(value) in (torch.Tensor, nn.Parameter), f"{what} should be a torch tensor, not a {type(value).__name__}.")
    return table(value, shape, what)


def two_tables(value, shape, rank, what):
    """(left, right) of the right shapes."""
    left, right = pair(value, what)
    left = table(left, (shape[0], rank), "left")
    return left, table(right, (rank, shape[1]), "right")


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
        f"left @ right is {error:.6g} away from w (Frobenius norm); the best product of rank {rank} is {least:.6g} away; {on}.",
    )


def check_balanced(w, left, right, rank, on):
    """The squared length of column i of left and of row i of right is the i-th singular value (to 100 float32 roundings of the largest)."""
    s = np.linalg.svd(w, compute_uv=False)
    slack = 100 * FLOAT32 * s[0]
    for part, axis, name in ((left, 0, "columns of left"), (right, 1, "rows of right")):
        close(
            np.sum(part**2, axis=axis), s[:rank], abs=slack,
            what=f"the squared lengths of the {name}, which should be the singular values", on=on,
        )  # fmt: skip


# 5.1


@exercise("5.1-predict")
def test_predict_rank_600(student, rng):
    chosen = letter(student.value("predict_5_1"), "predict_5_1")
    that(chosen == "b", f"({chosen}) is not it. Count the weights of both tables.")


# 5.2

SMALL = np.array([[0.0, 8.0, 0.0], [2.0, 0.0, 0.0]])


@exercise("5.2-factors")
def test_worked_example_at_both_ranks(student, rng):
    one = two_tables(student.low_rank_factors(SMALL, 1), (2, 3), 1, "low_rank_factors")
    both = two_tables(student.low_rank_factors(SMALL, 2), (2, 3), 2, "low_rank_factors")
    slack = 100 * FLOAT32 * 8
    on = "w = [[0, 8, 0], [2, 0, 0]]"
    close(one[0] @ one[1], np.array([[0.0, 8, 0], [0, 0, 0]]), abs=slack, what="left @ right", on=on + ", rank 1")
    close(both[0] @ both[1], SMALL, abs=slack, what="left @ right", on=on + ", rank 2 (the full rank)")
    check_balanced(SMALL, *both, 2, on + ", rank 2")


@exercise("5.2-factors")
def test_strongest_part_of_a_small_table(student, rng):
    w = np.array([[3.0, 1.0], [0.0, 2.0], [1.0, 1.0]])
    left, right = two_tables(student.low_rank_factors(w, 1), (3, 2), 1, "low_rank_factors")
    on = "w = [[3, 1], [0, 2], [1, 1]], rank 1"
    check_best_product(w, left, right, 1, on)
    check_balanced(w, left, right, 1, on)


# 5.3


@exercise("5.3-error")
def test_errors_of_four_two_one(student, rng):
    s = np.array([4.0, 2.0, 1.0])
    cases = ((1, 5**0.5, 2.0), (2, 1.0, 1.0), (0, 21**0.5, 4.0), (3, 0.0, 0.0))
    answers = [student.truncation_errors(s, rank) for rank, _, _ in cases]
    for got, (rank, frobenius, spectral) in zip(answers, cases):
        got = pair(got, "truncation_errors")
        on = f"singular values [4, 2, 1], rank {rank}"
        close(number(got[0], "The Frobenius error"), frobenius, rel=1e-6, what="the Frobenius error", on=on)
        close(number(got[1], "The spectral error"), spectral, rel=1e-6, what="the spectral error", on=on)


# 5.4


@exercise("5.4-rank")
def test_break_even_of_two_layers(student, rng):
    cases = ((1000, 1000, 499), (256, 64, 51), (10, 256, 9))
    answers = [student.break_even_rank(m, n) for m, n, _ in cases]  # all are asked before one is judged: so the mistake shows
    for got, (m, n, want) in zip(answers, cases):
        got = whole(got, "break_even_rank")
        equal(got, want, what="the largest rank that saves weights", on=f"a table of {m} x {n}")


@exercise("5.4-rank")
def test_energy_of_four_two_one(student, rng):
    # 1, 1, 1, 1 at 0.5: two squares are exactly the share. 3, 2, 2, 1 at 0.9: 9 + 4 + 4 = 17 of 18 reach 16.2, 13 do not.
    cases = (
        ([4.0, 2.0, 1.0], 0.95, 2), ([4.0, 2.0, 1.0], 0.7, 1), ([4.0, 2.0, 1.0], 0.97, 3), ([4.0, 3.0, 2.0, 1.0], 0.9, 3),
        ([3.0, 2.0, 2.0, 1.0], 0.9, 3), ([1.0, 1.0, 1.0, 1.0], 0.5, 2),
    )  # fmt: skip
    answers = [student.rank_for_energy(np.array(s), share) for s, share, _ in cases]
    for got, (s, share, want) in zip(answers, cases):
        got = whole(got, "rank_for_energy")
        equal(got, want, what="the smallest rank that reaches the share", on=f"singular values {s}, share {share}")


@exercise("5.4-rank")
def test_budget_of_one_layer(student, rng):
    cases = ((5000, 15), (4800, 15), (4799, 14), (319, 0), (10**6, 64))
    answers = [student.rank_for_budget(256, 64, budget) for budget, _ in cases]
    for got, (budget, want) in zip(answers, cases):
        got = whole(got, "rank_for_budget")
        equal(got, want, what="the largest rank that fits", on=f"a table of 256 x 64, budget {budget}")


# 5.5


@exercise("5.5-bug")
def test_three_layers_at_one_rank(student, rng):
    shapes = [(1000, 1000), (1000, 4000), (10, 256)]
    kept = 2560
    cases = ((600, 1_000_000 + 3_000_000 + kept), (8, 16_000 + 40_000 + 2128), (200, 400_000 + 1_000_000 + kept), (260, 520_000 + 1_300_000 + kept))
    answers = [student.weights_after(shapes, rank) for rank, _ in cases]
    for got, (rank, want) in zip(answers, cases):
        on = f"layers of {shapes}, rank {rank}"
        equal(whole(got, "weights_after"), want, what="the weights of all layers together", on=on)


# 5.6

NO_FIRST_BIAS = "the first layer has a bias of its own: it is added on top of the layer's own bias, so a bias counts twice"
SECOND_BIAS = "the layer's bias got lost: the second layer must add it, once"


def in_two(value, kind, what):
    """An nn.Sequential of two layers of this kind."""
    that(
        type(value) is nn.Sequential and len(value) == 2 and all(type(part) is kind for part in value),
        f"{what} should return an nn.Sequential of two nn.{kind.__name__}.",
    )
    return value[0], value[1]


def check_biases(first, second, layer, what):
    that(first.bias is None, f"{what}: {NO_FIRST_BIAS}.")
    if layer.bias is None:
        that(second.bias is None, f"{what}: the layer has no bias, so neither of the two may have one.")
    else:
        that(second.bias is not None, f"{what}: {SECOND_BIAS}.")
        want = layer.bias.detach().numpy()
        close(table(second.bias, want.shape, "The second bias"), want, rel=FLOAT32, what="the bias of the second layer", on=what)


def float_tensor(rng, *shape):
    return torch.tensor(rng.normal(size=shape), dtype=torch.float32)


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


def check_two_linears(value, layer, left, right, x, on):
    """Structure, weights, biases, and the output, within float32 rounding of sums of this size."""
    first, second = in_two(value, nn.Linear, "two_linears")
    check_biases(first, second, layer, on)
    shape_first, shape_second = tuple(right.shape), tuple(left.shape)
    table(first.weight, shape_first, f"The weight of the first layer, for {on},")
    table(second.weight, shape_second, f"The weight of the second layer, for {on},")
    got = table(run_module(value, x, "The result of two_linears"), (len(x), len(left)), "The output")
    x, left, right = (np.asarray(t, dtype=np.float64) for t in (x, left, right))
    bias = 0.0 if layer.bias is None else layer.bias.detach().double().numpy()
    want = x @ right.T @ left.T + bias
    close(got, want, abs=rounding(np.abs(x) @ np.abs(right).T @ np.abs(left).T, right.size), what="the output of the two layers", on=on)


def rounding(magnitude, terms):
    """A bound for float32: one rounding of each magnitude for every term of the sums (they are rarely a tenth of it)."""
    return FLOAT32 * (2 + terms**0.5 + 8) * float(np.max(magnitude, initial=1.0))


def check_two_convs(value, layer, left, right, x, on):
    first, second = in_two(value, nn.Conv2d, "two_convs")
    check_biases(first, second, layer, on)
    rank = right.shape[0]
    table(first.weight, (rank, *layer.weight.shape[1:]), f"The weight of the first convolution, for {on},")
    table(second.weight, (len(left), rank, 1, 1), f"The weight of the second convolution, for {on},")
    for name in ("stride", "padding", "dilation", "groups"):
        have, want = getattr(first, name), getattr(layer, name)
        that(have == want, f"The first convolution should have the layer's {name}, {want}; it has {have}; {on}.")
    that(first.padding_mode == second.padding_mode == "zeros", f"Both convolutions should pad with zeros; {on}.")
    plain = (second.stride, second.padding, second.dilation, second.groups) == ((1, 1), (0, 0), (1, 1), 1)
    that(plain, f"The second convolution looks at one pixel only: stride 1, no padding; {on}.")
    weight = (left.double() @ right.double()).reshape(layer.weight.shape)
    bias = None if layer.bias is None else layer.bias.detach().double()

    def convolved(x, weight, bias):
        return nn.functional.conv2d(x, weight, bias, layer.stride, layer.padding, layer.dilation).numpy()

    with torch.no_grad():
        want = convolved(x.double(), weight, bias)
        large = convolved(x.double().abs(), (left.double().abs() @ right.double().abs()).reshape(weight.shape), None)
    got = table(run_module(value, x, "The result of two_convs"), want.shape, "The output")
    close(got, want, abs=rounding(large, right.numel()), what="the output of the two convolutions", on=on)


@exercise("5.6-layers")
def test_small_linear_in_two(student, rng):
    layer = nn.Linear(3, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]]))
        layer.bias.copy_(torch.tensor([10.0, 20.0]))
    left, right = torch.tensor([[1.0], [2.0]]), torch.tensor([[1.0, 2.0, 3.0]])
    got = student.two_linears(layer, left, right)
    check_two_linears(got, layer, left, right, torch.tensor([[1.0, 0.0, 0.0], [1.0, 1.0, -1.0]]), "a layer with 3 inputs and 2 outputs, rank 1")


@exercise("5.6-layers")
def test_small_convolution_in_two(student, rng):
    layer = random_conv(rng, 2, 3, 3, padding=1)
    left, right = float_tensor(rng, 3, 2), float_tensor(rng, 2, 18)
    got = student.two_convs(layer, left, right)
    check_two_convs(got, layer, left, right, float_tensor(rng, 1, 2, 5, 4), "a 3 x 3 convolution, 2 to 3 channels, padding 1, rank 2")


# 5.7


def check_output_error(w, x, left, right, rank, ridge, on):
    """The output error reaches the optimum that the singular values of the outputs give.

    The answer minimises |x E^T|^2 + slack |E|^2 with slack = samples * ridge * mean(diag(G)), so it is at most what the optimum U U^T w
    (U: strongest output directions) has there. The last term allows for rounding: the Cholesky factor's condition number is up
    to sqrt(n / ridge), which multiplies float64's rounding; a thousand times that is allowed.
    """
    outputs = x @ w.T
    _, s, vt = np.linalg.svd(outputs, full_matrices=False)
    ideal = vt[:rank].T @ (vt[:rank] @ w)
    slack = ridge * np.sum(x**2) / x.shape[1]
    least = tail(s, rank)
    allowed = np.sqrt(least**2 + slack * np.linalg.norm(w - ideal) ** 2)
    allowed += 1e3 * np.finfo(float).eps * np.sqrt(x.shape[1] / ridge) * np.linalg.norm(x) * np.linalg.norm(w)
    error = float(np.linalg.norm(x @ (w - left @ right).T))
    u, t, vt = np.linalg.svd(w, full_matrices=False)
    plain = float(np.linalg.norm(x @ (w - (u[:, :rank] * t[:rank]) @ vt[:rank]).T))
    that(
        error <= allowed,
        f"The output error is {error:.6g}; {max(least, 0.0):.6g} is possible, and plain SVD of w has {plain:.6g}; {on}.",
    )


@exercise("5.7-whitened")
def test_loud_and_quiet_input(student, rng):
    w = np.array([[1.0, 0.0], [0.0, 2.0]])
    x = np.array([[10.0, 1.0], [-10.0, 1.0], [10.0, -1.0], [-10.0, -1.0]])
    left, right = two_tables(student.whitened_factors(w, x, 1), (2, 2), 1, "whitened_factors")
    on = "w = [[1, 0], [0, 2]], the first input is always 10 or -10, the second 1 or -1, rank 1"
    check_output_error(w, x, left, right, 1, 1e-6, on)
    close(left @ right, np.array([[1.0, 0.0], [0.0, 0.0]]), abs=1e-4, what="left @ right", on=on)


@exercise("5.7-whitened")
def test_full_rank_gives_the_weights_back(student, rng):
    w = np.array([[1.0, 2.0], [0.0, 2.0], [3.0, -1.0]])
    x = np.array([[1.0, 0.5], [2.0, 1.5], [-1.0, 0.5], [3.0, 1.0], [1.0, 1.0]])
    left, right = two_tables(student.whitened_factors(w, x, 2), (3, 2), 2, "whitened_factors")
    close(left @ right, w, abs=1e-4, what="left @ right at full rank", on="w of shape (3, 2), correlated inputs")


@exercise("5.7-whitened")
def test_inputs_that_go_together(student, rng):
    """Three inputs with a mean, two of which go together: C, its transpose, G, the spread and the loudness alone differ here."""
    w = np.array([[1.0, 2.0, -1.0], [0.0, 1.0, 3.0]])
    x = np.array([[4.0, 3.0, 1.0], [5.0, 5.0, 0.0], [1.0, 2.0, 1.0], [3.0, 2.0, -1.0], [2.0, 3.0, 1.0]])
    left, right = two_tables(student.whitened_factors(w, x, 1), (2, 3), 1, "whitened_factors")
    check_output_error(w, x, left, right, 1, 1e-6, "w = [[1, 2, -1], [0, 1, 3]], five inputs of which the first two go together, rank 1")


@exercise("5.7-whitened")
def test_an_input_that_is_always_zero(student, rng):
    w = np.array([[1.0, 2.0, -1.0], [0.0, 1.0, 3.0]])
    x = np.array([[4.0, 0.0, 1.0], [5.0, 0.0, 0.0], [1.0, 0.0, 1.0], [3.0, 0.0, -1.0]])
    left, right = two_tables(student.whitened_factors(w, x, 1), (2, 3), 1, "whitened_factors")
    check_output_error(w, x, left, right, 1, 1e-6, "w = [[1, 2, -1], [0, 1, 3]], the second input is always 0, rank 1")


# 5.8


def check_lora_start(value, m, n, rank, on):
    a, b = pair(value, "lora_start")
    a = tensor(a, (rank, n), "a")
    b = tensor(b, (m, rank), "b")
    that(not b.any(), f"b should be zeros at the start, so that the network begins as it was; {on}.")
    that(bool(a.any()), f"a should be random, not zeros: with both at zero neither ever gets a gradient; {on}.")
    return a, b


@exercise("5.8-lora")
def test_start_of_a_small_layer(student, rng):
    check_lora_start(student.lora_start(2, 3, 2, 7), 2, 3, 2, "2 outputs, 3 inputs, rank 2")


@exercise("5.8-lora")
def test_lora_at_ranks_one_and_two(student, rng):
    """The worked example, and a case in which rank, inputs, outputs and alpha all differ."""
    x = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    cases = (
        ([[1.0, 2.0]], [0.5], [[1.0, -1.0]], [[3.0]], 2.0, x, [[7.0, -4.0]]),
        (
            [[1.0, 0.0, 2.0, 0.0]], [0.5], [[1.0, 0.0, 1.0, 0.0], [0.0, 2.0, 0.0, -1.0]], [[1.0, 2.0]], 6.0, torch.eye(4),
            [[4.0, 12.0, 5.0, -6.0]],
        ),
    )  # fmt: skip
    asked = []
    for w, bias, a, b, alpha, x, new in cases:
        layer = nn.Linear(len(w[0]), 1)
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(w))
            layer.bias.copy_(torch.tensor(bias))
        out = student.lora_output(layer, x, torch.tensor(a), torch.tensor(b), alpha)
        merged = student.lora_merge(layer, torch.tensor(a), torch.tensor(b), alpha)
        asked.append((out, merged, 0 in student.mutated))
    for (w, bias, a, b, alpha, x, new), (out, merged, changed) in zip(cases, asked):
        on = f"W = {w}, bias 0.5, a = {a}, b = {b}, alpha {alpha:g}".replace(".0", "")
        want = x.double().numpy() @ np.array(new).T + 0.5
        close(tensor(out, want.shape, "The output"), want, abs=1e-5, what=f"the output for {x.int().tolist()}", on=on)
        that(type(merged) is nn.Linear, "lora_merge should return one nn.Linear.")
        close(table(merged.weight, (1, len(w[0])), "The merged weight"), np.array(new), abs=1e-5, what="the merged weight", on=on)
        that(merged.bias is not None, f"The merged layer has lost the bias; {on}.")
        close(table(merged.bias, (1,), "The merged bias"), np.array(bias), abs=1e-6, what="the merged bias", on=on)
        that(not changed, "lora_merge changed the layer that it was given; it should return a new one.")
