"""Picture files of all kinds become the pixels that a model takes, or are refused with the reason."""

import os
import struct

import numpy as np
import pytest
from PIL import Image

from course_data.pictures import decoded
from course_labs.using import metadata
from course_labs.using.pictures import found, pixels

GREY, COLOUR = (metadata.picture_of(channels, 4, 6, (0.5,) * channels, (0.2,) * channels) for channels in (1, 3))
RANDOM = np.random.default_rng(0)
INK = RANDOM.integers(0, 256, (4, 6), np.uint8)
PAINT = RANDOM.integers(0, 256, (4, 6, 3), np.uint8)


def saved(path, array, mode=None, **options):
    Image.fromarray(array, mode).save(path, **options) if mode else Image.fromarray(array).save(path, **options)
    return path


def test_a_picture_of_the_right_size_is_left_as_it_is(tmp_path):
    image, notes = pixels(saved(tmp_path / "a.png", INK), GREY)
    assert np.array_equal(image, INK[None]) and image.dtype == np.uint8 and notes == ()
    image, notes = pixels(saved(tmp_path / "b.png", PAINT), COLOUR)
    assert np.array_equal(image, PAINT.transpose(2, 0, 1)) and notes == (), "red, green, blue"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_what_the_camera_turned_is_turned_back(tmp_path, orientation):
    """For each EXIF orientation, the file that shows INK upright: by the standard's table of what row 0 and column 0 are."""
    stored = {
        1: INK, 2: INK[:, ::-1], 3: INK[::-1, ::-1], 4: INK[::-1], 5: INK.T, 6: np.rot90(INK), 7: INK[::-1, ::-1].T, 8: np.rot90(INK, -1),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    image, notes = pixels(saved(tmp_path / "a.png", np.ascontiguousarray(stored), exif=exif), GREY)
    assert np.array_equal(image[0], INK)
    assert notes == (("turned upright",) if orientation > 1 else ())


def test_broken_exif_costs_nothing(tmp_path):
    path = saved(
        tmp_path / "a.jpg", np.full((8, 12, 3), 90, np.uint8), exif=b"Exif\0\0II*\0" + struct.pack("<IHHHI", 8, 9, 0x0112, 3, 1 << 31)
    )
    image, _ = pixels(path, GREY)
    assert np.abs(image.astype(int) - 90).max() <= 1


def test_kinds_of_pixels(tmp_path):
    """Each kind against what a person would compute."""
    sixteen, notes = pixels(saved(tmp_path / "16.png", INK.astype(np.uint16) * 257), GREY)
    assert np.array_equal(sixteen[0], INK) and notes == ("16 bits to 8",)
    opaque, notes = pixels(saved(tmp_path / "o.png", np.dstack([PAINT, np.full_like(INK, 255)])), COLOUR)
    assert np.array_equal(opaque, PAINT.transpose(2, 0, 1)) and notes == ()
    clear, notes = pixels(saved(tmp_path / "c.png", np.dstack([PAINT, np.zeros_like(INK)])), COLOUR)
    assert (clear == 255).all() and notes == ("put on white",)
    to_colour, notes = pixels(tmp_path / "16.png", COLOUR)
    assert np.array_equal(to_colour, np.stack([INK] * 3)) and notes == ("16 bits to 8", "grey to colour")
    to_grey, notes = pixels(saved(tmp_path / "rgb.png", PAINT), GREY)
    assert np.abs(to_grey[0] - PAINT @ [0.299, 0.587, 0.114]).max() <= 1 and notes == ("colour to grey",)
    same, notes = pixels(saved(tmp_path / "grey_as_rgb.png", np.dstack([INK] * 3)), GREY)
    assert np.array_equal(same[0], INK) and notes == ()
    Image.fromarray(INK > 127).save(tmp_path / "1.png")
    assert np.array_equal(pixels(tmp_path / "1.png", GREY)[0][0], np.where(INK > 127, 255, 0))
    Image.fromarray(PAINT).convert("P").save(tmp_path / "p.gif")
    assert pixels(tmp_path / "p.gif", COLOUR)[0].shape == (3, 4, 6)
    Image.fromarray(PAINT).convert("CMYK").save(tmp_path / "cmyk.tif")
    assert np.abs(pixels(tmp_path / "cmyk.tif", COLOUR)[0].astype(int) - PAINT.transpose(2, 0, 1)).max() <= 1


def test_the_middle_of_a_picture_is_taken(tmp_path):
    wide = np.zeros((40, 100), np.uint8)
    wide[:, 20:80] = 200  # the middle 60 × 40 have the shape of 6 × 4
    image, _ = pixels(saved(tmp_path / "a.png", wide), GREY)
    assert np.abs(image.astype(int) - 200).max() < 20, "bicubic scaling looks a little beyond the edge"


def test_what_cannot_be_used_says_why(tmp_path, monkeypatch):
    whole = saved(tmp_path / "a.png", RANDOM.integers(0, 256, (50, 50), np.uint8)).read_bytes()
    for name, content, why in (
        ("cut.png", whole[:900], "truncated"),
        ("page.jpg", b"<html>", "no picture that Pillow can read"),
        ("empty.png", b"", "no picture that Pillow can read"),
        ("picture.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n", "no picture that Pillow can read"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=why):
            pixels(tmp_path / name, GREY)
    with pytest.raises(ValueError, match="floating-point pixels"):
        pixels(saved(tmp_path / "f.tif", np.full((4, 6), 2, np.float32)), GREY)
    with pytest.raises(ValueError, match="more than 16 bits"):
        pixels(saved(tmp_path / "i.tif", np.full((4, 6), 1 << 20, np.int32)), GREY)
    for limit in (2000, 1000):  # Pillow warns above its limit, and refuses above twice of it
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with pytest.raises(ValueError, match=f"more than {limit:,} pixels"):
            pixels(tmp_path / "a.png", GREY)


def test_a_folder_gives_its_pictures_and_nothing_hidden(tmp_path):
    for name in ("b.png", "a.JPG", "deep/er/c.webp", ".hidden.png", ".cache/d.png", "._b.png", "notes.txt", "Thumbs.db", "report.pdf"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "round").symlink_to(tmp_path)
    all_of = found([tmp_path])
    assert [path.relative_to(tmp_path).as_posix() for path in all_of.pictures] == ["a.JPG", "b.png", "deep/er/c.webp"]
    assert all_of.passed_over == 2 and all_of.faults == []


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    for asked in (tmp_path, tmp_path / "pipe.png"):
        all_of = found([asked, tmp_path / "nothing.png"])
        assert all_of.pictures == [] and [fault.path.name for fault in all_of.faults] == ["pipe.png", "nothing.png"]
        assert "a pipe or a device" in all_of.faults[0].why and all_of.faults[1].why == "is not there"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"])
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_a_model_is_shown_what_it_was_trained_on(tmp_path, mode, orientation):
    """The pixels that `course lab --images` trains on and those that `course predict` gives the model, of one file."""
    path = tmp_path / ("a.tif" if mode in ("CMYK", "F") else "a.png")
    rgba = np.dstack([RANDOM.integers(0, 256, (9, 12, 3), np.uint8), np.full((9, 12), 255, np.uint8)])
    rgba[:, 8:, 3] = 90
    image = {
        "I;16": lambda: Image.fromarray(RANDOM.integers(0, 65536, (9, 12), np.uint16)),
        "F": lambda: Image.fromarray(RANDOM.random((9, 12), np.float32)),
    }.get(mode, lambda: Image.fromarray(rgba).convert("RGBA" if mode == "RGBA" else mode))()
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(path, exif=exif)
    trained = decoded(path.read_bytes(), 8)
    channels = len(trained.pixels)
    shown, notes = pixels(path, metadata.picture_of(channels, 8, 8, (0.5,) * channels, (0.2,) * channels))
    assert np.array_equal(shown, trained.pixels)
    assert tuple(note for note in notes if note != "turned upright") == trained.changed
