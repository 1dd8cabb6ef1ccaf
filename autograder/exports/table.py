"""`--to csv`: one row for each submission."""

import csv
import io

from autograder.classroom import no_formula
from autograder.exports import clean, waiting
from autograder.policy import COLUMNS, shown
from course_data.files import write_whole


def write(results, target, options):
    """Write the table to the file `target`; with a policy, it has the policy's columns, too."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("student", "lesson", "points", "max_points", "waiting", "not_passed", *(COLUMNS if options.standings is not None else ())))
    for result in results:
        others = "; ".join(f"{v.exercise} {v.status}" for v in result.verdicts if v.status not in ("passed", "needs_manual", "marked"))
        row = [result.student, result.lesson, f"{result.points:g}", f"{result.max_points:g}", f"{result.open_points:g}", others]
        if options.standings is not None:
            row += shown(options.standings.get((result.student, result.lesson)))
        writer.writerow([no_formula(clean(cell)) for cell in row])
    write_whole(target, text.getvalue())
    return waiting(results)
