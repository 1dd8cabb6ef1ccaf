"""The notebook of one graded submission, as nbgrader's pages show it.

It is written anew from plain text: every cell of the lesson once, in its order, with what the student made of it,
and the student's own cells where they stood. Outputs and metadata of a submission are left out, and HTML and
links in its text are shown as text, because formgrader would run scripts with the instructor's rights.
"""

import re
from typing import Any

from autograder.authoring.build import KERNEL, nbgrader_metadata
from autograder.checks.verdict import Verdict
from autograder.course import inert
from autograder.course.catalogue import Exercise, Lesson
from autograder.course.notebooks import exercise_of, read_cells, read_submission
from autograder.grading.feedback import STATUS_WORDS, message_for_student, problem_for_student
from autograder.grading.submission import Result

NOTE = "This page shows your answers and, under each, what the grader found. Outputs are not shown: the grader ran your code itself."
LONGEST = 50_000  # characters of one cell
MOST = 300  # cells of the student's own


def answer_id(exercise: Exercise) -> str:
    """nbgrader's id of the cell with the answer; nbgrader's comments hang on it."""
    return nbgrader_metadata(exercise)["grade_id"]


def grade_id(exercise: Exercise) -> str:
    """nbgrader's id of the cell that carries the points: the answer itself where a person reads it."""
    return nbgrader_metadata(exercise, check=not exercise.by_hand)["grade_id"]


def graded_notebook(lesson: Lesson, result: Result, data: bytes | None) -> str:
    """Notebook JSON for `result`. `data` is the submission's bytes, or None where there is no file."""
    # What could not be read in grading is not read here, where nothing would stop it.
    shown, own, answers = _placed(lesson, data) if data is not None and not result.problem else ({}, {}, {})
    verdicts = {v.exercise: v for v in result.verdicts}
    cells = [_cell("markdown", _note(result), "note"), *own.get("", ())]
    for released in lesson.cells:
        source = answers.get(released.exercise) if released.role == "exercise" else shown.get(released.id)
        cell = _cell(released.type, released.source if source is None else _harmless(released.type, source), released.id)
        if released.role in ("exercise", "check"):
            exercise, check = lesson.exercise(released.exercise), released.role == "check"
            cell["metadata"]["nbgrader"] = nbgrader_metadata(exercise, check=check)
            if check and exercise.id in verdicts:
                said = f"{exercise.id}: {STATUS_WORDS[verdicts[exercise.id].status]}\n"
                cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": said}]
        cells += [cell, *own.get(released.id, ())]
    notebook = {"cells": cells, "metadata": KERNEL, "nbformat": 4, "nbformat_minor": 5}
    return inert.json_of(notebook)


def comment(verdict: Verdict) -> str | None:
    """The verdict's message in Markdown, as a comment for nbgrader's pages; None where there is nothing to say."""
    return as_text(message_for_student(verdict)) if verdict.message and verdict.status != "needs_manual" else None


def as_text(message: str) -> str:
    """Markdown that shows `message` as it is, but for code in back-quotes."""
    if message.count("`") % 2:
        message = message.replace("`", "'")
    parts = message.split("`")
    parts[::2] = [re.sub(r"[\\*$~|]|(?<!\w)_|_(?!\w)|^[#>+-]", r"\\\g<0>", part) for part in parts[::2]]
    return inert.markdown("`".join(parts))


def _harmless(kind: str, source: str) -> str:
    """A student's source: not endless, and in a text cell no HTML and no links."""
    if len(source) > LONGEST:
        source = source[:LONGEST] + "\n# ... the rest is left out here"
    return inert.markdown(source) if kind == "markdown" else inert.text(source)


def _note(result: Result) -> str:
    lines = [NOTE]
    if result.problem:
        lines = [f"**This submission could not be graded.** {as_text(problem_for_student(result))}"]
    lines += [f"- {as_text(line)}" for line in result.repairs]
    return "\n".join(lines[:1] + ["\nYour notebook needed repair:\n"] * bool(result.repairs) + lines[1:])


def _placed(lesson: Lesson, data: bytes) -> tuple[dict[str, str], dict[str, list[dict[str, Any]]], dict[str, str]]:
    """(lesson cell id -> the student's source, lesson cell id -> own cells below it, exercise -> answer)."""
    shown: dict[str, str] = {}
    own: dict[str, list[dict[str, Any]]] = {}
    cells, answers = read_cells(data), read_submission(data, lesson).answers
    exercises = {e.id: e for e in lesson.exercises}
    ids = {cell.id: cell for cell in lesson.cells if cell.role not in ("exercise", "check")}
    calls = {cell.source.strip(): cell.id for cell in lesson.cells if cell.role == "check"}
    texts = {(cell.type, cell.source.strip()): cell.id for cell in ids.values()}
    left, below, number = dict(answers), "", 0
    for cell in cells:
        exercise, source = exercise_of(cell, exercises), cell["source"]
        known = cell["id"] if cell["id"] in ids else texts.get((cell["type"], source.strip()))
        if exercise and left.get(exercise) == source:
            del left[exercise]
            below = lesson.cell_of(exercise).id
        elif exercise and source.strip() == lesson.cell_of(exercise).source.strip():
            below = lesson.cell_of(exercise).id  # untouched: the answer stands elsewhere
        elif source.strip() in calls:
            below = calls[source.strip()]
        elif known and known not in shown and not exercise and cell["type"] == ids[known].type:
            if source.strip() != ids[known].source.strip():
                shown[known] = source
            below = known
        elif source.strip() and number < MOST:
            number += 1
            own.setdefault(below, []).append(_cell(cell["type"], _harmless(cell["type"], source), f"own-{number}"))
    return shown, own, answers


def _cell(kind: str, source: str, cell_id: str) -> dict[str, Any]:
    # Plain dictionaries: nbformat would validate each cell, which takes longer than all the rest.
    cell: dict[str, Any] = {"cell_type": "markdown", "id": cell_id, "metadata": {}, "source": source}
    if kind != "markdown":  # a raw cell would reach the page as it is; code is shown as text
        cell |= {"cell_type": "code", "execution_count": None, "outputs": []}
    return cell
