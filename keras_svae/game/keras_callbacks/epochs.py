"""Epochs without any batch: callbacks and the history do not see them."""

import keras

from keras_svae.telling import warn

__all__ = ["Epochs"]

# So many epochs without a batch, one after the other, end training. One alone may be
# the end of data that begin again: of 4 batches, in epochs of 2 steps.
MOST = 2


class Epochs(keras.callbacks.CallbackList):
    """Keras's list of callbacks.

    Callbacks are not told of the end of an epoch without a batch. Keras would give them
    the log of the epoch before once more, as if the loss had stood still. A reduced
    learning rate, or a stop for want of progress, would be the answer to data that are
    at their end, as a generator's after the first epoch.

    Args:
        callbacks: The callbacks, or None.
        model: The model that is trained.
        **params: What `keras.callbacks.CallbackList` takes.
    """

    def __init__(self, callbacks, model, **params):
        super().__init__(callbacks, add_history=True, model=model, **params)
        self._without, self._logs = 0, None

    def on_epoch_begin(self, epoch, logs=None):
        self.model._trained_before = self.model._trained_on
        super().on_epoch_begin(epoch, logs)

    def on_epoch_end(self, epoch, logs=None):
        if self.model.is_without_steps:
            self._without += 1
            if self._without == MOST or self.model._trained_on == 0:
                self._stop(epoch)
            return
        self._without, self._logs = 0, logs
        super().on_epoch_end(epoch, logs)

    def on_train_end(self, logs=None):
        super().on_train_end(self._logs)

    def _stop(self, epoch: int) -> None:
        self.model.stop_training = True
        if self.model._trained_on:
            warn(
                "Expected data for all epochs; received: data without any batch from "
                f"epoch {epoch + 2 - self._without} on. Training ends, and these "
                "epochs are not in the history. A generator is read only once: give a "
                "tf.data.Dataset or a PyDataset, which are read in each epoch."
            )
