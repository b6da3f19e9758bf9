"""Inception score (Salimans et al., 2016), from any classifier's probabilities."""

import numpy as np

from keras_svae import arguments
from keras_svae.evaluation.backbones.backbone import Backbone
from keras_svae.evaluation.backbones.features import probabilities_of
from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.reading.streams import Stream

__all__ = ["inception_score"]


def inception_score(
    samples: Stream,
    splits: int = 10,
    backbone: Backbone | None = None,
    value_range: tuple[float, float] = (0.0, 1.0),
) -> Measurement:
    """`exp E KL(p(y|x) || p(y))` of generated samples.

    Args:
        samples: Images, if there is a backbone; or p(y|x) of each sample under a
            classifier, (n, classes), rows summing to 1. See `Stream`. The splits follow
            their order: shuffle real images that are sorted by class.
        splits: The number of parts in which samples are scored, each with its own p(y).
        backbone: The classifier; None if probabilities are given. Then say beside the
            score which classifier it was.
        value_range: (low, high), the values of black and white in the images.

    Returns:
        The mean over the splits, from 1 to the number of classes, and their standard
        deviation, None for one split.

    Raises:
        ValueError: If rows are no distributions, or there are fewer rows than splits;
            on images as `Backbone.features` does.
    """
    splits = arguments.integer("splits", splits, at_least=1)
    stream, details = probabilities_of(samples, backbone, value_range)
    p = np.concatenate(list(stream)).astype(np.float64)
    sums = p.sum(-1)
    if p.ndim != 2 or not np.allclose(sums, 1, atol=1e-4) or p.min() < 0:
        raise ValueError(
            "Expected probabilities (n, classes), >= 0 and summing to 1 in each row, "
            f"or images with a backbone; received: shape {p.shape}, values from "
            f"{p.min():g}, sums from {sums.min():.5g} to {sums.max():.5g}"
        )
    if splits > len(p):
        raise ValueError(f"Expected 1 to {len(p)} splits; received: splits={splits}")
    scores = []
    for part in np.array_split(p, splits):
        marginal = part.mean(0, keepdims=True)
        # 0 log 0 is 0. If the marginal is 0, the row is 0, too, or so small that its
        # mean is 0.
        some = (part > 0) & (marginal > 0)
        ratio = np.divide(part, marginal, out=np.ones_like(part), where=some)
        scores.append(np.exp((part * np.log(ratio)).sum(1).mean()))
    return Measurement(
        np.mean(scores),
        "inception score",
        np.std(scores) if splits > 1 else None,
        n=len(p),
        splits=splits,
        **details,
    )
