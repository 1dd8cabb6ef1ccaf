"""Networks by name: `path.py:factory`, the user's own code, or `torchvision:NAME`, fitted to the classes and to small pictures."""

import difflib
import hashlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from course_data import UserError
from course_labs.fingerprints import sha256
from course_labs.networks.operations import put
from course_labs.studio.files_read import files_read

CONTRACT = (
    "It is called as factory(in_channels, classes, width=1.0) and gives back the network, a torch.nn.Module from images "
    "(N, in_channels, H, W) to logits (N, classes). width scales the channels: 1.0 makes the teacher, a smaller number the student, "
    "for example nn.Conv2d(in_channels, max(16, round(64 * width)), 3)."
)
PLAIN_CONTRACT = (
    "It is called as factory(in_channels, classes) and gives back the network, a torch.nn.Module from images (N, in_channels, H, W) "
    "to logits (N, classes)."
)
TORCHVISION = "torchvision:"
SMALL = 64  # pixels; larger pictures keep the first layers that were made for 224


class Source:
    """Where a network comes from: `given` is "path.py:factory" or "torchvision:NAME", as it stood behind the option `option`.

    With `widths`, the factory is called with a width, too, and torchvision's networks are refused: they have one width.
    Raises UserError when there is no such file, function or network.
    """

    def __init__(self, given: str, option: str = "--model", widths: bool = True):
        self.title, self.widths = given, widths
        self._files: dict[str, str] = {}
        self._module: ModuleType | None = None
        if given.startswith(TORCHVISION):
            if widths:
                raise UserError(
                    f"{option} {given}: torchvision's networks come in one width. Give two: --teacher {given} --student torchvision:NAME."
                )
            self.path, self.name = None, _torchvision_name(given, option)
        else:
            self.path, self._module, self.factory = _factory(given, option, widths)

    @property
    def comes_trained(self) -> bool:
        """Whether the network may bring weights that somebody has trained: torchvision's are drawn at random."""
        return self.path is not None

    def make(self, channels: int, classes: int, size: int, width: float = 1.0) -> nn.Module:
        """The network. `size` is the height of the pictures, which torchvision's networks are fitted to.

        Raises UserError with file and line when the user's code fails, or gives no network.
        """
        if self.path is None:
            return _from_torchvision(self.name, channels, classes, size)
        named = {"width": width} if self.widths else {}
        with users_own(self.path, f"{self.title}{f' with width={width:g}' if self.widths else ''}"), files_read(self._files):
            net = self.factory(channels, classes, **named)
        if not isinstance(net, nn.Module):
            raise UserError(
                f"{self.title} gave back {type(net).__name__}, not a torch.nn.Module. {CONTRACT if self.widths else PLAIN_CONTRACT}"
            )
        return net

    @contextmanager
    def blamed(self, doing: str) -> Iterator[None]:
        """An error inside is told as the user's, with file and line."""
        with users_own(self.path or Path("torchvision"), doing):
            yield

    def fingerprint(self) -> dict[str, str]:
        """SHA-256 of the factory's file, of what it imports from its own folder, and of the files that it read when it was called."""
        if self.path is None:
            import torchvision

            return {"torchvision": torchvision.__version__}
        assert self._module is not None
        sources = {path.name: sha256(path) for path in _sources(self._module, self.path.resolve().parent)}
        return sources | {self.path.name: sha256(self.path)} | self._files


def first_weights(net: nn.Module) -> str:
    """SHA-256 of a network's parameters and buffers."""
    digest = hashlib.sha256()
    for name, tensor in net.state_dict().items():
        if isinstance(tensor, torch.Tensor):
            plain = tensor.detach().cpu().contiguous()
            digest.update(f"{name} {plain.dtype} {tuple(plain.shape)}".encode())
            digest.update(plain.reshape(-1).view(torch.uint8).numpy().data if plain.numel() else b"")
    return digest.hexdigest()


def checked(net: nn.Module, source: Source, example: torch.Tensor, classes: int) -> None:
    """Raises UserError unless `net`, made by `source`, gives logits (N, classes) for the images `example` (N, C, H, W)."""
    with source.blamed(f"{source.title}: the network, given images {tuple(example.shape)}"), torch.no_grad():
        logits = net.eval()(example)
    wanted = (len(example), classes)
    if not isinstance(logits, torch.Tensor) or tuple(logits.shape) != wanted:
        found = tuple(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
        raise UserError(f"{source.title}: given images {tuple(example.shape)}, the network puts out {found}, not logits {wanted}.")


# ---------------------------------------------------------------- the user's own file


def _factory(given: str, option: str, widths: bool) -> tuple[Path, ModuleType, Callable]:
    """The file, as a module, and the function that "path.py:factory" names."""
    contract = CONTRACT if widths else PLAIN_CONTRACT
    file, _, name = given.rpartition(":")
    path = Path(file)
    if not file or not name.isidentifier():
        other = "" if widths else ", or torchvision:NAME, such as torchvision:resnet18"
        raise UserError(f"{option} takes a file and a function, such as nets.py:make{other}, not {given!r}. {contract}")
    if not path.is_file():
        raise UserError(f"{option}: there is no file {path}.")
    spec = importlib.util.spec_from_file_location(f"own_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UserError(f"{option}: {path} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickling look a class's module up
    sys.path.insert(0, str(path.resolve().parent))  # as for a script: it may import what stands beside it
    with users_own(path, f"reading {path}"):
        spec.loader.exec_module(module)
    factory = getattr(module, name, None)
    if not callable(factory):
        functions = [n for n, f in vars(module).items() if callable(f) and getattr(f, "__module__", None) == module.__name__]
        raise UserError(f"{path} has no function {name}; it has {', '.join(functions) or 'none at all'}. {contract}")
    named = {"width": 1.0} if widths else {}
    try:
        inspect.signature(factory).bind(1, 10, **named)
    except TypeError as error:
        call = f"{name}(in_channels, classes{', width=1.0' if widths else ''})"
        raise UserError(f"{given} cannot be called as {call}: {error}. {contract}") from None
    return path, module, factory


def _sources(module: ModuleType, folder: Path) -> set[Path]:
    """The files of the modules that `module` uses and that lie in `folder`, or below it: what it imports may change, too."""
    found: set[Path] = set()
    todo = [module]
    while todo:
        each = todo.pop()
        path = Path(str(getattr(each, "__file__", None) or ""))
        if not path.is_file() or path.resolve() in found or not path.resolve().is_relative_to(folder):
            continue
        if any(part in ("site-packages", ".venv") for part in path.parts) or each.__name__.partition(".")[0].startswith("course_"):
            continue
        found.add(path.resolve())
        for value in list(vars(each).values()):
            other = value if isinstance(value, ModuleType) else sys.modules.get(getattr(value, "__module__", None) or "")
            if isinstance(other, ModuleType):
                todo.append(other)
    return found


@contextmanager
def users_own(path: Path, doing: str) -> Iterator[None]:
    """An error in the user's code is told with its file, line and message; the course's own lines would only hide it."""
    try:
        yield
    except (UserError, KeyboardInterrupt):
        raise
    except SyntaxError as error:
        raise UserError(f"{error.filename}, line {error.lineno}: {type(error).__name__}: {error.msg}") from None
    except BaseException as error:  # a factory may even call sys.exit
        frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).resolve().parent == path.resolve().parent]
        place = f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else str(path)
        message = str(error).strip().split("\n")[0]
        raise UserError(f"{place}: {type(error).__name__}{f': {message}' if message else ''}\n(while {doing})") from None


# ---------------------------------------------------------------- torchvision's


def _torchvision_name(given: str, option: str) -> str:
    from torchvision import models

    name, known = given.removeprefix(TORCHVISION), models.list_models(module=models)
    if name not in known:
        near = difflib.get_close_matches(name, known, 3, 0.5) or ["resnet18", "mobilenet_v2", "efficientnet_b0"]
        raise UserError(f"{option}: torchvision has no network {name!r} for classifying pictures. It has, for example, {', '.join(near)}.")
    return name


def _from_torchvision(name: str, channels: int, classes: int, size: int) -> nn.Module:
    """The network without weights, with `classes` logits, its first layers fitted to pictures (`channels`, `size`, `size`).

    Made for 224 pixels, these networks throw away three quarters of a picture's rows and columns at once. Of a picture of 64 pixels or
    fewer, the first convolution keeps them all, and a pooling right behind it goes: what He et al. 2016 (arXiv:1512.03385) did for CIFAR-10.
    """
    from torchvision import models

    options: dict[str, Any] = {"num_classes": classes}
    if name.startswith("vit_"):
        options["image_size"] = size
    if name.startswith(("inception", "googlenet")):
        options |= {"aux_logits": False, "init_weights": False}
    with users_own(Path("torchvision"), f"making {TORCHVISION}{name} for pictures of {size} pixels"):
        net = models.get_model(name, weights=None, **options)
    place, conv = next((place, layer) for place, layer in net.named_modules() if isinstance(layer, nn.Conv2d))
    patches = conv.kernel_size == conv.stride and conv.stride[0] > 2  # transformers, ConvNeXt: no overlap to give up
    fitted = size <= SMALL and max(conv.stride) > 1 and not patches
    if fitted or conv.in_channels != channels:
        kernel = tuple(min(3, k) for k in conv.kernel_size) if fitted else conv.kernel_size
        new = nn.Conv2d(
            channels,
            conv.out_channels,
            kernel,
            1 if fitted else conv.stride,
            padding=tuple(k // 2 for k in kernel) if fitted else conv.padding,
            bias=conv.bias is not None,
        )
        put(net, place, new)
    if fitted:
        for where, layer in list(net.named_modules())[1:]:
            if isinstance(layer, nn.Conv2d) and where != place:
                break
            if isinstance(layer, nn.MaxPool2d):
                put(net, where, nn.Identity())
                break
    return net
