"""What an instructor does with submissions: grade a class, grade it again, grade one submission again."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from autograder.cli.by_hand import marks
from autograder.cli.common import CommandError, console, many, quiet
from autograder.cli.late_work import FILE_TIMES, POLICY, STAMPS, TIMES, late_work
from autograder.course.catalogue import short

if TYPE_CHECKING:
    from rich.progress import Progress

    from autograder.checks.verdict import Verdict
    from autograder.grading.class_run import Late
    from autograder.grading.policy import Standings
    from autograder.grading.regrade import Change
    from autograder.grading.submission import Result


def grade(
    folder: Path | None = typer.Argument(None, help="Submissions: <student>/<lesson>/<notebook>.ipynb, or notebooks side by side."),
    out: Path | None = typer.Option(None, "--out", help="Where grades, results and feedback go."),
    jobs: int | None = typer.Option(None, help="Worker processes; one for each core if not given."),
    seed: int | None = typer.Option(None, help="Seed of the checks' random inputs; drawn afresh for a new --out."),
    accept_weak_isolation: bool = typer.Option(False, "--accept-weak-isolation", help="Grade even where bubblewrap does not work."),
    scheduler: str | None = typer.Option(
        None, "--scheduler", metavar="ADDRESS", help="Grade on the workers of this Dask scheduler, e.g. tcp://10.0.0.5:8786."
    ),
    repeat: Path | None = typer.Option(
        None, "--repeat", metavar="RESULT", help="Only grade the submission of this result file again, as it was graded then, and compare."
    ),
    limit: list[str] | None = typer.Option(
        None,
        "--limit",
        metavar="NAME=NUMBER",
        help="A limit on each submission, e.g. cell_seconds=20; may be repeated. A wrong name shows all.",
    ),
    checks: Path | None = typer.Option(
        None, "--checks", help="Your own checks, DIR/lesson_NN/hidden.py and so on, in place of the course's."
    ),
    policy: Path | None = POLICY,
    times: Path | None = TIMES,
    file_times: bool = FILE_TIMES,
    stamps: bool = STAMPS,
    drop_others: bool = typer.Option(
        False, "--drop-others", help="Remove from OUT what earlier runs graded and FOLDER does not hold; else it stays."
    ),
    regrade: bool = typer.Option(False, "--regrade", help="After a change of checks: show whose grade would change, how and why, and ask."),
    yes: bool = typer.Option(False, "--yes", help="With --regrade: change the grades without asking."),
) -> None:
    """Grade a class with the hidden checks. Each submission runs in a sandbox of its own."""
    quiet()
    from autograder.grading.by_hand import settled
    from autograder.grading.class_run import ClassroomError, grade_class
    from autograder.grading.regrade import regrade as grade_again
    from autograder.sandbox.limits import Limits

    if repeat:
        return _repeat(repeat, folder, accept_weak_isolation, checks)
    if folder is None or out is None:
        raise CommandError("Say what to grade and where the grades go: course grade FOLDER --out OUT")
    try:
        limits = Limits.of_words(limit or ())
    except ValueError as error:
        raise CommandError(str(error)) from None
    if regrade and seed is not None:
        raise CommandError("--regrade keeps the seed, so that only the checks make a difference. Leave --seed out.")
    if yes and not regrade:
        raise CommandError("--yes is for --regrade, which asks before it changes grades.")
    late = late_work(policy, times, file_times, stamps, out)
    bar = _grading_bar()
    try:
        with bar:
            task = bar.add_task("grading", total=None)
            options: dict[str, Any] = {
                "jobs": jobs,
                "limits": limits,
                "accept_weak": accept_weak_isolation,
                "scheduler": scheduler,
                "late": late,
                "own_checks": checks,
                "drop_others": drop_others,
                "marks": marks,
                "on_start": lambda total, done: bar.update(task, total=total, completed=done),
                "on_result": lambda result: bar.advance(task),
                "on_alone": lambda number: bar.update(task, description=f"confirming time-outs, one at a time ({number})"),
            }
            if regrade:
                graded, changes = grade_again(folder, out, **options)
            else:
                graded = grade_class(folder, out, seed=seed, **options)
    except ClassroomError as error:
        raise CommandError(str(error)) from None
    except KeyboardInterrupt:
        raise CommandError(f"Stopped. What was graded is kept in {out}; the same command goes on from there.") from None
    for path, why in graded.passed_over:
        console.print(f"passed over  {escape(str(path))}: {escape(why)}", soft_wrap=True)
    for note in graded.notes:
        console.print(f"note  {escape(note)}", soft_wrap=True)
    results, gradebook = graded.results, graded.gradebook
    if regrade:
        results, gradebook = settled(results, out, marks), settled(gradebook, out, marks)
        if not _agreed(out, results, gradebook, graded.kept, changes, late, yes, drop_others):
            return
    print_grades(results, late(gradebook, graded.kept) if late else None)
    if graded.kept:
        students = len({result.student for result in graded.kept})
        console.print(
            f"Kept from earlier runs: {many(len(graded.kept), 'submission')} of {many(students, 'student')} that {escape(str(folder))} does not hold. "
            "They stay in the gradebook as they were graded then; --drop-others removes them.",
            soft_wrap=True,
        )
    weaker = next((r.isolation for r in results if r.isolation.get("level", "bubblewrap") != "bubblewrap"), None)
    if weaker:
        console.print(f"Weaker isolation, as accepted: students' code could reach {', '.join(weaker['not_isolated'])}.", soft_wrap=True)
    console.print(f"Written: {out / 'grades.csv'}, {out / 'results'}/, {out / 'feedback'}/", soft_wrap=True)
    faults = sum(v.status == "grader_error" for r in results for v in r.verdicts)
    if faults:
        raise CommandError(f"{faults} exercises met a fault of the grader (status grader_error); their points are not settled.")


def _repeat(result_file: Path, submission: Path | None, accept_weak: bool, checks: Path | None) -> None:
    from autograder.grading.class_run import ClassroomError
    from autograder.grading.repeat import repeat

    try:
        found = repeat(result_file, submission, accept_weak=accept_weak, own_checks=checks)
    except ClassroomError as error:
        raise CommandError(str(error)) from None
    console.print(f"{escape(found.then.student)}, {found.then.lesson}, seed {found.then.seed}", soft_wrap=True)
    for line in found.differs or ["nothing: the same submission, checks, grader and environment"]:
        console.print(f"differs   {escape(line)}", soft_wrap=True)
    for then, now in found.changed:
        words = [f"{v.status}, {v.points:g} points" if v else "not there" for v in (then, now)]
        exercise = next(v.exercise for v in (then, now) if v)
        console.print(f"changed   {exercise}: was {words[0]}; is {words[1]}", soft_wrap=True)
    if found.changed:
        raise typer.Exit(1)
    console.print(
        f"The verdicts on {len(found.now.verdicts)} exercises are the same: {found.now.points:g} of {found.now.max_points:g} points."
    )


def _agreed(
    out: Path,
    results: "list[Result]",
    gradebook: "list[Result]",
    kept: "list[Result]",
    changes: "list[Change]",
    late: "Late | None",
    yes: bool,
    drop_others: bool,
) -> bool:
    """Show what a new grading would change; change it if the instructor agrees. Returns whether it was changed."""
    from autograder.grading.regrade import forget, take_over

    _print_changes(results, changes)
    if any(v.status == "grader_error" for r in results for v in r.verdicts):
        raise CommandError("Some exercises met a fault of the grader (status grader_error). Nothing was changed; repair the checks first.")
    if not yes:
        if not sys.stdin.isatty():
            raise CommandError(f"Nothing was changed in {out}. To change it, give the same command with --yes.")
        if not typer.confirm("Change the grades?", default=False):
            forget(out)
            console.print(f"Nothing was changed in {out}.", soft_wrap=True)
            return False
    take_over(out, gradebook, late(gradebook, kept) if late else None, drop_others)
    return True


def _print_changes(results: "Sequence[Result]", changes: "Sequence[Change]") -> None:
    same = len(results) - len({(c.student, c.lesson) for c in changes})
    totals: dict[tuple[str, str], float] = {}
    for change in changes:
        totals[change.student, change.lesson] = totals.get((change.student, change.lesson), 0) + change.points
    if changes:
        table = Table(title="What would change", title_justify="left")
        table.add_column("student")
        table.add_column("lesson", no_wrap=True)
        table.add_column("in all", justify="right", no_wrap=True)
        table.add_column("exercise", no_wrap=True)
        table.add_column("was", no_wrap=True)
        table.add_column("would be", no_wrap=True)
        shown = set()
        reasons: dict[tuple[str, str], list[str]] = {}
        for change in changes:
            key = (change.student, change.lesson)
            first = (escape(change.student), short(change.lesson), f"{totals[key]:+g}") if key not in shown else ("", "", "")
            shown.add(key)
            table.add_row(*first, change.exercise, *map(_outcome, (change.before, change.after)))
            reasons.setdefault((change.exercise, change.why), []).append(change.student)
        console.print(table)
        # Reasons are sentences, and often the same for half the class: under the table, once each.
        for (exercise, why), students in reasons.items():
            console.print(f"[bold]{exercise}[/] ({escape(', '.join(students))}): {escape(why)}", soft_wrap=True, highlight=False)
    up, down = sum(t > 0 for t in totals.values()), sum(t < 0 for t in totals.values())
    console.print(
        f"Of {len(results)} submissions {up} would gain points, {down} would lose points, {same} stay as they are.", soft_wrap=True
    )


def _outcome(verdict: "Verdict | None") -> str:
    return f"{verdict.status} {verdict.points:g}/{verdict.max_points:g}" if verdict else "–"


def _grading_bar() -> "Progress":
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


def print_grades(results: "Sequence[Result]", standings: "Standings | None" = None) -> None:
    table = Table(title="Grades", title_justify="left")
    table.add_column("student")
    table.add_column("lesson", no_wrap=True)
    for name in ("points", "of", "waiting", *(("final",) if standings else ())):
        table.add_column(name, justify="right")
    if standings:
        table.add_column("late")
    table.add_column("not passed")
    for result in results:
        others = [f"{v.exercise} {v.status}" for v in result.verdicts if v.status not in ("passed", "needs_manual", "marked")]
        statuses = {v.status for v in result.verdicts}
        if len(others) > 3 and len(statuses) == 1:
            others = [f"all {statuses.pop()}"]
        waiting = f"{result.open_points:g}" if result.open_points else ""
        standing = standings and standings[result.student, result.lesson]
        final = (f"{standing.final_points:g}", standing.reason) if standing else ()
        table.add_row(
            escape(result.student),
            short(result.lesson),
            f"{result.points:g}",
            f"{result.max_points:g}",
            waiting,
            *final,
            escape(", ".join(others)),
        )
    console.print(table)
