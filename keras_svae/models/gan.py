"""Methods with a generator alone: GAN and WGAN-GP.

Equation numbers are those of sVAE, `svae_aistats2018`, section 4.
"""

import keras
import tensorflow as tf

from keras_svae.models import checks
from keras_svae.models.game import Player
from keras_svae.models.latent import LatentModel
from keras_svae.ratios import gradient_penalty, logistic, symmetric_kl

__all__ = ["GAN", "WGANGP"]


@keras.saving.register_keras_serializable(package="keras_svae")
class GAN(LatentModel):
    """Generative adversarial network (Goodfellow et al., 2014), non-saturating.

    The critic minimises `E_q softplus(-f) + E_p softplus(f)` on x alone, so that
    `f* = log q(x) - log p(x)`; note the sign, which is the joint methods' reversed. The
    generator minimises `E_p softplus(-f)`.

    Args:
        generator: Network from codes to the likelihood's raw output.
        critic: Network from x to one unbounded logit, (batch, 1).
        **kwargs: `likelihood`, `prior`, `seed`, `turns`, `play`: see `LatentModel`.

    Example:
        nets = ks.networks.mnist(latent_dim=32, joint=False)
        model = ks.GAN(nets.decoder, nets.critic)
        model.compile(optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5),
                      critic_optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5))
    """

    players = {
        "critic": Player("critic", optimizer="critic_optimizer"),
        "generator": Player("decoder"),
    }
    log_ratio_laws = ("q", "p")

    def __init__(self, generator, critic, **kwargs):
        super().__init__(generator, **kwargs)
        self.critic = checks.network("critic", critic)
        shape = critic.input_shape
        if isinstance(shape, list):
            raise ValueError(
                "Expected a critic of x alone; received: one of several inputs "
                f"{shape}. Networks of this package take joint=False."
            )
        why = "what the generator makes"
        checks.shapes("the critic to read", shape[1:], self.data_shape, why)
        checks.shapes("the critic's output", critic.output_shape[1:], (1,), "a logit")

    def f(self, x, training=True):
        """The critic's logits, (batch, 1) float32: log q(x) - log p(x)."""
        return tf.cast(self.critic(x, training=training), tf.float32)

    def critic_loss(self, draw):
        """Minus (22), the laws' roles exchanged."""
        f_q, f_p = self.f(draw.x, draw.training), self.f(draw.x_p, draw.training)
        draw.log["symmetric_kl"] = symmetric_kl(above=f_q, below=f_p)
        return logistic(positive=f_q, negative=f_p)

    def generator_loss(self, draw):
        """The non-saturating loss: minus (24) after its change of sign."""
        return tf.reduce_mean(tf.nn.softplus(-self.f(draw.x_p, draw.training)))

    def log_ratio(self, x) -> tf.Tensor:
        """The critic's estimate of log q(x) - log p(x), (batch,), nats."""
        return tf.squeeze(self.f(self._data(x), training=False), -1)

    def endpoints(self):
        data = tf.TensorSpec([None, *self.data_shape], tf.float32, name="x")

        def log_ratio(x):
            return {"log_ratio": self.log_ratio(x)}

        return {**super().endpoints(), "log_ratio": (log_ratio, [data])}

    def get_config(self):
        config = super().get_config()
        config["generator"] = config.pop("decoder")
        return {**config, "critic": keras.saving.serialize_keras_object(self.critic)}


@keras.saving.register_keras_serializable(package="keras_svae")
class WGANGP(GAN):
    """Wasserstein GAN with gradient penalty (Gulrajani et al., 2017).

    The critic minimises `E_p f - E_q f + penalty E(||grad f|| - 1)^2` on lines between
    data and samples, 5 times a step; the generator `-E_p f`, see (25). Here f is no log
    ratio: `log_ratio` gives the critic's score, whose scale is a distance.

    Args:
        generator: Network from codes to the likelihood's raw output.
        critic: Network from x to one unbounded score, (batch, 1), without batch
            normalisation, which would tie examples of the penalty together.
        penalty: Weight of the penalty, >= 0.
        **kwargs: See `GAN`.
    """

    players = {
        "critic": Player("critic", optimizer="critic_optimizer", turns=5),
        "generator": Player("decoder"),
    }
    # Its critic's score is a distance.
    log_ratio_laws = None

    def __init__(self, generator, critic, *, penalty=10.0, **kwargs):
        super().__init__(generator, critic, **kwargs)
        self.penalty = checks.weight("penalty", penalty)

    def critic_loss(self, draw):
        f_q, f_p = self.f(draw.x, draw.training), self.f(draw.x_p, draw.training)
        mix = draw.noise.uniform([tf.shape(draw.x)[0]], "mix")
        penalty = gradient_penalty(self.f, draw.x, draw.x_p, mix)
        return {
            "wasserstein": tf.reduce_mean(f_p) - tf.reduce_mean(f_q),
            "penalty": self.penalty * penalty,
        }

    def generator_loss(self, draw):
        return -tf.reduce_mean(self.f(draw.x_p, draw.training))

    def get_config(self):
        return {**super().get_config(), "penalty": self.penalty}
