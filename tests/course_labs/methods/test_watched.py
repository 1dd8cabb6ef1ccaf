"""A training that leads nowhere stops and says so; one that is merely slow goes on."""

import pytest
import torch
from torch import nn

from course_labs import Recipe
from course_labs.methods import training
from course_labs.methods.watched import TrainingFailed, Watch


def epochs(watch, logits, labels, count, value=1.0):
    for step in range(count * watch.per_epoch):
        watch.saw(step, logits, labels, torch.tensor(value))


def test_a_network_at_chance_is_stopped_after_its_first_epochs():
    labels = torch.arange(400) % 4
    with pytest.raises(TrainingFailed, match="after 3 epochs it gets 25.0 % .* chance alone 25.0 %"):
        epochs(Watch(labels, steps=60, per_epoch=2), torch.zeros(400, 4), labels, 30)
    with pytest.raises(TrainingFailed, match="after 10 epochs"):
        epochs(Watch(labels, steps=200, per_epoch=2), torch.zeros(400, 4), labels, 100)
    epochs(Watch(labels, steps=4, per_epoch=2), torch.zeros(400, 4), labels, 2)  # too short to judge
    epochs(Watch(labels, steps=60, per_epoch=2, judged=False), torch.zeros(400, 4), labels, 30)


def test_a_network_that_learns_a_rare_class_slowly_goes_on():
    """It still answers with the commonest class, but knows already where that is doubtful."""
    labels = (torch.arange(1000) % 20 == 0).long()
    logits = torch.stack([torch.full((1000,), 3.5), 2.0 * labels], dim=1)
    assert bool((logits.argmax(1) == 0).all())
    epochs(Watch(labels, steps=60, per_epoch=2), logits, labels, 30)
    with pytest.raises(TrainingFailed):
        epochs(Watch(labels, steps=60, per_epoch=2), torch.tensor([[2.944, 0.0]]).expand(1000, 2), labels, 30)


def test_a_loss_that_is_no_number_is_seen_within_ten_steps():
    labels = torch.arange(8) % 2
    watch = Watch(labels, steps=100, per_epoch=50)
    with pytest.raises(TrainingFailed, match=r"no longer a number at step 10 of 100 \(epoch 1 of 2\)"):
        for step in range(20):
            watch.saw(step, torch.zeros(8, 2), labels, torch.tensor(1.0 if step < 3 else float("nan")))


def test_training_itself_stops(digits):
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    with pytest.raises(TrainingFailed, match="no longer a number"):
        training.train(net, digits, Recipe(1, 1e30, batch=64), training.cross_entropy, 0)
    stuck = nn.Sequential(nn.Flatten(), nn.Linear(64, 10), nn.ReLU(), nn.Linear(10, 10))
    with torch.no_grad():
        stuck[1].bias.fill_(-1e6)  # a dead ReLU: only the last bias can learn
    with pytest.raises(TrainingFailed, match="after 3 epochs"):
        training.train(stuck, digits, Recipe(12, 0.01, batch=256), training.cross_entropy, 0, judged=True)
