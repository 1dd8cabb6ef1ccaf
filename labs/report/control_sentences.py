"""What each control row shows, in one sentence made from the measured numbers: true whichever way they fall."""

from statistics import fmean, stdev

from scipy.stats import t

from course_labs.measuring.controls import TITLES

CLOCKS = ("onnx_runtime", "pytorch_eager", "openvino")


def control_rows(rows: list[dict], controls: list[dict]) -> list[dict]:
    """The control rows with the sentence `shows` in each, and the row `eager`. Empty if no control was measured.

    `rows` are the four rows of the table; both come from the same run.
    """
    if not controls:
        return []
    by_name = {row["name"]: row for row in (*rows, *controls)}
    # the pruned network's own file and its own two timings: nothing is measured twice
    by_name["eager"] = by_name["pruned"] | {"name": "eager", "title": TITLES["eager"]}
    return [by_name[name] | {"shows": SHOWS[name](by_name)} for name in TITLES if name in by_name]


def over_runs(runs: list[dict]) -> dict[str, str]:
    """The sentences again, by name, from the means over several runs: what one seed showed, the next may not."""
    by_name = {rows[0]["name"]: _mean(rows) for rows in zip(*(run["rows"] + run["controls"] for run in runs))}
    return {row["name"]: SHOWS[row["name"]](by_name) for row in runs[0]["controls"]}


def _mean(rows: list[dict]) -> dict:
    """One row with the means of several, and `accuracies`, one for each run."""
    means = {key: fmean(row[key] for row in rows) for key in ("accuracy", "correct", "bytes", "gzip_bytes")}
    clocks = {key: {"median_ms": fmean(row[key]["median_ms"] for row in rows)} for key in CLOCKS if rows[0].get(key)}
    return rows[0] | means | clocks | {"accuracies": [row["accuracy"] for row in rows]}


def _no_teacher(rows: dict) -> str:
    return (
        "A student's accuracy is usually credited to its teacher; the same network without one "
        f"{_against(rows['no_teacher'], rows['student'])}."
    )


def _from_scratch(rows: dict) -> str:
    return (
        "Pruning is said to find weights worth keeping; the same small shape from new weights, with as many epochs in all, "
        f"{_against(rows['from_scratch'], rows['pruned'])}."
    )


def _unstructured(rows: dict) -> str:
    row, student, pruned = rows["unstructured"], rows["student"], rows["pruned"]
    return (
        f"Scattered zeros are sold as a smaller and faster network; with {row['nonzero_parameters']:,} of {row['parameters']:,} numbers left, "
        f"the file is {_size(row['bytes'], student['bytes'])} the student's ({_size(row['gzip_bytes'], student['gzip_bytes'])} after gzip) "
        f"and an image takes {_pace(row, student)}; with as many numbers, the network with whole channels cut takes {_pace(pruned, student)}."
    )


def _silenced(rows: dict) -> str:
    row, student, pruned = rows["silenced"], rows["student"], rows["pruned"]
    alike = "the same" if row["correct"] == pruned["correct"] else "nearly the same"
    return (
        f"A mask over channels is often reported as a smaller model; it gives {alike} accuracy as cutting them, "
        f"in a file {_size(row['bytes'], student['bytes'])} the student's, and an image takes {_pace(row, student)}; "
        f"the rebuilt file is {_size(pruned['bytes'], student['bytes'])} the student's."
    )


def _dynamic_linear(rows: dict) -> str:
    row, pruned = rows["dynamic_linear"], rows["pruned"]
    return (
        "Dynamic quantisation is called int8 for the whole network, but PyTorch's passes over convolutions in silence; with linear layers "
        f"alone rounded, the file is {_size(row['bytes'], pruned['bytes'])} its float32 version and an image takes {_pace(row, pruned)}."
    )


def _dynamic(rows: dict) -> str:
    row, pruned, static = rows["dynamic"], rows["pruned"], rows["int8"]
    return (
        f"Rounding the convolutions too makes the file {_size(row['bytes'], pruned['bytes'])} its float32 version; every activation's range "
        f"is then found anew for every image, which takes {_pace(row, pruned)} as float32, where static int8 takes {_pace(static, pruned)}."
    )


def _eager(rows: dict) -> str:
    row = rows["eager"]
    eager, runtime = row["pytorch_eager"]["median_ms"], row["onnx_runtime"]["median_ms"]
    return (
        "float32 timed in PyTorch and int8 in another runtime credit the runtime's gain to compression; one and the same network takes "
        f"{eager:.3f} ms in PyTorch and {runtime:.3f} ms in ONNX Runtime, {_ratio(eager / runtime)} with nothing compressed."
    )


def _torch_pruning(rows: dict) -> str:
    return (
        "Torch-Pruning cuts the same student to the same channels by its own scores and its own surgery; after the same recovery the network "
        f"{_against(rows['torch_pruning'], rows['pruned'])}."
    )


def _openvino(rows: dict) -> str:
    row, int8 = rows["openvino"], rows["int8"]
    there, here = row["openvino"]["median_ms"], int8["onnx_runtime"]["median_ms"]
    return (
        f"The same int8 file takes {there:.3f} ms in OpenVINO and {here:.3f} ms in ONNX Runtime, {_ratio(here / there)}, "
        f"and gets {100 * row['accuracy']:.2f} % right there, {100 * int8['accuracy']:.2f} % here."
    )


SHOWS = {
    "no_teacher": _no_teacher,
    "from_scratch": _from_scratch,
    "unstructured": _unstructured,
    "silenced": _silenced,
    "dynamic_linear": _dynamic_linear,
    "dynamic": _dynamic,
    "eager": _eager,
    "torch_pruning": _torch_pruning,
    "openvino": _openvino,
}


def _against(row: dict, other: dict) -> str:
    """Two accuracies compared, at 95 %.

    With one seed: against the standard error from the number of images; both models saw the same ones (and the same teacher), so it is on
    the large side. With several: Student's t on the differences run by run, whose spread is taken for one image at least.
    """
    points = 100 * (row["accuracy"] - other["accuracy"])
    if row["correct"] == other["correct"]:
        return f"gets exactly as many images right, {100 * row['accuracy']:.2f} %"
    if "accuracies" in row:
        differences = [100 * (a - b) for a, b in zip(row["accuracies"], other["accuracies"], strict=True)]
        count, spread = len(differences), max(stdev(differences), 100 / row["test_images"])
        margin, seeds = t.ppf(0.975, count - 1) * spread / count**0.5, f"{count} seeds, paired"
    else:
        margin, seeds = 200 * (row["accuracy_standard_error"] ** 2 + other["accuracy_standard_error"] ** 2) ** 0.5, "one seed"
    verdict = "more than" if abs(points) > margin else "no more than"
    better = f"{abs(points):.2f} points {'better' if points > 0 else 'worse'}"
    return f"is {better}, {verdict} chance moves it (up to {margin:.2f} points at 95 %, {seeds})"


def _size(count: int, other: int) -> str:
    return f"{count / other:.2f} times"


def _pace(row: dict, other: dict) -> str:
    return f"{row['onnx_runtime']['median_ms'] / other['onnx_runtime']['median_ms']:.2f} times as long"


def _ratio(ratio: float) -> str:
    return f"{ratio:.1f} times as fast" if ratio >= 1 else f"{1 / ratio:.1f} times as slow"
