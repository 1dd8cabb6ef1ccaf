"""What a lesson imports: `___`, `check`, `hint` and `progress`; where they are needed, `reset` and `earlier`.

::

    from autograder.student import ___, check, hint, progress

With it comes a magic, `%autocheck`: `check` then runs by itself when an exercise's cell was run.
"""

import difflib
import html
import sys
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from autograder.checks.verdict import Verdict
from autograder.course import catalogue
from autograder.course.blanks import ___
from autograder.course.catalogue import Exercise, Lesson
from autograder.course.program import CHECK_CALL
from autograder.learner import kernel_runs
from autograder.learner.checking import check_in, note
from autograder.learner.progress import hint_shown, next_hint, progress_rows
from autograder.learner.standing import Standing, earned, next_exercise, standing

__all__ = ["___", "check", "earlier", "hint", "progress", "reset"]

_last_lesson: str | None = None
kernel_runs.watch()
if kernel_runs.shell() is not None:
    kernel_runs.shell().register_magic_function(lambda line: _autocheck(line), "line", "autocheck")


def check(exercise_id: str | None = None) -> None:
    """Run the visible checks of one exercise on what this notebook defines, and say what came out; of a pass, what it is good for."""
    namespace = sys._getframe(1).f_globals
    exercise, lesson = _find(exercise_id)
    if exercise is None or lesson is None:
        return
    verdict = check_in(namespace, lesson, exercise)
    if verdict is None:
        _say("note", f"{exercise.id}  is read by a person: there is nothing to check here.")
        return
    _note_and_say(lesson, exercise, verdict, namespace)


def hint(exercise_id: str | None = None, number: int | None = None) -> None:
    """Show the next hint of one exercise, three at most, never the answer; or again the one with this number."""
    exercise, _ = _find(exercise_id)
    if exercise is None:
        return
    try:
        shown, text = next_hint(exercise) if number is None else hint_shown(exercise, number)
    except ValueError as problem:
        _say("note", f"{exercise.id}  {problem}")
        return
    _say("hint", f"{exercise.id}  Hint {shown} of {len(exercise.hints)}: {text}")
    if number is None and shown == len(exercise.hints):
        _say("note", "That was the last hint.")


def progress(lesson: str | int | None = None) -> None:
    """Show how far you are: in `lesson` ("01"), or in the lesson you last checked, or in all."""
    lessons = catalogue.lessons()
    wanted = [name for name in lessons if lesson and name.startswith(str(lesson).zfill(2))]
    if lesson and not wanted:
        _say("failed", f"There is no lesson {lesson!r}. The lessons are: {', '.join(lessons)}.")
        return
    if not wanted:
        wanted = [_last_lesson] if _last_lesson else list(lessons)
    for name in wanted:
        _show_table(*progress_rows(lessons[name]), standing(lessons[name]))


def _note_and_say(lesson: Lesson, exercise: Exercise, verdict: Verdict, namespace: dict[str, Any]) -> None:
    first = note(verdict)
    say_verdict(exercise, verdict)
    if verdict.status == "passed":
        _say_standing(lesson, exercise, first, namespace)


def _autocheck(line: str) -> None:
    """`%autocheck`: from now on `check` runs by itself when an exercise's cell has run; `%autocheck off` ends it."""
    wanted = line.strip().lower() or "on"
    if wanted not in ("on", "off"):
        _say("failed", f"%autocheck or %autocheck off; not {line.strip()!r}.")
        return
    kernel_runs.tell(_check_by_itself if wanted == "on" else None)
    _say("note", "Each exercise is now checked when its cell has run." if wanted == "on" else "Exercises are checked when you call check.")


def _check_by_itself(exercise_id: str, source: str) -> None:
    """As `check`, but silent on a cell that is as it was handed out, or that calls `check` itself."""
    global _last_lesson
    try:
        lesson = catalogue.lesson_of(exercise_id)
    except KeyError:
        return
    exercise = lesson.exercise(exercise_id)
    if exercise_id in CHECK_CALL.findall(source) or source.strip() == lesson.cell_of(exercise_id).source.strip():
        return
    namespace = kernel_runs.shell().user_ns
    verdict = check_in(namespace, lesson, exercise)
    if verdict is not None:
        _last_lesson = lesson.name
        _note_and_say(lesson, exercise, verdict, namespace)


def say_verdict(exercise: Exercise, verdict: Verdict) -> None:
    """Show a verdict to the student."""
    _say(verdict.status, f"{exercise.id}  {_HEADS.get(verdict.status, '')}{verdict.message}".rstrip())


def _say_standing(lesson: Lesson, exercise: Exercise, first: bool, namespace: dict[str, Any]) -> None:
    """After a pass: what it was good for, the points so far, the minutes left, and the next exercise as a link."""
    here = standing(lesson)
    words = " ".join(([earned(exercise)] if first else []) + [f"{here.in_words()}."])
    markup = f"{_bar(here)}&ensp;{_html(words)}"
    following = next_exercise(lesson, exercise)
    if following is not None:
        name = f"{following.id}  {following.title}"
        words += f" Next: {name}"
        path = kernel_runs.this_notebook(namespace, lesson.name)
        link = f'<a href="{quote(path.name)}#cell-id={quote(lesson.heading_of(following.id))}">{_html(name)}</a>' if path else _html(name)
        markup += f" Next: {link}"
    elif here.done:
        words += " All that is checked here passes."
        markup += " All that is checked here passes."
    _show(words, _framed("passed", markup))


_HEADS = {"passed": "Passed. ", "failed": "Not yet. "}


def reset(exercise_id: str | None = None) -> None:
    """Put one exercise's cell back as it was handed out, in this notebook's file. The old file is kept as .bak."""
    from autograder.course.notebooks import NotebookProblem
    from autograder.learner.own_notebook import reset_exercise

    exercise, lesson = _find(exercise_id)
    if exercise is None or lesson is None:
        return
    try:
        path, backup = reset_exercise(lesson, exercise, kernel_runs.this_notebook(sys._getframe(1).f_globals, lesson.name))
    except (NotebookProblem, OSError) as problem:
        _say("failed", str(problem))
        return
    _say(
        "note",
        f"{exercise.id}  is as it was handed out, in {path}. What stood there before is in {backup.name}. "
        "Now reload the notebook (File > Reload Notebook from Disk) before you save it.",
    )


def earlier(exercise_id: str, name: str) -> Any:
    """The function `name` of an earlier exercise: yours if it passes the visible checks, else the course's. Prints which it is."""
    from autograder.learner.own_functions import function_of  # and with it the course's functions, which few lessons need

    return function_of(exercise_id, name, sys._getframe(1).f_globals)


def _find(exercise_id: str | None) -> tuple[Exercise, Lesson] | tuple[None, None]:
    global _last_lesson
    if exercise_id is None:
        _say("failed", 'Which exercise? Give its id in quotes, as in check("0.1-bytes").')
        return None, None
    try:
        lesson = catalogue.lesson_of(exercise_id)
    except KeyError:
        ids = [e.id for lesson in catalogue.lessons().values() for e in lesson.exercises]
        near = difflib.get_close_matches(str(exercise_id), ids, n=1, cutoff=0.4)
        guess = f' Did you mean "{near[0]}"?' if near else ""
        _say("failed", f"There is no exercise {exercise_id!r}.{guess}")
        return None, None
    _last_lesson = lesson.name
    return lesson.exercise(exercise_id), lesson


# Showing things: HTML in a notebook (with the same words as text), plain text elsewhere.

_COLOURS = {"passed": "#0072B2", "hint": "#999999", "note": "#999999", "blank": "#E69F00"}


class _Shown:
    def __init__(self, text: str, markup: str) -> None:
        self.text, self.markup = text, markup

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.markup


def _show(text: str, markup: str) -> None:
    if hasattr(kernel_runs.shell(), "kernel"):
        from IPython.display import display

        display(_Shown(text, markup))
    else:
        print(text)


def _say(kind: str, text: str) -> None:
    head, _, rest = text.partition("  ")
    _show(text, _framed(kind, f"<b>{_html(head)}</b>&ensp;{_html(rest)}" if rest else _html(text)))


def _framed(kind: str, body: str) -> str:
    return f'<div style="border-left:4px solid {_COLOURS.get(kind, "#D55E00")};padding:2px 10px;max-width:60em">{body}</div>'


def _bar(here: Standing) -> str:
    """The points so far as a bar; the words beside it say the same."""
    return f'<progress value="{here.points:g}" max="{here.most:g}" aria-label="points so far" style="width:8em"></progress>'


def _html(text: str) -> str:
    """Escaped, with `code` in back-quotes shown as code."""
    parts = html.escape(text).split("`")
    if len(parts) % 2 == 0:
        return html.escape(text)
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))


def _show_table(heading: str, rows: Sequence[Sequence[str]], here: Standing) -> None:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    cells = "".join("<tr>" + "".join(f'<td style="text-align:left">{_html(c)}</td>' for c in row) + "</tr>" for row in rows)
    words = f"{here.in_words()}."
    _show("\n".join([heading, *lines, words]), f"<b>{_html(heading)}</b><table>{cells}</table>{_bar(here)}&ensp;{_html(words)}")
