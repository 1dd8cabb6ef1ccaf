"""The blank `___`: an object that refuses to be used, and finding blanks in code.

In Jupyter `___` is a live name (the third-last output), so a forgotten blank could compute
nonsense without a word. Lessons therefore bind it to the object below; every use of it raises
`BlankError`, which names the exercise. This file also runs inside the grading sandbox.
"""

import ast
import linecache
import re
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from autograder.course.cell_code import parsed, plain_python

NAME = "___"
MOST_LINES = 8  # that a message lists
EXERCISE_LINE = re.compile(r"^[ \t]*#[ \t]*Exercise[ \t]+((?:\d+|[a-z]+)\.\d+-[a-z0-9-]+)", re.MULTILINE)


class BlankError(Exception):
    """A blank was used before it was filled in. `exercise` is its id, or None if unknown."""

    def __init__(self, exercise: str | None = None) -> None:
        self.exercise = exercise
        super().__init__(blank_message(exercise))

    def _render_traceback_(self) -> list[str]:
        """What IPython shows: the sentence says it all, the way through our code would only bury it."""
        return [f"BlankError: {self}"]


def blank_message(exercise: str | None, lines: Sequence[int] = ()) -> str:
    """The sentence a student sees for a blank in `exercise` (an id, or None), at `lines` of its cell."""
    where = f"Exercise {exercise}" if exercise else "An exercise"
    at = ""
    if lines:
        numbers = list(dict.fromkeys(map(str, lines)))
        *first, last = numbers if len(numbers) <= MOST_LINES else [*numbers[:MOST_LINES], f"{len(numbers) - MOST_LINES} more"]
        at = f" in lines {', '.join(first)} and {last}" if first else f" in line {last}"
    return f"{where} still has a blank: fill in ___{at}"


def exercise_named_in(source: str) -> str | None:
    """The id on the first `# Exercise X` line of a cell's source, or None."""
    found = EXERCISE_LINE.search(source)
    return found.group(1) if found else None


def blank_lines(source: str) -> list[int]:
    """The lines (counted from 1) on which `source` uses the name `___`, one entry for each blank.

    Code that does not parse is searched as text.
    """
    tree = parsed(plain_python(source))
    if tree is None:
        lines = source.splitlines()
        return [number for number, line in enumerate(lines, 1) for _ in re.findall(r"(?<!\w)___(?!\w)", line)]
    return sorted(node.lineno for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == NAME)


def has_blank(source: str) -> bool:
    """Whether `source` (Python code) still has a blank."""
    return bool(blank_lines(source))


def _exercise_in_use() -> str | None:
    """The exercise whose code is running: the nearest calling frame with an `# Exercise` line."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__") != __name__:
            found = exercise_named_in("".join(linecache.getlines(frame.f_code.co_filename)))
            if found:
                return found
        frame = frame.f_back
    return None


class Blank:
    """The type of `___`. Assigning or passing it is harmless; anything that needs its value raises."""

    __slots__ = ()

    def __repr__(self) -> str:  # showing a variable that holds a blank must not hide the error message behind another
        return "___ (a blank to fill in)"

    def __getattr__(self, name: str) -> NoReturn:
        # Names with underscores are how libraries ask "can you do this?"; a plain "no" is the right answer.
        if name.startswith("_"):
            raise AttributeError(name)
        raise BlankError(_exercise_in_use())

    def __reduce_ex__(self, protocol: object) -> str:  # copies are the same blank
        return NAME


def _refuse(self: object, *args: object, **kwargs: object) -> NoReturn:
    raise BlankError(_exercise_in_use())


_USES = """
    abs add and bool bytes call ceil complex contains delitem divmod enter eq exit float floor floordiv
    format ge getitem gt hash iadd iand ifloordiv ilshift imatmul imod imul index int invert ior ipow
    irshift isub iter itruediv ixor le len length_hint lshift lt matmul mod mul ne neg next or pos pow
    radd rand rdivmod reversed rfloordiv rlshift rmatmul rmod rmul ror round rpow rrshift rshift rsub
    rtruediv rxor setitem str sub truediv trunc xor array array_function array_ufunc setattr delattr await aiter anext
""".split()
for _use in _USES:
    setattr(Blank, f"__{_use}__", _refuse)
setattr(Blank, "__torch_function__", classmethod(_refuse))  # torch wants a class method
del _use

___ = Blank()
