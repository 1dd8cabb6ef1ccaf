"""`course lab`: the compression studio on the command line."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer


def lab(
    data: Annotated[str | None, typer.Option(help="digits, mnist or cifar10 [default: digits]")] = None,
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
    width: Annotated[
        float | None, typer.Option(help="with --model: the width of the student, the teacher's being 1.0 [default: 0.5]")
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(metavar="NETWORK", help="PATH.PY:FACTORY or torchvision:NAME, e.g. torchvision:resnet18: any network with logits"),
    ] = None,
    student: Annotated[
        str | None,
        typer.Option(metavar="NETWORK", help="the same, e.g. torchvision:mobilenet_v2: the network that is distilled and pruned"),
    ] = None,
    teacher_weights: Annotated[
        Path | None, typer.Option(metavar="FILE", help="with --teacher: its weights, a state dict of PyTorch's or .safetensors")
    ] = None,
    keep_teacher: Annotated[
        bool, typer.Option("--keep-teacher", help="leave the teacher as it comes; without it, it is trained on")
    ] = False,
    keep: Annotated[float | None, typer.Option(help="the share of the student's channels that pruning leaves, e.g. 0.7")] = None,
    temperature: Annotated[float | None, typer.Option(help="of distillation: how much the teacher's answers are softened")] = None,
    alpha: Annotated[float | None, typer.Option(help="of distillation: the share of the teacher's answers in the loss, 0 to 1")] = None,
    precision: Annotated[
        str | None, typer.Option(help="of the training: float32, bfloat16, or measured [default: measured: what is faster here]")
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE", help="networks and settings that come as a file of the course's, e.g. textbook, or a copy of one"
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="settings in a file, as results.json stores them (or such a file itself)")
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            help="your own images instead of --data: FOLDER/train/CLASS/... and FOLDER/test/CLASS/..., or FOLDER/CLASS/...; .zip, .tar.gz, IDX, .npz"
        ),
    ] = None,
    size: Annotated[
        int | None, typer.Option(help="with --images: height and width to which they are scaled [default: 32; arrays up to 64 keep theirs]")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="with --images: one file that cannot be read ends the run")] = False,
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
    from course_labs.studio.asked import Asked
    from course_labs.studio.budget import Budget, judged

    if images is None and data is not None:
        spec(data)  # a wrong name or limit should not wait for torch
    budget = Budget(max_drop, max_mb, max_ms)
    asked = Asked(
        data=data,
        out=out,
        seed=seed,
        seeds=seeds,
        minutes=minutes,
        controls=controls,
        model=model,
        width=width,
        teacher=teacher,
        student=student,
        teacher_weights=teacher_weights,
        keep_teacher=keep_teacher,
        keep=keep,
        temperature=temperature,
        alpha=alpha,
        precision=precision,
        recipe=recipe,
        config=config,
        images=images,
        size=size,
        strict=strict,
        budget=budget,
    )
    from course_labs.report import claims
    from course_labs.report.control_sentences import titled
    from course_labs.report.output import write_texts
    from course_labs.report.sentences import remarks
    from course_labs.report.tables import controls_terminal, terminal
    from course_labs.studio.seeds import run_seeds
    from course_labs.studio.setup import claims_written, prepared

    out = asked.folder
    try:
        dataset, settings, family, claimed = prepared(asked)
        results = run_seeds(dataset, out, list(range(seed, seed + seeds)), settings, minutes=minutes, family=family, with_controls=controls)
    except KeyboardInterrupt:
        typer.echo(
            f"\nStopped. Finished stages are kept in {out / ('stages' if seeds == 1 else 'seed-*/stages')}. To go on: {asked.again}",
            err=True,
        )
        raise typer.Exit(130) from None
    if budget:
        results = replace(results, budget=judged(results, budget))
        write_texts(results, out)
    console = Console(markup=False, highlight=False)  # names of folders and classes are text, whatever brackets they have
    console.print(terminal(results))
    for line in remarks(results):
        console.print(line)
    if controls:
        console.print(controls_terminal(results))
        for title, words in titled(results):
            console.print(f"{title}: {words}")
    if claimed:
        linear = claims_written(claimed, results, out)
        console.print(claims.terminal(claimed, results))
        for line in claims.words(claimed, results, linear):
            console.print(line)
    if results.budget:
        console.print(results.budget.words, style="bold")
    written = sorted(path.relative_to(out).as_posix() for path in out.iterdir() if path.is_file())
    written += ["controls"] if controls and seeds == 1 else []
    written += ["one folder for each seed"] if seeds > 1 else []
    console.print(f"Written to {out}: {', '.join(written)}")
    if results.budget and not results.budget.met:
        raise typer.Exit(1)
