"""PyTorch to ONNX, with batch norm folded and any batch size."""

import ast
import contextlib
import copy
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import onnx
import torch
from torch import nn

from course_data.files import beside
from course_labs.methods import faithful
from course_labs.methods.families import AnyNetwork
from course_labs.networks.convnet import folded

OPSET = 18


def export(
    net: AnyNetwork, size: tuple[int, int], path: Path, notes: dict[str, str] | None = None, fold: Callable[..., nn.Module] = folded
) -> Path:
    """Write `net` as an ONNX file: input `image` float32 (N, C, H, W), normalised; output `logits` float32 (N, classes).

    `size` is (H, W). `notes` go into the file's metadata. `fold` is the family's way to fold batch norms.
    Raises UserError that names the layer if the network cannot be written, or if the file computes something else; then no file is left.
    """
    # Weights that `train` left channels last would make the exporter write out how it turns the axes back.
    plain = fold(copy.deepcopy(net)).to(memory_format=torch.contiguous_format)
    pictures = torch.zeros(2, net.in_channels, *size)
    try:
        model = written(plain, pictures)
    except Exception as error:  # of every kind: the exporter's own, and those of what it calls
        raise faithful.blamed(error, plain, pictures, lambda part: written(part, pictures)) from error
    onnx.helper.set_model_props(model, notes or {})
    with beside(path) as temporary:
        onnx.save(model, temporary, format="protobuf")
        faithful.check_float(temporary, path.name, plain, size, net.in_channels, lambda part: written(part, pictures))
    return path


def written(plain: nn.Module, example: torch.Tensor) -> onnx.ModelProto:
    """`plain`, folded and in eval mode, as an ONNX model for any number of images such as `example` (N, C, H, W)."""
    with _silent():
        program = torch.onnx.export(
            plain,
            (example,),
            dynamo=True,
            opset_version=OPSET,
            optimize=True,
            verbose=False,
            input_names=["image"],
            output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
        )
    assert program is not None, "the exporter gives None only when it writes the file itself"
    model = program.model_proto
    _name_the_pooling(model)
    _name_the_batch(model.graph)
    _name_the_nodes(model)
    slim(model)
    return model


def _name_the_nodes(model: onnx.ModelProto) -> None:
    """Every operator is called after the layer it comes from, as the network calls it: whoever reads the file finds it again."""
    taken: set[str] = set()
    for node in model.graph.node:
        scopes = [value.value for value in node.metadata_props if value.key == "pkg.torch.onnx.name_scopes"]
        path = [name for name in ast.literal_eval(scopes[0]) if name] if scopes else []
        name = path[-2] if len(path) > 1 else path[-1] if path else node.name
        name = name if name not in taken else f"{name}/{node.op_type}"
        node.name = name if name not in taken else f"{name}/{len(taken)}"
        taken.add(node.name)


def _name_the_pooling(model: onnx.ModelProto) -> None:
    """Turn the exporter's mean over height and width back into GlobalAveragePool, which is the same and which ONNX Runtime has in int8."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "ReduceMean" and len(node.input) == 2 and node.input[1] in constants:
            axes = sorted(onnx.numpy_helper.to_array(constants[node.input[1]]) % 4)
            kept = {a.name: a.i for a in node.attribute}.get("keepdims", 1)
            if axes == [2, 3] and kept:
                axes_name = node.input.pop()
                node.op_type = "GlobalAveragePool"
                del node.attribute[:]
                if not any(axes_name in other.input for other in model.graph.node):
                    model.graph.initializer.remove(constants[axes_name])


def _name_the_batch(graph: onnx.GraphProto) -> None:
    """Call the free axis of input and output `batch`: the exporter has numbers for it, and whoever opens the file reads it first."""
    for value in [*graph.input, *graph.output]:
        axis = value.type.tensor_type.shape.dim[0]
        if axis.dim_param:
            axis.dim_param = "batch"


def slim(model: onnx.ModelProto) -> None:
    """Remove what no runtime reads, in place: the exporter's stack traces alone can outweigh a small network.

    Domains of operators that no node uses go, too: ONNX Runtime's quantiser names eight, and other runtimes refuse what they do not know.
    """
    for node in model.graph.node:
        node.ClearField("doc_string")
        node.ClearField("metadata_props")
    for value in [*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer]:
        value.ClearField("metadata_props")
        value.ClearField("doc_string")
    model.graph.ClearField("metadata_props")
    model.graph.ClearField("value_info")  # intermediate shapes: inferred again when the file is loaded
    model.graph.ClearField("doc_string")
    model.ClearField("doc_string")
    used = {node.domain for graph in _graphs(model.graph) for node in graph.node} | {
        node.domain for f in model.functions for node in f.node
    }
    kept = [each for each in model.opset_import if each.domain in used | {"", "ai.onnx"}]
    del model.opset_import[:]
    model.opset_import.extend(kept)


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """The graph, and those inside its operators."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]:
                yield from _graphs(inner)


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """The exporter reports every step on standard output; a course's terminal is for the course."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logger.setLevel(level)
