"""What can go wrong on the student's side of a question. Each fault costs the question, nothing else.

`status` is the word that stands in the gradebook.
"""

from collections.abc import Iterable

from autograder.course.blanks import blank_message


class StudentFault(Exception):
    """Base class. `str(fault)` is written for the student."""

    status = "error"
    called = True  # whether it happened in a call: False for what ended the cell that should have defined the function


class BlankLeft(StudentFault):
    """The code that was asked still has a `___` in it. `exercise` is the blank's exercise id, or None."""

    status = "blank"

    def __init__(self, exercise: str | None = None) -> None:
        self.exercise = exercise
        super().__init__(blank_message(exercise))


class Missing(StudentFault):
    """The notebook does not define `name`."""

    status = "missing"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"`{name}` is not defined: run its cell, or put the cell back if it was deleted or renamed")


class MissingFile(StudentFault):
    """A file that belongs to the exercise was not handed in. `folder` is where it should lie."""

    status = "missing"

    def __init__(self, name: str, folder: str) -> None:
        super().__init__(
            f"`{name}` was not handed in. It belongs into the folder `{folder}` beside the notebook; the exercise's cell writes it there"
        )


class StudentError(StudentFault):
    """The student's code raised an exception.

    `type_name` and `mro` are the exception's class name and those of its bases (text, not classes: they
    come from another process); `line` is the line within the cell, or None; `place` is the expression in the
    student's code that raised it, with its names left out, for telling one mistake from another ("" if unknown).
    """

    def __init__(self, type_name: str, message: str, mro: Iterable[str] = (), line: int | None = None, place: str = "") -> None:
        self.type_name, self.message, self.mro, self.line, self.place = type_name, message, tuple(mro), line, place
        super().__init__(f"your code raised {self._what()}")

    def _what(self) -> str:
        at = f" (line {self.line} of the cell)" if self.line else ""
        return f"{self.type_name}: {self.message}{at}" if self.message else f"{self.type_name}{at}"


class CellStopped(StudentError):
    """An exception ended the exercise's own cell before it defined what is asked for."""

    called = False

    def __init__(self, type_name: str, message: str, line: int | None = None) -> None:
        super().__init__(type_name, message, line=line)
        self.args = (f"your cell stopped with {self._what()}",)


class Crashed(StudentFault):
    """The process that ran the student's code ended: `os._exit`, a segmentation fault, out of memory."""

    status = "crashed"


class TimedOut(StudentFault):
    """The student's code was still running at its time limit."""

    status = "timeout"


class MachineBusy(Exception):
    """Others had the processor for so long that nothing can be said about the student's code: no verdict, no fault of anybody's answer."""
