"""Answers that a person reads: what the student wrote, wherever in the notebook it stands.

A student writes in a cell of their own, under the question, in a code cell, at the end. What counts is every line that the lesson did
not hand out; whether it is an answer, a person says.
"""

import ast
import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autograder.course import catalogue

# Less than this outside the question's own section is a heading or a remark, and in code a name.
LETTERS = 12
# Five words in a row do not come in code; nor do ten characters of a script without blanks.
_SENTENCE = re.compile(r"(?:[^\W\d_][\w'’-]*[,;:]?[ \t]+){4}[^\W\d_]|[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{10}")
_HEADING = re.compile(r"##?[ \t]+(.*)")
_KINDS = {"markdown": "a text cell", "code": "a code cell"}


@dataclass(frozen=True)
class Written:
    """An answer in the student's words. `where` says where it stood, if not in its own cell."""

    text: str
    where: str = ""


@dataclass(frozen=True)
class _Piece:
    """What one cell holds of the student's own. `section`: the exercise below whose heading it stands."""

    number: int
    kind: str
    section: str
    text: str
    alone: bool  # whether it could be an answer anywhere: no program with remarks in it


def answers(cells: Sequence[Mapping[str, Any]], lesson: catalogue.Lesson) -> dict[str, Written]:
    """Exercise id -> `Written`, for each exercise of `lesson` that a person reads and to which anything is written.

    `cells` are those of `notebooks.read_cells`, each with the exercise that it answers.
    """
    found, pieces = {}, None
    for exercise in lesson.exercises:
        if not exercise.by_hand:
            continue
        own = [cell for cell in cells if cell["exercise"] == exercise.id and _own_words(cell["source"], lesson, exercise.id)]
        if own:
            found[exercise.id] = Written("\n\n".join(_as_markdown(cell["type"], cell["source"]) for cell in own))
            continue
        pieces = _pieces(cells, lesson) if pieces is None else pieces
        near = [piece for piece in pieces if piece.section == exercise.id]
        by_hand = {e.id for e in lesson.exercises if e.by_hand}
        chosen = near or [piece for piece in pieces if piece.alone and piece.section not in by_hand and _letters(piece.text) >= LETTERS]
        if chosen:
            found[exercise.id] = Written(
                "\n\n".join(_as_markdown(piece.kind, piece.text) for piece in chosen), _where(exercise, chosen, bool(near), len(cells))
            )
    return found


def _where(exercise: catalogue.Exercise, pieces: Sequence[_Piece], near: bool, count: int) -> str:
    places = [f"cell {piece.number} of {count} ({_KINDS.get(piece.kind, 'a raw cell')})" for piece in pieces[:3]]
    more = f" and {len(pieces) - 3} more" if len(pieces) > 3 else ""
    below = "" if near else ", outside its section"
    return f"The answer to {exercise.id} is not in its own cell. What a person reads for it stands in {', '.join(places)}{more}{below}."


def _as_markdown(kind: str, text: str) -> str:
    if kind != "code":
        return text
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", text))])
    return f"{fence}\n{text}\n{fence}"


@functools.cache
def _released(lesson_name: str) -> tuple[set[str], dict[str, str], dict[str, tuple[str, str, str]], dict[tuple[str, str], str]]:
    """(lines, heading -> section, cell id -> (section before, section after, type), cell's text -> id) of a lesson as handed out."""
    lesson = catalogue.lessons()[lesson_name]
    lines, headings, spans, section = {""}, {}, {}, ""
    texts: dict[tuple[str, str], str] = {}
    for cell in lesson.cells:
        before = section
        for line in cell.source.splitlines():
            lines.add(_plain(line))
            if cell.type == "markdown" and (title := _HEADING.fullmatch(line)):
                section = next((e.id for e in lesson.exercises if title[1].startswith(e.id)), "")
                headings[_plain(line)] = section
        spans[cell.id] = before, section, cell.type
        texts.setdefault((cell.type, _text(cell.source)), cell.id)
    return lines, headings, spans, texts


def _pieces(cells: Sequence[Mapping[str, Any]], lesson: catalogue.Lesson) -> list[_Piece]:
    """What the student wrote, in order, cells that answer another exercise left out."""
    lines, headings, spans, texts = _released(lesson.name)
    section = ""
    found: list[_Piece] = []
    for number, cell in enumerate(cells, 1):
        known = lesson.cell_of(cell["exercise"]).id if cell["exercise"] else cell["id"]
        known = known if known in spans else texts.get((cell["type"], _text(cell["source"])))
        source = cell["source"].splitlines()
        leads_to = {i: _leads_to(line, headings, lesson) for i, line in enumerate(source)} if cell["type"] != "code" else {}
        titled = any(each is not None for each in leads_to.values())
        if known:  # where a heading was edited away, all of the cell belongs to what the heading had led to
            section = spans[known][0 if titled else 1]
        own: dict[str, list[str]] = {}
        for i, line in enumerate(source):
            section = section if (led := leads_to.get(i)) is None else led
            if _plain(line) not in lines:
                own.setdefault(section, []).append(line)
        if not cell["exercise"]:
            # A program is one, also where its cell was made a text.
            kind = "code" if known and spans[known][2] == "code" else cell["type"]
            found += _told(number, kind, own, bool(known))
    return found


def _leads_to(line: str, headings: Mapping[str, str], lesson: catalogue.Lesson) -> str | None:
    """The section ("" for one without an exercise) that a heading begins; None for any other line, a heading of the student's own among them."""
    title = _HEADING.fullmatch(line)
    if title is None:
        return None
    return next((e.id for e in lesson.exercises if title[1].startswith(e.id)), headings.get(_plain(line)))


def _told(number: int, kind: str, own: Mapping[str, list[str]], known: bool) -> Iterator[_Piece]:
    """The `_Piece`s of one cell. `own`: section -> lines that the lesson did not hand out; `known`: whether the cell is one of the lesson's."""
    for section, mine in own.items():
        text = "\n".join(mine).strip()
        said, alone = _words_in_code(text) if kind == "code" else (text, True)
        alone = alone and not (known and kind == "code")  # an edited program
        if _letters(said) >= (LETTERS if kind == "code" else 1):
            yield _Piece(number, kind, section, text, alone)


def _words_in_code(text: str) -> tuple[str, bool]:
    """(the words in comments and texts of a piece of code, whether it holds nothing else). What does not parse may be plain words."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        plain = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith(("!", "%")))
        return plain, bool(_SENTENCE.search(plain))
    remarks = re.findall(r"#(.*)", text)
    texts = [node.value for each in body for node in ast.walk(each) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return "\n".join(remarks + texts), all(_is_text(statement) for statement in body)


def _is_text(statement: ast.stmt) -> bool:
    """Whether a statement is a text, one with a name, or one that is printed."""
    value = statement.value if isinstance(statement, (ast.Expr, ast.Assign)) else None
    if isinstance(value, ast.Call):
        return getattr(value.func, "id", "") in ("print", "Markdown", "display") and bool(value.args) and all(map(_text_node, value.args))
    return _text_node(value)


def _text_node(node: ast.AST | None) -> bool:
    return isinstance(node, ast.JoinedStr) or isinstance(node, ast.Constant) and isinstance(node.value, str)


def _own_words(source: str, lesson: catalogue.Lesson, exercise_id: str) -> bool:
    """Whether a cell for an answer holds anything but what was handed out, whole or in part."""
    lines = _released(lesson.name)[0]
    prompt = _plain(lesson.cell_of(exercise_id).source)
    mine = [plain for line in source.splitlines() if (plain := _plain(line)) not in lines]
    return any(_letters(line) and not (line.count(" ") > 1 and line in prompt) for line in mine)


def _letters(text: str) -> int:
    return sum(c.isalnum() for c in text)


def _plain(line: str) -> str:
    return " ".join(line.split())


def _text(source: str) -> str:
    return "\n".join(line.rstrip() for line in source.strip().splitlines())
