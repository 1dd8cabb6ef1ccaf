"""What a lesson imports: `___`, `check`, `hint` and `progress` (and, when needed, `reset`).

::

    from autograder.student import ___, check, hint, progress
"""

import contextlib
import difflib
import html
import sys
from pathlib import Path

from autograder.checks import asking
from autograder.checks.run import run_checks
from autograder.checks.verdict import Verdict, judge, unfilled
from autograder.course import catalogue
from autograder.course.blanks import ___, blank_message
from autograder.learner import kernel_runs
from autograder.learner import progress_file as record

__all__ = ["___", "check", "hint", "progress", "reset"]

_last_lesson = None
kernel_runs.watch()


def check(exercise_id=None):
    """Run the visible checks of one exercise on what this notebook defines, and say what came out."""
    namespace = sys._getframe(1).f_globals
    exercise, lesson = _find(exercise_id)
    if exercise is None:
        return
    verdict = check_in(namespace, lesson, exercise)
    if verdict is None:
        _say("note", f"{exercise.id}  is read by a person: there is nothing to check here.")
        return
    note(verdict)
    say_verdict(exercise, verdict)


def check_in(namespace, lesson, exercise, source=None, notebook=None):
    """The `Verdict` of the visible checks on `namespace` (a dict).

    None for a written exercise. `source` is the exercise's cell, `notebook` the notebook's path, where they are known.
    """
    if exercise.by_hand:
        return None
    verdict = _before_checks(namespace, lesson, exercise, source)
    if verdict is None:
        ask = asking.Direct(namespace)
        artefacts = files_here(lesson, notebook or kernel_runs.this_notebook(namespace, lesson.name)) if exercise.files else None
        outcomes = run_checks(lesson.name, lambda _: contextlib.nullcontext(ask), seed=0, exercises=[exercise.id], artefacts=artefacts)
        verdict = judge(lesson.name, exercise, outcomes, hidden=False)
    return verdict


def note(verdict):
    """Put a verdict into the progress file."""
    entry = record.of(verdict.exercise)
    # A blank, in a fresh copy of the lesson, say, does not undo what was reached before.
    passed = verdict.status == "passed" or (verdict.status == "blank" and entry["passed"])
    record.update(verdict.exercise, passed=passed, tries=entry["tries"] + 1)


def files_here(lesson, notebook=None):
    """The files handed in with `lesson`, beside `notebook` (a path) or in this folder, for checks on this machine."""
    from autograder.checks.measured import Artefacts, Here  # ONNX, which only labs need
    from autograder.course.handed_in import ENDING, folder_of, read_folder

    usual = Path.cwd() / f"{lesson.name}{ENDING}"  # where the lab's own cell writes it
    known = [folder_of(notebook, lesson.name), notebook.with_name(usual.name)] if notebook else []
    return Artefacts(read_folder(next((each for each in known if each.is_dir()), usual), lesson.files), Here())


def hint(exercise_id=None):
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
    wanted = [name for name in lessons if lesson and name.startswith(str(lesson).zfill(2))]
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
    by_hand = sum(e.by_hand for e in lesson.exercises)
    others = f", and {by_hand} is read by a person" if by_hand == 1 else f", and {by_hand} are read by a person" if by_hand else ""
    return f"{lesson.name}: {done} of {len(rows) - by_hand} exercises pass their visible checks{others}", rows


def say_verdict(exercise, verdict):
    """Show a verdict to the student."""
    _say(verdict.status, f"{exercise.id}  {_HEADS.get(verdict.status, '')}{verdict.message}".rstrip())


_HEADS = {"passed": "Passed. ", "failed": "Not yet. "}


def _before_checks(namespace, lesson, exercise, source):
    """The verdict that needs no checks: the cell is blank, untouched, or did not run to its end; None otherwise."""
    run = kernel_runs.last_run(exercise.id) if source is None else None
    if run is not None:
        source = run.source
    elif source is None:
        known = [asking.source_in(namespace, name) for name in exercise.names if name in namespace]
        source = next((found[0] for found in known if found and found[1] == exercise.id), None)
    if source is not None:
        message = unfilled(exercise, lesson.cell_of(exercise.id).source, source)
        if message:
            return Verdict(exercise.id, "blank", 0, exercise.points, message, {})
    if any(namespace.get(name) is ___ for name in exercise.names):
        return Verdict(exercise.id, "blank", 0, exercise.points, blank_message(exercise.id), {})
    # What the cell defined earlier may still be there, but it is not what the student sees now.
    if run is not None and run.error:
        message = f"The cell's last run stopped with {run.error}. Repair that first, then run it and check again."
        return Verdict(exercise.id, "error", 0, exercise.points, message, {})
    lost = sorted(set(exercise.names) - run.defines) if run is not None else []
    if lost:
        message = f"The cell no longer defines `{lost[0]}`: keep the names that the exercise gives."
        return Verdict(exercise.id, "missing", 0, exercise.points, message, {})
    return None


def reset(exercise_id=None):
    """Put one exercise's cell back as it was handed out, in this notebook's file. The old file is kept as .bak."""
    from autograder.course.notebooks import NotebookProblem
    from autograder.learner.own_notebook import reset_exercise

    exercise, lesson = _find(exercise_id)
    if exercise is None:
        return
    try:
        path, backup = reset_exercise(lesson, exercise, kernel_runs.this_notebook(sys._getframe(1).f_globals, lesson.name))
    except (NotebookProblem, OSError) as problem:
        _say("failed", str(problem))
        return
    _say("note", f"{exercise.id}  is as it was handed out, in {path}. What stood there before is in {backup.name}. "
         "Now reload the notebook (File > Reload Notebook from Disk) before you save it.")  # fmt: skip


def _find(exercise_id):
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
    def __init__(self, text, markup):
        self.text, self.markup = text, markup

    def __repr__(self):
        return self.text

    def _repr_html_(self):
        return self.markup


def _show(text, markup):
    if hasattr(kernel_runs.shell(), "kernel"):
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
    _show("\n".join([heading, *lines]), f"<b>{_html(heading)}</b><table>{kernel_runs}</table>")
