"""Density and coverage (Naeem et al., 2020)."""

from typing import NamedTuple

from keras_svae.evaluation.backbones.backbone import Backbone
from keras_svae.evaluation.backbones.features import named
from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.reading.streams import Stream
from keras_svae.evaluation.samples.manifolds import both, radii
from keras_svae.kernels import in_blocks, squared_distances

__all__ = ["DensityCoverage", "density_coverage"]


class DensityCoverage(NamedTuple):
    """What samples are among real examples.

    Attributes:
        density: The mean number of real neighbourhoods that a sample lies in, divided
            by k. It is >= 0, about 1 for real examples, and above 1 where samples
            crowd.
        coverage: The share of real neighbourhoods with a sample in them, in [0, 1].
    """

    density: Measurement
    coverage: Measurement


def density_coverage(
    real: Stream,
    generated: Stream,
    backbone: Backbone | None = None,
    value_range: tuple[float, float] = (0.0, 1.0),
    *,
    k: int = 5,
    reference: str | None = None,
) -> DensityCoverage:
    """Samples counted in balls around real features, as far as the k-th neighbour.

    Only real examples have balls. So a distant sample does not make a large ball, as it
    does for `precision_recall`.

    Args:
        real: Images, if there is a backbone; or features (n, d). They are kept.
        generated: The same of samples, from the same backbone.
        backbone: What turns images into features; None if features are given.
        value_range: (low, high), the values of black and white in the images.
        k: 5 in the paper. Samples of the real law cover `1 - 2^-k` in expectation,
            where there are as many and there are many.
        reference: What the real examples are ("cifar10, split train"), for the
            measurement to say.

    Raises:
        ValueError: On features of different dimensions, or not finite; k out of range;
            on images as `Backbone.features` does.
    """
    x, y, details = both(real, generated, backbone, value_range, k, reference)
    reach = radii(x, k)
    inside, covered = 0, 0
    for start, block in in_blocks(x, y, squared_distances):
        within = block <= reach[start : start + len(block), None]
        inside += int(within.sum())
        covered += int(within.any(1).sum())
    density, coverage = (named(one, backbone) for one in ("density", "coverage"))
    return DensityCoverage(
        Measurement(inside / (k * len(y)), density, **details),
        Measurement(covered / len(x), coverage, **details),
    )
