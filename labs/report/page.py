"""A run as one HTML page that needs nothing else: pictures inside, no scripts, no links."""

import base64
import functools
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

import jinja2

from course_labs.measuring.rows import LABELS
from course_labs.report import sentences, tables
from course_labs.report.control_sentences import titled
from course_labs.report.numbers import number
from course_labs.report.results import Results, Row


@dataclass(frozen=True)
class Grid:
    """A table of texts; the columns from `left` on are flush right."""

    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    left: int = 1


def page(results: Results, pictures: dict[str, bytes]) -> str:
    """The page as text. `pictures` are PNG files by name: tradeoff, classes, lost."""
    inlined = {name: "data:image/png;base64," + base64.b64encode(content).decode() for name, content in pictures.items()}
    return (
        _templates()
        .get_template("report.html")
        .render(
            results=results,
            runs=results.runs,
            verdict=results.budget,
            pictures=inlined,
            main=_main(results),
            remarks=[sentences.basis(results), *sentences.brackets(results), *sentences.left_whole(results), *sentences.gains(results)],
            parts=_parts(results),
            tails=_tails(results),
            price=sentences.price(results),
            calibration=_calibration(results),
            controls=_controls(results),
            shown=titled(results),
            each=_each(results),
            provenance=sentences.provenance(results),
            machine=_facts(asdict(results.first.machine) | results.first.versions),
            settings=_facts(results.settings),
        )
    )


def _main(results: Results) -> Grid:
    rows = []
    for cells, row in zip(tables.cells(results), results.first.rows):
        ratios = results.summary[row.name].ratios
        rows.append((*cells, *([f"{number(each, 1)}×" for each in (ratios.bytes, ratios.latency)] if ratios else ["1×", "1×"])))
    return Grid((*tables.HEADER, "smaller", "faster"), rows, left=2)


def _parts(results: Results) -> Grid:
    """Bytes by what they are for. Means over the runs, so that the parts still add up."""
    header = ("model", "file, bytes", "weights", "scales and zero points", "graph and names", "after gzip")
    rows = []
    for title, some in _by_row(results):
        whole = fmean(row.bytes for row in some)
        parts = [fmean(getattr(row.bytes_by_part, part) for row in some) for part in ("weights", "scales", "graph")]
        rows.append(
            (
                title,
                f"{whole:,.0f}",
                *(f"{part:,.0f} ({100 * part / whole:.0f} %)" for part in parts),
                f"{fmean(row.gzip_bytes for row in some):,.0f}",
            )
        )
    return Grid(header, rows)


def _tails(results: Results) -> Grid:
    """The slow calls, and what a batch brings. Means over the runs."""
    batches = list(results.first.rows[0].images_per_second or ())
    header = ("model", "p50, ms", "p95, ms", "p99, ms", *(f"images/s, batch {batch}" for batch in batches))
    rows = []
    for title, some in _by_row(results):
        times = (fmean(getattr(row.times("onnx_runtime"), key) for row in some) for key in ("median_ms", "p95_ms", "p99_ms"))
        rates = (fmean((row.images_per_second or {})[batch] for row in some) for batch in batches)
        rows.append((title, *(f"{time:.3f}" for time in times), *(f"{rate:,.0f}" for rate in rates)))
    return Grid(header, rows)


def _calibration(results: Results) -> Grid:
    right = results.summary["int8"].accuracy.mean
    rows = [("training images, as the lab does", f"{100 * right:.2f} %", "")]
    rows += [(title, f"{100 * value:.2f} %", f"{100 * (value - right):+.2f}") for title, value in sentences.wrong_calibrations(results)]
    return Grid(("int8 calibrated on", "test accuracy", "points"), rows)


def _controls(results: Results) -> Grid:
    return Grid(tables.CONTROLS_HEADER, tables.control_cells(results), left=2)


def _each(results: Results) -> Grid:
    """One line a run: what the means are made of."""
    names = [row.name for row in results.first.rows]
    rows = []
    for run in results.runs:
        last = run.ratios["int8"]
        rows.append(
            (
                str(run.seed),
                *(f"{100 * row.accuracy:.2f} %" for row in run.rows),
                f"{last.bytes:.1f}×",
                f"{last.latency:.1f}×",
                f"{run.minutes['total']:.1f}",
            )
        )
    return Grid(("seed", *(LABELS[name].short for name in names), "int8 smaller", "int8 faster", "minutes"), rows)


def _by_row(results: Results) -> Iterator[tuple[str, list[Row]]]:
    """(title, that row of each run) for the four rows."""
    for row in results.first.rows:
        yield row.title, [run.row(row.name) for run in results.runs]


def _facts(found: dict[str, Any]) -> list[tuple[str, str]]:
    """Names and values as text, what is nested on one line."""

    def text(value: Any) -> str:
        if isinstance(value, dict):
            return ", ".join(f"{key.replace('_', ' ')} {text(inner)}" for key, inner in value.items())
        if isinstance(value, (list, tuple)):
            return "-".join(map(str, value)) if all(isinstance(inner, int) for inner in value) else ", ".join(map(text, value))
        return str(value)

    return [(key.replace("_", " "), text(value)) for key, value in found.items()]


def _tied(text: str) -> str:
    """A figure stays with its unit; a narrow column may break only before ± and before a bracket."""
    tied = text.replace(" ", "\u00a0").replace("–", "–\u2060")
    return tied.replace("\u00a0(", " (").replace("\u00a0±", " ±")


@functools.cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("course_labs.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["tied"] = _tied
    return environment
