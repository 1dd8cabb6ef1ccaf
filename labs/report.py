"""Results as a Markdown table, a terminal table, and files."""

import json
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table

from course_data.errors import UserError
from course_data.files import beside
from course_labs.stages import write_json

HEADER = ("model", "channels", "test accuracy", "file", "parameters", "MACs", "ONNX Runtime, 1 thread", "PyTorch eager, 1 thread")

CONTROLS_HEADER = (*HEADER[:4], "gzip", "parameters", "not zero", *HEADER[5:])

SHORT = {"teacher": "teacher", "student": "student", "pruned": "+ pruned", "int8": "+ int8"}
SHORT_CONTROLS = {
    "no_teacher": "no teacher",
    "from_scratch": "from scratch",
    "unstructured": "scattered",
    "silenced": "silenced",
    "dynamic_linear": "dynamic, part",
    "dynamic": "dynamic, all",
    "eager": "in PyTorch",
}


def read_results(path: Path) -> dict:
    """A results.json. Raises UserError if it is not there or not one of ours."""
    try:
        results = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as results of the lab: {error}") from error
    if not isinstance(results, dict) or results.get("schema") != 1:
        raise UserError(f"{path} is not a results file that this version of the course knows (schema 1).")
    return results


def write_reports(results: dict, out: Path) -> None:
    """Write results.json, table.md and tradeoff.png to `out`."""
    from course_labs.figures import tradeoff

    with beside(out / "table.md") as temporary:
        temporary.write_text(markdown(results) + controls_markdown(results), encoding="utf-8")
    with beside(out / "tradeoff.png") as temporary:
        tradeoff(results).savefig(temporary, format="png", dpi=150)
    write_json(out / "results.json", results)


def controls_markdown(results: dict) -> str:
    """The second table, control rows, and what each of them shows; nothing if none was measured."""
    rows = results.get("controls", [])
    if not rows:
        return ""
    lines = ["", "## Control rows", "", "Measured in the same run as the rows above, in turns with them.", ""]
    lines += ["| " + " | ".join(CONTROLS_HEADER) + " |", "|---|---|" + "---:|" * (len(CONTROLS_HEADER) - 2)]
    for row in rows:
        title, widths, accuracy, file, parameters, macs, runtime, eager = _cells(row)
        found = (title, widths, accuracy, file, size(row["gzip_bytes"]), parameters, f"{row['nonzero_parameters']:,}", macs, runtime, eager)
        lines.append("| " + " | ".join(found) + " |")
    lines += ["", *(f"- **{row['title']}**: {row['shows']}" for row in rows)]
    return "\n".join(lines) + "\n"


def controls_terminal(results: dict) -> Table:
    """The second table for a terminal of 80 columns. The sentences `shows` go below it."""
    table = Table(title="Control rows: the same measurements, the same run", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.caption = "ms: one image, one thread, ONNX Runtime, median; the last column is PyTorch (eager), ms"
    table.caption_justify = "left"
    for column in ("model", "accuracy", "kB", "gzip", "not zero", "MACs", "ms", "PyTorch"):
        table.add_column(column, justify="left" if column == "model" else "right", no_wrap=True)
    for row in results["controls"]:
        eager = row["pytorch_eager"]
        table.add_row(
            SHORT_CONTROLS[row["name"]],
            f"{100 * row['accuracy']:.2f} %",
            f"{row['bytes'] / 1000:,.1f}",
            f"{row['gzip_bytes'] / 1000:,.1f}",
            f"{row['nonzero_parameters']:,}",
            count(row["macs"]),
            f"{row['onnx_runtime']['median_ms']:.3f}",
            f"{eager['median_ms']:.3f}" if eager else "–",
        )
    return table


def cells(results: dict) -> list[tuple[str, ...]]:
    """The table's rows as text, in the order of HEADER."""
    return [_cells(row) for row in results["rows"]]


def _cells(row: dict) -> tuple[str, ...]:
    return (
        row["title"],
        "-".join(map(str, row["widths"])),
        f"{100 * row['accuracy']:.2f} %",
        size(row["bytes"]),
        f"{row['parameters']:,}",
        count(row["macs"]),
        _latency(row["onnx_runtime"]),
        _latency(row["pytorch_eager"]),
    )


def markdown(results: dict) -> str:
    """The table with what it was measured on, as Markdown."""
    lines = ["| " + " | ".join(HEADER) + " |", "|---|---|" + "---:|" * (len(HEADER) - 2)]
    lines += ["| " + " | ".join(row) + " |" for row in cells(results)]
    return "\n".join(lines) + "\n\n" + "\n".join(remarks(results)) + "\n"


def terminal(results: dict) -> Table:
    """The table for a terminal of 80 columns."""
    table = Table(title=f"{results['data']['title']}: four models, one run, one runtime", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.caption = "ms: one image, one thread, ONNX Runtime, median; the last column is PyTorch (eager), ms"
    table.caption_justify = "left"
    for column in ("model", "accuracy", "kB", "weights", "MACs", "ms", "p10–p90", "PyTorch"):
        table.add_column(column, justify="left" if column == "model" else "right", no_wrap=True)
    for row in results["rows"]:
        times, eager = row["onnx_runtime"], row["pytorch_eager"]
        table.add_row(
            SHORT[row["name"]],
            f"{100 * row['accuracy']:.2f} %",
            f"{row['bytes'] / 1000:,.1f}",
            f"{row['parameters']:,}",
            count(row["macs"]),
            f"{times['median_ms']:.3f}",
            f"{times['p10_ms']:.3f}–{times['p90_ms']:.3f}",
            f"{eager['median_ms']:.3f}" if eager else "–",
        )
    return table


def remarks(results: dict) -> list[str]:
    """What the table's numbers mean and what they were measured on, one sentence or two a line."""
    data, machine, ratios, versions = (results[k] for k in ("data", "machine", "ratios", "versions"))
    last, rows = ratios["int8"], {row["name"]: row for row in results["rows"]}
    error = 100 * max(row["accuracy_standard_error"] for row in results["rows"])
    lines = [
        f"{data['title']}, {data['test']:,} test images, looked at once (standard error of an accuracy: up to {error:.2f} points). "
        f"Latency: one image, median of {rows['int8']['onnx_runtime']['calls']} calls (10th to 90th percentile), rows interleaved.",
        f"The int8 file is {last['bytes']:.1f} times smaller than the teacher's and {_times(last['latency'])} in the same runtime, "
        f"with {last['macs']:.1f} times fewer MACs and {last['accuracy_points']:+.2f} points of accuracy.",
    ]
    step = rows["pruned"]["onnx_runtime"]["median_ms"] / rows["int8"]["onnx_runtime"]["median_ms"]
    alone = f"Of this, quantisation alone: {rows['pruned']['bytes'] / rows['int8']['bytes']:.1f} times smaller, {_times(step)}."
    if step < 1:
        alone += " On a network this small, converting between float and int8 costs more than it saves."
    lines.append(alone)
    lines.append(
        f"Measured {results['measured']} on {machine['cpu']}, {machine['cores_usable']} cores, {machine['os']}; "
        f"ONNX Runtime {versions['onnxruntime']}, PyTorch {versions['torch']}; seed {results['seed']}; "
        f"{results['minutes']['total']:.1f} minutes in all, trained on {machine['training_device']} in {machine['training_precision']}."
    )
    return lines


def size(count_of_bytes: int) -> str:
    """Bytes in kB (1,000 bytes), the unit of file listings and downloads."""
    return f"{count_of_bytes / 1000:,.1f} kB"


def count(number: int) -> str:
    """A large count in thousands (k) or millions (M)."""
    return f"{number / 1e6:.2f} M" if number >= 1e6 else f"{number / 1e3:.0f} k"


def _latency(times: dict | None) -> str:
    if times is None:
        return "–"
    return f"{times['median_ms']:.3f} ms ({times['p10_ms']:.3f}–{times['p90_ms']:.3f})"


def _times(ratio: float) -> str:
    return f"{ratio:.1f} times faster" if ratio >= 1 else f"{1 / ratio:.1f} times slower"
