"""Known mistakes without their code, for a student's copy.

A wrong answer in a bank is often the right one with one thing changed. So a student's copy gets no bank, but a
recording: what every known answer replies to the questions that the visible checks ask (they are always the same).
"""

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from autograder.checks import asking
from autograder.checks.files import COURSE, CheckFiles
from autograder.checks.recalled import digest
from autograder.checks.run import run_checks
from autograder.course.faults import StudentError, StudentFault
from autograder.sandbox import wire


def record(lesson: str, solution: Mapping[str, Any], files: CheckFiles = COURSE) -> bytes:
    """The recording for a lesson's name, as bytes. `solution` is the namespace that the right answers make."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wrong answers do what libraries warn of
        return wire.encode(list(_entries(lesson, solution, files)))


def _entries(lesson: str, solution: Mapping[str, Any], files: CheckFiles) -> Iterator[tuple]:
    for exercise in dict.fromkeys(answer.exercise for answer in files.bank(lesson)):
        answers = [answer for answer in files.bank(lesson) if answer.exercise == exercise]
        questions: dict[str, tuple] = {}
        for names in ({}, *(answer.names for answer in answers)):
            for question in _asked(lesson, exercise, {**solution, **names}, files):
                questions.setdefault(digest(*question), question)
        for answer in answers:
            values = {name: value for name, value in answer.names.items() if not callable(value)}
            replies = {}
            for key, question in questions.items():
                if question[0] in answer.names and question[0] not in values:
                    replies[key] = _reply(answer.names, *question)
            note = "" if answer.right else answer.note  # how a right answer is made is nobody's mistake
            yield exercise, note, answer.right, values, list(answer.names), replies


def _asked(lesson: str, exercise: str, namespace: Mapping[str, Any], files: CheckFiles) -> list[tuple]:
    """(name, args, kwargs, wrt) of every call that the visible checks of an exercise make."""
    direct = asking.Direct(namespace)
    outcomes = run_checks(lesson, lambda _: contextlib.nullcontext(direct), seed=0, exercises=[exercise], files=files)
    return [(each.name, each.args, each.kwargs, each.wrt) for o in outcomes for each in o.asked if each.args is not None]


def _reply(names: Mapping[str, Any], name: str, args: tuple, kwargs: dict[str, Any], wrt: tuple | None) -> list:
    try:
        found = asking.Direct(names).call(name, args, kwargs, wrt)
    except StudentError as fault:
        return ["error", fault.type_name, fault.message[:200], fault.place]
    except StudentFault:
        return ["error", "", "", ""]  # like no student's
    changed = [[each.place, each.name, each.what] for each in found.changed]
    return ["reply", found.value, changed, list(found.shared), found.requires_grad, list(found.left), found.grads, found.attached]
