"""The lab's figures."""

import textwrap

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from course_labs.report.tables import SHORT, class_accuracies

# Okabe and Ito's colours differ for every kind of colour vision; the shapes differ without any colour.
LOOKS = {
    "teacher": ("#000000", "o"),
    "student": ("#0072B2", "s"),
    "pruned": ("#D55E00", "^"),
    "int8": ("#009E73", "D"),
}
# Where a label stands: above its bar or below, flush how. Neighbours differ, so that two close points keep theirs apart.
PLACES = {"teacher": (True, "center"), "student": (False, "left"), "pruned": (True, "right"), "int8": (False, "right")}
CONTROL = "#666666"
READING = "Further left is cheaper, higher is better. On the dashed line: models that no other beats in both."


def tradeoff(results: dict) -> Figure:
    """Test accuracy against file size and against latency, one point a row, bars for the uncertainty, the Pareto frontier as a line.

    Control rows, where there are some, are hollow and numbered; the numbers are explained below.
    """
    controls, several = results["runs"][0]["controls"], len(results["runs"])
    bars = "how far chance alone moves a point" if several == 1 else f"standard deviation over {several} runs"
    words = [f"{READING} Bars: {bars}."]
    if controls:
        words += textwrap.wrap("Control rows: " + "; ".join(f"{number}\u00a0{row['title']}" for number, row in enumerate(controls, 1) if row["onnx_runtime"]) + ".", 125)
    figure = Figure(figsize=(9, 4.4 + 0.17 * len(words)), layout="constrained")
    panels(results, figure.subplots(1, 2, sharey=True))
    figure.suptitle(f"{results['data']['title']}: what each step costs and saves", x=0.01, ha="left")
    figure.supxlabel("\n".join(words), fontsize=9, x=0.01, ha="left")
    return figure


def tradeoffs(several: list[dict]) -> Figure:
    """`tradeoff` for more than one data set, one below the other."""
    figure = Figure(figsize=(9, 0.5 + 3.4 * len(several)), layout="constrained")
    parts = figure.subfigures(len(several), 1, squeeze=False)[:, 0]
    for part, results in zip(parts, several):
        panels(results, part.subplots(1, 2, sharey=True))
        part.suptitle(results["data"]["title"], x=0.01, ha="left", fontweight="bold")
    figure.supxlabel(READING, fontsize=9, x=0.01, ha="left")
    return figure


def panels(results: dict, axes) -> None:
    """Draw accuracy against file size into the first of two axes and against latency into the second."""
    left, right = axes
    run, several = results["runs"][0], len(results["runs"]) > 1
    rows = [(row, SHORT[row["name"]]) for row in run["rows"]] + [(row, str(n)) for n, row in enumerate(run["controls"], 1)]
    points = [_point(results, row, label, several) for row, label in rows]
    _panel(left, [point | {"cost": point["kb"], "across": None} for point in points if point["own_file"]])
    _panel(right, [point | {"cost": point["ms"]} for point in points if point["ms"] is not None])
    left.set_xlabel("file size, kB (log scale)")
    right.set_xlabel("latency of one image, ms (log scale)\nONNX Runtime, one thread, median" + ("" if several else ", p10 to p90"))
    left.set_ylabel(f"test accuracy, %\n(± {'standard deviation' if several else 'standard error'})")


def frontier(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Those (cost, accuracy) that no other point beats: none is cheaper and at least as accurate, or as cheap and more accurate. By cost."""
    best, kept = -np.inf, []
    for cost, accuracy in sorted(points, key=lambda point: (point[0], -point[1])):
        if accuracy > best:
            kept.append((cost, accuracy))
            best = accuracy
    return kept


def _point(results: dict, row: dict, label: str, several: bool) -> dict:
    """What a row's point needs. The controls `eager` and `openvino` have no file of their own."""
    found, eager = results["summary"][row["name"]], row["name"] == "eager"
    latency, times = (found["eager_ms"], row["pytorch_eager"]) if eager else (found["latency_ms"], row["onnx_runtime"])
    ms = latency and latency["mean"]
    across = None
    if ms is not None:
        low, high = (ms - latency["sd"], ms + latency["sd"]) if several else (times["p10_ms"], times["p90_ms"])
        across = [[max(0, ms - low)], [max(0, high - ms)]]
    return {
        "name": row["name"], "label": label, "own_file": row["name"] not in ("eager", "openvino"),
        "accuracy": 100 * found["accuracy"]["mean"], "kb": found["bytes"]["mean"] / 1000, "ms": ms, "across": across,
        "error": 100 * (found["accuracy"]["sd"] if several else row["accuracy_standard_error"]),
    }  # fmt: skip


def _panel(axes, points: list[dict]) -> None:
    edge = frontier([(point["cost"], point["accuracy"]) for point in points])
    axes.plot(*zip(*edge), drawstyle="steps-post", color="0.6", linewidth=1.2, linestyle="--", zorder=1)
    for point in points:
        if point["name"] not in LOOKS:  # no bars: seven more would hide the four rows
            axes.plot(point["cost"], point["accuracy"], "o", color=CONTROL, markerfacecolor="white", markersize=5, zorder=3)
            axes.annotate(
                point["label"], (point["cost"], point["accuracy"]), xytext=(5, 0), textcoords="offset points",
                va="center", color=CONTROL, fontsize=8,
            )  # fmt: skip
            continue
        colour, marker = LOOKS[point["name"]]
        axes.errorbar(
            point["cost"], point["accuracy"], yerr=point["error"], xerr=point["across"], fmt=marker, color=colour,
            markersize=8, capsize=2, elinewidth=1, zorder=2,
        )  # fmt: skip
        above, side = PLACES[point["name"]]
        axes.annotate(
            point["label"], (point["cost"], point["accuracy"] + (1 if above else -1) * point["error"]), xytext=(0, 4 if above else -4),
            textcoords="offset points", ha=side, va="bottom" if above else "top", color=colour,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.5},
        )  # fmt: skip
    axes.set_xscale("log")
    axes.margins(x=0.28, y=0.2)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="0.92")


def classes(results: dict, most: int = 16) -> Figure:
    """Test accuracy of teacher and int8 on each class, two bars a class, the worst drop marked. Of very many classes, those that lose most."""
    before, after = (100 * np.array(class_accuracies(results, row)) for row in ("teacher", "int8"))
    chosen = np.sort((after - before).argsort(kind="stable")[:most])
    names, before, after = [results["data"]["classes"][c] for c in chosen], before[chosen], after[chosen]
    worst, places = int((after - before).argmin()), np.arange(len(names))
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    axes = figure.subplots()
    axes.bar(places - 0.2, before, 0.38, color=LOOKS["teacher"][0], label="teacher, float32")
    axes.bar(places + 0.2, after, 0.38, color="#9FD8C7", edgecolor=LOOKS["int8"][0], hatch="///", label="int8")
    top = max(before[worst], after[worst])
    axes.annotate(
        f"{after[worst] - before[worst]:+.1f}", (places[worst], top), xytext=(0, 16), textcoords="offset points",
        ha="center", va="bottom", fontweight="bold", arrowprops={"arrowstyle": "->"},
    )  # fmt: skip
    # bars that start at 0 say how much is right; where all are nearly full, the difference would be too small to see
    low = min(before.min(), after.min())
    if low > 60:
        axes.set_ylim(bottom=10 * np.floor((low - 5) / 10) if low < 90 else np.floor(low - 2))
    axes.set_ylim(top=axes.get_ylim()[0] + 1.22 * (100 - axes.get_ylim()[0]))
    axes.set_yticks([tick for tick in axes.get_yticks() if tick <= 100])
    long = sum(map(len, names)) > 90
    axes.set_xticks(places, names, rotation=30 if long else 0, ha="right" if long else "center", rotation_mode="anchor")
    cut = "" if axes.get_ylim()[0] == 0 else f"\n(axis starts at {axes.get_ylim()[0]:g})"
    axes.set_ylabel(f"test accuracy, %{cut}")
    axes.legend(ncols=2, loc="upper left", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"{results['data']['title']}: accuracy class by class", x=0.01, ha="left")
    shown = "" if len(names) == len(results["data"]["classes"]) else f" Shown: the {len(names)} of {len(results['data']['classes'])} that lose most."
    words = f"One accuracy hides many. The class that pays most for compression is {names[worst]} (arrow: the difference in points).{shown}"
    figure.supxlabel(words, fontsize=9, x=0.01, ha="left")
    return figure


def lost_images(results: dict, images: torch.Tensor, labels: torch.Tensor, count: int = 12) -> Figure:
    """Some test images that the teacher gets right and int8 wrong, with the right class and what int8 said.

    They are spread evenly over all that were lost: a data set may be sorted by class. `images` uint8 (N, C, H, W) and `labels` (N,) are the test split. Of several runs, the first one's.
    """
    run, names = results["runs"][0], results["data"]["classes"]
    lost = list(zip(run["lost"]["images"], run["lost"]["said"]))
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
    total = run["lost"]["count"]
    figure.suptitle(f"{results['data']['title']}: images that compression lost", x=0.01, ha="left")
    shown = f"{len(lost)} of {total:,}" if total > len(lost) else f"All {total}"
    seed = "" if len(results["runs"]) == 1 else f" (seed {run['seed']})"
    words = "Compression lost no test image." if not lost else f"{shown} test images{seed} that the teacher gets right and int8 wrong: above, what it is; below, what int8 says."
    figure.supxlabel(words, fontsize=9, x=0.01, ha="left")
    return figure
