"""Known mistakes without their code, as a student's copy has them: they reply from memory. `recorded` makes what is read here."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from autograder.checks import Answer
from autograder.course.faults import StudentError
from autograder.sandbox import wire
from autograder.sandbox.reply import Change, Reply


def digest(name: str, args: tuple, kwargs: dict[str, Any], wrt: tuple | None) -> str:
    """A short name of a question."""
    return hashlib.sha256(wire.encode([name, tuple(args), kwargs, wrt])).hexdigest()[:24]


def answers_in(data: bytes) -> tuple[Answer, ...]:
    """The `Answer`s in a recording. They reply from memory, and to a question that was not recorded like no student."""
    found = []
    for exercise, note, right, values, names, replies in wire.decode(data):
        found.append(Recalled(exercise, note, right, {name: values.get(name) for name in names}, replies))
    return tuple(found)


@dataclass(frozen=True)
class Recalled(Answer):
    """A known answer of which only the replies are there; `names` has the values of variables, and None for functions."""

    replies: dict[str, list] = field(default_factory=dict, hash=False)

    def value(self, name: str) -> Any:
        return self.names[name]

    def call(self, name: str, args: tuple, kwargs: dict[str, Any], wrt: tuple | None = None) -> Reply:
        kind, *recorded = self.replies.get(digest(name, args, kwargs, wrt), ["error", "", "", ""])
        if kind == "error":
            kind, message, place = recorded
            raise StudentError(kind, message, place=place)
        value, changed, shared, requires_grad, left, grads, attached = recorded
        return Reply(value, tuple(Change(*each) for each in changed), tuple(shared), requires_grad, tuple(left), grads, attached)
