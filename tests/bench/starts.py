"""How long a student waits: for the answer of a command, and in `course watch` from a save to the verdict.

`python -m tests.bench.starts [--out autograder/results/starts.json]`. Each round runs every command once, and Python without anything,
so that they can be compared; on a busy machine the seconds by the clock say little, those of processor time more.
"""

import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat

from autograder.authoring.build import build
from autograder.course import catalogue, paths
from course_data.files import write_whole
from course_labs.measuring.machine import describe, versions

COURSE = ["-m", "autograder.cli.main"]
LESSON = paths.LESSONS / "01_affine_quantization.ipynb"
COMMANDS = {
    "python": ["-c", "pass"],
    "course --help": [*COURSE, "--help"],
    "course status": [*COURSE, "status"],
    "course hint": [*COURSE, "hint", "1.2-scale"],
    "course check, lesson 01": [*COURSE, "check", str(LESSON)],
}
WATCHED = {"01_affine_quantization": "1.3-quantize", "02_magnitude_pruning": "2.2-mask", "05_low_rank": "5.2-factors"}


def timed(arguments):
    """(seconds by the clock, seconds of processor time) of one run of Python."""
    begin = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, used = os.wait4(process.pid, 0)
    return time.perf_counter() - begin, used.ru_utime + used.ru_stime


def starts(rounds):
    """Command -> seconds: median and most by the clock, median of processor time, and the ratio to Python alone."""
    found = {name: [] for name in COMMANDS}
    for _ in range(rounds):
        for name, arguments in COMMANDS.items():
            found[name].append(timed(arguments))
    rows = {}
    for name, runs in found.items():
        wall, processor = zip(*runs)
        ratio = statistics.median(one[0] / base[0] for one, base in zip(runs, found["python"]))
        rows[name] = {**spread(wall), "processor_seconds": round(statistics.median(processor), 3), "times_python_alone": round(ratio, 1)}
    return rows


def spread(seconds):
    return {"seconds": round(statistics.median(seconds), 3), "least": round(min(seconds), 3), "most": round(max(seconds), 3)}


def watch(name, exercise, saves):
    """Seconds from a save to the line of the verdict: of answers that pass and of the exercise as it was handed out, with one line changed."""
    cells = nbformat.reads(build(paths.source_of(name)).instructor, as_version=4).cells
    answers = {c.metadata.course.exercise: c.source for c in cells if c.metadata.course.role == "exercise"}
    released = catalogue.lessons()[name].cell_of(exercise).source
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.ipynb"
        document = json.loads(paths.notebook_of(name).read_text(encoding="utf-8"))
        course = {cell["id"]: cell["metadata"]["course"] for cell in document["cells"]}
        for cell in document["cells"]:
            if course[cell["id"]]["role"] == "exercise":
                cell["source"] = answers[course[cell["id"]]["exercise"]]
        path.write_text(json.dumps(document), encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, *COURSE, "watch", str(path)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "COURSE_HOME": folder, "COLUMNS": "200", "PYTHONUNBUFFERED": "1"},
        )
        try:
            begin = time.perf_counter()
            until(process, "points so far")
            ready, times = time.perf_counter() - begin, []
            for number in range(saves):
                right = number % 2
                cell = next(c for c in document["cells"] if course[c["id"]] == {"role": "exercise", "exercise": exercise})
                cell["source"] = answers[exercise] + f"\n# {number}" if right else f"{released}\n# {number}"
                time.sleep(2)  # a student types, and the rest is looked through meanwhile
                begin = time.perf_counter()
                path.write_text(json.dumps(document), encoding="utf-8")
                until(process, f"passed        {exercise}" if right else f"blank         {exercise}")
                times.append(time.perf_counter() - begin)
        finally:
            process.terminate()
            process.wait()
    return {"exercise": exercise, "seconds_to_be_ready": round(ready, 2), "saves": saves, **spread(times)}


def until(process, text):
    for line in process.stdout:
        if text in line:
            return
    raise SystemExit(f"course watch ended without a line with {text!r}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--saves", type=int, default=10)
    parser.add_argument("--out", type=Path, help="write the times to this results file")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["COURSE_HOME"] = home
        found = {"commands": starts(asked.rounds)}
    found["watch"] = {name: watch(name, exercise, asked.saves) for name, exercise in WATCHED.items()}
    load = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
    for name, row in {**found["commands"], **found["watch"]}.items():
        print(f"{name:<26} {row['seconds']:.3f} s (from {row['least']:.3f} to {row['most']:.3f})")
    if asked.out:
        measured = {"schema": 1, "measured": f"{datetime.date.today()}", "machine": describe(), "versions": versions(), "load": load}
        write_whole(asked.out, json.dumps({**measured, **found}, indent=2) + "\n")
        print(f"Written: {asked.out}")


if __name__ == "__main__":
    main()
