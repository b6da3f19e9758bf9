"""The adversarial autoencoder (Makhzani et al., 2015)."""

import keras

from keras_svae.game import checks
from keras_svae.game.critic import Critic
from keras_svae.game.player import Player
from keras_svae.game.terms import over_data, over_samples
from keras_svae.models.critic_of_codes import CriticOfCodes
from keras_svae.ratios import as_above, as_below

__all__ = ["AdversarialAutoencoder"]


@keras.saving.register_keras_serializable(package="keras_svae")
class AdversarialAutoencoder(CriticOfCodes):
    """Adversarial autoencoder, AAE (Makhzani et al., 2015).

    This is InfoGAN with data and codes exchanged: On Unifying Deep Generative Models,
    (31). A critic tells codes of data from draws of the prior; it minimises minus twice
    (32),

        E_p(z) softplus(-f(z)) + E_q(x)q(z|x) softplus(f(z)),

    so that `f* = log p(z) - log q(z)`. Encoder and decoder minimise

        E_q(x)q(z|x) [-log p(x|z) + lam softplus(-f(z))].

    Args:
        encoder: Network from data to the posterior's raw output.
        decoder: Network from codes to the likelihood's raw output.
        critic: Network from z to one unbounded logit, (batch, 1).
        lam: Weight of the adversary, >= 0; 1 in (31).
        **kwargs: `posterior`, the law of codes ("implicit": the encoder's output is the
            code, as in (30); "gaussian" draws it; noise fed to an implicit encoder
            makes it any law's), `likelihood`, `prior`, `seed`, `turns`, `play`: see
            `Autoencoder`.

    Raises:
        ValueError: For a negative lam, an implicit likelihood, or a critic of another
            code.

    Example:
        nets = ks.networks.mnist(latent_dim=8, posterior="implicit", noise=False)
        critic = ks.networks.critic_code(latent_dim=8)
        model = ks.AdversarialAutoencoder(nets.encoder, nets.decoder, critic)
        model.compile(optimizer=keras.optimizers.Adam(1e-3),
                      critic_optimizer=keras.optimizers.Adam(1e-3))
    """

    players = {
        "critic": Player("critic", optimizer="critic_optimizer"),
        "autoencoder": Player("encoder decoder"),
    }
    default_laws = {**CriticOfCodes.default_laws, "posterior": "implicit"}
    f = g = Critic("critic", "z", above="p", below="q")
    # Whether the cost is a log likelihood.
    needs_density = True

    def __init__(self, encoder, decoder, critic, *, lam=1.0, **kwargs):
        super().__init__(encoder, decoder, critic_of_codes=critic, **kwargs)
        if self.needs_density:
            checks.explicit(self.likelihood_law)
        self.lam = checks.weight("lam", lam)

    def critic_loss(self, draw):
        """Minus twice (32)."""
        f_p = self.f(draw.z, training=draw.training)
        f_q = self.f(draw.z_q, training=draw.training)
        draw.log["symmetric_kl"] = over_samples(f_p) - over_data(f_q)
        return over_samples(as_above(f_p)) + over_data(as_below(f_q))

    def cost(self, draw):
        """What a reconstruction costs, -log p(x|z), (batch,)."""
        return -draw.log_p_x

    def autoencoder_loss(self, draw):
        """Minus the second of (31). Only its part y = 0, of data, has a gradient."""
        fooling = self.f.as_above(draw.z_q, training=draw.training)
        return {
            "reconstruction_x": over_data(self.cost(draw)),
            "matching": self.lam * over_data(fooling),
        }
