"""Inception v3 as a backbone."""

import os
import pathlib
import warnings

import keras

from keras_svae.evaluation.backbones.backbone import Backbone

__all__ = ["inception_v3"]


def inception_v3(weights: str | os.PathLike = "imagenet") -> Backbone:
    """Inception v3 (Szegedy et al., 2016), as Keras has it.

    Features are its 2,048 averages before the last layer, probabilities those of 1,000
    ImageNet classes. These are Keras's weights; published scores mostly come from
    another network, the graph of 2015 with 1,008 outputs, and are not to be compared
    with these: `inception_2015` is that network.

    Args:
        weights: "imagenet" for Keras's, which are downloaded at the first use; or a
            file of them, or of your own for the same network with its top.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file's weights do not fit.
    """
    named = os.fspath(weights) != "imagenet"
    if named and not pathlib.Path(weights).is_file():
        raise FileNotFoundError(
            'Expected "imagenet" or a file of weights; received: '
            f"{os.fspath(weights)!r}"
        )
    model = keras.applications.InceptionV3(
        weights=None if named else "imagenet", classifier_activation=None
    )
    if named:
        try:
            with warnings.catch_warnings():
                # Keras only warns of layers that a file leaves as they were.
                warnings.simplefilter("error", UserWarning)
                model.load_weights(weights)
        except (ValueError, OSError, KeyError, UserWarning) as error:
            raise ValueError(
                "Expected the weights of keras.applications.InceptionV3 with its top, "
                f"as .weights.h5 or .h5; received: {os.fspath(weights)}: {error}"
            ) from error
    said = pathlib.Path(weights).name if named else "Keras's ImageNet weights"
    return Backbone(
        model,
        f"Inception v3, {said}",
        features="avg_pool",
        outputs="logits",
        value_range=(-1.0, 1.0),
    )
