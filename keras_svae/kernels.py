"""Kernels of pairs of points, and the discrepancy of two laws that they measure."""

import tensorflow as tf

__all__ = ["imq", "mmd"]


def imq(squares, scale):
    """Inverse multiquadratic kernel of squared distances: scale / (scale + squares).

    Args:
        squares: Squared distances, an array of NumPy or a tensor.
        scale: A squared distance, > 0.

    Returns:
        The same kind and shape, in (0, 1]: 1 at distance 0.
    """
    return scale / (scale + squares)


def mmd(x: tf.Tensor, y: tf.Tensor, scales) -> tf.Tensor:
    """Squared maximum mean discrepancy, unbiased, with a gradient in both samples.

    This is (3) of Gretton et al. (2012), as in algorithm 2 of Tolstikhin et al. (2018).
    The kernel is the sum of `imq` over scales. `ks.evaluation.mmd` measures many
    points, in blocks.

    Args:
        x: Points (n, d), n >= 2.
        y: Points of the other law, (m, d), m >= 2.
        scales: Squared distances, one for each kernel.

    Returns:
        A scalar: 0 in expectation if the laws are equal, at most 2 for each scale.
    """
    return sum(
        _within(x, scale) + _within(y, scale) - 2 * tf.reduce_mean(_kernel(x, y, scale))
        for scale in scales
    )


def _kernel(x, y, scale):
    # |x|^2 + |y|^2 - 2xy would lose digits. Batches are small.
    return imq(tf.reduce_sum((x[:, None] - y) ** 2, -1), scale)


def _within(x, scale):
    """The mean over pairs of two points."""
    n = tf.cast(tf.shape(x)[0], x.dtype)
    # A point and itself are at distance 0, where the kernel is 1.
    return (tf.reduce_sum(_kernel(x, x, scale)) - n) / (n * (n - 1))
