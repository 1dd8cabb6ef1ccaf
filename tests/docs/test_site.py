"""The course's site: what each part makes, and one lesson built as far as its pages. No notebook runs here."""

import html
import json
import re
import subprocess
import sys

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest

from autograder.authoring.build import build
from autograder.authoring.source import read
from autograder.course import paths
from course_data.errors import UserError
from docs.site import capture, command, figures, fork, given_away, glossary, pages, runs, staged

LESSON = "00_start_here"
MISSING = [name for name in command.NEEDED if not command.found(name)]
needs_extra = pytest.mark.skipif(bool(MISSING), reason=f"THE SITE IS NOT TESTED: {', '.join(MISSING)} missing. {command.INSTALL}")
RESOURCE = re.compile(r"<(?:script|img|iframe|source|link)\b[^>]*?\b(?:src|href)=\"((?:https?:)?//[^\"]*)\"", re.IGNORECASE)


def drawn():
    figure, axes = plt.subplots()
    axes.plot([1, 2, 3], [0.5, 0.25, 0.125], "--", color="#0072B2", label="loss")
    axes.bar([1, 2, 3], [3, 1, 2], label="count")
    axes.axhline(0.2, label="limit")
    axes.set(title="Halved each time", xlabel="step", ylabel="value")
    plt.close(figure)
    return figure


@pytest.fixture(scope="module")
def figure():
    made = drawn()
    return {"svg": capture.drawn(made), **capture.described(made)}


@pytest.fixture(scope="module")
def built():
    return build(paths.source_of(LESSON))


@pytest.fixture(scope="module")
def stub(built, figure):
    """A run in which every cell showed a figure and printed, its answer and its check among them."""
    told = [
        {"output_type": "stream", "name": "stdout", "text": "printed by the demonstration\n"},
        {"output_type": "stream", "name": "stderr", "text": "a warning of a library\n"},
        {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": {capture.MIME: figure, "text/plain": "<Figure>"}},
    ]
    secret = [{"output_type": "stream", "name": "stdout", "text": "told by the answer\n"}]
    roles = {cell.id: cell.role for cell in built.lesson.cells}
    return runs.Run({cell: told if role == "demo" else secret for cell, role in roles.items()}, ["numpy", "scikit-learn"], 1.0)


@pytest.fixture(scope="module")
def site(built, stub, tmp_path_factory):
    home = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(runs, "outputs_of", lambda *_: stub)
        return command.site(home, {LESSON: built}, "someone/course", None)


def test_a_figure_is_told_in_words_and_numbers(figure):
    words = figures.alt(figure)
    assert words.startswith("Halved each time. Across: step. Up: value. ")
    assert "count: 3 at 1, 1 at 2, 2 at 3." in words and "loss: 0.5 at 1, 0.25 at 2, 0.125 at 3." in words and "limit at 0.2." in words
    shown = figures.shown(figure, "f1")
    assert '<th scope="row">3</th><td>0.125</td>' in shown and f'aria-label="{html.escape(words)}"' in shown


def test_a_figure_follows_the_page_and_shares_no_id_with_another(figure):
    one, other = figures.shown(figure, "f1"), figures.shown(figure, "f2")
    assert "var(--figure-ink)" in one and "var(--figure-blue)" in one and "#0072b2" not in one.lower()
    ids = [set(re.findall(r'\bid="([^"]+)"', each)) for each in (one, other)]
    assert ids[0] and not ids[0] & ids[1]
    assert set(re.findall(r'(?:href="|url\()#([\w-]+)', one)) <= ids[0]


def test_a_figure_with_names_on_its_axis_panels_and_an_image():
    figure, (left, right) = plt.subplots(1, 2)
    left.errorbar([0, 1], [2.0, 3.0], yerr=[0.1, 0.2], fmt="o", label="mean")
    left.set(xticks=[0, 1], xlim=(-0.5, 1.5), title="By name")
    left.set_xticklabels(["alone", "taught"])
    right.imshow(np.arange(6).reshape(2, 3))
    plt.close(figure)
    found = capture.described(figure)
    assert "Panel 1: By name. mean: 2 at alone, 3 at taught." in figures.alt(found)
    assert "2 rows and 3 columns, values from 0 to 5" in figures.alt(found)
    shown = figures.shown({**found, "svg": capture.drawn(figure)}, "f1")
    assert '<th scope="row">taught</th><td>3</td><td>0.2</td>' in shown and '<th scope="row">1</th><td>3</td><td>4</td><td>5</td>' in shown


def test_a_page_shows_what_demonstrations_show_and_nothing_of_answers(built, stub):
    page = nbformat.reads(pages.page(built, stub, fork.Fork()), as_version=4)
    outputs = {cell.metadata.course.role: json.dumps(cell.outputs) for cell in page.cells if cell.cell_type == "code"}
    assert "printed by the demonstration" in outputs["demo"] or "[]" == outputs["demo"]
    text = json.dumps(page)
    assert "printed by the demonstration" in text and "course-figure" in text
    assert "told by the answer" not in text and "a warning of a library" not in text
    assert "___" in text and "colab" not in text


def test_what_came_of_a_prediction_is_closed():
    text = "*What to see: a line.*\n\n*Your prediction: it\nis 6.*\n\nMore, *Your prediction* in passing."
    folded = pages.folded(text)
    assert folded.count("<details") == 1 and "\n\n*Your prediction: it\nis 6.*\n\n</details>" in folded
    assert folded.startswith("*What to see") and folded.endswith("in passing.")


def test_links_hold_on_the_site_or_lead_to_the_repository():
    text = "[a](../labs/README.md#b) ![p](x.png) [c](../solutions/x.py) [d](https://e.f) [g](#h)"
    known = {"labs/README.md", "docs/x.md"}
    assert staged.relinked(text, "docs/x.md", known, fork.Fork()) == text.replace("[c](../solutions/x.py)", "c")
    linked = staged.relinked(text, "docs/x.md", known, fork.Fork("o/n"))
    assert "[c](https://github.com/o/n/blob/main/solutions/x.py)" in linked


def test_the_first_cell_installs_on_colab_only_and_runs_twice(tmp_path):
    source = fork.Fork("o/n").install(["numpy", "scikit-learn", "pillow"])
    assert '"sklearn": "scikit-learn"' in source and '"PIL": "pillow"' in source and "git+https://github.com/o/n@main" in source
    (tmp_path / "google" / "colab").mkdir(parents=True)
    (tmp_path / "google" / "colab" / "__init__.py").touch()
    spy = "import subprocess, sys\nsubprocess.run = lambda command, check: print(*command[4:])\n"
    away = "import importlib.util as u\nold = u.find_spec\nu.find_spec = lambda name: None if name in ('sklearn', 'autograder') else old(name)\n"

    def ran(*parts, where):
        done = subprocess.run([sys.executable, "-c", "".join(parts)], cwd=where, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    assert ran(spy, away, source, source, where=tmp_path.parent) == []
    assert ran("import sys; sys.path.insert(0, '.')\n", spy, away, source, where=tmp_path) == [
        "--quiet --disable-pip-version-check scikit-learn",
        "--quiet --disable-pip-version-check --no-deps git+https://github.com/o/n@main",
    ]


@pytest.mark.parametrize("said", ["course", "https://github.com/o/n", "o/n/m", "-o/n"])
def test_a_repository_is_owner_and_name(said):
    with pytest.raises(UserError, match="owner/name"):
        fork.fork_of(said, None)


def test_the_words_of_the_glossary_are_each_there_once():
    forms = [form.lower() for term in glossary.read() for form in term.forms]
    assert len(forms) == len(set(forms)) > 60
    assert "```{glossary}" in glossary.page() and "|" not in glossary.page().partition("```{glossary}")[2]


def test_an_answer_on_a_page_is_found():
    """In whatever lines and marks it stands; and what a lesson itself says is no secret."""
    draft = read(paths.source_of("01_affine_quantization"))
    answer = next(iter(draft.secrets))
    choice = next(task.choices["c"] for task in draft.tasks if task.choices)
    page = "<p>{}</p>"
    assert given_away.in_pages({"a.html": f"<pre>x = 1\n<span>{html.escape(answer[:9])}</span>{html.escape(answer[9:])}</pre>"})
    assert given_away.in_pages({"a.html": page.format(html.escape(choice).replace(" ", "\n"))})
    released = "\n".join(text for _, text in draft.released)
    assert given_away.in_pages({"a.html": page.format(html.escape(released))}) == []


@needs_extra
def test_the_site_shows_the_lesson_and_tells_no_answer(site):
    page = (site / "lessons" / f"{LESSON}.html").read_text(encoding="utf-8")
    assert "printed by the demonstration" in page and 'class="course-figure"' in page and 'class="n blank"' in page
    assert "told by the answer" not in page
    assert "colab.research.google.com/github/someone/course/blob/gh-pages/notebooks/00_start_here.ipynb" in page
    assert (site / "notebooks" / f"{LESSON}.ipynb").exists()
    assert given_away.in_site(site) == []


@needs_extra
def test_the_site_stands_alone(site):
    """Nothing on a page is fetched from elsewhere: no script, style, font or picture."""
    for page in site.rglob("*.html"):
        assert RESOURCE.findall(page.read_text(encoding="utf-8")) == [], page
    for style in site.rglob("*.css"):
        assert not re.search(r"(?:url\(|@import )[\"']?(?:https?:)?//", style.read_text(encoding="utf-8")), style


@needs_extra
def test_tables_take_the_keyboard_and_the_search_button_is_called_what_it_shows(site):
    """What axe-core found on these pages once."""
    from docs.site.readable import marked

    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8") if "_static" not in page.parts else ""
        assert not re.search(r'<table class="[^"]*">(?!<caption>)', text), page
        assert not re.search(r"<th[^>]*>(<p></p>)?</th>", text), page
        assert text.count('aria-label="Search Ctrl+K"') == text.count('<button class="btn search-button-field'), page
    assert marked('<table class="table"><caption>a</caption>') == '<table class="table"><caption>a</caption>'


@needs_extra
def test_every_formula_of_the_course_becomes_mathml():
    from docs.site.mathml import mathml

    for lesson in paths.SOLUTIONS.glob("l*_*/lesson.py"):
        text = "\n".join(cell.source for cell in read(lesson).cells if cell.type == "markdown")
        for block, inline in re.findall(
            r"\$\$(.+?)\$\$|(?<![\\$])\$([^$\n]+?)\$(?!\d)", re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.S), re.S
        ):
            assert "<math" in mathml(block or inline), lesson


@needs_extra
def test_every_page_is_in_reach(site):
    """From the first page, by links alone."""
    left, seen = ["index.html"], set()
    while left:
        name = left.pop()
        if name in seen or not (site / name).is_file():
            continue
        seen.add(name)
        for link in re.findall(r'<a\b[^>]*?href="([^"#:?]+\.html)', (site / name).read_text(encoding="utf-8")):
            left.append((site / name).parent.joinpath(link).resolve().relative_to(site.resolve()).as_posix())
    pages_there = {path.relative_to(site).as_posix() for path in site.rglob("*.html") if "_static" not in path.parts}
    assert pages_there - seen <= {"search.html", "genindex.html", "py-modindex.html"}
