"""The visible checks of lesson 06. They run in the student's kernel on small inputs.

Where an answer is not unique (equal distances, equal counts), the law is checked that all right answers obey.
"""

from fractions import Fraction

import numpy as np

from autograder.checks import exercise, law
from autograder.checks.expect import (
    all_of,
    close,
    dtype,
    equal,
    kind_of,
    letter,
    plain_letter,
    raises,
    real_number,
    several,
    show,
    that,
    whole_number,
)
from autograder.course.faults import StudentError

FLOAT32 = float(np.finfo(np.float32).eps)
KINDS = {"b": "True and False (bool)", "iu": "integers", "f": "floats"}


def as_array(value, shape, what, kinds):
    """A NumPy array of this shape whose data are of the kinds in `KINDS`; else a plain message."""
    that(isinstance(value, np.ndarray), f"{what} should be a NumPy array, not {kind_of(value)}.")
    that(value.shape == tuple(shape), f"{what} should have the shape {tuple(shape)}; it has {value.shape}.")
    that(value.dtype.kind in kinds, f"{what} should be an array of {KINDS[kinds]}; its data type is {value.dtype}.")
    return value


def whole_array(value, shape, what):
    return as_array(value, shape, what, "iu").astype(np.int64)


def float_array(value, shape, what):
    return as_array(value, shape, what, "f").astype(np.float64)


def float32_slack(terms, *arrays):
    """What a computation in float32 may be off: a rounding of the largest number for each term of a sum, and some."""
    return FLOAT32 * (terms + 8) * max(float(np.max(np.abs(each), initial=0.0)) for each in arrays)


# 6.1


@exercise("6.1-predict")
def test_predict_times_smaller(student, rng):
    chosen = letter(student.value("predict_6_1"), "predict_6_1")
    that(chosen == "b", f"({chosen}) is not right.")


# 6.2

# In float32 a quotient of up to 127 is off by less than 1e-4 of a step, so a value this near to half-way may go either way.
NEAR_TIE = 1e-4


def check_codes(got, w, mask, bits, on):
    """Pruned: code 0. Survivors: the code nearest to w / scale. Scales: the largest survivor on qmax, 1 for an empty row."""
    codes, scales = several(got, 2, "quantize_pruned")
    that(isinstance(codes, np.ndarray), f"The codes should be a NumPy array, not {kind_of(codes)}.")
    dtype(codes, np.int8, what="the codes of quantize_pruned")
    codes = whole_array(codes, w.shape, "The codes")
    scales = float_array(scales, (len(w),), "The scales")
    qmax = 2 ** (bits - 1) - 1
    w = w.astype(np.float64)
    largest = np.where(mask, np.abs(w), 0.0).max(axis=1)
    want = np.where(largest > 0, largest / qmax, 1.0)
    close(scales, want, rel=8 * FLOAT32, what="the scales", on=on)  # two roundings, with room
    revived = int((codes[~mask] != 0).sum())
    that(revived == 0, f"{revived} of {int((~mask).sum())} pruned weights have a code that is not 0, for {on}.")
    exact = np.where(mask, w / want[:, None], 0.0)
    good = np.abs(codes - exact) <= 0.5 + NEAR_TIE
    # Half of a scale's own largest code, where the scale is a power of 2: a tie in any precision and in any order of the steps.
    tie = mask & (2 * np.abs(w) == largest[:, None]) & (np.frexp(want)[0] == 0.5)[:, None] & (largest > 0)[:, None]
    good &= ~tie | (codes == np.rint(exact))
    if not good.all():
        i, j = (int(k) for k in np.argwhere(~good)[0])
        said = ", half-way between two codes: the even one is taken" if tie[i, j] else ""
        nearest = f"the code of {w[i, j]:.6g} should be {int(np.rint(exact[i, j]))} (scale {want[i]:.6g}){said}"
        that(False, f"{nearest}; it is {codes[i, j]}, for {on}.")
    that(np.abs(codes).max() <= qmax, f"A code lies outside -{qmax} to {qmax}, for {on}.")


@exercise("6.2-zeros")
def test_codes_of_the_worked_example(student, rng):
    w = np.array(
        [
            [1.4, -9.0, -0.38, 0.05],
            [0.3, 0.7, -2.1, 5.0],
            [0.2, -0.4, 0.6, 0.8],
            [-1e-3, 3e-4, 0.0, 0.0],
            [1e-30, -3e-31, 0.0, 0.0],
            [4.0, 2.0, -2.0, 8.0],
            [3.0, -3.0, 7.0, 1.0],  # the survivors add up to 0
        ]
    )
    mask = np.array([[1, 0, 1, 1], [1, 1, 1, 0], [0, 0, 0, 0], [1, 1, 1, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 0, 0]], dtype=bool)
    # All are asked before one is judged: so the mistake shows.
    answers = [(student.quantize_pruned(w, mask, bits), bits) for bits in (4, 3, 8, 2)]
    for got, bits in answers:
        check_codes(got, w, mask, bits, f"w = {w.tolist()}, mask = {mask.astype(int).tolist()}, {bits} bits")


def check_counts(got, mask, codes, on):
    revived, lost = several(got, 2, "revived_and_lost")
    equal(whole_number(revived, "The first count"), int(((codes != 0) & ~mask).sum()), what="the revived weights", on=on)
    equal(whole_number(lost, "The second count"), int(((codes == 0) & mask).sum()), what="the lost survivors", on=on)


@exercise("6.2-zeros")
def test_counts_of_small_layers(student, rng):
    cases = (
        ([[1, 0, 1, 1], [0, 0, 1, 0]], [[7, 0, -2, 0], [3, -2, 4, 0]]),
        ([[1, 1, 0], [0, 1, 0], [1, 0, 1]], [[0, 0, 0], [-5, 3, 0], [0, 0, 1]]),
    )
    cases = [(np.array(mask, dtype=bool), np.array(codes, dtype=np.int8)) for mask, codes in cases]
    answers = [student.revived_and_lost(mask, codes) for mask, codes in cases]
    for got, (mask, codes) in zip(answers, cases):
        check_counts(got, mask, codes, f"mask {mask.astype(int).tolist()}, codes {codes.tolist()}")


# 6.3


def check_nearest(got, values, codebook, on):
    codes = whole_array(got, values.shape, "The codes")
    good = (codes >= 0) & (codes < len(codebook))
    that(bool(good.all()), f"A code is not the number of an entry, 0 to {len(codebook) - 1}, for {on}.")
    distances = np.abs(values[:, None] - codebook)
    mine, best = distances[np.arange(len(values)), codes], distances.min(axis=1)
    good = mine <= best + float32_slack(0, values, codebook)
    if not good.all():
        i = int(np.argmin(good))
        that(False, f"the value {values[i]:.6g} is nearer to entry {int(distances[i].argmin())} than to entry {codes[i]}, for {on}.")
    return codes


def means_of(values, codes, codebook):
    return np.array([values[codes == j].mean() if (codes == j).any() else codebook[j] for j in range(len(codebook))])


def shared_values(values, k, rounds):
    book = np.linspace(values.min(), values.max(), k)
    for _ in range(rounds):
        book = means_of(values, np.abs(values[:, None] - book).argmin(axis=1), book)
    return book


def check_moved(student, values, codes, codebook, on):
    got = student.moved(values, codes, codebook)
    that(
        2 not in student.shared,
        "moved returns the code book that it was given, or one that shares memory with it; it should return a new one.",
    )
    new = float_array(got, codebook.shape, "The result of moved")
    close(new, means_of(values, codes, codebook), abs=float32_slack(len(values), values, codebook), what="the new code book", on=on)


def check_share(got, values, k, rounds, on):
    codes, book = several(got, 2, "share")
    book = float_array(book, (k,), "The code book")
    close(book, shared_values(values, k, rounds), abs=float32_slack(len(values), values), what="the code book", on=on)
    check_nearest(codes, values, book, on + ", with the code book that was returned")


@exercise("6.3-share")
def test_nearest_entries_of_few_values(student, rng):
    values, book = np.array([0.0, 1.0, 2.0, 9.0]), np.array([0.0, 9.0])
    more = np.array([-3.0, 0.1, 5.0, 4.0, -0.4])
    entries = np.array([4.2, -1.0, 100.0, 0.0])
    answers = [student.nearest(values, book), student.nearest(more, entries), student.nearest(more / 1000, entries / 1000)]
    check_nearest(answers[0], values, book, "values (0, 1, 2, 9) and code book (0, 9)")
    check_nearest(answers[1], more, entries, f"values {more.tolist()} and code book {entries.tolist()}")
    check_nearest(
        answers[2], more / 1000, entries / 1000, f"a thousandth of the values {more.tolist()} and of the code book {entries.tolist()}"
    )


# k has no upper bound: with 300 entries their numbers fit in no byte. No value is half-way between two entries.
WIDE, ENTRIES = np.linspace(-1, 1, 40), 300


@exercise("6.3-share")
def test_more_entries_than_a_byte_counts(student, rng):
    book, on = np.linspace(-1, 1, ENTRIES), f"values np.linspace(-1, 1, {len(WIDE)})"
    codes, answers = student.nearest(WIDE, book), [(student.share(WIDE, ENTRIES, rounds), rounds) for rounds in (0, 1)]
    check_nearest(codes, WIDE, book, f"{on} and code book np.linspace(-1, 1, {ENTRIES})")
    for got, rounds in answers:
        check_share(got, WIDE, ENTRIES, rounds, f"{on}, k = {ENTRIES}, rounds = {rounds}")


@exercise("6.3-share")
def test_means_of_few_values(student, rng):
    check_moved(student, np.array([0.0, 1.0, 2.0, 9.0]), np.array([0, 0, 0, 1]), np.array([0.0, 9.0]), "the worked example")
    values, codes, entries = np.array([-3.0, 0.1, 5.0, 4.0, -0.4]), np.array([0, 3, 0, 0, 3]), np.array([4.2, -1.0, 100.0, 0.0])
    on = f"values {values.tolist()} with codes {codes.tolist()} and code book {entries.tolist()}: nobody took the entries 1 and 2"
    check_moved(student, values, codes, entries, on)
    check_moved(student, values / 1000, codes, entries / 1000, "a thousandth of these values and of this code book: " + on)


@exercise("6.3-share")
def test_share_of_few_values(student, rng):
    values = np.array([0.0, 1.0, 2.0, 9.0])
    mixed = np.array([0.4, -2.0, 8.0, -1.5, 1.1, -1.9, 2.2, 0.2])  # codes change in each of the first two rounds
    # The fourth is a billionth of the second; the last has more entries than values.
    cases = ((values, 2, 1), (mixed, 3, 2), (mixed, 3, 0), (1e-9 * mixed, 3, 2), (values, 1, 1), (values, 1, 0), (values, 6, 2))
    answers = [student.share(*case) for case in cases]
    for got, (given, k, rounds) in zip(answers, cases):
        check_share(got, given, k, rounds, f"values {given.tolist()}, k = {k}, rounds = {rounds}")
    # The third round makes the error less than 1 % smaller, and the fourth still moves an entry by 0.2.
    steady = np.round(1.05 ** np.arange(57), 2)
    check_share(student.share(steady, 2, 5), steady, 2, 5, "values = np.round(1.05 ** np.arange(57), 2), k = 2, rounds = 5")


# 6.4


@law("6.4-entropy", "huffman_lengths")
def whoever_has_them(lengths, counts):
    """Of equal counts either may get the longer word, and equal groups may be joined in any order: the bits in all and the idle count."""
    lengths = np.asarray(lengths)
    return np.array([counts @ lengths, lengths[counts == 0].max(initial=0), (lengths[counts > 0] == 0).sum()])


def least_bits(counts):
    """The smallest number of bits in all that any code can reach: the sum of the joined counts (two queues, no heap)."""
    leaves, joined, total = sorted(int(c) for c in counts if c > 0), [], 0
    if len(leaves) == 1:
        return leaves[0]
    while len(leaves) + len(joined) > 1:
        both = 0
        for _ in range(2):
            queue = leaves if leaves and (not joined or leaves[0] <= joined[0]) else joined
            both += queue.pop(0)
        joined.append(both)
        total += both
    return total


def check_lengths(got, counts, on):
    lengths = whole_array(got, counts.shape, "The result of huffman_lengths")
    absent = lengths[counts == 0]
    that(not absent.any(), f"A symbol that never occurs has a word of {int(absent.max(initial=0))} bits; its length should be 0, for {on}.")
    present = lengths[counts > 0]
    that(bool((present >= 1).all()), f"A symbol that occurs has a word of {present.min()} bits; it needs at least 1, for {on}.")
    that(
        bool((present <= len(counts)).all()),
        f"A word of {present.max()} bits is longer than any Huffman word of {len(counts)} symbols, for {on}.",
    )
    room = sum(Fraction(1, 2 ** int(n)) for n in present)
    that(
        room <= 1,
        f"There are no words of the lengths {show(lengths)}: too many are too short for a stream that can be cut in one way, for {on}.",
    )
    bits = sum(int(c) * int(n) for c, n in zip(counts, lengths))
    equal(bits, least_bits(counts), what="the bits of the whole stream, counts times lengths", on=on)


@exercise("6.4-entropy")
def test_entropy_of_small_counts(student, rng):
    cases = (([8, 4, 2, 2], 1.75), ([5, 0, 5, 0], 1.0), ([3, 1], 2 - 0.75 * np.log2(3)), ([0, 7], 0.0))
    got = [student.entropy_bits(np.array(counts)) for counts, _ in cases]
    for one, (counts, want) in zip(got, cases):
        close(
            real_number(one, "The result of entropy_bits"),
            want,
            abs=float32_slack(len(counts), 1.0),
            what="the entropy in bits",
            on=f"counts {counts}",
        )


@exercise("6.4-entropy")
def test_lengths_of_small_counts(student, rng):
    # Halving [15, 2, 5, 6, 7, 5] from the top, wherever one cuts, costs a bit or more. 18 Fibonacci counts have words of 17 bits.
    cases = [[8, 4, 2, 2], [5, 1, 0, 1, 4, 1, 2], [6, 5, 4, 4, 3], [7, 6, 6, 5, 5, 4, 4, 3], [0, 7, 0], [1, 1, 2, 3, 5, 8, 13]]
    cases += [[15, 2, 5, 6, 7, 5], [1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987, 1597, 2584]]
    got = [student.huffman_lengths(np.array(counts)) for counts in cases]
    for one, counts in zip(got, cases):
        check_lengths(one, np.array(counts), f"counts {counts}")


# 6.5


def bytes_of(codes, codebook, mask, bits):
    """The format of 6.5, written out bit by bit."""
    stream = "".join(f"{int(code):0{bits}b}"[::-1] for code in codes)
    packed = bytes(int(stream[i : i + 8].ljust(8, "0"), 2) for i in range(0, len(stream), 8))
    return codebook.astype("<f4").tobytes() + np.packbits(mask).tobytes() + packed


def check_bytes(got, want, sizes, on):
    that(isinstance(got, bytes), f"layer_to_bytes should return bytes, not {kind_of(got)}.")
    parts = " + ".join(str(size) for size in sizes)
    equal(len(got), len(want), what=f"the number of bytes ({parts} for code book, positions and codes)", on=on)
    start = 0
    for name, size in zip(("code book", "positions", "codes"), sizes):
        that(
            got[start : start + size] == want[start : start + size],
            f"The {size} bytes from byte {start} on should hold the {name}; they differ, for {on}.",
        )
        start += size


def check_weights(got, want, on):
    that(isinstance(got, np.ndarray), f"The result of layer_from_bytes should be a NumPy array, not {kind_of(got)}.")
    dtype(got, np.float32, what="the weights read back")
    equal(float_array(got, want.shape, "The result of layer_from_bytes"), want, what="the weights read back", on=on)


def sizes_of(mask, bits):
    return 4 * 2**bits, -(-mask.size // 8), -(-int(mask.sum()) * bits // 8)


def layer(rng, shape, bits, share_kept):
    """(codes, codebook, mask, weights): a random stored layer with at least one survivor."""
    mask = rng.random(shape) < share_kept
    mask.flat[int(rng.integers(mask.size))] = True
    codebook = rng.normal(size=2**bits).astype(np.float32)
    codes = rng.integers(0, 2**bits, int(mask.sum()))
    weights = np.zeros(shape, np.float32)
    weights[mask] = codebook[codes]
    return codes, codebook, mask, weights


def in_words(mask, codes, codebook, bits):
    """A small layer in words that are enough to make it again."""
    return f"mask = {mask.astype(int).tolist()}, codes = {codes.tolist()}, codebook = {np.round(codebook.astype(float), 4).tolist()}, bits = {bits}"


@exercise("6.5-file")
def test_bytes_of_the_worked_example(student, rng):
    mask = np.zeros((4, 6), bool)
    mask.flat[[1, 4, 9, 15, 22]] = True
    codes, codebook = np.array([2, 0, 3, 1, 2]), np.array([-0.5, -0.25, 0.25, 1.5])
    weights = np.zeros((4, 6), np.float32)
    weights[mask] = codebook[codes]
    want = bytes_of(codes, codebook, mask, 2)
    got, read = student.layer_to_bytes(codes, codebook, mask, 2), student.layer_from_bytes(want, (4, 6), 2)
    on = in_words(mask, codes, codebook, 2)
    check_bytes(got, want, sizes_of(mask, 2), on)
    check_weights(read, weights, on)


@exercise("6.5-file")
def test_a_layer_whose_places_fill_no_whole_byte(student, rng):
    for bits in (4, 1):
        codes, codebook, mask, weights = layer(np.random.default_rng(6), (3, 7), bits, 0.4)
        want = bytes_of(codes, codebook, mask, bits)
        got, read = student.layer_to_bytes(codes, codebook, mask, bits), student.layer_from_bytes(want, (3, 7), bits)
        on = in_words(mask, codes, codebook, bits)
        check_bytes(got, want, sizes_of(mask, bits), on)
        check_weights(read, weights, on)


@exercise("6.5-file")
def test_layers_of_nothing_and_of_zeros(student, rng):
    """No survivor: there is a code book all the same. And bytes that are 0 are bytes."""
    none, some = np.zeros((3, 5), bool), np.eye(3, 5, dtype=bool)
    for mask in (none, some):
        codes, codebook = np.zeros(int(mask.sum()), int), np.array([-0.5, -0.25, 0.25, 1.5])
        weights = np.where(mask, codebook[0], 0).astype(np.float32)
        want = bytes_of(codes, codebook, mask, 2)
        got, read = student.layer_to_bytes(codes, codebook, mask, 2), student.layer_from_bytes(want, (3, 5), 2)
        on = in_words(mask, codes, codebook, 2)
        check_bytes(got, want, sizes_of(mask, 2), on)
        check_weights(read, weights, on)


# 6.6


def ratio_of(layers, bits):
    before = sum(4 * (rows * columns + rows) for rows, columns, _ in layers)
    after = sum(4 * 2**bits + -(-rows * columns // 8) + -(-kept * bits // 8) + 4 * rows for rows, columns, kept in layers)
    return before / after


def check_ratio(got, layers, bits):
    # One sum of integers and one division: six digits hold in any precision.
    got = real_number(got, "The result of compression_ratio")
    close(got, ratio_of(layers, bits), rel=1e-6, what="the ratio", on=f"layers {layers}, {bits} bit{'s' * (bits > 1)}")


@exercise("6.6-bug")
def test_ratio_of_the_worked_example(student, rng):
    # In the last two, rounding up to whole bytes once, for all layers together, gives less than in each layer.
    cases = (
        ([(10, 100, 100)], 4),
        ([(6, 30, 41), (4, 6, 24)], 3),
        ([(1, 3, 1), (3, 3, 5), (10, 100, 101)], 2),
        ([(3, 5, 7), (2, 5, 3), (3, 3, 9)], 3),
        ([(4, 9, 0), (3, 5, 2)], 3),  # of the first layer nothing survives; it is stored all the same
    )
    got = [student.compression_ratio(*case) for case in cases]
    for one, (layers, bits) in zip(got, cases):
        check_ratio(one, layers, bits)


# 6.7


def check_flags(got, want, on):
    flags = as_array(got, want.shape, "The result of on_frontier", "b")
    equal(flags, want, what="which variants are on the frontier", on=on)


def frontier_of(sizes, scores):
    order = range(len(sizes))
    return np.array(
        [
            not any(sizes[j] <= sizes[i] and scores[j] >= scores[i] and (sizes[j], scores[j]) != (sizes[i], scores[i]) for j in order)
            for i in order
        ]
    )


def shares_right(predicted, labels, classes):
    return np.array([100 * np.mean(predicted[labels == c] == c) for c in range(classes)])


@exercise("6.7-budget")
def test_frontier_of_the_worked_example(student, rng):
    cases = (
        ([10, 20, 20, 30], [90.0, 95.0, 93.0, 95.0]),
        ([5, 5, 9, 7, 8], [80.0, 80.0, 91.0, 85.0, 84.0]),
        ([6, 4, 5], [92.0, 92.0, 90.0]),
        ([5.25, 5.5, 5.125], [90.25, 90.375, 90.0]),
        ([10, 11, 12], [90.0, 90.03, 90.0305]),  # a little better is better
        ([8, 7], [88.03, 88.01]),
        ([9, 9, 8], [91.0, 91.03, 90.0]),
        ([5, 5], [70.02, 70.01]),
    )
    got = [student.on_frontier(np.array(sizes), np.array(scores)) for sizes, scores in cases]
    for one, (sizes, scores) in zip(got, cases):
        check_flags(one, frontier_of(sizes, scores), f"sizes {sizes}, accuracies {scores}")


def check_classes(got, predicted, labels, classes, on):
    got = float_array(got, (classes,), "The result of class_accuracy")
    close(got, shares_right(predicted, labels, classes), rel=1e-6, what="the accuracy of each class in %", on=on)


@exercise("6.7-budget")
def test_accuracy_of_each_class(student, rng):
    labels, predicted = np.array([0, 0, 0, 0, 1, 1, 2, 2]), np.array([0, 0, 0, 1, 1, 0, 1, 1])
    cases = [(predicted, labels, 3), ((np.arange(18) % 6) * (np.arange(18) < 10), np.arange(18) % 6, 6)]
    answers = [student.class_accuracy(*case) for case in cases]
    for got, (predicted, labels, classes) in zip(answers, cases):
        check_classes(got, predicted, labels, classes, f"predicted {predicted.tolist()}, labels {labels.tolist()}, {classes} classes")


def in_classes(images, wrong_before, wrong_after):
    """(before, after, labels): so many images of each class; so many of each are taken for the next class."""
    labels = np.repeat(np.arange(len(images)), images)
    made = []
    for wrong in (wrong_before, wrong_after):
        predicted = labels.copy()
        for c, count in enumerate(wrong):
            predicted[np.flatnonzero(labels == c)[:count]] = (c + 1) % len(images)
        made.append(predicted)
    return *made, labels


# A loss of exactly the budget passes: (images of each class, wrong before, wrong after, the loss of the mean, the largest of a
# class), whole numbers of points. All but the first are such that floats on the way come out a hair above them.
BORDERS = (
    ((16, 48), (0, 0), (2, 2), 6.25, 12.5),
    ((50, 50), (0, 0), (1, 1), 2.0, 2.0),  # 100 * (1 - 0.98) is 2.0000000000000018
    ((25, 25), (0, 0), (7, 7), 28.0, 28.0),  # 7 / 25 * 100 is 28.000000000000004
    ((75, 75), (10, 11), (31, 32), 28.0, 28.0),  # 100 * (65 / 75) - 100 * (44 / 75) is 28.000000000000014
)


def gate_words(images, wrong_before, wrong_after, budget, class_budget):
    return f"{list(images)} images of each class, {list(wrong_before)} wrong before, {list(wrong_after)} after, budget {budget}, class_budget {class_budget}"


def passes(student, images, wrong_before, wrong_after, budget, class_budget, loss):
    """What `gate` gives is the loss. A refusal is said with the case."""
    on = gate_words(images, wrong_before, wrong_after, budget, class_budget)
    before, after, labels = in_classes(images, wrong_before, wrong_after)
    try:
        got = student.gate(before, after, labels, len(images), budget, class_budget)
    except StudentError as error:
        that(
            "ValueError" not in (error.type_name, *error.mro),
            f"gate refuses a loss that is not over its budget ({str(error)[:200]}), for {on}.",
        )
        raise
    close(real_number(got, "The result of gate"), loss, abs=100 * 8 * FLOAT32, what="the loss of the mean in points", on=on)


def stops(student, images, wrong_before, wrong_after, budget, class_budget):
    before, after, labels = in_classes(images, wrong_before, wrong_after)
    on = gate_words(images, wrong_before, wrong_after, budget, class_budget)
    raises(ValueError, lambda: student.gate(before, after, labels, len(images), budget, class_budget), what=f"the gate, for {on}")


@exercise("6.7-budget")
def test_gate_passes_and_stops(student, rng):
    all_of(
        (passes, student, (16, 48), (0, 0), (1, 2), 6.0, 7.0, 4.6875),
        (stops, student, (16, 48), (0, 0), (0, 4), 6.249, 10.0),  # the mean lost 6.25 points
        (stops, student, (16, 48), (0, 0), (2, 0), 5.0, 12.499),  # class 0 lost 12.5 points, the mean 3.125
        (stops, student, (8, 8, 8, 8, 8, 8), (0, 0, 0, 0, 0, 1), (0, 0, 0, 0, 0, 3), 5.0, 20.0),  # of six classes the last lost 25
        (passes, student, (8, 8, 4), (0, 2, 4), (1, 2, 4), 6.0, 12.5, 5.0),  # the last class was never right
        (stops, student, (16, 48), (0, 0), (1, 0), 5.0, 0.0),  # a budget of 0 is one like any other: nothing may be lost
        (stops, student, (16, 48), (0, 0), (1, 0), 0.0, 10.0),
    )


@exercise("6.7-budget")
def test_gate_at_the_border_and_after_a_gain(student, rng):
    all_of(
        *((passes, student, images, before, after, loss, worst, loss) for images, before, after, loss, worst in BORDERS),
        (passes, student, (16, 48), (4, 8), (2, 2), 5.0, 10.0, -12.5),  # both classes gained 12.5 points
    )


# 6.8

TOOLS = {1: "f", 2: "b", 3: "g", 4: "c", 5: "d", 6: "e", 7: "a", 8: "b"}
ASKED = {
    1: "Only the bytes of the download count here, and it is unpacked once. Which tool spends its effort on the file alone?",
    2: "Zeros change neither the shape nor the arithmetic. What makes a float network faster on plain hardware?",
    3: "The mean is within its budget and a class is not. Nothing new should be put on top before that is mended.",
    4: "Bytes and time, int8 units, a few images, no training. And it is a CNN: what happens to the convolutions?",
    5: "The weights are what is stored and what is read, again and again. How few bits can each have without training?",
    6: "A factor of 40 is out of reach for a tool that keeps the architecture. Here you may train.",
    7: "Somebody names a tool before anybody has named a number.",
    8: "Whole channels hardly matter, and the arithmetic stays in float. What makes tensors smaller?",
}


def check_tools(got):
    for case, value in got.items():
        chosen = plain_letter(value)
        that(chosen in tuple("abcdefgh"), f'Case {case}: write one letter in quotes, "a" to "h"; here it is {show(value)}.')
        that(chosen == TOOLS[case], f"Case {case}: ({chosen}) is not the first tool. {ASKED[case]}")


@exercise("6.8-guide")
def test_the_first_tool_of_each_case(student, rng):
    check_tools({case: student.first_tool(case) for case in TOOLS})
