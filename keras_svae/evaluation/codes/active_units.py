"""Active units: dimensions of the code that the encoder uses (Burda et al., 2016)."""

from typing import NamedTuple

import numpy as np

from keras_svae import arguments
from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.reading.streams import Stream, gather

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
    x = gather(means, "posterior means").astype(np.float64)
    if x.ndim != 2:
        raise ValueError(f"Expected posterior means (n, d); received: shape {x.shape}")
    if len(x) < 2:
        raise ValueError("Expected two posterior means or more; received: 1")
    variances = x.var(0, ddof=1)
    active = int((variances > threshold).sum())
    return ActiveUnits(
        Measurement(
            active, "active units", n=len(x), units=len(variances), threshold=threshold
        ),
        variances,
    )
