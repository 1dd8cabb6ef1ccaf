"""Grades the hostile and awkward notebooks once and keeps the figures: `python -m tests.trials.corpus`.

The default test run grades them, too; this says how many there are, of which kind, and how long the class took.
"""

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.hostile import test_hostile as hostile
from tests.trials.record import record


def main():
    with tempfile.TemporaryDirectory(prefix="corpus-") as folder:
        started = time.monotonic()
        run = hostile.Run(Path(folder))
        seconds = time.monotonic() - started
        wrong, undeserved, faults = [], 0, 0
        for name, entry in hostile.ENTRIES.items():
            result = run.result(name)
            try:
                hostile.judge_entry(entry, result)
            except AssertionError as problem:
                wrong.append(name)
                print(f"{name}: {problem}", file=sys.stderr)
            statuses = {v["exercise"]: v for v in result["verdicts"]}
            # What is true in a forged table keeps its points; anything above that is undeserved.
            undeserved += sum(
                statuses[e]["points"] > entry.keeps and "passed" not in allowed for e, allowed in entry.expected.items() if e != "*"
            )
            faults += sum(v["status"] == "grader_error" for v in result["verdicts"])
        run.server.close()
    kinds = Counter(entry.kind for entry in hostile.ENTRIES.values())
    record(
        "corpus",
        {
            "notebooks": len(hostile.ENTRIES),
            "of_each_kind": dict(kinds),
            "not_as_expected": wrong,
            "exercises_with_undeserved_points": undeserved,
            "grader_errors": faults,
            "processes_left": len(run.left),
            "seconds": round(seconds, 1),
            "jobs": 4,
        },
    )
    return 1 if wrong or run.left or run.process.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
