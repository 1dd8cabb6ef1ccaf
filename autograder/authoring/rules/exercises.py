"""Rules about each exercise: its settings, the text around it, its checks, and the two forms of its answer."""

import ast
import re

from autograder.authoring import blanked
from autograder.authoring.source import Broken, Draft
from autograder.course import paths
from autograder.course.blanks import NAME, exercise_named_in, has_blank

EXERCISE_ID = re.compile(r"^(\d+|[a-z]+)\.\d+-[a-z0-9]+(-[a-z0-9]+)*$")
FILE_NAME = re.compile(r"^[a-z0-9][a-z0-9_-]*\.(onnx|json|npy)$")
KINDS = ("code", "choice", "bug", "written", "artefact")
SETTINGS = ("kind", "points", "minutes", "difficulty")
HINTS = 3
SHORTEST = 6  # letters of an expression that a hint may not hold


def settings_are_complete(draft: Draft) -> Broken:
    """An exercise has a kind (code, choice, bug, written or artefact), points, minutes above 0, and a difficulty of 1, 2 or 3."""
    for task in draft.tasks:
        missing = [key for key in SETTINGS if key not in task.cell.settings]
        if missing:
            yield task.line, f"exercise {task.id} lacks {', '.join(missing)}"
        if "kind" not in missing and task.kind not in KINDS:
            yield task.line, f"kind {task.kind!r} is not one of {', '.join(KINDS)}"
        for key in ("points", "minutes"):
            if key not in missing and task.number(key) <= 0:
                yield task.line, f"exercise {task.id} needs {key} above 0"
        if "difficulty" not in missing and task.number("difficulty") not in (1, 2, 3):
            yield task.line, f"exercise {task.id}: the difficulty is 1, 2 or 3"


def ids_are_well_formed(draft: Draft) -> Broken:
    """An exercise's id is 1.2-some-words; in a lab word.2-some-words, one word for the whole lab."""
    number = None if draft.name is None or paths.is_lab(draft.name) else str(int(draft.name[:2]))
    first = draft.ids[0].partition(".")[0] if number is None and draft.ids else None
    for task in draft.tasks:
        if not EXERCISE_ID.match(task.id):
            yield task.line, f"exercise id {task.id!r} is not of the form 1.2-some-words, or, in a lab, word.2-some-words"
        elif number is None and task.id.partition(".")[0] != first:
            yield task.line, f"exercise id {task.id!r} must begin with {first!r}, as the first one of this lab"
        elif number is not None and task.id.partition(".")[0] != number:
            yield task.line, f"exercise id {task.id!r} must begin with {number}, the lesson's number"


def ids_are_one_each(draft: Draft) -> Broken:
    """No two exercises have the same id."""
    for at, task in enumerate(draft.tasks):
        if task.id in draft.ids[:at]:
            yield task.line, f"exercise {task.id} appears twice"


def heading_names_the_exercise(draft: Draft) -> Broken:
    """The heading above an exercise is `## id  Title`."""
    for task in draft.tasks:
        if not task.heading.startswith(task.id):
            yield task.line, f"the heading above exercise {task.id} must start with its id; it is {task.heading!r}"


def text_says_what_it_costs(draft: Draft) -> Broken:
    """Under the heading stands, after an empty line, `*10 minutes · 15 points · difficulty 2 of 3*`; ` · read by a person` may follow."""
    texts = dict(draft.prose)
    for line, text in draft.prose:
        task = next((task for task in draft.tasks if re.match(rf"#+ +{re.escape(task.id)}(\s|$)", text)), None)
        if task is None:
            continue
        cost = " · ".join(
            (f"{task.number('minutes'):g} minutes", f"{task.number('points'):g} points", f"difficulty {task.number('difficulty'):g} of 3")
        )
        if texts.get(line + 1, "").strip() or not texts.get(line + 2, "").startswith(f"*{cost}"):
            yield line, f"two lines below the heading of {task.id} must stand *{cost}*"


def hints_are_three(draft: Draft) -> Broken:
    """Every exercise has three hints, numbered, in a cell with hints="id"."""
    for task in draft.tasks:
        if task.hints is None:
            yield task.line, f"exercise {task.id} has no hints"
    for cell in draft.cells_about("hints"):
        found = next((task.hints for task in draft.tasks if task.id == str(cell.settings["hints"])), None)
        if found is not None and len(found) != HINTS:
            yield cell.line, f"exercise {cell.settings['hints']} needs exactly three hints, found {len(found)}"


def hints_hold_no_answer(draft: Draft) -> Broken:
    """A hint may point at the answer, but not hold one of the expressions that were taken out."""
    for task in draft.tasks:
        if task.kind not in ("code", "choice"):
            continue
        try:
            removed = blanked.taken_out(*reversed(task.forms))
        except (SyntaxError, ValueError):
            continue
        for number, hint in enumerate(task.hints or (), 1):
            squeezed = re.sub(r"[\s`]", "", hint)
            for node in removed:
                text = re.sub(r"\s", "", ast.unparse(node))
                if not isinstance(node, (ast.Name, ast.Constant)) and len(text) >= SHORTEST and text in squeezed:
                    yield task.line, f"hint {number} of {task.id} holds the answer `{ast.unparse(node)}`"


def choices_are_explained(draft: Draft) -> Broken:
    """A prediction (kind choice) explains each of its choices, two or more, in a cell with choices="id"; no other exercise does."""
    for task in draft.tasks:
        if (task.kind == "choice") != (task.choices is not None):
            yield task.line, f'exercise {task.id}: explanations of choices belong to kind "choice", and only there'
    for cell in draft.cells_about("choices"):
        found = next((task.choices for task in draft.tasks if task.id == str(cell.settings["choices"])), None)
        if found is not None and len(found) < 2:
            yield cell.line, "write one line `- a: explanation` for every choice"


def choices_are_those_of_the_text(draft: Draft) -> Broken:
    """The choices that are explained are those that the text offers as `- (a) ...`."""
    current = None
    offered: dict[str | None, list[str]] = {}
    for _, text in draft.prose:
        if text.startswith("#"):
            current = next((task.id for task in draft.tasks if re.match(rf"#+ +{re.escape(task.id)}(\s|$)", text)), None)
        if found := re.match(r"- \(([a-z])\) ", text):
            offered.setdefault(current, []).append(found[1])
    for task in draft.tasks:
        if task.kind == "choice" and task.choices and list(task.choices) != offered.get(task.id, []):
            yield (
                task.line,
                f"exercise {task.id} explains {', '.join(task.choices)}; its text offers {', '.join(offered.get(task.id, [])) or 'nothing'}",
            )


def rubric_and_model_answer(draft: Draft) -> Broken:
    """A written exercise has one line of prompt, the line `<!-- answer -->`, a model answer below it, and a rubric in a cell with rubric="id"."""
    for task in draft.tasks:
        if not task.by_hand:
            continue
        prompt, mark, answer = task.cell.source.partition(blanked.ANSWER_MARK)
        if task.cell.type != "markdown":
            yield task.line, f"the written exercise {task.id} is answered in a text: write `# %% [markdown] exercise=...`"
        if not mark or not answer.strip():
            yield task.line, f"the written exercise {task.id} has no line {blanked.ANSWER_MARK} with a model answer below it"
        if len(prompt.strip().splitlines()) > 1:
            yield task.line, f"the task of {task.id} belongs into the text above: whoever edits the answer opens this whole cell"
        if not task.rubric:
            yield task.line, f"the written exercise {task.id} has no rubric"


def cells_about_exercises_that_are_there(draft: Draft) -> Broken:
    """Hints, choices and rubrics are about exercises of this lesson, once each."""
    for what in ("hints", "choices", "rubric"):
        seen = set()
        for cell in draft.cells_about(what):
            about = str(cell.settings[what])
            if about not in draft.ids:
                yield cell.line, f"{what} for {about}, but there is no such exercise"
            elif about in seen:
                yield cell.line, f"a second cell with {what} for {about}"
            seen.add(about)


def files_are_named(draft: Draft) -> Broken:
    """An artefact exercise, and no other, names its files: files=["a.onnx", "results.json"]; small letters, digits, _ and -, ending .onnx, .json or .npy."""
    for task in draft.tasks:
        if (task.kind == "artefact") != bool(task.files) or not all(FILE_NAME.match(name) for name in task.files):
            yield task.line, f'exercise {task.id}: files=["a.onnx", "results.json"] belongs to kind "artefact", and only there'


def first_line_names_the_exercise(draft: Draft) -> Broken:
    """A code cell of an exercise begins with `# Exercise id`."""
    for task in draft.tasks:
        if not task.by_hand and (exercise_named_in(task.cell.source) != task.id or not task.cell.source.startswith("# Exercise")):
            yield task.line, f"the cell's first line must be `# Exercise {task.id}`"


def checks_are_there(draft: Draft) -> Broken:
    """An exercise that no person reads has a visible and a hidden check, and its hidden checks have its points together."""
    for task in draft.tasks:
        if task.by_hand:
            continue
        for what, wanted in (("visible", True), ("hidden", False)):
            if not any(check.visible is wanted for check in task.checks):
                yield task.line, f"exercise {task.id} has no {what} check"
        total = sum(check.points for check in task.checks)
        if task.checks and total != task.number("points"):
            yield task.line, f"exercise {task.id} has {task.number('points'):g} points; its hidden checks have {total:g}"


def answer_is_python(draft: Draft) -> Broken:
    """The answer is Python, with no blank left in it."""
    for task in draft.tasks:
        if task.kind in ("code", "choice", "bug"):
            if error := _error_in(task.forms[1]):
                yield task.line + (error.lineno or 1), f"the answer does not parse: {error.msg}"
            elif has_blank(task.forms[1]):
                yield task.line, f"the answer of {task.id} still has ___ in it"


def marks_are_of_the_kind(draft: Draft) -> Broken:
    """A bug to find has lines with `# bug:`, other code has lines with `# blank:`, and only those; an exercise about files has neither."""
    for task in draft.tasks:
        found = {match["kind"] for _, match in blanked.marks(task.cell.source)}
        want = "bug" if task.kind == "bug" else "blank"
        if task.kind == "artefact" and (found or has_blank(task.cell.source)):
            yield task.line, f"exercise {task.id} (kind artefact) is about files: its cell has no blank"
        if task.kind in ("code", "choice", "bug") and found != {want}:
            yield task.line, f"exercise {task.id} (kind {task.kind}) needs lines with `# {want}:`, and only those"


def forms_have_blanks(draft: Draft) -> Broken:
    """The form after `# blank:` has a `___`."""
    for task in draft.tasks:
        for offset, match in blanked.marks(task.cell.source):
            if match["kind"] == "blank" and NAME not in match["released"]:
                yield task.line + offset, "the form after `# blank:` has no ___"


def released_form_is_the_answer_blanked(draft: Draft) -> Broken:
    """What a student gets parses, and is the answer with expressions replaced by `___`; a bug to find is not the answer."""
    for task in draft.tasks:
        want = "bug" if task.kind == "bug" else "blank"
        if task.kind not in ("code", "choice", "bug") or {match["kind"] for _, match in blanked.marks(task.cell.source)} != {want}:
            continue
        released, answer = task.forms
        if error := _error_in(released):
            yield task.line + (error.lineno or 1), f"the released form does not parse: {error.msg}"
        elif _error_in(answer):
            continue
        elif task.kind == "bug":
            if ast.dump(ast.parse(answer)) == ast.dump(ast.parse(released)):
                yield task.line, f"the released form of {task.id} has no bug: it is the answer"
        else:
            try:
                blanked.taken_out(answer, released)
            except blanked.Differs as differs:
                yield task.line + differs.line, f"exercise {task.id}: {differs}"


def _error_in(source: str) -> SyntaxError | None:
    try:
        ast.parse(source)
    except SyntaxError as error:
        return error
    return None


def check_cell_follows(draft: Draft) -> Broken:
    """After an exercise's cell comes its check cell, `# %% check="id"` with just `check("id")`; a written one has none."""
    seen, checked = set(), set()
    for cell in draft.cells:
        if cell.role == "exercise":
            seen.add(cell.exercise)
        elif cell.role == "check":
            checked.add(cell.exercise)
            if cell.source.strip() != f'check("{cell.exercise}")':
                yield cell.line, f'a check cell holds exactly check("{cell.exercise}")'
            if cell.exercise not in seen:
                yield cell.line, f"this check comes before its exercise {cell.exercise}, or there is none"
    for task in draft.tasks:
        if not task.by_hand and task.id not in checked:
            yield task.line, f"exercise {task.id} has no check cell"


RULES = (
    settings_are_complete,
    ids_are_well_formed,
    ids_are_one_each,
    heading_names_the_exercise,
    text_says_what_it_costs,
    hints_are_three,
    hints_hold_no_answer,
    choices_are_explained,
    choices_are_those_of_the_text,
    rubric_and_model_answer,
    cells_about_exercises_that_are_there,
    files_are_named,
    first_line_names_the_exercise,
    checks_are_there,
    answer_is_python,
    marks_are_of_the_kind,
    forms_have_blanks,
    released_form_is_the_answer_blanked,
    check_cell_follows,
)
