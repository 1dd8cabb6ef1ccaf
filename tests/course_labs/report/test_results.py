"""What a results.json holds: read into types and written back to the byte; what is broken is named."""

import json
import subprocess
import sys

import pytest

from course_data import UserError
from course_data.root import REPOSITORY
from course_labs.measuring.rows import CONTROLS, LABELS, MODELS
from course_labs.report import results

COMMITTED = sorted((REPOSITORY / "labs" / "results").rglob("*.json"))


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.relative_to(REPOSITORY / "labs" / "results").as_posix())
def test_a_file_is_the_same_to_the_byte_when_written_again(path, tmp_path):
    assert len(COMMITTED) >= 6
    results.write(results.read(path), tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


def test_what_is_read_has_the_types_that_are_declared():
    found = results.read(REPOSITORY / "labs" / "results" / "controls" / "mnist.json")
    openvino, teacher = found.first.row("openvino"), found.first.row("teacher")
    assert isinstance(teacher.widths, tuple) and isinstance(teacher.onnx_runtime, results.Times) and teacher.shows is None
    assert openvino.onnx_runtime is None and isinstance(openvino.times("openvino"), results.Times) and openvino.shows
    assert found.summary["teacher"].ratios is None and found.summary["int8"].ratios.bytes.sd is None
    assert isinstance(found.first.machine.cpu_flags, tuple) and found.budget is None
    with pytest.raises(UserError, match="openvino has no times of onnx_runtime"):
        openvino.times("onnx_runtime")
    with pytest.raises(UserError, match="no row bonsai"):
        found.first.row("bonsai")


def at(content, *place):
    for key in place[:-1]:
        content = content[key]
    return content, place[-1]


@pytest.mark.parametrize(
    "place, value, words",
    [
        (("schema",), 3, "schema 2"),
        (("runs", 0, "rows", 2, "accuracy"), "good", r"runs\[0\]\.rows\[2\]\.accuracy should be a number, not \"good\""),
        (("runs", 0, "rows", 2, "accuracy"), None, r"runs\[0\]\.rows\[2\]\.accuracy should be a number, not null"),
        (("runs", 0, "rows", 0, "correct"), 1.5, r"runs\[0\]\.rows\[0\]\.correct should be a whole number, not 1.5"),
        (("runs", 0, "rows", 0, "correct"), True, r"correct should be a whole number, not true"),
        (("runs", 0, "rows", 0, "onnx_runtime"), [1], r"onnx_runtime should be an object, not \[1\]"),
        (("runs", 0, "rows", 0, "widths"), "64", r"widths should be a list"),
        (("runs", 0, "minutes"), [], "minutes should be an object"),
        (("runs", 0, "minutes", "total"), "long", r"runs\[0\]\.minutes\.total should be a number"),
        (("data", "title"), 7, "data.title should be text"),
        (("summary", "int8", "bytes", "mean"), {}, "summary.int8.bytes.mean should be a number"),
        (("runs", 0, "rows", 0, "colour"), "red", r"does not know: runs\[0\]\.rows\[0\]\.colour"),
        (("budget",), {"met": 1}, "lacks budget.limits"),
        (("runs",), {}, "runs should be a list"),
    ],
)
def test_a_broken_field_is_named(tmp_path, place, value, words):
    content = json.loads(COMMITTED[0].read_text(encoding="utf-8"))
    inside, key = at(content, *place)
    inside[key] = value
    (tmp_path / "results.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UserError, match=words) as caught:
        results.read(tmp_path / "results.json")
    assert str(tmp_path / "results.json") in str(caught.value)


@pytest.mark.parametrize(
    "place, value, words",
    [
        (("runs",), [], "has no runs"),
        (("runs", 0, "rows"), [], r"runs\[0\]\.rows are none, not teacher, student, pruned, int8"),
        (("runs", 0, "rows", 1, "name"), "pupil", r"rows are teacher, pupil, pruned, int8, not"),
        (("runs", 0, "rows", 1, "onnx_runtime"), None, "no times of ONNX Runtime for student"),
        (("runs", 0, "versions"), {"torch": "2"}, r"runs\[0\]\.versions lacks onnxruntime"),
        (("runs", 0, "minutes"), {}, r"runs\[0\]\.minutes lacks total"),
        (("runs", 0, "ratios"), {}, r"runs\[0\]\.ratios lacks student, pruned, int8"),
        (("summary",), {}, "summary lacks teacher, student, pruned, int8"),
        (("summary", "int8", "ratios"), {}, "no ratios in the summary of int8"),
    ],
)
def test_what_tables_rely_on_is_there(tmp_path, place, value, words):
    test_a_broken_field_is_named(tmp_path, place, value, words)


@pytest.mark.parametrize(
    "place", [("data",), ("runs", 0, "machine", "cpu"), ("runs", 0, "rows", 1, "pytorch_eager"), ("summary", "teacher", "ratios")]
)
def test_a_field_that_is_missing_is_named(tmp_path, place):
    content = json.loads(COMMITTED[0].read_text(encoding="utf-8"))
    inside, key = at(content, *place)
    del inside[key]
    (tmp_path / "results.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UserError, match=f"lacks .*{place[-1]}"):
        results.read(tmp_path / "results.json")


@pytest.mark.parametrize(
    "text, words", [("", "cannot be read"), ("{half", "cannot be read"), ("[1, 2]", "schema 2"), ('"text"', "schema 2"), ("{}", "schema 2")]
)
def test_what_is_no_results_file_at_all(tmp_path, text, words):
    (tmp_path / "results.json").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=words):
        results.read(tmp_path / "results.json")
    with pytest.raises(UserError, match="cannot be read"):
        results.read(tmp_path / "nowhere.json")


def test_rows_are_named_once_and_apart():
    assert (
        len(LABELS)
        == len(MODELS) + len(CONTROLS)
        == len({label.title for label in LABELS.values()})
        == len({label.short for label in LABELS.values()})
    )
    looks = [label.look for label in MODELS]
    assert len({look.colour for look in looks}) == len({look.marker for look in looks}) == 4, "never colour alone"
    assert {label.clock for label in LABELS.values()} <= {"onnx_runtime", "pytorch_eager", "openvino"}


def test_reading_results_does_not_wait_for_torch():
    code = "import sys; from course_labs.report import readme, results, shorter_runs, tables; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
