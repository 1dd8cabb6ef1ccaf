"""Watching notebooks: what changed with a save, which exercises that touches, and the check of those in a warm process.

A file is looked at ten times a second, which costs nothing for a dozen of them, works on every disk, and needs no thread, with which a
process had better not fork. Nothing is shown here: `Watch.step` tells what has happened.
"""

import contextlib
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from autograder.checks.verdict import Verdict, unfilled
from autograder.course.catalogue import Exercise, Lesson
from autograder.course.handed_in import folder_of
from autograder.course.notebooks import NotebookProblem
from autograder.course.program import UNSEEN
from autograder.learner.checking import note
from autograder.learner.own_notebook import Opened, open_notebook
from autograder.learner.warm import Checked, WarmProcess

PATIENCE = 1.5  # seconds in which a file that cannot be read may still be half written

Stamp = tuple[int, int, int]


@dataclass(frozen=True)
class Begun:
    """A lesson's notebook is watched from now on, and checked for the first time."""

    lesson: Lesson
    path: Path


@dataclass(frozen=True)
class Saved:
    """These exercises (ids) changed and are checked now; none where only texts or outputs changed."""

    exercises: tuple[str, ...]


@dataclass(frozen=True)
class Told:
    """Verdicts, in the lesson's order. `first_passes` are ids; `asked`: the student changed them, else something else did."""

    lesson: Lesson
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...]
    first_passes: frozenset[str]
    asked: bool


@dataclass(frozen=True)
class Trouble:
    """The notebook cannot be read, or is not there: one sentence."""

    message: str


Event = Begun | Saved | Told | Trouble


@dataclass
class _Job:
    """A check that runs: of these exercises; `kind`: "begin", "asked" or "rest"."""

    process: WarmProcess
    opened: Opened
    wanted: frozenset[str]
    kind: str


@dataclass
class Watch:
    """Watches `notebooks`, lesson's name -> path, and checks in the one that was saved last, at first that of `lesson`."""

    lessons: Mapping[str, Lesson]
    notebooks: dict[str, Path]
    lesson: Lesson
    known: dict[str, Verdict] = field(default_factory=dict)
    _stamps: dict[str, Stamp | None] = field(default_factory=dict)
    _signatures: dict[str, object] = field(default_factory=dict)
    _unread: float | None = None  # since when the current file cannot be read
    _spare: WarmProcess | None = None
    _spare_of: str = ""
    _job: _Job | None = None
    _rest: Opened | None = None  # what is still to be looked through, once nothing else is to do

    @property
    def path(self) -> Path:
        """The notebook that is watched now."""
        return self.notebooks[self.lesson.name]

    def begin(self) -> list[Event]:
        """Look at every file, and check the current lesson's for the first time."""
        self._stamps = {name: _stamp(path) for name, path in self.notebooks.items()}
        return self._switch(self.lesson)

    def go_to(self, lesson: Lesson) -> list[Event]:
        """Watch another lesson's notebook."""
        self._stamps[lesson.name] = _stamp(self.notebooks[lesson.name])
        return self._switch(lesson)

    def step(self) -> list[Event]:
        """What has happened since the last time."""
        events = self._files()
        events += self._answers()
        if self._job is None and self._rest is not None:
            opened, self._rest = self._rest, None
            open_ones = frozenset(each.id for each in _checked(self.lesson) if not _blank(opened, each))
            if open_ones:
                self._start(opened, open_ones, "rest")
        return events

    @property
    def busy(self) -> bool:
        """Whether something that was asked for is still being checked."""
        return self._unread is not None or self._job is not None and self._job.kind != "rest"

    def reread(self) -> None:
        """The file was changed by ourselves, to what needs no check: take it as it is."""
        self._stamps[self.lesson.name] = _stamp(self.path)
        with contextlib.suppress(NotebookProblem, OSError):
            self._signatures = _signatures(open_notebook(self.path))

    def stop(self) -> None:
        """End every process."""
        for process in (self._job and self._job.process, self._spare):
            if process:
                process.stop()
        self._job = self._spare = None

    # Files

    def _files(self) -> list[Event]:
        events: list[Event] = []
        for name, path in list(self.notebooks.items()):
            stamp = _stamp(path)
            if stamp == self._stamps.get(name):
                continue
            before, self._stamps[name] = self._stamps.get(name), stamp
            if stamp is None:
                if name == self.lesson.name:
                    events += self._lost(name, path, before)
            elif name != self.lesson.name:
                events += self._switch(self.lessons[name])
            else:
                self._unread = time.monotonic()
        if self._unread is not None:
            events += self._read()
        return events

    def _lost(self, name: str, path: Path, before: Stamp | None) -> list[Event]:
        """The current file is gone: followed, where it has another name in the same folder."""
        self._unread = None
        for other in path.parent.glob("*.ipynb"):
            stamp = _stamp(other)
            if stamp is not None and before is not None and stamp[2] and stamp[2] == before[2]:
                self.notebooks[name], self._stamps[name] = other, stamp
                return [Trouble(f"{path.name} is now called {other.name}, which is watched from now on.")]
        return [Trouble(f"{path.name} is no longer there. It is watched again as soon as it is back.")]

    def _read(self) -> list[Event]:
        """Read the current file; if that fails, again and again for a while: an editor may be writing it."""
        try:
            opened = open_notebook(self.path)
            if opened.lesson.name != self.lesson.name:
                raise NotebookProblem(f"it is now a notebook of {opened.lesson.name}.")
            signatures = _signatures(opened)
        except (NotebookProblem, OSError) as problem:
            if self._unread is not None and time.monotonic() - self._unread < PATIENCE:
                return []
            self._unread = None
            said = problem.strerror if isinstance(problem, OSError) else str(problem)
            return [Trouble(f"{self.path.name}: {said}")]
        self._unread = None
        changed = {each.id for each in _checked(self.lesson) if signatures[each.id] != self._signatures.get(each.id)}
        begins = not self._signatures or self._job is not None and self._job.kind == "begin"
        self._signatures = signatures
        if self._job is not None and self._job.kind == "asked":  # what it has not answered yet is asked again, as it is now
            changed |= self._job.wanted
        if not changed:
            return [Saved(())]
        if begins:
            self._start(opened, frozenset(each.id for each in _checked(self.lesson)), "begin")
            return []
        self._start(opened, frozenset(changed), "asked")
        self._rest = opened
        return [Saved(tuple(each.id for each in self.lesson.exercises if each.id in changed))]

    # Checks

    def _switch(self, lesson: Lesson) -> list[Event]:
        self.lesson, self.known, self._signatures, self._unread, self._rest = lesson, {}, {}, None, None
        self._end_job()
        begun: list[Event] = [Begun(lesson, self.path)]
        try:
            opened = open_notebook(self.path)
        except (NotebookProblem, OSError) as problem:
            said = problem.strerror if isinstance(problem, OSError) else str(problem)
            return [*begun, Trouble(f"{self.path.name}: {said}")]
        self._signatures = _signatures(opened)
        self._start(opened, frozenset(each.id for each in _checked(lesson)), "begin")
        return begun

    def _start(self, opened: Opened, wanted: frozenset[str], kind: str) -> None:
        self._end_job()
        process = self._process()
        with contextlib.suppress(OSError):  # it has ended: `found` says so
            process.check(opened.path, wanted)
        self._job = _Job(process, opened, wanted, kind)
        self._spare, self._spare_of = WarmProcess(self.lesson), self.lesson.name  # once nobody waits for it

    def _end_job(self) -> None:
        if self._job is not None:
            self._job.process.stop()
            self._job = None

    def _process(self) -> WarmProcess:
        """One that waits, for this lesson."""
        spare, self._spare = self._spare, None
        if spare is not None and self._spare_of != self.lesson.name:
            spare.stop()
            spare = None
        return spare or WarmProcess(self.lesson)

    def _answers(self) -> list[Event]:
        job = self._job
        found = job.process.found() if job else None
        if job is None or found is None:
            return []
        self._job = None
        if found.problem:
            return [] if job.kind == "rest" else [Trouble(f"{self.path.name}: {found.problem}")]
        verdicts = list(found.verdicts) or _ended(job, found)
        if job.kind == "rest":  # only what is not as we knew it
            verdicts = [each for each in verdicts if _differs(each, self.known.get(each.exercise))] if not found.ended else []
        known_before = {each: verdict.status for each, verdict in self.known.items()}
        self.known.update({each.exercise: each for each in verdicts})
        first = frozenset(each.exercise for each in verdicts if note(each, tried=job.kind == "asked"))
        if job.kind == "rest":
            verdicts = [each for each in verdicts if each.exercise in known_before]
            if not verdicts:
                return []
        return [Told(self.lesson, tuple(verdicts), found.notes, first, job.kind == "asked")]


def _ended(job: _Job, found: Checked) -> list[Verdict]:
    """The verdicts where a process came to an end before it had any."""
    status = "timeout" if "within" in found.ended else "crashed"
    at = found.at or "the notebook"
    message = f"{at[0].upper()}{at[1:]} {found.ended}"
    exercises = [each for each in _checked(job.opened.lesson) if each.id in job.wanted]
    return [Verdict(each.id, status, 0, each.points, message if message.endswith("?") else f"{message}.", {}) for each in exercises]


def _differs(verdict: Verdict, known: Verdict | None) -> bool:
    return known is None or verdict.status != known.status or replace(verdict, checks={}) != replace(known, checks={})


def _checked(lesson: Lesson) -> list[Exercise]:
    return [each for each in lesson.exercises if not each.by_hand]


def _blank(opened: Opened, exercise: Exercise) -> bool:
    source = opened.submission.answers.get(exercise.id)
    return source is None or unfilled(exercise, opened.lesson.cell_of(exercise.id).source, source) is not None


def _stamp(path: Path) -> Stamp | None:
    """What changes when a file is written; None where there is no file."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _signatures(opened: Opened) -> dict[str, object]:
    """Exercise id -> what its verdict depends on: its cell, every cell that binds a name it needs or that hides what it does, its files."""
    program = opened.submission.program
    found: dict[str, object] = {}
    for exercise in _checked(opened.lesson):
        needs = program.needs(exercise)
        moment = program.moments.get(exercise.id)
        steps = tuple(
            (step.source, moment is not None and number < moment)
            for number, step in enumerate(program.steps)
            if step.binds & needs or step.exercise == exercise.id or UNSEEN.search(step.source)
        )
        folder = folder_of(opened.path, opened.lesson.name)
        found[exercise.id] = (opened.submission.answers.get(exercise.id), steps, tuple(_stamp(folder / name) for name in exercise.files))
    return found
