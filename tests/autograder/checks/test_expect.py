"""The comparisons of the checks, where `test_bank.py` and the lessons do not go."""

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
