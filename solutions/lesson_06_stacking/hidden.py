"""The hidden checks of lesson 06: laws on random inputs. They run only when grading.

Of each exercise the first check is the core; later ones are edge cases.
"""

import numpy as np

from autograder.checks import exercise
from autograder.checks.expect import close, equal, letter, raises, real_number, that
from course_lessons.lesson_06_stacking.visible import (
    BORDERS,
    FLOAT32,
    TOOLS,
    bytes_of,
    check_bytes,
    check_classes,
    check_codes,
    check_counts,
    check_flags,
    check_lengths,
    check_moved,
    check_nearest,
    check_ratio,
    check_share,
    check_tools,
    check_weights,
    float32_slack,
    frontier_of,
    layer,
    means_of,
    passes,
    shares_right,
    sizes_of,
    stops,
)

# 6.1


@exercise("6.1-predict", points=5)
def test_predict_the_positions_count(student, rng):
    that(letter(student.value("predict_6_1"), "predict_6_1") == "b", "The prediction is not right.")


# 6.2


@exercise("6.2-zeros", points=9)
def test_codes_of_random_pruned_layers(student, rng):
    for bits in (8, 4, 2, int(rng.integers(2, 8))):
        w = rng.normal(size=(7, 12)) * np.exp(rng.normal(size=(7, 1)))
        mask = rng.random(w.shape) < 0.4  # whatever its size, so that pruned weights can be the largest
        small, empty = rng.permutation(7)[:2]
        mask[empty] = False
        mask[small, 0] = True
        w[small] *= 1e-3 / np.abs(w[small, mask[small]]).max()  # numbers added for safety must not show in any row
        w[int(rng.choice(np.setdiff1d(np.arange(7), [small, empty])))] *= 1e-30
        check_codes(student.quantize_pruned(w, mask, bits), w, mask, bits, f"7 x 12 random weights, a random mask, {bits} bits")
        codes = rng.integers(-2, 3, w.shape).astype(rng.choice(["int8", "int64"]))
        check_counts(student.revived_and_lost(mask, codes), mask, codes, f"a random mask and random codes from -2 to 2 in {codes.dtype}")


@exercise("6.2-zeros", points=3)
def test_after_magnitude_pruning_the_sparsity_is_the_mask_s(student, rng):
    w = rng.normal(size=(10, 30)).astype(np.float32)
    mask = np.abs(w) >= np.sort(np.abs(w), axis=None)[240]
    got = student.quantize_pruned(w, mask, 8)
    check_codes(got, w, mask, 8, "10 x 30 weights in float32, 80 % pruned by magnitude, 8 bits")
    codes = np.asarray(got[0])
    equal(int((codes == 0).sum()), int((~mask).sum()), what="how many codes are 0", on="80 % pruned by magnitude, 8 bits")
    check_counts(student.revived_and_lost(mask, codes), mask, codes, "the codes of a layer that was pruned by magnitude")


@exercise("6.2-zeros", points=2)
def test_full_and_empty_masks(student, rng):
    w = 0.01 * rng.normal(size=(4, 5))
    for word, mask in (
        ("keeps everything", np.ones_like(w, bool)),
        ("keeps nothing", np.zeros_like(w, bool)),
        ("keeps the diagonal", np.eye(4, 5, dtype=bool)),
    ):
        check_codes(student.quantize_pruned(w, mask, 5), w, mask, 5, f"4 x 5 random weights, a mask that {word}, 5 bits")
        codes = np.zeros(w.shape, np.int8)
        check_counts(student.revived_and_lost(mask, codes), mask, codes, f"a mask that {word}, codes that are all 0")
    for bits in (2, 3, int(rng.integers(4, 9))):
        size = (2 ** (bits - 1) - 1) * 2.0 ** int(rng.integers(-5, 6))  # the scale is a power of 2
        w = size * np.array([[1.0, 0.5, -0.5], [0.5, -1.0, -0.5]])
        check_codes(student.quantize_pruned(w, w != 0, bits), w, w != 0, bits, f"w = {w.tolist()}, of which nothing is pruned, {bits} bits")


# 6.3


def slow(rng, n, k):
    """Weights on which k-means is slow: a round makes the error less than 1 % smaller, and entries still move by a hundredth after it.

    (values, how many rounds until nothing moves). Half-way is as clear as in `gapped`.
    """
    while True:
        values, gains, clear = rng.normal(size=n), [], True
        books = [np.linspace(values.min(), values.max(), k)]
        while len(books) < 2 or (books[-1] != books[-2]).any():
            distances = np.sort(np.abs(values[:, None] - books[-1]), axis=1)
            clear = clear and bool((distances[:, 1] - distances[:, 0] > 1e-4).all())
            books.append(means_of(values, np.abs(values[:, None] - books[-1]).argmin(axis=1), books[-1]))
            after = np.abs(values[:, None] - books[-1]).min(axis=1)
            gains.append(1 - np.sum(after**2) / np.sum(distances[:, 0] ** 2))
        moves = [np.abs(books[-1] - book).max() for book in books[1:]]
        if clear and any(gain < 0.01 and move > 0.01 * np.ptp(values) for gain, move in zip(gains, moves)):
            return values, len(gains)


def gapped(rng, n, k, rounds, size=1.0):
    """Pruned weights leave a gap around zero; a few stand far out, so that some even steps have nobody.

    In none of the rounds is a value so near to half-way between two entries that a rounding, in float32, could turn it.
    """
    while True:
        values = rng.normal(size=n)
        values += np.sign(values) * 0.5
        values[:2] = 12.0, -9.0
        values = size * rng.permutation(values)
        book, clear = np.linspace(values.min(), values.max(), k), True
        for _ in range(rounds + 1):
            distances = np.sort(np.abs(values[:, None] - book), axis=1)
            clear = clear and (k == 1 or bool((distances[:, 1] - distances[:, 0] > 1e-4 * size).all()))
            book = means_of(values, np.abs(values[:, None] - book).argmin(axis=1), book)
        if clear:
            return values


def shared_gapped(student, rng, n, k, rounds, size=1.0):
    values = gapped(rng, n, k, rounds, size)
    check_share(student.share(values, k, rounds), values, k, rounds, f"{n} random weights, k = {k}, rounds = {rounds}")


@exercise("6.3-share", points=8)
def test_k_means_of_random_weights(student, rng):
    for size in (1.0, 0.01, 1e-9):
        values, book = size * rng.normal(size=50), size * rng.normal(size=6)
        on = f"50 random values of size {size:g}, 6 random entries"
        check_nearest(student.nearest(values, book), values, book, on)
        check_moved(student, values, rng.integers(0, 6, 50), book, on + ", random codes")
    for k, rounds, size in ((4, 1, 1.0), (8, 5, 1.0), (8, 5, 0.01), (8, 5, 1e-9)):
        shared_gapped(student, rng, 60, k, rounds, size)
    values, rounds = slow(rng, 150, 5)
    check_share(student.share(values, 5, rounds), values, 5, rounds, f"150 random weights, k = 5, rounds = {rounds}")


@exercise("6.3-share", points=4)
def test_entries_that_nobody_takes_stay(student, rng):
    values, book = rng.normal(size=20), np.array([50.0, 0.0, -70.0, 1.0, 90.0])
    codes = rng.integers(0, 2, 20) * 2 + 1
    check_moved(student, values, codes, book, f"20 random values that take the entries 1 and 3 of {book.tolist()}")
    shared_gapped(student, rng, 30, 16, 6)


@exercise("6.3-share", points=2)
def test_one_entry_and_equal_values(student, rng):
    shared_gapped(student, rng, 15, 1, 2)
    shared_gapped(student, rng, 15, 1, 0)
    shared_gapped(student, rng, 5, 9, 2)  # more entries than values
    shared_gapped(student, rng, 40, 300, 1)  # more than a byte counts
    flat = np.full(6, -0.75)
    check_share(student.share(flat, 2, 3), flat, 2, 3, "six equal values, 2 entries, 3 rounds")


# 6.4


def check_entropy(got, counts, on):
    p = counts[counts > 0] / counts.sum()
    want = float(np.sum(p * np.log2(1 / p)))
    close(real_number(got, "The result of entropy_bits"), want, abs=float32_slack(len(p), 1.0), what="the entropy in bits", on=on)


@exercise("6.4-entropy", points=9)
def test_entropy_and_lengths_of_random_counts(student, rng):
    certain(student, rng)
    for k in (5, 16, 33):
        counts = 1 + np.floor(rng.exponential(size=k) ** 2 * 40).astype(np.int64)
        on = f"counts {counts.tolist()}"
        check_entropy(student.entropy_bits(counts), counts, on)
        check_lengths(student.huffman_lengths(counts), counts, on)


def certain(student, rng):
    """A symbol alone has the entropy 0, and what is added inside the logarithm shows at once."""
    alone = np.array([int(rng.integers(2, 90))])
    check_entropy(student.entropy_bits(alone), alone, f"counts {alone.tolist()}")


@exercise("6.4-entropy", points=4)
def test_symbols_that_never_occur(student, rng):
    counts = rng.integers(1, 40, 20)
    counts[rng.permutation(20)[:9]] = 0
    one = np.zeros(5, np.int64)
    one[int(rng.integers(5))] = int(rng.integers(2, 90))
    for each in (one, counts):
        on = f"counts {each.tolist()}"
        check_entropy(student.entropy_bits(each), each, on)
        check_lengths(student.huffman_lengths(each), each, on)


@exercise("6.4-entropy", points=3)
def test_equal_counts_and_very_unequal_ones(student, rng):
    certain(student, rng)
    fibonacci = [1, 1]
    while len(fibonacci) < 24:
        fibonacci.append(fibonacci[-1] + fibonacci[-2])
    for counts, on in (
        (rng.permutation(fibonacci), "24 Fibonacci counts"),
        (np.full(12, 7), "12 equal counts"),
        (np.array([9, 9]), "counts [9, 9]"),
    ):
        check_lengths(student.huffman_lengths(counts), counts, on)
        check_entropy(student.entropy_bits(counts), counts, on)


# 6.5


def there_and_back(student, rng, shape, bits, share_kept, kind=np.float32):
    """Writing one layer and reading another: what was given to write could have been kept for the reading."""
    codes, codebook, mask, _ = layer(rng, shape, bits, share_kept)
    want, on = bytes_of(codes, codebook, mask, bits), f"{shape[0]} x {shape[1]} weights, {len(codes)} survivors, {bits} bits"
    check_bytes(student.layer_to_bytes(codes, codebook.astype(kind), mask, bits), want, sizes_of(mask, bits), on)
    codes, codebook, mask, weights = layer(rng, shape, bits, share_kept)
    on = f"{shape[0]} x {shape[1]} weights, {len(codes)} survivors, {bits} bits"
    check_weights(student.layer_from_bytes(bytes_of(codes, codebook, mask, bits), shape, bits), weights, on)


@exercise("6.5-file", points=9)
def test_random_layers_there_and_back(student, rng):
    for bits in range(1, 8):
        there_and_back(student, rng, (int(rng.integers(3, 9)), int(rng.integers(5, 12))), bits, 0.3)


@exercise("6.5-file", points=4)
def test_a_layer_without_zeros_and_one_with_a_single_survivor(student, rng):
    for kept in (1.0, 0.0):  # at least one survives
        there_and_back(student, rng, (5, 9), 3, kept)
    mask, codebook = np.zeros((4, 7), bool), rng.normal(size=8).astype(np.float32)
    want, on = bytes_of(np.zeros(0, int), codebook, mask, 3), "4 x 7 weights of which nothing survives, 3 bits"
    check_bytes(student.layer_to_bytes(np.zeros(0, int), codebook, mask, 3), want, sizes_of(mask, 3), on)
    check_weights(student.layer_from_bytes(want, (4, 7), 3), np.zeros((4, 7), np.float32), on)


@exercise("6.5-file", points=2)
def test_eight_bits(student, rng):
    there_and_back(student, rng, (16, 20), 8, 0.5, kind=float)


# 6.6


def random_layers(rng, n):
    made = []
    for _ in range(n):
        rows, columns = int(rng.integers(3, 60)), int(rng.integers(4, 90))
        made.append((rows, columns, int(rng.integers(1, rows * columns))))
    return made


@exercise("6.6-bug", points=6)
def test_ratio_of_random_networks(student, rng):
    for n, bits in ((1, 4), (3, 2), (4, 5)):
        layers = random_layers(rng, n)
        layers.append((*layers[0][:2], 0))
        check_ratio(student.compression_ratio(layers, bits), layers, bits)


@exercise("6.6-bug", points=2)
def test_whole_bytes_in_each_layer(student, rng):
    layers = [(1, int(rng.integers(1, 7)), 1) for _ in range(6)] + [(3, 3, 5), (2, 5, 3)]
    check_ratio(student.compression_ratio(layers, 1), layers, 1)


# 6.7


def network(rng, labels, classes, share):
    """Predictions of which about `share` are right."""
    return np.where(rng.random(len(labels)) < share, labels, rng.integers(0, classes, len(labels)))


@exercise("6.7-budget", points=6)
def test_frontier_classes_and_gate_on_random_variants(student, rng):
    for sizes in (rng.integers(100, 9000, 12), rng.uniform(100, 9000, 25)):
        scores = rng.uniform(60, 99, len(sizes))
        check_flags(student.on_frontier(sizes, scores), frontier_of(sizes, scores), f"{len(sizes)} random variants")
    near = rng.integers(90, 95, 2)[:, None] + np.array([[0.25, 0.0, 0.125], [0.375, 0.0, 0.25]])  # less than a point or a byte apart
    check_flags(student.on_frontier(*near), np.ones(3, bool), f"sizes {near[0].tolist()}, accuracies {near[1].tolist()}")
    near = np.arange(3) + rng.integers(100, 200), rng.integers(60, 95) + np.array([0.0, 0.03, 0.0305])  # hundredths of a point apart
    check_flags(student.on_frontier(*near), np.ones(3, bool), f"sizes {near[0].tolist()}, accuracies {near[1].tolist()}")
    for classes in (4, int(rng.integers(8, 13))):
        labels = rng.permutation(np.repeat(np.arange(classes), 10 + 5 * (np.arange(classes) % 4)))
        after = network(rng, labels, classes, 0.7)
        on = f"{len(labels)} images in {classes} classes"
        check_classes(student.class_accuracy(after, labels, classes), after, labels, classes, on)
        # Another network and other distances each time, in any order: else the budgets themselves would tell the answer.
        for over in rng.permutation(["nothing", "the mean", "one class"] * 2):
            before, after = (network(rng, labels, classes, share) for share in (0.9, 0.7))
            loss = 100 * (np.mean(before == labels) - np.mean(after == labels))
            worst = (shares_right(before, labels, classes) - shares_right(after, labels, classes)).max()
            mean_budget = loss + float(rng.uniform(0.3, 3)) * (-1 if over == "the mean" else 1)
            class_budget = worst + float(rng.uniform(0.3, 3)) * (-1 if over == "one class" else 1)
            budgets = f"the mean lost {loss:.3g} points, its budget is {mean_budget:.3g}, one class {worst:.3g}, the budget of a class is {class_budget:.3g}"
            if over == "nothing":
                got = real_number(student.gate(before, after, labels, classes, mean_budget, class_budget), "The result of gate")
                close(got, loss, abs=100 * 8 * FLOAT32, what="the loss of the mean in points", on=on)
            else:
                call = lambda: student.gate(before, after, labels, classes, mean_budget, class_budget)  # noqa: E731
                raises(ValueError, call, what=f"the gate, for {on}: {budgets}")


@exercise("6.7-budget", points=3)
def test_equal_sizes_and_equal_scores(student, rng):
    for _ in range(3):
        sizes, scores = rng.integers(1, 5, 14) * 100, rng.integers(90, 95, 14).astype(float)
        check_flags(student.on_frontier(sizes, scores), frontier_of(sizes, scores), f"sizes {sizes.tolist()}, accuracies {scores.tolist()}")
    check_flags(student.on_frontier(np.array([7]), np.array([50.0])), np.array([True]), "a single variant")


@exercise("6.7-budget", points=3)
def test_exactly_the_budget_and_a_gain(student, rng):
    for images, before, after, loss, worst in (*BORDERS, ((20, 30), (0, 0), (5, 1), 12.0, 25.0), ((40, 60), (0, 13), (10, 15), 12.0, 25.0)):
        passes(student, images, before, after, loss, worst, loss)
    passes(student, (16, 48), (4, 8), (2, 2), 0.0, 0.0, -12.5)
    passes(student, (10,) * 10, (1,) * 10, (1,) * 9 + (0,), 0.0, 0.0, -1.0)
    count = int(rng.integers(3, 6))
    stops(student, (16, 48), (0, 0), (0, count), 100 * count / 64 - 0.001, 100.0)
    stops(student, (16, 48), (0, 0), (count, 0), 100.0, 100 * count / 16 - 0.001)
    stops(student, (16, 48), (0, 0), (0, count), 0.0, 100.0)
    stops(student, (16, 48), (0, 0), (0, count), 100.0, 0.0)
    stops(student, (16, 48), (0, 9), (2, 0), 1.0, 10.0)  # the mean gained, class 0 lost 12.5 points
    stops(student, (10,) * 10, (0,) * 10, (0,) * 9 + (3,), 5.0, 29.0)  # of ten classes the last lost 30


# 6.8


@exercise("6.8-guide", points=8)
def test_every_case(student, rng):
    check_tools({int(case): student.first_tool(int(case)) for case in rng.permutation(list(TOOLS))})
