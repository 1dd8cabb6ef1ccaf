"""From models to measured rows: every look at the test images and every clock, in one stage; and the run that the results keep of it."""

import functools
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from course_data import Dataset
from course_data.progress_bar import bar, status
from course_labs.fingerprints import code_version, sha256
from course_labs.measuring import accounting, machine, measure, miscalibration, rows
from course_labs.measuring.rows import CONTROLS, LABELS, MODELS
from course_labs.methods import other_tools, quantise
from course_labs.networks import convnet
from course_labs.report import results
from course_labs.report.control_sentences import with_sentences
from course_labs.report.results import Data, FileParts, Lost, Machine, Measurement, Row, Run, Times, WrongCalibration
from course_labs.report.summary import ratios
from course_labs.studio.row_maker import Model, RowMaker


def measured_run(maker: RowMaker, models: list[Model], seconds: dict[str, float]) -> Run:
    """`models`, the four and perhaps control rows, measured together. `seconds` are what other stages took than those that made them."""
    for model in models:
        maker.check(model)
    told = machine.describe() | {"training_precision": maker.precisions}
    inputs = {
        "models": {model.name: sha256(model.path) for model in models},
        "data": maker.data.fingerprint,
        "calls": maker.settings.latency_calls,
        "machine": told,
        "versions": machine.versions(),
        "calibration": maker.settings.calibration,
        "code": code_version(measure, convnet, accounting, miscalibration, quantise, rows, results, sys.modules[__name__]),
    }

    def work(path: Path) -> dict:
        results.write_measurement(_measured(maker, models), path)
        return {}

    done = maker.stages.run("measure", ".rows.json", inputs, work)
    maker.say("measure", done)
    found = results.read_measurement(done.path)
    four, others = found.rows[: len(MODELS)], found.rows[len(MODELS) :]
    took = {model.name: model.done.seconds for model in models} | seconds | {"measure": done.seconds}
    return Run(
        seed=maker.seed,
        measured=found.measured,
        machine=Machine(**_tuples(told)),
        versions=machine.versions(),
        minutes={name: round(s / 60, 3) for name, s in took.items()} | {"total": round(sum(took.values()) / 60, 3)},
        rows=four,
        ratios={row.name: ratios(four[0], row) for row in four[1:]},
        controls=with_sentences(four, others),
        lost=found.lost,
        wrong_calibration=found.wrong_calibration,
    )


def described(data: Dataset) -> Data:
    """What the results say of the data set."""
    return Data(
        data.name,
        data.title,
        data.source,
        data.fingerprint,
        tuple(data.classes),
        train=len(data.train),
        validation=len(data.val),
        test=len(data.test),
    )


def other_runtimes(models: list[Model]) -> dict[str, other_tools.OpenVino]:
    """Files that control rows run elsewhere than in ONNX Runtime, ready to be called, by row. None where no control row is measured."""
    files = {model.name: model.path for model in models}
    wanted = set(files) & {label.name for label in CONTROLS} and other_tools.installed(other_tools.OPENVINO)
    return {"openvino": other_tools.OpenVino(files["int8"])} if wanted else {}


def _measured(maker: RowMaker, models: list[Model]) -> Measurement:
    data, labels = maker.data, maker.data.test.labels.numpy()
    said = {model.name: measure.predictions(model.path, data.test, data) for model in models}
    pruned = next(model.path for model in models if model.name == "pruned")
    with status("measure: int8 calibrated on the wrong images", maker.console):
        wrong = miscalibration.compare(
            lambda path, images: quantise.quantise(pruned, path, images, check=False),
            data,
            maker.settings.calibration,
            maker.seed_for("wrong calibration"),
        )
    return Measurement(
        rows=tuple(_rows(maker, models, said)),
        lost=Lost(**_tuples(measure.lost(said["teacher"], said["int8"], labels))),
        wrong_calibration=tuple(WrongCalibration(kind, miscalibration.WRONG[kind], share) for kind, share in wrong.items()),
        measured=datetime.now(UTC).date().isoformat(),
    )


def _rows(maker: RowMaker, models: list[Model], said: dict[str, np.ndarray]) -> list[Row]:
    """The models' rows, and that of the int8 file in another runtime. `said` is the class that each model gives to each test image."""
    data, settings = maker.data, maker.settings
    image = convnet.normalise(data.test.images[:1], data.mean, data.std)
    plain = {model.name: maker.family.folded(model.net) for model in models if model.eager}
    runtime = {model.name: measure.onnx_call(model.path, image.numpy()) for model in models}
    eager = {f"eager {name}": measure.eager_call(net, image) for name, net in plain.items()}
    others = other_runtimes(models)
    elsewhere = {name: functools.partial(run, image.numpy()) for name, run in others.items()}
    with bar("measure latency", 1.0, maker.console) as update, measure.one_thread():
        calls: dict[str, Callable] = {**runtime, **eager, **elsewhere}
        times = measure.latencies(calls, settings.latency_calls, maker.seed, update=update)
    clocked = {name: Times(**measure.percentiles(each)) for name, each in times.items()}
    with status("measure: throughput", maker.console):
        throughput = measure.throughput({model.name: model.path for model in models}, image.numpy(), settings.latency_calls, maker.seed)
    found = [
        Row(
            name=model.name,
            title=LABELS[model.name].title,
            file=model.path.relative_to(maker.out).as_posix(),
            **_right(said[model.name], data),
            validation_accuracy=model.validation_accuracy,
            **_size(model, plain.get(model.name) or maker.family.folded(model.net), image),
            onnx_runtime=clocked[model.name],
            images_per_second=throughput[model.name],
            pytorch_eager=clocked.get(f"eager {model.name}"),
        )
        for model in models
    ]
    for name, run in others.items():
        int8 = next(row for row in found if row.name == "int8")
        there = _right(run.predictions(data.test, data), data) | {LABELS[name].clock: clocked[name]}
        found.append(replace(int8, name=name, title=LABELS[name].title, onnx_runtime=None, images_per_second=None, **there))
    return found


def _right(said: np.ndarray, data: Dataset) -> dict[str, Any]:
    """The fields of a row on its right answers."""
    return _tuples(measure.accuracies(said, data.test.labels.numpy(), len(data.classes)))


def _size(model: Model, layers: torch.nn.Module, image: torch.Tensor) -> dict[str, Any]:
    """The fields of a row on how large the model is; `layers` is its network as deployed."""
    return {
        "widths": tuple(model.net.shape.widths),
        "bytes": model.path.stat().st_size,
        "bytes_by_part": FileParts(**accounting.parts(model.path)),
        "gzip_bytes": accounting.gzip_bytes(model.path),
        "parameters": measure.parameters(layers),
        "nonzero_parameters": sum(int(p.count_nonzero()) for p in layers.parameters()),
        "macs": measure.macs(layers, image),
    }


def _tuples(found: dict[str, Any]) -> dict[str, Any]:
    """`found` with tuples for lists, as frozen results have them."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in found.items()}
