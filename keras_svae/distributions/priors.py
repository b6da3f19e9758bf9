"""Priors of codes, and the divergence of a posterior from them."""

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_svae.distributions import drawn

__all__ = ["kl_divergence", "prior"]


def prior(name: str, latent_dim: int, categories: int = 0) -> tfd.Distribution:
    """The prior p(z) of codes (batch, latent_dim).

    Args:
        name: "normal" for N(0, I) or "uniform" for U(-1, 1).
        latent_dim: The code's dimension.
        categories: How many of its last entries are one-hot, of a uniform category.
    """
    if categories:
        k = drawn.OneHotCategorical(tf.zeros([categories]), dtype=tf.float32)
        if categories == latent_dim:
            return k
        return drawn.Blockwise([prior(name, latent_dim - categories), k])
    if name == "normal":
        zeros = tf.zeros([latent_dim])
        return tfd.Independent(drawn.Normal(zeros, 1.0), reinterpreted_batch_ndims=1)
    if name == "uniform":
        ones = tf.ones([latent_dim])
        return tfd.Independent(drawn.Uniform(-ones, ones), reinterpreted_batch_ndims=1)
    raise ValueError(f'Expected prior to be "normal" or "uniform"; received: {name!r}')


def kl_divergence(
    q: tfd.Distribution, p: tfd.Distribution, sample: tf.Tensor
) -> tf.Tensor:
    """KL(q || p) per example: in closed form, (batch,), else estimated on a sample.

    Args:
        q: The posterior.
        p: The prior.
        sample: Codes drawn from q, with their gradient, (batch, latent_dim) or
            (samples, batch, latent_dim). An estimate has one number for each of them.
    """
    try:
        return tfd.kl_divergence(q, p)
    except NotImplementedError:  # TFP knows no closed form for this pair
        return q.log_prob(sample) - p.log_prob(sample)
