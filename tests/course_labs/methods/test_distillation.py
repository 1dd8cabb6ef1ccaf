"""The distillation loss, against PyTorch's own and its laws."""

import copy

import pytest
import torch
from torch import nn

from course_labs.methods import distillation
from course_labs.methods.training import Recipe


def logits(seed, shape=(64, 10)):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_soft_loss_against_pytorch_own():
    student, teacher, t = logits(1), logits(2), 4.0
    reference = nn.functional.kl_div(
        torch.log_softmax(student / t, 1), torch.log_softmax(teacher / t, 1), reduction="batchmean", log_target=True
    )
    assert distillation.soft_loss(student, teacher, t).item() == pytest.approx(t**2 * reference.item(), rel=1e-12)


def test_soft_loss_is_zero_for_the_teacher_itself_and_positive_otherwise():
    assert distillation.soft_loss(logits(1), logits(1), 3.0).item() == pytest.approx(0, abs=1e-12)
    assert distillation.soft_loss(logits(1), logits(2), 3.0).item() > 0


def test_soft_loss_has_a_direction():
    a, b = logits(1), logits(2)
    assert distillation.soft_loss(a, b, 2.0).item() != pytest.approx(distillation.soft_loss(b, a, 2.0).item(), rel=1e-3)


def test_adding_a_constant_to_an_image_s_logits_changes_nothing():
    shift = logits(3, (64, 1))
    before = distillation.soft_loss(logits(1), logits(2), 2.0)
    assert distillation.soft_loss(logits(1) + shift, logits(2) - shift, 2.0).item() == pytest.approx(before.item(), rel=1e-10)


def test_the_soft_gradient_keeps_its_size_as_the_temperature_rises():
    """For high T the gradient tends to (student − teacher, centred) / (classes · images) (Hinton et al. 2015, eq. 4)."""
    teacher = logits(2)
    teacher -= teacher.mean(1, keepdim=True)
    start = logits(1) - logits(1).mean(1, keepdim=True)
    for temperature in (100.0, 1000.0):
        student = start.clone().requires_grad_()
        distillation.soft_loss(student, teacher, temperature).backward()
        assert torch.allclose(student.grad, (start - teacher) / (10 * 64), rtol=0.1, atol=1e-5)


def test_alpha_is_the_share_of_the_soft_loss():
    student, teacher, labels = logits(1), logits(2), torch.arange(64) % 10
    hard = nn.functional.cross_entropy(student, labels)
    soft = distillation.soft_loss(student, teacher, 2.0)

    def at(alpha):
        return distillation.distillation_loss(student, teacher, labels, 2.0, alpha).item()

    assert at(0.0) == pytest.approx(hard.item())
    assert at(1.0) == pytest.approx(soft.item())
    assert at(0.3) == pytest.approx(0.3 * soft.item() + 0.7 * hard.item())


def test_nonsense_settings_are_refused():
    with pytest.raises(ValueError, match="temperature"):
        distillation.soft_loss(logits(1), logits(2), 0.0)
    with pytest.raises(ValueError, match="alpha"):
        distillation.distillation_loss(logits(1), logits(2), torch.zeros(64).long(), 2.0, 1.5)


def test_the_teacher_stays_as_it_was(net, digits):
    before = copy.deepcopy(net.state_dict())
    taught = distillation.teach(net.train(), digits, Recipe(1, 0.1, shift=1), views=2, seed=0)
    assert taught.logits.shape == (2, len(digits.train), 10)
    assert not net.training
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items()), "batch norm's statistics would move in train mode"
    assert all(p.grad is None for p in net.parameters())
