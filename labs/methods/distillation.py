"""Distillation (Hinton et al. 2015, arXiv:1503.02531): a student learns from its teacher's softened probabilities."""

from collections.abc import Callable

import torch
from torch import nn

from course_data import Dataset
from course_labs.methods.pace import Pace, trial_step
from course_labs.methods.training import Loss, Recipe, Taught, Update, autocast, device, draw_view, precision, seen
from course_labs.networks.convnet import normalise


def soft_loss(student_logits: torch.Tensor, teacher_logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """T² · KL(teacher ‖ student) of the softened distributions, averaged over the batch. Logits are (N, classes).

    The average is over images only ("batchmean"), not over classes. T² keeps the size of the gradient
    as T changes: the gradient of the bare divergence falls as 1/T².
    """
    if not temperature > 0:
        raise ValueError(f"the temperature must be above 0, not {temperature}")
    teacher = torch.log_softmax(teacher_logits / temperature, 1)
    student = torch.log_softmax(student_logits / temperature, 1)
    return temperature**2 * (teacher.exp() * (teacher - student)).sum(1).mean()


def distillation_loss(
    student_logits: torch.Tensor, teacher_logits: torch.Tensor, labels: torch.Tensor, temperature: float, alpha: float
) -> torch.Tensor:
    """alpha · soft loss + (1 − alpha) · cross-entropy with the labels. Some texts put alpha on the other term."""
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha must lie in 0..1, not {alpha}")
    hard = nn.functional.cross_entropy(student_logits, labels)
    return alpha * soft_loss(student_logits, teacher_logits, temperature) + (1 - alpha) * hard


def learn_from_teacher(temperature: float, alpha: float) -> Loss:
    """A loss for `train(..., taught=...)`."""

    def loss(logits: torch.Tensor, labels: torch.Tensor, taught: torch.Tensor | None) -> torch.Tensor:
        assert taught is not None, "this loss goes with train(..., taught=...)"
        return distillation_loss(logits, taught, labels, temperature, alpha)

    return loss


@torch.no_grad()
def teach(
    teacher: nn.Module,
    data: Dataset,
    recipe: Recipe,
    views: int,
    seed: int,
    update: Update = lambda done, note="": None,
    number_format: torch.dtype | None = None,
    batch: int = 500,
) -> Taught:
    """What `teacher` says of every training image in `views` views, shifted and mirrored as `recipe` has it.

    In eval mode, so that an answer does not depend on the other images of its batch. The logits are kept in float16,
    which rounds their fourth digit. `number_format` is that of `training.train`.
    """
    where = device()
    teacher.to(where).to(memory_format=torch.channels_last).eval()
    images = data.train.images.permute(0, 2, 3, 1).contiguous().to(where)
    drawn = torch.stack([draw_view(len(images), recipe, seed, number) for number in range(views)])
    said = []
    dtype = number_format or precision(where)

    def trial() -> Callable[[], None]:
        few = normalise(data.train.images[:64].to(where), data.mean, data.std).contiguous(memory_format=torch.channels_last)
        return trial_step(teacher, few, data.train.labels[:64].to(where), dtype)

    with Pace(trial, most=None if where.type == "cpu" else 1) as pace:
        for number, view in enumerate(drawn):
            for start in range(0, len(images), batch):
                chosen = torch.arange(start, min(start + batch, len(images)))
                with autocast(where, dtype):
                    logits = teacher(normalise(seen(images, chosen, view), data.mean, data.std))
                said.append(logits.to("cpu", torch.float16))
                update((number + (start + len(chosen)) / len(images)) / views, f"view {number + 1} of {views}, {pace.note}")
                pace.stepped()
    teacher.cpu()
    return Taught(drawn, torch.cat(said).view(views, len(images), -1))
