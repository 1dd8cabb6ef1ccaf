"""Verdicts and progress on the command line: the same lines wherever a command shows them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table

from autograder.cli.common import console

if TYPE_CHECKING:
    from autograder.checks.verdict import Verdict
    from autograder.course.catalogue import Exercise, Lesson
    from autograder.learner.standing import Standing

INDENT = 14


def verdict(exercise: "Exercise", found: "Verdict") -> None:
    """One exercise's line, and what there is to say below it."""
    colour = {"passed": "blue", "needs_manual": "dim", "blank": "yellow"}.get(found.status, "red")
    word = {"needs_manual": "by hand"}.get(found.status, found.status)
    console.print(f"[{colour}]{word:<{INDENT}}[/]{escape(f'{exercise.id}  {exercise.title}')}")
    if found.message:
        below(found.message)


def below(text: str) -> None:
    """A text under an exercise's line."""
    console.print(Padding(escape(text), (0, 0, 0, INDENT)))


def bar(standing: "Standing") -> ProgressBar:
    """The points so far, as a bar."""
    return ProgressBar(total=standing.most or 1, completed=standing.points, width=20, complete_style="blue", finished_style="blue")


def progress_line(standing: "Standing") -> None:
    """A bar and the same in words."""
    grid = Table.grid(padding=(0, 2))
    grid.add_row(bar(standing), standing.in_words())
    console.print(grid)


def where_you_are(lesson: "Lesson") -> None:
    """The points so far in a lesson, and its next exercise."""
    from autograder.learner.standing import next_exercise, standing

    progress_line(standing(lesson))
    following = next_exercise(lesson)
    if following:
        console.print(f"Next: {following.id}  {escape(following.title)}")


def exercises(lesson: "Lesson") -> None:
    """Every exercise of a lesson with its state."""
    from autograder.learner.progress import progress_rows

    heading, rows = progress_rows(lesson)
    table = Table(title=heading, title_justify="left", show_header=False, box=None, title_style="bold")
    for row in rows:
        table.add_row(*map(escape, row))
    console.print(table)


def overview(rows: "Sequence[tuple[Lesson, Standing]]") -> None:
    """A line for each lesson: bar and points."""
    table = Table(show_header=False, box=None)
    table.add_column(no_wrap=True)
    for lesson, standing in rows:
        table.add_row(escape(lesson.name), bar(standing), f"{standing.points:g} of {standing.most:g} points")
    console.print(table)
