"""A file's answers against the network's: the file that is measured must be the network that was trained.

In float32 both compute the same, but for rounding. An int8 file is held to what it states: run step by step, in float with the roundings
written in it (ONNX Runtime without optimisations), it must say what the runtime's int8 kernels say, to one code in every layer.
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import fx, nn

from course_data import UserError

FLOAT = 1e-4  # of the largest logit. Sums in another order give about 1e-6
CODES = 1  # a rounding in integers and one in floats may fall to two sides

ADVICE = {
    "AvgPool2d": "Use an average pooling without ceil_mode and divisor_override, for example nn.AvgPool2d(2).",
    "AdaptiveMaxPool2d": "Use nn.MaxPool2d with a size of its own, or x.amax((2, 3)) for a single number.",
    "AdaptiveAvgPool2d": "Use an output size that divides the height and width, or nn.AdaptiveAvgPool2d(1).",
    "AveragePool": "Use an average pooling without ceil_mode, for example nn.AvgPool2d(2), or pad the pictures first: nn.ZeroPad2d.",
}


def check_float(
    path: Path, title: str, net: nn.Module, size: tuple[int, int], channels: int, write: Callable[[nn.Module], onnx.ModelProto]
) -> None:
    """Raises UserError, naming the first layer that differs, unless the ONNX file at `path` answers as `net` does. Messages call it `title`.

    On random pictures (N, `channels`, *`size`), one and five at a time. `write` exports a network: it is called for parts of `net` when they differ.
    """
    drawn = torch.Generator().manual_seed(0)
    pictures = torch.randn(5, channels, *size, generator=drawn)
    run = _session(path.read_bytes(), optimised=True)
    for some in (pictures, pictures[:1]):
        difference = _apart(_ask(run, {"image": some.numpy()})[0], _answer(net, some))
        if difference > FLOAT:
            raise UserError(
                f"{title} does not compute what the network computes: its answers are off by {100 * difference:.2g} % of the largest. "
                + _blamed(net, some, write)
            )


def first_difference(net: nn.Module, pictures: torch.Tensor, write: Callable[[nn.Module], onnx.ModelProto]) -> tuple[str, str] | None:
    """(name, kind) of the first layer of `net` whose file does not compute what it computes or cannot be written; None if it cannot be told."""
    try:
        body = net if isinstance(net, fx.GraphModule) else fx.symbolic_trace(net)
    except Exception:  # torch.fx cannot follow every network: then the layer is not named
        return None
    nodes = [node for node in body.graph.nodes if node.op in ("call_module", "call_function", "call_method")]
    low, high = 0, len(nodes) - 1  # the first node whose prefix goes wrong lies here
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _wrong(_up_to(body, middle), pictures, write) else (middle + 1, high)
    node = nodes[low]
    module = body.get_submodule(str(node.target)) if node.op == "call_module" else None
    name = str(node.target) if module is not None else node.name
    return name, type(module).__name__ if module is not None else getattr(node.target, "__name__", str(node.target))


def blamed(error: Exception, net: nn.Module, pictures: torch.Tensor, write: Callable[[nn.Module], onnx.ModelProto]) -> UserError:
    """What to tell when the network could not be written at all."""
    said = _blamed(net, pictures, write)
    return UserError(f"The network cannot be written as an ONNX file ({type(error).__name__}: {_short(error)}). {said}")


def check_int8(path: Path, title: str, pictures: torch.Tensor) -> None:
    """Raises UserError, naming the first layer that differs, unless ONNX Runtime computes what the int8 file at `path` states.

    `pictures` (N, C, H, W), normalised, should be some of those that set the ranges. Every layer is given the codes that the step-by-step run
    gives it, so that differences do not add up.
    """
    model = onnx.load(path)
    codes = _codes(model)
    if not codes:
        return
    feed = {"image": pictures.numpy()}
    stated = dict(zip([*codes, "logits"], _ask(_session(_with_outputs(model, codes), optimised=False), feed)))
    apart = _in_pieces(model, codes)
    computed = _ask(_session(apart, optimised=True), feed | {f"{name}_stated": stated[name] for name in codes})
    for name, values in zip(codes, computed):
        off = np.abs(values.astype(np.int64) - stated[name].astype(np.int64))
        if off.max(initial=0) > CODES:
            node = _maker(model, name)
            kind = node.op_type if node is not None else "a layer"
            place = node.name if node is not None else name
            raise UserError(
                f"{title} is not computed as it states: in {place} ({kind}) ONNX Runtime's int8 is off by up to {off.max()} of 256 steps, "
                f"in {100 * np.mean(off > CODES):.2g} % of its answers. {ADVICE.get(kind, 'Use another layer there.')}"
            )


# ---------------------------------------------------------------- float files


def _blamed(net: nn.Module, pictures: torch.Tensor, write: Callable[[nn.Module], onnx.ModelProto]) -> str:
    found = first_difference(net, pictures, write)
    if found is None:
        return "Which layer it is cannot be told, for torch.fx cannot follow the network."
    name, kind = found
    advice = next((words for key, words in ADVICE.items() if key.lower() == kind.lower().replace("_", "")), "Use another layer there.")
    return f"The first layer that differs is {name} ({kind}). {advice}"


def _wrong(net: nn.Module, pictures: torch.Tensor, write: Callable[[nn.Module], onnx.ModelProto]) -> bool:
    expected = _answer(net, pictures)
    if expected is None:
        return False  # a shape, a tuple: the next layer will tell
    try:
        found = _ask(_session(write(net).SerializeToString(), optimised=True), {"image": pictures.numpy()})[0]
    except Exception:  # whatever the exporter or the runtime raises
        return True
    return _apart(found, expected) > FLOAT


def _up_to(body: fx.GraphModule, place: int) -> fx.GraphModule:
    """The network as far as its `place`-th step."""
    part = copy.deepcopy(body)
    nodes = [node for node in part.graph.nodes if node.op in ("call_module", "call_function", "call_method")]
    output = next(node for node in part.graph.nodes if node.op == "output")
    output.args = (nodes[place],)
    part.graph.eliminate_dead_code()
    part.recompile()
    return part


def _answer(net: nn.Module, pictures: torch.Tensor) -> np.ndarray | None:
    with torch.inference_mode():
        found = net(pictures)
    return found.numpy() if isinstance(found, torch.Tensor) else None


def _apart(found: np.ndarray, expected: np.ndarray | None) -> float:
    """The largest difference as a share of the largest number expected; infinite for another shape or where one of them is no number."""
    if expected is None or found.shape != expected.shape or not np.isfinite(found).all() or not np.isfinite(expected).all():
        return float("inf")
    return float(np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-30))


# ---------------------------------------------------------------- int8 files


def _codes(model: onnx.ModelProto) -> list[str]:
    """The tensors in which activations stand as codes."""
    return [node.output[0] for node in model.graph.node if node.op_type == "QuantizeLinear"]


def _with_outputs(model: onnx.ModelProto, names: list[str]) -> bytes:
    """The model, which also gives back the tensors `names`, before its logits."""
    wider = onnx.ModelProto()
    wider.CopyFrom(model)
    logits = [output for output in wider.graph.output]
    del wider.graph.output[:]
    kinds = dict(zip(names, _kinds(model, names)))
    wider.graph.output.extend([*(onnx.helper.make_tensor_value_info(name, kinds[name], None) for name in names), *logits])
    return wider.SerializeToString()


def _in_pieces(model: onnx.ModelProto, names: list[str]) -> bytes:
    """The model cut at every tensor of codes: what reads one is fed from outside, and all of them come back."""
    pieces = onnx.ModelProto()
    pieces.ParseFromString(_with_outputs(model, names))
    for node in pieces.graph.node:
        for place, name in enumerate(node.input):
            if name in names:
                node.input[place] = f"{name}_stated"
    kinds = dict(zip(names, _kinds(model, names)))
    ranks = {value.name: len(value.type.tensor_type.shape.dim) for value in onnx.shape_inference.infer_shapes(model).graph.value_info}
    for name in names:
        dims: list[str] | None = [f"{name}_{axis}" for axis in range(ranks[name])] if name in ranks else None
        pieces.graph.input.append(onnx.helper.make_tensor_value_info(f"{name}_stated", kinds[name], dims))
    return pieces.SerializeToString()


def _kinds(model: onnx.ModelProto, names: list[str]) -> Iterator[int]:
    """The type of each tensor of codes: its zero point's."""
    constants = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    makers = {node.output[0]: node for node in model.graph.node}
    for name in names:
        yield constants.get(makers[name].input[2], onnx.TensorProto.UINT8) if len(makers[name].input) > 2 else onnx.TensorProto.UINT8


def _maker(model: onnx.ModelProto, name: str) -> onnx.NodeProto | None:
    """The operator whose answer is rounded to the codes `name`."""
    makers = {output: node for node in model.graph.node for output in node.output}
    with suppress(KeyError):
        return makers[makers[name].input[0]]
    return None


def _session(model: bytes, optimised: bool) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    if not optimised:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _ask(session: onnxruntime.InferenceSession, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
    return session.run(None, {value.name: feed[value.name] for value in session.get_inputs()})


def _short(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:160] if lines else ""
