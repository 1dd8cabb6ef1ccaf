"""The `student` that checks talk to: the same questions, whoever answers them.

`Direct` calls functions in this process (a notebook, the command line, tests); the grader's sandbox
has its own with the same two methods. `Recorder` stands in front of either and keeps what was asked
and answered, so that a wrong answer can be compared with the known ones.
"""

import contextlib
import copy
import functools
import inspect
import linecache
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from autograder.checks.expect import Mistake
from autograder.course.blanks import NAME, BlankError, exercise_named_in, has_blank
from autograder.course.faults import BlankLeft, Missing, StudentError, StudentFault, TimedOut
from autograder.sandbox import calling, wire
from autograder.sandbox.reply import LEFT, SETTINGS, Reply

CALL_SECONDS = 5
WALL_FACTOR = 10  # so many times as long may it take where others need the processor, too; as in grading
MESSAGE_LENGTH = 2000  # of an exception's text, as in the sandbox


class Answers(Protocol):
    """Whoever answers questions."""

    def call(self, name: str, args: tuple, kwargs: dict[str, Any], wrt: tuple | None = None, /) -> Reply: ...
    def value(self, name: str, /) -> Any: ...


class Direct:
    """Answers from a namespace (a dict) in this process. Arguments and results go through the wire format, as in grading."""

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        self._namespace = namespace
        self._stopped: dict[str, TimedOut] = {}  # a function that timed out once is not called again
        # name -> (function, its `_source_of`, whether that has a blank): found once, however often it is called
        self._blanks: dict[str, tuple] = {}
        self._settings = Settings.now()

    def call(self, name: str, args: Sequence[Any], kwargs: dict[str, Any], wrt: Sequence[int | str] | None = None) -> Reply:
        """A `Reply`; with `wrt` to a gradient question (see `calling.ask`). Raises a `StudentFault`."""
        function = self._find(name)
        if not callable(function):
            raise StudentError("TypeError", f"`{name}` is not a function")
        if self._blanks.get(name, (None,))[0] is not function:
            source = _source_of(function)
            self._blanks[name] = function, source, source is not None and has_blank(source[0])
        _, source, blank = self._blanks[name]
        if blank:
            raise BlankLeft(source[1])
        if name in self._stopped:
            raise self._stopped[name]
        args, kwargs = _as_data([tuple(args), kwargs])
        try:
            with time_limit(f"`{name}`"), self._settings.applied():
                found = calling.ask(function, args, kwargs, wrt)
            return Reply.read(_as_data(found), args, kwargs, wrt)
        except BlankError as error:
            raise BlankLeft(error.exercise) from None
        except TimedOut as fault:
            self._stopped[name] = fault
            raise
        except KeyboardInterrupt:
            self._stopped[name] = TimedOut(f"`{name}` was stopped while it ran. Is there a loop that never ends?")
            raise self._stopped[name] from None
        except (Exception, SystemExit) as error:
            raise StudentError(
                type(error).__name__, _text(error), [c.__name__ for c in type(error).__mro__], _line(error, source), calling.place(error)
            ) from None

    def value(self, name: str) -> Any:
        """The value of a variable, as data. Raises `Missing` or `BlankLeft`."""
        found = self._find(name)
        if type(found).__name__ == "Blank" and type(found).__module__ == BlankError.__module__:
            raise BlankLeft()
        return _as_data(found)

    def _find(self, name: str) -> Any:
        if name not in self._namespace:
            raise Missing(name)
        return self._namespace[name]


@dataclass(frozen=True)
class Settings:
    """What a notebook may have set for all of PyTorch: a student's functions run with it, checks without, as in grading."""

    grad: bool = True
    dtype: Any = None  # None: float32

    @classmethod
    def now(cls) -> "Settings":
        torch = sys.modules.get("torch")
        return cls() if torch is None else cls(torch.is_grad_enabled(), torch.get_default_dtype())

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        before = self.now()
        self._to_torch()
        try:
            yield
        finally:
            before._to_torch()

    def _to_torch(self) -> None:
        torch = sys.modules.get("torch")
        if torch is not None:
            torch.set_grad_enabled(self.grad)
            torch.set_default_dtype(self.dtype or torch.float32)


@dataclass(eq=False)
class Asked:
    """A question and what came of it: a `reply` or a `fault`. `args` is None where a variable was asked for.

    `used` are the facts beside the value that the check has looked at: "changed", "shared", "requires_grad", "grads".
    """

    name: str
    args: tuple | None = None
    kwargs: dict[str, Any] | None = None
    wrt: tuple | None = None
    reply: Reply | None = None
    fault: StudentFault | None = None
    used: set[str] = field(default_factory=set)


class Changed(Mistake):
    """A function changed what it was given. The message says which of its arguments and what about them."""


class Recorder:
    """What a check sees as `student`.

    - `student.NAME(*args, **kwargs)`: the function's answer. What it was given must come back as it was; a call that
      changed it is a `Mistake`, in every exercise, but `with student.may_change():`.
    - `student.value("NAME")`: a variable.
    - `student.gradient("NAME", *args, wrt=(0,), **kwargs)`: a `Reply` with `value`, `grads` and `attached`.
    - of the last call: `student.mutated` and `student.shared` (places of arguments), `student.requires_grad`.
    """

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._may_change = False
        self.asked: list[Asked] = []

    def value(self, name: str) -> Any:
        return self._ask(Asked(name), lambda: Reply(self._answers.value(name))).value

    def gradient(self, name: str, /, *args: Any, wrt: Sequence[int | str] = (0,), **kwargs: Any) -> Reply:
        """Ask for derivatives, in the student's process, with respect to the arguments at `wrt` (positions, or names of keywords).

        Their tensors of floats require gradients, also in lists and dicts; the parameters of a module keep their
        flags, and those that are frozen are left out. A result of several numbers is their sum with `calling.weights`.
        """
        asked = self._question(name, args, kwargs, tuple(wrt))
        asked.used.add("grads")
        return asked.reply

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *args, **kwargs: self._question(name, args, kwargs, None).reply.value

    @contextlib.contextmanager
    def may_change(self) -> "Iterator[Recorder]":
        """For what the text asks a function to change in place, and for checks that say themselves what was changed."""
        before, self._may_change = self._may_change, True
        try:
            yield self
        finally:
            self._may_change = before

    @property
    def mutated(self) -> list[int | str]:
        """The places of the arguments that the last call changed."""
        return self._fact("changed").mutated

    @property
    def shared(self) -> list[int | str]:
        """The places of the arguments that the last answer is, holds, or shares memory with."""
        return list(self._fact("shared").shared)

    @property
    def requires_grad(self) -> Any:
        """Of the last answer: a flag for a tensor, a list or dict of them; None where it holds no tensor."""
        return self._fact("requires_grad").requires_grad

    def _fact(self, name: str) -> Reply:
        last = self.asked[-1] if self.asked else None
        if last is None or last.reply is None:
            return Reply(None)
        last.used.add(name)
        return last.reply

    def _question(self, name: str, args: tuple, kwargs: dict[str, Any], wrt: tuple | None) -> Asked:
        asked = Asked(name, *copy.deepcopy((args, kwargs)), wrt)
        self._ask(asked, functools.partial(self._answers.call, name, args, kwargs, *(() if wrt is None else (wrt,))))
        if asked.reply.left:
            asked.used.add("changed")
            raise Changed(f"`{name}` leaves behind {LEFT[asked.reply.left[0]]}")
        if asked.reply.changed and not self._may_change:
            asked.used.add("changed")
            changes = [str(each) for each in asked.reply.changed[:4]]
            words = ", ".join(changes[:-1]) + (" and " if changes[1:] else "") + changes[-1]
            back = ", or put it back before you return" if all(each.what in SETTINGS for each in asked.reply.changed) else ""
            raise Changed(f"`{name}` changes {words} in place. What a function is given belongs to the caller: work on a copy{back}")
        return asked

    def _ask(self, asked: Asked, ask: Callable[[], Reply]) -> Reply:
        self.asked.append(asked)
        try:
            asked.reply = ask()
        except StudentFault as fault:
            asked.fault = fault
            raise
        return asked.reply


@contextlib.contextmanager
def time_limit(what: str, seconds: float = CALL_SECONDS) -> Iterator[None]:
    """Stop what runs within after `seconds`, where the system can (not on Windows, not in a thread): raises `TimedOut`.

    `what` begins the sentence. Time in which it was ready to run and others had the processor does not count, where the system tells
    (Linux). A limit around this one goes on afterwards.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    began, queued = time.monotonic(), _queued()

    def stop(*_: object) -> None:
        elapsed = time.monotonic() - began
        left = seconds - elapsed + _queued() - queued
        if left > 0 and elapsed < WALL_FACTOR * seconds:
            signal.setitimer(signal.ITIMER_REAL, max(left, 0.05))
            return
        raise TimedOut(f"{what} was still running after {seconds:g} s and was stopped. Is there a loop that never ends?")

    before = signal.signal(signal.SIGALRM, stop)
    outer, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if outer:
            signal.setitimer(signal.ITIMER_REAL, max(outer - (time.monotonic() - began), 0.05))


def _queued() -> float:
    """Seconds that this thread has stood in the queue for a processor; 0.0 where that cannot be known."""
    try:
        with open("/proc/thread-self/schedstat") as file:
            return int(file.read().split()[1]) / 1e9
    except (OSError, LookupError, ValueError):
        return 0.0


def source_in(namespace: Mapping[str, Any], name: str) -> tuple[str, str | None] | None:
    """(source of the whole cell, exercise id) that defined `name`, or None when it is not known."""
    return _source_of(namespace.get(name), whole=True)


def _source_of(function: Any, whole: bool = False) -> tuple[str, str | None] | None:
    """(source, exercise id): of the function, or of the whole cell it stands in."""
    code = getattr(inspect.unwrap(function) if callable(function) else function, "__code__", None)
    if code is None or code.co_name == NAME:
        return None
    lines = linecache.getlines(code.co_filename)
    if not lines:
        return None
    cell = "".join(lines)
    try:
        own = cell if whole else inspect.getsource(function)
    except Exception:  # not only where there is no source: one that was compiled in another way may not be Python here
        return None
    return own, exercise_named_in(cell)


def _line(error: BaseException, source: object) -> int | None:
    """The line of the student's cell in which `error` was raised, or None."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if exercise_named_in("".join(linecache.getlines(frame.filename))):
            return frame.lineno
    return None


def _text(error: BaseException) -> str:
    try:
        return str(error)[:MESSAGE_LENGTH]
    except Exception as second:
        return f"(its text could not be read: {type(second).__name__})"


def _as_data(value: Any) -> Any:
    try:
        return wire.decode(wire.encode(value))
    except wire.WireError as error:
        raise StudentError("ValueError", f"what it returned cannot be taken as data: {error}") from None
