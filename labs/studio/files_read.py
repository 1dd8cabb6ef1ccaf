"""Which files a piece of somebody else's code reads: a network that a factory loads from a file is another one when the file is."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from course_labs.fingerprints import sha256

_listeners: list[set[str]] = []
_installed = False


@contextmanager
def files_read(found: dict[str, str]) -> Iterator[None]:
    """While the block runs, note every plain file that Python opens for reading: its path and SHA-256 go into `found` at the end.

    Python's own files and installed packages are left out. What a library opens by itself, without Python, is not heard of.
    """
    global _installed
    if not _installed:
        sys.addaudithook(_hear)  # for good: Python lets no hook go
        _installed = True
    heard: set[str] = set()
    _listeners.append(heard)
    try:
        yield
    finally:
        _listeners.remove(heard)
        for name in sorted(heard):
            path = Path(name)
            if path.is_file() and not _python_s(path):
                found[str(path.absolute())] = sha256(path)


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if not _listeners or event != "open":
        return
    path, mode, flags = arguments
    reads = "r" in mode if isinstance(mode, str) else not flags & (os.O_WRONLY | os.O_RDWR)
    if reads and isinstance(path, (str, bytes)):
        for heard in _listeners:
            heard.add(os.fsdecode(path))


def _python_s(path: Path) -> bool:
    places = {Path(sys.prefix), Path(sys.base_prefix), Path("/proc"), Path("/sys"), Path("/dev"), Path("/etc")}
    return path.suffix in (".py", ".pyc") or any(path.resolve().is_relative_to(place.resolve()) for place in places)
