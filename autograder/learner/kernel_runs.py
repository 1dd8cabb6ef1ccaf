"""What IPython knows of the notebook that runs here: the last run of each exercise's cell, who bound which name, and the file's name."""

import os
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.course.blanks import exercise_named_in
from autograder.course.cell_code import bound_names


@dataclass(frozen=True)
class Run:
    """The last run of an exercise's cell. `error` says what stopped it ("SyntaxError in line 9"), or is empty; `defines`
    are the names that it gave a value: the namespace has them, and they are new, or the cell, which ran to its end, binds them again.
    """

    source: str
    error: str
    defines: frozenset[str]


_runs: dict[str, Run] = {}
_binders: dict[str, str] = {}  # name -> the exercise whose cell was the last to give it another value, or ""
_watched: Any = None
_listener: Callable[[str, str], object] | None = None
# Of the cells that run now (one may run another, as `%%capture` does): the namespace as it was, the last exception, the exercise.
_before: list[tuple[dict[str, int], Any, str | None]] = []


def watch() -> None:
    """From now on, keep the last run of every exercise's cell. Does nothing outside IPython, or a second time."""
    global _watched
    here = shell()
    if here is not None and here is not _watched:
        here.events.register("pre_run_cell", _before_cell)
        here.events.register("post_run_cell", _after_cell)
        _watched = here


def tell(listener: Callable[[str, str], object] | None) -> None:
    """From now on, call `listener(exercise id, source)` whenever an exercise's cell has run to its end; None: nobody."""
    global _listener
    _listener = listener


def last_run(exercise_id: str, names: Collection[str] = ()) -> Run | None:
    """The last `Run` of an exercise's cell in this kernel; None without one, while it runs again, or where other cells have given all
    `names` their values.
    """
    if any(running == exercise_id for _, _, running in _before):
        return None
    run = _runs.get(exercise_id)
    return None if run is not None and names and all(bound_elsewhere(exercise_id, name) for name in names) else run


def bound_elsewhere(exercise_id: str, name: str) -> bool:
    """Whether a cell that is not the exercise's own was the last to give `name` a value."""
    return _binders.get(name, exercise_id) != exercise_id


def this_notebook(namespace: dict[str, Any], lesson: str) -> Path | None:
    """The path of the notebook that runs here: as Jupyter or VS Code says, else by its name in this folder; or None."""
    for known in (namespace.get("__vsc_ipynb_file__"), os.environ.get("JPY_SESSION_NAME"), f"{lesson}.ipynb"):
        if isinstance(known, str) and known.endswith(".ipynb") and Path(known).is_file():
            return Path(known).resolve()
    return None


def _before_cell(info: object) -> None:
    # Numbers, not the values: a network that the cell replaces must not stay in memory until its end.
    running = exercise_named_in(getattr(info, "raw_cell", "") or "")
    _before.append(({name: id(value) for name, value in _watched.user_ns.items()}, getattr(sys, "last_value", None), running))


def _after_cell(result: Any) -> None:
    source = getattr(result.info, "raw_cell", "") or ""
    before, shown, _ = _before.pop() if _before else ({}, None, None)
    exercise, namespace = exercise_named_in(source), _watched.user_ns
    changed = {name for name, value in namespace.items() if before.get(name) != id(value)}
    _binders.update(dict.fromkeys(changed, exercise or ""))
    if exercise:
        error = result.error_before_exec or result.error_in_exec
        last = getattr(sys, "last_value", None)
        if error is None and last is not shown and source.lstrip().startswith("%%"):
            error = last  # some magics show what stopped the code below them and end well
        bound = bound_names(source) if error is None else set()
        if exercise in _runs and _runs[exercise].source == source:
            bound = bound | _runs[exercise].defines  # as it did before, whether one can read it there or not
        defines = frozenset(changed | (bound & namespace.keys()))
        _binders.update(dict.fromkeys(defines, exercise))
        _runs[exercise] = Run(source, _said(error) if error is not None else "", defines)
        if _listener is not None and error is None:
            _listener(exercise, source)


def _said(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__} in line {error.lineno}: {error.msg}"
    return f"{type(error).__name__}: {error}"


def shell() -> Any:
    """IPython's shell, or None outside IPython."""
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    return get_ipython()
