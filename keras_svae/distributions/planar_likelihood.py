"""A planar flow as the law of data."""

import math

import keras
import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from keras_svae import arguments
from keras_svae.distributions.flows import BASE, Flow
from keras_svae.distributions.laws import Law
from keras_svae.distributions.planar import Planar

__all__ = ["PlanarLikelihood"]


@keras.saving.register_keras_serializable(package="keras_svae")
class PlanarLikelihood(Law):
    """A planar flow as p(x|z), for data of any shape, as AS-VAE has it (Pu et al.).

    The raw outputs stand beside each entry of the data, as for any likelihood: of each
    entry a location and a scale, then its entries of u and of w in each layer `x + u
    tanh(w.x + b)`. Each layer's b is the mean of a further output over all entries. So
    an entry has 2 + 3 length outputs. u and w are divided by the square root of the
    number of entries: see `PlanarFlow`.

    Data may have any value, so grey values need uniform noise (`dequantise`).

    Args:
        length: How many layers, at least 1.

    Raises:
        ValueError: For a length that is no integer of at least 1.

    Example:
        nets = ks.networks.mnist(likelihood=ks.distributions.PlanarLikelihood(4))
        nets.decoder.output_shape                # (None, 28, 28, 14)
    """

    moments = False

    def __init__(self, length: int = 8):
        super().__init__()
        self.length = arguments.integer("length", length, at_least=1)
        self.parameters = 2 + 3 * self.length

    def __call__(self, raw):
        raw = tf.cast(raw, tf.float32)
        parts = tf.split(raw, self.parameters, -1)
        shape = parts[0].shape[1:].as_list()
        n = math.prod(shape)
        flat = [tf.reshape(one, [-1, n]) for one in parts]
        u, w, b = (
            tf.stack(flat[2 + i * self.length : 2 + (i + 1) * self.length], 1)
            for i in range(3)
        )
        planar = Planar(u / math.sqrt(n), w / math.sqrt(n), tf.reduce_mean(b, -1))
        return tfd.TransformedDistribution(
            BASE(tf.concat(flat[:2], -1)), tfb.Chain([tfb.Reshape(shape, [n]), planar])
        )

    mean = Flow.mean
