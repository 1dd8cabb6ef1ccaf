"""The processes of one submission, as the kernel lists them in /proc."""

import os
from dataclasses import dataclass


@dataclass
class Process:
    """One process: `pid` is its number here, `parent` the number of its parent (0: outside)."""

    pid: int
    parent: int
    zombie: bool
    headless: bool  # its first thread has ended and others go on: the kernel then shows nothing of its memory
    anonymous: int  # bytes of memory of its own or shared with a parent it was forked from
    outer: str  # its name in the directory


class Table:
    """Reads a /proc that may belong to an outer pid namespace, and so must be opened before it is hidden."""

    def __init__(self, path="/proc"):
        self.directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        self.me = int(os.readlink("self", dir_fd=self.directory))
        self.level = len(self._status(self.me)["NSpid"].split()) - 1

    def _read(self, path):
        handle = os.open(path, os.O_RDONLY, dir_fd=self.directory)
        try:
            return os.read(handle, 1 << 14).decode("utf-8", "replace")
        finally:
            os.close(handle)

    def _status(self, outer):
        return dict(line.split(":", 1) for line in self._read(f"{outer}/status").splitlines() if ":" in line)

    def _anonymous(self, status):
        return sum(int(status.get(each, "0 kB").split()[0]) << 10 for each in ("RssAnon", "RssShmem"))

    def descendants(self):
        """{pid: Process} of everything that descends from this process, itself excluded."""
        seen = {}
        for entry in os.listdir(self.directory):
            if entry.isdigit():
                try:
                    seen[int(entry)] = self._status(entry)
                except OSError:
                    pass  # it has ended meanwhile
        inside = {self.me: True}

        def belongs(outer):
            if outer not in inside:
                parent = int(seen[outer]["PPid"]) if outer in seen else 0
                inside[outer] = False  # guards against a loop while the tree changes under our eyes
                inside[outer] = parent in seen and belongs(parent)
            return inside[outer]

        def number(outer):
            return int(seen[outer]["NSpid"].split()[self.level]) if outer in seen else 0

        found = {}
        for outer, status in seen.items():
            if outer != self.me and belongs(outer):
                dead, alone = "Z" in status["State"], int(status.get("Threads", "1")) <= 1
                pid, parent = number(outer), number(int(status["PPid"]))
                found[pid] = Process(pid, parent, dead and alone, dead and not alone, self._anonymous(status), outer)
        return found

    def own_memory(self):
        """Bytes of memory of this process that are its own or shared with the parent it was forked from."""
        return self._anonymous(self._status(self.me))

    def open_files(self, process, most):
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

    def _lives(self, process):
        """Whether `process` has memory; one that ends has none any more, and cannot be looked at either."""
        try:
            return "VmSize" in self._status(process.outer)
        except OSError:
            return False

    def exact_memory(self, process):
        """Bytes of `process`, each page that several share divided among them; the coarse count if unreadable."""
        try:
            lines = self._read(f"{process.outer}/smaps_rollup").splitlines()
        except OSError:
            return process.anonymous if self._lives(process) else 0
        return sum(int(line.split()[1]) << 10 for line in lines if line.startswith(("Pss_Anon:", "Pss_Shmem:")))
