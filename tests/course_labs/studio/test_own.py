"""`course lab --model path.py:factory`: the user's own network and images through the four rows, and what is said when they do not fit."""

import dataclasses
import io
import json

import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

from autograder.cli.main import app
from course_data import UserError, load
from course_labs import Recipe, Settings, Shape, Studio
from course_labs.measuring import measure
from course_labs.methods import export
from course_labs.report.results import read
from course_labs.studio import own_network, settings
from tests import REPOSITORY

RESIDUAL = """
import torch
from torch import nn

class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.first, self.one = nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        self.second, self.two = nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)

    def forward(self, x):
        return torch.relu(x + self.two(self.second(torch.relu(self.one(self.first(x))))))

def residual(in_channels, classes, width=1.0):
    channels = max(16, 16 * round(2 * width))
    return nn.Sequential(
        nn.Conv2d(in_channels, channels, 3, padding=1, stride=2, bias=False), nn.BatchNorm2d(channels), nn.ReLU(),
        Block(channels), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes),
    )
"""
PLAIN = """
from torch import nn

def plain(in_channels, classes, width=1.0):
    a, b = int(16 * width), int(32 * width)
    return nn.Sequential(
        nn.Conv2d(in_channels, a, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(a * 16, b), nn.ReLU(), nn.Linear(b, classes),
    )
"""
TINY = Settings(
    teacher=Shape((16,), (1,)),
    teacher_recipe=Recipe(3, 0.1, batch=16),
    student=Shape((16,), (1,)),
    student_recipe=Recipe(3, 0.1, batch=16),
    pruned_widths=(16,),
    recovery_recipe=Recipe(2, 0.05, batch=16),
    views=1,
    importance_images=64,
    calibration=32,
    latency_calls=20,
)


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(settings.SETTINGS, "digits", TINY)
    monkeypatch.setattr(own_network, "recipes_for", lambda data: TINY)


@pytest.fixture
def pictures(tmp_path):
    """Two classes of 8×8 pictures: bright above, bright below."""
    random = np.random.default_rng(0)
    for name, half in (("above", slice(0, 4)), ("below", slice(4, 8))):
        (tmp_path / "halves" / name).mkdir(parents=True)
        for number in range(40):
            pixels = random.integers(0, 90, (8, 8), np.uint8)
            pixels[half] += 120
            Image.fromarray(pixels).save(tmp_path / "halves" / name / f"{number}.png")
    return tmp_path / "halves"


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def lab(*arguments):
    return CliRunner().invoke(app, ["lab", *map(str, arguments)], catch_exceptions=True)


def test_a_residual_net_on_digits_with_controls(tmp_path, tiny, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "nets.py", RESIDUAL)
    result = lab("--model", "nets.py:residual", "--controls")
    assert result.exit_code == 0, result.output
    out = tmp_path / "runs" / "nets-residual-digits"
    results = read(out / "results.json")
    rows = {row.name: row for row in (*results.first.rows, *results.first.controls)}
    assert "The network is nets.py:residual, at width 1 for the teacher and 0.5 for the student." in " ".join(result.output.split())
    assert [rows[name].widths for name in ("teacher", "student", "pruned", "int8")] == [(32, 32), (16, 16), (8, 8), (8, 8)]
    assert rows["teacher"].bytes > rows["student"].bytes > rows["pruned"].bytes
    assert rows["student"].macs > 2 * rows["pruned"].macs
    assert rows["unstructured"].nonzero_parameters == rows["pruned"].parameters == rows["from_scratch"].parameters
    assert abs(rows["silenced"].correct - rows["pruned"].correct) <= 1 and rows["silenced"].macs == rows["student"].macs
    graph = onnx.load(out / "int8.onnx").graph
    weights = [t for t in graph.initializer if len(t.dims) > 1]
    assert len(weights) == 4 and all(t.data_type == onnx.TensorProto.INT8 for t in weights)
    assert "BatchNormalization" not in {node.op_type for node in graph.node}


def test_a_plain_net_on_an_image_folder(tmp_path, tiny, pictures):
    model, out = f"{write(tmp_path / 'my nets.py', PLAIN)}:plain", tmp_path / "out"
    result = lab("--model", model, "--images", pictures, "--size", 8, "--out", out)
    assert result.exit_code == 0, result.output
    results = read(out / "results.json")
    assert results.data.title == "halves (8×8)" and results.data.test == 16
    assert [row.widths for row in results.first.rows] == [(16, 32), (8, 16), (4, 8), (4, 8)]
    assert results.first.rows[0].accuracy > 0.9, "above and below are easily told apart"
    assert results.settings["teacher_recipe"]["peak_lr"] == pytest.approx(0.02), "no batch norm, a smaller learning rate"
    said = io.StringIO()
    dataset, chosen, family = own_network.own_setup("digits", pictures, 8, model, 0.5)
    Studio(dataset, out, 0, chosen, Console(file=said, width=300), family=family).models()
    assert said.getvalue().count("done before") == 5, "the same file and folder: nothing is done again"
    (tmp_path / "my nets.py").write_text(PLAIN + "\n# changed\n")
    dataset, chosen, family = own_network.own_setup("digits", pictures, 8, model, 0.5)
    studio = Studio(dataset, out, 0, chosen, Console(file=said), family=family)
    assert studio.maker.common["model"] != json.loads((out / "stages" / "teacher.json").read_text())["inputs"]["model"]


def test_the_course_s_own_networks_on_an_image_folder(pictures):
    dataset, chosen, family = own_network.own_setup("digits", pictures, 16, None, 0.5)
    assert family is None and chosen.student == settings.SETTINGS["cifar10"].student
    recipe = own_network.recipes_for(dataset).teacher_recipe
    assert recipe.epochs == 60 and recipe.batch == 14 and recipe.shift == 2 and not recipe.flip
    large = dataclasses.replace(dataset, train=dataclasses.replace(dataset.train, labels=torch.zeros(50_000)))
    assert own_network.recipes_for(large).teacher_recipe.epochs == 10 and own_network.recipes_for(large).teacher_recipe.batch == 64
    with pytest.raises(UserError, match="--size 7 is too small .* at least 8"):
        own_network.own_setup("digits", pictures, 7, None, 0.5)


def test_the_network_of_a_shape_is_the_factory_s_cut(tmp_path):
    digits = load("digits")
    family, chosen = own_network.prepared(f"{write(tmp_path / 'nets.py', RESIDUAL)}:residual", digits, TINY)
    small = family.new(dataclasses.replace(chosen.student, widths=chosen.pruned_widths))
    assert small.shape.widths == (8, 8) and str(small.shape) == "8-8" and small.training
    again = family.new(small.shape)
    again.load_state_dict(small.state_dict())
    export.export(again.eval(), (8, 8), tmp_path / "net.onnx", fold=family.folded)
    images = torch.randn(3, 1, 8, 8)
    with torch.inference_mode():
        expected = small.eval()(images).numpy()
    np.testing.assert_allclose(measure.session(tmp_path / "net.onnx", 1).run(None, {"image": images.numpy()})[0], expected, atol=1e-5)


@pytest.mark.parametrize("width, kept", [(128, 64), (48, 32), (32, 16), (24, 16), (16, 8), (12, 6), (3, 2), (1, 1)])
def test_channels_are_kept_in_multiples_that_the_processor_likes(width, kept):
    assert own_network.kept_channels(width, 0.5) == kept


# ---------------------------------------------------------------- what is refused

HEAD = "from torch import nn\nimport torch\n\n"
NET = "nn.Sequential(nn.Conv2d(i, int(16 * width), 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(int(16 * width), c))"
WRONG = {
    "no width": (
        "def f(in_channels, classes):\n    return None",
        ["f(in_channels, classes, width=1.0)", "width", "width scales the channels"],
    ),
    "width ignored": (
        f"def f(i, c, width=1.0):\n    width = 1\n    return {NET}",
        ["with width=0.5 the network has", "must be the smaller one"],
    ),
    "a syntax error": ("def f(i, c, width=1.0)\n    return None", ["nets.py, line 4: SyntaxError"]),
    "an error on reading": ("1 / 0", ["nets.py, line 4: ZeroDivisionError: division by zero", "while reading"]),
    "leaves": ("import sys; sys.exit('enough')", ["nets.py, line 4: SystemExit: enough"]),
    "an error in the factory": (
        "def g(n):\n    raise KeyError('lost')\n\ndef f(i, c, width=1.0):\n    return g(1)",
        ["nets.py, line 5: KeyError: 'lost'", "with width=1"],
    ),
    "no module": ("def f(i, c, width=1.0):\n    return 3", ["gave back int", "torch.nn.Module"]),
    "wrong logits": (f"def f(i, c, width=1.0):\n    c = 7\n    return {NET}", ["puts out (2, 7), not logits (2, 10)"]),
    "too deep for the images": (
        "def f(i, c, width=1.0):\n    return nn.Sequential(nn.Conv2d(i, 8, 3), nn.MaxPool2d(8), nn.Flatten(), nn.Linear(8, c))",
        ["nets.py: RuntimeError", "(2, 1, 8, 8)"],
    ),
    "decides by values": (
        f"class N(nn.Module):\n    def __init__(self, n):\n        super().__init__()\n        self.n = n\n    def forward(self, x):\n        if x.sum() > 0:\n"
        f"            x = -x\n        return self.n(x)\n\ndef f(i, c, width=1.0):\n    return N({NET})",
        ["nets.py, line 9: TraceError", "control flow"],
    ),
    "another name": ("def g(i, c, width=1.0):\n    pass", ["has no function f; it has g"]),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_with_file_and_line(tmp_path, name):
    code, says = WRONG[name]
    model = f"{write(tmp_path / 'nets.py', HEAD + code)}:f"
    with pytest.raises(UserError) as caught:
        own_network.prepared(model, load("digits"), TINY)
    for words in says:
        assert words in str(caught.value)


@pytest.mark.parametrize(
    "model, says",
    [
        ("nets.py", "file and a function"),
        ("nowhere.py:f", "no file nowhere.py"),
        ("nets.py:not a name", "file and a function"),
        ("", "file and a function"),
    ],
)
def test_a_model_that_is_none(model, says):
    with pytest.raises(UserError, match=says):
        own_network.prepared(model, load("digits"), TINY)
    with pytest.raises(UserError, match="--width 1.5"):
        own_network.prepared(model, load("digits"), TINY, student_width=1.5)


def test_stopped_it_says_the_whole_command(tmp_path, monkeypatch, pictures):
    from course_labs.studio import seeds

    def stop(*_args, **_named):
        raise KeyboardInterrupt

    monkeypatch.setattr(seeds, "run_seeds", stop)
    model = f"{write(tmp_path / 'my nets.py', PLAIN)}:plain"
    result = lab("--model", model, "--images", pictures, "--size", 8, "--out", tmp_path / "o", "--width", 0.25)
    assert result.exit_code == 130
    assert f"course lab --model '{model}' --width 0.25 --images {pictures} --size 8 --out {tmp_path / 'o'} --seed 0" in result.output


def test_the_example_of_the_handbook_runs(tmp_path):
    """labs/README.md shows a file: it must be one that the lab takes."""
    text = (REPOSITORY / "labs" / "README.md").read_text(encoding="utf-8")
    code = text.split("```python\n")[1].split("```")[0]
    _, chosen = own_network.prepared(f"{write(tmp_path / 'nets.py', code)}:make", load("digits"), TINY)
    assert (chosen.teacher.widths, chosen.student.widths, chosen.pruned_widths) == ((64, 128), (32, 64), (16, 32))
