"""The bank of lesson 06: answers that students really give, and right answers written differently.

Each function stands by itself: it uses `np` and its own body, or the notebook's `pack` and `unpack`. A wrong answer's
sentence is what a student reads when theirs behaves the same, so it says what goes wrong and why, not what to type.
"""

import heapq

import numpy as np
import torch

from autograder.checks import right, right_value, wrong, wrong_value


def pack(codes, bits):
    return np.packbits((codes[:, None] >> np.arange(bits)) & 1)


def unpack(packed, bits, n):
    return np.unpackbits(packed)[: n * bits].reshape(n, bits) @ (1 << np.arange(bits))


# 6.1-predict

wrong_value("6.1-predict", "multiplies the ratios and forgets the positions", predict_6_1="a")
wrong_value("6.1-predict", "adds the ratios", predict_6_1="c")
wrong_value("6.1-predict", "counts the bitmask and forgets the codes", predict_6_1="d")
wrong_value("6.1-predict", "gives the number instead of the letter of the choice", predict_6_1="18")
right_value("6.1-predict", "a capital letter", predict_6_1="B")
right_value("6.1-predict", "with brackets", predict_6_1="(b)")

# 6.2-zeros


@wrong("6.2-zeros", "quantises the weights under the mask as well, so the pruned ones come back")
def quantize_pruned(w, mask, bits):
    qmax = 2 ** (bits - 1) - 1
    largest = np.abs(w).max(axis=1)
    scales = np.where(largest > 0, largest / qmax, 1.0)
    return np.rint(w / scales[:, None]).astype(np.int8), scales


@wrong("6.2-zeros", "chooses the scale before the mask is applied: a large pruned weight makes the steps too coarse for the survivors")
def quantize_pruned(w, mask, bits):
    qmax = 2 ** (bits - 1) - 1
    largest = np.abs(w).max(axis=1)
    scales = np.where(largest > 0, largest / qmax, 1.0)
    return (np.rint(w / scales[:, None]) * mask).astype(np.int8), scales


@wrong(
    "6.2-zeros",
    "takes 2^(b-1) as the largest code: it must be one less, or the codes run from -8 to 8 with 4 bits, one too many on either side",
)
def quantize_pruned(w, mask, bits):
    qmax = 2 ** (bits - 1)
    kept = np.where(mask, w, 0.0)
    largest = np.abs(kept).max(axis=1)
    scales = np.where(largest > 0, largest / qmax, 1.0)
    return np.rint(kept / scales[:, None]).astype(np.int8), scales


@wrong("6.2-zeros", "takes the largest code without a sign, 2^b - 1; one of the bits is the sign")
def quantize_pruned(w, mask, bits):
    qmax = 2**bits - 1
    kept = np.where(mask, w, 0.0)
    largest = np.abs(kept).max(axis=1)
    scales = np.where(largest > 0, largest / qmax, 1.0)
    return np.rint(kept / scales[:, None]).astype(np.int8), scales


@wrong("6.2-zeros", "divides by zero in a row without survivors; its scale is 1.0")
def quantize_pruned(w, mask, bits):
    qmax = 2 ** (bits - 1) - 1
    kept = np.where(mask, w, 0.0)
    scales = np.abs(kept).max(axis=1) / qmax
    with np.errstate(all="ignore"):
        return np.nan_to_num(np.rint(kept / scales[:, None])).astype(np.int8), scales


@wrong("6.2-zeros", "cuts the fraction off in place of rounding to the nearest code")
def quantize_pruned(w, mask, bits):
    qmax = 2 ** (bits - 1) - 1
    kept = np.where(mask, w, 0.0)
    largest = np.abs(kept).max(axis=1)
    scales = np.where(largest > 0, largest / qmax, 1.0)
    return np.trunc(kept / scales[:, None]).astype(np.int8), scales


@wrong("6.2-zeros", "takes one scale for the whole layer; each row has its own")
def quantize_pruned(w, mask, bits):
    qmax = 2 ** (bits - 1) - 1
    kept = np.where(mask, w, 0.0)
    largest = np.abs(kept).max()
    scales = np.full(len(w), largest / qmax if largest > 0 else 1.0)
    return np.rint(kept / scales[:, None]).astype(np.int8), scales


@wrong("6.2-zeros", "takes the largest survivor, not the largest magnitude: a row whose survivors are negative gets a wrong scale")
def quantize_pruned(w, mask, bits):
    qmax = 2 ** (bits - 1) - 1
    kept = np.where(mask, w, 0.0)
    largest = kept.max(axis=1)
    scales = np.where(largest > 0, largest / qmax, 1.0)
    return np.clip(np.rint(kept / scales[:, None]), -qmax, qmax).astype(np.int8), scales


@wrong("6.2-zeros", "keeps what the mask prunes: True means kept")
def quantize_pruned(w, mask, bits):
    qmax = 2 ** (bits - 1) - 1
    kept = np.where(mask, 0.0, w)
    largest = np.abs(kept).max(axis=1)
    scales = np.where(largest > 0, largest / qmax, 1.0)
    return np.rint(kept / scales[:, None]).astype(np.int8), scales


@wrong("6.2-zeros", "returns the codes in another data type; they fit into int8, one byte each")
def quantize_pruned(w, mask, bits):
    qmax = 2 ** (bits - 1) - 1
    kept = np.where(mask, w, 0.0)
    largest = np.abs(kept).max(axis=1)
    scales = np.where(largest > 0, largest / qmax, 1.0)
    return np.rint(kept / scales[:, None]).astype(np.int64), scales


@wrong("6.2-zeros", "returns torch tensors; all exercises of this lesson work on NumPy arrays")
def quantize_pruned(w, mask, bits):
    kept = torch.tensor(np.where(mask, w, 0.0))
    largest = kept.abs().amax(dim=1)
    scales = torch.where(largest > 0, largest / (2 ** (bits - 1) - 1), torch.ones_like(largest))
    return torch.round(kept / scales[:, None]).to(torch.int8), scales


@wrong("6.2-zeros", "adds a small number to every scale: where all weights of a row are small, it is not small beside them")
def quantize_pruned(w, mask, bits):
    qmax = 2 ** (bits - 1) - 1
    kept = np.where(mask, w, 0.0)
    largest = np.abs(kept).max(axis=1)
    scales = np.where(largest > 0, largest / qmax + 1e-6, 1.0)
    return np.rint(kept / scales[:, None]).astype(np.int8), scales


@wrong("6.2-zeros", "cuts the fraction off in place of rounding to the nearest code")
def quantize_pruned(w, mask, bits):
    kept = np.where(mask, w, 0.0).astype(float)
    largest = np.abs(kept).max(axis=1)
    scales = np.where(largest > 0, largest / (2 ** (bits - 1) - 1), 1.0)
    return (kept / scales[:, None]).astype(np.int8), scales


@wrong("6.2-zeros", "rounds halves away from zero; half-way between two codes the even one is taken")
def quantize_pruned(w, mask, bits):
    qmax = 2 ** (bits - 1) - 1
    kept = np.where(mask, w, 0.0)
    largest = np.abs(kept).max(axis=1)
    scales = np.where(largest > 0, largest / qmax, 1.0)
    return (np.sign(kept) * np.floor(np.abs(kept) / scales[:, None] + 0.5)).astype(np.int8), scales


@wrong("6.2-zeros", "rounds halves up; half-way between two codes the even one is taken")
def quantize_pruned(w, mask, bits):
    qmax = 2 ** (bits - 1) - 1
    kept = np.where(mask, w, 0.0)
    largest = np.abs(kept).max(axis=1)
    scales = np.where(largest > 0, largest / qmax, 1.0)
    return np.floor(kept / scales[:, None] + 0.5).astype(np.int8), scales


@wrong("6.2-zeros", "adds the codes up where it should count those that are not 0")
def revived_and_lost(mask, codes):
    return int(np.abs(np.sum(codes[~mask]))), int(np.sum(mask & (codes == 0)))


@wrong("6.2-zeros", "returns floats; a count is an integer")
def revived_and_lost(mask, codes):
    return float(np.sum(~mask & (codes != 0))), float(np.sum(mask & (codes == 0)))


@wrong("6.2-zeros", "counts the codes that are not 0 where the mask keeps: those are neither revived nor lost")
def revived_and_lost(mask, codes):
    return int(np.sum(mask & (codes != 0))), int(np.sum(mask & (codes == 0)))


@wrong("6.2-zeros", "gives the two counts in the other order: revived comes first")
def revived_and_lost(mask, codes):
    return int(np.sum(mask & (codes == 0))), int(np.sum(~mask & (codes != 0)))


@wrong("6.2-zeros", "takes the difference of the two sparsities; a revived weight and a lost one then cancel")
def revived_and_lost(mask, codes):
    more = int(np.sum(codes == 0)) - int(np.sum(~mask))
    return max(-more, 0), max(more, 0)


@wrong("6.2-zeros", "counts all zero codes as lost, the pruned ones included")
def revived_and_lost(mask, codes):
    return int(np.sum(~mask & (codes != 0))), int(np.sum(codes == 0))


@wrong("6.2-zeros", "counts all codes that are not 0 as revived, the survivors' included")
def revived_and_lost(mask, codes):
    return int(np.sum(codes != 0)), int(np.sum(mask & (codes == 0)))


@wrong("6.2-zeros", "counts the pruned weights with code 0 as lost: those are as they should be")
def revived_and_lost(mask, codes):
    return int(np.sum(~mask & (codes != 0))), int(np.sum(~mask & (codes == 0)))


@wrong("6.2-zeros", "looks whether the survivors add up to 0, not whether there are any: one and its opposite do, too")
def quantize_pruned(w, mask, bits):
    qmax = 2 ** (bits - 1) - 1
    kept = np.where(mask, w, 0)
    scales = np.where(kept.sum(axis=1) != 0, np.abs(kept).max(axis=1) / qmax, 1.0)
    return np.rint(kept / scales[:, None]).astype(np.int8), scales


@right("6.2-zeros", "a loop over the rows")
def quantize_pruned(w, mask, bits):
    qmax, codes, scales = 2 ** (bits - 1) - 1, np.zeros(w.shape, np.int8), []
    for i, (row, keep) in enumerate(zip(w, mask)):
        largest = np.abs(row[keep]).max() if keep.any() else 0
        scales.append(largest / qmax if largest else 1.0)
        codes[i, keep] = np.round(row[keep] / scales[-1])
    return codes, np.array(scales)


@right("6.2-zeros", "multiplies with the mask, in float32")
def quantize_pruned(w, mask, bits):
    kept = (w * mask).astype(np.float32)
    largest = np.max(np.abs(kept), axis=1)
    scales = np.where(largest == 0, np.float32(1), largest / np.float32(2 ** (bits - 1) - 1))
    return np.round(kept / scales.reshape(-1, 1)).astype("int8"), scales


@right("6.2-zeros", "a share of the largest, times the largest code")
def quantize_pruned(w, mask, bits):
    qmax, kept = 2 ** (bits - 1) - 1, np.where(mask, w, 0.0)
    largest = np.abs(kept).max(axis=1)
    share = kept / np.where(largest > 0, largest, 1.0)[:, None]
    return np.rint(share * qmax).astype(np.int8), np.where(largest > 0, largest / qmax, 1.0)


@right("6.2-zeros", "counts the codes that are True for their place")
def revived_and_lost(mask, codes):
    has_code = codes.astype(bool)
    return int((has_code > mask).sum()), int((has_code < mask).sum())


@right("6.2-zeros", "picks with the mask, NumPy integers")
def revived_and_lost(mask, codes):
    return [np.count_nonzero(codes[~mask]), (codes[mask] == 0).sum()]


# 6.3-share


def by_distance(values, codebook):
    return np.abs(values[:, None] - codebook).argmin(axis=1)


def by_means(values, codes, codebook):
    return np.array([values[codes == j].mean() if (codes == j).any() else codebook[j] for j in range(len(codebook))])


def sharing(nearest, moved):
    """The notebook's `share`, with these for the functions that it calls."""

    def share(values, k, rounds):
        book = np.linspace(values.min(), values.max(), k)
        for _ in range(rounds):
            book = moved(values, nearest(values, book), book)
        return nearest(values, book), book

    return share


def from_nearest(nearest):
    return sharing(nearest, by_means)


def from_moved(moved):
    return sharing(by_distance, moved)


@wrong(
    "6.3-share",
    "stops when no entry moves by more than a fixed amount; where the weights are small that is much, and all rounds are asked for",
)
def share(values, k, rounds):
    book = np.linspace(values.min(), values.max(), k)
    codes = np.abs(values[:, None] - book).argmin(axis=1)
    for _ in range(rounds):
        old = book
        book = np.array([values[codes == j].mean() if (codes == j).any() else book[j] for j in range(k)])
        codes = np.abs(values[:, None] - book).argmin(axis=1)
        if np.abs(book - old).max() < 1e-6:
            break
    return codes, book


@wrong("6.3-share", "makes no more entries than there are values; k are asked for")
def share(values, k, rounds):
    k = min(k, len(values))
    book = np.linspace(values.min(), values.max(), k)
    codes = np.abs(values[:, None] - book).argmin(axis=1)
    for _ in range(rounds):
        book = np.array([values[codes == j].mean() if (codes == j).any() else book[j] for j in range(k)])
        codes = np.abs(values[:, None] - book).argmin(axis=1)
    return codes, book


right_value("6.3-share", "all three in short", nearest=by_distance, moved=by_means, share=sharing(by_distance, by_means))


@wrong(
    "6.3-share", "compares with the entries without the sign of the difference taken off: the largest entry always wins", share=from_nearest
)
def nearest(values, codebook):
    return (values[:, None] - codebook).argmin(axis=1)


@wrong("6.3-share", "looks for the nearest value of each entry; it should be the nearest entry of each value", share=from_nearest)
def nearest(values, codebook):
    return np.abs(values[:, None] - codebook).argmin(axis=0)


@wrong("6.3-share", "keeps the number of an entry in one byte, which counts to 127 or 255; k may be larger", share=from_nearest)
def nearest(values, codebook):
    return np.abs(values[:, None] - codebook).argmin(axis=1).astype(np.int8)


@wrong("6.3-share", "keeps the number of an entry in one byte, which counts to 127 or 255; k may be larger", share=from_nearest)
def nearest(values, codebook):
    return np.abs(values[:, None] - codebook).argmin(axis=1).astype(np.uint8)


@wrong("6.3-share", "keeps the number of an entry in one byte, which counts to 127 or 255; k may be larger")
def share(values, k, rounds):
    codes, book = sharing(by_distance, by_means)(values, k, rounds)
    return codes.astype(np.uint8), book


@wrong("6.3-share", "takes the farthest entry in place of the nearest", share=from_nearest)
def nearest(values, codebook):
    return np.abs(values[:, None] - codebook).argmax(axis=1)


@wrong("6.3-share", "returns the values of the entries in place of their numbers", share=from_nearest)
def nearest(values, codebook):
    return codebook[np.abs(values[:, None] - codebook).argmin(axis=1)]


@wrong("6.3-share", "searches as if the code book were sorted", share=from_nearest)
def nearest(values, codebook):
    return np.searchsorted((codebook[1:] + codebook[:-1]) / 2, values)


@wrong("6.3-share", "takes the mean of nothing for an entry that nobody took, which is not a number", share=from_moved)
def moved(values, codes, codebook):
    with np.errstate(all="ignore"):
        counts = np.bincount(codes, minlength=len(codebook))
        return np.bincount(codes, values, minlength=len(codebook)) / counts


@wrong("6.3-share", "sends an entry that nobody took to 0; it should stay where it is", share=from_moved)
def moved(values, codes, codebook):
    return np.array([values[codes == j].mean() if (codes == j).any() else 0.0 for j in range(len(codebook))])


@wrong("6.3-share", "moves the entries to the median of their values, which does not make the squared error smallest", share=from_moved)
def moved(values, codes, codebook):
    return np.array([np.median(values[codes == j]) if (codes == j).any() else codebook[j] for j in range(len(codebook))])


@wrong("6.3-share", "`moved` changes `codebook` (its values) in place", share=from_moved)
def moved(values, codes, codebook):
    for j in range(len(codebook)):
        if (codes == j).any():
            codebook[j] = values[codes == j].mean()
    return codebook


@wrong("6.3-share", "returns the codes of the code book before its last move, which do not fit it any more")
def share(values, k, rounds):
    book = np.linspace(values.min(), values.max(), k)
    codes = np.abs(values[:, None] - book).argmin(axis=1)
    for _ in range(rounds):
        codes = np.abs(values[:, None] - book).argmin(axis=1)
        book = np.array([values[codes == j].mean() if (codes == j).any() else book[j] for j in range(k)])
    return codes, book


@wrong("6.3-share", "starts from quantiles; the text asks for even steps, so that the tails get an entry, too")
def share(values, k, rounds):
    book = np.quantile(values, np.linspace(0, 1, k))
    for _ in range(rounds):
        codes = np.abs(values[:, None] - book).argmin(axis=1)
        book = np.array([values[codes == j].mean() if (codes == j).any() else book[j] for j in range(k)])
    return np.abs(values[:, None] - book).argmin(axis=1), book


@wrong("6.3-share", "starts from 0 to the largest value; weights can be negative")
def share(values, k, rounds):
    book = np.linspace(0, values.max(), k)
    for _ in range(rounds):
        codes = np.abs(values[:, None] - book).argmin(axis=1)
        book = np.array([values[codes == j].mean() if (codes == j).any() else book[j] for j in range(k)])
    return np.abs(values[:, None] - book).argmin(axis=1), book


@wrong("6.3-share", "stops when the error hardly falls any more; so many rounds are asked for, and the entries may still move")
def share(values, k, rounds):
    book, last = np.linspace(values.min(), values.max(), k), np.inf
    for _ in range(rounds):
        codes = np.abs(values[:, None] - book).argmin(axis=1)
        error = np.mean((values - book[codes]) ** 2)
        if error > 0.99 * last:
            break
        book, last = by_means(values, codes, book), error
    return by_distance(values, book), book


@wrong("6.3-share", "divides the way from the smallest to the largest value by k - 1: with one entry there is nothing to divide by")
def share(values, k, rounds):
    with np.errstate(all="ignore"):
        book = values.min() + np.arange(k) * ((values.max() - values.min()) / (k - 1))
        for _ in range(rounds):
            book = by_means(values, by_distance(values, book), book)
        return by_distance(values, book), book


@wrong("6.3-share", "does one round too few")
def share(values, k, rounds):
    return sharing(by_distance, by_means)(values, k, rounds - 1)


@wrong("6.3-share", "sorts the values first, so the codes no longer belong to the places")
def share(values, k, rounds):
    return sharing(by_distance, by_means)(np.sort(values), k, rounds)


@right("6.3-share", "squared distances, a loop over the values")
def nearest(values, codebook):
    return np.array([int(np.argmin((codebook - v) ** 2)) for v in values])


@right("6.3-share", "sorts the code book first; of two equally near the upper one")
def nearest(values, codebook):
    order = np.argsort(codebook)
    book = codebook[order]
    return order[np.searchsorted((book[1:] + book[:-1]) / 2, values, side="right")]


@right("6.3-share", "sums and counts, without a loop")
def moved(values, codes, codebook):
    counts = np.bincount(codes, minlength=len(codebook))
    sums = np.bincount(codes, weights=values, minlength=len(codebook))
    return np.where(counts > 0, sums / np.maximum(counts, 1), codebook)


@right("6.3-share", "stops early when nothing moves any more, in float32")
def share(values, k, rounds):
    v = values.astype(np.float32)
    book = np.linspace(v.min(), v.max(), k).astype(np.float32)
    for _ in range(rounds):
        codes = np.abs(v[:, None] - book).argmin(axis=1)
        new = np.array([v[codes == j].mean() if (codes == j).any() else book[j] for j in range(k)], dtype=np.float32)
        if (new == book).all():
            break
        book = new
    return np.abs(v[:, None] - book).argmin(axis=1), book


# 6.4-entropy


@wrong("6.4-entropy", "takes the natural logarithm, so the entropy is not in bits")
def entropy_bits(counts):
    p = counts[counts > 0] / counts.sum()
    return float(-np.sum(p * np.log(p)))


@wrong("6.4-entropy", "does not leave out symbols that never occur: 0 times the logarithm of 0 is not a number")
def entropy_bits(counts):
    p = counts / counts.sum()
    with np.errstate(all="ignore"):
        return float(-np.sum(p * np.log2(p)))


@wrong("6.4-entropy", "forgets to weigh each symbol by how often it occurs")
def entropy_bits(counts):
    p = counts[counts > 0] / counts.sum()
    return float(-np.mean(np.log2(p)))


@wrong("6.4-entropy", "gives the bits of the whole stream; the entropy is per code")
def entropy_bits(counts):
    p = counts[counts > 0] / counts.sum()
    return float(-np.sum(counts[counts > 0] * np.log2(p)))


@wrong("6.4-entropy", "leaves out the minus sign: the logarithm of a share is negative")
def entropy_bits(counts):
    p = counts[counts > 0] / counts.sum()
    return float(np.sum(p * np.log2(p)))


@wrong("6.4-entropy", "gives all symbols words of one length")
def huffman_lengths(counts):
    present = int((counts > 0).sum())
    return np.where(counts > 0, max(1, int(np.ceil(np.log2(present)))), 0)


@wrong("6.4-entropy", "rounds each symbol's own information up to whole bits: such words exist, but they are longer than Huffman's")
def huffman_lengths(counts):
    p = np.where(counts > 0, counts, 1) / counts.sum()
    return np.where(counts > 0, np.maximum(1, np.ceil(-np.log2(p) - 1e-12)), 0).astype(int)


@wrong("6.4-entropy", "makes only the first member of each group longer; all members of both groups get one more bit")
def huffman_lengths(counts):
    lengths = np.zeros(len(counts), dtype=int)
    heap = [(int(c), [i]) for i, c in enumerate(counts) if c > 0]
    heapq.heapify(heap)
    if len(heap) == 1:
        lengths[heap[0][1]] = 1
    while len(heap) > 1:
        a, one = heapq.heappop(heap)
        b, two = heapq.heappop(heap)
        lengths[one[0]] += 1
        lengths[two[0]] += 1
        heapq.heappush(heap, (a + b, one + two))
    return lengths


@wrong("6.4-entropy", "gives a group the larger of the two counts; its members occur as often as both together")
def huffman_lengths(counts):
    lengths = np.zeros(len(counts), dtype=int)
    heap = [(int(c), [i]) for i, c in enumerate(counts) if c > 0]
    heapq.heapify(heap)
    if len(heap) == 1:
        lengths[heap[0][1]] = 1
    while len(heap) > 1:
        a, one = heapq.heappop(heap)
        b, two = heapq.heappop(heap)
        lengths[one + two] += 1
        heapq.heappush(heap, (max(a, b), one + two))
    return lengths


@wrong("6.4-entropy", "joins the two largest groups; common symbols then get the longest words")
def huffman_lengths(counts):
    lengths = np.zeros(len(counts), dtype=int)
    groups = [(int(c), [i]) for i, c in enumerate(counts) if c > 0]
    if len(groups) == 1:
        lengths[groups[0][1]] = 1
    while len(groups) > 1:
        groups.sort(key=lambda g: g[0])
        a, one = groups.pop()
        b, two = groups.pop()
        lengths[one + two] += 1
        groups.append((a + b, one + two))
    return lengths


@wrong("6.4-entropy", "gives a word to symbols that never occur, which makes the others longer")
def huffman_lengths(counts):
    lengths = np.zeros(len(counts), dtype=int)
    heap = [(int(c), [i]) for i, c in enumerate(counts)]
    heapq.heapify(heap)
    while len(heap) > 1:
        a, one = heapq.heappop(heap)
        b, two = heapq.heappop(heap)
        lengths[one + two] += 1
        heapq.heappush(heap, (a + b, one + two))
    return lengths


@wrong("6.4-entropy", "makes only the words of one of the two groups longer; all members of both get one more bit")
def huffman_lengths(counts):
    lengths = np.zeros(len(counts), dtype=int)
    heap = [(int(c), [i]) for i, c in enumerate(counts) if c > 0]
    heapq.heapify(heap)
    if len(heap) == 1:
        lengths[heap[0][1]] = 1
    while len(heap) > 1:
        a, one = heapq.heappop(heap)
        b, two = heapq.heappop(heap)
        lengths[one] += 1
        heapq.heappush(heap, (a + b, one + two))
    return lengths


@wrong("6.4-entropy", "gives a single symbol a word of no bits; the text asks for 1")
def huffman_lengths(counts):
    lengths = np.zeros(len(counts), dtype=int)
    heap = [(int(c), [i]) for i, c in enumerate(counts) if c > 0]
    heapq.heapify(heap)
    while len(heap) > 1:
        a, one = heapq.heappop(heap)
        b, two = heapq.heappop(heap)
        lengths[one + two] += 1
        heapq.heappush(heap, (a + b, one + two))
    return lengths


@wrong("6.4-entropy", "adds a small number inside the logarithm: leave the symbols that never occur out, then none is needed")
def entropy_bits(counts):
    p = counts / counts.sum()
    return float(-np.sum(p * np.log2(p + 1e-6)))


@wrong("6.4-entropy", "returns a list; an array of integers is asked for")
def huffman_lengths(counts):
    lengths = [0] * len(counts)
    heap = [(int(c), [i]) for i, c in enumerate(counts) if c > 0]
    heapq.heapify(heap)
    if len(heap) == 1:
        lengths[heap[0][1][0]] = 1
    while len(heap) > 1:
        a, one = heapq.heappop(heap)
        b, two = heapq.heappop(heap)
        for i in one + two:
            lengths[i] += 1
        heapq.heappush(heap, (a + b, one + two))
    return lengths


@wrong("6.4-entropy", "halves the symbols from the top; such words exist, but joining from the bottom gives shorter ones")
def huffman_lengths(counts):
    lengths = np.zeros(len(counts), dtype=int)
    groups = [([i for i in np.argsort(-counts, kind="stable") if counts[i] > 0], 0)]
    while groups:
        symbols, depth = groups.pop()
        if len(symbols) == 1:
            lengths[symbols[0]] = max(depth, 1)
            continue
        sums = np.cumsum(counts[symbols])
        cut = 1 + int(np.argmin(np.abs(2 * sums[:-1] - sums[-1])))
        groups += [(symbols[:cut], depth + 1), (symbols[cut:], depth + 1)]
    return lengths


@wrong("6.4-entropy", "cuts long words off at a limit; two symbols may then have the same word")
def huffman_lengths(counts):
    lengths = np.zeros(len(counts), dtype=int)
    groups = sorted((int(c), [i]) for i, c in enumerate(counts) if c > 0)
    if len(groups) == 1:
        lengths[groups[0][1]] = 1
    while len(groups) > 1:
        (a, first), (b, second), *groups = groups
        lengths[first + second] += 1
        groups = sorted([*groups, (a + b, first + second)])
    return np.minimum(lengths, 15)


@right("6.4-entropy", "the logarithm of the inverse share, a Python loop")
def entropy_bits(counts):
    total = int(sum(counts))
    return sum(int(c) / total * np.log2(total / int(c)) for c in counts if c > 0)


@right("6.4-entropy", "logarithms of counts, a NumPy number")
def entropy_bits(counts):
    n = counts[counts > 0].astype(float)
    return np.log2(n.sum()) - (n * np.log2(n)).sum() / n.sum()


@right("6.4-entropy", "a sorted list in place of a heap, ties the other way round")
def huffman_lengths(counts):
    groups = [(int(c), -i, [i]) for i, c in enumerate(counts) if c > 0]
    lengths = [0] * len(counts)
    if len(groups) == 1:
        lengths[groups[0][2][0]] = 1
    while len(groups) > 1:
        groups.sort(key=lambda g: g[:2])
        (a, _, one), (b, _, two) = groups[:2]
        for i in one + two:
            lengths[i] += 1
        groups = groups[2:] + [(a + b, 1, one + two)]
    return np.array(lengths)


@right("6.4-entropy", "a tree, then its depths")
def huffman_lengths(counts):
    heap = [(int(c), i, i) for i, c in enumerate(counts) if c > 0]
    heapq.heapify(heap)
    fresh = len(counts)
    while len(heap) > 1:
        a, b = heapq.heappop(heap), heapq.heappop(heap)
        heapq.heappush(heap, (a[0] + b[0], fresh, (a[2], b[2])))
        fresh += 1
    lengths, todo = [0] * len(counts), [(heap[0][2], 0)]
    while todo:
        node, depth = todo.pop()
        if isinstance(node, tuple):
            todo += [(node[0], depth + 1), (node[1], depth + 1)]
        else:
            lengths[node] = max(depth, 1)
    return np.array(lengths)


# 6.5-file


@wrong("6.5-file", "writes one byte for each place of the mask; a place needs one bit")
def layer_to_bytes(codes, codebook, mask, bits):
    return codebook.astype("<f4").tobytes() + mask.astype(np.uint8).tobytes() + pack(codes, bits).tobytes()


@wrong("6.5-file", "writes one byte for each code, whatever its number of bits")
def layer_to_bytes(codes, codebook, mask, bits):
    return codebook.astype("<f4").tobytes() + np.packbits(mask).tobytes() + codes.astype(np.uint8).tobytes()


@wrong("6.5-file", "writes the parts in another order: after the code book come the positions, then the codes")
def layer_to_bytes(codes, codebook, mask, bits):
    return codebook.astype("<f4").tobytes() + pack(codes, bits).tobytes() + np.packbits(mask).tobytes()


@wrong("6.5-file", "leaves the positions out: nobody can say where the survivors belong")
def layer_to_bytes(codes, codebook, mask, bits):
    return codebook.astype("<f4").tobytes() + pack(codes, bits).tobytes()


@wrong("6.5-file", "leaves the code book out: nobody can say what a code is worth")
def layer_to_bytes(codes, codebook, mask, bits):
    return np.packbits(mask).tobytes() + pack(codes, bits).tobytes()


@wrong("6.5-file", "stores a code for every place, pruned ones included")
def layer_to_bytes(codes, codebook, mask, bits):
    everywhere = np.zeros(mask.shape, int)
    everywhere[mask] = codes
    return codebook.astype("<f4").tobytes() + np.packbits(mask).tobytes() + pack(everywhere.ravel(), bits).tobytes()


@wrong("6.5-file", "rounds the bytes of the positions down, so the last places of the mask are read from the wrong byte")
def layer_from_bytes(data, shape, bits):
    n = shape[0] * shape[1]
    end = 4 * 2**bits + n // 8
    book = np.frombuffer(data[: 4 * 2**bits], "<f4")
    mask = np.resize(np.unpackbits(np.frombuffer(data[4 * 2**bits : end], np.uint8)), n).astype(bool).reshape(shape)
    stream = np.unpackbits(np.frombuffer(data[end:], np.uint8))
    stream = np.resize(stream, mask.sum() * bits).reshape(-1, bits)
    w = np.zeros(shape, np.float32)
    w[mask] = book[stream @ (1 << np.arange(bits))]
    return w


@wrong("6.5-file", "puts the codes where the weights should be: each code must be looked up in the code book")
def layer_from_bytes(data, shape, bits):
    n = shape[0] * shape[1]
    end = 4 * 2**bits + -(-n // 8)
    mask = np.unpackbits(np.frombuffer(data[4 * 2**bits : end], np.uint8), count=n).astype(bool).reshape(shape)
    w = np.zeros(shape, np.float32)
    w[mask] = unpack(np.frombuffer(data[end:], np.uint8), bits, int(mask.sum()))
    return w


@wrong("6.5-file", "fills the first places of the layer with the survivors, in place of those that the mask marks")
def layer_from_bytes(data, shape, bits):
    n = shape[0] * shape[1]
    end = 4 * 2**bits + -(-n // 8)
    book = np.frombuffer(data[: 4 * 2**bits], "<f4")
    mask = np.unpackbits(np.frombuffer(data[4 * 2**bits : end], np.uint8), count=n).astype(bool)
    w = np.zeros(n, np.float32)
    w[: mask.sum()] = book[unpack(np.frombuffer(data[end:], np.uint8), bits, int(mask.sum()))]
    return w.reshape(shape)


@wrong("6.5-file", "takes bits for bytes: one entry of the code book has four bytes")
def layer_from_bytes(data, shape, bits):
    n = shape[0] * shape[1]
    start, end = 2**bits, 2**bits + -(-n // 8)
    book = np.resize(np.frombuffer(data[: start // 4 * 4], "<f4"), 2**bits)
    mask = np.unpackbits(np.frombuffer(data[start:end], np.uint8), count=n).astype(bool).reshape(shape)
    stream = np.resize(np.unpackbits(np.frombuffer(data[end:], np.uint8)), mask.sum() * bits).reshape(-1, bits)
    w = np.zeros(shape, np.float32)
    w[mask] = book[stream @ (1 << np.arange(bits))]
    return w


@wrong("6.5-file", "reads as many codes as there are places; there are only as many as survivors")
def layer_from_bytes(data, shape, bits):
    n = shape[0] * shape[1]
    end = 4 * 2**bits + -(-n // 8)
    book = np.frombuffer(data[: 4 * 2**bits], "<f4")
    mask = np.unpackbits(np.frombuffer(data[4 * 2**bits : end], np.uint8), count=n).astype(bool).reshape(shape)
    stream = np.unpackbits(np.frombuffer(data[end:], np.uint8))
    codes = np.resize(stream, n * bits).reshape(n, bits) @ (1 << np.arange(bits))
    return np.where(mask, book[codes].reshape(shape), np.float32(0))


@wrong("6.5-file", "writes the positions first: the code book comes before them")
def layer_to_bytes(codes, codebook, mask, bits):
    return np.packbits(mask).tobytes() + codebook.astype("<f4").tobytes() + pack(codes, bits).tobytes()


@wrong("6.5-file", "writes the positions before the code book and the codes between them: the order is code book, positions, codes")
def layer_to_bytes(codes, codebook, mask, bits):
    return np.packbits(mask).tobytes() + pack(codes, bits).tobytes() + codebook.astype("<f4").tobytes()


@wrong("6.5-file", "writes the codes first and the code book last: the order is code book, positions, codes")
def layer_to_bytes(codes, codebook, mask, bits):
    return pack(codes, bits).tobytes() + np.packbits(mask).tobytes() + codebook.astype("<f4").tobytes()


@wrong("6.5-file", "writes the codes first: a reader who does not know yet how many there are cannot find their end")
def layer_to_bytes(codes, codebook, mask, bits):
    return pack(codes, bits).tobytes() + codebook.astype("<f4").tobytes() + np.packbits(mask).tobytes()


@wrong("6.5-file", "packs the codes with one bit too few for each: the large ones lose their top bit")
def layer_to_bytes(codes, codebook, mask, bits):
    return codebook.astype("<f4").tobytes() + np.packbits(mask).tobytes() + pack(codes, bits - 1).tobytes()


@wrong("6.5-file", "rounds the bytes of the positions down: the last places have none, and what belongs to them is read as codes")
def layer_from_bytes(data, shape, bits):
    n = shape[0] * shape[1]
    start = 4 * 2**bits
    end = start + n // 8
    mask = np.unpackbits(np.frombuffer(data[start:end], np.uint8), count=n).astype(bool).reshape(shape)
    w = np.zeros(shape, np.float32)
    w[mask] = np.frombuffer(data[:start], "<f4")[unpack(np.frombuffer(data[end:], np.uint8), bits, int(mask.sum()))]
    return w


@wrong("6.5-file", "counts the code book in numbers; its end in the file is counted in bytes, and a float32 number has four")
def layer_from_bytes(data, shape, bits):
    n = shape[0] * shape[1]
    start = 2**bits
    end = start + -(-n // 8)
    book = np.frombuffer(data[:start], "<f4")
    mask = np.unpackbits(np.frombuffer(data[start:end], np.uint8), count=n).astype(bool).reshape(shape)
    w = np.zeros(shape, np.float32)
    w[mask] = book[unpack(np.frombuffer(data[end:], np.uint8), bits, int(mask.sum()))]
    return w


@wrong("6.5-file", "takes four bytes for each bit of a code; the code book has 2^b entries of four bytes")
def layer_from_bytes(data, shape, bits):
    n = shape[0] * shape[1]
    start = 4 * bits
    end = start + -(-n // 8)
    book = np.frombuffer(data[:start], "<f4")
    mask = np.unpackbits(np.frombuffer(data[start:end], np.uint8), count=n).astype(bool).reshape(shape)
    w = np.zeros(shape, np.float32)
    w[mask] = book[unpack(np.frombuffer(data[end:], np.uint8), bits, int(mask.sum()))]
    return w


@wrong("6.5-file", "counts a byte for each place; the mask has eight places in a byte")
def layer_from_bytes(data, shape, bits):
    n = shape[0] * shape[1]
    start = 4 * 2**bits
    end = start + n
    mask = np.unpackbits(np.frombuffer(data[start:end], np.uint8), count=n).astype(bool).reshape(shape)
    w = np.zeros(shape, np.float32)
    w[mask] = np.frombuffer(data[:start], "<f4")[unpack(np.frombuffer(data[end:], np.uint8), bits, int(mask.sum()))]
    return w


@wrong("6.5-file", "asks for a code for every place, while only the survivors have one")
def layer_from_bytes(data, shape, bits):
    n = shape[0] * shape[1]
    start = 4 * 2**bits
    end = start + -(-n // 8)
    mask = np.unpackbits(np.frombuffer(data[start:end], np.uint8), count=n).astype(bool).reshape(shape)
    w = np.zeros(shape, np.float32)
    w[mask] = np.frombuffer(data[:start], "<f4")[unpack(np.frombuffer(data[end:], np.uint8), bits, n)]
    return w


@wrong("6.5-file", "writes no code book where nothing survives; the format has one in every layer")
def layer_to_bytes(codes, codebook, mask, bits):
    packed = np.packbits((codes[:, None] >> np.arange(bits)) & 1).tobytes()
    return (codebook.astype("<f4").tobytes() if len(codes) else b"") + np.packbits(mask).tobytes() + packed


@right("6.5-file", "joins a list; bits without the helper")
def layer_to_bytes(codes, codebook, mask, bits):
    stream = [(int(code) >> i) & 1 for code in codes for i in range(bits)]
    return b"".join(
        [np.asarray(codebook, "<f4").tobytes(), bytes(np.packbits(mask.ravel())), np.packbits(np.array(stream, np.uint8)).tobytes()]
    )


@right("6.5-file", "one buffer of uint8 for everything")
def layer_to_bytes(codes, codebook, mask, bits):
    book = np.frombuffer(codebook.astype(np.float32).tobytes(), np.uint8)
    return bytes(np.concatenate([book, np.packbits(mask), pack(codes, bits)]))


@right("6.5-file", "reads with an offset and fills a flat array, one survivor at a time")
def layer_from_bytes(data, shape, bits):
    n = int(np.prod(shape))
    book = np.frombuffer(data, "<f4", count=2**bits)
    places = np.unpackbits(np.frombuffer(data, np.uint8, count=(n + 7) // 8, offset=4 * 2**bits))[:n]
    rest = np.unpackbits(np.frombuffer(data[4 * 2**bits + (n + 7) // 8 :], np.uint8))
    w = np.zeros(n)
    for number, place in enumerate(np.flatnonzero(places)):
        piece = rest[number * bits : (number + 1) * bits]
        w[place] = book[sum(int(bit) << i for i, bit in enumerate(piece))]
    return w.reshape(shape).astype("f4")


@wrong("6.5-file", "returns float64; the weights were stored in float32 and come back as such")
def layer_from_bytes(data, shape, bits):
    n = shape[0] * shape[1]
    end = 4 * 2**bits + -(-n // 8)
    mask = np.unpackbits(np.frombuffer(data[4 * 2**bits : end], np.uint8), count=n).astype(bool).reshape(shape)
    w = np.zeros(shape)
    w[mask] = np.frombuffer(data[: 4 * 2**bits], "<f4")[unpack(np.frombuffer(data[end:], np.uint8), bits, int(mask.sum()))]
    return w


@wrong("6.5-file", "writes the code book as it is: in float64 its numbers take eight bytes each, and the format has float32")
def layer_to_bytes(codes, codebook, mask, bits):
    return codebook.tobytes() + np.packbits(mask).tobytes() + pack(codes, bits).tobytes()


@wrong("6.5-file", "returns a bytearray; `bytes` are asked for")
def layer_to_bytes(codes, codebook, mask, bits):
    return bytearray(codebook.astype("<f4").tobytes() + np.packbits(mask).tobytes() + pack(codes, bits).tobytes())


@right("6.5-file", "a tensor inside")
def layer_from_bytes(data, shape, bits):
    n = shape[0] * shape[1]
    end = 4 * 2**bits + (n + 7) // 8
    mask = torch.from_numpy(np.unpackbits(np.frombuffer(data[4 * 2**bits : end], np.uint8))[:n].astype(bool)).reshape(shape)
    w = torch.zeros(shape)
    codes = unpack(np.frombuffer(data[end:], np.uint8), bits, int(mask.sum()))
    w[mask] = torch.from_numpy(np.frombuffer(data[: 4 * 2**bits], "<f4").copy())[codes]
    return w.numpy()


# 6.6-bug


@wrong("6.6-bug", "adds the positions and still leaves out the code books")
def compression_ratio(layers, bits):
    before = after = 0
    for rows, columns, kept in layers:
        before += 4 * (rows * columns + rows)
        after += -(-rows * columns // 8) + -(-kept * bits // 8) + 4 * rows
    return before / after


@wrong("6.6-bug", "adds the code books and still leaves out the positions")
def compression_ratio(layers, bits):
    before = after = 0
    for rows, columns, kept in layers:
        before += 4 * (rows * columns + rows)
        after += 4 * 2**bits + -(-kept * bits // 8) + 4 * rows
    return before / after


@wrong("6.6-bug", "counts one byte for each entry of the code books; an entry is a number in float32")
def compression_ratio(layers, bits):
    before = sum(4 * (rows * columns + rows) for rows, columns, _ in layers)
    return before / sum(2**bits + -(-rows * columns // 8) + -(-kept * bits // 8) + 4 * rows for rows, columns, kept in layers)


@wrong("6.6-bug", "counts a single code book; each layer has its own")
def compression_ratio(layers, bits):
    before, after = 0, 4 * 2**bits
    for rows, columns, kept in layers:
        before += 4 * (rows * columns + rows)
        after += -(-rows * columns // 8) + -(-kept * bits // 8) + 4 * rows
    return before / after


@wrong("6.6-bug", "counts a bit of position for each survivor; every place needs one, pruned or not")
def compression_ratio(layers, bits):
    before = after = 0
    for rows, columns, kept in layers:
        before += 4 * (rows * columns + rows)
        after += 4 * 2**bits + -(-kept // 8) + -(-kept * bits // 8) + 4 * rows
    return before / after


@wrong("6.6-bug", "loses the biases on the way: they are stored, too")
def compression_ratio(layers, bits):
    before = after = 0
    for rows, columns, kept in layers:
        before += 4 * (rows * columns + rows)
        after += 4 * 2**bits + -(-rows * columns // 8) + -(-kept * bits // 8)
    return before / after


@wrong("6.6-bug", "takes the mean of the layers' ratios; a small layer then counts as much as a large one")
def compression_ratio(layers, bits):
    ratios = []
    for rows, columns, kept in layers:
        after = 4 * 2**bits + -(-rows * columns // 8) + -(-kept * bits // 8) + 4 * rows
        ratios.append(4 * (rows * columns + rows) / after)
    return sum(ratios) / len(ratios)


@wrong("6.6-bug", "does not round up to whole bytes in each layer")
def compression_ratio(layers, bits):
    before = after = 0
    for rows, columns, kept in layers:
        before += 4 * (rows * columns + rows)
        after += 4 * 2**bits + rows * columns / 8 + kept * bits / 8 + 4 * rows
    return before / after


@wrong("6.6-bug", "rounds up to whole bytes once for all layers; each part of each layer is filled up to whole bytes")
def compression_ratio(layers, bits):
    before = sum(4 * (rows * columns + rows) for rows, columns, _ in layers)
    places, codes = sum(rows * columns for rows, columns, _ in layers), sum(kept * bits for _, _, kept in layers)
    return before / (len(layers) * 4 * 2**bits + -(-places // 8) + -(-codes // 8) + sum(4 * rows for rows, _, _ in layers))


@wrong("6.6-bug", "gives stored over float32; a ratio of compression is the other way round")
def compression_ratio(layers, bits):
    before = after = 0
    for rows, columns, kept in layers:
        before += 4 * (rows * columns + rows)
        after += 4 * 2**bits + -(-rows * columns // 8) + -(-kept * bits // 8) + 4 * rows
    return after / before


@wrong("6.6-bug", "leaves out layers without survivors; their code book, positions and biases are stored all the same")
def compression_ratio(layers, bits):
    before = after = 0
    for rows, columns, kept in layers:
        if kept:
            before += 4 * (rows * columns + rows)
            after += 4 * 2**bits + -(-rows * columns // 8) + -(-kept * bits // 8) + 4 * rows
    return before / after


@right("6.6-bug", "rounds up by adding 7, a sum at the end")
def compression_ratio(layers, bits):
    sizes = [4 * 2**bits + (r * c + 7) // 8 + (k * bits + 7) // 8 + 4 * r for r, c, k in layers]
    return sum(4 * r * (c + 1) for r, c, _ in layers) / sum(sizes)


@right("6.6-bug", "NumPy columns, np.ceil")
def compression_ratio(layers, bits):
    rows, columns, kept = np.array(layers).T
    after = 4 * 2**bits + np.ceil(rows * columns / 8) + np.ceil(kept * bits / 8) + 4 * rows
    return (4 * rows * columns + 4 * rows).sum() / after.sum()


# 6.7-budget


@wrong("6.7-budget", "calls a variant dominated only if another is better in both; equal in one and better in the other is enough")
def on_frontier(sizes, scores):
    return np.array([not np.any((sizes < size) & (scores > score)) for size, score in zip(sizes, scores)])


@wrong("6.7-budget", "lets two equal variants dominate each other, so both disappear")
def on_frontier(sizes, scores):
    keep = []
    for i in range(len(sizes)):
        others = np.arange(len(sizes)) != i
        keep.append(not np.any(others & (sizes <= sizes[i]) & (scores >= scores[i])))
    return np.array(keep)


@wrong("6.7-budget", "keeps one of two equal variants only; neither dominates the other, so both stay")
def on_frontier(sizes, scores):
    pairs = list(zip(sizes, scores))
    beaten = [any(s <= size and a >= score and (s, a) != (size, score) for s, a in pairs) for size, score in pairs]
    return np.array([not b and pairs.index(pair) == i for i, (pair, b) in enumerate(zip(pairs, beaten))])


@wrong("6.7-budget", "asks only the variants that stand before it; any other can dominate")
def on_frontier(sizes, scores):
    keep = []
    for i, (size, score) in enumerate(zip(sizes, scores)):
        no_worse = (sizes[:i] <= size) & (scores[:i] >= score)
        keep.append(not np.any(no_worse & ((sizes[:i] < size) | (scores[:i] > score))))
    return np.array(keep)


@wrong("6.7-budget", "prefers the larger files: smaller is better for a size")
def on_frontier(sizes, scores):
    return np.array(
        [not np.any((sizes >= size) & (scores >= score) & ((sizes > size) | (scores > score))) for size, score in zip(sizes, scores)]
    )


@wrong("6.7-budget", "marks the dominated variants with True; those on the frontier should be True")
def on_frontier(sizes, scores):
    return np.array(
        [bool(np.any((sizes <= size) & (scores >= score) & ((sizes < size) | (scores > score)))) for size, score in zip(sizes, scores)]
    )


@wrong("6.7-budget", "joins the two conditions with or: a variant is then dominated by any that is smaller, however bad")
def on_frontier(sizes, scores):
    return np.array([not np.any((sizes < size) | (scores > score)) for size, score in zip(sizes, scores)])


@wrong("6.7-budget", "finds every variant dominated: compared with itself each is no worse, so it must also be asked who is better in one")
def on_frontier(sizes, scores):
    return np.array([not np.any((sizes <= size) & (scores >= score)) for size, score in zip(sizes, scores)])


@wrong("6.7-budget", "divides by all images, not by those of the class")
def class_accuracy(predicted, labels, classes):
    return np.array([100 * np.mean((predicted == c) & (labels == c)) for c in range(classes)])


@wrong("6.7-budget", "picks the images that were predicted as the class, not those that belong to it")
def class_accuracy(predicted, labels, classes):
    with np.errstate(all="ignore"):
        return np.array([100 * np.mean(labels[predicted == c] == c) for c in range(classes)])


@wrong("6.7-budget", "picks the images that were predicted as the class, not those that belong to it")
def class_accuracy(predicted, labels, classes):
    return np.array([100 * np.mean(labels[predicted == c] == c) if (predicted == c).any() else 0.0 for c in range(classes)])


@wrong("6.7-budget", "gives shares from 0 to 1 where per cent are asked for")
def class_accuracy(predicted, labels, classes):
    return np.array([np.mean(predicted[labels == c] == c) for c in range(classes)])


@wrong("6.7-budget", "returns the loss of the worst class; the loss of the mean is asked for")
def gate(before, after, labels, classes, budget, class_budget):
    loss = 100 * (np.sum(before == labels) - np.sum(after == labels)) / len(labels)
    was, now = (np.bincount(labels[given == labels], minlength=classes) for given in (before, after))
    losses = 100 * (was - now) / np.bincount(labels, minlength=classes)
    if loss > budget or losses.max() > class_budget:
        raise ValueError("over the budget")
    return float(losses.max())


@wrong("6.7-budget", "looks at the mean alone: one class may fall without limit")
def gate(before, after, labels, classes, budget, class_budget):
    def lost(mine):
        return 100 * (np.sum((before == labels) & mine) - np.sum((after == labels) & mine)) / np.sum(mine)

    loss, losses = lost(labels >= 0), [lost(labels == c) for c in range(classes)]
    if loss > budget:
        raise ValueError("over the budget")
    return float(loss)


@wrong("6.7-budget", "looks at the classes alone and forgets the mean")
def gate(before, after, labels, classes, budget, class_budget):
    def lost(mine):
        return 100 * (np.sum((before == labels) & mine) - np.sum((after == labels) & mine)) / np.sum(mine)

    loss, losses = lost(labels >= 0), [lost(labels == c) for c in range(classes)]
    if max(losses) > class_budget:
        raise ValueError("over the budget")
    return float(loss)


@wrong("6.7-budget", "stops only if both budgets are broken; either of them is enough")
def gate(before, after, labels, classes, budget, class_budget):
    def lost(mine):
        return 100 * (np.sum((before == labels) & mine) - np.sum((after == labels) & mine)) / np.sum(mine)

    loss, losses = lost(labels >= 0), [lost(labels == c) for c in range(classes)]
    if loss > budget and max(losses) > class_budget:
        raise ValueError("over the budget")
    return float(loss)


@wrong("6.7-budget", "returns False in place of raising an error: a build goes on as if nothing had happened")
def gate(before, after, labels, classes, budget, class_budget):
    def lost(mine):
        return 100 * (np.sum((before == labels) & mine) - np.sum((after == labels) & mine)) / np.sum(mine)

    loss, losses = lost(labels >= 0), [lost(labels == c) for c in range(classes)]
    if loss > budget or max(losses) > class_budget:
        return False
    return float(loss)


@wrong("6.7-budget", "refuses a loss that is exactly the budget; it should pass")
def gate(before, after, labels, classes, budget, class_budget):
    def lost(mine):
        return 100 * (np.sum((before == labels) & mine) - np.sum((after == labels) & mine)) / np.sum(mine)

    loss, losses = lost(labels >= 0), [lost(labels == c) for c in range(classes)]
    if loss >= budget or max(losses) >= class_budget:
        raise ValueError("over the budget")
    return float(loss)


@wrong("6.7-budget", "counts a gain as a loss: only what got worse may break the budget")
def gate(before, after, labels, classes, budget, class_budget):
    def lost(mine):
        return 100 * (np.sum((before == labels) & mine) - np.sum((after == labels) & mine)) / np.sum(mine)

    loss, losses = lost(labels >= 0), [lost(labels == c) for c in range(classes)]
    if abs(loss) > budget or max(map(abs, losses)) > class_budget:
        raise ValueError("over the budget")
    return float(loss)


@wrong("6.7-budget", "adds the classes' losses up; the budget of a class is for each of them alone")
def gate(before, after, labels, classes, budget, class_budget):
    def lost(mine):
        return 100 * (np.sum((before == labels) & mine) - np.sum((after == labels) & mine)) / np.sum(mine)

    loss, losses = lost(labels >= 0), [lost(labels == c) for c in range(classes)]
    if loss > budget or sum(losses) > class_budget:
        raise ValueError("over the budget")
    return float(loss)


@wrong("6.7-budget", "takes the mean of the classes' losses, in which a rare class weighs as much as a common one")
def gate(before, after, labels, classes, budget, class_budget):
    def lost(mine):
        return 100 * (np.sum((before == labels) & mine) - np.sum((after == labels) & mine)) / np.sum(mine)

    loss, losses = lost(labels >= 0), [lost(labels == c) for c in range(classes)]
    loss = np.mean(losses)
    if loss > budget or max(losses) > class_budget:
        raise ValueError("over the budget")
    return float(loss)


@wrong("6.7-budget", "looks at the first two classes only; any class can be the one that pays")
def gate(before, after, labels, classes, budget, class_budget):
    def lost(mine):
        return 100 * (np.sum((before == labels) & mine) - np.sum((after == labels) & mine)) / np.sum(mine)

    loss, losses = lost(labels >= 0), [lost(labels == c) for c in range(classes)]
    if loss > budget or max(losses[:2]) > class_budget:
        raise ValueError("over the budget")
    return float(loss)


@wrong("6.7-budget", "stops with another error than ValueError: whoever waits for that one does not catch it")
def gate(before, after, labels, classes, budget, class_budget):
    def lost(mine):
        return 100 * (np.sum((before == labels) & mine) - np.sum((after == labels) & mine)) / np.sum(mine)

    loss, losses = lost(labels >= 0), [lost(labels == c) for c in range(classes)]
    assert loss <= budget and max(losses) <= class_budget
    return float(loss)


@wrong("6.7-budget", "subtracts shares in floats: a loss of exactly the budget can come out a hair above it, and is refused")
def gate(before, after, labels, classes, budget, class_budget):
    loss = 100 * (np.mean(before == labels) - np.mean(after == labels))
    losses = [100 * (np.mean(before[labels == c] == c) - np.mean(after[labels == c] == c)) for c in range(classes)]
    if loss > budget or max(losses) > class_budget:
        raise ValueError("over the budget")
    return float(loss)


@wrong("6.7-budget", "multiplies by 100 after the division: 7 / 25 * 100 is a hair above 28, and a loss of exactly the budget is refused")
def gate(before, after, labels, classes, budget, class_budget):
    def lost(mine):
        return (np.sum((before == labels) & mine) - np.sum((after == labels) & mine)) / np.sum(mine) * 100

    loss, losses = lost(labels >= 0), [lost(labels == c) for c in range(classes)]
    if loss > budget or max(losses) > class_budget:
        raise ValueError("over the budget")
    return float(loss)


@wrong("6.7-budget", "takes a budget of 0 for none at all: 0 points say that nothing may be lost")
def gate(before, after, labels, classes, budget, class_budget):
    def lost(mine):
        return 100 * (np.sum((before == labels) & mine) - np.sum((after == labels) & mine)) / np.sum(mine)

    loss, losses = lost(labels >= 0), [lost(labels == c) for c in range(classes)]
    if loss > budget or (class_budget and max(losses) > class_budget):
        raise ValueError("over the budget")
    return float(loss)


@wrong("6.7-budget", "takes a budget of 0 for none at all: 0 points say that nothing may be lost")
def gate(before, after, labels, classes, budget, class_budget):
    def lost(mine):
        return 100 * (np.sum((before == labels) & mine) - np.sum((after == labels) & mine)) / np.sum(mine)

    loss, losses = lost(labels >= 0), [lost(labels == c) for c in range(classes)]
    if (budget and loss > budget) or max(losses) > class_budget:
        raise ValueError("over the budget")
    return float(loss)


@wrong("6.7-budget", "returns integers 0 and 1; True and False are asked for, which pick from an array")
def on_frontier(sizes, scores):
    a, b = sizes[:, None], scores[:, None]
    return 1 - (((sizes <= a) & (scores >= b)) & ((sizes != a) | (scores != b))).any(axis=1).astype(int)


@wrong("6.7-budget", "takes accuracies that are nearly alike for alike; a little better is better")
def on_frontier(sizes, scores):
    keep = []
    for size, score in zip(sizes, scores):
        no_worse = (sizes <= size) & (scores >= score)
        better = (sizes < size) | (scores > score + 0.05)
        keep.append(not np.any(no_worse & better))
    return np.array(keep)


@wrong("6.7-budget", "takes accuracies that are nearly alike for alike; a little better is better")
def on_frontier(sizes, scores):
    scores, keep = np.round(scores, 1), []
    for size, score in zip(sizes, scores):
        no_worse = (sizes <= size) & (scores >= score)
        better = (sizes < size) | (scores > score)
        keep.append(not np.any(no_worse & better))
    return np.array(keep)


@right("6.7-budget", "sorts by size and walks along")
def on_frontier(sizes, scores):
    keep, best = [False] * len(sizes), -np.inf
    for size in np.unique(sizes):
        here = [i for i in range(len(sizes)) if sizes[i] == size]
        top = max(scores[i] for i in here)
        if top > best:
            for i in here:
                keep[i] = bool(scores[i] == top)
            best = top
    return np.array(keep)


@right("6.7-budget", "one table of all pairs")
def on_frontier(sizes, scores):
    a, b = sizes[:, None], scores[:, None]
    return ~(((sizes <= a) & (scores >= b)) & ((sizes != a) | (scores != b))).any(axis=1)


@right("6.7-budget", "counts with bincount")
def class_accuracy(predicted, labels, classes):
    hits = np.bincount(labels[predicted == labels], minlength=classes)
    return 100 * hits / np.bincount(labels, minlength=classes)


@right("6.7-budget", "counts what went wrong, a tenth of a millionth of a point to spare")
def gate(before, after, labels, classes, budget, class_budget):
    def points(mine):
        return (np.count_nonzero(after[mine] != labels[mine]) - np.count_nonzero(before[mine] != labels[mine])) / np.sum(mine) * 100

    loss = points(labels >= 0)
    if loss - budget > 1e-7 or any(points(labels == c) - class_budget > 1e-7 for c in range(classes)):
        raise ValueError
    return loss


@right("6.7-budget", "a loop over the classes, an error of its own kind")
def gate(before, after, labels, classes, budget, class_budget):
    class OverBudget(ValueError):
        pass

    for c in range(classes):
        mine = labels == c
        if 100 * int(np.sum(before[mine] == c) - np.sum(after[mine] == c)) > class_budget * mine.sum():
            raise OverBudget(f"class {c}")
    loss = 100 * np.mean(before == labels) - 100 * np.mean(after == labels)
    if round(loss, 9) > budget:
        raise OverBudget("the mean")
    return loss


# 6.8-guide


@wrong("6.8-guide", "takes dynamic int8 for a CNN: only linear layers become int8, the convolutions stay in float")
def first_tool(case):
    return {1: "f", 2: "b", 3: "g", 4: "h", 5: "d", 6: "e", 7: "a", 8: "b"}[case]


@wrong("6.8-guide", "expects more zeros to make the server faster: masks change no shape, so the time stays")
def first_tool(case):
    return {1: "f", 2: "f", 3: "g", 4: "c", 5: "d", 6: "e", 7: "a", 8: "b"}[case]


@wrong("6.8-guide", "does as told before anybody has measured")
def first_tool(case):
    return {1: "f", 2: "b", 3: "g", 4: "c", 5: "d", 6: "e", 7: "c", 8: "b"}[case]


@wrong("6.8-guide", "retrains a language model that may not be retrained")
def first_tool(case):
    return {1: "f", 2: "b", 3: "g", 4: "c", 5: "e", 6: "e", 7: "a", 8: "b"}[case]


@wrong("6.8-guide", "relies on the mean: a class that fell has to be mended before anything else")
def first_tool(case):
    return {1: "f", 2: "b", 3: "f", 4: "c", 5: "d", 6: "e", 7: "a", 8: "b"}[case]


@wrong("6.8-guide", "hopes to prune a network to a fortieth; a new architecture has to be chosen")
def first_tool(case):
    return {1: "f", 2: "b", 3: "g", 4: "c", 5: "d", 6: "f", 7: "a", 8: "b"}[case]


@wrong("6.8-guide", "asks for int8 where the processor has float arithmetic only")
def first_tool(case):
    return {1: "f", 2: "b", 3: "g", 4: "c", 5: "d", 6: "e", 7: "a", 8: "c"}[case]


@right("6.8-guide", "a text with a letter for each case, capitals")
def first_tool(case):
    return "FBGCDEAB"[case - 1]


@right("6.8-guide", "conditions, letters in brackets")
def first_tool(case):
    if case in (2, 8):
        return "(b)"
    return {1: "(f)", 3: "(g)", 4: "(c)", 5: "(d)", 6: "(e)", 7: "(a)"}[case]
