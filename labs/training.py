"""Train a network on tensors: one-cycle SGD with Nesterov momentum, channels last, bfloat16 where the processor has it."""

import platform
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import nn

from course_data import Dataset, Split
from course_labs.networks import normalise

# A loss takes (student's logits, labels, the normalised images of the batch) and gives a scalar.
Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Recipe:
    """How long and how hard to train. `shift` moves images by up to that many pixels; `flip` mirrors half of them."""

    epochs: float
    peak_lr: float
    batch: int = 128
    weight_decay: float = 5e-4
    momentum: float = 0.9
    warm_up: float = 0.25  # share of the steps in which the learning rate rises
    shift: int = 0
    flip: bool = False


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


def autocast(where: torch.device):
    """Mixed precision on `where`, or nothing at all in float32."""
    dtype = precision(where)
    return torch.autocast(where.type, dtype) if dtype != torch.float32 else nullcontext()


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """The plain loss. No label smoothing: it erases what a student learns from a teacher (Müller et al. 2019, arXiv:1906.02629)."""
    return nn.functional.cross_entropy(logits, labels)


def train(net: nn.Module, data: Dataset, recipe: Recipe, loss: Loss, seed: int, update=lambda done, note="": None) -> nn.Module:
    """Train `net` in place on the training split and return it, in eval mode, on the CPU.

    `update(done, note)` hears the share of the work done, 0 to 1. The order of the images, and how they are shifted,
    comes from `seed` alone. The last state is kept, whatever its validation accuracy: picking the best
    epoch would fit the validation images.
    """
    where = device()
    generator = torch.Generator().manual_seed(seed)
    images = data.train.images.permute(0, 2, 3, 1).contiguous().to(where)
    labels = data.train.labels.to(where)
    net.to(where, memory_format=torch.channels_last).train()
    decayed = [p for p in net.parameters() if p.ndim > 1]  # weights only: decay on biases and norms only hurts
    others = [p for p in net.parameters() if p.ndim <= 1]
    optimiser = torch.optim.SGD(
        [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}],
        lr=recipe.peak_lr, momentum=recipe.momentum, nesterov=True,
    )
    per_epoch = len(labels) // recipe.batch
    if per_epoch == 0:
        raise ValueError(f"a batch of {recipe.batch} is more than the {len(labels)} training images")
    steps = max(1, round(recipe.epochs * per_epoch))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.peak_lr, total_steps=steps + 1, pct_start=recipe.warm_up, cycle_momentum=False,
        div_factor=10, final_div_factor=1000,
    )
    order = torch.empty(0, dtype=torch.int64)
    for step in range(steps):
        if len(order) < recipe.batch:
            order = torch.randperm(len(labels), generator=generator)
        chosen, order = order[: recipe.batch], order[recipe.batch :]
        batch = normalise(_gather(images, chosen, recipe, generator), data.mean, data.std)
        target = labels[chosen.to(where)]
        with autocast(where):
            logits = net(batch)
        value = loss(logits.float(), target, batch)
        optimiser.zero_grad(set_to_none=True)
        value.backward()
        optimiser.step()
        schedule.step()
        if step % 10 == 9 or step + 1 == steps:
            update((step + 1) / steps, f"epoch {step // per_epoch + 1} of {steps / per_epoch:.3g}")
    return net.cpu().eval()


@torch.inference_mode()
def accuracy(net: nn.Module, split: Split, data: Dataset, batch: int = 500) -> float:
    """Share of `split` that `net` classifies rightly, 0 to 1, in float32."""
    where = device()
    net.to(where, memory_format=torch.channels_last).eval()
    right = 0
    for start in range(0, len(split), batch):
        images = normalise(split.images[start : start + batch].to(where), data.mean, data.std)
        predicted = net(images.contiguous(memory_format=torch.channels_last)).argmax(1).cpu()
        right += int((predicted == split.labels[start : start + batch]).sum())
    net.cpu()
    return right / len(split)


def _gather(images: torch.Tensor, chosen: torch.Tensor, recipe: Recipe, generator: torch.Generator) -> torch.Tensor:
    """The batch `chosen` of `images` (N, H, W, C), each with its own shift and mirroring: uint8 (n, C, H, W), channels last in memory.

    One indexing step does it all. What a shift uncovers repeats the outermost pixels: a margin of one colour would
    draw a frame that no test image has.
    """
    count, (height, width) = len(chosen), images.shape[1:3]
    rows = torch.arange(height).expand(count, height)
    cols = torch.arange(width).expand(count, width)
    if recipe.flip:
        mirrored = torch.rand(count, 1, generator=generator) < 0.5
        cols = torch.where(mirrored, width - 1 - cols, cols)
    if recipe.shift:
        offsets = torch.randint(-recipe.shift, recipe.shift + 1, (2, count, 1), generator=generator)
        rows, cols = (rows + offsets[0]).clamp(0, height - 1), (cols + offsets[1]).clamp(0, width - 1)
    where = images.device
    return images[chosen.to(where)[:, None, None], rows.to(where)[:, :, None], cols.to(where)[:, None, :]].permute(0, 3, 1, 2)
