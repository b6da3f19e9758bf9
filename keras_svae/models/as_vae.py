"""The adversarial symmetric VAE (Pu et al., 2017): AS-VAE, AS-VAE-r and AS-VAE-g.

Equation numbers are those of `as_vae_nips2017`.
"""

import keras
import tensorflow as tf

from keras_svae.game import checks
from keras_svae.game.critic import Critic
from keras_svae.game.export.endpoints import endpoint
from keras_svae.game.once import once
from keras_svae.game.player import Player
from keras_svae.game.terms import over_batch, over_data, over_samples
from keras_svae.models.autoencoder import Autoencoder
from keras_svae.models.costs import squared
from keras_svae.models.draw import Draw

__all__ = ["ASVAE", "MarginalsDraw"]

PARTS = ("both", "reconstruction", "generation")


class MarginalsDraw(Draw):
    """Adds pairs of the products of marginals, whose x and z are independent."""

    @once
    def z_other(self):
        """Codes from the prior, independent of `z`, and so of `x_p`."""
        count = tf.shape(self.x)[0]
        return self.model.prior.sample(count, seed=self.noise.seed("z_other"))

    @once
    def z_q_other(self):
        """Each example gets the code of another one, the one before it in the batch.

        Examples of a batch are independent, so this is a draw from q(x) q(z). It needs
        no further pass through the encoder.
        """
        return partners(self.z_q)

    @property
    def p_marginals(self):
        """Pairs (x, z) of p(x) p(z)."""
        return self.x_p, self.z_other

    @property
    def q_marginals(self):
        """Pairs (x, z) of q(x) q(z)."""
        return self.x, self.z_q_other


def partners(codes: tf.Tensor) -> tf.Tensor:
    """The codes of a batch, each moved by one place."""
    return tf.roll(codes, 1, axis=0)


@keras.saving.register_keras_serializable(package="keras_svae")
class ASVAE(Autoencoder):
    """Adversarial symmetric VAE (Pu et al., 2017), and its two halves.

    Each critic compares a joint law with a product of marginals. The losses are minus
    (5) and minus (6):

        f1: E_q(x)q(z|x) softplus(-f1) + E_p(x)p(z) softplus(f1),
            f1* = log q(x, z) - log p(x) p(z);
        f2: E_p(z)p(x|z) softplus(-f2) + E_q(x)q(z) softplus(f2),
            f2* = log p(x, z) - log q(x) q(z).

    These optima are (7). x and z of a product's pair are drawn independently. Encoder
    and decoder minimise minus (10), `-(L_x + L_z)`, where by (8) and (9)

        L_x = E_q(x) log p(x) - KL(q(x, z) || p(x, z)) = E_q [log p(x|z) - f1*],
        L_z = E_p(z) log q(z) - KL(p(x, z) || q(x, z)) = E_p [log q(z|x) - f2*].

    Samples carry their gradient, (11). f1 and f2 are functions of the samples only: no
    gradient follows how f1 and f2 change with p(x) and q(z). If `part` uses the density
    of a law, that law needs one.

    One player trains both critics with one optimizer. Their weights are disjoint, so
    the gradient of the sum is the gradient of each. (A global clipnorm would use both.)

    Args:
        encoder: Network from data to the posterior's raw output.
        decoder: Network from codes to the likelihood's raw output.
        critic_x: f1, network from `[x, z]` to one logit.
        critic_z: f2, another network of the same form with weights of its own.
        part: "both" for AS-VAE, "reconstruction" for AS-VAE-r, which keeps L_x and
            f1, "generation" for AS-VAE-g, which keeps L_z and f2. The critic that
            is not used may be None, and is left out of the model.
        **kwargs: `posterior`, `likelihood`, `prior`, `seed`, `turns`, `play`: see
            `Autoencoder` and `Game`.

    Raises:
        ValueError: For an unknown part; for a critic that is missing, has other shapes
            or is the same as the other one; or for an implicit law whose density `part`
            needs.

    Example:
        nets = ks.networks.mnist(latent_dim=32)
        critic_z = keras.models.clone_model(nets.critic)     # with new weights
        model = ks.ASVAE(*nets, critic_z)
        model.compile(optimizer=keras.optimizers.Adam(1e-4),
                      critic_optimizer=keras.optimizers.Adam(1e-4))
    """

    players = {
        "critic": Player("critic_x critic_z", optimizer="critic_optimizer"),
        "autoencoder": Player("encoder decoder"),
    }
    # log q(x, z) - log p(x) p(z), and log p(x, z) - log q(x) q(z).
    f1 = Critic("critic_x", "x z", above="q(x, z)", below="p(x) p(z)")
    f2 = Critic("critic_z", "x z", above="p(x, z)", below="q(x) q(z)")

    def __init__(
        self, encoder, decoder, critic_x=None, critic_z=None, *, part="both", **kwargs
    ):
        super().__init__(encoder, decoder, **kwargs)
        checks.choice("part", part, PARTS)
        self.part = part
        self.keeps_x, self.keeps_z = part != "generation", part != "reconstruction"
        self.through_z_q, self.through_x_p = self.keeps_x, self.keeps_z
        # These laws need a density.
        if self.keeps_x:
            checks.explicit(self.likelihood_law)
        if self.keeps_z:
            checks.explicit(self.posterior_law)
        self.critic_x = self.critic_z = None
        if self.keeps_x:
            self.f1.use(critic_x)
        if self.keeps_z:
            self.f2.use(critic_z)
        if part == "both" and critic_x is critic_z:
            raise ValueError(
                "Expected two critics with weights of their own, e.g. critic_z="
                "keras.models.clone_model(critic_x); received: the same one twice"
            )

    def draw(self, batch, noise, training):
        return MarginalsDraw(self, batch, noise, training)

    def least_share(self):
        if not self.keeps_z:
            return super().least_share()
        return 2, (
            "at least 2 examples per replica, so that each has an independent partner"
        )

    def critic_loss(self, draw):
        """Minus (5) and minus (6)."""
        terms = {}
        if self.keeps_x:
            above = self.f1.as_above(*draw.q, training=draw.training)
            below = self.f1.as_below(*draw.p_marginals, training=draw.training)
            terms["x"] = over_data(above) + over_samples(below)
        if self.keeps_z:
            above = self.f2.as_above(*draw.p, training=draw.training)
            # A pair mixes two examples, so the weight of one does not apply.
            below = self.f2.as_below(*draw.q_marginals, training=draw.training)
            terms["z"] = over_samples(above) + over_batch(tf.reduce_mean(below))
        return terms

    def autoencoder_loss(self, draw):
        """Minus (10), or minus the half of it that `part` keeps."""
        terms = {}
        if self.keeps_x:
            terms["reconstruction_x"] = -over_data(draw.log_p_x)
            # At f1* this is KL(q(x, z) || p(x) p(z)).
            terms["kl_x"] = over_data(self.f1(*draw.q, training=draw.training))
            draw.log["bound_x"] = -terms["reconstruction_x"] - terms["kl_x"]
        if self.keeps_z:
            terms["reconstruction_z"] = -over_samples(draw.log_q_z)
            # At f2* this is KL(p(x, z) || q(x) q(z)).
            terms["kl_z"] = over_samples(self.f2(*draw.p, training=draw.training))
            draw.log["bound_z"] = -terms["reconstruction_z"] - terms["kl_z"]
        return terms

    def observe(self, draw):
        """Adds how well x and z are reconstructed: the paper's stopping criterion."""
        found = super().observe(draw)
        law = self.posterior_law
        codes = law.mean(self.posterior_raw(draw.x_p, draw.training))
        found["mse_z"] = over_samples(squared(codes, draw.z)) / self.latent_dim
        return {**found, "reconstruction": (found["mse"] + found["mse_z"]) / 2}

    @endpoint("log_ratio", when=lambda model: model.keeps_x)
    def log_ratio_x(self, x, z) -> tf.Tensor:
        """f1's estimate of log q(x, z) - log p(x) p(z), (batch,), nats."""
        self._kept("log_ratio_x", self.keeps_x)
        return self.f1.log_ratio(self._data(x), self._codes(z))

    @endpoint("log_ratio", when=lambda model: model.keeps_z)
    def log_ratio_z(self, x, z) -> tf.Tensor:
        """f2's estimate of log p(x, z) - log q(x) q(z), (batch,), nats."""
        self._kept("log_ratio_z", self.keeps_z)
        return self.f2.log_ratio(self._data(x), self._codes(z))

    def _kept(self, name, kept):
        if not kept:
            raise ValueError(
                f"Expected a model whose part has the critic of {name}; received: "
                f"part={self.part!r}"
            )
