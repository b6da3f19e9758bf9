"""The variational bound on log p(x) (Kingma & Welling, 2014)."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_svae import arguments, distributions
from keras_svae.evaluation.likelihood import common
from keras_svae.evaluation.likelihood.common import LogLikelihood, Posterior, Prior
from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.reading.streams import Stream

__all__ = ["VariationalBound", "variational_bound"]


class VariationalBound(NamedTuple):
    """What `variational_bound` gives; arrays are (n,), nats per example.

    Attributes:
        mean: The bound; its deviation is the standard error over examples.
        per_example: The bound of each example.
        log_likelihood: E_q log p(x|z) of each.
        kl: KL(q(z|x) || p(z)) of each.
    """

    mean: Measurement
    per_example: np.ndarray
    log_likelihood: np.ndarray
    kl: np.ndarray


def variational_bound(
    data: Stream,
    log_likelihood: LogLikelihood,
    posterior: Posterior,
    prior: Prior = "normal",
    *,
    latent_dim: int | None = None,
    samples: int = 1,
    value_range: tuple[float, float] | None = None,
    dequantise: bool = False,
    batch_size: int = 256,
    seed: int = 0,
) -> VariationalBound:
    """E_q log p(x|z) - KL(q(z|x) || p(z)) <= log p(x), sVAE (1), nats per example.

    Args:
        data: Examples (n, ...), an array or a stream; or `Examples` with classes y, or
            batches of them: then the functions are given `Examples` too, and all is
            said of log p(x|y).
        log_likelihood: log p(x|z), (batch,), of data and codes (batch, d); nats. See
            `density` for a model's.
        posterior: A function that takes data and returns q(z|x), a TFP distribution of
            codes (d,) for each example, with `sample` and `log_prob`.
        prior: p(z): "normal" for N(0, I), "uniform" for U(-1, 1), or a TFP
            distribution of codes (d,).
        latent_dim: d, with a prior by name.
        samples: Draws of z for each example. The KL is in closed form where TFP has
            one, and else estimated on them.
        value_range: (low, high) where data must lie; None for anywhere.
        dequantise: Data are 8-bit images in `value_range`, (0, 1) by default, which get
            uniform noise first: see `bits_per_dimension`.
        batch_size: Examples at once, at most.
        seed: The seed of all random draws.

    Returns:
        The mean with its standard error, and each example's terms. A posterior that
        leaves the support of a uniform prior has the bound -inf.

    Raises:
        ValueError: On no functions, a posterior that is no law of codes (d,) for each
            example, data that are not finite or out of range, or a NaN from the
            functions.
    """
    common.check_functions(log_likelihood=log_likelihood, posterior=posterior)
    arguments.integer("samples", samples, 1)
    arguments.integer("batch_size", batch_size, 1)
    prior = common.get_prior(prior, latent_dim)
    closed = []

    def terms(inputs, key):
        q = posterior(inputs)
        common.check_posterior(q, prior)
        z = q.sample(samples, seed=key)
        found = common.decode(log_likelihood, common.repeat(inputs, samples), z)
        kl = distributions.kl_divergence(q, prior, z)
        # (batch,) in closed form, (samples, batch) estimated.
        closed.append(kl.shape.rank == 1)
        kl = kl if closed[-1] else tf.reduce_mean(kl, 0)
        return tf.reduce_mean(found, 0), kl

    terms_of_each = common.over_batches(
        terms,
        data,
        batch_size=batch_size,
        value_range=value_range,
        dequantise=dequantise,
        seed=seed,
    )
    found, kl = (one.astype(np.float64) for one in terms_of_each)
    per_example = common.check_result(found - kl)
    mean = common.summary(
        "variational bound",
        per_example,
        samples=samples,
        kl="closed form" if closed[-1] else "estimated",
        dequantised=dequantise,
    )
    return VariationalBound(mean, per_example, found, kl)
