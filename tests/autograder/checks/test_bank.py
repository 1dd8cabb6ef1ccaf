"""The grader is graded: right answers pass, each wrong answer earns its own message, nonsense earns nothing.

Here the answers are asked directly, in this process; test_grade.py sends a part of them through the sandbox.
"""

import contextlib
import functools
import hashlib
import itertools
import re

import numpy as np
import pytest

from autograder.authoring import answers
from autograder.checks import asking, naming
from autograder.checks.asked import arguments_in, never_varying
from autograder.checks.files import bank
from autograder.checks.run import run_checks
from autograder.checks.verdict import judge
from autograder.course import catalogue
from autograder.course.blanks import ___
from autograder.sandbox import wire

LESSONS = list(catalogue.lessons())
SEEDS = (1, 2, 3)  # of these each answer meets two, its neighbours in the bank others; tests/trials/luck.py tries a hundred


solution = functools.cache(answers.solution)


def outcomes_of(lesson, exercise_id, names, seed=1):
    """What the visible and hidden checks say with some names of the solution replaced."""
    direct = asking.Direct({**solution(lesson), **names})
    return run_checks(lesson, lambda _: contextlib.nullcontext(direct), seed=seed, exercises=[exercise_id], hidden=True)


def verdict(lesson, exercise_id, names, seed=1):
    """The verdict on that."""
    return judge(lesson, catalogue.lessons()[lesson].exercise(exercise_id), outcomes_of(lesson, exercise_id, names, seed), hidden=True)


def two_seeds(number):
    return SEEDS[number % 3], SEEDS[(number + 1) % 3]


class Known(naming._Known):
    """Every wrong answer is compared with all others to its exercise. With one seed they meet the same questions: each is asked once."""

    exercise, replies = None, {}  # of the last exercise

    def __init__(self, answer):
        super().__init__(answer)
        if Known.exercise != answer.exercise:
            Known.exercise, Known.replies = answer.exercise, {}
        self._number = bank(catalogue.lesson_of(answer.exercise).name).index(answer)

    def _reply(self, question):
        asked = hashlib.sha256(wire.encode([question.name, question.args, question.kwargs, question.wrt])).digest()
        if (self._number, asked) not in self.replies:
            self.replies[self._number, asked] = super()._reply(question)
        return self.replies[self._number, asked]


@pytest.fixture(autouse=True)
def ask_known_answers_once(monkeypatch):
    monkeypatch.setattr(naming, "_Known", Known)


@functools.cache
def outcomes_of_layer(lesson, number, seed):
    """What the checks say of the answer with this number to each exercise: one run of pytest for all, each asked beside the solution."""
    layer = {exercise: found[0].names for exercise, mine in in_exercises(lesson).items() if (found := mine[number : number + 1])}

    def question(exercise_id):
        return contextlib.nullcontext(asking.Direct({**solution(lesson), **layer[exercise_id]}))

    return run_checks(lesson, question, seed=seed, exercises=list(layer), hidden=True)


@functools.cache
def in_exercises(lesson):
    """{exercise id: its answers in the bank, in their order}"""
    by_exercise = sorted(bank(lesson), key=lambda a: a.exercise)
    return {exercise: list(mine) for exercise, mine in itertools.groupby(by_exercise, key=lambda a: a.exercise)}


def verdicts(lesson, answer):
    """The verdicts on an answer in the bank with two seeds."""
    exercise = catalogue.lessons()[lesson].exercise(answer.exercise)
    number = [a is answer for a in in_exercises(lesson)[answer.exercise]].index(True)
    return [judge(lesson, exercise, outcomes_of_layer(lesson, number, seed), hidden=True) for seed in two_seeds(number)]


def graded():
    """Exercises about answers; those about files are in test_artefacts.py."""
    return [(name, e) for name in LESSONS for e in catalogue.lessons()[name].exercises if not e.by_hand and not e.files]


def answers(right):
    found = [(lesson, a) for lesson in LESSONS for a in bank(lesson) if a.right is right]
    return [pytest.param(lesson, a, id=f"{lesson}-{a.exercise}: {a.note[:60]}") for lesson, a in found]


def said_by_the_rule(message):
    """What was changed in place, or is another one each time, is said at the call, for every function: no sentence of a bank is needed."""
    return re.match(r"`\w+` changes .* in place\.? What a function is given|.* two calls with the same arguments gave ", message)


@pytest.mark.parametrize("lesson, exercise", graded(), ids=lambda x: getattr(x, "id", x))
def test_the_solution_gets_every_point_and_every_argument_is_moved(lesson, exercise):
    """An argument that the checks never vary is one that an answer can ignore. `tests/trials/arguments.py` shows the ranges."""
    asked = []
    for seed in SEEDS:
        outcomes = outcomes_of(lesson, exercise.id, {}, seed)
        got = judge(lesson, exercise, outcomes, hidden=True)
        assert (got.status, got.points) == ("passed", exercise.points), got.message
        asked += outcomes
    if not exercise.choices:
        still, idle = never_varying(exercise, arguments_in(asked, exercise, solution(lesson)))
        assert not still, f"no check varies {', '.join(still)}: ask other values, or say in visible.py why not, with fixed(...)"
        assert not idle, f"fixed(...) gives a reason for {', '.join(idle)}, which the checks do vary"


@pytest.mark.parametrize("lesson, answer", answers(right=True))
def test_a_right_answer_written_differently_gets_every_point(lesson, answer):
    for got in verdicts(lesson, answer):
        assert (got.status, got.points) == ("passed", got.max_points), got.message


@pytest.mark.parametrize("lesson, answer", answers(right=False))
def test_a_wrong_answer_is_rejected_with_its_own_message(lesson, answer):
    exercise, points = catalogue.lessons()[lesson].exercise(answer.exercise), set()
    for got in verdicts(lesson, answer):
        assert got.status in ("failed", "error"), (got.status, got.message)
        assert got.points < got.max_points
        points.add(got.points)
        if exercise.choices:
            assert exercise.choices.get(answer.names[exercise.names[0]], "") in got.message
        elif not said_by_the_rule(got.message):
            assert answer.note.rstrip(".") in got.message
    assert len(points) == 1, f"the same mistake gets {points}, as the random inputs fall"


@pytest.mark.parametrize("hidden", [False, True], ids=["in the notebook", "graded"])
@pytest.mark.parametrize("lesson, exercise", [e for e in graded() if len(e[1].names) > 1], ids=lambda x: getattr(x, "id", x))
def test_what_fails_in_one_function_is_not_called_a_mistake_in_another(lesson, exercise, hidden):
    def refuse(*args, **kwargs):
        raise RuntimeError("no")

    for name in exercise.names:
        if isinstance(solution(lesson)[name], type):  # asked through the functions that use it
            continue
        direct = asking.Direct({**solution(lesson), name: refuse})
        outcomes = run_checks(lesson, lambda _: contextlib.nullcontext(direct), seed=1, exercises=[exercise.id], hidden=hidden)
        message = judge(lesson, exercise, outcomes, hidden=hidden).message
        others = [a.note for a in bank(lesson) if a.exercise == exercise.id and name not in a.names]
        assert "RuntimeError" in message and not [note for note in others if note.rstrip(".") in message], message


class Strange:
    def __eq__(self, other):
        return True

    def __bool__(self):
        return True


class StrangeArray(np.ndarray):
    def __eq__(self, other):
        return True


NONSENSE = {
    "None": None,
    "true": True,
    "zero": 0,
    "negative": -1,
    "half": 0.5,
    "nan": float("nan"),
    "infinity": float("inf"),
    "complex": 1 + 2j,
    "huge": 10**400,
    "text": "z",
    "empty text": "",
    "bytes": b"x",
    "list": [1, 2],
    "empty list": [],
    "nested": [[1], [2, 3]],
    "deep": [[[[[[1]]]]]],
    "pair": (0.1, 3),
    "triple": (1, 2, 3),
    "None pair": (None, None),
    "text pair": ("a", "b"),
    "array pair": (np.zeros(3), np.zeros(3)),
    "dict": {"a": 1},
    "set": {1},
    "empty array": np.zeros(0),
    "scalar array": np.array(1.0),
    "ones": np.ones(7),
    "matrix": np.ones((2, 3)),
    "nan array": np.full(7, np.nan),
    "bools": np.array([True, False]),
    "text array": np.array(["a"]),
    "objects": np.array([None, 1], dtype=object),
    "numpy int": np.int8(7),
    "always equal": Strange(),
    "subclass": np.ones(3).view(StrangeArray),
    "function": len,
}


@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE.keys())
@pytest.mark.parametrize("lesson", LESSONS)
def test_nonsense_earns_nothing_and_breaks_no_check(lesson, nonsense):
    """As the result of every function and as the value of every variable of the lesson."""
    lesson_info = catalogue.lessons()[lesson]
    names = {name: (nonsense if e.kind == "choice" else lambda *a, **k: nonsense) for _, e in graded() if _ == lesson for name in e.names}
    direct = asking.Direct({**solution(lesson), **names})
    asked = [e for e in lesson_info.exercises if not e.by_hand and not e.files]
    outcomes = run_checks(lesson, lambda _: contextlib.nullcontext(direct), seed=1, exercises=[e.id for e in asked], hidden=True)
    for exercise in asked:
        got = judge(lesson, exercise, outcomes, hidden=True)
        assert got.status in ("failed", "error", "blank"), (exercise.id, got.status, got.message)
        assert got.points == 0, (exercise.id, got.checks)


@pytest.mark.parametrize("lesson", LESSONS)
def test_raising_at_every_question_earns_nothing(lesson):
    def refuse(*args, **kwargs):
        raise ValueError("no")

    for exercise in catalogue.lessons()[lesson].exercises:
        if exercise.kind not in ("written", "choice", "artefact"):
            got = verdict(lesson, exercise.id, dict.fromkeys(exercise.names, refuse))
            assert got.points == 0 and got.status in ("failed", "error"), (exercise.id, got)


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_blank_in_every_function_is_said_for_every_exercise(lesson):
    for exercise in catalogue.lessons()[lesson].exercises:
        if not exercise.by_hand and not exercise.files:
            names = dict.fromkeys(exercise.names, ___ if exercise.kind == "choice" else lambda *a, **k: ___ + 1)
            got = verdict(lesson, exercise.id, names)
            assert (got.status, got.points) == ("blank", 0)


@pytest.mark.parametrize("lesson, exercise", graded(), ids=lambda x: getattr(x, "id", x))
def test_every_exercise_has_wrong_and_alternative_answers(lesson, exercise):
    mine = [a for a in bank(lesson) if a.exercise == exercise.id]
    assert sum(not a.right for a in mine) >= (1 if exercise.kind == "choice" else 3)
    assert exercise.kind == "choice" or any(a.right for a in mine)
