"""From a user's network to a torch.fx graph: what must be undone first, what is told in one line, and the walk itself."""

import copy
import inspect
from typing import Any

import torch
from torch import fx, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import prune
from torchvision.ops import StochasticDepth

from course_data import UserError
from course_labs.networks.operations import DROPOUT_FUNCTIONS, given


def ready(net: nn.Module, where: str) -> nn.Module:
    """A copy of `net` that can be followed, in eval mode.

    Raises UserError, with what to give instead, for a network that is wrapped, compiled, masked, or has nothing left to learn.
    """
    for name, module in net.named_modules():
        place = f"{where}: {name or 'the network'}"
        if isinstance(module, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
            raise UserError(f"{place} is {type(module).__name__}, which only spreads it over devices. Give the network inside: net.module.")
        if isinstance(module, torch.jit.ScriptModule):
            raise UserError(
                f"{place} is a scripted or traced module. Give the network as it was before torch.jit.script or torch.jit.trace."
            )
        if hasattr(module, "_orig_mod"):
            raise UserError(f"{place} went through torch.compile. Give the network as it was before.")
        _without_hooks_on_weights(module, name, place)
    _parameters_there(net, where)
    if not any(parameter.requires_grad for parameter in net.parameters()):
        raise UserError(
            f"{where}: no parameter may learn (requires_grad is False for all). Give it net.requires_grad_() before you return it."
        )
    net = copy.deepcopy(net)
    signature = inspect.signature(type(net).forward)
    needed = [
        p for p in list(signature.parameters.values())[2:] if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    if needed:
        raise UserError(f"{where}: forward takes more than one argument ({needed[0].name}). The course calls it with the images alone.")
    if len(signature.parameters) > 2:  # forward(x, flag=False): as it is when nobody gives the flag
        kind = type(net)
        net.__class__ = type(kind.__name__, (kind,), {"forward": lambda self, x: kind.forward(self, x), "__module__": kind.__module__})
    return net.eval()


def followed(net: nn.Module, where: str) -> fx.GraphModule:
    """The graph of `net`, which `ready` gave. Raises what torch.fx raises when the way depends on the values in a tensor."""
    body = fx.GraphModule(net, _Tracer().trace(net))
    _with_dropout_layers(body, where)
    return body


class _Tracer(fx.Tracer):
    """Follows the user's own modules inside; stops at PyTorch's and at what is derived from them: a changed forward would hide there."""

    record_stack_traces = True

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return super().is_leaf_module(module, name) or isinstance(module, (nn.Conv2d, nn.Linear, _BatchNorm, StochasticDepth))


def _without_hooks_on_weights(module: nn.Module, name: str, place: str) -> None:
    """Old-style masks and norms make a weight anew before each call; a copy of such a layer cannot be made, or would lie."""
    for hook in module._forward_pre_hooks.values():
        kind = type(hook).__name__
        if isinstance(hook, prune.BasePruningMethod):
            raise UserError(
                f"{place} still wears a mask of torch.nn.utils.prune. Make it permanent first: "
                f"torch.nn.utils.prune.remove({name or 'net'}, {hook._tensor_name!r})."
            )
        if kind in ("SpectralNorm", "WeightNorm"):
            old = "spectral_norm" if kind == "SpectralNorm" else "weight_norm"
            raise UserError(
                f"{place} has the old torch.nn.utils.{old}. Use torch.nn.utils.parametrizations.{old}, or take it off: torch.nn.utils.remove_{old}."
            )


def _parameters_there(net: nn.Module, where: str) -> None:
    for name, parameter in net.named_parameters():
        if isinstance(parameter, nn.parameter.UninitializedParameter):
            raise UserError(f"{where}: {name} has no shape yet (a lazy layer). Call the network once on a picture before you return it.")


def _with_dropout_layers(body: fx.GraphModule, where: str) -> None:
    """Functional dropout in place of `body` becomes a layer, which knows by itself whether the network is being trained."""
    count = 0
    for node in list(body.graph.nodes):
        kind = DROPOUT_FUNCTIONS.get(node.target) if node.op == "call_function" else None
        if kind is None:
            continue
        training: Any = given(node, 2, "training", given(node, 2, "train", True))
        if training is not False:  # the network was followed in eval mode
            raise UserError(
                f"{where}: {node.name} is dropout as a function without training=self.training, so that it also drops when the network is used. "
                "Write training=self.training, or use a layer nn.Dropout."
            )
        name = f"dropout_as_a_layer_{count}"
        count += 1
        body.add_submodule(name, kind(given(node, 1, "p", 0.5)))
        with body.graph.inserting_before(node):
            layer = body.graph.call_module(name, (given(node, 0, "input"),))
        layer.meta = dict(node.meta)
        node.replace_all_uses_with(layer)
        body.graph.erase_node(node)
    if count:
        body.recompile()
