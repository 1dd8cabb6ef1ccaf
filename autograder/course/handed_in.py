"""The files that are handed in beside a lab's notebook: found, read with limits, described.

They lie in one folder beside the notebook, under names that the lab's exercises give. Nothing is opened here but to
read its bytes: what a file holds is looked at in the sandbox.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.course import system_names

ENDING = "_artefacts"
UNPACKED = "content.zip"  # a folder of this name holds what was in one student's zip (`unpacking`)
MOST_BYTES = 32 << 20  # of one file
MOST_TOGETHER = 64 << 20


@dataclass
class Handed:
    """What was handed in. `files`: name -> bytes; `problems`: name -> why a file that is there was not read."""

    folder: str = ""  # how messages call it
    files: dict[str, bytes] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)

    def record(self) -> dict[str, dict[str, Any]]:
        """What a result keeps of the files, without what they hold: name -> {"bytes", "sha256"} or {"problem"}."""
        found = {name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in self.files.items()}
        return {**found, **{name: {"problem": why} for name, why in self.problems.items()}}


def folder_of(notebook: Path, lesson: str) -> Path:
    """Where the files handed in with `notebook` (a path) lie: beside it, in `<lesson>_artefacts`.

    Where notebooks lie side by side, each has a folder of its own: that of ada_pruning.ipynb is ada_pruning_artefacts.
    """
    return notebook.parent / f"{lesson if notebook.parent.name == lesson else notebook.stem}{ENDING}"


def read_folder(folder: Path, names: Collection[str]) -> Handed:
    """The `Handed` files `names` in `folder` (a path). Never raises: what cannot be read is a problem of that file alone.

    Only regular files count, and no links: a link could lead to another student's work, or to the grader's own files.
    """
    return read_files(folder.name, {} if folder.is_symlink() or not folder.is_dir() else {name: folder / name for name in names})


def read_beside(notebook: Path, lesson: str, names: Collection[str]) -> Handed:
    """The `Handed` files `names` that came with `notebook` (a path), wherever they lie (`beside`). Never raises, as `read_folder`."""
    return read_files(folder_of(notebook, lesson).name, beside(notebook, lesson, names))


def beside(notebook: Path, lesson: str, names: Collection[str]) -> dict[str, Path]:
    """name -> path of the files `names` that came with `notebook` (a path): in their folder, or, without one, beside the notebook
    where all that lies there is this student's, or where each file carries the student's name (`hand_in`).
    """
    usual = folder_of(notebook, lesson)
    for folder in (usual, notebook.with_name(f"{lesson}{ENDING}")):
        if folder.is_dir() and not folder.is_symlink() and (folder == usual or _own(notebook.parent, lesson)):
            return {name: folder / name for name in names}
    if _own(notebook.parent, lesson):
        return {name: path for name, path in _latest(notebook.parent, system_names.uploaded).items() if name in names}
    owner = system_names.of_file(notebook.name)
    if owner is None:
        return {}

    def named(name: str) -> tuple[tuple | None, str]:
        other = system_names.of_file(name)
        if other is None or other.who != owner.who or other.system == "Blackboard" and other.attempt != owner.attempt:
            return None, ""
        return other.attempt, other.file if other.file in names else system_names.first_name(other.file)

    return {name: path for name, path in _latest(notebook.parent, named).items() if name in names}


def _own(folder: Path, lesson: str) -> bool:
    """Whether everything in `folder` is one student's. The folder of a class may have a name like a student's, too."""
    if folder.name == lesson or any(each.name == UNPACKED for each in (folder, *folder.parents)):
        return True
    return (
        system_names.of_folder(folder.name) is not None
        and len({system_names.uploaded(path.name)[1] for path in folder.glob("*.ipynb")}) == 1
    )


def _latest(folder: Path, named: Callable[[str], tuple[Any, str]]) -> dict[str, Path]:
    """name -> path of the last file in `folder` that has it. `named` gives (when, name) of a file's name; None for when: not this one."""
    found: dict[str, tuple[Any, Path]] = {}
    try:
        paths = sorted(folder.iterdir())
    except OSError:
        return {}
    for path in paths:
        when, name = named(path.name)
        if when is not None and (name not in found or when >= found[name][0]):
            found[name] = when, path
    return {name: path for name, (_, path) in found.items()}


def read_files(folder: str, where: Mapping[str, Path]) -> Handed:
    """The `Handed` files of `where` (name -> path); messages call the place `folder`. Never raises, as `read_folder`."""
    found, left = Handed(folder), MOST_TOGETHER
    for name, path in where.items():
        most = min(MOST_BYTES, left)
        try:
            data = _read(path, most)
        except FileNotFoundError:
            continue
        except OSError as error:
            found.problems[name] = f"`{name}` cannot be read: {error.strerror or error}."
            continue
        if data is None:
            found.problems[name] = f"`{name}` is not an ordinary file. Hand in the file itself, no link to it."
        elif len(data) > most:
            found.problems[name] = (
                f"`{name}` is too large: at most {MOST_BYTES >> 20} MB of one file and {MOST_TOGETHER >> 20} MB of all together are read."
            )
        else:
            found.files[name] = data
            left -= len(data)
    return found


def _read(path: Path, most: int) -> bytes | None:
    """The bytes of a file, cut one byte after the limit; None for anything but a regular file. Raises OSError."""
    if path.is_symlink():
        return None
    # A pipe would keep the class waiting.
    with open(
        path, "rb", opener=lambda name, flags: os.open(name, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    ) as file:
        return file.read(most + 1) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else None
