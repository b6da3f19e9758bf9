"""A trained model, or a SavedModel of one, as the functions that measures take."""

import json
import os
import pathlib
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf

from keras_svae import distributions
from keras_svae.evaluation.streams import Stream, batches

__all__ = ["Subject"]

# Examples that pass through the networks at once.
BATCH = 250


class Subject:
    """What can be asked of a trained model, by the names of its endpoints.

    A model of this package and a SavedModel of it answer alike, in batches, so that
    nothing grows with the number of examples.

    Args:
        endpoints: Functions by name, as `model.endpoints()` has them and a SavedModel
            offers them.
        about: What the endpoint `about` tells: see `LatentModel.about`.

    Attributes:
        about: As given.
        latent_dim: The code's dimension.
        data_shape: Of one example.
        range: Where data lie, (low, high), or None for anywhere.
    """

    def __init__(self, endpoints: dict[str, Callable], about: dict):
        self._endpoints, self.about = endpoints, about
        self.latent_dim: int = about["latent_dim"]
        self.data_shape = tuple(about["data_shape"])
        self.range = about["range"] and tuple(about["range"])

    @classmethod
    def of(cls, source: "Subject | keras.Model | str | os.PathLike") -> "Subject":
        """From a model, a `.keras` file, a SavedModel, or a run's folder.

        Raises:
            FileNotFoundError: If there is no such file or folder.
            ValueError: If what is there is none of these, or of another package.
        """
        if isinstance(source, Subject):
            return source
        if isinstance(source, (str, os.PathLike)):
            path = pathlib.Path(source)
            if not path.exists():
                raise FileNotFoundError(
                    "Expected a .keras file, a SavedModel or a run's folder; received: "
                    f"{path}, which is not there"
                )
            if path.is_dir():
                return cls._loaded(path)
            if path.suffix != ".keras":
                raise ValueError(
                    "Expected a .keras file, a SavedModel or a run's folder; received: "
                    f"{path}"
                )
            source = keras.saving.load_model(path)
        if not hasattr(source, "endpoints") or not hasattr(source, "about"):
            raise ValueError(
                "Expected a model of keras_svae with a latent code; received: "
                f"{type(source).__name__}"
            )
        functions = {
            name: tf.function(function, input_signature=signature)
            for name, (function, signature) in source.endpoints().items()
        }
        # As a SavedModel would tell it.
        return cls(functions, json.loads(json.dumps(source.about())))

    @classmethod
    def _loaded(cls, path: pathlib.Path) -> "Subject":
        places = (path, path / "savedmodel")
        found = [p for p in places if (p / "saved_model.pb").is_file()]
        if not found:
            raise ValueError(
                "Expected a SavedModel, or a run's folder with one in savedmodel/; "
                f"received: {path}, which holds neither (an unfinished run?)"
            )
        loaded = tf.saved_model.load(found[0])
        if "about" not in loaded.signatures:
            raise ValueError(
                "Expected a SavedModel that this version of keras_svae exported, with "
                f"the endpoint 'about'; received: {found[0]} with "
                f"{sorted(loaded.signatures)}"
            )
        names = set(loaded.signatures) - {"serving_default"}
        about = json.loads(loaded.about()["about"].numpy())
        made = cls({name: getattr(loaded, name) for name in names}, about)
        # Its functions hold its variables weakly.
        made._loaded_model = loaded
        return made

    def offers(self, *names: str) -> bool:
        """Whether there are endpoints of all these names."""
        return all(name in self._endpoints for name in names)

    def __call__(self, name: str, *arguments) -> dict[str, tf.Tensor]:
        """What an endpoint gives.

        Raises:
            ValueError: If there is none of this name.
        """
        if name not in self._endpoints:
            raise ValueError(
                f"Expected a model that offers {name!r}; received: "
                f"{self.about['method']}, which offers {sorted(self._endpoints)}"
            )
        return self._endpoints[name](*arguments)

    @property
    def prior(self):
        """p(z), a TFP distribution of codes (latent_dim,)."""
        return distributions.prior(self.about["prior"], self.latent_dim)

    def check(self, x: np.ndarray) -> None:
        """Raises a ValueError on data that are not of the model's shape and range."""
        if x.shape[1:] != self.data_shape:
            raise ValueError(
                f"Expected data (batch, {', '.join(map(str, self.data_shape))}); "
                f"received: shape {x.shape}"
            )
        if self.range and (x.min() < self.range[0] or x.max() > self.range[1]):
            low, high = self.range
            raise ValueError(
                f"Expected data in [{low:g}, {high:g}], the model's range; received: "
                f"values from {x.min():g} to {x.max():g}"
            )

    def generate(self, n: int, seed: int = 0) -> Iterator[np.ndarray]:
        """Batches of n samples x ~ p(x), and by the way of what `generate` draws."""
        for x, _ in self.generate_pairs(n, seed):
            yield x

    def generate_pairs(self, n: int, seed: int = 0) -> Iterator[tuple]:
        """Batches of n pairs (x, z) of the decoder's joint law."""
        for i, start in enumerate(range(0, n, BATCH)):
            size = min(BATCH, n - start)
            made = self("generate", tf.constant(size), _seed(seed, i))
            yield made["x"].numpy(), made["z"].numpy()

    def encode(self, data: Stream, seed: int = 0) -> Iterator[np.ndarray]:
        """Batches of one draw z ~ q(z|x) for each example."""
        return self._each(data, lambda x, s: self("encode", x, s)["z"], seed)

    def codes(self, data: Stream, seed: int = 0) -> Iterator[np.ndarray]:
        """Batches of the mean of q(z|x), or of a draw where there is no mean."""
        if not self.offers("posterior"):
            return self.encode(data, seed)
        return self._each(data, lambda x, s: self("posterior", x, s)["mean"], seed)

    def reconstruct(self, data: Stream, seed: int = 0) -> Iterator[np.ndarray]:
        """Batches of reconstructions, through the posterior's mean where it has one."""
        return self._each(data, lambda x, s: self("reconstruct", x, s)["x"], seed)

    def _each(self, data, function, seed) -> Iterator[np.ndarray]:
        for i, x in enumerate(batches(data, BATCH)):
            self.check(x)
            x = tf.constant(x, tf.float32)
            yield function(x, _seed(seed, i)).numpy()

    def log_likelihood(self, x: tf.Tensor, z: tf.Tensor) -> tf.Tensor:
        """log p(x|z), (batch,), nats; with a gradient."""
        return self("log_likelihood", x, z, tf.constant(0))["log_likelihood"]


def _seed(seed: int, index: int) -> tf.Tensor:
    """The index-th batch's seed; neighbouring seeds share none."""
    state = np.random.SeedSequence([seed, index]).generate_state(1)[0]
    return tf.constant(int(state) & 0x7FFFFFFF)
