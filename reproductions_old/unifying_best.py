"""The weights that held-out data prefer, of those after each epoch."""

import keras
import numpy as np
import tensorflow as tf

BATCH = 250


class Best(keras.callbacks.Callback):
    """Keeps the weights whose bound on validation data is largest.

    Args:
        inputs: The run's data, with a validation split.
        n: How many examples of it are looked at, at most.

    Attributes:
        value: The largest bound so far, nats.
        epoch: Where it was, from 0.
        history: The bound after each epoch.
    """

    def __init__(self, inputs, n: int):
        super().__init__()
        found = inputs.arrays("validation", n, inputs.labels != "none")
        x, y = found if isinstance(found, tuple) else (found, None)
        if inputs.labels == "some":
            # Of data without a class, with which most of the training is done.
            y = np.full(len(x), -1, np.int64)
        self._data = (x, y)
        self.value, self.epoch, self.history = -np.inf, None, []

    def set_model(self, model):
        super().set_model(model)
        self._bound = tf.function(model.bound)
        self._weights = None

    def on_epoch_end(self, epoch, logs=None):
        x, y = self._data
        found = [
            self._bound(x[i : i + BATCH], None if y is None else y[i : i + BATCH])
            for i in range(0, len(x), BATCH)
        ]
        value = float(np.mean(np.concatenate(found)))
        self.history.append(round(value, 3))
        if value > self.value:
            self.value, self.epoch = value, epoch
            self._weights = [w.numpy() for w in self.model.trainable_variables]
            self._others = [w.numpy() for w in self.model.non_trainable_variables]

    def take(self) -> None:
        """Gives the model its best weights."""
        pairs = (
            (self.model.trainable_variables, self._weights),
            (self.model.non_trainable_variables, self._others),
        )
        for variables, values in pairs:
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
