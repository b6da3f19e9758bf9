"""Mean squared error and its root: of reconstructed data, or of codes."""

import math

import numpy as np

from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.reading.streams import Stream, pairs

__all__ = ["mse", "rmse"]


def mse(x: Stream, reconstruction: Stream) -> Measurement:
    """Mean squared error per pixel (or coordinate), over all examples.

    Print the data's range beside it: the value in [-1, 1] is four times that in [0, 1].

    Args:
        x: Data, or codes, (n, ...); an array or a stream, see `Stream`.
        reconstruction: The reconstructions, of the same shape.

    Raises:
        ValueError: If shapes or lengths differ, or a value is not finite.
    """
    squares, values, n = 0.0, 0, 0
    for one, other in pairs(x, reconstruction):
        difference = one.astype(np.float64) - other
        squares += float((difference**2).sum())
        values, n = values + difference.size, n + len(one)
    return Measurement(squares / values, "MSE", n=n)


def rmse(x: Stream, reconstruction: Stream) -> Measurement:
    """Root of `mse`: the root of the mean over all pixels of all examples.

    Args:
        x: See `mse`.
        reconstruction: See `mse`.
    """
    found = mse(x, reconstruction)
    return Measurement(math.sqrt(found), "RMSE", **found.details)
