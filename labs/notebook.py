"""The lab's notebook, made from compression_studio.py. `python -m course_labs.notebook [--check]`."""

import sys
from pathlib import Path

import jupytext
import nbformat

from course_data.files import beside

SOURCE = Path(__file__).resolve().parent / "compression_studio.py"


def built(source: Path = SOURCE) -> str:
    """The notebook as text: no outputs, cell ids counted from the top, so that the same source gives the same bytes."""
    notebook = jupytext.reads(source.read_text(encoding="utf-8"), fmt="py:percent")
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for number, cell in enumerate(notebook.cells, 1):
        cell["id"] = f"studio-{number:02}"
    nbformat.validate(notebook)
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def in_step(source: Path = SOURCE) -> bool:
    """Whether the committed notebook is what its source gives."""
    target = source.with_suffix(".ipynb")
    return target.is_file() and target.read_text(encoding="utf-8") == built(source)


def main() -> int:
    if "--check" in sys.argv[1:]:
        if in_step():
            return 0
        print("labs/compression_studio.ipynb is out of step. Run: python -m course_labs.notebook", file=sys.stderr)
        return 1
    with beside(SOURCE.with_suffix(".ipynb")) as temporary:
        temporary.write_text(built(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
