"""The `course` command. Heavy imports stand inside the commands, so that `course --help` is quick."""

import sys
import warnings
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from autograder.course.catalogue import short
from course_data.commands import app as data_app
from course_labs.studio.commands import lab

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


@app.command()
def check(
    notebook: Path = typer.Argument(help="A lesson's notebook, e.g. lessons/01_affine_quantization.ipynb"),
    exercises: list[str] = typer.Argument(None, help="Exercise ids; all of the lesson's if none is given."),
):
    """Run a notebook's cells and its visible checks. The code runs here, unprotected: only check your own."""
    from autograder.course.notebooks import NotebookProblem
    from autograder.learner.own_notebook import check_notebook

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
    from autograder.learner.progress import next_hint

    _, found = _exercise(exercise)
    number, text = next_hint(found)
    console.print(f"{found.id}  Hint {number} of {len(found.hints)}: {escape(text)}")


@app.command()
def status():
    """Show which exercises pass, in every lesson."""
    from autograder.course import catalogue
    from autograder.learner.progress import progress_rows

    for lesson in catalogue.lessons().values():
        heading, rows = progress_rows(lesson)
        table = Table(title=heading, title_justify="left", show_header=False, box=None, title_style="bold")
        for row in rows:
            table.add_row(*map(escape, row))
        console.print(table)


@app.command()
def reset(
    exercise: str = typer.Argument(help="An exercise id, e.g. 1.2-scale"),
    notebook: Path = typer.Option(None, help="The notebook; if not given, the one in this folder, else the course's own."),
):
    """Put one exercise's cell back as it was handed out. The old notebook is kept beside it as .bak."""
    from autograder.course.notebooks import NotebookProblem
    from autograder.learner.own_notebook import reset_exercise

    lesson, found = _exercise(exercise)
    try:
        path, backup = reset_exercise(lesson, found, notebook)
    except (NotebookProblem, OSError) as problem:
        raise CommandError(str(problem)) from None
    console.print(f"{found.id} is as it was handed out, in {path}. What stood there before is in {backup}.")
    console.print("If the notebook is open in Jupyter, reload it there (File > Reload Notebook from Disk) before you save.")


POLICY = typer.Option(None, "--policy", help="Deadlines and penalties: a YAML file. They change no result, only what counts.")
TIMES = typer.Option(None, "--times", help="When submissions were handed in: a CSV file with student,lesson,submitted.")
FILE_TIMES = typer.Option(False, "--file-times", help="Take the files' own times where no other is known.")
STAMPS = typer.Option(False, "--nbgrader-times", help="Believe timestamp.txt beside a notebook: nbgrader has collected them, and students cannot write there.")


@app.command()
def grade(
    folder: Path = typer.Argument(None, help="Submissions: <student>/<lesson>/<notebook>.ipynb, or notebooks side by side."),
    out: Path = typer.Option(None, "--out", help="Where grades, results and feedback go."),
    jobs: int = typer.Option(None, help="Worker processes; one for each core if not given."),
    seed: int = typer.Option(None, help="Seed of the checks' random inputs; drawn afresh for a new --out."),
    accept_weak_isolation: bool = typer.Option(False, "--accept-weak-isolation", help="Grade even where bubblewrap does not work."),
    scheduler: str = typer.Option(None, "--scheduler", metavar="ADDRESS", help="Grade on the workers of this Dask scheduler, e.g. tcp://10.0.0.5:8786."),
    repeat: Path = typer.Option(None, "--repeat", metavar="RESULT", help="Only grade the submission of this result file again, as it was graded then, and compare."),
    limit: list[str] = typer.Option(None, "--limit", metavar="NAME=NUMBER", help="A limit on each submission, e.g. cell_seconds=20; may be repeated. A wrong name shows all."),
    checks: Path = typer.Option(None, "--checks", help="Your own checks, DIR/lesson_NN/hidden.py and so on, in place of the course's."),
    policy: Path = POLICY,
    times: Path = TIMES,
    file_times: bool = FILE_TIMES,
    stamps: bool = STAMPS,
    drop_others: bool = typer.Option(False, "--drop-others", help="Remove from OUT what earlier runs graded and FOLDER does not hold; else it stays."),
    regrade: bool = typer.Option(False, "--regrade", help="After a change of checks: show whose grade would change, how and why, and ask."),
    yes: bool = typer.Option(False, "--yes", help="With --regrade: change the grades without asking."),
):
    """Grade a class with the hidden checks. Each submission runs in a sandbox of its own."""
    from autograder.exports.nbgrader.marks import marks
    from autograder.grading.by_hand import settled
    from autograder.grading.class_run import ClassroomError, grade_class
    from autograder.grading.regrade import regrade as grade_again
    from autograder.sandbox.limits import Limits

    _quiet()

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
    late = _late(policy, times, file_times, stamps, out)
    bar = _grading_bar()
    try:
        with bar:
            task = bar.add_task("grading", total=None)
            options = {
                "jobs": jobs, "limits": limits, "accept_weak": accept_weak_isolation, "scheduler": scheduler,
                "late": late, "own_checks": checks, "drop_others": drop_others, "marks": marks,
                "on_start": lambda total, done: bar.update(task, total=total, completed=done),
                "on_result": lambda result: bar.advance(task),
                "on_alone": lambda number: bar.update(task, description=f"confirming time-outs, one at a time ({number})"),
            }  # fmt: skip
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
    _print_grades(results, late(gradebook, graded.kept) if late else None)
    if graded.kept:
        students = len({result.student for result in graded.kept})
        console.print(
            f"Kept from earlier runs: {_many(len(graded.kept), 'submission')} of {_many(students, 'student')} that {escape(str(folder))} does not hold. "
            "They stay in the gradebook as they were graded then; --drop-others removes them.", soft_wrap=True,
        )  # fmt: skip
    weaker = next((r.isolation for r in results if r.isolation.get("level", "bubblewrap") != "bubblewrap"), None)
    if weaker:
        console.print(f"Weaker isolation, as accepted: students' code could reach {', '.join(weaker['not_isolated'])}.", soft_wrap=True)
    console.print(f"Written: {out / 'grades.csv'}, {out / 'results'}/, {out / 'feedback'}/", soft_wrap=True)
    faults = sum(v.status == "grader_error" for r in results for v in r.verdicts)
    if faults:
        raise CommandError(f"{faults} exercises met a fault of the grader (status grader_error); their points are not settled.")


def _repeat(result_file, submission, accept_weak, checks):
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
        console.print(f"changed   {(then or now).exercise}: was {words[0]}; is {words[1]}", soft_wrap=True)
    if found.changed:
        raise typer.Exit(1)
    console.print(f"The verdicts on {len(found.now.verdicts)} exercises are the same: {found.now.points:g} of {found.now.max_points:g} points.")


def _agreed(out, results, gradebook, kept, changes, late, yes, drop_others):
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


def _print_changes(results, changes):
    same = len(results) - len({(c.student, c.lesson) for c in changes})
    totals = {}
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
        shown, reasons = set(), {}
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
    console.print(f"Of {len(results)} submissions {up} would gain points, {down} would lose points, {same} stay as they are.", soft_wrap=True)


def _outcome(verdict):
    return f"{verdict.status} {verdict.points:g}/{verdict.max_points:g}" if verdict else "–"


@app.command()
def export(
    out: Path = typer.Argument(None, help="The folder that `course grade --out` has written; not needed for gradescope-bundle."),
    to: str = typer.Option(..., "--to", help="csv, canvas, gradescope, junit or nbgrader; gradescope-bundle: an autograder to upload."),
    file: Path = typer.Option(None, "--file", help="Where the export goes: a file; for gradescope, a folder."),
    course: Path = typer.Option(None, "--course", help="nbgrader: the course folder; if not given, the one of the last time."),
    roster: Path = typer.Option(None, "--roster", help="canvas: the gradebook as Canvas exported it, so that its ids match."),
    lesson: str = typer.Option(None, "--lesson", help="gradescope-bundle: the lesson that it grades, e.g. 01."),
    checks: Path = typer.Option(None, "--checks", help="gradescope-bundle: your own checks in place of the course's."),
    column: list[str] = typer.Option([], "--column", help="canvas: LESSON=NAME of the column, e.g. \"01=Homework 1 (4711)\"."),
    policy: Path = POLICY,
    times: Path = TIMES,
    file_times: bool = FILE_TIMES,
    stamps: bool = STAMPS,
):
    """Export grades to another tool's format, or to nbgrader's gradebook, from where scores given by hand come back."""
    from autograder.checks import private_checks
    from autograder.course.catalogue import lesson_named
    from autograder.exports import Options, read_results
    from autograder.exports import export as write
    from autograder.exports.nbgrader.marks import marks
    from autograder.grading.by_hand import settled

    _quiet()
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
            raise CommandError(f"--column {text}: expected LESSON=NAME, e.g. \"01=Homework 1 (4711)\".")
    late = _late(policy, times, file_times, stamps and not (to == "nbgrader" and policy is None), out)
    if to == "nbgrader":
        return _to_nbgrader(out, course, late, stamps)
    if file is None:
        raise CommandError(f"Where shall the export go? --to {to} needs --file.")
    results = settled(read_results(out), out, marks)
    done = write(to, results, file, Options(late(results, results) if late else None, roster, columns))
    for note in done.notes:
        console.print(f"note  {escape(note)}", soft_wrap=True)
    students = len({r.student for r in done.results})
    console.print(f"Written: {escape(str(file))}, from {_many(len(done.results), 'submission')} of {_many(students, 'student')}", soft_wrap=True)


def _to_nbgrader(out, course, late, stamps):
    from autograder.exports import read_results
    from autograder.exports.nbgrader.desk import record
    from autograder.exports.nbgrader.marks import marks
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
    _print_grades(final, standings)
    for note in notes:
        console.print(f"note  {escape(note)}", soft_wrap=True)
    console.print(f"Recorded: {len(results)} submissions in the gradebook of {escape(str(course))}", soft_wrap=True)


def _late(policy, times, file_times, stamps, out):
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
    told, before = set(), recorded(out / "penalties.csv")

    def late(results, kept=()):
        for student in strangers(rules, results):
            if student not in told:
                console.print(f"note  {escape(str(policy))}: nobody here is named {escape(student)}, who has an extension", soft_wrap=True)
            told.add(student)
        # A time that was recorded is that of what was handed in then, not of what has come since.
        known = {(r.student, r.lesson): before[r.student, r.lesson] for r in kept if (r.student, r.lesson) in before}
        found = submission_times(results, rules, times, file_times, stamps, known)
        for (student, lesson), time in found.items():
            if isinstance(time, NotKnown) and lesson in rules.deadlines and (student, lesson) not in told:
                console.print(f"note  {escape(student)}, {lesson}: no points count until its time is known: {escape(time.why)} Give it with --times.", soft_wrap=True)
                told.add((student, lesson))
        return apply(rules, results, found)

    return late


@app.command()
def nbgrader(
    folder: Path = typer.Argument(help="An nbgrader course folder, or the name of one to make."),
    force: bool = typer.Option(False, "--force", help="Replace sources that differ from the lessons of today, too."),
):
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


@app.command()
def doctor():
    """Say whether this machine is ready: each line is ok, or what to do."""
    from autograder.cli.doctor import examine

    findings = examine()
    for finding in findings:
        mark = {True: "[bold blue]ok      [/]", False: "[bold red]to do   [/]", None: "not used"}[finding.ok]
        console.print(f"{mark}  {finding.name:<16} {escape(finding.text)}", soft_wrap=True)
    if any(finding.ok is False for finding in findings):
        raise typer.Exit(1)


@app.command()
def release(
    target: Path = typer.Argument(help="A file ending in .zip, or a new folder."),
    checks: Path = typer.Option(None, "--checks", help="Your own checks: their visible.py and bank.py stand in for the course's."),
):
    """Make the students' copy: lessons, labs, data and visible checks; no solutions, no hidden checks, no known answers."""
    from autograder.authoring.students_copy import release as make

    with console.status("recording what known mistakes look like"):
        count, size = make(target, checks)
    console.print(f"Written: {escape(str(target))} ({count} files, {size / 1e6:.1f} MB). Students start at README.md in it.", soft_wrap=True)


# What a student's copy offers.
FOR_STUDENTS = ("check", "hint", "status", "reset", "doctor", "lab")


def _exercise(exercise_id):
    """(lesson, exercise) by id, or a CommandError that suggests the nearest."""
    import difflib

    from autograder.course import catalogue

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


def _many(count, word):
    return f"{count} {word}{'' if count == 1 else 's'}"


def _quiet():
    """Warnings of libraries, and of Python about students' code, say nothing to an instructor; `python -W` and PYTHONWARNINGS show them."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


def _print_grades(results, standings=None):
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
            escape(result.student), short(result.lesson), f"{result.points:g}", f"{result.max_points:g}", waiting, *final, escape(", ".join(others))
        )
    console.print(table)


def main():
    """Entry point: a user's mistake ends with one clear message and exit status 2, never a traceback."""
    from autograder.course import paths
    from course_data.errors import UserError

    if not paths.can_grade():
        app.registered_commands[:] = [c for c in app.registered_commands if (c.name or c.callback.__name__) in FOR_STUDENTS]
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
