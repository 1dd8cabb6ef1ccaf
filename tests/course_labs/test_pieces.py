"""Laws that the studio's pieces obey."""

import copy
import dataclasses

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from course_data import Split, load
from course_labs import fingerprints
from course_labs.measuring import measure
from course_labs.methods import distillation, export, pruning, quantise, training
from course_labs.methods.training import Recipe
from course_labs.networks import first_weights
from course_labs.networks.convnet import ConvNet, Shape, folded, normalise
from course_labs.studio import stages


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.fixture(params=[Shape((16, 32, 16), (1, 2, 1)), Shape((16, 32, 16), (1, 1, 1), pools=(0,))], ids=["stride", "pool"])
def net(request):
    """A network whose batch norms have seen something: otherwise folding and cutting them could not go wrong."""
    torch.manual_seed(1)
    net = ConvNet(request.param, 1, 10)
    for norm in net.norms:
        nn.init.uniform_(norm.weight, 0.5, 2)
        nn.init.uniform_(norm.bias, -1, 1)
        nn.init.uniform_(norm.running_mean, -1, 1)
        nn.init.uniform_(norm.running_var, 0.5, 2)
    return net.eval()


@pytest.fixture
def images():
    return torch.randn(32, 1, 8, 8, generator=torch.Generator().manual_seed(2))


# ---------------------------------------------------------------- distillation


def logits(seed, shape=(64, 10)):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_soft_loss_against_pytorch_own():
    student, teacher, t = logits(1), logits(2), 4.0
    reference = nn.functional.kl_div(
        torch.log_softmax(student / t, 1), torch.log_softmax(teacher / t, 1), reduction="batchmean", log_target=True
    )
    assert distillation.soft_loss(student, teacher, t).item() == pytest.approx(t**2 * reference.item(), rel=1e-12)


def test_soft_loss_is_zero_for_the_teacher_itself_and_positive_otherwise():
    assert distillation.soft_loss(logits(1), logits(1), 3.0).item() == pytest.approx(0, abs=1e-12)
    assert distillation.soft_loss(logits(1), logits(2), 3.0).item() > 0


def test_soft_loss_has_a_direction():
    a, b = logits(1), logits(2)
    assert distillation.soft_loss(a, b, 2.0).item() != pytest.approx(distillation.soft_loss(b, a, 2.0).item(), rel=1e-3)


def test_adding_a_constant_to_an_image_s_logits_changes_nothing():
    shift = logits(3, (64, 1))
    before = distillation.soft_loss(logits(1), logits(2), 2.0)
    assert distillation.soft_loss(logits(1) + shift, logits(2) - shift, 2.0).item() == pytest.approx(before.item(), rel=1e-10)


def test_the_soft_gradient_keeps_its_size_as_the_temperature_rises():
    """For high T the gradient tends to (student − teacher, centred) / (classes · images) (Hinton et al. 2015, eq. 4)."""
    teacher = logits(2)
    teacher -= teacher.mean(1, keepdim=True)
    start = logits(1) - logits(1).mean(1, keepdim=True)
    for temperature in (100.0, 1000.0):
        student = start.clone().requires_grad_()
        distillation.soft_loss(student, teacher, temperature).backward()
        assert torch.allclose(student.grad, (start - teacher) / (10 * 64), rtol=0.1, atol=1e-5)


def test_alpha_is_the_share_of_the_soft_loss():
    student, teacher, labels = logits(1), logits(2), torch.arange(64) % 10
    hard = nn.functional.cross_entropy(student, labels)
    soft = distillation.soft_loss(student, teacher, 2.0)

    def at(alpha):
        return distillation.distillation_loss(student, teacher, labels, 2.0, alpha).item()

    assert at(0.0) == pytest.approx(hard.item())
    assert at(1.0) == pytest.approx(soft.item())
    assert at(0.3) == pytest.approx(0.3 * soft.item() + 0.7 * hard.item())


def test_nonsense_settings_are_refused():
    with pytest.raises(ValueError, match="temperature"):
        distillation.soft_loss(logits(1), logits(2), 0.0)
    with pytest.raises(ValueError, match="alpha"):
        distillation.distillation_loss(logits(1), logits(2), torch.zeros(64).long(), 2.0, 1.5)


def test_the_teacher_stays_as_it_was(net, digits):
    before = copy.deepcopy(net.state_dict())
    taught = distillation.teach(net.train(), digits, Recipe(1, 0.1, shift=1), views=2, seed=0)
    assert taught.logits.shape == (2, len(digits.train), 10)
    assert not net.training
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items()), "batch norm's statistics would move in train mode"
    assert all(p.grad is None for p in net.parameters())


# ---------------------------------------------------------------- first weights


def test_the_first_layer_whitens_and_the_others_begin_as_the_identity(digits):
    net = first_weights.prepare(ConvNet(Shape((20, 32, 16), (1, 1, 1)), 1, 10), digits, seed=0)
    answers = net.convs[0](normalise(digits.train.images, digits.mean, digits.std))[:, :9, 1:-1, 1:-1].detach()
    answers = answers.permute(1, 0, 2, 3).flatten(1)
    second_moments = answers @ answers.T / answers.shape[1]
    assert (second_moments - torch.eye(9)).abs().max() < 0.05, "some thousand patches of another draw"
    assert torch.equal(net.convs[0].weight[:9], -net.convs[0].weight[9:18])
    x = torch.randn(2, 20, 6, 6)
    assert torch.equal(net.convs[1](x)[:, :20], x)


def test_training_leaves_the_whitening_alone(digits):
    net = first_weights.prepare(ConvNet(Shape((16, 16), (1, 2)), 1, 10), digits, seed=0)
    before = [conv.weight.clone() for conv in net.convs]
    training.train(net, digits, Recipe(0.2, 0.1, batch=64), training.cross_entropy, seed=0)
    assert torch.equal(before[0], net.convs[0].weight) and not torch.equal(before[1], net.convs[1].weight)


# ---------------------------------------------------------------- pruning


def test_rebuilt_equals_masked(net, images):
    scores = [torch.rand(width, generator=torch.Generator().manual_seed(width)) for width in net.shape.widths]
    kept = pruning.keep_best(scores, (5, 11, 7))
    small, big = pruning.rebuilt(net, kept), pruning.masked(net, kept)
    with torch.inference_mode():
        assert (small(images) - big(images)).abs().max() < 1e-5
        assert (big(images) - net(images)).abs().max() > 1e-2, "the mask must matter, or the test proves nothing"
    assert small.shape.widths == (5, 11, 7)
    assert small.head.in_features == 7


def test_rebuilding_with_every_channel_changes_nothing(net, images):
    kept = [torch.arange(width) for width in net.shape.widths]
    with torch.inference_mode():
        assert torch.equal(pruning.rebuilt(net, kept)(images), net(images))


def test_keep_best_keeps_the_highest_in_their_order():
    kept = pruning.keep_best([torch.tensor([0.3, 0.8, 0.1, 0.9])], (2,))
    assert kept[0].tolist() == [1, 3]
    assert pruning.keep_best([torch.ones(6)], (3,))[0].tolist() == [0, 1, 2], "ties keep exactly k"
    with pytest.raises(ValueError):
        pruning.keep_best([torch.ones(4)], (5,))


def test_importance_is_zero_for_a_channel_without_effect(net, digits):
    """A channel that the head ignores cannot change the loss; one that it reads can."""
    net.head.weight.data[:, 3] = 0
    scores = pruning.channel_importance(net, digits, images=128)
    assert scores[-1][3] == 0
    assert (scores[-1] > 0).sum() >= 10
    assert [len(s) for s in scores] == [16, 32, 16]


# ---------------------------------------------------------------- export, int8


def test_folded_network_computes_the_same(net, images):
    with torch.inference_mode():
        assert torch.allclose(folded(copy.deepcopy(net))(images), net(images), atol=1e-5)


@pytest.fixture
def exported(net, tmp_path):
    return export.export(net, (8, 8), tmp_path / "net.onnx", {"data": "test"})


def test_the_onnx_file_computes_the_same_at_any_batch_size(net, images, exported):
    run = measure.session(exported, 1).run
    for count in (1, 3, 32):
        with torch.inference_mode():
            expected = net(images[:count]).numpy()
        np.testing.assert_allclose(run(["logits"], {"image": images[:count].numpy()})[0], expected, atol=1e-4)


def test_the_onnx_file_holds_weights_and_little_else(net, exported):
    weights = 4 * measure.parameters(folded(copy.deepcopy(net)))
    assert weights < exported.stat().st_size < weights + 4000


def test_the_int8_file_holds_int8_weights(net, digits, exported, tmp_path):
    target = quantise.quantise(exported, tmp_path / "int8.onnx", quantise.calibration_images(digits, 128, 0))
    model = onnx.load(target)
    tensors = {t.name: t for t in model.graph.initializer}
    weights = [t for t in tensors.values() if len(t.dims) > 1]
    assert len(weights) == 4, "three convolutions and a linear layer"
    assert all(t.data_type == onnx.TensorProto.INT8 for t in weights)
    floats = sum(int(np.prod(t.dims)) for t in tensors.values() if t.data_type == onnx.TensorProto.FLOAT)
    assert floats < 200, "scales only"
    scales = [t for name, t in tensors.items() if name.endswith("weight_scale") and t.dims]
    assert sorted(t.dims[0] for t in scales) == [10, 16, 16, 32], "one scale for each output channel"
    right = measure.correct(target, digits.val, digits)
    assert right.dtype == bool and right.shape == (180,)


def test_calibration_uses_training_images_only(digits):
    chosen = quantise.calibration_images(digits, 100, 5)
    train = {i.numpy().tobytes() for i in normalise(digits.train.images, digits.mean, digits.std)}
    assert all(image.numpy().tobytes() in train for image in chosen)


@pytest.mark.parametrize(
    "flags, architecture, expected",
    [
        ({"avx2"}, "x86_64", True),
        ({"avx2", "avx512f"}, "x86_64", True),
        ({"avx2", "avx512_vnni"}, "x86_64", False),
        ({"avx2", "avx_vnni"}, "x86_64", False),
        ({"asimd"}, "aarch64", False),
        (set(), "AMD64", True),
        (set(), "arm64", False),
    ],
)
def test_reduce_range_for_x86_unless_it_has_vnni(monkeypatch, flags, architecture, expected):
    monkeypatch.setattr(quantise, "cpu_flags", lambda: flags)
    monkeypatch.setattr(quantise.platform, "machine", lambda: architecture)
    assert quantise.reduce_range() is expected


# ---------------------------------------------------------------- measuring


def test_macs_against_a_hand_count(net):
    """8×8 images: 64 outputs × 16 × 9·1, then 4×4 = 16 × 32 × 9·16, then 16 × 16 × 9·32, then 16·10."""
    assert measure.macs(net, torch.zeros(1, 1, 8, 8)) == 64 * 16 * 9 + 16 * 32 * 144 + 16 * 16 * 288 + 160


def test_parameters_against_a_hand_count(net):
    """Folded: weights and biases of three convolutions and of the linear layer."""
    assert measure.parameters(folded(copy.deepcopy(net))) == (9 * 16 + 16) + (144 * 32 + 32) + (288 * 16 + 16) + (160 + 10)


def test_latencies_take_turns_and_are_all_there():
    log = []
    times = measure.latencies({"a": lambda: log.append("a"), "b": lambda: log.append("b")}, 45, block=20)
    assert {name: len(t) for name, t in times.items()} == {"a": 45, "b": 45}
    timed = "".join(log[100:])
    assert timed.count("a") == timed.count("b") == 3 * 25
    assert {timed[i : i + 50].count("a") for i in (0, 50, 100)} == {25}, "each round holds a block of both"


def test_percentiles_are_in_milliseconds_and_ordered():
    found = measure.percentiles(np.arange(1, 102) / 10)
    expected = {"median_ms": 5.1, "p10_ms": 1.1, "p90_ms": 9.1, "p95_ms": 9.6, "p99_ms": 10.0, "calls": 101}
    assert found == {name: pytest.approx(value) for name, value in expected.items()}


def test_one_thread_restores():
    before = torch.get_num_threads()
    with pytest.raises(RuntimeError), measure.one_thread():
        assert torch.get_num_threads() == 1
        raise RuntimeError
    assert torch.get_num_threads() == before


# ---------------------------------------------------------------- training


def test_normalised_training_images_have_mean_zero_and_spread_one(digits):
    x = normalise(digits.train.images, digits.mean, digits.std)
    assert abs(float(x.mean())) < 1e-5 and float(x.std()) == pytest.approx(1, abs=1e-3)


def test_a_short_training_learns_and_repeats(digits):
    def run():
        torch.manual_seed(0)
        return training.train(ConvNet(Shape((16, 16), (1, 2)), 1, 10), digits, Recipe(3, 0.1, batch=64), training.cross_entropy, seed=3)

    first, second = run(), run()
    assert not first.training
    assert training.accuracy(first, digits.val, digits) > 0.7
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values()))


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_the_shortest_trainings_end(digits, steps):
    few = dataclasses.replace(digits, train=Split(digits.train.images[: 64 * steps], digits.train.labels[: 64 * steps]))
    training.train(ConvNet(Shape((16,), (2,)), 1, 10), few, Recipe(1, 0.1, batch=64), training.cross_entropy, 0)


def test_a_batch_larger_than_the_data_is_refused(digits):
    with pytest.raises(ValueError, match="batch"):
        training.train(ConvNet(Shape((16,), (1,)), 1, 10), digits, Recipe(1, 0.1, batch=5000), training.cross_entropy, 0)


def test_a_view_without_shift_shows_the_images_themselves():
    images = torch.arange(4 * 3 * 5 * 5).remainder(256).byte().view(4, 3, 5, 5)
    chosen = torch.tensor([2, 0])
    out = training.seen(images.permute(0, 2, 3, 1).contiguous(), chosen, training.draw_view(4, Recipe(1, 1), 0, 0))
    assert torch.equal(out, images[chosen]) and out.is_contiguous(memory_format=torch.channels_last)


def test_shifted_images_are_windows_of_one_whose_edge_is_repeated():
    image = torch.arange(1.0, 26).view(1, 1, 5, 5)
    padded = nn.functional.pad(image, [1] * 4, mode="replicate")[0, 0].byte()
    windows = {padded[y : y + 5, x : x + 5].contiguous() for y in range(3) for x in range(3)}
    expected = {w.numpy().tobytes() for w in windows} | {w.flip(1).contiguous().numpy().tobytes() for w in windows}
    view = training.draw_view(400, Recipe(1, 1, shift=1, flip=True), 0, 0)
    out = training.seen(image.byte().permute(0, 2, 3, 1).expand(400, -1, -1, -1).contiguous(), torch.arange(400), view)
    assert {i[0].contiguous().numpy().tobytes() for i in out} == expected


class Listener(nn.Module):
    """Keeps every batch it meets, in `batches`."""

    def __init__(self):
        super().__init__()
        self.layer, self.batches = nn.Linear(64, 10), []

    def forward(self, x):
        self.batches.append(x.detach().clone())
        return self.layer(x.flatten(1).float())


def test_bias_rate_is_that_of_batch_norm_s_biases_alone(digits):
    few = dataclasses.replace(digits, train=Split(digits.train.images[:64], digits.train.labels[:64]))

    def moved(rate):
        torch.manual_seed(0)
        net = ConvNet(Shape((8, 16), (1, 2)), 1, 10)
        before = copy.deepcopy(net.state_dict())
        training.train(net, few, Recipe(1, 0.1, batch=64, bias_rate=rate), training.cross_entropy, 0)
        return {name: value - before[name] for name, value in net.named_parameters()}

    slow, fast = moved(1), moved(16)
    for name, change in slow.items():
        rate = 16 if name.startswith("norms") and name.endswith("bias") else 1
        assert change.abs().max() > 0 and torch.allclose(fast[name], rate * change, rtol=1e-3, atol=1e-7), name


@pytest.mark.parametrize("sit_out, least, most", [(0.0, 1.0, 1.0), (0.5, 0.5, 0.75)])
def test_easy_images_sit_out_some_passes(digits, sit_out, least, most):
    """Images below 5 have no loss at all, the others have one: after the first pass, the easy ones are shown half as often, until the last eighth."""
    met = []

    def loss(logits, labels, said):
        met.append(labels.clone())
        return logits.sum(1) * 0 + (labels >= 5)

    training.train(Listener(), digits, Recipe(16, 0.1, batch=16, sit_out=sit_out), loss, seed=7)
    assert len(met) == 16 * (len(digits.train) // 16), "the same work, whoever sits out"

    def shown(batches):
        labels = torch.cat(batches)
        easy, hard = (labels < 5).sum() / (digits.train.labels < 5).sum(), (labels >= 5).sum() / (digits.train.labels >= 5).sum()
        return float(easy / hard)

    early, late = met[: 12 * len(met) // 16], met[-len(met) // 16 :]
    assert least - 0.02 < shown(early) < most + 0.02
    assert shown(late) == pytest.approx(1, abs=0.02)


def test_sitting_out_needs_a_loss_for_each_image(digits):
    with pytest.raises(ValueError, match="each image"):
        training.train(Listener(), digits, Recipe(1, 0.1, sit_out=0.5), lambda z, y, said: training.cross_entropy(z, y).mean(), seed=0)


def test_the_loss_hears_what_the_teacher_said_of_these_very_images(net, digits):
    """Every batch the student meets is shown to the teacher again here: it must say what was stored."""
    taught = distillation.teach(net, digits, Recipe(1, 0.1, shift=1, flip=True), views=2, seed=5)
    listener, heard = Listener(), []

    def loss(logits, labels, said):
        heard.append(said)
        return training.cross_entropy(logits, labels)

    training.train(listener, digits, Recipe(3, 0.1, batch=256, shift=1, flip=True), loss, seed=9, taught=taught)
    batches = listener.batches
    assert len(batches) == 3 * (len(digits.train) // 256)
    with torch.inference_mode():
        for batch, said in zip(batches, heard, strict=True):
            assert (net(batch) - said).abs().max() < 0.05 * said.abs().max()
    third = len(batches) // 3
    assert not torch.equal(batches[0], batches[2 * third]), "the third epoch meets the first view in another order"


# ---------------------------------------------------------------- stages


def writes(content, facts=None, log=None):
    def work(path):
        if log is not None:
            log.append(content)
        path.write_text(content)
        return facts or {}

    return work


def test_a_finished_stage_is_not_done_again(tmp_path):
    log, all_stages = [], stages.Stages(tmp_path)
    first = all_stages.run("s", ".txt", {"seed": 1}, writes("a", {"x": 1}, log))
    again = all_stages.run("s", ".txt", {"seed": 1}, writes("b", {}, log))
    assert log == ["a"] and again.resumed and not first.resumed
    assert again.facts == {"x": 1} and again.seconds == first.seconds


@pytest.mark.parametrize("spoil", ["inputs", "artefact", "record"])
def test_a_stage_is_done_again_when_anything_changed(tmp_path, spoil):
    log, all_stages = [], stages.Stages(tmp_path)
    all_stages.run("s", ".txt", {"seed": 1}, writes("a", log=log))
    if spoil == "artefact":
        (tmp_path / "s.txt").write_text("changed by hand")
    if spoil == "record":
        (tmp_path / "s.json").write_text("{half")
    all_stages.run("s", ".txt", {"seed": 2 if spoil == "inputs" else 1}, writes("b", log=log))
    assert log == ["a", "b"] and (tmp_path / "s.txt").read_text() == "b"


def test_an_interrupted_stage_leaves_nothing_half_written(tmp_path):
    def interrupted(path):
        path.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stages.Stages(tmp_path).run("s", ".txt", {}, interrupted)
    assert list(tmp_path.iterdir()) == []


def test_what_was_done_stays_done_when_other_work_is_stopped(tmp_path):
    """Somebody tries another seed in the same folder, thinks better of it, and goes back."""

    def interrupted(path):
        raise KeyboardInterrupt

    before = stages.Stages(tmp_path).run("s", ".txt", {"seed": 0}, writes("hours of work", {"x": 1}))
    with pytest.raises(KeyboardInterrupt):
        stages.Stages(tmp_path).run("s", ".txt", {"seed": 1}, interrupted)
    again = stages.Stages(tmp_path).run("s", ".txt", {"seed": 0}, writes("again"))
    assert again.resumed and again.facts == before.facts and again.path.read_text() == "hours of work"


def test_what_a_killed_run_left_is_cleared(tmp_path):
    (tmp_path / ".s.txt.abc123.part").write_text("half")
    stages.Stages(tmp_path).run("s", ".txt", {}, writes("a"))
    assert {p.name for p in tmp_path.iterdir()} == {"s.txt", "s.json"}


def test_code_version_follows_the_source(tmp_path):
    class Module:
        __file__ = str(tmp_path / "m.py")

    (tmp_path / "m.py").write_text("a = 1")
    before = fingerprints.code_version(Module)
    (tmp_path / "m.py").write_text("a = 2")
    assert fingerprints.code_version(Module) != before
