"""Maximum mean discrepancy: a distance between the laws of two samples."""

import numpy as np
import scipy.spatial

from keras_svae import arguments
from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.reading.streams import Stream, gather
from keras_svae.kernels import imq, squared_distances, unbiased_mmd

__all__ = ["mmd"]

KERNELS = ("imq", "rbf")
# Points whose distances give the kernel's scale.
MEDIAN_OF = 1000


def mmd(
    x: Stream, reference: Stream, *, kernel: str = "imq", scale: float | None = None
) -> Measurement:
    """Squared maximum mean discrepancy, unbiased: (3) of Gretton et al. (2012).

    Kernels of the squared distance r: "imq", the inverse multiquadratic
    `scale / (scale + r)`, whose heavy tail sees far outliers (Tolstikhin et al., 2018),
    and "rbf", `exp(-r / (2 scale))`.

    Args:
        x: Points (n, d), n >= 2, see `Stream`.
        reference: Points of the law to compare with, (m, d), m >= 2.
        kernel: "imq" or "rbf".
        scale: A squared distance; None for the median between the first 1000 points of
            the reference, so that it does not depend on what is compared with it.

    Returns:
        An estimate of 0 if the laws are equal, which is then below 0 as often as
        above; at most 2.

    Raises:
        ValueError: On another kernel, values that are not finite, other shapes, fewer
            than two points, or a reference whose points are all the same.
    """
    check_kernel(kernel)
    x, y = points_of(x, "points"), points_of(reference, "reference points")
    if x.shape[1] != y.shape[1]:
        raise ValueError(
            "Expected points and reference of the same dimension; received: "
            f"{x.shape[1]} and {y.shape[1]}"
        )
    if scale is None:
        scale = median_scale(y)
    if not arguments.real(scale) or not 0 < scale < np.inf:
        raise ValueError(
            f"Expected scale > 0, and a reference that varies; received: scale={scale}"
        )
    value = squared_mmd(x, y, kernel, scale)
    return Measurement(
        value, "MMD^2", n=len(x), n_reference=len(y), kernel=kernel, scale=scale
    )


def check_kernel(kernel: str) -> None:
    """Raises on a kernel of another name."""
    if kernel not in KERNELS:
        raise ValueError(
            f"Expected kernel to be one of {list(KERNELS)}; received: kernel={kernel!r}"
        )


def median_scale(reference: np.ndarray) -> float:
    """The median squared distance between the first points of the reference."""
    return float(np.median(scipy.spatial.distance.pdist(reference[:MEDIAN_OF]) ** 2))


def squared_mmd(x: np.ndarray, y: np.ndarray, kernel: str, scale: float) -> float:
    """The unbiased estimate of points (n, d) and (m, d), float64; see `mmd`."""

    def of_pairs(rows, points):
        center = points.mean(0)
        squares = squared_distances(rows - center, points - center)
        if kernel == "imq":
            return imq(squares, scale)
        return np.exp(squares / (-2 * scale))

    return unbiased_mmd(x, y, of_pairs)


def points_of(stream: Stream, name: str) -> np.ndarray:
    """All of a stream as points (n, d), float64; raises on fewer than two."""
    x = gather(stream, name).astype(np.float64)
    if x.ndim != 2 or len(x) < 2 or not x.shape[1]:
        raise ValueError(
            f"Expected {name} (n, d), two or more; received: shape {x.shape}"
        )
    return x
