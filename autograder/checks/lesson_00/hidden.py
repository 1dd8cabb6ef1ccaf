"""The hidden checks of lesson 00."""

import numpy as np

from autograder.checks import exercise
from autograder.checks.expect import equal

TYPES = (np.float16, np.float32, np.float64, np.int8, np.uint8, np.int16, np.int32, np.int64)


@exercise("0.1-bytes", points=7)
def test_bytes_of_random_arrays(student, rng):
    for kind in TYPES:
        shape = tuple(int(n) for n in rng.integers(1, 9, int(rng.integers(1, 4))))
        got = student.weight_bytes(np.zeros(shape, kind))
        want = int(np.prod(shape)) * np.dtype(kind).itemsize
        equal(got, want, what="the bytes of the array", on=f"shape {shape}, {np.dtype(kind)}")


@exercise("0.1-bytes", points=3)
def test_bytes_of_odd_shapes(student, rng):
    for shape in ((), (0,), (3, 0, 2), (1, 1, 1, 1)):
        kind = TYPES[int(rng.integers(len(TYPES)))]
        got = student.weight_bytes(np.zeros(shape, kind))
        want = int(np.prod(shape)) * np.dtype(kind).itemsize
        equal(got, want, what="the bytes of the array", on=f"shape {shape}, {np.dtype(kind)}")
