"""A check broke with a reply in its hands: is it the reply, or is it the check?"""

import contextlib
from dataclasses import replace
from typing import Any

from autograder.checks import asking
from autograder.checks.files import COURSE, CheckFiles
from autograder.checks.run import Outcome, run_checks
from autograder.course import paths

PACKED = "solution.py"  # beside the checks of a bundle, which has no solutions/


def settled(lesson: str, outcomes: list[Outcome], seed: int, files: CheckFiles = COURSE) -> list[Outcome]:
    """The outcomes; a check that broke is `grader_error` where it does not pass the solution with this seed, either.

    Where there is no solution to ask (a student's copy), the tests have proved the check: it is the reply.
    """
    broken = {outcome.exercise for outcome in outcomes if outcome.broke}
    answers = _solution(lesson) if broken else None
    if answers is None:
        return outcomes
    ours = asking.Direct(answers)
    asked = run_checks(lesson, lambda _: contextlib.nullcontext(ours), seed=seed, exercises=broken, hidden=True, files=files)
    passed = {outcome.name for outcome in asked if outcome.status == "passed"}
    return [replace(o, status="grader_error") if o.broke and o.name not in passed else o for o in outcomes]


def _solution(lesson: str) -> dict[str, Any] | None:
    """The namespace of the right answers of a lesson (its name), or None."""
    if paths.SOLUTIONS.is_dir():
        from autograder.authoring.answers import solution  # and with it the builder and its tools, which a bundle has not

        return solution(lesson)
    packed = paths.folder_of(lesson) / PACKED
    if not packed.exists():
        return None
    namespace = {"__name__": "solution"}
    exec(compile(packed.read_text(encoding="utf-8"), str(packed), "exec"), namespace)
    return namespace
