"""The files that a student hands in with a lab, as checks see them: looked into, run, measured again.

A check asks for the fixture `artefacts`, an `Artefacts`. Every ONNX file is looked into and run by `onnx_files`: in grading inside the
sandbox, in a fresh process for each task, without the student's notebook; in a student's own notebook right there. Only numbers come
back, and labels never go in. What was found is kept in `Artefacts.measured`, for the result.
"""

import contextlib
import functools
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from autograder.checks.expect import Mistake, that
from autograder.checks.words import kind_of, show
from autograder.course.faults import Crashed, MissingFile, StudentError, TimedOut
from autograder.course.handed_in import Handed

INSIDE = Path(__file__).with_name("onnx_files.py")
# What notebooks may take says little about files: so much is always granted.
SECONDS = {"cell_seconds": 60.0, "notebook_seconds": 120.0, "call_seconds": 10.0, "exercise_seconds": 40.0}
PIECE = 1 << 20  # bytes in one message to the sandbox
PROBES = 500  # shifted images at most
DATA: dict[str, tuple[int, ...]] = {"digits": (1, 8, 8), "mnist": (1, 28, 28)}  # name -> shape of its images
TEXT_LENGTH = 1 << 20
# Rounding in another order moves a float32 logit by some millionths of the largest one.
FLOAT_NOISE = 1e-4
# In int8 a value next to a boundary falls to the other side on another processor, and a logit moves by a step.
STEPS = 1.001
# However near a network's logits lie to each other, arithmetic excuses no more than this share of the images.
MOST_NEAR = 0.01


@dataclass(frozen=True)
class Layer:
    """One layer with weights. `shape` has the outputs first; `type` is how the weight is stored ("float", "int8")."""

    op: str
    shape: tuple[int, ...]
    type: str
    numbers: int
    bias: int
    macs: int
    eight_bits_in: bool
    name: str


@dataclass(frozen=True)
class Network:
    """What an ONNX file holds. `bytes` is the file's size; `stored` maps a data type to the bytes of all its stored numbers."""

    name: str
    bytes: int
    input: tuple[int, ...]
    classes: int
    layers: tuple[Layer, ...]
    stored: dict[str, int]
    other_numbers: int
    step: float

    @property
    def parameters(self) -> int:
        """Learnt numbers: weights, biases, and what is added outside layers."""
        return sum(layer.numbers + layer.bias for layer in self.layers) + self.other_numbers

    @property
    def macs(self) -> int:
        """Multiply-accumulates of convolutions and linear layers for one image."""
        return sum(layer.macs for layer in self.layers)

    @property
    def widths(self) -> tuple[int, ...]:
        """Output channels of each layer but the last, whose outputs are the classes."""
        return tuple(layer.shape[0] for layer in self.layers[:-1])


@dataclass(frozen=True)
class Accuracy:
    """`correct` of `images`; of `near` of them the first two logits lie so near that other arithmetic may decide otherwise."""

    correct: int
    images: int
    near: int

    @property
    def percent(self) -> float:
        return 100 * self.correct / self.images


# Where files are run


class Here:
    """Runs what `onnx_files` does in this process: for one's own files."""

    @contextlib.contextmanager
    def process(self) -> Iterator[Callable[..., Any]]:
        from autograder.checks import onnx_files

        def call(function: str, *args: Any) -> Any:
            try:
                return getattr(onnx_files, function)(*args)
            except Exception as error:
                raise StudentError(type(error).__name__, str(error)) from None

        yield call

    def close(self) -> None:
        pass


class Boxed:
    """Runs what `onnx_files` does inside a `Sandbox`, in a session of its own; each process is a fresh copy of its first state."""

    def __init__(self, sandbox: Any, seed: int = 0) -> None:
        self._sandbox, self._seed = sandbox, seed
        self._session: Any = None

    @contextlib.contextmanager
    def process(self) -> Iterator[Callable[..., Any]]:
        if self._session is None:
            own = {name: max(least, getattr(self._sandbox.limits, name)) for name, least in SECONDS.items()}
            self._session = self._sandbox.session(self._seed, own)
            outcome = self._session.run_cell(INSIDE.read_text(encoding="utf-8"), "the course's own cell")
            if outcome.status != "ok":
                self.close()
                raise RuntimeError(f"files cannot be looked into: {outcome.status} {outcome.message}")
        with self._session.question() as question:
            yield lambda function, *args: question.call(function, args).value

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None


class Artefacts:
    """The files of one submission. `handed` is an `autograder.course.handed_in.Handed`, `where` a `Here` or `Boxed`.

    Its methods raise `MissingFile` where a file was not handed in, and `Mistake` or another fault, with a sentence for the student,
    where it is not what it should be. What was found once, or failed once, is not done again.
    """

    def __init__(self, handed: Handed, where: Here | Boxed) -> None:
        self._handed, self._where = handed, where
        self._known: dict[tuple, tuple[Any, Exception | None]] = {}
        self.measured: dict[str, dict[str, Any]] = {}  # name of a file -> {what: number}

    def data(self, name: str) -> bytes:
        """The bytes of a file."""
        if name in self._handed.problems:
            raise Mistake(self._handed.problems[name])
        if name not in self._handed.files:
            raise MissingFile(name, self._handed.folder)
        return self._handed.files[name]

    def model(self, name: str) -> Network:
        """The `Network` in an ONNX file."""
        return self._once(("model", name), lambda: self._model(name))

    def weights(self, name: str) -> list[np.ndarray]:
        """The weights of a network's layers as they act, float32, outputs first: a list of arrays."""
        self.model(name)
        return self._once(("weights", name), lambda: self._ask([name], lambda call: call("weights", name)))

    def logits(self, name: str, images: np.ndarray) -> np.ndarray:
        """The network's answers for normalised float32 images (N, C, H, W): float32 (N, classes)."""
        network = self.model(name)
        self._fits(name, tuple(images.shape[1:]))
        step = max(1, PIECE // max(1, images[:1].nbytes))

        def ask(call: Callable[..., Any]) -> np.ndarray:
            parts = [call("logits", name, images[start : start + step]) for start in range(0, len(images), step)]
            fits = all(isinstance(p, np.ndarray) and p.ndim == 2 and p.shape[1] == network.classes and p.dtype == np.float32 for p in parts)
            that(fits and sum(map(len, parts)) == len(images), f"`{name}` does not give {network.classes} logits for each image.")
            return np.concatenate(parts)

        return self._ask([name], ask)

    def answers(self, name: str, data: str, split: str = "test") -> np.ndarray:
        """The logits for the images of one split of `data`, "val" or "test"."""
        self._fits(name, DATA[data])  # a data set that is named wrongly need not be here
        return self._once(("answers", name, data, split), lambda: self.logits(name, _images(data, split)))

    def accuracy(self, name: str, data: str, rng: np.random.Generator | None = None, split: str = "test") -> Accuracy:
        """The `Accuracy` on the images of one split of `data`, "val" or "test".

        With `rng`, on another probe: random test images, each moved by a pixel in a random direction. A network does not mind; a
        table of the test images does not know them.
        """
        if rng is not None:
            self._fits(name, DATA[data])
            images, labels = _moved(data, rng)
            return self._accuracy(name, self.logits(name, images), labels, "moved ")
        kind = "" if split == "test" else "validation "
        return self._once(
            ("accuracy", name, data, split), lambda: self._accuracy(name, self.answers(name, data, split), _split(data, split)[1], kind)
        )

    def race(self, names: Sequence[str]) -> dict[str, float]:
        """Milliseconds for one image on one thread, the networks taking turns: name -> ms."""
        return self._once(("race", *names), lambda: self._race(names))

    def results(self, name: str = "results.json") -> dict[str, Any]:
        """What a JSON file holds, a dict. Numbers are int or, with the digits they were written with, Decimal."""
        return self._once(("results", name), lambda: _json(name, self.data(name)))

    def array(self, name: str) -> np.ndarray:
        """The array in a .npy file: numbers only."""
        return self._once(("array", name), lambda: _npy(name, self.data(name)))

    def close(self) -> None:
        """End the processes. Safe to call twice."""
        self._where.close()

    def _once(self, key: tuple, find: Callable[[], Any]) -> Any:
        if key not in self._known:
            try:
                self._known[key] = find(), None
            except Exception as error:
                self._known[key] = None, error
        found, fault = self._known[key]
        if fault is not None:
            raise fault.with_traceback(None)
        return found

    def _ask(self, names: Sequence[str], ask: Callable[[Callable[..., Any]], Any]) -> Any:
        """`ask(call)` in a fresh process that has the files `names`; what goes wrong there is the files' fault."""
        shown = " or ".join(f"`{name}`" for name in names)
        files = {name: self.data(name) for name in names}
        with self._where.process() as call:
            try:
                for name, data in files.items():
                    for start in range(0, len(data), PIECE):
                        call("take", name, data[start : start + PIECE], start > 0)
                return ask(call)
            except StudentError as error:
                said = " ".join(error.message.split())[:200]
                raise Mistake(f"{shown} could not be run: {error.type_name}: {said}") from None
            except TimedOut:
                raise TimedOut(f"{shown} took too long and was stopped") from None
            except Crashed as fault:
                raise Crashed(f"{shown} ended the process that it ran in: {fault}") from None

    def _model(self, name: str) -> Network:
        if not self.data(name):
            raise Mistake(f"`{name}` is empty.")
        found = self._ask([name], lambda call: call("describe", name))
        if "refused" in found:
            raise Mistake(f"`{name}` {found['refused']}.")
        layers = tuple(Layer(**{**layer, "shape": tuple(layer["shape"])}) for layer in found["layers"])
        network = Network(
            name,
            len(self.data(name)),
            tuple(found["input"]),
            found["classes"],
            layers,
            found["stored"],
            found["other_numbers"],
            found["step"],
        )
        self._keep(name, parameters=network.parameters, macs=network.macs, channels=list(network.widths))
        return network

    def _fits(self, name: str, shape: tuple) -> None:
        wanted = self.model(name).input
        that(shape == wanted, f"`{name}` takes images of the shape {wanted}; those of this data set have {shape}.")

    def _accuracy(self, name: str, logits: np.ndarray, labels: np.ndarray, kind: str) -> Accuracy:
        finite = np.isfinite(logits).all(axis=1)
        best = np.where(finite[:, None], logits, 0.0)
        correct = int((finite & (best.argmax(axis=1) == labels)).sum())
        first, second = np.sort(best, axis=1)[:, -1], np.sort(best, axis=1)[:, -2] if best.shape[1] > 1 else -np.inf
        noise = np.maximum(FLOAT_NOISE * np.abs(best).max(axis=1), STEPS * self.model(name).step)
        near = int((finite & (first - second <= noise)).sum())
        found = Accuracy(correct, len(labels), min(near, int(MOST_NEAR * len(labels))))
        self._keep(name, **{f"{kind}images".replace(" ", "_"): found.images, f"{kind}correct".replace(" ", "_"): found.correct})
        return found

    def _race(self, names: Sequence[str]) -> dict[str, float]:
        image = np.zeros((1, *self.model(names[0]).input), np.float32)
        for name in names:
            that(self.model(name).input == image.shape[1:], f"`{name}` takes images of another shape than `{names[0]}`.")
        times = self._ask(names, lambda call: call("race", list(names), image, 15, 20))
        that(all(isinstance(times.get(name), float) and times[name] > 0 for name in names), "The files could not be timed.")
        for name in names:
            self._keep(name, milliseconds=round(times[name], 6))
        return times

    def _keep(self, name: str, **found: Any) -> None:
        self.measured.setdefault(name, {}).update(found)


# Images


@functools.lru_cache(maxsize=6)
def _split(data: str, split: str) -> tuple[Any, np.ndarray, Any, Any]:
    """uint8 images, labels, and what normalises the images. A data set that is not here is the grader's fault: UserError."""
    from course_data import load

    found = load(data)
    chosen = getattr(found, split)
    return chosen.images, chosen.labels.numpy(), found.mean, found.std


def _normalised(images: Any, mean: Any, std: Any) -> np.ndarray:
    from course_labs.networks.convnet import normalise

    return normalise(images, mean, std).numpy()


def _images(data: str, split: str) -> np.ndarray:
    images, _, mean, std = _split(data, split)
    return _normalised(images, mean, std)


def _moved(data: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    import torch

    images, labels, mean, std = _split(data, "test")
    chosen = rng.permutation(len(labels))[:PROBES]
    directions = np.array([(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if (y, x) != (0, 0)])
    height, width = images.shape[-2:]
    moved = []
    for index, (down, right) in zip(chosen, directions[rng.integers(len(directions), size=len(chosen))]):
        rows = torch.arange(height).sub(int(down)).clamp(0, height - 1)
        columns = torch.arange(width).sub(int(right)).clamp(0, width - 1)
        moved.append(images[int(index)][:, rows][:, :, columns])
    return _normalised(torch.stack(moved), mean, std), labels[chosen]


# Reading files that are no networks


def _json(name: str, data: bytes) -> dict[str, Any]:
    def whole(text: str) -> int:
        that(len(text) <= 18, f"`{name}` holds a number that no measurement gives: {text[:20]}...")
        return int(text)

    def decimal(text: str) -> Decimal | None:
        value = Decimal(text) if len(text) <= 40 else None
        fits = value is not None and (value == 0 or -30 <= value.adjusted() <= 18)
        that(fits, f"`{name}` holds a number that no measurement gives: {text[:20]}.")
        return value

    def constant(text: str) -> NoReturn:
        raise Mistake(f"`{name}` holds {text}, which is no measurement.")

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in found]
        twice = next((key for key in keys if keys.count(key) > 1), None) if len(keys) < 1000 else keys[0]
        that(twice is None, f"`{name}` has the key {show(twice)} twice in one place: it must say one thing.")
        return dict(found)

    that(len(data) <= TEXT_LENGTH, f"`{name}` is too large for a table: {len(data):,} bytes.")
    try:
        found = json.loads(data, parse_int=whole, parse_float=decimal, parse_constant=constant, object_pairs_hook=pairs)
    except Mistake:
        raise
    except (ValueError, RecursionError, MemoryError):
        raise Mistake(f"`{name}` is not JSON. Let the lab write it, and hand it in as it is.") from None
    that(isinstance(found, dict), f"`{name}` should hold a JSON object, not {kind_of(found)}.")
    return found


def _npy(name: str, data: bytes) -> np.ndarray:
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(stream, max_header_size=4096)
    except Exception:
        raise Mistake(f"`{name}` is not an array as np.save writes it.") from None
    rest = data[stream.tell() :]
    that(dtype.kind in "fiub" and dtype.names is None, f"`{name}` holds {dtype}, not plain numbers.")
    count = 1
    for side in shape:
        count *= side
    that(len(shape) < 9 and count * dtype.itemsize == len(rest), f"`{name}` has not as many numbers as its shape {shape} says.")
    return np.frombuffer(rest, dtype).reshape(shape, order="F" if fortran else "C")
