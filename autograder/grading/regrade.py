"""Grading a class again after checks have changed: first what would change and why, then, if wanted, the change.

The class is graded into a folder inside OUT, with OUT's seed; nothing else of OUT is touched until the instructor
agrees. A stop at any moment loses nothing: the same command finds what was graded and what was taken over.
"""

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.checks.verdict import Verdict
from autograder.grading.class_run import ClassroomError, Graded, grade_class, write_gradebook
from autograder.grading.policy import Standings
from autograder.grading.results_folder import page_file, remove, result_file
from autograder.grading.submission import Result
from course_data.files import write_whole

FOLDER = ".regrade"


@dataclass(frozen=True)
class Change:
    """One exercise of one submission that would be graded otherwise. `before`, `after`: `Verdict`s; None: not there."""

    student: str
    lesson: str
    exercise: str
    before: Verdict | None
    after: Verdict | None

    @property
    def points(self) -> float:
        """By how much the points change."""
        return (self.after.points if self.after else 0) - (self.before.points if self.before else 0)

    @property
    def why(self) -> str:
        """What the new grading says, or, where it says nothing, what the old one said."""
        if self.after is None:
            return "It is not handed in any more."
        if self.before is None:
            return self.after.message or "It was not graded before."
        if self.after.status == "passed" and self.before.message and self.before.status != "passed":
            return f"Before: {self.before.message}"
        return self.after.message


def regrade(folder: str | Path, out: str | Path, **options: Any) -> tuple[Graded, list[Change]]:
    """Grade `folder` with today's checks beside what is in `out`. Returns (what was `Graded`, changes).

    Takes the options of `grade_class`; the seed is that of `out`. What is not in `folder` stays as it is, unless `drop_others`.
    Raises `ClassroomError`.
    """
    out = Path(out)
    try:
        seed = json.loads((out / "grading.json").read_bytes())["seed"]
    except (OSError, ValueError, KeyError, TypeError):
        raise ClassroomError(f"{out} holds no earlier grading to compare with. Grade the class without --regrade first.") from None
    temporary = out / FOLDER
    if not (temporary / "grading.json").exists():
        # What has not changed need not be graded again; the copy is complete once grading.json is there.
        for name in ("results", "feedback"):
            if (out / name).is_dir():
                shutil.copytree(out / name, temporary / name, dirs_exist_ok=True)
        write_whole(temporary / "grading.json", (out / "grading.json").read_bytes())
    graded = grade_class(folder, temporary, seed=seed, **options)
    here = {(result.student, result.lesson) for result in graded.results}
    before = {key: result for key, result in read_all(out).items() if key in here or options.get("drop_others")}
    return graded, changes(before, graded.results)


def read_all(out: Path) -> dict[tuple[str, str], Result]:
    """(student, lesson) -> `Result` with its verdicts, for every readable result file in `out`, also an older version's."""
    found = {}
    for path in sorted((out / "results").glob("*/*.json")):
        try:
            data = json.loads(path.read_bytes())
            result = Result(data["student"], data["lesson"], data["file"], [Verdict(**v) for v in data["verdicts"]])
        except (OSError, ValueError, KeyError, TypeError):
            continue  # graded anew, it counts as new
        found[result.student, result.lesson] = result
    return found


def changes(before: Mapping[tuple[str, str], Result], results: Iterable[Result]) -> list[Change]:
    """The `Change`s from `before` ((student, lesson) -> Result) to the list `results`, in the order of the names.

    A message that alone is different is no change: it is the same grade.
    """
    after = {(r.student, r.lesson): r for r in results}
    found = []
    for key in sorted(before.keys() | after.keys()):
        old, new = ({v.exercise: v for v in side[key].verdicts} if key in side else {} for side in (before, after))
        for exercise in dict.fromkeys([*old, *new]):
            one, two = old.get(exercise), new.get(exercise)
            if one is None or two is None or (one.status, one.points, one.max_points) != (two.status, two.points, two.max_points):
                found.append(Change(*key, exercise, one, two))
    return found


def take_over(out: str | Path, results: Sequence[Result], standings: Standings | None = None, drop_others: bool = False) -> None:
    """Put what `regrade` has graded in the place of what is in `out`, file by file, the gradebook last.

    `results` are those in the gradebook. Files of others are removed with `drop_others`.
    """
    out = Path(out)
    temporary = out / FOLDER
    wanted = {(r.student, r.lesson) for r in results}
    try:
        for place in (page_file, result_file):
            for key in sorted(wanted):
                source = place(temporary, *key)
                if source.exists():
                    write_whole(place(out, *key), source.read_bytes())
        if drop_others:
            remove(out, read_all(out).keys() - wanted)
        write_gradebook(out, results, standings)
    except OSError as error:
        raise ClassroomError(
            f"Cannot write to {out}: {error.strerror}. Nothing is lost: make room and give the same command again."
        ) from None
    forget(out)


def forget(out: str | Path) -> None:
    """Remove what `regrade` has graded."""
    shutil.rmtree(Path(out) / FOLDER, ignore_errors=True)
