"""What an author does: the lessons from their sources, and the students' copy."""

import sys
from pathlib import Path

import typer
from rich.markup import escape

from autograder.cli.common import CommandError, console


def build(check: bool = typer.Option(False, "--check", help="Only say whether the committed lessons are what the sources give.")):
    """Build every lesson and lab from its source in solutions/."""
    from autograder.authoring.build import BuildError, build_all, sources

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
    print(f"{len(sources())} lessons and labs {'are what their sources give' if check else 'built'}")


def release(
    target: Path = typer.Argument(help="A file ending in .zip, or a new folder."),
    checks: Path = typer.Option(None, "--checks", help="Your own checks: their visible.py and bank.py stand in for the course's."),
):
    """Make the students' copy: lessons, labs, data and visible checks; no solutions, no hidden checks, no known answers."""
    from autograder.authoring.students_copy import release as make

    with console.status("recording what known mistakes look like"):
        count, size = make(target, checks)
    console.print(f"Written: {escape(str(target))} ({count} files, {size / 1e6:.1f} MB). Students start at README.md in it.", soft_wrap=True)
