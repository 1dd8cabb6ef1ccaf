"""Control messages between the grader, the warm parent, the supervisor and the state processes.

A message is a small JSON object and any number of open file descriptors that travel with it. Only
the sandbox's own code speaks here; students' values go through `wire` on a socket of their own.
"""

import socket
import struct
from collections.abc import Sequence
from json import dumps, loads  # by name: code that patches the module must not cut the line to its own process

FRAME = struct.Struct("<I")
LIMIT = 1 << 16
MAX_DESCRIPTORS = 4


def pair() -> tuple[socket.socket, socket.socket]:
    """Two connected stream sockets; neither is inherited by programs that are started."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)


def send(sock: socket.socket, message: dict, sockets: Sequence[socket.socket] = (), timeout: float | None = None) -> None:
    """Send a dict and sockets. The descriptors are copied, so the caller still closes its own."""
    body = dumps(message).encode()
    sock.settimeout(timeout)
    data = FRAME.pack(len(body)) + body
    sent = socket.send_fds(sock, [data], [each.fileno() for each in sockets])
    if sent < len(data):
        sock.sendall(data[sent:])


def receive(sock: socket.socket, timeout: float | None = None) -> tuple[dict, list[socket.socket]]:
    """The next message and its sockets. Raises EOFError, TimeoutError, OSError or ValueError."""
    sock.settimeout(timeout)
    head, descriptors = b"", []
    while len(head) < FRAME.size:
        chunk, more, _, _ = socket.recv_fds(sock, FRAME.size - len(head), MAX_DESCRIPTORS)
        descriptors += more
        if not chunk:
            raise EOFError("the other side has closed the channel")
        head += chunk
    sockets = [socket.socket(fileno=each) for each in descriptors]
    (length,) = FRAME.unpack(head)
    if length > LIMIT:
        raise ValueError("control message too long")
    body = b""
    while len(body) < length:
        chunk = sock.recv(length - len(body))
        if not chunk:
            raise EOFError("the other side has closed the channel")
        body += chunk
    message = loads(body)
    if type(message) is not dict:
        raise ValueError("not a control message")
    return message, sockets
