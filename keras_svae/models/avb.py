"""Adversarial variational Bayes (Mescheder et al., 2017)."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from keras_svae.game import checks
from keras_svae.game.critic import Critic
from keras_svae.game.in_parts import in_parts
from keras_svae.game.once import once
from keras_svae.game.terms import over_data
from keras_svae.models.autoencoder import JointModel
from keras_svae.models.draw import Draw
from keras_svae.networks.layers import noise_layers
from keras_svae.noise import Noise, scope

__all__ = ["AdversarialVariationalBayes"]

# Draws per example for the estimate of the contrast's moments, by default.
DRAWS = 10
# The contrast's scale is at least this in each dimension.
NARROWEST = 1e-3


class _Contrast:
    """The Gaussian r(z|x), or the prior itself if there is no adaptive contrast."""

    def __init__(self, mean=None, scale=None):
        self.mean, self.scale = mean, scale

    def normalised(self, z):
        """(z - mu(x)) / sigma(x)."""
        return z if self.mean is None else (z - self.mean) / self.scale

    def over(self, prior, z):
        """log r(z|x) - log p(z), (batch,); 0 without a contrast."""
        if self.mean is None:
            return tf.zeros(tf.shape(z)[:1])
        r = tfp.distributions.MultivariateNormalDiag(self.mean, self.scale)
        return r.log_prob(z) - prior.log_prob(z)


class ContrastDraw(Draw):
    """Adds the contrast that the encoder is compared with."""

    @once
    def contrast(self):
        """r(z|x) at the data. It is constant: no gradient flows into its moments."""
        return self.model.contrast(self.x, self.noise.fold(0), self.training)


@keras.saving.register_keras_serializable(package="keras_svae")
class AdversarialVariationalBayes(JointModel):
    """Adversarial variational Bayes, AVB (Mescheder et al., 2017).

    It is the VAE's bound with a critic T in place of the encoder's density. So the
    encoder may be implicit: a network that is fed noise. The critic minimises

        E_q(x)q(z|x) softplus(-T) + E_q(x)p(z) softplus(T),

    so that `T* = log q(z|x) - log p(z)` (their Proposition 1), and encoder and decoder
    minimise, on reparameterised codes,

        E_q(x)q(z|x) [T(x, z) - log p(x|z)].

    T* itself changes with the encoder, but the expectation of this gradient is zero
    (their Proposition 2).

    With `adaptive_contrast` the encoder is not compared with the prior but with r(z|x).
    This is the Gaussian with the encoder's own mean and standard deviation at x, and is
    much more similar to the encoder (their section "Adaptive contrast"). In normalised
    codes `z~ = (z - mu(x)) / sigma(x)` r is N(0, I), so the critic minimises

        E_q softplus(-T(x, z~)) + E_q(x)N(e; 0, I) softplus(T(x, e)),

    and encoder and decoder

        E_q [T(x, z~) + log r(z|x) - log p(z) - log p(x|z)].

    Any fixed r gives the same objective, so no gradient flows into the moments.

    Args:
        encoder: Network from data to the posterior's raw output.
        decoder: Network from codes to the likelihood's raw output.
        critic: T, network from `[x, z]` to one logit.
        adaptive_contrast: Whether the encoder is compared with r(z|x) instead of the
            prior; needs prior="normal".
        contrast_draws: The number of further codes of each example for the estimate of
            mu and sigma, at least 2. Each costs a pass through the encoder. None takes
            mu and sigma from a "gaussian" or "laplace" posterior. For another
            posterior, or an encoder with `AppendNoise`, None means 10 draws.
        **kwargs: `posterior` ("implicit" if neither it nor the encoder's end names
            another law), `likelihood`, `prior`, `seed`, `turns`, `play`: see
            `Autoencoder` and `Game`.

    Raises:
        ValueError: For an implicit likelihood, contrast_draws below 2, or adaptive
            contrast with another prior.

    Example:
        nets = ks.networks.mnist(latent_dim=32, posterior="implicit")
        model = ks.AdversarialVariationalBayes(*nets, adaptive_contrast=True)
        model.compile(optimizer=keras.optimizers.Adam(1e-4),
                      critic_optimizer=keras.optimizers.Adam(1e-4))
    """

    default_laws = {**JointModel.default_laws, "posterior": "implicit"}
    through_x_p = False
    # f is no ratio of the two joint laws: see `log_ratio`.
    f = Critic("critic", "x z")

    def __init__(
        self,
        encoder,
        decoder,
        critic,
        *,
        adaptive_contrast=False,
        contrast_draws=None,
        **kwargs,
    ):
        super().__init__(encoder, decoder, critic, **kwargs)
        checks.explicit(self.likelihood_law)
        self.adaptive_contrast = checks.flag("adaptive_contrast", adaptive_contrast)
        if contrast_draws is not None:
            checks.integer("contrast_draws", contrast_draws, at_least=2)
        self.contrast_draws = contrast_draws
        if self.adaptive_contrast and self.prior_name != "normal":
            raise ValueError(
                'Expected prior="normal" with adaptive_contrast, as codes can '
                f"have any value; received: prior={self.prior_name!r}"
            )

    def draw(self, batch, noise, training):
        return ContrastDraw(self, batch, noise, training)

    def contrast(self, x, noise: Noise, training: bool) -> _Contrast:
        """r(z|x) at data (batch, ...). No gradient flows into its moments."""
        if not self.adaptive_contrast:
            return _Contrast()
        mean, scale = self._moments(x, noise, training)
        scale = tf.maximum(scale, NARROWEST)
        return _Contrast(tf.stop_gradient(mean), tf.stop_gradient(scale))

    def _moments(self, x, noise, training):
        law, count = self.posterior_law, self.contrast_draws
        if count is None:
            known = law.explicit and law.moments and law.draw == "sample"
            if known and not noise_layers(self.encoder):
                posterior = law(self.posterior_raw(x, training))
                return posterior.mean(), posterior.stddev()
            count = DRAWS
        with scope(noise):
            raw = self.posterior_raw(tf.repeat(x, count, axis=0), training)
            z = law.sample(raw, noise.seed("z"))
        z = tf.reshape(z, [-1, count, self.latent_dim])
        mean = tf.reduce_mean(z, 1)
        squares = tf.reduce_sum((z - mean[:, None]) ** 2, 1)
        return mean, tf.sqrt(squares / (count - 1))

    def critic_loss(self, draw):
        """The critic tells codes of the encoder from those of the contrast."""
        # This also holds with a contrast: normalised codes of it are N(0, I), as the
        # prior's.
        codes = draw.contrast.normalised(draw.z_q)
        above = self.f.as_above(draw.x, codes, training=draw.training)
        below = self.f.as_below(draw.x, draw.z, training=draw.training)
        return over_data(above) + over_data(below)

    def autoencoder_loss(self, draw):
        """Minus the bound. The critic estimates KL(q(z|x) || p(z))."""
        codes = draw.contrast.normalised(draw.z_q)
        critic = over_data(self.f(draw.x, codes, training=draw.training))
        terms = {"reconstruction_x": -over_data(draw.log_p_x), "critic": critic}
        draw.log["kl"] = critic
        if self.adaptive_contrast:
            over = draw.contrast.over(self.prior, draw.z_q)
            terms["contrast"] = over_data(over)
            draw.log["kl"] = critic + terms["contrast"]
        return terms

    def log_ratio(self, x, z) -> tf.Tensor:
        """The estimate of log q(z|x) - log p(z), (batch,), nats, also with a contrast.

        Moments that are estimated come from a fixed seed.
        """

        def log_ratio(x, z):
            contrast = self.contrast(x, Noise(0), False)
            f = self.f.log_ratio(x, contrast.normalised(z))
            return f + contrast.over(self.prior, z)

        return in_parts(log_ratio, self._data(x), self._codes(z))
