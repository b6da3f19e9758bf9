"""Tiny data sets of our own in TensorFlow Datasets: nothing here needs a network."""

import hashlib
import io

import numpy as np
import tensorflow_datasets as tfds

rng = np.random.default_rng(0)
PIXELS = rng.integers(0, 256, (28, 6, 5, 3), np.uint8)
URLS = {}


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
    url_infos = URLS

    def _split_generators(self, dl_manager):
        self.pixels = np.load(dl_manager.download(self.ADDRESS))
        return super()._split_generators(dl_manager)

    def example(self, i):
        return {"image": self.pixels[i], "label": 0}


buffer = io.BytesIO()
np.save(buffer, PIXELS)
ORIGINAL = buffer.getvalue()
URLS[TinyPublished.ADDRESS] = tfds.core.download.checksums.UrlInfo(
    size=tfds.core.utils.Size(len(ORIGINAL)),
    checksum=hashlib.sha256(ORIGINAL).hexdigest(),
    filename="tiny_pictures.npy",
)
_OF_SIZES = dict(URLS)
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
