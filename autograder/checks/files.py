"""Which files hold the checks and the bank of a lesson: the course's, or an instructor's own in their place."""

import functools
import importlib.util
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from autograder.checks import Answer, collecting
from autograder.checks.recalled import answers_in
from autograder.course import catalogue, paths


@dataclass(frozen=True)
class CheckFiles:
    """The files with checks. Handed to whoever runs checks, judges or names a mistake; `COURSE` are the course's own.

    `folder` is where an instructor's files are, or "". `own`: (lesson, "visible", "hidden" or "bank") -> the path of one that stands in for
    the course's. `replaced`: exercise id -> the tuple of `Check`s that it has by these files.
    """

    folder: str = ""
    own: dict[tuple[str, str], Path] = field(default_factory=dict, hash=False)
    replaced: dict[str, tuple[catalogue.Check, ...]] = field(default_factory=dict, hash=False)

    def file_of(self, lesson: str, kind: str) -> Path:
        """Where the checks of `lesson` are; `kind` is "visible", "hidden" or "bank". The file may be missing."""
        return self.own.get((lesson, kind)) or paths.folder_of(lesson) / f"{kind}.py"

    def bank(self, lesson: str) -> tuple[Answer, ...]:
        """Every `Answer` in the bank of `lesson`, in the file's order; in a student's copy, what was recorded of it."""
        path = self.file_of(lesson, "bank")
        if not path.exists():
            path = path.with_name("known.wire")
        return _answers_in(lesson, path, path.stat().st_mtime_ns) if path.exists() else ()

    def lesson(self, name: str) -> catalogue.Lesson:
        """The `Lesson` of that name, its exercises with the checks that they have by these files."""
        lesson = catalogue.lessons()[name]
        return replace(lesson, exercises=tuple(replace(e, checks=self.replaced.get(e.id, e.checks)) for e in lesson.exercises))


COURSE = CheckFiles()


def bank(lesson: str) -> tuple[Answer, ...]:
    """Every `Answer` in the course's own bank of `lesson`."""
    return COURSE.bank(lesson)


@functools.lru_cache(maxsize=32)
def _answers_in(lesson: str, path: Path, changed: int) -> tuple[Answer, ...]:
    """The answers in a file as it was last `changed`: a worker may live longer than that."""
    if path.suffix == ".wire":
        return answers_in(path.read_bytes())
    spec: Any = importlib.util.spec_from_file_location(f"{paths.package_of(lesson)}.bank", path)
    with collecting() as answers:
        module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return tuple(answers)
