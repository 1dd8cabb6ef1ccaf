"""The visible checks of lesson 06. They run in the student's kernel on small inputs.

Where an answer is not unique (equal distances, equal counts), the law is checked that all right answers obey.
"""

from fractions import Fraction

import numpy as np

from autograder.checks import exercise
from autograder.checks.expect import close, dtype, equal, from_tensor, is_integer, letter, plain_letter, raises, show, that
from autograder.checks.faults import StudentError


def as_array(value, shape, what):
    """A NumPy array (or tensor, or flat list) of real numbers of this shape; else a plain message."""
    if type(value).__module__.startswith("torch") and hasattr(value, "detach"):
        value = from_tensor(value)
    if isinstance(value, (list, tuple)) and value and all(isinstance(v, (bool, float, np.number, np.bool_)) or is_integer(v) and abs(v) < 1e18 for v in value):
        value = np.array(value)
    that(isinstance(value, np.ndarray) and value.dtype.kind in "biuf", f"{what} should be an array of numbers.")
    that(value.shape == tuple(shape), f"{what} should have the shape {tuple(shape)}; it has {value.shape}.")
    return value


def whole_array(value, shape, what):
    array = as_array(value, shape, what)
    that(array.dtype.kind in "iu", f"{what} should be an array of integers; its data type is {array.dtype}.")
    return array.astype(np.int64)


def number(value, what):
    """A finite real number as a float."""
    if type(value).__module__.startswith("torch") and hasattr(value, "detach"):
        value = from_tensor(value)
    if isinstance(value, np.ndarray) and value.shape == ():
        value = value[()]
    if isinstance(value, np.floating):
        value = float(value)
    real = isinstance(value, (int, float, np.integer)) and not isinstance(value, bool)
    that(real and bool(abs(value) < 1e300), f"{what} should be one finite number.")
    return float(value)


def pair(value, what):
    that(isinstance(value, (tuple, list)) and len(value) == 2, f"{what} should return two values.")
    return value


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
    codes, scales = pair(got, "quantize_pruned")
    whole_array(codes, w.shape, "The codes")
    dtype(codes, np.int8, what="the codes of quantize_pruned")
    codes = codes.astype(int)
    scales = as_array(scales, (len(w),), "The scales")
    qmax = 2 ** (bits - 1) - 1
    largest = np.where(mask, np.abs(w), 0.0).max(axis=1).astype(float)
    want = np.where(largest > 0, largest / qmax, 1.0)
    close(scales, want, rel=1e-6, what="the scales", on=on)
    revived = int((codes[~mask] != 0).sum())
    that(revived == 0, f"{revived} of {int((~mask).sum())} pruned weights have a code that is not 0, for {on}.")
    exact = np.where(mask, w / want[:, None], 0.0)
    good = np.abs(codes - exact) <= 0.5 + NEAR_TIE
    if not good.all():
        i, j = (int(k) for k in np.argwhere(~good)[0])
        that(False, f"the code of {w[i, j]:.6g} should be {int(np.rint(exact[i, j]))} (scale {want[i]:.6g}); it is {codes[i, j]}, for {on}.")
    that(np.abs(codes).max() <= qmax, f"A code lies outside -{qmax} to {qmax}, for {on}.")


@exercise("6.2-zeros")
def test_codes_of_the_worked_example(student, rng):
    w = np.array([[1.4, -9.0, -0.38, 0.05], [0.3, 0.7, -2.1, 5.0], [0.2, -0.4, 0.6, 0.8]])
    mask = np.array([[True, False, True, True], [True, True, True, False], [False, False, False, False]])
    four, three = student.quantize_pruned(w, mask, 4), student.quantize_pruned(w, mask, 3)
    check_codes(four, w, mask, 4, "the worked example with two more rows, 4 bits")
    check_codes(three, w, mask, 3, "the worked example with two more rows, 3 bits")


@exercise("6.2-zeros")
def test_counts_of_the_worked_example(student, rng):
    mask = np.array([[True, False, True, True], [False, False, True, False]])
    codes = np.array([[7, 0, -2, 0], [3, -1, 4, 0]], dtype=np.int8)
    revived, lost = pair(student.revived_and_lost(mask, codes), "revived_and_lost")
    on = f"mask {mask.astype(int).tolist()}, codes {codes.tolist()}"
    equal(number(revived, "The first count"), 2, what="the revived weights", on=on)
    equal(number(lost, "The second count"), 1, what="the lost survivors", on=on)


# 6.3


def check_nearest(got, values, codebook, on):
    codes = whole_array(got, values.shape, "The codes")
    good = (codes >= 0) & (codes < len(codebook))
    that(bool(good.all()), f"A code is not the number of an entry, 0 to {len(codebook) - 1}, for {on}.")
    distances = np.abs(values[:, None] - codebook)
    mine, best = distances[np.arange(len(values)), codes], distances.min(axis=1)
    good = mine <= best + 1e-5 * (1 + np.ptp(values))
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


def check_share(got, values, k, rounds, on):
    codes, book = pair(got, "share")
    book = as_array(book, (k,), "The code book")
    # float32 keeps seven digits: 1e-5 of the range of the values is a hundred times its rounding.
    close(book, shared_values(values, k, rounds), abs=1e-5 * (1 + np.ptp(values)), what="the code book", on=on)
    check_nearest(codes, values, book.astype(float), on + ", with the code book that was returned")


@exercise("6.3-share")
def test_nearest_and_mean_of_the_worked_example(student, rng):
    values, book = np.array([0.0, 1.0, 2.0, 9.0]), np.array([0.0, 9.0])
    codes = student.nearest(values, book)
    more = np.array([-3.0, 0.1, 5.0, 4.0, -0.4])
    entries = np.array([4.2, -1.0, 100.0, 0.0])
    other = student.nearest(more, entries)
    check_nearest(codes, values, book, "values (0, 1, 2, 9) and code book (0, 9)")
    check_nearest(other, more, entries, f"values {more.tolist()} and code book {entries.tolist()}")
    new = student.moved(values, np.array([0, 0, 0, 1]), book)
    close(as_array(new, (2,), "The result of moved"), np.array([1.0, 9.0]), abs=1e-5, what="the new code book", on="the worked example")
    new = student.moved(more, np.array([0, 3, 0, 0, 3]), entries)
    that(2 not in student.mutated, "moved changes the code book that it was given; it should return a new one.")
    on = f"values {more.tolist()} with codes [0, 3, 0, 0, 3] and code book {entries.tolist()}: nobody took the entries 1 and 2"
    close(as_array(new, (4,), "The result of moved"), np.array([2.0, -1.0, 100.0, -0.15]), abs=1e-5, what="the new code book", on=on)


@exercise("6.3-share")
def test_share_of_few_values(student, rng):
    values = np.array([0.0, 1.0, 2.0, 9.0])
    even = np.array([-2.0, -1.9, -1.5, 0.2, 0.4, 1.1, 2.2, 8.0])  # codes change in each of the first two rounds
    one, two, start = student.share(values, 2, 1), student.share(even, 3, 2), student.share(even, 3, 0)
    check_share(one, values, 2, 1, "values (0, 1, 2, 9), 2 entries, 1 round")
    check_share(two, even, 3, 2, f"values {even.tolist()}, 3 entries, 2 rounds")
    check_share(start, even, 3, 0, f"values {even.tolist()}, 3 entries, no round")


# 6.4


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
    that(not absent.any(), f"A symbol that never occurs has a word; its length should be 0, for {on}.")
    present = lengths[counts > 0]
    that(bool((present >= 1).all()), f"A symbol that occurs has a word of {present.min()} bits, for {on}.")
    that(bool((present <= len(counts)).all()), f"A word of {present.max()} bits is longer than any Huffman word of {len(counts)} symbols, for {on}.")
    room = sum(Fraction(1, 2 ** int(n)) for n in present)
    that(room <= 1, f"There are no words of the lengths {show(lengths)}: too many are too short for a stream that can be cut in one way, for {on}.")
    bits = sum(int(c) * int(n) for c, n in zip(counts, lengths))
    equal(bits, least_bits(counts), what="the bits of the whole stream, counts times lengths", on=on)


@exercise("6.4-entropy")
def test_entropy_of_small_counts(student, rng):
    cases = (([8, 4, 2, 2], 1.75), ([5, 0, 5, 0], 1.0), ([3, 1], 2 - 0.75 * np.log2(3)))
    got = [student.entropy_bits(np.array(counts)) for counts, _ in cases]
    for one, (counts, want) in zip(got, cases):
        close(number(one, "entropy_bits"), want, abs=1e-5, what="the entropy in bits", on=f"counts {counts}")


@exercise("6.4-entropy")
def test_lengths_of_small_counts(student, rng):
    cases = ([8, 4, 2, 2], [5, 1, 0, 1, 4, 1, 2], [6, 5, 4, 4, 3], [0, 7, 0])
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
    that(isinstance(got, bytes), "layer_to_bytes should return bytes.")
    parts = " + ".join(str(size) for size in sizes)
    equal(len(got), len(want), what=f"the number of bytes ({parts} for code book, positions and codes)", on=on)
    start = 0
    for name, size in zip(("code book", "positions", "codes"), sizes):
        that(got[start : start + size] == want[start : start + size], f"The {size} bytes from byte {start} on should hold the {name}; they differ, for {on}.")
        start += size


def check_weights(got, want, on):
    got = as_array(got, want.shape, "The result of layer_from_bytes")
    equal(got, want, what="the weights read back", on=on)


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


@exercise("6.5-file")
def test_bytes_of_the_worked_example(student, rng):
    mask = np.zeros((4, 6), bool)
    mask.flat[[1, 4, 9, 15, 22]] = True
    codes, codebook = np.array([2, 0, 3, 1, 2]), np.array([-0.5, -0.25, 0.25, 1.5])
    weights = np.zeros((4, 6), np.float32)
    weights[mask] = codebook[codes]
    want = bytes_of(codes, codebook, mask, 2)
    got, read = student.layer_to_bytes(codes, codebook, mask, 2), student.layer_from_bytes(want, (4, 6), 2)
    on = "4 x 6 weights, 5 survivors, 2 bits"
    check_bytes(got, want, sizes_of(mask, 2), on)
    check_weights(read, weights, on)


@exercise("6.5-file")
def test_a_layer_whose_places_fill_no_whole_byte(student, rng):
    codes, codebook, mask, weights = layer(np.random.default_rng(6), (3, 7), 4, 0.4)
    want = bytes_of(codes, codebook, mask, 4)
    got, read = student.layer_to_bytes(codes, codebook, mask, 4), student.layer_from_bytes(want, (3, 7), 4)
    on = f"3 x 7 weights, {len(codes)} survivors, 4 bits"
    check_bytes(got, want, sizes_of(mask, 4), on)
    check_weights(read, weights, on)


# 6.6


def ratio_of(layers, bits):
    before = sum(4 * (rows * columns + rows) for rows, columns, _ in layers)
    after = sum(4 * 2**bits + -(-rows * columns // 8) + -(-kept * bits // 8) + 4 * rows for rows, columns, kept in layers)
    return before / after


@exercise("6.6-bug")
def test_ratio_of_the_worked_example(student, rng):
    cases = (([(10, 100, 100)], 4), ([(10, 100, 100), (3, 5, 7)], 2), ([(6, 30, 41), (4, 6, 24)], 3))
    got = [student.compression_ratio(*case) for case in cases]
    for one, (layers, bits) in zip(got, cases):
        # One sum of integers and one division: six digits hold in any precision.
        close(number(one, "compression_ratio"), ratio_of(layers, bits), rel=1e-6, what="the ratio", on=f"layers {layers}, {bits} bits")


# 6.7


def check_flags(got, want, on):
    flags = as_array(got, want.shape, "The result of on_frontier")
    that(bool(np.isin(flags, (0, 1)).all()), "on_frontier should return True and False.")
    equal(flags.astype(bool), want, what="which variants are on the frontier", on=on)


def frontier_of(sizes, scores):
    order = range(len(sizes))
    return np.array([
        not any(sizes[j] <= sizes[i] and scores[j] >= scores[i] and (sizes[j], scores[j]) != (sizes[i], scores[i]) for j in order) for i in order
    ])  # fmt: skip


def shares_right(predicted, labels, classes):
    return np.array([100 * np.mean(predicted[labels == c] == c) for c in range(classes)])


@exercise("6.7-budget")
def test_frontier_of_the_worked_example(student, rng):
    cases = (([10, 20, 20, 30], [90.0, 95.0, 93.0, 95.0]), ([5, 5, 9, 7, 8], [80.0, 80.0, 91.0, 85.0, 84.0]), ([6, 4, 5], [92.0, 92.0, 90.0]))
    got = [student.on_frontier(np.array(sizes), np.array(scores)) for sizes, scores in cases]
    for one, (sizes, scores) in zip(got, cases):
        check_flags(one, frontier_of(sizes, scores), f"sizes {sizes}, accuracies {scores}")


@exercise("6.7-budget")
def test_accuracy_of_three_classes(student, rng):
    labels, predicted = np.array([0, 0, 0, 0, 1, 1, 2, 2]), np.array([0, 0, 0, 1, 1, 0, 1, 1])
    got = student.class_accuracy(predicted, labels, 3)
    on = f"labels {labels.tolist()}, predicted {predicted.tolist()}"
    close(as_array(got, (3,), "The result of class_accuracy"), np.array([75.0, 50.0, 0.0]), rel=1e-6, what="the accuracy of each class in %", on=on)


def two_classes(wrong_before, wrong_after, images=(16, 48)):
    """(before, after, labels): so many images of class 0 and of class 1; so many of each class are wrong."""
    labels = np.repeat([0, 1], images)
    made = []
    for zeros, ones in (wrong_before, wrong_after):
        predicted = labels.copy()
        predicted[:zeros] = 1
        predicted[images[0] : images[0] + ones] = 0
        made.append(predicted)
    return *made, labels


def asked_now(call, *args):
    """A function that gives what `call(*args)` gives now, or raises what it raises now."""
    try:
        got, fault = call(*args), None
    except StudentError as error:
        got, fault = None, error

    def told():
        if fault is not None:
            raise fault
        return got

    return told


@exercise("6.7-budget")
def test_gate_passes_and_stops(student, rng):
    on = "16 images of class 0, 48 of class 1, nothing wrong before; 1 wrong in class 0 and 2 in class 1 after"
    before, after, labels = two_classes((0, 0), (1, 2))
    passed = student.gate(before, after, labels, 2, 6.0, 7.0)
    # Both are asked before either is judged: together they show which of the two budgets is forgotten.
    mean_over, class_over = (asked_now(student.gate, *two_classes((0, 0), wrong), 2, 5.0, 10.0) for wrong in ((0, 4), (2, 0)))
    close(number(passed, "gate"), 4.6875, abs=1e-4, what="the loss of the mean in points", on=on)
    raises(ValueError, mean_over, what="gate, the mean lost 6.25 points, the budget is 5")
    raises(ValueError, class_over, what="gate, the mean lost 3.1 points and class 0 lost 12.5, the budgets are 5 and 10")


@exercise("6.7-budget")
def test_gate_at_the_border_and_after_a_gain(student, rng):
    # 100 * 4 / 64 and 100 * 2 / 16 are exact in floating point, whatever the order of the operations.
    before, after, labels = two_classes((0, 0), (2, 2))
    passed = student.gate(before, after, labels, 2, 6.25, 12.5)
    close(number(passed, "gate"), 6.25, abs=1e-4, what="the loss of the mean in points", on="losses that are exactly the budgets, 6.25 and 12.5")
    before, after, labels = two_classes((4, 8), (2, 2))
    passed = student.gate(before, after, labels, 2, 5.0, 10.0)
    close(number(passed, "gate"), -12.5, abs=1e-4, what="the loss of the mean in points", on="a network that gained 12.5 points in each class, budgets 5 and 10")


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
