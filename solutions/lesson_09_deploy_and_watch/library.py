"""What later lessons and labs may take from this one: the course's functions. They obey the laws of the checks."""

import numpy as np


def psi(p, q):
    """The population stability index of two arrays of shares, shape (bins,), all above 0."""
    return float(np.dot(p - q, np.log(p) - np.log(q)))
