"""What all commands share: how the app is made, how a mistake of its user ends, how is printed."""

import sys
import warnings
from collections.abc import Callable, Iterable

import typer
from rich.console import Console

from course_data.commands import app as data_app

console = Console(highlight=False)


class CommandError(Exception):
    """A user's mistake: the message says what was wrong and what to do."""


def app_of(commands: Iterable[Callable[..., None]]) -> typer.Typer:
    """The `course` command with these commands (functions), in this order, and `course data`."""
    app = typer.Typer(
        help="Neural-network compression: lessons, grading and the measured lab.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.add_typer(data_app, name="data")
    for command in commands:
        app.command()(command)
    return app


def run(app: typer.Typer) -> None:
    """The entry point's work: a user's mistake ends with one clear message and exit status 2, never a traceback."""
    from course_data.errors import UserError

    try:
        app()
    except (CommandError, UserError) as error:
        print(f"course: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("course: stopped", file=sys.stderr)
        sys.exit(130)


def many(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def quiet() -> None:
    """Warnings of libraries, and of Python about students' code, say nothing to an instructor; `python -W` and PYTHONWARNINGS show them."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
