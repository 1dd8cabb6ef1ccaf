"""The bank of the pruning lab: answers that students really give, and right answers written differently.

Each function stands by itself: it uses `np`, `torch` and its own body. A wrong answer's sentence is what a
student reads when theirs behaves the same, so it says what goes wrong and why, not what to type.
"""

import numpy as np
import torch

from autograder.checks import right, right_value, wrong, wrong_value

# tradeoff.1-predict

wrong_value("tradeoff.1-predict", "counts the outputs only; a layer behind a pruned one also has fewer inputs", predict_1="a")
wrong_value(
    "tradeoff.1-predict", "cuts too little: 0.85 of the outputs times 0.85 of the inputs is still almost three quarters", predict_1="c"
)
wrong_value("tradeoff.1-predict", "takes the share that goes for the share that stays", predict_1="d")
wrong_value("tradeoff.1-predict", "gives the ratio instead of the letter of the choice", predict_1="30 %")
right_value("tradeoff.1-predict", "a capital letter", predict_1="B")
right_value("tradeoff.1-predict", "with brackets and a space", predict_1="(b) ")

# tradeoff.2-keep


@wrong("tradeoff.2-keep", "keeps the worst channels: sorted upwards, the first ones have the lowest scores")
def channels_to_keep(scores, percent):
    return [torch.argsort(s, stable=True)[: len(s) - len(s) * percent // 100].sort().values for s in scores]


@wrong("tradeoff.2-keep", "ranks by magnitude: a score below 0 is a low one, however far below")
def channels_to_keep(scores, percent):
    return [torch.argsort(s.abs(), descending=True, stable=True)[: len(s) - len(s) * percent // 100].sort().values for s in scores]


@wrong("tradeoff.2-keep", "leaves the indices in the order of their scores; layers find their partners by position, so they must ascend")
def channels_to_keep(scores, percent):
    return [torch.argsort(s, descending=True, stable=True)[: len(s) - len(s) * percent // 100] for s in scores]


@wrong("tradeoff.2-keep", "keeps `percent` of the channels; the ratio is the share that goes")
def channels_to_keep(scores, percent):
    return [torch.argsort(s, descending=True, stable=True)[: len(s) * percent // 100].sort().values for s in scores]


@wrong("tradeoff.2-keep", "returns the channels that go, not those that stay")
def channels_to_keep(scores, percent):
    return [torch.argsort(s, descending=True, stable=True)[len(s) - len(s) * percent // 100 :].sort().values for s in scores]


@wrong(
    "tradeoff.2-keep",
    "sets one threshold for all layers; scores of different layers cannot be compared, and each layer must lose its own share",
)
def channels_to_keep(scores, percent):
    every = torch.cat(list(scores))
    order = torch.argsort(every, descending=True, stable=True)[: len(every) - len(every) * percent // 100]
    kept = torch.zeros(len(every), dtype=torch.bool)
    kept[order] = True
    return [torch.nonzero(part).flatten() for part in kept.split([len(s) for s in scores])]


@wrong("tradeoff.2-keep", "rounds the number that stays down, so a channel too many goes; the number removed is rounded down")
def channels_to_keep(scores, percent):
    return [torch.argsort(s, descending=True, stable=True)[: len(s) * (100 - percent) // 100].sort().values for s in scores]


@wrong("tradeoff.2-keep", "rounds the number removed to the nearest whole one; it is rounded down")
def channels_to_keep(scores, percent):
    return [torch.argsort(s, descending=True, stable=True)[: len(s) - int(len(s) * percent / 100 + 0.5)].sort().values for s in scores]


@wrong(
    "tradeoff.2-keep",
    "multiplies with a fraction: `n * (percent / 100)` can fall just short of a whole number, and `int` then cuts a whole channel off",
)
def channels_to_keep(scores, percent):
    return [torch.argsort(s, descending=True, stable=True)[: len(s) - int(len(s) * (percent / 100))].sort().values for s in scores]


@wrong("tradeoff.2-keep", "removes the same number of channels from every layer, that of the first; the share is the same, not the number")
def channels_to_keep(scores, percent):
    removed = len(scores[0]) * percent // 100
    return [torch.argsort(s, descending=True, stable=True)[: max(1, len(s) - removed)].sort().values for s in scores]


@wrong("tradeoff.2-keep", "keeps everything that reaches the score of the last place; with ties these are too many")
def channels_to_keep(scores, percent):
    kept = []
    for s in scores:
        threshold = s.sort(descending=True).values[len(s) - len(s) * percent // 100 - 1]
        kept.append(torch.nonzero(s >= threshold).flatten())
    return kept


@wrong("tradeoff.2-keep", "gives ties to the higher index: the upward order was turned round, and with it the equal ones")
def channels_to_keep(scores, percent):
    return [torch.argsort(s, stable=True).flip(0)[: len(s) - len(s) * percent // 100].sort().values for s in scores]


@right("tradeoff.2-keep", "NumPy's stable sort of the negated scores, the last ones dropped")
def channels_to_keep(scores, percent):
    kept = []
    for s in scores:
        order = np.argsort(-s.numpy(), kind="stable")
        removed = len(s) * percent // 100
        kept.append(torch.from_numpy(np.sort(order[:-removed] if removed else order)))
    return kept


@right("tradeoff.2-keep", "the number that stays, rounded up; a tuple of tensors from Python's sort")
def channels_to_keep(scores, percent):
    kept = []
    for s in scores:
        values = s.tolist()
        stay = -(-len(values) * (100 - percent) // 100)
        kept.append(torch.tensor(sorted(sorted(range(len(values)), key=lambda c: (-values[c], c))[:stay])))
    return tuple(kept)


@wrong("tradeoff.2-keep", "gives int32 indices; int64 is asked, the type that every index in PyTorch has")
def channels_to_keep(scores, percent):
    order = [torch.argsort(layer, descending=True, stable=True) for layer in scores]
    return [each[: len(each) - len(each) * percent // 100].sort().values.int() for each in order]


@wrong("tradeoff.2-keep", "gives lists of floats that hold whole numbers; an index is an int64 tensor")
def channels_to_keep(scores, percent):
    order = [torch.argsort(layer, descending=True, stable=True) for layer in scores]
    return [each[: len(each) - len(each) * percent // 100].sort().values.float() for each in order]


@right("tradeoff.2-keep", "a mask from which the worst are struck, last ones first")
def channels_to_keep(scores, percent):
    kept = []
    for s in scores:
        mask = torch.ones(len(s), dtype=torch.bool)
        mask[torch.argsort(s, descending=True, stable=True).flip(0)[: len(s) * percent // 100]] = False
        kept.append(mask.nonzero().flatten())
    return kept


# tradeoff.3-shrink


@wrong(
    "tradeoff.3-shrink", "looks at γ alone; with γ = 0 and β above 0 a channel puts out β for every image, and the next layer counts on it"
)
def shrink(weights):
    small, inputs = {}, torch.arange(weights["convs.0.weight"].shape[1])
    for i in range(len(weights) // 6):
        gamma = weights[f"norms.{i}.weight"]
        keep = torch.nonzero(gamma != 0).flatten()
        small[f"convs.{i}.weight"] = weights[f"convs.{i}.weight"][keep][:, inputs]
        for name in ("weight", "bias", "running_mean", "running_var"):
            small[f"norms.{i}.{name}"] = weights[f"norms.{i}.{name}"][keep]
        small[f"norms.{i}.num_batches_tracked"] = weights[f"norms.{i}.num_batches_tracked"]
        inputs = keep
    return small | {"head.weight": weights["head.weight"][:, inputs], "head.bias": weights["head.bias"]}


@wrong("tradeoff.3-shrink", "keeps only channels with γ and β that are not 0; with β = 0 a channel still follows the image")
def shrink(weights):
    small, inputs = {}, torch.arange(weights["convs.0.weight"].shape[1])
    for i in range(len(weights) // 6):
        gamma, beta = weights[f"norms.{i}.weight"], weights[f"norms.{i}.bias"]
        keep = torch.nonzero((gamma != 0) & (beta != 0)).flatten()
        small[f"convs.{i}.weight"] = weights[f"convs.{i}.weight"][keep][:, inputs]
        for name in ("weight", "bias", "running_mean", "running_var"):
            small[f"norms.{i}.{name}"] = weights[f"norms.{i}.{name}"][keep]
        small[f"norms.{i}.num_batches_tracked"] = weights[f"norms.{i}.num_batches_tracked"]
        inputs = keep
    return small | {"head.weight": weights["head.weight"][:, inputs], "head.bias": weights["head.bias"]}


@wrong("tradeoff.3-shrink", "takes every β that is not 0 for a sign of life; with γ = 0 and β below 0 the ReLU gives 0")
def shrink(weights):
    small, inputs = {}, torch.arange(weights["convs.0.weight"].shape[1])
    for i in range(len(weights) // 6):
        gamma, beta = weights[f"norms.{i}.weight"], weights[f"norms.{i}.bias"]
        keep = torch.nonzero((gamma != 0) | (beta != 0)).flatten()
        small[f"convs.{i}.weight"] = weights[f"convs.{i}.weight"][keep][:, inputs]
        for name in ("weight", "bias", "running_mean", "running_var"):
            small[f"norms.{i}.{name}"] = weights[f"norms.{i}.{name}"][keep]
        small[f"norms.{i}.num_batches_tracked"] = weights[f"norms.{i}.num_batches_tracked"]
        inputs = keep
    return small | {"head.weight": weights["head.weight"][:, inputs], "head.bias": weights["head.bias"]}


@wrong("tradeoff.3-shrink", "asks for a positive γ; with a negative one the channel is alive as well")
def shrink(weights):
    small, inputs = {}, torch.arange(weights["convs.0.weight"].shape[1])
    for i in range(len(weights) // 6):
        gamma, beta = weights[f"norms.{i}.weight"], weights[f"norms.{i}.bias"]
        keep = torch.nonzero((gamma > 0) | (beta > 0)).flatten()
        small[f"convs.{i}.weight"] = weights[f"convs.{i}.weight"][keep][:, inputs]
        for name in ("weight", "bias", "running_mean", "running_var"):
            small[f"norms.{i}.{name}"] = weights[f"norms.{i}.{name}"][keep]
        small[f"norms.{i}.num_batches_tracked"] = weights[f"norms.{i}.num_batches_tracked"]
        inputs = keep
    return small | {"head.weight": weights["head.weight"][:, inputs], "head.bias": weights["head.bias"]}


@wrong(
    "tradeoff.3-shrink", "looks for filters of zeros; the mask is in the batch norm, and the silent channels' filters hold what they held"
)
def shrink(weights):
    small, inputs = {}, torch.arange(weights["convs.0.weight"].shape[1])
    for i in range(len(weights) // 6):
        conv = weights[f"convs.{i}.weight"]
        keep = torch.nonzero(conv.flatten(1).abs().sum(dim=1) != 0).flatten()
        small[f"convs.{i}.weight"] = weights[f"convs.{i}.weight"][keep][:, inputs]
        for name in ("weight", "bias", "running_mean", "running_var"):
            small[f"norms.{i}.{name}"] = weights[f"norms.{i}.{name}"][keep]
        small[f"norms.{i}.num_batches_tracked"] = weights[f"norms.{i}.num_batches_tracked"]
        inputs = keep
    return small | {"head.weight": weights["head.weight"][:, inputs], "head.bias": weights["head.bias"]}


@wrong("tradeoff.3-shrink", "looks at β alone; a channel with β of 0 or below can still be loud through γ")
def shrink(weights):
    small, inputs = {}, torch.arange(weights["convs.0.weight"].shape[1])
    for i in range(len(weights) // 6):
        beta = weights[f"norms.{i}.bias"]
        keep = torch.nonzero(beta > 0).flatten()
        small[f"convs.{i}.weight"] = weights[f"convs.{i}.weight"][keep][:, inputs]
        for name in ("weight", "bias", "running_mean", "running_var"):
            small[f"norms.{i}.{name}"] = weights[f"norms.{i}.{name}"][keep]
        small[f"norms.{i}.num_batches_tracked"] = weights[f"norms.{i}.num_batches_tracked"]
        inputs = keep
    return small | {"head.weight": weights["head.weight"][:, inputs], "head.bias": weights["head.bias"]}


@wrong("tradeoff.3-shrink", "cuts the outputs only: the next convolution still has all its inputs, and the head all its columns")
def shrink(weights):
    kept = [
        torch.nonzero((weights[f"norms.{i}.weight"] != 0) | (weights[f"norms.{i}.bias"] > 0)).flatten() for i in range(len(weights) // 6)
    ]
    small = {}
    for i, keep in enumerate(kept):
        small[f"convs.{i}.weight"] = weights[f"convs.{i}.weight"][keep]
        for name in ("weight", "bias", "running_mean", "running_var"):
            small[f"norms.{i}.{name}"] = weights[f"norms.{i}.{name}"][keep]
        small[f"norms.{i}.num_batches_tracked"] = weights[f"norms.{i}.num_batches_tracked"]
    return small | {"head.weight": weights["head.weight"], "head.bias": weights["head.bias"]}


@wrong("tradeoff.3-shrink", "cuts a convolution's inputs with its own survivors; they are the channels of the layer before")
def shrink(weights):
    kept = [
        torch.nonzero((weights[f"norms.{i}.weight"] != 0) | (weights[f"norms.{i}.bias"] > 0)).flatten() for i in range(len(weights) // 6)
    ]
    small = {}
    for i, keep in enumerate(kept):
        w = weights[f"convs.{i}.weight"][keep]
        small[f"convs.{i}.weight"] = w[:, keep] if i else w
        for name in ("weight", "bias", "running_mean", "running_var"):
            small[f"norms.{i}.{name}"] = weights[f"norms.{i}.{name}"][keep]
        small[f"norms.{i}.num_batches_tracked"] = weights[f"norms.{i}.num_batches_tracked"]
    return small | {"head.weight": weights["head.weight"][:, kept[-1]], "head.bias": weights["head.bias"]}


@wrong("tradeoff.3-shrink", "takes the first inputs in place of the kept ones: shapes fit, and every layer listens to the wrong channels")
def shrink(weights):
    kept = [
        torch.nonzero((weights[f"norms.{i}.weight"] != 0) | (weights[f"norms.{i}.bias"] > 0)).flatten() for i in range(len(weights) // 6)
    ]
    small, inputs = {}, weights["convs.0.weight"].shape[1]
    for i, keep in enumerate(kept):
        small[f"convs.{i}.weight"] = weights[f"convs.{i}.weight"][keep][:, :inputs]
        for name in ("weight", "bias", "running_mean", "running_var"):
            small[f"norms.{i}.{name}"] = weights[f"norms.{i}.{name}"][keep]
        small[f"norms.{i}.num_batches_tracked"] = weights[f"norms.{i}.num_batches_tracked"]
        inputs = len(keep)
    return small | {"head.weight": weights["head.weight"][:, kept[-1]], "head.bias": weights["head.bias"]}


@wrong(
    "tradeoff.3-shrink",
    "takes the first running statistics in place of the kept ones: each channel must keep the mean and variance it was trained with",
)
def shrink(weights):
    kept = [
        torch.nonzero((weights[f"norms.{i}.weight"] != 0) | (weights[f"norms.{i}.bias"] > 0)).flatten() for i in range(len(weights) // 6)
    ]
    small, inputs = {}, torch.arange(weights["convs.0.weight"].shape[1])
    for i, keep in enumerate(kept):
        small[f"convs.{i}.weight"] = weights[f"convs.{i}.weight"][keep][:, inputs]
        for name in ("weight", "bias"):
            small[f"norms.{i}.{name}"] = weights[f"norms.{i}.{name}"][keep]
        for name in ("running_mean", "running_var"):
            small[f"norms.{i}.{name}"] = weights[f"norms.{i}.{name}"][: len(keep)]
        small[f"norms.{i}.num_batches_tracked"] = weights[f"norms.{i}.num_batches_tracked"]
        inputs = keep
    return small | {"head.weight": weights["head.weight"][:, inputs], "head.bias": weights["head.bias"]}


@wrong("tradeoff.3-shrink", "leaves the running statistics fresh: 0 and 1 are not what the kept channels were trained with")
def shrink(weights):
    kept = [
        torch.nonzero((weights[f"norms.{i}.weight"] != 0) | (weights[f"norms.{i}.bias"] > 0)).flatten() for i in range(len(weights) // 6)
    ]
    small, inputs = {}, torch.arange(weights["convs.0.weight"].shape[1])
    for i, keep in enumerate(kept):
        small[f"convs.{i}.weight"] = weights[f"convs.{i}.weight"][keep][:, inputs]
        for name in ("weight", "bias"):
            small[f"norms.{i}.{name}"] = weights[f"norms.{i}.{name}"][keep]
        small[f"norms.{i}.running_mean"], small[f"norms.{i}.running_var"] = torch.zeros(len(keep)), torch.ones(len(keep))
        small[f"norms.{i}.num_batches_tracked"] = weights[f"norms.{i}.num_batches_tracked"]
        inputs = keep
    return small | {"head.weight": weights["head.weight"][:, inputs], "head.bias": weights["head.bias"]}


@wrong("tradeoff.3-shrink", "forgets the running statistics: they are no parameters, but without them the network cannot be loaded")
def shrink(weights):
    kept = [
        torch.nonzero((weights[f"norms.{i}.weight"] != 0) | (weights[f"norms.{i}.bias"] > 0)).flatten() for i in range(len(weights) // 6)
    ]
    small, inputs = {}, torch.arange(weights["convs.0.weight"].shape[1])
    for i, keep in enumerate(kept):
        small[f"convs.{i}.weight"] = weights[f"convs.{i}.weight"][keep][:, inputs]
        for name in ("weight", "bias"):
            small[f"norms.{i}.{name}"] = weights[f"norms.{i}.{name}"][keep]
        small[f"norms.{i}.num_batches_tracked"] = weights[f"norms.{i}.num_batches_tracked"]
        inputs = keep
    return small | {"head.weight": weights["head.weight"][:, inputs], "head.bias": weights["head.bias"]}


@wrong("tradeoff.3-shrink", "loses batch norm's β of the kept channels, so they fire at the wrong level")
def shrink(weights):
    kept = [
        torch.nonzero((weights[f"norms.{i}.weight"] != 0) | (weights[f"norms.{i}.bias"] > 0)).flatten() for i in range(len(weights) // 6)
    ]
    small, inputs = {}, torch.arange(weights["convs.0.weight"].shape[1])
    for i, keep in enumerate(kept):
        small[f"convs.{i}.weight"] = weights[f"convs.{i}.weight"][keep][:, inputs]
        for name in ("weight", "running_mean", "running_var"):
            small[f"norms.{i}.{name}"] = weights[f"norms.{i}.{name}"][keep]
        small[f"norms.{i}.bias"] = torch.zeros(len(keep))
        small[f"norms.{i}.num_batches_tracked"] = weights[f"norms.{i}.num_batches_tracked"]
        inputs = keep
    return small | {"head.weight": weights["head.weight"][:, inputs], "head.bias": weights["head.bias"]}


@wrong("tradeoff.3-shrink", "forgets the head: it listens to the last convolution's channels and must lose the columns of those that went")
def shrink(weights):
    kept = [
        torch.nonzero((weights[f"norms.{i}.weight"] != 0) | (weights[f"norms.{i}.bias"] > 0)).flatten() for i in range(len(weights) // 6)
    ]
    small, inputs = {}, torch.arange(weights["convs.0.weight"].shape[1])
    for i, keep in enumerate(kept):
        small[f"convs.{i}.weight"] = weights[f"convs.{i}.weight"][keep][:, inputs]
        for name in ("weight", "bias", "running_mean", "running_var"):
            small[f"norms.{i}.{name}"] = weights[f"norms.{i}.{name}"][keep]
        small[f"norms.{i}.num_batches_tracked"] = weights[f"norms.{i}.num_batches_tracked"]
        inputs = keep
    return small | {"head.weight": weights["head.weight"], "head.bias": weights["head.bias"]}


@wrong("tradeoff.3-shrink", "takes the head's first columns in place of the kept ones")
def shrink(weights):
    kept = [
        torch.nonzero((weights[f"norms.{i}.weight"] != 0) | (weights[f"norms.{i}.bias"] > 0)).flatten() for i in range(len(weights) // 6)
    ]
    small, inputs = {}, torch.arange(weights["convs.0.weight"].shape[1])
    for i, keep in enumerate(kept):
        small[f"convs.{i}.weight"] = weights[f"convs.{i}.weight"][keep][:, inputs]
        for name in ("weight", "bias", "running_mean", "running_var"):
            small[f"norms.{i}.{name}"] = weights[f"norms.{i}.{name}"][keep]
        small[f"norms.{i}.num_batches_tracked"] = weights[f"norms.{i}.num_batches_tracked"]
        inputs = keep
    return small | {"head.weight": weights["head.weight"][:, : len(inputs)], "head.bias": weights["head.bias"]}


@wrong("tradeoff.3-shrink", "takes a tiny γ for 0; a channel is silent only if γ is exactly 0")
def shrink(weights):
    small, inputs = dict(weights), torch.arange(weights["convs.0.weight"].shape[1])
    for i in range(len(weights) // 6):
        keep = torch.nonzero((weights[f"norms.{i}.weight"].abs() > 1e-3) | (weights[f"norms.{i}.bias"] > 0)).flatten()
        small[f"convs.{i}.weight"] = weights[f"convs.{i}.weight"][keep][:, inputs]
        for name in ("weight", "bias", "running_mean", "running_var"):
            small[f"norms.{i}.{name}"] = weights[f"norms.{i}.{name}"][keep]
        inputs = keep
    return small | {"head.weight": weights["head.weight"][:, inputs]}


@wrong("tradeoff.3-shrink", "gives the masked network back: the tensors have their old shapes, and nothing is saved")
def shrink(weights):
    return {name: tensor.clone() for name, tensor in weights.items()}


@wrong("tradeoff.3-shrink", "keeps the silent channels, and removes those that are heard")
def shrink(weights):
    kept = [
        torch.nonzero((weights[f"norms.{i}.weight"] != 0) | (weights[f"norms.{i}.bias"] > 0)).flatten() for i in range(len(weights) // 6)
    ]
    small, inputs = {}, torch.arange(weights["convs.0.weight"].shape[1])
    for i, gone in enumerate(kept):
        stays = set(range(len(weights[f"norms.{i}.weight"]))) - set(gone.tolist())
        keep = torch.tensor(sorted(stays), dtype=torch.int64)
        small[f"convs.{i}.weight"] = weights[f"convs.{i}.weight"][keep][:, inputs]
        for name in ("weight", "bias", "running_mean", "running_var"):
            small[f"norms.{i}.{name}"] = weights[f"norms.{i}.{name}"][keep]
        small[f"norms.{i}.num_batches_tracked"] = weights[f"norms.{i}.num_batches_tracked"]
        inputs = keep
    return small | {"head.weight": weights["head.weight"][:, inputs], "head.bias": weights["head.bias"]}


@wrong("tradeoff.3-shrink", "cuts the head's bias: it belongs to the classes, which all stay")
def shrink(weights):
    kept = [
        torch.nonzero((weights[f"norms.{i}.weight"] != 0) | (weights[f"norms.{i}.bias"] > 0)).flatten() for i in range(len(weights) // 6)
    ]
    small, inputs = {}, torch.arange(weights["convs.0.weight"].shape[1])
    for i, keep in enumerate(kept):
        small[f"convs.{i}.weight"] = weights[f"convs.{i}.weight"][keep][:, inputs]
        for name in ("weight", "bias", "running_mean", "running_var"):
            small[f"norms.{i}.{name}"] = weights[f"norms.{i}.{name}"][keep]
        small[f"norms.{i}.num_batches_tracked"] = weights[f"norms.{i}.num_batches_tracked"]
        inputs = keep
    return small | {"head.weight": weights["head.weight"][:, inputs], "head.bias": weights["head.bias"][inputs]}


@wrong("tradeoff.3-shrink", "shrink changes the state dict that it was given")
def shrink(weights):
    kept = [
        torch.nonzero((weights[f"norms.{i}.weight"] != 0) | (weights[f"norms.{i}.bias"] > 0)).flatten() for i in range(len(weights) // 6)
    ]
    inputs = torch.arange(weights["convs.0.weight"].shape[1])
    for i, keep in enumerate(kept):
        weights[f"convs.{i}.weight"] = weights[f"convs.{i}.weight"][keep][:, inputs]
        for name in ("weight", "bias", "running_mean", "running_var"):
            weights[f"norms.{i}.{name}"] = weights[f"norms.{i}.{name}"][keep]
        inputs = keep
    weights["head.weight"] = weights["head.weight"][:, inputs]
    return weights


@right("tradeoff.3-shrink", "a copy of the dict that is overwritten, cut axis by axis with index_select")
def shrink(weights):
    kept = [
        torch.nonzero((weights[f"norms.{i}.weight"] != 0) | (weights[f"norms.{i}.bias"] > 0)).flatten() for i in range(len(weights) // 6)
    ]
    small = {name: tensor.clone() for name, tensor in weights.items()}
    for i, keep in enumerate(kept):
        for name in ("weight", "bias", "running_mean", "running_var"):
            small[f"norms.{i}.{name}"] = small[f"norms.{i}.{name}"].index_select(0, keep)
        small[f"convs.{i}.weight"] = small[f"convs.{i}.weight"].index_select(0, keep)
        after = f"convs.{i + 1}.weight" if i + 1 < len(kept) else "head.weight"
        small[after] = small[after].index_select(1, keep)
    return small


@right("tradeoff.3-shrink", "rules by name, in another order of names")
def shrink(weights):
    kept = [
        torch.nonzero((weights[f"norms.{i}.weight"] != 0) | (weights[f"norms.{i}.bias"] > 0)).flatten() for i in range(len(weights) // 6)
    ]
    small = {}
    for name in sorted(weights, reverse=True):
        tensor = weights[name]
        if name == "head.weight":
            tensor = tensor[:, kept[-1]]
        elif name.startswith("convs."):
            i = int(name.split(".")[1])
            tensor = tensor[kept[i]]
            tensor = tensor[:, kept[i - 1]] if i else tensor
        elif name.startswith("norms.") and tensor.dim():
            tensor = tensor[kept[int(name.split(".")[1])]]
        small[name] = tensor
    return small


@right("tradeoff.3-shrink", "NumPy's ix_, channels in another order that all layers share")
def shrink(weights):
    kept = [
        torch.nonzero((weights[f"norms.{i}.weight"] != 0) | (weights[f"norms.{i}.bias"] > 0)).flatten() for i in range(len(weights) // 6)
    ]
    small, before = {}, np.arange(weights["convs.0.weight"].shape[1])
    for i, keep in enumerate(kept):
        own = keep.numpy()[::-1].copy()
        small[f"convs.{i}.weight"] = torch.from_numpy(weights[f"convs.{i}.weight"].numpy()[np.ix_(own, before)])
        for name in ("weight", "bias", "running_mean", "running_var"):
            small[f"norms.{i}.{name}"] = torch.from_numpy(weights[f"norms.{i}.{name}"].numpy()[own])
        small[f"norms.{i}.num_batches_tracked"] = weights[f"norms.{i}.num_batches_tracked"]
        before = own
    return small | {"head.weight": torch.from_numpy(weights["head.weight"].numpy()[:, before]), "head.bias": weights["head.bias"].clone()}


@wrong("tradeoff.3-shrink", "gives float64 tensors; the small network's numbers keep the type they have, float32")
def shrink(weights):
    kept = [
        torch.nonzero((weights[f"norms.{i}.weight"] != 0) | (weights[f"norms.{i}.bias"] > 0)).flatten() for i in range(len(weights) // 6)
    ]
    small = {name: tensor.double() if tensor.is_floating_point() else tensor for name, tensor in weights.items()}
    for i, keep in enumerate(kept):
        for name in ("weight", "bias", "running_mean", "running_var"):
            small[f"norms.{i}.{name}"] = small[f"norms.{i}.{name}"][keep]
        small[f"convs.{i}.weight"] = small[f"convs.{i}.weight"][keep]
        after = f"convs.{i + 1}.weight" if i + 1 < len(kept) else "head.weight"
        small[after] = small[after][:, keep]
    return small


# tradeoff.4-macs


@wrong("tradeoff.4-macs", "rounds the side down after a stride: 7 positions at stride 2 are 4, not 3")
def count_macs(widths, strides, in_channels, side, classes):
    macs, inputs = 0, in_channels
    for width, stride in zip(widths, strides):
        side = side // stride
        macs += 9 * inputs * width * side * side
        inputs = width
    return macs + inputs * classes


@wrong("tradeoff.4-macs", "leaves the side as it was: a stride makes the output smaller")
def count_macs(widths, strides, in_channels, side, classes):
    macs, inputs = 0, in_channels
    for width, stride in zip(widths, strides):
        macs += 9 * inputs * width * side * side
        inputs = width
    return macs + inputs * classes


@wrong("tradeoff.4-macs", "adds one after the division, also where it came out even: 8 positions at stride 2 are 4, not 5")
def count_macs(widths, strides, in_channels, side, classes):
    macs, inputs = 0, in_channels
    for width, stride in zip(widths, strides):
        side = side // stride + 1
        macs += 9 * inputs * width * side * side
        inputs = width
    return macs + inputs * classes


@wrong("tradeoff.4-macs", "counts at the positions of the input, before the stride; a product is done for each position of the output")
def count_macs(widths, strides, in_channels, side, classes):
    macs, inputs = 0, in_channels
    for width, stride in zip(widths, strides):
        macs += 9 * inputs * width * side * side
        side = -(-side // stride)
        inputs = width
    return macs + inputs * classes


@wrong("tradeoff.4-macs", "leaves sides that are no whole numbers: there is no half position")
def count_macs(widths, strides, in_channels, side, classes):
    macs, inputs = 0, in_channels
    for width, stride in zip(widths, strides):
        side = side / stride
        macs += 9 * inputs * width * side * side
        inputs = width
    return macs + inputs * classes


@wrong("tradeoff.4-macs", "rounds half to even, as `round` does: 7/2 becomes 4, but 5/2 becomes 2 and not 3")
def count_macs(widths, strides, in_channels, side, classes):
    macs, inputs = 0, in_channels
    for width, stride in zip(widths, strides):
        side = round(side / stride)
        macs += 9 * inputs * width * side * side
        inputs = width
    return macs + inputs * classes


@wrong("tradeoff.4-macs", "adds 1 before it divides, whatever the stride: that rounds up for a stride of 2 only")
def count_macs(widths, strides, in_channels, side, classes):
    macs, inputs = 0, in_channels
    for width, stride in zip(widths, strides):
        side = (side + 1) // stride
        macs += 9 * inputs * width * side * side
        inputs = width
    return macs + inputs * classes


@wrong("tradeoff.4-macs", "knows the strides 1 and 2 only: with stride 3 the side is a third, rounded up")
def count_macs(widths, strides, in_channels, side, classes):
    macs, inputs = 0, in_channels
    for width, stride in zip(widths, strides):
        side = side if stride == 1 else (side + 1) // 2
        macs += 9 * inputs * width * side * side
        inputs = width
    return macs + inputs * classes


@right("tradeoff.4-macs", "floor division of the negated side")
def count_macs(widths, strides, in_channels, side, classes):
    macs, inputs = 0, in_channels
    for width, stride in zip(widths, strides):
        side = -(-side // stride)
        macs += 9 * inputs * width * side * side
        inputs = width
    return macs + inputs * classes


@right("tradeoff.4-macs", "the formula with kernel and padding, and a NumPy integer")
def count_macs(widths, strides, in_channels, side, classes):
    chain = [in_channels, *widths]
    macs = np.int64(0)
    for before, after, stride in zip(chain, chain[1:], strides):
        side = (side + 2 * 1 - 3) // stride + 1
        macs += np.int64(before) * after * 9 * side**2
    return macs + chain[-1] * classes


@right("tradeoff.4-macs", "the positions written out")
def count_macs(widths, strides, in_channels, side, classes):
    macs, inputs = 0, in_channels
    for width, stride in zip(widths, strides):
        side = len(range(0, side, stride))
        macs += 9 * inputs * width * side * side
        inputs = width
    return macs + inputs * classes


# tradeoff.5-choose


@wrong("tradeoff.5-choose", "forgets the budget: the best of all rows is chosen, whatever it costs")
def choose(rows, cost, budget):
    return max(rows, key=lambda row: (np.mean(row["validation"]), -row[cost]))["percent"]


@wrong("tradeoff.5-choose", "leaves out the row that costs exactly the budget; it is inside")
def choose(rows, cost, budget):
    inside = [row for row in rows if row[cost] < budget]
    if not inside:
        raise ValueError("nothing")
    return max(inside, key=lambda row: (np.mean(row["validation"]), -row[cost]))["percent"]


@wrong("tradeoff.5-choose", "takes the cheapest row; within the budget the accuracy decides")
def choose(rows, cost, budget):
    inside = [row for row in rows if row[cost] <= budget]
    if not inside:
        raise ValueError("nothing")
    return min(inside, key=lambda row: row[cost])["percent"]


@wrong("tradeoff.5-choose", "goes by the best seed; one lucky run is not what the next one gives, so the mean counts")
def choose(rows, cost, budget):
    inside = [row for row in rows if row[cost] <= budget]
    if not inside:
        raise ValueError("nothing")
    return max(inside, key=lambda row: (max(row["validation"]), -row[cost]))["percent"]


@wrong("tradeoff.5-choose", "goes by the first seed only; the mean over the seeds counts")
def choose(rows, cost, budget):
    inside = [row for row in rows if row[cost] <= budget]
    if not inside:
        raise ValueError("nothing")
    return max(inside, key=lambda row: (row["validation"][0], -row[cost]))["percent"]


@wrong("tradeoff.5-choose", "gives a tie to the dearer row; the same accuracy for less is the better buy")
def choose(rows, cost, budget):
    inside = [row for row in rows if row[cost] <= budget]
    if not inside:
        raise ValueError("nothing")
    return max(inside, key=lambda row: (np.mean(row["validation"]), row[cost]))["percent"]


@wrong("tradeoff.5-choose", "gives a tie to whichever row comes first; the cheaper one is the better buy")
def choose(rows, cost, budget):
    inside = [row for row in rows if row[cost] <= budget]
    if not inside:
        raise ValueError("nothing")
    return max(inside, key=lambda row: np.mean(row["validation"]))["percent"]


@wrong("tradeoff.5-choose", "takes the row with the lowest accuracy: the smallest loss is the highest accuracy")
def choose(rows, cost, budget):
    inside = [row for row in rows if row[cost] <= budget]
    if not inside:
        raise ValueError("nothing")
    return min(inside, key=lambda row: (np.mean(row["validation"]), row[cost]))["percent"]


@wrong("tradeoff.5-choose", "takes the highest ratio within the budget; the ratio is not what the rule asks for")
def choose(rows, cost, budget):
    inside = [row for row in rows if row[cost] <= budget]
    if not inside:
        raise ValueError("nothing")
    return max(row["percent"] for row in inside)


@wrong("tradeoff.5-choose", "gives the cheapest row when none is within the budget; then there is no answer, and it must say so")
def choose(rows, cost, budget):
    inside = [row for row in rows if row[cost] <= budget] or [min(rows, key=lambda row: row[cost])]
    return max(inside, key=lambda row: (np.mean(row["validation"]), -row[cost]))["percent"]


@wrong("tradeoff.5-choose", "returns None when no row is within the budget; then there is no answer, and it must say so")
def choose(rows, cost, budget):
    inside = [row for row in rows if row[cost] <= budget]
    return max(inside, key=lambda row: (np.mean(row["validation"]), -row[cost]))["percent"] if inside else None


@wrong("tradeoff.5-choose", "always counts MACs; the cost that counts is the one that is named")
def choose(rows, cost, budget):
    inside = [row for row in rows if row["macs"] <= budget]
    if not inside:
        raise ValueError("nothing")
    return max(inside, key=lambda row: (np.mean(row["validation"]), -row["macs"]))["percent"]


@wrong("tradeoff.5-choose", "breaks a tie by the MACs; the cheaper row is the one that costs less of the cost that is named")
def choose(rows, cost, budget):
    inside = [row for row in rows if row[cost] <= budget]
    if not inside:
        raise ValueError("nothing")
    return max(inside, key=lambda row: (np.mean(row["validation"]), -row["macs"]))["percent"]


@wrong("tradeoff.5-choose", "takes the median over the seeds; the mean counts")
def choose(rows, cost, budget):
    inside = [row for row in rows if row[cost] <= budget]
    if not inside:
        raise ValueError("nothing")
    return max(inside, key=lambda row: (np.median(row["validation"]), -row[cost]))["percent"]


@wrong("tradeoff.5-choose", "rounds the means before it compares them; then rows count as equal that are not")
def choose(rows, cost, budget):
    inside = [row for row in rows if row[cost] <= budget]
    if not inside:
        raise ValueError("nothing")
    return max(inside, key=lambda row: (round(float(np.mean(row["validation"])), 1), -row[cost]))["percent"]


@right("tradeoff.5-choose", "sorted by falling mean and rising cost; NumPy's mean of an array")
def choose(rows, cost, budget):
    for row in sorted(rows, key=lambda row: (-np.array(row["validation"]).mean(), row[cost])):
        if row[cost] <= budget:
            return row["percent"]
    raise ValueError("too dear")


@right("tradeoff.5-choose", "a loop that remembers the best row")
def choose(rows, cost, budget):
    best = None
    for row in rows:
        if row[cost] > budget:
            continue
        mean = sum(row["validation"]) / len(row["validation"])
        if best is None or mean > best[0] or (mean == best[0] and row[cost] < best[1]):
            best = mean, row[cost], row["percent"]
    if best is None:
        raise ValueError
    return best[2]


@right("tradeoff.5-choose", "max of an empty list raises the ValueError by itself")
def choose(rows, cost, budget):
    cheap_first = sorted(rows, key=lambda row: row[cost])
    return max((row for row in cheap_first if not row[cost] > budget), key=lambda row: torch.tensor(row["validation"]).mean())["percent"]
