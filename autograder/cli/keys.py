"""Single keys from a terminal, without waiting for Enter; none where there is no terminal."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def single_keys() -> Iterator[Callable[[], str] | None]:
    """A function that gives the key pressed since the last call, or ""; None where nobody can press one.

    Ctrl-C stays what it is. The terminal is afterwards as it was before.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        yield None
        return
    if sys.platform == "win32":
        import msvcrt

        yield lambda: msvcrt.getwch() if msvcrt.kbhit() else ""
        return
    import select
    import termios
    import tty

    where = sys.stdin.fileno()
    before = termios.tcgetattr(where)

    def pressed() -> str:
        ready, _, _ = select.select([where], [], [], 0)
        return os.read(where, 1).decode("utf-8", "replace") if ready else ""

    tty.setcbreak(where)
    try:
        yield pressed
    finally:
        termios.tcsetattr(where, termios.TCSADRAIN, before)
