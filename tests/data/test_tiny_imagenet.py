"""TinyImageNet from an original of a few pictures, in its publisher's layout."""

import functools
import hashlib
import http.server
import pathlib
import shutil
import threading

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from keras_svae.data import fetching, load, tiny_imagenet
from tests.data.reading import everything, pairs

WNIDS = [f"n{i:08}" for i in range(200)]
FOLDER = "tiny-imagenet-200"

pytestmark = pytest.mark.filterwarnings("ignore:Expected as many pictures as")


def write(path, brightness, grey=False):
    """A picture that is known by its mean, which JPEG keeps to a level or two."""
    path.parent.mkdir(parents=True, exist_ok=True)
    size = (64, 64)
    colour = brightness if grey else (brightness, brightness, 255 - brightness)
    Image.new("L" if grey else "RGB", size, colour).save(path, "JPEG", quality=95)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """The unpacked folder: classes by brightness, 10 to 13, 60 to 63 and 110 to 113."""
    root = tmp_path_factory.mktemp("manual") / FOLDER
    for i, wnid in enumerate(WNIDS[:3]):
        for k in range(4):
            path = root / "train" / wnid / "images" / f"{wnid}_{k}.JPEG"
            write(path, 10 + 50 * i + k, grey=k == 1)
        (root / "train" / wnid / f"{wnid}_boxes.txt").write_text("no picture\n")
    # Neither in the order of the classes nor of the files.
    listed = [(3, 1), (0, 2), (4, 0), (1, 2), (2, 1)]
    for k, i in listed:
        write(root / "val" / "images" / f"val_{k}.JPEG", 10 + 50 * i)
    (root / "val" / "val_annotations.txt").write_text(
        "".join(f"val_{k}.JPEG\t{WNIDS[i]}\t0\t0\t63\t63\n" for k, i in listed)
    )
    for k in range(2):
        write(root / "test" / "images" / f"test_{k}.JPEG", 200)
    # The published list is not in alphabetical order either.
    (root / "wnids.txt").write_text("\n".join(reversed(WNIDS)))
    (root / "words.txt").write_text(f"{WNIDS[0]}\tgoldfish, Carassius auratus\n")
    return root


@pytest.fixture(scope="module")
def zipped(original, tmp_path_factory):
    base = tmp_path_factory.mktemp("zipped") / FOLDER
    return shutil.make_archive(base, "zip", original.parent, FOLDER)


@pytest.fixture
def known_zip(zipped, monkeypatch):
    """A folder with the zip, whose checksum is taken for the published one."""
    with open(zipped, "rb") as file:
        digest = hashlib.file_digest(file, "md5").hexdigest()
    monkeypatch.setattr(tiny_imagenet.TinyImagenet, "MD5", digest)
    return pathlib.Path(zipped).parent


def check(name, split, count, **place):
    """That a split's labels are what its pictures' brightness says."""
    data = load(name, split, 1, labels=True, **place)
    x, y = pairs(data)
    assert x.shape == (count, 64, 64, 3)
    brightness = np.round(255 * x[..., 0].mean((1, 2)))
    np.testing.assert_array_equal(y, (brightness // 50).astype(int))
    return x, y


def test_zip(known_zip, tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "reachable", lambda url: pytest.fail("asked"))
    place = {"data_dir": tmp_path, "manual_dir": known_zip}
    x, y = check("tiny_imagenet", "train", 12, **place)
    assert list(np.bincount(y)) == [4, 4, 4]
    grey = (np.ptp(x, axis=-1) == 0).all((1, 2))
    assert grey.sum() == 3
    _, y = check("tiny_imagenet", "validation", 5, **place)
    assert list(np.bincount(y)) == [1, 2, 2]
    # Prepared now, and for TFDS itself as well.
    builder = tfds.builder("tiny_imagenet", data_dir=tmp_path)
    assert builder.info.features["label"].names == WNIDS
    one = next(iter(builder.as_dataset(split="validation")))
    assert one["image"].shape == (64, 64, 3)
    assert one["file_name"].numpy().startswith(b"val_")


def test_the_unlabelled_test_split(original, tmp_path):
    place = {"data_dir": tmp_path, "manual_dir": original.parent}
    x = everything(load("tiny_imagenet", "test", labels=None, **place))
    assert x.shape == (2, 64, 64, 3) and x[..., 0].mean() * 255 == pytest.approx(
        200, 0.02
    )
    with pytest.raises(ValueError, match="Expected data with a class for each"):
        load("tiny_imagenet", "test", labels=True, **place)


def test_unpacked_folders(original, tmp_path):
    """In manual_dir, as manual_dir, and as a folder of pictures: all the same."""
    for place, name in (
        ({"manual_dir": original.parent, "data_dir": tmp_path / "in"}, "tiny_imagenet"),
        ({"manual_dir": original, "data_dir": tmp_path / "as"}, "tiny_imagenet"),
        ({}, original),
    ):
        check(name, "train", 12, **place)
        check(name, "validation", 5, **place)
    with pytest.raises(ValueError, match="Expected data with a class for each"):
        load(original, "test", labels=True)


def test_a_part_is_warned_of(original, tmp_path):
    place = {"data_dir": tmp_path, "manual_dir": original.parent}
    with pytest.warns(UserWarning, match="'train': 12, 'validation': 5, 'test': 2"):
        load("tiny_imagenet", "validation", **place)


def test_download(known_zip, tmp_path, monkeypatch):
    handler = functools.partial(_Silent, directory=known_zip)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/{FOLDER}.zip"
    monkeypatch.setattr(tiny_imagenet, "_URL", url)
    monkeypatch.setattr(tiny_imagenet.TinyImagenet, "PUBLISHED", {url: f"{FOLDER}.zip"})
    try:
        check("tiny_imagenet", "validation", 5, data_dir=tmp_path)
    finally:
        server.shutdown()
        server.server_close()


class _Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def test_another_zip(zipped, tmp_path):
    folder = pathlib.Path(zipped).parent
    message = f"Expected the original {FOLDER}.zip, with MD5 90528d7c.*; received: "
    with pytest.raises(ValueError, match=message):
        load("tiny_imagenet", data_dir=tmp_path, manual_dir=folder)


def test_absent(tmp_path):
    message = f"Expected the data set 'tiny_imagenet' prepared.*: {FOLDER}.zip. Fetch"
    (tmp_path / "manual").mkdir()
    with pytest.raises(FileNotFoundError, match=message):
        load(
            "tiny_imagenet",
            data_dir=tmp_path,
            manual_dir=tmp_path / "manual",
            download=False,
        )


@pytest.mark.parametrize(
    "file, content, message",
    [
        ("val/val_annotations.txt", None, "as it was published, with val/val_ann"),
        (
            "val/val_annotations.txt",
            f"val_0.JPEG\t{WNIDS[0]}\t0\t0\t63\t63\n",
            r"none for val_1.JPEG \(4 of 5\)",
        ),
        ("wnids.txt", "\n".join(WNIDS[1:]), "200 classes in wnids.txt; received: 199"),
        (
            "wnids.txt",
            "\n".join([*WNIDS[1:], "n9"]),
            r"in wnids.txt; received: \['n00000000'\] in split 'train'",
        ),
    ],
)
def test_another_layout(original, tmp_path, file, content, message):
    copy = tmp_path / "manual" / FOLDER
    shutil.copytree(original, copy)
    (copy / file).unlink()
    if content:
        (copy / file).write_text(content)
    with pytest.raises(ValueError, match=message):
        load("tiny_imagenet", data_dir=tmp_path, manual_dir=copy.parent)


def test_a_folder_with_an_incomplete_list(original, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(original, copy)
    (copy / "val" / "val_annotations.txt").write_text(f"val_0.JPEG {WNIDS[0]}\n")
    with pytest.raises(ValueError, match="Expected a class for each .* none for val_1"):
        load(copy)
