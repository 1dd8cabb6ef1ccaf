"""`course lab`: the compression studio on the command line."""

from pathlib import Path
from typing import Annotated

import typer


def lab(
    data: Annotated[str, typer.Option(help="digits, mnist or cifar10")] = "digits",
    out: Annotated[Path | None, typer.Option(help="folder for the results [default: runs/DATA]")] = None,
    seed: Annotated[int, typer.Option(help="another seed gives another, equally good run")] = 0,
    controls: Annotated[
        bool, typer.Option("--controls", help="add a second table: student without teacher, pruned shape from scratch, masks, dynamic int8, ...")
    ] = False,
) -> None:
    """Shrink a network in three steps and measure all four models in one table."""
    from rich.console import Console

    from course_data.catalogue import spec

    spec(data)  # a wrong name should not wait for torch
    out = out if out is not None else Path("runs") / data
    from course_labs.report import controls_terminal, remarks, terminal
    from course_labs.studio import run_lab

    try:
        results = run_lab(data, out, seed, with_controls=controls)
    except KeyboardInterrupt:
        typer.echo(
            f"\nStopped. Finished stages are kept in {out / 'stages'}. To go on: "
            f"course lab --data {data} --out {out} --seed {seed}{' --controls' if controls else ''}",
            err=True,
        )
        raise typer.Exit(130) from None
    console = Console()
    console.print(terminal(results))
    for line in remarks(results):
        console.print(line, highlight=False)
    if results["controls"]:
        console.print(controls_terminal(results))
        for row in results["controls"]:
            console.print(f"[bold]{row['title']}[/]: {row['shows']}", highlight=False)
    console.print(f"Written to {out}: results.json, table.md, tradeoff.png, teacher.onnx, student.onnx, pruned.onnx, int8.onnx{', controls' if controls else ''}", highlight=False, soft_wrap=True)
