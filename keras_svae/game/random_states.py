"""The state of random layers in users' networks, which Keras does not keep in files."""

import keras

__all__ = ["apart", "of_model", "restore", "save"]

# In files, before a number.
_NAME = "random_state_"


def of_model(model: keras.Model) -> list[keras.Variable]:
    """Of layers such as Keras's Dropout, which count their draws in variables."""
    known = {id(variable) for variable in model.weights}
    return [
        variable
        for variable in model.variables
        if id(variable) not in known and "seed_generator_state" in variable.path
    ]


def save(model: keras.Model, store) -> None:
    """Writes them beside the model's own variables."""
    for index, variable in enumerate(of_model(model)):
        store[f"{_NAME}{index}"] = variable.numpy()


def apart(store) -> dict:
    """What else is in a store."""
    return {key: store[key] for key in store.keys() if not key.startswith(_NAME)}


def restore(model: keras.Model, store) -> None:
    """Reads them; files of before have none."""
    keys = list(store.keys())
    for index, variable in enumerate(of_model(model)):
        if f"{_NAME}{index}" in keys:
            variable.assign(store[f"{_NAME}{index}"])
