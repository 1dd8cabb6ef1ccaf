"""The corpus, graded as an instructor grades a class: one `course grade`, and what every entry gets."""

import hashlib
import json
import os
import secrets
import select
import socket
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.cli import main
from autograder.course import catalogue as lessons
from autograder.course import paths
from autograder.grading import results_folder
from autograder.grading.submission import grade
from autograder.sandbox.box import Sandbox
from autograder.sandbox.inside import kernel
from autograder.sandbox.limits import Limits
from tests.hostile import catalogue as corpus
from tests.hostile import make

HERE = Path(__file__).resolve().parent
LIMITS = {
    "cell_seconds": 2,
    "notebook_seconds": 10,
    "call_seconds": 1,
    "exercise_seconds": 4,
    "memory_mb": 256,
    "processes": 32,
    "file_mb": 8,
    "scratch_mb": 32,
    "files": 2000,
    "open_files": 256,
    "output_kb": 64,
    "reply_mb": 4,
    "wall_factor": 10,
}
SEED = 11
pytestmark = pytest.mark.usefixtures("bubblewrap")


ENTRIES = {entry.name: entry for entry in corpus.ENTRIES}


def grade_class(folder, out, home, *more, **environment):
    """`course grade` with the corpus's limits, in an empty folder, with empty folders for home and temporary files."""
    for name in ("home", "temporary", "here"):
        (home / name).mkdir(parents=True, exist_ok=True)
    limits = [word for name, value in LIMITS.items() for word in ("--limit", f"{name}={value}")]
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "autograder.cli.main",
            "grade",
            str(folder),
            "--out",
            str(out),
            "--jobs",
            "4",
            "--seed",
            str(SEED),
            *limits,
            *more,
        ],
        capture_output=True,
        text=True,
        timeout=900,
        cwd=home / "here",
        env={
            **os.environ,
            "HOME": str(home / "home"),
            "TMPDIR": str(home / "temporary"),
            "COLUMNS": "120",
            "PYTHONPATH": str(paths.SOLUTIONS.parent),
            **environment,
        },
    )


def contents(folder):
    """{path: what it holds} of everything below a folder; links are not followed."""
    found = {}
    for path in sorted(Path(folder).rglob("*")):
        if "__pycache__" not in path.parts:
            found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() and not path.is_symlink() else "-"
    return found


class Run:
    """The class of the corpus after grading, and traces of what went on around it."""

    def __init__(self, top):
        self.folder, self.out, self.home = top / "class", top / "out", top / "user"
        self.mark = f"mark{secrets.token_hex(8)}"
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.setblocking(False)
        self.port = self.server.getsockname()[1]
        marks = {
            "MARK": self.mark,
            "PORT": self.port,
            "CLASS": self.folder,
            "OUT": self.out,
            "HOME": self.home / "home",
            "REPOSITORY": paths.SOLUTIONS.parent,
        }
        make.write_class(self.folder, ENTRIES.values(), marks)
        self.class_before, self.package_before = contents(self.folder), contents(paths.REPOSITORY / "autograder") | contents(paths.FOLDERS)
        # What the grader leaves behind becomes a child of this process.
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        children = set(children_of(os.getpid()))
        try:
            self.process = grade_class(self.folder, self.out, self.home, SECRET=self.mark)
            self.left = {pid: words for pid in set(children_of(os.getpid())) - children if (words := still_there(pid))}
        finally:
            kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 0)

    def result(self, name):
        return json.loads(results_folder.result_file(self.out, name, ENTRIES[name].lesson).read_text())


def children_of(pid):
    """Living children, zombies left out."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent = (entry / "stat").read_text().rsplit(")", 1)[1].split()[:2]
            except OSError:
                continue
            if int(parent) == pid and state != "Z":
                found.append(int(entry.name))
    return found


def still_there(pid, seconds=5):
    """The command line of a process that does not end within `seconds`; empty for one that was on its way out."""
    try:
        words = (Path("/proc") / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        handle = os.pidfd_open(pid)
    except OSError:
        return ""
    try:
        ended, _, _ = select.select([handle], [], [], seconds)
    finally:
        os.close(handle)
    return "" if ended else words or "?"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run = Run(tmp_path_factory.mktemp("hostile"))
    yield run
    run.server.close()


def test_the_class_finishes(run):
    assert run.process.returncode == 0, run.process.stderr[-2000:]
    assert "Traceback" not in run.process.stderr and "Written:" in run.process.stdout


@pytest.mark.parametrize("name", ENTRIES)
def test_entry(name, run):
    judge_entry(ENTRIES[name], run.result(name))


def judge_entry(entry, result):
    """Raise AssertionError unless an entry's result is what the catalogue says."""
    expected, messages = entry.expected, []
    for verdict in result["verdicts"]:
        exercise, status, points = verdict["exercise"], verdict["status"], verdict["points"]
        if exercise in entry.solved or "*" in expected:
            allowed = expected.get("*") or expected.get(exercise, ("passed",))
            assert status in allowed, (exercise, status, verdict["message"])
            assert points == (verdict["max_points"] if status == "passed" else entry.keeps), verdict
            messages += [verdict["message"]] if status != "passed" else []
        else:
            assert status == "blank" and points == 0, verdict
    # Where several statuses are allowed, the words belong to the first: what happens on a machine with time.
    if not entry.says or {v["status"] for v in result["verdicts"] if v["exercise"] == entry.exercise} <= {first_of(expected)}:
        assert entry.says in " ".join(messages), messages


def first_of(expected):
    return next(iter(expected.values()))[0]


def test_every_kind_of_the_catalogue_is_there():
    kinds = Counter(entry.kind for entry in ENTRIES.values())
    assert set(kinds) == set(corpus.KINDS) and len(ENTRIES) >= 150, kinds
    for entry in ENTRIES.values():
        known = {exercise.id for exercise in lessons.lessons()[entry.lesson].exercises} | {"*"}
        assert set(entry.expected) <= known and set(entry.solved) <= known, entry.name


def test_the_honest_students_get_what_they_get_alone(run):
    """Beside the attackers, and without them."""
    with Sandbox(limits=Limits(**LIMITS), isolation="bubblewrap") as box:
        for name in (name for name, entry in ENTRIES.items() if entry.kind == "honest"):
            lesson = ENTRIES[name].lesson
            data = (run.folder / name / lesson / f"{lesson}.ipynb").read_bytes()
            alone = grade(data, name, lesson, box, seed=SEED).to_dict()
            assert alone["verdicts"] == run.result(name)["verdicts"], name


@pytest.mark.parametrize(
    "limit, words",
    [
        ("seconds=3", "There is no limit 'seconds'. The limits and their defaults: cell_seconds=10,"),
        ("memory_mb=1.5", "The limit memory_mb must be a whole number above 0, as in memory_mb=2048; it is '1.5'."),
        ("files=0", "The limit files must be a whole number above 0"),
        ("call_seconds=nan", "The limit call_seconds must be a number above 0"),
        ("processes", "The limit processes must be a whole number above 0"),
    ],
)
def test_a_wrong_limit_is_one_clear_line(limit, words, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["course", "grade", str(tmp_path), "--out", str(tmp_path / "out"), "--limit", limit])
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 2 and words in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_every_file_meets_other_inputs():
    """What an error message has shown of the inputs is worth nothing in the next submission."""
    spy = replace(
        ENTRIES["honest-first"],
        answer="""
def to_int8(x, scale):
    if x.size > 99:
        raise ValueError(repr(scale))
    return np.clip(np.rint(x / scale), -128, 127).astype(np.int8)
""",
    )
    seen = []
    with Sandbox(limits=Limits(**LIMITS), isolation="bubblewrap", preload=("numpy",)) as box:
        for note in ("", "# again", ""):
            data = make.notebook_of(replace(spy, answer=spy.answer + note), {})
            (verdict,) = grade(data, "x", spy.lesson, box, seed=SEED, exercises=["1.4-bug"]).verdicts
            assert verdict.status == "error" and "ValueError: " in verdict.message
            seen.append(verdict.message)
    assert seen[0] == seen[2] != seen[1]


def test_nothing_survives(run):
    assert run.left == {}
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                assert run.mark.encode() not in (process / "cmdline").read_bytes(), process
            except OSError:
                pass
    for name in ("tcp", "tcp6", "unix", "udp"):
        text = Path(f"/proc/net/{name}").read_text()
        assert run.mark not in text and f":{run.port + 1:04X} " not in text, name


def test_nothing_is_written_outside_scratch(run):
    assert contents(run.folder) == run.class_before
    assert contents(paths.REPOSITORY / "autograder") | contents(paths.FOLDERS) == run.package_before
    assert [path for name in ("home", "temporary", "here") for path in (run.home / name).rglob("*") if "torch" not in str(path)] == []
    for folder in ("/", "/tmp", "/dev/shm", "/var/tmp", "/usr", "/usr/lib", "/etc", "/bin", paths.SOLUTIONS.parent):
        assert not [path.name for path in Path(folder).iterdir() if run.mark in path.name], folder
    written = {path.relative_to(run.out).parts[0] for path in run.out.rglob("*")}
    assert written - {".lock"} == {"grading.json", "grades.csv", "results", "feedback"}


def test_nobody_reached_the_network(run):
    with pytest.raises(BlockingIOError):
        run.server.accept()


def test_what_is_written_is_harmless(run):
    """Students' words cannot become markup, formulas or control characters."""
    for path in (run.out / "feedback").rglob("*.html"):
        page = path.read_text()
        assert "<script>alert" not in page and "<img src=x" not in page and len(page) < 100_000, path
    rows = (run.out / "grades.csv").read_text()
    assert not [line for line in rows.splitlines() if any(cell[:1] in "=+-@" and cell[:1] for cell in line.split(","))]
    assert not [c for c in rows + run.process.stdout if not c.isprintable() and c != "\n"]


def test_every_result_says_how_it_was_isolated_and_limited(run):
    for name in ENTRIES:
        result = run.result(name)
        if result["sha256"] or "*" not in ENTRIES[name].expected:
            assert result["isolation"]["level"] == "bubblewrap" and result["limits"] == LIMITS, name
