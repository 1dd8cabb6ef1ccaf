"""What stands between a page's markers is made anew, and nothing else; markers that are not in order are an error."""

import pytest

from course_data import UserError
from course_labs.report import markers

PAGE = "one\n<!-- table:a -->\n1\n<!-- /table:a -->\ntwo\n<!-- note:b -->\n<!-- /note:b -->\nthree\n"


@pytest.fixture
def page(tmp_path):
    file = tmp_path / "page.md"
    file.write_text(PAGE, encoding="utf-8")
    return file


def test_parts_are_made_from_their_names_by_the_function_of_their_kind(page):
    makers = {"table": lambda name: f"\\1 {name}\n", "note": lambda name: ""}
    assert markers.refill(page, makers, check=True) == ["table:a"] and page.read_text(encoding="utf-8") == PAGE
    assert markers.refill(page, makers) == ["table:a"]
    assert page.read_text(encoding="utf-8") == PAGE.replace("1\n", "\\1 a\n")
    assert markers.refill(page, makers) == []
    assert markers.names(page, "table") == ["a"] and markers.names(page, "other") == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (PAGE, "none", "note, table"),
        ("<!-- /table:a -->", "", "in pairs"),
        ("<!-- note:b -->", "", "in pairs"),
        ("<!-- /note:b -->", "<!-- /note:c -->", "in pairs"),
        ("three", "<!-- table:a -->\n<!-- /table:a -->", "each name once"),
        ("three", "<!-- other:a -->\n<!-- /other:a -->", "other"),
        ("note:b", "table:b", "note"),
    ],
)
def test_markers_out_of_order_are_an_error_and_change_nothing(page, old, new, said):
    page.write_text(text := PAGE.replace(old, new), encoding="utf-8")
    with pytest.raises(UserError, match=said):
        markers.refill(page, {"table": lambda name: "new\n", "note": lambda name: "new\n"})
    assert page.read_text(encoding="utf-8") == text


def test_what_somebody_else_makes_stays_as_it_is(page):
    assert markers.refill(page, {"note": lambda name: "new\n"}, others=("table",)) == ["note:b"]
    assert page.read_text(encoding="utf-8") == PAGE.replace("<!-- note:b -->\n", "<!-- note:b -->\nnew\n")
    assert markers.refill(page, {"table": lambda name: "1\n"}, others=("note", "absent")) == []


def test_a_maker_that_fails_leaves_the_page_whole(page):
    def fails(name):
        raise UserError("no results")

    with pytest.raises(UserError, match="no results"):
        markers.refill(page, {"table": lambda name: "new\n", "note": fails})
    assert page.read_text(encoding="utf-8") == PAGE
