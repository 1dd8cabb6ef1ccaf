"""`--to csv`: one row for each submission."""

from collections.abc import Sequence
from pathlib import Path

from autograder.course import inert
from autograder.exports import Options, waiting
from autograder.grading.policy import COLUMNS, shown
from autograder.grading.submission import Result
from course_data.files import write_whole


def write(results: Sequence[Result], target: Path, options: Options) -> list[str]:
    """Write the table to the file `target`; with a policy, it has the policy's columns, too."""
    rows = [["student", "lesson", "points", "max_points", "waiting", "not_passed", *(COLUMNS if options.standings is not None else ())]]
    for result in results:
        others = "; ".join(f"{v.exercise} {v.status}" for v in result.verdicts if v.status not in ("passed", "needs_manual", "marked"))
        row = [result.student, result.lesson, f"{result.points:g}", f"{result.max_points:g}", f"{result.open_points:g}", others]
        if options.standings is not None:
            row += shown(options.standings.get((result.student, result.lesson)))
        rows.append(row)
    write_whole(target, inert.csv_of(rows))
    return waiting(results)
