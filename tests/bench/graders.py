"""One class graded by `course grade`, by `nbgrader autograde` and by `otter run`, on this machine, interleaved.

`python -m tests.bench.graders --otter PYTHON --out FILE`; `make bench` prepares both. Every grader gets the same
notebooks and runs the same checks, each lesson in turn, so a busy minute of the machine meets them all. nbgrader and
otter work on one notebook after the other; `course grade` uses one process for each core, and its start is counted.
"""

import argparse
import datetime
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from autograder.authoring.build import NBGRADER_CONFIG
from course_data.files import write_whole
from course_labs.measuring.machine import describe, versions
from tests.bench.submissions import KINDS, build_lessons, submission

OTTER_TEST = """OK_FORMAT = True
test = {{"name": "{name}", "points": {points:g}, "suites": [{{"scored": True, "setup": "", "teardown": "", "type": "doctest",
    "cases": [{{"code": ">>> from autograder.exports.nbgrader.scoring import score\\n>>> bool(score('{id}') == {points:g})\\nTrue"}}]}}]}}
"""


def run(command, folder):
    """Seconds that a command takes. Stops the benchmark if it fails."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # nbgrader looks for alembic there
    begin = time.perf_counter()
    done = subprocess.run([str(part) for part in command], cwd=folder, capture_output=True, text=True, env={**os.environ, "PATH": path})
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\nended with status {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return time.perf_counter() - begin


class Course:
    """The class in `folder`, laid out for each grader."""

    def __init__(self, folder, lessons, others, demos, otter):
        """`class/` holds ten students for `course grade`, `submitted/` as many of them as the `others` grade, of all kinds."""
        self.folder, self.otter = folder, otter
        chosen = {round(i * len(KINDS) / others) for i in range(others)}
        for built in lessons:
            name = built.lesson.name
            write_whole(folder / f"source/{name}/{name}.ipynb", built.instructor)
            for student, kind in enumerate(KINDS):
                text = submission(built, kind, student, demos)
                for home in ("class", "submitted") if student in chosen else ("class",):
                    write_whole(folder / f"{home}/student{student}/{name}/{name}.ipynb", text)
            if otter:
                self._otter_tests(built)
        write_whole(folder / "nbgrader_config.py", NBGRADER_CONFIG)
        for built in lessons:
            run([tool("nbgrader"), "generate_assignment", built.lesson.name, "--create"], folder)

    def _otter_tests(self, built):
        home = self.folder / "otter" / built.lesson.name
        for exercise in built.lesson.exercises:
            if not exercise.by_hand:
                name = "q" + exercise.id.replace(".", "_").replace("-", "_")
                write_whole(home / f"tests/{name}.py", OTTER_TEST.format(name=name, id=exercise.id, points=exercise.points))
        run([self.otter, "-m", "otter", "generate", "-t", "tests", "-o", "autograder.zip", "--no-environment"], home)

    def course(self):
        """Seconds of `course grade` for the whole class, from nothing: new folder, cold cache."""
        out = self.folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        return run([tool("course"), "grade", "class", "--out", out], self.folder)

    def course_again(self):
        """Seconds of the same command when nothing has changed."""
        return run([tool("course"), "grade", "class", "--out", self.folder / "out"], self.folder)

    def nbgrader_lesson(self, name):
        """Seconds of `nbgrader autograde` for one lesson's submissions."""
        return run([tool("nbgrader"), "autograde", name], self.folder)

    def otter_lesson(self, name):
        """Seconds of `otter run` for one lesson's submissions."""
        seconds = 0.0
        for path in sorted(self.folder.glob(f"submitted/*/{name}/{name}.ipynb")):
            home = self.folder / "otter" / name
            out = home / path.parts[-3]
            out.mkdir()
            command = [self.otter, "-m", "otter", "run", "-a", home / "autograder.zip", "-o", out, "--no-logo", path]
            seconds += run(command, self.folder)
            if not (out / "results.json").exists():
                sys.exit(f"otter wrote no result for {path}")
        return seconds


def tool(name):
    return Path(sys.executable).with_name(name)


def compare(lessons, others, demos, otter, say):
    """Grade one class with all three; throughputs and their ratios. nbgrader and otter get `others` of each ten."""
    times = {"course": [], "nbgrader": [], "otter": []}
    with tempfile.TemporaryDirectory() as folder:
        course = Course(Path(folder), lessons, others, demos, otter)
        for built in lessons:
            name = built.lesson.name
            times["course"].append(course.course())
            times["nbgrader"].append(course.nbgrader_lesson(name))
            if otter:
                times["otter"].append(course.otter_lesson(name))
            say(f"  {name:<24}" + ", ".join(f"{who} {seconds[-1]:.1f} s" for who, seconds in times.items() if seconds))
        again = course.course_again()
    count, theirs = len(KINDS) * len(lessons), others * len(lessons)
    rates = {"course": count / statistics.median(times["course"]), "nbgrader": theirs / sum(times["nbgrader"])}
    if otter:
        rates["otter"] = theirs / sum(times["otter"])
    result = {
        "submissions": count,
        "of_these_to_nbgrader_and_otter": theirs,
        "demonstration_cells": "run by nbgrader and otter, skipped by course grade" if demos else "taken out for every grader",
        "seconds": {
            "course": [round(s, 2) for s in times["course"]],
            **{k: round(sum(v), 2) for k, v in times.items() if k != "course" and v},
        },
        "submissions_per_second": {name: round(rate, 3) for name, rate in rates.items()},
        "ratio_vs_nbgrader": round(rates["course"] / rates["nbgrader"], 1),
        "second_run_seconds": round(again, 2),
    }
    if otter:
        result["ratio_vs_otter"] = round(rates["course"] / rates["otter"], 1)
    say(f"  {json.dumps(result['submissions_per_second'])}, ratios {result['ratio_vs_nbgrader']} and {result.get('ratio_vs_otter')}")
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--otter", type=Path, help="a Python that has otter-grader and this course; without it otter is left out")
    parser.add_argument("--others", type=int, default=10, help="how many of each ten submissions, as handed in, nbgrader and otter get")
    parser.add_argument("--others-bare", type=int, default=10, help="the same for the notebooks without demonstration cells")
    parser.add_argument("--lessons", nargs="*", help="numbers, such as 02; all if none is given")
    parser.add_argument("--out", type=Path, help="write the figures to this results file")
    asked = parser.parse_args()
    otter = asked.otter.absolute() if asked.otter else None
    lessons = [b for b in build_lessons() if not asked.lessons or b.lesson.name[:2] in asked.lessons]

    def say(line):
        print(line, flush=True)

    figures = {}
    for key, others, demos in (("without_demonstrations", asked.others_bare, False), ("as_handed_in", asked.others, True)):
        if others:
            say(f"{key}: {len(KINDS)} submissions of each lesson, {others} of them to nbgrader and otter")
            figures[key] = compare(lessons, others, demos, otter, say)
    if asked.out:
        tools = {"nbgrader": version("nbgrader")}
        if otter:
            ask = "from importlib.metadata import version; print(version('otter-grader'))"
            tools["otter-grader"] = subprocess.run([otter, "-c", ask], capture_output=True, text=True).stdout.strip()
        measured = {"schema": 1, "measured": f"{datetime.date.today()}", "machine": describe(), "versions": {**versions(), **tools}}
        write_whole(asked.out, json.dumps({**measured, **figures}, indent=2) + "\n")
        say(f"Written: {asked.out}")


if __name__ == "__main__":
    main()
