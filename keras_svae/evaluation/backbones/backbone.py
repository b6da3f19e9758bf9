"""Networks for the features of images: what they are, and what they give."""

import functools
import math
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import scipy.special
import tensorflow as tf

from keras_svae import arguments
from keras_svae.evaluation.backbones.resizing import PUBLISHED, RESIZE, resized
from keras_svae.evaluation.reading.streams import (
    Stream,
    batches,
    check_within,
    exact,
)
from keras_svae.networks.ends import last_activation

__all__ = ["BATCH", "Backbone"]

# Images that pass through the network together, and the pixels they may have in all:
# the largest maps stay below some 300 MB.
BATCH, PIXELS = 250, 250 * 128 * 128


class Backbone:
    """A classifier or feature network, and how images are prepared for it.

    Images may have any range, which is given with them, and any size. Grey images are
    repeated if the network takes three channels.

    Args:
        model: A Keras model from images (batch, height, width, channels) to logits,
            probabilities or features.
        name: What measurements call it.
        features: The layer that gives features, by name; None for the model's output.
        outputs: What the model's output is: "logits" or "probabilities" (batch,
            classes); None if it is no classifier.
        value_range: (low, high), the values of black and white that the network takes.
        resize: The resizing of images that do not have the network's size: a method of
            `tf.image.resize`; or one of published scores, "tf1_bilinear" (TensorFlow
            1's), "clean" (clean-fid's) or "pytorch_bilinear" (pytorch-fid's).
        antialias: Whether resizing to a smaller size averages over the pixels that are
            left out; the methods of published scores say it themselves.
        eight_bits: Whether images are rounded to 256 values before, as in a PNG file.
        batch_size: Images that pass through the network together; None for 250, or
            fewer large ones.
        accuracy: The accuracy on test images, in [0, 1], if it is known.
        label: A word that is added to the name of each number that comes from it, as in
            `frechet_distance[label]`, for a network whose numbers must not be taken for
            others; None for no word.

    Raises:
        ValueError: On a model that does not take images, an unknown layer, or another
            argument out of range.

    Example:
        net = keras.applications.MobileNetV3Small(classifier_activation=None)
        backbone = ks.evaluation.Backbone(
            net, "MobileNetV3Small, Keras's ImageNet weights", outputs="logits",
            value_range=(0, 255))
        ks.evaluation.inception_score(images, backbone=backbone)
    """

    def __init__(
        self,
        model: keras.Model,
        name: str,
        *,
        features: str | None = None,
        outputs: str | None = None,
        value_range: tuple[float, float] = (0.0, 1.0),
        resize: str = "bilinear",
        antialias: bool = True,
        eight_bits: bool = False,
        batch_size: int | None = None,
        accuracy: float | None = None,
        label: str | None = None,
    ):
        inputs, out = _check_model(model, outputs)
        if resize not in RESIZE:
            raise ValueError(
                f"Expected resize to be one of {list(RESIZE)}; received: {resize!r}"
            )
        if batch_size is not None:
            batch_size = arguments.integer("batch_size", batch_size, at_least=1)
        if accuracy is not None:
            accuracy = arguments.fraction("accuracy", accuracy)
        antialias = arguments.flag("antialias", antialias)
        eight_bits = arguments.flag("eight_bits", eight_bits)
        layers = [layer.name for layer in model.layers]
        if features is not None and features not in layers:
            raise ValueError(
                f"Expected features to be one of the layers {layers}; received: "
                f"features={features!r}"
            )
        seen = out if features is None else model.get_layer(features).output
        self.name, self.accuracy, self.label = name, accuracy, label
        self.input_shape = tuple(inputs[0].shape)[1:]
        pixels = math.prod(side or 1 for side in self.input_shape[:2])
        self._batch_size, self._most = batch_size, max(1, PIXELS // pixels)
        self.value_range = arguments.value_range("value_range", value_range)
        self._outputs, self._resize = outputs, resize
        self._antialias = antialias and resize not in PUBLISHED
        self._eight_bits = eight_bits
        self._model = keras.Model(inputs, [seen, out])
        # The model's own dtype is that of today's policy, not of its layers.
        self.dtype = keras.backend.standardize_dtype(seen.dtype)
        # As a partial: TensorFlow would count the traces of all backbones together.
        self._run = tf.function(
            functools.partial(self._through),
            input_signature=[tf.TensorSpec([None] * 4, tf.float32)],
        )

    @property
    def classifies(self) -> bool:
        """Whether it gives probabilities."""
        return self._outputs is not None

    def details(self, shape: tuple[int, ...]) -> dict[str, Any]:
        """What a measurement says of it, for images of one shape (height, width, ...).

        Returns:
            `backbone`, `accuracy` where it is known, `resize`, `rounding` where images
            are rounded, and `dtype`.
        """
        size, own = tuple(shape[:2]), self.input_shape[:2]
        resize = "none"
        if None not in own and size != own:
            resize = "{} {}x{} to {}x{}".format(self._resize, *size, *own)
            resize += ", antialiased" * self._antialias
        found = {"backbone": self.name, "accuracy": self.accuracy, "resize": resize}
        found["rounding"] = "8 bits" if self._eight_bits else None
        found["dtype"] = self.dtype
        return {name: one for name, one in found.items() if one is not None}

    def features(
        self, images: Stream, value_range: tuple[float, float] = (0.0, 1.0)
    ) -> Iterator[np.ndarray]:
        """Batches of features (batch, d), of any stream of images.

        Gathered once (`np.concatenate(list(...))`), they can be given to every measure
        that takes features.

        Args:
            images: (n, height, width, channels), see `Stream`.
            value_range: (low, high), the values of black and white in the images.

        Raises:
            ValueError: On values that are not finite or out of the range, or images of
                other channels than the network takes.
        """
        return (seen for seen, _ in self._both(images, value_range))

    def probabilities(
        self, images: Stream, value_range: tuple[float, float] = (0.0, 1.0)
    ) -> Iterator[np.ndarray]:
        """Batches of p(y|x), (batch, classes), float64; see `features`.

        Raises:
            ValueError: As `features`, and if the network is no classifier.
        """
        self._check_classifier()
        return (self._softmax(out) for _, out in self._both(images, value_range))

    def both(
        self, images: Stream, value_range: tuple[float, float] = (0.0, 1.0)
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Batches of (features, probabilities), in one pass; see both methods."""
        self._check_classifier()
        pairs = self._both(images, value_range)
        return ((seen, self._softmax(out)) for seen, out in pairs)

    def _check_classifier(self) -> None:
        if not self.classifies:
            raise ValueError(
                "Expected a backbone that gives probabilities or logits (outputs=...); "
                f"received: {self.name}, which gives features only"
            )

    def _softmax(self, out: np.ndarray) -> np.ndarray:
        out = out.astype(np.float64)
        if self._outputs == "logits":
            return scipy.special.softmax(out, 1)
        sums = out.sum(1, keepdims=True)
        off = np.abs(sums - 1).max(initial=0)
        if out.min(initial=0) < 0 or off > 0.02:  # bfloat16 is not more exact
            raise ValueError(
                'Expected outputs="logits" of a network whose outputs are not '
                "probabilities (>= 0, with sum 1); received: "
                f'outputs="probabilities" of {self.name}'
            )
        return out if off < 1e-5 else out / sums

    def _both(self, images, value_range) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        low, high = arguments.value_range("value_range", value_range)
        wanted = self.input_shape[2]
        size = self._batch_size or min(BATCH, self._most)
        for part in batches(images, size, "images", cut=True):
            if part.ndim != 4 or part.shape[3] not in {1, wanted}:
                channels = " or ".join(map(str, sorted({1, wanted})))
                raise ValueError(
                    f"Expected images (batch, height, width, {channels}) for "
                    f"{self.name}; received: shape {part.shape}"
                )
            check_within(part, (low, high), "images")
            x = np.clip((part.astype(np.float32) - low) / (high - low), 0, 1)
            seen, out = self._run(x)
            yield _flat(exact(seen.numpy())), exact(out.numpy())

    def _through(self, x):
        own = self.input_shape
        if own[2] == 3:
            # Grey ones are repeated: the last axis is 1 or 3.
            x = tf.tile(x, [1, 1, 1, 3 // tf.shape(x)[3]])
        if self._eight_bits:
            x = tf.floor(255.0 * x + 0.5) / 255.0
        if None not in own[:2]:
            x = resized(x, own[:2], self._resize, self._antialias)
        x = tf.ensure_shape(x, (None, *own))
        # Bicubic and Lanczos filters overshoot; an image has no values out of range.
        x = tf.clip_by_value(x, 0.0, 1.0)
        low, high = self.value_range
        return self._model(low + (high - low) * x, training=False)


def _check_model(model: keras.Model, outputs: str | None) -> tuple[list, Any]:
    """A model's inputs, which are one image, and its only output; raises on others."""
    if outputs not in (None, "logits", "probabilities"):
        raise ValueError(
            'Expected outputs to be "logits", "probabilities" or None; received: '
            f"outputs={outputs!r}"
        )
    inputs, outs = (getattr(model, name, None) or [] for name in ("inputs", "outputs"))
    shapes = [tuple(one.shape) for one in inputs]
    one_image = len(shapes) == 1 and len(shapes[0]) == 4 and shapes[0][3] in (1, 3)
    if not one_image or len(outs) != 1:
        raise ValueError(
            "Expected a Functional or Sequential model from images (batch, height, "
            "width, 1 or 3) to one output; received: "
            f"{type(model).__name__} of inputs {shapes}"
        )
    if outputs is not None:
        _check_classes(tuple(outs[0].shape), outputs, last_activation(model))
    return inputs, outs[0]


# Activations whose values have bounds, without underscores.
_BOUNDED = (
    "clip hardsigmoid hardtanh relu6 sigmoid softmax softsign sparsemax sparsesigmoid "
    "tanh".split()
)


def _check_classes(shape: tuple, outputs: str, last: str | None) -> None:
    """Raises unless an output (batch, classes) can be what `outputs` says."""
    if len(shape) != 2 or (shape[1] is not None and shape[1] < 2):
        raise ValueError(
            f"Expected a model whose output is (batch, classes), two classes or more, "
            f"with outputs={outputs!r}; received: output shape {shape}"
        )
    ends = (last or "").lower().replace("_", "").split(" and ")
    if outputs == "logits" and all(one in _BOUNDED for one in ends):
        second = ", which would apply a second softmax" * ("softmax" in ends)
        raise ValueError(
            'Expected outputs="logits" of a model without an activation at its end, or '
            'outputs="probabilities" of a softmax; received: outputs="logits" of a '
            f"model that ends in {last}{second}"
        )


def _flat(x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), -1)
