"""Looks into ONNX files and runs them. Only functions of plain data, because in grading this file's text runs inside the sandbox.

A file is first read as data: no external data, operators of a short list from ONNX's own domain, no subgraphs, no functions.
What is not refused is run by ONNX Runtime on one thread. Nothing here is trusted to end, or to stay small: limits are set from outside.
"""

import time

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, numpy_helper, shape_inference

# Chains of convolutions and linear layers, with additions for residual networks, in float32 and in int8. Nothing that loops, branches,
# looks up or draws random numbers.
OPERATORS = {
    "Add", "AveragePool", "BatchNormalization", "Clip", "Constant", "Conv", "DequantizeLinear", "Dropout", "Flatten", "Gemm",
    "GlobalAveragePool", "Identity", "LeakyRelu", "MatMul", "MaxPool", "QLinearConv", "QLinearMatMul", "QuantizeLinear", "ReduceMean", "Relu",
    "Reshape", "Softmax", "Squeeze", "Transpose", "Unsqueeze",
}  # fmt: skip
# Layers with weights: operator -> positions of (input, weight, bias) among its inputs.
LAYERS = {"Conv": (0, 1, 2), "Gemm": (0, 1, 2), "MatMul": (0, 1, None), "QLinearConv": (0, 3, 8), "QLinearMatMul": (0, 3, None)}
NAMES = {getattr(TensorProto, name.upper()): name for name in ("float", "float16", "double", "int8", "uint8", "int32", "int64", "bool")}
EIGHT_BITS = (TensorProto.INT8, TensorProto.UINT8)
MOST_NODES = 2000
MOST_NUMBERS = 1 << 24  # in one tensor

_taken = {}  # name -> bytes of a file
_sessions = {}


class Refused(Exception):
    """The file is not a network that can be looked into and run here. The message ends the sentence "`name` ..."."""


def take(name, piece, more=False):
    """The bytes of the file `name`; with `more`, the next of them: a message holds only so many."""
    _taken[name] = _taken[name] + piece if more else piece
    _sessions.pop(name, None)


def describe(name):
    """What the file `name` is, as plain data, or {"refused": why}.

    "layers": for each layer with weights, in order: operator, weight shape (outputs first), stored data type, numbers in weight and bias,
    multiply-accumulates for one image, whether its input comes in eight bits. "stored": data type -> bytes of all stored numbers.
    """
    try:
        return _described(_read(name))
    except Refused as why:
        return {"refused": str(why)}


def weights(name):
    """The layers' weights as float32 arrays, outputs first, as they act: int8 codes times their scales."""
    model = _read(name)
    graph = _Graph(model.graph)
    return [graph.values(node) for node in model.graph.node if node.op_type in LAYERS]


def logits(name, images):
    """What the network answers for float32 images (N, C, H, W): float32 (N, classes)."""
    if name not in _sessions:
        _sessions[name] = _session(name)
    session = _sessions[name]
    return np.asarray(session.run(None, {session.get_inputs()[0].name: images})[0], dtype=np.float32)


def race(names, image, rounds, calls):
    """Milliseconds for one image: the median over `rounds` of each round's fastest call, the networks taking turns. {name: ms}.

    The fastest of some calls is what the machine can do when nobody else needs it.
    """
    runs = {name: _session(name) for name in names}
    feeds = {name: {session.get_inputs()[0].name: image} for name, session in runs.items()}
    times = {name: [] for name in names}
    for _ in range(rounds):
        for name, session in runs.items():
            session.run(None, feeds[name])
            best = float("inf")
            for _ in range(calls):
                start = time.perf_counter_ns()
                session.run(None, feeds[name])
                best = min(best, time.perf_counter_ns() - start)
            times[name].append(best / 1e6)
    return {name: float(np.median(found)) for name, found in times.items()}


def _session(name):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    # Without VNNI, x86 adds products of eight-bit codes in 16 bits that overflow: a file made elsewhere would lose what it had there.
    options.add_session_config_entry("session.x64quantprecision", "1")
    return onnxruntime.InferenceSession(_taken[name], options, providers=["CPUExecutionProvider"])


def _read(name):
    """The file as a checked `ModelProto`. Raises `Refused`."""
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
    tensors = list(graph.initializer)
    for node in graph.node:
        if node.domain not in ("", "ai.onnx"):
            raise Refused(f"uses the operator {node.op_type[:40]} of the domain {node.domain[:40]}; only ONNX's own domain is taken")
        if node.op_type not in OPERATORS:
            raise Refused(f"uses the operator {node.op_type[:40]}, which no network of this lab needs")
        for attribute in node.attribute:
            if attribute.name == "output_dtype" and attribute.i not in (0, *EIGHT_BITS):
                raise Refused(f"rounds to numbers of more than eight bits in its operator {node.op_type}")
            if attribute.type == attribute.TENSOR:
                tensors.append(attribute.t)
            elif attribute.type not in (attribute.FLOAT, attribute.INT, attribute.STRING, attribute.FLOATS, attribute.INTS):
                raise Refused(f"has a graph inside its operator {node.op_type}")
    for tensor in tensors:
        _plain(tensor)
    return model


def _plain(tensor):
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
    """Who makes what in a graph."""

    def __init__(self, graph):
        self.stored = {tensor.name: tensor for tensor in graph.initializer}
        self.maker = {out: node for node in graph.node for out in node.output}
        for node in graph.node:
            for attribute in node.attribute:
                if node.op_type == "Constant" and attribute.type == attribute.TENSOR:
                    self.stored[node.output[0]] = attribute.t

    def source(self, name):
        """The stored tensor behind `name`, through rounding, names and turned axes; None where it is computed from the image."""
        for _ in range(8):
            if name in self.stored:
                return self.stored[name]
            node = self.maker.get(name)
            if node is None or node.op_type not in ("DequantizeLinear", "QuantizeLinear", "Identity", "Transpose"):
                return None
            name = node.input[0]
        return None

    def weight(self, node):
        tensor = self.source(_input(node, LAYERS[node.op_type][1]))
        if tensor is None:
            raise Refused(f"has a layer ({node.op_type}) whose weights are computed, not stored")
        return tensor

    def outputs_last(self, node):
        """Whether the weight's last axis counts the outputs."""
        turned = {a.name: a.i for a in node.attribute}.get("transB", 0)
        name, turns = _input(node, LAYERS[node.op_type][1]), 0
        while name in self.maker and name not in self.stored:
            turns += self.maker[name].op_type == "Transpose"
            name = self.maker[name].input[0]
        return node.op_type in ("Gemm", "MatMul", "QLinearMatMul") and not (bool(turned) ^ (turns % 2 == 1))

    def values(self, node):
        """The weight as it acts, outputs first."""
        tensor = self.weight(node)
        found = numpy_helper.to_array(tensor).astype(np.float32)
        if node.op_type.startswith("QLinear"):
            scale, zero, axis = node.input[4], node.input[5], 0
        else:
            maker = self.maker.get(_input(node, LAYERS[node.op_type][1]))
            while maker is not None and maker.op_type != "DequantizeLinear" and maker.input[0] in self.maker:
                maker = self.maker[maker.input[0]]
            if maker is None or maker.op_type != "DequantizeLinear":
                return np.moveaxis(found, -1, 0) if self.outputs_last(node) else found
            scale, zero, axis = maker.input[1], _input(maker, 2), {a.name: a.i for a in maker.attribute}.get("axis", 1)
        scale = self._array(scale, 1.0)
        zero = self._array(zero, 0.0)
        sides = [1] * found.ndim
        if scale.size > 1 and scale.size == found.shape[axis]:
            sides[axis] = -1
        elif scale.size > 1:
            raise Refused("has scales that fit no axis of their weights")
        found = (found - zero.reshape(sides if zero.size > 1 else [1] * found.ndim)) * scale.reshape(sides if scale.size > 1 else [1] * found.ndim)
        return np.moveaxis(found, -1, 0) if self.outputs_last(node) else found

    def _array(self, name, otherwise):
        tensor = self.stored.get(name)
        return np.asarray(otherwise, np.float32) if tensor is None else numpy_helper.to_array(tensor).astype(np.float32)

    def in_eight_bits(self, name):
        """Whether the numbers called `name` come from an eight-bit tensor that is computed from the image."""
        node = self.maker.get(name)
        for _ in range(8):
            if node is None:
                return False
            if node.op_type in ("DequantizeLinear", "QuantizeLinear"):
                return self.source(node.input[0]) is None
            if node.op_type.startswith("QLinear"):
                return True
            if node.op_type not in ("Flatten", "Identity", "MaxPool", "Reshape", "Squeeze", "Transpose", "Unsqueeze"):
                return False
            node = self.maker.get(node.input[0])
        return False


def _described(model):
    graph = _Graph(model.graph)
    inputs = [each for each in model.graph.input if each.name not in graph.stored]
    if len(inputs) != 1 or len(model.graph.output) != 1:
        raise Refused("must have one input, the image, and one output, the logits")
    image = inputs[0].type.tensor_type
    sides = [side.dim_value for side in image.shape.dim]
    if image.elem_type != TensorProto.FLOAT or len(sides) != 4 or min(sides[1:]) < 1 or sides[0]:
        raise Refused("must take float32 images of the shape (N, channels, height, width), for any N")
    shapes = _shapes(model, inputs[0].name)
    last = shapes.get(model.graph.output[0].name)
    if last is None or len(last) != 2 or last[0] != 1:
        raise Refused("must give logits of the shape (N, classes)")
    layers = [_layer(node, graph, shapes) for node in model.graph.node if node.op_type in LAYERS]
    if not layers:
        raise Refused("has no layer with weights")
    stored = {}
    for tensor in graph.stored.values():
        kind = NAMES[tensor.data_type]
        stored[kind] = stored.get(kind, 0) + int(numpy_helper.to_array(tensor).nbytes)
    return {
        "input": sides[1:], "classes": last[1], "layers": layers, "stored": stored,
        "other_numbers": _other_numbers(model.graph, graph), "step": _last_step(model.graph, graph),
    }  # fmt: skip


def _shapes(model, image):
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


def _layer(node, graph, shapes):
    weight = graph.weight(node)
    shape = list(weight.dims)
    if len(shape) < 2:
        raise Refused(f"has a layer ({node.op_type}) whose weight is no matrix")
    if graph.outputs_last(node):
        shape = [shape[-1], *shape[:-1]]
    out = shapes.get(node.output[0]) or [0]
    if min(out) < 1:
        raise Refused("holds a network whose shapes cannot be told")
    numbers, values = int(np.prod(shape)), int(np.prod(out))
    position = LAYERS[node.op_type][2]
    bias = graph.source(_input(node, position)) if position is not None else None
    incoming = _input(node, LAYERS[node.op_type][0])
    return {
        "op": node.op_type, "shape": shape, "type": NAMES[weight.data_type], "name": weight.name, "numbers": numbers,
        "bias": int(np.prod(bias.dims)) if bias is not None else 0,
        "macs": values * (numbers // shape[0]),
        "eight_bits_in": node.op_type.startswith("QLinear") or graph.in_eight_bits(incoming),
    }  # fmt: skip


def _other_numbers(graph, known):
    """Learnt numbers outside layers with weights: added constants, and the scale and shift of batch norms."""
    total = 0
    for node in graph.node:
        if node.op_type == "Add":
            total += sum(int(np.prod(t.dims)) for t in map(known.source, node.input) if t is not None)
        elif node.op_type == "BatchNormalization":
            total += sum(int(np.prod(t.dims)) for t in map(known.source, node.input[1:3]) if t is not None)
    return total


def _last_step(graph, known):
    """The distance of two neighbouring logits where they were rounded to eight bits; else 0."""
    node = known.maker.get(graph.output[0].name)
    if node is None or node.op_type != "DequantizeLinear" or node.input[1] not in known.stored:
        return 0.0
    return float(np.abs(numpy_helper.to_array(known.stored[node.input[1]])).max(initial=0.0))


def _input(node, position):
    return node.input[position] if position is not None and position < len(node.input) else ""
