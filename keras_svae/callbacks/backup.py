"""Checkpoints from which a killed run continues as if nothing had happened."""

import contextlib
import json
import os
import pathlib
import shutil
import warnings

import keras
import tensorflow as tf

from keras_svae import untrusted
from keras_svae.callbacks.backup_files import (
    check_settings,
    check_shapes,
    checksum,
    put_aside,
    settings_of,
    shapes_of,
    whole,
)
from keras_svae.digest import digest
from keras_svae.game.configuration import made_by

__all__ = ["Backup", "restore"]

# Bytes that a file of weights may need beside its arrays.
ROOM = 2_000_000


def _replace(path: pathlib.Path, temporary: pathlib.Path) -> None:
    """Puts a finished file in place at once: a kill leaves the old or the new one."""
    with open(temporary, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(temporary, path)


class Backup(keras.callbacks.Callback):
    """Saves weights, all optimizers' state and the step, so that a run can continue.

    Unlike `keras.callbacks.BackupAndRestore` it knows the step within the epoch. It
    keeps the last two backups and writes each completely or not at all. The model's
    noise is stateless, and `keras_svae.data.load(start=step)` starts at any step. So a
    run that is killed and resumed ends with the same weights as an uninterrupted run,
    bit for bit:

        model.compile(...)
        step = ks.callbacks.restore(model, "backup")
        train = ks.data.load("mnist", start=step)
        model.fit(train, ..., callbacks=[ks.callbacks.Backup("backup")])

    Args:
        folder: Where to save; made if it is not there.
        every: Steps between backups; None for once an epoch. A backup is written at
            the end of training, too.

    Raises:
        OSError: Before training starts, if the folder cannot be written.
        ValueError: Before training starts, if the folder has backups of later steps
            than the model's. They belong to another run; this run would mix with it.
    """

    def __init__(self, folder: str | os.PathLike, every: int | None = None):
        super().__init__()
        if every is not None and every < 1:
            raise ValueError(f"Expected every >= 1; received: every={every}")
        self.folder = pathlib.Path(folder)
        self.every = every

    def on_train_begin(self, logs=None):
        untrusted.folder(self.folder).mkdir(parents=True, exist_ok=True)
        probe = self.folder / ".writable"
        probe.write_text("")
        probe.unlink()
        self._last = step = self.model.step
        newest = self.newest()
        if newest is not None and int(newest.name.split("-")[1].split(".")[0]) > step:
            raise ValueError(
                "Expected a backup folder without later steps than the model's, step "
                f"{step}; received: {newest}. Go on from it with "
                "keras_svae.callbacks.restore(model, folder), or name another folder."
            )

    def on_train_batch_end(self, batch, logs=None):
        # `batch` counts from 0 in each epoch, so the model's own count is read only if
        # a backup may be due.
        if self.every is not None and self.model.step - self._last >= self.every:
            self.save()

    def on_epoch_end(self, epoch, logs=None):
        if self.every is None:
            self.save()

    def on_train_end(self, logs=None):
        self.save()

    def newest(self) -> pathlib.Path | None:
        """The newest backup's file; None if there is none."""
        found = sorted(self.folder.glob("step-*.json"))
        return found[-1].with_suffix(".weights.h5") if found else None

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
        name = f"step-{step:09d}"
        weights = self.folder / f"{name}.weights.h5"
        with self._written("writing.weights.h5") as temporary:
            self._look_at_space()
            self.model.save_weights(temporary)
            about = {
                "made_by": made_by(),
                "step": step,
                "method": type(self.model).__name__,
                "steps_per_epoch": self.model._steps_per_epoch,
                "sha256": digest(temporary),
                "settings": settings_of(self.model),
                "variables": shapes_of(self.model),
            }
            _replace(weights, temporary)
        with self._written("writing.json") as temporary:
            about["checksum"] = checksum(about)
            temporary.write_text(json.dumps(about))
            _replace(self.folder / f"{name}.json", temporary)
        for old in sorted(self.folder.glob("step-*.json"))[:-2]:
            old.with_suffix(".weights.h5").unlink(missing_ok=True)
            old.unlink()

    @contextlib.contextmanager
    def _written(self, name: str):
        """A file that is put in place when it is complete; otherwise it is removed."""
        temporary = self.folder / name
        try:
            yield temporary
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise

    def _look_at_space(self) -> None:
        """Raises if there is no room: HDF5 ends the process on a full disk."""
        variables = [*self.model.variables]
        for optimizer in self.model.optimizers.values():
            variables += optimizer.variables
        needed = sum(tf.size(v).numpy() * v.value.dtype.size for v in variables)
        needed = int(1.1 * needed) + ROOM
        free = shutil.disk_usage(self.folder).free
        if free < needed:
            raise OSError(
                f"Expected {needed / 1e6:.0f} MB of free disk for a backup in "
                f"{self.folder}; received: {free / 1e6:.0f} MB. Backups that are there "
                "are kept: make room, then go on with keras_svae.callbacks.restore"
            )


def restore(model, folder: str | os.PathLike) -> int:
    """Loads the newest backup of a folder into a compiled model.

    It also loads the optimizers' state, with their learning rates. If such a rate
    differs from the compiled one, a warning says so. To continue with another rate, set
    `model.optimizer.learning_rate` after `restore`.

    Args:
        model: A compiled model of the method and shapes that were saved.
        folder: What `Backup` wrote; may be empty or absent.

    It checks a backup before it changes any weight. It renames a damaged backup to
    `damaged-step-...`, with a warning, and takes the older one.

    Returns:
        The step from which to continue; 0 if there is no backup.

    Raises:
        FileExistsError: If the folder is a file.
        ValueError: If the backup is of another method or other shapes, or all backups
            are damaged; the model is then unchanged.
    """
    found = sorted(untrusted.folder(folder).glob("step-*.json"))
    if not found:
        return 0
    if not model.compiled:
        raise ValueError(
            "Expected a compiled model, whose optimizers can be restored; received: "
            "restore() before compile()"
        )
    damaged = []
    while found:
        newest = found.pop()
        try:
            about = whole(newest)
            break
        except ValueError as error:
            damaged.append((newest, str(error)))
    else:
        raise ValueError(
            "Expected a backup as it was written; received: truncated or changed "
            f"{', '.join(file for _, file in damaged)}, and no other. Remove the "
            "folder to begin anew"
        )
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
        put_aside(path)
    compiled = _rates(model)
    model.load_weights(newest.with_suffix(".weights.h5"))
    for name, rate in _rates(model).items():
        if rate != compiled[name]:
            warnings.warn(
                f"The learning rate of {name!r} is the backup's, {rate:g}, not the "
                f"compiled {compiled[name]:g}. To go on with another one, set "
                f"model.{name}.learning_rate after restore().",
                stacklevel=2,
            )
    model._restored = about["step"], about.get("steps_per_epoch")
    return about["step"]


def _rates(model) -> dict[str, float]:
    """Learning rates that are numbers, by optimizer."""
    return {
        name: float(tf.convert_to_tensor(one.learning_rate))
        for name, one in model.optimizers.items()
        if not isinstance(one.get_config()["learning_rate"], dict)
    }
