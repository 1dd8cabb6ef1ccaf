"""Structured pruning of a network that `networks.graph` has read: every channel group is cut in all its layers at once."""

import copy
import dataclasses
from collections.abc import Iterator

import torch
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from course_data import Dataset
from course_labs.methods.pruning import change
from course_labs.networks.convnet import normalise
from course_labs.networks.graph import Layer, Numbered, Part, TracedNetwork
from course_labs.networks.operations import put, shape_of

PROVEN = {torch.float64: 1e-6, torch.float32: 1e-3}  # of the largest logit: rounding alone gives about 1e-14 and 1e-5
_PROVEN: dict[str, set[int]] = {}
LARGE = 20_000_000  # parameters, from which on float64 would take minutes


def channel_importance(net: TracedNetwork, data: Dataset, images: int, batch: int = 128) -> list[torch.Tensor]:
    """A score for every unit of every group, one tensor (units,) a group.

    As `pruning.channel_importance`, (γ·∂L/∂γ + β·∂L/∂β)² averaged over batches of training images, summed over the group's norms and a
    unit's channels. Where no norm follows a layer, its filter stands for γ and its bias for β: both are the gradient at a gate behind it.
    """
    net = copy.deepcopy(net).eval().requires_grad_()
    scores = [torch.zeros(width) for width in net.shape.widths]
    gates = [(layer.outputs, net.layer(layer)) for layer in net.layers if layer.gate and _cut(layer.outputs)]
    for start in range(0, min(images, len(data.train)) if scores else 0, batch):
        part = slice(start, start + batch)
        logits = net(normalise(data.train.images[part], data.mean, data.std))
        net.zero_grad()
        nn.functional.cross_entropy(logits, data.train.labels[part]).backward()
        for outputs, module in gates:
            if module.weight.grad is None:
                continue  # the logits do not depend on it
            whole = change(module.weight).flatten(1).sum(1) if module.weight.ndim > 1 else change(module.weight)
            if module.bias is not None:
                whole = whole + change(module.bias)
            for one, score in zip(outputs, (whole**2).detach().split([one.size for one in outputs])):
                if one.group is not None:
                    scores[one.group] += score.view(-1, one.repeat).sum(1)
    return scores


@torch.no_grad()
def masked(net: TracedNetwork, kept: list[torch.Tensor]) -> TracedNetwork:
    """A copy of the same size in which every channel that is not kept is exactly zero behind each of its group's layers."""
    net = copy.deepcopy(net)
    for layer in net.layers:
        if _cut(layer.outputs):
            module = net.layer(layer)
            gone = torch.ones(sum(part.size for part in layer.outputs), dtype=torch.bool)
            gone[_index(layer.outputs, kept)] = False
            for tensor in (module.weight, getattr(module, "bias", None)):
                if tensor is not None:
                    tensor[gone] = 0
    return net


@torch.no_grad()
def rebuilt(net: TracedNetwork, kept: list[torch.Tensor]) -> TracedNetwork:
    """A smaller network that computes what `masked(net, kept)` computes."""
    before = net.shape.widths
    widths = tuple(len(keep) for keep in kept)

    def fewer(parts: tuple[Part, ...]) -> tuple[Part, ...]:
        return tuple(
            part if part.group is None else dataclasses.replace(part, size=part.size // before[part.group] * widths[part.group])
            for part in parts
        )

    layers = tuple(dataclasses.replace(layer, inputs=fewer(layer.inputs), outputs=fewer(layer.outputs)) for layer in net.layers)
    small = TracedNetwork(copy.deepcopy(net.body), layers, dataclasses.replace(net.shape, widths=widths), net.in_channels, net.left_whole)
    for layer, name, place in _places(net, kept):
        tensor = getattr(net.layer(layer), name)
        cut = tensor[place].clone()
        setattr(small.layer(layer), name, nn.Parameter(cut, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else cut)
    for old, new in zip(net.layers, small.layers):
        _state_sizes(small.layer(new), old, new)
    return small.train(net.training)


@torch.no_grad()
def expanded(big: TracedNetwork, small: TracedNetwork, kept: list[torch.Tensor]) -> TracedNetwork:
    """`big`'s shape, every channel outside `kept` silenced, computing exactly what `small` computes: the way back from `rebuilt`."""
    net = masked(big, kept)
    cut = set()
    for layer, name, place in _places(net, kept):
        getattr(net.layer(layer), name)[place] = getattr(small.layer(layer), name)
        cut.add(f"{layer.name}.{name}")
    state, mine = small.body.state_dict(), net.body.state_dict()
    for name in mine.keys() - cut:  # layers that are whole, or unknown, learnt too
        mine[name].copy_(state[name])
    return net.eval()


def proven(net: TracedNetwork, example: torch.Tensor) -> TracedNetwork:
    """`net`, in which what `unproven` finds is left whole. The answer for a network is kept: it is made anew for every row."""
    key = f"{net} {net.layers} {tuple(example.shape)}"
    if key not in _PROVEN:
        _PROVEN[key] = unproven(net, example)
    return net.without(_PROVEN[key], "cutting it was tried and changed what the other channels compute") if _PROVEN[key] else net


def unproven(net: TracedNetwork, example: torch.Tensor) -> set[int]:
    """The groups of which half the units cannot be cut so that the smaller network computes what the masked one computes on random pictures.

    `example` (N, C, H, W) gives their shape. None is expected; but the rules in `networks.reading` may not know all of a user's code.
    Weights are made random for it: fresh norms and biases would hide mistakes.
    """
    groups = set(range(len(net.shape.widths)))
    trial = _made_random(net)
    if not groups or _equal(trial, example, groups):
        return set()
    wrong = {group for group in groups if not _equal(trial, example, {group})}
    return wrong if wrong and _equal(trial, example, groups - wrong) else groups


def _made_random(net: TracedNetwork) -> TracedNetwork:
    drawn = torch.Generator().manual_seed(0)
    trial = copy.deepcopy(net).eval()
    if sum(p.numel() for p in trial.parameters()) < LARGE:
        trial = trial.double()
    with torch.no_grad():
        for parameter in trial.parameters():
            if parameter.ndim <= 1:
                parameter += torch.rand(parameter.shape, generator=drawn, dtype=parameter.dtype) / 2
    return trial


@torch.no_grad()
def _equal(trial: TracedNetwork, example: torch.Tensor, groups: set[int]) -> bool:
    drawn = torch.Generator().manual_seed(0)
    kept = [
        torch.randperm(width, generator=drawn)[: -(-width // 2) if group in groups else width].sort().values
        for group, width in enumerate(trial.shape.widths)
    ]
    kind = next(trial.parameters()).dtype
    pictures = torch.randn(example.shape, generator=drawn).to(kind)
    try:
        one, two = (cut(trial, kept).eval()(pictures) for cut in (masked, rebuilt))
    except (RuntimeError, ValueError, IndexError):  # of the user's code, given fewer channels
        return False
    return bool(one.isfinite().all()) and bool((one - two).abs().max() <= PROVEN[kind] * one.abs().max())


@torch.no_grad()
def folded(net: TracedNetwork) -> nn.Module:
    """A copy with batch norm folded into the layer before it, where nothing else reads that, in eval mode, float32, on the CPU."""
    body = copy.deepcopy(net.body).eval().cpu().float()
    if not isinstance(body, fx.GraphModule):
        return body
    calls = [node.target for node in body.graph.nodes if node.op == "call_module"]
    for node in list(body.graph.nodes):
        source = node.args[0] if node.op == "call_module" and node.args else None
        if not isinstance(source, fx.Node) or source.op != "call_module" or len(source.users) > 1 or calls.count(source.target) > 1:
            continue
        norm, layer = body.get_submodule(node.target), body.get_submodule(str(source.target))
        fuse = {(nn.Conv2d, nn.BatchNorm2d): fuse_conv_bn_eval, (nn.Linear, nn.BatchNorm1d): fuse_linear_bn_eval}.get(
            (type(layer), type(norm))
        )
        if (
            fuse is None
            or calls.count(node.target) > 1
            or norm.running_mean is None
            or fuse is fuse_linear_bn_eval
            and len(shape_of(node) or ()) != 2
        ):
            continue
        put(body, str(source.target), fuse(layer, norm))
        node.replace_all_uses_with(source)
        body.graph.erase_node(node)
    body.delete_all_unused_submodules()
    body.recompile()
    return body


def producers(net: TracedNetwork) -> list[tuple[nn.Conv2d | nn.Linear, int]]:
    """The convolutions and linear layers that make channels of a group, each with the group's index.

    None at all for a network with concatenations, units of several channels, or layers left whole: another tool would cut it otherwise.
    """
    made = [layer for layer in net.layers if layer.kind != "norm" and _cut(layer.outputs)]
    if net.left_whole or any(len(layer.outputs) > 1 or layer.outputs[0].repeat > 1 for layer in made):
        return []
    found = [(net.layer(layer), layer.outputs[0].group) for layer in made]
    return [(module, group) for module, group in found if isinstance(module, (nn.Conv2d, nn.Linear)) and group is not None]


def _cut(parts: tuple[Part, ...]) -> bool:
    return any(part.group is not None for part in parts)


def _index(parts: tuple[Part, ...], kept: list[torch.Tensor]) -> torch.Tensor:
    """Where the kept channels stand among all those of `parts`."""
    places, start = [], 0
    for part in parts:
        here = torch.arange(part.size)
        if part.group is not None:
            here = (kept[part.group][:, None] * part.repeat + torch.arange(part.repeat)).flatten()
        places.append(start + here)
        start += part.size
    return torch.cat(places)


def _places(net: TracedNetwork, kept: list[torch.Tensor]) -> Iterator[tuple[Layer, str, tuple[torch.Tensor, ...]]]:
    """Where the kept channels stand in every tensor of every layer: (layer, the tensor's name, its index)."""
    for layer in net.layers:
        if not _cut(layer.inputs) and not _cut(layer.outputs):
            continue
        module = net.layer(layer)
        rows = _index(layer.outputs, kept)
        if layer.kind == "dense" and _cut(layer.inputs):
            yield layer, "weight", (rows[:, None], _index(layer.inputs, kept))
        else:
            yield layer, "weight", (rows,)
        for name in ("bias", "running_mean", "running_var"):
            if getattr(module, name, None) is not None:
                yield layer, name, (rows,)


def _state_sizes(module: Numbered, before: Layer, after: Layer) -> None:
    """Make a layer's own description agree with its tensors."""
    out, read, was = (sum(part.size for part in parts) for parts in (after.outputs, after.inputs, before.inputs))
    if isinstance(module, nn.Linear):
        module.out_features, module.in_features = module.weight.shape
    elif isinstance(module, nn.Conv2d):
        module.out_channels = out
        if after.kind == "grouped":
            module.groups = module.groups * read // was
        module.in_channels = module.weight.shape[1] * module.groups
    elif isinstance(module, nn.GroupNorm):
        module.num_groups, module.num_channels = module.num_groups * read // was, out
    elif isinstance(module, nn.PReLU):
        module.num_parameters = out
    else:
        module.num_features = out
