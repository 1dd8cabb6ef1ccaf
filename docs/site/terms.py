"""The first place where a page uses a word of the glossary leads to it."""

import re
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx

from docs.site.glossary import read

CLOSED = (
    nodes.literal,
    nodes.literal_block,
    nodes.math,
    nodes.math_block,
    nodes.reference,
    pending_xref,
    nodes.title,
    nodes.raw,
    nodes.term,
)


def link(app: Sphinx, document: nodes.document) -> None:
    """Turn the first use of each term on a lesson's page into a link."""
    page = app.env.docname
    if not page.startswith(("lessons/", "labs/")) and page != "docs/decision_guide":
        return
    left = {form.lower(): term for term in read() for form in term.forms}
    if not left:
        return
    for text in list(_open(document)):
        if not left:
            return
        if text.parent is not None:
            text.parent.replace(text, list(_linked(str(text), left)))


def _open(document: nodes.document) -> Iterator[nodes.Text]:
    """The texts of a page, without code, formulas, headings and links."""
    for text in document.findall(nodes.Text):
        above, closed = text.parent, False
        while above is not None and not closed:
            closed = isinstance(above, CLOSED)
            above = above.parent
        if not closed:
            yield text


def _linked(text: str, left: dict[str, Any]) -> Iterator[nodes.Node]:
    """The text in pieces; a term whose turn has come becomes a reference and is taken out of `left`, in all its forms."""
    while left:
        forms = sorted(map(re.escape, left), key=len, reverse=True)
        found = re.search(rf"(?<![\w-])(?:{'|'.join(forms)})(?![\w-])", text, re.IGNORECASE)
        if found is None:
            break
        term = left[found[0].lower()]
        for form in term.forms:
            left.pop(form.lower(), None)
        if found.start():
            yield nodes.Text(text[: found.start()])
        reference = pending_xref("", refdomain="std", reftype="term", reftarget=term.word, refexplicit=True, refwarn=True)
        reference += nodes.inline("", found[0], classes=["term"])
        yield reference
        text = text[found.end() :]
    if text:
        yield nodes.Text(text)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("doctree-read", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
