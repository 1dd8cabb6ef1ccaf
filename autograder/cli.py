"""The `course` command. Heavy imports stand inside the commands, so that `course --help` is quick."""

import sys
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from course_data.commands import app as data_app
from course_labs.commands import lab

app = typer.Typer(
    help="Neural-network compression: lessons, grading and the measured lab.",
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
)  # fmt: skip
app.add_typer(data_app, name="data")
app.command("lab")(lab)
console = Console(highlight=False)


class CommandError(Exception):
    """A user's mistake: the message says what was wrong and what to do."""


@app.command()
def build(check: bool = typer.Option(False, "--check", help="Only say whether the committed lessons are what the sources give.")):
    """Build every lesson from its source in solutions/."""
    from autograder.builder import BuildError, build_all, sources

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
    print(f"{len(sources())} lessons {'are what their sources give' if check else 'built'}")


@app.command()
def check(
    notebook: Path = typer.Argument(help="A lesson's notebook, e.g. lessons/01_affine_quantization.ipynb"),
    exercises: list[str] = typer.Argument(None, help="Exercise ids; all of the lesson's if none is given."),
):
    """Run a notebook's cells and its visible checks. The code runs here, unprotected: only check your own."""
    from autograder.local import check_notebook
    from autograder.notebooks import NotebookProblem

    if not notebook.is_file():
        raise CommandError(f"There is no file {notebook} in {Path.cwd()}. Give the notebook's path from here.")
    for exercise_id in exercises or ():
        _exercise(exercise_id)
    try:
        lesson, verdicts, repairs = check_notebook(notebook, exercises)
    except NotebookProblem as problem:
        raise CommandError(f"{notebook}: {problem}") from None
    for line in repairs:
        console.print(f"repaired  {escape(line)}")
    for verdict in verdicts:
        title = lesson.exercise(verdict.exercise).title
        _line(verdict.status, f"{verdict.exercise}  {title}")
        if verdict.message:
            console.print(Padding(escape(verdict.message), (0, 0, 0, 14)))
    passed = sum(v.status == "passed" for v in verdicts)
    asked = [v for v in verdicts if v.status != "needs_manual"]
    console.print(f"{passed} of {len(asked)} exercises pass their visible checks")
    if passed < len(asked):
        raise typer.Exit(1)


@app.command()
def hint(exercise: str = typer.Argument(help="An exercise id, e.g. 1.2-scale")):
    """Show the next hint of an exercise (three at most)."""
    from autograder.student import next_hint

    _, found = _exercise(exercise)
    number, text = next_hint(found)
    console.print(f"{found.id}  Hint {number} of {len(found.hints)}: {escape(text)}")


@app.command()
def status():
    """Show which exercises pass, in every lesson."""
    from autograder import catalogue
    from autograder.student import progress_rows

    for lesson in catalogue.lessons().values():
        heading, rows = progress_rows(lesson)
        table = Table(title=heading, title_justify="left", show_header=False, box=None, title_style="bold")
        for row in rows:
            table.add_row(*map(escape, row))
        console.print(table)


@app.command()
def reset(
    exercise: str = typer.Argument(help="An exercise id, e.g. 1.2-scale"),
    notebook: Path = typer.Option(None, help="The notebook; if not given, the lesson in this folder, else in lessons/."),
):
    """Put one exercise's cell back as it was handed out. The old notebook is kept beside it as .bak."""
    from autograder.local import reset_exercise
    from autograder.notebooks import NotebookProblem

    lesson, found = _exercise(exercise)
    try:
        path, backup = reset_exercise(lesson, found, notebook)
    except (NotebookProblem, OSError) as problem:
        raise CommandError(str(problem)) from None
    console.print(f"{found.id} is as it was handed out, in {path}. What stood there before is in {backup}.")
    console.print("If the notebook is open in Jupyter, reload it there (File > Reload Notebook from Disk) before you save.")


@app.command()
def grade(
    folder: Path = typer.Argument(help="Submissions: <student>/<lesson>/<notebook>.ipynb, or notebooks side by side."),
    out: Path = typer.Option(..., "--out", help="Where grades, results and feedback go."),
    jobs: int = typer.Option(None, help="Worker processes; one for each core if not given."),
    seed: int = typer.Option(None, help="Seed of the checks' random inputs; drawn afresh for a new --out."),
    accept_weak_isolation: bool = typer.Option(False, "--accept-weak-isolation", help="Grade even where bubblewrap does not work."),
):
    """Grade a class with the hidden checks. Each submission runs in a sandbox of its own."""
    from autograder.classroom import ClassroomError, grade_class

    bar = _grading_bar()
    try:
        with bar:
            task = bar.add_task("grading", total=None)
            results, passed_over = grade_class(
                folder, out, jobs=jobs, seed=seed, accept_weak=accept_weak_isolation,
                on_start=lambda total, done: bar.update(task, total=total, completed=done),
                on_result=lambda result: bar.advance(task),
            )  # fmt: skip
    except ClassroomError as error:
        raise CommandError(str(error)) from None
    except KeyboardInterrupt:
        raise CommandError(f"Stopped. What was graded is kept in {out}; the same command goes on from there.") from None
    for path, why in passed_over:
        console.print(f"passed over  {escape(str(path))}: {escape(why)}")
    _print_grades(results)
    console.print(f"Written: {out / 'grades.csv'}, {out / 'results'}/, {out / 'feedback'}/", soft_wrap=True)
    faults = sum(v.status == "grader_error" for r in results for v in r.verdicts)
    if faults:
        raise CommandError(f"{faults} exercises met a fault of the grader (status grader_error); their points are not settled.")


@app.command()
def nbgrader(folder: Path = typer.Argument(help="An nbgrader course folder, or the name of one to make.")):
    """Bring the lessons' sources into an nbgrader course folder. A configuration that is there stays as it is."""
    from autograder.nbgrader_desk import HOOK, make_course

    written, unhooked = make_course(folder)
    for path in written:
        print(f"written  {path}")
    print(f"{folder} holds the sources of every lesson. Next, in that folder: nbgrader generate_assignment LESSON")
    if unhooked:
        print(f"Your nbgrader_config.py stays as it is. Add these lines, or students get empty cells in place of blanks:\n{HOOK}")


@app.command()
def export(
    out: Path = typer.Argument(help="A folder that `course grade --out` has written."),
    to: str = typer.Option(..., "--to", help="nbgrader: scores, comments and notebooks go there, scores given by hand come back."),
    course: Path = typer.Option(None, "--course", help="The nbgrader course folder; the one of the last time if not given."),
):
    """Hand the grades on to another tool."""
    from autograder.classroom import settle
    from autograder.nbgrader_desk import link, linked, record

    if to != "nbgrader":
        raise CommandError(f"There is no format {to!r}. The formats are nbgrader.")
    course = course or linked(out)
    if course is None:
        raise CommandError("Where is the nbgrader course folder? Give it with --course; `course nbgrader FOLDER` makes one.")
    results = _results(out)
    notes = record(results, course)
    link(out, course)
    _print_grades(settle(out, results))
    for note in notes:
        console.print(escape(note), soft_wrap=True)
    console.print(f"In the gradebook of {course}: {len(results)} submissions. Written: {out / 'grades.csv'}", soft_wrap=True)


def _results(out):
    """The results in a folder that `course grade` has written."""
    import json

    from autograder.grade import Result

    files = sorted((out / "results").glob("*/*.json"))
    if not files:
        raise CommandError(f"{out} holds no results. Give the folder that `course grade --out` has written.")
    return [Result.from_dict(json.loads(path.read_text(encoding="utf-8"))) for path in files]


@app.command()
def doctor():
    """Say whether this machine is ready: each line is ok, or what to do."""
    from autograder.doctor import examine

    findings = examine()
    for finding in findings:
        mark = {True: "[bold blue]ok      [/]", False: "[bold red]to do   [/]", None: "not used"}[finding.ok]
        console.print(f"{mark}  {finding.name:<16} {escape(finding.text)}", soft_wrap=True)
    if any(finding.ok is False for finding in findings):
        raise typer.Exit(1)


def _exercise(exercise_id):
    """(lesson, exercise) by id, or a CommandError that suggests the nearest."""
    import difflib

    from autograder import catalogue

    try:
        lesson = catalogue.lesson_of(exercise_id)
    except KeyError:
        ids = [e.id for lesson in catalogue.lessons().values() for e in lesson.exercises]
        near = difflib.get_close_matches(exercise_id, ids, n=1, cutoff=0.4)
        guess = f" Did you mean {near[0]}?" if near else ""
        raise CommandError(f"There is no exercise {exercise_id}.{guess} `course status` lists them.") from None
    return lesson, lesson.exercise(exercise_id)


def _line(status, text):
    colour = {"passed": "blue", "needs_manual": "dim", "blank": "yellow"}.get(status, "red")
    word = {"needs_manual": "by hand"}.get(status, status)
    console.print(f"[{colour}]{word:<14}[/]{escape(text)}")


def _grading_bar():
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
        console=Console(stderr=True),
    )  # fmt: skip


def _print_grades(results):
    table = Table(title="Grades", title_justify="left")
    table.add_column("student")
    table.add_column("lesson", no_wrap=True)
    for name in ("points", "of", "waiting"):
        table.add_column(name, justify="right")
    table.add_column("not passed")
    for result in results:
        others = [f"{v.exercise} {v.status}" for v in result.verdicts if v.status not in ("passed", "needs_manual")]
        statuses = {v.status for v in result.verdicts}
        if len(others) > 3 and len(statuses) == 1:
            others = [f"all {statuses.pop()}"]
        waiting = f"{result.open_points:g}" if result.open_points else ""
        table.add_row(
            escape(result.student), result.lesson[:2], f"{result.points:g}", f"{result.max_points:g}", waiting, escape(", ".join(others))
        )
    console.print(table)


def main():
    """Entry point: a user's mistake ends with one clear message and exit status 2, never a traceback."""
    from course_data.errors import UserError

    try:
        app()
    except (CommandError, UserError) as error:
        print(f"course: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("course: stopped", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
