"""nbgrader's own command, on the folder that `course build` writes, releases our blanks and no answer."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat

from autograder import catalogue, paths
from autograder.builder import NBGRADER_CONFIG, build

LESSON = "01_affine_quantization"


def test_generate_assignment_gives_the_lesson_students_get(tmp_path):
    built = build(paths.SOLUTIONS / f"{LESSON}.py")
    source = tmp_path / "source" / LESSON
    source.mkdir(parents=True)
    (source / f"{LESSON}.ipynb").write_text(built.instructor)
    (tmp_path / "nbgrader_config.py").write_text(NBGRADER_CONFIG)
    scripts = Path(sys.executable).parent  # nbgrader starts alembic by name
    subprocess.run(
        [sys.executable, "-m", "nbgrader", "generate_assignment", LESSON],
        cwd=tmp_path, check=True, capture_output=True, timeout=120,
        env={**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"},
    )  # fmt: skip
    released = nbformat.read(tmp_path / "release" / LESSON / f"{LESSON}.ipynb", as_version=4)
    assert [c.source for c in released.cells] == [c.source for c in catalogue.lessons()[LESSON].cells]
    text = nbformat.writes(released)
    assert "MARK SCHEME" not in text and "The padding must be filled with the zero point, here" not in text
    graded = [c.metadata.nbgrader for c in released.cells if c.metadata.get("nbgrader", {}).get("grade")]
    assert sum(m["points"] for m in graded) == 100
