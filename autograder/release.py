"""The students' copy of the course: lessons, labs, data loaders, visible checks. No solutions, hidden checks or banks."""

import ast
import io
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import nbformat

from autograder import catalogue, checks, paths, private
from autograder.builder import MARKED, build
from autograder.checks.recorded import record
from course_data.errors import UserError
from course_data.files import write_whole

FOLDER = "compression-course"
# Where a student's work begins; what these import comes along. The commands of the instructor's stay behind.
ROOTS = ("autograder.cli", "autograder.student", "autograder.local", "autograder.doctor", "autograder.checks.recorded")
WHOLE = ("lessons/*.ipynb", "labs/*.py", "labs/*.ipynb", "labs/results/**/*.json", "labs/templates/*.html", "data/*.py", "data/cards/*.md", "autograder/figures/*.py")
PLAIN = ("LICENSE", "LICENSE-TEXT", "constraints.txt", "environment.yml")

README = """\
# Neural-network compression, learnt by doing

Notebooks with blanks to fill. You need Python 3.11 or newer.

```sh
python3 -m venv .venv                                          # Windows: py -m venv .venv
.venv/bin/python -m pip install -c constraints.txt -e .        # Windows: .venv\\Scripts\\python ...; some gigabytes
.venv/bin/jupyter lab lessons                                  # open 00_start_here.ipynb first
```

Replace each `___`, run the cell, and call `check("1.2-scale")` below it. `hint("1.2-scale")` gives the next of three
hints, `progress()` shows how far you are. The same on the command line, in this folder:

```sh
.venv/bin/course status                                        # which exercises pass, in every lesson
.venv/bin/course check lessons/01_affine_quantization.ipynb    # run the whole notebook and check it
.venv/bin/course reset 1.2-scale                               # put one exercise back as it was
.venv/bin/course lab --out runs/digits                         # shrink a network in three steps and measure it
.venv/bin/course doctor                                        # something does not work?
```

The code is under the MIT licence (LICENSE), the text of the lessons under CC BY 4.0 (LICENSE-TEXT).
"""


class ReleaseError(UserError):
    """The students' copy could not be made."""


def release(target, own_checks=None):
    """Write the students' copy to `target`, a .zip file or a new folder. Returns (files, bytes). Raises `UserError`."""
    target = Path(target)
    if not paths.SOLUTIONS.is_dir():
        raise ReleaseError("There are no solutions here to make a students' copy from. Run this in a checkout of the course.")
    zipped = target.suffix == ".zip"
    if not zipped and target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ReleaseError(f"{target} is already there. Give a new folder, or a file ending in .zip.")
    private.use(own_checks)
    try:
        files = contents()
    finally:
        private.use(None)
    try:
        if zipped:
            write_whole(target, zip_of({f"{FOLDER}/{name}": data for name, data in files.items()}))
        else:
            for name, data in files.items():
                write_whole(target / name, data)
    except OSError as problem:
        raise ReleaseError(f"Cannot write {target}: {problem.strerror}. Choose another place.") from None
    return len(files), sum(map(len, files.values()))


def zip_of(files, executable=()):
    """A zip archive (bytes) of name -> bytes; the same files give the same archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name)
            info.external_attr = (0o755 if name in executable else 0o644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, files[name])
    return buffer.getvalue()


def contents():
    """Name -> bytes of every file in the students' copy. Raises `ReleaseError` where one gives an answer away."""
    files = {name: (paths.REPOSITORY / name).read_bytes() for name in PLAIN}
    for pattern in WHOLE:
        files.update({path.relative_to(paths.REPOSITORY).as_posix(): path.read_bytes() for path in sorted(paths.REPOSITORY.glob(pattern))})
    for name, path in _modules().items():
        files[name] = path.read_bytes()
    for lesson in catalogue.lessons().values():
        folder = f"autograder/checks/{paths.checks_of(lesson.name).name}"
        files[f"{folder}/__init__.py"] = b""
        files[f"{folder}/visible.py"] = checks.file_of(lesson.name, "visible").read_bytes()
        files[f"{folder}/known.wire"] = record(lesson.name, solution(lesson.name))
        files[f"autograder/catalogue/{lesson.name}.json"] = catalogue.to_json(_without_hidden_checks(lesson)).encode()
    files["README.md"] = README.encode()
    files["pyproject.toml"] = _pyproject(files).encode()
    given_away = leaks(files)
    if given_away:
        raise ReleaseError("The students' copy would give answers away; nothing was written.\n" + "\n".join(given_away[:10]))
    return files


def _modules():
    """Name in the repository -> path, of the modules that `ROOTS` need."""
    found, waiting = {}, list(ROOTS)
    while waiting:
        module = waiting.pop()
        path = paths.REPOSITORY.joinpath(*module.split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        name = path.relative_to(paths.REPOSITORY).as_posix()
        if name in found or not path.exists():
            continue
        found[name] = path
        tree = ast.parse(path.read_text(encoding="utf-8"))
        # What a command imports when it runs is the command's; those for students are among the roots.
        nodes = tree.body if module == "autograder.cli" else ast.walk(tree)
        for node in nodes:
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "autograder":
                waiting += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            elif isinstance(node, ast.Import):
                waiting += [alias.name for alias in node.names if alias.name.startswith("autograder.")]
    return {"autograder/__init__.py": paths.REPOSITORY / "autograder" / "__init__.py", **found}


def solution(lesson):
    """The namespace that the answers of a lesson (its name) make; figures, check() calls and what writes files are left out."""
    namespace, files = {"__name__": "solution"}, {e.id for e in catalogue.lessons()[lesson].exercises if e.files}
    for cell in nbformat.reads(build(paths.source_of(lesson)).instructor, as_version=4).cells:
        if cell.cell_type == "code" and cell.metadata.course.role in ("setup", "plain", "exercise") and cell.metadata.course.get("exercise") not in files:
            exec(compile(cell.source, f"<{cell.id}>", "exec"), namespace)
    return namespace


def _without_hidden_checks(lesson):
    # Their names alone can tell an answer.
    exercises = tuple(replace(e, checks=tuple(c for c in e.checks if c.visible)) for e in lesson.exercises)
    return replace(lesson, exercises=exercises)


def _pyproject(files):
    """pyproject.toml with the packages that are there, without the settings of tools for the course's own tests."""
    text = (paths.REPOSITORY / "pyproject.toml").read_text(encoding="utf-8").partition("\n[tool.pytest")[0]
    there = {str(Path(name).parent).replace("/", ".") for name in files if name.endswith("__init__.py")}
    return re.sub(r'^    "(autograder[\w.]*)",\n', lambda match: match[0] if match[1] in there else "", text, flags=re.MULTILINE)


def leaks(files):
    """Lines of answers, hidden checks and banks that stand in `files`: a list of "file: line".

    A line that is short, or that the lesson itself shows elsewhere, tells nothing.
    """
    secret = {}
    for lesson in catalogue.lessons().values():
        known = {line.strip() for cell in lesson.cells for line in cell.source.splitlines()}
        known |= {line.strip() for line in checks.file_of(lesson.name, "visible").read_text(encoding="utf-8").splitlines()}
        for kind in ("hidden", "bank"):
            path = checks.file_of(lesson.name, kind)
            if path.exists():
                secret.update((line, f"{lesson.name}, {kind}") for line in _telling(path.read_text(encoding="utf-8").splitlines()) if line not in known)
        source = paths.source_of(lesson.name).read_text(encoding="utf-8")
        answers = [match["answer"] for line in source.splitlines() if (match := MARKED.match(line))]
        secret.update((line, f"{lesson.name}, answer") for line in _telling(answers) if line not in known)
    found = []
    for name, data in files.items():
        text = data.decode("utf-8", "replace")
        if name.endswith(".ipynb"):
            text = "\n".join(cell.source for cell in nbformat.reads(text, as_version=4).cells)
        found += [f"{name}: {line.strip()}  ({secret[line.strip()]})" for line in text.splitlines() if line.strip() in secret]
    return found


def _telling(lines):
    """Lines of code that say something: no imports, comments or single words, no `with torch.inference_mode():`."""
    for line in map(str.strip, lines):
        if len(line) >= 25 and not line.startswith(("#", "import ", "from ", "@", "with ")):
            yield line
