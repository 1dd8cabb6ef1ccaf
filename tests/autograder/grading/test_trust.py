"""What may go wrong around the grading of a class: kills, full disks, faults of ours, lost workers. And repeating a result."""

import dataclasses
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autograder.cli import main
from autograder.course import paths
from autograder.grading import class_run, provenance, workers
from autograder.grading.finding import Entry, find_submissions
from autograder.grading.repeat import repeat
from autograder.sandbox.limits import Limits
from tests import REPOSITORY
from tests import SUBMITTED as SAMPLE
from tests.trials import kills

LESSON = "01_affine_quantization"


def a_class(folder, *students):
    for name in students:
        shutil.copytree(SAMPLE / name, folder / name)
    return folder


def course(*arguments, of=paths.REPOSITORY):
    """Run the `course` command; `of` is the folder that its package lies in."""
    command = [sys.executable, "-m", "autograder.cli.main", *map(str, arguments)]
    environment = {**os.environ, "COLUMNS": "120", "PYTHONPATH": os.pathsep.join([str(of), os.environ.get("PYTHONPATH", "")])}
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=of, timeout=300)


def said(process):
    return " ".join(process.stderr.split())


# Kills


@pytest.mark.usefixtures("bubblewrap")
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_after_a_kill_the_next_run_continues_and_nothing_is_left(tmp_path):
    """Twice, the second time the first process alone; tests/trials/kills.py does it fifty times."""
    # In a process of its own, which adopts what a kill orphans.
    code = """
import sys
from pathlib import Path
from tests.trials import kills
kills.adopt_orphans()
folder = Path(sys.argv[1])
whole, out, tmp = folder / "undisturbed", folder / "out", folder / "tmp"
kills.make_class(folder / "class", 3)
kills.finish(folder / "class", whole, tmp)
for moment, group in ((kills.after(1.5), True), (kills.after_results(out, 1), False)):
    found = kills.kill(folder / "class", out, tmp, moment, group)
    assert not found["left"] and not found["had_ended"], found
assert 1 <= found["results_at_the_kill"] < 3, found
kills.finish(folder / "class", out, tmp)
assert kills.content(out) == kills.content(whole)
assert not kills.leftovers(out, tmp)
"""
    process = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, timeout=300, cwd=REPOSITORY)
    assert process.returncode == 0, process.stderr


def test_two_runs_into_one_folder_do_not_mix(tmp_path):
    folder, out = a_class(tmp_path / "class", "dana"), tmp_path / "out"
    with class_run._alone_in(out):
        process = course("grade", folder, "--out", out)
    assert process.returncode == 2 and "Another `course grade`" in said(process) and "Traceback" not in process.stderr
    assert [path.name for path in out.iterdir()] == [".lock"]


# Disks


def mounted(folder, size):
    folder.mkdir()
    return subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], capture_output=True).returncode == 0


@pytest.mark.usefixtures("bubblewrap")
def test_a_full_disk_is_said_and_costs_nothing(graded, tmp_path):
    folder, done = graded
    out = tmp_path / "disk"
    if not mounted(out, "64k"):
        pytest.skip("no file system can be mounted here: a really full disk is NOT TESTED (the next test plays one)")
    try:
        shutil.copytree(done, out, dirs_exist_ok=True)
        (out / "results" / "emil" / ".half.json.part").write_text("of a killed run")
        before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file() and path.suffix in (".json", ".html", ".csv")}
        more = a_class(shutil.copytree(folder, tmp_path / "class"), "ada", "bo", "june")
        process = course("grade", more, "--out", out, "--jobs", 1)
        assert process.returncode == 2 and "No space left" in said(process) and "goes on from there" in said(process)
        assert "Traceback" not in process.stderr and all(path.read_bytes() == content for path, content in before.items())
        subprocess.run(["mount", "-o", "remount,size=8m", out], check=True)
        process = course("grade", more, "--out", out, "--jobs", 1)
        assert process.returncode == 0, process.stderr
        assert len((out / "grades.csv").read_text().splitlines()) == 1 + 5 * 9 and not list(out.rglob("*.part"))
    finally:
        subprocess.run(["umount", "-l", out], check=True)


@pytest.mark.usefixtures("bubblewrap")
def test_a_write_that_fails_half_way_costs_nothing(tmp_path, monkeypatch, capsys):
    """The same with a played full disk, which every machine has."""
    if mounted(tmp_path / "disk", "64k"):
        subprocess.run(["umount", "-l", tmp_path / "disk"], check=True)
        pytest.skip("a really full disk is tested above")
    folder, out = a_class(tmp_path / "class", "dana", "june", "chen"), tmp_path / "out"
    whole, written = class_run.write_whole, []

    def full(path, content):
        if len(written) == 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(path)
        whole(path, content)

    monkeypatch.setattr(class_run, "write_whole", full)
    monkeypatch.setattr(sys, "argv", ["course", "grade", str(folder), "--out", str(out), "--seed", "3", "--jobs", "1"])
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 2 and "No space left" in capsys.readouterr().err
    assert len(list(out.glob("results/*/*.json"))) == 1 and not (out / "grades.csv").exists()


def test_an_output_that_cannot_be_a_folder(tmp_path):
    (tmp_path / "file").write_text("x")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        process = course("grade", a_class(tmp_path / f"class-{out.name}", "dana"), "--out", out)
        assert process.returncode == 2 and "choose another folder" in said(process), process.stderr
        assert "Traceback" not in process.stderr


# Awkward folders


def test_what_is_not_a_students_own_file_is_passed_over(tmp_path):
    folder = a_class(tmp_path / "class", "ada", "dana")
    (folder / "eve" / LESSON).mkdir(parents=True)
    (folder / "eve" / LESSON / f"{LESSON}.ipynb").symlink_to(folder / "ada" / LESSON / f"{LESSON}.ipynb")
    (folder / "fred").mkdir()
    (folder / "fred" / LESSON).symlink_to(folder / "ada" / LESSON)
    os.mkfifo(folder / f"gil_{LESSON}.ipynb")
    (folder / os.fsdecode(b"hu\xff")).mkdir()
    (folder / "two\nlines").mkdir()
    (folder / "copycat").symlink_to("dana")
    (folder / "gone").symlink_to("nowhere")
    os.link(folder / "ada" / LESSON / f"{LESSON}.ipynb", folder / f"hal_{LESSON}.ipynb")
    entries, passed_over, notes = find_submissions(folder)
    assert {(e.student, e.path is not None) for e in entries} == {("ada", False), ("dana", True), ("eve", False), ("hal", False)}
    assert sum("a link, so not this student's own work" in why for _, why in passed_over) == 4 and len(passed_over) == 7
    assert (
        "hard links" in notes[0] and "hal" in notes[0] and all("(a hard link)" in e.problem for e in entries if e.student in ("ada", "hal"))
    )
    "\n".join(f"{path} {why}" for path, why in passed_over).encode()


def test_a_notebook_that_became_a_pipe_keeps_nobody_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError), class_run._opened(tmp_path / "pipe"):
        pass


@pytest.mark.usefixtures("bubblewrap")
def test_a_file_that_cannot_be_read_is_no_zero(tmp_path, monkeypatch):
    """A fault of this machine, not of the student."""
    folder = a_class(tmp_path / "class", "dana")

    def refuse(path):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(class_run, "_opened", refuse)
    results = class_run.grade_class(folder, tmp_path / "out", jobs=1).results
    assert {v.status for v in results[0].verdicts} == {"grader_error"} and "cannot be read" in results[0].problem


# Workers


class Fatal(bytes):
    """Bytes that end whoever unpickles them."""

    def __reduce__(self):
        return os._exit, (3,)


def task(student, data):
    return workers.Task(student, LESSON, "", data, workers.Settings(3, Limits(), "bubblewrap"), provenance.hashes(LESSON))


def test_a_worker_that_ends_costs_only_what_ends_it():
    """Student code cannot end a worker; if something does, whatever else was in its hands is done all the same."""
    items = [task("before", None), task("fatal", Fatal()), task("after", None)]  # None costs no sandbox
    found = {item.student: result.problem for item, result in workers.grade_tasks(items, lambda item: item, workers.Local(2))}
    assert found.keys() == {"before", "fatal", "after"} and "the grading process ended" in found["fatal"]
    assert "cannot be read" in found["before"] and "cannot be read" in found["after"]


def test_a_worker_with_other_checks_grades_nothing():
    of_today = task("dana", b"")
    with pytest.raises(workers.CannotGrade, match="other checks"):
        workers.grade_task(dataclasses.replace(of_today, hashes={**of_today.hashes, "checks": "0"}))


@pytest.mark.usefixtures("bubblewrap")
def test_a_cluster_gives_the_same_grades_and_a_lost_worker_costs_nothing(tmp_path):
    distributed = pytest.importorskip("distributed", reason="Dask is not installed: grading on a cluster is NOT TESTED here")
    folder = a_class(tmp_path / "class", "ada", "bo", "dana", "emil", "hana")
    here = course("grade", folder, "--out", tmp_path / "here", "--seed", 7)
    assert here.returncode == 0, here.stderr
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with cluster:
        command = [sys.executable, "-m", "autograder.cli.main", "grade", folder, "--out", tmp_path / "there", "--seed", "7"]
        process = subprocess.Popen([*command, "--scheduler", cluster.scheduler_address], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while process.poll() is None and not list(tmp_path.glob("there/results/*/*.json")):
            time.sleep(0.02)
        os.kill(cluster.workers[0].process.process.pid, signal.SIGKILL)
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    assert kills.content(tmp_path / "there") == kills.content(tmp_path / "here")


def test_without_a_scheduler_there_is_one_clear_line(tmp_path):
    process = course("grade", a_class(tmp_path / "class", "dana"), "--out", tmp_path / "out", "--scheduler", "tcp://127.0.0.1:1")
    assert process.returncode == 2 and "Traceback" not in process.stderr
    assert "No Dask scheduler answers" in said(process) or "needs Dask" in said(process)


# Faults of ours, and repeating


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Two students, graded: (folder, out)."""
    folder = a_class(tmp_path_factory.mktemp("class"), "emil", "dana")
    out = tmp_path_factory.mktemp("out")
    process = course("grade", folder, "--out", out, "--seed", 7)
    assert process.returncode == 0, process.stderr
    return folder, out


@pytest.fixture(scope="module")
def other_course(tmp_path_factory):
    """A copy of the grader with a hidden check that breaks by a fault of its own."""
    copy = tmp_path_factory.mktemp("other")
    for folder in ("autograder", "solutions", "lessons"):
        shutil.copytree(paths.REPOSITORY / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__", "results"))
    hidden = copy / "solutions" / paths.folder_of(LESSON).name / "hidden.py"
    text = hidden.read_text()
    start = text.index("\n", text.index("def test_pack_and_unpack_random_codes(")) + 1
    hidden.write_text(f"{text[:start]}    {{}}['no such key']\n{text[start:]}")
    return copy


@pytest.mark.usefixtures("bubblewrap")
def test_a_fault_of_ours_is_reported_apart_and_never_kept(graded, other_course, tmp_path):
    folder, _ = graded
    process = course("grade", folder, "--out", tmp_path / "out", "--seed", 7, of=other_course)
    assert process.returncode == 2 and "1 exercises met a fault of the grader" in said(process)
    result = json.loads((tmp_path / "out" / "results" / "emil" / f"{LESSON}.json").read_text())
    verdict = next(v for v in result["verdicts"] if v["exercise"] == "1.9-bytes")
    assert (verdict["status"], verdict["points"]) == ("grader_error", 0) and "not of your answer" in verdict["message"]
    process = course("grade", "--repeat", tmp_path / "out" / "results" / "emil" / f"{LESSON}.json")
    assert process.returncode == 1 and "the checks of this lesson have changed" in process.stdout, process.stdout
    assert "1.9-bytes: was grader_error, 0 points; is passed, 12 points" in process.stdout
    entry = Entry("emil", LESSON, folder / "emil" / LESSON / f"{LESSON}.ipynb")
    kept = class_run._kept(tmp_path / "out", entry, workers.Settings(7, Limits(), "bubblewrap"), result["hashes"])
    assert kept is None and result["fingerprint"] == class_run._fingerprint(
        result["sha256"], workers.Settings(7, Limits(), "bubblewrap"), result["hashes"], {}
    )


@pytest.mark.usefixtures("bubblewrap")
def test_a_result_says_what_is_needed_to_repeat_it(graded):
    _, out = graded
    result = json.loads((out / "results" / "emil" / f"{LESSON}.json").read_text())
    assert result["hashes"] == provenance.hashes(LESSON) and len(result["sha256"]) == 64 and result["seed"] == 7
    assert result["limits"]["call_seconds"] == Limits().call_seconds and result["isolation"]["level"] == "bubblewrap"
    assert {"python", "numpy", "torch", "pytest"} <= result["environment"].keys() and Path(result["file"]).is_absolute()


@pytest.mark.usefixtures("bubblewrap")
def test_a_result_is_repeated(graded, tmp_path):
    folder, out = graded
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    process = course("grade", "--repeat", out / "results" / "emil" / f"{LESSON}.json")
    assert process.returncode == 0 and "the same submission, checks, grader and environment" in process.stdout, process.stderr
    assert "are the same: 77 of 100 points" in process.stdout
    result = json.loads((out / "results" / "emil" / f"{LESSON}.json").read_text())
    (tmp_path / "result.json").write_text(json.dumps({**result, "seed": 8, "limits": {**result["limits"], "call_seconds": 4}}))
    found = repeat(tmp_path / "result.json", SAMPLE / "ada" / LESSON / f"{LESSON}.ipynb")
    assert found.differs == ["the submission is another one"] and found.now.seed == 8 and found.now.limits["call_seconds"] == 4
    assert [(then.exercise, then.status, now.status) for then, now in found.changed] == [("1.3-quantize", "failed", "passed")]
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_what_cannot_be_repeated_is_one_clear_line(tmp_path):
    (tmp_path / "letter.json").write_text("{}")
    for file, words in (("letter.json", "not a result"), ("nowhere.json", "cannot be read")):
        process = course("grade", "--repeat", tmp_path / file)
        assert process.returncode == 2 and words in said(process) and "Traceback" not in process.stderr
