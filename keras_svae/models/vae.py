"""The variational autoencoder (Kingma & Welling, 2014)."""

import keras
import tensorflow as tf

from keras_svae.models import checks
from keras_svae.models.autoencoder import Autoencoder
from keras_svae.models.game import Player

__all__ = ["CVAE", "VAE"]


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

    def bound_terms(self, draw) -> dict[str, tf.Tensor]:
        """Terms whose sum is minus (1), each (batch,), nats."""
        return {"reconstruction_x": -draw.log_p_x, "kl": draw.kl}

    def autoencoder_loss(self, draw):
        """Minus (1), nats per example."""
        terms = self.bound_terms(draw)
        return {name: tf.reduce_mean(term) for name, term in terms.items()}


@keras.saving.register_keras_serializable(package="keras_svae")
class CVAE(VAE):
    """Class-conditional variational autoencoder (Sohn et al., 2015; M2's supervised).

    The bound on log p(x|y), with the class y beside x and beside z:
    `E_q(z|x,y) log p(x|z, y) - KL(q(z|x, y) || p(z))`. It is fitted to pairs (x, y).

    Args:
        encoder: Network from `[x, y]`, y one-hot, to the posterior's raw output.
        decoder: Network from `[z, y]` to the likelihood's raw output.
        **kwargs: See `VAE`.

    Example:
        nets = ks.networks.mnist_dense(latent_dim=32, classes=10)
        model = ks.CVAE(nets.encoder, nets.decoder)
        model.encode(x, y), model.generate(10, y=3)
    """

    conditional = True
