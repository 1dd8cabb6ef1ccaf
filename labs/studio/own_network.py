"""`course lab --model path.py:factory`: the user's own network, and their own images, through the studio's four rows."""

import hashlib
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from course_data import Dataset, UserError, load
from course_labs.methods import graph_pruning
from course_labs.methods.families import ConvNets, Family
from course_labs.methods.rehearsal import rehearse
from course_labs.methods.training import Recipe
from course_labs.networks import graph
from course_labs.networks.convnet import Shape, normalise
from course_labs.networks.graph import GraphShape, TracedNetwork
from course_labs.networks.operations import normed
from course_labs.studio.asked import WIDTH
from course_labs.studio.factories import CONTRACT, Source, checked, first_weights
from course_labs.studio.pair import Pair, TwoNetworks, WholeNetworks
from course_labs.studio.settings import SETTINGS, Settings

RECIPES = ("teacher_recipe", "student_recipe", "recovery_recipe")
KEPT = 0.5  # of the student's channels, in every group


def own_setup(
    data: str,
    images: Path | str | None,
    size: int | None,
    model: str | None,
    width: float,
    two: TwoNetworks = TwoNetworks(),
    strict: bool = False,
) -> tuple[Dataset, Settings, Family | None]:
    """What `Studio` takes for images or networks of one's own: data, settings, family (None for the course's networks).

    `images` is a folder that replaces `data`; `model` is "path.py:factory" and `width` its student's width; `two` says teacher and student
    by themselves. `size` and `strict` are those of `image_folder`.
    """
    if images is None:
        dataset, recipes = load(data), SETTINGS[data]
    else:
        from course_data.folders import image_folder  # brings torchvision along

        dataset = image_folder(images, size, strict)
        recipes = recipes_for(dataset)
    if two:
        if model is not None:
            raise UserError("--model makes teacher and student. Give either --model, or --teacher and --student.")
        pair, settings = paired(two, dataset, recipes_for(dataset))
        return dataset, settings, pair
    if model is None:
        assert isinstance(recipes.teacher, Shape), "the course's own network"
        halved, pixels = len(recipes.teacher.pools), dataset.train.images.shape[-1]
        if pixels < 2**halved:
            raise UserError(
                f"--size {pixels} is too small for the course's own network, which halves a picture {halved} times. Give at least {2**halved}."
            )
        return dataset, recipes, None
    family, settings = prepared(model, dataset, recipes, width)
    return dataset, settings, family


def prepared(
    model: str, data: Dataset, recipes: Settings, student_width: float = WIDTH, kept: float = KEPT
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
    rehearse(family.new(replace(student.shape, widths=pruned_widths)).eval(), family.example, family.folded)
    chosen = replace(recipes, teacher=teacher.shape, student=student.shape, pruned_widths=pruned_widths)
    return family, chosen if normed(teacher) else _calmer(chosen, *RECIPES)


def paired(two: TwoNetworks, data: Dataset, recipes: Settings, kept: float = KEPT) -> tuple[Pair, Settings]:
    """The family of two networks for `data`, and settings for the studio: those of `recipes` with the networks' own shapes.

    One that is not given is the course's own. Networks without any batch norm are trained at a fifth of the learning rate.
    Raises UserError as `WholeNetworks` and `OwnNetworks` do, and where an option lacks the one it goes with.
    """
    two.check()
    example = normalise(data.val.images[:2], data.mean, data.std)
    course, settings = ConvNets.of(data), SETTINGS.get(data.name, SETTINGS["cifar10"])
    teacher: ConvNets | WholeNetworks = course
    student: Family = course
    chosen = replace(recipes, teacher=settings.teacher, student=settings.student, pruned_widths=settings.pruned_widths)
    if two.teacher:
        teacher = WholeNetworks(Source(two.teacher, "--teacher", widths=False), example, len(data.classes), two.weights)
        if two.keep_teacher and not teacher.comes_trained:
            raise UserError(
                f"--keep-teacher: {two.teacher} comes with weights drawn at random. Give trained ones with --teacher-weights FILE."
            )
        chosen = replace(chosen, teacher=teacher.shape, keep_teacher=two.keep_teacher)
        chosen = chosen if teacher.normed else _calmer(chosen, "teacher_recipe")
    if two.student:
        student = OwnNetworks(Source(two.student, "--student", widths=False), example, len(data.classes))
        net = student.new(student.shape(1.0))
        chosen = replace(chosen, student=net.shape, pruned_widths=tuple(kept_channels(width, kept) for width in net.shape.widths))
        rehearse(student.new(replace(net.shape, widths=chosen.pruned_widths)).eval(), example, student.folded)
        chosen = chosen if normed(net) else _calmer(chosen, "student_recipe", "recovery_recipe")
    return Pair(two, teacher, student), chosen


def _calmer(settings: Settings, *recipes: str) -> Settings:
    """With a fifth of the learning rate: without any batch norm, nothing else would keep activations in bounds."""
    return replace(settings, **{name: replace(getattr(settings, name), peak_lr=getattr(settings, name).peak_lr / 5) for name in recipes})


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

    modules: tuple[ModuleType, ...] = (*graph.MODULES, graph_pruning, sys.modules[__name__])
    channel_importance = staticmethod(graph_pruning.channel_importance)
    rebuilt = staticmethod(graph_pruning.rebuilt)
    expanded = staticmethod(graph_pruning.expanded)
    folded = staticmethod(graph_pruning.folded)
    producers = staticmethod(graph_pruning.producers)

    def __init__(self, model: str | Source, example: torch.Tensor, classes: int):
        self.source = Source(model) if isinstance(model, str) else model
        self.title, self.example, self.classes = self.source.title, example, classes
        self._full: dict[float, TracedNetwork] = {}
        self._first: dict[float, str] = {}

    def shape(self, width: float) -> GraphShape:
        """The shape of the network at `width`, nothing pruned."""
        return self._traced(width).shape

    @property
    def about(self) -> dict[str, Any]:
        """What a results file says of the model."""
        whole = [str(one) for _, net in sorted(self._full.items())[:1] for one in net.left_whole]  # the student's
        return {"model": self.title} | ({"left_whole": whole} if whole else {})

    @property
    def fingerprint(self) -> dict[str, str]:
        """The SHA-256 of the user's files, of the networks that came of them, and of these networks' first weights."""
        digest = hashlib.sha256(repr(sorted(self.source.fingerprint().items())).encode())
        for width, net in sorted(self._full.items()):
            digest.update(f"{width} {net} {self._first[width]}".encode())
        return {"model": digest.hexdigest()}

    def begin(self, shape: GraphShape, data: Dataset, seed: int) -> TracedNetwork:
        """A network to be trained on `data`. Its first weights are the factory's own."""
        return self.new(shape)

    def new(self, shape: GraphShape) -> TracedNetwork:
        """A network of this shape, its weights as the factory draws them; where channels are cut, the first ones are left."""
        net = self._traced(shape.width)
        return net if net.shape == shape else graph_pruning.rebuilt(net, [torch.arange(width) for width in shape.widths])

    def _traced(self, width: float) -> TracedNetwork:
        channels, size = self.example.shape[1], self.example.shape[-1]
        if width not in self._first:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)  # the weights that a factory draws are then the same ones every time; those that it loads are its own
                self._first[width] = first_weights(self.source.make(channels, self.classes, size, width))
        net = self.source.make(channels, self.classes, size, width)
        checked(net, self.source, self.example, self.classes)
        with self.source.blamed(f"{self.title}: following the network's forward pass (it must not depend on the values in a tensor)"):
            traced = graph_pruning.proven(graph.traced(net, self.example, width, self.title), self.example)
        self._full[width] = traced
        return traced
