"""What a verdict depends on besides the submission, as hashes: results record them, and caching goes by them."""

import contextlib
import functools
import hashlib
import json
import platform
import re
from importlib.metadata import PackageNotFoundError, version

from autograder.checks import own_files
from autograder.course import paths

NOT_IN_VERDICTS = ("bench", "figures")  # folders of this package that grading never uses


def hashes(lesson):
    """{"checks", "grader", "environment"}: SHA-256 of the lesson's checks, of the rest of this package, and of `environment()`."""
    private = [path for (name, _), path in own_files().items() if name == lesson]
    checks = [*_with_borrowed(paths.checks_of(lesson)), paths.CATALOGUE / f"{lesson}.json", *private]
    return {"checks": _hash_of(checks), "grader": _grader(), "environment": _environment()}


def _with_borrowed(folder):
    """The modules of a lesson's checks, and those of other lessons that they import."""
    own = list(folder.rglob("*.py"))
    borrowed = {name for path in own for name in re.findall(r"\bautograder\.checks\.((?:lesson|lab)_\w+)", path.read_text(encoding="utf-8"))}
    return {*own, *(path for name in borrowed for path in (paths.CHECKS / name).rglob("*.py"))}


@functools.cache
def environment():
    """The versions that verdicts could depend on."""
    return {
        "python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}",
        **{name: version(name) for name in ("numpy", "torch", "pytest")}, **_of_files(),
    }  # fmt: skip


def _of_files():
    """The versions that verdicts on files depend on; a bundle for one lesson does without them."""
    found = {}
    for name in ("onnx", "onnxruntime"):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


# The checks are read anew for every submission; the code is what this process has loaded.


@functools.cache
def _grader():
    package = paths.CHECKS.parent
    lessons = [path for kind in ("lesson_*", "lab_*") for path in paths.CHECKS.glob(kind) if path.is_dir()]
    apart = [*lessons, *(package / name for name in NOT_IN_VERDICTS)]
    files = [*package.rglob("*.py"), *package.glob("templates/*.html")]
    return _hash_of(path for path in files if not any(folder in path.parents for folder in apart))


@functools.cache
def _environment():
    return hashlib.sha256(json.dumps(environment(), sort_keys=True).encode()).hexdigest()


def _hash_of(files):
    digest = hashlib.sha256()
    for path in sorted(files):
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()
