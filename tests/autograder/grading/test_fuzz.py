"""The two parsers that read what a stranger wrote: any bytes give a value or the parser's own error, nothing else.

The two `..._or_a_clear_refusal` functions are the properties; tests/trials/fuzz.py drives them for longer.
"""

import copy
import json
import os
import struct

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder.course import catalogue, notebooks, paths
from autograder.course.notebooks import NotebookProblem, lesson_in, read_submission
from autograder.grading.feedback import feedback_page
from autograder.grading.submission import Result, _without_running
from autograder.sandbox import wire, wire_format

LESSON = catalogue.lessons()["01_affine_quantization"]
RELEASED = json.loads((paths.LESSONS / f"{LESSON.name}.ipynb").read_text(encoding="utf-8"))
KINDS = {cell["metadata"]["course"]["role"]: cell for cell in RELEASED["cells"]}
FEW = {**RELEASED, "cells": [*KINDS.values(), *(c for c in RELEASED["cells"] if c["id"] in ("exercise-1-2-scale", "exercise-1-5-written"))]}


def a_submission_or_a_clear_refusal(data):
    """Read a notebook file's bytes as grading does, up to the first line of the student's that would run."""
    assert isinstance(lesson_in(data), str)
    try:
        submission = read_submission(data, LESSON)
    except NotebookProblem as problem:
        assert 0 < len(str(problem)) < 500
        return
    assert all(isinstance(step.source, str) for step in submission.program.steps)
    known = [_without_running(LESSON, exercise, submission) for exercise in LESSON.exercises]
    result = Result("x", LESSON.name, "", [verdict for verdict in known if verdict], repairs=submission.repairs)
    json.dumps(result.to_dict(), ensure_ascii=False).encode()
    feedback_page(result).encode()


def a_value_or_a_clear_refusal(data):
    """Decode a message; what comes out must go in again."""
    try:
        value = wire.decode(data, LIMITS)
    except wire.WireError as problem:
        assert 0 < len(str(problem)) < 500
        return
    wire.encode(value)


LIMITS = wire.Limits(bytes=1 << 20, nodes=2000, depth=20, layers=20)

# What may stand anywhere in a file that was once JSON.
plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
words = st.sampled_from(
    [
        "cells",
        "worksheets",
        "source",
        "metadata",
        "course",
        "exercise",
        "role",
        "id",
        "cell_type",
        "code",
        "markdown",
        "nbformat",
        "# Exercise 1.2-scale\n___",
        "1.2-scale",
        "1.5-written",
        "\ud800",
        "\0",
        "(" * 300,
        "def f():\n" * 3,
        "-" * 3000 + "1",
    ]
)
anything = st.recursive(
    plain | words, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=5), inner, max_size=3), max_leaves=8
)
dents = st.lists(st.tuples(st.integers(0, 2**16), st.sampled_from("replace delete double wrap".split()), anything), min_size=1, max_size=6)
quick = settings(max_examples=int(os.environ.get("FUZZ_EXAMPLES", 60)), suppress_health_check=list(HealthCheck))


def places(node):
    """Every (container, key) in a JSON document."""
    found, waiting = [], [node]
    while waiting:
        inner = waiting.pop()
        keys = inner if isinstance(inner, dict) else range(len(inner)) if isinstance(inner, list) else ()
        for key in keys:
            found.append((inner, key))
            waiting.append(inner[key])
    return found


def dented(document, dents):
    """A copy of a JSON document with parts replaced, deleted, doubled or wrapped."""
    document = copy.deepcopy(document)
    for at, how, value in dents:
        known = places(document)
        if not known:
            break
        holder, key = known[at % len(known)]
        if how == "replace":
            holder[key] = copy.deepcopy(value)
        elif how == "delete":
            del holder[key]
        elif how == "wrap":
            holder[key] = [holder[key], copy.deepcopy(value)]
        elif isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        elif isinstance(value, str):
            holder[value] = holder[key]
    return document


OLD = {
    "nbformat": 3,
    "nbformat_minor": 0,
    "metadata": {},
    "worksheets": [
        {
            "cells": [
                {
                    "cell_type": "code",
                    "input": "# Exercise 1.2-scale\n___",
                    "language": "python",
                    "outputs": [{"output_type": "pyout", "prompt_number": 1, "metadata": {}, "text": ["1"]}],
                    "metadata": {},
                },
                {"cell_type": "heading", "level": 2, "source": "x", "metadata": {}},
            ]
        }
    ],
}


@quick
@given(st.sampled_from([FEW, OLD]), dents)
def test_a_dented_notebook(document, dents):
    text = json.dumps(dented(document, dents))
    a_submission_or_a_clear_refusal(text.encode())


@quick
@given(anything)
def test_other_json_as_a_notebook(value):
    a_submission_or_a_clear_refusal(json.dumps(value).encode())
    a_submission_or_a_clear_refusal(json.dumps({"cells": [value, {"cell_type": "code", "source": value, "metadata": value}]}).encode())


@quick
@given(st.binary(max_size=300))
def test_other_bytes_as_a_notebook(data):
    a_submission_or_a_clear_refusal(data)


def messages():
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.BatchNorm1d(3))
    return [
        wire.encode(each)
        for each in (
            None,
            [1, 2.5, "a", b"b", 1 << 70, 1j],
            {"a": (1, 2), 3: [None, True]},
            "x" * 300,
            np.arange(6.0).reshape(2, 3),
            np.float32(1),
            torch.arange(4).to(torch.bfloat16),
            np.array([True]),
            wire.Opaque("x"),
            model,
            [model, model],
            torch.nn.Conv2d(2, 2, 3),
        )
    ]


MESSAGES = messages()


def message(tree, rest=b""):
    text = json.dumps(tree).encode()
    return wire_format.HEADER.pack(wire_format.MAGIC, len(text)) + text + rest


@quick
@given(st.sampled_from(MESSAGES), st.lists(st.tuples(st.integers(0, 2**16), st.binary(max_size=4), st.integers(0, 4)), max_size=5))
def test_a_dented_message(data, dents):
    for at, new, gone in dents:
        at %= len(data) or 1
        data = data[:at] + new + data[at + gone :]
    a_value_or_a_clear_refusal(data)


tags = st.sampled_from([*"tdifcubosaTm", "x", ""])


@quick
@given(
    st.recursive(
        plain | st.sampled_from([*wire_format.NUMPY_DTYPES, "0" * 16, "f" * 16, "0x1"]) | st.integers(0, 9),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(tags, inner, min_size=1, max_size=1),
        max_leaves=12,
    ),
    st.binary(max_size=40),
)
def test_a_message_of_any_structure(tree, rest):
    a_value_or_a_clear_refusal(message(tree, rest))


@quick
@given(st.sampled_from([m for m in MESSAGES if b'"m"' in m]), dents)
def test_a_dented_module(data, dents):
    (length,) = struct.unpack("<I", data[2:6])
    tree, rest = json.loads(data[6 : 6 + length]), data[6 + length :]
    a_value_or_a_clear_refusal(message(dented(tree, dents), rest))


@quick
@given(st.binary(max_size=200))
def test_other_bytes_as_a_message(data):
    a_value_or_a_clear_refusal(data)
    a_value_or_a_clear_refusal(wire_format.MAGIC + data)


# What the fuzzing found, and what it would take too long to find


FOUND = {
    "an exercise that is a list": {"cells": [{"cell_type": "code", "metadata": {"course": {"role": "exercise", "exercise": []}}}]},
    "a role that is a list": {"cells": [{"cell_type": "markdown", "metadata": {"course": {"role": [], "exercise": {}}}}]},
    "an id as deep as JSON may be": {"cells": [{"cell_type": "code", "id": eval("[" * 180 + "]" * 180)}]},
    "the old format's name in a new notebook": {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "worksheets": []},
    "worksheets of no kind": {"worksheets": [None, {}, {"cells": 3}, {"cells": [3, {"cell_type": "code", "input": {}}]}]},
    "half a surrogate pair": {"cells": [{"cell_type": "code", "source": "# Exercise 1.2-scale\n'\ud800'"}]},
}


@pytest.mark.parametrize("document", FOUND.values(), ids=FOUND.keys())
def test_what_was_found(document):
    a_submission_or_a_clear_refusal(json.dumps(document).encode())


@pytest.mark.parametrize(
    "data, words",
    [
        (b" " * (notebooks.MAX_BYTES + 1), "at most 64 MB"),
        (json.dumps({"cells": [{}] * (notebooks.MAX_CELLS + 1)}).encode(), "at most 5000"),
        (json.dumps({"cells": [{"cell_type": "code", "source": "x = [" + "1," * notebooks.MAX_CODE + "]"}]}).encode(), "data pasted"),
    ],
    ids=["bytes", "cells", "code"],
)
def test_a_file_too_large_to_be_read_is_refused_in_words(data, words):
    with pytest.raises(NotebookProblem, match=words):
        read_submission(data, LESSON)
