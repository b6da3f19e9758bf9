"""Uniform dequantisation: 8-bit images as data that a density can be compared on."""

from collections.abc import Sequence

import numpy as np

from keras_svae import arguments
from keras_svae.noise import check_seed

__all__ = ["dequantise"]

LEVELS = 256
# Of a level's width: float32 images are off their grid by 1e-5 of it.
TOLERANCE = 0.01


def dequantise(
    x,
    seed: int | Sequence[int] = 0,
    value_range: tuple[float, float] = (0.0, 1.0),
) -> np.ndarray:
    """Adds uniform noise of one level's width: (y + u) / 256 for level y, u ~ U[0, 1).

    The mean log density of the result is a lower bound on the log probability of the
    8-bit image, up to a constant (Theis et al., 2016): see
    `bits_per_dimension`. Without the noise, a density on 8-bit images has no bound.

    Args:
        x: Images on the grid of 256 levels, `low + (high - low) y / 255`, any shape.
        seed: The seed of the noise: an int, or a list of them.
        value_range: (low, high), where 8 bits were scaled to.

    Returns:
        `low + (high - low) (y + u) / 256`, float32, of the same shape and range.

    Raises:
        ValueError: On values outside the range, or between two levels.
    """
    checked = (
        [check_seed(one) for one in seed]
        if isinstance(seed, (list, tuple))
        else check_seed(seed)
    )
    low, high = arguments.value_range("value_range", value_range)
    x = np.asarray(x, np.float64)
    levels = (x - low) / (high - low) * (LEVELS - 1)
    whole = np.round(levels)
    if not np.isfinite(x).all() or whole.min() < 0 or whole.max() > LEVELS - 1:
        raise ValueError(
            f"Expected images in [{low:g}, {high:g}], the value_range; received: "
            f"values from {x.min():g} to {x.max():g}"
        )
    off = np.abs(levels - whole) > TOLERANCE
    if off.any():
        raise ValueError(
            f"Expected images on the grid of {LEVELS} levels of [{low:g}, {high:g}]; "
            f"received: {int(off.sum())} of {off.size} values between levels, such as "
            f"{x[off][0]:g}. Resized, averaged or dequantised images are not 8-bit"
        )
    noise = np.random.default_rng(checked).random(x.shape)
    return (low + (high - low) * (whole + noise) / LEVELS).astype(np.float32)
