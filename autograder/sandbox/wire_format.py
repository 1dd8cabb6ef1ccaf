"""What a message on the wire is made of: its outer form, the data types that may cross, what one message may hold.

A message is `b"W1"`, the length of the JSON text (4 bytes, little-endian), the JSON text, then the
buffers in the order in which the text mentions them. In the text, None, bool, small int, short str
and list stand for themselves; everything else is an object with one key, the tag.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["HEADER", "MAGIC", "NUMPY_DTYPES", "TORCH_DTYPES", "Limits", "Opaque", "WireError", "text_width", "type_name"]

MAGIC = b"W1"
HEADER = struct.Struct("<2sI")
TYPE_NAME_LENGTH = 200

NUMPY_DTYPES = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 complex64 complex128".split()
TORCH_DTYPES = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 bfloat16 float32 float64 complex64 complex128".split()


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


def text_width(texts: Iterable[str]) -> int:
    """Bytes of one entry of a NumPy array that holds these."""
    return 4 * max(1, max(map(len, texts), default=1))


def type_name(text: object) -> str:
    return text[:TYPE_NAME_LENGTH] if type(text) is str else "object"
