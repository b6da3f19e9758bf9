"""One call that trains a model, or goes on with its training."""

import os
from collections.abc import Callable

import keras
import tensorflow as tf

from keras_svae import files
from keras_svae.callbacks.backup import Backup
from keras_svae.callbacks.restoring import restore
from keras_svae.csv_files import read_rows, write_rows
from keras_svae.game.devices import workers
from keras_svae.telling import warn

__all__ = ["fit", "keep_rows"]


def fit(
    model,
    data: tf.data.Dataset | Callable[[int], tf.data.Dataset],
    *,
    epochs: int,
    backup: str | os.PathLike,
    every: int | None = None,
    steps_per_epoch: int | None = None,
    rates: str = "saved",
    callbacks: "list | keras.callbacks.Callback | None" = None,
    **given,
) -> keras.callbacks.History:
    """Trains a compiled model, from its last backup if there is one.

    The same call begins a run and goes on with it. A run that was killed, at any
    moment, ends with the same weights and logs as one that was not, bit for bit.

        ks.fit(model, ks.data.load("mnist"), epochs=20, backup="runs/svae/backup")

    Args:
        model: A compiled model, built and compiled as at the first time.
        data: What `ks.data.load` gave; another data set with a known number of batches,
            in the same order in each pass (no `shuffle`); or a function that gets a
            step and returns an endless data set that begins there.
        epochs: The epochs of the whole run.
        backup: The folder of `keras_svae.callbacks.Backup`. No other process may use it
            meanwhile.
        every: Steps between backups; None for once an epoch.
        steps_per_epoch: The steps of an epoch; None for the batches of the data set.
        rates: "saved" or "compiled", see `keras_svae.callbacks.restore`.
        callbacks: Further callbacks, before `Backup`. `keras.callbacks.CSVLogger` goes
            on with its file: each epoch is there once.
        **given: Further arguments of `fit`, e.g. `validation_data`.

    Returns:
        The history of the epochs that this call has trained. The interrupted epoch
        counts as one of them; its means are over all of its steps.

    Raises:
        ValueError: For data that cannot be started at any step, and as `restore`.
        TypeError: For data of another kind, or a folder that is no path.
        FileExistsError: If another process uses the folder.
        OSError: If the folder cannot be written.
    """
    if "initial_epoch" in given:
        raise ValueError(
            "Expected no initial_epoch: the backup says where to begin; received: "
            f"initial_epoch={given['initial_epoch']}"
        )
    stream, counted = _startable(data)
    steps = steps_per_epoch or counted
    if not steps:
        raise ValueError(
            "Expected steps_per_epoch=, as the number of batches is unknown; received: "
            "none"
        )
    # Keras takes one callback, and lists of lists, too.
    others = keras.tree.flatten([] if callbacks is None else callbacks)
    keeper = Backup(backup, every=every)
    keeper.hold(model)
    try:
        stood = model.step
        done = restore(model, keeper.folder, rates, steps_per_epoch=steps)
        if stood > model.step:
            warn(
                f"The model stood at step {stood}, later than the newest backup in "
                f"{keeper.folder}, of step {model.step}. Training goes on from the "
                "backup."
            )
        if keeper.newest() is None:
            _tell_of_steps_without_backup(model, keeper.folder)
        for one in others:
            if done and isinstance(one, keras.callbacks.CSVLogger):
                one.append = True
                # The first worker's logger may have opened the file already.
                if workers.is_first(model.distribute_strategy):
                    keep_rows(one.filename, done // steps, one.sep)
        return model.fit(
            stream(done),
            epochs=epochs,
            initial_epoch=done // steps,
            steps_per_epoch=steps,
            callbacks=[*others, keeper],
            **given,
        )
    finally:
        keeper.release()


def _tell_of_steps_without_backup(model, folder: str) -> None:
    """Warns where this object has steps of a run that ended before its first backup.

    They cannot be taken back, and would count as those of an earlier training.
    """
    place = os.path.abspath(folder) if files.is_local(folder) else folder
    begun = model._run.without_backup
    if begun is None or begun[0] != place:
        model._run.without_backup = place, model.step
    elif model.step > begun[1]:
        warn(
            f"The model has {model.step - begun[1]} steps of an earlier call, which "
            f"was interrupted before the first backup in {folder}. Training begins "
            "anew from these weights, so it ends with other ones than a run without "
            "the interruption. For the same ones, make and compile the model anew."
        )


def keep_rows(path: str | os.PathLike, epoch: int, separator: str = ",") -> None:
    """Takes rows out of a log that will be written again, and a last half row.

    Args:
        path: A CSV file whose first column is the epoch; it need not be there.
        epoch: The epoch where training begins.
        separator: What stands between cells.
    """
    if not files.exists(path):
        return
    rows = read_rows(path, separator, half=False)
    head = rows[0] if rows else []
    kept = [
        row
        for row in rows[1:]
        if row and not (row[0].isdigit() and int(row[0]) >= epoch)
    ]
    write_rows(path, [head, *kept][: len(rows)], separator)


def _startable(data) -> tuple[Callable[[int], tf.data.Dataset], int | None]:
    """The data as a function of the first step, and the batches of an epoch."""
    if callable(data) and not isinstance(data, tf.data.Dataset):
        return data, None
    if not isinstance(data, tf.data.Dataset):
        raise TypeError(
            "Expected a tf.data.Dataset, or a function that gives one from a step on; "
            f"received: {type(data).__name__}. For arrays: "
            "tf.data.Dataset.from_tensor_slices(x).batch(64)"
        )
    count = int(data.cardinality())
    if count == 0:
        raise ValueError("Expected data to train on; received: an empty data set")
    if count < 0:
        raise ValueError(
            "Expected a data set with a known number of batches, or a function that "
            "gets a step and returns an endless data set from there, e.g. lambda step: "
            "ks.data.load('mnist', start=step); received: a data set "
            f"{'without an end' if count == -1 else 'of unknown length'}"
        )
    starting_at = getattr(data, "starting_at", None)
    return starting_at or (lambda step: data.repeat().skip(step)), count
