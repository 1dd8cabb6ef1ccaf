"""Calibration on the wrong data: the same network, the same recipe for int8, other images."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

from course_data import Dataset
from course_labs.measuring import measure
from course_labs.networks.convnet import normalise

WRONG = {
    "grey": "images of one mid-grey",
    "noise": "uniform noise",
    "raw": "training images, normalisation forgotten",
}


def images(kind: str, data: Dataset, count: int, seed: int) -> torch.Tensor:
    """`count` calibration images as one should not choose them: float32 (count, C, H, W), as the network would get them.

    `grey`: every pixel 128. `noise`: every pixel drawn from 0 to 255. `raw`: training images divided by 255, with neither mean
    nor spread put right.
    """
    generator = torch.Generator().manual_seed(seed)
    shape = (count, *data.train.images.shape[1:])
    if kind == "grey":
        return normalise(torch.full(shape, 128, dtype=torch.uint8), data.mean, data.std)
    if kind == "noise":
        return normalise(torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator), data.mean, data.std)
    chosen = torch.randperm(len(data.train), generator=generator)[:count]
    return data.train.images[chosen].float() / 255


def compare(quantise: Callable[[Path, torch.Tensor], object], data: Dataset, count: int, seed: int) -> dict[str, float]:
    """The test accuracy (0 to 1) of an int8 model for each way in WRONG of calibrating it.

    `quantise(path, images)` writes the int8 file as the lab makes it, calibrated on `images`.
    """
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind in WRONG:
            path = Path(folder) / f"{kind}.onnx"
            quantise(path, images(kind, data, count, seed))
            found[kind] = float(measure.correct(path, data.test, data).mean())
    return found
