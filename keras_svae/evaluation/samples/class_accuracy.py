"""Whether conditional samples are of the class that they were drawn for."""

import numpy as np

from keras_svae.evaluation.backbones.backbone import Backbone
from keras_svae.evaluation.backbones.features import probabilities_of
from keras_svae.evaluation.codes.classification_accuracy import classification_accuracy
from keras_svae.evaluation.measurement import Measurement, changed
from keras_svae.evaluation.reading.streams import Stream

__all__ = ["class_accuracy"]


def class_accuracy(
    samples: Stream,
    labels: np.ndarray,
    backbone: Backbone | None = None,
    value_range: tuple[float, float] = (0.0, 1.0),
) -> Measurement:
    """The share of samples x ~ p(x|y) that a classifier assigns to their y.

    "The percentage of the predictions that match the conditional labels", Hu et al.
    (2018, appendix I.1). The accuracy of the classifier is given beside it: for perfect
    samples the measure equals this accuracy.

    Args:
        samples: Images, if there is a backbone; or p(y|x) of each under a classifier,
            (n, classes). See `Stream`.
        labels: The class that each sample was drawn for, (n,), in 0..classes - 1;
            samples with -1, no class, are left out.
        backbone: The classifier; None if probabilities are given.
        value_range: (low, high), the values of black and white in the images.

    Returns:
        The share, in [0, 1]; its deviation is the standard error over samples.

    Raises:
        ValueError: If there are not as many samples as labels, or for a label that is
            no class of the classifier.
    """
    stream, details = probabilities_of(samples, backbone, value_range)
    found = classification_accuracy(stream, labels)
    return changed(found, "class accuracy", **details)
