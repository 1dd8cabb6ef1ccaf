"""What decides a run can be said: by options, or in a file as results.json stores it."""

import json
from dataclasses import asdict, replace

import pytest

from course_data import UserError
from course_labs import Shape
from course_labs.report.results import SCHEMA
from course_labs.report.typed_json import to_json
from course_labs.studio import configuration, setup
from course_labs.studio.asked import Asked
from course_labs.studio.settings import SETTINGS
from tests import REPOSITORY

DIGITS = SETTINGS["digits"]


def written(tmp_path, settings, **more):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"schema": SCHEMA, "settings": settings} | more), encoding="utf-8")
    return path


def chosen(tmp_path, settings, asked=Asked(), base=DIGITS):
    file = configuration.read(written(tmp_path, settings))
    return configuration.chosen(base, file.completed(asked), [file])


def test_a_file_changes_what_it_names_and_options_have_the_last_word(tmp_path):
    given = {"temperature": 2, "alpha": 0.5, "teacher_recipe": {"epochs": 3}, "teacher": {"widths": [16, 32, 32]}, "views": 2}
    found = chosen(tmp_path, given, Asked(alpha=0.25))
    assert found.teacher_recipe == replace(DIGITS.teacher_recipe, epochs=3) and found.student_recipe == DIGITS.student_recipe
    assert (found.temperature, found.alpha, found.views) == (2.0, 0.25, 2)
    assert found.teacher == Shape((16, 32, 32), DIGITS.teacher.strides), "the strides stay"


def test_what_a_run_stores_is_a_file_for_the_next(tmp_path):
    """All settings of each data set, as results.json has them, give the very same settings."""
    for settings in SETTINGS.values():
        assert chosen(tmp_path, json.loads(json.dumps(to_json(settings))), base=settings) == settings
        assert set(asdict(settings)) == set(to_json(settings))


def test_a_results_file_says_its_data_too(tmp_path):
    file = configuration.read(REPOSITORY / "labs" / "results" / "mnist.json")
    assert file.completed(Asked()).data == "mnist" and file.completed(Asked(data="digits")).data == "digits"
    own = configuration.read(written(tmp_path, {}, data={"name": "photos"}))
    with pytest.raises(UserError, match="images of somebody's own .photos.. Say with --images"):
        own.completed(Asked())


def test_a_file_names_the_networks_unless_an_option_does(tmp_path):
    file = configuration.read(written(tmp_path, {"model": "nets.py:f", "student": {"width": 0.25, "widths": [4]}}))
    assert (file.completed(Asked()).model, file.completed(Asked()).width) == ("nets.py:f", 0.25)
    assert file.completed(Asked(model="other.py:g")).model == "other.py:g"
    pair = configuration.read(written(tmp_path, {"teacher_network": "torchvision:resnet18", "keep": 0.7, "keep_teacher": True}))
    asked = pair.completed(Asked())
    assert (asked.teacher, asked.student, asked.keep, asked.keep_teacher) == ("torchvision:resnet18", None, 0.7, True)
    assert pair.completed(Asked(keep=0.5)).keep == 0.5


@pytest.mark.parametrize(
    "settings, says",
    [
        ({"temprature": 2}, "does not know: settings.temprature"),
        ({"teacher_recipe": {"epoch": 2}}, "does not know: settings.teacher_recipe.epoch"),
        ({"teacher_recipe": {"epochs": "2"}}, 'settings.teacher_recipe.epochs should be a number, not "2"'),
        ({"teacher_recipe": 3}, "settings.teacher_recipe should be an object"),
        ({"views": 2.5}, "settings.views should be a whole number"),
        ({"views": 0}, "views is 0; it must be 1 or more"),
        ({"pruned_widths": [16, 16]}, "pruned_widths has 2 numbers, and the student 3 groups"),
        ({"pruned_widths": [16, 16, 65]}, r"pruned_widths\[2\] is 65; it must be from 1 to 64"),
        ({"teacher": {"widths": [16]}}, "1 widths but 3 strides|widths"),
        ({"temperature": 0}, "temperature is 0; it must be a number above 0"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"student_recipe": {"peak_lr": float("inf")}}, "student_recipe.peak_lr is inf"),
        ({"student_recipe": {"momentum": 1}}, "momentum is 1; it must be below 1"),
        ({"precision": "int4"}, "precision is 'int4'; it must be measured, float32 or bfloat16"),
        ({"keep": "half"}, "settings.keep should be a number"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, settings, says):
    with pytest.raises(UserError, match=says) as caught:
        chosen(tmp_path, settings)
    assert "\n" not in str(caught.value) and str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    "text, says",
    [
        ("{half", "is not JSON"),
        ("[]", "is not a configuration"),
        ('{"settings": {}}', "schema is null, and this version of the course reads 2"),
        ('{"schema": 1, "settings": {}}', "schema is 1"),
        ('{"schema": 2, "settings": {}, "setings": {}}', "does not know: setings"),
        ('{"schema": 2, "settings": []}', "settings should be an object"),
    ],
)
def test_a_file_that_is_no_configuration(tmp_path, text, says):
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(UserError, match=says):
        configuration.read(tmp_path / "c.json")
    with pytest.raises(UserError, match="cannot be read"):
        configuration.read(tmp_path / "nowhere.json")


def test_options_are_looked_at_too():
    for asked, says in (
        (Asked(keep=0), "--keep 0"),
        (Asked(keep=1.5), "--keep 1.5"),
        (Asked(alpha=1.5), "--alpha: alpha is 1.5"),
        (Asked(temperature=-1), "--temperature: temperature is -1"),
        (Asked(precision="half"), "--precision: precision is 'half'"),
    ):
        with pytest.raises(UserError, match=says):
            setup.prepared(asked)
    _, settings, family, _ = setup.prepared(Asked(keep=0.7))
    assert settings == replace(DIGITS, pruned_widths=(24, 24, 48)) and family is None
    assert setup.prepared(Asked()) == ("digits", None, None, None), "nothing was asked for: the course's own settings"


@pytest.mark.parametrize(
    "width, share, kept", [(16, 0.7, 12), (32, 0.7, 24), (64, 0.7, 48), (96, 0.7, 64), (1280, 0.7, 896), (3, 0.7, 2), (7, 1, 7)]
)
def test_the_share_that_is_asked_for_is_nearly_kept(width, share, kept):
    assert configuration.nearest_kept(width, share) == kept
