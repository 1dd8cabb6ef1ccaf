"""A printed table beside the measured one: what cannot be true is said, with the count that proves it; what may be true is not."""

from dataclasses import replace

import pytest

from course_data import UserError
from course_labs.report import claims, results
from course_labs.report.claims import Claim, Claims
from course_labs.studio import configuration
from tests import REPOSITORY


@pytest.fixture(scope="module")
def measured():
    """MNIST's rows with the numbers of ResNet-18 and MobileNetV2 in them."""
    found = results.read(REPOSITORY / "labs" / "results" / "mnist.json")
    sizes = {
        "teacher": (11_168_000, 44.7, 556e6),
        "student": (2_220_000, 8.9, 88e6),
        "pruned": (1_150_000, 4.6, 45e6),
        "int8": (1_150_000, 1.3, 45e6),
    }
    rows = tuple(
        replace(row, parameters=sizes[row.name][0], bytes=int(1e6 * sizes[row.name][1]), macs=int(sizes[row.name][2]))
        for row in found.first.rows
    )
    return replace(found, runs=(replace(found.first, rows=rows),))


LINEAR = 12_800


def test_the_textbook_s_table(measured):
    """Its float32 sizes are those of its networks; its pruned row is a mask's, and its int8 file cannot come from dynamic quantisation."""
    textbook = configuration.read(configuration.recipe_path("textbook"), "--recipe").claimed
    said = claims.impossible(textbook, measured, LINEAR)
    assert [line.split(":")[0] for line in said] == [
        "+ pruned and rebuilt, float32, 8.7 MB after 8.8 MB",
        "+ pruned and rebuilt, float32, 5.95 ms after 6.1 ms",
        "+ quantised, int8, 2.4 MB",
        "+ quantised, int8, 4.4 ms after 5.95 ms",
    ]
    assert "12,800 of 2,220,000 numbers" in said[2] and "at least 8.8 MB" in said[2]
    text = claims.markdown(textbook, measured, LINEAR)
    assert "| teacher | 78.4 % |" in text and all(f"- {line}" in text for line in said) and "said to take 75 minutes" in text


def test_a_table_that_may_be_true_is_left_alone(measured):
    fair = Claims(
        "somebody",
        10.0,
        (
            Claim("teacher", 0.9, 44.8, 18.0, "float32"),
            Claim("student", 0.9, 8.9, 6.0, "float32"),
            Claim("pruned", 0.9, 4.6, 3.5, "masks"),
            Claim("int8", 0.9, 1.3, 1.0, "static"),
        ),
    )
    assert claims.impossible(fair, measured, LINEAR) == []
    assert "Nothing in it contradicts" in claims.words(fair, measured, LINEAR)[0]
    small = replace(fair, rows=(replace(fair.rows[0], mb=11.2),))
    assert claims.impossible(small, measured, LINEAR) == ["teacher, float32, 11.2 MB: 11,168,000 numbers of four bytes are 44.7 MB."]


def test_recipes_are_files_that_can_be_copied_and_changed(tmp_path):
    path = configuration.recipe_path("textbook")
    mine = tmp_path / "mine.json"
    mine.write_text(path.read_text(encoding="utf-8").replace('"keep": 0.7', '"keep": 0.5'))
    assert configuration.recipe_path(str(mine)) == mine
    assert (configuration.read(path).given["keep"], configuration.read(mine).given["keep"]) == (0.7, 0.5)
    with pytest.raises(UserError, match="no recipe or file 'textbok'. The course has textbook"):
        configuration.recipe_path("textbok")
    mine.write_text(path.read_text(encoding="utf-8").replace('"name": "int8"', '"name": "int4"'))
    with pytest.raises(UserError, match="claimed.rows names 'int4'"):
        configuration.read(mine)
    mine.write_text(path.read_text(encoding="utf-8").replace('"mb": 2.4', '"mb": "2.4"'))
    with pytest.raises(UserError, match=r"claimed.rows\[3\].mb should be a number"):
        configuration.read(mine)
