"""Classes of data, some of which may be unknown: y = -1."""

import tensorflow as tf

__all__ = ["accuracy", "cross_entropy", "one_hot"]


def one_hot(y, classes: int) -> tf.Tensor:
    """Classes (batch,) as float32 (batch, classes); zeros where y is -1."""
    return tf.one_hot(tf.cast(y, tf.int64), classes)


def cross_entropy(log_q: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Minus the mean log probability of the known classes, nats; 0 without any.

    Args:
        log_q: Log probabilities (batch, classes).
        y: Classes (batch,).
    """
    found = tf.reduce_sum(one_hot(y, log_q.shape[-1]) * log_q, -1)
    return -tf.math.divide_no_nan(tf.reduce_sum(found), _count(y))


def accuracy(log_q: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """The share of known classes that are the most probable ones; NaN without any.

    Args:
        log_q: Log probabilities (batch, classes), or anything in their order.
        y: Classes (batch,).
    """
    right = tf.argmax(log_q, -1) == tf.cast(y, tf.int64)
    return tf.reduce_sum(tf.cast(right, tf.float32)) / _count(y)


def _count(y) -> tf.Tensor:
    return tf.reduce_sum(tf.cast(y >= 0, tf.float32))
