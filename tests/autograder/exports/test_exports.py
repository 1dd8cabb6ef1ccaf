"""Grades in other tools' formats, each held against the format's published description."""

import csv
import io
import json
import xml.etree.ElementTree as xml
from datetime import UTC, datetime

import jsonschema
import pytest

from autograder.checks.verdict import Verdict
from autograder.course import catalogue
from autograder.exports import EXPORTERS, ExportError, Options, export, read_results
from autograder.exports.gradescope import results_json
from autograder.grading.class_run import write_gradebook
from autograder.grading.feedback import feedback_page
from autograder.grading.policy import Standing
from autograder.grading.submission import Result
from course_data.files import write_whole

ONE, TWO = "01_affine_quantization", "02_magnitude_pruning"
STATUSES = ("passed", "failed", "blank", "error", "needs_manual", "timeout", "crashed", "missing", "grader_error")
NASTY = 'a "quoted" & <b>bold</b> ]]> \x00\x1b\ud800 = ä 你, first\nsecond'


def result(student, lesson=ONE, **changes):
    """Every status once, with a nasty message; 35 points, 8 wait (in lesson 01)."""
    verdicts = []
    for exercise, status in zip(catalogue.lessons()[lesson].exercises, STATUSES):
        points = {"passed": exercise.points, "failed": 0}.get(status, 0)
        verdicts.append(Verdict(exercise.id, status, points, exercise.points, NASTY, {"test_secret_name": status}))
    changes = {"isolation": {"level": "bubblewrap"}, **changes}
    return Result(student, lesson, f"{student}.ipynb", verdicts, "ab" * 32, 4711, **changes)


def late(results, final):
    time = datetime(2026, 10, 14, 22, 0, tzinfo=UTC)
    return {
        (r.student, r.lesson): Standing(
            r.student, r.lesson, r.points, r.max_points, time, time, 2, 1, r.points - final, final, "2 days late"
        )
        for r in results
    }


@pytest.fixture
def made(tmp_path):
    """Export to a file; returns (text, notes)."""

    def make(name, results, options=Options()):
        notes = export(name, results, tmp_path / "out", options).notes
        return (tmp_path / "out").read_text(encoding="utf-8"), notes

    return make


# A folder of results


def test_results_are_those_that_the_gradebook_lists(tmp_path):
    for student in ("ada", "=bo", "gone"):
        each = result(student)
        each.verdicts = [Verdict("1.1-predict", "passed", 5, 5, "", {})]
        write_whole(tmp_path / "results" / student / f"{ONE}.json", json.dumps(each.to_dict()))
    write_gradebook(tmp_path, [Result(s, ONE, "x", [Verdict("1.1-predict", "passed", 5, 5, "", {})]) for s in ("ada", "=bo")])
    assert [r.student for r in read_results(tmp_path)] == ["ada", "=bo"]
    (tmp_path / "results" / "ada" / f"{ONE}.json").write_text("{")
    with pytest.raises(ExportError, match="missing, damaged or of an older version. Run `course grade` again"):
        read_results(tmp_path)
    with pytest.raises(ExportError, match="holds no grades.csv"):
        read_results(tmp_path / "results")


def test_an_unknown_format_and_an_unwritable_place_are_told(tmp_path):
    with pytest.raises(ExportError, match=f"The formats are {', '.join(EXPORTERS)}"):
        export("moodle", [], tmp_path / "x")
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match="Cannot write .* --file"):
        export("csv", [], tmp_path / "file" / "x.csv")


# csv, and the gradebook with a policy


def test_csv_has_a_row_for_each_submission_and_the_policys_columns(made):
    results = [result("ada"), result("=cmd()")]
    text, notes = made("csv", results)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["student"] for row in rows] == ["ada", "'=cmd()"] and "final_points" not in rows[0]
    assert rows[0]["points"] == "5" and rows[0]["waiting"] == "8" and "1.3-quantize blank" in rows[0]["not_passed"]
    assert notes == ["2 submissions wait for a person (16 points in all); these points are not in the export."]
    text, _ = made("csv", results, Options(late(results, 4.5)))
    row = next(csv.DictReader(io.StringIO(text)))
    assert (row["points"], row["penalty"], row["final_points"], row["reason"]) == ("5", "0.5", "4.5", "2 days late")


def test_the_gradebook_keeps_raw_points_and_gains_final_ones_with_a_policy(tmp_path):
    results = [result("ada")]
    results[0].verdicts[1] = Verdict("1.2-scale", "passed", 15, 15, "", {})

    def read():
        return list(csv.DictReader(io.StringIO((tmp_path / "grades.csv").read_text(errors="replace"))))

    def page():
        return (tmp_path / "feedback" / "ada" / f"{ONE}.html").read_text()

    for each in results[0].verdicts:
        object.__setattr__(each, "message", "")
    write_gradebook(tmp_path, results, late(results, 10.0))
    assert sum(float(row["points"]) for row in read()) == 20 and sum(float(row["final_points"]) for row in read()) == 10
    assert read()[0]["late"] == "2 days late" and "20 points less a penalty of 10 are <b>10 points</b>" in page()
    assert "ada,01_affine_quantization,20," in (tmp_path / "penalties.csv").read_text()
    write_gradebook(tmp_path, results)  # the policy was taken back
    assert "final_points" not in read()[0] and "penalty" not in page() and not (tmp_path / "penalties.csv").exists()


# Canvas: what lib/gradebook_importer.rb of Canvas accepts, and what its documentation asks for

CANVAS = """\
\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,Week 1 (4711),01 Affine quantisation from scratch in NumPy (4712),Final Score
,,,,,Manual Posting,,
    Points Possible,,,,,10,100,(read only)
"Lovelace, Ada",101,S1,ada@uni.example,Monday,7,55,50
"Bo ""B"" Lee",102,S2,bo,Tuesday,,,
"Student, Test",103,,testuser,Monday,,,
"""


def opened_by_canvas(text):
    """The import as Canvas does it: header, student columns up to Section, assignments, then rows. Raises AssertionError."""
    assert not text.startswith("\ufeff")
    rows = [row for row in csv.reader(io.StringIO(text, newline="")) if any(cell.strip() for cell in row)]
    header = rows[0]
    assert len({len(row) for row in rows}) == 1 and len(header) > 3 and "Student" in header[0] and "ID" in header[1]
    width = 5 if header[2:4] == ["SIS User ID", "SIS Login ID"] else 3
    assert "Section" in header[width - 1]
    possible, students = {}, {}
    for row in rows[1:]:
        if "Points Possible" in row[0]:
            possible = {title: float(cell) for title, cell in zip(header[width:], row[width:])}
        else:
            assert row[0] or row[1] or row[3]
            students[row[3]] = {title: float(cell) if cell else None for title, cell in zip(header[width:], row[width:])}
    return possible, students


def test_canvas_without_a_roster(made):
    text, notes = made("canvas", [result("ada"), result("bo"), result("ada", TWO)])
    possible, students = opened_by_canvas(text)
    title = "01 Affine quantisation from scratch in NumPy"
    assert possible[title] == 100 and students["ada"][title] == 5 and students["bo"]["02 " + catalogue.lessons()[TWO].title] is None
    assert "SIS Login ID" in notes[0]


@pytest.mark.parametrize("separator", [",", ";"])
def test_canvas_with_its_own_export_as_the_roster(made, tmp_path, separator):
    roster = tmp_path / "canvas.csv"
    rows = csv.reader(io.StringIO(CANVAS, newline=""))
    with roster.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=separator).writerows(rows)
    results = [result("ADA"), result("102"), result("nobody")]
    text, notes = made("canvas", results, Options(late(results, 4.504), roster))
    possible, students = opened_by_canvas(text)
    column = "01 Affine quantisation from scratch in NumPy (4712)"
    assert possible == {column: 100} and students == {"ada@uni.example": {column: 4.5}, "bo": {column: 4.5}}
    assert '"Lovelace, Ada",101,S1,ada@uni.example,Monday,4.5' in text
    assert notes[0].startswith(f"Not in {roster}, so not in the export: 1 of 3 students: nobody.")


def test_canvas_tells_what_does_not_fit(made, tmp_path):
    roster = tmp_path / "canvas.csv"
    for text, results, columns, message in [
        ("name,points\n", [result("ada")], {}, "line 1: this is not a gradebook of Canvas"),
        (CANVAS, [result("ada"), result("101")], {}, "ada and 101 are both the student 'Lovelace, Ada'"),
        (CANVAS.replace(",bo,", ",ada@other.example,"), [result("ada")], {}, "ada could be 'Lovelace, Ada' or"),
        (CANVAS, [result("ada")], {ONE: "Week 2"}, "has no column 'Week 2'. The columns are: 'Week 1 (4711)'"),
        (CANVAS, [result("ada")], {ONE: "Week 1"}, "'Week 1 (4711)' has 10 points in Canvas and 100 here"),
    ]:
        roster.write_text(text, encoding="utf-8")
        with pytest.raises(ExportError) as told:
            made("canvas", results, Options(None, roster, columns))
        assert message in str(told.value)
    roster.write_text(CANVAS, encoding="utf-8")
    _, notes = made("canvas", [result("ada", TWO)], Options(None, roster))
    assert "has no column for 02_magnitude_pruning: Canvas will ask" in notes[0]


# Gradescope: https://gradescope-autograders.readthedocs.io/en/latest/specs/ as a schema

VISIBILITY = {"enum": ["hidden", "after_due_date", "after_published", "visible"]}
FORMAT = {"enum": ["text", "html", "simple_format", "md", "ansi"]}
GRADESCOPE = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "score": {"type": "number"},
        "execution_time": {"type": "number"},
        "output": {"type": "string"},
        "output_format": FORMAT,
        "test_output_format": FORMAT,
        "test_name_format": FORMAT,
        "visibility": VISIBILITY,
        "stdout_visibility": VISIBILITY,
        "extra_data": {"type": "object"},
        "leaderboard": {"type": "array"},
        "tests": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "score": {"type": "number"},
                    "max_score": {"type": "number"},
                    "status": {"enum": ["passed", "failed"]},
                    "name": {"type": "string"},
                    "name_format": FORMAT,
                    "number": {"type": "string"},
                    "output": {"type": "string"},
                    "output_format": FORMAT,
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "visibility": VISIBILITY,
                    "extra_data": {"type": "object"},
                },
            },
        },
    },
    "anyOf": [
        {"required": ["score"]},
        {"required": ["tests"], "properties": {"tests": {"items": {"required": ["score"]}}}},
    ],
}


def test_gradescopes_results_follow_its_specification(tmp_path):
    results = [result("ada", repairs=["Two cells."]), result("bo", isolation={"level": "process"})]
    notes = export("gradescope", results, tmp_path / "g", Options(late(results, 4.0))).notes
    documents = [json.loads((tmp_path / "g" / s / ONE / "results.json").read_text(encoding="utf-8")) for s in ("ada", "bo")]
    for document in documents:
        jsonschema.validate(document, GRADESCOPE)
        assert document["score"] == 4 and len(document["tests"]) == 9 and "5 points, less 1: 2 days late." in document["output"]
        assert sum(test.get("max_score", 0) for test in document["tests"]) == 92  # the written answer has its own rubric there
        assert "test_secret_name" not in json.dumps(document)
    assert "could not be isolated" in documents[1]["output"] and "could not be isolated" not in documents[0]["output"]
    assert [d["extra_data"]["isolation"] for d in documents] == ["bubblewrap", "process"] and len(notes) == 1


# JUnit: the schema of Jenkins' xunit plugin (junit-10.xsd) as a table: attributes allowed, attributes required, children

JUNIT = {
    "testsuites": ({"name", "time", "tests", "failures", "errors"}, set(), {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors", "group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"},
        {"name", "tests", "failures", "errors"},
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, {"name", "value"}, set()),
    "testcase": ({"name", "time", "classname", "group"}, {"name"}, {"skipped", "error", "failure", "system-out", "system-err"}),
    "skipped": ({"type", "message"}, set(), set()),
    "error": ({"type", "message"}, set(), set()),
    "failure": ({"type", "message"}, set(), set()),
    "system-out": (set(), set(), set()),
}


def test_junit_follows_the_schema_and_counts_right(made):
    results = [result("ada"), result("b<o>")]
    text, _ = made("junit", results, Options(late(results, 4.0)))
    root = xml.fromstring(text.encode())
    assert root.tag == "testsuites" and len(root) == 2
    for element in root.iter():
        allowed, required, children = JUNIT[element.tag]
        assert required <= set(element.keys()) <= allowed and {child.tag for child in element} <= children
    suite = root[1]
    counted = {kind: len(suite.findall(f"testcase/{kind}")) for kind in ("failure", "error", "skipped")}
    assert counted == {"failure": 3, "error": 4, "skipped": 1} and len(suite.findall("testcase")) == 9 == int(suite.get("tests"))
    assert [suite.get(name) for name in ("failures", "errors", "skipped")] == ["3", "4", "1"]
    facts = {p.get("name"): p.get("value") for p in suite.iter("property")}
    assert (facts["points"], facts["final_points"], facts["isolation"]) == ("5", "4", "bubblewrap")
    assert suite[2].find("failure").text.startswith('a "quoted" & <b>bold</b>')


# Hidden means hidden


def test_what_students_see_holds_no_seed_no_names_of_checks_and_no_fault_of_ours(tmp_path):
    each = result("ada")
    each.verdicts[8] = Verdict(
        "1.9-bytes", "grader_error", 0, 12, "the check test_secret broke: KeyError: 'answer'", {"test_secret": "grader_error"}
    )
    broken = Result("bo", ONE, "x", [each.verdicts[8]], problem="A fault: ValueError: test_secret")
    for shown in (feedback_page(each), feedback_page(broken), *(json.dumps(results_json(r, 0)) for r in (each, broken))):
        assert "secret" not in shown and "KeyError" not in shown and "ValueError" not in shown and "4711" not in shown
        assert "A fault of the grader, not of your answer." in shown
