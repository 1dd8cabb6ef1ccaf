"""The weights that a training starts from."""

import torch

from course_labs.methods import training
from course_labs.methods.training import Recipe
from course_labs.networks import first_weights
from course_labs.networks.convnet import ConvNet, Shape, normalise


def test_the_first_layer_whitens_and_the_others_begin_as_the_identity(digits):
    net = first_weights.prepare(ConvNet(Shape((20, 32, 16), (1, 1, 1)), 1, 10), digits, seed=0)
    answers = net.convs[0](normalise(digits.train.images, digits.mean, digits.std))[:, :9, 1:-1, 1:-1].detach()
    answers = answers.permute(1, 0, 2, 3).flatten(1)
    second_moments = answers @ answers.T / answers.shape[1]
    assert (second_moments - torch.eye(9)).abs().max() < 0.05, "some thousand patches of another draw"
    assert torch.equal(net.convs[0].weight[:9], -net.convs[0].weight[9:18])
    x = torch.randn(2, 20, 6, 6)
    assert torch.equal(net.convs[1](x)[:, :20], x)


def test_training_leaves_the_whitening_alone(digits):
    net = first_weights.prepare(ConvNet(Shape((16, 16), (1, 2)), 1, 10), digits, seed=0)
    before = [conv.weight.clone() for conv in net.convs]
    training.train(net, digits, Recipe(0.2, 0.1, batch=64), training.cross_entropy, seed=0)
    assert torch.equal(before[0], net.convs[0].weight) and not torch.equal(before[1], net.convs[1].weight)
