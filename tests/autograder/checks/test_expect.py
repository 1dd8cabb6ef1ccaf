"""The comparisons of the checks, where `test_bank.py` and the lessons do not go."""

import re
import time

import numpy as np
import pytest
import torch

from autograder.checks.expect import Mistake, close, equal, several, show


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


def test_several_values_come_as_a_tuple_or_a_list_of_that_many():
    assert several((1, 2), 2, "halves") == (1, 2) and several([1, 2, 3], 3, "thirds", "n = 3") == [1, 2, 3]
    with pytest.raises(Mistake, match="halves should return two values; it returned 3"):
        several((1, 2, 3), 2, "halves")
    with pytest.raises(Mistake, match="halves should return two values; it returned a float64 array of shape .2,."):
        several(np.zeros(2), 2, "halves")
    with pytest.raises(Mistake, match="n = 3"):
        several(None, 2, "halves", "n = 3")


@pytest.mark.parametrize(
    "got, want, says",
    [
        ([1, 2, 3], [1, 2, 4], "; they part at [2]"),
        ([1, 2], [1, 2, 3], "; they part after 2 entries"),
        ([[1, 2], [3]], [[1, 2], [3, 4]], "; they part at [1], after 1 entry"),
        ({"a": (1, 2)}, {"a": (1, 3)}, "; they part at ['a'][1]"),
        ({"a": 1}, {"b": 1}, "; they part at ['b']"),
        ([0, 2], [1, 2], ""),
        ((1,), [1], ""),
        ("ab", "ac", ""),
        (np.array([1, 2, 3]), np.array([1, 5, 3]), "; they part at [1]"),
        (np.array([[1, 2], [3, 4]]), np.array([[1, 2], [0, 4]]), "; they part at [1, 0]"),
        (np.array([1, 2]), np.array([0, 2]), ""),
    ],
)
def test_a_message_says_where_two_values_part_unless_it_is_at_once(got, want, says):
    with pytest.raises(Mistake) as caught:
        equal(got, want, what="it", on="x = 3")
    assert str(caught.value) == f"it: expected {show(want)}, got {show(got)}{says}, for x = 3"
