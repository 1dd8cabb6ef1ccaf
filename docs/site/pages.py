"""The page of a lesson: its released notebook, with blanks, and the outputs of a run with answers where they tell none."""

import json
import re
from html import escape
from typing import Any

import nbformat

from autograder.authoring.build import Built
from autograder.course import paths
from docs.site import figures
from docs.site.capture import MIME
from docs.site.fork import Fork
from docs.site.runs import Run

WORDS_A_MINUTE = 200
# Cells whose outputs the page shows. What an answer's or a check's cell says is for who has written the answer.
TELLING_ROLES = ("demo", "plain")
OWN = re.compile(r"^\s*(?:check|hint|progress)\(", re.MULTILINE)
PREDICTION = re.compile(r"\*Your predictions?\b.*\*", re.DOTALL)

CLOSED = '<details class="prediction">\n<summary>What came of the prediction</summary>\n\n{}\n\n</details>'


def page(built: Built, run: Run, fork: Fork) -> str:
    """The page as a notebook file's text, for MyST-NB."""
    notebook = nbformat.reads(built.notebook, as_version=4)
    number = 0
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = folded(cell.source)
            continue
        cell.outputs = []
        role = cell.metadata.course.role
        if role == "exercise":
            cell.metadata["tags"] = ["exercise"]
        if role not in TELLING_ROLES or OWN.search(cell.source):
            continue
        for output in run.outputs.get(cell.id, ()):
            number += 1
            if kept := _output(output, f"f{number}"):
                cell.outputs.append(nbformat.from_dict(kept))
    first = notebook.cells[0]
    title, _, rest = first.source.partition("\n")
    first.source = f"{title}\n\n{head(built, fork)}\n{rest}"
    return json.dumps(notebook, ensure_ascii=False)


def _output(output: dict[str, Any], name: str) -> dict[str, Any] | None:
    """An output as the page shows it; None where it shows nothing. A figure is drawn anew, texts stay, what a program complains of goes."""
    if output["output_type"] == "stream":
        return output if output["name"] == "stdout" else None
    data = output.get("data", {})
    if MIME in data:
        found = data[MIME]
        return {"output_type": "display_data", "metadata": {}, "data": {"text/html": figures.shown(found, name)}}
    # The grey of rich's dim words is too pale on either page.
    kept = {kind: value.replace("#7f7f7f", "inherit") for kind, value in data.items() if kind in ("text/html", "text/plain")}
    return {"output_type": "display_data", "metadata": {}, "data": kept} if kept else None


def folded(text: str) -> str:
    """The text with each answer to "predict" closed, until somebody opens it."""

    paragraphs = text.split("\n\n")
    return "\n\n".join(CLOSED.format(each) if PREDICTION.fullmatch(each.strip()) else each for each in paragraphs)


def head(built: Built, fork: Fork) -> str:
    """Below the title: how long it takes, and the ways to get the notebook."""
    lesson = built.lesson
    words = sum(len(re.findall(r"\w+", cell.source)) for cell in lesson.cells if cell.type == "markdown")
    reading = f"{max(1, round(words / WORDS_A_MINUTE))} minutes to read, {lesson.minutes} with its exercises · {lesson.points:g} points"
    name = lesson.name
    where = paths.notebook_of(name).relative_to(paths.REPOSITORY).as_posix()
    up = "../" * where.count("/")
    buttons = [(f"{up}notebooks/{name}.ipynb", "Get this notebook", f' download="{name}.ipynb"')]
    if fork.repository:
        buttons.append((fork.colab(f"notebooks/{name}.ipynb"), "Open in Colab", ""))
        buttons.append((fork.binder(where), "Open in Binder", ""))
    links = "".join(f'<a class="get" href="{escape(link, quote=True)}"{more}>{text}</a>' for link, text, more in buttons)
    return f'<div class="lesson-head"><p class="reading-time">{reading}</p><p class="buttons">{links}</p></div>\n'
