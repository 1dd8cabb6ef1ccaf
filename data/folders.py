"""A folder of one's own images as a data set: one subfolder for each class."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from torchvision.datasets import ImageFolder

from course_data.datasets import Dataset, _channel_statistics, _split, fingerprint, stratified
from course_data.errors import UserError
from course_data.progress_bar import bar

LAYOUT = (
    "The course reads FOLDER/train/CLASS/IMAGE and FOLDER/test/CLASS/IMAGE (and FOLDER/val/CLASS/IMAGE if you have it), "
    "or FOLDER/CLASS/IMAGE, from which it takes test and validation images itself."
)
GREY, COLOUR = ("1", "L"), ("RGB", "P", "CMYK", "YCbCr", "HSV", "LAB")
TEST_SHARE, VALIDATION_SHARE = 0.2, 0.1  # of all images, of those for training
SHOWN = 5  # files named in a message


class _Folder(ImageFolder):
    """torchvision's reading of the folders, without those that tools leave behind."""

    def find_classes(self, directory: str | Path) -> tuple[list[str], dict[str, int]]:
        classes = sorted(p.name for p in Path(directory).iterdir() if p.is_dir() and not p.name.startswith((".", "__")))
        if not classes:
            raise UserError(f"{directory} holds no images in subfolders. {LAYOUT}")
        return classes, {name: index for index, name in enumerate(classes)}


def image_folder(folder: Path | str, size: int = 32) -> Dataset:
    """The images of `folder` in three splits, `size` × `size` pixels, grey or colour as the files are.

    The middle square of each image is kept and scaled. Without a test folder, every fifth image of each class is taken for testing,
    without a val folder every tenth of the training images for validation: always the same ones.

    Raises UserError when the folder is missing, empty or has one class; when its parts have different classes; when a file cannot be read,
    is transparent, or grey and colour are mixed.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}. {LAYOUT}")
    if not 4 <= size <= 1024:
        raise UserError(f"Images of {size}×{size} pixels are not possible: --size takes 4 to 1024.")
    parts = {part: folder / part for part in ("train", "val", "test") if (folder / part).is_dir()}
    if parts and not {"train", "test"} <= set(parts):
        missing = " and ".join(sorted({"train", "test"} - set(parts)))
        raise UserError(f"{folder} has a folder {' and '.join(parts)} but none called {missing}. {LAYOUT}")
    files = {part: _files(path) for part, path in (parts or {"train": folder}).items()}
    classes = files["train"].classes
    for part, found in files.items():
        if found.classes != classes:
            odd = ", ".join(sorted(set(found.classes) ^ set(classes)))
            raise UserError(f"{folder}: train and {part} do not have the same classes; only one of them has {odd}.")
    arrays = _decoded(folder, files, size)
    if "test" not in files:
        _take(arrays, "test", TEST_SHARE, folder)
    if "val" not in files:
        _take(arrays, "val", VALIDATION_SHARE, folder)
    for part, least in (("train", 2), ("test", 1)):
        left = np.bincount(arrays[f"{part}_labels"], minlength=len(classes))
        if left.min() < least:
            raise UserError(
                f"{folder}: class {classes[left.argmin()]} has too few images: {left.min()} for the {part} part. Ten of each class are the least that makes sense."
            )
    train = _split(arrays["train_images"], arrays["train_labels"])
    mean, std = _channel_statistics(train.images)
    if min(std) == 0:
        raise UserError(f"{folder}: all training images are of one and the same colour. There is nothing to learn from them.")
    name = folder.resolve().name
    return Dataset(
        name=name,
        title=f"{name} ({size}×{size})",
        classes=tuple(classes),
        train=train,
        val=_split(arrays["val_images"], arrays["val_labels"]),
        test=_split(arrays["test_images"], arrays["test_labels"]),
        mean=mean,
        std=std,
        source=f"image folder {name}",
        fingerprint=fingerprint(arrays),
    )


def _files(path: Path) -> ImageFolder:
    """The image files below `path` and their classes."""
    try:
        found = _Folder(path, allow_empty=True)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    if not found.samples:
        raise UserError(f"{path} holds no images in subfolders. {LAYOUT}")
    empty = [name for index, name in enumerate(found.classes) if index not in set(found.targets)]
    if empty:
        raise UserError(f"{path}: no images in {', '.join(empty)}. Each subfolder is a class and needs images (png, jpg, bmp, webp, ...).")
    if len(found.classes) < 2:
        raise UserError(f"{path} has images of one class only ({found.classes[0]}). To tell classes apart takes two. {LAYOUT}")
    return found


def _decoded(folder: Path, files: dict[str, ImageFolder], size: int) -> dict[str, np.ndarray]:
    """Pixels uint8 (N, C, size, size) and labels of each part. All files are tried, so that one message tells of all that are at fault."""
    arrays: dict[str, np.ndarray] = {}
    faults: list[str] = []
    modes: dict[int, list[str]] = {1: [], 3: []}
    with bar("reading images", sum(len(found.samples) for found in files.values())) as update:
        done = 0
        for part, found in files.items():
            pixels = []
            for path, _ in found.samples:
                shown = Path(path).relative_to(folder).as_posix()
                try:
                    image = _pixels(Path(path), size)
                    modes[len(image)].append(shown)
                    pixels.append(image)
                except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
                    faults.append(f"{shown} ({str(error).replace(path, 'the file').split(' <')[0]})")
                done += 1
                update(done)
            if not faults and not (modes[1] and modes[3]):
                arrays[f"{part}_images"], arrays[f"{part}_labels"] = np.stack(pixels), np.array(found.targets, np.int64)
    if faults:
        raise UserError(f"{folder}: {len(faults)} {_plural(len(faults), 'file')} cannot be used: {_some(faults)}. Repair or remove them.")
    if modes[1] and modes[3]:
        fewer, kind, other = (modes[1], "grey", "in colour") if len(modes[1]) <= len(modes[3]) else (modes[3], "in colour", "grey")
        raise UserError(
            f"{folder}: {len(fewer)} {_plural(len(fewer), 'image')} of {len(modes[1]) + len(modes[3])} {'is' if len(fewer) == 1 else 'are'} {kind}, "
            f"the others {other}: {_some(fewer)}. Convert them, so that all images are of one kind."
        )
    return arrays


def _pixels(path: Path, size: int) -> np.ndarray:
    """One image as uint8 (1 or 3, size, size)."""
    with Image.open(path) as image:
        image = ImageOps.exif_transpose(image)
        if image.has_transparency_data:
            if image.convert("RGBA").getextrema()[3][0] < 255:
                raise ValueError("transparent: give it a background")
            image = image.convert("L" if image.mode == "LA" else "RGB")
        if image.mode not in (*GREY, *COLOUR):
            raise ValueError(f"mode {image.mode}: not eight bits for each colour")
        image = ImageOps.fit(image.convert("L" if image.mode in GREY else "RGB"), (size, size))
        return np.asarray(image).reshape(size, size, -1).transpose(2, 0, 1)


def _take(arrays: dict[str, np.ndarray], part: str, share: float, folder: Path) -> None:
    """Move `share` of the training images to a part of their own, each class in proportion."""
    labels = arrays["train_labels"]
    try:
        keep, taken = stratified(labels, max(1, round(share * len(labels))))
    except UserError as error:
        raise UserError(f"{folder} has too few images ({len(labels)}) to take some for {part}.") from error
    for kind in ("images", "labels"):
        whole = arrays[f"train_{kind}"]
        arrays[f"train_{kind}"], arrays[f"{part}_{kind}"] = whole[keep], whole[taken]


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def _plural(number: int, word: str) -> str:
    return word if number == 1 else f"{word}s"
