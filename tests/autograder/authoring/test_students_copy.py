"""What leaves the house: the students' copy, the autograder bundle, and what feedback may say of hidden checks."""

import contextlib
import importlib
import inspect
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import types
import zipfile
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from autograder.authoring import packing, students_copy
from autograder.checks import asking, private_checks, recorded
from autograder.checks.files import CheckFiles, bank
from autograder.checks.recalled import answers_in
from autograder.checks.run import Outcome, run_checks
from autograder.checks.verdict import judge
from autograder.course import catalogue, paths
from autograder.exports import ExportError, Options, export, gradescope_bundle
from autograder.sandbox import launch, wire
from autograder.sandbox.box import Sandbox
from course_data.files import write_whole
from tests import SUBMITTED
from tests.files.notebooks import solved

LESSON = "01_affine_quantization"


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The students' copy in a folder; of the known mistakes, those of lesson 00 and 1.3 (recording all takes half a minute)."""
    folder = tmp_path_factory.mktemp("students") / "copy"
    record, patch = students_copy.record, pytest.MonkeyPatch()
    some = {"00_start_here": "0.1-bytes", LESSON: "1.3-quantize"}

    class Some(CheckFiles):
        def bank(self, lesson):
            return [a for a in super().bank(lesson) if a.exercise == some[lesson]]

    with patch.context() as m:
        m.setattr(
            students_copy, "record", lambda lesson, solution, of: record(lesson, solution, Some()) if lesson in some else wire.encode([])
        )
        students_copy.release(folder)
    return folder


def test_the_students_copy_holds_no_answer(copy):
    names = {p.relative_to(copy).as_posix() for p in copy.rglob("*") if p.is_file()}
    assert {
        "README.md",
        "lessons/01_affine_quantization.ipynb",
        "checks/lesson_01_affine_quantization/known.wire",
        "labs/studio/steps.py",
        "labs/report/templates/report.html",
        "data/datasets.py",
    } <= names
    assert not [n for n in names if re.search(r"hidden|bank|lesson\.py|solutions/|tests/|grading|authoring", n)]
    files = {name: (copy / name).read_bytes() for name in names}
    assert students_copy.leaks(files) == []
    for lesson in catalogue.lessons().values():
        shipped = catalogue.from_json(files[f"lessons/catalogue/{lesson.name}.json"].decode())
        assert all(check.visible for e in shipped.exercises for check in e.checks) and shipped.points == lesson.points
        secret = [c.name for e in lesson.exercises for c in e.checks if not c.visible]
        everything = b"\n".join(files.values())
        assert secret and not [name for name in secret if name.encode() in everything]


def test_a_lessons_data_goes_along_wherever_its_notebook_goes(copy):
    data = [path for lesson in catalogue.lessons() for path in paths.data_of(lesson).glob("*") if path.is_file()]
    assert data, "of the lessons here at least one reads a file"
    packaged = packing.package_files(lambda package: True)
    for path in data:
        name = path.relative_to(paths.REPOSITORY).as_posix()
        assert packaged[name] == path
        assert (copy / name.replace("solutions/", "checks/", 1)).read_bytes() == path.read_bytes()
    for folder in {path.parent for path in data}:
        assert "licence" in (folder / "README.md").read_text(encoding="utf-8"), f"{folder} does not say under which licence its files are"
    assert "*/data/*" in tomllib.loads((copy / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["course_lessons"]


def test_the_copy_installs_what_students_need_and_no_tools():
    project = tomllib.loads(students_copy._pyproject())
    ours = tomllib.loads((paths.REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["dependencies"] == ours["project"]["dependencies"]
    assert "optional-dependencies" not in project["project"] and project["tool"].keys() == {"setuptools"}


def test_an_answer_that_slips_in_is_found():
    for path in (paths.source_of(LESSON), paths.folder_of(LESSON) / "hidden.py", paths.folder_of(LESSON) / "bank.py"):
        text = re.sub(r" *# (blank|bug): .*", "", path.read_text())
        assert len(students_copy.leaks({"labs/x.py": text.encode()})) > 10, path
    assert students_copy.leaks({"x.py": b"import numpy as np\n# codes\nx = 1\n"}) == []


def test_the_students_copy_is_one_archive_and_overwrites_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(students_copy, "record", lambda lesson, solution, of: wire.encode([]))
    monkeypatch.setattr(students_copy, "solution", lambda lesson: {})
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1790000000")
    count, _ = students_copy.release(tmp_path / "a.zip")
    students_copy.release(tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert len(archive.namelist()) == count and all(n.startswith("compression-course/") for n in archive.namelist())
        assert {info.date_time for info in archive.infolist()} == {(2026, 9, 21, 14, 13, 20)}
    with pytest.raises(students_copy.ReleaseError, match="is already there"):
        students_copy.release(tmp_path)


def test_a_date_that_no_zip_can_hold(monkeypatch):
    for text, date in (("0", (1980, 1, 1, 0, 0, 0)), ("1790000001", (2026, 9, 21, 14, 13, 20))):  # zip counts every other second
        monkeypatch.setenv("SOURCE_DATE_EPOCH", text)
        with zipfile.ZipFile(io.BytesIO(packing.zip_of({"a": b"1"}))) as archive:
            assert archive.infolist()[0].date_time == date
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(packing.PackingError, match="SOURCE_DATE_EPOCH=yesterday"):
        packing.zip_of({"a": b"1"})


@pytest.mark.parametrize("lesson", [name for name in catalogue.lessons() if paths.library_of(name).exists()])
def test_the_courses_own_answers_work_in_the_copy_and_cannot_be_read_there(copy, lesson):
    ours = importlib.import_module(f"{paths.package_of(lesson)}.library")
    source = (copy / "checks" / paths.folder_of(lesson).name / "library.py").read_text()
    module = types.ModuleType("library")
    exec(source, module.__dict__)
    own = [name for name, value in vars(ours).items() if getattr(value, "__module__", "") == ours.__name__]
    assert own and all(callable(getattr(module, name)) for name in own)
    assert not [name for name in own if name in source]
    assert students_copy.leaks({"autograder/mine.py": paths.library_of(lesson).read_bytes()})
    with pytest.raises(OSError):
        inspect.getsource(inspect.unwrap(getattr(module, own[0])))


def test_what_is_imported_anywhere_goes_along_and_a_hidden_check_never_does(monkeypatch, tmp_path):
    found = packing.modules_needed(["def f():\n    from autograder.checks import modules", "import course_data.files, numpy"])
    wanted = {
        "autograder/__init__.py",
        "autograder/checks/__init__.py",
        "autograder/checks/modules.py",
        "data/__init__.py",
        "data/files.py",
    }
    assert wanted <= found.keys() and "autograder/sandbox/wire.py" in found, "and what these import"
    visible = tmp_path / "lesson_01" / "visible.py"
    write_whole(
        visible,
        (paths.folder_of(LESSON) / "visible.py").read_text() + "\nfrom course_lessons.lesson_01_affine_quantization import hidden\n",
    )
    with pytest.raises(students_copy.ReleaseError, match="lesson_01_affine_quantization/hidden.py, which must not go along"):
        students_copy.contents(CheckFiles("", {(LESSON, "visible"): visible}))


@pytest.mark.parametrize("exercise", ["1.3-quantize", "3.7-count"])
def test_a_recording_names_what_the_bank_names(exercise):
    lesson = catalogue.lesson_of(exercise)
    answers = [a for a in bank(lesson.name) if a.exercise == exercise]
    answers = [*[a for a in answers if a.right][:1], *[a for a in answers if not a.right][:5]]
    solution = students_copy.solution(lesson.name)

    @dataclass(frozen=True)
    class Of(CheckFiles):
        answers: tuple = ()

        def bank(self, lesson):
            return self.answers

    known = answers_in(recorded.record(lesson.name, solution, Of(answers=tuple(answers))))
    assert len(known) == len(answers) and all(a.note for a in known if not a.right) and not any(a.note for a in known if a.right)

    def message(answer, known):
        direct = asking.Direct({**solution, **answer.names})
        outcomes = run_checks(lesson.name, lambda _: contextlib.nullcontext(direct), seed=0, exercises=[exercise])
        return judge(lesson.name, lesson.exercise(exercise), outcomes, hidden=False, files=Of(answers=tuple(known))).message

    for answer in answers:
        assert message(answer, known) == message(answer, answers)


# Messages of hidden checks


def hidden_message(exercise, text, status):
    lesson = catalogue.lesson_of(exercise)
    found = lesson.exercise(exercise)
    outcomes = [Outcome(exercise, c.name, "passed" if c.visible else status, "" if c.visible else text, ()) for c in found.checks]
    return judge(lesson.name, found, outcomes, hidden=True).message


def test_an_exception_cannot_carry_the_inputs_of_a_hidden_check_away():
    inputs = " ".join(f"{n / 7:.6f}" for n in range(1000))
    message = hidden_message("1.6-calibrate", f"your code raised ValueError: {inputs} (line 3 of the cell)", "error")
    assert len(message) < 260 and len(re.findall(r"\d+\.\d+", message)) < 25
    assert (
        message.startswith("Your code raised ValueError: 0.000000")
        and "(line 3 of the cell). Read again: section 1.6-calibrate." in message
    )
    assert len(hidden_message("1.6-calibrate", f"the clip: expected {inputs}", "failed")) < 460


def test_a_bare_assert_in_a_private_check_shows_nothing_of_it(tmp_path):
    text = (paths.folder_of(LESSON) / "hidden.py").read_text()
    old = next(line for line in text.splitlines() if "The prediction is not right." in line)
    write_whole(tmp_path / "lesson_01" / "hidden.py", text.replace(old, '    assert student.value("predict_1_1") == "c"'))
    direct = asking.Direct({"predict_1_1": "b"})
    files = private_checks.read(tmp_path)
    outcomes = run_checks(LESSON, lambda _: contextlib.nullcontext(direct), seed=0, exercises=["1.1-predict"], hidden=True, files=files)
    assert [(o.status, o.message) for o in outcomes][1:] == [("failed", "the answer is not right")]


def test_no_wrong_choice_is_told_the_right_one():
    for lesson in catalogue.lessons().values():
        for exercise in lesson.exercises:
            for letter in exercise.choices:
                direct = asking.Direct({exercise.names[0]: letter})
                outcomes = run_checks(lesson.name, lambda _: contextlib.nullcontext(direct), seed=0, exercises=[exercise.id], hidden=True)
                for each in outcomes:
                    assert each.status == "passed" or not re.search(r"[\"'(][a-d][\"')]", each.message.replace(f"({letter})", "")), (
                        each.message
                    )


# The bundle for Gradescope, laid out as in its containers


WITHOUT = f"""
import runpy, sys
sys.modules.update(dict.fromkeys({[name.replace("pytest-", "") for name in gradescope_bundle.ONLY_TO_WORK]}))  # their import fails
del sys.argv[:2]  # this file and -m
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def bundled(tmp_path, lesson, points):
    """/autograder in another place: the unpacked bundle, and a Python with the libraries that it asks for, without bubblewrap."""
    root = tmp_path / "autograder"
    for name in ("source", "submission", "results", "libraries/bin"):
        (root / name).mkdir(parents=True)
    notes = export("gradescope-bundle", [], tmp_path / "bundle.zip", Options(lesson=lesson)).notes
    assert f"{points:g} autograder points" in notes[0]
    with zipfile.ZipFile(tmp_path / "bundle.zip") as archive:
        archive.extractall(root / "source")
        modes = {i.filename: i.external_attr >> 16 for i in archive.infolist()}
    assert modes["setup.sh"] == modes["run_autograder"] == 0o755
    (root / "without.py").write_text(WITHOUT)
    (root / "libraries/bin/python").write_text(f'#!/bin/sh\nPATH=/nowhere exec {sys.executable} {root / "without.py"} "$@"\n')
    (root / "libraries/bin/python").chmod(0o755)
    return root


@pytest.fixture
def autograder(tmp_path):
    return bundled(tmp_path, LESSON, 92)


def run(root):
    shutil.copy(root / "source" / "run_autograder", root / "run_autograder")
    (root / "run_autograder").chmod(0o755)
    process = subprocess.run(
        [root / "run_autograder"], capture_output=True, text=True, timeout=300, env={**os.environ, "AUTOGRADER_ROOT": str(root)}
    )
    assert process.returncode == 0, process.stderr
    return json.loads((root / "results" / "results.json").read_text())


@pytest.mark.skipif(sys.platform == "win32", reason="grading is for Linux")
def test_the_bundle_grades_a_submission_and_states_its_isolation(autograder):
    shutil.copy(SUBMITTED / "emil" / LESSON / f"{LESSON}.ipynb", autograder / "submission" / "my lesson (1).ipynb")
    document = run(autograder)
    statuses = {test["name"].split()[0]: test.get("status") for test in document["tests"]}
    assert (
        document["score"] == 77
        and statuses["1.3-quantize"] == "failed"
        and statuses["1.4-bug"] == "passed"
        and statuses["1.5-written"] is None
    )
    assert (
        document["extra_data"]["isolation"] == "process"
        and 'could not be isolated fully (level "process"): not closed off were' in document["output"]
    )
    assert "the network" in document["output"] and document["execution_time"] > 0


@pytest.mark.skipif(sys.platform == "win32", reason="grading is for Linux")
def test_a_bundle_gives_right_answers_every_point(tmp_path):
    lesson = catalogue.lessons()["06_stacking"]
    points = sum(e.points for e in lesson.exercises if not e.by_hand)
    root = bundled(tmp_path, lesson.name, points)
    (root / "submission" / "work.ipynb").write_text(nbformat.writes(solved(lesson.name)))
    document = run(root)
    assert document["score"] == points, document
    assert [test.get("status") for test in document["tests"]] == [None if e.by_hand else "passed" for e in lesson.exercises]


@pytest.mark.skipif(
    not (hasattr(os, "geteuid") and os.geteuid() == 0 and launch._other_users_can_run_python()),
    reason="not root with a Python that other users can read: the other user of students' code is NOT TESTED here",
)
def test_without_bubblewrap_a_grader_that_is_root_gives_students_another_user(tmp_path):
    tmp_path.chmod(0o700)
    (tmp_path / "secret").write_text("the checks")
    with Sandbox(isolation="process", preload=()) as sandbox:
        assert sandbox.isolation["real_user"] == f"uid {sandbox.isolation['uid']}" and sandbox.isolation["capabilities"] == 0
        with sandbox.session(seed=1) as session:
            tried = session.run_cell(f"open({str(tmp_path / 'secret')!r})", "1")
            assert tried.error_type == "PermissionError"
            left = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(60)\n    os._exit(0)\nprint(os.getuid())"
            uid = int(session.run_cell(left, "2").output)
    assert not [
        p for p in Path("/proc").iterdir() if p.name.isdigit() and p.stat().st_uid == uid and "State:\tZ" not in (p / "status").read_text()
    ]


def test_the_bundle_always_writes_results(autograder):
    assert subprocess.run(["bash", "-n", autograder / "source" / "setup.sh"]).returncode == 0
    document = run(autograder)
    assert document["score"] == 0 and "There is no notebook (.ipynb) in this submission" in document["output"]
    assert len(document["tests"]) == 9
    (autograder / "source" / "settings.json").write_text("{")
    document = run(autograder)
    assert document["score"] == 0 and "A fault of the grader" in document["output"] and "JSON" not in json.dumps(document)


def test_a_bundle_holds_one_lessons_checks_and_no_solutions(autograder):
    names = {p.relative_to(autograder / "source").as_posix() for p in (autograder / "source").rglob("*") if p.is_file()}
    assert {n for n in names if n.endswith("hidden.py")} == {"course/course_lessons/lesson_01_affine_quantization/hidden.py"}
    assert not [n for n in names if "solutions" in n or "tests" in n]
    # Of the answers, those that settle whether a check or a reply is at fault.
    assert [n for n in names if "solution" in n] == [packed := "course/course_lessons/lesson_01_affine_quantization/solution.py"]
    exec((autograder / "source" / packed).read_text(), answers := {"__name__": "solution"})
    assert answers.keys() >= {name for e in catalogue.lessons()[LESSON].exercises for name in e.names}
    with pytest.raises(ExportError, match="give it with --lesson"):
        export("gradescope-bundle", [], autograder / "x.zip")
