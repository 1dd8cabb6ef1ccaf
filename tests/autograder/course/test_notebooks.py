"""Whatever a student did to the file: the program they meant, or one clear sentence."""

import copy
import json

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.course import catalogue, paths
from autograder.course.notebooks import NotebookProblem, lesson_in, read_submission

LESSON = catalogue.lessons()["01_affine_quantization"]
RELEASED = json.loads((paths.LESSONS / f"{LESSON.name}.ipynb").read_text(encoding="utf-8"))
DONE = '# Exercise 1.1-predict\npredict_1_1 = "c"'


def notebook(change=None):
    """The released notebook with 1.1 answered, then changed."""
    document = copy.deepcopy(RELEASED)
    cell_of(document, "1.1-predict")["source"] = DONE
    if change:
        document["cells"] = change(document["cells"]) or document["cells"]
    return document


def cell_of(document, exercise):
    return next(c for c in document["cells"] if c["metadata"]["course"].get("exercise") == exercise)


def read(document):
    return read_submission(json.dumps(document).encode(), LESSON)


def test_a_normal_notebook_needs_no_repair_and_skips_figures_and_checks():
    submission = read(notebook())
    assert submission.repairs == [] and submission.answers["1.1-predict"] == DONE
    assert set(submission.answers) == {e.id for e in LESSON.exercises}
    sources = [step.source for step in submission.program.steps]
    assert not any("figures." in source or source.startswith("check(") for source in sources)
    assert [s.exercise for s in submission.program.steps if s.exercise] == [e.id for e in LESSON.exercises if not e.by_hand]


BYTES = {
    "byte order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "windows line ends": lambda text: text.replace("\n", "\r\n").encode(),
    "crlf in the source": lambda text: text.replace("\\n", "\\r\\n").encode(),
}


@pytest.mark.parametrize("encode", BYTES.values(), ids=BYTES.keys())
def test_other_encodings_of_the_same_notebook(encode):
    submission = read_submission(encode(json.dumps(notebook(), indent=1)), LESSON)
    assert submission.answers["1.1-predict"] == DONE and submission.repairs == []


def test_sources_as_lists_of_lines_and_without_metadata():
    document = notebook()
    for cell in document["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True)
        cell["metadata"] = {}
        cell.pop("id")
    submission = read(document)
    code = {e.id for e in LESSON.exercises if not e.by_hand}
    assert code <= set(submission.answers) and submission.answers["1.1-predict"] == DONE


def test_an_old_format_is_converted():
    old = nbformat.convert(nbformat.from_dict(notebook()), 3)
    submission = read_submission(nbformat.writes(old, version=3).encode(), LESSON)
    assert submission.answers["1.1-predict"].strip() == DONE


def test_an_answer_is_found_by_the_names_it_defines():
    """The `# Exercise` line deleted, in a cell of the student's own."""
    document = notebook(lambda cells: [c for c in cells if c["id"] != "exercise-1-1-predict"])
    document["cells"].append({"cell_type": "code", "source": 'predict_1_1 = "c"', "metadata": {}, "outputs": []})
    assert read(document).answers["1.1-predict"] == 'predict_1_1 = "c"'


def test_of_two_cells_the_one_that_was_worked_on_counts():
    released = cell_of(RELEASED, "1.1-predict")["source"]
    for order in ((DONE, released), (released, DONE)):

        def twice(cells, order=order):
            at = next(i for i, c in enumerate(cells) if c["id"] == "exercise-1-1-predict")
            pair = [{**cells[at], "source": source, "id": f"x{i}"} for i, source in enumerate(order)]
            return [*cells[:at], *pair, *cells[at + 1 :]]

        submission = read(notebook(twice))
        assert submission.answers["1.1-predict"] == DONE
        assert sum(s.exercise == "1.1-predict" for s in submission.program.steps) == 1
        assert any("1.1-predict" in line for line in submission.repairs)


def test_deleted_imports_are_put_back_first():
    submission = read(notebook(lambda cells: [c for c in cells if "import numpy" not in c["source"]]))
    assert "import numpy" in submission.program.steps[0].source
    assert any("put back" in line for line in submission.repairs)


def test_an_edited_figure_cell_runs_because_code_may_stand_in_it():
    def edit(cells):
        cell = next(c for c in cells if c["metadata"]["course"]["role"] == "demo")
        cell["source"] += "\nmine = 1"

    assert any(s.source.endswith("mine = 1") for s in read(notebook(edit)).program.steps)


@pytest.mark.parametrize(
    "data, message",
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"Dear instructor", "not JSON"),
        (b"\x89PNG\r\n\x1a\n\x00\xff", "not text"),
        (b"<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> x", "not JSON"),
        (b"[1, 2]", "no list of cells"),
        (b'{"cells": 3}', "no list of cells"),
        (b"[" * 100_000, "not JSON"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_what_is_no_notebook_gets_one_sentence(data, message):
    with pytest.raises(NotebookProblem, match=message):
        read_submission(data, LESSON)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["cells", "cell_type", "source", "metadata", "course", "id", "role", "exercise", "x"]), inner, max_size=5
        )
    ),
    max_leaves=25,
)


@settings(max_examples=300)
@given(JSON, st.lists(JSON, max_size=4))
def test_any_json_is_read_or_refused(anything, cells):
    for document in (anything, {"cells": cells}, {"cells": [{"cell_type": "code", "source": "x = ___", "metadata": anything}]}):
        data = json.dumps(document).encode()
        lesson_in(data)
        try:
            submission = read_submission(data, LESSON)
        except NotebookProblem:
            continue
        assert all(isinstance(step.source, str) for step in submission.program.steps)


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    lesson_in(data)
    try:
        read_submission(data, LESSON)
    except NotebookProblem:
        pass


def test_a_try_out_with_the_answer_s_name_is_no_answer():
    def edit(cells):
        cell = next(c for c in cells if c["metadata"]["course"].get("exercise") == "1.4-bug")
        cell["source"] = cell["source"].replace("astype", "clip(-128, 127).astype")
        more = ("for to_int8 in range(3): pass", "if True:\n    def to_int8(x): return 5")
        return cells + [{"cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None} for source in more]

    submission = read(notebook(edit))
    assert "def to_int8" in submission.answers["1.4-bug"] and "return 5" not in submission.answers["1.4-bug"]
    assert not [line for line in submission.repairs if "cells for" in line]
    assert [step.exercise for step in submission.program.steps[-2:]] == ["", ""]
