"""Which picture belongs to which part and class: read from names alone, for a folder and an archive alike."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from course_data.errors import UserError

LAYOUT = (
    "The course reads FOLDER/train/CLASS/IMAGE and FOLDER/test/CLASS/IMAGE (and FOLDER/val/CLASS/IMAGE if you have it), "
    "or FOLDER/CLASS/IMAGE, from which it takes test and validation images itself."
)
PART_NAMES = {
    "train": ("train", "training", "trn"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing", "tst"),
}
PARTS = {name: part for part, names in PART_NAMES.items() for name in names}
SUFFIXES = (".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp")
LEFT_BEHIND = ("thumbs.db", "desktop.ini")  # by file managers
SHOWN = 5  # names in a message


@dataclass
class Sorted:
    """`parts[part][class]` are names of pictures, in order; `said` are lines for whoever started it."""

    parts: dict[str, dict[str, list[str]]]
    said: list[str] = field(default_factory=list)

    @property
    def classes(self) -> list[str]:
        return list(self.parts["train"])


def hidden(name: str) -> bool:
    """Whether a path is one that tools leave behind: `.ipynb_checkpoints/a.png`, `__MACOSX/._a.png`, `Thumbs.db`."""
    return any(part.startswith((".", "__")) for part in name.split("/")) or name.rsplit("/", 1)[-1].lower() in LEFT_BEHIND


def is_picture(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def without_wrapping(names: Iterable[str]) -> str:
    """The folder that all `names` lie in, as "a/b/", as archives have it; empty where taking it away would take the classes, or a part."""
    names, prefix = list(names), ""
    while names:
        tops = {name.split("/", 1)[0] for name in names}
        if len(tops) > 1 or min(name.count("/") for name in names) < 2 or next(iter(tops)).lower() in PARTS:
            break
        prefix += f"{next(iter(tops))}/"
        names = [name.split("/", 1)[1] for name in names]
    return prefix


def sorted_out(names: Sequence[str], folders: Iterable[str], where: str) -> Sorted:
    """Parts, classes and pictures among `names` (paths with forward slashes); `folders` are all folders, the empty ones, too.

    Splits may be called Train, training, testing, valid, dev, ... A folder `train` that holds pictures itself is a class of trains.
    Pictures are in the order in which torchvision's ImageFolder has them. Raises UserError for what cannot be told apart.
    """
    names = [name for name in names if not hidden(name)]
    pictures = [name for name in names if is_picture(name)]
    others = [name for name in names if not is_picture(name)]
    folders = [name for name in folders if not hidden(name)]
    tops = sorted({name.split("/")[0] for name in (*folders, *(p for p in pictures if "/" in p))})
    direct = {name.split("/")[0] for name in pictures if name.count("/") == 1}
    found: dict[str, list[str]] = {}
    for top in tops:
        if top.lower() in PARTS and top not in direct:
            found.setdefault(PARTS[top.lower()], []).append(top)
    said = [f"Left out, for the course reads no such pictures: {some(others)}."] if others else []
    if not found:
        loose = [name for name in pictures if "/" not in name]
        if loose and tops:
            said.append(f"Left out, for they lie in no class: {some(loose)}.")
        return Sorted({"train": _classes(pictures, folders, "", where)}, said)
    for part, several in found.items():
        if len(several) > 1:
            raise UserError(
                f"{where} has more than one folder for {part}: {' and '.join(several)}. Keep one, or put their classes together."
            )
    if "train" not in found or len(found) == 1:
        there = " and ".join(several[0] for several in found.values())
        missing = " and ".join(part for part in ("train", "test") if part not in found)
        raise UserError(f"{where} has a folder {there} but none called {missing}. {LAYOUT}")
    beside = [top for top in tops if [top] not in found.values()]
    loose = [name for name in pictures if name.count("/") < 2 and name.split("/")[0] not in beside]
    if beside:
        said.append(f"Left out, for they lie beside {found['train'][0]}: {some(beside)}.")
    if loose:
        said.append(f"Left out, for they lie in no class: {some(loose)}.")
    parts: dict[str, dict[str, list[str]]] = {
        part: _classes(pictures, folders, f"{found[part][0]}/", where) for part in ("train", "val", "test") if part in found
    }
    if "test" not in parts:
        said.append(f"There is no test folder: {found['val'][0]} is the test, and validation images are taken from {found['train'][0]}.")
        parts["test"] = parts.pop("val")
    for part, classes in parts.items():
        if list(classes) != list(parts["train"]):
            odd = ", ".join(sorted(set(classes) ^ set(parts["train"])))
            raise UserError(f"{where}: train and {part} do not have the same classes; only one of them has {odd}.")
    return Sorted(parts, said)


def some(names: Sequence[str], shown: int = SHOWN) -> str:
    """The first of the names, and how many more there are."""
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")


def _classes(pictures: list[str], folders: list[str], below: str, where: str) -> dict[str, list[str]]:
    """The classes in the folder `below` ("" or "train/") and their pictures. Raises UserError if there are none, or one."""
    place = f"{where}/{below}".rstrip("/")
    inside = [name.removeprefix(below) for name in (*folders, *pictures) if name.startswith(below)]
    names = {name.split("/")[0] for name in inside if "/" in name or not is_picture(name)} - {""}
    classes: dict[str, list[str]] = {name: [] for name in sorted(names)}
    for name in sorted(pictures, key=lambda name: (name.rpartition("/")[0], name.rpartition("/")[2])):
        first, slash, _ = name.removeprefix(below).partition("/")
        if name.startswith(below) and slash:
            classes[first].append(name)
    if not any(classes.values()):
        raise UserError(f"{place} holds no images in subfolders. {LAYOUT}")
    if empty := [name for name, found in classes.items() if not found]:
        raise UserError(f"{place}: no images in {', '.join(empty)}. Each subfolder is a class and needs images (png, jpg, bmp, webp, ...).")
    if len(classes) < 2:
        raise UserError(f"{place} has images of one class only ({next(iter(classes))}). To tell classes apart takes two. {LAYOUT}")
    return classes
