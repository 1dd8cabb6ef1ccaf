"""`course lab`: the compression studio on the command line."""

from pathlib import Path
from typing import Annotated

import typer


def lab(
    data: Annotated[str, typer.Option(help="digits, mnist or cifar10")] = "digits",
    out: Annotated[Path | None, typer.Option(help="folder for the results [default: runs/DATA]")] = None,
    seed: Annotated[int, typer.Option(help="another seed gives another, equally good run")] = 0,
    minutes: Annotated[float | None, typer.Option(help="train longer or shorter, so that everything takes about so many minutes")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="so many runs, with this seed and the next ones: mean and spread")] = 1,
    controls: Annotated[
        bool, typer.Option("--controls", help="add a second table: student without teacher, pruned shape from scratch, masks, dynamic int8, ...")
    ] = False,
    max_drop: Annotated[float | None, typer.Option(help="budget: points of test accuracy below the teacher")] = None,
    max_mb: Annotated[float | None, typer.Option(help="budget: size of the model file, in MB (1,000,000 bytes)")] = None,
    max_ms: Annotated[float | None, typer.Option(help="budget: median latency of one image in ONNX Runtime, one thread")] = None,
) -> None:
    """Shrink a network in three steps and measure all four models in one table.

    With a budget, names the model with the fewest bytes that keeps every limit given. If none does, names the nearest, says which limit it
    misses by how much, and ends with exit status 1.
    """
    from rich.console import Console

    from course_data.catalogue import spec
    from course_labs.budget import Budget, judged

    spec(data)  # a wrong name or limit should not wait for torch
    budget = Budget(max_drop, max_mb, max_ms)
    out = out if out is not None else Path("runs") / data
    from course_labs.output import write_texts
    from course_labs.report import controls_terminal, remarks, shown, terminal
    from course_labs.seeds import run_seeds

    try:
        results = run_seeds(data, out, list(range(seed, seed + seeds)), minutes=minutes, with_controls=controls)
    except KeyboardInterrupt:
        again = f"course lab --data {data} --out {out} --seed {seed}"
        again += f" --seeds {seeds}" if seeds > 1 else ""
        again += f" --minutes {minutes:g}" if minutes is not None else ""
        again += " --controls" if controls else ""
        typer.echo(
            f"\nStopped. Finished stages are kept in {out / ('stages' if seeds == 1 else 'seed-*/stages')}. To go on: {again}",
            err=True,
        )
        raise typer.Exit(130) from None
    if budget:
        results["budget"] = judged(results, budget)
        write_texts(results, out)
    console = Console()
    console.print(terminal(results))
    for line in remarks(results):
        console.print(line, highlight=False)
    if controls:
        console.print(controls_terminal(results))
        for title, words in shown(results):
            console.print(f"[bold]{title}[/]: {words}", highlight=False)
    if budget:
        console.print(results["budget"]["words"], style="bold", highlight=False)
    written = sorted(path.relative_to(out).as_posix() for path in out.iterdir() if path.is_file())
    written += ["controls"] if controls and seeds == 1 else []
    written += ["one folder for each seed"] if seeds > 1 else []
    console.print(f"Written to {out}: {', '.join(written)}", highlight=False)
    if budget and not results["budget"]["met"]:
        raise typer.Exit(1)
