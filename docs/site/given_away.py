"""Whether the finished site tells an answer: every page's own text, and every notebook to download, held against all that is secret."""

import functools
import html
import re
from collections.abc import Mapping
from pathlib import Path

from autograder.authoring.blanked import ANSWER_MARK
from autograder.authoring.source import Draft, read, sources
from autograder.authoring.students_copy import leaks

LONG = 25  # letters and more: a shorter sentence may stand anywhere


def text_of(page: str) -> str:
    """What a page of HTML says, line by line as a reader sees it."""
    page = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", "", page))


@functools.cache
def _drafts() -> list[Draft]:
    return [read(path) for path in sources()]


@functools.cache
def sentences() -> dict[str, str]:
    """What is said about an exercise behind the scenes -> whose it is: explained choices, hints, rubrics, model answers."""
    found = {}
    for draft in _drafts():
        for task in draft.tasks:
            said = [*(task.hints or ()), *(task.choices or {}).values(), *(task.rubric or "").splitlines()]
            if task.by_hand:
                said += task.cell.source.partition(ANSWER_MARK)[2].splitlines()
            found.update({_plain(each): f"{task.id}, behind the scenes" for each in said if len(_plain(each)) >= LONG})
        found.update({_plain(line): f"{own}, answer" for line, own in draft.secrets.items()})
    shown = " ".join(_plain(text) for draft in _drafts() for _, text in draft.released)
    return {sentence: whose for sentence, whose in found.items() if sentence not in shown}


def _plain(text: str) -> str:
    """Text without marks and spaces: as it is compared, in whatever lines and type it stands."""
    return re.sub(r"[\s*`$_\\-]+", "", re.sub(r"^\s*[-*\d.]+\s", "", text))


def in_pages(pages: Mapping[str, str]) -> list[str]:
    """ "page: what it tells (whose)" for all that the pages (name -> HTML, or a notebook's text) should not say."""
    texts = {name: page if name.endswith(".ipynb") else text_of(page) for name, page in pages.items()}
    found = leaks({name: text.encode() for name, text in texts.items()})
    for name, text in texts.items():
        plain = _plain(text.replace("\\n", " "))
        found += [f"{name}: {sentence}  ({whose})" for sentence, whose in sentences().items() if sentence in plain]
    return found


def in_site(folder: Path) -> list[str]:
    """`in_pages` for every page and notebook in a folder."""
    files = [path for path in sorted(folder.rglob("*")) if path.suffix in (".html", ".ipynb")]
    return in_pages({path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in files})
