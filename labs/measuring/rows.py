"""The rows of the table, and the control rows: what each is called and how it is drawn. Nowhere else are they named."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Look:
    """How figures draw a row's point.

    `colour` and `marker` differ from row to row, so that neither is needed to tell them apart. The label stands above the point's bar or
    below it, flush as `label_side` says: neighbours differ, so that two close points keep theirs apart. `hollow`: without bars, with a number.
    """

    colour: str
    marker: str
    label_above: bool = True
    label_side: str = "left"
    hollow: bool = False


CONTROL = Look("#666666", "o", hollow=True)  # seven more points with bars would hide the four


@dataclass(frozen=True)
class RowLabel:
    """What a row is called.

    `name` stands in files and in the code, `title` in tables, `short` where a line is narrow. `clock` is the field of a measured row that
    holds the time the title speaks of. `own_file`: whether the row has a model file that no other row has.
    """

    name: str
    title: str
    short: str
    look: Look = CONTROL
    clock: str = "onnx_runtime"
    own_file: bool = True


# Colours of Okabe and Ito: they differ for every kind of colour vision.
MODELS = (
    RowLabel("teacher", "teacher, float32", "teacher", Look("#000000", "o", True, "center")),
    RowLabel("student", "distilled student, float32", "student", Look("#0072B2", "s", False, "left")),
    RowLabel("pruned", "+ pruned and rebuilt, float32", "+ pruned", Look("#D55E00", "^", True, "right")),
    RowLabel("int8", "+ quantised, int8", "+ int8", Look("#009E73", "D", False, "right")),
)
CONTROLS = (
    RowLabel("no_teacher", "student trained without a teacher", "no teacher"),
    RowLabel("from_scratch", "pruned shape trained from scratch", "from scratch"),
    RowLabel("unstructured", "student, scattered weights pruned", "scattered"),
    RowLabel("silenced", "pruned channels silenced, not cut", "silenced"),
    RowLabel("dynamic_linear", "pruned, dynamic int8, linear layers only", "dynamic, part"),
    RowLabel("dynamic", "pruned, dynamic int8, all layers", "dynamic, all"),
    RowLabel("eager", "pruned, run by PyTorch (eager)", "in PyTorch", clock="pytorch_eager", own_file=False),
    RowLabel("torch_pruning", "student pruned by Torch-Pruning", "Torch-Pruning"),
    RowLabel("openvino", "int8 file, run by OpenVINO", "in OpenVINO", clock="openvino", own_file=False),
)
LABELS = {label.name: label for label in (*MODELS, *CONTROLS)}
