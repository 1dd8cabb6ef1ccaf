"""A folder of images becomes a data set, or a message that says what is wrong with which file."""

import gzip
import io
import shutil
import struct
import tarfile
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from course_data import UserError, pictures
from course_data.folders import image_folder


def picture(path, colour, mode="RGB", size=(12, 10)):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(list(path.name.encode())).integers(0, 40, (size[1], size[0], 3), np.uint8)
    Image.fromarray(noise + np.array(colour, np.uint8)).convert(mode).save(path)


@pytest.fixture
def folder(tmp_path):
    """Two classes of twenty images, red and blue, wider than high."""
    root = tmp_path / "colours"
    for number in range(20):
        picture(root / "red" / f"{number}.png", (200, 0, 0))
        picture(root / "blue" / f"{number}.jpg", (0, 0, 200))
    return root


def test_one_folder_is_split_by_class_and_always_alike(folder):
    data, again = image_folder(folder, 8), image_folder(folder, 8)
    assert data.classes == ("blue", "red") and data.title == "colours (8×8)" and data.name == "colours"
    assert [len(s) for s in (data.train, data.val, data.test)] == [29, 3, 8]
    assert data.test.labels.bincount().tolist() == [4, 4]
    assert data.train.images.shape == (29, 3, 8, 8) and str(data.train.images.dtype) == "torch.uint8"
    assert (data.train.images[:, 0].float().mean((1, 2)) > 150).long().tolist() == data.train.labels.tolist(), (
        "a label belongs to its picture"
    )
    assert data.fingerprint == again.fingerprint and data.fingerprint != image_folder(folder, 9).fingerprint


def test_given_parts_are_kept(folder):
    for part, count in (("train", 12), ("val", 3), ("test", 5)):
        for name in ("red", "blue"):
            for path in sorted((folder / name).iterdir())[:count]:
                target = folder / part / name / path.name
                target.parent.mkdir(parents=True, exist_ok=True)
                path.rename(target)
    data = image_folder(folder, 8)
    assert [len(s) for s in (data.train, data.val, data.test)] == [24, 6, 10]


def test_what_tools_leave_behind_is_no_class(folder):
    picture(folder / ".ipynb_checkpoints" / "a.png", (1, 1, 1))
    (folder / "__MACOSX").mkdir()
    (folder / "red" / "notes.txt").write_text("not an image")
    assert image_folder(folder, 8).classes == ("blue", "red")


def test_the_middle_square_is_kept_and_turned_upright(tmp_path):
    """A camera turns the picture by a note in the file; without heeding it, up is left."""
    pixels = np.zeros((8, 16, 3), np.uint8)
    pixels[:, :4], pixels[:, 12:], pixels[:4, 4:12] = (255, 0, 0), (0, 255, 0), (9, 9, 255)
    for name in ("a", "b"):
        for number in range(10):
            (tmp_path / name).mkdir(exist_ok=True)
            exif = Image.Exif()
            exif[0x0112] = 6 if name == "b" else 1  # turn by a quarter
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png", exif=exif)
    data = image_folder(tmp_path, 8)
    upright, turned = (data.train.images[data.train.labels == c][0] for c in (0, 1))
    assert upright[2, :3].min() > 240 and upright[:2, :, 1:7].max() < 20, "red and green ends are cut off"
    assert turned[2, :, 5:].min() > 240 and turned[2, :, :3].max() < 20


def test_grey_and_opaque_files(tmp_path):
    for number in range(10):
        picture(tmp_path / "grey" / "a" / f"{number}.png", (10, 10, 10), "L")
        picture(tmp_path / "grey" / "b" / f"{number}.png", (200, 200, 200), "L")
        picture(tmp_path / "opaque" / "a" / f"{number}.png", (10, 10, 10), "RGBA")
        picture(tmp_path / "opaque" / "b" / f"{number}.png", (200, 200, 200), "P")
    assert image_folder(tmp_path / "grey", 8).train.images.shape[1] == 1
    assert image_folder(tmp_path / "opaque", 8).train.images.shape[1] == 3


def broken(root):
    (root / "red" / "3.png").write_bytes(b"not an image")
    whole = (root / "blue" / "4.jpg").read_bytes()
    (root / "blue" / "4.jpg").write_bytes(whole[: len(whole) // 2])


def an_empty_class(root):
    (root / "green").mkdir()


def one_class(root):
    (root / "blue").rename(root.parent / "elsewhere")


def without_test(root):
    (root / "train").mkdir()


def other_classes(root):
    for name in ("red", "blue"):
        (root / "train").mkdir(exist_ok=True)
        (root / name).rename(root / "train" / name)
    picture(root / "test" / "red" / "1.png", (200, 0, 0))
    picture(root / "test" / "rot" / "1.png", (200, 0, 0))


def a_rare_class(root):
    picture(root / "green" / "1.png", (0, 200, 0))


@pytest.mark.parametrize(
    "spoil, says",
    [
        (broken, ["2 files cannot be used", "red/3.png", "blue/4.jpg", "Repair or remove"]),
        (an_empty_class, ["no images in green"]),
        (one_class, ["one class only (red)"]),
        (without_test, ["train but none called test", "FOLDER/test/CLASS"]),
        (other_classes, ["train and test", "blue, rot"]),
        (a_rare_class, ["class green has too few images"]),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_is_wrong_is_said(folder, spoil, says):
    spoil(folder)
    with pytest.raises(UserError) as caught:
        image_folder(folder, 8)
    for words in says:
        assert words in str(caught.value)


def test_what_is_converted_or_left_out_is_said(folder):
    """A picture with sixteen bits, one that is transparent, a grey one, half of one; what Windows and a phone leave behind."""
    Image.fromarray(np.full((8, 8), 30_000, np.uint16)).save(folder / "red" / "1.png")
    Image.new("RGBA", (8, 8), (200, 0, 0, 0)).save(folder / "red" / "2.png")
    picture(folder / "red" / "3.png", (9, 9, 9), "L")
    whole = (folder / "blue" / "4.jpg").read_bytes()
    (folder / "blue" / "4.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "blue" / "5.heic").write_bytes(b"a phone's")
    (folder / "blue" / "Thumbs.db").write_bytes(b"Windows'")
    (folder / "blue" / "._6.jpg").write_bytes(b"macOS's")
    said = []
    data = image_folder(folder, 8, say=said.append)
    assert sum(map(len, (data.train, data.val, data.test))) == 39 and data.train.images.shape[1] == 3
    assert [line.removeprefix(f"{folder}: ") for line in said] == [
        "Left out, for the course reads no such pictures: blue/5.heic.",
        said[1].removeprefix(f"{folder}: "),  # in Pillow's words
        "1 image converted, 16 bits to 8: red/1.png.",
        "1 image converted, put on white: red/2.png.",
        "2 images of 39 are grey, and read as colour: red/1.png, red/3.png.",
    ]
    assert "1 file cannot be used and is left out: blue/4.jpg (" in said[1]
    images = torch.cat([split.images for split in (data.train, data.val, data.test)]).float()
    assert (images.flatten(1).mean(1) == round(30_000 / 257)).sum() == 1 and (images.flatten(1).mean(1) == 255).sum() == 1
    with pytest.raises(UserError, match="1 file cannot be used: blue/4.jpg"):
        image_folder(folder, 8, strict=True)


@pytest.mark.parametrize(
    ("pixels", "says"),
    [
        (np.full((8, 8), 200, np.float32), "no fractions from 0 to 1"),
        (np.full((8, 8), np.nan, np.float32), "no fractions from 0 to 1"),
        (np.full((8, 8), 1 << 20, np.int32), "more than 16 bits"),
        (np.full((8, 8), -1, np.int32), "more than 16 bits"),
    ],
)
def test_numbers_that_could_mean_anything_are_no_picture(folder, pixels, says):
    """Read as 16 bits, floats from 0 to 255 would all be black."""
    Image.fromarray(pixels).save(folder / "red" / "1.tif")
    said = []
    image_folder(folder, 8, say=said.append)
    assert "1 file cannot be used and is left out: red/1.tif (has" in said[0] and says in said[0]


def test_fractions_are_spread_over_eight_bits(folder):
    Image.fromarray(np.full((8, 8), 0.5, np.float32)).save(folder / "red" / "1.tif")
    data = image_folder(folder, 8, say=lambda line: None)
    images = torch.cat([split.images for split in (data.train, data.val, data.test)]).float()
    assert (images.flatten(1).mean(1) == 128).sum() == 1


def test_what_pillow_hands_to_other_programs_is_no_picture(folder):
    """An EPS under a picture's name would start Ghostscript where it is installed."""
    (folder / "red" / "1.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")
    said = []
    image_folder(folder, 8, say=said.append)
    assert said == [f"{folder}: 1 file cannot be used and is left out: red/1.png (is no picture that Pillow can read)."]


def test_other_kinds_of_files_are_read(folder):
    picture(folder / "red" / "a.gif", (200, 0, 0))
    (folder / "blue" / "0.jpg").rename(folder / "blue" / "0.JFIF")
    data = image_folder(folder, 8, say=pytest.fail)
    assert sum(map(len, (data.train, data.val, data.test))) == 41


def test_odd_notes_of_a_camera_cost_nothing(monkeypatch):
    """Only how the camera was held is read: whatever else stands there may be nonsense."""
    exif = Image.Exif()
    exif[0x0112] = 3
    content = io.BytesIO()
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:4] = 255
    Image.fromarray(pixels).save(content, "png", exif=exif)
    monkeypatch.setattr(Image.Exif, "tobytes", lambda *_: (_ for _ in ()).throw(struct.error("odd")))
    assert pictures.decoded(content.getvalue(), 8).pixels[:, :4].max() == 0, "turned upside down"
    monkeypatch.setattr(Image.Exif, "get", lambda *_: (_ for _ in ()).throw(struct.error("odd")))
    assert pictures.decoded(content.getvalue(), 8).pixels[:, :4].min() == 255, "as it lies there"


@pytest.mark.parametrize(
    "train, test, val", [("Train", "Test", None), ("training", "testing", "valid"), ("TRAIN", "test", "dev"), ("train", "val", None)]
)
def test_parts_by_many_names(folder, train, test, val):
    for part, count in ((train, 12), (test, 5), (val, 3)):
        for name in ("red", "blue"):
            for path in sorted((folder / name).iterdir())[: count if part else 0]:
                target = folder / part / name / path.name
                target.parent.mkdir(parents=True, exist_ok=True)
                path.rename(target)
    if not val:
        for name in ("red", "blue"):
            shutil.rmtree(folder / name)
    said = []
    data = image_folder(folder, 8, say=said.append)
    assert len(data.test) == 10 and len(data.val) == (6 if val else 2) and data.classes == ("blue", "red")
    left = [f"{folder}: Left out, for they lie beside {train}: blue, red."] if val else []
    told = [f"{folder}: There is no test folder: val is the test, and validation images are taken from train."] if test == "val" else []
    assert said == left + told


def test_a_class_may_be_called_train(tmp_path):
    for name, colour in (("train", (200, 0, 0)), ("tram", (0, 0, 200))):
        for number in range(10):
            picture(tmp_path / name / f"{number}.png", colour)
    assert image_folder(tmp_path, 8).classes == ("train", "tram")


def packed(path, files):
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
    else:
        with tarfile.open(path, "w:gz") as archive:
            for name, content in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize("name", ["colours.zip", "colours.tar.gz"])
def test_an_archive_is_the_folder_that_it_holds(folder, name):
    files = {f"colours/{p.relative_to(folder).as_posix()}": p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    files |= {"__MACOSX/._colours": b"", "colours/.DS_Store": b""}
    data, plain = image_folder(packed(folder.parent / name, files), 8, say=pytest.fail), image_folder(folder, 8)
    assert (data.name, data.title, data.classes, data.fingerprint) == (plain.name, plain.title, plain.classes, plain.fingerprint)
    assert data.source == name


def idx_files(size=9, dotted=False):
    random = np.random.default_rng(0)
    files = {}
    for prefix, count in (("train", 40), ("t10k", 20)):
        images = random.integers(0, 256, (count, size, size), np.uint8)
        labels = (np.arange(count) % 4 + 1).astype(np.uint8)
        files[f"{prefix}-images-idx3-ubyte"] = struct.pack(">4B3I", 0, 0, 8, 3, count, size, size) + images.tobytes()
        files[f"{prefix}-labels-idx1-ubyte"] = struct.pack(">4B1I", 0, 0, 8, 1, count) + labels.tobytes()
    return {name.replace("-idx", ".idx") if dotted else name: content for name, content in files.items()}


def test_idx_files_as_relatives_of_mnist_have_them(tmp_path):
    files = idx_files()
    fashion = tmp_path / "fashion"
    fashion.mkdir()
    for number, (name, content) in enumerate(files.items()):  # one of them was unpacked by a browser, and kept its name
        (fashion / f"{name}.gz").write_bytes(gzip.compress(content) if number else content)
    data = image_folder(fashion)
    assert data.title == "fashion (9×9)" and data.classes == ("1", "2", "3", "4")
    assert [len(s) for s in (data.train, data.val, data.test)] == [36, 4, 20] and data.train.images.shape[1:] == (1, 9, 9)
    assert data.test.labels.tolist() == [number % 4 for number in range(20)]
    other = image_folder(packed(tmp_path / "fashion.zip", {f"a/b/{name}": content for name, content in idx_files(dotted=True).items()}))
    assert other.fingerprint == data.fingerprint
    assert image_folder(fashion, 12).train.images.shape[1:] == (1, 12, 12)
    (fashion / "t10k-labels-idx1-ubyte.gz").write_bytes(b"<!DOCTYPE html><title>Sign in</title>")
    with pytest.raises(UserError, match="t10k-labels-idx1-ubyte.gz is a web page"):
        image_folder(fashion)
    (fashion / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(UserError, match="lacks t10k-labels-idx1-ubyte"):
        image_folder(fashion)


def test_arrays_in_an_npz(tmp_path):
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, (40, 8, 8, 3), np.uint8), np.arange(40) % 2
    np.savez(tmp_path / "a.npz", x_train=images, y_train=labels[:, None], x_test=images[:10], y_test=labels[:10, None])
    data = image_folder(tmp_path / "a.npz", say=pytest.fail)
    assert data.title == "a (8×8)" and data.train.images.shape == (36, 3, 8, 8) and len(data.test) == 10
    assert torch.equal(data.test.images[3].permute(1, 2, 0), torch.from_numpy(images[3]))
    said = []
    np.savez(tmp_path / "b.npz", images=images[..., 0] / 255, labels=np.array(["cat", "dog"])[labels])
    data = image_folder(tmp_path / "b.npz", say=said.append)
    assert data.classes == ("cat", "dog") and data.train.images.shape[1:] == (1, 8, 8) and "float64 from 0 to 1" in said[0]
    both = torch.cat([data.train.images, data.val.images, data.test.images])
    assert sorted(both.flatten().tolist()) == sorted(images[..., 0].flatten().tolist())


@pytest.mark.parametrize(
    "arrays, says",
    [
        ({"numbers": np.zeros(3)}, "holds numbers. It should hold images and labels"),
        ({"images": np.zeros((4, 8, 8), np.uint8), "labels": np.zeros(3, int)}, "need as many labels"),
        ({"images": np.zeros((4, 8), np.uint8), "labels": np.zeros(4, int)}, r"have the shape \(4, 8\)"),
        ({"images": np.full((4, 8, 8), 300.0), "labels": np.zeros(4, int)}, "not numbers from 0 to 255"),
        ({"images": np.array([{}, {}]), "labels": np.zeros(2, int)}, "cannot be read"),
    ],
)
def test_an_npz_that_holds_something_else(tmp_path, arrays, says):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(UserError, match=says):
        image_folder(tmp_path / "a.npz")


def test_files_are_called_what_they_are(tmp_path):
    (tmp_path / "photos.zip").write_bytes(b"\n<!doctype HTML><html>Sign in to download")
    (tmp_path / "one.gz").write_bytes(gzip.compress(b"x" * 2000))
    packed(tmp_path / "texts.zip", {"a/readme.txt": b"", "b/more.txt": b""})
    packed(tmp_path / "cifar.tar.gz", {"cifar-10-batches-py/data_batch_1": b""})
    picture(tmp_path / "one.png", (1, 1, 1))
    for name, says in (
        ("photos.zip", "photos.zip is a web page, not an archive"),
        ("one.gz", "one gzipped file, not an archive"),
        ("texts.zip", "holds no pictures: a/readme.txt, b/more.txt"),
        ("cifar.tar.gz", "is CIFAR-10 as it is published. Import it with `course data add .*cifar.tar.gz`"),
        ("one.png", "is one picture. --images takes a folder"),
    ):
        with pytest.raises(UserError, match=says):
            image_folder(tmp_path / name, 8)


def test_a_wrong_folder_or_size(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    for path, size, says in (
        (tmp_path / "nowhere", 8, "no folder"),
        (tmp_path / "empty", 8, "no images in subfolders"),
        (folder, 2, "--size"),
    ):
        with pytest.raises(UserError, match=says):
            image_folder(path, size)
