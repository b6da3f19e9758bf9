"""Inception score of a known mixture, with its exact posterior as the classifier."""

import numpy as np
import scipy.special

from keras_svae.evaluation.measurement import Measurement, changed
from keras_svae.evaluation.reading.streams import Stream
from keras_svae.evaluation.samples.inception_score import inception_score
from keras_svae.evaluation.samples.points import checked_mixture, points

__all__ = ["mixture_posterior", "mixture_score"]


def mixture_posterior(x: Stream, means, sigma: float, weights=None) -> np.ndarray:
    """p(component | x) of a mixture of isotropic Gaussians.

    Args:
        x: Points (n, d), see `Stream`.
        means: The components' means, (k, d).
        sigma: Their common standard deviation, > 0.
        weights: Their weights, (k,), >= 0, up to a common factor; equal by default.

    Returns:
        Probabilities (n, k), float64.

    Raises:
        ValueError: If shapes do not match, or a value is not finite or out of its
            range.
    """
    means, weights = checked_mixture(means, weights, sigma=sigma)
    log_weights = np.zeros(len(means))
    if weights is not None:
        with np.errstate(divide="ignore"):  # a weight of 0
            log_weights = np.log(weights)
    found = []
    for part in points(x, means.shape[1]):
        squares = ((part[:, None, :] - means[None]) ** 2).sum(-1)
        logits = -squares / (2 * sigma**2) + log_weights
        found.append(scipy.special.softmax(logits, axis=1))
    return np.concatenate(found)


def mixture_score(
    x: Stream, means, sigma: float, weights=None, splits: int = 1
) -> Measurement:
    """Inception score under the exact posterior (sVAE 6.1, as in ALICE's toy).

    The largest score is the number of components. It measures coverage and certainty,
    not quality: a distant outlier also has a certain component.

    Args:
        x: Generated points (n, d), see `Stream`.
        means: The components' means, (k, d).
        sigma: Their common standard deviation, > 0.
        weights: Their weights, (k,), >= 0, up to a common factor; equal by default.
        splits: See `inception_score`.

    Raises:
        ValueError: As `mixture_posterior` and `inception_score`.
    """
    score = inception_score(mixture_posterior(x, means, sigma, weights), splits)
    return changed(score, "mixture score")
