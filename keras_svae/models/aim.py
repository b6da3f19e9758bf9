"""AIM and AIM-: adversarial inference by matching priors and conditionals.

Equation and algorithm numbers are those of AIM, `papers/aim`.
"""

import keras
import tensorflow as tf

from keras_svae.distributions import Gaussian
from keras_svae.game import checks
from keras_svae.game.critic import Critic
from keras_svae.game.player import Player
from keras_svae.game.terms import over_data, over_samples
from keras_svae.models.autoencoder import Autoencoder
from keras_svae.models.gan import GAN

__all__ = ["AIM"]


@keras.saving.register_keras_serializable(package="keras_svae")
class AIM(Autoencoder, GAN):
    """AIM and, with `variance="unit"`, AIM-: a GAN that learns the code of its samples.

    The discriminator plays GAN's game on x alone, (7). Generator and encoder minimise
    the non-saturating loss and the code's reconstruction, (9):

        E_p softplus(-f(G(z))) + lam E_p(z)[-log q(z|G(z))],

    where q(z|x) = N(mu, diag sigma^2), (8), and `f* = log q(x) - log p(x)`. The encoder
    reads the discriminator's features and does not update them: they are weights of the
    discriminator, which is another player. The generator gets its gradient through
    them. If generated and real data agree, the two joint laws agree.

    With `game="f-gan"` the discriminator maximises (6), `E_q D - E_p exp(D - 1)` with
    `f = D - 1`, and the generator minimises the same. This is KL(q(x) || p(x)) if D is
    optimal.

    Args:
        generator: Network from codes to the likelihood's raw output. The paper's G is
            deterministic: feed it no noise, and take a likelihood with `draw="mean"`;
            "bernoulli" and "gaussian" have it. A likelihood with `draw="sample"` adds
            its noise to the samples that discriminator and encoder see.
        discriminator: Network from x to one unbounded logit, (batch, 1), with a layer
            named "features".
        encoder: Network from that layer's output to the posterior's raw output,
            (batch, 2 latent_dim), or (batch, latent_dim) where `variance="unit"`.
        lam: Weight of the code's reconstruction, >= 0, or None for the paper's: 1/d
            for codes of d dimensions; 1 in the f-GAN form.
        variance: "learned", or "unit" for sigma = 1, which is AIM-.
        game: "gan" for (7), "f-gan" for (6).
        **kwargs: `loss` of the generator in the game "gan": see `GAN`. `likelihood`,
            `prior`, `seed`, `turns`, `play`: see `LatentModel`. If `turns` and `play`
            do not say otherwise, play is simultaneous, as in algorithm 1.

    Raises:
        ValueError: For a negative lam, a discriminator without features, an encoder
            that does not read them or whose code is not the generator's.

    Example:
        nets = ks.networks.aim_mnist(latent_dim=32)
        model = ks.AIM(nets.decoder, nets.critic, nets.encoder)
        model.compile(optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5),
                      critic_optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5))
        model.neighbours(x, 8)          # (batch, 8, 28, 28, 1)
    """

    players = {
        "critic": Player("critic", optimizer="critic_optimizer"),
        "autoencoder": Player("encoder decoder"),
    }
    # Algorithm 1 computes both losses before it updates anything.
    default_play = "simultaneous"
    through_z_q = False
    # The logit, or D - 1 of (6).
    f = Critic(
        "critic",
        "x",
        above="q",
        below="p",
        f=lambda model, d: d if model.game == "gan" else d - 1,
    )

    def __init__(
        self,
        generator,
        discriminator,
        encoder,
        *,
        lam: float | None = None,
        variance: str = "learned",
        game: str = "gan",
        **kwargs,
    ):
        checks.choice("variance", variance, ("learned", "unit"))
        checks.choice("game", game, ("gan", "f-gan"))
        self.variance, self.game = variance, game
        critic = _with_features(discriminator)
        super().__init__(encoder, generator, critic=critic, **kwargs)
        if self.importance_weighted and game != "gan":
            raise ValueError(
                f'Expected game="gan" with importance weights; received: game={game!r}'
            )
        if self.fools_by != "non_saturating" and game != "gan":
            raise ValueError(
                'Expected game="gan" with a loss other than "non_saturating"; '
                f"received: loss={self.fools_by!r}, game={game!r}"
            )
        if lam is None:
            lam = 1 / self.latent_dim if game == "gan" else 1.0
        self.lam = checks.weight("lam", lam)
        self.record("lam", self.lam)
        # The second player passes through the discriminator once for all its needs.
        # This model is not tracked: its layers belong to the discriminator.
        features = self.critic.get_layer("features").output
        both = keras.Model(self.critic.inputs[0], [features, self.critic.output])
        self._features_and_logit = lambda x, training: both(x, training=training)

    def law(self, role, given, name, network):
        """See `LatentModel.law`. The law of codes is that of (8), by `variance`."""
        if role != "posterior":
            return super().law(role, given, name, network)
        own = Gaussian("learned" if self.variance == "learned" else 1.0)
        said = checks.law(role, given, name, network)
        same = type(said) is Gaussian and said.scale == own.scale
        if said is not None and not same:
            raise ValueError(
                f"Expected the posterior of variance={self.variance!r}, a Gaussian of "
                f"scale {own.scale!r}; received: {type(said).__name__} "
                f"{said.get_config()}"
            )
        return own

    def encoder_reads(self):
        features = self.critic.get_layer("features").output
        return features.shape[1:], "as the discriminator's layer 'features' gives"

    def posterior_raw(self, x, training=False, y=None):
        """The raw output of q(z|x), through the discriminator's features."""
        features, _ = self._features_and_logit(x, training)
        return self.encoder(features, training=training)

    def critic_loss(self, draw):
        """Minus (7), or minus (6)."""
        if self.game == "gan":
            return super().critic_loss(draw)
        f_q = self.f(draw.x, training=draw.training)
        f_p = self.f(draw.x_p, training=draw.training)
        draw.log["symmetric_kl"] = over_data(f_q) - over_samples(f_p)
        return over_samples(tf.exp(f_p)) - over_data(f_q + 1)

    def autoencoder_loss(self, draw):
        """(9): the other side of the game, and (8) on codes of the prior."""
        features, f_p = self._features_and_logit(draw.x_p, draw.training)
        f_p = tf.cast(f_p, tf.float32)
        q = self.posterior_law(self.encoder(features, training=draw.training))
        if self.game == "gan":
            game = self.fooling(f_p)
        else:
            game = -over_samples(tf.exp(f_p - 1))
        code = -over_samples(q.log_prob(draw.z))
        return {"game": game, "reconstruction_z": self.lam * code}


def _with_features(discriminator):
    """The discriminator; raises unless it has features for the encoder."""
    checks.network("discriminator", discriminator)
    names = [layer.name for layer in discriminator.layers]
    if "features" not in names:
        raise ValueError(
            "Expected a discriminator with a layer named 'features', whose output the "
            f"encoder reads; received: layers {names}"
        )
    return discriminator
