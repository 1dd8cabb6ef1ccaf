"""The committed lessons obey every rule (`autograder.authoring.rules`) and are what their sources give, as `course build --check` says.

That each rule is told when it is broken is in tests/autograder/authoring/test_build.py.
"""

import pytest
from typer.testing import CliRunner

from autograder.authoring.rules import excepted, shape
from autograder.authoring.source import read, sources
from autograder.cli.main import app

# Who is of another shape says so in its own header. The list is short, and stays so.
OTHER_SHAPES = {
    "00_start_here": {"number_of_cells", "number_of_exercises", "kinds_of_exercises", "closing_sections"},
    "compression_studio": {"closing_sections"},
}


def test_the_committed_lessons_obey_every_rule_and_are_what_their_sources_give():
    done = CliRunner().invoke(app, ["build", "--check"])
    assert done.exit_code == 0, done.output
    assert "to do  " not in done.output, "a remark of the scaffold is left"
    assert f"{len(sources())} lessons and labs are what their sources give" in done.output and len(sources()) >= 10


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.parent.name)
def test_a_lesson_keeps_the_rules_of_shape(path):
    draft = read(path)
    assert excepted(draft) == OTHER_SHAPES.get(draft.name, set()) <= set(shape.NAMES)
