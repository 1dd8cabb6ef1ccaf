"""What an instructor does with grades: other tools' formats, nbgrader's desk among them."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from autograder.cli.by_hand import marks
from autograder.cli.common import CommandError, console, many, quiet
from autograder.cli.grading import print_grades
from autograder.cli.late_work import FILE_TIMES, POLICY, STAMPS, TIMES, late_work

if TYPE_CHECKING:
    from autograder.grading.class_run import Late


def export(
    out: Path | None = typer.Argument(None, help="The folder that `course grade --out` has written; not needed for gradescope-bundle."),
    to: str = typer.Option(..., "--to", help="csv, canvas, gradescope, junit or nbgrader; gradescope-bundle: an autograder to upload."),
    file: Path | None = typer.Option(None, "--file", help="Where the export goes: a file; for gradescope, a folder."),
    course: Path | None = typer.Option(None, "--course", help="nbgrader: the course folder; if not given, the one of the last time."),
    roster: Path | None = typer.Option(None, "--roster", help="canvas: the gradebook as Canvas exported it, so that its ids match."),
    lesson: str | None = typer.Option(None, "--lesson", help="gradescope-bundle: the lesson that it grades, e.g. 01."),
    checks: Path | None = typer.Option(None, "--checks", help="gradescope-bundle: your own checks in place of the course's."),
    column: list[str] = typer.Option([], "--column", help='canvas: LESSON=NAME of the column, e.g. "01=Homework 1 (4711)".'),
    policy: Path | None = POLICY,
    times: Path | None = TIMES,
    file_times: bool = FILE_TIMES,
    stamps: bool = STAMPS,
) -> None:
    """Export grades to another tool's format, or to nbgrader's gradebook, from where scores given by hand come back."""
    quiet()
    from autograder.checks import private_checks
    from autograder.course.catalogue import lesson_named
    from autograder.exports import Options, read_results
    from autograder.exports import export as write
    from autograder.grading.by_hand import settled

    if to == "gradescope-bundle":
        if file is None:
            raise CommandError("Where shall the bundle go? Give a .zip file with --file.")
        try:
            wanted = lesson_named(lesson) if lesson else ""
        except ValueError as problem:
            raise CommandError(f"--lesson: {problem}") from None
        for note in write(to, [], file, Options(lesson=wanted, checks=private_checks.read(checks))).notes:
            console.print(f"note  {escape(note)}", soft_wrap=True)
        console.print(f"Written: {escape(str(file))}. Upload it as the assignment's autograder.", soft_wrap=True)
        return
    if out is None:
        raise CommandError(f"Which grades? Give the folder that `course grade` has written: course export OUT --to {to} ...")
    columns = {}
    for text in column:
        name_of_lesson, equals, name = text.partition("=")
        try:
            columns[lesson_named(name_of_lesson)] = name.strip()
        except ValueError as problem:
            raise CommandError(f"--column {text}: {problem}") from None
        if not equals:
            raise CommandError(f'--column {text}: expected LESSON=NAME, e.g. "01=Homework 1 (4711)".')
    late = late_work(policy, times, file_times, stamps and not (to == "nbgrader" and policy is None), out)
    if to == "nbgrader":
        return _to_nbgrader(out, course, late, stamps)
    if file is None:
        raise CommandError(f"Where shall the export go? --to {to} needs --file.")
    results = settled(read_results(out), out, marks)
    done = write(to, results, file, Options(late(results, results) if late else None, roster, columns))
    for note in done.notes:
        console.print(f"note  {escape(note)}", soft_wrap=True)
    students = len({r.student for r in done.results})
    console.print(
        f"Written: {escape(str(file))}, from {many(len(done.results), 'submission')} of {many(students, 'student')}", soft_wrap=True
    )


def _to_nbgrader(out: Path, course: Path | None, late: "Late | None", stamps: bool) -> None:
    from autograder.exports import read_results
    from autograder.exports.nbgrader.desk import record
    from autograder.grading.by_hand import link, linked, with_marks
    from autograder.grading.class_run import write_gradebook

    course = course or linked(out)
    if course is None:
        raise CommandError("Where is the nbgrader course folder? Give it with --course; `course nbgrader FOLDER` makes one.")
    results = read_results(out)
    final = with_marks(results, marks(course))
    standings = late(final, final) if late else None
    notes = record(results, course, standings, stamps)
    link(out, course)
    write_gradebook(out, final, standings)
    print_grades(final, standings)
    for note in notes:
        console.print(f"note  {escape(note)}", soft_wrap=True)
    console.print(f"Recorded: {len(results)} submissions in the gradebook of {escape(str(course))}", soft_wrap=True)


def nbgrader(
    folder: Path = typer.Argument(help="An nbgrader course folder, or the name of one to make."),
    force: bool = typer.Option(False, "--force", help="Replace sources that differ from the lessons of today, too."),
) -> None:
    """Bring the lessons' sources into an nbgrader course folder. A configuration that is there stays as it is."""
    from autograder.exports.nbgrader.desk import HOOK, make_course

    made = make_course(folder, force)
    for path in made.written:
        print(f"written  {path}")
    for path in made.kept:
        print(f"kept     {path}: it differs from the lesson of today. --force replaces it.")
    print(f"{folder} holds the source of every lesson. Next, in that folder: nbgrader generate_assignment LESSON")
    if made.unhooked:
        print(f"Your nbgrader_config.py stays as it is. Add these lines, or students get empty cells in place of blanks:\n{HOOK}")
