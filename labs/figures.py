"""The lab's figures."""

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from course_labs.report import SHORT

# Okabe and Ito's colours differ for every kind of colour vision; the shapes differ without any colour.
LOOKS = {
    "teacher": ("#000000", "o"),
    "student": ("#0072B2", "s"),
    "pruned": ("#D55E00", "^"),
    "int8": ("#009E73", "D"),
}


def tradeoff(results: dict) -> Figure:
    """Test accuracy against file size and against latency, one point a row, bars for the uncertainty."""
    figure = Figure(figsize=(9, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    rows = results["rows"]
    _panel(left, rows, [row["bytes"] / 1000 for row in rows], None)
    spreads = [[row["onnx_runtime"][f"p{p}_ms"] for row in rows] for p in (10, 90)]
    _panel(right, rows, [row["onnx_runtime"]["median_ms"] for row in rows], spreads)
    left.set_xlabel("file size, kB (log scale)")
    right.set_xlabel("latency of one image, ms (log scale)\nONNX Runtime, one thread, median, p10 to p90")
    left.set_ylabel("test accuracy, % (± standard error)")
    figure.suptitle(f"{results['data']['title']}: what each step costs and saves", x=0.01, ha="left")
    figure.supxlabel("Further left is cheaper, higher is better; the bars show how far chance alone moves a point.", fontsize=9, x=0.01, ha="left")
    return figure


def _panel(axes, rows: list[dict], costs: list[float], spreads) -> None:
    accuracies = [100 * row["accuracy"] for row in rows]
    axes.plot(costs, accuracies, color="0.75", linewidth=1, zorder=1)
    for index, row in enumerate(rows):
        colour, marker = LOOKS[row["name"]]
        across = None
        if spreads is not None:
            low, high = spreads[0][index], spreads[1][index]
            across = [[max(0, costs[index] - low)], [max(0, high - costs[index])]]
        axes.errorbar(
            costs[index], accuracies[index], yerr=100 * row["accuracy_standard_error"], xerr=across,
            fmt=marker, color=colour, markersize=8, capsize=2, elinewidth=1, zorder=2,
        )
        # neighbours' labels stand at opposite ends of their bars, so that two close points keep theirs apart
        above = index % 2 == 0
        end = accuracies[index] + (1 if above else -1) * 100 * row["accuracy_standard_error"]
        axes.annotate(
            SHORT[row["name"]], (costs[index], end), xytext=(0, 4 if above else -4),
            textcoords="offset points", ha="center", va="bottom" if above else "top", color=colour,
        )
    axes.set_xscale("log")
    axes.margins(x=0.22, y=0.2)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="0.92")
