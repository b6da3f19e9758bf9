"""Adversarial variational Bayes (Mescheder et al., 2017)."""

import keras
import tensorflow as tf

from keras_svae.game import checks
from keras_svae.game.critic import Critic
from keras_svae.game.in_parts import in_parts
from keras_svae.game.terms import over_data
from keras_svae.models.autoencoder import JointModel
from keras_svae.models.contrast import ContrastDraw, Contrasted

__all__ = ["AdversarialVariationalBayes"]


@keras.saving.register_keras_serializable(package="keras_svae")
class AdversarialVariationalBayes(Contrasted, JointModel):
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
            mu and sigma, at least 2. Each costs a pass through an encoder that is fed
            noise. None takes mu and sigma from a "gaussian" or "laplace" posterior. For
            another posterior, or an encoder with `AppendNoise`, None means 10 draws.
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
        self.use_contrast(adaptive_contrast, contrast_draws)

    def draw(self, batch, noise, training):
        return ContrastDraw(self, batch, noise, training)

    def critic_loss(self, draw):
        """The critic tells codes of the encoder from those of the contrast."""
        # This also holds with a contrast: normalised codes of it are N(0, I), as the
        # prior's.
        above = self.f.as_above(*draw.normalised_q, training=draw.training)
        below = self.f.as_below(draw.x, draw.z, training=draw.training)
        return over_data(above) + over_data(below)

    def autoencoder_loss(self, draw):
        """Minus the bound. The critic estimates KL(q(z|x) || p(z))."""
        critic = over_data(self.f(*draw.normalised_q, training=draw.training))
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
            f, over = self.contrasted(self.f, x, z)
            return f + over

        return in_parts(log_ratio, self._data(x), self._codes(z))
