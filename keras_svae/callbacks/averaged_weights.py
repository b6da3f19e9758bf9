"""Evaluation and checkpoints with averaged weights."""

import keras

from keras_svae.game import checks

__all__ = ["AveragedWeights"]


class AveragedWeights(keras.callbacks.Callback):
    """Lends the moving averages to the model for validation, and finally at the end.

    It is for models compiled with `ema=...`. `keras.callbacks.SwapEMAWeights` knows one
    optimizer; this callback covers all players.

    From validation until the next epoch begins, the averages are in the model's
    weights. So at the epoch's end, other callbacks see the measured weights, in any
    order of callbacks: `ModelCheckpoint` saves them, `EarlyStopping` restores them.
    `Backup` saves the trained weights and the averages. An interruption brings the
    trained weights back, and so does the next `fit`.

    Args:
        finalize: Whether the model ends training with the averages as its weights.
    """

    def __init__(self, finalize: bool = True):
        super().__init__()
        self.finalize = finalize
        self._training = self._lends = False

    def on_train_begin(self, logs=None):
        checks.trains_here(self, self.model)
        if self.model.averages is None:
            raise ValueError(
                "Expected a model with averaged weights, compile(ema=0.999); "
                "received: ema=None"
            )
        self._training = True
        self.model.averages.finalize = self.finalize
        self.model.averages.shown = True

    def on_test_begin(self, logs=None):
        self._lends = not self.model.averages.lent
        self.model.averages.lend()

    def on_test_end(self, logs=None):
        if self._lends and not self._training:
            self.model.averages.take_back()

    def on_epoch_begin(self, epoch, logs=None):
        self.model.averages.take_back()

    def on_train_end(self, logs=None):
        self._training = False
        if self.finalize:
            self.model.averages.lend()
