"""Every import of a file in the tests finds its module, the late ones and those of the trials, which no test runs, among them."""

import ast
import functools
import importlib.util

import pytest

from tests import REPOSITORY

FILES = [str(path.relative_to(REPOSITORY)) for path in sorted((REPOSITORY / "tests").rglob("*.py"))]
OURS = {"autograder", "course_data", "course_labs", "course_lessons", "tests"}
OTHERS = {"atheris", "distributed", "otter"}  # installed for single trials only; the tests that need them say so


def imported(file):
    """(line, module) of every import of a file."""
    for node in ast.walk(ast.parse((REPOSITORY / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module


@functools.cache
def there(module):
    first = module.partition(".")[0]
    try:  # a module of ours is looked up whole; of a library, the first name must do
        return importlib.util.find_spec(module if first in OURS else first) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize("file", FILES)
def test_every_import_finds_its_module(file):
    assert [f"{line}: {module}" for line, module in imported(file) if module.partition(".")[0] not in OTHERS and not there(module)] == []
