"""Results of one run or of several with different seeds: one form for both, with mean and spread of every row."""

from statistics import fmean, stdev

from course_data.errors import UserError

SCHEMA = 2

# What of a row is summed up. None where a row was not measured so, as the int8 file in PyTorch.
MEASURED = {
    "accuracy": lambda row: row["accuracy"],
    "bytes": lambda row: row["bytes"],
    "latency_ms": lambda row: row["onnx_runtime"] and row["onnx_runtime"]["median_ms"],
    "eager_ms": lambda row: row["pytorch_eager"] and row["pytorch_eager"]["median_ms"],
}


def collected(data: dict, settings: dict, runs: list[dict]) -> dict:
    """The results of `runs`, which share data set and settings.

    `summary` holds, for each row and control row, mean and spread over the runs of what MEASURED names; `ratios` are taken to the
    teacher within each run first and summed up then, so that neither a slow machine nor a lucky teacher enters them.
    """
    return {"schema": SCHEMA, "data": data, "settings": settings, "runs": runs, "summary": _summary(runs)}


def merged(several: list[dict]) -> dict:
    """One results dictionary from several. Raises UserError unless they have data set and settings in common and no seed twice."""
    first, runs = several[0], [run for results in several for run in results["runs"]]
    for other in several[1:]:
        for key, words in (("data", "data sets"), ("settings", "settings")):
            if other[key] != first[key]:
                raise UserError(f"These runs cannot be summed up: their {words} differ. Start them with the same arguments and another --seed.")
    seeds = [run["seed"] for run in runs]
    if len(set(seeds)) < len(seeds):
        raise UserError(f"These runs cannot be summed up: a seed occurs twice (seeds {', '.join(map(str, seeds))}).")
    return collected(first["data"], first["settings"], runs)


def statistics(values: list[float]) -> dict[str, float | None]:
    """Mean, sample standard deviation (None for a single value), smallest and largest."""
    return {"mean": fmean(values), "sd": stdev(values) if len(values) > 1 else None, "min": min(values), "max": max(values)}


def _summary(runs: list[dict]) -> dict[str, dict]:
    found = {}
    for rows in zip(*(run["rows"] + run["controls"] for run in runs), strict=True):
        name, values = rows[0]["name"], {key: [of(row) for row in rows] for key, of in MEASURED.items()}
        found[name] = {key: statistics(some) if None not in some else None for key, some in values.items()}
        ratios = [run["ratios"][name] for run in runs if name in run["ratios"]]
        found[name]["ratios"] = {key: statistics([ratio[key] for ratio in ratios]) for key in ratios[0]} if ratios else {}
    return found
