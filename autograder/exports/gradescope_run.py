"""What run_autograder of a bundle starts: grade ROOT/submission, write ROOT/results/results.json.

Whatever happens, there is a results.json that says it: without one, Gradescope shows a student only that it failed.
"""

import json
import secrets
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from autograder.course import catalogue, inert
from autograder.exports.gradescope import results_json
from autograder.grading.feedback import OUR_FAULT
from autograder.grading.submission import Result, grade_alone, unread
from autograder.grading.workers import PRELOAD
from autograder.sandbox.box import Sandbox
from course_data.files import write_whole


def main(root: str | Path) -> None:
    started = time.monotonic()
    root = Path(root)
    try:
        settings = json.loads((root / "source" / "settings.json").read_bytes())
        document = results_json(result := graded(root, settings), result.points)
    except Exception:
        traceback.print_exc()  # to Gradescope's stdout, which only instructors see
        document = {"score": 0, "output": OUR_FAULT, "stdout_visibility": "hidden", "tests": []}
    document["execution_time"] = round(time.monotonic() - started, 1)
    write_whole(root / "results" / "results.json", inert.json_of(document))


def graded(root: Path, settings: dict[str, Any]) -> Result:
    """The `Result` of the notebook in ROOT/submission."""
    lesson = catalogue.lessons()[settings["lesson"]]
    student = _student(root)
    notebooks = sorted(p for p in (root / "submission").rglob("*.ipynb") if p.is_file() and not p.is_symlink())
    chosen = next((p for p in notebooks if p.stem == lesson.name), notebooks[0] if notebooks else None)
    if chosen is None:
        problem = f"There is no notebook (.ipynb) in this submission. Hand in {lesson.name}.ipynb."
        return Result(student, lesson.name, "", unread(lesson.exercises, problem, "missing"), problem=problem)
    isolation = "auto" if settings.get("accept_weak_isolation") else "bubblewrap"
    # Closed before anything is written: then no process of the student's is left.
    with Sandbox(isolation=isolation, preload=PRELOAD) as sandbox:
        result = grade_alone(chosen.read_bytes(), student, lesson.name, sandbox, seed=secrets.randbits(63), file=chosen.name)
    others = [p.name for p in notebooks if p != chosen]
    if others:
        result.repairs.append(f"Of several notebooks {chosen.name} was graded, not {', '.join(others[:3])}.")
    return result


def _student(root: Path) -> str:
    """A name for the record, from Gradescope's metadata."""
    try:
        return str(json.loads((root / "submission_metadata.json").read_bytes())["users"][0]["id"])
    except (OSError, ValueError, LookupError, TypeError):
        return "student"


if __name__ == "__main__":
    main(sys.argv[1])
