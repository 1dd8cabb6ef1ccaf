"""Every figure of the course is drawn here, so that all look alike.

Each function takes arrays that a notebook has computed, draws them and returns a matplotlib `Figure`
that is already closed: as the last expression of a cell it is shown once. Colours are Okabe and Ito's
palette for colour-blind readers, and no meaning rests on colour alone: markers, line styles and
hatches differ too, so a grey print can be read.
"""

import functools
from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axis import Axis
from matplotlib.ticker import Formatter, LogFormatterSciNotation

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, RED, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY = "#666666"

STYLE = {
    "figure.dpi": 100,
    "savefig.dpi": 100,
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.labelsize": 11,
    "legend.fontsize": 10,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "lines.linewidth": 2,
    "lines.markersize": 7,
    "hatch.linewidth": 0.8,
}


PLAIN = 1e-4, 1e5  # between these a power of ten is easier to read as 0.01 or 1000


class Plain(Formatter):
    """Labels the ticks that `chosen` labels, with plain numbers."""

    def __init__(self, chosen: Formatter) -> None:
        self._chosen = chosen

    def set_locs(self, locs: Any) -> None:
        self._chosen.set_locs(locs)

    def __call__(self, x: float, pos: int | None = None) -> str:
        return f"{x:g}" if self._chosen(x, pos) else ""


def _plain_numbers(axis: Axis) -> None:
    """Where a logarithmic axis has matplotlib's own powers of ten, and few of them: 0.1 in place of 10 to the power of -1."""
    low, high = sorted(axis.get_view_interval())
    if axis.get_scale() == "log" and low >= PLAIN[0] and high <= PLAIN[1]:
        major, minor = axis.get_major_formatter(), axis.get_minor_formatter()
        if type(major) is LogFormatterSciNotation:
            axis.set_major_formatter(Plain(major))
        if type(minor) is LogFormatterSciNotation:
            axis.set_minor_formatter(Plain(minor))


def figure(draw: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: `draw` works in the course's style and returns a Figure, which is then closed."""

    @functools.wraps(draw)
    def drawn(*args: Any, **kwargs: Any) -> Any:
        with plt.rc_context(STYLE):
            made = draw(*args, **kwargs)
            for axes in made.axes:
                _plain_numbers(axes.xaxis)
                _plain_numbers(axes.yaxis)
            plt.close(made)
        return made

    return drawn
