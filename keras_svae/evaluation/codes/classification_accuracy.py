"""The accuracy of a classifier's predictions."""

import numpy as np

from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.reading.known import known
from keras_svae.evaluation.reading.streams import Stream, gather

__all__ = ["classification_accuracy"]


def classification_accuracy(probabilities: Stream, labels: np.ndarray) -> Measurement:
    """The share of examples whose most probable class is their own.

    Args:
        probabilities: q(y|x) of each example, or scores of the same order, (n,
            classes): see `Stream`.
        labels: The class of each, (n,), integers in 0..classes - 1. Examples of an
            unknown class, -1, are left out.

    Returns:
        The share, in [0, 1]; its deviation is the standard error over examples. The
        detail `unlabelled` is the number of examples that were left out.

    Raises:
        ValueError: If there are not as many of the one as of the other, for other
            labels, or if no class is known.
    """
    p, labels = gather(probabilities, "probabilities"), np.asarray(labels)
    if p.ndim != 2 or labels.shape != p.shape[:1]:
        raise ValueError(
            "Expected probabilities (n, classes) and labels (n,); received: shapes "
            f"{p.shape} and {labels.shape}"
        )
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"Expected labels as integers; received: {labels.dtype}")
    rows, missing = known(labels, "labels", p.shape[1])
    right = p[rows].argmax(1) == labels[rows]
    share, n = float(right.mean()), len(right)
    error = np.sqrt(share * (1 - share) / (n - 1)) if n > 1 else None
    return Measurement(
        share,
        "classification accuracy",
        error,
        n=n,
        spread="standard error over examples",
        **missing,
    )
