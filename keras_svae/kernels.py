"""Kernels of pairs of points, and the discrepancy of two laws that they measure."""

from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

__all__ = ["imq", "in_blocks", "mmd", "squared_distances", "unbiased_mmd"]

# Rows of a matrix of all pairs that are in memory together.
BLOCK = 512


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
    The kernel is the sum of `imq` over scales. `unbiased_mmd` is for many points.

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


# ---- Of many points, in NumPy --------------------------------------------------------


def unbiased_mmd(
    x: np.ndarray,
    y: np.ndarray,
    kernel: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> float:
    """Squared maximum mean discrepancy, unbiased: (3) of Gretton et al. (2012).

    Args:
        x: Points (n, d), float64, n >= 2.
        y: Points of the other law, (m, d), m >= 2.
        kernel: A function of points (rows, d) and (columns, d) that returns the kernel
            of all their pairs, (rows, columns).
    """
    within = sum(_mean_of_pairs(one, one, kernel, same=True) for one in (x, y))
    return within - 2 * _mean_of_pairs(x, y, kernel, same=False)


def _mean_of_pairs(x, y, kernel, same: bool) -> float:
    """The kernel's mean over all pairs; if they are the same, of two points each."""
    total = 0.0
    for start, block in in_blocks(x, y, kernel):
        total += block.sum()
        if same:
            total -= np.trace(block, start)
    return float(total / (len(x) * (len(y) - same)))


def in_blocks(
    x: np.ndarray,
    y: np.ndarray,
    function: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> Iterator[tuple[int, np.ndarray]]:
    """What a function makes of all pairs: a block's first row, and (rows, len(y))."""
    for start in range(0, len(x), BLOCK):
        yield start, function(x[start : start + BLOCK], y)


def squared_distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The squared distances of all pairs, (len(x), len(y)).

    They are one matrix product, |a|^2 + |b|^2 - 2 ab, which loses digits far from zero:
    points that may lie there are to be moved first.
    """
    squares = x @ y.T
    squares *= -2
    squares += (x**2).sum(1)[:, None]
    squares += (y**2).sum(1)
    return np.maximum(squares, 0, out=squares)
