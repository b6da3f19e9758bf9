"""The laws whose dimensions are independent."""

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_svae import arguments
from keras_svae.distributions import drawn
from keras_svae.recorded_values import plain
from keras_svae.recording import Recorded

__all__ = [
    "Bernoulli",
    "ContinuousBernoulli",
    "Gaussian",
    "Implicit",
    "Laplace",
    "Law",
    "LocationScale",
]


# The range of each activation's values; None for any value.
RANGES = {"linear": None, "sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}


class Law(Recorded):
    """Turns raw network outputs into a distribution. Subclass to add one.

    The arguments of a subclass's constructor are saved with the model. Register the
    class with Keras, so that the file can be loaded.

    The distributions of `keras_svae.distributions.drawn` draw the same numbers with and
    without XLA, those of TFP others.

    A model tries a law of yours on zeros when it is made. A subclass gives
    `distribution(raw)`, or `__call__(raw)` if the entries of an event are not
    independent: a TFP distribution of float32, with batch_shape (batch,) and as
    event_shape that of the data or of the code. Its `mean()` is implemented, or the law
    overrides `mean(raw)`.

    Args:
        activation: "linear", "sigmoid" or "tanh", applied to the location.
        draw: "sample" draws from the distribution. Where a network learns through the
            draws, they need a gradient (`reparameterization_type` of the distribution).
            "mean" takes its mean, so that the network's noise is the only noise.
            Adversarial learning uses "mean" for decoders of images.

    Raises:
        ValueError: For another activation or draw; or for a subclass whose constructor
            does not call this one, or whose `parameters` are no count.

    Attributes:
        parameters: Raw outputs per dimension of the event: 2 if the scale is
            learned, else 1.
        explicit: Whether there is a density.
        moments: Whether mean and standard deviation of the distribution are known.
        rounds: Whether data may be outside of the range by a rounding error, as a
            resized image with the value 1.0000002. The density is finite there.
        support: Where all draws lie, (low, high), as (0, 1) of a Beta law; None if this
            is not said. A posterior needs it beside prior="uniform", where codes lie in
            [-1, 1].
        discrete: Whether it gives probabilities of 0 and 1, and no density: of values
            between them it gives a cross entropy.
    """

    parameters = 1
    explicit = True
    moments = True
    rounds = False
    support: tuple[float, float] | None = None
    discrete = False

    def __init__(self, activation: str = "linear", draw: str = "sample"):
        if activation not in RANGES:
            raise ValueError(
                f"Expected activation to be one of {sorted(RANGES)}; "
                f"received: {activation!r}"
            )
        if draw not in ("sample", "mean"):
            raise ValueError(
                f'Expected draw to be "sample" or "mean"; received: {draw!r}'
            )
        self.activation = activation
        self.draw = draw

    def check_made(self):
        kind = type(self).__name__
        if not (hasattr(self, "activation") and hasattr(self, "draw")):
            raise ValueError(
                f"Expected the constructor of {kind} to call super().__init__(), which "
                "sets `activation` and `draw`; received: a law without them"
            )
        count = self.parameters
        whole = arguments.real(count) and count == int(count)
        if count is not None and not (whole and count >= 1):
            raise ValueError(
                f"Expected `parameters` of {kind} as an integer >= 1, the raw outputs "
                f"for each entry of the event; received: {count!r}"
            )

    def outputs(self, dim: int) -> int:
        """Raw outputs for events whose last axis has `dim` entries, at least 1."""
        return self.parameters * dim

    def constants(self, dim: int) -> int:
        """How many of these outputs, the last ones, are learned and do not depend on x.

        An encoder of `ks.networks` ends in `AppendConstants` for them.
        """
        return 0

    def __call__(self, raw: tf.Tensor) -> tfd.Distribution:
        """The distribution that these raw outputs (batch, ..., parameters * k) mean."""
        if not self.explicit:
            raise ValueError(
                "Expected an explicit law where a density is asked for; received: "
                f"{type(self).__name__}, which has samples but no density. Pass "
                'posterior="gaussian" '
                '(or likelihood="gaussian", "laplace", "bernoulli", '
                '"continuous_bernoulli").'
            )
        raw = tf.cast(raw, tf.float32)
        distribution = self.distribution(raw)
        if not hasattr(distribution, "batch_shape"):
            raise ValueError(
                f"Expected distribution(raw) of {type(self).__name__} to return a TFP "
                f"distribution; received: {distribution!r}"
            )
        rank = len(distribution.batch_shape) - 1
        return tfd.Independent(distribution, reinterpreted_batch_ndims=rank)

    def distribution(self, raw: tf.Tensor) -> tfd.Distribution:
        """The distribution of each single dimension; the input is float32."""
        raise NotImplementedError(
            f"{type(self).__name__} has no distribution(raw), which a law defines"
        )

    def location(self, raw: tf.Tensor) -> tf.Tensor:
        """The raw location in the range of the activation."""
        return keras.activations.get(self.activation)(raw)

    def mean(self, raw: tf.Tensor) -> tf.Tensor:
        """The distribution's mean: the output of `decode` and `encode`."""
        return self(raw).mean()

    def sample(self, raw: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """One draw (or the mean, see `draw`); an int32 (2,) seed.

        It has a gradient where the distribution's draws are reparameterised.
        """
        if self.draw == "mean":
            return self.mean(raw)
        return self(raw).sample(seed=seed)

    @property
    def range(self) -> tuple[float, float] | None:
        """The range of data under this law: (0, 1), (-1, 1), or None for any value."""
        return vars(self).get("range", RANGES[self.activation])

    @range.setter
    def range(self, value: tuple[float, float] | None) -> None:
        vars(self)["range"] = value


class LocationScale(Law):
    """A law with a location and a scale, fixed or learned.

    Args:
        scale: A number > 0 of Python, NumPy or TensorFlow that float32 can hold, in
            units of the data; or "learned": then the raw output has twice as many
            entries on its last axis, locations first, and the scale is a softplus
            shifted to be 1 at zero, at least 1e-3.
        activation: "linear", "sigmoid" or "tanh", applied to the location.
        draw: "sample" or "mean", see `Law`.

    Raises:
        ValueError: For a scale that is none of these.
    """

    rounds = True

    family: type[tfd.Distribution]

    def __init__(
        self,
        scale: float | str = 1.0,
        activation: str = "linear",
        draw: str = "sample",
    ):
        super().__init__(activation, draw)
        learned = isinstance(scale, str) and scale == "learned"
        self.scale = (
            scale if learned else arguments.scale(plain(scale), ' or "learned"')
        )
        self.parameters = 2 if learned else 1

    def distribution(self, raw):
        if self.scale != "learned":
            return self.family(self.location(raw), self.scale)
        location, scale = tf.split(raw, 2, axis=-1)
        scale = 1e-3 + tf.nn.softplus(scale + 0.5413249)  # softplus^-1(1)
        return self.family(self.location(location), scale)


@keras.saving.register_keras_serializable(package="keras_svae")
class Gaussian(LocationScale):
    """Gaussian: its log density is an L2 distance. Arguments: `LocationScale`."""

    family = drawn.Normal


@keras.saving.register_keras_serializable(package="keras_svae")
class Laplace(LocationScale):
    """Laplace: its log density is an L1 distance. Arguments: `LocationScale`."""

    family = drawn.Laplace


@keras.saving.register_keras_serializable(package="keras_svae")
class Bernoulli(Law):
    """Bernoulli with logits, for data in [0, 1].

    Data strictly between 0 and 1 are taken as probabilities, so the density is a cross
    entropy. A draw is the mean (the probabilities), because a binary sample would have
    no gradient.
    """

    rounds = True
    discrete = True

    def __init__(self):
        super().__init__("sigmoid", "mean")

    def distribution(self, raw):
        return drawn.Bernoulli(logits=raw, dtype=tf.float32)


@keras.saving.register_keras_serializable(package="keras_svae")
class ContinuousBernoulli(Law):
    """Continuous Bernoulli with logits (Loaiza-Ganem & Cunningham, 2019), on [0, 1].

    Unlike `Bernoulli` it is a density for grey values, and can be drawn from with a
    gradient.

    Args:
        draw: "sample" or "mean", see `Law`.
    """

    def __init__(self, draw: str = "mean"):
        super().__init__("sigmoid", draw)

    def distribution(self, raw):
        return drawn.ContinuousBernoulli(logits=raw)


@keras.saving.register_keras_serializable(package="keras_svae")
class Implicit(Law):
    """No density: the network is fed noise, and its output is the sample.

    Args:
        activation: "linear", "sigmoid" or "tanh".
    """

    rounds = True

    explicit = False

    def __init__(self, activation: str = "linear"):
        super().__init__(activation, "mean")

    def mean(self, raw):
        return self.location(tf.cast(raw, tf.float32))
