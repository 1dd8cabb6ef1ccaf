"""Reading students' notebooks: whatever they did to the file, find the program they meant.

Repairs are made where the intent is clear, and each leaves a line for the student in `repairs`.
"""

import gc
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from autograder.course import written
from autograder.course.blanks import exercise_named_in, has_blank
from autograder.course.catalogue import Exercise, Lesson
from autograder.course.cell_code import bound_names
from autograder.course.program import Program, Step, program_of

# A hostile file must cost little: parsed JSON takes up to 35 times its size in memory, parsed Python up to 500 times.
MAX_BYTES = 64 << 20
MAX_CELLS = 5000
MAX_CODE = 1 << 20  # characters of all code cells together; a lesson has some tens of thousands


class NotebookProblem(Exception):
    """The file cannot be read as a notebook. The message is for the student."""


@dataclass
class Submission:
    """What a notebook holds for one lesson.

    `answers` maps exercise id -> the source that counts (code or markdown); `program` says what runs, and when each
    exercise is asked about; `repairs` are what was put right, in words for the student. `written` holds the ids of the answers for a person
    to which anything is written, with the place where it stood if not in its own cell.
    """

    lesson: str
    sha256: str
    answers: dict[str, str]
    program: Program
    repairs: list[str] = field(default_factory=list)
    written: dict[str, str] = field(default_factory=dict)


def read_cells(data: bytes) -> list[dict[str, Any]]:
    """The cells of a notebook file's bytes: a list of {"type", "source", "id", "exercise", "role"}.

    Raises `NotebookProblem` for anything that is not a notebook, or one too large to be a person's work.
    """
    if len(data) > MAX_BYTES:
        raise NotebookProblem(too_large(len(data)))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotebookProblem("This file is not a notebook: it is not text in UTF-8. Hand in the .ipynb file itself.") from None
    if not text.strip():
        raise NotebookProblem("This file is empty. Save the notebook in Jupyter and hand it in again.")
    try:
        document = _parsed(text)
    except (ValueError, RecursionError, MemoryError):
        raise NotebookProblem(
            "This file is not a notebook: it is not JSON. Hand in the .ipynb file itself, not an export or a copy of its text."
        ) from None
    document = document if isinstance(document, dict) else {}
    found = document.get("cells")
    if found is None and isinstance(document.get("worksheets"), list):  # formats 2 and 3
        sheets = [sheet.get("cells") for sheet in document["worksheets"] if isinstance(sheet, dict)]
        found = [raw for sheet in sheets if isinstance(sheet, list) for raw in sheet]
    if not isinstance(found, list):
        raise NotebookProblem("This file is JSON, but not a notebook: it has no list of cells.")
    if len(found) > MAX_CELLS:
        raise NotebookProblem(f"This notebook has {len(found)} cells; at most {MAX_CELLS} are read. Hand in the lesson's own notebook.")
    cells = [_cell(raw) for raw in found if isinstance(raw, dict)]
    code = sum(len(cell["source"]) for cell in cells if cell["type"] == "code")
    if code > MAX_CODE:
        raise NotebookProblem(
            f"The code cells of this notebook hold {code:,} characters; at most {MAX_CODE:,} are read. "
            "Is there data pasted into a cell? Take it out and hand the notebook in again."
        )
    return cells


def too_large(size: int) -> str:
    """The sentence on a file of `size` bytes, where that is more than `MAX_BYTES`."""
    return (
        f"This file has {size >> 20} MB; at most {MAX_BYTES >> 20} MB are read. "
        "Clear the outputs in Jupyter, save the notebook and hand it in again."
    )


def _parsed(text: str) -> Any:
    """The JSON in `text`. The collector would look at millions of new lists again and again, for most of the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        return json.loads(text)
    finally:
        if collecting:
            gc.enable()


def lesson_in(data: bytes) -> str:
    """The lesson a notebook says it is (from its metadata), or ""."""
    try:
        name = _parsed(data.decode("utf-8-sig"))["metadata"]["course"]["lesson"]
    except (ValueError, KeyError, TypeError, RecursionError, MemoryError):
        return ""
    return name if isinstance(name, str) else ""


def read_submission(data: bytes, lesson: Lesson) -> Submission:
    """The `Submission` in a notebook file's bytes, for `lesson` (a catalogue `Lesson`)."""
    cells = read_cells(data)
    repairs: list[str] = []
    exercises = {exercise.id: exercise for exercise in lesson.exercises}
    openings = {_opening(lesson.cell_of(each.id).source): each.id for each in lesson.exercises if each.by_hand}
    for cell in cells:
        cell["marked"], cell["exercise"] = _marked(cell, exercises), exercise_of(cell, exercises, openings)
    answers, dropped = _choose(cells, lesson, repairs)
    by_hand = written.answers(cells, lesson)
    answers.update({exercise: answer.text for exercise, answer in by_hand.items()})
    places = {exercise: answer.where for exercise, answer in by_hand.items()}
    repairs += filter(None, places.values())
    released = {cell.id: cell for cell in lesson.cells}
    unedited = {_squeeze(cell.source): cell.role for cell in lesson.cells if cell.type == "code"}
    steps, present = [], set()
    for number, cell in enumerate(cells):
        if cell["type"] != "code":
            continue
        present.add(cell["id"])
        source = cell["source"]
        present.add(_squeeze(source))
        if number in dropped or not source.strip():
            continue
        if cell["exercise"]:
            if exercises[cell["exercise"]].files or exercises[cell["exercise"]].by_hand:
                continue  # the files count, not how they were made; and words in a code cell are words
            steps.append(Step(source, f"exercise {cell['exercise']}", cell["exercise"]))
        else:
            role = unedited.get(_squeeze(source), "own")
            steps.append(Step(source, f"cell {number + 1}", role=role if role in ("demo", "check", "own") else "given"))
    lost = [
        cell
        for cell in released.values()
        if cell.role in ("setup", "plain") and cell.id not in present and _squeeze(cell.source) not in present
    ]
    if lost:
        repairs.append(f"{len(lost)} deleted cell{'s' if len(lost) > 1 else ''} of the lesson (imports or helpers) put back.")
    steps = [Step(cell.source, "a cell of the lesson", role="given") for cell in lost] + steps
    program = program_of(steps, lesson.exercises)
    return Submission(lesson.name, hashlib.sha256(data).hexdigest(), answers, program, repairs, places)


def _cell(raw: dict[str, Any]) -> dict[str, Any]:
    source = raw.get("source", raw.get("input", ""))  # "input" in formats 2 and 3
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    metadata = found if isinstance(found := raw.get("metadata"), dict) else {}
    course = found if isinstance(found := metadata.get("course"), dict) else {}
    return {
        "type": _text(raw.get("cell_type")),
        "source": source.replace("\r\n", "\n") if isinstance(source, str) else "",
        "id": _text(raw.get("id")),
        "role": _text(course.get("role")),
        "exercise": _text(course.get("exercise")) if course.get("role") == "exercise" else "",
    }


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def exercise_of(cell: Mapping[str, Any], exercises: dict[str, Exercise], openings: Mapping[str, str] = {}) -> str:
    """The exercise a cell answers: by its `# Exercise` line, else its metadata, else the names it defines.

    A written answer is found by its metadata, else by the words that the cell opens with, as in `openings`.
    """
    if cell["type"] == "markdown":
        known = exercises.get(cell["exercise"])
        return known.id if known and known.by_hand else openings.get(_opening(cell["source"]), "")
    if cell["type"] != "code":
        return ""
    marked = _marked(cell, exercises)
    if marked:
        return marked
    defined = bound_names(cell["source"])
    for exercise in exercises.values():
        if exercise.names and set(exercise.names) <= defined:
            return exercise.id
    return ""


def _marked(cell: Mapping[str, Any], exercises: dict[str, Exercise]) -> str:
    """The exercise that a code cell says it answers, or ""."""
    named = exercise_named_in(cell["source"])
    if named in exercises:
        return named
    return cell["exercise"] if cell["exercise"] in exercises else ""


def _choose(cells: list[dict[str, Any]], lesson: Lesson, repairs: list[str]) -> tuple[dict[str, str], set[int]]:
    """(answers, numbers of cells not to run). Of several cells for one exercise, one that was worked on counts."""
    answers: dict[str, str] = {}
    dropped: set[int] = set()
    for exercise in lesson.exercises:
        handed_out = _squeeze(lesson.cell_of(exercise.id).source)
        mine = [i for i, cell in enumerate(cells) if cell["exercise"] == exercise.id]
        if not mine:
            continue
        sources = {i: cells[i]["source"] for i in mine}
        filled = [i for i in mine if not has_blank(sources[i]) and _squeeze(sources[i]) != handed_out]
        if any(cells[i]["marked"] for i in filled):
            # The answer stands in its own cell: whoever uses its name elsewhere does not answer again.
            for i in mine:
                if not cells[i]["marked"] and cells[i]["type"] == "code":
                    cells[i]["exercise"] = ""
            mine, filled = ([i for i in some if cells[i]["exercise"]] for some in (mine, filled))
        filled = filled or mine
        if len(mine) > len(filled):
            dropped.update(i for i in mine if i not in filled)
        if len(mine) > 1 and not exercise.by_hand:  # a person reads all of them
            repairs.append(
                f"There are {len(mine)} cells for {exercise.id}; the last one"
                f"{' that was worked on' if len(filled) < len(mine) else ''} counts."
            )
        answers[exercise.id] = cells[filled[-1]]["source"]
    return answers, dropped


def _opening(source: str) -> str:
    """The first sentence of a cell's text."""
    return source.strip().split(".**")[0]


def _squeeze(source: str) -> str:
    return "\n".join(line.rstrip() for line in source.strip().splitlines())
