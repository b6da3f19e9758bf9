"""Adversarial variational Bayes (Mescheder et al., 2017)."""

import functools

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from keras_svae.game import checks
from keras_svae.game.critic import Critic
from keras_svae.game.terms import over_data
from keras_svae.models.autoencoder import JointModel
from keras_svae.models.draw import Draw
from keras_svae.networks.layers import noise_layers
from keras_svae.noise import Noise, scope

__all__ = ["AdversarialVariationalBayes"]

# Draws per example that the contrast's moments are estimated from, unless given.
DRAWS = 10
# No dimension's contrast is narrower than this.
NARROWEST = 1e-3


class _Contrast:
    """The Gaussian r(z|x), or the prior itself where there is no adaptive contrast."""

    def __init__(self, mean=None, scale=None):
        self.mean, self.scale = mean, scale

    def normalised(self, z):
        """(z - mu(x)) / sigma(x)."""
        return z if self.mean is None else (z - self.mean) / self.scale

    def over(self, prior, z):
        """log r(z|x) - log p(z), (batch,); nothing without a contrast."""
        if self.mean is None:
            return tf.zeros(tf.shape(z)[:1])
        r = tfp.distributions.MultivariateNormalDiag(self.mean, self.scale)
        return r.log_prob(z) - prior.log_prob(z)


class ContrastDraw(Draw):
    """Adds the contrast that the encoder is compared with."""

    @functools.cached_property
    def contrast(self):
        """r(z|x) at the data, a constant: its moments carry no gradient."""
        return self.model.contrast(self.x, self.noise.fold(0), self.training)


@keras.saving.register_keras_serializable(package="keras_svae")
class AdversarialVariationalBayes(JointModel):
    """Adversarial variational Bayes, AVB (Mescheder et al., 2017).

    The VAE's bound with a critic T in place of the density of the encoder, which may
    therefore be implicit: a network fed noise. The critic minimises

        E_q(x)q(z|x) softplus(-T) + E_q(x)p(z) softplus(T),

    so that `T* = log q(z|x) - log p(z)` (their Proposition 1), and encoder and decoder
    minimise, on reparameterised codes,

        E_q(x)q(z|x) [T(x, z) - log p(x|z)].

    T* itself changes with the encoder, but in expectation this adds nothing to the
    gradient (their Proposition 2).

    With `adaptive_contrast` the encoder is compared not with the prior but with
    r(z|x), the Gaussian of the encoder's own mean and standard deviation at x, which
    it resembles much more (their section "Adaptive contrast"). In normalised codes
    `z~ = (z - mu(x)) / sigma(x)` r is N(0, I), so the critic minimises

        E_q softplus(-T(x, z~)) + E_q(x)N(e; 0, I) softplus(T(x, e)),

    and encoder and decoder

        E_q [T(x, z~) + log r(z|x) - log p(z) - log p(x|z)].

    Any fixed r gives the same objective, so the moments are constants to its gradient.

    Args:
        encoder: Network from data to the posterior's raw output.
        decoder: Network from codes to the likelihood's raw output.
        critic: T, network from `[x, z]` to one logit.
        adaptive_contrast: Whether r(z|x) stands between encoder and prior; wants
            prior="normal".
        contrast_draws: How many further codes of each example mu and sigma are
            estimated from, at least 2; each costs a pass through the encoder. None
            takes them from a "gaussian" or "laplace" posterior, and 10 draws where
            the posterior is another one or the encoder has `AppendNoise`.
        **kwargs: `posterior` ("implicit" where neither it nor the encoder's end says
            another), `likelihood`, `prior`, `seed`, `turns`, `play`: see `Autoencoder`
            and `Game`.

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
    # No ratio of the two joint laws: see `log_ratio`.
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
        self.adaptive_contrast = bool(adaptive_contrast)
        if contrast_draws is not None:
            checks.integer("contrast_draws", contrast_draws, at_least=2)
        self.contrast_draws = contrast_draws
        if self.adaptive_contrast and self.prior_name != "normal":
            raise ValueError(
                'Expected prior="normal" with adaptive_contrast, as codes are '
                f"anywhere; received: prior={self.prior_name!r}"
            )

    def draw(self, batch, noise, training):
        return ContrastDraw(self, batch, noise, training)

    def contrast(self, x, noise: Noise, training: bool) -> _Contrast:
        """r(z|x) at data (batch, ...), its moments without a gradient."""
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
        # With a contrast, too: codes of it are then normalised, N(0, I) as the prior.
        codes = draw.contrast.normalised(draw.z_q)
        above = self.f.as_above(draw.x, codes, training=draw.training)
        below = self.f.as_below(draw.x, draw.z, training=draw.training)
        return over_data(above) + over_data(below)

    def autoencoder_loss(self, draw):
        """Minus the bound, KL(q(z|x) || p(z)) as the critic has it."""
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
        """The estimate of log q(z|x) - log p(z), (batch,), nats, contrast or not.

        Moments that are estimated come from a fixed seed.
        """
        x, z = self._data(x), self._codes(z)
        contrast = self.contrast(x, Noise(0), False)
        f = self.f.log_ratio(x, contrast.normalised(z))
        return f + contrast.over(self.prior, z)
