"""The callbacks of `fit`, as training calls them."""

import functools

import keras
import tensorflow as tf

from keras_svae.game.devices import workers
from keras_svae.game.diverged import Diverged, is_backup
from keras_svae.game.keras_callbacks import monitored, rates
from keras_svae.game.keras_callbacks.remembered import unwrapped
from keras_svae.telling import warn

__all__ = ["prepared"]


class _MayFail(keras.callbacks.Callback):
    """Stands in for a callback that shows something: its errors become warnings.

    A full disk or a picture that cannot be drawn neither ends training nor keeps other
    callbacks, which save weights, from being called. It is called again at the next
    epoch. Before the first step, an error is an error.
    """

    def __init__(self, callback: keras.callbacks.Callback, errors: tuple):
        super().__init__()
        self.callback, self.errors = callback, errors
        for name in dir(keras.callbacks.Callback):
            method = getattr(callback, name)
            if name in ("set_model", "set_params", "on_train_begin"):
                setattr(self, name, method)
            elif name.startswith("on_"):
                setattr(self, name, functools.partial(self._call, method))

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


class _AfterAll(keras.callbacks.Callback):
    """Comes after all callbacks, and acts on what they did.

    Backups have what all of them did. Settings of the model that one of them changes,
    as the weight of a term, act from this epoch on.

    Args:
        callbacks: The others.
    """

    def __init__(self, callbacks: list):
        super().__init__()
        self.backups = [one for one in callbacks if is_backup(one)]
        for one in self.backups:
            one.watched = callbacks

    def on_epoch_begin(self, epoch, logs=None):
        self.model._make_ready("fit", training=True)
        self.model.make_train_function()  # none is there after a change
        self.model._rates_begun = rates.current(self.model)

    def on_epoch_end(self, epoch, logs=None):
        for one in self.backups:
            one.after_epoch(epoch)

    def on_train_end(self, logs=None):
        for one in self.backups:
            one.after_training()


def _errors_of(callback) -> tuple | None:
    """The errors that a callback may end with."""
    shows = (keras.callbacks.TensorBoard, keras.callbacks.CSVLogger)
    callback = unwrapped(callback)
    if getattr(callback, "may_fail", False):
        return (Exception,)
    return (OSError, tf.errors.OpError) if isinstance(callback, shows) else None


def prepared(callbacks, model, validated: bool) -> list:
    """Checks the callbacks. Rates change for all players, and pictures may fail.

    Of several workers, only the first one has the callbacks that write files.

    Args:
        callbacks: What the caller of `fit` gave.
        model: The compiled model.
        validated: Whether there are validation data.

    Raises:
        ValueError: For a column that the log will not have.
        TypeError: For callbacks that are no list of callbacks.
    """
    callbacks = monitored.checked(callbacks, model, validated)
    callbacks = rates.for_all_players(callbacks, model)
    callbacks = workers.without_writers(callbacks, model.distribute_strategy)
    errors = [_errors_of(one) for one in callbacks]
    callbacks = [
        _MayFail(one, of_one) if of_one else one
        for one, of_one in zip(callbacks, errors, strict=True)
    ]
    return [*callbacks, _AfterAll(callbacks)]
