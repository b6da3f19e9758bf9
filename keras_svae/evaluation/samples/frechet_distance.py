"""Fréchet distance of features (Heusel et al., 2017): with Inception's, the FID."""

from typing import Any

import numpy as np
import scipy.linalg

from keras_svae.evaluation.backbones.backbone import Backbone
from keras_svae.evaluation.backbones.features import (
    features_of,
    named,
    named_reference,
)
from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.reading.streams import Stream
from keras_svae.evaluation.samples.moments import Moments
from keras_svae.telling import warn

__all__ = ["frechet_distance"]


def frechet_distance(
    real: Stream | Moments,
    generated: Stream | Moments,
    backbone: Backbone | None = None,
    value_range: tuple[float, float] = (0.0, 1.0),
    *,
    reference: str | None = None,
) -> Measurement:
    """Squared Wasserstein-2 distance of two Gaussians with the features' moments.

    `|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2))` (Dowson & Landau, 1982). The root's
    trace is the sum of the singular values of `F1' F2`, for any factors `S = F F'`. So
    no root of a product that is not symmetric is needed, and no complex numbers.

    Args:
        real: Images, if there is a backbone; features (n, d); or their `Moments`.
        generated: The same of samples, from the same backbone.
        backbone: What turns images into features; None if none are given.
        value_range: (low, high), the values of black and white in the images.
        reference: What the real examples are ("cifar10, split train"), for the
            measurement to say.

    Returns:
        The distance, >= 0, with `n_real` and `n`, the number of samples. It falls with
            both: compare only distances with the same numbers.

    Raises:
        ValueError: On features of different dimensions, or not finite; on images as
            `Backbone.features` does.

    Warns:
        UserWarning: If there are no more examples than dimensions: the covariance is
            then singular, and the distance says more of n than of the samples.
    """
    details: dict[str, Any] = {}
    laws = []
    for data, name in ((real, "real features"), (generated, "generated features")):
        if not isinstance(data, Moments):
            stream, details = features_of(data, backbone, value_range, name)
            data = Moments.of(stream, name)
        laws.append(data)
    one, other = laws
    d = one.mean.size
    if other.mean.size != d:
        raise ValueError(
            "Expected features of one dimension; received: "
            f"{d} (real) and {other.mean.size} (generated)"
        )
    few = min((law.n for law in laws if law.n is not None), default=d + 1)
    if few <= d:
        warn(
            f"Expected more examples than the features' {d} dimensions; received: "
            f"{few}. The Fréchet distance is then mostly the error of its covariance"
        )
    shift = one.mean - other.mean
    roots = scipy.linalg.svdvals(_factor(one.covariance).T @ _factor(other.covariance))
    distance = (
        shift @ shift
        + np.trace(one.covariance)
        + np.trace(other.covariance)
        - 2 * roots.sum()
    )
    # Rounding can leave equal laws at -1e-15.
    return Measurement(
        max(float(distance), 0.0),
        named("Fréchet distance", backbone),
        n_real=one.n,
        n=other.n,
        dimensions=d,
        **named_reference(reference),
        **details,
    )


def _factor(covariance: np.ndarray) -> np.ndarray:
    """F, (d, rank), with F F' = covariance, positive semi-definite or nearly so."""
    try:
        lower = scipy.linalg.cholesky(covariance, lower=True)
    except scipy.linalg.LinAlgError:
        pass
    else:
        # If other variances explain almost all of a variance, the rest is mostly
        # rounding.
        if (lower.diagonal() ** 2).min() > 1e-9 * covariance.diagonal().max():
            return lower
    values, vectors = scipy.linalg.eigh(covariance)
    # What rounding leaves where there is no variance: its root would not be small.
    least = max(values[-1], 0.0) * len(values) * np.finfo(np.float64).eps
    if values[0] < -1e-6 * max(values[-1], np.finfo(np.float64).tiny):
        raise ValueError(
            "Expected a covariance without negative eigenvalues; received: "
            f"eigenvalues from {values[0]:g} to {values[-1]:g}"
        )
    kept = values > least
    return vectors[:, kept] * np.sqrt(values[kept])
