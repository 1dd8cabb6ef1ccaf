"""Waiting for a submission: how long it may take, and a socket whose reader watches that.

A socket of a guest must not be waited at for longer than its `Allowance`; what was used of one only the supervisor knows.
"""

import select
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any


class Broken(Exception):
    """The supervisor does not answer any more."""


class Allowance:
    """Seconds that something may use: of work, and of waiting for whatever it waits for. The supervisor knows what was used.

    Until it is asked, everything counts. Time after `pause` and before `go` does not count.
    """

    def __init__(self, seconds: float, at_most: float) -> None:
        """`at_most` are seconds by the clock on the wall."""
        self.seconds, self.at_most = seconds, at_most
        self.began = self._stopped = time.monotonic()
        self._paused = self._pardoned = self.worked = 0.0

    def pause(self) -> None:
        self._stopped = time.monotonic()

    def go(self) -> None:
        self._paused += time.monotonic() - self._stopped

    def elapsed(self) -> float:
        """Seconds by the clock on the wall."""
        return time.monotonic() - self.began - self._paused

    def left(self) -> float:
        """Seconds that are left of what it may use."""
        return self.seconds + self._pardoned - self.elapsed()

    def told(self, span: float, worked: float, queued: float) -> None:
        """The supervisor says: in `span` seconds its processes worked so long, and stood so long in the queue for a processor."""
        self.worked = worked
        self._pardoned = max(self._pardoned, self.elapsed() - max(worked, span - queued - self._paused))

    def words(self) -> str:
        """What was used up: "5 s of processor time", or "5 s" where it waited for most of them."""
        return in_seconds(self.seconds) + (" of processor time" if self.worked > self.seconds / 2 else "")


class OutOfTime(TimeoutError):
    """An `Allowance` is used up."""

    def __init__(self, allowance: Allowance) -> None:
        super().__init__()
        self.allowance = allowance


class Line:
    """The socket to a guest, as `wire` uses one; whoever waits at it watches the allowances."""

    def __init__(self, session: Any, work: socket.socket, allowances: Sequence[Allowance]) -> None:
        self._session, self._work, self._allowances = session, work, allowances
        work.setblocking(False)

    def settimeout(self, seconds: float | None) -> None:
        pass

    def recv(self, most: int) -> bytes:
        return self._when(select.POLLIN, self._work.recv, most)

    def send(self, part: memoryview) -> int:
        return self._when(select.POLLOUT, self._work.send, part)

    def _when(self, event: int, do: Callable[[Any], Any], what: object) -> Any:
        while True:
            self._session.wait(self._work, event, self._allowances)
            try:
                return do(what)
            except BlockingIOError:
                pass


def in_seconds(number: float) -> str:
    """A time in words, as in "5 s"."""
    return f"{max(number, 0.1):.3g} s"
