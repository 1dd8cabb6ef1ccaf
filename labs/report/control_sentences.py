"""What each control row shows, in one sentence made from the measured numbers: true whichever way they fall."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev
from typing import Any

from scipy.stats import t

from course_labs.measuring.rows import CONTROLS, LABELS
from course_labs.report.results import Results, Row, Run

CLOCKS = ("onnx_runtime", "pytorch_eager", "openvino")


@dataclass(frozen=True)
class Rows:
    """Rows and control rows by name: one run's, or the means over several. `accuracies` are then each run's, by row; empty of one run."""

    by_name: dict[str, Row]
    accuracies: dict[str, list[float]]

    def __getitem__(self, name: str) -> Row:
        return self.by_name[name]


def with_sentences(rows: Sequence[Row], controls: Sequence[Row]) -> tuple[Row, ...]:
    """The control rows of one run, each with what it shows, and the row `eager` among them.

    Empty if no control was measured. `rows` are the run's four.
    """
    if not controls:
        return ()
    by_name = {row.name: row for row in (*rows, *controls)}
    # the pruned network's own file and its own two timings: nothing is measured twice
    by_name["eager"] = replace(by_name["pruned"], name="eager", title=LABELS["eager"].title)
    found = Rows(by_name, {})
    return tuple(replace(by_name[label.name], shows=SHOWS[label.name](found)) for label in CONTROLS if label.name in by_name)


def titled(results: Results) -> list[tuple[str, str]]:
    """(title, what it shows) of each control row; of several runs, from their means: what one seed showed, the next may not."""
    controls = results.first.controls
    if not results.several:
        return [(row.title, row.shows or "") for row in controls]
    found = _means(results.runs)
    return [(row.title, SHOWS[row.name](found)) for row in controls]


def _means(runs: tuple[Run, ...]) -> Rows:
    several = {rows[0].name: rows for rows in zip(*((*run.rows, *run.controls) for run in runs))}
    return Rows(
        {name: _mean(rows) for name, rows in several.items()}, {name: [row.accuracy for row in rows] for name, rows in several.items()}
    )


def _mean(rows: tuple[Row, ...]) -> Row:
    """One row with the means of several: of what is counted, too."""
    means: dict[str, Any] = {key: fmean(getattr(row, key) for row in rows) for key in ("accuracy", "correct", "bytes", "gzip_bytes")}
    for clock in CLOCKS:
        if getattr(rows[0], clock):
            means[clock] = replace(rows[0].times(clock), median_ms=fmean(row.times(clock).median_ms for row in rows))
    return replace(rows[0], **means)


def _no_teacher(rows: Rows) -> str:
    return (
        f"A student's accuracy is usually credited to its teacher; the same network without one {_against(rows, 'no_teacher', 'student')}."
    )


def _from_scratch(rows: Rows) -> str:
    return (
        "Pruning is said to find weights worth keeping; the same small shape from new weights, with as many epochs in all, "
        f"{_against(rows, 'from_scratch', 'pruned')}."
    )


def _unstructured(rows: Rows) -> str:
    row, student, pruned = rows["unstructured"], rows["student"], rows["pruned"]
    return (
        f"Scattered zeros are sold as a smaller and faster network; with {row.nonzero_parameters:,} of {row.parameters:,} numbers left, "
        f"the file is {_size(row.bytes, student.bytes)} the student's ({_size(row.gzip_bytes, student.gzip_bytes)} after gzip) "
        f"and an image takes {_pace(row, student)}; with as many numbers, the network with whole channels cut takes {_pace(pruned, student)}."
    )


def _silenced(rows: Rows) -> str:
    row, student, pruned = rows["silenced"], rows["student"], rows["pruned"]
    alike = "the same" if row.correct == pruned.correct else "nearly the same"
    return (
        f"A mask over channels is often reported as a smaller model; it gives {alike} accuracy as cutting them, "
        f"in a file {_size(row.bytes, student.bytes)} the student's, and an image takes {_pace(row, student)}; "
        f"the rebuilt file is {_size(pruned.bytes, student.bytes)} the student's."
    )


def _dynamic_linear(rows: Rows) -> str:
    row, pruned = rows["dynamic_linear"], rows["pruned"]
    return (
        "Dynamic quantisation is called int8 for the whole network, but PyTorch's passes over convolutions in silence; with linear layers "
        f"alone rounded, the file is {_size(row.bytes, pruned.bytes)} its float32 version and an image takes {_pace(row, pruned)}."
    )


def _dynamic(rows: Rows) -> str:
    row, pruned, static = rows["dynamic"], rows["pruned"], rows["int8"]
    return (
        f"Rounding the convolutions too makes the file {_size(row.bytes, pruned.bytes)} its float32 version; every activation's range "
        f"is then found anew for every image, which takes {_pace(row, pruned)} as float32, where static int8 takes {_pace(static, pruned)}."
    )


def _eager(rows: Rows) -> str:
    row = rows["eager"]
    eager, runtime = row.times("pytorch_eager").median_ms, row.times("onnx_runtime").median_ms
    return (
        "float32 timed in PyTorch and int8 in another runtime credit the runtime's gain to compression; one and the same network takes "
        f"{eager:.3f} ms in PyTorch and {runtime:.3f} ms in ONNX Runtime, {_ratio(eager / runtime)} with nothing compressed."
    )


def _torch_pruning(rows: Rows) -> str:
    return (
        "Torch-Pruning cuts the same student to the same channels by its own scores and its own surgery; after the same recovery the network "
        f"{_against(rows, 'torch_pruning', 'pruned')}."
    )


def _openvino(rows: Rows) -> str:
    row, int8 = rows["openvino"], rows["int8"]
    there, here = row.times("openvino").median_ms, int8.times("onnx_runtime").median_ms
    return (
        f"The same int8 file takes {there:.3f} ms in OpenVINO and {here:.3f} ms in ONNX Runtime, {_ratio(here / there)}, "
        f"and gets {100 * row.accuracy:.2f} % right there, {100 * int8.accuracy:.2f} % here."
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


def _against(rows: Rows, name: str, held_against: str) -> str:
    """Two accuracies compared, at 95 %.

    With one seed: against the standard error from the number of images; both models saw the same ones (and the same teacher), so it is on
    the large side. With several: Student's t on the differences run by run, whose spread is taken for one image at least.
    """
    row, other = rows[name], rows[held_against]
    points = 100 * (row.accuracy - other.accuracy)
    if row.correct == other.correct:
        return f"gets exactly as many images right, {100 * row.accuracy:.2f} %"
    if rows.accuracies:
        differences = [100 * (a - b) for a, b in zip(rows.accuracies[name], rows.accuracies[held_against], strict=True)]
        count, spread = len(differences), max(stdev(differences), 100 / row.test_images)
        margin, seeds = t.ppf(0.975, count - 1) * spread / count**0.5, f"{count} seeds, paired"
    else:
        margin, seeds = 200 * (row.accuracy_standard_error**2 + other.accuracy_standard_error**2) ** 0.5, "one seed"
    verdict = "more than" if abs(points) > margin else "no more than"
    better = f"{abs(points):.2f} points {'better' if points > 0 else 'worse'}"
    return f"is {better}, {verdict} chance moves it (up to {margin:.2f} points at 95 %, {seeds})"


def _size(count: int, other: int) -> str:
    return f"{count / other:.2f} times"


def _pace(row: Row, other: Row) -> str:
    return f"{row.times('onnx_runtime').median_ms / other.times('onnx_runtime').median_ms:.2f} times as long"


def _ratio(ratio: float) -> str:
    return f"{ratio:.1f} times as fast" if ratio >= 1 else f"{1 / ratio:.1f} times as slow"
