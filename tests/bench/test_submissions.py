"""The class that benches and trials grade can be made, of every kind of student, from every lesson: nothing else runs them daily."""

import ast

import nbformat
import pytest

from autograder.authoring.build import build
from tests.bench.submissions import KINDS, lesson_sources, submission


@pytest.mark.parametrize("source", lesson_sources(), ids=lambda path: path.parent.name)
def test_every_kind_of_student_can_be_made(source):
    built = build(source)
    for kind in sorted(set(KINDS)):
        for seed in range(3):
            notebook = nbformat.reads(submission(built, kind, seed), as_version=4)
            for cell in notebook.cells:
                if cell.cell_type == "code" and cell.metadata.course.role == "exercise" and kind != "blank":
                    ast.parse(cell.source)
