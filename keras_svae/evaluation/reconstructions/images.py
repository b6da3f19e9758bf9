"""Pairs of images, after checks, for measures of reconstructed images."""

from collections.abc import Iterator

import numpy as np

from keras_svae import arguments
from keras_svae.evaluation.reading.streams import (
    Stream,
    check_within,
    pairs,
)

__all__ = ["image_pairs"]


def image_pairs(
    x: Stream,
    reconstruction: Stream,
    value_range: tuple[float, float],
    batch_size: int = 256,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Images and their reconstructions side by side, scaled to [0, 1], float64.

    Args:
        x: (n, height, width, 1 or 3), see `Stream`.
        reconstruction: The reconstructions, of the same shape.
        value_range: (low, high), the values of black and white in both.
        batch_size: How many examples a batch has, at most.

    Raises:
        ValueError: As `pairs`; on other shapes, and on values outside the range.
    """
    low, high = arguments.value_range("value_range", value_range)
    names = ("images", "reconstructions")
    for both in pairs(x, reconstruction, batch_size, names, cut=True):
        for part, name in zip(both, names, strict=True):
            if part.ndim != 4 or part.shape[-1] not in (1, 3):
                raise ValueError(
                    f"Expected {name} (batch, height, width, 1 or 3); received: shape "
                    f"{part.shape}"
                )
            check_within(part, (low, high), name)
        one, other = ((part.astype(np.float64) - low) / (high - low) for part in both)
        yield one, other
