"""Active units: dimensions of the code that the encoder uses (Burda et al., 2016)."""

from typing import NamedTuple

import numpy as np

from keras_svae import arguments
from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.reading.streams import Stream, batches

__all__ = ["ActiveUnits", "active_units"]


class ActiveUnits(NamedTuple):
    """What `active_units` finds.

    Attributes:
        active: How many dimensions are active.
        variances: `Var_x E_q(z|x)[z]` of each dimension, (d,).
    """

    active: Measurement
    variances: np.ndarray


def active_units(means: Stream, *, threshold: float = 0.01) -> ActiveUnits:
    """Dimensions whose posterior mean varies with the data.

    A dimension is active if `Var_x E_q(z|x)[z] > 0.01` (Burda et al., 2016, 4.2).

    Args:
        means: Posterior means E_q(z|x)[z], (n, d), n >= 2; see `Stream`. Draws of
            q(z|x) in their place add its own variance: then every dimension of an
            encoder that ignores its input is active too.
        threshold: Variance above which a dimension is active.

    Raises:
        ValueError: On values that are not finite, other shapes, or fewer than two.
    """
    if not (arguments.real(threshold) and threshold >= 0):
        raise ValueError(f"Expected threshold >= 0; received: threshold={threshold!r}")
    n, mean, squares = 0, np.zeros(()), np.zeros(())
    for part in batches(means, 4096, "posterior means"):
        if part.ndim != 2:
            raise ValueError(
                f"Expected posterior means (n, d); received: shape {part.shape}"
            )
        # Mean and squares of both parts together (Chan et al., 1983): sums of squares
        # would lose a small variance beside a large mean.
        part = part.astype(np.float64)
        own, m = part.mean(0), len(part)
        step = own - mean
        squares = squares + ((part - own) ** 2).sum(0) + step**2 * (n * m / (n + m))
        mean = mean + step * (m / (n + m))
        n += m
    if n < 2:
        raise ValueError("Expected two posterior means or more; received: 1")
    variances = squares / (n - 1)
    active = int((variances > threshold).sum())
    return ActiveUnits(
        Measurement(
            active, "active units", n=n, units=len(variances), threshold=threshold
        ),
        variances,
    )
