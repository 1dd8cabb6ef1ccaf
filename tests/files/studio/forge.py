"""What dishonest and unlucky students hand in with the compression studio: functions from the honest files to others.

`FORGED` maps a name to a function; it gets the honest files (name -> bytes) in a dict and changes them. `HONEST` is read from this folder.
"""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).resolve().parent
NAMES = ("teacher.onnx", "student.onnx", "pruned.onnx", "int8.onnx", "results.json")
FORGED = {}


def honest():
    return {name: (HERE / name).read_bytes() for name in NAMES}


def forged(function):
    FORGED[function.__name__.replace("_", "-")] = function
    return function


def made(name):
    """The files of one of `FORGED`."""
    files = honest()
    FORGED[name](files)
    return files


def change(files, name, edit):
    """Edit one file's model (`edit(model, stored)`, stored: name -> tensor) in place."""
    model = onnx.load_model_from_string(files[name])
    edit(model, {tensor.name: tensor for tensor in model.graph.initializer})
    files[name] = model.SerializeToString()


def put(tensor, values):
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), tensor.name))


def say_the_truth(files):
    """Write the table anew, so that it says what the files are."""
    from autograder.checks.artefacts import Artefacts, Here
    from autograder.course.handed_in import Handed

    found, table = Artefacts(Handed("", files), Here()), json.loads(files["results.json"])
    for row in table["rows"]:
        network = found.model(row["file"])
        row.update(bytes=network.bytes, parameters=network.parameters, macs=network.macs)
        row["accuracy_percent"] = round(found.accuracy(row["file"], "digits").percent, 2)
    files["results.json"] = json.dumps(table).encode()


# Files in the place of others


@forged
def the_teacher_for_int8(files):
    files["int8.onnx"] = files["teacher.onnx"]
    change(files, "int8.onnx", lambda model, stored: setattr(model, "producer_name", "int8"))
    say_the_truth(files)


@forged
def one_model_under_four_names(files):
    for name in NAMES[:4]:
        files[name] = files["int8.onnx"]
    say_the_truth(files)


@forged
def student_and_pruned_exchanged(files):
    files["student.onnx"], files["pruned.onnx"] = files["pruned.onnx"], files["student.onnx"]
    say_the_truth(files)


@forged
def masked_with_zeros(files):
    """Half of the student's channels silenced, every shape as it was."""

    def edit(model, stored):
        for name in ("0.weight", "0.bias"):
            values = numpy_helper.to_array(stored[name]).copy()
            values[values.shape[0] // 2 :] = 0
            put(stored[name], values)

    files["pruned.onnx"] = files["student.onnx"]
    change(files, "pruned.onnx", edit)


@forged
def another_students_int8(files):
    """As good and as large as one's own, but other weights: the channels stand in another order, as in any other training."""

    def edit(model, stored):
        order = np.random.default_rng(1).permutation(16)
        for name, tensor in stored.items():
            values = numpy_helper.to_array(tensor)
            if name.startswith("0.") and values.ndim and len(values) == 16:
                put(tensor, values[order])
            elif name.startswith("2.weight_quantized"):
                put(tensor, values[:, order])

    change(files, "int8.onnx", edit)
    say_the_truth(files)


@forged
def numbers_in_lists(files):
    """Every weight a list inside a Constant, given its shape by a Reshape: no tensor is stored, and no parameter was counted."""

    def edit(model, stored):
        nodes = []
        for name in [name for name in stored if name.endswith("weight")]:
            values = numpy_helper.to_array(stored[name])
            model.graph.initializer.remove(stored[name])
            model.graph.initializer.append(numpy_helper.from_array(np.array(values.shape), f"{name}_shape"))
            nodes.append(helper.make_node("Constant", [], [f"{name}_flat"], value_floats=values.ravel().tolist()))
            nodes.append(helper.make_node("Reshape", [f"{name}_flat", f"{name}_shape"], [name]))
        nodes += [onnx.NodeProto.FromString(node.SerializeToString()) for node in model.graph.node]
        del model.graph.node[:]
        model.graph.node.extend(nodes)

    change(files, "pruned.onnx", edit)


# int8 by name only


@forged
def rounded_activations_and_float_weights(files):
    """Q and DQ before each layer of the float32 file."""

    def edit(model, stored):
        model.graph.initializer.extend([numpy_helper.from_array(np.float32(1e-3), "s"), numpy_helper.from_array(np.int8(0), "z")])
        nodes = []
        for node in model.graph.node:
            if node.op_type in ("Conv", "Gemm"):
                name = node.input[0]
                nodes += [
                    helper.make_node("QuantizeLinear", [name, "s", "z"], [f"{name}_q"]),
                    helper.make_node("DequantizeLinear", [f"{name}_q", "s", "z"], [f"{name}_d"]),
                ]
                node.input[0] = f"{name}_d"
            nodes.append(node)
        kept = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
        del model.graph.node[:]
        model.graph.node.extend(kept)

    files["int8.onnx"] = files["pruned.onnx"]
    change(files, "int8.onnx", edit)


@forged
def weights_rounded_when_it_runs(files):
    """The int8 file with its weights stored in float32, in front of a QuantizeLinear."""

    def edit(model, stored):
        nodes = []
        for name in [name for name in stored if name.endswith(".weight_quantized")]:
            base = name.removesuffix("_quantized")
            scale = numpy_helper.to_array(stored[f"{base}_scale"])
            codes = numpy_helper.to_array(stored[name])
            put(stored[name], codes.astype(np.float32) * scale.reshape(-1, *[1] * (codes.ndim - 1)))
            nodes.append(helper.make_node("QuantizeLinear", [name, f"{base}_scale", f"{base}_zero_point"], [f"{name}_now"], axis=0))
            for node in model.graph.node:
                for at, each in enumerate(node.input):
                    if each == name:
                        node.input[at] = f"{name}_now"
        nodes += [onnx.NodeProto.FromString(node.SerializeToString()) for node in model.graph.node]
        del model.graph.node[:]
        model.graph.node.extend(nodes)

    change(files, "int8.onnx", edit)


@forged
def float_weights_beside_the_codes(files):
    def edit(model, stored):
        extra = np.random.default_rng(0).normal(size=2608).astype(np.float32)
        model.graph.initializer.append(numpy_helper.from_array(extra, "old"))

    change(files, "int8.onnx", edit)
    say_the_truth(files)


# Files that are no network, or do harm


@forged
def activations_in_sixteen_bits(files):
    def edit(model, stored):
        node = next(node for node in model.graph.node if node.op_type == "QuantizeLinear")
        node.attribute.append(helper.make_attribute("output_dtype", TensorProto.UINT16))

    change(files, "int8.onnx", edit)


@forged
def no_numbers_come_out(files):
    change(files, "teacher.onnx", lambda model, stored: put(stored["6.bias"], np.full(10, np.nan, np.float32)))


@forged
def a_loop(files):
    def edit(model, stored):
        body = helper.make_graph(
            [helper.make_node("Identity", ["more"], ["again"])],
            "body",
            [helper.make_tensor_value_info("i", TensorProto.INT64, []), helper.make_tensor_value_info("more", TensorProto.BOOL, [])],
            [helper.make_tensor_value_info("again", TensorProto.BOOL, [])],
        )
        model.graph.initializer.extend([numpy_helper.from_array(np.array(True), "yes"), numpy_helper.from_array(np.array(2**62), "times")])
        model.graph.node.insert(0, helper.make_node("Loop", ["times", "yes"], [], body=body))

    change(files, "student.onnx", edit)


@forged
def endless_padding(files):
    """A convolution whose output fills the memory."""

    def edit(model, stored):
        (pads,) = [a for a in model.graph.node[0].attribute if a.name == "pads"]
        pads.ints[:] = [20_000] * 4

    change(files, "student.onnx", edit)


@forged
def two_gigabytes(files):
    def edit(model, stored):
        tensor = TensorProto(name="huge", data_type=TensorProto.FLOAT, dims=[1 << 15, 1 << 14])
        model.graph.initializer.append(tensor)

    change(files, "teacher.onnx", edit)


@forged
def numbers_in_another_file(files):
    def edit(model, stored):
        tensor = stored["0.weight"]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="../../../../../../etc/passwd")

    change(files, "teacher.onnx", edit)


@forged
def an_operator_of_its_own(files):
    change(files, "teacher.onnx", lambda model, stored: setattr(model.graph.node[1], "domain", "com.example"))


@forged
def a_table_of_the_test_images(files):
    """Each test image is a row of a matrix; only the image itself is near enough to its row. 100 % right, and nothing learnt."""
    from course_data import load
    from course_labs.networks.convnet import normalise

    data = load("digits")
    known = normalise(data.test.images, data.mean, data.std).flatten(1).numpy()
    labels = data.test.labels.numpy()
    norm = (known**2).sum(axis=1)
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["image"], ["flat"]),
            helper.make_node("Gemm", ["flat", "rows", "short"], ["near"], transB=1),
            helper.make_node("Relu", ["near"], ["same"]),
            helper.make_node("Gemm", ["same", "classes", "none"], ["logits"]),
        ],
        "table",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 1, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 10])],
        [
            # |x - k|² < 1 where 2 x·k - |k|² - |x|² > -1; the images' own lengths are near enough to be left out.
            numpy_helper.from_array((known / np.sqrt(norm)[:, None]).astype(np.float32), "rows"),
            numpy_helper.from_array((-np.sqrt(norm) + 0.01).astype(np.float32), "short"),
            numpy_helper.from_array(np.eye(10, dtype=np.float32)[labels], "classes"),
            numpy_helper.from_array(np.zeros(10, np.float32), "none"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    files["teacher.onnx"] = model.SerializeToString()
    say_the_truth(files)


@forged
def not_a_network(files):
    files["pruned.onnx"] = b"\x08\x0a" + b"%PDF-1.7 " * 100


@forged
def half_a_network(files):
    files["pruned.onnx"] = files["pruned.onnx"][:5000]


@forged
def one_file_is_not_there(files):
    del files["int8.onnx"]


# The table


def table(name, function):
    """A forgery of results.json: `function` gets the parsed table and changes it, or returns another text."""

    def forge(files):
        content = json.loads(files["results.json"])
        text = function(content)
        files["results.json"] = text.encode() if isinstance(text, str) else json.dumps(content).encode()

    FORGED[name] = forge


def cell(row, name, value):
    return lambda content: content["rows"][row].__setitem__(name, value)


def text(old, new):
    """Replaces the first `old` in the table's text."""
    return lambda content: json.dumps(content).replace(old, new, 1)


table("int8-a-little-better", cell(3, "accuracy_percent", 98.9))
table("teacher-a-little-worse", cell(0, "accuracy_percent", 92.5))
table("int8-smaller-than-it-is", cell(3, "bytes", 7000))
table("fewer-macs-than-there-are", cell(1, "macs", 20000))
table("fewer-parameters-than-there-are", cell(2, "parameters", 2649))
table("a-hundred-times-faster", cell(3, "milliseconds", 0.00008))
table("no-time-at-all", cell(3, "milliseconds", 0))
table("accuracy-that-is-no-number", cell(3, "accuracy_percent", float("nan")))
table("accuracy-in-words", cell(3, "accuracy_percent", "96.39"))
table("accuracy-without-end", text('"accuracy_percent": 96.94', '"accuracy_percent": 1e400'))
table("a-key-twice", text('"bytes": 7703', '"bytes": 7000, "bytes": 7703'))
table("true-for-a-number", cell(3, "bytes", True))
table("a-row-too-few", lambda content: content["rows"].pop())
table("a-row-twice", lambda content: content["rows"].append(content["rows"][0]))
table("brackets-without-end", lambda content: "[" * 100_000)
table("a-list-for-a-table", lambda content: "[1, 2]")
table("another-data-set", lambda content: content.update(data="mnist"))
table("a-path-for-a-data-set", lambda content: content.update(data="../../etc/passwd"))
table("digits-without-end", text('"bytes": 7703', '"bytes": ' + "7" * 5000))
