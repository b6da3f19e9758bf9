"""The manifolds of real and generated features, as balls around each feature.

Each kind's manifold is a union of balls. A ball reaches from a feature to its k-th
nearest neighbour of the same kind (Kynkäänniemi et al., 2019). Distances are
Euclidean, in float64, a block of rows at a time.
"""

from typing import Any

import numpy as np

from keras_svae import arguments
from keras_svae.evaluation.backbones.backbone import Backbone
from keras_svae.evaluation.backbones.features import both_features
from keras_svae.evaluation.reading.streams import Stream
from keras_svae.kernels import in_blocks, squared_distances

__all__ = ["both", "radii"]


def both(
    real: Stream,
    generated: Stream,
    backbone: Backbone | None,
    value_range: tuple[float, float],
    k: int,
    reference: str | None = None,
) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Real and generated features, (n, d) each, and what measurements say of them.

    The arguments are those of `precision_recall`.

    Raises:
        ValueError: On features of different dimensions, fewer than 2 examples of a
            kind, or k out of range.
    """
    k = arguments.integer("k", k, at_least=0)
    x, y, details = both_features(real, generated, backbone, value_range, reference)
    most = min(len(x), len(y)) - 1
    if most < 1:
        raise ValueError(
            "Expected at least 2 real and 2 generated examples, as each needs another "
            f"one as a neighbour; received: {len(x)} and {len(y)}"
        )
    if not 1 <= k <= most:
        raise ValueError(
            f"Expected k from 1 to {most}, the number of other examples; received: "
            f"k={k}"
        )
    x, y = x.astype(np.float64), y.astype(np.float64)
    # Centring keeps distances and makes their rounding errors small.
    center = x.mean(0)
    return x - center, y - center, {"n_real": len(x), "n": len(y), "k": k, **details}


def radii(x: np.ndarray, k: int) -> np.ndarray:
    """Squared distance from each row to its k-th nearest other row, (n,).

    The rounding error of a distance of zero is added, so that points on the sphere, or
    on a repeated row, are inside.
    """
    found = np.empty(len(x))
    slack = 64 * np.finfo(np.float64).eps * (x**2).sum(1).max()
    for start, block in in_blocks(x, x, squared_distances):
        rows = np.arange(len(block))
        block[rows, start + rows] = np.inf  # a row is not its own neighbour
        part = np.partition(block, k - 1, axis=1)
        found[start : start + len(block)] = part[:, k - 1] + slack
    return found
