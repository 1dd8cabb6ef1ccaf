"""What less training costs: said before the training, and in a table of committed runs."""

import copy
import dataclasses
import io
import json
import re
from types import SimpleNamespace

import pytest
from rich.console import Console

from course_data import load
from course_data.root import REPOSITORY
from course_labs.report import shorter_runs
from course_labs.report.results import from_json, read, write
from course_labs.report.summary import collected
from course_labs.report.typed_json import to_json
from course_labs.studio import minutes, seeds
from course_labs.studio.settings import SETTINGS

RESULTS = REPOSITORY / "labs" / "results"


@pytest.mark.parametrize("path", sorted((RESULTS / "shorter").glob("*.json")), ids=lambda path: path.stem)
def test_committed_shorter_runs_are_those_of_their_names(path):
    name = path.stem.rpartition("-")[0]
    results, whole = read(path), read(RESULTS / f"{name}.json")
    assert collected(results.data, results.settings, results.runs) == results, "the summary is that of the runs"
    assert results.data == whole.data
    share = results.settings["teacher_recipe"]["epochs"] / whole.settings["teacher_recipe"]["epochs"]
    assert 0 < share < 1
    kept = SETTINGS[name]
    later = {"keep_teacher": False, "precision": "measured"}  # settings that the committed runs did not know; what they did then
    assert later | results.settings == json.loads(json.dumps(dataclasses.asdict(minutes.scaled(kept, share)))), (
        "the same networks and recipes as today's"
    )


def a_run(folder, file, epochs, int8, took=5.0):
    results = read(RESULTS / "mnist.json")
    run = to_json(results.first)
    run["rows"][0]["accuracy"], run["rows"][3]["accuracy"] = 0.99, int8
    run["minutes"]["total"] = took
    settings = copy.deepcopy(results.settings)
    settings["teacher_recipe"]["epochs"] = epochs
    file = folder / f"{file}.json"
    file.parent.mkdir(exist_ok=True)
    write(collected(results.data, settings, from_json(to_json(results) | {"runs": [run]}).runs), file)


@pytest.fixture
def folder(tmp_path):
    a_run(tmp_path, "mnist", 10, 0.98, 8.1)
    a_run(tmp_path, "shorter/mnist-2", 1.0, 0.9, 2.2)
    a_run(tmp_path, "shorter/mnist-4", 4.0, 0.95, 3.9)
    return tmp_path


@pytest.mark.parametrize(
    ("epochs", "words"),
    [
        (
            0.1,
            "What that costs: 0.10 of the training gave a teacher of 99.00 % and an int8 model of 90.00 %, all of it 99.00 % and 98.00 %.",
        ),
        (
            3.0,
            "What that costs: 0.40 of the training gave a teacher of 99.00 % and an int8 model of 95.00 %, all of it 99.00 % and 98.00 %.",
        ),
        (9.0, ""),
        (20.0, ""),
    ],
)
def test_the_cost_is_that_of_the_nearest_run(folder, epochs, words):
    recipe = dataclasses.replace(SETTINGS["mnist"].teacher_recipe, epochs=epochs)
    assert shorter_runs.cost("mnist", recipe.epochs, folder) == words


def test_no_cost_is_made_up_where_none_was_measured(folder):
    assert shorter_runs.cost("digits", minutes.scaled(SETTINGS["digits"], 0.1).teacher_recipe.epochs, folder) == ""


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_the_lab_says_what_less_training_costs_before_it_trains(tmp_path, monkeypatch, name):
    """Of the course's own images and networks, not of others with the same name."""
    data = dataclasses.replace(load("digits"), name=name)
    monkeypatch.setattr(seeds, "load", lambda asked: data)
    monkeypatch.setattr(minutes, "training_seconds", lambda *asked: 1000.0)
    monkeypatch.setattr(seeds, "run_lab", lambda *args, **options: SimpleNamespace())
    for number, (given, expected) in enumerate([((name, None), True), ((data, SETTINGS[name]), False)]):
        said = io.StringIO()
        seeds.run_seeds(
            given[0], tmp_path / str(number), [0], given[1], Console(file=said, width=300), minutes=(minutes.MEASURING + 200) / 60
        )
        assert bool(re.search(r"What that costs: 0\.\d\d of the training gave a teacher of \d\d\.\d\d % and", said.getvalue())) == expected


def test_the_table_has_every_run_with_less_training_and_the_whole(folder):
    assert [line for line in shorter_runs.table(folder).splitlines() if line.startswith("| MNIST")] == [
        "| MNIST | 2 | 2.2 min | 0.10 | 99.00 % | 90.00 % |",
        "| MNIST | 4 | 3.9 min | 0.40 | 99.00 % | 95.00 % |",
        "| MNIST | not given | 8.1 min | 1.00 | 99.00 % | 98.00 % |",
    ]
