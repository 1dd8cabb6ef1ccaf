"""What somebody calls classes and folders is text: no formula in a figure, no markup in a terminal, a table or a page."""

import io
from dataclasses import replace

import pytest
import torch
from rich.console import Console

from course_data.progress_bar import bar, status
from course_labs.report import figures, results, tables
from course_labs.report.page import page
from tests import REPOSITORY

NAMES = ("cost_$1_to_$5", "[bold]x[/]", "a|b", "<b>*c*</b>", "\\alpha$", "f", "g", "h", "i", "j")


@pytest.fixture(scope="module")
def odd():
    found = results.read(REPOSITORY / "labs" / "results" / "mnist.json")
    return replace(found, data=replace(found.data, title="photos [v2] $x$ (8×8)", classes=NAMES))


def texts(figure):
    figure.draw_without_rendering()
    from matplotlib.text import Text

    return [text for text in figure.findobj(Text) if text.get_text()]


def test_in_figures(odd):
    images, labels = torch.zeros(10_000, 1, 8, 8, dtype=torch.uint8), torch.zeros(10_000, dtype=torch.int64)
    for figure in (figures.tradeoff(odd), figures.classes(odd), figures.lost_images(odd, images, labels), figures.tradeoffs([odd])):
        drawn = texts(figure)
        for text in drawn:
            _, formula = text._preprocess_math(text.get_text())
            assert not formula, text.get_text()
        shown = " ".join(text._preprocess_math(text.get_text())[0] for text in drawn)
        assert "photos [v2] $x$ (8×8)" in shown
    assert "cost_$1_to_$5" in " ".join(
        text._preprocess_math(text.get_text())[0] for text in texts(figures.lost_images(odd, images, labels))
    )


def test_on_the_terminal(odd):
    out = io.StringIO()
    console = Console(file=out, width=200, force_terminal=True, color_system=None)
    console.print(tables.terminal(odd))
    with status("reading photos [v2]", console):
        pass
    with bar("reading photos [v2] [/]", 1, console) as update:
        update(0.5, "[/nothing]")
    assert "photos [v2] $x$ (8×8): four models" in out.getvalue()


def test_in_tables_and_pages(odd):
    table = tables.markdown(odd)
    assert r"photos \[v2\] \$x\$ (8×8)" in table
    html = page(odd, {name: b"" for name in ("tradeoff", "classes", "lost")})
    assert "<b>*c*</b>" not in html
