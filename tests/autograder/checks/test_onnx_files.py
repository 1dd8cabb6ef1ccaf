"""Every number that reaches a network's answer is counted, wherever a file keeps it, or the file is refused."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from autograder.checks import onnx_files
from tests.files.studio import forge

FILES = forge.HERE


def described(edit):
    """What is said of the student's file after `edit(model, stored)`; the file must be one that the runtime takes."""
    files = forge.honest()
    forge.change(files, "student.onnx", edit)
    onnxruntime.InferenceSession(files["student.onnx"], providers=["CPUExecutionProvider"])
    onnx_files.take("student.onnx", files["student.onnx"])
    return onnx_files.describe("student.onnx")


def numbers(found):
    return sum(layer["numbers"] + layer["bias"] for layer in found["layers"]) + found["other_numbers"]


def honest():
    return described(lambda model, stored: None)


def insert(model, after, *nodes):
    """Put `nodes` behind the node with the number `after`; the last of them feeds whatever that one fed."""
    end, name = nodes[-1].output[0], model.graph.node[after].output[0]
    for node in model.graph.node:
        for at, each in enumerate(node.input):
            if each == name:
                node.input[at] = end
    kept = [onnx.NodeProto.FromString(node.SerializeToString()) for node in model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend([*kept[: after + 1], *nodes, *kept[after + 1 :]])


def behind(after, *makers):
    """An edit that puts nodes behind a node; each of `makers` is (operator, inputs, attributes), `x` stands for what came before."""

    def edit(model, stored):
        last, nodes = model.graph.node[after].output[0], []
        for number, (operator, inputs, attributes) in enumerate(makers):
            output = f"new{number}"
            nodes.append(helper.make_node(operator, [last if each == "x" else each for each in inputs], [output], **attributes))
            if "x" in inputs:
                last = output
        insert(model, after, *nodes)

    return edit


def store(model, **tensors):
    model.graph.initializer.extend(numpy_helper.from_array(np.asarray(values), name) for name, values in tensors.items())


def with_stored(edit, **tensors):
    def both(model, stored):
        store(model, **tensors)
        edit(model, stored)

    return both


def channels(model):
    return numpy_helper.to_array(next(t for t in model.graph.initializer if t.name == "0.bias")).size


BIAS = np.linspace(0, 1, 1000, dtype=np.float32)


def added(**attribute):
    """An Add of a Constant behind the first layer."""
    return behind(0, ("Constant", [], attribute), ("Add", ["x", "new0"], {}))


@pytest.mark.parametrize("edit, more", [
    (added(value_float=0.5), 1),
    (added(value_floats=[0.5, 0.25, 0.125, 0.0]), 4),
    (added(value=numpy_helper.from_array(BIAS[:16].reshape(1, 1, 4, 4))), 16),
    (with_stored(behind(0, *[("Identity", ["other" if n == 0 else f"new{n - 1}"], {}) for n in range(12)], ("Add", ["new11", "x"], {})), other=BIAS[:4]), 4),
    (with_stored(behind(0, ("Transpose", ["other"], {}), ("Add", ["x", "new0"], {})), other=BIAS[:16].reshape(4, 4)), 16),
    (with_stored(behind(0, ("DequantizeLinear", ["codes", "s"], {}), ("Add", ["x", "new0"], {})), codes=np.arange(4, dtype=np.int8), s=np.float32(0.1)), 4),
    (behind(0, ("Identity", ["x"], {}), ("Dropout", ["x"], {}), ("Clip", ["x"], {})), 0),
    (with_stored(behind(0, ("Clip", ["x", "low", "high"], {})), low=np.float32(0), high=np.float32(6)), 0),
])  # fmt: skip
def test_what_is_added_is_counted_wherever_it_is_stored(edit, more):
    found = described(edit)
    assert "refused" not in found, found
    assert numbers(found) == numbers(honest()) + more


def as_constants(model, stored):
    """Every initializer becomes a Constant."""
    nodes = [helper.make_node("Constant", [], [name], value=tensor) for name, tensor in stored.items()]
    nodes += [onnx.NodeProto.FromString(node.SerializeToString()) for node in model.graph.node]
    del model.graph.initializer[:]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def test_where_weights_are_stored_changes_nothing():
    found, was = described(as_constants), honest()
    assert numbers(found) == numbers(was) and found["stored"] == was["stored"]


SCALES = {"s": np.float32(0.05), "t": np.float32(0.5), "z": np.uint8(0)}
ROUND = ("QuantizeLinear", ["x", "s", "z"], {})


def computed_weights(model, stored):
    """The first layer's weights from a flat list of numbers, as `Constant(value_floats)`."""
    weight = numpy_helper.to_array(stored["0.weight"])
    store(model, shape=np.array(weight.shape))
    nodes = [
        helper.make_node("Constant", [], ["flat"], value_floats=weight.ravel().tolist()),
        helper.make_node("Reshape", ["flat", "shape"], ["made"]),
    ]
    nodes += [onnx.NodeProto.FromString(node.SerializeToString()) for node in model.graph.node]
    nodes[2].input[1] = "made"
    model.graph.initializer.remove(stored["0.weight"])
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def gemm(**attributes):
    def edit(model, stored):
        (node,) = [node for node in model.graph.node if node.op_type == "Gemm"]
        for name, value in attributes.items():
            for old in [each for each in node.attribute if each.name == name]:
                node.attribute.remove(old)
            node.attribute.append(helper.make_attribute(name, value))

    return edit


def norm(model, stored):
    n = channels(model)
    store(model, **{name: np.ones(n, np.float32) for name in ("gamma", "beta", "middle", "var")})
    behind(0, ("BatchNormalization", ["x", "gamma", "beta", "middle", "var"], {}))(model, stored)


def scales_for_channels(model, stored):
    n = channels(model)
    store(model, s=np.full(n, 0.05, np.float32), z=np.zeros(n, np.uint8))
    behind(0, ("QuantizeLinear", ["x", "s", "z"], {"axis": 1}), ("DequantizeLinear", ["x", "s", "z"], {"axis": 1}))(model, stored)


@pytest.mark.parametrize("edit, words", [
    (computed_weights, "computes with stored numbers alone in its operator Reshape"),
    (behind(0, ("Constant", [], {"value_floats": [0.5] * 4}), ("Constant", [], {"value_ints": [1, 1, 1, 4]}), ("Reshape", ["new0", "new1"], {}),
            ("Add", ["x", "new2"], {})), "stored numbers alone in its operator Reshape"),
    (behind(0, ("Constant", [], {"value_floats": [0.5] * 4}), ("Softmax", ["new0"], {"axis": 0}), ("Add", ["x", "new1"], {})), "stored numbers alone"),
    (with_stored(behind(0, ("Add", ["s", "t"], {}), ("Add", ["x", "new0"], {})), **SCALES), "stored numbers alone in its operator Add"),
    (norm, "the operator BatchNormalization, which the lab's own export does not write"),
    (behind(0, ("LeakyRelu", ["x"], {"alpha": 0.7})), "the operator LeakyRelu"),
    (with_stored(behind(0, ("Clip", ["x", "s", "t"], {})), **SCALES), "a Clip with bounds other than 0 and 6"),
    (gemm(alpha=2.0), "multiplies its weights or its bias by a factor"),
    (gemm(beta=0.5), "multiplies its weights or its bias by a factor"),
    (with_stored(behind(0, ROUND, ("DequantizeLinear", ["x", "t", "z"], {})), **SCALES), "with another scale than they were rounded with"),
    (with_stored(behind(0, ROUND, ("Identity", ["x"], {}), ("DequantizeLinear", ["x", "t", "z"], {})), **SCALES), "with another scale"),
    (scales_for_channels, "with more than one scale"),
    (with_stored(behind(4, ("Reshape", ["x", "flat"], {}), ("MatMul", ["square", "x"], {})), square=np.eye(4, dtype=np.float32), flat=np.array([-1, 4, 4])),
     "takes stored numbers where the image belongs"),
    (with_stored(behind(4, ("Reshape", ["x", "flat"], {}), ("MatMul", ["x", "x"], {})), flat=np.array([-1, 4, 4])), "are computed, not stored"),
    (with_stored(behind(0, ("Dropout", ["x", "s", "yes"], {})), yes=np.array(True), **SCALES), "a Dropout that still drops"),
])  # fmt: skip
def test_numbers_that_act_unseen_are_refused(edit, words):
    assert words in described(edit).get("refused", "nothing was refused")


@pytest.mark.parametrize("edit, words", [
    (lambda model, stored: model.opset_import[0].__setattr__("version", 11), "older than version 13"),
    (lambda model, stored: store(model, **{"0.bias": np.zeros(3, np.float32)}), "two tensors under one name"),
    (lambda model, stored: insert(model, 0, helper.make_node("Relu", ["nowhere"], ["new"])), "before anything makes it"),
    (behind(0, ("Constant", [], {"value_strings": ["a"]}), ("Add", ["x", "new0"], {})), "holds no plain numbers"),
])  # fmt: skip
def test_a_file_that_says_two_things_is_refused(edit, words):
    files = forge.honest()
    forge.change(files, "student.onnx", edit)
    onnx_files.take("student.onnx", files["student.onnx"])
    assert words in onnx_files.describe("student.onnx").get("refused", "nothing was refused")


@pytest.mark.parametrize("axis", [0, 1])
def test_weights_are_told_as_the_runtime_uses_them(axis):
    """A stored matrix, rounded, turned, read with other scales for each row or column: what counts is what comes of it."""
    rng = np.random.default_rng(axis)
    stored = rng.normal(0, 1, (3, 5)).astype(np.float32)
    scale, other = (
        rng.uniform(0.01, 0.1, stored.shape[axis]).astype(np.float32),
        rng.uniform(0.01, 0.1, stored.shape[axis]).astype(np.float32),
    )
    zero = rng.integers(-9, 9, stored.shape[axis]).astype(np.int8)
    graph = helper.make_graph(
        [
            helper.make_node("QuantizeLinear", ["w", "s", "z"], ["codes"], axis=axis),
            helper.make_node("DequantizeLinear", ["codes", "t", "z"], ["back"], axis=axis),
            helper.make_node("Transpose", ["back"], ["turned"], perm=[1, 0]),
            helper.make_node("Flatten", ["image"], ["flat"]),
            helper.make_node("MatMul", ["flat", "turned"], ["logits"]),
        ],
        "g", [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 1, 1, 5])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(a, n) for n, a in {"w": stored, "s": scale, "t": other, "z": zero}.items()],
    )  # fmt: skip
    onnx_files.take("m", helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10).SerializeToString())
    (weight,) = onnx_files.weights("m")
    acts = onnx_files.logits("m", np.eye(5, dtype=np.float32).reshape(5, 1, 1, 5)).T
    assert weight.shape == (3, 5) and np.allclose(weight, acts, atol=1e-6) and not np.allclose(weight, stored, atol=1e-2)
