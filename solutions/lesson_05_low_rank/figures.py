"""Figures of lesson 05."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import PercentFormatter, StrMethodFormatter

from autograder.course.figure_style import BLACK, BLUE, GREEN, GREY, ORANGE, RED, SKY, figure

LOOKS = ((RED, "o", "-"), (BLUE, "s", "--"), (GREEN, "^", ":"))


def _rank_axis(axes, ranks):
    """A logarithmic axis of ranks with plain numbers at some of them."""
    axes.set_xscale("log")
    shown = [r for i, r in enumerate(ranks) if i == 0 or r >= 1.3 * ranks[0] and r in (2, 4, 8, 16, 32, 64, 10, 25, 50, 100, 200, 400)]
    axes.set_xticks(shown)
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:.0f}"))
    axes.minorticks_off()


@figure
def weights_against_rank(ranks, two_tables, one_table, marks):
    """Weights of two thin tables for each rank, the single table's, and some ranks marked."""
    made, axes = plt.subplots(figsize=(7.5, 3.8))
    axes.plot(ranks, two_tables / 1e6, "-", color=BLUE, label="two thin tables")
    axes.axhline(one_table / 1e6, ls="--", color=BLACK, label="one table")
    dear = two_tables >= one_table
    axes.fill_between(ranks[dear], one_table / 1e6, two_tables[dear] / 1e6, color=ORANGE, alpha=0.35, hatch="//", ec="white", lw=0)
    for rank in marks:
        weights = two_tables[np.searchsorted(ranks, rank)] / 1e6
        axes.plot(rank, weights, "o", mfc="white", mec=RED, mew=2, ms=9)
        axes.annotate(f"rank {rank}", (rank, weights), (13, -6), textcoords="offset points", color=RED)
    axes.text(
        ranks[-1] * 0.86,
        one_table / 1e6 * 1.3,
        "more than\nthe one table",
        ha="center",
        va="center",
        fontsize=10,
        bbox={"fc": "white", "ec": "none", "pad": 2},
    )
    axes.set(xlabel="rank r", ylabel="weights (millions)", xlim=(0, ranks[-1]), ylim=(0, None), title="Two tables for one: 1000 × 1000")
    axes.legend(loc="upper left")
    return made


@figure
def thin_tables(table, left, right):
    """A table, its two thin tables, their product, and what is missing, all in one colour scale."""
    rank = left.shape[1]
    gap, names = (
        5,
        ("table", f"left\n{left.shape[0]} × {rank}", f"right, {rank} × {right.shape[1]}", "left @ right", "table − left @ right"),
    )
    parts = (table, np.repeat(left, 3, axis=1), np.repeat(right, 3, axis=0), left @ right, table - left @ right)
    widths = [part.shape[1] + gap for part in parts]
    made, panels = plt.subplots(1, 5, figsize=(10, 2.7), width_ratios=widths)
    limit = np.abs(table).max()
    for axes, part, name in zip(panels, parts, names):
        axes.imshow(part, cmap="PuOr", vmin=-limit, vmax=limit, interpolation="nearest")
        axes.set_title(name, fontsize=10, loc="center")
        axes.set(xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set_visible(True)
    return made


@figure
def spectra(spectra):
    """Singular values, and the share of energy in the first ones. `spectra`: name -> values, largest first."""
    made, (values, energy) = plt.subplots(1, 2, figsize=(10, 3.8))
    for (name, s), (colour, line) in zip(spectra.items(), ((GREY, "--"), (BLUE, "-"))):
        index = np.arange(1, len(s) + 1)
        values.plot(index, s, line, color=colour, label=name)
        energy.plot(index, np.cumsum(s**2) / np.sum(s**2), line, color=colour, label=name)
    values.set(
        xlabel="number of the singular value",
        ylabel="singular value",
        xscale="log",
        ylim=(0, None),
        title="Training lifts a few singular values",
    )
    values.xaxis.set_major_formatter(StrMethodFormatter("{x:.0f}"))
    energy.axhline(0.95, color=BLACK, lw=1, ls=":")
    energy.text(index[-1], 0.94, "95 %", va="top", ha="right")
    energy.yaxis.set_major_formatter(PercentFormatter(1.0))
    energy.set(xlabel="rank kept", ylabel="share of the energy", ylim=(0, 1.03), xlim=(0, None), title="How much a rank keeps")
    values.legend(loc="upper right")
    energy.legend(loc="lower right")
    return made


@figure
def accuracy_against_rank(ranks, before, after, dense, break_even):
    """Validation accuracy (%) against rank. `before`: (ranks,), `after`: (ranks, seeds), `dense`: one number."""
    made, axes = plt.subplots(figsize=(7.5, 4))
    axes.axhline(dense, color=BLACK, lw=1.2, ls="--")
    axes.text(ranks[0], dense - 1.5, "dense network", va="top")
    axes.axvline(break_even, color=GREY, lw=1.2, ls=":")
    axes.text(break_even * 0.97, 3, "break-even of\nthe first layer", ha="right", color=GREY)
    axes.plot(ranks, before, "o-", color=RED, mfc="white", mew=2, label="factorised")
    mean = after.mean(axis=1)
    spread = np.abs(np.stack([after.min(axis=1), after.max(axis=1)]) - mean)
    axes.errorbar(ranks, mean, spread, fmt="s-", color=BLUE, capsize=3, label="and fine-tuned (3 seeds)")
    _rank_axis(axes, ranks)
    axes.grid(axis="y")
    axes.set(
        xlabel="rank of the first two layers (log)", ylabel="validation accuracy (%)", ylim=(0, 103), title="Fine-tuning moves the cliff"
    )
    axes.legend(loc="center right", bbox_to_anchor=(0.93, 0.42))
    return made


@figure
def conv_splits(curves, dense):
    """`curves`: name of a split -> list of (share of the weights, relative error, accuracy in %)."""
    made, (error, accuracy) = plt.subplots(1, 2, figsize=(10, 3.8))
    for (name, rows), (colour, marker, line) in zip(curves.items(), LOOKS):
        share, lost, right = np.array(rows).T
        error.plot(share, lost, marker=marker, ls=line, color=colour, mfc="white", mew=2, label=name)
        accuracy.plot(share, right, marker=marker, ls=line, color=colour, mfc="white", mew=2, label=name)
    accuracy.axhline(dense, color=BLACK, lw=1.2, ls="--")
    for axes in (error, accuracy):
        axes.axvline(1, color=GREY, lw=1.2, ls=":")
        axes.xaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set(xlabel="weights, share of the one convolution", xlim=(0, None))
        axes.grid(axis="y")
    error.set(ylabel="relative Frobenius error", ylim=(0, None), title="Equal weights, about equal error")
    accuracy.set(ylabel="validation accuracy (%)", title="Accuracy, without fine-tuning")
    accuracy.annotate("whole network", (accuracy.get_xlim()[1], dense), (0, -8), textcoords="offset points", ha="right", va="top")
    error.legend(loc="lower left")
    accuracy.legend(loc="lower center", bbox_to_anchor=(0.5, 0.02))
    return made


@figure
def bytes_and_time(ranks, shares, times):
    """Bytes and times of the pair, as shares of the dense layer's. `times`: name -> list."""
    made, axes = plt.subplots(figsize=(7.5, 4))
    axes.plot(ranks, shares, "-", color=BLACK, label="bytes in the file")
    for (name, values), (colour, marker, line) in zip(times.items(), LOOKS):
        axes.plot(ranks, values, marker=marker, ls=line, color=colour, mfc="white", mew=2, label=f"time, {name}")
    axes.axhline(1, color=GREY, lw=1.2, ls=":")
    axes.text(0.55 * ranks[-1], 1.01, "the dense layer", color=GREY, va="bottom", ha="right")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.grid(axis="y")
    axes.set(
        xlabel="rank", ylabel="share of the dense layer", ylim=(0, None), xlim=(0, None), title="Bytes and time of a 1000 × 1000 layer"
    )
    axes.legend(loc="upper left")
    return made


@figure
def plain_and_whitened(ranks, results, dense):
    """`results`: name -> list of (relative output error, accuracy in %, relative weight error), one for each rank."""
    made, (error, accuracy) = plt.subplots(1, 2, figsize=(10, 3.8))
    for (name, rows), (colour, marker, line) in zip(results.items(), LOOKS):
        lost, right, _ = np.array(rows).T
        error.plot(ranks, lost, marker=marker, ls=line, color=colour, mfc="white", mew=2, label=name)
        accuracy.plot(ranks, right, marker=marker, ls=line, color=colour, mfc="white", mew=2, label=name)
    accuracy.axhline(dense, color=BLACK, lw=1.2, ls="--")
    accuracy.text(ranks[0], dense - 1.5, "dense network", va="top")
    for axes in (error, accuracy):
        _rank_axis(axes, ranks)
        axes.grid(axis="y")
        axes.set(xlabel="rank of the middle layer (log)")
    error.set(ylabel="relative output error (log)", yscale="log", title="Output error on validation inputs")
    accuracy.set(ylabel="validation accuracy (%)", ylim=(0, 103), title="Accuracy, without fine-tuning")
    error.legend(loc="lower left")
    accuracy.legend(loc="lower right")
    return made


@figure
def lora(rows):
    """`rows`: (name, numbers trained, accuracy on the new task in %, on the old one in %)."""
    made, axes = plt.subplots(figsize=(8, 3.8))
    at = np.arange(len(rows))
    names, numbers, new, old = zip(*rows)
    axes.bar(at - 0.2, new, 0.38, color=BLUE, ec=BLACK, lw=0.6, label="mirrored digits (the new task)")
    axes.bar(at + 0.2, old, 0.38, color=SKY, ec=BLACK, lw=0.6, hatch="///", label="digits as before")
    for x, a, b in zip(at, new, old):
        axes.text(x - 0.2, a + 1, f"{a:.0f}", ha="center", fontsize=9)
        axes.text(x + 0.2, b + 1, f"{b:.0f}", ha="center", fontsize=9)
    axes.set_xticks(at, [f"{name}\n{number:,}" for name, number in zip(names, numbers)])
    axes.set(xlabel="numbers trained", ylabel="validation accuracy (%)", ylim=(0, 125), title="A few numbers adapt the network")
    axes.set_yticks(range(0, 101, 20))
    axes.legend(loc="upper center", ncols=2)
    return made
