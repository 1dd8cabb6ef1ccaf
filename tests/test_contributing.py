"""CONTRIBUTING.md is in step with the code: the walks, the files and commands it names, the picture, the rules."""

import ast
import functools
import importlib.util
import re

import pytest
from PIL import Image
from typer.main import get_command

from autograder.authoring import packing
from autograder.cli.main import app
from tests import REPOSITORY

PAGE = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
WALKS = {
    name: re.findall(r"^\| `([\w/]+\.py)` \| `(\w+)` \|", text, re.MULTILINE)
    for name, text in re.findall(r"<!-- walk:(\w+) -->(.*?)<!-- /walk:\1 -->", PAGE, re.DOTALL)
}
HOPS = [pytest.param(*hop, id=f"{name}: {hop[1]} in {hop[0]}") for name, hops in WALKS.items() for hop in hops]


def script(name):
    """A module in docs/, which is no package."""
    spec = importlib.util.spec_from_file_location(name, REPOSITORY / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@functools.cache
def reached(file):
    """The modules that come in with a file, those that are imported late among them."""
    return packing.modules_needed([(REPOSITORY / file).read_text(encoding="utf-8")]).keys() - {file}


def test_there_are_five_walks():
    assert list(WALKS) == ["born", "filled", "graded", "shrinks", "used"] and all(len(hops) >= 3 for hops in WALKS.values())


@pytest.mark.parametrize("path, function", HOPS)
def test_a_hop_is_where_the_page_says(path, function):
    body = ast.parse((REPOSITORY / path).read_text(encoding="utf-8")).body
    assert function in {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


@pytest.mark.parametrize("walk", WALKS)
def test_no_walk_has_a_way_back_up(walk):
    """Of two files on a walk, at most one brings the other in."""
    files = list(dict.fromkeys(path for path, _ in WALKS[walk]))
    assert [(one, other) for one in files for other in files if one < other and other in reached(one) and one in reached(other)] == []


def test_every_file_and_folder_it_names_is_there():
    named = re.findall(r"`((?:[\w.-]+/)+[\w.-]*)`|\]\(([\w./-]+)\)", PAGE)
    missing = [path for path in {one or other for one, other in named} if not (REPOSITORY / path).exists()]
    # The first three stand in tests/; build/ is made by commands and is not in a fresh clone.
    missing = [path for path in missing if path not in ("files/", "bench/", "trials/") and not path.startswith("build/")]
    assert missing == []


def test_it_names_real_targets_and_commands():
    targets = set(re.findall(r"\bmake (\w+)(?=[ `\n])", PAGE.partition("## To look up")[0]))
    assert targets <= set(re.findall(r"^(\w+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    commands = set(re.findall(r"`course (\w+)", PAGE))
    assert commands <= set(get_command(app).commands)
    modules = re.findall(r"python -m (tests[\w.]+)", PAGE)
    assert modules and all((REPOSITORY / f"{name.replace('.', '/')}.py").exists() for name in modules)


def test_ten_minutes_are_enough():
    """About 240 words a minute; the end is for looking up."""
    text = re.sub(r"[|`*#-]+|https?://\S+|<!--.*?-->", " ", PAGE.partition("## To look up")[0])
    assert len(text.split()) < 2600


def test_the_picture_is_the_one_that_its_script_draws():
    sandbox = script("sandbox")
    with Image.open(sandbox.PICTURE) as picture:
        assert picture.text["Source"] == sandbox.drawn_from(), "run `python docs/sandbox.py`"
    assert all((REPOSITORY / file).exists() for _, file, _ in sandbox.BOXES.values())
    assert re.search(r"!\[[^\]]{200,}\]\(docs/sandbox\.png\)", PAGE), "it has a text for who cannot see it"


def test_the_rules_are_those_that_the_builder_checks():
    pytest.importorskip("autograder.authoring.rules")
    assert script("rules").update(check=True) == [], "run `python docs/rules.py`"
