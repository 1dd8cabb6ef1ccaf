"""One picture: from its file to pixels, and what had to be done for it. Networks are trained on what this gives, and answer for what this gives."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

GREY, ORIENTATION = ("1", "L", "LA", "La"), 0x0112
# what a camera notes about how it was held, and what turns the picture upright (EXIF 2.32, tag 274)
TURNS = {
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
SIXTEEN, WHITE = "16 bits to 8", "put on white"


class Unusable(ValueError):
    """A picture that cannot be used; the message says why, in half a sentence: "is no picture that Pillow can read"."""


@dataclass(frozen=True)
class Picture:
    """`pixels` uint8 (1 or 3, size, size); `changed` says what was done to them beside turning and scaling, if anything."""

    pixels: np.ndarray
    changed: tuple[str, ...]


def decoded(content: bytes, size: int) -> Picture:
    """The middle square of a picture, upright, scaled to `size`, grey or in colour as the file is. Raises `Unusable`."""
    with opened(io.BytesIO(content)) as image:
        plain, changed = in_eight_bits(upright(image))
        return Picture(_fitted(plain, size), changed)


def fitted(pixels: np.ndarray, size: int) -> np.ndarray:
    """uint8 (C, H, W) as uint8 (C, size, size), in the same way as a file's picture."""
    if pixels.shape[1:] == (size, size):
        return pixels
    plain = pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0))
    return _fitted(Image.fromarray(plain), size)


def formats() -> tuple[str, ...]:
    """The formats that Pillow reads by itself."""
    Image.init()
    return tuple(name for name in Image.OPEN if name not in NOT_READ)


@contextmanager
def opened(file: Path | BinaryIO) -> Iterator[Image.Image]:
    """The picture in a file, read to its end; of several frames the first. Whatever goes wrong with it while the block runs raises `Unusable`.

    That is also a picture of more than 89 million pixels: Pillow's own limit, above which it only warns.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            # From its bytes: of a file on disk, Pillow maps some TIFFs into memory and forgets to turn them.
            content = file.read_bytes() if isinstance(file, Path) else file.read()
            with Image.open(io.BytesIO(content), formats=formats()) as image:
                image.load()  # here, where a file that ends too soon is told
                yield image
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            raise Unusable(f"is too large: more than {Image.MAX_IMAGE_PIXELS or 0:,} pixels. Scale it down first") from None
        except Image.UnidentifiedImageError:
            raise Unusable("is no picture that Pillow can read") from None
        except MemoryError:
            raise Unusable("is too large for this machine's memory") from None
        except OSError as error:
            raise Unusable(f"cannot be read: {error.strerror or str(error)}") from None
        except Unusable:
            raise
        except Exception as error:  # whatever else Pillow's decoders raise, given a broken file
            raise Unusable(f"is broken: {error}") from None


def turn(image: Image.Image) -> Image.Transpose | None:
    """How to turn the picture upright, as the camera noted; nothing else of what it noted is read, for half of all cameras note something odd."""
    try:
        return TURNS.get(image.getexif().get(ORIENTATION, 1))
    except Exception:  # Pillow raises whatever its parsers raise
        return None


def upright(image: Image.Image) -> Image.Image:
    """Turned as the camera noted."""
    wanted = turn(image)
    return image if wanted is None else image.transpose(wanted)


def in_eight_bits(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    """Grey (mode L) or in colour (RGB) as the picture is, without transparency, in eight bits; and what that took.

    Raises `Unusable` for numbers that are neither 16 bits nor fractions: what would be white among them, nobody can say.
    """
    changed: tuple[str, ...] = ()
    grey = image.mode in GREY or image.mode.startswith(("I", "F"))
    if image.mode.startswith(("I", "F")):
        image, changed = Image.fromarray(_eight_bits(np.asarray(image))), (SIXTEEN,)
    elif image.has_transparency_data:
        image = image.convert("RGBA")
        if image.getextrema()[3][0] < 255:
            image, changed = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image), (WHITE,)
        image = image.convert("RGB")
    return image.convert("L" if grey else "RGB"), changed


def _fitted(image: Image.Image, size: int) -> np.ndarray:
    return np.asarray(ImageOps.fit(image, (size, size))).reshape(size, size, -1).transpose(2, 0, 1)


def _eight_bits(values: np.ndarray) -> np.ndarray:
    """Numbers of 16 bits, or fractions from 0 to 1, as uint8: 65,535 and 1.0 become 255."""
    if values.dtype.kind == "f":
        if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
            raise Unusable("has floating-point pixels that are no fractions from 0 to 1: save it with 8 or 16 bits")
        return np.rint(values * 255).astype(np.uint8)
    values = values.astype(np.int64)
    if values.min() < 0 or values.max() > 0xFFFF:
        raise Unusable("has pixels of more than 16 bits: save it with 8 or 16")
    return np.rint(values / 257).astype(np.uint8)
