"""From what an exercise's checks said to one status, its points and one message."""

import ast
import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from autograder.checks.expect import plain_letter
from autograder.checks.files import COURSE, CheckFiles
from autograder.checks.naming import named_mistake
from autograder.checks.run import Outcome
from autograder.checks.words import call as shown_call
from autograder.course.blanks import blank_lines, blank_message
from autograder.course.catalogue import Exercise
from autograder.course.cell_code import parsed, plain_python

NAMED = "This behaves like a known mistake:"
MESSAGE_LENGTH = 2000
# A hidden check's inputs stay small in its message, also where a student's exception repeats them.
HIDDEN_LENGTH = 400
HIDDEN_ERROR_LENGTH = 200
MOST = 4000  # of a whole message: what a check said, the call, an explanation, a mistake
REPAIR_LENGTH, MOST_REPAIRS = 300, 20


@dataclass(frozen=True)
class Verdict:
    """The result of one exercise. `checks` maps each check's name to its status. `mistake`: the known mistake that the message names,
    or why the choice is wrong; "" where none is known.
    """

    exercise: str
    status: str
    points: float
    max_points: float
    message: str
    checks: dict[str, str]
    mistake: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", self.message[:MOST])  # whatever a student wrote is part of it


def judge(lesson: str, exercise: Exercise, outcomes: Sequence[Outcome], hidden: bool, files: CheckFiles = COURSE) -> Verdict:
    """The `Verdict` on `exercise` (a catalogue `Exercise`) from the outcomes of its checks (see `credit`), by `files` (`CheckFiles`)."""
    by_name = {outcome.name: outcome for outcome in outcomes if outcome.exercise == exercise.id}
    expected = [check for check in exercise.checks if check.visible or hidden]
    statuses, points = credit(exercise, outcomes, hidden)
    if not expected or "grader_error" in statuses.values():
        broken = [o.message for o in by_name.values() if o.status == "grader_error"]
        return grader_error(exercise, broken[0] if broken else "a check did not report", statuses)
    failed = [check for check in expected if statuses[check.name] != "passed"]
    if not failed:
        return Verdict(exercise.id, "passed", points, exercise.points, _explanation(exercise, outcomes), statuses)
    first = by_name[failed[0].name]
    mistake = _mistake(lesson, exercise, first, outcomes, files)
    message = _message(exercise, first, mistake, failed[0].visible)
    if hidden and first.status in ("failed", "error"):
        message += f" Read again: section {exercise.id}."
    return Verdict(exercise.id, first.status, points, exercise.points, message, statuses, mistake)


def credit(exercise: Exercise, outcomes: Sequence[Outcome], hidden: bool) -> tuple[dict[str, str], float]:
    """({check's name: status}, points) by the rule of credit.

    Nothing unless every visible check and the first hidden one pass; then the points of the hidden checks that
    passed. A check that should have reported and did not is a fault of the grader, and nothing counts.
    """
    found = {outcome.name: outcome.status for outcome in outcomes if outcome.exercise == exercise.id}
    expected = [check for check in exercise.checks if check.visible or hidden]
    statuses = {check.name: found.get(check.name, "grader_error") for check in expected}
    core = [check for check in expected if check.visible] + [check for check in expected if not check.visible][:1]
    if "grader_error" in statuses.values() or not all(statuses[check.name] == "passed" for check in core):
        return statuses, 0
    return statuses, sum(check.points for check in expected if statuses[check.name] == "passed")


def better(first: Verdict | None, second: Verdict) -> Verdict:
    """Of two verdicts on an exercise, at two moments, the one with more points; `first` where they are alike. `first` may be None."""
    if first is None:
        return second
    return max(first, second, key=lambda each: (each.points, each.status == "passed", sum(s == "passed" for s in each.checks.values())))


def with_reasons(verdict: Verdict, sentences: Sequence[str]) -> Verdict:
    """The verdict; where it is no pass, its message goes on with the sentences (two at most)."""
    if verdict.status in ("passed", "blank", "grader_error") or not sentences:
        return verdict
    return replace(verdict, message=printable(" ".join([verdict.message, *sentences[:2]])))


def grader_error(exercise: Exercise, why: str, statuses: dict[str, str] | None = None) -> Verdict:
    """The `Verdict` where the grader itself failed."""
    message = printable(f"A fault of the grader, not of your answer: {why}")
    return Verdict(exercise.id, "grader_error", 0, exercise.points, message, statuses or {})


def printable(text: str) -> str:
    """A text, parts of which can come from the student's process: no control characters, no halves of one, no end of it."""
    return "".join(c if c.isprintable() else " " for c in text[:MESSAGE_LENGTH])


def shorter(repairs: Sequence[str]) -> list[str]:
    """Lines about repairs, each of a bounded length, and so many of them as a person reads."""
    lines = [printable(line if len(line) <= REPAIR_LENGTH else line[: REPAIR_LENGTH - 3] + "...") for line in repairs[:MOST_REPAIRS]]
    return lines + ([f"And {len(repairs) - MOST_REPAIRS} more."] if len(repairs) > MOST_REPAIRS else [])


def untouched(exercise: Exercise, released: str, source: str) -> str | None:
    """The message for an exercise cell nobody has worked on, or None. `source` is the cell as it is now.

    Comments and layout do not count. For a find-the-bug exercise, untouched is the bug as it was handed out.
    """
    if exercise.kind == "artefact":
        return None
    if source != released:
        handed_out = _tree_of_released(released)
        if handed_out is None or _tree(source) != handed_out:
            return None
    if exercise.kind == "bug":
        return f"Exercise {exercise.id} has not been changed yet: find the bug and repair it"
    return blank_message(exercise.id, blank_lines(source))


def unfilled(exercise: Exercise, released: str, source: str) -> str | None:
    """The message for an exercise cell that is untouched or still has a blank, or None: one rule, wherever it is asked.

    A text that somebody has written in has no blanks.
    """
    message = untouched(exercise, released, source)
    if message is None and not exercise.by_hand:
        lines = blank_lines(source)
        message = blank_message(exercise.id, lines) if lines else None
    return message


def _mistake(lesson: str, exercise: Exercise, first: Outcome, outcomes: Sequence[Outcome], files: CheckFiles) -> str:
    """Why the choice is wrong; of an answer that failed, the known mistake that it behaves like; "" where neither is known."""
    if exercise.choices:
        return _explanation(exercise, outcomes)
    known = named_mistake(files.bank(lesson), exercise.id, outcomes) if first.status in ("failed", "error") else None
    return known.rstrip(".") if known else ""


def _message(exercise: Exercise, first: Outcome, mistake: str, visible: bool) -> str:
    length = MESSAGE_LENGTH if visible else HIDDEN_ERROR_LENGTH if first.status == "error" else HIDDEN_LENGTH
    text = first.message if len(first.message) <= length else f"{first.message[: length - 40]} ... {first.message[-30:]}"
    text = printable(text)
    # A sentence begins with a capital, but a name (`nn.Linear`, `global_masks`, `x`) stays what it is.
    first_word = re.match(r"[a-z]{2,}(?=[ ,:;]|$)", text)
    message = text[:1].upper() + text[1:] if first_word and first_word[0] not in exercise.names else text
    if not message.endswith((".", "?", "!")):
        message += "."
    if first.call:
        message += f" The call was {printable(first.call)}."
    if exercise.choices:
        message += " " + (mistake or without_quotes(exercise, text))
    elif mistake:
        message += f" {NAMED} {mistake}."
    elif visible and first.status == "failed" and " for " not in text:
        message += _only_call(first)
    return message.strip()


def _only_call(outcome: Outcome) -> str:
    """The call that a check made, where it made just one and its message does not give the input; of several nobody knows which it was."""
    asked = outcome.asked[0] if len(outcome.asked) == 1 else None
    if asked is None or asked.args is None:
        return ""
    return f" The call was {printable(shown_call(asked.name, asked.args, asked.kwargs or {}))}."


def without_quotes(exercise: Exercise, said: str) -> str:
    """What to do, where a prediction's cell stopped with `said` because its letter is no text: Python looks for a variable; else nothing."""
    return 'Write the letter in quotes, like "a".' if exercise.choices and "NameError" in said else ""


def _explanation(exercise: Exercise, outcomes: Sequence[Outcome]) -> str:
    """Why the choice the student made is right or wrong, for a question with choices; else nothing."""
    for outcome in outcomes:
        for asked in outcome.asked:
            chosen = plain_letter(asked.reply.value) if asked.reply and asked.name in exercise.names else None
            if outcome.exercise == exercise.id and chosen is not None:
                return exercise.choices.get(chosen, "")
    return ""


def _tree(source: str) -> str | None:
    try:
        tree = parsed(plain_python(source))
        return ast.dump(tree) if tree is not None else None
    except (RecursionError, MemoryError):
        return None


@functools.cache
def _tree_of_released(source: str) -> str | None:
    return _tree(source)
