"""Export and rounding tried on an untrained network: what cannot be written faithfully is found before the training, not after it."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from course_labs.methods import export, quantise
from course_labs.methods.families import AnyNetwork


def rehearse(net: AnyNetwork, example: torch.Tensor, fold: Callable[..., nn.Module], rounds: bool = True) -> None:
    """Write `net` as an ONNX file and, if it `rounds`, as an int8 file, with the checks of both; keep neither. A few seconds.

    `example` (N, C, H, W) gives the pictures' shape. Raises UserError that names the layer which is not written faithfully.
    """
    pictures = torch.randn(16, *example.shape[1:], generator=torch.Generator().manual_seed(0))
    with tempfile.TemporaryDirectory() as folder:
        source = export.export(net, (example.shape[-2], example.shape[-1]), Path(folder) / "The float32 file", fold=fold)
        if rounds:
            quantise.quantise(source, Path(folder) / "The int8 file", pictures)
