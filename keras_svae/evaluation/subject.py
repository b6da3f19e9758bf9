"""A trained model, or a SavedModel of one, as the functions that measures take."""

import json
import math
import os
import pathlib
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from keras_svae import distributions
from keras_svae.distributions import drawn
from keras_svae.evaluation.labelled import has_labels, joined, parted, rows
from keras_svae.evaluation.streams import Stream, batches
from keras_svae.noise import check_seed

__all__ = ["Subject"]

tfd = tfp.distributions

# Examples that pass through the networks at once.
BATCH = 250
# Posteriors that the endpoint `posterior` tells all of: mean and standard deviation.
FAMILIES = {"Gaussian": drawn.Normal}


class Subject:
    """What can be asked of a trained model, by the names of its endpoints.

    A model of this package and a SavedModel of it answer alike, in batches, so that
    nothing grows with the number of examples.

    A conditional model is asked for samples of all classes in turn; of data it is told
    the classes, as (x, y), a pair of arrays or a `tf.data.Dataset` of pairs.

    Args:
        endpoints: Functions by name, as `model.endpoints()` has them and a SavedModel
            offers them.
        about: What the endpoint `about` tells: see `LatentModel.about`.

    Attributes:
        about: As given.
        latent_dim: The code's dimension.
        data_shape: Of one example.
        classes: How many classes a conditional model has; None for any other.
        range: Where data lie, (low, high), or None for anywhere.
    """

    def __init__(self, endpoints: dict[str, Callable], about: dict):
        self._endpoints, self.about = endpoints, about
        self.latent_dim: int = about["latent_dim"]
        self.data_shape = tuple(about["data_shape"])
        self.classes: int | None = about.get("classes")
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
        categories = self.about.get("categories", 0)
        return distributions.prior(self.about["prior"], self.latent_dim, categories)

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
            given = [tf.constant(min(BATCH, n - start))]
            if self.classes is not None:
                given.append(tf.constant(self.classes_of(n)[start : start + BATCH]))
            made = self("generate", *given, _seed(seed, i))
            yield made["x"].numpy(), made["z"].numpy()

    def classes_of(self, n: int) -> np.ndarray:
        """The classes of n samples of a conditional model, 0, 1, ... in turn."""
        return np.arange(n) % self.classes

    def generate_examples(self, n: int, seed: int = 0) -> Iterator[np.ndarray]:
        """Batches of n samples as `encode` and the like read examples."""
        for start, x in zip(range(0, n, BATCH), self.generate(n, seed), strict=True):
            yield self._with_class(x, start)

    def _with_class(self, x: np.ndarray, start: int) -> np.ndarray:
        if self.classes is None:
            return x
        return joined(x, self.classes_of(start + len(x))[start:]).numpy()

    def encode(self, data: Stream, seed: int = 0) -> Iterator[np.ndarray]:
        """Batches of one draw z ~ q(z|x) for each example."""
        return self._each(data, "encode", "z", seed)

    def codes(self, data: Stream, seed: int = 0) -> Iterator[np.ndarray]:
        """Batches of the mean of q(z|x), or of a draw where there is no mean."""
        if not self.offers("posterior"):
            return self.encode(data, seed)
        return self._each(data, "posterior", "mean", seed)

    def reconstruct(self, data: Stream, seed: int = 0) -> Iterator[np.ndarray]:
        """Batches of reconstructions, through the posterior's mean where it has one."""
        return self._each(data, "reconstruct", "x", seed)

    def classify(self, data: Stream) -> Iterator[np.ndarray]:
        """Batches of q(y|x), (batch, classes), of a model that has a classifier."""
        for x in batches(data, BATCH):
            self.check(x)
            yield self.class_probabilities(tf.constant(x, tf.float32)).numpy()

    def class_probabilities(self, x: tf.Tensor) -> tf.Tensor:
        """q(y|x), (batch, classes), of a model that has a classifier."""
        return self("classify", x)["probabilities"]

    def _each(self, data, name, part, seed) -> Iterator[np.ndarray]:
        for i, x in enumerate(batches(self._rows(data), BATCH)):
            x = self._checked(x)
            yield self.about_examples(name, x, seed=_seed(seed, i))[part].numpy()

    def _rows(self, data):
        """What is told of data: x, or examples with their classes."""
        pairs = self.classes is not None and has_labels(data)
        return rows(data, self.classes, BATCH) if pairs else data

    def _checked(self, x: np.ndarray) -> tf.Tensor:
        """A batch of examples; raises on what the model does not read."""
        if self.classes is None:
            self.check(x)
        else:
            size = math.prod(self.data_shape) + 1
            if x.shape[1:] != (size,):
                raise ValueError(
                    f"Expected data with their classes, (x, y), for "
                    f"{self.about['method']}, a conditional model; received: x alone, "
                    f"shape {x.shape}"
                )
            self.check(x[:, :-1].reshape(-1, *self.data_shape))
        return tf.constant(x, tf.float32)

    def about_examples(self, name: str, examples: tf.Tensor, *others, seed=None):
        """What an endpoint gives of examples, with their classes where it reads them.

        Args:
            name: The endpoint's.
            examples: x; of a conditional model rows, see `labelled`.
            *others: What it reads after x and before the classes.
            seed: Where it reads one.
        """
        given = [examples, *others]
        if self.classes is not None:
            x, y = parted(examples, self.data_shape)
            given = [x, *others, y]
        return self(name, *given, *([] if seed is None else [seed]))

    def log_likelihood(self, x: tf.Tensor, z: tf.Tensor) -> tf.Tensor:
        """log p(x|z), (batch,), nats; with a gradient."""
        found = self.about_examples("log_likelihood", x, z, seed=tf.constant(0))
        return found["log_likelihood"]

    def posterior(self, x: tf.Tensor):
        """q(z|x), with `sample(n, seed)` and `log_prob(z)`."""
        family = FAMILIES.get(self.about["posterior"])
        if family is None:
            return _Asked(self, x)
        found = self.about_examples("posterior", x, seed=tf.constant(0))
        return tfd.Independent(family(found["mean"], found["scale"]), 1)

    def log_ratios(self, data: Stream, seed: int = 0) -> Iterator[np.ndarray]:
        """Batches of the critic's log ratio on data, paired with draws of q(z|x)."""
        codes = self.encode(data, seed) if self._of_pairs else None
        for x in batches(self._rows(data), BATCH):
            yield self._log_ratio(self._checked(x), next(codes) if codes else None)

    def model_log_ratios(self, n: int, seed: int = 0) -> Iterator[np.ndarray]:
        """Batches of the critic's log ratio on n samples of the model's law."""
        pairs = self.generate_pairs(n, seed)
        for start, (x, z) in zip(range(0, n, BATCH), pairs, strict=True):
            x = tf.constant(self._with_class(x, start), tf.float32)
            yield self._log_ratio(x, z)

    @property
    def _of_pairs(self) -> bool:
        return "z" in self.about["log_ratio"]["reads"]

    def _log_ratio(self, x: tf.Tensor, z) -> np.ndarray:
        reads = self.about["log_ratio"]["reads"]
        others = [tf.constant(z, tf.float32)] if self._of_pairs else []
        if self.classes is not None and "y" not in reads:
            x, _ = parted(x, self.data_shape)
            return self("log_ratio", x, *others)["log_ratio"].numpy()
        return self.about_examples("log_ratio", x, *others)["log_ratio"].numpy()


class _Asked:
    """A posterior that is asked through the endpoints, whatever its law."""

    def __init__(self, subject: Subject, x: tf.Tensor):
        self._subject, self._x = subject, x

    def sample(self, n, seed: tf.Tensor) -> tf.Tensor:
        """(n, batch, latent_dim); an int32 (2,) seed."""
        key = tf.bitwise.bitwise_and(seed[0] ^ seed[1], 0x7FFFFFFF)
        z = self._subject.about_examples("encode", self._repeated(n), seed=key)["z"]
        return tf.reshape(z, [n, -1, self._subject.latent_dim])

    def log_prob(self, z: tf.Tensor) -> tf.Tensor:
        """(n, batch), nats, of codes (n, batch, latent_dim)."""
        n = tf.shape(z)[0]
        flat = tf.reshape(z, [-1, self._subject.latent_dim])
        found = self._subject.about_examples(
            "log_posterior", self._repeated(n), flat, seed=tf.constant(0)
        )
        return tf.reshape(found["log_posterior"], tf.shape(z)[:2])

    def _repeated(self, n) -> tf.Tensor:
        return tf.tile(self._x, [n] + [1] * (self._x.shape.rank - 1))


def _seed(seed: int, index: int) -> tf.Tensor:
    """The index-th batch's seed; neighbouring seeds share none."""
    state = np.random.SeedSequence([check_seed(seed), index]).generate_state(1)[0]
    return tf.constant(int(state) & 0x7FFFFFFF)
