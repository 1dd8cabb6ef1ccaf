"""The figures and the page of a run, from made-up results of one seed and of three."""

import dataclasses
import html.parser
import io
import re

import numpy as np
import pytest
import torch

from course_labs.measuring.rows import CONTROLS
from course_labs.report import figures, sentences, tables
from course_labs.report.control_sentences import titled
from course_labs.report.page import page
from course_labs.report.results import SCHEMA, from_json
from course_labs.report.summary import collected
from course_labs.report.typed_json import to_json
from course_labs.studio.budget import Budget, judged

NAMES = {"teacher": 0.93, "student": 0.92, "pruned": 0.91, "int8": 0.90}
MACHINE = {
    "cpu": "a cpu",
    "cpu_flags": [],
    "cores_usable": 2,
    "memory_gb": 4.0,
    "os": "an os",
    "arch": "x",
    "python": "3",
    "training_device": "cpu",
    "training_precision": "float32",
}
CLASSES = ["cat", "dog", "<b>frog</b>"]


def row(name, title, accuracy, cost):
    times = {"median_ms": cost, "p10_ms": cost * 0.9, "p90_ms": cost * 1.2, "p95_ms": cost * 1.5, "p99_ms": cost * 2, "calls": 600}
    size = int(1e6 * cost)
    return {
        "name": name,
        "title": title,
        "file": f"{name}.onnx",
        "widths": [16, 32],
        "accuracy": accuracy,
        "accuracy_standard_error": 0.003,
        "correct": int(1000 * accuracy),
        "test_images": 1000,
        "accuracy_by_class": [accuracy, accuracy + 0.02, accuracy - 0.02 * (name == "int8")],
        "validation_accuracy": accuracy,
        "bytes": size,
        "bytes_by_part": {"weights": size - 700, "scales": 300, "graph": 400},
        "gzip_bytes": size // 2,
        "parameters": 1000,
        "nonzero_parameters": 900,
        "macs": 50_000,
        "onnx_runtime": times,
        "images_per_second": {"1": 1e3, "8": 2e3, "64": 3e3},
        "pytorch_eager": None if name == "int8" else times,
    }


def results_of(seeds, controls=False):
    """Results with every field of a run's, `seeds` runs, each a little worse than the one before."""
    runs = []
    for seed in range(seeds):
        rows = [row(name, f"{name} <title>", right - seed / 100, 2 / 2**n) for n, (name, right) in enumerate(NAMES.items())]
        extra = [row(label.name, label.title, 0.88, 0.3) | {"shows": f"what {label.name} shows"} for label in CONTROLS] if controls else []
        if controls:  # the last one is timed elsewhere
            extra[-1] |= {"openvino": extra[-1]["onnx_runtime"], "onnx_runtime": None, "pytorch_eager": None}
        ratios = {
            r["name"]: {
                "bytes": 2e6 / r["bytes"],
                "parameters": 1.0,
                "macs": 1.0,
                "latency": 2 / r["onnx_runtime"]["median_ms"],
                "accuracy_points": 100 * (r["accuracy"] - rows[0]["accuracy"]),
            }
            for r in rows[1:]
        }
        runs.append(
            {
                "seed": seed,
                "measured": "2026-01-01",
                "machine": MACHINE,
                "versions": {"onnxruntime": "1.0", "torch": "2.0"},
                "minutes": {"total": 4.0},
                "rows": rows,
                "ratios": ratios,
                "controls": extra,
                "lost": {"count": 20, "gained": 3, "images": list(range(20)), "said": [(i + 1) % 3 for i in range(20)]},
                "wrong_calibration": [{"name": "grey", "title": "images of one mid-grey", "accuracy": 0.31}],
            }
        )
    data = {
        "name": "made",
        "title": "Made & up",
        "source": "a file",
        "fingerprint": "0f",
        "classes": CLASSES,
        "train": 10,
        "validation": 10,
        "test": 1000,
    }
    return summed({"schema": SCHEMA, "data": data, "settings": {"temperature": 4.0, "recipe": {"epochs": 3}}, "runs": runs, "summary": {}})


def summed(content):
    """The results of the runs in `content`, as JSON has them."""
    found = from_json(content)
    return collected(found.data, found.settings, found.runs)


def with_latency(results, ratio):
    """The same, int8 being so many times as fast as the teacher."""
    content = to_json(results)
    content["runs"][0]["ratios"]["int8"]["latency"] = ratio
    return summed(content)


@pytest.mark.parametrize(
    "points, kept",
    [
        ([(1, 5), (2, 6), (3, 7)], [(1, 5), (2, 6), (3, 7)]),
        ([(1, 5), (2, 4), (3, 7)], [(1, 5), (3, 7)]),
        ([(3, 7), (1, 5), (2, 5)], [(1, 5), (3, 7)]),
        ([(1, 5), (1, 6)], [(1, 6)]),
        ([(1, 9), (2, 9)], [(1, 9)]),
    ],
)
def test_the_frontier_holds_what_no_other_beats(points, kept):
    assert figures.frontier(points) == kept


def test_the_frontier_against_the_definition():
    points = [tuple(map(float, p)) for p in np.random.default_rng(0).integers(0, 20, (60, 2))]

    def beaten(p):
        return any((q[0] <= p[0] and q[1] >= p[1]) and q != p for q in points)

    assert figures.frontier(points) == sorted({p for p in points if not beaten(p)})


def points_of(axes):
    """Every marker's place, to the fourth digit."""
    lines = [line for line in axes.get_lines() if line.get_marker() not in ("None", "", "|", "_", None)]
    return {(round(float(x), 4), round(float(y), 4)) for line in lines for x, y in zip(*line.get_data())}


@pytest.mark.parametrize("seeds", [1, 3])
def test_the_tradeoff_shows_the_means(seeds):
    results = results_of(seeds)
    left, right = figures.tradeoff(results).axes
    for name in NAMES:
        found = results.summary[name]
        accuracy = round(100 * found.accuracy.mean, 4)
        assert (round(found.bytes.mean / 1000, 4), accuracy) in points_of(left)
        assert (round(found.latency_ms.mean, 4), accuracy) in points_of(right)


def test_control_rows_are_in_the_picture_and_eager_has_no_file_of_its_own():
    left, right = figures.tradeoff(results_of(1, controls=True)).axes
    names = {"teacher", "student", "+ pruned", "+ int8"}
    assert {text.get_text() for text in right.texts} == names | {str(n) for n in range(1, 9)}, (
        "the ninth, OpenVINO's, has no time in ONNX Runtime"
    )
    assert {text.get_text() for text in left.texts} == names | {"1", "2", "3", "4", "5", "6", "8"}


def test_class_bars_and_the_worst_drop():
    (axes,) = figures.classes(results_of(3)).axes
    heights = [bar.get_height() for bar in axes.patches]
    assert heights == pytest.approx([92, 94, 92, 89, 91, 87])
    assert [text.get_text() for text in axes.texts] == ["-5.0"] and axes.texts[0].xy[0] == 2
    assert "starts at" in axes.get_ylabel() and axes.get_ylim()[0] > 0, "a cut axis says so"


def test_of_many_classes_those_that_lose_most_are_shown():
    content = to_json(results_of(1))
    content["data"]["classes"] = [f"class number {n}" for n in range(40)]
    for part, row in enumerate(content["runs"][0]["rows"]):
        row["accuracy_by_class"] = [0.9 - 0.001 * n * (part == 3) for n in range(40)]
    drawn = figures.classes(from_json(content))
    (axes,) = drawn.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == [f"class number {n}" for n in range(24, 40)]
    assert "the 16 of 40" in drawn.get_supxlabel() and axes.texts[0].get_text() == "-3.9"
    assert axes.get_xticklabels()[0].get_rotation() == 30


def test_lost_images_are_shown_with_both_names():
    images = torch.arange(20).byte().view(20, 1, 1, 1).expand(20, 1, 4, 4)
    drawn = figures.lost_images(results_of(1), images, torch.arange(20) % 3)
    assert len(drawn.axes) == 12
    shown = [int(axes.images[0].get_array()[0, 0]) for axes in drawn.axes]
    lost = results_of(1).first.lost.images
    assert (shown[0], shown[-1]) == (lost[0], lost[-1]) and shown == sorted(set(shown)), "spread over all that were lost"
    for index, axes in zip(shown, drawn.axes):
        assert axes.get_title() == f"{CLASSES[index % 3]}\nint8: {CLASSES[(index + 1) % 3]}"


def test_no_image_lost_is_a_picture_too():
    content = to_json(results_of(1))
    content["runs"][0]["lost"] = {"count": 0, "gained": 2, "images": [], "said": []}
    figures.lost_images(from_json(content), torch.zeros(1, 3, 4, 4).byte(), torch.zeros(1)).savefig(io.BytesIO(), format="png")


class _Page(html.parser.HTMLParser):
    """What a page asks for and what it says."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.asked, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.asked += [value for name, value in attrs if name in ("src", "href", "action", "srcset", "data")]

    def handle_data(self, data):
        self.words.append(data.replace("\u00a0", " ").replace("\u2060", ""))


PICTURES = {"tradeoff": b"\x89PNG 1", "classes": b"\x89PNG 2", "lost": b"\x89PNG 3"}


@pytest.mark.parametrize("seeds", [1, 3])
def test_the_page_needs_nothing_else_and_says_everything(seeds):
    results = results_of(seeds, controls=True)
    results = dataclasses.replace(results, budget=judged(results, Budget(max_mb=0.001)))
    text = page(results, PICTURES)
    found = _Page(text)
    words = " ".join(found.words)
    assert len(found.asked) == 3 and all(address.startswith("data:image/png;base64,") for address in found.asked)
    assert not {"script", "link", "iframe", "object"} & set(found.tags) and "url(" not in text and "@import" not in text
    assert "http" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", text)
    for cells in (*tables.cells(results), *tables.control_cells(results)):
        for cell in cells:
            assert cell in words
    for sentence in (*sentences.gains(results), sentences.price(results), sentences.provenance(results), results.budget.words):
        assert sentence in words
    assert "teacher <title>" in words and "<title>" not in text.split("</head>")[1], "escaped"
    assert "1,999,300" in words and "images of one mid-grey" in words
    assert "what no_teacher shows" in words if seeds == 1 else "3 seeds, paired)" in words
    assert ("Run by run" in words) == (seeds == 3)


def test_without_controls_and_budget_the_page_does_not_speak_of_them():
    text = page(results_of(1), PICTURES)
    assert "Control rows" not in text and "udget" not in text


def test_what_pruning_left_whole_is_said():
    results = results_of(1)
    assert sentences.left_whole(results) == []
    reasons = [f"stage.{n} (8 channels): norm.{n} is LayerNorm, which mixes all channels" for n in range(5)]
    results = dataclasses.replace(results, settings=results.settings | {"left_whole": reasons})
    (line,) = sentences.left_whole(results)
    assert line in sentences.remarks(results) and reasons[0] in line and reasons[3] not in line and "And 2 more" in line


def test_sentences_follow_the_numbers():
    results = results_of(1)
    assert "class that pays most is <b>frog</b>: -5.00 points" in sentences.price(results)
    assert "loses 20 images" in sentences.price(results) and "gains 3" in sentences.price(results)
    assert "loses on average 20 images" in sentences.price(results_of(3))
    assert "31.00 % (images of one mid-grey)" in sentences.miscalibrated(results)
    assert "2.0 times slower" in sentences.gains(with_latency(results, 0.5))[0]
    for ratio in (0.96, 1.04):
        assert "and no faster in the same runtime" in sentences.gains(with_latency(results, ratio))[0]


def test_over_several_seeds_the_control_rows_speak_of_the_means():
    """A control row as good as the student with one seed, and two points worse with the other: a point, and no more than chance."""
    sentence = without_a_teacher((0.9, 0.9), (0.9, 0.88))
    assert "is 1.00 points worse, no more than chance moves it" in sentence and sentence.endswith("2 seeds, paired).")


def test_over_several_seeds_differences_are_taken_run_by_run():
    """Seeds that are easy or hard for both rows say nothing about the difference; two equal differences are no certainty."""
    assert "is 1.00 points worse, more than chance moves it (up to 0.50 points" in without_a_teacher((0.9, 0.8, 0.7), (0.892, 0.79, 0.688))
    least = 100 / results_of(2).first.rows[1].test_images
    again = without_a_teacher((0.9, 0.8), (0.9 - 0.01 * least, 0.8 - 0.01 * least))
    assert f"is {least:.2f} points worse, no more than chance" in again


def without_a_teacher(student, alone):
    """The sentence on the student without a teacher, from the accuracies of both in every run."""
    content = to_json(results_of(len(student), controls=True))
    for run, taught, own in zip(content["runs"], student, alone):
        run["rows"][1] |= {"accuracy": taught, "correct": 1}
        next(row for row in run["controls"] if row["name"] == "no_teacher").update(accuracy=own, correct=0)
    return dict(titled(summed(content)))["student trained without a teacher"]
