"""The lab with several seeds: how far the numbers move from run to run."""

from pathlib import Path

from rich.console import Console

from course_data import Dataset, load
from course_data.files import room_in
from course_labs.methods.families import Family
from course_labs.report import shorter_runs
from course_labs.report.output import write_reports
from course_labs.report.results import Results
from course_labs.report.summary import merged
from course_labs.studio.minutes import planned
from course_labs.studio.one_run import only_run
from course_labs.studio.settings import SETTINGS, Settings
from course_labs.studio.stages import Stages
from course_labs.studio.steps import RESUMES, run_lab


def run_seeds(
    data: str | Dataset,
    out: Path | str,
    seeds: list[int],
    settings: Settings | None = None,
    console: Console | None = None,
    minutes: float | None = None,
    family: Family | None = None,
    with_controls: bool = False,
) -> Results:
    """Run the lab once for each of `seeds`, in `out`/seed-N, and write the results of all to `out`. Returns them.

    A single seed runs in `out` itself. Each run goes on after its last finished stage. `minutes` makes every training longer or shorter, so
    that all runs together take about so long on this machine; `console` is told what that costs in accuracy, where it was measured.
    `data`, `settings` and `family` are those of `Studio`, `with_controls` that of `run_lab`.
    """
    out, console = Path(out), console or Console(stderr=True)
    committed = settings is None  # the course's own networks and images: others may bear the same name
    data = load(data) if isinstance(data, str) else data
    settings = settings or SETTINGS[data.name]
    with only_run(out), room_in(out, RESUMES):
        if minutes is not None:
            settings = planned(minutes / len(seeds), settings, data, Stages(out / "stages"), console, family, with_controls)
            if committed and (known := shorter_runs.cost(data.name, settings.teacher_recipe.epochs)):
                console.print(known, highlight=False, soft_wrap=True)
        if len(seeds) == 1:
            return run_lab(data, out, seeds[0], settings, console, with_controls=with_controls, family=family)
        found = []
        for seed in seeds:
            console.print(f"seed {seed}", style="bold", highlight=False)
            found.append(run_lab(data, out / f"seed-{seed}", seed, settings, console, with_controls=with_controls, family=family))
        results = merged(found)
        write_reports(results, out, data)
        return results
