"""One folder, one run; no room on the disk; a training that leads nowhere: one line each, and nothing half-written."""

import io
import resource
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from rich.console import Console

from course_data import UserError
from course_labs import Recipe, Studio
from course_labs.methods import training
from course_labs.studio.one_run import HOLDER, only_run
from tests.course_labs.studio.test_studio import TINY

HOLDS = """
import pathlib, sys
from course_labs.studio.one_run import only_run
with only_run(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def studio(out, settings=TINY):
    return Studio("digits", out, settings=settings, console=Console(file=io.StringIO()))


def test_a_second_run_is_told_who_has_the_folder(tmp_path):
    out = tmp_path / "out"
    other = subprocess.Popen([sys.executable, "-c", HOLDS, out], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(UserError, match=rf"in use by process {other.pid} on .*, since .*choose another folder with --out") as caught:
            studio(out).teacher()
        assert "\n" not in str(caught.value)
        other.kill()
        other.wait()
        with only_run(out), only_run(out):  # a killed process holds nothing; the same one may ask twice
            assert f"process {other.pid} " not in (out / HOLDER).read_text()
        assert [p.name for p in out.iterdir() if p.name.startswith("run")] == [], "nothing is left behind"
    finally:
        other.kill()
        other.wait()


@pytest.mark.parametrize("name", ["teacher.onnx", "stages/teacher.pt", "stages/teacher.json"])
def test_a_file_that_another_run_wrote_is_not_measured(trained, name):
    out, whole = trained
    path = out / name
    before = path.read_bytes()
    path.write_bytes(b"{}" if path.suffix == ".json" else before + b" ")
    try:
        with pytest.raises(UserError, match="something else wrote to this folder"):
            whole.maker.check(whole.teacher())
    finally:
        path.write_bytes(before)
    whole.maker.check(whole.teacher())


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    out = tmp_path_factory.mktemp("once")
    made = studio(out)
    made.teacher()
    return out, made


def test_a_full_disk_is_one_line_and_the_run_goes_on_later(tmp_path):
    """A limit on the size of files stands for it: the same error, from the same writes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(UserError, match="Cannot write to .*: File too large. Nothing was left half-written. Finished stages are kept"):
            studio(tmp_path).teacher()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    left = {p.name for p in tmp_path.rglob("*") if p.is_file()}
    assert not left - {"precision-teacher.json", "precision-teacher.seconds.json"}
    assert studio(tmp_path).teacher().path.is_file()


def test_a_training_that_fails_says_which_and_what_to_try(tmp_path):
    wild = replace(TINY, teacher_recipe=Recipe(2, 1e30, batch=64))
    with pytest.raises(UserError, match=r'^teacher: the loss is no longer a number .*"peak_lr": 2e\+29.*batch norm') as caught:
        studio(tmp_path, wild).teacher()
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "stages").glob("teacher*"))


def test_a_teacher_whose_answers_are_no_numbers_is_the_one_to_blame(trained, monkeypatch):
    from course_labs.methods import distillation

    teach = distillation.teach
    monkeypatch.setattr(distillation, "teach", lambda *asked: replace(taught := teach(*asked), logits=taught.logits * float("inf")))
    with pytest.raises(UserError, match="^teacher: some of its answers are no numbers"):
        studio(trained[0]).answers()


def test_the_precision_is_measured_once_and_kept(tmp_path, monkeypatch):
    from course_labs.methods import pace

    monkeypatch.setattr(training, "precision", lambda where: torch.bfloat16)
    monkeypatch.setattr(pace, "fastest_precision", lambda *asked: (torch.float32, {"bfloat16": 0.4, "float32": 0.14}))
    first = studio(tmp_path)
    assert first.maker.number_format("teacher") == torch.float32 == first.maker.number_format("pruned")
    assert first.maker.precisions == "float32"
    said = first.maker.console.file.getvalue()
    assert "teacher is trained in float32, which is faster here (processor time of a step: bfloat16 400.0 ms, float32 140.0 ms)." in said
    monkeypatch.setattr(pace, "fastest_precision", lambda *asked: pytest.fail("measured again"))
    assert studio(tmp_path).maker.number_format("teacher") == torch.float32
    forced = studio(tmp_path, replace(TINY, precision="bfloat16"))
    assert forced.maker.precisions == "bfloat16"
