"""What the players read in one turn: samples of both laws."""

import contextlib
import typing

import tensorflow as tf

from keras_svae import distributions
from keras_svae.game.once import once
from keras_svae.game.terms import Term
from keras_svae.models import tried
from keras_svae.models.classes import one_hot
from keras_svae.networks.normalization import moving_averages
from keras_svae.noise import Noise

__all__ = ["Draw"]


class DrawnModel(typing.Protocol):
    """What a draw asks of its model; of the posterior only if there is an encoder."""

    conditional: bool
    classes: int | None
    likelihood_law: distributions.Law
    posterior_law: distributions.Law
    prior: typing.Any

    def likelihood_raw(self, z, training, y) -> tf.Tensor: ...
    def posterior_raw(self, x, training, y) -> tf.Tensor: ...
    def draw(self, batch, noise: Noise, training: bool) -> "Draw": ...
    def moves_averages(self, network: str, of_data: bool) -> bool: ...


# The names of the draws that the classes of this package make.
OWN = frozenset(["z", "x_p", "z_q", "z_other"])


class DrawNoise(Noise):
    """The noise of a draw: no loss can ask for the numbers of z itself by its name."""

    def normal(self, shape, name=None):
        return super().normal(shape, _apart(name))

    def uniform(self, shape, name=None, minval=0.0, maxval=1.0):
        return super().uniform(shape, _apart(name), minval, maxval)


def _apart(name: str | None) -> str | None:
    return f"further {name}" if name in OWN else name


class Draw:
    """Samples of both laws in one turn; each computed once, when first asked for.

    The joint laws are q(x, z) = q(x) q(z|x) and p(x, z) = p(z) p(x|z).

    Attributes:
        x: Data, (batch, ...).
        labels: For a conditional model, their classes as integers (batch,); else None.
        z: Codes from the prior, (batch, latent_dim).
        noise: The source of everything random in this turn.
        log: Terms to log that belong to no loss.
    """

    # Whether its data are the user's. In `fakes`, samples replace the data.
    of_data = True

    def __init__(self, model: DrawnModel, batch, noise: Noise, training: bool):
        self.model, self.training = model, training
        self.noise = DrawNoise(noise.key) if type(noise) is Noise else noise
        x, y = batch if model.conditional else (batch, None)
        self.x = tf.cast(x, tf.float32)
        self.labels = None if y is None else tf.cast(y, tf.int64)
        self.log: dict[str, Term | tf.Tensor] = {}

    @once
    def y(self):
        """Classes of data and of samples, one-hot (batch, classes), or None."""
        return None if self.labels is None else one_hot(self.labels, self.model.classes)

    @once
    def z(self):
        return self.model.prior.sample(tf.shape(self.x)[0], seed=self.noise.seed("z"))

    @once
    def x_p(self):
        """x ~ p(x|z) at the prior's z."""
        with self.passing("decoder", of_data=False):
            raw = self.model.likelihood_raw(self.z, self.training, self.y)
        return self.sampled(raw, self.noise.seed("x_p"))

    def sampled(self, raw: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """x ~ p(x|z) from the decoder's raw output, or what its law's `draw` says."""
        return self.model.likelihood_law.sample(raw, seed)

    @once
    def fakes(self) -> "Draw":
        """A draw whose data are samples x ~ p(x), constants, with the same classes."""
        x = tf.stop_gradient(self.x_p)
        batch = x if self.labels is None else (x, self.labels)
        noise = Noise(self.noise.seed("fakes"))
        draw = self.model.draw(batch, noise, self.training)
        draw.of_data = False
        return draw

    def passing(self, network: str, of_data: bool):
        """Wraps a network's call, so that its averages follow only one law: see `Game`.

        Args:
            network: The model's attribute.
            of_data: Whether its input is this draw's data, or comes from them.
        """
        of_data = of_data and self.of_data
        if not self.training or self.model.moves_averages(network, of_data):
            return contextlib.nullcontext()
        return moving_averages(False)

    @once
    def _posterior_raw(self):
        with self.passing("encoder", of_data=True):
            return self.model.posterior_raw(self.x, self.training, self.y)

    @once
    def _posterior(self):
        return self.model.posterior_law(self._posterior_raw)

    @once
    def z_q(self):
        """z ~ q(z|x) at the data."""
        law = self.model.posterior_law
        if law.draw == "mean":
            return law.mean(self._posterior_raw)
        if tried.draws_itself(law):
            return law.sample(self._posterior_raw, self.noise.seed("z_q"))
        # `kl` uses the same object: so a flow knows the density of its draw.
        return self._posterior.sample(seed=self.noise.seed("z_q"))

    @property
    def q(self):
        """Pairs (x, z) of the encoder's joint law."""
        return self.x, self.z_q

    @property
    def p(self):
        """Pairs (x, z) of the decoder's joint law."""
        return self.x_p, self.z

    @once
    def _reconstruction_raw(self):
        with self.passing("decoder", of_data=True):
            return self.model.likelihood_raw(self.z_q, self.training, self.y)

    @once
    def reconstruction(self):
        """The mean of p(x|z) at z ~ q(z|x), (batch, ...)."""
        return self.model.likelihood_law.mean(self._reconstruction_raw)

    @once
    def log_p_x(self):
        """log p(x|z) on q's pairs, (batch,), nats."""
        return self.model.likelihood_law(self._reconstruction_raw).log_prob(self.x)

    @once
    def log_q_z(self):
        """log q(z|x) on p's pairs, (batch,), nats."""
        with self.passing("encoder", of_data=False):
            raw = self.model.posterior_raw(self.x_p, self.training, self.y)
        return self.model.posterior_law(raw).log_prob(self.z)

    @once
    def kl(self):
        """KL(q(z|x) || p(z)) at the data, (batch,), nats."""
        return distributions.kl_divergence(self._posterior, self.model.prior, self.z_q)
