"""What goes into an archive that leaves the house: which modules, with which files beside them, and under which date.

Nothing here is a list of modules: what is needed is read from the import lines of what goes along.
"""

import ast
import functools
import importlib.util
import io
import os
import time
import tomllib
import zipfile
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from autograder.course import paths
from course_data.errors import UserError
from course_data.root import installed

OLDEST = (1980, 1, 1, 0, 0, 0)  # no zip archive can hold an earlier date


class PackingError(UserError):
    """The archive cannot be made; the message says why."""


class NoRepository(UserError):
    """The course was installed without its repository, and this needs files that only the repository has."""


def need_repository() -> None:
    """Raise `NoRepository` where the course runs without its repository: in an installation (`pip install .`), in a students' copy."""
    if installed() or not paths.SOLUTIONS.is_dir():
        raise NoRepository(
            f"This needs the course's repository, with solutions/ in it. The course that runs here, in {paths.REPOSITORY}, came without. "
            "Go to the repository and use its own installation: `make setup`, then .venv/bin/course."
        )


@functools.cache
def project() -> dict[str, Any]:
    """The repository's pyproject.toml as a dict. Raises `NoRepository`."""
    need_repository()
    return tomllib.loads((paths.REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))


def zip_of(files: Mapping[str, bytes], executable: Collection[str] = ()) -> bytes:
    """A zip archive (bytes) of name -> bytes, dated now.

    With SOURCE_DATE_EPOCH (seconds since 1970) in the environment it carries that date: the same files then give the same archive.
    Raises `PackingError` where SOURCE_DATE_EPOCH is no number.
    """
    buffer, date = io.BytesIO(), _date()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, date)
            info.external_attr = (0o755 if name in executable else 0o644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, files[name])
    return buffer.getvalue()


def _date() -> tuple[int, int, int, int, int, int]:
    wanted = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        moment = time.gmtime(int(wanted)) if wanted else time.localtime()
    except (ValueError, OverflowError, OSError):
        raise PackingError(f"SOURCE_DATE_EPOCH={wanted} is no number of seconds since 1970.") from None
    return max((moment.tm_year, moment.tm_mon, moment.tm_mday, moment.tm_hour, moment.tm_min, moment.tm_sec), OLDEST)


def homes() -> dict[str, str]:
    """Import name -> folder in the repository, of every top-level package: the folders carry plain names, the imports do not."""
    return project()["tool"]["setuptools"]["package-dir"]


def package_files(wanted: Callable[[str], bool]) -> dict[str, Path]:
    """Name in the repository -> path: modules and data files of the packages for whose name `wanted` (a function) is true."""
    data, found = project()["tool"]["setuptools"]["package-data"], {}
    for top, home in homes().items():
        for folder in sorted({paths.REPOSITORY / home, *(path.parent for path in (paths.REPOSITORY / home).rglob("__init__.py"))}):
            package = ".".join([top, *folder.relative_to(paths.REPOSITORY / home).parts])
            for pattern in ("*.py", *data.get(package, ())) if wanted(package) else ():
                found.update(
                    {path.relative_to(paths.REPOSITORY).as_posix(): path for path in sorted(folder.glob(pattern)) if path.is_file()}
                )
    return found


def modules_needed(sources: Iterable[str]) -> dict[str, Path]:
    """Name in the repository -> path of every module of the course that `sources` (Python texts) import, and what these import in turn."""
    found, read, waiting = {}, set(), [name for source in sources for name in imported(source)]
    while waiting:
        module = waiting.pop()
        if module in read or module.partition(".")[0] not in homes():
            continue
        read.add(module)
        if "." in module:
            waiting.append(module.rpartition(".")[0])  # Python runs the __init__.py of every package above
        path, package = paths.REPOSITORY / place(module), module
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if not path.is_file():
            continue  # a function or class of the package above
        if path.name != "__init__.py":
            package = module.rpartition(".")[0]
        found[path.relative_to(paths.REPOSITORY).as_posix()] = path
        waiting += imported(path.read_text(encoding="utf-8"), package)
    return found


def imported(source: str, package: str = "") -> list[str]:
    """Dotted names of the modules that a Python text imports anywhere; of what `from a import b` takes, `a` and `a.b`."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            home = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            found += [home, *(f"{home}.{alias.name}" for alias in node.names)]
    return found


def as_imported(name: str) -> str:
    """Where a file of the repository stands on the path that Python imports from: data/files.py -> course_data/files.py."""
    top, home = next((top, home) for top, home in homes().items() if name.startswith(f"{home}/"))
    return top + name.removeprefix(home)


def place(module: str) -> Path:
    """Where a module or package stands in the repository, as a relative path without ending."""
    head, *rest = module.split(".")
    return Path(homes()[head], *rest)
