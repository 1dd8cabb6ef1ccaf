"""The lab's figures."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from course_labs.measuring.rows import LABELS, Look
from course_labs.report.results import Results, Row
from course_labs.report.sentences import class_accuracies

if TYPE_CHECKING:
    import torch

READING = "Further left is cheaper, higher is better. On the dashed line: models that no other beats in both."


def plain(text: str) -> str:
    """Text for a figure: what somebody called a class or a folder is no formula, whatever dollars it has."""
    return text.replace("$", r"\$")


def tradeoff(results: Results) -> Figure:
    """Test accuracy against file size and against latency, one point a row, bars for the uncertainty, the Pareto frontier as a line.

    Control rows, where there are some, are hollow and numbered; the numbers are explained below.
    """
    controls = results.first.controls
    bars = f"standard deviation over {len(results.runs)} runs" if results.several else "how far chance alone moves a point"
    words = [f"{READING} Bars: {bars}."]
    if controls:
        words += textwrap.wrap(
            "Control rows: " + "; ".join(f"{number}\u00a0{row.title}" for number, row in enumerate(controls, 1) if row.onnx_runtime) + ".",
            125,
        )
    figure = Figure(figsize=(9, 4.4 + 0.17 * len(words)), layout="constrained")
    panels(results, figure.subplots(1, 2, sharey=True))
    figure.suptitle(f"{plain(results.data.title)}: what each step costs and saves", x=0.01, ha="left")
    figure.supxlabel("\n".join(words), fontsize=9, x=0.01, ha="left")
    return figure


def tradeoffs(several: list[Results]) -> Figure:
    """`tradeoff` for more than one data set, one below the other."""
    figure = Figure(figsize=(9, 0.5 + 3.4 * len(several)), layout="constrained")
    parts = figure.subfigures(len(several), 1, squeeze=False)[:, 0]
    for part, results in zip(parts, several):
        panels(results, part.subplots(1, 2, sharey=True))
        part.suptitle(plain(results.data.title), x=0.01, ha="left", fontweight="bold")
    figure.supxlabel(READING, fontsize=9, x=0.01, ha="left")
    return figure


def panels(results: Results, axes: Sequence[Axes]) -> None:
    """Draw accuracy against file size into the first of two axes and against latency into the second."""
    left, right = axes
    rows = [(row, LABELS[row.name].short) for row in results.first.rows] + [
        (row, str(n)) for n, row in enumerate(results.first.controls, 1)
    ]
    _panel(left, [_size(results, row, text) for row, text in rows if LABELS[row.name].own_file])
    _panel(right, [point for row, text in rows if (point := _latency(results, row, text))])
    left.set_xlabel("file size, kB (log scale)")
    right.set_xlabel("latency of one image, ms (log scale)\nONNX Runtime, one thread, median" + ("" if results.several else ", p10 to p90"))
    left.set_ylabel(f"test accuracy, %\n(± {'standard deviation' if results.several else 'standard error'})")


def frontier(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Those (cost, accuracy) that no other point beats: none is cheaper and at least as accurate, or as cheap and more accurate.

    By cost.
    """
    best, kept = -np.inf, []
    for cost, accuracy in sorted(points, key=lambda point: (point[0], -point[1])):
        if accuracy > best:
            kept.append((cost, accuracy))
            best = accuracy
    return kept


@dataclass(frozen=True)
class Point:
    """A row in one panel: what it costs, its accuracy and error in per cent, how far the cost reaches below and above, and its label."""

    cost: float
    accuracy: float
    error: float
    across: tuple[float, float] | None
    label: str
    look: Look


def _size(results: Results, row: Row, label: str) -> Point:
    """File size in kB."""
    return _point(results, row, label, results.summary[row.name].bytes.mean / 1000, None)


def _latency(results: Results, row: Row, label: str) -> Point | None:
    """Latency in ms, PyTorch's for the row that speaks of it.

    None where a row was timed in neither: OpenVINO's times are no match for ONNX Runtime's.
    """
    found, eager = results.summary[row.name], LABELS[row.name].clock == "pytorch_eager"
    latency, times = (found.eager_ms, row.pytorch_eager) if eager else (found.latency_ms, row.onnx_runtime)
    if latency is None or times is None:
        return None
    low, high = (times.p10_ms, times.p90_ms) if latency.sd is None else (latency.mean - latency.sd, latency.mean + latency.sd)
    return _point(results, row, label, latency.mean, (max(0, latency.mean - low), max(0, high - latency.mean)))


def _point(results: Results, row: Row, label: str, cost: float, across: tuple[float, float] | None) -> Point:
    right = results.summary[row.name].accuracy
    return Point(
        cost, 100 * right.mean, 100 * (row.accuracy_standard_error if right.sd is None else right.sd), across, label, LABELS[row.name].look
    )


def _panel(axes: Axes, points: list[Point]) -> None:
    edge = frontier([(point.cost, point.accuracy) for point in points])
    axes.plot(*zip(*edge), drawstyle="steps-post", color="0.6", linewidth=1.2, linestyle="--", zorder=1)
    for point in points:
        look = point.look
        if look.hollow:
            axes.plot(point.cost, point.accuracy, look.marker, color=look.colour, markerfacecolor="white", markersize=5, zorder=3)
            axes.annotate(
                point.label,
                (point.cost, point.accuracy),
                xytext=(5, 0),
                textcoords="offset points",
                va="center",
                color=look.colour,
                fontsize=8,
            )
            continue
        axes.errorbar(
            point.cost,
            point.accuracy,
            yerr=point.error,
            xerr=point.across and [[part] for part in point.across],
            fmt=look.marker,
            color=look.colour,
            markersize=8,
            capsize=2,
            elinewidth=1,
            zorder=2,
        )
        up = 1 if look.label_above else -1
        axes.annotate(
            point.label,
            (point.cost, point.accuracy + up * point.error),
            xytext=(0, 4 * up),
            textcoords="offset points",
            ha=look.label_side,
            va="bottom" if look.label_above else "top",
            color=look.colour,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.5},
        )
    axes.set_xscale("log")
    axes.margins(x=0.28, y=0.2)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="0.92")


def classes(results: Results, most: int = 16) -> Figure:
    """Test accuracy of teacher and int8 on each class, two bars a class, the worst drop marked.

    Of very many classes, those that lose most.
    """
    before, after = (100 * np.array(class_accuracies(results, row)) for row in ("teacher", "int8"))
    chosen = np.sort((after - before).argsort(kind="stable")[:most])
    names, before, after = [plain(results.data.classes[c]) for c in chosen], before[chosen], after[chosen]
    worst, places = int((after - before).argmin()), np.arange(len(names))
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    axes = figure.subplots()
    axes.bar(places - 0.2, before, 0.38, color=LABELS["teacher"].look.colour, label=LABELS["teacher"].title)
    axes.bar(places + 0.2, after, 0.38, color="#9FD8C7", edgecolor=LABELS["int8"].look.colour, hatch="///", label="int8")
    top = max(before[worst], after[worst])
    axes.annotate(
        f"{after[worst] - before[worst]:+.1f}",
        (places[worst], top),
        xytext=(0, 16),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontweight="bold",
        arrowprops={"arrowstyle": "->"},
    )
    # bars that start at 0 say how much is right; where all are nearly full, the difference would be too small to see
    low = min(before.min(), after.min())
    if low > 60:
        axes.set_ylim(bottom=10 * np.floor((low - 5) / 10) if low < 90 else np.floor(low - 2))
    axes.set_ylim(top=axes.get_ylim()[0] + 1.22 * (100 - axes.get_ylim()[0]))
    axes.set_yticks([tick for tick in axes.get_yticks() if tick <= 100])
    long = sum(map(len, names)) > 90 or max(map(len, names)) * len(names) > 110
    axes.set_xticks(places, names, rotation=30 if long else 0, ha="right" if long else "center", rotation_mode="anchor")
    cut = "" if axes.get_ylim()[0] == 0 else f"\n(axis starts at {axes.get_ylim()[0]:g})"
    axes.set_ylabel(f"test accuracy, %{cut}")
    axes.legend(ncols=2, loc="upper left", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"{plain(results.data.title)}: accuracy class by class", x=0.01, ha="left")
    shown = "" if len(names) == len(results.data.classes) else f" Shown: the {len(names)} of {len(results.data.classes)} that lose most."
    words = f"One accuracy hides many. The class that pays most for compression is {names[worst]} (arrow: the difference in points).{shown}"
    figure.supxlabel(words, fontsize=9, x=0.01, ha="left")
    return figure


def lost_images(results: Results, images: "torch.Tensor", labels: "torch.Tensor", count: int = 12) -> Figure:
    """Some test images that the teacher gets right and int8 wrong, with the right class and what int8 said.

    They are spread evenly over all that were lost: a data set may be sorted by class. `images` uint8 (N, C, H, W) and `labels` (N,) are
    the test split. Of several runs, the first one's.
    """
    run, names = results.first, [plain(name) for name in results.data.classes]
    lost = list(zip(run.lost.images, run.lost.said))
    lost = [lost[place] for place in np.linspace(0, len(lost) - 1, min(count, len(lost))).astype(int)]
    columns = 6
    lines = max(1, -(-len(lost) // columns))
    figure = Figure(figsize=(9, 0.9 + 1.85 * lines), layout="constrained")
    for place, axes in enumerate(figure.subplots(lines, columns, squeeze=False).flat):
        axes.axis("off")
        if place < len(lost):
            index, said = lost[place]
            picture = images[index].permute(1, 2, 0).squeeze(-1).numpy()
            axes.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            axes.set_title(f"{names[int(labels[index])]}\nint8: {names[said]}", fontsize=10)
    total = run.lost.count
    figure.suptitle(f"{plain(results.data.title)}: images that compression lost", x=0.01, ha="left")
    shown = f"{len(lost)} of {total:,}" if total > len(lost) else f"All {total}"
    seed = f" (seed {run.seed})" if results.several else ""
    words = (
        "Compression lost no test image."
        if not lost
        else f"{shown} test images{seed} that the teacher gets right and int8 wrong: above, what it is; below, what int8 says."
    )
    figure.supxlabel(words, fontsize=9, x=0.01, ha="left")
    return figure
