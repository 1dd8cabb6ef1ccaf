"""Progress as it is seen: on a terminal, in a file, and below a notebook's cell."""

import io

import nbclient
import nbformat
from rich.console import Console

from course_data.progress_bar import bar, status

CELL = """
import itertools
from IPython.display import DisplayHandle
from course_data import progress_bar

progress_bar.time.monotonic = itertools.count().__next__  # a second passes at every look
shown, update = [], DisplayHandle.update
DisplayHandle.update = lambda self, page, **more: (shown.append(page.data), update(self, page, **more))[1]
with progress_bar.bar("a < b", 4.0) as tell:
    tell(1.0, "first")
    tell(4.0)
with progress_bar.status("busy"):
    pass
print(shown)
"""


def test_in_a_notebook_it_is_a_line_that_goes_and_no_widget():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    nbclient.NotebookClient(notebook, timeout=120).execute()
    lines = [output for output in notebook.cells[0].outputs if output.output_type != "stream"]
    text = "".join(output.text for output in notebook.cells[0].outputs if output.output_type == "stream")  # may come in pieces
    assert [line.data["text/html"] for line in lines] == ["", ""]
    assert not [kind for line in lines for kind in line.data if "widget" in kind]
    assert 'a &lt; b <progress value="0.250"' in text and "25 %" in text and "s left" in text and "first" in text
    assert "100 %" in text and "'busy', ''" in text


def test_in_a_file_nothing_stays():
    file = io.StringIO()
    with bar("work", 2.0, Console(file=file)) as tell:
        tell(1.0, "half")
    with status("busy", Console(file=file)):
        pass
    assert file.getvalue().strip() == ""


def test_on_a_terminal_it_moves():
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=100)
    with bar("work", 2.0, console) as tell:
        tell(1.0, "half")
    with status("busy", console):
        pass
    assert "work" in file.getvalue() and "50%" in file.getvalue() and "busy" in file.getvalue()
