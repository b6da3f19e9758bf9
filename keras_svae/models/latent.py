"""Models with a latent code: what they share, and what they draw in one turn.

`LatentModel` has a prior and a decoder (every method here), `Autoencoder` an encoder
too, `JointModel` a critic of pairs as well.
"""

import functools
import inspect
import json

import keras
import tensorflow as tf

from keras_svae import distributions
from keras_svae.models import checks
from keras_svae.models.export import SEED
from keras_svae.models.game import Game, Player
from keras_svae.networks.layers import noise_layers
from keras_svae.noise import Noise, scope
from keras_svae.ratios import logistic

__all__ = ["Autoencoder", "Draw", "JointModel", "LatentModel"]


class Draw:
    """Samples of both laws in one turn; each computed once, when first asked for.

    The joint laws are q(x, z) = q(x) q(z|x) and p(x, z) = p(z) p(x|z).

    Attributes:
        x: Data, (batch, ...).
        z: Codes from the prior, (batch, latent_dim).
        noise: The source of everything random in this turn.
        log: Scalars to log that belong to no loss.
    """

    def __init__(
        self, model: "LatentModel", x: tf.Tensor, noise: Noise, training: bool
    ):
        self.model, self.noise, self.training = model, noise, training
        self.x = tf.cast(x, tf.float32)
        self.log: dict[str, tf.Tensor] = {}

    @functools.cached_property
    def z(self):
        return self.model.prior.sample(tf.shape(self.x)[0], seed=self.noise.seed("z"))

    @functools.cached_property
    def x_p(self):
        """x ~ p(x|z) at the prior's z."""
        raw = self.model.decoder(self.z, training=self.training)
        return self.model.likelihood_law.sample(raw, self.noise.seed("x_p"))

    @functools.cached_property
    def _posterior_raw(self):
        return self.model.posterior_raw(self.x, self.training)

    @functools.cached_property
    def _posterior(self):
        return self.model.posterior_law(self._posterior_raw)

    @functools.cached_property
    def z_q(self):
        """z ~ q(z|x) at the data."""
        law = self.model.posterior_law
        if law.draw == "mean":
            return law.mean(self._posterior_raw)
        # Of the same object as `kl` asks: a flow then knows the density of its draw.
        return self._posterior.sample(seed=self.noise.seed("z_q"))

    @property
    def q(self):
        """Pairs (x, z) of the encoder's joint law."""
        return self.x, self.z_q

    @property
    def p(self):
        """Pairs (x, z) of the decoder's joint law."""
        return self.x_p, self.z

    @functools.cached_property
    def _reconstruction_raw(self):
        return self.model.decoder(self.z_q, training=self.training)

    @property
    def reconstruction(self):
        """The mean of p(x|z) at z ~ q(z|x), (batch, ...)."""
        return self.model.likelihood_law.mean(self._reconstruction_raw)

    @functools.cached_property
    def log_p_x(self):
        """log p(x|z) on q's pairs, (batch,), nats."""
        return self.model.likelihood_law(self._reconstruction_raw).log_prob(self.x)

    @functools.cached_property
    def log_q_z(self):
        """log q(z|x) on p's pairs, (batch,), nats."""
        raw = self.model.posterior_raw(self.x_p, self.training)
        return self.model.posterior_law(raw).log_prob(self.z)

    @functools.cached_property
    def kl(self):
        """KL(q(z|x) || p(z)) at the data, (batch,), nats."""
        return distributions.kl_divergence(self._posterior, self.model.prior, self.z_q)


class LatentModel(Game):
    """A prior p(z) and a decoder p(x|z).

    Args:
        decoder: Network from codes (batch, latent_dim) to the raw output of the
            likelihood (batch, ...).
        prior: "normal" for N(0, I) or "uniform" for U(-1, 1).
        likelihood: p(x|z): "bernoulli" (data in [0, 1]), "continuous_bernoulli",
            "gaussian", "laplace" (scale 1, unbounded), "implicit", or a
            `keras_svae.distributions.Law`.
        **kwargs: `seed`, `turns`, `play`, `name`: see `Game`.
    """

    sampled_from = "decoder"
    # Which law stands above which in `log_ratio`: q is the data's (or the encoder's
    # joint) law, p the model's. None where there is no log ratio.
    log_ratio_laws: tuple[str, str] | None = None

    def __init__(self, decoder, *, prior="normal", likelihood="bernoulli", **kwargs):
        super().__init__(**kwargs)
        self.decoder = checks.network("decoder", decoder)
        self.likelihood_law = distributions.get(likelihood, "likelihood")
        if len(decoder.input_shape) != 2:
            raise ValueError(
                "Expected the decoder to read codes (batch, latent_dim); received: "
                f"input shape {decoder.input_shape}"
            )
        self.latent_dim = decoder.input_shape[-1]
        self.prior_name = prior
        checks.choice("prior", prior, ("normal", "uniform"))
        *size, channels = decoder.output_shape[1:]
        if channels % self.likelihood_law.parameters:
            raise ValueError(
                "Expected an even number of decoder outputs on the last axis, a "
                f"location and a scale each; received: {channels}"
            )
        self.data_shape = (*size, channels // self.likelihood_law.parameters)
        if self.likelihood_law.activation != "linear":
            _check_raw("decoder", decoder)

    @property
    def prior(self):
        """p(z), a TFP distribution of codes (latent_dim,)."""
        return distributions.prior(self.prior_name, self.latent_dim)

    def draw(self, batch, noise, training):
        return Draw(self, batch, noise, training)

    def batch_spec(self):
        return tf.TensorSpec((None, *self.data_shape), tf.float32)

    def check_data(self, x):
        checks.images(x, self.data_shape, self.likelihood_law.range)

    def check_batch(self, size):
        networks = [layer for layer in self.layers if isinstance(layer, keras.Model)]
        replicas = self.distribute_strategy.num_replicas_in_sync
        checks.batch_norm(size, replicas, networks)

    def build(self, input_shape=None):
        self.built = True

    def call(self, inputs, training=False):
        """Codes to data, as `decode`."""
        return self.likelihood_law.mean(self.decoder(inputs, training=training))

    def generate(self, n: int, seed: int = 0) -> tf.Tensor:
        """Draws `n` examples x ~ p(x|z), z ~ p(z): (n, ...) in the data's range.

        Where the likelihood's `draw` is "mean", these are the means of p(x|z).
        """
        return self.generate_pairs(n, seed)[0]

    def generate_pairs(self, n: int, seed: int = 0) -> tuple[tf.Tensor, tf.Tensor]:
        """What `generate` gives, with the codes (n, latent_dim) it was made from."""
        noise = Noise(seed)
        with scope(noise):
            z = self.prior.sample(n, seed=noise.seed("z"))
            raw = self.decoder(z, training=False)
            return self.likelihood_law.sample(raw, noise.seed("x")), z

    def decode(self, z, seed: int = 0) -> tf.Tensor:
        """The mean of p(x|z), (batch, ...), for codes z, (batch, latent_dim).

        The seed matters only to a decoder that is fed noise.
        """
        with scope(_decoders(seed)):
            raw = self.decoder(self._codes(z), training=False)
            return self.likelihood_law.mean(raw)

    def likelihood(self, z, seed: int = 0):
        """p(x|z) as a TFP distribution; raises a ValueError where it is implicit."""
        with scope(_decoders(seed)):
            return self.likelihood_law(self.decoder(self._codes(z), training=False))

    def _codes(self, z) -> tf.Tensor:
        z = tf.convert_to_tensor(z, tf.float32)
        checks.shapes("codes", z.shape[1:], (self.latent_dim,), "as the decoder reads")
        return z

    def _data(self, x) -> tf.Tensor:
        x = tf.convert_to_tensor(x)
        if tf.executing_eagerly():
            checks.images(x, self.data_shape, self.likelihood_law.range)
        return tf.cast(x, tf.float32)

    def endpoints(self):
        codes = tf.TensorSpec([None, self.latent_dim], tf.float32, name="z")
        data = tf.TensorSpec([None, *self.data_shape], tf.float32, name="x")
        n = tf.TensorSpec([], tf.int32, name="n")

        def log_likelihood(x, z, seed):
            return {"log_likelihood": self.likelihood(z, seed).log_prob(x)}

        def generate(n, seed):
            return dict(zip("xz", self.generate_pairs(n, seed), strict=True))

        about = json.dumps(self.about())
        found = {
            "about": (lambda: {"about": tf.constant(about)}, []),
            "generate": (generate, [n, SEED]),
            "decode": (lambda z, seed: {"x": self.decode(z, seed)}, [codes, SEED]),
        }
        if self.likelihood_law.explicit:
            found["log_likelihood"] = (log_likelihood, [data, codes, SEED])
        return found

    def about(self) -> dict:
        """What a SavedModel says of itself, plain values for JSON.

        Returns:
            `method`, `latent_dim`, `data_shape`, `range` (of data, or None), `prior`,
            the names of the laws `likelihood` and `posterior` (None without encoder),
            `fed_noise` (which of decoder and encoder are, so that their densities are
            given that noise), and `log_ratio`: which law stands `above` which `below`
            in what `log_ratio` gives, and what it `reads`; None for no log ratio.
        """
        ratio = None
        if self.log_ratio_laws is not None:
            above, below = self.log_ratio_laws
            reads = list(inspect.signature(self.log_ratio).parameters)
            ratio = {"above": above, "below": below, "reads": reads}
        posterior = getattr(self, "posterior_law", None)
        return {
            "method": type(self).__name__,
            "latent_dim": self.latent_dim,
            "data_shape": list(self.data_shape),
            "range": self.likelihood_law.range,
            "prior": self.prior_name,
            "likelihood": type(self.likelihood_law).__name__,
            "posterior": posterior and type(posterior).__name__,
            "fed_noise": [
                name
                for name in ("decoder", "encoder")
                if hasattr(self, name) and noise_layers(getattr(self, name))
            ],
            "log_ratio": ratio,
        }

    def get_config(self):
        return {
            **super().get_config(),
            "decoder": keras.saving.serialize_keras_object(self.decoder),
            "likelihood": keras.saving.serialize_keras_object(self.likelihood_law),
            "prior": self.prior_name,
        }


class Autoencoder(LatentModel):
    """Adds an encoder q(z|x).

    Args:
        encoder: Network from data (batch, ...) to the raw output of the posterior,
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
        reads = "the encoder to read"
        checks.shapes(reads, encoder.input_shape[1:], *self.encoder_reads())
        checks.shapes(
            "the encoder's raw output",
            encoder.output_shape[1:],
            (self.posterior_law.outputs(self.latent_dim),),
            f"what {type(self.posterior_law).__name__} needs for {self.latent_dim} "
            "dimensions of the decoder's code",
        )
        if self.posterior_law.activation != "linear":
            _check_raw("encoder", encoder)

    def encoder_reads(self) -> tuple[tuple, str]:
        """The shape of what the encoder reads, without the batch, and why so."""
        return self.data_shape, "what the decoder makes"

    def posterior_raw(self, x, training=False) -> tf.Tensor:
        """The raw output of q(z|x): what the encoder makes of data (batch, ...)."""
        return self.encoder(x, training=training)

    def call(self, inputs, training=False):
        """Data to their reconstructions, as `reconstruct`."""
        z = self.posterior_law.mean(self.posterior_raw(inputs, training))
        return self.likelihood_law.mean(self.decoder(z, training=training))

    def observe(self, draw):
        error = draw.reconstruction - draw.x
        return {**super().observe(draw), "mse": tf.reduce_mean(error**2)}

    def encode(self, x, seed: int | None = None) -> tf.Tensor:
        """Codes (batch, latent_dim) of data (batch, ...).

        Args:
            x: Data in the likelihood's range.
            seed: None for the posterior's mean, a seed for a draw from it. An
                implicit encoder always draws, by default with seed 0.
        """
        noise = Noise(0 if seed is None else seed)
        with scope(noise):
            raw = self.posterior_raw(self._data(x))
            if seed is None:
                return self.posterior_law.mean(raw)
            # Of its own name: a generated code of the same seed is another draw.
            return self.posterior_law.sample(raw, noise.seed("z_q"))

    def posterior(self, x, seed: int = 0):
        """q(z|x) as a TFP distribution; raises a ValueError where it is implicit."""
        with scope(Noise(seed)):
            return self.posterior_law(self.posterior_raw(self._data(x)))

    def reconstruct(self, x, seed: int | None = None) -> tf.Tensor:
        """Data through their codes and back: `decode(encode(x, seed))`."""
        return self.decode(self.encode(x, seed), 0 if seed is None else seed)

    def neighbours(self, x, n: int, seed: int = 0) -> tf.Tensor:
        """Draws around data: x' = mean of p(x|z), z ~ q(z|x) (AIM, algorithm 2).

        Args:
            x: Data (batch, ...) in the likelihood's range.
            n: How many for each.
            seed: Of the draws.

        Returns:
            (batch, n, ...), in the data's range.
        """
        # Each copy of x by itself: an encoder that is fed noise draws by it.
        z = self.encode(tf.repeat(self._data(x), n, axis=0), seed)
        made = self.decode(z, seed)
        return tf.reshape(made, [-1, n, *self.data_shape])

    def endpoints(self):
        data = tf.TensorSpec([None, *self.data_shape], tf.float32, name="x")
        codes = tf.TensorSpec([None, self.latent_dim], tf.float32, name="z")
        n = tf.TensorSpec([], tf.int32, name="n")

        def encode(x, seed):
            return {"z": self.encode(x, seed)}

        def reconstruct(x, seed):
            noise = seed if not self.posterior_law.explicit else None
            return {"x": self.decode(self.encode(x, noise), seed)}

        def neighbours(x, n, seed):
            return {"x": self.neighbours(x, n, seed)}

        def posterior(x, seed):
            law = self.posterior(x, seed)
            return {"mean": law.mean(), "scale": law.stddev()}

        def log_posterior(x, z, seed):
            return {"log_posterior": self.posterior(x, seed).log_prob(z)}

        found = {
            **super().endpoints(),
            "encode": (encode, [data, SEED]),
            "reconstruct": (reconstruct, [data, SEED]),
            "neighbours": (neighbours, [data, n, SEED]),
        }
        if self.posterior_law.explicit:
            if self.posterior_law.moments:
                found["posterior"] = (posterior, [data, SEED])
            found["log_posterior"] = (log_posterior, [data, codes, SEED])
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
        return logistic(positive=f_p, negative=f_q)

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


def _decoders(seed) -> Noise:
    """A decoder's noise, so that an encoder's of the same seed is another."""
    return Noise(seed).fold(1)


def _check_raw(name: str, network: keras.Model) -> None:
    """A sigmoid under a law that applies one itself would go unnoticed."""
    activation = getattr(network.layers[-1], "activation", keras.activations.linear)
    if activation not in (keras.activations.linear, None):
        raise ValueError(
            f"Expected the {name} to end in a linear layer, since its law applies the "
            f"activation; received: {activation.__name__!r} at the end"
        )
