"""Mean squared error of reconstructions."""

import numpy as np

__all__ = ["mse"]


def mse(x, reconstruction) -> float:
    """Mean squared error per pixel (or coordinate), over all examples.

    Print the data's range beside it: in [-1, 1] it is four times what it is in [0, 1].

    Args:
        x: Data, (n, ...).
        reconstruction: Of the same shape.

    Raises:
        ValueError: If the shapes differ.
    """
    x, other = np.asarray(x, np.float64), np.asarray(reconstruction, np.float64)
    if x.shape != other.shape:
        raise ValueError(
            f"Expected reconstructions of shape {x.shape}; received: {other.shape}"
        )
    return float(np.mean((x - other) ** 2))
