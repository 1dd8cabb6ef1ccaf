"""Checking an answer where the student works: the visible checks on their own functions; what is kept of it."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.checks import asking
from autograder.checks.run import run_checks
from autograder.checks.verdict import Verdict, judge, unfilled, without_quotes
from autograder.course.blanks import ___, blank_message
from autograder.course.catalogue import Exercise, Lesson
from autograder.learner import kernel_runs, progress

if TYPE_CHECKING:
    from autograder.checks.artefacts import Artefacts


def check_in(
    namespace: dict[str, Any], lesson: Lesson, exercise: Exercise, source: str | None = None, notebook: Path | None = None
) -> Verdict | None:
    """The `Verdict` of the visible checks on `namespace` (a dict).

    None for a written exercise. `source` is the exercise's cell, `notebook` the notebook's path, where they are known.
    """
    if exercise.by_hand:
        return None
    verdict = _before_checks(namespace, lesson, exercise, source)
    if verdict is None:
        ask = asking.Direct(namespace)
        artefacts = files_here(lesson, notebook or kernel_runs.this_notebook(namespace, lesson.name)) if exercise.files else None
        outcomes = run_checks(lesson.name, lambda _: contextlib.nullcontext(ask), seed=0, exercises=[exercise.id], artefacts=artefacts)
        verdict = judge(lesson.name, exercise, outcomes, hidden=False)
    return verdict


def note(verdict: Verdict, tried: bool = True) -> bool:
    """Put a verdict into the progress file, as a try or as what was found on the way. Returns whether it is the exercise's first pass."""
    entry = progress.of(verdict.exercise)
    # A blank, in a fresh copy of the lesson, say, does not undo what was reached before.
    passed = verdict.status == "passed" or (verdict.status == "blank" and entry["passed"])
    progress.update(verdict.exercise, passed=passed, tries=entry["tries"] + tried)
    return passed and not entry["passed"]


def files_here(lesson: Lesson, notebook: Path | None = None) -> "Artefacts":
    """The files handed in with `lesson`, beside `notebook` (a path) or in this folder, for checks on this machine."""
    from autograder.checks.artefacts import Artefacts, Here  # ONNX, which only labs need
    from autograder.course.handed_in import ENDING, folder_of, read_folder

    usual = Path.cwd() / f"{lesson.name}{ENDING}"  # where the lab's own cell writes it
    known = [folder_of(notebook, lesson.name), notebook.with_name(usual.name)] if notebook else []
    return Artefacts(read_folder(next((each for each in known if each.is_dir()), usual), lesson.files), Here())


def _before_checks(namespace: dict[str, Any], lesson: Lesson, exercise: Exercise, source: str | None) -> Verdict | None:
    """The verdict that needs no checks: the cell is blank, untouched, or did not run to its end; None otherwise."""
    run = kernel_runs.last_run(exercise.id, exercise.names) if source is None else None
    if run is not None:
        source = run.source
    elif source is None:
        known = [asking.source_in(namespace, name) for name in exercise.names if name in namespace]
        source = next((found[0] for found in known if found and found[1] == exercise.id), None)
    if source is not None:
        message = unfilled(exercise, lesson.cell_of(exercise.id).source, source)
        if message:
            return Verdict(exercise.id, "blank", 0, exercise.points, message, {})
    if any(namespace.get(name) is ___ for name in exercise.names):
        return Verdict(exercise.id, "blank", 0, exercise.points, blank_message(exercise.id), {})
    # What the cell defined earlier may still be there, but it is not what the student sees now. What another cell defines is.
    missing = set(exercise.names) - run.defines if run is not None else set()
    lost = sorted(name for name in missing if name not in namespace or not kernel_runs.bound_elsewhere(exercise.id, name))
    if lost and run is not None and run.error:
        message = f"The cell's last run stopped with {run.error}. Repair that first, then run it and check again. "
        message = (message + without_quotes(exercise, run.error)).strip()
        return Verdict(exercise.id, "error", 0, exercise.points, message, {})
    if lost:
        message = f"The cell no longer defines `{lost[0]}`: keep the names that the exercise gives."
        return Verdict(exercise.id, "missing", 0, exercise.points, message, {})
    return None
