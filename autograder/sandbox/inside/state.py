"""A process that holds a notebook's variables.

It waits for orders from the supervisor. To run a cell or to answer a question it forks: the child
does the work and, if all goes well, becomes the next state, while the parent stays behind as a
checkpoint. Student code has run here, so nothing outside may depend on what this process says.
"""

import contextlib
import os
import random
import resource
import signal
import socket
import sys
from typing import NoReturn

import calling
import wire
from inside import cells, channel, kernel


class State:
    def __init__(self, limits: dict, seed: int) -> None:
        self.limits = limits
        self.wire_limits = wire.Limits(bytes=limits["reply_mb"] << 20)
        set_limits(limits)
        seed_everything(seed)
        self.namespace = cells.new_notebook(limits)

    def run(self, link: socket.socket) -> NoReturn:
        """Obey the supervisor at the other end of `link`, until it closes."""
        while True:
            try:
                order, sockets = channel.receive(link)
            except EOFError:
                os._exit(0)
            if order["do"] == "reap":
                channel.send(link, {"status": _reap(order["pid"])}, timeout=1)
                continue
            _reap(None)
            parent = os.getpid()
            numbers = random.getstate()
            if os.fork() == 0:
                random.setstate(numbers)  # Python reseeds `random` in every fork; a notebook must not notice one
                link.close()
                work, link = sockets
                os.setsid()  # where processes cannot be listed, a whole group can still be killed
                if self.limits["filtered"]:
                    kernel.protect(parent)
                channel.send(link, {"pid": os.getpid()})
                self.serve(work)
                work.close()
            else:
                for each in sockets:
                    each.close()
                # Only now may this process be frozen: a copy of the sockets in it would hide the child's end.
                channel.send(link, {"forked": True}, timeout=1)

    def serve(self, work: socket.socket) -> None:
        """Answer requests until the grader closes the socket."""
        while True:
            try:
                request = wire.recv(work, self.wire_limits)
            except EOFError:
                return
            reply = self.cell(**request["cell"]) if "cell" in request else self.ask(request)
            try:
                message = wire.encode(reply, self.wire_limits)
            except wire.WireError as problem:
                message = wire.encode(
                    _fault("TooLarge", f"the result cannot be handed over: {problem} (a reply may take {self.limits['reply_mb']} MB)")
                )
            except BaseException as error:  # no memory for the copy, above all
                message = wire.encode(cells.describe(error))
            wire.send_encoded(work, message)

    def cell(self, source: str, name: str) -> dict:
        return cells.run(source, name, self.limits["output_kb"] << 10)

    def ask(self, request: dict) -> dict:
        name = request["name"]
        if name not in self.namespace:
            return {"status": "missing"}
        target = self.namespace[name]
        if target is cells.___:
            return {"status": "blank", "exercise": None}
        if "args" not in request:
            return {"status": "ok", "value": target}
        held = sys.stdout, sys.stderr
        sys.stdout = sys.stderr = cells.Output(0)
        try:
            found = calling.ask(target, request["args"], request["kwargs"], request.get("wrt"))
        except BaseException as error:
            return {**cells.describe(error), "place": calling.place(error)}
        finally:
            sys.stdout, sys.stderr = held
        return {"status": "ok", **found}


def _fault(kind: str, message: str) -> dict:
    return {"status": "error", "error_type": kind, "message": message, "line": None, "mro": [kind]}


def _reap(pid: int | None) -> int | None:
    """The wait status of child `pid`, or None; every other dead child is reaped on the way."""
    found = None
    try:
        while True:
            child, status = os.waitpid(-1, os.WNOHANG)
            if child == pid:
                found = status
            elif child == 0:
                return found
    except ChildProcessError:
        return found


def set_limits(limits: dict) -> None:
    """Resource limits of this process, and so of every process that student code can start."""

    def limit(name: str, value: int) -> None:
        if hasattr(resource, name):
            kind = getattr(resource, name)
            _, hard = resource.getrlimit(kind)
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            try:
                resource.setrlimit(kind, (value, value))
            except (ValueError, OSError):
                pass  # macOS refuses some of them

    limit("RLIMIT_CORE", 0)
    limit("RLIMIT_NOFILE", limits["open_files"])
    limit("RLIMIT_FSIZE", limits["file_mb"] << 20)
    if limits["other_processes"] is not None:
        limit("RLIMIT_NPROC", limits["processes"] + limits["other_processes"])
    if limits["mapped"] is not None:
        # The libraries that the warm parent has mapped are already part of the address space.
        limit("RLIMIT_AS", limits["mapped"] + (limits["memory_mb"] << 20))
    # A file over the limit is an OSError in Python, not the end of the process.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)


def seed_everything(seed: int) -> None:
    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % 2**32)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed % 2**63)


def become_state(link: socket.socket, limits: dict, seed: int, core: int | None) -> NoReturn:
    """Turn a fresh fork of the supervisor into the first state process. Never returns."""
    os.setsid()
    if core is not None:
        with contextlib.suppress(OSError):  # it may have been taken from this machine meanwhile
            os.sched_setaffinity(0, {core})  # the supervisor stays free: where all else is busy, it must get its turn
    number = link.fileno()
    os.closerange(3, number)
    os.closerange(number + 1, 4096)
    if sys.platform == "linux":
        # The supervisor hides from its children; the children must stay readable for it, to count their memory.
        kernel.prctl(kernel.PR_SET_DUMPABLE, 1)
    if limits["filtered"]:
        kernel.keep_core()
        kernel.protect(os.getppid())
    State(limits, seed).run(link)
