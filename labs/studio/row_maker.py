"""How one row is made: train or round a network as a stage that is done once, and write its ONNX file."""

import dataclasses
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from rich.console import Console
from torch import nn

from course_data import Dataset
from course_data.files import write_whole
from course_data.progress_bar import bar, status
from course_labs.fingerprints import code_version
from course_labs.measuring.rows import LABELS, MODELS
from course_labs.methods import export, training
from course_labs.methods.families import AnyNetwork, AnyShape, Family
from course_labs.methods.training import Recipe, Taught, Update
from course_labs.studio.own_functions import OwnFunctions
from course_labs.studio.settings import Settings
from course_labs.studio.stages import Done, Stages

FOUR = tuple(label.name for label in MODELS)


@dataclass(frozen=True)
class Model:
    """A network that becomes a row: its ONNX file, its accuracy on the validation images (0 to 1), and the stage that made it."""

    name: str
    net: AnyNetwork
    path: Path
    validation_accuracy: float
    done: Done

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
            "precision": str(training.precision(where)),
            "torch": torch.__version__,
            **family.fingerprint,
        }

    def trained(
        self, name: str, shape: AnyShape, work: Callable[[Update], nn.Module], inputs: dict[str, Any], code: tuple[ModuleType, ...]
    ) -> Model:
        """The row `name`, trained: its artefact is the state of the network.

        `work(update)` trains and returns a network of `shape`. It is done again when `inputs`, or the source of the modules in `code`, are others.
        """

        def save(path: Path) -> dict:
            with bar(f"{name} {shape}", 1.0, self.console) as update:
                net = work(update)
            torch.save(net.state_dict(), path)
            return {"validation_accuracy": training.accuracy(net, self.data.val, self.data)}

        inputs = {key: dataclasses.asdict(value) if isinstance(value, Recipe) else value for key, value in inputs.items()}
        inputs |= self.common | {"shape": dataclasses.asdict(shape), "code": code_version(*code, *self.family.modules)}
        done = self.stages.run(name, ".pt", inputs, save)
        net = self.family.new(shape)
        net.load_state_dict(torch.load(done.path, weights_only=True, map_location="cpu"))
        height, width = self.data.train.images.shape[-2:]
        return self._model(
            name, net, export.export(net.eval(), (height, width), self._file(name), self.notes(name), self.family.folded), done
        )

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
        return training.train(net, self.data, recipe, loss, self.seed_for(purpose), update, answers.taught)

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

    def notes(self, name: str) -> dict[str, str]:
        """What someone who finds the row's file later needs to use it."""
        return {
            "row": LABELS[name].title,
            "data": self.data.title,
            "classes": " ".join(self.data.classes),
            "input": "(pixel / 255 - mean) / std, per channel",
            "mean": " ".join(f"{m:.6f}" for m in self.data.mean),
            "std": " ".join(f"{s:.6f}" for s in self.data.std),
        }

    def say(self, name: str, done: Done, result: str = "") -> None:
        """Tell the terminal what a stage gave, and how long it took or that it was done before."""
        how = "done before, taken from " + str(self.stages.folder) if done.resumed else f"{done.seconds:.1f} s"
        self.console.print(f"[bold]{name:14}[/] {result}{'  ' if result else ''}[dim]({how})[/]", highlight=False, soft_wrap=True)

    def _file(self, name: str) -> Path:
        return self.out / ("" if name in FOUR else "controls") / f"{name}.onnx"

    def _model(self, name: str, net: AnyNetwork, path: Path, done: Done) -> Model:
        model = Model(name, net, path, done.facts["validation_accuracy"], done)
        self.say(name, done, f"{100 * model.validation_accuracy:.2f} % on validation images, {path.stat().st_size / 1000:,.1f} kB")
        return model
