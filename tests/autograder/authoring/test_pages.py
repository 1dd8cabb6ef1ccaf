"""The tables of lessons are made from the headers, and nothing else on the page is touched."""

import pytest

from autograder.authoring import pages
from course_data.errors import UserError

HEADERS = [
    {"lesson": "07_topic", "title": "A topic", "writes": "a sum", "minutes": 90, "points": 100},
    {"lesson": "topic_lab", "title": "A lab", "writes": "a product", "minutes": 80, "points": 100},
]


@pytest.fixture
def page(tmp_path, monkeypatch):
    """A page with both tables, below the repository, where links start."""
    (tmp_path / "README.md").write_text(
        "one\n<!-- catalogue:lessons -->\nold\n<!-- /catalogue:lessons -->\n<!-- table:mnist -->\nits own\n<!-- /table:mnist -->\n"
    )
    for name, path in (("REPOSITORY", tmp_path), ("LESSONS", tmp_path / "lessons"), ("LABS", tmp_path / "labs")):
        monkeypatch.setattr(pages.paths, name, path)
    monkeypatch.setattr(pages, "pages", lambda: [tmp_path / "README.md"])
    return tmp_path / "README.md"


def test_a_stale_table_is_told_and_made_anew(page):
    before = page.read_text()
    assert pages.update(HEADERS, check=True) == [page] and page.read_text() == before
    assert pages.update(HEADERS) == [page]
    row = "| [07 A topic](lessons/07_topic.ipynb) | a sum | 90 | 100 |\n"
    assert page.read_text() == before.replace("old\n", f"| lesson | what you write | minutes | points |\n|---|---|---:|---:|\n{row}")
    assert pages.update(HEADERS, check=True) == []


def test_a_page_without_its_markers_is_told(page):
    page.write_text("nothing to fill")
    with pytest.raises(UserError, match="catalogue"):
        pages.update(HEADERS)


def test_labs_stand_in_a_table_of_their_own(page):
    made = pages.table("labs", HEADERS, page)
    assert "| [topic_lab](labs/topic_lab.ipynb) | a product | 80 | 100 |" in made and "07" not in made
