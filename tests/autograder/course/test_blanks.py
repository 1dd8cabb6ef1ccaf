"""`___` refuses every use, and blanks are found in code."""

import copy
import operator

import numpy as np
import pytest
import torch

from autograder.course.blanks import BlankError, ___, exercise_named_in, has_blank

USES = {
    "add": lambda b: b + 1,
    "radd": lambda b: 1 + b,
    "inplace": lambda b: operator.iadd(3, b),
    "compare": lambda b: 1 < b,
    "equal": lambda b: b == 1,
    "truth": lambda b: 1 if b else 2,
    "call": lambda b: b(3),
    "attribute": lambda b: b.shape,
    "index": lambda b: b[0],
    "as index": lambda b: [1, 2][b],
    "as slice": lambda b: np.arange(3)[b:],
    "len": len,
    "iterate": list,
    "int": int,
    "float": float,
    "text": str,
    "format": lambda b: f"{b}",
    "dict key": lambda b: {b: 1},
    "range": range,
    "array": np.array,
    "array of": lambda b: np.array([1, b]),
    "array times": lambda b: np.arange(3) * b,
    "numpy scalar times": lambda b: np.float64(2) * b,
    "array equals": lambda b: np.arange(3) == b,
    "array index": lambda b: np.arange(3)[b],
    "numpy function": lambda b: np.clip(3, b, 4),
    "axis": lambda b: np.sum(np.ones((2, 2)), axis=b),
    "shape": lambda b: np.zeros((2, b)),
    "dtype": lambda b: np.zeros(2, dtype=b),
    "tensor": torch.tensor,
    "tensor times": lambda b: torch.ones(2) * b,
    "torch function": lambda b: torch.sum(b),
    "context": lambda b: b.__enter__(),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
def test_every_use_of_a_blank_raises(use):
    with pytest.raises(BlankError, match="still has a blank: fill in ___"):
        use(___)


def test_a_blank_can_be_shown_copied_and_compared_by_identity():
    assert repr(___) == "___ (a blank to fill in)"
    assert copy.copy(___) is ___ and copy.deepcopy([___])[0] is ___


@pytest.mark.parametrize(
    "source, blank",
    [
        ("x = ___", True),
        ("def f(a):\n    return a + ___", True),
        ("x = 1  # ___ is gone", False),
        ("x = '___'", False),
        ("x = ____", False),
        ("x = ___ +", True),  # does not parse: searched as text
        ("x = a___b", False),
    ],
)
def test_blanks_are_found_in_code_only(source, blank):
    assert has_blank(source) is blank


def test_the_exercise_line_names_the_exercise():
    assert exercise_named_in("# Exercise 1.2-scale: find it\nx = 1") == "1.2-scale"
    assert exercise_named_in("x = 1  # Exercise 1.2-scale") is None
