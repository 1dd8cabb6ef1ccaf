"""Figures of lesson 07."""

import matplotlib.pyplot as plt
import numpy as np

from autograder.course.figure_style import BLACK, BLUE, GREEN, GREY, ORANGE, RED, SKY, figure

LOOKS = ((BLUE, "s", "-"), (RED, "o", "--"), (GREEN, "^", ":"))


@figure
def latent_and_rounded(latent, rounded):
    """A latent weight and its rounded value, step by step."""
    made, axes = plt.subplots(figsize=(7.5, 3.4))
    axes.plot(latent, "-", color=BLUE, label="latent weight (the optimiser's)")
    axes.plot(rounded, drawstyle="steps-post", ls="--", color=RED, label="rounded weight (the network's)")
    axes.set(xlabel="training steps", ylabel="weight", xlim=(0, len(latent) - 1), title="Small steps add up in the latent weight")
    axes.grid(axis="y")
    axes.legend(loc="upper right")
    return made


@figure
def windows(x, kinds):
    """Left the stairs, right where a gradient passes. `kinds`: name -> (values, slopes)."""
    made, (stairs, slopes) = plt.subplots(1, 2, figsize=(10, 3.6))
    x = np.asarray(x)
    stairs.plot(x, x, ":", color=GREY, lw=1.2)
    stairs.plot(x, np.asarray(next(iter(kinds.values()))[0]), "-", color=BLACK)
    stairs.set(xlabel="w / s", ylabel="rounded weight / s", title="Forward: codes −1, 0, 1")
    for i, ((name, (_, slope)), (colour, _, _)) in enumerate(zip(kinds.items(), LOOKS)):
        level = len(kinds) - i
        passes = np.asarray(slope) > 0
        slopes.fill_between(x, level - 0.3, level + 0.3, where=passes, color=colour, hatch=("", "//", "xx")[i], ec="white", lw=0)
        slopes.plot(x[[0, -1]], [level - 0.3] * 2, color=GREY, lw=0.8)
    for border in (-1.5, -0.5, 0.5, 1.5):
        slopes.axvline(border, color=GREY, lw=1, ls=":")
    slopes.set_yticks(range(len(kinds), 0, -1), kinds)
    slopes.set(
        xlabel="w / s\n(dotted: where the code before clamping changes)", title="Backward: where a gradient passes", xlim=(x[0], x[-1])
    )
    return made


@figure
def observers(tops, ranges):
    """The largest number of each batch, and the upper end of each observer's range. `ranges`: name -> list."""
    made, axes = plt.subplots(figsize=(7.5, 3.8))
    axes.plot(tops, "o", color=GREY, ms=5, label="largest number of the batch")
    for (name, kept), (colour, _, line) in zip(ranges.items(), ((RED, "", "--"), (BLUE, "", "-"), (GREEN, "", ":"))):
        axes.plot(kept, line, color=colour, label=name)
    axes.set(xlabel="batch", ylabel="upper end of the range (log)", yscale="log", title="One broken picture in batch 12")
    axes.set_yticks([2, 5, 10, 20, 50, 100], ["2", "5", "10", "20", "50", "100"])
    axes.minorticks_off()
    axes.set_ylim(min(map(min, ranges.values())) * 0.8, max(tops) * 1.15)
    axes.legend(loc="upper right", bbox_to_anchor=(1, 0.85))
    return made


@figure
def folded(before, after):
    """The largest weight of each filter, before and after folding."""
    made, axes = plt.subplots(figsize=(7.5, 3.4))
    at = np.arange(len(before))
    axes.bar(at - 0.2, before, 0.4, color=SKY, ec=BLACK, lw=0.6, hatch="///", label="before folding")
    axes.bar(at + 0.2, after, 0.4, color=BLUE, ec=BLACK, lw=0.6, label="after folding")
    axes.set(xlabel="filter", ylabel="largest magnitude", title="Folding changes the size of each filter", xticks=at)
    axes.set_ylim(0, 1.25 * float(max(before.max(), after.max())))
    axes.legend(loc="upper right", ncols=2)
    return made


@figure
def ptq_and_qat(widths, table, control):
    """Validation accuracy (%) by width. `table`: name -> array (widths, seeds)."""
    made, axes = plt.subplots(figsize=(7.5, 4))
    axes.axhline(control, color=BLACK, lw=1.2, ls=":")
    axes.text(len(widths) - 0.65, control + 1, "float, trained as long", va="bottom", ha="right")
    at = np.arange(len(widths))
    for shift, (name, (colour, marker, line)) in enumerate(zip(("PTQ", "QAT"), (LOOKS[1], LOOKS[0]))):
        mean = table[name].mean(axis=1)
        spread = np.abs(np.stack([table[name].min(axis=1), table[name].max(axis=1)]) - mean)
        x = at + 0.06 * (2 * shift - 1)
        axes.errorbar(x[:-1], mean[:-1], spread[:, :-1], fmt=marker + line, color=colour, mfc="white", mew=2, capsize=3, label=name)
        axes.errorbar(x[-1:], mean[-1:], spread[:, -1:], fmt=marker, color=colour, mfc="white", mew=2, capsize=3)
    axes.set_xticks(at, [f"{w} bits" if isinstance(w, int) else "ternary" for w in widths])
    axes.set(
        xlabel="weights (inputs of all layers: 8 bits)",
        ylabel="validation accuracy (%)",
        ylim=(None, 109),
        xlim=(-0.4, len(widths) - 0.6),
        title="Mean of three seeds, bars from least to most",
    )
    axes.grid(axis="y")
    axes.legend(loc="lower left")
    return made


@figure
def step_slope(v, formula, measured):
    """LSQ's slope for the step, and the slope of the stairs measured by a tiny change of the step."""
    made, axes = plt.subplots(figsize=(7.5, 3.8))
    breaks = np.where(np.abs(np.diff(formula)) > 0.5, np.nan, formula[1:])
    axes.plot(v[1:], breaks, "-", color=BLUE, label="LSQ's formula")
    calm = np.abs(measured) < 5  # at a border the stairs jump
    axes.plot(v[calm][::12], measured[calm][::12], "o", color=RED, mfc="white", ms=4, label="measured on the stairs: the code")
    axes.set(xlabel="v = w / s", ylabel="slope by the step", title="A gradient by design, not by measuring (codes −2 to 1)")
    axes.grid(axis="y")
    axes.legend(loc="upper left")
    return made


@figure
def mixed(numbers, options, losses, budgets, curves):
    """Left the sensitivities, right the added loss against the budget (thousands of bytes). `curves`: name -> list."""
    made, (bars, lines) = plt.subplots(1, 2, figsize=(10, 3.8))
    at = np.arange(len(numbers))
    looks = ((RED, "///"), (ORANGE, "xx"), (SKY, ".."), (BLUE, ""))
    for i, (bits, (colour, hatch)) in enumerate(zip(options[:-1], looks)):
        bars.bar(at + 0.26 * (i - 1), losses[:, i], 0.26, color=colour, ec=BLACK, lw=0.6, hatch=hatch, label=f"{bits} bits")
    bars.set_xticks(at, [f"layer {i + 1}\n{n:,} weights" for i, n in enumerate(numbers)], fontsize=9)
    bars.axhline(0, color=BLACK, lw=0.8)
    bars.set(ylabel="added loss against 8 bits", title="One layer rounded at a time")
    bars.legend(loc="upper left")
    for (name, kept), (colour, marker, line) in zip(curves.items(), (LOOKS[0], LOOKS[1])):
        lines.plot(budgets, kept, line, color=colour, marker=marker, mfc="white", ms=4, markevery=3, label=name)
    lines.set(xlabel="budget (thousands of bytes)", ylabel="sum of the added losses", title="One budget for all layers")
    lines.grid(axis="y")
    lines.legend(loc="upper right")
    return made
