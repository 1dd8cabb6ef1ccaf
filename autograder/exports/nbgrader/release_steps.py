"""Our steps in nbgrader's own commands. A course folder's `nbgrader_config.py` calls `configure(c)`."""

from typing import Any

import nbformat
from nbconvert.preprocessors import Preprocessor
from nbgrader.converters.generate_assignment import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import ClearSolutions, NbGraderPreprocessor


def configure(c: Any) -> None:
    """Put the steps below in nbgrader's configuration object `c`."""
    # Our answers become blanks, where nbgrader's own step would empty the whole cell.
    c.GenerateAssignment.preprocessors = [
        ReleaseBlanks if step is ClearSolutions else step for step in GenerateAssignment.preprocessors.default()
    ]
    c.HTMLExporter.preprocessors = ["autograder.nbgrader_release.ShowRubric"]
    c.Execute.timeout = 120  # a cell that trains a small network, on a busy machine


class ReleaseBlanks(NbGraderPreprocessor):
    """In `nbgrader generate_assignment`: replace each exercise's answer by the form the builder released."""

    def preprocess_cell(self, cell: Any, resources: Any, cell_index: int) -> tuple[Any, Any]:
        course = cell.metadata.get("course", {})
        if "released" in course:
            cell.source = course.pop("released")
        return cell, resources


class ShowRubric(Preprocessor):
    """In formgrader's page for grading by hand: the model answer and the rubric under each written answer.

    They stand in the course folder's source notebook only, and are on no page that a student gets.
    """

    enabled = True

    def preprocess(self, notebook: Any, resources: Any) -> tuple[Any, Any]:
        if "submission_id" not in resources:  # only formgrader's page has one; `nbgrader generate_feedback` has not
            return notebook, resources
        rubrics = self._rubrics(resources["assignment_id"], resources["notebook_id"])
        cells = []
        for cell in notebook.cells:
            cells.append(cell)
            rubric = rubrics.get(cell.metadata.get("nbgrader", {}).get("grade_id"))
            if rubric:
                cells.append(nbformat.v4.new_markdown_cell(f"---\n\n*For the grader only, on this page and no other:*\n\n{rubric}\n\n---"))
        notebook.cells = cells
        return notebook, resources

    def _rubrics(self, assignment: str, notebook: str) -> dict[str, str]:
        folder = CourseDirectory(parent=self)
        path = f"{folder.format_path(folder.source_directory, '.', assignment)}/{notebook}.ipynb"
        try:
            source = nbformat.read(path, as_version=4)
        except OSError:
            return {}
        return {
            cell.metadata.nbgrader.grade_id: _rubric(cell)
            for cell in source.cells
            if cell.cell_type == "markdown" and cell.metadata.get("nbgrader", {}).get("grade")
        }


def _rubric(cell: Any) -> str:
    task = cell.metadata.get("course", {}).get("released", "").partition("\n")[0]
    return "\n".join(line for line in cell.source.removeprefix(task).splitlines() if "MARK SCHEME ===" not in line)
