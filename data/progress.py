"""Progress bars with an estimate of the time left; quiet where nobody watches."""

from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn


@contextmanager
def bar(title: str, total: float, console: Console | None = None):
    """Show a bar while the block runs. Yields `update(done, note="")`: `done` is the amount so far, out of `total`.

    On a terminal or in Jupyter the bar is live; written to a file or a pipe it leaves nothing behind.
    """
    console = console or Console(stderr=True)
    live = console.is_terminal or console.is_jupyter
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console, disable=not live, transient=True, refresh_per_second=4) as progress:
        task = progress.add_task(title, total=total, note="")

        def update(done: float, note: str = "") -> None:
            progress.update(task, completed=done, note=note)

        yield update
