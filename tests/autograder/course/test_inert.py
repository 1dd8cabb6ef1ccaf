"""What leaves for another program is read again by that format's own reader: the same text, and nothing that acts."""

import csv
import html
import io
import json
import re
import unicodedata
import xml.etree.ElementTree as xml
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.checks.verdict import Verdict
from autograder.course import catalogue, inert
from autograder.exports import Options, export
from autograder.exports.nbgrader.notebook import as_text
from autograder.grading.feedback import feedback_page
from autograder.grading.submission import Result

LESSON = "01_affine_quantization"
TRIGGERS = tuple("=+-@\t\r\uff1d\uff0b\uff0d\uff20")
# Any text, and texts of the pieces that other programs look for.
PIECES = st.sampled_from(
    [*"=+-@;,'\" \t\n\r|<>&`$\\[]():/.%~_*#!\x00\x1b\u202e\ud800\ufeff\uffff\uff1d\u2028aé", "e\u0301", '";"', "javascript:", "\\href", "x"]
)
texts = st.text(max_size=30) | st.lists(PIECES, max_size=12).map("".join)
many = settings(max_examples=400)


def seen(text):
    return inert.text(text)


@many
@given(texts)
def test_text_keeps_what_people_write_and_is_settled(text):
    out = seen(text)
    assert seen(out) == out and len(out) <= len(text)
    out.encode("utf-8")
    assert not [c for c in out if unicodedata.category(c) == "Cc" and c not in "\n\t"] and "\u202e" not in out
    if all(c.isprintable() for c in text):
        assert out == text or any(0xFFFE <= ord(c) <= 0xFFFF for c in text)
    for name in ("José 你好", "مریم\u200cزاده", "a\u00a0b", "👩\u200d🔬"):
        assert seen(name) == name


# CSV


@many
@given(st.lists(st.lists(texts, min_size=3, max_size=3), min_size=1, max_size=3))
@example([['x;"=1+1', ";'=1", '";=1']])
@example([["a\t=1", "a\n@x", "; =1"]])
def test_csv_comes_back_and_no_reader_finds_a_formula(rows):
    written = inert.csv_of([["a", "b", "c"], *rows])
    assert inert.rows_of(b"\xef\xbb\xbf" + written.encode())[1:] == [[seen(cell) for cell in row] for row in rows]
    for delimiter in ",;\t":
        for line in csv.reader(io.StringIO(written, newline=""), delimiter=delimiter):
            for cell in line:
                assert not cell.lstrip(" \u00a0").startswith(TRIGGERS), (delimiter, cell)
    # A spreadsheet saves what it read with its own separator.
    for delimiter in ";\t":
        again = io.StringIO()
        csv.writer(again, delimiter=delimiter).writerows(csv.reader(io.StringIO(written, newline="")))
        assert inert.rows_of(again.getvalue().encode())[1:] == [[seen(cell) for cell in row] for row in rows]


@many
@given(texts, texts)
@example("=1+1", "'=1+1")
@example("x;=", "x;'=")
def test_two_names_stay_two_cells(one, other):
    assert (inert.cell(one) == inert.cell(other)) == (seen(one) == seen(other))


def test_ordinary_cells_and_numbers_stay_as_they_are():
    for text in ("the scale: expected -3; got 2 - 1", "a, -3", "O'Hara", "'quoted'", "1.3-quantize blank; 1.4-bug failed"):
        assert inert.cell(text) == text
    assert inert.csv_of([[-3, 0.5, "-3"]]) == "-3,0.5,'-3\n"


# JSON


@many
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | texts,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    )
)
def test_json_comes_back_and_any_reader_takes_it(data):
    written = inert.json_of(data).encode("utf-8")
    found = json.loads(written, parse_constant=lambda word: pytest.fail(word))
    assert json.loads(b"\xef\xbb\xbf" + written) == found
    assert found == json.loads(json.dumps(data), parse_constant=lambda word: None)


# HTML and XML: as they leave in a page for the student and in JUnit's report


def result(student, message):
    exercise = catalogue.lessons()[LESSON].exercises[0]
    return Result(student, LESSON, "", [Verdict(exercise.id, "failed", 0, exercise.points, message, {})], repairs=[message], problem="")


class Page(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, tuple(attributes)))

    def handle_data(self, data):
        self.texts.append(data)


PLAIN = Page(feedback_page(result("x", "x"))).tags


@many
@given(texts, texts)
@example("<img src=x onerror=alert(1)>", "`<script>`alert(1)</script>")
def test_a_page_holds_the_text_and_no_other_tags(student, message):
    message = f"so: {message}"
    page = Page(feedback_page(result(student, message)))
    assert [tag for tag in page.tags if tag != ("code", ())] == PLAIN
    whole = "".join(page.texts)
    assert seen(student) in whole and seen(message) in whole and seen(message).replace("`", "") in whole.replace("`", "")


@many
@given(texts, texts)
def test_xml_is_read_by_its_own_parser_as_the_same_text(tmp_path_factory, student, message):
    target = tmp_path_factory.getbasetemp() / "report.xml"
    export("junit", [result(student, message)], target, Options())
    (suite,) = xml.parse(target).getroot()
    assert suite.get("name") == f"{seen(student)} {LESSON}"
    assert (suite.find("testcase/failure").text or "") == seen(message)


# Markdown, through the converter that formgrader's pages use


ATTACKS = [
    "[x](javascript:alert(1))",
    "[x] (javascript:alert(1))",
    "[x][y]\n\n[y]: javascript:alert(1)",
    "<javascript:alert(1)>",
    "<b onclick=alert(1)>",
    "http://example.org/x",
    "www.example.org",
    "![x](data:text/html,<script>alert(1)</script>)",
    "$$\\href{javascript:alert(1)}{x}$$",
    "$\\href{http://example.org}{x}$",
    "$$\\require{HTML}\\style{position:fixed}{x}$$",
    "$\\class{x}{y}$",
    '$$\\mmlToken{mi}[href="javascript:alert(1)"]{x}$$',
    "$$\\def\\x{\\hr}\\x ef{javascript:alert(1)}{x}$$",
    "$$\\let\\a=\\href\\a{javascript:alert(1)}{x}$$",
    "\\$\\$\\\\href{javascript:alert(1)}{x}\\$\\$",
    "&#36;&#36;&#92;href{javascript:alert(1)}{x}&#36;&#36;",
    "&lt;a href=x&gt;",
    "\\\\(\\\\href{javascript:alert(1)}{x}\\\\)",
    "\\(\\url{javascript:alert(1)}\\)",
    "\\begin{equation}\\href{javascript:alert(1)}{x}\\end{equation}",
    "```\n<script>alert(1)</script>\n```",
    "`<script>`",
    "[^1]\n\n[^1]: [x](javascript:alert(1))",
    "> [x\n> ](javascript:alert(1))",
    "[x](\njavascript:alert(1))",
    "[javascript:alert(1)]",
    "| [a](javascript:b) |\n|---|\n| <b> |",
    "{.x onclick=alert(1)}",
]
COMMAND = re.compile(r"\\(href|url|class|cssId|style|data|mmlToken|require|unicode|csname|def|let|newcommand|renewcommand)(?![a-zA-Z])")


def shown(source):
    from nbconvert.filters import markdown2html

    return Page(str(markdown2html(source)))


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("way", [inert.markdown, as_text], ids=["answer", "comment"])
def test_markdown_has_no_link_no_html_and_no_command(attack, way):
    page = shown(f"before {way(attack)} after")
    assert_inert(page)


@settings(max_examples=200)
@given(st.lists(st.sampled_from(ATTACKS) | PIECES, max_size=5).map("".join))
def test_mixtures_of_them_are_inert_as_well(attack):
    for way in (inert.markdown, as_text):
        assert_inert(shown(way(attack)))


def assert_inert(page):
    for tag, attributes in page.tags:
        assert tag not in ("script", "img", "iframe", "object", "svg", "style", "link", "form"), tag
        names = dict(attributes)
        assert not any(name.startswith("on") or name in ("src", "style") for name in names), (tag, attributes)
        assert names.get("href", "#").startswith("#"), (tag, attributes)
    assert not COMMAND.search("".join(page.texts)), page.texts


def test_markdown_leaves_ordinary_answers_readable():
    for answer in (
        "$s = \\frac{a - b}{255}$ and **bold**",
        "- a list: `x[i](0)` is code",
        "a > b & c, 5:3, [0, 1]",
        "$$\\sum_i \\left| w_i \\right|$$",
    ):
        assert inert.markdown(answer).replace("\u200b", "") == answer
    assert inert.markdown("$s = \\frac{a}{b}$ & [0, 1] > 0") == "$s = \\frac{a}{b}$ & [0, 1] > 0"
    assert "".join(shown(inert.markdown("half &amp; half, a < b")).texts).replace(
        "\u200b", ""
    ).strip() == "half & amp; half, a < b".replace("& amp;", "&amp;")


# Paths


NAMES = [
    "",
    ".",
    "..",
    "a/b",
    "a\\b",
    "CON",
    "con.txt",
    "nul",
    "LPT1.x",
    "a.",
    "a ",
    " a",
    ".hidden",
    "a\x00b",
    "%2F",
    "50%",
    "%",
    "%~",
    "x" * 400,
    "ü" * 150,
    "C:",
    "a:b",
    "\ud800",
]


@many
@given(texts | st.sampled_from(NAMES))
def test_a_name_is_one_part_of_a_path_on_every_system(name):
    part = inert.path_name(name)
    for kind in (PurePosixPath, PureWindowsPath):
        path = kind("folder") / part / "file.json"
        assert path.parts == ("folder", part, "file.json") and path.parent.name == part
    assert not PureWindowsPath(part).is_reserved() and part not in (".", "..") and not part.startswith(".")
    assert not part.endswith((".", " ")) and not set(part) & set('\\/:*?"<>|\x00\n') and len(part.encode("utf-8")) <= inert.LONGEST_NAME


@many
@given(texts | st.sampled_from(NAMES), texts | st.sampled_from(NAMES))
def test_two_names_are_two_parts(one, other):
    assert (inert.path_name(one) == inert.path_name(other)) == (one == other)


def test_ordinary_names_are_their_own_parts_and_files_can_be_written(tmp_path):
    for name in ("ada", "zoë o'hara 50%", "José", "4711", "lovelaceada_12345", "你好", "a.b"):
        assert inert.path_name(name) == name
    for name in NAMES:
        (tmp_path / inert.path_name(name)).write_text(name, encoding="utf-8", errors="replace")
    assert len(list(Path(tmp_path).iterdir())) == len(NAMES)


def test_two_forms_of_one_name_have_one_key():
    assert inert.key("Jose\u0301 ") == inert.key("JOSÉ") and inert.name("Jose\u0301") == "José"
    assert inert.key("Straße") == inert.key("STRASSE") and inert.key("Ada") != inert.key("Ade")
    assert html.unescape("&eacute;") in inert.name("e\u0301")
