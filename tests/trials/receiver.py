"""What leaves the house, tried as its receiver uses it, with real installations: `python -m tests.trials.receiver [PART ...]`.

- copy: the students' zip; its page's own commands to install it; every lesson and lab with right answers, every cell in a real
  kernel; every command that the page prints; Jupyter in the top folder; what conda would install.
- nbgrader: what students get from `nbgrader generate_assignment`, worked through in the students' environment, with and without the course;
  then stock `nbgrader autograde` on it.
- gradescope: the bundle in an empty /autograder, its own setup.sh, and every lesson with right answers.

`copy` and `gradescope` download some gigabytes each; with --borrow the students' environment sees the libraries of this one instead. The
default tests do the cheap part of it so: tests/receiver.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import yaml
from nbgrader.api import Gradebook

from autograder.authoring import students_copy
from autograder.course import catalogue, paths
from autograder.exports import Options, export
from autograder.exports.nbgrader.notebook import grade_id
from tests.receiver import test_receiver as receiver
from tests.trials.record import record

LESSONS = [name for name in catalogue.lessons() if not paths.is_lab(name)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=["copy", "nbgrader", "gradescope", []], help="all if none is given")
    parser.add_argument("--borrow", action="store_true", help="install the students' copy without downloading its libraries")
    asked = parser.parse_args()
    parts = asked.parts or ["copy", "nbgrader", "gradescope"]
    figures = {}
    with tempfile.TemporaryDirectory(prefix="receiver-") as folder:
        folder = Path(folder)
        if {"copy", "nbgrader"} & set(parts):
            student, figures["copy"] = installed_copy(folder, asked.borrow)
            if "copy" in parts:
                figures["copy"] |= copy(student)
            if "nbgrader" in parts:
                figures["nbgrader"] = nbgrader(folder, student)
            shutil.rmtree(student.environment)
        if "gradescope" in parts:
            figures["gradescope"] = gradescope(folder)
    record("receiver", figures)


def must(process):
    if process.returncode:
        sys.exit(f"{process.args}\n{process.stdout}\n{process.stderr}")
    return process


def say(text):
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


# The students' copy


def installed_copy(folder, borrow):
    say("making the students' copy")
    students_copy.release(folder / "students.zip")
    course = receiver.unpacked(folder / "students.zip", folder / "student") / students_copy.FOLDER
    environment = course / ".venv"
    if borrow:
        return receiver.borrowing(course, environment, "--editable"), {}
    begin = time.monotonic()
    first = receiver.blocks((course / "README.md").read_text())[0]
    say(f"installing it: {' && '.join(first.splitlines())}")
    own = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    must(subprocess.run(["bash", "-e", "-c", first], cwd=course, env=own, capture_output=True, text=True))
    return receiver.Receiver(course, environment), {"install_seconds": round(time.monotonic() - begin, 1)}


def copy(student):
    places = {name: student.folder / place_of(name) for name in catalogue.lessons()}
    answered = [receiver.answered(path, name, path.parent, hand_in=False) for name, path in places.items()]
    begin = time.monotonic()
    for path in answered:
        say(f"every cell of {path.name}")
        ((_, said, errors),) = student.does(student.folder, notebooks=[str(path)], timeout=1800)["notebooks"]
        asked = [e.id for e in catalogue.lessons()[path.stem].exercises if not e.by_hand]
        wrong = [e for e in asked if "Passed" not in said.get(f'check("{e}")', "")]
        assert not errors and not wrong, (path.name, errors, {e: said.get(f'check("{e}")') for e in wrong})
    seconds = round(time.monotonic() - begin, 1)
    say("every command that the page prints")
    page = (student.folder / "README.md").read_text()
    printed = [words for words in receiver.lines_of(page) if words[0].endswith("course") and words[1] != "reset"]
    for words in [*printed, *([".venv/bin/course", "check", str(place_of(name))] for name in catalogue.lessons())]:
        process = must(student.run(*words))
        if words[1] == "check":
            assert receiver.not_passed(process.stdout, Path(words[2]).stem) == {}, process.stdout
    bring_back = next(words for words in receiver.lines_of(page) if words[1:2] == ["reset"])
    must(student.run(*bring_back))
    jupyter(student)
    conda(student)
    assert (broken := receiver.broken_links(student.folder)) == [], broken
    mistaken(student)
    return {"notebooks": len(answered), "notebooks_seconds": seconds}


def place_of(name):
    return paths.notebook_of(name).relative_to(paths.REPOSITORY)


def mistaken(student):
    """A known mistake is named, from the recording."""
    path = student.folder / "lessons" / f"mistaken_{receiver.LESSON}.ipynb"
    source = (student.folder / "lessons" / f"{receiver.LESSON}.ipynb").read_text()
    path.write_text(source.replace("np.rint(x / scale)", "np.floor(x / scale)"))
    process = student.run(student.environment / "bin" / "course", "check", path, "1.3-quantize")
    assert process.returncode == 1 and "known mistake" in process.stdout, process.stdout
    path.unlink()


def jupyter(student):
    """Jupyter as the page starts it: lessons and labs are both in its list of files, and a notebook opens."""
    command = next(words for words in receiver.lines_of((student.folder / "README.md").read_text()) if words[0].endswith("jupyter"))
    say(" ".join(command))
    options = ["--no-browser", "--port=0", "--ServerApp.token=t", "--allow-root"]
    log = open(student.home / "jupyter.log", "w+")
    environment = {**os.environ, "HOME": str(student.home), "JUPYTER_RUNTIME_DIR": str(student.home / "runtime")}
    process = subprocess.Popen([*command, *options], cwd=student.folder, env=environment, stdout=log, stderr=log)
    try:
        found, end = [], time.monotonic() + 120
        while not found and time.monotonic() < end and process.poll() is None:
            time.sleep(0.2)
            found = list((student.home / "runtime").glob("jpserver-*.json"))
        log.seek(0)
        assert found, log.read()
        url = json.loads(found[0].read_text())["url"]
        for name in catalogue.lessons():
            with urllib.request.urlopen(f"{url}api/contents/{place_of(name).as_posix()}?token=t", timeout=60) as answer:
                assert json.load(answer)["type"] == "notebook"
    finally:
        process.terminate()
        process.wait()
        log.close()


def conda(student):
    """conda hands the pip lines of environment.yml to pip as a file in this folder: pip would install the course, no other library."""
    *_, pip = yaml.safe_load((student.folder / "environment.yml").read_text())["dependencies"]
    file = student.folder / "condaenv.requirements.txt"
    file.write_text("\n".join(pip["pip"]) + "\n")
    process = must(student.run(student.environment / "bin" / "python", "-m", "pip", "install", "--dry-run", "-U", "-r", file))
    would = [line for line in process.stdout.splitlines() if line.startswith("Would install")]
    assert all(line.split()[2:] == [next(word for word in line.split() if word.startswith("compression-course"))] for line in would), would
    file.unlink()


# nbgrader


def nbgrader(folder, student):
    say("nbgrader's own commands")
    course = folder / "nbgrader"
    scripts = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}

    def run(*command):
        where = course if course.is_dir() else folder
        must(subprocess.run([sys.executable, *map(str, command)], cwd=where, env=environment, capture_output=True, text=True))

    run("-m", "autograder.cli.main", "nbgrader", course)
    handed_out, work, begin = folder / "fetched", course / "submitted" / "ada", time.monotonic()
    for name in catalogue.lessons():
        run("-m", "nbgrader", "generate_assignment", name)
        shutil.copytree(course / "release" / name, handed_out / name)
    without_the_course(folder, handed_out / LESSONS[0] / f"{LESSONS[0]}.ipynb")
    for name in catalogue.lessons():
        path = receiver.answered(handed_out / name / f"{name}.ipynb", name, handed_out / name, hand_in=False)
        say(f"as handed out by nbgrader: {path.name}")
        ((_, said, errors),) = student.does(student.folder, notebooks=[str(path)], folder=handed_out, timeout=1800)["notebooks"]
        assert not errors and all("Passed" in text for text in said.values()), (name, errors, said)
        shutil.copytree(handed_out / name, work / name)
    scores = {}
    for name, lesson in catalogue.lessons().items():
        say(f"nbgrader autograde {name}")
        run("-m", "nbgrader", "autograde", name)
        with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
            for exercise in (e for e in lesson.exercises if not e.by_hand):
                score = book.find_grade(grade_id(exercise), name, name, "ada").score
                assert score == exercise.points, (exercise.id, score)
                scores[exercise.id] = score
    seconds = round(time.monotonic() - begin, 1)
    return {"assignments": len(catalogue.lessons()), "exercises_with_full_points": len(scores), "seconds": seconds}


def without_the_course(folder, path):
    """A student who has the libraries but not the course is told by the first code cell what is missing."""
    bare = receiver.bare(folder / "bare")
    job = "import json, nbformat, sys; print(next(c.source for c in nbformat.read(sys.argv[1], 4).cells if c.cell_type == 'code'))"
    source = must(bare.run(bare.python, "-c", job, path, folder=folder)).stdout
    process = bare.run(bare.python, "-c", source, folder=folder)
    assert process.returncode and "No module named 'autograder'" in process.stderr, process.stderr


# Gradescope


def gradescope(folder):
    root, begin = folder / "autograder", time.monotonic()
    folder.chmod(0o755)  # as / is there: the other user of students' code must reach Python
    no_tools = folder / "no tools"  # as in their containers: nothing can be installed from here, and there is no bubblewrap
    no_tools.mkdir()
    for name in ("apt-get", "bwrap"):
        (no_tools / name).write_text("#!/bin/sh\nexit 1\n")
        (no_tools / name).chmod(0o755)
    environment = {"PATH": f"{no_tools}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder), "AUTOGRADER_ROOT": str(root)}
    environment |= {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "REQUESTS_"))}
    points = {}
    for name in LESSONS:
        for each in ("source", "submission", "results"):
            shutil.rmtree(root / each, ignore_errors=True)
            (root / each).mkdir(parents=True)
        export("gradescope-bundle", [], folder / "bundle.zip", Options(lesson=name))
        receiver.unpacked(folder / "bundle.zip", root / "source")
        if not (root / "libraries").exists():
            say("the bundle's setup.sh")
            must(subprocess.run(["bash", root / "source" / "setup.sh"], env=environment, capture_output=True, text=True))
            setup = round(time.monotonic() - begin, 1)
        say(f"run_autograder: {name}")
        receiver.answered(paths.notebook_of(name), name, root / "submission")
        shutil.copy(root / "source" / "run_autograder", root / "run_autograder")
        (root / "run_autograder").chmod(0o755)
        must(subprocess.run([root / "run_autograder"], env=environment, capture_output=True, text=True, cwd="/"))
        document = json.loads((root / "results" / "results.json").read_text())
        lesson = catalogue.lessons()[name]
        wanted = sum(e.points for e in lesson.exercises if not e.by_hand)
        assert document["score"] == wanted and document["extra_data"]["isolation"] == "process", document
        assert [test.get("status") for test in document["tests"]] == [None if e.by_hand else "passed" for e in lesson.exercises], document
        points[name] = document["score"]
    return {"lessons": len(points), "points": sum(points.values()), "setup_seconds": setup}


if __name__ == "__main__":
    main()
