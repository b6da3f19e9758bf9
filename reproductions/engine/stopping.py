"""A choice of weights during training, for a run that can be killed and resumed."""

from collections.abc import Callable, Mapping

import keras

import keras_svae as ks
from keras_svae.game import workers
from reproductions.engine.files import read_json, write_json
from reproductions.engine.folder import RunFolder


class Stopping(keras.callbacks.EarlyStopping):
    """Keras's early stopping, with what it needs to know after a restart.

    Keras's own class forgets its state in each `fit`. This one writes down the
    monitored value of each epoch (`validation.json`, by step). When training begins, it
    repeats all of them: its state depends only on these values. The best weights are in
    a file, `best.weights.h5`.

    Args:
        folder: The run's folder.
        monitor: A metric of validation; less is better.
        patience: Epochs without a better value before training stops, at least 1.
        value: A function that gives a model's monitored value, if validation does not.
        criteria: By name, further values that are functions of validation's log.
    """

    def __init__(
        self,
        folder: RunFolder,
        monitor: str,
        patience: int,
        value: Callable[[ks.Game], float] | None = None,
        criteria: Mapping[str, Callable[[dict], float]] | None = None,
    ):
        super().__init__(monitor=monitor, mode="min", patience=patience)
        self.history_file = folder.path / "validation.json"
        self.best_file = folder.path / "best.weights.h5"
        self.history: list[dict] = []
        self.stopped_epoch = 0
        self.value, self.criteria = value, dict(criteria or {})

    @property
    def stopped(self) -> bool:
        """Whether the patience has ended."""
        return self.stopped_epoch > 0

    def recall(self, model: ks.Game) -> None:
        """Restores the state that training had at the model's step."""
        self.set_model(model)
        super().on_train_begin()
        known = read_json(self.history_file) if self.history_file.exists() else []
        # Epochs after the backup will be repeated.
        self.history = [one for one in known if one["step"] <= model.step]
        for one in self.history:
            super().on_epoch_end(one["epoch"], {self.monitor: one["value"]})

    def catch_up(self, model: ks.Game, validation, steps_per_epoch: int) -> None:
        """Recalls, and evaluates an epoch that was backed up but not yet evaluated."""
        self.recall(model)
        epoch, rest = divmod(model.step, steps_per_epoch)
        seen = self.history[-1]["step"] if self.history else 0
        if rest == 0 and model.step > seen:
            logs = {}
            if self.value is None:
                logs = model.evaluate(validation, verbose=0, return_dict=True)
            self.on_epoch_end(epoch - 1, {f"val_{n}": v for n, v in logs.items()})

    def on_train_begin(self, logs=None):
        self.recall(self.model)

    def on_epoch_end(self, epoch, logs=None):
        logs = dict(logs or {})
        if self.value is not None:
            logs[self.monitor] = self.value(self.model)
        logs |= {name: one(logs) for name, one in self.criteria.items()}
        if self.monitor not in logs:
            raise ValueError(
                f"Expected monitor to be one of {sorted(logs)}; received: "
                f"{self.monitor!r}"
            )
        super().on_epoch_end(epoch, logs)
        # Of several workers, all choose, and the first one writes.
        first = workers.is_first(self.model.distribute_strategy)
        if first and self.best_epoch == epoch:
            self.model.save_weights(self.best_file)  # completely or not at all
        value = float(logs[self.monitor])
        self.history.append({"epoch": epoch, "step": self.model.step, "value": value})
        if first:
            write_json(self.history_file, self.history)

    def take_best(self) -> None:
        """Loads the best weights, with the optimizers' state and the step of then."""
        self.model.load_weights(self.best_file)
