"""Classes of data, some of which may be unknown: y = -1."""

import tensorflow as tf

from keras_svae.game import checks
from keras_svae.game.terms import Term, over_data

__all__ = ["accuracy", "cross_entropy", "labels_of", "one_hot"]


def one_hot(y, classes: int) -> tf.Tensor:
    """Classes (batch,) as float32 (batch, classes); a row of zeros if y is -1."""
    return tf.one_hot(tf.cast(y, tf.int64), classes)


def cross_entropy(log_q: tf.Tensor, y: tf.Tensor) -> Term:
    """Minus the mean log probability of the known classes, nats; 0 if none is known.

    Args:
        log_q: Log probabilities (batch, classes).
        y: Classes (batch,).
    """
    found = tf.reduce_sum(one_hot(y, log_q.shape[-1]) * log_q, -1)
    return -over_data(found, where=y >= 0)


def accuracy(log_q: tf.Tensor, y: tf.Tensor) -> Term:
    """The share of known classes that the model finds most probable.

    Args:
        log_q: Log probabilities (batch, classes), or anything in their order.
        y: Classes (batch,).
    """
    right = tf.argmax(log_q, -1) == tf.cast(y, tf.int64)
    return over_data(tf.cast(right, tf.float32), where=y >= 0)


def labels_of(model, y, n, unlabelled: bool = False) -> tf.Tensor | None:
    """n classes, int64 (n,); None if the model has no classes.

    Args:
        model: A model, perhaps without classes.
        y: The classes as the caller gave them.
        n: The number of examples.
        unlabelled: Whether -1, no class, is allowed, and what y=None means.
    """
    # A model of the user's own may keep a number of classes for itself.
    if not model.conditional or model.classes is None:
        if y is not None:
            raise ValueError(
                f"Expected y=None for {type(model).__name__}, which has no classes; "
                f"received: y={y!r}"
            )
        return None
    if y is None and unlabelled:
        y = -1
    if y is None:
        raise ValueError(
            f"Expected y, a class in 0..{model.classes - 1} for all examples or for "
            f"each, for {type(model).__name__}; received: y=None"
        )
    y = tf.convert_to_tensor(y)
    size = None if y.shape.rank == 0 else n
    return tf.broadcast_to(checks.labels(y, model.classes, size, unlabelled), [n])
