"""What a lesson imports: `___`, `check`, `hint` and `progress`.

::

    from autograder.student import ___, check, hint, progress
"""

import contextlib
import difflib
import html
import sys

from autograder import catalogue
from autograder import progress as record
from autograder.blanks import ___, blank_message, has_blank
from autograder.checks import students
from autograder.checks.runner import run_checks
from autograder.checks.verdict import Verdict, judge, untouched

__all__ = ["___", "check", "hint", "progress"]

_last_lesson = None


def check(exercise_id):
    """Run the visible checks of one exercise on what this notebook defines, and say what came out."""
    namespace = sys._getframe(1).f_globals
    exercise, lesson = _find(exercise_id)
    if exercise is None:
        return
    verdict = check_in(namespace, lesson, exercise)
    if verdict is None:
        _say("note", f"{exercise.id}  is read by a person: there is nothing to check here.")
        return
    say_verdict(exercise, verdict)


def check_in(namespace, lesson, exercise, source=None):
    """The `Verdict` of the visible checks on `namespace` (a dict), also noted in the progress file.

    None for a written exercise. `source` is the exercise's cell, where it is known.
    """
    if exercise.by_hand:
        return None
    verdict = _before_checks(namespace, lesson, exercise, source)
    if verdict is None:
        ask = students.Direct(namespace)
        outcomes = run_checks(lesson.name, lambda _: contextlib.nullcontext(ask), seed=0, exercises=[exercise.id])
        verdict = judge(lesson.name, exercise, outcomes, hidden=False)
    tries = record.of(exercise.id)["tries"]
    record.update(exercise.id, passed=verdict.status == "passed", tries=tries + 1)
    return verdict


def hint(exercise_id):
    """Show the next hint of one exercise: three at most, never the answer."""
    exercise, _ = _find(exercise_id)
    if exercise is None:
        return
    number, text = next_hint(exercise)
    _say("hint", f"{exercise.id}  Hint {number} of {len(exercise.hints)}: {text}")
    if number == len(exercise.hints):
        _say("note", "That was the last hint.")


def next_hint(exercise):
    """(number, text) of the hint to show now; the last one again when all were shown."""
    number = min(record.of(exercise.id)["hints"] + 1, len(exercise.hints))
    record.update(exercise.id, hints=number)
    return number, exercise.hints[number - 1]


def progress(lesson=None):
    """Show how far you are: in `lesson` ("01"), or in the lesson you last checked, or in all."""
    lessons = catalogue.lessons()
    wanted = [name for name in lessons if lesson and name.startswith(str(lesson))]
    if lesson and not wanted:
        _say("failed", f"There is no lesson {lesson!r}. The lessons are: {', '.join(lessons)}.")
        return
    if not wanted:
        wanted = [_last_lesson] if _last_lesson else list(lessons)
    for name in wanted:
        _show_table(*progress_rows(lessons[name]))


def progress_rows(lesson):
    """(heading, rows of text) for one lesson."""
    entries = record.load()
    rows, done = [], 0
    for exercise in lesson.exercises:
        entry = entries.get(exercise.id, {})
        if exercise.by_hand:
            state = "read by a person"
        elif entry.get("passed"):
            state, done = "passed", done + 1
        else:
            state = "not yet" if entry.get("tries") else "not tried"
        hints = f"{entry['hints']} of {len(exercise.hints)} hints" if entry.get("hints") else ""
        rows.append((exercise.id, exercise.title, f"{exercise.points:g} points", state, hints))
    total = sum(not e.by_hand for e in lesson.exercises)
    return f"{lesson.name}: {done} of {total} exercises pass their visible checks", rows


def say_verdict(exercise, verdict):
    """Show a verdict to the student."""
    _say(verdict.status, f"{exercise.id}  {_HEADS.get(verdict.status, '')}{verdict.message}".rstrip())


_HEADS = {"passed": "Passed. ", "failed": "Not yet. "}


def _before_checks(namespace, lesson, exercise, source):
    """The verdict that needs no checks: blank or untouched; None otherwise."""
    for name in exercise.names:
        if namespace.get(name) is ___:
            return _blank(exercise, blank_message(exercise.id))
        if source is None and name in namespace:
            known = students.source_in(namespace, name)
            source = known[0] if known and known[1] == exercise.id else None
    if source is not None:
        message = untouched(exercise, lesson.cell_of(exercise.id).source, source)
        if message is None and has_blank(source):
            message = blank_message(exercise.id)
        if message:
            return _blank(exercise, message)
    return None


def _blank(exercise, message):
    return Verdict(exercise.id, "blank", 0, exercise.points, message, {})


def _find(exercise_id):
    global _last_lesson
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
    def __init__(self, text, markup):
        self.text, self.markup = text, markup

    def __repr__(self):
        return self.text

    def _repr_html_(self):
        return self.markup


def _in_notebook():
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")


def _show(text, markup):
    if _in_notebook():
        from IPython.display import display

        display(_Shown(text, markup))
    else:
        print(text)


def _say(kind, text):
    colour = _COLOURS.get(kind, "#D55E00")
    head, _, rest = text.partition("  ")
    body = f"<b>{_html(head)}</b>&ensp;{_html(rest)}" if rest else _html(text)
    _show(text, f'<div style="border-left:4px solid {colour};padding:2px 10px;max-width:60em">{body}</div>')


def _html(text):
    """Escaped, with `code` in back-quotes shown as code."""
    parts = html.escape(text).split("`")
    if len(parts) % 2 == 0:
        return html.escape(text)
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))


def _show_table(heading, rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    cells = "".join("<tr>" + "".join(f'<td style="text-align:left">{_html(c)}</td>' for c in row) + "</tr>" for row in rows)
    _show("\n".join([heading, *lines]), f"<b>{_html(heading)}</b><table>{cells}</table>")
