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


def figure(draw: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: `draw` works in the course's style and returns a Figure, which is then closed."""

    @functools.wraps(draw)
    def drawn(*args: Any, **kwargs: Any) -> Any:
        with plt.rc_context(STYLE):
            made = draw(*args, **kwargs)
            plt.close(made)
        return made

    return drawn
