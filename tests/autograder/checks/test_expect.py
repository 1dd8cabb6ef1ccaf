"""The comparisons of the checks, where `test_bank.py` and the lessons do not go."""

import re
import time

import numpy as np
import pytest
import torch

from autograder.checks.expect import Mistake, close, show


@pytest.mark.parametrize("got", [1.0, 1e308, -np.inf, np.nan])
def test_only_infinity_is_close_to_infinity(got):
    """A share of infinity is infinite; as a tolerance it would let every number pass."""
    close(np.array([np.inf, 2.0]), np.array([np.inf, 2.0]), rel=1e-6, what="it")
    with pytest.raises(Mistake):
        close(np.array([got, 2.0]), np.array([np.inf, 2.0]), rel=1e-6, abs=1.0, what="it")


def test_a_value_with_many_short_axes_is_soon_shown():
    array = np.zeros((2,) * 22, np.int8)
    started = time.monotonic()
    for value in (array, torch.from_numpy(array), [array], {"a": (torch.from_numpy(array),)}):
        assert len(show(value)) <= 120
    assert time.monotonic() - started < 2
    assert show(np.ones((2, 1, 1, 1))) == "[1. 1.]" and show([1, (2.5, "a")]) == "[1, (2.5, 'a')]"


@pytest.mark.parametrize("shape, place", [((20,), "[3]"), ((4, 5), "[0, 3]"), ((2, 2, 5), "[0, 0, 3]")])
def test_the_first_wrong_value_is_found_by_its_index(shape, place):
    got = np.zeros(shape)
    got.flat[3] = 7
    with pytest.raises(Mistake, match=re.escape(f"the first is at {place}: expected 0, got 7")):
        close(got, np.zeros(shape), abs=0.1, what="it")
