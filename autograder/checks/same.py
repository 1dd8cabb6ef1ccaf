"""Whether two values from the wire are the same, up to how numbers are rounded."""

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.sandbox import wire, wire_modules

Tolerance = Callable[[Any, Any], bool]


def from_tensor(tensor: Any) -> np.ndarray:
    """A tensor as an array; NumPy has no bfloat16, so that becomes float32."""
    tensor = tensor.detach()
    return (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()


def TIGHT(a: Any, b: Any) -> bool:
    """Arrays that differ by float rounding only."""
    return bool(np.allclose(a, b, rtol=1e-5, atol=1e-8, equal_nan=True))


def LOOSE(a: Any, b: Any) -> bool:
    """Arrays that differ by a ten-thousandth of the largest number in them, as the same formula in other arithmetic may."""
    finite = np.abs(b)[np.isfinite(b)]
    return bool(np.allclose(a, b, rtol=0, atol=1e-4 * float(finite.max()) if finite.size else 0, equal_nan=True))


def same_data(a: Any, b: Any, exact: bool = False, tolerance: Tolerance = TIGHT) -> bool:
    """Whether two values from the wire are the same up to `tolerance`; with `exact`, arrays of one data type, too.

    Modules are the same if their layers and configurations are, and their tensors are the same in this sense.
    """
    if isinstance(a, (list, tuple)) and type(a) is type(b):
        if exact or not (a and len(a) == len(b) and all(type(each) is float for each in (*a, *b))):
            return len(a) == len(b) and all(same_data(x, y, exact, tolerance) for x, y in zip(a, b))
        a, b = np.array(a), np.array(b)  # a list of numbers has one scale
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same_data(a[k], b[k], exact, tolerance) for k in a)
    if wire_modules.is_module(a) or wire_modules.is_module(b):
        try:
            return type(a) is type(b) and wire_modules.same(
                wire.described(a), wire.described(b), lambda x, y: same_data(x, y, exact, tolerance)
            )
        except wire_modules.Refused:
            return False
    if hasattr(a, "detach") and hasattr(b, "detach"):
        if exact and a.ndim and a.dtype != b.dtype:  # bfloat16 would become float32
            return False
        a, b = from_tensor(a), from_tensor(b)
    numeric = (np.ndarray, np.generic, bool, int, float, complex)
    if isinstance(a, numeric) and isinstance(b, numeric):
        a, b = np.asarray(a), np.asarray(b)
        if a.shape != b.shape or a.dtype.kind == "O" or b.dtype.kind == "O":
            return False
        # A wrong data type is a mistake of its own, so int8 and float must not look alike for arrays; 1 and 1.0 may.
        if (a.ndim or exact) and a.dtype.kind != b.dtype.kind or a.ndim and exact and a.dtype != b.dtype:
            return False
        if a.dtype.kind not in "fc" and b.dtype.kind not in "fc":
            return bool((a == b).all())
        return tolerance(a, b)
    if isinstance(a, wire.Opaque) and isinstance(b, wire.Opaque):
        return a.type_name == b.type_name
    return type(a) is type(b) and a == b
