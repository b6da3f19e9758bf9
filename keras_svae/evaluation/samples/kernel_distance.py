"""Kernel distance of features (Binkowski et al., 2018): with Inception's, the KID."""

import numpy as np

from keras_svae import arguments
from keras_svae.evaluation.backbones.backbone import Backbone
from keras_svae.evaluation.backbones.features import both_features, named
from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.reading.streams import Stream
from keras_svae.kernels import unbiased_mmd
from keras_svae.noise import check_seed

__all__ = ["kernel_distance"]


def kernel_distance(
    real: Stream,
    generated: Stream,
    backbone: Backbone | None = None,
    value_range: tuple[float, float] = (0.0, 1.0),
    *,
    subsets: int = 100,
    subset_size: int | None = None,
    seed: int = 0,
    reference: str | None = None,
) -> Measurement:
    """Squared maximum mean discrepancy under the kernel `(x'y / d + 1)^3`.

    Each subset's estimate (Gretton et al., 2012, Lemma 6) is unbiased: over samples of
    the real law itself the mean is 0, and half the estimates are negative.

    Args:
        real: Images, if there is a backbone; or features (n, d). They are kept.
        generated: The same of samples, from the same backbone.
        backbone: What turns images into features; None if features are given.
        value_range: (low, high), the values of black and white in the images.
        subsets: How many pairs of subsets are drawn, each without replacement.
        subset_size: How many examples each has, at least 2; by default 1,000, or the
            smaller number of examples if it is below that. Where both have just this
            number there is one pair, without a deviation.
        seed: The seed of the draws.
        reference: What the real examples are ("cifar10, split train"), for the
            measurement to say.

    Returns:
        Mean and standard deviation over the subsets. The mean's own error is not the
        deviation over the root of `subsets`: the subsets overlap.

    Raises:
        ValueError: On features of different dimensions, or not finite; on fewer than 2
            examples of a kind; on subsets larger than what there is; on images as
            `Backbone.features` does.
    """
    subsets = arguments.integer("subsets", subsets, at_least=1)
    if subset_size is not None:
        subset_size = arguments.integer("subset_size", subset_size, at_least=0)
    seed = check_seed(seed)
    x, y, details = both_features(real, generated, backbone, value_range, reference)
    most = min(len(x), len(y))
    if most < 2:
        raise ValueError(
            "Expected at least 2 real and 2 generated examples; received: "
            f"{len(x)} and {len(y)}"
        )
    size = min(1000, most) if subset_size is None else subset_size
    if not 2 <= size <= most:
        raise ValueError(
            f"Expected subset_size from 2 to {most}, the number of examples; received: "
            f"{size}"
        )
    if size == len(x) == len(y):
        subsets = 1  # there is no other
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(subsets):
        rows = [rng.choice(len(one), size, replace=False) for one in (x, y)]
        parts = (x[rows[0]].astype(np.float64), y[rows[1]].astype(np.float64))
        found.append(unbiased_mmd(*parts, _cubic))
    return Measurement(
        float(np.mean(found)),
        named("kernel distance", backbone),
        float(np.std(found)) if subsets > 1 else None,
        n_real=len(x),
        n=len(y),
        subsets=subsets,
        subset_size=size,
        seed=seed,
        **details,
    )


def _cubic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The kernel of all pairs, (len(x), len(y))."""
    return (x @ y.T / x.shape[1] + 1) ** 3
