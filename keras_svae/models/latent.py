"""Models with a latent code: all methods here have a prior and a decoder.

A method with `conditional = True` is given classes, which its networks read, too.
"""

import functools
import json

import tensorflow as tf

from keras_svae import distributions
from keras_svae.game import checks, given
from keras_svae.game.export.endpoints import endpoint
from keras_svae.game.feeding import kinds, ranges
from keras_svae.game.in_parts import outputs
from keras_svae.models import about, tried
from keras_svae.models.classes import labels_of, one_hot
from keras_svae.models.draw import Draw
from keras_svae.models.generating import Generating
from keras_svae.networks.ends import last_activation
from keras_svae.noise import Noise, scope

__all__ = ["LatentModel"]


class LatentModel(Generating):
    """A prior p(z) and a decoder p(x|z).

    Args:
        decoder: Network from codes (batch, latent_dim), in a conditional model from
            `[z, y]` with y one-hot (batch, classes), to the raw output of the
            likelihood (batch, ...).
        prior: "normal" for N(0, I) or "uniform" for U(-1, 1).
        likelihood: p(x|z): "bernoulli" (data in [0, 1]), "continuous_bernoulli",
            "gaussian", "laplace" (scale 1, unbounded), "planar", "implicit", or a
            `keras_svae.distributions.Law`. None for the law that the decoder's end
            names, as decoders of `keras_svae.networks` do; if it names none, for
            "bernoulli".
        **kwargs: `seed`, `turns`, `play`, `name`: see `Game`.
    """

    sampled_from = "decoder"
    settled: tuple[str, ...] = ("prior_name", "likelihood_law", "posterior_law")
    conditional = False  # whether it is given classes, which its networks read
    reads_pairs = property(lambda self: self.conditional)  # (x, y) or (z, y)
    classes: int | None = None  # how many a conditional model has
    # Whether it also learns from examples without a class, whose y is -1.
    unlabelled = False

    # Whether a network learns through draws x ~ p(x|z), or z ~ q(z|x). Then these need
    # a gradient. A method of your own that learns without it says False.
    through_x_p = False
    through_z_q = False

    # The laws if neither an argument nor the network's end names one.
    default_laws: dict[str, str | distributions.Law] = {
        "likelihood": "bernoulli",
        "posterior": "gaussian",
    }

    def __init__(self, decoder, *, prior="normal", likelihood=None, **kwargs):
        super().__init__(**kwargs)
        self.decoder = checks.network("decoder", decoder)
        read = checks.inputs("decoder", decoder, "z", self.conditional)
        if len(read[0]) != 2:
            raise ValueError(
                "Expected the decoder to read codes (batch, latent_dim); received: "
                f"input shape {read[0]}"
            )
        checks.known_shapes("decoder", read[0][1:], decoder.output_shape[1:])
        self.latent_dim = read[0][-1]
        if self.conditional:
            self.classes = read[1][-1]
        self.prior_name = prior
        checks.choice("prior", prior, ("normal", "uniform"))
        self.likelihood_law = self.law("likelihood", likelihood, "decoder", decoder)
        *size, channels = decoder.output_shape[1:]
        if channels % self.likelihood_law.parameters:
            raise ValueError(
                "Expected an even number of decoder outputs on the last axis, a "
                f"location and a scale each; received: {channels}"
            )
        self.data_shape = (*size, channels // self.likelihood_law.parameters)
        checks.raw_for("decoder", decoder, self.likelihood_law)

    def law(self, role: str, given, name: str, network) -> distributions.Law:
        """The likelihood or posterior. Methods with a law of their own override this.

        Args:
            role: "likelihood" or "posterior".
            given: The constructor's argument, a law, its name or None.
            name: The name of the network whose output has this law.
            network: The network.
        """
        found = checks.law(role, given, name, network)
        if found is None:
            found = distributions.get(self.default_laws[role], role)
            self.record(role, found)
        return found

    def check_made(self):
        super().check_made()
        tried.check(self)

    def no_gradient(self):
        return tried.no_gradient(self) or super().no_gradient()

    @property
    def prior(self):
        """p(z), a TFP distribution of codes (latent_dim,)."""
        return distributions.prior(self.prior_name, self.latent_dim)

    def draw(self, batch, noise, training):
        return Draw(self, batch, noise, training)

    def unpack(self, data):
        x, y, _ = kinds.parts(data)
        if not self.conditional:
            return x
        x, y = kinds.labelled(x, y, type(self).__name__)
        if y is None:
            raise ValueError(
                f"Expected pairs (x, y) of data and classes for {type(self).__name__}, "
                "as keras_svae.data.load(..., labels=True) gives them; received: no y"
            )
        return x, y

    def unpack_inputs(self, data):
        x, y, _ = kinds.parts(data)
        paired = isinstance(x, (tuple, list)) or y is None
        return (x, y) if self.conditional and not paired else x

    def batch_spec(self):
        x = tf.TensorSpec((None, *self.data_shape), tf.float32)
        return (x, tf.TensorSpec((None,), tf.int64)) if self.conditional else x

    def check_data(self, batch):
        x, y = batch if self.conditional else (batch, None)
        law = self.likelihood_law
        checks.images(x, self.data_shape, law.range, law.rounds)
        if self.conditional:
            checks.classes(y, self.classes, x.shape[0], self.unlabelled)
        if self._seen is None:
            is_image = len(self.data_shape) == 3
            self._seen = ranges.Seen(law.range, self._range_of_end, is_image)
        self._seen.look(x)

    @functools.cached_property
    def _range_of_end(self):
        # Once: to follow a network backwards takes longer than the rest of a short fit.
        return ranges.range_of_end(last_activation(self.decoder))

    def check_inputs(self, inputs):
        z = self._pair(inputs)[0] if self.conditional else inputs
        checks.images(z, (self.latent_dim,), None)

    def likelihood_raw(self, z, training=False, y=None) -> tf.Tensor:
        """The raw output of p(x|z), or of p(x|z, y): what the decoder makes of codes.

        Args:
            z: Codes (batch, latent_dim).
            training: Whether layers such as batch normalisation are in training mode.
            y: Classes, one-hot (batch, classes), for a conditional model.
        """
        return self.decoder(z if y is None else [z, y], training=training)

    def call(self, inputs, training=False):
        """Decodes codes to data, as `decode`; a conditional model takes `(z, y)`."""
        z, y = self._split(inputs)
        return self.likelihood_law.mean(self.likelihood_raw(z, training, y))

    def _sampled(self, z, y, noise: Noise, batch_size: int | None) -> tf.Tensor:
        """Draws x ~ p(x|z) for codes; call it in the scope of the noise."""
        raw = outputs(self.likelihood_raw, z, y, batch_size=batch_size)
        # A law of the user's own may not know of parts.
        return self.likelihood_law.sample(raw, noise.seed("x"))

    @endpoint("x")
    def decode(
        self, z, y=None, seed: int = 0, batch_size: int | None = None
    ) -> tf.Tensor:
        """The mean of p(x|z), (batch, ...).

        Args:
            z: Codes (batch, latent_dim).
            y: For a conditional model: one class for all, or (batch,).
            seed: Matters only if the decoder is fed noise.
            batch_size: See `generate`.
        """
        mean = self.likelihood_law.mean
        return self._decoded(z, y, seed, batch_size=batch_size, then=mean)

    def likelihood(self, z, y=None, seed: int = 0):
        """p(x|z) as a TFP distribution; raises a ValueError if it is implicit."""
        return self.likelihood_law(self._decoded(z, y, seed))

    @endpoint("log_likelihood", when=lambda model: model.likelihood_law.explicit)
    def log_likelihood(self, x, z, y=None, seed: int = 0) -> tf.Tensor:
        """log p(x|z) of each pair, (batch,), nats; see `likelihood`.

        Args:
            x: Data (batch, ...) in the likelihood's range.
            z: As many codes, (batch, latent_dim).
            y: For a conditional model: one class for all, or (batch,).
            seed: Matters only if the decoder is fed noise.
        """

        def density(raw, x):
            return self.likelihood_law(raw).log_prob(x)

        return self._decoded(z, y, seed, self._data(x), then=density)

    def _decoded(self, z, y, seed, *others, **how):
        """The decoder's output; see `in_parts.outputs`."""
        z = self._codes(z)
        with scope(_decoders(seed)):
            y = self._classes(y, tf.shape(z)[0])
            return outputs(self.likelihood_raw, z, y, *others, **how)

    def _split(self, inputs):
        """Inputs of `call`, with one-hot classes, or None if there are no classes."""
        if not self.conditional:
            return inputs, None
        x, y = self._pair(inputs)
        return x, self._classes(y, tf.shape(x)[0])

    def _pair(self, inputs) -> tuple:
        if isinstance(inputs, (tuple, list)) and len(inputs) == 2:
            return tuple(inputs)
        raise ValueError(
            "Expected a pair (inputs, y), inputs of the network and their classes, for "
            f"{type(self).__name__}; received: no y"
        )

    def _classes(self, y, n) -> tf.Tensor | None:
        """n classes, one-hot (n, classes); None if the model has no classes."""
        labels = self._labels(y, n)
        if labels is None or self.classes is None:
            return None
        return one_hot(labels, self.classes)

    _labels = labels_of

    def _codes(self, z) -> tf.Tensor:
        return given.codes(z, self.latent_dim)

    def _tensor(self, x) -> tf.Tensor:
        """Data as a tensor, not yet checked."""
        return given.tensor("data", x, self.data_shape)

    def _data(self, x, anywhere: bool = False) -> tf.Tensor:
        """Data as float32, checked; `anywhere`: also out of the likelihood's range."""
        law = self.likelihood_law
        value_range = None if anywhere else law.range
        return given.data(self._tensor(x), self.data_shape, value_range, law.rounds)

    def input_specs(self):
        batch = {
            "x": tf.TensorSpec([None, *self.data_shape], tf.float32),
            "z": tf.TensorSpec([None, self.latent_dim], tf.float32),
            "n": tf.TensorSpec([], tf.int32),
        }
        if self.conditional:
            # An endpoint also takes (1,), one class for all.
            batch["y"] = tf.TensorSpec([None], tf.int64)
        return {**super().input_specs(), **batch}

    described = about.described

    def about(self) -> dict:
        """What a SavedModel says about itself, plain values for JSON.

        Returns:
            `method`, `latent_dim`, `classes` (how many, or None), `data_shape`,
            `range` (of data, or None), `prior` ("own" if a subclass of yours overrides
            it), the names of the laws `likelihood` and
            `posterior` (None without encoder), `discrete` (whether the likelihood gives
            probabilities of 0 and 1, and no density), `fed_noise` (which of decoder and
            encoder are, so that their densities are given that noise),
            `log_ratio`: which law stands `above` which `below` in what `log_ratio`
            gives, and what it `reads`; None for no log ratio; and `samplers`: the class
            of each that the model keeps, by name.
        """
        return about.of(self)

    @endpoint("about", name="about")
    def _about(self):
        return tf.constant(json.dumps(self.about()))


def _decoders(seed) -> Noise:
    """A decoder's noise; an encoder's noise of the same seed differs."""
    return Noise(seed).fold(1)
