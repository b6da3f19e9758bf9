"""Evaluation and checkpoints with averaged weights."""

import keras

__all__ = ["AveragedWeights"]


class AveragedWeights(keras.callbacks.Callback):
    """Swaps the moving averages in for validation, and at the end for good.

    For models compiled with `ema=...`. Unlike `keras.callbacks.SwapEMAWeights`, which
    knows one optimizer, it swaps the weights of all players.

    Args:
        finalize: Whether the model ends training with the averages as its weights.
    """

    def __init__(self, finalize: bool = True):
        super().__init__()
        self.finalize = finalize

    def on_train_begin(self, logs=None):
        if self.model.averages is None:
            raise ValueError(
                "Expected a model with averaged weights, compile(ema=0.999); "
                "received: ema=None"
            )

    def _swap(self):
        self.model.averages.swap(self.model.trainable_variables)

    def on_test_begin(self, logs=None):
        self._swap()

    def on_test_end(self, logs=None):
        self._swap()

    def on_train_end(self, logs=None):
        if self.finalize:
            self._swap()
