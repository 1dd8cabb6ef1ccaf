"""The processes that grade: one submission is one task for a `concurrent.futures.Executor`, here or on a cluster.

A task carries the submission's bytes, so a worker needs the course and its libraries, and no file of the class.
"""

import contextlib
import hashlib
import multiprocessing
import os
import platform
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from autograder.checks import private_checks
from autograder.checks.private_checks import PrivateChecksError
from autograder.checks.verdict import printable
from autograder.course import catalogue
from autograder.course.faults import MachineBusy
from autograder.course.handed_in import Handed
from autograder.grading import provenance
from autograder.grading.preload import PRELOAD
from autograder.grading.submission import Result, confirmed, grade, unread
from autograder.sandbox.box import Sandbox
from autograder.sandbox.limits import Limits, SandboxUnavailable

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
AHEAD = 64  # tasks handed to a cluster before their turn comes


class CannotGrade(Exception):
    """No submission can be graded like this. The message says why and what to do."""


@dataclass(frozen=True)
class Settings:
    """How a class is graded. `seed` fixes the random inputs of the checks."""

    seed: int
    limits: Limits
    isolation: str  # "bubblewrap", "process", or "auto" where weaker isolation was accepted
    checks: str = ""  # a folder of private checks


@dataclass(frozen=True)
class Task:
    """One submission to grade: the notebook's bytes (None: it could not be read), the hashes that the grader must have, the
    files handed in beside it, and the ids of the exercises (None: all).
    """

    student: str
    lesson: str
    file: str
    data: bytes | None
    settings: Settings
    hashes: dict[str, str]
    handed: Handed = field(default_factory=Handed, compare=False)
    exercises: tuple[str, ...] | None = None


def broken(task: Task, why: str, try_again: bool = False) -> Result:
    """The result where the grader itself failed."""
    message = printable(f"A fault of the grader, not of this submission: {why}")
    exercises = catalogue.lessons()[task.lesson].exercises
    return Result(
        task.student,
        task.lesson,
        task.file,
        unread(exercises, message, "grader_error"),
        problem=message,
        hashes=task.hashes,
        sha256=hashlib.sha256(task.data or b"").hexdigest(),
        seed=task.settings.seed,
        limits=asdict(task.settings.limits),
        artefacts=task.handed.record(),
        unconfirmed=[e.id for e in exercises] if try_again else [],
    )


Results = Generator[tuple[Any, Result], None, None]  # (item, its result), as they are ready
Pool = tuple[Callable[[Task], Future[Result]], int]  # what hands a task to a process, and how many tasks keep all busy


# In a worker


_opened: tuple[Settings, Sandbox] | None = None  # (settings, sandbox)


def grade_task(task: Task) -> Result:
    """Grade one submission. A fault of ours becomes `grader_error`, never points. Raises `CannotGrade`."""
    data = task.data
    if data is None:
        return broken(task, f"{task.file} cannot be read")
    try:
        files = private_checks.read(task.settings.checks)
    except PrivateChecksError as problem:
        raise CannotGrade(str(problem)) from None
    if provenance.hashes(task.lesson, files) != task.hashes:
        raise CannotGrade(
            f"The worker on {platform.node()} has other checks, another version of the course or other libraries than this "
            "machine. Install the same on both and start the workers again."
        )
    try:
        sandbox = _sandbox(task.settings)
    except SandboxUnavailable as problem:
        raise CannotGrade(f"{problem} Or accept weaker isolation with --accept-weak-isolation.") from None

    def once() -> Result:
        return grade(
            data,
            task.student,
            task.lesson,
            sandbox,
            seed=task.settings.seed,
            file=task.file,
            exercises=task.exercises,
            handed=task.handed,
            files=files,
        )

    try:
        try:
            return once()
        except SandboxUnavailable:  # the sandbox was lost; the next submission starts a new one, and so may this
            return once()
    except MachineBusy as busy:
        return broken(task, str(busy), try_again=True)
    except Exception as error:
        return broken(task, f"{type(error).__name__}: {error}")


def _sandbox(settings: Settings) -> Sandbox:
    """This process's sandbox, opened with its first task. Raises `SandboxUnavailable`."""
    global _opened
    if _opened is None or _opened[0] != settings:
        if _opened is not None:
            _opened[1].close()
            _opened = None
        _opened = settings, Sandbox(limits=settings.limits, isolation=settings.isolation, preload=PRELOAD)
    return _opened[1]


_alone = ThreadPoolExecutor(1)


def grade_task_in_one_thread(task: Task) -> Result:
    """`grade_task` for workers with threads that come and go: pytest wants one at a time, the sandbox one that stays."""
    return _alone.submit(grade_task, task).result()


# From outside


def grade_tasks(
    items: Iterable[Any], prepare: Callable[[Any], Task], executors: "Local | Cluster", unconfirmed: Iterable[tuple[Any, Result]] = ()
) -> Results:
    """Yield (item, result) as they are ready. `prepare(item)` gives the item's `Task`, only when its turn comes.

    A result with `unconfirmed` exercises is not the last word: at the end, when nothing else runs, these are graded once more, one
    submission at a time, and the item comes again with the result that counts. `unconfirmed` are (item, such a result) of an
    earlier run that was stopped. `executors` is `Local` or `Cluster`. Raises `CannotGrade`.
    """
    waiting = list(unconfirmed)
    for item, result in _graded_once(items, prepare, executors):
        if result.unconfirmed:
            waiting.append((item, result))
        yield item, result

    def again(found: tuple[Any, Result]) -> Task:
        item, first = found
        return replace(prepare(item), exercises=tuple(first.unconfirmed))

    for (item, first), result in _graded_once(waiting, again, executors, alone=True):
        yield item, confirmed(first, result)


def _graded_once(items: Iterable[Any], prepare: Callable[[Any], Task], executors: "Local | Cluster", alone: bool = False) -> Results:
    """Yield (item, result) as they are ready. A worker that ends takes nothing with it: what it might have been doing is
    done again, one at a time, so that only the submission that ends workers is left without verdicts.
    """
    groups = [(list(items), alone)]
    while groups:
        items, alone = groups.pop(0)
        if not items:
            continue
        rest, running, lost, gone = iter(items), {}, [], False
        with executors.open(1 if alone else len(items)) as (submit, ahead):
            while not gone:
                for item in rest:
                    task = prepare(item)
                    try:
                        running[submit(task)] = item, task
                    except BrokenExecutor:
                        lost.append(item)
                        gone = True
                        break
                    if len(running) >= (1 if alone else ahead):
                        break
                if not running:
                    break
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    item, task = running.pop(future)
                    try:
                        yield item, future.result()
                    except BrokenExecutor:
                        gone = True
                        if alone:
                            yield item, broken(task, "the grading process ended")
                        else:
                            lost.append(item)
                    except CannotGrade:
                        raise
                    except CancelledError:
                        raise CannotGrade("The scheduler has gone. What was graded is kept: give the same command again.") from None
                    except Exception as error:  # the cluster gave this task up
                        yield item, broken(task, f"{type(error).__name__}: {error}")
            # With the pool went what else was running; whatever has a result still is repeated, too.
            lost += [item for item, _ in running.values()]
        groups = [(lost, True), (list(rest), alone), *groups]


class Local:
    """Processes on this machine: `jobs` of them, or one for each core."""

    def __init__(self, jobs: int | None = None) -> None:
        self.jobs = jobs or os.cpu_count() or 1

    @contextlib.contextmanager
    def open(self, most: int) -> Iterator[Pool]:
        """A function that hands a task to one of at most `most` processes, and how many tasks keep them busy."""
        processes = min(self.jobs, most)
        others = set(multiprocessing.active_children())
        # There is a process for each core, so threads of the libraries would only get into each other's way.
        before = {name: os.environ.get(name) for name in THREADS}
        os.environ.update(dict.fromkeys(THREADS, "1"))
        executor = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _begin)
        try:
            yield lambda task: executor.submit(grade_task, task), 2 * processes
        except BaseException:
            # Nobody waits for what still runs: it may take a minute.
            executor.shutdown(wait=False, cancel_futures=True)
            for process in set(multiprocessing.active_children()) - others:
                process.terminate()
            raise
        finally:
            executor.shutdown()
            for name, value in before.items():
                os.environ.pop(name)
                if value is not None:
                    os.environ[name] = value


def _begin() -> None:
    """In a fresh local worker: end with the grader, however that ends; an interrupt is the grader's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # of Python, about students' code, and of libraries

    def follow() -> None:
        grader = multiprocessing.parent_process()
        assert grader is not None, "a worker was started by somebody"
        grader.join()
        os._exit(1)  # the kernel then ends the sandbox, too

    threading.Thread(target=follow, daemon=True).start()


class Cluster:
    """The workers of the Dask scheduler at `address`. Dask repeats what a lost worker was doing."""

    def __init__(self, address: str) -> None:
        self.address = address

    @contextlib.contextmanager
    def open(self, most: int) -> Iterator[Pool]:
        try:
            from distributed import Client
        except ImportError:
            raise CannotGrade("--scheduler needs Dask: pip install 'compression-course[cluster]'") from None
        try:
            client = Client(self.address, timeout=10)
        except (OSError, ValueError) as problem:
            raise CannotGrade(
                f"No Dask scheduler answers at {self.address} ({type(problem).__name__}). Start one with `dask scheduler`."
            ) from None
        with client:
            threads = sum(client.nthreads().values())
            if not threads:
                raise CannotGrade(f"The scheduler at {self.address} has no workers. Start some: `dask worker {self.address} --nthreads 1`.")
            executor = client.get_executor(pure=False)
            yield lambda task: executor.submit(grade_task_in_one_thread, task), max(AHEAD, 2 * threads)
