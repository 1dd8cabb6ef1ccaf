"""`--to gradescope`: results.json as Gradescope's autograders write it, one for each submission."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autograder.checks.verdict import Verdict
from autograder.course import catalogue, inert
from autograder.exports import Options, points_that_count, waiting
from autograder.grading.feedback import STATUS_WORDS, message_for_student, problem_for_student
from autograder.grading.policy import Standing
from autograder.grading.submission import Result
from course_data.files import write_whole


def write(results: Sequence[Result], target: Path, options: Options) -> list[str]:
    """Write `<target>/<student>/<lesson>/results.json` for every result."""
    for result in results:
        standing = (options.standings or {}).get((result.student, result.lesson))
        document = results_json(result, points_that_count(result, options), standing)
        write_whole(target / inert.path_name(result.student) / result.lesson / "results.json", inert.json_of(document))
    return waiting(results)


def results_json(result: Result, score: float, standing: Standing | None = None) -> dict[str, Any]:
    """The dict of results.json for one `Result`. Answers that a person reads carry no score: Gradescope's rubric gives it."""
    lesson = catalogue.lessons()[result.lesson]
    lines = []
    if result.problem:
        lines.append(problem_for_student(result))
    if result.repairs:
        lines.append("Your notebook needed repair before it could be graded: " + " ".join(result.repairs))
    if standing and standing.penalty:
        lines.append(f"{result.points:g} points, less {standing.penalty:g}: {standing.reason}.")
    if result.isolation.get("level", "bubblewrap") != "bubblewrap":
        exposed = ", ".join(result.isolation.get("not_isolated", ())) or "files and the network"
        lines.append(f'This run could not be isolated fully (level "{result.isolation["level"]}"): not closed off were {exposed}.')
    return {
        "score": score,
        "output": inert.text("\n".join(lines)),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [_test(verdict, lesson.exercise(verdict.exercise), bool(result.problem)) for verdict in result.verdicts],
        "extra_data": {
            "lesson": result.lesson,
            "points": result.points,
            "max_points": result.max_points,
            "waiting": result.open_points,
            "penalty": standing.penalty if standing else 0,
            "isolation": result.isolation.get("level", "none"),
            "submission_sha256": result.sha256,
        },
    }


def _test(verdict: Verdict, exercise: catalogue.Exercise, unreadable: bool) -> dict[str, Any]:
    test = {"name": f"{exercise.id}  {exercise.title}", "visibility": "visible"}
    message = "" if unreadable else inert.text(message_for_student(verdict))
    if verdict.status == "needs_manual":
        return {**test, "output": f"{message} ({verdict.max_points:g} points)"}
    if verdict.status == "marked":  # by a person, elsewhere
        return {**test, "score": verdict.points, "max_score": verdict.max_points, "output": message}
    if verdict.status not in ("passed", "failed"):
        message = f"{STATUS_WORDS[verdict.status].capitalize()}. {message}".strip()
    return {
        **test,
        "score": verdict.points,
        "max_score": verdict.max_points,
        "status": "passed" if verdict.status == "passed" else "failed",
        "output": message,
    }
