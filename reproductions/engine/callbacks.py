"""A run's own callbacks: time, a table of losses, progress, a choice of weights."""

import csv
import io
import sys
import time
from collections.abc import Callable, Mapping

import keras
import tqdm

import keras_svae as ks
from keras_svae import files
from keras_svae.fitting import keep_rows
from keras_svae.game.devices import workers
from reproductions.engine.files import read_json, write_json
from reproductions.engine.folder import RunFolder

# Without a terminal for a bar: about this many lines per run.
LINES = 10


class Clock(keras.callbacks.Callback):
    """Writes the training time of a run, over all its sessions, every few epochs."""

    first_worker_only = True

    def __init__(self, folder: RunFolder, often: int):
        super().__init__()
        self.folder, self.often = folder, often
        self.before = folder.clock["seconds"]
        self.began = time.monotonic()

    @property
    def seconds(self) -> float:
        """The seconds of all sessions so far."""
        return self.before + time.monotonic() - self.began

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.often == 0:
            self.folder.write_clock(self.seconds)


class Table(keras.callbacks.Callback):
    """Writes log.csv: a line per epoch, with validation if there was one.

    Unlike `keras.callbacks.CSVLogger` it writes the whole file each time, completely or
    not at all. A line that cannot be written does not end training; it is written with
    the next.
    """

    may_fail = True

    def __init__(self, folder: RunFolder, epoch: int):
        super().__init__()
        self.path, self.waiting = folder.log, []
        # Lines from where training begins are of steps that will be repeated.
        keep_rows(self.path, epoch)

    def on_epoch_end(self, epoch, logs=None):
        names = [metric.name for metric in self.model.metrics]
        columns = ["epoch", *names, *(f"val_{name}" for name in names)]
        self.waiting.append({"epoch": epoch} | (logs or {}))
        there = files.read(self.path) if files.exists(self.path) else b""
        text = io.StringIO(newline="")
        # Lines end as those of `keep_rows`: a resumed log.csv has the same bytes.
        writer = csv.DictWriter(
            text, columns, extrasaction="ignore", lineterminator="\n"
        )
        if not there:
            writer.writeheader()
        writer.writerows(self.waiting)
        files.write(self.path, there + text.getvalue().encode())  # no half lines
        self.waiting = []


class Progress(keras.callbacks.Callback):
    """A bar for the whole run on a terminal, else ten lines."""

    def __init__(self, epochs: int, steps_per_epoch: int):
        super().__init__()
        self.epochs, self.total = epochs, epochs * steps_per_epoch
        self.bar = None

    def on_train_begin(self, logs=None):
        self.began, self.first = time.monotonic(), int(self.model.step)
        if sys.stderr.isatty():
            self.bar = tqdm.tqdm(total=self.total, initial=self.first, unit="step")

    def on_train_batch_end(self, batch, logs=None):
        if self.bar is not None:
            self.bar.update(int(self.model.step) - self.bar.n)

    def on_epoch_end(self, epoch, logs=None):
        if self.bar is not None:
            self.bar.set_postfix_str(self.short(logs))
        elif (epoch + 1) % max(1, self.epochs // LINES) == 0:
            used = time.monotonic() - self.began
            done = int(self.model.step) - self.first
            left = used / max(1, done) * (self.total - int(self.model.step))
            print(
                f"epoch {epoch + 1}/{self.epochs}: {self.short(logs)} "
                f"({used:.0f} s, about {left:.0f} s left)",
                flush=True,
            )

    def on_train_end(self, logs=None):
        if self.bar is not None:
            self.bar.close()

    def short(self, logs) -> str:
        """The players' losses and two measures, as far as there are any."""
        logs = logs or {}
        names = [n for n in logs if n.endswith("_loss") and not n.startswith("val_")]
        names += [name for name in ("symmetric_kl", "val_mse") if name in logs]
        return ", ".join(f"{name} {logs[name]:.4g}" for name in names)


class Stopping(keras.callbacks.EarlyStopping):
    """Keras's early stopping, with what it needs to know after a restart.

    Keras's own class begins each `fit` anew. A backup gives back what the class knew,
    but only within `fit`. A run has to know before `fit` whether its patience has
    ended: then it does not train again. So this class writes down the monitored value
    of each epoch (`validation.json`, by step), and `recall` repeats them. Its state
    depends only on these values. The best weights are in a file, `best.weights.h5`.

    Args:
        folder: The run's folder.
        monitor: A metric of validation; less is better.
        patience: Epochs without a better value before training stops, at least 1.
        score: What is looked at instead, a function of the model; more is better.
        criteria: By name, further values that are functions of validation's log.
    """

    def __init__(
        self,
        folder: RunFolder,
        monitor: str,
        patience: int,
        score: Callable[[ks.Game], float] | None = None,
        criteria: Mapping[str, Callable[[dict], float]] | None = None,
    ):
        monitor = monitor if score is None else "val_selected"
        super().__init__(monitor=monitor, mode="min", patience=patience)
        self.history_file = folder.path / "validation.json"
        self.best_file = folder.path / "best.weights.h5"
        self.history: list[dict] = []
        self.stopped_epoch = 0
        self.score, self.criteria = score, dict(criteria or {})

    @property
    def stopped(self) -> bool:
        """Whether the patience has ended."""
        return self.stopped_epoch > 0

    def check(self, model: ks.Game) -> None:
        """Looks before training whether an epoch will have the monitored value.

        Raises:
            ValueError: If not.
        """
        known = {*model.columns(True), *self.criteria}
        if self.score is None and self.monitor not in known:
            columns = ", ".join(sorted(one for one in known if one[:4] == "val_"))
            raise ValueError(
                f"Expected monitor to be one of {columns}; received: {self.monitor!r}"
            )

    def recall(self, model: ks.Game) -> None:
        """Restores the state that training had at the model's step.

        Of several workers, all must call it: each reads what the first one has written.
        """
        workers.meet(model.distribute_strategy)
        self.set_model(model)
        super().on_train_begin()
        known = []
        if self.history_file.exists():
            known = read_json(self.history_file, list)
        # Epochs after the backup will be repeated.
        self.history = [one for one in known if one["step"] <= model.step]
        for one in self.history:
            super().on_epoch_end(one["epoch"], {self.monitor: one["value"]})

    def on_train_begin(self, logs=None):
        self.recall(self.model)

    def on_epoch_end(self, epoch, logs=None):
        logs = dict(logs or {})
        if self.score is not None:
            logs[self.monitor] = -self.score(self.model)
        logs |= {name: one(logs) for name, one in self.criteria.items()}
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
