"""Grades the sample class alone, and beside fifty hogs: `python -m tests.trials.hogs`.

A hog takes all the processor time that it can get. Most are submissions of the same class, with dozens of processes or
threads that spin, in a cell or in a call; some are processes of the same machine that the grader knows nothing of. There
are twice as many workers as cores, so honest submissions share theirs with hogs. Every verdict must be the one alone.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.trials.kills import LESSON, SAMPLE
from tests.trials.record import record

EXERCISE = "1.4-bug"
RIGHT = "def to_int8(x, scale):\n    return np.clip(np.rint(x / scale), -128, 127).astype(np.int8)\n"
SPIN = "        if os.fork() == 0:\n            {}while True: pass\n"
FORKS = "import os\ndef hog():\n    for _ in range(50):\n" + SPIN
# What stands in the exercise's cell, and what it may get: that one works against itself as well is its own affair.
HOGS = {
    "left behind by a cell": (FORKS.format("") + "hog()\n" + RIGHT, ("passed", "timeout")),
    "processes in a call": (FORKS.format("") + RIGHT.replace("    return", "    hog()\n    while True: pass\n    return"), ("timeout",)),
    "sessions in a call": (
        FORKS.format("os.setsid()\n            ") + RIGHT.replace("    return", "    hog()\n    while True: pass\n    return"),
        ("timeout",),
    ),
    "threads in a call": (
        "import threading\ndef spin():\n    while True: pass\n"
        + RIGHT.replace("    return", "    for _ in range(50): threading.Thread(target=spin).start()\n    spin()\n    return"),
        ("timeout",),
    ),
    "an endless cell": (RIGHT + "while True: pass\n", ("timeout",)),
}
LIMITS = ("cell_seconds=1", "call_seconds=1")


def hog(kind):
    """The notebook of a good student with a hog in one exercise."""
    notebook = json.loads((SAMPLE / "ada" / LESSON / f"{LESSON}.ipynb").read_text(encoding="utf-8"))
    (cell,) = [c for c in notebook["cells"] if c["cell_type"] == "code" and "".join(c["source"]).startswith(f"# Exercise {EXERCISE}")]
    cell["source"] = f"# Exercise {EXERCISE}\n{HOGS[kind][0]}"
    return json.dumps(notebook)


def make_class(folder, hogs):
    """The sample class, hogs among it. Returns {name: kind} of these."""
    shutil.copytree(SAMPLE, folder)
    honest, kinds, made = sorted(path.name for path in SAMPLE.iterdir()), list(HOGS), {}
    for number in range(hogs):
        name, kind = f"{honest[number % len(honest)]}-hog{number:02}", kinds[number % len(kinds)]  # in the order of names, beside everybody
        path = folder / name / LESSON / f"{LESSON}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(hog(kind), encoding="utf-8")
        made[name] = kind
    return made


def grade(folder, out, jobs):
    """Grade a class; {student: {exercise: verdict}} and the seconds it took."""
    started = time.monotonic()
    command = [sys.executable, "-m", "autograder.cli.main", "grade", str(folder), "--out", str(out), "--seed", "7", "--jobs", str(jobs)]
    process = subprocess.run([*command, *(word for limit in LIMITS for word in ("--limit", limit))], capture_output=True, text=True)
    if process.returncode not in (0, 2):
        raise RuntimeError(process.stderr)
    results = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(out.glob("results/*/*.json"))]
    return {r["student"]: {v["exercise"]: v for v in r["verdicts"]} for r in results}, time.monotonic() - started


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--hogs", type=int, default=50)
    options.add_argument("--outside", type=int, default=5, help="how many of them are no submissions")
    chosen = options.parse_args()
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="course-trial-") as folder:
        folder = Path(folder)
        alone, seconds_alone = grade(SAMPLE, folder / "alone", cores)
        hogs = make_class(folder / "class", chosen.hogs - chosen.outside)
        spin = [sys.executable, "-c", "while True: pass"]
        outside = [subprocess.Popen(spin, start_new_session=True) for _ in range(chosen.outside)]
        try:
            beside, seconds_beside = grade(folder / "class", folder / "beside", 2 * cores)
        finally:
            for each in outside:
                each.kill()
                each.wait()
    different = [
        f"{student} {exercise}: {verdict['status']}, beside hogs {beside[student][exercise]['status']}: {beside[student][exercise]['message']}"
        for student, verdicts in alone.items()
        for exercise, verdict in verdicts.items()
        if verdict != beside[student][exercise]
    ]
    for name, kind in hogs.items():
        for exercise, verdict in beside[name].items():
            allowed = HOGS[kind][1] if exercise == EXERCISE else (alone["ada"][exercise]["status"],)
            if verdict["status"] not in allowed:
                different.append(f"{name} ({kind}) {exercise}: {verdict['status']}, not {allowed[0]}: {verdict['message']}")
    record(
        "hogs",
        {
            "submissions": len(alone),
            "hogs": chosen.hogs,
            "of_them_outside": chosen.outside,
            "jobs": 2 * cores,
            "different_verdicts": different,
            "grader_errors": sum(v["status"] == "grader_error" for verdicts in beside.values() for v in verdicts.values()),
            "seconds_alone": round(seconds_alone, 1),
            "seconds_beside_hogs": round(seconds_beside, 1),
        },
    )
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
