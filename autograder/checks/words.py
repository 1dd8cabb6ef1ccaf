"""Values in words: a short, safe picture of whatever came back, and what kind of thing it is. None of these breaks on a value."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from autograder.checks.same import from_tensor
from autograder.sandbox import wire_modules
from autograder.sandbox.wire import Opaque

MOST_SHOWN = 20  # items of a container


def show(value: Any, limit: int = 120) -> str:
    """A short, safe picture of a value."""
    if isinstance(value, Opaque):
        return f"an object of type {value.type_name[:limit]}, which is not data"
    if not wire_modules.is_module(value) and hasattr(value, "detach"):
        value = from_tensor(value)
    if wire_modules.is_module(value):
        inside = [type(each).__name__ for each in value._modules.values()] or [repr(value)]
        text = f"{wire_modules.summary(value)}: {', '.join(inside)}"
    elif isinstance(value, np.ndarray):
        # Six places would make 1e-9 a 0: where they hide a number, all are written with their powers of ten.
        tiny = value.dtype.kind == "f" and bool(((value != 0) & (np.abs(value) < 1e-5)).any())
        with np.printoptions(precision=6, threshold=8, edgeitems=3, suppress=not tiny):
            text = " ".join(str(_few_axes(value)).split()) + (f" (shape {value.shape})" if value.size > 8 else "")
    elif isinstance(value, (float, np.floating)):
        text = f"{value:.7g}"
    elif isinstance(value, np.generic):
        text = str(value)
    elif isinstance(value, int) and value.bit_length() > 400:
        text = kind_of(value)
    elif isinstance(value, (list, tuple)) and _holds_more(value):
        listed = ", ".join(show(each, limit) for each in value[:MOST_SHOWN])
        text = f"[{listed}]" if isinstance(value, list) else f"({listed}{',' if len(value) == 1 else ''})"
    elif isinstance(value, dict) and _holds_more(value.values()):
        text = "{" + ", ".join(f"{key!r:.60}: {show(value[key], limit)}" for key in list(value)[:MOST_SHOWN]) + "}"
    else:
        text = repr(_few_axes(value))
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _holds_more(values: Iterable[Any]) -> bool:
    """Whether something in a container is itself shown by `show`: its `repr` would be long, or more exact than it looks."""
    return any(
        hasattr(each, "shape") or isinstance(each, (list, tuple, dict, Opaque)) or wire_modules.is_module(each)
        for each in list(values)[:MOST_SHOWN]
    )


def call(name: str, args: Iterable[Any], kwargs: Mapping[str, Any], limit: int = 160) -> str:
    """A call as it was made, in a few words: "`soften([[6. 3. 0.]], 3)`"."""
    shown = [show(each, 70) for each in args] + [f"{key}={show(each, 70)}" for key, each in kwargs.items()]
    text = f"{name}({', '.join(shown)})"
    return f"`{text if len(text) <= limit else text[: limit - 4] + '...)'}`"


def case(limit: int = 200, **inputs: Any) -> str:
    """Inputs in words, for `on`: their values where they are few, else shape, data type and range.

    `case(x=x, keep=3)` is "x = [0.5 -0.9] and keep = 3", or "x = 6 x 10 float32 numbers from -1.2 to 3.4 and keep = 3".
    """
    words = [f"{name} = {_in_words(value)}" for name, value in inputs.items()]
    text = ", ".join(words[:-1]) + (" and " if words[1:] else "") + words[-1]
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _in_words(value: Any) -> str:
    found = as_array(value)
    if found is None or found.size <= 12 or found.ndim == 0:
        return show(value)
    sides = " x ".join(map(str, found.shape))
    return f"{sides} {dtype_name(value)} numbers from {show(found.min())} to {show(found.max())}"


def _few_axes(value: Any) -> Any:
    """A value whose text is soon written: of an array with many short axes nothing would be left out, for seconds."""
    if isinstance(value, (list, tuple)):
        return type(value)(map(_few_axes, value[:100]))
    if isinstance(value, dict):
        return {key: _few_axes(value[key]) for key in list(value)[:100]}
    if isinstance(value, (str, bytes)):
        return value[:200]
    if isinstance(value, int) and value.bit_length() > 1000:
        return Opaque(kind_of(value))
    many = not wire_modules.is_module(value) and getattr(value, "ndim", 0) > 3
    return value.reshape(-1) if many else value


def kind_of(value: Any) -> str:
    """What a value is, in words: "a list of 3 entries", "an array of shape (2, 3)", "infinity", "an object of type Foo"."""
    if value is None:
        return "None (is a `return` missing?)"
    if isinstance(value, Opaque):
        return f"an object of type {value.type_name}"
    if wire_modules.is_module(value):
        return wire_modules.summary(value)
    if isinstance(value, (bool, np.bool_)):
        return f"{value} (a truth value)"
    if isinstance(value, (float, np.floating)) and not np.isfinite(value):
        return "NaN" if np.isnan(value) else "infinity" if value > 0 else "minus infinity"
    if isinstance(value, int) and value.bit_length() > 1000:
        return f"an integer of {value.bit_length()} bits"
    if hasattr(value, "ndim") and not isinstance(value, np.generic):
        holds = dtype_name(value) or "object"
        holds = "text" if holds.startswith("<U") else holds
        return f"{_article(holds)} {'tensor' if hasattr(value, 'detach') else 'array'} of shape {tuple(value.shape)}"
    if isinstance(value, (list, tuple, dict)):
        name = "list" if isinstance(value, list) else "tuple" if isinstance(value, tuple) else "dict"
        return f"a {name} of {counted(len(value), 'entry', 'entries')}" if value else f"an empty {name}"
    if isinstance(value, str):
        return f"the text {show(value, 40)}"
    return type_of(value)


def type_of(value: Any) -> str:
    return _article(dtype_name(value) or type(value).__name__)


def _article(name: str) -> str:
    return f"{'an' if name[0] in 'aeio' else 'a'} {name}"  # a uint8


def counted(number: int, one: str, more: str) -> str:
    """A number with its noun: "1 entry", "3 entries"."""
    return f"{number} {one if number == 1 else more}"


def shown_apart(got: Any, want: Any) -> str:
    """What came; where its picture is that of what was wanted, with what tells them apart."""
    shown, kinds = show(got), (kind_of(got), kind_of(want))
    if shown != show(want):
        return shown
    if single(got) is None or single(want) is None:
        return (
            f"{shown}, {kinds[0]} where {kinds[1]} is expected"
            if kinds[0] != kinds[1]
            else f"{shown}, which differs where nothing is shown"
        )
    with np.errstate(all="ignore"):
        by = complex(single(got)) - complex(single(want))
    if by == 0 or by != by:
        return f"{shown}, {type_of(got)}"
    return f"{shown}, {type_of(got)} ({by.real:+.3g} off)" if not by.imag else f"{shown}, {type_of(got)} ({by:.3g} off)"


def on_input(on: Any) -> str:
    if on is None:
        return ""
    return f", for {on if isinstance(on, str) else show(on)}"


# What the words are made from


def shape_in_words(shape: Sequence[int]) -> str:
    return f"shape {shape}" if len(shape) else "a single number"


def dtype_name(value: Any) -> str | None:
    # A layer inside a module can have any name, also that of an attribute of arrays.
    found = None if wire_modules.is_module(value) else getattr(value, "dtype", None)
    return None if found is None else str(found).removeprefix("torch.")


def single(value: Any) -> Any:
    """A Python or NumPy number as it is, the number in an array or tensor of shape (); None for anything else."""
    if isinstance(value, int):
        return value
    found = as_array(value)
    return None if found is None or found.shape else found[()]


def as_array(value: Any) -> np.ndarray | None:
    if wire_modules.is_module(value):
        return None
    if hasattr(value, "detach"):
        value = from_tensor(value)
    if isinstance(value, (np.ndarray, np.generic, bool, int, float, complex)):
        array = np.asarray(value)
        return array if array.dtype.kind in "biufc" else None
    return None
