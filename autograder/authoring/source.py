"""Reading what an author writes for a lesson: the source file into cells, its cells into exercises, and the checks beside it.

The source is a jupytext percent file with a header on top. Nothing is judged here but what keeps a file from being read; what a
lesson may and may not hold stands in `autograder.authoring.rules`.
"""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import jupytext
import yaml

from autograder.authoring import blanked
from autograder.checks.listing import checks_in
from autograder.course import paths
from autograder.course.catalogue import Check
from autograder.course.cell_code import parsed

# What may stand behind `# %%`, and what it says of the cell.
SETTINGS = {
    "setup=true": "the one cell that imports `___`, `check`, `hint`, `progress`",
    'exercise="7.3-name"': "the cell with the answer; it also has `kind`, `points`, `minutes`, `difficulty`",
    'kind="code"': "what is asked: `code`, `choice` (a prediction), `bug` (code with one wrong line), `written` (read by a person), `artefact` (files)",
    "points=15": "points of the exercise: as many as its hidden checks have together",
    "minutes=10": "minutes that a student needs",
    "difficulty=2": "1, 2 or 3",
    'files=["a.onnx"]': "of an artefact exercise: what is handed in beside the notebook",
    'check="7.3-name"': 'the cell with `check("7.3-name")`',
    "demo=true": "code of ours that students read and run; the grader runs it only where an answer uses a name that it binds. "
    "Cells without a setting always run: imports and small helpers",
    'hints="7.3-name"': 'a text: three numbered hints, which only `hint("7.3-name")` shows',
    'choices="7.1-predict"': "a text: `- a: why` for each choice, shown by `check` once the letter is given",
    'rubric="7.5-written"': "a text: what the person who reads the answer looks for; students never see it",
}
ELSEWHERE = ("hints", "choices", "rubric")  # cells about an exercise that no student sees in this form
ROLES = ("exercise", "check", "demo", "setup")
CHECK_FILES = ("visible", "hidden")
Broken = Iterator[tuple[int, str]]  # what a rule gives: (line, what is wrong there)


class BuildError(Exception):
    """A lesson breaks rules. `violations` is a list of "file:line: what" strings."""

    def __init__(self, violations: list[str]) -> None:
        self.violations = violations
        super().__init__("\n".join(violations))


@dataclass
class SourceCell:
    """A cell of the source: its kind, text, settings from the `# %%` line, and first line in the file."""

    type: str
    source: str
    settings: dict[str, Any]
    line: int

    @property
    def role(self) -> str:
        """What the cell is in the notebook: exercise, check, demo, setup, text or plain."""
        return next((role for role in ROLES if role in self.settings), "text" if self.type == "markdown" else "plain")

    @property
    def exercise(self) -> str:
        """The id of the exercise that the cell holds or checks, or ""."""
        return str(self.settings.get("exercise") or self.settings.get("check") or "")

    @property
    def shown(self) -> bool:
        """Whether the cell, in some form, gets into the notebook."""
        return not set(ELSEWHERE) & self.settings.keys()

    @property
    def figures(self) -> list[tuple[str, bool]]:
        """(name, whether it is the cell's last expression) of every `figures.name(...)` in a code cell."""
        body = [] if self.type != "code" else getattr(parsed(self.source), "body", [])
        last = body[-1].value if body and isinstance(body[-1], ast.Expr) else None
        found = []
        for call in (node for statement in body for node in ast.walk(statement) if isinstance(node, ast.Call)):
            function = call.func
            if isinstance(function, ast.Attribute) and getattr(function.value, "id", None) == "figures":
                found.append((function.attr, call is last))
        return found


@dataclass
class Task:
    """An exercise as its author wrote it: the cell with its answer, and what stands elsewhere about it.

    `heading` is the one above its cell, with the `line` of it. `hints`, `choices` and `rubric` are None where there is no such cell.
    """

    cell: SourceCell
    heading: str
    hints: tuple[str, ...] | None
    choices: dict[str, str] | None
    rubric: str | None
    checks: tuple[Check, ...]

    @property
    def id(self) -> str:
        return self.cell.exercise

    @property
    def line(self) -> int:
        return self.cell.line

    @property
    def kind(self) -> Any:
        return self.cell.settings.get("kind")

    @property
    def by_hand(self) -> bool:
        return self.kind == "written"

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the files that an artefact exercise hands in."""
        named = self.cell.settings.get("files", ())
        return tuple(map(str, named if isinstance(named, (list, tuple)) else [named]))

    def number(self, setting: str) -> int | float:
        """`points`, `minutes` or `difficulty`; 0 where it is missing or no number."""
        value = self.cell.settings.get(setting)
        return value if isinstance(value, (int, float)) and not isinstance(value, bool) else 0

    @cached_property
    def forms(self) -> tuple[str, str]:
        """(what students get in the cell, what the instructor's version holds)."""
        return blanked.written_forms(self.cell.source, self.rubric or "") if self.by_hand else blanked.code_forms(self.cell.source)


@dataclass
class Draft:
    """A lesson as its author has left it, whether or not it keeps the rules.

    `header` is what stands under `course:`; `checks` maps an exercise id to its `Check`s; `trouble` holds "file:line: what" of
    what could not be read.
    """

    path: Path
    name: str | None
    header: dict[str, Any]
    cells: list[SourceCell]
    checks: dict[str, list[Check]]
    trouble: list[str] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.path.parent

    def shown(self, file: str = paths.SOURCE) -> str:
        """How a message calls a file of the lesson."""
        path = self.folder / file
        return path.relative_to(paths.REPOSITORY).as_posix() if path.is_relative_to(paths.REPOSITORY) else str(path)

    @cached_property
    def tasks(self) -> list[Task]:
        """The `Task`s, in their order."""
        hints, choices = self._about("hints", numbered), self._about("choices", lettered)
        rubrics, heading, found = self._about("rubric", str), "", []
        for cell in filter(lambda cell: cell.shown, self.cells):
            if cell.type == "markdown":
                headings = re.findall(r"^#+ +(.+)$", cell.source, re.MULTILINE)
                heading = headings[-1] if headings else heading
            if cell.role == "exercise":
                own = cell.exercise
                found.append(Task(cell, heading, hints.get(own), choices.get(own), rubrics.get(own), tuple(self.checks.get(own, ()))))
        return found

    @cached_property
    def ids(self) -> list[str]:
        return [task.id for task in self.tasks]

    @cached_property
    def released(self) -> list[tuple[SourceCell, str]]:
        """(cell, its text as students get it) of every cell of the notebook, in its order."""
        forms = {task.line: task.forms[0] for task in self.tasks}
        return [(cell, forms.get(cell.line, cell.source)) for cell in self.cells if cell.shown]

    @cached_property
    def secrets(self) -> dict[str, str]:
        """Line of an answer that would tell it -> its exercise. What the lesson itself shows, in its notebook or a visible check, is none."""
        visible = self.folder / "visible.py"
        texts = [text for _, text in self.released] + ([visible.read_text(encoding="utf-8")] if visible.exists() else [])
        shown = {line.strip() for text in texts for line in text.splitlines()}
        answers = ((task.id, (found["answer"] for _, found in blanked.marks(task.cell.source))) for task in self.tasks)
        return {line: own for own, lines in answers for line in blanked.telling(lines) if line not in shown}

    @cached_property
    def prose(self) -> list[tuple[int, str]]:
        """(line, text) of every line of the notebook's texts, in order."""
        texts = [(cell, text) for cell, text in self.released if cell.type == "markdown"]
        return [(cell.line + at, line) for cell, text in texts for at, line in enumerate(text.splitlines(), 1)]

    def cells_about(self, what: str) -> list[SourceCell]:
        """The cells of one sort: "hints", "choices", "rubric", "check"."""
        return [cell for cell in self.cells if what in cell.settings]

    def _about(self, what: str, read: Callable[[str], Any]) -> dict[str, Any]:
        return {str(cell.settings[what]): read(cell.source) for cell in self.cells_about(what)}


def numbered(source: str) -> tuple[str, ...]:
    """The items of a numbered list, each on one line."""
    items = re.split(r"^\d+\.\s+", source.strip(), flags=re.MULTILINE)[1:]
    return tuple(" ".join(item.split()) for item in items)


def lettered(source: str) -> dict[str, str]:
    """letter -> text of a list with lines `- a: text`."""
    items = re.split(r"^- ([a-z]):\s+", source.strip(), flags=re.MULTILINE)[1:]
    return {items[i]: " ".join(items[i + 1].split()) for i in range(0, len(items), 2)}


def sources(folder: Path | None = None) -> list[Path]:
    """The source files: lessons in their order, then labs."""
    folder = folder or paths.SOLUTIONS
    return [*sorted(folder.glob(f"lesson_*/{paths.SOURCE}")), *sorted(folder.glob(f"lab_*/{paths.SOURCE}"))]


def read(path: Path) -> Draft:
    """The `Draft` of a source file. Raises `BuildError` where there are no cells to judge."""
    draft = Draft(path, paths.name_of(path.parent.name), {}, [], {})
    files = [(path.with_name(f"{kind}.py"), draft.shown(f"{kind}.py"), kind == "visible") for kind in CHECK_FILES]
    draft.checks, draft.trouble = checks_in(files)
    unreadable = [f"{draft.shown()}:{line}: {what}" for line, what in _read_cells(draft)]
    if unreadable:
        raise BuildError(unreadable + draft.trouble)
    return draft


def _read_cells(draft: Draft) -> Broken:
    """Fill the draft's header and cells. Yields (line, what) of what keeps them from being read."""
    lines = draft.path.read_text(encoding="utf-8").splitlines()
    start = 0
    if lines and lines[0].strip() == "# ---":
        end = next((i for i, line in enumerate(lines[1:], 1) if line.strip() == "# ---"), None)
        if end is None:
            yield 1, "the header that starts with `# ---` has no closing `# ---`"
            return
        start = end + 1
        try:
            header = yaml.safe_load("\n".join(line[2:] for line in lines[1:end]))
        except yaml.YAMLError as error:
            at = getattr(error, "problem_mark", None)
            yield (at.line + 2 if at else 1), f"the header is not YAML: {getattr(error, 'problem', None) or error}"
            return
        own = header.get("course") if isinstance(header, dict) else None
        draft.header = own if isinstance(own, dict) else {}
    while start < len(lines) and not lines[start].strip():
        start += 1
    starts = [i + 1 for i, line in enumerate(lines) if i >= start and re.match(r"# %%(\s|$)", line)]
    try:
        notebook = jupytext.reads("\n".join(lines[start:]) + "\n", fmt="py:percent")
    except Exception as error:  # jupytext trusts what stands on a `# %%` line
        yield start + 1, f"jupytext cannot read the cells: {type(error).__name__}: {error}. Look at the settings on the `# %%` lines."
        return
    if len(notebook.cells) != len(starts):
        yield start + 1, "text before the first `# %%` line, or a `# %%` line that jupytext reads differently"
        return
    for cell, line in zip(notebook.cells, starts):
        settings = {k: v for k, v in cell.metadata.items() if k != "lines_to_next_cell"}
        draft.cells.append(SourceCell(cell.cell_type, cell.source, settings, line))
