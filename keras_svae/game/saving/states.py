"""What Keras's files lack of layers: states of random ones, constants of weights."""

import keras

from keras_svae.networks.backwards import all_layers
from keras_svae.networks.randomness import generator_states

__all__ = ["apart", "constants_anew", "restore", "save"]

# The prefix of names in files, of the states of layers such as Keras's Dropout, which
# count draws in variables; a number follows. Keras does not save them in files.
_NAME = "random_state_"


def save(model: keras.Model, store) -> None:
    """Writes the states of random layers beside the model's own variables."""
    for index, variable in enumerate(generator_states(model)):
        store[f"{_NAME}{index}"] = variable.numpy()


def apart(store) -> dict:
    """The other entries of a store."""
    return {key: store[key] for key in store.keys() if not key.startswith(_NAME)}


def restore(model: keras.Model, store) -> None:
    """Reads the states of random layers. Older files have none."""
    keys = list(store.keys())
    for index, variable in enumerate(generator_states(model)):
        if f"{_NAME}{index}" in keys:
            variable.assign(store[f"{_NAME}{index}"])


def constants_anew(model) -> None:
    """Makes constants of weights anew, once a model's weights have other values.

    Layers have such constants, as Keras's `Normalization` has. Traced functions hold
    the old ones, and are dropped: but not within `fit`, which runs one of them.

    Args:
        model: The model.
    """
    # Others with a `finalize_state` make their weights in it, as `Discretization` does.
    kind = keras.layers.Normalization
    layers = [one for one in all_layers(model) if isinstance(one, kind)]
    for layer in layers:
        layer.finalize_state()
    if layers and not model._run.fitting:
        model.train_function = model.test_function = model.predict_function = None
