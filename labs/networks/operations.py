"""What is known of PyTorch's layers and functions: which work number by number, which keep the channels apart, which join them.

A *silent* channel is zero everywhere. Cutting it is exact as long as what follows keeps it silent: zero in, zero out.
"""

import math
import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import fx, nn
from torchvision.ops import StochasticDepth

F = nn.functional

# Number by number. Whether a silent channel stays silent is not listed but asked: `keeps_zero`.
POINTWISE_NAMES = (
    "relu relu_ relu6 leaky_relu leaky_relu_ elu elu_ celu celu_ selu selu_ gelu silu mish hardswish hardtanh hardtanh_ tanh tanh_ "
    "tanhshrink softsign softshrink hardshrink sigmoid sigmoid_ hardsigmoid logsigmoid softplus threshold clamp clamp_ clip clip_ "
    "clamp_min clamp_max abs neg square sin erf expm1 exp sqrt pow"
).split()
POINTWISE = (
    nn.ReLU,
    nn.ReLU6,
    nn.LeakyReLU,
    nn.ELU,
    nn.CELU,
    nn.SELU,
    nn.GELU,
    nn.SiLU,
    nn.Mish,
    nn.Hardswish,
    nn.Hardtanh,
    nn.Tanh,
    nn.Tanhshrink,
    nn.Softsign,
    nn.Softshrink,
    nn.Hardshrink,
    nn.Sigmoid,
    nn.Hardsigmoid,
    nn.LogSigmoid,
    nn.Softplus,
    nn.Threshold,
)

# Linear or a maximum within a channel, over height and width: zero in, zero out. Images (N, C, H, W) only.
SPATIAL_NAMES = "max_pool2d avg_pool2d adaptive_avg_pool2d adaptive_max_pool2d interpolate upsample".split()
SPATIAL = (
    nn.MaxPool2d,
    nn.AvgPool2d,
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool2d,
    nn.ZeroPad2d,
    nn.ReflectionPad2d,
    nn.ReplicationPad2d,
    nn.Upsample,
    nn.UpsamplingNearest2d,
    nn.UpsamplingBilinear2d,
)

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.GroupNorm, nn.InstanceNorm2d)


def normed(net: nn.Module) -> bool:
    """Whether any layer of the network keeps its channels in bounds."""
    return any(isinstance(layer, NORMS) for layer in net.modules())


def put(net: nn.Module, place: str, layer: nn.Module) -> None:
    """Set the layer of `net` that is called `place`, "features.0.0" for example."""
    above, _, name = place.rpartition(".")
    setattr(net.get_submodule(above), name, layer)


# The same numbers in the same places; dropout in its own way while the network is trained.
DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.AlphaDropout, nn.FeatureAlphaDropout)
SAME = (nn.Identity, *DROPOUTS, StochasticDepth)
DROPOUT_FUNCTIONS: dict[Any, type[nn.Module]] = {
    F.dropout: nn.Dropout,
    torch.dropout: nn.Dropout,
    F.dropout1d: nn.Dropout1d,
    F.dropout2d: nn.Dropout2d,
    F.alpha_dropout: nn.AlphaDropout,
    F.feature_alpha_dropout: nn.FeatureAlphaDropout,
}


def functions(names: str) -> set[Any]:
    """What `names` stand for in a graph: functions of torch and torch.nn.functional, and, as words, methods of a tensor."""
    wanted = names.split()
    return {*wanted, *(getattr(home, name) for home in (torch, F) for name in wanted if hasattr(home, name))}


POINTWISE_FUNCTIONS = functions(" ".join(POINTWISE_NAMES))
SPATIAL_FUNCTIONS = functions(" ".join(SPATIAL_NAMES))
SAME_FUNCTIONS = functions("contiguous clone alias")
ADDITIONS = {operator.add, operator.iadd, operator.sub, operator.isub} | functions("add add_ sub sub_ subtract")
PRODUCTS = {operator.mul, operator.imul} | functions("mul mul_ multiply")
QUOTIENTS = {operator.truediv, operator.itruediv} | functions("div div_ divide true_divide")
JOINS = functions("cat concat concatenate")
FLATTENS = functions("flatten")
RESHAPES = functions("view reshape")
REDUCTIONS = functions("mean sum amax")
SQUEEZES = functions("squeeze")
UNSQUEEZES = functions("unsqueeze")
PERMUTES = functions("permute")
TRANSPOSES = functions("transpose swapaxes")
SIZES = {"size", "dim", "numel", torch.numel, torch._assert}


def keeps_zero(function: Callable[..., torch.Tensor]) -> bool:
    """Whether `function`, which works number by number, gives zero for zero."""
    return float(function(torch.zeros(1))) == 0


def function_keeps_zero(node: fx.Node) -> bool:
    """The same for a call in a graph. False if it depends on another tensor, or cannot be asked."""
    rest, named = node.args[1:], dict(node.kwargs)
    if any(isinstance(value, fx.Node) for value in (*rest, *named.values())):
        return False
    try:
        if isinstance(node.target, str):
            return keeps_zero(lambda zero: getattr(zero, str(node.target))(*rest, **named))
        return keeps_zero(lambda zero: node.target(zero, *rest, **named))
    except (TypeError, RuntimeError, ValueError):
        return False


def given(node: fx.Node, position: int, name: str, default: Any = None) -> Any:
    """An argument of a call, by its place or by its name."""
    return node.args[position] if len(node.args) > position else node.kwargs.get(name, default)


def listed(value: Any) -> list[Any]:
    """One number or several, as a list."""
    return list(value) if isinstance(value, (tuple, list)) else [value]


def shape_of(node: Any) -> torch.Size | None:
    """Of the tensor that a node of the graph puts out; None if it puts out something else."""
    meta = node.meta.get("tensor_meta") if isinstance(node, fx.Node) else None
    return getattr(meta, "shape", None)


def area(shape: torch.Size) -> int:
    """How many numbers stand in one channel of (N, C, …)."""
    return math.prod(shape[2:])


def is_getitem(function: Any) -> bool:
    """Whether a call is `x[...]`."""
    return getattr(function, "__name__", "") == "getitem"


def pads_pictures(node: fx.Node, from_right: int) -> bool:
    """Whether a call of `pad` adds zeros, or what is there already, behind the channels alone; they stand `from_right` axes from the end."""
    pads = given(node, 1, "pad")
    constant = given(node, 2, "mode", "constant") == "constant" and bool(given(node, 3, "value", 0))
    return isinstance(pads, (tuple, list)) and len(pads) // 2 < from_right and not constant


def shared(body: fx.GraphModule) -> set[str]:
    """Modules with parameters that are called twice, or that share a parameter with another one."""
    calls = [str(node.target) for node in body.graph.nodes if node.op == "call_module"]
    owners: dict[int, set[str]] = {}
    for name in calls:
        for parameter in body.get_submodule(name).parameters():
            owners.setdefault(id(parameter), set()).add(name)
    twice = {name for name in calls if calls.count(name) > 1 and any(True for _ in body.get_submodule(name).parameters())}
    return twice | {name for names in owners.values() if len(names) > 1 for name in names}
