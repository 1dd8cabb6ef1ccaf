"""Running a module that a student returned, and making one whose weights anyone can make again.

What arrives is a fresh module of known layers (see `wire_modules`), so it cannot do anything but compute.
It may still not fit its input, or compute without end: both are the answer's mistake, not the grader's fault.
"""

import copy
import math
from typing import Any

import numpy as np
import torch
from torch import nn

from autograder.checks.expect import Mistake
from autograder.sandbox.wire_modules import summary

MOST_VALUES = 1 << 22  # in the output of one layer
# Of all layers; a lesson's networks need some millions. A step may be the exponential of an activation, a fraction of a
# microsecond, and a convolution holds a number in memory for each of its steps: seconds, and half a gigabyte.
MOST_STEPS = 1 << 26


WAVES = "filled with sin(1), sin(2), ... in turn"  # for a message: that is all it takes to make an input again


def waves(*shape: int, start: int = 1) -> torch.Tensor:
    """A float32 tensor of sin(start), sin(start + 1), ... in C order."""
    return torch.arange(start, start + int(np.prod(shape))).double().sin().float().reshape(shape)


def in_waves(module: nn.Module) -> nn.Module:
    """The module with the tensors of each layer filled in turn with sin(1), sin(2), ...; a variance gets 2 on top. In evaluation mode."""
    with torch.no_grad():
        for layer in module.modules():
            start = 1
            for name, found in (*layer.named_parameters(recurse=False), *layer.named_buffers(recurse=False)):
                if found.is_floating_point():
                    found.copy_(waves(*found.shape, start=start) + (2 if name == "running_var" else 0))
                    start += found.numel()
    return module.eval()


def run_module(module: nn.Module, x: torch.Tensor, what: str = "the module") -> torch.Tensor:
    """The output for a tensor, of a copy of `module` in evaluation mode and float64, without gradients.

    Raises `Mistake` where the module does not fit `x`, or needs more than the limits above.
    """
    copied = copy.deepcopy(module).double().eval()
    budget = _Budget()
    for layer in copied.modules():
        layer.register_forward_pre_hook(budget.before)
    try:
        with torch.no_grad():
            got = copied(x.double())
    except Mistake:
        raise
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise Mistake(f"{what}, {summary(module)}, cannot be run on an input of shape {tuple(x.shape)}: {reason}") from None
    if not isinstance(got, torch.Tensor):
        raise Mistake(f"{what}, {summary(module)}, gives no single tensor")
    return got


class _Budget:
    """Adds up what the layers are about to do, and stops before it is too much."""

    def __init__(self) -> None:
        self.steps = 0

    def before(self, layer: nn.Module, inputs: tuple) -> None:
        (x,) = inputs
        values = _most_values(layer, x)
        self.steps += values * _steps_for_each(layer)
        if values > MOST_VALUES or self.steps > MOST_STEPS:
            raise Mistake(f"The network that came back, with {summary(layer)} in it, needs far more arithmetic than this exercise takes")


def _most_values(layer: nn.Module, x: torch.Tensor) -> int:
    """A bound on the numbers in a layer's output, padding of its input included."""
    if isinstance(layer, nn.Linear):
        return x.numel() // max(1, layer.in_features) * layer.out_features
    if isinstance(layer, nn.Embedding):
        return x.numel() * layer.embedding_dim
    if isinstance(layer, nn.AdaptiveAvgPool2d):
        return x.numel() * math.prod(each or 1 for each in _pair(layer.output_size))
    if not hasattr(layer, "kernel_size"):
        return x.numel()
    window = _pair(layer.kernel_size)
    reach = [(size - 1) * step for size, step in zip(window, _pair(getattr(layer, "dilation", 1)))]
    padding = reach if isinstance(layer.padding, str) else _pair(layer.padding)
    sides = [side + 2 * each for side, each in zip(x.shape[-len(window) :], padding)]
    channels = max(x.shape[-1 - len(window)], getattr(layer, "out_channels", 1))
    return math.prod(x.shape[: -1 - len(window)]) * channels * math.prod(sides)


def _steps_for_each(layer: nn.Module) -> int:
    """A bound on the steps for one value of a layer's output."""
    weight = getattr(layer, "weight", None)
    if isinstance(weight, torch.Tensor) and weight.ndim > 1:
        return weight.numel() // max(1, weight.shape[0])
    return math.prod(_pair(getattr(layer, "kernel_size", 1)))


def _pair(value: Any) -> tuple:
    return value if isinstance(value, tuple) else (value, value)
