"""One family of networks: a chain of convolution, batch norm, ReLU and here and there max pooling; average pooling; a linear layer.

The same class makes teacher, student and pruned network: only the widths differ. That is what lets a
pruned network be rebuilt as an ordinary smaller one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


@dataclass(frozen=True)
class Shape:
    """`widths[i]` output channels and `strides[i]` of the i-th 3×3 convolution; 2×2 max pooling follows the layers `pools`, from 0.

    Widths are multiples of 16: a CPU's vector units work on 16 float32 channels at a time, and 17 channels cost as much as 32.
    """

    widths: tuple[int, ...]
    strides: tuple[int, ...]
    pools: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if len(self.widths) != len(self.strides):
            raise ValueError(f"{len(self.widths)} widths but {len(self.strides)} strides")
        if not set(self.pools) <= set(range(len(self.widths))):
            raise ValueError(f"pools after the layers {self.pools}, but there are only {len(self.widths)}")

    def __str__(self) -> str:
        return "-".join(map(str, self.widths))


class ConvNet(nn.Module):
    """Images float32 (N, in_channels, H, W), normalised, to logits (N, classes)."""

    def __init__(self, shape: Shape, in_channels: int, classes: int):
        super().__init__()
        self.shape, self.in_channels, self.classes = shape, in_channels, classes
        widths = (in_channels, *shape.widths)
        convs = [
            nn.Conv2d(before, after, 3, stride, padding=1, bias=False) for before, after, stride in zip(widths, widths[1:], shape.strides)
        ]
        self.convs = cast(Sequence[nn.Conv2d], nn.ModuleList(convs))
        self.norms = cast(Sequence[nn.BatchNorm2d], nn.ModuleList(nn.BatchNorm2d(width) for width in shape.widths))
        self.head = nn.Linear(widths[-1], classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for index, (conv, norm) in enumerate(zip(self.convs, self.norms)):
            x = torch.relu(norm(conv(x)))
            if index in self.shape.pools:
                x = nn.functional.max_pool2d(x, 2)
        return self.head(nn.functional.adaptive_avg_pool2d(x, 1).flatten(1))


@torch.no_grad()
def folded(net: ConvNet) -> nn.Sequential:
    """The network as it is deployed: batch norm folded into the convolutions, in eval mode, float32, on the CPU.

    w' = w·γ/√(σ²+ε) and b' = (b−μ)·γ/√(σ²+ε) + β, so that the outputs stay the same (Jacob et al. 2018, arXiv:1712.05877).
    """
    layers: list[nn.Module] = []
    for index, (conv, norm) in enumerate(zip(net.convs, net.norms)):
        layers += [fuse_conv_bn_eval(conv.eval().cpu().float(), norm.eval().cpu().float()), nn.ReLU()]
        layers += [nn.MaxPool2d(2)] if index in net.shape.pools else []
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), net.head.cpu().float()).eval()


def normalise(images: torch.Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> torch.Tensor:
    """uint8 (N, C, H, W) to float32 with each channel's training mean removed and spread set to one."""
    scale = torch.tensor([1 / (255 * s) for s in std], device=images.device).view(-1, 1, 1)
    shift = torch.tensor([-m / s for m, s in zip(mean, std)], device=images.device).view(-1, 1, 1)
    return images.float() * scale + shift
