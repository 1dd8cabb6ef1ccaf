"""Pictures of one's own as a data set: a folder with one subfolder for each class, an archive of one, IDX files, an .npz."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from course_data.archives import read_files
from course_data.arrays import Arrays, from_idx, from_npz, idx_files
from course_data.datasets import Dataset, _channel_statistics, _split, fingerprint, stratified
from course_data.errors import UserError
from course_data.pictures import Unusable, decoded, fitted
from course_data.progress_bar import bar
from course_data.splits import LAYOUT, Sorted, hidden, is_picture, some, sorted_out, without_wrapping

TEST_SHARE, VALIDATION_SHARE = 0.2, 0.1  # of all images, of those for training
SIZE, LARGEST_OWN = 32, 64  # pixels: unless --size says so; arrays up to the latter keep their own
SPARED = 0.02  # of all files may be broken and are passed over; one always may


@dataclass(frozen=True)
class _Tree:
    """Files by their names, which have forward slashes, and how to read one."""

    where: str
    names: list[str]
    folders: list[str]
    read: Callable[[str], bytes]


def to_stderr(line: str) -> None:
    print(line, file=sys.stderr)


def image_folder(folder: Path | str, size: int | None = None, strict: bool = False, say: Callable[[str], None] = to_stderr) -> Dataset:
    """The images of `folder` in three splits, `size` × `size` pixels, grey or colour as the files are.

    `folder` may also be a .zip or .tar.gz of such a folder, a folder or archive of IDX files, or an .npz. The middle square of each image is
    kept and scaled, to 32 pixels without a `size`; arrays of up to 64 then keep theirs. Without a test folder, every fifth image of each class
    is taken for testing, without a val folder every tenth of the training images for validation: always the same ones.
    `say` gets a line for everything that was left out or converted. A broken file among many is one of them; `strict` makes it an error.

    Raises UserError when the folder is missing, empty or has one class; when its parts have different classes; when files cannot be read.
    """
    folder = Path(folder)
    if size is not None and not 4 <= size <= 1024:
        raise UserError(f"Images of {size}×{size} pixels are not possible: --size takes 4 to 1024.")
    tree, name = _tree(folder), _name(folder)
    arrays = _of_arrays(folder, tree)
    if arrays:
        size = size or _own_size(arrays)
        parts, classes = _scaled(arrays, size), arrays.classes
        said = arrays.said
    else:
        size, found = size or SIZE, _sorted(folder, tree)
        parts, said = _decoded(tree, found, size, strict)
        classes, said = tuple(found.classes), found.said + said
    for line in said:
        say(f"{folder}: {line}")
    if "test_images" not in parts:
        _take(parts, "test", TEST_SHARE, folder)
    if "val_images" not in parts:
        _take(parts, "val", VALIDATION_SHARE, folder)
    for part, least in (("train", 2), ("test", 1)):
        left = np.bincount(parts[f"{part}_labels"], minlength=len(classes))
        if left.min() < least:
            raise UserError(
                f"{folder}: class {classes[left.argmin()]} has too few images: {left.min()} for the {part} part. Ten of each class are the least that makes sense."
            )
    train = _split(parts["train_images"], parts["train_labels"])
    mean, std = _channel_statistics(train.images)
    if min(std) == 0:
        raise UserError(f"{folder}: all training images are of one and the same colour. There is nothing to learn from them.")
    return Dataset(
        name=name,
        title=f"{name} ({size}×{size})",
        classes=classes,
        train=train,
        val=_split(parts["val_images"], parts["val_labels"]),
        test=_split(parts["test_images"], parts["test_labels"]),
        mean=mean,
        std=std,
        source=f"image folder {name}" if folder.is_dir() else folder.name,
        fingerprint=fingerprint(parts),
    )


# ---------------------------------------------------------------- where the files are


def _tree(folder: Path) -> _Tree:
    if folder.is_dir():
        names, folders = [], []
        try:
            for root, below, inside in os.walk(folder, followlinks=True):
                place = Path(root).relative_to(folder).as_posix()
                prefix = "" if place == "." else f"{place}/"
                below[:] = sorted(name for name in below if not hidden(name))
                folders += [prefix + name for name in below]
                names += [prefix + name for name in sorted(inside)]
            next(os.scandir(folder), None)  # os.walk says nothing of a folder that cannot be read
        except OSError as error:
            raise UserError(f"{folder} cannot be read: {error.strerror}.") from error
        return _Tree(str(folder), names, folders, lambda name: (folder / name).read_bytes())
    if not folder.is_file():
        raise UserError(f"There is no folder {folder}. {LAYOUT}")
    if folder.suffix.lower() == ".npz":
        return _Tree(str(folder), [folder.name], [], lambda name: folder.read_bytes())
    if is_picture(folder.name):
        raise UserError(f"{folder} is one picture. --images takes a folder of them. {LAYOUT}")
    files = read_files(folder)
    wrapping = without_wrapping([name for name in files if not hidden(name) and is_picture(name)])
    inner = {name.removeprefix(wrapping): content for name, content in files.items() if name.startswith(wrapping)}
    return _Tree(str(folder), sorted(inner), [], inner.__getitem__)


def _name(folder: Path) -> str:
    """What the data set is called: the folder's name, the archive's without its endings."""
    name = folder.resolve().name
    if folder.is_dir():
        return name
    for ending in (".npz", ".zip", ".tgz", ".txz", ".gz", ".xz", ".tar"):
        name = name[: -len(ending)] if name.lower().endswith(ending) else name
    return name or "images"


def _of_arrays(folder: Path, tree: _Tree) -> Arrays | None:
    """The data set, if it comes as arrays. Raises UserError for one of the course's own, which has another door."""
    names = [name for name in tree.names if not hidden(name)]
    if any(name.rsplit("/", 1)[-1] == "data_batch_1" for name in names):
        raise UserError(
            f"{folder} is CIFAR-10 as it is published. Import it with `course data add {folder}`, then run `course lab --data cifar10`."
        )
    if files := idx_files(names):
        return from_idx(files, tree.read, str(folder))
    packed = [name for name in names if PurePosixPath(name).suffix.lower() == ".npz"]
    if len(packed) == 1 and not any(is_picture(name) for name in names):
        return from_npz(tree.read(packed[0]), str(folder))
    return None


def _sorted(folder: Path, tree: _Tree) -> Sorted:
    try:
        return sorted_out(tree.names, tree.folders, tree.where)
    except UserError as error:
        if folder.is_dir() or any(is_picture(name) for name in tree.names):
            raise
        raise UserError(f"{folder} holds no pictures: {some(tree.names) or 'nothing'}. {LAYOUT}") from error


# ---------------------------------------------------------------- from files to arrays


def _own_size(arrays: Arrays) -> int:
    height, width = arrays.images["train"].shape[2:]
    return height if height == width and 4 <= height <= LARGEST_OWN else SIZE


def _scaled(arrays: Arrays, size: int) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for part, images in arrays.images.items():
        found[f"{part}_images"] = np.stack([fitted(image, size) for image in images])
        found[f"{part}_labels"] = arrays.labels[part]
    return found


def _decoded(tree: _Tree, found: Sorted, size: int, strict: bool) -> tuple[dict[str, np.ndarray], list[str]]:
    """Pixels uint8 (N, C, size, size) and labels of each part. All files are tried, so that one message tells of all that are at fault."""
    todo = [(part, label, name) for part, classes in found.parts.items() for label, names in enumerate(classes.values()) for name in names]
    pixels: dict[str, list[np.ndarray]] = {part: [] for part in found.parts}
    labels: dict[str, list[int]] = {part: [] for part in found.parts}
    faults: list[str] = []
    changed: dict[str, list[str]] = {}
    modes: dict[int, list[str]] = {1: [], 3: []}
    with bar("reading images", len(todo)) as update:
        for done, (part, label, name) in enumerate(todo):
            try:
                picture = decoded(tree.read(name), size)
            except (Unusable, OSError) as error:
                faults.append(f"{name} ({error})")
                continue
            pixels[part].append(picture.pixels)
            labels[part].append(label)
            modes[len(picture.pixels)].append(name)
            for what in picture.changed:
                changed.setdefault(what, []).append(name)
            if done % 20 == 0:
                update(done)
    if faults and (strict or len(faults) > max(1, SPARED * len(todo))):
        raise UserError(f"{tree.where}: {_counted(faults, 'file')} cannot be used: {some(faults)}. Repair or remove them.")
    said = [f"{_counted(faults, 'file')} cannot be used and {_are(faults)} left out: {some(faults)}."] if faults else []
    said += [f"{_counted(names, 'image')} converted, {how}: {some(names)}." for how, names in changed.items()]
    if modes[1] and modes[3]:
        said.append(
            f"{_counted(modes[1], 'image')} of {len(modes[1]) + len(modes[3])} {_are(modes[1])} grey, and read as colour: {some(modes[1])}."
        )
        pixels = {part: [np.repeat(image, 3, axis=0) if len(image) == 1 else image for image in images] for part, images in pixels.items()}
    arrays: dict[str, np.ndarray] = {}
    for part, images in pixels.items():
        if not images:
            raise UserError(f"{tree.where}: no image of the {part} part can be used.")
        arrays[f"{part}_images"], arrays[f"{part}_labels"] = np.stack(images), np.array(labels[part], np.int64)
    return arrays, said


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


def _counted(names: list[str], word: str) -> str:
    return f"{len(names)} {word}" if len(names) == 1 else f"{len(names)} {word}s"


def _are(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"
