"""Points and the known mixture of Gaussians that they are compared with."""

from collections.abc import Iterator

import numpy as np

from keras_svae.evaluation.reading.streams import Stream, batches

__all__ = ["checked_mixture", "points"]


def checked_mixture(
    means, weights=None, **positive: float
) -> tuple[np.ndarray, np.ndarray | None]:
    """A mixture's means and weights, float64.

    Args:
        means: The components' means, (k, d).
        weights: Their weights, (k,), up to a common factor; None if they are equal.
        **positive: Numbers by name that have to be positive, such as `sigma`.

    Raises:
        ValueError: If shapes do not match, or a value is not finite or out of its
            range.
    """
    means = np.asarray(means, np.float64)
    if means.ndim != 2 or not means.size or not np.isfinite(means).all():
        raise ValueError(
            f"Expected finite means (k, d); received: shape {means.shape}, {means}"
        )
    for name, value in positive.items():
        number = np.ndim(value) == 0 and np.asarray(value).dtype.kind in "iuf"
        if not number or not 0 < value < np.inf:
            raise ValueError(f"Expected {name} > 0; received: {name}={value!r}")
    if weights is None:
        return means, None
    weights = np.asarray(weights, np.float64)
    fine = weights.shape == (len(means),) and np.isfinite(weights).all()
    if not fine or (weights < 0).any() or not weights.any():
        raise ValueError(
            f"Expected weights ({len(means)},), one for each of the means, finite and "
            f">= 0, not all 0; received: shape {weights.shape}, {weights}"
        )
    return means, weights


def points(x: Stream, dimension: int) -> Iterator[np.ndarray]:
    """Batches of points (batch, dimension), float64.

    Raises:
        ValueError: As `batches`, and for points of another dimension.
    """
    for part in batches(x, 4096, "points"):
        if part.shape[1:] != (dimension,):
            raise ValueError(
                f"Expected points (n, {dimension}), as the means are; received: shape "
                f"{part.shape}"
            )
        yield part.astype(np.float64)


def check_mixture(mixture) -> None:
    """Raises unless it is None, or tells means and sigma."""
    told = all(hasattr(mixture, name) for name in ("means", "sigma"))
    if mixture is not None and not told:
        raise ValueError(
            "Expected mixture with means and sigma, as ks.data.mixture(name) gives it; "
            f"received: mixture={mixture!r}"
        )
