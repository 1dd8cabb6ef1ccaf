"""Kills `course grade` at random moments and lets it continue: `python -m tests.trials.kills --kills 50`.

A class is graded; after every few results, or while it starts, everything in the process group (or only the first
process) gets SIGKILL, and the same command is given again, until it comes to its end. Then grades, results and feedback
must be those of a run that nobody disturbed. No process, temporary file or half-written file may ever be left.
"""

import argparse
import ctypes
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests import SUBMITTED as SAMPLE
from tests.trials.record import record

LESSON = "01_affine_quantization"
PR_SET_CHILD_SUBREAPER = 36
SEED = 7
STARTED = set()  # children whose exit status somebody waits for


def make_class(folder, students):
    """A class of copies of the sample's notebooks, each a little different; without the endless loop, which only takes time."""
    kinds = [path for path in sorted(SAMPLE.iterdir()) if path.name != "gus"]
    for number in range(students):
        text = (kinds[number % len(kinds)] / LESSON / f"{LESSON}.ipynb").read_text(encoding="utf-8")
        path = folder / f"{kinds[number % len(kinds)].name}{number}" / LESSON / f"{LESSON}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(text + " " * number, encoding="utf-8")


def command(folder, out, jobs=2):
    return [sys.executable, "-m", "autograder.cli.main", "grade", str(folder), "--out", str(out), "--seed", str(SEED), "--jobs", str(jobs)]


def start(folder, out, temporary, jobs=2):
    """`course grade` as a process group of its own, with a folder for temporary files of its own."""
    temporary.mkdir(exist_ok=True)
    process = subprocess.Popen(
        command(folder, out, jobs),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    )
    STARTED.add(process.pid)
    return process


def finish(folder, out, temporary, jobs=2):
    """Run `course grade` to its end; RuntimeError if it fails."""
    process = start(folder, out, temporary, jobs)
    output = process.communicate()
    if process.returncode:
        raise RuntimeError(f"course grade ended with {process.returncode}: {output}")


def adopt_orphans():
    """From now on, what a killed child leaves behind becomes a child of this process."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def descendants():
    """The pids below this process that still run, zombies reaped."""
    parents = {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                fields = (path / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(path.name)] = int(fields[1]), fields[0]
    found, waiting = set(), [os.getpid()]
    while waiting:
        above = waiting.pop()
        below = [pid for pid, (parent, _) in parents.items() if parent == above]
        waiting += below
        for pid in below:
            if parents[pid][1] != "Z":
                found.add(pid)
            elif above == os.getpid() and pid not in STARTED:
                try:
                    os.waitpid(pid, os.WNOHANG)
                except ChildProcessError:
                    pass
    return found


def content(out):
    """{file: what stands in it} of an output folder; without the user id, which each sandbox gets anew."""
    found = {}
    for path in sorted(out.rglob("*")):
        if path.is_file() and path.name != ".lock":
            text = path.read_text(encoding="utf-8")
            if path.suffix == ".json" and path.parent != out:
                data = json.loads(text)
                data["isolation"].pop("real_user", None)
                text = json.dumps(data)
            found[str(path.relative_to(out))] = text
    return found


def after(seconds):
    """A moment to kill: so long after the start."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def after_results(out, number, seconds=0.0):
    """A moment to kill: so long after so many results are written."""
    seen = []

    def moment():
        if not seen and written(out) >= number:
            seen.append(time.monotonic())
        return bool(seen) and time.monotonic() > seen[0] + seconds

    return moment


def written(out):
    return len(list(out.glob("results/*/*.json")))


def kill(folder, out, temporary, moment, whole_group, patience=60):
    """Start `course grade`, kill it when `moment()` is true, and wait for the end of all it started.

    Returns {"results_at_the_kill", "had_ended", "seconds_until_all_had_ended", "left": pids that still run}.
    """
    before = descendants()
    process = start(folder, out, temporary)
    while not moment() and process.poll() is None:
        time.sleep(0.01)
    done = written(out)
    ended = process.poll() is not None
    if whole_group and not ended:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    killed = time.monotonic()
    process.communicate()
    while (left := descendants() - before) and time.monotonic() < killed + patience:
        time.sleep(0.02)
    return {"results_at_the_kill": done, "had_ended": ended, "seconds_until_all_had_ended": time.monotonic() - killed, "left": sorted(left)}


def leftovers(out, temporary):
    """Temporary and half-written files."""
    return [str(path) for path in [*temporary.iterdir(), *out.rglob("*.part")]]


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kills", type=int, default=50)
    options.add_argument("--students", type=int, default=18, help="submissions in the class")
    options.add_argument("--random", type=int, default=None, help="seed of the moments")
    chosen = options.parse_args()
    adopt_orphans()
    pick = random.Random(chosen.random)
    kills, ends, problems = [], 0, []
    with tempfile.TemporaryDirectory(prefix="course-trial-") as folder:
        folder = Path(folder)
        make_class(folder / "class", chosen.students)
        started = time.monotonic()
        finish(folder / "class", folder / "undisturbed", folder / "tmp")
        undisturbed = time.monotonic() - started
        wanted = content(folder / "undisturbed")
        while len(kills) < chosen.kills:
            out, temporary = folder / "out", folder / "tmp"
            while len(kills) < chosen.kills and (done := written(out)) < chosen.students:
                if pick.random() < 0.25:
                    moment = after(pick.uniform(0, 4))
                else:
                    moment = after_results(out, min(done + pick.randint(0, 3), chosen.students), pick.uniform(0, 1))
                found = kill(folder / "class", out, temporary, moment, len(kills) % 2 == 0)
                if found.pop("had_ended"):
                    break  # it was faster
                problems += [f"kill {len(kills) + 1}: process {pid} is left" for pid in found.pop("left")]
                kills.append(found)
                print(f"kill {len(kills)}: {found}", flush=True)
            finish(folder / "class", out, temporary)
            got, ends = content(out), ends + 1
            problems += [f"end {ends}: {path} is left" for path in leftovers(out, temporary)]
            problems += [f"end {ends}: {name} is different" for name in wanted.keys() | got.keys() if wanted.get(name) != got.get(name)]
            print(f"end {ends}: {problems or 'the same as the undisturbed run'}", flush=True)
            shutil.rmtree(out)
    record(
        "kills",
        {
            "kills": len(kills),
            "of_the_whole_group": sum(n % 2 == 0 for n in range(len(kills))),
            "runs_to_the_end": ends,
            "submissions": chosen.students,
            "undisturbed_seconds": round(undisturbed, 1),
            "results_at_the_kills": [each["results_at_the_kill"] for each in kills],
            "seconds_until_all_had_ended_at_most": round(max(each["seconds_until_all_had_ended"] for each in kills), 2),
            "differences_or_leftovers": problems,
        },
    )
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
