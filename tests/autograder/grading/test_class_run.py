"""`course grade` and `course export` on folders as they come: part of a class, links, the downloads of other systems, times, a roster.

What a notebook earns is no matter here, so no code of students runs: each gets points for its first exercise.
"""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import unicodedata
import zipfile
from datetime import UTC
from pathlib import Path

import pytest

from autograder.checks.verdict import Verdict
from autograder.cli import main
from autograder.course import catalogue, paths
from autograder.course.handed_in import read_beside
from autograder.grading import class_run, provenance, times, unpacking
from autograder.grading.finding import find_submissions
from autograder.grading.submission import Result

ONE, LAB = "01_affine_quantization", "compression_studio"
NOTEBOOK = paths.notebook_of(ONE).read_bytes()
STUDIO = paths.notebook_of(LAB).read_bytes()


@pytest.fixture
def course(monkeypatch, capsys):
    """Run the `course` command in this process, without running students' code; returns (exit status, what it said)."""

    def grade_tasks(items, prepare, executors, again=()):
        for item in items:
            task = prepare(item)
            exercise, *others = catalogue.lessons()[task.lesson].exercises
            verdicts = [Verdict(exercise.id, "passed", exercise.points, exercise.points, f"seed {task.settings.seed}", {})]
            verdicts += [Verdict(e.id, "blank", 0, e.points, "", {}) for e in others]
            yield (
                item,
                Result(
                    task.student,
                    task.lesson,
                    task.file,
                    verdicts,
                    sha256=class_run.hashlib.sha256(task.data).hexdigest(),
                    seed=task.settings.seed,
                    hashes=provenance.hashes(task.lesson),
                    artefacts=task.handed.record(),
                ),
            )

    monkeypatch.setattr(class_run, "grade_tasks", grade_tasks)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words, status=0):
        monkeypatch.setattr(sys, "argv", ["course", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main.main()
        said = capsys.readouterr()
        assert (ended.value.code or 0) == status, said.out + said.err
        return said.out + said.err

    return run


def put(path, data=NOTEBOOK):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def submit(folder, *students, lesson=ONE, data=NOTEBOOK):
    for student in students:
        put(folder / student / lesson / f"{lesson}.ipynb", data)
    return folder


def gradebook(out):
    with open(out / "grades.csv", newline="", encoding="utf-8") as file:
        return list(dict.fromkeys(row["student"] for row in csv.DictReader(file)))


# A run over a part


def test_a_run_over_a_part_keeps_the_rest_and_says_so(course, tmp_path):
    out = tmp_path / "out"
    course("grade", submit(tmp_path / "class", "ada", "bo", "zoe"), "--out", out)
    said = course("grade", submit(tmp_path / "late", "chen"), "--out", out)
    assert gradebook(out) == ["ada", "bo", "chen", "zoe"]
    assert "Kept from earlier runs: 3 submissions of 3 students" in said and "--drop-others removes them" in said
    assert [line for line in said.splitlines() if "ada" in line] == []
    # What follows works on the whole gradebook.
    assert "from 4 submissions of 4 students" in course("export", out, "--to", "csv", "--file", tmp_path / "all.csv")
    said = course("grade", tmp_path / "late", "--out", out, "--drop-others")
    assert gradebook(out) == ["chen"] and "Kept" not in said
    assert [p.name for p in (out / "results").iterdir()] == [p.name for p in (out / "feedback").iterdir()] == ["chen"]


def test_another_lesson_in_the_same_place_keeps_the_first(course, tmp_path):
    out = tmp_path / "out"
    course("grade", submit(tmp_path / "one", "ada"), "--out", out)
    course("grade", submit(tmp_path / "lab", "ada", lesson=LAB, data=STUDIO), "--out", out)
    assert {(r["student"], r["lesson"]) for r in csv.DictReader((out / "grades.csv").open())} == {("ada", ONE), ("ada", LAB)}


def test_a_result_of_another_version_is_said_and_stays(course, tmp_path):
    out = tmp_path / "out"
    course("grade", submit(tmp_path / "class", "ada", "bo"), "--out", out)
    old = out / "results" / "bo" / f"{ONE}.json"
    old.write_text('{"student": "bo"}')
    said = course("grade", submit(tmp_path / "late", "chen"), "--out", out)
    assert f"note  {old} is no result that counts (of another version, or of a run that was stopped), so not in the gradebook" in said
    assert gradebook(out) == ["ada", "chen"] and old.exists()


def test_a_regrade_of_a_part_changes_that_part(course, tmp_path):
    out = tmp_path / "out"
    course("grade", submit(tmp_path / "class", "ada", "bo"), "--out", out)
    shutil.copytree(tmp_path / "class" / "bo", tmp_path / "part" / "bo")
    before = (out / "results" / "ada" / f"{ONE}.json").read_bytes()
    said = course("grade", tmp_path / "part", "--out", out, "--regrade", "--yes")
    assert gradebook(out) == ["ada", "bo"] and "not handed in any more" not in said and "Kept from earlier runs: 1 submission" in said
    assert (out / "results" / "ada" / f"{ONE}.json").read_bytes() == before and (out / "feedback" / "ada" / f"{ONE}.html").exists()
    said = course("grade", tmp_path / "part", "--out", out, "--regrade", "--yes", "--drop-others")
    assert "It is not handed in any more." in said and gradebook(out) == ["bo"] and not (out / "results" / "ada").exists()


POLICY = "time_zone: UTC\ndeadlines:\n  01: 2026-10-12 12:00\npenalty:\n  percent_per_day: 50\n"


def at(path, time):
    os.utime(path, (0, times.parse_time(time, UTC).timestamp()))


def test_a_part_keeps_the_penalties_of_the_rest(course, tmp_path):
    out, rules = tmp_path / "out", tmp_path / "policy.yaml"
    rules.write_text(POLICY)
    at(submit(tmp_path / "class", "ada") / "ada" / ONE / f"{ONE}.ipynb", "2026-10-13 10:00")
    course("grade", tmp_path / "class", "--out", out, "--policy", rules, "--file-times")
    shutil.rmtree(tmp_path / "class")  # what was graded then lies elsewhere now
    at(submit(tmp_path / "late", "bo") / "bo" / ONE / f"{ONE}.ipynb", "2026-10-12 10:00")
    course("grade", tmp_path / "late", "--out", out, "--policy", rules, "--file-times")
    final = {r["student"]: (r["days_late"], r["final_points"]) for r in csv.DictReader((out / "penalties.csv").open())}
    assert final == {"ada": ("1", "2.5"), "bo": ("0", "5")}
    # Without the policy nothing is written: it would take back what is due.
    before = (out / "grades.csv").read_bytes()
    for words in (("grade", tmp_path / "late", "--out", out), ("export", out, "--to", "csv", "--file", tmp_path / "x.csv")):
        said = course(*words, status=2)
        assert "under a policy for late work" in said and (out / "grades.csv").read_bytes() == before
    # A new file has a new time: the old one says nothing about it.
    assert "no time for bo 01" in course("grade", tmp_path / "late", "--out", out, "--policy", rules, status=2)
    course("export", out, "--to", "csv", "--file", tmp_path / "x.csv", "--policy", rules)
    assert [r["final_points"] for r in csv.DictReader((tmp_path / "x.csv").open())] == ["2.5", "5"]


# Times that students could write


def test_a_students_own_timestamp_is_not_believed(course, tmp_path):
    out, rules, folder = tmp_path / "out", tmp_path / "policy.yaml", submit(tmp_path / "class", "ada", "eve")
    rules.write_text(POLICY)
    for student in ("ada", "eve"):
        at(folder / student / ONE / f"{ONE}.ipynb", "2026-10-13 10:00")
    put(folder / "eve" / ONE / "timestamp.txt", b"2026-10-01 00:00:00 UTC")

    def final(*how):
        said = course("grade", folder, "--out", out, "--policy", rules, *how)
        return {r["student"]: r["final_points"] for r in csv.DictReader((out / "penalties.csv").open())}, said

    assert final("--file-times")[0] == {"ada": "2.5", "eve": "2.5"}
    put(folder / "ada" / ONE / "timestamp.txt", b"2026-10-12 11:00:00 UTC")
    put(folder / "eve" / ONE / "timestamp.txt", b"\xff\xfe when?")
    points, said = final("--nbgrader-times")
    assert points == {"ada": "5", "eve": "0"} and f"note  eve, {ONE}: no points count until its time is known: timestamp.txt:" in said
    assert "is not known" in (out / "feedback" / "eve" / f"{ONE}.html").read_text()
    assert "need --policy" in course("grade", folder, "--out", tmp_path / "other", "--nbgrader-times", status=2)


# Links and names


def test_a_link_is_nobodys_work_and_is_said(course, tmp_path):
    folder, out = submit(tmp_path / "class", "Ada"), tmp_path / "out"
    (folder / "copycat").symlink_to("Ada")
    (folder / f"eve_{ONE}.ipynb").symlink_to(folder / "Ada" / ONE / f"{ONE}.ipynb")
    (folder / "fay").mkdir()
    (folder / "fay" / ONE).symlink_to(folder / "Ada" / ONE)
    said = course("grade", folder, "--out", out)
    assert gradebook(out) == ["Ada"] and said.count("a link, so not this student's own work") == 3
    assert not (out / "results" / "copycat").exists()


def test_names_that_look_alike_are_one_student_and_odd_names_are_safe(course, tmp_path):
    out, folder = tmp_path / "out", tmp_path / "class"
    submit(folder, unicodedata.normalize("NFD", "José"), "=1+1", "'=1+1", 'x;"=1+1', "CON", "a:b", "مریم\u200cزاده")
    course("grade", folder, "--out", out)
    said = course("export", out, "--to", "csv", "--file", tmp_path / "x.csv")
    assert "from 7 submissions of 7 students" in said
    assert sorted(p.name for p in (out / "results").iterdir()) == sorted(
        ["José", "=1+1", "'=1+1", "x;%22=1+1", "%43ON", "a%3Ab", "مریم\u200cزاده"]
    )
    course("export", out, "--to", "gradescope", "--file", tmp_path / "g")
    assert len(list((tmp_path / "g").glob("*/*/results.json"))) == 7
    roster = tmp_path / "canvas.csv"
    roster.write_text("Student,ID,SIS User ID,SIS Login ID,Section\nX,7,,José,A\n", encoding="utf-8")
    assert "from 1 submission of 1 student" in course("export", out, "--to", "canvas", "--file", tmp_path / "c.csv", "--roster", roster)


@pytest.mark.parametrize("name", ["grades.csv", "grading.json", f"results/ada/{ONE}.json"])
def test_a_byte_order_mark_in_our_own_files_says_nothing(course, tmp_path, name):
    out = tmp_path / "out"
    folder = submit(tmp_path / "class", "ada", "bo")
    course("grade", folder, "--out", out, "--seed", "5")
    (out / name).write_bytes(b"\xef\xbb\xbf" + (out / name).read_bytes())
    course("export", out, "--to", "csv", "--file", tmp_path / "x.csv")
    course("grade", folder, "--out", out)
    assert json.loads((out / "grading.json").read_bytes())["seed"] == 5


def test_a_gradebook_that_a_spreadsheet_saved_again_is_read(course, tmp_path):
    out = tmp_path / "out"
    course("grade", submit(tmp_path / "class", "ada", "=x"), "--out", out)
    rows = list(csv.reader((out / "grades.csv").open(newline="")))
    with open(out / "grades.csv", "w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file, delimiter=";").writerows(rows)
    assert "from 2 submissions" in course("export", out, "--to", "csv", "--file", tmp_path / "x.csv")


# Downloads of other systems


CANVAS = {
    f"lovelaceada_12345_670001_{ONE}.ipynb": NOTEBOOK,
    f"lovelaceada_12345_670002_{ONE}-1.ipynb": NOTEBOOK + b"\n",
    f"lovelaceada_12345_670003_{ONE}-2.ipynb": NOTEBOOK + b" ",
    f"leebo_LATE_222_680001_{ONE}.ipynb": NOTEBOOK,
    "chenli_333_690001_notes.pdf": b"%PDF",
    f"mallory_444_700001_lovelaceada_12345_999999_{ONE}.ipynb": NOTEBOOK,
}
MOODLE = {
    f"Ada Lovelace_1234567_assignsubmission_file_/{ONE}.ipynb": NOTEBOOK,
    "Bo Lee_1234568_assignsubmission_file_/my work.ipynb": NOTEBOOK,
    f"Zoë Ärz_1234570_assignsubmission_file/sub/{ONE}.ipynb": NOTEBOOK,
    "Li Chen_1234569_assignsubmission_file_/notes.pdf": b"%PDF",
    "Li Chen_1234569_assignsubmission_onlinetext_/onlinetext.html": b"see file",
}
MOODLE_FLAT = {
    f"Ada Lovelace_1234567_assignsubmission_file_{ONE}.ipynb": NOTEBOOK,
    f"Bo Lee_1234568_assignsubmission_file_Bo_99_assignsubmission_file_{ONE}.ipynb": NOTEBOOK,
}
BLACKBOARD = {
    f"Homework 1_alovelace_attempt_2026-11-29-10-11-12_{ONE}.ipynb": NOTEBOOK,
    f"Homework 1_alovelace_attempt_2026-11-30-10-11-12_{ONE}.ipynb": NOTEBOOK + b"\n",
    "Homework 1_alovelace_attempt_2026-11-30-10-11-12.txt": b"Name: Ada Lovelace (alovelace)",
    "Homework 1_lchen_attempt_2026-11-30-10-11-12.txt": b"Name: Li Chen (lchen)",
    f"Homework 1_eve_attempt_2026-11-28-10-11-12_x_alovelace_attempt_2099-01-01-00-00-00_{ONE}.ipynb": NOTEBOOK,
}
ILIAS = {
    f"Lovelace_Ada_alovelace_123456/20261129101112_{ONE}.ipynb": NOTEBOOK,
    f"Lovelace_Ada_alovelace_123456/20261130101112_{ONE}.ipynb": NOTEBOOK + b"\n",
    f"Lee_Bo_blee_123457/{ONE}.ipynb": NOTEBOOK,
}
LAYOUTS = {
    "Canvas": (
        CANVAS,
        {
            "lovelaceada_12345": f"lovelaceada_12345_670003_{ONE}-2.ipynb",
            "leebo_222": f"leebo_LATE_222_680001_{ONE}.ipynb",
            "chenli_333": None,
            "mallory_444": f"mallory_444_700001_lovelaceada_12345_999999_{ONE}.ipynb",
        },
    ),
    "Moodle": (MOODLE, {"Ada Lovelace": f"{ONE}.ipynb", "Bo Lee": "my work.ipynb", "Zoë Ärz": f"{ONE}.ipynb", "Li Chen": None}),
    "Moodle, side by side": (
        MOODLE_FLAT,
        {
            "Ada Lovelace": f"Ada Lovelace_1234567_assignsubmission_file_{ONE}.ipynb",
            "Bo Lee": f"Bo Lee_1234568_assignsubmission_file_Bo_99_assignsubmission_file_{ONE}.ipynb",
        },
    ),
    "Blackboard": (
        BLACKBOARD,
        {
            "alovelace": f"Homework 1_alovelace_attempt_2026-11-30-10-11-12_{ONE}.ipynb",
            "lchen": None,
            "eve": f"Homework 1_eve_attempt_2026-11-28-10-11-12_x_alovelace_attempt_2099-01-01-00-00-00_{ONE}.ipynb",
        },
    ),
    "ILIAS": (ILIAS, {"alovelace": f"20261130101112_{ONE}.ipynb", "blee": f"{ONE}.ipynb"}),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_downloads_of_other_systems_are_recognised(course, tmp_path, name):
    files, expected = LAYOUTS[name]
    for path, data in files.items():
        put(tmp_path / "class" / path, data)
    found = find_submissions(tmp_path / "class")
    assert {e.student: e.path and e.path.name for e in found.entries} == expected
    assert any(name.split(",")[0] in note for note in found.notes)
    earlier = [why for _, why in found.passed_over if "an earlier attempt" in why]
    assert len(earlier) == {"Canvas": 2, "Blackboard": 1, "ILIAS": 1}.get(name, 0) and all("was graded" in why for why in earlier)
    said = course("grade", tmp_path / "class", "--out", tmp_path / "out")
    assert sorted(gradebook(tmp_path / "out")) == sorted(expected) and f"as {name.split(',')[0]} names" in said


def test_two_students_of_one_name_stay_two(tmp_path):
    for number in ("11", "22"):
        put(tmp_path / f"Ada Lovelace_{number}_assignsubmission_file_" / f"{ONE}.ipynb")
    assert [e.student for e in find_submissions(tmp_path).entries] == ["Ada Lovelace_11", "Ada Lovelace_22"]


def test_lab_files_come_with_the_notebook_in_every_layout(tmp_path):
    files = catalogue.lessons()[LAB].files
    name, other = files[0], files[1]
    stem, _, ending = name.rpartition(".")
    places = {
        f"canvas/lovelaceada_1_670001_{LAB}.ipynb": {
            name: f"canvas/lovelaceada_1_670009_{stem}-1.{ending}",
            other: f"canvas/lovelaceada_1_670003_{other}",
        },
        f"moodle/Ada Lovelace_7_assignsubmission_file_/{LAB}.ipynb": {name: f"moodle/Ada Lovelace_7_assignsubmission_file_/{name}"},
        f"nested/Ada Lovelace_7_assignsubmission_file_/{LAB}.ipynb": {
            name: f"nested/Ada Lovelace_7_assignsubmission_file_/{LAB}_artefacts/{name}"
        },
        f"flat/Ada Lovelace_7_assignsubmission_file_{LAB}.ipynb": {name: f"flat/Ada Lovelace_7_assignsubmission_file_{name}"},
        f"bb/HW_ada_attempt_2026-11-30-10-11-12_{LAB}.ipynb": {name: f"bb/HW_ada_attempt_2026-11-30-10-11-12_{name}"},
        f"ilias/L_A_ada_1/20261130101112_{LAB}.ipynb": {name: f"ilias/L_A_ada_1/20261130101113_{name}"},
        f"nbgrader/ada/{LAB}/{LAB}.ipynb": {name: f"nbgrader/ada/{LAB}/{name}"},
    }
    put(tmp_path / f"canvas/lovelaceada_1_670001_{name}", b"the first try")
    put(tmp_path / f"canvas/leebo_2_690009_{name}", b"another student's")
    put(tmp_path / f"bb/HW_ada_attempt_2026-11-29-10-11-12_{name}", b"an earlier attempt")
    put(tmp_path / f"bb/HW_eve_attempt_2026-11-30-10-11-12_{other}", b"another student's")
    for notebook, beside in places.items():
        put(tmp_path / notebook, STUDIO)
        for each, path in beside.items():
            put(tmp_path / path, f"{notebook} {each}".encode())
        handed = read_beside(tmp_path / notebook, LAB, files)
        assert handed.files == {each: f"{notebook} {each}".encode() for each in beside} and not handed.problems, notebook
        (entry,) = [e for e in find_submissions((tmp_path / notebook.partition("/")[0])).entries if e.path]
        assert entry.lesson == LAB
    # Beside notebooks of several students a file is nobody's, and a link is no file.
    put(tmp_path / "side" / f"ada_{LAB}.ipynb", STUDIO)
    put(tmp_path / "side" / name, b"whose?")
    assert read_beside(tmp_path / "side" / f"ada_{LAB}.ipynb", LAB, files).files == {}
    (tmp_path / f"moodle/Ada Lovelace_7_assignsubmission_file_/{other}").symlink_to(tmp_path / "side" / name)
    handed = read_beside(tmp_path / f"moodle/Ada Lovelace_7_assignsubmission_file_/{LAB}.ipynb", LAB, files)
    assert other not in handed.files and "no link to it" in handed.problems[other]


def test_a_class_that_is_named_like_a_student_shares_no_files(tmp_path):
    folder, files = tmp_path / "Course_WS_2026_12", catalogue.lessons()[LAB].files
    for student in ("ada", "bo"):
        put(folder / f"{student}_{LAB}.ipynb", STUDIO)
    put(folder / files[0], b"whose?")
    assert read_beside(folder / f"ada_{LAB}.ipynb", LAB, files).files == {}


def test_in_a_students_folder_the_notebook_named_like_the_lesson_counts(tmp_path):
    for name in (f"{ONE}-Copy1", ONE, "try"):
        put(tmp_path / "ada" / f"{name}.ipynb")
    (tmp_path / "bo" / ONE).mkdir(parents=True)
    put(tmp_path / "bo" / f"{ONE}.ipynb")
    found = find_submissions(tmp_path)
    assert {e.student: e.path.name for e in found.entries} == {"ada": f"{ONE}.ipynb", "bo": f"{ONE}.ipynb"} and len(found.passed_over) == 2


def test_who_hands_in_lab_files_alone_is_in_the_gradebook(tmp_path):
    put(tmp_path / f"lovelaceada_1_670001_{LAB}.ipynb", STUDIO)
    put(tmp_path / f"leebo_2_670002_{catalogue.lessons()[LAB].files[0]}", b"x")
    assert {e.student: e.path is None for e in find_submissions(tmp_path).entries} == {"lovelaceada_1": False, "leebo_2": True}


# Blackboard: an assignment's name and a login may both hold the sign that stands between them.


@pytest.mark.parametrize(
    "logins, notes, found",
    [
        (["a_lovelace", "bo"], False, ["a_lovelace", "bo"]),
        (["a_lovelace", "a_lee"], True, ["a_lee", "a_lovelace"]),
        (["a_lovelace"], True, ["a_lovelace"]),
        (["a_lovelace"], False, ["lovelace"]),
        (["ada", "bo"], False, ["ada", "bo"]),
    ],
)
def test_logins_of_blackboard_are_whole(course, tmp_path, logins, notes, found):
    for login in logins:
        start = f"Home_work 1_{login}_attempt_2026-11-30-10-11-12"
        put(tmp_path / "class" / f"{start}_my_attempt_{ONE}.ipynb")
        if notes:
            put(tmp_path / "class" / f"{start}.txt", f"Name: Somebody (or other) ({login})\nAssignment: Home_work 1\n".encode())
    course("grade", tmp_path / "class", "--out", tmp_path / "out")
    assert gradebook(tmp_path / "out") == found


# A student's zip


def packed(files):
    """The bytes of a zip with files, name -> bytes, or a ZipInfo -> bytes."""
    with zipfile.ZipFile(buffer := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


MODELS = {name: name.encode() for name in catalogue.lessons()[LAB].files}
BESIDE = {f"{LAB}.ipynb": STUDIO, **{f"{LAB}_artefacts/{name}": data for name, data in MODELS.items()}}
ZIPS = {
    "Canvas": {f"lovelaceada_12345_670001_{LAB}.zip": packed(BESIDE)},
    "Canvas, a folder in it": {"lovelaceada_12345_670001_work-1.zip": packed({f"{LAB}/{name}": data for name, data in BESIDE.items()})},
    "Canvas, files side by side": {"lovelaceada_12345_670001_lab.zip": packed({f"{LAB}.ipynb": STUDIO, **MODELS})},
    "Moodle": {"Ada Lovelace_77_assignsubmission_file_/lab.zip": packed(BESIDE)},
    "Moodle, a zip in the zip": {"Ada Lovelace_77_assignsubmission_file_/lab.zip": packed({"my work.zip": packed(BESIDE)})},
    "Moodle, side by side": {"Ada Lovelace_77_assignsubmission_file_lab.zip": packed(BESIDE)},
    "Blackboard": {"HW_alovelace_attempt_2026-11-30-10-11-12_lab.zip": packed(BESIDE)},
    "ILIAS": {"Lovelace_Ada_alovelace_77/20261130101112_lab.zip": packed(BESIDE)},
    "nbgrader": {f"alovelace/{LAB}/handed in.zip": packed(BESIDE)},
    "a folder for each": {"alovelace/work.zip": packed(BESIDE)},
    "side by side": {f"alovelace_{LAB}.zip": packed(BESIDE)},
}


@pytest.mark.parametrize("name", ZIPS)
def test_a_lab_handed_in_as_a_zip_is_graded_with_its_files(course, tmp_path, name):
    for path, data in ZIPS[name].items():
        put(tmp_path / "class" / path, data)
    course("grade", tmp_path / "class", "--out", tmp_path / "out", status=0)
    (student,) = gradebook(tmp_path / "out")
    assert student == {"C": "lovelaceada_12345", "M": "Ada Lovelace"}.get(name[0], "alovelace")
    (file,) = (tmp_path / "out" / "results").glob(f"*/{LAB}.json")
    result = json.loads(file.read_text())
    assert {name: each["bytes"] for name, each in result["artefacts"].items()} == {name: len(data) for name, data in MODELS.items()}
    assert Path(result["file"]).read_bytes() == STUDIO and result["points"] > 0
    assert sorted(path.name for path in (tmp_path / "class").rglob("*") if path.is_file()) == [
        path.rpartition("/")[2] for path in ZIPS[name]
    ]
    said = course("grade", tmp_path / "class", "--out", tmp_path / "out")  # once more
    assert "1 zip unpacked in" in said and json.loads(file.read_text())["file"] == result["file"]


def test_the_last_attempt_counts_of_zips_too_and_times_are_those_of_the_zip(course, tmp_path):
    for upload, data in ((670001, NOTEBOOK + b"\n"), (670002, NOTEBOOK)):
        put(tmp_path / "class" / f"lovelaceada_1_{upload}_work.zip", packed({zipfile.ZipInfo(f"{ONE}.ipynb", (1999, 1, 1, 0, 0, 0)): data}))
    os.utime(tmp_path / "class" / "lovelaceada_1_670002_work.zip", (1.7e9, 1.7e9))
    said = course("grade", tmp_path / "class", "--out", tmp_path / "out")
    (file,) = (tmp_path / "out" / "results").glob("*/*.json")
    graded = Path(json.loads(file.read_text())["file"])
    assert "an earlier attempt" in said and graded.read_bytes() == NOTEBOOK and graded.stat().st_mtime == 1.7e9


def link(name, to):
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o120777 << 16
    return {info: to}


BOMB = packed({f"{ONE}.ipynb": bytes(unpacking.MOST_BYTES + 1)})
NASTY = {
    "out of the zip": (packed({"../../evil.ipynb": NOTEBOOK}), "its name leads out of its zip"),
    "out of the zip, as on Windows": (packed({"..\\..\\evil.ipynb": NOTEBOOK}), "its name leads out of its zip"),
    "absolute": (packed({"/tmp/evil.ipynb": NOTEBOOK}), "its name leads out of its zip"),
    "a link": (packed(link("evil.ipynb", "../../../../class/bo/work.ipynb")), "not a plain file in its zip"),
    "a bomb": (BOMB, "a zip with more than"),
    "a bomb in a zip": (packed({"a.zip": BOMB}), "a zip with more than"),
    "too deep": (packed({"a.zip": packed({"b.zip": packed({f"{ONE}.ipynb": NOTEBOOK})})}), "a zip in a zip in a zip"),
    "many": (packed({f"{n}.ipynb": b"" for n in range(unpacking.MOST_FILES + 1)}), "notebooks and lab files"),
    "a long list": (packed({f"{n:0200}": b"" for n in range(3000)}), "thousands of entries"),
    "half": (packed({f"{ONE}.ipynb": os.urandom(5000)})[:4000], "cannot be unpacked"),
    "a lie": (packed({f"{ONE}.ipynb": NOTEBOOK}).replace(b"PK\1\2", b"PK\1\3"), "cannot be unpacked"),
    "no zip": (b"PK", "cannot be unpacked"),
    "turned around": (packed({"evil\u202e.ipynb": NOTEBOOK}), "characters that cannot be printed"),
}


@pytest.mark.parametrize("name", NASTY)
def test_a_nasty_zip_costs_its_student_alone(course, tmp_path, name):
    data, words = NASTY[name]
    put(tmp_path / "class" / "eve_2_670001_work.zip", data)
    put(tmp_path / "class" / f"bolee_1_670001_{ONE}.ipynb")
    said = course("grade", tmp_path / "class", "--out", tmp_path / "out")
    assert words in " ".join(said.split()), said
    with open(tmp_path / "out" / "grades.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["status"] for row in rows if row["student"] == "eve_2"} == {"missing"} and sum(
        row["status"] == "passed" for row in rows
    ) == 1
    assert (
        not list(tmp_path.rglob("evil*"))
        and not Path("/tmp/evil.ipynb").exists()
        and not [p for p in tmp_path.rglob("*") if p.is_symlink()]
    )
    assert sum(path.stat().st_size for path in (tmp_path / "out").rglob("*") if path.is_file()) < 1 << 20


def test_a_zip_with_a_second_name_is_nobodys(course, tmp_path):
    first = put(tmp_path / "class" / "eve_2_670001_work.zip", packed({f"{ONE}.ipynb": NOTEBOOK}))
    os.link(first, tmp_path / "class" / "bolee_1_670001_work.zip")
    put(tmp_path / "class" / f"ada_3_670001_{ONE}.ipynb")
    assert "hard link" in course("grade", tmp_path / "class", "--out", tmp_path / "out")
    with open(tmp_path / "out" / "grades.csv", newline="", encoding="utf-8") as file:
        assert {row["student"] for row in csv.DictReader(file) if row["status"] == "passed"} == {"ada_3"}


def test_archives_are_named(course, tmp_path):
    put(tmp_path / "class" / "submissions.zip", b"PK")
    said = course("grade", tmp_path / "class", "--out", tmp_path / "out", status=2)
    assert "submissions.zip is an archive: unpack it first" in said and "Canvas, Moodle, Blackboard or ILIAS" in said
    assert "unpack it, and give the folder" in course("grade", tmp_path / "class" / "submissions.zip", "--out", tmp_path / "out", status=2)
    submit(tmp_path / "class", "ada")
    put(tmp_path / "class" / "work.tar", b"")
    assert "an archive; unpack it in its place" in course("grade", tmp_path / "class", "--out", tmp_path / "out")


# Canvas


HEAD = "Student,ID,SIS User ID,SIS Login ID,Section,"
TITLE = "01 Affine quantisation from scratch in NumPy"


def test_canvas_says_who_is_missing_and_fails_where_nobody_is_there(course, tmp_path):
    out, roster, file = tmp_path / "out", tmp_path / "canvas.csv", tmp_path / "upload.csv"
    course("grade", submit(tmp_path / "class", "ada", "bo", "chen", "dana", "eve", "fay", "gus"), "--out", out)
    words = ("export", out, "--to", "canvas", "--roster", roster, "--file", file)
    roster.write_text(f"{HEAD}{TITLE} (4712)\n    Mögliche Punkte,,,,,100\nX,1,,nobody,A,\n")
    said = course(*words, status=2)
    assert "none of the 7 students here is in" in said and "gus" in said and "e.g. 'nobody'" in said and not file.exists()
    roster.write_text(f"{HEAD}{TITLE} (4712)\n    Mögliche Punkte,,,,,100\nX,1,,ada,A,\nX,1,,ada,B,\nY,2,,,B,\n")
    said = course(*words)
    assert "6 of 7 students: bo, chen, dana, eve, fay, gus." in said and "from 1 submission of 1 student" in said
    assert [row[0] for row in csv.reader(file.open(newline=""))] == ["Student", "    Mögliche Punkte", "X"]
    roster.write_text(f"{HEAD}{TITLE} (4712),{TITLE} (4713)\nX,1,,ada,A,,\n")
    said = course(*words, status=2)
    assert f"'{TITLE} (4712)', '{TITLE} (4713)'" in said and '--column "01=4712"' in said
    assert "more than one" not in course(*words, "--column", "01=4713") and file.read_text().splitlines()[0].endswith("(4713)")
    assert "2 columns" in course(*words, "--column", f"01={TITLE}", status=2)


def test_canvas_finds_students_by_what_its_downloads_are_named_by(course, tmp_path):
    out, roster, file = tmp_path / "out", tmp_path / "canvas.csv", tmp_path / "upload.csv"
    put(tmp_path / "class" / f"lovelaceada_12345_670001_{ONE}.ipynb")
    put(tmp_path / "class" / "Bo Lee_1234568_assignsubmission_file_" / f"{ONE}.ipynb")
    course("grade", tmp_path / "class", "--out", out)
    roster.write_text(f'{HEAD}\n"Lovelace, Ada",12345,,al,A,\n"Lee, Bo",2,,bl,A,\n')
    assert "from 2 submissions of 2 students" in course("export", out, "--to", "canvas", "--roster", roster, "--file", file)


# The terminal


def test_no_warning_reaches_the_instructor(tmp_path):
    """Python warns about students' code where it is parsed (from 3.12 on; here, in every version), and libraries warn about themselves."""
    put(
        tmp_path / "path" / "sitecustomize.py",
        b"""
import ast, warnings
parse = ast.parse
def loud(*words, **more):
    warnings.warn_explicit("invalid escape sequence", SyntaxWarning, "<unknown>", 1)
    return parse(*words, **more)
ast.parse = loud
""",
    )
    notebook = json.loads(NOTEBOOK)
    cell = next(c for c in notebook["cells"] if c["id"] == "exercise-1-2-scale")
    cell["source"] = '# Exercise 1.2-scale\n"\\d \\w"\nif 1 is 1: pass\nimport warnings; warnings.warn("student")\nraise ValueError("\\q")'
    put(tmp_path / "class" / "ada" / ONE / f"{ONE}.ipynb", json.dumps(notebook).encode())
    words = [
        sys.executable,
        "-m",
        "autograder.cli.main",
        "grade",
        tmp_path / "class",
        "--out",
        tmp_path / "out",
        "--jobs",
        "1",
        "--accept-weak-isolation",
    ]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    process = subprocess.run(
        [*map(str, words)],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=Path(paths.REPOSITORY),
        env={**environment, "COLUMNS": "200", "PYTHONPATH": str(tmp_path / "path")},
    )
    assert process.returncode == 0, process.stderr
    assert "Warning" not in process.stdout + process.stderr, process.stderr
