"""The aggregated posterior, codes of all data, against the prior."""

from typing import Any, NamedTuple

import numpy as np
import scipy.stats

from keras_svae.evaluation.codes.mmd import (
    check_kernel,
    median_scale,
    points_of,
    squared_mmd,
)
from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.reading.streams import Stream
from keras_svae.noise import check_seed

__all__ = ["PRIORS", "AggregatePosterior", "aggregate_posterior"]

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
        seed: The seed of the draws of the prior, n and n more.

    Raises:
        ValueError: On another prior or kernel, values that are not finite, other
            shapes, or fewer than two codes.
    """
    seed = check_seed(seed)
    if prior not in PRIORS:
        raise ValueError(
            f"Expected prior to be one of {list(PRIORS)}; received: prior={prior!r}"
        )
    check_kernel(kernel)
    z = points_of(codes, "codes")
    law, rng = PRIORS[prior], np.random.default_rng(seed)
    reference, more = (law.rvs(z.shape, random_state=rng) for _ in range(2))
    about: dict[str, Any] = {"n": len(z), "prior": prior}
    scale = median_scale(reference)
    found, chance = (squared_mmd(one, reference, kernel, scale) for one in (z, more))
    rest: dict[str, Any] = {"kernel": kernel, "scale": scale}
    ks = np.array([scipy.stats.kstest(one, law.cdf).statistic for one in z.T])
    return AggregatePosterior(
        Measurement(found, "MMD^2 of codes and prior", **about, **rest),
        Measurement(chance, "MMD^2 of prior and prior", **about, **rest),
        Measurement(ks.max(), "largest Kolmogorov-Smirnov statistic", **about),
        z.mean(0),
        z.std(0, ddof=1),
        ks,
    )
