"""What a student or a self-learner does: the whole command line of a students' copy. No command here needs a grader."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from autograder.cli import showing
from autograder.cli.common import CommandError, app_of, console, run
from autograder.cli.watch import watch
from course_labs.studio.commands import lab
from course_labs.using.commands import demo, predict

if TYPE_CHECKING:
    from autograder.course.catalogue import Exercise, Lesson


def check(
    notebook: Path = typer.Argument(help="A lesson's notebook, e.g. lessons/01_affine_quantization.ipynb"),
    exercises: list[str] | None = typer.Argument(None, help="Exercise ids; all of the lesson's if none is given."),
) -> None:
    """Run a notebook's cells and its visible checks. The code runs here, unprotected: only check your own."""
    from autograder.course.notebooks import NotebookProblem
    from autograder.learner import progress
    from autograder.learner.own_notebook import check_notebook
    from autograder.learner.standing import earned

    if not notebook.is_file():
        raise CommandError(f"There is no file {notebook} in {Path.cwd()}. Give the notebook's path from here.")
    for exercise_id in exercises or ():
        _exercise(exercise_id)
    before = progress.load()
    try:
        lesson, verdicts, notes = check_notebook(notebook, exercises)
    except NotebookProblem as problem:
        raise CommandError(f"{notebook}: {problem}") from None
    for line in notes:
        console.print(f"note          {escape(line)}")
    for verdict in verdicts:
        exercise = lesson.exercise(verdict.exercise)
        showing.verdict(exercise, verdict)
        if verdict.status == "passed" and not before.get(exercise.id, {}).get("passed"):
            showing.below(earned(exercise))
    showing.where_you_are(lesson)
    passed = sum(v.status == "passed" for v in verdicts)
    asked = [v for v in verdicts if v.status != "needs_manual"]
    console.print(f"{passed} of {len(asked)} exercises pass their visible checks")
    if passed < len(asked):
        raise typer.Exit(1)


def hint(
    exercise: str = typer.Argument(help="An exercise id, e.g. 1.2-scale"),
    number: int | None = typer.Argument(None, help="Again the hint with this number, once it was shown."),
) -> None:
    """Show the next hint of an exercise (three at most)."""
    from autograder.learner.progress import hint_shown, next_hint

    _, found = _exercise(exercise)
    try:
        shown, text = next_hint(found) if number is None else hint_shown(found, number)
    except ValueError as problem:
        raise CommandError(f"{found.id}: {problem}") from None
    console.print(f"{found.id}  Hint {shown} of {len(found.hints)}: {escape(text)}")


def status(
    lesson: str | None = typer.Argument(None, help="A lesson's number or name: only this one, with every exercise."),
) -> None:
    """Show the points so far, in every lesson; and each exercise of those that you are in."""
    from autograder.course import catalogue
    from autograder.learner import progress
    from autograder.learner.standing import standing

    lessons = list(catalogue.lessons().values())
    if lesson is not None:
        try:
            lessons = [catalogue.lessons()[catalogue.lesson_named(lesson)]]
        except ValueError as problem:
            raise CommandError(f"{str(problem)[0].upper()}{str(problem)[1:]}") from None
    entries = progress.load()
    begun = [each for each in lessons if lesson is not None or any(exercise.id in entries for exercise in each.exercises)]
    if lesson is None:
        begun = [each for each in begun if not standing(each, entries).done] or begun[-1:]
    if lesson is None:
        showing.overview([(each, standing(each, entries)) for each in lessons])
    for each in begun:
        showing.exercises(each)
        showing.where_you_are(each)


def reset(
    exercise: str = typer.Argument(help="An exercise id, e.g. 1.2-scale"),
    notebook: Path | None = typer.Option(None, help="The notebook; if not given, the one in this folder, else the course's own."),
) -> None:
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


def doctor() -> None:
    """Say whether this machine is ready: each line is ok, or what to do."""
    from autograder.cli.doctor import examine

    findings = examine()
    for finding in findings:
        mark = {True: "[bold blue]ok      [/]", False: "[bold red]to do   [/]", None: "not used"}[finding.ok]
        console.print(f"{mark}  {finding.name:<16} {escape(finding.text)}", soft_wrap=True)
    if any(finding.ok is False for finding in findings):
        raise typer.Exit(1)


def _exercise(exercise_id: str) -> "tuple[Lesson, Exercise]":
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


COMMANDS = (lab, predict, demo, check, watch, hint, status, reset, doctor)


def main() -> None:
    """The `course` command of a students' copy."""
    run(app_of(COMMANDS))
