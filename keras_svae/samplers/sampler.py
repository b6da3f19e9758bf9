"""What all samplers do: read codes of data, draw codes, save themselves."""

import re
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf

from keras_svae.evaluation.reading.part import Part
from keras_svae.evaluation.reading.streams import gather
from keras_svae.evaluation.subject import Subject
from keras_svae.game import checks, given
from keras_svae.game.saving.configuration import Configured
from keras_svae.noise import Noise, check_seed

__all__ = ["Sampler", "random_state"]

# Instead of the model's step: of a model that does not know it; before any fit. A
# sampler that was made anew of its configuration (`clone_model`) has the second one.
# Weights that are loaded bring the first one, or a step.
UNKNOWN, NOT_FITTED = -1, -2


class Sampler(Configured, keras.layers.Layer):
    """A law of codes that is fitted to the codes of data.

    What it has learned are weights, which no optimizer changes. So a model that keeps
    it (`model.add_sampler`) saves and exports it.

    A sampler of your own has four methods: `sizes(codes)`, from which `make(latent_dim,
    **sizes)` makes the weights before anything is known or loaded; `learn(codes,
    seed)`, which sets them; and `draw_codes(n, noise)`.

    Args:
        name: What `generate(sampler=...)` and the SavedModel's endpoint
            `generate_NAME` call it, a Python name. None for the class's, in snake case.

    Attributes:
        latent_dim: The dimension of codes; None before `fit`.
    """

    latent_dim: int | None = None

    def __init__(self, *, name: str | None = None):
        name = name or _snake(type(self).__name__)
        if not isinstance(name, str) or not name.isidentifier() or name == "prior":
            raise ValueError(
                f'Expected name to be a Python name other than "prior"; received: '
                f"name={name!r}"
            )
        super().__init__(name=name, dtype="float32", trainable=False)
        self._sizes: dict[str, int] | None = None

    # ---- What a sampler gives ----------------------------------------------------

    def sizes(self, codes: np.ndarray) -> dict[str, int]:
        """What `make` has to know of these codes (n, latent_dim), beside latent_dim."""
        return {}

    def make(self, latent_dim: int, **sizes: int) -> None:
        """Makes all weights."""
        raise self._lacks("make(latent_dim, **sizes)")

    def learn(self, codes: np.ndarray, seed: int, *more: np.ndarray) -> None:
        """Sets the weights by codes (n, latent_dim), and what else `read` gave."""
        raise self._lacks("learn(codes, seed)")

    def draw_codes(self, n: "int | tf.Tensor", noise: Noise) -> tf.Tensor:
        """n codes, (n, latent_dim) float32; each draw is named."""
        raise self._lacks("draw_codes(n, noise)")

    def _lacks(self, method: str) -> NotImplementedError:
        return NotImplementedError(
            f"{type(self).__name__} has no {method}, which a sampler defines"
        )

    def log_density(self, z: tf.Tensor) -> tf.Tensor:
        """log q(z) of codes (batch, latent_dim) of a fitted sampler, (batch,)."""
        raise ValueError(
            "Expected a sampler with a density (GaussianMixture, AggregatedPosterior, "
            f"MaskedAutoregressiveFlow); received: {type(self).__name__}, which has "
            "samples but no density"
        )

    # ---- What users call ---------------------------------------------------------

    def fit(self, model, data, *, n: int = 10_000, seed: int = 0) -> Self:
        """Fits the law to codes of data. The model does not change.

        The codes are draws z ~ q(z|x), one for each example, so the law is that of the
        aggregated posterior, E_q(x) q(z|x). If the encoder has no noise, the codes are
        its output. After further training of the model, fit again.

        Args:
            model: A model with an encoder; or the path of its `.keras` file or
                SavedModel.
            data: The data that it was trained on: an array x, a pair of arrays (x,
                labels), or a finite `tf.data.Dataset` or iterable of batches x or (x,
                labels), which can be read more than once. Labels are left out.
            n: How many examples are used, at most, drawn at random with the seed.
            seed: The seed of the examples, the codes and the fit.

        Returns:
            The sampler itself.

        Raises:
            ValueError: For a model without an encoder, with classes, or with codes that
                have a category; on data that do not go with it, or too few; or if the
                sampler was fitted before to codes of another dimension.
        """
        checks.integer("n", n, at_least=2)
        seed = check_seed(seed)
        subject = Subject.of(model)
        check_codes(subject.about, offers=subject.offers("encode"))
        part = Part(data, n, seed)
        if part.count < 2:
            raise ValueError(f"Expected at least 2 examples; received: {part.count}")
        self._fit(seed, *self.read(subject, part.data, seed))
        self._fitted_at.assign(getattr(model, "step", UNKNOWN))
        return self

    def read(self, subject: Subject, data, seed: int) -> tuple[np.ndarray, ...]:
        """What `learn` is given: codes of data, (n, latent_dim), and what else."""
        return (gather(subject.encode(data, seed), "codes"),)

    def fit_codes(self, codes, *, seed: int = 0) -> Self:
        """Fits the law to codes that you have; see `fit`.

        Args:
            codes: (n, latent_dim), an array or a finite data set or iterable of
                batches.
            seed: The seed of the fit.
        """
        if isinstance(codes, tuple) and any(np.ndim(one) > 1 for one in codes):
            raise ValueError(
                "Expected codes (n, latent_dim) alone; received: a tuple of "
                f"{len(codes)}. Labels have no effect on a law of codes"
            )
        if not (hasattr(codes, "shape") or isinstance(codes, (list, tuple))):
            codes = gather(codes, "codes")
        return self._fit(check_seed(seed), np.asarray(codes, np.float32))

    def _fit(self, seed: int, codes: np.ndarray, *more: np.ndarray) -> Self:
        if codes.ndim != 2 or len(codes) < 2 or not np.isfinite(codes).all():
            raise ValueError(
                "Expected finite codes (n, latent_dim), n >= 2; received: shape "
                f"{codes.shape}, {np.sum(~np.isfinite(codes))} values not finite"
            )
        sizes = self.sizes(codes)
        self._make_once({"latent_dim": codes.shape[1], **sizes})
        self.learn(codes, seed, *more)
        self._fitted_at.assign(UNKNOWN)
        return self

    def sample(self, n: int, seed: int = 0) -> tf.Tensor:
        """Draws n codes, (n, latent_dim): those behind `model.generate(n, seed=seed)`.

        Args:
            n: The number of codes.
            seed: The seed of the draws.

        Raises:
            ValueError: If it is not fitted.
        """
        self.check_fitted()
        return self.draw_codes(given.count("n", n), Noise(seed))

    def log_prob(self, z) -> tf.Tensor:
        """The log density of codes (batch, latent_dim): (batch,), nats.

        Raises:
            ValueError: If it is not fitted, or has no density.
        """
        self.check_fitted()
        assert self.latent_dim is not None  # it is fitted
        z = given.codes(z, self.latent_dim, "as it was fitted to")
        return self.log_density(z)

    def check_fitted(self) -> None:
        """Raises a ValueError unless it is fitted, or its weights were loaded."""
        if self.fitted_at == NOT_FITTED:
            made = " (it was made of a configuration, which has no weights)"
            raise ValueError(
                "Expected a fitted sampler: call fit(model, data) first; received: "
                f"{type(self).__name__} {self.name!r} that is not fitted"
                f"{made if self._sizes else ''}"
            )

    @property
    def fitted_at(self) -> int:
        """The step of the model at the fit; -1 if it is unknown, -2 before any fit."""
        if self._sizes is None:
            return NOT_FITTED
        with tf.init_scope():  # also while an endpoint is traced
            return int(self._fitted_at.numpy())

    # ---- Saving ------------------------------------------------------------------

    def _make_once(self, sizes: dict[str, int]) -> None:
        if self._sizes is not None and sizes != self._sizes:
            raise ValueError(
                "Expected a new sampler for codes of another number or dimension; "
                f"received: {sizes}, and this one was fitted with {self._sizes}"
            )
        if self._sizes is None:
            self._fitted_at = self._weight("fitted_at", (), "int64", NOT_FITTED)
            self.make(**sizes)
            self.trainable = False
            self.latent_dim, self._sizes = sizes["latent_dim"], dict(sizes)
            self.built = True

    def _weight(self, name: str, shape, dtype="float32", value: Any = 0):
        initializer = keras.initializers.Constant(value)
        return self.add_weight(
            shape=shape,
            dtype=dtype,
            initializer=initializer,
            trainable=False,
            name=name,
        )

    def get_build_config(self) -> dict | None:
        """What makes the weights before they are loaded; Keras asks for it."""
        return self._sizes and dict(self._sizes)

    def build_from_config(self, config: dict | None) -> None:
        """Makes the weights, whose values are loaded later."""
        if config:
            self._make_once(dict(config))


def check_codes(about: dict, *, offers: bool) -> None:
    """Raises a ValueError unless a model has codes to fit a law to.

    Args:
        about: What it says, see `LatentModel.about`.
        offers: Whether it encodes.
    """
    problem = None
    if not offers:
        problem = "has no encoder"
    elif about.get("classes") is not None:
        problem = "has classes, so that the law of its codes depends on them"
    elif about.get("categories"):
        problem = f"has codes that end in one of {about['categories']} categories"
    if problem:
        raise ValueError(
            "Expected a model with an encoder, without classes, whose codes are "
            f"numbers, for a sampler; received: {about['method']}, which {problem}"
        )


def random_state(seed: int) -> int:
    """A seed for scikit-learn, which takes 32 bits."""
    return int(np.random.SeedSequence(seed).generate_state(1)[0])


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
