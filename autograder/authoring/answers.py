"""The right answers of a lesson, as its source gives them: who can answer as a student with every point does."""

from collections.abc import Iterator
from typing import Any

import nbformat

from autograder.authoring.build import build
from autograder.course import catalogue, paths


def solution(lesson: str) -> dict[str, Any]:
    """The namespace that the answers of a lesson (its name) make; figures, check() calls and what writes files are left out."""
    namespace = {"__name__": "solution"}
    for name, source in solution_cells(lesson):
        exec(compile(source, f"<{name}>", "exec"), namespace)
    return namespace


def solution_cells(lesson: str) -> Iterator[tuple[str, str]]:
    """(id, source) of the cells that `solution` runs."""
    files = {e.id for e in catalogue.lessons()[lesson].exercises if e.files}
    for cell in nbformat.reads(build(paths.source_of(lesson)).instructor, as_version=4).cells:
        if (
            cell.cell_type == "code"
            and cell.metadata.course.role in ("setup", "plain", "exercise")
            and cell.metadata.course.get("exercise") not in files
        ):
            yield cell.id, cell.source
