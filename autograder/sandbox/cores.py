"""Which processor core a sandbox's submissions run on: one, and if possible one that no other grader on this machine uses.

On one core a submission of many threads and processes slows down nobody on the others, and it gets no more done in a
second than one on a machine with a single core: the same verdict everywhere.
"""

import os
import random
import socket

LAYERS = 64  # sandboxes that share a core before nobody counts any more

_taken: tuple[int, int, socket.socket | None] | None = None  # (process, core, the socket that says so)


def own_core() -> int | None:
    """The core of this process's sandboxes, a number; None where the system cannot bind a process to one."""
    global _taken
    if not hasattr(os, "sched_getaffinity"):
        return None
    if _taken is None or _taken[0] != os.getpid():
        _taken = os.getpid(), *_take(sorted(os.sched_getaffinity(0)))
    return _taken[1]


def _take(cores: list[int]) -> tuple[int, socket.socket | None]:
    """(core, socket): the one with the fewest takers."""
    random.SystemRandom().shuffle(cores)
    for layer in range(LAYERS):
        for core in cores:
            # A name outside the file system, which the kernel gives to one process and takes back at its end.
            name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                name.bind(f"\0compression-course-core-{core}-{layer}")
                return core, name
            except OSError:
                name.close()
    return cores[0], None
