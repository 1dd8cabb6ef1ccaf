"""How one row is made: train or round a network as a stage that is done once, and write its ONNX file."""

import dataclasses
import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from rich.console import Console
from rich.text import Text
from torch import nn

from course_data import Dataset, UserError
from course_data.files import write_whole
from course_data.progress_bar import bar, status
from course_labs.fingerprints import code_version, sha256
from course_labs.measuring import machine
from course_labs.measuring.rows import LABELS, MODELS
from course_labs.methods import export, pace, training, watched
from course_labs.methods.families import AnyNetwork, AnyShape, Family
from course_labs.methods.training import Recipe, Taught, Update
from course_labs.methods.watched import TrainingFailed
from course_labs.networks.convnet import normalise
from course_labs.report.results import SCHEMA
from course_labs.studio.own_functions import OwnFunctions
from course_labs.studio.settings import Settings
from course_labs.studio.stages import Done, Stages, write_json
from course_labs.using import metadata
from course_labs.using.metadata import Metadata, Origin, TrainedOn

FOUR = tuple(label.name for label in MODELS)
RECIPE_OF = {"teacher": "teacher_recipe"} | dict.fromkeys(
    ("student", "no_teacher", "from_scratch"), "student_recipe"
)  # others: the recovery's


@dataclass(frozen=True)
class Model:
    """A network that becomes a row: its ONNX file, its accuracy on the validation images (0 to 1), and the stage that made it.

    `written` is the file's SHA-256 when it was written.
    """

    name: str
    net: AnyNetwork
    path: Path
    validation_accuracy: float
    done: Done
    written: str

    @property
    def eager(self) -> bool:
        """Whether PyTorch can run it. What was rounded in its ONNX file exists only there; `net` is then what it was before."""
        return self.done.path.suffix == ".pt"


@dataclass(frozen=True)
class Answers:
    """What the teacher said of every training image, and the stage that asked it."""

    taught: Taught
    done: Done


class RowMaker:
    """Makes rows of one data set with one seed in the folder `out`. Raises UserError if `out` cannot be used.

    `common` is what every stage depends on; `learner` holds the learner's own functions.
    """

    def __init__(self, data: Dataset, family: Family, settings: Settings, seed: int, out: Path, console: Console):
        self.data, self.family, self.settings, self.seed, self.out, self.console = data, family, settings, seed, out, console
        self.stages = Stages(out / "stages")
        self.learner = OwnFunctions()
        where = training.device()
        self.common: dict[str, Any] = {
            "data": data.fingerprint,
            "seed": seed,
            "device": where.type,
            "torch": torch.__version__,
            **family.fingerprint,
        }
        self._formats: dict[str, torch.dtype] = {}

    def number_format(self, name: str) -> torch.dtype:
        """float32 or bfloat16 for training the row `name`: what the settings say, or what is faster here for this network.

        Measured once for the teacher and once for the student, and recorded: a run that goes on must not train differently.
        """
        where, usual = training.device(), training.precision(training.device())
        if self.settings.precision != "measured":
            return getattr(torch, self.settings.precision)
        if where.type != "cpu" or usual == torch.float32:
            return usual
        whose = "teacher" if name == "teacher" else "student"
        if whose not in self._formats:
            self._formats[whose] = self._fastest_format(whose, usual)
        return self._formats[whose]

    def _fastest_format(self, whose: str, usual: torch.dtype) -> torch.dtype:
        shape, batch = getattr(self.settings, whose), getattr(self.settings, f"{whose}_recipe").batch

        def work(path: Path) -> dict:
            with status(f"{whose}: measuring bfloat16 and float32", self.console), torch.random.fork_rng(devices=[]):
                net = self.family.new(shape).to(memory_format=torch.channels_last)
                images = normalise(self.data.train.images[:batch], self.data.mean, self.data.std)
                images = images.contiguous(memory_format=torch.channels_last)
                best, seconds = pace.fastest_precision(net, images, self.data.train.labels[:batch], usual)
            facts = {"format": str(best).removeprefix("torch."), "seconds": seconds}
            write_json(path, facts)
            return facts

        inputs = {
            "machine": machine.describe(),
            "torch": torch.__version__,
            "shape": dataclasses.asdict(shape),
            "pictures": list(self.data.train.images.shape[1:]),
            "batch": batch,
            "code": code_version(pace, *self.family.modules),
            **self.family.fingerprint,
        }
        facts = self.stages.run(f"precision-{whose}", ".seconds.json", inputs, work).facts
        if facts["format"] != str(usual).removeprefix("torch."):
            taken = ", ".join(f"{name} {1000 * seconds:.1f} ms" for name, seconds in facts["seconds"].items())
            self.console.print(
                f"{whose} is trained in {facts['format']}, which is faster here (processor time of a step: {taken}).",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
        return getattr(torch, facts["format"])

    @property
    def precisions(self) -> str:
        """In what the networks are trained, for a sentence."""
        teacher, student = (str(self.number_format(whose)).removeprefix("torch.") for whose in ("teacher", "student"))
        return teacher if teacher == student else f"{teacher} (teacher) and {student} (student)"

    def trained(
        self, name: str, shape: AnyShape, work: Callable[[Update], nn.Module], inputs: dict[str, Any], code: tuple[ModuleType, ...]
    ) -> Model:
        """The row `name`, trained: its artefact is the state of the network.

        `work(update)` trains and returns a network of `shape`. It is done again when `inputs`, or the source of the modules in `code`, are others.
        """

        def kept(path: Path) -> dict:
            try:
                with bar(f"{name} {shape}", 1.0, self.console) as update:
                    net = work(update)
            except TrainingFailed as error:
                raise UserError(self.advice(name, str(error))) from None
            save(net.state_dict(), path)
            return {"validation_accuracy": training.accuracy(net, self.data.val, self.data), "made": metadata.today()}

        inputs = {key: dataclasses.asdict(value) if isinstance(value, Recipe) else value for key, value in inputs.items()}
        inputs |= self.common | {
            "precision": str(self.number_format(name)),
            "shape": dataclasses.asdict(shape),
            "code": code_version(*code, *self.family.modules, watched),
        }
        done = self.stages.run(name, ".pt", inputs, kept)
        net = self.family.new(shape)
        net.load_state_dict(torch.load(done.path, weights_only=True, map_location="cpu"))
        height, width = self.data.train.images.shape[-2:]
        # The day is the stage's: a run that is only resumed writes the same bytes again.
        notes = self.notes(name, done.facts.get("made", "unknown"))
        return self._model(name, net, export.export(net.eval(), (height, width), self._file(name), notes, self.family.folded), done)

    def rounded(self, name: str, net: AnyNetwork, work: Callable[[Path], dict], inputs: dict[str, Any]) -> Model:
        """The row `name`, made by rounding `net`: its artefact is the ONNX file that `work(path)` writes; it returns the facts to keep of it.

        It is done again when `inputs` are others.
        """
        with status(f"{name}: quantising", self.console):
            done = self.stages.run(name, ".onnx", self.common | inputs, work)
        write_whole(self._file(name), done.path.read_bytes())
        return self._model(name, net, self._file(name), done)

    def new(self, shape: AnyShape) -> AnyNetwork:
        """A network of this shape with its first weights, the same for the same shape and seed."""
        torch.manual_seed(self.seed_for(str(shape)))
        return self.family.begin(shape, self.data, self.seed_for("first weights"))

    def train_with_teacher(self, net: nn.Module, recipe: Recipe, purpose: str, answers: Answers, update: Update) -> nn.Module:
        """Train `net` in place on the labels and the teacher's answers; `purpose` draws the order of the images."""
        loss = self.learner.learn_from_teacher(self.settings.temperature, self.settings.alpha)
        return training.train(net, self.data, recipe, loss, self.seed_for(purpose), update, answers.taught, self.number_format("student"))

    def help_of(self, answers: Answers) -> dict[str, Any]:
        """What the teacher's help depends on, among a stage's inputs."""
        return {
            "taught": answers.done.fingerprint,
            "distillation": (self.settings.temperature, self.settings.alpha),
            **self.learner.versions("loss"),
        }

    def seed_for(self, purpose: str) -> int:
        """A seed of its own for every purpose, so that a resumed run draws the same numbers as one that never stopped."""
        return int.from_bytes(hashlib.sha256(f"{self.seed} {purpose}".encode()).digest()[:6])

    def notes(self, name: str, made: str | None = None) -> dict[str, str]:
        """What someone who finds the row's file later needs to use it, as ONNX metadata. `made` is the day (ISO 8601), today if not given."""
        channels, height, width = self.data.train.images.shape[1:]
        about = Metadata(
            schema=metadata.SCHEMA,
            input=metadata.picture_of(channels, height, width, self.data.mean, self.data.std),
            classes=tuple(self.data.classes),
            model=Origin(LABELS[name].title, self.seed, made or metadata.today()),
            data=TrainedOn(self.data.title, self.data.source, self.data.fingerprint, self.data.licence),
            versions=metadata.versions(),
        )
        return metadata.props(about)

    def say(self, name: str, done: Done, result: str = "") -> None:
        """Tell the terminal what a stage gave, and how long it took or that it was done before."""
        how = "done before, taken from " + str(self.stages.folder) if done.resumed else f"{done.seconds:.1f} s"
        line = Text.assemble((f"{name:14} ", "bold"), f"{result}{'  ' if result else ''}", (f"({how})", "dim"))
        self.console.print(line, highlight=False, soft_wrap=True)

    def check(self, model: Model) -> None:
        """Raises UserError unless the row's file and its stage are still what this run wrote."""
        self.stages.check(model.done)
        if not model.path.is_file() or sha256(model.path) != model.written:
            raise UserError(
                f"{model.path} is not the file that this run wrote: something else wrote to this folder. Run again, with another --out."
            )

    def advice(self, name: str, what: str) -> str:
        """What happened to the row's training, and what to try, in a line."""
        recipe = RECIPE_OF.get(name, "recovery_recipe")
        rate = getattr(self.settings, recipe).peak_lr
        example = json.dumps({"schema": SCHEMA, "settings": {recipe: {"peak_lr": float(f"{rate / 5:.1g}")}}})
        return (
            f"{name}: {what}. Try a lower learning rate than {rate:g} (--config FILE with {example}), a batch norm behind every convolution, "
            "and look whether pictures and classes belong together."
        )

    def _file(self, name: str) -> Path:
        return self.out / ("" if name in FOUR else "controls") / f"{name}.onnx"

    def _model(self, name: str, net: AnyNetwork, path: Path, done: Done) -> Model:
        model = Model(name, net, path, done.facts["validation_accuracy"], done, sha256(path))
        self.say(name, done, f"{100 * model.validation_accuracy:.2f} % on validation images, {path.stat().st_size / 1000:,.1f} kB")
        return model


def save(state: Any, path: Path) -> None:
    """`torch.save`, in one write: it tells of a full disk in words of its own."""
    content = io.BytesIO()
    torch.save(state, content)
    path.write_bytes(content.getbuffer())
