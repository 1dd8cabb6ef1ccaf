"""`--teacher` and `--student`: two networks that have nothing to do with each other. Only the student is followed, for only it is pruned."""

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from course_data import Dataset, UserError
from course_labs.fingerprints import sha256
from course_labs.methods.families import AnyNetwork, ConvNets, Cuttable, Family
from course_labs.networks import whole
from course_labs.networks.convnet import Shape
from course_labs.networks.operations import normed
from course_labs.networks.whole import WholeNetwork, WholeShape
from course_labs.studio import factories
from course_labs.studio.factories import Source, checked, first_weights
from course_labs.studio.weights import load_weights


@dataclass(frozen=True)
class TwoNetworks:
    """What was asked for: `teacher` and `student`, each "path.py:factory" or "torchvision:NAME", None for the course's own.

    `weights` is a file of the teacher's; `keep_teacher` leaves the teacher as it comes.
    """

    teacher: str | None = None
    student: str | None = None
    weights: Path | None = None
    keep_teacher: bool = False

    def __bool__(self) -> bool:
        return self != TwoNetworks()

    def check(self) -> None:
        """Raises UserError where an option lacks the one that it goes with."""
        if self.weights and not self.teacher:
            raise UserError("--teacher-weights are those of a network that --teacher names. Give it, too.")
        if self.keep_teacher and not self.teacher:
            raise UserError(
                "--keep-teacher leaves a teacher as it comes: say with --teacher which, and with --teacher-weights where it comes from."
            )


class WholeNetworks:
    """Teachers, as a family: networks that come from one `source` and that nobody cuts. `weights` is a file with theirs.

    `example` is a batch of the images to come, normalised. Raises UserError when the network fails or does not give logits for them.
    """

    modules: tuple[ModuleType, ...] = (whole, factories, sys.modules[__name__])
    folded = staticmethod(whole.folded)

    def __init__(self, source: Source, example: torch.Tensor, classes: int, weights: Path | None = None):
        self.source, self.example, self.classes, self.weights = source, example, classes, weights
        self.shape = WholeShape(source.title)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            net = self.new(self.shape)
        checked(net, source, example, classes)
        self.first, self.normed = first_weights(net), normed(net)

    @property
    def comes_trained(self) -> bool:
        """Whether its weights may be trained ones."""
        return self.weights is not None or self.source.comes_trained

    @property
    def fingerprint(self) -> dict[str, str]:
        """The SHA-256 of the files it is made from, of the file with its weights, and of its first weights."""
        files = self.source.fingerprint() | ({"weights": sha256(self.weights)} if self.weights else {})
        return {"teacher": hashlib.sha256(repr([sorted(files.items()), self.first]).encode()).hexdigest()}

    def new(self, shape: WholeShape) -> WholeNetwork:
        """The network, with its own first weights."""
        body = self.source.make(self.example.shape[1], self.classes, self.example.shape[-1])
        if self.weights:
            load_weights(body, self.weights, self.source.title)
        return WholeNetwork(body, shape, self.example.shape[1])


class Pair:
    """Teacher and student of two families. Each shape and network goes to the family that made it; what is cut is the student's."""

    def __init__(self, two: TwoNetworks, teacher: ConvNets | WholeNetworks, student: Family):
        self.two, self.teacher, self.student = two, teacher, student

    @property
    def about(self) -> dict[str, Any]:
        """What a results file says of the networks."""
        two = self.two
        named = {"teacher_network": two.teacher, "student_network": two.student, "teacher_weights": two.weights and str(two.weights)}
        student = {key: value for key, value in self.student.about.items() if key != "model"}
        return {key: value for key, value in named.items() if value is not None} | student

    @property
    def fingerprint(self) -> dict[str, str]:
        return {f"{whose} {key}": value for whose in ("teacher", "student") for key, value in getattr(self, whose).fingerprint.items()}

    @property
    def modules(self) -> tuple[ModuleType, ...]:
        return tuple(dict.fromkeys((*self.teacher.modules, *self.student.modules, sys.modules[__name__])))

    def new(self, shape: Any) -> AnyNetwork:
        """A network of this shape, with random weights or those it brings."""
        return self._home(shape).new(shape)

    def begin(self, shape: Any, data: Dataset, seed: int) -> AnyNetwork:
        """A network of this shape to be trained on `data`."""
        home = self._home(shape)
        return home.new(shape) if isinstance(home, WholeNetworks) else home.begin(shape, data, seed)

    def folded(self, net: Any) -> nn.Module:
        """The network as it is deployed."""
        return self._home(net.shape).folded(net)

    def channel_importance(self, net: Any, data: Dataset, images: int) -> list[torch.Tensor]:
        """A score for every channel of the student."""
        return self.student.channel_importance(net, data, images)

    def rebuilt(self, net: Any, kept: list[torch.Tensor]) -> AnyNetwork:
        """The student with the `kept` channels alone."""
        return self.student.rebuilt(net, kept)

    def expanded(self, big: Any, small: Any, kept: list[torch.Tensor]) -> AnyNetwork:
        """The student's shape, computing what `small` computes."""
        return self.student.expanded(big, small, kept)

    def producers(self, net: Any) -> list[tuple[Cuttable, int]]:
        """The student's layers that make channels."""
        return self.student.producers(net)

    def _home(self, shape: Any) -> Any:
        mine = WholeShape if isinstance(self.teacher, WholeNetworks) else Shape
        return self.teacher if isinstance(shape, mine) else self.student
