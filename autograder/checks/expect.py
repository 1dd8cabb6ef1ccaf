"""The comparisons that checks use. Each raises `Mistake`: what was asked, what came, on which input.

NumPy arrays, NumPy scalars, Python numbers and torch tensors are compared by value; the shape counts.
"""

import numpy as np

from autograder import wire_modules
from autograder.checks.faults import StudentError
from autograder.wire import Opaque


class Mistake(AssertionError):
    """A check's verdict on a wrong answer, in words for the student."""


def that(condition, message):
    """Raise `Mistake(message)` unless `condition` is true."""
    if not condition:
        raise Mistake(message)


def close(got, want, *, abs=None, rel=None, what, on=None):
    """Same shape, and every |got - want| <= abs + rel * |want| (NaN and infinity must match exactly).

    Give at least one of `abs` and `rel`; both are derived by the caller, never guessed.
    """
    if abs is None and rel is None:
        raise TypeError("close() needs abs or rel")
    got_array, want_array = _comparable(got, want, what, on)
    with np.errstate(all="ignore"):
        allowed = (abs or 0.0) + (rel or 0.0) * np.abs(want_array.astype(complex if _is_complex(want_array) else float))
        # A share of infinity is infinite: it would let every number pass.
        allowed = np.where(np.isfinite(allowed), allowed, -1.0)
        wide = complex if _is_complex(got_array) or _is_complex(want_array) else float
        difference = np.abs(got_array.astype(wide) - want_array.astype(wide))
        same = (got_array == want_array) | (np.isnan(_real(got_array)) & np.isnan(_real(want_array)))
        good = same | (difference <= allowed)
    if not good.all():
        raise Mistake(_told(got_array, want_array, good, what, on))


def equal(got, want, *, what, on=None):
    """Exactly equal values of the same shape. The data type may differ (see `dtype`)."""
    if isinstance(want, (str, bytes, type(None), list, tuple, dict)):
        if type(got) is not type(want) or got != want:
            raise Mistake(f"{what}: expected {show(want)}, got {show(got)}{_on(on)}")
        return
    got_array, want_array = _comparable(got, want, what, on)
    good = got_array == want_array
    if not good.all():
        raise Mistake(_told(got_array, want_array, good, what, on))


def dtype(got, wanted, *, what):
    """`got` is an array (or scalar) of data type `wanted`."""
    # A layer inside a module can have any name, also that of an attribute of arrays.
    have = None if wire_modules.is_module(got) else getattr(got, "dtype", None)
    if have is None or str(have).removeprefix("torch.") != str(np.dtype(wanted)):
        raise Mistake(f"{what}: expected data type {np.dtype(wanted)}, got {have if have is not None else kind_of(got)}")


def raises(expected, call, *, what):
    """`call()` must make the student's code raise `expected` (a built-in exception class) or a subclass."""
    try:
        got = call()
    except StudentError as error:
        if expected.__name__ in (error.type_name, *error.mro):
            return
        raise Mistake(f"{what}: expected {expected.__name__}, but {error}") from None
    raise Mistake(f"{what}: expected {expected.__name__}, but the call returned {show(got)}")


def letter(value, name):
    """The choice in a predict question, as one lower-case letter: "c", "C" and "(c)" are the same."""
    chosen = plain_letter(value)
    that(chosen in ("a", "b", "c", "d"), f'Write one letter in quotes: "a", "b", "c" or "d". Here `{name}` is {show(value)}.')
    return chosen


def plain_letter(value):
    """A text without spaces, brackets and capitals; None for anything else."""
    return value.strip().strip("()").strip().lower() if isinstance(value, str) else None


def is_integer(value):
    """A Python or NumPy integer (not a bool)."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def is_number(value):
    """A finite real number: Python's, NumPy's, or an array of shape ()."""
    if isinstance(value, np.ndarray):
        value = value[()] if value.shape == () else None
    real = (int, float, np.integer, np.floating)
    return isinstance(value, real) and not isinstance(value, bool) and bool(abs(value) < 1e300)


def show(value, limit=120):
    """A short, safe picture of a value."""
    if isinstance(value, Opaque):
        return f"an object of type {value.type_name}, which is not data"
    if not wire_modules.is_module(value) and hasattr(value, "detach"):
        value = from_tensor(value)
    if wire_modules.is_module(value):
        inside = [type(each).__name__ for each in value._modules.values()] or [repr(value)]
        text = f"{wire_modules.summary(value)}: {', '.join(inside)}"
    elif isinstance(value, np.ndarray):
        with np.printoptions(precision=6, threshold=8, edgeitems=3, suppress=True):
            text = " ".join(str(_few_axes(value)).split()) + (f" (shape {value.shape})" if value.size > 8 else "")
    elif isinstance(value, (float, np.floating)):
        text = f"{value:.7g}"
    elif isinstance(value, np.generic):
        text = str(value)
    else:
        text = repr(_few_axes(value))
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _few_axes(value):
    """A value whose text is soon written: of an array with many short axes nothing would be left out, for seconds."""
    if isinstance(value, (list, tuple)):
        return type(value)(map(_few_axes, value[:100]))
    if isinstance(value, dict):
        return {key: _few_axes(value[key]) for key in list(value)[:100]}
    many = not wire_modules.is_module(value) and getattr(value, "ndim", 0) > 3
    return value.reshape(-1) if many else value


def kind_of(value):
    """What a value is, in words: "a list", "an object of type Foo"."""
    if value is None:
        return "None (is a `return` missing?)"
    if isinstance(value, Opaque):
        return f"an object of type {value.type_name}"
    if wire_modules.is_module(value):
        return wire_modules.summary(value)
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def from_tensor(tensor):
    """A tensor as an array; NumPy has no bfloat16, so that becomes float32."""
    tensor = tensor.detach()
    return (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()


def _array(value):
    if wire_modules.is_module(value):
        return None
    if hasattr(value, "detach"):
        value = from_tensor(value)
    if isinstance(value, (np.ndarray, np.generic, bool, int, float, complex)):
        array = np.asarray(value)
        return array if array.dtype != object else None
    return None


def _comparable(got, want, what, on):
    want_array = _array(want)
    got_array = _array(got)
    if got_array is None:
        kind = "an array" if want_array.ndim else "a number"
        raise Mistake(f"{what}: expected {kind}, got {kind_of(got)}{_on(on)}")
    if got_array.shape != want_array.shape:
        raise Mistake(f"{what}: expected {_shape(want_array)}, got {_shape(got_array)}{_on(on)}")
    return got_array, want_array


def _shape(array):
    return f"shape {array.shape}" if array.ndim else "a single number"


def _is_complex(array):
    return np.iscomplexobj(array)


def _real(array):
    return array if array.dtype.kind in "fc" else array.astype(float)


def _told(got, want, good, what, on):
    if want.ndim == 0:
        return f"{what}: expected {show(want[()])}, got {show(got[()])}{_on(on)}"
    if want.size <= 8:
        return f"{what}: expected {show(want)}, got {show(got)}{_on(on)}"
    where = tuple(int(i) for i in np.argwhere(~good)[0])
    index = where[0] if len(where) == 1 else where
    return (
        f"{what}: {int((~good).sum())} of {want.size} values are wrong; the first is at [{index}]: "
        f"expected {show(want[where])}, got {show(got[where])}{_on(on)}"
    )


def _on(on):
    if on is None:
        return ""
    return f", for {on if isinstance(on, str) else show(on)}"
