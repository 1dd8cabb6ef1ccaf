"""The visible checks of lesson 00."""

import numpy as np

from autograder.checks import exercise
from autograder.checks.expect import equal, that


@exercise("0.1-bytes")
def test_bytes_of_small_arrays(student, rng):
    cases = (
        (np.zeros((2, 3), np.float32), "shape (2, 3), float32", 24),
        (np.zeros(5, np.int8), "shape (5,), int8", 5),
        (np.zeros((2, 2, 2), np.float64), "shape (2, 2, 2), float64", 64),
    )
    got = [student.weight_bytes(array) for array, _, _ in cases]
    for answer, (_, on, want) in zip(got, cases):
        equal(answer, want, what="the bytes of the array", on=on)
        that(
            isinstance(answer, (int, np.integer)),
            f"The bytes should be an integer, because bytes are counted; yours is a {type(answer).__name__}: {answer!s}, for {on}.",
        )
