"""A trained model, or a SavedModel of one, as the functions that measures take."""

import json
import os
import pathlib
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from keras_svae import distributions
from keras_svae.evaluation.streams import Stream, batches

__all__ = ["Subject"]

tfd = tfp.distributions

# Examples that pass through the networks at once.
BATCH = 250
# Posteriors that the endpoint `posterior` tells all of: mean and standard deviation.
FAMILIES = {"Gaussian": tfd.Normal}


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

    def posterior(self, x: tf.Tensor):
        """q(z|x), with `sample(n, seed)` and `log_prob(z)`."""
        family = FAMILIES.get(self.about["posterior"])
        if family is None:
            return _Asked(self, x)
        found = self("posterior", x, tf.constant(0))
        return tfd.Independent(family(found["mean"], found["scale"]), 1)

    def log_ratios(self, data: Stream, seed: int = 0) -> Iterator[np.ndarray]:
        """Batches of the critic's log ratio on data, paired with draws of q(z|x)."""
        codes = self.encode(data, seed) if self._of_pairs else None
        for x in batches(data, BATCH):
            self.check(x)
            yield self._log_ratio(x, next(codes) if codes else None)

    def model_log_ratios(self, n: int, seed: int = 0) -> Iterator[np.ndarray]:
        """Batches of the critic's log ratio on n samples of the model's law."""
        for x, z in self.generate_pairs(n, seed):
            yield self._log_ratio(x, z)

    @property
    def _of_pairs(self) -> bool:
        return "z" in self.about["log_ratio"]["reads"]

    def _log_ratio(self, x, z) -> np.ndarray:
        given = [x, z] if self._of_pairs else [x]
        given = [tf.constant(one, tf.float32) for one in given]
        return self("log_ratio", *given)["log_ratio"].numpy()


class _Asked:
    """A posterior that is asked through the endpoints, whatever its law."""

    def __init__(self, subject: Subject, x: tf.Tensor):
        self._subject, self._x = subject, x

    def sample(self, n, seed: tf.Tensor) -> tf.Tensor:
        """(n, batch, latent_dim); an int32 (2,) seed."""
        key = tf.bitwise.bitwise_and(seed[0] ^ seed[1], 0x7FFFFFFF)
        z = self._subject("encode", self._repeated(n), key)["z"]
        return tf.reshape(z, [n, -1, self._subject.latent_dim])

    def log_prob(self, z: tf.Tensor) -> tf.Tensor:
        """(n, batch), nats, of codes (n, batch, latent_dim)."""
        n = tf.shape(z)[0]
        flat = tf.reshape(z, [-1, self._subject.latent_dim])
        found = self._subject("log_posterior", self._repeated(n), flat, tf.constant(0))
        return tf.reshape(found["log_posterior"], tf.shape(z)[:2])

    def _repeated(self, n) -> tf.Tensor:
        return tf.tile(self._x, [n] + [1] * (self._x.shape.rank - 1))


def _seed(seed: int, index: int) -> tf.Tensor:
    """The index-th batch's seed; neighbouring seeds share none."""
    state = np.random.SeedSequence([seed, index]).generate_state(1)[0]
    return tf.constant(int(state) & 0x7FFFFFFF)
