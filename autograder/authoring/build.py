"""From the one source of a lesson, `solutions/lesson_NN_topic/lesson.py`, or of a lab, `solutions/lab_topic/lesson.py`, to everything made from it.

- `lessons/NN_topic.ipynb` or `labs/topic.ipynb`: what a student opens. Answers are replaced by their blanked form.
- `lessons/catalogue/NN_topic.json`: exercises, hints and the cells as released.
- `build/nbgrader/source/NN_topic/NN_topic.ipynb`: the instructor's version, for nbgrader.

The source is a jupytext percent file. A line `answer  # blank: blanked form` stands for both; so does
`right line  # bug: wrong line` in a find-the-bug exercise. The builder proves on the syntax trees that
every blanked form is its answer with expressions taken out, and refuses a lesson that breaks a rule,
naming file and line.
"""

import ast
import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import jupytext
import nbformat
import yaml

from autograder.authoring.packing import need_repository
from autograder.checks.listing import checks_in
from autograder.course import paths
from autograder.course.blanks import NAME, exercise_named_in, has_blank
from autograder.course.catalogue import Cell, Exercise, Lesson, to_json
from course_data.files import write_whole

MARKED = re.compile(r"^(?P<indent>[ \t]*)(?P<answer>\S.*?)[ \t]*# (?P<kind>blank|bug): (?P<released>.*\S)[ \t]*$")
EXERCISE_ID = re.compile(r"^(\d+|[a-z]+)\.\d+-[a-z0-9]+(-[a-z0-9]+)*$")
FILE_NAME = re.compile(r"^[a-z0-9][a-z0-9_-]*\.(onnx|json|npy)$")
KINDS = ("code", "choice", "bug", "written", "artefact")
ANSWER_HERE = "*Write your answer here.*"
ANSWER_MARK = "<!-- answer -->"
# What `nbgrader autograde` runs in a check cell. nbgrader takes the lines between the marks out of what students get;
# the number that the last line gives is the cell's partial credit.
SCORED = """### BEGIN HIDDEN TESTS
from autograder.exports.nbgrader.scoring import score as check
### END HIDDEN TESTS
{check}"""
# Run anywhere in the repository, in JupyterLab, VS Code or plain Jupyter.
KERNEL = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


class BuildError(Exception):
    """A lesson's source breaks rules. `violations` is a list of "file:line: what" strings."""

    def __init__(self, violations):
        self.violations = violations
        super().__init__("\n".join(violations))


@dataclass
class SourceCell:
    """A cell of the source: its kind, text, settings from the `# %%` line, and first line in the file."""

    type: str
    source: str
    settings: dict
    line: int


@dataclass
class Built:
    """What a source gives. `notebook` and `instructor` are notebook JSON texts."""

    lesson: Lesson
    notebook: str
    instructor: str


@dataclass
class _Work:
    """One build under way."""

    path: str
    violations: list = field(default_factory=list)

    def wrong(self, line, what):
        self.violations.append(f"{self.path}:{line}: {what}")


# Reading the source


def read_source(path, work):
    """The header (a dict) and the cells of a source file."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    header, start = {}, 0
    if lines and lines[0].strip() == "# ---":
        end = next((i for i, line in enumerate(lines[1:], 1) if line.strip() == "# ---"), None)
        if end is None:
            work.wrong(1, "the header that starts with `# ---` has no closing `# ---`")
            return {}, []
        header = yaml.safe_load("\n".join(line[2:] for line in lines[1:end])) or {}
        start = end + 1
    while start < len(lines) and not lines[start].strip():
        start += 1
    starts = [i + 1 for i, line in enumerate(lines) if i >= start and re.match(r"# %%(\s|$)", line)]
    notebook = jupytext.reads("\n".join(lines[start:]) + "\n", fmt="py:percent")
    if len(notebook.cells) != len(starts):
        work.wrong(start + 1, "text before the first `# %%` line, or a `# %%` line that jupytext reads differently")
        return header.get("course", {}), []
    cells = []
    for cell, line in zip(notebook.cells, starts):
        settings = {k: v for k, v in cell.metadata.items() if k != "lines_to_next_cell"}
        cells.append(SourceCell(cell.cell_type, cell.source, settings, line))
    return header.get("course", {}), cells


# Answer and blanked form


def answer_of(source):
    """The cell with every `# blank:` and `# bug:` comment taken off."""
    return "\n".join(_answer_line(line) for line in source.splitlines())


def released_of(source):
    """The cell with every marked line replaced by what the student gets."""
    return "\n".join(_released_line(line) for line in source.splitlines())


def _answer_line(line):
    found = MARKED.match(line)
    return found["indent"] + found["answer"] if found else line


def _released_line(line):
    found = MARKED.match(line)
    return found["indent"] + found["released"] if found else line


def taken_out(answer, blanked):
    """The expressions (syntax trees) that stand in `answer` where `blanked` has `___`.

    Raises ValueError when `blanked` is not `answer` with expressions taken out.
    """
    out = []

    def walk(a, b, shown):
        if isinstance(b, ast.Name) and b.id == NAME and isinstance(a, ast.expr):
            out.append(a)
            return
        # An operator has no text or line of its own: errors show the nearest expression or statement.
        shown = (a, b) if isinstance(a, (ast.expr, ast.stmt)) and isinstance(b, (ast.expr, ast.stmt)) else shown
        if type(a) is not type(b):
            raise _Differs(*shown)
        for name in a._fields:
            x, y = getattr(a, name, None), getattr(b, name, None)
            pairs = list(zip(x, y)) if isinstance(x, list) else [(x, y)]
            if isinstance(x, list) and len(x) != len(y):
                raise _Differs(*shown)
            for i, j in pairs:
                if isinstance(i, ast.AST) and isinstance(j, ast.AST):
                    walk(i, j, shown)
                elif type(i) is not type(j) or i != j:
                    raise _Differs(*shown)

    whole = ast.parse(answer), ast.parse(blanked)
    walk(*whole, whole)
    return out


class _Differs(ValueError):
    """The blanked form is not its answer with expressions taken out. `line` counts within the cell."""

    def __init__(self, a, b):
        self.line = getattr(b, "lineno", 1)
        super().__init__(f"`{_short(b)}` is not `{_short(a)}` with expressions replaced by ___")


def _short(node):
    text = ast.unparse(node)
    return text if len(text) < 80 else text[:77] + "..."


def _top_level_names(source):
    """The functions, classes and variables that a cell defines, in order."""
    names = []
    for node in ast.parse(source).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.append(node.name)
        elif isinstance(node, ast.Assign):
            names.extend(t.id for t in node.targets if isinstance(t, ast.Name))
    return tuple(dict.fromkeys(names))


# Checks


def checks_of(folder, work):
    """Exercise id -> its checks."""
    shown = Path(work.path).parent.as_posix()
    found, violations = checks_in([(folder / f"{name}.py", f"{shown}/{name}.py", name == "visible") for name in ("visible", "hidden")])
    work.violations += violations
    return found


# Building one lesson


def build(path):
    """Build one source file. Returns `Built`; raises `BuildError` with every violation found."""
    try:
        shown = path.relative_to(paths.REPOSITORY).as_posix()
    except ValueError:
        shown = str(path)
    work = _Work(shown)
    header, cells = read_source(path, work)
    if work.violations:
        raise BuildError(work.violations)
    name = paths.name_of(path.parent.name)
    if name is None:
        raise BuildError([f"{shown}:1: the folder {path.parent.name} is neither lesson_NN_topic nor lab_topic"])
    for key in ("lesson", "title", "minutes", "points"):
        if key not in header:
            work.wrong(1, f"the header lacks `{key}:` under `course:`")
    if header.get("lesson") != name:
        work.wrong(1, f"the header says lesson {header.get('lesson')!r}, the folder is named {path.parent.name!r}")
    checks = checks_of(path.parent, work)
    hints = _hints(cells, work)
    choices = _choices(cells, work)
    rubrics = {c.settings["rubric"]: c.source for c in cells if "rubric" in c.settings}

    exercises, released, instructor = [], [], []
    used, heading = set(), ""
    for index, cell in enumerate(cells):
        if {"hints", "choices", "rubric"} & cell.settings.keys():
            continue
        if cell.type == "markdown":
            headings = re.findall(r"^#+ +(.+)$", cell.source, re.MULTILINE)
            heading = headings[-1] if headings else heading
        role = _role(cell)
        exercise_id = cell.settings.get("exercise") or cell.settings.get("check") or ""
        source = teacher = cell.source
        settings = {"course": {"role": role, **({"exercise": exercise_id} if exercise_id else {})}}
        if role == "exercise":
            exercise = _exercise(cell, name, heading, hints, choices, checks, work)
            if exercise is None:
                continue
            if exercise.id in {e.id for e in exercises}:
                work.wrong(cell.line, f"exercise {exercise.id} appears twice")
            exercises.append(exercise)
            source, teacher = _both_forms(cell, exercise, rubrics, work)
            settings["nbgrader"] = nbgrader_metadata(exercise)
        elif role == "check":
            if cell.source.strip() != f'check("{exercise_id}")':
                work.wrong(cell.line, f'a check cell holds exactly check("{exercise_id}")')
            known = [e for e in exercises if e.id == exercise_id]
            if not known:
                work.wrong(cell.line, f"this check comes before its exercise {exercise_id}, or there is none")
            else:
                settings["nbgrader"] = nbgrader_metadata(known[0], check=True)
                teacher = SCORED.format(check=cell.source.strip())
        elif cell.type == "code":
            if MARKED.search(cell.source) or has_blank(cell.source) and role != "setup":
                work.wrong(cell.line, "a blank outside an exercise cell")
            settings["nbgrader"] = None
        cell_id = _cell_id(role, exercise_id, source, used)
        used.add(cell_id)
        released.append((cell, role, exercise_id, cell_id, source, settings))
        instructor.append((cell, cell_id, teacher, settings))

    _whole_lesson(header, exercises, released, checks, work)
    if work.violations:
        raise BuildError(work.violations)
    lesson = Lesson(
        name,
        header["title"],
        header["minutes"],
        tuple(exercises),
        tuple(Cell(i, c.type, role, e, s) for c, role, e, i, s, _ in released),
    )
    return Built(
        lesson,
        _notebook(name, [(c.type, i, s, m) for c, _, _, i, s, m in released]),
        _notebook(name, [(c.type, i, s, m) for c, i, s, m in instructor], released=lesson),
    )


def _role(cell):
    for role in ("exercise", "check", "demo", "setup"):
        if role in cell.settings:
            return role
    return "text" if cell.type == "markdown" else "plain"


def _hints(cells, work):
    found = {}
    for cell in cells:
        if "hints" not in cell.settings:
            continue
        items = re.split(r"^\d+\.\s+", cell.source.strip(), flags=re.MULTILINE)[1:]
        items = tuple(" ".join(item.split()) for item in items)
        if len(items) != 3:
            work.wrong(cell.line, f"exercise {cell.settings['hints']} needs exactly three hints, found {len(items)}")
        found[cell.settings["hints"]] = (items, cell.line)
    return found


def _choices(cells, work):
    found = {}
    for cell in cells:
        if "choices" not in cell.settings:
            continue
        items = re.split(r"^- ([a-z]):\s+", cell.source.strip(), flags=re.MULTILINE)[1:]
        pairs = {items[i]: " ".join(items[i + 1].split()) for i in range(0, len(items), 2)}
        if len(pairs) < 2:
            work.wrong(cell.line, "write one line `- a: explanation` for every choice")
        found[cell.settings["choices"]] = (pairs, cell.line)
    return found


def _exercise(cell, lesson, heading, hints, choices, checks, work):
    exercise_id = cell.settings["exercise"]
    missing = [k for k in ("kind", "points", "minutes", "difficulty") if k not in cell.settings]
    if missing:
        work.wrong(cell.line, f"exercise {exercise_id} lacks {', '.join(missing)}")
        return None
    kind = cell.settings["kind"]
    if kind not in KINDS:
        work.wrong(cell.line, f"kind {kind!r} is not one of {', '.join(KINDS)}")
        return None
    if not EXERCISE_ID.match(str(exercise_id)):
        work.wrong(cell.line, f"exercise id {exercise_id!r} is not of the form 1.2-some-words, or, in a lab, word.2-some-words")
    if not cell.settings["points"] > 0:
        work.wrong(cell.line, f"exercise {exercise_id} needs points above 0")
    if not heading.startswith(exercise_id):
        work.wrong(cell.line, f"the heading above exercise {exercise_id} must start with its id; it is {heading!r}")
    if exercise_id not in hints:
        work.wrong(cell.line, f"exercise {exercise_id} has no hints")
    if (kind == "choice") != (exercise_id in choices):
        work.wrong(cell.line, f"exercise {exercise_id}: explanations of choices belong to kind \"choice\", and only there")
    files = cell.settings.get("files", ())
    if (kind == "artefact") != bool(files) or not all(FILE_NAME.match(name) for name in files):
        work.wrong(cell.line, f'exercise {exercise_id}: files=["a.onnx", "results.json"] belongs to kind "artefact", and only there')
    own = tuple(checks.get(exercise_id, ()))
    names = ()
    if kind != "written":
        if exercise_named_in(cell.source) != exercise_id or not cell.source.startswith("# Exercise"):
            work.wrong(cell.line, f"the cell's first line must be `# Exercise {exercise_id}`")
        for what, wanted in (("visible", True), ("hidden", False)):
            if not any(c.visible is wanted for c in own):
                work.wrong(cell.line, f"exercise {exercise_id} has no {what} check")
        total = sum(c.points for c in own)
        if own and total != cell.settings["points"]:
            work.wrong(cell.line, f"exercise {exercise_id} has {cell.settings['points']} points; its hidden checks have {total}")
        try:
            names = _top_level_names(answer_of(cell.source)) if kind != "artefact" else names
        except SyntaxError as error:
            work.wrong(cell.line + (error.lineno or 1), f"the answer does not parse: {error.msg}")
    title = heading[len(exercise_id):].strip() or exercise_id
    return Exercise(
        exercise_id, lesson, kind, title, cell.settings["points"], cell.settings["minutes"],
        cell.settings["difficulty"], names, hints.get(exercise_id, ((), 0))[0],
        choices.get(exercise_id, ({}, 0))[0], own, tuple(files),
    )


def _both_forms(cell, exercise, rubrics, work):
    """(released, instructor's) source of an exercise cell; records violations."""
    if exercise.by_hand:
        prompt, mark, answer = cell.source.partition(ANSWER_MARK)
        if not mark:
            work.wrong(cell.line, f"the written exercise {exercise.id} has no line {ANSWER_MARK}")
        if len(prompt.strip().splitlines()) > 1:
            work.wrong(cell.line, f"the task of {exercise.id} belongs into the text above: whoever edits the answer opens this whole cell")
        if exercise.id not in rubrics:
            work.wrong(cell.line, f"the written exercise {exercise.id} has no rubric")
        scheme = f"=== BEGIN MARK SCHEME ===\n{rubrics.get(exercise.id, '')}\n\n=== END MARK SCHEME ==="
        return f"{prompt.strip()}\n\n{ANSWER_HERE}", f"{prompt.strip()}\n\n{answer.strip()}\n\n{scheme}"
    answer, released = answer_of(cell.source), released_of(cell.source)
    if exercise.kind == "artefact":
        if MARKED.search(cell.source) or has_blank(cell.source):
            work.wrong(cell.line, f"exercise {exercise.id} (kind artefact) is about files: its cell has no blank")
        return released, answer
    marks = {m["kind"] for m in map(MARKED.match, cell.source.splitlines()) if m}
    if marks != ({"bug"} if exercise.kind == "bug" else {"blank"}):
        want = "# bug:" if exercise.kind == "bug" else "# blank:"
        work.wrong(cell.line, f"exercise {exercise.id} (kind {exercise.kind}) needs lines with `{want}`, and only those")
        return released, answer
    for offset, line in enumerate(cell.source.splitlines(), 1):
        found = MARKED.match(line)
        if found and found["kind"] == "blank" and NAME not in found["released"]:
            work.wrong(cell.line + offset, "the form after `# blank:` has no ___")
    try:
        if exercise.kind == "bug":
            if ast.dump(ast.parse(answer)) == ast.dump(ast.parse(released)):
                work.wrong(cell.line, f"the released form of {exercise.id} has no bug: it is the answer")
        else:
            removed = taken_out(answer, released)
            if has_blank(answer):
                work.wrong(cell.line, f"the answer of {exercise.id} still has ___ in it")
            _no_answer_in_hints(exercise, removed, cell, work)
    except SyntaxError as error:
        work.wrong(cell.line + (error.lineno or 1), f"the released form does not parse: {error.msg}")
    except _Differs as error:
        work.wrong(cell.line + error.line, f"exercise {exercise.id}: {error}")
    return released, answer


def _no_answer_in_hints(exercise, removed, cell, work):
    """A hint may point at the answer, but not hold one of the expressions that were taken out."""
    for number, hint in enumerate(exercise.hints, 1):
        squeezed = re.sub(r"[\s`]", "", hint)
        for node in removed:
            text = re.sub(r"\s", "", ast.unparse(node))
            if not isinstance(node, (ast.Name, ast.Constant)) and len(text) > 5 and text in squeezed:
                work.wrong(cell.line, f"hint {number} of {exercise.id} holds the answer `{ast.unparse(node)}`")


def _whole_lesson(header, exercises, released, checks, work):
    total = sum(e.points for e in exercises)
    if "points" in header and total != header["points"]:
        work.wrong(1, f"the exercises have {total} points together; the header says {header['points']}")
    for exercise_id in checks.keys() - {e.id for e in exercises}:
        work.wrong(1, f"there are checks for {exercise_id}, but no such exercise")
    checked = {e for _, role, e, *_ in released if role == "check"}
    for exercise in exercises:
        if not exercise.by_hand and exercise.id not in checked:
            work.wrong(1, f"exercise {exercise.id} has no check cell")
    if not any(role == "setup" for _, role, *_ in released):
        work.wrong(1, "no cell is marked setup=true")


def _cell_id(role, exercise_id, source, used):
    """Stable between builds: by exercise where there is one, else by content."""
    if exercise_id:
        base = f"{role}-{exercise_id.replace('.', '-')}"
    else:
        base = f"{role}-{hashlib.sha256(source.encode()).hexdigest()[:12]}"
    cell_id, number = base[:60], 2
    while cell_id in used:
        cell_id, number = f"{base[:57]}-{number}", number + 1
    return cell_id


def nbgrader_metadata(exercise, check=False):
    """nbgrader's metadata (schema 3) for the cell with the answer, or for its check cell. Its ids may not hold dots.

    The check cell carries the points; a written answer carries its own.
    """
    base = exercise.id.replace(".", "-")
    graded = {"grade": True, "points": exercise.points} if check or exercise.by_hand else {"grade": False}
    return {
        **graded, "grade_id": f"{'check' if check else 'answer'}-{base}", "locked": check,
        "schema_version": 3, "solution": not check, "task": False,
    }  # fmt: skip


def _notebook(name, cells, released=None):
    """Notebook JSON with no outputs. `released` (a Lesson) adds each exercise's released source to the metadata."""
    notebook = nbformat.v4.new_notebook(metadata={**KERNEL, "course": {"lesson": name}})
    for kind, cell_id, source, settings in cells:
        make = nbformat.v4.new_markdown_cell if kind == "markdown" else nbformat.v4.new_code_cell
        cell = make(source, id=cell_id, metadata=json.loads(json.dumps({k: v for k, v in settings.items() if v})))
        if released and settings["course"]["role"] == "exercise":
            cell.metadata["course"]["released"] = released.cell_of(settings["course"]["exercise"]).source
        notebook.cells.append(cell)
    nbformat.validate(notebook)
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


# Building the course

NBGRADER_CONFIG = '''"""Settings of an nbgrader course folder for this course."""
from autograder.exports.nbgrader.release_steps import configure

c = get_config()  # noqa: F821 (nbgrader defines it)
c.CourseDirectory.course_id = "compression"
configure(c)
'''


def sources(folder=None):
    """The source files: lessons in their order, then labs."""
    folder = folder or paths.SOLUTIONS
    return [*sorted(folder.glob(f"lesson_*/{paths.SOURCE}")), *sorted(folder.glob(f"lab_*/{paths.SOURCE}"))]


def build_all(check=False):
    """Build every lesson and lab. Returns the files that changed (or, with `check`, would change), as relative paths.

    Raises `BuildError` when any source breaks a rule, `UserError` where there are no sources; then nothing is written.
    """
    need_repository()
    violations, built = [], []
    for path in sources():
        try:
            built.append(build(path))
        except BuildError as error:
            violations.extend(error.violations)
    homes = {}
    for one in built:
        for exercise in one.lesson.exercises:
            if exercise.id in homes:
                violations.append(f"{paths.source_of(one.lesson.name).relative_to(paths.REPOSITORY)}:1: exercise {exercise.id} is also in {homes[exercise.id]}")
            homes[exercise.id] = one.lesson.name
    if violations:
        raise BuildError(violations)
    wanted = {}
    for one in built:
        name = one.lesson.name
        wanted[paths.notebook_of(name)] = one.notebook
        wanted[paths.catalogue_of(name)] = to_json(one.lesson)
        if not check:
            wanted[paths.BUILD / "nbgrader" / "source" / name / f"{name}.ipynb"] = one.instructor
    if not check:
        wanted[paths.BUILD / "nbgrader" / "nbgrader_config.py"] = NBGRADER_CONFIG
    changed = []
    for path, text in wanted.items():
        if not path.exists() or path.read_bytes() != text.encode("utf-8"):
            changed.append(path)
            if not check:
                write_whole(path, text)
    for path in sorted([*paths.LESSONS.glob("[0-9][0-9]_*.ipynb"), *paths.LABS.glob("*.ipynb"), *paths.CATALOGUE.glob("*.json")]):
        if path not in wanted:
            changed.append(path)
            if not check:
                path.unlink()
    return [path.relative_to(paths.REPOSITORY).as_posix() for path in changed]
