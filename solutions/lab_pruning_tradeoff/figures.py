"""Figures of the lab on the pruning trade."""

import matplotlib.pyplot as plt
import numpy as np

from autograder.course.figure_style import BLACK, BLUE, GREEN, GREY, ORANGE, RED, figure


@figure
def accuracy_against_ratio(whole, cut, recovered, one_image):
    """Validation accuracy (%) against the ratio: after the cut (`cut`: percent -> accuracy), and after recovery
    (`recovered`: percent -> one accuracy for each seed). `one_image`: what an image is worth, in points."""
    made, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8))
    ratios = list(recovered)
    means = [np.mean(points) for points in recovered.values()]
    for axes in (left, right):
        axes.axhline(whole, color=BLACK, ls=":", lw=1.5, label="whole network")
        axes.plot(ratios, means, "o-", color=BLUE, label="after recovery, mean")
        for ratio, points in recovered.items():
            axes.plot([ratio] * len(points), points, "_", color=BLUE, ms=14, mew=1.5)
        axes.set(xticks=[0, *ratios], xlabel="channels removed from every layer (%)")
        axes.grid(axis="y")
    left.plot([0, *cut], [whole, *cut.values()], "s--", color=RED, mfc="white", mew=2, label="after the cut, no training")
    left.set(ylabel="validation accuracy (%)", ylim=(0, 104), title="What the cut costs, and what comes back")
    left.legend(loc="center right")
    right.axhspan(whole - one_image, whole, color=GREY, alpha=0.25, lw=0)
    low = min(min(points) for points in recovered.values())
    right.set(
        title="The same, close up: one dash for each seed",
        ylim=(min(low, whole - one_image) - one_image, max(whole, max(means)) + one_image / 2),
    )
    return made


@figure
def shares_left(rows):
    """What is left of bytes, MACs and milliseconds at each ratio, as shares of the first row's."""
    made, axes = plt.subplots(figsize=(8, 4.2))
    whole = rows[0]
    line = [row for row in rows if not row["file"].startswith("masked")]
    hollow = [row for row in rows if row["file"].startswith("masked")]
    ratios = [row["percent"] for row in line]
    axes.plot([0, max(ratios)], [100, 100 - max(ratios)], ":", color=BLACK, lw=1.5, label="channels kept")
    looks = {
        "bytes": ("bytes of the file", "s--", GREEN),
        "macs": ("MACs", "^-", ORANGE),
        "milliseconds": ("latency, one image, one thread", "o-", BLUE),
    }
    for shift, (key, (label, look, colour)) in zip((-1, 0, 1), looks.items()):
        axes.plot(
            ratios,
            [100 * row[key] / whole[key] for row in line],
            look,
            color=colour,
            label=label,
            ms=12 if key == "bytes" else 7,
            alpha=0.6 if key == "bytes" else 1,
        )
        for row in hollow:
            axes.plot(row["percent"] + 1.2 * shift, 100 * row[key] / whole[key], look[0], color=colour, mfc="white", mew=2)
    for row in hollow:
        highest = max(100 * row[key] / whole[key] for key in looks)
        axes.annotate("masked", (row["percent"], highest), (0, 9), textcoords="offset points", ha="center")
    axes.set(xticks=ratios, xlabel="channels removed from every layer (%)", ylabel="left of the whole network (%)", ylim=(0, None))
    axes.set_title("What is left at each ratio")
    axes.grid(axis="y")
    axes.legend(loc="lower left")
    return made
