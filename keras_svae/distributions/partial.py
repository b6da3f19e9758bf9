"""Codes whose encoder infers only a part, and codes that end in a category."""

import functools

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_svae import arguments
from keras_svae.distributions import drawn
from keras_svae.distributions.laws import Law
from keras_svae.distributions.names import get
from keras_svae.distributions.priors import prior

__all__ = ["PartialCode"]


@keras.saving.register_keras_serializable(package="keras_svae")
class PartialCode(Law):
    """q(z|x) = q(c|x) p(rest) q(k|x) of codes z = [c, rest, k], k one-hot.

    Args:
        latent_dim: The dimension of z, of all its parts.
        inferred: The dimension of c, at least 0.
        categories: The dimension of k; 0 for no category.
        law: q(c|x), "gaussian", "laplace" or a `Law`.
        prior: The law of the rest, "normal" or "uniform".
    """

    moments = False

    def __init__(
        self,
        latent_dim: int,
        inferred: int,
        categories: int = 0,
        law: "str | Law" = "gaussian",
        prior: str = "normal",
    ):
        super().__init__()
        self.latent_dim = arguments.integer("latent_dim", latent_dim, at_least=1)
        self.inferred = arguments.integer("inferred", inferred, at_least=0)
        self.categories = arguments.integer("categories", categories, at_least=0)
        arguments.choice("prior", prior, ("normal", "uniform"))
        self.prior, self.law = prior, get(law, "posterior")
        self.record("law", self.law)
        self.rest = self.latent_dim - self.inferred - self.categories
        if self.rest < 0:
            raise ValueError(
                "Expected inferred and categories together at most the "
                f"{latent_dim} dimensions of the code; received: inferred={inferred}, "
                f"categories={categories}"
            )

    def outputs(self, dim):
        """The outputs of q(c|x), and a logit for each category."""
        return (self.law.outputs(self.inferred) if self.inferred else 0) + (
            self.categories
        )

    def __call__(self, raw):
        """The distribution of z, (batch, latent_dim)."""
        c, *others = self._parts(raw)
        parts = [None if c is None else self.law(c), *others]
        return drawn.Blockwise([part for part in parts if part is not None])

    def mean(self, raw):
        """The code [mean of c, mean of the rest's prior, most probable k]."""
        c, rest, k = self._parts(raw)
        found = [] if c is None else [self.law.mean(c)]
        if rest is not None:
            found.append(rest.mean())
        if k is not None:
            found.append(k.mode())
        found = tf.concat(found, -1)
        return tf.ensure_shape(found, [*raw.shape[:-1], self.latent_dim])

    def sample(self, raw, seed):
        """One draw of z, where c is drawn by its law's own `sample`."""
        c, *others = self._parts(raw)
        draws = [] if c is None else [functools.partial(self.law.sample, c)]
        draws += [part.sample for part in others if part is not None]
        return tf.concat([draw(seed=own) for draw, own in drawn.apart(draws, seed)], -1)

    def _parts(self, raw):
        """The raw output of q(c|x), the law of the rest, and that of the category."""
        raw = tf.cast(raw, tf.float32)
        raw, logits = tf.split(raw, [-1, self.categories], -1)
        rest = k = None
        if self.rest:
            rest = tfd.BatchBroadcast(prior(self.prior, self.rest), tf.shape(raw)[:-1])
        if self.categories:
            k = drawn.OneHotCategorical(logits, dtype=tf.float32)
        return raw if self.inferred else None, rest, k
