"""The bank of lesson 05: answers that students really give, and right answers written differently.

Each function stands by itself: it uses `np`, `torch` and its own body. A wrong answer's sentence is what a
student reads when theirs behaves the same, so it says what goes wrong and why, not what to type.
"""

import numpy as np
import torch

from autograder.checks import right, right_value, wrong, wrong_value

# 5.1-predict

wrong_value("5.1-predict", "counts one of the two tables", predict_5_1="a")
wrong_value("5.1-predict", "shrinks both sides of one table", predict_5_1="c")
wrong_value("5.1-predict", "takes the break-even rank for 600", predict_5_1="d")
wrong_value("5.1-predict", "gives the number instead of the letter of the choice", predict_5_1="120 %")
right_value("5.1-predict", "a capital letter", predict_5_1="B")
right_value("5.1-predict", "with brackets and a space", predict_5_1="(b) ")

# 5.2-factors


@wrong(
    "5.2-factors", "puts the singular values into both tables, so each part weighs its singular value squared; they belong in exactly once"
)
def low_rank_factors(w, rank):
    u, s, vt = np.linalg.svd(w, full_matrices=False)
    return u[:, :rank] * s[:rank], s[:rank, None] * vt[:rank]


@wrong("5.2-factors", "leaves the singular values out, so all parts weigh the same")
def low_rank_factors(w, rank):
    u, s, vt = np.linalg.svd(w, full_matrices=False)
    return u[:, :rank], vt[:rank]


@wrong("5.2-factors", "gives the root to one table only, so each part weighs the root of its singular value")
def low_rank_factors(w, rank):
    u, s, vt = np.linalg.svd(w, full_matrices=False)
    return u[:, :rank] * np.sqrt(s[:rank]), vt[:rank]


@wrong(
    "5.2-factors",
    "puts all of the singular values into left; the product is right, but the tables are not balanced: each should get the root",
)
def low_rank_factors(w, rank):
    u, s, vt = np.linalg.svd(w, full_matrices=False)
    return u[:, :rank] * s[:rank], vt[:rank]


@wrong(
    "5.2-factors",
    "puts all of the singular values into right; the product is right, but the tables are not balanced: each should get the root",
)
def low_rank_factors(w, rank):
    u, s, vt = np.linalg.svd(w, full_matrices=False)
    return u[:, :rank], s[:rank, None] * vt[:rank]


@wrong("5.2-factors", "keeps the weakest parts; the singular values come largest first, and the first ones are to be kept")
def low_rank_factors(w, rank):
    u, s, vt = np.linalg.svd(w, full_matrices=False)
    root = np.sqrt(s[-rank:])
    return u[:, -rank:] * root, root[:, None] * vt[-rank:]


@wrong("5.2-factors", "scales the columns of right instead of its rows: the roots need a second axis of length 1 there")
def low_rank_factors(w, rank):
    u, s, vt = np.linalg.svd(w, full_matrices=False)
    root = np.sqrt(s[:rank])
    return u[:, :rank] * root, root * vt[:rank]


@wrong("5.2-factors", "takes the columns of vt: np.linalg.svd returns V transposed already, its rows are the parts")
def low_rank_factors(w, rank):
    u, s, vt = np.linalg.svd(w)
    root = np.sqrt(s[:rank])
    return u[:, :rank] * root, root[:, None] * vt.T[:rank]


@wrong("5.2-factors", "subtracts the mean of each column first, as for principal components; the product must be near w itself")
def low_rank_factors(w, rank):
    u, s, vt = np.linalg.svd(w - w.mean(axis=0), full_matrices=False)
    root = np.sqrt(s[:rank])
    return u[:, :rank] * root, root[:, None] * vt[:rank]


@wrong("5.2-factors", "returns all parts, so the tables do not have the rank that was asked for")
def low_rank_factors(w, rank):
    u, s, vt = np.linalg.svd(w, full_matrices=False)
    return u * np.sqrt(s), np.sqrt(s)[:, None] * vt


@wrong("5.2-factors", "divides by the root of a singular value: one of them can be 0, and 0 by 0 is NaN")
def low_rank_factors(w, rank):
    u, s, vt = np.linalg.svd(w, full_matrices=False)
    root = np.sqrt(s[:rank])
    return u[:, :rank] * root, u[:, :rank].T @ w / root[:, None]


@wrong("5.2-factors", "takes parts below a fixed size for nothing; in a table of small numbers those are the parts")
def low_rank_factors(w, rank):
    u, s, vt = np.linalg.svd(w, full_matrices=False)
    root = np.sqrt(np.where(s[:rank] > 1e-6, s[:rank], 0))
    return u[:, :rank] * root, root[:, None] * vt[:rank]


@wrong("5.2-factors", "adds a small number to the singular values, which shows where they are small themselves")
def low_rank_factors(w, rank):
    u, s, vt = np.linalg.svd(w, full_matrices=False)
    root = np.sqrt(s[:rank] + 1e-8)
    return u[:, :rank] * root, root[:, None] * vt[:rank]


@right("5.2-factors", "diagonal tables of roots, opposite signs")
def low_rank_factors(w, rank):
    u, s, vt = np.linalg.svd(w)
    d = np.diag(s[:rank] ** 0.5)
    return -u[:, :rank] @ d, -d @ vt[:rank, :]


@wrong("5.2-factors", "returns torch tensors; this exercise works on NumPy arrays")
def low_rank_factors(w, rank):
    u, s, vt = torch.linalg.svd(torch.tensor(w), full_matrices=False)
    return u[:, :rank] * s[:rank].sqrt(), (vt[:rank].T * s[:rank].sqrt()).T


@wrong("5.2-factors", "returns the weakest of the kept parts first: the strongest comes first")
def low_rank_factors(w, rank):
    u, s, vt = np.linalg.svd(w, full_matrices=False)
    root = np.sqrt(s[:rank])[::-1]
    return u[:, :rank][:, ::-1] * root, root[:, None] * vt[:rank][::-1]


@right("5.2-factors", "PyTorch in float32, as arrays in a list")
def low_rank_factors(w, rank):
    u, s, vt = torch.linalg.svd(torch.tensor(w, dtype=torch.float32), full_matrices=False)
    return [(u[:, :rank] * s[:rank].sqrt()).numpy(), (vt[:rank].T * s[:rank].sqrt()).T.numpy()]


@right("5.2-factors", "a loop over the parts")
def low_rank_factors(w, rank):
    u, s, vt = np.linalg.svd(w, full_matrices=False)
    left, right = np.zeros((w.shape[0], rank)), np.zeros((rank, w.shape[1]))
    for i in range(rank):
        left[:, i], right[i] = np.sqrt(s[i]) * u[:, i], np.sqrt(s[i]) * vt[i]
    return left, right


# 5.3-error


@wrong("5.3-error", "measures what is kept; the error is what is dropped")
def truncation_errors(singular_values, rank):
    kept = singular_values[:rank]
    return float(np.sqrt(np.sum(kept**2))), float(kept[0]) if len(kept) else 0.0


@wrong("5.3-error", "takes the last `rank` values; what is dropped is everything after the first `rank`")
def truncation_errors(singular_values, rank):
    rest = singular_values[-rank:]
    return float(np.sqrt(np.sum(rest**2))), float(rest[0]) if len(rest) else 0.0


@wrong("5.3-error", "starts one too late: after keeping `rank` values, the first dropped one stands at position `rank`")
def truncation_errors(singular_values, rank):
    rest = singular_values[rank + 1 :]
    return float(np.sqrt(np.sum(rest**2))), float(rest[0]) if len(rest) else 0.0


@wrong("5.3-error", "counts the last value that is kept among the dropped ones")
def truncation_errors(singular_values, rank):
    rest = singular_values[max(rank - 1, 0) :]
    return float(np.sqrt(np.sum(rest**2))), float(rest[0]) if len(rest) else 0.0


@wrong("5.3-error", "adds the dropped values without squaring them; that is another norm (the nuclear norm)")
def truncation_errors(singular_values, rank):
    rest = singular_values[rank:]
    return float(np.sum(rest)), float(rest[0]) if len(rest) else 0.0


@wrong("5.3-error", "forgets the root: it returns the squared Frobenius error")
def truncation_errors(singular_values, rank):
    rest = singular_values[rank:]
    return float(np.sum(rest**2)), float(rest[0]) if len(rest) else 0.0


@wrong("5.3-error", "takes the mean of the squares; the Frobenius norm is the root of their sum")
def truncation_errors(singular_values, rank):
    rest = singular_values[rank:]
    return (float(np.sqrt(np.mean(rest**2))), float(rest[0])) if len(rest) else (0.0, 0.0)


@wrong("5.3-error", "takes the smallest dropped value for the spectral error; the worst case is the largest of them")
def truncation_errors(singular_values, rank):
    rest = singular_values[rank:]
    return float(np.sqrt(np.sum(rest**2))), float(rest[-1]) if len(rest) else 0.0


@wrong("5.3-error", "takes the largest of all values for the spectral error; it is the largest of the dropped ones")
def truncation_errors(singular_values, rank):
    rest = singular_values[rank:]
    return float(np.sqrt(np.sum(rest**2))), float(singular_values[0]) if len(rest) else 0.0


@wrong("5.3-error", "divides by the size of the whole table; the errors asked for are not relative")
def truncation_errors(singular_values, rank):
    rest = singular_values[rank:]
    whole = max(float(np.sqrt(np.sum(singular_values**2))), 1e-300)
    return float(np.sqrt(np.sum(rest**2))) / whole, float(rest[0]) / max(float(singular_values[0]), 1e-300) if len(rest) else 0.0


@wrong("5.3-error", "has no answer when nothing is dropped: an empty array has no first value")
def truncation_errors(singular_values, rank):
    rest = singular_values[rank:]
    return float(np.sqrt(np.sum(rest**2))), float(rest[0])


@wrong(
    "5.3-error",
    "subtracts one sum of squares from another that was added up in another order: where nothing is dropped, roundings are left over, and the root makes them large",
)
def truncation_errors(singular_values, rank):
    squares = singular_values.astype(float) ** 2
    so_far = np.append(0.0, np.cumsum(squares))
    missing = np.sum(squares) - so_far[rank]
    return float(np.sqrt(max(missing, 0.0))), float(singular_values[rank]) if rank < len(squares) else 0.0


@wrong("5.3-error", "takes singular values below a fixed size for nothing; where all are small, those are the errors")
def truncation_errors(singular_values, rank):
    rest = singular_values[rank:]
    rest = rest[rest > 1e-6]
    return float(np.sqrt(np.sum(rest**2))), float(rest[0]) if len(rest) else 0.0


@right("5.3-error", "norms of NumPy; a list of NumPy floats")
def truncation_errors(singular_values, rank):
    rest = np.append(singular_values[rank:], 0.0)
    return [np.linalg.norm(rest), rest.max()]


@right("5.3-error", "a loop from the end, in float32")
def truncation_errors(singular_values, rank):
    squares, top = np.float32(0), np.float32(0)
    for i in range(len(singular_values) - 1, rank - 1, -1):
        top = np.float32(singular_values[i])
        squares += top * top
    return np.sqrt(squares), top


# 5.4-rank


@wrong("5.4-rank", "lets break-even count as saving: at that rank the two tables can be exactly as large as the one")
def break_even_rank(m, n):
    return m * n // (m + n)


@wrong("5.4-rank", "takes half of the shorter side; that is break-even for square tables only")
def break_even_rank(m, n):
    return max((min(m, n) - 1) // 2, 0)


@wrong("5.4-rank", "takes any rank below the full one for a saving")
def break_even_rank(m, n):
    return min(m, n) - 1


@wrong("5.4-rank", "returns the fraction mn/(m+n); a rank is a whole number")
def break_even_rank(m, n):
    return m * n / (m + n)


@wrong("5.4-rank", "subtracts one from the rank in every case; that is too much where m + n does not divide mn")
def break_even_rank(m, n):
    return max(m * n // (m + n) - 1, 0)


@wrong("5.4-rank", "adds up the singular values themselves; energy is the sum of their squares")
def rank_for_energy(singular_values, share):
    energy = np.cumsum(singular_values)
    return int(np.argmax(energy >= share * energy[-1])) + 1


@wrong("5.4-rank", "returns the position of the value instead of the number of values: positions start at 0")
def rank_for_energy(singular_values, share):
    energy = np.cumsum(singular_values**2)
    return int(np.argmax(energy >= share * energy[-1]))


@wrong("5.4-rank", "wants more than the share; a share that is reached exactly is enough")
def rank_for_energy(singular_values, share):
    energy = np.cumsum(singular_values**2)
    above = energy > share * energy[-1]
    return int(np.argmax(above)) + 1 if above.any() else len(energy)


@wrong("5.4-rank", "keeps a share of the number of singular values, whatever their size")
def rank_for_energy(singular_values, share):
    return max(int(np.ceil(share * len(singular_values))), 1)


@wrong("5.4-rank", "compares with the share itself instead of the share of the whole energy")
def rank_for_energy(singular_values, share):
    energy = np.cumsum(singular_values**2)
    return int(np.argmax(energy >= share)) + 1


@wrong("5.4-rank", "keeps the values that are at least a share of the largest; energy is a running sum of squares")
def rank_for_energy(singular_values, share):
    return max(int(np.sum(singular_values >= (1 - share) * singular_values[0])), 1)


@wrong("5.4-rank", "stops one rank before the share is reached")
def rank_for_energy(singular_values, share):
    energy = np.cumsum(singular_values**2)
    return max(int(np.sum(energy <= share * energy[-1])), 1)


@wrong("5.4-rank", "divides the budget by mn, the size of the one table; each rank costs m + n weights")
def rank_for_budget(m, n, budget):
    return min(budget // (m * n), m, n)


@wrong("5.4-rank", "counts the tall table alone; each rank also costs a row of n weights in the wide one")
def rank_for_budget(m, n, budget):
    return min(budget // m, m, n)


@wrong("5.4-rank", "counts the wide table alone; each rank also costs a column of m weights in the tall one")
def rank_for_budget(m, n, budget):
    return min(budget // n, m, n)


@wrong("5.4-rank", "returns a rank above the full one when the budget is large")
def rank_for_budget(m, n, budget):
    return budget // (m + n)


@wrong("5.4-rank", "rounds up, so the two tables do not fit into the budget")
def rank_for_budget(m, n, budget):
    return min(-(-budget // (m + n)), m, n)


@wrong("5.4-rank", "refuses a budget that is hit exactly; that still fits")
def rank_for_budget(m, n, budget):
    return max(min((budget - 1) // (m + n), min(m, n)), 0)


@wrong("5.4-rank", "returns at least 1, although nothing fits into the budget")
def rank_for_budget(m, n, budget):
    return max(min(budget // (m + n), min(m, n)), 1)


@wrong(
    "5.4-rank",
    "compares a running sum with a sum that was added up in another order: the last digits differ, and a share of 1 may never be reached",
)
def rank_for_energy(singular_values, share):
    energy = np.cumsum(singular_values**2)
    return int(np.argmax(energy >= share * np.sum(singular_values**2))) + 1


@wrong(
    "5.4-rank",
    "looks a share up among shares that were divided by a sum added up in another order: their last may be less than 1, and the answer is above the number of values",
)
def rank_for_energy(singular_values, share):
    squares = singular_values**2
    return int(np.searchsorted(np.cumsum(squares) / np.sum(squares), share)) + 1


@wrong("5.4-rank", "takes one side for the full rank: it is the smaller of the two")
def rank_for_budget(m, n, budget):
    return min(budget // (m + n), n)


@wrong("5.4-rank", "is content with a fixed amount below the share; where all singular values are small, every rank is")
def rank_for_energy(singular_values, share):
    energy = np.cumsum(singular_values**2)
    return int(np.argmax(energy >= share * energy[-1] - 1e-6)) + 1


@wrong("5.4-rank", "adds a small number to the whole sum; where all singular values are small, no rank reaches the share of that")
def rank_for_energy(singular_values, share):
    energy = np.cumsum(singular_values**2)
    return int(np.argmax(energy / (energy[-1] + 1e-8) >= share)) + 1


@wrong("5.4-rank", "rounds the shares before it compares them: at least means at least")
def rank_for_energy(singular_values, share):
    energy = np.cumsum(singular_values**2)
    return int(np.argmax(np.round(energy / energy[-1], 3) >= share)) + 1


@wrong("5.4-rank", "lets nearly reached count as reached: at least means at least")
def rank_for_energy(singular_values, share):
    energy = np.cumsum(singular_values**2) / np.sum(singular_values**2)
    return int(np.argmax((energy >= share) | np.isclose(energy, share))) + 1


@right("5.4-rank", "a fixed number of digits below the share, for rounding alone")
def rank_for_energy(singular_values, share):
    energy = np.cumsum(singular_values.astype(float) ** 2)
    return int(np.argmax(energy >= share * energy[-1] * (1 - 1e-12))) + 1


@right("5.4-rank", "counts down from the full rank")
def break_even_rank(m, n):
    rank = min(m, n)
    while rank * (m + n) >= m * n:
        rank -= 1
    return rank


@right("5.4-rank", "the ceiling of the fraction, less one, as a NumPy integer")
def break_even_rank(m, n):
    return np.int64(np.ceil(m * n / (m + n)) - 1)


@right("5.4-rank", "searchsorted on the shares")
def rank_for_energy(singular_values, share):
    squares = np.square(singular_values)
    return np.searchsorted(np.cumsum(squares) / np.sum(squares), min(share, 1 - 1e-12)) + 1


@right("5.4-rank", "a loop")
def rank_for_energy(singular_values, share):
    total, so_far = sum(float(s) ** 2 for s in singular_values), 0.0
    for rank, s in enumerate(singular_values, 1):
        so_far += float(s) ** 2
        if so_far >= share * total:
            return rank
    return len(singular_values)


@right("5.4-rank", "tries every rank")
def rank_for_budget(m, n, budget):
    best = 0
    for rank in range(1, min(m, n) + 1):
        if rank * m + rank * n <= budget:
            best = rank
    return best


@right("5.4-rank", "divmod, and a NumPy minimum")
def rank_for_budget(m, n, budget):
    rank, _ = divmod(budget, m + n)
    return np.minimum(rank, min(m, n))


# 5.5-bug


@wrong("5.5-bug", "still asks whether the rank is below the full rank; it must be below break-even")
def weights_after(shapes, rank):
    return sum(rank * (m + n) if rank <= min(m, n) else m * n for m, n in shapes)


@wrong("5.5-bug", "asks whether the rank is below half of the shorter side; that is break-even for square tables only")
def weights_after(shapes, rank):
    return sum(rank * (m + n) if 2 * rank < min(m, n) else m * n for m, n in shapes)


@wrong("5.5-bug", "decides for all layers at once; each layer that gets smaller is factorised, whatever the others do")
def weights_after(shapes, rank):
    return min(sum(rank * (m + n) for m, n in shapes), sum(m * n for m, n in shapes))


@wrong("5.5-bug", "returns after the first layer")
def weights_after(shapes, rank):
    m, n = shapes[0]
    return min(rank * (m + n), m * n)


@wrong("5.5-bug", "asks whether the rank is below the longer side, which lets even more layers grow")
def weights_after(shapes, rank):
    return sum(rank * (m + n) if rank < max(m, n) else m * n for m, n in shapes)


@wrong("5.5-bug", "turns the comparison round: the layers that would shrink are left alone, and those that grow are factorised")
def weights_after(shapes, rank):
    return sum(rank * (m + n) if rank * (m + n) > m * n else m * n for m, n in shapes)


@wrong("5.5-bug", "factorises every layer, also those that grow")
def weights_after(shapes, rank):
    return sum(rank * (m + n) for m, n in shapes)


@wrong("5.5-bug", "leaves every layer alone")
def weights_after(shapes, rank):
    return sum(m * n for m, n in shapes)


@wrong("5.5-bug", "leaves out the layers that do not shrink; they still have their one table")
def weights_after(shapes, rank):
    return sum(rank * (m + n) for m, n in shapes if rank * (m + n) < m * n)


@wrong("5.5-bug", "compares the rank with m + n, without the size of the table")
def weights_after(shapes, rank):
    return sum(rank * (m + n) if rank < m + n else m * n for m, n in shapes)


@wrong(
    "5.5-bug", "rounds break-even down and then asks for less: where mn/(m+n) is no whole number, the rank at its whole part still saves"
)
def weights_after(shapes, rank):
    return sum(rank * (m + n) if rank < m * n // (m + n) else m * n for m, n in shapes)


@wrong("5.5-bug", "counts layers of one shape once; each has its own weights")
def weights_after(shapes, rank):
    return sum(min(m * n, rank * (m + n)) for m, n in set(shapes))


@right("5.5-bug", "the smaller of the two counts")
def weights_after(shapes, rank):
    return sum(min(m * n, rank * (m + n)) for m, n in shapes)


@right("5.5-bug", "the fraction as break-even, and equality on the other side")
def weights_after(shapes, rank):
    total = 0
    for m, n in shapes:
        if rank <= m * n / (m + n):
            total += rank * m + rank * n
        else:
            total += m * n
    return total


# 5.6-layers


@wrong("5.6-layers", "the first layer has a bias of its own: it is added on top of the layer's own bias, so a bias counts twice")
def two_linears(layer, left, right):
    first = torch.nn.Linear(layer.in_features, right.shape[0])
    second = torch.nn.Linear(right.shape[0], layer.out_features, bias=layer.bias is not None)
    with torch.no_grad():
        first.weight.copy_(right)
        second.weight.copy_(left)
        if layer.bias is not None:
            second.bias.copy_(layer.bias)
    return torch.nn.Sequential(first, second)


@wrong("5.6-layers", "the layer's bias got lost: the second layer must add it, once")
def two_linears(layer, left, right):
    first = torch.nn.Linear(layer.in_features, right.shape[0], bias=False)
    second = torch.nn.Linear(right.shape[0], layer.out_features, bias=False)
    with torch.no_grad():
        first.weight.copy_(right)
        second.weight.copy_(left)
    return torch.nn.Sequential(first, second)


@wrong("5.6-layers", "adds the layer's bias twice: it holds the doubled bias")
def two_linears(layer, left, right):
    first = torch.nn.Linear(layer.in_features, right.shape[0], bias=False)
    second = torch.nn.Linear(right.shape[0], layer.out_features, bias=layer.bias is not None)
    with torch.no_grad():
        first.weight.copy_(right)
        second.weight.copy_(left)
        if layer.bias is not None:
            second.bias.copy_(2 * layer.bias)
    return torch.nn.Sequential(first, second)


@wrong(
    "5.6-layers",
    "copies a table into a layer that it does not fit: either the tables are swapped (`right` must meet the inputs first), or a layer's two sizes are (the weight of nn.Linear(a, b) has the shape (b, a))",
)
def two_linears(layer, left, right):
    first = torch.nn.Linear(layer.in_features, right.shape[0], bias=False)
    second = torch.nn.Linear(right.shape[0], layer.out_features, bias=layer.bias is not None)
    with torch.no_grad():
        first.weight.copy_(left)
        second.weight.copy_(right)
        if layer.bias is not None:
            second.bias.copy_(layer.bias)
    return torch.nn.Sequential(first, second)


@wrong("5.6-layers", "multiplies the two tables together again and returns one layer of the old size: nothing is saved")
def two_linears(layer, left, right):
    one = torch.nn.Linear(layer.in_features, layer.out_features, bias=layer.bias is not None)
    with torch.no_grad():
        one.weight.copy_(left @ right)
        if layer.bias is not None:
            one.bias.copy_(layer.bias)
    return one


@wrong("5.6-layers", "puts an activation between the two layers: they can then no longer compute what the one layer computed")
def two_linears(layer, left, right):
    first = torch.nn.Linear(layer.in_features, right.shape[0], bias=False)
    second = torch.nn.Linear(right.shape[0], layer.out_features, bias=layer.bias is not None)
    with torch.no_grad():
        first.weight.copy_(right)
        second.weight.copy_(left)
        if layer.bias is not None:
            second.bias.copy_(layer.bias)
    return torch.nn.Sequential(first, torch.nn.ReLU(), second)


@wrong("5.6-layers", "the first layer has a bias of its own: it is added on top of the layer's own bias, so a bias counts twice")
def two_convs(layer, left, right):
    rank, walk = right.shape[0], {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
    first = torch.nn.Conv2d(layer.in_channels, rank, layer.kernel_size, **walk)
    second = torch.nn.Conv2d(rank, layer.out_channels, 1, bias=layer.bias is not None)
    with torch.no_grad():
        first.weight.copy_(right.reshape(first.weight.shape))
        second.weight.copy_(left.reshape(second.weight.shape))
        if layer.bias is not None:
            second.bias.copy_(layer.bias)
    return torch.nn.Sequential(first, second)


@wrong("5.6-layers", "forgets stride, padding and dilation, so the picture comes out in another size")
def two_convs(layer, left, right):
    rank = right.shape[0]
    first = torch.nn.Conv2d(layer.in_channels, rank, layer.kernel_size, bias=False)
    second = torch.nn.Conv2d(rank, layer.out_channels, 1, bias=layer.bias is not None)
    with torch.no_grad():
        first.weight.copy_(right.reshape(first.weight.shape))
        second.weight.copy_(left.reshape(second.weight.shape))
        if layer.bias is not None:
            second.bias.copy_(layer.bias)
    return torch.nn.Sequential(first, second)


@wrong(
    "5.6-layers",
    "gives stride and padding to both convolutions, so the picture is shrunk or framed twice; the 1 x 1 part only mixes channels",
)
def two_convs(layer, left, right):
    rank, walk = right.shape[0], {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
    first = torch.nn.Conv2d(layer.in_channels, rank, layer.kernel_size, bias=False, **walk)
    second = torch.nn.Conv2d(rank, layer.out_channels, 1, bias=layer.bias is not None, stride=layer.stride, padding=layer.padding)
    with torch.no_grad():
        first.weight.copy_(right.reshape(first.weight.shape))
        second.weight.copy_(left.reshape(second.weight.shape))
        if layer.bias is not None:
            second.bias.copy_(layer.bias)
    return torch.nn.Sequential(first, second)


@wrong("5.6-layers", "puts the 1 x 1 convolution first: the k x k part must look at the picture, the 1 x 1 part mixes its results")
def two_convs(layer, left, right):
    rank, walk = right.shape[0], {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
    first = torch.nn.Conv2d(layer.in_channels, rank, 1, bias=False)
    second = torch.nn.Conv2d(rank, layer.out_channels, layer.kernel_size, bias=layer.bias is not None, **walk)
    with torch.no_grad():
        first.weight.zero_()
        second.weight.zero_()
        if layer.bias is not None:
            second.bias.copy_(layer.bias)
    return torch.nn.Sequential(first, second)


@wrong("5.6-layers", "mixes up the axes of the filters: each row of `right` is one filter with the axes in, height, width, in this order")
def two_convs(layer, left, right):
    rank, walk = right.shape[0], {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
    first = torch.nn.Conv2d(layer.in_channels, rank, layer.kernel_size, bias=False, **walk)
    second = torch.nn.Conv2d(rank, layer.out_channels, 1, bias=layer.bias is not None)
    with torch.no_grad():
        first.weight.copy_(right.reshape(rank, *layer.kernel_size, layer.in_channels).permute(0, 3, 1, 2))
        second.weight.copy_(left.reshape(second.weight.shape))
        if layer.bias is not None:
            second.bias.copy_(layer.bias)
    return torch.nn.Sequential(first, second)


@wrong("5.6-layers", "multiplies the two tables together again and returns one convolution of the old size: nothing is saved")
def two_convs(layer, left, right):
    one = torch.nn.Conv2d(
        layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding, layer.dilation, bias=layer.bias is not None
    )
    with torch.no_grad():
        one.weight.copy_((left @ right).reshape(one.weight.shape))
        if layer.bias is not None:
            one.bias.copy_(layer.bias)
    return one


@wrong("5.6-layers", "makes the pair in float64: it cannot take the float32 inputs that the old layer takes")
def two_linears(layer, left, right):
    bias = layer.bias is not None
    pair = torch.nn.Sequential(
        torch.nn.Linear(layer.in_features, len(right), bias=False, dtype=torch.float64),
        torch.nn.Linear(len(right), layer.out_features, bias=bias, dtype=torch.float64),
    )
    with torch.no_grad():
        pair[0].weight.copy_(right)
        pair[1].weight.copy_(left)
        if bias:
            pair[1].bias.copy_(layer.bias)
    return pair


@wrong("5.6-layers", "gives the new layer the old layer's own bias, not a copy: who trains the one changes the other")
def two_linears(layer, left, right):
    first = torch.nn.Linear(layer.in_features, right.shape[0], bias=False)
    second = torch.nn.Linear(right.shape[0], layer.out_features, bias=layer.bias is not None)
    with torch.no_grad():
        first.weight.copy_(right)
        second.weight.copy_(left)
    second.bias = layer.bias
    return torch.nn.Sequential(first, second)


@wrong("5.6-layers", "freezes the two layers: they are to be fine-tuned")
def two_linears(layer, left, right):
    first = torch.nn.Linear(layer.in_features, right.shape[0], bias=False)
    second = torch.nn.Linear(right.shape[0], layer.out_features, bias=layer.bias is not None)
    with torch.no_grad():
        first.weight.copy_(right)
        second.weight.copy_(left)
        if layer.bias is not None:
            second.bias.copy_(layer.bias)
    return torch.nn.Sequential(first, second).requires_grad_(False)


@wrong("5.6-layers", "gives the new convolution the old layer's own bias, not a copy: who trains the one changes the other")
def two_convs(layer, left, right):
    rank, walk = right.shape[0], {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
    first = torch.nn.Conv2d(layer.in_channels, rank, layer.kernel_size, bias=False, **walk)
    second = torch.nn.Conv2d(rank, layer.out_channels, 1, bias=layer.bias is not None)
    with torch.no_grad():
        first.weight.copy_(right.reshape(first.weight.shape))
        second.weight.copy_(left.reshape(second.weight.shape))
    second.bias = layer.bias
    return torch.nn.Sequential(first, second)


@wrong(
    "5.6-layers", "copies the bias with its `requires_grad`: that of a frozen layer stays frozen, and the two layers are to be fine-tuned"
)
def two_linears(layer, left, right):
    first = torch.nn.Linear(layer.in_features, right.shape[0], bias=False)
    second = torch.nn.Linear(right.shape[0], layer.out_features, bias=False)
    with torch.no_grad():
        first.weight.copy_(right)
        second.weight.copy_(left)
    if layer.bias is not None:
        second.bias = torch.nn.Parameter(layer.bias.detach().clone(), requires_grad=layer.bias.requires_grad)
    return torch.nn.Sequential(first, second)


@wrong(
    "5.6-layers", "copies the bias with its `requires_grad`: that of a frozen layer stays frozen, and the two layers are to be fine-tuned"
)
def two_convs(layer, left, right):
    rank, walk = right.shape[0], {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
    first = torch.nn.Conv2d(layer.in_channels, rank, layer.kernel_size, bias=False, **walk)
    second = torch.nn.Conv2d(rank, layer.out_channels, 1, bias=False)
    with torch.no_grad():
        first.weight.copy_(right.reshape(first.weight.shape))
        second.weight.copy_(left.reshape(second.weight.shape))
    if layer.bias is not None:
        second.bias = torch.nn.Parameter(layer.bias.detach().clone(), requires_grad=layer.bias.requires_grad)
    return torch.nn.Sequential(first, second)


@wrong("5.6-layers", "forgets the stride: the picture comes out too large")
def two_convs(layer, left, right):
    rank, walk = right.shape[0], {"padding": layer.padding, "dilation": layer.dilation}
    first = torch.nn.Conv2d(layer.in_channels, rank, layer.kernel_size, bias=False, **walk)
    second = torch.nn.Conv2d(rank, layer.out_channels, 1, bias=layer.bias is not None)
    with torch.no_grad():
        first.weight.copy_(right.reshape(first.weight.shape))
        second.weight.copy_(left.reshape(second.weight.shape))
        if layer.bias is not None:
            second.bias.copy_(layer.bias)
    return torch.nn.Sequential(first, second)


@wrong("5.6-layers", "forgets the dilation: the filters look at neighbours where the old ones left gaps")
def two_convs(layer, left, right):
    rank, walk = right.shape[0], {"stride": layer.stride, "padding": layer.padding}
    first = torch.nn.Conv2d(layer.in_channels, rank, layer.kernel_size, bias=False, **walk)
    second = torch.nn.Conv2d(rank, layer.out_channels, 1, bias=layer.bias is not None)
    with torch.no_grad():
        first.weight.copy_(right.reshape(first.weight.shape))
        second.weight.copy_(left.reshape(second.weight.shape))
        if layer.bias is not None:
            second.bias.copy_(layer.bias)
    return torch.nn.Sequential(first, second)


@wrong("5.6-layers", "takes kernels for squares: height and width may differ")
def two_convs(layer, left, right):
    rank, side = right.shape[0], layer.kernel_size[0]
    walk = {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
    first = torch.nn.Conv2d(layer.in_channels, rank, side, bias=False, **walk)
    second = torch.nn.Conv2d(rank, layer.out_channels, 1, bias=layer.bias is not None)
    with torch.no_grad():
        first.weight.copy_(right.reshape(rank, layer.in_channels, side, side))
        second.weight.copy_(left.reshape(second.weight.shape))
        if layer.bias is not None:
            second.bias.copy_(layer.bias)
    return torch.nn.Sequential(first, second)


@right("5.6-layers", "parameters set as new nn.Parameter, layers appended one by one")
def two_linears(layer, left, right):
    pair = torch.nn.Sequential()
    for table in (right, left):
        part = torch.nn.Linear(table.shape[1], table.shape[0], bias=False)
        part.weight = torch.nn.Parameter(table.clone())
        pair.append(part)
    if layer.bias is not None:
        pair[1].bias = torch.nn.Parameter(layer.bias.detach().clone())
    return pair


@right("5.6-layers", "float64 inside, a state dict")
def two_linears(layer, left, right):
    rank = left.shape[1]
    bias = layer.bias is not None
    pair = torch.nn.Sequential(torch.nn.Linear(layer.in_features, rank, False), torch.nn.Linear(rank, layer.out_features, bias)).double()
    state = {"0.weight": right.double(), "1.weight": left.double()}
    if bias:
        state["1.bias"] = layer.bias.double()
    pair.load_state_dict(state)
    return pair.float()


@right("5.6-layers", "the tables themselves as parameters, layers with names")
def two_linears(layer, left, right):
    first, second = torch.nn.Linear(layer.in_features, len(right), bias=False), torch.nn.Linear(len(right), layer.out_features)
    first.weight, second.weight = torch.nn.Parameter(right), torch.nn.Parameter(left)
    second.register_parameter("bias", None if layer.bias is None else torch.nn.Parameter(layer.bias.detach().clone()))
    pair = torch.nn.Sequential()
    pair.add_module("wide", first)
    pair.add_module("tall", second)
    return pair


@right("5.6-layers", "positional arguments, weights by .data")
def two_convs(layer, left, right):
    rank = len(right)
    walk = torch.nn.Conv2d(layer.in_channels, rank, layer.kernel_size, layer.stride, layer.padding, layer.dilation, bias=False)
    walk.weight.data = right.view(rank, layer.in_channels, *layer.kernel_size).clone()
    mix = torch.nn.Conv2d(rank, layer.out_channels, (1, 1), bias=layer.bias is not None)
    mix.weight.data = left[:, :, None, None].clone()
    if layer.bias is not None:
        mix.bias.data = layer.bias.data.clone()
    return torch.nn.Sequential(walk, mix)


@right("5.6-layers", "loads states, in eval mode")
def two_convs(layer, left, right):
    has = layer.bias is not None
    first = torch.nn.Conv2d(
        layer.in_channels,
        right.size(0),
        kernel_size=layer.kernel_size,
        stride=layer.stride,
        padding=layer.padding,
        dilation=layer.dilation,
        bias=False,
    )
    first.load_state_dict({"weight": right.unflatten(1, (layer.in_channels, *layer.kernel_size))})
    second = torch.nn.Conv2d(right.size(0), layer.out_channels, kernel_size=1, bias=has)
    second.load_state_dict({"weight": left.unsqueeze(-1).unsqueeze(-1), **({"bias": layer.bias.detach()} if has else {})})
    return torch.nn.Sequential(first, second).eval()


# 5.7-whitened


@wrong("5.7-whitened", "is plain SVD of the weights: the inputs play no part")
def whitened_factors(w, x, rank, ridge=1e-6):
    u, s, vt = np.linalg.svd(w, full_matrices=False)
    root = np.sqrt(s[:rank])
    return u[:, :rank] * root, root[:, None] * vt[:rank]


@wrong("5.7-whitened", "does not undo C: left @ right stands for w @ C, not for w")
def whitened_factors(w, x, rank, ridge=1e-6):
    gram = x.T @ x / len(x)
    gram = gram + ridge * np.mean(np.diag(gram)) * np.eye(len(gram))
    c = np.linalg.cholesky(gram)
    u, s, vt = np.linalg.svd(w @ c, full_matrices=False)
    root = np.sqrt(s[:rank])
    return u[:, :rank] * root, root[:, None] * vt[:rank]


@wrong("5.7-whitened", "multiplies with C once more instead of undoing it with the inverse")
def whitened_factors(w, x, rank, ridge=1e-6):
    gram = x.T @ x / len(x)
    gram = gram + ridge * np.mean(np.diag(gram)) * np.eye(len(gram))
    c = np.linalg.cholesky(gram)
    u, s, vt = np.linalg.svd(w @ c, full_matrices=False)
    root = np.sqrt(s[:rank])
    return u[:, :rank] * root, (root[:, None] * vt[:rank]) @ c


@wrong("5.7-whitened", "takes C transposed: G = C @ C.T, so the errors must be multiplied with C itself on the right")
def whitened_factors(w, x, rank, ridge=1e-6):
    gram = x.T @ x / len(x)
    gram = gram + ridge * np.mean(np.diag(gram)) * np.eye(len(gram))
    c = np.linalg.cholesky(gram).T
    u, s, vt = np.linalg.svd(w @ c, full_matrices=False)
    root = np.sqrt(s[:rank])
    return u[:, :rank] * root, (root[:, None] * vt[:rank]) @ np.linalg.inv(c)


@wrong(
    "5.7-whitened",
    "multiplies w with C transposed and then undoes C itself: the two do not cancel, and even at full rank w does not come back",
)
def whitened_factors(w, x, rank, ridge=1e-6):
    gram = x.T @ x / len(x)
    gram = gram + ridge * np.mean(np.diag(gram)) * np.eye(len(gram))
    c = np.linalg.cholesky(gram)
    u, s, vt = np.linalg.svd(w @ c.T, full_matrices=False)
    root = np.sqrt(s[:rank])
    return u[:, :rank] * root, (root[:, None] * vt[:rank]) @ np.linalg.inv(c)


@wrong("5.7-whitened", "multiplies with the inverse of C before the SVD, which keeps the quiet inputs and drops the loud ones")
def whitened_factors(w, x, rank, ridge=1e-6):
    gram = x.T @ x / len(x)
    gram = gram + ridge * np.mean(np.diag(gram)) * np.eye(len(gram))
    c = np.linalg.cholesky(gram)
    u, s, vt = np.linalg.svd(w @ np.linalg.inv(c), full_matrices=False)
    root = np.sqrt(s[:rank])
    return u[:, :rank] * root, (root[:, None] * vt[:rank]) @ c


@wrong("5.7-whitened", "uses G itself in place of its Cholesky factor, so loud inputs count too much")
def whitened_factors(w, x, rank, ridge=1e-6):
    gram = x.T @ x / len(x)
    gram = gram + ridge * np.mean(np.diag(gram)) * np.eye(len(gram))
    u, s, vt = np.linalg.svd(w @ gram, full_matrices=False)
    root = np.sqrt(s[:rank])
    return u[:, :rank] * root, (root[:, None] * vt[:rank]) @ np.linalg.inv(gram)


@wrong("5.7-whitened", "subtracts the mean of the inputs; the output error includes the mean, so G must, too")
def whitened_factors(w, x, rank, ridge=1e-6):
    centred = x - x.mean(axis=0)
    gram = centred.T @ centred / len(x)
    gram = gram + (ridge * np.mean(np.diag(gram)) + 1e-12) * np.eye(len(gram))
    c = np.linalg.cholesky(gram)
    u, s, vt = np.linalg.svd(w @ c, full_matrices=False)
    root = np.sqrt(s[:rank])
    return u[:, :rank] * root, (root[:, None] * vt[:rank]) @ np.linalg.inv(c)


@wrong("5.7-whitened", "knows the loudness of each input, but not which inputs go together")
def whitened_factors(w, x, rank, ridge=1e-6):
    loud = np.sqrt(np.mean(x**2, axis=0) + ridge * np.mean(x**2))
    u, s, vt = np.linalg.svd(w * loud, full_matrices=False)
    root = np.sqrt(s[:rank])
    return u[:, :rank] * root, (root[:, None] * vt[:rank]) / loud


@wrong(
    "5.7-whitened",
    "multiplies x with itself the wrong way round: G is then (samples, samples), and needs one row and one column for each input",
)
def whitened_factors(w, x, rank, ridge=1e-6):
    gram = x @ x.T / len(x)
    c = np.linalg.cholesky(gram + ridge * np.trace(gram) / len(gram) * np.eye(len(gram)))
    u, s, vt = np.linalg.svd(w @ c, full_matrices=False)
    root = np.sqrt(s[:rank])
    return u[:, :rank] * root, (root[:, None] * vt[:rank]) @ np.linalg.inv(c)


@wrong("5.7-whitened", "has no ridge: with dead inputs or few samples there is no Cholesky factor")
def whitened_factors(w, x, rank, ridge=1e-6):
    c = np.linalg.cholesky(x.T @ x / len(x))
    u, s, vt = np.linalg.svd(w @ c, full_matrices=False)
    root = np.sqrt(s[:rank])
    return u[:, :rank] * root, (root[:, None] * vt[:rank]) @ np.linalg.inv(c)


@wrong("5.7-whitened", "does not use the ridge that is given: the best tables change with it")
def whitened_factors(w, x, rank, ridge=1e-6):
    u, _, _ = np.linalg.svd(w @ x.T, full_matrices=False)
    if u.shape[1] < rank:
        u, _ = np.linalg.qr(np.hstack([u, np.eye(len(w))]))
    return u[:, :rank], u[:, :rank].T @ w


@wrong("5.7-whitened", "leaves the ridge out where G has a Cholesky factor without it; it belongs to the result there, too")
def whitened_factors(w, x, rank, ridge=1e-6):
    gram = x.T @ x / len(x)
    try:
        c = np.linalg.cholesky(gram)
    except np.linalg.LinAlgError:
        c = np.linalg.cholesky(gram + ridge * np.mean(np.diag(gram)) * np.eye(len(gram)))
    u, s, vt = np.linalg.svd(w @ c, full_matrices=False)
    root = np.sqrt(s[:rank])
    return u[:, :rank] * root, (root[:, None] * vt[:rank]) @ np.linalg.inv(c)


@wrong("5.7-whitened", "adds the ridge as it is; it is a share of the mean of G's diagonal, so that it fits inputs of any size")
def whitened_factors(w, x, rank, ridge=1e-6):
    c = np.linalg.cholesky(x.T @ x / len(x) + ridge * np.eye(x.shape[1]))
    u, s, vt = np.linalg.svd(w @ c, full_matrices=False)
    root = np.sqrt(s[:rank])
    return u[:, :rank] * root, (root[:, None] * vt[:rank]) @ np.linalg.inv(c)


@wrong("5.7-whitened", "does not use the ridge that is given: the best tables change with it")
def whitened_factors(w, x, rank, ridge=1e-6):
    gram = x.T @ x / len(x)
    c = np.linalg.cholesky(gram + 1e-6 * np.mean(np.diag(gram)) * np.eye(len(gram)))
    u, s, vt = np.linalg.svd(w @ c, full_matrices=False)
    root = np.sqrt(s[:rank])
    return u[:, :rank] * root, (root[:, None] * vt[:rank]) @ np.linalg.inv(c)


@wrong("5.7-whitened", "takes a share of the sum of G's diagonal for the ridge; it is a share of the mean")
def whitened_factors(w, x, rank, ridge=1e-6):
    gram = x.T @ x / len(x)
    c = np.linalg.cholesky(gram + ridge * np.trace(gram) * np.eye(len(gram)))
    u, s, vt = np.linalg.svd(w @ c, full_matrices=False)
    root = np.sqrt(s[:rank])
    return u[:, :rank] * root, (root[:, None] * vt[:rank]) @ np.linalg.inv(c)


@wrong("5.7-whitened", "returns float32: with so small a ridge, its rounding is larger than what is at stake")
def whitened_factors(w, x, rank, ridge=1e-6):
    gram = x.T @ x / len(x)
    gram = gram + ridge * np.mean(np.diag(gram)) * np.eye(len(gram))
    c = np.linalg.cholesky(gram)
    u, s, vt = np.linalg.svd(w @ c, full_matrices=False)
    root = np.sqrt(s[:rank])
    return (u[:, :rank] * root).astype(np.float32), ((root[:, None] * vt[:rank]) @ np.linalg.inv(c)).astype(np.float32)


@wrong("5.7-whitened", "divides by the root of a singular value: one of them can be 0, and 0 by 0 is NaN")
def whitened_factors(w, x, rank, ridge=1e-6):
    gram = x.T @ x / len(x)
    c = np.linalg.cholesky(gram + ridge * np.mean(np.diag(gram)) * np.eye(len(gram)))
    u, s, vt = np.linalg.svd(w @ c, full_matrices=False)
    root = np.sqrt(s[:rank])
    return u[:, :rank] * root, u[:, :rank].T @ w / root[:, None]


@wrong("5.7-whitened", "adds a fixed number to the diagonal besides the ridge; for quiet inputs that is the larger part")
def whitened_factors(w, x, rank, ridge=1e-6):
    gram = x.T @ x / len(x)
    gram = gram + (ridge * np.mean(np.diag(gram)) + 1e-6) * np.eye(len(gram))
    c = np.linalg.cholesky(gram)
    u, s, vt = np.linalg.svd(w @ c, full_matrices=False)
    return u[:, :rank] * s[:rank], vt[:rank] @ np.linalg.inv(c)


@wrong("5.7-whitened", "takes parts below a fixed size for nothing; with small weights or quiet inputs those are the parts")
def whitened_factors(w, x, rank, ridge=1e-6):
    gram = x.T @ x / len(x)
    gram = gram + ridge * np.mean(np.diag(gram)) * np.eye(len(gram))
    c = np.linalg.cholesky(gram)
    u, s, vt = np.linalg.svd(w @ c, full_matrices=False)
    s = np.where(s > 1e-6, s, 0)
    return u[:, :rank] * s[:rank], vt[:rank] @ np.linalg.inv(c)


@right("5.7-whitened", "the projection on the strongest output directions, the ridge as further inputs; no inverse")
def whitened_factors(w, x, rank, ridge=1e-6):
    more = np.sqrt(ridge * np.sum(x * x) / x.shape[1]) * np.eye(x.shape[1])
    u, _, _ = np.linalg.svd(np.hstack([w @ x.T, w @ more]), full_matrices=False)
    return u[:, :rank], u[:, :rank].T @ w


@right("5.7-whitened", "the symmetric root of G in place of the Cholesky factor, and a solve in place of the inverse")
def whitened_factors(w, x, rank, ridge=1e-6):
    gram = x.T @ x / x.shape[0]
    gram += ridge * np.trace(gram) / len(gram) * np.eye(len(gram))
    values, vectors = np.linalg.eigh(gram)
    root = (vectors * np.sqrt(values)) @ vectors.T
    u, s, vt = np.linalg.svd(w @ root, full_matrices=False)
    return u[:, :rank] * s[:rank], np.linalg.solve(root, vt[:rank].T).T


@right("5.7-whitened", "a sum in place of the mean, PyTorch in float64 inside")
def whitened_factors(w, x, rank, ridge=1e-6):
    w, x = torch.tensor(w), torch.tensor(x)
    gram = x.T @ x
    c = torch.linalg.cholesky(gram + ridge * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype))
    u, s, vt = torch.linalg.svd(w @ c, full_matrices=False)
    right = torch.linalg.solve_triangular(c, s[:rank, None] * vt[:rank], upper=False, left=False)
    return u[:, :rank].numpy(), right.numpy()


# 5.8-lora


@wrong("5.8-lora", "starts both tables at zero: the gradient of each has the other as a factor, so neither ever moves")
def lora_start(out_features, in_features, rank, seed):
    return torch.zeros(rank, in_features), torch.zeros(out_features, rank)


@wrong("5.8-lora", "starts b at random numbers, so the network is changed before it has learnt anything")
def lora_start(out_features, in_features, rank, seed):
    generator = torch.Generator().manual_seed(seed)
    a = torch.randn(rank, in_features, generator=generator) / in_features**0.5
    return a, torch.randn(out_features, rank, generator=generator)


@wrong("5.8-lora", "starts b at ones, so the network is changed before it has learnt anything")
def lora_start(out_features, in_features, rank, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rank, in_features, generator=generator) / in_features**0.5, torch.ones(out_features, rank)


@wrong("5.8-lora", "gives the two tables each other's shape: a meets the inputs, b makes the outputs")
def lora_start(out_features, in_features, rank, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(out_features, rank, generator=generator) / in_features**0.5, torch.zeros(rank, in_features)


@wrong("5.8-lora", "gives other numbers each time it is called with the same seed")
def lora_start(out_features, in_features, rank, seed):
    return torch.randn(rank, in_features) / in_features**0.5, torch.zeros(out_features, rank)


@wrong("5.8-lora", "gives the same numbers for every seed")
def lora_start(out_features, in_features, rank, seed):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(rank, in_features, generator=generator) / in_features**0.5, torch.zeros(out_features, rank)


@wrong("5.8-lora", "gives neighbouring seeds the same numbers")
def lora_start(out_features, in_features, rank, seed):
    generator = torch.Generator().manual_seed(seed // 2)
    return torch.randn(rank, in_features, generator=generator) / in_features**0.5, torch.zeros(out_features, rank)


@wrong("5.8-lora", "takes alpha 0 for no alpha at all: it is a number like any other, and adds nothing")
def lora_output(layer, x, a, b, alpha):
    return layer(x) + (alpha or 1.0) / a.shape[0] * (x @ a.T @ b.T)


@wrong("5.8-lora", "takes alpha 0 for no alpha at all: it is a number like any other, and adds nothing")
def lora_merge(layer, a, b, alpha):
    merged = torch.nn.Linear(layer.in_features, layer.out_features, bias=layer.bias is not None)
    with torch.no_grad():
        merged.weight.copy_(layer.weight + (alpha or 1.0) / a.shape[0] * b @ a)
        if layer.bias is not None:
            merged.bias.copy_(layer.bias)
    return merged


@wrong("5.8-lora", "takes the seed 0 for no seed at all: it is one like any other")
def lora_start(out_features, in_features, rank, seed):
    generator = torch.Generator()
    if seed:
        generator.manual_seed(seed)
    else:
        generator.seed()
    return torch.randn(rank, in_features, generator=generator) / in_features**0.5, torch.zeros(out_features, rank)


@wrong("5.8-lora", "starts in float64: the tables cannot be multiplied with the layer's float32 inputs")
def lora_start(out_features, in_features, rank, seed):
    a = torch.tensor(np.random.default_rng(seed).normal(size=(rank, in_features)))
    return a, torch.zeros((out_features, rank), dtype=torch.float64)


@wrong("5.8-lora", "`lora_output` changes `layer` (its parameters) in place")
def lora_output(layer, x, a, b, alpha):
    with torch.no_grad():
        layer.weight += alpha / a.shape[0] * b @ a
    return layer(x)


@wrong("5.8-lora", "computes without gradients: a and b could never be trained")
def lora_output(layer, x, a, b, alpha):
    with torch.no_grad():
        return layer(x) + alpha / a.shape[0] * x @ a.T @ b.T


@wrong(
    "5.8-lora",
    "cuts the gradient at the frozen layer's output: frozen are its weights, and x comes from layers that may have tables of their own",
)
def lora_output(layer, x, a, b, alpha):
    with torch.no_grad():
        frozen = layer(x)
    return frozen + alpha / a.shape[0] * x @ a.T @ b.T


@wrong("5.8-lora", "`lora_output` changes `layer` (`requires_grad` of its parameters) in place")
def lora_output(layer, x, a, b, alpha):
    for parameter in layer.parameters():
        parameter.requires_grad = False
    return layer(x) + alpha / a.shape[0] * x @ a.T @ b.T


@wrong("5.8-lora", "forgets to divide alpha by the rank in the output")
def lora_output(layer, x, a, b, alpha):
    return layer(x) + alpha * (x @ a.T) @ b.T


@wrong("5.8-lora", "has float64 numbers where float32 ones are asked for")
def lora_output(layer, x, a, b, alpha):
    return layer(x).double() + alpha / a.shape[0] * x.double() @ a.double().T @ b.double().T


@wrong("5.8-lora", "leaves the factor alpha over rank out of the output")
def lora_output(layer, x, a, b, alpha):
    return layer(x) + (x @ a.T) @ b.T


@wrong("5.8-lora", "returns the correction alone: the frozen layer's output belongs to it")
def lora_output(layer, x, a, b, alpha):
    return alpha / a.shape[0] * (x @ a.T) @ b.T


@wrong("5.8-lora", "adds the bias twice: layer(x) contains it already")
def lora_output(layer, x, a, b, alpha):
    out = layer(x) + alpha / a.shape[0] * (x @ a.T) @ b.T
    return out if layer.bias is None else out + layer.bias


@wrong("5.8-lora", "divides alpha by the number of inputs: a has the shape (r, n), and the rank is its first side")
def lora_output(layer, x, a, b, alpha):
    return layer(x) + alpha / a.shape[1] * (x @ a.T) @ b.T


@wrong("5.8-lora", "multiplies alpha by the rank instead of dividing")
def lora_output(layer, x, a, b, alpha):
    return layer(x) + alpha * a.shape[0] * (x @ a.T) @ b.T


@wrong("5.8-lora", "merges without alpha over rank, so the merged layer is not the adapted one")
def lora_merge(layer, a, b, alpha):
    merged = torch.nn.Linear(layer.in_features, layer.out_features, bias=layer.bias is not None)
    with torch.no_grad():
        merged.weight.copy_(layer.weight + b @ a)
        if layer.bias is not None:
            merged.bias.copy_(layer.bias)
    return merged


@wrong("5.8-lora", "merges with alpha, but does not divide by the rank")
def lora_merge(layer, a, b, alpha):
    merged = torch.nn.Linear(layer.in_features, layer.out_features, bias=layer.bias is not None)
    with torch.no_grad():
        merged.weight.copy_(layer.weight + alpha * b @ a)
        if layer.bias is not None:
            merged.bias.copy_(layer.bias)
    return merged


@wrong("5.8-lora", "keeps the correction only: the old weights are lost in the merge")
def lora_merge(layer, a, b, alpha):
    merged = torch.nn.Linear(layer.in_features, layer.out_features, bias=layer.bias is not None)
    with torch.no_grad():
        merged.weight.copy_(alpha / a.shape[0] * b @ a)
        if layer.bias is not None:
            merged.bias.copy_(layer.bias)
    return merged


@wrong("5.8-lora", "loses the bias in the merge")
def lora_merge(layer, a, b, alpha):
    merged = torch.nn.Linear(layer.in_features, layer.out_features, bias=False)
    with torch.no_grad():
        merged.weight.copy_(layer.weight + alpha / a.shape[0] * b @ a)
    return merged


@wrong("5.8-lora", "doubles the bias in the merge; LoRA does not touch it")
def lora_merge(layer, a, b, alpha):
    merged = torch.nn.Linear(layer.in_features, layer.out_features, bias=layer.bias is not None)
    with torch.no_grad():
        merged.weight.copy_(layer.weight + alpha / a.shape[0] * b @ a)
        if layer.bias is not None:
            merged.bias.copy_(2 * layer.bias)
    return merged


@wrong("5.8-lora", "keeps the old layer's own bias in the new one, not a copy: who trains the one changes the other")
def lora_merge(layer, a, b, alpha):
    merged = torch.nn.Linear(layer.in_features, layer.out_features, bias=layer.bias is not None)
    with torch.no_grad():
        merged.weight.copy_(layer.weight + alpha / a.shape[0] * b @ a)
    merged.bias = layer.bias
    return merged


@wrong("5.8-lora", "merges in float64: the new layer cannot take the float32 inputs of the old one")
def lora_merge(layer, a, b, alpha):
    merged = torch.nn.Linear(layer.in_features, layer.out_features, bias=layer.bias is not None, dtype=torch.float64)
    with torch.no_grad():
        merged.weight.copy_(layer.weight.double() + alpha / a.shape[0] * b.double() @ a.double())
        if layer.bias is not None:
            merged.bias.copy_(layer.bias)
    return merged


@wrong("5.8-lora", "`lora_merge` changes `layer` (its parameters) in place")
def lora_merge(layer, a, b, alpha):
    with torch.no_grad():
        layer.weight += alpha / a.shape[0] * b @ a
    return layer


@right("5.8-lora", "numbers from another source")
def lora_start(out_features, in_features, rank, seed):
    a = torch.tensor(np.random.default_rng(seed).uniform(-1, 1, (rank, in_features)), dtype=torch.float32)
    return a, torch.zeros((out_features, rank))


@right("5.8-lora", "the global generator, as a list; zeros_like; parameters")
def lora_start(out_features, in_features, rank, seed):
    torch.manual_seed(seed)
    return [torch.nn.Parameter(torch.empty(rank, in_features).normal_(0, 0.02)), torch.zeros_like(torch.empty(out_features, rank))]


@right("5.8-lora", "builds the new table first")
def lora_output(layer, x, a, b, alpha):
    new = layer.weight + (alpha / b.shape[1]) * torch.matmul(b, a)
    return torch.nn.functional.linear(x, new, layer.bias)


@right("5.8-lora", "einsum, the frozen weights cut off from their gradient")
def lora_output(layer, x, a, b, alpha):
    bias = None if layer.bias is None else layer.bias.detach()
    return torch.nn.functional.linear(x, layer.weight.detach(), bias) + torch.einsum("sn,rn,mr->sm", x, a, b) * alpha / len(a)


@right("5.8-lora", "a deep copy of the layer")
def lora_merge(layer, a, b, alpha):
    import copy

    merged = copy.deepcopy(layer)
    merged.weight.data = merged.weight.data + (b @ a) * (alpha / a.size(0))
    return merged


@right("5.8-lora", "a state dict, in float64 inside")
def lora_merge(layer, a, b, alpha):
    state = {k: v.double() for k, v in layer.state_dict().items()}
    state["weight"] = state["weight"] + alpha / a.shape[0] * (b.double() @ a.double())
    merged = torch.nn.Linear(layer.in_features, layer.out_features, bias="bias" in state).double()
    merged.load_state_dict(state)
    return merged.float()
