"""Bytes to values: what `wire` has received, which an adversary may have made.

There is no class lookup and nothing is allocated that has not arrived: a message can be wrong, and then it is refused.
torch is imported only for a message that holds a module.
"""

import importlib
import math
import struct
import sys
from collections.abc import Collection
from json import loads
from typing import Any, NoReturn

import numpy as np

if __package__:
    from autograder.sandbox import wire_modules
    from autograder.sandbox.wire_format import HEADER, MAGIC, NUMPY_DTYPES, TORCH_DTYPES, Limits, Opaque, WireError, text_width, type_name
else:  # inside the sandbox these files stand alone
    import wire_modules
    from wire_format import HEADER, MAGIC, NUMPY_DTYPES, TORCH_DTYPES, Limits, Opaque, WireError, text_width, type_name

__all__ = ["decode"]

# More structural characters per value than any message that `encode` writes: a cheap count of them
# bounds what parsing the JSON may allocate, before it is parsed.
MARKS_PER_NODE = 8
MAX_DIMENSIONS = 32


def decode(data: bytes | bytearray | memoryview, limits: Limits = Limits()) -> Any:
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


def _small_int(digits: str) -> int:
    # Larger integers travel as hexadecimal text; without this bound a long run of digits costs quadratic time.
    if len(digits) > 20:
        raise ValueError("integer too long")
    return int(digits)


def _refuse(text: str) -> NoReturn:
    raise ValueError("only integers may stand as plain numbers")


class _Reader:
    def __init__(self, rest: memoryview, limits: Limits) -> None:
        self.rest, self.limits, self.nodes = rest, limits, 0

    def buffer(self, length: Any) -> memoryview:
        if type(length) is not int or not 0 <= length <= len(self.rest):
            raise WireError("a buffer is missing or has an impossible length")
        data, self.rest = self.rest[:length], self.rest[length:]
        return data

    def value(self, node: Any, depth: int) -> Any:
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

    def read_tuple(self, body: Any, depth: int) -> tuple:
        return tuple(self.value(item, depth + 1) for item in _expect(body, list))

    def read_dict(self, body: Any, depth: int) -> dict:
        result = {}
        for pair in _expect(body, list):
            if len(_expect(pair, list)) != 2:
                raise WireError("an entry of a dict must be a key and a value")
            key = self.value(pair[0], depth + 1)
            if type(key) not in (str, int) or key in result:
                raise WireError("the keys of a dict must be different strings or integers")
            result[key] = self.value(pair[1], depth + 1)
        return result

    def read_integer(self, body: Any, depth: int) -> int:
        if len(_expect(body, str)) > self.limits.int_bits // 4 + 4:
            raise WireError("an integer over the limit")
        try:
            number = int(body, 16)
        except ValueError:
            raise WireError("not an integer") from None
        if number.bit_length() > self.limits.int_bits:
            raise WireError("an integer over the limit")
        return number

    def read_float(self, body: Any, depth: int) -> float:
        return _from_bits(body, 1)[0]

    def read_complex(self, body: Any, depth: int) -> complex:
        return complex(*_from_bits(body, 2))

    def read_text(self, body: Any, depth: int) -> str:
        try:
            return str(self.buffer(body), "utf-8", "surrogatepass")
        except UnicodeDecodeError:
            raise WireError("text that is not UTF-8") from None

    def read_bytes(self, body: Any, depth: int) -> bytes:
        return bytes(self.buffer(body))

    def read_opaque(self, body: Any, depth: int) -> Opaque:
        return Opaque(type_name(_expect(body, str)))

    def read_array(self, body: Any, depth: int) -> np.ndarray:
        name, shape, raw = self.block(body, NUMPY_DTYPES)
        return self.numpy(name, shape, raw)

    def read_texts(self, body: Any, depth: int) -> np.ndarray:
        shape, *texts = _expect(body, list) or [None]
        shape = self.shape(shape)
        texts = [self.value(each, depth + 1) for each in texts]
        if math.prod(shape) != len(texts) or not all(type(each) is str for each in texts):
            raise WireError("an array of texts has one text for each place")
        if text_width(texts) * len(texts) > self.limits.bytes:
            raise WireError(f"an array of texts that takes more than {self.limits.bytes} bytes")
        try:
            return np.array(texts, f"<U{text_width(texts) // 4}").reshape(shape)
        except ValueError:
            raise WireError("an impossible shape") from None

    def read_scalar(self, body: Any, depth: int) -> Any:
        name, shape, raw = self.block([body, []], NUMPY_DTYPES)
        return self.numpy(name, shape, raw)[()]

    def read_tensor(self, body: Any, depth: int) -> Any:
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

    def read_module(self, body: Any, depth: int) -> Any:
        try:
            importlib.import_module("torch")
        except Exception as problem:  # missing, or too large for the memory that is allowed here
            raise WireError(f"a module, and PyTorch cannot be imported here: {type(problem).__name__}") from None
        description = self.value(body, depth + 1)
        try:
            return wire_modules.build(description, self.limits.layers, self.limits.depth)
        except wire_modules.Refused as reason:
            raise WireError(f"not a module: {reason}") from None

    def numpy(self, name: str, shape: list[int], raw: memoryview) -> np.ndarray:
        dtype = np.dtype(name)
        try:
            if not raw:
                return np.zeros(shape, dtype)
            return np.frombuffer(raw, dtype.newbyteorder("<")).astype(dtype).reshape(shape)
        except (ValueError, OverflowError, MemoryError):
            raise WireError("an impossible shape") from None

    def block(self, body: Any, dtypes: Collection[str]) -> tuple[str, list[int], memoryview]:
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

    def shape(self, body: Any) -> list[int]:
        if len(_expect(body, list)) > MAX_DIMENSIONS:
            raise WireError("too many dimensions")
        if not all(type(length) is int and 0 <= length < 1 << 48 for length in body):
            raise WireError("an impossible shape")
        return body

    TAGS = {
        "t": read_tuple,
        "d": read_dict,
        "i": read_integer,
        "f": read_float,
        "c": read_complex,
        "u": read_text,
        "b": read_bytes,
        "o": read_opaque,
        "a": read_array,
        "s": read_scalar,
        "T": read_tensor,
        "m": read_module,
        "U": read_texts,
    }


def _from_bits(body: Any, count: int) -> tuple[float, ...]:
    if len(_expect(body, str)) != 16 * count:
        raise WireError("a number of the wrong length")
    try:
        return struct.unpack(f">{count}d", bytes.fromhex(body))
    except (ValueError, struct.error):
        raise WireError("not a number") from None


def _expect(body: Any, kind: type) -> Any:
    if type(body) is not kind:
        raise WireError("a tag with the wrong content")
    return body
