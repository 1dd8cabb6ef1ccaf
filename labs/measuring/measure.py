"""The same measurements for every row: accuracy, parameters, MACs, latency, throughput."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch import nn

from course_data import Dataset, Split
from course_labs.networks.convnet import normalise

BATCHES = (1, 8, 64)


def session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    """An ONNX Runtime session on the CPU with `threads` threads (0: the runtime chooses)."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def predictions(path: Path, split: Split, data: Dataset, batch: int = 500) -> np.ndarray:
    """The class that the ONNX file at `path` gives to each image of `split`: int64 (N,)."""
    run = session(path, 0).run
    starts = range(0, len(split), batch)
    images = (normalise(split.images[start : start + batch], data.mean, data.std).numpy() for start in starts)
    return np.concatenate([run(["logits"], {"image": some})[0].argmax(1) for some in images])


def correct(path: Path, split: Split, data: Dataset) -> np.ndarray:
    """For each image of `split`, whether the ONNX file at `path` classifies it rightly: bool (N,)."""
    return predictions(path, split, data) == split.labels.numpy()


def by_class(right: np.ndarray, labels: np.ndarray, classes: int) -> list[float]:
    """The share of right answers (0 to 1) among the images of each class, from `right` bool (N,) and `labels` (N,)."""
    return [float(right[labels == c].mean()) for c in range(classes)]


def accuracies(predicted: np.ndarray, labels: np.ndarray, classes: int) -> dict[str, Any]:
    """What a row says of its right answers, from predictions and labels (N,): shares from 0 to 1, their standard error, counts."""
    right = predicted == labels
    share = float(right.mean())
    return {
        "accuracy": share,
        "accuracy_standard_error": float((share * (1 - share) / len(right)) ** 0.5),
        "correct": int(right.sum()),
        "test_images": len(right),
        "accuracy_by_class": by_class(right, labels, classes),
    }


def lost(teacher: np.ndarray, compressed: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """What compression changed, from two models' predictions (N,) and the labels (N,).

    `count` images that the teacher gets right and the compressed model wrong, `gained` the other way round; `images` are the
    positions of the lost ones among the images and `said` the class that the compressed model gave them.
    """
    gone = np.flatnonzero((teacher == labels) & (compressed != labels))
    gained = int(((teacher != labels) & (compressed == labels)).sum())
    return {"count": len(gone), "gained": gained, "images": gone.tolist(), "said": compressed[gone].tolist()}


def macs(net: nn.Module, image: torch.Tensor) -> int:
    """Multiply-accumulates of convolutions and linear layers for one image (1, C, H, W).

    A convolution: outputs × (kernel area × input channels); a linear layer: inputs × outputs.
    Biases, ReLU and pooling add little and are left out.
    """
    total = 0

    def count(layer: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        nonlocal total
        assert isinstance(layer, (nn.Conv2d, nn.Linear))
        total += output[0].numel() * layer.weight[0].numel()

    hooks = [m.register_forward_hook(count) for m in net.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    try:
        with torch.inference_mode():
            net(image)
    finally:
        for hook in hooks:
            hook.remove()
    return total


def parameters(net: nn.Module) -> int:
    """Numbers the network has learnt. Of a folded network: those that are deployed."""
    return sum(p.numel() for p in net.parameters())


def latencies(
    calls: dict[str, Callable[[], object]],
    count: int,
    seed: int = 0,
    block: int = 20,
    warm: int = 50,
    update: Callable[[float], object] = lambda done: None,
) -> dict[str, np.ndarray]:
    """Time `count` calls of each entry, in milliseconds: {name: (count,)}.

    The entries take turns in blocks of `block` calls, in a new order each round, so that a change of the machine's speed meets all
    of them. `warm` calls of each come first, and each block begins with calls that are not timed, which bring the model back into
    the caches.
    """
    order, shuffle = list(calls), random.Random(seed)
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        for _ in range(warm):
            call()
    rounds = -(-count // block)
    for done in range(rounds):
        shuffle.shuffle(order)
        for name in order:
            call, record = calls[name], times[name]
            for _ in range(min(5, block)):
                call()
            for _ in range(block):
                start = time.perf_counter_ns()
                call()
                record.append((time.perf_counter_ns() - start) / 1e6)
        update((done + 1) / rounds)
    return {name: np.array(record[:count]) for name, record in times.items()}


def percentiles(times: np.ndarray) -> dict[str, Any]:
    """Median, 10th, 90th, 95th and 99th percentile, in milliseconds, and of how many calls."""
    median, p10, p90, p95, p99 = map(float, np.percentile(times, [50, 10, 90, 95, 99]))
    return {"median_ms": median, "p10_ms": p10, "p90_ms": p90, "p95_ms": p95, "p99_ms": p99, "calls": len(times)}


def throughput(paths: dict[str, Path], image: np.ndarray, calls: int, seed: int = 0) -> dict[str, dict[str, float]]:
    """Images a second of each file in ONNX Runtime on one thread, for each size in BATCHES: {name: {"8": images a second}}.

    From the median of `calls` calls of one image, or of as many fewer as the batch is larger, eight at least.
    """
    found: dict[str, dict[str, float]] = {name: {} for name in paths}
    for batch in BATCHES:
        images = np.repeat(image, batch, axis=0)
        calls_of = {name: onnx_call(path, images) for name, path in paths.items()}
        times = latencies(calls_of, max(8, calls // batch), seed, block=max(2, 20 // batch), warm=max(2, 50 // batch))
        for name in paths:
            found[name][str(batch)] = float(1000 * batch / np.median(times[name]))
    return found


def onnx_call(path: Path, images: np.ndarray) -> Callable[[], object]:
    """A call without arguments: `images` (N, C, H, W) through ONNX Runtime on one thread."""
    run, feed = session(path, 1).run, {"image": images}
    return lambda: run(None, feed)


def eager_call(net: nn.Module, image: torch.Tensor) -> Callable[[], object]:
    """A call without arguments: one image through PyTorch, eager. Use inside `one_thread()`."""

    def call() -> object:
        with torch.inference_mode():
            return net(image)

    return call


@contextmanager
def one_thread() -> Iterator[None]:
    """PyTorch on one thread while the block runs."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
