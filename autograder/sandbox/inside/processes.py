"""The processes of one submission, as the kernel lists them in /proc."""

import bisect
import os
import resource
import time
from collections import deque
from dataclasses import dataclass

TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Process:
    """One process: `pid` is its number here, `parent` the number of its parent (0: outside)."""

    pid: int
    parent: int
    zombie: bool
    headless: bool  # its first thread has ended and others go on: the kernel then shows nothing of its memory
    anonymous: int  # bytes of memory of its own or shared with a parent it was forked from
    outer: int  # its name in the directory
    threads: int


class Table:
    """Reads a /proc that may belong to an outer pid namespace, and so must be opened before it is hidden."""

    def __init__(self, path: str = "/proc") -> None:
        self.directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        self.me = int(os.readlink("self", dir_fd=self.directory))
        self.level = len(self._status(self.me)["NSpid"].split()) - 1

    def _read(self, path: str) -> str:
        handle = os.open(path, os.O_RDONLY, dir_fd=self.directory)
        try:
            return os.read(handle, 1 << 14).decode("utf-8", "replace")
        finally:
            os.close(handle)

    def _status(self, outer: int | str) -> dict[str, str]:
        return dict(line.split(":", 1) for line in self._read(f"{outer}/status").splitlines() if ":" in line)

    def _anonymous(self, status: dict[str, str]) -> int:
        return sum(int(status.get(each, "0 kB").split()[0]) << 10 for each in ("RssAnon", "RssShmem"))

    def descendants(self) -> dict[int, Process]:
        """{pid: Process} of everything that descends from this process, itself excluded."""
        seen = {}
        for entry in os.listdir(self.directory):
            if entry.isdigit():
                try:
                    seen[int(entry)] = self._status(entry)
                except OSError:
                    pass  # it has ended meanwhile
        inside = {self.me: True}

        def belongs(outer: int) -> bool:
            if outer not in inside:
                parent = int(seen[outer]["PPid"]) if outer in seen else 0
                inside[outer] = False  # guards against a loop while the tree changes under our eyes
                inside[outer] = parent in seen and belongs(parent)
            return inside[outer]

        def number(outer: int) -> int:
            return int(seen[outer]["NSpid"].split()[self.level]) if outer in seen else 0

        found = {}
        for outer, status in seen.items():
            if outer != self.me and belongs(outer):
                threads = int(status.get("Threads", "1"))
                dead, alone = "Z" in status["State"], threads <= 1
                pid, parent = number(outer), number(int(status["PPid"]))
                found[pid] = Process(pid, parent, dead and alone, dead and not alone, self._anonymous(status), outer, threads)
        return found

    def own_memory(self) -> int:
        """Bytes of memory of this process that are its own or shared with the parent it was forked from."""
        return self._anonymous(self._status(self.me))

    def seconds(self, process: Process) -> float:
        """Seconds of processor time of `process`, all its threads, and all its children that ended and were waited for."""
        try:
            fields = self._read(f"{process.outer}/stat").rpartition(")")[2].split()
        except OSError:
            return 0.0
        return sum(map(int, fields[11:15])) / TICK

    def queued(self, process: Process) -> dict[str, float]:
        """{thread: seconds that it stood ready to run while others had the processor}; empty where the kernel does not count them."""
        found: dict[str, float] = {}
        try:
            handle = os.open(f"{process.outer}/task", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self.directory)
        except OSError:
            return found
        try:
            for thread in os.listdir(handle):
                found[thread] = int(self._read(f"{process.outer}/task/{thread}/schedstat").split()[1]) / 1e9
        except (OSError, IndexError):
            pass  # it has ended meanwhile, or this kernel has no such file
        finally:
            os.close(handle)
        return found

    def open_files(self, process: Process, most: int) -> int:
        """How many files, pipes and sockets `process` has open; `most` where it does not let itself be looked at."""
        try:
            handle = os.open(f"{process.outer}/fd", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self.directory)
        except OSError:
            return most if self._lives(process) else 0
        try:
            return len(os.listdir(handle))
        except OSError:
            return most if self._lives(process) else 0
        finally:
            os.close(handle)

    def _lives(self, process: Process) -> bool:
        """Whether `process` has memory; one that ends has none any more, and cannot be looked at either."""
        try:
            return "VmSize" in self._status(process.outer)
        except OSError:
            return False

    def exact_memory(self, process: Process) -> int:
        """Bytes of `process`, each page that several share divided among them; the coarse count if unreadable."""
        try:
            lines = self._read(f"{process.outer}/smaps_rollup").splitlines()
        except OSError:
            return process.anonymous if self._lives(process) else 0
        return sum(int(line.split()[1]) << 10 for line in lines if line.startswith(("Pss_Anon:", "Pss_Shmem:")))


class Clock:
    """The time that a submission's processes use, dead ones included, and the time that they stood in the queue for a processor."""

    def __init__(self, table: Table | None) -> None:
        self._table = table
        self._cpu = self._queued = 0.0
        self._threads: dict[tuple[int, str], float] = {}
        self._looks: deque[tuple[float, float, float]] = deque(maxlen=1 << 14)
        self.look()

    def look(self, processes: dict[int, Process] | None = None) -> None:
        """Take the time of `processes`, as `Table.descendants` gives them."""
        if self._table is None:
            return
        now = time.monotonic()
        found = (processes or self._table.descendants()).values()
        # A child's time becomes that of the process that waits for its end: of its parent, or of this one, which inherits orphans.
        dead = resource.getrusage(resource.RUSAGE_CHILDREN)
        # One that ends while this list is read may be missing or counted twice, for this once.
        self._cpu = max(self._cpu, dead.ru_utime + dead.ru_stime + sum(map(self._table.seconds, found)))
        threads = {(each.outer, thread): seconds for each in found for thread, seconds in self._table.queued(each).items()}
        self._queued += sum(max(0.0, seconds - self._threads.get(thread, 0.0)) for thread, seconds in threads.items())
        self._threads = threads
        self._looks.append((now, self._cpu, self._queued))

    def since(self, moment: float) -> tuple[float, float, float]:
        """(seconds, of processor time, in the queue) from the first look after `moment` (`time.monotonic()`) to the last one.

        What may be missing is the time before that first look, and the queueing of threads that ended between two looks. And the
        kernel drops the time of children whose end their parent ignores (SIGCHLD): only the clock on the wall stops these.
        Where processes cannot be listed, all time counts as used.
        """
        if self._table is None:
            return time.monotonic() - moment, 0.0, 0.0
        first, last = self._looks[min(bisect.bisect_left(self._looks, (moment,)), len(self._looks) - 1)], self._looks[-1]
        return last[0] - first[0], last[1] - first[1], last[2] - first[2]
