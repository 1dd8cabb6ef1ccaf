"""Picture files to the pixels that a model takes: upright, grey or colour as the model wants them, cut and scaled. Pillow and NumPy alone."""

import os
import stat
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

from course_labs.using.metadata import Input

ORIENTATION = 0x0112  # the EXIF entry; nothing else of EXIF is read, because half of what cameras and tools write there is broken
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# What Pillow hands to other programs, or only recognises, is no picture here.
NOT_READ = {"BUFR", "EPS", "FITS", "GRIB", "HDF5", "MPEG", "WMF"}


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
    all_of, suffixes = Found(), {suffix for suffix, kind in Image.registered_extensions().items() if kind in _formats()}
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
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in names if not name.startswith(".")):
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

    Raises ValueError with the reason where it is no picture, broken, too large (89 million pixels), or of a kind without an obvious
    meaning in eight bits. Of several frames the first one is taken.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(path, formats=_formats()) as file:
                image, done = _converted(file, grey=len(wanted.channels) == 1)
                image = ImageOps.fit(image, (wanted.width, wanted.height))
                return np.asarray(image).reshape(wanted.height, wanted.width, -1).transpose(2, 0, 1), done
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            raise ValueError(f"is too large: more than {Image.MAX_IMAGE_PIXELS or 0:,} pixels. Scale it down first") from None
        except Image.UnidentifiedImageError:
            raise ValueError("is no picture that Pillow can read") from None
        except MemoryError:
            raise ValueError("is too large for this machine's memory") from None
        except OSError as error:
            raise ValueError(f"cannot be read: {error.strerror or str(error)}") from None
        except ValueError:
            raise
        except Exception as error:  # whatever else Pillow's decoders raise, given a broken file
            raise ValueError(f"is broken: {error}") from None


def _formats() -> tuple[str, ...]:
    """The formats that Pillow reads by itself."""
    Image.init()
    return tuple(name for name in Image.OPEN if name not in NOT_READ)


def _converted(image: Image.Image, grey: bool) -> tuple[Image.Image, tuple[str, ...]]:
    """The picture upright in eight bits, grey (mode L) or in colour (RGB), and what that took."""
    done = []
    image.load()
    turn = UPRIGHT.get(_orientation(image))
    if turn is not None:
        image = image.transpose(turn)
        done.append("turned upright")
    if image.mode == "F":
        raise ValueError("has floating-point pixels, which could mean anything: save it with 8 or 16 bits")
    if image.mode.startswith("I"):
        image = _eight_bits(image)
        done.append("16 bits to 8")
    was_grey = image.mode in ("1", "L", "LA")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if image.getextrema()[3][0] < 255:
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
            done.append("put on white")
        image = image.convert("RGB")
    ready = image.convert("L" if grey else "RGB")
    if was_grey and not grey:
        done.append("grey to colour")
    elif grey and not was_grey and _coloured(image):
        done.append("colour to grey")
    return ready, tuple(done)


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # an entry that cannot be decoded says nothing about the pixels
        return 1


def _eight_bits(image: Image.Image) -> Image.Image:
    """Modes I and I;16, scaled from 16 bits to 8: 65,535 becomes 255."""
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 0xFFFF:
        raise ValueError("has pixels of more than 16 bits: save it with 8 or 16")
    return Image.fromarray(np.rint(values / 257).astype(np.uint8))


def _coloured(image: Image.Image) -> bool:
    """Whether the channels differ: else it is a grey picture that was saved in colour."""
    channels = np.asarray(image.convert("RGB"))
    return bool((channels != channels[..., :1]).any())
