"""Control rows: the same measurements where tutorials usually leave a step out or credit the wrong one.

Each model here differs from one of the table's four in a single respect. `Controls(studio).models()` makes them all; every one is a stage
of the studio, done once and resumable.
"""

import copy
import dataclasses
import sys
from pathlib import Path

import onnxruntime
import torch
from torch import nn
from torch.nn.utils import parametrize, prune

from course_data.errors import UserError
from course_labs.fingerprints import code_version, sha256
from course_labs.measuring import measure
from course_labs.methods import distillation, export, families, other_tools, pruning, quantise, training
from course_labs.networks import convnet

TITLES = {
    "no_teacher": "student trained without a teacher",
    "from_scratch": "pruned shape trained from scratch",
    "unstructured": "student, scattered weights pruned",
    "silenced": "pruned channels silenced, not cut",
    "dynamic_linear": "pruned, dynamic int8, linear layers only",
    "dynamic": "pruned, dynamic int8, all layers",
    "eager": "pruned, run by PyTorch (eager)",
    "torch_pruning": "student pruned by Torch-Pruning",
    "openvino": "int8 file, run by OpenVINO",
}


def other_runtimes(models: dict[str, Path]) -> dict[str, other_tools.OpenVino]:
    """Files that control rows run elsewhere than in ONNX Runtime, ready to be called: none where no control row is measured. `models` are files by name."""
    wanted = set(models) & set(TITLES) and other_tools.installed(other_tools.OPENVINO)
    return {"openvino": other_tools.OpenVino(models["int8"])} if wanted else {}


class Controls:
    """The control models of `studio`, a `course_labs.studio.steps.Studio`."""

    def __init__(self, studio):
        self.studio = studio

    def models(self) -> list:
        """All that need a network or a file of their own, in the order of the table. (`eager` is the pruned row's network, told once more.)"""
        made = [self.no_teacher(), self.from_scratch(), self.unstructured(), self.silenced(), self.dynamic_linear(), self.dynamic()]
        return made + ([self.torch_pruning()] if other_tools.installed(other_tools.TORCH_PRUNING) else [])

    def no_teacher(self):
        """The student again, from the same first weights and in the same order of images, without the teacher's answers.

        Nor their limit: the answers exist for a few views of each image; alone, it sees every image shifted anew in every epoch.
        """
        studio, chosen = self.studio, self.studio.settings

        def work(update) -> nn.Module:
            net = studio.new(chosen.student)
            return training.train(net, studio.data, chosen.student_recipe, training.cross_entropy, studio.seed_for("student"), update)

        return studio.trained("no_teacher", chosen.student, work, {"recipe": chosen.student_recipe}, (convnet, training))

    def from_scratch(self):
        """The pruned shape from new weights, with the teacher's help, for the student's and the recovery's epochs together.

        The control of Liu et al. 2019 (arXiv:1810.05270): with the same budget, what are the inherited weights worth?
        """
        studio, chosen, pruned = self.studio, self.studio.settings, self.studio.pruned()
        recipe = dataclasses.replace(chosen.student_recipe, epochs=chosen.student_recipe.epochs + chosen.recovery_recipe.epochs)

        def work(update) -> nn.Module:
            return self._taught(studio.new(pruned.net.shape), recipe, "from_scratch", update)

        return studio.trained("from_scratch", pruned.net.shape, work, {"recipe": recipe} | self._help(), (convnet, training, distillation))

    def unstructured(self):
        """The student with its smallest weights set to zero, as many numbers left as the pruned network has, and the same recovery."""
        studio, student, pruned = self.studio, self.studio.student(), self.studio.pruned()
        recipe, folded = studio.settings.recovery_recipe, studio.family.folded
        others = measure.parameters(folded(student.net)) - sum(layer.weight.numel() for layer in _weighty(student.net))  # biases, batch norms' included
        count = measure.parameters(folded(pruned.net)) - others

        def work(update) -> nn.Module:
            try:
                net = masked_by_magnitude(copy.deepcopy(student.net), count)
            except ValueError as error:
                raise UserError(f"The control row of scattered zeros: {error}. Leave --controls out, or choose a wider student.") from None
            return settled(self._taught(net, recipe, "pruned", update))

        inputs = {"student": student.done.fingerprint, "left": count, "recipe": recipe} | self._help()
        return studio.trained("unstructured", student.net.shape, work, inputs, (convnet, training, distillation, sys.modules[__name__]))

    def silenced(self):
        """What the pruned network computes, in the student's shape: the channels are zero instead of gone."""
        studio, student, pruned = self.studio, self.studio.student(), self.studio.pruned()

        def work(update) -> nn.Module:
            scores = studio.family.channel_importance(student.net, studio.data, studio.settings.importance_images)
            return studio.family.expanded(student.net, pruned.net, pruning.keep_best(scores, pruned.net.shape.widths))

        inputs = {"student": student.done.fingerprint, "pruned": pruned.done.fingerprint}
        return studio.trained("silenced", student.net.shape, work, inputs, (convnet, pruning, families, sys.modules[__name__]))

    def dynamic_linear(self):
        """Dynamic quantisation of linear layers alone: PyTorch's `quantize_dynamic` silently passes over convolutions, and this is what is left."""
        return self._dynamic("dynamic_linear", ["MatMul", "Gemm"])

    def dynamic(self):
        """ONNX Runtime's dynamic quantisation, convolutions included: the ranges of activations are found anew for every image."""
        return self._dynamic("dynamic", None)

    def torch_pruning(self):
        """The student cut to the pruned shape by Torch-Pruning, with its own scores and its own surgery, and the same recovery."""
        studio, student, pruned = self.studio, self.studio.student(), self.studio.pruned()
        recipe, images, shape = studio.settings.recovery_recipe, studio.settings.importance_images, pruned.net.shape

        def work(update) -> nn.Module:
            state = other_tools.torch_pruned(student.net, studio.family.producers(student.net), shape.widths, studio.data, images)
            small = studio.family.new(shape)
            small.load_state_dict(state)
            return self._taught(small, recipe, "pruned", update)

        inputs = {"student": student.done.fingerprint, "recipe": recipe, "importance_images": images} | self._help() | other_tools.versions()
        return studio.trained("torch_pruning", shape, work, inputs, (convnet, training, distillation, other_tools))

    def _taught(self, net: nn.Module, recipe: training.Recipe, purpose: str, update) -> nn.Module:
        """Train `net` in place with the teacher's help, as the student and the pruned network were."""
        studio, chosen = self.studio, self.studio.settings
        loss = studio.learner.learn_from_teacher(chosen.temperature, chosen.alpha)
        return training.train(net, studio.data, recipe, loss, studio.seed_for(purpose), update, studio.taught()[0])

    def _help(self) -> dict:
        """What the teacher's help depends on, for a stage's fingerprint."""
        chosen = self.studio.settings
        found = {"taught": self.studio.taught()[1].fingerprint, "distillation": (chosen.temperature, chosen.alpha)}
        return found | self.studio.learner.versions("loss")

    def _dynamic(self, name: str, operators: list[str] | None):
        studio, pruned = self.studio, self.studio.pruned()

        def work(path: Path) -> dict:
            quantise.quantise_dynamic(pruned.path, path, operators, studio.notes(name))
            return {"validation_accuracy": float(measure.correct(path, studio.data.val, studio.data).mean())}

        inputs = {
            **studio.common,
            "source": sha256(pruned.path),
            "operators": operators,
            "onnxruntime": onnxruntime.__version__,
            "code": code_version(quantise, export),
        }
        return studio.rounded(name, pruned.net, work, inputs)


class _Held(nn.Module):
    """A parametrisation that multiplies a weight by its mask whenever it is read.

    Neither momentum nor weight decay can revive a masked weight: setting zeros once and training on would let them.
    """

    def __init__(self, mask: torch.Tensor):
        super().__init__()
        self.register_buffer("mask", mask)

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return weight * self.mask


def _weighty(net: nn.Module) -> list[nn.Module]:
    return [m for m in net.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]


def masked_by_magnitude(net: nn.Module, count: int) -> nn.Module:
    """Hold all but the `count` largest weights of convolutions and linear layers at zero, in place.

    Weights compete over the whole network (Han et al. 2015, arXiv:1506.02626); biases and batch norms are left alone.
    Raises ValueError if `count` is not between 1 and the number of weights.
    """
    layers, copies = _weighty(net), _weighty(copy.deepcopy(net))
    weights = sum(layer.weight.numel() for layer in layers)
    if not 0 < count <= weights:
        raise ValueError(f"cannot leave {count} of {weights} weights")
    prune.global_unstructured([(layer, "weight") for layer in copies], prune.L1Unstructured, amount=weights - count)
    for layer, twin in zip(layers, copies):
        parametrize.register_parametrization(layer, "weight", _Held(twin.weight_mask))
    return net


def settled(net: nn.Module) -> nn.Module:
    """Make held masks permanent, in place: ordinary weights again, zeros where the mask was."""
    for layer in [m for m in net.modules() if parametrize.is_parametrized(m)]:
        parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)
    return net
