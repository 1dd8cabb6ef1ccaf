"""`course demo`: a page on this machine where all models of a run answer side by side for what one draws or drops.

A server of the standard library, on 127.0.0.1 and a free port. It answers this machine's own page and nobody else's: a page from
elsewhere that asks through the browser has another `Origin` or `Host`. The models run here, in ONNX Runtime.
"""

import base64
import io
import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from course_data.errors import UserError
from course_labs.measuring.rows import MODELS
from course_labs.using.pictures import pixels
from course_labs.using.predict import Model

PAGE = Path(__file__).parent / "templates" / "demo.html"
MOST_BYTES = 20_000_000  # of a picture
TOP = 3
# The page is whole in itself: no script, style or picture from anywhere else.
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; connect-src 'self'"


def models_of(run: Path) -> list[tuple[str, Model]]:
    """(short name, model) of the files in the folder of a run, in the order of the table.

    Raises UserError where it is no folder, has none of the files, or has one that cannot be used.
    """
    if not run.is_dir():
        raise UserError(f"There is no folder {run}. Give the folder of a run, such as runs/digits; `course lab` makes it.")
    found = [(label.short, Model(run / f"{label.name}.onnx")) for label in MODELS if (run / f"{label.name}.onnx").exists()]
    if not found:
        files = ", ".join(f"{label.name}.onnx" for label in MODELS)
        seeds = ", such as " + str(next(run.glob("seed-*"))) if list(run.glob("seed-*")) else ""
        raise UserError(f"{run} holds none of {files}. Give the folder of a run{seeds}.")
    return found


def answers(models: list[tuple[str, Model]], picture: bytes, invert: bool) -> dict[str, Any]:
    """What the page shows for a picture file's bytes. Raises ValueError where it cannot be used."""
    said: list[dict[str, Any]] = []
    for name, model in models:
        image, notes = pixels(io.BytesIO(picture), model.about.input)
        image = 255 - image if invert else image
        answer = model.answer_pixels(image, TOP)
        guesses = [{"class": guess.name, "confidence": guess.confidence} for guess in answer.guesses]
        said.append({"model": name, "guesses": guesses, "milliseconds": answer.milliseconds})
    first = said[0]["guesses"][0]["class"]
    others = [f"{each['model']} says {each['guesses'][0]['class']}" for each in said[1:] if each["guesses"][0]["class"] != first]
    verdict = f"They disagree: {said[0]['model']} says {first}, {', '.join(others)}." if others else f"All say {first}."
    return {"answers": said, "agree": not others, "verdict": verdict, "notes": list(notes), "seen": _as_png(image)}


def about(models: list[tuple[str, Model]]) -> dict[str, Any]:
    """What the page says of the models before any picture."""
    first = models[0][1].about
    return {
        "data": first.data.title,
        "classes": len(first.classes),
        "height": first.input.height,
        "dark": first.input.mean[0] < 0.5,
        "size": f"{first.input.height} × {first.input.width} pixels, {', '.join(first.input.channels)}",
        "models": [{"model": name, "row": model.about.model.row, "bytes": model.path.stat().st_size} for name, model in models],
    }


def _as_png(image: np.ndarray) -> str:
    """uint8 (C, H, W) as a data URL."""
    file = io.BytesIO()
    Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0)).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


class Demo(ThreadingHTTPServer):
    """The server, listening on a free port of 127.0.0.1; `serve_forever` runs it."""

    daemon_threads = True

    def __init__(self, models: list[tuple[str, Model]]):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.models, self.turn = models, threading.Lock()  # one picture at a time: calls at the same time would lengthen each other

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.server_address[1]}/"


class _Handler(BaseHTTPRequestHandler):
    server: Demo
    timeout = 20

    def do_GET(self) -> None:
        if not self._ours():
            return
        if self.path == "/":
            self._send(HTTPStatus.OK, PAGE.read_bytes(), "text/html; charset=utf-8")
        elif self.path == "/about":
            self._json(HTTPStatus.OK, about(self.server.models))
        else:
            self._json(HTTPStatus.NOT_FOUND, {"problem": "There is nothing here."})

    def do_POST(self) -> None:
        if not self._ours():
            return
        path, _, query = self.path.partition("?")
        length = self.headers.get("Content-Length", "")
        if path != "/answer" or not length.isdecimal():
            self._json(HTTPStatus.NOT_FOUND, {"problem": "There is nothing here."})
        elif int(length) > MOST_BYTES:
            self._json(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"problem": f"The file is too large: at most {MOST_BYTES // 1_000_000} MB."})
        else:
            picture = self.rfile.read(int(length))
            try:
                with self.server.turn:
                    found = answers(self.server.models, picture, query == "invert")
                self._json(HTTPStatus.OK, found)
            except ValueError as error:
                self._json(HTTPStatus.BAD_REQUEST, {"problem": f"The file {error}."})

    def _ours(self) -> bool:
        """Whether the page itself asks. Sends a refusal if not."""
        here = self.server.url.removesuffix("/")
        if self.headers.get("Host") == here.removeprefix("http://") and self.headers.get("Origin", here) == here:
            return True
        self._json(HTTPStatus.FORBIDDEN, {"problem": "This server answers its own page only."})
        return False

    def _json(self, status: HTTPStatus, content: dict[str, Any]) -> None:
        self._send(status, json.dumps(content).encode(), "application/json")

    def _send(self, status: HTTPStatus, body: bytes, kind: str) -> None:
        self.send_response(status)
        for name, value in (("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")):
            self.send_header(name, value)
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing: the terminal is for the address."""
