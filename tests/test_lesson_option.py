"""`pytest --lesson 03` takes the tests of that lesson and no others."""

import subprocess
import sys
from pathlib import Path

import pytest

from autograder.checks import Answer
from autograder.course import catalogue, paths
from tests import REPOSITORY
from tests.conftest import lessons_of

NAME = "03_structured_pruning"
LESSON = catalogue.lessons()[NAME]
EXERCISE = LESSON.exercises[1]


@pytest.mark.parametrize(
    "value",
    [
        NAME,
        EXERCISE,
        EXERCISE.id,
        LESSON,
        Answer(EXERCISE.id, "note", True, {}),
        paths.notebook_of(NAME),
        paths.source_of(NAME),
        Path("lessons") / f"{NAME}.ipynb",
    ],
    ids=["name", "exercise", "its id", "lesson", "known answer", "notebook", "source", "path"],
)
def test_a_parameter_speaks_of_its_lesson(value):
    assert lessons_of([value, 7, "text", None]) == {NAME}


@pytest.mark.parametrize("value", ["text", 3, None, ("a", 1), Path("tests/files"), "0"])
def test_others_speak_of_none(value):
    assert lessons_of([value]) == set()


def test_the_option_keeps_the_items_of_one_lesson(collected):
    kept = collected("--lesson", "0", "tests/lessons", "tests/autograder/checks/test_expect.py")
    assert kept and all("00_start_here" in line for line in kept)


def test_a_lesson_that_is_not_there_is_said_with_those_that_are(collected):
    assert any("there is no lesson '77'" in line and "compression_studio" in line for line in collected("--lesson", "77", "tests/lessons"))


@pytest.fixture
def collected():
    """What pytest collects with some arguments, one line a test, or why it does not start."""

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *arguments],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
        )
        return [line for line in (done.stdout + done.stderr).splitlines() if "::" in line or "there is no" in line]

    return run
