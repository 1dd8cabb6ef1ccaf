"""Results of one run or of several with different seeds: one form for both, with mean and spread of every row."""

import json
from collections.abc import Callable
from dataclasses import fields
from statistics import fmean, stdev
from typing import Any

from course_data.errors import UserError
from course_labs.report.results import SCHEMA, Data, Ratios, RatioSpreads, Results, Row, Run, Spread, Summary


def collected(data: Data, settings: dict[str, Any], runs: list[Run]) -> Results:
    """The results of `runs`, which share data set and settings.

    The summary holds mean and spread over the runs; ratios are taken to the teacher within each run first and summed up then, so that
    neither a slow machine nor a lucky teacher enters them.
    """
    return Results(SCHEMA, data, json.loads(json.dumps(settings)), tuple(runs), _summary(runs))


def merged(several: list[Results]) -> Results:
    """One from several. Raises UserError unless they have data set and settings in common and no seed twice."""
    first, runs = several[0], [run for results in several for run in results.runs]
    for other in several[1:]:
        for differ, words in ((other.data != first.data, "data sets"), (other.settings != first.settings, "settings")):
            if differ:
                raise UserError(
                    f"These runs cannot be summed up: their {words} differ. Start them with the same arguments and another --seed."
                )
    seeds = [run.seed for run in runs]
    if len(set(seeds)) < len(seeds):
        raise UserError(f"These runs cannot be summed up: a seed occurs twice (seeds {', '.join(map(str, seeds))}).")
    return collected(first.data, first.settings, runs)


def ratios(teacher: Row, row: Row) -> Ratios:
    """How many times smaller or faster than the teacher of the same run; accuracy as the difference in percentage points."""
    return Ratios(
        bytes=teacher.bytes / row.bytes,
        parameters=teacher.parameters / row.parameters,
        macs=teacher.macs / row.macs,
        latency=teacher.times("onnx_runtime").median_ms / row.times("onnx_runtime").median_ms,
        accuracy_points=100 * (row.accuracy - teacher.accuracy),
    )


def spread(values: list[float]) -> Spread:
    """Mean, sample standard deviation (None for a single value), smallest and largest."""
    return Spread(fmean(values), stdev(values) if len(values) > 1 else None, min(values), max(values))


def _summary(runs: list[Run]) -> dict[str, Summary]:
    return {rows[0].name: _of_row(rows, runs) for rows in zip(*((*run.rows, *run.controls) for run in runs), strict=True)}


def _of_row(rows: tuple[Row, ...], runs: list[Run]) -> Summary:
    """One row of every run, summed up."""
    taken = [run.ratios[rows[0].name] for run in runs if rows[0].name in run.ratios]
    return Summary(
        accuracy=spread([row.accuracy for row in rows]),
        bytes=spread([row.bytes for row in rows]),
        latency_ms=_medians(rows, lambda row: row.onnx_runtime),
        eager_ms=_medians(rows, lambda row: row.pytorch_eager),
        ratios=RatioSpreads(**{part.name: spread([getattr(each, part.name) for each in taken]) for part in fields(Ratios)})
        if taken
        else None,
    )


def _medians(rows: tuple[Row, ...], clock: Callable) -> Spread | None:
    """None where a row was not timed so, as the int8 file in PyTorch."""
    times = [clock(row) for row in rows]
    return None if None in times else spread([each.median_ms for each in times])
