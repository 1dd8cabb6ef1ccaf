"""Small things that make a page readable for everyone: blanks that are seen from afar, tables whose first column says what each row is
and that the arrow keys scroll.
"""

import re
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


def marked(body: str) -> str:
    """The HTML of a page in which blanks in code stand out (the name that a notebook imports does not), tables take the keyboard
    (those of figures have a frame that does) and an empty corner of a table is no heading.
    """
    blank = BLANK.replace('"n"', '"n blank"')
    body = body.replace(BLANK, blank).replace(IMPORTED.replace(BLANK, blank), IMPORTED)
    body = re.sub(r'<table class="([^"]*)"(?=>(?!<caption>))', r'<table class="\1" tabindex="0"', body)
    return re.sub(r'<th class="(head[^"]*)">(?:<p></p>)?</th>', r'<td class="\1"></td>', body)


def mark(app: Sphinx, page: str, template: str, context: dict[str, Any], document: nodes.document | None) -> None:
    if "body" in context:
        context["body"] = marked(context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("doctree-read", name_rows)
    app.connect("html-page-context", mark)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
