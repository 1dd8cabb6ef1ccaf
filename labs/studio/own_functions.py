"""A learner's own functions in place of the lab's: `studio.use(loss=..., rebuild=..., calibrate=...)`."""

import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from course_data import Dataset, UserError
from course_labs.methods import distillation, pruning, quantise
from course_labs.methods.families import AnyNetwork
from course_labs.methods.training import Loss
from course_labs.networks.convnet import ConvNet


@dataclass
class OwnFunctions:
    """Functions that stand in for the lab's; None leaves the lab's own.

    `loss(student_logits, teacher_logits, labels, temperature, alpha_soft)` gives a scalar;
    `rebuild(state, kept)` gives the state of the smaller network;
    `calibrate(images, count, mean, std, seed)` gives normalised images, `images` being uint8 "train", "val" and "test".
    """

    loss: Callable | None = None
    rebuild: Callable | None = None
    calibrate: Callable | None = None

    def versions(self, *names: str) -> dict[str, str]:
        """What tells one function from another, for the record of a stage; empty for the lab's own."""
        return {f"own {name}": _text(getattr(self, name)) for name in names if getattr(self, name) is not None}

    def learn_from_teacher(self, temperature: float, alpha: float) -> Loss:
        """The loss for training with a teacher's answers. Raises UserError where the learner's own gives no finite number."""
        own = self.loss
        if own is None:
            return distillation.learn_from_teacher(temperature, alpha)

        def loss(logits: torch.Tensor, labels: torch.Tensor, taught: torch.Tensor | None) -> torch.Tensor:
            value = own(logits, taught, labels, temperature, alpha)
            if not isinstance(value, torch.Tensor) or value.ndim or not bool(torch.isfinite(value)):
                raise UserError(f"Your loss must give one finite number, a tensor of shape (); it gave {value!r}"[:300])
            if not value.requires_grad:
                raise UserError(
                    "Your loss gives a number without a gradient, so nothing is learnt: no .item(), .detach() or NumPy on the student's logits."
                )
            return value

        return loss

    def rebuilt(self, net: AnyNetwork, kept: list[torch.Tensor], usual: Callable[..., AnyNetwork] = pruning.rebuilt) -> AnyNetwork:
        """`net` without the channels that are not `kept`; `usual` is the lab's own way.

        Raises UserError where the learner's tensors do not fit the smaller network.
        """
        if self.rebuild is None:
            return usual(net, kept)
        if not isinstance(net, ConvNet):
            raise UserError("A function of your own for rebuilding goes with the course's own networks only.")
        small = ConvNet(replace(net.shape, widths=tuple(len(keep) for keep in kept)), net.in_channels, net.classes)
        with torch.no_grad():
            state = self.rebuild({name: tensor.clone() for name, tensor in net.state_dict().items()}, kept)
        try:
            small.load_state_dict(state)
        except (RuntimeError, TypeError, AttributeError) as error:
            raise UserError(f"What your function gives does not fit the smaller network. {error}") from None
        return small.train(net.training)

    def calibration_images(self, data: Dataset, count: int, seed: int) -> torch.Tensor:
        """Normalised images that set the int8 ranges: float32 (count, C, H, W). Raises UserError for anything else."""
        if self.calibrate is None:
            return quantise.calibration_images(data, count, seed)
        splits = {name: getattr(data, name).images for name in ("train", "val", "test")}
        images = self.calibrate(splits, count, list(data.mean), list(data.std), seed)
        wanted = (count, *data.train.images.shape[1:])
        if not isinstance(images, torch.Tensor) or images.dtype != torch.float32 or tuple(images.shape) != wanted:
            got = f"{images.dtype} {tuple(images.shape)}" if isinstance(images, torch.Tensor) else type(images).__name__
            raise UserError(f"Your calibration images must be a float32 tensor of the shape {wanted}; they are {got}.")
        return images


def _text(function: Callable) -> str:
    """A hash of the function and of the whole cell or file it stands in: it may call what is written beside it."""
    try:
        lines, _ = inspect.findsource(function)
        source = inspect.getsource(function) + "".join(lines)
    except (OSError, TypeError):
        source = repr(getattr(function, "__code__", function))
    return hashlib.sha256(source.encode()).hexdigest()[:16]
