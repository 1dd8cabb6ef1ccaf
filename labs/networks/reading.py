"""Walks a network's graph once, in order, and keeps for every value which channel groups stand in it.

A rule for each kind of layer and function says what it does to the groups. Where there is no rule, what goes in is not cut: the
network stays right, and the reason is kept.
"""

import math
from dataclasses import dataclass
from typing import Any

from torch import fx, nn

from course_data import UserError
from course_labs.networks import operations as known
from course_labs.networks.channel_groups import ChannelGroups, Layer, Part, Whole
from course_labs.networks.operations import NORMS, area, given, listed, shape_of
from course_labs.networks.wording import called, place, type_name, why_whole


@dataclass(frozen=True)
class _Value:
    """A tensor: along `axis` stand the channels of `parts`, (group, channels). `silent`: those that are cut are zero here before they are."""

    parts: tuple[tuple[int, int], ...]
    axis: int
    silent: bool = True


@dataclass(frozen=True)
class _Opaque:
    """A value whose channels are not followed, and why. It is whole."""

    reason: str


class _Size:
    """A number, a shape, nothing: no picture."""


class Reader:
    """Reads `body`, whose nodes know their shapes. `where` is what messages call the network."""

    def __init__(self, body: fx.GraphModule, where: str):
        self.body, self.where = body, where
        self.groups = ChannelGroups()
        self.values: dict[fx.Node, _Value | _Opaque | _Size] = {}
        self.layers: list[tuple[str, str, tuple[tuple[int, int], ...] | None, tuple[tuple[int, int], ...], bool]] = []
        self.shared = known.shared(body)

    def read(self) -> tuple[tuple[Layer, ...], tuple[int, ...], tuple[Whole, ...]]:
        """All layers; the units of the groups, which are numbered in the order in which they are first written; and what is left whole."""
        for node in self.body.graph.nodes:
            getattr(self, f"_{node.op}")(node)
        numbers: dict[int, int] = {}
        for _, _, _, outputs, _ in self.layers:
            for group, _ in outputs:
                if self.groups.cut(group):
                    numbers.setdefault(self.groups.root(group), len(numbers))

        def parts(found: tuple[tuple[int, int], ...] | None) -> tuple[Part, ...]:
            return tuple(self._part(group, size, numbers) for group, size in found or ())

        layers = tuple(Layer(name, kind, parts(inputs), parts(outputs), gate) for name, kind, inputs, outputs, gate in self.layers)
        return layers, tuple(self.groups.units(root) for root in numbers), self._left_whole()

    def _part(self, group: int, size: int, numbers: dict[int, int]) -> Part:
        number = numbers.get(self.groups.root(group))
        return Part(None, size) if number is None else Part(number, size, size // self.groups.units(group))

    def _left_whole(self) -> tuple[Whole, ...]:
        found: dict[int, tuple[list[str], int]] = {}
        for name, kind, _, outputs, _ in self.layers:
            for group, size in outputs:
                if kind == "dense" and self.groups.reason(group) and not self.groups.cut(group):
                    names, _ = found.setdefault(self.groups.root(group), ([], size))
                    names.append(name)
        return tuple(Whole(tuple(names), size, self.groups.reason(root)) for root, (names, size) in found.items())

    # one method for each kind of node in an fx graph

    def _placeholder(self, node: fx.Node) -> None:
        if self.values:
            raise UserError(f"{self.where}: forward takes more than one argument ({node.name}). The course calls it with the images alone.")
        self.values[node] = _Opaque("it is joined with the network's input")

    def _get_attr(self, node: fx.Node) -> None:
        self.values[node] = _Opaque(f"{node.target} is a parameter or buffer used outside a layer")

    def _call_module(self, node: fx.Node) -> None:
        name = str(node.target)
        module: Any = self.body.get_submodule(name)
        kind, value = type(module), self._input(node)
        if name in self.shared and not (kind is nn.PReLU and module.num_parameters == 1):
            self._whole(node, f"{name} ({kind.__name__}) is used in two places, which share its weights")
        elif not isinstance(value, (_Value, _Opaque)):
            self._whole(node, f"{name} is {type_name(module)}, which reads more than one value")
        elif kind is nn.Linear or kind is nn.Conv2d and module.groups == 1:
            axis = 1 if kind is nn.Conv2d else len(shape_of(node) or ()) - 1
            if isinstance(value, _Value) and value.axis != axis:
                self._whole(node, f"{name} is {kind.__name__} along another axis than the channels'")
            else:
                self._dense(node, value, axis, len(module.weight))
        elif isinstance(value, _Opaque):
            self.values[node] = value
        elif kind is nn.Conv2d and value.axis == 1:
            self._in_blocks(node, value, "grouped", module.groups, module.out_channels)
        elif kind in (nn.BatchNorm1d, nn.BatchNorm2d) and value.axis == 1 and module.affine and module.track_running_stats:
            self._in_blocks(node, value, "norm", sum(size for _, size in value.parts), module.num_features)
        elif kind is nn.GroupNorm and value.axis == 1 and module.affine:
            self._in_blocks(node, value, "norm", module.num_groups, module.num_channels)
        elif kind is nn.InstanceNorm2d and value.axis == 1 and module.affine:
            self._in_blocks(node, value, "norm", module.num_features, module.num_features)
        elif kind is nn.PReLU and value.axis == 1 and module.num_parameters > 1:
            self.layers.append((name, "slope", value.parts, value.parts, False))
            self.values[node] = value
        elif kind in known.SAME or kind is nn.PReLU and module.num_parameters == 1:
            self.values[node] = value
        elif kind is nn.InstanceNorm2d and value.axis == 1 and not module.track_running_stats:
            self.values[node] = value
        elif kind in known.POINTWISE:
            self.values[node] = _silenced(value, known.keeps_zero(module))
            self._in_place(node)
        elif kind in known.SPATIAL and value.axis == 1 and len(shape_of(node) or ()) == 4:
            self.values[node] = value
        elif kind is nn.Flatten:
            self._flattened(node, value, module.start_dim, module.end_dim)
        else:
            self._whole(node, f"{name} is {type_name(module)}{why_whole(module)}")

    def _call_function(self, node: fx.Node) -> None:
        function = node.target
        tensors = [one for one in node.all_input_nodes if not isinstance(self.values.get(one), _Size)]
        if not tensors or function in known.SIZES or function is getattr:
            self.values[node] = _Size()
        elif function in known.ADDITIONS or function in known.PRODUCTS or function in known.QUOTIENTS:
            self._arithmetic(node)
        elif function in known.JOINS:
            self._joined(node)
        elif known.is_getitem(function):
            self._indexed(node)
        elif function == "expand_as":
            self.values[node] = self.values[node.args[0]]
        elif len(tensors) == 1 and isinstance(self.values[tensors[0]], _Opaque):
            self.values[node] = self.values[tensors[0]]
        elif len(tensors) == 1 and isinstance(value := self.values[tensors[0]], _Value):
            self._of_one(node, value)
        else:
            self._whole(node, called(node, self.where))

    _call_method = _call_function

    def _output(self, node: fx.Node) -> None:
        if not isinstance(node.args[0], fx.Node):
            raise UserError(f"{self.where}: forward gives back {type(node.args[0]).__name__}, not one tensor of logits (images, classes).")
        self._keep(node.args[0], "")

    # functions of one tensor

    def _of_one(self, node: fx.Node, value: _Value) -> None:
        function, before, after = node.target, shape_of(node.all_input_nodes[0]), shape_of(node)
        if before is None or after is None:
            self._whole(node, called(node, self.where))
        elif function in known.POINTWISE_FUNCTIONS:
            self.values[node] = _silenced(value, known.function_keeps_zero(node))
            self._in_place(node)
        elif function in known.SAME_FUNCTIONS:
            self.values[node] = value
        elif function in known.SPATIAL_FUNCTIONS and value.axis == 1 and len(after) == 4:
            self.values[node] = value
        elif function is nn.functional.pad and known.pads_pictures(node, len(before) - value.axis):
            self.values[node] = value
        elif function in known.FLATTENS:
            self._flattened(node, value, given(node, 1, "start_dim", 0), given(node, 2, "end_dim", -1))
        elif function in known.RESHAPES:
            self._reshaped(node, value)
        elif function in known.REDUCTIONS:
            dims = [dim % len(before) for dim in listed(given(node, 1, "dim", list(range(len(before)))))]
            lost = 0 if given(node, 2, "keepdim", False) else sum(dim < value.axis for dim in dims)
            inside = value.axis not in dims and 0 not in dims
            self._moved(node, value, value.axis - lost if inside else None)
        elif function in known.SQUEEZES and len(node.args) + len(node.kwargs) > 1:
            dims = [dim % len(before) for dim in listed(given(node, 1, "dim"))]
            gone = [dim for dim in dims if before[dim] == 1]
            self._moved(node, value, None if value.axis in gone or 0 in gone else value.axis - sum(dim < value.axis for dim in gone))
        elif function in known.UNSQUEEZES:
            self._moved(node, value, value.axis + (given(node, 1, "dim") % len(after) <= value.axis))
        elif function in known.PERMUTES:
            order = given(node, 1, "dims")
            order = [dim % len(before) for dim in (order if isinstance(order, (tuple, list)) else node.args[1:])]
            self._moved(node, value, order.index(value.axis) if order[0] == 0 else None)
        elif function in known.TRANSPOSES:
            one, two = (given(node, place, name) % len(before) for place, name in ((1, "dim0"), (2, "dim1")))
            swapped = {one: two, two: one}
            self._moved(node, value, swapped.get(value.axis, value.axis) if 0 not in swapped else None)
        else:
            self._whole(node, called(node, self.where))

    def _moved(self, node: fx.Node, value: _Value, axis: int | None) -> None:
        """The channels now stand along `axis`; None: they are mixed, or the images are."""
        if axis is None:
            self._whole(node, called(node, self.where))
        else:
            self.values[node] = _Value(value.parts, axis, value.silent)

    def _flattened(self, node: fx.Node, value: _Value, start: int, end: int) -> None:
        before = shape_of(node.all_input_nodes[0])
        assert before is not None, "a flatten reads a tensor"
        start, end = start % len(before), end % len(before)
        if start > value.axis:
            self.values[node] = value
        elif start == value.axis and start > 0:
            inside = math.prod(before[start + 1 : end + 1])
            self.values[node] = _Value(tuple((group, size * inside) for group, size in value.parts), value.axis, value.silent)
        else:
            self._whole(node, f"{place(node, self.where)} is a flatten that does not begin at the channels; torch.flatten(x, 1) does")

    def _reshaped(self, node: fx.Node, value: _Value) -> None:
        """`x.view(x.size(0), -1)` and the like: the channels stay where they are, with or without what lies in each."""
        before, after = shape_of(node.all_input_nodes[0]), shape_of(node)
        sizes = node.args[1] if len(node.args) == 2 and isinstance(node.args[1], (tuple, list)) else node.args[1:]
        assert before is not None and after is not None
        written = len(sizes) > 1 and isinstance(sizes[1], int) and sizes[1] > 0
        if not written and value.axis == 1 and after[0] == before[0] and len(after) > 1:
            if after[1] == before[1]:
                self.values[node] = value
                return
            if len(after) == 2:
                inside = area(before)
                self.values[node] = _Value(tuple((group, size * inside) for group, size in value.parts), 1, value.silent)
                return
        self._whole(node, called(node, self.where))

    # functions of several tensors

    def _arithmetic(self, node: fx.Node) -> None:
        function, (one, two) = node.target, (given(node, 0, "input"), given(node, 1, "other"))
        product = function in known.PRODUCTS
        shape = shape_of(node)
        values = {side: self.values[side] for side in (one, two) if isinstance(side, fx.Node) and shape_of(side) is not None}
        followed = [side for side, value in values.items() if isinstance(value, _Value)]
        if shape is None or not followed:
            self.values[node] = next((v for v in values.values() if isinstance(v, _Opaque)), _Size())
            return
        if function in known.QUOTIENTS and two in values:
            self._whole(node, f"{place(node, self.where)} divides by another tensor")
            return
        lead = max(followed, key=lambda side: (self._channels(side), followed[0] is side))
        value = self.values[lead]
        assert isinstance(value, _Value)
        from_right = len(shape_of(lead) or ()) - value.axis
        silent = [value.silent]
        for side in (one, two):
            if side is lead:
                continue
            if side not in values:  # a number, or one that depends on a shape
                silent.append(False if not isinstance(side, (int, float)) else side == 0)
                continue
            other = shape_of(side) or ()
            spread = len(other) < from_right or other[len(other) - from_right] == 1  # the same for every channel
            if spread and self._channels(lead) > 1:
                self._keep(side, f"{place(node, self.where)} spreads it over other channels")
                silent.append(False)
            elif not self._aligned(node, lead, side, len(other) - from_right):
                return
            else:
                met = self.values[side]
                silent.append(isinstance(met, _Value) and met.silent)
        both = all(silent) if function in known.ADDITIONS else any(silent) if product else silent[0]
        if function in known.QUOTIENTS and lead is two:
            both = False
        self.values[node] = _Value(value.parts, len(shape) - from_right, both)
        self._in_place(node)

    def _aligned(self, node: fx.Node, lead: fx.Node, side: fx.Node, axis: int) -> bool:
        """Join the groups of two tensors channel by channel; False, and both whole, if they do not stand in the same places."""
        value, other = self.values[lead], self.values[side]
        assert isinstance(value, _Value)
        if isinstance(other, _Opaque):
            self._keep(lead, other.reason)
            self.values[node] = _Opaque(other.reason)
            return False
        same = isinstance(other, _Value) and other.axis == axis and [size for _, size in other.parts] == [size for _, size in value.parts]
        if not same:
            self._whole(node, f"{place(node, self.where)} joins channels that stand in different places")
            return False
        assert isinstance(other, _Value)
        for (first, _), (second, _) in zip(value.parts, other.parts):
            self.groups.join(first, second, f"{place(node, self.where)} ties all its channels together")
        return True

    def _in_place(self, node: fx.Node) -> None:
        """Where a call writes over what it reads, the name it had there now stands for the answer, too."""
        name = getattr(node.target, "__name__", str(node.target))
        layer = self.body.get_submodule(name) if node.op == "call_module" else None
        if (
            name.endswith("_")
            or name in ("iadd", "isub", "imul", "itruediv")
            or node.kwargs.get("inplace")
            or getattr(layer, "inplace", False)
        ):
            self.values[node.all_input_nodes[0]] = self.values[node]

    def _joined(self, node: fx.Node) -> None:
        """A concatenation: along the channels, they stand one after the other."""
        sides, shape = given(node, 0, "tensors"), shape_of(node)
        values = [self.values.get(side) for side in sides] if isinstance(sides, (tuple, list)) else []
        axes = {value.axis for value in values if isinstance(value, _Value)}
        if not axes:
            self.values[node] = next((value for value in values if isinstance(value, _Opaque)), _Size())
            return
        if shape is None or len(axes) != 1 or given(node, 1, "dim", 0) % len(shape) not in axes:
            self._whole(node, f"{place(node, self.where)} is a concatenation along another axis than the channels'")
            return
        axis = axes.pop()
        parts: list[tuple[int, int]] = []
        for side, value in zip(sides, values):
            size = (shape_of(side) or ())[axis]
            if isinstance(value, _Value):
                parts += value.parts
            else:
                parts.append((self._kept_group(size, value.reason if isinstance(value, _Opaque) else ""), size))
        self.values[node] = _Value(tuple(parts), axis, all(value.silent for value in values if isinstance(value, _Value)))

    def _indexed(self, node: fx.Node) -> None:
        """`x[:, :, ::2, ::2]` leaves the channels alone; a piece of a split, or of an unknown layer's answer, is told by its place."""
        source, index = node.args
        value = self.values[source] if isinstance(source, fx.Node) else None
        if isinstance(value, _Value):
            parts = listed(index)
            before, inside = parts[: value.axis + 1], parts[value.axis + 1 :]
            untouched = len(before) == value.axis + 1 and all(part == slice(None) for part in before)
            self._moved(node, value, value.axis if untouched and all(isinstance(part, (int, slice)) for part in inside) else None)
        else:
            self.values[node] = value if isinstance(value, (_Opaque, _Size)) else _Size()

    # what the layers do to the groups

    def _dense(self, node: fx.Node, value: _Value | _Opaque, axis: int, out: int) -> None:
        """Every output channel reads every input channel: a new group begins."""
        name = str(node.target)
        if isinstance(value, _Value) and not value.silent:
            self._keep(node.all_input_nodes[0], f"{name} reads it behind a function that is not zero for zero, such as a sigmoid")
        group = self.groups.begin(out)
        inputs = value.parts if isinstance(value, _Value) else None
        self.layers.append((name, "dense", inputs, ((group, out),), not self._norm_follows(node)))
        self.values[node] = _Value(((group, out),), axis)

    def _in_blocks(self, node: fx.Node, value: _Value, kind: str, blocks: int, out: int) -> None:
        """A convolution or a norm whose `blocks` of neighbouring channels know nothing of each other."""
        name, channels = str(node.target), sum(size for _, size in value.parts)
        wide, after = channels // blocks, out // blocks
        if any(size % wide for _, size in value.parts):
            self._whole(node, f"{name} has groups of {wide} channels, across the borders of a concatenation")
            return
        outputs = []
        for group, size in value.parts:
            self.groups.coarsen(
                group, size // wide, f"{name} ({type(self.body.get_submodule(name)).__name__}) reads all its channels together"
            )
            outputs.append((group, size // wide * after))
        self.layers.append((name, kind, value.parts, tuple(outputs), kind == "norm" or not self._norm_follows(node)))
        self.values[node] = _Value(tuple(outputs), 1)

    def _norm_follows(self, node: fx.Node) -> bool:
        users = list(node.users)
        return len(users) == 1 and users[0].op == "call_module" and isinstance(self.body.get_submodule(str(users[0].target)), NORMS)

    # what is left whole

    def _whole(self, node: fx.Node, reason: str) -> None:
        """What goes into `node` is not cut, and its answer is not followed."""
        for source in node.all_input_nodes:
            self._keep(source, reason)
        self.values[node] = _Opaque(reason)

    def _keep(self, node: fx.Node, reason: str) -> None:
        value = self.values.get(node)
        for group, _ in value.parts if isinstance(value, _Value) else ():
            self.groups.keep(group, reason)

    def _kept_group(self, size: int, reason: str) -> int:
        group = self.groups.begin(size)
        self.groups.keep(group, reason)
        return group

    def _input(self, node: fx.Node) -> _Value | _Opaque | _Size | None:
        inputs = node.all_input_nodes
        return self.values[inputs[0]] if len(inputs) == 1 else None

    def _channels(self, node: fx.Node) -> int:
        return sum(size for _, size in getattr(self.values[node], "parts", ()))


def _silenced(value: _Value, keeps: bool) -> _Value:
    return _Value(value.parts, value.axis, value.silent and keeps)
