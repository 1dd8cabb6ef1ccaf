"""`course data add`: every layout, and everything that must be refused."""

import dataclasses
import gzip
import hashlib
import io
import pickle
import struct
import tarfile
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from course_data import UserError, add, archives, load, specs, status

TRAIN, TEST = 40, 20


@pytest.fixture(autouse=True)
def own_root(tmp_path, monkeypatch):
    """A data root of this test's own, and data sets of a few images."""
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "root"))
    for name in ("mnist", "cifar10"):
        small = dataclasses.replace(specs.SPECS[name], train=TRAIN, test=TEST, validation=10)
        monkeypatch.setitem(specs.SPECS, name, small)
    return tmp_path / "root"


def publish(monkeypatch, name, files):
    """Make the checksums of `files` the published ones."""
    md5 = {key: hashlib.md5(content).hexdigest() for key, content in files.items()}
    monkeypatch.setitem(specs.SPECS, name, dataclasses.replace(specs.SPECS[name], md5=md5))


def mnist_files():
    random = np.random.default_rng(0)
    files = {}
    for prefix, count in (("train", TRAIN), ("t10k", TEST)):
        images = random.integers(0, 256, (count, 28, 28), np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        files[f"{prefix}-images-idx3-ubyte"] = struct.pack(">4B3I", 0, 0, 8, 3, count, 28, 28) + images.tobytes()
        files[f"{prefix}-labels-idx1-ubyte"] = struct.pack(">4B1I", 0, 0, 8, 1, count) + labels.tobytes()
    return files


def cifar_files():
    random = np.random.default_rng(0)

    def batch(count):
        pixels = random.integers(0, 256, (count, 3072), np.uint8)
        return pickle.dumps({"data": pixels, "labels": [i % 10 for i in range(count)]})

    files = {f"data_batch_{i}": batch(TRAIN // 5) for i in range(1, 6)}
    return files | {"test_batch": batch(TEST), "batches.meta": pickle.dumps({"label_names": list(specs.SPECS["cifar10"].classes)})}


def image_files(name, form, suffix, train=TRAIN):
    facts = specs.SPECS[name]
    channels, height, width = facts.shape
    files = {}
    for part, count in (("train", train), ("test", TEST)):
        for index in range(count):
            content = io.BytesIO()
            grey = np.full((height, width, 3) if channels == 3 else (height, width), index * 5, np.uint8)
            Image.fromarray(grey).save(content, form)
            files[f"{name}/{part}/{facts.classes[index % 10]}/{index:04}.{suffix}"] = content.getvalue()
    return files


def tar(path, files, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def zipped(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def folder(path, files):
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def nothing_stored(root):
    return not root.exists() or not list(root.iterdir())


PACKERS = {
    "tar.gz": lambda base, files: tar(base / "a.tar.gz", files),
    "tar.xz": lambda base, files: tar(base / "a.tar.xz", files, "w:xz"),
    "zip": lambda base, files: zipped(base / "a.zip", files),
    "folder": lambda base, files: folder(base / "a", files),
}


@pytest.mark.parametrize("packing", PACKERS)
def test_mnist_as_torchvision_keeps_it(tmp_path, monkeypatch, packing):
    files = mnist_files()
    publish(monkeypatch, "mnist", files)
    name, stored = add(PACKERS[packing](tmp_path, {f"MNIST/raw/{k}": v for k, v in files.items()}))
    assert name == "mnist" and stored.is_file()
    data = load("mnist")
    assert data.title == "MNIST"
    assert data.test.images.shape == (TEST, 1, 28, 28)
    assert data.test.images.numpy().tobytes() == files["t10k-images-idx3-ubyte"][16:]
    assert data.test.labels.tolist() == [i % 10 for i in range(TEST)]
    assert len(data.train) == TRAIN - 10 and len(data.val) == 10


def test_gzipped_mnist_files(tmp_path, monkeypatch):
    files = mnist_files()
    publish(monkeypatch, "mnist", files)
    add(folder(tmp_path / "a", {f"raw/{k}.gz": gzip.compress(v) for k, v in files.items()}))
    assert load("mnist").test.images.numpy().tobytes() == files["t10k-images-idx3-ubyte"][16:]


def test_cifar10_as_torchvision_keeps_it(tmp_path, monkeypatch):
    files = cifar_files()
    publish(monkeypatch, "cifar10", files)
    from torchvision.datasets import CIFAR10

    meta = {**CIFAR10.meta, "md5": hashlib.md5(files["batches.meta"]).hexdigest()}
    monkeypatch.setattr(CIFAR10, "meta", meta)
    for attribute in ("train_list", "test_list"):
        listed = [[name, hashlib.md5(files[name]).hexdigest()] for name, _ in getattr(CIFAR10, attribute)]
        monkeypatch.setattr(CIFAR10, attribute, listed)
    add(tar(tmp_path / "a.tar.gz", {f"cifar-10-batches-py/{k}": v for k, v in files.items()}))
    data = load("cifar10")
    assert data.title == "CIFAR-10"
    expected = pickle.loads(files["test_batch"])["data"].reshape(TEST, 3, 32, 32)
    assert torch.equal(data.test.images, torch.from_numpy(expected))


def test_a_pickle_that_is_not_the_published_one_is_never_opened(tmp_path, own_root):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    files = cifar_files() | {"data_batch_1": pickle.dumps(Bomb())}
    with pytest.raises(UserError, match="data_batch_1 is not the published file"):
        add(tar(tmp_path / "a.tar.gz", {f"cifar-10-batches-py/{k}": v for k, v in files.items()}))
    assert not (tmp_path / "ran").exists() and nothing_stored(own_root)


@pytest.mark.parametrize("form, suffix, title", [("JPEG", "jpg", "CIFAR-10 (JPEG)"), ("PNG", "png", "CIFAR-10 (PNG)")])
def test_image_folder_is_named_after_its_format(tmp_path, form, suffix, title):
    add(tar(tmp_path / "a.tar.xz", image_files("cifar10", form, suffix), "w:xz"))
    data = load("cifar10")
    assert data.title == title
    assert title in [item.title for item in status()]
    order = sorted(range(TEST), key=lambda i: (specs.SPECS["cifar10"].classes[i % 10], i))
    assert data.test.labels.tolist() == [i % 10 for i in order]
    assert (data.test.images[:, 0, 0, 0] - torch.tensor([5 * i for i in order])).abs().max() <= 1


def test_mnist_as_png_folder(tmp_path):
    add(folder(tmp_path / "a", image_files("mnist", "PNG", "png")))
    assert load("mnist").title == "MNIST (PNG)"


def test_a_jpeg_in_png_clothing_is_refused(tmp_path, own_root):
    with pytest.raises(UserError, match="cannot be decoded"):
        add(folder(tmp_path / "a", image_files("mnist", "JPEG", "png")))
    assert nothing_stored(own_root)


@pytest.mark.parametrize("name", ["../evil.png", "/etc/evil.png", "a/../../evil.png", "C:/evil.png", "..\\evil.png"])
@pytest.mark.parametrize("packer", [lambda p, f: tar(p / "a.tar.gz", f), lambda p, f: zipped(p / "a.zip", f)])
def test_traversal_is_refused(tmp_path, own_root, packer, name):
    with pytest.raises(UserError, match="points outside"):
        add(packer(tmp_path, image_files("mnist", "PNG", "png") | {name: b"x"}))
    assert nothing_stored(own_root)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(tmp_path, own_root, kind):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        member = tarfile.TarInfo("train/0/1.png")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    with pytest.raises(UserError, match="link or a special file"):
        add(path)
    assert nothing_stored(own_root)


def test_links_in_zip_and_folder_are_refused(tmp_path):
    member = zipfile.ZipInfo("train/0/1.png")
    member.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(member, "/etc/passwd")
    with pytest.raises(UserError, match="link or a special file"):
        add(tmp_path / "a.zip")
    where = folder(tmp_path / "a", image_files("mnist", "PNG", "png"))
    try:
        (where / "mnist" / "link.png").symlink_to("/etc/passwd")
    except OSError:
        pytest.skip("this system makes no symbolic links")
    with pytest.raises(UserError, match="link or a special file"):
        add(where)


@pytest.mark.parametrize(
    "packer", [lambda p, f: tar(p / "a.tar.gz", f), lambda p, f: zipped(p / "a.zip", f), lambda p, f: folder(p / "a", f)]
)
def test_a_bomb_is_stopped(tmp_path, monkeypatch, own_root, packer):
    monkeypatch.setattr(archives, "MAX_BYTES", 1 << 20)
    with pytest.raises(UserError, match="unpacks to more than 1 MiB"):
        add(packer(tmp_path, {"train/0/1.png": bytes(3 << 20)}))
    assert nothing_stored(own_root)


@pytest.mark.parametrize("packing", ["tar.gz", "tar.xz", "zip"])
@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_damaged_archives_give_a_clear_error(tmp_path, monkeypatch, own_root, packing, damage):
    files = mnist_files()
    publish(monkeypatch, "mnist", files)
    path = PACKERS[packing](tmp_path, {f"MNIST/raw/{k}": v for k, v in files.items()})
    content = bytearray(path.read_bytes())
    if damage == "cut":
        content = content[: len(content) // 2]
    else:
        content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(UserError, match="fetch it again|Fetch it again"):
        add(path)
    assert nothing_stored(own_root)


def test_what_was_there_survives_a_failed_import(tmp_path, monkeypatch):
    add(folder(tmp_path / "good", image_files("mnist", "PNG", "png")))
    before = load("mnist").fingerprint
    with pytest.raises(UserError):
        add(folder(tmp_path / "bad", image_files("mnist", "PNG", "png", train=30)))
    assert load("mnist").fingerprint == before


@pytest.mark.parametrize(
    "files, message",
    [
        ({"readme.txt": b"hello"}, "holds no data set that the course knows"),
        ({"train/cat/1.png": b"", "test/dog/1.png": b""}, "classes that the course does not know: cat, dog"),
        ({"MNIST/raw/train-images-idx3-ubyte": b""}, "lacks t10k-images-idx3-ubyte"),
    ],
)
def test_unknown_content_is_explained(tmp_path, own_root, files, message):
    with pytest.raises(UserError, match=message):
        add(tar(tmp_path / "a.tar.gz", files))
    assert nothing_stored(own_root)


def test_incomplete_image_folder(tmp_path, own_root):
    with pytest.raises(UserError, match="holds 39 train images; CIFAR-10 has 40"):
        add(folder(tmp_path / "a", image_files("cifar10", "PNG", "png", train=39)))
    assert nothing_stored(own_root)


def test_wrong_size_of_image(tmp_path):
    files = image_files("mnist", "PNG", "png")
    content = io.BytesIO()
    Image.new("L", (32, 32)).save(content, "PNG")
    files["mnist/train/0/0000.png"] = content.getvalue()
    with pytest.raises(UserError, match="32×32 pixels, not 28×28"):
        add(folder(tmp_path / "a", files))


@pytest.mark.parametrize("content", [b"", b"just some text, longer than a magic number", b"\x1f\x8b\x08\x00 broken"])
def test_not_an_archive(tmp_path, content):
    path = tmp_path / "thing.tar.gz"
    path.write_bytes(content)
    with pytest.raises(UserError, match="thing.tar.gz"):
        add(path)


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match="no file or folder"):
        add(tmp_path / "nowhere.zip")


def test_pictures_of_one_s_own_have_another_door(tmp_path):
    """A folder of anything but the course's data sets, Fashion-MNIST's files, a page that a login gave."""
    picture = io.BytesIO()
    Image.new("RGB", (8, 8)).save(picture, "png")
    for part in ("train", "test"):
        for name in ("cats", "dogs"):
            (tmp_path / "pets" / part / name).mkdir(parents=True)
            (tmp_path / "pets" / part / name / "1.png").write_bytes(picture.getvalue())
    with pytest.raises(UserError, match="cats, dogs. Pictures of your own need no import: `course lab --images`"):
        add(tmp_path / "pets")
    (tmp_path / "fashion").mkdir()
    for name, content in mnist_files().items():
        (tmp_path / "fashion" / name).write_bytes(content)
    with pytest.raises(UserError, match="such as Fashion-MNIST, goes to `course lab --images fashion`"):
        add(tmp_path / "fashion")
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(b"<html><title>404</title></html>")
    with pytest.raises(UserError, match="is a web page, not an archive"):
        add(tmp_path / "cifar-10-python.tar.gz")


def test_a_gz_that_a_browser_unpacked_is_taken_for_what_it_is(tmp_path, monkeypatch):
    files = mnist_files()
    publish(monkeypatch, "mnist", files)
    (tmp_path / "raw").mkdir()
    for name, content in files.items():
        (tmp_path / "raw" / f"{name}.gz").write_bytes(content)
    assert add(tmp_path / "raw")[0] == "mnist"
