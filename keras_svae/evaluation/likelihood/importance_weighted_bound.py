"""The importance-weighted bound on log p(x) (Burda et al., 2016)."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_svae import arguments
from keras_svae.evaluation.likelihood import common
from keras_svae.evaluation.likelihood.common import LogLikelihood, Posterior, Prior
from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.reading.streams import Stream, fields
from keras_svae.noise import Noise

__all__ = ["ImportanceWeightedBound", "importance_weighted_bound"]


class ImportanceWeightedBound(NamedTuple):
    """What `importance_weighted_bound` gives; arrays are (n,).

    Attributes:
        mean: The bound; its deviation is the standard error over examples.
        per_example: The bound of each example, nats.
        effective_sample_size: `(sum w)^2 / sum w^2` of each example's k weights, from 1
            to k. Near 1, one draw decides, and the bound is loose.
    """

    mean: Measurement
    per_example: np.ndarray
    effective_sample_size: np.ndarray


def importance_weighted_bound(
    data: Stream,
    log_likelihood: LogLikelihood,
    posterior: Posterior,
    prior: Prior = "normal",
    *,
    latent_dim: int | None = None,
    k: int = 5000,
    chunk: int = 50,
    value_range: tuple[float, float] | None = None,
    dequantise: bool = False,
    batch_size: int = 32,
    seed: int = 0,
) -> ImportanceWeightedBound:
    """L_k = E log 1/k sum_i p(x|z_i) p(z_i) / q(z_i|x), in nats (Burda et al., 2016).

    L_1 is the variational bound; L_k rises with k to log p(x).

    Args:
        data: Examples (n, ...), see `variational_bound`.
        log_likelihood: log p(x|z), see `variational_bound`.
        posterior: A function that takes data and returns q(z|x), see
            `variational_bound`. It is called once for a batch.
        prior: p(z), see `variational_bound`.
        latent_dim: d, with a prior by name.
        k: Draws for each example.
        chunk: How many of them are drawn at once: batch_size * chunk codes are decoded
            together, and memory does not depend on k.
        value_range: (low, high) where data must lie; None for anywhere.
        dequantise: See `variational_bound`.
        batch_size: Examples at once, at most.
        seed: The seed of all random draws.

    Returns:
        The mean with its standard error, each example's bound and effective sample
        size.

    Raises:
        ValueError: On no functions, a posterior that is no law of codes (d,) for each
            example, k or chunk below 1, data that are not finite or out of range, or a
            NaN from the functions.
    """
    common.check_functions(log_likelihood=log_likelihood, posterior=posterior)
    arguments.integer("k", k, 1)
    arguments.integer("chunk", chunk, 1)
    arguments.integer("batch_size", batch_size, 1)
    prior = common.get_prior(prior, latent_dim)

    def sums(inputs, key):
        """Logs of the sums of weights and of their squares, (batch,) each."""
        q = posterior(inputs)
        common.check_posterior(q, prior)

        def add(done, first, second):
            size = tf.minimum(chunk, k - done)
            z = q.sample(size, seed=Noise(key).fold(done).key)
            z.set_shape([None, None, *prior.event_shape])
            many = common.repeat(inputs, size)
            weights = common.decode(log_likelihood, many, z)
            weights += prior.log_prob(z) - q.log_prob(z)
            weights = tf.cast(weights, tf.float64)
            return (
                done + size,
                tf.reduce_logsumexp(tf.concat([first[None], weights], 0), 0),
                tf.reduce_logsumexp(tf.concat([second[None], 2 * weights], 0), 0),
            )

        none = tf.fill(
            tf.shape(fields(inputs)[0])[:1], tf.constant(-np.inf, tf.float64)
        )
        start = (tf.constant(0), none, none)
        # One chunk at a time: else several would be in memory.
        return tf.while_loop(
            lambda done, *_: done < k, add, start, parallel_iterations=1
        )[1:]

    first, second = common.over_batches(
        sums,
        data,
        batch_size=batch_size,
        value_range=value_range,
        dequantise=dequantise,
        seed=seed,
    )
    per_example = common.check_result(first - np.log(k))
    size = common.effective_sample_size(first, second)
    mean = common.summary(
        "importance-weighted bound",
        per_example,
        k=k,
        effective_sample_size=round(float(np.mean(size)), 2),
        dequantised=dequantise,
    )
    return ImportanceWeightedBound(mean, per_example, size)
