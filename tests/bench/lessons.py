"""Every lesson and lab from top to bottom with its answers filled in, timed; and what grading runs of it.

`python -m tests.bench.lessons` runs the notebooks as a reader would (demonstrations, figures and training
included), grades them with the files that a lab hands in, and fails if a cell or an answer does: as many at once as there are
cores. With `--out` each has the machine to itself, and the times go to a results file.
"""

import argparse
import contextlib
import datetime
import json
import os
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from multiprocessing import get_context
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


@cache
def sandbox():
    """One for all notebooks of this process, warm."""
    return contextlib.ExitStack().enter_context(Sandbox(preload=PRELOAD))


def row(path, data, repeats):
    """The times of one lesson (the path of its source): reading it, grading it. Raises SystemExit where a cell or an answer fails."""
    built = build(path)
    try:
        times, handed = read(built, data)
        return {**times, **graded(built, sandbox(), handed, repeats)}
    except CellExecutionError as error:
        raise SystemExit(f"{built.lesson.name} does not run from top to bottom:\n{error}") from None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", help="numbers and names, such as 02 or temperature_sweep; all if none is given")
    parser.add_argument("--data", default="digits", help="data set of the demonstrations: digits or mnist")
    parser.add_argument("--out", type=Path, help="write the times to this results file: one notebook after the other, alone")
    asked = parser.parse_args()
    wanted = {
        name_of(path.parent.name): path for path in sources() if not asked.lessons or short(name_of(path.parent.name)) in asked.lessons
    }
    jobs = 1 if asked.out else describe()["cores_usable"]
    if jobs > 1:  # two notebooks of two threads each wait for one another
        os.environ["OMP_NUM_THREADS"] = "1"
    rows = {}
    with tempfile.TemporaryDirectory() as home, ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        os.environ["COURSE_HOME"] = home  # the reader's own progress stays as it is
        timed = {pool.submit(row, path, asked.data, REPEATS if asked.out else 1): name for name, path in wanted.items()}
        for done in as_completed(timed) if jobs > 1 else timed:
            name = timed[done]
            rows[name] = found = done.result()
            print(
                f"{name:<24} {found['notebook_seconds']:6.1f} s to read (slowest cell {found['slowest_cell_seconds']:.1f} s),"
                f" {found['grading_seconds']:.2f} s to grade",
                flush=True,
            )
    if asked.out:
        measured = {"schema": 1, "measured": f"{datetime.date.today()}", "data": asked.data, "machine": describe(), "versions": versions()}
        write_whole(asked.out, json.dumps({**measured, "lessons": rows}, indent=2) + "\n")
        print(f"Written: {asked.out}")


if __name__ == "__main__":
    main()
