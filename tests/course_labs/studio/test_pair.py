"""`--teacher` and `--student`: two networks, of which only the student is followed; weights that come from elsewhere."""

import io
import sys
from dataclasses import replace

import pytest
import torch
from rich.console import Console
from torch import nn

from course_data import UserError, load
from course_labs import Recipe, Studio
from course_labs.studio import factories, own_network
from course_labs.studio.factories import Source
from course_labs.studio.pair import TwoNetworks
from course_labs.studio.settings import SETTINGS
from tests.course_labs.studio.test_own import TINY, lab, write

# nothing here could be cut: an attention-like product of values, a LayerNorm, a SiLU
TEACHER = """
import pathlib
import torch
from torch import nn
from part import gate

class Odd(nn.Module):
    def __init__(self, channels, classes):
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(channels * 64, 64), nn.LayerNorm(64), nn.Linear(64, classes)
    def forward(self, x):
        x = nn.functional.silu(self.norm(self.first(x.view(x.size(0), -1))))
        return self.last(gate(x))

def make(in_channels, classes):
    net = Odd(in_channels, classes)
    file = pathlib.Path(__file__).with_name("teacher.pth")
    if file.exists():
        net.load_state_dict(torch.load(file))
    return net
"""
PART = "import torch\n\ndef gate(x):\n    return x * torch.sigmoid(x)\n"
STUDENT = """
from torch import nn

def make(in_channels, classes):
    return nn.Sequential(nn.Conv2d(in_channels, 16, 3, padding=1, stride=2), nn.BatchNorm2d(16), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
                         nn.Flatten(), nn.Linear(16, classes))
"""
FAST = replace(
    TINY, teacher_recipe=Recipe(3, 0.1, batch=64), student_recipe=Recipe(1, 0.1, batch=64), recovery_recipe=Recipe(1, 0.1, batch=64)
)


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.fixture
def two(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sys.modules.pop("part", None)  # another test's
    monkeypatch.setattr(own_network, "recipes_for", lambda data: FAST)
    for name, text in (("part.py", PART), ("teacher.py", TEACHER), ("student.py", STUDENT)):
        write(tmp_path / name, text)
    return TwoNetworks("teacher.py:make", "student.py:make")


def fingerprint(two, digits):
    return own_network.paired(two, digits, FAST)[0].fingerprint


def test_a_teacher_that_cannot_be_cut_and_a_student_that_is(two, tmp_path):
    from course_labs.report.results import read

    result = lab("--teacher", "teacher.py:make", "--student", "student.py:make", "--keep", 0.75, "--temperature", 2, "--alpha", 0.5)
    assert result.exit_code == 0, result.output
    results = read(tmp_path / "runs" / "teacher-make-student-make-digits-keep-0.75-temperature-2-alpha-0.5" / "results.json")
    assert [row.widths for row in results.first.rows] == [(), (16,), (12,), (12,)]
    assert results.settings["teacher_network"] == "teacher.py:make" and results.settings["student_network"] == "student.py:make"
    assert (results.settings["temperature"], results.settings["alpha"]) == (2.0, 0.5)
    assert "The networks: the teacher teacher.py:make, the student student.py:make." in " ".join(result.output.split())
    assert results.first.rows[0].parameters == 64 * 64 + 64 + 128 + 650, "the teacher's file holds the teacher"


def test_weights_that_are_given_are_measured_and_kept(two, tmp_path, digits):
    torch.manual_seed(0)
    trained = own_network.WholeNetworks(Source(two.teacher, "--teacher", widths=False), torch.zeros(2, 1, 8, 8), 10).new(None)
    from course_labs.methods import training

    training.train(trained, digits, Recipe(6, 0.02, batch=64), training.cross_entropy, 0)
    torch.save({"state_dict": {f"module.{name}": tensor for name, tensor in trained.body.state_dict().items()}}, tmp_path / "w.pth")
    said = io.StringIO()
    kept = replace(two, weights=tmp_path / "w.pth", keep_teacher=True)
    _, chosen, family = own_network.own_setup("digits", None, 32, None, 0.5, kept)
    model = Studio(digits, tmp_path / "o", 0, chosen, Console(file=said, width=300), family=family).teacher()
    assert model.validation_accuracy == training.accuracy(trained, digits.val, digits) > 0.5
    assert "teacher.py:make comes with" in said.getvalue() and "kept as it is" in said.getvalue()
    for name, tensor in model.net.state_dict().items():
        assert torch.equal(tensor, trained.state_dict()[name])
    (tmp_path / "w.pth").unlink()
    torch.save(Source(two.teacher, "--teacher", widths=False).make(1, 10, 8).state_dict(), tmp_path / "w.pth")
    _, chosen, family = own_network.own_setup("digits", None, 32, None, 0.5, kept)
    with pytest.raises(UserError, match="--keep-teacher: teacher.py:make gets .* chance"):
        Studio(digits, tmp_path / "o", 0, chosen, Console(file=said), family=family).teacher()


def test_what_the_networks_are_made_from_decides_whether_a_run_is_the_same(two, tmp_path, digits):
    before = fingerprint(two, digits)
    assert before == fingerprint(two, digits), "the same files, the same run"
    net = Source(two.teacher, "--teacher", widths=False).make(1, 10, 8)
    torch.save(net.state_dict(), tmp_path / "teacher.pth")  # what the factory reads
    loaded = fingerprint(two, digits)
    assert loaded != before
    with torch.no_grad():
        net.last.bias += 1
    torch.save(net.state_dict(), tmp_path / "teacher.pth")
    assert fingerprint(two, digits) != loaded, "a replaced teacher.pth"
    now = fingerprint(two, digits)
    torch.save(net.state_dict(), tmp_path / "w.pth")
    given = fingerprint(replace(two, weights=tmp_path / "w.pth"), digits)
    assert given != now
    sys.modules.pop("part")
    write(tmp_path / "part.py", PART + "# changed\n")
    assert fingerprint(two, digits) != now, "a module that stands beside it"
    one = own_network.prepared(f"{write(tmp_path / 'nets.py', NARROW)}:make", digits, TINY)[0].fingerprint
    assert one == own_network.prepared("nets.py:make", digits, TINY)[0].fingerprint
    (tmp_path / "scale.txt").write_text("2.0")
    assert one != own_network.prepared("nets.py:make", digits, TINY)[0].fingerprint, "a file that Python reads"


NARROW = STUDENT.replace(
    "classes):", "classes, width=1.0):\n    import pathlib\n    f = pathlib.Path('scale.txt')\n    f.exists() and f.read_text()", 1
)
NARROW = NARROW.replace("16", "int(16 * width)")


def test_torchvision_s_networks_are_fitted_to_the_pictures(digits):
    residual = Source("torchvision:resnet18", "--teacher", widths=False).make(1, 7, 28)
    assert residual.conv1.in_channels == 1 and (residual.conv1.stride, residual.conv1.kernel_size) == ((1, 1), (3, 3))
    assert isinstance(residual.maxpool, nn.Identity) and residual.fc.out_features == 7
    assert residual.eval()(torch.zeros(1, 1, 28, 28)).shape == (1, 7)
    large = Source("torchvision:resnet18", "--teacher", widths=False).make(3, 7, 96)
    assert large.conv1.stride == (2, 2) and isinstance(large.maxpool, nn.MaxPool2d)
    squeezed = Source("torchvision:squeezenet1_1", "--teacher", widths=False).make(3, 7, 32)
    assert isinstance(squeezed.features[2], nn.Identity) and isinstance(squeezed.features[5], nn.MaxPool2d), "only the first pooling"


def test_torchvision_s_small_network_is_followed(digits):
    pair, chosen = own_network.paired(TwoNetworks("torchvision:squeezenet1_1", "torchvision:mobilenet_v2"), digits, FAST)
    assert chosen.student.widths[0] == 32 and chosen.student.width == 1.0 and sum(chosen.pruned_widths) < 0.6 * sum(chosen.student.widths)
    net, images = pair.new(chosen.student).eval(), torch.randn(3, 1, 8, 8)
    with torch.inference_mode():
        torch.testing.assert_close(pair.folded(net)(images), net(images), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    "changes, says",
    [
        ({"teacher": "torchvision:resnet81"}, "no network 'resnet81' .* resnet"),
        ({"teacher": "teacher.py"}, "--teacher takes a file and a function, such as nets.py:make, or torchvision:NAME"),
        ({"teacher": None, "weights": "w.pth"}, "--teacher-weights .* Give it, too"),
        ({"teacher": None, "keep_teacher": True}, "say with --teacher which"),
        ({"teacher": "torchvision:squeezenet1_1", "keep_teacher": True}, "drawn at random"),
        ({"weights": "nowhere.pth"}, "no file nowhere.pth"),
        ({"weights": "code.pth"}, "without running code"),
        ({"weights": "list.pth"}, "holds no state dict"),
        ({"weights": "other.pth"}, "lacks first.weight and 5 more, and has a"),
        ({"weights": "wide.pth"}, r"last.weight is \(7, 64\) there and \(10, 64\) here"),
    ],
)
def test_what_does_not_fit_is_said(two, tmp_path, digits, changes, says):
    own = Source("teacher.py:make", "--teacher", widths=False).make(1, 10, 8).state_dict()
    torch.save(nn.Linear(2, 2), tmp_path / "code.pth")
    torch.save([1], tmp_path / "list.pth")
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    torch.save(own | {"last.weight": torch.zeros(7, 64)}, tmp_path / "wide.pth")
    if "weights" in changes:
        changes = changes | {"weights": tmp_path / changes["weights"]}
    with pytest.raises(UserError, match=says.replace("nowhere", ".*nowhere")):
        own_network.paired(replace(two, **changes), digits, FAST)


def test_a_model_of_two_widths_and_two_networks_are_not_for_one_run(two):
    with pytest.raises(UserError, match="either --model, or --teacher and --student"):
        own_network.own_setup("digits", None, 32, "student.py:make", 0.5, two)
    with pytest.raises(UserError, match="one width"):
        Source("torchvision:resnet18")


def test_one_network_of_one_s_own_beside_one_of_the_course_s(two, digits):
    pair, chosen = own_network.paired(replace(two, teacher=None), digits, FAST)
    assert chosen.teacher == SETTINGS["digits"].teacher and chosen.student.widths == (16,)
    assert pair.new(chosen.teacher).shape == chosen.teacher and pair.new(chosen.student).shape == chosen.student
    pair, chosen = own_network.paired(replace(two, student=None), digits, FAST)
    assert chosen.student == SETTINGS["digits"].student and chosen.pruned_widths == SETTINGS["digits"].pruned_widths
    assert pair.begin(chosen.student, digits, 0).convs[0].weight.requires_grad is False, "with the course's first weights"
    assert factories.first_weights(pair.new(chosen.teacher)) != factories.first_weights(pair.new(chosen.teacher)), "drawn anew"
