"""The bank of lesson 03: answers that students really give, and right answers written differently.

Each function stands by itself: it uses `np`, `torch` and its own body. A wrong answer's sentence is what a
student reads when theirs behaves the same, so it says what goes wrong and why, not what to type.
The sentence of an answer that changes its arguments is the one that every function of every lesson would be told.
"""

import copy

import numpy as np
import torch
from torch import nn

from autograder.checks import right, right_value, wrong, wrong_value

# 3.1-predict

wrong_value(
    "3.1-predict",
    "takes the name of the call for what it does; it multiplies by a mask and no row leaves the tensor",
    predict_3_1="a",
)
wrong_value(
    "3.1-predict",
    "thinks that products with zero are skipped; a dense matrix product does not look at its numbers",
    predict_3_1="c",
)
wrong_value(
    "3.1-predict",
    "thinks that zeros take no bytes; the saved file of a masked layer is as large as before, or larger",
    predict_3_1="d",
)
wrong_value("3.1-predict", "gives the number of zero rows instead of the letter of the choice", predict_3_1="154 rows")
right_value("3.1-predict", "a capital letter", predict_3_1="B")
right_value("3.1-predict", "with brackets and a space", predict_3_1="(b) ")

# 3.2-importance


@wrong("3.2-importance", "adds the weights up without absolute values; large weights of both signs cancel")
def l1_importance(weight):
    return weight.flatten(1).sum(dim=1)


@wrong("3.2-importance", "scores the input channels: the output channel is axis 0, and it is the one that must stay")
def l1_importance(weight):
    return weight.abs().transpose(0, 1).flatten(1).sum(dim=1)


@wrong("3.2-importance", "takes the mean in place of the sum")
def l1_importance(weight):
    return weight.flatten(1).abs().mean(dim=1)


@wrong("3.2-importance", "counts the weights that are not zero, which is L0; L1 adds up their sizes")
def l1_importance(weight):
    return (weight.flatten(1) != 0).float().sum(dim=1)


@wrong("3.2-importance", "sums over the inputs only, so a convolution gets one score for each place of its kernel")
def l1_importance(weight):
    return weight.abs().sum(dim=1)


@wrong("3.2-importance", "forgets the square root of L2")
def l2_importance(weight):
    return weight.flatten(1).square().sum(dim=1)


@wrong("3.2-importance", "takes the root of the mean of the squares; L2 takes the root of their sum")
def l2_importance(weight):
    return weight.flatten(1).square().mean(dim=1).sqrt()


@wrong("3.2-importance", "squares after the sum, so weights of both signs cancel")
def l2_importance(weight):
    return weight.flatten(1).sum(dim=1).square().sqrt()


@wrong("3.2-importance", "averages over the images only, or over the wrong axes; every axis but the channel's must go")
def mean_activation(activations):
    return activations.mean(dim=0)


@wrong("3.2-importance", "keeps the images and averages over the channels; the channel is axis 1 of the activations")
def mean_activation(activations):
    return activations.flatten(1).mean(dim=1)


@wrong("3.2-importance", "adds the activations up in place of averaging them")
def mean_activation(activations):
    return activations.sum(dim=[axis for axis in range(activations.dim()) if axis != 1])


@wrong("3.2-importance", "takes the largest activation in place of the mean: one loud pixel decides")
def mean_activation(activations):
    return activations.amax(dim=[axis for axis in range(activations.dim()) if axis != 1])


@wrong("3.2-importance", "takes absolute values before the sum; the effects of a channel's weights on the loss may cancel, so add first")
def taylor_importance(weight, grad):
    return (grad * weight).abs().flatten(1).sum(dim=1)


@wrong("3.2-importance", "leaves the sign on the Taylor score; a change of the loss in either direction counts")
def taylor_importance(weight, grad):
    return (grad * weight).flatten(1).sum(dim=1)


@wrong("3.2-importance", "looks at the gradient alone; the change of the loss is gradient times weight")
def taylor_importance(weight, grad):
    return grad.flatten(1).sum(dim=1).abs()


@wrong("3.2-importance", "multiplies the sum of the gradients by the sum of the weights; the products come first, weight by weight")
def taylor_importance(weight, grad):
    return (grad.flatten(1).sum(dim=1) * weight.flatten(1).sum(dim=1)).abs()


@wrong(
    "3.2-importance", "drops every axis of length one: a layer with a single channel then gets a number in place of a tensor of shape (1,)"
)
def l1_importance(weight):
    return weight.flatten(1).abs().sum(dim=1).squeeze()


@wrong("3.2-importance", "rounds the scores to whole numbers")
def l1_importance(weight):
    return weight.flatten(1).abs().sum(dim=1).round().long()


@wrong("3.2-importance", "takes the largest weight of each channel; L2 counts them all")
def l2_importance(weight):
    return weight.flatten(1).abs().amax(dim=1)


@wrong("3.2-importance", "counts how often a channel is on; the mean activation also asks how much")
def mean_activation(activations):
    return (activations > 0).float().mean(dim=[axis for axis in range(activations.dim()) if axis != 1])


@wrong("3.2-importance", "averages over the places where the channel is on; the zeros count, too")
def mean_activation(activations):
    table = activations.transpose(0, 1).flatten(1)
    return table.sum(dim=1) / (table > 0).sum(dim=1).clamp(min=1)


@wrong("3.2-importance", "takes the absolute value of the gradients alone, so their signs are lost before the products are added")
def taylor_importance(weight, grad):
    return (grad.abs() * weight).flatten(1).sum(dim=1).abs()


@wrong("3.2-importance", "takes the mean of the products; the change of the loss is their sum")
def taylor_importance(weight, grad):
    return (grad * weight).flatten(1).mean(dim=1).abs()


@wrong("3.2-importance", "ends in NumPy; the notebook goes on with tensors")
def taylor_importance(weight, grad):
    return (grad * weight).flatten(1).sum(dim=1).abs().numpy()


@wrong("3.2-importance", "`l1_importance` changes `weight` (its values) in place")
def l1_importance(weight):
    return weight.abs_().flatten(1).sum(dim=1)


@wrong("3.2-importance", "leaves the sign on the Taylor score; a change of the loss in either direction counts")
def taylor_importance(weight, grad):
    return -(grad * weight).flatten(1).sum(dim=1)


@wrong(
    "3.2-importance", "takes absolute values kernel by kernel; the effects of a channel's kernels may cancel, too, so add all of them first"
)
def taylor_importance(weight, grad):
    product = grad * weight
    return product.flatten(2).sum(dim=2).abs().sum(dim=1) if product.dim() > 2 else product.sum(dim=1).abs()


@right("3.2-importance", "a loop over the channels, in NumPy")
def l1_importance(weight):
    return torch.tensor([float(np.abs(channel).sum()) for channel in weight.double().numpy()])


@right("3.2-importance", "a tuple of axes")
def l2_importance(weight):
    return (weight**2).sum(dim=tuple(range(1, weight.ndim))) ** 0.5


@right("3.2-importance", "torch.linalg's norm")
def l1_importance(weight):
    return torch.linalg.vector_norm(weight.reshape(weight.shape[0], -1), ord=1, dim=1)


@right("3.2-importance", "norm of the table, in float64")
def l2_importance(weight):
    return weight.double().flatten(start_dim=1).norm(p=2, dim=1)


@right("3.2-importance", "the mean of a transposed table")
def mean_activation(activations):
    return activations.transpose(0, 1).reshape(activations.shape[1], -1).mean(dim=1)


@right("3.2-importance", "an einsum")
def taylor_importance(weight, grad):
    return torch.einsum("ci,ci->c", weight.flatten(1), grad.flatten(1)).abs()


@right("3.2-importance", "a dot product for each channel")
def taylor_importance(weight, grad):
    return torch.stack([torch.dot(w.flatten(), g.flatten()).abs() for w, g in zip(weight, grad)])


# 3.3-keep


@wrong("3.3-keep", "keeps the worst channels: sorted upwards, the first ones have the lowest scores, and the largest channels are pruned")
def kept_channels(scores, n_keep):
    return torch.argsort(scores, stable=True)[:n_keep].sort().values


@wrong("3.3-keep", "leaves the kept indices in the order of their scores; layers find their partners by position, so they must ascend")
def kept_channels(scores, n_keep):
    return torch.argsort(scores, descending=True, stable=True)[:n_keep]


@wrong("3.3-keep", "removes n_keep channels in place of keeping n_keep")
def kept_channels(scores, n_keep):
    order = torch.argsort(scores, descending=True, stable=True)
    return order[: len(scores) - n_keep].sort().values


@wrong("3.3-keep", "keeps everything that reaches the score of the last place; with ties these are too many")
def kept_channels(scores, n_keep):
    threshold = scores.sort(descending=True).values[n_keep - 1]
    return torch.nonzero(scores >= threshold).flatten()


@wrong("3.3-keep", "gives ties to the higher index: the upward order was turned round, and with it the equal ones")
def kept_channels(scores, n_keep):
    return torch.argsort(scores, stable=True).flip(0)[:n_keep].sort().values


@wrong("3.3-keep", "returns a mask of booleans; the exercise asks for the indices")
def kept_channels(scores, n_keep):
    mask = torch.zeros(len(scores), dtype=torch.bool)
    mask[torch.argsort(scores, descending=True, stable=True)[:n_keep]] = True
    return mask


@wrong("3.3-keep", "returns the scores of the kept channels, not their indices")
def kept_channels(scores, n_keep):
    return scores.sort(descending=True).values[:n_keep]


@wrong("3.3-keep", "sorts the positions a second time with argsort, which gives ranks among the kept and not the channels")
def kept_channels(scores, n_keep):
    return torch.argsort(torch.argsort(scores, descending=True, stable=True)[:n_keep])


@wrong("3.3-keep", "leaves the ties to topk, which promises no order among equal scores")
def kept_channels(scores, n_keep):
    return torch.topk(scores, n_keep).indices.sort().values


@wrong("3.3-keep", "leaves the ties to a sort that is not stable, which promises no order among equal scores")
def kept_channels(scores, n_keep):
    return torch.from_numpy(np.sort(np.argsort(-scores.numpy())[:n_keep]))


@wrong("3.3-keep", "takes the size of the scores without their sign; a score of -3 is lower than one of 0")
def kept_channels(scores, n_keep):
    return torch.argsort(scores.abs(), descending=True, stable=True)[:n_keep].sort().values


@wrong(
    "3.3-keep",
    "loses small differences between scores, by rounding or by a shift that breaks ties; scores that differ at all are not equal",
)
def kept_channels(scores, n_keep):
    return torch.argsort((scores * 1000).round(), descending=True, stable=True)[:n_keep].sort().values


@wrong(
    "3.3-keep",
    "loses small differences between scores, by rounding or by a shift that breaks ties; scores that differ at all are not equal",
)
def kept_channels(scores, n_keep):
    moved = scores.double() - 1e-6 * torch.arange(len(scores))
    return torch.argsort(moved, descending=True)[:n_keep].sort().values


@wrong(
    "3.3-keep",
    "loses small differences between scores, by rounding or by a shift that breaks ties; scores that differ at all are not equal",
)
def kept_channels(scores, n_keep):
    moved = scores.double() - 1e-9 * torch.arange(len(scores))
    return torch.argsort(moved, descending=True)[:n_keep].sort().values


@wrong("3.3-keep", "marks what it has taken with a score of -1; there may be channels with a lower one")
def kept_channels(scores, n_keep):
    left, best = scores.clone(), []
    for _ in range(n_keep):
        best.append(int((left == left.max()).nonzero()[0]))
        left[best[-1]] = -1
    return torch.tensor(sorted(best))


@wrong("3.3-keep", "keeps one channel too few")
def kept_channels(scores, n_keep):
    return torch.argsort(scores, descending=True, stable=True)[: n_keep - 1].sort().values


@wrong("3.3-keep", "gives the indices from the highest down; they must ascend")
def kept_channels(scores, n_keep):
    return torch.argsort(scores, descending=True, stable=True)[:n_keep].sort(descending=True).values


@wrong("3.3-keep", "narrows the indices to int32; int64 is asked for, the type of PyTorch's own indices")
def kept_channels(scores, n_keep):
    return torch.argsort(scores, descending=True, stable=True)[:n_keep].sort().values.int()


@wrong("3.3-keep", "`kept_channels` changes `scores` (its values) in place")
def kept_channels(scores, n_keep):
    best = []
    for _ in range(n_keep):
        best.append(int((scores == scores.max()).nonzero()[0]))
        scores[best[-1]] = -float("inf")
    return torch.tensor(sorted(best))


@right("3.3-keep", "how many channels are better, counted in a table")
def kept_channels(scores, n_keep):
    index = torch.arange(len(scores))
    better = (scores[None] > scores[:, None]) | (scores[None] == scores[:, None]) & (index[None] < index[:, None])
    return torch.where(better.sum(dim=1) < n_keep)[0]


@right("3.3-keep", "the largest that is left, again and again")
def kept_channels(scores, n_keep):
    left, best = scores.clone(), []
    for _ in range(n_keep):
        best.append(int((left == left.max()).nonzero()[0]))
        left[best[-1]] = -float("inf")
    return torch.tensor(sorted(best))


@right("3.3-keep", "NumPy's stable sort of the negated scores")
def kept_channels(scores, n_keep):
    return torch.from_numpy(np.sort(np.argsort(-scores.numpy(), kind="stable")[:n_keep]))


@right("3.3-keep", "Python's sort with a key of two parts")
def kept_channels(scores, n_keep):
    values = scores.tolist()
    best = sorted(range(len(values)), key=lambda c: (-values[c], c))[:n_keep]
    return torch.tensor(sorted(best))


@right("3.3-keep", "a mask on the way")
def kept_channels(scores, n_keep):
    mask = np.zeros(len(scores), dtype=bool)
    mask[torch.sort(-scores, stable=True).indices[:n_keep].numpy()] = True
    return torch.from_numpy(np.flatnonzero(mask))


# 3.4-mlp


@wrong("3.4-mlp", "masks and does not cut: the network has as many parameters as before")
def prune_mlp(mlp, kept):
    small = copy.deepcopy(mlp)
    off = torch.ones(mlp[0].out_features, dtype=torch.bool)
    off[kept] = False
    with torch.no_grad():
        small[0].weight[off] = 0
        small[0].bias[off] = 0
    return small


@wrong("3.4-mlp", "masks and does not cut: the network has as many parameters as before")
def prune_mlp(mlp, kept):
    small = copy.deepcopy(mlp)
    off = torch.ones(mlp[0].out_features, dtype=torch.bool)
    off[kept] = False
    with torch.no_grad():
        small[0].weight[off] = 0
        small[0].bias[off] = 0
        small[2].weight[:, off] = 0
    return small


@wrong("3.4-mlp", "gives back the network itself where no neuron is to go: training the one changes the other")
def prune_mlp(mlp, kept):
    n = len(kept)
    if n == mlp[0].out_features:
        return mlp
    small = nn.Sequential(nn.Linear(mlp[0].in_features, n), nn.ReLU(), nn.Linear(n, mlp[2].out_features))
    with torch.no_grad():
        small[0].weight.copy_(mlp[0].weight[kept])
        small[0].bias.copy_(mlp[0].bias[kept])
        small[2].weight.copy_(mlp[2].weight[:, kept])
        small[2].bias.copy_(mlp[2].bias)
    return small


@wrong("3.4-mlp", "cuts fc2 along its outputs (the rows of its weight, or its bias); all outputs stay, only columns of its weight go")
def prune_mlp(mlp, kept):
    fc1, _, fc2 = mlp
    small1, small2 = nn.Linear(fc1.in_features, len(kept)), nn.Linear(len(kept), fc2.out_features)
    with torch.no_grad():
        small1.weight.copy_(fc1.weight[kept])
        small1.bias.copy_(fc1.bias[kept])
        small2.weight.copy_(fc2.weight[kept])
        small2.bias.copy_(fc2.bias)
    return nn.Sequential(small1, nn.ReLU(), small2)


@wrong("3.4-mlp", "takes the first columns of fc2 in place of the kept ones: the next layer listens to the wrong neurons")
def prune_mlp(mlp, kept):
    n = len(kept)
    small = nn.Sequential(nn.Linear(mlp[0].in_features, n), nn.ReLU(), nn.Linear(n, mlp[2].out_features))
    with torch.no_grad():
        small[0].weight.copy_(mlp[0].weight[kept])
        small[0].bias.copy_(mlp[0].bias[kept])
        small[2].weight.copy_(mlp[2].weight[:, :n])
        small[2].bias.copy_(mlp[2].bias)
    return small


@wrong("3.4-mlp", "takes the first biases of fc1 in place of the kept ones: each neuron must keep its own bias")
def prune_mlp(mlp, kept):
    n = len(kept)
    small = nn.Sequential(nn.Linear(mlp[0].in_features, n), nn.ReLU(), nn.Linear(n, mlp[2].out_features))
    with torch.no_grad():
        small[0].weight.copy_(mlp[0].weight[kept])
        small[0].bias.copy_(mlp[0].bias[:n])
        small[2].weight.copy_(mlp[2].weight[:, kept])
        small[2].bias.copy_(mlp[2].bias)
    return small


@wrong("3.4-mlp", "forgets the bias of the kept neurons, so they fire at the wrong level")
def prune_mlp(mlp, kept):
    n = len(kept)
    small = nn.Sequential(nn.Linear(mlp[0].in_features, n), nn.ReLU(), nn.Linear(n, mlp[2].out_features))
    with torch.no_grad():
        small[0].weight.copy_(mlp[0].weight[kept])
        small[0].bias.zero_()
        small[2].weight.copy_(mlp[2].weight[:, kept])
        small[2].bias.copy_(mlp[2].bias)
    return small


@wrong("3.4-mlp", "loses the bias of fc2: it belongs to the outputs, which all stay")
def prune_mlp(mlp, kept):
    n = len(kept)
    small = nn.Sequential(nn.Linear(mlp[0].in_features, n), nn.ReLU(), nn.Linear(n, mlp[2].out_features))
    with torch.no_grad():
        small[0].weight.copy_(mlp[0].weight[kept])
        small[0].bias.copy_(mlp[0].bias[kept])
        small[2].weight.copy_(mlp[2].weight[:, kept])
        small[2].bias.zero_()
    return small


@wrong("3.4-mlp", "keeps the neurons that were to go, and removes those that were to stay")
def prune_mlp(mlp, kept):
    hidden = mlp[0].out_features
    gone = torch.tensor([i for i in range(hidden) if i not in kept.tolist()], dtype=torch.int64)
    small = nn.Sequential(nn.Linear(mlp[0].in_features, len(gone)), nn.ReLU(), nn.Linear(len(gone), mlp[2].out_features))
    with torch.no_grad():
        small[0].weight.copy_(mlp[0].weight[gone])
        small[0].bias.copy_(mlp[0].bias[gone])
        small[2].weight.copy_(mlp[2].weight[:, gone])
        small[2].bias.copy_(mlp[2].bias)
    return small


@wrong("3.4-mlp", "cuts fc1 only; fc2 still expects all hidden neurons, and the two layers no longer fit")
def prune_mlp(mlp, kept):
    small = nn.Linear(mlp[0].in_features, len(kept))
    with torch.no_grad():
        small.weight.copy_(mlp[0].weight[kept])
        small.bias.copy_(mlp[0].bias[kept])
    return nn.Sequential(small, nn.ReLU(), copy.deepcopy(mlp[2]))


@wrong("3.4-mlp", "has the columns of fc2 in another order than the rows of fc1: everything fits, and nothing works")
def prune_mlp(mlp, kept):
    n = len(kept)
    small = nn.Sequential(nn.Linear(mlp[0].in_features, n), nn.ReLU(), nn.Linear(n, mlp[2].out_features))
    with torch.no_grad():
        small[0].weight.copy_(mlp[0].weight[kept])
        small[0].bias.copy_(mlp[0].bias[kept])
        small[2].weight.copy_(mlp[2].weight[:, kept.flip(0)])
        small[2].bias.copy_(mlp[2].bias)
    return small


@wrong("3.4-mlp", "leaves out the ReLU between the layers")
def prune_mlp(mlp, kept):
    small1, small2 = nn.Linear(mlp[0].in_features, len(kept)), nn.Linear(len(kept), mlp[2].out_features)
    with torch.no_grad():
        small1.weight.copy_(mlp[0].weight[kept])
        small1.bias.copy_(mlp[0].bias[kept])
        small2.weight.copy_(mlp[2].weight[:, kept])
        small2.bias.copy_(mlp[2].bias)
    return nn.Sequential(small1, small2)


@wrong("3.4-mlp", "replaces the tensors but leaves in_features and out_features, so the layers claim a shape that they no longer have")
def prune_mlp(mlp, kept):
    small = copy.deepcopy(mlp)
    small[0].weight = nn.Parameter(mlp[0].weight.detach()[kept])
    small[0].bias = nn.Parameter(mlp[0].bias.detach()[kept])
    small[2].weight = nn.Parameter(mlp[2].weight.detach()[:, kept])
    return small


@wrong("3.4-mlp", "makes the small network in float64: its weights are right, and it cannot take the float32 inputs of the big one")
def prune_mlp(mlp, kept):
    n = len(kept)
    small = nn.Sequential(nn.Linear(mlp[0].in_features, n), nn.ReLU(), nn.Linear(n, mlp[2].out_features)).double()
    with torch.no_grad():
        small[0].weight.copy_(mlp[0].weight[kept])
        small[0].bias.copy_(mlp[0].bias[kept])
        small[2].weight.copy_(mlp[2].weight[:, kept])
        small[2].bias.copy_(mlp[2].bias)
    return small


@wrong("3.4-mlp", "freezes the new layers: they have the right weights, and no training can adapt them")
def prune_mlp(mlp, kept):
    n = len(kept)
    small = nn.Sequential(nn.Linear(mlp[0].in_features, n), nn.ReLU(), nn.Linear(n, mlp[2].out_features))
    with torch.no_grad():
        small[0].weight.copy_(mlp[0].weight[kept])
        small[0].bias.copy_(mlp[0].bias[kept])
        small[2].weight.copy_(mlp[2].weight[:, kept])
        small[2].bias.copy_(mlp[2].bias)
    return small.requires_grad_(False)


@wrong("3.4-mlp", "scales the columns of fc2 up for the neurons that went; masked neurons leave the others as they are")
def prune_mlp(mlp, kept):
    n = len(kept)
    small = nn.Sequential(nn.Linear(mlp[0].in_features, n), nn.ReLU(), nn.Linear(n, mlp[2].out_features))
    with torch.no_grad():
        small[0].weight.copy_(mlp[0].weight[kept])
        small[0].bias.copy_(mlp[0].bias[kept])
        small[2].weight.copy_(mlp[2].weight[:, kept] * mlp[0].out_features / n)
        small[2].bias.copy_(mlp[2].bias)
    return small


@wrong("3.4-mlp", "uses the big network's own bias in the small one: training the small one changes both")
def prune_mlp(mlp, kept):
    n = len(kept)
    small = nn.Sequential(nn.Linear(mlp[0].in_features, n), nn.ReLU(), nn.Linear(n, mlp[2].out_features))
    with torch.no_grad():
        small[0].weight.copy_(mlp[0].weight[kept])
        small[0].bias.copy_(mlp[0].bias[kept])
        small[2].weight.copy_(mlp[2].weight[:, kept])
    small[2].bias = mlp[2].bias
    return small


@wrong("3.4-mlp", "`prune_mlp` changes `mlp` (its mode, `train()` or `eval()`) in place")
def prune_mlp(mlp, kept):
    fc1, relu, fc2 = mlp.eval()
    small = nn.Sequential(nn.Linear(fc1.in_features, len(kept)), nn.ReLU(), nn.Linear(len(kept), fc2.out_features))
    with torch.no_grad():
        small[0].weight.copy_(fc1.weight[kept])
        small[0].bias.copy_(fc1.bias[kept])
        small[2].weight.copy_(fc2.weight[:, kept])
        small[2].bias.copy_(fc2.bias)
    return small


@wrong("3.4-mlp", "`prune_mlp` changes `mlp` (its layers) in place")
def prune_mlp(mlp, kept):
    mlp[0].weight, mlp[0].bias = nn.Parameter(mlp[0].weight.detach()[kept]), nn.Parameter(mlp[0].bias.detach()[kept])
    mlp[2].weight = nn.Parameter(mlp[2].weight.detach()[:, kept])
    mlp[0].out_features = mlp[2].in_features = len(kept)
    return mlp


@right("3.4-mlp", "a deep copy whose parameters are replaced, in eval mode")
def prune_mlp(mlp, kept):
    small = copy.deepcopy(mlp)
    small[0].weight = nn.Parameter(mlp[0].weight.detach()[kept].clone())
    small[0].bias = nn.Parameter(mlp[0].bias.detach()[kept].clone())
    small[2].weight = nn.Parameter(mlp[2].weight.detach()[:, kept].clone())
    small[0].out_features = small[2].in_features = len(kept)
    return small.eval()


@right("3.4-mlp", "index_select and a state dict")
def prune_mlp(mlp, kept):
    old = mlp.state_dict()
    small = nn.Sequential(nn.Linear(mlp[0].in_features, len(kept)), nn.ReLU(), nn.Linear(len(kept), mlp[2].out_features))
    small.load_state_dict(
        {
            "0.weight": old["0.weight"].index_select(0, kept),
            "0.bias": old["0.bias"].index_select(0, kept),
            "2.weight": old["2.weight"].index_select(1, kept),
            "2.bias": old["2.bias"],
        }
    )
    return small


@right("3.4-mlp", "loops, and neurons in another order that both layers share")
def prune_mlp(mlp, kept):
    order = list(reversed(kept.tolist()))
    small = nn.Sequential(nn.Linear(mlp[0].in_features, len(order)), nn.ReLU(), nn.Linear(len(order), mlp[2].out_features))
    for new, old in enumerate(order):
        small[0].weight.data[new] = mlp[0].weight.data[old]
        small[0].bias.data[new] = mlp[0].bias.data[old]
        small[2].weight.data[:, new] = mlp[2].weight.data[:, old]
    small[2].bias.data[:] = mlp[2].bias.data
    return small


@right("3.4-mlp", "a matrix that selects, new layers put into a copy")
def prune_mlp(mlp, kept):
    select, small = torch.eye(mlp[0].out_features)[kept], copy.deepcopy(mlp)
    small[0], small[2] = nn.Linear(mlp[0].in_features, len(kept)), nn.Linear(len(kept), mlp[2].out_features)
    with torch.no_grad():
        small[0].weight.copy_(select @ mlp[0].weight)
        small[0].bias.copy_(select @ mlp[0].bias)
        small[2].weight.copy_(mlp[2].weight @ select.T)
        small[2].bias.copy_(mlp[2].bias)
    return small


# 3.5-cnn


@wrong("3.5-cnn", "leaves the batch norm's running statistics fresh: 0 and 1 are not what the kept channels were trained with")
def cut_outputs(conv, bn, kept):
    small = nn.Conv2d(conv.in_channels, len(kept), conv.kernel_size, conv.stride, conv.padding)
    norm = nn.BatchNorm2d(len(kept), eps=bn.eps)
    with torch.no_grad():
        small.weight.copy_(conv.weight[kept])
        small.bias.copy_(conv.bias[kept])
        norm.weight.copy_(bn.weight[kept])
        norm.bias.copy_(bn.bias[kept])
    return small, norm


@wrong("3.5-cnn", "takes the batch norm's first entries in place of the kept ones")
def cut_outputs(conv, bn, kept):
    n = len(kept)
    small = nn.Conv2d(conv.in_channels, n, conv.kernel_size, conv.stride, conv.padding)
    norm = nn.BatchNorm2d(n, eps=bn.eps)
    with torch.no_grad():
        small.weight.copy_(conv.weight[kept])
        small.bias.copy_(conv.bias[kept])
        for name in ("weight", "bias", "running_mean", "running_var"):
            getattr(norm, name).copy_(getattr(bn, name)[:n])
    return small, norm


@wrong("3.5-cnn", "copies the running mean but not the running variance")
def cut_outputs(conv, bn, kept):
    small = nn.Conv2d(conv.in_channels, len(kept), conv.kernel_size, conv.stride, conv.padding)
    norm = nn.BatchNorm2d(len(kept), eps=bn.eps)
    with torch.no_grad():
        small.weight.copy_(conv.weight[kept])
        small.bias.copy_(conv.bias[kept])
        for name in ("weight", "bias", "running_mean"):
            getattr(norm, name).copy_(getattr(bn, name)[kept])
    return small, norm


@wrong("3.5-cnn", "puts the running variance in the place of the running mean, and the other way round")
def cut_outputs(conv, bn, kept):
    small = nn.Conv2d(conv.in_channels, len(kept), conv.kernel_size, conv.stride, conv.padding)
    norm = nn.BatchNorm2d(len(kept), eps=bn.eps)
    with torch.no_grad():
        small.weight.copy_(conv.weight[kept])
        small.bias.copy_(conv.bias[kept])
        norm.weight.copy_(bn.weight[kept])
        norm.bias.copy_(bn.bias[kept])
        norm.running_mean.copy_(bn.running_var[kept])
        norm.running_var.copy_(bn.running_mean[kept])
    return small, norm


@wrong("3.5-cnn", "takes the first scales and shifts of the batch norm in place of the kept ones")
def cut_outputs(conv, bn, kept):
    small = nn.Conv2d(conv.in_channels, len(kept), conv.kernel_size, conv.stride, conv.padding)
    norm = nn.BatchNorm2d(len(kept), eps=bn.eps)
    with torch.no_grad():
        small.weight.copy_(conv.weight[kept])
        small.bias.copy_(conv.bias[kept])
        norm.weight.copy_(bn.weight[: len(kept)])
        norm.bias.copy_(bn.bias[: len(kept)])
        norm.running_mean.copy_(bn.running_mean[kept])
        norm.running_var.copy_(bn.running_var[kept])
    return small, norm


@wrong("3.5-cnn", "puts standard deviations in the place of the running variance; batch norm takes the root itself")
def cut_outputs(conv, bn, kept):
    small = nn.Conv2d(conv.in_channels, len(kept), conv.kernel_size, conv.stride, conv.padding)
    norm = nn.BatchNorm2d(len(kept), eps=bn.eps)
    with torch.no_grad():
        small.weight.copy_(conv.weight[kept])
        small.bias.copy_(conv.bias[kept])
        norm.weight.copy_(bn.weight[kept])
        norm.bias.copy_(bn.bias[kept])
        norm.running_mean.copy_(bn.running_mean[kept])
        norm.running_var.copy_(bn.running_var[kept].sqrt())
    return small, norm


@wrong("3.5-cnn", "freezes the new layers: they have the right weights, and no training can adapt them")
def cut_outputs(conv, bn, kept):
    small = nn.Conv2d(conv.in_channels, len(kept), conv.kernel_size, conv.stride, conv.padding)
    norm = nn.BatchNorm2d(len(kept), eps=bn.eps)
    with torch.no_grad():
        small.weight.copy_(conv.weight[kept])
        small.bias.copy_(conv.bias[kept])
        for name in ("weight", "bias", "running_mean", "running_var"):
            getattr(norm, name).copy_(getattr(bn, name)[kept])
    return small.requires_grad_(False), norm.requires_grad_(False)


@wrong("3.5-cnn", "takes the first biases of the convolution in place of the kept ones")
def cut_outputs(conv, bn, kept):
    small = nn.Conv2d(conv.in_channels, len(kept), conv.kernel_size, conv.stride, conv.padding)
    norm = nn.BatchNorm2d(len(kept), eps=bn.eps)
    with torch.no_grad():
        small.weight.copy_(conv.weight[kept])
        small.bias.copy_(conv.bias[: len(kept)])
        for name in ("weight", "bias", "running_mean", "running_var"):
            getattr(norm, name).copy_(getattr(bn, name)[kept])
    return small, norm


@wrong("3.5-cnn", "forgets the bias of the convolution in front of the batch norm: the running mean was measured with it")
def cut_outputs(conv, bn, kept):
    small = nn.Conv2d(conv.in_channels, len(kept), conv.kernel_size, conv.stride, conv.padding)
    norm = nn.BatchNorm2d(len(kept), eps=bn.eps)
    with torch.no_grad():
        small.weight.copy_(conv.weight[kept])
        small.bias.zero_()
        for name in ("weight", "bias", "running_mean", "running_var"):
            getattr(norm, name).copy_(getattr(bn, name)[kept])
    return small, norm


@wrong("3.5-cnn", "cuts the convolution and forgets the batch norm, which still expects all channels")
def cut_outputs(conv, bn, kept):
    small = nn.Conv2d(conv.in_channels, len(kept), conv.kernel_size, conv.stride, conv.padding)
    with torch.no_grad():
        small.weight.copy_(conv.weight[kept])
        small.bias.copy_(conv.bias[kept])
    return small, copy.deepcopy(bn)


@wrong("3.5-cnn", "masks the filters and the batch norm in place of cutting them out")
def cut_outputs(conv, bn, kept):
    conv, bn = copy.deepcopy(conv), copy.deepcopy(bn)
    off = torch.ones(conv.out_channels, dtype=torch.bool)
    off[kept] = False
    with torch.no_grad():
        for tensor in (conv.weight, conv.bias, bn.weight, bn.bias):
            tensor[off] = 0
    return conv, bn


@wrong("3.5-cnn", "returns the convolution alone; its batch norm must come with it")
def cut_outputs(conv, bn, kept):
    small = nn.Conv2d(conv.in_channels, len(kept), conv.kernel_size, conv.stride, conv.padding)
    with torch.no_grad():
        small.weight.copy_(conv.weight[kept])
        small.bias.copy_(conv.bias[kept])
    return small


@wrong("3.5-cnn", "loses the stride and the padding of the convolution")
def cut_outputs(conv, bn, kept):
    small, norm = nn.Conv2d(conv.in_channels, len(kept), conv.kernel_size), nn.BatchNorm2d(len(kept), eps=bn.eps)
    with torch.no_grad():
        small.weight.copy_(conv.weight[kept])
        small.bias.copy_(conv.bias[kept])
        for name in ("weight", "bias", "running_mean", "running_var"):
            getattr(norm, name).copy_(getattr(bn, name)[kept])
    return small, norm


@wrong("3.5-cnn", "forgets the epsilon of the batch norm, which is not always PyTorch's 0.00001")
def cut_outputs(conv, bn, kept):
    small, norm = nn.Conv2d(conv.in_channels, len(kept), conv.kernel_size, conv.stride, conv.padding), nn.BatchNorm2d(len(kept))
    with torch.no_grad():
        small.weight.copy_(conv.weight[kept])
        small.bias.copy_(conv.bias[kept])
        for name in ("weight", "bias", "running_mean", "running_var"):
            getattr(norm, name).copy_(getattr(bn, name)[kept])
    return small, norm


@wrong("3.5-cnn", "takes the stride of the height for the width as well; the two may differ")
def cut_outputs(conv, bn, kept):
    small = nn.Conv2d(conv.in_channels, len(kept), conv.kernel_size, conv.stride[0], conv.padding)
    norm = nn.BatchNorm2d(len(kept), eps=bn.eps)
    with torch.no_grad():
        small.weight.copy_(conv.weight[kept])
        small.bias.copy_(conv.bias[kept])
        for name in ("weight", "bias", "running_mean", "running_var"):
            getattr(norm, name).copy_(getattr(bn, name)[kept])
    return small, norm


@wrong("3.5-cnn", "takes stride and padding of the height for the width as well; they may differ")
def cut_outputs(conv, bn, kept):
    small = nn.Conv2d(conv.in_channels, len(kept), conv.kernel_size, conv.stride[0], conv.padding[0])
    norm = nn.BatchNorm2d(len(kept), eps=bn.eps)
    with torch.no_grad():
        small.weight.copy_(conv.weight[kept])
        small.bias.copy_(conv.bias[kept])
        for name in ("weight", "bias", "running_mean", "running_var"):
            getattr(norm, name).copy_(getattr(bn, name)[kept])
    return small, norm


@wrong("3.5-cnn", "copies the four tensors of the convolution and the buffers, but not the scale and the shift of the batch norm")
def cut_outputs(conv, bn, kept):
    small = nn.Conv2d(conv.in_channels, len(kept), conv.kernel_size, conv.stride, conv.padding)
    norm = nn.BatchNorm2d(len(kept), eps=bn.eps)
    with torch.no_grad():
        small.weight.copy_(conv.weight[kept])
        small.bias.copy_(conv.bias[kept])
        norm.running_mean.copy_(bn.running_mean[kept])
        norm.running_var.copy_(bn.running_var[kept])
    return small, norm


@wrong("3.5-cnn", "takes the first entries of the batch norm's buffers in place of the kept ones")
def cut_outputs(conv, bn, kept):
    n = len(kept)
    small, norm = nn.Conv2d(conv.in_channels, n, conv.kernel_size, conv.stride, conv.padding), nn.BatchNorm2d(n, eps=bn.eps)
    with torch.no_grad():
        small.weight.copy_(conv.weight[kept])
        small.bias.copy_(conv.bias[kept])
        norm.weight.copy_(bn.weight[kept])
        norm.bias.copy_(bn.bias[kept])
        norm.running_mean.copy_(bn.running_mean[:n])
        norm.running_var.copy_(bn.running_var[:n])
    return small, norm


@wrong("3.5-cnn", "returns the batch norm first and the convolution second")
def cut_outputs(conv, bn, kept):
    small = nn.Conv2d(conv.in_channels, len(kept), conv.kernel_size, conv.stride, conv.padding)
    norm = nn.BatchNorm2d(len(kept), eps=bn.eps)
    with torch.no_grad():
        small.weight.copy_(conv.weight[kept])
        small.bias.copy_(conv.bias[kept])
        for name in ("weight", "bias", "running_mean", "running_var"):
            getattr(norm, name).copy_(getattr(bn, name)[kept])
    return norm, small


@wrong("3.5-cnn", "loses the stride of the next convolution: its output is larger than it was")
def cut_inputs(conv, kept):
    small = nn.Conv2d(len(kept), conv.out_channels, conv.kernel_size, padding=conv.padding)
    with torch.no_grad():
        small.weight.copy_(conv.weight[:, kept])
        small.bias.copy_(conv.bias)
    return small


@wrong("3.5-cnn", "loses the padding of the next convolution: its output is smaller than it was")
def cut_inputs(conv, kept):
    small = nn.Conv2d(len(kept), conv.out_channels, conv.kernel_size, conv.stride)
    with torch.no_grad():
        small.weight.copy_(conv.weight[:, kept])
        small.bias.copy_(conv.bias)
    return small


@wrong("3.5-cnn", "takes the padding of the height for the width of the next convolution as well; the two may differ")
def cut_inputs(conv, kept):
    small = nn.Conv2d(len(kept), conv.out_channels, conv.kernel_size, conv.stride, conv.padding[0])
    with torch.no_grad():
        small.weight.copy_(conv.weight[:, kept])
        small.bias.copy_(conv.bias)
    return small


@wrong("3.5-cnn", "takes the stride of the height for the width of the next convolution as well; the two may differ")
def cut_inputs(conv, kept):
    small = nn.Conv2d(len(kept), conv.out_channels, conv.kernel_size, conv.stride[0], conv.padding)
    with torch.no_grad():
        small.weight.copy_(conv.weight[:, kept])
        small.bias.copy_(conv.bias)
    return small


@wrong(
    "3.5-cnn", "makes the next convolution in float64: its weights are right, and it cannot take the float32 pictures of the layer before"
)
def cut_inputs(conv, kept):
    small = nn.Conv2d(len(kept), conv.out_channels, conv.kernel_size, conv.stride, conv.padding).double()
    with torch.no_grad():
        small.weight.copy_(conv.weight[:, kept])
        small.bias.copy_(conv.bias)
    return small


@wrong("3.5-cnn", "listens to the first channels in place of the kept ones")
def cut_inputs(conv, kept):
    small = nn.Conv2d(len(kept), conv.out_channels, conv.kernel_size, conv.stride, conv.padding)
    with torch.no_grad():
        small.weight.copy_(conv.weight[:, : len(kept)])
        small.bias.copy_(conv.bias)
    return small


@wrong("3.5-cnn", "cuts the next convolution's outputs, too; only its inputs have lost their partners")
def cut_inputs(conv, kept):
    kept = kept[kept < conv.out_channels]
    small = nn.Conv2d(conv.in_channels, max(1, len(kept)), conv.kernel_size, conv.stride, conv.padding)
    with torch.no_grad():
        small.weight.copy_(conv.weight[kept] if len(kept) else conv.weight[:1])
        small.bias.copy_(conv.bias[kept] if len(kept) else conv.bias[:1])
    return small


@wrong("3.5-cnn", "loses the bias of the next convolution: it belongs to the outputs, which all stay")
def cut_inputs(conv, kept):
    small = nn.Conv2d(len(kept), conv.out_channels, conv.kernel_size, conv.stride, conv.padding)
    with torch.no_grad():
        small.weight.copy_(conv.weight[:, kept])
        small.bias.zero_()
    return small


@wrong("3.5-cnn", "forgets the next convolution: it still expects all channels")
def cut_inputs(conv, kept):
    return copy.deepcopy(conv)


@wrong("3.5-cnn", "has the inputs of the next convolution in another order than the kept channels")
def cut_inputs(conv, kept):
    small = nn.Conv2d(len(kept), conv.out_channels, conv.kernel_size, conv.stride, conv.padding)
    with torch.no_grad():
        small.weight.copy_(conv.weight[:, kept.flip(0)])
        small.bias.copy_(conv.bias)
    return small


@wrong("3.5-cnn", "replaces the weight but leaves in_channels, so the convolution claims a shape that it no longer has")
def cut_inputs(conv, kept):
    small = copy.deepcopy(conv)
    small.weight = nn.Parameter(conv.weight.detach()[:, kept])
    return small


@wrong("3.5-cnn", "uses the old convolution's own bias in the new one: training the new one changes both")
def cut_inputs(conv, kept):
    small = nn.Conv2d(len(kept), conv.out_channels, conv.kernel_size, conv.stride, conv.padding)
    with torch.no_grad():
        small.weight.copy_(conv.weight[:, kept])
    small.bias = conv.bias
    return small


@wrong("3.5-cnn", "`cut_outputs` changes `bn` (its mode, `train()` or `eval()`) in place")
def cut_outputs(conv, bn, kept):
    small_conv = nn.Conv2d(conv.in_channels, len(kept), conv.kernel_size, conv.stride, conv.padding)
    small_bn = nn.BatchNorm2d(len(kept), eps=bn.eps)
    with torch.no_grad():
        for small, big in ((small_conv, conv), (small_bn, bn.eval())):
            small.load_state_dict({name: t[kept] if t.dim() else t for name, t in big.state_dict().items()})
    return small_conv, small_bn.eval()


@wrong("3.5-cnn", "`cut_outputs` changes `bn` (its statistics) in place")
def cut_outputs(conv, bn, kept):
    small = nn.Conv2d(conv.in_channels, len(kept), conv.kernel_size, conv.stride, conv.padding)
    norm = nn.BatchNorm2d(len(kept), eps=bn.eps)
    with torch.no_grad():
        small.weight.copy_(conv.weight[kept])
        small.bias.copy_(conv.bias[kept])
        for name in ("weight", "bias", "running_mean", "running_var"):
            getattr(norm, name).copy_(getattr(bn, name)[kept])
    bn.reset_running_stats()
    return small, norm


@right("3.5-cnn", "deep copies whose tensors are replaced, in eval mode")
def cut_outputs(conv, bn, kept):
    conv, bn = copy.deepcopy(conv), copy.deepcopy(bn).eval()
    conv.weight, conv.bias = nn.Parameter(conv.weight.data[kept]), nn.Parameter(conv.bias.data[kept])
    bn.weight, bn.bias = nn.Parameter(bn.weight.data[kept]), nn.Parameter(bn.bias.data[kept])
    bn.running_mean, bn.running_var = bn.running_mean[kept], bn.running_var[kept]
    conv.out_channels = bn.num_features = len(kept)
    return conv, bn


@right("3.5-cnn", "state dicts, a loop over their entries, results in a list")
def cut_outputs(conv, bn, kept):
    small = nn.Conv2d(conv.in_channels, len(kept), conv.kernel_size, stride=conv.stride, padding=conv.padding)
    norm = nn.BatchNorm2d(len(kept), eps=bn.eps, momentum=bn.momentum)
    small.load_state_dict({name: t.index_select(0, kept) for name, t in conv.state_dict().items()})
    norm.load_state_dict({name: t.index_select(0, kept) if t.dim() else t for name, t in bn.state_dict().items()})
    return [small, norm]


@right("3.5-cnn", "a deep copy with fewer inputs")
def cut_inputs(conv, kept):
    conv = copy.deepcopy(conv)
    conv.weight = nn.Parameter(conv.weight.data.index_select(1, kept))
    conv.in_channels = len(kept)
    return conv


@right("3.5-cnn", "a loop over the channels")
def cut_inputs(conv, kept):
    small = nn.Conv2d(len(kept), conv.out_channels, conv.kernel_size, conv.stride, conv.padding)
    for new, old in enumerate(kept.tolist()):
        small.weight.data[:, new] = conv.weight.data[:, old]
    small.bias.data[:] = conv.bias.data
    return small


# 3.6-bug


@wrong("3.6-bug", "still takes the columns as if the channel ran fastest; a flattened picture has all places of one channel side by side")
def cut_columns(linear, kept, area):
    channels = linear.in_features // area
    small = nn.Linear(len(kept) * area, linear.out_features)
    blocks = linear.weight.view(linear.out_features, area, channels)[:, :, kept]
    with torch.no_grad():
        small.weight.copy_(blocks.flatten(1))
        small.bias.copy_(linear.bias)
    return small


@wrong("3.6-bug", "mends one of two things: the channel is the first axis of the view, and the cut must run along that axis")
def cut_columns(linear, kept, area):
    channels = linear.in_features // area
    small = nn.Linear(len(kept) * area, linear.out_features)
    blocks = linear.weight.view(linear.out_features, channels, area)[:, :, kept]
    with torch.no_grad():
        small.weight.copy_(blocks.flatten(1))
        small.bias.copy_(linear.bias)
    return small


@wrong(
    "3.6-bug",
    "has the right columns, but place by place: a flattened picture goes channel by channel, so each channel's columns stay side by side",
)
def cut_columns(linear, kept, area):
    channels = linear.in_features // area
    small = nn.Linear(len(kept) * area, linear.out_features)
    blocks = linear.weight.view(linear.out_features, channels, area).transpose(1, 2)[:, :, kept]
    with torch.no_grad():
        small.weight.copy_(blocks.flatten(1))
        small.bias.copy_(linear.bias)
    return small


@wrong("3.6-bug", "has the blocks of columns in another order than the kept channels")
def cut_columns(linear, kept, area):
    small = nn.Linear(len(kept) * area, linear.out_features)
    with torch.no_grad():
        small.weight.copy_(linear.weight.view(linear.out_features, -1, area)[:, kept.flip(0)].flatten(1))
        small.bias.copy_(linear.bias)
    return small


@wrong("3.6-bug", "keeps the first columns, whatever the kept channels are")
def cut_columns(linear, kept, area):
    small = nn.Linear(len(kept) * area, linear.out_features)
    with torch.no_grad():
        small.weight.copy_(linear.weight[:, : len(kept) * area])
        small.bias.copy_(linear.bias)
    return small


@wrong("3.6-bug", "keeps one column for each channel; through a flatten each channel owns as many columns as the picture has places")
def cut_columns(linear, kept, area):
    small = nn.Linear(len(kept), linear.out_features)
    with torch.no_grad():
        small.weight.copy_(linear.weight[:, kept])
        small.bias.copy_(linear.bias)
    return small


@wrong("3.6-bug", "starts each channel's block at the channel's number; it starts at the number times the area")
def cut_columns(linear, kept, area):
    small = nn.Linear(len(kept) * area, linear.out_features)
    columns = [c + place for c in kept.tolist() for place in range(area)]
    with torch.no_grad():
        small.weight.copy_(linear.weight[:, columns])
        small.bias.copy_(linear.bias)
    return small


@wrong("3.6-bug", "repairs the columns and loses the bias, which belongs to the outputs")
def cut_columns(linear, kept, area):
    small = nn.Linear(len(kept) * area, linear.out_features)
    with torch.no_grad():
        small.weight.copy_(linear.weight.view(linear.out_features, -1, area)[:, kept].flatten(1))
        small.bias.zero_()
    return small


@wrong("3.6-bug", "takes the root of the area for the side of the picture; pictures need not be square")
def cut_columns(linear, kept, area):
    side = int(area**0.5)
    small = nn.Linear(len(kept) * area, linear.out_features)
    blocks = linear.weight.view(linear.out_features, -1, side, side)[:, kept]
    with torch.no_grad():
        small.weight.copy_(blocks.flatten(1))
        small.bias.copy_(linear.bias)
    return small


@wrong("3.6-bug", "masks the columns of the other channels and leaves them in the layer")
def cut_columns(linear, kept, area):
    small, mask = copy.deepcopy(linear), torch.zeros(linear.in_features // area)
    mask[kept] = 1
    with torch.no_grad():
        small.weight.mul_(mask.repeat_interleave(area))
    return small


@wrong("3.6-bug", "makes the small layer in float64: its weights are right, and it cannot take float32 pictures")
def cut_columns(linear, kept, area):
    small = nn.Linear(len(kept) * area, linear.out_features).double()
    with torch.no_grad():
        small.weight.copy_(linear.weight.view(linear.out_features, -1, area)[:, kept].flatten(1))
        small.bias.copy_(linear.bias)
    return small


@wrong("3.6-bug", "freezes the new layer: it has the right weights, and no training can adapt them")
def cut_columns(linear, kept, area):
    small = nn.Linear(len(kept) * area, linear.out_features)
    with torch.no_grad():
        small.weight.copy_(linear.weight.view(linear.out_features, -1, area)[:, kept].flatten(1))
        small.bias.copy_(linear.bias)
    return small.requires_grad_(False)


@wrong("3.6-bug", "uses the old layer's own bias in the new one: training the new one changes both")
def cut_columns(linear, kept, area):
    small = nn.Linear(len(kept) * area, linear.out_features)
    with torch.no_grad():
        small.weight.copy_(linear.weight.view(linear.out_features, -1, area)[:, kept].flatten(1))
    small.bias = linear.bias
    return small


@wrong("3.6-bug", "`cut_columns` changes `linear` (its mode, `train()` or `eval()`) in place")
def cut_columns(linear, kept, area):
    columns = (kept[:, None] * area + torch.arange(area)).flatten()
    small = nn.Linear(len(columns), linear.train().out_features)
    with torch.no_grad():
        small.weight.copy_(linear.weight[:, columns])
        small.bias.copy_(linear.bias)
    return small


@wrong("3.6-bug", "`cut_columns` changes `linear` (its layers) in place")
def cut_columns(linear, kept, area):
    linear.weight = nn.Parameter(linear.weight.detach().view(linear.out_features, -1, area)[:, kept].flatten(1))
    linear.in_features = len(kept) * area
    return linear


@right("3.6-bug", "the columns whose owner stays")
def cut_columns(linear, kept, area):
    owner = torch.arange(linear.in_features) // area
    small = nn.Linear(len(kept) * area, linear.out_features)
    small.load_state_dict({"weight": linear.weight[:, torch.isin(owner, kept)], "bias": linear.bias})
    return small


@right("3.6-bug", "column numbers from a list")
def cut_columns(linear, kept, area):
    small = nn.Linear(len(kept) * area, linear.out_features)
    columns = [c * area + place for c in kept.tolist() for place in range(area)]
    with torch.no_grad():
        small.weight.copy_(linear.weight[:, columns])
        small.bias.copy_(linear.bias)
    return small


@right("3.6-bug", "column numbers by broadcasting, parameters of a deep copy")
def cut_columns(linear, kept, area):
    small = copy.deepcopy(linear)
    columns = (kept[:, None] * area + torch.arange(area)).flatten()
    small.weight = nn.Parameter(linear.weight.detach()[:, columns])
    small.in_features = len(columns)
    return small


@right("3.6-bug", "a mask repeated for each place")
def cut_columns(linear, kept, area):
    mask = torch.zeros(linear.in_features // area, dtype=torch.bool)
    mask[kept] = True
    small = nn.Linear(len(kept) * area, linear.out_features)
    small.weight.data = linear.weight.data[:, mask.repeat_interleave(area)]
    small.bias.data = linear.bias.data.clone()
    return small


# 3.7-count


@wrong("3.7-count", "uses each weight of a convolution once; it is used at every position of the output picture")
def count(model, x):
    macs = sum(layer.weight.numel() for layer in model if isinstance(layer, (nn.Conv2d, nn.Linear)))
    return sum(p.numel() for p in model.parameters()), macs


@wrong("3.7-count", "multiplies by the size of the input picture; with a stride or without padding the output is smaller")
def count(model, x):
    macs = 0
    for layer in model:
        if isinstance(layer, nn.Conv2d):
            macs += layer.weight.numel() * x.shape[2] * x.shape[3]
        if isinstance(layer, nn.Linear):
            macs += layer.weight.numel()
        x = layer(x)
    return sum(p.numel() for p in model.parameters()), macs


@wrong("3.7-count", "counts floating-point operations, two for each MAC")
def count(model, x):
    macs = 0
    for layer in model:
        x = layer(x)
        if isinstance(layer, nn.Conv2d):
            macs += 2 * layer.weight.numel() * x.shape[2] * x.shape[3]
        if isinstance(layer, nn.Linear):
            macs += 2 * layer.weight.numel()
    return sum(p.numel() for p in model.parameters()), macs


@wrong("3.7-count", "counts tensors in place of the numbers in them")
def count(model, x):
    macs = 0
    for layer in model:
        x = layer(x)
        if isinstance(layer, nn.Conv2d):
            macs += layer.weight.numel() * x.shape[2] * x.shape[3]
        if isinstance(layer, nn.Linear):
            macs += layer.weight.numel()
    return len(list(model.parameters())), macs


@wrong("3.7-count", "counts the state dict: batch norm's running statistics are stored, but they are not trained and are no parameters")
def count(model, x):
    macs = 0
    for layer in model:
        x = layer(x)
        if isinstance(layer, nn.Conv2d):
            macs += layer.weight.numel() * x.shape[2] * x.shape[3]
        if isinstance(layer, nn.Linear):
            macs += layer.weight.numel()
    return sum(t.numel() for t in model.state_dict().values()), macs


@wrong("3.7-count", "counts the weights only: biases and batch norm's two tensors are parameters, too")
def count(model, x):
    macs = parameters = 0
    for layer in model:
        x = layer(x)
        if isinstance(layer, nn.Conv2d):
            macs += layer.weight.numel() * x.shape[2] * x.shape[3]
            parameters += layer.weight.numel()
        if isinstance(layer, nn.Linear):
            macs += layer.weight.numel()
            parameters += layer.weight.numel()
    return parameters, macs


@wrong("3.7-count", "takes the channels for a side of the picture: height and width are the axes 2 and 3")
def count(model, x):
    macs = 0
    for layer in model:
        x = layer(x)
        if isinstance(layer, nn.Conv2d):
            macs += layer.weight.numel() * x.shape[1] * x.shape[2]
        if isinstance(layer, nn.Linear):
            macs += layer.weight.numel()
    return sum(p.numel() for p in model.parameters()), macs


@wrong("3.7-count", "multiplies all numbers of the output by all weights; each output channel has only its own filter")
def count(model, x):
    macs = 0
    for layer in model:
        x = layer(x)
        if isinstance(layer, nn.Conv2d):
            macs += layer.weight.numel() * x.numel()
        if isinstance(layer, nn.Linear):
            macs += layer.weight.numel()
    return sum(p.numel() for p in model.parameters()), macs


@wrong("3.7-count", "counts a MAC for each bias; here only products count")
def count(model, x):
    macs = 0
    for layer in model:
        x = layer(x)
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            positions = x.shape[2] * x.shape[3] if x.dim() == 4 else 1
            macs += sum(p.numel() for p in layer.parameters()) * positions
    return sum(p.numel() for p in model.parameters()), macs


@wrong("3.7-count", "counts a MAC for each bias; here only products count")
def count(model, x):
    macs = 0
    for layer in model:
        x = layer(x)
        if isinstance(layer, nn.Conv2d):
            macs += (layer.weight.numel() + layer.out_channels) * x.shape[2] * x.shape[3]
        if isinstance(layer, nn.Linear):
            macs += layer.weight.numel()
    return sum(p.numel() for p in model.parameters()), macs


@wrong("3.7-count", "squares the height of the output picture; pictures need not be square")
def count(model, x):
    macs = 0
    for layer in model:
        x = layer(x)
        if isinstance(layer, nn.Conv2d):
            macs += layer.weight.numel() * x.shape[2] ** 2
        if isinstance(layer, nn.Linear):
            macs += layer.weight.numel()
    return sum(p.numel() for p in model.parameters()), macs


@wrong("3.7-count", "divides the side of the picture by the stride and drops the rest; a side of 7 with stride 2 and padding 1 becomes 4")
def count(model, x):
    sides, macs = list(x.shape[2:]), 0
    for layer in model:
        if isinstance(layer, (nn.Conv2d, nn.MaxPool2d)):
            stride = layer.stride if isinstance(layer.stride, tuple) else (layer.stride, layer.stride)
            sides = [side // each for side, each in zip(sides, stride)]
        if isinstance(layer, nn.Conv2d):
            macs += layer.weight.numel() * sides[0] * sides[1]
        if isinstance(layer, nn.Linear):
            macs += layer.weight.numel()
    return sum(p.numel() for p in model.parameters()), macs


@wrong("3.7-count", "squares the height of the kernel; kernels need not be square")
def count(model, x):
    macs = 0
    for layer in model:
        x = layer(x)
        if isinstance(layer, nn.Conv2d):
            macs += layer.in_channels * layer.out_channels * layer.kernel_size[0] ** 2 * x.shape[2] * x.shape[3]
        if isinstance(layer, nn.Linear):
            macs += layer.weight.numel()
    return sum(p.numel() for p in model.parameters()), macs


@wrong("3.7-count", "squares the width of the kernel; kernels need not be square")
def count(model, x):
    macs = 0
    for layer in model:
        x = layer(x)
        if isinstance(layer, nn.Conv2d):
            macs += layer.in_channels * layer.out_channels * layer.kernel_size[1] ** 2 * x.shape[2] * x.shape[3]
        if isinstance(layer, nn.Linear):
            macs += layer.weight.numel()
    return sum(p.numel() for p in model.parameters()), macs


@wrong("3.7-count", "leaves the kernel out: a filter has a weight for each place of its kernel")
def count(model, x):
    macs = 0
    for layer in model:
        x = layer(x)
        if isinstance(layer, nn.Conv2d):
            macs += layer.in_channels * layer.out_channels * x.shape[2] * x.shape[3]
        if isinstance(layer, nn.Linear):
            macs += layer.weight.numel()
    return sum(p.numel() for p in model.parameters()), macs


@wrong("3.7-count", "returns the MACs first and the parameters second")
def count(model, x):
    macs = 0
    for layer in model:
        x = layer(x)
        if isinstance(layer, nn.Conv2d):
            macs += layer.weight.numel() * x.shape[2] * x.shape[3]
        if isinstance(layer, nn.Linear):
            macs += layer.weight.numel()
    return macs, sum(p.numel() for p in model.parameters())


@wrong("3.7-count", "counts MACs for batch norm; here only convolutions and linear layers count")
def count(model, x):
    macs = 0
    for layer in model:
        x = layer(x)
        if isinstance(layer, nn.Conv2d):
            macs += layer.weight.numel() * x.shape[2] * x.shape[3]
        if isinstance(layer, nn.Linear):
            macs += layer.weight.numel()
        if isinstance(layer, nn.BatchNorm2d):
            macs += x.numel()
    return sum(p.numel() for p in model.parameters()), macs


@wrong("3.7-count", "leaves batch norm's two tensors out of the parameters; they are trained")
def count(model, x):
    macs = parameters = 0
    for layer in model:
        x = layer(x)
        if isinstance(layer, nn.Conv2d):
            macs += layer.weight.numel() * x.shape[2] * x.shape[3]
        if isinstance(layer, nn.Linear):
            macs += layer.weight.numel()
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            parameters += sum(p.numel() for p in layer.parameters())
    return parameters, macs


@wrong("3.7-count", "returns a float; two integers are asked for, and a division with / gives a float also where nothing is left over")
def count(model, x):
    macs = 0
    for layer in model:
        x = layer(x)
        if isinstance(layer, nn.Conv2d):
            macs += layer.weight.numel() * x.numel() / layer.out_channels
        if isinstance(layer, nn.Linear):
            macs += layer.weight.numel()
    return sum(p.numel() for p in model.parameters()), macs


@wrong("3.7-count", "returns a tensor with one number in it, as `prod()` of a tensor does; two integers are asked for")
def count(model, x):
    macs = 0
    for layer in model:
        x = layer(x)
        if isinstance(layer, nn.Conv2d):
            macs += layer.weight.numel() * torch.tensor(x.shape[2:]).prod()
        if isinstance(layer, nn.Linear):
            macs += layer.weight.numel()
    return sum(p.numel() for p in model.parameters()), macs


@wrong("3.7-count", "returns a tensor with one number in it, as `prod()` of a tensor does; two integers are asked for")
def count(model, x):
    parameters, macs = torch.tensor(0), torch.tensor(0)
    for layer in model:
        x = layer(x)
        parameters += sum(p.numel() for p in layer.parameters())
        if isinstance(layer, nn.Conv2d):
            macs += layer.weight.numel() * x.shape[2] * x.shape[3]
        if isinstance(layer, nn.Linear):
            macs += layer.weight.numel()
    return parameters, macs


@wrong("3.7-count", "`count` changes `model` (`requires_grad` of its parameters) in place")
def count(model, x):
    macs = 0
    for layer in model.requires_grad_(False):
        x = layer(x)
        if isinstance(layer, nn.Conv2d):
            macs += layer.weight.numel() * x.shape[2] * x.shape[3]
        if isinstance(layer, nn.Linear):
            macs += layer.weight.numel()
    return sum(p.numel() for p in model.parameters()), macs


@right("3.7-count", "numbers of the output times the size of one filter")
def count(model, x):
    macs = 0
    for layer in model:
        x = layer(x)
        if hasattr(layer, "weight") and layer.weight.dim() > 1:
            macs += x.numel() * layer.weight[0].numel()
    return sum(p.numel() for p in model.parameters()), macs


@right("3.7-count", "from the layers' settings, output by output; a list of NumPy integers")
def count(model, x):
    parameters, macs = np.int64(0), np.int64(0)
    with torch.no_grad():
        for layer in model:
            x = layer(x)
            parameters += sum(int(np.prod(p.shape)) for p in layer.parameters())
            if isinstance(layer, nn.Conv2d):
                macs += x[0].numel() * layer.in_channels * layer.kernel_size[0] * layer.kernel_size[1]
            elif isinstance(layer, nn.Linear):
                macs += layer.in_features * layer.out_features
    return [parameters, macs]


@right("3.7-count", "shapes without running anything")
def count(model, x):
    size, macs = list(x.shape[1:]), 0
    for layer in model:
        if isinstance(layer, (nn.Conv2d, nn.MaxPool2d)):
            pairs = [v if isinstance(v, tuple) else (v, v) for v in (layer.kernel_size, layer.stride, layer.padding)]
            size[1:] = [(side + 2 * p - k) // s + 1 for side, k, s, p in zip(size[1:], *pairs)]
        if isinstance(layer, nn.Conv2d):
            size[0] = layer.out_channels
            macs += layer.weight.numel() * size[1] * size[2]
        if isinstance(layer, nn.Linear):
            macs += layer.weight.numel()
    return sum(p.numel() for p in model.parameters()), macs


@right("3.7-count", "forward hooks on a copy")
def count(model, x):
    macs = []

    def note(layer, inputs, output):
        macs.append(layer.weight.numel() * (output.shape[2] * output.shape[3] if output.dim() == 4 else 1))

    copied = copy.deepcopy(model)
    for layer in copied:
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            layer.register_forward_hook(note)
    copied(x)
    return sum(p.numel() for p in model.parameters()), sum(macs)


# 3.9-groups


@wrong("3.9-groups", "tells only the two layers of the addition; those that were tied to them before must hear of it, too")
def tied_groups(layers, additions):
    group = {layer: {layer} for layer in layers}
    for a, b in additions:
        merged = group[a] | group[b]
        for layer in (a, b):
            group[layer] = merged
    groups = []
    for layer in layers:
        members = [other for other in layers if other in group[layer]]
        if members not in groups:
            groups.append(members)
    return groups


@wrong("3.9-groups", "stops at the direct partners of each layer; whatever these are tied to belongs to the group, too")
def tied_groups(layers, additions):
    groups = []
    for layer in layers:
        near = {layer, *(name for pair in additions if layer in pair for name in pair)}
        members = [other for other in layers if other in near]
        if members not in groups:
            groups.append(members)
    return groups


@wrong("3.9-groups", "follows each addition from its first layer to its second only; an addition ties both ways")
def tied_groups(layers, additions):
    groups, seen = [], set()
    for layer in layers:
        reached, ahead = {layer}, [layer]
        while ahead:
            here = ahead.pop()
            near = {b for a, b in additions if a == here} - reached
            reached |= near
            ahead += near
        if layer not in seen:
            groups.append([other for other in layers if other in reached - seen])
            seen |= reached
    return groups


@wrong("3.9-groups", "goes through the additions a fixed number of times; a long chain needs as many as it has links")
def tied_groups(layers, additions):
    label = {layer: k for k, layer in enumerate(layers)}
    for _ in range(2):
        for a, b in additions:
            label[a] = label[b] = min(label[a], label[b])
    return [[x for x in layers if label[x] == k] for k in sorted(set(label.values()))]


@wrong("3.9-groups", "goes through the additions a fixed number of times; a long chain needs as many as it has links")
def tied_groups(layers, additions):
    group = {layer: {layer} for layer in layers}
    for _ in range(2):
        for a, b in additions:
            merged = group[a] | group[b]
            group[a], group[b] = merged, set(merged)
    groups = []
    for layer in layers:
        members = [other for other in layers if other in group[layer]]
        if members not in groups:
            groups.append(members)
    return groups


@wrong("3.9-groups", "makes a new group of each addition, so a layer can stand in two groups")
def tied_groups(layers, additions):
    groups = [[layer for layer in layers if layer in pair] for pair in additions]
    alone = [[layer] for layer in layers if not any(layer in pair for pair in additions)]
    return sorted(groups + alone, key=lambda group: layers.index(group[0]))


@wrong("3.9-groups", "looks for shared layers once, in the order of the additions; a later addition can join two groups that exist already")
def tied_groups(layers, additions):
    groups = []
    for a, b in additions:
        home = next((group for group in groups if a in group or b in group), None)
        if home is None:
            groups.append({a, b})
        else:
            home.update((a, b))
    groups += [{layer} for layer in layers if not any(layer in group for group in groups)]
    named = [[layer for layer in layers if layer in group] for group in groups]
    return sorted(named, key=lambda group: layers.index(group[0]))


@wrong("3.9-groups", "leaves out the layers that are tied to nothing; each is a group of its own")
def tied_groups(layers, additions):
    group = {layer: {layer} for layer in layers}
    for a, b in additions:
        merged = group[a] | group[b]
        for layer in merged:
            group[layer] = merged
    groups = []
    for layer in layers:
        members = [other for other in layers if other in group[layer]]
        if len(members) > 1 and members not in groups:
            groups.append(members)
    return groups


@wrong("3.9-groups", "ties everything to everything: one group")
def tied_groups(layers, additions):
    return [list(layers)]


@wrong("3.9-groups", "looks for a name within joined names, and conv1 is found in conv10; compare whole names")
def tied_groups(layers, additions):
    label = {layer: layer for layer in layers}
    for a, b in additions:
        if label[a] != label[b]:
            joined = f"{label[a]}+{label[b]}"
            label |= {layer: joined for layer in layers if layer in joined}
    groups = {}
    for layer in layers:
        groups.setdefault(label[layer], []).append(layer)
    return list(groups.values())


@wrong("3.9-groups", "ties nothing: an addition goes channel by channel, so its two sides must lose the same channels")
def tied_groups(layers, additions):
    return [[layer] for layer in layers]


@wrong("3.9-groups", "keeps in the group only what both sides have in common; the sides are joined")
def tied_groups(layers, additions):
    group = {layer: {layer} for layer in layers}
    for a, b in additions:
        merged = group[a] & group[b] | {a}
        for layer in (*merged, b):
            group[layer] = merged | {layer}
    groups = []
    for layer in layers:
        members = [other for other in layers if other in group[layer]]
        if members not in groups:
            groups.append(members)
    return groups


@wrong("3.9-groups", "sorts the names by the alphabet; inside a group they have the order of the layers")
def tied_groups(layers, additions):
    group = {layer: {layer} for layer in layers}
    for a, b in additions:
        merged = group[a] | group[b]
        for layer in merged:
            group[layer] = merged
    return sorted({tuple(sorted(members)) for members in group.values()})


@wrong("3.9-groups", "sorts the names by the alphabet; inside a group they have the order of the layers")
def tied_groups(layers, additions):
    group = {layer: {layer} for layer in layers}
    for a, b in additions:
        merged = group[a] | group[b]
        for layer in merged:
            group[layer] = merged
    groups = []
    for layer in layers:
        members = sorted(group[layer])
        if members not in groups:
            groups.append(members)
    return groups


@wrong("3.9-groups", "tells the second layer of the new group, but not those that were tied to it before")
def tied_groups(layers, additions):
    group = {layer: {layer} for layer in layers}
    for a, b in additions:
        merged = group[a] | group[b]
        for layer in group[a]:
            group[layer] = merged
        group[b] = merged
    groups = []
    for layer in layers:
        members = [other for other in layers if other in group[layer]]
        if members not in groups:
            groups.append(members)
    return groups


@wrong("3.9-groups", "takes the second layer's label from the first and leaves those behind that had the second's label already")
def tied_groups(layers, additions):
    label, groups = {layer: layer for layer in layers}, {}
    for a, b in additions:
        label[b] = label[a]
    for layer in layers:
        groups.setdefault(label[layer], []).append(layer)
    return list(groups.values())


@wrong("3.9-groups", "puts the largest group first; the groups have the order of their first names")
def tied_groups(layers, additions):
    group = {layer: {layer} for layer in layers}
    for a, b in additions:
        merged = group[a] | group[b]
        for layer in merged:
            group[layer] = merged
    groups = []
    for layer in layers:
        members = [other for other in layers if other in group[layer]]
        if members not in groups:
            groups.append(members)
    return sorted(groups, key=len, reverse=True)


@wrong("3.9-groups", "names the groups in the order of the additions; they have the order of the layers")
def tied_groups(layers, additions):
    groups = []
    for a, b in additions:
        joined = [group for group in groups if a in group or b in group]
        groups = [group for group in groups if group not in joined]
        groups.append(list(dict.fromkeys([name for group in joined for name in group] + [a, b])))
    return groups + [[layer] for layer in layers if not any(layer in group for group in groups)]


@wrong("3.9-groups", "returns a group for each layer, so a group of three comes three times")
def tied_groups(layers, additions):
    group = {layer: {layer} for layer in layers}
    for a, b in additions:
        merged = group[a] | group[b]
        for layer in merged:
            group[layer] = merged
    return [[other for other in layers if other in group[layer]] for layer in layers]


@wrong("3.9-groups", "`tied_groups` changes `additions` (its length) in place")
def tied_groups(layers, additions):
    group = {layer: {layer} for layer in layers}
    while additions:
        a, b = additions.pop()
        merged = group[a] | group[b]
        for layer in merged:
            group[layer] = merged
    groups = []
    for layer in layers:
        members = [other for other in layers if other in group[layer]]
        if members not in groups:
            groups.append(members)
    return groups


@right("3.9-groups", "walks along the additions from each layer")
def tied_groups(layers, additions):
    found = []
    for start in layers:
        reached, ahead = {start}, [start]
        while ahead:
            here = ahead.pop()
            near = {other for pair in additions if here in pair for other in pair} - reached
            reached |= near
            ahead += near
        group = [layer for layer in layers if layer in reached]
        if group not in found:
            found.append(group)
    return found


@right("3.9-groups", "parents and roots (union-find)")
def tied_groups(layers, additions):
    parent = {layer: layer for layer in layers}

    def root(layer):
        while parent[layer] != layer:
            layer = parent[layer]
        return layer

    for a, b in additions:
        parent[root(a)] = root(b)
    groups = {}
    for layer in layers:
        groups.setdefault(root(layer), []).append(layer)
    return list(groups.values())


@right("3.9-groups", "labels lowered until nothing changes; tuples in a tuple")
def tied_groups(layers, additions):
    label = {layer: k for k, layer in enumerate(layers)}
    changed = True
    while changed:
        changed = False
        for a, b in additions:
            low = min(label[a], label[b])
            changed |= label[a] != low or label[b] != low
            label[a] = label[b] = low
    return tuple(tuple(x for x in layers if label[x] == k) for k in sorted(set(label.values())))


@right("3.9-groups", "a matrix of ties, squared until it is closed")
def tied_groups(layers, additions):
    n = len(layers)
    ties = np.eye(n, dtype=bool)
    for a, b in additions:
        i, j = layers.index(a), layers.index(b)
        ties[i, j] = ties[j, i] = True
    for _ in range(n):
        ties = (ties.astype(int) @ ties.astype(int)) > 0
    return [[layers[j] for j in np.flatnonzero(ties[i])] for i in range(n) if not ties[i, :i].any()]
