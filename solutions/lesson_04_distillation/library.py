"""What later lessons take from this one where a student's own does not pass: the course's functions. They obey the laws of the checks."""

import torch

from course_labs.methods import distillation


def distillation_loss(student_logits, teacher_logits, labels, temperature, alpha_soft):
    """alpha_soft * soft loss + (1 - alpha_soft) * hard loss, as the lab computes it."""
    return distillation.distillation_loss(student_logits, teacher_logits, labels, temperature, alpha_soft)


@torch.no_grad()
def cached_logits(teacher, images, batch_size):
    """The teacher's logits of all images in eval mode, float32 array (N, classes); the teacher's mode is put back."""
    was = teacher.training
    logits = [teacher.eval()(part).float() for part in images.split(batch_size)]
    teacher.train(was)
    return torch.cat(logits).numpy()
