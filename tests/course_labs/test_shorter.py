"""What less training costs: said before the training, and in a table of committed runs."""

import copy
import dataclasses
import io
import json
import re
import sys
from types import SimpleNamespace

import pytest
from rich.console import Console

from course_data import UserError, load
from course_data.root import REPOSITORY
from course_labs import plan, readme, seeds, shorter
from course_labs.report import read_results
from course_labs.settings import SETTINGS
from course_labs.summary import collected

RESULTS = REPOSITORY / "labs" / "results"


def test_the_page_shows_the_committed_runs(monkeypatch, capsys):
    """Asked through the command that writes both pages."""
    monkeypatch.setattr(sys, "argv", ["readme", "--check"])
    assert readme.main() == 0, capsys.readouterr().err
    monkeypatch.setattr(shorter, "update", lambda check: check)
    assert readme.main() == 1 and "what less training costs. Run: python -m course_labs.readme" in capsys.readouterr().err


@pytest.mark.parametrize("path", sorted((RESULTS / "shorter").glob("*.json")), ids=lambda path: path.stem)
def test_committed_shorter_runs_are_those_of_their_names(path):
    name, _, minutes = path.stem.rpartition("-")
    results, whole = read_results(path), read_results(RESULTS / f"{name}.json")
    assert collected(results["data"], results["settings"], results["runs"]) == results, "the summary is that of the runs"
    assert results["data"] == whole["data"]
    share = results["settings"]["teacher_recipe"]["epochs"] / whole["settings"]["teacher_recipe"]["epochs"]
    assert 0 < share < 1
    kept = SETTINGS[name]
    assert results["settings"] == json.loads(json.dumps(dataclasses.asdict(plan.scaled(kept, share)))), "the same networks and recipes as today's"


def a_run(folder, file, epochs, int8, minutes=5.0):
    results = json.loads((RESULTS / "mnist.json").read_text(encoding="utf-8"))
    run = copy.deepcopy(results["runs"][0])
    run["rows"][0]["accuracy"], run["rows"][3]["accuracy"] = 0.99, int8
    run["minutes"]["total"] = minutes
    settings = copy.deepcopy(results["settings"])
    settings["teacher_recipe"]["epochs"] = epochs
    file = folder / f"{file}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(collected(results["data"], settings, [run])), encoding="utf-8")


@pytest.fixture
def folder(tmp_path):
    a_run(tmp_path, "mnist", 10, 0.98, 8.1)
    a_run(tmp_path, "shorter/mnist-2", 1.0, 0.9, 2.2)
    a_run(tmp_path, "shorter/mnist-4", 4.0, 0.95, 3.9)
    return tmp_path


@pytest.mark.parametrize(
    ("epochs", "words"),
    [
        (0.1, "What that costs: 0.10 of the training gave a teacher of 99.00 % and an int8 model of 90.00 %, all of it 99.00 % and 98.00 %."),
        (3.0, "What that costs: 0.40 of the training gave a teacher of 99.00 % and an int8 model of 95.00 %, all of it 99.00 % and 98.00 %."),
        (9.0, ""),
        (20.0, ""),
    ],
)
def test_the_cost_is_that_of_the_nearest_run(folder, epochs, words):
    recipe = dataclasses.replace(SETTINGS["mnist"].teacher_recipe, epochs=epochs)
    assert shorter.cost("mnist", dataclasses.replace(SETTINGS["mnist"], teacher_recipe=recipe), folder) == words


def test_no_cost_is_made_up_where_none_was_measured(folder):
    assert shorter.cost("digits", plan.scaled(SETTINGS["digits"], 0.1), folder) == ""


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_the_lab_says_what_less_training_costs_before_it_trains(tmp_path, monkeypatch, name):
    """Of the course's own images and networks, not of others with the same name."""
    data = dataclasses.replace(load("digits"), name=name)
    monkeypatch.setattr(seeds, "load", lambda asked: data)
    monkeypatch.setattr(plan, "training_seconds", lambda *asked: 1000.0)
    monkeypatch.setattr(seeds, "run_lab", lambda *args, **options: SimpleNamespace())
    for number, (given, expected) in enumerate([((name, None), True), ((data, SETTINGS[name]), False)]):
        said = io.StringIO()
        seeds.run_seeds(given[0], tmp_path / str(number), [0], given[1], Console(file=said, width=300), minutes=(plan.MEASURING + 200) / 60)
        assert bool(re.search(r"What that costs: 0\.\d\d of the training gave a teacher of \d\d\.\d\d % and", said.getvalue())) == expected


def test_the_table_has_every_run_with_less_training_and_the_whole(folder):
    page = folder / "README.md"
    page.write_text("before\n<!-- shorter:all -->\nold\n<!-- /shorter:all -->\nafter\n", encoding="utf-8")
    assert shorter.update(page, folder, check=True) and "old" in page.read_text(encoding="utf-8")
    assert shorter.update(page, folder)
    lines = page.read_text(encoding="utf-8").splitlines()
    assert lines[:2] == ["before", "<!-- shorter:all -->"] and lines[-2:] == ["<!-- /shorter:all -->", "after"]
    assert [line for line in lines if line.startswith("| MNIST")] == [
        "| MNIST | 2 | 2.2 min | 0.10 | 99.00 % | 90.00 % |",
        "| MNIST | 4 | 3.9 min | 0.40 | 99.00 % | 95.00 % |",
        "| MNIST | not given | 8.1 min | 1.00 | 99.00 % | 98.00 % |",
    ]
    assert not shorter.update(page, folder, check=True)


def test_a_page_without_its_markers_is_a_clear_error(folder):
    page = folder / "README.md"
    page.write_text("nothing", encoding="utf-8")
    with pytest.raises(UserError, match="shorter:all"):
        shorter.update(page, folder)
