"""Weights from a file into a network: a state dict of PyTorch's, or safetensors."""

import pickle
from pathlib import Path

import torch
from torch import nn

from course_data import UserError
from course_data.splits import some

WRAPPERS = ("state_dict", "model_state_dict", "model")  # what training scripts put a state dict into


def load_weights(net: nn.Module, path: Path, whose: str) -> None:
    """Load the weights in the file `path` into `net`, in place; `whose` is what messages call the network.

    Raises UserError when there is no such file, when it holds anything but tensors, or when its tensors are not the network's.
    """
    given = _read(path)
    own = net.state_dict()
    given = {name.removeprefix("module.") if name not in own else name: tensor for name, tensor in given.items()}  # of DataParallel
    lacking, extra = [name for name in own if name not in given], [name for name in given if name not in own]
    if lacking or extra:
        said = [f"lacks {some(lacking, 1)}"] if lacking else []
        said += [f"has {some(extra, 1)}, which the network has not"] if extra else []
        raise UserError(f"--teacher-weights {path} does not belong to {whose}: it {', and '.join(said)}.")
    for name, tensor in own.items():
        if given[name].shape != tensor.shape:
            raise UserError(
                f"--teacher-weights {path} does not fit {whose}: {name} is {tuple(given[name].shape)} there and {tuple(tensor.shape)} here. "
                "Are the classes, the channels of the pictures and the first layer those it was trained with?"
            )
    net.load_state_dict(given)


def _read(path: Path) -> dict[str, torch.Tensor]:
    if not path.is_file():
        raise UserError(f"--teacher-weights: there is no file {path}.")
    try:
        content = _safetensors(path) if path.suffix == ".safetensors" else torch.load(path, weights_only=True, map_location="cpu")
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, pickle.UnpicklingError) as error:
        raise UserError(
            f"--teacher-weights {path} is no file of weights that can be read without running code ({str(error).splitlines()[0][:120]}). "
            "Save one with torch.save(network.state_dict(), FILE)."
        ) from None
    for wrapper in WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict) or not content or not all(isinstance(tensor, torch.Tensor) for tensor in content.values()):
        raise UserError(
            f"--teacher-weights {path} holds no state dict (names and tensors). Save one with torch.save(network.state_dict(), FILE)."
        )
    return content


def _safetensors(path: Path) -> dict[str, torch.Tensor]:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError:
        raise UserError(f"To read {path}: pip install safetensors.") from None
    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(str(error)) from None
