"""The callbacks of `fit`, as training calls them."""

import functools
from collections.abc import Callable, Collection

import keras
import tensorflow as tf

from keras_svae.game.devices import workers
from keras_svae.game.diverged import Diverged
from keras_svae.game.keras_callbacks import monitored, rates
from keras_svae.game.keras_callbacks.remembered import StandsIn, unwrapped
from keras_svae.telling import warn

__all__ = ["prepared"]


class _MayFail(StandsIn):
    """Stands in for a callback that shows something: its errors become warnings.

    A full disk or a picture that cannot be drawn neither ends training nor keeps other
    callbacks, which save weights, from being called. It is called again at the next
    epoch. Before the first step, an error is an error.
    """

    def __init__(self, callback: keras.callbacks.Callback, errors: tuple):
        super().__init__(callback, self._wrapped)
        self.errors = errors

    def set_model(self, model):
        self.callback.set_model(model)

    def _wrapped(self, name: str, method: Callable) -> Callable:
        if name in ("set_params", "on_train_begin"):
            return method
        return functools.partial(self._call, method)

    def _call(self, method, *args, **kwargs):
        try:
            return method(*args, **kwargs)
        except Diverged:
            raise
        except self.errors as error:
            name = type(unwrapped(self.callback)).__name__
            warn(
                f"{name} failed, and training goes on: {type(error).__name__}: {error}"
            )
            return None


def _errors_of(callback) -> tuple | None:
    """The errors that a callback may end with."""
    shows = (keras.callbacks.TensorBoard, keras.callbacks.CSVLogger)
    callback = unwrapped(callback)
    if getattr(callback, "may_fail", False):
        return (Exception,)
    return (OSError, tf.errors.OpError) if isinstance(callback, shows) else None


def _is_each_epoch(given: dict) -> bool:
    """Whether each epoch of `fit` has validation, as Keras reads `validation_freq`."""
    each = given.get("validation_freq", 1)
    if isinstance(each, Collection):
        first, end = given.get("initial_epoch", 0), given.get("epochs", 1)
        return {*range(first + 1, end + 1)} <= {*each}
    return each == 1


def prepared(callbacks, model, validated: dict | None) -> list:
    """Checks the callbacks. Rates change for all players, and pictures may fail.

    Of several workers, only the first one has the callbacks that write files.

    Args:
        callbacks: What the caller of `fit` gave.
        model: The compiled model.
        validated: The arguments of `fit`, which say when there is validation; None
            without validation data.

    Raises:
        ValueError: For a column that the log will not have.
        TypeError: For callbacks that are no list of callbacks.
    """
    each_epoch = validated is not None and _is_each_epoch(validated)
    callbacks = monitored.checked(callbacks, model, validated is not None, each_epoch)
    callbacks = rates.for_all_players(callbacks, model)
    callbacks = workers.without_writers(callbacks, model.distribute_strategy)
    errors = [_errors_of(one) for one in callbacks]
    return [
        _MayFail(one, of_one) if of_one else one
        for one, of_one in zip(callbacks, errors, strict=True)
    ]
