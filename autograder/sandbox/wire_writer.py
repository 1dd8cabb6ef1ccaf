"""Values to bytes: what `wire` sends.

It runs in the student's process and in the grader's, and what it is given may be any object: content is read with the plain
types' own methods. torch is used only where something else has already imported it.
"""

import struct
import sys
from collections.abc import Callable
from json import dumps
from typing import Any

import numpy as np

if __package__:
    from autograder.sandbox import wire_modules
    from autograder.sandbox.wire_format import HEADER, MAGIC, NUMPY_DTYPES, TORCH_DTYPES, Limits, Opaque, WireError, text_width, type_name
else:  # inside the sandbox these files stand alone
    import wire_modules
    from wire_format import HEADER, MAGIC, NUMPY_DTYPES, TORCH_DTYPES, Limits, Opaque, WireError, text_width, type_name

__all__ = ["described", "encode"]

SMALL_INT = 1 << 62
SHORT_TEXT = 256


def encode(value: Any, limits: Limits = Limits()) -> bytes:
    """The message for `value`, as bytes. Raises `WireError` for a value over the limits.

    A subclass of a plain container, number or text (a named tuple, an OrderedDict, NumPy's `str_`) crosses as what it
    holds: its content is read with the plain type's own methods, once, whatever its own say. Subclasses of arrays and
    tensors cross as `Opaque`. Arrays arrive in C order and native byte order, those of texts with NumPy's type for text.
    """
    writer = _Writer(limits)
    text = dumps(writer.node(value, 0), separators=(",", ":"), allow_nan=False).encode("ascii")
    size = HEADER.size + len(text) + writer.size
    if size > limits.bytes:
        raise WireError(f"the value takes {size} bytes; the limit is {limits.bytes}")
    return b"".join([HEADER.pack(MAGIC, len(text)), text, *writer.buffers])


def described(module: Any, limits: Limits = Limits()) -> dict[str, list]:
    """A module as plain data (see `wire_modules`). Raises `wire_modules.Refused` if it cannot cross."""
    return wire_modules.describe(module, _tensor_may_cross, limits.layers, limits.depth)


class _Writer:
    def __init__(self, limits: Limits) -> None:
        self.limits, self.nodes, self.size = limits, 0, 0
        self.buffers: list[bytes] = []

    def buffer(self, data: bytes) -> None:
        self.size += len(data)
        if self.size > self.limits.bytes:
            raise WireError(f"the value takes more than {self.limits.bytes} bytes")
        self.buffers.append(data)

    def node(self, value: Any, depth: int) -> Any:
        self.nodes += 1
        if self.nodes > self.limits.nodes:
            raise WireError(f"more than {self.limits.nodes} values in one message")
        if depth > self.limits.depth:
            raise WireError(f"values nested more than {self.limits.depth} deep")
        value = _plain(value)
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is int:
            if abs(value) < SMALL_INT:
                return value
            if value.bit_length() > self.limits.int_bits:
                raise WireError(f"an integer of {value.bit_length()} bits; the limit is {self.limits.int_bits}")
            return {"i": hex(value)}
        if kind is float:
            return {"f": _bits(value)}
        if kind is complex:
            return {"c": _bits(value.real) + _bits(value.imag)}
        if kind is str:
            return self.text(value)
        if kind is bytes:
            self.buffer(value)
            return {"b": len(value)}
        if kind is list:
            return [self.node(item, depth + 1) for item in value]
        if kind is tuple:
            return {"t": [self.node(item, depth + 1) for item in value]}
        if kind is dict:
            pairs = [(_plain_key(key), item) for key, item in value.items()]
            if all(type(key) in (str, int) for key, _ in pairs) and len(dict(pairs)) == len(pairs):
                return {"d": [[self.node(key, depth + 1), self.node(item, depth + 1)] for key, item in pairs]}
        if kind is Opaque:
            return {"o": type_name(value.type_name)}
        if wire_modules.is_module(value):
            return self.module(value, depth)
        return self.array(value, kind) or {"o": type_name(kind.__name__)}

    def text(self, value: str) -> str | dict[str, int]:
        if len(value) <= SHORT_TEXT:
            return value
        data = value.encode("utf-8", "surrogatepass")  # half a surrogate pair is legal in a Python string
        self.buffer(data)
        return {"u": len(data)}

    def module(self, value: Any, depth: int) -> dict[str, Any]:
        try:
            return {"m": self.node(described(value, self.limits), depth + 1)}
        except wire_modules.Refused as reason:
            return {"o": type_name(str(reason))}

    def array(self, value: Any, kind: type) -> dict[str, Any] | None:
        """The node of an array, a NumPy scalar or a tensor; None for anything else."""
        if kind is np.ndarray and value.dtype.name in NUMPY_DTYPES:
            self.buffer(np.ascontiguousarray(value, value.dtype.newbyteorder("<")).tobytes())
            return {"a": [value.dtype.name, list(value.shape)]}
        if kind is np.ndarray and value.dtype.kind in "UTO":
            return self.texts(value)
        if issubclass(kind, np.generic) and kind.__module__ == "numpy" and value.dtype.name in NUMPY_DTYPES:
            if kind is value.dtype.type:
                self.buffer(np.asarray(value, value.dtype.newbyteorder("<")).tobytes())
                return {"s": value.dtype.name}
        torch = sys.modules.get("torch")
        # A parameter is a tensor that an optimiser knows about: its values are what a check asks for.
        if torch is not None and kind in (torch.Tensor, torch.nn.Parameter):
            if _tensor_may_cross(value):
                flat = value.detach().resolve_conj().resolve_neg().contiguous().reshape(-1)
                # An empty tensor may have any strides, also such as cannot be viewed as bytes.
                self.buffer(flat.view(torch.uint8).numpy().tobytes() if len(flat) else b"")
                return {"T": [_torch_name(value), list(value.shape)]}
        return None

    def texts(self, array: np.ndarray) -> dict[str, Any] | None:
        """The node of an array of texts; None where something else is in it."""
        items = [_plain(each) for each in array.reshape(-1).tolist()]
        if not all(type(each) is str for each in items):
            return None
        if text_width(items) * len(items) > self.limits.bytes:
            raise WireError(f"an array of texts that takes more than {self.limits.bytes} bytes")
        return {"U": [list(array.shape), *map(self.text, items)]}


# A plain type -> how its content is read from a value of a subclass, whatever that overrides.
_READ: dict[type, Callable[[Any], Any]] = {
    int: int.__int__,
    float: float.__float__,
    complex: complex.__complex__,
    str: str.__str__,
    bytes: lambda value: bytes.__getitem__(value, slice(None)),
    list: lambda value: list.__getitem__(value, slice(None)),
    tuple: lambda value: tuple.__getitem__(value, slice(None)),
    dict: lambda value: dict(dict.items(value)),
}


def _plain(value: Any) -> Any:
    """A value of a subclass of a plain type as a value of that type; any other as it is. NumPy's numbers are its own types."""
    kind = type(value)
    if kind in _READ or kind is bool or kind.__module__ == "numpy" and issubclass(kind, np.number):
        return value
    for plain, read in _READ.items():
        if issubclass(kind, plain):
            return read(value)
    return value


def _plain_key(key: Any) -> Any:
    # NumPy's integers are equal to Python's, and a dict finds the one by the other.
    return int(key) if type(key).__module__ == "numpy" and issubclass(type(key), np.integer) else _plain(key)


def _torch_name(tensor: Any) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _tensor_may_cross(tensor: Any) -> bool:
    return _torch_name(tensor) in TORCH_DTYPES and tensor.device.type == "cpu" and str(tensor.layout) == "torch.strided"


def _bits(number: float) -> str:
    return struct.pack(">d", number).hex()
