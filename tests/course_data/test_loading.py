"""Loaders: shapes, types, splits."""

import numpy as np
import pytest
import torch

from course_data import UserError, card, load, status
from course_data.datasets import stratified


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def test_digits_shapes_and_types(digits):
    assert digits.train.images.shape == (1257, 1, 8, 8)
    assert (len(digits.train), len(digits.val), len(digits.test)) == (1257, 180, 360)
    for split in (digits.train, digits.val, digits.test):
        assert split.images.dtype == torch.uint8 and split.labels.dtype == torch.int64
        assert split.labels.shape == (len(split.images),)
    assert int(digits.train.images.max()) == 255 and int(digits.train.images.min()) == 0
    assert digits.train.images.unique().numel() == 17, "the 17 grey levels stay apart"


def test_digits_splits_are_disjoint_and_complete(digits):
    from sklearn.datasets import load_digits

    def keys(split):
        return {(i.numpy().tobytes(), int(y)) for i, y in zip(split.images, split.labels)}

    parts = [keys(s) for s in (digits.train, digits.val, digits.test)]
    assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])
    assert sum(map(len, parts)) == len(load_digits().target)


def test_digits_splits_hold_every_class_in_proportion(digits):
    for split in (digits.train, digits.val, digits.test):
        share = torch.bincount(split.labels, minlength=10) / len(split)
        assert (share - 0.1).abs().max() < 0.01


def test_digits_are_the_same_for_everybody(digits):
    assert digits.fingerprint in card("digits"), "the card states the checksum of what is loaded"
    again = load("digits")
    assert torch.equal(digits.val.images, again.val.images)


def test_mean_and_std_are_those_of_the_training_pixels(digits):
    pixels = digits.train.images.double() / 255
    assert digits.mean[0] == pytest.approx(float(pixels.mean()), rel=1e-9)
    assert digits.std[0] == pytest.approx(float(pixels.std(correction=0)), rel=1e-9)


def test_stratified_holds_out_exactly_as_many_as_asked():
    labels = np.array([0] * 7 + [1] * 5 + [2] * 3)
    kept, held_out = stratified(labels, 4)
    assert len(held_out) == 4 and sorted([*kept, *held_out]) == list(range(15))
    assert set(labels[held_out]) == {0, 1, 2}


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(UserError, match="digits, mnist, cifar10"):
        load("imagenet")


def test_absent_data_set_says_what_to_type(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    with pytest.raises(UserError, match="not on this machine yet") as caught:
        load("mnist")
    assert "course data add ARCHIVE" in str(caught.value)
    states = {item.name: item for item in status()}
    assert states["digits"].ready and not states["mnist"].ready
    assert "course data get mnist" in states["mnist"].advice


def test_damaged_cache_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    (tmp_path / "mnist.npz").write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(UserError, match="damaged"):
        load("mnist")
    assert "damaged" in {item.name: item for item in status()}["mnist"].advice


@pytest.mark.parametrize("name, shape, count", [("mnist", (1, 28, 28), 55_000), ("cifar10", (3, 32, 32), 45_000)])
def test_imported_data_sets(name, shape, count):
    if not {item.name: item for item in status()}[name].ready:
        pytest.skip(f"{name} is not in the data root: run `course data get {name}` to test it")
    data = load(name)
    assert data.train.images.shape == (count, *shape)
    assert len(data.val) == 5000 and len(data.test) == 10_000
    assert torch.bincount(data.test.labels).numel() == 10


@pytest.mark.parametrize("name", ["digits", "mnist", "cifar10"])
def test_every_card_states_source_licence_and_splits(name):
    text = card(name)
    assert all(word in text for word in ("Source", "Licence", "Splits", "Tensors"))
