"""The hidden checks of lesson 02: laws on random inputs. They run only when grading.

Of each exercise the first check is the core; later ones are edge cases. An input that tells a right answer from a wrong one is in
every run: the random ones are drawn around it, or drawn until they decide.
"""

import numpy as np
import torch

from autograder.checks import exercise
from autograder.checks.expect import close, equal, letter, raises, real_number, reproducible, seed_matters, that
from course_lessons.lesson_02_magnitude_pruning.visible import (
    LAYOUTS,
    TUNED,
    as_floats,
    as_mask,
    check_best,
    check_break_even,
    check_bytes,
    check_mask,
    check_masks,
    check_tiny,
    check_tuned,
    check_two_of_four,
    counts_of,
    keep_count,
    numbers,
    told,
    trained_by_hand,
)


def normal(rng, *shape, spread=1.0):
    return torch.from_numpy((spread * rng.standard_normal(shape)).astype(np.float32))


def tied(rng, *shape, largest=4):
    """Multiples of a quarter: few magnitudes, many ties, zeros among them."""
    return torch.from_numpy((rng.integers(-largest, largest + 1, shape) / 4).astype(np.float32))


def crowded(rng, *shape, size=1.0):
    """Magnitudes that lie close together, 2e-5 of `size` apart, with both signs: float16 and bfloat16 take them for equal, and noise
    or a small number added changes their order. float32 tells them apart, also squared.
    """
    steps = rng.permutation(int(np.prod(shape)))
    return torch.from_numpy((size * (1 + 2e-5 * steps) * rng.choice([-1, 1], len(steps))).astype(np.float32).reshape(shape))


def weights_in_words(w):
    return f"w = {told(w)}" if w.numel() < 13 else f"random weights of shape {tuple(w.shape)}"


# 2.1


@exercise("2.1-predict", points=6)
def test_predict_the_file_is_as_large_as_before(student, rng):
    that(letter(student.value("predict_2_1"), "predict_2_1") == "d", "The prediction is not right.")


# 2.2


@exercise("2.2-mask", points=7)
def test_masks_of_random_tensors(student, rng):
    shapes = [(2, 5), (60,), (7, 11), (3, 4, 2, 5)]
    tensors = [normal(rng, *shape) for shape in shapes] + [crowded(rng, *shape) for shape in shapes[:3]]
    tensors += [crowded(rng, 3, 4, size=1e-12), crowded(rng, 4, 3, 2, size=1e12), normal(rng, 9, 4).double()]
    for w in tensors:
        keep = int(rng.integers(2, w.numel() - 2))
        check_mask(student.magnitude_mask(w, keep), w, keep, "magnitude_mask", f"{weights_in_words(w)}, keep {keep}")
    dead = [torch.from_numpy(rng.random(shape) < share) for shape, share in zip(shapes, (0.3, 0.9, 0.2, 0.5))]
    tensors = [torch.where(zero, 0.0, normal(rng, *shape)) for zero, shape in zip(dead, shapes)]
    tensors[1][:2] = torch.tensor([1e-12, -1e-30])  # small, but not zero
    tensors[2][0, 0] = -0.0
    for some, words in ((tensors, "four random tensors"), ([torch.zeros(0), *tensors[2:]], "an empty tensor and two random ones")):
        want = sum(int((w == 0).sum()) for w in some) / sum(w.numel() for w in some)
        # A share in float32 carries 6e-8.
        close(real_number(student.sparsity_of(some), "The result of sparsity_of"), want, rel=1e-6, what="the sparsity", on=words)


@exercise("2.2-mask", points=5)
def test_exact_counts_under_ties(student, rng):
    for shape in ((2, 6), (50,), (8, 12)):
        w = tied(rng, *shape)
        for keep in (int(rng.integers(3, 20)) % w.numel(), w.numel() // 2, w.numel() - int(rng.integers(3, 20)) % w.numel()):
            on = f"w = {told(w)}, keep {keep}" if w.numel() < 13 else f"weights of shape {shape} with many equal magnitudes, keep {keep}"
            check_mask(student.magnitude_mask(w, keep), w, keep, "magnitude_mask", on)
    flat = torch.full((5, 6), -0.25)
    check_mask(student.magnitude_mask(flat, 11), flat, 11, "magnitude_mask", "30 equal weights, -0.25, keep 11")


@exercise("2.2-mask", points=2)
def test_keep_none_and_keep_all(student, rng):
    for w, word in ((normal(rng, 4, 5), "random weights"), (torch.zeros(4, 5), "zeros")):
        for keep in (0, 1, 19, 20):
            check_mask(student.magnitude_mask(w, keep), w, keep, "magnitude_mask", f"20 {word}, keep {keep}")
    for tensors, want in (([torch.zeros(3), torch.zeros(2, 2)], 1.0), ([torch.ones(3), torch.full((2, 2), 1e-9)], 0.0)):
        got = real_number(student.sparsity_of(tensors), "The result of sparsity_of")
        close(got, want, abs=1e-6, what=f"the sparsity where {'all' if want else 'none'} of the weights are zeros")


# 2.3


def network(rng, draw):
    """Weights of very different size, of two to five dimensions and under any name; biases, and a norm whose scale is called weight."""
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
        "gate.bias": draw(3, 5),
        "sound.weight": draw(5, 2, 3),
        "film.kernel": draw(2, 2, 2, 1, 3) * 1e-9,
    }
    names = list(state)
    return {names[i]: state[names[i]] for i in rng.permutation(len(names))}


def telling_sparsity(rng, counts, up):
    """A sparsity that tells keep_count from other counts, and not near a half for any of them.

    For the total, sparsity * n lies above a half if `up`, else below: who rounds down, or up, is wrong in one of two networks. So it is for
    one of the layers, both ways. And the layers' own counts do not add up to that of the total.
    """
    total = sum(counts)
    for _ in range(100_000):
        sparsity = float(rng.uniform(0.15, 0.85))
        parts = np.array([sparsity * n % 1 for n in counts])
        whole = sparsity * total % 1
        clear = abs(whole - 0.5) > 0.1 and (np.abs(parts - 0.5) > 0.1).all()
        both_ways = ((parts > 0.6) & (parts < 0.98)).any() and ((parts < 0.4) & (parts > 0.02)).any()
        tells = (whole > 0.5) == up and 0.02 < whole < 0.98 and both_ways
        if clear and tells and sum(keep_count(n, sparsity) for n in counts) != keep_count(total, sparsity):
            return sparsity
    raise RuntimeError(f"no sparsity tells for layers of {counts} weights")


def check_both(student, state, sparsity, words):
    counts = counts_of(state)
    total = sum(counts.values())
    on = f"{words}, sparsity {sparsity:.6g}"
    together, apart = student.global_masks(state, sparsity), student.layer_masks(state, sparsity)
    check_masks(together, state, keep_count(total, sparsity), "global_masks", f"{on}, {total} weights")
    check_masks(apart, state, {name: keep_count(n, sparsity) for name, n in counts.items()}, "layer_masks", on)


@exercise("2.3-global", points=8)
def test_global_and_layer_masks_of_random_networks(student, rng):
    for up in (True, False, True, False):
        state = network(rng, lambda *shape: normal(rng, *shape))
        check_both(student, state, telling_sparsity(rng, list(counts_of(state).values()), up), "a random network")
    for size in (1.0, 1e-6):  # the second is so faint that a small shift moves its places
        state = network(rng, lambda *shape, size=size: crowded(rng, *shape, size=size))
        sparsity = telling_sparsity(rng, list(counts_of(state).values()), True)
        check_both(student, state, sparsity, f"a network whose magnitudes lie close together{'' if size == 1 else ', all near 1e-6'}")


@exercise("2.3-global", points=4)
def test_global_and_layer_counts_under_ties(student, rng):
    for up in (True, False):
        state = {name: tied(rng, *w.shape) if w.dim() >= 2 else w for name, w in network(rng, lambda *shape: tied(rng, *shape)).items()}
        check_both(student, state, telling_sparsity(rng, list(counts_of(state).values()), up), "a network with many equal magnitudes")
    # Pruned before: some of what survives is zero.
    state = {name: w * torch.from_numpy(rng.random(tuple(w.shape)) < 0.05) if w.dim() >= 2 else w for name, w in state.items()}
    check_both(student, state, telling_sparsity(rng, list(counts_of(state).values()), up), "a network most of which is zero already")


@exercise("2.3-global", points=2)
def test_nothing_and_everything_pruned(student, rng):
    state = network(rng, lambda *shape: normal(rng, *shape))
    for sparsity in (0.0, 1.0):
        check_both(student, state, sparsity, "a random network")
    # Half of an odd number is a half: keep_count says which way it goes, as the docstring promises.
    for sizes in ((5, 7, 9), (5, 6), (3, 10), (13,)):
        state = {f"layer{i}.weight": normal(rng, 1, n) for i, n in enumerate(sizes)}
        check_both(student, state, 0.5, f"layers of {', '.join(map(str, sizes))} weights")


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
        for dense, tune in ((int(rng.integers(3, 6)), int(rng.integers(5, 9))), (4, 6), (1, 1)):
            w, mask, x, y = layer_to_tune(rng)
            case = (optimizer, lr * float(rng.uniform(0.8, 1.2)), dense, tune)
            got = student.prune_and_tune(w, mask, x, y, *case)
            on = f"a random 4 x 9 layer, optimiser {optimizer!r}, learning rate {case[1]:.4g}, dense steps {dense}, then {tune} more"
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
    check_tiny(student, mask, x, y, "weights that start at 0, optimiser 'sgd', learning rate 1e-9, dense steps 1, then 2 more")


# 2.5


def ends_and_rounds(rng):
    cases = [(0.0, 0.8, 5), (0.0, 0.9, 1), (0.4, 0.4, 3), (0.2, 0.9, 10), (0.1, 0.7, 10), (0.0, 1.0, 9)]
    for _ in range(5):
        start, end = sorted(float(v) for v in rng.uniform(0, 1, 2))
        cases.append((start, end, int(rng.integers(2, 30))))
    return cases


@exercise("2.5-schedule", points=6)
def test_schedules_obey_their_laws(student, rng):
    for start, end, rounds in ends_and_rounds(rng):
        on = f"{start!r} to {end!r}, rounds {rounds}"
        linear = numbers(student.linear_schedule(start, end, rounds), rounds + 1, "The linear schedule", on)
        cubic = numbers(student.cubic_schedule(start, end, rounds), rounds + 1, "The cubic schedule", on)
        t = np.arange(rounds + 1) / rounds
        # 1e-6: sparsities are at most 1, so a result in float32 is exact to 1e-7 and a few roundings.
        close(linear, start + (end - start) * t, abs=1e-6, what="the linear schedule", on=on)
        close(cubic, end + (start - end) * (1 - t) ** 3, abs=1e-6, what="the cubic schedule", on=on)


@exercise("2.5-schedule", points=4)
def test_shares_lead_to_the_goal(student, rng):
    cases = [tuple(sorted(float(v) for v in rng.uniform(0, 0.97, 2))) for _ in range(6)]
    for now, goal in [*cases, (0.5, 0.5), (0.25, 1.0), (0.0, 1.0), (0.0, 0.0), (0.0, float(rng.uniform(0.1, 0.9)))]:
        on = f"now {now!r}, goal {goal!r}"
        share = real_number(student.share_of_survivors(now, goal), "The result of share_of_survivors", on)
        close(share, (goal - now) / (1 - now), abs=1e-5, what="the share of the survivors", on=on)
        # (1 - now) * share is what goes; now + that is where we arrive. 1e-6 for float32.
        close(now + (1 - now) * share, goal, abs=1e-6, what="the sparsity after taking this share of the survivors", on=on)


# 2.6


@exercise("2.6-ticket", points=6)
def test_tickets_of_random_layers(student, rng):
    for shape, size in (((2, 4), 1.0), ((40,), 1.0), ((6, 9), 1e-9), ((4, 3, 3, 3), 1.0), ((5, 7), 1e9)):
        initial = normal(rng, *shape, spread=size)
        trained = normal(rng, *shape, spread=3.0) if size == 1 else crowded(rng, *shape, size=3 * size)
        n = initial.numel()
        keep = int(rng.integers(3, n - 3))
        order = np.argsort(-trained.abs().numpy().ravel(), kind="stable")[:keep]
        initial.view(-1)[order[:1]] = 0.0  # it survives all the same, and no other in its place
        on = f"random tensors of shape {shape}, keep {keep}" if n > 8 else f"initial {told(initial)}, trained {told(trained)}, keep {keep}"
        got = as_floats(student.ticket(initial, trained, keep), shape, "The result of ticket", on)
        want = np.zeros(n, np.float32)
        want[order] = initial.numpy().ravel()[order]
        close(got.ravel(), want, abs=0.0, what="the ticket", on=on)
    for shape in ((30,), (3, 8), (2, 3, 4), (2, 2, 3, 2)):
        keep, seed = int(rng.integers(2, 12)), int(rng.integers(10**6))
        on = f"shape {shape}, keep {keep}, seed {seed}"
        mask = as_mask(student.random_mask(shape, keep, seed), shape, "The result of random_mask", on)
        equal(int(mask.sum()), keep, what="how many random_mask keeps", on=on)


@exercise("2.6-ticket", points=3)
def test_tickets_under_ties_and_at_the_ends(student, rng):
    for keep in (0, 7, 20, 33, 39, 40):
        initial, trained = normal(rng, 5, 8), tied(rng, 5, 8)
        trained[rng.integers(5), :2] = 0.0  # zeros, of which some survive where many are kept
        on = f"trained weights with many equal magnitudes, zeros among them, shape (5, 8), keep {keep}"
        got = as_floats(student.ticket(initial, trained, keep), (5, 8), "The result of ticket", on)
        chosen = got != 0
        close(got[chosen], initial.numpy()[chosen], abs=0.0, what="the survivors' values", on=on)
        check_best(chosen.ravel(), trained.abs().numpy().ravel(), keep, "ticket", on)


@exercise("2.6-ticket", points=3)
def test_random_masks_are_random(student, rng):
    shape, keep, draws = (2, 3, 4), 6, 80
    first = int(rng.integers(10**6))
    masks = np.array([as_mask(student.random_mask(shape, keep, first + i), shape, "The result of random_mask") for i in range(draws)])
    counts = masks.sum(axis=0)
    # A place is kept with chance 1/4. In 80 draws it is kept never, or 50 times and more, with a chance
    # of 1.0e-10 (0.75**80) and 3e-12 (binomial tail): for 24 places together below 3e-9.
    on = f"shape {shape}, keep {keep}"
    that(counts.min() >= 1, f"Over {draws} seeds one of the places is never kept, for {on}.")
    that(counts.max() < 50, f"Over {draws} seeds one of the places is kept {counts.max()} times, where 20 are expected, for {on}.")
    # Of 134,596 masks, 80 draws hit hardly two alike; a row of neighbours that moves with the seed has 24 places to stand.
    different = len(np.unique(masks.reshape(draws, -1), axis=0))
    that(different >= 70, f"{draws} seeds give only {different} different masks, for {on}.")
    # 20 of 40 places: 1.4e11 ways, so two seeds of a right answer never agree.
    large, half = (8, 5), 20
    what = f"random_mask with shape {large}, keep {half}"
    for seed in (0, 1, first):
        reproducible(lambda seed=seed: student.random_mask(large, half, seed), what=f"{what}, seed {seed}")
    seeds = (0, 1, 2, 7, 10, 42, 100, 123, 1234, 1337, 2024, first, first + 1, 10 * first + 3)
    seed_matters(lambda seed: student.random_mask(large, half, seed), what=what, seeds=tuple(dict.fromkeys(seeds)))
    for size in (0, 24):
        mask = as_mask(student.random_mask(shape, size, first), shape, "The result of random_mask")
        equal(int(mask.sum()), size, what="how many random_mask keeps", on=f"shape {shape}, keep {size}, seed {first}")


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
    for at, kind in enumerate((np.float32, np.int8, np.float16, np.float64)):
        # Bits that fill whole bytes exactly, and bits that leave 1, 3 or 5 over; never as many rows as columns.
        rows, columns = 8 * int(rng.integers(1, 4)) + (2 * at - 1 if at else 0), 33
        w = rng.integers(1, 9, (rows, columns)).astype(kind)
        w[rng.random((rows, columns)) < rng.uniform(0.1, 0.95)] = 0
        kept = int((w != 0).sum())
        on = f"{rows} x {columns} weights of {w.itemsize} bytes each, {kept} of them kept"
        got = {layout: student.stored_bytes(rows, columns, kept, w.itemsize, layout) for layout in LAYOUTS}
        for layout, arrays in arrays_of(w).items():
            equal(got[layout], sum(a.nbytes for a in arrays), what=f"the bytes of the layout {layout!r}", on=on)
        check_bytes(got, rows, columns, kept, w.itemsize)


@exercise("2.7-bytes", points=4)
def test_at_break_even_both_are_equally_large(student, rng):
    for value_bytes in (1, 2, 4, 8):
        # Small tables whose bits leave some over show whether they were rounded to whole bytes; large ones do not.
        large = int(rng.integers(3, 400)), 8 * int(rng.integers(8, 60))
        small = 2 * int(rng.integers(2, 9)) + 1, 2 * int(rng.integers(5, 20)) + 1
        cases = [(*size, value_bytes, layout) for size in (small, large) for layout in ("bitmask", "csr")]
        got = [student.break_even(*case) for case in cases]  # all are asked before one is judged: so the mistake shows
        for one, case in zip(got, cases):
            check_break_even(one, *case)


@exercise("2.7-bytes", points=2)
def test_nothing_kept_and_everything_kept(student, rng):
    for rows, columns in ((1, 1), (1, 9), (7, 1), (int(rng.integers(2, 99)), 16)):
        for kept in (0, rows * columns):
            check_bytes({layout: student.stored_bytes(rows, columns, kept, 4, layout) for layout in LAYOUTS}, rows, columns, kept, 4)


# 2.8


@exercise("2.8-two-four", points=6)
def test_patterns_of_random_matrices(student, rng):
    for outputs, inputs in ((1, 4), (2, 4), (4, 4), (3, 20), (12, 16), (16, 12), (int(rng.integers(5, 20)), 4 * int(rng.integers(2, 9)))):
        w = normal(rng, outputs, inputs) * torch.from_numpy(rng.uniform(0.1, 10, (1, inputs)).astype(np.float32))
        check_two_of_four(student.two_of_four(w), w, f"w = {told(w)}" if w.numel() < 9 else f"a random {outputs} x {inputs} matrix")
    for size in (1.0, 1e-12, 1e12):
        w = crowded(rng, 6, 8, size=size)
        check_two_of_four(student.two_of_four(w), w, "a random 6 x 8 matrix whose magnitudes lie close together")


@exercise("2.8-two-four", points=3)
def test_two_of_four_under_ties(student, rng):
    for w in (tied(rng, 2, 4, largest=1), tied(rng, 12, 16, largest=2), torch.zeros(4, 8), torch.full((3, 12), -0.5)):
        on = f"w = {told(w)}" if w.numel() < 9 else f"a {w.shape[0]} x {w.shape[1]} matrix with many equal magnitudes"
        check_two_of_four(student.two_of_four(w), w, on)


@exercise("2.8-two-four", points=1)
def test_inputs_that_are_no_multiple_of_four(student, rng):
    check_two_of_four(student.two_of_four(torch.ones(3, 8)), torch.ones(3, 8), "a 3 x 8 matrix of ones")
    for shape in ((4, 5), (8, 10), (4, 4 * int(rng.integers(1, 9)) + 3), (2, 2), (4, 1)):
        what = f"two_of_four of a {shape[0]} x {shape[1]} matrix"
        raises(ValueError, lambda shape=shape: student.two_of_four(torch.ones(shape)), what=what)
