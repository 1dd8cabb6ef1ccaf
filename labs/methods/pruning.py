"""Structured pruning: score channels, keep the best, rebuild the network smaller."""

import copy
import dataclasses

import torch
from torch import nn

from course_data import Dataset
from course_labs.networks.convnet import ConvNet, normalise


def channel_importance(net: ConvNet, data: Dataset, images: int, batch: int = 128) -> list[torch.Tensor]:
    """A score for every channel of every convolution: one tensor (channels,) a layer.

    First-order Taylor expansion of the loss at a gate behind the batch norm: (γ·∂L/∂γ + β·∂L/∂β)², summed over batches
    of training images (Molchanov et al. 2019, arXiv:1906.10771). In eval mode: only gradients are wanted.
    """
    net = copy.deepcopy(net).eval()
    scores = [torch.zeros(width) for width in net.shape.widths]
    for start in range(0, min(images, len(data.train)), batch):
        part = slice(start, start + batch)
        logits = net(normalise(data.train.images[part], data.mean, data.std))
        net.zero_grad()
        nn.functional.cross_entropy(logits, data.train.labels[part]).backward()
        for score, norm in zip(scores, net.norms):
            score += ((change(norm.weight) + change(norm.bias)) ** 2).detach()
    return scores


def change(tensor: torch.Tensor) -> torch.Tensor:
    """Of a tensor with a gradient: how the loss would change, to first order, if each number went to zero."""
    assert tensor.grad is not None, "call backward() first"
    return tensor * tensor.grad


def keep_best(scores: list[torch.Tensor], widths: tuple[int, ...]) -> list[torch.Tensor]:
    """Indices of the `widths[i]` highest scores of layer i, in their original order."""
    kept = []
    for score, width in zip(scores, widths, strict=True):
        if not 0 < width <= len(score):
            raise ValueError(f"cannot keep {width} of {len(score)} channels")
        kept.append(score.argsort(descending=True, stable=True)[:width].sort().values)
    return kept


@torch.no_grad()
def masked(net: ConvNet, kept: list[torch.Tensor]) -> ConvNet:
    """A copy of the same size in which every channel that is not kept puts out exactly zero.

    Not smaller, not faster: the yardstick for `rebuilt`.
    """
    net = copy.deepcopy(net)
    for norm, keep in zip(net.norms, kept, strict=True):
        gone = torch.ones(norm.num_features, dtype=torch.bool)
        gone[keep] = False
        norm.weight[gone] = 0  # ReLU(0 · x + 0) = 0
        norm.bias[gone] = 0
    return net


@torch.no_grad()
def rebuilt(net: ConvNet, kept: list[torch.Tensor]) -> ConvNet:
    """A smaller network that computes what `masked(net, kept)` computes.

    Cutting a channel takes four things: the filter that makes it, its batch-norm entries (weight, bias, running mean and
    variance), the next convolution's input channel, and, after the last convolution, the linear layer's column.
    """
    shape = dataclasses.replace(net.shape, widths=tuple(len(keep) for keep in kept))
    small = ConvNet(shape, net.in_channels, net.classes)
    inputs = torch.arange(net.in_channels)
    for index, keep in enumerate(kept):
        small.convs[index].weight.copy_(net.convs[index].weight[keep][:, inputs])
        entries = net.norms[index].state_dict()
        small.norms[index].load_state_dict({name: tensor[keep] if tensor.ndim else tensor for name, tensor in entries.items()})
        inputs = keep
    small.head.weight.copy_(net.head.weight[:, inputs])
    small.head.bias.copy_(net.head.bias)
    return small.train(net.training)
