"""Picture files to the pixels that a model takes: upright, grey or colour as the model wants them, cut and scaled. Pillow and NumPy alone."""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

from course_data import pictures
from course_data.splits import hidden
from course_labs.using.metadata import Input


@dataclass(frozen=True)
class Fault:
    """A picture that cannot be used, and why, in half a sentence."""

    path: Path
    why: str


@dataclass
class Found:
    """Picture files in the order in which they were asked for, paths that are none, and how many files of folders are no pictures."""

    pictures: list[Path] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    passed_over: int = 0


def found(paths: Sequence[Path]) -> Found:
    """The picture files among `paths`: files as they are, folders with all that is below them, sorted by name.

    In folders, hidden files and folders and what has no picture's suffix are passed over, and links to folders are not followed.
    """
    all_of, suffixes = Found(), {suffix for suffix, kind in Image.registered_extensions().items() if kind in pictures.formats()}
    for path in paths:
        if path.is_dir():
            _below(path, suffixes, all_of)
        elif why := _no_file(path):
            all_of.faults.append(Fault(path, why))
        else:
            all_of.pictures.append(path)
    return all_of


def _below(folder: Path, suffixes: set[str], all_of: Found) -> None:
    def unreadable(error: OSError) -> None:
        all_of.faults.append(Fault(Path(error.filename), f"cannot be looked into: {error.strerror}"))

    for here, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not hidden(name))
        for name in sorted(name for name in names if not hidden(name)):
            path = Path(here, name)
            if path.suffix.lower() not in suffixes:
                all_of.passed_over += 1
            elif why := _no_file(path):
                all_of.faults.append(Fault(path, why))
            else:
                all_of.pictures.append(path)


def _no_file(path: Path) -> str:
    """Why `path` is no file that can be read to its end, or "". A pipe would be waited for, without an end."""
    try:
        kind = path.stat().st_mode
    except OSError as error:
        return "is not there" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
    except ValueError:  # a NUL in the name
        return "is not there"
    return "" if stat.S_ISREG(kind) else "is no file with an end, but a pipe or a device"


def pixels(path: Path | BinaryIO, wanted: Input) -> tuple[np.ndarray, tuple[str, ...]]:
    """The picture at `path`, or in an open file, as uint8 (channels, height, width), and what was done to it beside cutting and scaling.

    Read as training pictures are (`course_data.pictures`). Raises ValueError with the reason where it cannot be used.
    """
    grey = len(wanted.channels) == 1
    with pictures.opened(path) as image:
        turned = ("turned upright",) if pictures.turn(image) is not None else ()
        plain, done = pictures.in_eight_bits(pictures.upright(image))
        ready = ImageOps.fit(plain.convert("L" if grey else "RGB"), (wanted.width, wanted.height))
        made: tuple[str, ...] = ()
        if plain.mode == "L" and not grey:
            made = ("grey to colour",)
        elif plain.mode == "RGB" and grey and _coloured(plain):
            made = ("colour to grey",)
        return np.asarray(ready).reshape(wanted.height, wanted.width, -1).transpose(2, 0, 1), (*turned, *done, *made)


def _coloured(image: Image.Image) -> bool:
    """Whether the channels differ: else it is a grey picture that was saved in colour."""
    channels = np.asarray(image)
    return bool((channels != channels[..., :1]).any())
