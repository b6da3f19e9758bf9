"""Adaptive contrast (Mescheder et al., 2017): a Gaussian to compare q(z|x) with."""

import tensorflow as tf
import tensorflow_probability as tfp

from keras_svae.game import checks
from keras_svae.game.critic import OfModel
from keras_svae.game.once import once
from keras_svae.models.autoencoder import Autoencoder
from keras_svae.models.draw import Draw
from keras_svae.networks.layers import noise_layers
from keras_svae.noise import Noise, scope

__all__ = ["Contrast", "ContrastDraw", "Contrasted"]

# Draws per example for the estimate of the contrast's moments, by default.
DRAWS = 10
# The contrast's scale is at least this in each dimension.
NARROWEST = 1e-3


class Contrast:
    """The Gaussian r(z|x), or the prior itself if there is no adaptive contrast."""

    def __init__(self, mean=None, scale=None):
        self.mean, self.scale = mean, scale

    def normalised(self, z) -> tf.Tensor:
        """(z - mu(x)) / sigma(x), (batch, latent_dim)."""
        return z if self.mean is None else (z - self.mean) / self.scale

    def over(self, prior, z) -> tf.Tensor:
        """log r(z|x) - log p(z), (batch,); 0 without a contrast."""
        if self.mean is None:
            return tf.zeros(tf.shape(z)[:1])
        r = tfp.distributions.MultivariateNormalDiag(self.mean, self.scale)
        return r.log_prob(z) - prior.log_prob(z)


class ContrastDraw(Draw):
    """Adds the contrast that codes of the encoder are compared with."""

    @once
    def contrast(self):
        """r(z|x) at the data. It is constant: no gradient flows into its moments."""
        given = self.x, self.noise.fold(0), self.training
        if not self.model.adaptive_contrast or noise_layers(self.model.encoder):
            return self.model.contrast(*given)
        return self.model.contrast(*given, raw=self._posterior_raw)

    @property
    def normalised_q(self):
        """Pairs (x, z~) of the encoder. z~ is N(0, I) where q(z|x) is the contrast."""
        return self.x, self.contrast.normalised(self.z_q)


class Contrasted(Autoencoder):
    """Adds r(z|x) in place of the prior, to compare codes of an encoder with.

    r is the Gaussian with the encoder's own mean and standard deviation at x. In
    normalised codes `z~ = (z - mu(x)) / sigma(x)` it is N(0, I), so a critic that tells
    z~ from N(0, I) estimates log q(z|x) - log r(z|x), and log r - log p is known. A
    subclass calls `use_contrast`, and its draw is a `ContrastDraw`.
    """

    def use_contrast(self, adaptive: bool, draws: int | None) -> None:
        """Keeps the arguments of the constructor.

        Args:
            adaptive: Whether the encoder is compared with r(z|x) instead of the prior.
            draws: The number of further codes of each example for the estimate of mu
                and sigma, at least 2; None: see `AdversarialVariationalBayes`.

        Raises:
            ValueError: For fewer than 2 draws, or adaptive contrast with a prior that
                is not "normal".
        """
        self.adaptive_contrast = checks.flag("adaptive_contrast", adaptive)
        if draws is not None:
            checks.integer("contrast_draws", draws, at_least=2)
        self.contrast_draws = draws
        if self.adaptive_contrast and self.prior_name != "normal":
            raise ValueError(
                'Expected prior="normal" with adaptive_contrast, as codes can '
                f"have any value; received: prior={self.prior_name!r}"
            )

    def contrast(self, x, noise: Noise, training: bool, raw=None) -> Contrast:
        """r(z|x) at data. No gradient flows into its moments.

        Args:
            x: Data, (batch, ...).
            noise: The source of the draws from which moments are estimated.
            training: Whether the encoder runs as in training.
            raw: The encoder's output at x, if it is known and the encoder is fed no
                noise.
        """
        if not self.adaptive_contrast:
            return Contrast()
        mean, scale = self._moments(x, noise, training, raw)
        scale = tf.maximum(scale, NARROWEST)
        return Contrast(tf.stop_gradient(mean), tf.stop_gradient(scale))

    def contrasted(self, critic: OfModel, x, z) -> tuple[tf.Tensor, tf.Tensor]:
        """A critic at normalised codes, and log r(z|x) - log p(z), (batch,) each.

        Moments that are estimated come from a fixed seed.
        """
        contrast = self.contrast(x, Noise(0), False)
        f = critic.log_ratio(x, contrast.normalised(z))
        return f, contrast.over(self.prior, z)

    def _moments(self, x, noise, training, raw):
        law, count = self.posterior_law, self.contrast_draws
        noisy = noise_layers(self.encoder)
        if not noisy and raw is None:
            raw = self.posterior_raw(x, training)
        if count is None:
            known = law.explicit and law.moments and law.draw == "sample"
            if known and not noisy:
                posterior = law(raw)
                return posterior.mean(), posterior.stddev()
            count = DRAWS
        with scope(noise):
            # Noise beside x is part of the posterior: each draw has its own.
            if noisy:
                raw = self.posterior_raw(tf.repeat(x, count, axis=0), training)
            else:
                raw = tf.repeat(raw, count, axis=0)
            z = law.sample(raw, noise.seed("z"))
        z = tf.reshape(z, [-1, count, self.latent_dim])
        mean = tf.reduce_mean(z, 1)
        squares = tf.reduce_sum((z - mean[:, None]) ** 2, 1)
        return mean, tf.sqrt(squares / (count - 1))
