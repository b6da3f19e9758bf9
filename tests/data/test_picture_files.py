"""Pictures of all kinds, against Pillow's own or what the format says."""

import os
import pathlib

import numpy as np
import PIL.Image
import pytest

from keras_svae.data import load, picture_files
from tests.data.reading import everything

RAMP = np.linspace(0, 255, 64).round().astype(np.uint8).reshape(8, 8)
COLOURS = np.stack([RAMP, RAMP.T, 255 - RAMP], -1)


def saved(folder, name, pixels, mode=None, **options):
    path = pathlib.Path(folder) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    image = PIL.Image.fromarray(pixels)
    image = image if mode is None else image.convert(mode)
    image.save(path, **options)
    return str(path)


@pytest.mark.parametrize(
    ("name", "pixels", "mode"),
    [
        ("grey.bmp", RAMP, None),
        ("palette.bmp", RAMP, "P"),
        ("grey.png", RAMP, None),
        ("palette.png", COLOURS, "P"),
        ("colours.tiff", COLOURS, None),
        ("colours.gif", COLOURS, None),
        ("cmyk.jpg", COLOURS, "CMYK"),
        ("one_bit.png", RAMP, "1"),
    ],
)
def test_pixels_are_pillow_s(name, pixels, mode, tmp_path):
    path = saved(tmp_path, name, pixels, mode)
    wanted = np.asarray(PIL.Image.open(path).convert("RGB"))
    np.testing.assert_array_equal(picture_files.pixels(path, 3), wanted)
    grey = bool((wanted == wanted[..., :1]).all())
    assert picture_files.header(path) == picture_files.Header(8, 8, grey)


def test_webp_without_loss(tmp_path):
    path = saved(tmp_path, "a.webp", COLOURS, lossless=True)
    np.testing.assert_array_equal(picture_files.pixels(path, 3), COLOURS)


def test_a_picture_is_turned_as_its_tag_says(tmp_path):
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # turn clockwise to show it
    path = saved(tmp_path, "a.png", COLOURS[:4], exif=exif)
    turned = np.rot90(COLOURS[:4], -1)
    np.testing.assert_array_equal(picture_files.pixels(path, 3), turned)


def test_what_is_transparent_lies_on_white(tmp_path):
    alpha = np.zeros((8, 8), np.uint8)
    alpha[:4] = 255
    path = saved(tmp_path, "a.png", np.dstack([COLOURS, alpha]))
    found = picture_files.pixels(path, 3)
    np.testing.assert_array_equal(found[:4], COLOURS[:4])
    assert (found[4:] == 255).all()


def test_sixteen_bits(tmp_path):
    path = saved(tmp_path, "a.png", RAMP.astype(np.uint16) * 257)
    np.testing.assert_array_equal(picture_files.pixels(path, 1)[..., 0], RAMP)


def test_the_first_frame(tmp_path):
    first, second = PIL.Image.fromarray(RAMP), PIL.Image.fromarray(255 - RAMP)
    first.save(tmp_path / "a.gif", save_all=True, append_images=[second])
    found = picture_files.pixels(str(tmp_path / "a.gif"), 1)
    np.testing.assert_array_equal(found[..., 0], RAMP)


def test_a_type_is_known_by_its_content(tmp_path):
    path = saved(tmp_path, "train/a.png", RAMP)
    os.rename(path, tmp_path / "train" / "a")
    assert everything(load(tmp_path, batch_size=1)).shape == (1, 8, 8, 1)


@pytest.mark.parametrize("cache", [True, False])
def test_names_that_are_no_utf_8(tmp_path, cache):
    path = saved(tmp_path, "train/a.png", RAMP)
    os.rename(path, os.fsencode(tmp_path / "train") + b"/caf\xe9.png")
    found = everything(load(tmp_path, batch_size=1, cache=cache))
    np.testing.assert_array_equal(found[0, ..., 0], RAMP / np.float32(255))


def test_broken_ones_are_all_named(tmp_path):
    for i in range(4):
        path = saved(tmp_path, f"train/{i}.png", RAMP)
        if i in (1, 3):
            whole = pathlib.Path(path).read_bytes()
            pathlib.Path(path).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"decoded; received: .*1\.png.*3\.png"):
        load(tmp_path, batch_size=1)


def test_a_crop_larger_than_one_of_them_is_named(tmp_path):
    saved(tmp_path, "train/a.png", RAMP)
    saved(tmp_path, "train/b.png", RAMP[:6, :6])
    with pytest.raises(ValueError, match=r"inside pictures 6 wide.*crop=7.*b\.png"):
        load(tmp_path, batch_size=1, crop=7)


def test_numbers_without_a_known_range_are_refused(tmp_path):
    saved(tmp_path, "train/a.tiff", RAMP.astype(np.float32))
    with pytest.raises(ValueError, match=r"a\.tiff \(numbers of floating point"):
        load(tmp_path, batch_size=1)


def test_too_many_pixels(tmp_path, monkeypatch):
    saved(tmp_path, "train/a.png", RAMP)
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 20)
    with pytest.raises(ValueError, match=r"a\.png \(Image size \(64 pixels\) exceeds"):
        load(tmp_path, batch_size=1)
