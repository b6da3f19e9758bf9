"""The aggregated posterior, codes of all data, against the prior."""

from typing import NamedTuple

import numpy as np
import scipy.spatial
import scipy.stats

from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.streams import Stream, gather
from keras_svae.kernels import imq
from keras_svae.noise import check_seed

__all__ = ["AggregatePosterior", "aggregate_posterior", "mmd"]

KERNELS = ("imq", "rbf")
# Rows of the kernel's matrix that are in memory at once, times all columns.
BLOCK = 512
# Points whose distances give the kernel's scale.
MEDIAN_OF = 1000
PRIORS = {
    "normal": scipy.stats.norm(),
    "uniform": scipy.stats.uniform(-1, 2),
}


class AggregatePosterior(NamedTuple):
    """What `aggregate_posterior` finds.

    Attributes:
        mmd: Squared maximum mean discrepancy between codes and prior, see `mmd`.
        mmd_of_prior: The same between other draws of the prior, as many as there are
            codes, and the prior: what chance alone gives.
        largest_ks: The largest of `ks`.
        means: Mean of each dimension, (d,); 0 under either prior.
        deviations: Standard deviation of each, (d,); 1 under the normal prior, .577
            under the uniform one.
        ks: Kolmogorov-Smirnov statistic of each dimension against the prior's
            marginal, (d,), in [0, 1].
    """

    mmd: Measurement
    mmd_of_prior: Measurement
    largest_ks: Measurement
    means: np.ndarray
    deviations: np.ndarray
    ks: np.ndarray


def aggregate_posterior(
    codes: Stream, prior: str = "normal", *, kernel: str = "imq", seed: int = 0
) -> AggregatePosterior:
    """How far the codes of all data are from the prior that samples are drawn from.

    Args:
        codes: Draws z ~ q(z|x), one for each x of the data, (n, d), n >= 2; see
            `Stream`. Posterior means in their place are too narrow, even for a perfect
            model.
        prior: "normal", N(0, I), or "uniform", U(-1, 1)^d.
        kernel: See `mmd`.
        seed: Of the draws of the prior, n and n more.

    Raises:
        ValueError: On another prior or kernel, values that are not finite, other
            shapes, or fewer than two codes.
    """
    seed = check_seed(seed)
    if prior not in PRIORS:
        raise ValueError(
            f"Expected prior to be one of {list(PRIORS)}; received: prior={prior!r}"
        )
    _check_kernel(kernel)
    z = _points(codes, "codes")
    law, rng = PRIORS[prior], np.random.default_rng(seed)
    reference, more = (law.rvs(z.shape, random_state=rng) for _ in range(2))
    about = {"n": len(z), "prior": prior}
    scale = _scale(reference)
    within = _mean(reference, reference, kernel, scale)
    found, chance = (
        _mean(one, one, kernel, scale)
        + within
        - 2 * _mean(one, reference, kernel, scale)
        for one in (z, more)
    )
    rest = {"kernel": kernel, "scale": scale}
    ks = np.array([scipy.stats.kstest(one, law.cdf).statistic for one in z.T])
    return AggregatePosterior(
        Measurement(found, "MMD^2 of codes and prior", **about, **rest),
        Measurement(chance, "MMD^2 of prior and prior", **about, **rest),
        Measurement(ks.max(), "largest Kolmogorov-Smirnov statistic", **about),
        z.mean(0),
        z.std(0, ddof=1),
        ks,
    )


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
    _check_kernel(kernel)
    x, y = _points(x, "points"), _points(reference, "reference points")
    if x.shape[1] != y.shape[1]:
        raise ValueError(
            "Expected points and reference of the same dimension; received: "
            f"{x.shape[1]} and {y.shape[1]}"
        )
    if scale is None:
        scale = _scale(y)
    if not 0 < scale < np.inf:
        raise ValueError(
            f"Expected scale > 0, and a reference that varies; received: scale={scale}"
        )
    value = _mean(x, x, kernel, scale) + _mean(y, y, kernel, scale)
    value -= 2 * _mean(x, y, kernel, scale)
    return Measurement(
        value, "MMD^2", n=len(x), n_reference=len(y), kernel=kernel, scale=scale
    )


def _check_kernel(kernel: str) -> None:
    if kernel not in KERNELS:
        raise ValueError(
            f"Expected kernel to be one of {list(KERNELS)}; received: kernel={kernel!r}"
        )


def _scale(reference: np.ndarray) -> float:
    return float(np.median(scipy.spatial.distance.pdist(reference[:MEDIAN_OF]) ** 2))


def _mean(x: np.ndarray, y: np.ndarray, kernel: str, scale: float) -> float:
    """The kernel's mean over all pairs; within one sample, over those of two points."""
    same, total = x is y, 0.0
    # |a|^2 + |b|^2 - 2 ab is one matrix product, but loses digits far from zero.
    center = y.mean(0)
    x, y = x - center, y - center
    norms_x, norms_y = (x**2).sum(1), (y**2).sum(1)
    for start in range(0, len(x), BLOCK):
        rows = slice(start, start + BLOCK)
        squares = norms_x[rows, None] + norms_y - 2 * x[rows] @ y.T
        np.maximum(squares, 0, out=squares)
        if kernel == "imq":
            total += imq(squares, scale).sum()
        else:
            total += np.exp(squares / (-2 * scale)).sum()
    if same:
        # A point and itself are at distance 0, where both kernels are 1.
        return (total - len(x)) / (len(x) * (len(x) - 1))
    return total / (len(x) * len(y))


def _points(stream: Stream, name: str) -> np.ndarray:
    x = gather(stream, name).astype(np.float64)
    if x.ndim != 2 or len(x) < 2 or not x.shape[1]:
        raise ValueError(
            f"Expected {name} (n, d), two or more; received: shape {x.shape}"
        )
    return x
