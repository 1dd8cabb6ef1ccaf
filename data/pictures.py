"""One picture: from the bytes of its file to pixels, and what had to be done for it."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

GREY, ORIENTATION = ("1", "L"), 0x0112
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
BROKEN = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)  # what Pillow says of a file that is none, or half of one


@dataclass(frozen=True)
class Picture:
    """`pixels` uint8 (1 or 3, size, size); `changed` says what was done to them beside scaling, if anything."""

    pixels: np.ndarray
    changed: str | None


def decoded(content: bytes, size: int) -> Picture:
    """The middle square of a picture, upright, scaled to `size`, grey or in colour as the file is. Raises one of BROKEN."""
    with Image.open(io.BytesIO(content)) as image:
        image.load()  # here, where a file that ends too soon is told
        return _fitted(_upright(image), size)


def fitted(pixels: np.ndarray, size: int) -> np.ndarray:
    """uint8 (C, H, W) as uint8 (C, size, size), in the same way as a file's picture."""
    if pixels.shape[1:] == (size, size):
        return pixels
    plain = pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0))
    return _fitted(Image.fromarray(plain), size).pixels


def _upright(image: Image.Image) -> Image.Image:
    """Turned as the camera noted. Nothing else of what it noted is read, for half of all cameras note something odd."""
    try:
        turn = TURNS.get(image.getexif().get(ORIENTATION, 1))
    except Exception:  # Pillow raises whatever its parsers raise
        turn = None
    return image.transpose(turn) if turn is not None else image


def _fitted(image: Image.Image, size: int) -> Picture:
    changed = None
    if image.mode.startswith(("I", "F")):
        image, changed = (
            Image.fromarray(_eight_bits(np.asarray(image))),
            "more than eight bits for a pixel, of which the upper eight are kept",
        )
    elif image.has_transparency_data:
        full = image.convert("RGBA")
        grey = image.mode in ("LA", "La", *GREY)
        if full.getextrema()[3][0] < 255:
            ground = Image.new("RGBA", full.size, "white")
            full, changed = Image.alpha_composite(ground, full), "transparent, and put on white"
        image = full.convert("L" if grey else "RGB")
    image = ImageOps.fit(image.convert("L" if image.mode in GREY else "RGB"), (size, size))
    return Picture(np.asarray(image).reshape(size, size, -1).transpose(2, 0, 1), changed)


def _eight_bits(pixels: np.ndarray) -> np.ndarray:
    """Numbers of 16 bits, or fractions from 0 to 1, as uint8."""
    if pixels.dtype.kind == "f" and pixels.size and pixels.max() <= 1:
        return np.rint(np.clip(np.nan_to_num(pixels), 0, 1) * 255).astype(np.uint8)
    return (np.clip(np.nan_to_num(pixels), 0, 65535).astype(np.uint16) >> 8).astype(np.uint8)
