"""Wake-sleep: each network learns from what the other one makes."""

import keras
import tensorflow as tf

from keras_svae.game import checks
from keras_svae.game.player import Player
from keras_svae.game.terms import over_data, over_samples
from keras_svae.models.autoencoder import Autoencoder
from keras_svae.models.draw import Draw

__all__ = ["WakeSleep"]


class Sampled(Draw):
    """Samples are drawn from p(x|z), also where a law's `draw` says its mean.

    Nobody's gradient goes through them, so that bits are as good as real numbers.
    """

    def sampled(self, raw, seed):
        return tf.cast(self.model.likelihood_law(raw).sample(seed=seed), tf.float32)


@keras.saving.register_keras_serializable(package="keras_svae")
class WakeSleep(Autoencoder):
    """Wake-sleep (Hinton et al., 1995), as On Unifying Deep Generative Models' (14).

    There is no critic. In the wake phase the decoder learns from data with their codes,
    in the sleep phase the encoder learns from samples with theirs. They minimise

        decoder: -E_q(x)q(z|x) log p(x|z),
        encoder: -E_p(z)p(x|z) log q(z|x).

    The first is a VAE's loss without the KL term, which does not depend on the decoder.
    The second is InfoGAN's term of the code, without its gradient for the generator. No
    objective is common to both: the encoder minimises KL(p(z|x) || q(z|x)) over
    samples, where the variational bound has KL(q(z|x) || p(z|x)) over data. Samples are
    drawn, a Bernoulli's are bits, whatever the law's `draw` is.

    Args:
        encoder: Network from data to the posterior's raw output.
        decoder: Network from codes to the likelihood's raw output.
        **kwargs: `posterior`, `likelihood`, `prior`, `seed`, `turns`, `play`: see
            `Autoencoder` and `Game`.

    Raises:
        ValueError: For a law without a density.

    Example:
        nets = ks.networks.digits(latent_dim=8)
        model = ks.WakeSleep(nets.encoder, nets.decoder)
        model.compile(optimizer=keras.optimizers.Adam(1e-3),
                      encoder_optimizer=keras.optimizers.Adam(1e-3))
    """

    players = {
        "decoder": Player("decoder"),
        "encoder": Player("encoder", optimizer="encoder_optimizer"),
    }
    through_z_q = False

    def __init__(self, encoder, decoder, **kwargs):
        super().__init__(encoder, decoder, **kwargs)
        for law in (self.posterior_law, self.likelihood_law):
            checks.explicit(law)

    def draw(self, batch, noise, training):
        return Sampled(self, batch, noise, training)

    def decoder_loss(self, draw):
        """Minus the first of (14), the wake phase, nats per example."""
        return {"reconstruction_x": -over_data(draw.log_p_x)}

    def encoder_loss(self, draw):
        """Minus the second of (14), the sleep phase, nats per sample."""
        return {"reconstruction_z": -over_samples(draw.log_q_z)}
