"""The two-stage variational autoencoder (Dai & Wipf, 2019)."""

import keras
import tensorflow as tf

from keras_svae.distributions import Gaussian, drawn
from keras_svae.game import checks
from keras_svae.game.once import once
from keras_svae.game.player import Player
from keras_svae.models.draw import Draw
from keras_svae.models.vae import VAE
from keras_svae.noise import Noise

__all__ = ["TwoStageVAE"]


class Gamma(keras.layers.Layer):
    """One learned scale. It starts at 1."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.log_gamma = self.add_weight(
            shape=(), initializer="zeros", name="log_gamma"
        )
        self.built = True

    def value(self) -> tf.Tensor:
        """gamma, a scalar."""
        return tf.exp(tf.cast(self.log_gamma.value, tf.float32))


class SharedScale(Gaussian):
    """N(mu(z), gamma^2 I), with one gamma for all data and all dimensions."""

    def __init__(self, gamma: Gamma, activation: str, draw: str):
        super().__init__(activation=activation, draw=draw)
        self.gamma = gamma

    def distribution(self, raw):
        return drawn.Normal(self.location(raw), self.gamma.value())


class GammaVAE(VAE):
    """A VAE whose Gaussian likelihood learns its scale: the base of `TwoStageVAE`."""

    players = {"autoencoder": Player("encoder decoder gamma")}

    def __init__(self, encoder, decoder, *, activation, draw, **kwargs):
        gamma = Gamma(name="gamma")
        self._law_of_x = SharedScale(gamma, activation, draw)
        super().__init__(encoder, decoder, **kwargs)
        self.gamma = gamma

    def law(self, role, given, name, network):
        """See `LatentModel.law`. The law of x belongs to the model."""
        if role == "likelihood":
            if given is not None:
                raise ValueError(
                    f"Expected no likelihood of {type(self).__name__}, whose Gaussian "
                    f"learns its scale; received: likelihood={given!r}"
                )
            return self._law_of_x
        return super().law(role, given, name, network)


class TwoStageDraw(Draw):
    """Adds the second stage's draw. Its data are codes of data."""

    model: "TwoStageVAE"

    def __init__(self, model, batch, noise, training):
        # Training of the second stage alone needs codes of a first stage that is ready.
        super().__init__(model, batch, noise, training and model.stage != "second")
        self.training_of_second = training

    @once
    def second(self) -> Draw:
        codes = tf.stop_gradient(self.z_q)
        noise = Noise(self.noise.seed("second"))
        return self.model.second.draw(codes, noise, self.training_of_second)


class PlayersOfStage:
    """For the class: both players. For a model: the players whose stage is trained."""

    both = {
        "first": Player("encoder decoder gamma"),
        "second": Player(
            "second_encoder second_decoder second_gamma", optimizer="second_optimizer"
        ),
    }

    def __get__(self, model, owner=None) -> dict[str, Player]:
        if model is None or model.stage == "both":
            return self.both
        return {model.stage: self.both[model.stage]}


@keras.saving.register_keras_serializable(package="keras_svae")
class TwoStageVAE(GammaVAE):
    """Two-stage VAE (Dai & Wipf, 2019).

    A VAE whose likelihood N(mu(z), gamma^2 I) learns its scale finds the manifold of
    data; gamma goes to 0. But its codes q(z) need not have the prior's law. Their
    dimension is that of the manifold. There a second VAE learns q(z) itself: its data
    are z ~ q(z|x). Each stage minimises minus its own bound:

        first:  E_q(x) [-E_q(z|x) log N(x; mu(z), gamma^2 I) + KL(q(z|x) || N(0, I))],
        second: E_q(z) [-E_q(u|z) log N(z; mu'(u), gamma'^2 I) + KL(q(u|z) || N(0, I))].

    Generation is ancestral: u ~ N(0, I), z ~ N(mu'(u), gamma'^2 I), x = mu(z). The
    methods that encode, decode, or give bounds and densities use the first stage only.

    Args:
        first_encoder: Network from data to the raw output of a Gaussian q(z|x).
        first_decoder: Network from codes z to mu, before its activation. Whatever law
            its end names, the likelihood is this model's Gaussian.
        second_encoder: Network from z, (batch, latent_dim), to the raw output of a
            Gaussian q(u|z).
        second_decoder: Network from u to z, (batch, latent_dim). In the paper u has
            z's dimension.
        activation: The activation of mu: "sigmoid" for data in [0, 1], "tanh" or
            "linear".
        stage: "both" trains the second stage on the codes of the first while the first
            changes; "first" or "second" trains only that stage. The paper trains the
            first, then sets `model.stage = "second"` and compiles again.
        **kwargs: `seed`, `turns`, `play`: see `Game`. `prior` may be "normal" alone.

    Raises:
        ValueError: If the second networks do not read and make the first's codes, or
            for another stage.

    Example:
        nets = ks.networks.digits(latent_dim=8, likelihood="gaussian")
        second = ks.networks.second_stage(latent_dim=8)
        model = ks.TwoStageVAE(nets.encoder, nets.decoder, *second)
        model.compile(optimizer=keras.optimizers.Adam(1e-3),
                      second_optimizer=keras.optimizers.Adam(1e-3))
    """

    players = PlayersOfStage()
    settled = (*VAE.settled, "encoder", "decoder", "gamma", "second")
    _stage = "both"

    def __init__(
        self,
        first_encoder,
        first_decoder,
        second_encoder,
        second_decoder,
        *,
        activation: str = "sigmoid",
        stage: str = "both",
        **kwargs,
    ):
        super().__init__(
            first_encoder, first_decoder, activation=activation, draw="mean", **kwargs
        )
        codes = (self.latent_dim,)
        for name, network, shape in (
            ("second_encoder", second_encoder, "input_shape"),
            ("second_decoder", second_decoder, "output_shape"),
        ):
            found = getattr(checks.network(name, network), shape)[1:]
            checks.shapes(f"the {name}'s {shape}", found, codes, "codes of the first")
        self.second = GammaVAE(
            second_encoder, second_decoder, activation="linear", draw="sample"
        )
        self.stage = stage

    @property
    def stage(self) -> str:
        """Which stage is trained. After a change, call `compile` again."""
        return self._stage

    @stage.setter
    def stage(self, stage: str):
        checks.choice("stage", stage, ("both", *PlayersOfStage.both))
        if stage != self._stage:
            self.compiled = False
        self._stage = stage
        self.record("stage", stage)

    @property
    def second_encoder(self):
        return self.second.encoder

    @property
    def second_decoder(self):
        return self.second.decoder

    @property
    def second_gamma(self):
        return self.second.gamma

    def draw(self, batch, noise, training):
        return TwoStageDraw(self, batch, noise, training)

    def first_loss(self, draw):
        """Minus the first stage's bound, nats per example."""
        draw.log["gamma_x"] = self.gamma.value()
        return self.bound_loss(draw)

    def second_loss(self, draw):
        """Minus the second stage's bound on the density of codes, nats per example."""
        draw.log["gamma_z"] = self.second_gamma.value()
        terms = self.second.bound_loss(draw.second)
        return {"reconstruction_z": terms["reconstruction_x"], "kl": terms["kl"]}

    def draw_codes(self, n, noise, batch_size=None):
        """Codes z of the second stage."""
        seed = noise.seed("second")
        return self.second.generate(n, seed=seed, batch_size=batch_size)
