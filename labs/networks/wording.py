"""How layers and calls of a user's network are named in messages and in reasons."""

import re

from torch import fx, nn

from course_labs.networks.operations import FLATTENS, NORMS, RESHAPES, shape_of


def called(node: fx.Node, where: str) -> str:
    """A call that is not followed, and why."""
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))
    what = f"x.{name}()" if isinstance(node.target, str) else f"the function {name}"
    why = ", whose channels cannot be followed"
    if node.target in RESHAPES and len(shape_of(node) or ()) <= 2:
        why = " with a number of features written into the code, which is wrong once channels are cut; torch.flatten(x, 1) is not"
    elif node.target in RESHAPES:
        why = ", which puts the channels elsewhere"
    elif node.target in FLATTENS:
        why = " that does not begin at the channels; torch.flatten(x, 1) does"
    return f"{place(node, where)} is {what}{why}"


def place(node: fx.Node, where: str) -> str:
    """The call's name in the graph, the module around it and the line in the user's file, as far as they are known."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    inside = f" in {stack[-1][0]} ({stack[-1][1].__name__})" if node.op != "call_module" and stack and stack[-1][0] else ""
    line = re.search(rf'{re.escape(where.rsplit(":", 1)[0])}", line (\d+)', str(node.stack_trace or ""))
    return f"{node.name}{inside}{f' (line {line[1]})' if line else ''}"


def type_name(module: nn.Module) -> str:
    """The class of a layer; for a user's own, also PyTorch's that it comes from."""
    kind = type(module)
    if kind.__module__.startswith("torch.nn.modules"):
        return kind.__name__
    base = next((b.__name__ for b in kind.__mro__[1:] if b.__module__.startswith("torch.nn.modules") and b is not nn.Module), None)
    return f"{kind.__name__}{f', derived from {base}' if base else ''}"


def why_whole(module: nn.Module) -> str:
    """What is in the way of cutting what a layer reads."""
    if isinstance(module, (nn.LayerNorm, nn.MultiheadAttention)):
        return ", which mixes all channels"
    if isinstance(module, NORMS) and not module.affine:
        return " without weights"
    if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
        return " without running statistics" if not module.track_running_stats else ", on an axis that is not the channels'"
    return ", which the course does not know"
