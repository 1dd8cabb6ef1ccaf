"""The numbers of a class as one HTML page that needs nothing else: no scripts, no pictures, no links to anywhere."""

import functools
from collections.abc import Sequence

import jinja2

from autograder.checks.words import counted
from autograder.grading.feedback import templates
from autograder.report.numbers import ENOUGH, LessonNumbers


def page(lessons: Sequence[LessonNumbers], *, out: str, total: int, students: int, least: int, names: bool) -> str:
    """The page as text. `out` is the folder it is about, `total` its submissions, `students` those who made them.

    `least`: what fewer students share was left out. `names`: whether those who may need help are named.
    """
    deadlines = any(lesson.late is not None for lesson in lessons)
    return (
        _templates()
        .get_template("report.html")
        .render(lessons=lessons, out=out, total=total, students=students, least=least, names=names, deadlines=deadlines, enough=ENOUGH)
    )


@functools.cache
def _templates() -> jinja2.Environment:
    environment = templates("autograder.report")
    environment.globals.update(percent=_percent, many=lambda count, word: counted(count, word, f"{word}s"))
    return environment


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
