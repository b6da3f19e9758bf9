"""Models with an encoder, and those with a critic of pairs as well."""

import math

import keras
import tensorflow as tf

from keras_svae import distributions
from keras_svae.models import checks
from keras_svae.models.costs import squared
from keras_svae.models.export import SEED
from keras_svae.models.game import Player
from keras_svae.models.latent import LatentModel
from keras_svae.models.terms import over_data, over_samples
from keras_svae.noise import Noise, scope
from keras_svae.ratios import as_above, as_below

__all__ = ["Autoencoder", "JointModel"]


class Autoencoder(LatentModel):
    """Adds an encoder q(z|x).

    Args:
        encoder: Network from data (batch, ...), in a conditional model from `[x, y]`
            with y one-hot (batch, classes), to the raw output of the posterior,
            (batch, `posterior.outputs(latent_dim)`).
        decoder: See `LatentModel`.
        posterior: q(z|x): "gaussian" (learned mean and scale: two outputs per
            dimension of the code), "laplace", "implicit" (one output; the encoder is
            fed noise), or a `keras_svae.distributions.Law`.
        **kwargs: See `LatentModel`.
    """

    sampled_from = "encoder decoder"

    def __init__(self, encoder, decoder, *, posterior="gaussian", **kwargs):
        super().__init__(decoder, **kwargs)
        self.encoder = checks.network("encoder", encoder)
        self.posterior_law = distributions.get(posterior, "posterior")
        read = checks.inputs("encoder", encoder, "x", self.conditional, self.classes)
        checks.shapes("the encoder to read", read[0][1:], *self.encoder_reads())
        checks.shapes(
            "the encoder's raw output",
            encoder.output_shape[1:],
            (self.posterior_law.outputs(self.latent_dim),),
            f"what {type(self.posterior_law).__name__} needs for {self.latent_dim} "
            "dimensions of the decoder's code",
        )
        if self.posterior_law.activation != "linear":
            checks.raw_output("encoder", encoder)

    def encoder_reads(self) -> tuple[tuple, str]:
        """The shape of what the encoder reads, without the batch, and why so."""
        why = "what the decoder makes (networks of this package: shared=False)"
        return self.data_shape, why

    def posterior_raw(self, x, training=False, y=None) -> tf.Tensor:
        """The raw output of q(z|x), or of q(z|x, y): what the encoder makes of data.

        Args:
            x: Data (batch, ...).
            training: Whether batch normalisation and the like train.
            y: Classes, one-hot (batch, classes), of a conditional model.
        """
        return self.encoder(x if y is None else [x, y], training=training)

    def call(self, inputs, training=False):
        """Data to their reconstructions, as `reconstruct`; if conditional `(x, y)`."""
        x, y = self._split(inputs)
        z = self.posterior_law.mean(self.posterior_raw(x, training, y))
        return self.likelihood_law.mean(self.likelihood_raw(z, training, y))

    def check_inputs(self, inputs):
        self.check_data(self._pair(inputs) if self.conditional else inputs)

    def observe(self, draw):
        error = squared(draw.x, draw.reconstruction) / math.prod(self.data_shape)
        return {**super().observe(draw), "mse": over_data(error)}

    def encode(self, x, y=None, seed: int | None = None) -> tf.Tensor:
        """Codes (batch, latent_dim) of data (batch, ...).

        Args:
            x: Data in the likelihood's range.
            y: Of a conditional model: one class for all, or (batch,).
            seed: None for the posterior's mean, a seed for a draw from it. An
                implicit encoder always draws, by default with seed 0.
        """
        noise = Noise(0 if seed is None else seed)
        raw = self._encoded(x, y, noise)
        if seed is None:
            return self.posterior_law.mean(raw)
        # Of its own name: a generated code of the same seed is another draw.
        return self.posterior_law.sample(raw, noise.seed("z_q"))

    def posterior(self, x, y=None, seed: int = 0):
        """q(z|x) as a TFP distribution; raises a ValueError where it is implicit."""
        return self.posterior_law(self._encoded(x, y, Noise(seed)))

    def _encoded(self, x, y, noise) -> tf.Tensor:
        x = self._data(x)
        y = self._classes(self.classes_for(x, y), tf.shape(x)[0])
        with scope(noise):
            return self.posterior_raw(x, y=y)

    def classes_for(self, x, y=None):
        """The classes that data are encoded with: y, and what the model infers."""
        return y

    def reconstruct(self, x, y=None, seed: int | None = None) -> tf.Tensor:
        """Data through their codes and back: `decode(encode(x, y, seed), y)`."""
        y = self.classes_for(x, y)
        return self.decode(self.encode(x, y, seed), y, 0 if seed is None else seed)

    def neighbours(self, x, n: int, y=None, seed: int = 0) -> tf.Tensor:
        """Draws around data: x' = mean of p(x|z), z ~ q(z|x) (AIM, algorithm 2).

        Args:
            x: Data (batch, ...) in the likelihood's range.
            n: How many for each.
            y: Of a conditional model: one class for all, or (batch,).
            seed: Of the draws.

        Returns:
            (batch, n, ...), in the data's range.
        """
        y = self._labels(self.classes_for(x, y), tf.shape(x)[0])
        if y is not None:
            y = tf.repeat(y, n)
        # Each copy of x by itself: an encoder that is fed noise draws by it.
        z = self.encode(tf.repeat(self._data(x), n, axis=0), y, seed)
        made = self.decode(z, y, seed)
        return tf.reshape(made, [-1, n, *self.data_shape])

    def endpoints(self):
        data = tf.TensorSpec([None, *self.data_shape], tf.float32, name="x")
        codes = tf.TensorSpec([None, self.latent_dim], tf.float32, name="z")
        n = tf.TensorSpec([], tf.int32, name="n")

        def encode(x, y, seed):
            return {"z": self.encode(x, y, seed)}

        def reconstruct(x, y, seed):
            noise = seed if not self.posterior_law.explicit else None
            y = self.classes_for(x, y)
            return {"x": self.decode(self.encode(x, y, noise), y, seed)}

        def neighbours(x, n, y, seed):
            return {"x": self.neighbours(x, n, y, seed)}

        def posterior(x, y, seed):
            law = self.posterior(x, y, seed)
            return {"mean": law.mean(), "scale": law.stddev()}

        def log_posterior(x, z, y, seed):
            return {"log_posterior": self.posterior(x, y, seed).log_prob(z)}

        found = {
            **super().endpoints(),
            "encode": self.of_classes(encode, [data, SEED]),
            "reconstruct": self.of_classes(reconstruct, [data, SEED]),
            "neighbours": self.of_classes(neighbours, [data, n, SEED]),
        }
        if self.posterior_law.explicit:
            if self.posterior_law.moments:
                found["posterior"] = self.of_classes(posterior, [data, SEED])
            found["log_posterior"] = self.of_classes(log_posterior, [data, codes, SEED])
        return found

    def get_config(self):
        return {
            **super().get_config(),
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "posterior": keras.saving.serialize_keras_object(self.posterior_law),
        }


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
    log_ratio_laws = ("p", "q")

    def __init__(self, encoder, decoder, critic, **kwargs):
        super().__init__(encoder, decoder, **kwargs)
        self.critic = checks.critic_of_pairs(
            "critic", critic, self.data_shape, self.latent_dim
        )

    def f(self, x, z, training=True):
        """The critic's logits, (batch, 1) float32: log p(x, z) - log q(x, z)."""
        return tf.cast(self.critic([x, z], training=training), tf.float32)

    def critic_loss(self, draw):
        """Minus (10): its minimiser is f* = log p(x, z) - log q(x, z), (11)."""
        f_p = self.f(*draw.p, draw.training)
        f_q = self.f(*draw.q, draw.training)
        return over_samples(as_above(f_p)) + over_data(as_below(f_q))

    def log_ratio(self, x, z) -> tf.Tensor:
        """The critic's estimate of log p(x, z) - log q(x, z), (batch,), nats."""
        x, z = self._data(x), self._codes(z)
        return tf.squeeze(self.f(x, z, training=False), -1)

    def endpoints(self):
        data = tf.TensorSpec([None, *self.data_shape], tf.float32, name="x")
        codes = tf.TensorSpec([None, self.latent_dim], tf.float32, name="z")

        def log_ratio(x, z):
            return {"log_ratio": self.log_ratio(x, z)}

        return {**super().endpoints(), "log_ratio": (log_ratio, [data, codes])}

    def get_config(self):
        critic = keras.saving.serialize_keras_object(self.critic)
        return {**super().get_config(), "critic": critic}
