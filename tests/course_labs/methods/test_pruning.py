"""Channels taken out: what is rebuilt equals what is masked."""

import pytest
import torch

from course_labs.methods import pruning


def test_rebuilt_equals_masked(net, images):
    scores = [torch.rand(width, generator=torch.Generator().manual_seed(width)) for width in net.shape.widths]
    kept = pruning.keep_best(scores, (5, 11, 7))
    small, big = pruning.rebuilt(net, kept), pruning.masked(net, kept)
    with torch.inference_mode():
        assert (small(images) - big(images)).abs().max() < 1e-5
        assert (big(images) - net(images)).abs().max() > 1e-2, "the mask must matter, or the test proves nothing"
    assert small.shape.widths == (5, 11, 7)
    assert small.head.in_features == 7


def test_rebuilding_with_every_channel_changes_nothing(net, images):
    kept = [torch.arange(width) for width in net.shape.widths]
    with torch.inference_mode():
        assert torch.equal(pruning.rebuilt(net, kept)(images), net(images))


def test_keep_best_keeps_the_highest_in_their_order():
    kept = pruning.keep_best([torch.tensor([0.3, 0.8, 0.1, 0.9])], (2,))
    assert kept[0].tolist() == [1, 3]
    assert pruning.keep_best([torch.ones(6)], (3,))[0].tolist() == [0, 1, 2], "ties keep exactly k"
    with pytest.raises(ValueError):
        pruning.keep_best([torch.ones(4)], (5,))


def test_importance_is_zero_for_a_channel_without_effect(net, digits):
    """A channel that the head ignores cannot change the loss; one that it reads can."""
    net.head.weight.data[:, 3] = 0
    scores = pruning.channel_importance(net, digits, images=128)
    assert scores[-1][3] == 0
    assert (scores[-1] > 0).sum() >= 10
    assert [len(s) for s in scores] == [16, 32, 16]
