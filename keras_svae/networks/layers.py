"""Layers of the networks. Those that need noise draw it from the model's own source.

See `keras_svae.noise`: stateless, different on every replica, the same after a
resume.
"""

import math

import keras
import tensorflow as tf

from keras_svae import noise
from keras_svae.networks.backwards import all_layers

# They were here before.
from keras_svae.networks.linear import Conv2D as Conv2D
from keras_svae.networks.linear import Conv2DTranspose as Conv2DTranspose
from keras_svae.networks.randomness import random_layers


@keras.saving.register_keras_serializable(package="keras_svae")
class AppendNoise(keras.layers.Layer):
    """Concatenates noise to the last axis: this is what makes a network implicit.

    A vector of shape (batch, features) gets `dim` more features, an image of shape
    (batch, height, width, channels) gets `dim` more channels.

    Args:
        dim: How many features or channels of noise, at least 1.
        law: "normal" for N(0, 1), "uniform" for U(-1, 1).
    """

    def __init__(self, dim: int, law: str = "normal", **kwargs):
        super().__init__(**kwargs)
        if dim < 1:
            raise ValueError(f"Expected dim >= 1; received: dim={dim}")
        if law not in ("normal", "uniform"):
            raise ValueError(
                f'Expected law to be "normal" or "uniform"; received: law={law!r}'
            )
        self.dim = dim
        self.law = law

    def call(self, inputs):
        shape = tf.concat([tf.shape(inputs)[:-1], [self.dim]], 0)
        sample = noise.draw(shape, "normal" if self.law == "normal" else "symmetric")
        sample.set_shape([*inputs.shape[:-1], self.dim])
        return tf.concat([inputs, tf.cast(sample, inputs.dtype)], -1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + self.dim)

    def get_config(self):
        return {**super().get_config(), "dim": self.dim, "law": self.law}


@keras.saving.register_keras_serializable(package="keras_svae")
class InjectNoise(keras.layers.Layer):
    """Adds a learned linear map of noise: x + W e + b, e ~ N(0, I) for each example.

    W has weights of its own for every entry of x, for each pixel and channel of an
    image. The count of weights in table 3 of the lambda-IJAE paper implies this.

    Args:
        dim: The dimension of e, at least 1.
        kernel_initializer: The initializer of W, (dim, entries of x).
    """

    def __init__(self, dim: int = 128, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        if dim < 1:
            raise ValueError(f"Expected dim >= 1; received: dim={dim}")
        self.dim = dim

    def build(self, input_shape):
        if None in input_shape[1:]:
            raise ValueError(
                "Expected inputs of a fixed shape, as each entry has weights of its "
                f"own; received: {tuple(input_shape)}"
            )
        size = math.prod(input_shape[1:])
        self.kernel = self.add_weight(
            shape=(self.dim, size), initializer=self.kernel_initializer, name="kernel"
        )
        self.bias = self.add_weight(shape=(size,), initializer="zeros", name="bias")

    def call(self, inputs):
        sample = noise.draw([tf.shape(inputs)[0], self.dim])
        kernel, bias, sample = (
            tf.cast(one, inputs.dtype) for one in (self.kernel, self.bias, sample)
        )
        added = tf.reshape(tf.matmul(sample, kernel) + bias, [-1, *inputs.shape[1:]])
        return inputs + added

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        initializer = keras.initializers.serialize(self.kernel_initializer)
        config = {"dim": self.dim, "kernel_initializer": initializer}
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable(package="keras_svae")
class AppendConstants(keras.layers.Layer):
    """Concatenates learned numbers, the same for every example, to the last axis.

    So all data can share some of a law's parameters. The law stays a function of the
    raw output only, and the shared parameters are weights of the encoder.

    Args:
        dim: The number of learned numbers, at least 1.
        stddev: Standard deviation of their initial values, N(0, stddev^2).
    """

    def __init__(self, dim: int, stddev: float = 0.5, **kwargs):
        super().__init__(**kwargs)
        if dim < 1:
            raise ValueError(f"Expected dim >= 1; received: dim={dim}")
        if not stddev >= 0:
            raise ValueError(f"Expected stddev >= 0; received: stddev={stddev}")
        self.dim = dim
        self.stddev = stddev

    def build(self, input_shape):
        initial = keras.initializers.RandomNormal(stddev=self.stddev)
        self.constants = self.add_weight(
            shape=(self.dim,), initializer=initial, name="constants"
        )

    def call(self, inputs):
        shape = tf.concat([tf.shape(inputs)[:-1], [self.dim]], 0)
        constants = tf.cast(self.constants, inputs.dtype)
        return tf.concat([inputs, tf.broadcast_to(constants, shape)], -1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + self.dim)

    def get_config(self):
        return {**super().get_config(), "dim": self.dim, "stddev": self.stddev}


@keras.saving.register_keras_serializable(package="keras_svae")
class UpSampling2D(keras.layers.UpSampling2D):
    """Keras's repetition of pixels, by operations whose shapes are known beforehand.

    Keras computes the shape in the graph, where converters to other formats lose it.

    Args:
        *args: See `keras.layers.UpSampling2D`.
        **kwargs: See `keras.layers.UpSampling2D`.
    """

    def call(self, inputs):
        known = None not in inputs.shape[1:]
        nearest = self.interpolation == "nearest"
        if not known or not nearest or self.data_format != "channels_last":
            return super().call(inputs)
        _, height, width, channels = inputs.shape
        rows, columns = self.size
        # The channels of a pixel side by side with themselves, then a row's pixels.
        h = tf.reshape(inputs, [-1, height * width, channels])
        h = tf.reshape(
            tf.tile(h, [1, 1, columns]), [-1, height, width * columns * channels]
        )
        h = tf.tile(h, [1, 1, rows])
        return tf.reshape(h, [-1, height * rows, width * columns, channels])


@keras.saving.register_keras_serializable(package="keras_svae")
class Dropout(keras.layers.Layer):
    """Dropout (Srivastava et al., 2014) whose masks come from the model's own noise.

    Unlike `keras.layers.Dropout` it gives each replica its own mask. A resumed run gets
    the masks that the killed run would have used.

    Args:
        rate: The share of inputs set to zero in training, in [0, 1).
    """

    def __init__(self, rate: float, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"Expected rate in [0, 1); received: rate={rate}")
        self.rate = rate

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        kept = noise.draw(tf.shape(inputs), "uniform") >= self.rate
        return tf.where(kept, inputs / (1 - self.rate), tf.zeros_like(inputs))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "rate": self.rate}


def noise_layers(network: keras.Model) -> list[str]:
    """Names of the layers that feed noise to a network; none if it is explicit.

    These are the layers of this module, and those of `random_layers`.
    """
    fed = (AppendNoise, InjectNoise)
    ours = [one.name for one in all_layers(network) if isinstance(one, fed)]
    return ours + random_layers(network)
