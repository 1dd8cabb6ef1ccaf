"""From what was asked for to what a run takes: data, settings, networks."""

from dataclasses import replace
from pathlib import Path

from course_data import Dataset
from course_data.files import write_whole
from course_labs.measuring.accounting import linear_weights
from course_labs.methods.families import Family
from course_labs.report import claims
from course_labs.report.claims import Claims
from course_labs.report.results import Results
from course_labs.studio import configuration, own_network
from course_labs.studio.asked import WIDTH, Asked
from course_labs.studio.pair import TwoNetworks
from course_labs.studio.settings import SETTINGS, Settings


def prepared(asked: Asked) -> tuple[str | Dataset, Settings | None, Family | None, Claims | None]:
    """Data, settings and family for `run_seeds`, None for the course's own; and the table that a recipe's author printed, if there is one.

    Raises UserError for what does not fit together.
    """
    recipe = configuration.read(configuration.recipe_path(asked.recipe), "--recipe") if asked.recipe else None
    files = [file for file in (configuration.read(asked.config) if asked.config else None, recipe) if file]
    for file in files:
        asked = file.completed(asked)
    data = asked.data or "digits"
    two = TwoNetworks(asked.teacher, asked.student, asked.teacher_weights, asked.keep_teacher)
    chosen: tuple[str | Dataset, Settings | None, Family | None] = (data, None, None)
    if asked.images or asked.model or two:
        width = WIDTH if asked.width is None else asked.width
        chosen = own_network.own_setup(data, asked.images, asked.size, asked.model, width, two, asked.strict)
    dataset, settings, family = chosen
    if files or any(value is not None for value in (asked.keep, asked.temperature, asked.alpha, asked.precision)):
        settings = configuration.chosen(settings or SETTINGS[data], asked, files[::-1])
    if settings and two.keep_teacher:
        settings = replace(settings, keep_teacher=True)  # whatever a file says
    return dataset, settings, family, recipe.claimed if recipe else None


def claims_written(claimed: Claims, results: Results, out: Path) -> int:
    """Write claimed.md to `out`. Returns how many weights the student's linear layers have."""
    linear = linear_weights(out / ("" if len(results.runs) == 1 else f"seed-{results.first.seed}") / results.first.row("student").file)
    write_whole(out / "claimed.md", claims.markdown(claimed, results, linear))
    return linear
