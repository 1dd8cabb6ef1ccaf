"""The `student` that checks talk to: the same questions, whoever answers them.

`Direct` calls functions in this process (a notebook, the command line, tests); the grader's sandbox
has its own with the same two methods. `Recorder` stands in front of either and keeps what was asked
and answered, so that a wrong answer can be compared with the known ones.
"""

import contextlib
import copy
import inspect
import linecache
import signal
import threading
import traceback

from autograder import wire
from autograder.blanks import NAME, BlankError, exercise_named_in, has_blank
from autograder.checks.faults import BlankLeft, Missing, StudentError, StudentFault, TimedOut

CALL_SECONDS = 5


class Direct:
    """Answers from a namespace (a dict) in this process. Results go through the wire format, as in grading."""

    def __init__(self, namespace):
        self._namespace = namespace
        self._stopped = {}  # a function that timed out once is not called again

    def call(self, name, args, kwargs):
        """(result, indices of positional arguments changed in place). Raises a `StudentFault`."""
        function = self._find(name)
        if not callable(function):
            raise StudentError("TypeError", f"`{name}` is not a function")
        source = _source_of(function)
        if source is not None and has_blank(source[0]):
            raise BlankLeft(source[1])
        if name in self._stopped:
            raise self._stopped[name]
        args, kwargs = copy.deepcopy((args, kwargs))
        before = [_bytes(a) for a in args]
        try:
            with time_limit(name):
                value = function(*args, **kwargs)
            return _as_data(value), [i for i, a in enumerate(args) if _bytes(a) != before[i]]
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
                type(error).__name__, str(error), [c.__name__ for c in type(error).__mro__], _line(error, source)
            ) from None

    def value(self, name):
        """The value of a variable, as data. Raises `Missing` or `BlankLeft`."""
        found = self._find(name)
        if type(found).__name__ == "Blank" and type(found).__module__ == BlankError.__module__:
            raise BlankLeft()
        return _as_data(found)

    def _find(self, name):
        if name not in self._namespace:
            raise Missing(name)
        return self._namespace[name]


class Recorder:
    """What a check sees as `student`: `student.NAME(...)`, `student.value(...)`, `student.mutated`."""

    def __init__(self, answers):
        self._answers = answers
        self.asked = []  # (name, args, kwargs, ("value", v) | ("fault", f)); args is None for a variable
        self.mutated = []

    def value(self, name):
        return self._ask(name, None, None, lambda: self._answers.value(name))

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)

        def call(*args, **kwargs):
            def ask():
                value, self.mutated = self._answers.call(name, args, kwargs)
                return value

            return self._ask(name, *copy.deepcopy((args, kwargs)), ask)

        return call

    def _ask(self, name, args, kwargs, ask):
        try:
            value = ask()
        except StudentFault as fault:
            self.asked.append((name, args, kwargs, ("fault", fault)))
            raise
        self.asked.append((name, args, kwargs, ("value", value)))
        return value


@contextlib.contextmanager
def time_limit(name):
    """Stop a call after `CALL_SECONDS`, where the system can (not on Windows, not in a thread)."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_):
        raise TimedOut(f"`{name}` was still running after {CALL_SECONDS} s and was stopped. Is there a loop that never ends?")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, CALL_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def source_in(namespace, name):
    """(source of the whole cell, exercise id) that defined `name`, or None when it is not known."""
    return _source_of(namespace.get(name), whole=True)


def _source_of(function, whole=False):
    """(source, exercise id): of the function, or of the whole cell it stands in."""
    code = getattr(inspect.unwrap(function) if callable(function) else function, "__code__", None)
    if code is None or code.co_name == NAME:
        return None
    cell = "".join(linecache.getlines(code.co_filename))
    if not cell:
        return None
    try:
        own = cell if whole else inspect.getsource(function)
    except (OSError, TypeError):
        return None
    return own, exercise_named_in(cell)


def _line(error, source):
    """The line of the student's cell in which `error` was raised, or None."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if exercise_named_in("".join(linecache.getlines(frame.filename))):
            return frame.lineno
    return None


def _as_data(value):
    try:
        return wire.decode(wire.encode(value))
    except wire.WireError as error:
        raise StudentError("ValueError", f"what it returned cannot be taken as data: {error}") from None


def _bytes(value):
    """For telling whether an argument was changed; one that cannot be encoded counts as changed."""
    try:
        return wire.encode(value)
    except wire.WireError:
        return None
