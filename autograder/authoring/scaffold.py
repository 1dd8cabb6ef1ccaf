"""`course new`: the folder of a new lesson or lab, copied from `templates/`. It builds as it is, and says what its author must replace.

In a template these words stand for what is the new lesson's own: NEW_NAME, NEW_FOLDER, NEW_NUMBER, NEW_TITLE, and NEW_ID, with which its
exercises begin.
"""

import re
import shutil
import tempfile
from pathlib import Path

from autograder.authoring.packing import need_repository
from autograder.authoring.source import sources
from autograder.course import paths
from course_data.errors import UserError

TEMPLATES = Path(__file__).with_name("templates")
FILES = ("lesson.py", "visible.py", "hidden.py", "bank.py", "figures.py", "__init__.py")
REPLACE = "REPLACE"  # where an author has something to write
FORM = {"lesson": r"\d\d(_[a-z0-9]+)+", "lab": r"[a-z][a-z0-9]*(_[a-z0-9]+)*"}
LIKE = {
    "lesson": "two digits and a topic in small letters, like 07_low_precision",
    "lab": "a topic in small letters, like activation_pruning",
}


class ScaffoldError(UserError):
    """The new lesson cannot be written; the message says why."""


def new(kind: str, name: str) -> Path:
    """Write the folder of a new `kind`, "lesson" or "lab", called `name`. Returns the folder.

    Raises `UserError` where there is no repository, the name is of another form, or something of that name or number is there; then nothing is
    written.
    """
    need_repository()
    if kind not in FORM:
        raise ScaffoldError(f"There is no {kind} to begin. Give lesson or lab: course new lesson 07_low_precision")
    if not re.fullmatch(FORM[kind], name):
        raise ScaffoldError(f"{name!r} is no name of a {kind}. Give {LIKE[kind]}.")
    folder, begin = paths.folder_of(name), first_word(name)
    for other in filter(None, (paths.name_of(path.parent.name) for path in sources())):
        if first_word(other) == begin and other != name:
            raise ScaffoldError(
                f"The exercises of {other} begin with {begin!r}, too. Choose another {'number' if kind == 'lesson' else 'last word'}."
            )
    for path in (folder, paths.notebook_of(name)):
        if path.exists():
            raise ScaffoldError(f"{path.relative_to(paths.REPOSITORY)} is already there. Choose another name.")
    number, topic = ("", name) if kind == "lab" else (name[:2], name[3:])
    words = {
        "NEW_NAME": name,
        "NEW_FOLDER": folder.name,
        "NEW_NUMBER": number,
        "NEW_ID": begin,
        "NEW_TITLE": topic.replace("_", " ").capitalize(),
    }
    _write(TEMPLATES / kind, folder, words)
    return folder


def first_word(name: str) -> str:
    """With what the exercises of a lesson begin: "07_low_precision" -> "7"; of a lab: "activation_pruning" -> "pruning", without digits."""
    if not paths.is_lab(name):
        return str(int(name[:2]))
    letters = [re.sub(r"[^a-z]", "", word) for word in name.split("_")]
    return next((word for word in reversed(letters) if word), name)


def still_to_write() -> list[str]:
    """ "file:line: text" of every line in solutions/ that its author has still to replace."""
    found = []
    for path in sorted(path for source in sources() for path in source.parent.glob("*.py")):
        shown = path.relative_to(paths.REPOSITORY).as_posix()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if re.search(rf"\b{REPLACE}\b", line):
                found.append(f"{shown}:{number}: {line.strip(' #')}")
    return found


def _write(template: Path, folder: Path, words: dict[str, str]) -> None:
    """The template's files with its words replaced: written beside, then renamed, so that no half of a lesson is ever there."""
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        beside.chmod(0o755)
        for file in FILES:
            text = (template / file).read_text(encoding="utf-8")
            for word, own in words.items():
                text = text.replace(word, own)
            (beside / file).write_text(text, encoding="utf-8", newline="\n")
        beside.rename(folder)
    except OSError as problem:
        raise ScaffoldError(f"Cannot write {folder}: {problem.strerror}.") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)
