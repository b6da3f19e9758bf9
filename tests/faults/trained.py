"""A small model to which faults happen, and what it knows before and after."""

import contextlib
import pathlib
import warnings
from collections.abc import Iterator

import keras_svae as ks
from tests.faults import session

__all__ = ["caught", "fit", "trained", "values"]


def trained(folder: pathlib.Path, **more) -> ks.Game:
    """A small model that has been trained for ten steps, with two backups."""
    model = session.build("svae_r", 1, False)
    fit(model, folder, **more)
    return model


def fit(model: ks.Game, folder: pathlib.Path, epochs: int = 1, **more):
    """Trains, or goes on."""
    data = ks.data.load("digits", examples=160, batch_size=16)
    given = {"every": 5, "verbose": 0, **more}
    return ks.fit(model, data, epochs=epochs, backup=folder, **given)


def values(model: ks.Game) -> list[bytes]:
    """All that a model and its optimizers know."""
    found = [*model.weights]
    for one in model.optimizers.values():
        found += one.variables
    return [v.numpy().tobytes() for v in found]


@contextlib.contextmanager
def caught() -> Iterator[list]:
    """The warnings."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        yield found
