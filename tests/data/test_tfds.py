"""TensorFlow Datasets with tiny data sets of our own: nothing here needs a network."""

import dataclasses
import functools
import hashlib
import http.server
import io
import threading
import time

import numpy as np
import pytest
import tensorflow_datasets as tfds

from keras_svae.data import load
from keras_svae.data import tfds as ours
from tests.data.reading import batches, everything, pairs

rng = np.random.default_rng(0)
PIXELS = rng.integers(0, 256, (28, 6, 5, 3), np.uint8)
_URLS = {}


class Tiny(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.0.0")
    FEATURES = {
        "image": tfds.features.Image(shape=(6, 5, 3)),
        "label": tfds.features.ClassLabel(num_classes=4),
    }

    def _info(self):
        features = tfds.features.FeaturesDict(self.FEATURES)
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, dl_manager):
        return {
            "train": self._generate_examples(0, 20),
            "test": self._generate_examples(20, 28),
        }

    def _generate_examples(self, low, high):
        for i in range(low, high):
            yield i, self.example(i)

    def example(self, i):
        return {"image": PIXELS[i], "label": i % 4}


class TinyRagged(Tiny):
    VERSION = tfds.core.Version("1.0.0")
    FEATURES = {"picture": tfds.features.Image(shape=(None, None, 3))}

    def example(self, i):
        return {"picture": PIXELS[i][: 4 + i % 2]}


class TinyWords(Tiny):
    VERSION = tfds.core.Version("1.0.0")
    FEATURES = {"text": tfds.features.Text()}


class TinyPublished(Tiny):
    """One that has to be fetched, from an address that no network has."""

    VERSION = tfds.core.Version("1.0.0")
    ADDRESS = "http://data.invalid/tiny_pictures.npy"
    url_infos = _URLS

    def _split_generators(self, dl_manager):
        self.pixels = np.load(dl_manager.download(self.ADDRESS))
        return super()._split_generators(dl_manager)

    def example(self, i):
        return {"image": self.pixels[i], "label": 0}


buffer = io.BytesIO()
np.save(buffer, PIXELS)
ORIGINAL = buffer.getvalue()
_URLS[TinyPublished.ADDRESS] = tfds.core.download.checksums.UrlInfo(
    size=tfds.core.utils.Size(len(ORIGINAL)),
    checksum=hashlib.sha256(ORIGINAL).hexdigest(),
    filename="tiny_pictures.npy",
)


_OF_SIZES = dict(_URLS)
_OF_SIZES["http://data.invalid/other.npy"] = tfds.core.download.checksums.UrlInfo(
    size=tfds.core.utils.Size(1), checksum="0" * 64, filename="other.npy"
)


class TinyUnlisted(TinyPublished):
    """One whose address has no checksum."""

    ADDRESS = "http://data.invalid/unlisted.npy"
    url_infos = {}


class TinySizes(TinyPublished):
    """One whose configurations have files of their own."""

    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(name=name, version=tfds.core.Version("1.0.0"))
        for name in ("own", "other")
    ]
    url_infos = _OF_SIZES

    def _split_generators(self, dl_manager):
        if self.builder_config.name == "other":
            dl_manager.download("http://data.invalid/other.npy")
        return super()._split_generators(dl_manager)


@pytest.fixture
def place(tmp_path):
    return {"data_dir": tmp_path / "data"}


@pytest.fixture
def manual(tmp_path):
    folder = tmp_path / "manual"
    folder.mkdir()
    (folder / "tiny_pictures.npy").write_bytes(ORIGINAL)
    return folder


def test_splits_labels_and_pixels(place):
    x, y = pairs(load("tiny", batch_size=1, labels=True, **place))
    owner = {(p / np.float32(255)).tobytes(): i for i, p in enumerate(PIXELS)}
    rows = [owner[image.tobytes()] for image in x]
    assert sorted(rows) == list(range(20))
    np.testing.assert_array_equal(np.array(rows) % 4, y)
    test = everything(load("tiny", "test", **place))
    assert sorted(owner[image.tobytes()] for image in test) == list(range(20, 28))
    half = everything(load("tiny", "validation", validation=0.5, **place))
    rest = everything(load("tiny", batch_size=1, validation=0.5, **place))
    rows = {owner[image.tobytes()] for image in np.concatenate([half, rest])}
    assert rows == set(range(20)) and len(half) == 10


def test_unknown_split_and_missing_validation(place):
    with pytest.raises(ValueError, match=r"one of \['train', 'test'\], or validation"):
        load("tiny", "extra", **place)
    with pytest.raises(ValueError, match="Expected validation=<share"):
        load("tiny", "validation", **place)


def test_order_is_resumable(place):
    whole = batches(load("tiny", batch_size=6, start=0, **place), 8)
    np.testing.assert_array_equal(
        batches(load("tiny", batch_size=6, start=4, **place), 4), whole[4:]
    )


def test_pictures_of_differing_sizes(place):
    with pytest.raises(ValueError, match="Expected pictures of one size.*example"):
        load("tiny_ragged", batch_size=1, **place)
    assert everything(load("tiny_ragged", batch_size=20, size=4, **place)).shape == (
        20,
        4,
        4,
        3,
    )
    with pytest.raises(ValueError, match="Expected data with a class.*'tiny_ragged'"):
        load("tiny_ragged", batch_size=1, size=4, labels=True, **place)


def test_data_that_are_no_images(place):
    with pytest.raises(
        ValueError,
        match=r"Expected a data set of images.*'tiny_words', which has \['text'\]",
    ):
        load("tiny_words", **place)


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
    monkeypatch.setattr(ours, "_reachable", lambda url: pytest.fail("asked"))
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
    monkeypatch.setitem(_URLS, address, _URLS["http://data.invalid/tiny_pictures.npy"])
    prepare = TinyPublished._generate_examples
    monkeypatch.setattr(TinyPublished, "_generate_examples", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load("tiny_published", batch_size=1, **place)
    server.shutdown()
    server.server_close()
    monkeypatch.setattr(TinyPublished, "_generate_examples", prepare)
    x = everything(load("tiny_published", batch_size=20, download=False, **place))
    assert x.shape == (20, 6, 5, 3)


def interrupted(self, *unused):
    raise KeyboardInterrupt
    yield


def test_a_file_whose_name_tfds_does_not_know_is_not_downloaded(place, manual):
    """TFDS would look into manual_dir for none such, and fetch it."""
    known = _URLS[TinyPublished.ADDRESS]
    _URLS[TinyPublished.ADDRESS] = dataclasses.replace(known, filename=None)
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
        _URLS[TinyPublished.ADDRESS] = known


def test_files_at_hand_need_no_network(place, manual, monkeypatch):
    monkeypatch.setattr(ours, "_reachable", lambda url: pytest.fail("asked"))
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


@pytest.mark.parametrize(
    "name, near",
    [
        ("mnistt", "'mnist'"),
        ("cifar-10", "'cifar10'"),
        ("Toy 5", "'toy5'"),
        ("fashion mnist", "'fashion_mnist'"),
        ("digit", "'digits'"),
    ],
)
def test_unknown_names_are_answered_with_near_ones(name, near, place):
    with pytest.raises(ValueError, match=f"received: '{name}'.*Did you mean .*{near}"):
        load(name, **place)


def test_a_name_like_no_other(place):
    with pytest.raises(ValueError, match=r"'qqqqzzzz', which is none of these\.$"):
        load("qqqqzzzz", **place)
    with pytest.raises(ValueError, match="'some/where/else'.* no such file"):
        load("some/where/else", **place)


def test_a_wrong_configuration_is_not_an_unknown_name(place):
    with pytest.raises(ValueError, match="nope"):
        load("cycle_gan/nope", **place)
