"""`--to junit`: JUnit's XML as Jenkins, GitLab and others read it: a test suite for each submission."""

import xml.etree.ElementTree as xml
from collections.abc import Sequence
from pathlib import Path

from autograder.checks.verdict import Verdict
from autograder.course import inert
from autograder.exports import Options, points_that_count, waiting
from autograder.grading.feedback import message_for_student
from autograder.grading.submission import Result
from course_data.files import write_whole

ERRORS = ("error", "timeout", "crashed", "grader_error")  # it did not come to an answer; all else is a failure


def write(results: Sequence[Result], target: Path, options: Options) -> list[str]:
    """Write one `testsuites` document to the file `target`."""
    suites = [_suite(result, options) for result in results]
    root = xml.Element("testsuites", {"name": "course grade", **_totals(suites, ("tests", "failures", "errors"))})
    root.extend(suites)
    xml.indent(root, " ")
    write_whole(target, xml.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")
    return waiting(results)


def _suite(result: Result, options: Options) -> xml.Element:
    kinds = [_kind(verdict) for verdict in result.verdicts]
    suite = xml.Element(
        "testsuite",
        {
            "name": inert.text(f"{result.student} {result.lesson}"),
            "tests": str(len(kinds)),
            "failures": str(kinds.count("failure")),
            "errors": str(kinds.count("error")),
            "skipped": str(kinds.count("skipped")),
        },
    )
    standing = (options.standings or {}).get((result.student, result.lesson))
    facts = {
        "points": f"{result.points:g}",
        "max_points": f"{result.max_points:g}",
        "waiting": f"{result.open_points:g}",
        "isolation": result.isolation.get("level", "none"),
        "submission_sha256": result.sha256,
    }
    if standing:
        facts |= {"final_points": f"{points_that_count(result, options):g}", "penalty": f"{standing.penalty:g}", "reason": standing.reason}
    properties = xml.SubElement(suite, "properties")
    for name, value in facts.items():
        xml.SubElement(properties, "property", {"name": name, "value": inert.text(value)})
    for verdict, kind in zip(result.verdicts, kinds):
        case = xml.SubElement(suite, "testcase", {"classname": inert.text(f"{result.student}.{result.lesson}"), "name": verdict.exercise})
        message = inert.text(message_for_student(verdict))
        if kind:
            note = xml.SubElement(case, kind, {"type": verdict.status, "message": message.partition("\n")[0][:200]})
            note.text = message
        xml.SubElement(case, "system-out").text = f"{verdict.points:g} of {verdict.max_points:g} points"
    return suite


def _kind(verdict: Verdict) -> str:
    """The element that tells how a test ended, or "" for one that passed."""
    if verdict.status in ("passed", "marked"):
        return ""
    return "skipped" if verdict.status == "needs_manual" else "error" if verdict.status in ERRORS else "failure"


def _totals(suites: Sequence[xml.Element], names: Sequence[str]) -> dict[str, str]:
    return {name: str(sum(int(suite.get(name, "0")) for suite in suites)) for name in names}
