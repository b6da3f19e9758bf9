"""The variational autoencoder (Kingma & Welling, 2014)."""

import keras
import tensorflow as tf

from keras_svae.models import checks
from keras_svae.models.game import Player
from keras_svae.models.latent import Autoencoder

__all__ = ["VAE"]


@keras.saving.register_keras_serializable(package="keras_svae")
class VAE(Autoencoder):
    """Variational autoencoder (Kingma & Welling, 2014).

    Encoder and decoder maximise the variational bound, sVAE (1):
    `E_q(x) [E_q(z|x) log p(x|z) - KL(q(z|x) || p(z))]`, the KL in closed form where
    there is one.

    Args:
        encoder: Network from data to the posterior's raw output.
        decoder: Network from codes to the likelihood's raw output.
        **kwargs: `posterior`, `likelihood`, `prior`, `seed`, `play`: see `Autoencoder`.

    Example:
        nets = ks.networks.digits(latent_dim=8)
        model = ks.VAE(nets.encoder, nets.decoder)
        model.compile(optimizer="adam")
        model.fit(ks.data.load("digits"), epochs=20)
    """

    players = {"autoencoder": Player("encoder decoder")}

    def __init__(self, encoder, decoder, **kwargs):
        super().__init__(encoder, decoder, **kwargs)
        for law in (self.posterior_law, self.likelihood_law):
            checks.explicit(law)

    def autoencoder_loss(self, draw):
        """Minus (1), nats per example."""
        return {
            "reconstruction_x": -tf.reduce_mean(draw.log_p_x),
            "kl": tf.reduce_mean(draw.kl),
        }
