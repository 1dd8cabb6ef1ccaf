"""Late days and penalties: from points, deadlines and times of submission to final points.

A policy is applied to results, after grading. So nothing is graded again when a deadline moves. The file::

    time_zone: Europe/Berlin
    deadlines:                  # lessons without one are never late
      01: 2026-10-12 23:59
      02: 2026-10-19 23:59
    grace_minutes: 15
    penalty:
      percent_per_day: 10
      of: earned                # or: maximum
    max_days: 5                 # nothing is accepted that comes later than this
    late_days: 3                # for each student, over all lessons, used up before penalties
    extensions:
      ada:
        01: 2026-10-14 23:59    # a new deadline
        02: 3 days              # or added to the deadline
"""

import csv
import difflib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml

from autograder.course import catalogue, inert
from autograder.course.handed_in import beside
from course_data.errors import UserError

DAY = timedelta(days=1)
KEYS = ("time_zone", "deadlines", "grace_minutes", "penalty", "max_days", "late_days", "extensions")
EXAMPLE = "e.g. 2026-10-12 23:59"


class PolicyError(UserError):
    """Something in a policy, or in the times of submission, that the instructor can put right."""


@dataclass(frozen=True)
class Policy:
    """What a policy file says. `deadlines`: lesson -> time; `extensions`: (student, lesson) -> time or days to add."""

    zone: tzinfo
    deadlines: dict
    grace: timedelta = timedelta()
    percent: float = 0.0
    of: str = "earned"
    max_days: int | None = None
    late_days: int = 0
    extensions: dict = field(default_factory=dict)

    def deadline(self, student, lesson):
        """The time until which this student is on time, or None. An extension never makes it earlier."""
        common, own = self.deadlines.get(lesson), self.extensions.get((student, lesson))
        if common is None or own is None:
            return common
        return common + own if isinstance(own, timedelta) else max(common, own, key=datetime.timestamp)


@dataclass(frozen=True)
class Standing:
    """One submission under a policy. `points` are what the grader gave, `final_points` what counts."""

    student: str
    lesson: str
    points: float
    max_points: float
    submitted: datetime | None
    deadline: datetime | None
    days_late: int
    late_days_used: int
    penalty: float
    final_points: float
    reason: str


COLUMNS = ("submitted", "deadline", "days_late", "late_days_used", "penalty", "final_points", "reason")


def shown(standing):
    """The cells of `COLUMNS`, as text; empty where there is no standing."""
    if standing is None:
        return ("",) * len(COLUMNS)
    times = [f"{t:%Y-%m-%d %H:%M:%S%z}" if t else "" for t in (standing.submitted, standing.deadline)]
    numbers = [f"{n:g}" for n in (standing.days_late, standing.late_days_used, standing.penalty, standing.final_points)]
    return (*times, *numbers, standing.reason)


# Applying a policy


def apply(policy, results, times):
    """(student, lesson) -> `Standing`, for every `Result`.

    `times`: (student, lesson) -> an aware datetime, or `NotKnown`: no point counts then. A student's late days go to the lessons in
    the order of their deadlines, whatever the order of the results. Raises `PolicyError` where a time is needed and missing.
    """
    needed = [r for r in results if r.lesson in policy.deadlines and handed_in(r) and (r.student, r.lesson) not in times]
    if needed:
        who = ", ".join(f"{r.student} {catalogue.short(r.lesson)}" for r in needed[:5]) + (f" and {len(needed) - 5} more" if len(needed) > 5 else "")
        raise PolicyError(
            f"When was this handed in? There is no time for {who}. Give a CSV file (student,lesson,submitted) with --times, or take "
            "the files' own times with --file-times, or nbgrader's timestamp.txt beside the notebooks with --nbgrader-times."
        )
    standings, left = {}, {}
    for result in sorted(results, key=lambda r: (_order(policy, r.lesson), r.student)):
        student = result.student
        standing = judge(policy, result, times.get((student, result.lesson)), left.get(student, policy.late_days))
        left[student] = left.get(student, policy.late_days) - standing.late_days_used
        standings[student, result.lesson] = standing
    return standings


def judge(policy, result, submitted, late_days):
    """The `Standing` of one submission, with `late_days` left to use."""
    student, lesson, points = result.student, result.lesson, result.points
    deadline = policy.deadline(student, lesson)
    if not handed_in(result):
        return Standing(student, lesson, points, result.max_points, None, deadline, 0, 0, 0, points, "not handed in")
    if deadline is None:
        return Standing(student, lesson, points, result.max_points, submitted, None, 0, 0, 0, points, "no deadline")
    if isinstance(submitted, NotKnown):
        reason = f"when it was handed in is not known: {submitted.why}"
        return Standing(student, lesson, points, result.max_points, None, deadline.astimezone(policy.zone), 0, 0, points, 0, reason)
    # In UTC: the difference of two times in one zone would be the clock's, not the hours that have passed.
    lateness = submitted.astimezone(UTC) - deadline.astimezone(UTC)
    days = max(0, -((policy.grace - lateness) // DAY))
    used = min(days, late_days)
    final, reason = points, "on time"
    if days:
        reason = f"{_days(days)} late"
        if used:
            reason += f", {_days(used, 'late day')} used"
    elif lateness > timedelta():
        reason = f"on time (within {_number(policy.grace / timedelta(minutes=1))} minutes of grace)"
    if policy.max_days is not None and days > policy.max_days:
        final, reason = 0, f"{reason}: not accepted after {_days(policy.max_days)}"
    elif days > used and policy.percent:
        base = points if policy.of == "earned" else result.max_points
        final = max(0.0, points - base * min(1.0, policy.percent * (days - used) / 100))
        final = min(points, round(final, 2))
        what = "points earned" if policy.of == "earned" else "maximum"
        reason += f": {_days(days - used)} at {_number(policy.percent)} % of the {what}"
    if deadline != policy.deadlines[lesson]:
        reason += "; deadline extended"
    return Standing(
        student, lesson, points, result.max_points, submitted.astimezone(policy.zone), deadline.astimezone(policy.zone),
        days, used, round(points - final, 6), final, reason,
    )  # fmt: skip


def handed_in(result):
    """Whether there was a notebook at all."""
    return bool(result.file)


def strangers(policy, results):
    """Students with an extension who are not among the results: probably misspelt."""
    return sorted({student for student, _ in policy.extensions} - {r.student for r in results})


def _order(policy, lesson):
    deadline = policy.deadlines.get(lesson)
    return (deadline is None, deadline.timestamp() if deadline else 0, lesson)


def _days(number, word="day"):
    return f"{number} {word}{'' if number == 1 else 's'}"


def _number(value):
    return f"{value:g}"


# When submissions were handed in


@dataclass(frozen=True)
class NotKnown:
    """In the place of a time: why one submission has none. It costs this submission alone."""

    why: str


def submission_times(results, policy, table=None, file_times=False, stamps=False, known=None):
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


def _told(result, notebook, file_times, stamps):
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


def read_stamp(path):
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


def recorded(path):
    """(student, lesson) -> time, as an earlier run has written them to penalties.csv; nothing where there is none."""
    try:
        head, *rows = inert.rows_of(Path(path).read_bytes())
        found = [dict(zip(head, row)) for row in rows]
        return {(row["student"], row["lesson"]): parse_time(row["submitted"], UTC) for row in found if row.get("submitted")}
    except (OSError, ValueError, KeyError, csv.Error):
        return {}


def _read_table(path, zone):
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
            key = inert.name(cells["student"]), lesson_named(cells["lesson"])
            times[key] = parse_time(cells["submitted"], zone)
        except KeyError as name:
            raise PolicyError(f"{where}: there is no {name.args[0]} in this line.") from None
        except ValueError as problem:
            raise PolicyError(f"{where}: {problem}") from None
    return times


def parse_time(text, zone):
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


def zone_named(name):
    """The time zone `name`, e.g. Europe/Berlin. ValueError if there is none."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        raise ValueError(f"{name!r} is not a time zone. Give one such as Europe/Berlin, America/New_York or UTC.") from None


def lesson_named(text):
    """The lesson's full name for `01` or `01_affine_quantization`. ValueError if there is none."""
    lessons = list(catalogue.lessons())
    number = text.zfill(2) if text.isdigit() else None
    found = [name for name in lessons if name == text or number and name.startswith(f"{number}_")]
    if not found:
        raise ValueError(f"there is no lesson {text!r}. The lessons are {', '.join(lessons)}; the number alone will do.")
    return found[0]


# Reading the file. The nodes are read, not the values: only they know their lines.


def read_policy(path):
    """The `Policy` in a YAML file. Raises `PolicyError` with the line, the key and what to do."""
    path = Path(path)
    try:
        top = yaml.compose(path.read_text(encoding="utf-8-sig"), yaml.SafeLoader)
    except OSError as problem:
        raise PolicyError(f"{path} cannot be read: {problem.strerror}.") from None
    except UnicodeDecodeError:
        raise PolicyError(f"{path} cannot be read: it is not text in UTF-8.") from None
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise PolicyError(
            f"{path}{line}: this is not YAML: {getattr(problem, 'problem', None) or problem}. Mind the colons and the indentation."
        ) from None
    return _Reader(path).policy(top)


class _Reader:
    def __init__(self, path):
        self.path = path

    def wrong(self, node, key, what):
        line = f", line {node.start_mark.line + 1}" if node is not None else ""
        raise PolicyError(f"{self.path}{line}, {key}: {what}" if key else f"{self.path}{line}: {what}")

    def policy(self, top):
        if top is None:
            self.wrong(None, "", f"the file is empty. It needs time_zone and deadlines; it may have {', '.join(KEYS[2:])}.")
        values = self.mapping(top, "", KEYS)
        for key in ("time_zone", "deadlines"):
            if key not in values:
                self.wrong(top, "", f"the key {key} is missing. Times mean nothing without a zone, and nothing is late without a deadline.")
        zone = self.read(values["time_zone"], "time_zone", zone_named)
        deadlines = {
            self.lesson(key, "deadlines"): self.read(node, f"deadlines.{key.value}", lambda text: parse_time(text, zone))
            for key, node in self.pairs(values["deadlines"], "deadlines")
        }
        rule = self.mapping(values["penalty"], "penalty", ("percent_per_day", "of")) if "penalty" in values else {}
        if "of" in rule and "percent_per_day" not in rule:
            self.wrong(values["penalty"], "penalty", "percent_per_day is missing.")
        return Policy(
            zone,
            deadlines,
            timedelta(minutes=self.number(values, "grace_minutes", 0, 10**6)),
            self.number(rule, "percent_per_day", 0, 100, "penalty."),
            self.read(rule["of"], "penalty.of", _earned_or_maximum) if "of" in rule else "earned",
            self.number(values, "max_days", 0, 10**6, whole=True) if "max_days" in values else None,
            self.number(values, "late_days", 0, 10**6, whole=True),
            self.extensions(values["extensions"], zone, deadlines) if "extensions" in values else {},
        )

    def extensions(self, node, zone, deadlines):
        found = {}
        for student, lessons in self.pairs(node, "extensions"):
            name = f"extensions.{student.value}"
            for key, value in self.pairs(lessons, name):
                lesson = self.lesson(key, name)
                if lesson not in deadlines:
                    self.wrong(key, name, f"{key.value} has no deadline that could be extended. Add one under deadlines, or take this line out.")
                found[inert.name(student.value), lesson] = self.read(value, f"{name}.{key.value}", lambda text: _extension(text, zone))
        return found

    def pairs(self, node, key):
        """(key node, value node) of a mapping, with every key a text that stands once."""
        if not isinstance(node, yaml.MappingNode):
            what = f"expected `name: value` lines below it, found {_found(node)}."
            self.wrong(node, key, what)
        seen = {}
        for name, value in node.value:
            if not isinstance(name, yaml.ScalarNode):
                self.wrong(name, key, "a key must be a plain word.")
            if name.value in seen:
                self.wrong(name, key, f"{name.value} stands here twice, first in line {seen[name.value]}. Keep one.")
            seen[name.value] = name.start_mark.line + 1
        return node.value

    def mapping(self, node, key, allowed):
        values = {}
        for name, value in self.pairs(node, key):
            if name.value not in allowed:
                near = difflib.get_close_matches(name.value, allowed, n=1, cutoff=0.5)
                guess = f" Did you mean {near[0]}?" if near else f" The keys here are {', '.join(allowed)}."
                self.wrong(name, key, f"there is no key {name.value}.{guess}")
            values[name.value] = value
        return values

    def read(self, node, key, convert):
        if not isinstance(node, yaml.ScalarNode):
            self.wrong(node, key, f"expected one value, found {_found(node)}.")
        try:
            return convert(node.value)
        except ValueError as problem:
            self.wrong(node, key, str(problem))

    def lesson(self, node, key):
        return self.read(node, key, lesson_named)

    def number(self, values, key, low, high, prefix="", whole=False):
        if key not in values:
            return 0

        def convert(text):
            try:
                value = int(text) if whole else float(text)
            except ValueError:
                value = None
            if value is None or not low <= value <= high:
                limits = f"from {low} to {high}" if high < 10**6 else f"of {low} or more"
                raise ValueError(f"expected a {'whole ' if whole else ''}number {limits}, found {text!r}.")
            return value

        return self.read(values[key], prefix + key, convert)


def _earned_or_maximum(text):
    if text not in ("earned", "maximum"):
        raise ValueError(f"expected `earned` or `maximum`, found {text!r}: a day costs a part of the points earned, or of the maximum.")
    return text


def _extension(text, zone):
    days = re.fullmatch(r"\+?\s*(\d{1,4}) days?", text)
    if days:
        return timedelta(days=int(days[1]))
    try:
        return parse_time(text, zone)
    except ValueError as problem:
        raise ValueError(f"{problem} A number of days is good, too, e.g. 3 days.") from None


def _found(node):
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    if isinstance(node, yaml.MappingNode):
        return "`name: value` lines"
    return repr(node.value) if node.value else "nothing"
