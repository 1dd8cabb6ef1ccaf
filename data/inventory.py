"""What is on this machine: for `course data` and `course doctor`."""

from dataclasses import dataclass
from pathlib import Path

from course_data import store
from course_data.specs import SPECS


@dataclass(frozen=True)
class Status:
    """One data set. `path` is None when nothing is stored (bundled, or not here). `bytes` is the stored size."""

    name: str
    title: str
    ready: bool
    path: Path | None
    bytes: int
    advice: str  # what to do if it is not ready; empty if it is


def status() -> list[Status]:
    """The state of every data set the course knows, in the order of the lessons. Reads no pixels."""
    found = []
    for facts in SPECS.values():
        path = store.path_of(facts)
        if facts.bundled:
            found.append(Status(facts.name, facts.title, True, None, 0, ""))
            continue
        about = store.about(facts) if path.is_file() else None
        advice = f"course data get {facts.name}   or   course data add ARCHIVE"
        if about:
            found.append(Status(facts.name, about["title"], True, path, path.stat().st_size, ""))
        elif path.is_file():
            found.append(Status(facts.name, facts.title, False, path, path.stat().st_size, f"damaged; {advice}"))
        else:
            found.append(Status(facts.name, facts.title, False, None, 0, advice))
    return found
