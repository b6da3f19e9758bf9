"""Models with a critic of data alone, which tells data from samples."""

import tensorflow as tf

from keras_svae.game.critic import Critic
from keras_svae.game.export.endpoints import endpoint
from keras_svae.game.player import Player
from keras_svae.game.terms import over_data, over_samples
from keras_svae.models.latent import LatentModel
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
    # If the critic reads y, f is log q(x|y) - log p(x|y).
    f = Critic("critic", "x", above="q", below="p")
    through_x_p = True

    def __init__(self, *networks, critic, **kwargs):
        super().__init__(*networks, **kwargs)
        self.f.use(critic)

    def critic_loss(self, draw):
        """Minus (22), with the roles of the laws exchanged."""
        f_q = self.f(draw.x, draw.y, training=draw.training)
        f_p = self.f(draw.x_p, draw.y, training=draw.training)
        draw.log["symmetric_kl"] = over_data(f_q) - over_samples(f_p)
        return over_data(as_above(f_q)) + over_samples(as_below(f_p))

    @endpoint("log_ratio")
    def log_ratio(self, x, y=None) -> tf.Tensor:
        """The critic's estimate of log q(x) - log p(x), (batch,), nats.

        Args:
            x: Data (batch, ...).
            y: Only for a conditional model, whose laws are of x given y: one class for
                all examples, or (batch,).
        """
        x = self._data(x)
        y = self._classes(y, tf.shape(x)[0]) if self.f.reads_classes else None
        return self.f.log_ratio(x, y)
