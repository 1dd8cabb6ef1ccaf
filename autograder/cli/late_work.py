"""Late work on the command line: the options that grading and exporting share, and what they print."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from autograder.cli.common import CommandError, console

if TYPE_CHECKING:
    from autograder.grading.class_run import Late
    from autograder.grading.policy import Standings
    from autograder.grading.submission import Result

POLICY = typer.Option(None, "--policy", help="Deadlines and penalties: a YAML file. They change no result, only what counts.")
TIMES = typer.Option(None, "--times", help="When submissions were handed in: a CSV file with student,lesson,submitted.")
FILE_TIMES = typer.Option(False, "--file-times", help="Take the files' own times where no other is known.")
STAMPS = typer.Option(
    False, "--nbgrader-times", help="Believe timestamp.txt beside a notebook: nbgrader has collected them, and students cannot write there."
)


def late_work(policy: Path | None, times: Path | None, file_times: bool, stamps: bool, out: Path) -> "Late | None":
    """A function from results, and those of them that an earlier run has graded, to standings under the policy in a file; None without
    a policy. Notes are printed once.
    """
    from autograder.grading.policy import NotKnown, apply, strangers
    from autograder.grading.policy_file import read_policy
    from autograder.grading.times import recorded, submission_times

    if policy is None:
        if times or file_times or stamps:
            raise CommandError("--times, --file-times and --nbgrader-times need --policy: without deadlines no time matters.")
        if (out / "penalties.csv").exists():
            raise CommandError(
                f"The grades in {out} are under a policy for late work. Give it here, too, with --policy; to go on without one, delete {out / 'penalties.csv'}."
            )
        return None
    rules = read_policy(policy)
    told: set[str | tuple[str, str]] = set()
    before = recorded(out / "penalties.csv")

    def late(results: "list[Result]", kept: "Iterable[Result]" = ()) -> "Standings":
        for student in strangers(rules, results):
            if student not in told:
                console.print(f"note  {escape(str(policy))}: nobody here is named {escape(student)}, who has an extension", soft_wrap=True)
            told.add(student)
        # A time that was recorded is that of what was handed in then, not of what has come since.
        known = {(r.student, r.lesson): before[r.student, r.lesson] for r in kept if (r.student, r.lesson) in before}
        found = submission_times(results, rules, times, file_times, stamps, known)
        for (student, lesson), time in found.items():
            if isinstance(time, NotKnown) and lesson in rules.deadlines and (student, lesson) not in told:
                console.print(
                    f"note  {escape(student)}, {lesson}: no points count until its time is known: {escape(time.why)} Give it with --times.",
                    soft_wrap=True,
                )
                told.add((student, lesson))
        return apply(rules, results, found)

    return late
