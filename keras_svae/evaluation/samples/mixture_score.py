"""Inception score of a known mixture, with its exact posterior as the classifier."""

import numpy as np
import scipy.special

from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.samples.inception_score import inception_score

__all__ = ["mixture_posterior", "mixture_score"]


def mixture_posterior(x, means, sigma: float, weights=None) -> np.ndarray:
    """p(component | x) of a mixture of isotropic Gaussians.

    Args:
        x: Points, (n, d).
        means: The components' means, (k, d).
        sigma: Their common standard deviation.
        weights: Their weights, (k,); equal by default.

    Returns:
        Probabilities (n, k), float64.
    """
    x, means = np.asarray(x, np.float64), np.asarray(means, np.float64)
    squares = ((x[:, None, :] - means[None]) ** 2).sum(-1)
    logits = -squares / (2 * sigma**2)
    if weights is not None:
        logits = logits + np.log(weights)
    return scipy.special.softmax(logits, axis=1)


def mixture_score(x, means, sigma: float, weights=None, splits: int = 1) -> Measurement:
    """Inception score under the exact posterior (sVAE 6.1, as in ALICE's toy).

    The largest score is the number of components. It measures coverage and certainty,
    not quality: a distant outlier also has a certain component.

    Args:
        x: Generated points, (n, d).
        means: The components' means, (k, d).
        sigma: Their common standard deviation.
        weights: Their weights, (k,); equal by default.
        splits: See `inception_score`.
    """
    score = inception_score(mixture_posterior(x, means, sigma, weights), splits)
    return Measurement(score, "mixture score", score.deviation, **score.details)
