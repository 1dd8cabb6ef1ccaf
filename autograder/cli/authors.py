"""What an author does: a new lesson, the lessons from their sources, and the students' copy."""

import sys
from pathlib import Path

import typer
from rich.markup import escape

from autograder.cli.common import CommandError, console


def build(check: bool = typer.Option(False, "--check", help="Only say whether the committed lessons are what the sources give.")) -> None:
    """Build every lesson and lab from its source in solutions/."""
    from autograder.authoring.build import BuildError, build_all, sources
    from autograder.authoring.scaffold import still_to_write

    try:
        changed = build_all(check=check)
    except BuildError as error:
        for violation in error.violations:
            print(violation, file=sys.stderr)
        raise CommandError(f"{len(error.violations)} rules broken; nothing was written.") from None
    for path in changed:
        print(f"{'differs' if check else 'written'}  {path}")
    if check and changed:
        raise CommandError("These files are not what the sources give: run `course build` and commit them.")
    for line in still_to_write():
        print(f"to do    {line}")
    print(f"{len(sources())} lessons and labs {'are what their sources give' if check else 'built'}")


def new(
    kind: str = typer.Argument(help="lesson or lab"),
    name: str = typer.Argument(help="Of a lesson its number and topic, e.g. 07_low_precision; of a lab its topic, e.g. activation_pruning"),
) -> None:
    """Begin a lesson or lab: a folder in solutions/ that builds as it is, with one exercise of each kind."""
    from autograder.authoring.scaffold import FILES, REPLACE
    from autograder.authoring.scaffold import new as begin
    from autograder.course import paths

    folder = begin(kind, name).relative_to(paths.REPOSITORY)
    notebook = paths.notebook_of(name).relative_to(paths.REPOSITORY)
    print(f"Written: {folder}/ with {', '.join(FILES)}")
    print(
        f"Next:\n  course build            makes {notebook}; it works as it is, and every line to {REPLACE} is listed\n"
        f"  jupyter lab {notebook}   shows it as a student sees it\n"
        f"Then edit the files in {folder}/, and nothing else; course build says every rule that is broken. CONTRIBUTING.md says the rest."
    )


def release(
    target: Path = typer.Argument(help="A file ending in .zip, or a new folder."),
    checks: Path | None = typer.Option(None, "--checks", help="Your own checks: their visible.py and bank.py stand in for the course's."),
) -> None:
    """Make the students' copy: lessons, labs, data and visible checks; no solutions, no hidden checks, no known answers."""
    from autograder.authoring.students_copy import release as make

    with console.status("recording what known mistakes look like"):
        count, size = make(target, checks)
    console.print(
        f"Written: {escape(str(target))} ({count} files, {size / 1e6:.1f} MB). Students start at README.md in it.", soft_wrap=True
    )
