"""What an instructor wants to know of a class: `course report`."""

from pathlib import Path

import typer
from rich.markup import escape

from autograder.cli.by_hand import marks
from autograder.cli.common import CommandError, console, many, quiet
from autograder.cli.late_work import FILE_TIMES, POLICY, STAMPS, TIMES, late_work


def report(
    out: Path = typer.Argument(help="The folder that `course grade --out` has written."),
    file: Path | None = typer.Option(
        None, "--file", help="Where the page goes; OUT/report.html if not given. The table goes beside it, as .csv."
    ),
    least: int = typer.Option(3, "--least", min=1, help="Show nothing that fewer students than this share."),
    names: bool = typer.Option(False, "--names", help="Name those who may need help."),
    policy: Path | None = POLICY,
    times: Path | None = TIMES,
    file_times: bool = FILE_TIMES,
    stamps: bool = STAMPS,
) -> None:
    """Say what a class got wrong: mistakes by frequency, how hard each exercise was, three things for the next lecture.

    One page and one table; nobody is named, and nothing leaves this machine.
    """
    quiet()
    from autograder.checks.verdict import NAMED
    from autograder.course import inert
    from autograder.exports import read_results
    from autograder.grading.by_hand import settled
    from autograder.report.examples import example
    from autograder.report.numbers import numbers, table
    from autograder.report.page import page
    from course_data.files import write_whole

    file = file or out / "report.html"
    if file.suffix != ".html":
        raise CommandError(f"--file {file}: the page is HTML; give it a name that ends in .html.")
    late = late_work(policy, times, file_times, stamps, out)
    results = settled(read_results(out), out, marks)
    if not results:
        raise CommandError(f"{out} holds no results: the class that was graded there had no submissions.")
    older = sum(any(NAMED in v.message and not v.mistake for v in result.verdicts) for result in results)
    if older:
        console.print(
            f"note  {many(older, 'result')} of an earlier version: their known mistakes count as if they had no name. Run `course grade` again, "
            "into another folder.",
            soft_wrap=True,
        )
    standings = late(results, results) if late else None
    was_late = (lambda result: standings[result.student, result.lesson].days_late > 0) if standings is not None else None
    found = numbers(results, least=least, example=example, late=was_late)
    students = len({result.student for result in results})
    text = page(found, out=str(out), total=len(results), students=students, least=least, names=names)
    try:
        write_whole(file, text)
        write_whole(file.with_suffix(".csv"), inert.csv_of(table(found)))
    except OSError as problem:
        raise CommandError(f"Cannot write {file}: {problem.strerror}. Choose another place with --file.") from None
    for lesson in found:
        for mistake in lesson.to_say:
            told = mistake.text if mistake.named else f"without a name yet: {mistake.text}"
            console.print(f"{mistake.exercise}  {mistake.students} of {mistake.tried}: {escape(told)}", soft_wrap=True)
    console.print(f"Written: {escape(str(file))}, from {many(len(results), 'submission')} of {many(students, 'student')}", soft_wrap=True)
