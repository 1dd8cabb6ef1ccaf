"""Figures of lesson 01."""

import matplotlib.pyplot as plt
import numpy as np

from autograder.course.figure_style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY, figure


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
        xlabel="error, in gaps (units of the scale s)",
        ylabel="density",
        ylim=(0, 1.45),
        title="The error is spread evenly over one gap",
    )
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
    for axes, codes, name, all_codes, colour in (
        (panels[0], symmetric, "Symmetric", 255, ORANGE),
        (panels[1], asymmetric, "Asymmetric", 256, BLUE),
    ):
        codes = np.ravel(codes)
        counts = np.bincount(codes + 128, minlength=256)
        axes.stairs(counts, np.arange(-128.5, 128), baseline=0.5, fill=True, color=colour)
        axes.set_yscale("log")
        used = np.count_nonzero(counts)
        axes.set(
            ylabel="count (log)",
            xlim=(-132, 132),
            ylim=(0.5, 3 * counts.max()),
            title=f"{name}: {used} of {all_codes} codes in use, {codes.min()} to {codes.max()}",
        )
        if codes.min() > -100:
            axes.axvspan(-128, codes.min() - 0.5, fc="none", ec="#BBBBBB", hatch="//", lw=0)
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
        xlabel="clip (floats beyond it are cut off)",
        ylabel="mean squared error",
        ylim=(0, None),
        title="A narrow range clips, a wide one rounds",
    )
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
        xlabel="row (output channel)",
        ylabel="rms error of the weights (log)",
        ylim=(low / 3, high * 8),
        xticks=rows,
        title="One loud row makes all rows coarse",
    )
    axes.set_xticklabels([f"{row}\nloud" if row == loud else f"{row}" for row in rows])
    axes.legend(loc="upper center", ncols=2)
    return made
