"""The builder proves its sources, names file and line, and gives the same bytes twice."""

import json
import re
import shutil

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.authoring import rules
from autograder.authoring.blanked import taken_out
from autograder.authoring.build import BuildError, build, build_all
from autograder.authoring.source import read

SOURCE = '''# ---
# course:
#   lesson: 90_tiny
#   title: Tiny
#   writes: a sum
#   minutes: 10
#   points: 20
#   except: [number_of_cells, number_of_exercises, kinds_of_exercises, closing_sections, first_blank]
# ---

# %% [markdown]
# # 90 Tiny
#
# | | |
# |---|---|
# | Time | 10 minutes |
# | Points | 20 |

# %% setup=true
from autograder.student import ___, check, hint, progress

# %% demo=true
from course_lessons.lesson_90_tiny import figures

figures.line([1, 2])

# %% [markdown]
# *What to see: a line.*
#
# ## 90.1-add  Add
#
# *2 minutes · 8 points · difficulty 1 of 3*

# %% exercise="90.1-add" kind="code" points=8 minutes=2 difficulty=1
# Exercise 90.1-add
def add(a, b):
    """The sum of a and b."""
    return a + b  # blank: return ___

# %% [markdown] hints="90.1-add"
# 1. Look.
# 2. Look again.
# 3. A third time.

# %% check="90.1-add"
check("90.1-add")

# %% [markdown]
# ## 90.2-bug  Repair
#
# *2 minutes · 4 points · difficulty 1 of 3*

# %% exercise="90.2-bug" kind="bug" points=4 minutes=2 difficulty=1
# Exercise 90.2-bug
def double(a):
    return 2 * a  # bug: return 3 * a

# %% [markdown] hints="90.2-bug"
# 1. Look.
# 2. Look again.
# 3. A third time.

# %% check="90.2-bug"
check("90.2-bug")

# %% [markdown]
# ## 90.3-guess  Guess
#
# *1 minutes · 3 points · difficulty 1 of 3*
#
# - (a) one
# - (b) two

# %% exercise="90.3-guess" kind="choice" points=3 minutes=1 difficulty=1
# Exercise 90.3-guess
guess = "a"  # blank: guess = ___

# %% [markdown] choices="90.3-guess"
# - a: Yes.
# - b: No.

# %% [markdown] hints="90.3-guess"
# 1. Guess.
# 2. Guess again.
# 3. A third time.

# %% check="90.3-guess"
check("90.3-guess")

# %% [markdown]
# ## 90.4-written  Write
#
# *3 minutes · 5 points · difficulty 1 of 3*

# %% [markdown] exercise="90.4-written" kind="written" points=5 minutes=3 difficulty=1
# **Your answer.**
#
# <!-- answer -->
# Because.

# %% [markdown] hints="90.4-written"
# 1. Think.
# 2. Think again.
# 3. A third time.

# %% [markdown] rubric="90.4-written"
# 5 points for a reason.

# %% [markdown]
# ## Questions people ask
#
# **One?** Yes.
#
# **Two?** Yes.
#
# **Three?** Yes.
#
# ## Further reading
#
# - Jacob et al. (2018), *Quantization*, [arXiv:1712.05877](https://arxiv.org/abs/1712.05877).
'''
VISIBLE = """
from autograder.checks import exercise

@exercise("90.1-add")
def test_one_and_two(student, rng): ...

@exercise("90.2-bug")
def test_double_of_two(student, rng): ...

@exercise("90.3-guess")
def test_guess(student, rng): ...
"""
HIDDEN = """
from autograder.checks import exercise

@exercise("90.1-add", points=8)
def test_random_sums(student, rng): ...

@exercise("90.2-bug", points=4)
def test_random_doubles(student, rng): ...

@exercise("90.3-guess", points=3)
def test_right_guess(student, rng): ...
"""
BANK = """
from autograder.checks import right, wrong, wrong_value

@wrong("90.1-add", "subtracts")
def add(a, b): ...

@wrong("90.1-add", "multiplies")
def add(a, b): ...

@wrong("90.1-add", "forgets the second one")
def add(a, b): ...

@right("90.1-add", "the other way round")
def add(a, b): ...

@wrong("90.2-bug", "takes it three times")
def double(a): ...

@wrong("90.2-bug", "takes it once")
def double(a): ...

@wrong("90.2-bug", "squares it")
def double(a): ...

@right("90.2-bug", "a sum")
def double(a): ...

wrong_value("90.3-guess", "two", guess="b")
"""
FIGURES = '''
from autograder.course.figure_style import figure

@figure
def line(points):
    """A line."""
'''
FILES = {"lesson.py": SOURCE, "visible.py": VISIBLE, "hidden.py": HIDDEN, "bank.py": BANK, "figures.py": FIGURES, "__init__.py": ""}


@pytest.fixture
def course(tmp_path):
    """A function that writes the tiny lesson with replacements and builds it. A change is (old, new) in lesson.py, or (file, old, new); new is None
    for a file that is missing."""
    folder = tmp_path / "lesson_90_tiny"
    folder.mkdir()

    def make(*changes):
        texts = dict(FILES)
        for *file, old, new in changes:
            name = file[0] if file else "lesson.py"
            assert old in texts[name], (name, old)
            texts[name] = texts[name].replace(old, new) if new is not None else None
        for name, text in texts.items():
            if text is not None:
                (folder / name).write_text(text)
        return build(folder / "lesson.py")

    return make


def cells(text):
    return nbformat.reads(text, as_version=4).cells


def test_the_student_gets_blanks_and_the_instructor_answers(course):
    built = course()
    student = "\n".join(c.source for c in cells(built.notebook))
    teacher = "\n".join(c.source for c in cells(built.instructor))
    assert "return ___" in student and "return 3 * a" in student
    assert not [secret for secret in ("return a + b", "return 2 * a", "Look again", "Because", "for a reason") if secret in student]
    assert "return a + b" in teacher and "return 2 * a" in teacher and "Because" in teacher and "for a reason" in teacher
    assert "# blank:" not in student + teacher and "# bug:" not in student + teacher
    assert [e.id for e in built.lesson.exercises] == ["90.1-add", "90.2-bug", "90.3-guess", "90.4-written"]
    assert built.lesson.exercise("90.1-add").hints == ("Look.", "Look again.", "A third time.")
    assert built.lesson.exercise("90.1-add").names == ("add",)


def test_building_twice_gives_the_same_bytes_and_ids_survive_an_insertion(course):
    first, second = course(), course()
    assert (first.notebook, first.instructor) == (second.notebook, second.instructor)
    longer = course(("# %% [markdown]\n# ## 90.2-bug", "# %% [markdown]\n# New text.\n\n# %% [markdown]\n# ## 90.2-bug"))
    assert {c.id for c in cells(first.notebook)} < {c.id for c in cells(longer.notebook)}


def test_no_outputs_and_valid_notebooks(course):
    for text in (course().notebook, course().instructor):
        notebook = json.loads(text)
        nbformat.validate(notebook)
        assert all(c.get("outputs", []) == [] and c.get("execution_count") is None for c in notebook["cells"])


def excepted(name):
    """The tiny lesson keeps this rule of shape, too."""
    return (f"{name}, ", "") if f"{name}, " in SOURCE else (f", {name}]", "]")


ADD = "return a + b  # blank: return ___"
ARTEFACT = ("return 2 * a  # bug: return 3 * a", "return 2 * a")
# Every rule -> one or more ways to break it: the changes, and what must be said.
BROKEN = {
    "folder_is_named": [],  # below: it needs another folder
    "header_is_complete": [
        ([("#   title: Tiny\n", "")], r"lesson.py:1: the header lacks `title:`"),
        ([("minutes: 10", "minutes: soon")], r":1: the header's `minutes:` is 'soon'"),
    ],
    "header_names_the_folder": [([("lesson: 90_tiny", "lesson: 91_tiny")], ":1: the header says lesson '91_tiny', the folder is named")],
    "header_has_no_other_keys": [
        ([("#   writes", "#   author: me\n#   writes")], ":1: the header has `author:`"),
        ([("except: [number_of_cells", "except: [points_add_up, number_of_cells")], "names 'points_add_up'"),
    ],
    "points_add_up": [([("points: 20", "points: 100")], ":1: the exercises have 20 points together; the header says 100")],
    "minutes_suffice": [([("minutes: 10", "minutes: 7")], ":1: the exercises take 8 minutes together; the header says 7")],
    "title_comes_first": [([("# # 90 Tiny", "# # Tiny")], ":11: the first cell must be a text that starts with `# 90 Title`")],
    "time_and_points_are_said": [
        ([("# | Time | 10", "# | Time | 12")], ":16: the row Time says 12; the header says 10"),
        ([("# | Points | 20 |\n", "")], "has a row `| Points | 20 ... |`"),
    ],
    "one_cell_sets_up": [
        ([(" setup=true", "")], ":1: no cell is marked setup"),
        ([("%% demo=true", "%% setup=true")], ":22: a second cell is marked setup"),
    ],
    "cells_know_their_settings": [
        ([("%% demo=true", "%% demo=true demonstration=true")], ":22: nothing reads the setting `demonstration`")
    ],
    "blanks_are_in_exercises": [([("figures.line([1, 2])", "x = ___\nfigures.line([1, 2])")], ":22: a blank outside an exercise")],
    "no_answer_gets_out": [
        ([("# *What to see: a line.*", "# *What to see: a line.* <!-- answer -->")], ":27: `<!-- answer -->` would stand")
    ],
    "figures_are_explained": [
        ([("*What to see: a line", "*Look: a line")], ":22: the cell after figures.line must begin"),
        ([("figures.line([1, 2])", "figures.line([1, 2])\nx = 1")], ":22: figures.line must be the last"),
    ],
    "links_lead_somewhere": [
        ([("a line.*", "a line.* [next](91_none.ipynb)")], ":28: the link to 91_none.ipynb leads nowhere"),
        ([("a line.*", "a line.* ![](https://a.b/c.png)")], ":28: the picture https://a.b/c.png has no text"),
    ],
    "arxiv_links_are_what_they_say": [([("[arXiv:1712.05877]", "[arXiv:1712.05878]")], r":\d+: \[arXiv:1712.05878\] leads to")],
    "number_of_cells": [
        (
            [excepted("number_of_cells"), ('# %% check="90.2-bug"\ncheck("90.2-bug")\n', "")],
            "the notebook has 14 cells; a lesson has 15 to 45",
        )
    ],
    "length_of_code": [([("    return 2 * a  #", "    b = a\n" * 38 + "    return 2 * a  #")], "this code cell has 41 lines; 40 at most")],
    "first_blank": [
        (
            [excepted("first_blank"), ("# %% demo=true\n", "# %%\nimport os\n\n# %%\nimport re\n\n# %%\nimport sys\n\n# %% demo=true\n")],
            "no blank in the first 6",
        )
    ],
    "number_of_exercises": [([excepted("number_of_exercises")], "there are 4 exercises; a lesson has 5 to 9")],
    "kinds_of_exercises": [
        (
            [excepted("kinds_of_exercises"), ('kind="bug"', 'kind="code"'), ("# bug: return 3 * a", "# blank: return ___")],
            "0 exercises are of the kind bug",
        ),
    ],
    "closing_sections": [
        ([excepted("closing_sections")], ":1: the section `## Mini-challenge` is missing"),
        (
            [excepted("closing_sections"), ("# ## Questions people ask", "# ## Further reading\n#\n# ## Questions people ask")],
            r":\d+: the section Further reading comes too early",
        ),
    ],
    "questions_people_ask": [
        ([("# **Two?** Yes.\n#\n", "")], r":\d+: 2 questions that start with"),
    ],
    "further_reading": [([("[arXiv:1712.05877](https://arxiv.org/abs/1712.05877)", "a book")], r":\d+: Further reading names no paper")],
    "settings_are_complete": [
        ([("points=8 minutes=2", "minutes=2")], "exercise 90.1-add lacks points"),
        ([('kind="code"', 'kind="coed"')], "kind 'coed' is not one of"),
        ([("points=8 minutes=2", "points=8 minutes=0")], "90.1-add needs minutes above 0"),
        ([("minutes=2 difficulty=1\n# Exercise 90.1", "minutes=2 difficulty=4\n# Exercise 90.1")], "90.1-add: the difficulty is"),
    ],
    "ids_are_well_formed": [
        ([("90.1-add", "90.1_add")], r":34: exercise id '90.1_add' is not of the form"),
        ([("90.1-add", "91.1-add")], ":34: exercise id '91.1-add' must begin with 90"),
    ],
    "ids_are_one_each": [
        (
            [
                ('exercise="90.2-bug" kind', 'exercise="90.1-add" kind'),
                ("# ## 90.2-bug", "# ## 90.1-add"),
                ("# Exercise 90.2-bug", "# Exercise 90.1-add"),
            ],
            "appears twice",
        )
    ],
    "heading_names_the_exercise": [
        ([("# ## 90.2-bug  Repair", "# ## Repair")], "the heading above exercise 90.2-bug must start with its id")
    ],
    "text_says_what_it_costs": [
        (
            [("*2 minutes · 8 points", "*2 minutes · 9 points")],
            r":30: two lines below the heading of 90.1-add must stand \*2 minutes · 8 points",
        )
    ],
    "hints_are_three": [
        ([('# 3. A third time.\n\n# %% check="90.1-add"', '\n# %% check="90.1-add"')], "three hints, found 2"),
        ([('hints="90.1-add"', 'hints="90.7-other"')], "90.1-add has no hints"),
    ],
    "hints_hold_no_answer": [
        (
            [
                (
                    '# 2. Look again.\n# 3. A third time.\n\n# %% check="90.1-add"',
                    '# 2. Write `total(a, b)`.\n# 3. x\n\n# %% check="90.1-add"',
                ),
                ("return a + b  #", "return total(a, b)  #"),
            ],
            "hint 2 of 90.1-add holds the answer",
        )
    ],
    "choices_are_explained": [
        ([("# - b: No.\n", "")], "write one line `- a: explanation` for every choice"),
        ([('choices="90.3-guess"', 'choices="90.1-add"')], "90.3-guess: explanations of choices belong to"),
    ],
    "choices_are_those_of_the_text": [
        ([("# - b: No.\n", "# - b: No.\n# - c: No.\n")], "90.3-guess explains a, b, c; its text offers a, b")
    ],
    "rubric_and_model_answer": [
        ([('rubric="90.4-written"', 'rubric="90.1-add"')], "the written exercise 90.4-written has no rubric"),
        ([("# Because.\n", "")], "has no line <!-- answer --> with a model answer"),
        ([("# **Your answer.**", "# **Your answer.**\n# Why?")], "the task of 90.4-written belongs into the text above"),
    ],
    "cells_about_exercises_that_are_there": [
        ([('rubric="90.4-written"', 'rubric="90.9-none"')], "rubric for 90.9-none, but there is no such exercise"),
        ([('hints="90.2-bug"', 'hints="90.1-add"')], "a second cell with hints for 90.1-add"),
    ],
    "files_are_named": [
        ([('kind="code" points=8', 'kind="code" files=["a.onnx"] points=8')], 'belongs to kind "artefact", and only there'),
        ([('kind="bug" points=4', 'kind="artefact" points=4'), ARTEFACT], '90.2-bug: files=.* belongs to kind "artefact"'),
        (
            [('kind="bug" points=4', 'kind="artefact" files=["../a.onnx"] points=4'), ARTEFACT],
            '90.2-bug: files=.* belongs to kind "artefact"',
        ),
    ],
    "first_line_names_the_exercise": [([("# Exercise 90.1-add\n", "")], "first line must be `# Exercise 90.1-add`")],
    "checks_are_there": [
        ([("visible.py", '"90.1-add"', '"90.2-bug"')], "90.1-add has no visible check"),
        ([("hidden.py", '"90.1-add", points=8', '"90.2-bug", points=8')], "90.1-add has no hidden check"),
        ([("hidden.py", ", points=8", ", points=7")], "90.1-add has 8 points; its hidden checks have 7"),
        ([("hidden.py", ", points=8", "")], "hidden.py:5: test_random_sums is hidden and needs points above 0"),
    ],
    "answer_is_python": [
        ([(ADD, "return (a + b  # blank: return ___")], ":38: the answer does not parse"),
        ([(ADD, "return ___ + b  # blank: return ___")], "the answer of 90.1-add still has ___ in it"),
    ],
    "marks_are_of_the_kind": [
        ([("# blank: return ___", "# bug: return ___")], r"90.1-add \(kind code\) needs lines with `# blank:`"),
        ([('kind="bug" points=4', 'kind="artefact" files=["a.onnx"] points=4'), (ARTEFACT[0], "return ___")], "its cell has no blank"),
    ],
    "forms_have_blanks": [([("# blank: return ___", "# blank: return a + b")], ":38: the form after")],
    "released_form_is_the_answer_blanked": [
        ([("# blank: return ___", "# blank: return ___ - 1")], r":38: exercise 90\.1-add: `___ - 1` is not `a \+ b`"),
        ([("# blank: return ___", "# blank: x = ___")], ":38: exercise 90.1-add"),
        ([("# blank: return ___", "# blank: return (___")], ":38: the released form does not parse"),
        ([("# bug: return 3 * a", "# bug: return 2*a")], "the released form of 90.2-bug has no bug"),
    ],
    "check_cell_follows": [
        ([('# %% check="90.2-bug"\ncheck("90.2-bug")\n', "")], "90.2-bug has no check cell"),
        ([('check("90.2-bug")', 'check("90.2-bug", 1)')], "a check cell holds exactly"),
        (
            [
                ('# %% check="90.2-bug"\ncheck("90.2-bug")\n', ""),
                ("# %% demo=true", '# %% check="90.2-bug"\ncheck("90.2-bug")\n\n# %% demo=true'),
            ],
            ":22: this check comes before its exercise",
        ),
    ],
    "visible_checks_are_of_this_lesson": [
        ([("visible.py", '("90.3-guess")', '("90.9-none")')], "visible.py:10: there are checks for 90.9-none")
    ],
    "hidden_checks_are_of_this_lesson": [
        ([("hidden.py", '("90.3-guess"', '("90.4-written"')], "hidden.py:10: 90.4-written is read by a person")
    ],
    "bank_is_python": [
        ([("bank.py", "subtracts", "\n")], r"bank.py:4: this is not Python"),
        ([("bank.py", "subtracts", None)], "bank.py:1: the file is missing"),
    ],
    "bank_answers_exercises_of_this_lesson": [
        ([("bank.py", '"90.1-add", "multiplies"', '"90.9-none", "multiplies"')], "bank.py:7: there is no exercise 90.9-none"),
        ([("bank.py", '"90.1-add", "multiplies"', '"90.4-written", "multiplies"')], "bank.py:7: no check can tell answers to 90.4-written"),
        ([("bank.py", '"90.1-add", "multiplies"', '"90.1-add", ""')], "bank.py:7: wrong needs two plain texts"),
    ],
    "bank_answers_bear_the_exercise_s_names": [
        ([("bank.py", 'multiplies")\ndef add', 'multiplies")\ndef plus')], "bank.py:7: 90.1-add defines add; this answer defines plus"),
        ([("bank.py", 'guess="b"', 'letter="b"')], r"bank.py:\d+: 90.3-guess defines guess; this answer defines letter"),
    ],
    "bank_is_large_enough": [
        ([("bank.py", '@wrong("90.1-add", "multiplies")\n', "")], "bank.py:1: 90.1-add has 2 wrong answers; 3 at least"),
        (
            [("bank.py", '@right("90.1-add", "the other way round")\n', "")],
            "bank.py:1: 90.1-add has no right answer that is written differently",
        ),
        ([("bank.py", 'wrong_value("90.3-guess", "two", guess="b")', "")], "90.3-guess has 0 wrong answers; 1 at least"),
    ],
    "figures_are_there": [
        ([("figures.py", "line", None)], "figures.py:1: the file is missing"),
        ([("figures.line([1, 2])", "figures.curve([1, 2])")], "figures.py:1: the lesson draws figures.curve, which is not here"),
        ([("figures.py", "@figure\n", "")], "figures.py:4: line has no @figure above it"),
        ([("figures.py", '    """A line."""', "    ...")], "figures.py:5: line has no docstring"),
    ],
    "folder_is_a_package": [([("__init__.py", "", None)], "__init__.py:1: the file is missing")],
}
CASES = [pytest.param(*case, id=f"{rule} {number}") for rule, cases in BROKEN.items() for number, case in enumerate(cases, 1)]


@pytest.mark.parametrize("changes, message", CASES)
def test_a_broken_rule_is_named_with_file_and_line(course, changes, message):
    with pytest.raises(BuildError, match=message) as caught:
        course(*changes)
    assert all(re.match(r".*/lesson_90_tiny/\w+\.py:\d+: .", v) for v in caught.value.violations)


def test_every_rule_is_broken_above_and_is_a_sentence():
    assert {rule.__name__ for several in rules.RULES.values() for rule in several} == BROKEN.keys()
    assert all(sentence[0].isupper() and sentence.endswith(".") for _, sentence in rules.sentences())


def test_all_that_is_wrong_is_said_in_one_run(course):
    with pytest.raises(BuildError) as caught:
        course(
            ("lesson: 90_tiny", "lesson: 91_tiny"),
            ("# 3. A third time.\n", ""),
            (ADD, "return (a"),
            ("bank.py", "90.2-bug", "90.9-none"),
            ("hidden.py", "points=3", "points=2"),
        )
    said = "\n".join(caught.value.violations)
    for part in (
        "the folder is named",
        "90.1-add needs exactly three",
        "90.4-written needs exactly three",
        "does not parse",
        "no exercise 90.9-none",
        "hidden checks have 2",
    ):
        assert part in said, part


@pytest.mark.parametrize(
    "header, message",
    [
        ("# ---\n# course:\n", ":1: the header that starts with"),
        ("# ---\n# course: [\n# ---\n", r":\d: the header is not YAML"),
        ("# ---\n# course:\n# ---\ntext\n", ":4: text before the first"),
        ("# ---\n# 3\n# ---\n", ":1: the header lacks `lesson:`"),
        ("# ---\n# ---\n# %% tags=3\n", ":3: jupytext cannot read the cells: TypeError"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path, header, message):
    (tmp_path / "lesson_90_tiny").mkdir()
    path = tmp_path / "lesson_90_tiny" / "lesson.py"
    path.write_text(header + "\n# %% [markdown]\n# # 90 Tiny\n")
    with pytest.raises(BuildError, match=message):
        build(path)


def test_the_folder_is_named_by_number_and_topic(tmp_path):
    (tmp_path / "lesson_tiny").mkdir()
    (tmp_path / "lesson_tiny" / "lesson.py").write_text("# %%\n")
    with pytest.raises(BuildError, match=":1: the folder lesson_tiny is neither"):
        build(tmp_path / "lesson_tiny" / "lesson.py")


def test_what_two_lessons_may_not_have_in_common_is_named(course, tmp_path):
    course()
    shutil.copytree(tmp_path / "lesson_90_tiny", tmp_path / "lesson_90_other")
    hidden = tmp_path / "lesson_90_other" / "hidden.py"
    hidden.write_text(hidden.read_text().replace("test_random_sums", "test_one_and_two"))
    drafts = [read(tmp_path / folder / "lesson.py") for folder in ("lesson_90_tiny", "lesson_90_other")]
    said = "\n".join(rules.broken_between(drafts))
    assert re.search(r"lesson_90_other/lesson.py:\d+: exercise 90.1-add is also in 90_tiny", said)
    assert "lesson_90_other/lesson.py:1: 90_tiny has the number 90, too" in said
    assert "lesson_90_other/hidden.py:1: test_one_and_two is also the name of a visible check, in " in said
    assert rules.broken_between(drafts[:1]) == []
    hidden.write_text(hidden.read_text().replace("test_one_and_two", "test_one_and"))
    (said,) = rules.broken_between([read(tmp_path / "lesson_90_other" / "lesson.py")])
    assert said.endswith("test_one_and is part of test_one_and_two, the name of a visible check, in 90_other")


def test_a_line_that_is_an_answer_in_another_lesson_is_named(course, tmp_path):
    course()
    shutil.copytree(tmp_path / "lesson_90_tiny", tmp_path / "lesson_91_other")
    answer, shows = tmp_path / "lesson_90_tiny" / "lesson.py", tmp_path / "lesson_91_other" / "lesson.py"
    answer.write_text(answer.read_text().replace("return a + b  #", "return float(np.add(a, b))  #"))
    given = "# %%\ndef added(a, b):\n    return float(np.add(a, b))\n"
    shows.write_text(shows.read_text().replace("90.", "91.") + f"\n{given}")
    (said,) = rules.broken_between([read(answer), read(shows)])
    line = shows.read_text().splitlines().index("    return float(np.add(a, b))") + 1
    assert said.endswith(
        f"lesson_91_other/lesson.py:{line}: this line is an answer of exercise 90.1-add; write it in another way, or borrow it"
    )
    answer.write_text(answer.read_text() + f"\n{given}")  # what its own lesson shows is no secret
    assert rules.broken_between([read(answer), read(shows)]) == []


EXPRESSIONS = st.recursive(
    st.sampled_from(["a", "b", "1", "2.5", "x[0]", "f(a)"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        inner.map(lambda e: f"g({e}, axis=1)"),
        inner.map(lambda e: f"-{e}"),
    ),
    max_leaves=6,
)


@given(EXPRESSIONS, EXPRESSIONS)
def test_taking_out_one_expression_is_always_accepted_and_returned(outer, inner):
    import ast

    answer, blanked = f"y = h({outer}, {inner})", f"y = h({outer}, ___)"
    (removed,) = taken_out(answer, blanked)
    assert ast.dump(removed) == ast.dump(ast.parse(inner, mode="eval").body)


@given(EXPRESSIONS, EXPRESSIONS)
def test_a_form_with_another_expression_is_refused(first, second):
    import ast

    if ast.dump(ast.parse(first)) == ast.dump(ast.parse(second)):
        return
    with pytest.raises(ValueError):
        taken_out(f"y = h({first}, 1)", f"y = h({second}, ___)")


def test_the_committed_lessons_are_what_their_sources_give():
    assert build_all(check=True) == []
