"""A student's own functions from earlier lessons, where they pass; the course's otherwise, so that no mistake costs twice.

For demonstration cells, which the grader skips: the student's code runs here as in their own kernel, unprotected.
"""

import contextlib
import functools
import importlib
import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autograder.checks import asking
from autograder.checks.run import run_checks
from autograder.checks.verdict import judge, unfilled
from autograder.course import catalogue, paths
from autograder.course.catalogue import Exercise, Lesson
from autograder.course.notebooks import NotebookProblem, read_submission
from autograder.learner import kernel_runs
from autograder.learner.own_notebook import notebook, run_cell, run_limited


class NotUsable(Exception):
    """Why the student's function is not taken, in words that follow "because"."""


def function_of(exercise_id: str, name: str, namespace: dict[str, Any]) -> Any:
    """The function `name` of an earlier exercise: the student's if it passes the visible checks, else the course's.

    `namespace` is that of the notebook that asks.
    The student's comes from the earlier lesson's notebook in the same folder as this one, or in that lesson's own folder beside
    this one's, as nbgrader hands lessons out. Prints one line that says which of the two it is. If the student's fails or
    hangs later on, the course's takes over, with a line that says so.
    Raises KeyError for an unknown exercise, AttributeError for a name the course has no function for.
    """
    lesson = catalogue.lesson_of(exercise_id)
    ours = getattr(importlib.import_module(f"{paths.package_of(lesson.name)}.library"), name)
    here = kernel_runs.this_notebook(namespace, lesson.name)
    try:
        own = _own(here.parent if here else Path.cwd(), lesson, lesson.exercise(exercise_id), name)
    except NotUsable as reason:
        print(f"{name}: the course's, because {reason}")
        return ours
    print(f"{name}: yours, from {exercise_id}")
    return _guarded(own, ours, name)


def _own(folder: Path, lesson: Lesson, exercise: Exercise, name: str) -> Any:
    """The student's function, proved by the exercise's visible checks. Raises `NotUsable`."""
    path = _notebook(folder, lesson.name)
    try:
        source = read_submission(path.read_bytes(), lesson).answers.get(exercise.id)
    except (OSError, NotebookProblem):
        raise NotUsable(f"{path.name} cannot be read") from None
    if source is None:
        raise NotUsable(f"{path.name} has no cell for {exercise.id}")
    if unfilled(exercise, lesson.cell_of(exercise.id).source, source):
        raise NotUsable(f"{exercise.id} is still blank in {path.name}")
    with notebook() as shell, contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the student's code may well earn one: it would stand between our lines
        # The imports and helpers come from the lesson as handed out: nothing else of the notebook runs.
        for cell in lesson.cells:
            if cell.role == "plain":
                run_cell(shell, cell.source, "a cell of the lesson")
        fault = run_limited(shell, source, f"exercise {exercise.id}", asking.CALL_SECONDS)
        if fault:
            yours = f"your cell of {exercise.id}"
            raise NotUsable(fault.words.replace("This cell", yours, 1) if fault.timed_out else f"{yours} stops with {fault.words}")
        ask = asking.Direct(shell.user_ns)
        outcomes = run_checks(lesson.name, lambda _: contextlib.nullcontext(ask), seed=0, exercises=[exercise.id])
    if judge(lesson.name, exercise, outcomes, hidden=False).status != "passed":
        raise NotUsable(f"yours does not pass {exercise.id} yet")
    return shell.user_ns[name]


def _notebook(folder: Path, lesson_name: str) -> Path:
    """The lesson's notebook in `folder`, else in its own folder beside: by its own name, else the newest whose name contains it."""
    for place in (folder, folder.parent / lesson_name):
        exact = place / f"{lesson_name}.ipynb"
        others = sorted(place.glob(f"*{lesson_name}*.ipynb"), key=lambda path: path.stat().st_mtime)
        if exact.is_file():
            return exact
        if others:
            return others[-1]
    raise NotUsable(f"there is no {lesson_name}.ipynb beside this notebook")


def _guarded(own: Callable[..., Any], ours: Callable[..., Any], name: str) -> Callable[..., Any]:
    """`own`, with `ours` in its place from the first call that fails or hangs."""
    chosen = own

    @functools.wraps(own)
    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal chosen
        if chosen is own:
            try:
                with asking.time_limit(f"`{name}`"):
                    return own(*args, **kwargs)
            except Exception as error:
                chosen = ours
                print(f"{name}: yours stopped here with {type(error).__name__}; the course's takes over")
        return ours(*args, **kwargs)

    return call
