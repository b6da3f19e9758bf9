"""Models with a critic of codes alone, which tells the prior's from those of data."""

import keras
import tensorflow as tf

from keras_svae.models import checks
from keras_svae.models.autoencoder import Autoencoder

__all__ = ["CriticOfCodes"]


class CriticOfCodes(Autoencoder):
    """Adds a critic of codes, g(z), to an encoder and a decoder.

    A subclass writes the critic's loss, which makes it what `log_ratio_code` says.

    Args:
        encoder: See `Autoencoder`.
        decoder: See `LatentModel`.
        critic_of_codes: Network from z to one unbounded logit, (batch, 1); the
            attribute that holds it, and its place in the configuration, are
            `code_critic_name`.
        **kwargs: See `Autoencoder`.
    """

    # What a subclass calls it.
    code_critic_name = "critic_code"

    def __init__(self, encoder, decoder, *, critic_of_codes, **kwargs):
        super().__init__(encoder, decoder, **kwargs)
        name = self.code_critic_name
        found = checks.critic_of_code(name, critic_of_codes, self.latent_dim)
        setattr(self, name, found)

    def g(self, z, training=True):
        """The logits of the critic of codes, (batch, 1) float32: log p(z) - log q(z).

        Args:
            z: Codes (batch, latent_dim).
            training: Whether batch normalisation and the like train.
        """
        critic = getattr(self, self.code_critic_name)
        return tf.cast(critic(z, training=training), tf.float32)

    def log_ratio_code(self, z) -> tf.Tensor:
        """The critic's estimate of log p(z) - log q(z), (batch,), nats."""
        return tf.squeeze(self.g(self._codes(z), training=False), -1)

    def endpoints(self):
        codes = tf.TensorSpec([None, self.latent_dim], tf.float32, name="z")

        def log_ratio_code(z):
            return {"log_ratio": self.log_ratio_code(z)}

        found = super().endpoints()
        return {**found, "log_ratio_code": (log_ratio_code, [codes])}

    def get_config(self):
        name = self.code_critic_name
        critic = keras.saving.serialize_keras_object(getattr(self, name))
        return {**super().get_config(), name: critic}
