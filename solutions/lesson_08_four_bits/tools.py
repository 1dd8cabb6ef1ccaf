"""What the demonstrations of lesson 08 need beside the exercises: comparisons, planted channels, and readers for two kinds of real files."""

import copy
import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import nn

from course_lessons.lesson_08_four_bits import character_model as small


def layers_of(net):
    """Names of the linear layers, in the order in which they come."""
    return [name for name, part in net.named_modules() if isinstance(part, nn.Linear)]


def weights_of(net):
    """Name -> weights (outputs, inputs) of the linear layers, as float64 arrays."""
    return {name: net.get_submodule(name).weight.detach().double().numpy() for name in layers_of(net)}


def with_weights(net, tables):
    """A copy of net with these weights (name -> array) in place of its own."""
    net = copy.deepcopy(net)
    for name, table in tables.items():
        net.get_submodule(name).weight.data = torch.tensor(np.asarray(table), dtype=torch.float32)
    return net


def inputs_of(net, numbers, windows=48):
    """Name -> inputs (samples, columns) of each linear layer, on windows spread evenly over the text."""
    seen, hooks = {}, []
    for name in layers_of(net):
        keep = lambda part, given, out, name=name: seen.update({name: given[0].flatten(0, -2).double().numpy()})  # noqa: E731
        hooks.append(net.get_submodule(name).register_forward_hook(keep))
    starts = torch.arange(windows) * (len(numbers) // windows)
    with torch.no_grad():
        net(numbers[starts[:, None] + torch.arange(small.CONTEXT)])
    for hook in hooks:
        hook.remove()
    return seen


def planted(net, factor=30.0, seed=3):
    """The same function with two loud channels in each norm: gain and bias times `factor`, the next layer's columns over it."""
    net, draw = copy.deepcopy(net), np.random.default_rng(seed)
    for block in net.blocks:
        for norm, layer in ((block.norm1, block.qkv), (block.norm2, block.up)):
            loud = torch.tensor(draw.choice(small.WIDTH, 2, replace=False))
            norm.weight.data[loud] *= factor
            norm.bias.data[loud] *= factor
            layer.weight.data[:, loud] /= factor
    return net


def affine(w, block, bits=4):
    """2**bits even steps from the smallest to the largest number of each block, with a zero point; zero is a level."""
    parts, top = w.reshape(-1, block), 2**bits - 1
    low, high = np.minimum(parts.min(1, keepdims=True), 0), np.maximum(parts.max(1, keepdims=True), 0)
    step = np.where(high > low, (high - low) / top, 1.0)
    zero = np.rint(-low / step)
    return (step * (np.clip(np.rint(parts / step) + zero, 0, top) - zero)).reshape(w.shape)


def refit(w, h, scales, qmax):
    """GPTQ by brute force: fix the columns so far, solve least squares for the rest, go on. Slow, and without any U."""
    now, done = w.copy(), np.zeros(w.shape)
    for j in range(w.shape[1]):
        done[:, j] = scales[:, j] * np.clip(np.rint(now[:, j] / scales[:, j]), -qmax, qmax)
        gap, rest = w[:, : j + 1] - done[:, : j + 1], slice(j + 1, None)
        now[:, rest] = w[:, rest] + np.linalg.solve(h[rest, rest], h[rest, : j + 1] @ gap.T).T
    return done


def one_scale(x, bits):
    """x in whole numbers of `bits` bits, with one scale for all of it."""
    step = np.abs(x).max() / (2 ** (bits - 1) - 1)
    return step * np.rint(x / step)


def hadamard(n):
    """Orthogonal and symmetric, all entries 1 or -1 over the root of n; n a power of 2."""
    h = np.ones((1, 1))
    while len(h) < n:
        h = np.block([[h, h], [h, -h]])
    return h / np.sqrt(n)


def two_of_four(scores):
    """True for the two largest of every four neighbours in a row."""
    places = np.argsort(np.argsort(scores.reshape(len(scores), -1, 4), axis=2), axis=2)
    return (places >= 2).reshape(scores.shape)


def e4m3(x):
    """Each number as the nearest float of 8 bits with 4 bits of exponent and 3 of mantissa."""
    return torch.tensor(x).to(torch.float8_e4m3fn).double().numpy()


def file_in(package, name):
    """The file of an installed package, found without importing it; None if it is not there."""
    found = find_spec(package)
    path = Path(found.origin).parent / name if found and found.origin else None
    return path if path and path.exists() else None


def first_layer_of_minilm(path, text, samples=4096):
    """(inputs, weights) of the first query layer of the encoder in this .safetensors file, for words of the text that it knows."""
    raw = np.memmap(path, np.uint8, "r")
    size = int(raw[:8].view("<u8")[0])
    header = json.loads(bytes(raw[8 : 8 + size]))

    def tensor(name):
        start, end = header[name]["data_offsets"]
        return raw[8 + size :][start:end].view("<f4").reshape(header[name]["shape"]).astype(float)

    vocabulary = {word: i for i, word in enumerate((path.parent / "vocab.txt").read_text(encoding="utf-8").split("\n"))}
    words = [vocabulary[word] for word in text.lower().split() if word in vocabulary][:samples]
    x = tensor("embeddings.word_embeddings.weight")[words]
    x += tensor("embeddings.position_embeddings.weight")[np.arange(len(words)) % 128] + tensor("embeddings.token_type_embeddings.weight")[0]
    x = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-12)
    x = x * tensor("embeddings.LayerNorm.weight") + tensor("embeddings.LayerNorm.bias")
    return x, tensor("encoder.layer.0.attention.self.query.weight")


class Gguf:
    """A GGUF file: `facts` (name -> value), `tensors` (name -> (shape, kind, where it starts in `raw`)), `raw` (all bytes)."""

    KINDS = dict(enumerate(["u1", "i1", "<u2", "<i2", "<u4", "<i4", "<f4", "?", "text", "list", "<u8", "<i8", "<f8"]))

    def __init__(self, path):
        self.raw, self._at = np.memmap(path, np.uint8, "r"), 4
        if bytes(self.raw[:4]) != b"GGUF":
            raise ValueError(f"{path} does not begin with GGUF.")
        self.version, count, pairs = self._take("<u4"), self._take("<u8"), self._take("<u8")
        self.facts = {self._take("text"): self._value() for _ in range(pairs)}
        entries = [(self._take("text"), self._shape(), self._take("<u4"), self._take("<u8")) for _ in range(count)]
        line = self.facts.get("general.alignment", 32)
        start = -(-self._at // line) * line
        self.tensors = {name: (shape, kind, start + offset) for name, shape, kind, offset in entries}

    def _take(self, kind):
        """The next number of this kind, or the next text."""
        if kind == "text":
            length = self._take("<u8")
            self._at += length
            return bytes(self.raw[self._at - length : self._at]).decode("utf-8", "replace")
        size = np.dtype(kind).itemsize
        self._at += size
        return self.raw[self._at - size : self._at].view(kind)[0].item()

    def _value(self):
        kind = self.KINDS[self._take("<u4")]
        if kind != "list":
            return self._take(kind)
        inner, count = self.KINDS[self._take("<u4")], self._take("<u8")
        return [self._take(inner) for _ in range(count)]

    def _shape(self):
        """Outer axis first, as in NumPy; the file has the inner one first."""
        return tuple(self._take("<u8") for _ in range(self._take("<u4")))[::-1]
