"""What honest, dishonest and unlucky students hand in with the exercise labs and with the one about watching.

`honest(lab)` gives files, name -> bytes. `FORGED[lab]` maps a name to a function that gets them in a dict and changes them;
`made(lab, name)` applies it. All networks come from those in this folder: channels cut or silenced, weights moved.
"""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

HERE = Path(__file__).resolve().parent
TRADE, SWEEP, WATCH = "pruning_tradeoff", "temperature_sweep", "deploy_and_watch"
FORGED = {TRADE: {}, SWEEP: {}, WATCH: {}}


def forged(lab):
    def register(function):
        FORGED[lab][function.__name__.replace("_", "-")] = function
        return function

    return register


def made(lab, name):
    """The files of one of `FORGED[lab]`."""
    files = honest(lab)
    FORGED[lab][name](files)
    return files


def honest(lab):
    """The files of somebody who did the lab, or, in the sweep, made them so unlike each other that nobody can tell."""
    return {TRADE: _trade, SWEEP: _sweep, WATCH: _watch}[lab]()


def edited(data, edit):
    """A network's bytes after `edit(tensors)`, the tensors in the order of the layers: weight, bias, weight, bias, ..."""
    model = onnx.load_model_from_string(data)
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    tensors = [stored[name] for node in model.graph.node if node.op_type in ("Conv", "Gemm") for name in node.input[1:]]
    for tensor, values in zip(tensors, edit([numpy_helper.to_array(tensor).copy() for tensor in tensors])):
        tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), tensor.name))
    (flat,) = [stored[node.input[1]] for node in model.graph.node if node.op_type == "Reshape"]
    flat.CopyFrom(numpy_helper.from_array(np.array([-1, tensors[-2].dims[1]]), flat.name))
    return model.SerializeToString()


def cut(percent):
    """Removes the last channels of every layer."""

    def edit(tensors):
        kept = tensors[0].shape[1]
        for layer in range(0, len(tensors), 2):
            last = layer + 2 == len(tensors)
            left = len(tensors[layer]) if last else len(tensors[layer]) - len(tensors[layer]) * percent // 100
            tensors[layer], tensors[layer + 1] = tensors[layer][:left, :kept], tensors[layer + 1][:left]
            kept = left
        return tensors

    return edit


def silence(tensors):
    """Zeros in the last half of every layer's channels."""
    for tensor in tensors[:-2]:
        tensor[len(tensor) // 2 :] = 0
    return tensors


def row_of(found, name):
    network = found.model(name)
    percent = found.accuracy(name, "digits").percent
    return {
        "file": name,
        "bytes": network.bytes,
        "parameters": network.parameters,
        "macs": network.macs,
        "accuracy_percent": round(percent, 2),
    }


def measured(files):
    from autograder.checks.artefacts import Artefacts, Here
    from autograder.course.handed_in import Handed

    return Artefacts(Handed("", files), Here())


def put(files, table):
    files["results.json"] = json.dumps(table).encode()


def read(files):
    return json.loads(files["results.json"])


# The trade


def _trade():
    whole = (HERE / "whole.onnx").read_bytes()
    files = {"whole.onnx": whole, "masked-50.onnx": edited(whole, silence)}
    files |= {name: (HERE / name).read_bytes() for name in (f"pruned-{percent}.onnx" for percent in (10, 30, 50, 70))}
    tell_the_trade(files)
    return files


def tell_the_trade(files):
    """Write the table that is true of the files. Times are as for so many MACs, and a call's own."""
    found = measured(files)
    rows = [row_of(found, name) for name in files if name.endswith(".onnx")]
    for row in rows:
        percent = int(row["file"].split("-")[1].removesuffix(".onnx")) if "-" in row["file"] else 0
        seeds = [round(found.accuracy(row["file"], "digits", split="val").percent, 2)] * (3 if row["file"].startswith("pruned") else 1)
        row |= {"percent": percent, "milliseconds": round(0.008 + row["macs"] / 4e7, 6), "validation": seeds}
    # By the lab's rule: within 60 % of each cost, the best validation accuracy.
    chosen = {}
    for cost in ("macs", "milliseconds"):
        inside = [row for row in rows if row["file"] != "masked-50.onnx" and row[cost] <= 0.6 * rows[0][cost]]
        if inside:
            chosen[cost] = max(inside, key=lambda row: (row["validation"][0], -row[cost]))["percent"]
    put(files, {"data": "digits", "rows": rows, "chosen": chosen})


@forged(TRADE)
def more_accurate_than_it_is(files):
    table = read(files)
    next(row for row in table["rows"] if row["file"] == "pruned-70.onnx")["accuracy_percent"] = 98.61
    put(files, table)


@forged(TRADE)
def fewer_macs_than_there_are(files):
    table = read(files)
    next(row for row in table["rows"] if row["file"] == "pruned-30.onnx")["macs"] = 10
    put(files, table)


@forged(TRADE)
def a_masked_network_for_a_pruned_one(files):
    files["pruned-50.onnx"] = files["masked-50.onnx"]
    tell_the_trade(files)


@forged(TRADE)
def two_files_exchanged(files):
    files["pruned-10.onnx"], files["pruned-30.onnx"] = files["pruned-30.onnx"], files["pruned-10.onnx"]
    tell_the_trade(files)


@forged(TRADE)
def a_whole_network_for_a_masked_one(files):
    files["masked-50.onnx"] = files["whole.onnx"]
    tell_the_trade(files)


@forged(TRADE)
def a_network_that_has_learnt_nothing(files):
    """Every file of the right shape, and every number of the table true."""
    for name in [name for name in files if name.startswith("pruned")]:
        files[name] = edited(files[name], lambda tensors: [tensor * 0 for tensor in tensors])
    tell_the_trade(files)


@forged(TRADE)
def a_network_that_never_recovered(files):
    files["pruned-70.onnx"] = edited(files["whole.onnx"], cut(70))
    tell_the_trade(files)


@forged(TRADE)
def validation_that_was_never_measured(files):
    table = read(files)
    next(row for row in table["rows"] if row["file"] == "pruned-70.onnx")["validation"] = [100, 100, 100]
    put(files, table)


@forged(TRADE)
def a_choice_against_the_own_table(files):
    table = read(files)
    table["chosen"]["macs"] = 10
    put(files, table)


@forged(TRADE)
def each_ten_times_as_fast_as_the_last(files):
    table = read(files)
    for times, row in enumerate(table["rows"][2:], 1):
        row["milliseconds"] /= 10**times
    put(files, table)


@forged(TRADE)
def a_file_too_few(files):
    del files["pruned-70.onnx"]


# The sweep


TEMPERATURES = (None, 1, 2, 4, 8, 16)


def _sweep():
    """Eighteen students, each with noise of its own in all weights."""
    student, files = (HERE / "pruned-50.onnx").read_bytes(), {}
    for t in TEMPERATURES:
        for seed in range(3):
            noise = np.random.default_rng(len(files))

            def edit(tensors, noise=noise):
                return [tensor + noise.normal(0, 0.25 * tensor.std(), tensor.shape).astype(np.float32) for tensor in tensors]

            files[f"{'alone' if t is None else f't{t}'}-{seed}.onnx"] = edited(student, edit)
    tell_the_sweep(files)
    return files


def tell_the_sweep(files):
    """Write the table that is true of the files."""
    found = measured(files)
    rows = [row_of(found, name) for name in files if name.endswith(".onnx")]
    points = np.array([row["accuracy_percent"] for row in rows]).reshape(len(TEMPERATURES), 3)
    lines = zip(TEMPERATURES, points.mean(axis=1), points.std(axis=1, ddof=1))
    sweep = [{"temperature": t, "mean": round(mean, 2), "spread": round(spread, 2)} for t, mean, spread in lines]
    put(files, {"data": "digits", "sweep": sweep, "rows": rows})


@forged(SWEEP)
def a_better_mean(files):
    table = read(files)
    table["sweep"][3]["mean"] = round(table["sweep"][3]["mean"] + 0.4, 2)
    put(files, table)


@forged(SWEEP)
def a_smaller_spread(files):
    table = read(files)
    table["sweep"][5]["spread"] = 0.0
    put(files, table)


@forged(SWEEP)
def a_table_made_up(files):
    table = read(files)
    for row in table["rows"]:
        row["accuracy_percent"] = 99.17
    for row in table["sweep"]:
        row |= {"mean": 99.17, "spread": 0.0}
    put(files, table)


@forged(SWEEP)
def one_student_eighteen_times(files):
    for name in [name for name in files if name.endswith(".onnx")]:
        files[name] = files["t4-0.onnx"]
    tell_the_sweep(files)


@forged(SWEEP)
def one_student_under_eighteen_names(files):
    """No two files are the same, byte by byte: a note differs, and a factor that no softmax at its temperature would miss."""
    for number, name in enumerate(name for name in list(files) if name.endswith(".onnx")):
        louder = edited(
            files["t4-0.onnx"],
            lambda tensors, number=number: [*tensors[:-2], *(tensor * np.float32(1 + number / 10) for tensor in tensors[-2:])],
        )
        model = onnx.load_model_from_string(louder)
        model.producer_name = f"student {number}"
        files[name] = model.SerializeToString()
    tell_the_sweep(files)


@forged(SWEEP)
def one_temperature_left_out(files):
    for seed in range(3):
        del files[f"t16-{seed}.onnx"]


@forged(SWEEP)
def rows_of_another_shape(files):
    """The students at one temperature are larger than the others."""
    for seed in range(3):
        files[f"t8-{seed}.onnx"] = edited(
            (HERE / "whole.onnx").read_bytes(), lambda tensors, seed=seed: [*tensors[:-1], tensors[-1] + seed]
        )
    tell_the_sweep(files)


# Watching: the studio's int8 file and a baseline


def _watch():
    files = {"int8.onnx": (HERE.parent / "studio" / "int8.onnx").read_bytes()}
    tell_the_baseline(files)
    return files


def tell_the_baseline(files):
    """Write the baseline that is true of the file."""
    from course_data import load
    from course_lessons.lab_deploy_and_watch.visible import BINS, baseline_of

    logits = measured(files).answers("int8.onnx", "digits")
    true = baseline_of(files["int8.onnx"], logits, load("digits").test.labels.numpy(), BINS)
    files["baseline.json"] = json.dumps(true).encode()


def baseline(name, edit):
    """A forgery of the baseline: `edit` gets it parsed and changes it."""

    def forge(files):
        found = json.loads(files["baseline.json"])
        edit(found)
        files["baseline.json"] = json.dumps(found).encode()

    FORGED[WATCH][name] = forge


def put_in(name, place, value):
    def edit(found):
        found[name][place] = value

    return edit


baseline("a-little-more-accurate", lambda found: found.update(accuracy=found["accuracy"] + 2))
baseline("more-images-than-there-are", lambda found: found.update(n=3600))
baseline("another-version", lambda found: found.update(version=2))
baseline("a-key-too-few", lambda found: found.pop("edges"))
baseline("a-better-worst-class", lambda found: put_in("accuracy_by_class", int(np.argmin(found["accuracy_by_class"])), 100.0)(found))
baseline("edges-made-up", lambda found: found.update(edges=list(range(1, 10))))
baseline("shares-that-are-all-alike", lambda found: found.update(class_shares=[0.1] * 10))
baseline("shares-of-nine-bins", lambda found: found["sureness_shares"].pop())
baseline("sureness-made-up", lambda found: found.update(sureness_shares=[0.55] + [0.05] * 9))
baseline("numbers-in-words", lambda found: found.update(accuracy=str(found["accuracy"])))
baseline("not-a-number", put_in("edges", 0, float("nan")))


@forged(WATCH)
def the_baseline_of_another_file(files):
    files["int8.onnx"] = files["int8.onnx"] + b"\x32\x00"  # a field of ONNX, empty: the same network in other bytes


@forged(WATCH)
def a_float_file(files):
    files["int8.onnx"] = (HERE / "whole.onnx").read_bytes()
    tell_the_baseline(files)


@forged(WATCH)
def no_baseline(files):
    del files["baseline.json"]
