"""Finding the submissions in the folder of a class: nbgrader's layout, notebooks side by side, and what other systems give out."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from autograder.course import catalogue, inert, system_names
from autograder.course.handed_in import ENDING
from autograder.course.notebooks import MAX_BYTES, lesson_in
from autograder.course.system_names import Owner
from autograder.grading import unpacking
from course_data.errors import UserError


class ClassroomError(UserError):
    """A mistake of the instructor's: the message says what was wrong and what to do."""


@dataclass(frozen=True)
class Entry:
    """One submission to grade. `path` is None where a student's folder holds no notebook."""

    student: str
    lesson: str
    path: Path | None
    problem: str = ""


class Found(NamedTuple):
    """The entries, in order; (path, why) of what was passed over; and sentences for the instructor."""

    entries: list[Entry]
    passed_over: list[tuple[Path, str]]
    notes: list[str]


ARCHIVES = (".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz")
EXPECTED = "Expected <student>/<lesson>/<notebook>.ipynb, or .ipynb files side by side, or the unpacked download of Canvas, Moodle, Blackboard or ILIAS."


def find_submissions(folder: str | Path, unpack_to: Path | None = None) -> Found:
    """What is `Found` in `folder`. Raises `ClassroomError`.

    Takes nbgrader's layout, `<student>/<lesson>/<notebook>.ipynb`, a student's folder with notebooks in it, or notebooks side by
    side, where the student is the file's name (less the lesson's name, where it stands in it). Where another system has named files or
    folders (`hand_in`), the student is the one it names, and the last attempt counts. No link is followed: it could lead to another
    student's work. A student's zip counts as a folder; it is unpacked below `unpack_to` (None: it is passed over).
    """
    folder = Path(folder)
    if not folder.is_dir():
        hint = " It is an archive: unpack it, and give the folder." if folder.suffix in ARCHIVES and folder.exists() else ""
        raise ClassroomError(f"{folder} is not a folder. Give the folder that holds the submissions.{hint}")
    look = _Look(unpack_to)
    for path in look.listed(folder):
        look.at(path)
    entries = look.settled()
    if not entries:
        packed = next((path for path, _ in look.passed_over if path.suffix in ARCHIVES), None)
        raise ClassroomError(
            f"{folder} holds no submissions. {EXPECTED}" + (f" {packed.name} is an archive: unpack it first." if packed else "")
        )
    entries, doubtful = _one_file(entries)
    return Found(entries, look.passed_over, look.notes() + doubtful)


class _Look:
    """A walk through the folder of a class."""

    def __init__(self, unpack_to: Path | None) -> None:
        self.passed_over: list[tuple[Path, str]] = []
        self.found: list[tuple[Entry, Owner | None]] = []
        self.without: dict[Owner, tuple[Path, str]] = {}  # owner -> (path, why)
        self._unpack_to, self._unpacked = unpack_to, 0
        self._notes: dict[Owner, str] = {}  # what Blackboard says of the submission

    def listed(self, folder: Path) -> Iterator[Path]:
        """What lies in `folder`, in order, without hidden files and links."""
        try:
            paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
        except OSError as error:
            self.passed_over.append((folder, f"cannot be read: {error.strerror}"))
            return
        for path in paths:
            if inert.text(path.name) != path.name or set(path.name) & {"\n", "\t"}:
                self.passed_over.append((Path(ascii(str(path))), "its name holds characters that cannot be printed; rename it"))
            elif path.is_symlink():
                self.passed_over.append((path, "a link, so not this student's own work; put the file or folder itself in its place"))
            else:
                yield path

    def at(self, path: Path) -> None:
        """Look at one thing in the folder of the class."""
        if path.is_dir():
            notebook = path.with_name(f"{path.name.removesuffix(ENDING)}.ipynb")
            if path.name.endswith(ENDING) and notebook.exists():
                return  # handed in with the notebook of that name
            owner = system_names.of_folder(path.name)
            self.folder_of_system(path, owner) if owner and not self.has_lessons(path) else self.folder_of_student(path)
            return
        owner = system_names.of_file(path.name)
        if path.suffix == ".ipynb" and path.is_file():
            student = owner.student if owner else ""
            self.notebook(path, student, owner)
        elif owner and self.is_zip(path):
            self.zip_of(path, owner)
        elif not owner and self.is_zip(path) and self.zip_of_student(path):
            pass
        elif owner and owner.system == "Blackboard" and not path.name.endswith(f"_{owner.file}"):
            self._notes[owner] = _beginning(path)
            self.without.setdefault(owner, (path, "There is no notebook (.ipynb) in this submission."))  # Blackboard's own note
        elif owner:
            self.beside(path, owner, system_names.first_name(owner.file))
        else:
            self.passed_over.append((path, _what(path)))

    def has_lessons(self, folder: Path) -> bool:
        return any((folder / name).is_dir() for name in catalogue.lessons())

    def beside(self, path: Path, owner: Owner, name: str) -> None:
        """A file that is no notebook: handed in with a lab, or nothing of ours."""
        of_a_lab = name in {file for lesson in catalogue.lessons().values() for file in lesson.files}
        if not of_a_lab:
            self.passed_over.append((path, _what(path)))
        said = "" if of_a_lab else f", but {name}, {_what(path)}"
        self.without.setdefault(owner, (path, f"There is no notebook (.ipynb) in this submission{said}."))

    def is_zip(self, path: Path) -> bool:
        return self._unpack_to is not None and path.suffix == unpacking.ENDING and path.is_file()

    def content(self, path: Path) -> Path | None:
        """The folder with what is in the zip at `path`, or None; what it does not hold is told."""
        assert self._unpack_to is not None, "without a place to unpack nothing counts as a zip"
        try:
            folder, left_out = unpacking.unpacked(path, self._unpack_to)
        except (unpacking.CannotUnpack, OSError) as problem:
            self.passed_over.append((path, getattr(problem, "strerror", None) or str(problem)))
            return None
        self._unpacked += 1
        self.passed_over += [(path / name, why) for name, why in left_out]
        return folder

    def zip_of(self, path: Path, owner: Owner) -> None:
        """A student's zip, named by another system."""
        folder = self.content(path)
        if folder is None:
            self.without.setdefault(
                owner,
                (
                    path,
                    f"There is no notebook (.ipynb) in this submission, but {system_names.first_name(owner.file)}, which cannot be unpacked.",
                ),
            )
            return
        self.without.setdefault(owner, (path, "There is no notebook (.ipynb) in this submission: the zip holds none."))
        for notebook in self.notebooks_below(folder):
            self.notebook(notebook, owner.student, replace(owner, file=notebook.name))

    def zip_of_student(self, path: Path, student: str = "") -> bool:
        """A student's zip in a class of our own kind; `student`, or who its name says. False where its name says nothing."""
        lesson = next((each for each in catalogue.lessons() if each in path.stem), "")
        student = student or lesson and re.sub(r"^[_\-. ]+|[_\-. ]+$", "", path.stem.replace(lesson, ""))
        if not student:
            return False
        folder = self.content(path)
        notebooks = self.notebooks_below(folder) if folder else []
        for notebook in notebooks:
            self.notebook(notebook, student, None)
        if not notebooks and lesson:
            why = "There is no notebook (.ipynb) in this submission: the zip holds none, or cannot be unpacked."
            self.found.append((Entry(inert.name(student), lesson, None, why), None))
        return True

    def notebooks_below(self, folder: Path) -> list[Path]:
        return sorted(path for path in folder.rglob("*.ipynb") if path.is_file())

    def folder_of_student(self, folder: Path) -> None:
        """nbgrader's layout: a folder for each lesson; or notebooks right there."""
        student, lessons = inert.name(folder.name), catalogue.lessons()
        for path in self.listed(folder):
            if path.is_dir() and path.name in lessons:
                inside = list(self.listed(path))
                notebooks = [p for p in inside if p.suffix == ".ipynb" and p.is_file()]
                for each in inside if not notebooks else ():
                    if self.is_zip(each) and (content := self.content(each)):
                        notebooks += [p for p in self.notebooks_below(content) if self.lesson_of(p, p.stem) in (path.name, "")]
                named = [p for p in notebooks if p.stem == path.name]
                chosen = next(iter(named or notebooks), None)
                problem = "" if chosen else f"There is no notebook (.ipynb) in the folder {path.name}."
                self.found.append((Entry(student, path.name, chosen, problem), None))
                self.passed_over.extend((p, f"{chosen.name} was graded instead") for p in notebooks if chosen and p != chosen)
            elif path.is_dir() and not (path.name.endswith(ENDING) and path.with_name(f"{path.name.removesuffix(ENDING)}.ipynb").exists()):
                self.passed_over.append((path, f"no lesson is named {path.name}"))
            elif path.suffix == ".ipynb" and path.is_file():
                self.notebook(path, student, None)
            elif self.is_zip(path):
                self.zip_of_student(path, student)
            elif not path.is_dir():
                self.passed_over.append((path, _what(path)))

    def folder_of_system(self, folder: Path, owner: Owner) -> None:
        """A student's folder as Moodle or ILIAS gives it out: notebooks anywhere in it."""
        self.without.setdefault(owner, (folder, "There is no notebook (.ipynb) in this submission."))
        for path in self.listed(folder):
            time, name = system_names.uploaded(path.name)
            if path.is_dir() and not path.name.endswith(ENDING):
                self.folder_of_system(path, owner)
            elif path.suffix == ".ipynb" and path.is_file():
                self.notebook(path, owner.student, replace(owner, attempt=(time,), file=name))
            elif self.is_zip(path):
                self.zip_of(path, replace(owner, attempt=(time,), file=name))
            elif not path.is_dir():
                self.beside(path, owner, name)

    def notebook(self, path: Path, student: str, owner: Owner | None) -> None:
        lessons = catalogue.lessons()
        try:
            lesson = self.lesson_of(path, Path(owner.file).stem if owner else path.stem)
        except OSError as error:
            self.passed_over.append((path, f"cannot be read: {error.strerror}"))
            return
        if lesson not in lessons:
            self.passed_over.append((path, "which lesson it is stands neither in its name nor in the notebook"))
            return
        student = student or re.sub(r"^[_\-. ]+|[_\-. ]+$", "", path.stem.replace(lesson, "")) or path.stem
        self.found.append((Entry(inert.name(student), lesson, path), owner))

    def lesson_of(self, path: Path, name: str) -> str:
        """The lesson of the notebook at `path`, which its student had called `name`, or "". Raises OSError."""
        lesson = next((each for each in catalogue.lessons() if each in name or each == path.parent.name), "")
        return lesson or (lesson_in(path.read_bytes()) if path.stat().st_size <= MAX_BYTES else "") or ""

    def settled(self) -> list[Entry]:
        """One entry for each student and lesson."""
        self.whole_logins()
        self.tell_namesakes_apart()
        chosen: dict[tuple[str, str], tuple[Entry, Owner | None]] = {}
        for entry, owner in self.found:
            key = (entry.student, entry.lesson)
            before = chosen.get(key)
            if before is None:
                chosen[key] = entry, owner
                continue
            comparable = bool(owner) == bool(before[1]) and (
                owner or entry.path is None or before[0].path is None or entry.path.parent == before[0].path.parent
            )
            later = comparable and self.order(entry, owner) > self.order(*before)
            if later:
                chosen[key] = entry, owner
            winner, loser = (entry, before[0]) if later else (before[0], entry)
            which = f"an earlier attempt of {entry.student} for" if owner and before[1] else f"a second submission of {entry.student} for"
            if loser.path:
                self.passed_over.append((loser.path, f"{which} {entry.lesson}; {winner.path} was graded"))
        entries = [entry for entry, _ in chosen.values()]
        # Who handed in something else has a place in the gradebook, too, where it is clear in which lesson.
        lessons = {entry.lesson for entry in entries}
        there = {owner.who for _, owner in self.found if owner}
        for owner, (path, why) in self.without.items():
            if owner.who not in there and len(lessons) == 1:
                there.add(owner.who)
                entries.append(Entry(inert.name(owner.student), next(iter(lessons)), None, why))
            elif owner.who not in there:
                self.passed_over.append((path, why))
        return sorted(entries, key=lambda entry: (entry.student, entry.lesson))

    def order(self, entry: Entry, owner: Owner | None) -> tuple:
        """Of two files of one student for one lesson, the larger counts: the later attempt, else the one that is named like the lesson."""
        name = owner.file if owner else entry.path.name if entry.path else ""
        return entry.path is not None, owner.attempt if owner else (), Path(name).stem == entry.lesson

    def whole_logins(self) -> None:
        owners = {owner for owner in [*(owner for _, owner in self.found if owner), *self.without] if owner.system == "Blackboard"}
        whole = system_names.with_whole_logins(owners, self._notes)
        self.found = [(replace(e, student=inert.name(whole[o].student)), whole[o]) if o in whole else (e, o) for e, o in self.found]
        self.without = {whole.get(owner, owner): said for owner, said in self.without.items()}

    def tell_namesakes_apart(self) -> None:
        """Moodle's numbers belong to one assignment, so a name is enough, unless two have it."""
        numbers: dict[str, set[tuple[str, str]]] = {}
        for owner in [*(owner for _, owner in self.found if owner), *self.without]:
            numbers.setdefault(inert.key(owner.student), set()).add((owner.system, owner.number))
        double = {student for student, known in numbers.items() if len(known) > 1}

        def apart(owner: Owner) -> Owner:
            same = inert.key(owner.student) not in double or owner.student.endswith(f"_{owner.number}")
            return owner if same else replace(owner, student=f"{owner.student}_{owner.number}")

        self.found = [(replace(e, student=inert.name(apart(o).student)), apart(o)) if o else (e, o) for e, o in self.found]
        self.without = {apart(owner): said for owner, said in self.without.items()}

    def notes(self) -> list[str]:
        count: dict[str, int] = {}
        for owner in {owner.who: owner for _, owner in self.found if owner}.values():
            count[owner.system] = count.get(owner.system, 0) + 1
        zips = [f"{self._unpacked} zip{'s' if self._unpacked > 1 else ''} unpacked in {self._unpack_to}"] if self._unpacked else []
        return [
            f"{number} student{'s' if number > 1 else ''} as {system} names what was handed in" for system, number in count.items()
        ] + zips


def _beginning(path: Path) -> str:
    try:
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            return file.read(1000)
    except OSError:
        return ""


def _what(path: Path) -> str:
    return "an archive; unpack it in its place" if path.suffix in ARCHIVES else "not a notebook"


def _one_file(entries: Iterable[Entry]) -> tuple[list[Entry], list[str]]:
    """(the entries without notebooks that are one file on the disk, sentences on these).

    A hard link looks like a file. Whose work it is cannot be seen, so it is nobody's until the instructor has looked.
    """
    same: dict[tuple[int, int], list[Entry]] = {}
    for entry in entries:
        try:
            about = entry.path.stat() if entry.path else None
        except OSError:
            about = None
        if about and about.st_nlink > 1:
            same.setdefault((about.st_dev, about.st_ino), []).append(entry)
    groups = [group for group in same.values() if len(group) > 1]
    why = "This notebook is one file on the disk with another student's (a hard link), so whose work it is cannot be seen. Your instructor looks into it."
    doubtful = {entry: replace(entry, path=None, problem=why) for group in groups for entry in group}
    notes = [
        f"not graded: {', '.join(str(entry.path) for entry in group)} are one file on the disk (hard links). "
        "Find out whose work it is, and put a copy in the place of the link."
        for group in groups
    ]
    return [doubtful.get(entry, entry) for entry in entries], notes
