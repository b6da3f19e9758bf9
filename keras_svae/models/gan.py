"""Methods with only a generator: GAN, with classes or importance weights, and WGAN.

Equation numbers are those of sVAE, `svae_aistats2018`, section 4. But (16) is in On
Unifying Deep Generative Models, `unifying_iclr2018`.
"""

import functools

import keras
import tensorflow as tf

from keras_svae.game import checks
from keras_svae.game.critic import Critic
from keras_svae.game.player import Player
from keras_svae.game.terms import Term, over_data, over_samples
from keras_svae.models.adversarial import AdversarialModel
from keras_svae.ratios import LOSSES, fooling, gradient_penalty

__all__ = ["CGAN", "GAN", "IWCGAN", "IWGAN", "WGAN", "WGANGP"]


@keras.saving.register_keras_serializable(package="keras_svae")
class GAN(AdversarialModel):
    """Generative adversarial network (Goodfellow et al., 2014).

    The critic minimises `E_q softplus(-f) + E_p softplus(f)` on x only, so that
    `f* = log q(x) - log p(x)`. The sign is opposite to that of the joint methods. The
    generator minimises `E_p softplus(-f)`, or what `loss` says; with importance weights
    it minimises

        sum_i w_i softplus(-f_i),   w_i = exp(f_i) / sum_j exp(f_j),

    over a batch of k samples, without a gradient into the weights: IWGAN, (16). A
    sample counts more, the more the critic takes it for data. Under several replicas k
    is one replica's share of the batch.

    Args:
        generator: Network from codes to the likelihood's raw output.
        critic: Network from x to one unbounded logit, (batch, 1).
        importance_weighted: Whether samples have weights.
        loss: The generator's loss: "non_saturating", `E_p softplus(-f)`; "minimax",
            `E_p log(1 - s(f))` of the original (1), which saturates; "logit", `-E_p f`,
            minus (23), by which sVAE's section 4.2 minimises the symmetric KL (20); or
            "sigmoid", `1 - E_p s(f)`. See `keras_svae.ratios.fooling`.
        **kwargs: `likelihood`, `prior`, `seed`, `turns`, `play`: see `LatentModel`.

    Raises:
        ValueError: For another loss, or importance weights with a loss other than
            "non_saturating".

    Example:
        nets = ks.networks.mnist(latent_dim=32, joint=False)
        model = ks.GAN(nets.decoder, nets.critic)
        model.compile(optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5),
                      critic_optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5))
    """

    players = {**AdversarialModel.players, "generator": Player("decoder")}

    def __init__(
        self,
        generator,
        critic,
        *,
        importance_weighted: bool = False,
        loss: str = "non_saturating",
        **kwargs,
    ):
        super().__init__(generator, critic=critic, **kwargs)
        self.importance_weighted = checks.flag(
            "importance_weighted", importance_weighted
        )
        checks.choice("loss", loss, tuple(LOSSES))
        if self.importance_weighted and loss != "non_saturating":
            raise ValueError(
                'Expected loss="non_saturating" with importance weights; received: '
                f"loss={loss!r}"
            )
        self.fools_by = loss

    def generator_loss(self, draw):
        """The loss that the generator minimises: by default minus (24)."""
        return self.fooling(self.f(draw.x_p, draw.y, training=draw.training))

    def fooling(self, f_p: tf.Tensor) -> Term:
        """The generator's loss from samples' logits (batch, 1); or (16)."""
        losses = fooling(f_p, self.fools_by)
        if not self.importance_weighted:
            return over_samples(losses)
        # D / (1 - D) = exp(f), normalised over the batch.
        weights = tf.stop_gradient(tf.nn.softmax(f_p, axis=0))
        return over_samples(tf.reduce_sum(weights * losses))


class _Weighted(GAN):
    """A GAN whose samples have importance weights, always."""

    def __init__(self, generator, critic, **kwargs):
        super().__init__(generator, critic, importance_weighted=True, **kwargs)


@keras.saving.register_keras_serializable(package="keras_svae")
class IWGAN(_Weighted):
    """Importance weighted GAN (Hu et al., 2018, (16)): `GAN` with weights.

    Args:
        generator: Network from codes to the likelihood's raw output.
        critic: Network from x to one unbounded logit, (batch, 1).
        **kwargs: See `GAN`.
    """


@keras.saving.register_keras_serializable(package="keras_svae")
class CGAN(GAN):
    """Class-conditional GAN (Mirza & Osindero, 2014).

    GAN's game with the class y beside z and beside x, so that `f* = log q(x|y) -
    log p(x|y)`. It is fitted to pairs (x, y); samples get the classes of the batch.

    Args:
        generator: Network from `[z, y]`, y one-hot, to the likelihood's raw output.
        critic: Network from `[x, y]` to one unbounded logit, (batch, 1).
        **kwargs: See `GAN`.

    Example:
        nets = ks.networks.dcgan(shape=(28, 28, 1), classes=10)
        model = ks.CGAN(nets.decoder, nets.critic)
        model.generate(10, y=np.arange(10))
    """

    conditional = True


@keras.saving.register_keras_serializable(package="keras_svae")
class IWCGAN(_Weighted, CGAN):
    """Class-conditional GAN with importance weights (Hu et al., 2018, 4.1).

    Args:
        generator: See `CGAN`.
        critic: See `CGAN`.
        **kwargs: See `GAN`.
    """


class _Wasserstein(GAN):
    """A critic that is 1-Lipschitz, or nearly so, with 5 turns a step: (25).

    Here f is no log ratio, but a score whose scale is a distance. So no loss of GAN's
    generator applies but "logit", and there are no importance weights.
    """

    players = {
        "critic": Player("critic", optimizer="critic_optimizer", turns=5),
        "generator": Player("decoder"),
    }
    f = Critic("critic", "x")

    def __init__(self, generator, critic, *, importance_weighted=False, **kwargs):
        if importance_weighted:
            raise ValueError(
                "Expected importance_weighted=False, as this critic's score is no log "
                "ratio; received: importance_weighted=True"
            )
        if kwargs.pop("loss", "logit") != "logit":
            raise ValueError(
                'Expected loss="logit", minus the critic\'s score; received: another '
                "loss"
            )
        super().__init__(generator, critic, loss="logit", **kwargs)

    def wasserstein(self, draw) -> Term:
        """Minus (25), which the critic minimises."""
        f = functools.partial(self.f, training=draw.training)
        f_q, f_p = f(draw.x), f(draw.x_p)
        return over_samples(f_p) - over_data(f_q)


@keras.saving.register_keras_serializable(package="keras_svae")
class WGAN(_Wasserstein):
    """Wasserstein GAN with clipped weights (Arjovsky et al., 2017).

    The critic minimises `E_p f - E_q f`. After each of its updates, all its trained
    weights are clipped to [-clip, clip] (algorithm 1). So f is K-Lipschitz for some K
    that depends on the network and `clip`. The critic has 5 turns a step. The generator
    minimises `-E_p f`, see (25). `log_ratio` gives the critic's score, whose scale is K
    times a distance.

    Args:
        generator: Network from codes to the likelihood's raw output.
        critic: Network from x to one unbounded score, (batch, 1). It may have batch
            normalisation, whose scales and shifts are clipped as well.
        clip: The largest size of a weight, > 0.
        **kwargs: `likelihood`, `prior`, `seed`, `turns`, `play`: see `LatentModel`.

    Raises:
        ValueError: If `clip` is not positive.

    Example:
        nets = ks.networks.mnist(latent_dim=32, joint=False)
        model = ks.WGAN(nets.decoder, nets.critic)
        model.compile(optimizer=keras.optimizers.RMSprop(5e-5),
                      critic_optimizer=keras.optimizers.RMSprop(5e-5))
    """

    def __init__(self, generator, critic, *, clip: float = 0.01, **kwargs):
        super().__init__(generator, critic, **kwargs)
        self.clip = checks.positive("clip", clip)

    def critic_loss(self, draw):
        return self.wasserstein(draw)

    def after_update(self, player, variables):
        if player == "critic":
            for variable in variables:
                variable.assign(tf.clip_by_value(variable.value, -self.clip, self.clip))


@keras.saving.register_keras_serializable(package="keras_svae")
class WGANGP(_Wasserstein):
    """Wasserstein GAN with gradient penalty (Gulrajani et al., 2017).

    The critic minimises `E_p f - E_q f + penalty E(||grad f|| - 1)^2`, where the
    penalty is on lines between data and samples. It has 5 turns a step. The generator
    minimises `-E_p f`, see (25). Here f is no log ratio: `log_ratio` gives the critic's
    score, whose scale is a distance.

    Args:
        generator: Network from codes to the likelihood's raw output.
        critic: Network from x to one unbounded score, (batch, 1), without batch
            normalisation, which would tie examples of the penalty together.
        penalty: Weight of the penalty, >= 0.
        **kwargs: `likelihood`, `prior`, `seed`, `turns`, `play`: see `LatentModel`.
    """

    def __init__(self, generator, critic, *, penalty=10.0, **kwargs):
        super().__init__(generator, critic, **kwargs)
        norms = checks.batch_norms({"critic": critic})
        if norms:
            raise ValueError(
                "Expected a critic without batch normalisation, which makes the "
                "gradient at one example depend on the other examples (layer "
                f"normalisation does not); received: the layer {norms[0].name!r}"
            )
        self.penalty = checks.weight("penalty", penalty)

    def critic_loss(self, draw):
        f = functools.partial(self.f, training=draw.training)
        wasserstein = self.wasserstein(draw)
        mix = draw.noise.uniform([tf.shape(draw.x)[0]], "mix")
        penalty = gradient_penalty(f, draw.x, draw.x_p, mix, axis=())
        return {
            "wasserstein": wasserstein,
            # A line begins at an example and has its weight.
            "penalty": self.penalty * over_data(penalty),
        }
