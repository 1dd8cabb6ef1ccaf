"""Runs one cell of a notebook in this process and describes what happened, as plain data."""

import builtins
import errno
import io
import sys
from typing import NoReturn

from autograder.course.blanks import BlankError, ___  # noqa: F401 (state takes the blank from here)
from autograder.course.shell import Shell

MESSAGE_LENGTH = 2000
shell = Shell(main=True)  # made once, in the warm parent; every submission has a copy
too_much: dict[str | int | None, str] = {}  # what was asked for too much of -> the sentence that says how much there is


class Output(io.TextIOBase):
    """Keeps the first `limit` characters that are written, and counts nothing else."""

    encoding = "utf-8"

    def __init__(self, limit: int) -> None:
        self.parts: list[str] = []
        self.left, self.cut = limit, False

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        """For libraries that write past Python: what they write goes nowhere."""
        return 2

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if self.left > 0:
            self.parts.append(str(text[: self.left]))
        self.cut = self.cut or len(text) > self.left
        self.left -= min(self.left, len(text))
        return len(text)

    def text(self) -> str:
        return "".join(self.parts) + ("\n[the rest of the output was cut]" if self.cut else "")


def no_input(prompt: object = "") -> NoReturn:
    raise RuntimeError("input() cannot be used here: nobody is there to answer while a notebook is graded")


def new_notebook(limits: dict) -> dict:
    """The namespace of a notebook: `__main__`, as in a kernel, with what notebooks take for granted."""
    too_much.update(
        {
            "memory": f"it needed more than the {limits['memory_mb']} MB of memory that a submission may use",
            "processes": f"it needed more than the {limits['processes']} processes and threads that a submission may have",
            errno.EFBIG: f"it wrote a file of more than the {limits['file_mb']} MB that one file may have",
            errno.ENOSPC: f"it wrote more than the {limits['scratch_mb']} MB, or made more than the {limits['files']} files, "
            "that a submission may have",
            errno.EMFILE: f"it needed more than the {limits['open_files']} open files that a process may have",
        }
    )
    builtins.input = no_input
    sys.path.insert(0, "")  # as in a kernel: what a notebook writes beside it, it can import
    return shell.user_ns


def run(source: str, name: str, output_limit: int) -> dict:
    """Execute a cell. Returns a dict: status, message, error_type, line, output."""
    filename = f"<cell {name}>"
    output = Output(output_limit)
    held = sys.stdout, sys.stderr
    sys.stdout = sys.stderr = output
    try:
        error = shell.run(source, filename)
        outcome = {"status": "ok"} if error is None else describe(error, filename)
    except BaseException as error:  # whatever the notebook has made of the shell
        outcome = describe(error, filename)
    finally:
        sys.stdout, sys.stderr = held
    return {"error_type": None, "line": None, "message": "", **outcome, "output": output.text()}


def describe(error: BaseException, filename: str | None = None) -> dict:
    """An exception as plain data. `filename` limits the line number to that cell."""
    if isinstance(error, BlankError):
        return {
            "status": "blank",
            "message": str(error),
            "error_type": "BlankError",
            "exercise": error.exercise,
            "line": _line(error, filename),
            "mro": [],
        }
    try:
        message = str(error.msg if isinstance(error, SyntaxError) else error)
    except BaseException as second:
        message = f"(its text could not be read: {type(second).__name__})"
    message = too_much.get(_limit_hit(error, message), message)
    return {
        "status": "error",
        "message": message[:MESSAGE_LENGTH],
        "error_type": type(error).__name__,
        "line": _line(error, filename),
        "mro": [each.__name__ for each in type(error).__mro__][:20],
    }


def _limit_hit(error: BaseException, message: str) -> str | int | None:
    """Which limit an exception tells of, as a key of `too_much`; None for any other."""
    if isinstance(error, MemoryError) or "can't allocate memory" in message:  # the second is torch's
        return "memory"
    if isinstance(error, BlockingIOError) or "can't start new thread" in message:
        return "processes"
    if isinstance(error, OSError) and type(error.errno) is int:
        return error.errno
    return None


def _line(error: BaseException, filename: str | None) -> int | None:
    if isinstance(error, SyntaxError) and type(error.lineno) is int and (filename or "<cell ") in str(error.filename):
        return error.lineno
    line, step = None, error.__traceback__
    while step is not None:
        place = step.tb_frame.f_code.co_filename
        if place == filename or (filename is None and place.startswith("<cell ")):
            line = step.tb_lineno
        step = step.tb_next
    return line
