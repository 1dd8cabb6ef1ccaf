"""Whose file it is, from the names that other systems give what was handed in: Canvas, Moodle, Blackboard, ILIAS.

Each puts the student in front and the student's own name for the file at the end. So a name is read from the front: what stands
behind was chosen by the student, and may look like another student's name.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Owner:
    """`student` is the name in the gradebook, `number` the system's own; of `attempt`s the largest is the last. `file` is what the
    student had called it.
    """

    system: str
    student: str
    number: str
    attempt: tuple = ()
    file: str = ""

    @property
    def who(self) -> tuple[str, str, str]:
        """What two files of one student have in common."""
        return self.system, self.student, self.number


# lovelaceada_LATE_12345_67890_name-2.ipynb: student, upload, and how often the student had uploaded that name before
CANVAS = re.compile(r"(?P<name>.+?)(?:_LATE)?_(?P<number>\d+)_(?P<upload>\d{3,})_(?P<file>.+)")
# "Ada Lovelace_1234567_assignsubmission_file_" is a folder, or stands before the name of a file
MOODLE = re.compile(r"(?P<name>.+?)_(?P<number>\d+)_assignsubmission_(?P<kind>file|onlinetext)(?:_(?P<file>.*))?")
# "Homework 1_alovelace_attempt_2026-11-30-10-11-12_name.ipynb"
BLACKBOARD = re.compile(r"(?P<name>.+?)_attempt_(?P<time>\d{4}(?:-\d\d){5})(?P<file>_.+|\.txt)")
# the folder Lovelace_Ada_alovelace_12345; in it, 20261130101112_name.ipynb
ILIAS = re.compile(r"(?P<last>[^_]+)_(?P<first>.+)_(?P<login>[^_]+)_(?P<number>\d+)")
UPLOADED = re.compile(r"(?P<time>20\d{12})_(?P<file>.+)")
AGAIN = re.compile(r"(?P<stem>.+)-(?P<times>\d{1,3})(?P<ending>\.\w+)")


def of_file(name: str) -> Owner | None:
    """The `Owner` of a file with that name, or None where no system has named it."""
    if found := MOODLE.fullmatch(name):
        return Owner("Moodle", found["name"], found["number"], (), found["file"] or "")
    if found := BLACKBOARD.fullmatch(name):
        # Before the student stands the assignment's name, which may hold the same sign: the whole is the number.
        return Owner("Blackboard", found["name"].rpartition("_")[2], found["name"], (found["time"],), found["file"].removeprefix("_"))
    if found := CANVAS.fullmatch(name):
        times = int(again["times"]) if (again := AGAIN.fullmatch(found["file"])) else 0
        return Owner("Canvas", f"{found['name']}_{found['number']}", found["number"], (int(found["upload"]), times), found["file"])
    return None


def with_whole_logins(owners: Iterable[Owner], notes: Mapping[Owner, str]) -> dict[Owner, Owner]:
    """Blackboard's owner -> the owner with its whole login. Before it stands the assignment's name, the same in the whole folder, and both may hold
    the sign between them.

    `notes` (owner -> text) are Blackboard's own files, whose first line ends with the login. Without them the assignment's name is what all have in
    common. Where all are one student's, nothing tells, and the last part stays.
    """
    numbers = {owner.number for owner in owners}
    told = {owner.number: found[1] for owner, text in notes.items() if (found := re.match(r"Name: .*\(([^()\s]+)\)\s*(?:\n|$)", text))}
    starts = {number[: -len(login)] for number, login in told.items() if number.endswith(f"_{login}")}
    if len(starts) == 1:
        start = starts.pop()
    else:
        parts = [number.split("_")[:-1] for number in numbers]
        common = os.path.commonprefix(parts) if len(numbers) > 1 else []
        start = "".join(f"{part}_" for part in common)
    whole = {number: number[len(start) :] for number in numbers if start and number.startswith(start) and number != start}
    return {owner: replace(owner, student=whole.get(owner.number, owner.student)) for owner in owners}


def of_folder(name: str) -> Owner | None:
    """The `Owner` of a folder with that name, or None where no system has named it."""
    if (found := MOODLE.fullmatch(name)) and not found["file"]:
        return Owner("Moodle", found["name"], found["number"])
    if found := ILIAS.fullmatch(name):
        return Owner("ILIAS", found["login"], found["number"])
    return None


def uploaded(name: str) -> tuple[str, str]:
    """(time, name) of a file in a student's folder, as ILIAS puts it before the name; ("", name) of any other."""
    found = UPLOADED.fullmatch(name)
    return (found["time"], found["file"]) if found else ("", name)


def first_name(name: str) -> str:
    """What the student had called a file before Canvas counted uploads of one name: int8.onnx for int8-1.onnx."""
    found = AGAIN.fullmatch(name)
    return found["stem"] + found["ending"] if found else name
