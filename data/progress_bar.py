"""Progress bars with an estimate of the time left; quiet where nobody watches."""

import html
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text


@contextmanager
def bar(title: str, total: float, console: Console | None = None) -> Iterator[Callable[..., None]]:
    """Show a bar while the block runs. Yields `update(done, note="")`: `done` is the amount so far, out of `total`.

    On a terminal or in Jupyter the bar is live; written to a file or a pipe it leaves nothing behind.
    """
    console = console or Console(stderr=True)
    if console.is_jupyter:
        with _bar_in_notebook(title, total) as update:
            yield update
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True, refresh_per_second=4) as progress:
        task = progress.add_task(title, total=total, note="")

        def update(done: float, note: str = "") -> None:
            progress.update(task, completed=done, note=note)

        yield update


@contextmanager
def status(text: str, console: Console | None = None) -> Iterator[None]:
    """Say what is being done while the block runs, where its end cannot be foreseen."""
    console = console or Console(stderr=True)
    if console.is_jupyter:
        with _line_in_notebook() as show:
            show(html.escape(text))
            yield
    else:
        with console.status(Text(text)):
            yield


@contextmanager
def _bar_in_notebook(title: str, total: float) -> Iterator[Callable[..., None]]:
    begun = shown = time.monotonic()
    with _line_in_notebook() as show:

        def update(done: float, note: str = "") -> None:
            nonlocal shown
            now = time.monotonic()
            if now - shown < 0.25:
                return
            shown, share = now, done / total
            left = f"{(now - begun) * (1 / share - 1):.0f} s left" if share else ""
            words = html.escape(f"{100 * share:.0f} %  {left}  {note}")
            show(f'{html.escape(title)} <progress value="{share:.3f}" max="1"></progress> {words}')

        yield update


@contextmanager
def _line_in_notebook() -> Iterator[Callable[[str], None]]:
    """Yields `show(html)`: one line below the cell, replaced by each call and gone at the end.

    Not rich's own live display: that is a widget drawn from another thread, and a saved notebook keeps its empty boxes.
    """
    from IPython.display import HTML, display

    line = display(HTML(""), display_id=True)
    try:
        yield lambda text: line.update(HTML(text))
    finally:
        line.update(HTML(""))
