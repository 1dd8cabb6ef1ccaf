"""`--to gradescope-bundle`: the zip file that Gradescope takes as an autograder, for one lesson.

Gradescope unpacks it to /autograder/source, runs setup.sh as root while it builds the image, and run_autograder for
each submission. Its containers forbid namespaces, so bubblewrap does not work there. The sandbox then has another user
for students' code, who can read neither the checks nor the results, and limits; the network stays open. Whoever uploads
the bundle accepts that, and every results.json says it.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from autograder.authoring.answers import solution_cells
from autograder.authoring.packing import as_imported, modules_needed, package_files, project, zip_of
from autograder.checks import private_checks
from autograder.checks.files import CheckFiles
from autograder.course import catalogue, paths
from autograder.exports import ExportError, Options
from autograder.grading.blame import PACKED
from autograder.grading.submission import Result
from course_data.files import write_whole

ONLY_TO_WORK = ("hypothesis", "jupyterlab", "jupytext", "nbgrader", "pytest-xdist")  # with the course, not with an answer

SETUP = """\
#!/usr/bin/env bash
# Runs once, as root, while Gradescope builds the image.
set -euo pipefail
root="${AUTOGRADER_ROOT:-/autograder}"
export DEBIAN_FRONTEND=noninteractive

python=""
for name in python3.13 python3.12 python3.11 python3; do
  if command -v "$name" >/dev/null && "$name" -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python="$name"
    break
  fi
done
if [ -z "$python" ]; then
  apt-get update -qq
  apt-get install -y -qq python3.12 python3.12-venv || apt-get install -y -qq python3.11 python3.11-venv
  python=$(command -v python3.12 || command -v python3.11)
fi
apt-get install -y -qq bubblewrap || true   # used where the container allows it

# The libraries are for everyone to read, students' code among them; the course is not.
"$python" -m venv "$root/libraries"
"$root/libraries/bin/python" -m pip install --quiet --disable-pip-version-check -c "$root/source/course/constraints.txt" \\
  -r "$root/source/requirements.txt"
chmod -R go-rwx "$root/source"
"""

RUN = """\
#!/usr/bin/env bash
# Runs for each submission.
set -euo pipefail
root="${AUTOGRADER_ROOT:-/autograder}"
mkdir -p "$root/results"
chmod 700 "$root/source" "$root/results" "$root/submission"
export PYTHONPATH="$root/source/course" PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1
cd "$root/source"
exec "$root/libraries/bin/python" -m autograder.exports.gradescope_run "$root"
"""


def write(results: Sequence[Result], target: Path, options: Options) -> list[str]:
    """Write the bundle for `options.lesson` to the zip file `target`. `results` are not needed."""
    if not options.lesson:
        raise ExportError("Which lesson? A bundle grades one: give it with --lesson, e.g. --lesson 01.")
    lesson = catalogue.lessons()[options.lesson]
    if lesson.files:
        raise ExportError(
            f"{lesson.name} is graded with files beside the notebook, which a bundle cannot measure: grade it with `course grade`."
        )
    files = {f"course/{name}": data for name, data in _course(options.lesson, options.checks).items()}
    files["setup.sh"], files["run_autograder"] = SETUP.encode(), RUN.encode()
    files["requirements.txt"] = "".join(f"{line}\n" for line in _requirements()).encode()
    files["settings.json"] = (json.dumps({"lesson": lesson.name, "accept_weak_isolation": True}, indent=1) + "\n").encode()
    write_whole(target, zip_of(files, executable=("setup.sh", "run_autograder")))
    by_hand = sum(e.points for e in lesson.exercises if e.by_hand)
    notes = [
        f"In Gradescope: a programming assignment with {lesson.points - by_hand:g} autograder points"
        + (f", and a manually graded question for {by_hand:g} points." if by_hand else "."),
        "Gradescope's containers do not allow bubblewrap: students' code runs there as another user, with limits, and with the "
        "network. The bundle accepts this (settings.json), and each results.json states the isolation.",
    ]
    return notes


def _course(lesson: str, files: CheckFiles) -> dict[str, bytes]:
    """Name -> bytes of the course as the bundle imports it: the checks of one lesson only, and the solution that settles what breaks in them."""
    own = paths.package_of(lesson)

    def wanted(package: str) -> bool:
        return package in ("course_lessons", own) or not package.startswith(("course_lessons", "course_catalogue"))

    other_data = [paths.data_of(other) for other in catalogue.lessons() if other != lesson]
    found = {
        as_imported(name): path.read_bytes()
        for name, path in package_files(wanted).items()
        if path.name != paths.SOURCE and not name.startswith("autograder/authoring/templates/") and path.parent not in other_data
    }
    for kind in private_checks.FILES:
        path = files.own.get((lesson, kind))
        if path:
            found[f"{own.replace('.', '/')}/{kind}.py"] = path.read_bytes()
    modules = [name for name in found if name.startswith(own.replace(".", "/")) and name.endswith(".py")]
    borrowed = modules_needed(found[name].decode() for name in modules)
    found = {**{as_imported(name): path.read_bytes() for name, path in borrowed.items()}, **found}
    found[f"{own.replace('.', '/')}/{PACKED}"] = "\n\n".join(source for _, source in solution_cells(lesson)).encode()
    found[f"course_catalogue/{lesson}.json"] = catalogue.to_json(files.lesson(lesson)).encode()
    found.update({name: (paths.REPOSITORY / name).read_bytes() for name in ("constraints.txt", "LICENSE")})
    return found


def _requirements() -> list[str]:
    """The course's dependencies with their ranges, but for the tools: an answer may use any library that it can use in a notebook."""
    return [line for line in project()["project"]["dependencies"] if line.partition(">")[0] not in ONLY_TO_WORK]
