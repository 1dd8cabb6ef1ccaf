"""Answer and blanked form: `answer  # blank: blanked form` stands for both, `right line  # bug: wrong line` in a find-the-bug exercise.

That a blanked form is its answer with expressions taken out is proved on the syntax trees.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from typing import Any

from autograder.course.blanks import NAME

MARKED = re.compile(r"^(?P<indent>[ \t]*)(?P<answer>\S.*?)[ \t]*# (?P<kind>blank|bug): (?P<released>.*\S)[ \t]*$")
ANSWER_HERE = "*Write your answer here.*"
ANSWER_MARK = "<!-- answer -->"
SCHEME = "MARK SCHEME"


def marks(source: str) -> list[tuple[int, re.Match[str]]]:
    """(offset, match) of every marked line; the first line of the cell has the offset 1."""
    return [(offset, found) for offset, line in enumerate(source.splitlines(), 1) if (found := MARKED.match(line))]


def telling(lines: Iterable[str]) -> Iterator[str]:
    """Lines of code that say something: no imports, comments or single words, no `with torch.inference_mode():`."""
    for line in map(str.strip, lines):
        if len(line) >= 25 and not line.startswith(("#", "import ", "from ", "@", "with ")):
            yield line


def code_forms(source: str) -> tuple[str, str]:
    """(released, answer) of a code cell: what the student gets, and the cell with every mark taken off."""
    return _with(source, "released"), _with(source, "answer")


def written_forms(source: str, rubric: str) -> tuple[str, str]:
    """(released, instructor's) of the text cell of a written exercise, which holds a prompt, the mark and a model answer."""
    prompt, _, answer = source.partition(ANSWER_MARK)
    scheme = f"=== BEGIN {SCHEME} ===\n{rubric}\n\n=== END {SCHEME} ==="
    return f"{prompt.strip()}\n\n{ANSWER_HERE}", f"{prompt.strip()}\n\n{answer.strip()}\n\n{scheme}"


def _with(source: str, form: str) -> str:
    return "\n".join(found["indent"] + found[form] if (found := MARKED.match(line)) else line for line in source.splitlines())


def taken_out(answer: str, blanked: str) -> list[ast.expr]:
    """The expressions (syntax trees) that stand in `answer` where `blanked` has `___`.

    Raises `Differs`, a ValueError, when `blanked` is not `answer` with expressions taken out.
    """
    out = []

    def walk(a: ast.AST, b: ast.AST, shown: tuple[ast.AST, ast.AST]) -> None:
        if isinstance(b, ast.Name) and b.id == NAME and isinstance(a, ast.expr):
            out.append(a)
            return
        # An operator has no text or line of its own: errors show the nearest expression or statement.
        shown = (a, b) if isinstance(a, (ast.expr, ast.stmt)) and isinstance(b, (ast.expr, ast.stmt)) else shown
        if type(a) is not type(b):
            raise Differs(*shown)
        for name in a._fields:
            x: Any = getattr(a, name, None)
            y: Any = getattr(b, name, None)
            pairs = list(zip(x, y)) if isinstance(x, list) else [(x, y)]
            if isinstance(x, list) and len(x) != len(y):
                raise Differs(*shown)
            for i, j in pairs:
                if isinstance(i, ast.AST) and isinstance(j, ast.AST):
                    walk(i, j, shown)
                elif type(i) is not type(j) or i != j:
                    raise Differs(*shown)

    whole = ast.parse(answer), ast.parse(blanked)
    walk(*whole, whole)
    return out


class Differs(ValueError):
    """The blanked form is not its answer with expressions taken out. `line` counts within the cell."""

    def __init__(self, a: ast.AST, b: ast.AST) -> None:
        self.line = getattr(b, "lineno", 1)
        super().__init__(f"`{_short(b)}` is not `{_short(a)}` with expressions replaced by ___")


def _short(node: ast.AST) -> str:
    text = ast.unparse(node)
    return text if len(text) < 80 else text[:77] + "..."


def top_level_names(source: str) -> tuple[str, ...]:
    """The functions, classes and variables that a cell defines, in order."""
    names = []
    for node in ast.parse(source).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.append(node.name)
        elif isinstance(node, ast.Assign):
            names.extend(t.id for t in node.targets if isinstance(t, ast.Name))
    return tuple(dict.fromkeys(names))
