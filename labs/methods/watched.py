"""A training that fails says so while it runs: a loss that is no number, a network that is still at chance after some epochs."""

import math

import torch

from course_data import UserError

FIRST_EPOCHS = 3  # before them, nobody is called a failure
FIRST_SHARE = 0.1  # nor before this share of the training, in which the learning rate is still rising
PATIENCE = 2  # epochs in a row


class TrainingFailed(UserError):
    """A training that leads nowhere: the message says when it was seen."""


class Watch:
    """Looks at every step of a training on `labels` int64 (N,), `steps` steps of which `per_epoch` make an epoch.

    At chance is an epoch in which the network was right no more often than by naming the commonest class (three standard errors allowed),
    and whose cross-entropy was no lower than that of always answering with the classes' shares: accuracy alone would call
    a network lost that learns one rare class slowly. Only a training that is `judged` is asked: a loss of the learner's own may want
    something else than labels.
    """

    def __init__(self, labels: torch.Tensor, steps: int, per_epoch: int, judged: bool = True):
        counts = labels.bincount().double()
        shares = counts[counts > 0] / counts.sum()
        self.commonest, self.entropy = float(shares.max()), float(-(shares * shares.log()).sum())
        self.steps, self.per_epoch, self.judged, self.where = steps, per_epoch, judged, labels.device
        self.at_chance = 0
        self._clear()

    def saw(self, step: int, logits: torch.Tensor, labels: torch.Tensor, value: torch.Tensor) -> None:
        """Look at step number `step`: logits float32 (n, classes), labels (n,), the loss.

        Raises TrainingFailed.
        """
        logits = logits.detach()
        self.right += (logits.argmax(1) == labels).sum()
        self.loss += torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
        self.seen += len(labels)
        ends = (step + 1) % self.per_epoch == 0
        if (step % 10 == 9 or ends or step + 1 == self.steps) and not bool(
            torch.isfinite(value.detach()).all() & torch.isfinite(self.loss)
        ):
            raise TrainingFailed(f"the loss is no longer a number at step {step + 1:,} of {self.steps:,} ({self._when(step)})")
        if ends:
            self._epoch(step)

    def _epoch(self, step: int) -> None:
        chance = self.commonest + 3 * math.sqrt(self.commonest * (1 - self.commonest) / self.seen)
        share, loss = float(self.right) / self.seen, float(self.loss) / self.seen
        self.at_chance = self.at_chance + 1 if share <= chance and loss >= 0.98 * self.entropy else 0
        epochs = (step + 1) // self.per_epoch
        if self.judged and self.at_chance >= PATIENCE and epochs >= FIRST_EPOCHS and step + 1 >= FIRST_SHARE * self.steps:
            raise TrainingFailed(
                f"after {epochs} epochs it gets {100 * share:.1f} % of the training images right, and chance alone {100 * self.commonest:.1f} %"
            )
        self._clear()

    def _when(self, step: int) -> str:
        return f"epoch {step // self.per_epoch + 1} of {self.steps / self.per_epoch:.3g}"

    def _clear(self) -> None:
        self.right, self.loss, self.seen = torch.zeros((), device=self.where), torch.zeros((), device=self.where), 0
