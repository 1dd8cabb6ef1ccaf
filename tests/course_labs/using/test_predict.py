"""`course predict` and what stands behind it, on a model file that was never trained."""

import csv
import json
import os
import subprocess
import sys

import numpy as np
import onnxruntime
import pytest
from PIL import Image
from typer.testing import CliRunner

from autograder.cli.main import app
from course_data import UserError
from course_labs.using import metadata
from course_labs.using.predict import Model
from tests import REPOSITORY
from tests.course_labs.using.conftest import about, model


def grey(path, level, size=(6, 4)):
    Image.new("L", size, level).save(path)
    return path


def predict(*arguments):
    return CliRunner().invoke(app, ["predict", *map(str, arguments)])


def test_an_answer_is_the_file_s_own(sky, tmp_path):
    """Confidences against the formula, by the file's own mean 0.25 and spread 0.5."""
    answer = Model(sky).answer(grey(tmp_path / "a.png", 51), top=3)
    value = (51 / 255 - 0.25) / 0.5
    shares = np.exp([-((value - centre) ** 2) for centre in (-1, 0, 1)])
    assert [guess.name for guess in answer.guesses] == ["grey", "dark night", "light"]
    assert [guess.confidence for guess in answer.guesses] == pytest.approx((shares / shares.sum())[[1, 0, 2]], abs=1e-6)
    assert 0 < answer.milliseconds < 1000


def test_a_file_for_raw_pixels_gets_raw_pixels(sky, tmp_path):
    import onnx
    from onnx import TensorProto, helper

    made = onnx.load(sky)
    made.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    for node in made.graph.node:
        node.input[:] = ["as floats" if name == "image" else name for name in node.input]
    made.graph.node.insert(0, helper.make_node("Cast", ["image"], ["as floats"], to=TensorProto.FLOAT))
    helper.set_model_props(made, metadata.props(about(input=metadata.picture_of(1, 4, 6, (0.25,), (0.5,), "uint8"))))
    onnx.save(made, tmp_path / "raw.onnx")
    for level, name in ((0, "grey"), (1, "light")):  # the file gets 0 and 1, not (0 - 0.25) / 0.5
        assert Model(tmp_path / "raw.onnx").answer(grey(tmp_path / "a.png", level)).best.name == name


def test_lines_for_people(sky, tmp_path):
    (tmp_path / "pictures").mkdir()
    for level in (0, 255):
        grey(tmp_path / "pictures" / f"{level}.png", level, (60, 40))
    said = predict(sky, tmp_path / "pictures", "--top", 2)
    assert said.exit_code == 0
    dark, light = said.stdout.splitlines()
    assert dark.startswith(f"{tmp_path}/pictures/0.png: dark night ") and " %, grey " in dark and dark.endswith(" ms)")
    assert light.startswith(f"{tmp_path}/pictures/255.png: light ")
    assert "2 pictures, median " in said.stderr


def test_json_and_csv_hold_the_same(sky, tmp_path):
    grey(tmp_path / 'a "b", c.png', 0)
    as_json = json.loads(predict(sky, tmp_path, "--json", "--top", 9).stdout)
    (picture,) = as_json["pictures"]
    assert as_json["model"] == str(sky) and as_json["faults"] == [] and len(picture["top"]) == 3
    (row,) = csv.DictReader(predict(sky, tmp_path, "--csv", "--top", 9).stdout.splitlines())
    assert row["picture"] == picture["picture"] and row["class"] == picture["class"] == "dark night"
    assert float(row["confidence"]) == pytest.approx(picture["confidence"], abs=1e-6) and row["class_3"] == picture["top"][2]["class"]
    assert predict(sky, tmp_path, "--json", "--csv").exit_code != 0


def test_an_unreadable_picture_is_named_and_the_others_are_answered(sky, tmp_path):
    grey(tmp_path / "a.png", 0)
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:40])
    grey(tmp_path / "c\x1b[2J\n.png", 0)
    os.mkfifo(tmp_path / "pipe.png")
    said = predict(sky, tmp_path)
    assert said.exit_code == 1 and said.stdout.count("dark night") == 2 and len(said.stdout.splitlines()) == 2 and "\x1b" not in said.output
    assert f"course: {tmp_path}/b.png " in said.stderr and f"course: {tmp_path}/pipe.png is no file with an end" in said.stderr
    faults = json.loads(predict(sky, tmp_path, "--json").stdout)["faults"]
    assert sorted(fault["picture"].rpartition("/")[2] for fault in faults) == ["b.png", "pipe.png"]


def test_ink_on_paper_is_noticed(sky, tmp_path):
    """The model was trained on dark pictures (mean 0.25): a light one may be a negative, and --invert takes it for one."""
    path = grey(tmp_path / "a.png", 230)
    assert "try --invert" in predict(sky, path).stderr and "light" in predict(sky, path).stdout
    inverted = predict(sky, path, "--invert")
    assert "try --invert" not in inverted.stderr and "grey" in inverted.stdout
    assert "try --invert" not in predict(sky, grey(tmp_path / "b.png", 60)).stderr


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda path: None, "There is no file"),
        (lambda path: path.mkdir(), "is a folder, not a model file"),
        (os.mkfifo, "is a pipe or a device"),
        (lambda path: path.write_bytes(b"<html>"), "is no ONNX file"),
        (lambda path: path.write_bytes(b""), "is no ONNX file"),
        (lambda path: path.write_bytes(model({})), "does not say how to use it"),
        (lambda path: path.write_bytes(model(metadata.props(about()), channels=3)), "its graph takes image tensor(float)"),
        (lambda path: path.write_bytes(model(metadata.props(about(classes=("a", "b"))))), "names 2 classes"),
        (lambda path: path.write_bytes(model(metadata.props(about()), batch=2)), "does not run on one picture"),
    ],
)
def test_what_is_no_model_is_refused(tmp_path, make, message):
    make(tmp_path / "model.onnx")
    with pytest.raises(UserError) as refused:
        Model(tmp_path / "model.onnx")
    assert message in str(refused.value) and str(tmp_path / "model.onnx") in str(refused.value) and "\n" not in str(refused.value)


def test_no_pictures_is_a_mistake(sky, tmp_path):
    (tmp_path / "notes.txt").touch()
    said = predict(sky, tmp_path)
    assert isinstance(said.exception, UserError) and "no pictures in" in str(said.exception) and "1 other file" in str(said.exception)


def test_pixels_of_another_size_are_refused(sky):
    answers = Model(sky)
    assert answers.answer_pixels(np.zeros((4, 6), np.uint8)).best.name == "dark night"
    for wrong in (np.zeros((6, 4), np.uint8), np.zeros((1, 4, 6), np.float32), np.zeros((3, 4, 6), np.uint8)):
        with pytest.raises(ValueError, match="takes uint8 pictures of 1 × 4 × 6"):
            answers.answer_pixels(wrong)


ALONE = """
import importlib.abc, sys
class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in ALLOWED | sys.stdlib_module_names and name.partition(".")[0] not in sys.modules:
            raise ModuleNotFoundError(name)
ALLOWED = {"course_data", "course_labs", "numpy", "onnxruntime", "PIL"}
sys.meta_path.insert(0, Blocked())
from pathlib import Path
from course_labs.using.pictures import found
from course_labs.using.predict import Model
(path,) = found([Path(sys.argv[2])]).pictures
print(Model(sys.argv[1]).answer(path).best.name)
"""


def test_onnx_runtime_numpy_and_pillow_are_enough(sky, tmp_path):
    grey(tmp_path / "a.png", 0)
    done = subprocess.run([sys.executable, "-c", ALONE, sky, tmp_path], capture_output=True, text=True, cwd=REPOSITORY)
    assert (done.stdout, done.returncode) == ("dark night\n", 0), done.stderr


def test_the_command_does_not_wait_for_torch(sky, tmp_path):
    code = "import sys; from autograder.cli.main import main; sys.argv[:1] = ['course']\ntry: main()\nfinally: print(sorted({'torch', 'onnx', 'matplotlib'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code, "predict", sky, grey(tmp_path / "a.png", 0)], capture_output=True, text=True, cwd=REPOSITORY
    )
    assert done.stdout.endswith("[]\n") and "dark night" in done.stdout, done.stderr


def test_the_file_needs_nothing_but_onnx_runtime(sky):
    """As a program without the course would use it."""
    session = onnxruntime.InferenceSession(sky)
    said = json.loads(session.get_modelmeta().custom_metadata_map["course"])
    assert said["classes"][0] == "dark night" and said["input"]["mean"] == [0.25]
