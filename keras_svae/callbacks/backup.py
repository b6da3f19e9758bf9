"""Checkpoints from which a killed run continues as if nothing had happened."""

import contextlib
import json
import os
import shutil

import keras
import tensorflow as tf

from keras_svae import files, untrusted
from keras_svae.callbacks.backup_files import (
    ARRAYS,
    DESCRIPTION,
    ENDINGS,
    WEIGHTS,
    checksum,
    described,
    digest,
    packed,
    settings_of,
    shapes_of,
    steps_in,
)
from keras_svae.game import checks
from keras_svae.game.devices import workers
from keras_svae.game.keras_callbacks import remembered, runs
from keras_svae.game.saving.configuration import made_by

__all__ = ["Backup"]

# Bytes that stay free beside a backup, for logs and pictures.
ROOM = 2_000_000


class Backup(keras.callbacks.Callback):
    """Saves weights, all optimizers' state and the step, so that a run can continue.

    Unlike `keras.callbacks.BackupAndRestore` it knows the step within the epoch. It
    keeps the last two backups and writes each completely or not at all. The model's
    noise is stateless, and `keras_svae.data.load(start=step)` starts at any step. So a
    run that is killed and resumed ends with the same weights as an uninterrupted run,
    bit for bit. `keras_svae.fit(model, data, backup=folder)` does it all in one call;
    this is the same by hand:

        model.compile(...)
        step = ks.callbacks.restore(model, "backup")
        train = ks.data.load("mnist", start=step)
        model.fit(train, ..., callbacks=[ks.callbacks.Backup("backup")])

    A backup has what `EarlyStopping`, `ReduceLROnPlateau` and `ModelCheckpoint` have
    seen of columns, wherever they stand among the callbacks: it is written after all of
    them. (How many batches `ModelCheckpoint(save_freq=...)` has counted is not kept.)
    A run that `EarlyStopping` has ended is at its end when it is started again.

    While it trains, no other process may use the folder. A lock sees to that, where
    the file system has locks; some network file systems and paths like "gs://..." have
    none. Of several workers, the first one writes, and all of them restore: the folder
    must be one that all of them see.

    Args:
        folder: The folder to save in; it is made if it is not there. A local folder, or
            one that TensorFlow's file systems know.
        every: Steps between backups; None for once an epoch. A backup is written at
            the end of training, too.

    Raises:
        OSError: If the folder cannot be written, or has no room: before training, or
            when a backup is due. Older backups are kept.
        TypeError: For a folder that is no path.
        FileExistsError: Before training starts, if another process uses the folder.
        ValueError: For another `every`. Before training starts, if the folder has
            backups of later steps than the model's. They belong to another run; this
            run would mix with it.
    """

    is_backup = True

    def __init__(self, folder: str | os.PathLike, every: int | None = None):
        super().__init__()
        checks.counts(1, every=every)
        if not isinstance(folder, (str, os.PathLike)):
            raise TypeError(
                f"Expected a folder for backups, as a path; received: {folder!r}"
            )
        self.folder = os.fspath(folder)
        self.every = every
        self.watched: list = []  # all callbacks of `fit`, which sets it

    def hold(self, model) -> bool:
        """Keeps other processes out of the folder, until `release`.

        Returns:
            Whether this process writes: of several workers, the first one does.
        """
        checks.trains_here(self, model)
        self._writes = workers.is_first(model.distribute_strategy)
        if self._writes:
            if files.is_local(self.folder):
                untrusted.folder(self.folder)
            files.make_folder(self.folder)
            files.lock(self.folder)
        return self._writes

    def on_train_begin(self, logs=None):
        if not self.hold(self.model):
            return
        if files.is_local(self.folder):
            files.remove_leftovers(self.folder)
        files.write(f"{self.folder}/.writable", b"")
        files.remove(f"{self.folder}/.writable")
        variables = [*self.model.variables]
        for optimizer in self.model.optimizers.values():
            variables += optimizer.variables
        sizes = (v.value.shape.num_elements() * v.value.dtype.size for v in variables)
        self._look_at_space(sum(sizes))
        settings_of(self.model)  # an error of it comes before training
        self._last = step = self.model.step
        newest = self.newest()
        if newest is not None and steps_in(self.folder)[-1] > step:
            raise ValueError(
                "Expected a backup folder without later steps than the model's, step "
                f"{step}; received: {newest}. Go on from it with "
                "keras_svae.callbacks.restore(model, folder), or name another folder."
            )
        if newest is not None:
            with contextlib.suppress(ValueError):  # damaged; `restore` tells it
                about = described(newest.removesuffix(WEIGHTS) + DESCRIPTION)
                self.model._run.began = about.get("began", 0)

    def on_train_batch_end(self, batch, logs=None):
        # `batch` counts from 0 in each epoch, so the model's own count is read only if
        # a backup may be due. That of an epoch's last step waits for the epoch's end.
        if self.every is not None and self._writes:
            if self.model.step - self._last >= self.every:
                if not runs.at_end(self.model):
                    self.save()

    def after_epoch(self, epoch: int) -> None:
        """Saves if a backup is due, once all callbacks have seen an epoch's end."""
        if not self._writes:
            return
        step = self.model.step
        due = self.every is None or step - self._last >= self.every
        ends = self.model.stop_training or epoch + 1 == self.params.get("epochs")
        if due or ends or step == self._last:
            self.save()

    def after_training(self) -> None:
        """Saves at the end, unless a callback has put earlier weights into the model.

        A run goes on from the weights that it has reached. `EarlyStopping` finds its
        best ones again.
        """
        if self._writes and self.model.step >= self._last:
            self.save()

    def release(self) -> None:
        """Lets other processes use the folder again. `fit` calls it when it ends."""
        files.unlock(self.folder)

    def newest(self) -> str | None:
        """The newest backup's file; None if there is none."""
        found = steps_in(self.folder)
        return f"{self._file(found[-1])}{WEIGHTS}" if found else None

    def _file(self, step: int) -> str:
        """A backup's path, without an ending."""
        return f"{self.folder}/step-{step:09d}"

    def save(self) -> None:
        """Writes a backup of the model as it is now: its trained weights, and averages.

        If averages are in the weights for validation (see `AveragedWeights`), they are
        saved as averages.
        """
        averages = self.model.averages
        if averages is None:
            self._save()
            return
        with averages.away():
            self._save()

    def _save(self) -> None:
        self._last = step = self.model.step
        files.make_folder(self.folder)  # somebody may have removed it
        path = self._file(step)
        memory = files.Memory(path + WEIGHTS)
        self.model.save_weights(memory)
        means = runs.means_of(self.model)
        callbacks, arrays = remembered.of(self.watched)
        contents: dict[str, bytes | memoryview] = {
            WEIGHTS: memory.getbuffer(),
            ARRAYS: packed(arrays),
        }
        about = {
            "made_by": made_by(),
            "step": step,
            "began": self.model._run.began,
            "method": type(self.model).__name__,
            "steps_per_epoch": self.model._run.steps_per_epoch,
            "means": means,
            "rates": None
            if means is None
            else [self.model._run.rates_before, self.model._run.rates_begun],
            "callbacks": callbacks,
            "sha256": digest(contents[WEIGHTS]),
            "arrays_sha256": digest(contents[ARRAYS]) if arrays else None,
            "settings": settings_of(self.model),
            "variables": shapes_of(self.model),
        }
        about["checksum"] = checksum(about)
        contents[DESCRIPTION] = json.dumps(about).encode()
        told = path + DESCRIPTION
        if files.exists(told) and files.read(told) == contents[DESCRIPTION]:
            return  # training ends at a step that has its backup
        self._look_at_space(sum(len(one) for one in contents.values()))
        files.remove(told)  # a description never stands beside other weights
        try:
            for ending, content in contents.items():  # the description last
                if len(content):
                    files.write(path + ending, content)
        except BaseException:
            with contextlib.suppress(OSError, tf.errors.OpError):
                for ending in (WEIGHTS, ARRAYS):
                    files.remove(path + ending)
            raise
        self._remove_older(step)

    def _remove_older(self, written: int) -> None:
        """Keeps two backups. Weights without a description are of a killed run."""
        steps = {*steps_in(self.folder)[-2:], written}
        kept = {os.path.basename(self._file(one)) for one in steps}
        names = tf.io.gfile.listdir(self.folder)
        for ending in ENDINGS:  # the description first
            for name in names:
                if name.startswith("step-") and name.endswith(ending):
                    if name.removesuffix(ending) not in kept:
                        files.remove(f"{self.folder}/{name}")

    def _look_at_space(self, needed: int) -> None:
        """Raises if there is no room; writing would then fail half way."""
        if not files.is_local(self.folder):
            return
        needed += ROOM
        free = shutil.disk_usage(self.folder).free
        if free < needed:
            raise OSError(
                f"Expected {needed / 1e6:.0f} MB of free disk for a backup in "
                f"{self.folder}; received: {free / 1e6:.0f} MB. Backups that are there "
                "are kept: make room, then go on with keras_svae.callbacks.restore"
            )
