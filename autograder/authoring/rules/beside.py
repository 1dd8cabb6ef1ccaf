"""Rules about the files beside a lesson's source, read from their syntax trees: checks, the bank of known answers, figures. Nothing is run."""

import ast

from autograder.authoring.blanked import top_level_names
from autograder.authoring.source import Broken, Draft, Task

WRONG, RIGHT = ("wrong", "wrong_value"), ("right", "right_value")
LEAST_WRONG, LEAST_RIGHT = 3, 1  # of an exercise in code; of a prediction one wrong letter is enough


# Checks


def visible_checks_are_of_this_lesson(draft: Draft) -> Broken:
    """Every visible check is about an exercise of this lesson that no person reads."""
    yield from _checks_of_this_lesson(draft, "visible.py")


def hidden_checks_are_of_this_lesson(draft: Draft) -> Broken:
    """Every hidden check is about an exercise of this lesson that no person reads."""
    yield from _checks_of_this_lesson(draft, "hidden.py")


def _checks_of_this_lesson(draft: Draft, file: str) -> Broken:
    by_hand = {task.id for task in draft.tasks if task.by_hand}
    for node in _body(draft, file):
        for call in _calls(node, ("exercise",)):
            about = _text(call)
            if about in by_hand:
                yield call.lineno, f"{about} is read by a person: no check grades it"
            elif about is not None and about not in draft.ids:
                yield call.lineno, f"there are checks for {about}, but no such exercise"


# The bank: answers that students give


def bank_is_python(draft: Draft) -> Broken:
    """There is a bank.py, and it is Python."""
    yield from _readable(draft, "bank.py")


def bank_answers_exercises_of_this_lesson(draft: Draft) -> Broken:
    """Every answer in the bank says, as plain texts, which exercise of this lesson it answers, and what it does."""
    asked = {task.id for task in _asked(draft)}
    for node, call in _entries(draft):
        about, note = _text(call), _text(call, 1)
        if about is None or note is None or not note.strip():
            yield call.lineno, f"{_called(call)} needs two plain texts: the exercise's id and what this answer does"
        elif about not in draft.ids:
            yield call.lineno, f"there is no exercise {about}"
        elif about not in asked:
            yield call.lineno, f"no check can tell answers to {about} apart: it is about files, or read by a person"


def bank_answers_bear_the_exercise_s_names(draft: Draft) -> Broken:
    """An answer in the bank defines names that the exercise's cell defines; what `**` gives can only be seen when it runs."""
    names = {task.id: set(_names(task)) for task in _asked(draft) if _names(task)}
    for node, call in _entries(draft):
        own = (
            [keyword.arg for keyword in call.keywords if keyword.arg] if _called(call).endswith("_value") else [getattr(node, "name", None)]
        )
        known = names.get(_text(call) or "", set())
        for name in own if known else ():
            if name not in known:
                yield call.lineno, f"{_text(call)} defines {', '.join(sorted(known))}; this answer defines {name}"


def bank_is_large_enough(draft: Draft) -> Broken:
    """An exercise in code (kind code or bug) has three wrong answers in the bank and a right one in another hand; a prediction has a wrong one."""
    for task in _asked(draft):
        mine = [_called(call) for _, call in _entries(draft) if _text(call) == task.id]
        wrong, right = (sum(name in kinds for name in mine) for kinds in (WRONG, RIGHT))
        least = 1 if task.kind == "choice" else LEAST_WRONG
        if wrong < least:
            yield 1, f"{task.id} has {wrong} wrong answers; {least} at least"
        if task.kind != "choice" and right < LEAST_RIGHT:
            yield 1, f"{task.id} has no right answer that is written differently"


# Figures


def figures_are_there(draft: Draft) -> Broken:
    """The figures that the lesson draws are functions in figures.py, with @figure above them and a docstring."""
    body = {node.name: node for node in _body(draft, "figures.py") if isinstance(node, ast.FunctionDef)}
    drawn = {name for cell in draft.cells for name, _ in cell.figures}
    if drawn:
        yield from _readable(draft, "figures.py")
    for name in sorted(drawn - body.keys()) if body else ():
        yield 1, f"the lesson draws figures.{name}, which is not here"
    for name in sorted(drawn & body.keys()):
        if "figure" not in {getattr(mark, "id", None) for mark in body[name].decorator_list}:
            yield body[name].lineno, f"{name} has no @figure above it: it would not look like the others"
        if ast.get_docstring(body[name]) is None:
            yield body[name].lineno, f"{name} has no docstring that says what it draws"


# The folder


def folder_is_a_package(draft: Draft) -> Broken:
    """The folder has an __init__.py: the notebook imports its figures."""
    if not (draft.folder / "__init__.py").is_file():
        yield 1, "the file is missing"


def _asked(draft: Draft) -> list[Task]:
    """The exercises that are answered by names in the notebook."""
    return [task for task in draft.tasks if task.kind in ("code", "choice", "bug")]


def _names(task: Task) -> tuple[str, ...]:
    """What the answer defines; nothing where it is no Python, which another rule says."""
    try:
        return top_level_names(task.forms[1])
    except SyntaxError:
        return ()


def _entries(draft: Draft) -> list[tuple[ast.stmt, ast.Call]]:
    """(the function or statement, the call of wrong, right, wrong_value or right_value) of every answer in the bank."""
    return [(node, call) for node in _body(draft, "bank.py") for call in _calls(node, WRONG + RIGHT)]


def _body(draft: Draft, file: str) -> list[ast.stmt]:
    """The statements of a file of the lesson's folder; none where it is missing or no Python."""
    try:
        return ast.parse((draft.folder / file).read_bytes()).body
    except (OSError, SyntaxError, ValueError):
        return []


def _readable(draft: Draft, file: str) -> Broken:
    try:
        ast.parse((draft.folder / file).read_bytes())
    except OSError:
        yield 1, "the file is missing"
    except (SyntaxError, ValueError) as error:
        yield getattr(error, "lineno", None) or 1, f"this is not Python: {getattr(error, 'msg', error)}"


def _calls(node: ast.stmt, names: tuple[str, ...]) -> list[ast.Call]:
    """The calls of `names` above a function, or as a statement of their own."""
    calls = node.decorator_list if isinstance(node, ast.FunctionDef) else [node.value] if isinstance(node, ast.Expr) else []
    return [call for call in calls if isinstance(call, ast.Call) and _called(call) in names]


def _called(call: ast.Call) -> str:
    """The plain name that is called; "" for anything else."""
    return getattr(call.func, "id", "")


def _text(call: ast.Call, at: int = 0) -> str | None:
    """A call's argument, where it is a plain text; else None."""
    value = call.args[at] if len(call.args) > at else None
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None


VISIBLE, HIDDEN = (visible_checks_are_of_this_lesson,), (hidden_checks_are_of_this_lesson,)
BANK = (
    bank_is_python,
    bank_answers_exercises_of_this_lesson,
    bank_answers_bear_the_exercise_s_names,
    bank_is_large_enough,
)
FIGURES = (figures_are_there,)
PACKAGE = (folder_is_a_package,)
