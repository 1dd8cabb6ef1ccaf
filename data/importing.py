"""`add`: take a data set out of an archive or a folder, check it, store it decoded."""

import hashlib
import io
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from course_data import store
from course_data.archives import read_files, web_page
from course_data.arrays import idx, unpacked
from course_data.datasets import fingerprint
from course_data.errors import UserError
from course_data.progress_bar import bar
from course_data.specs import SPECS, Spec

LAYOUTS = (
    "The course reads: MNIST as torchvision keeps it (MNIST/raw/train-images-idx3-ubyte and three more, "
    "gzipped or not), CIFAR-10 as torchvision keeps it (cifar-10-batches-py), or images in folders by class: "
    "train/<class>/*.png|jpg and test/<class>/*.png|jpg."
)
OWN = "Pictures of your own need no import: `course lab --images` takes their folder or archive."
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}


def add(path: Path | str, source: str | None = None) -> tuple[str, Path]:
    """Import the archive or folder at `path` into the data root. Returns (data set's name, stored file).

    `source` is what later results say about where the data came from; by default the archive's name.

    Raises UserError, and stores nothing, when the content is damaged, incomplete, unsafe or unknown.
    """
    path = Path(path)
    files = read_files(path)
    facts, arrays, title = _recognise(files, path.name)
    _check_arrays(facts, arrays, path.name)
    about = {"title": title, "source": source or path.name, "fingerprint": fingerprint(arrays)}
    return facts.name, store.write(facts, arrays, about)


def _recognise(files: dict[str, bytes], where: str) -> tuple[Spec, dict, str]:
    """Which data set this is, its arrays, and the title of the variant."""
    base = {name.rsplit("/", 1)[-1].removesuffix(".gz"): name for name in files}
    mnist, cifar = SPECS["mnist"], SPECS["cifar10"]
    if "train-images-idx3-ubyte" in base:
        return mnist, _mnist(_published_files(mnist, files, base, where), where), mnist.title
    if "data_batch_1" in base:
        return cifar, _cifar(_published_files(cifar, files, base, where)), cifar.title
    return _image_folder(files, where)


def _published_files(facts: Spec, files: dict, base: dict, where: str) -> dict[str, bytes]:
    """The published files by their own names, each of them proved by its checksum."""
    missing = sorted(set(facts.md5) - set(base))
    if missing:
        raise UserError(f"{where} looks like {facts.title} but lacks {', '.join(missing)}. The archive is incomplete.")
    contents = {}
    for name, expected in facts.md5.items():
        content = files[base[name]]
        if base[name].endswith(".gz"):
            content = unpacked(content, base[name], where)
        found = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if found != expected and web_page(content):
            raise UserError(f"{where}: {base[name]} is a web page: the download gave a page instead of the file. Fetch it again.")
        if found != expected:
            raise UserError(
                f"{where}: {base[name]} is not the published file of {facts.title} "
                f"(md5 {found}, should be {expected}). It is damaged or altered; fetch it again."
                + (
                    f" Another data set in this form, such as Fashion-MNIST, goes to `course lab --images {where}`."
                    if facts.name == "mnist"
                    else ""
                )
            )
        contents[name] = content
    return contents


def _mnist(contents: dict[str, bytes], where: str) -> dict[str, np.ndarray]:
    arrays = {}
    for part, prefix in (("train", "train"), ("test", "t10k")):
        images = idx(contents[f"{prefix}-images-idx3-ubyte"], 3, where)
        arrays[f"{part}_images"] = images[:, None]
        arrays[f"{part}_labels"] = idx(contents[f"{prefix}-labels-idx1-ubyte"], 1, where).astype(np.int64)
    return arrays


def _cifar(contents: dict[str, bytes]) -> dict[str, np.ndarray]:
    """torchvision reads the batches. They are pickles, which can run code: the checksums above came first."""
    from torchvision.datasets import CIFAR10

    arrays = {}
    with tempfile.TemporaryDirectory() as folder:
        batches = Path(folder) / CIFAR10.base_folder
        batches.mkdir()
        for name, content in contents.items():
            (batches / name).write_bytes(content)
        for part in ("train", "test"):
            split = CIFAR10(folder, train=part == "train", download=False)
            arrays[f"{part}_images"] = np.ascontiguousarray(split.data.transpose(0, 3, 1, 2))
            arrays[f"{part}_labels"] = np.array(split.targets, np.int64)
    return arrays


def _image_folder(files: dict[str, bytes], where: str) -> tuple[Spec, dict, str]:
    """`[anything/]{train,test}/<class>/<image>`. The title tells the file format, for JPEG is not the original."""
    pictures: dict[str, list[tuple[str, str]]] = {"train": [], "test": []}
    formats, top = set(), set()
    for name in sorted(files):
        parts = name.split("/")
        suffix = Path(name).suffix.lower()
        if len(parts) < 3 or parts[-3] not in pictures or suffix not in FORMATS or parts[-1].startswith("."):
            continue
        pictures[parts[-3]].append((parts[-2], name))
        formats.add(FORMATS[suffix])
        top.add("/".join(parts[:-3]))
    classes = {c for part in pictures.values() for c, _ in part}
    if not classes:
        raise UserError(f"{where} holds no data set that the course knows. {OWN} {LAYOUTS}")
    if len(top) > 1:
        raise UserError(f"{where} holds several image folders ({', '.join(sorted(top))}). Import one at a time.")
    facts = next((s for s in SPECS.values() if not s.bundled and set(s.classes) == classes), None)
    if facts is None:
        shown = ", ".join(sorted(classes)[:12])
        raise UserError(f"{where} holds images of classes that the course does not know: {shown}. {OWN} {LAYOUTS}")
    arrays = {}
    for part, found in pictures.items():
        expected = getattr(facts, part)
        if len(found) != expected:
            raise UserError(f"{where} holds {len(found):,} {part} images; {facts.title} has {expected:,}. The archive is incomplete.")
        images = np.empty((len(found), *facts.shape), np.uint8)
        with bar(f"decoding {part} images", len(found)) as update:
            for index, (_, name) in enumerate(found):
                images[index] = _decode(files[name], facts, name, where)
                if index % 500 == 0:
                    update(index)
        arrays[f"{part}_images"] = images
        arrays[f"{part}_labels"] = np.array([facts.classes.index(c) for c, _ in found], np.int64)
    return facts, arrays, f"{facts.title} ({' and '.join(sorted(formats))})"


def _decode(content: bytes, facts: Spec, name: str, where: str) -> np.ndarray:
    """One image as uint8 (C, H, W). Its size is checked before its pixels are decoded."""
    channels, height, width = facts.shape
    try:
        # only these two decoders: a file's suffix may lie, and the title would lie with it
        with Image.open(io.BytesIO(content), formats=(FORMATS[Path(name).suffix.lower()],)) as image:
            if image.size != (width, height):
                raise UserError(f"{where}: {name} is {image.size[0]}×{image.size[1]} pixels, not {width}×{height}.")
            pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(f"{where}: {name} cannot be decoded as an image. The archive is damaged; fetch it again.") from error
    return pixels.reshape(height, width, channels).transpose(2, 0, 1)


def _check_arrays(facts: Spec, arrays: dict[str, np.ndarray], where: str) -> None:
    """Counts, shapes and labels, whatever the layout."""
    for part in ("train", "test"):
        images, labels, expected = arrays[f"{part}_images"], arrays[f"{part}_labels"], getattr(facts, part)
        if images.shape != (expected, *facts.shape) or labels.shape != (expected,):
            raise UserError(
                f"{where}: the {part} part has images {images.shape} and labels {labels.shape}; "
                f"{facts.title} has {(expected, *facts.shape)} and {(expected,)}."
            )
        if labels.min() < 0 or labels.max() >= len(facts.classes):
            raise UserError(f"{where}: a {part} label lies outside 0 to {len(facts.classes) - 1}.")
