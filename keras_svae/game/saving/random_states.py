"""The state of random layers in users' networks. Keras does not save it in files."""

import keras

from keras_svae.networks.randomness import generator_states

__all__ = ["apart", "of_model", "restore", "save"]

# The prefix of names in files; a number follows.
_NAME = "random_state_"


def of_model(model: keras.Model) -> list[keras.Variable]:
    """The states of layers such as Keras's Dropout, which count draws in variables."""
    return generator_states(model)


def save(model: keras.Model, store) -> None:
    """Writes the states beside the model's own variables."""
    for index, variable in enumerate(of_model(model)):
        store[f"{_NAME}{index}"] = variable.numpy()


def apart(store) -> dict:
    """The other entries of a store."""
    return {key: store[key] for key in store.keys() if not key.startswith(_NAME)}


def restore(model: keras.Model, store) -> None:
    """Reads the states. Older files have none."""
    keys = list(store.keys())
    for index, variable in enumerate(of_model(model)):
        if f"{_NAME}{index}" in keys:
            variable.assign(store[f"{_NAME}{index}"])
