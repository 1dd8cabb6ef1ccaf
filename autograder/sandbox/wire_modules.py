"""PyTorch modules as plain data, and back: known layers, their configuration, their tensors.

`describe` turns a module into lists, dicts, numbers and tensors, which `wire` can carry; `build` makes a
fresh module of the same structure from such a description, and believes nothing in it. Only the
types in the table (`wire_layers`) cross, compared exactly (`type(m) is nn.Linear`): a subclass may do anything.

A description is a dict of three lists:

- "layers": every submodule once, children before their parents, the module itself last. A layer is
  [type name, training flag, {configuration}, {parameter name: number in "parameters" or None},
  {buffer name: number in "buffers" or None}, [[child's name, number in "layers"], ...]].
- "parameters": [tensor, requires_grad] for each; "buffers": a tensor for each.

So what is shared inside one module (a layer used twice, tied weights) is shared again after arrival.
Sharing between two modules of one message is not kept, as for lists; neither are two parameters that
are different objects over the same memory.

What does not cross: gradients, memory formats (tensors arrive in C order), attributes that nothing in
the type reads, such as a note, hooks on loading a state, and changes to PyTorch itself. Whatever else
would make the copy behave differently is refused: other hooks, a replaced `forward`, pruning masks,
parametrisations, tensors whose shape is not what the configuration says.

Whoever runs a module from a stranger pays for it: the ranges in the table bound each layer, not their product.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

if __package__:
    from autograder.sandbox.wire_layers import LAYERS, Refused, article, brief, misfit
else:  # inside the sandbox these files stand alone
    from wire_layers import LAYERS, Refused, article, brief, misfit

__all__ = ["Refused", "build", "describe", "is_module", "same", "summary"]

NAME_LENGTH = 100
SIDED = {"kernel_size", "stride", "padding", "dilation", "output_size"}
KEPT_BY_HAND = {"training", "_parameters", "_buffers", "_modules"}
# What a hook or a parametrisation leaves behind when it has gone.
LEFT_BEHIND = {"_is_full_backward_hook", "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks"}


def is_module(value: object) -> bool:
    """Whether `value` is a PyTorch module; asks its type only, so it cannot lie."""
    torch = sys.modules.get("torch")
    return torch is not None and issubclass(type(value), torch.nn.Module)


# Module to description


def describe(module: Any, may_cross: Callable[[Any], bool], layers: int, depth: int) -> dict[str, list]:
    """The description of `module` (see above), for a message with at most so many layers, so deeply nested.

    `may_cross(tensor)` tells whether the wire carries such a tensor. Raises `Refused`; its text names
    the module and why, to stand where the name of a type stands ("Linear with pruning masks").
    """
    writer = _Describer(sys.modules["torch"], may_cross, layers, depth)
    try:
        writer.add(module, 0)
    except Refused as reason:
        inner = f"{type(module).__name__} that holds {article(str(reason))}"
        raise Refused(inner if writer.level else str(reason)) from None
    except Exception as problem:  # only a module that was tampered with in a way nobody has thought of
        raise Refused(f"{type(module).__name__} that cannot be read ({type(problem).__name__})") from None
    return {"layers": writer.layers, "parameters": writer.parameters, "buffers": writer.buffers}


class _Describer:
    def __init__(self, torch: Any, may_cross: Callable[[Any], bool], limit: int, depth: int) -> None:
        self.torch, self.may_cross, self.limit, self.depth = torch, may_cross, limit, depth
        self.layers: list[list] = []
        self.parameters: list[list] = []
        self.buffers: list = []
        self.numbers: dict[int, int] = {}
        self.sizes: list[int] = []
        self.levels: list[int] = []
        self.open: set[int] = set()
        self.level = 0  # how deep the layer lies that is being looked at

    def add(self, module: Any, level: int) -> int:
        """The number of `module` in the list of layers, after adding it and what it holds."""
        if id(module) in self.numbers:
            return self.numbers[id(module)]
        self.level = level
        name = _type_name(module, self.torch)
        if id(module) in self.open:
            raise Refused(f"{name} that contains itself")
        if level > self.depth or len(self.layers) >= self.limit:
            raise Refused(f"{name} with too many layers around it")
        layer, attributes = LAYERS[name], vars(module)
        _refuse_changes(name, attributes)
        config = {field: _plain(name, field, attributes) for field in layer.fields}
        problem = misfit(layer, config)
        if problem:
            raise Refused(f"{name} with {problem}")
        parameters = {
            each: self.tensor(name, each, value, shape, self.parameters, self.torch.nn.Parameter)
            for each, value, shape in _paired(name, attributes["_parameters"], layer.parameters(config), "parameter")
        }
        buffers = {
            each: self.tensor(name, each, value, shape, self.buffers, self.torch.Tensor)
            for each, value, shape in _paired(name, attributes["_buffers"], layer.buffers(config), "buffer")
        }
        children = attributes["_modules"]
        if children and not layer.container:
            raise Refused(f"{name} with a module of its own in it")
        fresh = _fresh(name, config, self.torch)
        for each, child in children.items():
            if child is None:
                raise Refused(f"{name} with an empty place")
            if not _may_name_a_child(each, fresh):
                raise Refused(f"{name} with a child of an impossible name")
        _refuse_differences(name, attributes, vars(fresh), type(module))
        self.open.add(id(module))
        held = [[each, self.add(child, level + 1)] for each, child in children.items()]
        self.open.remove(id(module))
        self.level = level
        size, deep = _extent([number for _, number in held], self.sizes, self.levels)
        if size > self.limit or deep > self.depth:
            raise Refused(f"{name} of too many layers")
        self.layers.append([name, attributes["training"], config, parameters, buffers, held])
        self.numbers[id(module)] = len(self.layers) - 1
        return len(self.layers) - 1

    def tensor(self, name: str, each: str, value: Any, shape: tuple, table: list, kind: Any) -> int | None:
        """The number of a tensor in its table, after adding it; None for None."""
        if value is None:
            return None
        if type(value) is not kind:
            raise Refused(f"{name} whose {each} is {article(type(value).__name__)}")
        if tuple(value.shape) != shape:
            raise Refused(f"{name} whose {each} has shape {tuple(value.shape)}, not {shape} as its configuration says")
        if not self.may_cross(value):
            raise Refused(f"{name} whose {each} is on another device or of an unusual kind")
        if value._backward_hooks or getattr(value, "_post_accumulate_grad_hooks", None):
            raise Refused(f"{name} with hooks on its {each}")
        if id(value) not in self.numbers:
            self.numbers[id(value)] = len(table)
            table.append([value, value.requires_grad] if table is self.parameters else value)
        return self.numbers[id(value)]


def _type_name(module: Any, torch: Any) -> str:
    """The name in the table of a module's type. Raises `Refused`."""
    kind, name = type(module), type(module).__name__
    if name in LAYERS:
        if kind is getattr(torch.nn, name):
            return name
        raise Refused(f"{name} from {kind.__module__}")
    if name.startswith("Parametrized") and "parametrizations" in vars(module).get("_modules", ()):
        raise Refused(f"{name.removeprefix('Parametrized')} with parametrizations")
    raise Refused(name)


def _refuse_changes(name: str, attributes: Mapping[str, Any]) -> None:
    """Name the usual ways of changing what a layer does; the comparison later finds the others."""
    parameters, buffers = attributes["_parameters"], attributes["_buffers"]
    if any(each.endswith("_mask") and f"{each[:-5]}_orig" in parameters for each in buffers):
        raise Refused(f"{name} with pruning masks")
    if any(each.endswith("_g") and f"{each[:-2]}_v" in parameters for each in parameters):
        raise Refused(f"{name} with weight normalisation")
    for each, hooks in attributes.items():
        if each.endswith("_hooks") and each not in LEFT_BEHIND and hooks:
            raise Refused(f"{name} with {each.strip('_').replace('_', ' ')}")


def _plain(name: str, field: str, attributes: Mapping[str, Any]) -> Any:
    """A value of the configuration. Numbers that came out of an array or a tensor become Python's."""
    if field not in attributes:
        raise Refused(f"{name} without {field}")
    value = attributes[field]
    if type(value) in (tuple, list):
        return type(value)(map(_number_of, value))
    if type(value) is sys.modules["torch"].Size:
        return tuple(value)
    return _number_of(value)


def _number_of(value: Any) -> Any:
    single = type(value) is sys.modules["torch"].Tensor and value.ndim == 0
    if single or (type(value).__module__ == "numpy" and isinstance(value, np.generic)):
        return value.item()
    return value


def _paired(name: str, have: Mapping[str, Any], expected: Mapping[str, tuple], kind: str) -> Iterator[tuple[str, Any, tuple]]:
    """(name, value, shape) of every tensor that a layer should have."""
    expected = {each.rstrip("?"): (shape, each.endswith("?")) for each, shape in expected.items()}
    for each in have:
        if each not in expected:
            raise Refused(f"{name} with an extra {kind} {brief(each)}")
    for each, (shape, may_miss) in expected.items():
        if each not in have or (have[each] is None and not may_miss):
            raise Refused(f"{name} without its {each}")
        yield each, have[each], shape


def _refuse_differences(name: str, attributes: Mapping[str, Any], fresh: Mapping[str, Any], kind: type) -> None:
    """Refuse a module whose attributes, apart from configuration and tensors, are not those of a fresh one."""
    managed = {*KEPT_BY_HAND, *LEFT_BEHIND, *LAYERS[name].fields}
    if type(attributes["training"]) is not bool:
        raise Refused(f"{name} with training={brief(attributes['training'])}")
    if attributes.get("padding_mode") == "zeros":
        managed.add("_reversed_padding_repeated_twice")  # only the other modes read it
    for each in fresh.keys() - managed:
        if each not in attributes:
            raise Refused(f"{name} without {each}")
        if type(attributes[each]) is not type(fresh[each]) or attributes[each] != fresh[each]:
            raise Refused(f"{name} with {each}={brief(attributes[each])}")
    inside = {*attributes["_parameters"], *attributes["_buffers"], *attributes["_modules"]}
    for each in attributes:
        # An attribute of the instance hides one of the type, and a registered tensor or child.
        if each not in fresh and (each in inside or hasattr(kind, each)):
            raise Refused(f"{name} with a replaced {each}")


def _extent(children: list[int], sizes: list[int], levels: list[int]) -> tuple[int, int]:
    """How many layers a layer stands for, and how many levels lie below it; both are also added to the lists."""
    # What is shared counts each time: `forward` would run it each time.
    sizes.append(1 + sum(sizes[number] for number in children))
    levels.append(1 + max((levels[number] for number in children), default=-1))
    return sizes[-1], levels[-1]


# Description to module


def build(description: object, layers: int, depth: int) -> Any:
    """A fresh module from a description made of plain values and tensors. Raises `Refused` for anything else.

    Every value is checked before a layer is made, shapes against the configuration first of all: nothing
    is allocated but the tensors that have arrived. No random number is drawn. PyTorch must be imported.
    """
    torch = sys.modules["torch"]
    listed = _typed(description, dict)
    if listed.keys() != {"layers", "parameters", "buffers"}:
        raise Refused("a module is layers, parameters and buffers")
    parameters = [_parameter(each, torch) for each in _typed(listed["parameters"], list)]
    buffers = _typed(listed["buffers"], list)
    if not all(type(each) is torch.Tensor for each in buffers):
        raise Refused("a buffer must be a tensor")
    if not 1 <= len(_typed(listed["layers"], list)) <= layers:
        raise Refused(f"a module must have from 1 to {layers} layers")
    made: list = []
    sizes: list[int] = []
    levels: list[int] = []
    used: set[int] = set()
    for node in listed["layers"]:
        if len(_typed(node, list)) != 6:
            raise Refused("a layer has six parts")
        name, training, config, own, kept, children = node
        layer = LAYERS.get(_typed(name, str))
        if layer is None:
            raise Refused("an unknown kind of layer")
        if _typed(config, dict).keys() != layer.fields.keys():
            raise Refused(f"not the configuration of a {name}")
        problem = misfit(layer, config)
        if problem:
            raise Refused(f"{name} with {problem}")
        tensors = _chosen(name, own, layer.parameters(config), parameters)
        state = _chosen(name, kept, layer.buffers(config), buffers)
        inner = [_child(pair, len(made)) for pair in _typed(children, list)]
        if inner and not layer.container:
            raise Refused(f"a {name} cannot hold layers")
        size, deep = _extent([number for _, number in inner], sizes, levels)
        if size > layers or deep > depth:
            raise Refused("too many layers, or nested too deeply")
        module = _fresh(name, config, torch)
        for each, number in inner:
            if not _may_name_a_child(each, module) or each in module._modules:
                raise Refused("an impossible name of a child")
            module._modules[each] = made[number]
            used.add(number)
        vars(module)["training"] = _typed(training, bool)
        module._parameters.update(tensors)
        module._buffers.update(state)
        made.append(module)
    if len(used) != len(made) - 1:
        raise Refused("a layer that nothing uses")
    return made[-1]


def _fresh(name: str, config: Mapping[str, Any], torch: Any) -> Any:
    """A layer of a checked configuration whose tensors have no memory yet."""
    kind = getattr(torch.nn, name)
    module = kind.__new__(kind)
    # Even where tensors have no memory an initialisation makes PyTorch load hundreds of files, for seconds.
    vars(module)["reset_parameters"] = lambda: None
    try:
        module.__init__(**config, **({"device": "meta"} if LAYERS[name].has_tensors else {}))
    except Exception as problem:  # a rule of this PyTorch that the table does not know
        raise Refused(f"{name} that PyTorch refuses: {type(problem).__name__}") from None
    vars(module).pop("reset_parameters")
    return module


def _parameter(node: Any, torch: Any) -> Any:
    if len(_typed(node, list)) != 2:
        raise Refused("a parameter is a tensor and a flag")
    tensor, wanted = node
    if type(tensor) is not torch.Tensor or type(wanted) is not bool:
        raise Refused("a parameter is a tensor and a flag")
    if wanted and not (tensor.is_floating_point() or tensor.is_complex()):
        raise Refused("only numbers with a fraction can have gradients")
    return torch.nn.Parameter(tensor, requires_grad=wanted)


def _chosen(name: str, numbers: Any, expected: Mapping[str, tuple], table: list) -> dict[str, Any]:
    """{name: tensor or None} for a layer, from numbers in a table; each of exactly the shape it must have."""
    result = {}
    for each, number, shape in _paired(name, _typed(numbers, dict), expected, "tensor"):
        if number is not None:
            number = table[_index(number, len(table))]
            if tuple(number.shape) != shape:
                raise Refused(f"a {each} that does not have the shape its {name} says")
        result[each] = number
    return result


def _child(pair: Any, count: int) -> tuple[str, int]:
    if len(_typed(pair, list)) != 2:
        raise Refused("a child is a name and a number")
    return _typed(pair[0], str), _index(pair[1], count)


def _may_name_a_child(name: object, module: Any) -> bool:
    """The rule of `Module.add_module`; no dunder either, for copying and NumPy look for those on the instance."""
    return (
        type(name) is str
        and 0 < len(name) <= NAME_LENGTH
        and name.isprintable()
        and "." not in name
        and not name.startswith("__")
        and name not in vars(module)
        and not hasattr(type(module), name)
    )


def _index(number: Any, count: int) -> int:
    if type(number) is not int or not 0 <= number < count:
        raise Refused("a number that stands for nothing")
    return number


def _typed(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise Refused("a part of the wrong kind")
    return value


# For people and for comparisons


def same(a: Mapping[str, list], b: Mapping[str, list], same_tensors: Callable[[Any, Any], bool]) -> bool:
    """Whether two descriptions are the same: structure and configuration exactly, tensors by `same_tensors`."""
    if [*map(_spelt, a["layers"])] != [*map(_spelt, b["layers"])]:
        return False
    ours, theirs = ([*each["parameters"], *([tensor, False] for tensor in each["buffers"])] for each in (a, b))
    return len(ours) == len(theirs) and all(
        flag == other_flag and same_tensors(tensor, other) for (tensor, flag), (other, other_flag) in zip(ours, theirs)
    )


def _spelt(node: list) -> tuple:
    """A layer with 2, (2, 2) and [2, 2] written alike where they mean the same."""
    name, training, config, *rest = node
    plain = {field: tuple(value) if type(value) is list else value for field, value in config.items()}
    return name, training, {**plain, **{field: _spread(plain[field]) for field in plain.keys() & SIDED}}, rest


def _spread(value: Any) -> Any:
    """One number for all sides as one for each; a single side counts as two alike."""
    if type(value) is int:
        return (value, value)
    return (*value, *value) if type(value) is tuple and len(value) == 1 else value


def summary(module: Any) -> str:
    """A module in a few words: "a Sequential of 3 layers", "a Linear layer"."""
    name = type(module).__name__
    if name not in ("Sequential", "ModuleList"):
        return f"{article(name)} layer"
    count = len(module._modules)
    return f"{article(name)} of {count} layer{'' if count == 1 else 's'}"
