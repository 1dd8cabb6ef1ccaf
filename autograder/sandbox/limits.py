"""The words the sandbox and its users share: limits, outcomes, the one error of its own."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

MOST = 1 << 20  # of anything: twelve days, a terabyte of memory


@dataclass(frozen=True)
class Limits:
    """What one submission may use. Sizes are powers of two.

    Times are seconds in which a submission works, in all its processes together, or waits for something. Time in which
    it could work and others have the processor does not count, up to `wall_factor` times as much by the clock on the wall:
    then nothing can be said about the submission (`MachineBusy`).

    The worst that one costs: twice `notebook_seconds` (cells are run again, each in a process of its own, after one
    did not come to its end) and `exercise_seconds` for each exercise, and the same once more where a time-out has to be
    confirmed; of memory `memory_mb`, what its processes can
    fill in the tenth of a second between two looks, twice `scratch_mb`, and what the kernel holds for the open files
    (half a megabyte at most for each). The grader's own process keeps one reply of `reply_mb` for each question of
    the checks until the submission is judged.
    """

    cell_seconds: float = 10.0
    notebook_seconds: float = 60.0  # all cells together
    call_seconds: float = 5.0
    exercise_seconds: float = 30.0  # all calls of one question together; in a grading, of one exercise
    wall_factor: float = 10.0  # so many times as long may each of these take where others need the processor, too
    memory_mb: int = 2048  # on top of the imported libraries
    processes: int = 64  # and threads
    file_mb: int = 64  # one file
    scratch_mb: int = 256  # all files in /tmp; as much again in /dev/shm
    files: int = 20000  # in /tmp, and in /dev/shm
    open_files: int = 256  # of one process; four times as many of all together
    output_kb: int = 256  # printed text of one cell
    reply_mb: int = 8  # one value that a question brings back

    @classmethod
    def of_words(cls, words: Iterable[str]) -> "Limits":
        """The limits with some set by words like "cell_seconds=20". Raises ValueError with a sentence for people."""
        known: dict[str, type] = {field.name: type(field.default) for field in fields(cls)}
        values: dict[str, Any] = {}
        for word in words:
            name, _, text = (part.strip() for part in word.partition("="))
            if name not in known:
                defaults = ", ".join(f"{each}={getattr(cls, each):g}" for each in known)
                raise ValueError(f"There is no limit {name!r}. The limits and their defaults: {defaults}.")
            if name in values:
                raise ValueError(f"The limit {name} is given twice.")
            try:
                values[name] = known[name](text)
            except ValueError:
                values[name] = 0
            if not 0 < values[name] < MOST:
                number = "a whole number" if known[name] is int else "a number"
                raise ValueError(f"The limit {name} must be {number} above 0, as in {name}={getattr(cls, name):g}; it is {text!r}.")
        return cls(**values)


@dataclass(frozen=True)
class CellOutcome:
    """How a cell ended. `status` is ok, error, blank, timeout or crashed; `message` is for the student."""

    status: str
    message: str = ""
    error_type: str | None = None
    line: int | None = None
    output: str = ""


class SandboxUnavailable(Exception):
    """This machine cannot isolate students' code as asked. `why` and `what_to_do` are for people."""

    def __init__(self, why: str, what_to_do: str) -> None:
        self.why, self.what_to_do = why, what_to_do
        super().__init__(f"{why} {what_to_do}")
