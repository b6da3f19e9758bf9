"""Keras's list of callbacks, and what comes before and after all of them."""

from collections.abc import Iterator

import keras
import numpy as np

from keras_svae.game.diverged import is_backup
from keras_svae.game.keras_callbacks import rates, remembered
from keras_svae.game.keras_callbacks.runs import Restored, sums_of
from keras_svae.telling import warn

__all__ = ["Epochs"]

# So many epochs without a batch, one after the other, end training. One alone may be
# the end of data that begin again: of 4 batches, in epochs of 2 steps.
MOST = 2


class Epochs(keras.callbacks.CallbackList):
    """Keras's list of callbacks, to which one or two calls of `fit` are one training.

    Callbacks are not told of the end of an epoch without a batch. Keras would give them
    the log of the epoch before once more, as if the loss had stood still. A reduced
    learning rate, or a stop for want of progress, would be the answer to data that are
    at their end, as a generator's after the first epoch.

    Backups have what all callbacks did. Settings of the model that a callback changes
    when an epoch begins, as the weight of a term, act from this epoch on.

    Args:
        callbacks: The callbacks.
        model: The model that is trained.
        calls: How many calls of Keras's `fit` there are at most.
        steps_per_epoch: The steps of an epoch; None if they are not given.
        restored: The backup that training goes on from, or None.
        done: The steps of an interrupted epoch that were made before the backup.
        **params: What `keras.callbacks.CallbackList` takes, of the whole training.
    """

    def __init__(
        self,
        callbacks: list,
        model,
        calls: int = 1,
        steps_per_epoch: int | None = None,
        restored: Restored | None = None,
        done: int = 0,
        **params,
    ):
        super().__init__(callbacks, add_history=True, model=model, **params)
        self._calls, self._steps, self._done = calls, steps_per_epoch, done
        self._restored, self._begun = restored, False
        self._without, self._logs = 0, None
        self._backups = [one for one in self.callbacks if is_backup(one)]
        for one in self._backups:
            one.watched = self.callbacks

    def __iter__(self) -> Iterator[keras.callbacks.Callback]:
        return iter(self.callbacks)

    def append(self, callback: keras.callbacks.Callback) -> None:
        """Adds the callback of a tracker, which puts itself around Keras's `fit`.

        MLflow's `autolog` and Comet look through the callbacks, and append their own.
        Keras tells only the first callbacks of the model.
        """
        callback.set_params(self.params)
        callback.set_model(self.model)
        self.callbacks.append(callback)

    def on_train_begin(self, logs=None):
        if self._begun:
            return
        self._begun = True
        super().on_train_begin(logs)
        if self._restored is not None:
            remembered.give_back(self.callbacks, *self._restored.memory)

    def on_epoch_begin(self, epoch, logs=None):
        model, run = self.model, self.model._run
        interrupted, self._restored = self._restored if self._done else None, None
        steps = (self._steps or 0) - self._done
        run.left_of_epoch = steps if steps % model.steps_per_execution else None
        run.trained_before = run.trained
        if interrupted is not None and interrupted.rates is not None:
            # Callbacks that change a rate when an epoch begins have done so before the
            # backup. They do it again now. A rate that the user has set since stays.
            kept = interrupted.rates
            _exchange(model, kept.saved, kept.before)
        run.rates_before = rates.current(model)
        super().on_epoch_begin(epoch, logs)
        model._make_ready("fit", training=True)
        model.make_train_function()  # none is there after a change
        run.rates_begun = rates.current(model)
        rates.check(run.rates_begun)
        if interrupted is not None:
            _go_on(model, interrupted)

    def on_train_batch_begin(self, batch, logs=None):
        super().on_train_batch_begin(batch + self._done, logs)

    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch + self._done, logs)

    def on_epoch_end(self, epoch, logs=None):
        self._done = 0
        if self.model._run.is_without_steps:
            self._without += 1
            if self._without == MOST or self.model._run.trained == 0:
                self._stop(epoch)
            return
        self._without, self._logs = 0, logs
        super().on_epoch_end(epoch, logs)
        for one in self._backups:
            one.after_epoch(epoch)

    def on_train_end(self, logs=None):
        self.model._run.left_of_epoch = None
        self._calls -= 1
        if self._calls and not self.model.stop_training:
            return
        super().on_train_end(self._logs)
        for one in self._backups:
            one.after_training()

    def _stop(self, epoch: int) -> None:
        self.model.stop_training = True
        if self.model._run.trained:
            warn(
                "Expected data for all epochs; received: data without any batch from "
                f"epoch {epoch + 2 - self._without} on. Training ends, and these "
                "epochs are not in the history. A generator is read only once: give a "
                "tf.data.Dataset or a PyDataset, which are read in each epoch."
            )


def _exchange(model, now: dict[str, float], new: dict[str, float]) -> None:
    """Sets rates to new ones, as far as they are now what is said."""
    for name, rate in rates.current(model).items():
        if name in new and rate == now.get(name):
            model.optimizers[name].learning_rate = new[name]


def _go_on(model, restored: Restored) -> None:
    """Goes on with the rates and means of an interrupted epoch: its log is complete.

    It comes after all callbacks: a changed setting makes the means anew, and a rate may
    have changed within the epoch, after its callbacks had begun.
    """
    if restored.rates is not None:
        _exchange(model, restored.rates.begun, restored.rates.saved)
    if not restored.means:
        return
    variables = sums_of(model)
    sizes = [one.shape.num_elements() for one in variables]
    kept = [np.size(one) for one in restored.means]
    if kept != sizes:
        raise ValueError(
            f"Expected the terms of the interrupted epoch, {sum(kept)} sums of its "
            f"log; received: {sum(sizes)}. A callback that changes a setting of "
            "the model must set it whenever an epoch begins"
        )
    for variable, value in zip(variables, restored.means, strict=True):
        # A metric of the user's own may count in whole numbers.
        value = np.asarray(value, variable.dtype.as_numpy_dtype)
        variable.assign(np.reshape(value, variable.shape))
