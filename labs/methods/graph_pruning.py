"""Structured pruning of a network that `networks.graph` has read: every channel group is cut in all its layers at once."""

import copy
import dataclasses
from collections.abc import Iterator

import torch
from torch import nn
from torch.fx.experimental.optimization import fuse

from course_data import Dataset
from course_labs.methods.pruning import change
from course_labs.networks.convnet import normalise
from course_labs.networks.graph import Layer, Numbered, TracedNetwork


def channel_importance(net: TracedNetwork, data: Dataset, images: int, batch: int = 128) -> list[torch.Tensor]:
    """A score for every channel of every group, one tensor (channels,) a group.

    As `pruning.channel_importance`, (γ·∂L/∂γ + β·∂L/∂β)² averaged over batches of training images, summed over the group's batch norms.
    Where no batch norm follows a layer, its filter stands for γ and its bias for β: both are the gradient at a gate behind it.
    """
    net = copy.deepcopy(net).eval().requires_grad_()
    scores = [torch.zeros(width) for width in net.shape.widths]
    gates = [(layer.target, net.layer(layer)) for layer in net.layers if layer.gate and layer.target is not None]
    for start in range(0, min(images, len(data.train)), batch):
        part = slice(start, start + batch)
        logits = net(normalise(data.train.images[part], data.mean, data.std))
        net.zero_grad()
        nn.functional.cross_entropy(logits, data.train.labels[part]).backward()
        for group, module in gates:
            whole = change(module.weight).flatten(1).sum(1) if module.weight.ndim > 1 else change(module.weight)
            if module.bias is not None:
                whole = whole + change(module.bias)
            scores[group] += (whole**2).detach()
    return scores


@torch.no_grad()
def masked(net: TracedNetwork, kept: list[torch.Tensor]) -> TracedNetwork:
    """A copy of the same size in which every channel that is not kept is exactly zero everywhere in its group."""
    net = copy.deepcopy(net)
    for layer in net.layers:
        if layer.target is not None:
            gone = torch.ones(net.shape.widths[layer.target], dtype=torch.bool)
            gone[kept[layer.target]] = False
            module = net.layer(layer)
            for tensor in (module.weight, module.bias):
                if tensor is not None:
                    tensor[gone] = 0
    return net


@torch.no_grad()
def rebuilt(net: TracedNetwork, kept: list[torch.Tensor]) -> TracedNetwork:
    """A smaller network that computes what `masked(net, kept)` computes."""
    widths = tuple(len(keep) for keep in kept)
    small = TracedNetwork(copy.deepcopy(net.body), net.layers, dataclasses.replace(net.shape, widths=widths), net.in_channels)
    for layer, name, place in _places(net, kept):
        tensor = getattr(net.layer(layer), name)
        cut = tensor[place].clone()
        setattr(small.layer(layer), name, nn.Parameter(cut) if isinstance(tensor, nn.Parameter) else cut)
    for layer in small.layers:
        _state_sizes(small.layer(layer))
    return small.train(net.training)


@torch.no_grad()
def expanded(big: TracedNetwork, small: TracedNetwork, kept: list[torch.Tensor]) -> TracedNetwork:
    """`big`'s shape, every channel outside `kept` silenced, computing exactly what `small` computes: the way back from `rebuilt`."""
    net = masked(big, kept)
    for layer, name, place in _places(net, kept):
        getattr(net.layer(layer), name)[place] = getattr(small.layer(layer), name)
    return net.eval()


def folded(net: TracedNetwork) -> nn.Module:
    """A copy with batch norm folded into the layer before it, where there is one, in eval mode, float32, on the CPU."""
    return fuse(copy.deepcopy(net.body).eval().cpu().float(), no_trace=True).eval()


def producers(net: TracedNetwork) -> list[tuple[nn.Conv2d | nn.Linear, int]]:
    """The convolutions and linear layers that make channels of a group, each with the group's index."""
    found = [(net.layer(layer), layer.target) for layer in net.layers if layer.target is not None]
    return [(module, group) for module, group in found if isinstance(module, (nn.Conv2d, nn.Linear))]


def _places(net: TracedNetwork, kept: list[torch.Tensor]) -> Iterator[tuple[Layer, str, tuple[torch.Tensor, ...]]]:
    """Where the kept channels stand in every tensor of every layer: (layer, the tensor's name, its index)."""
    for layer in net.layers:
        module = net.layer(layer)
        rows = torch.arange(len(module.weight)) if layer.target is None else kept[layer.target]
        if layer.kind == "dense":
            columns = torch.arange(module.weight.shape[1])
            if layer.source is not None:
                columns = (kept[layer.source][:, None] * layer.repeat + torch.arange(layer.repeat)).flatten()
            yield layer, "weight", (rows[:, None], columns)
        else:
            yield layer, "weight", (rows,)
        for name in ("bias", "running_mean", "running_var"):
            if getattr(module, name, None) is not None:
                yield layer, name, (rows,)


def _state_sizes(module: Numbered) -> None:
    """Make a layer's own description agree with its tensors."""
    if isinstance(module, nn.Linear):
        module.out_features, module.in_features = module.weight.shape
    elif not isinstance(module, nn.Conv2d):
        module.num_features = len(module.weight)
    elif module.groups > 1:  # depthwise
        module.in_channels = module.out_channels = module.groups = len(module.weight)
    else:
        module.out_channels, module.in_channels = module.weight.shape[:2]
