"""The visible checks of lesson 00."""

import numpy as np

from autograder.checks import exercise
from autograder.checks.expect import equal, whole_number


@exercise("0.1-bytes")
def test_bytes_of_small_arrays(student, rng):
    cases = (
        (np.zeros((2, 3), np.float32), 24),
        (np.zeros(5, np.int8), 5),
        (np.zeros((2, 2, 2), np.float64), 64),
        (np.zeros((100, 20), np.float16), 4000),
        (np.zeros((3, 0), np.float32), 0),
    )
    got = [student.weight_bytes(array) for array, _ in cases]
    for answer, (array, want) in zip(got, cases):
        on = f"shape {array.shape}, {array.dtype}"
        equal(answer, want, what="the bytes of the array", on=on)
        whole_number(answer, "The number of bytes", on)
