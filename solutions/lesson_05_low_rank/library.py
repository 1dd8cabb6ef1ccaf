"""What later lessons take from this one where a student's own does not pass: the course's functions. They obey the laws of the checks."""

import numpy as np


def low_rank_factors(w, rank):
    """The best pair of tables of this rank, the singular values' roots in each: (m, rank) and (rank, n)."""
    u, s, vt = np.linalg.svd(w, full_matrices=False)
    root = np.diag(np.sqrt(s[:rank]))
    return u[:, :rank] @ root, root @ vt[:rank]
