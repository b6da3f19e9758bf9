"""Models with a critic of data alone, which tells data from samples."""

import keras
import tensorflow as tf

from keras_svae.models import checks
from keras_svae.models.game import Player
from keras_svae.models.latent import LatentModel
from keras_svae.models.terms import over_data, over_samples
from keras_svae.ratios import as_above, as_below

__all__ = ["AdversarialModel"]


class AdversarialModel(LatentModel):
    """Adds a critic of data, f(x), which plays GAN's game.

    The critic of a conditional model reads the class beside x, unless the model learns
    from examples without one.

    Args:
        *networks: What the next base takes: a decoder, or an encoder and a decoder.
        critic: Network from x, or `[x, y]`, to one unbounded logit, (batch, 1).
        **kwargs: See `LatentModel`.
    """

    players = {"critic": Player("critic", optimizer="critic_optimizer")}
    log_ratio_laws = ("q", "p")
    # What a subclass calls it.
    critic_name = "critic"

    def __init__(self, *networks, critic, **kwargs):
        super().__init__(*networks, **kwargs)
        self.critic = checks.critic_of_data(
            self.critic_name,
            critic,
            self.data_shape,
            self._critic_reads_y,
            self.classes,
        )

    @property
    def _critic_reads_y(self) -> bool:
        return self.conditional and not self.unlabelled

    def f(self, x, training=True, y=None):
        """The critic's logits, (batch, 1) float32: log q(x) - log p(x).

        Of a critic that reads y, one-hot: log q(x|y) - log p(x|y).
        """
        inputs = [x, y] if self._critic_reads_y else x
        return tf.cast(self.critic(inputs, training=training), tf.float32)

    def critic_loss(self, draw):
        """Minus (22), the laws' roles exchanged."""
        f_q = self.f(draw.x, draw.training, draw.y)
        f_p = self.f(draw.x_p, draw.training, draw.y)
        draw.log["symmetric_kl"] = over_data(f_q) - over_samples(f_p)
        return over_data(as_above(f_q)) + over_samples(as_below(f_p))

    def log_ratio(self, x, y=None) -> tf.Tensor:
        """The critic's estimate of log q(x) - log p(x), (batch,), nats.

        Args:
            x: Data (batch, ...).
            y: Of a conditional model, whose laws are of x given y: one class for all,
                or (batch,).
        """
        x = self._data(x)
        y = self._classes(y, tf.shape(x)[0]) if self._critic_reads_y else None
        return tf.squeeze(self.f(x, training=False, y=y), -1)

    def endpoints(self):
        data = tf.TensorSpec([None, *self.data_shape], tf.float32, name="x")

        def log_ratio(x):
            return {"log_ratio": self.log_ratio(x)}

        def log_ratio_of_class(x, y):
            return {"log_ratio": self.log_ratio(x, y)}

        found = (log_ratio, [data])
        if self._critic_reads_y:
            found = self.of_classes(log_ratio_of_class, [data])
        return {**super().endpoints(), "log_ratio": found}

    def get_config(self):
        critic = keras.saving.serialize_keras_object(self.critic)
        return {**super().get_config(), "critic": critic}
