"""A check broke with a reply in its hands: is it the reply, or is it the check?"""

import contextlib
from dataclasses import replace

from autograder.checks import asking
from autograder.checks.run import run_checks
from autograder.course import paths


def settled(lesson, outcomes, seed):
    """The outcomes; a check that broke is `grader_error` where it does not pass the solution with this seed, either.

    Where there is no solution to ask (a bundle), the tests have proved the check: it is the reply.
    """
    broken = {outcome.exercise for outcome in outcomes if outcome.broke}
    if not broken or not paths.SOLUTIONS.is_dir():
        return outcomes
    from autograder.authoring.students_copy import solution  # and with it the builder and its tools, which a bundle has not

    ours = asking.Direct(solution(lesson))
    passed = {o.name for o in run_checks(lesson, lambda _: contextlib.nullcontext(ours), seed=seed, exercises=broken, hidden=True) if o.status == "passed"}
    return [replace(o, status="grader_error") if o.broke and o.name not in passed else o for o in outcomes]
