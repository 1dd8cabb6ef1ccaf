"""What a receiver does, run with the receiver's own Python: `python inside.py < job.json`.

The job has "course", the folder that the course must be imported from, and names what to do: "imports", "commands", "notebooks". The
answer is one line of JSON at the end.
"""

import ast
import contextlib
import io
import json
import os
import sys
from pathlib import Path


def commands(wanted):
    """Run `course` with each list of arguments, one after the other in this process (torch is imported once): [status, output] of each."""
    from importlib.metadata import entry_points

    from autograder.cli import common

    (course,) = entry_points(group="console_scripts", name="course")
    main, found = course.load(), []
    for arguments in wanted:
        said = io.StringIO()
        common.console.file = said  # rich has taken hold of the first stdout
        sys.argv = ["course", *arguments]
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            try:
                status = main()
            except SystemExit as ended:
                status = ended.code
        found.append([status or 0, said.getvalue()])
    return found


def imports(paths):
    """Run every import line of each notebook: what does not import, as "notebook: line: why". One that its cell can do without is left out."""
    import nbformat
    from IPython.core.inputtransformer2 import TransformerManager

    found = []
    for path in paths:
        cells = nbformat.read(path, as_version=4).cells
        for cell in (c for c in cells if c.cell_type == "code"):
            tree = ast.parse(TransformerManager().transform_cell(cell.source))
            optional = {
                id(node)
                for tried in ast.walk(tree)
                if isinstance(tried, ast.Try) and any(getattr(h.type, "id", "") == "ImportError" for h in tried.handlers)
                for node in tried.body
            }
            for node in (n for n in ast.walk(tree) if isinstance(n, (ast.Import, ast.ImportFrom)) and id(n) not in optional):
                try:
                    exec(ast.unparse(node), {})
                except Exception as error:
                    found.append(f"{path}: {ast.unparse(node)}: {error}")
    return found


def notebooks(paths):
    """Run every cell of each notebook in a real kernel, where the notebook lies: [path, outputs of the check cells, errors]."""
    import nbformat
    from nbclient import NotebookClient

    found = []
    for path in map(Path, paths):
        notebook = nbformat.read(path, as_version=4)
        client = NotebookClient(notebook, timeout=None, allow_errors=True, resources={"metadata": {"path": str(path.parent)}})
        client.execute()
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        said = {cell.source: _text(cell) for cell in code if cell.source.startswith("check(")}
        errors = [f"{o.ename}: {o.evalue} in {cell.source[:80]!r}" for cell in code for o in cell.outputs if o.output_type == "error"]
        found.append([str(path), said, errors])
    return found


def _text(cell):
    return "".join(o.get("text", "") or o.get("data", {}).get("text/plain", "") for o in cell.outputs)


def work(job):
    """Do what the job names, in its order."""
    known = {"imports": imports, "commands": commands, "notebooks": notebooks}
    return {name: known[name](wanted) for name, wanted in job.items()}


def nothing_of_ours(folder):
    """Assert that the course is the one in `folder`."""
    import autograder
    import course_data
    import course_labs

    for package in (autograder, course_data, course_labs):
        where = Path(package.__file__).resolve()
        assert where.is_relative_to(Path(folder).resolve()), f"{where} is not the course that was received"


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    sys.path[:] = [each for each in sys.path if Path(each or ".").resolve() != Path(__file__).resolve().parent]
    os.environ.setdefault("MPLBACKEND", "Agg")
    nothing_of_ours(asked.pop("course"))
    print("\n" + json.dumps(work(asked)))
