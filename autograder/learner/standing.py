"""How far a student is in one lesson: points, what is left of the time, the next exercise, and what a pass was good for.

Points are those of exercises whose visible checks pass. The grader asks more; so a page says "so far".
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from autograder.course import catalogue
from autograder.course.catalogue import Exercise, Lesson, short
from autograder.learner import progress

_BORROWED = re.compile(r"""\bearlier\(\s*["']([\w.-]+)["']\s*,\s*["'](\w+)["']""")


@dataclass(frozen=True)
class Standing:
    """Of one lesson: `points` so far of `most`, which leaves out what a person reads (`by_hand` points); `passed` of `exercises`;
    about `minutes` left, as the lesson's own estimate says.
    """

    points: float
    most: float
    by_hand: float
    passed: int
    exercises: int
    minutes: int

    @property
    def done(self) -> bool:
        """Whether all that is checked here passes."""
        return self.passed == self.exercises

    def in_words(self) -> str:
        """ "33 of 92 points so far, about 75 minutes left"; what a person reads is said, too."""
        words = f"{self.points:g} of {self.most:g} points so far"
        words += f" ({self.by_hand:g} more are read by a person)" if self.by_hand else ""
        return words if self.done else f"{words}, about {self.minutes} minutes left"


def standing(lesson: Lesson, entries: Mapping[str, Mapping[str, Any]] | None = None) -> Standing:
    """The `Standing` in `lesson`, from the progress file or from `entries` as it has them."""
    entries = progress.load() if entries is None else entries
    checked = [each for each in lesson.exercises if not each.by_hand]
    left = [each for each in checked if not entries.get(each.id, {}).get("passed")]
    share = sum(each.minutes for each in left) / max(1, sum(each.minutes for each in checked))
    most = sum(each.points for each in checked)
    return Standing(
        points=most - sum(each.points for each in left),
        most=most,
        by_hand=lesson.points - most,
        passed=len(checked) - len(left),
        exercises=len(checked),
        minutes=max(5, 5 * round(lesson.minutes * share / 5)) if left else 0,
    )


def next_exercise(lesson: Lesson, after: Exercise | None = None) -> Exercise | None:
    """The exercise to go on with: the next open one below `after`, else the first that does not pass; None where all do.

    Of what a person reads nobody knows here whether it is written: it comes next where it stands next.
    """
    entries = progress.load()
    open_ones = [each for each in lesson.exercises if not entries.get(each.id, {}).get("passed")]
    below = [each for each in open_ones if after is not None and lesson.exercises.index(each) > lesson.exercises.index(after)]
    left = [each for each in open_ones if not each.by_hand]
    return next(iter(below or left), None)


def borrowed(exercises: Iterable[Exercise]) -> list[str]:
    """Where later lessons run the student's own functions from `exercises`: a sentence for each such lesson."""
    homes = {each.id: each.lesson for each in exercises}
    found: dict[str, dict[str, None]] = {}
    for lesson in catalogue.lessons().values():
        for cell in lesson.cells:
            for exercise_id, name in _BORROWED.findall(cell.source) if cell.type == "code" else ():
                if homes.get(exercise_id, lesson.name) != lesson.name:
                    found.setdefault(short(lesson.name), {})[f"`{name}`"] = None
    return [f"Lesson {lesson} will run your {' and '.join(names)}." for lesson, names in found.items()]


def earned(exercise: Exercise) -> str:
    """What a first pass of `exercise` is good for: its points, and where a later lesson runs the student's own function."""
    return " ".join([f"+{exercise.points:g} points.", *borrowed([exercise])])


def challenge(lesson: Lesson) -> str:
    """The lesson's mini-challenge, as Markdown; "" where it has none."""
    texts = "\n\n".join(cell.source for cell in lesson.cells if cell.type == "markdown")
    found = re.search(r"^## Mini-challenge.*?(?=^## |\Z)", texts, re.MULTILINE | re.DOTALL)
    return found[0].strip() if found else ""
