"""The visible checks of lesson 02. They run in the student's kernel on small inputs.

Where magnitudes are equal, a mask is not unique. So masks are checked by two laws: the count is exact,
and no pruned weight is larger than a kept one. What a docstring promises is asked here at least once, on an input that decides;
the hidden checks ask the same on more inputs.
"""

import numpy as np
import torch

from autograder.checks import exercise
from autograder.checks.expect import (
    array,
    close,
    counted,
    equal,
    kind_of,
    letter,
    raises,
    real_number,
    reproducible,
    seed_matters,
    that,
    whole_number,
)


def as_floats(value, shape, what, on=None):
    """A torch tensor of floats, of the shape wanted, as a NumPy array; else a plain message."""
    return as_tensor(value, shape, what, "floats", lambda dtype: dtype.is_floating_point, on)


def as_mask(value, shape, what, on=None):
    """A torch tensor of True and False, of the shape wanted, as a NumPy array; else a plain message."""
    return as_tensor(value, shape, what, "True and False (torch.bool)", lambda dtype: dtype == torch.bool, on)


def as_tensor(value, shape, what, holds, fits, on):
    on = f", for {on}" if on else ""
    that(isinstance(value, torch.Tensor) and fits(value.dtype), f"{what} should be a tensor of {holds}; it is {kind_of(value)}{on}.")
    that(tuple(value.shape) == tuple(shape), f"{what} should have the shape {tuple(shape)}; it has {tuple(value.shape)}{on}.")
    return array(value, what)


def numbers(value, count, what, on):
    """A list, tuple, array or tensor of `count` numbers, as a float array."""
    if isinstance(value, (list, tuple)):
        that(len(value) == count, f"{what} should have {count} entries; it has {len(value)}, for {on}.")
        return np.array([real_number(v, f"Entry {at} of {what[:1].lower() + what[1:]}", on) for at, v in enumerate(value)])
    return array(value, what, (count,), kinds="iuf", on=on).astype(float)


def told(tensor):
    """A small tensor in six digits, as a student would type it."""
    if not tensor.dim():
        return f"tensor({tensor.item():.6g})"
    inside = [told(each) if tensor.dim() > 1 else float(f"{each:.6g}") for each in tensor]
    return str(inside).replace("'", "")


def told_layers(state):
    return ", ".join(f"{name} = {told(w)}" for name, w in state.items())


def check_best(mask, magnitudes, keep, what, on):
    """Exactly `keep` kept, and none of the pruned larger than any of the kept. Flat arrays."""
    equal(int(mask.sum()), keep, what=f"how many {what} keeps", on=on)
    if 0 < keep < mask.size:
        smallest, largest = magnitudes[mask].min(), magnitudes[~mask].max()
        that(
            smallest >= largest,
            f"{what} keeps a weight of magnitude {smallest:.7g} and prunes one of magnitude {largest:.7g}, for {on}.",
        )


def check_mask(got, w, keep, what, on):
    mask = as_mask(got, w.shape, f"The result of {what}", on)
    check_best(mask.ravel(), w.abs().numpy().ravel(), keep, what, on)
    return mask


def check_masks(got, state, keeps, what, on):
    """`got` holds a mask for every weight of `state`; `keeps`: a count for each name, or one for all together."""
    that(isinstance(got, dict), f"{what} should return a dict, name -> mask; it returns {kind_of(got)}.")
    wanted = sorted(name for name, w in state.items() if w.dim() >= 2)
    names = sorted(str(name) for name in got)
    that(names == wanted, f"{what}: masks expected for {', '.join(wanted)}; yours are for {', '.join(names) or 'nothing'}, for {on}.")
    masks = {name: as_mask(got[name], state[name].shape, f"The mask of {name}", on).ravel() for name in wanted}
    flat = {name: state[name].abs().numpy().ravel() for name in wanted}
    if isinstance(keeps, dict):
        for name in wanted:
            check_best(masks[name], flat[name], keeps[name], f"{what} in {name}", on)
    else:
        together, magnitudes = (np.concatenate([each[name] for name in wanted]) for each in (masks, flat))
        check_best(together, magnitudes, keeps, f"{what} over all layers", on)


def keep_count(n, sparsity):
    """The notebook's own."""
    return n - round(sparsity * n)


def counts_of(state):
    return {name: w.numel() for name, w in state.items() if w.dim() >= 2}


# 2.1


@exercise("2.1-predict")
def test_predict_bytes_of_a_masked_layer(student, rng):
    chosen = letter(student.value("predict_2_1"), "predict_2_1")
    that(chosen == "d", f"({chosen}) is not right.")


# 2.2


@exercise("2.2-mask")
def test_mask_of_the_worked_example(student, rng):
    cases = (
        (torch.tensor([0.5, -0.9, 0.1, -0.2]), 2),
        (torch.tensor([[0.5, -0.1, 0.3], [-0.9, 0.2, 0.0]]), 3),
        (torch.tensor([0.3, -0.3, 0.3, 0.9, 0.1]), 2),
        (torch.tensor([3.0, 2.0, 2.5, 0.1]), 2),
        (torch.tensor([[[3e-12, -5e-12], [9e-12, 1e-12]], [[-8e-12, 2e-12], [6e-12, -7e-12]]]), 4),
        (torch.tensor([1.0, -1.0003, 1.0001, 1.0002]), 1),
        (torch.tensor([0.5, 0.0, -0.1]), 0),
        (torch.tensor([0.5, 0.0, -0.1]), 3),
    )
    got = [student.magnitude_mask(w, keep) for w, keep in cases]
    for mask, (w, keep) in zip(got, cases):
        check_mask(mask, w, keep, "magnitude_mask", f"w = {told(w)}, keep {keep}")


@exercise("2.2-mask")
def test_sparsity_of_two_tensors(student, rng):
    one, two = torch.tensor([[0.0, 1e-30, 0.0], [0.0, -2.0, 0.5]]), torch.tensor([1.0, 0.0, 3.0, -4.0, 5.0])
    empty = torch.zeros(0, 3)
    cases = (([one, two], 4 / 11), ([empty, two], 1 / 5), ([torch.zeros(2, 2)], 1.0))
    got = [student.sparsity_of(tensors) for tensors, _ in cases]
    for share, (tensors, want) in zip(got, cases):
        on = "tensors = [" + ", ".join(f"torch.zeros{tuple(w.shape)}" if w.numel() == 0 else told(w) for w in tensors) + "]"
        close(real_number(share, "The result of sparsity_of", on), want, rel=1e-6, what="the sparsity", on=on)


# 2.3


def small_network():
    return {
        "a.weight": torch.tensor([[8.0, -6.0]]),
        "a.bias": torch.tensor([0.5]),
        "norm.weight": torch.tensor([9.0, 7.0]),
        "norm.num_batches_tracked": torch.tensor(7),  # as a batch norm has it: no dimension at all
        "b.weight": torch.tensor([[3.0, -2.0], [1.0, -1.0]]),
    }


def odd_layers():
    """Layers of 5, 3 and 5 weights: half of 13 is 6.5, half of 5 is 2.5, and the layers' own counts do not add up to every total."""
    return {
        "a.weight": torch.tensor([[0.1, -0.9, 0.3, 0.5, -0.2]]),
        "b.bias": torch.tensor([[0.45], [-0.8], [0.05]]),  # a name says nothing: it has two dimensions
        "c.weight": torch.tensor([[[4.0, -3.0, 2.0, 1.5, 0.15]]]),
    }


def faint_layers():
    """Magnitudes that rise from place to place by less than any shift that is to break ties, or keep a division alive."""
    return {
        "a.weight": torch.tensor([[1e-15, -3e-15, 5e-15, 7e-15]]),
        "b.weight": torch.tensor([[2e-15, -4e-15], [6e-15, -8e-15]]),
    }


def sparse_layers():
    """More zeros than shall go: some of them survive. Who takes what is not zero after the cut for the mask keeps too few."""
    return {
        "a.weight": torch.tensor([[0.0, 2.0, 0.0, -1.0]]),
        "b.weight": torch.tensor([[0.0, 0.0], [3.0, 0.0]]),
    }


@exercise("2.3-global")
def test_global_worked_example(student, rng):
    state = small_network()
    tied = {"a.weight": torch.tensor([[1.0, 2.0, -1.0]]), "b.weight": torch.tensor([[[[1.0, -1.0], [1.0, 3.0]]]])}  # as of a convolution
    odd = odd_layers()
    two = {name: odd[name] for name in ("a.weight", "c.weight")}
    near = {"a.weight": torch.tensor([[1.0, 1.0007, 1.0001, -1.0006]]), "b.weight": torch.tensor([[1.0002, -1.0005], [-1.0003, 1.0004]])}
    halves = [(layers, 0.5) for layers in (state, tied, odd, two, near, faint_layers())]
    cases = (*halves, (tied, 0.43), (tied, 0.4), (sparse_layers(), 0.25), (state, 0.0), (state, 1.0))
    got = [student.global_masks(layers, sparsity) for layers, sparsity in cases]
    for masks, (layers, sparsity) in zip(got, cases):
        keep = keep_count(sum(counts_of(layers).values()), sparsity)
        check_masks(masks, layers, keep, "global_masks", f"{told_layers(layers)}, sparsity {sparsity}: keep_count gives {keep} in all")


@exercise("2.3-global")
def test_layer_worked_example(student, rng):
    state = small_network()
    tied = {"a.weight": torch.tensor([[1.0, -1.0, 1.0, 0.5]]), "b.weight": torch.tensor([[[[2.0, 2.0], [-2.0, 3.0]]]])}
    halves = [(layers, 0.5) for layers in (state, tied, odd_layers(), faint_layers())]
    cases = (*halves, (tied, 0.3), (sparse_layers(), 0.25), (state, 0.0), (state, 1.0))
    got = [student.layer_masks(layers, sparsity) for layers, sparsity in cases]
    for masks, (layers, sparsity) in zip(got, cases):
        keeps = {name: keep_count(n, sparsity) for name, n in counts_of(layers).items()}
        words = ", ".join(f"{keep} in {name}" for name, keep in keeps.items())
        check_masks(masks, layers, keeps, "layer_masks", f"{told_layers(layers)}, sparsity {sparsity}: keep_count gives {words}")


# 2.4


# How far a survivor may lie from the training in float64. A right answer in float32 was off by 9.7e-7 at most over 2,000
# random cases of the hidden check's kind (1,000 for each optimiser). Of the bank's wrong answers, each left a pruned weight
# that is not zero or was off by 8e-3 and more in 120 cases; only the mask chosen anew by magnitude was by chance the
# old one in 1 of 120, and the check has four cases.
TUNED = 1e-4


def trained_by_hand(w, mask, x, y, optimizer, lr, dense_steps, tune_steps):
    """The same training in NumPy and float64: gradient, momentum or Adam written out, mask after each step."""
    w, mask, x, y = ((t.double() if t.is_floating_point() else t).numpy() for t in (w, mask, x, y))
    first, second = np.zeros_like(w), np.zeros_like(w)
    for step in range(1, dense_steps + tune_steps + 1):
        gradient = 2 / y.size * (x @ w.T - y).T @ x
        if optimizer == "adam":
            first = 0.9 * first + 0.1 * gradient
            second = 0.999 * second + 0.001 * gradient**2
            w = w - lr * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
        else:
            first = 0.9 * first + gradient
            w = w - lr * first
        if step >= dense_steps:
            w = np.where(mask, w, 0.0)
    return w


def check_tuned(got, want, mask, tolerance, on):
    got, mask = as_floats(got, want.shape, "The result of prune_and_tune", on), mask.numpy()
    revived = int((got[~mask] != 0).sum())
    that(revived == 0, f"Not zero at the end: {revived} of the {counted(int((~mask).sum()), 'pruned weight', 'pruned weights')}, for {on}.")
    close(got[mask], want[mask], abs=tolerance, what="the survivors (the pruned ones are all zero)", on=on)


def check_tiny(student, mask, x, y, on):
    """Weights that start at exactly zero, and tiny steps: a survivor that is small is a survivor all the same."""
    w = torch.zeros(mask.shape, dtype=x.dtype)
    case = ("sgd", 1e-9, 1, 2)
    got = as_floats(student.prune_and_tune(w, mask, x, y, *case), w.shape, "The result of prune_and_tune", on)
    want, kept = trained_by_hand(w, mask, x, y, *case), mask.numpy()
    # float32 carries seven digits, whatever the size of a number; sums of 40 products lose less than three of them.
    close(got[kept] / 1e-9, want[kept] / 1e-9, rel=1e-3, abs=1e-3, what="the survivors, in units of 1e-9", on=on)
    that(not got[~kept].any(), f"A pruned weight is not zero at the end, for {on}.")


@exercise("2.4-bug")
def test_pruned_weights_stay_zero(student, rng):
    w = torch.tensor([[0.5, -0.25, 1.0], [0.125, 0.75, -1.0]])
    mask = torch.tensor([[True, False, True], [False, True, True]])
    x = torch.tensor([[1.0, 0.5, -1.0], [0.0, 1.0, 2.0], [-1.0, 2.0, 0.5], [2.0, -1.0, 1.0]])
    y = torch.tensor([[1.0, -1.0], [2.0, 0.0], [0.0, 2.0], [-1.0, 1.0]])
    cases = [("sgd", 0.05, 2, 4), ("adam", 0.05, 2, 4), ("sgd", 0.05, 1, 1)]
    got = [student.prune_and_tune(w, mask, x, y, *case) for case in cases]
    for one, case in zip(got, cases):
        on = (
            f"w = {told(w)}, mask = {mask.tolist()}, x = {told(x)}, y = {told(y)}, optimiser {case[0]!r}, learning rate {case[1]}, "
            f"dense steps {case[2]}, then {case[3]} more"
        )
        check_tuned(one, trained_by_hand(w, mask, x, y, *case), mask, TUNED, on)
    check_tiny(student, mask, x, y, "the layer with all weights 0, optimiser 'sgd', learning rate 1e-9, dense steps 1, then 2 more")


# 2.5


# 1e-6: sparsities are at most 1, so a result in float32 is exact to 1e-7 and a few roundings.


def check_schedule(got, want, what, on):
    close(numbers(got, len(want), f"The {what}", on), np.array(want), abs=1e-6, what=f"the {what}", on=on)


@exercise("2.5-schedule")
def test_linear_to_eighty(student, rng):
    cases = (
        (0.0, 0.8, 5, [0, 0.16, 0.32, 0.48, 0.64, 0.8]),
        (0.2, 0.8, 3, [0.2, 0.4, 0.6, 0.8]),
        (0.0, 1.0, 3, [0, 1 / 3, 2 / 3, 1]),
        (0.3, 0.3, 1, [0.3, 0.3]),
        # A step in floats is a little too wide or too narrow: who steps until the end is reached has an entry too many or too few here.
        (0.3, 0.8, 5, [0.3, 0.4, 0.5, 0.6, 0.7, 0.8]),
        (0.5, 0.7, 5, [0.5, 0.54, 0.58, 0.62, 0.66, 0.7]),
    )
    got = [student.linear_schedule(*case[:3]) for case in cases]
    for one, (start, end, rounds, want) in zip(got, cases):
        check_schedule(one, want, "linear schedule", f"{start} to {end}, rounds {rounds}")


@exercise("2.5-schedule")
def test_cubic_to_eighty(student, rng):
    cases = (
        (0.0, 0.8, 2, [0, 0.7, 0.8]),
        (0.5, 0.9, 4, [0.5, 0.73125, 0.85, 0.89375, 0.9]),
        (0.0, 1.0, 3, [0, 19 / 27, 26 / 27, 1]),
        (0.3, 0.3, 1, [0.3, 0.3]),
        (0.0, 0.9, 9, [0.9 - 0.9 * ((9 - t) / 9) ** 3 for t in range(10)]),  # nine ninths in floats are more than 1
    )
    got = [student.cubic_schedule(*case[:3]) for case in cases]
    for one, (start, end, rounds, want) in zip(got, cases):
        check_schedule(one, want, "cubic schedule", f"{start} to {end}, rounds {rounds}")


@exercise("2.5-schedule")
def test_share_of_survivors_of_the_text(student, rng):
    cases = (
        *((0.64, 0.8, 16 / 36), (0.5, 0.75, 0.5), (0.0, 0.3, 0.3), (0.9, 0.9, 0.0), (0.25, 1.0, 1.0), (0.335, 0.8125, 191 / 266)),
        (0.99999, 1.0, 1.0),  # few are left: a small number added to the divisor is seen
    )
    got = [student.share_of_survivors(now, goal) for now, goal, _ in cases]
    for one, (now, goal, want) in zip(got, cases):
        on = f"now {now}, goal {goal}"
        close(real_number(one, "The result of share_of_survivors", on), want, abs=1e-6, what="the share of the survivors", on=on)


# 2.6


@exercise("2.6-ticket")
def test_ticket_of_the_worked_example(student, rng):
    cases = (
        ([0.2, -0.4, 0.1, 0.3], [0.9, -0.1, -0.8, 0.0], 2, [0.2, 0.0, 0.1, 0.0]),
        ([1.0, -2.0, 3.0, 4.0, -5.0], [0.5, 2.0, -1.5, -0.1, 1.0], 2, [0.0, -2.0, 3.0, 0.0, 0.0]),
        ([[1.0, -2.0, 3.0], [4.0, -5.0, 6.0]], [[0.5, 2.0, -0.9], [-1.5, 0.1, 0.2]], 4, [[1.0, -2.0, 3.0], [4.0, 0.0, 0.0]]),
        # A survivor is a survivor, also where training has made it 0; and a small one is no zero.
        ([0.2, -0.4, 3e-9], [0.0, -0.7, 0.5], 3, [0.2, -0.4, 3e-9]),
        # Nor does its initial value say whether it survives: biases begin at 0.
        ([0.0, 0.2, -0.4], [0.9, 0.1, -0.5], 2, [0.0, 0.0, -0.4]),
        ([0.2, -0.4, 0.1, 0.3], [1e-15, 2e-15, -4e-15, 3e-15], 1, [0.0, 0.0, 0.1, 0.0]),
        ([0.2, -0.4], [0.9, -0.1], 0, [0.0, 0.0]),
    )
    got = [student.ticket(torch.tensor(initial), torch.tensor(trained), keep) for initial, trained, keep, _ in cases]
    start, tied = torch.tensor([0.2, 0.3, -0.4, 0.5]), torch.tensor([1.0, -1.0, 1.0, 2.0])
    got_tied = student.ticket(start, tied, 2)
    for one, (initial, trained, keep, want) in zip(got, cases):
        on = f"initial {initial}, trained {trained}, keep {keep}"
        # The initial values are copied, and float32 holds seven digits of them.
        close(as_floats(one, np.shape(want), "The result of ticket", on), np.array(want), rel=1e-6, what="the ticket", on=on)
    on = f"initial {told(start)}, trained {told(tied)}, keep 2"
    kept = as_floats(got_tied, (4,), "The result of ticket", on) != 0
    check_mask(torch.from_numpy(kept), tied, 2, "ticket", on)


@exercise("2.6-ticket")
def test_random_mask_counts(student, rng):
    for shape, keep in (((4, 5), 7), ((2, 3, 4), 5), ((6,), 0), ((6,), 6)):
        mask = as_mask(student.random_mask(shape, keep, 1), shape, "The result of random_mask", f"shape {shape}, keep {keep}, seed 1")
        equal(int(mask.sum()), keep, what="how many random_mask keeps", on=f"shape {shape}, keep {keep}, seed 1")


@exercise("2.6-ticket")
def test_random_mask_follows_its_seed(student, rng):
    shape, keep = (6, 7), 21  # 5.4e11 ways: two of a handful of seeds of a right answer never agree
    what = f"random_mask with shape {shape}, keep {keep}"
    for seed in (0, 1):
        reproducible(lambda seed=seed: student.random_mask(shape, keep, seed), what=f"{what}, seed {seed}")
    seed_matters(lambda seed: student.random_mask(shape, keep, seed), what=what, seeds=(0, 1, 2, 3, 10, 42, 100, 1234))


@exercise("2.6-ticket")
def test_random_mask_gives_each_place_a_chance(student, rng):
    shape, keep, seeds = (2, 3, 4), 12, 40
    on = f"shape {shape}, keep {keep}, seeds 0 to {seeds - 1}"
    masks = np.array([as_mask(student.random_mask(shape, keep, seed), shape, "The result of random_mask", on) for seed in range(seeds)])
    # Each place is kept with a chance of one half: that one of 24 is kept never, or always, happens once in 2e10 right generators.
    that(masks.any(axis=0).all(), f"One of the places is never kept, for {on}.")
    that(not masks.all(axis=0).any(), f"One of the places is always kept, for {on}.")
    # Of 2.7 million masks: two alike among 40 are rare, five never happen.
    different = len(np.unique(masks.reshape(seeds, -1), axis=0))
    that(different > 35, f"Only {different} of {seeds} masks are different, for {on}.")


# 2.7


LAYOUTS = ("dense", "bitmask", "csr")


def check_bytes(got, rows, columns, kept, value_bytes):
    """`got`: what came for each layout."""
    n = rows * columns
    want = {"dense": n * value_bytes, "bitmask": -(-n // 8) + kept * value_bytes, "csr": kept * (value_bytes + 4) + 4 * (rows + 1)}
    on = f"{rows} x {columns} weights of {counted(value_bytes, 'byte', 'bytes')} each, {kept} of them kept"
    for layout in LAYOUTS:
        equal(got[layout], want[layout], what=f"the bytes of the layout {layout!r}", on=on)
        whole_number(got[layout], f"The number of bytes of the layout {layout!r}", on)


@exercise("2.7-bytes")
def test_bytes_of_the_worked_example(student, rng):
    cases = ((3, 5, 4, 4), (4, 8, 3, 1), (2, 9, 0, 4), (3, 7, 21, 2))
    got = [{layout: student.stored_bytes(*case, layout) for layout in LAYOUTS} for case in cases]
    for one, case in zip(got, cases):
        check_bytes(one, *case)


def check_break_even(got, rows, columns, value_bytes, layout):
    n = rows * columns
    fixed, each = (n / 8, value_bytes) if layout == "bitmask" else (4 * (rows + 1), value_bytes + 4)
    on = f"{rows} x {columns} weights of {counted(value_bytes, 'byte', 'bytes')} each"
    got = real_number(got, "The result of break_even", on)
    # 1e-6 for a result in float32: a number of at most about 1.
    close(got, 1 - (n * value_bytes - fixed) / each / n, abs=1e-6, what=f"the break-even of the layout {layout!r}", on=on)


@exercise("2.7-bytes")
def test_break_even_of_float32(student, rng):
    # 10 x 20 places are 25 whole bytes of bits; 3 x 9 are not.
    cases = [(*size, layout) for size in ((10, 20, 4), (10, 20, 1), (3, 9, 4), (5, 21, 2)) for layout in ("bitmask", "csr")]
    got = [student.break_even(*case) for case in cases]
    for one, case in zip(got, cases):
        check_break_even(one, *case)


# 2.8


def check_two_of_four(got, w, on):
    mask = as_mask(got, w.shape, "The result of two_of_four", on).reshape(-1, 4)
    magnitudes = w.abs().numpy().reshape(-1, 4)
    counts = mask.sum(axis=1)
    if not (counts == 2).all():
        bad = int(np.argmax(counts != 2))
        group = told(torch.from_numpy(magnitudes[bad]))
        that(False, f"In the group with magnitudes {group}, {counts[bad]} of 4 are kept instead of 2, for {on}.")
    smallest = np.where(mask, magnitudes, np.inf).min(axis=1)
    largest = np.where(mask, -np.inf, magnitudes).max(axis=1)
    if not (smallest >= largest).all():
        bad = int(np.argmax(smallest < largest))
        group = told(torch.from_numpy(magnitudes[bad]))
        that(False, f"In the group with magnitudes {group} not the two largest are kept, for {on}.")


@exercise("2.8-two-four")
def test_two_groups_of_the_worked_example(student, rng):
    table = torch.tensor([[1.0, -5.0, 2.0, 0.5], [9.0, 8.0, 7.0, 6.0], [0.1, 0.2, -0.4, -0.3], [3.0, 4.0, 5.0, -6.0]])
    cases = (
        table,
        torch.tensor([[0.1, -0.9, 0.5, 0.2, 3.0, 2.0, 1.0, -4.0], [8.0, 1.0, -7.0, 2.0, -6.0, 3.0, 5.0, 4.0]]),
        torch.tensor([[0.5, 0.5, -0.5, 0.1, 0.0, 0.3, 0.0, 0.0]]),
        torch.tensor([[1e-12, -3e-12, 2e-12, 4e-12], [4e-12, 1e-12, -2e-12, 3e-12], [-2e-12, 4e-12, 3e-12, 1e-12]]),
        torch.tensor([[1.0, -1.0003, 1.0001, 1.0002]]),
    )
    got = [student.two_of_four(w) for w in cases]  # who asks for the outputs in place of the inputs gets as far as the second one
    for mask, w in zip([*got[1:], got[0]], [*cases[1:], table]):
        check_two_of_four(mask, w, f"w = {told(w)}")


# One check for each, so that both are asked whatever the first one says.


@exercise("2.8-two-four")
def test_six_inputs_have_no_pattern(student, rng):
    raises(ValueError, lambda: student.two_of_four(torch.ones(4, 6)), what="two_of_four of a 4 x 6 matrix")


@exercise("2.8-two-four")
def test_seven_inputs_have_no_pattern(student, rng):
    raises(ValueError, lambda: student.two_of_four(torch.ones(2, 7)), what="two_of_four of a 2 x 7 matrix")
