"""Train a network on tensors: one-cycle SGD with Nesterov momentum, channels last, bfloat16 where the processor has it."""

import platform
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from course_data import Dataset, Split
from course_labs.methods.pace import Pace, trial_step
from course_labs.methods.watched import Watch
from course_labs.networks.convnet import normalise

# A loss takes (the network's logits, labels, the teacher's logits for the same images or None); it gives a scalar, or a number an image.
Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None], torch.Tensor]

Update = Callable[..., object]  # hears (share of the work done, 0 to 1; a note)

ALL_SEEN = 7 / 8  # of the training; from there on no image sits out


@dataclass(frozen=True)
class Recipe:
    """How long and how hard to train. `shift` moves images by up to that many pixels; `flip` mirrors half of them.

    An epoch is as many images as there are. A pass shows every image once, shifted and mirrored in one way: a *view* of the data
    set. With `sit_out`, that share of the images that were easy the last time, with a loss below the mean, sits out a pass, so
    that there are more passes than epochs; in the last eighth of the training none does (after Qin et al. 2024, arXiv:2303.04947).
    Batch norm's biases learn at `bias_rate` times the learning rate (Jordan 2024, arXiv:2404.00498).
    """

    epochs: float
    peak_lr: float
    batch: int = 128
    weight_decay: float = 5e-4
    momentum: float = 0.9
    warm_up: float = 0.25  # share of the steps in which the learning rate rises
    shift: int = 0
    flip: bool = False
    bias_rate: float = 1.0
    sit_out: float = 0.0


@dataclass(frozen=True)
class Taught:
    """`views` int8 (views, 3, N), each as `draw_view` makes them, and a teacher's `logits` (views, N, classes) for every image in each.

    A student that meets the same views again and again costs its teacher one pass for each view, not one for each epoch.
    """

    views: torch.Tensor
    logits: torch.Tensor


def device() -> torch.device:
    """A GPU if there is one, otherwise the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def cpu_flags() -> set[str]:
    """The processor's feature flags as Linux lists them; empty elsewhere."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith(("flags", "Features")):
                    return set(line.split(":", 1)[1].split())
    except OSError:
        pass
    return set()


def precision(where: torch.device) -> torch.dtype:
    """bfloat16 where the hardware multiplies it, else float32: emulated bfloat16 is slower than none."""
    if where.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    native = platform.machine() in ("x86_64", "AMD64") and cpu_flags() & {"avx512_bf16", "amx_bf16"}
    return torch.bfloat16 if native else torch.float32


def autocast(where: torch.device, chosen: torch.dtype | None = None) -> AbstractContextManager:
    """Mixed precision on `where`, the hardware's own unless one is `chosen`, or nothing at all in float32."""
    dtype = chosen or precision(where)
    return torch.autocast(where.type, dtype) if dtype != torch.float32 else nullcontext()


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor, taught: torch.Tensor | None = None, smoothing: float = 0.0) -> torch.Tensor:
    """The plain loss, (N,).

    Its target is (1 − `smoothing`) of the label and the rest spread over all classes (Szegedy et al. 2016, arXiv:1512.00567).
    """
    return nn.functional.cross_entropy(logits, labels, label_smoothing=smoothing, reduction="none")


def train(
    net: nn.Module,
    data: Dataset,
    recipe: Recipe,
    loss: Loss,
    seed: int,
    update: Update = lambda done, note="": None,
    taught: Taught | None = None,
    number_format: torch.dtype | None = None,
    judged: bool = False,
) -> nn.Module:
    """Train `net` in place on the training split and return it, in eval mode, on the CPU.

    `number_format` is float32 or bfloat16; without one, what the hardware's flags promise is fast. The number of threads is measured (`pace`):
    it moves the last digits of what is learnt. Raises TrainingFailed when the loss is no number any more and, if it is `judged` by the labels,
    when nothing is learnt.
    `update(done, note)` hears the share of the work done, 0 to 1. The order of the images comes from `seed` alone. So does
    how they are shifted, in a new way each epoch; with `taught`, they are shown in the teacher's views, in turn, and the
    loss gets what the teacher said of them. The last state is kept, whatever its validation accuracy: picking the best
    epoch would fit the validation images.
    """
    where = device()
    generator = torch.Generator().manual_seed(seed)
    images = data.train.images.permute(0, 2, 3, 1).contiguous().to(where)
    labels = data.train.labels.to(where)
    net.to(where).to(memory_format=torch.channels_last).train()
    learnt = [p for p in net.parameters() if p.requires_grad]
    biases = {m.bias for m in net.modules() if isinstance(m, nn.BatchNorm2d) and m.affine and m.bias.requires_grad}
    # as much a step as the weights: fast biases run away
    bias_decay = recipe.weight_decay / recipe.bias_rate if recipe.bias_rate > 1 else 0.0
    groups: list[dict[str, Any]] = [
        {"params": [p for p in learnt if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in learnt if p.ndim <= 1 and p not in biases]},  # no decay: it only hurts here
        {"params": [p for p in learnt if p in biases], "lr": recipe.peak_lr * recipe.bias_rate, "weight_decay": bias_decay},
    ]
    groups = [group for group in groups if group["params"]]
    optimiser = torch.optim.SGD(groups, lr=recipe.peak_lr, momentum=recipe.momentum, nesterov=True)
    per_epoch = len(labels) // recipe.batch
    if per_epoch == 0:
        raise ValueError(f"a batch of {recipe.batch} is more than the {len(labels)} training images")
    steps = max(1, round(recipe.epochs * per_epoch))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        # a cycle of four steps would rise for none of them, and OneCycleLR divide by zero
        optimiser,
        [group.get("lr", recipe.peak_lr) for group in groups],
        total_steps=max(5, steps + 1),
        pct_start=recipe.warm_up,
        cycle_momentum=False,
        div_factor=5,
        final_div_factor=200,
        anneal_strategy="linear",
    )
    last = torch.full((len(labels),), torch.nan)  # every image's last loss
    order, place, passes = torch.arange(0), 0, 0
    watch = Watch(labels, steps, per_epoch, judged)
    dtype = number_format or precision(where)

    def trial() -> Callable[[], None]:
        batch = normalise(data.train.images[: recipe.batch].to(where), data.mean, data.std)
        return trial_step(net, batch.contiguous(memory_format=torch.channels_last), labels[: recipe.batch], dtype)

    with Pace(trial, most=None if where.type == "cpu" else 1) as pace:
        for step in range(steps):
            if place + recipe.batch > len(order):
                order, place = torch.randperm(len(labels), generator=generator), 0
                if recipe.sit_out and step < ALL_SEEN * steps:
                    order = without_easy(order, last, recipe.sit_out, generator)
                number = passes % len(taught.views) if taught else passes
                view = taught.views[number] if taught else draw_view(len(labels), recipe, seed, number)
                passes += 1
            chosen = order[place : place + recipe.batch]
            place += recipe.batch
            batch = normalise(seen(images, chosen, view), data.mean, data.std)
            said = taught.logits[number, chosen].to(where).float() if taught else None
            with autocast(where, dtype):
                logits = net(batch)
            logits, right = logits.float(), labels[chosen.to(where)]
            value = loss(logits, right, said)
            watch.saw(step, logits, right, value)
            if recipe.sit_out:
                if value.ndim == 0:
                    raise ValueError("sit_out needs a loss that gives a number for each image, not one for all")
                last[chosen] = value.detach().cpu()
            optimiser.zero_grad(set_to_none=True)
            value.mean().backward()
            optimiser.step()
            schedule.step()
            pace.stepped()
            if step % 10 == 9 or step + 1 == steps:
                update((step + 1) / steps, f"epoch {step // per_epoch + 1} of {steps / per_epoch:.3g}, {pace.note}")
    return net.cpu().eval()


@torch.inference_mode()
def accuracy(net: nn.Module, split: Split, data: Dataset, batch: int = 500) -> float:
    """Share of `split` that `net` classifies rightly, 0 to 1, in float32."""
    where = device()
    net.to(where).to(memory_format=torch.channels_last).eval()
    right = 0
    for start in range(0, len(split), batch):
        images = normalise(split.images[start : start + batch].to(where), data.mean, data.std)
        predicted = net(images.contiguous(memory_format=torch.channels_last)).argmax(1).cpu()
        right += int((predicted == split.labels[start : start + batch]).sum())
    net.cpu()
    return right / len(split)


def without_easy(order: torch.Tensor, last: torch.Tensor, share: float, generator: torch.Generator) -> torch.Tensor:
    """`order` (n,) without a random `share` of the images whose `last` loss (N,) was below the mean. An image not seen yet (NaN) stays."""
    easy = last[order] < last.nanmean()
    return order[~(easy & (torch.rand(len(order), generator=generator) < share))]


def draw_view(count: int, recipe: Recipe, seed: int, number: int) -> torch.Tensor:
    """How each of `count` images is shown in view `number`: int8 (3, count), rows and columns to shift by, and 1 where mirrored."""
    generator = torch.Generator().manual_seed(seed + 1_000_003 * (number + 1))
    shifts = torch.randint(-recipe.shift, recipe.shift + 1, (2, count), generator=generator)
    mirrored = torch.randint(0, 2, (1, count), generator=generator) * int(recipe.flip)
    return torch.cat([shifts, mirrored]).to(torch.int8)


def seen(images: torch.Tensor, chosen: torch.Tensor, view: torch.Tensor) -> torch.Tensor:
    """The batch `chosen` of `images` (N, H, W, C) as `view` shows them: uint8 (n, C, H, W), channels last in memory.

    One indexing step does it all. What a shift uncovers repeats the outermost pixels: a margin of one colour would
    draw a frame that no test image has.
    """
    count, (height, width) = len(chosen), images.shape[1:3]
    down, right, mirrored = view[:, chosen, None].long()
    rows = (torch.arange(height).expand(count, height) + down).clamp(0, height - 1)
    cols = torch.arange(width).expand(count, width)
    cols = (torch.where(mirrored == 1, width - 1 - cols, cols) + right).clamp(0, width - 1)
    where = images.device
    return images[chosen.to(where)[:, None, None], rows.to(where)[:, :, None], cols.to(where)[:, None, :]].permute(0, 3, 1, 2)
