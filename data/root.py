"""Where data sets live on this machine."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


def installed() -> bool:
    """Whether this package was installed away from the course's folder (`pip install .`): then nothing of that folder is around it.

    The folder has another name there; among libraries, a pyproject.toml could be anybody's.
    """
    return Path(__file__).resolve().parent.name != "data"


def data_root() -> Path:
    """The folder that holds the imported data sets; it need not exist yet.

    `$COURSE_DATA` if it is set (a class may share one folder); else `data/cache` of the checkout
    this package was imported from, which git ignores; else, for an installation without a checkout,
    a folder in the user's cache. Never the working directory: a notebook is opened from anywhere.
    """
    chosen = os.environ.get("COURSE_DATA")
    if chosen:
        return Path(chosen).expanduser().resolve()
    if not installed():
        return REPOSITORY / "data" / "cache"
    cache = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".cache"
    return Path(cache) / "compression-course"
