"""An answer for a person is read wherever the student wrote it; only where nothing is written it is blank."""

import copy
import json

import pytest

from autograder.course import catalogue, paths
from autograder.course.notebooks import read_submission
from autograder.exports.nbgrader.notebook import graded_notebook
from autograder.grading.submission import Result, _without_running

LESSON, ID = "01_affine_quantization", "1.5-written"
ANSWER = "Padding is filled with the zero point, so a wrong zero point moves every border pixel by a constant."
WITH_ONE = [(name, e.id) for name, lesson in catalogue.lessons().items() for e in lesson.exercises if e.by_hand]


def released(lesson):
    return json.loads(paths.notebook_of(lesson).read_text(encoding="utf-8"))["cells"]


def own(cells, exercise):
    return next(
        i
        for i, c in enumerate(cells)
        if c["metadata"].get("course", {}).get("exercise") == exercise and c["metadata"]["course"]["role"] == "exercise"
    )


def heading(cells, exercise):
    return next(
        i
        for i, c in enumerate(cells)
        if c["cell_type"] == "markdown" and any(line.startswith(f"## {exercise}") for line in c["source"].splitlines())
    )


def cell(source, kind="markdown"):
    return {"cell_type": kind, "metadata": {}, "source": source, **({"outputs": [], "execution_count": None} if kind == "code" else {})}


def insert(where, new):
    def change(cells, exercise):
        cells.insert(where(cells, exercise), new)

    return change


def edit(find, how):
    def change(cells, exercise):
        cells[find(cells, exercise)]["source"] = how(cells[find(cells, exercise)]["source"])

    return change


def above(cells, exercise):
    return own(cells, exercise)


def below(cells, exercise):
    return own(cells, exercise) + 1


def last(cells, exercise):
    return len(cells)


def merged_upward(cells, exercise):
    at = own(cells, exercise)
    cells[at - 1]["source"] += f"\n\n{cells[at]['source']}\n{ANSWER}"
    cells[at - 1]["cell_type"] = "markdown"
    del cells[at]


def merged_downward(cells, exercise):
    at = own(cells, exercise)
    cells[at]["source"] += f"\n{ANSWER}\n\n{cells[at + 1]['source']}"
    del cells[at + 1]


def retyped(kind, keep=("id",)):
    def change(cells, exercise):
        at = own(cells, exercise)
        cells[at] = {**cell(ANSWER, kind), **{name: cells[at][name] for name in keep}}

    return change


def without_metadata(cells, exercise):
    cells[own(cells, exercise)]["source"] = ANSWER
    for each in cells:
        each["metadata"] = {}
        each.pop("id", None)


def deleted_and_below(cells, exercise):
    at = own(cells, exercise)
    cells[at] = cell(ANSWER)


def heading_lost(cells, exercise):
    at = heading(cells, exercise)
    cells[at]["source"] = cells[at]["source"].replace(f"## {exercise}", "## My answer to")
    cells.insert(own(cells, exercise), cell(ANSWER))


def split(cells, exercise):
    at = own(cells, exercise)
    first, second = ANSWER.split(", ")
    cells[at]["source"] = first
    cells.insert(at + 1, {**copy.deepcopy(cells[at]), "source": second, "id": "split"})


ELSEWHERE = {
    "a new cell above": insert(above, cell(ANSWER)),
    "a new cell below": insert(below, cell(ANSWER)),
    "a raw cell below": insert(below, cell(ANSWER, "raw")),
    "a string in a code cell": insert(below, cell(f'"""{ANSWER}"""', "code")),
    "a named string": insert(below, cell(f'answer = "{ANSWER}"', "code")),
    "a printed string": insert(below, cell(f'print("{ANSWER}")', "code")),
    "comments in a code cell": insert(below, cell(f"# {ANSWER}\n# And so on.", "code")),
    "comments beside code": insert(above, cell(f"# {ANSWER}\nx = 1", "code")),
    "words in a code cell": insert(below, cell(ANSWER, "code")),
    "a magic for Markdown": insert(below, cell(f"%%markdown\n{ANSWER}", "code")),
    "the end of the notebook": insert(last, cell(ANSWER)),
    "the end, in a code cell": insert(last, cell(f'"{ANSWER}"', "code")),
    "the end, as words in a code cell": insert(last, cell(ANSWER, "code")),
    "the end, with a heading": insert(last, cell(f"# My answer\n\n{ANSWER}")),
    "above the heading": insert(heading, cell(ANSWER)),
    "in the question's cell": edit(heading, lambda source: f"{source}\n\n{ANSWER}"),
    "instead of the question": edit(heading, lambda source: ANSWER),
    "at the front of the question's cell": edit(heading, lambda source: f"{ANSWER}\n\n{source}"),
    "merged upward": merged_upward,
    "the cell as a raw one": retyped("raw"),
    "the cell as a raw one, with its metadata": retyped("raw", ("id", "metadata")),
    "the cell as a code cell, without its metadata": retyped("code"),
    "the metadata of all cells lost": without_metadata,
    "the heading edited": heading_lost,
    "another cell in its place": deleted_and_below,
}
IN_PLACE = {
    "its own cell": edit(own, lambda source: ANSWER),
    "below the line to replace": edit(own, lambda source: f"{source}\n\n{ANSWER}"),
    "behind the line to replace": edit(own, lambda source: f"{source} {ANSWER}"),
    "above the line to replace": edit(own, lambda source: f"{ANSWER}\n\n{source}"),
    "a rule of three underscores": edit(own, lambda source: f"{source}\n___\n{ANSWER}"),
    "merged downward": merged_downward,
    "the cell as a code cell": retyped("code", ("id", "metadata")),
    "split in two": split,
}


FEW = ("a new cell above", "the end of the notebook", "merged upward", "the heading edited", "split in two")


def read(lesson, change=None, exercise=None):
    cells = copy.deepcopy(released(lesson))
    if change:
        change(cells, exercise)
    submission = read_submission(json.dumps({"cells": cells}).encode(), catalogue.lessons()[lesson])
    return submission, json.dumps({"cells": cells}).encode()


def verdict(lesson, exercise, submission):
    lesson = catalogue.lessons()[lesson]
    return _without_running(lesson, lesson.exercise(exercise), submission)


@pytest.mark.parametrize(
    "lesson, exercise, name",
    [(*each, name) for each in WITH_ONE for name in [*ELSEWHERE, *IN_PLACE] if each[1] in (ID, "sweep.7-written") or name in FEW],
)
def test_an_answer_goes_to_a_person_wherever_it_stands(lesson, exercise, name):
    submission, data = read(lesson, {**ELSEWHERE, **IN_PLACE}[name], exercise)
    found = verdict(lesson, exercise, submission)
    assert found.status == "needs_manual" and found.max_points > 0, found
    words = submission.answers[exercise]
    assert all(part in words for part in ANSWER.split(", "))
    told = [line for line in submission.repairs if "not in its own cell" in line]
    assert bool(told) == (name in ELSEWHERE) and ("not in its own cell" in found.message) == (name in ELSEWHERE)
    # What the person sees in formgrader, in the cell that carries the points.
    page = json.loads(graded_notebook(catalogue.lessons()[lesson], Result("x", lesson, "", [found], repairs=submission.repairs), data))
    (shown,) = [c for c in page["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == f"answer-{exercise.replace('.', '-')}"]
    assert ANSWER.split(", ")[0] in shown["source"] and (
        not told or told[0].replace("_", "") in page["cells"][0]["source"].replace("\\", "").replace("_", "")
    )


def test_the_line_says_where():
    submission, _ = read(LESSON, ELSEWHERE["a new cell below"], ID)
    at = own(released(LESSON), ID) + 2
    assert f"stands in cell {at} of {len(released(LESSON)) + 1} (a text cell)." in submission.repairs[-1]
    submission, _ = read(LESSON, ELSEWHERE["the end, in a code cell"], ID)
    assert "(a code cell), outside its section." in submission.repairs[-1]


def without_ids(cells, exercise):
    for each in cells:
        each["metadata"] = {}
        each.pop("id", None)


@pytest.mark.parametrize("lesson, exercise", WITH_ONE)
@pytest.mark.parametrize(
    "name",
    [
        "a new cell above",
        "a new cell below",
        "the end of the notebook",
        "in the question's cell",
        "merged upward",
        "comments in a code cell",
    ],
)
def test_also_where_other_programs_have_lost_the_metadata(name, lesson, exercise):
    def both(cells, exercise):
        ELSEWHERE[name](cells, exercise)
        without_ids(cells, exercise)

    submission, _ = read(lesson, both, exercise)
    assert verdict(lesson, exercise, submission).status == "needs_manual" and ANSWER in submission.answers[exercise]


def scratch(cells, exercise):
    """What students do elsewhere: code with remarks, a magic, a deleted cell, answers to other exercises, outputs."""
    lesson = next(name for name, each in WITH_ONE if each == exercise)
    first = next(e for e in catalogue.lessons()[lesson].exercises if not e.by_hand)
    at = own(cells, first.id)
    cells[at]["source"] += "\n# I think that this is right because the range is symmetric\n"
    cells.insert(at, cell("# try it out with some numbers of my own here\nprint(1 + 1)", "code"))
    cells.insert(at, cell("!pip install numpy pandas scipy matplotlib torch", "code"))
    cells.insert(at, cell("x = [1, 2, 3\n", "code"))
    cells.append(cell("", "code"))
    cells.append(cell("", "markdown"))


def emptied(cells, exercise):
    cells[own(cells, exercise)]["source"] = ""


def only_the_line_deleted(cells, exercise):
    at = own(cells, exercise)
    cells[at]["source"] = cells[at]["source"].partition("\n")[0]


def only_the_instruction_cut(cells, exercise):
    at = own(cells, exercise)
    cells[at]["source"] = " ".join(cells[at]["source"].split()[:4])


def twice(cells, exercise):
    at = own(cells, exercise)
    cells.insert(at, copy.deepcopy(cells[at]))


def turned_around(cells, exercise):
    cells.reverse()


NOTHING = [
    scratch,
    emptied,
    only_the_line_deleted,
    only_the_instruction_cut,
    twice,
    turned_around,
    without_ids,
    lambda cells, exercise: None,
]


@pytest.mark.parametrize("lesson, exercise", WITH_ONE)
@pytest.mark.parametrize("change", NOTHING, ids=lambda change: change.__name__)
def test_where_nothing_is_written_it_is_blank(change, lesson, exercise):
    submission, _ = read(lesson, change, exercise)
    found = verdict(lesson, exercise, submission)
    assert found.status == "blank" and not [line for line in submission.repairs if exercise in line], (found, submission.answers[exercise])


def test_without_its_cell_and_without_words_it_is_missing():
    def delete(cells, exercise):
        del cells[own(cells, exercise)]

    submission, _ = read(LESSON, delete, ID)
    assert verdict(LESSON, ID, submission).status == "missing"
