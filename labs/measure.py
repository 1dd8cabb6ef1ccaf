"""The same measurements for every row: accuracy, bytes, parameters, MACs, latency."""

import random
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import nn

from course_data import Dataset, Split
from course_labs.networks import normalise


def session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    """An ONNX Runtime session on the CPU with `threads` threads (0: the runtime chooses)."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def correct(path: Path, split: Split, data: Dataset, batch: int = 500) -> np.ndarray:
    """For each image of `split`, whether the ONNX file at `path` classifies it rightly: bool (N,)."""
    run = session(path, 0).run
    right = []
    for start in range(0, len(split), batch):
        images = normalise(split.images[start : start + batch], data.mean, data.std).numpy()
        predicted = run(["logits"], {"image": images})[0].argmax(1)
        right.append(predicted == split.labels[start : start + batch].numpy())
    return np.concatenate(right)


def macs(net: nn.Module, image: torch.Tensor) -> int:
    """Multiply-accumulates of convolutions and linear layers for one image (1, C, H, W).

    A convolution: outputs × (kernel area × input channels); a linear layer: inputs × outputs. Biases, ReLU and pooling add little and are left out.
    """
    total = 0

    def count(layer: nn.Module, _inputs, output: torch.Tensor) -> None:
        nonlocal total
        per_output = layer.weight[0].numel()
        total += output[0].numel() * per_output

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


def latencies(calls: dict[str, "callable"], count: int, seed: int = 0, block: int = 20, update=lambda done: None) -> dict[str, np.ndarray]:
    """Time `count` calls of each entry, in milliseconds: {name: (count,)}.

    The entries take turns in blocks of `block` calls, in a new order each round, so that a change of the machine's speed meets all
    of them. Each block begins with calls that are not timed, which bring the model back into the caches.
    """
    order, shuffle = list(calls), random.Random(seed)
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        for _ in range(50):
            call()
    rounds = -(-count // block)
    for done in range(rounds):
        shuffle.shuffle(order)
        for name in order:
            call, record = calls[name], times[name]
            for _ in range(5):
                call()
            for _ in range(block):
                start = time.perf_counter_ns()
                call()
                record.append((time.perf_counter_ns() - start) / 1e6)
        update((done + 1) / rounds)
    return {name: np.array(record[:count]) for name, record in times.items()}


def summary(times: np.ndarray) -> dict[str, float]:
    """Median, 10th and 90th percentile, in milliseconds."""
    p10, median, p90 = np.percentile(times, [10, 50, 90])
    return {"median_ms": float(median), "p10_ms": float(p10), "p90_ms": float(p90), "calls": len(times)}


def onnx_call(path: Path, image: np.ndarray):
    """A call without arguments: one image through ONNX Runtime on one thread."""
    run, feed = session(path, 1).run, {"image": image}
    return lambda: run(None, feed)


def eager_call(net: nn.Module, image: torch.Tensor):
    """A call without arguments: one image through PyTorch, eager. Use inside `one_thread()`."""

    def call():
        with torch.inference_mode():
            return net(image)

    return call


@contextmanager
def one_thread():
    """PyTorch on one thread while the block runs."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
