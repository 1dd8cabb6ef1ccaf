"""A class of realistic submissions, made from the lessons' answers and the banks of wrong ones."""

import ast
import inspect
import random

import nbformat

from autograder.authoring.build import build, sources
from autograder.checks.files import bank
from autograder.course.paths import is_lab, name_of

KINDS = ("solution", "solution", "other", "other", "slip", "slips", "half", "half", "weak", "blank")  # of every ten students


def lesson_sources():
    """The sources of the lessons that have checks worth timing: all but the one-blank lesson 00."""
    return [path for path in sources() if not (name := name_of(path.parent.name)).startswith("00") and not is_lab(name)]


def build_lessons():
    """These lessons, built."""
    return [build(path) for path in lesson_sources()]


def submission(built, kind, seed, demos=True):
    """Notebook JSON of one student of `kind`: solution, other (right, in another hand), slip and slips (one and
    three known mistakes), half (the second half blank), weak (mistakes and blanks) or blank (as handed out).

    `demos` False leaves out the demonstration cells, which no check needs.
    """
    rng = random.Random(f"{built.lesson.name} {kind} {seed}")
    notebook = nbformat.reads(built.notebook if kind == "blank" else built.instructor, as_version=4)
    released = nbformat.reads(built.notebook, as_version=4)
    graded = [e for e in built.lesson.exercises if not e.by_hand]
    wrong, right, blank = set(), set(), set()
    if kind == "other":
        right = {e.id for e in graded}
    elif kind in ("slip", "slips"):
        wrong = {e.id for e in rng.sample(graded, 1 if kind == "slip" else min(3, len(graded)))}
    elif kind == "half":
        blank = {e.id for e in built.lesson.exercises[len(built.lesson.exercises) // 2 :]}
    elif kind == "weak":
        wrong, blank = {e.id for e in graded[:3]}, {e.id for e in graded[5:]}
    known = bank(built.lesson.name)
    handed_out = {cell.id: cell.source for cell in released.cells}
    for cell in notebook.cells:
        role, exercise = cell.metadata.course.get("role"), cell.metadata.course.get("exercise")
        if role == "check" or (exercise in blank and role == "exercise"):
            cell.source = handed_out[cell.id]
        elif role == "exercise" and exercise in wrong | right:
            answers = [a for a in known if a.exercise == exercise and a.right is (exercise in right) and _stands_by_itself(a)]
            if answers:
                cell.source = in_place_of(cell.source, rng.choice(answers))
        elif role == "exercise" and cell.cell_type == "markdown":
            cell.source = cell.source.split("=== BEGIN MARK SCHEME ===")[0]
        cell.metadata.course.pop("released", None)
    if not demos:
        notebook.cells = [cell for cell in notebook.cells if cell.metadata.course.get("role") != "demo"]
    return nbformat.writes(notebook)


def _stands_by_itself(answer):
    """Whether its source says all: a function made inside another takes values from there."""
    return "<locals>" not in getattr(next(iter(answer.names.values())), "__qualname__", "")


def in_place_of(source, answer):
    """An exercise's cell with an answer from the bank: `source`, and the answer's functions or values below it."""
    value = next(iter(answer.names.values()))
    if not callable(value):
        return f"# Exercise {answer.exercise}\n" + "\n".join(f"{k} = {v!r}" for k, v in answer.names.items())
    (function,) = ast.parse(inspect.getsource(value)).body
    register = ("right", "wrong")
    function.decorator_list = [d for d in function.decorator_list if getattr(getattr(d, "func", None), "id", "") not in register]
    return f"{source}\n\n\nimport numpy as np\nimport torch\n{ast.unparse(function)}"
