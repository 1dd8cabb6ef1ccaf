"""Results as a Markdown table, a terminal table, and sentences."""

import json
from pathlib import Path
from statistics import fmean

from rich.box import SIMPLE_HEAD
from rich.table import Table

from course_data.errors import UserError
from course_labs.report.summary import SCHEMA

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
    "torch_pruning": "Torch-Pruning",
    "openvino": "in OpenVINO",
}


def read_results(path: Path) -> dict:
    """A results.json. Raises UserError if it is not there or not one of ours."""
    try:
        results = json.loads(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as results of the lab: {error}") from error
    if not isinstance(results, dict) or results.get("schema") != SCHEMA:
        raise UserError(f"{path} is not a results file that this version of the course knows (schema {SCHEMA}). Run the lab again to make one.")
    return results


def cells(results: dict) -> list[tuple[str, ...]]:
    """The table's rows as text, in the order of HEADER."""
    return [_cells(results, row) for row in results["runs"][0]["rows"]]


def _cells(results: dict, row: dict) -> tuple[str, ...]:
    found, one = results["summary"][row["name"]], len(results["runs"]) == 1
    return (
        row["title"],
        "-".join(map(str, row["widths"])),
        accuracy(found),
        size(found["bytes"]),
        f"{row['parameters']:,}",
        count(row["macs"]),
        latency(found["latency_ms"], row["onnx_runtime"] if one else None),
        latency(found["eager_ms"], row["pytorch_eager"] if one else None),
    )


def control_cells(results: dict) -> list[tuple[str, ...]]:
    """The control rows as text, in the order of CONTROLS_HEADER."""
    rows = []
    for row in results["runs"][0]["controls"]:
        title, widths, right, file, parameters, macs, runtime, eager = _cells(results, row)
        gzip = f"{row['gzip_bytes'] / 1000:,.1f} kB"
        rows.append((title, widths, right, file, gzip, parameters, f"{row['nonzero_parameters']:,}", macs, runtime, eager))
    return rows


def controls_markdown(results: dict) -> str:
    """The second table, control rows, and what each of them shows; nothing if none was measured."""
    if not results["runs"][0]["controls"]:
        return ""
    table = grid(CONTROLS_HEADER, control_cells(results), left=2)
    lines = ["", "## Control rows", "", "Measured in the same run as the rows above, in turns with them.", "", table]
    return "\n".join(lines + [f"- **{title}**: {words}" for title, words in shown(results)]) + "\n"


def controls_terminal(results: dict) -> Table:
    """The second table for a terminal of 80 columns, with several runs without gzip. The sentences of `shown` go below it."""
    several = len(results["runs"]) > 1
    title = "Control rows: the same measurements, the same run" + ("s, mean ± standard deviation" if several else "")
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.caption = "ms: one image, one thread, ONNX Runtime, median; eager: the same in PyTorch, ms"
    table.caption_justify = "left"
    for column in ("model", "accuracy", "kB", *(() if several else ("gzip",)), "not zero", "MACs", "ms", "eager"):
        table.add_column(column, justify="left" if column == "model" else "right", no_wrap=True)
    for row in results["runs"][0]["controls"]:
        found = results["summary"][row["name"]]
        table.add_row(
            SHORT_CONTROLS[row["name"]],
            accuracy(found),
            f"{found['bytes']['mean'] / 1000:,.1f}",
            *(() if several else (f"{row['gzip_bytes'] / 1000:,.1f}",)),
            f"{row['nonzero_parameters']:,}",
            count(row["macs"]),
            f"{found['latency_ms']['mean']:.3f}" if found["latency_ms"] else "–",
            f"{found['eager_ms']['mean']:.3f}" if found["eager_ms"] else "–",
        )
    return table


def shown(results: dict) -> list[tuple[str, str]]:
    """(title, what it shows) of each control row."""
    runs = results["runs"]
    if len(runs) == 1:
        return [(row["title"], row["shows"]) for row in runs[0]["controls"]]
    from course_labs.report.control_sentences import over_runs  # brings torch along, which the README's table can do without

    words = over_runs(runs)
    return [(row["title"], words[row["name"]]) for row in runs[0]["controls"]]


def markdown(results: dict) -> str:
    """The table with what it was measured on, as Markdown."""
    first, *others = remarks(results)
    return grid(HEADER, cells(results), left=2) + "\n" + "\n".join([first, *brackets(results), *others]) + "\n"


def grid(header: tuple[str, ...], rows: list[tuple[str, ...]], left: int = 1) -> str:
    """A Markdown table whose first `left` columns are flush left and whose others are flush right."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * left + "---:|" * (len(header) - left)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def terminal(results: dict) -> Table:
    """The table for a terminal of 80 columns."""
    several = len(results["runs"]) > 1
    runs = f"{len(results['runs'])} runs, mean ± standard deviation" if several else "one run, one runtime"
    table = Table(title=f"{results['data']['title']}: four models, {runs}", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.caption = "ms: one image, one thread, ONNX Runtime, median; eager: the same in PyTorch, ms"
    table.caption_justify = "left"
    for column in ("model", "accuracy", "kB", "weights", "MACs", "ms", *(() if several else ("p10–p90",)), "eager"):
        table.add_column(column, justify="left" if column == "model" else "right", no_wrap=True)
    for row in results["runs"][0]["rows"]:
        times, found = row["onnx_runtime"], results["summary"][row["name"]]
        table.add_row(
            SHORT[row["name"]],
            accuracy(found),
            f"{found['bytes']['mean'] / 1000:,.1f}",
            f"{row['parameters']:,}",
            count(row["macs"]),
            number(found["latency_ms"], 3),
            *(() if several else (f"{times['p10_ms']:.3f}–{times['p90_ms']:.3f}",)),
            f"{found['eager_ms']['mean']:.3f}" if found["eager_ms"] else "–",
        )
    return table


def remarks(results: dict) -> list[str]:
    """What the table's numbers mean and what they were measured on, one sentence or two a line."""
    return [basis(results), *gains(results), losses(results), miscalibrated(results), provenance(results)]


def brackets(results: dict) -> list[str]:
    """What stands in brackets in `cells`, if anything does."""
    return ["In brackets: from the 10th to the 90th percentile of the calls."] if len(results["runs"]) == 1 else []


def basis(results: dict) -> str:
    """How accuracy and latency were measured, and what ± stands for."""
    data, runs = results["data"], results["runs"]
    tested, calls = f"{data['title']}, {data['test']:,} test images, looked at once", runs[0]["rows"][0]["onnx_runtime"]["calls"]
    if len(runs) == 1:
        error = 100 * max(row["accuracy_standard_error"] for row in runs[0]["rows"])
        tested += f" (standard error of an accuracy: up to {error:.2f} points)."
    else:
        seeds = ", ".join(str(run["seed"]) for run in runs)
        tested += f" by each of {len(runs)} runs (seeds {seeds}), each with a teacher of its own; mean ± sample standard deviation over the runs."
    if "model" in results["settings"]:
        tested = f"The network is {results['settings']['model']}, at width 1 for the teacher and {results['settings']['student']['width']:g} for the student. {tested}"
    return f"{tested} Latency: one image on one thread of ONNX Runtime, median of {calls} calls, rows interleaved."


def gains(results: dict) -> list[str]:
    """What the whole chain gave, and what its last step alone gave."""
    last, runs = results["summary"]["int8"]["ratios"], results["runs"]
    points = last["accuracy_points"]
    spread = "" if points["sd"] is None else f" ± {points['sd']:.2f}"
    lines = [
        f"The int8 file is {number(last['bytes'], 1)} times smaller than the teacher's and {_times(last['latency'])} in the same runtime, "
        f"with {last['macs']['mean']:.1f} times fewer MACs and {points['mean']:+.2f}{spread} points of accuracy."
    ]
    rows = [{row["name"]: row for row in run["rows"]} for run in runs]
    smaller = fmean(row["pruned"]["bytes"] / row["int8"]["bytes"] for row in rows)
    step = fmean(row["pruned"]["onnx_runtime"]["median_ms"] / row["int8"]["onnx_runtime"]["median_ms"] for row in rows)
    alone = f"Of this, quantisation alone: {smaller:.1f} times smaller, {_times({'mean': step, 'sd': None})}."
    if step < 1:
        alone += " Here converting between float and int8 costs more than eight bits save."
    return [*lines, alone]


def losses(results: dict) -> str:
    """Who pays for the gains: the worst class, and the images lost."""
    names = results["data"]["classes"]
    drops = [100 * (after - before) for before, after in zip(class_accuracies(results, "teacher"), class_accuracies(results, "int8"))]
    worst = min(range(len(drops)), key=drops.__getitem__)
    lost, gained = (fmean(run["lost"][key] for run in results["runs"]) for key in ("count", "gained"))
    mean = " on average" if len(results["runs"]) > 1 else ""
    return (
        f"The class that pays most is {names[worst]}: {drops[worst]:+.2f} points against the teacher. "
        f"The int8 model loses{mean} {lost:,.0f} images that the teacher had right and gains {gained:,.0f} that it had wrong."
    )


def miscalibrated(results: dict) -> str:
    """What int8 would have been with other images to set its ranges."""
    wrong = ", ".join(f"{100 * value:.2f} % ({title})" for title, value in wrong_calibrations(results))
    return f"Calibrated on training images, int8 gets {100 * results['summary']['int8']['accuracy']['mean']:.2f} %. On the wrong images: {wrong}."


def provenance(results: dict) -> str:
    """When, where, with what, how long."""
    runs = results["runs"]
    machine, versions, days = runs[0]["machine"], runs[0]["versions"], sorted({run["measured"] for run in runs})
    seeds = ("seed " if len(runs) == 1 else "seeds ") + ", ".join(str(run["seed"]) for run in runs)
    return (
        f"Measured {' and '.join(days)} on {' and '.join(dict.fromkeys(run['machine']['cpu'] for run in runs))}, {machine['cores_usable']} cores, {machine['os']}; "
        f"ONNX Runtime {versions['onnxruntime']}, PyTorch {versions['torch']}; {seeds}; "
        f"{fmean(run['minutes']['total'] for run in runs):.1f} minutes in all{'' if len(runs) == 1 else ' for each seed'}, "
        f"trained on {machine['training_device']} in {machine['training_precision']}."
    )


def class_accuracies(results: dict, name: str) -> list[float]:
    """Accuracy (0 to 1) of the row `name` on each class, mean over the runs."""
    found = [next(row for row in run["rows"] if row["name"] == name)["accuracy_by_class"] for run in results["runs"]]
    return [fmean(values) for values in zip(*found)]


def wrong_calibrations(results: dict) -> list[tuple[str, float]]:
    """(what int8 was calibrated on, test accuracy 0 to 1 as the mean over the runs) for each wrong way."""
    entries = zip(*(run["wrong_calibration"] for run in results["runs"]))
    return [(some[0]["title"], fmean(entry["accuracy"] for entry in some)) for some in entries]


def accuracy(found: dict) -> str:
    """The accuracy of a summary's row in per cent, with its spread where there is one."""
    return f"{number({key: value and 100 * value for key, value in found['accuracy'].items()}, 2)} %"


def size(found: dict) -> str:
    """Bytes in kB (1,000 bytes), the unit of file listings and downloads. A file's length hardly depends on the seed: no spread."""
    return f"{found['mean'] / 1000:,.1f} kB"


def latency(found: dict | None, times: dict | None = None) -> str:
    """A latency in milliseconds, with its spread over runs or, given one run's `times`, from the 10th to the 90th percentile."""
    if found is None:
        return "–"
    return f"{number(found, 3)} ms" + (f" ({times['p10_ms']:.3f}–{times['p90_ms']:.3f})" if times else "")


def number(found: dict, digits: int) -> str:
    """A mean, and ± its standard deviation where there are several runs."""
    spread = "" if found["sd"] is None else f" ± {found['sd']:.{digits}f}"
    return f"{found['mean']:,.{digits}f}{spread}"


def count(number: int) -> str:
    """A large count in thousands (k) or millions (M)."""
    return f"{number / 1e6:.2f} M" if number >= 1e6 else f"{number / 1e3:.0f} k"


def _times(ratio: dict) -> str:
    if 0.95 < ratio["mean"] < 1.05:  # "1.0 times faster" would say nothing
        return "no faster"
    if ratio["mean"] < 1:
        return f"{1 / ratio['mean']:.1f} times slower"
    return f"{number(ratio, 1)} times faster"
