"""Checks and the bank of wrong answers: what a lesson's `visible.py`, `hidden.py` and `bank.py` import.

A check is a plain pytest function over the fixtures `student` and `rng`::

    @exercise("1.2-scale", points=10)
    def test_the_scale(student, rng): ...

`points` stand on hidden checks only. The bank holds answers that students really give::

    @wrong("1.2-scale", "divides by 2^b instead of 2^b - 1")
    def scale_of(lo, hi, qmin, qmax): ...
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

exercise = pytest.mark.exercise
Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Answer:
    """One entry of a bank: `names` maps a name in the notebook to the function or value it gets."""

    exercise: str
    note: str
    right: bool
    names: dict[str, Any] = field(hash=False)


laws: dict[tuple[str, str], Callable[..., Any]] = {}  # (exercise id, name of a function) -> what of its answer counts


def law(exercise_id: str, name: str) -> Callable[[Function], Function]:
    """Of an answer that is right or wrong in many forms, what counts: the decorated function makes it from a reply.

    For comparing with the known mistakes only. A law that takes more than the reply is given as many of the call's arguments.
    Of factors with free signs, for one, their product counts::

        @law("5.2-factors", "factors")
        def product(value):
            return value[0] @ value[1]
    """

    def register(function: Function) -> Function:
        laws[exercise_id, name] = function
        return function

    return register


fixed_arguments: dict[tuple[str, str], str] = {}  # (exercise id, "function.argument") -> why no check moves it


def fixed(exercise_id: str, argument: str, why: str) -> None:
    """Say in a lesson's visible.py why the checks never vary an argument ("function.argument") that its text names."""
    fixed_arguments[exercise_id, argument] = why


_registering: list[Answer] = []


@contextlib.contextmanager
def collecting() -> Iterator[list[Answer]]:
    """The list of `Answer`s that are registered as long as the context lasts, while a bank is imported."""
    _registering.clear()
    try:
        yield _registering
    finally:
        _registering.clear()


def _register(exercise_id: str, note: str, right: bool, names: dict[str, Any]) -> None:
    _registering.append(Answer(exercise_id, note, right, names))


def wrong(exercise_id: str, mistake: str, **callers: Callable[[Any], Any]) -> Callable[[Function], Function]:
    """Register the decorated function as a wrong answer; `mistake` is the sentence a student reads.

    In a notebook the mistake also shows in the exercise's other functions that call this one. `callers` has, for the name of each, a
    function that makes it from the decorated one; both together are then registered, too.
    """

    def register(function: Function) -> Function:
        _register(exercise_id, mistake, False, {function.__name__: function})
        if callers:
            made = {name: make(function) for name, make in callers.items()}
            _register(exercise_id, mistake, False, {function.__name__: function, **made})
        return function

    return register


def right(exercise_id: str, note: str) -> Callable[[Function], Function]:
    """Register the decorated function as a right answer that is written differently."""

    def register(function: Function) -> Function:
        _register(exercise_id, note, True, {function.__name__: function})
        return function

    return register


def wrong_value(exercise_id: str, mistake: str, **names: Any) -> None:
    """Register wrong values of variables, or functions of which more than one is wrong, in the same way."""
    _register(exercise_id, mistake, False, names)


def right_value(exercise_id: str, note: str, **names: Any) -> None:
    """Register right values of variables that differ from the solution's."""
    _register(exercise_id, note, True, names)
