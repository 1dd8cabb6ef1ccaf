"""Checks change: whose grade would change, by how much and why, before anything is written. And private checks."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.checks import asking, private_checks
from autograder.checks.files import COURSE
from autograder.checks.private_checks import PrivateChecksError
from autograder.checks.run import run_checks
from autograder.checks.verdict import Verdict
from autograder.course import paths
from autograder.grading import provenance
from autograder.grading.class_run import ClassroomError
from autograder.grading.regrade import FOLDER, changes, read_all, regrade, take_over
from autograder.grading.submission import Result
from course_data.files import write_whole
from tests import SUBMITTED

LESSON = "01_affine_quantization"
HIDDEN = (paths.folder_of("01_affine_quantization") / "hidden.py").read_text(encoding="utf-8")


@pytest.fixture
def own(tmp_path):
    """Write a private hidden.py for lesson 01, changed; returns the folder."""

    def write(*swaps, kind="hidden", text=HIDDEN):
        for old, new in swaps:
            assert old in text
            text = text.replace(old, new)
        write_whole(tmp_path / "mine" / "lesson_01" / f"{kind}.py", text)
        return tmp_path / "mine"

    return write


def course(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "autograder.cli.main", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
    )


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file() and FOLDER not in p.parts}


@pytest.mark.usefixtures("bubblewrap")
def test_a_regrade_shows_the_changes_first_and_applies_them_when_told(tmp_path, own):
    for student in ("ada", "emil"):
        shutil.copytree(SUBMITTED / student, tmp_path / "class" / student)
    out = tmp_path / "out"
    assert course("grade", tmp_path / "class", "--out", out, "--seed", 3).returncode == 0
    before = contents(out)
    # The right choice becomes (b) for 5 points; emil's rounding down becomes right in the laws, but not in the visible checks.
    mine = own(('"predict_1_1") == "c"', '"predict_1_1") == "b"'))
    process = course("grade", tmp_path / "class", "--out", out, "--regrade", "--checks", mine)
    assert process.returncode == 2 and "Nothing was changed" in process.stderr and contents(out) == before
    for student in ("ada", "emil"):
        line = next(line for line in process.stdout.splitlines() if student in line)
        assert "-5" in line and "1.1-predict" in line and "passed 5/5" in line and "failed 0/5" in line
    assert "1.1-predict (ada, emil): The prediction is not right" in process.stdout
    assert "Of 2 submissions 0 would gain points, 2 would lose points, 0 stay as they are." in process.stdout

    process = course("grade", tmp_path / "class", "--out", out, "--regrade", "--yes", "--checks", mine)
    assert process.returncode == 0, process.stderr
    after = contents(out)
    assert after.keys() == before.keys() and not (out / FOLDER).exists()
    assert b"1.1-predict,0,5,failed" in after["grades.csv"] and after["grading.json"] == before["grading.json"]
    assert json.loads(after[f"results/ada/{LESSON}.json"])["seed"] == 3
    assert b"not right yet" in after[f"feedback/ada/{LESSON}.html"]


def test_a_regrade_needs_an_earlier_grading_and_keeps_its_seed(tmp_path):
    with pytest.raises(ClassroomError, match="no earlier grading"):
        regrade(SUBMITTED, tmp_path)
    process = course("grade", SUBMITTED, "--out", tmp_path, "--regrade", "--seed", "1")
    assert process.returncode == 2 and "keeps the seed" in process.stderr


def result(student, *verdicts):
    return Result(student, LESSON, "x", [Verdict(e, s, p, 10, m, {}) for e, s, p, m in verdicts])


def test_changes_are_of_status_or_points_not_of_words():
    old = result("ada", ("1.1-predict", "failed", 0, "too low"), ("1.2-scale", "failed", 4, "a"), ("1.3-quantize", "passed", 10, ""))
    new = result("ada", ("1.1-predict", "passed", 10, ""), ("1.2-scale", "failed", 4, "other words"), ("1.3-quantize", "failed", 6, "ends"))
    found = changes(
        {("ada", LESSON): old, ("gone", LESSON): result("gone", ("1.1-predict", "passed", 10, ""))},
        [new, result("new", ("1.1-predict", "failed", 0, "b"))],
    )
    assert [(c.student, c.exercise, c.points, c.why) for c in found] == [
        ("ada", "1.1-predict", 10, "Before: too low"),
        ("ada", "1.3-quantize", -4, "ends"),
        ("gone", "1.1-predict", -10, "It is not handed in any more."),
        ("new", "1.1-predict", 0, "b"),
    ]


def test_a_stop_in_the_middle_of_taking_over_loses_nothing(tmp_path, monkeypatch):
    def save(out, each):
        write_whole(out / "results" / each.student / f"{LESSON}.json", json.dumps(each.to_dict()))
        write_whole(out / "feedback" / each.student / f"{LESSON}.html", "page")

    old = [result(s, ("1.1-predict", "failed", 0, "")) for s in ("ada", "bo", "gone")]
    new = [result(s, ("1.1-predict", "passed", 10, "")) for s in ("ada", "bo")]
    for each in old:
        save(tmp_path, each)
    for each in new:
        save(tmp_path / FOLDER, each)
    import autograder.grading.regrade as module

    left = 3

    def stops(path, content):
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(28, "No space left on device")
        write_whole(path, content)

    monkeypatch.setattr(module, "write_whole", stops)
    with pytest.raises(ClassroomError, match="No space left on device. Nothing is lost"):
        take_over(tmp_path, new, drop_others=True)
    assert len(read_all(tmp_path)) == 3 and len(read_all(tmp_path / FOLDER)) == 2
    monkeypatch.setattr(module, "write_whole", write_whole)
    take_over(tmp_path, new, drop_others=True)
    assert {key[0]: r.points for key, r in read_all(tmp_path).items()} == {"ada": 10, "bo": 10} and not (tmp_path / FOLDER).exists()
    assert (tmp_path / "grades.csv").read_text().count("passed") == 2


# Private checks


def test_private_files_stand_in_for_the_courses_own_and_change_the_hash(own):
    def names(files):
        return [c.name for c in files.lesson(LESSON).exercise("1.1-predict").checks][-1], run(["1.1-predict"], files)[-1].name

    folder = own(("def test_predict_is_half_of_one_of_255_gaps", "def test_my_own"))
    mine = private_checks.read(folder)
    assert mine.file_of(LESSON, "hidden") == folder / "lesson_01" / "hidden.py" and mine.folder == str(folder)
    assert mine.file_of(LESSON, "visible") == COURSE.file_of(LESSON, "visible") == paths.folder_of(LESSON) / "visible.py"
    assert names(mine) == ("test_my_own", "test_my_own")
    first = provenance.hashes(LESSON, mine)["checks"]
    own(("def test_predict_is_half_of_one_of_255_gaps", "def test_another"))
    mine = private_checks.read(folder)
    assert names(mine) == ("test_another", "test_another")
    assert len({provenance.hashes(LESSON)["checks"], first, provenance.hashes(LESSON, mine)["checks"]}) == 3
    assert private_checks.read(None) is private_checks.read("") is COURSE


def test_a_lessons_folder_may_carry_its_whole_name(own):
    folder = own()
    (folder / "lesson_01").rename(folder / paths.folder_of(LESSON).name)
    assert private_checks.read(folder).file_of(LESSON, "hidden") == folder / paths.folder_of(LESSON).name / "hidden.py"


def run(exercises, files=COURSE):
    """What the full checks say of an empty notebook, in this process."""
    return run_checks(LESSON, lambda _: contextlib.nullcontext(asking.Direct({})), seed=0, exercises=exercises, hidden=True, files=files)


def test_private_checks_that_do_not_load_leave_nothing_behind(own):
    """Another class, graded next in the same process, once got "a check did not report" for every exercise."""
    builtin = [outcome.name for outcome in run(None)]
    for swap in (("import numpy as np", "import numpy as np\nimport no_such_module"), ("import numpy as np", "raise SystemExit")):
        with pytest.raises(PrivateChecksError, match="could not be run"):
            private_checks.read(own(swap))
        assert [outcome.name for outcome in run(None)] == builtin
    repaired = private_checks.read(own())  # the same file, in the same process
    assert [outcome.name for outcome in run(None, repaired)] == builtin


def test_a_private_bank_names_the_mistakes(own):
    text = 'from autograder.checks import wrong\n@wrong("1.4-bug", "my own words")\ndef to_int8(x, scale):\n    return x\n'
    mine = private_checks.read(own(kind="bank", text=text))
    assert [a.note for a in mine.bank(LESSON)] == ["my own words"]
    own(kind="bank", text=text.replace("my own", "other"))
    assert [a.note for a in mine.bank(LESSON)] == ["other words"]
    assert len(COURSE.bank(LESSON)) > 20


BROKEN = [
    ([('"1.1-predict", points=5', '"1.1-predict", points=4')], "the hidden checks of 1.1-predict add up to 4 points, the exercise has 5"),
    ([('"1.1-predict", points=5', '"1.1-other", points=5')], "1.1-predict has no hidden check"),
    ([('"1.1-predict", points=5', '"1.1-other", points=5')], "there is no exercise 1.1-other in 01_affine_quantization"),
    ([('"1.1-predict", points=5', '"1.1-predict"')], "test_predict_is_half_of_one_of_255_gaps is hidden and needs points above 0"),
    ([("import numpy as np", "import numpy as")], r"hidden.py:\d+: this is not Python"),
    ([("import numpy as np", "import numpy as np\nimport no_such_module")], "could not be run: .*no_such_module"),
]


@pytest.mark.parametrize("swaps, message", BROKEN, ids=[message[:40] for _, message in BROKEN])
def test_private_checks_that_break_rules_are_told_before_anything_is_graded(own, swaps, message):
    with pytest.raises(PrivateChecksError, match=message):
        private_checks.read(own(*swaps))


def test_a_folder_that_cannot_hold_private_checks_is_told(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "other" / "lesson_99").mkdir(parents=True)
    libraries = Path(pytest.__file__).parent
    for folder, message in [
        (tmp_path / "none", "is not a folder"),
        (tmp_path / "empty", "holds no checks. Expected lesson_NN"),
        (tmp_path / "other", "there is no such lesson"),
        (libraries, "where students' code can read it"),
    ]:
        with pytest.raises(PrivateChecksError, match=message):
            private_checks.read(folder)


def test_checks_that_a_lesson_borrows_from_another_are_its_own_too(tmp_path, monkeypatch):
    """The temperature sweep imports lesson 04's visible checks here: repair these, and both are graded again."""
    shutil.copytree(paths.FOLDERS, tmp_path / "checks")
    with open(tmp_path / "checks" / "lab_temperature_sweep" / "visible.py", "a", encoding="utf-8") as file:
        file.write("from course_lessons.lesson_04_distillation import visible\n")
    monkeypatch.setattr(paths, "FOLDERS", tmp_path / "checks")
    names = ("temperature_sweep", "04_distillation", "01_affine_quantization")
    before = [provenance.hashes(name)["checks"] for name in names]
    with open(tmp_path / "checks" / "lesson_04_distillation" / "visible.py", "a", encoding="utf-8") as file:
        file.write("# repaired\n")
    after = [provenance.hashes(name)["checks"] for name in names]
    assert [a == b for a, b in zip(before, after)] == [False, False, True]
