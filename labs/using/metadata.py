"""What a model file says about itself: how a picture must be prepared, what the answers are called, where the network comes from.

It is JSON under the key `course` among the ONNX file's metadata, so that one file is all that anybody needs. ONNX Runtime gives it as
`session.get_modelmeta().custom_metadata_map["course"]`. Nothing here needs torch or onnx.

    {
      "schema": 1,
      "input": {
        "name": "image",                 the graph's input: (batch, channels, height, width), any batch
        "dtype": "float32",              normalised by (pixel / 255 - mean) / spread; or "uint8": pixels as they are, the graph does the rest
        "channels": ["grey"],            or ["red", "green", "blue"], in this order
        "height": 28, "width": 28,
        "fit": "middle, bicubic",        a picture of another size: its middle part of this shape, scaled by Pillow's ImageOps.fit
        "mean": [0.1307], "spread": [0.3081]      one number a channel, on the scale 0 to 1
      },
      "classes": ["0", "1"],             one name for each logit of the output `logits` (batch, classes)
      "model": {"row": "+ quantised, int8", "seed": 0, "made": "2026-11-30"},
      "data": {"title": "MNIST", "source": "the file or folder it came from", "sha256": "of the pixels and labels", "licence": "..."},
      "versions": {"course": "0.1.0", "torch": "2.15.0", "onnx": "1.23.2", "onnxruntime": "1.31.1"}
    }

A field that is renamed, dropped, or means something else makes another schema.
"""

import importlib.metadata
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from course_data.errors import UserError
from course_labs.report.typed_json import made, to_json

KEY = "course"
SCHEMA = 1
FIT = "middle, bicubic"
CHANNELS = {1: ("grey",), 3: ("red", "green", "blue")}
LARGEST_SIDE = 4096
_BEFORE = {"row", "classes", "mean", "std"}  # keys of the course's files before there was a schema


@dataclass(frozen=True)
class Input:
    """The picture that the graph takes: see the module's text."""

    name: str
    dtype: str
    channels: tuple[str, ...]
    height: int
    width: int
    fit: str
    mean: tuple[float, ...]
    spread: tuple[float, ...]


@dataclass(frozen=True)
class Origin:
    """Which row of the table the network is (its title), the run's seed, and the day it was trained or rounded (ISO 8601)."""

    row: str
    seed: int
    made: str


@dataclass(frozen=True)
class TrainedOn:
    """The data set: its title, which copy of it, the SHA-256 of its pixels and labels, and under which terms it may be used."""

    title: str
    source: str
    sha256: str
    licence: str


@dataclass(frozen=True)
class Metadata:
    """Everything that a user of the file needs: see the module's text."""

    schema: int
    input: Input
    classes: tuple[str, ...]
    model: Origin
    data: TrainedOn
    versions: dict[str, str]


def picture_of(channels: int, height: int, width: int, mean: tuple[float, ...], spread: tuple[float, ...], dtype: str = "float32") -> Input:
    """The `Input` of a graph that takes pictures of 1 (grey) or 3 (red, green, blue) channels. `mean` and `spread` are on the scale 0 to 1.

    Other data than pictures may have other channels; their names then say no more than their order.
    """
    names = CHANNELS.get(channels, tuple(f"channel {number}" for number in range(channels)))
    rounded = [tuple(round(float(number), 8) for number in numbers) for numbers in (mean, spread)]
    return Input("image", dtype, names, height, width, FIT, *rounded)


def today() -> str:
    """The day, as `Origin.made` has it."""
    return datetime.now(UTC).date().isoformat()


def versions() -> dict[str, str]:
    """The versions of the course and of the libraries that make a file; "unknown" where one was not installed as a package."""
    found = {}
    for name, package in (("course", "compression-course"), ("torch", "torch"), ("onnx", "onnx"), ("onnxruntime", "onnxruntime")):
        try:
            found[name] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "unknown"
    return found


def props(metadata: Metadata) -> dict[str, str]:
    """What goes into the ONNX file's metadata: one key and its JSON, without spaces, because its bytes count in the table."""
    return {KEY: json.dumps(to_json(metadata), ensure_ascii=False, separators=(",", ":"))}


def read(found: Mapping[str, str], where: str) -> Metadata:
    """The metadata among `found`, the keys and texts of the file `where`.

    Raises UserError where there is none, where it is of another schema, or where it contradicts itself; the message begins with `where`.
    """
    if KEY not in found:
        if _BEFORE <= set(found):
            raise UserError(
                f"{where} was written by an earlier version of the course. Type the same `course lab` command again: "
                "it writes the file anew, from the stages that it has finished."
            )
        raise UserError(
            f"{where} does not say how to use it: among its metadata there is no key {KEY!r} with size, mean, spread and class names. "
            "Files made by `course lab` have it."
        )
    try:
        content = json.loads(found[KEY])
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: its metadata is damaged, it is no JSON ({error}).") from None
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        said = content.get("schema") if isinstance(content, dict) else None
        raise UserError(f"{where}: its metadata has schema {json.dumps(said)[:20]}; this version of the course reads schema {SCHEMA}.")
    metadata = made(Metadata, content, where)
    if wrong := _contradiction(metadata):
        raise UserError(f"{where}: its metadata cannot be right: {wrong}.")
    return metadata


def _contradiction(metadata: Metadata) -> str:
    """What cannot be in a metadata whose fields have the right types, or ""."""
    picture = metadata.input
    if picture.channels not in CHANNELS.values():
        return (
            f"the channels are {', '.join(picture.channels) or 'none'}, not {' or '.join(', '.join(names) for names in CHANNELS.values())}"
        )
    if not all(1 <= side <= LARGEST_SIDE for side in (picture.height, picture.width)):
        return f"the size is {picture.height} × {picture.width}; a side has 1 to {LARGEST_SIDE} pixels"
    if picture.dtype not in ("float32", "uint8"):
        return f"the input's dtype is {picture.dtype!r}, not 'float32' or 'uint8'"
    if picture.fit != FIT:
        return f"the fit is {picture.fit!r}; this version of the course knows {FIT!r}"
    numbers = picture.mean + picture.spread
    if (
        not len(picture.mean) == len(picture.spread) == len(picture.channels)
        or not all(map(math.isfinite, numbers))
        or min(picture.spread) <= 0
    ):
        return "mean and spread are one finite number for each channel, and a spread is above 0"
    if not metadata.classes or len(set(metadata.classes)) < len(metadata.classes):
        return "there must be class names, and no two alike"
    return ""
