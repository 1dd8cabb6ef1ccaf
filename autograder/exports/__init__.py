"""Grades in the formats of other tools. `EXPORTERS` maps the name of a format to its function.

An exporter is a function of (results, target, options): it writes the list of `Result`s to the path `target`
and returns notes for the instructor (a list of sentences), or an `Export` where it leaves results out. A new format is a new entry.
"""

import csv
import importlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder.checks.files import COURSE, CheckFiles
from autograder.course import inert
from autograder.grading.policy import Standings
from autograder.grading.results_folder import result_file
from autograder.grading.submission import Result
from course_data.errors import UserError

EXPORTERS = {  # name: module:function, so that a format's libraries are imported only when it is used
    "csv": "autograder.exports.csv_table:write",
    "canvas": "autograder.exports.canvas:write",
    "gradescope": "autograder.exports.gradescope:write",
    "gradescope-bundle": "autograder.exports.gradescope_bundle:write",
    "junit": "autograder.exports.junit:write",
}


class ExportError(UserError):
    """Something the instructor can put right before exporting."""


@dataclass(frozen=True)
class Options:
    """What exporters may need beside the results.

    `standings`: (student, lesson) -> `policy.Standing`, or None without a policy. `roster`: a file exported from the
    other tool, as a template. `columns`: lesson -> the name of its column there. `lesson`: the one that is wanted, `checks`: the files with its checks.
    """

    standings: Standings | None = None
    roster: Path | None = None
    columns: dict[str, str] = field(default_factory=dict)
    lesson: str = ""
    checks: CheckFiles = COURSE


@dataclass(frozen=True)
class Export:
    """What was written: notes for the instructor, and the results that are in it."""

    notes: list[str]
    results: list[Result]


def export(name: str, results: Sequence[Result], target: str | Path, options: Options = Options()) -> Export:
    """Write `results` to `target` in the format `name`. Returns an `Export`. Raises `ExportError`."""
    if name not in EXPORTERS:
        raise ExportError(f"There is no format {name!r}. The formats are {', '.join(EXPORTERS)}.")
    module, _, function = EXPORTERS[name].partition(":")
    try:
        done = getattr(importlib.import_module(module), function)(results, Path(target), options)
        return done if isinstance(done, Export) else Export(done, list(results))
    except OSError as problem:
        raise ExportError(f"Cannot write {target}: {problem.strerror}. Choose another place with --file.") from None


def read_results(out: str | Path) -> list[Result]:
    """The results in a folder that `course grade` wrote: those that its grades.csv lists, in its order.

    Other result files may lie there: of students who have left, or of a run that was stopped.
    """
    out = Path(out)
    try:
        head, *rows = inert.rows_of((out / "grades.csv").read_bytes())
        student, lesson = head.index("student"), head.index("lesson")
        listed = dict.fromkeys((row[student], row[lesson]) for row in rows if row)
    except FileNotFoundError:
        raise ExportError(
            f"{out} holds no grades.csv. Give the folder that `course grade --out` has written, with the grading finished."
        ) from None
    except (OSError, ValueError, csv.Error, IndexError) as problem:
        raise ExportError(f"{out / 'grades.csv'} cannot be read ({problem}). Run `course grade` again; it is quick.") from None
    return [_read(out, *key) for key in listed]


def _read(out: Path, student: str, lesson: str) -> Result:
    path = result_file(out, student, lesson)
    try:
        return Result.from_dict(json.loads(path.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError):
        raise ExportError(f"The result {path} is missing, damaged or of an older version. Run `course grade` again.") from None


def points_that_count(result: Result, options: Options) -> float:
    """The points under the policy, where there is one; else the grader's."""
    standing = (options.standings or {}).get((result.student, result.lesson))
    return standing.final_points if standing else result.points


def waiting(results: Iterable[Result]) -> list[str]:
    """A note about answers that a person has to read, or nothing."""
    some = [r for r in results if r.open_points]
    if not some:
        return []
    total = sum(r.open_points for r in some)
    return [f"{len(some)} submissions wait for a person ({total:g} points in all); these points are not in the export."]
