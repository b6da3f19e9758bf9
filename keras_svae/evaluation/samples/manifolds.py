"""The manifolds of real and generated features, as balls around each feature."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from keras_svae import arguments
from keras_svae.evaluation.backbones.backbone import Backbone
from keras_svae.evaluation.backbones.features import both_features
from keras_svae.evaluation.reading.streams import Stream

__all__ = ["Manifolds"]

# Rows of a matrix of distances that are in memory together.
BLOCK = 512


class Manifolds:
    """Real and generated features. Each kind's manifold is a union of balls.

    A ball reaches from a feature to its k-th nearest neighbour of the same kind
    (Kynkäänniemi et al., 2019). Distances are Euclidean, in float64, a block of rows at
    a time.

    Args:
        real: Images, if there is a backbone; or features (n, d). They are kept.
        generated: The same of samples.
        backbone: What turns images into features; None if features are given.
        value_range: (low, high), the values of black and white in the images.
        k: Which nearest neighbour decides the radius.
        reference: What the real examples are, for measurements to say.

    Raises:
        ValueError: On features of different dimensions, or k out of range.
    """

    def __init__(
        self,
        real: Stream,
        generated: Stream,
        backbone: Backbone | None,
        value_range: tuple[float, float],
        k: int,
        reference: str | None = None,
    ):
        k = arguments.integer("k", k, at_least=0)
        *found, details = both_features(
            real, generated, backbone, value_range, reference
        )
        self.real, self.generated = (part.astype(np.float64) for part in found)
        most = min(map(len, found)) - 1
        if not 1 <= k <= most:
            raise ValueError(
                f"Expected k from 1 to {most}, the number of other examples; received: "
                f"k={k}"
            )
        # Centring keeps distances and makes their rounding errors small.
        centre = self.real.mean(0)
        self.real, self.generated = self.real - centre, self.generated - centre
        self.k = k
        self.details: dict[str, Any] = {
            "n_real": len(self.real),
            "n": len(self.generated),
            "k": k,
            **details,
        }

    def radii(self, x: np.ndarray) -> np.ndarray:
        """Squared distance from each row to its k-th nearest other row, (n,).

        The rounding error of a distance of zero is added, so that points on the sphere,
        or on a repeated row, are inside.
        """
        found = np.empty(len(x))
        slack = 64 * np.finfo(np.float64).eps * (x**2).sum(1).max()
        for start, block in squared_distances(x, x):
            rows = np.arange(len(block))
            block[rows, start + rows] = np.inf  # a row is not its own neighbour
            part = np.partition(block, self.k - 1, axis=1)
            found[start : start + len(block)] = part[:, self.k - 1] + slack
        return found


def squared_distances(x: np.ndarray, y: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Blocks (first row, squared distances (rows, len(y))) of all pairs."""
    squares = (y**2).sum(1)
    for start in range(0, len(x), BLOCK):
        part = x[start : start + BLOCK]
        block = part @ y.T
        block *= -2
        block += (part**2).sum(1)[:, None]
        block += squares
        yield start, np.maximum(block, 0, out=block)
