"""Late days and penalties: from points, deadlines and times of submission to final points.

A policy is applied to results, after grading. So nothing is graded again when a deadline moves. `policy_file` reads one from a
file, `times` when submissions were handed in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from autograder.course import catalogue
from course_data.errors import UserError

if TYPE_CHECKING:
    from autograder.grading.submission import Result

DAY = timedelta(days=1)


class PolicyError(UserError):
    """Something in a policy, or in the times of submission, that the instructor can put right."""


@dataclass(frozen=True)
class NotKnown:
    """In the place of a time: why one submission has none. It costs this submission alone."""

    why: str


@dataclass(frozen=True)
class Policy:
    """What a policy file says. `deadlines`: lesson -> time; `extensions`: (student, lesson) -> time or days to add."""

    zone: tzinfo
    deadlines: dict[str, datetime]
    grace: timedelta = timedelta()
    percent: float = 0.0
    of: str = "earned"
    max_days: int | None = None
    late_days: int = 0
    extensions: dict[tuple[str, str], datetime | timedelta] = field(default_factory=dict)

    def deadline(self, student: str, lesson: str) -> datetime | None:
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


Times = Mapping[tuple[str, str], datetime | NotKnown]  # (student, lesson) -> when it was handed in
Standings = Mapping[tuple[str, str], Standing]  # (student, lesson) -> what counts
COLUMNS = ("submitted", "deadline", "days_late", "late_days_used", "penalty", "final_points", "reason")


def shown(standing: Standing | None) -> tuple[str, ...]:
    """The cells of `COLUMNS`, as text; empty where there is no standing."""
    if standing is None:
        return ("",) * len(COLUMNS)
    times = [f"{t:%Y-%m-%d %H:%M:%S%z}" if t else "" for t in (standing.submitted, standing.deadline)]
    numbers = [f"{n:g}" for n in (standing.days_late, standing.late_days_used, standing.penalty, standing.final_points)]
    return (*times, *numbers, standing.reason)


# Applying a policy


def apply(policy: Policy, results: Sequence["Result"], times: Times) -> Standings:
    """(student, lesson) -> `Standing`, for every `Result`.

    `times`: (student, lesson) -> an aware datetime, or `NotKnown`: no point counts then. A student's late days go to the lessons in
    the order of their deadlines, whatever the order of the results. Raises `PolicyError` where a time is needed and missing.
    """
    needed = [r for r in results if r.lesson in policy.deadlines and handed_in(r) and (r.student, r.lesson) not in times]
    if needed:
        who = ", ".join(f"{r.student} {catalogue.short(r.lesson)}" for r in needed[:5]) + (
            f" and {len(needed) - 5} more" if len(needed) > 5 else ""
        )
        raise PolicyError(
            f"When was this handed in? There is no time for {who}. Give a CSV file (student,lesson,submitted) with --times, or take "
            "the files' own times with --file-times, or nbgrader's timestamp.txt beside the notebooks with --nbgrader-times."
        )
    standings = {}
    left: dict[str, int] = {}
    for result in sorted(results, key=lambda r: (_order(policy, r.lesson), r.student)):
        student = result.student
        standing = judge(policy, result, times.get((student, result.lesson)), left.get(student, policy.late_days))
        left[student] = left.get(student, policy.late_days) - standing.late_days_used
        standings[student, result.lesson] = standing
    return standings


def judge(policy: Policy, result: "Result", submitted: datetime | NotKnown | None, late_days: int) -> Standing:
    """The `Standing` of one submission, with `late_days` left to use."""
    student, lesson, points = result.student, result.lesson, result.points
    deadline = policy.deadline(student, lesson)
    if not handed_in(result):
        return Standing(student, lesson, points, result.max_points, None, deadline, 0, 0, 0, points, "not handed in")
    if deadline is None:
        known = None if isinstance(submitted, NotKnown) else submitted
        return Standing(student, lesson, points, result.max_points, known, None, 0, 0, 0, points, "no deadline")
    if isinstance(submitted, NotKnown):
        reason = f"when it was handed in is not known: {submitted.why}"
        return Standing(student, lesson, points, result.max_points, None, deadline.astimezone(policy.zone), 0, 0, points, 0, reason)
    assert submitted is not None, "without a time nothing is applied"
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
        student,
        lesson,
        points,
        result.max_points,
        submitted.astimezone(policy.zone),
        deadline.astimezone(policy.zone),
        days,
        used,
        round(points - final, 6),
        final,
        reason,
    )


def handed_in(result: "Result") -> bool:
    """Whether there was a notebook at all."""
    return bool(result.file)


def strangers(policy: Policy, results: Sequence["Result"]) -> list[str]:
    """Students with an extension who are not among the results: probably misspelt."""
    return sorted({student for student, _ in policy.extensions} - {r.student for r in results})


def _order(policy: Policy, lesson: str) -> tuple[bool, float, str]:
    deadline = policy.deadlines.get(lesson)
    return (deadline is None, deadline.timestamp() if deadline else 0, lesson)


def _days(number: int, word: str = "day") -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _number(value: float) -> str:
    return f"{value:g}"
