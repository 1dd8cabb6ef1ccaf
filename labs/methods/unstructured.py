"""Unstructured pruning: the smallest weights are held at zero, wherever they stand (Han et al. 2015, arXiv:1506.02626)."""

import copy

import torch
from torch import nn
from torch.nn.utils import parametrize, prune


class _Held(nn.Module):
    """A parametrisation that multiplies a weight by its mask whenever it is read.

    Neither momentum nor weight decay can revive a masked weight: setting zeros once and training on would let them.
    """

    mask: torch.Tensor

    def __init__(self, mask: torch.Tensor):
        super().__init__()
        self.register_buffer("mask", mask)

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return weight * self.mask


def weighty(net: nn.Module) -> list[nn.Conv2d | nn.Linear]:
    """The layers whose weights may go: convolutions and linear layers."""
    return [m for m in net.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]


def masked_by_magnitude(net: nn.Module, count: int) -> nn.Module:
    """Hold all but the `count` largest weights of convolutions and linear layers at zero, in place.

    Weights compete over the whole network; biases and batch norms are left alone.
    Raises ValueError if `count` is not between 1 and the number of weights.
    """
    layers, copies = weighty(net), weighty(copy.deepcopy(net))
    weights = sum(layer.weight.numel() for layer in layers)
    if not 0 < count <= weights:
        raise ValueError(f"cannot leave {count} of {weights} weights")
    prune.global_unstructured([(layer, "weight") for layer in copies], prune.L1Unstructured, amount=weights - count)
    for layer, twin in zip(layers, copies):
        parametrize.register_parametrization(layer, "weight", _Held(twin.get_buffer("weight_mask")))
    return net


def settled(net: nn.Module) -> nn.Module:
    """Make held masks permanent, in place: ordinary weights again, zeros where the mask was."""
    for layer in [m for m in net.modules() if parametrize.is_parametrized(m)]:
        parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)
    return net
