"""`course data`: list, download and import data sets."""

from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from course_data.root import data_root
from course_data.specs import spec

app = typer.Typer(help="List, download and import data sets.", invoke_without_command=True)


@app.callback()
def listing(context: typer.Context) -> None:
    """Without a command: list what is on this machine."""
    if context.invoked_subcommand is not None:
        return
    from course_data.inventory import status

    table = Table(title=Text(f"Data sets in {data_root()}"), title_justify="left")
    for column in ("name", "data set", "state", "MB"):
        table.add_column(column, justify="right" if column == "MB" else "left")
    for item in status():
        state = "ready" if item.ready else item.advice
        state = "bundled, ready" if item.ready and item.path is None else state
        table.add_row(item.name, item.title, state, f"{item.bytes / 1e6:.1f}" if item.bytes else "–")
    Console().print(table)


@app.command("get")
def get_command(name: str = typer.Argument(help="digits, mnist or cifar10")) -> None:
    """Download a data set through torchvision."""
    from course_data.download import get

    _, stored = get(name)
    typer.echo(f"{spec(name).title}: stored in {stored}" if stored else f"{spec(name).title} is bundled; nothing to download.")


@app.command("add")
def add_command(
    archive: Path = typer.Argument(help=".tar.gz, .tar.xz, .zip or a folder; pictures of your own go to course lab --images"),
) -> None:
    """Import a data set from an archive or a folder."""
    from course_data.datasets import load
    from course_data.importing import add

    name, stored = add(archive)
    data = load(name)
    typer.echo(
        f"{data.title}: {len(data.train):,} training, {len(data.val):,} validation and {len(data.test):,} test images, stored in {stored}"
    )
