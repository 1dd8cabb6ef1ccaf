"""One student's code for an exercise, with nothing in it that says whose it is."""

import ast
import functools
import hashlib
from pathlib import Path

from autograder.course import catalogue
from autograder.course.cell_code import parsed, plain_python
from autograder.course.notebooks import NotebookProblem, read_submission
from autograder.grading.submission import Result

MOST_LINES, MOST_LETTERS = 25, 1500


def example(result: Result, exercise: str) -> str:
    """The code in the exercise's cell, without comments and docstrings, and with "..." for its student's name; at most 25 lines.

    "" where the notebook is no longer the one that was graded, where it is no Python, or where nothing of it is left.
    """
    tree = parsed(plain_python(_answers(result.file, result.sha256, result.lesson).get(exercise, "")))
    if tree is None:
        return ""
    try:
        code = ast.unparse(_last_definitions(_without_docstrings(tree)))
    except (RecursionError, ValueError, MemoryError):
        return ""
    for name in {result.student, *result.student.replace(".", " ").replace("_", " ").split()}:
        if len(name) > 2:
            code = code.replace(name, "...").replace(name.capitalize(), "...")
    lines = ["".join(c if c.isprintable() else " " for c in line) for line in code.splitlines()]
    shown = "\n".join(lines[:MOST_LINES])[:MOST_LETTERS]
    return shown + ("\n..." if shown != "\n".join(lines) else "")


@functools.cache  # a notebook is asked for each of its mistakes
def _answers(file: str, sha256: str, lesson: str) -> dict[str, str]:
    """Exercise -> source in a notebook; empty where it is no longer the one with this hash."""
    try:
        data = Path(file).read_bytes()
        same = hashlib.sha256(data).hexdigest() == sha256
        return read_submission(data, catalogue.lessons()[lesson]).answers if same else {}
    except (OSError, ValueError, NotebookProblem):
        return {}


def _without_docstrings(tree: ast.Module) -> ast.Module:
    """Texts that stand for themselves go: they are comments, and people sign them."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            body[:] = [s for s in body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))] or (
                [] if isinstance(node, ast.Module) else [ast.Pass()]
            )
    return tree


def _last_definitions(tree: ast.Module) -> ast.Module:
    """A function that is defined again below does not count, so it does not show."""
    last = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    tree.body = [node for node in tree.body if not isinstance(node, ast.FunctionDef) or last[node.name] is node]
    return tree
