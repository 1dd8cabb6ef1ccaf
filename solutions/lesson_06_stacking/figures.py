"""Figures of lesson 06."""

import matplotlib.pyplot as plt
import numpy as np

from autograder.course.figure_style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY, YELLOW, figure


@figure
def product_and_file(sparsity, product, with_bitmask):
    """How many times smaller than float32: the ratios multiplied, and a file with a bitmask."""
    made, axes = plt.subplots(figsize=(7.8, 3.8))
    axes.plot(100 * sparsity, product, "--", color=RED, label="the two ratios multiplied")
    axes.plot(100 * sparsity, with_bitmask, "-", color=BLUE, label="file: 8-bit codes and a bitmask")
    axes.axhline(32, color=GREY, lw=1.2, ls=":")
    axes.text(1, 33, "32: one bit a place, and nothing else", color=GREY, va="bottom")
    i = int(np.argmin(np.abs(sparsity - 0.9)))
    for values, colour, marker in ((product, RED, "s"), (with_bitmask, BLUE, "o")):
        axes.plot(90, values[i], marker, color=colour, mec=BLACK, ms=9)
        axes.annotate(f"{values[i]:.1f}", (90, values[i]), (-8, 6), textcoords="offset points", ha="right")
    axes.set(
        xlabel="sparsity (%)",
        ylabel="times smaller",
        ylim=(0, 80),
        xlim=(0, 100),
        title="Pruned, then 8 bits: what is promised and what is stored",
    )
    axes.legend(loc="upper left")
    return made


@figure
def near_zero(grids, w):
    """How many decoded weights have each value close to zero. `grids`: name -> array of decoded weights."""
    made, panels = plt.subplots(1, 2, figsize=(10.5, 3.4), sharey=True)
    step = np.ptp(w) / 255
    for axes, (name, values), colour, hatch in zip(panels, grids.items(), (RED, BLUE), ("///", "")):
        found, counts = np.unique(values, return_counts=True)
        near = np.abs(found) < 2.2 * step
        axes.bar(found[near], counts[near], 0.14 * step, color=colour, ec=BLACK, lw=0.5, hatch=hatch)
        axes.axvline(0, color=BLACK, lw=1, ls="--")
        at, top = found[counts.argmax()], counts.max()
        said = f"at {at:.5f}" if at else "at exactly 0"
        axes.annotate(f"{top:,} weights\n{said}", (at, 0.75 * top), (14, 0), textcoords="offset points", va="center")
        axes.set(xlabel="decoded weight, close to 0", xlim=(-2 * step, 2 * step), title=name)
        axes.set_xticks([-step, 0, step], [f"{tick:.4f}" for tick in (-step, 0, step)])
    panels[0].set_ylabel("number of weights")
    return made


@figure
def code_book(values, even, book):
    """Histogram of the surviving weights, with the even entries below and those of k-means above."""
    made, axes = plt.subplots(figsize=(8.4, 3.8))
    counts, _, _ = axes.hist(values, bins=60, color=SKY, ec=BLACK, lw=0.3)
    top = counts.max()
    axes.vlines(even, -0.16 * top, -0.04 * top, color=RED, lw=2, ls="-", label=f"{len(even)} even steps")
    axes.vlines(book, 0, 1.12 * top, color=BLUE, lw=1.3, ls="--", label=f"{len(book)} entries of k-means")
    axes.axhline(0, color=BLACK, lw=0.8)
    axes.set(
        xlabel="surviving weight", ylabel="number of weights", ylim=(-0.2 * top, 1.45 * top), title="Entries gather where the weights are"
    )
    axes.set_yticks([tick for tick in axes.get_yticks() if 0 <= tick <= top])
    axes.legend(loc="upper center", ncols=2)
    return made


@figure
def words(counts, lengths, entropy):
    """How often each code occurs, and the length of its word, common codes first."""
    made, (left, right) = plt.subplots(1, 2, figsize=(10.5, 3.6))
    order = np.argsort(-counts, kind="stable")
    places = np.arange(len(counts))
    left.bar(places, counts[order], color=SKY, ec=BLACK, lw=0.5)
    left.set(xlabel="code, the most common first", ylabel="how often", xticks=[], title="Codes are not equally common")
    right.bar(places, lengths[order], color=ORANGE, ec=BLACK, lw=0.5, hatch="///")
    fixed, mean = int(np.ceil(np.log2(len(counts)))), counts @ lengths / counts.sum()
    right.axhline(fixed, color=BLACK, lw=1.4, ls="--")
    right.text(1.01, fixed, f"fixed: {fixed}", transform=right.get_yaxis_transform(), va="center")
    right.set(
        xlabel="code, the most common first",
        ylabel="bits",
        xticks=[],
        ylim=(0, lengths.max() * 1.15),
        title=f"Bits a code: entropy {entropy:.2f}, Huffman {mean:.2f}, fixed {fixed}",
    )
    return made


@figure
def parts_of_the_file(kinds, shares):
    """Stacked bars of bytes. `shares`: row of the table -> bytes of each of `kinds`."""
    made, axes = plt.subplots(figsize=(9, 3.7))
    looks = ((BLUE, ""), (ORANGE, "///"), (GREEN, "..."), (YELLOW, "xx"))
    words = {"codes": "weights or codes", "tables": "scales or code book"}
    places = np.arange(len(shares))[::-1]
    start = np.zeros(len(shares))
    for i, (kind, (colour, hatch)) in enumerate(zip(kinds, looks)):
        sizes = np.array([values[i] for values in shares.values()])
        axes.barh(places, sizes, 0.62, left=start, color=colour, hatch=hatch, ec=BLACK, lw=0.6, label=words.get(kind, kind))
        start += sizes
    for place, end, values in zip(places, start, shares.values()):
        axes.text(end, place, f"  {end:,.0f}; not codes: {100 * (1 - values[0] / end):.0f} %", va="center")
    axes.set(xlabel="bytes", yticks=places, xlim=(0, 1.3 * start.max()), title="What the file holds (one seed)")
    axes.set_yticklabels([name.strip() for name in shares])
    axes.legend(loc="lower right")
    return made


def _family(name):
    return "low rank" if name.startswith("low rank") else " ".join(name.split()[:2])


@figure
def frontier_and_classes(names, sizes, scores, best, teacher_score, losses, class_budget):
    """Left: accuracy against bytes. Right: points that each class lost; `losses`: variant -> array (classes,)."""
    made = plt.figure(figsize=(11.5, 5))
    grid = made.add_gridspec(2, 2, width_ratios=(1.5, 1))
    axes = made.add_subplot(grid[:, 0])
    families = [_family(name) for name in names]
    looks = zip(dict.fromkeys(families), ((BLUE, "o"), (RED, "s"), (GREEN, "^"), (PURPLE, "D"), (ORANGE, "v")))
    order = np.argsort(sizes[best])
    axes.step(sizes[best][order], scores[best][order], where="post", color=BLACK, lw=1.3, zorder=1)
    for family, (colour, marker) in looks:
        mine = np.array([each == family for each in families])
        axes.plot(sizes[mine & ~best], scores[mine & ~best], marker, mfc="none", mec=colour, ms=7)
        axes.plot(sizes[mine & best], scores[mine & best], marker, color=colour, mec=BLACK, ms=10, zorder=3)
        axes.plot([], [], marker, color=colour, mec=BLACK, ms=8, ls="none", label=family)
    axes.axhline(teacher_score, color=GREY, lw=1.2, ls=":")
    low = np.quantile(scores, 0.2) - 2
    out = int((scores < low).sum())
    axes.set(
        xscale="log", xlabel="bytes of the file (log)", ylabel="validation accuracy (%)", title="Filled: on the frontier. Hollow: dominated"
    )
    axes.set_ylim(low, scores.max() + 1)
    ticks = [t for t in (500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000, 200_000) if sizes.min() / 1.3 < t < 1.3 * sizes.max()]
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.text(0.42, 0.02, f"{out} more below" if out else "", transform=axes.transAxes, color=GREY, ha="center")
    axes.text(sizes.max(), teacher_score, "teacher", color=GREY, va="bottom", ha="right")
    axes.grid(axis="y")
    axes.legend(loc="lower right")
    for row, (name, values) in enumerate(losses.items()):
        axes = made.add_subplot(grid[row, 1])
        places, over = np.arange(len(values)), values > class_budget
        for mask, colour, hatch in ((over, RED, "///"), (~over, SKY, "")):
            axes.bar(places[mask], values[mask], 0.7, color=colour, hatch=hatch, ec=BLACK, lw=0.6)
        axes.axhline(0, color=BLACK, lw=1)
        axes.axhline(class_budget, color=BLACK, lw=1.4, ls=":")
        axes.set(xticks=places, xlabel="class", ylabel="points lost")
        axes.set_title(name, fontsize=10.5)
    return made
