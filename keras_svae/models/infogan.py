"""InfoGAN: a generator, and an encoder that reads the code from its samples."""

import keras

from keras_svae import distributions
from keras_svae.game import checks
from keras_svae.game.player import Player
from keras_svae.game.terms import over_samples
from keras_svae.models.adversarial import AdversarialModel
from keras_svae.models.autoencoder import Autoencoder
from keras_svae.models.gan import GAN

__all__ = ["InfoGAN"]


@keras.saving.register_keras_serializable(package="keras_svae")
class InfoGAN(Autoencoder, GAN):
    """InfoGAN (Chen et al., 2016), as On Unifying Deep Generative Models' (9).

    The critic plays GAN's game on x alone. Generator and encoder minimise

        E_p softplus(-f(G(z)))  +  lam E_p(z) [-log q(z|G(z))].

    The encoder may infer all of the code z, or a part of it. Of `z = [c, rest, k]` it
    infers c, the first `inferred` entries, and k, the last `categories` entries:
    one-hot of a uniform category. The rest has its prior's law, `q(z|x) = q(c|x)
    p(rest) q(k|x)`; this adds a constant to the loss.

    Args:
        generator: Network from codes z, all their parts in one vector, to the
            likelihood's raw output.
        critic: Network from x to one unbounded logit, (batch, 1).
        encoder: Network from x to the raw output of q: of c, `posterior.outputs
            (inferred)` entries, then a logit for each category.
        inferred: How many of z's first entries are inferred; None for all that are not
            the category's.
        categories: How many categories; 0 for none.
        lam: Weight of the code, >= 0; 1 in (9).
        **kwargs: `posterior` of c, `prior` of c and the rest, `likelihood`,
            `importance_weighted`, `loss`, `seed`, `turns`, `play`: see `Autoencoder`
            and `GAN`.

    Raises:
        ValueError: For a negative lam, an implicit posterior, more inferred entries
            than the code has, or an encoder with another number of outputs.

    Example:
        nets = ks.networks.mnist(latent_dim=32, joint=False)
        model = ks.InfoGAN(nets.decoder, nets.critic, nets.encoder)
        model.compile(optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5),
                      critic_optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5))
    """

    players = {
        **AdversarialModel.players,
        "autoencoder": Player("encoder decoder"),
    }
    through_z_q = False

    def __init__(
        self,
        generator,
        critic,
        encoder,
        *,
        inferred: int | None = None,
        categories: int = 0,
        lam: float = 1.0,
        **kwargs,
    ):
        if inferred is not None:
            checks.integer("inferred", inferred, at_least=0)
        self.inferred = inferred
        self.categories = checks.integer("categories", categories, at_least=0)
        super().__init__(encoder, generator, critic=critic, **kwargs)
        self.lam = checks.weight("lam", lam)

    def law(self, role, given, name, network):
        """See `LatentModel.law`; a part of the code may be inferred, or a category."""
        law = super().law(role, given, name, network)
        if role == "likelihood":
            return law
        checks.explicit(law)
        count = self.inferred
        if count is None:
            count = self.latent_dim - self.categories
        if count == self.latent_dim:
            return law
        return distributions.PartialCode(
            self.latent_dim, count, self.categories, law, self.prior_name
        )

    @property
    def prior(self):
        """p(z), a TFP distribution of codes (latent_dim,)."""
        return distributions.prior(self.prior_name, self.latent_dim, self.categories)

    def autoencoder_loss(self, draw):
        """Minus the second of (9)."""
        f_p = self.f(draw.x_p, training=draw.training)
        code = -over_samples(draw.log_q_z)
        # A bound on the mutual information of code and sample (Chen et al., (4)).
        entropy = -over_samples(self.prior.log_prob(draw.z))
        draw.log["information"] = entropy - code
        return {"game": self.fooling(f_p), "reconstruction_z": self.lam * code}

    def endpoints(self):
        found = super().endpoints()
        if self.categories:
            # Annealing would use it, and annealing moves codes along its gradient.
            found.pop("log_likelihood", None)
        return found

    def about(self):
        """See `LatentModel.about`; also `categories`, the last entries of a code."""
        return {**super().about(), "categories": self.categories}
