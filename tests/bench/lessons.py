"""Every lesson and lab from top to bottom with its answers filled in, timed; and what grading runs of it.

`python -m tests.bench.lessons` runs the notebooks as a reader would (demonstrations, figures and training
included), grades them with the files that a lab hands in, and fails if a cell or an answer does. With `--out` the
times go to a results file.
"""

import argparse
import datetime
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from nbclient.exceptions import CellExecutionError

from autograder.authoring.build import build, sources
from autograder.course.catalogue import short
from autograder.course.paths import name_of
from autograder.grading.submission import grade
from autograder.grading.workers import PRELOAD
from autograder.sandbox.box import Sandbox
from course_data.files import write_whole
from course_labs.measuring.machine import describe, versions
from tests.bench.reading import read

REPEATS = 5  # gradings of one notebook whose time goes to a results file; the median is reported


def graded(built, sandbox, handed, repeats):
    """Seconds to grade the notebook with its answers and files in a warm sandbox: median of `repeats`. Every answer must pass."""
    times = []
    for seed in range(repeats):
        begin = time.perf_counter()
        result = grade(built.instructor.encode(), "solution", built.lesson.name, sandbox, seed=seed, handed=handed)
        times.append(time.perf_counter() - begin)
        wrong = [f"{v.exercise} {v.status}: {v.message}" for v in result.verdicts if v.status not in ("passed", "needs_manual")]
        if wrong:
            raise SystemExit(f"The answers of {built.lesson.name} do not pass: {wrong[0]}")
    return {"grading_seconds": round(statistics.median(times), 2), "grading_seconds_most": round(max(times), 2)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", help="numbers and names, such as 02 or temperature_sweep; all if none is given")
    parser.add_argument("--data", default="digits", help="data set of the demonstrations: digits or mnist")
    parser.add_argument("--out", type=Path, help="write the times to this results file")
    asked = parser.parse_args()
    rows = {}
    with Sandbox(preload=PRELOAD) as sandbox, tempfile.TemporaryDirectory() as home:
        os.environ["COURSE_HOME"] = home  # the reader's own progress stays as it is
        for path in sources():
            name = name_of(path.parent.name)
            if asked.lessons and short(name) not in asked.lessons:
                continue
            built = build(path)
            try:
                times, handed = read(built, asked.data)
                rows[name] = {**times, **graded(built, sandbox, handed, REPEATS if asked.out else 1)}
            except CellExecutionError as error:
                sys.exit(f"{name} does not run from top to bottom:\n{error}")
            row = rows[name]
            print(
                f"{name:<24} {row['notebook_seconds']:6.1f} s to read (slowest cell {row['slowest_cell_seconds']:.1f} s),"
                f" {row['grading_seconds']:.2f} s to grade",
                flush=True,
            )
    if asked.out:
        measured = {"schema": 1, "measured": f"{datetime.date.today()}", "data": asked.data, "machine": describe(), "versions": versions()}
        write_whole(asked.out, json.dumps({**measured, "lessons": rows}, indent=2) + "\n")
        print(f"Written: {asked.out}")


if __name__ == "__main__":
    main()
