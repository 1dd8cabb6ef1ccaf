"""The words the sandbox and its users share: limits, outcomes, the one error of its own."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Limits:
    """What one submission may use. Times are wall-clock seconds, sizes powers of two."""

    cell_seconds: float = 10.0
    notebook_seconds: float = 60.0  # all cells together
    call_seconds: float = 5.0
    memory_mb: int = 2048  # on top of the imported libraries
    processes: int = 64
    file_mb: int = 64  # one file
    scratch_mb: int = 256  # all files in /tmp
    output_kb: int = 256  # printed text of one cell
    reply_mb: int = 64  # one value that a question brings back


@dataclass(frozen=True)
class CellOutcome:
    """How a cell ended. `status` is ok, error, blank, timeout or crashed; `message` is for the student."""

    status: str
    message: str = ""
    error_type: str | None = None
    line: int | None = None
    output: str = ""


@dataclass(frozen=True)
class Reply:
    """What a call returned, and which positional arguments it changed in place."""

    value: Any
    mutated: list


class SandboxUnavailable(Exception):
    """This machine cannot isolate students' code as asked. `why` and `what_to_do` are for people."""

    def __init__(self, why, what_to_do):
        self.why, self.what_to_do = why, what_to_do
        super().__init__(f"{why} {what_to_do}")
