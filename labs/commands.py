"""`course lab`: the compression studio on the command line."""

from pathlib import Path
from typing import Annotated

import typer


def lab(
    data: Annotated[str, typer.Option(help="digits, mnist or cifar10")] = "digits",
    out: Annotated[Path | None, typer.Option(help="folder for the results [default: runs/DATA]")] = None,
    seed: Annotated[int, typer.Option(help="another seed gives another, equally good run")] = 0,
    seeds: Annotated[int, typer.Option(min=1, help="so many runs, with this seed and the next ones: mean and spread")] = 1,
) -> None:
    """Shrink a network in three steps and measure all four models in one table."""
    from rich.console import Console

    from course_data.catalogue import spec

    spec(data)  # a wrong name should not wait for torch
    out = out if out is not None else Path("runs") / data
    from course_labs.report import remarks, terminal
    from course_labs.seeds import run_seeds

    try:
        results = run_seeds(data, out, list(range(seed, seed + seeds)))
    except KeyboardInterrupt:
        typer.echo(
            f"\nStopped. Finished stages are kept in {out / ('stages' if seeds == 1 else 'seed-*/stages')}. To go on: "
            f"course lab --data {data} --out {out} --seed {seed}{'' if seeds == 1 else f' --seeds {seeds}'}",
            err=True,
        )
        raise typer.Exit(130) from None
    console = Console()
    console.print(terminal(results))
    for line in remarks(results):
        console.print(line, highlight=False)
    written = sorted(path.relative_to(out).as_posix() for path in out.iterdir() if path.is_file())
    if seeds > 1:
        written.append("the runs in seed-*")
    console.print(f"Written to {out}: {', '.join(written)}", highlight=False)
