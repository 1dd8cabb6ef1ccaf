"""A model file answers for pictures: class, confidence, milliseconds. ONNX Runtime, NumPy and Pillow alone; no torch, no onnx.

model = Model("int8.onnx")
for picture in found([Path("photos")]).pictures:
    print(model.answer(picture).best)
"""

import stat
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from course_data.errors import UserError
from course_labs.using import metadata
from course_labs.using.pictures import pixels

INVERTED = 0.3  # of the scale from black to white: so much nearer is the picture's negative to what the model was trained on


@dataclass(frozen=True)
class Guess:
    """A class and the share (0 to 1) that the softmax of the logits gives it. It is no probability of being right."""

    name: str
    confidence: float


@dataclass(frozen=True)
class Answer:
    """What a model says of a picture.

    `guesses` are the likeliest classes, likeliest first. `milliseconds` is one call of ONNX Runtime on one thread, with the model in
    the processor's caches; reading and scaling the picture is not in it. `notes`: what was done to the picture, or looks odd about it.
    """

    picture: str
    guesses: tuple[Guess, ...]
    milliseconds: float
    notes: tuple[str, ...] = ()

    @property
    def best(self) -> Guess:
        """The likeliest class."""
        return self.guesses[0]


class Model:
    """The ONNX file at `path`, ready to answer, and its `about` (`Metadata`).

    Raises UserError where it is no file, no ONNX file, says nothing about its input, or says something that its graph contradicts.
    """

    def __init__(self, path: Path | str):
        self.path = Path(path)
        self.session = _session(self.path)
        self.about = metadata.read(self.session.get_modelmeta().custom_metadata_map, str(self.path))
        self._fits()
        picture = self.about.input
        self._scale = np.array([1 / (255 * each) for each in picture.spread], np.float32)[:, None, None]
        self._shift = np.array([-m / s for m, s in zip(picture.mean, picture.spread)], np.float32)[:, None, None]
        try:
            for _ in range(3):  # ONNX Runtime lays out its memory in the first calls
                self._run(np.zeros((len(picture.channels), picture.height, picture.width), np.uint8))
        except Exception as error:  # as in `_session`: a graph may load and not run, of a fixed batch size for example
            raise UserError(f"{self.path} does not run on one picture ({_short(error)}).") from None

    def answer(self, path: Path, top: int = 1, invert: bool = False) -> Answer:
        """What the model says of the picture at `path`: the `top` likeliest classes. `invert` takes its negative, ink for paper.

        Raises ValueError with the reason where the picture cannot be used.
        """
        image, notes = pixels(path, self.about.input)
        if invert:
            image = 255 - image
        elif self._looks_inverted(image):
            notes += ("looks like a negative of what the model was trained on; try --invert",)
        return self.answer_pixels(image, top, str(path), notes)

    def answer_pixels(self, image: np.ndarray, top: int = 1, name: str = "", notes: tuple[str, ...] = ()) -> Answer:
        """What the model says of a picture of its own size: uint8 (channels, height, width), or (height, width) where it takes grey ones.

        Raises ValueError for any other.
        """
        picture = self.about.input
        shape = (len(picture.channels), picture.height, picture.width)
        if image.dtype != np.uint8 or image.shape not in {shape, shape[1:] if shape[0] == 1 else shape}:
            raise ValueError(f"this model takes uint8 pictures of {' × '.join(map(str, shape))}, not {image.dtype} of {image.shape}")
        logits, milliseconds = self._run(image.reshape(shape))
        if not np.isfinite(logits).all():
            raise ValueError("is answered with NaN or infinity")
        shares = np.exp(logits - logits.max())
        shares /= shares.sum()
        order = np.argsort(-shares, kind="stable")[: max(1, top)]
        return Answer(name, tuple(Guess(self.about.classes[i], float(shares[i])) for i in order), milliseconds, notes)

    def _run(self, image: np.ndarray) -> tuple[np.ndarray, float]:
        """Logits float64 (classes,) of a picture uint8 (C, H, W), and the milliseconds that ONNX Runtime took."""
        ready = image[None] if self.about.input.dtype == "uint8" else (image * self._scale + self._shift)[None]
        feed = {self.about.input.name: np.ascontiguousarray(ready)}
        self.session.run(["logits"], feed)  # reading the picture has pushed the model out of the caches
        start = time.perf_counter_ns()
        logits = self.session.run(["logits"], feed)[0]
        return logits[0].astype(np.float64), (time.perf_counter_ns() - start) / 1e6

    def _looks_inverted(self, image: np.ndarray) -> bool:
        """Whether a grey picture's negative is much nearer in brightness to the training pictures: ink and paper may be swapped."""
        if len(self.about.input.channels) != 1:
            return False
        mean, usual = image.mean() / 255, self.about.input.mean[0]
        return bool(abs(mean - usual) - abs(1 - mean - usual) > INVERTED)

    def _fits(self) -> None:
        """Raises UserError unless the graph takes and gives what the metadata says."""
        picture, classes = self.about.input, len(self.about.classes)
        inputs, outputs = self.session.get_inputs(), {each.name: each.shape for each in self.session.get_outputs()}
        wanted = [len(picture.channels), picture.height, picture.width]
        kinds = {"float32": "tensor(float)", "uint8": "tensor(uint8)"}
        if len(inputs) != 1 or (inputs[0].name, inputs[0].type, inputs[0].shape[1:]) != (picture.name, kinds[picture.dtype], wanted):
            shown = ", ".join(f"{each.name} {each.type} {each.shape}" for each in inputs)
            raise UserError(
                f"{self.path}: its metadata speaks of the input {picture.name} {picture.dtype} (batch, {wanted}), its graph takes {shown}."
            )
        if (outputs.get("logits") or [None])[-1] != classes:
            raise UserError(f"{self.path}: its metadata names {classes} classes, its graph does not give so many logits.")


def _session(path: Path) -> onnxruntime.InferenceSession:
    """Raises UserError where the file is none that ONNX Runtime takes."""
    try:
        kind = path.stat().st_mode
    except (OSError, ValueError):
        raise UserError(f"There is no file {path}. Give the model's path, such as runs/digits/int8.onnx.") from None
    if stat.S_ISDIR(kind):
        files = sorted(each.name for each in path.glob("*.onnx"))
        hint = f"Give one of the files in it: {', '.join(files[:8])}." if files else "There is no .onnx file in it, either."
        raise UserError(f"{path} is a folder, not a model file. {hint}")
    if not stat.S_ISREG(kind):
        raise UserError(f"{path} is a pipe or a device, not a model file.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own classes have no common base
        raise UserError(f"{path} is no ONNX file that ONNX Runtime {onnxruntime.__version__} can run ({_short(error)}).") from None


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
