"""What a run of the studio found: the types of a results.json, and the only place that reads and writes one.

    Results ── Data, settings
       ├── Run (one a seed) ── Machine, Row (four, and the control rows), Ratios, Lost, WrongCalibration
       ├── Summary (one a row: mean and spread over the runs) ── Spread, RatioSpreads
       └── Verdict (of a budget, if one was asked for)

Accuracies are shares from 0 to 1, sizes bytes, times milliseconds unless a field says otherwise.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course_data.errors import UserError
from course_data.files import write_whole
from course_labs.measuring.rows import LABELS, MODELS
from course_labs.report.typed_json import as_text, made, to_json

SCHEMA = 2  # of the file; another number when a field is renamed, dropped, or means something else

_EMPTY: dict[str, Any] = {"none": {}}  # None is written as {}


@dataclass(frozen=True)
class Data:
    """What the models were trained and measured on.

    `fingerprint` is the SHA-256 of its images and labels, `source` the file they came from. `train`, `validation` and `test` count images.
    """

    name: str
    title: str
    source: str
    fingerprint: str
    classes: tuple[str, ...]
    train: int
    validation: int
    test: int


@dataclass(frozen=True)
class Machine:
    """What a run was measured on.

    `cpu_flags` are those that decide int8 and bfloat16 speed; `memory_gb` is in 2³⁰ bytes, None where it is not told.
    """

    cpu: str
    cpu_flags: tuple[str, ...]
    cores_usable: int | None
    memory_gb: float | None
    os: str
    arch: str
    python: str
    training_device: str
    training_precision: str


@dataclass(frozen=True)
class Times:
    """How long one image takes, in milliseconds: median, and 10th, 90th, 95th and 99th percentile of `calls` calls, on one thread."""

    median_ms: float
    p10_ms: float
    p90_ms: float
    p95_ms: float
    p99_ms: float
    calls: int


@dataclass(frozen=True)
class FileParts:
    """The bytes of a model file by what they are for: weights and biases; scales and zero points; operators, names and notes."""

    weights: int
    scales: int
    graph: int


@dataclass(frozen=True)
class Row:
    """One model, measured.

    `file` is relative to the folder of the results. `widths` are the channels of each layer. `accuracy` is the share of the `test_images`
    that are classified rightly, `correct` their number, `accuracy_by_class` the share in each class. `gzip_bytes` is the file's size after gzip.
    `parameters` and `macs` (multiply-accumulates for one image) are those of the network as deployed, batch norms folded;
    `nonzero_parameters` leaves zeros out. `images_per_second` is by batch size, in ONNX Runtime. `onnx_runtime`, `pytorch_eager` and `openvino` are the times
    in each runtime; None where the row is not run by it. `shows`, of a control row: what it shows, in a sentence.
    """

    name: str
    title: str
    file: str
    widths: tuple[int, ...]
    accuracy: float
    accuracy_standard_error: float
    correct: int
    test_images: int
    accuracy_by_class: tuple[float, ...]
    validation_accuracy: float
    bytes: int
    bytes_by_part: FileParts
    gzip_bytes: int
    parameters: int
    nonzero_parameters: int
    macs: int
    onnx_runtime: Times | None
    images_per_second: dict[str, float] | None
    pytorch_eager: Times | None
    openvino: Times | None = None
    shows: str | None = None

    def times(self, clock: str) -> Times:
        """The times in the runtime `clock`: onnx_runtime, pytorch_eager or openvino. Raises UserError if the row was not run by it."""
        found: Times | None = getattr(self, clock)
        if found is None:
            raise UserError(f"The row {self.name} has no times of {clock}. Run the lab again.")
        return found


@dataclass(frozen=True)
class Ratios:
    """How many times smaller or faster than the teacher of the same run; `accuracy_points` is the difference in percentage points."""

    bytes: float
    parameters: float
    macs: float
    latency: float
    accuracy_points: float


@dataclass(frozen=True)
class Lost:
    """What compression changed: `count` test images that the teacher gets right and int8 wrong, `gained` the other way round.

    `images` are the positions of the lost ones in the test split, `said` the class that int8 gave each.
    """

    count: int
    gained: int
    images: tuple[int, ...]
    said: tuple[int, ...]


@dataclass(frozen=True)
class WrongCalibration:
    """The test accuracy of int8 when its ranges are set by images that one should not choose."""

    name: str
    title: str
    accuracy: float


@dataclass(frozen=True)
class Measurement:
    """One look at the test images and one round of the clocks, on the day `measured` (ISO 8601).

    `rows` are the four and then the control rows.
    """

    rows: tuple[Row, ...]
    lost: Lost
    wrong_calibration: tuple[WrongCalibration, ...]
    measured: str


@dataclass(frozen=True)
class Run:
    """One seed's four models and control rows.

    `versions` are the libraries', `minutes` of each stage and in "total"; `ratios` by the row's name.
    """

    seed: int
    measured: str
    machine: Machine
    versions: dict[str, str]
    minutes: dict[str, float]
    rows: tuple[Row, ...]
    ratios: dict[str, Ratios]
    controls: tuple[Row, ...]
    lost: Lost
    wrong_calibration: tuple[WrongCalibration, ...]

    def row(self, name: str) -> Row:
        """The row or control row `name`. Raises UserError if there is none."""
        for row in (*self.rows, *self.controls):
            if row.name == name:
                return row
        raise UserError(f"These results have no row {name}. Run the lab again.")


@dataclass(frozen=True)
class Spread:
    """Over the runs: mean, sample standard deviation (None of a single run), smallest and largest."""

    mean: float
    sd: float | None
    min: float
    max: float


@dataclass(frozen=True)
class RatioSpreads:
    """`Ratios` over the runs, each taken to its own run's teacher first."""

    bytes: Spread
    parameters: Spread
    macs: Spread
    latency: Spread
    accuracy_points: Spread


@dataclass(frozen=True)
class Summary:
    """A row over all runs.

    `latency_ms` is ONNX Runtime's median, `eager_ms` PyTorch's; None where it was not run so. The teacher has no `ratios`.
    """

    accuracy: Spread
    bytes: Spread
    latency_ms: Spread | None
    eager_ms: Spread | None
    ratios: RatioSpreads | None = field(metadata=_EMPTY)


@dataclass(frozen=True)
class Verdict:
    """What a budget says.

    Its `limits` by option, in points, MB and ms; whether a model keeps them all; the row chosen; what that costs; and a sentence.
    """

    limits: dict[str, float]
    met: bool
    choice: str
    costs: dict[str, float]
    words: str


@dataclass(frozen=True)
class Results:
    """One run, or several with different seeds, of one data set with one choice of settings.

    `settings` are the studio's, as JSON has them: its shapes are those of whatever network it trained. `summary` is by the row's name.
    """

    schema: int
    data: Data
    settings: dict[str, Any]
    runs: tuple[Run, ...]
    summary: dict[str, Summary]
    budget: Verdict | None = None

    @property
    def first(self) -> Run:
        """The first run: what does not change from seed to seed is read from it."""
        return self.runs[0]

    @property
    def several(self) -> bool:
        """Whether there is more than one run, and so a spread."""
        return len(self.runs) > 1


# ---------------------------------------------------------------- reading and writing


def read(path: Path) -> Results:
    """The results in the file at `path`. Raises UserError if it is not there, of another schema, or broken; it then says where."""
    content = _loaded(path)
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise UserError(
            f"{path} is not a results file that this version of the course knows (schema {SCHEMA}). Run the lab again to make one."
        )
    found = from_json(content, str(path))
    _whole(found, path)
    return found


def from_json(content: dict, where: str = "these results") -> Results:
    """Results from what a results.json holds.

    Raises UserError, `where` being the file, with the field that is missing, unknown or of another kind.
    """
    return made(Results, content, where)


def write(results: Results, path: Path) -> None:
    """Write a results.json."""
    write_whole(path, as_text(to_json(results)))


def read_measurement(path: Path) -> Measurement:
    """What `write_measurement` wrote. Raises UserError as `read` does."""
    return made(Measurement, _loaded(path), str(path))


def write_measurement(measurement: Measurement, path: Path) -> None:
    """Write what was measured, before it is known how long the stages took and what the control rows show."""
    write_whole(path, as_text(to_json(measurement)))


def _whole(results: Results, path: Path) -> None:
    """Raises UserError unless the results have what tables and sentences rely on: the four rows, timed, and every row summed up."""
    for number, run in enumerate(results.runs):
        names, four = [row.name for row in run.rows], [label.name for label in MODELS]
        if names != four:
            raise UserError(f"{path} is broken: runs[{number}].rows are {', '.join(names) or 'none'}, not {', '.join(four)}.")
        if untimed := [row.name for row in run.rows if row.onnx_runtime is None]:
            raise UserError(f"{path} is broken: runs[{number}] has no times of ONNX Runtime for {', '.join(untimed)}.")
        if unknown := [row.name for row in run.controls if row.name not in LABELS]:
            raise UserError(f"{path} has control rows that this version of the course does not know: {', '.join(unknown)}.")
        needed = {"ratios": names[1:], "versions": ["onnxruntime", "torch"], "minutes": ["total"]}
        for field_name, keys in needed.items():
            if lacking := [key for key in keys if key not in getattr(run, field_name)]:
                raise UserError(f"{path} is broken: runs[{number}].{field_name} lacks {', '.join(lacking)}.")
        if missing := [row.name for row in (*run.rows, *run.controls) if row.name not in results.summary]:
            raise UserError(f"{path} is broken: its summary lacks {', '.join(missing)}.")
    if not results.runs or results.summary["int8"].ratios is None:
        raise UserError(f"{path} is broken: it has no {'ratios in the summary of int8' if results.runs else 'runs'}.")


def _loaded(path: Path) -> Any:
    try:
        return json.loads(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as results of the lab: {error}") from error
