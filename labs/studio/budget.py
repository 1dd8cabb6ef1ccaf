"""A budget: the cheapest model that costs no more than it may, or how far the nearest one misses."""

import math
from dataclasses import asdict, dataclass

from course_data.errors import UserError
from course_labs.report.results import Results, Summary, Verdict


@dataclass(frozen=True)
class Budget:
    """Limits; None where there is none.

    `max_drop`: points of test accuracy below the teacher. `max_mb`: size of the file in MB (1,000,000 bytes). `max_ms`: median latency of
    one image in ONNX Runtime on one thread. Raises UserError for a limit that no measurement could be compared with.
    """

    max_drop: float | None = None
    max_mb: float | None = None
    max_ms: float | None = None

    def __post_init__(self) -> None:
        for name, limit in asdict(self).items():
            if limit is not None and not (math.isfinite(limit) and limit >= 0):
                raise UserError(f"--{name.replace('_', '-')} is {limit:g}. Give a number of 0 or more, e.g. {_EXAMPLES[name]}.")

    def __bool__(self) -> bool:
        return any(limit is not None for limit in asdict(self).values())


_EXAMPLES = {"max_drop": "--max-drop 1.0 (points)", "max_mb": "--max-mb 0.2", "max_ms": "--max-ms 0.15"}
_UNITS = {"max_drop": "points", "max_mb": "MB", "max_ms": "ms"}


def judged(results: Results, budget: Budget) -> Verdict:
    """The budget's verdict, with means over the runs.

    `choice` is the name of the row with the fewest bytes among those that keep every limit. If none does, it is the nearest: the one whose
    largest excess is the smallest share of its limit. (Not the one that breaks the fewest: the teacher loses no point, whatever it weighs.)
    `costs` are the choice's figures, `words` say it in a sentence or two.
    """
    limits = {name: limit for name, limit in asdict(budget).items() if limit is not None}
    rows = {row.name: row.title for row in results.first.rows}
    costs = {name: _costs(results.summary[name], limits) for name in rows}
    excess = {
        name: {key: value - limits[key] for key, value in found.items() if value > limits[key] + 1e-9} for name, found in costs.items()
    }
    fitting = [name for name in rows if not excess[name]]
    if fitting:
        choice = min(fitting, key=lambda name: results.summary[name].bytes.mean)
        others = len(fitting) - 1
        words = f"Budget met by: {rows[choice]} ({_listed(costs[choice])})."
        words += f" It has the fewest bytes of the {others + 1} models that meet it." if others else " No other model meets it."
    else:
        # a limit of 0 has no shares: then a point, a MB or a ms counts as one
        choice = min(rows, key=lambda name: max(over / (limits[key] or 1) for key, over in excess[name].items()))
        broken = " and ".join(f"--{key.replace('_', '-')} {limits[key]:g} by {_figure(key, over)}" for key, over in excess[choice].items())
        words = f"No model meets the budget. The nearest is: {rows[choice]} ({_listed(costs[choice])}). It misses {broken}."
    return Verdict(limits, bool(fitting), choice, costs[choice], words)


def _costs(found: Summary, limits: dict[str, float]) -> dict[str, float]:
    assert found.latency_ms is not None, "each of the four rows is timed in ONNX Runtime"
    points = found.ratios.accuracy_points.mean if found.ratios else 0.0
    costs = {"max_drop": -points, "max_mb": found.bytes.mean / 1e6, "max_ms": found.latency_ms.mean}
    return {name: costs[name] for name in limits}


def _listed(costs: dict[str, float]) -> str:
    return ", ".join(f"{-value:+.2f} points" if name == "max_drop" else _figure(name, value) for name, value in costs.items())


def _figure(name: str, value: float) -> str:
    return f"{value:.3g} {_UNITS[name]}"
