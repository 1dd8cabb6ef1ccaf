"""An instructor's own checks, kept outside the repository: `course grade --checks DIR`.

A file DIR/lesson_NN/visible.py, hidden.py or bank.py (of a lab: DIR/lab_NAME/...) stands in for the course's own file of that name; what is not
there stays the course's. The hidden checks of an exercise must carry its points, as in the catalogue.
"""

import functools
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from autograder.checks.files import COURSE, CheckFiles
from autograder.checks.listing import checks_in
from autograder.checks.run import CheckFilesBroken, run_checks
from autograder.course import catalogue, paths
from autograder.course.catalogue import Check, Exercise
from autograder.sandbox.launch import seen_from_inside
from course_data.errors import UserError

FILES = ("visible", "hidden", "bank")
Files = dict[tuple[str, str], Path]  # (lesson, one of these) -> where it is


class PrivateChecksError(UserError):
    """The folder of private checks cannot be used as it is."""


def read(folder: str | Path | None) -> CheckFiles:
    """The `CheckFiles` with the checks in `folder` in place of the course's; None or "": the course's own.

    Raises `PrivateChecksError` with every rule that is broken, by file and line.
    """
    if not folder:
        return COURSE
    files = _files(Path(folder))
    return _proved(str(Path(folder).resolve()), tuple(files.items()), _hash_of(files))


@functools.lru_cache(maxsize=8)
def _proved(folder: str, listed: tuple[tuple[tuple[str, str], Path], ...], hashed: str) -> CheckFiles:
    """The same for files as they were when they had that hash: a class asks once for each submission."""
    files = dict(listed)
    wrong, replaced = [], {}
    for name in dict.fromkeys(lesson for lesson, _ in files):
        found, violations = _listed(name, files)
        wrong += violations
        for exercise in catalogue.lessons()[name].exercises:
            mine = found.pop(exercise.id, [])
            if not exercise.by_hand:
                wrong += _broken_rules(files, name, exercise, mine)
                replaced[exercise.id] = tuple(mine)
        wrong += [f"{_place(files, name)}: there is no exercise {each} in {name}" for each in found]
    if wrong:
        raise PrivateChecksError("The private checks break rules; nothing was graded.\n" + "\n".join(wrong))
    proved = CheckFiles(folder, files, replaced)
    _prove_they_load(proved, {lesson for lesson, _ in files})
    return proved


def _hash_of(files: Files) -> str:
    return hashlib.sha256(
        b"".join(f"{key} {path.stat().st_size}".encode() + path.read_bytes() for key, path in sorted(files.items()))
    ).hexdigest()


def _files(folder: Path) -> Files:
    """(lesson, kind) -> path, for every file that stands in for one of the course's."""
    if not folder.is_dir():
        raise PrivateChecksError(f"{folder} is not a folder. Give the folder that holds lesson_01 and so on with --checks.")
    folder = folder.resolve()
    if seen_from_inside(folder):
        raise PrivateChecksError(
            f"{folder} lies where students' code can read it, among the libraries. Move it, e.g. into your home folder."
        )
    by_folder = {folder: name for name in catalogue.lessons() for folder in (_short(name), paths.folder_of(name).name)}
    files = {}
    for path in sorted([*folder.glob("lesson_*"), *folder.glob("lab_*")]):
        if path.name not in by_folder:
            raise PrivateChecksError(
                f"{path}: there is no such lesson. The folders are named {', '.join(map(_short, catalogue.lessons()))}."
            )
        for kind in FILES:
            if (path / f"{kind}.py").is_file():
                files[by_folder[path.name], kind] = path / f"{kind}.py"
    if not files:
        raise PrivateChecksError(f"{folder} holds no checks. Expected lesson_NN/hidden.py, visible.py or bank.py.")
    return files


def _short(lesson: str) -> str:
    """What a lesson's folder may be called here: lesson_01 will do."""
    return paths.folder_of(lesson).name if paths.is_lab(lesson) else f"lesson_{lesson[:2]}"


def _listed(lesson: str, files: Files) -> tuple[dict[str, list[Check]], list[str]]:
    both = [(files.get((lesson, kind)) or COURSE.file_of(lesson, kind), kind == "visible") for kind in ("visible", "hidden")]
    return checks_in([(path, str(path), visible) for path, visible in both])


def _broken_rules(files: Files, lesson: str, exercise: Exercise, mine: list[Check]) -> Iterator[str]:
    hidden = [check for check in mine if not check.visible]
    points = sum(check.points for check in hidden)
    if not hidden:
        yield f"{_place(files, lesson)}: {exercise.id} has no hidden check"
    elif points != exercise.points:
        yield f"{_place(files, lesson)}: the hidden checks of {exercise.id} add up to {points:g} points, the exercise has {exercise.points:g}"


def _place(files: Files, lesson: str) -> Path:
    return files.get((lesson, "hidden")) or files.get((lesson, "visible")) or files[lesson, "bank"]


def _prove_they_load(files: CheckFiles, lessons: Iterable[str]) -> None:
    """Collect the checks and read the banks once, so that a file that does not load is told now, not in every result."""
    for lesson in sorted(lessons):
        try:
            run_checks(lesson, None, seed=0, exercises=(), hidden=True, files=files)
            files.bank(lesson)
        except CheckFilesBroken as problem:
            raise PrivateChecksError(f"{problem}. Repair the file; nothing was graded.") from None
        except Exception as problem:
            raise PrivateChecksError(f"{files.file_of(lesson, 'bank')} does not load: {type(problem).__name__}: {problem}.") from None
