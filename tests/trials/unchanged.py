"""Did a change of the code's shape change what people meet? `python -m tests.trials.unchanged record FILE`, before and after; then
`python -m tests.trials.unchanged compare BEFORE AFTER`.

Recorded are the released notebooks, the verdict and message of every answer in the banks, the grades of the hostile notebooks and
of the sample class, the numbers of `course lab --data digits`, and the help of every command. `--only PART` records one part. A
record takes about a quarter of an hour on two cores. What differs is printed, part by part; the exit status is 1 if anything does.
"""

import argparse
import contextlib
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from typer.main import get_command

from autograder.authoring import answers
from autograder.checks import asking
from autograder.checks.files import bank
from autograder.checks.run import run_checks
from autograder.checks.verdict import judge
from autograder.cli.main import app
from autograder.course import catalogue, paths
from tests import SUBMITTED
from tests.hostile import test_hostile

SEED = 7


def notebooks():
    """Cell id -> text of every released notebook; all its metadata as one more entry."""
    found = {}
    for name in catalogue.lessons():
        notebook = nbformat.read(paths.notebook_of(name), as_version=4)
        found.update(
            {f"{name} {cell.id}": f"{cell.cell_type} {json.dumps(cell.metadata, sort_keys=True)}\n{cell.source}" for cell in notebook.cells}
        )
        found[f"{name} metadata"] = json.dumps(notebook.metadata, sort_keys=True)
    return found


def banks():
    """Every answer of the banks, and the solution -> "status points message"."""
    found = {}
    for name, lesson in catalogue.lessons().items():
        solution = answers.solution(name)
        for number, (exercise_id, note, names) in enumerate(
            [(e.id, "the solution", {}) for e in lesson.exercises if not e.by_hand and not e.files]
            + [(a.exercise, a.note, a.names) for a in bank(name)]
        ):
            exercise = lesson.exercise(exercise_id)
            if not exercise.files:
                direct = asking.Direct({**solution, **names})
                outcomes = run_checks(name, lambda _: contextlib.nullcontext(direct), seed=SEED, exercises=[exercise_id], hidden=True)
                found[f"{name} {number} {exercise_id}: {note}"] = _said(vars(judge(name, exercise, outcomes, hidden=True)))
    return found


def hostile():
    """Every exercise of the hostile and awkward notebooks -> "status points message"."""
    with tempfile.TemporaryDirectory(prefix="unchanged-") as folder:
        run = test_hostile.Run(Path(folder))
        results = {name: run.result(name) for name in test_hostile.ENTRIES}
        run.server.close()
    return _verdicts(results)


def sample():
    """Every exercise of the sample class, and its table of grades."""
    with tempfile.TemporaryDirectory(prefix="unchanged-") as folder:
        _course("grade", SUBMITTED, "--out", folder, "--seed", SEED)
        results = {path.name: json.loads(path.read_text()) for path in sorted(Path(folder).rglob("results/**/*.json"))}
        return {**_verdicts(results), "grades.csv": (Path(folder) / "grades.csv").read_text()}


def studio():
    """What `course lab --data digits` measured, without times."""
    with tempfile.TemporaryDirectory(prefix="unchanged-") as folder:
        _course("lab", "--data", "digits", "--out", folder)
        return dict(_leaves(json.loads((Path(folder) / "results.json").read_text()), ""))


def helps():
    """Every command -> its help."""
    commands = get_command(app)
    words = [[]] + [[name] for name in commands.commands] + [["data", name] for name in commands.commands["data"].commands]
    return {" ".join(each): _course(*each, "--help") for each in words}


def _course(*words):
    done = subprocess.run(
        [sys.executable, "-m", "autograder.cli.main", *map(str, words)], capture_output=True, text=True, cwd=paths.REPOSITORY
    )
    if done.returncode:
        raise SystemExit(f"course {' '.join(map(str, words))}: {done.stdout}{done.stderr}")
    return done.stdout


def _said(verdict):
    """A verdict as text, without what every run has anew: seconds, addresses, temporary folders."""
    message = re.sub(r"0x[0-9a-f]{6,}|/tmp/[\w/.-]+|\d+(\.\d+)? s\b|mark[0-9a-f]{16}", "*", verdict["message"])
    return f"{verdict['status']} {verdict['points']:g} {message}"


def _verdicts(results):
    return {f"{name} {verdict['exercise']}": _said(verdict) for name, result in results.items() for verdict in result["verdicts"]}


def _leaves(value, place):
    """(place, value) of everything in nested results that does not tell of time or of the machine's mood."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            if not re.search(r"second|latency|throughput|_ms|per_image|machine|time|date|faster|load|spread|path|version", str(key)):
                yield from _leaves(inner, f"{place}/{key}")
    else:
        yield place, value


PARTS = {"helps": helps, "notebooks": notebooks, "banks": banks, "sample": sample, "studio": studio, "hostile": hostile}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["record", "compare"])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--only", choices=PARTS, action="append")
    given = parser.parse_args()
    if given.what == "record":
        (file,) = given.files
        known = json.loads(file.read_text()) if file.exists() else {}
        for part in given.only or PARTS:
            print(part, flush=True)
            known[part] = PARTS[part]()
            file.write_text(json.dumps(known, indent=1))
        return 0
    before, after = (json.loads(file.read_text()) for file in given.files)
    differ = 0
    for part in before.keys() | after.keys():
        one, other = before.get(part, {}), after.get(part, {})
        changed = [key for key in one.keys() | other.keys() if one.get(key) != other.get(key)]
        print(f"{part}: {len(one)} before, {len(other)} after, {len(changed)} differ")
        for key in sorted(changed):
            print(f"  {key}\n    before: {str(one.get(key))[:2000]!r}\n    after:  {str(other.get(key))[:2000]!r}")
        differ += len(changed)
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
