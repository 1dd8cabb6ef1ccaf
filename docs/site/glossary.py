"""The glossary: docs/glossary.md holds the words, one row each; here they are read, and made into Sphinx's form."""

import functools
import re
from dataclasses import dataclass

from autograder.course import paths
from course_data.errors import UserError

SOURCE = paths.REPOSITORY / "docs" / "glossary.md"


@dataclass(frozen=True)
class Term:
    """A word, its other `forms` in the lessons' texts (the word first), what it means, and the lesson that explains it."""

    word: str
    forms: tuple[str, ...]
    meaning: str
    lesson: str


@functools.cache
def read() -> tuple[Term, ...]:
    """The rows of docs/glossary.md: `| word, another form | means | lesson |`. Raises `UserError` where a row has another shape."""
    found = []
    for number, line in enumerate(SOURCE.read_text(encoding="utf-8").splitlines(), 1):
        if not line.startswith("|") or line.startswith(("| word ", "|---")):
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 3 or not all(cells):
            raise UserError(
                f"docs/glossary.md:{number}: a row has three cells, `| word, another form | means | lesson |`; this is {line!r}"
            )
        forms = tuple(form.strip() for form in cells[0].split(","))
        found.append(Term(forms[0], forms, cells[1], cells[2]))
    return tuple(found)


def page() -> str:
    """The glossary's page: the text above the table, then the words in Sphinx's own form, so that pages can lead to them."""
    text = SOURCE.read_text(encoding="utf-8")
    above = text[: re.search(r"^\| word ", text, re.MULTILINE).start()]  # type: ignore[union-attr]
    rows = [f"{term.word}\n  {term.meaning} (lesson {term.lesson})\n" for term in sorted(read(), key=lambda term: term.word.lower())]
    return f"{above}```{{glossary}}\n" + "\n".join(rows) + "```\n"
