"""`--minutes N`: the training scaled to the time there is, from what a training step costs on this machine."""

import dataclasses
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from rich.console import Console
from torch import nn

from course_data import Dataset, UserError
from course_data.progress_bar import status
from course_labs.fingerprints import code_version
from course_labs.measuring import machine
from course_labs.methods import other_tools, training
from course_labs.methods.families import ConvNets, Family
from course_labs.methods.pace import fastest_precision
from course_labs.methods.training import Recipe, autocast, cross_entropy, device, precision, train
from course_labs.networks import convnet
from course_labs.networks.convnet import normalise
from course_labs.studio.settings import Settings
from course_labs.studio.stages import Stages, write_json

MEASURING = 75.0  # seconds for export, quantisation and the measurements, which no plan can shorten
SHORTEST = 0.02  # of the training: below it the networks have not seen enough to be worth a table
LONGEST = 4.0


def planned(
    minutes: float,
    settings: Settings,
    data: Dataset,
    stages: Stages,
    console: Console,
    family: Family | None = None,
    with_controls: bool = False,
) -> Settings:
    """`settings` scaled so that one run takes about `minutes`, and a line on `console` that says what this means.

    `with_controls`: the control rows are trained as well. `family` makes the networks; without one, the course's own.
    The share is a stage: a run that goes on must not measure it anew and train differently.
    """
    family = family or ConvNets.of(data)

    def work(path: Path) -> dict:
        with status("measuring what a training step takes", console):
            share = share_for(minutes, settings, data, family.new, with_controls)
        write_json(path, {"share": share})
        return {"share": share}

    inputs = {
        "minutes": minutes,
        "controls": with_controls,
        "settings": dataclasses.asdict(settings),
        "data": data.fingerprint,
        "machine": machine.describe(),
        "code": code_version(sys.modules[__name__], convnet, training),
        **family.fingerprint,
    }
    share = stages.run("plan", ".share.json", inputs, work).facts["share"]
    chosen = scaled(settings, share)
    console.print(
        f"[bold]plan    [/] {minutes:.3g} minutes a run: {share:.2f} of the default training. Epochs: teacher {chosen.teacher_recipe.epochs:.1f}, "
        f"student {chosen.student_recipe.epochs:.1f}, recovery {chosen.recovery_recipe.epochs:.1f}.",
        highlight=False,
        soft_wrap=True,
    )
    return chosen


def scaled(settings: Settings, share: float) -> Settings:
    """`settings` with `share` times the epochs of every training, and the teacher's views in step with them."""

    def longer(recipe: Recipe) -> Recipe:
        return dataclasses.replace(recipe, epochs=recipe.epochs * share)

    return dataclasses.replace(
        settings,
        teacher_recipe=longer(settings.teacher_recipe),
        student_recipe=longer(settings.student_recipe),
        recovery_recipe=longer(settings.recovery_recipe),
        views=max(1, round(settings.views * share)),
    )


def training_seconds(settings: Settings, data: Dataset, new: Callable[..., nn.Module], with_controls: bool = False) -> float:
    """How long `settings` would train on this machine: the seconds of some steps of each network, times its steps.

    `new(shape)` makes one.
    """
    pruned = dataclasses.replace(settings.student, widths=settings.pruned_widths)
    first, recovery = settings.student_recipe.epochs, settings.recovery_recipe.epochs
    epochs = {"student": first, "pruned": recovery}
    if with_controls:  # student without teacher and its scattered zeros; the pruned shape from scratch, and Torch-Pruning's
        epochs["student"] += first + recovery
        epochs["pruned"] += first + recovery + recovery * other_tools.installed(other_tools.TORCH_PRUNING)
    total = settings.views * len(data.train) * _seconds_an_image_shown(new(settings.teacher), data)
    for shape, recipe, count in (
        (settings.teacher, settings.teacher_recipe, settings.teacher_recipe.epochs),
        (settings.student, settings.student_recipe, epochs["student"]),
        (pruned, settings.recovery_recipe, epochs["pruned"]),
    ):
        total += count * len(data.train) * _seconds_an_image_learnt(lambda: new(shape), recipe, data, settings.precision)
    return total


def share_for(minutes: float, settings: Settings, data: Dataset, new: Callable[..., nn.Module], with_controls: bool = False) -> float:
    """The share of the training in `settings` that fits into `minutes`, 0.02 to 4. Raises UserError if not even the shortest does."""
    full = training_seconds(settings, data, new, with_controls)
    share = (60 * minutes - MEASURING) / full
    if not share >= SHORTEST:  # nor if somebody asks for "nan" minutes
        least = (MEASURING + SHORTEST * full) / 60
        raise UserError(f"--minutes {minutes:g} is too short for {data.title} on this machine. Give at least {least:.1f}.")
    return min(share, LONGEST)


def _seconds_an_image_learnt(new: Callable[[], nn.Module], recipe: Recipe, data: Dataset, number_format: str, steps: int = 12) -> float:
    """Measured by the training itself, on a copy of the recipe that is `steps` long; its first run warms up.

    `number_format` is that of the settings: float32, bfloat16, or measured.
    """
    short = dataclasses.replace(recipe, epochs=steps / (len(data.train) // recipe.batch))
    if number_format == "measured":
        images = normalise(data.train.images[: recipe.batch], data.mean, data.std)
        chosen, _ = fastest_precision(new(), images, data.train.labels[: recipe.batch], precision(device()))
    else:
        chosen = getattr(torch, number_format)
    best = float("inf")
    for _ in range(2):
        net = new()
        start = time.perf_counter()
        train(net, data, short, cross_entropy, 0, number_format=chosen)
        best = min(best, time.perf_counter() - start)
    return best / (steps * recipe.batch)


def _seconds_an_image_shown(net: nn.Module, data: Dataset, images: int = 500) -> float:
    where = device()
    net = net.to(where).to(memory_format=torch.channels_last).eval()
    batch = normalise(data.train.images[:images].to(where), data.mean, data.std).contiguous(memory_format=torch.channels_last)
    best = float("inf")
    with torch.no_grad(), autocast(where):
        for _ in range(3):
            start = time.perf_counter()
            net(batch).cpu()
            best = min(best, time.perf_counter() - start)
    return best / len(batch)
