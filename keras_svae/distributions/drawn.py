"""Distributions that draw the same numbers with and without XLA.

TFP's own draw with an algorithm that device and compiler choose. These are TFP's
distributions, but draw with Philox. On a CPU without XLA they draw TFP's numbers.

Their means and densities use only operators that `tf2onnx` knows: not `MulNoNan`,
`Expm1`, `Log1p` and `BroadcastArgs`, as TFP's do.
"""

from collections.abc import Iterable, Iterator
from typing import TypeVar

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
    "apart",
]

T = TypeVar("T")


class Normal(tfd.Normal):
    """TFP's `Normal`, drawn by Philox."""

    def _sample_n(self, n, seed=None):
        seed = tfp.random.sanitize_seed(seed)
        drawn = philox.normal(_shape(n, self), seed, self.dtype)
        return drawn * self.scale + self.loc


class Laplace(tfd.Laplace):
    """TFP's `Laplace`, drawn by Philox."""

    def _mean(self):
        return self.loc + tf.zeros_like(self.scale)

    def _stddev(self):
        return np.sqrt(2.0) * self.scale + tf.zeros_like(self.loc)

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

    def _log_prob(self, event):
        return _cross_entropy(event, self.logits_parameter())

    def _sample_n(self, n, seed=None):
        probability = self.probs_parameter()
        drawn = _uniform(n, self, seed, dtype=probability.dtype)
        return tf.cast(drawn < probability, self.dtype)


class ContinuousBernoulli(tfd.ContinuousBernoulli):
    """TFP's `ContinuousBernoulli`, drawn by Philox.

    With logits l the mean is 1/2 + 1/(2 tanh(l/2)) - 1/l, and the constant that
    normalises the density is l / tanh(l/2).
    """

    def _mean(self, logits=None):
        x = 0.5 * (self.logits_parameter() if logits is None else logits)
        near, far, square = _about_zero(x)
        series = x / 6 * (1 - square / 15 * (1 - square * 2 / 21))
        return 0.5 + tf.where(near, series, 0.5 / tf.tanh(far) - 0.5 / far)

    def _log_prob(self, event):
        logits = self.logits_parameter()
        event = tf.cast(event, logits.dtype)
        near, far, square = _about_zero(0.5 * logits)
        series = square / 3 * (1 - square / 15 * (1 - square * 2 / 21))
        constant = tf.math.log(2 * tf.where(near, 1 + series, far / tf.tanh(far)))
        found = _cross_entropy(event, logits) + constant
        return tf.where((event < 0) | (event > 1), -np.inf, found)

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
        # Double precision, as in TensorFlow: so rounding changes no draw. LiteRT does
        # not have it.
        kind = tf.float32 if philox.is_given() else tf.float64
        heights = tf.cumsum(tf.exp(tf.cast(rows, kind)), -1)
        drawn = philox.uniform([tf.shape(rows)[0], n], seed, dtype=kind)
        drawn = tf.transpose(drawn * heights[:, -1:])
        below = tf.cast(heights <= drawn[..., None], tf.int32)
        found = tf.minimum(tf.reduce_sum(below, -1), size - 1)
        shape = tf.concat([[n], tf.shape(logits)], 0)
        return tf.reshape(tf.one_hot(found, size, dtype=self.dtype), shape)


class Blockwise(tfd.Blockwise):
    """TFP's `Blockwise` of vectors, each drawn by a seed of its own."""

    def _sample_n(self, n, seed=None):
        each = apart(self.distributions, seed)
        drawn = [tf.cast(part.sample(n, seed=own), self.dtype) for part, own in each]
        return tf.concat(drawn, -1)


def apart(parts: Iterable[T], seed) -> Iterator[tuple[T, tf.Tensor]]:
    """Each part with a seed of its own."""
    # This is TFP's own way, in `tfd.JointDistributionSequential`.
    seed = tfp.random.sanitize_seed(seed, salt="JointDistribution")
    for part in parts:
        own, seed = philox.split(seed)
        yield part, own


def _cross_entropy(event, logits) -> tf.Tensor:
    """log p of 0 and 1, and on the line through both for values between them."""
    # One softplus less than in TFP's form. Where a logit is large and the event 1, the
    # difference loses digits: at most half of the last digit of the logit.
    return tf.cast(event, logits.dtype) * logits - tf.math.softplus(logits)


def _about_zero(x) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Whether |x| is small; x where it is not, else 1; x squared where it is, else 0.

    With these, neither a value nor a gradient is NaN where it is not used.
    """
    near = tf.abs(x) < 0.3
    return near, tf.where(near, 1.0, x), tf.where(near, x * x, 0.0)


def _uniform(n, law, seed, low=0.0, high=1.0, dtype=None) -> tf.Tensor:
    """n uniform draws for each entry of a law's batch."""
    seed = tfp.random.sanitize_seed(seed)
    return philox.uniform(_shape(n, law), seed, low, high, dtype or law.dtype)


def _shape(n, law) -> tf.Tensor:
    if philox.is_given():
        # The draws become an input, whose known sizes it shows. ONNX has no operator
        # for TFP's way to the others.
        mean = tf.shape(law.mean())
        known = enumerate(law.batch_shape)
        sizes = [mean[i] if size is None else size for i, size in known]
        return tf.concat([[n], sizes], 0)
    return tf.concat([[n], law.batch_shape_tensor()], 0)
