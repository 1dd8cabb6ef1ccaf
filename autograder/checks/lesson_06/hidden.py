"""The hidden checks of lesson 06: laws on random inputs. They run only when grading.

Of each exercise the first check is the core; later ones are edge cases.
"""

import numpy as np

from autograder.checks import exercise
from autograder.checks.expect import close, equal, letter, raises, that
from autograder.checks.lesson_06.visible import (
    TOOLS, as_array, bytes_of, check_bytes, check_codes, check_flags, check_lengths, check_nearest, check_share, check_tools,
    check_weights, frontier_of, layer, means_of, number, pair, ratio_of, shares_right, sizes_of, two_classes,
)  # fmt: skip

# 6.1


@exercise("6.1-predict", points=5)
def test_predict_the_positions_count(student, rng):
    that(letter(student.value("predict_6_1"), "predict_6_1") == "b", "The prediction is not right.")


# 6.2


def counts_right(student, mask, codes, on):
    revived, lost = pair(student.revived_and_lost(mask, codes), "revived_and_lost")
    equal(number(revived, "The first count"), int(((codes != 0) & ~mask).sum()), what="the revived weights", on=on)
    equal(number(lost, "The second count"), int(((codes == 0) & mask).sum()), what="the lost survivors", on=on)


@exercise("6.2-zeros", points=9)
def test_codes_of_random_pruned_layers(student, rng):
    for bits in (8, 4, int(rng.integers(2, 8))):
        w = rng.normal(size=(7, 12)) * np.exp(rng.normal(size=(7, 1)))
        mask = rng.random(w.shape) < 0.4  # whatever its size, so that pruned weights can be the largest
        mask[int(rng.integers(7))] = False
        got = student.quantize_pruned(w, mask, bits)
        that(not student.mutated, "quantize_pruned should not change the arrays it is given.")
        check_codes(got, w, mask, bits, f"7 x 12 random weights, a random mask, {bits} bits")
        codes = rng.integers(-2, 3, w.shape).astype(np.int8)
        counts_right(student, mask, codes, "a random mask and random codes from -2 to 2")


@exercise("6.2-zeros", points=3)
def test_after_magnitude_pruning_the_sparsity_is_the_mask_s(student, rng):
    w = rng.normal(size=(10, 30)).astype(np.float32)
    mask = np.abs(w) >= np.sort(np.abs(w), axis=None)[240]
    got = student.quantize_pruned(w, mask, 8)
    check_codes(got, w, mask, 8, "10 x 30 weights in float32, 80 % pruned by magnitude, 8 bits")
    codes = np.asarray(got[0])
    equal(int((codes == 0).sum()), int((~mask).sum()), what="how many codes are 0", on="80 % pruned by magnitude, 8 bits")
    counts_right(student, mask, codes, "the codes of a layer that was pruned by magnitude")


@exercise("6.2-zeros", points=2)
def test_full_and_empty_masks(student, rng):
    w = rng.normal(size=(4, 5))
    for word, mask in (("keeps everything", np.ones_like(w, bool)), ("keeps nothing", np.zeros_like(w, bool)), ("keeps the diagonal", np.eye(4, 5, dtype=bool))):
        check_codes(student.quantize_pruned(w, mask, 5), w, mask, 5, f"4 x 5 random weights, a mask that {word}, 5 bits")
        counts_right(student, mask, np.zeros(w.shape, np.int8), f"a mask that {word}, codes that are all 0")


# 6.3


def gapped(rng, n):
    """Pruned weights leave a gap around zero; a few stand far out, so that some even steps have nobody."""
    values = rng.normal(size=n)
    values += np.sign(values) * 0.5
    values[:2] = 12.0, -9.0
    return rng.permutation(values)


@exercise("6.3-share", points=8)
def test_k_means_of_random_weights(student, rng):
    values, book = rng.normal(size=50), rng.normal(size=6)
    check_nearest(student.nearest(values, book), values, book, "50 random values, 6 random entries")
    codes = rng.integers(0, 6, 50)
    got = student.moved(values, codes, book)
    that(2 not in student.mutated, "moved changes the code book that it was given; it should return a new one.")
    close(as_array(got, (6,), "The result of moved"), means_of(values, codes, book), abs=1e-5, what="the new code book", on="50 random values with random codes")
    for k, rounds in ((4, 1), (8, 5)):
        values = gapped(rng, 60)
        check_share(student.share(values, k, rounds), values, k, rounds, f"60 random weights, {k} entries, {rounds} rounds")


@exercise("6.3-share", points=4)
def test_entries_that_nobody_takes_stay(student, rng):
    values, book = rng.normal(size=20), np.array([50.0, 0.0, -70.0, 1.0, 90.0])
    codes = rng.integers(0, 2, 20) * 2 + 1
    got = student.moved(values, codes, book)
    on = "20 random values that take the entries 1 and 3 of 5"
    close(as_array(got, (5,), "The result of moved"), means_of(values, codes, book), abs=1e-5, what="the new code book", on=on)
    values = gapped(rng, 30)
    check_share(student.share(values, 16, 6), values, 16, 6, "30 random weights, 16 entries, 6 rounds: some entries have nobody")


@exercise("6.3-share", points=2)
def test_one_entry_and_equal_values(student, rng):
    values = rng.normal(size=15)
    check_share(student.share(values, 1, 2), values, 1, 2, "15 random values, one entry, 2 rounds")
    flat = np.full(6, -0.75)
    check_share(student.share(flat, 2, 3), flat, 2, 3, "six equal values, 2 entries, 3 rounds")


# 6.4


@exercise("6.4-entropy", points=9)
def test_entropy_and_lengths_of_random_counts(student, rng):
    for k in (5, 16, 33):
        counts = 1 + np.floor(rng.exponential(size=k) ** 2 * 40).astype(np.int64)
        on = f"{k} random counts"
        p = counts / counts.sum()
        close(number(student.entropy_bits(counts), "entropy_bits"), -np.sum(p * np.log2(p)), abs=1e-5, what="the entropy in bits", on=on)
        check_lengths(student.huffman_lengths(counts), counts, on)


@exercise("6.4-entropy", points=4)
def test_symbols_that_never_occur(student, rng):
    counts = rng.integers(1, 40, 20)
    counts[rng.permutation(20)[:9]] = 0
    p = counts[counts > 0] / counts.sum()
    on = "20 counts, 9 of them 0"
    close(number(student.entropy_bits(counts), "entropy_bits"), -np.sum(p * np.log2(p)), abs=1e-5, what="the entropy in bits", on=on)
    check_lengths(student.huffman_lengths(counts), counts, on)
    one = np.zeros(5, np.int64)
    one[int(rng.integers(5))] = int(rng.integers(2, 90))
    close(number(student.entropy_bits(one), "entropy_bits"), 0.0, abs=1e-5, what="the entropy in bits", on="a single symbol that occurs")
    check_lengths(student.huffman_lengths(one), one, "a single symbol that occurs")


@exercise("6.4-entropy", points=3)
def test_equal_counts_and_very_unequal_ones(student, rng):
    fibonacci = [1, 1]
    while len(fibonacci) < 24:
        fibonacci.append(fibonacci[-1] + fibonacci[-2])
    for counts, on in ((rng.permutation(fibonacci), "24 Fibonacci counts"), (np.full(12, 7), "12 equal counts"), (np.array([9, 9]), "two counts")):
        check_lengths(student.huffman_lengths(counts), counts, on)


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
    for bits in (2, 4, int(rng.choice([1, 3, 5]))):
        there_and_back(student, rng, (int(rng.integers(3, 9)), int(rng.integers(5, 12))), bits, 0.3)


@exercise("6.5-file", points=4)
def test_a_layer_without_zeros_and_one_with_a_single_survivor(student, rng):
    for kept in (1.0, 0.0):  # at least one survives
        there_and_back(student, rng, (5, 9), 3, kept)


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
        got = number(student.compression_ratio(layers, bits), "compression_ratio")
        close(got, ratio_of(layers, bits), rel=1e-6, what="the ratio", on=f"layers {layers}, {bits} bits")


@exercise("6.6-bug", points=2)
def test_whole_bytes_in_each_layer(student, rng):
    layers = [(1, int(rng.integers(1, 7)), 1) for _ in range(6)] + [(3, 3, 5), (2, 5, 3)]
    got = number(student.compression_ratio(layers, 1), "compression_ratio")
    close(got, ratio_of(layers, 1), rel=1e-6, what="the ratio", on=f"layers {layers}, 1 bit")


# 6.7


@exercise("6.7-budget", points=6)
def test_frontier_classes_and_gate_on_random_variants(student, rng):
    for n in (12, 25):
        sizes, scores = rng.integers(100, 9000, n), rng.uniform(60, 99, n)
        check_flags(student.on_frontier(sizes, scores), frontier_of(sizes, scores), f"{n} random variants")
    labels = rng.permutation(np.repeat(np.arange(4), (10, 20, 30, 25)))
    after = np.where(rng.random(85) < 0.7, labels, rng.integers(0, 4, 85))
    got = student.class_accuracy(after, labels, 4)
    close(as_array(got, (4,), "The result of class_accuracy"), shares_right(after, labels, 4), rel=1e-6, what="the accuracy of each class in %", on="85 images in 4 classes")
    # Another network and other distances each time, in any order: else the budgets themselves would tell the answer.
    for over in rng.permutation(["nothing", "the mean", "one class"] * 2):
        before, after = (np.where(rng.random(85) < share, labels, rng.integers(0, 4, 85)) for share in (0.9, 0.7))
        loss = 100 * (np.mean(before == labels) - np.mean(after == labels))
        worst = (shares_right(before, labels, 4) - shares_right(after, labels, 4)).max()
        mean_budget = loss + float(rng.uniform(0.3, 3)) * (-1 if over == "the mean" else 1)
        class_budget = worst + float(rng.uniform(0.3, 3)) * (-1 if over == "one class" else 1)
        if over == "nothing":
            got = number(student.gate(before, after, labels, 4, mean_budget, class_budget), "gate")
            close(got, loss, abs=1e-4, what="the loss of the mean in points", on="85 images in 4 classes")
        else:
            raises(ValueError, lambda: student.gate(before, after, labels, 4, mean_budget, class_budget), what=f"gate, {over} over its budget")


@exercise("6.7-budget", points=3)
def test_equal_sizes_and_equal_scores(student, rng):
    for _ in range(3):
        sizes, scores = rng.integers(1, 5, 14) * 100, rng.integers(90, 95, 14).astype(float)
        check_flags(student.on_frontier(sizes, scores), frontier_of(sizes, scores), f"sizes {sizes.tolist()}, accuracies {scores.tolist()}")
    check_flags(student.on_frontier(np.array([7]), np.array([50.0])), np.array([True]), "a single variant")


@exercise("6.7-budget", points=3)
def test_exactly_the_budget_and_a_gain(student, rng):
    # Chosen so that no formula goes wrong in the last bit: differences of counts, of shares or of per cents, in float32 as in
    # float64. (Of 50 images, 50 right and then 49, most formulas give 2.0000000000000018: that would punish right answers.)
    cases = (
        ((16, 48), ((0, 0), (2, 2)), 6.25, 12.5),
        ((20, 30), ((0, 0), (5, 1)), 12.0, 25.0),
        ((40, 60), ((0, 13), (10, 15)), 12.0, 25.0),
    )
    for images, wrong, loss, worst in cases:
        before, after, labels = two_classes(*wrong, images)
        got = number(student.gate(before, after, labels, 2, loss, worst), "gate")
        close(got, loss, abs=1e-4, what="the loss of the mean in points", on=f"{sum(images)} images, losses that are exactly the budgets, {loss} and {worst}")
    before, after, labels = two_classes((4, 8), (2, 2))
    got = number(student.gate(before, after, labels, 2, 0.0, 0.0), "gate")
    close(got, -12.5, abs=1e-4, what="the loss of the mean in points", on="a network that became better, budgets of 0")
    before, after, labels = two_classes((0, 9), (2, 0))
    raises(ValueError, lambda: student.gate(before, after, labels, 2, 1.0, 10.0), what="gate, the mean gained and class 0 lost 12.5 points, its budget is 10")


# 6.8


@exercise("6.8-guide", points=8)
def test_every_case(student, rng):
    check_tools({int(case): student.first_tool(int(case)) for case in rng.permutation(list(TOOLS))})
