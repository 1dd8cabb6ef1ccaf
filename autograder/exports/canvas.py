"""`--to canvas`: the CSV file that Canvas's gradebook imports.

Its first columns say who a student is, and must end with Section; then one column for each assignment, and a row
"Points Possible". Canvas knows an assignment by `Title (id)` and a student by its ID or SIS ID. Only a file that
Canvas exported has these, so take one as the roster; without it, Canvas asks where each column belongs.
"""

import csv
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from autograder.course import catalogue, inert
from autograder.exports import Export, ExportError, Options, points_that_count, waiting
from autograder.grading.submission import Result
from course_data.files import write_whole

STUDENT = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
KEYS = ("SIS Login ID", "SIS User ID", "ID", "Student")
POSSIBLE = "    Points Possible"


def write(results: Sequence[Result], target: Path, options: Options) -> Export:
    """Write the gradebook to the file `target`: only the columns of the graded lessons and students with results."""
    lessons = list(dict.fromkeys(r.lesson for r in results))
    students = list(dict.fromkeys(r.student for r in results))
    points = {(r.student, r.lesson): round(points_that_count(r, options), 2) for r in results}
    if options.roster:
        roster = _Roster(options.roster)
        head, possible, who, notes = roster.head, roster.label, *roster.rows_of(students)
        columns = {lesson: roster.column(lesson, options.columns.get(lesson)) for lesson in lessons}
        notes += [
            f"{options.roster} has no column for {lesson}: Canvas will ask whether {columns[lesson]!r} is a new assignment. "
            f'To use an existing one, give --column "{catalogue.short(lesson)}=NAME (ID)".'
            for lesson in lessons
            if columns[lesson] not in roster.header
        ]
        for lesson in lessons:
            roster.same_points(columns[lesson], lesson)
    else:
        head, possible = list(STUDENT), POSSIBLE
        notes = ["Without --roster, Canvas matches students by their SIS Login ID: here the names of their folders."]
        who = {student: [student, "", "", student, ""] for student in students}
        columns = {lesson: options.columns.get(lesson) or _title(lesson) for lesson in lessons}
    rows = [
        [*head, *columns.values()],
        [possible, *[""] * (len(head) - 1), *(_number(catalogue.lessons()[lesson].points) for lesson in lessons)],
    ]
    rows += [[*who[student], *(_number(points.get((student, lesson))) for lesson in lessons)] for student in students if student in who]
    write_whole(target, inert.csv_of(rows, lineterminator="\r\n"))
    written = [r for r in results if r.student in who]
    return Export(notes + waiting(written), written)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.15g}"


def _title(lesson: str) -> str:
    return catalogue.heading(catalogue.lessons()[lesson])


class _Roster:
    """A gradebook that Canvas exported."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            rows = inert.rows_of(self.path.read_bytes())
        except OSError as problem:
            raise ExportError(f"{path} cannot be read: {problem.strerror}.") from None
        except (UnicodeDecodeError, csv.Error) as problem:
            raise ExportError(f"{path} is not a CSV file ({problem}). Export the gradebook from Canvas and give that file.") from None
        self.header = rows[0] if rows else []
        if "ID" not in self.header[:3] or "Section" not in self.header:
            raise ExportError(
                f"{path}, line 1: this is not a gradebook of Canvas: it needs the columns Student, ID and Section. "
                "In Canvas: Grades > Export > Export Entire Gradebook."
            )
        self.width = self.header.index("Section") + 1
        self.head = self.header[: self.width]
        rows = [row for row in rows[1:] if any(cell.strip() for cell in row)]
        # A row without an ID says something about the assignments (points, posting), not about a student. Canvas translates its name.
        self.rows = [row for row in rows if len(row) >= self.width and any(self._keys(row))]
        about = [row for row in rows if row not in self.rows and row[0].strip()]
        self.possible = next((row for row in about if "points possible" in row[0].casefold()), next(iter(about), []))
        self.label = self.possible[0] if self.possible else POSSIBLE

    def _keys(self, row: list[str]) -> list[str]:
        return [inert.key(row[self.header.index(key)]) for key in KEYS[:3] if key in self.head]

    def rows_of(self, students: Sequence[str]) -> tuple[dict[str, list[str]], list[str]]:
        """(student -> the cells that say who it is in Canvas, notes about those who were not found). Raises where nobody is."""
        who, lost = {}, []
        taken: dict[tuple[str, ...], str] = {}
        for student in students:
            row = self._find(student)
            if row is None:
                lost.append(student)
                continue
            other = taken.setdefault(tuple(self._keys(row)), student)
            if other != student:
                raise ExportError(f"{self.path}: {other} and {student} are both the student {row[0]!r} there. Rename one folder.")
            who[student] = row[: self.width]
        shown = f"{', '.join(lost)}. A folder must be named like the SIS Login ID, SIS User ID or ID, e.g. {self._example()}."
        if students and not who:
            raise ExportError(f"Nothing was written: none of the {len(students)} students here is in {self.path}: {shown}")
        notes = [f"Not in {self.path}, so not in the export: {len(lost)} of {len(students)} students: {shown}"] if lost else []
        return who, notes

    def _example(self) -> str:
        """How a folder could be named."""
        found = [row[self.header.index(key)] for key in KEYS[:3] if key in self.head for row in self.rows[:1]]
        return next((repr(each) for each in found if each.strip()), "the part before the @")

    def _find(self, student: str) -> list[str] | None:
        """The row of a student: by login, SIS ID, ID, name, or the part of a login before the @; by the ID that a file handed in
        through Canvas has behind the name.
        """
        name = inert.key(student)

        def has_it_at(place: int) -> Callable[[list[str]], bool]:
            return lambda row: inert.key(row[place]) == name

        tests = [has_it_at(self.head.index(key)) for key in KEYS if key in self.head]
        if "SIS Login ID" in self.head:
            login = self.head.index("SIS Login ID")
            tests.append(lambda row: inert.key(row[login]).partition("@")[0] == name)
        tests.append(lambda row: inert.key(" ".join(reversed(row[0].split(",", 1)))) == name)
        words, _, number = name.rpartition("_")
        if words and number.isdigit():
            tests.append(lambda row: row[self.head.index("ID")].strip() == number)
        for test in tests:
            found = [row for row in self.rows if test(row)]
            # A student in two sections has two rows with the same ID.
            if len({tuple(self._keys(row)) for row in found}) > 1:
                raise ExportError(
                    f"{self.path}: {student} could be {found[0][0]!r} or {found[1][0]!r}. Name the folder like the SIS Login ID."
                )
            if found:
                return found[0]
        return None

    def column(self, lesson: str, wanted: str | None) -> str:
        """The name of the lesson's column: as given (a name, a title or an id), else one with the lesson's name or title, else a new one."""
        columns = self.header[self.width :]
        if wanted:
            found = [name for name in columns if wanted in (name, *_parts(name))]
            if not found:
                raise ExportError(f"{self.path} has no column {wanted!r}. The columns are: " + ", ".join(map(repr, columns[:20])))
        else:
            ours = {inert.key(text) for text in (lesson, _title(lesson), catalogue.lessons()[lesson].title)}
            found = [name for name in columns if inert.key(_parts(name)[0]) in ours]
        if len(found) > 1:
            number = _parts(found[0])[1] or "ID"
            raise ExportError(
                f"{self.path} has {len(found)} columns for {wanted or lesson!r}: {', '.join(map(repr, found))}. "
                f'Say which one is meant by its id, e.g. --column "{catalogue.short(lesson)}={number}".'
            )
        return found[0] if found else _title(lesson)

    def same_points(self, column: str, lesson: str) -> None:
        """Raise where Canvas counts the assignment in other points: the numbers would mean something else there."""
        if column not in self.header or len(self.possible) <= self.header.index(column):
            return
        shown, ours = self.possible[self.header.index(column)].strip(), catalogue.lessons()[lesson].points
        try:
            same = float(shown.replace(",", ".")) == ours
        except ValueError:
            same = not shown
        if not same:
            raise ExportError(
                f"{self.path}: {column!r} has {shown} points in Canvas and {ours:g} here. Set the assignment's points in Canvas to {ours:g} "
                "(its weight in the final grade can stay what it is), and export the gradebook again."
            )


def _parts(column: str) -> tuple[str, str]:
    """(title, id) of a column as Canvas names it; the id is empty where there is none."""
    found = re.fullmatch(r"(.+) \((\d+)\)", column)
    return (found[1], found[2]) if found else (column, "")
