"""Classes of data, some of which may be unknown: y = -1."""

import tensorflow as tf

from keras_svae.game.terms import Term, over_data

__all__ = ["accuracy", "cross_entropy", "one_hot"]


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
