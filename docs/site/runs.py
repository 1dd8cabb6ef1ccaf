"""Each notebook run with its answers, once for what it depends on: the outputs are kept in `build/site/runs`."""

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from autograder.authoring import packing
from autograder.authoring.build import Built
from autograder.course import paths
from autograder.course.cell_code import plain_python
from course_data.errors import UserError
from course_data.files import write_whole

CAPTURE = Path(__file__).with_name("capture.py")
# What a lesson's folder holds for grading only: a change there changes no output.
FOR_GRADING = ("visible.py", "hidden.py", "bank.py", "lesson.py", "known.wire")
LIBRARIES = ("matplotlib", "numpy", "onnxruntime", "torch")  # that outputs change with
START = """\
import importlib.util as _found, sys as _sys
_spec = _found.spec_from_file_location("_course_capture", {path!r})
_module = _found.module_from_spec(_spec)
_spec.loader.exec_module(_module)
_module.install(get_ipython())
del _found, _sys, _spec, _module
"""
# Which modules of other people the notebook has brought in: what an installation for it needs.
END = "import json, sys; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"


@dataclass(frozen=True)
class Run:
    """What came out of one run. `outputs`: cell id -> outputs as in a notebook file; `needs`: the course's dependencies that were imported."""

    outputs: dict[str, list[dict[str, Any]]]
    needs: list[str]
    seconds: float


def key(built: Built) -> str:
    """The hash of all that the outputs of a notebook depend on."""
    notebook = nbformat.reads(built.instructor, as_version=4)
    code = [plain_python(cell.source) for cell in notebook.cells if cell.cell_type == "code" and cell.metadata.course.role != "check"]
    own = [path for path in sorted(paths.folder_of(built.lesson.name).rglob("*")) if path.is_file() and "__pycache__" not in path.parts]
    files = {path for path in own if path.name not in FOR_GRADING} | {CAPTURE}
    files |= {path for path in packing.modules_needed(code).values() if path.name not in FOR_GRADING}
    files |= {path for path in map(paths.library_of, map(paths.name_of, _folders())) if path.exists()}
    parts = [json.dumps(code), *(f"{name} {version(name)}" for name in LIBRARIES)]
    parts += [f"{path.relative_to(paths.REPOSITORY)} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in sorted(files)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


def _folders() -> list[str]:
    return [path.name for path in paths.SOLUTIONS.iterdir() if paths.name_of(path.name)]


def outputs_of(built: Built, kept: Path, say: Callable[[str], None], again: bool = False) -> Run:
    """The `Run` of a lesson: from the folder `kept` where there is one for what it depends on, else made now.

    Raises `UserError` where a cell fails.
    """
    name = built.lesson.name
    file = kept / f"{name}-{key(built)}.json"
    if file.exists() and not again:
        say(f"{name:<28} kept from before")
        return Run(**json.loads(file.read_text(encoding="utf-8")))
    say(f"{name:<28} running with its answers ...")
    made = run(built)
    for old in kept.glob(f"{name}-*.json"):
        old.unlink()
    write_whole(file, json.dumps(asdict(made), ensure_ascii=False))
    say(f"{name:<28} ran in {made.seconds:.0f} s")
    return made


def run(built: Built) -> Run:
    """Run a notebook with its answers in a fresh kernel, from an empty folder and with nobody's progress. Its check cells do not run: their words are a student's own."""
    notebook = nbformat.reads(built.instructor, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.metadata.course.role != "check"]
    first, last = (nbformat.v4.new_code_cell(source) for source in (START.format(path=str(CAPTURE)), END))
    notebook.cells = [first, *notebook.cells, last]
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / built.lesson.name
        folder.mkdir()
        quiet = ["--log-level=40"]  # errors only: a kernel's other words are no progress
        client = NotebookClient(notebook, timeout=None, extra_arguments=quiet, resources={"metadata": {"path": str(folder)}})
        try:
            client.execute(env={**os.environ, "COURSE_HOME": str(Path(temporary) / "home"), "PYTHONHASHSEED": "0"})
        except CellExecutionError as error:
            raise UserError(f"{built.lesson.name} does not run from top to bottom with its answers, so it has no page:\n{error}") from None
    seconds = round(time.perf_counter() - begin, 1)
    shown = {cell.id: json.loads(json.dumps(cell.outputs)) for cell in notebook.cells[1:-1] if cell.outputs}
    return Run(shown, _dependencies(json.loads(last.outputs[0].text)), seconds)


def _dependencies(modules: list[str]) -> list[str]:
    """Of the modules that were imported, those that a pip installation brings as what the course asks for, by their names on PyPI."""
    asked = {line.partition(">")[0].strip().lower() for line in packing.project()["project"]["dependencies"]}
    homes = packages_distributions()
    return sorted({home.lower() for module in modules for home in homes.get(module, ())} & asked)
