"""Values as bytes, and back: the only format that crosses between a student's process and the grader.

JSON carries the structure, raw bytes carry floats' bits, long text and arrays. There is no pickle
and no class lookup: the decoder can build None, bool, int, float, complex, str, bytes, list, tuple,
dict, NumPy arrays and scalars, torch tensors, modules of known layers (see `wire_modules`), and `Opaque`
for everything else, so bytes made by an adversary can be wrong but never run anything.

`wire_format` says what a message is made of, `wire_writer` makes one of a value, `wire_reader` a value of
one; here is also how they travel over a socket.

Only the standard library and NumPy are needed. torch is used only where something else has already
imported it, or to read a message that holds a module: this file must stay cheap to import on both sides.
"""

import struct
import time
from typing import Any, Protocol

if __package__:
    from autograder.sandbox.wire_format import Limits, Opaque, WireError
    from autograder.sandbox.wire_reader import decode
    from autograder.sandbox.wire_writer import described, encode
else:  # inside the sandbox these files stand alone
    from wire_format import Limits, Opaque, WireError
    from wire_reader import decode
    from wire_writer import described, encode

__all__ = ["Limits", "Opaque", "WireError", "decode", "described", "encode", "recv", "send", "send_encoded"]

FRAME = struct.Struct("<Q")
CHUNK = 1 << 20


class Stream(Protocol):
    """A stream socket, or what stands before one."""

    def settimeout(self, seconds: float | None, /) -> None: ...
    def recv(self, most: int, /) -> bytes: ...
    def send(self, part: memoryview, /) -> int: ...


def send(sock: Stream, value: Any, limits: Limits = Limits(), deadline: float | None = None) -> None:
    """Write `value` to a stream socket: 8 bytes of length, then the message.

    `deadline` is a time of `time.monotonic()`; past it, `TimeoutError`. A closed peer raises `OSError`.
    """
    send_encoded(sock, encode(value, limits), deadline)


def send_encoded(sock: Stream, message: bytes, deadline: float | None = None) -> None:
    """Write what `encode` has returned, as `send` does."""
    for whole in (FRAME.pack(len(message)), message):
        part = memoryview(whole)
        while part:
            _wait(sock, deadline)
            part = part[sock.send(part[:CHUNK]) :]


def recv(sock: Stream, limits: Limits = Limits(), deadline: float | None = None) -> Any:
    """Read one value from a stream socket. Memory grows with what has arrived, not with what was announced.

    Raises `EOFError` when the peer has closed, `TimeoutError` past `deadline` (`time.monotonic()`),
    `WireError` for a message that is too large or malformed, `OSError` for a broken connection.
    """
    (length,) = FRAME.unpack(_read(sock, FRAME.size, deadline))
    if length > limits.bytes:
        raise WireError(f"a message of {length} bytes; the limit is {limits.bytes}")
    return decode(_read(sock, length, deadline), limits)


def _wait(sock: Stream, deadline: float | None) -> None:
    """Arm the socket's time-out so that the next call on it ends at the deadline."""
    if deadline is None:
        sock.settimeout(None)
        return
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    sock.settimeout(left)


def _read(sock: Stream, length: int, deadline: float | None) -> bytearray:
    data = bytearray()
    while len(data) < length:
        _wait(sock, deadline)
        chunk = sock.recv(min(CHUNK, length - len(data)))
        if not chunk:
            raise EOFError("the other side has closed the connection")
        data += chunk
    return data
