"""Known mistakes without their code, for a student's copy.

A wrong answer in a bank is often the right one with one thing changed. So a student's copy gets no bank, but a
recording: what every known answer replies to the questions that the visible checks ask (they are always the same).
"""

import contextlib
import hashlib
import warnings
from dataclasses import dataclass, field

from autograder.checks import Answer, asking, bank
from autograder.checks.run import run_checks
from autograder.course.faults import StudentError, StudentFault
from autograder.sandbox import wire
from autograder.sandbox.reply import Change, Reply


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
            for digest, question in questions.items():
                if question[0] in answer.names and question[0] not in values:
                    replies[digest] = _reply(answer.names, *question)
            note = "" if answer.right else answer.note  # how a right answer is made is nobody's mistake
            yield exercise, note, answer.right, values, list(answer.names), replies


def _asked(lesson, exercise, namespace):
    """(name, args, kwargs, wrt) of every call that the visible checks of an exercise make."""
    direct = asking.Direct(namespace)
    outcomes = run_checks(lesson, lambda _: contextlib.nullcontext(direct), seed=0, exercises=[exercise])
    return [(each.name, each.args, each.kwargs, each.wrt) for o in outcomes for each in o.asked if each.args is not None]


def _reply(names, name, args, kwargs, wrt):
    try:
        found = asking.Direct(names).call(name, args, kwargs, wrt)
    except StudentError as fault:
        return ["error", fault.type_name, fault.message[:200], fault.place]
    except StudentFault:
        return ["error", "", "", ""]  # like no student's
    changed = [[each.place, each.name, each.what] for each in found.changed]
    return ["reply", found.value, changed, list(found.shared), found.requires_grad, list(found.left), found.grads, found.attached]


def _digest(name, args, kwargs, wrt):
    return hashlib.sha256(wire.encode([name, tuple(args), kwargs, wrt])).hexdigest()[:24]


def answers_in(data):
    """The `Answer`s in a recording. They reply from memory, and to a question that was not recorded like no student."""
    found = []
    for exercise, note, right, values, names, replies in wire.decode(data):
        found.append(Recalled(exercise, note, right, {name: values.get(name) for name in names}, replies))
    return tuple(found)


@dataclass(frozen=True)
class Recalled(Answer):
    """A known answer of which only the replies are there; `names` has the values of variables, and None for functions."""

    replies: dict = field(default_factory=dict, hash=False)

    def answering(self):
        return self

    def value(self, name):
        return self.names[name]

    def call(self, name, args, kwargs, wrt=None):
        kind, *recorded = self.replies.get(_digest(name, args, kwargs, wrt), ["error", "", "", ""])
        if kind == "error":
            kind, message, place = recorded
            raise StudentError(kind, message, place=place)
        value, changed, shared, requires_grad, left, grads, attached = recorded
        return Reply(value, tuple(Change(*each) for each in changed), tuple(shared), requires_grad, tuple(left), grads, attached)
