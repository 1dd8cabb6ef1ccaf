"""What a model file says about itself: whole, typed, of one schema."""

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from course_data import UserError, load
from course_labs.methods.families import ConvNets
from course_labs.studio.row_maker import RowMaker
from course_labs.studio.settings import SETTINGS
from course_labs.using import metadata
from tests.course_labs.using.conftest import about


def test_it_comes_back_as_it_went_in():
    for channels in (1, 3):
        whole = about(input=metadata.picture_of(channels, 28, 30, (0.13,) * channels, (0.3,) * channels))
        assert metadata.read(metadata.props(whole), "x.onnx") == whole


def test_the_studio_writes_names_with_spaces_whole(tmp_path):
    digits = replace(load("digits"), classes=("Ankle boot", 'a "b", c', "$1 to $5", *"3456789"))
    maker = RowMaker(digits, ConvNets.of(digits), SETTINGS["digits"], 3, tmp_path, Console(file=io.StringIO()))
    found = metadata.read(maker.notes("int8", "2026-11-30"), "int8.onnx")
    assert found.classes == digits.classes
    assert (found.input.channels, found.input.height, found.input.width) == (("grey",), 8, 8)
    assert found.input.mean == pytest.approx(digits.mean, abs=1e-8) and found.input.spread == pytest.approx(digits.std, abs=1e-8)
    assert found.data == metadata.TrainedOn(digits.title, "scikit-learn", digits.fingerprint, "CC BY 4.0 (UCI)")
    assert (found.model.row, found.model.seed, found.model.made) == ("+ quantised, int8", 3, "2026-11-30")
    assert set(found.versions) == {"course", "torch", "onnx", "onnxruntime"}


def changed(**fields):
    content = json.loads(metadata.props(about())[metadata.KEY]) | fields
    return {metadata.KEY: json.dumps(content)}


INPUT = json.loads(metadata.props(about())[metadata.KEY])["input"]


@pytest.mark.parametrize(
    "found, message",
    [
        ({}, "does not say how to use it"),
        ({"card": "{}"}, "does not say how to use it"),
        ({"row": "x", "classes": "Ankle boot", "mean": "0.1", "std": "0.3"}, "written by an earlier version"),
        ({"course": "{"}, "no JSON"),
        ({"course": "[" * 100_000}, "no JSON"),
        ({"course": "[]"}, "schema null"),
        (changed(schema=2), "schema 2; this version of the course reads schema 1"),
        (changed(classes="0 1 2"), "classes should be a list"),
        (changed(classes=["a", "a"]), "no two alike"),
        (changed(classes=[]), "no two alike"),
        (changed(more=1), "does not know: more"),
        (changed(input={**INPUT, "height": 10**9}), "a side has 1 to 4096 pixels"),
        (changed(input={**INPUT, "spread": [0.0]}), "a spread is above 0"),
        (changed(input={**INPUT, "mean": [float("nan")]}), "finite"),
        (changed(input={**INPUT, "mean": [0.1, 0.2]}), "one finite number for each channel"),
        (changed(input={**INPUT, "channels": ["blue", "green", "red"]}), "the channels are blue, green, red"),
        (changed(input={**INPUT, "dtype": "float16"}), "dtype is 'float16'"),
        (changed(input={**INPUT, "fit": "stretched"}), "fit is 'stretched'"),
        (changed(input={key: value for key, value in INPUT.items() if key != "mean"}), "lacks input.mean"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(found, message):
    with pytest.raises(UserError, match="^x.onnx") as refused:
        metadata.read(found, "x.onnx")
    assert message in str(refused.value)
