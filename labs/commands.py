"""`course lab`: the compression studio on the command line."""

import shlex
from pathlib import Path
from typing import Annotated

import typer


def lab(
    data: Annotated[str, typer.Option(help="digits, mnist or cifar10")] = "digits",
    out: Annotated[Path | None, typer.Option(help="folder for the results [default: runs/DATA, with the name of your own model or images]")] = None,
    seed: Annotated[int, typer.Option(help="another seed gives another, equally good run")] = 0,
    minutes: Annotated[float | None, typer.Option(help="train longer or shorter, so that everything takes about so many minutes")] = None,
    controls: Annotated[
        bool, typer.Option("--controls", help="add a second table: student without teacher, pruned shape from scratch, masks, dynamic int8, ...")
    ] = False,
    model: Annotated[
        str | None,
        typer.Option(metavar="PATH.PY:FACTORY", help="your own network: factory(in_channels, classes, width=1.0) returns it"),
    ] = None,
    width: Annotated[float, typer.Option(help="with --model: the width of the student, the teacher's being 1.0")] = 0.5,
    images: Annotated[
        Path | None, typer.Option(help="your own images instead of --data: FOLDER/train/CLASS/... and FOLDER/test/CLASS/..., or FOLDER/CLASS/...")
    ] = None,
    size: Annotated[int, typer.Option(help="with --images: height and width to which they are scaled")] = 32,
) -> None:
    """Shrink a network in three steps and measure all four models in one table."""
    from rich.console import Console

    from course_data.catalogue import spec

    if images is None:
        spec(data)  # a wrong name should not wait for torch
    if out is None:
        names = [Path(model.rpartition(":")[0]).stem] if model else []
        out = Path("runs") / "-".join([*names, images.resolve().name if images else data])
    given = {
        "--data": data if images is None else None, "--model": model, "--width": width if model else None, "--images": images,
        "--size": size if images else None, "--out": out, "--seed": seed, "--minutes": minutes,
    }
    from course_labs.own import inputs
    from course_labs.report import controls_terminal, remarks, terminal
    from course_labs.studio import run_lab

    try:
        dataset, settings, family = inputs(data, images, size, model, width)
        results = run_lab(dataset, out, seed, settings, minutes=minutes, with_controls=controls, family=family)
    except KeyboardInterrupt:
        options = [f"{key} {value:g}" if isinstance(value, float) else f"{key} {shlex.quote(str(value))}" for key, value in given.items() if value is not None]
        again = " ".join(["course lab", *options, *(["--controls"] if controls else [])])
        typer.echo(f"\nStopped. Finished stages are kept in {out / 'stages'}. To go on: {again}", err=True)
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
