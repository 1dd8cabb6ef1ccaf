"""`--to canvas`: the CSV file that Canvas's gradebook imports.

Its first columns say who a student is, and must end with Section; then one column for each assignment, and a row
"Points Possible". Canvas knows an assignment by `Title (id)` and a student by its ID or SIS ID. Only a file that
Canvas exported has these, so take one as the roster; without it, Canvas asks where each column belongs.
"""

import csv
import io
from pathlib import Path

from autograder import catalogue
from autograder.classroom import no_formula
from autograder.exports import ExportError, clean, points_that_count, waiting
from course_data.files import write_whole

STUDENT = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
# What may stand before the assignments in a file that Canvas exported.
INFO = {*STUDENT, "LastName", "FirstName", "Integration ID", "Root Account"}
KEYS = ("SIS Login ID", "SIS User ID", "ID", "Student")


def write(results, target, options):
    """Write the gradebook to the file `target`: only the columns of the graded lessons and students with results."""
    lessons = list(dict.fromkeys(r.lesson for r in results))
    students = list(dict.fromkeys(r.student for r in results))
    points = {(r.student, r.lesson): f"{round(points_that_count(r, options), 2):.15g}" for r in results}
    if options.roster:
        roster = _Roster(options.roster)
        head, who, notes = roster.head, *roster.rows_of(students)
        columns = {lesson: roster.column(lesson, options.columns.get(lesson)) for lesson in lessons}
        notes += [
            f"{options.roster} has no column for {lesson}: Canvas will ask whether {columns[lesson]!r} is a new assignment. "
            f'To use an existing one, give --column "{catalogue.short(lesson)}=NAME (ID)".'
            for lesson in lessons if columns[lesson] not in roster.header
        ]  # fmt: skip
        for lesson in lessons:
            roster.same_points(columns[lesson], lesson)
    else:
        head, notes = list(STUDENT), ["Without --roster, Canvas matches students by their SIS Login ID: here the names of their folders."]
        who = {student: [no_formula(clean(student)), "", "", no_formula(clean(student)), ""] for student in students}
        columns = {lesson: options.columns.get(lesson) or _title(lesson) for lesson in lessons}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*head, *columns.values()])
    possible = ["    Points Possible", *[""] * (len(head) - 1)]
    writer.writerow([*possible, *(f"{catalogue.lessons()[lesson].points:g}" for lesson in lessons)])
    for student in students:
        if student in who:
            writer.writerow([*who[student], *(points.get((student, lesson), "") for lesson in lessons)])
    write_whole(target, text.getvalue())
    return notes + waiting(results)


def _title(lesson):
    return catalogue.heading(catalogue.lessons()[lesson])


class _Roster:
    """A gradebook that Canvas exported."""

    def __init__(self, path):
        self.path = Path(path)
        try:
            text = self.path.read_text(encoding="utf-8-sig")
            first = text.partition("\n")[0]
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=";" if first.count(";") > first.count(",") else ","))
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
        self.possible = next((row for row in rows if "Points Possible" in row[0]), [])
        # A row without an ID says something about the assignments (points, posting), not about a student.
        self.rows = [row for row in rows if row is not self.possible and len(row) >= self.width and any(self._keys(row))]

    def _keys(self, row):
        return [row[self.header.index(key)].strip().casefold() for key in KEYS[:3] if key in self.head]

    def rows_of(self, students):
        """(student -> the cells that say who it is in Canvas, notes about those who were not found)."""
        who, lost, taken = {}, [], {}
        for student in students:
            row = self._find(student)
            if row is None:
                lost.append(student)
                continue
            other = taken.setdefault(tuple(row[: self.width]), student)
            if other != student:
                raise ExportError(f"{self.path}: {other} and {student} are both the student {row[0]!r} there. Rename one folder.")
            who[student] = row[: self.width]
        if lost:
            shown = ", ".join(lost[:5]) + (f" and {len(lost) - 5} more" if len(lost) > 5 else "")
            return who, [f"Not in {self.path}, so not in the export: {shown}. A folder must be named like the SIS Login ID, SIS User ID or ID."]
        return who, []

    def _find(self, student):
        """The row of a student: by login, SIS ID, ID, name, or the part of a login before the @."""
        name = student.strip().casefold()
        tests = [lambda row, i=self.head.index(key): row[i].strip().casefold() == name for key in KEYS if key in self.head]
        if "SIS Login ID" in self.head:
            login = self.head.index("SIS Login ID")
            tests.append(lambda row: row[login].strip().casefold().partition("@")[0] == name)
        for test in tests:
            found = [row for row in self.rows if test(row)]
            # A student in two sections has two rows with the same ID.
            if len({tuple(self._keys(row)) for row in found}) > 1:
                raise ExportError(f"{self.path}: {student} could be {found[0][0]!r} or {found[1][0]!r}. Name the folder like the SIS Login ID.")
            if found:
                return found[0]
        return None

    def column(self, lesson, wanted):
        """The name of the lesson's column: as given, else one with the lesson's name or title, else a new one."""
        titles = {name: _plain(name) for name in self.header[self.width :]}
        if wanted:
            found = [name for name, title in titles.items() if wanted in (name, title)]
            if len(found) != 1:
                raise ExportError(
                    f"{self.path} has {'no' if not found else 'more than one'} column {wanted!r}. The columns are: "
                    + ", ".join(repr(name) for name in list(titles)[:20])
                )
            return found[0]
        ours = {text.casefold() for text in (lesson, _title(lesson), catalogue.lessons()[lesson].title)}
        return next((name for name, title in titles.items() if title.casefold() in ours), _title(lesson))

    def same_points(self, column, lesson):
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


def _plain(column):
    """A column's title without the id that Canvas puts behind it."""
    title, _, rest = column.rpartition(" (")
    return title if title and rest.endswith(")") and rest[:-1].isdigit() else column
