"""Constants that layers make of their weights, as Keras's `Normalization` does."""

import keras

from keras_svae.networks.backwards import all_layers

__all__ = ["made_anew"]


def made_anew(model) -> None:
    """Makes such constants of a model's layers anew, once weights have other values.

    Traced functions hold the old ones, and are dropped: but not within `fit`, which
    runs one of them.

    Args:
        model: The model.
    """
    # Others with a `finalize_state` make their weights in it, as `Discretization` does.
    kind = keras.layers.Normalization
    layers = [one for one in all_layers(model) if isinstance(one, kind)]
    for layer in layers:
        layer.finalize_state()
    if layers and not getattr(model, "_fitting", False):
        model.train_function = model.test_function = model.predict_function = None
