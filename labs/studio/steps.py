"""The compression studio: teacher, student, pruned, int8, and one table for all four.

`run_lab` does everything; `Studio` does it step by step. Each step is done once for an output folder and taken
from there afterwards.
"""

import dataclasses
import functools
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import onnxruntime
import torch
from rich.console import Console
from torch import nn

from course_data import Dataset, UserError, load
from course_data.files import write_whole
from course_data.progress_bar import bar, status
from course_labs.fingerprints import code_version, sha256
from course_labs.measuring import accounting, controls, machine, measure, miscalibration
from course_labs.methods import distillation, export, pruning, quantise, training
from course_labs.methods.families import ConvNets
from course_labs.methods.training import Taught
from course_labs.networks import convnet  # fmt: skip
from course_labs.networks.convnet import Shape
from course_labs.report import control_sentences
from course_labs.report.output import write_reports
from course_labs.report.summary import collected
from course_labs.studio.own_functions import OwnFunctions
from course_labs.studio.settings import SETTINGS, Settings
from course_labs.studio.stages import Done, Stages, write_json

ROWS = ("teacher", "student", "pruned", "int8")
TITLES = {
    "teacher": "teacher, float32",
    "student": "distilled student, float32",
    "pruned": "+ pruned and rebuilt, float32",
    "int8": "+ quantised, int8",
}


@dataclass(frozen=True)
class Model:
    """One row in the making: the network, its ONNX file, and its accuracy on the validation images (0 to 1)."""

    name: str
    net: nn.Module
    path: Path
    validation_accuracy: float | None
    done: Done

    @property
    def eager(self) -> bool:
        """Whether PyTorch can run it. What was rounded in its ONNX file exists only there; `net` is then what it was before."""
        return self.done.path.suffix == ".pt"


class Studio:
    """Four models of one data set in the folder `out`.

    `data` is digits, mnist or cifar10, or a data set of your own that comes with `settings`; otherwise these replace the data set's own.
    `family` makes, prunes and folds the networks; without one, the course's own (`families.ConvNets`).
    Raises UserError if the data is not here or `out` cannot be used.
    """

    def __init__(
        self, data: str | Dataset, out: Path | str, seed: int = 0, settings: Settings | None = None, console: Console | None = None, family=None
    ):
        self.data: Dataset = load(data) if isinstance(data, str) else data
        self.family = family or ConvNets.of(self.data)
        self.settings = settings or SETTINGS[data]
        self.seed, self.out = seed, Path(out)
        self.console = console or Console(stderr=True)
        self.stages = Stages(self.out / "stages")
        self._models: dict[str, Model] = {}
        self.learner = OwnFunctions()
        self._taught: tuple[Taught, Done] | None = None
        where = training.device()
        self.common = {
            "data": self.data.fingerprint,
            "seed": seed,
            "device": where.type,
            "precision": str(training.precision(where)),
            "torch": torch.__version__,
            **self.family.fingerprint,
        }

    def use(self, **functions) -> None:
        """Put your own `loss`, `rebuild` or `calibrate` in the place of the lab's: see `own_functions.OwnFunctions`. What depends on it is done again."""
        for name, function in functions.items():
            if not hasattr(self.learner, name):
                raise UserError(f"The studio takes {', '.join(vars(self.learner))}, not {name!r}.")
            setattr(self.learner, name, function)
            later = {"loss": ("student", "pruned", "int8"), "rebuild": ("pruned", "int8"), "calibrate": ("int8",)}[name]
            self._models = {row: model for row, model in self._models.items() if row not in later}

    def teacher(self) -> Model:
        """Train the float32 network that everything else is measured against."""

        def work(update) -> nn.Module:
            net, loss = self.new(chosen.teacher), functools.partial(training.cross_entropy, smoothing=chosen.teacher_smoothing)
            return training.train(net, self.data, chosen.teacher_recipe, loss, self.seed_for("teacher"), update)

        chosen = self.settings
        inputs = {"recipe": chosen.teacher_recipe, "smoothing": chosen.teacher_smoothing}
        return self.trained("teacher", chosen.teacher, work, inputs, (convnet, training))

    def taught(self) -> tuple[Taught, Done]:
        """Ask the teacher about every training image once for each view, before any student needs it."""
        if self._taught is None:
            teacher, chosen = self.teacher(), self.settings

            def work(path: Path) -> dict:
                with bar("teacher's answers", 1.0, self.console) as update:
                    taught = distillation.teach(teacher.net, self.data, chosen.student_recipe, chosen.views, self.seed_for("views"), update)
                torch.save(dataclasses.asdict(taught), path)
                return {}

            recipe = dataclasses.asdict(chosen.student_recipe)
            inputs = self.common | {
                "teacher": teacher.done.fingerprint, "views": chosen.views, "shift": recipe["shift"], "flip": recipe["flip"],
                "code": code_version(convnet, training, distillation),
            }
            done = self.stages.run("taught", ".pt", inputs, work)
            self._say("taught", done, f"{chosen.views} views of every training image")
            self._taught = Taught(**torch.load(done.path, weights_only=True)), done
        return self._taught

    def student(self) -> Model:
        """Train a smaller network on the teacher's softened answers."""
        chosen, (taught, asked) = self.settings, self.taught()

        def work(update) -> nn.Module:
            loss = self.learner.learn_from_teacher(chosen.temperature, chosen.alpha)
            return training.train(self.new(chosen.student), self.data, chosen.student_recipe, loss, self.seed_for("student"), update, taught)

        inputs = {
            "taught": asked.fingerprint,
            "recipe": chosen.student_recipe,
            "distillation": (chosen.temperature, chosen.alpha),
            **self.learner.versions("loss"),
        }
        return self.trained("student", chosen.student, work, inputs, (convnet, training, distillation))

    def pruned(self) -> Model:
        """Cut the student's least important channels, rebuild it smaller, let it recover with the teacher's help."""
        student, chosen, (taught, asked) = self.student(), self.settings, self.taught()
        shape = dataclasses.replace(chosen.student, widths=chosen.pruned_widths)

        def work(update) -> nn.Module:
            scores = self.family.channel_importance(student.net, self.data, chosen.importance_images)
            small = self.learner.rebuilt(student.net, pruning.keep_best(scores, chosen.pruned_widths), self.family.rebuilt)
            loss = self.learner.learn_from_teacher(chosen.temperature, chosen.alpha)
            return training.train(small, self.data, chosen.recovery_recipe, loss, self.seed_for("pruned"), update, taught)

        inputs = {
            "student": student.done.fingerprint,
            "taught": asked.fingerprint,
            "recipe": chosen.recovery_recipe,
            "distillation": (chosen.temperature, chosen.alpha),
            "importance_images": chosen.importance_images,
            **self.learner.versions("loss", "rebuild"),
        }
        return self.trained("pruned", shape, work, inputs, (convnet, training, distillation, pruning))

    def int8(self) -> Model:
        """Round the pruned network's weights and activations to eight bits."""
        pruned = self.pruned()

        def work(path: Path) -> dict:
            images = self.learner.calibration_images(self.data, self.settings.calibration, self.seed_for("int8"))
            quantise.quantise(pruned.path, path, images, self.notes("int8"))
            return {"validation_accuracy": float(measure.correct(path, self.data.val, self.data).mean())}

        inputs = {
            **self.common,
            "source": sha256(pruned.path),
            "calibration": self.settings.calibration,
            "reduce_range": quantise.reduce_range(),
            "onnxruntime": onnxruntime.__version__,
            "code": code_version(quantise, export),
            **self.learner.versions("calibrate"),
        }
        return self.rounded("int8", pruned.net, work, inputs)

    def models(self) -> list[Model]:
        """All four, in the order of the table."""
        return [self.teacher(), self.student(), self.pruned(), self.int8()]

    def measure(self, with_controls: bool = False) -> dict:
        """Measure the four models in one run and write results.json, table.md, report.html and pictures. Returns the results.

        `with_controls` adds the control rows of course_labs.measuring.controls, measured in the same run. This is the only place that looks at test images.
        """
        models = self.models()
        if with_controls:
            models += controls.Controls(self).models()
        inputs = {
            "models": {m.name: sha256(m.path) for m in models},
            "data": self.data.fingerprint,
            "calls": self.settings.latency_calls,
            "machine": machine.describe(),
            "versions": machine.versions(),
            "calibration": self.settings.calibration,
            "code": code_version(measure, convnet, accounting, miscalibration, quantise),
        }

        def work(path: Path) -> dict:
            write_json(path, self._measured(models) | {"measured": datetime.now(UTC).date().isoformat()})
            return {}

        done = self.stages.run("measure", ".rows.json", inputs, work)
        self._say("measure", done)
        results = self._results(models, done)
        write_reports(results, self.out, self.data)
        return results

    # ------------------------------------------------------------------ how a row is made, here and in `controls`

    def new(self, shape: Shape) -> nn.Module:
        """A network of this shape with its first weights, the same for the same shape and seed."""
        torch.manual_seed(self.seed_for(str(shape)))
        return self.family.begin(shape, self.data, self.seed_for("first weights"))

    def seed_for(self, purpose: str) -> int:
        """A seed of its own for every purpose, so that a resumed run draws the same numbers as one that never stopped."""
        return int.from_bytes(hashlib.sha256(f"{self.seed} {purpose}".encode()).digest()[:6])

    def notes(self, name: str) -> dict[str, str]:
        """What someone who finds the file later needs to use it."""
        return {
            "row": (TITLES | controls.TITLES)[name],
            "data": self.data.title,
            "classes": " ".join(self.data.classes),
            "input": "(pixel / 255 - mean) / std, per channel",
            "mean": " ".join(f"{m:.6f}" for m in self.data.mean),
            "std": " ".join(f"{s:.6f}" for s in self.data.std),
        }

    def trained(self, name: str, shape: Shape, work, inputs: dict, code: tuple) -> Model:
        """The row `name`, trained: its artefact is the state of the network.

        `work(update)` trains and returns a network of `shape`. It is done again when `inputs`, or the source of the modules in `code`, are others.
        """
        if name in self._models:
            return self._models[name]

        def save(path: Path) -> dict:
            with bar(f"{name} {shape}", 1.0, self.console) as update:
                net = work(update)
            torch.save(net.state_dict(), path)
            return {"validation_accuracy": training.accuracy(net, self.data.val, self.data)}

        inputs = {k: dataclasses.asdict(v) if dataclasses.is_dataclass(v) else v for k, v in inputs.items()}
        inputs |= self.common | {"shape": dataclasses.asdict(shape), "code": code_version(*code, *self.family.modules)}
        done = self.stages.run(name, ".pt", inputs, save)
        net = self.family.new(shape)
        net.load_state_dict(torch.load(done.path, weights_only=True, map_location="cpu"))
        path = export.export(net.eval(), self._size(), self._file(name), self.notes(name), self.family.folded)
        return self._remember(name, net, path, done)

    def rounded(self, name: str, net: nn.Module, work, inputs: dict) -> Model:
        """The row `name`, made by rounding `net`: its artefact is the ONNX file that `work(path)` writes; it returns the facts to keep of it.

        It is done again when `inputs` are others.
        """
        if name in self._models:
            return self._models[name]
        with status(f"{name}: quantising", self.console):
            done = self.stages.run(name, ".onnx", inputs, work)
        write_whole(self._file(name), done.path.read_bytes())
        return self._remember(name, net, self._file(name), done)

    # ------------------------------------------------------------------ inside

    def _size(self) -> tuple[int, int]:
        return tuple(self.data.train.images.shape[-2:])

    def _file(self, name: str) -> Path:
        return self.out / ("" if name in ROWS else "controls") / f"{name}.onnx"

    def _remember(self, name: str, net: nn.Module, path: Path, done: Done) -> Model:
        model = Model(name, net, path, done.facts["validation_accuracy"], done)
        self._models[name] = model
        self._say(name, done, f"{100 * model.validation_accuracy:.2f} % on validation images, {path.stat().st_size / 1000:,.1f} kB")
        return model

    def _say(self, name: str, done: Done, result: str = "") -> None:
        how = "done before, taken from " + str(self.stages.folder) if done.resumed else f"{done.seconds:.1f} s"
        self.console.print(f"[bold]{name:14}[/] {result}{'  ' if result else ''}[dim]({how})[/]", highlight=False, soft_wrap=True)

    def _measured(self, models: list[Model]) -> dict:
        """Every look at the test images, and every clock."""
        test = self.data.test
        said = {m.name: measure.predictions(m.path, test, self.data) for m in models}
        source = next(m.path for m in models if m.name == "pruned")
        with status("measure: int8 calibrated on the wrong images", self.console):
            wrong = miscalibration.compare(
                lambda path, images: quantise.quantise(source, path, images), self.data, self.settings.calibration, self.seed_for("wrong calibration")
            )
        return {"rows": self._rows(models, said), "lost": measure.lost(said["teacher"], said["int8"], test.labels.numpy()), "wrong_calibration": wrong}

    def _rows(self, models: list[Model], said: dict) -> list[dict]:
        image = convnet.normalise(self.data.test.images[:1], self.data.mean, self.data.std)
        plain = {m.name: self.family.folded(m.net) for m in models if m.eager}
        runtime = {m.name: measure.onnx_call(m.path, image.numpy()) for m in models}
        eager = {f"eager {name}": measure.eager_call(net, image) for name, net in plain.items()}
        others = controls.other_runtimes({m.name: m.path for m in models})
        elsewhere = {name: functools.partial(run, image.numpy()) for name, run in others.items()}
        with bar("measure latency", 1.0, self.console) as update, measure.one_thread():
            times = measure.latencies(runtime | eager | elsewhere, self.settings.latency_calls, self.seed, update=update)
        with status("measure: throughput", self.console):
            throughput = measure.throughput({m.name: m.path for m in models}, image.numpy(), self.settings.latency_calls, self.seed)
        rows, labels = [], self.data.test.labels.numpy()
        for model in models:
            layers = plain.get(model.name) or self.family.folded(model.net)
            rows.append({
                "name": model.name,
                "title": (TITLES | controls.TITLES)[model.name],
                "file": model.path.relative_to(self.out).as_posix(),
                "widths": list(model.net.shape.widths),
                **measure.accuracies(said[model.name], labels, len(self.data.classes)),
                "validation_accuracy": model.validation_accuracy,
                "bytes": model.path.stat().st_size,
                "bytes_by_part": accounting.parts(model.path),
                "gzip_bytes": accounting.gzip_bytes(model.path),
                "parameters": measure.parameters(layers),
                "nonzero_parameters": sum(int(p.count_nonzero()) for p in layers.parameters()),
                "macs": measure.macs(layers, image),
                "onnx_runtime": measure.summary(times[model.name]),
                "images_per_second": throughput[model.name],
                "pytorch_eager": measure.summary(times[f"eager {model.name}"]) if model.name in plain else None,
            })
        for name, run in others.items():
            right = measure.accuracies(run.predictions(self.data.test, self.data), labels, len(self.data.classes))
            row = {"name": name, "title": controls.TITLES[name], "onnx_runtime": None, "images_per_second": None, name: measure.summary(times[name])}
            rows.append(next(row for row in rows if row["name"] == "int8") | right | row)
        return rows

    def _results(self, models: list[Model], measured: Done) -> dict:
        found = json.loads(measured.path.read_bytes())
        rows = found["rows"][: len(ROWS)]
        seconds = {m.name: m.done.seconds for m in models} | {"taught": self.taught()[1].seconds, "measure": measured.seconds}
        data = {
            "name": self.data.name, "title": self.data.title, "source": self.data.source, "fingerprint": self.data.fingerprint,
            "classes": list(self.data.classes), "train": len(self.data.train), "validation": len(self.data.val), "test": len(self.data.test),
        }
        run = {
            "seed": self.seed,
            "measured": found["measured"],
            "machine": machine.describe(),
            "versions": machine.versions(),
            "minutes": {name: round(s / 60, 3) for name, s in seconds.items()} | {"total": round(sum(seconds.values()) / 60, 3)},
            "rows": rows,
            "ratios": {row["name"]: _ratios(rows[0], row) for row in rows[1:]},
            "controls": control_sentences.control_rows(rows, found["rows"][len(ROWS) :]),
            "lost": found["lost"],
            "wrong_calibration": found["wrong_calibration"],
        }
        return collected(data, dataclasses.asdict(self.settings) | self.family.about, [run])


def run_lab(
    data: str | Dataset = "digits", out: Path | str = "runs/digits", seed: int = 0, settings: Settings | None = None, console: Console | None = None,
    with_controls: bool = False, family=None,
) -> dict:
    """Build and measure all four models; write results.json, table.md, report.html, pictures and four .onnx files to `out`. Returns the results.

    `with_controls` adds the control rows, and their files in `out`/controls. `data` and `family` are those of `Studio`. Starting again with the same arguments goes on after the last finished stage.
    """
    return Studio(data, out, seed, settings, console, family).measure(with_controls)


def _ratios(teacher: dict, row: dict) -> dict[str, float]:
    """How many times smaller or faster than the teacher; accuracy as the difference in percentage points."""
    return {
        "bytes": teacher["bytes"] / row["bytes"],
        "parameters": teacher["parameters"] / row["parameters"],
        "macs": teacher["macs"] / row["macs"],
        "latency": teacher["onnx_runtime"]["median_ms"] / row["onnx_runtime"]["median_ms"],
        "accuracy_points": 100 * (row["accuracy"] - teacher["accuracy"]),
    }
