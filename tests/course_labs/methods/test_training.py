"""Training: recipes, views of images, which images sit out."""

import copy
import dataclasses

import pytest
import torch
from torch import nn

from course_data import Split
from course_labs.methods import distillation, training
from course_labs.methods.training import Recipe
from course_labs.networks.convnet import ConvNet, Shape, normalise


def test_normalised_training_images_have_mean_zero_and_spread_one(digits):
    x = normalise(digits.train.images, digits.mean, digits.std)
    assert abs(float(x.mean())) < 1e-5 and float(x.std()) == pytest.approx(1, abs=1e-3)


def test_a_short_training_learns_and_repeats(digits):
    def run():
        torch.manual_seed(0)
        return training.train(ConvNet(Shape((16, 16), (1, 2)), 1, 10), digits, Recipe(3, 0.1, batch=64), training.cross_entropy, seed=3)

    first, second = run(), run()
    assert not first.training
    assert training.accuracy(first, digits.val, digits) > 0.7
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values()))


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_the_shortest_trainings_end(digits, steps):
    few = dataclasses.replace(digits, train=Split(digits.train.images[: 64 * steps], digits.train.labels[: 64 * steps]))
    training.train(ConvNet(Shape((16,), (2,)), 1, 10), few, Recipe(1, 0.1, batch=64), training.cross_entropy, 0)


def test_a_batch_larger_than_the_data_is_refused(digits):
    with pytest.raises(ValueError, match="batch"):
        training.train(ConvNet(Shape((16,), (1,)), 1, 10), digits, Recipe(1, 0.1, batch=5000), training.cross_entropy, 0)


def test_a_view_without_shift_shows_the_images_themselves():
    images = torch.arange(4 * 3 * 5 * 5).remainder(256).byte().view(4, 3, 5, 5)
    chosen = torch.tensor([2, 0])
    out = training.seen(images.permute(0, 2, 3, 1).contiguous(), chosen, training.draw_view(4, Recipe(1, 1), 0, 0))
    assert torch.equal(out, images[chosen]) and out.is_contiguous(memory_format=torch.channels_last)


def test_shifted_images_are_windows_of_one_whose_edge_is_repeated():
    image = torch.arange(1.0, 26).view(1, 1, 5, 5)
    padded = nn.functional.pad(image, [1] * 4, mode="replicate")[0, 0].byte()
    windows = {padded[y : y + 5, x : x + 5].contiguous() for y in range(3) for x in range(3)}
    expected = {w.numpy().tobytes() for w in windows} | {w.flip(1).contiguous().numpy().tobytes() for w in windows}
    view = training.draw_view(400, Recipe(1, 1, shift=1, flip=True), 0, 0)
    out = training.seen(image.byte().permute(0, 2, 3, 1).expand(400, -1, -1, -1).contiguous(), torch.arange(400), view)
    assert {i[0].contiguous().numpy().tobytes() for i in out} == expected


class Listener(nn.Module):
    """Keeps every batch it meets, in `batches`."""

    def __init__(self):
        super().__init__()
        self.layer, self.batches = nn.Linear(64, 10), []

    def forward(self, x):
        self.batches.append(x.detach().clone())
        return self.layer(x.flatten(1).float())


def test_bias_rate_is_that_of_batch_norm_s_biases_alone(digits):
    few = dataclasses.replace(digits, train=Split(digits.train.images[:64], digits.train.labels[:64]))

    def moved(rate):
        torch.manual_seed(0)
        net = ConvNet(Shape((8, 16), (1, 2)), 1, 10)
        before = copy.deepcopy(net.state_dict())
        training.train(net, few, Recipe(1, 0.1, batch=64, bias_rate=rate), training.cross_entropy, 0)
        return {name: value - before[name] for name, value in net.named_parameters()}

    slow, fast = moved(1), moved(16)
    for name, change in slow.items():
        rate = 16 if name.startswith("norms") and name.endswith("bias") else 1
        assert change.abs().max() > 0 and torch.allclose(fast[name], rate * change, rtol=1e-3, atol=1e-7), name


@pytest.mark.parametrize("sit_out, least, most", [(0.0, 1.0, 1.0), (0.5, 0.5, 0.75)])
def test_easy_images_sit_out_some_passes(digits, sit_out, least, most):
    """Images below 5 have no loss at all, the others have one: after the first pass, the easy ones are shown half as often, until the last eighth."""
    met = []

    def loss(logits, labels, said):
        met.append(labels.clone())
        return logits.sum(1) * 0 + (labels >= 5)

    training.train(Listener(), digits, Recipe(16, 0.1, batch=16, sit_out=sit_out), loss, seed=7)
    assert len(met) == 16 * (len(digits.train) // 16), "the same work, whoever sits out"

    def shown(batches):
        labels = torch.cat(batches)
        easy, hard = (labels < 5).sum() / (digits.train.labels < 5).sum(), (labels >= 5).sum() / (digits.train.labels >= 5).sum()
        return float(easy / hard)

    early, late = met[: 12 * len(met) // 16], met[-len(met) // 16 :]
    assert least - 0.02 < shown(early) < most + 0.02
    assert shown(late) == pytest.approx(1, abs=0.02)


def test_sitting_out_needs_a_loss_for_each_image(digits):
    with pytest.raises(ValueError, match="each image"):
        training.train(Listener(), digits, Recipe(1, 0.1, sit_out=0.5), lambda z, y, said: training.cross_entropy(z, y).mean(), seed=0)


def test_the_loss_hears_what_the_teacher_said_of_these_very_images(net, digits):
    """Every batch the student meets is shown to the teacher again here: it must say what was stored."""
    taught = distillation.teach(net, digits, Recipe(1, 0.1, shift=1, flip=True), views=2, seed=5)
    listener, heard = Listener(), []

    def loss(logits, labels, said):
        heard.append(said)
        return training.cross_entropy(logits, labels)

    training.train(listener, digits, Recipe(3, 0.1, batch=256, shift=1, flip=True), loss, seed=9, taught=taught)
    batches = listener.batches
    assert len(batches) == 3 * (len(digits.train) // 256)
    with torch.inference_mode():
        for batch, said in zip(batches, heard, strict=True):
            assert (net(batch) - said).abs().max() < 0.05 * said.abs().max()
    third = len(batches) // 3
    assert not torch.equal(batches[0], batches[2 * third]), "the third epoch meets the first view in another order"
