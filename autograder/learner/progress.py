"""One student's own progress: which exercises passed their visible checks, how many hints were shown."""

import json
from pathlib import Path
from typing import Any

from autograder.course import paths
from autograder.course.catalogue import Exercise, Lesson
from course_data.files import write_whole


def _file() -> Path:
    return paths.personal() / "progress.json"


def load() -> dict[str, dict[str, Any]]:
    """Exercise id -> {"passed": bool, "tries": int, "hints": int}. A damaged file counts as empty."""
    try:
        data = json.loads(_file().read_bytes())
    except (OSError, ValueError):
        return {}
    return {k: v for k, v in data.items() if isinstance(v, dict)} if isinstance(data, dict) else {}


def update(exercise_id: str, **changes: Any) -> dict[str, Any]:
    """Change one exercise's entry and save. A folder that cannot be written costs the record, not the lesson."""
    data = load()
    entry = {"passed": False, "tries": 0, "hints": 0, **data.get(exercise_id, {})}
    entry.update(changes)
    data[exercise_id] = entry
    try:
        write_whole(_file(), json.dumps(data, indent=1, sort_keys=True) + "\n")
    except OSError:
        pass
    return entry


def of(exercise_id: str) -> dict[str, Any]:
    """The entry of one exercise."""
    return {"passed": False, "tries": 0, "hints": 0, **load().get(exercise_id, {})}


def forget(exercise_id: str) -> None:
    """Drop one exercise's entry (after a reset)."""
    data = load()
    if data.pop(exercise_id, None) is not None:
        try:
            write_whole(_file(), json.dumps(data, indent=1, sort_keys=True) + "\n")
        except OSError:
            pass


def next_hint(exercise: Exercise) -> tuple[int, str]:
    """(number, text) of the hint to show now; the last one again when all were shown."""
    number = min(of(exercise.id)["hints"] + 1, len(exercise.hints))
    update(exercise.id, hints=number)
    return number, exercise.hints[number - 1]


def hint_shown(exercise: Exercise, number: int) -> tuple[int, str]:
    """(number, text) of a hint that was shown before. ValueError with a sentence for any other."""
    shown = of(exercise.id)["hints"]
    if not isinstance(number, int) or not 1 <= number <= shown:
        seen = (
            "No hint has been shown yet"
            if not shown
            else "So far only hint 1 was shown"
            if shown == 1
            else f"So far hints 1 to {shown} were shown"
        )
        raise ValueError(f"{seen}. Without a number comes the next one.")
    return number, exercise.hints[number - 1]


def progress_rows(lesson: Lesson) -> tuple[str, list[tuple[str, str, str, str, str]]]:
    """(heading, rows of text) for one lesson."""
    entries = load()
    rows, done = [], 0
    for exercise in lesson.exercises:
        entry = entries.get(exercise.id, {})
        if exercise.by_hand:
            state = "read by a person"
        elif entry.get("passed"):
            state, done = "passed", done + 1
        else:
            state = "not yet" if entry.get("tries") else "not tried"
        hints = f"{entry['hints']} of {len(exercise.hints)} hints" if entry.get("hints") else ""
        rows.append((exercise.id, exercise.title, f"{exercise.points:g} points", state, hints))
    by_hand = sum(e.by_hand for e in lesson.exercises)
    others = f", and {by_hand} is read by a person" if by_hand == 1 else f", and {by_hand} are read by a person" if by_hand else ""
    return f"{lesson.name}: {done} of {len(rows) - by_hand} exercises pass their visible checks{others}", rows
