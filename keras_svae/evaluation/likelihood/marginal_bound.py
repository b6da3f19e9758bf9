"""The bound on log p(x) of a model whose classes are latent too."""

import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from keras_svae import arguments, distributions
from keras_svae.evaluation.likelihood import common
from keras_svae.evaluation.likelihood.common import Prior
from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.reading.streams import Stream

__all__ = ["marginal_bound"]


def marginal_bound(
    data: Stream,
    log_likelihood: Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor],
    posterior: Callable,
    classify: Callable[[tf.Tensor], tf.Tensor],
    prior: Prior = "normal",
    *,
    latent_dim: int | None = None,
    value_range: tuple[float, float] | None = None,
    dequantise: bool = False,
    batch_size: int = 100,
    seed: int = 0,
) -> Measurement:
    """The bound of M2 on log p(x), Kingma et al. (2014), (7), nats per example.

        sum_y q(y|x) [E_q(z|x,y) log p(x|y, z) + log p(y) - KL(q(z|x, y) || p(z))]
            + H(q(y|x)),

    p(y) uniform, all classes enumerated, one draw of z for each.

    Args:
        data: Examples (n, ...), an array or a stream; their classes are not asked for.
        log_likelihood: log p(x|y, z), (batch,), of data, codes (batch, d) and classes
            (batch,), int64; nats.
        posterior: A function that takes data and classes, and returns q(z|x, y), see
            `variational_bound`.
        classify: A function that takes data and returns q(y|x), (batch, classes).
        prior: p(z), see `variational_bound`.
        latent_dim: d, with a prior by name.
        value_range: (low, high) where data must lie; None for anywhere.
        dequantise: See `variational_bound`.
        batch_size: Examples at once, at most; each with all classes.
        seed: The seed of all random draws.

    Returns:
        The mean, with the standard error over examples.

    Raises:
        ValueError: As `variational_bound`.
    """
    common.check_functions(log_likelihood=log_likelihood, posterior=posterior)
    arguments.integer("batch_size", batch_size, 1)
    prior = common.get_prior(prior, latent_dim)

    def bound(x, key):
        q_y = classify(x)
        classes = q_y.shape[-1]
        # All examples with the first class, then all with the second, ...
        y = tf.repeat(tf.range(classes, dtype=tf.int64), tf.shape(x)[0])
        many = common.repeat(x, classes)
        q = posterior(many, y)
        common.check_posterior(q, prior)
        z = q.sample(1, seed=key)
        kl = tf.reshape(distributions.kl_divergence(q, prior, z), [classes, -1])
        found = common.decode(lambda x, z: log_likelihood(x, z, y), many, z)
        found = tf.reshape(found, [classes, -1])
        each = tf.transpose(found - kl) - math.log(classes)
        # q log q is 0 where q is.
        return (tf.reduce_sum(q_y * each - tf.math.xlogy(q_y, q_y), -1),)

    (found,) = common.over_batches(
        bound,
        data,
        batch_size=batch_size,
        value_range=value_range,
        dequantise=dequantise,
        seed=seed,
    )
    per_example = common.check_result(found.astype(np.float64))
    return common.summary(
        "bound on log p(x), classes summed over",
        per_example,
        samples=1,
        dequantised=dequantise,
    )
