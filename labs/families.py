"""What the studio needs from a kind of network, and the course's own kind.

A family is any object with what `ConvNets` has. `own.Own` is the other one: a user's network, read as a graph.
"""

import torch

from course_labs import networks, pruning
from course_labs.networks import ConvNet, Shape


class ConvNets:
    """The course's own networks: `networks.ConvNet` in every shape."""

    title = None  # what a results file calls the model; the course's own needs no name
    fingerprint = None
    modules = ()  # whose source the networks depend on, beyond what the studio names itself

    def __init__(self, in_channels: int, classes: int):
        self.in_channels, self.classes = in_channels, classes

    def new(self, shape: Shape) -> ConvNet:
        """A network of this shape with random weights from torch's generator."""
        return ConvNet(shape, self.in_channels, self.classes)

    channel_importance = staticmethod(pruning.channel_importance)
    rebuilt = staticmethod(pruning.rebuilt)
    folded = staticmethod(networks.folded)

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
