"""Values as bytes, and back: the only format that crosses between a student's process and the grader.

JSON carries the structure, raw bytes carry floats' bits, long text and arrays. There is no pickle
and no class lookup: the decoder can build None, bool, int, float, complex, str, bytes, list, tuple,
dict, NumPy arrays and scalars, torch tensors, modules of known layers (see `wire_modules`), and `Opaque`
for everything else, so bytes made by an adversary can be wrong but never run anything.

A message is `b"W1"`, the length of the JSON text (4 bytes, little-endian), the JSON text, then the
buffers in the order in which the text mentions them. In the text, None, bool, small int, short str
and list stand for themselves; everything else is an object with one key, the tag.

Only the standard library and NumPy are needed. torch is used only where something else has already
imported it, or to read a message that holds a module: this file must stay cheap to import on both sides.
"""

import importlib
import math
import struct
import sys
import time
from dataclasses import dataclass
from json import dumps, loads

import numpy as np

if __package__:
    from autograder.sandbox import wire_modules
else:  # inside the sandbox these files stand alone
    import wire_modules

__all__ = ["Limits", "Opaque", "WireError", "decode", "described", "encode", "recv", "send", "send_encoded"]

MAGIC = b"W1"
HEADER = struct.Struct("<2sI")
FRAME = struct.Struct("<Q")
CHUNK = 1 << 20

SMALL_INT = 1 << 62
SHORT_TEXT = 256
TYPE_NAME_LENGTH = 200
# More structural characters per value than any message that `encode` writes: a cheap count of them
# bounds what parsing the JSON may allocate, before it is parsed.
MARKS_PER_NODE = 8
MAX_DIMENSIONS = 32

NUMPY_DTYPES = (
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 complex64 complex128".split()
)
TORCH_DTYPES = (
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 bfloat16 float32 float64 complex64 complex128".split()
)


class WireError(Exception):
    """The bytes are not a message, or the message or value is over a limit."""


@dataclass(frozen=True)
class Limits:
    """What one message may hold. `bytes` is the whole message, `nodes` counts every value in it, `layers` those
    of one module, a shared one each time it is used.
    """

    bytes: int = 64 << 20
    nodes: int = 100_000
    depth: int = 50
    int_bits: int = 4096
    layers: int = 1000


@dataclass(frozen=True)
class Opaque:
    """Stands for a value that cannot cross; only the name of its type does."""

    type_name: str


def encode(value, limits=Limits()):
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


def decode(data, limits=Limits()):
    """The value in `data` (bytes, bytearray or memoryview). Raises `WireError`, and nothing else."""
    data = memoryview(data).cast("B")
    if len(data) > limits.bytes:
        raise WireError(f"a message of {len(data)} bytes; the limit is {limits.bytes}")
    if len(data) < HEADER.size:
        raise WireError("the message is shorter than its header")
    magic, length = HEADER.unpack(data[: HEADER.size])
    if magic != MAGIC:
        raise WireError("not a message of this format")
    if length > len(data) - HEADER.size:
        raise WireError("the message is cut short")
    text = bytes(data[HEADER.size : HEADER.size + length])
    if sum(text.count(mark) for mark in (b"[", b"{", b",")) > MARKS_PER_NODE * limits.nodes:
        raise WireError(f"more than {limits.nodes} values in one message")
    try:
        tree = loads(text.decode("ascii"), parse_int=_small_int, parse_float=_refuse, parse_constant=_refuse)
    except (ValueError, RecursionError) as problem:
        raise WireError(f"the structure is not valid JSON: {type(problem).__name__}") from None
    reader = _Reader(data[HEADER.size + length :], limits)
    value = reader.value(tree, 0)
    if len(reader.rest):
        raise WireError(f"{len(reader.rest)} bytes left over after the last value")
    return value


def described(module, limits=Limits()):
    """A module as plain data (see `wire_modules`). Raises `wire_modules.Refused` if it cannot cross."""
    return wire_modules.describe(module, _tensor_may_cross, limits.layers, limits.depth)


def send(sock, value, limits=Limits(), deadline=None):
    """Write `value` to a stream socket: 8 bytes of length, then the message.

    `deadline` is a time of `time.monotonic()`; past it, `TimeoutError`. A closed peer raises `OSError`.
    """
    send_encoded(sock, encode(value, limits), deadline)


def send_encoded(sock, message, deadline=None):
    """Write what `encode` has returned, as `send` does."""
    for part in (FRAME.pack(len(message)), message):
        part = memoryview(part)
        while part:
            _wait(sock, deadline)
            part = part[sock.send(part[:CHUNK]) :]


def recv(sock, limits=Limits(), deadline=None):
    """Read one value from a stream socket. Memory grows with what has arrived, not with what was announced.

    Raises `EOFError` when the peer has closed, `TimeoutError` past `deadline` (`time.monotonic()`),
    `WireError` for a message that is too large or malformed, `OSError` for a broken connection.
    """
    (length,) = FRAME.unpack(_read(sock, FRAME.size, deadline))
    if length > limits.bytes:
        raise WireError(f"a message of {length} bytes; the limit is {limits.bytes}")
    return decode(_read(sock, length, deadline), limits)


def _wait(sock, deadline):
    """Arm the socket's time-out so that the next call on it ends at the deadline."""
    if deadline is None:
        sock.settimeout(None)
        return
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    sock.settimeout(left)


def _read(sock, length, deadline):
    data = bytearray()
    while len(data) < length:
        _wait(sock, deadline)
        chunk = sock.recv(min(CHUNK, length - len(data)))
        if not chunk:
            raise EOFError("the other side has closed the connection")
        data += chunk
    return data


def _small_int(digits):
    # Larger integers travel as hexadecimal text; without this bound a long run of digits costs quadratic time.
    if len(digits) > 20:
        raise ValueError("integer too long")
    return int(digits)


def _refuse(text):
    raise ValueError("only integers may stand as plain numbers")


class _Writer:
    def __init__(self, limits):
        self.limits, self.nodes, self.size, self.buffers = limits, 0, 0, []

    def buffer(self, data):
        self.size += len(data)
        if self.size > self.limits.bytes:
            raise WireError(f"the value takes more than {self.limits.bytes} bytes")
        self.buffers.append(data)

    def node(self, value, depth):
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
            return {"o": _name(value.type_name)}
        if wire_modules.is_module(value):
            return self.module(value, depth)
        return self.array(value, kind) or {"o": _name(kind.__name__)}

    def text(self, value):
        if len(value) <= SHORT_TEXT:
            return value
        data = value.encode("utf-8", "surrogatepass")  # half a surrogate pair is legal in a Python string
        self.buffer(data)
        return {"u": len(data)}

    def module(self, value, depth):
        try:
            return {"m": self.node(described(value, self.limits), depth + 1)}
        except wire_modules.Refused as reason:
            return {"o": _name(str(reason))}

    def array(self, value, kind):
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


    def texts(self, array):
        """The node of an array of texts; None where something else is in it."""
        items = [_plain(each) for each in array.reshape(-1).tolist()]
        if not all(type(each) is str for each in items):
            return None
        if _width(items) * len(items) > self.limits.bytes:
            raise WireError(f"an array of texts that takes more than {self.limits.bytes} bytes")
        return {"U": [list(array.shape), *map(self.text, items)]}


# A plain type -> how its content is read from a value of a subclass, whatever that overrides.
_READ = {
    int: int.__int__,
    float: float.__float__,
    complex: complex.__complex__,
    str: str.__str__,
    bytes: lambda value: bytes.__getitem__(value, slice(None)),
    list: lambda value: list.__getitem__(value, slice(None)),
    tuple: lambda value: tuple.__getitem__(value, slice(None)),
    dict: lambda value: dict(dict.items(value)),
}


def _plain(value):
    """A value of a subclass of a plain type as a value of that type; any other as it is. NumPy's numbers are its own types."""
    kind = type(value)
    if kind in _READ or kind is bool or kind.__module__ == "numpy" and issubclass(kind, np.number):
        return value
    for plain, read in _READ.items():
        if issubclass(kind, plain):
            return read(value)
    return value


def _plain_key(key):
    # NumPy's integers are equal to Python's, and a dict finds the one by the other.
    return int(key) if type(key).__module__ == "numpy" and issubclass(type(key), np.integer) else _plain(key)


def _width(texts):
    """Bytes of one entry of a NumPy array that holds these."""
    return 4 * max(1, max(map(len, texts), default=1))


def _torch_name(tensor):
    return str(tensor.dtype).removeprefix("torch.")


def _tensor_may_cross(tensor):
    return _torch_name(tensor) in TORCH_DTYPES and tensor.device.type == "cpu" and str(tensor.layout) == "torch.strided"


class _Reader:
    def __init__(self, rest, limits):
        self.rest, self.limits, self.nodes = rest, limits, 0

    def buffer(self, length):
        if type(length) is not int or not 0 <= length <= len(self.rest):
            raise WireError("a buffer is missing or has an impossible length")
        data, self.rest = self.rest[:length], self.rest[length:]
        return data

    def value(self, node, depth):
        self.nodes += 1
        if self.nodes > self.limits.nodes:
            raise WireError(f"more than {self.limits.nodes} values in one message")
        if depth > self.limits.depth:
            raise WireError(f"values nested more than {self.limits.depth} deep")
        kind = type(node)
        if node is None or kind in (bool, int, str):
            return node
        if kind is list:
            return [self.value(item, depth + 1) for item in node]
        if len(node) != 1:
            raise WireError("an object must have exactly one tag")
        ((tag, body),) = node.items()
        read = self.TAGS.get(tag)
        if read is None:
            raise WireError("an unknown tag")
        return read(self, body, depth)

    def read_tuple(self, body, depth):
        return tuple(self.value(item, depth + 1) for item in _expect(body, list))

    def read_dict(self, body, depth):
        result = {}
        for pair in _expect(body, list):
            if len(_expect(pair, list)) != 2:
                raise WireError("an entry of a dict must be a key and a value")
            key = self.value(pair[0], depth + 1)
            if type(key) not in (str, int) or key in result:
                raise WireError("the keys of a dict must be different strings or integers")
            result[key] = self.value(pair[1], depth + 1)
        return result

    def read_integer(self, body, depth):
        if len(_expect(body, str)) > self.limits.int_bits // 4 + 4:
            raise WireError("an integer over the limit")
        try:
            number = int(body, 16)
        except ValueError:
            raise WireError("not an integer") from None
        if number.bit_length() > self.limits.int_bits:
            raise WireError("an integer over the limit")
        return number

    def read_float(self, body, depth):
        return _from_bits(body, 1)[0]

    def read_complex(self, body, depth):
        return complex(*_from_bits(body, 2))

    def read_text(self, body, depth):
        try:
            return str(self.buffer(body), "utf-8", "surrogatepass")
        except UnicodeDecodeError:
            raise WireError("text that is not UTF-8") from None

    def read_bytes(self, body, depth):
        return bytes(self.buffer(body))

    def read_opaque(self, body, depth):
        return Opaque(_name(_expect(body, str)))

    def read_array(self, body, depth):
        name, shape, raw = self.block(body, NUMPY_DTYPES)
        return self.numpy(name, shape, raw)

    def read_texts(self, body, depth):
        shape, *texts = _expect(body, list) or [None]
        shape = self.shape(shape)
        texts = [self.value(each, depth + 1) for each in texts]
        if math.prod(shape) != len(texts) or not all(type(each) is str for each in texts):
            raise WireError("an array of texts has one text for each place")
        if _width(texts) * len(texts) > self.limits.bytes:
            raise WireError(f"an array of texts that takes more than {self.limits.bytes} bytes")
        try:
            return np.array(texts, f"<U{_width(texts) // 4}").reshape(shape)
        except ValueError:
            raise WireError("an impossible shape") from None

    def read_scalar(self, body, depth):
        name, shape, raw = self.block([body, []], NUMPY_DTYPES)
        return self.numpy(name, shape, raw)[()]

    def read_tensor(self, body, depth):
        name, shape, raw = self.block(body, TORCH_DTYPES)
        torch = sys.modules.get("torch")
        if torch is None:
            return Opaque("Tensor")
        dtype = getattr(torch, name, None)
        if dtype is None:
            raise WireError(f"this torch has no {name}")
        try:
            if not raw:
                return torch.empty(shape, dtype=dtype)
            # A bytearray of its own: the tensor keeps it alive and may write to it.
            return torch.frombuffer(bytearray(raw), dtype=dtype).reshape(shape)
        except (RuntimeError, ValueError, OverflowError):
            raise WireError("an impossible shape") from None

    def read_module(self, body, depth):
        try:
            importlib.import_module("torch")
        except Exception as problem:  # missing, or too large for the memory that is allowed here
            raise WireError(f"a module, and PyTorch cannot be imported here: {type(problem).__name__}") from None
        description = self.value(body, depth + 1)
        try:
            return wire_modules.build(description, self.limits.layers, self.limits.depth)
        except wire_modules.Refused as reason:
            raise WireError(f"not a module: {reason}") from None

    def numpy(self, name, shape, raw):
        dtype = np.dtype(name)
        try:
            if not raw:
                return np.zeros(shape, dtype)
            return np.frombuffer(raw, dtype.newbyteorder("<")).astype(dtype).reshape(shape)
        except (ValueError, OverflowError, MemoryError):
            raise WireError("an impossible shape") from None

    def block(self, body, dtypes):
        """dtype name, shape and bytes of an array; the bytes are exactly what the shape needs."""
        if len(_expect(body, list)) != 2:
            raise WireError("an array is a dtype and a shape")
        name, shape = body
        if type(name) is not str or name not in dtypes:
            raise WireError("a dtype that may not cross")
        shape = self.shape(shape)
        width = {"bfloat16": 2}.get(name) or np.dtype(name).itemsize
        raw = self.buffer(math.prod(shape) * width)
        # A bool is one byte in memory; any value but 0 and 1 there is undefined behaviour in C.
        if name == "bool" and raw and np.frombuffer(raw, np.uint8).max() > 1:
            raise WireError("a bool that is neither 0 nor 1")
        return name, shape, raw

    def shape(self, body):
        if len(_expect(body, list)) > MAX_DIMENSIONS:
            raise WireError("too many dimensions")
        if not all(type(length) is int and 0 <= length < 1 << 48 for length in body):
            raise WireError("an impossible shape")
        return body

    TAGS = {
        "t": read_tuple, "d": read_dict, "i": read_integer, "f": read_float, "c": read_complex, "u": read_text,
        "b": read_bytes, "o": read_opaque, "a": read_array, "s": read_scalar, "T": read_tensor, "m": read_module,
        "U": read_texts,
    }  # fmt: skip


def _bits(number):
    return struct.pack(">d", number).hex()


def _from_bits(body, count):
    if len(_expect(body, str)) != 16 * count:
        raise WireError("a number of the wrong length")
    try:
        return struct.unpack(f">{count}d", bytes.fromhex(body))
    except (ValueError, struct.error):
        raise WireError("not a number") from None


def _expect(body, kind):
    if type(body) is not kind:
        raise WireError("a tag with the wrong content")
    return body


def _name(text):
    return text[:TYPE_NAME_LENGTH] if type(text) is str else "object"
