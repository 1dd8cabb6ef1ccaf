"""The same steps by the industry's tools, where they are installed: Torch-Pruning cuts the student, OpenVINO runs the int8 file."""

import contextlib
import copy
import importlib.metadata
from pathlib import Path

import numpy as np
import torch
from torch import nn

from course_data import Dataset, Split
from course_labs.methods.families import Cuttable
from course_labs.networks.convnet import normalise

TORCH_PRUNING, OPENVINO = "torch-pruning", "openvino"


def installed(distribution: str) -> bool:
    """Whether the package `distribution` is installed. A folder that only bears its name is none."""
    return distribution in versions()


def versions() -> dict[str, str]:
    """Versions of those that are installed."""
    found = {}
    for name in (TORCH_PRUNING, OPENVINO):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def torch_pruned(
    net: nn.Module, producers: list[tuple[Cuttable, int]], widths: tuple[int, ...], data: Dataset, images: int, batch: int = 128
) -> dict[str, torch.Tensor]:
    """The state of `net` after Torch-Pruning has cut it to `widths` by its own group Taylor importance.

    That is the score of Fang et al. 2023 (arXiv:2301.12900). `producers` are (layer, index of its channel group) of a family; `images` training images give the gradients.
    """
    import torch_pruning

    names = {module: name for name, module in net.named_modules()}
    net = copy.deepcopy(net).eval().requires_grad_()
    modules = dict(net.named_modules())
    for start in range(0, min(images, len(data.train)), batch):
        part = slice(start, start + batch)
        logits = net(normalise(data.train.images[part], data.mean, data.std))
        nn.functional.cross_entropy(logits, data.train.labels[part]).backward()
    # it keeps int(width · (1 − ratio)) channels: half a channel more, so that no rounding takes one away
    ratios = {modules[names[layer]]: 1 - (widths[group] + 0.5) / len(layer.weight) for layer, group in producers}
    pruner = torch_pruning.pruner.BasePruner(
        net,
        normalise(data.train.images[:2], data.mean, data.std),
        importance=torch_pruning.importance.GroupTaylorImportance(),
        pruning_ratio=0.0,
        pruning_ratio_dict=ratios,
        ignored_layers=[m for m in modules.values() if isinstance(m, (nn.Conv2d, nn.Linear)) and m not in ratios],
    )
    pruner.step()
    return net.state_dict()


class OpenVino:
    """The ONNX file at `path` in OpenVINO, one image at a time on one thread of the CPU."""

    def __init__(self, path: Path):
        import openvino

        # float32 stays float32: on a processor with bfloat16 it would compute in that unasked
        settings = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        self.request = openvino.Core().compile_model(path, "CPU", settings).create_infer_request()

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Logits (N, classes) of normalised `images` (N, C, H, W)."""
        return next(iter(self.request.infer({"image": images}, share_inputs=True).values()))

    def predictions(self, split: Split, data: Dataset, batch: int = 500) -> np.ndarray:
        """The class given to each image of `split`: int64 (N,)."""
        parts = torch.split(split.images, batch)
        return np.concatenate([self(normalise(part, data.mean, data.std).numpy()).argmax(1) for part in parts])
