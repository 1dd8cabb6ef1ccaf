"""docs/decision_guide.md is in step with the labs' results, and reaches the students who are sent there."""

import importlib.util
import re

from autograder.authoring import students_copy
from tests import REPOSITORY

PAGE = (REPOSITORY / "docs" / "decision_guide.md").read_text(encoding="utf-8")


def guide():
    spec = importlib.util.spec_from_file_location("decision_guide", REPOSITORY / "docs" / "decision_guide.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_is_that_of_the_results():
    assert guide().update(check=True) == [], "run `python docs/decision_guide.py`"


def test_no_figure_stands_outside_the_table():
    """What a person wrote has no measured number: those go out of date."""
    prose = re.sub(
        r"<!-- guide:techniques -->.*?<!-- /guide:techniques -->|`[^`]*`|[Ll]essons? \d\d|CIFAR-10|ONNX|int8|4-bit|8 bits|4 too few",
        "",
        PAGE,
        flags=re.DOTALL,
    )
    assert not re.findall(r"\d+", prose)


def test_the_guide_is_in_the_students_copy():
    assert "docs/decision_guide.md" in students_copy.PLAIN
