"""From the one source of a lesson, `solutions/lesson_NN_topic/lesson.py`, or of a lab, `solutions/lab_topic/lesson.py`, to everything made from it.

- `lessons/NN_topic.ipynb` or `labs/topic.ipynb`: what a student opens. Answers are replaced by their blanked form.
- `lessons/catalogue/NN_topic.json`: exercises, hints and the cells as released.
- `build/nbgrader/source/NN_topic/NN_topic.ipynb`: the instructor's version, for nbgrader.

Read (`source`), judged (`rules`), and then written: a lesson that breaks a rule is refused, with every rule that it breaks, by file and line.
"""

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from autograder.authoring import pages, rules
from autograder.authoring.blanked import top_level_names
from autograder.authoring.packing import need_repository
from autograder.authoring.source import BuildError, Draft, SourceCell, Task, read, sources
from autograder.course import paths
from autograder.course.catalogue import Cell, Exercise, Lesson, to_json
from course_data.files import write_whole

__all__ = ["Built", "BuildError", "build", "build_all", "sources"]
# What `nbgrader autograde` runs in a check cell. nbgrader takes the lines between the marks out of what students get;
# the number that the last line gives is the cell's partial credit.
SCORED = """### BEGIN HIDDEN TESTS
from autograder.exports.nbgrader.scoring import score as check
### END HIDDEN TESTS
{check}"""
# Run anywhere in the repository, in JupyterLab, VS Code or plain Jupyter.
KERNEL = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


@dataclass
class Built:
    """What a source gives. `notebook` and `instructor` are notebook JSON texts."""

    lesson: Lesson
    notebook: str
    instructor: str


def build(path: Path) -> Built:
    """Build one source file. Returns `Built`; raises `BuildError` with every violation found."""
    draft = read(path)
    if broken := rules.broken(draft):
        raise BuildError(broken)
    return _built(draft)


def _built(draft: Draft) -> Built:
    """The three things made from a `Draft` that keeps the rules."""
    name = str(draft.name)  # there is one
    exercises = {task.id: _exercise(name, task) for task in draft.tasks}
    answers = {task.id: task.forms[1] for task in draft.tasks}
    released, instructor = [], []
    used: set[str] = set()
    for cell, source in draft.released:
        settings = {"course": {"role": cell.role, **({"exercise": cell.exercise} if cell.exercise else {})}}
        teacher = source
        if cell.role == "exercise":
            teacher = answers[cell.exercise]
            settings["nbgrader"] = nbgrader_metadata(exercises[cell.exercise])
        elif cell.role == "check":
            teacher = SCORED.format(check=source.strip())
            settings["nbgrader"] = nbgrader_metadata(exercises[cell.exercise], check=True)
        cell_id = _cell_id(cell.role, cell.exercise, source, used)
        used.add(cell_id)
        released.append((cell, cell_id, source, settings))
        instructor.append((cell, cell_id, teacher, settings))
    cells = tuple(Cell(cell_id, cell.type, cell.role, cell.exercise, source) for cell, cell_id, source, _ in released)
    lesson = Lesson(name, draft.header["title"], draft.header["minutes"], tuple(exercises.values()), cells)
    return Built(lesson, _notebook(name, released), _notebook(name, instructor, released=lesson))


def _exercise(lesson: str, task: Task) -> Exercise:
    settings = task.cell.settings
    names = top_level_names(task.forms[1]) if task.kind in ("code", "choice", "bug") else ()
    return Exercise(
        task.id,
        lesson,
        task.kind,
        task.heading[len(task.id) :].strip() or task.id,
        settings["points"],
        settings["minutes"],
        settings["difficulty"],
        names,
        task.hints or (),
        task.choices or {},
        task.checks,
        task.files,
    )


def _cell_id(role: str, exercise_id: str, source: str, used: Collection[str]) -> str:
    """Stable between builds: by exercise where there is one, else by content."""
    if exercise_id:
        base = f"{role}-{exercise_id.replace('.', '-')}"
    else:
        base = f"{role}-{hashlib.sha256(source.encode()).hexdigest()[:12]}"
    cell_id, number = base[:60], 2
    while cell_id in used:
        cell_id, number = f"{base[:57]}-{number}", number + 1
    return cell_id


def nbgrader_metadata(exercise: Exercise, check: bool = False) -> dict[str, Any]:
    """nbgrader's metadata (schema 3) for the cell with the answer, or for its check cell. Its ids may not hold dots.

    The check cell carries the points; a written answer carries its own.
    """
    base = exercise.id.replace(".", "-")
    graded = {"grade": True, "points": exercise.points} if check or exercise.by_hand else {"grade": False}
    return {
        **graded,
        "grade_id": f"{'check' if check else 'answer'}-{base}",
        "locked": check,
        "schema_version": 3,
        "solution": not check,
        "task": False,
    }


def _notebook(name: str, cells: Sequence[tuple[SourceCell, str, str, dict[str, Any]]], released: Lesson | None = None) -> str:
    """Notebook JSON with no outputs; `cells`: (source cell, id, text, metadata) of each. `released` (a Lesson) adds each exercise's released source to the metadata."""
    notebook = nbformat.v4.new_notebook(metadata={**KERNEL, "course": {"lesson": name}})
    for own, cell_id, source, settings in cells:
        make = nbformat.v4.new_markdown_cell if own.type == "markdown" else nbformat.v4.new_code_cell
        cell = make(source, id=cell_id, metadata=json.loads(json.dumps({k: v for k, v in settings.items() if v})))
        if released and settings["course"]["role"] == "exercise":
            cell.metadata["course"]["released"] = released.cell_of(settings["course"]["exercise"]).source
        notebook.cells.append(cell)
    nbformat.validate(notebook)
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


# Building the course

NBGRADER_CONFIG = '''"""Settings of an nbgrader course folder for this course."""
from autograder.exports.nbgrader.release_steps import configure

c = get_config()  # noqa: F821 (nbgrader defines it)
c.CourseDirectory.course_id = "compression"
configure(c)
'''


def build_all(check: bool = False) -> list[str]:
    """Build every lesson and lab, and the tables of them. Returns the files that changed (or, with `check`, would change), as relative paths.

    Raises `BuildError` when any source breaks a rule, `UserError` where there are no sources; then nothing is written.
    """
    need_repository()
    violations, drafts = [], []
    for path in sources():
        try:
            drafts.append(read(path))
            violations += rules.broken(drafts[-1])
        except BuildError as error:
            violations += error.violations
    violations += rules.broken_between(drafts)
    if violations:
        raise BuildError(violations)
    built = [_built(draft) for draft in drafts]
    wanted = {}
    for one in built:
        name = one.lesson.name
        wanted[paths.notebook_of(name)] = one.notebook
        wanted[paths.catalogue_of(name)] = to_json(one.lesson)
        if not check:
            wanted[paths.BUILD / "nbgrader" / "source" / name / f"{name}.ipynb"] = one.instructor
    if not check:
        wanted[paths.BUILD / "nbgrader" / "nbgrader_config.py"] = NBGRADER_CONFIG
    changed = []
    for path, text in wanted.items():
        if not path.exists() or path.read_bytes() != text.encode("utf-8"):
            changed.append(path)
            if not check:
                write_whole(path, text)
    for path in sorted([*paths.LESSONS.glob("[0-9][0-9]_*.ipynb"), *paths.LABS.glob("*.ipynb"), *paths.CATALOGUE.glob("*.json")]):
        if path not in wanted:
            changed.append(path)
            if not check:
                path.unlink()
    changed += pages.update([draft.header for draft in drafts], check)
    return [path.relative_to(paths.REPOSITORY).as_posix() for path in changed]
