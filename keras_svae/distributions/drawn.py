"""Distributions that draw the same numbers with and without XLA.

TFP's own draw with an algorithm that device and compiler choose. These are TFP's
distributions, but draw with Philox. On a CPU without XLA they draw TFP's numbers.
"""

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import distributions as tfd

from keras_svae import philox

__all__ = [
    "Bernoulli",
    "Blockwise",
    "ContinuousBernoulli",
    "Laplace",
    "Normal",
    "OneHotCategorical",
    "Uniform",
]


class Normal(tfd.Normal):
    """TFP's `Normal`, drawn by Philox."""

    def _sample_n(self, n, seed=None):
        seed = tfp.random.sanitize_seed(seed)
        drawn = philox.normal(_shape(n, self), seed, self.dtype)
        return drawn * self.scale + self.loc


class Laplace(tfd.Laplace):
    """TFP's `Laplace`, drawn by Philox."""

    def _sample_n(self, n, seed=None):
        kind = self.dtype.as_numpy_dtype
        # The value is above -1, because the logarithm is infinite at -1.
        low = np.nextafter(kind(-1), kind(1))
        drawn = _uniform(n, self, seed, low, 1.0)
        size = tf.math.log1p(-tf.abs(drawn))
        return self.loc - self.scale * tf.sign(drawn) * size


class Uniform(tfd.Uniform):
    """TFP's `Uniform`, drawn by Philox."""

    def _sample_n(self, n, seed=None):
        drawn = _uniform(n, self, seed)
        return self.low + (self.high - self.low) * drawn


class Bernoulli(tfd.Bernoulli):
    """TFP's `Bernoulli`, drawn by Philox."""

    def _sample_n(self, n, seed=None):
        probability = self.probs_parameter()
        drawn = _uniform(n, self, seed, dtype=probability.dtype)
        return tf.cast(drawn < probability, self.dtype)


class ContinuousBernoulli(tfd.ContinuousBernoulli):
    """TFP's `ContinuousBernoulli`, drawn by Philox."""

    def _sample_n(self, n, seed=None):
        return self.quantile(_uniform(n, self, seed))


class OneHotCategorical(tfd.OneHotCategorical):
    """TFP's `OneHotCategorical`, drawn by Philox.

    TensorFlow gives many rows of logits to several threads, which then draw the same
    numbers again. Here each draw has a number of its own.
    """

    def _sample_n(self, n, seed=None):
        seed = tfp.random.sanitize_seed(seed)
        logits = self.logits_parameter()
        size = logits.shape[-1]
        rows = tf.reshape(logits, [-1, size])
        rows = rows - tf.reduce_max(rows, -1, keepdims=True)
        # Double precision, as in TensorFlow: so rounding changes no draw.
        heights = tf.cumsum(tf.exp(tf.cast(rows, tf.float64)), -1)
        drawn = philox.uniform([tf.shape(rows)[0], n], seed, dtype=tf.float64)
        drawn = tf.transpose(drawn * heights[:, -1:])
        below = tf.cast(heights <= drawn[..., None], tf.int32)
        found = tf.minimum(tf.reduce_sum(below, -1), size - 1)
        shape = tf.concat([[n], tf.shape(logits)], 0)
        return tf.reshape(tf.one_hot(found, size, dtype=self.dtype), shape)


class Blockwise(tfd.Blockwise):
    """TFP's `Blockwise` of vectors, each drawn by a seed of its own."""

    def _sample_n(self, n, seed=None):
        # This is TFP's own way, in `tfd.JointDistributionSequential`.
        seed = tfp.random.sanitize_seed(seed, salt="JointDistribution")
        drawn = []
        for part in self.distributions:
            own, seed = philox.split(seed)
            drawn.append(tf.cast(part.sample(n, seed=own), self.dtype))
        return tf.concat(drawn, -1)


def _uniform(n, law, seed, low=0.0, high=1.0, dtype=None) -> tf.Tensor:
    """n uniform draws for each entry of a law's batch."""
    seed = tfp.random.sanitize_seed(seed)
    return philox.uniform(_shape(n, law), seed, low, high, dtype or law.dtype)


def _shape(n, law) -> tf.Tensor:
    return tf.concat([[n], law.batch_shape_tensor()], 0)
