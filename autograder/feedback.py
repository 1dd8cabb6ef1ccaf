"""The page a student gets back."""

import functools
import html
import re

import jinja2
from markupsafe import Markup

from autograder import catalogue

STATUS_WORDS = {
    "passed": "passed", "failed": "not right yet", "blank": "left blank", "error": "stopped with an error",
    "timeout": "took too long", "crashed": "crashed", "missing": "not found", "needs_manual": "waits for a person",
    "marked": "read by a person",
    "grader_error": "fault of the grader",
}


def feedback_page(result):
    """A self-contained HTML page for one `Result`."""
    lesson = catalogue.lessons()[result.lesson]
    rows = [(verdict, lesson.exercise(verdict.exercise)) for verdict in result.verdicts]
    page = _templates().get_template("feedback.html")
    return page.render(result=result, title=f"{lesson.name[:2]} {lesson.title}", rows=rows, words=STATUS_WORDS)


@functools.cache
def _templates():
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("autograder"), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )
    environment.filters["code"] = _code
    return environment


def _code(text):
    """Escaped text, with `back-quoted` parts as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text)))
