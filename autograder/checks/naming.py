"""Naming a known mistake: does a wrong answer behave, at every question that was asked, as one in the bank does?

A wrong name is worse than none. So a name is given only where one sentence of the bank, and no other, explains every reply of
the function and every check that failed, where no right answer explains them, and where the replies say enough.
"""

import inspect
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from autograder.checks import Answer, asking, laws
from autograder.checks.recalled import Recalled
from autograder.checks.run import Outcome
from autograder.checks.same import LOOSE, TIGHT, Tolerance, from_tensor, same_data
from autograder.checks.words import show
from autograder.course.faults import StudentError, StudentFault
from autograder.sandbox.reply import Reply

MANY, LARGE = 32, 1000  # numbers, and a size of them, that do not agree by chance
DATA_TYPE = re.compile(r"\b(bool|truth value|u?int(8|16|32|64)|b?float(16|32|64)|complex(64|128)|data type|type of numbers)\b")


def named_mistake(bank: Iterable[Answer], exercise: str, outcomes: Iterable[Outcome]) -> str | None:
    """The sentence of the known mistake in `bank` (a lesson's `Answer`s) that explains everything that failed, or None.

    Every question that the checks asked is put to each answer in the bank. Numbers are compared tightly first; if that
    explains nothing, up to a share of the reply's scale: the same mistake can be written in other arithmetic.
    """
    mine = [outcome for outcome in outcomes if outcome.exercise == exercise]
    failed = [outcome for outcome in mine if outcome.status != "passed"]
    if not failed or any(outcome.status not in ("failed", "error") for outcome in failed) or all(map(_by_change, failed)):
        return None
    answers = [_Known(answer) for answer in bank if answer.exercise == exercise]
    asked = [question for outcome in mine for question in outcome.asked]
    # Where a data type is what failed, an answer of another type does not explain it.
    strict = any(DATA_TYPE.search(outcome.message) for outcome in failed)
    for tolerance in (TIGHT, LOOSE):
        notes = {known.note for known in answers if not known.right and _explains(known, answers, asked, failed, tolerance, strict)}
        if notes:
            return notes.pop() if len(notes) == 1 else None
    return None


def _by_change(outcome: Outcome) -> bool:
    """Whether a check failed because an argument came back changed. Its message says all there is to say."""
    return any("changed" in question.used and question.reply and question.reply.changed for question in outcome.asked)


def _explains(
    known: "_Known",
    answers: Sequence["_Known"],
    asked: Sequence[asking.Asked],
    failed: Sequence[Outcome],
    tolerance: Tolerance,
    strict: bool,
) -> bool:
    relevant = [question for question in asked if question.name in known.names]
    # What an exception says counts where it is what failed; a check that wants a ValueError leaves its words to the student.
    raised = {id(outcome.asked[-1]) for outcome in failed if outcome.status == "error" and outcome.asked}
    if not relevant or not all(known.agrees(question, tolerance, strict, words=id(question) in raised) for question in relevant):
        return False
    # Where a right answer replies the same, the questions do not show the mistake: it is not the one made here.
    rights = [each for each in answers if each.right and each.names >= known.names]
    if any(all(right.agrees(question, tolerance, exact=True) for question in relevant) for right in rights):
        return False
    if not all(_explained(outcome, known, rights, tolerance) for outcome in failed):
        return False
    failing = {id(question) for outcome in failed for question in outcome.asked}
    return _telling([question for question in relevant if (_is_wrong(question, rights, tolerance) if rights else id(question) in failing)])


def _explained(outcome: Outcome, known: "_Known", rights: Sequence["_Known"], tolerance: Tolerance) -> bool:
    """Whether the mistake is seen in this check; where no right answer is there to tell, whether nothing else was asked in it."""
    suspects = outcome.asked[-1:] if outcome.asked and outcome.asked[-1].fault else outcome.asked
    own = [question for question in suspects if question.name in known.names]
    return any(_is_wrong(question, rights, tolerance) for question in own) if rights else len(own) == len(suspects) > 0


def _telling(wrong: Sequence[asking.Asked]) -> bool:
    """Whether the replies say enough to tell one mistake from another.

    A number with a fraction, a large one, many of them, a text, a module or an exception does. A few small numbers and truths agree by chance where few sizes
    are asked about (2 of 5 indices are those of "one too few", and of "those to remove" where 3 shall be kept): they
    must be wrong, in the same way, for arguments of two different sizes.
    """
    if any(question.args is None or question.fault or not _says_little(question.reply.value) for question in wrong):
        return True
    return len({repr([*map(_sizes, question.args), _sizes(question.kwargs)]) for question in wrong}) > 1


def _says_little(value: Any) -> bool:
    """Whether a reply is made of a few small whole numbers, of truths, and nothing else."""
    if isinstance(value, (list, tuple, dict)):
        return all(map(_says_little, value.values() if isinstance(value, dict) else value))
    if value is None:
        return True
    try:
        array = np.asarray(from_tensor(value) if hasattr(value, "detach") else value)
        if array.size >= MANY or array.dtype.kind in "iuf" and (np.abs(array[np.isfinite(array)].astype(float)) >= LARGE).any():
            return False
        return array.dtype.kind in "biu" or array.dtype.kind == "f" and not (array[np.isfinite(array)] % 1 != 0).any()
    except Exception:  # a module, for one
        return False


def _sizes(value: Any) -> Any:
    """Arguments without the numbers in arrays and lists of numbers: what is left are shapes, lengths and single values."""
    if isinstance(value, dict):
        return {key: _sizes(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return len(value) if value and all(isinstance(each, (int, float)) for each in value) else [_sizes(each) for each in value]
    if hasattr(value, "modules"):
        return [tuple(each.shape) for each in value.parameters()]
    return tuple(value.shape) if getattr(value, "ndim", 0) else show(value)


def _is_wrong(question: asking.Asked, rights: Sequence["_Known"], tolerance: Tolerance) -> bool:
    return not any(right.agrees(question, tolerance, exact=True) for right in rights)


class _Known:
    """An answer in the bank, with its replies kept."""

    def __init__(self, answer: Answer) -> None:
        self.note, self.right, self.names = answer.note, answer.right, answer.names.keys()
        self._exercise = answer.exercise
        self._replies: dict[int, Reply | StudentFault] = {}
        self._answers = answer if isinstance(answer, Recalled) else asking.Direct(answer.names)

    def agrees(self, question: asking.Asked, tolerance: Tolerance, exact: bool = False, words: bool = True) -> bool:
        """Whether its reply to a question is the one that came; with `exact`, also in the data types. Of an exception, with `words`, also
        what it says and where.
        """
        if question.name not in self.names:
            return False
        got = self._reply(question)
        if isinstance(got, StudentFault) or question.fault:
            return same_fault(got, question.fault, words)
        law = laws.get((self._exercise, question.name))
        values = [got.value, question.reply.value]
        if law:
            if exact and type(values[0]) is not type(values[1]):  # what stands for the same need not be of the kind asked for
                return False
            values = [_canonical(law, value, question) for value in values]
        return (
            _done(got) == _done(question.reply)
            and same_data(values[0], values[1], exact, tolerance)
            and all(same_data(_fact(got, fact), _fact(question.reply, fact), exact, tolerance) for fact in question.used - {"changed"})
        )

    def _reply(self, question: asking.Asked) -> Reply | StudentFault:
        found: Reply | StudentFault
        if id(question) not in self._replies:
            try:
                with np.errstate(all="ignore"), warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # a wrong answer may well earn one, which is nobody's concern here
                    if question.args is None:
                        found = Reply(self._answers.value(question.name))
                    else:
                        found = self._answers.call(question.name, question.args, question.kwargs, question.wrt)
            except StudentFault as fault:
                found = fault
            self._replies[id(question)] = found
        return self._replies[id(question)]


def _fact(reply: Reply, name: str) -> Any:
    return {"shared": list(reply.shared), "requires_grad": reply.requires_grad, "grads": [reply.grads, reply.attached]}[name]


def _done(reply: Reply) -> tuple:
    """What a call did besides replying."""
    return {(change.place, change.what) for change in reply.changed}, reply.left


def _canonical(law: Callable[..., Any], value: Any, question: asking.Asked) -> Any:
    try:
        return law(value, *question.args[: _places(law) - 1])
    except Exception:  # not of the shape that the law is about: compared as it is
        return value


def _places(law: Callable[..., Any]) -> int:
    """How many values a law takes by position: the reply, then as many of the call's arguments as it asks for."""
    return sum(each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD) for each in inspect.signature(law).parameters.values())


def same_fault(a: Any, b: Any, words: bool = True) -> bool:
    """Whether two faults are the same one: kind, type; with `words` the message; and the place, where the message has no number that would tell it."""
    if type(a) is not type(b):
        return False
    if not isinstance(a, StudentError):
        return True
    if a.type_name != b.type_name or not words:
        return a.type_name == b.type_name
    if a.message[:200] != b.message[:200]:
        return False
    return any(c.isdigit() for c in a.message) or a.place == b.place
