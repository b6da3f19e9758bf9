"""Costs of a reconstruction, for methods that use a norm and no density."""

import tensorflow as tf

__all__ = ["l1", "squared"]


def l1(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """||x - y||_1 of each example (batch, ...), summed over its entries: (batch,)."""
    return _over_entries(tf.abs(x - y))


def squared(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """||x - y||^2 of each example (batch, ...), summed over its entries: (batch,)."""
    return _over_entries((x - y) ** 2)


def _over_entries(values):
    return tf.reduce_sum(values, list(range(1, len(values.shape))))
