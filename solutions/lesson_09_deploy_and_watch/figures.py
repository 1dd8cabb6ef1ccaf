"""Figures of lesson 09."""

import matplotlib.pyplot as plt
import numpy as np

from autograder.course.figure_style import BLACK, BLUE, GREEN, GREY, ORANGE, RED, SKY, figure


@figure
def waiting_times(waits):
    """Left: milliseconds call after call. Right: the same, sorted, with mean and median."""
    made, (left, right) = plt.subplots(1, 2, figsize=(10.5, 3.6), sharey=True)
    left.plot(np.arange(1, len(waits) + 1), waits, "o", color=BLUE, ms=3.5)
    left.plot(1, waits[0], "s", color=RED, mec=BLACK, ms=9)
    left.annotate("first call", (1, waits[0]), (10, -4), textcoords="offset points", bbox={"fc": "white", "ec": "none", "pad": 1})
    left.set(yscale="log", xlabel="call", ylabel="milliseconds (log)", title="One call after the other")
    right.plot(np.linspace(0, 100, len(waits)), np.sort(waits), "-", color=BLUE)
    # The sorted curve is below the mean on the left and above the median on the right: there is room for the words.
    for value, word, style, place, side, lift in (
        (waits.mean(), "mean", "--", 2, "left", "bottom"),
        (np.median(waits), "median", ":", 100, "right", "top"),
    ):
        right.axhline(value, color=BLACK, lw=1.3, ls=style)
        right.text(place, value, f"{word} {value:.2f} ms", ha=side, va=lift)
    right.set(xlabel="per cent of the calls", title="The same calls, from fast to slow")
    left.set_ylim(bottom=waits.min() / 2)
    return made


@figure
def latencies(times):
    """Sorted times with median, p95 and p99. `times`: (model, threads, batch) -> milliseconds (n,)."""
    made, axes = plt.subplots(figsize=(8.4, 4))
    looks = ((BLUE, "-", "o"), (SKY, "--", "s"), (RED, "-.", "^"), (ORANGE, ":", "D"))
    for ((name, threads, batch), values), (colour, line, marker) in zip(times.items(), looks):
        share = np.linspace(0, 100, len(values))
        axes.plot(share, np.sort(values), line, color=colour, lw=1.6)
        marks = [50, 95, 99]
        label = f"{name}, {threads} thread{'s' * (threads > 1)}"
        axes.plot(marks, np.percentile(values, marks), marker, color=colour, mec=BLACK, ms=8, ls="none")
        axes.plot([], [], line, marker=marker, color=colour, mec=BLACK, label=label)
    axes.set(
        yscale="log",
        xlabel="per cent of the calls",
        ylabel=f"milliseconds for {batch} images (log)",
        title="Median, p95 and p99 are marked",
    )
    axes.grid(axis="y")
    axes.legend(loc="best")  # the lines may run anywhere, as the machine is quiet or busy
    return made


@figure
def false_alarms(found, sizes, limits):
    """PSI of windows without drift. `found`: window -> PSI of each; `limits`: "usual" and "limit" for each of `sizes`."""
    made, axes = plt.subplots(figsize=(8.4, 4.2))
    for m, values in found.items():
        spread = m * np.exp(np.linspace(-0.06, 0.06, len(values)))
        axes.plot(spread, values, ".", color=SKY, ms=3, zorder=1)
    axes.plot(sizes, limits["limit"], "-", color=BLUE, label="our limit: 5 % above it")
    axes.plot(sizes, limits["usual"], "--", color=BLACK, lw=1.5, label="usual value without drift")
    for limit, word in ((0.1, "folk rule: look"), (0.2, "folk rule: act")):
        axes.axhline(limit, color=RED, lw=1.5, ls=":")
        axes.text(1080, limit, word, color=RED, va="bottom", ha="right")
    axes.set(xscale="log", xlabel="images in the window (log)", ylabel="PSI", ylim=(0, 0.75), title="No drift at all: PSI of each window")
    axes.set_xticks(list(found), [str(m) for m in found])
    axes.set_xticks([], minor=True)
    axes.legend(loc="upper right")
    return made


@figure
def shares_of_bins(reference, windows):
    """Per cent of the images in each bin of sureness. `windows`: name -> shares (bins,)."""
    made, axes = plt.subplots(figsize=(8.4, 3.6))
    places, width = np.arange(1, len(reference) + 1), 0.27
    looks = ((GREY, ""), (SKY, "///"), (ORANGE, "..."))
    for i, ((name, shares), (colour, hatch)) in enumerate(zip({"reference": reference, **windows}.items(), looks)):
        axes.bar(places + (i - 1) * width, 100 * shares, width, color=colour, hatch=hatch, ec=BLACK, lw=0.5, label=name)
    axes.set(
        xticks=places, xlabel="bin: 1 is least sure, 10 is surest", ylabel="per cent of the images", title="Where the confidences fall"
    )
    axes.legend()
    return made


@figure
def intervals(results, margin):
    """Differences with two standard errors. `results`: model -> [(difference, error) same images, (difference, error) others]."""
    made, axes = plt.subplots(figsize=(8.4, 3.4))
    looks = ((BLUE, "o", "the same images"), (GREEN, "s", "different images"))
    for row, pair in enumerate(results.values()):
        for (difference, error), (colour, marker, label), lift in zip(pair, looks, (0.13, -0.13)):
            axes.errorbar(
                difference, -row + lift, xerr=2 * error, fmt=marker, color=colour, mec=BLACK, ms=8, capsize=4, label=None if row else label
            )
    axes.axvline(0, color=BLACK, lw=0.8)
    axes.axvline(-margin, color=BLACK, lw=1.4, ls="--")
    axes.text(-margin, 0.5, "margin ", ha="right", va="bottom")
    axes.set(xlabel="points, new minus float", yticks=-np.arange(len(results)), ylim=(-len(results) + 0.5, 0.8))
    axes.set_yticklabels(list(results))
    axes.set_title("Is it worse?")
    made.legend(loc="outside lower right", ncols=2)
    return made


@figure
def answered(pictures, answers, labels):
    """Pictures with the class and probability that the file gave; a wrong class says what it should be."""
    made, panels = plt.subplots(1, len(pictures), figsize=(10.5, 2))
    for axes, picture, (name, probability), label in zip(panels, pictures, answers, labels):
        axes.imshow(picture, cmap="gray_r")
        said = "" if name == str(label) else f"\nnot {label}"
        axes.set_title(f"{name}: {100 * probability:.0f} %{said}", fontsize=10.5, loc="center")
        axes.axis("off")
    return made
