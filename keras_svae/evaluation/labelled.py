"""Examples with their classes, in one array: what a conditional model is asked about.

Measures hand data on to a model's functions without a look inside. So that they need
not know of classes, an example and its class travel as one row.
"""

import math
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from keras_svae.evaluation.streams import batches
from keras_svae.game import checks

__all__ = ["has_labels", "joined", "label_batches", "parted", "rows"]


def has_labels(data) -> bool:
    """Whether data come with labels: a pair of arrays, or a data set of pairs."""
    if isinstance(data, tf.data.Dataset):
        return isinstance(data.element_spec, tuple)
    return isinstance(data, tuple)


def joined(x, y) -> tf.Tensor:
    """Rows (batch, values + 1), float32: an example, flat, and its class behind it."""
    x, y = tf.cast(x, tf.float32), tf.cast(y, tf.float32)
    flat = tf.reshape(x, [-1, math.prod(x.shape[1:])])
    return tf.concat([flat, y[:, None]], 1)


def parted(found: tf.Tensor, shape: tuple[int, ...]) -> tuple[tf.Tensor, tf.Tensor]:
    """Rows to examples (batch, *shape) and classes (batch,), int64."""
    x = tf.reshape(found[:, :-1], [-1, *shape])
    return x, tf.cast(found[:, -1], tf.int64)


def rows(data, classes: int, batch_size: int = 256) -> Iterator[np.ndarray]:
    """Batches of rows of data with labels.

    Args:
        data: A pair of arrays (x, y), or a `tf.data.Dataset` of such.
        classes: How many there are.
        batch_size: Of arrays.

    Raises:
        ValueError: If there are no labels, or others than 0..classes - 1.
    """
    if not has_labels(data):
        raise ValueError(
            "Expected data with their classes, (x, y), for a conditional model; "
            "received: data alone"
        )
    whole = isinstance(data, tuple)
    xs = batches(data[0] if whole else data, batch_size)
    for x, y in zip(xs, label_batches(data, batch_size), strict=True):
        checks.labels(y, classes, len(x))
        yield joined(x, y).numpy()


def label_batches(data, batch_size: int = 256) -> Iterator[np.ndarray]:
    """The labels of data that have them, in the batches that `batches` makes."""
    if not isinstance(data, tuple):
        return (np.asarray(y) for _, y in data)
    y = np.asarray(data[1])
    return (y[i : i + batch_size] for i in range(0, len(y), batch_size))
