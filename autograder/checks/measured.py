"""The files that a student hands in with a lab, as checks see them: measured again, and compared with the student's table.

A check asks for the fixture `artefacts`, an `Artefacts`. Every ONNX file is looked into and run by `onnx_files`: in grading inside the
sandbox, in a fresh process for each task, without the student's notebook; in a student's own notebook right there. Only numbers come
back, and labels never go in. What was found is kept in `Artefacts.measured`, for the result.
"""

import contextlib
import functools
import io
import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np

from autograder.checks.expect import Mistake, kind_of, show, that
from autograder.course.faults import Crashed, MissingFile, StudentError, TimedOut

INSIDE = Path(__file__).with_name("onnx_files.py")
# What notebooks may take says little about files: so much is always granted.
SECONDS = {"cell_seconds": 60.0, "notebook_seconds": 120.0, "call_seconds": 10.0, "exercise_seconds": 40.0}
PIECE = 1 << 20  # bytes in one message to the sandbox
PROBES = 500  # shifted images at most
DATA = {"digits": (1, 8, 8), "mnist": (1, 28, 28)}  # name -> shape of its images
TEXT_LENGTH = 1 << 20
# Rounding in another order moves a float32 logit by some millionths of the largest one.
FLOAT_NOISE = 1e-4
# In int8 a value next to a boundary falls to the other side on another processor, and a logit moves by a step.
STEPS = 1.001
# However near a network's logits lie to each other, arithmetic excuses no more than this share of the images.
MOST_NEAR = 0.01
INT8_SHARE = 2 / 3
LIKENESS = 0.8
# Of two networks' answers, the mean cosine: 0.963 at most for two temperatures of one seed, both honestly trained; 1 for a copy under another name.
ALIKE = 0.99


@dataclass(frozen=True)
class Layer:
    """One layer with weights. `shape` has the outputs first; `type` is how the weight is stored ("float", "int8")."""

    op: str
    shape: tuple
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
    input: tuple
    classes: int
    layers: tuple
    stored: dict
    other_numbers: int
    step: float

    @property
    def parameters(self):
        """Learnt numbers: weights, biases, and what is added outside layers."""
        return sum(layer.numbers + layer.bias for layer in self.layers) + self.other_numbers

    @property
    def macs(self):
        """Multiply-accumulates of convolutions and linear layers for one image."""
        return sum(layer.macs for layer in self.layers)

    @property
    def widths(self):
        """Output channels of each layer but the last, whose outputs are the classes."""
        return tuple(layer.shape[0] for layer in self.layers[:-1])


@dataclass(frozen=True)
class Accuracy:
    """`correct` of `images`; of `near` of them the first two logits lie so near that other arithmetic may decide otherwise."""

    correct: int
    images: int
    near: int

    @property
    def percent(self):
        return 100 * self.correct / self.images


# Where files are run


class Here:
    """Runs what `onnx_files` does in this process: for one's own files."""

    @contextlib.contextmanager
    def process(self):
        from autograder.checks import onnx_files

        def call(function, *args):
            try:
                return getattr(onnx_files, function)(*args)
            except Exception as error:
                raise StudentError(type(error).__name__, str(error)) from None

        yield call

    def close(self):
        pass


class Boxed:
    """Runs what `onnx_files` does inside a `Sandbox`, in a session of its own; each process is a fresh copy of its first state."""

    def __init__(self, sandbox, seed=0):
        self._sandbox, self._seed, self._session = sandbox, seed, None

    @contextlib.contextmanager
    def process(self):
        if self._session is None:
            own = {name: max(least, getattr(self._sandbox.limits, name)) for name, least in SECONDS.items()}
            self._session = self._sandbox.session(self._seed, own)
            outcome = self._session.run_cell(INSIDE.read_text(encoding="utf-8"), "the course's own cell")
            if outcome.status != "ok":
                self.close()
                raise RuntimeError(f"files cannot be looked into: {outcome.status} {outcome.message}")
        with self._session.question() as question:
            yield lambda function, *args: question.call(function, args).value

    def close(self):
        if self._session is not None:
            self._session.close()
            self._session = None


class Artefacts:
    """The files of one submission. `handed` is an `autograder.course.handed_in.Handed`, `where` a `Here` or `Boxed`.

    Its methods raise `MissingFile` where a file was not handed in, and `Mistake` or another fault, with a sentence for the student,
    where it is not what it should be. What was found once, or failed once, is not done again.
    """

    def __init__(self, handed, where):
        self._handed, self._where, self._known = handed, where, {}
        self.measured = {}  # name of a file -> {what: number}

    def data(self, name):
        """The bytes of a file."""
        if name in self._handed.problems:
            raise Mistake(self._handed.problems[name])
        if name not in self._handed.files:
            raise MissingFile(name, self._handed.folder)
        return self._handed.files[name]

    def model(self, name):
        """The `Network` in an ONNX file."""
        return self._once(("model", name), lambda: self._model(name))

    def weights(self, name):
        """The weights of a network's layers as they act, float32, outputs first: a list of arrays."""
        self.model(name)
        return self._once(("weights", name), lambda: self._ask([name], lambda call: call("weights", name)))

    def logits(self, name, images):
        """The network's answers for normalised float32 images (N, C, H, W): float32 (N, classes)."""
        network = self.model(name)
        self._fits(name, tuple(images.shape[1:]))
        step = max(1, PIECE // max(1, images[:1].nbytes))

        def ask(call):
            parts = [call("logits", name, images[start : start + step]) for start in range(0, len(images), step)]
            fits = all(isinstance(p, np.ndarray) and p.ndim == 2 and p.shape[1] == network.classes and p.dtype == np.float32 for p in parts)
            that(fits and sum(map(len, parts)) == len(images), f"`{name}` does not give {network.classes} logits for each image.")
            return np.concatenate(parts)

        return self._ask([name], ask)

    def answers(self, name, data, split="test"):
        """The logits for the images of one split of `data`, "val" or "test"."""
        self._fits(name, DATA[data])  # a data set that is named wrongly need not be here
        return self._once(("answers", name, data, split), lambda: self.logits(name, _images(data, split)))

    def accuracy(self, name, data, rng=None, split="test"):
        """The `Accuracy` on the images of one split of `data`, "val" or "test".

        With `rng`, on another probe: random test images, each moved by a pixel in a random direction. A network does not mind; a
        table of the test images does not know them.
        """
        if rng is not None:
            self._fits(name, DATA[data])
            images, labels = _moved(data, rng)
            return self._accuracy(name, self.logits(name, images), labels, "moved ")
        kind = "" if split == "test" else "validation "
        return self._once(("accuracy", name, data, split), lambda: self._accuracy(name, self.answers(name, data, split), _split(data, split)[1], kind))

    def race(self, names):
        """Milliseconds for one image on one thread, the networks taking turns: name -> ms."""
        return self._once(("race", *names), lambda: self._race(names))

    def results(self, name="results.json"):
        """What a JSON file holds, a dict. Numbers are int or, with the digits they were written with, Decimal."""
        return self._once(("results", name), lambda: _json(name, self.data(name)))

    def array(self, name):
        """The array in a .npy file: numbers only."""
        return self._once(("array", name), lambda: _npy(name, self.data(name)))

    def close(self):
        """End the processes. Safe to call twice."""
        self._where.close()

    def _once(self, key, find):
        if key not in self._known:
            try:
                self._known[key] = find(), None
            except Exception as error:
                self._known[key] = None, error
        found, error = self._known[key]
        if error is not None:
            raise error.with_traceback(None)
        return found

    def _ask(self, names, ask):
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

    def _model(self, name):
        if not self.data(name):
            raise Mistake(f"`{name}` is empty.")
        found = self._ask([name], lambda call: call("describe", name))
        if "refused" in found:
            raise Mistake(f"`{name}` {found['refused']}.")
        layers = tuple(Layer(**{**layer, "shape": tuple(layer["shape"])}) for layer in found["layers"])
        network = Network(
            name, len(self.data(name)), tuple(found["input"]), found["classes"], layers, found["stored"], found["other_numbers"], found["step"],
        )  # fmt: skip
        self._keep(name, parameters=network.parameters, macs=network.macs, channels=list(network.widths))
        return network

    def _fits(self, name, shape):
        wanted = self.model(name).input
        that(shape == wanted, f"`{name}` takes images of the shape {wanted}; those of this data set have {shape}.")

    def _accuracy(self, name, logits, labels, kind):
        finite = np.isfinite(logits).all(axis=1)
        best = np.where(finite[:, None], logits, 0.0)
        correct = int((finite & (best.argmax(axis=1) == labels)).sum())
        first, second = np.sort(best, axis=1)[:, -1], np.sort(best, axis=1)[:, -2] if best.shape[1] > 1 else -np.inf
        noise = np.maximum(FLOAT_NOISE * np.abs(best).max(axis=1), STEPS * self.model(name).step)
        near = int((finite & (first - second <= noise)).sum())
        found = Accuracy(correct, len(labels), min(near, int(MOST_NEAR * len(labels))))
        self._keep(name, **{f"{kind}images".replace(" ", "_"): found.images, f"{kind}correct".replace(" ", "_"): found.correct})
        return found

    def _race(self, names):
        image = np.zeros((1, *self.model(names[0]).input), np.float32)
        for name in names:
            that(self.model(name).input == image.shape[1:], f"`{name}` takes images of another shape than `{names[0]}`.")
        times = self._ask(names, lambda call: call("race", list(names), image, 15, 20))
        that(all(isinstance(times.get(name), float) and times[name] > 0 for name in names), "The files could not be timed.")
        for name in names:
            self._keep(name, milliseconds=round(times[name], 6))
        return times

    def _keep(self, name, **found):
        self.measured.setdefault(name, {}).update(found)


# Images


@functools.lru_cache(maxsize=6)
def _split(data, split):
    """uint8 images, labels, and what normalises the images. A data set that is not here is the grader's fault: UserError."""
    from course_data import load

    found = load(data)
    chosen = getattr(found, split)
    return chosen.images, chosen.labels.numpy(), found.mean, found.std


def _normalised(images, mean, std):
    from course_labs.networks.convnet import normalise

    return normalise(images, mean, std).numpy()


def _images(data, split):
    images, _, mean, std = _split(data, split)
    return _normalised(images, mean, std)


def _moved(data, rng):
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


# Reading a table


def _json(name, data):
    def whole(text):
        that(len(text) <= 18, f"`{name}` holds a number that no measurement gives: {text[:20]}...")
        return int(text)

    def decimal(text):
        value = Decimal(text) if len(text) <= 40 else None
        fits = value is not None and (value == 0 or -30 <= value.adjusted() <= 18)
        that(fits, f"`{name}` holds a number that no measurement gives: {text[:20]}.")
        return value

    def constant(text):
        raise Mistake(f"`{name}` holds {text}, which is no measurement.")

    def pairs(found):
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


def _npy(name, data):
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


def data_of(results):
    """The name of the data set that the table is about."""
    name = results.get("data")
    that(isinstance(name, str) and name in DATA, f'The table must say its data set: "data": {" or ".join(map(repr, DATA))}; here it is {show(name)}.')
    return name


def rows(results, files):
    """The table's rows, one for each of `files`, in that order: a list of dicts."""
    found = results.get("rows")
    that(isinstance(found, list) and all(isinstance(row, dict) for row in found), 'The table must have "rows", a list of objects.')
    by_file = {}
    for row in found:
        name = row.get("file")
        that(isinstance(name, str), f'Every row must name its "file"; one has {show(name)}.')
        that(name in files, f"The table has a row for {show(name)}, which is no file of this exercise.")
        that(name not in by_file, f"The table has two rows for `{name}`.")
        by_file[name] = row
    for name in files:
        that(name in by_file, f"The table has no row for `{name}`.")
    return [by_file[name] for name in files]


def number(row, cell):
    """A number in a row: int or Decimal."""
    value = row.get(cell)
    ok = isinstance(value, (int, Decimal)) and not isinstance(value, bool)
    that(ok, f"`{row.get('file', 'A row')}`, {cell}: expected a number, got {show(value) if value is not None else 'nothing'}.")
    return value


# What checks ask


CELLS = {"accuracy_percent": "accuracy", "bytes": "size in bytes", "parameters": "parameters", "macs": "MACs"}


def same_table(artefacts, table, data=None, cells=tuple(CELLS)):
    """Every one of these cells of the table is what its file gives; each that is not is named.

    Bytes, parameters and multiply-accumulates are compared exactly, accuracies, on all test images of `data`, by `not_so`.
    """
    wrong = []
    for row in table:
        for cell in cells:
            name, claimed = row["file"], number(row, cell)
            if cell == "accuracy_percent":
                untrue = not_so(claimed, artefacts.accuracy(name, data))
                if untrue:
                    wrong.append(f"`{name}`, accuracy: {untrue}")
            elif claimed != getattr(artefacts.model(name), cell):
                wrong.append(f"`{name}`, {CELLS[cell]}: you report {claimed:,}, the file has {getattr(artefacts.model(name), cell):,}")
    that(not wrong, "; ".join(wrong) + ".")


def not_so(claimed, found):
    """What is wrong with an accuracy in per cent, int or Decimal, where a file has the `Accuracy` `found`; nothing if it holds.

    It holds within the rounding of the figure as it is written, and the images whose first two logits other arithmetic may swap.
    """
    digits = max(0, -claimed.as_tuple().exponent) if isinstance(claimed, Decimal) else 0
    allowed = 0.5 * 10.0**-digits + 100 * found.near / found.images + 1e-9
    if abs(float(claimed) - found.percent) <= allowed:
        return ""
    return f"you report {claimed} %, the file gives {found.percent:.{max(1, min(digits, 4))}f} %"


def same_order(artefacts, table, within=4.0):
    """How many times faster each row is than the first, by its `milliseconds`, lies within the factor `within` of what is measured here.

    No more than that: another processor has other instructions, and this one may be busy.
    """
    for row in table:
        that(number(row, "milliseconds") > 0, f"`{row['file']}`, milliseconds: you report {row['milliseconds']}, and nothing takes no time.")
    times = artefacts.race([row["file"] for row in table])
    first, wrong = table[0], []
    for row in table[1:]:
        claimed = float(first["milliseconds"]) / float(row["milliseconds"])
        found = times[first["file"]] / times[row["file"]]
        if not found / within <= claimed <= found * within:
            wrong.append(
                f"`{row['file']}`, milliseconds: by your table it is {claimed:.3g} times as fast as `{first['file']}`, measured here, in turns, "
                f"{found:.3g} times; up to a factor of {within:g} between the two is taken"
            )
    that(not wrong, "; ".join(wrong) + ".")


def really_smaller(artefacts, small, large):
    """`small` has the layers of `large` with fewer channels: its weight tensors have shrunk."""
    one, other = artefacts.model(small), artefacts.model(large)
    widths = ["-".join(map(str, each.widths)) for each in (one, other)]
    that(len(one.layers) == len(other.layers), f"`{small}` has {len(one.layers)} layers and `{large}` {len(other.layers)}: pruning cuts channels, not layers.")
    that(all(a <= b for a, b in zip(one.widths, other.widths)), f"`{small}` has more channels than `{large}` somewhere: {widths[0]} against {widths[1]}.")
    that(
        one.widths != other.widths,
        f"`{small}` has the same channels as `{large}`, {widths[0]}. Zeros in a tensor do not make it smaller: rebuild the network without those channels.",
    )
    that(one.parameters < other.parameters and one.macs < other.macs, f"`{small}` has no fewer parameters and MACs than `{large}`.")


def really_int8(artefacts, name, source=None):
    """Every layer's weights are stored in eight bits and meet eight-bit inputs, and no float copy lies beside them; they are those of `source`, rounded."""
    network = artefacts.model(name)
    for number_of, layer in enumerate(network.layers, 1):
        what = f"Layer {number_of} of `{name}` ({layer.op})"
        that(layer.type in ("int8", "uint8"), f"{what} has its weights stored as {layer.type}, not in eight bits.")
        that(layer.eight_bits_in, f"{what} gets its input in float32: without rounded activations nothing is computed in eight bits.")
    codes = sum({layer.name: layer.numbers for layer in network.layers}.values())
    share = codes / sum(network.stored.values())
    that(
        share >= INT8_SHARE,
        f"Only {100 * share:.0f} % of the bytes of all numbers in `{name}` are eight-bit weights; scales and biases need less than a third. What else is in it?",
    )
    if source is None:
        return
    shapes = [[layer.shape for layer in artefacts.model(each).layers] for each in (name, source)]
    that(shapes[0] == shapes[1], f"The layers of `{name}` have other shapes than those of `{source}`: it is not that network, rounded.")
    for number_of, (a, b) in enumerate(zip(artefacts.weights(name), artefacts.weights(source)), 1):
        length = float(np.linalg.norm(a.astype(float)) * np.linalg.norm(b.astype(float)))
        alike = float((a.astype(float) * b.astype(float)).sum()) / length if length > 0 else 0.0
        that(alike >= LIKENESS, f"The weights of layer {number_of} of `{name}` are not those of `{source}`, rounded: their directions agree by {alike:.2f} only.")


def different_files(artefacts, names):
    """No file stands under two names."""
    seen = {}
    for name in names:
        other = seen.setdefault(artefacts.data(name), name)
        that(other == name, f"`{name}` is the same file as `{other}`.")


def different_networks(artefacts, names, data):
    """No network stands under two names: over the test images of `data`, no two answer alike.

    Compared is the angle between their logits for each image, without their mean, which softmax ignores; the cosines are averaged. Another
    name in the file, another order of channels or a factor in the last layer do not make another network; training with another seed does.
    """
    found = []
    for name in names:
        logits = artefacts.answers(name, data).astype(float)
        said = np.where(np.isfinite(logits), logits, 0.0)
        said -= said.mean(axis=1, keepdims=True)
        said /= np.maximum(np.linalg.norm(said, axis=1, keepdims=True), 1e-30)
        other = next((before for before, theirs in found if float((said * theirs).sum(axis=1).mean()) > ALIKE), None)
        that(other is None, f"`{name}` answers as `{other}` does, image by image: it is the same network under another name.")
        found.append((name, said))


def classifies(artefacts, name, data, rng, least):
    """At least `least` per cent right on the test images, and, moved by a pixel, on some of them that no table can hold; for that probe a
    tenth of the images less is enough.
    """
    found = artefacts.accuracy(name, data)
    that(found.percent >= least, f"`{name}` gets {found.percent:.1f} % of the test images right; {least:g} % are needed.")
    moved = artefacts.accuracy(name, data, rng)
    that(
        moved.percent >= least - 10,
        f"`{name}` gets {moved.percent:.1f} % right of test images that were moved by one pixel, and {found.percent:.1f} % of the others: "
        "it knows those images, not what they show.",
    )
