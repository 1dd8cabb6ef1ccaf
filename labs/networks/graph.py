"""A network that somebody else wrote, read as a graph: it says which channels belong together.

`traced` follows the forward pass with torch.fx and finds the *channel groups*. A convolution or a linear layer begins a group; norms,
activations, pooling and convolutions in groups stay in it; an addition or a product makes one group of two, for a channel can only be cut
on both sides of it; a concatenation lays groups side by side. What cannot be cut safely is left whole, with the reason.
The rules are in `networks.reading`, the cutting is in `methods.graph_pruning`.
"""

import dataclasses
import sys
from dataclasses import dataclass
from typing import TypeAlias, cast

import torch
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp

from course_data import UserError
from course_labs.networks import channel_groups, following, operations, reading, wording
from course_labs.networks.channel_groups import Layer, Part, Whole
from course_labs.networks.following import followed, ready
from course_labs.networks.reading import Reader

__all__ = ["GraphShape", "Layer", "Numbered", "Part", "TracedNetwork", "Whole", "traced"]

# the modules with numbers in them that are cut
Numbered: TypeAlias = nn.Conv2d | nn.Linear | nn.BatchNorm1d | nn.BatchNorm2d | nn.GroupNorm | nn.InstanceNorm2d | nn.PReLU


# whose source decides how a network is read
MODULES = (channel_groups, following, operations, reading, wording, sys.modules[__name__])


@dataclass(frozen=True)
class GraphShape:
    """`width` is what the user's factory is called with; `widths[i]` units are kept in group i.

    A unit is a channel, or, in a convolution or norm in groups, the channels of one of its groups.
    """

    width: float
    widths: tuple[int, ...]

    def __str__(self) -> str:
        return "-".join(map(str, self.widths)) or "whole"


class TracedNetwork(nn.Module):
    """A traced network: float32 images (N, in_channels, H, W) to logits (N, classes), as `ConvNet` does.

    `left_whole` are the layers that are not cut, with the reason.
    """

    def __init__(self, body: nn.Module, layers: tuple[Layer, ...], shape: GraphShape, in_channels: int, left_whole: tuple[Whole, ...] = ()):
        super().__init__()
        self.body, self.layers, self.shape, self.in_channels, self.left_whole = body, layers, shape, in_channels, left_whole

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x)

    def layer(self, layer: Layer) -> Numbered:
        """The module of `layer`."""
        return cast(Numbered, self.body.get_submodule(layer.name))

    def without(self, groups: set[int], reason: str) -> "TracedNetwork":
        """The same network, in which the channels of `groups` are left whole."""
        numbers = {old: new for new, old in enumerate(group for group in range(len(self.shape.widths)) if group not in groups)}

        def kept(parts: tuple[Part, ...]) -> tuple[Part, ...]:
            return tuple(
                dataclasses.replace(part, group=numbers[part.group]) if part.group in numbers else Part(None, part.size) for part in parts
            )

        layers = tuple(dataclasses.replace(layer, inputs=kept(layer.inputs), outputs=kept(layer.outputs)) for layer in self.layers)
        whole = tuple(
            Whole(
                tuple(layer.name for layer in self.layers if layer.kind == "dense" and group in {part.group for part in layer.outputs}),
                self.shape.widths[group],
                reason,
            )
            for group in sorted(groups)
        )
        shape = GraphShape(self.shape.width, tuple(self.shape.widths[group] for group in numbers))
        return TracedNetwork(self.body, layers, shape, self.in_channels, self.left_whole + whole).train(self.training)

    def __str__(self) -> str:
        """All that decides what the network computes, but for its weights."""
        graph = self.body.graph if isinstance(self.body, fx.GraphModule) else ""
        return f"{graph} {self.body}"


def traced(net: nn.Module, example: torch.Tensor, width: float, where: str = "the network") -> TracedNetwork:
    """Follow `net` on `example`, images (N, C, H, W) as they will come, and find its channel groups.

    A network that torch.fx cannot follow, but torch.export can, is left whole altogether. Raises UserError, with what to give instead, for one
    that is wrapped, masked or frozen, and what torch.fx raises where the way depends on the values in a tensor.
    `where` is what messages call the network: its file.
    """
    net = ready(net, where)
    try:
        body = followed(net, where)
    except UserError:
        raise
    except Exception as error:
        try:
            torch.export.export(net, (example,))
        except Exception:
            raise error from None
        reason = f"its forward pass cannot be followed ({type(error).__name__}: {str(error).strip().splitlines()[0]})"
        whole = Whole(("the network",), sum(p.numel() for p in net.parameters()), reason)
        return TracedNetwork(net, (), GraphShape(width, ()), example.shape[1], (whole,)).train()
    with torch.no_grad():
        ShapeProp(body).propagate(example)
    layers, widths, left_whole = Reader(body, where).read()
    return TracedNetwork(body, layers, GraphShape(width, widths), example.shape[1], left_whole).train()
