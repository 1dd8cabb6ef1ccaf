"""When submissions were handed in: from an instructor's table, nbgrader's timestamps, the files, or an earlier run."""

import csv
import re
from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from autograder.course import catalogue, inert
from autograder.course.handed_in import beside
from autograder.grading.policy import NotKnown, Policy, PolicyError, Times

if TYPE_CHECKING:
    from autograder.grading.submission import Result

EXAMPLE = "e.g. 2026-10-12 23:59"


def submission_times(
    results: Iterable["Result"],
    policy: Policy,
    table: str | Path | None = None,
    file_times: bool = False,
    stamps: bool = False,
    known: Times | None = None,
) -> Times:
    """(student, lesson) -> when it was handed in (aware), as far as known, or `NotKnown`. Raises `PolicyError` on a bad table.

    `table` is a CSV file with the columns student, lesson, submitted; what it says comes first, because it is the instructor's. With
    `stamps`, nbgrader's timestamp.txt beside the notebook is next; then, with `file_times`, the time of the last file handed in. Neither is
    read unless the instructor says that students cannot write there. `known` are times that were recorded before, for what is not there any more.
    """
    listed = _read_table(table, policy.zone) if table else {}
    known, times = known or {}, {}
    for result in results:
        key = (result.student, result.lesson)
        notebook = Path(result.file)
        if key in listed:
            times[key] = listed[key]
        elif result.file and not notebook.exists() and key not in known and result.lesson in policy.deadlines:
            raise PolicyError(
                f"{notebook} is not there, so when it was handed in is not known. Run this where the class was graded, or give --times."
            )
        elif result.file and notebook.exists() and (found := _told(result, notebook, file_times, stamps)):
            times[key] = found
        elif key in known:
            times[key] = known[key]
    return times


def _told(result: "Result", notebook: Path, file_times: bool, stamps: bool) -> datetime | NotKnown | None:
    stamp = notebook.parent / "timestamp.txt"
    why = None
    if stamps:
        # Beside notebooks of several students a timestamp would belong to none of them.
        found = read_stamp(stamp) if notebook.parent.name == result.lesson else NotKnown(f"there is no {stamp.name}.")
        if not isinstance(found, NotKnown):
            return found
        why = found
    if file_times:
        lab = beside(notebook, result.lesson, catalogue.lessons()[result.lesson].files).values()
        return datetime.fromtimestamp(max(path.lstat().st_mtime for path in [notebook, *lab] if path.exists()), UTC)
    return why


def read_stamp(path: Path) -> datetime | NotKnown:
    """The time in nbgrader's timestamp.txt: `2026-10-12 21:58:03.123456 UTC`; without a zone it is UTC, as in nbgrader. Or `NotKnown`."""
    try:
        if path.is_symlink() or not path.is_file():  # a pipe would keep the class waiting
            return NotKnown(f"there is no {path.name}." if not path.exists() else f"{path.name} is not an ordinary file.")
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            text = file.read(100).strip()  # a student may have handed in a file of that name, of any size
        return parse_time(text, UTC)
    except OSError as problem:
        return NotKnown(f"{path.name} cannot be read ({problem.strerror}).")
    except ValueError as problem:
        return NotKnown(f"{path.name}: {problem}")


def recorded(path: str | Path) -> Times:
    """(student, lesson) -> time, as an earlier run has written them to penalties.csv; nothing where there is none."""
    try:
        head, *rows = inert.rows_of(Path(path).read_bytes())
        found = [dict(zip(head, row)) for row in rows]
        return {(row["student"], row["lesson"]): parse_time(row["submitted"], UTC) for row in found if row.get("submitted")}
    except (OSError, ValueError, KeyError, csv.Error):
        return {}


def _read_table(path: str | Path, zone: tzinfo) -> Times:
    try:
        rows = inert.rows_of(Path(path).read_bytes())
    except (OSError, UnicodeDecodeError) as problem:
        raise PolicyError(f"{path} cannot be read: {getattr(problem, 'strerror', None) or 'it is not text in UTF-8'}.") from None
    except csv.Error as problem:
        raise PolicyError(f"{path} is not a CSV file: {problem}.") from None
    header = [name.strip().lower() for name in rows[0]] if rows else []
    missing = [name for name in ("student", "lesson", "submitted") if name not in header]
    if missing:
        raise PolicyError(f"{path}, line 1: there is no column {missing[0]}. The first line must be: student,lesson,submitted")
    times = {}
    for number, row in enumerate(rows[1:], 2):
        where = f"{path}, line {number}"
        if not any(cell.strip() for cell in row):
            continue
        cells = dict(zip(header, (cell.strip() for cell in row)))
        try:
            key = inert.name(cells["student"]), catalogue.lesson_named(cells["lesson"])
            times[key] = parse_time(cells["submitted"], zone)
        except KeyError as name:
            raise PolicyError(f"{where}: there is no {name.args[0]} in this line.") from None
        except ValueError as problem:
            raise PolicyError(f"{where}: {problem}") from None
    return times


# As people write them


def parse_time(text: str, zone: tzinfo) -> datetime:
    """An aware datetime from `2026-10-12 23:59[:ss][ zone or offset]`; ValueError says what is wrong with it."""
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d)(?:[ T](\d\d?:\d\d(?::\d\d(?:\.\d+)?)?)\s*(.*))?", text)
    if match is None:
        raise ValueError(f"{text!r} is not a date and a time, {EXAMPLE}.")
    date, clock, place = match.groups()
    if clock is None:
        raise ValueError(f"{text!r} needs a time of day, {EXAMPLE}.")
    if not 1980 <= int(date[:4]) <= 2200:  # others cannot be counted with in every time zone
        raise ValueError(f"{text!r} is not a time of this course.")
    try:
        naive = datetime.fromisoformat(f"{date}T{clock.rjust(5, '0') if clock.count(':') == 1 else clock}")
        if place in ("", "Z", "UTC"):
            return naive.replace(tzinfo=UTC if place else zone)
        if re.fullmatch(r"[+-]\d\d:?\d\d", place):
            return datetime.strptime(f"{naive:%Y-%m-%dT%H:%M:%S} {place}", "%Y-%m-%dT%H:%M:%S %z")
    except ValueError:
        raise ValueError(f"{text!r} is not a date and a time that exist.") from None
    return naive.replace(tzinfo=zone_named(place))


def zone_named(name: str) -> tzinfo:
    """The time zone `name`, e.g. Europe/Berlin. ValueError if there is none."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        raise ValueError(f"{name!r} is not a time zone. Give one such as Europe/Berlin, America/New_York or UTC.") from None
