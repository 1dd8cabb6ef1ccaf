"""Figures of lesson 08."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import StrMethodFormatter

from autograder.course.figure_style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY, figure

LOOKS = ((BLUE, "o", "-"), (RED, "s", "--"), (GREEN, "^", ":"), (ORANGE, "D", "-."), (PURPLE, "v", "-"), (SKY, "P", "--"))


@figure
def one_loud_weight(row, rounded):
    """A row whose loudest weight lies far above the picture, and what is left of it. `rounded`: size of a group -> the row after rounding."""
    made, panels = plt.subplots(1, len(rounded), figsize=(10, 3.4), sharey=True)
    at, loud = np.arange(len(row)), int(np.abs(row).argmax())
    for axes, (size, back) in zip(panels, rounded.items()):
        axes.vlines(at, 0, row, color=GREY, lw=1)
        axes.plot(at, back, "o", ms=5, mfc="white", mec=BLUE, mew=1.5, label="after rounding")
        for edge in range(size, len(row), size):
            axes.axvline(edge - 0.5, color=BLACK, lw=1, ls=":")
        axes.annotate(f"{row[loud]:g}", (loud + 1.5, 1.25), color=RED)
        axes.annotate("", (loud, 1.45), (loud, 1.1), arrowprops={"arrowstyle": "->", "color": RED, "lw": 2})
        axes.set(xlabel="place in the row", ylim=(-1.2, 1.45), title=f"One scale for {size} weights")
    panels[0].set_ylabel("weight")
    panels[0].legend(loc="lower left")
    return made


@figure
def levels_and_errors(levels, costs, errors, sizes):
    """Left NF4's levels against even ones under a bell, right error against bits. `costs`, `errors`: name -> one number for each block size."""
    made, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), width_ratios=(1, 1.1))
    even = np.linspace(-1, 1, len(levels))
    x = np.linspace(-1, 1, 200)
    left.fill_between(x, 2 + 1.2 * np.exp(-((2.5 * x) ** 2) / 2), 2, color=GREY, alpha=0.3, lw=0)
    for height, values, colour, name in ((1.25, levels, BLUE, "NF4"), (0.25, even, RED, "even")):
        left.vlines(values, height, height + 0.5, color=colour, lw=2)
        left.text(-1.08, height + 0.25, name, ha="right", va="center", color=colour)
    left.text(-1.08, 2.4, "weights", ha="right", va="center", color=GREY)
    left.set(xlim=(-1.4, 1.05), yticks=[], xlabel="share of the block's largest magnitude", title="Sixteen levels")
    left.spines["left"].set_visible(False)
    for (name, bits), (colour, marker, line) in zip(costs.items(), LOOKS):
        right.plot(bits, errors[name], marker=marker, ls=line, color=colour, mfc="white", mew=2, label=name)
        for b, e, size in zip(bits, errors[name], sizes):
            right.annotate(
                str(size),
                (b, e),
                (-5, -13) if name == "NF4" else (6, 4),
                textcoords="offset points",
                ha="right" if name == "NF4" else "left",
                fontsize=9,
                color=colour,
            )
    right.set(
        xlabel="bits a weight, scales and zero points included",
        ylabel="error (root mean square)",
        title="A bell curve; block size at the points",
    )
    right.margins(0.08, 0.15)
    right.grid(axis="y")
    right.legend(loc="upper right")
    return made


@figure
def rows_won_and_lost(ratios):
    """`ratios`: name of a layer -> GPTQ's error over rounding's, one for each output."""
    made, axes = plt.subplots(figsize=(9, 3.8))
    draw = np.random.default_rng(0)
    for at, values in enumerate(ratios.values()):
        worse = values > 1
        x = at + draw.uniform(-0.28, 0.28, len(values))
        axes.plot(x[~worse], values[~worse], "o", ms=4, mfc="none", mec=BLUE, label="" if at else "better than rounding")
        axes.plot(x[worse], values[worse], "x", ms=7, mew=2, color=RED, label="worse")
        axes.hlines(np.median(values), at - 0.36, at + 0.36, color=BLACK, lw=2.5, zorder=3)
    axes.axhline(1, color=GREY, lw=1.2, ls="--")
    axes.set_xticks(range(len(ratios)), [name.removeprefix("blocks.") for name in ratios])
    axes.set(
        ylabel="error: GPTQ over rounding",
        ylim=(0, 1.15 * max(values.max() for values in ratios.values())),
        title="Each dot is one output of a layer; the bar is the median",
    )
    handles, names = axes.get_legend_handles_labels()
    axes.legend(*zip(*{name: (handle, name) for handle, name in zip(handles, names) if name}.values()), loc="upper right", ncols=2)
    return made


@figure
def awq_curves(alphas, curves):
    """Loss against alpha as a share of the loss at 0. `curves`: name -> losses."""
    made, axes = plt.subplots(figsize=(7.5, 3.8))
    for (name, losses), (colour, marker, line) in zip(curves.items(), LOOKS):
        share = np.array(losses) / losses[0]
        axes.plot(alphas, share, marker=marker, ls=line, color=colour, mfc="white", mew=2, label=name)
        best = int(share.argmin())
        axes.plot(alphas[best], share[best], marker=marker, color=colour, ms=11)
    axes.axhline(1, color=GREY, lw=1.2, ls=":")
    axes.set(
        xlabel="α", ylabel="loss over plain rounding's (log)", yscale="log", ylim=(None, 6), title="AWQ's grid; the filled point is taken"
    )
    axes.set_yticks((0.1, 0.2, 0.5, 1, 2))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.minorticks_off()
    axes.grid(axis="y")
    axes.legend(loc="upper left")
    return made


@figure
def smoothing(alphas, curves):
    """Relative error against alpha. `curves`: name -> (error with nothing done, error after a rotation, one error for each alpha)."""
    made, panels = plt.subplots(1, len(curves), figsize=(10, 3.8))
    for axes, (name, (nothing, turned, smoothed)) in zip(panels, curves.items()):
        axes.plot(alphas, smoothed, "o-", color=BLUE, mfc="white", mew=2, label="smoothed")
        axes.axhline(nothing, color=BLACK, ls="--", label="nothing done")
        axes.axhline(turned, color=GREEN, ls=":", label="turned (Hadamard)")
        axes.set(xlabel="α", ylim=(0, 1.08 * max(nothing, *smoothed)), title=name.replace(": ", ":\n").replace("channels ", "channels\n"))
        axes.set_xticks(alphas)
        axes.grid(axis="y")
    panels[0].set_ylabel("relative error of the output")
    panels[1].legend(loc="center right", bbox_to_anchor=(1, 0.6))
    return made


@figure
def three_tails(names, errors):
    """`errors`: format -> list of (bits, error for each of `names`)."""
    made, panels = plt.subplots(1, len(names), figsize=(10, 3.8), sharey=True)
    for i, (axes, name) in enumerate(zip(panels, names)):
        for (kind, rows), (colour, marker, line) in zip(errors.items(), LOOKS):
            bits, lost = np.array([(row[0], row[1 + i]) for row in rows]).T
            axes.plot(bits, lost, marker=marker, ls=line, color=colour, mfc="white", mew=2, label=kind)
        axes.set(xlabel="bits a weight", title=name, xlim=(4.05, 4.6))
        axes.grid(axis="y")
    panels[0].set_ylim(0, 1.1 * max(each for rows in errors.values() for row in rows for each in row[1:]))
    panels[0].set_ylabel("relative error")
    panels[0].legend(loc="lower left", ncols=2)
    return made


@figure
def all_methods(results, full, yardstick):
    """`results`: (method, bits) -> (bits a weight, bits a character). Right, the region of 4 bits once more."""
    made, (whole, near) = plt.subplots(1, 2, figsize=(10.5, 4.6))
    methods = dict.fromkeys(name for name, _ in results)
    for axes in (whole, near):
        for name, (colour, marker, line) in zip(methods, LOOKS):
            points = sorted(point for (method, _), point in results.items() if method == name)
            axes.plot(*np.array(points).T, marker=marker, ls=line, color=colour, mfc="white", mew=2, label=name)
        for height in (yardstick, full):
            axes.axhline(height, color=BLACK, lw=1.2, ls=":")
        axes.set(xlabel="bits a weight, all counted")
        axes.grid(axis="y")
    for height, words, below in ((yardstick, "best table of counts", False), (full, "the network in float16", True)):
        place = {"textcoords": "offset points", "ha": "right", "va": "top" if below else "bottom"}
        whole.annotate(words, (7.6, height), (0, -4 if below else 4), **place)
    whole.set(ylabel="bits a character, last tenth", ylim=(full - 0.12, None), title="What each method makes of the bits")
    four = [point[1] for (_, bits), point in results.items() if bits == 4]
    near.set(xlim=(4.15, 4.75), ylim=(full - 0.02, max(four) + 0.03), title="4 bits")
    whole.legend(loc="upper right")
    return made
