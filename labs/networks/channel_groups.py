"""Which channels belong together: a union-find over groups, each cut into units that only go or stay as a whole."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """Channels that stand one after the other in a tensor: those of group `group`, each unit of which stands for `repeat` of them.

    `group` None: `size` channels that are not cut.
    """

    group: int | None
    size: int
    repeat: int = 1


@dataclass(frozen=True)
class Layer:
    """A layer with numbers in it.

    `kind` is dense (convolution or linear), grouped (a convolution in groups, depthwise too), norm, or slope (a PReLU). It reads the
    channels of `inputs` and writes those of `outputs`. `gate`: whether a channel's importance is taken here, that is at a norm, or at a
    layer that none follows.
    """

    name: str
    kind: str
    inputs: tuple[Part, ...]
    outputs: tuple[Part, ...]
    gate: bool = False


@dataclass(frozen=True)
class Whole:
    """Layers whose channels are not cut, how many channels that are, and why."""

    layers: tuple[str, ...]
    channels: int
    reason: str

    def __str__(self) -> str:
        names = f"{self.layers[0]}, …, {self.layers[-1]}" if len(self.layers) > 3 else ", ".join(self.layers)
        return f"{names} ({self.channels} channels): {self.reason}"


class ChannelGroups:
    """Groups of channels, by number. A group of n units in a tensor of k·n channels: unit i is the channels k·i to k·i + k − 1.

    A group conv, a group norm or a flatten thus only say how many units there can be at most.
    """

    def __init__(self) -> None:
        self._parent: list[int] = []
        self._units: list[int] = []
        self._kept: dict[int, str] = {}  # groups that are not cut; an empty reason: the network's own logits

    def begin(self, units: int) -> int:
        """A new group."""
        self._parent.append(len(self._parent))
        self._units.append(units)
        return len(self._parent) - 1

    def root(self, group: int) -> int:
        """The number that stands for all groups joined with `group`."""
        while self._parent[group] != group:
            group = self._parent[group]
        return group

    def join(self, group: int, other: int, why: str) -> None:
        """From now on one group: a channel goes on both sides or on none. `why`, if that leaves a single unit."""
        one, two = self.root(group), self.root(other)
        before = max(self._units[one], self._units[two])
        units = math.gcd(self._units[one], self._units[two])
        self._parent[two] = one
        self._units[one] = units
        if two in self._kept:
            self.keep(one, self._kept.pop(two))
        if units == 1 and before > 1:
            self.keep(one, why)

    def coarsen(self, group: int, units: int, why: str) -> None:
        """At most so many units, for the channels between them hang together. `why`, if that leaves a single one."""
        root = self.root(group)
        left = math.gcd(self._units[root], units)
        if left == 1 and self._units[root] > 1:
            self.keep(root, why)
        self._units[root] = left

    def keep(self, group: int, reason: str) -> None:
        """Do not cut this group. The first reason given counts; an empty one only as long as there is no other."""
        root = self.root(group)
        self._kept[root] = self._kept.get(root) or reason

    def cut(self, group: int) -> bool:
        """Whether channels of `group` may go."""
        root = self.root(group)
        return root not in self._kept and self._units[root] > 1

    def units(self, group: int) -> int:
        """How many units it has."""
        return self._units[self.root(group)]

    def reason(self, group: int) -> str:
        """Why it is not cut; empty if there is nothing to say."""
        return self._kept.get(self.root(group), "")
