"""A model file that needs no training: it tells dark pictures from light ones, and has a class with a space in its name."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from course_labs.using import metadata
from course_labs.using.metadata import Metadata, Origin, TrainedOn


def about(**changes):
    """Metadata of a model for grey pictures of 4 × 6 pixels; `changes` are fields of it."""
    fields = {
        "schema": metadata.SCHEMA,
        "input": metadata.picture_of(1, 4, 6, (0.25,), (0.5,)),
        "classes": ("dark night", "grey", "light"),
        "model": Origin("student", 7, "2026-11-30"),
        "data": TrainedOn("Skies (4×6)", "image folder skies", "0" * 64, "CC0"),
        "versions": {"course": "0.1.0", "torch": "2", "onnx": "1", "onnxruntime": "1"},
    }
    return Metadata(**fields | changes)


def model(props, channels=1, batch="batch", classes=3):
    """ONNX bytes: from the mean of the input, one logit a class, class i the best around i - 1 of the normalised scale."""
    centres = np.arange(classes, dtype=np.float32) - 1
    stored = [numpy_helper.from_array(2 * centres[None], "slope"), numpy_helper.from_array(-(centres**2), "offset")]
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("ReduceMean", ["flat"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Gemm", ["mean", "slope", "offset"], ["logits"]),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, channels, 4, 6])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, classes])
    made = helper.make_model(
        helper.make_graph(nodes, "g", [image], [logits], stored), opset_imports=[helper.make_opsetid("", 13)], ir_version=8
    )
    helper.set_model_props(made, props)
    onnx.checker.check_model(made)
    return made.SerializeToString()


@pytest.fixture(scope="session")
def sky(tmp_path_factory):
    """The path of the model file."""
    path = tmp_path_factory.mktemp("sky") / "sky.onnx"
    path.write_bytes(model(metadata.props(about())))
    return path
