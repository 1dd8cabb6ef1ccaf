"""Runs a lesson's checks with pytest, in this process, and names known mistakes.

Used by the notebook (`check`), the command line and the grader: the checks are the same, only who
answers the questions differs.
"""

import contextlib
import os
import sys
import warnings
import zlib
from dataclasses import dataclass

import numpy as np
import pytest

from autograder.checks import bank, file_of, students
from autograder.checks.expect import Mistake
from autograder.checks.faults import MachineBusy, StudentFault
from autograder.checks.reply import Reply
from autograder.checks.same import same_data

# pytest only as an engine: no configuration, plugins, cache or output of its own.
_OPTIONS = [
    "-p", "no:terminal", "-p", "no:cacheprovider", "-p", "no:logging", "-p", "no:capture", "-p", "no:warnings",
    "-p", "no:faulthandler", "-p", "no:unraisableexception", "-p", "no:threadexception", "-p", "no:junitxml",
    "-p", "no:doctest", "-p", "no:pastebin", "-p", "no:stepwise", "-p", "no:debugging", "-p", "no:recwarn",
    "-p", "no:tmpdir", "-p", "no:monkeypatch", "-p", "no:unittest",
    "--import-mode=importlib", "--noconftest", "--assert=plain", "--override-ini=addopts=", "--override-ini=filterwarnings=",
]  # fmt: skip


_CHECK_MODULES = ("autograder.checks.lesson_", "autograder.checks.lab_")  # a lesson's checks may borrow another's


@dataclass(frozen=True)
class Outcome:
    """What one check said. `status`: passed, failed, blank, missing, error, crashed, timeout or grader_error."""

    exercise: str
    name: str
    status: str
    message: str
    asked: tuple


def run_checks(lesson, open_question, *, seed, exercises=None, hidden=False, artefacts=None):
    """Run the checks of `lesson` (a name) and return an `Outcome` for every one that reported.

    `open_question(exercise_id)` gives a context manager whose value has `call` and `value` (see
    `students.Direct`); each check gets its own. `exercises` limits the run to some ids. `artefacts` are the files handed in
    (`measured.Artefacts`), for checks that ask for them. A check that is skipped, marked as
    expected to fail, or that breaks by a fault of its own is `grader_error`: nothing but a pass counts. Raises `MachineBusy`
    where a question did.
    """
    folder = file_of(lesson, "visible").parent
    files = [file_of(lesson, name) for name in (("visible", "hidden") if hidden else ("visible",))]
    files = [str(file) for file in files if file.exists()]
    plugin = _Plugin(open_question, seed, list(exercises) if exercises is not None else None, artefacts)
    with _plain_environment(), _read_anew(files):
        ended = pytest.main([*files, *_OPTIONS, f"--rootdir={folder}", f"--confcutdir={folder}", "-c", os.devnull], plugins=[plugin])
    if plugin.busy is not None:
        raise plugin.busy
    if ended == pytest.ExitCode.INTERRUPTED and not plugin.broken:  # files that do not load "interrupt" it, too
        raise KeyboardInterrupt
    if plugin.broken or ended not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise CheckFilesBroken(f"the checks of {lesson} could not be run: {plugin.broken or ended!r}")
    return plugin.outcomes


class CheckFilesBroken(Exception):
    """The check files themselves do not load: a fault of ours."""


@contextlib.contextmanager
def _plain_environment():
    """Without the user's pytest settings and without other packages' plugins (they cost time and may interfere)."""
    kept = {k: os.environ.get(k) for k in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD", "PYTEST_CURRENT_TEST")}
    for key in kept:
        os.environ.pop(key, None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        yield
    finally:
        for key, value in kept.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value


@contextlib.contextmanager
def _read_anew(files):
    """Import check files as they are now, and leave none of their modules behind.

    pytest takes a module that is imported already, however its file has changed since; also one that broke on its first
    import, which then looks like a file without a check.
    """

    def check_modules():
        return [name for name, module in list(sys.modules.items()) if name.startswith(_CHECK_MODULES) or getattr(module, "__file__", None) in files]

    kept = {name: sys.modules.pop(name) for name in check_modules()}
    try:
        yield
    finally:
        for name in check_modules():
            del sys.modules[name]
        sys.modules.update(kept)


class _Plugin:
    """Gives checks their fixtures, and collects what they say."""

    def __init__(self, open_question, seed, wanted, artefacts):
        self._open_question, self._seed, self._wanted, self._artefacts = open_question, seed, wanted, artefacts
        self._recorders = {}
        self.outcomes = []
        self.broken = ""
        self.busy = None

    def pytest_configure(self, config):
        config.addinivalue_line("markers", "exercise(id, points): the exercise that a check belongs to")

    def pytest_collectreport(self, report):
        if report.failed:
            self.broken = str(report.longrepr).strip().splitlines()[-1]

    def pytest_collection_modifyitems(self, items):
        items[:] = [i for i in items if self._wanted is None or _exercise_of(i) in self._wanted]
        # One exercise after the other, in the order given, so that whoever answers can keep the state open between its checks.
        order = self._wanted or list(dict.fromkeys(map(_exercise_of, items)))
        items.sort(key=lambda item: order.index(_exercise_of(item)))

    @pytest.fixture
    def student(self, request):
        with self._open_question(_exercise_of(request.node)) as answers, _torch_seeded(self._own_seed(request)):
            recorder = self._recorders[request.node.name] = students.Recorder(answers)
            yield recorder

    @pytest.fixture
    def artefacts(self):
        if self._artefacts is None:
            raise RuntimeError("this check is about files that are handed in, and none were given to it")
        return self._artefacts

    @pytest.fixture
    def rng(self, request):
        return np.random.default_rng(self._own_seed(request))

    def _own_seed(self, request):
        return [self._seed, zlib.crc32(request.node.name.encode())]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item, call):
        # A report of our own: pytest's would draw a traceback that nobody reads, for most of the time of a run.
        outcome = "failed" if call.excinfo else "passed"
        if call.when == "call" or call.excinfo:
            self._keep(item, call)
        return pytest.TestReport(item.nodeid, item.location, {}, outcome, None, call.when)

    def _keep(self, item, call):
        recorder = self._recorders.get(item.name)
        error = call.excinfo.value if call.excinfo else None
        self.busy = error if isinstance(error, MachineBusy) else self.busy
        if call.when == "call" and error is None:
            status, message = "passed", ""
        elif isinstance(error, StudentFault):
            status, message = error.status, str(error)
        elif isinstance(error, Mistake):
            status, message = "failed", str(error)
        elif isinstance(error, AssertionError) and recorder is not None and recorder.asked:
            # A bare `assert` says nothing: what pytest would show of it is the check's own code.
            status, message = "failed", str(error).split("\n")[0] or "the answer is not right"
        else:
            status = "grader_error"
            message = f"the check {item.name} broke: {type(error).__name__}: {error}" if error else f"{item.name} did not run"
        asked = tuple(recorder.asked) if recorder else ()
        self.outcomes.append(Outcome(_exercise_of(item), item.name, status, message, asked))


@contextlib.contextmanager
def _torch_seeded(seed):
    """Layers that a check makes get the same weights each time. Whoever uses torch in this process does not notice."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(np.random.default_rng(seed).integers(2**62)))
        yield


def _exercise_of(item):
    marker = item.get_closest_marker("exercise")
    return marker.args[0] if marker else ""


# Naming the mistake


def named_mistake(lesson, exercise, outcomes):
    """The sentence of the known wrong answer that behaves exactly as the student's did, or None.

    Every question that the checks asked is put to each wrong answer in the bank; all its replies must agree.
    """
    mine = [outcome for outcome in outcomes if outcome.exercise == exercise]
    asked = [question for outcome in mine for question in outcome.asked]
    failed = [_suspects(outcome) for outcome in mine if outcome.status != "passed"]
    answers = [answer for answer in bank(lesson) if answer.exercise == exercise]
    for known in answers:
        relevant = [question for question in asked if question.name in known.names]
        if known.right or not relevant or not all(_same_reply(known, question) for question in relevant):
            continue
        # Where a right answer replies the same, the questions do not show the mistake: it is not the one made here.
        rights = [a for a in answers if a.right and a.names.keys() >= known.names.keys()]
        if any(all(_same_reply(a, question, exact=True) for question in relevant) for a in rights):
            continue
        # Nor is it where something else failed, and no right answer is there to compare with.
        if any(names & known.names.keys() if rights else names <= known.names.keys() for names in failed):
            return known.note
    return None


def _suspects(outcome):
    """The names whose replies may have made a check fail: the one that raised, else all that were asked."""
    asked = outcome.asked[-1:] if outcome.asked and outcome.asked[-1].fault else outcome.asked
    return {question.name for question in asked}


def _same_reply(known, question, exact=False):
    answers = known.answering()
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a wrong answer may well earn one, which is nobody's concern here
            if question.args is None:
                got = Reply(answers.value(question.name))
            else:
                got = answers.call(question.name, question.args, question.kwargs, question.wrt)
    except StudentFault as fault:
        other = question.fault
        return type(fault) is type(other) and getattr(fault, "type_name", 0) == getattr(other, "type_name", 0)
    if question.reply is None or not same_data(got.value, question.reply.value, exact):
        return False
    return all(same_data(_fact(got, each), _fact(question.reply, each), exact) for each in question.used)


def _fact(reply, name):
    return reply.mutated if name == "changed" else list(reply.shared) if name == "shared" else [reply.grads, reply.attached] if name == "grads" else reply.requires_grad
