"""No answer makes a check break: the solution's replies, one of them replaced by something strange.

`COURSE_REPLY_TRIALS=200 pytest tests/hostile/test_replies.py` tries longer.
"""

import contextlib
import os
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from autograder.authoring.answers import solution, solution_cells
from autograder.checks import asking, expect
from autograder.checks.expect import Mistake
from autograder.checks.files import COURSE
from autograder.checks.modules import run_module
from autograder.checks.run import run_checks
from autograder.checks.same import same_data
from autograder.checks.verdict import judge
from autograder.course import catalogue
from autograder.course.faults import StudentError, StudentFault
from autograder.exports.nbgrader import scoring
from autograder.grading import blame, submission
from autograder.grading.blame import settled
from autograder.sandbox import wire
from autograder.sandbox.reply import Reply

TRIALS = int(os.environ.get("COURSE_REPLY_TRIALS", "2"))


def strange_values():
    """Whatever the wire can bring."""
    yield from (None, True, 0, -1, 3, 1 << 62, 1 << 4000, -(1 << 4000), 0.5, float("nan"), float("inf"), 1e308, 2j)
    yield from (
        "",
        "c",
        "x" * 10000,
        "\ud800\0\x1b[2J",
        b"",
        b"\xff" * 100,
        [],
        (),
        {},
        [[]],
        [None],
        (1, 2, 3),
        [1.5, "a"],
        {"a": 1},
        {0: []},
    )
    yield from ([[1, 2], [3]], [np.zeros(2), np.zeros(3)], [1 << 4000], [float("nan")] * 3, wire.Opaque("Foo"), [wire.Opaque("Foo")] * 2)
    for kind in ("bool", "int8", "uint64", "float16", "float64", "complex128"):
        yield np.ones((), kind)
        yield np.zeros(0, kind)
        yield np.ones((3, 2), kind)
        yield np.dtype(kind).type(1)
    yield from (np.zeros((0, 1 << 40)), np.zeros((1,) * 32), np.full(5, np.nan), np.float16("inf"), np.full((4, 4), -(2**63)))
    for kind in (torch.bool, torch.uint8, torch.bfloat16, torch.float16, torch.complex64, torch.int64):
        yield torch.ones((), dtype=kind)
        yield torch.ones(3, 2, dtype=kind)
    yield from (torch.zeros(0), torch.zeros(0, 1 << 40), torch.full((2, 2), float("nan")))
    yield from (
        nn.Linear(3, 2),
        nn.ReLU(),
        nn.Sequential(),
        nn.ModuleList(),
        nn.Sequential(nn.Linear(2, 2), nn.Linear(3, 3)),
        nn.Embedding(2, 2),
    )
    yield from (nn.Conv2d(1, 1, 3), nn.BatchNorm2d(3, affine=False, track_running_stats=False), nn.Identity(), nn.MaxPool2d(1000))


def altered(value, rng):
    """Like the right reply, but not quite."""
    if isinstance(value, (list, tuple)):
        items = list(value)
        choice = rng.integers(5) if items else 0
        if choice == 0:
            return type(value)([*items, *items, None])
        if choice == 1:
            return type(value)(items[:-1])
        if choice == 2:
            return type(value)(items[::-1])
        at = int(rng.integers(len(items)))
        items[at] = strange(rng) if choice == 3 else altered(items[at], rng)
        return type(value)(items)
    if isinstance(value, dict):
        changed = dict(value)
        if changed and rng.integers(2):
            key = list(changed)[int(rng.integers(len(changed)))]
            changed[key] = strange(rng) if rng.integers(2) else altered(changed[key], rng)
        else:
            changed["more"] = strange(rng)
        return changed
    if isinstance(value, nn.Module):
        return altered_module(value, rng)
    if isinstance(value, torch.Tensor):
        return _array_like(
            value.detach(),
            rng,
            lambda x, kind: x.to(kind),
            [torch.int8, torch.bool, torch.complex64, torch.float16, torch.bfloat16],
            torch.stack,
        )
    if isinstance(value, (np.ndarray, np.generic)):
        return _array_like(
            np.asarray(value), rng, lambda x, kind: x.astype(kind), ["int8", "bool", "complex64", "float16", "uint64"], np.stack
        )
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, (int, float)):
        return [str(value), np.array([value]), complex(value), -value, value * 10**6, np.float16(1), [value]][int(rng.integers(7))]
    return strange(rng)


def _array_like(x, rng, cast, kinds, stack):
    choice = int(rng.integers(7))
    with np.errstate(all="ignore"):
        if choice < 2:
            return cast(x, kinds[int(rng.integers(len(kinds)))])
        if choice == 2:
            return stack([x, x])
        if choice == 3:
            return x.reshape(-1)
        if choice == 4:
            return x[..., None]
        if choice == 5:
            return x.tolist()
        return x * float("nan")


def altered_module(module, rng):
    module = wire.decode(wire.encode(module))
    layers = [each for each in module.modules() if each._parameters]
    if layers:
        layer = layers[int(rng.integers(len(layers)))]
        choice = int(rng.integers(4))
        for name, parameter in layer._parameters.items():
            if parameter is not None and choice < 3:
                kind = (torch.int8, torch.complex64, torch.float16)[choice]
                layer._parameters[name] = nn.Parameter(parameter.detach().to(kind), requires_grad=False)
        if choice == 3:
            layer._parameters["bias"] = None
    return module


def strange(rng):
    values = list(strange_values())
    return values[int(rng.integers(len(values)))]


class Altering:
    """Answers as the solution does, but for one reply."""

    def __init__(self, right, rng):
        self.right, self.rng = right, rng
        self.before = int(rng.choice([0, 0, 0, 1, 2, 3, 5, 8]))

    def call(self, name, args, kwargs, wrt=None):
        try:
            reply = self.right.call(name, args, kwargs, wrt)
        except StudentFault:
            if self._now():
                return Reply(strange(self.rng))
            raise
        if not self._now():
            return reply
        if self.rng.integers(20) == 0:
            raise StudentError("ValueError", "no", ("ValueError", "Exception"))
        value = strange(self.rng) if self.rng.integers(2) else altered(reply.value, self.rng)
        facts = {"requires_grad": strange(self.rng), "grads": [strange(self.rng) for _ in wrt or ()]} if self.rng.integers(4) == 0 else {}
        return replace(reply, value=wire.decode(wire.encode(value)), **facts)

    def value(self, name):
        value = self.right.value(name)
        return wire.decode(wire.encode(strange(self.rng))) if self._now() else value

    def _now(self):
        self.before -= 1
        return self.before == -1


@pytest.mark.parametrize("lesson", list(catalogue.lessons()))
def test_no_reply_breaks_a_check(lesson):
    right, broken = asking.Direct(solution(lesson)), []
    asked = [exercise for exercise in catalogue.lessons()[lesson].exercises if not exercise.by_hand and not exercise.files]
    for trial in range(TRIALS):
        rng = np.random.default_rng([trial, len(lesson)])
        outcomes = run_checks(
            lesson, lambda _: contextlib.nullcontext(Altering(right, rng)), seed=trial, exercises=[each.id for each in asked], hidden=True
        )
        assert len(outcomes) == sum(len(each.checks) for each in asked)
        broken += [(trial, each.name, each.message) for each in outcomes if each.status == "grader_error" or each.broke]
        for exercise in asked:
            verdict = judge(lesson, exercise, outcomes, hidden=True)
            assert verdict.message.isprintable() and len(verdict.message) < 5000, verdict
    assert broken == []


@pytest.mark.parametrize("broken", [ZeroDivisionError("\ud800\x1b[2J" + "x" * 9999), MemoryError()], ids=["words", "memory"])
def test_a_fault_of_ours_costs_its_exercise_alone_and_is_said_in_plain_letters(broken, monkeypatch):
    """In the check and in finding the verdict; what a student's process said may be part of it."""
    right, lesson = asking.Direct(solution("00_start_here")), "00_start_here"

    def breaks(*_, **__):
        raise broken

    for where in ("autograder.checks.expect.equal", "autograder.grading.submission.judge"):
        with monkeypatch.context() as patch:
            patch.setattr(where, breaks)
            outcomes = settled(lesson, run_checks(lesson, lambda _: contextlib.nullcontext(right), seed=1, hidden=True), 1)
            (exercise,) = catalogue.lessons()[lesson].exercises
            verdict = submission._judged(lesson, exercise, outcomes, COURSE)
        assert verdict.status == "grader_error" and verdict.points == 0 and verdict.message.isprintable() and len(verdict.message) < 3000


@pytest.mark.parametrize("door", ["nbgrader autograde", "a bundle"])
def test_every_door_asks_the_solution_whose_fault_it_is(door, monkeypatch, tmp_path):
    """A check that breaks on every reply is ours; grading does so in the test above. A student's copy has no solution to ask."""
    lesson, answers = catalogue.lessons()["00_start_here"], solution("00_start_here")
    (exercise,) = lesson.exercises

    def breaks(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(expect, "equal", breaks)
    if door == "nbgrader autograde":
        with pytest.raises(scoring.NoScore, match="the check .* broke|cannot be used by the check"):
            exec(f"from autograder.exports.nbgrader.scoring import score\nscore({exercise.id!r})", dict(answers))
    else:
        packed = tmp_path / "solution.py"
        packed.write_text("\n\n".join(source for _, source in solution_cells(lesson.name)))
        monkeypatch.setattr(blame.paths, "SOLUTIONS", tmp_path / "nowhere")
        monkeypatch.setattr(blame, "PACKED", packed)
        outcomes = run_checks(lesson.name, lambda _: contextlib.nullcontext(asking.Direct(answers)), seed=1, hidden=True)
        assert judge(lesson.name, exercise, settled(lesson.name, outcomes, 1), hidden=True).status == "grader_error"


def test_a_reply_that_a_check_cannot_use_is_the_answers_fault(monkeypatch):
    """Where the solution passes the same check; a check that breaks for everybody is ours."""
    lesson, right = "00_start_here", asking.Direct(solution("00_start_here"))
    (exercise,) = catalogue.lessons()[lesson].exercises
    equal = expect.equal

    def picky(got, want, **words):
        return equal(got + 0, want, **words) if got != want else None

    monkeypatch.setattr(expect, "equal", picky)
    wrong = asking.Direct({exercise.names[0]: lambda *args: "text"})
    for answers, status in ((right, "passed"), (wrong, "failed")):
        outcomes = settled(lesson, run_checks(lesson, lambda _: contextlib.nullcontext(answers), seed=1, hidden=True), 1)
        verdict = judge(lesson, exercise, outcomes, hidden=True)
        assert verdict.status == status, verdict
    assert "cannot be used by the check (TypeError" in verdict.message


SHAPES = [
    (nn.Sequential(nn.Linear(3, 2), nn.Linear(3, 2)), (4, 3), "cannot be run on an input of shape (4, 3)"),
    (nn.Conv2d(1, 1, 3), (4, 3), "cannot be run"),
    (nn.Embedding(4, 4), (4, 3), "cannot be run"),
    (nn.ModuleList([nn.ReLU()]), (4, 3), "cannot be run"),
    (nn.MaxPool2d(3, return_indices=True), (1, 1, 9, 9), "gives no single tensor"),
    (nn.Sequential(*[nn.Conv2d(8, 8, 1, padding=1000)] * 50), (1, 8, 5, 5), "far more arithmetic"),
    (nn.Sequential(*[nn.Linear(3000, 3000)] * 500), (16, 3000), "far more arithmetic"),
    (nn.AdaptiveAvgPool2d(1000), (8, 64, 4, 4), "far more arithmetic"),
    (nn.Sequential(nn.Conv2d(3, 3, 1, padding=500), *[nn.GELU("tanh")] * 50), (1, 3, 5, 5), "far more arithmetic"),
    (nn.Conv2d(3, 1, 7, padding=300), (3, 3, 6, 5), "far more arithmetic"),
    (nn.Conv2d(1, 1, 900, padding=900, padding_mode="circular"), (1, 1, 4, 4), "far more arithmetic"),
]


@pytest.mark.parametrize("module, shape, words", SHAPES, ids=[f"{type(m).__name__}-{i}" for i, (m, _, _) in enumerate(SHAPES)])
def test_a_module_that_cannot_or_should_not_run_is_a_mistake(module, shape, words):
    with pytest.raises(Mistake, match=re.escape(words)):
        run_module(module, torch.zeros(shape), "The network")


def test_a_module_is_run_as_it_is_and_stays_as_it_was():
    module = nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(), nn.Linear(27, 2)
    )
    before, x = wire.encode(module), torch.rand(5, 2, 6, 6)
    got = run_module(module, x)
    assert got.dtype == torch.float64 and wire.encode(module) == before and module.training
    assert torch.allclose(got, module.double().eval()(x.double()))


@pytest.mark.parametrize(
    "a, b, loosely, exactly",
    [
        (1, 1.0, True, False),
        (1, True, True, False),
        (1, np.int8(1), True, True),
        (1.0, np.float32(1), True, True),
        (np.int8([1]), np.int16([1]), True, False),
        (np.int8([1]), np.float32([1]), False, False),
        (0.1 + 0.2, 0.3, True, True),
        (torch.tensor(1), torch.tensor(1.0), True, False),
        (1 << 4000, 1 << 4000, False, False),
        (float("nan"), float("nan"), True, True),
    ],
)
def test_what_counts_as_the_same_reply(a, b, loosely, exactly):
    assert same_data(a, b) is loosely and same_data(a, b, exact=True) is exactly
