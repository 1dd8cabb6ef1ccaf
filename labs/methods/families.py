"""What the studio needs from a kind of network, and the course's own kind.

A family is any object with what `ConvNets` has. `own.Traced` is the other one: a user's network, read as a graph.
"""

import torch

from course_data import Dataset
from course_labs.methods import pruning
from course_labs.networks import convnet, first_weights
from course_labs.networks.convnet import ConvNet, Shape


class ConvNets:
    """The course's own networks: `networks.ConvNet` in every shape."""

    about = {}  # what a results file says of the model, among the settings
    fingerprint = {}  # what the networks depend on beyond their shape and the source of `modules`
    modules = (first_weights,)

    def __init__(self, in_channels: int, classes: int):
        self.in_channels, self.classes = in_channels, classes

    @classmethod
    def of(cls, data: Dataset) -> "ConvNets":
        """For the images and classes of `data`."""
        return cls(data.train.images.shape[1], len(data.classes))

    def new(self, shape: Shape) -> ConvNet:
        """A network of this shape with random weights from torch's generator."""
        return ConvNet(shape, self.in_channels, self.classes)

    def begin(self, shape: Shape, data: Dataset, seed: int) -> ConvNet:
        """A network to be trained on `data`."""
        return first_weights.prepare(self.new(shape), data, seed)

    def producers(self, net: ConvNet) -> list[tuple[torch.nn.Module, int]]:
        """The layers that make channels, each with the index of what `channel_importance` calls a layer."""
        return [(conv, index) for index, conv in enumerate(net.convs)]

    channel_importance = staticmethod(pruning.channel_importance)
    rebuilt = staticmethod(pruning.rebuilt)
    folded = staticmethod(convnet.folded)

    @staticmethod
    @torch.no_grad()
    def expanded(big: ConvNet, small: ConvNet, kept: list[torch.Tensor]) -> ConvNet:
        """`big`'s shape, every channel outside `kept` silenced, computing exactly what `small` computes. The way back from `rebuilt`."""
        net = pruning.masked(big, kept)
        inputs = torch.arange(net.in_channels)
        for index, keep in enumerate(kept):
            net.convs[index].weight[keep[:, None], inputs] = small.convs[index].weight
            for name in ("weight", "bias", "running_mean", "running_var"):
                getattr(net.norms[index], name)[keep] = getattr(small.norms[index], name)
            inputs = keep
        net.head.weight[:, inputs] = small.head.weight
        net.head.bias.copy_(small.head.bias)
        return net.eval()
