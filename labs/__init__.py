"""The compression studio: `run_lab(data, out, seed)` in one go, `Studio(data, out, seed)` step by step."""

import importlib
from typing import Any

_HOMES = {
    "run_lab": "studio.steps",
    "Studio": "studio.steps",
    "Settings": "studio.settings",
    "SETTINGS": "studio.settings",
    "Shape": "networks.convnet",
    "Recipe": "methods.training",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    """Import on first use: `course --help` should not wait for torch."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"course_labs.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'course_labs' has no attribute {name!r}")
