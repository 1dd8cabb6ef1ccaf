"""The bank of lesson 02: answers that students really give, and right answers written differently.

Each function stands by itself: it uses `np`, `torch` and its own body. A wrong answer's sentence is what
a student reads when theirs behaves the same, so it says what goes wrong and why, not what to type.
"""

import numpy as np
import torch

from autograder.checks import right, wrong, wrong_value

# 2.1-predict

wrong_value(
    "2.1-predict",
    "counts the survivors only; a state dict holds the zeros as well, four bytes each",
    predict_2_1="a",
)
wrong_value(
    "2.1-predict",
    "takes the size of a bitmask format, which torch.save does not write",
    predict_2_1="b",
)
wrong_value(
    "2.1-predict",
    "takes the size of a sparse format, which a masked tensor does not have",
    predict_2_1="c",
)
wrong_value("2.1-predict", "gives the number instead of the letter of the choice", predict_2_1="4,000,000")

# 2.2-mask


@wrong("2.2-mask", "keeps everything that reaches the k-th largest magnitude (>=), which is too many when several are equal to it")
def magnitude_mask(w, keep):
    if keep == 0:
        return torch.zeros_like(w, dtype=torch.bool)
    threshold = w.abs().flatten().sort(descending=True).values[keep - 1]
    return w.abs() >= threshold


@wrong("2.2-mask", "keeps only what is larger than a threshold (>), which is too few when several are equal to it")
def magnitude_mask(w, keep):
    if keep == w.numel():
        return torch.ones_like(w, dtype=torch.bool)
    threshold = w.abs().flatten().kthvalue(w.numel() - keep).values
    return w.abs() > threshold


@wrong("2.2-mask", "ranks the values instead of the magnitudes, so that large negative weights are pruned first")
def magnitude_mask(w, keep):
    mask = torch.zeros(w.numel(), dtype=torch.bool)
    mask[w.flatten().topk(keep).indices] = True
    return mask.reshape(w.shape)


@wrong("2.2-mask", "keeps the smallest magnitudes and prunes the largest: the mask is the wrong way round")
def magnitude_mask(w, keep):
    mask = torch.zeros(w.numel(), dtype=torch.bool)
    mask[w.abs().flatten().topk(keep, largest=False).indices] = True
    return mask.reshape(w.shape)


@wrong("2.2-mask", "marks the pruned weights with True; here True means kept")
def magnitude_mask(w, keep):
    mask = torch.ones(w.numel(), dtype=torch.bool)
    mask[w.abs().flatten().topk(keep).indices] = False
    return mask.reshape(w.shape)


@wrong("2.2-mask", "prunes `keep` weights instead of keeping that many")
def magnitude_mask(w, keep):
    mask = torch.zeros(w.numel(), dtype=torch.bool)
    mask[w.abs().flatten().topk(w.numel() - keep).indices] = True
    return mask.reshape(w.shape)


@wrong("2.2-mask", "returns the pruned weights instead of the mask")
def magnitude_mask(w, keep):
    mask = torch.zeros(w.numel(), dtype=torch.bool)
    mask[w.abs().flatten().topk(keep).indices] = True
    return w * mask.reshape(w.shape)


@wrong("2.2-mask", "forgets to give the flat mask the shape of the weights")
def magnitude_mask(w, keep):
    mask = torch.zeros(w.numel(), dtype=torch.bool)
    mask[w.abs().flatten().topk(keep).indices] = True
    return mask


@wrong("2.2-mask", "averages the tensors' sparsities, as if a tensor with ten weights counted as much as one with a thousand")
def sparsity_of(tensors):
    return sum(float((w == 0).float().mean()) for w in tensors) / len(tensors)


@wrong("2.2-mask", "counts the weights that are left; sparsity is the share of zeros")
def sparsity_of(tensors):
    return sum(int((w != 0).sum()) for w in tensors) / sum(w.numel() for w in tensors)


@wrong("2.2-mask", "counts small weights as zeros; only an exact zero is pruned")
def sparsity_of(tensors):
    return sum(int((w.abs() < 1e-8).sum()) for w in tensors) / sum(w.numel() for w in tensors)


@wrong("2.2-mask", "looks at the first tensor only")
def sparsity_of(tensors):
    return float((tensors[0] == 0).float().mean())


# The same four as tensors without dimensions: what comes out where nothing is turned into a Python number.


@wrong("2.2-mask", "averages the tensors' sparsities, as if a tensor with ten weights counted as much as one with a thousand")
def sparsity_of(tensors):
    return sum((w == 0).float().mean() for w in tensors) / len(tensors)


@wrong("2.2-mask", "counts the weights that are left; sparsity is the share of zeros")
def sparsity_of(tensors):
    return sum((w != 0).sum() for w in tensors) / sum(w.numel() for w in tensors)


@wrong("2.2-mask", "counts small weights as zeros; only an exact zero is pruned")
def sparsity_of(tensors):
    return sum((w.abs() < 1e-8).sum() for w in tensors) / sum(w.numel() for w in tensors)


@wrong("2.2-mask", "looks at the first tensor only")
def sparsity_of(tensors):
    return (tensors[0] == 0).float().mean()


@wrong("2.2-mask", "divides the zeros by the number of tensors; a share is zeros over weights")
def sparsity_of(tensors):
    return sum(int((w == 0).sum()) for w in tensors) / len(tensors)


@wrong("2.2-mask", "divides the zeros by the number of tensors; a share is zeros over weights")
def sparsity_of(tensors):
    return sum((w == 0).sum() for w in tensors) / len(tensors)


@right("2.2-mask", "a stable sort in NumPy, from the other end")
def magnitude_mask(w, keep):
    order = np.argsort(np.abs(w.numpy()).ravel(), kind="stable")
    mask = np.ones(w.numel(), dtype=bool)
    mask[order[: w.numel() - keep]] = False
    return torch.from_numpy(mask.reshape(w.numpy().shape))


@right("2.2-mask", "a threshold, then ties filled up from the left")
def magnitude_mask(w, keep):
    if keep == 0:
        return torch.zeros_like(w, dtype=torch.bool)
    scores = w.abs().flatten()
    threshold = scores.kthvalue(len(scores) - keep + 1).values
    mask = scores > threshold
    missing = keep - int(mask.sum())
    mask[(scores == threshold).nonzero().flatten()[:missing]] = True
    return mask.view_as(w)


@right("2.2-mask", "a loop over Python numbers")
def magnitude_mask(w, keep):
    ranked = sorted(range(w.numel()), key=lambda i: -abs(w.flatten()[i].item()))
    chosen = set(ranked[:keep])
    return torch.tensor([i in chosen for i in range(w.numel())], dtype=torch.bool).reshape(w.shape)


@right("2.2-mask", "one flat tensor, the result a tensor without dimensions")
def sparsity_of(tensors):
    return 1 - torch.cat([w.flatten() for w in tensors]).count_nonzero() / sum(w.numel() for w in tensors)


@right("2.2-mask", "NumPy throughout")
def sparsity_of(tensors):
    return np.mean(np.concatenate([w.numpy().ravel() for w in tensors]) == 0)


@wrong("2.2-mask", "returns 0 and 1 as floats; the mask is a bool tensor, so that it can stand in square brackets")
def magnitude_mask(w, keep):
    mask = torch.zeros(w.numel())
    mask[w.abs().flatten().topk(keep).indices] = 1.0
    return mask.reshape(w.shape)


@wrong("2.2-mask", "returns a NumPy array; masks are PyTorch tensors")
def magnitude_mask(w, keep):
    mask = np.zeros(w.numel(), dtype=bool)
    mask[w.abs().flatten().topk(keep).indices.numpy()] = True
    return mask.reshape(tuple(w.shape))


@wrong("2.2-mask", "ranks in float16, which takes magnitudes for equal that are not, and small ones for 0")
def magnitude_mask(w, keep):
    mask = torch.zeros(w.numel(), dtype=torch.bool)
    mask[w.abs().flatten().half().topk(keep).indices] = True
    return mask.reshape(w.shape)


@wrong("2.2-mask", "ranks by the distance from the mean; the magnitude is the distance from 0")
def magnitude_mask(w, keep):
    mask = torch.zeros(w.numel(), dtype=torch.bool)
    mask[(w - w.mean()).abs().flatten().topk(keep).indices] = True
    return mask.reshape(w.shape)


@wrong("2.2-mask", "keeps no weight that is zero, and so too few where more are to be kept than are not zero")
def magnitude_mask(w, keep):
    mask = torch.zeros(w.numel(), dtype=torch.bool)
    mask[w.abs().flatten().topk(keep).indices] = True
    return mask.reshape(w.shape) & (w != 0)


@wrong("2.2-mask", "always keeps one weight at least; keep may be 0")
def magnitude_mask(w, keep):
    mask = torch.zeros(w.numel(), dtype=torch.bool)
    mask[w.abs().flatten().topk(max(keep, 1)).indices] = True
    return mask.reshape(w.shape)


@wrong("2.2-mask", "weighs each tensor's own share by its size, and the share of an empty tensor is 0/0, NaN")
def sparsity_of(tensors):
    return sum(float((w == 0).float().mean()) * w.numel() for w in tensors) / sum(w.numel() for w in tensors)


@wrong("2.2-mask", "gives the share in per cent; a number from 0 to 1 is asked for")
def sparsity_of(tensors):
    return 100 * sum(int((w == 0).sum()) for w in tensors) / sum(w.numel() for w in tensors)


@wrong("2.2-mask", "rounds the share; 4 of 11 is not 0.36")
def sparsity_of(tensors):
    return round(sum(int((w == 0).sum()) for w in tensors) / sum(w.numel() for w in tensors), 2)


@wrong("2.2-mask", "averages the tensors' sparsities, as if a tensor with ten weights counted as much as one with a thousand")
def sparsity_of(tensors):
    shares = [float((w == 0).float().mean()) for w in tensors if w.numel()]
    return sum(shares) / len(shares)


@wrong("2.2-mask", "looks at squares, and the square of a very small number is 0 in float32")
def sparsity_of(tensors):
    return sum(int((w * w == 0).sum()) for w in tensors) / sum(w.numel() for w in tensors)


@right("2.2-mask", "the largest squares")
def magnitude_mask(w, keep):
    ranks = w.square().flatten().argsort(descending=True).argsort()
    return (ranks < keep).reshape(w.shape)


@right("2.2-mask", "a loop that counts")
def sparsity_of(tensors):
    zeros = weights = 0
    for w in tensors:
        for value in w.flatten().tolist():
            zeros, weights = zeros + (value == 0), weights + 1
    return zeros / weights


# 2.3-global


@wrong("2.3-global", "prunes every layer by the same share; a global cut ranks all weights together")
def global_masks(state, sparsity):
    masks = {}
    for name, w in state.items():
        if w.dim() >= 2:
            mask = torch.zeros(w.numel(), dtype=torch.bool)
            mask[w.abs().flatten().topk(w.numel() - round(sparsity * w.numel())).indices] = True
            masks[name] = mask.reshape(w.shape)
    return masks


@wrong("2.3-global", "prunes biases and norms as well; only tensors with two or more dimensions are weights")
def global_masks(state, sparsity):
    scores = torch.cat([w.abs().flatten().float() for w in state.values()])
    kept = torch.zeros(len(scores), dtype=torch.bool)
    kept[scores.topk(len(scores) - round(sparsity * len(scores))).indices] = True
    pieces = kept.split([w.numel() for w in state.values()])
    return {name: piece.reshape(state[name].shape) for name, piece in zip(state, pieces)}


@wrong("2.3-global", "asks for exactly two dimensions; a convolution's weight has four")
def global_masks(state, sparsity):
    weights = {name: w for name, w in state.items() if w.dim() == 2}
    scores = torch.cat([w.abs().flatten() for w in weights.values()])
    kept = torch.zeros(len(scores), dtype=torch.bool)
    kept[scores.topk(len(scores) - round(sparsity * len(scores))).indices] = True
    pieces = kept.split([w.numel() for w in weights.values()])
    return {name: piece.reshape(weights[name].shape) for name, piece in zip(weights, pieces)}


@wrong("2.3-global", "chooses tensors by their name; the scale of a norm is called weight, too, but has one dimension")
def global_masks(state, sparsity):
    weights = {name: w for name, w in state.items() if name.endswith("weight")}
    scores = torch.cat([w.abs().flatten() for w in weights.values()])
    kept = torch.zeros(len(scores), dtype=torch.bool)
    kept[scores.topk(len(scores) - round(sparsity * len(scores))).indices] = True
    pieces = kept.split([w.numel() for w in weights.values()])
    return {name: piece.reshape(weights[name].shape) for name, piece in zip(weights, pieces)}


@wrong("2.3-global", "keeps everything that reaches one common threshold (>=), which is too many when several are equal to it")
def global_masks(state, sparsity):
    weights = {name: w for name, w in state.items() if w.dim() >= 2}
    scores = torch.cat([w.abs().flatten() for w in weights.values()]).sort(descending=True).values
    keep = len(scores) - round(sparsity * len(scores))
    threshold = scores[keep - 1] if keep else float("inf")
    return {name: w.abs() >= threshold for name, w in weights.items()}


@wrong("2.3-global", "ranks the values instead of the magnitudes, so that large negative weights are pruned first")
def global_masks(state, sparsity):
    weights = {name: w for name, w in state.items() if w.dim() >= 2}
    scores = torch.cat([w.flatten() for w in weights.values()])
    kept = torch.zeros(len(scores), dtype=torch.bool)
    kept[scores.topk(len(scores) - round(sparsity * len(scores))).indices] = True
    pieces = kept.split([w.numel() for w in weights.values()])
    return {name: piece.reshape(weights[name].shape) for name, piece in zip(weights, pieces)}


@wrong(
    "2.3-global",
    "cuts all layers at the average of their own thresholds; that is one threshold, but not the one that leaves the right number",
)
def global_masks(state, sparsity):
    weights = {name: w for name, w in state.items() if w.dim() >= 2}
    thresholds = []
    for w in weights.values():
        scores = w.abs().flatten().sort().values
        thresholds.append(scores[min(round(sparsity * len(scores)), len(scores) - 1)])
    threshold = sum(thresholds) / len(thresholds)
    return {name: w.abs() >= threshold for name, w in weights.items()}


@wrong("2.3-global", "keeps the share that should be pruned: keep_count gives the survivors, sparsity the zeros")
def global_masks(state, sparsity):
    weights = {name: w for name, w in state.items() if w.dim() >= 2}
    scores = torch.cat([w.abs().flatten() for w in weights.values()])
    kept = torch.zeros(len(scores), dtype=torch.bool)
    kept[scores.topk(round(sparsity * len(scores))).indices] = True
    pieces = kept.split([w.numel() for w in weights.values()])
    return {name: piece.reshape(weights[name].shape) for name, piece in zip(weights, pieces)}


@wrong("2.3-global", "applies one global ranking where each layer should have its own")
def layer_masks(state, sparsity):
    weights = {name: w for name, w in state.items() if w.dim() >= 2}
    scores = torch.cat([w.abs().flatten() for w in weights.values()])
    kept = torch.zeros(len(scores), dtype=torch.bool)
    kept[scores.topk(len(scores) - round(sparsity * len(scores))).indices] = True
    pieces = kept.split([w.numel() for w in weights.values()])
    return {name: piece.reshape(weights[name].shape) for name, piece in zip(weights, pieces)}


@wrong("2.3-global", "prunes biases and norms in each layer as well; only tensors with two or more dimensions are weights")
def layer_masks(state, sparsity):
    masks = {}
    for name, w in state.items():
        mask = torch.zeros(w.numel(), dtype=torch.bool)
        mask[w.abs().flatten().topk(w.numel() - round(sparsity * w.numel())).indices] = True
        masks[name] = mask.reshape(w.shape)
    return masks


@wrong("2.3-global", "keeps everything that reaches the layer's threshold (>=), which is too many when several are equal to it")
def layer_masks(state, sparsity):
    masks = {}
    for name, w in state.items():
        if w.dim() >= 2:
            scores = w.abs().flatten().sort(descending=True).values
            keep = len(scores) - round(sparsity * len(scores))
            masks[name] = w.abs() >= (scores[keep - 1] if keep else float("inf"))
    return masks


@wrong("2.3-global", "returns the masks of the last layer only: the dict is made anew in each turn of the loop")
def layer_masks(state, sparsity):
    masks = {}
    for name, w in state.items():
        if w.dim() >= 2:
            mask = torch.zeros(w.numel(), dtype=torch.bool)
            mask[w.abs().flatten().topk(w.numel() - round(sparsity * w.numel())).indices] = True
            masks = {name: mask.reshape(w.shape)}
    return masks


@right("2.3-global", "one sorted list of (magnitude, name, place)")
def global_masks(state, sparsity):
    ranked = []
    for name, w in state.items():
        if w.dim() > 1:
            ranked += [(-abs(v), name, i) for i, v in enumerate(w.flatten().tolist())]
    ranked.sort()
    masks = {name: torch.zeros(w.numel(), dtype=torch.bool) for name, w in state.items() if w.dim() > 1}
    for _, name, i in ranked[: len(ranked) - round(sparsity * len(ranked))]:
        masks[name][i] = True
    return {name: mask.reshape(state[name].shape) for name, mask in masks.items()}


@right("2.3-global", "NumPy's argsort")
def global_masks(state, sparsity):
    names = [name for name in state if len(state[name].shape) not in (0, 1)]
    scores = np.concatenate([state[name].abs().numpy().ravel() for name in names])
    kept = np.ones(len(scores), dtype=bool)
    kept[np.argsort(scores)[: round(sparsity * len(scores))]] = False
    masks, start = {}, 0
    for name in names:
        n = state[name].numel()
        masks[name] = torch.from_numpy(kept[start : start + n].reshape(tuple(state[name].shape)))
        start += n
    return masks


@right("2.3-global", "each layer for itself, smallest ones switched off")
def layer_masks(state, sparsity):
    masks = {}
    for name, w in state.items():
        if w.ndim < 2:
            continue
        flat = torch.ones(w.numel(), dtype=torch.bool)
        flat[w.abs().reshape(-1).argsort()[: round(sparsity * w.numel())]] = False
        masks[name] = flat.view(w.shape)
    return masks


@wrong("2.3-global", "adds up the counts of the layers; each is rounded for itself, and their sum need not be the count of the whole")
def global_masks(state, sparsity):
    weights = {name: w for name, w in state.items() if w.dim() >= 2}
    scores = torch.cat([w.abs().flatten() for w in weights.values()])
    kept = torch.zeros(len(scores), dtype=torch.bool)
    keep = sum(w.numel() - round(sparsity * w.numel()) for w in weights.values())
    kept[scores.topk(keep).indices] = True
    pieces = kept.split([w.numel() for w in weights.values()])
    return {name: piece.reshape(weights[name].shape) for name, piece in zip(weights, pieces)}


@wrong("2.3-global", "cuts the number of pruned weights down to an integer; keep_count rounds it, and is there so that all round alike")
def global_masks(state, sparsity):
    weights = {name: w for name, w in state.items() if w.dim() >= 2}
    scores = torch.cat([w.abs().flatten() for w in weights.values()])
    kept = torch.zeros(len(scores), dtype=torch.bool)
    kept[scores.topk(len(scores) - int(sparsity * len(scores))).indices] = True
    pieces = kept.split([w.numel() for w in weights.values()])
    return {name: piece.reshape(weights[name].shape) for name, piece in zip(weights, pieces)}


@wrong("2.3-global", "rounds the number of survivors; keep_count rounds that of the pruned, and a half then goes the other way")
def global_masks(state, sparsity):
    weights = {name: w for name, w in state.items() if w.dim() >= 2}
    scores = torch.cat([w.abs().flatten() for w in weights.values()])
    kept = torch.zeros(len(scores), dtype=torch.bool)
    kept[scores.topk(round((1 - sparsity) * len(scores))).indices] = True
    pieces = kept.split([w.numel() for w in weights.values()])
    return {name: piece.reshape(weights[name].shape) for name, piece in zip(weights, pieces)}


@wrong("2.3-global", "asks for two or four dimensions; there are weights with three and with five as well")
def global_masks(state, sparsity):
    weights = {name: w for name, w in state.items() if w.dim() in (2, 4)}
    scores = torch.cat([w.abs().flatten() for w in weights.values()])
    kept = torch.zeros(len(scores), dtype=torch.bool)
    kept[scores.topk(len(scores) - round(sparsity * len(scores))).indices] = True
    pieces = kept.split([w.numel() for w in weights.values()])
    return {name: piece.reshape(weights[name].shape) for name, piece in zip(weights, pieces)}


@wrong("2.3-global", "leaves out what is called bias; names do not help, the number of dimensions does")
def global_masks(state, sparsity):
    weights = {name: w for name, w in state.items() if w.dim() >= 2 and "bias" not in name}
    scores = torch.cat([w.abs().flatten() for w in weights.values()])
    kept = torch.zeros(len(scores), dtype=torch.bool)
    kept[scores.topk(len(scores) - round(sparsity * len(scores))).indices] = True
    pieces = kept.split([w.numel() for w in weights.values()])
    return {name: piece.reshape(weights[name].shape) for name, piece in zip(weights, pieces)}


@wrong("2.3-global", "measures each weight by the largest of its layer; in one ranking the magnitudes stand as they are")
def global_masks(state, sparsity):
    weights = {name: w for name, w in state.items() if w.dim() >= 2}
    scores = torch.cat([(w.abs() / w.abs().max()).flatten() for w in weights.values()])
    kept = torch.zeros(len(scores), dtype=torch.bool)
    kept[scores.topk(len(scores) - round(sparsity * len(scores))).indices] = True
    pieces = kept.split([w.numel() for w in weights.values()])
    return {name: piece.reshape(weights[name].shape) for name, piece in zip(weights, pieces)}


@wrong("2.3-global", "adds entries for biases and norms; there are no entries but those of the pruned tensors")
def global_masks(state, sparsity):
    weights = {name: w for name, w in state.items() if w.dim() >= 2}
    scores = torch.cat([w.abs().flatten() for w in weights.values()])
    kept = torch.zeros(len(scores), dtype=torch.bool)
    kept[scores.topk(len(scores) - round(sparsity * len(scores))).indices] = True
    pieces = dict(zip(weights, kept.split([w.numel() for w in weights.values()])))
    return {name: pieces[name].reshape(w.shape) if name in pieces else torch.ones(w.shape, dtype=torch.bool) for name, w in state.items()}


@wrong("2.3-global", "cuts the number of pruned weights of a layer down to an integer; keep_count rounds it")
def layer_masks(state, sparsity):
    masks = {}
    for name, w in state.items():
        if w.dim() >= 2:
            mask = torch.zeros(w.numel(), dtype=torch.bool)
            mask[w.abs().flatten().topk(w.numel() - int(sparsity * w.numel())).indices] = True
            masks[name] = mask.reshape(w.shape)
    return masks


@wrong("2.3-global", "rounds the number of survivors of a layer; keep_count rounds that of the pruned, and a half then goes the other way")
def layer_masks(state, sparsity):
    masks = {}
    for name, w in state.items():
        if w.dim() >= 2:
            mask = torch.zeros(w.numel(), dtype=torch.bool)
            mask[w.abs().flatten().topk(round((1 - sparsity) * w.numel())).indices] = True
            masks[name] = mask.reshape(w.shape)
    return masks


@wrong("2.3-global", "leaves out tensors of one dimension only; the count that a batch norm keeps is a single number and has none")
def global_masks(state, sparsity):
    weights = {name: w for name, w in state.items() if w.dim() != 1}
    scores = torch.cat([w.abs().flatten() for w in weights.values()])
    kept = torch.zeros(len(scores), dtype=torch.bool)
    kept[scores.topk(len(scores) - round(sparsity * len(scores))).indices] = True
    pieces = kept.split([w.numel() for w in weights.values()])
    return {name: piece.reshape(weights[name].shape) for name, piece in zip(weights, pieces)}


@wrong("2.3-global", "leaves out tensors of one dimension only; the count that a batch norm keeps is a single number and has none")
def layer_masks(state, sparsity):
    masks = {}
    for name, w in state.items():
        if w.dim() != 1:
            mask = torch.zeros(w.numel(), dtype=torch.bool)
            mask[w.abs().flatten().topk(w.numel() - round(sparsity * w.numel())).indices] = True
            masks[name] = mask.reshape(w.shape)
    return masks


@wrong("2.3-global", "shifts the magnitudes a little to break ties; that also changes the order of weights that are not equal")
def global_masks(state, sparsity):
    weights = {name: w for name, w in state.items() if w.dim() >= 2}
    scores = torch.cat([w.abs().flatten() for w in weights.values()]).double()
    kept = torch.zeros(len(scores), dtype=torch.bool)
    kept[(scores - 1e-9 * torch.arange(len(scores))).topk(len(scores) - round(sparsity * len(scores))).indices] = True
    pieces = kept.split([w.numel() for w in weights.values()])
    return {name: piece.reshape(weights[name].shape) for name, piece in zip(weights, pieces)}


@wrong("2.3-global", "shifts the magnitudes a little to break ties; that also changes the order of weights that are not equal")
def layer_masks(state, sparsity):
    masks = {}
    for name, w in state.items():
        if w.dim() >= 2:
            mask = torch.zeros(w.numel(), dtype=torch.bool)
            moved = w.abs().flatten().double() - 1e-9 * torch.arange(w.numel())
            mask[moved.topk(w.numel() - round(sparsity * w.numel())).indices] = True
            masks[name] = mask.reshape(w.shape)
    return masks


@wrong("2.3-global", "always leaves one weight in each layer; at a sparsity of 1 none is left")
def layer_masks(state, sparsity):
    masks = {}
    for name, w in state.items():
        if w.dim() >= 2:
            mask = torch.zeros(w.numel(), dtype=torch.bool)
            mask[w.abs().flatten().topk(max(1, w.numel() - round(sparsity * w.numel()))).indices] = True
            masks[name] = mask.reshape(w.shape)
    return masks


def _together(pruned, count=lambda n, sparsity: n - round(sparsity * n), score=torch.abs):
    """Both functions, with the same idea of what is pruned, how many survive and what is ranked."""

    def global_masks(state, sparsity):
        weights = {name: w for name, w in state.items() if pruned(name, w)}
        if not weights:
            return {}
        scores = torch.cat([score(w).flatten() for w in weights.values()])
        kept = torch.zeros(len(scores), dtype=torch.bool)
        kept[scores.topk(count(len(scores), sparsity)).indices] = True
        pieces = kept.split([w.numel() for w in weights.values()])
        return {name: piece.reshape(w.shape) for (name, w), piece in zip(weights.items(), pieces)}

    def layer_masks(state, sparsity):
        return {name: global_masks({name: w}, sparsity)[name] for name, w in state.items() if pruned(name, w)}

    return {"global_masks": global_masks, "layer_masks": layer_masks}


def _two_or_more(name, w):
    return w.dim() >= 2


wrong_value(
    "2.3-global",
    "chooses tensors by their name; the scale of a norm is called weight, too, but has one dimension",
    **_together(lambda name, w: name.endswith("weight")),
)
wrong_value("2.3-global", "asks for exactly two dimensions; a convolution's weight has four", **_together(lambda name, w: w.dim() == 2))
wrong_value(
    "2.3-global",
    "prunes biases and norms as well; only tensors with two or more dimensions are weights",
    **_together(lambda name, w: w.dim() >= 1),
)
wrong_value(
    "2.3-global",
    "cuts the number of survivors down to an integer; keep_count rounds that of the pruned, and is there so that all round alike",
    **_together(_two_or_more, count=lambda n, sparsity: int((1 - sparsity) * n)),
)
wrong_value(
    "2.3-global",
    "ranks the values instead of the magnitudes, so that large negative weights are pruned first",
    **_together(_two_or_more, score=lambda w: w),
)


@wrong(
    "2.3-global",
    "cuts the number of survivors down to an integer; keep_count rounds that of the pruned, and is there so that all round alike",
)
def global_masks(state, sparsity):
    weights = {name: w for name, w in state.items() if w.dim() >= 2}
    scores = torch.cat([w.abs().flatten() for w in weights.values()])
    kept = torch.zeros(len(scores), dtype=torch.bool)
    kept[scores.topk(int((1 - sparsity) * len(scores))).indices] = True
    pieces = kept.split([w.numel() for w in weights.values()])
    return {name: piece.reshape(weights[name].shape) for name, piece in zip(weights, pieces)}


@wrong("2.3-global", "takes what is not zero after the cut for the mask; weights that were zero before may be among those kept")
def global_masks(state, sparsity):
    weights = {name: w for name, w in state.items() if w.dim() >= 2}
    flat = torch.cat([w.flatten() for w in weights.values()])
    flat[flat.abs().topk(round(sparsity * len(flat)), largest=False).indices] = 0
    pieces = (flat != 0).split([w.numel() for w in weights.values()])
    return {name: piece.reshape(weights[name].shape) for name, piece in zip(weights, pieces)}


@wrong("2.3-global", "takes what is not zero after the cut for the mask; weights that were zero before may be among those kept")
def layer_masks(state, sparsity):
    masks = {}
    for name, w in state.items():
        if w.dim() >= 2:
            pruned = w.flatten().clone()
            pruned[pruned.abs().topk(round(sparsity * w.numel()), largest=False).indices] = 0
            masks[name] = (pruned != 0).reshape(w.shape)
    return masks


@right("2.3-global", "one threshold, ties filled up layer by layer, as an OrderedDict in another order")
def global_masks(state, sparsity):
    from collections import OrderedDict

    weights = {name: w for name, w in reversed(state.items()) if w.dim() > 1}
    ranked = torch.cat([w.abs().flatten() for w in weights.values()]).sort(descending=True).values
    keep = len(ranked) - round(sparsity * len(ranked))
    threshold = float(ranked[keep - 1]) if keep else float("inf")
    room, masks = keep - int((ranked > threshold).sum()), OrderedDict()
    for name, w in weights.items():
        mask = (w.abs() > threshold).flatten()
        equal = (w.abs().flatten() == threshold).nonzero().flatten()[:room]
        mask[equal] = True
        masks[name], room = mask.reshape(w.shape), room - len(equal)
    return masks


# 2.4-bug


@wrong(
    "2.4-bug",
    "does not hold the mask: a revived weight is as large as a step of the optimiser, far above 1e-8, and a gradient masked after the step comes too late",
)
def prune_and_tune(w, mask, x, y, optimizer, lr, dense_steps, tune_steps):
    momentum, squares = torch.zeros_like(w), torch.zeros_like(w)
    for step in range(1, dense_steps + tune_steps + 1):
        gradient = 2 * (x @ w.T - y).T @ x / y.numel()
        if optimizer == "adam":
            momentum, squares = 0.9 * momentum + 0.1 * gradient, 0.999 * squares + 0.001 * gradient**2
            w = w - lr * (momentum / (1 - 0.9**step)) / ((squares / (1 - 0.999**step)).sqrt() + 1e-8)
        else:
            momentum = 0.9 * momentum + gradient
            w = w - lr * momentum
        if step == dense_steps:
            w = w * mask
        if step > dense_steps:
            w[w.abs() <= 1e-8] = 0.0
    return w


@wrong("2.4-bug", "asks with a larger threshold whether a weight is small; then revived weights stay and small survivors die")
def prune_and_tune(w, mask, x, y, optimizer, lr, dense_steps, tune_steps):
    momentum, squares = torch.zeros_like(w), torch.zeros_like(w)
    for step in range(1, dense_steps + tune_steps + 1):
        gradient = 2 * (x @ w.T - y).T @ x / y.numel()
        if optimizer == "adam":
            momentum, squares = 0.9 * momentum + 0.1 * gradient, 0.999 * squares + 0.001 * gradient**2
            w = w - lr * (momentum / (1 - 0.9**step)) / ((squares / (1 - 0.999**step)).sqrt() + 1e-8)
        else:
            momentum = 0.9 * momentum + gradient
            w = w - lr * momentum
        if step == dense_steps:
            w = w * mask
        if step > dense_steps:
            w[w.abs() < 1e-2] = 0.0
    return w


@wrong("2.4-bug", "masks the gradient only; the momentum collected before the cut goes on moving the pruned weights")
def prune_and_tune(w, mask, x, y, optimizer, lr, dense_steps, tune_steps):
    momentum, squares = torch.zeros_like(w), torch.zeros_like(w)
    for step in range(1, dense_steps + tune_steps + 1):
        gradient = 2 * (x @ w.T - y).T @ x / y.numel()
        if step > dense_steps:
            gradient = gradient * mask
        if optimizer == "adam":
            momentum, squares = 0.9 * momentum + 0.1 * gradient, 0.999 * squares + 0.001 * gradient**2
            w = w - lr * (momentum / (1 - 0.9**step)) / ((squares / (1 - 0.999**step)).sqrt() + 1e-8)
        else:
            momentum = 0.9 * momentum + gradient
            w = w - lr * momentum
        if step == dense_steps:
            w = w * mask
    return w


@wrong("2.4-bug", "masks the gradient only; the momentum collected before the cut goes on moving the pruned weights")
def prune_and_tune(w, mask, x, y, optimizer, lr, dense_steps, tune_steps):
    momentum, squares = torch.zeros_like(w), torch.zeros_like(w)
    for step in range(1, dense_steps + tune_steps + 1):
        gradient = 2 * (x @ w.T - y).T @ x / y.numel()
        if step >= dense_steps:  # from the step of the cut on
            gradient = gradient * mask
        if optimizer == "adam":
            momentum, squares = 0.9 * momentum + 0.1 * gradient, 0.999 * squares + 0.001 * gradient**2
            w = w - lr * (momentum / (1 - 0.9**step)) / ((squares / (1 - 0.999**step)).sqrt() + 1e-8)
        else:
            momentum = 0.9 * momentum + gradient
            w = w - lr * momentum
        if step == dense_steps:
            w = w * mask
    return w


@wrong("2.4-bug", "masks the gradient from the first step on, so the dense steps before the cut are no longer dense")
def prune_and_tune(w, mask, x, y, optimizer, lr, dense_steps, tune_steps):
    momentum, squares = torch.zeros_like(w), torch.zeros_like(w)
    for step in range(1, dense_steps + tune_steps + 1):
        gradient = 2 * (x @ w.T - y).T @ x / y.numel()
        gradient = gradient * mask
        if optimizer == "adam":
            momentum, squares = 0.9 * momentum + 0.1 * gradient, 0.999 * squares + 0.001 * gradient**2
            w = w - lr * (momentum / (1 - 0.9**step)) / ((squares / (1 - 0.999**step)).sqrt() + 1e-8)
        else:
            momentum = 0.9 * momentum + gradient
            w = w - lr * momentum
        if step == dense_steps:
            w = w * mask
    return w


@wrong("2.4-bug", "clears the momentum of the pruned weights; their gradient goes on moving them in every step")
def prune_and_tune(w, mask, x, y, optimizer, lr, dense_steps, tune_steps):
    momentum, squares = torch.zeros_like(w), torch.zeros_like(w)
    for step in range(1, dense_steps + tune_steps + 1):
        gradient = 2 * (x @ w.T - y).T @ x / y.numel()
        if optimizer == "adam":
            momentum, squares = 0.9 * momentum + 0.1 * gradient, 0.999 * squares + 0.001 * gradient**2
            w = w - lr * (momentum / (1 - 0.9**step)) / ((squares / (1 - 0.999**step)).sqrt() + 1e-8)
        else:
            momentum = 0.9 * momentum + gradient
            w = w - lr * momentum
        if step == dense_steps:
            w = w * mask
        if step > dense_steps:
            momentum = momentum * mask
    return w


@wrong(
    "2.4-bug", "applies the mask once more at the very end; until then revived weights took part, and the survivors learnt to rely on them"
)
def prune_and_tune(w, mask, x, y, optimizer, lr, dense_steps, tune_steps):
    momentum, squares = torch.zeros_like(w), torch.zeros_like(w)
    for step in range(1, dense_steps + tune_steps + 1):
        gradient = 2 * (x @ w.T - y).T @ x / y.numel()
        if optimizer == "adam":
            momentum, squares = 0.9 * momentum + 0.1 * gradient, 0.999 * squares + 0.001 * gradient**2
            w = w - lr * (momentum / (1 - 0.9**step)) / ((squares / (1 - 0.999**step)).sqrt() + 1e-8)
        else:
            momentum = 0.9 * momentum + gradient
            w = w - lr * momentum
        if step == dense_steps:
            w = w * mask
    return w * mask


@wrong("2.4-bug", "zeroes the survivors: the mask is True where a weight is kept")
def prune_and_tune(w, mask, x, y, optimizer, lr, dense_steps, tune_steps):
    momentum, squares = torch.zeros_like(w), torch.zeros_like(w)
    for step in range(1, dense_steps + tune_steps + 1):
        gradient = 2 * (x @ w.T - y).T @ x / y.numel()
        if optimizer == "adam":
            momentum, squares = 0.9 * momentum + 0.1 * gradient, 0.999 * squares + 0.001 * gradient**2
            w = w - lr * (momentum / (1 - 0.9**step)) / ((squares / (1 - 0.999**step)).sqrt() + 1e-8)
        else:
            momentum = 0.9 * momentum + gradient
            w = w - lr * momentum
        if step == dense_steps:
            w = w * mask
        if step > dense_steps:
            w[mask] = 0.0
    return w


@wrong("2.4-bug", "makes the cut one step late; it comes right after the last dense step")
def prune_and_tune(w, mask, x, y, optimizer, lr, dense_steps, tune_steps):
    momentum, squares = torch.zeros_like(w), torch.zeros_like(w)
    for step in range(1, dense_steps + tune_steps + 1):
        gradient = 2 * (x @ w.T - y).T @ x / y.numel()
        if optimizer == "adam":
            momentum, squares = 0.9 * momentum + 0.1 * gradient, 0.999 * squares + 0.001 * gradient**2
            w = w - lr * (momentum / (1 - 0.9**step)) / ((squares / (1 - 0.999**step)).sqrt() + 1e-8)
        else:
            momentum = 0.9 * momentum + gradient
            w = w - lr * momentum
        if step > dense_steps:
            w = w * mask
    return w


@wrong("2.4-bug", "chooses the survivors anew by magnitude after each step, so the mask wanders")
def prune_and_tune(w, mask, x, y, optimizer, lr, dense_steps, tune_steps):
    momentum, squares = torch.zeros_like(w), torch.zeros_like(w)
    for step in range(1, dense_steps + tune_steps + 1):
        gradient = 2 * (x @ w.T - y).T @ x / y.numel()
        if optimizer == "adam":
            momentum, squares = 0.9 * momentum + 0.1 * gradient, 0.999 * squares + 0.001 * gradient**2
            w = w - lr * (momentum / (1 - 0.9**step)) / ((squares / (1 - 0.999**step)).sqrt() + 1e-8)
        else:
            momentum = 0.9 * momentum + gradient
            w = w - lr * momentum
        if step == dense_steps:
            w = w * mask
        if step > dense_steps:
            anew = torch.zeros(w.numel(), dtype=torch.bool)
            anew[w.abs().flatten().topk(int(mask.sum())).indices] = True
            w = w * anew.reshape(w.shape)
    return w


@wrong("2.4-bug", "holds the mask from the first step on, so the dense steps before the cut are no longer dense")
def prune_and_tune(w, mask, x, y, optimizer, lr, dense_steps, tune_steps):
    momentum, squares = torch.zeros_like(w), torch.zeros_like(w)
    for step in range(1, dense_steps + tune_steps + 1):
        gradient = 2 * (x @ w.T - y).T @ x / y.numel()
        if optimizer == "adam":
            momentum, squares = 0.9 * momentum + 0.1 * gradient, 0.999 * squares + 0.001 * gradient**2
            w = w - lr * (momentum / (1 - 0.9**step)) / ((squares / (1 - 0.999**step)).sqrt() + 1e-8)
        else:
            momentum = 0.9 * momentum + gradient
            w = w - lr * momentum
        w = w * mask
    return w


@right("2.4-bug", "multiplies by the mask after every step, in float32")
def prune_and_tune(w, mask, x, y, optimizer, lr, dense_steps, tune_steps):
    w, x, y = w.float(), x.float(), y.float()
    momentum, squares = torch.zeros_like(w), torch.zeros_like(w)
    for step in range(1, dense_steps + tune_steps + 1):
        gradient = 2 * (x @ w.T - y).T @ x / y.numel()
        if optimizer == "adam":
            momentum, squares = 0.9 * momentum + 0.1 * gradient, 0.999 * squares + 0.001 * gradient**2
            w = w - lr * (momentum / (1 - 0.9**step)) / ((squares / (1 - 0.999**step)).sqrt() + 1e-8)
        else:
            momentum = 0.9 * momentum + gradient
            w = w - lr * momentum
        if step >= dense_steps:
            w *= mask
    return w


@right("2.4-bug", "lets the pruned weights wander, but the mask stands in the forward pass, and once at the end")
def prune_and_tune(w, mask, x, y, optimizer, lr, dense_steps, tune_steps):
    momentum, squares = torch.zeros_like(w), torch.zeros_like(w)
    for step in range(1, dense_steps + tune_steps + 1):
        used = w if step <= dense_steps else torch.where(mask, w, 0.0)
        gradient = 2 * (x @ used.T - y).T @ x / y.numel()
        if optimizer == "adam":
            momentum, squares = 0.9 * momentum + 0.1 * gradient, 0.999 * squares + 0.001 * gradient**2
            w = w - lr * (momentum / (1 - 0.9**step)) / ((squares / (1 - 0.999**step)).sqrt() + 1e-8)
        else:
            momentum = 0.9 * momentum + gradient
            w = w - lr * momentum
    return w.masked_fill(~mask, 0)


@right("2.4-bug", "masks the gradient and clears the momentum at the cut")
def prune_and_tune(w, mask, x, y, optimizer, lr, dense_steps, tune_steps):
    momentum, squares = torch.zeros_like(w), torch.zeros_like(w)
    for step in range(1, dense_steps + tune_steps + 1):
        gradient = 2 * (x @ w.T - y).T @ x / y.numel()
        if step > dense_steps:
            gradient[~mask] = 0
        if optimizer == "adam":
            momentum, squares = 0.9 * momentum + 0.1 * gradient, 0.999 * squares + 0.001 * gradient**2
            w = w - lr * (momentum / (1 - 0.9**step)) / ((squares / (1 - 0.999**step)).sqrt() + 1e-8)
        else:
            momentum = 0.9 * momentum + gradient
            w = w - lr * momentum
        if step == dense_steps:
            w, momentum = w * mask, momentum * mask
    return w


@wrong("2.4-bug", "asks whether a survivor is small, and zeroes it with the pruned ones; the mask alone says who is pruned")
def prune_and_tune(w, mask, x, y, optimizer, lr, dense_steps, tune_steps):
    momentum, squares = torch.zeros_like(w), torch.zeros_like(w)
    for step in range(1, dense_steps + tune_steps + 1):
        gradient = 2 * (x @ w.T - y).T @ x / y.numel()
        if optimizer == "adam":
            momentum, squares = 0.9 * momentum + 0.1 * gradient, 0.999 * squares + 0.001 * gradient**2
            w = w - lr * (momentum / (1 - 0.9**step)) / ((squares / (1 - 0.999**step)).sqrt() + 1e-8)
        else:
            momentum = 0.9 * momentum + gradient
            w = w - lr * momentum
        if step == dense_steps:
            w = w * mask
        if step > dense_steps:
            w = torch.where(mask & (w.abs() > 1e-8), w, 0.0)
    return w


@wrong("2.4-bug", "holds the mask in the last step only; until then revived weights took part")
def prune_and_tune(w, mask, x, y, optimizer, lr, dense_steps, tune_steps):
    momentum, squares = torch.zeros_like(w), torch.zeros_like(w)
    for step in range(1, dense_steps + tune_steps + 1):
        gradient = 2 * (x @ w.T - y).T @ x / y.numel()
        if optimizer == "adam":
            momentum, squares = 0.9 * momentum + 0.1 * gradient, 0.999 * squares + 0.001 * gradient**2
            w = w - lr * (momentum / (1 - 0.9**step)) / ((squares / (1 - 0.999**step)).sqrt() + 1e-8)
        else:
            momentum = 0.9 * momentum + gradient
            w = w - lr * momentum
        if step == dense_steps + tune_steps:
            w = w * mask
    return w


# 2.5-schedule


@wrong("2.5-schedule", "takes the same share of the survivors in each round; a sparsity counts all weights")
def linear_schedule(start, end, rounds):
    return [start + (1 - start) * (1 - (1 - (end - start) / rounds) ** t) for t in range(rounds + 1)]


@wrong("2.5-schedule", "ends one round too early: with the start there are rounds + 1 sparsities")
def linear_schedule(start, end, rounds):
    return [start + (end - start) * t / rounds for t in range(rounds)]


@wrong("2.5-schedule", "leaves the start out: the first entry is where you begin, before any cut")
def linear_schedule(start, end, rounds):
    return [start + (end - start) * t / rounds for t in range(1, rounds + 1)]


@wrong("2.5-schedule", "forgets where it starts: the steps are added to 0 instead of to start")
def linear_schedule(start, end, rounds):
    return [end * t / rounds for t in range(rounds + 1)]


@wrong("2.5-schedule", "divides by the number of entries instead of by the number of steps between them, so it does not arrive")
def linear_schedule(start, end, rounds):
    return [start + (end - start) * t / (rounds + 1) for t in range(rounds + 1)]


@wrong("2.5-schedule", "cubes t/T instead of 1 - t/T: it takes little at first and most at the end, where it hurts")
def cubic_schedule(start, end, rounds):
    return [start + (end - start) * (t / rounds) ** 3 for t in range(rounds + 1)]


@wrong("2.5-schedule", "forgets the power of three, so the cubic schedule is the linear one")
def cubic_schedule(start, end, rounds):
    return [end + (start - end) * (1 - t / rounds) for t in range(rounds + 1)]


@wrong("2.5-schedule", "exchanges start and end in the cubic formula: it runs backwards")
def cubic_schedule(start, end, rounds):
    return [start + (end - start) * (1 - t / rounds) ** 3 for t in range(rounds + 1)]


@wrong("2.5-schedule", "has the bracket of the cubic formula the wrong way round, so it begins beyond the end")
def cubic_schedule(start, end, rounds):
    return [end + (end - start) * (1 - t / rounds) ** 3 for t in range(rounds + 1)]


@wrong("2.5-schedule", "takes the difference of the sparsities, which is a share of all weights, not of the survivors")
def share_of_survivors(now, goal):
    return goal - now


@wrong("2.5-schedule", "divides by what will be left afterwards; the share is of those alive before the cut")
def share_of_survivors(now, goal):
    return (goal - now) / (1 - goal) if goal < 1 else float("inf")


@wrong("2.5-schedule", "divides by the sparsity of now, which is the share of the dead, not of the living")
def share_of_survivors(now, goal):
    return (goal - now) / now if now > 0 else 0.0


@wrong("2.5-schedule", "gives the share that stays instead of the share that goes")
def share_of_survivors(now, goal):
    return (1 - goal) / (1 - now)


@right("2.5-schedule", "numpy.linspace")
def linear_schedule(start, end, rounds):
    return np.linspace(start, end, rounds + 1)


@right("2.5-schedule", "a float32 tensor")
def linear_schedule(start, end, rounds):
    t = torch.arange(rounds + 1) / rounds
    return start * (1 - t) + end * t


@right("2.5-schedule", "a loop that tells by how much it falls short")
def cubic_schedule(start, end, rounds):
    out = []
    for t in range(0, rounds + 1):
        short = ((rounds - t) / rounds) ** 3
        out.append(end * (1 - short) + start * short)
    return tuple(out)


@right("2.5-schedule", "NumPy in float32")
def cubic_schedule(start, end, rounds):
    t = np.linspace(0, 1, rounds + 1, dtype=np.float32)
    return end - (end - start) * (1 - t) ** 3


@right("2.5-schedule", "one minus the share that stays")
def share_of_survivors(now, goal):
    return np.float32(1 - (1 - goal) / (1 - now))


@wrong("2.5-schedule", "rounds the sparsities to two digits, and a third is not 0.33")
def linear_schedule(start, end, rounds):
    return [round(start + (end - start) * t / rounds, 2) for t in range(rounds + 1)]


@wrong("2.5-schedule", "steps until the end is reached, with a rounded step: now and then that is one entry too many; count the rounds")
def linear_schedule(start, end, rounds):
    step = (end - start) / rounds
    return np.arange(start, end + step, step) if step else [start] * (rounds + 1)


@wrong("2.5-schedule", "adds up rounded steps until the end is passed: now and then the last entry is missing; count the rounds")
def linear_schedule(start, end, rounds):
    step, now, found = (end - start) / rounds, start, []
    while now <= end and len(found) <= rounds:
        found.append(now)
        now += step
    return found


@wrong("2.5-schedule", "steps until the end is reached, with a rounded step: now and then that is one entry too many; count the rounds")
def cubic_schedule(start, end, rounds):
    t = np.arange(0, 1 + 1 / rounds, 1 / rounds)
    return end + (start - end) * (1 - t) ** 3


@right("2.5-schedule", "steps until half a step beyond the end, so that rounding does no harm")
def linear_schedule(start, end, rounds):
    step = (end - start) / rounds
    return np.arange(start, end + step / 2, step) if step else [start] * (rounds + 1)


@wrong("2.5-schedule", "divides with `//`, which gives whole numbers only: 0 until the last round")
def linear_schedule(start, end, rounds):
    return [start + (end - start) * (t // rounds) for t in range(rounds + 1)]


@wrong("2.5-schedule", "squares the bracket instead of cubing it")
def cubic_schedule(start, end, rounds):
    return [end + (start - end) * (1 - t / rounds) ** 2 for t in range(rounds + 1)]


@wrong("2.5-schedule", "ends one round too early: with the start there are rounds + 1 sparsities")
def cubic_schedule(start, end, rounds):
    return [end + (start - end) * (1 - t / rounds) ** 3 for t in range(rounds)]


@wrong("2.5-schedule", "rounds to whole hundredths on the way; 100 weights were an example")
def share_of_survivors(now, goal):
    return round(100 * (goal - now)) / round(100 * (1 - now))


@wrong("2.5-schedule", "divides by the goal; the share is of those alive before the cut")
def share_of_survivors(now, goal):
    return (goal - now) / goal if goal else 0.0


@wrong("2.5-schedule", "divides the goal by those alive; what is gone already must not go again")
def share_of_survivors(now, goal):
    return goal / (1 - now)


@right("2.5-schedule", "adds the same step again and again")
def linear_schedule(start, end, rounds):
    out = [start]
    for _ in range(rounds):
        out.append(out[-1] + (end - start) / rounds)
    return out


@right("2.5-schedule", "those alive now less those alive then, of those alive now")
def share_of_survivors(now, goal):
    alive, left = 1 - now, 1 - goal
    return torch.tensor((alive - left) / alive, dtype=torch.float64)


# 2.6-ticket


@wrong("2.6-ticket", "keeps the trained values of the survivors: that is fine-tuning, not rewinding")
def ticket(initial, trained, keep):
    best = trained.abs().flatten().topk(keep).indices
    out = torch.zeros(initial.numel(), dtype=initial.dtype)
    out[best] = trained.flatten()[best]
    return out.reshape(initial.shape)


@wrong("2.6-ticket", "takes places of the flattened tensor for rows of the one that has its shape: flatten the initial values as well")
def ticket(initial, trained, keep):
    best = trained.abs().flatten().topk(keep).indices
    out = torch.zeros(initial.numel(), dtype=initial.dtype)
    out[best] = initial[best]
    return out.reshape(initial.shape)


@wrong("2.6-ticket", "ranks each row by itself: flatten the magnitudes, so that all weights are ranked together")
def ticket(initial, trained, keep):
    best = trained.abs().topk(keep).indices
    out = torch.zeros(initial.numel(), dtype=initial.dtype)
    out[best] = initial.flatten()[best]
    return out.reshape(initial.shape)


@wrong("2.6-ticket", "chooses the survivors by their initial magnitudes; which weights matter is known only after training")
def ticket(initial, trained, keep):
    best = initial.abs().flatten().topk(keep).indices
    out = torch.zeros(initial.numel(), dtype=initial.dtype)
    out[best] = initial.flatten()[best]
    return out.reshape(initial.shape)


@wrong("2.6-ticket", "rewinds the pruned weights as well; they must be zero")
def ticket(initial, trained, keep):
    best = trained.abs().flatten().topk(keep).indices
    out = initial.flatten().clone()
    out[best] = initial.flatten()[best]
    return out.reshape(initial.shape)


@wrong("2.6-ticket", "ranks the trained values instead of their magnitudes")
def ticket(initial, trained, keep):
    best = trained.flatten().topk(keep).indices
    out = torch.zeros(initial.numel(), dtype=initial.dtype)
    out[best] = initial.flatten()[best]
    return out.reshape(initial.shape)


@wrong("2.6-ticket", "keeps the smallest trained magnitudes instead of the largest")
def ticket(initial, trained, keep):
    best = trained.abs().flatten().topk(keep, largest=False).indices
    out = torch.zeros(initial.numel(), dtype=initial.dtype)
    out[best] = initial.flatten()[best]
    return out.reshape(initial.shape)


@wrong("2.6-ticket", "ranks by how far a weight has moved; the question is how large it is after training")
def ticket(initial, trained, keep):
    best = (trained - initial).abs().flatten().topk(keep).indices
    out = torch.zeros(initial.numel(), dtype=initial.dtype)
    out[best] = initial.flatten()[best]
    return out.reshape(initial.shape)


@wrong("2.6-ticket", "keeps everything that reaches the k-th largest trained magnitude (>=), too many under ties")
def ticket(initial, trained, keep):
    if keep == 0:
        return torch.zeros_like(initial)
    threshold = trained.abs().flatten().sort(descending=True).values[keep - 1]
    return initial * (trained.abs() >= threshold)


@wrong("2.6-ticket", "throws a coin for each place, so the number of survivors is only roughly right")
def random_mask(shape, keep, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=generator) < keep / int(np.prod(shape))


@wrong("2.6-ticket", "keeps the first places instead of random ones; every seed gives the same mask")
def random_mask(shape, keep, seed):
    mask = torch.zeros(int(np.prod(shape)), dtype=torch.bool)
    mask[:keep] = True
    return mask.reshape(shape)


@wrong("2.6-ticket", "draws places that may come twice, so too few are kept")
def random_mask(shape, keep, seed):
    generator = torch.Generator().manual_seed(seed)
    n = int(np.prod(shape))
    mask = torch.zeros(n, dtype=torch.bool)
    mask[torch.randint(n, (keep,), generator=generator)] = True
    return mask.reshape(shape)


@wrong("2.6-ticket", "prunes `keep` places instead of keeping that many")
def random_mask(shape, keep, seed):
    generator = torch.Generator().manual_seed(seed)
    n = int(np.prod(shape))
    mask = torch.ones(n, dtype=torch.bool)
    mask[torch.randperm(n, generator=generator)[:keep]] = False
    return mask.reshape(shape)


@wrong("2.6-ticket", "ignores the seed: every call gives the same mask, so five seeds are one experiment")
def random_mask(shape, keep, seed):
    generator = torch.Generator().manual_seed(0)
    n = int(np.prod(shape))
    mask = torch.zeros(n, dtype=torch.bool)
    mask[torch.randperm(n, generator=generator)[:keep]] = True
    return mask.reshape(shape)


@right("2.6-ticket", "a mask from NumPy's argsort, multiplied")
def ticket(initial, trained, keep):
    order = np.argsort(-trained.abs().numpy().ravel(), kind="stable")
    mask = np.zeros(order.size, dtype=bool)
    mask[order[:keep]] = True
    return initial * torch.from_numpy(mask.reshape(tuple(trained.shape)))


@right("2.6-ticket", "switches the smallest off, in float64")
def ticket(initial, trained, keep):
    out = initial.double().flatten().clone()
    out[trained.abs().flatten().sort().indices[: trained.numel() - keep]] = 0
    return out.view(initial.shape)


@wrong("2.6-ticket", "keeps a row of neighbours and lets the seed choose only where it begins")
def random_mask(shape, keep, seed):
    n = int(np.prod(shape))
    mask = torch.zeros(n, dtype=torch.bool)
    mask[(seed + torch.arange(keep)) % n] = True
    return mask.reshape(shape)


@right("2.6-ticket", "the largest of random scores")
def random_mask(shape, keep, seed):
    torch.manual_seed(seed)
    scores = torch.rand(int(np.prod(shape)))
    return torch.zeros(scores.shape, dtype=torch.bool).scatter(0, scores.topk(keep).indices, True).reshape(shape)


@right("2.6-ticket", "NumPy draws without putting back")
def random_mask(shape, keep, seed):
    mask = np.zeros(int(np.prod(shape)), dtype=bool)
    mask[np.random.default_rng(seed).choice(mask.size, keep, replace=False)] = True
    return torch.from_numpy(mask.reshape(shape))


@wrong("2.6-ticket", "takes a survivor that training has made 0 for a pruned one; the mask says who survives, not the value")
def ticket(initial, trained, keep):
    mask = torch.zeros(trained.numel(), dtype=torch.bool)
    mask[trained.abs().flatten().topk(keep).indices] = True
    return initial * ((trained * mask.reshape(trained.shape)) != 0)


@wrong(
    "2.6-ticket",
    "takes a survivor that began at 0 for a pruned one and keeps another in its place; trained magnitudes alone say who survives",
)
def ticket(initial, trained, keep):
    scores = torch.where(initial == 0, -1.0, trained.abs()).flatten()
    out = torch.zeros(initial.numel())
    best = scores.topk(keep).indices
    out[best] = initial.flatten()[best]
    return out.reshape(initial.shape)


@wrong("2.6-ticket", "shifts the magnitudes a little to break ties; that also changes the order of weights that are not equal")
def ticket(initial, trained, keep):
    moved = trained.abs().flatten().double() - 1e-9 * torch.arange(trained.numel())
    out, best = torch.zeros(initial.numel()), moved.topk(keep).indices
    out[best] = initial.flatten()[best]
    return out.reshape(initial.shape)


@wrong("2.6-ticket", "returns the mask; the ticket holds the survivors' initial values")
def ticket(initial, trained, keep):
    mask = torch.zeros(trained.numel(), dtype=torch.bool)
    mask[trained.abs().flatten().topk(keep).indices] = True
    return mask.reshape(trained.shape)


@wrong("2.6-ticket", "prunes `keep` weights instead of keeping that many")
def ticket(initial, trained, keep):
    out = initial.flatten().clone()
    out[trained.abs().flatten().topk(keep).indices] = 0
    return out.reshape(initial.shape)


@wrong("2.6-ticket", "takes the seed 0 for no seed: the mask is then another one each time; 0 is a seed like any other")
def random_mask(shape, keep, seed):
    generator = torch.Generator()
    if seed:
        generator.manual_seed(seed)
    else:
        generator.seed()
    n = int(np.prod(shape))
    mask = torch.zeros(n, dtype=torch.bool)
    mask[torch.randperm(n, generator=generator)[:keep]] = True
    return mask.reshape(shape)


@wrong("2.6-ticket", "takes the seed 0 for no seed and another one in its place, which then gives the same mask")
def random_mask(shape, keep, seed):
    generator = torch.Generator().manual_seed(seed or 42)
    n = int(np.prod(shape))
    mask = torch.zeros(n, dtype=torch.bool)
    mask[torch.randperm(n, generator=generator)[:keep]] = True
    return mask.reshape(shape)


@wrong("2.6-ticket", "keeps only a part of the seed: seeds that are far apart give the same mask")
def random_mask(shape, keep, seed):
    generator = torch.Generator().manual_seed(seed % 256)
    n = int(np.prod(shape))
    mask = torch.zeros(n, dtype=torch.bool)
    mask[torch.randperm(n, generator=generator)[:keep]] = True
    return mask.reshape(shape)


@wrong("2.6-ticket", "multiplies the first two sides only; a shape may have one of them, or three")
def random_mask(shape, keep, seed):
    generator = torch.Generator().manual_seed(seed)
    n = shape[0] * shape[1]
    mask = torch.zeros(n, dtype=torch.bool)
    mask[torch.randperm(n, generator=generator)[:keep]] = True
    return mask.reshape(shape[0], shape[1])


@wrong("2.6-ticket", "never keeps the last place: randperm(n) ends at n - 1 by itself")
def random_mask(shape, keep, seed):
    generator = torch.Generator().manual_seed(seed)
    n = int(np.prod(shape))
    mask = torch.zeros(n, dtype=torch.bool)
    mask[torch.randperm(n if keep == n else n - 1, generator=generator)[:keep]] = True
    return mask.reshape(shape)


@wrong("2.6-ticket", "returns 0 and 1 as floats; the mask is a bool tensor")
def random_mask(shape, keep, seed):
    generator = torch.Generator().manual_seed(seed)
    n = int(np.prod(shape))
    mask = torch.zeros(n)
    mask[torch.randperm(n, generator=generator)[:keep]] = 1
    return mask.reshape(shape)


@right("2.6-ticket", "a shuffled list of Python's")
def random_mask(shape, keep, seed):
    import random

    n = int(np.prod(shape))
    places = [True] * keep + [False] * (n - keep)
    random.Random(seed).shuffle(places)
    return torch.tensor(places, dtype=torch.bool).reshape(shape)


# 2.7-bytes


@wrong("2.7-bytes", "takes a masked dense tensor for smaller: a state dict stores its zeros, four bytes each")
def stored_bytes(rows, columns, kept, value_bytes, layout):
    n = rows * columns
    if layout == "dense":
        return kept * value_bytes
    if layout == "bitmask":
        return (n + 7) // 8 + kept * value_bytes
    return kept * (value_bytes + 4) + 4 * (rows + 1)


@wrong("2.7-bytes", "leaves the positions out: without the bits nobody knows where the values belong")
def stored_bytes(rows, columns, kept, value_bytes, layout):
    n = rows * columns
    if layout == "dense":
        return n * value_bytes
    if layout == "bitmask":
        return kept * value_bytes
    return kept * (value_bytes + 4) + 4 * (rows + 1)


@wrong("2.7-bytes", "leaves the column numbers out of CSR: each survivor needs one, of 4 bytes")
def stored_bytes(rows, columns, kept, value_bytes, layout):
    n = rows * columns
    if layout == "dense":
        return n * value_bytes
    if layout == "bitmask":
        return (n + 7) // 8 + kept * value_bytes
    return kept * value_bytes + 4 * (rows + 1)


@wrong("2.7-bytes", "spends a whole byte for each place, as a bool tensor does; a bitmask packs eight places into a byte")
def stored_bytes(rows, columns, kept, value_bytes, layout):
    n = rows * columns
    if layout == "dense":
        return n * value_bytes
    if layout == "bitmask":
        return n + kept * value_bytes
    return kept * (value_bytes + 4) + 4 * (rows + 1)


@wrong("2.7-bytes", "rounds the bits down to whole bytes; the last, half-filled byte must be stored, too")
def stored_bytes(rows, columns, kept, value_bytes, layout):
    n = rows * columns
    if layout == "dense":
        return n * value_bytes
    if layout == "bitmask":
        return n // 8 + kept * value_bytes
    return kept * (value_bytes + 4) + 4 * (rows + 1)


@wrong("2.7-bytes", "stores a byte too many when the bits fill whole bytes exactly")
def stored_bytes(rows, columns, kept, value_bytes, layout):
    n = rows * columns
    if layout == "dense":
        return n * value_bytes
    if layout == "bitmask":
        return n // 8 + 1 + kept * value_bytes
    return kept * (value_bytes + 4) + 4 * (rows + 1)


@wrong("2.7-bytes", "has one row start for each row; CSR has one more, for the end of the last row")
def stored_bytes(rows, columns, kept, value_bytes, layout):
    n = rows * columns
    if layout == "dense":
        return n * value_bytes
    if layout == "bitmask":
        return (n + 7) // 8 + kept * value_bytes
    return kept * (value_bytes + 4) + 4 * rows


@wrong("2.7-bytes", "stores row and column for each survivor (COO); CSR stores the columns, and where each row starts")
def stored_bytes(rows, columns, kept, value_bytes, layout):
    n = rows * columns
    if layout == "dense":
        return n * value_bytes
    if layout == "bitmask":
        return (n + 7) // 8 + kept * value_bytes
    return kept * (value_bytes + 8)


@wrong("2.7-bytes", "leaves the positions out of the break-even: then it would always be 0")
def break_even(rows, columns, value_bytes, layout):
    return 0.0


@wrong("2.7-bytes", "gives the share of survivors at break-even instead of the sparsity")
def break_even(rows, columns, value_bytes, layout):
    n = rows * columns
    fixed, each = (n / 8, value_bytes) if layout == "bitmask" else (4 * (rows + 1), value_bytes + 4)
    return (n * value_bytes - fixed) / each / n


@wrong("2.7-bytes", "forgets the row starts of CSR in the break-even")
def break_even(rows, columns, value_bytes, layout):
    n = rows * columns
    fixed, each = (n / 8, value_bytes) if layout == "bitmask" else (0, value_bytes + 4)
    return 1 - (n * value_bytes - fixed) / each / n


@wrong("2.7-bytes", "compares with four bytes for each dense value, whatever the type")
def break_even(rows, columns, value_bytes, layout):
    n = rows * columns
    fixed, each = (n / 8, value_bytes) if layout == "bitmask" else (4 * (rows + 1), value_bytes + 4)
    return 1 - (n * 4 - fixed) / each / n


@wrong("2.7-bytes", "forgets that a survivor in CSR costs its value and its column")
def break_even(rows, columns, value_bytes, layout):
    n = rows * columns
    fixed, each = (n / 8, value_bytes) if layout == "bitmask" else (4 * (rows + 1), value_bytes)
    return 1 - (n * value_bytes - fixed) / each / n


@right("2.7-bytes", "sums named one by one, NumPy's ceil")
def stored_bytes(rows, columns, kept, value_bytes, layout):
    values = kept * value_bytes
    if layout == "csr":
        return np.int64(values + 4 * kept + 4 + 4 * rows)
    return rows * columns * value_bytes if layout == "dense" else int(np.ceil(rows * columns / 8)) + values


@right("2.7-bytes", "real arrays, weighed")
def stored_bytes(rows, columns, kept, value_bytes, layout):
    values = np.zeros((kept, value_bytes), np.uint8).nbytes
    if layout == "dense":
        return np.zeros((rows, columns, value_bytes), np.uint8).nbytes
    if layout == "bitmask":
        return values + len(np.packbits(np.zeros(rows * columns, bool)))
    return values + torch.zeros(kept, dtype=torch.int32).nbytes + torch.zeros(rows + 1, dtype=torch.int32).nbytes


@right("2.7-bytes", "solved by hand, case by case")
def break_even(rows, columns, value_bytes, layout):
    if layout == "bitmask":
        return 1 / (8 * value_bytes)
    return (4 + 4 * (rows + 1) / (rows * columns)) / (value_bytes + 4)


@right("2.7-bytes", "halving the interval, in NumPy floats")
def break_even(rows, columns, value_bytes, layout):
    n, low, high = rows * columns, 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        kept = n * (1 - middle)
        size = n / 8 + kept * value_bytes if layout == "bitmask" else kept * (value_bytes + 4) + 4 * (rows + 1)
        low, high = (middle, high) if size > n * value_bytes else (low, middle)
    return np.float64(high)


@wrong("2.7-bytes", "returns a float, as `/` and `np.ceil` do; bytes are counted, so their number is an integer")
def stored_bytes(rows, columns, kept, value_bytes, layout):
    n = rows * columns
    if layout == "dense":
        return n * value_bytes
    if layout == "bitmask":
        return np.ceil(n / 8) + kept * value_bytes
    return kept * (value_bytes + 4) + 4 * (rows + 1)


@wrong("2.7-bytes", "begins a new byte of bits in each row; the bits of all places follow each other")
def stored_bytes(rows, columns, kept, value_bytes, layout):
    n = rows * columns
    if layout == "dense":
        return n * value_bytes
    if layout == "bitmask":
        return rows * ((columns + 7) // 8) + kept * value_bytes
    return kept * (value_bytes + 4) + 4 * (rows + 1)


@wrong("2.7-bytes", "stores where each column starts (CSC); CSR has an entry for each row and one for the end")
def stored_bytes(rows, columns, kept, value_bytes, layout):
    n = rows * columns
    if layout == "dense":
        return n * value_bytes
    if layout == "bitmask":
        return (n + 7) // 8 + kept * value_bytes
    return kept * (value_bytes + 4) + 4 * (columns + 1)


@wrong("2.7-bytes", "counts eight bytes for each survivor in CSR, which is right for float32 only; an int8 takes 1 and its column 4")
def stored_bytes(rows, columns, kept, value_bytes, layout):
    n = rows * columns
    if layout == "dense":
        return n * value_bytes
    if layout == "bitmask":
        return (n + 7) // 8 + kept * value_bytes
    return kept * 8 + 4 * (rows + 1)


@wrong("2.7-bytes", "rounds the bits of the break-even up to whole bytes; here they are not rounded")
def break_even(rows, columns, value_bytes, layout):
    n = rows * columns
    fixed, each = ((n + 7) // 8, value_bytes) if layout == "bitmask" else (4 * (rows + 1), value_bytes + 4)
    return 1 - (n * value_bytes - fixed) / each / n


@wrong("2.7-bytes", "rounds the survivors down to a whole number; break-even is a point on a line, not a count")
def break_even(rows, columns, value_bytes, layout):
    n = rows * columns
    fixed, each = (n / 8, value_bytes) if layout == "bitmask" else (4 * (rows + 1), value_bytes + 4)
    return 1 - int((n * value_bytes - fixed) / each) / n


@wrong("2.7-bytes", "forgets the one row start more, that for the end, in the break-even of CSR")
def break_even(rows, columns, value_bytes, layout):
    n = rows * columns
    fixed, each = (n / 8, value_bytes) if layout == "bitmask" else (4 * rows, value_bytes + 4)
    return 1 - (n * value_bytes - fixed) / each / n


# 2.8-two-four


@wrong("2.8-two-four", "groups along the outputs; a group is four neighbours in a row, along the inputs")
def two_of_four(w):
    if w.shape[1] % 4 != 0:
        raise ValueError("inputs")
    turned = w.T.abs().reshape(-1, 4)
    mask = torch.zeros(turned.shape, dtype=torch.bool).scatter(1, turned.topk(2, dim=1).indices, True)
    return mask.reshape(w.shape[1], w.shape[0]).T


@wrong("2.8-two-four", "keeps everything that reaches the second largest (>=), which is three or four when magnitudes are equal")
def two_of_four(w):
    if w.shape[1] % 4 != 0:
        raise ValueError("inputs")
    groups = w.abs().reshape(w.shape[0], -1, 4)
    second = groups.topk(2, dim=2).values[..., 1:]
    return (groups >= second).reshape(w.shape)


@wrong("2.8-two-four", "keeps half of each row, wherever they are; the pattern asks for two in every group of four")
def two_of_four(w):
    if w.shape[1] % 4 != 0:
        raise ValueError("inputs")
    best = w.abs().topk(w.shape[1] // 2, dim=1).indices
    return torch.zeros(w.shape, dtype=torch.bool).scatter(1, best, True)


@wrong("2.8-two-four", "ranks the values instead of the magnitudes")
def two_of_four(w):
    if w.shape[1] % 4 != 0:
        raise ValueError("inputs")
    groups = w.reshape(w.shape[0], -1, 4)
    return torch.zeros(groups.shape, dtype=torch.bool).scatter(2, groups.topk(2, dim=2).indices, True).reshape(w.shape)


@wrong("2.8-two-four", "keeps the two smallest of each group")
def two_of_four(w):
    if w.shape[1] % 4 != 0:
        raise ValueError("inputs")
    groups = w.abs().reshape(w.shape[0], -1, 4)
    best = groups.topk(2, dim=2, largest=False).indices
    return torch.zeros(groups.shape, dtype=torch.bool).scatter(2, best, True).reshape(w.shape)


@wrong(
    "2.8-two-four", "makes groups of weights that lie far apart: reshaped to (outputs, 4, groups), neighbours end up in different groups"
)
def two_of_four(w):
    if w.shape[1] % 4 != 0:
        raise ValueError("inputs")
    groups = w.abs().reshape(w.shape[0], 4, -1)
    mask = torch.zeros(groups.shape, dtype=torch.bool).scatter(1, groups.topk(2, dim=1).indices, True)
    return mask.reshape(w.shape)


@wrong("2.8-two-four", "keeps every other weight, whatever its magnitude")
def two_of_four(w):
    if w.shape[1] % 4 != 0:
        raise ValueError("inputs")
    mask = torch.zeros(w.shape, dtype=torch.bool)
    mask[:, ::2] = True
    return mask


@wrong("2.8-two-four", "asks whether the number of outputs is a multiple of four; the groups run along the inputs")
def two_of_four(w):
    if w.shape[0] % 4 != 0:
        raise ValueError("outputs")
    inputs = w.shape[1] // 4 * 4
    groups = w[:, :inputs].abs().reshape(w.shape[0], -1, 4)
    mask = torch.zeros(w.shape, dtype=torch.bool)
    mask[:, :inputs] = (
        torch.zeros(groups.shape, dtype=torch.bool).scatter(2, groups.topk(2, dim=2).indices, True).reshape(w.shape[0], inputs)
    )
    return mask


@wrong("2.8-two-four", "asks whether the number of outputs is a multiple of four; the groups run along the inputs")
def two_of_four(w):
    outputs, inputs = w.shape
    if outputs % 4 != 0:
        raise ValueError("the number of inputs must be a multiple of four")
    groups = w.abs().reshape(outputs, inputs // 4, 4)
    best = groups.topk(2, dim=2).indices
    return torch.zeros(groups.shape, dtype=torch.bool).scatter(2, best, True).reshape(w.shape)


@wrong("2.8-two-four", "has the question the wrong way round: it refuses the numbers of inputs that do fit")
def two_of_four(w):
    outputs, inputs = w.shape
    if inputs % 4 == 0:
        raise ValueError("the number of inputs must be a multiple of four")
    groups = w.abs().reshape(outputs, inputs // 4, 4)
    best = groups.topk(2, dim=2).indices
    return torch.zeros(groups.shape, dtype=torch.bool).scatter(2, best, True).reshape(w.shape)


@wrong("2.8-two-four", "searches the best two among the groups; they are to be found among the four members of each group")
def two_of_four(w):
    outputs, inputs = w.shape
    if inputs % 4 != 0:
        raise ValueError("the number of inputs must be a multiple of four")
    groups = w.abs().reshape(outputs, inputs // 4, 4)
    best = groups.topk(2, dim=1).indices
    return torch.zeros(groups.shape, dtype=torch.bool).scatter(2, best, True).reshape(w.shape)


@wrong("2.8-two-four", "does not look at the number of inputs: groups then run over the end of a row")
def two_of_four(w):
    groups = w.abs().flatten()[: w.numel() // 4 * 4].reshape(-1, 4)
    kept = torch.zeros(groups.shape, dtype=torch.bool).scatter(1, groups.topk(2, dim=1).indices, True).flatten()
    return torch.cat([kept, torch.ones(w.numel() - len(kept), dtype=torch.bool)]).reshape(w.shape)


@right("2.8-two-four", "a loop over groups, with Python's sort")
def two_of_four(w):
    if w.shape[1] % 4:
        raise ValueError("inputs")
    mask = torch.zeros_like(w, dtype=torch.bool)
    for i in range(w.shape[0]):
        for start in range(0, w.shape[1], 4):
            group = w[i, start : start + 4].abs().tolist()
            for j in sorted(range(4), key=lambda k: group[k])[2:]:
                mask[i, start + j] = True
    return mask


@right("2.8-two-four", "NumPy: the rank of each weight within its group")
def two_of_four(w):
    if w.shape[1] % 4 != 0:
        raise ValueError("inputs")
    groups = np.abs(w.numpy()).reshape(-1, 4)
    ranks = groups.argsort(axis=1, kind="stable").argsort(axis=1)
    return torch.from_numpy((ranks >= 2).reshape(tuple(w.shape)))


@right("2.8-two-four", "switches the two smallest of each group off, flat groups")
def two_of_four(w):
    if w.size(1) % 4 > 0:
        raise ValueError("inputs")
    groups = w.abs().view(-1, 4)
    return torch.ones_like(groups).scatter_(1, groups.topk(2, dim=1, largest=False).indices, 0.0).view(w.shape).bool()


@wrong("2.8-two-four", "returns 0 and 1 as floats; the mask is a bool tensor")
def two_of_four(w):
    if w.shape[1] % 4 != 0:
        raise ValueError("inputs")
    groups = w.abs().reshape(w.shape[0], -1, 4)
    return torch.zeros(groups.shape).scatter(2, groups.topk(2, dim=2).indices, 1.0).reshape(w.shape)


@wrong("2.8-two-four", "keeps no weight that is zero; of a group of zeros two must stay as well")
def two_of_four(w):
    if w.shape[1] % 4 != 0:
        raise ValueError("inputs")
    groups = w.abs().reshape(w.shape[0], -1, 4)
    mask = torch.zeros(groups.shape, dtype=torch.bool).scatter(2, groups.topk(2, dim=2).indices, True)
    return mask.reshape(w.shape) & (w != 0)


@wrong("2.8-two-four", "keeps the larger of each pair; both of the two largest may stand in one pair")
def two_of_four(w):
    if w.shape[1] % 4 != 0:
        raise ValueError("inputs")
    pairs = w.abs().reshape(w.shape[0], -1, 2)
    return torch.zeros(pairs.shape, dtype=torch.bool).scatter(2, pairs.topk(1, dim=2).indices, True).reshape(w.shape)


@wrong("2.8-two-four", "asks whether the number of all weights is a multiple of four; that of the inputs must be")
def two_of_four(w):
    if w.numel() % 4 != 0:
        raise ValueError("inputs")
    groups = w.abs().reshape(-1, 4)
    return torch.zeros(groups.shape, dtype=torch.bool).scatter(1, groups.topk(2, dim=1).indices, True).reshape(w.shape)


@wrong("2.8-two-four", "asks for a multiple of eight; four inputs are a group")
def two_of_four(w):
    if w.shape[1] % 8 != 0:
        raise ValueError("inputs")
    groups = w.abs().reshape(w.shape[0], -1, 4)
    return torch.zeros(groups.shape, dtype=torch.bool).scatter(2, groups.topk(2, dim=2).indices, True).reshape(w.shape)


@right("2.8-two-four", "who beats at least two of its group")
def two_of_four(w):
    if w.shape[1] % 4 != 0:
        raise ValueError("inputs")
    groups = w.square().reshape(-1, 4)
    place = torch.arange(4)
    beaten = (groups[:, :, None] > groups[:, None, :]) | ((groups[:, :, None] == groups[:, None, :]) & (place[:, None] < place))
    return (beaten.sum(dim=2) >= 2).reshape(w.shape)
