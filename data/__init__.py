"""The course's data sets: `load(name)`, `status()`, `get(name)`, `add(path)`, `data_root()`.

Images are uint8 tensors (N, C, H, W), labels int64 tensors (N,). One card for each data set is in `data/cards`.
"""

import importlib
from typing import Any

from course_data.errors import UserError
from course_data.root import data_root

_HOMES = {
    "load": "datasets",
    "Dataset": "datasets",
    "Split": "datasets",
    "status": "inventory",
    "get": "download",
    "add": "importing",
    "card": "specs",
}
__all__ = ["UserError", "data_root", *_HOMES]


def __getattr__(name: str) -> Any:
    """Import on first use: `course --help` should not wait for torch."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"course_data.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'course_data' has no attribute {name!r}")
