"""Figures of the lab on the temperature."""

import matplotlib.pyplot as plt
import numpy as np

from autograder.course.figure_style import BLACK, BLUE, GREY, ORANGE, RED, figure

MARKERS = ("o", "s", "^", "D", "v")


@figure
def before_training(temperatures, entropies, mean_targets, soft, bare, hard):
    """Left: mean entropy of the soft targets. Right: mean size of an image's gradient from the teacher with T squared
    (`soft`), without it (`bare`), and from the labels (`hard`, one number)."""
    made, (left, right) = plt.subplots(1, 2, figsize=(10, 3.9))
    top = np.log(mean_targets.shape[1])
    left.axhline(top, color=BLACK, ls=":", lw=1.5)
    left.text(temperatures[-1], top + 0.04, f"ln {mean_targets.shape[1]}: all classes alike", ha="right", va="bottom")
    left.axhline(0, color=BLACK, ls=":", lw=1.5)
    left.text(temperatures[-1], 0.04, "0: as certain as a label", ha="right", va="bottom")
    left.plot(temperatures, entropies, "o-", color=BLUE)
    left.set(ylabel="mean entropy (nats)", title="What the teacher's answers hold", ylim=(-0.12, top + 0.35))
    right.axhline(hard, color=BLACK, ls=":", lw=1.5, label="the labels")
    right.plot(temperatures, soft, "o-", color=BLUE, label="the teacher, with T²")
    right.plot(temperatures, bare, "s--", color=RED, mfc="white", mew=2, label="the teacher, without T²")
    right.set(yscale="log", ylabel="gradient for one image (log)", title="How loud the teacher is")
    right.legend(loc="lower left")
    for axes in (left, right):
        axes.set_xscale("log", base=2)
        axes.set_xticks(temperatures, [f"{t}" for t in temperatures])
        axes.set_xlabel("temperature T (log)")
        axes.grid(axis="y")
    return made


@figure
def sweep(temperatures, accuracies, means, spreads, seeds):
    """Validation accuracy (%) against T: every seed, mean and one sample standard deviation either way. The first mean and spread are the control's."""
    made, axes = plt.subplots(figsize=(9, 4.2))
    axes.axhspan(means[0] - spreads[0], means[0] + spreads[0], color=GREY, alpha=0.2, lw=0)
    axes.axhline(means[0], color=BLACK, ls="--", lw=1.5, label="no teacher")
    axes.errorbar(temperatures, means[1:], yerr=spreads[1:], fmt="o-", color=BLUE, capsize=5, lw=2, label="with the teacher")
    for number, seed in enumerate(seeds):
        shift = 1.06 ** (number - (len(seeds) - 1) / 2)
        axes.plot(
            np.array(temperatures) * shift,
            accuracies[:, number],
            MARKERS[number % len(MARKERS)],
            color=ORANGE,
            mec=BLACK,
            mew=0.7,
            ms=6,
            label=f"seed {seed}",
        )
    axes.set_xscale("log", base=2)
    axes.set_xticks(temperatures, [f"{t}" for t in temperatures])
    axes.set(xlabel="temperature T (log)", ylabel="validation accuracy (%)", title="Five temperatures, three seeds each")
    axes.grid(axis="y")
    made.legend(*axes.get_legend_handles_labels(), loc="outside right center")
    return made
