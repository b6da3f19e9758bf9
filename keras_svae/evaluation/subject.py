"""A trained model, or a SavedModel of one, as the functions that measures take."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_svae import distributions
from keras_svae.distributions import drawn
from keras_svae.evaluation.likelihood.endpoint_posterior import EndpointPosterior
from keras_svae.evaluation.loading import endpoints_of
from keras_svae.evaluation.reading import streams
from keras_svae.evaluation.reading.streams import Examples, Stream
from keras_svae.game import checks
from keras_svae.game.feeding.ranges import Seen, with_ends
from keras_svae.noise import check_seed

__all__ = ["Subject"]

# Examples that pass through the networks together.
BATCH = 250
# The endpoint that draws, and the name of the law of codes that all models have.
_GENERATE, PRIOR = "generate", "prior"
# Posteriors that the endpoint `posterior` describes fully: mean and deviation.
FAMILIES = {"Gaussian": drawn.Normal}


class Subject:
    """A trained model's functions, by the names of its endpoints.

    A model of this package and a SavedModel of it give the same answers. They answer in
    batches, so that no memory grows with the number of examples.

    A conditional model makes samples of all classes in turn. For data, it needs the
    classes: data are then a pair of arrays (x, y), a `tf.data.Dataset` of pairs,
    `Examples`, or batches of these.

    Args:
        endpoints: Functions by name, as `model.endpoints()` has them and a SavedModel
            offers them.
        about: What the endpoint `about` tells: see `LatentModel.about`.

    Attributes:
        about: The argument `about`.
        latent_dim: The code's dimension.
        data_shape: The shape of one example.
        classes: How many classes a conditional model has; None for any other.
        range: The range of the data, (low, high). None if they may have any value.
    """

    about: dict[str, Any]
    latent_dim: int
    data_shape: tuple[int, ...]
    classes: int | None
    range: tuple[float, float] | None
    _loaded: object

    def __init__(self, endpoints: dict[str, Callable], about: dict):
        self._endpoints, self.about = endpoints, about
        self.latent_dim = about["latent_dim"]
        self.data_shape = tuple(about["data_shape"])
        self.classes = about.get("classes")
        self.range = with_ends(about["range"])
        self._seen = Seen(self.range, images=len(self.data_shape) == 3)

    @classmethod
    def of(cls, source: "Subject | keras.Model | str | os.PathLike") -> "Subject":
        """Makes it from a model, a `.keras` file, a SavedModel, or a run's folder.

        Raises:
            FileNotFoundError: If there is no such file or folder.
            ValueError: If the file or folder is none of these, or comes from another
                package.
        """
        if isinstance(source, Subject):
            return source
        endpoints, about, loaded = endpoints_of(source)
        made = cls(endpoints, about)
        # A SavedModel's functions hold only weak references to its variables.
        made._loaded = loaded
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
        if self.range and not streams.is_within(x.min(), x.max(), self.range):
            low, high = self.range
            raise ValueError(
                f"Expected data in [{low:g}, {high:g}], the model's range; received: "
                f"values from {x.min():g} to {x.max():g}"
            )
        self._seen.look(x)

    def generate(
        self, n: int, seed: int = 0, sampler: str = PRIOR
    ) -> Iterator[np.ndarray]:
        """Batches of n samples x ~ p(x), or of codes of a sampler that it keeps."""
        for x, _ in self.generate_pairs(n, seed, sampler):
            yield x

    def samplers(self) -> list[str]:
        """The laws of codes that `generate` knows, by name: "prior", and others."""
        first = f"{_GENERATE}_"
        kept = [name for name in self._endpoints if name.startswith(first)]
        return [PRIOR, *sorted(name.removeprefix(first) for name in kept)]

    def generate_pairs(
        self, n: int, seed: int = 0, sampler: str = PRIOR
    ) -> Iterator[tuple]:
        """Batches of n pairs (x, z) of the decoder's joint law; see `generate`."""
        name = _GENERATE if sampler == PRIOR else f"{_GENERATE}_{sampler}"
        for i, start in enumerate(range(0, n, BATCH)):
            given = [tf.constant(min(BATCH, n - start))]
            if self.classes is not None:
                given.append(tf.constant(self.classes_of(n)[start : start + BATCH]))
            made = self(name, *given, _seed(seed, i))
            yield made["x"].numpy(), made["z"].numpy()

    def classes_of(self, n: int) -> np.ndarray:
        """The classes of n samples of a conditional model, 0, 1, ... in turn."""
        assert self.classes is not None  # the model is conditional
        return np.arange(n) % self.classes

    def recovered_codes(self, n: int, seed: int = 0) -> Iterator[np.ndarray]:
        """Batches of codes of the n samples that `generate_pairs` makes."""
        name, part = self._code
        for i, (x, _) in enumerate(self.generate_pairs(n, seed)):
            # These are not checked like data: a sample may leave the data's range.
            inputs = self._with_classes(x, i * BATCH)
            yield self.about_examples(name, inputs, seed=_seed(seed, i))[part].numpy()

    def _with_classes(self, x: np.ndarray, start: int) -> tf.Tensor | Examples:
        """Samples from the start-th on, with their classes if the model has classes."""
        x = tf.constant(x, tf.float32)
        if self.classes is None:
            return x
        return Examples(x, tf.constant(self.classes_of(start + len(x))[start:]))

    def encode(self, data: Stream, seed: int = 0) -> Iterator[np.ndarray]:
        """Batches of one draw z ~ q(z|x) for each example."""
        return self._each(data, "encode", "z", seed)

    def codes(self, data: Stream, seed: int = 0) -> Iterator[np.ndarray]:
        """Batches of the mean of q(z|x), or of a draw if there is no mean."""
        return self._each(data, *self._code, seed)

    @property
    def _code(self) -> tuple[str, str]:
        """The endpoint that gives codes, and what it calls them."""
        return ("posterior", "mean") if self.offers("posterior") else ("encode", "z")

    def reconstruct(self, data: Stream, seed: int = 0) -> Iterator[np.ndarray]:
        """Batches of reconstructions, through the posterior's mean if it has one."""
        return self._each(data, "reconstruct", "reconstruction", seed)

    def classify(self, data: Stream) -> Iterator[np.ndarray]:
        """Batches of q(y|x), (batch, classes), of a model that has a classifier."""
        for x in streams.batches(data, BATCH):
            self.check(x)
            yield self.class_probabilities(tf.constant(x, tf.float32)).numpy()

    def class_probabilities(self, x: tf.Tensor) -> tf.Tensor:
        """q(y|x), (batch, classes), of a model that has a classifier."""
        return self("classify", x)["probabilities"]

    def read(self, data: Stream, batch_size: int = BATCH) -> Iterator:
        """Batches of data as the model reads them: x, or `Examples` with classes.

        Args:
            data: See the class; of a model without classes, labels are left out.
            batch_size: How many examples a batch of an array has.

        Raises:
            ValueError: As `batches`; for a conditional model, on data without classes
                or with others than 0..classes - 1.
        """
        if self.classes is None:  # labels are not looked for: that reads a batch
            data = data[0] if isinstance(data, tuple) else data
            for part in streams.batches(data, batch_size):
                yield streams.fields(part)[0]
            return
        labelled = streams.has_labels(data)
        if isinstance(data, tuple) and not labelled:
            data = data[0]
        for part in streams.batches(data, batch_size, labelled=labelled):
            if not isinstance(part, Examples):
                raise ValueError(
                    f"Expected data with their classes, (x, y), for "
                    f"{self.about['method']}, a conditional model; received: x alone, "
                    f"shape {part.shape}"
                )
            checks.labels(part.y, self.classes, len(part.x))
            yield part

    def tensors(self, data: Stream) -> Iterator[tf.Tensor | Examples]:
        """Batches as tensors; raises on what the model does not read."""
        for part in self.read(data):
            x, y = streams.fields(part)
            self.check(x)
            x = tf.constant(x, tf.float32)
            yield x if y is None else Examples(x, tf.constant(y, tf.int64))

    def _each(self, data, name, part, seed) -> Iterator[np.ndarray]:
        for i, inputs in enumerate(self.tensors(data)):
            yield self.about_examples(name, inputs, seed=_seed(seed, i))[part].numpy()

    def about_examples(
        self, name: str, inputs: tf.Tensor | Examples, *others, seed=None
    ) -> dict[str, tf.Tensor]:
        """What an endpoint gives for examples, with their classes if they have any.

        Args:
            name: The endpoint's name.
            inputs: x, or `Examples`.
            *others: What the endpoint reads after x and before the classes.
            seed: The seed, where the endpoint reads one.
        """
        x, y = streams.fields(inputs)
        given = [x, *others] + ([] if y is None else [y])
        found = self(name, *given, *([] if seed is None else [seed]))
        if name == "reconstruct" and "x" in found:  # a SavedModel of before
            return {"reconstruction": found["x"]}
        return found

    def log_likelihood(self, inputs: tf.Tensor | Examples, z: tf.Tensor) -> tf.Tensor:
        """log p(x|z) of x, or log p(x|z, y) of `Examples`, (batch,), nats.

        It has a gradient.
        """
        found = self.about_examples("log_likelihood", inputs, z, seed=tf.constant(0))
        return found["log_likelihood"]

    def posterior(self, inputs: tf.Tensor | Examples):
        """q(z|x), or q(z|x, y), with `sample(n, seed)` and `log_prob(z)`."""
        family = FAMILIES.get(self.about["posterior"])
        if family is None:
            return EndpointPosterior(self, inputs)
        found = self.about_examples("posterior", inputs, seed=tf.constant(0))
        return tfd.Independent(family(found["mean"], found["scale"]), 1)

    def log_ratios(self, data: Stream, seed: int = 0) -> Iterator[np.ndarray]:
        """Batches of the critic's log ratio on data, paired with draws of q(z|x)."""
        for i, inputs in enumerate(self.tensors(data)):
            z = None
            if self._of_pairs:
                z = self.about_examples("encode", inputs, seed=_seed(seed, i))["z"]
            yield self._log_ratio(inputs, z)

    def model_log_ratios(self, n: int, seed: int = 0) -> Iterator[np.ndarray]:
        """Batches of the critic's log ratio on n samples of the model's law."""
        for i, (x, z) in enumerate(self.generate_pairs(n, seed)):
            yield self._log_ratio(self._with_classes(x, i * BATCH), z)

    @property
    def _of_pairs(self) -> bool:
        return "z" in self.about["log_ratio"]["reads"]

    def _log_ratio(self, inputs: tf.Tensor | Examples, z) -> np.ndarray:
        if "y" not in self.about["log_ratio"]["reads"]:
            inputs, _ = streams.fields(inputs)
        others = [tf.constant(z, tf.float32)] if self._of_pairs else []
        return self.about_examples("log_ratio", inputs, *others)["log_ratio"].numpy()


def _seed(seed: int, index: int) -> tf.Tensor:
    """The index-th batch's seed; neighbouring seeds share none."""
    state = np.random.SeedSequence([check_seed(seed), index]).generate_state(1)[0]
    return tf.constant(int(state) & 0x7FFFFFFF)
