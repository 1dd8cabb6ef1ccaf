"""The hidden checks of lesson 00."""

import numpy as np

from autograder.checks import exercise
from autograder.checks.expect import equal, whole_number

TYPES = (np.float16, np.float32, np.float64, np.int8, np.uint8, np.int16, np.int32, np.int64, np.uint64, np.complex64, np.complex128)


def check_bytes(student, rng, shape, kind):
    array = rng.integers(0, 2, shape).astype(kind)
    on = f"shape {shape}, {array.dtype}"
    answer = student.weight_bytes(array)
    equal(answer, array.nbytes, what="the bytes of the array", on=on)
    # NumPy's own product of the shape () is the float 1.0: who builds on it has counted right, and no array of weights is like that.
    if shape:
        whole_number(answer, "The number of bytes", on)


@exercise("0.1-bytes", points=7)
def test_bytes_of_random_arrays(student, rng):
    for at, kind in enumerate(TYPES):
        check_bytes(student, rng, tuple(int(n) for n in rng.integers(2, 9, 1 + at % 4)), kind)


@exercise("0.1-bytes", points=3)
def test_bytes_of_odd_shapes(student, rng):
    for shape in ((), (0,), (3, 0, 2), (1, 1, 1, 1)):
        check_bytes(student, rng, shape, TYPES[int(rng.integers(len(TYPES)))])
