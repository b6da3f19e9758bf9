"""alpha-GAN: a variational autoencoder with critics in place of all densities."""

import functools

import keras

from keras_svae.game import checks
from keras_svae.game.critic import Critic
from keras_svae.game.player import Player
from keras_svae.game.terms import over_data, over_samples
from keras_svae.models.adversarial import AdversarialModel
from keras_svae.models.costs import l1
from keras_svae.models.critic_of_codes import CriticOfCodes
from keras_svae.ratios import as_above, as_below

__all__ = ["AlphaGAN"]


@keras.saving.register_keras_serializable(package="keras_svae")
class AlphaGAN(CriticOfCodes, AdversarialModel):
    """alpha-GAN (Rosca et al., 2017).

    It uses the variational bound with a "synthetic likelihood" and an implicit
    posterior. A critic of data, D = s(f), replaces the likelihood, beside an L1
    reconstruction. A critic of codes, C = s(g), replaces KL(q(z) || p(z)). In the order
    of algorithm 1, with z ~ q(z|x) and u ~ p(z), encoder, generator and critics
    minimise

        E: E_q [lam ||x - G(z)||_1 - g(z)],
        G: E_q [lam ||x - G(z)||_1 - f(G(z))] - E_p f(G(u)),
        D: E_q [2 softplus(-f(x)) + softplus(f(G(z)))] + E_p softplus(f(G(u))),
        C: E_p softplus(-g(u)) + E_q softplus(g(z)).

    The generator's loss is `-log D + log(1 - D)`, the saturating and the non-saturating
    loss together. This is -f, minus the logit, which is the estimate of the log ratio
    in the bound. The same holds for C. At the optimum `f* = log q(x) - log [(p(x) +
    r(x)) / 2]`, where r is the law of reconstructions, and `g* = log p(z) - log q(z)`.

    Args:
        encoder: Network from data to the posterior's raw output.
        generator: Network from codes to the likelihood's raw output. G(z) is the mean
            of the likelihood.
        critic: f, network from x to one logit.
        critic_code: g, network from z to one logit.
        lam: Weight of the L1 norm, summed over an example's entries; >= 0.
        **kwargs: `posterior`, the law of codes ("implicit": the encoder's output, by
            the noise it is fed, if any; or one that is drawn from), `likelihood`,
            `prior`, `seed`, `turns`, `play`: see `Autoencoder` and `Game`.

    Raises:
        ValueError: For a negative lam, or a critic that reads something else.

    Example:
        nets = ks.networks.mnist(latent_dim=8, posterior="implicit", joint=False)
        model = ks.AlphaGAN(*nets, ks.networks.critic_code(latent_dim=8), lam=0.1)
        adam = functools.partial(keras.optimizers.Adam, 2e-4, beta_1=0.5)
        model.compile(optimizer=adam(), encoder_optimizer=adam(),
                      critic_optimizer=adam())
    """

    players = {
        "encoder": Player("encoder", optimizer="encoder_optimizer"),
        "generator": Player("decoder"),
        "critic": Player("critic critic_code", optimizer="critic_optimizer"),
    }
    default_laws = {**CriticOfCodes.default_laws, "posterior": "implicit"}
    # f is a ratio to the mixture above, not to the model's law.
    f = Critic("critic", "x")

    def __init__(
        self,
        encoder,
        generator,
        critic,
        critic_code,
        *,
        lam: float = 1.0,
        **kwargs,
    ):
        super().__init__(
            encoder,
            generator,
            critic=critic,
            critic_of_codes=critic_code,
            **kwargs,
        )
        self.lam = checks.weight("lam", lam)

    def reconstruction(self, draw):
        """E_q lam ||x - G(z)||_1."""
        return self.lam * over_data(l1(draw.x, draw.reconstruction))

    def encoder_loss(self, draw):
        """Algorithm 1's first update."""
        kl = -over_data(self.g(draw.z_q, training=draw.training))
        return {"reconstruction_x": self.reconstruction(draw), "kl": kl}

    def generator_loss(self, draw):
        """Algorithm 1's second update."""
        return {
            "reconstruction_x": self.reconstruction(draw),
            "game_reconstructions": -over_data(
                self.f(draw.reconstruction, training=draw.training)
            ),
            "game": -over_samples(self.f(draw.x_p, training=draw.training)),
        }

    def critic_loss(self, draw):
        """Algorithm 1's last two updates. Only these update the critics' weights."""
        f = functools.partial(self.f, training=draw.training)
        g = functools.partial(self.g, training=draw.training)
        real, made = over_data(as_above(f(draw.x))), over_samples(as_below(f(draw.x_p)))
        again = over_data(as_below(f(draw.reconstruction)))
        prior = over_samples(as_above(g(draw.z)))
        codes = over_data(as_below(g(draw.z_q)))
        return {"x": 2 * real + made + again, "code": prior + codes}
