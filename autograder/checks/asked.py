"""What the checks of an exercise ask about: for every argument of its functions the values and ranges over many seeds.

An answer that ignores an argument which never varies, or never has three dimensions, or is never negative, passes. So an author
reads this list, and an argument that never varies needs a reason: `fixed(exercise, "function.argument", why)` in visible.py.
"""

import ast
import contextlib
import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograder.checks import asking, fixed_arguments
from autograder.checks.run import Outcome, run_checks
from autograder.checks.same import from_tensor
from autograder.checks.words import show
from autograder.course.catalogue import Exercise
from autograder.sandbox import wire_modules

MOST = 12  # values that are listed


@dataclass
class Argument:
    """What one argument was over all questions. `values` are short texts, `numbers` the range, `kinds` and `shapes` of arrays."""

    values: set = field(default_factory=set)
    numbers: list = field(default_factory=list)  # least, largest
    kinds: set = field(default_factory=set)
    dimensions: set = field(default_factory=set)
    sizes: set = field(default_factory=set)
    asked: int = 0

    def add(self, value: Any) -> None:
        self.asked += 1
        if wire_modules.is_module(value):
            layers = [type(each).__name__ for each in value.modules()]
            self.kinds.add(" ".join(layers[1:] or layers))
            self.values.add(tuple(float(each.detach().sum()) for each in value.parameters()))
            return
        if isinstance(value, (list, tuple, dict)):
            self.kinds.add(type(value).__name__)
            self.sizes.add(len(value))
            self.values.add(show(value, 400))
            return
        array = np.asarray(from_tensor(value) if hasattr(value, "detach") else value)
        if array.dtype.kind in "biufc":
            if array.ndim or hasattr(value, "dtype"):
                self.kinds.add(f"{'tensor' if hasattr(value, 'detach') else 'array'} {str(value.dtype).removeprefix('torch.')}")
                self.dimensions.add(array.ndim)
                self.sizes.add(array.shape)
            else:
                self.kinds.add(type(value).__name__)
            finite = array[np.isfinite(array)] if array.dtype.kind != "c" else np.zeros(0)
            if finite.size:
                least, largest = float(finite.min()), float(finite.max())
                self.numbers = [min([least, *self.numbers[:1]]), max([largest, *self.numbers[1:]])]
            self.values.add(array.tobytes() + str(array.shape).encode() if array.ndim else show(value))
            return
        self.kinds.add(type(value).__name__)
        self.values.add(show(value))

    def varies(self) -> bool:
        return len(self.values) > 1

    def __str__(self) -> str:
        words = [", ".join(sorted(self.kinds))]
        if self.dimensions - {0}:
            words.append(f"dimensions {', '.join(map(str, sorted(self.dimensions)))}")
            words.append(f"{len(self.sizes)} shapes")
        elif self.sizes:
            words.append(f"lengths {min(self.sizes)} to {max(self.sizes)}")
        if self.numbers:
            words.append(f"from {self.numbers[0]:.4g} to {self.numbers[1]:.4g}")
        short = [each for each in self.values if isinstance(each, str) and len(each) <= 24]
        if len(short) == len(self.values) <= MOST and not self.dimensions - {0}:
            words.append("values " + " ".join(sorted(short)))
        return "; ".join(words) + ("" if self.varies() else "; NEVER VARIES")


def arguments(lesson: str, exercise: Exercise, solution: Mapping[str, Any], seeds: Iterable[int]) -> dict[str, Argument]:
    """ "function.argument" -> `Argument`, of what the visible and hidden checks of an exercise ask the `solution` with these seeds.

    Arguments that are never given, because they have a default, are there with nothing in them.
    """
    direct = asking.Direct(solution)
    runs = (run_checks(lesson, lambda _: contextlib.nullcontext(direct), seed=seed, exercises=[exercise.id], hidden=True) for seed in seeds)
    return arguments_in([outcome for outcomes in runs for outcome in outcomes], exercise, solution)


def arguments_in(outcomes: Iterable[Outcome], exercise: Exercise, solution: Mapping[str, Any]) -> dict[str, Argument]:
    """The same of outcomes that are there already."""
    found = {}
    for name in exercise.names:
        if isinstance(solution.get(name), type):  # a class does not cross to the checks: it is asked through the functions that use it
            continue
        for parameter in _parameters(solution.get(name)):
            found[f"{name}.{parameter.name}"] = Argument()
    for outcome in outcomes:
        for question in outcome.asked:
            for argument, value in _given(question, solution):
                found.setdefault(argument, Argument()).add(value)
    return found


def never_varying(exercise: Exercise, found: Mapping[str, Argument]) -> tuple[list[str], list[str]]:
    """The arguments that never vary and have no reason for it, and the reasons that no argument needs."""
    fixed = {argument for at, argument in fixed_arguments if at == exercise.id}
    still = {argument for argument, seen in found.items() if not seen.varies()}
    return sorted(still - fixed), sorted(fixed - still)


def documented(source: str, name: str) -> str:
    """The docstring of a function in the source of a cell; "" where it has none."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return ast.get_docstring(node) or ""
    return ""


def _parameters(function: Any) -> Iterable[inspect.Parameter]:
    try:
        return inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return ()


def _given(question: asking.Asked, solution: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """(function.argument, value) of everything that a question gave; of what it left to a default, the default."""
    if question.args is None:
        return
    function: Any = solution.get(question.name)
    try:
        bound = inspect.signature(function).bind(*question.args, **(question.kwargs or {}))
        bound.apply_defaults()
        given = bound.arguments
    except (TypeError, ValueError):
        given = {str(at): value for at, value in enumerate(question.args)}
    for name, value in given.items():
        yield f"{question.name}.{name}", value
