"""Runs a lesson's checks with pytest, in this process.

Used by the notebook (`check`), the command line and the grader: the checks are the same, only who
answers the questions differs.
"""

import contextlib
import os
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from autograder.checks import asking
from autograder.checks.expect import Mistake
from autograder.checks.files import COURSE, CheckFiles
from autograder.checks.words import call as shown_call
from autograder.course.faults import MachineBusy, StudentFault

if TYPE_CHECKING:
    from autograder.checks.artefacts import Artefacts

Opener = Callable[[str], contextlib.AbstractContextManager[asking.Answers]]

# pytest only as an engine: no configuration, plugins, cache or output of its own.
_OPTIONS = [
    "-p",
    "no:terminal",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:logging",
    "-p",
    "no:capture",
    "-p",
    "no:warnings",
    "-p",
    "no:faulthandler",
    "-p",
    "no:unraisableexception",
    "-p",
    "no:threadexception",
    "-p",
    "no:junitxml",
    "-p",
    "no:doctest",
    "-p",
    "no:pastebin",
    "-p",
    "no:stepwise",
    "-p",
    "no:debugging",
    "-p",
    "no:recwarn",
    "-p",
    "no:tmpdir",
    "-p",
    "no:monkeypatch",
    "-p",
    "no:unittest",
    "--import-mode=importlib",
    "--noconftest",
    "--assert=plain",
    "--override-ini=addopts=",
    "--override-ini=filterwarnings=",
]


_CHECK_MODULES = ("course_lessons.lesson_", "course_lessons.lab_")  # a lesson's checks may borrow another's


@dataclass(frozen=True)
class Outcome:
    """What one check said. `status`: passed, failed, blank, missing, error, crashed, timeout or grader_error.

    `call` is the call that ended in a fault, in words; `asked` are the questions (`asking.Asked`). `broke`: the check
    raised something of its own after a reply had come. As right answers pass, that is the reply's fault; see `blame`.
    """

    exercise: str
    name: str
    status: str
    message: str
    asked: tuple[asking.Asked, ...]
    call: str = ""
    broke: bool = False


def run_checks(
    lesson: str,
    open_question: Opener | None,
    *,
    seed: int,
    exercises: Iterable[str] | None = None,
    hidden: bool = False,
    artefacts: "Artefacts | None" = None,
    files: CheckFiles = COURSE,
) -> list[Outcome]:
    """Run the checks of `lesson` (a name) and return an `Outcome` for every one that reported.

    `open_question(exercise_id)` gives a context manager whose value has `call` and `value` (see
    `asking.Direct`); each check gets its own. `exercises` limits the run to some ids. `artefacts` are the files handed in
    (`artefacts.Artefacts`), for checks that ask for them; `files` (`CheckFiles`) says where the checks are. A check that is skipped, marked as
    expected to fail, or that breaks by a fault of its own is `grader_error`: nothing but a pass counts. Raises `MachineBusy`
    where a question did.
    """
    folder = files.file_of(lesson, "visible").parent
    wanted = [files.file_of(lesson, name) for name in (("visible", "hidden") if hidden else ("visible",))]
    read = [str(file) for file in wanted if file.exists()]
    plugin = _Plugin(open_question, seed, list(exercises) if exercises is not None else None, artefacts)
    with _plain_environment(), _read_anew(read), asking.Settings().applied():
        ended = pytest.main([*read, *_OPTIONS, f"--rootdir={folder}", f"--confcutdir={folder}", "-c", os.devnull], plugins=[plugin])
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
def _plain_environment() -> Iterator[None]:
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
def _read_anew(files: Sequence[str]) -> Iterator[None]:
    """Import check files as they are now, and leave none of their modules behind.

    pytest takes a module that is imported already, however its file has changed since; also one that broke on its first
    import, which then looks like a file without a check.
    """

    def check_modules() -> list[str]:
        return [
            name
            for name, module in list(sys.modules.items())
            if name.startswith(_CHECK_MODULES) or getattr(module, "__file__", None) in files
        ]

    kept = {name: sys.modules.pop(name) for name in check_modules()}
    try:
        yield
    finally:
        for name in check_modules():
            del sys.modules[name]
        sys.modules.update(kept)


class _Plugin:
    """Gives checks their fixtures, and collects what they say."""

    def __init__(self, open_question: Opener | None, seed: int, wanted: list[str] | None, artefacts: "Artefacts | None") -> None:
        self._open_question: Any = open_question
        self._seed, self._wanted, self._artefacts = seed, wanted, artefacts
        self._recorders: dict[str, asking.Recorder] = {}
        self.outcomes: list[Outcome] = []
        self.broken = ""
        self.busy: MachineBusy | None = None

    def pytest_configure(self, config: pytest.Config) -> None:
        config.addinivalue_line("markers", "exercise(id, points): the exercise that a check belongs to")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.broken = str(report.longrepr).strip().splitlines()[-1]

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [i for i in items if self._wanted is None or _exercise_of(i) in self._wanted]
        # One exercise after the other, in the order given, so that whoever answers can keep the state open between its checks.
        order = self._wanted or list(dict.fromkeys(map(_exercise_of, items)))
        items.sort(key=lambda item: order.index(_exercise_of(item)))

    @pytest.fixture
    def student(self, request: pytest.FixtureRequest) -> Iterator[asking.Recorder]:
        with self._open_question(_exercise_of(request.node)) as answers, _torch_seeded(self._own_seed(request)):
            recorder = self._recorders[request.node.name] = asking.Recorder(answers)
            yield recorder

    @pytest.fixture
    def artefacts(self) -> "Artefacts":
        if self._artefacts is None:
            raise RuntimeError("this check is about files that are handed in, and none were given to it")
        return self._artefacts

    @pytest.fixture
    def rng(self, request: pytest.FixtureRequest) -> np.random.Generator:
        return np.random.default_rng(self._own_seed(request))

    def _own_seed(self, request: pytest.FixtureRequest) -> list[int]:
        return [self._seed, zlib.crc32(request.node.name.encode())]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo) -> pytest.TestReport:
        # A report of our own: pytest's would draw a traceback that nobody reads, for most of the time of a run.
        outcome = "failed" if call.excinfo else "passed"  # both are texts that pytest takes, and `when` is never "collect" here
        if call.when == "call" or call.excinfo:
            self._keep(item, call)
        return pytest.TestReport(item.nodeid, item.location, {}, outcome, None, call.when)  # type: ignore[arg-type]

    def _keep(self, item: pytest.Item, call: pytest.CallInfo) -> None:
        recorder = self._recorders.get(item.name)
        error = call.excinfo.value if call.excinfo else None
        self.busy = error if isinstance(error, MachineBusy) else self.busy
        asked = tuple(recorder.asked) if recorder else ()
        last = asked[-1] if asked else None
        told, broke = "", False
        if call.when == "call" and error is None:
            status, message = "passed", ""
        elif isinstance(error, StudentFault):
            status, message = error.status, str(error)
            if last and last.fault is error and error.called and last.args is not None and status in ("error", "timeout", "crashed"):
                told = shown_call(last.name, last.args, last.kwargs or {})
        elif isinstance(error, Mistake):
            status, message = "failed", str(error)
        elif isinstance(error, AssertionError) and asked:
            # A bare `assert` says nothing: what pytest would show of it is the check's own code.
            status, message = "failed", str(error).split("\n")[0] or "the answer is not right"
        else:
            status = "grader_error"
            message = f"the check {item.name} broke: {type(error).__name__}: {error}" if error else f"{item.name} did not run"
            broke = isinstance(error, Exception) and call.when == "call" and any(each.reply for each in asked)
            if broke:
                status, message = "failed", f"what came back cannot be used by the check ({type(error).__name__}: {error})"
        self.outcomes.append(Outcome(_exercise_of(item), item.name, status, message, asked, told, broke))


@contextlib.contextmanager
def _torch_seeded(seed: Sequence[int]) -> Iterator[None]:
    """Layers that a check makes get the same weights each time. Whoever uses torch in this process does not notice."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(np.random.default_rng(seed).integers(2**62)))
        yield


def _exercise_of(item: pytest.Item) -> str:
    marker = item.get_closest_marker("exercise")
    return marker.args[0] if marker else ""
