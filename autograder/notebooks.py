"""Reading students' notebooks: whatever they did to the file, find the program they meant.

Repairs are made where the intent is clear, and each leaves a line for the student in `repairs`.
"""

import ast
import hashlib
import json
from dataclasses import dataclass, field

import nbformat

from autograder.blanks import exercise_named_in, has_blank


class NotebookProblem(Exception):
    """The file cannot be read as a notebook. The message is for the student."""


@dataclass(frozen=True)
class Step:
    """One cell to run. `exercise` is the exercise it answers, or ""; `name` is how messages call it."""

    source: str
    name: str
    exercise: str = ""


@dataclass
class Submission:
    """What a notebook holds for one lesson.

    `answers` maps exercise id -> the source that counts (code or markdown); `steps` are the cells to run,
    in order, and `repairs` what was put right, in words for the student.
    """

    lesson: str
    sha256: str
    answers: dict
    steps: list
    repairs: list = field(default_factory=list)


def read_cells(data):
    """The cells of a notebook file's bytes: a list of {"type", "source", "id", "exercise", "role"}.

    Raises `NotebookProblem` for anything that is not a notebook.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotebookProblem("This file is not a notebook: it is not text in UTF-8. Hand in the .ipynb file itself.") from None
    if not text.strip():
        raise NotebookProblem("This file is empty. Save the notebook in Jupyter and hand it in again.")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise NotebookProblem(
            "This file is not a notebook: it is not JSON. Hand in the .ipynb file itself, not an export or a copy of its text."
        ) from None
    if not isinstance(document, dict) or not isinstance(document.get("cells", document.get("worksheets")), list):
        raise NotebookProblem("This file is JSON, but not a notebook: it has no list of cells.")
    if "worksheets" in document:
        try:
            document = nbformat.reads(text, as_version=4)
        except Exception:
            raise NotebookProblem("This notebook has an old format that cannot be converted. Open it in Jupyter and save it again.") from None
    return [_cell(raw) for raw in document["cells"] if isinstance(raw, dict)]


def lesson_in(data):
    """The lesson a notebook says it is (from its metadata), or ""."""
    try:
        name = json.loads(data.decode("utf-8-sig"))["metadata"]["course"]["lesson"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return name if isinstance(name, str) else ""


def read_submission(data, lesson):
    """The `Submission` in a notebook file's bytes, for `lesson` (a catalogue `Lesson`)."""
    cells = read_cells(data)
    repairs = []
    exercises = {exercise.id: exercise for exercise in lesson.exercises}
    for cell in cells:
        cell["exercise"] = exercise_of(cell, exercises)
    answers, dropped = _choose(cells, lesson, repairs)
    released = {cell.id: cell for cell in lesson.cells}
    unedited = {(cell.role, _squeeze(cell.source)) for cell in lesson.cells}
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
            steps.append(Step(source, f"exercise {cell['exercise']}", cell["exercise"]))
        # Figures and check() calls that nobody edited do not matter for a grade.
        elif not {("demo", _squeeze(source)), ("check", _squeeze(source))} & unedited:
            steps.append(Step(source, f"cell {number + 1}"))
    lost = [
        cell for cell in released.values()
        if cell.role in ("setup", "plain") and cell.id not in present and _squeeze(cell.source) not in present
    ]
    if lost:
        repairs.append(f"{len(lost)} deleted cell{'s' if len(lost) > 1 else ''} of the lesson (imports or helpers) put back.")
    steps = [Step(cell.source, "a cell of the lesson") for cell in lost] + steps
    return Submission(lesson.name, hashlib.sha256(data).hexdigest(), answers, steps, repairs)


def _cell(raw):
    source = raw.get("source", "")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    metadata = raw.get("metadata") if isinstance(raw.get("metadata"), dict) else {}
    course = metadata.get("course") if isinstance(metadata.get("course"), dict) else {}
    return {
        "type": raw.get("cell_type"),
        "source": source.replace("\r\n", "\n") if isinstance(source, str) else "",
        "id": str(raw.get("id", "")),
        "role": course.get("role"),
        "exercise": course.get("exercise") if course.get("role") == "exercise" else "",
    }


def exercise_of(cell, exercises):
    """The exercise a cell answers: by its `# Exercise` line, else its metadata, else the names it defines."""
    if cell["type"] == "markdown":
        known = exercises.get(cell["exercise"])
        return known.id if known and known.by_hand else ""
    if cell["type"] != "code":
        return ""
    named = exercise_named_in(cell["source"])
    if named in exercises:
        return named
    if cell["exercise"] in exercises:
        return cell["exercise"]
    defined = defined_names(cell["source"])
    for exercise in exercises.values():
        if exercise.names and set(exercise.names) <= defined:
            return exercise.id
    return ""


def _choose(cells, lesson, repairs):
    """(answers, numbers of cells not to run). Of several cells for one exercise, one that was worked on counts."""
    answers, dropped = {}, set()
    for exercise in lesson.exercises:
        handed_out = _squeeze(lesson.cell_of(exercise.id).source)
        mine = [i for i, cell in enumerate(cells) if cell["exercise"] == exercise.id]
        if not mine:
            continue
        sources = {i: cells[i]["source"] for i in mine}
        filled = [i for i in mine if not has_blank(sources[i]) and _squeeze(sources[i]) != handed_out] or mine
        if len(mine) > len(filled):
            dropped.update(i for i in mine if i not in filled)
        if len(mine) > 1:
            repairs.append(
                f"There are {len(mine)} cells for {exercise.id}; the last one"
                f"{' that was worked on' if len(filled) < len(mine) else ''} counts."
            )
        answers[exercise.id] = cells[filled[-1]]["source"]
    return answers, dropped


def defined_names(source):
    """The functions, classes and variables that a cell defines at its top level; none if it does not parse."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    names = {node.name for node in body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    for node in body:
        if isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


def _squeeze(source):
    return "\n".join(line.rstrip() for line in source.strip().splitlines())
