"""A student's own notebook on their own machine: run its cells here and check; reset one exercise.

No sandbox: this is for one's own code.
"""

import contextlib
import os
import shutil
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from autograder.checks.asking import Settings, time_limit
from autograder.checks.verdict import Verdict, better, shorter, with_reasons, without_quotes
from autograder.course import catalogue, paths
from autograder.course.blanks import BlankError
from autograder.course.catalogue import Exercise, Lesson
from autograder.course.faults import TimedOut
from autograder.course.notebooks import NotebookProblem, Submission, lesson_in, read_submission
from autograder.course.shell import Shell
from autograder.learner import kernel_runs, progress
from autograder.learner.checking import check_in, note
from autograder.sandbox.limits import Limits
from course_data.files import write_whole

CELL_SECONDS = Limits.cell_seconds  # as in grading


@dataclass(frozen=True)
class Opened:
    """A notebook as it was read: where it is, whose lesson, what it holds."""

    path: Path
    lesson: Lesson
    submission: Submission


@dataclass(frozen=True)
class Stop:
    """What stopped a cell, in words; `timed_out`: its time limit."""

    words: str
    timed_out: bool = False


def check_notebook(path: Path, wanted: Collection[str] | None = None) -> tuple[Lesson, list[Verdict], list[str]]:
    """Run a notebook's cells in this process, then the visible checks of the exercises `wanted` (ids; None: all).

    Returns (lesson, verdicts, notes: what was repaired, and cells that took too long). Raises `NotebookProblem`.
    """
    opened = open_notebook(path)
    verdicts, notes = verdicts_on(opened, wanted)
    for verdict in verdicts:
        if verdict.status != "needs_manual":
            note(verdict)
    return opened.lesson, verdicts, notes


def open_notebook(path: Path) -> Opened:
    """Read a notebook. Raises `NotebookProblem`, or OSError where there is no such file."""
    path = path.resolve()
    data = path.read_bytes()
    lesson = _lesson(path, data)
    return Opened(path, lesson, read_submission(data, lesson))


def verdicts_on(
    opened: Opened, wanted: Collection[str] | None = None, begins: Callable[[str], object] = lambda name: None
) -> tuple[list[Verdict], list[str]]:
    """Run the cells in this process and ask the visible checks: (verdicts, notes). Keeps nothing. `begins` is told what runs next."""
    os.environ.setdefault("MPLBACKEND", "Agg")  # a figure window would stop the check until it is closed
    with notebook() as shell, _beside(opened.path):
        verdicts, late = _verdicts(shell, opened, wanted, begins)
    return verdicts, shorter([*opened.submission.repairs, *late])


def _verdicts(
    shell: Shell, opened: Opened, wanted: Collection[str] | None, begins: Callable[[str], object]
) -> tuple[list[Verdict], list[str]]:
    """The verdicts on the exercises `wanted`, each asked where its check cell stands, and at the end where that may give more; and what took too long."""
    lesson, submission = opened.lesson, opened.submission
    program = submission.program
    asked: dict[str, Verdict] = {}
    broken: dict[str, Stop] = {}
    late: list[str] = []
    exercises = [e for e in lesson.exercises if not wanted or e.id in wanted]

    def ask(exercise: Exercise) -> None:
        begins(f"the check of {exercise.id}")
        verdict = check_in(shell.user_ns, lesson, exercise, submission.answers.get(exercise.id), opened.path)
        if verdict is None:  # a person reads it
            return
        if verdict.status == "missing" and exercise.id in broken:
            verdict = _stopped(exercise, broken[exercise.id])
        asked[exercise.id] = better(asked.get(exercise.id), verdict)

    for number in range(len(program.steps) + 1):
        for exercise in exercises:
            if program.moments.get(exercise.id) == number and not exercise.by_hand:
                ask(exercise)
        for step in program.steps[number : number + 1]:
            begins(step.name)
            stop = run_limited(shell, step.source, step.name, CELL_SECONDS)
            broken.pop(step.exercise, None)
            if stop and step.exercise:
                broken[step.exercise] = stop
            elif stop and stop.timed_out:
                late.append(f"{step.name[0].upper()}{step.name[1:]}: {stop.words}")
    verdicts = []
    for exercise in exercises:
        if exercise.by_hand:
            verdicts.append(Verdict(exercise.id, "needs_manual", 0, exercise.points, "", {}))
            continue
        if exercise.id not in asked or asked[exercise.id].status != "passed" and program.may_differ_at_the_end(exercise):
            ask(exercise)
        verdicts.append(with_reasons(asked[exercise.id], program.rebound(exercise)))
    return verdicts, late


def _stopped(exercise: Exercise, stop: Stop) -> Verdict:
    """The verdict on an exercise whose cell stopped before it defined what is asked for."""
    if stop.timed_out:
        return Verdict(exercise.id, "timeout", 0, exercise.points, stop.words, {})
    message = f"Your cell stopped with {stop.words}. {without_quotes(exercise, stop.words)}".strip()
    return Verdict(exercise.id, "error", 0, exercise.points, message, {})


@contextlib.contextmanager
def notebook() -> Iterator[Shell]:
    """A shell for the cells of one notebook: this process's own, or one beside the kernel that runs here."""
    with _outlived(), contextlib.closing(Shell(main=kernel_runs.shell() is None)) as shell:
        warnings.filterwarnings("ignore", "To exit: use")
        yield shell


@contextlib.contextmanager
def _outlived() -> Iterator[None]:
    """Cells may end this process, take its output away or set it up anew; what is found of them must still be said, and nothing stays."""
    leave, process, streams = os._exit, os.getpid(), (sys.stdin, sys.stdout, sys.stderr)

    def leave_if_forked(status: int) -> NoReturn:
        if os.getpid() != process:
            leave(status)
        raise SystemExit(status)

    os._exit = leave_if_forked
    try:
        with Settings.now().applied(), np.errstate(), warnings.catch_warnings():
            yield
    finally:
        os._exit = leave
        sys.stdin, sys.stdout, sys.stderr = streams


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[None]:
    """In the notebook's folder, as Jupyter runs it: what it writes and imports lies there."""
    sys.path.insert(0, "")
    try:
        with contextlib.chdir(path.parent):
            yield
    finally:
        if "" in sys.path:
            sys.path.remove("")


def run_cell(shell: Shell, source: str, name: str) -> Stop | None:
    """Run one cell. Returns what stopped it ("NameError: ..."), or None."""
    with _ctrl_c() as pressed:
        error = shell.run(source, f"<{name}>")
    if isinstance(error, KeyboardInterrupt) and pressed != []:
        raise error
    return _stop(error)


def run_limited(shell: Shell, source: str, name: str, seconds: float) -> Stop | None:
    """The same, for so many seconds at most, where the system can stop it (not on Windows)."""
    try:
        with time_limit("This cell", seconds):
            return run_cell(shell, source, name)
    except Exception as error:  # the limit's, outside the cell; or whatever a damaged cell does to IPython's own reading of it
        return _stop(error)


def _stop(error: BaseException | None) -> Stop | None:
    if error is None or isinstance(error, BlankError):
        return None  # the check says so, with the exercise's id
    if isinstance(error, TimedOut):
        return Stop(str(error), timed_out=True)
    if isinstance(error, SyntaxError):
        return Stop(f"{type(error).__name__}: {error.msg} (line {error.lineno} of the cell)")
    return Stop(f"{type(error).__name__}: {error}")


@contextlib.contextmanager
def _ctrl_c() -> Iterator[list[bool] | None]:
    """A list, empty until Ctrl-C is pressed: a cell may raise KeyboardInterrupt itself. None where that cannot be told apart."""
    handler = signal.getsignal(signal.SIGINT)
    pressed: list[bool] = []
    if handler is signal.SIG_IGN:  # as in a shell's background: it cannot come
        yield pressed
        return
    if handler is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield None
        return

    def press(*args: Any) -> None:
        pressed.append(True)
        signal.default_int_handler(*args)

    signal.signal(signal.SIGINT, press)
    try:
        yield pressed
    finally:
        if signal.getsignal(signal.SIGINT) is press:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def reset_exercise(lesson: Lesson, exercise: Exercise, path: Path | None = None) -> tuple[Path, Path]:
    """Put the cell of `exercise` back as released. Returns (notebook path, path of the kept old notebook).

    Raises `NotebookProblem` when the notebook cannot be read or has no cell for the exercise.
    """
    import nbformat  # whose import takes longer than a whole check

    path = path or find_notebook(lesson)
    if not path.is_file():
        raise NotebookProblem(f"There is no notebook {path}. Go to the course's folder, or give the notebook with --notebook.")
    try:
        notebook = nbformat.reads(path.read_text(encoding="utf-8-sig"), as_version=4)
    except Exception:
        raise NotebookProblem(f"{path} cannot be read as a notebook.") from None
    released = lesson.cell_of(exercise.id)
    mine = [c for c in notebook.cells if c.get("id") == released.id]
    mine = mine or [c for c in notebook.cells if c.source.startswith(f"# Exercise {exercise.id}")]
    if not mine:
        raise NotebookProblem(f"{path} has no cell for {exercise.id}: it was deleted. Take a fresh copy of the lesson.")
    backup = path.with_suffix(".ipynb.bak")
    shutil.copyfile(path, backup)
    mine[0].source = released.source
    if mine[0].cell_type == "code":
        mine[0].outputs, mine[0].execution_count = [], None
    write_whole(path, nbformat.writes(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    progress.forget(exercise.id)
    return path, backup


def find_notebook(lesson: Lesson) -> Path:
    """The lesson's notebook in the current folder or in its lessons/ or labs/, else the course's own."""
    own = paths.notebook_of(lesson.name)
    here = [Path.cwd() / own.name, Path.cwd() / own.parent.name / own.name]
    return next((path for path in here if path.is_file()), own)


def _lesson(path: Path, data: bytes) -> Lesson:
    lessons = catalogue.lessons()
    name = next((n for n in lessons if n in path.stem), lesson_in(data))
    if name not in lessons:
        raise NotebookProblem(f"which lesson it is stands neither in its name nor in the notebook. Lessons: {', '.join(lessons)}.")
    return lessons[name]
