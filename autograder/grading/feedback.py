"""The page a student gets back."""

import functools
import html
import re

import jinja2
from markupsafe import Markup

from autograder.checks.verdict import Verdict
from autograder.course import catalogue, inert
from autograder.grading.policy import Standing
from autograder.grading.submission import Result

STATUS_WORDS = {
    "passed": "passed",
    "failed": "not right yet",
    "blank": "left blank",
    "error": "stopped with an error",
    "timeout": "took too long",
    "crashed": "crashed",
    "missing": "not found",
    "needs_manual": "waits for a person",
    "marked": "read by a person",
    "grader_error": "fault of the grader",
}

OUR_FAULT = "A fault of the grader, not of your answer. Your instructor can see what it was and will grade this again."


def message_for_student(verdict: Verdict) -> str:
    """A verdict's message as its student may read it: a fault of ours names checks and their code, so it stays with us."""
    return OUR_FAULT if verdict.status == "grader_error" else verdict.message


def problem_for_student(result: Result) -> str:
    """Why a submission could not be graded at all, as its student may read it; "" where it was graded."""
    ours = result.problem and any(verdict.status == "grader_error" for verdict in result.verdicts)
    return OUR_FAULT if ours else result.problem


def feedback_page(result: Result, standing: Standing | None = None) -> str:
    """A self-contained HTML page for one `Result`, with its `policy.Standing` where a policy holds.

    Neither the seed nor the names of the hidden checks stand on it: they would tell what is asked next time.
    """
    lesson = catalogue.lessons()[result.lesson]
    rows = [(verdict, lesson.exercise(verdict.exercise)) for verdict in result.verdicts]
    page = _own_templates().get_template("feedback.html")
    return page.render(result=result, title=catalogue.heading(lesson), rows=rows, words=STATUS_WORDS, standing=standing)


@functools.cache
def _own_templates() -> jinja2.Environment:
    environment = templates("autograder.grading")
    environment.globals.update(message_for_student=message_for_student, problem_for_student=problem_for_student)
    return environment


def templates(package: str) -> jinja2.Environment:
    """The templates of a package, for pages with words of students in them: everything is escaped, and `code` shows `back-quotes` as code."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(package),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters["code"] = _code
    return environment


def _shown(value: object) -> object:
    return inert.text(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _code(text: str) -> Markup:
    """Escaped text, with `back-quoted` parts as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(inert.text(text))))
