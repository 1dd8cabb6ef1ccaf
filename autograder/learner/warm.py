"""A process that waits with the libraries imported, checks one notebook, and is gone: what `course watch` hands a save to.

The cells run in it just as `course check` runs them, and what they do to it (an endless loop, `os._exit`, a crash) ends with it.
On Linux it is a fork of a parent that has the libraries; elsewhere it is a new process, which imports them while the student types.
"""

import ast
import contextlib
import importlib
import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Collection
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from autograder.checks.verdict import Verdict
from autograder.course.catalogue import Lesson
from autograder.course.cell_code import parsed, plain_python

FORKS = sys.platform == "linux"  # macOS' own libraries do not outlive a fork, and Windows has none
HARD_SECONDS = (
    30.0  # for one cell or one exercise's checks, by the clock on the wall; the limit within (`CELL_SECONDS`) comes first where it can
)


@dataclass(frozen=True)
class Checked:
    """What a process has found: verdicts and notes as `verdicts_on` gives them; `problem` where the notebook could not be read;
    `ended`: how it came to an end without a word, and `at` what it was doing then.
    """

    verdicts: tuple[Verdict, ...] = ()
    notes: tuple[str, ...] = ()
    problem: str = ""
    ended: str = ""
    at: str = ""


class WarmProcess:
    """Waits until `check`; `found` is None until it has an answer. `stop` ends it and everything that it has started."""

    def __init__(self, lesson: Lesson) -> None:
        """Start it for the notebooks of `lesson`. The first takes the seconds that its libraries take to import."""
        modules = modules_of(lesson)
        if FORKS:
            _import(modules)
        context: Any = multiprocessing.get_context("fork" if FORKS else "spawn")
        self._here, there = context.Pipe()
        self._process = context.Process(target=_wait, args=(there, self._here if FORKS else None, modules), daemon=True)
        self._process.start()
        there.close()
        self._said, self._at = time.monotonic(), ""

    def check(self, path: Path, wanted: Collection[str] | None) -> None:
        """Check the notebook at `path`: the exercises `wanted` (ids; None: all)."""
        self._here.send_bytes(json.dumps({"path": str(path), "wanted": None if wanted is None else sorted(wanted)}).encode())
        self._said = time.monotonic()

    def found(self) -> Checked | None:
        """What it has found, if it has; or that it ended, or was stopped because it took too long."""
        try:
            while self._here.poll():
                said = json.loads(self._here.recv_bytes())
                self._said = time.monotonic()
                if "at" in said:
                    self._at = said["at"]
                    continue
                self.stop()
                return Checked(
                    tuple(Verdict(**each) for each in said.get("verdicts", ())), tuple(said.get("notes", ())), said.get("problem", "")
                )
        except (OSError, EOFError, ValueError, TypeError):  # its end, also in the middle of a word
            self.stop()
            return Checked(ended="ended its own process", at=self._at)
        if time.monotonic() - self._said > HARD_SECONDS:
            self.stop()
            return Checked(
                ended=f"did not come to an end within {HARD_SECONDS:g} s and was stopped. Is there a loop that never ends?", at=self._at
            )
        return None

    def stop(self) -> None:
        """End it, now."""
        if self._process.pid is not None and hasattr(os, "killpg"):
            with contextlib.suppress(OSError):  # it has no group of its own yet, or is gone
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.join()
        self._here.close()


def modules_of(lesson: Lesson) -> list[str]:
    """The modules that the cells of a lesson import which a check runs, other than figures."""
    found: dict[str, None] = {"IPython.core.interactiveshell": None, "autograder.learner.own_notebook": None}
    for cell in lesson.cells:
        tree = parsed(plain_python(cell.source)) if cell.role in ("setup", "plain", "exercise") and cell.type == "code" else None
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, ast.Import):
                found.update(dict.fromkeys(alias.name for alias in node.names))
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found[node.module] = None
    return list(found)


def _import(modules: Collection[str]) -> None:
    for name in modules:
        with contextlib.suppress(Exception):  # where it is missing, the notebook's own cell says so
            importlib.import_module(name)


def _wait(conn: Connection, parents_end: Connection | None, modules: list[str]) -> None:
    """The process's whole life. Nothing that a cell prints is shown: the notebook shows it."""
    if parents_end is not None:
        parents_end.close()  # else it would not notice that the parent is gone
    if hasattr(os, "setsid"):
        os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.default_int_handler)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.environ["MPLBACKEND"] = "Agg"
    try:
        _import(modules)
        job = json.loads(conn.recv_bytes())
        _say(conn, _answer(Path(job["path"]), job["wanted"], lambda name: _say(conn, {"at": name})))
    except (OSError, EOFError):  # nobody waits any more
        pass
    finally:
        os._exit(0)  # no cell's exit handlers, and none of the parent's


def _answer(path: Path, wanted: Collection[str] | None, begins: Any) -> dict[str, Any]:
    from autograder.course.notebooks import NotebookProblem
    from autograder.learner.own_notebook import open_notebook, verdicts_on

    try:
        verdicts, notes = verdicts_on(open_notebook(path), wanted, begins)
    except (NotebookProblem, OSError) as problem:
        return {"problem": str(problem)}
    except Exception as error:
        return {"problem": f"A fault of the course, not of your answer: {type(error).__name__}: {error}"}
    return {"verdicts": [asdict(verdict) for verdict in verdicts], "notes": notes}


def _say(conn: Connection, what: dict[str, Any]) -> None:
    conn.send_bytes(json.dumps(what).encode())
