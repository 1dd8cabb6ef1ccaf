"""The comparisons of the checks, where `test_bank.py` and the lessons do not go."""

import numpy as np
import pytest

from autograder.checks.expect import Mistake, close


@pytest.mark.parametrize("got", [1.0, 1e308, -np.inf, np.nan])
def test_only_infinity_is_close_to_infinity(got):
    """A share of infinity is infinite; as a tolerance it would let every number pass."""
    close(np.array([np.inf, 2.0]), np.array([np.inf, 2.0]), rel=1e-6, what="it")
    with pytest.raises(Mistake):
        close(np.array([got, 2.0]), np.array([np.inf, 2.0]), rel=1e-6, abs=1.0, what="it")
