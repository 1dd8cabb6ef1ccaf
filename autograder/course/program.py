"""The program in a notebook: which cells run, in which order, and at which moment each exercise is asked about.

An exercise is asked about the state in which its check cell stands; where none is left, right after its answer. Figures
and other demonstrations of the lesson do not run, but where the answer needs a name that nothing else binds.
"""

import ast
import bisect
import builtins
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from autograder.course.catalogue import Exercise
from autograder.course.cell_code import UNREADABLE, names_in, parsed, plain_python

CHECK_CALL = re.compile(r"^[ \t>]*check\([ \t]*[\"']([^\"'\n]+)[\"']", re.MULTILINE)
# What can change a name without a trace in the names that a cell binds.
UNSEEN = re.compile(
    r"\b(?:exec|eval|globals|vars|setattr|user_ns|run_cell|__dict__)\b|import[ \t]*\*|^[ \t]*%(?:run|reset|load)", re.MULTILINE
)

LONGEST_NAME = 60  # in a message


@dataclass(frozen=True)
class Step:
    """One cell to run. `exercise` is the exercise it answers, or ""; `name` is how messages call it; `role` is "demo" or "check" for
    such a cell of the lesson that nobody edited, "given" for any other, and "own" for a cell with something of the student's.
    """

    source: str
    name: str
    exercise: str = ""
    role: str = "own"

    @cached_property
    def names(self) -> tuple[set[str], set[str]]:
        """(names bound, names used): see `names_in`."""
        return names_in(self.source)

    @property
    def binds(self) -> set[str]:
        return self.names[0]

    @property
    def uses(self) -> set[str]:
        return self.names[1]


@dataclass
class Program:
    """The `steps` to run, and for each exercise with a cell how many of them run before it is asked about (`moments`)."""

    steps: list[Step]
    moments: dict[str, int] = field(default_factory=dict)

    @cached_property
    def _binders(self) -> dict[str, list[int]]:
        return _index(enumerate(self.steps))

    def needs(self, exercise: Exercise) -> set[str]:
        """The names that the answer to `exercise` depends on: its own, what it uses, what these use in turn."""
        left = [number for number, step in enumerate(self.steps) if step.exercise == exercise.id]
        found, seen = set(exercise.names), set(left)
        while left:
            new = self.steps[left.pop()].uses - found
            found |= new
            further = {number for name in new for number in self._binders.get(name, ())} - seen
            seen |= further
            left += further
        return found

    def may_differ_at_the_end(self, exercise: Exercise) -> bool:
        """Whether a cell below the moment could change what the answer does."""
        later = self.steps[self.moments.get(exercise.id, 0) :]
        if not later:
            return False
        needed = self.needs(exercise)
        variables = {name for step in self.steps for name in step.binds if name in needed} - _functions_and_modules(self.steps)
        return any(step.binds & needed or step.uses & variables or UNSEEN.search(step.source) for step in later)

    def rebound(self, exercise: Exercise) -> list[str]:
        """A sentence for each name that the answer needs and that another cell has taken for something else by its moment."""
        steps = self.steps[: self.moments.get(exercise.id, len(self.steps))]
        found = []
        for name in sorted(self.needs(exercise)):
            binders = [self.steps[number] for number in self._binders.get(name, ()) if number < len(steps)]
            if len(binders) > 1 and binders[-1].role == "own" and binders[-1].exercise != exercise.id:
                same = _import_of(name, binders[0].source)
                if same and same == _import_of(name, binders[-1].source):
                    continue
                if (name in exercise.names or binders[0].role == "given") and len(name) < LONGEST_NAME:
                    found.append(f"{binders[-1].name[0].upper()}{binders[-1].name[1:]} binds `{name}` to something else.")
        return found


def program_of(cells: Iterable[Step], exercises: Iterable[Exercise]) -> Program:
    """The `Program` of a notebook's code cells: a list of `Step`s in their order. `exercises` are the lesson's."""
    cells = list(cells)
    chosen = _demonstrations(cells, exercises)
    last = {step.exercise: index for index, step in enumerate(cells) if step.exercise}
    steps: list[Step] = []
    moments: dict[str, int] = {}
    for index, step in enumerate(cells):
        for exercise in CHECK_CALL.findall(step.source) if step.role != "demo" else ():
            if exercise in last and exercise not in moments and index > last[exercise]:
                moments[exercise] = len(steps)
        if step.role in ("own", "given"):
            steps.append(step)
        else:
            steps += chosen.get(index, ())
        if step.exercise and last[step.exercise] == index and step.exercise in CHECK_CALL.findall(step.source):
            moments[step.exercise] = len(steps)
    places = {id(step): number for number, step in enumerate(steps, 1)}
    for exercise, index in last.items():
        moments.setdefault(exercise, places[id(cells[index])])
    return Program(steps, moments)


def _demonstrations(cells: Sequence[Step], exercises: Iterable[Exercise]) -> dict[int, list[Step]]:
    """Index -> the steps that stand for a demonstration cell where an answer needs it: the whole cell, or an import of it."""
    names = {exercise.id: exercise.names for exercise in exercises}
    ours = _index((index, step) for index, step in enumerate(cells) if step.role in ("own", "given"))
    demos = _index((index, step) for index, step in enumerate(cells) if step.role == "demo")
    left = [(name, index) for index, step in enumerate(cells) if step.exercise for name in _answer(step, names).uses]
    whole, seen = set(), set(left)
    imports: dict[int, dict[str, str]] = {}

    def need(index: int) -> None:
        new = {(name, index) for name in cells[index].uses} - seen
        seen.update(new)
        left.extend(new)

    while left:
        name, at = left.pop()
        if hasattr(builtins, name):
            continue
        binders, givers = ours.get(name, []), demos.get(name, [])
        above = bisect.bisect_right(binders, at)
        if above:
            if binders[above - 1] != at:
                need(binders[above - 1])
            continue
        if not givers:
            continue
        giver = givers[max(bisect.bisect_left(givers, at) - 1, 0)]  # the last one above, else the first one below
        statement = _import_of(name, cells[giver].source)
        if statement:
            imports.setdefault(giver, {})[name] = statement
        else:
            whole.add(giver)
            need(giver)
    chosen = {i: [Step(each, "a cell of the lesson", role="given") for each in found.values()] for i, found in imports.items()}
    return {**chosen, **{i: [Step(cells[i].source, cells[i].name, role="given")] for i in whole}}


def _index(numbered: Iterable[tuple[int, Step]]) -> dict[str, list[int]]:
    """Name -> the numbers, in their order, of the steps that bind it."""
    found: dict[str, list[int]] = {}
    for number, step in numbered:
        for name in step.binds:
            found.setdefault(name, []).append(number)
    return found


def _answer(step: Step, names: Mapping[str, Iterable[str]]) -> Step:
    """An exercise's cell up to the last line that defines what it is asked for: what is tried out below needs nothing."""
    tree = parsed(plain_python(step.source))
    wanted = set(names.get(step.exercise, ()))
    try:
        parts = [ast.unparse(node) for node in tree.body] if tree is not None else []
    except UNREADABLE:
        parts = []
    # From below, and only what has the name in it is read: a cell may have a hundred thousand statements.
    last = next(
        (n for n in range(len(parts), 0, -1) if any(name in parts[n - 1] for name in wanted) and names_in(parts[n - 1])[0] & wanted), None
    )
    return step if last is None else Step("\n".join(parts[:last]), step.name, step.exercise)


def _import_of(name: str, source: str) -> str | None:
    """The import statement for `name` alone, where a cell binds it by a top-level import; else None."""
    tree = parsed(plain_python(source))
    for node in tree.body if tree is not None else ():
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                if (alias.asname or alias.name.split(".")[0]) == name:
                    one = ast.Import([alias]) if isinstance(node, ast.Import) else ast.ImportFrom(node.module, [alias], node.level)
                    return ast.unparse(ast.fix_missing_locations(one))
    return None


def _functions_and_modules(steps: Iterable[Step]) -> set[str]:
    """Names that stand for a function, a class or a module: calling one in a cell changes nothing."""
    found = set()
    for step in steps:
        tree = parsed(plain_python(step.source))
        for node in tree.body if tree is not None else ():
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                found.add(node.name)
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                found |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
    return found
