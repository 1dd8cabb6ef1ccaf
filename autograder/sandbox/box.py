"""One warm parent inside one bubblewrap, and the sessions forked from it."""

import itertools
import socket
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from autograder.sandbox.inside import channel
from autograder.sandbox.launch import ON_LINUX, START_SECONDS, Warm
from autograder.sandbox.limits import Limits, SandboxUnavailable
from autograder.sandbox.session import InPlace, Session

PATIENCE = 120.0  # seconds for the warm parent to fork, or to end a session, beside whatever else runs here


class Sandbox:
    """Runs submissions, each in a fork of a process that has the libraries loaded already.

    `isolation` is "bubblewrap", "process" (limits only, for one's own code), or "auto": bubblewrap
    where it works. `preload` names modules to import once; only public libraries, because students
    can read them. Raises `SandboxUnavailable`. `.isolation` says what is really in force.

    Create it in a thread that lives as long as it does: the kernel ends bubblewrap with that thread.
    """

    def __init__(self, limits: Limits = Limits(), isolation: str = "auto", preload: Iterable[str] = ("numpy", "torch")) -> None:
        if isolation not in ("auto", "bubblewrap", "process"):
            raise ValueError(f'isolation is "auto", "bubblewrap" or "process", not {isolation!r}')
        if sys.platform == "win32":
            raise SandboxUnavailable("Windows cannot isolate students' code.", ON_LINUX)
        self.limits, self.preload = limits, tuple(preload)
        self._numbers = itertools.count(1)
        self._warm: Warm | None = None
        self._closed = False
        weaker = None
        if isolation != "process":
            try:
                self._try("bubblewrap")
            except SandboxUnavailable as problem:
                if isolation == "bubblewrap":
                    raise
                weaker = str(problem)
        if self._warm is None:
            self._try("process")
            if weaker:
                self.isolation["instead_of_bubblewrap"] = weaker

    def _try(self, level: str) -> None:
        """Start at this level and hold one session as a proof that it works."""
        self._level = level
        try:
            self._warm = Warm(level, self.preload, self.limits)
            with self.session() as session:
                facts = session.facts
        except SandboxUnavailable:
            self._stop()
            raise
        self.isolation = _describe(self._warm, facts)

    def session(
        self, seed: int = 0, seconds: Mapping[str, Any] | None = None, in_place: bool = False, further: Iterable[str] = ()
    ) -> Session:
        """A fresh submission: a child process with nothing in common with other submissions but libraries.

        `seconds` (name of a limit -> number) replaces limits on time for this session. `in_place`: questions are answered by
        the process that ran the cells (`InPlace`). `further` names modules to import before it, as `preload` does for all: once, at
        the first session that wants them.
        """
        if self._closed:
            raise RuntimeError("this sandbox is closed")
        kind = InPlace if in_place else Session
        return kind(lambda: self._start(seed, further), replace(self.limits, **(seconds or {})))

    def _start(self, seed: int, further: Iterable[str]) -> tuple[socket.socket, dict, Callable[[], None]]:
        """Processes for one session: the control socket, facts about them, a function that ends them."""
        if self._warm is None:
            self._warm = Warm(self._level, self.preload, self.limits)
        number = next(self._numbers)
        control, theirs = channel.pair()
        try:
            channel.send(self._warm.control, {"do": "start", "id": number, "seed": seed, "preload": list(further)}, [theirs], PATIENCE)
            answer, _ = channel.receive(self._warm.control, START_SECONDS)
            theirs.close()
            hello = answer if "failed" in answer else channel.receive(control, PATIENCE)[0]
            if "failed" in hello:
                control.close()
                raise SandboxUnavailable(
                    f"A submission could not be isolated: {hello['failed']}.",
                    "Namespaces inside bubblewrap must be allowed; `course doctor` says more.",
                )
        except (OSError, EOFError, ValueError) as problem:
            control.close()
            self._stop()
            raise SandboxUnavailable(f"A submission could not be started ({type(problem).__name__}).", "Grade it again.") from None
        finally:
            theirs.close()
        warm = self._warm
        return control, hello["facts"], lambda: self._end(warm, number)

    def _end(self, warm: Warm, number: int) -> None:
        """Have the warm parent end a session; if it does not, end the warm parent."""
        if warm is not self._warm:
            return
        try:
            channel.send(warm.control, {"do": "end", "id": number}, timeout=PATIENCE)
            channel.receive(warm.control, PATIENCE)
        except (OSError, EOFError, ValueError):
            self._stop()  # the next session starts a new one

    def _stop(self) -> None:
        if self._warm is not None:
            self._warm.kill()
            self._warm = None

    def close(self) -> None:
        """End everything that was started. Safe to call twice."""
        self._closed = True
        self._stop()

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _describe(warm: Warm, facts: dict) -> dict:
    """What is really in force, for people and for the record of a grading."""
    if warm.level == "process":
        isolated = ["limits on time, memory and file size for each process"]
        exposed = ["files of this user, the course among them", "the network", "other processes of this user"]
        user = "the user who grades"
        if warm.uid:
            isolated += ["files and processes of other users, of the one who grades among them"]
            exposed = ["files that every user may read", "the network"]
            user = f"uid {warm.uid}"
    else:
        isolated = ["files", "network", "processes", "users", "shared memory", "environment", "/tmp"]
        isolated += ["limits on time, memory, processes, file size and output"]
        exposed = ["the libraries and /usr, read-only", "the processor's clock and caches", "the running kernel"]
        user = f"uid {warm.uid}" if warm.uid else "the user who grades, without any right, in a namespace of its own"
    if facts["syscall_filter"]:
        isolated.append("system calls (filter)")
    return {"level": warm.level, "isolated": isolated, "not_isolated": exposed, "real_user": user, **facts, **warm.facts}
