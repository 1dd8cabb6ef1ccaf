"""Every figure of the course is drawn here, so that all look alike.

Each function takes arrays that a notebook has computed, draws them and returns a matplotlib `Figure`
that is already closed: as the last expression of a cell it is shown once. Colours are Okabe and Ito's
palette for colour-blind readers, and no meaning rests on colour alone: markers, line styles and
hatches differ too, so a grey print can be read.
"""

import functools

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import FancyBboxPatch, Rectangle

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


def figure(draw):
    """Decorator: `draw` works in the course's style and returns a Figure, which is then closed."""

    @functools.wraps(draw)
    def drawn(*args, **kwargs):
        with plt.rc_context(STYLE):
            made = draw(*args, **kwargs)
            plt.close(made)
        return made

    return drawn


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
            [x + a for a, _ in body], [y + b for _, b in body],
            fc=GREEN if inside else "white", ec=BLACK if inside else GREY, ls="-" if inside else ":", lw=1.3,
        )  # fmt: skip


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


@figure
def number_line(x, x_hat, levels, codes, title="Each float goes to the nearest allowed value"):
    """Floats `x` (circles) and where they land (`x_hat`), above a line of `levels` with their `codes`."""
    made, axes = plt.subplots(figsize=(9, 2.6))
    axes.axhline(0, color=BLACK, lw=1.2)
    axes.plot(levels, np.zeros(len(levels)), "|", color=BLACK, ms=16, mew=2)
    for level, code in zip(levels, codes):
        axes.text(level, -0.33, f"{code}", ha="center", va="center", fontweight="bold", color=BLUE)
        axes.text(level, -0.62, f"{level:.2g}", ha="center", va="center", fontsize=9, color=GREY)
    for a, b in zip(x, x_hat):
        axes.annotate("", (b, 0.06), (a, 0.52), arrowprops={"arrowstyle": "->", "color": RED, "lw": 1.6})
    axes.plot(x, np.full(len(x), 0.58), "o", mfc="white", mec=RED, mew=2)
    left = min(levels[0], min(x)) - 0.17 * (levels[-1] - levels[0])
    for y, text, colour in ((0.58, "float", RED), (-0.33, "code", BLUE), (-0.62, "means", GREY)):
        axes.text(left, y, text, va="center", ha="left", color=colour)
    axes.set(ylim=(-0.8, 0.85), yticks=[], xticks=[], title=title)
    axes.spines[["left", "bottom"]].set_visible(False)
    return made


@figure
def error_histogram(errors, scale):
    """Histogram of quantisation errors (same unit as `scale`) against the uniform density on ±s/2."""
    made, axes = plt.subplots(figsize=(7, 3.2))
    axes.hist(errors / scale, bins=50, range=(-0.625, 0.625), density=True, color=SKY, ec="white", label="measured")
    axes.plot([-0.5, -0.5, 0.5, 0.5], [0, 1, 1, 0], "--", color=RED, label="uniform between -s/2 and s/2")
    axes.set(
        xlabel="error, in gaps (units of the scale s)", ylabel="density", ylim=(0, 1.45),
        title="The error is spread evenly over one gap",
    )  # fmt: skip
    axes.legend(loc="upper center", ncols=2)
    return made


@figure
def sqnr_against_bits(bits, measured, theory):
    """Signal to quantisation noise ratio in dB, measured and from s^2/12, for each number of bits."""
    made, axes = plt.subplots(figsize=(7, 3.6))
    axes.plot(bits, theory, "-", color=BLUE, label="theory: mean square error s²/12")
    axes.plot(bits, measured, "o", mfc="white", mec=RED, mew=2, ms=9, label="measured")
    axes.grid(axis="y")
    axes.set(xlabel="bits a code", ylabel="SQNR (dB)", xticks=bits, title="Each bit buys about 6 dB")
    axes.legend(loc="upper left")
    return made


@figure
def codes_used(symmetric, asymmetric):
    """How often each int8 code occurs, for symmetric and asymmetric codes of the same tensor."""
    made, panels = plt.subplots(2, 1, figsize=(8, 4.2), sharex=True)
    bins = np.arange(-128, 129, 4)
    for axes, codes, name, colour in ((panels[0], symmetric, "Symmetric", ORANGE), (panels[1], asymmetric, "Asymmetric", BLUE)):
        codes = np.asarray(codes)
        axes.hist(codes.ravel(), bins=bins, color=colour, ec=BLACK, lw=0.4, log=True)
        axes.axvspan(-128, codes.min(), fc="none", ec="#BBBBBB", hatch="//", lw=0)
        used = len(np.unique(codes))
        axes.set(ylabel="count (log)", title=f"{name}: {used} different codes in use", xlim=(-130, 130))
        if codes.min() > -100:
            box = {"fc": "white", "ec": "none", "pad": 3}
            axes.text((-128 + codes.min()) / 2, 0.5, "never used", transform=axes.get_xaxis_transform(), ha="center", bbox=box)
    panels[1].set(xlabel="code")
    return made


@figure
def clip_search(clips, mses, marks):
    """Mean squared error against the clip. `marks`: name -> clip, drawn on the curve."""
    made, axes = plt.subplots(figsize=(7.5, 3.6))
    axes.plot(clips, mses, "-", color=BLACK, lw=1.5)
    looks = zip(marks.items(), ((RED, "s"), (BLUE, "^"), (GREEN, "o"), (PURPLE, "D")))
    for (name, clip), (colour, marker) in looks:
        cost = np.interp(clip, clips, mses)
        axes.plot(clip, cost, marker, color=colour, ms=11, mec=BLACK, ls="none", label=f"{name}: clip {clip:.2f}, error {cost:.3f}")
    axes.grid(axis="y")
    axes.set(
        xlabel="clip (floats beyond it are cut off)", ylabel="mean squared error", ylim=(0, None),
        title="A narrow range clips, a wide one rounds",
    )  # fmt: skip
    axes.legend(loc="upper center")
    return made


@figure
def loud_channel(per_tensor, per_channel, loud):
    """Root mean square error of each row with one scale for all rows, and with one for each."""
    made, axes = plt.subplots(figsize=(8, 3.6))
    rows = np.arange(len(per_tensor))
    axes.bar(rows - 0.2, per_tensor, 0.38, color=ORANGE, ec=BLACK, lw=0.6, label="one scale for all rows")
    axes.bar(rows + 0.2, per_channel, 0.38, color=BLUE, ec=BLACK, lw=0.6, hatch="///", label="one scale for each row")
    axes.set_yscale("log")
    low, high = min(np.min(per_channel), np.min(per_tensor)), max(np.max(per_channel), np.max(per_tensor))
    axes.set(
        xlabel="row (output channel)", ylabel="rms error of the weights (log)", ylim=(low / 3, high * 8), xticks=rows,
        title="One loud row makes all rows coarse",
    )  # fmt: skip
    axes.set_xticklabels([f"{row}\nloud" if row == loud else f"{row}" for row in rows])
    axes.legend(loc="upper center", ncols=2)
    return made
