"""Improved precision and recall (Kynkäänniemi et al., 2019)."""

from typing import NamedTuple

import numpy as np

from keras_svae.evaluation.backbones.backbone import Backbone
from keras_svae.evaluation.backbones.features import named
from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.reading.streams import Stream
from keras_svae.evaluation.samples.manifolds import both, radii
from keras_svae.kernels import in_blocks, squared_distances

__all__ = ["PrecisionRecall", "precision_recall"]


class PrecisionRecall(NamedTuple):
    """Both in [0, 1].

    Attributes:
        precision: The share of samples that look real.
        recall: The share of real examples that a sample looks like.
    """

    precision: Measurement
    recall: Measurement


def precision_recall(
    real: Stream,
    generated: Stream,
    backbone: Backbone | None = None,
    value_range: tuple[float, float] = (0.0, 1.0),
    *,
    k: int = 3,
    reference: str | None = None,
) -> PrecisionRecall:
    """Shares of each kind that lie on the other's manifold, (1) and (2) in the paper.

    A kind's manifold is the union of balls around its features, each as far as its
    k-th nearest neighbour of the same kind.

    Args:
        real: Images, if there is a backbone; or features (n, d). They are kept.
        generated: The same of samples, from the same backbone; as many, or the two
            shares are not alike.
        backbone: What turns images into features; None if features are given.
        value_range: (low, high), the values of black and white in the images.
        k: 3 in the paper.
        reference: What the real examples are ("cifar10, split train"), for the
            measurement to say.

    Raises:
        ValueError: On features of different dimensions, or not finite; k out of range;
            on images as `Backbone.features` does.
    """
    x, y, details = both(real, generated, backbone, value_range, k, reference)
    real_radii, generated_radii = radii(x, k), radii(y, k)
    precise, recalled = np.zeros(len(y), bool), np.zeros(len(x), bool)
    for start, block in in_blocks(x, y, squared_distances):
        rows = slice(start, start + len(block))
        precise |= (block <= real_radii[rows, None]).any(0)
        recalled[rows] = (block <= generated_radii).any(1)
    return PrecisionRecall(
        Measurement(precise.mean(), named("precision", backbone), **details),
        Measurement(recalled.mean(), named("recall", backbone), **details),
    )
