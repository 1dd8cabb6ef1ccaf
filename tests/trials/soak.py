"""Grades a class of a thousand and watches what the grader holds: `python -m tests.trials.soak --students 1000`.

Memory, descriptors and processes of the command, its workers and their sandboxes are read from /proc, and temporary
files are counted. Then the same class is graded again, unchanged, from the cache.
"""

import argparse
import json
import os
import resource
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from course_data.files import write_whole
from tests.bench.submissions import KINDS, build_lessons, submission
from tests.trials.kills import adopt_orphans, content, descendants, start
from tests.trials.record import record

EVERY = 2.0  # seconds between two looks
CACHED_RUNS = 5


def make_class(folder, submissions):
    """`submissions` notebooks of all lessons and kinds, no two alike."""
    lessons = build_lessons()
    for number in range(submissions):
        built, student = lessons[number % len(lessons)], number // len(lessons)
        document = json.loads(submission(built, KINDS[student % len(KINDS)], student))
        document["metadata"]["number"] = number
        write_whole(folder / f"student{student:04}" / built.lesson.name / f"{built.lesson.name}.ipynb", json.dumps(document))


def processes():
    """{pid: (parent, command line)} of everything below this process."""
    found = {}
    for pid in descendants():
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            found[pid] = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]), words
        except OSError:
            pass
    return found


def held_by(pid):
    """(megabytes of its own and its part of what is shared, open descriptors) of a process; None when it has ended."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        return int(rollup.split("Pss:")[1].split()[0]) / 1024, len(os.listdir(f"/proc/{pid}/fd"))
    except (OSError, IndexError):
        return None


def look(command, out, temporary):
    """One sample."""
    now = processes()
    workers = [pid for pid, (parent, words) in now.items() if parent == command and "spawn_main" in words]

    def workers_of(pid):
        while pid in now and pid not in workers:
            pid = now[pid][0]
        return pid if pid in workers else None

    sandbox = [pid for pid in now if pid not in workers and workers_of(pid)]
    mine, theirs = held_by(command), [held for held in map(held_by, workers) if held]
    inside = [held for held in map(held_by, sandbox) if held]
    if mine is None or not theirs:
        return None
    return {
        "done": len(list(out.glob("results/*/*.json"))),
        "command_mb": mine[0],
        "command_descriptors": mine[1],
        "worker_mb": statistics.mean(mb for mb, _ in theirs),
        "worker_descriptors": max(n for _, n in theirs),
        "sandbox_mb": sum(mb for mb, _ in inside) / len(theirs),
        "processes": len(now),
        "temporary_files": sum(1 for _ in temporary.rglob("*")),
    }


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--students", dest="submissions", type=int, default=1000, help="how many submissions")
    chosen = options.parse_args()
    adopt_orphans()
    with tempfile.TemporaryDirectory(prefix="course-trial-") as folder:
        folder = Path(folder)
        make_class(folder / "class", chosen.submissions)
        out, temporary = folder / "out", folder / "tmp"
        started, samples = time.monotonic(), []
        process = start(folder / "class", out, temporary)
        # Its table of a thousand lines would fill the pipe.
        said = []
        reader = threading.Thread(target=lambda: said.extend(process.communicate()))
        reader.start()
        while reader.is_alive():
            reader.join(EVERY)
            sample = look(process.pid, out, temporary)
            if sample:
                samples.append(sample)
                if len(samples) % 30 == 0:
                    print({k: round(v, 1) for k, v in sample.items()}, flush=True)
        seconds = time.monotonic() - started
        if process.returncode:
            sys.exit(said[1])
        left = [*temporary.iterdir(), *out.rglob("*.part")]
        running = descendants()
        first, cached, busy = content(out), [], []
        for _ in range(CACHED_RUNS):
            started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
            process = start(folder / "class", out, temporary)
            process.communicate()
            cached.append(time.monotonic() - started)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            busy.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        unchanged = content(out) == first and process.returncode == 0
    # Nothing counts before every worker has met every lesson.
    settled = [s for s in samples if chosen.submissions * 0.1 <= s["done"] < chosen.submissions]
    early, late = settled[: len(settled) // 4], settled[-(len(settled) // 4) :]
    grown, values = {}, {}
    for name in settled[0].keys() - {"done"}:
        values[name] = [round(statistics.median(s[name] for s in part), 1) for part in (early, late)]
        slope = np.polyfit([s["done"] for s in settled], [s[name] for s in settled], 1)[0]
        grown[name] = round(float(slope) * 1000, 2)
    figures = {
        "submissions": chosen.submissions,
        "seconds": round(seconds, 1),
        "per_second": round(chosen.submissions / seconds, 2),
        "first_and_last_quarter": values,
        "growth_per_thousand": grown,
        "temporary_files_left": len(left),
        "processes_left": len(running),
        "cached": {
            "seconds": sorted(round(s, 2) for s in cached),
            "per_second": round(chosen.submissions / statistics.median(cached)),
            "per_second_of_processor_time": round(chosen.submissions / statistics.median(busy)),
            "same_files": unchanged,
        },
    }
    record("soak", figures)
    steady = all(late <= early * 1.1 + 5 for early, late in values.values())
    return 0 if steady and unchanged and not left and not running else 1


if __name__ == "__main__":
    sys.exit(main())
