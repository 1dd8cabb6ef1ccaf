"""Figures of lesson 04."""

import matplotlib.pyplot as plt
import numpy as np

from autograder.course.figure_style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY, figure

MARKERS = ("o", "s", "^", "D", "v", "P")


@figure
def softening(bars, temperatures, entropies):
    """One set of logits at a few temperatures (`bars`: T -> probabilities), and its entropy (nats) at many."""
    made = plt.figure(figsize=(10, 3.8))
    left, right = made.subfigures(1, 2, width_ratios=(1.15, 1))
    panels = left.subplots(2, 2, sharex=True, sharey=True)
    for axes, (t, p) in zip(panels.flat, bars.items()):
        axes.bar(np.arange(len(p)), p, color=SKY, ec=BLACK, lw=0.6)
        axes.set_title(f"T = {t:g}", fontsize=11)
        axes.set(ylim=(0, 1.05), xticks=range(len(p)))
    left.supxlabel("class", fontsize=11)
    left.supylabel("probability", fontsize=11)
    axes = right.subplots()
    top = np.log(len(next(iter(bars.values()))))
    axes.axhline(top, color=RED, ls="--", lw=1.5)
    axes.text(temperatures[0], top - 0.03, "ln 10, all equal", va="top", color=RED)
    axes.semilogx(temperatures, entropies, color=BLUE)
    for t, p in bars.items():
        axes.plot(t, np.interp(t, temperatures, entropies), "o", mfc="white", mec=BLUE, mew=2)
    axes.set(xlabel="temperature T (log)", ylabel="entropy (nats)", ylim=(-0.08, top + 0.2), title="Entropy rises with T")
    return made


@figure
def dark_knowledge(mean, pictures, probabilities, true):
    """Mean softened probability of the wrong digits, and three single images with theirs."""
    made = plt.figure(figsize=(10, 4))
    left, right = made.subfigures(1, 2, width_ratios=(1, 1.35))
    axes = left.subplots()
    digits = [d for d in range(len(mean)) if d != true]
    _wrong_bars(axes, digits, mean)
    axes.set(xlabel="wrong digit", ylabel="mean probability at T = 4", title=f"What the average {true} resembles")
    panels = right.subplots(2, len(pictures), height_ratios=(1, 1.1))
    top = max(p[digits].max() for p in probabilities) * 1.15
    for column, (picture, p) in enumerate(zip(pictures, probabilities)):
        panels[0, column].imshow(picture, cmap="gray_r", vmin=0, vmax=1)
        panels[0, column].set(xticks=[], yticks=[])
        panels[0, column].spines[["left", "bottom"]].set_visible(False)
        panels[0, column].set_title(f"leans to {digits[int(np.argmax(p[digits]))]}", fontsize=11, loc="center")
        _wrong_bars(panels[1, column], digits, p)
        panels[1, column].set(ylim=(0, top))
        panels[1, column].tick_params(axis="x", labelsize=9)
        if column:
            panels[1, column].set(yticklabels=[])
    panels[1, 0].set(ylabel="at T = 4")
    panels[1, len(pictures) // 2].set(xlabel="wrong digit")
    return made


def _wrong_bars(axes, digits, p):
    axes.bar(range(len(digits)), [p[d] for d in digits], color=ORANGE, ec=BLACK, lw=0.6)
    axes.set_xticks(range(len(digits)), digits)


@figure
def gradient_sizes(temperatures, with_square, without, limit):
    """Norm of the soft gradient against T, with and without the factor T squared."""
    made, axes = plt.subplots(figsize=(7.5, 3.8))
    axes.loglog(temperatures, with_square, "o-", color=BLUE, label="with T²")
    axes.loglog(temperatures, without, "s--", color=RED, mfc="white", mew=2, label="without T²")
    axes.axhline(limit, color=BLACK, ls=":", lw=1.5, label="limit for high T: centred logits")
    axes.set_xticks(temperatures, [f"{t}" for t in temperatures])
    axes.minorticks_off()
    axes.grid(axis="y")
    axes.set(xlabel="temperature T (log)", ylabel="norm of the soft gradient (log)", title="T² keeps the teacher's voice equally loud")
    axes.legend(loc="lower left")
    return made


@figure
def temperature_sweep(sweep, alone):
    """Validation accuracy (one array of seeds for each T) against T; `alone`: the seeds without a teacher."""
    made, axes = plt.subplots(figsize=(7.5, 4))
    places = np.arange(len(sweep))
    mean, spread = alone.mean(), alone.std(ddof=1)
    axes.axhspan(mean - spread, mean + spread, color="#E8E8E8", lw=0)
    axes.axhline(mean, color=GREY, ls="--", label="without a teacher, mean ± standard deviation")
    for place, points in zip(places, sweep.values()):
        for seed, point in enumerate(points):
            axes.plot(place + 0.12 * (seed - (len(points) - 1) / 2), point, MARKERS[seed % 6], color=SKY, mec=BLACK, mew=0.6, ms=6)
    means = [points.mean() for points in sweep.values()]
    spreads = [points.std(ddof=1) for points in sweep.values()]
    axes.errorbar(places, means, spreads, color=BLUE, fmt="-", capsize=5, marker="_", ms=16, mew=2, label="with a teacher, α = 0.7")
    axes.plot([], [], "o", color=SKY, mec=BLACK, mew=0.6, ms=6, label="single seeds")
    axes.set_xticks(places, [f"{t}" for t in sweep])
    axes.grid(axis="y")
    axes.set(xlabel="temperature T", ylabel="validation accuracy (%)", title="What the temperature does to a student")
    axes.legend(loc="lower right")
    return made


@figure
def with_and_without(results):
    """Test accuracy of each seed without and with a teacher; `results`: (images, "without" or "with") -> seeds."""
    sizes = list(dict.fromkeys(n for n, _ in results))
    made, panels = plt.subplots(1, len(sizes), figsize=(8.5, 3.8), sharey=True)
    for axes, n in zip(panels, sizes):
        pairs = list(zip(results[n, "without"], results[n, "with"]))
        for seed, pair in enumerate(pairs):
            axes.plot([0, 1], pair, "-", marker=MARKERS[seed % 6], color=(BLUE, ORANGE, GREEN, RED, PURPLE)[seed % 5], label=f"seed {seed}")
        axes.plot([0, 1], np.mean(pairs, axis=0), "_", color=BLACK, ms=26, mew=2.5, label="mean")
        axes.set_xticks([0, 1], ["without\nteacher", "with\nteacher"])
        axes.set(xlim=(-0.35, 1.35), title=f"{n} labelled images")
        axes.grid(axis="y")
    panels[0].set(ylabel="test accuracy (%)")
    panels[-1].legend(loc="lower right")
    return made


@figure
def gains(cases):
    """Gain in points over the same student without a teacher; `cases`: name -> one value for each seed."""
    made, axes = plt.subplots(figsize=(8.5, 3.8))
    for place, points in enumerate(cases.values()):
        for seed, point in enumerate(points):
            offset = 0.18 * (seed - (len(points) - 1) / 2)
            axes.plot(point, place + offset, MARKERS[seed % 6], color=SKY, mec=BLACK, mew=0.6, ms=7)
        axes.plot(points.mean(), place, "|", color=RED if points.mean() < 0 else BLUE, ms=28, mew=3, zorder=1)
    axes.axvline(0, color=BLACK, lw=1.2)
    axes.set_yticks(range(len(cases)), list(cases))
    axes.set(ylim=(len(cases) - 0.5, -0.5))
    axes.grid(axis="x")
    axes.set(xlabel="gain over the same student without a teacher (points); bar: mean", title="When it works and when it does not")
    return made
