"""Formulas as MathML, made while the site is built: browsers draw it themselves and screen readers read it; no script, no network."""

import re
from typing import Any

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

# What the lessons write and docutils does not know, in words that it does.
OTHER_WORDS = (
    (r"\\dots\b", r"\\ldots"),
    (r"\\[bB]ig[lrgm]?(?![a-zA-Z])", ""),  # the size of a bracket: MathML stretches them itself
    (r"\\mathrel\{(.*?)\}", r"\1"),
    (r"\\textstyle\b", ""),
    ("½", r"\\tfrac{1}{2}"),
)


def mathml(formula: str, display: bool = False) -> str:
    """A formula in LaTeX as a `<math>` element. Raises `MathError` for a word that has no MathML here."""
    for wanted, instead in OTHER_WORDS:
        formula = re.sub(wanted, instead, formula)
    return str(tex2mathml(formula, as_block=display))


def _visit(self: Any, node: nodes.Element, display: bool) -> None:
    try:
        made = mathml(node.astext(), display)
    except MathError as error:
        raise ExtensionError(f"{node.source}: a formula that cannot be shown, {node.astext()!r}: {error}") from None
    self.body.append(f'<div class="math" tabindex="0" role="group" aria-label="Formula">{made}</div>' if display else made)
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer(
        "mathml", (lambda self, node: _visit(self, node, False), None), (lambda self, node: _visit(self, node, True), None)
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}
