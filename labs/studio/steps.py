"""The compression studio: teacher, student, pruned, int8, and one table for all four.

`run_lab` does everything; `Studio` does it step by step. Each step is done once for an output folder and taken
from there afterwards.
"""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path

import onnxruntime
import torch
from rich.console import Console
from torch import nn

from course_data import Dataset, UserError, load
from course_data.files import room_in
from course_data.progress_bar import bar
from course_labs.fingerprints import code_version, sha256
from course_labs.measuring import measure
from course_labs.methods import distillation, export, pruning, quantise, training
from course_labs.methods.families import ConvNets, Family
from course_labs.methods.training import Taught, Update
from course_labs.networks import convnet
from course_labs.networks.whole import WholeNetwork
from course_labs.report.output import write_reports
from course_labs.report.results import Results
from course_labs.report.summary import collected
from course_labs.studio import measurement
from course_labs.studio.controls import Controls
from course_labs.studio.one_run import only_run
from course_labs.studio.row_maker import Answers, Model, RowMaker, save
from course_labs.studio.settings import SETTINGS, Settings
from course_labs.using import metadata

# What is made from what: whoever puts in a function of their own gets these rows again.
DEPENDS_ON = {"loss": ("student", "pruned", "int8"), "rebuild": ("pruned", "int8"), "calibrate": ("int8",)}

RESUMES = "Finished stages are kept: make room, then type the same command again."


class Studio:
    """Four models of one data set in the folder `out`.

    `data` is digits, mnist or cifar10, or a data set of your own that comes with `settings`; otherwise these replace the data set's own.
    `family` makes, prunes and folds the networks; without one, the course's own (`families.ConvNets`).
    Raises UserError if the data is not here or `out` cannot be used.
    """

    def __init__(
        self,
        data: str | Dataset,
        out: Path | str,
        seed: int = 0,
        settings: Settings | None = None,
        console: Console | None = None,
        family: Family | None = None,
    ):
        self.data: Dataset = load(data) if isinstance(data, str) else data
        self.family: Family = family or ConvNets.of(self.data)
        self.settings = settings or SETTINGS[self.data.name]
        self.seed, self.out = seed, Path(out)
        self.maker = RowMaker(self.data, self.family, self.settings, seed, self.out, console or Console(stderr=True))
        self.learner = self.maker.learner
        self._models: dict[str, Model] = {}
        self._answers: Answers | None = None

    def use(self, **functions: Callable) -> None:
        """Put your own `loss`, `rebuild` or `calibrate` in the place of the lab's: see `own_functions`.

        What depends on it is done again.
        """
        for name, function in functions.items():
            if name not in DEPENDS_ON:
                raise UserError(f"The studio takes {', '.join(DEPENDS_ON)}, not {name!r}.")
            setattr(self.learner, name, function)
            self._models = {row: model for row, model in self._models.items() if row not in DEPENDS_ON[name]}

    def teacher(self) -> Model:
        """Train the float32 network that everything else is measured against."""
        chosen, maker = self.settings, self.maker

        def work(update: Update) -> nn.Module:
            net, loss = maker.new(chosen.teacher), functools.partial(training.cross_entropy, smoothing=chosen.teacher_smoothing)
            if isinstance(net, WholeNetwork):
                self._tell_of(net)
            if chosen.keep_teacher:
                return net
            seed, number_format = maker.seed_for("teacher"), maker.number_format("teacher")
            return training.train(net, self.data, chosen.teacher_recipe, loss, seed, update, number_format=number_format, judged=True)

        inputs = {"recipe": chosen.teacher_recipe, "smoothing": chosen.teacher_smoothing, "kept": chosen.keep_teacher}
        return self._once("teacher", lambda: maker.trained("teacher", chosen.teacher, work, inputs, (convnet, training)))

    def _tell_of(self, net: WholeNetwork) -> None:
        """Say what somebody else's network knows before it is trained here."""
        share = training.accuracy(net, self.data.val, self.data)
        chance = float(self.data.val.labels.bincount().max()) / len(self.data.val)
        if share < chance + 0.1:
            if self.settings.keep_teacher:
                raise UserError(
                    f"--keep-teacher: {net.shape} gets {100 * share:.1f} % of the validation images right as it comes, and chance {100 * chance:.1f} %. "
                    "Was it trained on these classes, in this order, on pictures normalised with their own mean and spread?"
                )
            return
        then = "It is kept as it is." if self.settings.keep_teacher else "Training goes on from there; --keep-teacher would leave it."
        self.maker.console.print(
            f"{net.shape} comes with {100 * share:.2f} % on validation images. {then}", markup=False, highlight=False, soft_wrap=True
        )

    def answers(self) -> Answers:
        """Ask the teacher about every training image once for each view, before any student needs it."""
        if self._answers is None:
            teacher, chosen, maker, recipe = self.teacher(), self.settings, self.maker, self.settings.student_recipe

            def work(path: Path) -> dict:
                with bar("teacher's answers", 1.0, maker.console) as update:
                    seed, number_format = maker.seed_for("views"), maker.number_format("teacher")
                    taught = distillation.teach(teacher.net, self.data, recipe, chosen.views, seed, update, number_format)
                if not bool(torch.isfinite(taught.logits).all()):
                    raise UserError(maker.advice("teacher", "some of its answers are no numbers, or beyond the 65,504 of float16"))
                save(dataclasses.asdict(taught), path)
                return {}

            inputs = maker.common | {
                "teacher": teacher.done.fingerprint,
                "views": chosen.views,
                "shift": recipe.shift,
                "flip": recipe.flip,
                "precision": str(maker.number_format("teacher")),
                "code": code_version(convnet, training, distillation),
            }
            with only_run(self.out):
                done = maker.stages.run("taught", ".pt", inputs, work)
            maker.say("taught", done, f"{chosen.views} views of every training image")
            self._answers = Answers(Taught(**torch.load(done.path, weights_only=True)), done)
        return self._answers

    def student(self) -> Model:
        """Train a smaller network on the teacher's softened answers."""
        chosen, maker, answers = self.settings, self.maker, self.answers()

        def work(update: Update) -> nn.Module:
            return maker.train_with_teacher(maker.new(chosen.student), chosen.student_recipe, "student", answers, update)

        inputs = {"recipe": chosen.student_recipe} | maker.help_of(answers)
        return self._once("student", lambda: maker.trained("student", chosen.student, work, inputs, (convnet, training, distillation)))

    def pruned(self) -> Model:
        """Cut the student's least important channels, rebuild it smaller, let it recover with the teacher's help."""
        student, chosen, maker, answers = self.student(), self.settings, self.maker, self.answers()
        shape = dataclasses.replace(chosen.student, widths=chosen.pruned_widths)

        def work(update: Update) -> nn.Module:
            scores = self.family.channel_importance(student.net, self.data, chosen.importance_images)
            small = self.learner.rebuilt(student.net, pruning.keep_best(scores, chosen.pruned_widths), self.family.rebuilt)
            return maker.train_with_teacher(small, chosen.recovery_recipe, "pruned", answers, update)

        inputs = {
            "student": student.done.fingerprint,
            "recipe": chosen.recovery_recipe,
            "importance_images": chosen.importance_images,
            **maker.help_of(answers),
            **self.learner.versions("rebuild"),
        }
        return self._once("pruned", lambda: maker.trained("pruned", shape, work, inputs, (convnet, training, distillation, pruning)))

    def int8(self) -> Model:
        """Round the pruned network's weights and activations to eight bits."""
        pruned, chosen, maker = self.pruned(), self.settings, self.maker

        def work(path: Path) -> dict:
            images = self.learner.calibration_images(self.data, chosen.calibration, maker.seed_for("int8"))
            quantise.quantise(pruned.path, path, images, maker.notes("int8"))
            return {"validation_accuracy": float(measure.correct(path, self.data.val, self.data).mean())}

        inputs = {
            "source": sha256(pruned.path),
            "calibration": chosen.calibration,
            "reduce_range": quantise.reduce_range(),
            "onnxruntime": onnxruntime.__version__,
            "code": code_version(quantise, export, metadata),
            **self.learner.versions("calibrate"),
        }
        return self._once("int8", lambda: maker.rounded("int8", pruned.net, work, inputs))

    def models(self) -> list[Model]:
        """All four, in the order of the table."""
        return [self.teacher(), self.student(), self.pruned(), self.int8()]

    def measure(self, with_controls: bool = False) -> Results:
        """Measure the four models in one run and write results.json, table.md, report.html and pictures. Returns the results.

        `with_controls` adds the control rows (`studio.controls`), measured in the same run. Only this looks at test images.
        """
        with only_run(self.out), room_in(self.out, RESUMES):
            models = self.models()
            if with_controls:
                controls = Controls(self.maker, self.student(), self.pruned(), self.answers())
                models += [self._once(name, make) for name, make in controls.makers().items()]
            run = measurement.measured_run(self.maker, models, {"taught": self.answers().done.seconds})
            results = collected(measurement.described(self.data), dataclasses.asdict(self.settings) | self.family.about, [run])
            write_reports(results, self.out, self.data)
            return results

    def _once(self, name: str, make: Callable[[], Model]) -> Model:
        """The row `name`, made the first time it is asked for."""
        if name not in self._models:
            with only_run(self.out), room_in(self.out, RESUMES):
                self._models[name] = make()
        return self._models[name]


def run_lab(
    data: str | Dataset = "digits",
    out: Path | str = "runs/digits",
    seed: int = 0,
    settings: Settings | None = None,
    console: Console | None = None,
    with_controls: bool = False,
    family: Family | None = None,
) -> Results:
    """Build and measure all four models; write results.json, table.md, report.html, pictures and four .onnx files to `out`.

    Returns the results. `with_controls` adds the control rows, and their files in `out`/controls. `data` and `family` are those of `Studio`.
    Starting again with the same arguments goes on after the last finished stage.
    """
    return Studio(data, out, seed, settings, console, family).measure(with_controls)
