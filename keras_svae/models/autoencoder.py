"""Models with an encoder, and those with a critic of pairs as well."""

import math

import tensorflow as tf

from keras_svae.game import checks
from keras_svae.game.critic import Critic
from keras_svae.game.export.endpoints import endpoint
from keras_svae.game.given import count
from keras_svae.game.in_parts import as_keyword, outputs
from keras_svae.game.player import Player
from keras_svae.game.terms import over_data, over_samples
from keras_svae.models.costs import squared
from keras_svae.models.latent import LatentModel
from keras_svae.noise import Noise, scope

__all__ = ["Autoencoder", "JointModel"]


class Autoencoder(LatentModel):
    """Adds an encoder q(z|x).

    Args:
        encoder: Network from data (batch, ...), in a conditional model from `[x, y]`
            with y one-hot (batch, classes), to the raw output of the posterior,
            (batch, `posterior.outputs(latent_dim)`).
        decoder: See `LatentModel`.
        posterior: q(z|x): "gaussian" (learned mean and scale: two outputs per
            dimension of the code), "laplace", a flow ("planar", "coupling",
            "autoregressive"), "implicit" (one output, the code itself; the encoder may
            be fed noise), or a `keras_svae.distributions.Law`. None for the law that
            the encoder's end names; if it names none, for the class's default.
        **kwargs: See `LatentModel`.
    """

    sampled_from = "encoder decoder"
    through_z_q = True

    def __init__(self, encoder, decoder, *, posterior=None, **kwargs):
        super().__init__(decoder, **kwargs)
        self.encoder = checks.network("encoder", encoder)
        self.posterior_law = self.law("posterior", posterior, "encoder", encoder)
        read = checks.inputs("encoder", encoder, "x", self.conditional, self.classes)
        checks.reads("the encoder to read", read[0][1:], *self.encoder_reads())
        checks.shapes(
            "the encoder's raw output",
            encoder.output_shape[1:],
            (self.posterior_law.outputs(self.latent_dim),),
            f"what {type(self.posterior_law).__name__} needs for {self.latent_dim} "
            "dimensions of the decoder's code",
        )
        checks.raw_for("encoder", encoder, self.posterior_law)

    def encoder_reads(self) -> tuple[tuple, str]:
        """The shape of the encoder's input, without the batch, and the reason."""
        why = "what the decoder makes (networks of this package: shared=False)"
        return self.data_shape, why

    def posterior_raw(self, x, training=False, y=None) -> tf.Tensor:
        """The raw output of q(z|x), or of q(z|x, y): what the encoder makes of data.

        Args:
            x: Data (batch, ...).
            training: Whether layers such as batch normalisation are in training mode.
            y: Classes, one-hot (batch, classes), for a conditional model.
        """
        return self.encoder(x if y is None else [x, y], training=training)

    def call(self, inputs, training=False):
        """Reconstructs data, as `reconstruct`; a conditional model takes `(x, y)`."""
        x, y = self._split(inputs)
        z = self.posterior_law.mean(self.posterior_raw(x, training, y))
        return self.likelihood_law.mean(self.likelihood_raw(z, training, y))

    def check_inputs(self, inputs):
        self.check_data(self._pair(inputs) if self.conditional else inputs)

    def observe(self, draw):
        error = squared(draw.x, draw.reconstruction) / math.prod(self.data_shape)
        return {**super().observe(draw), "mse": over_data(error)}

    @endpoint("z")
    def encode(
        self, x, y=None, seed: int | None = None, batch_size: int | None = None
    ) -> tf.Tensor:
        """Codes (batch, latent_dim) of data (batch, ...).

        Args:
            x: Data in the likelihood's range.
            y: Only for a conditional model: one class for all examples, or (batch,).
            seed: None for the posterior's mean, a seed for a draw from it. An
                implicit encoder always draws, by default with seed 0.
            batch_size: How many examples are encoded at once; None for 250.
        """
        noise = Noise(0 if seed is None else seed)
        if seed is None:
            mean = self.posterior_law.mean
            return self._encoded(x, y, noise, batch_size=batch_size, then=mean)
        raw = self._encoded(x, y, noise, batch_size=batch_size)
        # The name differs: a generated code of the same seed is another draw.
        return self.posterior_law.sample(raw, noise.seed("z_q"))

    def posterior(self, x, y=None, seed: int = 0):
        """q(z|x) as a TFP distribution; raises a ValueError if it is implicit."""
        return self.posterior_law(self._encoded(x, y, Noise(seed)))

    @endpoint("log_posterior", when=lambda model: model.posterior_law.explicit)
    def log_posterior(self, x, z, y=None, seed: int = 0) -> tf.Tensor:
        """log q(z|x) of each pair, (batch,), nats; see `posterior`.

        Args:
            x: Data (batch, ...) in the likelihood's range.
            z: As many codes, (batch, latent_dim).
            y: Only for a conditional model: one class for all examples, or (batch,).
            seed: Matters only if the encoder is fed noise.
        """

        def density(raw, z):
            return self.posterior_law(raw).log_prob(z)

        return self._encoded(x, y, Noise(seed), self._codes(z), then=density)

    @endpoint(
        "mean scale",
        name="posterior",
        when=lambda model: model.posterior_law.explicit and model.posterior_law.moments,
    )
    def _moments_of_posterior(self, x, y=None, seed: int = 0):
        law = self.posterior(x, y, seed)
        return law.mean(), law.stddev()

    def _encoded(self, x, y, noise, *others, **how):
        """The encoder's output; see `in_parts.outputs`."""
        x = self._data(x)
        y = self._classes(self.classes_for(x, y), tf.shape(x)[0])
        with scope(noise):
            return outputs(self.posterior_raw, x, y, *others, **how)

    def classes_for(self, x, y=None):
        """The classes that data are encoded with: y, and what the model infers."""
        return y

    def reconstruct(
        self, x, y=None, seed: int | None = None, batch_size: int | None = None
    ) -> tf.Tensor:
        """Encodes and decodes data: `decode(encode(x, y, seed), y)`."""
        x = self._tensor(x)
        y = self.classes_for(x, y)
        size = as_keyword(batch_size)
        z = self.encode(x, y, seed, **size)
        return self.decode(z, y, 0 if seed is None else seed, **size)

    @endpoint("reconstruction", name="reconstruct")
    def _reconstruct(self, x, y=None, seed: int = 0):
        noise = None if self.posterior_law.explicit else seed
        y = self.classes_for(x, y)
        return self.decode(self.encode(x, y, noise), y, seed)

    @endpoint("neighbours")
    def neighbours(
        self, x, n: int, y=None, seed: int = 0, batch_size: int | None = None
    ) -> tf.Tensor:
        """Draws around data: x' = mean of p(x|z), z ~ q(z|x) (AIM, algorithm 2).

        Args:
            x: Data (batch, ...) in the likelihood's range.
            n: The number of draws for each example.
            y: Only for a conditional model: one class for all examples, or (batch,).
            seed: The seed of the draws.
            batch_size: How many draws are made at once; None for 250.

        Returns:
            (batch, n, ...), in the data's range.
        """
        n, x = count("n", n), self._data(x)
        y = self._labels(self.classes_for(x, y), tf.shape(x)[0])
        if y is not None:
            y = tf.repeat(y, n)
        # Each copy of x is encoded separately: an encoder with noise then draws for
        # each.
        size = as_keyword(batch_size)
        z = self.encode(tf.repeat(x, n, axis=0), y, seed, **size)
        made = self.decode(z, y, seed, **size)
        # No -1, which says nothing of no examples, or of n = 0 in a SavedModel.
        return tf.reshape(made, [tf.shape(x)[0], n, *self.data_shape])


class JointModel(Autoencoder):
    """Adds a critic of pairs, f(x, z), which tells the two joint laws apart.

    Args:
        encoder: See `Autoencoder`.
        decoder: See `LatentModel`.
        critic: Network from `[x, z]` to one unbounded logit, (batch, 1).
        **kwargs: See `Autoencoder`.
    """

    players = {
        "critic": Player("critic", optimizer="critic_optimizer"),
        "autoencoder": Player("encoder decoder"),
    }
    f = Critic("critic", "x z", above="p", below="q")
    through_x_p = True

    def __init__(self, encoder, decoder, critic, **kwargs):
        super().__init__(encoder, decoder, **kwargs)
        self.f.use(critic)

    def critic_loss(self, draw):
        """Minus (10): its minimiser is f* = log p(x, z) - log q(x, z), (11)."""
        above = self.f.as_above(*draw.p, training=draw.training)
        below = self.f.as_below(*draw.q, training=draw.training)
        return over_samples(above) + over_data(below)

    @endpoint("log_ratio")
    def log_ratio(self, x, z) -> tf.Tensor:
        """The critic's estimate of log p(x, z) - log q(x, z), (batch,), nats.

        Args:
            x: Data (batch, ...) in the likelihood's range.
            z: As many codes, (batch, latent_dim).
        """
        return self.f.log_ratio(self._data(x), self._codes(z))
