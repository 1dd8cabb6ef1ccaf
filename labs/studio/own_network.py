"""`course lab --model path.py:factory`: the user's own network, and their own images, through the studio's four rows."""

import hashlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from course_data import Dataset, UserError, load
from course_labs.methods import graph_pruning
from course_labs.methods.families import Family
from course_labs.methods.training import Recipe
from course_labs.networks import graph
from course_labs.networks.convnet import Shape, normalise
from course_labs.networks.graph import GraphShape, TracedNetwork
from course_labs.studio.settings import SETTINGS, Settings

CONTRACT = (
    "It is called as factory(in_channels, classes, width=1.0) and gives back the network, a torch.nn.Module from images "
    "(N, in_channels, H, W) to logits (N, classes). width scales the channels: 1.0 makes the teacher, a smaller number the student, "
    "for example nn.Conv2d(in_channels, max(16, round(64 * width)), 3)."
)

STUDENT_WIDTH = 0.5  # of the teacher's
RECIPES = ("teacher_recipe", "student_recipe", "recovery_recipe")
KEPT = 0.5  # of the student's channels, in every group


def own_setup(data: str, images: Path | str | None, size: int, model: str | None, width: float) -> tuple[Dataset, Settings, Family | None]:
    """What `Studio` takes for images or a network of one's own: data, settings, family (None for the course's networks).

    `images` is a folder that replaces `data`; `model` is "path.py:factory" and `width` its student's width.
    """
    if images is None:
        dataset, recipes = load(data), SETTINGS[data]
    else:
        from course_data.folders import image_folder  # brings torchvision along

        dataset = image_folder(images, size)
        recipes = recipes_for(dataset)
    if model is None:
        assert isinstance(recipes.teacher, Shape), "the course's own network"
        halved = len(recipes.teacher.pools)
        if size < 2**halved:
            raise UserError(
                f"--size {size} is too small for the course's own network, which halves a picture {halved} times. Give at least {2**halved}."
            )
        return dataset, recipes, None
    family, settings = prepared(model, dataset, recipes, width)
    return dataset, settings, family


def prepared(
    model: str, data: Dataset, recipes: Settings, student_width: float = STUDENT_WIDTH, kept: float = KEPT
) -> tuple["OwnNetworks", Settings]:
    """The family of `model`, "path.py:factory", for `data`, and settings for the studio: those of `recipes` with the model's own shapes.

    Networks without any batch norm are trained at a fifth of the learning rate: nothing else would keep their activations in bounds.
    Raises UserError as `OwnNetworks` does, and when a smaller width does not make a smaller network.
    """
    if not 0 < student_width < 1:
        raise UserError(f"--width {student_width:g}: the student's share of the teacher's channels lies between 0 and 1.")
    family = OwnNetworks(model, normalise(data.val.images[:2], data.mean, data.std), len(data.classes))
    teacher, student = family.new(family.shape(1.0)), family.new(family.shape(student_width))
    sizes = [sum(p.numel() for p in net.parameters()) for net in (teacher, student)]
    if sizes[1] >= sizes[0]:
        raise UserError(
            f"{model}: with width={student_width:g} the network has {sizes[1]:,} parameters, with width=1.0 {sizes[0]:,}. The student must be the smaller one. {CONTRACT}"
        )
    pruned_widths = tuple(kept_channels(width, kept) for width in student.shape.widths)
    chosen = replace(recipes, teacher=teacher.shape, student=student.shape, pruned_widths=pruned_widths)
    if not any(layer.kind == "norm" for layer in teacher.layers):
        chosen = replace(chosen, **{name: replace(getattr(chosen, name), peak_lr=getattr(chosen, name).peak_lr / 5) for name in RECIPES})
    return family, chosen


def kept_channels(width: int, share: float) -> int:
    """About `share` of `width` channels: a multiple of 16, or of 8 in a group of fewer than 32: vector units work on so many at a time."""
    step = 16 if width >= 32 else 8 if width >= 16 else 1
    return min(width, max(step, step * round(share * width / step)))


def recipes_for(data: Dataset) -> Settings:
    """How to train on a folder of images: longer where there are fewer, moved by up to an eighth of the picture.

    Never mirrored: a mirrored 2 is no 2.
    """
    count = len(data.train)
    epochs = min(60.0, max(10.0, 100_000 / count))
    recipe = Recipe(epochs, peak_lr=0.1, batch=max(2, min(64, count // 4)), shift=data.train.images.shape[-1] // 8)
    recovery = replace(recipe, epochs=epochs / 2, peak_lr=0.05)
    return replace(SETTINGS["cifar10"], teacher_recipe=recipe, teacher_smoothing=0.0, student_recipe=recipe, recovery_recipe=recovery)


class OwnNetworks:
    """A user's networks as a family of the studio, from `model`, that is "path.py:factory".

    `example` is a batch of the images to come, normalised: (N, C, H, W), N at least two.
    Raises UserError when there is no such file or function, when it fails (file, line and message), or when it gives no network that
    the course can prune.
    """

    modules: tuple[ModuleType, ...] = (graph, graph_pruning, sys.modules[__name__])
    channel_importance = staticmethod(graph_pruning.channel_importance)
    rebuilt = staticmethod(graph_pruning.rebuilt)
    expanded = staticmethod(graph_pruning.expanded)
    folded = staticmethod(graph_pruning.folded)
    producers = staticmethod(graph_pruning.producers)

    def __init__(self, model: str, example: torch.Tensor, classes: int):
        self.title, self.example, self.classes = model, example, classes
        self.path, self.factory = _factory(model)
        self._full: dict[float, TracedNetwork] = {}

    def shape(self, width: float) -> GraphShape:
        """The shape of the network at `width`, nothing pruned."""
        return self._traced(width).shape

    @property
    def about(self) -> dict[str, Any]:
        """What a results file says of the model."""
        return {"model": self.title}

    @property
    def fingerprint(self) -> dict[str, str]:
        """The SHA-256 of the user's file and of the networks that came of it: what it imports may change too."""
        digest = hashlib.sha256(self.path.read_bytes())
        for width, net in sorted(self._full.items()):
            digest.update(f"{width} {net.body.graph} {[str(net.layer(layer)) for layer in net.layers]}".encode())
        return {"model": digest.hexdigest()}

    def begin(self, shape: GraphShape, data: Dataset, seed: int) -> TracedNetwork:
        """A network to be trained on `data`. Its first weights are the factory's own."""
        return self.new(shape)

    def new(self, shape: GraphShape) -> TracedNetwork:
        """A network of this shape, its weights as the factory draws them; where channels are cut, the first ones are left."""
        net = self._traced(shape.width)
        return net if net.shape == shape else graph_pruning.rebuilt(net, [torch.arange(width) for width in shape.widths])

    def _traced(self, width: float) -> TracedNetwork:
        channels = self.example.shape[1]
        with _users_own(self.path, f"{self.title} with width={width:g}"):
            net = self.factory(channels, self.classes, width=width)
        if not isinstance(net, nn.Module):
            raise UserError(f"{self.title} gave back {type(net).__name__}, not a torch.nn.Module. {CONTRACT}")
        with _users_own(self.path, f"{self.title}: the network, given images {tuple(self.example.shape)}"):
            with torch.no_grad():
                logits = net.eval()(self.example)
        wanted = (len(self.example), self.classes)
        if not isinstance(logits, torch.Tensor) or tuple(logits.shape) != wanted:
            found = tuple(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
            raise UserError(f"{self.title}: given images {tuple(self.example.shape)}, the network puts out {found}, not logits {wanted}.")
        with _users_own(self.path, f"{self.title}: following the network's forward pass (it must not depend on the values in a tensor)"):
            traced = graph.traced(net, self.example, width, self.title)
        self._full[width] = traced
        return traced


def _factory(model: str) -> tuple[Path, Callable]:
    """The file and the function that `model`, "path.py:factory", names."""
    file, _, name = model.rpartition(":")
    path = Path(file)
    if not file or not name.isidentifier():
        raise UserError(f"--model takes a file and a function, such as nets.py:make, not {model!r}. {CONTRACT}")
    if not path.is_file():
        raise UserError(f"--model: there is no file {path}.")
    spec = importlib.util.spec_from_file_location(f"own_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UserError(f"--model: {path} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickling look a class's module up
    sys.path.insert(0, str(path.resolve().parent))  # as for a script: it may import what stands beside it
    with _users_own(path, f"reading {path}"):
        spec.loader.exec_module(module)
    factory = getattr(module, name, None)
    if not callable(factory):
        functions = [n for n, f in vars(module).items() if callable(f) and getattr(f, "__module__", None) == module.__name__]
        raise UserError(f"{path} has no function {name}; it has {', '.join(functions) or 'none at all'}. {CONTRACT}")
    try:
        inspect.signature(factory).bind(1, 10, width=1.0)
    except TypeError as error:
        raise UserError(f"{model} cannot be called as {name}(in_channels, classes, width=1.0): {error}. {CONTRACT}") from None
    return path, factory


@contextmanager
def _users_own(path: Path, doing: str) -> Iterator[None]:
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
