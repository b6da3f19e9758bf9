"""Symmetric likelihoods, which only need samples (lambda-IJAE, Definition 1)."""

import math
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from keras_svae import arguments, philox
from keras_svae.distributions import drawn
from keras_svae.distributions.laws import Implicit
from keras_svae.distributions.symmetry import check_symmetric
from keras_svae.noise import Noise
from keras_svae.recorded_values import plain

__all__ = [
    "GaussianNoise",
    "LaplaceNoise",
    "RotationLikelihood",
    "Sampled",
    "ShiftLikelihood",
    "SymmetricLikelihood",
]


class SymmetricLikelihood(Implicit):
    """p(x|z) = r(x|G(z)) with a symmetric r: Definition 1 of lambda-IJAE.

    r is symmetric if r(y = a|x = b) = r(y = b|x = a) for all a and b, with a mode at a
    = b. `IJAE` draws from it; for any other method it is `Implicit`. To add one, make a
    subclass: `check_symmetric` tests it before it is used.

    Args:
        activation: "tanh", "sigmoid" or "linear". It makes G(z) from the decoder's raw
            output.
    """

    def __init__(self, activation: str = "tanh"):
        super().__init__(activation)

    def perturb(self, x: tf.Tensor, noise: Noise) -> tf.Tensor:
        """Draws y ~ r(y|x), (batch, ...), for each x, (batch, ...)."""
        raise NotImplementedError

    def check(self, shape: tuple[int, ...]) -> None:
        """Raises a ValueError if r is no symmetric likelihood of such examples."""
        check_symmetric(self.perturb, shape, name=type(self).__name__)


@keras.saving.register_keras_serializable(package="keras_svae")
class Sampled(SymmetricLikelihood):
    """A symmetric likelihood of your own.

    Args:
        sampler: A function `sampler(x, noise)` of x, (batch, ...), that returns
            y ~ r(y|x), of the same shape. A resumed run repeats the draws of
            `noise.normal(shape, "name")` and `noise.uniform(...)`, not those of
            `tf.random`. To be saved with the model it has to be registered with Keras.
        activation: See `SymmetricLikelihood`.
        check: Whether `check_symmetric` tests it when a model is made.
    """

    def __init__(self, sampler: Callable, activation: str = "tanh", check: bool = True):
        super().__init__(activation)
        if not callable(sampler):
            raise TypeError(
                f"Expected a function sampler(x, noise) -> y; received: {sampler!r}"
            )
        self.sampler, self.checked = sampler, bool(check)

    def perturb(self, x, noise):
        return self.sampler(x, noise)

    def check(self, shape):
        if self.checked:
            name = getattr(self.sampler, "__name__", type(self.sampler).__name__)
            check_symmetric(self.sampler, shape, name=name)


class _Noise(SymmetricLikelihood):
    """y = x + noise. The noise's density is even and highest at zero: symmetric."""

    def __init__(self, scale: float, activation: str = "tanh"):
        super().__init__(activation)
        self.scale = arguments.scale(plain(scale))

    def check(self, shape):
        pass


@keras.saving.register_keras_serializable(package="keras_svae")
class GaussianNoise(_Noise):
    """r(y|x) = N(y; x, scale^2 I), only for samples.

    `Gaussian` is the same law with its density: lambda-IJAE-L2.

    Args:
        scale: Standard deviation of each entry, in units of the data.
        activation: See `SymmetricLikelihood`.
    """

    def perturb(self, x, noise):
        return x + self.scale * noise.normal(tf.shape(x), "noise")


@keras.saving.register_keras_serializable(package="keras_svae")
class LaplaceNoise(_Noise):
    """r(y|x) = Laplace(y; x, scale), only for samples.

    `Laplace` is the same law with its density: lambda-IJAE-L1.

    Args:
        scale: Scale of each entry, in units of the data.
        activation: See `SymmetricLikelihood`.
    """

    def perturb(self, x, noise):
        law = drawn.Laplace(tf.zeros_like(x), self.scale)
        return x + law.sample(seed=noise.seed("noise"))


class _Permutation(SymmetricLikelihood):
    """Pixels of an image change places; no value is changed.

    It is symmetric if a permutation is as probable as its inverse, and no permutation
    is more probable than the identity.
    """

    least = 1  # the least number of steps

    def __init__(self, steps: int, activation: str = "tanh"):
        super().__init__(activation)
        self.steps = steps = arguments.integer("steps", steps, at_least=self.least)
        inverse = 1 / np.arange(1, steps + 2)
        # The probabilities of sizes 0, 1, ... steps, summed over all directions.
        self.probabilities = inverse / inverse.sum()

    def check(self, shape):
        if len(shape) != 3:
            raise ValueError(
                f"Expected examples (height, width, channels) for "
                f"{type(self).__name__}; received: shape {tuple(shape)}"
            )

    def perturb(self, x, noise):
        batch, height, width, _ = tf.unstack(tf.shape(x))
        size = tf.searchsorted(
            np.cumsum(self.probabilities)[:-1].astype("float32"),
            noise.uniform([batch], "size"),
            side="right",
        )
        rows, columns = self.origin(size, height, width, noise)
        index = tf.reshape(rows % height * width + columns % width, [batch, -1])
        pixels = tf.reshape(x, [batch, height * width, x.shape[-1]])
        return tf.reshape(tf.gather(pixels, index, batch_dims=1), tf.shape(x))

    def origin(self, size, height, width, noise):
        """Row and column that each pixel of y comes from, modulo height and width.

        Args:
            size: The size of each example's step, (batch,), in 0..steps.
            height: The height of the images.
            width: The width of the images.
            noise: The source of all other random numbers.

        Returns:
            Two int32 tensors that broadcast to (batch, height, width).
        """
        raise NotImplementedError


@keras.saving.register_keras_serializable(package="keras_svae")
class ShiftLikelihood(_Permutation):
    """Cyclic shifts of images (lambda-IJAE, section 5).

    The direction is one of four, equally probable. The size s in 0..S has probability
    proportional to 1 / (s + 1). The paper's S = 5 does not move 41% of images. Opposite
    directions are equally probable and undo each other: symmetric.

    Args:
        size: S, the largest shift, in pixels; 0 for none, so that y is x.
        activation: See `SymmetricLikelihood`.
    """

    least = 0

    def __init__(self, size: int = 5, activation: str = "tanh"):
        super().__init__(size, activation)

    def origin(self, size, height, width, noise):
        directions = tf.constant([[-1, 0], [1, 0], [0, -1], [0, 1]])
        chosen = philox.integers(tf.shape(size), noise.seed("direction"), 4)
        down, right = tf.unstack(tf.gather(directions, chosen) * size[:, None], axis=-1)
        rows = tf.range(height)[None, :, None] - down[:, None, None]
        columns = tf.range(width)[None, None, :] - right[:, None, None]
        return rows, columns


@keras.saving.register_keras_serializable(package="keras_svae")
class RotationLikelihood(_Permutation):
    """Small rotations of images about their centre (lambda-IJAE, section 5).

    A rotation is clockwise or not, equally probable, by `degrees * s / steps`, where s
    in 0..steps has probability proportional to 1 / (s + 1), as for shifts.

    Rotations that interpolate are not symmetric: a rotation by -a does not undo one by
    a, and each blurs. Here a rotation is three shears (Paeth, 1986), which move rows
    and columns cyclically by whole pixels. This is a permutation of the pixels, and the
    rotation by -a is the inverse of the rotation by a. Pixels that leave at one border
    come back at the other side.

    Args:
        degrees: The largest angle, in (0, 90].
        steps: How many angles there are in each direction.
        activation: See `SymmetricLikelihood`.
    """

    def __init__(self, degrees: float = 10.0, steps: int = 5, activation: str = "tanh"):
        super().__init__(steps, activation)
        degrees = plain(degrees)
        if not (arguments.real(degrees) and 0 < degrees <= 90):
            raise ValueError(
                f"Expected degrees to be a number in (0, 90]; received: {degrees!r}"
            )
        self.degrees = float(degrees)

    def origin(self, size, height, width, noise):
        left = noise.uniform(tf.shape(size), "direction") < 0.5
        # Odd in the angle to the last bit, as the rounding is.
        sign = tf.where(left, 1.0, -1.0)[:, None, None]
        angle = tf.cast(size, tf.float32) * (math.radians(self.degrees) / self.steps)
        across = -sign * tf.tan(angle / 2)[:, None, None]
        along = sign * tf.sin(angle)[:, None, None]

        def moved(places, others, slope, number, of):
            middle = (tf.cast(of, tf.float32) - 1) / 2
            by = tf.round(slope * (tf.cast(others, tf.float32) - middle))
            return (places - tf.cast(by, tf.int32)) % number

        rows = tf.range(height)[None, :, None]
        columns = tf.range(width)[None, None, :]
        columns = moved(columns, rows, across, width, height)
        rows = moved(rows, columns, along, height, width)
        return rows, moved(columns, rows, across, width, height)
