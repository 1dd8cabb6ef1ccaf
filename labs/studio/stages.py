"""Stages that are done once: each saves its artefact and a fingerprint of all that went into it."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from course_data.errors import UserError
from course_data.files import beside, write_whole
from course_labs.fingerprints import fingerprint_of, sha256


@dataclass(frozen=True)
class Done:
    """A finished stage. `seconds` is what the work took when it was done, not when it was looked up."""

    fingerprint: str
    path: Path
    seconds: float
    facts: dict
    resumed: bool


class Stages:
    """The finished stages of one output folder, in `folder`/NAME.json and its artefact beside it. Raises UserError if it cannot be made."""

    def __init__(self, folder: Path):
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"Cannot write to {folder}: {error.strerror}. Choose another folder with --out.") from error

    def run(self, name: str, suffix: str, inputs: dict, work: Callable[[Path], dict]) -> Done:
        """Do `work` unless it was done from the same `inputs` before.

        `work(path)` writes the artefact to `path` (a temporary name, renamed when it returns) and returns facts for the
        record. The record is written last, and holds the artefact's hash: until then what was done before stays done, and
        an artefact without its record never happened.
        """
        fingerprint = fingerprint_of({"stage": name, **inputs})
        artefact, record = self.folder / f"{name}{suffix}", self.folder / f"{name}.json"
        found = _read(record)
        if found.get("fingerprint") == fingerprint and artefact.is_file() and found.get("sha256") == sha256(artefact):
            return Done(fingerprint, artefact, found["seconds"], found["facts"], resumed=True)
        for left_over in self.folder.glob(f".{artefact.name}.*.part"):
            left_over.unlink()  # of a run that was killed, not merely interrupted
        start = time.perf_counter()
        with beside(artefact) as temporary:
            facts = work(temporary)
        seconds = time.perf_counter() - start
        write_json(record, {"fingerprint": fingerprint, "sha256": sha256(artefact), "seconds": seconds, "facts": facts, "inputs": inputs})
        return Done(fingerprint, artefact, seconds, facts, resumed=False)

    def check(self, done: Done) -> None:
        """Raises UserError unless the stage's artefact and record are still those that were `done`: nobody else wrote here since."""
        found = _read(self.folder / f"{done.path.stem}.json")
        if found.get("fingerprint") != done.fingerprint or not done.path.is_file() or found.get("sha256") != sha256(done.path):
            raise UserError(
                f"{done.path} is not what this run made: something else wrote to this folder. Run again, with a folder of its own (--out)."
            )


def write_json(path: Path, content: dict) -> None:
    write_whole(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def _read(path: Path) -> dict:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
