"""Questions to a submission: a fork of its notebook's state, in which its functions are called."""

import socket
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from autograder.course.faults import Crashed, MachineBusy, TimedOut
from autograder.sandbox import accounts, wire
from autograder.sandbox.reply import Reply
from autograder.sandbox.waiting import Broken, Line, OutOfTime


class Question:
    """A fork of the notebook's state that answers calls. A context manager.

    `call` and `value` raise the faults of `autograder.course.faults`, or `MachineBusy`; after a crash or a time-out the
    fork is gone, and every further call raises the same fault again.
    """

    def __init__(self, session: Any) -> None:
        """`session` is the `Session` that asks, which imports this file."""
        self._session = session
        self._exercise = session._allow(session.limits.exercise_seconds)
        self._number: int | None = None
        self._over: Exception | None = None
        self._work: socket.socket
        try:
            # Code that runs in every fork may make it slow: that time is the exercise's, too.
            self._number, self._work = session._fork_for_question()
        except Broken:
            self._over = Crashed("The notebook's processes were lost, so its functions could not be called.")
        self._exercise.pause()

    def call(
        self, name: str, args: Iterable[Any] = (), kwargs: Mapping[str, Any] | None = None, wrt: Sequence[int | str] | None = None
    ) -> Reply:
        """Call the student's function `name` with copies of the arguments; a `Reply`. With `wrt` a gradient question (`calling.ask`)."""
        args, kwargs = tuple(args), dict(kwargs or {})
        request = {"name": name, "args": args, "kwargs": kwargs}
        reply = self._request(request if wrt is None else {**request, "wrt": list(wrt)}, f"`{name}`")
        return Reply.read(reply, args, kwargs, wrt)

    def value(self, name: str) -> Any:
        """The value of the notebook's variable `name`."""
        return self._request({"name": name}, f"`{name}`").get("value")

    def _request(self, request: dict[str, Any], what: str) -> dict[str, Any]:
        if self._over is not None:
            raise self._over
        message = wire.encode(request)  # arguments that cannot cross are the asker's fault: WireError
        call = self._session._allow(self._session.limits.call_seconds)
        line = Line(self._session, self._work, (call, self._exercise))
        self._exercise.go()
        try:
            wire.send_encoded(line, message)
            reply = wire.recv(line, self._session._wire_limits)
        except OutOfTime as end:
            self._finish()
            self._over = TimedOut(
                f"{what} was still running after {call.words()} and was stopped."
                if end.allowance is call
                else f"{what} was stopped: all calls for this exercise together took more than {self._exercise.words()}."
            )
            raise self._over from None
        except wire.WireError as problem:
            self._finish()
            self._over = Crashed(f"the answer of {what} could not be read: {problem}")
            raise self._over from None
        except (EOFError, OSError):
            self._over = Crashed(self._session._why_ended(self._finish(gone=True), f"calling {what}"))
            raise self._over from None
        except Broken:
            self._over = Crashed("The notebook's processes were lost, so its functions could not be called.")
            raise self._over from None
        except MachineBusy as busy:
            self._over = busy
            raise
        finally:
            self._exercise.pause()
        return accounts.of_question(reply, request["name"])

    def _finish(self, gone: bool = False) -> dict:
        """Kill the fork; what the supervisor says about its end."""
        number, self._number = self._number, None
        if number is None:
            return {}
        self._work.close()
        return self._session._drop(number, gone)

    def close(self) -> None:
        """End the fork. Safe to call twice."""
        number, self._number = self._number, None
        if number is not None:
            self._session._done_with(number, self._work)
        if self._over is None:
            self._over = Crashed("this question is closed")

    def __enter__(self) -> "Question":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
