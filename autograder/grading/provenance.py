"""What a verdict depends on besides the submission, as hashes: results record them, and caching goes by them."""

import contextlib
import functools
import hashlib
import json
import platform
import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from autograder.checks.files import COURSE, CheckFiles
from autograder.course import paths

NOT_IN_VERDICTS = (paths.SOURCE, "figures.py")  # of a lesson's folder: no check looks at them


def hashes(lesson: str, files: CheckFiles = COURSE) -> dict[str, str]:
    """{"checks", "grader", "environment"}: SHA-256 of the lesson's checks, of the package `autograder`, and of `environment()`."""
    private = [path for (name, _), path in files.own.items() if name == lesson]
    checks = [*_with_borrowed(paths.folder_of(lesson)), paths.catalogue_of(lesson), *private]
    return {"checks": _hash_of(checks), "grader": _grader(), "environment": _environment()}


def _with_borrowed(folder: Path) -> set[Path]:
    """The modules of a lesson's checks, and those of other lessons that they import."""
    own = _modules(folder)
    borrowed = {name for path in own for name in re.findall(r"\bcourse_lessons\.((?:lesson|lab)_\w+)", path.read_text(encoding="utf-8"))}
    return {*own, *(path for name in borrowed for path in _modules(paths.FOLDERS / name))}


def _modules(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*.py") if path.name not in NOT_IN_VERDICTS]


@functools.cache
def environment() -> dict[str, str]:
    """The versions that verdicts could depend on."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        **{name: version(name) for name in ("numpy", "torch", "pytest")},
        **_of_files(),
    }


def _of_files() -> dict[str, str]:
    """The versions that verdicts on files depend on; a bundle for one lesson does without them."""
    found = {}
    for name in ("onnx", "onnxruntime"):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


# The checks are read anew for every submission; the code is what this process has loaded.


@functools.cache
def _grader() -> str:
    package = paths.REPOSITORY / "autograder"
    return _hash_of([*package.rglob("*.py"), *package.rglob("templates/*.html")])


@functools.cache
def _environment() -> str:
    return hashlib.sha256(json.dumps(environment(), sort_keys=True).encode()).hexdigest()


def _hash_of(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(files):
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()
