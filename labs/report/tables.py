"""Results as Markdown tables and as terminal tables."""

import re
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from course_labs.measuring.rows import LABELS
from course_labs.report.control_sentences import titled
from course_labs.report.numbers import accuracy, count, latency, number, size
from course_labs.report.results import Results, Row
from course_labs.report.sentences import brackets, remarks

HEADER = ("model", "channels", "test accuracy", "file", "parameters", "MACs", "ONNX Runtime, 1 thread", "PyTorch eager, 1 thread")
CONTROLS_HEADER = (*HEADER[:4], "gzip", "parameters", "not zero", *HEADER[5:])
MANY = 12  # layers, whose channels would make a column of a hundred characters
CAPTION = "ms: one image, one thread, ONNX Runtime, median; eager: the same in PyTorch, ms"


def cells(results: Results) -> list[tuple[str, ...]]:
    """The table's rows as text, in the order of HEADER."""
    return [_cells(results, row) for row in results.first.rows]


def control_cells(results: Results) -> list[tuple[str, ...]]:
    """The control rows as text, in the order of CONTROLS_HEADER."""
    rows: list[tuple[str, ...]] = []
    for row in results.first.controls:
        title, widths, right, file, parameters, macs, runtime, eager = _cells(results, row)
        gzip = f"{row.gzip_bytes / 1000:,.1f} kB"
        rows.append((title, widths, right, file, gzip, parameters, f"{row.nonzero_parameters:,}", macs, runtime, eager))
    return rows


def markdown(results: Results) -> str:
    """The table with what it was measured on, as Markdown."""
    first, *others = (as_text(line) for line in remarks(results))
    return grid(HEADER, cells(results), left=2) + "\n" + "\n".join([first, *brackets(results), *others]) + "\n"


def as_text(line: str) -> str:
    """A sentence in Markdown: what a folder, a class or a file is called is no markup."""
    return re.sub(r"([\\`*_<\[\]|$])", r"\\\1", line)


def controls_markdown(results: Results) -> str:
    """The second table, control rows, and what each of them shows; nothing if none was measured."""
    if not results.first.controls:
        return ""
    table = grid(CONTROLS_HEADER, control_cells(results), left=2)
    lines = ["", "## Control rows", "", "Measured in the same run as the rows above, in turns with them.", "", table]
    return "\n".join(lines + [f"- **{title}**: {words}" for title, words in titled(results)]) + "\n"


def grid(header: tuple[str, ...], rows: Sequence[tuple[str, ...]], left: int = 1) -> str:
    """A Markdown table whose first `left` columns are flush left and whose others are flush right."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * left + "---:|" * (len(header) - left)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def terminal(results: Results) -> Table:
    """The table for a terminal of 80 columns."""
    runs = f"{len(results.runs)} runs, mean ± standard deviation" if results.several else "one run, one runtime"
    percentiles = () if results.several else ("p10–p90",)
    table = narrow(
        f"{results.data.title}: four models, {runs}", ("model", "accuracy", "kB", "weights", "MACs", "ms", *percentiles, "eager")
    )
    for row in results.first.rows:
        times, found = row.times("onnx_runtime"), results.summary[row.name]
        assert found.latency_ms is not None
        table.add_row(
            LABELS[row.name].short,
            accuracy(found),
            f"{found.bytes.mean / 1000:,.1f}",
            f"{row.parameters:,}",
            count(row.macs),
            number(found.latency_ms, 3),
            *(() if results.several else (f"{times.p10_ms:.3f}–{times.p90_ms:.3f}",)),
            f"{found.eager_ms.mean:.3f}" if found.eager_ms else "–",
        )
    return table


def controls_terminal(results: Results) -> Table:
    """The second table for a terminal of 80 columns, with several runs without gzip. What the rows show goes below it."""
    title = "Control rows: the same measurements, the same run" + ("s, mean ± standard deviation" if results.several else "")
    table = narrow(title, ("model", "accuracy", "kB", *(() if results.several else ("gzip",)), "not zero", "MACs", "ms", "eager"))
    for row in results.first.controls:
        found = results.summary[row.name]
        table.add_row(
            LABELS[row.name].short,
            accuracy(found),
            f"{found.bytes.mean / 1000:,.1f}",
            *(() if results.several else (f"{row.gzip_bytes / 1000:,.1f}",)),
            f"{row.nonzero_parameters:,}",
            count(row.macs),
            f"{found.latency_ms.mean:.3f}" if found.latency_ms else "–",
            f"{found.eager_ms.mean:.3f}" if found.eager_ms else "–",
        )
    return table


def channels(widths: tuple[int, ...]) -> str:
    """The channels of each layer; of many layers, the first and the last. A dash for a network that is used whole."""
    if len(widths) > MANY:
        return f"{widths[0]}-{widths[1]}-…-{widths[-1]} ({len(widths)} groups)"
    return "-".join(map(str, widths)) or "–"


def _cells(results: Results, row: Row) -> tuple[str, ...]:
    found = results.summary[row.name]
    return (
        row.title,
        channels(row.widths),
        accuracy(found),
        size(found.bytes),
        f"{row.parameters:,}",
        count(row.macs),
        latency(found.latency_ms, None if results.several else row.onnx_runtime),
        latency(found.eager_ms, None if results.several else row.pytorch_eager),
    )


def narrow(title: str, columns: tuple[str, ...], caption: str | None = CAPTION) -> Table:
    """An empty table for a terminal of 80 columns: the model's name to the left, numbers to the right."""
    table = Table(
        title=Text(title),
        title_justify="left",
        caption=caption,
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for column in columns:
        table.add_column(column, justify="left" if column == "model" else "right", no_wrap=True)
    return table
