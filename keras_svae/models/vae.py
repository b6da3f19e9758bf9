"""The variational autoencoder (Kingma & Welling, 2014)."""

import keras
import tensorflow as tf

from keras_svae.game import checks
from keras_svae.game.export.endpoints import endpoint
from keras_svae.game.player import Player
from keras_svae.game.terms import Term, over_data
from keras_svae.models import tried
from keras_svae.models.autoencoder import Autoencoder
from keras_svae.noise import Noise, scope

__all__ = ["CVAE", "VAE"]


@keras.saving.register_keras_serializable(package="keras_svae")
class VAE(Autoencoder):
    """Variational autoencoder (Kingma & Welling, 2014).

    Encoder and decoder maximise the variational bound, sVAE (1): `E_q(x) [E_q(z|x) log
    p(x|z) - KL(q(z|x) || p(z))]`. The KL is in closed form if there is one.

    Args:
        encoder: Network from data to the posterior's raw output.
        decoder: Network from codes to the likelihood's raw output.
        **kwargs: `posterior`, `likelihood`, `prior`, `seed`, `play`: see `Autoencoder`.

    Raises:
        ValueError: For a law without a density. Also for a posterior with codes outside
            the prior's support: the bound is then minus infinity.

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
        checks.supports(self.posterior_law, self.prior_name)

    def check_made(self):
        super().check_made()
        tried.codes_fit(self)

    def bound_terms(self, draw) -> dict[str, tf.Tensor]:
        """Terms whose sum is minus (1), each (batch,), nats."""
        return {"reconstruction_x": -draw.log_p_x, "kl": draw.kl}

    def autoencoder_loss(self, draw):
        """Minus (1), nats per example."""
        return self.bound_loss(draw)

    def bound_loss(self, draw) -> dict[str, Term]:
        """The terms of the bound over data."""
        terms = self.bound_terms(draw)
        return {name: over_data(term) for name, term in terms.items()}

    @endpoint("bound")
    def bound(self, x, y=None, seed: int = 0) -> tf.Tensor:
        """The bound on log p(x), or log p(x|y), of each example: (batch,), nats.

        Args:
            x: Data (batch, ...) in the likelihood's range.
            y: Only for a conditional model: one class for all examples, or (batch,).
            seed: The seed of the one draw z ~ q(z|x).
        """
        x = self._data(x)
        labels = self._labels(y, tf.shape(x)[0], self.unlabelled)
        batch = x if labels is None else (x, labels)
        draw = self.draw(batch, Noise(seed), training=False)
        with scope(draw.noise):
            return -sum(self.bound_terms(draw).values())


@keras.saving.register_keras_serializable(package="keras_svae")
class CVAE(VAE):
    """Class-conditional variational autoencoder (Sohn et al., 2015; M2's supervised).

    It uses the bound on log p(x|y), with the class y beside x and beside z:
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
