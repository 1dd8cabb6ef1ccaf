"""The builder proves its sources, names file and line, and gives the same bytes twice."""

import json

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.authoring.build import BuildError, build, build_all, taken_out

SOURCE = '''# ---
# course:
#   lesson: 90_tiny
#   title: Tiny
#   minutes: 5
#   points: 12
# ---

# %% [markdown]
# # 90 Tiny

# %% setup=true
from autograder.student import ___, check, hint, progress

# %% [markdown]
# ## 90.1-add  Add

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
'''
VISIBLE = '''
from autograder.checks import exercise

@exercise("90.1-add")
def test_one_and_two(student, rng): ...

@exercise("90.2-bug")
def test_double_of_two(student, rng): ...
'''
HIDDEN = '''
from autograder.checks import exercise

@exercise("90.1-add", points=8)
def test_random_sums(student, rng): ...

@exercise("90.2-bug", points=4)
def test_random_doubles(student, rng): ...
'''


@pytest.fixture
def course(tmp_path, monkeypatch):
    """An empty course folder; returns a function that writes the tiny lesson with replacements and builds it."""
    folder = tmp_path / "lesson_90_tiny"
    folder.mkdir()

    def make(*changes, visible=VISIBLE, hidden=HIDDEN):
        source = SOURCE
        for old, new in changes:
            assert old in source
            source = source.replace(old, new)
        (folder / "visible.py").write_text(visible)
        (folder / "hidden.py").write_text(hidden)
        path = folder / "lesson.py"
        path.write_text(source)
        return build(path)

    return make


def cells(text):
    return nbformat.reads(text, as_version=4).cells


def test_the_student_gets_blanks_and_the_instructor_answers(course):
    built = course()
    student = "\n".join(c.source for c in cells(built.notebook))
    teacher = "\n".join(c.source for c in cells(built.instructor))
    assert "return ___" in student and "return 3 * a" in student
    assert "return a + b" not in student and "return 2 * a" not in student and "Look again" not in student
    assert "return a + b" in teacher and "return 2 * a" in teacher
    assert "# blank:" not in student + teacher and "# bug:" not in student + teacher
    assert [e.id for e in built.lesson.exercises] == ["90.1-add", "90.2-bug"]
    assert built.lesson.exercise("90.1-add").hints == ("Look.", "Look again.", "A third time.")
    assert built.lesson.exercise("90.1-add").names == ("add",)


def test_building_twice_gives_the_same_bytes_and_ids_survive_an_insertion(course):
    first, second = course(), course()
    assert (first.notebook, first.instructor) == (second.notebook, second.instructor)
    longer = course(("# %% [markdown]\n# ## 90.1-add", "# %% [markdown]\n# New text.\n\n# %% [markdown]\n# ## 90.1-add"))
    assert {c.id for c in cells(first.notebook)} < {c.id for c in cells(longer.notebook)}


def test_no_outputs_and_valid_notebooks(course):
    for text in (course().notebook, course().instructor):
        notebook = json.loads(text)
        nbformat.validate(notebook)
        assert all(c.get("outputs", []) == [] and c.get("execution_count") is None for c in notebook["cells"])


BROKEN = {
    "not a sub-expression": ([("# blank: return ___", "# blank: return ___ - 1")], r":22: exercise 90\.1-add: `___ - 1` is not `a \+ b`"),
    "another statement": ([("# blank: return ___", "# blank: x = ___")], "90.1-add"),
    "no blank in the form": ([("# blank: return ___", "# blank: return a + b")], r":22: the form after"),
    "does not parse": ([("# blank: return ___", "# blank: return (___")], "does not parse"),
    "the bug is no bug": ([("# bug: return 3 * a", "# bug: return 2*a")], "has no bug"),
    "two hints": ([("# 3. A third time.\n\n# %% check=\"90.1-add\"", "\n# %% check=\"90.1-add\"")], "three hints, found 2"),
    "no hints": ([('hints="90.1-add"', 'hints="90.7-other"')], "90.1-add has no hints"),
    "the hint is the answer": ([("# 2. Look again.\n# 3. A third time.\n\n# %% check=\"90.1-add\"", "# 2. Write `total(a, b)`.\n# 3. x\n\n# %% check=\"90.1-add\""), ("return a + b  #", "return total(a, b)  #")], "holds the answer"),
    "same id twice": ([('exercise="90.2-bug" kind', 'exercise="90.1-add" kind'), ("# ## 90.2-bug", "# ## 90.1-add"), ("# Exercise 90.2-bug", "# Exercise 90.1-add")], "appears twice"),
    "points differ": ([("points=8 minutes", "points=7 minutes")], "has 7 points; its hidden checks have 8"),
    "sum differs": ([("points: 12", "points: 100")], "have 12 points together; the header says 100"),
    "wrong heading": ([("# ## 90.2-bug  Repair", "# ## Repair")], "must start with its id"),
    "no exercise line": ([("# Exercise 90.1-add\n", "")], "first line must be"),
    "blank elsewhere": ([("# %% [markdown]\n# ## 90.2-bug", "# %%\nx = ___\n\n# %% [markdown]\n# ## 90.2-bug")], "outside an exercise"),
    "no check cell": ([('# %% check="90.2-bug"\ncheck("90.2-bug")\n', "")], "90.2-bug has no check cell"),
    "files of a code exercise": ([('kind="code" points=8', 'kind="code" files=["a.onnx"] points=8')], "belongs to kind \"artefact\", and only there"),
    "an artefact without files": ([('kind="bug" points=4', 'kind="artefact" points=4'), ("  # bug: return 3 * a", "")], "belongs to kind \"artefact\""),
    "a file somewhere else": ([('kind="bug" points=4', 'kind="artefact" files=["../a.onnx"] points=4'), ("  # bug: return 3 * a", "")], "belongs to kind \"artefact\""),
    "a blank among files": ([('kind="bug" points=4', 'kind="artefact" files=["a.onnx"] points=4'), ("return 2 * a  # bug: return 3 * a", "return ___")], "its cell has no blank"),
    "name of the file": ([("lesson: 90_tiny", "lesson: 91_tiny")], "the folder is named"),
}  # fmt: skip


@pytest.mark.parametrize("changes, message", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_rule_is_named_with_file_and_line(course, changes, message):
    with pytest.raises(BuildError, match=message) as caught:
        course(*changes)
    assert all(v.split(":")[1].isdigit() and "lesson_90_tiny/lesson.py:" in v for v in caught.value.violations)


def test_an_exercise_needs_a_visible_and_a_hidden_check(course):
    with pytest.raises(BuildError, match="90.1-add has no visible check"):
        course(visible=VISIBLE.replace('"90.1-add"', '"90.2-bug"'))
    with pytest.raises(BuildError, match="90.1-add has no hidden check"):
        course(hidden=HIDDEN.replace('"90.1-add", points=8', '"90.2-bug", points=8'))
    with pytest.raises(BuildError, match="needs points above 0"):
        course(hidden=HIDDEN.replace(", points=8", ""))


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
