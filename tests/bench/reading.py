"""A notebook with its answers, read from top to bottom in a kernel. No sandbox: this works on every system."""

import datetime
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from autograder.course.handed_in import folder_of, read_folder


def read(built, data_name="digits"):
    """Run the notebook with its answers in a fresh kernel, from an empty folder.

    Returns seconds for everything, kernel start included, and its slowest cell; and what was handed in. Raises CellExecutionError.
    `data_name` replaces the data set of the demonstrations, the one-word change that the text offers.
    """
    notebook = nbformat.reads(built.instructor, as_version=4)
    for cell in notebook.cells:
        for word in ('load("{}")', 'data = "{}"'):
            cell.source = cell.source.replace(word.format("digits"), word.format(data_name))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / built.lesson.name
        folder.mkdir()
        client = NotebookClient(notebook, timeout=None, resources={"metadata": {"path": str(folder)}})
        begin = time.perf_counter()
        client.execute()
        seconds = time.perf_counter() - begin
        handed = read_folder(folder_of(folder / f"{built.lesson.name}.ipynb", built.lesson.name), built.lesson.files)
    times = [(_seconds(cell), cell.id) for cell in notebook.cells if cell.cell_type == "code"]
    slowest, cell = max(times)
    return {"notebook_seconds": round(seconds, 1), "slowest_cell": cell, "slowest_cell_seconds": round(slowest, 1)}, handed


def _seconds(cell):
    ran = cell.metadata.get("execution", {})
    try:
        begin, end = (datetime.datetime.fromisoformat(ran[key]) for key in ("iopub.execute_input", "shell.execute_reply"))
    except KeyError:
        return 0.0
    return (end - begin).total_seconds()
