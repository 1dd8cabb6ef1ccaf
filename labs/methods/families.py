"""What the studio needs from a kind of network, and the course's own kind.

`ConvNets` is the course's own family; `studio.own_network.OwnNetworks` another: a user's network, read as a graph; `studio.pair.Pair` one
whose teacher and student are two different networks.
"""

from types import ModuleType
from typing import Any, Protocol, TypeAlias

import torch

from course_data import Dataset
from course_labs.methods import pruning
from course_labs.networks import convnet, first_weights
from course_labs.networks.convnet import ConvNet, Shape
from course_labs.networks.graph import GraphShape, TracedNetwork
from course_labs.networks.whole import WholeNetwork, WholeShape

AnyShape: TypeAlias = Shape | GraphShape | WholeShape
Cuttable: TypeAlias = torch.nn.Conv2d | torch.nn.Linear  # a layer that makes channels
AnyNetwork: TypeAlias = ConvNet | TracedNetwork | WholeNetwork  # whose `shape` is one of the above


class Family(Protocol):
    """What the studio asks of a family. Its networks and shapes are of one kind: a family never meets another's.

    `about` is what a results file says of the model, among the settings. `fingerprint` is what the networks depend on beyond their
    shape and the source of `modules`.
    """

    @property
    def about(self) -> dict[str, Any]: ...

    @property
    def fingerprint(self) -> dict[str, str]: ...

    @property
    def modules(self) -> tuple[ModuleType, ...]: ...

    def new(self, shape: Any) -> AnyNetwork:
        """A network of this shape with random weights from torch's generator."""

    def begin(self, shape: Any, data: Dataset, seed: int) -> AnyNetwork:
        """A network with its first weights, to be trained on `data`."""

    def channel_importance(self, net: Any, data: Dataset, images: int) -> list[torch.Tensor]:
        """A score for every channel, one tensor (channels,) for each layer or group of layers, from `images` training images."""

    def rebuilt(self, net: Any, kept: list[torch.Tensor]) -> AnyNetwork:
        """The smaller network with the `kept` channels alone."""

    def expanded(self, big: Any, small: Any, kept: list[torch.Tensor]) -> AnyNetwork:
        """`big`'s shape, computing exactly what `small` computes: the way back from `rebuilt`."""

    def folded(self, net: Any) -> torch.nn.Module:
        """The network as it is deployed: batch norms folded into the layers before them."""

    def producers(self, net: Any) -> list[tuple[Cuttable, int]]:
        """The layers that make channels, each with the index of what `channel_importance` scores."""


class ConvNets:
    """The course's own networks: `networks.convnet.ConvNet` in every shape."""

    about: dict[str, Any] = {}
    fingerprint: dict[str, str] = {}
    modules: tuple[ModuleType, ...] = (first_weights,)

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

    def producers(self, net: ConvNet) -> list[tuple[Cuttable, int]]:
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
