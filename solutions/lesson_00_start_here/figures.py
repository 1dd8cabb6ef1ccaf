"""Figures of lesson 00."""

import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch, Rectangle

from autograder.course.figure_style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, figure


@figure
def suitcase():
    """Four ways to pack a suitcase, one for each way to shrink a network."""
    made, panels = plt.subplots(1, 4, figsize=(10, 3.5))
    ways = (
        ("Quantisation", "paperbacks\nfor hardbacks", _books),
        ("Pruning", "leave behind\nwhat you never wear", _shirts),
        ("Distillation", "an expert's summary,\nnot the encyclopaedia", _summary),
        ("Low rank", "roll,\ndon't fold", _rolls),
    )
    for axes, (name, how, fill) in zip(panels, ways):
        axes.set(xlim=(0, 10), ylim=(0, 9.4), aspect="equal")
        axes.axis("off")
        axes.add_patch(FancyBboxPatch((3.9, 7.2), 2.2, 1.3, boxstyle="round,pad=0.1,rounding_size=0.5", fill=False, lw=3))
        case = FancyBboxPatch((0.5, 0.5), 9, 6.8, boxstyle="round,pad=0.1,rounding_size=0.6", fc="white", ec=BLACK, lw=2.5)
        axes.add_patch(case)
        fill(axes)
        axes.set_title(name, loc="center", fontweight="bold")
        axes.text(5, -0.3, how, ha="center", va="top", fontsize=11)
    return made


def _books(axes):
    axes.add_patch(Rectangle((1.0, 0.9), 3.2, 5.6, fc=BLUE, ec=BLACK))
    axes.text(2.6, 3.7, "32 bits", ha="center", va="center", color="white", fontweight="bold", rotation=90)
    axes.annotate("", (5.6, 3.0), (4.4, 3.0), arrowprops={"arrowstyle": "->", "lw": 2})
    for i in range(4):
        axes.add_patch(Rectangle((5.75 + 0.85 * i, 0.9), 0.8, 4.3, fc=SKY, ec=BLACK, hatch="///"))
    axes.text(7.45, 5.75, "8 bits each", ha="center", va="center", fontsize=9)


def _shirts(axes):
    kept = (0, 2, 3, 7)
    for i in range(8):
        x, y = 1.0 + 2.1 * (i % 4), 4.2 - 3.2 * (i // 4)
        inside = i in kept
        body = [(0.35, 0), (1.45, 0), (1.45, 1.5), (1.8, 1.3), (1.8, 2.0), (1.2, 2.5), (0.6, 2.5), (0, 2.0), (0, 1.3), (0.35, 1.5)]
        axes.fill(
            [x + a for a, _ in body],
            [y + b for _, b in body],
            fc=GREEN if inside else "white",
            ec=BLACK if inside else GREY,
            ls="-" if inside else ":",
            lw=1.3,
        )


def _summary(axes):
    for i in range(6):
        axes.add_patch(Rectangle((1.0 + 0.75 * i, 0.9), 0.62, 5.4, fc="white", ec=GREY, ls=":", lw=1.3))
    axes.annotate("", (7.0, 2.6), (5.6, 2.6), arrowprops={"arrowstyle": "->", "lw": 2})
    axes.add_patch(Rectangle((7.2, 1.0), 1.9, 3.2, fc=ORANGE, ec=BLACK, hatch="..."))
    axes.add_patch(Rectangle((7.45, 3.0), 1.4, 0.7, fc="white", ec=BLACK))


def _rolls(axes):
    axes.add_patch(Rectangle((1.0, 0.9), 4.0, 5.6, fc="white", ec=GREY, ls=":", lw=1.3))
    axes.annotate("", (6.2, 3.6), (5.1, 3.6), arrowprops={"arrowstyle": "->", "lw": 2})
    axes.add_patch(Rectangle((6.4, 0.9), 0.9, 5.6, fc=PURPLE, ec=BLACK))
    axes.add_patch(Rectangle((7.6, 5.6), 1.7, 0.9, fc=PURPLE, ec=BLACK, hatch="///"))
    axes.text(3.0, 3.7, "m × n", ha="center", va="center", color=GREY)
