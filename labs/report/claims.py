"""A table that somebody else printed, beside the one that was measured here; and which of its cells cannot be true, and why.

Only what follows from counting is called impossible: how many bytes so many numbers take, how much of a network a step touches.
Milliseconds of another machine are compared with each other, never with those measured here.
"""

from dataclasses import dataclass

from rich.table import Table

from course_labs.measuring.rows import LABELS
from course_labs.report.results import Results
from course_labs.report.tables import grid, narrow

ROUNDING = 0.98  # a printed figure has two or three digits
HARDLY = 0.95  # of what it was before: hardly smaller, or faster
UNITS = ("accuracy", "accuracy", "MB", "MB", "ms", "ms")


@dataclass(frozen=True)
class Claim:
    """One row as printed: accuracy from 0 to 1, MB (1,000,000 bytes), milliseconds for one image.

    `made_by` is how, where it matters: float32; masks (weights set to zero in the same shape); dynamic (PyTorch's `quantize_dynamic`, which
    rounds linear layers alone); or static.
    """

    name: str
    accuracy: float
    mb: float
    ms: float
    made_by: str


@dataclass(frozen=True)
class Claims:
    """A printed table: where it stands, how many minutes it is said to take, its rows."""

    source: str
    minutes: float
    rows: tuple[Claim, ...]


def beside(claims: Claims, results: Results) -> list[tuple[str, ...]]:
    """(model, accuracy claimed and measured, MB claimed and measured, ms claimed and measured) for each row that has both."""
    found: list[tuple[str, ...]] = []
    for claim in claims.rows:
        row, summary = results.first.row(claim.name), results.summary[claim.name]
        assert summary.latency_ms is not None, "each of the four rows is timed in ONNX Runtime"
        found.append(
            (
                LABELS[row.name].short,
                f"{100 * claim.accuracy:.1f} %",
                f"{100 * summary.accuracy.mean:.1f} %",
                f"{claim.mb:g}",
                f"{summary.bytes.mean / 1e6:.2f}",
                f"{claim.ms:g}",
                f"{summary.latency_ms.mean:.2f}",
            )
        )
    return found


def impossible(claims: Claims, results: Results, linear: int) -> list[str]:
    """A sentence for each cell that cannot be true. `linear` counts the weights of the student's linear layers."""
    printed = {claim.name: claim for claim in claims.rows}
    rows = {row.name: row for row in results.first.rows}
    said = []
    for name, claim in printed.items():
        row, title = rows[name], LABELS[name].title
        least = 4 * row.parameters / 1e6
        if claim.made_by == "float32" and claim.mb < ROUNDING * least:
            said.append(f"{title}, {claim.mb:g} MB: {row.parameters:,} numbers of four bytes are {least:.1f} MB.")
        before = _before(name, printed)
        if claim.made_by == "masks" and before:
            ours = rows[before.name]
            if claim.mb > HARDLY * before.mb and row.bytes < HARDLY * ours.bytes:
                said.append(
                    f"{title}, {claim.mb:g} MB after {before.mb:g} MB: with its channels cut out, the file is {row.bytes / ours.bytes:.2f} times as large. "
                    "Masks write zeros into the same file, so nothing was cut."
                )
            if claim.ms > HARDLY * before.ms and row.macs < HARDLY * ours.macs:
                said.append(
                    f"{title}, {claim.ms:g} ms after {before.ms:g} ms: the rebuilt network has {row.macs / ours.macs:.2f} times the multiply-accumulates. "
                    "A zero is multiplied like any other number."
                )
        if claim.made_by == "dynamic" and before:
            whole = rows["student"] if before.made_by == "masks" else rows[before.name]
            least = (4 * (whole.parameters - linear) + linear) / 1e6
            if claim.mb < ROUNDING * least:
                said.append(
                    f"{title}, {claim.mb:g} MB: dynamic quantisation rounds linear layers, {linear:,} of {whole.parameters:,} numbers here; "
                    f"the convolutions stay in float32, and the file has at least {least:.1f} MB."
                )
            saved, share = 1 - claim.ms / before.ms, linear / whole.macs
            if saved > 2 * share and saved > 1 - HARDLY:
                said.append(
                    f"{title}, {claim.ms:g} ms after {before.ms:g} ms: linear layers do {100 * share:.1f} % of the multiply-accumulates, "
                    f"and rounding them cannot save {100 * saved:.0f} % of the time."
                )
    return said


def terminal(claims: Claims, results: Results) -> Table:
    """Both tables in one, for a terminal of 80 columns."""
    title = f"Claimed by {claims.source}, and measured here"
    table = narrow(title, ("model", *(f"{who}\n{unit}" for who, unit in zip(("claimed", "measured") * 3, UNITS))))
    for row in beside(claims, results):
        table.add_row(*row)
    return table


def words(claims: Claims, results: Results, linear: int) -> list[str]:
    """What is to be said below: the time, and what cannot be true."""
    minutes = sum(run.minutes["total"] for run in results.runs) / len(results.runs)
    said = impossible(claims, results, linear)
    head = "These cells cannot be true:" if said else "Nothing in it contradicts what was counted here."
    return [f"It is said to take {claims.minutes:g} minutes; this run took {minutes:.1f}. {head}", *(f"- {line}" for line in said)]


def markdown(claims: Claims, results: Results, linear: int) -> str:
    """Both tables and what cannot be true, as Markdown."""
    header = ("model", *(f"{unit}, {who}" for who, unit in zip(("claimed", "measured") * 3, UNITS)))
    text = f"# What {claims.source} claims, and what was measured here\n\n{results.data.title}; seed {results.first.seed}.\n\n"
    return text + grid(header, beside(claims, results)) + "\n" + "\n".join(words(claims, results, linear)) + "\n"


def _before(name: str, printed: dict[str, Claim]) -> Claim | None:
    names = list(printed)
    place = names.index(name)
    return printed[names[place - 1]] if place else None
