"""What the table's numbers mean and what they were measured on, in sentences made from them."""

from statistics import fmean

from course_labs.report.numbers import number, times_faster
from course_labs.report.results import Results
from course_labs.report.summary import spread

NAMED = 3  # reasons: a network with layer norms has one for every block


def remarks(results: Results) -> list[str]:
    """All that is said below a table, one sentence or two a line."""
    return [basis(results), *left_whole(results), *gains(results), price(results), miscalibrated(results), provenance(results)]


def brackets(results: Results) -> list[str]:
    """What stands in brackets in the table's cells, if anything does."""
    return [] if results.several else ["In brackets: from the 10th to the 90th percentile of the calls."]


def basis(results: Results) -> str:
    """How accuracy and latency were measured, and what ± stands for."""
    data, runs = results.data, results.runs
    tested, calls = f"{data.title}, {data.test:,} test images, looked at once", runs[0].rows[0].times("onnx_runtime").calls
    if results.several:
        seeds = ", ".join(str(run.seed) for run in runs)
        tested += (
            f" by each of {len(runs)} runs (seeds {seeds}), each with a teacher of its own; mean ± sample standard deviation over the runs."
        )
    else:
        error = 100 * max(row.accuracy_standard_error for row in runs[0].rows)
        tested += f" (standard error of an accuracy: up to {error:.2f} points)."
    named = [
        f"the {whose} {results.settings[f'{whose}_network']}" for whose in ("teacher", "student") if f"{whose}_network" in results.settings
    ]
    if named:
        tested = f"The networks: {', '.join(named)}{', the other one the course’s own' if len(named) == 1 else ''}. {tested}"
    if "model" in results.settings:
        share = results.settings["student"]["width"]
        tested = f"The network is {results.settings['model']}, at width 1 for the teacher and {share:g} for the student. {tested}"
    return f"{tested} Latency: one image on one thread of ONNX Runtime, median of {calls} calls, rows interleaved."


def left_whole(results: Results) -> list[str]:
    """Which layers of a user's network pruning left as they are, and why; nothing if it could cut all."""
    whole = results.settings.get("left_whole", [])
    if not whole:
        return []
    more = f" And {len(whole) - NAMED} more: all are in results.json." if len(whole) > NAMED else ""
    return ["Left whole by pruning: " + "; ".join(whole[:NAMED]) + "." + more]


def gains(results: Results) -> list[str]:
    """What the whole chain gave, and what its last step alone gave."""
    last = results.summary["int8"].ratios
    assert last is not None, "only the teacher has no ratios"
    points = last.accuracy_points
    deviation = "" if points.sd is None else f" ± {points.sd:.2f}"
    lines = [
        f"The int8 file is {number(last.bytes, 1)} times smaller than the teacher's and {times_faster(last.latency)} in the same runtime, "
        f"with {last.macs.mean:.1f} times fewer MACs and {points.mean:+.2f}{deviation} points of accuracy."
    ]
    pairs = [(run.row("pruned"), run.row("int8")) for run in results.runs]
    smaller = fmean(pruned.bytes / int8.bytes for pruned, int8 in pairs)
    step = fmean(pruned.times("onnx_runtime").median_ms / int8.times("onnx_runtime").median_ms for pruned, int8 in pairs)
    alone = f"Of this, quantisation alone: {smaller:.1f} times smaller, {times_faster(spread([step]))}."
    if step < 1:
        alone += " Here converting between float and int8 costs more than eight bits save."
    return [*lines, alone]


def price(results: Results) -> str:
    """Who pays for the gains: the worst class, and the images lost."""
    names = results.data.classes
    drops = [100 * (after - before) for before, after in zip(class_accuracies(results, "teacher"), class_accuracies(results, "int8"))]
    worst = min(range(len(drops)), key=drops.__getitem__)
    lost, gained = fmean(run.lost.count for run in results.runs), fmean(run.lost.gained for run in results.runs)
    mean = " on average" if results.several else ""
    return (
        f"The class that pays most is {names[worst]}: {drops[worst]:+.2f} points against the teacher. "
        f"The int8 model loses{mean} {lost:,.0f} images that the teacher had right and gains {gained:,.0f} that it had wrong."
    )


def miscalibrated(results: Results) -> str:
    """What int8 would have been with other images to set its ranges."""
    wrong = ", ".join(f"{100 * value:.2f} % ({title})" for title, value in wrong_calibrations(results))
    return f"Calibrated on training images, int8 gets {100 * results.summary['int8'].accuracy.mean:.2f} %. On the wrong images: {wrong}."


def provenance(results: Results) -> str:
    """When, where, with what, how long."""
    runs = results.runs
    machine, versions, days = runs[0].machine, runs[0].versions, sorted({run.measured for run in runs})
    seeds = ("seeds " if results.several else "seed ") + ", ".join(str(run.seed) for run in runs)
    return (
        f"Measured {' and '.join(days)} on {' and '.join(dict.fromkeys(run.machine.cpu for run in runs))}, {machine.cores_usable} cores, {machine.os}; "
        f"ONNX Runtime {versions['onnxruntime']}, PyTorch {versions['torch']}; {seeds}; "
        f"{fmean(run.minutes['total'] for run in runs):.1f} minutes in all{' for each seed' if results.several else ''}, "
        f"trained on {machine.training_device} in {machine.training_precision}."
    )


def class_accuracies(results: Results, name: str) -> list[float]:
    """Accuracy (0 to 1) of the row `name` on each class, mean over the runs."""
    return [fmean(values) for values in zip(*(run.row(name).accuracy_by_class for run in results.runs))]


def wrong_calibrations(results: Results) -> list[tuple[str, float]]:
    """(what int8 was calibrated on, test accuracy 0 to 1 as the mean over the runs) for each wrong way."""
    entries = zip(*(run.wrong_calibration for run in results.runs))
    return [(some[0].title, fmean(entry.accuracy for entry in some)) for some in entries]
