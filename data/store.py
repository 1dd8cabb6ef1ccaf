"""Decoded data sets on disk: one `<name>.npz` of plain arrays (no pickles) in the data root."""

import json
import zipfile
from pathlib import Path

import numpy as np

from course_data.errors import UserError
from course_data.files import beside
from course_data.root import data_root
from course_data.specs import Spec

KEYS = ("train_images", "train_labels", "test_images", "test_labels")


def path_of(facts: Spec) -> Path:
    return data_root() / f"{facts.name}.npz"


def read(facts: Spec) -> tuple[dict[str, np.ndarray], dict]:
    """The arrays of a data set and what is known about them (title, source, fingerprint).

    Raises UserError if the data set is not there, or its file is damaged.
    """
    path = path_of(facts)
    if not path.is_file():
        raise UserError(
            f"{facts.title} is not on this machine yet (looked in {data_root()}).\n"
            f"Download it with `course data get {facts.name}`, "
            "or import an archive you already have with `course data add ARCHIVE`."
        )
    try:
        with np.load(path, allow_pickle=False) as file:
            about = json.loads(str(file["about"]))
            arrays = {key: file[key] for key in KEYS}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(
            f"The stored copy of {facts.title} is damaged ({path}: {error}).\n"
            f"Delete that file, then run `course data get {facts.name}` or `course data add ARCHIVE`."
        ) from error
    return arrays, about


def about(facts: Spec) -> dict | None:
    """What is known about the stored data set without reading its pixels; None if absent or unreadable."""
    try:
        with np.load(path_of(facts), allow_pickle=False) as file:
            return json.loads(str(file["about"]))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def write(facts: Spec, arrays: dict[str, np.ndarray], about: dict) -> Path:
    """Store a data set. Whoever looks sees the old file or the new one, never half of one."""
    path = path_of(facts)
    with beside(path) as temporary, open(temporary, "wb") as file:
        chosen = {key: arrays[key] for key in KEYS}
        np.savez(file, about=np.array(json.dumps(about)), **chosen)  # type: ignore[arg-type]  # none of the names is allow_pickle
    return path
