"""Where the bytes of a model file are: in the weights, in the scales, or in the description of the graph."""

import gzip
import math
from pathlib import Path

import onnx
from onnx import TensorProto

# The fields of a TensorProto that hold its numbers; everything else in it is its name, its shape and its type.
VALUES = ("raw_data", "float_data", "double_data", "int32_data", "int64_data", "uint64_data", "string_data")


def parts(path: Path) -> dict[str, int]:
    """Bytes of the ONNX file at `path` by what they are for. The three numbers add up to the size of the file.

    `weights`: the codes of weights and biases, as floats or as integers. `scales`: the scales and zero points that
    QuantizeLinear and DequantizeLinear read. `graph`: the rest, that is operators, names, shapes, notes.
    """
    model = onnx.load(path, load_external_data=False)
    quantising = {name for node in model.graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear") for name in node.input[1:]}
    found = {"weights": 0, "scales": 0}
    for tensor in model.graph.initializer:
        if tensor.name in quantising:
            found["scales"] += _value_bytes(tensor)
        elif tensor.data_type != TensorProto.INT64:  # 64-bit integers are shapes and axes: the graph's, nothing learnt
            found["weights"] += _value_bytes(tensor)
    return found | {"graph": path.stat().st_size - sum(found.values())}


def gzip_bytes(path: Path) -> int:
    """Size of the file after gzip at its best level: what a download with compression would move."""
    return len(gzip.compress(path.read_bytes(), 9, mtime=0))


def linear_weights(path: Path) -> int:
    """How many numbers the matrices of the file's linear layers have: what dynamic quantisation of PyTorch's kind would round."""
    graph = onnx.load(path).graph
    matrices = {name for node in graph.node if node.op_type in ("Gemm", "MatMul") for name in node.input}
    return sum(math.prod(tensor.dims) for tensor in graph.initializer if tensor.name in matrices and len(tensor.dims) == 2)


def _value_bytes(tensor: TensorProto) -> int:
    if tensor.raw_data:
        return len(tensor.raw_data)
    bare = TensorProto()
    bare.CopyFrom(tensor)
    for field in VALUES:
        bare.ClearField(field)
    return tensor.ByteSize() - bare.ByteSize()
