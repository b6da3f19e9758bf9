"""Which modes of a known mixture a model reaches, and how well."""

from typing import NamedTuple

import numpy as np
import scipy.special

from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.reading.streams import Stream
from keras_svae.evaluation.samples.points import checked_mixture, points

__all__ = ["Modes", "modes"]


class Modes(NamedTuple):
    """What `modes` finds.

    Attributes:
        captured: How many modes are nearest to at least one high-quality sample.
        high_quality: The share of samples that are of high quality.
        kl_to_uniform: KL from the histogram of high-quality samples over the modes to
            the uniform one, nats: 0 if all modes get as many, log k if one gets all;
            NaN if there is no such sample.
        counts: High-quality samples of each mode, (k,), int64.
    """

    captured: Measurement
    high_quality: Measurement
    kl_to_uniform: Measurement
    counts: np.ndarray


def modes(x: Stream, means, sigma: float, *, within: float = 3.0) -> Modes:
    """Captured modes of a mixture of isotropic Gaussians, of equal weights.

    A sample is of high quality if it is within 3 sigma of the nearest mode (VEEGAN,
    Srivastava et al., 2017; AIM, Table 2). In the plane, `1 - exp(-9/2)` = .989 of the
    true law's own samples are.

    Args:
        x: Generated points (n, d), see `Stream`.
        means: The modes, (k, d).
        sigma: Their common standard deviation.
        within: How many sigma from a mode a sample of high quality may be.

    Raises:
        ValueError: If shapes do not match, a value is not finite, or sigma or within
            are not positive.
    """
    means, _ = checked_mixture(means, sigma=sigma, within=within)
    k, d = means.shape
    counts, n = np.zeros(k, np.int64), 0
    for part in points(x, d):
        differences = part[:, None] - means
        distances = np.linalg.norm(differences, axis=-1)
        near = distances.min(1) <= within * sigma
        counts += np.bincount(distances.argmin(1)[near], minlength=k)
        n += len(part)
    good = int(counts.sum())
    about = {"n": n, "modes": k, "sigma": float(sigma), "within": float(within)}
    kl = np.nan
    if good:
        kl = scipy.special.rel_entr(counts / good, np.full(k, 1 / k)).sum()
    return Modes(
        Measurement(int(np.count_nonzero(counts)), "captured modes", **about),
        Measurement(good / n, "share of high quality", **about),
        Measurement(kl, "KL of modes to uniform", **about | {"n": good}, unit="nats"),
        counts,
    )
