"""The hidden checks of lesson 02: laws on random inputs. They run only when grading.

Of each exercise the first check is the core; later ones are edge cases.
"""

import numpy as np
import torch

from autograder.checks import exercise
from autograder.checks.expect import close, equal, letter, raises, that
from autograder.checks.lesson_02.visible import (
    TUNED, as_array, as_mask, check_mask, check_masks, check_tuned, check_two_of_four, number, numbers, trained_by_hand,
)  # fmt: skip


def normal(rng, *shape, spread=1.0):
    return torch.from_numpy((spread * rng.standard_normal(shape)).astype(np.float32))


def tied(rng, *shape, largest=4):
    """Multiples of a quarter: few magnitudes, many ties, zeros among them."""
    return torch.from_numpy((rng.integers(-largest, largest + 1, shape) / 4).astype(np.float32))


# 2.1


@exercise("2.1-predict", points=6)
def test_predict_the_file_is_as_large_as_before(student, rng):
    that(letter(student.value("predict_2_1"), "predict_2_1") == "d", "The prediction is not right.")


# 2.2


@exercise("2.2-mask", points=7)
def test_masks_of_random_tensors(student, rng):
    shapes = [(60,), (7, 11), (3, 4, 2, 5)]
    for shape in shapes:
        w = normal(rng, *shape)
        keep = int(rng.integers(2, w.numel() - 2))
        got = student.magnitude_mask(w, keep)
        check_mask(got, w, keep, "magnitude_mask", f"random weights of shape {shape}, keep {keep}")
        that(0 not in student.mutated, "magnitude_mask should not change the weights it is given.")
    dead = [torch.from_numpy(rng.random(shape) < share) for shape, share in zip(shapes, (0.9, 0.2, 0.5))]
    tensors = [torch.where(zero, 0.0, normal(rng, *shape)) for zero, shape in zip(dead, shapes)]
    tensors[1][0, 0] = 1e-12  # small, but not zero
    want = sum(int((w == 0).sum()) for w in tensors) / sum(w.numel() for w in tensors)
    close(number(student.sparsity_of(tensors), "sparsity_of"), want, rel=1e-6, what="the sparsity", on="three random tensors")


@exercise("2.2-mask", points=5)
def test_exact_counts_under_ties(student, rng):
    for shape in ((50,), (8, 12)):
        w = tied(rng, *shape)
        for keep in (int(rng.integers(3, 20)), w.numel() // 2, w.numel() - int(rng.integers(3, 20))):
            got = student.magnitude_mask(w, keep)
            check_mask(got, w, keep, "magnitude_mask", f"weights of shape {shape} with many equal magnitudes, keep {keep}")
    flat = torch.full((5, 6), -0.25)
    check_mask(student.magnitude_mask(flat, 11), flat, 11, "magnitude_mask", "30 equal weights, keep 11")


@exercise("2.2-mask", points=2)
def test_keep_none_and_keep_all(student, rng):
    for w in (normal(rng, 4, 5), torch.zeros(4, 5)):
        for keep in (0, 1, 19, 20):
            check_mask(student.magnitude_mask(w, keep), w, keep, "magnitude_mask", f"20 weights, keep {keep}")
    got = student.sparsity_of([torch.zeros(3), torch.zeros(2, 2)])
    close(number(got, "sparsity_of"), 1.0, rel=1e-6, what="the sparsity of nothing but zeros")


# 2.3


def network(rng, draw):
    """Weights of very different size, a convolution, biases, and a norm whose scale is called weight."""
    spreads = rng.permutation([0.05, 1.0, 8.0])
    state = {
        "conv.weight": draw(6, 3, 3, 3) * float(spreads[0]),
        "conv.bias": normal(rng, 6),
        "norm.weight": normal(rng, 6) + 3,
        "norm.bias": normal(rng, 6),
        "norm.num_batches_tracked": torch.tensor(7),
        "fc.weight": draw(10, 24) * float(spreads[1]),
        "fc.bias": normal(rng, 10),
        "out.weight": draw(4, 10) * float(spreads[2]),
    }
    names = list(state)
    return {names[i]: state[names[i]] for i in rng.permutation(len(names))}


def clear_sparsity(rng, counts, lowest=0.15, highest=0.85):
    """A sparsity for which sparsity * n is not near a half for any of the counts: every way of rounding agrees."""
    while True:
        sparsity = float(rng.uniform(lowest, highest))
        if all(abs(sparsity * n % 1 - 0.5) > 0.1 for n in counts):
            return sparsity


def counts_of(state):
    return {name: w.numel() for name, w in state.items() if w.dim() >= 2}


@exercise("2.3-global", points=8)
def test_global_and_layer_masks_of_random_networks(student, rng):
    for _ in range(3):
        state = network(rng, lambda *shape: normal(rng, *shape))
        counts = counts_of(state)
        total = sum(counts.values())
        sparsity = clear_sparsity(rng, [*counts.values(), total])
        on = f"a random network, sparsity {sparsity:.3f}"
        together, apart = student.global_masks(state, sparsity), student.layer_masks(state, sparsity)
        check_masks(together, state, total - round(sparsity * total), "global_masks", on)
        check_masks(apart, state, {name: n - round(sparsity * n) for name, n in counts.items()}, "layer_masks", on)


@exercise("2.3-global", points=4)
def test_global_and_layer_counts_under_ties(student, rng):
    for _ in range(2):
        state = {name: tied(rng, *w.shape) if w.dim() >= 2 else w for name, w in network(rng, lambda *shape: tied(rng, *shape)).items()}
        counts = counts_of(state)
        total = sum(counts.values())
        sparsity = clear_sparsity(rng, [*counts.values(), total])
        on = f"a network with many equal magnitudes, sparsity {sparsity:.3f}"
        together, apart = student.global_masks(state, sparsity), student.layer_masks(state, sparsity)
        check_masks(together, state, total - round(sparsity * total), "global_masks", on)
        check_masks(apart, state, {name: n - round(sparsity * n) for name, n in counts.items()}, "layer_masks", on)


@exercise("2.3-global", points=2)
def test_nothing_and_everything_pruned(student, rng):
    state = network(rng, lambda *shape: normal(rng, *shape))
    counts = counts_of(state)
    for sparsity, keeps in ((0.0, counts), (1.0, dict.fromkeys(counts, 0))):
        on = f"a random network, sparsity {sparsity}"
        check_masks(student.global_masks(state, sparsity), state, sum(keeps.values()), "global_masks", on)
        check_masks(student.layer_masks(state, sparsity), state, keeps, "layer_masks", on)


# 2.4


def layer_to_tune(rng):
    """A regression whose inputs are correlated, so that what is pruned changes what the survivors should do."""
    w = torch.from_numpy(rng.normal(0, 0.5, (4, 9)))
    mixing = np.eye(9) + 0.4 * rng.standard_normal((9, 9))
    x = torch.from_numpy(rng.standard_normal((40, 9)) @ mixing)
    y = x @ torch.from_numpy(rng.normal(0, 1, (4, 9))).T + torch.from_numpy(rng.normal(0, 0.1, (40, 4)))
    mask = torch.from_numpy(rng.permutation(36).reshape(4, 9) < 15)
    return w, mask, x, y


@exercise("2.4-bug", points=9)
def test_masks_survive_momentum_and_adam(student, rng):
    for optimizer, lr in (("sgd", 0.02), ("adam", 0.05)):
        for _ in range(2):
            w, mask, x, y = layer_to_tune(rng)
            case = (optimizer, lr, int(rng.integers(3, 6)), int(rng.integers(5, 9)))
            got = student.prune_and_tune(w, mask, x, y, *case)
            on = f"a random layer of 4 x 9 weights, optimiser {optimizer}, {case[2]} dense steps, then {case[3]} more"
            check_tuned(got, trained_by_hand(w, mask, x, y, *case), mask, TUNED, on)


@exercise("2.4-bug", points=3)
def test_small_survivors_and_full_masks(student, rng):
    w, mask, x, y = layer_to_tune(rng)
    one = torch.arange(36).reshape(4, 9) == int(rng.integers(36))
    for word, m in (("all kept", torch.ones_like(mask)), ("all pruned", torch.zeros_like(mask)), ("one kept", one)):
        for optimizer, lr in (("adam", 0.03), ("sgd", 0.02)):
            got = student.prune_and_tune(w, m, x, y, optimizer, lr, 2, 3)
            want = trained_by_hand(w, m, x, y, optimizer, lr, 2, 3)
            check_tuned(got, want, m, TUNED, f"a mask with {word}, optimiser {optimizer}")
    # A survivor that starts at exactly zero and whose first steps are tiny is a survivor all the same.
    w = torch.zeros(4, 9, dtype=torch.float64)
    got = student.prune_and_tune(w, mask, x, y, "sgd", 1e-9, 1, 2)
    got = as_array(got, w.shape, "The result of prune_and_tune")
    want = trained_by_hand(w, mask, x, y, "sgd", 1e-9, 1, 2)
    # float32 carries seven digits, whatever the size of a number; sums of 40 products lose less than three of them.
    on = "weights that start at 0 and a learning rate of 1e-9"
    kept = mask.numpy()
    close(got[kept] / 1e-9, want[kept] / 1e-9, rel=1e-3, abs=1e-3, what="the survivors, in units of 1e-9", on=on)
    that(not got[~mask.numpy()].any(), "A pruned weight is not zero at the end, for a learning rate of 1e-9.")


# 2.5


def ends_and_rounds(rng):
    cases = [(0.0, 0.8, 5), (0.0, 0.9, 1), (0.4, 0.4, 3)]
    for _ in range(5):
        start, end = sorted(float(v) for v in rng.uniform(0, 1, 2))
        cases.append((start, end, int(rng.integers(2, 30))))
    return cases


@exercise("2.5-schedule", points=6)
def test_schedules_obey_their_laws(student, rng):
    for start, end, rounds in ends_and_rounds(rng):
        on = f"{start:.3f} to {end:.3f} in {rounds} rounds"
        linear = numbers(student.linear_schedule(start, end, rounds), rounds + 1, f"linear_schedule for {on}")
        cubic = numbers(student.cubic_schedule(start, end, rounds), rounds + 1, f"cubic_schedule for {on}")
        for got, word in ((linear, "linear"), (cubic, "cubic")):
            # 1e-6: sparsities are at most 1, so a result in float32 is exact to 1e-7 and a few roundings.
            close(got[[0, -1]], np.array([start, end]), abs=1e-6, what=f"the two ends of the {word} schedule", on=on)
            that((np.diff(got) >= -1e-6).all(), f"The {word} schedule should never fall, for {on}.")
        close(np.diff(linear), np.full(rounds, (end - start) / rounds), abs=1e-6, what="the steps of the linear schedule", on=on)
        left = (end - cubic) - (end - start) * (1 - np.arange(rounds + 1) / rounds) ** 3
        close(left, np.zeros(rounds + 1), abs=1e-6, what="the cubic schedule minus its formula", on=on)
        that((np.diff(cubic, 2) <= 1e-6).all(), f"The steps of the cubic schedule should become smaller, for {on}.")


@exercise("2.5-schedule", points=4)
def test_shares_lead_to_the_goal(student, rng):
    for _ in range(6):
        now, goal = sorted(float(v) for v in rng.uniform(0, 0.97, 2))
        share = number(student.share_of_survivors(now, goal), "share_of_survivors")
        # (1 - now) * share is what goes; now + that is where we arrive.
        on = f"from {now:.3f} to {goal:.3f}"
        close(now + (1 - now) * share, goal, abs=1e-6, what="the sparsity after taking this share of the survivors", on=on)
    for now, goal, want in ((0.5, 0.5, 0.0), (0.25, 1.0, 1.0)):
        share = number(student.share_of_survivors(now, goal), "share_of_survivors")
        close(share, want, abs=1e-6, what="the share of the survivors", on=f"from {now} to {goal}")


# 2.6


@exercise("2.6-ticket", points=6)
def test_tickets_of_random_layers(student, rng):
    for shape in ((40,), (6, 9), (4, 3, 3, 3)):
        initial, trained = normal(rng, *shape), normal(rng, *shape, spread=3.0)
        n = initial.numel()
        keep = int(rng.integers(3, n - 3))
        got = as_array(student.ticket(initial, trained, keep), shape, "The result of ticket")
        on = f"random tensors of shape {shape}, keep {keep}"
        that(student.mutated == [], "ticket should not change the tensors it is given.")
        order = np.argsort(-trained.abs().numpy().ravel(), kind="stable")[:keep]
        want = np.zeros(n, np.float32)
        want[order] = initial.numpy().ravel()[order]
        close(got.ravel(), want, abs=0.0, what="the ticket", on=on)
    for _ in range(3):
        shape, keep = (int(rng.integers(2, 7)), int(rng.integers(4, 9))), int(rng.integers(2, 8))
        mask = as_mask(student.random_mask(shape, keep, int(rng.integers(10**6))), shape, "The result of random_mask")
        equal(int(mask.sum()), keep, what="how many random_mask keeps", on=f"shape {shape}, keep {keep}")


@exercise("2.6-ticket", points=3)
def test_tickets_under_ties_and_at_the_ends(student, rng):
    initial, trained = normal(rng, 5, 8), tied(rng, 5, 8)
    for keep in (0, 7, 20, 33, 40):
        got = as_array(student.ticket(initial, trained, keep), (5, 8), "The result of ticket")
        on = f"trained weights with many equal magnitudes, keep {keep} of 40"
        chosen = got != 0
        close(got[chosen], initial.numpy()[chosen], abs=0.0, what="the survivors' values", on=on)
        check_mask(torch.from_numpy(chosen), trained, keep, "ticket", on)


@exercise("2.6-ticket", points=3)
def test_random_masks_are_random(student, rng):
    shape, keep, draws = (4, 6), 6, 80
    first = int(rng.integers(10**6))
    masks = np.array([as_mask(student.random_mask(shape, keep, first + i), shape, "The result of random_mask") for i in range(draws)])
    again = as_mask(student.random_mask(shape, keep, first), shape, "The result of random_mask")
    equal(again, masks[0], what="two masks with the same seed", on=f"shape {shape}, keep {keep}")
    counts = masks.sum(axis=0)
    # A place is kept with chance 1/4. In 80 draws it is kept never, or 50 times and more, with a chance
    # of 1.0e-10 (0.75**80) and 3e-12 (binomial tail): for 24 places together below 3e-9.
    that(counts.min() >= 1, f"Over {draws} seeds one of the places is never kept, for shape {shape}, keep {keep}.")
    that(counts.max() < 50, f"Over {draws} seeds one of the places is kept {counts.max()} times, where 20 are expected.")
    # Of 134,596 masks, 80 draws hit hardly two alike; a row of neighbours that moves with the seed has 24 places to stand.
    different = len(np.unique(masks.reshape(draws, -1), axis=0))
    that(different >= 70, f"{draws} seeds give only {different} different masks, for shape {shape}, keep {keep}.")
    for size in (0, 24):
        mask = as_mask(student.random_mask(shape, size, first), shape, "The result of random_mask")
        equal(int(mask.sum()), size, what="how many random_mask keeps", on=f"24 places, keep {size}")


# 2.7


def arrays_of(w):
    """The arrays that each layout stores, made from a matrix."""
    mask = w != 0
    rows, columns = np.nonzero(mask)
    starts = np.searchsorted(rows, np.arange(w.shape[0] + 1)).astype(np.int32)
    values = w[mask]
    return {"dense": [w], "bitmask": [np.packbits(mask), values], "csr": [values, columns.astype(np.int32), starts]}


@exercise("2.7-bytes", points=6)
def test_bytes_are_those_of_the_arrays(student, rng):
    for kind in (np.float32, np.int8, np.float16, np.float64):
        rows, columns = int(rng.integers(2, 30)), int(rng.integers(2, 30))
        w = rng.integers(1, 9, (rows, columns)).astype(kind)
        w[rng.random((rows, columns)) < rng.uniform(0.1, 0.95)] = 0
        kept = int((w != 0).sum())
        on = f"{rows} x {columns} weights of type {np.dtype(kind)}, {kept} of them kept"
        got = {layout: student.stored_bytes(rows, columns, kept, w.itemsize, layout) for layout in ("dense", "bitmask", "csr")}
        for layout, arrays in arrays_of(w).items():
            equal(got[layout], sum(a.nbytes for a in arrays), what=f"the bytes of the layout {layout!r}", on=on)


@exercise("2.7-bytes", points=4)
def test_at_break_even_both_are_equally_large(student, rng):
    for value_bytes in (1, 2, 4, 8):
        rows, columns = int(rng.integers(3, 400)), 8 * int(rng.integers(8, 60))
        n = rows * columns
        on = f"{rows} x {columns} weights of {value_bytes} bytes"
        for layout in ("bitmask", "csr"):
            got = number(student.break_even(rows, columns, value_bytes, layout), "break_even")
            fixed, each = (n / 8, value_bytes) if layout == "bitmask" else (4 * (rows + 1), value_bytes + 4)
            # 1e-6 for a result in float32.
            want = 1 - (n * value_bytes - fixed) / each / n
            close(got, want, abs=1e-6, what=f"the break-even of the layout {layout!r}", on=on)


@exercise("2.7-bytes", points=2)
def test_nothing_kept_and_everything_kept(student, rng):
    for rows, columns in ((1, 1), (1, 9), (7, 1), (int(rng.integers(2, 99)), 16)):
        n = rows * columns
        for kept in (0, n):
            on = f"{rows} x {columns} float32 weights, {kept} of them kept"
            want = {"dense": 4 * n, "bitmask": -(-n // 8) + 4 * kept, "csr": 8 * kept + 4 * rows + 4}
            for layout in want:
                got = student.stored_bytes(rows, columns, kept, 4, layout)
                equal(got, want[layout], what=f"the bytes of the layout {layout!r}", on=on)


# 2.8


@exercise("2.8-two-four", points=6)
def test_patterns_of_random_matrices(student, rng):
    for outputs, inputs in ((1, 4), (4, 4), (3, 20), (12, 16), (16, 12), (int(rng.integers(5, 20)), 4 * int(rng.integers(2, 9)))):
        w = normal(rng, outputs, inputs) * torch.from_numpy(rng.uniform(0.1, 10, (1, inputs)).astype(np.float32))
        got = student.two_of_four(w)
        check_two_of_four(got, w, f"a random {outputs} x {inputs} matrix")
        that(0 not in student.mutated, "two_of_four should not change the weights it is given.")


@exercise("2.8-two-four", points=3)
def test_two_of_four_under_ties(student, rng):
    for w in (tied(rng, 12, 16, largest=2), torch.zeros(4, 8), torch.full((3, 12), -0.5)):
        check_two_of_four(student.two_of_four(w), w, f"a {w.shape[0]} x {w.shape[1]} matrix with many equal magnitudes")


@exercise("2.8-two-four", points=1)
def test_inputs_that_are_no_multiple_of_four(student, rng):
    check_two_of_four(student.two_of_four(torch.ones(3, 8)), torch.ones(3, 8), "a 3 x 8 matrix of ones")
    for shape in ((4, 5), (8, 10), (4, 4 * int(rng.integers(1, 9)) + 3)):
        raises(ValueError, lambda: student.two_of_four(torch.ones(shape)), what=f"two_of_four of a {shape[0]} x {shape[1]} matrix")
