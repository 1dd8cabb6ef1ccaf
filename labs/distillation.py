"""Distillation (Hinton et al. 2015, arXiv:1503.02531): a student learns from its teacher's softened probabilities."""

import torch
from torch import nn

from course_labs.training import Loss, autocast


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


def learn_from(teacher: nn.Module, temperature: float, alpha: float) -> Loss:
    """A loss for `train`. The teacher sees the same shifted images as the student, in eval mode, without gradients."""
    teacher.eval()

    def loss(logits: torch.Tensor, labels: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
        teacher.to(images.device, memory_format=torch.channels_last)
        with torch.no_grad(), autocast(images.device):
            taught = teacher(images)
        return distillation_loss(logits, taught.float(), labels, temperature, alpha)

    return loss
