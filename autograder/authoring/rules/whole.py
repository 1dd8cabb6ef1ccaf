"""Rules about the source as a whole: its header, which cells there are, and that nothing of an answer gets out."""

import re
from typing import Any

from autograder.authoring.blanked import ANSWER_MARK, MARKED, SCHEME
from autograder.authoring.rules import shape
from autograder.authoring.source import SETTINGS, Broken, Draft
from autograder.course import paths
from autograder.course.blanks import has_blank

HEADER: dict[str, Any] = {"lesson": str, "title": str, "writes": str, "minutes": int, "points": (int, float)}
LEFT_OVER = ("# blank:", "# bug:", ANSWER_MARK, SCHEME)
WHAT_TO_SEE = ("*What to see: ", "*What to see, ")
LINK = re.compile(r"(?P<picture>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)[^)]*\)")


def folder_is_named(draft: Draft) -> Broken:
    """The folder is named lesson_NN_topic or lab_topic."""
    if draft.name is None:
        yield 1, f"the folder {draft.folder.name} is neither lesson_NN_topic nor lab_topic"


def header_is_complete(draft: Draft) -> Broken:
    """The header has, under `course:`, lesson, title, writes (what a student writes, for the table in README.md), minutes and points."""
    for key, kind in HEADER.items():
        value = draft.header.get(key)
        if key not in draft.header:
            yield 1, f"the header lacks `{key}:` under `course:`"
        elif not isinstance(value, kind) or isinstance(value, bool) or not value:
            yield 1, f"the header's `{key}:` is {value!r}; it must be {'a text' if kind is str else 'a number above 0'}"
        elif isinstance(value, str) and ("|" in value or "\n" in value):
            yield 1, f"the header's `{key}:` stands in a table: one line, without |"


def header_names_the_folder(draft: Draft) -> Broken:
    """The header's `lesson:` is the folder's name without lesson_ or lab_."""
    if draft.name and draft.header.get("lesson") != draft.name:
        yield 1, f"the header says lesson {draft.header.get('lesson')!r}, the folder is named {draft.folder.name!r}"


def header_has_no_other_keys(draft: Draft) -> Broken:
    """The header has no other keys, but `except:`, the list of rules of shape that a lesson of another shape does not keep."""
    for key in draft.header.keys() - HEADER.keys() - {"except"}:
        yield 1, f"the header has `{key}:`, which nothing reads"
    named = draft.header.get("except", [])
    for name in named if isinstance(named, list) else [named]:
        if name not in shape.NAMES:
            yield 1, f"the header's `except:` names {name!r}; it is a list of some of: {', '.join(shape.NAMES)}"


def points_add_up(draft: Draft) -> Broken:
    """The points of the exercises add up to the header's."""
    total, said = sum(task.number("points") for task in draft.tasks), draft.header.get("points")
    if said is not None and total != said:
        yield 1, f"the exercises have {total:g} points together; the header says {said}"


def minutes_suffice(draft: Draft) -> Broken:
    """The header's minutes are no fewer than those of the exercises together."""
    total, said = sum(task.number("minutes") for task in draft.tasks), draft.header.get("minutes")
    if isinstance(said, (int, float)) and total > said:
        yield 1, f"the exercises take {total:g} minutes together; the header says {said}"


def title_comes_first(draft: Draft) -> Broken:
    """The first cell is a text that starts with `# NN Title`, in a lab with `# Title`."""
    if not draft.cells or draft.name is None:
        return
    want = "# " if paths.is_lab(draft.name) else f"# {draft.name[:2]} "
    if draft.cells[0].type != "markdown" or not draft.cells[0].source.startswith(want):
        yield draft.cells[0].line, f"the first cell must be a text that starts with `{want}Title`"


def time_and_points_are_said(draft: Draft) -> Broken:
    """The table in the first text has the rows Time and Points, with the header's numbers."""
    for row, key in (("Time", "minutes"), ("Points", "points")):
        said = [(line, found) for line, text in draft.prose if (found := re.match(rf"\| {row} \|\D*(\d+)", text))]
        if not said:
            yield 1, f"no table of the text has a row `| {row} | {draft.header.get(key)} ... |`"
        elif int(said[0][1][1]) != draft.header.get(key):
            yield said[0][0], f"the row {row} says {said[0][1][1]}; the header says {draft.header.get(key)} {key}"


def one_cell_sets_up(draft: Draft) -> Broken:
    """One cell is marked setup=true: the import of `___`, check, hint and progress."""
    marked = [cell for cell in draft.cells if cell.role == "setup"]
    if not marked:
        yield 1, "no cell is marked setup=true"
    for cell in marked[1:]:
        yield cell.line, "a second cell is marked setup=true"


def cells_know_their_settings(draft: Draft) -> Broken:
    """The settings of a `# %%` line are those that the builder reads."""
    known = {setting.partition("=")[0] for setting in SETTINGS}
    for cell in draft.cells:
        for key in cell.settings.keys() - known:
            yield cell.line, f"nothing reads the setting `{key}`"


def blanks_are_in_exercises(draft: Draft) -> Broken:
    """Blanks and bugs stand in exercise cells only."""
    for cell in draft.cells:
        if cell.type == "code" and cell.role in ("demo", "plain", "setup"):
            if MARKED.search(cell.source) or has_blank(cell.source) and cell.role != "setup":
                yield cell.line, "a blank outside an exercise cell"


def no_answer_gets_out(draft: Draft) -> Broken:
    """No mark of an answer is left in what students get."""
    for cell, text in draft.released:
        for mark in LEFT_OVER:
            if mark in text:
                yield cell.line, f"`{mark}` would stand in the students' notebook"


def figures_are_explained(draft: Draft) -> Broken:
    """A figure is the last thing in its cell, and the next cell is a text that begins with `*What to see: `."""
    after = dict(zip((cell.line for cell, _ in draft.released), [cell for cell, _ in draft.released[1:]]))
    for cell in draft.cells:
        for name, last in cell.figures:
            if not last:
                yield cell.line, f"figures.{name} must be the last thing in its cell: only there it is shown"
            elif cell.line not in after or not after[cell.line].source.startswith(WHAT_TO_SEE):
                yield cell.line, f"the cell after figures.{name} must begin with `{WHAT_TO_SEE[0]}`"


def links_lead_somewhere(draft: Draft) -> Broken:
    """A link within the course leads to a notebook or file that is there, and a picture has a text for who cannot see it."""
    home = paths.notebook_of(draft.name).parent if draft.name else draft.folder
    for line, text in draft.prose:
        for found in LINK.finditer(re.sub(r"`[^`]*`|\$[^$]*\$", "", text)):
            if found["picture"] and not found["text"].strip():
                yield line, f"the picture {found['target']} has no text for who cannot see it"
            target = found["target"].partition("#")[0]
            if target and not re.match(r"[a-z]+:", target) and not ((home / target).exists() or _will_be(target)):
                yield line, f"the link to {target} leads nowhere"


def _will_be(target: str) -> bool:
    name = target.rpartition("/")[2].removesuffix(".ipynb")
    return target.endswith(".ipynb") and paths.source_of(name).exists()


def arxiv_links_are_what_they_say(draft: Draft) -> Broken:
    """A link to arXiv is [arXiv:1712.05877](https://arxiv.org/abs/1712.05877), with the same number in both places."""
    for line, text in draft.prose:
        for said, linked in re.findall(r"\[arXiv:([^\]]*)\]\(([^)]*)\)", text):
            if not re.fullmatch(r"\d{4}\.\d{4,5}", said) or linked != f"https://arxiv.org/abs/{said}":
                yield line, f"[arXiv:{said}] leads to {linked}; it must be https://arxiv.org/abs/ with the same number, like 1712.05877"


RULES = (
    folder_is_named,
    header_is_complete,
    header_names_the_folder,
    header_has_no_other_keys,
    points_add_up,
    minutes_suffice,
    title_comes_first,
    time_and_points_are_said,
    one_cell_sets_up,
    cells_know_their_settings,
    blanks_are_in_exercises,
    no_answer_gets_out,
    figures_are_explained,
    links_lead_somewhere,
    arxiv_links_are_what_they_say,
)
