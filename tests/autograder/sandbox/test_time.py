"""What counts as time, beside whom ever: limits, and how a time-out is confirmed before it counts or is kept.

What took too long is graded again at the end, beside which nothing of the class runs.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import Future
from dataclasses import replace

import nbformat
import pytest

from autograder.checks import asking
from autograder.checks.verdict import Verdict
from autograder.course import catalogue
from autograder.course.faults import MachineBusy, TimedOut
from autograder.grading import class_run, workers
from autograder.grading.class_run import grade_class
from autograder.grading.submission import Result, grade, grade_alone
from autograder.sandbox.box import Sandbox
from autograder.sandbox.cores import own_core
from autograder.sandbox.limits import Limits
from tests import SUBMITTED as SAMPLE
from tests.files.notebooks import solved

LESSON = "01_affine_quantization"
EXERCISES = [e.id for e in catalogue.lessons()[LESSON].exercises]
SLOW = "1.3-quantize"


class InThisProcess:
    """An executor that grades when asked for the result, as busy workers do, and says in which pool each task was."""

    pools = 0

    def __init__(self, jobs=None):
        pass

    @contextlib.contextmanager
    def open(self, most):
        InThisProcess.pools += 1

        def submit(task):
            future = Future()
            future.set_result(workers.grade_task(task))
            return future

        yield submit, 8


class Grader:
    """Stands for `grade`: every answer is right. Of the students in `slow`, one exercise takes too long in the first `times` runs."""

    def __init__(self, *slow, times=1, busy=False):
        self.left, self.busy, self.asked = dict.fromkeys(slow, times), busy, []

    def __call__(self, data, student, lesson, sandbox, *, exercises=None, **_):
        self.asked.append((student, exercises, InThisProcess.pools))
        verdicts = {e: Verdict(e, "passed", 1, 1, "", {}) for e in exercises or EXERCISES}
        unconfirmed = []
        if self.left.get(student, 0) and SLOW in verdicts:
            self.left[student] -= 1
            if self.busy:
                raise MachineBusy("this machine was too busy")
            verdicts[SLOW] = Verdict(SLOW, "timeout", 0, 1, "too long", {"test": "timeout"})
            unconfirmed = [SLOW]
        return Result(student, lesson, "", list(verdicts.values()), isolation={"level": "bubblewrap"}, unconfirmed=unconfirmed)


@pytest.fixture
def a_class(tmp_path, monkeypatch):
    """Three students to grade with a `Grader`; returns a function that does: {student: its result file}."""
    for student in ("ada", "bo", "chen"):
        shutil.copytree(SAMPLE / student, tmp_path / "class" / student)
    monkeypatch.setattr(class_run, "Local", InThisProcess)
    monkeypatch.setattr(workers, "_sandbox", lambda settings: None)
    monkeypatch.setattr(class_run.provenance, "hashes", lambda lesson, files: {"checks": "same"})

    def run(grader, **options):
        monkeypatch.setattr(workers, "grade", grader)
        # The stub says nothing of the file; what is kept goes by its hash.
        monkeypatch.setattr(class_run, "_fingerprint", lambda *parts: "same")
        results = grade_class(tmp_path / "class", tmp_path / "out", **options).results
        assert [json.loads(p.read_text())["unconfirmed"] for p in sorted((tmp_path / "out" / "results").glob("*/*.json"))] == [[]] * 3
        return {r.student: {v.exercise: v.status for v in r.verdicts} for r in results}

    return run


def test_the_second_run_counts_alone_at_the_end(a_class):
    grader, seen, bar = Grader("ada", "bo"), [], []
    # ada's time-out was luck, bo's was not.
    grader.left["bo"] = 2
    found = a_class(grader, on_result=lambda result: bar.append(result.student), on_alone=seen.append)
    assert found["ada"] == found["chen"] == dict.fromkeys(EXERCISES, "passed")
    assert found["bo"] == {**dict.fromkeys(EXERCISES, "passed"), SLOW: "timeout"}
    first = grader.asked[0][2]
    assert grader.asked[:3] == [(student, None, first) for student in ("ada", "bo", "chen")]
    assert sorted(grader.asked[3:]) == [(student, (SLOW,), first + 1) for student in ("ada", "bo")], "after the end of the first pool"
    assert bar[0] == "chen" and sorted(bar) == ["ada", "bo", "chen"] and seen == [2]


def test_a_stop_before_the_second_run_keeps_no_time_out(a_class):
    def stop(number):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        a_class(Grader("ada"), on_alone=stop)
    again = Grader()
    assert a_class(again)["ada"] == dict.fromkeys(EXERCISES, "passed")
    assert [(student, exercises) for student, exercises, _ in again.asked] == [("ada", (SLOW,))], "what was certain is kept"
    nothing = Grader()
    a_class(nothing)
    assert nothing.asked == []


def test_a_machine_too_busy_for_a_verdict_is_asked_again_and_is_never_the_students_fault(a_class):
    assert a_class(Grader("ada", busy=True))["ada"] == dict.fromkeys(EXERCISES, "passed")


def test_a_machine_that_stays_too_busy_leaves_a_fault_of_ours_that_is_not_kept(a_class):
    assert a_class(Grader("bo", times=2, busy=True), seed=1)["bo"] == dict.fromkeys(EXERCISES, "grader_error")
    again = Grader()
    assert a_class(again)["bo"] == dict.fromkeys(EXERCISES, "passed") and [a[:2] for a in again.asked] == [("bo", None)]


# What has to be confirmed, in the sandbox


@pytest.fixture(scope="module")
def box(bubblewrap):
    with Sandbox(Limits(cell_seconds=1, call_seconds=1), isolation="bubblewrap", preload=("numpy",)) as box:
        yield box


def with_cell(notebook, exercise, change):
    """The notebook's bytes with the source of one exercise's cell changed."""
    cells = [
        {**c, "source": change(c.source)} if c.metadata.course.role == "exercise" and c.metadata.course.exercise == exercise else c
        for c in notebook.cells
    ]
    return json.dumps({**notebook, "cells": cells}).encode()


def graded(data, box, *exercises):
    result = grade(data, "x", LESSON, box, seed=2, exercises=exercises)
    return result, {v.exercise: v.status for v in result.verdicts}


def test_an_endless_call_waits_for_its_confirmation_and_its_neighbours_do_not(box):
    data = with_cell(solved(LESSON), "1.4-bug", lambda source: source + "\ndef to_int8(x, scale):\n    while True: pass\n")
    result, statuses = graded(data, box, "1.4-bug", "1.9-bytes")
    assert statuses == {"1.4-bug": "timeout", "1.9-bytes": "passed"} and result.unconfirmed == ["1.4-bug"]
    alone = grade_alone(data, "x", LESSON, box, seed=2, exercises=["1.4-bug", "1.9-bytes"])
    assert alone.unconfirmed == [] and alone.verdicts == result.verdicts


def test_after_a_cell_that_was_stopped_everything_that_failed_waits(box):
    """The names that it would have defined are missing in other exercises."""
    data = with_cell(solved(LESSON), "1.4-bug", lambda source: "def to_int8(x, scale):\n    return x\nwhile True: pass")
    result, statuses = graded(data, box, "1.1-predict", "1.4-bug", "1.9-bytes")
    assert statuses == {"1.1-predict": "passed", "1.4-bug": "timeout", "1.9-bytes": "passed"} and result.unconfirmed == ["1.4-bug"]
    broken = with_cell(
        nbformat.from_dict(json.loads(data)), "1.9-bytes", lambda source: "def stored_bytes(shape):\n    return helper(shape)"
    )
    result, statuses = graded(broken, box, "1.1-predict", "1.9-bytes")
    assert statuses["1.9-bytes"] != "passed" and result.unconfirmed == ["1.9-bytes"]


def test_only_what_was_slow_is_doubtful(box):
    data = with_cell(solved(LESSON), "1.4-bug", lambda source: source + "\ndef to_int8(x, scale):\n    return x\n")
    result, statuses = graded(data, box, "1.4-bug", "1.9-bytes")
    assert statuses["1.4-bug"] == "failed" and result.unconfirmed == []
    assert replace(result, unconfirmed=["1.4-bug"]) != result


# Beside processes that never rest


SPIN = "end = time.process_time() + {}\n    while time.process_time() < end: pass"
needs_affinity = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes cannot be bound to a core here")


@pytest.fixture(scope="module")
def hogs(box):
    """Five of them, on the core of this process's sandboxes; function to be called once what is asked of them is done."""
    source = f"import os\nos.sched_setaffinity(0, {{{own_core()}}})\nprint(flush=True)\nwhile True: pass"
    started = [subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, start_new_session=True) for _ in range(5)]
    for each in started:
        each.stdout.readline()
        each.send_signal(signal.SIGSTOP)

    @contextlib.contextmanager
    def at_work():
        for each in started:
            each.send_signal(signal.SIGCONT)
        try:
            yield
        finally:
            for each in started:
                each.send_signal(signal.SIGSTOP)

    yield at_work
    for each in started:
        each.kill()
        each.communicate()


def run(session, source):
    outcome = session.run_cell(source, "a cell")
    assert outcome.status == "ok", outcome


@needs_affinity
def test_time_in_the_queue_for_a_processor_does_not_count(box, hogs):
    """Seconds by the clock on the wall, far more than the limits; a sixth of them at work."""
    with hogs(), box.session(seconds={"wall_factor": 1000.0}) as session:
        run(session, f"import time\nif True:\n    {SPIN.format(0.6)}")
        run(session, f"def f():\n    {SPIN.format(0.5)}\n    return 2")
        with session.question() as question:
            assert [question.call("f").value for _ in range(2)] == [2, 2]
        # What never ends is stopped here as well, and waiting is told from queueing.
        run(session, "def f():\n    while True: pass\ndef g():\n    time.sleep(1000)")
        for name, used in (("f", "1 s of processor time and"), ("g", "1 s and")):
            with session.question() as question, pytest.raises(TimedOut, match=f"`{name}` was still running after {used}"):
                question.call(name)


@needs_affinity
def test_a_machine_that_is_too_busy_gives_no_verdict(box, hogs):
    slow = with_cell(solved(LESSON), "1.4-bug", lambda source: f"{source}\nimport time\ndef to_int8(x, scale):\n    {SPIN.format(0.9)}\n")
    with Sandbox(Limits(cell_seconds=1, call_seconds=1, wall_factor=1.5), isolation="bubblewrap", preload=("numpy",)) as own, hogs():
        with pytest.raises(MachineBusy, match="this machine was too busy: in [1-9].* s the submission had the processor for 0"):
            graded(slow, own, "1.4-bug")


@needs_affinity
def test_in_a_notebook_time_in_the_queue_does_not_count_either(hogs, monkeypatch):
    monkeypatch.setattr(asking, "CALL_SECONDS", 0.4)
    monkeypatch.setattr(asking, "WALL_FACTOR", 1000)
    namespace = {}
    exec(f"import time\ndef f():\n    {SPIN.format(0.3)}\n    return 3\ndef g():\n    while True: pass", namespace)
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {own_core()})
    try:
        with hogs():
            assert asking.Direct(namespace).call("f", (), {}).value == 3
            with pytest.raises(TimedOut):
                asking.Direct(namespace).call("g", (), {})
    finally:
        os.sched_setaffinity(0, before)


def test_time_that_questions_take_is_not_the_cells(box):
    """Exercises are asked between cells; a notebook's limit is for its cells."""
    with box.session(seconds={"notebook_seconds": 1.0}) as session:
        run(session, f"import time\ndef f():\n    {SPIN.format(0.7)}")
        for _ in range(2):
            with session.question() as question:
                question.call("f")
            run(session, "x = 1")
