"""The visible checks of the pruning lab. They run in the student's kernel on small inputs.

Surgery on a state dict is proved as in lesson 03: what comes back is first compared, name by name and shape by
shape, with what it must be, and then run in float64 against the masked network.
"""

import numpy as np
import torch
from torch.nn import functional

from autograder.checks import exercise, measured
from autograder.checks.expect import close, counted, equal, kind_of, letter, raises, same_dtype, show, that, whole_number

PERCENTS = (10, 30, 50, 70)
SIZES = ("bytes", "parameters", "macs")
FILES = ("whole.onnx", "masked-50.onnx", *(f"pruned-{percent}.onnx" for percent in PERCENTS))


def lists_of_indices(got, want, on):
    """The result of channels_to_keep: one tensor of integers for each layer, equal to `want`."""
    that(
        isinstance(got, (list, tuple)), f"channels_to_keep should return a list of tensors, one for each layer; it returned {kind_of(got)}."
    )
    that(len(got) == len(want), f"channels_to_keep should return one tensor for each of {len(want)} layers; it returned {len(got)}; {on}.")
    for layer, (have, wanted) in enumerate(zip(got, want)):
        that(torch.is_tensor(have), f"What stays of layer {layer} should be a tensor of indices; it is {kind_of(have)}.")
        that(
            have.dtype == torch.int64,
            f"What stays of layer {layer} should be an int64 tensor; its type is {str(have.dtype).removeprefix('torch.')}.",
        )
        equal(have, np.array(wanted, np.int64), what=f"the channels kept in layer {layer}", on=on)


def best(scores, percent):
    """The definition once more: sort by falling score, then by index."""
    count = len(scores) - len(scores) * percent // 100
    values = scores.tolist()
    return sorted(sorted(range(len(values)), key=lambda channel: (-values[channel], channel))[:count])


# A state dict in which every number matters


def random_weights(rng, widths, in_channels=1, classes=4):
    """As ConvNet's: convolutions without bias, batch norms with statistics as after training, a head."""

    def normal(*shape):
        return torch.from_numpy(rng.normal(0, 1, shape)).float()

    weights, inputs = {}, in_channels
    for i, width in enumerate(widths):
        weights[f"convs.{i}.weight"] = normal(width, inputs, 3, 3) / (9 * inputs) ** 0.5
        weights[f"norms.{i}.weight"] = torch.from_numpy(rng.uniform(0.5, 2, width)).float()
        weights[f"norms.{i}.bias"] = normal(width)
        weights[f"norms.{i}.running_mean"] = normal(width)
        weights[f"norms.{i}.running_var"] = torch.from_numpy(rng.uniform(0.2, 3, width)).float()
        weights[f"norms.{i}.num_batches_tracked"] = torch.tensor(int(rng.integers(10, 1000)))
        inputs = width
    return weights | {"head.weight": normal(classes, inputs), "head.bias": normal(classes)}


def some_of(rng, channels, count):
    """`count` of so many channels, ascending, and never simply the first ones."""
    kept = np.sort(rng.permutation(channels)[:count])
    if count < channels and kept[-1] == count - 1:
        kept[-1] = channels - 1
    return torch.from_numpy(kept).long()


def silenced(rng, weights, kept):
    """The same with every channel that is not kept switched off, by γ = 0 and β = 0 or below; of the kept ones, in each layer, the first
    has γ = 0, a positive β and a filter of zeros, the last β = 0 and a negative γ; one between them has a tiny γ, which is not 0."""
    masked = dict(weights)
    for i, keep in enumerate(kept):
        gamma, beta = weights[f"norms.{i}.weight"].clone(), weights[f"norms.{i}.bias"].clone()
        off = torch.ones(len(gamma), dtype=torch.bool)
        off[keep] = False
        gamma[off], beta[off] = 0, 0
        low = off.nonzero().flatten()[::2]
        beta[low] = -torch.from_numpy(rng.uniform(0.5, 1.5, len(low))).float()
        if len(keep) > 1:
            gamma[keep[0]], beta[keep[0]] = 0, float(rng.uniform(0.5, 1.5))
            masked[f"convs.{i}.weight"] = weights[f"convs.{i}.weight"].clone()
            masked[f"convs.{i}.weight"][keep[0]] = 0
        gamma[keep[-1]], beta[keep[-1]] = -gamma[keep[-1]], 0
        if len(keep) > 2:
            gamma[keep[1]], beta[keep[1]] = 1e-6, 0
        masked[f"norms.{i}.weight"], masked[f"norms.{i}.bias"] = gamma, beta
    return masked


def run(weights, strides, x):
    """Logits of the network that a state dict describes, in evaluation mode and float64."""
    w, x = {name: tensor.double() for name, tensor in weights.items()}, x.double()
    for i, stride in enumerate(strides):
        x = functional.conv2d(x, w[f"convs.{i}.weight"], stride=stride, padding=1)
        mean, var, gamma, beta = (w[f"norms.{i}.{name}"][:, None, None] for name in ("running_mean", "running_var", "weight", "bias"))
        x = (gamma * (x - mean) / (var + 1e-5).sqrt() + beta).relu()
    return x.mean((2, 3)) @ w["head.weight"].T + w["head.bias"]


def prove(student, weights, strides, kept, x):
    """A new dict, names, shapes, types, counters, and small = masked, for a masked state dict in which only the `kept` channels are not silent."""
    small = student.shrink(weights)
    widths = [weights[f"norms.{i}.bias"].numel() for i in range(len(kept))]
    on = f"channels {'-'.join(map(str, widths))}, not silent: {[k.tolist() for k in kept]}"
    that(isinstance(small, dict), f"shrink should return a dict of tensors; it returned {kind_of(small)}.")
    missing, extra = [n for n in weights if n not in small], [n for n in small if n not in weights]
    that(not missing, f"The dict that shrink returns has no {missing and missing[0]!r}.")
    that(not extra, f"The dict that shrink returns has the name {extra and show(extra[0])}, which the network does not have.")
    for name, old in weights.items():
        tensor = small[name]
        that(torch.is_tensor(tensor), f"{name} should be a tensor; it is {kind_of(tensor)}.")
        if name.endswith("num_batches_tracked"):
            equal(tensor, old.numpy(), what=name, on=on)
        shape = () if name.endswith("num_batches_tracked") else shape_after(name, old, kept)
        that(tuple(tensor.shape) == shape, f"{name} should have the shape {shape}; it has {tuple(tensor.shape)}; {on}.")
        same_dtype(tensor, old, what=name)
    # Copies are exact and float64 rounds at 1e-16; 1e-5 is the law of lesson 03, and wrong answers miss it by 1e-2 or more.
    close(
        run(small, strides, x), run(weights, strides, x), abs=1e-5, what="the output of the small network (against the masked one)", on=on
    )


def shape_after(name, old, kept):
    """The shape that the tensor `name` must have."""
    if name == "head.bias":
        return tuple(old.shape)
    if name == "head.weight":
        return old.shape[0], len(kept[-1])
    kind, i, _ = name.split(".")
    own = len(kept[int(i)])
    if kind == "norms":
        return (own,)
    return own, len(kept[int(i) - 1]) if int(i) else old.shape[1], 3, 3


def macs_counted(student, widths, strides, in_channels, side, classes):
    got = student.count_macs(list(widths), list(strides), in_channels, side, classes)
    image = counted(in_channels, "image channel", "image channels")
    on = f"widths {list(widths)}, strides {list(strides)}, {image}, side {side}, {classes} classes"
    equal(
        whole_number(got, "The result of count_macs", on),
        macs_of(widths, strides, in_channels, side, classes),
        what="the number of MACs",
        on=on,
    )


def macs_of(widths, strides, in_channels, side, classes):
    """By asking a convolution that does nothing how large its output is."""
    picture, macs = torch.zeros(1, in_channels, side, side, dtype=torch.float64), 0
    for width, stride in zip(widths, strides):
        kernel = torch.zeros(width, picture.shape[1], 3, 3, dtype=torch.float64)
        picture = functional.conv2d(picture, kernel, stride=stride, padding=1)
        macs += kernel.numel() * picture.shape[2] * picture.shape[3]
    return macs + picture.shape[1] * classes


def row(percent, macs, ms, validation, size=1000):
    return {
        "file": f"pruned-{percent}.onnx",
        "percent": percent,
        "macs": macs,
        "milliseconds": ms,
        "bytes": size,
        "validation": list(validation),
    }


def is_choice(got, want, on):
    equal(whole_number(got, "The result of choose", on), want, what="the chosen ratio", on=on)


# tradeoff.1


@exercise("tradeoff.1-predict")
def test_predict_where_the_arithmetic_is_halved(student, rng):
    chosen = letter(student.value("predict_1"), "predict_1")
    that(chosen == "b", f"({chosen}) is not it. A convolution loses outputs and inputs: multiply the two shares.")


# tradeoff.2


@exercise("tradeoff.2-keep")
def test_worked_example_of_two_layers(student, rng):
    scores = [torch.tensor([3.0, 1.0, 2.0, 2.0]), torch.tensor([0.1, 0.3])]
    lists_of_indices(student.channels_to_keep(scores, 50), [[0, 2], [1]], "scores [3, 1, 2, 2] and [0.1, 0.3], 50 %")


@exercise("tradeoff.2-keep")
def test_removed_is_rounded_down(student, rng):
    scores = [torch.tensor([0.5, 0.9, 0.1, 0.7, 0.3]), torch.tensor([0.2, -0.8, 0.6])]
    on = "scores [0.5, 0.9, 0.1, 0.7, 0.3] and [0.2, -0.8, 0.6]"
    cases = {0: [[0, 1, 2, 3, 4], [0, 1, 2]], 30: [[0, 1, 3, 4], [0, 1, 2]], 45: [[0, 1, 3], [0, 2]], 70: [[1, 3], [2]]}
    answers = [student.channels_to_keep(scores, percent) for percent in cases]  # all are asked before one is judged
    for got, (percent, want) in zip(answers, cases.items()):
        lists_of_indices(got, want, f"{on}, {percent} %")
    hundred = torch.arange(100).float()
    lists_of_indices(student.channels_to_keep([hundred], 29), [range(29, 100)], "one layer of 100 channels with the scores 0 to 99, 29 %")


# tradeoff.3


@exercise("tradeoff.3-shrink")
def test_small_equals_masked_of_two_layers(student, rng):
    weights, kept = random_weights(rng, (5, 8)), [torch.tensor([1, 2, 4]), torch.tensor([0, 2, 3])]
    gamma, beta = torch.tensor([0.0, 1.0, 0.0, 0.0, -2.0]), torch.tensor([0.0, 0.0, 0.5, -1.0, 0.0])
    masked = silenced(rng, weights, kept) | {"norms.0.weight": gamma, "norms.0.bias": beta}
    prove(student, masked, (1, 2), kept, torch.from_numpy(rng.normal(0, 1, (4, 1, 5, 5))))


# tradeoff.4


@exercise("tradeoff.4-macs")
def test_macs_of_the_worked_example(student, rng):
    macs_counted(student, [2], [2], 1, 7, 3)
    macs_counted(student, [4, 8], [1, 2], 1, 8, 10)
    macs_counted(student, [2], [2], 1, 9, 3)
    macs_counted(student, [2, 1], [3, 1], 1, 8, 3)


# tradeoff.5

TRADE = [row(10, 8, 1.5, [99.0, 99.5]), row(30, 5, 1.75, [97.5, 98.5]), row(50, 5, 0.5, [97.0, 97.0]), row(70, 2, 0.25, [98.5, 95.5])]
TRADE_ON = "percent 10, 30, 50, 70 with MACs 8, 5, 5, 2 and validation [99, 99.5], [97.5, 98.5], [97, 97], [98.5, 95.5]"
MIXED = [row(20, 6, 6.0, [96.0, 96.0]), row(40, 3, 3.0, [98.0, 98.0]), row(60, 4, 4.0, [99.0, 99.0]), row(80, 5, 5.0, [97.0, 97.0])]
MIXED_ON = "percent 20, 40, 60, 80 with MACs 6, 3, 4, 5 and mean accuracies 96, 98, 99, 97"


@exercise("tradeoff.5-choose")
def test_choose_as_in_the_worked_example(student, rng):
    cases = [
        (TRADE, 5, 30, TRADE_ON),
        (TRADE, 2, 70, TRADE_ON),
        (TRADE, 8, 10, TRADE_ON),
        (MIXED, 6, 60, MIXED_ON),
        (TRADE[2:], 5, 70, "percent 50, 70 with MACs 5, 2 and the same mean accuracy"),
        (TRADE[:1:-1], 5, 70, "percent 70, 50 with MACs 2, 5 and the same mean accuracy"),
    ]
    answers = [student.choose(rows, "macs", budget) for rows, budget, *_ in cases]  # all are asked before one is judged
    for got, (_, budget, want, on) in zip(answers, cases):
        is_choice(got, want, f"{on}, budget {budget} MACs")
    raises(ValueError, lambda: student.choose(TRADE, "macs", 1), what="a budget of 1 MAC, with MACs from 2 to 8")


@exercise("tradeoff.5-choose")
def test_choose_by_the_cost_that_is_named(student, rng):
    on = f"{TRADE_ON}, milliseconds 1.5, 1.75, 0.5, 0.25"
    is_choice(student.choose(TRADE, "milliseconds", 1.0), 70, f"{on}, budget 1 ms")
    is_choice(student.choose(TRADE, "milliseconds", 1.5), 10, f"{on}, budget 1.5 ms")


@exercise("tradeoff.5-choose")
def test_means_and_ties_are_exact(student, rng):
    rows = [row(20, 4, 2.0, [97.0, 99.0], 3000), row(40, 6, 1.0, [98.0, 98.0], 2000), row(60, 8, 3.0, [99.0, 97.0], 1000)]
    on = "percent 20, 40, 60 with the same mean, MACs 4, 6, 8, milliseconds 2, 1, 3, bytes 3000, 2000, 1000"
    for cost, budget, want in (("macs", 8, 20), ("milliseconds", 3.0, 40), ("bytes", 3000, 60)):
        is_choice(student.choose(rows, cost, budget), want, f"{on}, budget {budget:g} {cost}")
    # The middle seed, the best seed and a rounded mean would each choose another row.
    seeds = [95.0, 98.5, 98.5], [98.03, 98.03, 98.03], [97.0, 99.5, 97.0], [98.0, 98.0, 98.0]
    rows = [row(20 * i, macs, 1.0, each) for i, macs, each in zip((1, 2, 3, 4), (4, 6, 5, 3), seeds)]
    on = "percent 20, 40, 60, 80 with MACs 4, 6, 5, 3 and validation [95, 98.5, 98.5], three times 98.03, [97, 99.5, 97], three times 98"
    is_choice(student.choose(rows, "macs", 6), 40, f"{on}, budget 6 MACs")


# tradeoff.6


def table(artefacts):
    """The rows of the files, in their order, each with the numbers that can be measured again."""
    rows = measured.rows(artefacts.results(), FILES)
    for each in rows:
        for cell in ("accuracy_percent", *SIZES, "milliseconds"):
            measured.number(each, cell)
    return rows


def has_widths_of_its_ratio(artefacts, percent):
    """Every layer of the pruned file has lost the share that its name says, rounded down."""
    whole, name = artefacts.model("whole.onnx").widths, f"pruned-{percent}.onnx"
    have, want = artefacts.model(name).widths, tuple(n - n * percent // 100 for n in whole)
    shown = ["-".join(map(str, each)) for each in (have, want, whole)]
    that(have == want, f"`{name}` has the channels {shown[0]}; {percent} % of {shown[2]} gone are {shown[1]}.")


@exercise("tradeoff.6-files")
def test_the_files_are_those_of_the_table(artefacts):
    measured.data_of(artefacts.results())
    for name in FILES:
        artefacts.model(name)
    measured.same_table(artefacts, table(artefacts), cells=SIZES)
    for percent in PERCENTS:
        has_widths_of_its_ratio(artefacts, percent)
