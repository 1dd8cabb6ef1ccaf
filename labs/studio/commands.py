"""`course lab`: the compression studio on the command line."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer


def lab(
    data: Annotated[str, typer.Option(help="digits, mnist or cifar10")] = "digits",
    out: Annotated[
        Path | None,
        typer.Option(help="folder for the results [default: runs/DATA, or with the name of your own model or images, another seed, ...]"),
    ] = None,
    seed: Annotated[int, typer.Option(help="another seed gives another, equally good run")] = 0,
    minutes: Annotated[float | None, typer.Option(help="train longer or shorter, so that everything takes about so many minutes")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="so many runs, with this seed and the next ones: mean and spread")] = 1,
    controls: Annotated[
        bool,
        typer.Option("--controls", help="add a second table: student without teacher, pruned shape from scratch, masks, dynamic int8, ..."),
    ] = False,
    model: Annotated[
        str | None, typer.Option(metavar="PATH.PY:FACTORY", help="your own network: factory(in_channels, classes, width=1.0) returns it")
    ] = None,
    width: Annotated[float, typer.Option(help="with --model: the width of the student, the teacher's being 1.0")] = 0.5,
    images: Annotated[
        Path | None,
        typer.Option(help="your own images instead of --data: FOLDER/train/CLASS/... and FOLDER/test/CLASS/..., or FOLDER/CLASS/..."),
    ] = None,
    size: Annotated[int, typer.Option(help="with --images: height and width to which they are scaled")] = 32,
    max_drop: Annotated[float | None, typer.Option(help="budget: points of test accuracy below the teacher")] = None,
    max_mb: Annotated[float | None, typer.Option(help="budget: size of the model file, in MB (1,000,000 bytes)")] = None,
    max_ms: Annotated[float | None, typer.Option(help="budget: median latency of one image in ONNX Runtime, one thread")] = None,
) -> None:
    """Shrink a network in three steps and measure all four models in one table.

    With a budget, names the model with the fewest bytes that keeps every limit given. If none does, names the nearest, says which limit it
    misses by how much, and ends with exit status 1.
    """
    from rich.console import Console

    from course_data.specs import spec
    from course_labs.studio.budget import Budget, judged

    if images is None:
        spec(data)  # a wrong name or limit should not wait for torch
    budget = Budget(max_drop, max_mb, max_ms)
    out = out or _folder(data, images, model, width, seed, seeds, minutes)
    from course_labs.report.control_sentences import titled
    from course_labs.report.output import write_texts
    from course_labs.report.sentences import remarks
    from course_labs.report.tables import controls_terminal, terminal
    from course_labs.studio.seeds import run_seeds

    try:
        chosen: tuple = (data, None, None)  # the course's own images, settings, networks
        if images or model:
            from course_labs.studio.own_network import own_setup

            chosen = own_setup(data, images, size, model, width)
        dataset, settings, family = chosen
        results = run_seeds(dataset, out, list(range(seed, seed + seeds)), settings, minutes=minutes, family=family, with_controls=controls)
    except KeyboardInterrupt:
        given = {
            "--data": data if images is None else None,
            "--model": model,
            "--width": f"{width:g}" if model else None,
            "--images": images,
            "--size": size if images else None,
            "--out": out,
            "--seed": seed,
            "--seeds": seeds if seeds > 1 else None,
            "--minutes": f"{minutes:g}" if minutes is not None else None,
        }
        again = " ".join(["course lab", *(f"{key} {shlex.quote(str(value))}" for key, value in given.items() if value is not None)])
        again += " --controls" if controls else ""
        again += "".join(
            f" --{name} {limit:g}" for name, limit in (("max-drop", max_drop), ("max-mb", max_mb), ("max-ms", max_ms)) if limit is not None
        )
        typer.echo(
            f"\nStopped. Finished stages are kept in {out / ('stages' if seeds == 1 else 'seed-*/stages')}. To go on: {again}",
            err=True,
        )
        raise typer.Exit(130) from None
    if budget:
        results = replace(results, budget=judged(results, budget))
        write_texts(results, out)
    console = Console()
    console.print(terminal(results))
    for line in remarks(results):
        console.print(line, highlight=False)
    if controls:
        console.print(controls_terminal(results))
        for title, words in titled(results):
            console.print(f"[bold]{title}[/]: {words}", highlight=False)
    if results.budget:
        console.print(results.budget.words, style="bold", highlight=False)
    written = sorted(path.relative_to(out).as_posix() for path in out.iterdir() if path.is_file())
    written += ["controls"] if controls and seeds == 1 else []
    written += ["one folder for each seed"] if seeds > 1 else []
    console.print(f"Written to {out}: {', '.join(written)}", highlight=False)
    if results.budget and not results.budget.met:
        raise typer.Exit(1)


def _folder(data: str, images: Path | None, model: str | None, width: float, seed: int, seeds: int, minutes: float | None) -> Path:
    """Where the results go unless --out says so: what trains other networks gets a folder of its own, and overwrites nothing."""
    names = [f"images-{images.resolve().name}" if images else data]
    if model:
        path, _, factory = model.rpartition(":")
        names = [Path(path).stem, factory, *names, *([f"width-{width:g}"] if width != 0.5 else [])]
    if seed:
        names.append(f"seed-{seed}")
    if seeds > 1:
        names.append(f"{seeds}-seeds")
    if minutes is not None:
        names.append(f"{minutes:g}-minutes")
    return Path("runs") / "-".join(names)
