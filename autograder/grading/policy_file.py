"""Reading a policy from a file. The nodes of the YAML are read, not the values: only they know their lines. The file::

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

import difflib
import re
from collections.abc import Callable, Collection
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, NoReturn

import yaml

from autograder.course import catalogue, inert
from autograder.grading.policy import Policy, PolicyError
from autograder.grading.times import parse_time, zone_named

KEYS = ("time_zone", "deadlines", "grace_minutes", "penalty", "max_days", "late_days", "extensions")


def read_policy(path: str | Path) -> Policy:
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
    def __init__(self, path: Path) -> None:
        self.path = path

    def wrong(self, node: Any, key: str, what: str) -> NoReturn:
        line = f", line {node.start_mark.line + 1}" if node is not None else ""
        raise PolicyError(f"{self.path}{line}, {key}: {what}" if key else f"{self.path}{line}: {what}")

    def policy(self, top: Any) -> Policy:
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

    def extensions(self, node: Any, zone: tzinfo, deadlines: dict[str, datetime]) -> dict[tuple[str, str], datetime | timedelta]:
        found = {}
        for student, lessons in self.pairs(node, "extensions"):
            name = f"extensions.{student.value}"
            for key, value in self.pairs(lessons, name):
                lesson = self.lesson(key, name)
                if lesson not in deadlines:
                    self.wrong(
                        key, name, f"{key.value} has no deadline that could be extended. Add one under deadlines, or take this line out."
                    )
                found[inert.name(student.value), lesson] = self.read(value, f"{name}.{key.value}", lambda text: _extension(text, zone))
        return found

    def pairs(self, node: Any, key: str) -> Any:
        """(key node, value node) of a mapping, with every key a text that stands once."""
        if not isinstance(node, yaml.MappingNode):
            what = f"expected `name: value` lines below it, found {_found(node)}."
            self.wrong(node, key, what)
        seen: dict[str, int] = {}
        for name, value in node.value:
            if not isinstance(name, yaml.ScalarNode):
                self.wrong(name, key, "a key must be a plain word.")
            if name.value in seen:
                self.wrong(name, key, f"{name.value} stands here twice, first in line {seen[name.value]}. Keep one.")
            seen[name.value] = name.start_mark.line + 1
        return node.value

    def mapping(self, node: Any, key: str, allowed: Collection[str]) -> dict[str, Any]:
        values = {}
        for name, value in self.pairs(node, key):
            if name.value not in allowed:
                near = difflib.get_close_matches(name.value, allowed, n=1, cutoff=0.5)
                guess = f" Did you mean {near[0]}?" if near else f" The keys here are {', '.join(allowed)}."
                self.wrong(name, key, f"there is no key {name.value}.{guess}")
            values[name.value] = value
        return values

    def read(self, node: Any, key: str, convert: Callable[[str], Any]) -> Any:
        if not isinstance(node, yaml.ScalarNode):
            self.wrong(node, key, f"expected one value, found {_found(node)}.")
        try:
            return convert(node.value)
        except ValueError as problem:
            self.wrong(node, key, str(problem))

    def lesson(self, node: Any, key: str) -> str:
        return self.read(node, key, catalogue.lesson_named)

    def number(self, values: dict[str, Any], key: str, low: int, high: int, prefix: str = "", whole: bool = False) -> Any:
        if key not in values:
            return 0

        def convert(text: str) -> float:
            try:
                value = int(text) if whole else float(text)
            except ValueError:
                value = None
            if value is None or not low <= value <= high:
                limits = f"from {low} to {high}" if high < 10**6 else f"of {low} or more"
                raise ValueError(f"expected a {'whole ' if whole else ''}number {limits}, found {text!r}.")
            return value

        return self.read(values[key], prefix + key, convert)


def _earned_or_maximum(text: str) -> str:
    if text not in ("earned", "maximum"):
        raise ValueError(f"expected `earned` or `maximum`, found {text!r}: a day costs a part of the points earned, or of the maximum.")
    return text


def _extension(text: str, zone: tzinfo) -> datetime | timedelta:
    days = re.fullmatch(r"\+?\s*(\d{1,4}) days?", text)
    if days:
        return timedelta(days=int(days[1]))
    try:
        return parse_time(text, zone)
    except ValueError as problem:
        raise ValueError(f"{problem} A number of days is good, too, e.g. 3 days.") from None


def _found(node: Any) -> str:
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    if isinstance(node, yaml.MappingNode):
        return "`name: value` lines"
    return repr(node.value) if node.value else "nothing"
