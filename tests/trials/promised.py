"""What the README promises on every system: lessons and labs run from top to bottom, and `course check` takes what a student would hand in.

`python -m tests.trials.promised` fills in every answer, runs each notebook in a kernel, lets `course check` look at it, and fails with
the first that does not pass. `python -m tests.trials.promised 00 01` does so for some. No sandbox: this runs on macOS and Windows, too.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from autograder.authoring.build import build, sources
from autograder.course import paths
from autograder.course.catalogue import short
from autograder.course.handed_in import folder_of
from course_data.files import write_whole
from tests.bench.reading import read
from tests.bench.submissions import submission


def checked(built, handed, folder):
    """What `course check` says of the notebook with its answers and what it `handed` in, in `folder`: (exit status, output)."""
    notebook = Path(folder) / f"{built.lesson.name}.ipynb"
    for name, data in handed.files.items():
        write_whole(folder_of(notebook, built.lesson.name) / name, data)
    notebook.write_text(submission(built, "solution", 0), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "autograder.cli.main", "check", notebook.name],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    return done.returncode, done.stdout + done.stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", help="numbers and names, such as 02 or temperature_sweep; all if none is given")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["COURSE_HOME"] = home  # the reader's own progress stays as it is
        for path in sources():
            name = paths.name_of(path.parent.name)
            if asked.lessons and short(name) not in asked.lessons:
                continue
            built = build(path)
            times, handed = read(built)
            with tempfile.TemporaryDirectory() as folder:
                status, said = checked(built, handed, folder)
            if status:
                sys.exit(f"course check does not pass the answers of {name}:\n{said}")
            print(f"{name:<24} {times['notebook_seconds']:6.1f} s to read; {said.strip().splitlines()[-1]}", flush=True)


if __name__ == "__main__":
    main()
