"""A data set's content as arrays."""

import numpy as np


def batches(data, count=None):
    """Its batches, of x alone."""
    data = data if count is None else data.take(count)
    return list(data.as_numpy_iterator())


def everything(data):
    """All x of one pass."""
    return np.concatenate(batches(data))


def pairs(data):
    """All x and all labels of one pass."""
    return tuple(map(np.concatenate, zip(*batches(data), strict=True)))
