"""Known mistakes without their code, for a student's copy.

A wrong answer in a bank is often the right one with one thing changed. So a student's copy gets no bank, but a
recording: what every known answer replies to the questions that the visible checks ask (they are always the same).
"""

import contextlib
import hashlib
import warnings

from autograder import wire
from autograder.checks import Answer, bank, students
from autograder.checks.faults import StudentError, StudentFault
from autograder.checks.runner import run_checks


def record(lesson, solution):
    """The recording for a lesson's name, as bytes. `solution` is the namespace that the right answers make."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wrong answers do what libraries warn of
        return wire.encode(list(_entries(lesson, solution)))


def _entries(lesson, solution):
    for exercise in dict.fromkeys(answer.exercise for answer in bank(lesson)):
        answers = [answer for answer in bank(lesson) if answer.exercise == exercise]
        questions = {}
        for names in ({}, *(answer.names for answer in answers)):
            for question in _asked(lesson, exercise, {**solution, **names}):
                questions.setdefault(_digest(*question), question)
        for answer in answers:
            values = {name: value for name, value in answer.names.items() if not callable(value)}
            replies = {}
            for digest, (name, args, kwargs) in questions.items():
                if name in answer.names and name not in values:
                    replies[digest] = _reply(answer.names, name, args, kwargs)
            note = "" if answer.right else answer.note  # how a right answer is made is nobody's mistake
            yield exercise, note, answer.right, values, list(answer.names), replies


def _asked(lesson, exercise, namespace):
    """(name, args, kwargs) of every call that the visible checks of an exercise make."""
    direct = students.Direct(namespace)
    outcomes = run_checks(lesson, lambda _: contextlib.nullcontext(direct), seed=0, exercises=[exercise])
    return [(name, args, kwargs) for o in outcomes for name, args, kwargs, _ in o.asked if args is not None]


def _reply(names, name, args, kwargs):
    try:
        return ("value", students.Direct(names).call(name, args, kwargs)[0])
    except StudentError as fault:
        return ("error", fault.type_name)
    except StudentFault:
        return ("error", "")  # like no student's


def _digest(name, args, kwargs):
    return hashlib.sha256(wire.encode([name, tuple(args), kwargs])).hexdigest()[:24]


def answers_in(data):
    """The `Answer`s in a recording; their functions reply from memory and raise `Unasked` for other questions."""
    found = []
    for exercise, note, right, values, names, replies in wire.decode(data):
        found.append(Answer(exercise, note, right, {name: values[name] if name in values else _replay(name, replies) for name in names}))
    return tuple(found)


class Unasked(Exception):
    """A question that was not recorded."""


def _replay(name, replies):
    def answer(*args, **kwargs):
        kind, reply = replies.get(_digest(name, args, kwargs), ("error", ""))
        if kind == "value":
            return reply
        raise type(reply, (Exception,), {}) if reply else Unasked

    return answer
