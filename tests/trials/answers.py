"""Tries answers that somebody wrote from the text alone: `python -m tests.trials.answers FILE ... [--seeds 3] [--messages]`.

A file holds answers, each under a line that says what it is; what follows is the whole cell of that exercise::

    # right: 1.2-scale: with np.interp
    def integer_range(bits, signed): ...

    # wrong: 1.2-scale: forgets the sign
    def integer_range(bits, signed): ...

Each is put into the lesson's notebook, beside right answers to all other exercises, graded in the sandbox with several seeds, and
checked as `check()` does in the notebook. A surprise is a right answer that loses a point, a wrong one that loses none, points that
depend on the seed, or a wrong answer that the notebook's check lets pass and only the grading refuses.
"""

import argparse
import contextlib
import io
import os
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import nbformat

from autograder.course import catalogue
from autograder.grading.submission import grade
from autograder.grading.workers import PRELOAD
from autograder.learner.own_notebook import check_notebook
from autograder.sandbox.box import Sandbox
from tests.files.notebooks import cell_of, solved

HEAD = re.compile(r"^# (right|wrong): *(\S+) *: *(.*)$")


@dataclass
class Tried:
    """One answer. `right`: what its author says of it."""

    right: bool
    exercise: str
    note: str
    source: str


def answers_in(text):
    """The `Tried` answers in a file's text. Raises SystemExit for an exercise that does not exist."""
    found, lines = [], []
    for line in text.splitlines():
        head = HEAD.match(line)
        if head:
            try:
                catalogue.lesson_of(head[2])
            except KeyError:
                raise SystemExit(f"There is no exercise {head[2]}.") from None
            lines = []
            found.append((head[1] == "right", head[2], head[3], lines))
        lines.append(line)
    return [Tried(right, exercise, note, "\n".join(lines[1:]).strip()) for right, exercise, note, lines in found]


def notebook_with(answer):
    """The notebook (bytes) with right answers everywhere, but for `answer` in its own cell."""
    notebook = solved(catalogue.lesson_of(answer.exercise).name)
    cell_of(notebook, answer.exercise).source = f"# Exercise {answer.exercise}\n{answer.source}"
    return nbformat.writes(notebook).encode()


def trial(answer, sandbox, seeds, folder):
    """(what surprises, verdicts of the seeds, the notebook's own verdict) for one answer."""
    lesson, data = catalogue.lesson_of(answer.exercise), notebook_with(answer)
    verdicts = [grade(data, "trial", lesson.name, sandbox, seed=seed, exercises=[answer.exercise]).verdicts[0] for seed in seeds]
    path = Path(folder) / f"{lesson.name}.ipynb"
    path.write_bytes(data)
    with contextlib.redirect_stdout(io.StringIO()):
        (own,) = check_notebook(path, [answer.exercise])[1]
    surprises = []
    full = [v.points == v.max_points for v in verdicts]
    if answer.right and not all(full):
        surprises.append("a right answer is refused")
    if not answer.right and any(full):
        surprises.append("a wrong answer passes")
    if len({v.points for v in verdicts}) > 1:
        surprises.append(f"points depend on the seed: {[v.points for v in verdicts]}")
    if (own.status == "passed") != answer.right:
        surprises.append("check() lets it pass" if own.status == "passed" else f"check() refuses it: {own.message}")
    if any(v.status == "grader_error" for v in [*verdicts, own]):
        surprises.append("grader_error")
    return surprises, verdicts, own


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds each answer is graded with")
    parser.add_argument("--messages", action="store_true", help="show what is said of every wrong answer")
    arguments = parser.parse_args()
    answers = [answer for file in arguments.files for answer in answers_in(file.read_text(encoding="utf-8"))]
    surprising = 0
    with tempfile.TemporaryDirectory() as folder, Sandbox(preload=PRELOAD) as sandbox:
        os.environ["COURSE_HOME"] = folder  # whoever runs this keeps their own progress
        for answer in answers:
            surprises, verdicts, own = trial(answer, sandbox, range(1, arguments.seeds + 1), folder)
            surprising += bool(surprises)
            if surprises or arguments.messages:
                print(
                    f"{'SURPRISE' if surprises else 'as said '}  {'right' if answer.right else 'wrong'}  {answer.exercise}  {answer.note}"
                )
                for each in surprises:
                    print(f"    {each}")
                if not answer.right or surprises:
                    print(f"    graded:  {verdicts[0].status} {verdicts[0].points:g} of {verdicts[0].max_points:g}: {verdicts[0].message}")
                    print(f"    check(): {own.status}: {own.message}", flush=True)
    print(f"{len(answers)} answers, {surprising} with a surprise")
    return 1 if surprising else 0


if __name__ == "__main__":
    sys.exit(main())
