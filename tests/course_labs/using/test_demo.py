"""`course demo`: the page's server answers for all models of a run, this machine's own page only."""

import http.client
import io
import json
import re
import threading
from contextlib import contextmanager

import pytest
from PIL import Image
from typer.testing import CliRunner

from autograder.cli.main import app
from course_data import UserError
from course_labs.using import metadata
from course_labs.using.demo import PAGE, Demo, models_of
from tests.course_labs.using.conftest import about, model


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Of two models: the second calls dark what the first calls light."""
    run = tmp_path_factory.mktemp("run")
    names = about().classes
    (run / "int8.onnx").write_bytes(model(metadata.props(about(classes=names[::-1]))))
    (run / "teacher.onnx").write_bytes(model(metadata.props(about())))
    with Demo(models_of(run)) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield serving
        serving.shutdown()


@contextmanager
def asked(server, method, path, body=None, **headers):
    connection = http.client.HTTPConnection(*server.server_address, timeout=20)
    try:
        connection.request(method, path, body, headers)
        yield connection.getresponse()
    finally:
        connection.close()


def answers(server, body, path="/answer", **headers):
    with asked(server, "POST", path, body, **headers) as reply:
        return reply.status, json.loads(reply.read())


def picture(level):
    file = io.BytesIO()
    Image.new("L", (60, 40), level).save(file, "PNG")
    return file.getvalue()


def test_all_models_answer_and_say_where_they_disagree(server):
    status, found = answers(server, picture(0))
    assert status == 200 and [each["model"] for each in found["answers"]] == ["teacher", "+ int8"]
    assert [each["guesses"][0]["class"] for each in found["answers"]] == ["dark night", "light"]
    assert not found["agree"] and found["verdict"] == "They disagree: teacher says dark night, + int8 says light."
    status, found = answers(server, picture(64))
    assert found["agree"] and found["verdict"] == "All say grey."
    assert all(each["milliseconds"] > 0 for each in found["answers"])
    assert answers(server, picture(255), "/answer?invert")[1]["answers"][0]["guesses"][0]["class"] == "dark night"


def test_the_page_needs_nothing_else(server):
    with asked(server, "GET", "/") as reply:
        text, policy = reply.read().decode(), reply.headers["Content-Security-Policy"]
    assert text == PAGE.read_text(encoding="utf-8") and "default-src 'none'" in policy
    assert not re.findall(r"https?://|\bsrc=|innerHTML", text), "nothing from elsewhere, and names stay text"
    with asked(server, "GET", "/about") as reply:
        said = json.loads(reply.read())
    assert said["data"] == "Skies (4×6)" and said["dark"] and [each["model"] for each in said["models"]] == ["teacher", "+ int8"]
    with asked(server, "GET", "/../../etc/passwd") as reply:
        assert reply.status == 404


def test_only_this_machine_s_own_page_is_answered(server):
    assert server.server_address[0] == "127.0.0.1"
    assert answers(server, picture(0), Origin="http://elsewhere.example")[0] == 403
    assert answers(server, picture(0), Host=f"elsewhere.example:{server.server_address[1]}")[0] == 403
    assert answers(server, picture(0), Origin=server.url.rstrip("/"))[0] == 200


def test_what_is_no_picture_is_said_and_the_server_goes_on(server):
    assert answers(server, b"<html>") == (400, {"problem": "The file is no picture that Pillow can read."})
    assert answers(server, b"", **{"Content-Length": "999999999999"})[0] == 413
    assert answers(server, picture(0))[0] == 200


def test_a_folder_without_models_is_refused(tmp_path):
    for folder, message in ((tmp_path / "nowhere", "There is no folder"), (tmp_path, "holds none of teacher.onnx")):
        with pytest.raises(UserError, match=message):
            models_of(folder)
    (tmp_path / "seed-3").mkdir()
    said = CliRunner().invoke(app, ["demo", str(tmp_path)])
    assert isinstance(said.exception, UserError) and "seed-3" in str(said.exception)
