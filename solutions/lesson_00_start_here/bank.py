"""The bank of lesson 00: answers that students really give, and right answers written differently."""

import numpy as np

from autograder.checks import right, wrong


@wrong("0.1-bytes", "counts the numbers and forgets how many bytes one of them takes")
def weight_bytes(weights):
    return weights.size


@wrong("0.1-bytes", "takes 4 bytes for every number; that holds for float32 only")
def weight_bytes(weights):
    return weights.size * 4


@wrong("0.1-bytes", "counts the rows only: len gives the first dimension, not the number of elements")
def weight_bytes(weights):
    return len(weights) * weights.itemsize


@wrong("0.1-bytes", "counts bits; eight of them make a byte")
def weight_bytes(weights):
    return weights.size * weights.itemsize * 8


@wrong("0.1-bytes", "multiplies by the number of dimensions instead of the bytes of one number")
def weight_bytes(weights):
    return weights.size * weights.ndim


@right("0.1-bytes", "NumPy's own count")
def weight_bytes(weights):
    return weights.nbytes


@right("0.1-bytes", "the product of the shape, as a NumPy integer")
def weight_bytes(weights):
    return np.prod(weights.shape, dtype=np.int64) * weights.dtype.itemsize


@right("0.1-bytes", "the length of its raw bytes")
def weight_bytes(weights):
    return len(weights.tobytes())


@right("0.1-bytes", "the shape multiplied up in a loop")
def weight_bytes(weights):
    count = 1
    for side in weights.shape:
        count *= side
    return count * weights.dtype.itemsize


@right("0.1-bytes", "NumPy's product of the shape as it comes")
def weight_bytes(weights):
    return np.prod(weights.shape) * weights.itemsize


@wrong("0.1-bytes", "returns a float; bytes are counted, so their number is an integer")
def weight_bytes(weights):
    return float(weights.size * weights.itemsize)


@wrong("0.1-bytes", "takes 4 bytes for every number with a point; there are floats of 2 and of 8 bytes, too")
def weight_bytes(weights):
    return weights.size * (4 if weights.dtype.kind == "f" else weights.itemsize)


@wrong("0.1-bytes", "multiplies the first side by the last; the number of elements is the product of all sides")
def weight_bytes(weights):
    return weights.shape[0] * weights.shape[-1] * weights.itemsize


@wrong("0.1-bytes", "counts only the numbers that are not 0; a 0 takes as many bytes as any other")
def weight_bytes(weights):
    return int(np.count_nonzero(weights)) * weights.itemsize


@wrong("0.1-bytes", "gives an array without elements the bytes of one")
def weight_bytes(weights):
    return max(1, weights.size) * weights.itemsize
