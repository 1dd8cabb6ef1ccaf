"""Parameters, MACs and latencies."""

import copy

import numpy as np
import pytest
import torch

from course_labs.measuring import measure
from course_labs.networks.convnet import folded


def test_macs_against_a_hand_count(net):
    """8×8 images: 64 outputs × 16 × 9·1, then 4×4 = 16 × 32 × 9·16, then 16 × 16 × 9·32, then 16·10."""
    assert measure.macs(net, torch.zeros(1, 1, 8, 8)) == 64 * 16 * 9 + 16 * 32 * 144 + 16 * 16 * 288 + 160


def test_parameters_against_a_hand_count(net):
    """Folded: weights and biases of three convolutions and of the linear layer."""
    assert measure.parameters(folded(copy.deepcopy(net))) == (9 * 16 + 16) + (144 * 32 + 32) + (288 * 16 + 16) + (160 + 10)


def test_latencies_take_turns_and_are_all_there():
    log = []
    times = measure.latencies({"a": lambda: log.append("a"), "b": lambda: log.append("b")}, 45, block=20)
    assert {name: len(t) for name, t in times.items()} == {"a": 45, "b": 45}
    timed = "".join(log[100:])
    assert timed.count("a") == timed.count("b") == 3 * 25
    assert {timed[i : i + 50].count("a") for i in (0, 50, 100)} == {25}, "each round holds a block of both"


def test_percentiles_are_in_milliseconds_and_ordered():
    found = measure.percentiles(np.arange(1, 102) / 10)
    expected = {"median_ms": 5.1, "p10_ms": 1.1, "p90_ms": 9.1, "p95_ms": 9.6, "p99_ms": 10.0, "calls": 101}
    assert found == {name: pytest.approx(value) for name, value in expected.items()}


def test_one_thread_restores():
    before = torch.get_num_threads()
    with pytest.raises(RuntimeError), measure.one_thread():
        assert torch.get_num_threads() == 1
        raise RuntimeError
    assert torch.get_num_threads() == before
