"""Data sets as tensors: `load("digits")`, `load("mnist")`, `load("cifar10")`."""

import hashlib
from dataclasses import dataclass

import numpy as np
import torch

from course_data import store
from course_data.errors import UserError
from course_data.specs import Spec, spec

SPLIT_SEED = 20_240_101  # fixed for good: everybody's validation images are the same ones


@dataclass(frozen=True)
class Split:
    """`images`: uint8 (N, C, H, W), 0 to 255. `labels`: int64 (N,), indices into the classes."""

    images: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """A data set in three disjoint splits.

    `title` names the variant that was imported ("CIFAR-10 (JPEG)" is not CIFAR-10) and belongs on every
    table and figure. `mean` and `std` are per channel, of the training split's pixels on the scale 0 to 1.
    `fingerprint` is the SHA-256 of the pixels and labels. `licence` says under which terms they may be used, as far as it is known.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    train: Split
    val: Split
    test: Split
    mean: tuple[float, ...]
    std: tuple[float, ...]
    source: str
    fingerprint: str
    licence: str = "not known: ask whoever gave you the images"


def load(name: str) -> Dataset:
    """Load a data set. The validation split is taken from the training part, by class, never from the test part.

    Raises UserError if the name is unknown or the data set is not on this machine yet.
    """
    facts = spec(name)
    if facts.bundled:
        arrays, about = _bundled_digits(facts)
    else:
        arrays, about = store.read(facts)
    keep, held_out = stratified(arrays["train_labels"], facts.validation)
    train = _split(arrays["train_images"][keep], arrays["train_labels"][keep])
    mean, std = _channel_statistics(train.images)
    return Dataset(
        name=facts.name,
        title=about["title"],
        classes=facts.classes,
        train=train,
        val=_split(arrays["train_images"][held_out], arrays["train_labels"][held_out]),
        test=_split(arrays["test_images"], arrays["test_labels"]),
        mean=mean,
        std=std,
        source=about["source"],
        fingerprint=about["fingerprint"],
        licence=facts.licence,
    )


def fingerprint(arrays: dict[str, np.ndarray]) -> str:
    """SHA-256 over names, shapes and contents of the arrays, in the order of their names."""
    digest = hashlib.sha256()
    for key in sorted(arrays):
        digest.update(f"{key} {arrays[key].shape} {arrays[key].dtype}".encode())
        digest.update(np.ascontiguousarray(arrays[key]).data)
    return digest.hexdigest()


def stratified(labels: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Split indices into (kept, held out), `count` of them held out, each class in proportion.

    Largest remainders round the classes' shares to whole images. RandomState, not default_rng:
    its stream of numbers is frozen for good (NEP 19), so the split never moves.
    """
    if not 0 < count < len(labels):
        raise UserError(f"Cannot hold out {count} of {len(labels)} images.")
    random = np.random.RandomState(SPLIT_SEED)
    classes, sizes = np.unique(labels, return_counts=True)
    exact = sizes * count / len(labels)
    shares = np.floor(exact).astype(int)
    for index in np.argsort(shares - exact, kind="stable")[: count - shares.sum()]:
        shares[index] += 1
    held_out = np.concatenate([random.permutation(np.flatnonzero(labels == c))[:share] for c, share in zip(classes, shares)])
    held_out.sort()
    return np.setdiff1d(np.arange(len(labels)), held_out), held_out


def _bundled_digits(facts: Spec) -> tuple[dict, dict]:
    """scikit-learn's 1,797 digits. Their 17 grey levels (0..16) are spread over 0..255, one to one."""
    from sklearn.datasets import load_digits

    raw = load_digits()
    images = np.rint(raw.images * (255 / 16)).astype(np.uint8)[:, None]
    labels = raw.target.astype(np.int64)
    keep, held_out = stratified(labels, facts.test)
    arrays = {
        "train_images": images[keep],
        "train_labels": labels[keep],
        "test_images": images[held_out],
        "test_labels": labels[held_out],
    }
    return arrays, {"title": facts.title, "source": "scikit-learn", "fingerprint": fingerprint(arrays)}


def _split(images: np.ndarray, labels: np.ndarray) -> Split:
    return Split(torch.from_numpy(np.ascontiguousarray(images)), torch.from_numpy(labels.astype(np.int64)))


def _channel_statistics(images: torch.Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel on the scale 0 to 1, exact through a histogram of the 256 levels."""
    levels = np.arange(256) / 255
    means, stds = [], []
    for channel in range(images.shape[1]):
        counts = torch.bincount(images[:, channel].flatten(), minlength=256).numpy()
        mean = float((counts * levels).sum() / counts.sum())
        means.append(mean)
        stds.append(float(np.sqrt((counts * (levels - mean) ** 2).sum() / counts.sum())))
    return tuple(means), tuple(stds)
