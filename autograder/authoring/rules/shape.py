"""Rules about how long a lesson is and what it consists of. A lesson of another shape names those that it does not keep in its header's `except:`."""

import re

from autograder.authoring.source import Broken, Draft
from autograder.course import paths
from autograder.course.blanks import has_blank

CELLS, CODE_LINES, FIRST_BLANK = (15, 45), 40, 6
EXERCISES, LAB_EXERCISES, POINTS = (5, 9), (4, 7), 100
QUESTIONS = (3, 5)
CLOSING = ("Mini-challenge", "Common errors", "Quick reference", "Questions people ask", "What this did not show", "Further reading")


def number_of_cells(draft: Draft) -> Broken:
    """A notebook has 15 to 45 cells."""
    count, (least, most) = len(draft.released), CELLS
    if not least <= count <= most:
        yield 1, f"the notebook has {count} cells; a lesson has {least} to {most}"


def length_of_code(draft: Draft) -> Broken:
    """A code cell has 40 lines at most."""
    for cell, text in draft.released:
        lines = len(text.splitlines())
        if cell.type == "code" and lines > CODE_LINES:
            yield cell.line, f"this code cell has {lines} lines; {CODE_LINES} at most"


def first_blank(draft: Draft) -> Broken:
    """The first blank is within the first six cells: whoever opens a lesson soon has something to do."""
    first = draft.released[:FIRST_BLANK]
    if not any(cell.type == "code" and cell.role != "setup" and has_blank(text) for cell, text in first):
        yield 1, f"no blank in the first {FIRST_BLANK} cells"


def number_of_exercises(draft: Draft) -> Broken:
    """A lesson has 5 to 9 exercises, a lab 4 to 7, of 100 points together."""
    least, most = LAB_EXERCISES if _lab(draft) else EXERCISES
    if not least <= len(draft.tasks) <= most:
        yield 1, f"there are {len(draft.tasks)} exercises; a {'lab' if _lab(draft) else 'lesson'} has {least} to {most}"
    total = sum(task.number("points") for task in draft.tasks)
    if total != POINTS:
        yield 1, f"the exercises have {total:g} points together; a lesson has {POINTS}"


def kinds_of_exercises(draft: Draft) -> Broken:
    """A lesson has a prediction (kind choice) and just one bug to find; a lab a prediction, code, files (kind artefact) and a written answer."""
    kinds = [task.kind for task in draft.tasks]
    for kind in ("choice", "code", "artefact", "written") if _lab(draft) else ("choice",):
        if kind not in kinds:
            yield 1, f"no exercise is of the kind {kind}"
    if not _lab(draft) and kinds.count("bug") != 1:
        yield 1, f"{kinds.count('bug')} exercises are of the kind bug; a lesson has one"


def closing_sections(draft: Draft) -> Broken:
    """A lesson closes with Mini-challenge, Common errors, Quick reference, Questions people ask, What this did not show, Further reading, in this order."""
    found, last = _sections(draft), 0
    for name in CLOSING:
        if name not in found:
            yield 1, f"the section `## {name}` is missing"
        elif found[name][0] < last:
            yield found[name][0], f"the section {name} comes too early: the order is {', '.join(CLOSING)}"
        else:
            last = found[name][0]


def questions_people_ask(draft: Draft) -> Broken:
    """Three to five questions that people ask, in bold at the start of a line."""
    line, text = _sections(draft).get("Questions people ask", (0, ""))
    count = len(re.findall(r"^\*\*.+\?", text, re.MULTILINE))
    if line and not QUESTIONS[0] <= count <= QUESTIONS[1]:
        yield line, f"{count} questions that start with `**Question?**`; {QUESTIONS[0]} to {QUESTIONS[1]} are wanted"


def further_reading(draft: Draft) -> Broken:
    """Further reading names at least one paper on arXiv."""
    line, text = _sections(draft).get("Further reading", (0, ""))
    if line and not re.search(r"arXiv:\d{4}\.\d{4,5}", text):
        yield line, "Further reading names no paper as [arXiv:1712.05877](https://arxiv.org/abs/1712.05877)"


def _lab(draft: Draft) -> bool:
    return draft.name is not None and paths.is_lab(draft.name)


def _sections(draft: Draft) -> dict[str, tuple[int, str]]:
    """Closing section -> (line of its heading, the text below it)."""
    found: dict[str | None, tuple[int, list[str]]] = {}
    current = None
    for line, text in draft.prose:
        if text.startswith("## "):
            current = next((name for name in CLOSING if text.startswith(f"## {name}")), None)
            found.setdefault(current, (line, []))
        if current:
            found[current][1].append(text)
    return {name: (line, "\n".join(texts)) for name, (line, texts) in found.items() if name}


RULES = (
    number_of_cells,
    length_of_code,
    first_blank,
    number_of_exercises,
    kinds_of_exercises,
    closing_sections,
    questions_people_ask,
    further_reading,
)
NAMES = tuple(rule.__name__ for rule in RULES)
