"""The step of `nbgrader generate_assignment` that turns our answers into blanks."""

from nbgrader.preprocessors import NbGraderPreprocessor


class ReleaseBlanks(NbGraderPreprocessor):
    """Replace each exercise's answer by the form the builder released (kept in the cell's metadata)."""

    def preprocess_cell(self, cell, resources, cell_index):
        course = cell.metadata.get("course", {})
        if "released" in course:
            cell.source = course.pop("released")
        return cell, resources
