"""Figures of lesson 03."""

import matplotlib.pyplot as plt
import numpy as np

from autograder.course.figure_style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY, figure


def _ranks(values):
    """0 for the smallest; ties in the order in which they stand."""
    return np.argsort(np.argsort(np.asarray(values), kind="stable"), kind="stable")


@figure
def guesses_against_truth(guesses, truth):
    """For each score (name -> tensor of shape (channels,)): its ranks against the ranks of the measured loss increase."""
    made, panels = plt.subplots(1, len(guesses), figsize=(10, 3.3), sharey=True)
    true_ranks = _ranks(truth)
    last = len(true_ranks) - 1
    for axes, (name, scores), colour, marker in zip(panels, guesses.items(), (ORANGE, SKY, PURPLE, BLUE), "s^Do"):
        ranks = _ranks(scores)
        correlation = np.corrcoef(ranks, true_ranks)[0, 1]
        axes.plot([0, last], [0, last], "--", color=GREY, lw=1)
        axes.plot(ranks, true_ranks, marker, color=colour, mec=BLACK, mew=0.6, ms=5, ls="none")
        axes.set(xlabel="rank by the score", title=f"{name}\nrank correlation {correlation:+.2f}", xticks=[0, last], yticks=[0, last])
        axes.set_aspect("equal")
    panels[0].set_ylabel("rank by the true loss")
    return made


@figure
def three_ways_to_keep(fractions, curves):
    """Accuracy against the fraction of channels removed. Curves named "any ..." are drawn as one kind."""
    made, axes = plt.subplots(figsize=(7.5, 3.8))
    looks = {
        "best": (BLUE, "o-", "best channels kept"),
        "any": (GREY, "x--", "kept by chance (three draws)"),
        "worst": (RED, "s-", "worst channels kept"),
    }
    seen = set()
    for name, curve in curves.items():
        kind = name.split()[0]
        colour, line, label = looks[kind]
        wide = {"lw": 1, "ms": 5} if kind == "any" else {"mec": BLACK}
        axes.plot(100 * fractions, curve, line, color=colour, label=None if kind in seen else label, **wide)
        seen.add(kind)
    axes.axhline(0.1, color=GREEN, lw=1, ls=":")
    axes.text(0, 0.115, "guessing", color=GREEN, va="bottom")
    axes.grid(axis="y")
    axes.set(
        xlabel="channels removed in layer 1 (%)",
        ylabel="validation accuracy",
        ylim=(0, 1.03),
        title="The same cut, three ways to choose (no training after it)",
    )
    axes.legend(loc="center left")
    return made


@figure
def three_ratios(ratios):
    """How many times smaller or faster each cut is. `ratios`: name -> (parameters, MACs, one image, 64 images)."""
    made, axes = plt.subplots(figsize=(10, 3.9))
    kinds = (("parameters", ORANGE, ""), ("MACs", SKY, "///"), ("time, 1 image", BLUE, ""), ("time, 64 images", GREEN, "..."))
    places = np.arange(len(ratios))
    for k, (label, colour, hatch) in enumerate(kinds):
        heights = [row[k] for row in ratios.values()]
        axes.bar(places + 0.2 * (k - 1.5), heights, 0.19, color=colour, ec=BLACK, lw=0.6, hatch=hatch, label=label)
        for place, height in zip(places, heights):
            axes.text(place + 0.2 * (k - 1.5), height + 0.04, f"{height:.1f}", ha="center", fontsize=9)
    axes.axhline(1, color=BLACK, lw=1, ls="--")
    axes.set(
        ylabel="times smaller or faster",
        xticks=places,
        title="The ratios of one cut disagree",
        ylim=(0, 1.25 * max(max(row) for row in ratios.values())),
    )
    axes.set_xticklabels(ratios)
    axes.legend(loc="upper left", ncols=4)
    return made


@figure
def sensitivity(shares, scan, widths, compared):
    """Left: loss against the share cut from one layer. Right: accuracy of uniform and guided cuts at equal MACs."""
    made, (left, right) = plt.subplots(1, 2, figsize=(10, 3.9), width_ratios=(1.15, 1))
    for k, (row, width, colour, line) in enumerate(zip(scan, widths, (ORANGE, BLUE, RED), ("s--", "o-", "^-")), 1):
        left.plot(100 * shares, row, line, color=colour, mec=BLACK, mew=0.6, label=f"layer {k} ({width} channels)")
    left.set_yscale("log")
    left.grid(axis="y")
    left.set(xlabel="channels removed in this layer only (%)", ylabel="validation loss (log)", title="One layer at a time")
    left.legend(loc="upper left")
    places = np.arange(len(compared))
    for shift, k, label, colour, hatch in ((-0.2, 1, "uniform", ORANGE, ""), (0.2, 2, "guided", BLUE, "///")):
        heights = [row[k] for row in compared]
        right.bar(places + shift, heights, 0.38, color=colour, ec=BLACK, lw=0.6, hatch=hatch, label=label)
        for place, height in zip(places, heights):
            right.text(place + shift, height + 0.015, f"{height:.2f}", ha="center", fontsize=9)
    right.set(
        ylabel="validation accuracy", ylim=(0, 1.25), yticks=np.arange(0, 1.1, 0.2), xticks=places, title="Equal MACs, no training yet"
    )
    right.set_xticklabels([f"{row[0] / 1000:.0f}k MACs" for row in compared])
    right.legend(loc="upper center", ncols=2)
    return made


@figure
def recovery(paths):
    """Validation accuracy: before the cut, then after each cut or epoch. `paths`: name -> accuracies."""
    made, axes = plt.subplots(figsize=(7.5, 3.6))
    for (name, path), colour, line in zip(paths.items(), (BLUE, RED), ("o-", "s--")):
        axes.plot(np.arange(len(path)) - 1, path, line, color=colour, mec=BLACK, mew=0.6, label=name)
    axes.axvline(-0.5, color=GREY, lw=1, ls=":")
    axes.text(-0.45, 0.03, "first cut", color=GREY)
    ends = len(next(iter(paths.values()))) - 1
    axes.set_xticks(range(-1, ends), ["whole"] + [str(k) for k in range(ends)])
    axes.grid(axis="y")
    axes.set(
        xlabel="epochs of recovery (the iterative one is cut again before each)",
        ylabel="validation accuracy",
        ylim=(0, 1.03),
        title="Recovery after a cut: little by little, or all at once",
    )
    axes.legend(loc="lower right")
    return made
