"""Small things that make a page readable for everyone: blanks that are seen from afar, tables whose first column says what each row is."""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

BLANK = '<span class="n">___</span>'
IMPORTED = f"import</span> {BLANK}"


def name_rows(app: Sphinx, document: nodes.document) -> None:
    """A table whose heading is empty, `| | |`, loses it, and its first column becomes the headings of the rows."""
    for table in list(document.findall(nodes.tgroup)):
        head = next(iter(table.findall(nodes.thead)), None)
        if head is not None and not head.astext().strip():
            table.remove(head)
            next(iter(table.findall(nodes.colspec)))["stub"] = 1


def mark_blanks(app: Sphinx, page: str, template: str, context: dict[str, Any], document: nodes.document | None) -> None:
    """Blanks in code stand out; the name that a notebook imports does not."""
    if "body" in context:
        marked = BLANK.replace('"n"', '"n blank"')
        context["body"] = context["body"].replace(BLANK, marked).replace(IMPORTED.replace(BLANK, marked), IMPORTED)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("doctree-read", name_rows)
    app.connect("html-page-context", mark_blanks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
