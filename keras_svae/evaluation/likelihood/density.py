"""A model's densities as the plain functions that likelihood measures take."""

from collections.abc import Callable
from typing import NamedTuple

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_svae import distributions
from keras_svae.evaluation.likelihood.common import LogLikelihood, Posterior
from keras_svae.game import checks, given
from keras_svae.game.feeding.ranges import bounded
from keras_svae.networks.layers import noise_layers
from keras_svae.noise import Noise

__all__ = ["Density", "density"]


class Density(NamedTuple):
    """What `density` gives.

    Attributes:
        log_likelihood: log p(x|z), (batch,), of data and codes (batch, d), nats.
        prior: p(z), a TFP distribution of codes (d,).
        posterior: A function that takes data and returns q(z|x). None where there is no
            encoder or it has no density.
        simulate: A function that takes n and a seed, and returns n pairs (x, z): z ~
            p(z), and x a draw from p(x|z), never its mean.
        value_range: (low, high) of data, or None for anywhere.
    """

    log_likelihood: LogLikelihood
    prior: tfd.Distribution
    posterior: Posterior | None
    simulate: Callable[[int, int], tuple[tf.Tensor, tf.Tensor]]
    value_range: tuple[float, float] | None


def density(
    model: keras.Model, likelihood: distributions.Law | str | None = None
) -> Density:
    """A model's p(x|z), p(z) and q(z|x), for the likelihood measures.

    Args:
        model: A model of any method of this package. It has a decoder, and perhaps an
            encoder.
        likelihood: Another law in place of the model's. One with the model's own
            activation reads the decoder's raw output (a Bernoulli law its logits, where
            the model's law has a sigmoid); a linear Gaussian or Laplace law of fixed
            scale is put around the decoded means, as Wu et al. (2016) do to GANs.

    Returns:
        Functions and laws; `likelihood` is theirs, if one was given.

    Raises:
        ValueError: For a model without a decoder density, whose decoder is fed noise,
            or with which the law does not go.

    Example:
        p = ks.evaluation.density(gan, ks.distributions.Gaussian(0.1))
        found = ks.evaluation.annealed_importance_sampling(x, p.log_likelihood, p.prior)
    """
    if not hasattr(model, "decoder") or not hasattr(model, "likelihood_law"):
        raise ValueError(
            "Expected a model of keras_svae with a decoder p(x|z); received: "
            f"{type(model).__name__}"
        )
    if fed := noise_layers(model.decoder):
        raise ValueError(
            "Expected a decoder of z alone; received: a decoder that reads noise "
            f"(layer {fed[0]!r}). Its density is p(x|z, noise); p(x|z) is an integral "
            "over the noise"
        )
    read = _law(model.likelihood_law, likelihood)

    def likelihoods(z):
        return read(model.decoder(z, training=False))

    def log_likelihood(x, z):
        # Another shape could be broadcast in silence.
        why = "what the decoder makes"
        checks.shapes("each example to have shape", x.shape[1:], model.data_shape, why)
        return likelihoods(z).log_prob(x)

    def simulate(n, seed=0):
        n = given.count("n", n)
        noise = Noise(seed)
        z = model.prior.sample(n, seed=noise.seed("z"))
        return likelihoods(z).sample(seed=noise.seed("x")), z

    explicit = hasattr(model, "encoder") and model.posterior_law.explicit
    return Density(
        log_likelihood,
        model.prior,
        model.posterior if explicit else None,
        simulate,
        bounded(model.likelihood_law.range),
    )


def _law(own: distributions.Law, other) -> Callable[[tf.Tensor], tfd.Distribution]:
    """The function that maps the decoder's raw output to p(x|z)."""
    if other is None:
        if not own.explicit:
            raise ValueError(
                "Expected a model with a decoder density p(x|z); received: an implicit "
                "likelihood. likelihood=ks.distributions.Gaussian(scale) puts a "
                "density around the decoded means"
            )
        return own
    law = distributions.get(other, "likelihood")
    if not law.explicit or law.parameters != 1:
        raise ValueError(
            "Expected likelihood to be a law with a density and no learned scale; "
            f"received: {type(law).__name__} {law.get_config()}"
        )
    if law.activation == own.activation:
        return lambda raw: law(raw[..., : raw.shape[-1] // own.parameters])
    if law.activation == "linear":
        return lambda raw: law(own.mean(raw))
    raise ValueError(
        f"Expected a likelihood that is linear, or whose activation is the model's, "
        f"{own.activation!r}; received: {type(law).__name__}, {law.activation!r}"
    )
