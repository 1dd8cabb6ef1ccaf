"""`course data get` and the command line."""

import pytest
from typer.testing import CliRunner

from course_data import UserError, get
from course_data.commands import app


@pytest.fixture(autouse=True)
def own_root(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "root"))
    return tmp_path / "root"


def test_a_failed_download_says_what_happened_and_what_to_do(monkeypatch, own_root):
    import torchvision

    def offline(*_args, **_kwargs):
        raise RuntimeError("Error downloading: Name or service not known")

    monkeypatch.setattr(torchvision.datasets, "MNIST", offline)
    with pytest.raises(UserError, match="Name or service not known") as caught:
        get("mnist")
    assert "course data add ARCHIVE" in str(caught.value)
    assert not list(own_root.iterdir()), "nothing is left behind"


def test_digits_need_no_download():
    assert get("digits") == ("digits", None)


def test_listing():
    result = CliRunner().invoke(app, [])
    assert result.exit_code == 0
    assert "digits" in result.output and "bundled, ready" in result.output


def test_get_of_an_unknown_name():
    result = CliRunner().invoke(app, ["get", "imagenet"])
    assert isinstance(result.exception, UserError)


def test_data_root_follows_the_environment(own_root, monkeypatch):
    from course_data import data_root
    from course_data.root import REPOSITORY

    assert data_root() == own_root
    monkeypatch.delenv("COURSE_DATA")
    assert data_root() == REPOSITORY / "data" / "cache"
