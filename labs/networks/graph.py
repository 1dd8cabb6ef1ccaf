"""A network that somebody else wrote, read as a graph: it says which channels belong together.

`traced` follows the forward pass with torch.fx and finds the *channel groups*. A convolution or a linear layer begins a group; batch norm,
ReLU, pooling and a depthwise convolution stay in it; an addition makes one group of two, for a channel can only be cut on both sides of it.
What the course cannot cut safely is refused by name. The cutting is in `methods.graph_pruning`.
"""

import copy
import dataclasses
import operator
import re
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import torch
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp

from course_data import UserError

SUPPORTED = (
    "convolutions (ordinary or depthwise), batch norm, ReLU, ReLU6, max, average and adaptive pooling, mean over height and width, "
    "flatten, dropout and linear layers, additions of equal shapes"
)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
Numbered: TypeAlias = nn.Conv2d | nn.Linear | nn.BatchNorm1d | nn.BatchNorm2d  # the modules with numbers in them
# Zero in, zero out, channel by channel: a silenced channel stays silent.
KEEP_CHANNELS = (
    nn.ReLU,
    nn.ReLU6,
    nn.MaxPool2d,
    nn.AvgPool2d,
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool2d,
    nn.Identity,
    nn.Dropout,
    nn.Dropout2d,
)
KEEP_CHANNELS_FUNCTIONS = {
    torch.relu,
    torch.relu_,
    nn.functional.relu,
    nn.functional.relu_,
    nn.functional.relu6,
    nn.functional.max_pool2d,
    torch.max_pool2d,
    nn.functional.avg_pool2d,
    nn.functional.adaptive_avg_pool2d,
    nn.functional.adaptive_max_pool2d,
    "relu",
    "relu_",
}
ADDITIONS = {operator.add, operator.iadd, torch.add, "add", "add_"}
ADVICE = {
    "view": "use torch.flatten(x, 1): a number of features written into the code is wrong once channels are cut.",
    "reshape": "use torch.flatten(x, 1): a number of features written into the code is wrong once channels are cut.",
    "size": "if it is for a reshape, use torch.flatten(x, 1) instead.",
    "getattr": "if it is x.shape for a reshape, use torch.flatten(x, 1) instead.",
    "dropout": "use a layer nn.Dropout, which knows by itself whether the network is being trained.",
    "cat": "additions can join two paths, concatenations cannot.",
}


@dataclass(frozen=True)
class Layer:
    """A layer with numbers in it.

    `kind` is dense (convolution or linear), depthwise, or norm. It reads the channels of group `source` and writes those of `target`;
    None: the network's input or output, which is not cut. A linear layer behind a flatten reads `repeat` numbers of each channel.
    `gate`: whether a channel's importance is taken here, that is at a batch norm, or at a layer that none follows.
    """

    name: str
    kind: str
    source: int | None
    target: int | None
    repeat: int = 1
    gate: bool = False


@dataclass(frozen=True)
class GraphShape:
    """`width` is what the user's factory is called with; `widths[i]` channels are kept in group i."""

    width: float
    widths: tuple[int, ...]

    def __str__(self) -> str:
        return "-".join(map(str, self.widths))


class TracedNetwork(nn.Module):
    """A traced network: float32 images (N, in_channels, H, W) to logits (N, classes), as `ConvNet` does."""

    def __init__(self, body: fx.GraphModule, layers: tuple[Layer, ...], shape: GraphShape, in_channels: int):
        super().__init__()
        self.body, self.layers, self.shape, self.in_channels = body, layers, shape, in_channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x)

    def layer(self, layer: Layer) -> Numbered:
        """The module of `layer`."""
        return cast(Numbered, self.body.get_submodule(layer.name))


def traced(net: nn.Module, example: torch.Tensor, width: float, where: str = "the network") -> TracedNetwork:
    """Follow `net` on `example`, images (N, C, H, W) as they will come, and find its channel groups.

    Raises UserError that names the layer if there is one that is not SUPPORTED. `where` is what messages call the network: its file.
    """
    net = copy.deepcopy(net).eval()
    reader = _Reader(net, where)
    ShapeProp(reader.body).propagate(example)
    layers, widths = reader.read()
    return TracedNetwork(reader.body, layers, GraphShape(width, widths), example.shape[1]).train()


class _Tracer(fx.Tracer):
    """Follows the user's own modules inside; stops at PyTorch's and at what is derived from them: a changed forward would hide there."""

    record_stack_traces = True

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return super().is_leaf_module(module, name) or isinstance(module, (nn.Conv2d, nn.Linear, *NORMS))


class _Reader:
    """Walks the graph once, in order, and keeps for every value the group of its channels and how often each stands in it."""

    def __init__(self, net: nn.Module, where: str):
        self.where = where
        self.body = fx.GraphModule(net, _Tracer().trace(net))
        self.parent: list[int] = []  # union-find over the groups
        self.sizes: list[int] = []
        self.fixed: set[int] = set()
        self.values: dict[fx.Node, tuple[int, int]] = {}
        self.layers: list[Layer] = []

    def read(self) -> tuple[tuple[Layer, ...], tuple[int, ...]]:
        """All layers, groups numbered in the order in which they are first written, and the groups' channels."""
        for node in self.body.graph.nodes:
            getattr(self, f"_{node.op}")(node)
        fixed = {self._find(group) for group in self.fixed}
        numbers: dict[int, int] = {}
        for layer in self.layers:
            root = self._find(layer.target)
            if root not in fixed:
                numbers.setdefault(root, len(numbers))
        if not numbers:
            raise UserError(
                f"{self.where}: no layer can be pruned. Between the input and the logits there must be at least one convolution or linear layer more."
            )
        layers = tuple(
            dataclasses.replace(layer, source=numbers.get(self._find(layer.source)), target=numbers.get(self._find(layer.target)))
            for layer in self.layers
        )
        return layers, tuple(self.sizes[root] for root in numbers)

    # one method for each kind of node in an fx graph

    def _placeholder(self, node: fx.Node) -> None:
        if self.values:
            raise UserError(f"{self.where}: forward takes more than one argument ({node.name}). The course calls it with the images alone.")
        self.values[node] = self._begin(_shape(node)[1]), 1
        self.fixed.add(self.values[node][0])

    def _get_attr(self, node: fx.Node) -> None:
        raise self._refusal(node, str(node.target), "a parameter or buffer of its own, used outside a layer")

    def _call_module(self, node: fx.Node) -> None:
        name = str(node.target)
        module: Any = self.body.get_submodule(name)
        kind = type(module)
        if kind in (nn.Conv2d, nn.Linear, *NORMS) and any(layer.name == name for layer in self.layers):
            raise self._refusal(node, name, f"{kind.__name__}, used twice", "two places that share their weights cannot be cut apart.")
        if kind is nn.Conv2d:
            self._convolution(node, module)
        elif kind is nn.Linear:
            group, repeat = self._value(node)
            if len(_shape(node.args[0])) != 2:
                raise self._refusal(node, name, "Linear on an image", "flatten it first: torch.flatten(x, 1).")
            self._dense(node, group, repeat, module.out_features)
        elif kind in NORMS:
            group, repeat = self._value(node)
            if not (module.affine and module.track_running_stats):
                raise self._refusal(node, name, f"{kind.__name__} without {'weights' if not module.affine else 'running statistics'}")
            if repeat != 1:
                raise self._refusal(node, name, f"{kind.__name__} on a flattened image", "put it before the flatten.")
            self._same(node, "norm", group, gate=True)
        elif kind is nn.Flatten:
            if (module.start_dim, module.end_dim) not in ((1, -1), (1, 3)):
                raise self._refusal(node, name, f"{module}", "only nn.Flatten(1) keeps one row for each image.")
            self._flattened(node)
        elif kind in KEEP_CHANNELS:
            self.values[node] = self._value(node)
        else:
            raise self._refusal(node, name, _type_name(module))

    def _call_function(self, node: fx.Node) -> None:
        function = node.target
        if function in ADDITIONS:
            self._addition(node)
        elif function in (torch.flatten, "flatten"):
            if [*node.args[1:], *node.kwargs.values()] not in ([1], [1, -1], [1, 3]):
                raise self._refusal(node, node.name, "flatten", "only torch.flatten(x, 1) keeps one row for each image.")
            self._flattened(node)
        elif function in (torch.mean, "mean"):
            dims = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim")
            if len(_shape(node.args[0])) != 4 or not isinstance(dims, (tuple, list)) or sorted(dim % 4 for dim in dims) != [2, 3]:
                raise self._refusal(node, node.name, "mean", "only x.mean((2, 3)), over height and width, keeps the channels apart.")
            self.values[node] = self._value(node)
        elif function in KEEP_CHANNELS_FUNCTIONS:
            self.values[node] = self._value(node)
        else:
            name = function if isinstance(function, str) else function.__name__
            what = f"x.{node.args[1]}" if function is getattr else f"x.{name}()" if isinstance(function, str) else f"the function {name}"
            raise self._refusal(node, node.name, what, ADVICE.get(name))

    _call_method = _call_function

    def _output(self, node: fx.Node) -> None:
        if not isinstance(node.args[0], fx.Node):
            raise UserError(f"{self.where}: forward gives back {type(node.args[0]).__name__}, not one tensor of logits (images, classes).")
        self.fixed.add(self._value(node)[0])

    # what the layers do to the groups

    def _convolution(self, node: fx.Node, module: nn.Conv2d) -> None:
        group, _ = self._value(node)
        if module.groups == 1:
            self._dense(node, group, 1, module.out_channels)
        elif module.groups == module.in_channels == module.out_channels:
            self._same(node, "depthwise", group, gate=not self._norm_follows(node))
        else:
            raise self._refusal(
                node,
                str(node.target),
                f"Conv2d with groups={module.groups}",
                f"only ordinary (groups=1) and depthwise ones (groups = inputs = outputs) can be cut; it has {module.in_channels} inputs and {module.out_channels} outputs.",
            )

    def _dense(self, node: fx.Node, source: int, repeat: int, out: int) -> None:
        target = self._begin(out)
        self.layers.append(Layer(str(node.target), "dense", source, target, repeat, gate=not self._norm_follows(node)))
        self.values[node] = target, 1

    def _same(self, node: fx.Node, kind: str, group: int, gate: bool) -> None:
        self.layers.append(Layer(str(node.target), kind, group, group, gate=gate))
        self.values[node] = group, 1

    def _flattened(self, node: fx.Node) -> None:
        group, repeat = self._value(node)
        for side in _shape(node.args[0])[2:]:
            repeat *= side
        self.values[node] = group, repeat

    def _addition(self, node: fx.Node) -> None:
        terms: list[Any] = [*node.args, *(value for key, value in node.kwargs.items() if key == "other")]
        if len(terms) != 2 or not all(isinstance(term, fx.Node) for term in terms) or set(node.kwargs) - {"other", "input"}:
            raise self._refusal(node, node.name, "an addition of something that is not a layer's output")
        (first, repeat), (second, other) = (self.values[term] for term in terms)
        if _shape(terms[0]) != _shape(terms[1]) or repeat != other:
            shapes = " and ".join(str(tuple(_shape(term)[1:])) for term in terms)
            raise self._refusal(
                node, node.name, f"an addition of {shapes}", "both sides of an addition must have the same channels and size."
            )
        self.parent[self._find(second)] = self._find(first)
        self.values[node] = first, repeat

    def _norm_follows(self, node: fx.Node) -> bool:
        users = list(node.users)
        return len(users) == 1 and users[0].op == "call_module" and isinstance(self.body.get_submodule(str(users[0].target)), NORMS)

    def _value(self, node: fx.Node) -> tuple[int, int]:
        inputs = [value for value in node.all_input_nodes]
        if len(inputs) != 1:
            raise self._refusal(node, str(node.target), "a layer with more than one input")
        return self.values[inputs[0]]

    def _begin(self, size: int) -> int:
        self.parent.append(len(self.parent))
        self.sizes.append(size)
        return len(self.parent) - 1

    def _find(self, group: int | None) -> int:
        assert group is not None, "while the graph is read, every layer has its groups"
        while self.parent[group] != group:
            group = self.parent[group]
        return group

    def _refusal(self, node: fx.Node, name: str, kind: str, advice: str | None = None) -> UserError:
        stack = list((node.meta.get("nn_module_stack") or {}).values())
        inside = f" in {stack[-1][0]} ({stack[-1][1].__name__})" if node.op != "call_module" and stack and stack[-1][0] else ""
        line = re.search(rf'{re.escape(self.where.rsplit(":", 1)[0])}", line (\d+)', str(node.stack_trace or ""))
        place = f"{self.where}{f', line {line[1]}' if line else ''}"
        return UserError(
            f"{place}: {name}{inside} is {kind}, which the course cannot prune: {advice or 'it would have to guess.'}\nSupported are {SUPPORTED}."
        )


def _shape(node: Any) -> torch.Size:
    """Of the value that a node of the graph puts out."""
    return node.meta["tensor_meta"].shape


def _type_name(module: nn.Module) -> str:
    kind = type(module)
    if kind.__module__.startswith("torch.nn.modules"):
        return kind.__name__
    base = next((b.__name__ for b in kind.__mro__[1:] if b.__module__.startswith("torch.nn.modules") and b is not nn.Module), None)
    return f"{kind.__name__}{f', derived from {base}' if base else ''}"
