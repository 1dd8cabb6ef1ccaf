"""What less training costs: committed runs of `course lab --minutes N`, labs/results/shorter/DATA-N.json, as a sentence and a table."""

import math
from pathlib import Path

from course_labs.report.numbers import accuracy
from course_labs.report.results import Results, read
from course_labs.report.tables import grid

RESULTS = Path(__file__).resolve().parents[1] / "results"
HEADER = ("data set", "`--minutes`", "took", "share of the training", "teacher", "int8")


def measured(name: str, folder: Path = RESULTS) -> dict[float, tuple[str, Results]]:
    """The committed runs of the data set `name`, the shortest first: share of the training -> (minutes asked for, results).

    The whole training is the share 1; nobody asked for its minutes. Empty where it was not committed.
    """
    if not (folder / f"{name}.json").is_file():
        return {}
    whole = read(folder / f"{name}.json")
    found = {1.0: ("", whole)}
    for path in (folder / "shorter").glob(f"{name}-*.json"):
        results = read(path)
        found[_epochs(results) / _epochs(whole)] = (path.stem.rpartition("-")[2], results)
    return dict(sorted(found.items()))


def cost(name: str, epochs: float, folder: Path = RESULTS) -> str:
    """What the measured run nearest to a teacher's training of `epochs` cost, as a sentence.

    Nothing where that is the whole training or none was measured.
    """
    runs = measured(name, folder)
    if not runs:
        return ""
    share = epochs / _epochs(runs[1.0][1])
    nearest = min(runs, key=lambda other: abs(math.log(other / share)))
    if nearest == 1:
        return ""
    less, whole = (runs[which][1].summary for which in (nearest, 1.0))
    return (
        f"What that costs: {nearest:.2f} of the training gave a teacher of {accuracy(less['teacher'])} and an int8 model of "
        f"{accuracy(less['int8'])}, all of it {accuracy(whole['teacher'])} and {accuracy(whole['int8'])}."
    )


def _epochs(results: Results) -> float:
    """Of the teacher's training."""
    return results.settings["teacher_recipe"]["epochs"]


def table(folder: Path = RESULTS) -> str:
    """Every committed run with less training, each data set's whole training below them, as Markdown."""
    rows = []
    for name in sorted({path.stem.rpartition("-")[0] for path in (folder / "shorter").glob("*-*.json")}, reverse=True):
        for share, (minutes, results) in measured(name, folder).items():
            took = sum(run.minutes["total"] for run in results.runs) / len(results.runs)
            found = results.summary
            rows.append(
                (
                    results.data.title,
                    minutes or "not given",
                    f"{took:.1f} min",
                    f"{share:.2f}",
                    accuracy(found["teacher"]),
                    accuracy(found["int8"]),
                )
            )
    return grid(HEADER, rows) + "\n"
