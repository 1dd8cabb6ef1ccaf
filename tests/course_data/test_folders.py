"""A folder of images becomes a data set, or a message that says what is wrong with which file."""

import numpy as np
import pytest
from PIL import Image

from course_data import UserError
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


def transparent(root):
    Image.new("RGBA", (8, 8), (1, 2, 3, 100)).save(root / "red" / "3.png")


def sixteen_bits(root):
    Image.fromarray(np.full((8, 8), 30_000, np.uint16)).save(root / "red" / "3.png")


def grey_among_them(root):
    picture(root / "red" / "3.png", (9, 9, 9), "L")


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
        (transparent, ["1 file cannot", "red/3.png (transparent"]),
        (sixteen_bits, ["red/3.png (mode I;16"]),
        (grey_among_them, ["1 image of 40 is grey, the others in colour: red/3.png"]),
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


def test_a_wrong_folder_or_size(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    for path, size, says in (
        (tmp_path / "nowhere", 8, "no folder"),
        (tmp_path / "empty", 8, "no images in subfolders"),
        (folder, 2, "--size"),
    ):
        with pytest.raises(UserError, match=says):
            image_folder(path, size)
