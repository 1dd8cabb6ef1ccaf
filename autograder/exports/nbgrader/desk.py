"""The instructor's desk: grades, comments and notebooks in an nbgrader course folder, through nbgrader's API.

Scores and comments that a person gave in formgrader stay as they are; `by_hand` brings them back.
"""

import contextlib
import glob
import hashlib
import json
import logging
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat

from autograder.authoring.build import NBGRADER_CONFIG, build
from autograder.authoring.packing import need_repository
from autograder.course import catalogue, paths
from autograder.course.notebooks import NotebookProblem
from autograder.exports.nbgrader.notebook import answer_id, comment, grade_id, graded_notebook
from autograder.grading.policy import NotKnown, Standings
from autograder.grading.submission import Result
from autograder.grading.times import read_stamp
from course_data.errors import UserError
from course_data.files import write_whole

HOOK = "from autograder.exports.nbgrader.release_steps import configure\nconfigure(c)"


class DeskError(UserError):
    """The course folder or its gradebook does not fit; the message says what to do."""


# The course folder


@dataclass
class Made:
    """What `make_course` did. `kept`: sources that differ from ours; `unhooked`: the configuration lacks our steps."""

    written: list[Path]
    kept: list[Path]
    unhooked: bool


def make_course(folder: str | Path, force: bool = False) -> Made:
    """Write the sources of every lesson to an nbgrader course folder, and a configuration if it has none.

    Sources that differ stay as they are, because they may have been edited, unless `force`. Raises `UserError`.
    """
    need_repository()
    folder = Path(folder)
    config, made = folder / "nbgrader_config.py", Made([], [], False)
    wanted = {_source(folder, name): build(paths.source_of(name)).instructor for name in catalogue.lessons()}
    try:
        for path, text in {**wanted, config: NBGRADER_CONFIG}.items():
            if path.exists() and path.read_text(encoding="utf-8") == text:
                continue
            if path.exists() and (path == config or not force):
                made.kept += [path] if path != config else []
                continue
            write_whole(path, text)
            made.written.append(path)
        made.unhooked = HOOK.splitlines()[1] not in config.read_text(encoding="utf-8")
    except OSError as error:
        raise DeskError(f"Cannot write to {folder}: {error.strerror}.") from None
    return made


def _source(folder: Path, lesson: str) -> Path:
    return folder / "source" / lesson / f"{lesson}.ipynb"


@contextlib.contextmanager
def opened(folder: str | Path) -> Iterator[tuple[Any, Any]]:
    """(nbgrader's application with the folder's settings, its open gradebook). Raises `DeskError`."""
    from nbgrader.api import Gradebook
    from nbgrader.apps.baseapp import NbGrader
    from nbgrader.utils import chdir
    from sqlalchemy.exc import SQLAlchemyError

    folder = Path(folder).resolve()
    if not (folder / "nbgrader_config.py").is_file():
        raise DeskError(f"{folder} is not an nbgrader course folder: it has no nbgrader_config.py. `course nbgrader {folder}` makes one.")
    app, modules = NbGrader(log_level=logging.ERROR), list(sys.path)
    try:
        with chdir(str(folder)):  # nbgrader reads the configuration of the folder it is started in
            app.initialize([], root=str(folder))
    except (Exception, SystemExit) as error:
        raise DeskError(f"nbgrader cannot read {folder / 'nbgrader_config.py'}: {error}") from None
    finally:
        sys.path[:] = modules
    try:
        with warnings.catch_warnings(), Gradebook(app.coursedir.db_url, app.coursedir.course_id) as gradebook:
            warnings.simplefilter("ignore")  # SQLAlchemy on nbgrader's own code
            yield app, gradebook
    except SQLAlchemyError as error:
        why = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise DeskError(
            f"nbgrader's gradebook ({app.coursedir.db_url}) cannot be used: {why}. If it is locked, close formgrader and try "
            "again; if nbgrader was updated, make a copy of it and run `nbgrader db upgrade`."
        ) from None


# Grades to nbgrader


def record(results: list[Result], folder: str | Path, standings: Standings | None = None, stamps: bool = False) -> list[str]:
    """Put `results`, as the grader gave them, into the gradebook of an nbgrader course folder.

    Writes scores, comments and `autograded/<student>/<lesson>/<lesson>.ipynb`. An assignment that nbgrader does
    not know yet is generated first. Penalties for lateness come from `standings` ((student, lesson) ->
    `policy.Standing`), or else from the course's own nbgrader plugin, by what timestamp.txt beside a notebook says, with `stamps`: where
    students cannot write. Returns notes for the instructor: submissions that were passed over, and why. Raises `DeskError`.
    """
    notes = []
    with opened(folder) as (app, gradebook):
        for lesson in dict.fromkeys(result.lesson for result in results):
            _prepare(app, gradebook, catalogue.lessons()[lesson])
        for result in results:
            try:
                notes += _record_one(app, gradebook, result, standings, stamps)
            except _PassedOver as why:
                notes.append(f"{result.student}, {result.lesson}: passed over. {why}.")
    odd = sorted({r.student for r in results if glob.escape(r.student) != r.student})
    notes += [f"nbgrader generate_feedback does not find the folder of {name!r}: its name holds *, ? or [. Rename it." for name in odd]
    return notes


class _PassedOver(Exception):
    """Nothing was written for one submission."""


def _prepare(app: Any, gradebook: Any, lesson: catalogue.Lesson) -> None:
    """See that the gradebook has the lesson as an assignment, with the cells and points of today."""
    from nbgrader.api import MissingEntry
    from nbgrader.apps import NbGraderAPI

    try:
        notebook = gradebook.find_notebook(lesson.name, lesson.name)
    except MissingEntry:
        root = Path(app.coursedir.root)
        source = Path(app.coursedir.format_path(app.coursedir.source_directory, ".", lesson.name)) / f"{lesson.name}.ipynb"
        if not source.exists():
            raise DeskError(f"There is no {source}. `course nbgrader {root}` writes the lessons' sources.") from None
        api = NbGraderAPI(app.coursedir, parent=app)
        api.log_level = logging.ERROR
        done = api.generate_assignment(lesson.name)
        if not done["success"]:
            said = (done.get("log") or done.get("error") or "").strip().splitlines()
            raise DeskError(
                f"`nbgrader generate_assignment {lesson.name}` failed in {root}: {said[-1] if said else 'no reason given'}"
            ) from None
        gradebook.db.expire_all()
        notebook = gradebook.find_notebook(lesson.name, lesson.name)
    known = {cell.name: cell.max_score for cell in notebook.grade_cells}
    for exercise in lesson.exercises:
        if known.get(grade_id(exercise)) != exercise.points:
            raise DeskError(
                f"The gradebook holds another version of {lesson.name}: {grade_id(exercise)} should have {exercise.points:g} points. "
                f"Run `course nbgrader {app.coursedir.root} --force`, then `nbgrader generate_assignment {lesson.name} --force` there."
            )


def _record_one(app: Any, gradebook: Any, result: Result, standings: Standings | None, stamps: bool) -> list[str]:
    """Returns notes."""
    lesson = catalogue.lessons()[result.lesson]
    data = _submission(result)
    folder = Path(app.coursedir.format_path(app.coursedir.autograded_directory, result.student, result.lesson))
    path = folder / f"{result.lesson}.ipynb"
    try:
        after = graded_notebook(lesson, result, data)
    except NotebookProblem:
        raise _PassedOver(f"{result.file} was graded by another version of the reader; run `course grade` again") from None
    before, now = _answers(path), _answers_in(after)
    timestamp, notes = _timestamp(result) if stamps else (None, [])
    gradebook.update_or_create_student(result.student)
    gradebook.update_or_create_submission(result.lesson, result.student, **({"timestamp": timestamp} if timestamp else {}))
    submitted = gradebook.find_submission_notebook(result.lesson, result.lesson, result.student)
    grades = {grade.name: grade for grade in submitted.grades}
    comments = {comment.name: comment for comment in submitted.comments}
    for verdict in result.verdicts:
        exercise = lesson.exercise(verdict.exercise)
        grade, note = grades[grade_id(exercise)], comments[answer_id(exercise)]
        # A fault of the grader is no score either: formgrader shows it as work for a person.
        score = None if verdict.status in ("needs_manual", "grader_error") else float(verdict.points)
        if grade.manual_score is None:
            grade.needs_manual_grade = score is None
        elif grade.auto_score != score or before.get(answer_id(exercise)) != now.get(answer_id(exercise)):
            grade.needs_manual_grade = True  # a person's score stays; somebody should look at it again
        grade.auto_score = score
        note.auto_comment = None if result.problem else comment(verdict)  # what concerns the whole file stands at the top
    gradebook.db.commit()
    if standings is None:
        _late(app, gradebook, result, submitted)
    else:
        submitted.late_submission_penalty = standings[result.student, result.lesson].penalty or None
        gradebook.db.commit()
    # The notebook after the grades: a stop between the two leaves the old answers, so the question above is asked again.
    write_whole(path, after)
    if timestamp:
        write_whole(folder / "timestamp.txt", f"{timestamp:%Y-%m-%d %H:%M:%S.%f} UTC")
    return notes


def _submission(result: Result) -> bytes | None:
    """The bytes that were graded; None where there was no file."""
    if not result.file:
        return None
    try:
        data = Path(result.file).read_bytes()
    except OSError as error:
        raise _PassedOver(
            f"{result.file} cannot be read again ({error.strerror}); run this in the folder where `course grade` ran"
        ) from None
    if result.sha256 and hashlib.sha256(data).hexdigest() != result.sha256:
        raise _PassedOver(f"{result.file} has changed since it was graded; run `course grade` again")
    return data


def _answers(path: Path) -> dict[str, str]:
    """nbgrader's id of each answer in an earlier notebook -> its source; nothing where there is none."""
    try:
        return _answers_in(path.read_bytes())
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # not there, or written by somebody else


def _answers_in(text: str | bytes) -> dict[str, str]:
    found = [(cell["metadata"].get("nbgrader", {}), cell["source"]) for cell in json.loads(text)["cells"]]
    return {metadata["grade_id"]: "".join(source) for metadata, source in found if metadata.get("solution")}


def _timestamp(result: Result) -> tuple[datetime | None, list[str]]:
    """(the time in nbgrader's `timestamp.txt` beside a submission, as nbgrader keeps it: in UTC, without a zone; notes)."""
    if not result.file:
        return None, []
    found = read_stamp(Path(result.file).parent / "timestamp.txt")
    if isinstance(found, NotKnown):
        return None, [f"{result.student}, {result.lesson}: without a time, so never late: {found.why}"]
    return found.astimezone(UTC).replace(tzinfo=None), []


def _late(app: Any, gradebook: Any, result: Result, submitted: Any) -> None:
    """The penalty that the course's own nbgrader plugin gives for lateness, as `nbgrader autograde` would."""
    from nbgrader.preprocessors import AssignLatePenalties

    if submitted.assignment.total_seconds_late <= 0:
        submitted.late_submission_penalty = None
        gradebook.db.commit()
        return
    where = {"student": result.student, "assignment": result.lesson, "notebook": result.lesson, "db_url": app.coursedir.db_url}
    AssignLatePenalties(parent=app).preprocess(nbformat.v4.new_notebook(), {"nbgrader": where})
    gradebook.db.expire_all()
