"""One submission, seen from outside: cells to run, questions to ask. Holds the clock."""

import contextlib
import os
import select
import signal
import socket
from collections.abc import Callable, Sequence
from typing import TypeVar

from autograder.course.faults import MachineBusy
from autograder.sandbox import accounts, wire
from autograder.sandbox.inside import channel
from autograder.sandbox.limits import CellOutcome, Limits, SandboxUnavailable
from autograder.sandbox.question import Question
from autograder.sandbox.waiting import Allowance, Broken, Line, OutOfTime, in_seconds

PATIENCE = 600.0  # seconds for the supervisor, which has its own clock for what students' code makes slow
SHORTEST_WAIT = 0.05  # seconds between two questions after the time used
WORTH_ASKING = 0.1  # seconds; of shorter ones the supervisor, which looks ten times in one, knows no more
SIGNALS: dict[int, str] = {
    signal.SIGSEGV: "a segmentation fault",
    signal.SIGBUS: "a bus error",
    signal.SIGABRT: "abort()",
    signal.SIGFPE: "an arithmetic fault",
    signal.SIGILL: "an illegal instruction",
    signal.SIGKILL: "a kill signal",
}
QUICK_SECONDS = 2.0  # a cell may take this long before the cells stop sharing a process
Outcome = TypeVar("Outcome")
LOST = (TimeoutError, EOFError, OSError, wire.WireError)  # what reading an answer raises where there is none


class Session:
    """The processes of one submission. A context manager; made by `Sandbox.session`.

    Forking a state costs more than running most cells. So the cells share one process as long as all is
    well. When one of them does not come to its end, everything starts over in fresh processes, where each
    cell runs in a fork of its own and a deadly cell costs only itself.
    """

    def __init__(self, start: Callable[[], tuple[socket.socket, dict, Callable[[], None]]], limits: Limits) -> None:
        """`start()` makes the processes: (control socket, facts about them, a function that ends them)."""
        self._start, self.limits = start, limits
        self._end: Callable[[], None] | None
        self._control, self.facts, self._end = start()
        self._notebook: Allowance  # of the cell that runs: what the cells before it have left
        self._new_budget()
        self._number = 0
        self._broken = False
        self._cells: list[tuple[str, str]] = []  # what was run so far, for starting over
        self._shared: tuple[int, socket.socket] | None = None  # (number, socket) of the process that the cells share
        self._apart = False
        self.lost = False  # whether a state that a cell left behind could not go on
        self.crowded = False  # whether a cell left threads or processes behind, which a fork does not have
        self.doubtful = False  # whether a cell was stopped, or processes were lost: on a machine with more time, all could be otherwise
        self._wire_limits = wire.Limits(bytes=limits.reply_mb << 20)

    def run_cell(self, source: str, name: str) -> CellOutcome:
        """Run one code cell in the notebook's state. Never raises for what the student's code does.

        Processes that the cell leaves behind are killed before the first question, and before the next cell
        once cells run apart. Starting over may cost the time of the cells before a second time. Raises `MachineBusy`.
        """
        outcome = None if self._apart else self._timed(self._run_shared, source, name)
        if outcome is None:
            if not self._apart:
                self._start_over()
            outcome = self._timed(self._run_apart, source, name)
        self._cells.append((source, name))
        return outcome

    def _new_budget(self) -> None:
        self._left, self._wall_left = self.limits.notebook_seconds, self.limits.notebook_seconds * self.limits.wall_factor

    def _timed(self, run: Callable[[str, str], Outcome], source: str, name: str) -> Outcome | CellOutcome:
        """`run` a cell, on the time of the notebook."""
        if self._left <= 0:
            self.doubtful = True
            return CellOutcome(
                "timeout",
                f"This cell was not run: the cells before it used up the {in_seconds(self.limits.notebook_seconds)} "
                "that a notebook may take.",
            )
        self._notebook = Allowance(self._left, self._wall_left)
        try:
            return run(source, name)
        except Broken:
            return CellOutcome("crashed", "The notebook's processes were lost, so this cell could not be run.")
        finally:
            self._left -= self._used(self._notebook)
            self._wall_left -= self._notebook.elapsed()

    def _run_shared(self, source: str, name: str) -> CellOutcome | None:
        """The outcome of a cell in the process that all cells share; None if there is none soon."""
        try:
            if self._shared is None:
                self._shared = self._fork()[:2]
            return self._run(self._shared[1], source, name, self._allow(min(QUICK_SECONDS, self.limits.cell_seconds)))
        except (*LOST, Broken, MachineBusy):
            return None

    def _run_apart(self, source: str, name: str) -> CellOutcome:
        """The outcome of a cell in a process of its own, which becomes the newest state if it lives."""
        cell = self._allow(self.limits.cell_seconds)
        number, work, _ = self._fork()
        with work:
            try:
                outcome = self._run(work, source, name, cell)
            except OutOfTime as end:
                self._drop(number, gone=False)
                self.doubtful = True
                if end.allowance is cell:
                    return CellOutcome("timeout", f"This cell was still running after {cell.words()} and was stopped.")
                words = in_seconds(self.limits.notebook_seconds)
                return CellOutcome(
                    "timeout", f"This cell was stopped: with it, the cells took more than the {words} that a notebook may take."
                )
            except LOST:
                return CellOutcome("crashed", self._why_ended(self._drop(number, gone=True), "This cell"))
            self._look_at(number)
        self._ask({"do": "keep", "id": number})
        return outcome

    def _allow(self, seconds: float) -> Allowance:
        return Allowance(seconds, seconds * self.limits.wall_factor)

    def _run(self, work: socket.socket, source: str, name: str, allowed: Allowance) -> CellOutcome:
        line = Line(self, work, (allowed, self._notebook))
        wire.send(line, {"cell": {"source": str(source), "name": str(name)}})
        return accounts.of_cell(wire.recv(line, self._wire_limits), self.limits.output_kb << 10)

    def wait(self, work: socket.socket, event: int, allowances: Sequence[Allowance]) -> None:
        """Until `event` happens at the socket `work`. Raises `OutOfTime`, `MachineBusy` or `Broken`."""
        poll = select.poll()
        poll.register(work, event)
        while not poll.poll(1000 * max(SHORTEST_WAIT, min(each.left() for each in allowances))):
            for each in allowances:
                if each.left() <= 0 and not self._still(each):
                    raise OutOfTime(each)

    def _used(self, allowance: Allowance) -> float:
        """Seconds used of an allowance."""
        if allowance.elapsed() > WORTH_ASKING and not self._broken:
            with contextlib.suppress(Broken):
                self._tell(allowance)
        return allowance.seconds - allowance.left()

    def _tell(self, allowance: Allowance) -> None:
        allowance.told(*self._ask({"do": "used", "since": allowance.began})["used"])

    def _still(self, allowance: Allowance) -> bool:
        """Whether something is left of an allowance, as the supervisor knows it."""
        self._tell(allowance)
        if allowance.left() <= 0:
            return False
        if allowance.elapsed() > allowance.at_most:
            raise MachineBusy(
                f"this machine was too busy: in {in_seconds(allowance.elapsed())} the submission had the processor for {in_seconds(allowance.worked)}"
            )
        return True

    def _start_over(self) -> None:
        """Fresh processes with the cells so far run again, each in a process of its own."""
        self.close()
        self._apart, self._broken = True, False
        self._new_budget()
        try:
            self._control, self.facts, self._end = self._start()
        except SandboxUnavailable:
            self._broken = True
        for source, name in self._cells:
            self._timed(self._run_apart, source, name)

    def question_costs_nothing(self) -> bool:
        """Whether the next cell finds everything after a question that it would have found without: questions end what a cell left behind."""
        if self._shared is not None:
            try:
                return not self._look_at(self._shared[0])
            except Broken:
                pass
        return True

    def _look_at(self, number: int) -> bool:
        crowd = self._ask({"do": "crowd", "id": number}).get("crowd") is True
        self.crowded = self.crowded or crowd
        return crowd

    def question(self) -> Question:
        """A copy of the notebook's state to call functions in; what happens there changes nothing here."""
        return Question(self)

    def _fork_for_question(self) -> tuple[int, socket.socket]:
        """A guest with the state after the last cell: its number and the socket to it."""
        if not self._apart:
            try:
                if self._shared is not None:
                    number, work = self._shared
                    self._shared = None
                    work.close()
                    self._ask({"do": "keep", "id": number})
                number, work, whole = self._fork()
                if whole:
                    return number, work
                work.close()
            except Broken:
                pass
            self._start_over()
        return self._fork()[:2]

    def _fork(self) -> tuple[int, socket.socket, bool]:
        """A guest: its number, the socket to it, and whether it is a copy of the newest state."""
        self._number += 1
        ours, theirs = channel.pair()
        try:
            answer = self._ask({"do": "fork", "id": self._number}, [theirs])
        except Broken:
            ours.close()
            raise
        finally:
            theirs.close()
        newest = answer.get("newest") is True
        self.lost = self.lost or (self._apart and not newest)
        return self._number, ours, newest

    def _done_with(self, number: int, work: socket.socket) -> None:
        """A question is over and its process well."""
        work.close()
        self._drop(number, gone=False)

    def _drop(self, number: int, gone: bool) -> dict:
        try:
            return self._ask({"do": "drop", "id": number, "gone": gone})
        except Broken:
            return {}

    def _ask(self, order: dict, sockets: Sequence[socket.socket] = ()) -> dict:
        """An order to the supervisor and its answer; once it fails, the whole session is ended."""
        if self._broken:
            raise Broken
        try:
            channel.send(self._control, order, sockets, PATIENCE)
            answer, _ = channel.receive(self._control, PATIENCE)
            if answer.get("ok") is True:
                return answer
        except (OSError, EOFError, ValueError):
            answer = {}
        self._broken = self.doubtful = True
        self.close()
        if answer.get("busy"):
            raise MachineBusy("this machine was too busy: the submission did not get the processor")
        raise Broken

    def _why_ended(self, answer: dict, what: str) -> str:
        """A sentence about a process that ended by itself, from its wait status."""
        status = answer.get("status")
        if answer.get("why") == "memory":
            return f"{what} needed more than the {self.limits.memory_mb} MB of memory that a submission may use."
        if answer.get("why") == "files":
            return f"{what} needed more than the {4 * self.limits.open_files} open files that a submission may have."
        if type(status) is int and answer.get("ended"):
            code = os.waitstatus_to_exitcode(status)
            # Where memory is short, the kernel kills whom it finds, and that may have been the neighbours' doing.
            self.doubtful = self.doubtful or code == -signal.SIGKILL
            if code >= 0:
                return f"{what} ended Python itself (exit code {code}), so it never came to its end."
            return f"{what} ended Python by {SIGNALS.get(-code, f'signal {-code}')}, so it never came to its end."
        return f"{what} broke the connection to the grader, so it was stopped."

    def close(self) -> None:
        """End every process of the submission. Safe to call twice."""
        if self._shared is not None:
            self._shared[1].close()
            self._shared = None
        end, self._end = self._end, None
        self._control.close()
        if end is not None:
            end()

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class InPlace(Session):
    """A submission whose questions are answered by the process that ran its cells: what a cell made lives on, as in a kernel.

    Threads and worker processes do not survive a fork. But here nothing is a copy: what does not come to its end ends everything.
    """

    over = False  # whether the process has ended

    def run_cell(self, source: str, name: str) -> CellOutcome:
        return self._timed(self._run_here, source, name)

    def _run_here(self, source: str, name: str) -> CellOutcome:
        if self.over:
            return CellOutcome("crashed", "The notebook's process had ended before this cell.")
        cell = self._allow(self.limits.cell_seconds)
        if self._shared is None:
            self._shared = self._fork()[:2]
        number, work = self._shared
        try:
            return self._run(work, source, name, cell)
        except OutOfTime:
            self.doubtful = True
            self._drop(number, gone=False)
            return CellOutcome("timeout", f"This cell was still running after {cell.words()} and was stopped.")
        except LOST:
            return CellOutcome("crashed", self._why_ended(self._drop(number, gone=True), "This cell"))

    def _fork_for_question(self) -> tuple[int, socket.socket]:
        if self.over or self._shared is None:
            raise Broken
        return self._shared

    def _done_with(self, number: int, work: socket.socket) -> None:
        pass

    def _drop(self, number: int, gone: bool) -> dict:
        self.over = True
        return super()._drop(number, gone)
