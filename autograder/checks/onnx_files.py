"""Looks into ONNX files and runs them. Only functions of plain data, because in grading this file's text runs inside the sandbox.

A file is first read as data: no external data, operators of a short list from ONNX's own domain, no subgraphs, no functions.
What is not refused is run by ONNX Runtime on one thread. Nothing here is trusted to end, or to stay small: limits are set from outside.
"""

import time
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

# Chains of convolutions and linear layers, with additions for residual networks, in float32 and in int8. Nothing that loops, branches,
# looks up or draws random numbers, and nothing that scales: a batch norm belongs into the layer before it, where its numbers are seen.
# operator -> positions at which stored numbers may enter beside what is computed from the image.
OPERATORS = {
    "Add": (0, 1), "AveragePool": (), "Clip": (1, 2), "Conv": (1, 2), "DequantizeLinear": (1, 2), "Dropout": (1, 2), "Flatten": (), "Gemm": (1, 2),
    "GlobalAveragePool": (), "Identity": (), "MatMul": (1,), "MaxPool": (), "QLinearConv": (1, 2, 3, 4, 5, 6, 7, 8),
    "QLinearMatMul": (1, 2, 3, 4, 5, 6, 7), "QuantizeLinear": (1, 2), "ReduceMean": (1,), "Relu": (), "Reshape": (1,), "Softmax": (), "Squeeze": (1,),
    "Transpose": (), "Unsqueeze": (1,),
}  # fmt: skip
# Layers with weights: operator -> positions of (weight, bias) among its inputs.
LAYERS = {"Conv": (1, 2), "Gemm": (1, 2), "MatMul": (1, None), "QLinearConv": (3, 8), "QLinearMatMul": (3, None)}
# What may be done to stored numbers before they meet the image: each of them still is one number, and its value can be told.
STORED_ONLY = ("DequantizeLinear", "Identity", "QuantizeLinear", "Transpose")
# What hands eight-bit codes on as they are.
PASSING = ("Flatten", "Identity", "MaxPool", "Reshape", "Squeeze", "Transpose", "Unsqueeze")
OLDEST = 13  # earlier versions keep axes and bounds in attributes, and mean other things by them
NAMES = {getattr(TensorProto, name.upper()): name for name in ("float", "float16", "double", "int8", "uint8", "int32", "int64", "bool")}
KNOWN = 21  # a version that the reference implementation has; what it is asked for means the same in all of them
EIGHT_BITS = (TensorProto.INT8, TensorProto.UINT8)
MOST_NODES = 2000
MOST_NUMBERS = 1 << 24  # in one tensor

_taken: dict[str, bytes] = {}  # name -> bytes of a file
_sessions: dict[str, Any] = {}


class Refused(Exception):
    """The file is not a network that can be looked into and run here. The message ends the sentence "`name` ..."."""


def take(name: str, piece: bytes, more: bool = False) -> None:
    """The bytes of the file `name`; with `more`, the next of them: a message holds only so many."""
    _taken[name] = _taken[name] + piece if more else piece
    _sessions.pop(name, None)


def describe(name: str) -> dict[str, Any]:
    """What the file `name` is, as plain data, or {"refused": why}.

    "layers": for each layer with weights, in order: operator, weight shape (outputs first), stored data type, numbers in weight and bias,
    multiply-accumulates for one image, whether its input comes in eight bits. "stored": data type -> bytes of all stored numbers.
    """
    try:
        return _described(_read(name))
    except Refused as why:
        return {"refused": str(why)}


def weights(name: str) -> list[np.ndarray]:
    """The layers' weights as float32 arrays, outputs first, as they act: int8 codes times their scales."""
    graph = _Graph(_read(name))
    return [graph.weight(node) for node in graph.layers]


def logits(name: str, images: np.ndarray) -> np.ndarray:
    """What the network answers for float32 images (N, C, H, W): float32 (N, classes)."""
    if name not in _sessions:
        _sessions[name] = _session(name)
    session = _sessions[name]
    return np.asarray(session.run(None, {session.get_inputs()[0].name: images})[0], dtype=np.float32)


def race(names: list[str], image: np.ndarray, rounds: int, calls: int) -> dict[str, float]:
    """Milliseconds for one image: the median over `rounds` of each round's fastest call, the networks taking turns. {name: ms}.

    Counted is the processor time of this thread, which does all the work, and the fastest of some calls is what the machine
    can do when nobody else needs it.
    """
    runs = {name: _session(name) for name in names}
    feeds = {name: {session.get_inputs()[0].name: image} for name, session in runs.items()}
    times: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name, session in runs.items():
            session.run(None, feeds[name])
            best = float("inf")
            for _ in range(calls):
                start = time.thread_time_ns()
                session.run(None, feeds[name])
                best = min(best, time.thread_time_ns() - start)
            times[name].append(best / 1e6)
    return {name: float(np.median(found)) for name, found in times.items()}


def _session(name: str) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    # Without VNNI, x86 adds products of eight-bit codes in 16 bits that overflow: a file made elsewhere would lose what it had there.
    options.add_session_config_entry("session.x64quantprecision", "1")
    return onnxruntime.InferenceSession(_taken[name], options, providers=["CPUExecutionProvider"])


def _read(name: str) -> Any:
    """The file as a checked `ModelProto`, all stored numbers among its initializers. Raises `Refused`."""
    try:
        model = onnx.load_model_from_string(_taken[name])
    except Exception:
        raise Refused("is not an ONNX file") from None
    graph = model.graph
    if not graph.node:
        raise Refused("is not an ONNX file, or one without a network in it")
    if model.functions or model.training_info or graph.sparse_initializer:
        raise Refused("holds functions, training steps or sparse tensors; hand in the plain network that the lab exports")
    if len(graph.node) > MOST_NODES or len(graph.initializer) > MOST_NODES:
        raise Refused(f"has more than {MOST_NODES} nodes or tensors")
    if not any(each.domain in ("", "ai.onnx") and each.version >= OLDEST for each in model.opset_import):
        raise Refused(f"is written in operators older than version {OLDEST}; export it again, as the lab does")
    for node in graph.node:
        if node.domain not in ("", "ai.onnx"):
            raise Refused(f"uses the operator {node.op_type[:40]} of the domain {node.domain[:40]}; only ONNX's own domain is taken")
        if node.op_type not in OPERATORS and node.op_type != "Constant":
            raise Refused(f"uses the operator {node.op_type[:40]}, which the lab's own export does not write")
        for attribute in node.attribute:
            if attribute.name == "output_dtype" and attribute.i not in (0, *EIGHT_BITS):
                raise Refused(f"rounds to numbers of more than eight bits in its operator {node.op_type}")
            if node.op_type != "Constant" and attribute.type not in (
                attribute.FLOAT,
                attribute.INT,
                attribute.STRING,
                attribute.FLOATS,
                attribute.INTS,
                attribute.TENSOR,
            ):
                raise Refused(f"has a graph inside its operator {node.op_type}")
    # A number is a number, wherever it is written.
    graph.initializer.extend(_constant(node) for node in graph.node if node.op_type == "Constant")
    computed = [node for node in graph.node if node.op_type != "Constant"]
    del graph.node[:]
    graph.node.extend(computed)
    for tensor in graph.initializer:
        _plain(tensor)
    return model


def _constant(node: Any) -> Any:
    """The tensor that a `Constant` stands for. Raises `Refused`."""
    attribute = node.attribute[0] if len(node.attribute) == len(node.output) == 1 else None
    kinds = {"value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64}
    if attribute is not None and attribute.name == "value" and attribute.type == attribute.TENSOR:
        tensor = TensorProto()
        tensor.CopyFrom(attribute.t)
        tensor.name = node.output[0]
        return tensor
    if attribute is not None and attribute.name in kinds:
        return numpy_helper.from_array(np.asarray(onnx.helper.get_attribute_value(attribute), kinds[attribute.name]), node.output[0])
    raise Refused("has a Constant that holds no plain numbers")


def _plain(tensor: Any) -> None:
    """Raise `Refused` for a stored tensor whose numbers are elsewhere, too many, or not as many as its shape says."""
    if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
        raise Refused("keeps numbers in another file (external data); save it with everything inside")
    if tensor.data_type not in NAMES:
        raise Refused("stores numbers of a type that no network of this lab needs")
    count = 1
    for side in tensor.dims:
        if side < 0 or side > MOST_NUMBERS:
            raise Refused("has a stored tensor of an impossible shape")
        count *= side
    if count > MOST_NUMBERS:
        raise Refused("has a stored tensor of an impossible shape")
    try:
        numpy_helper.to_array(tensor)
    except Exception:
        raise Refused("has a stored tensor whose numbers do not fill its shape") from None


class _Graph:
    """Which numbers of a model are stored, which come from the image, and where the stored ones act. Raises `Refused` where that cannot be told.

    Every stored number that reaches the answer does so as part of a layer's weight or bias, as something added, as the scale of rounded
    numbers, or as a shape: whatever else could act is refused.
    """

    def __init__(self, model: Any) -> None:
        self.model, graph = model, model.graph
        self.stored = {tensor.name: tensor for tensor in graph.initializer}
        self.inputs = [each for each in graph.input if each.name not in self.stored]
        self.maker = {}  # name -> the node that computes it
        self.behind = dict(self.stored)  # name of what is stored, or only turned or rounded -> the tensor behind it
        self.grids: dict[str, tuple[float, int]] = {}  # name of eight-bit codes computed from the image -> (scale, zero point)
        self.layers: list[Any] = []
        self.added: list[Any] = []
        if len(self.stored) != len(graph.initializer):
            raise Refused("stores two tensors under one name")
        known = {*self.stored, *(each.name for each in self.inputs)}
        for node in graph.node:
            for name in filter(None, node.input):
                if name not in known:
                    raise Refused(f"uses `{name[:40]}` before anything makes it")
            for name in filter(None, node.output):
                if name in known:
                    raise Refused(f"makes `{name[:40]}` twice")
                known.add(name)
                self.maker[name] = node
            self._take_in(node)

    def _take_in(self, node: Any) -> None:
        names = [name for name in node.input if name]
        if not names:
            raise Refused(f"has an operator {node.op_type} without an input")
        if all(name in self.behind for name in names):
            if node.op_type not in STORED_ONLY:
                raise Refused(f"computes with stored numbers alone in its operator {node.op_type}: store what comes out of it")
            self._unblocked(node)
            self.behind.update(dict.fromkeys(node.output, self.behind[node.input[0]]))
            return
        for position, name in enumerate(node.input):
            if not name:
                continue
            if name in self.behind and position not in OPERATORS[node.op_type]:
                raise Refused(f"has an operator {node.op_type} that takes stored numbers where the image belongs")
            if name not in self.behind and position > 0 and node.op_type != "Add":
                raise Refused(f"has a layer ({node.op_type}) whose weights are computed, not stored")
        if node.op_type in LAYERS:
            self.layers.append(node)
        self._nothing_scales(node)
        self._one_grid(node)

    def _nothing_scales(self, node: Any) -> None:
        attributes = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
        if node.op_type == "Add":
            self.added += [self.behind[name] for name in node.input if name in self.behind]
        elif node.op_type == "Gemm" and (attributes.get("alpha", 1) != 1 or attributes.get("beta", 1) != 1 or attributes.get("transA", 0)):
            raise Refused("has a Gemm that multiplies its weights or its bias by a factor; store them as they act")
        elif node.op_type == "Clip" and not {float(self.values(name)) for name in node.input[1:] if name} <= {0.0, 6.0}:
            raise Refused("has a Clip with bounds other than 0 and 6")
        elif node.op_type == "Dropout" and len(node.input) > 2 and node.input[2] and self.values(node.input[2]).any():
            raise Refused("has a Dropout that still drops")

    def _one_grid(self, node: Any) -> None:
        """Codes are read with the scale they were rounded with: another one would be a factor."""
        first = node.input[0]
        if node.op_type == "QuantizeLinear":
            self._unblocked(node)
            self.grids[node.output[0]] = self._grid(node, 1)
        elif node.op_type == "DequantizeLinear" or node.op_type.startswith("QLinear"):
            self._unblocked(node)
            if self.grids.get(first) != self._grid(node, 1):
                raise Refused(f"reads rounded numbers in its operator {node.op_type} with another scale than they were rounded with")
            if node.op_type.startswith("QLinear"):
                self.grids[node.output[0]] = self._grid(node, 6)
        elif first in self.grids and node.op_type in PASSING:
            self.grids[node.output[0]] = self.grids[first]
        elif any(name in self.grids for name in node.input):
            raise Refused(f"computes with codes in its operator {node.op_type}, not with the numbers they stand for")

    def _unblocked(self, node: Any) -> None:
        if any(each.name == "block_size" and each.i for each in node.attribute):
            raise Refused("has scales for blocks of numbers, which no network of this lab needs")

    def _grid(self, node: Any, position: int) -> tuple[float, int]:
        """(scale, zero point) of codes computed from the image, at `position` among the inputs of `node`: one number each."""
        scale, name = self.values(node.input[position]), _input(node, position + 1)
        zero = self.values(name) if name else np.uint8(0)
        if scale.size != 1 or zero.size != 1 or zero.dtype not in (np.int8, np.uint8):
            raise Refused(f"rounds what it computes in its operator {node.op_type} with more than one scale, or to more than eight bits")
        return float(scale.reshape(())), int(zero.reshape(()))

    def values(self, name: str) -> np.ndarray:
        """The numbers called `name`, which are stored, or only turned and rounded, as they act."""
        return numpy_helper.to_array(self.stored[name]) if name in self.stored else self._computed(name)

    def _computed(self, name: str, last: Any = None) -> np.ndarray:
        """What ONNX's own reference implementation makes of stored numbers under `name`; `last` is a node that stands in no file."""
        needed, tensors, waiting = set(), {}, list(last.input) if last else [name]
        while waiting:
            each = waiting.pop()
            if each in self.stored:
                tensors[each] = self.stored[each]
            elif each and each not in needed:
                needed.add(each)
                waiting += self.maker[each].input
        nodes = [node for node in self.model.graph.node if needed.intersection(node.output)] + ([last] if last else [])
        graph = onnx.helper.make_graph(nodes, "stored", [], [onnx.ValueInfoProto(name=name)], list(tensors.values()))
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", KNOWN)])
        try:
            return np.asarray(ReferenceEvaluator(model).run(None, {})[0])
        except Exception:
            raise Refused("has stored numbers whose scales do not fit them") from None

    def weight(self, node: Any) -> np.ndarray:
        """A layer's weight as it acts, float32, outputs first."""
        name = node.input[LAYERS[node.op_type][0]]
        if node.op_type.startswith("QLinear"):
            axis = 0 if node.op_type == "QLinearConv" else -1
            name = "weight as it acts"
            found = self._computed(name, onnx.helper.make_node("DequantizeLinear", node.input[3:6], [name], axis=axis))
        else:
            found = self.values(name)
        found = found.astype(np.float32)
        return np.moveaxis(found, -1, 0) if outputs_last(node) else found

    def in_eight_bits(self, name: str) -> bool:
        """Whether the numbers called `name` come from eight-bit codes that are computed from the image."""
        while name in self.maker and self.maker[name].op_type in PASSING:
            name = self.maker[name].input[0]
        return name in self.grids or (name in self.maker and self.maker[name].op_type == "DequantizeLinear" and name not in self.behind)


def outputs_last(node: Any) -> bool:
    """Whether the last axis of a layer's weight counts the outputs."""
    turned = any(each.name == "transB" and each.i for each in node.attribute)
    return node.op_type in ("MatMul", "QLinearMatMul") or (node.op_type == "Gemm" and not turned)


def _described(model: Any) -> dict[str, Any]:
    graph = _Graph(model)
    if len(graph.inputs) != 1 or len(model.graph.output) != 1:
        raise Refused("must have one input, the image, and one output, the logits")
    image = graph.inputs[0].type.tensor_type
    sides = [side.dim_value for side in image.shape.dim]
    if image.elem_type != TensorProto.FLOAT or len(sides) != 4 or min(sides[1:]) < 1 or sides[0]:
        raise Refused("must take float32 images of the shape (N, channels, height, width), for any N")
    shapes = _shapes(model, graph.inputs[0].name)
    last = shapes.get(model.graph.output[0].name)
    if last is None or len(last) != 2 or last[0] != 1:
        raise Refused("must give logits of the shape (N, classes)")
    if not graph.layers:
        raise Refused("has no layer with weights")
    stored: dict[str, int] = {}
    for tensor in graph.stored.values():
        kind = NAMES[tensor.data_type]
        stored[kind] = stored.get(kind, 0) + int(numpy_helper.to_array(tensor).nbytes)
    end = graph.maker.get(model.graph.output[0].name)
    # The distance of two neighbouring logits where they were rounded to eight bits.
    step = graph.grids[end.input[0]][0] if end is not None and end.op_type == "DequantizeLinear" and end.input[0] in graph.grids else 0.0
    return {
        "input": sides[1:], "classes": last[1], "layers": [_layer(node, graph, shapes) for node in graph.layers], "stored": stored,
        "other_numbers": sum(int(np.prod(tensor.dims)) for tensor in graph.added), "step": abs(step),
    }  # fmt: skip


def _shapes(model: Any, image: str) -> dict[str, list[int]]:
    """Name -> shape of every tensor, for one image. Raises `Refused` where shapes do not fit each other."""
    one = onnx.ModelProto()
    one.CopyFrom(model)
    del one.graph.value_info[:]
    for value in [*one.graph.input, *one.graph.output]:
        if value.name == image:
            value.type.tensor_type.shape.dim[0].dim_value = 1
        elif value.type.HasField("tensor_type"):
            value.type.tensor_type.ClearField("shape")
    try:
        done = shape_inference.infer_shapes(one, check_type=True, strict_mode=True, data_prop=True)
    except Exception:
        raise Refused("holds a network whose shapes do not fit each other") from None
    found = {tensor.name: list(tensor.dims) for tensor in done.graph.initializer}
    for value in [*done.graph.value_info, *done.graph.input, *done.graph.output]:
        found[value.name] = [side.dim_value for side in value.type.tensor_type.shape.dim]
    return found


def _layer(node: Any, graph: _Graph, shapes: dict[str, list[int]]) -> dict[str, Any]:
    position, bias = LAYERS[node.op_type]
    weight = graph.behind[node.input[position]]
    shape = shapes.get(node.input[position]) or []
    if len(shape) < 2:
        raise Refused(f"has a layer ({node.op_type}) whose weight is no matrix")
    if outputs_last(node):
        shape = [shape[-1], *shape[:-1]]
    out = shapes.get(node.output[0]) or [0]
    if min(out) < 1 or min(shape) < 1:
        raise Refused("holds a network whose shapes cannot be told")
    numbers, values = int(np.prod(shape)), int(np.prod(out))
    bias = graph.behind.get(_input(node, bias))
    return {
        "op": node.op_type, "shape": shape, "type": NAMES[weight.data_type], "name": weight.name, "numbers": numbers,
        "bias": int(np.prod(bias.dims)) if bias is not None else 0,
        "macs": values * (numbers // shape[0]),
        "eight_bits_in": node.op_type.startswith("QLinear") or graph.in_eight_bits(node.input[0]),
    }  # fmt: skip


def _input(node: Any, position: int | None) -> str:
    return node.input[position] if position is not None and position < len(node.input) else ""
