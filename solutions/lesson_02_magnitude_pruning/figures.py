"""Figures of lesson 02."""

import matplotlib.pyplot as plt
import numpy as np

from autograder.course.figure_style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY, figure

LOOKS = ((RED, "s", "--"), (BLUE, "o", "-"), (GREEN, "^", "-."), (PURPLE, "D", ":"))


@figure
def weights_kept(w, mask):
    """Histogram of the weights `w` (n,): those that `mask` (n,) keeps, and those it prunes."""
    made, axes = plt.subplots(figsize=(8, 3.4))
    bins = np.linspace(w.min(), w.max(), 81)
    axes.hist(
        [w[mask], w[~mask]],
        bins=bins,
        stacked=True,
        color=[BLUE, SKY],
        ec=BLACK,
        lw=0.3,
        label=[f"kept: {mask.sum():,}", f"pruned: {(~mask).sum():,}"],
    )
    for bars in axes.containers[1]:
        bars.set_hatch("///")
    edge = np.abs(w[mask]).min()
    for x in (-edge, edge):
        axes.axvline(x, color=BLACK, lw=1.2, ls="--")
    axes.set(xlabel="weight", ylabel="number of weights", title=f"Pruning takes the middle: |w| below {edge:.2f}")
    axes.legend(loc="upper left")
    return made


@figure
def kept_in_each_layer(names, shares):
    """Per cent of weights kept in each layer. `shares`: word -> one number for each of `names`."""
    made, axes = plt.subplots(figsize=(7.5, 3.4))
    places = np.arange(len(names))
    looks = ((ORANGE, ""), (BLUE, "///"))
    for i, ((word, values), (colour, hatch)) in enumerate(zip(shares.items(), looks)):
        bars = axes.bar(places + 0.4 * i - 0.2, values, 0.38, color=colour, hatch=hatch, ec=BLACK, lw=0.6, label=word)
        axes.bar_label(bars, fmt="%.0f", padding=2)
    axes.set(ylabel="weights kept (%)", xticks=places, title="The same number of survivors, differently spread")
    axes.set_xticklabels(names)
    axes.set_ylim(0, 1.25 * max(max(values) for values in shares.values()))
    axes.legend(loc="upper left", ncols=2)
    return made


@figure
def revived_weights(left, limit):
    """Magnitudes at pruned places after fine-tuning. `left`: optimiser -> treatment -> array (places,).

    Left: how many are not zero. Right: how large those are if nothing is done, against `limit`.
    """
    made, (bars, sizes) = plt.subplots(1, 2, figsize=(10.5, 3.9), width_ratios=(1.3, 1))
    looks = ((ORANGE, ""), (BLUE, "///"))
    for i, ((optimizer, runs), (colour, hatch)) in enumerate(zip(left.items(), looks)):
        places = np.arange(len(runs))[::-1] + 0.19 - 0.38 * i
        shares = [100 * np.count_nonzero(values) / len(values) for values in runs.values()]
        drawn = bars.barh(places, shares, 0.36, color=colour, hatch=hatch, ec=BLACK, lw=0.6, label=optimizer)
        bars.bar_label(drawn, fmt="%.1f", padding=3, fontsize=9)
        untreated = next(iter(runs.values()))
        untreated = np.log10(untreated[untreated > 0])
        sizes.hist(
            untreated,
            bins=np.linspace(-9, 1, 61),
            color=colour,
            hatch=hatch,
            ec=BLACK,
            lw=0.6,
            histtype="stepfilled",
            alpha=0.6,
            label=optimizer,
        )
    treatments = list(next(iter(left.values())))
    bars.set(yticks=np.arange(len(treatments)), xlim=(0, 115), xlabel="pruned weights that are not zero (%)", title="After 30 steps")
    bars.set_yticklabels(treatments[::-1])
    bars.legend(loc="lower right")
    sizes.axvline(np.log10(limit), color=RED, lw=1.8, ls="--")
    sizes.text(
        np.log10(limit) + 0.15, 0.75, f"{limit:.0e}".replace("e-0", "e-"), transform=sizes.get_xaxis_transform(), color=RED, va="top"
    )
    sizes.set(
        xlabel="magnitude (power of ten)",
        ylabel="number of weights",
        xlim=(-9, 1),
        xticks=np.arange(-8, 1, 2),
        title="How large they are, nothing done",
    )
    sizes.set_ylim(0, 1.35 * sizes.get_ylim()[1])
    sizes.legend(loc="upper center")
    return made


@figure
def schedules_and_accuracy(linear, cubic, levels, curves, before):
    """Left: two lists of sparsities. Right: accuracy in %, `curves`: name -> list (levels) of lists (seeds)."""
    made, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4), width_ratios=(1, 1.6))
    rounds = np.arange(len(linear))
    left.plot(rounds, 100 * np.array(linear), "s--", color=RED, label="linear")
    left.plot(rounds, 100 * np.array(cubic), "o-", color=BLUE, label="cubic")
    left.set(xlabel="round", ylabel="sparsity (%)", xticks=rounds, title="Two schedules")
    left.grid(axis="y")
    left.legend(loc="lower right")
    places = np.arange(len(levels))
    for i, ((name, runs), (colour, marker, style)) in enumerate(zip(curves.items(), LOOKS)):
        runs = np.array(runs)
        right.errorbar(
            places + 0.06 * (i - 1),
            runs.mean(axis=1),
            yerr=runs.std(axis=1, ddof=1),
            color=colour,
            marker=marker,
            ls=style,
            capsize=3,
            elinewidth=1.2,
            label=name,
        )
    right.axhline(before, color=GREY, lw=1.2, ls=":")
    right.text(places[-1] + 0.15, before + 1, "dense", ha="right", va="bottom", color=GREY)
    right.set(
        xlabel="sparsity (%)",
        ylabel="validation accuracy (%)",
        xticks=places,
        ylim=(0, 108),
        title="Accuracy, mean and spread of the seeds",
    )
    right.set_xticklabels([f"{100 * level:.0f}" for level in levels])
    right.grid(axis="y")
    right.legend(loc="lower left")
    return made


@figure
def tickets(levels, results):
    """Accuracy in % at each sparsity. `results`: name -> list (levels) of lists (seeds)."""
    made, axes = plt.subplots(figsize=(7.5, 3.8))
    places = np.arange(len(levels))
    for i, ((name, runs), (colour, marker, _)) in enumerate(zip(results.items(), ((BLUE, "o", ""), (RED, "s", "")))):
        at = places + 0.24 * i - 0.12
        for x, seeds in zip(at, runs):
            axes.plot(x + np.linspace(-0.05, 0.05, len(seeds)), seeds, marker, color=colour, mec=BLACK, mew=0.5, ms=7, ls="none")
            axes.plot([x - 0.1, x + 0.1], [np.mean(seeds)] * 2, color=BLACK, lw=2.5)
        axes.plot([], [], marker, color=colour, mec=BLACK, mew=0.5, ms=7, ls="none", label=name)
    axes.set(xlabel="sparsity (%)", ylabel="validation accuracy (%)", xticks=places, title="Retrained from the initial values")
    axes.set_xticklabels([f"{100 * level:.0f}" for level in levels])
    axes.grid(axis="y")
    axes.legend(loc="lower left")
    return made


@figure
def bytes_against_sparsity(grid, sizes, marks):
    """Bytes of one weight matrix. `sizes`: format -> one number for each of `grid`; `marks`: format -> break-even."""
    made, axes = plt.subplots(figsize=(8, 4))
    looks = {"dense": (BLACK, None, "-"), "bitmask": (BLUE, "o", "-"), "csr": (RED, "s", "--"), "gzip of dense": (GREEN, "^", ":")}
    for name, values in sizes.items():
        colour, marker, style = looks[name]
        axes.plot(100 * grid, np.array(values) / 1000, style, color=colour, marker=marker, ms=6, label=name.replace("csr", "CSR"))
    top = sizes["dense"][0] / 1000
    for layout, at in marks.items():
        axes.plot(100 * at, top, "*", color=looks[layout][0], mec=BLACK, ms=17, zorder=5)
        axes.annotate(
            f"{layout.replace('csr', 'CSR')}: {100 * at:.1f} %",
            (100 * at, top),
            (100 * at + 4, top * 1.22),
            color=looks[layout][0],
            arrowprops={"arrowstyle": "-", "color": GREY, "lw": 0.8, "shrinkB": 8},
        )
    axes.set(
        xlabel="sparsity (%)", ylabel="size (kilobytes)", ylim=(0, None), title="Break-even (stars): where a format is as large as dense"
    )
    axes.grid(axis="y")
    axes.legend(loc="upper right")
    return made


@figure
def patterns(free, fixed):
    """Two masks (rows, columns) side by side; a line after every fourth column."""
    made, panels = plt.subplots(2, 1, figsize=(9, 6.2))
    for axes, mask, title in ((panels[0], free, "A free mask"), (panels[1], fixed, "A 2:4 mask")):
        axes.imshow(mask, cmap="Greys", vmin=0, vmax=1.25, aspect="equal", interpolation="nearest")
        for x in np.arange(3.5, mask.shape[1] - 1, 4):
            axes.axvline(x, color=RED, lw=1.6)
        axes.set(xticks=[], yticks=[], xlabel="inputs", ylabel="outputs", title=f"{title}: {100 * mask.mean():.0f} % of this piece kept")
        axes.spines[["top", "right"]].set_visible(True)
    return made
