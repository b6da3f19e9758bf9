"""Folders of pictures that strangers made, or that hold more than pictures."""

import os
import pathlib
import socket
import warnings

import numpy as np
import PIL.Image
import pytest

from keras_svae.data import load, picture_files
from tests.data.reading import everything, pairs
from tests.data.test_picture_files import COLOURS, RAMP, saved


@pytest.fixture
def folder(tmp_path):
    for i in range(2):
        saved(tmp_path / "in", f"train/{i}.png", RAMP)
    return tmp_path / "in"


def count(folder, **options):
    return len(everything(load(folder, batch_size=1, **options)))


# Before, the first two waited for ever.
@pytest.mark.parametrize(
    ("name", "make", "why"),
    [
        ("pipe", os.mkfifo, "named pipes: pipe$"),
        ("0.png", os.mkfifo, "named pipes: 0.png$"),
        ("socket.png", None, "sockets: socket.png$"),
        ("zero.png", lambda path: os.symlink("/dev/zero", path), "devices: zero.png$"),
    ],
)
@pytest.mark.parametrize("cache", [True, False])
def test_what_is_no_file_is_left_out(folder, monkeypatch, name, make, why, cache):
    monkeypatch.chdir(folder / "train")
    os.rename("0.png", "2.png")
    if make:
        make(name)
    else:
        socket.socket(socket.AF_UNIX).bind(name)
    with pytest.warns(UserWarning, match=f"Left out of .*in, as {why}"):
        assert count(folder, cache=cache) == 2


@pytest.mark.parametrize("name", ["train/link.png", "train/link", "train", "more"])
def test_a_link_out_of_the_folder_needs_leave(folder, tmp_path, name):
    outside = tmp_path / "out" / "train"
    saved(outside, "0.png", RAMP)
    if name == "train":
        for one in (folder / "train").iterdir():
            one.unlink()
        (folder / "train").rmdir()
    if name == "more":
        (folder / "train").rename(folder / "some")
    target = outside / "0.png" if "link" in name else outside
    (folder / name).symlink_to(target)
    with pytest.raises(ValueError, match=rf"inside .*in; received: .*{name}, a link"):
        load(folder, batch_size=1)
    assert count(folder, links=True) == {"train": 1, "more": 2}.get(name, 3)


def test_links_within_the_folder(folder):
    saved(folder, "test/0.png", COLOURS)
    (folder / "val").symlink_to("test")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="as second names of a folder: val"):
            load(folder, "test")
    (folder / "val").unlink()
    (folder / "train" / "copy.png").symlink_to("0.png")
    (folder / "train" / "up").symlink_to("..")
    (folder / "train" / "lost").symlink_to("nowhere")
    said = (
        "as links to a folder above them: up; as no pictures: lost; "
        "as second names of a picture: copy.png$"
    )
    with pytest.warns(UserWarning, match=said):
        assert count(folder) == 2
    (folder / "train" / "lost.png").symlink_to("lost.png")
    # What is left out is the same as before, and was said.
    with pytest.raises(ValueError, match=r"lost\.png \(Too many levels"):
        load(folder)


def test_nothing_is_left_out_in_silence(folder):
    for name in ("a", "b"):
        saved(folder / "train" / name, "0.png", RAMP)
    for i in range(2):
        os.rename(folder / "train" / f"{i}.png", folder / f"{i}.png")
    train = folder / "train"
    for name in ("empty", "__MACOSX", ".git"):
        (train / name).mkdir()
    (train / "a" / ".DS_Store").write_bytes(b"")
    (train / "a" / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    (train / "b" / "red\x1b[31m\n.txt").write_text("")
    said = (
        "as hidden: .git, __MACOSX, .DS_Store; as no pictures: Thumbs.db, "
        r"red\x1b[31m\n.txt; as folders without pictures: empty; "
        "as not in train: 0.png, 1.png"
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _, y = pairs(load(folder, batch_size=1, labels=True))
    assert sorted(y) == [0, 1]
    assert [str(one.message).partition(", ")[2] for one in caught] == [said]
    for one in ("0.png", "1.png"):
        (folder / one).unlink()
    (folder / "Train").mkdir()
    with pytest.raises(ValueError, match="one folder for the split 'train'.*Train/"):
        load(folder)


def test_the_error_for_no_picture_says_what_was_left_out(tmp_path):
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4")
    with pytest.raises(ValueError, match="has none. Left out, as no pictures: a.pdf"):
        load(tmp_path)


# Pillow opens these, and then runs a program on the file, or cannot decode it.
@pytest.mark.parametrize(
    "content",
    [
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n",
        b"\x89HDF\r\n\x1a\n" + bytes(100),
        b"GRIB\0\0\0\1" + bytes(100),
        b"BUFR" + bytes(100),
        b"\0\0\1\xb3\x14\0\xf0\x13" + bytes(100),
    ],
    ids=["eps", "hdf5", "grib", "bufr", "mpeg"],
)
def test_kinds_that_are_never_decoded(folder, content):
    (folder / "train" / "other").write_bytes(content)
    with pytest.warns(UserWarning, match="as no pictures: other"):
        assert count(folder) == 2
    (folder / "train" / "other").rename(folder / "train" / "other.jpg")
    with pytest.raises(ValueError, match=r"other\.jpg \(no picture of a kind"):
        load(folder)


@pytest.mark.parametrize("cache", [True, False])
def test_all_pictures_are_looked_at_before_training(folder, cache):
    # More than a sample: the colours of one of many pictures, and all broken ones.
    for i in range(2, 90):
        saved(folder, f"train/{i}.png", RAMP)
    saved(folder, "train/7.png", COLOURS)
    first = next(iter(load(folder, batch_size=90, cache=cache)))
    assert first.shape == (90, 8, 8, 3)
    saved(folder, "train/7.png", RAMP[:6])
    with pytest.raises(ValueError, match=r"crop=7, in .*7\.png"):
        load(folder, crop=7, cache=cache)
    for i in (3, 8):
        pathlib.Path(folder / "train" / f"{i}.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"decoded; received: .*3\.png.*8\.png"):
        load(folder, cache=cache)


def test_a_picture_that_breaks_later_is_named(folder):
    data = load(folder, batch_size=2, cache=False)
    path = folder / "train" / "1.png"
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(Exception, match=r"decoded; received: .*1\.png"):
        everything(data)


def test_sides_are_those_of_the_picture_as_it_is_turned(folder):
    exif = PIL.Image.Exif()
    for turn in range(1, 9):
        exif[0x0112] = turn
        for name in ("a.png", "a.jpg", "a.webp", "a.tiff"):
            path = saved(folder, name, COLOURS[:4], exif=exif)
            header = picture_files.header(path)
            sides = (header.height, header.width)
            assert sides == picture_files.pixels(path, 3).shape[:2], (turn, name)
            assert sides == ((8, 4) if turn > 4 else (4, 8))


def test_a_bomb_is_a_picture_that_is_too_large(folder, monkeypatch):
    os.rename(folder / "train" / "0.png", folder / "train" / "0")
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 20)
    with pytest.raises(ValueError, match=r"train/0 \(Image size.*raise PIL\.Image\.MA"):
        load(folder)
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 100)
    assert count(folder) == 2


def test_pictures_that_fit_into_no_memory(folder):
    with pytest.raises(ValueError, match="GB of memory; received: .*Give cache=False"):
        load(folder, size=50_000_000)


def test_grey_of_16_bits_with_a_transparent_level(tmp_path):
    values = RAMP.astype(np.uint16) * 257
    path = saved(tmp_path, "a.png", values, transparency=int(values[0, 1]))
    found = picture_files.pixels(path, 1)[..., 0]
    np.testing.assert_array_equal(found, np.where(RAMP == RAMP[0, 1], 255, RAMP))


def test_integers_of_32_bits_have_no_known_range(tmp_path):
    saved(tmp_path, "train/a.tiff", RAMP.astype(np.int32))
    for cache in (True, False):
        with pytest.raises(ValueError, match=r"a\.tiff \(integers of 32 bits"):
            load(tmp_path, batch_size=1, cache=cache)
