"""`course report`: what a class got wrong, told from its results alone, held against what was planted in it."""

import contextlib
import csv
import hashlib
import html
import io
import json
import re
import sys

import nbformat
import pytest

from autograder.authoring import answers
from autograder.checks import asking
from autograder.checks.files import bank
from autograder.checks.run import run_checks
from autograder.checks.verdict import Verdict, judge
from autograder.cli import main
from autograder.course import catalogue
from autograder.grading.class_run import write_gradebook
from autograder.grading.results_folder import result_file
from autograder.grading.submission import Result, grade
from autograder.sandbox.box import Sandbox
from course_data.files import write_whole
from tests.files.notebooks import cell_of, solved

LESSON, LATER = "01_affine_quantization", "02_magnitude_pruning"
STUDENTS = [f"{first} {last}" for first in ("Ada", "Chen", "Zoë", "Emil") for last in ("Lovelace", "Noether", "Turing")]
ROUND, SIGN, ZERO = "1.3-quantize", "1.4-bug", "1.2-scale"


def wrong(exercise, number):
    return [a for a in bank(LESSON) if a.exercise == exercise and not a.right][number]


# What is planted: the first five students make one mistake, and so on; the last is in no bank.
PLANTED = {ROUND: (wrong(ROUND, 0), 5), SIGN: (wrong(SIGN, 0), 4), ZERO: (wrong(ZERO, 0), 2)}
NAMELESS, NAMELESS_COUNT = "1.6-calibrate", 3


@pytest.fixture(scope="module")
def verdicts():
    """(exercise, what was answered: "right", "planted" or "nameless") -> the grader's verdict."""
    solution, found = answers.solution(LESSON), {}

    def ask(exercise, what, names):
        outcomes = run_checks(
            LESSON,
            lambda _: contextlib.nullcontext(asking.Direct({**solution, **names})),
            seed=1,
            exercises=[exercise.id],
            hidden=True,
        )
        found[exercise.id, what] = judge(LESSON, exercise, outcomes, hidden=True)

    for exercise in catalogue.lessons()[LESSON].exercises:
        if exercise.by_hand:
            found[exercise.id, "right"] = Verdict(exercise.id, "needs_manual", 0, exercise.points, "A person reads this answer.", {})
            continue
        ask(exercise, "right", {})
        if exercise.id in PLANTED:
            ask(exercise, "planted", PLANTED[exercise.id][0].names)
        if exercise.id == NAMELESS:
            ask(exercise, "nameless", dict.fromkeys(exercise.names, lambda *values: "<script>alert(1)</script>"))
    return found


@pytest.fixture
def out(tmp_path, verdicts):
    """A folder as `course grade` leaves it, with the notebooks that were graded."""
    results = []
    for number, student in enumerate(STUDENTS):
        mine = []
        for exercise in catalogue.lessons()[LESSON].exercises:
            planted = exercise.id in PLANTED and number < PLANTED[exercise.id][1]
            nameless = exercise.id == NAMELESS and number < NAMELESS_COUNT
            mine.append(verdicts[exercise.id, "planted" if planted else "nameless" if nameless else "right"])
        notebook = solved(LESSON)
        cell_of(
            notebook, ROUND
        ).source = (
            f"# by {student}\ndef quantize(x, scale):\n    '''Mine, {student}.'''\n    name = '{student.split()[1]}'\n    return trunc(x)"
        )
        path = tmp_path / "class" / f"{number}.ipynb"
        write_whole(path, nbformat.writes(notebook))
        results.append(Result(student, LESSON, str(path), mine, hashlib.sha256(path.read_bytes()).hexdigest()))
    return write(tmp_path / "out", results)


def write(out, results):
    for result in results:
        write_whole(result_file(out, result.student, result.lesson), json.dumps(result.to_dict()))
    write_gradebook(out, results)
    return out


@pytest.fixture
def course(capsys, monkeypatch):
    """Run `course report` in this process; returns (status, what it printed, its error output)."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["course", "report", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main.main()
        printed = capsys.readouterr()
        return ended.value.code or 0, printed.out, printed.err

    return run


def text_of(page):
    """What a reader sees of the page."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page.read_text(encoding="utf-8"))))


def test_the_three_things_to_say_are_what_was_planted_most(out, course):
    status, said, _ = course(out)
    assert status == 0
    told = [re.match(r"(\S+)  (\d+) of 12: (.*)", line).groups() for line in said.splitlines()[:3]]
    assert [(exercise, int(count)) for exercise, count, _ in told] == [(ROUND, 5), (SIGN, 4), (NAMELESS, 3)]
    assert [text for _, _, text in told[:2]] == [PLANTED[exercise][0].note.rstrip(".") for exercise in (ROUND, SIGN)]
    assert told[2][2].startswith("without a name yet: ")
    page = text_of(out / "report.html")
    for exercise in (ROUND, SIGN):
        assert f"5 of 12 {ROUND}" in page and PLANTED[exercise][0].note.rstrip(".") in page.replace("`", "")
    assert PLANTED[ZERO][0].note not in page, "two students share it"


def test_the_table_says_the_same_in_numbers(out, course):
    course(out, "--least", 1)
    rows = list(csv.DictReader(io.StringIO((out / "report.csv").read_text(encoding="utf-8"))))
    mistakes = {row["exercise"]: (row["name"], int(row["students"])) for row in rows if row["what"] == "mistake"}
    assert mistakes == {exercise: (answer.note.rstrip("."), count) for exercise, (answer, count) in PLANTED.items()}
    exercises = {row["exercise"]: row for row in rows if row["what"] == "exercise"}
    assert exercises[ROUND]["share"] == f"{7 / 12:.3f}" and exercises["1.8-matmul"]["share"] == "1.000"
    assert float(exercises[ROUND]["discrimination"]) > 0.5 and exercises["1.8-matmul"]["discrimination"] == ""
    assert "1.5-written" not in exercises, "a person gives these points"
    failed = {row["name"]: row["share"] for row in rows if row["what"] == "check" and row["exercise"] == SIGN}
    assert f"{8 / 12:.3f}" in failed.values()


def test_nobody_is_named_unless_asked_and_nothing_on_the_page_runs(out, course):
    course(out)
    content = (out / "report.html").read_text(encoding="utf-8")
    for student in STUDENTS:
        for part in (student, *student.split()):
            assert part not in content
    assert "return trunc(x)" in content and "<script" not in content and "http" not in content
    course(out, "--names", "--file", out / "named.html")
    assert [student for student in STUDENTS if student in text_of(out / "named.html")] == STUDENTS[:2], "who has less than half"


def test_a_notebook_that_has_changed_gives_no_example(out, course, tmp_path):
    for path in (tmp_path / "class").iterdir():
        path.write_text("{}")
    course(out)
    assert "return trunc(x)" not in (out / "report.html").read_text(encoding="utf-8")


def test_a_small_class_is_not_told_one_by_one(tmp_path, course, verdicts):
    exercise = next(e for e in catalogue.lessons()[LESSON].exercises if e.id == ROUND)
    results = [Result(student, LESSON, "x", [verdicts[exercise.id, "planted"]]) for student in STUDENTS[:2]]
    status, said, _ = course(write(tmp_path / "out", results))
    page = text_of(tmp_path / "out" / "report.html")
    assert status == 0 and "Fewer than 3 submissions" in page and PLANTED[ROUND][0].note not in page + said


def test_weeks_are_compared_and_a_fall_is_told(tmp_path, course):
    def result(student, lesson, share):
        verdicts = [
            Verdict(e.id, "passed" if share == 1 else "failed", e.points * share, e.points, "It is wrong.", {})
            for e in catalogue.lessons()[lesson].exercises
            if not e.by_hand
        ]
        return Result(student, lesson, "x", verdicts)

    results = [result(s, LESSON, 1) for s in STUDENTS] + [result(s, LATER, 0.6 if s == STUDENTS[3] else 1) for s in STUDENTS[:8]]
    course(write(tmp_path / "out", results), "--names")
    page = text_of(tmp_path / "out" / "report.html")
    assert f"{STUDENTS[3]}: 60 % after 100 % on average before" in page
    assert "4 students who handed in other lessons did not hand in this one" in page


def test_a_fault_of_ours_and_an_unreadable_file_are_counted_apart(tmp_path, course, verdicts):
    broken = Verdict(ROUND, "grader_error", 0, 10, "a check broke", {})
    results = [Result(student, LESSON, "x", [broken]) for student in STUDENTS[:4]]
    results.append(Result(STUDENTS[4], LESSON, "x", [Verdict(ROUND, "missing", 0, 10, "No.", {})], problem="It is no notebook"))
    course(write(tmp_path / "out", results))
    page = text_of(tmp_path / "out" / "report.html")
    assert "1 file could not be read" in page and "In 4 submissions the grader itself had a fault" in page
    assert "No mistake is shared" in page and "May need help Nobody" in page


def test_results_of_an_earlier_version_are_told(out, course):
    """They keep the words of a message, and not the mistake that it names."""
    assert "earlier version" not in course(out)[1]
    for student in STUDENTS[:2]:
        path = result_file(out, student, LESSON)
        data = json.loads(path.read_text())
        for verdict in data["verdicts"]:
            del verdict["mistake"]
        path.write_text(json.dumps(data))
    status, said, _ = course(out)
    assert status == 0 and "2 results of an earlier version" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "holds no grades.csv"),
        (["OUT", "--file", "report.pdf"], "a name that ends in .html"),
        (["OUT", "--file", "nowhere/at/all.html"], ""),
    ],
)
def test_a_mistake_of_the_instructor_is_one_line(out, course, arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, _, error = course(*[out if word == "OUT" else word for word in arguments])
    if words:
        assert status == 2 and error.startswith("course: ") and words in error and error.count("\n") == 1
    else:
        assert status == 0 and (tmp_path / "nowhere" / "at" / "all.html").exists()


@pytest.mark.usefixtures("bubblewrap")
def test_the_grader_keeps_the_mistake_that_it_names(tmp_path):
    notebook = solved(LESSON)
    cell_of(notebook, ROUND).source = cell_of(notebook, ROUND).source.replace("np.rint(", "np.floor(")
    with Sandbox(preload=("numpy",)) as sandbox:
        result = grade(nbformat.writes(notebook).encode(), "ada", LESSON, sandbox, seed=1, exercises=[ROUND])
    (verdict,) = result.verdicts
    assert verdict.mistake.startswith("rounds down") and f"known mistake: {verdict.mistake}." in verdict.message
    again = Result.from_dict(json.loads(json.dumps(result.to_dict())))
    assert again.verdicts == result.verdicts
    old = result.to_dict()
    del old["verdicts"][0]["mistake"]
    assert Result.from_dict(old).verdicts[0].mistake == "", "a result of an earlier version"
