"""Pictures that come as arrays: IDX files, as MNIST and its relatives have them, and NumPy's .npz."""

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from course_data.archives import MAX_BYTES, web_page
from course_data.errors import UserError

KINDS = {"images": "images-idx3-ubyte", "labels": "labels-idx1-ubyte"}
PREFIXES = {"train": ("train",), "test": ("t10k", "test")}
NPZ_LAYOUT = (
    "It should hold images and labels, either as train_images, train_labels, test_images, test_labels (x_train, y_train, x_test, y_test do, too; "
    "val_images if you have them) or as images, labels: images uint8 (N, H, W), (N, H, W, 3) or (N, 3, H, W), labels (N,)."
)


@dataclass
class Arrays:
    """`images[part]` uint8 (N, C, H, W), `labels[part]` int64 (N,) as indices of `classes`; `said` are lines for whoever started it."""

    images: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]
    classes: tuple[str, ...]
    said: list[str] = field(default_factory=list)


def idx(content: bytes, dimensions: int, where: str) -> np.ndarray:
    """Decode an IDX file of unsigned bytes: 0x0000, type 0x08, number of dimensions, big-endian sizes, then data. Raises UserError."""
    header = 4 + 4 * dimensions
    if len(content) < header or content[:4] != bytes((0, 0, 8, dimensions)):
        kind = "It is a web page: the download gave a page instead of the file." if web_page(content) else "It is none."
        raise UserError(f"{where}: a file does not begin like an IDX file of MNIST. {kind}")
    shape = struct.unpack(f">{dimensions}I", content[4:header])
    if len(content) - header != int(np.prod(shape)):
        raise UserError(f"{where}: an IDX file holds {len(content) - header:,} bytes of data, its header says {shape}.")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def unpacked(content: bytes, name: str, where: str) -> bytes:
    """What a file called .gz holds; a browser may have unpacked it and left it its name. Raises UserError for a damaged one."""
    if content[:2] != b"\x1f\x8b":
        if web_page(content):
            raise UserError(f"{where}: {name} is a web page: the download gave a page instead of the file. Fetch it again.")
        return content
    try:
        plain = gzip.GzipFile(fileobj=io.BytesIO(content)).read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{where}: {name} is damaged ({error}). Fetch it again.") from error
    if len(plain) > MAX_BYTES:
        raise UserError(f"{where}: {name} unpacks to more than {MAX_BYTES >> 20} MiB and is refused.")
    return plain


def idx_files(names: Iterable[str]) -> dict[tuple[str, str], str]:
    """{("train", "images"): name, ...} among `names`: train-images-idx3-ubyte, also with a dot for the dash, a word before it, or .gz."""
    found: dict[tuple[str, str], str] = {}
    for name in sorted(names):
        base = name.rsplit("/", 1)[-1].removesuffix(".gz").replace(".idx", "-idx")
        for kind, ending in KINDS.items():
            for part, prefixes in PREFIXES.items():
                if any(base.endswith(f"{prefix}-{ending}") for prefix in prefixes):
                    found.setdefault((part, kind), name)
    return found


def from_idx(files: dict[tuple[str, str], str], read: Callable[[str], bytes], where: str) -> Arrays:
    """The data set in four IDX files. Its classes are called after their labels. Raises UserError where one is missing or damaged."""
    missing = [f"{PREFIXES[part][0]}-{KINDS[kind]}" for part in PREFIXES for kind in KINDS if (part, kind) not in files]
    if missing:
        raise UserError(f"{where} holds IDX files but lacks {', '.join(missing)}.")
    content = {key: unpacked(read(name), name, where) for key, name in files.items()}
    images = {part: idx(content[part, "images"], 3, f"{where}: {files[part, 'images']}")[:, None] for part in PREFIXES}
    labels = {part: idx(content[part, "labels"], 1, f"{where}: {files[part, 'labels']}") for part in PREFIXES}
    return _numbered(images, labels, None, where)


def from_npz(content: bytes, where: str) -> Arrays:
    """The data set in an .npz file. Raises UserError where it holds something else, or objects that would have to be unpickled."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files if file.zip.getinfo(f"{key}.npy").file_size <= MAX_BYTES}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{where} cannot be read: {str(error).splitlines()[0]}. {NPZ_LAYOUT}") from None
    images, labels, said = {}, {}, []
    for part in ("train", "val", "test"):
        pictures = _first(arrays, f"{part}_images", f"x_{part}", f"X_{part}", f"{part}_x")
        answers = _first(arrays, f"{part}_labels", f"y_{part}", f"Y_{part}", f"{part}_y")
        if pictures is not None and answers is not None:
            images[part], labels[part] = pictures, answers
    if not images:
        pictures, answers = _first(arrays, "images", "x", "X", "arr_0"), _first(arrays, "labels", "y", "Y", "arr_1")
        if pictures is None or answers is None:
            raise UserError(f"{where} holds {', '.join(sorted(arrays)) or 'nothing'}. {NPZ_LAYOUT}")
        images["train"], labels["train"] = pictures, answers
    if "train" not in images or (len(images) > 1 and "test" not in images and "val" not in images):
        raise UserError(f"{where} has no images for training. {NPZ_LAYOUT}")
    if "val" in images and "test" not in images:
        said.append("There is no test part: val is the test, and validation images are taken from train.")
        images["test"], labels["test"] = images.pop("val"), labels.pop("val")
    plain = {part: _as_bytes(pictures, f"{where}: the {part} images", said) for part, pictures in images.items()}
    names = arrays.get("classes")
    found = _numbered(plain, labels, None if names is None else [str(name) for name in names.ravel()], where)
    found.said = said
    return found


def _first(arrays: dict[str, np.ndarray], *names: str) -> np.ndarray | None:
    return next((arrays[name] for name in names if name in arrays), None)


def _as_bytes(images: np.ndarray, what: str, said: list[str]) -> np.ndarray:
    """uint8 (N, C, H, W)."""
    if images.ndim == 3:
        images = images[:, None]
    elif images.ndim == 4 and images.shape[-1] in (1, 3) and images.shape[1] not in (1, 3):
        images = images.transpose(0, 3, 1, 2)
    if images.ndim != 4 or images.shape[1] not in (1, 3) or not len(images):
        raise UserError(f"{what} have the shape {images.shape}. {NPZ_LAYOUT}")
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind not in "biuf" or not np.isfinite(images).all() or images.min() < 0 or images.max() > 255:
        raise UserError(f"{what} are {images.dtype} and not numbers from 0 to 255. {NPZ_LAYOUT}")
    if images.dtype.kind in "bf" and images.max() <= 1:
        said.append(f"{what.rsplit(': ', 1)[-1]} are {images.dtype} from 0 to 1: spread over 0 to 255.".capitalize())
        images = images * 255.0
    return np.rint(images).astype(np.uint8)


def _numbered(images: dict[str, np.ndarray], labels: dict[str, np.ndarray], names: list[str] | None, where: str) -> Arrays:
    """With labels from 0, in the order of the values that occur."""
    flat = {}
    for part, values in labels.items():
        values = values.ravel() if values.ndim == 2 and values.shape[1] == 1 else values
        if values.shape != (len(images[part]),) or values.dtype.kind not in "iuUSb":
            raise UserError(
                f"{where}: {len(images[part]):,} {part} images need as many labels (N,), whole numbers or words; there are {values.shape}."
            )
        flat[part] = values.astype(str) if values.dtype.kind in "SU" else values.astype(np.int64)
    values = np.unique(np.concatenate(list(flat.values())))
    if len(values) < 2:
        raise UserError(f"{where} has one class only. To tell classes apart takes two.")
    whole = values.dtype.kind == "i"
    classes = tuple(names[value] if names and whole and 0 <= value < len(names) else str(value) for value in values)
    return Arrays(images, {part: np.searchsorted(values, each).astype(np.int64) for part, each in flat.items()}, classes)
