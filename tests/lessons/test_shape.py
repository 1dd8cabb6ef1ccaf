"""What holds for every lesson's notebook as a student opens it. Reads `lessons/`, not the builder."""

import re

import nbformat
import pytest

from autograder.course import catalogue, paths
from autograder.course.blanks import has_blank

NOTEBOOKS = sorted(paths.LESSONS.glob("[0-9][0-9]_*.ipynb"))
LESSONS = [path for path in NOTEBOOKS if not path.name.startswith("00_")]  # 00 is one short page


def cells(path):
    return nbformat.read(path, 4).cells


def code(path):
    return [cell for cell in cells(path) if cell.cell_type == "code"]


def prose(path):
    return "\n\n".join(cell.source for cell in cells(path) if cell.cell_type == "markdown")


def name(path):
    return path.stem


def is_blank_cell(cell):
    return cell.cell_type == "code" and "import ___" not in cell.source and has_blank(cell.source)


def test_there_are_lessons():
    assert LESSONS


@pytest.mark.parametrize("path", LESSONS, ids=name)
def test_between_15_and_45_cells(path):
    assert 15 <= len(cells(path)) <= 45


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_no_code_cell_over_40_lines(path):
    assert max(len(cell.source.splitlines()) for cell in code(path)) <= 40


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_first_blank_within_six_cells(path):
    assert any(is_blank_cell(cell) for cell in cells(path)[:6])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_no_outputs_and_no_answers(path):
    for cell in code(path):
        assert not cell.outputs and cell.execution_count is None
        assert "# blank:" not in cell.source and "# bug:" not in cell.source
    for mark in ("<!-- answer -->", "MARK SCHEME"):
        assert mark not in prose(path)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_every_exercise_says_minutes_points_and_difficulty(path):
    """In the line under its heading: *10 minutes · 15 points · difficulty 2 of 3*."""
    text = prose(path)
    headings = re.findall(r"^## (\d+\.\d+-\S+).*\n\n(.*)$", text, re.MULTILINE)
    exercises = {c.metadata["course"]["exercise"] for c in cells(path) if "exercise" in c.metadata.get("course", {})}
    assert {exercise for exercise, _ in headings} == exercises
    for exercise, line in headings:
        assert re.match(r"\*\d+ minutes · \d+ points · difficulty [123] of 3", line), f"{exercise}: {line}"


@pytest.mark.parametrize("path", LESSONS, ids=name)
def test_minutes_and_points_in_the_text_are_those_of_the_catalogue(path):
    text = prose(path)
    for exercise in catalogue.lessons()[path.stem].exercises:
        section = text.split(f"## {exercise.id} ", 1)[1]
        said = [int(n) for n in re.findall(r"\d+", section.split("\n\n", 2)[1])[:3]]
        assert said == [exercise.minutes, exercise.points, exercise.difficulty], exercise.id


@pytest.mark.parametrize("path", LESSONS, ids=name)
def test_five_to_nine_exercises_of_100_points_in_four_kinds(path):
    exercises = catalogue.lessons()[path.stem].exercises
    assert 5 <= len(exercises) <= 9
    assert sum(exercise.points for exercise in exercises) == 100
    kinds = [exercise.kind for exercise in exercises]
    assert kinds.count("choice") >= 1 and kinds.count("bug") == 1


@pytest.mark.parametrize("path", LESSONS, ids=name)
def test_the_closing_sections_are_there(path):
    text = prose(path)
    for heading in (
        "## Mini-challenge", "## Common errors", "## Quick reference", "## Questions people ask",
        "## What this did not show", "## Further reading",
    ):  # fmt: skip
        assert heading in text, heading
    questions = text.split("## Questions people ask", 1)[1].split("## ", 1)[0]
    assert 3 <= len(re.findall(r"^\*\*.+\?", questions, re.MULTILINE)) <= 5
    reading = text.split("## Further reading", 1)[1]
    assert re.findall(r"arXiv:\d{4}\.\d{5}", reading)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_every_figure_is_followed_by_what_to_see(path):
    """A cell that ends in a figure is followed by text that opens with what to see in it."""
    all_cells = cells(path)
    for cell, after in zip(all_cells, all_cells[1:]):
        if cell.cell_type == "code" and cell.source.splitlines()[-1].startswith("figures."):
            assert after.cell_type == "markdown" and after.source.startswith("*What to see: "), cell.source
