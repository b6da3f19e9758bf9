"""The original files of TensorFlow Datasets: at hand, wrong, or out of reach."""

import dataclasses
import functools
import http.server
import json
import threading
import time

import pytest

from keras_svae.data import fetching, load
from tests.data.reading import everything
from tests.data.tiny_builders import ORIGINAL, URLS, TinyPublished


@pytest.fixture
def manual(tmp_path):
    folder = tmp_path / "manual"
    folder.mkdir()
    (folder / "tiny_pictures.npy").write_bytes(ORIGINAL)
    return folder


def test_a_crop_outside_is_noticed_before_downloading(place):
    with pytest.raises(ValueError, match="inside pictures 5 wide and 6 high"):
        load("tiny_published", crop=9, **place)


def test_no_network_is_noticed_soon_and_says_what_to_do(place):
    before = time.monotonic()
    message = (
        "Expected the data set 'tiny_published' prepared in data_dir .*data, or its "
        "original files in manual_dir .*or a network.*no answer from data.invalid. "
        "Missing files: tiny_pictures.npy. .*manual_dir=.*data_dir="
    )
    with pytest.raises(FileNotFoundError, match=message):
        load("tiny_published", batch_size=1, **place)
    assert time.monotonic() - before < 30  # TFDS alone: 200 seconds


def test_download_false_never_asks_the_network(place, monkeypatch):
    monkeypatch.setattr(fetching, "reachable", lambda url: pytest.fail("asked"))
    with pytest.raises(
        FileNotFoundError, match="received: download=False. Missing fil"
    ):
        load("tiny_published", batch_size=1, download=False, **place)


def test_download_false_with_an_address_that_has_no_checksum(place):
    with pytest.raises(FileNotFoundError, match="received: download=False"):
        load("tiny_unlisted", batch_size=1, download=False, **place)


def test_a_part_of_the_files_is_enough_for_one_configuration(place, tmp_path):
    folder = tmp_path / "part"
    folder.mkdir()
    (folder / "tiny_pictures.npy").write_bytes(ORIGINAL)
    given = {"manual_dir": folder, "download": False, **place}
    x = everything(load("tiny_sizes/own", batch_size=20, **given))
    assert x.shape == (20, 6, 5, 3)
    with pytest.raises(FileNotFoundError, match="download=False. Missing .*other.npy"):
        load("tiny_sizes/other", batch_size=1, **given)


def test_a_file_that_tfds_has_downloaded_before_is_taken(place, tmp_path, monkeypatch):
    """Preparation was interrupted, and the network is gone since."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    host = tmp_path / "host"
    host.mkdir()
    (host / "tiny_pictures.npy").write_bytes(ORIGINAL)
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0),
        functools.partial(http.server.SimpleHTTPRequestHandler, directory=host),
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}/tiny_pictures.npy"
    monkeypatch.setattr(TinyPublished, "ADDRESS", address)
    monkeypatch.setitem(URLS, address, URLS["http://data.invalid/tiny_pictures.npy"])
    prepare = TinyPublished._generate_examples
    monkeypatch.setattr(TinyPublished, "_generate_examples", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load("tiny_published", batch_size=1, **place)
    server.shutdown()
    server.server_close()
    monkeypatch.setattr(TinyPublished, "_generate_examples", prepare)
    x = everything(load("tiny_published", batch_size=20, download=False, **place))
    assert x.shape == (20, 6, 5, 3)


def test_only_notes_of_tfds_say_that_a_file_is_there(tmp_path):
    """Others may keep files ending in .INFO there, too."""
    url, info = (
        "http://data.invalid/a",
        dataclasses.make_dataclass("Info", ["checksum"]),
    )
    note = {"urls": [url], "url_info": {"checksum": "12"}}
    folder = tmp_path / "downloads"
    (folder / "extracted" / "b").mkdir(parents=True)
    for name, text in (
        ("notes", "not JSON"),
        ("list", "[1, 2]"),
        ("empty", "{}"),
        ("extracted/b/a", json.dumps(note)),
    ):
        (folder / name).touch()
        (folder / f"{name}.INFO").write_text(text)
    (folder / "gone.INFO").write_text(json.dumps(note))  # its file was removed
    assert fetching.downloaded(str(folder), {}) == set()
    (folder / "a").touch()
    (folder / "a.INFO").write_text(json.dumps(note))
    assert fetching.downloaded(str(folder), {}) == {url}
    assert fetching.downloaded(str(folder), {url: info("12")}) == {url}
    assert fetching.downloaded(str(folder), {url: info("13")}) == set()


def interrupted(self, *unused):
    raise KeyboardInterrupt
    yield


def test_a_file_whose_name_tfds_does_not_know_is_not_downloaded(place, manual):
    """TFDS would look into manual_dir for none such, and fetch it."""
    known = URLS[TinyPublished.ADDRESS]
    URLS[TinyPublished.ADDRESS] = dataclasses.replace(known, filename=None)
    try:
        with pytest.raises(FileNotFoundError, match="received: download=False"):
            load(
                "tiny_published",
                batch_size=1,
                manual_dir=manual,
                download=False,
                **place,
            )
    finally:
        URLS[TinyPublished.ADDRESS] = known


def test_files_at_hand_need_no_network(place, manual, monkeypatch):
    monkeypatch.setattr(fetching, "reachable", lambda url: pytest.fail("asked"))
    x = everything(load("tiny_published", batch_size=20, manual_dir=manual, **place))
    assert x.shape == (20, 6, 5, 3)
    (manual / "tiny_pictures.npy").unlink()
    assert len(everything(load("tiny_published", "test", **place))) == 8


def test_a_wrong_checksum_names_the_file(place, manual):
    (manual / "tiny_pictures.npy").write_bytes(ORIGINAL[:-1] + b"\0")
    message = (
        "Expected the original files of 'tiny_published'.*received: "
        ".*tiny_pictures.npy with sha256 [0-9a-f]{64} instead of [0-9a-f]{64}"
    )
    with pytest.raises(ValueError, match=message):
        load("tiny_published", batch_size=1, manual_dir=manual, **place)


def test_a_wrong_checksum_of_mnist(place, tmp_path):
    for kind in (
        "train-images-idx3",
        "train-labels-idx1",
        "t10k-images-idx3",
        "t10k-labels-idx1",
    ):
        (tmp_path / f"{kind}-ubyte.gz").write_bytes(b"not MNIST")
    with pytest.raises(
        ValueError, match="train-images-idx3-ubyte.gz with sha256 .* instead"
    ):
        load("mnist", manual_dir=tmp_path, **place)


def test_manual_dir_that_is_none(place, tmp_path):
    with pytest.raises(FileNotFoundError, match="Expected manual_dir to be a folder"):
        load("tiny_published", manual_dir=tmp_path / "absent", **place)


def test_what_must_be_fetched_by_hand(place):
    with pytest.raises(FileNotFoundError, match="(?s)by hand.*img_train.tar"):
        load("imagenet2012", size=64, download=False, **place)
