"""A question in the student's own process: call the function, and say what only this process can see.

The same in a notebook and in the sandbox: what was changed in place, what shares memory, where gradients arrive. It crosses as
data; `checks.reply` reads it on the other side. torch is used only where it has been imported.
"""

import ast
import inspect
import linecache
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

if __package__:
    from autograder.sandbox import wire, wire_modules
else:  # inside the sandbox these files stand alone
    import wire
    import wire_modules

__all__ = ["ask", "place", "weights"]

MOST = 10_000  # values of one container that are looked into
DEEP = 20
PLACE_LENGTH = 200


def ask(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], wrt: Sequence[int | str] | None = None
) -> dict[str, Any]:
    """Call `function` and return a dict of what `checks.reply.Reply` holds. Whatever the function raises passes through.

    With `wrt`, places of arguments (positions, or names of keywords): their tensors of floats become leaves that require
    gradients, the parameters of modules stay as they are, and the result is differentiated with respect to them. A result
    of several numbers counts as their sum with `weights`.
    """
    given: dict[Any, Any] = {**dict(enumerate(args)), **kwargs}
    before = {place: wire.encode(value) for place, value in given.items()}
    tracked = {place: _flags(value) for place, value in given.items() if place not in (wrt or ())}
    settings = _settings()
    try:
        if wrt is None:
            value = function(*args, **kwargs)
            found: dict[str, Any] = {}
        else:
            value, found = _differentiated(function, args, kwargs, [given[place] for place in wrt])
        found["left"] = [name for name, now in _settings().items() if now != settings.get(name, now)]
    finally:
        _set_back(settings)
    found["changed"] = [
        [place, _name(function, place), _difference(wire.decode(before[place]), now) if not _same(before[place], now) else "tracked"]
        for place, now in given.items()
        if not _same(before[place], now) or place in tracked and _flags(now) != tracked[place]
    ]
    # Facts beside the value: an object that cannot be looked at has none of them.
    for name, fact in (("shared", lambda: _shared(value, given)), ("requires_grad", lambda: _flags(value))):
        try:
            found[name] = fact()
        except Exception:
            found[name] = None
    found["value"] = value
    return found


def weights(shape: Sequence[int]) -> Any:
    """The fixed weights with which the numbers of a result are added up for a gradient: 1 for one number, else from 1 to 2 (float64)."""
    torch = sys.modules["torch"]
    count = 1
    for side in shape:
        count *= side
    return torch.linspace(1, 2, count, dtype=torch.float64).reshape(tuple(shape))


def place(error: BaseException) -> str:
    """The expression that raised, in code that is neither a library's nor ours: its text with names left out; "" if unknown.

    Two ways to write one mistake raise at the same kind of expression; the same exception elsewhere is another mistake.
    """
    found, step = None, error.__traceback__
    while step is not None:
        file = step.tb_frame.f_code.co_filename
        if file != __file__ and "site-packages" not in file and not file.startswith((os.path.dirname(os.__file__), "<frozen")):
            found = step
        step = step.tb_next
    if found is None:
        return ""
    try:
        code = found.tb_frame.f_code
        where: tuple[Any, ...] = list(code.co_positions())[found.tb_lasti // 2]  # None where it is unknown
        start, end, left, right = where
        lines = linecache.getlines(code.co_filename)[start - 1 : end]
        lines[-1] = lines[-1].encode()[:right].decode()
        lines[0] = lines[0].encode()[left:].decode()
        tree = ast.parse("(" + "".join(lines) + ")", mode="eval")
    except Exception:  # a statement, or a source that is not there
        return type(error).__name__
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = "x"
    return ast.unparse(tree)[:PLACE_LENGTH]


# Gradients


def _differentiated(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], targets: list
) -> tuple[Any, dict[str, Any]]:
    torch = sys.modules["torch"]
    for tensor in _each(targets, torch.Tensor):
        if (tensor.is_floating_point() or tensor.is_complex()) and not isinstance(tensor, torch.nn.Parameter):
            tensor.requires_grad_(True)
    with torch.enable_grad():
        value = function(*args, **kwargs)
        attached = [each for each in _each(value, torch.Tensor) if each.requires_grad]
        leaves = [each for each in _leaves(targets, torch) if each.requires_grad]
        grads = [None] * len(leaves)
        if attached and leaves:
            total = sum((_real(each).double() * weights(each.shape)).sum() for each in attached)
            grads = torch.autograd.grad(total, leaves, allow_unused=True)
    by_leaf = {id(leaf): grad for leaf, grad in zip(leaves, grads)}
    return value, {"attached": bool(attached), "grads": [_in_structure(target, by_leaf, torch) for target in targets]}


def _real(tensor: Any) -> Any:
    return tensor.real if tensor.is_complex() else tensor


def _leaves(targets: list, torch: Any) -> Iterator[Any]:
    for each in _each(targets, (torch.Tensor, torch.nn.Module)):
        if isinstance(each, torch.nn.Module):
            yield from each.parameters()
        else:
            yield each


def _in_structure(target: Any, by_leaf: Mapping[int, Any], torch: Any) -> Any:
    if isinstance(target, torch.nn.Module):
        return {name: by_leaf.get(id(each)) for name, each in target.named_parameters() if each.requires_grad}
    if isinstance(target, (list, tuple)):
        return [_in_structure(each, by_leaf, torch) for each in target]
    if isinstance(target, dict):
        return {key: _in_structure(each, by_leaf, torch) for key, each in target.items()}
    return by_leaf.get(id(target))


def _each(value: Any, kinds: Any, depth: int = DEEP) -> Iterator[Any]:
    """Every value of some kinds in a value and its containers."""
    if isinstance(value, kinds):
        yield value
    elif depth and isinstance(value, (list, tuple)):
        for each in value[:MOST]:
            yield from _each(each, kinds, depth - 1)
    elif depth and isinstance(value, dict):
        for each in list(value.values())[:MOST]:
            yield from _each(each, kinds, depth - 1)


def _flags(value: Any, depth: int = DEEP) -> Any:
    """`requires_grad` of every tensor in the value's structure; None where there is none. A module carries its own."""
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    if isinstance(value, torch.Tensor):
        return bool(value.requires_grad)
    if depth and isinstance(value, (list, tuple)) and len(value) <= MOST:
        inside = [_flags(each, depth - 1) for each in value]
        return inside if any(each is not None for each in inside) else None
    if depth and isinstance(value, dict) and len(value) <= MOST:
        by_key = {key: _flags(each, depth - 1) for key, each in value.items()}
        return by_key if any(each is not None for each in by_key.values()) else None
    return None


# What was changed


def _settings() -> dict[str, Any]:
    """Of PyTorch, what a call must leave as it was; {} where it is not imported."""
    torch = sys.modules.get("torch")
    return {} if torch is None else {"grad": torch.is_grad_enabled(), "dtype": str(torch.get_default_dtype()).removeprefix("torch.")}


def _set_back(settings: dict[str, Any]) -> None:
    torch = sys.modules.get("torch")
    if torch is not None and settings and _settings() != settings:
        torch.set_grad_enabled(settings["grad"])
        torch.set_default_dtype(getattr(torch, settings["dtype"]))


def _same(before: bytes, now: Any) -> bool:
    try:
        return wire.encode(now) == before
    except wire.WireError:
        return False


def _name(function: Callable[..., Any], place: int | str) -> str:
    """What the function calls an argument; "" where that cannot be known."""
    if isinstance(place, str):
        return place
    try:
        return str(list(inspect.signature(function).parameters)[place])
    except Exception:
        return ""


def _difference(old: Any, new: Any) -> str:
    """What about an argument is another now, as one of the words in `checks.reply.CHANGES`; "" for anything else."""
    if wire_modules.is_module(old):
        return _module_difference(old, new)
    if isinstance(old, dict) and isinstance(new, dict):
        if list(old) != list(new):
            return "keys"
    elif isinstance(old, list) and len(old) != len(new):
        return "length"
    elif hasattr(old, "shape") and hasattr(new, "shape"):
        if tuple(old.shape) != tuple(new.shape):
            return "shape"
        if old.dtype != new.dtype:
            return "dtype"
    return "values"


def _module_difference(old: Any, new: Any) -> str:
    try:
        (layers, parameters, buffers), (now, parameters_now, buffers_now) = (
            (d["layers"], d["parameters"], d["buffers"]) for d in map(wire.described, (old, new))
        )
        if [each[1] for each in layers] != [each[1] for each in now]:
            return "mode"
        if len(parameters) != len(parameters_now):
            return "parameters"
        if [flag for _, flag in parameters] != [flag for _, flag in parameters_now]:
            return "requires_grad"
        if not all(map(_same, map(wire.encode, [each for each, _ in parameters]), [each for each, _ in parameters_now])):
            return "parameters"
        if not all(map(_same, map(wire.encode, buffers), buffers_now)):
            return "statistics"
    except wire_modules.Refused:
        pass
    return "layers"


# What is shared


def _shared(value: Any, given: Mapping[int | str, Any]) -> list[int | str]:
    """The places of the arguments that the value is, holds, or shares memory with. Numbers and texts are nobody's."""
    ids, spans = _memory(value)
    if not ids and not spans:
        return []
    found = []
    for place, argument in given.items():
        own_ids, own_spans = _memory(argument)
        if ids & own_ids or any(start < end_too and start_too < end for start, end in spans for start_too, end_too in own_spans):
            found.append(place)
    return found


def _memory(value: Any) -> tuple[set[int], set[tuple[int, int]]]:
    """(ids of everything that can be changed, spans of bytes of arrays and tensors) in a value."""
    ids, spans, torch = set(), set(), sys.modules.get("torch")

    def look(each: Any, depth: int) -> None:
        if isinstance(each, np.ndarray):
            start = each.__array_interface__["data"][0]
            low = start + sum((length - 1) * step for length, step in zip(each.shape, each.strides) if step < 0)
            high = start + sum((length - 1) * step for length, step in zip(each.shape, each.strides) if step > 0) + each.itemsize
            if each.size:
                spans.add((low, high))
        elif torch is not None and isinstance(each, torch.Tensor):
            ids.add(id(each))
            if each.device.type == "cpu" and str(each.layout) == "torch.strided" and each.untyped_storage().nbytes():
                start = each.untyped_storage().data_ptr()
                spans.add((start, start + each.untyped_storage().nbytes()))
        elif torch is not None and isinstance(each, torch.nn.Module):
            ids.update(map(id, each.modules()))
            for tensor in (*each.parameters(), *each.buffers()):
                look(tensor, 0)
        elif isinstance(each, (list, dict)) or (isinstance(each, tuple) and each):
            if not isinstance(each, tuple):
                ids.add(id(each))
            if depth:
                for inner in (each.values() if isinstance(each, dict) else each) if len(each) <= MOST else ():
                    look(inner, depth - 1)

    look(value, DEEP)
    return ids, spans
