"""The first process of a submission: makes, keeps and kills the processes that run its code.

It never runs student code. It obeys the grader: `fork` starts a guest (a copy of the newest state) that talks to
the grader over a socket of its own, `keep` makes the guest the newest state, `drop` kills it, `used` asks for the
processor time of all processes, which decides whether one has run too long, `crowd` whether a guest is more than one thread. After `keep` and `drop`, every process that the code left behind is killed and
the states are frozen, so that nothing of a cell runs on after its end.
"""

import os
import select
import signal
import socket
import time
from collections.abc import Callable, Collection, Mapping

from inside import channel
from inside.processes import Clock, Process
from inside.state import become_state

CHECKPOINTS = 3  # a cell may end well and kill its state later (a timer, a thread); then an older one goes on
PATIENCE = 5.0  # seconds for a state to fork, or to answer, as `Clock` counts them
LAST_PATIENCE = 60.0  # seconds for what the kernel does by itself: end a killed process, take a short message
WATCH_EVERY = 0.1  # seconds between two looks at the guests


class Busy(Exception):
    """The processor was needed by others for so long that nothing can be said."""


class Member:
    """A state or a guest: its pid, the link to it, the state it was forked from."""

    def __init__(self, pid: int, link: socket.socket, parent: "Member | None" = None) -> None:
        self.pid, self.link, self.parent = pid, link, parent
        self.why: str | None = None
        self.handle = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else None

    def signal(self, number: int) -> None:
        try:
            os.kill(self.pid, number)
        except OSError:
            pass

    def wait_dead(self, timeout: float) -> bool:
        """Whether the process has ended, after at most `timeout` seconds."""
        if self.handle is None:
            time.sleep(min(timeout, 0.02))  # no pidfd on this system: SIGKILL takes effect about at once
            return True
        poll = select.poll()
        poll.register(self.handle, select.POLLIN)
        return bool(poll.poll(max(0.0, timeout) * 1000))

    def close(self) -> None:
        self.link.close()
        if self.handle is not None:
            os.close(self.handle)
            self.handle = None


class Supervisor:
    def __init__(self, control: socket.socket, config: dict) -> None:
        self.control, self.config = control, config
        self.namespaced = config["level"] == "bubblewrap"
        self.table = config["table"]
        self.states: list[Member] = []
        self.guests: dict[int, Member] = {}
        self.statuses: dict[int, int] = {}
        self.dying: set[int] = set()
        # The limit is on top of the imported libraries, whose pages every process of the submission shares.
        self.allowed = (config["limits"]["memory_mb"] << 20) + (self.table.own_memory() if self.table is not None else 0)
        ours, theirs = channel.pair()
        pid = os.fork()
        if pid == 0:
            become_state(theirs, config["limits"], config["seed"], config["core"])
        theirs.close()
        self.states.append(Member(pid, ours))
        self.clock = Clock(self.table)

    def run(self) -> None:
        """Obey until the grader closes the connection; then end everything."""
        try:
            while True:
                poll = select.poll()
                poll.register(self.control, select.POLLIN)
                watched = {each.handle: each for each in self.guests.values() if each.handle and not each.why}
                for handle in watched:
                    poll.register(handle, select.POLLIN)
                ready = [number for number, _ in poll.poll(WATCH_EVERY * 1000 if watched else None)]
                if self.control.fileno() in ready:
                    self.obey()
                for handle in ready:
                    guest = watched.get(handle)
                    if guest is not None and guest.handle == handle:
                        guest.why = "ended"
                        self.sweep()  # a left-over child may hold the guest's socket open
                self.watch()
        except EOFError:
            pass
        finally:
            self.guests.clear()
            for each in self.states:
                each.signal(signal.SIGKILL)
            self.sweep()

    def obey(self) -> None:
        order, sockets = channel.receive(self.control, PATIENCE)
        if order["do"] == "used":
            self.clock.look()
            answer = {"ok": True, "used": self.clock.since(order["since"])}
        elif order["do"] == "crowd":
            answer = {"ok": True, "crowd": self.crowd(order["id"])}
        elif order["do"] == "fork":
            answer = self.patiently(lambda: self.fork(order["id"], sockets[0]))
        elif order["do"] == "drop" and order["gone"]:
            answer = self.patiently(lambda: self.autopsy(order["id"]))
        else:
            # The grader need not wait for the tidying; its next order will.
            channel.send(self.control, {"ok": True}, timeout=PATIENCE)
            return self.keep(order["id"]) if order["do"] == "keep" else self.drop(order["id"])
        channel.send(self.control, answer, timeout=PATIENCE)

    def crowd(self, number: int) -> bool:
        """Whether a guest has threads or processes beside its first, which would be missing in a fork of it."""
        if self.table is None:
            return False
        found, guest = self.table.descendants(), self.guests[number].pid
        return any(each.threads > 1 if pid == guest else _within(pid, {guest}, found) and not each.zombie for pid, each in found.items())

    def patiently(self, do: Callable[[], dict]) -> dict:
        try:
            return do()
        except Busy:
            return {"ok": False, "busy": True}

    def ready(self, handle: int | socket.socket, seconds: float) -> bool:
        """Whether there is something to read before the submission has used so many seconds. Raises `Busy`."""
        began, left = time.monotonic(), WATCH_EVERY
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        while not poll.poll(left * 1000):
            self.clock.look()
            span, cpu, queued = self.clock.since(began)
            left = seconds - max(cpu, span - queued)
            if left <= 0:
                return False
            if time.monotonic() - began > seconds * self.config["limits"]["wall_factor"]:
                raise Busy
            left = min(max(left, WATCH_EVERY), seconds)
        return True

    def fork(self, number: int, work: socket.socket) -> dict:
        """A guest that serves the grader over `work`, from the newest state that still can."""
        newest = True
        try:
            while self.states:
                top = self.states[-1]
                guest = self.try_fork(top, work)
                if guest is not None:
                    self.guests[number] = guest
                    return {"ok": True, "newest": newest}
                newest = False
                self.states.pop()
                top.signal(signal.SIGKILL)
                top.wait_dead(LAST_PATIENCE)
                top.close()
                self.sweep()
            return {"ok": False}
        finally:
            work.close()

    def try_fork(self, top: Member, work: socket.socket) -> Member | None:
        ours, theirs = channel.pair()
        try:
            top.signal(signal.SIGCONT)
            channel.send(top.link, {"do": "fork"}, [work, theirs], timeout=PATIENCE)
            theirs.close()
            for link in (ours, top.link):
                if not self.ready(link, PATIENCE):
                    raise TimeoutError
            hello, _ = channel.receive(ours, PATIENCE)
            channel.receive(top.link, PATIENCE)
            top.signal(signal.SIGSTOP)
            if type(hello.get("pid")) is not int or hello["pid"] <= 1:
                raise ValueError
            return Member(hello["pid"], ours, top)
        except (OSError, EOFError, ValueError):  # TimeoutError is an OSError
            ours.close()
            theirs.close()
            return None

    def keep(self, number: int) -> None:
        """The guest has run its cell: from now on it is the newest state."""
        self.states.append(self.guests.pop(number))
        self.sweep()
        while len(self.states) > CHECKPOINTS:
            self.kill(self.states.pop(0))

    def drop(self, number: int) -> None:
        """Kill a guest."""
        self.kill(self.guests.pop(number))
        self.sweep()

    def kill(self, member: Member) -> None:
        # Giving back a gigabyte takes the kernel some time; nothing here has to wait for it.
        member.signal(signal.SIGKILL)
        self.dying.add(member.pid)
        member.close()

    def autopsy(self, number: int) -> dict:
        """A guest has closed its socket: its wait status, or why it was killed."""
        guest = self.guests.pop(number)
        ended = guest.wait_dead(0.5) if guest.handle is None else self.ready(guest.handle, 0.5)
        guest.signal(signal.SIGKILL)
        if not guest.wait_dead(LAST_PATIENCE):
            return {"ok": False}
        self.sweep()
        status = self.status_of(guest)
        guest.close()
        return {"ok": True, "status": status, "why": guest.why, "ended": ended}

    def status_of(self, guest: Member) -> int | None:
        self.reap()
        parent = guest.parent
        if parent not in self.states:
            return self.statuses.pop(guest.pid, None)
        try:
            parent.signal(signal.SIGCONT)
            channel.send(parent.link, {"do": "reap", "pid": guest.pid}, timeout=PATIENCE)
            if not self.ready(parent.link, 1):
                raise TimeoutError
            answer, _ = channel.receive(parent.link, PATIENCE)
            parent.signal(signal.SIGSTOP)
            return answer.get("status") if type(answer.get("status")) is int else None
        except (OSError, EOFError, ValueError):
            # It cannot be trusted to be in step any more.
            self.states.remove(parent)
            parent.signal(signal.SIGKILL)
            parent.close()
            return None

    def sweep(self) -> None:
        """Freeze everything, kill what is neither a state nor part of a living guest, wake the guests."""
        if self.table is None:
            for each in self.states:
                each.signal(signal.SIGSTOP)
            return
        if self.namespaced:
            try:
                os.kill(-1, signal.SIGSTOP)  # one step for all: nothing can fork its way out
            except ProcessLookupError:
                pass
        states = {each.pid for each in self.states}
        guests = {each.pid for each in self.guests.values()}
        deadline = time.monotonic() + LAST_PATIENCE
        while True:
            found = self.table.descendants()
            strays = [pid for pid, process in found.items() if not process.zombie and pid not in states and not _within(pid, guests, found)]
            for pid in strays:
                _signal(pid, signal.SIGKILL)
            self.reap()
            self.dying &= found.keys()
            # Until they are gone they count as processes of the submission, and its next fork would fail.
            if self.dying.issuperset(strays) or time.monotonic() > deadline:
                break
            time.sleep(0.001)
        for each in self.states:
            each.signal(signal.SIGSTOP)
        for pid in found:
            if _within(pid, guests, found):
                _signal(pid, signal.SIGCONT)

    def reap(self) -> None:
        """Collect dead children: as the first process here, it inherits every orphan."""
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                self.statuses[pid] = status
        except ChildProcessError:
            pass

    def watch(self) -> None:
        """Keep all processes of the submission together within the memory and the open files that it may have."""
        if self.table is None or not self.guests:
            return
        # Orphans count too: a guest could hide its memory in children of children.
        found = self.table.descendants()
        self.clock.look(found)
        alive = {pid: each for pid, each in found.items() if pid not in self.dying}
        for pid, each in alive.items():
            if each.headless:
                _signal(pid, signal.SIGKILL)
        # A full socket holds hundreds of kilobytes in the kernel, which no count of a process's memory shows.
        most = self.config["limits"]["open_files"]
        if sum(self.table.open_files(each, most) for each in alive.values()) > 4 * most:
            return self.end_guests("files", alive)
        if sum(each.anonymous for each in alive.values()) <= self.allowed:
            return
        # The coarse count sees a page once for every process that shares it.
        if sum(self.table.exact_memory(each) for each in alive.values()) <= self.allowed:
            return
        if len(self.states) > 1:
            # Older checkpoints are a comfort that this notebook has no room for. The next look decides about the guests.
            for each in self.states[:-1]:
                self.kill(each)
            del self.states[:-1]
            return
        self.end_guests("memory", alive)

    def end_guests(self, why: str, alive: Mapping[int, Process]) -> None:
        """Kill whatever is not a state."""
        for guest in self.guests.values():
            guest.why = why
        for pid in alive.keys() - {each.pid for each in self.states}:
            _signal(pid, signal.SIGKILL)


def _within(pid: int, members: Collection[int], found: Mapping[int, Process]) -> bool:
    """Whether `pid` or one of its ancestors is among `members`."""
    for _ in range(len(found) + 1):
        if pid in members:
            return True
        if pid not in found:
            return False
        pid = found[pid].parent
    return False


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except OSError:
        pass


def supervise(control: socket.socket, config: dict) -> None:
    """Run as the supervisor; returns when the session is over."""
    Supervisor(control, config).run()
