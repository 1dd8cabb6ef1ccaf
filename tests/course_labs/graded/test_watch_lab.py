"""The lab about watching: what its checks of files let through, and that no verdict on a monitor is luck."""

import contextlib
import json

import numpy as np
import pytest

from autograder.authoring import answers
from autograder.checks import asking
from autograder.checks.files import bank
from autograder.checks.run import run_checks
from autograder.course import catalogue
from course_lessons.lab_deploy_and_watch import visible
from tests.course_labs.graded.test_exercise_labs import graded
from tests.files.exercise_labs import forge

LAB, MONITOR = forge.WATCH, "watch.4-alarm"


def test_an_honest_student_gets_every_point():
    got = graded(LAB, forge.honest(LAB))
    assert (got.status, got.points) == ("passed", 20), got.message


# forgery -> a part of what the student reads
SAYS = {
    "a-little-more-accurate": "accuracy: you report",
    "more-images-than-there-are": "there are 360 test images",
    "another-version": "has the version 2",
    "a-key-too-few": "has no 'edges'",
    "a-better-worst-class": "accuracy by class: class",
    "edges-made-up": "edges: edge",
    "shares-that-are-all-alike": "class_shares: class",
    "shares-of-nine-bins": "a list of 10 numbers",
    "sureness-made-up": "sureness_shares: bin 0: you report 0.55",
    "numbers-in-words": "expected a number",
    "not-a-number": "NaN",
    "the-baseline-of-another-file": "belongs to another file",
    "a-float-file": "not in eight bits",
    "no-baseline": "was not handed in",
}


def test_every_forgery_is_known():
    assert set(SAYS) == set(forge.FORGED[LAB])


@pytest.mark.parametrize("name", SAYS)
def test_a_forged_hand_in_earns_nothing(name):
    got = graded(LAB, forge.made(LAB, name))
    assert got.points == 0 and SAYS[name] in got.message, got.message


@pytest.mark.parametrize("nonsense", [[], {"version": True}, {key: None for key in visible.KEYS}, {key: {} for key in visible.KEYS}])
def test_a_baseline_without_sense_earns_nothing(nonsense):
    files = forge.honest(LAB)
    got = graded(LAB, files | {"baseline.json": json.dumps(nonsense).encode()})
    assert (got.status, got.points) == ("failed", 0), got.message


def test_figures_rounded_to_a_tenth_are_as_good():
    files = forge.honest(LAB)
    told = json.loads(files["baseline.json"])
    told |= {"accuracy": round(told["accuracy"], 1), "accuracy_by_class": [round(each, 1) for each in told["accuracy_by_class"]]}
    assert graded(LAB, files | {"baseline.json": json.dumps(told).encode()}).points == 20


# The monitor. Over hundreds of seeds: `python -m tests.trials.luck --seeds 200 deploy_and_watch`.


@pytest.mark.parametrize("seed", range(3))
def test_a_right_monitor_is_far_from_every_bound(seed):
    """The solution and each right answer of the bank: hardly an alarm without a fault, and no fault missed."""
    solution = answers.solution(LAB)
    rights = [answer.names["alarm_at"] for answer in bank(LAB) if answer.exercise == MONITOR and answer.right]
    for alarm_at in (solution["alarm_at"], *rights):
        rng = np.random.default_rng(seed)
        quiet = [visible.Place(rng) for _ in range(40)]
        assert sum(alarm_at(here.baseline, here.images(1500)[0]) is not None for here in quiet) <= 1
        for fault in visible.FAULTS:
            delays = []
            for here in [visible.Place(rng) for _ in range(12)]:
                logits, before = here.stream(fault)
                delays.append((alarm_at(here.baseline, logits) or np.inf) - before)
            assert sum(0 < each <= visible.IN_TIME for each in delays) >= 11, (fault, delays)


def test_a_monitor_that_never_rings_and_one_that_always_does_fail():
    exercise, solution = catalogue.lessons()[LAB].exercise(MONITOR), answers.solution(LAB)
    for answer in (None, 1):
        direct = asking.Direct({**solution, "alarm_at": lambda baseline, logits, answer=answer: answer})
        outcomes = run_checks(LAB, lambda _, direct=direct: contextlib.nullcontext(direct), seed=1, exercises=[exercise.id], hidden=True)
        failed = {outcome.name for outcome in outcomes if outcome.status == "failed"}
        assert {"test_some_streams_of_each_kind", "test_both_promises_on_fresh_streams"} <= failed
