"""Which cells of a notebook run, and at which moment an exercise is asked about."""

from dataclasses import replace

import pytest

from autograder.course import catalogue
from autograder.course.program import Step, program_of

LESSON = catalogue.lessons()["01_affine_quantization"]


def program(*sources, names=("to_int8",)):
    steps = [Step(source, f"cell {number}", exercise, role) for number, (role, exercise, source) in enumerate(sources, 1)]
    return program_of(steps, [replace(LESSON.exercise("1.4-bug"), names=names)])


ANSWERED = ("own", "1.4-bug", "def to_int8(x, scale):\n    return np.rint(x / scale)")
CHECKED = ("check", "", 'check("1.4-bug")')
NUMPY = ("given", "", "import numpy as np")


@pytest.mark.parametrize(
    "sources, moment",
    [
        ((NUMPY, ANSWERED, CHECKED, ("own", "", "np = 5")), 2),
        ((NUMPY, ANSWERED, ("own", "", "np = 5"), CHECKED), 3),
        ((NUMPY, ANSWERED, ("own", "", "np = 5")), 2),  # its check cell was deleted
        ((NUMPY, CHECKED, ANSWERED, ("own", "", "np = 5")), 2),
        ((NUMPY, ANSWERED, ("own", "", 'x = 1\ncheck("1.4-bug")\nnp = 5')), 2),
        ((NUMPY, ("own", "1.4-bug", ANSWERED[2] + '\ncheck("1.4-bug")'), ("own", "", "np = 5"), CHECKED), 2),
        ((NUMPY, ANSWERED, CHECKED, ANSWERED, CHECKED), 3),
    ],
)
def test_an_exercise_is_asked_where_its_check_cell_stands(sources, moment):
    assert program(*sources).moments == {"1.4-bug": moment}


@pytest.mark.parametrize(
    "later, may",
    [
        ("np = 5", True),
        ("del np", True),
        ("x = 1", False),
        ("to_int8(np.ones(2), 1.0)", False),
        ("def to_int8(): pass", True),
        ("TABLE['low'] = 3", True),
        ("TABLE.update(low=3)", True),
        ("exec('np = 5')", True),
        ("from math import *", True),
        ("for high in range(3): pass", True),
        ("low = 3", False),
    ],
)
def test_the_end_is_asked_only_where_it_may_differ(later, may):
    answer = ("own", "1.4-bug", "def to_int8(x, scale):\n    return np.clip(x / scale, TABLE['low'], high())")
    helper = ("own", "", "TABLE = {'low': -128}\ndef high():\n    return 127")
    exercise = LESSON.exercise("1.4-bug")
    assert program(NUMPY, helper, answer, CHECKED, ("own", "", later)).may_differ_at_the_end(exercise) is may


def test_the_cell_that_takes_a_needed_name_is_named():
    exercise = LESSON.exercise("1.4-bug")
    assert program(NUMPY, ("own", "", "np = 5"), ANSWERED, CHECKED).rebound(exercise) == ["Cell 2 binds `np` to something else."]
    assert not program(NUMPY, ("own", "", "import numpy as np"), ANSWERED).rebound(exercise)  # the same
    assert program(NUMPY, ANSWERED, ("own", "", "to_int8 = 5"), CHECKED).rebound(exercise) == ["Cell 3 binds `to_int8` to something else."]
    assert not program(NUMPY, ANSWERED, CHECKED, ("own", "", "np = 5")).rebound(exercise)


DEMO = ("demo", "", "import copy, statistics as st\nrows = [1]\nfor each in rows:\n    total = each")


@pytest.mark.parametrize(
    "answer, ran",
    [
        ("def to_int8(x, scale):\n    return x", []),
        ("def to_int8(x, scale):\n    return st.mean(x)", ["import statistics as st"]),
        ("def to_int8(x, scale):\n    return copy.copy(rows)", [DEMO[2]]),
        ("def to_int8(x, scale):\n    rows = x\n    return rows", []),
        ("def to_int8(x, scale):\n    return x\n\nprint(rows)", []),  # what is tried out below the answer
        ("low = total\ndef to_int8(x, scale):\n    return low", [DEMO[2]]),
        ("def to_int8(x, scale):\n    return helper(x)", ["import copy"]),
        ("def to_int8(x, scale):\n    return x.rows", []),
    ],
)
def test_demonstrations_run_where_an_answer_misses_a_name(answer, ran):
    helper = ("own", "", "def helper(x):\n    return copy.copy(x)")
    tried = ("own", "", "print(total)")
    steps = program(DEMO, helper, tried, ("own", "1.4-bug", answer), CHECKED).steps
    given = [step.source for step in steps if step.role == "given"]
    assert sorted(given) == sorted(ran)
