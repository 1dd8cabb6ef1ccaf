"""No reply, however odd, may break a check: it is a wrong answer, not a fault of the grader."""

import contextlib

import numpy as np
import pytest

from autograder import catalogue
from autograder.checks import students
from autograder.checks.runner import run_checks

ODD = {
    "none": None, "text": "ten", "bytes": b"10", "true": True, "number": 3, "negative": -1, "float": 0.5, "nan": float("nan"),
    "infinity": float("inf"), "complex": 1 + 2j, "huge": 10**400, "empty list": [], "list": [1, 2], "three": (1, 2, 3),
    "none pair": (None, None), "text pair": ("a", "b"), "array pair": (np.zeros(3), np.zeros(3)), "nested": [[1], [2, 3]],
    "dict": {"a": 1}, "empty array": np.zeros(0), "scalar array": np.array(2.0), "floats": np.ones((2, 2)),
    "nan array": np.full(7, np.nan), "bools": np.ones(7, bool), "numpy int": np.int8(7), "object": object(), "function": print,
}  # fmt: skip


@pytest.mark.parametrize("reply", ODD.values(), ids=ODD)
@pytest.mark.parametrize("lesson", catalogue.lessons())
def test_an_odd_reply_is_a_wrong_answer(lesson, reply):
    exercises = [e for e in catalogue.lessons()[lesson].exercises if not e.by_hand]
    space = {}
    for exercise in exercises:
        for name in exercise.names:
            space[name] = reply if exercise.kind == "choice" else (lambda *args, **kwargs: reply)
    ask = students.Direct(space)
    outcomes = run_checks(lesson, lambda _: contextlib.nullcontext(ask), seed=0, hidden=True)
    broken = [f"{o.name}: {o.message}" for o in outcomes if o.status == "grader_error"]
    assert not broken
    for exercise in exercises:
        assert any(o.status != "passed" for o in outcomes if o.exercise == exercise.id), exercise.id
