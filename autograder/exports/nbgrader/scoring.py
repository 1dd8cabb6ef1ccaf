"""What the check cells call under stock `nbgrader autograde`: the visible and the hidden checks, for points.

The checks then run in the student's kernel, where a dishonest notebook can reach them. `course grade` keeps them apart.
"""

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator
from typing import Any

from autograder.checks import asking
from autograder.checks.run import run_checks
from autograder.checks.verdict import Verdict, judge, unfilled
from autograder.course import catalogue
from autograder.course.catalogue import Exercise, Lesson
from autograder.grading.blame import settled
from autograder.learner import kernel_runs
from autograder.learner.checking import files_here
from autograder.student import say_verdict

SEED = 0


class NoScore(Exception):
    """The checks could not say anything: nbgrader shows this, and the cell gets no points."""


def score(exercise_id: str) -> float:
    """Show the verdict on one exercise and return its points, as nbgrader's partial credit.

    Raises `NoScore` where the hidden checks are missing or break.
    """
    namespace = sys._getframe(1).f_globals
    lesson = catalogue.lesson_of(exercise_id)
    exercise = lesson.exercise(exercise_id)
    with _silence():
        verdict = _blank(namespace, lesson, exercise) or _asked(namespace, lesson, exercise)
    if verdict.status == "grader_error":
        raise NoScore(f"{exercise_id}: {verdict.message} Are the hidden checks installed here?")
    say_verdict(exercise, verdict)
    return verdict.points


def _blank(namespace: dict[str, Any], lesson: Lesson, exercise: Exercise) -> Verdict | None:
    """The verdict on a cell nobody has worked on, by the rules of `course grade`; else None."""
    run = kernel_runs.last_run(exercise.id, exercise.names)
    found = [(run.source, exercise.id)] if run else [asking.source_in(namespace, name) for name in exercise.names]
    source = next((text for text, owner in filter(None, found) if owner == exercise.id), None)
    if source is None:
        return None
    message = unfilled(exercise, lesson.cell_of(exercise.id).source, source)
    return Verdict(exercise.id, "blank", 0, exercise.points, message, {}) if message else None


def _asked(namespace: dict[str, Any], lesson: Lesson, exercise: Exercise) -> Verdict:
    answers = contextlib.nullcontext(asking.Direct(namespace))
    artefacts = files_here(lesson) if exercise.files else None
    outcomes = run_checks(lesson.name, lambda _: answers, seed=SEED, exercises=[exercise.id], hidden=True, artefacts=artefacts)
    return judge(lesson.name, exercise, settled(lesson.name, outcomes, SEED), hidden=True)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """nbgrader gives no points for a cell with a warning on stderr: nothing that the answer prints gets there."""
    with open(os.devnull, "w") as nowhere, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kept = os.dup(2)
        try:
            os.dup2(nowhere.fileno(), 2)  # compiled libraries write past sys.stderr
            with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
                yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
