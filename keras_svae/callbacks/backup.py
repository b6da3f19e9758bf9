"""Checkpoints from which a killed run continues as if nothing had happened."""

import contextlib
import json
import os
import shutil
import warnings

import keras
import tensorflow as tf

from keras_svae import files, untrusted
from keras_svae.callbacks.backup_files import (
    check_settings,
    check_shapes,
    checksum,
    digest,
    put_aside,
    settings_of,
    shapes_of,
    steps_in,
    whole,
)
from keras_svae.game import checks, resuming, workers
from keras_svae.game.configuration import made_by

__all__ = ["Backup", "restore"]

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
        FileExistsError: Before training starts, if another process uses the folder.
        ValueError: Before training starts, if the folder has backups of later steps
            than the model's. They belong to another run; this run would mix with it.
    """

    def __init__(self, folder: str | os.PathLike, every: int | None = None):
        super().__init__()
        if every is not None and every < 1:
            raise ValueError(f"Expected every >= 1; received: every={every}")
        self.folder = os.fspath(folder)
        self.every = every

    def hold(self, model) -> bool:
        """Keeps other processes out of the folder, until `release`.

        Returns:
            Whether this process writes: of several workers, the first one does.
        """
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
            for name in ("writing.weights.h5", "writing.json"):  # of older versions
                files.remove(f"{self.folder}/{name}")
        files.write(f"{self.folder}/.writable", b"")
        files.remove(f"{self.folder}/.writable")
        variables = [*self.model.variables]
        for optimizer in self.model.optimizers.values():
            variables += optimizer.variables
        sizes = (v.value.shape.num_elements() * v.value.dtype.size for v in variables)
        self._look_at_space(sum(sizes))
        self._last = step = self.model.step
        newest = self.newest()
        if newest is not None and steps_in(self.folder)[-1] > step:
            raise ValueError(
                "Expected a backup folder without later steps than the model's, step "
                f"{step}; received: {newest}. Go on from it with "
                "keras_svae.callbacks.restore(model, folder), or name another folder."
            )

    def on_train_batch_end(self, batch, logs=None):
        # `batch` counts from 0 in each epoch, so the model's own count is read only if
        # a backup may be due.
        if self.every is not None and self._writes:
            if self.model.step - self._last >= self.every:
                self.save()

    def on_epoch_end(self, epoch, logs=None):
        if self.every is None and self._writes:
            self.save()

    def on_train_end(self, logs=None):
        if self._writes:
            self.save()

    def release(self) -> None:
        """Lets other processes use the folder again. `fit` calls it when it ends."""
        files.unlock(self.folder)

    def newest(self) -> str | None:
        """The newest backup's file; None if there is none."""
        found = steps_in(self.folder)
        return f"{self.folder}/step-{found[-1]:09d}.weights.h5" if found else None

    def save(self) -> None:
        """Writes a backup of the model as it is now: its trained weights, and averages.

        If averages are in the weights for validation (see `AveragedWeights`), they are
        saved as averages.
        """
        averages = self.model.averages
        if averages is None:
            self._save()
            return
        with averages.away(self.model.trainable_variables):
            self._save()

    def _save(self) -> None:
        self._last = step = self.model.step
        files.make_folder(self.folder)  # somebody may have removed it
        weights = f"{self.folder}/step-{step:09d}.weights.h5"
        told = f"{self.folder}/step-{step:09d}.json"
        memory = files.Memory(weights)
        self.model.save_weights(memory)
        content = memory.getbuffer()
        about = {
            "made_by": made_by(),
            "step": step,
            "method": type(self.model).__name__,
            "steps_per_epoch": self.model._steps_per_epoch,
            "means": resuming.means_of(self.model),
            "sha256": digest(content),
            "settings": settings_of(self.model),
            "variables": shapes_of(self.model),
        }
        about["checksum"] = checksum(about)
        description = json.dumps(about).encode()
        if files.exists(told) and files.read(told) == description:
            return  # training ends at a step that has its backup
        self._look_at_space(len(content) + len(description))
        files.remove(told)  # a description never stands beside other weights
        try:
            files.write(weights, content)
            files.write(told, description)
        except BaseException:
            with contextlib.suppress(OSError, tf.errors.OpError):
                files.remove(weights)
            raise
        self._remove_older()

    def _remove_older(self) -> None:
        """Keeps two backups. Weights without a description are of a killed run."""
        kept = {f"step-{step:09d}.weights.h5" for step in steps_in(self.folder)[-2:]}
        for name in tf.io.gfile.listdir(self.folder):
            if name.startswith("step-") and name.endswith(".weights.h5"):
                if name not in kept:
                    path = f"{self.folder}/{name}"
                    files.remove(path.removesuffix(".weights.h5") + ".json")
                    files.remove(path)

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


def restore(model, folder: str | os.PathLike, rates: str = "saved") -> int:
    """Loads the newest backup of a folder into a compiled model.

    It checks a backup before it changes any weight. It renames a damaged backup to
    `damaged-step-...`, with a warning, and takes the older one.

    The state of the optimizers is the backup's, with their learning rates. All other
    settings are the model's and its optimizers'. A warning names each that differs.

    Args:
        model: A compiled model of the method and shapes that were saved.
        folder: What `Backup` wrote; may be empty or absent.
        rates: "saved" for the learning rates of the backup, which callbacks may have
            changed; "compiled" for those of `compile`, e.g. lower ones after a
            `Diverged`. A rate that is a schedule is always the compiled one.

    Returns:
        The step from which to continue; 0 if there is no backup.

    Raises:
        FileExistsError: If the folder is a file.
        ValueError: If the backup is of another method, other shapes or another class of
            optimizer, all backups are damaged, or workers find other backups; the model
            is then unchanged.
    """
    checks.choice("rates", rates, ("saved", "compiled"))
    folder = os.fspath(folder)
    if files.is_local(folder):
        untrusted.folder(folder)
    steps = steps_in(folder)
    strategy, same = model.distribute_strategy, f"the newest step in {folder}"
    if not steps:
        workers.check_same(strategy, 0, same)
        return 0
    if not model.compiled:
        raise ValueError(
            "Expected a compiled model, whose optimizers can be restored; received: "
            "restore() before compile()"
        )
    damaged = []
    while steps:
        newest = f"{folder}/step-{steps.pop():09d}.json"
        try:
            about, weights = whole(newest)
            break
        except ValueError as error:
            damaged.append((newest, str(error)))
    else:
        raise ValueError(
            "Expected a backup as it was written; received: the truncated or changed "
            f"files {', '.join(file for _, file in damaged)}, and no other backup. "
            "Remove the folder to begin anew"
        )
    workers.check_same(strategy, about["step"], same)
    method = type(model).__name__
    if about["method"] != method:
        raise ValueError(
            f"Expected a backup of {method}; received: one of {about['method']} in "
            f"{newest}"
        )
    check_shapes(model, about, newest)
    check_settings(model, about, newest)
    for path, file in damaged:
        warnings.warn(
            f"A truncated or changed file was put aside: {file}. Training goes on from "
            f"the older backup {newest}.",
            stacklevel=2,
        )
        if workers.is_first(strategy):
            put_aside(path)
    compiled = _rates(model)
    model.load_weights(files.Memory(newest.replace(".json", ".weights.h5"), weights))
    for name, rate in _rates(model).items():
        if rate != compiled[name] and rates == "compiled":
            model.optimizers[name].learning_rate = compiled[name]
        elif rate != compiled[name]:
            warnings.warn(
                f"The learning rate of {name!r} is {rate:g}, from the backup, not "
                f"{compiled[name]:g}, from compile(). To go on with the compiled rate: "
                "restore(..., rates='compiled').",
                stacklevel=2,
            )
    model._restored = about["step"], about.get("steps_per_epoch"), about.get("means")
    return about["step"]


def _rates(model) -> dict[str, float]:
    """Learning rates that are numbers, by optimizer."""
    return {
        name: float(tf.convert_to_tensor(one.learning_rate))
        for name, one in model.optimizers.items()
        if not isinstance(one.get_config()["learning_rate"], dict)
    }
