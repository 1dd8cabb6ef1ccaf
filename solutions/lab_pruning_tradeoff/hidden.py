"""The hidden checks of the pruning lab: laws on random inputs. They run only when grading.

Of each exercise the first check is the core; later ones are edge cases. Files are measured again, in the sandbox, on test images.
"""

import numpy as np
import torch

from autograder.checks import exercise, measured
from autograder.checks.expect import case, letter, raises, that
from course_lessons.lab_pruning_tradeoff.visible import (
    PERCENTS,
    SIZES,
    best,
    has_widths_of_its_ratio,
    is_choice,
    lists_of_indices,
    macs_counted,
    prove,
    random_weights,
    row,
    silenced,
    some_of,
    table,
)

# What the networks must reach on test images, in per cent: well below what the lab's recipe gives, and far above what no recovery gives.
LEAST = {
    "digits": {"whole.onnx": 95, "pruned-10.onnx": 90, "pruned-30.onnx": 90, "pruned-50.onnx": 90, "pruned-70.onnx": 80},
    "mnist": {"whole.onnx": 97, "pruned-10.onnx": 95, "pruned-30.onnx": 95, "pruned-50.onnx": 95, "pruned-70.onnx": 85},
}

# tradeoff.1


@exercise("tradeoff.1-predict", points=5)
def test_predict_products_of_two_shares(student, rng):
    that(letter(student.value("predict_1"), "predict_1") == "b", "The prediction is not right.")


# tradeoff.2


@exercise("tradeoff.2-keep", points=8)
def test_kept_of_random_layers(student, rng):
    # The first network is small, so that a message shows it whole.
    for percent, sizes in ((30, (8, 7)), *((p, rng.integers(8, 40, 3)) for p in (10, 30, 50, 70, int(rng.integers(5, 95))))):
        # Layers of very different scale: a threshold for all of them would empty the first one.
        scores = [torch.from_numpy((rng.permutation(int(n)) - n // 3) * 10.0**k).float() for k, n in enumerate(sizes)]
        lists_of_indices(
            student.channels_to_keep(scores, percent),
            [best(s, percent) for s in scores],
            case(percent=percent, **{f"scores[{k}]": s for k, s in enumerate(scores)}),
        )


@exercise("tradeoff.2-keep", points=2)
def test_kept_with_many_ties(student, rng):
    for percent in (25, 50, 99):
        scores = [torch.from_numpy(rng.integers(0, 3, n)).float() for n in (16, 12)] + [torch.ones(10)]
        on = f"layers of 16, 12 and 10 channels with many equal scores, {percent} %"
        lists_of_indices(student.channels_to_keep(scores, percent), [best(s, percent) for s in scores], on)


@exercise("tradeoff.2-keep", points=2)
def test_whole_numbers_are_exact(student, rng):
    for n, percent in ((10, 30), (100, 29), (50, 58), (1, 99), (3, 0), (200, 7)):
        scores = [torch.from_numpy(rng.permutation(n)).float()]
        lists_of_indices(
            student.channels_to_keep(scores, percent), [best(s, percent) for s in scores], f"one layer of {n} channels, {percent} %"
        )


# tradeoff.3


@exercise("tradeoff.3-shrink", points=12)
def test_small_equals_masked_of_random_networks(student, rng):
    for layers, in_channels in ((3, 1), (4, 3), (2, 2)):
        widths = [int(n) for n in rng.integers(5, 10, layers)]
        strides = [int(s) for s in rng.integers(1, 3, layers)]
        kept = [some_of(rng, width, int(rng.integers(3, width))) for width in widths]
        masked = silenced(rng, random_weights(rng, widths, in_channels, classes=int(rng.integers(3, 6))), kept)
        prove(student, masked, strides, kept, torch.from_numpy(rng.normal(0, 1, (3, in_channels, 7, 7))))


@exercise("tradeoff.3-shrink", points=4)
def test_equal_widths_and_a_single_channel(student, rng):
    # All layers of one width, each with survivors of its own: whoever confuses two lists fits every shape.
    weights, x = random_weights(rng, (6, 6, 6), in_channels=6, classes=6), torch.from_numpy(rng.normal(0, 1, (3, 6, 4, 4)))
    for strides, kept in (((1, 1, 1), ([0, 2, 5], [1, 3, 4], [2, 3, 5])), ((1, 2, 1), ([4], [1, 3, 4], [5]))):
        kept = [torch.tensor(keep) for keep in kept]
        prove(student, silenced(rng, weights, kept), strides, kept, x)


@exercise("tradeoff.3-shrink", points=6)
def test_nothing_silent_and_one_convolution(student, rng):
    kept = [some_of(rng, 5, 3)]
    prove(student, silenced(rng, random_weights(rng, (5,), 2), kept), (2,), kept, torch.from_numpy(rng.normal(0, 1, (3, 2, 6, 5))))
    kept = [torch.arange(4), torch.arange(5)]
    prove(student, silenced(rng, random_weights(rng, (4, 5)), kept), (1, 2), kept, torch.from_numpy(rng.normal(0, 1, (3, 1, 6, 6))))


# tradeoff.4


@exercise("tradeoff.4-macs", points=7)
def test_macs_of_random_networks(student, rng):
    for side in (28, 8, 7, 9, int(rng.integers(9, 33))):  # 9 / 2 rounded half to even is 4, and 7 / 2 is right by luck
        layers = int(rng.integers(2, 5))
        widths = [int(n) for n in rng.integers(3, 40, layers)]
        strides = [2] * (layers - 1) + [int(rng.integers(1, 3))]
        macs_counted(student, widths, strides, int(rng.integers(1, 4)), side, int(rng.integers(2, 20)))


@exercise("tradeoff.4-macs", points=3)
def test_macs_with_stride_three_and_without_convolution(student, rng):
    # Sides that leave 1 and 2 positions over, and none.
    start = int(rng.integers(10, 28))
    for side in (start, start + 1, start + 2):
        macs_counted(student, [4, 6], [3, 3], 2, side, 5)
    macs_counted(student, [], [], 3, 6, 7)


# tradeoff.5


def random_rows(rng):
    """Rows whose order by cost, by mean, by best seed, by median and by ratio all differ, without ties. Means lie 1/512 of a point apart."""
    count = int(rng.integers(4, 8))
    means, macs, ms, sizes = (rng.permutation(count) for _ in range(4))
    percents = rng.choice(np.arange(1, 100), count, replace=False)
    rows = []
    for i in range(count):
        apart = float(rng.integers(1, 9)) * count / 16 * int(rng.choice([-1, 1]))  # powers of two: sums and means are exact
        seeds = 90 + float(means[i]) / 512 + apart * rng.permutation([-2, 1, 1])
        rows.append(row(int(percents[i]), int(100 + 10 * macs[i]), 0.5 + 0.25 * float(ms[i]), seeds.tolist(), 500 + int(sizes[i])))
    return rows


@exercise("tradeoff.5-choose", points=10)
def test_choice_in_random_tables(student, rng):
    cases = []
    for cost in ("macs", "milliseconds", "bytes"):
        for _ in range(2):
            rows = random_rows(rng)
            for budget in sorted({r[cost] for r in rows})[1::2]:
                inside = [r for r in rows if r[cost] <= budget]
                want = max(inside, key=lambda r: sum(r["validation"]))["percent"]
                on = f"{len(rows)} random rows, cost {cost}, of which {len(inside)} are within the budget of {budget:g}"
                cases.append((rows, cost, budget, want, on))
    answers = [student.choose(*each[:3]) for each in cases]  # all are asked before one is judged
    for got, (*_, want, on) in zip(answers, cases):
        is_choice(got, want, on)


@exercise("tradeoff.5-choose", points=4)
def test_ties_go_to_the_cheaper_row(student, rng):
    costs = {cost: [int(n) for n in rng.permutation(5) * 10 + 20] for cost in ("macs", "milliseconds", "bytes")}
    while len({each.index(20) for each in costs.values()}) < 3:  # each cost has its own cheapest row
        costs = {cost: rng.permutation(each).tolist() for cost, each in costs.items()}
    validation = ([98.0, 98.0, 98.0], [97.0, 98.0, 99.0])
    rows = [row(10 + i, m, float(t), validation[i % 2], b) for i, (m, t, b) in enumerate(zip(*costs.values()))]
    for cost, budget in (("macs", 60), ("macs", 40), ("macs", 25), ("milliseconds", 60), ("bytes", 40)):
        want = min(rows, key=lambda r: r[cost])["percent"]
        is_choice(student.choose(rows, cost, budget), want, f"five rows with the same mean, {cost} {costs[cost]}, budget {budget}")


@exercise("tradeoff.5-choose", points=4)
def test_nobody_within_the_budget(student, rng):
    rows = random_rows(rng)
    for cost in ("macs", "milliseconds"):
        cheapest = min(r[cost] for r in rows)
        raises(ValueError, lambda: student.choose(rows, cost, cheapest * 0.9), what="a budget below the cheapest row")
        want = min(rows, key=lambda r: r[cost])["percent"]
        is_choice(student.choose(rows, cost, cheapest), want, f"a budget of exactly the cheapest row's {cost}")


# tradeoff.6


def validation(row):
    """The validation accuracies in a row of the table, one for each seed; the file is that of the first."""
    seeds = row.get("validation")
    that(isinstance(seeds, list) and seeds, f'{row["file"]}: "validation" should be a list of accuracies, one for each seed.')
    return [measured.number({"file": row["file"], "validation": one}, "validation") for one in seeds]


@exercise("tradeoff.6-files", points=6)
def test_files_are_the_networks_that_they_are_said_to_be(artefacts, rng):
    data = measured.data_of(artefacts.results())
    measured.same_table(artefacts, table(artefacts), cells=SIZES)
    for percent in PERCENTS:
        has_widths_of_its_ratio(artefacts, percent)
    measured.really_smaller(artefacts, "pruned-50.onnx", "whole.onnx")
    for name, least in LEAST[data].items():
        measured.classifies(artefacts, name, data, rng, least)


@exercise("tradeoff.6-files", points=5)
def test_accuracies_are_those_of_the_files(artefacts):
    results = artefacts.results()
    data, rows = measured.data_of(results), table(artefacts)
    measured.same_table(artefacts, rows, data, cells=("accuracy_percent",))
    for each in rows:
        untrue = measured.not_so(validation(each)[0], artefacts.accuracy(each["file"], data, split="val"))
        that(not untrue, f"`{each['file']}`, validation: the first number is the file's, and {untrue}.")


@exercise("tradeoff.6-files", points=1)
def test_half_of_the_masked_channels_are_silent(artefacts):
    whole, masked = artefacts.model("whole.onnx"), artefacts.model("masked-50.onnx")
    that(
        masked.widths == whole.widths,
        f"`masked-50.onnx` has the channels {masked.widths}, the whole network {whole.widths}: masking removes none.",
    )
    for layer, weight in enumerate(artefacts.weights("masked-50.onnx")[:-1]):
        silent, want = int((np.abs(weight).reshape(len(weight), -1).max(axis=1) == 0).sum()), len(weight) * 50 // 100
        that(
            silent == want,
            f"In layer {layer} of `masked-50.onnx`, {silent} of {len(weight)} channels are silent; at 50 % it should be {want}.",
        )


@exercise("tradeoff.6-files", points=1)
def test_speeds_are_of_this_order(artefacts):
    measured.same_order(artefacts, table(artefacts), within=4)


@exercise("tradeoff.6-files", points=2)
def test_choices_follow_from_the_own_table(artefacts):
    results, rows = artefacts.results(), table(artefacts)
    chosen = results.get("chosen")
    that(isinstance(chosen, dict), 'The table must say what was "chosen": for each cost, the ratio.')
    means = {}
    for each in rows:
        seeds = [float(one) for one in validation(each)]
        means[each["file"]] = sum(seeds) / len(seeds)
    for cost in ("macs", "milliseconds"):
        limit = 0.6 * float(rows[0][cost])
        inside = [each for each in rows if each["file"] != "masked-50.onnx" and float(each[cost]) <= limit]
        best = max((means[each["file"]] for each in inside), default=0)
        # Which of two equal means is larger by its last bit depends on how they were added up: any row of a tie will do.
        fitting = [int(each["file"].split("-")[1].removesuffix(".onnx")) for each in inside if means[each["file"]] >= best - 1e-6] or [None]
        words = " or ".join(map(str, fitting))
        that(chosen.get(cost) in fitting, f"Within 60 % of the {cost} your own table gives {words}; you report {chosen.get(cost)!r:.20}.")
