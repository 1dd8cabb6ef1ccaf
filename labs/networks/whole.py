"""A network that is used as it is: nothing is known of its inside, and nothing of it is cut. A teacher may be any of them."""

import copy
from dataclasses import dataclass

import torch
from torch import fx, nn
from torch.fx.experimental.optimization import fuse


@dataclass(frozen=True)
class WholeShape:
    """`name` says what makes the network; it has no `widths` that anybody could choose."""

    name: str
    widths: tuple[int, ...] = ()

    def __str__(self) -> str:
        return self.name


class WholeNetwork(nn.Module):
    """`body` maps float32 images (N, in_channels, H, W), normalised, to logits (N, classes)."""

    def __init__(self, body: nn.Module, shape: WholeShape, in_channels: int):
        super().__init__()
        self.body, self.shape, self.in_channels = body, shape, in_channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x)


def folded(net: WholeNetwork) -> nn.Module:
    """A copy as it is deployed, in eval mode, float32, on the CPU: batch norm folded where the forward pass can be followed."""
    body = copy.deepcopy(net.body).eval().cpu().float()
    try:
        return fuse(body).eval()
    except (fx.proxy.TraceError, TypeError, AttributeError, RuntimeError, NotImplementedError, KeyError, ValueError):
        return body
