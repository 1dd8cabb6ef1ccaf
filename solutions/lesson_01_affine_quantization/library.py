"""What later lessons take from this one where a student's own does not pass: the course's functions. They obey the laws of the checks."""

import numpy as np


def quantize_rows(w, qmax):
    """Symmetric codes with one scale for each row of `w`: (codes int32 (rows, columns), scales (rows,))."""
    w = np.asarray(w)
    scales = np.linalg.norm(w, ord=np.inf, axis=1) / qmax
    scales[scales == 0] = 1.0
    return np.round(w.T / scales).T.astype(np.int32), scales
