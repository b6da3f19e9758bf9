"""Models with a critic of codes: it tells the prior's codes from those of data."""

import tensorflow as tf

from keras_svae.game.critic import Critic
from keras_svae.game.export.endpoints import endpoint
from keras_svae.models.autoencoder import Autoencoder

__all__ = ["CriticOfCodes"]


class CriticOfCodes(Autoencoder):
    """Adds a critic of codes, g(z), to an encoder and a decoder.

    A subclass writes the critic's loss. Its optimum must be what `log_ratio_code` says.

    Args:
        encoder: See `Autoencoder`.
        decoder: See `LatentModel`.
        critic_of_codes: Network from z to one unbounded logit, (batch, 1).
        **kwargs: See `Autoencoder`.
    """

    g = Critic("critic_code", "z", above="p", below="q")

    def __init__(self, encoder, decoder, *, critic_of_codes, **kwargs):
        super().__init__(encoder, decoder, **kwargs)
        self.g.use(critic_of_codes)

    @endpoint("log_ratio")
    def log_ratio_code(self, z) -> tf.Tensor:
        """The critic's estimate of log p(z) - log q(z), (batch,), nats."""
        return self.g.log_ratio(self._codes(z))
