"""Control rows: the same measurements where tutorials usually leave a step out or credit the wrong one.

Each model here differs from one of the table's four in a single respect. Every one is a stage of its own, done once and resumable.
"""

import copy
import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path

import onnxruntime
from torch import nn

from course_data.errors import UserError
from course_labs.fingerprints import code_version, sha256
from course_labs.measuring import measure
from course_labs.methods import distillation, export, families, other_tools, pruning, quantise, training, unstructured
from course_labs.methods.training import Update
from course_labs.networks import convnet
from course_labs.studio.row_maker import Answers, Model, RowMaker
from course_labs.using import metadata


class Controls:
    """The control models: made by `maker`, from the table's student and pruned rows and the teacher's answers."""

    def __init__(self, maker: RowMaker, student: Model, pruned: Model, answers: Answers):
        self.maker, self.settings, self.student, self.pruned, self.answers = maker, maker.settings, student, pruned, answers

    def makers(self) -> dict[str, Callable[[], Model]]:
        """What makes each model, by row, in the order of the table: all that need a network or a file of their own.

        (`eager` is the pruned row's network, told once more; `openvino` is the int8 row's file.)
        """
        found = {
            "no_teacher": self.no_teacher,
            "from_scratch": self.from_scratch,
            "unstructured": self.unstructured,
            "silenced": self.silenced,
            # PyTorch's `quantize_dynamic` silently passes over convolutions, and this is what is left
            "dynamic_linear": lambda: self.dynamic("dynamic_linear", ["MatMul", "Gemm"]),
            # ONNX Runtime's, convolutions included: the ranges of activations are found anew for every image
            "dynamic": lambda: self.dynamic("dynamic", None),
        }
        cuts = other_tools.installed(other_tools.TORCH_PRUNING) and self.maker.family.producers(self.student.net)
        return found | ({"torch_pruning": self.torch_pruning} if cuts else {})

    def no_teacher(self) -> Model:
        """The student again, from the same first weights and in the same order of images, without the teacher's answers.

        Nor their limit: the answers exist for a few views of each image; alone, it sees every image shifted anew in every epoch.
        """
        maker, chosen = self.maker, self.settings

        def work(update: Update) -> nn.Module:
            net = maker.new(chosen.student)
            return training.train(
                net,
                maker.data,
                chosen.student_recipe,
                training.cross_entropy,
                maker.seed_for("student"),
                update,
                number_format=maker.number_format("student"),
                judged=True,
            )

        return maker.trained("no_teacher", chosen.student, work, {"recipe": chosen.student_recipe}, (convnet, training))

    def from_scratch(self) -> Model:
        """The pruned shape from new weights, with the teacher's help, for the student's and the recovery's epochs together.

        The control of Liu et al. 2019 (arXiv:1810.05270): with the same budget, what are the inherited weights worth?
        """
        maker, shape = self.maker, self.pruned.net.shape
        recipe, recovery = self.settings.student_recipe, self.settings.recovery_recipe
        recipe = dataclasses.replace(recipe, epochs=recipe.epochs + recovery.epochs)

        def work(update: Update) -> nn.Module:
            return maker.train_with_teacher(maker.new(shape), recipe, "from_scratch", self.answers, update)

        return maker.trained(
            "from_scratch", shape, work, {"recipe": recipe} | maker.help_of(self.answers), (convnet, training, distillation)
        )

    def unstructured(self) -> Model:
        """The student with its smallest weights set to zero, as many numbers left as the pruned network has, and the same recovery."""
        maker, student, recipe, folded = self.maker, self.student, self.settings.recovery_recipe, self.maker.family.folded
        weights = sum(layer.weight.numel() for layer in unstructured.weighty(student.net))
        others = measure.parameters(folded(student.net)) - weights  # biases, batch norms' included
        count = measure.parameters(folded(self.pruned.net)) - others

        def work(update: Update) -> nn.Module:
            try:
                net = unstructured.masked_by_magnitude(copy.deepcopy(student.net), count)
            except ValueError as error:
                raise UserError(f"The control row of scattered zeros: {error}. Leave --controls out, or choose a wider student.") from None
            return unstructured.settled(maker.train_with_teacher(net, recipe, "pruned", self.answers, update))

        inputs = {"student": student.done.fingerprint, "left": count, "recipe": recipe} | maker.help_of(self.answers)
        return maker.trained(
            "unstructured", student.net.shape, work, inputs, (convnet, training, distillation, unstructured, sys.modules[__name__])
        )

    def silenced(self) -> Model:
        """What the pruned network computes, in the student's shape: the channels are zero instead of gone."""
        maker, student, pruned = self.maker, self.student, self.pruned

        def work(update: Update) -> nn.Module:
            scores = maker.family.channel_importance(student.net, maker.data, self.settings.importance_images)
            return maker.family.expanded(student.net, pruned.net, pruning.keep_best(scores, pruned.net.shape.widths))

        inputs = {"student": student.done.fingerprint, "pruned": pruned.done.fingerprint}
        return maker.trained("silenced", student.net.shape, work, inputs, (convnet, pruning, families, sys.modules[__name__]))

    def dynamic(self, name: str, operators: list[str] | None) -> Model:
        """The pruned network, dynamically quantised: the ONNX operator types `operators` alone, or all that ONNX Runtime can."""
        maker, pruned = self.maker, self.pruned

        def work(path: Path) -> dict:
            quantise.quantise_dynamic(pruned.path, path, operators, maker.notes(name))
            return {"validation_accuracy": float(measure.correct(path, maker.data.val, maker.data).mean())}

        inputs = {
            "source": sha256(pruned.path),
            "operators": operators,
            "onnxruntime": onnxruntime.__version__,
            "code": code_version(quantise, export, metadata),
        }
        return maker.rounded(name, pruned.net, work, inputs)

    def torch_pruning(self) -> Model:
        """The student cut to the pruned shape by Torch-Pruning, with its own scores and its own surgery, and the same recovery."""
        maker, student, shape = self.maker, self.student, self.pruned.net.shape
        recipe, images = self.settings.recovery_recipe, self.settings.importance_images

        def work(update: Update) -> nn.Module:
            state = other_tools.torch_pruned(student.net, maker.family.producers(student.net), shape.widths, maker.data, images)
            small = maker.family.new(shape)
            small.load_state_dict(state)
            return maker.train_with_teacher(small, recipe, "pruned", self.answers, update)

        inputs = {"student": student.done.fingerprint, "recipe": recipe, "importance_images": images}
        inputs |= maker.help_of(self.answers) | other_tools.versions()
        return maker.trained("torch_pruning", shape, work, inputs, (convnet, training, distillation, other_tools))
