"""How much of the data's variance their reconstructions have."""

import numpy as np

from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.reading.streams import Stream, pairs

__all__ = ["variance_ratio"]


def variance_ratio(x: Stream, reconstruction: Stream) -> Measurement:
    """Variance of reconstructions over that of data: 1 for draws, less for means.

    Both are variances over examples, of each pixel (or coordinate), and means over all
    pixels. A reconstruction that is a draw from the data that its code may stand for
    has the data's variance. The conditional mean, the reconstruction with the smallest
    squared error, has the data's variance less this error. So a ratio near
    1 - MSE / variance says blur, and one near 1 says detail, right or invented: a draw
    has twice the error of the mean.

    Args:
        x: Data, (n, ...); an array or a stream, see `Stream`.
        reconstruction: The reconstructions, of the same shape.

    Returns:
        The ratio; the details tell both variances.

    Raises:
        ValueError: If shapes or lengths differ, a value is not finite, or all examples
            are the same.
    """
    first: list[np.ndarray] = []
    n, sums, squares = 0, [0.0, 0.0], [0.0, 0.0]
    for both in pairs(x, reconstruction):
        parts = [one.reshape(len(one), -1).astype(np.float64) for one in both]
        # Around the first example of each: large values keep their digits.
        first = first or [one[:1] for one in parts]
        for i, one in enumerate(parts):
            away = one - first[i]
            sums[i] = sums[i] + away.sum(0)
            squares[i] = squares[i] + (away**2).sum(0)
        n += len(parts[0])
    of_x, of_made = (
        float(np.mean(q / n - (s / n) ** 2)) for s, q in zip(sums, squares, strict=True)
    )
    if of_x <= 0:
        raise ValueError(
            f"Expected data that differ from each other; received: {n} equal examples"
        )
    return Measurement(
        of_made / of_x,
        "variance of reconstructions over that of data",
        n=n,
        variance=of_x,
        variance_of_reconstructions=of_made,
    )
