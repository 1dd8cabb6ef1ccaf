"""One folder, one run: while a run works in a folder, another one is told who has it, and mixes no models into it."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from course_data import UserError

LOCK, HOLDER = "run.lock", "run.txt"
_mine: dict[Path, int] = {}  # folders that this process holds, and how often


@contextmanager
def only_run(folder: Path) -> Iterator[None]:
    """Hold `folder` while the block runs; within it, the same process may ask again.

    Raises UserError if another process holds it, or it cannot be made. A process that was killed holds nothing.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        place = folder.resolve()
        lock = FileLock(place / LOCK, timeout=0)
        if place not in _mine:
            lock.acquire()
            (place / HOLDER).write_text(_who(), encoding="utf-8")
    except Timeout:
        raise UserError(f"{folder} is in use by {_holder(folder)}. Wait for it to end, or choose another folder with --out.") from None
    except OSError as error:
        raise UserError(f"Cannot write to {folder}: {error.strerror}. Choose another folder with --out.") from None
    _mine[place] = _mine.get(place, 0) + 1
    try:
        yield
    finally:
        _mine[place] -= 1
        if not _mine[place]:
            del _mine[place]
            (place / HOLDER).unlink(missing_ok=True)
            lock.release()
            if not lock.is_locked and sys.platform != "win32":
                _swept(place / LOCK)


def _swept(path: Path) -> None:
    """Remove the lock's file where the library leaves it: whoever got it in the meantime keeps it."""
    lock = FileLock(path, timeout=0)
    try:
        with lock:
            path.unlink(missing_ok=True)
    except (Timeout, OSError):
        return


def _who() -> str:
    words = " ".join(Path(word).name if number == 0 else word for number, word in enumerate(sys.argv))
    return f"process {os.getpid()} on {socket.gethostname()}, since {datetime.now().strftime('%Y-%m-%d %H:%M')}: {words}"


def _holder(folder: Path) -> str:
    try:
        return (folder / HOLDER).read_text(encoding="utf-8").splitlines()[0][:300]
    except (OSError, IndexError):
        return "another run"
